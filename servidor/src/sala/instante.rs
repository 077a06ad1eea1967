//! Um instante em milissegundos: ordem e aritmética, sem relógio.

use std::time::Duration;

use protocolo::Segundos;

/// Um instante, em milissegundos desde que o servidor começou. Só se compara e se soma; não sabe que horas são.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instante(u64);

impl Instante {
    /// O instante `ms` milissegundos depois do começo.
    pub const fn new(ms: u64) -> Self {
        Self(ms)
    }

    /// Quanto tempo passou de `antes` até aqui; zero se `antes` é depois.
    pub const fn desde(self, antes: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(antes.0))
    }

    /// O instante que vem depois de `prazo`.
    pub fn mais(self, prazo: Segundos) -> Self {
        Self(self.0.saturating_add(1000 * u64::from(prazo.get())))
    }
}
