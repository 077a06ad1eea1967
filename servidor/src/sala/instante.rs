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
        Self(self.0.saturating_add(1_000_000_000 * u64::from(prazo.get())))
    }
}
