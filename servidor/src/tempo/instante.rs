//! Um instante: ordem e aritmética, sem relógio.
//!
//! Em nanossegundos, porque um prazo que acaba um milissegundo antes já acabou cedo.

use std::time::Duration;

use protocolo::Segundos;

/// Um instante, contado de quando o servidor começou. Só se compara e se soma; não sabe que horas são.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instante(u64);

impl Instante {
    /// O instante `ms` milissegundos depois do começo.
    pub const fn new(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// O instante que vem tanto depois do começo.
    pub fn depois_do_comeco(passou: Duration) -> Self {
        // 2^64 ns são quinhentos e oitenta anos.
        Self(u64::try_from(passou.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Quanto tempo passou de `antes` até aqui; zero se `antes` é depois.
    pub const fn desde(self, antes: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(antes.0))
    }

    /// O instante que vem depois de `prazo`.
    pub fn mais(self, prazo: Segundos) -> Self {
        self.somar(Duration::from_secs(prazo.get().into()))
    }

    /// O instante que vem tanto depois deste.
    pub fn somar(self, passou: Duration) -> Self {
        Self(self.0.saturating_add(Self::depois_do_comeco(passou).0))
    }
}

#[cfg(test)]
impl Instante {
    /// Anda no tempo, nos roteiros: `5s`, ou `5s-1` para o milissegundo anterior.
    pub fn passar(self, prazo: &str) -> Self {
        let (segundos, menos) = prazo.split_once('-').unwrap_or((prazo, "0"));
        let segundos: u64 = segundos.strip_suffix('s').unwrap().parse().unwrap();
        let menos: u64 = menos.parse().unwrap();
        self.somar(Duration::from_millis(1000 * segundos - menos))
    }
}
