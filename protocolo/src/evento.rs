//! As mudanças da sala que um observador recebe: as linhas `EVENTO`.

use std::fmt;
use std::str::FromStr;

use crate::assentos::Assentos;
use crate::identidade::{ClientId, Versao};
use crate::linha_final::{Final, RespostaInvalida};

/// O que aconteceu com os assentos.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mudanca {
    /// Agora são deste cliente, firmes.
    Reservado(ClientId),
    /// Agora estão segurados por este cliente.
    Segurado(ClientId),
    /// Agora estão livres.
    Livre,
}

/// Uma mudança da sala, como em `EVENTO 13 RESERVADO 3 7 9 cliente=5`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evento {
    /// A versão da sala depois da mudança.
    pub versao: Versao,
    /// Os assentos que mudaram.
    pub assentos: Assentos,
    /// O que são agora.
    pub mudanca: Mudanca,
}

impl Evento {
    /// Diz se a linha é um evento: entre duas respostas, é ela que pode vir.
    pub fn e_evento(linha: &str) -> bool {
        linha.starts_with("EVENTO ")
    }
}

impl fmt::Display for Evento {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { versao, assentos, mudanca } = self;
        match mudanca {
            Mudanca::Reservado(cliente) => {
                write!(f, "EVENTO {versao} RESERVADO {assentos} cliente={cliente}")
            }
            Mudanca::Segurado(cliente) => write!(f, "EVENTO {versao} SEGURADO {assentos} cliente={cliente}"),
            Mudanca::Livre => write!(f, "EVENTO {versao} LIVRE {assentos}"),
        }
    }
}

impl FromStr for Evento {
    type Err = RespostaInvalida;

    fn from_str(linha: &str) -> Result<Self, RespostaInvalida> {
        let mut palavras = Final::new(linha);
        palavras.exigir("EVENTO")?;
        let versao = Versao(palavras.numero()?);
        let palavra = palavras.palavra()?;
        let assentos = palavras.assentos();
        let mudanca = match palavra {
            "RESERVADO" => Mudanca::Reservado(palavras.cliente()?),
            "SEGURADO" => Mudanca::Segurado(palavras.cliente()?),
            "LIVRE" => Mudanca::Livre,
            _ => return Err(palavras.invalida()),
        };
        palavras.terminou()?;
        Ok(Self { versao, assentos, mudanca })
    }
}
