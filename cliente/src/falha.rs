//! Por que uma chamada não deu certo, e o código com que um programa sai por isso.
//!
//! Só descreve: não imprime, não tenta de novo e não decide o que fazer.

use std::fmt;
use std::io::{self, ErrorKind};

use protocolo::{Error, Recusa, RespostaInvalida};

/// Código de saída de um programa a quem o servidor recusou alguma coisa.
pub const SAIDA_RECUSADO: u8 = 1;
/// Código de saída de um programa chamado de um jeito que ele não entende.
pub const SAIDA_USO: u8 = 2;
/// Código de saída de um programa que não conectou ou perdeu a conexão.
pub const SAIDA_SEM_CONEXAO: u8 = 3;

/// Por que uma chamada não deu certo.
#[derive(Debug)]
pub enum Falha {
    /// Não se chegou a conectar.
    SemConexao(io::Error),
    /// A conexão acabou antes da resposta; `None` quando o servidor a fechou sem mais.
    Perdida(Option<io::Error>),
    /// A resposta não veio dentro do prazo de leitura. A conexão continua, e pode-se chamar de novo.
    Demora,
    /// O servidor respondeu que não.
    Recusa(Recusa),
    /// O que veio não é uma resposta deste protocolo, ou não é a que se esperava.
    RespostaInvalida(RespostaInvalida),
}

impl Falha {
    /// Com que código um programa sai por causa desta falha.
    ///
    /// Uma recusa com que o servidor se despede (cheio, parando, calado demais) conta como conexão perdida: quem
    /// chamou deve tentar mais tarde, e não pedir outra coisa.
    pub const fn codigo_de_saida(&self) -> u8 {
        match self {
            Self::Recusa(recusa) if !despede(&recusa.erro) => SAIDA_RECUSADO,
            _ => SAIDA_SEM_CONEXAO,
        }
    }
}

/// Diz se o servidor fecha a conexão depois desta recusa, qualquer que tenha sido o pedido.
const fn despede(erro: &Error) -> bool {
    matches!(erro, Error::Lotado { .. } | Error::Inativo | Error::Encerrando)
}

impl fmt::Display for Falha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SemConexao(erro) => write!(f, "não consegui conectar: {}", motivo(erro)),
            Self::Perdida(None) => f.write_str("o servidor fechou a conexão"),
            Self::Perdida(Some(erro)) => write!(f, "a conexão caiu: {}", motivo(erro)),
            Self::Demora => f.write_str("o servidor não respondeu a tempo"),
            Self::Recusa(recusa) => write!(f, "recusado: {}", recusa.texto),
            Self::RespostaInvalida(invalida) => invalida.fmt(f),
        }
    }
}

/// O erro do sistema dito em português; o que não se conhece vai como o sistema diz.
fn motivo(erro: &io::Error) -> String {
    let conhecido = match erro.kind() {
        ErrorKind::ConnectionRefused => "ninguém atende nesse endereço; o servidor está ligado?",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "o servidor a cortou"
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "ninguém respondeu a tempo",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "não há caminho até esse endereço",
        ErrorKind::NotFound => "não conheço esse endereço",
        ErrorKind::PermissionDenied => "o sistema não deixou",
        _ => return erro.to_string(),
    };
    conhecido.to_owned()
}

impl std::error::Error for Falha {}

impl From<io::Error> for Falha {
    /// Um erro no meio da conversa.
    fn from(erro: io::Error) -> Self {
        match erro.kind() {
            // No Unix, o prazo de leitura que vence chega como `WouldBlock`; no Windows, como `TimedOut`.
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Demora,
            _ => Self::Perdida(Some(erro)),
        }
    }
}

impl From<RespostaInvalida> for Falha {
    fn from(invalida: RespostaInvalida) -> Self {
        Self::RespostaInvalida(invalida)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_falha_tem_o_seu_codigo() {
        let recusa = |erro: Error| Falha::Recusa(erro.into()).codigo_de_saida();
        assert_eq!(recusa(Error::Sintaxe), SAIDA_RECUSADO);
        assert_eq!(recusa(Error::Protocolo), SAIDA_RECUSADO);
        assert_eq!(recusa(Error::Lotado { max: 1 }), SAIDA_SEM_CONEXAO);
        assert_eq!(recusa(Error::Encerrando), SAIDA_SEM_CONEXAO);
        assert_eq!(Falha::Perdida(None).codigo_de_saida(), SAIDA_SEM_CONEXAO);
        assert_eq!(Falha::Demora.codigo_de_saida(), SAIDA_SEM_CONEXAO);
    }
}
