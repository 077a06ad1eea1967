//! Esperar por uma condição, com prazo. O único lugar do arnês que lê o relógio.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Quanto um teste espera por uma condição antes de desistir: folga para uma máquina ocupada, não uma medida.
pub const PRAZO: Duration = Duration::from_secs(10);
/// De quanto em quanto tempo a condição é olhada.
const PASSO: Duration = Duration::from_millis(5);

/// Um cronômetro.
#[derive(Clone, Copy, Debug)]
pub struct Cronometro(Instant);

impl Cronometro {
    /// Começa a contar.
    #[expect(clippy::disallowed_methods, reason = "o prazo de uma espera precisa de um relógio")]
    pub fn comecar() -> Self {
        Self(Instant::now())
    }

    /// Quanto passou.
    pub fn passou(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Espera até que `condicao` valha; entra em pânico, dizendo `o_que`, se ela não vale dentro de [`PRAZO`].
#[track_caller]
pub fn esperar(o_que: &str, condicao: impl FnMut() -> bool) {
    assert!(esperar_por(PRAZO, condicao), "em {PRAZO:?} não aconteceu: {o_que}");
}

/// Espera até que `condicao` valha ou o prazo vença; diz se valeu.
pub fn esperar_por(prazo: Duration, mut condicao: impl FnMut() -> bool) -> bool {
    let cronometro = Cronometro::comecar();
    loop {
        if condicao() {
            return true;
        }
        if cronometro.passou() > prazo {
            return false;
        }
        compasso(PASSO);
    }
}

/// Deixa passar um compasso entre um olhar e o seguinte, ou entre um byte e o seguinte de um cliente lento.
///
/// Não serve para esperar que algo aconteça: para isso, [`esperar`].
pub fn compasso(quanto: Duration) {
    let (guarda, ninguem) = mpsc::channel::<()>();
    assert_eq!(ninguem.recv_timeout(quanto), Err(RecvTimeoutError::Timeout), "ninguém envia neste canal");
    drop(guarda);
}
