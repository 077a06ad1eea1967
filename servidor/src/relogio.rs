//! O único leitor do relógio: o resto do servidor recebe o tempo por argumento.

use std::time::{Duration, Instant};

/// Um instante, em milissegundos desde que o servidor começou. Só se compara e se subtrai; não sabe que horas são.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instante(u64);

impl Instante {
    /// Quanto tempo passou de `antes` até aqui; zero se `antes` é depois.
    pub const fn desde(self, antes: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(antes.0))
    }
}

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
        // 2^64 ms são quinhentos milhões de anos.
        Instante(u64::try_from(self.inicio.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl Default for Relogio {
    fn default() -> Self {
        Self::new()
    }
}
