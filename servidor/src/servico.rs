//! O que todas as sessões de um servidor dividem. Só junta as partes; não decide nada.

use std::io;

use crate::admissao::Admissao;
use crate::config::Config;
use crate::contadores::Contadores;
use crate::difusao::Difusao;
use crate::identidades::Identidades;
use crate::monitor::Monitor;
use crate::relogio::Relogio;
use crate::sala::Sala;

/// As partes de um servidor que todas as suas sessões usam.
#[derive(Debug)]
pub struct Servico {
    /// A configuração.
    pub config: Config,
    /// A sala, atrás da sua trava.
    pub monitor: Monitor,
    /// Quem observa a sala.
    pub difusao: Difusao,
    /// Números e chaves.
    pub identidades: Identidades,
    /// Quantas conexões cabem.
    pub admissao: Admissao,
    /// O que se conta.
    pub contadores: Contadores,
    /// O relógio.
    pub relogio: Relogio,
}

impl Servico {
    /// Um serviço com a sala vazia.
    ///
    /// Erros: o sistema não deu bytes aleatórios para as chaves.
    pub fn new(config: Config) -> io::Result<Self> {
        Ok(Self {
            monitor: Monitor::new(Sala::new(config.max_por_cliente)),
            difusao: Difusao::default(),
            identidades: Identidades::new()?,
            admissao: Admissao::new(config.max_conexoes),
            contadores: Contadores::default(),
            relogio: Relogio::new(),
            config,
        })
    }
}
