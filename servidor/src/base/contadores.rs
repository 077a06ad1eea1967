//! O que o servidor conta de si para `ESTADO`: só soma, nunca decide nada.

use crate::base::sincronia::{AtomicU64, Ordering};

/// Um número que só cresce, somado por muitas threads.
#[derive(Debug, Default)]
pub struct Contador(AtomicU64);

impl Contador {
    /// Soma `quantos`.
    pub fn somar(&self, quantos: u64) {
        self.0.fetch_add(quantos, Ordering::Relaxed);
    }

    /// Quanto já se contou.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Os contadores do servidor.
#[derive(Debug, Default)]
pub struct Contadores {
    /// Pedidos atendidos, com sim ou com não.
    pub pedidos: Contador,
    /// Pedidos recusados.
    pub recusas: Contador,
    /// Conexões que não couberam.
    pub lotado: Contador,
    /// Lotes gravados.
    pub lotes: Contador,
    /// Novidades gravadas, em todos os lotes.
    pub gravadas: Contador,
}
