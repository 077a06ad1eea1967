//! O único leitor do relógio: o resto do servidor recebe o tempo por argumento.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocolo::limites::PRAZO_S_MAX;

use crate::tempo::instante::Instante;
use crate::tempo::momento::Momento;

/// Quanto antes de o servidor começar fica o instante zero: cabe o começo do mais longo dos prazos que o disco guardou.
const FOLGA: Duration = Duration::from_secs(PRAZO_S_MAX as u64);

/// O relógio do servidor: monotônico, não anda para trás quando alguém acerta a hora.
#[derive(Clone, Copy, Debug)]
pub struct Relogio {
    comeco: Instant,
    /// Que horas eram no instante zero.
    inicio: Momento,
}

impl Relogio {
    /// Um relógio que começa agora.
    pub fn new() -> Self {
        Self::depois_de(Momento(i64::MIN))
    }

    /// Um relógio que começa agora, mas não antes de `gravado`: se alguém atrasou o relógio de parede entre uma vez e outra,
    /// a história não anda para trás.
    #[expect(clippy::disallowed_methods, reason = "este é o módulo que lê o relógio")]
    pub fn depois_de(gravado: Momento) -> Self {
        let agora = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let agora = i64::try_from(agora).unwrap_or(i64::MAX).max(gravado.0);
        let folga = i64::try_from(FOLGA.as_millis()).unwrap_or(0);
        Self { comeco: Instant::now(), inicio: Momento(agora - folga) }
    }

    /// Que horas eram no instante zero; daí em diante a hora de parede é uma conta.
    pub const fn inicio(&self) -> Momento {
        self.inicio
    }

    /// A hora de parede de agora, por este relógio.
    pub fn hora(&self) -> Momento {
        let passou = (FOLGA + self.comeco.elapsed()).as_millis();
        Momento(self.inicio.0.saturating_add(i64::try_from(passou).unwrap_or(i64::MAX)))
    }

    /// Há quanto tempo o servidor começou.
    pub fn desde_o_inicio(&self) -> Duration {
        self.comeco.elapsed()
    }

    /// Agora.
    pub fn agora(&self) -> Instante {
        Instante::depois_do_comeco(FOLGA + self.comeco.elapsed())
    }
}

impl Default for Relogio {
    fn default() -> Self {
        Self::new()
    }
}
