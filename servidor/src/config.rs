//! O que as opções da linha de comando podem mudar no servidor, com os valores de quando ninguém diz nada.

use std::time::Duration;

use protocolo::limites::ASSENTOS_MAX;

use crate::limites::{CONEXOES_PADRAO, INATIVIDADE_S_PADRAO, LINHA_PRAZO_MS};

/// A configuração de um servidor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Quantas conexões cabem.
    pub max_conexoes: usize,
    /// Quantos assentos cada cliente pode ter.
    pub max_por_cliente: u32,
    /// Quanto uma conexão pode ficar calada; `None`: para sempre.
    pub inatividade: Option<Duration>,
    /// Quanto uma linha pode demorar do primeiro byte ao fim. Não é uma opção: só os testes a mudam.
    pub linha_prazo: Duration,
    /// A pausa da corrida que se demonstra; `None`: o servidor certo. Só corre a sala de [`Servico::new`](crate::Servico::new),
    /// que vive na memória.
    pub corrida: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_conexoes: CONEXOES_PADRAO,
            max_por_cliente: u32::from(ASSENTOS_MAX),
            inatividade: Some(Duration::from_secs(INATIVIDADE_S_PADRAO)),
            linha_prazo: Duration::from_millis(LINHA_PRAZO_MS),
            corrida: None,
        }
    }
}
