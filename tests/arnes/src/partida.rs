//! Os modos de ir embora: o servidor tem de dar pela falta de quem se foi, seja como for.

use std::time::Duration;

use crate::terminal::Terminal;

/// Quanto quem espera pode demorar a ser esquecido depois de ir embora.
pub const ESQUECIDO: Duration = Duration::from_secs(1);

/// Quem se foi esperando ouve, se ouve, que a espera acabou (uma linha com este começo), e mais nada.
#[track_caller]
pub fn espera_acabou(quem: Option<Terminal>, comeco: &str) {
    if let Some(mut quem) = quem {
        let fim = quem.ler_linha();
        assert!(fim.starts_with(comeco), "{fim}");
        quem.espera_fim();
    }
}

/// Um modo de ir embora.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modo {
    /// Fecha a conexão.
    Fecha,
    /// Fecha só o seu lado, e ainda ouve.
    FechaMetade,
    /// Cai, com um RST.
    Cai,
}

/// Todos os modos.
pub const MODOS: [Modo; 3] = [Modo::Fecha, Modo::FechaMetade, Modo::Cai];

impl Modo {
    /// Vai embora; devolve quem ainda ouve.
    #[track_caller]
    pub fn ir(self, terminal: Terminal) -> Option<Terminal> {
        match self {
            Self::Fecha => drop(terminal),
            Self::Cai => terminal.cair(),
            Self::FechaMetade => {
                terminal.fechar_escrita();
                return Some(terminal);
            }
        }
        None
    }
}
