//! O armazém: onde a sala mora enquanto o servidor está desligado.
//!
//! É uma interface estreita: carregar tudo, gravar um lote e dizer quando ele está a salvo, e ler a vida de um assento.
//! Quem a usa não sabe se embaixo há um arquivo SQLite ([`sqlite`]), a memória ([`memoria`]) ou, um dia, um banco
//! repartido por vários servidores. Aqui não há relógio, SQL nem log: a hora entra por argumento, em cada registro.

pub mod memoria;
pub mod sqlite;

use std::fmt;

use protocolo::{Assento, Fato, Versao};

use crate::sala::registro::Registro;
use crate::tempo::momento::Momento;

/// Por que um lote não foi gravado, ou uma história não foi lida.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Falha {
    /// Por enquanto não dá (disco cheio, arquivo ocupado por outro programa): **nada** do lote ficou gravado, e tentar mais
    /// tarde pode dar certo.
    Indisponivel(String),
    /// Outro servidor está no comando agora: **nada** do lote ficou gravado, e este servidor deve parar.
    Destituido,
    /// O disco falhou ou o arquivo está danificado: **não se sabe** se o lote ficou gravado. O servidor deve parar.
    Fatal(String),
}

impl fmt::Display for Falha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Indisponivel(causa) => write!(f, "o armazém não atende por enquanto: {causa}"),
            Self::Destituido => f.write_str("outro servidor está no comando agora"),
            Self::Fatal(causa) => write!(f, "o armazém falhou: {causa}"),
        }
    }
}

impl std::error::Error for Falha {}

/// Onde se grava. Uma thread só o usa, um lote por vez.
pub trait Armazem: Send {
    /// Grava o lote inteiro, ou nada dele, na ordem dada. Quando devolve `Ok`, ele sobrevive a uma queda de energia.
    ///
    /// Erros: ver [`Falha`]. Depois de [`Falha::Fatal`] ou [`Falha::Destituido`] nenhum outro lote se grava.
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha>;

    /// O servidor para em ordem: o que está gravado passa a estar inteiro no lugar de onde alguém o possa levar. Ainda se pode gravar depois.
    ///
    /// Erros: o que se gravou continua a salvo, mas não num lugar só; a falha diz por quê.
    fn arrumar(&mut self) -> Result<(), Falha> {
        Ok(())
    }
}

/// Onde se lê a história, ao lado de quem grava e de qualquer thread.
pub trait Historico: Send + Sync {
    /// Os últimos `max` fatos da vida do assento até a versão `ate`, do mais novo ao mais velho.
    ///
    /// Erros: ver [`Falha`].
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato<Momento>>, Falha>;
}
