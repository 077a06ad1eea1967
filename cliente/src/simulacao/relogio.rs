//! O único leitor do relógio do programa: um só, monotônico, dividido por todos os clientes simulados.
//!
//! É porque o relógio é um só que os instantes de clientes diferentes se podem comparar na prova.

use std::time::{Duration, Instant};

/// Um relógio que conta do começo da simulação.
#[derive(Clone, Copy, Debug)]
pub struct Relogio(Instant);

impl Relogio {
    /// Um relógio que começa agora.
    #[expect(clippy::disallowed_methods, reason = "este é o módulo que lê o relógio")]
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Há quanto tempo a simulação começou.
    pub fn agora(self) -> Duration {
        self.0.elapsed()
    }
}
