//! Por que o programa acaba antes da hora, e com que código.

use std::fmt;
use std::io;

use cliente::{Falha, SAIDA_USO};

/// Por que o programa acaba antes da hora.
#[derive(Debug)]
pub enum Erro {
    /// A linha de comando não se entende; o texto diz o quê.
    Uso(String),
    /// Não se conectou ao servidor.
    Conectar {
        /// O endereço tentado.
        servidor: String,
        /// Por que não.
        falha: Falha,
    },
    /// Não se chegou a observar a sala.
    Observar(Falha),
    /// A conversa com o servidor deu errado.
    Falha(Falha),
    /// Não se consegue ler a entrada.
    Entrada(io::Error),
    /// Não se consegue escrever na saída.
    Saida(io::Error),
    /// O sistema não deu uma thread ou um descritor.
    Sistema(io::Error),
}

impl Erro {
    /// Com que código o programa sai.
    pub const fn codigo_de_saida(&self) -> u8 {
        match self {
            Self::Conectar { falha, .. } | Self::Observar(falha) | Self::Falha(falha) => {
                falha.codigo_de_saida()
            }
            // A entrada e a saída são de quem chamou, tanto quanto a linha de comando.
            Self::Uso(_) | Self::Entrada(_) | Self::Saida(_) | Self::Sistema(_) => SAIDA_USO,
        }
    }

    /// Diz se quem lia a saída do programa foi embora.
    pub fn e_cano_quebrado(&self) -> bool {
        matches!(self, Self::Saida(erro) if erro.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Erro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uso(texto) => f.write_str(texto),
            Self::Conectar { servidor, falha } => write!(f, "{servidor}: {falha}"),
            Self::Observar(falha) => write!(f, "não consegui observar a sala: {falha}"),
            Self::Falha(falha) => falha.fmt(f),
            Self::Entrada(erro) => write!(f, "não consegui ler a entrada: {erro}"),
            Self::Saida(erro) => write!(f, "não consegui escrever a saída: {erro}"),
            Self::Sistema(erro) => write!(f, "o sistema não deu o que era preciso: {erro}"),
        }
    }
}

impl From<Falha> for Erro {
    fn from(falha: Falha) -> Self {
        Self::Falha(falha)
    }
}

impl From<io::Error> for Erro {
    /// Um erro de escrita na saída: os outros têm nome próprio.
    fn from(erro: io::Error) -> Self {
        Self::Saida(erro)
    }
}
