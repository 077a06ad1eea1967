//! O único leitor do relógio: o resto do servidor recebe o tempo por argumento.

use std::time::{Duration, Instant};

use crate::sala::instante::Instante;

/// O relógio do servidor: monotônico, não anda para trás quando alguém acerta a hora.
#[derive(Clone, Copy, Debug)]
pub struct Relogio {
    inicio: Instant,
}

impl Relogio {
    /// Um relógio que começa agora.
    #[expect(clippy::disallowed_methods, reason = "este é o módulo que lê o relógio")]
    pub fn new() -> Self {
        Self { inicio: Instant::now() }
    }

    /// Há quanto tempo o servidor começou.
    pub fn desde_o_inicio(&self) -> Duration {
        self.inicio.elapsed()
    }

    /// Agora.
    pub fn agora(&self) -> Instante {
        Instante::depois_do_comeco(self.inicio.elapsed())
    }
}

impl Default for Relogio {
    fn default() -> Self {
        Self::new()
    }
}
