//! O que todas as sessões de um servidor dividem. Só junta as partes; não decide nada.

pub mod despacho;
pub mod identidades;

use std::fmt;
use std::io;
use std::path::Path;

use crate::armazem::memoria::Memoria;
use crate::armazem::sqlite::Sqlite;
use crate::armazem::{Armazem, Historico};
use crate::aula::corrida::{Corrida, SoVersoesNovas};
use crate::base::admissao::Admissao;
use crate::base::contadores::Contadores;
use crate::base::sincronia::{Arc, Mutex};
use crate::config::Config;
use crate::monitor::Monitor;
use crate::rede::correio::Correio;
use crate::sala::Sala;
use crate::sala::registro::Guardado;
use crate::servico::identidades::Identidades;
use crate::tempo::relogio::Relogio;

/// As partes de um servidor que todas as suas sessões usam.
pub struct Servico {
    /// A configuração.
    pub config: Config,
    /// A sala, atrás da sua trava.
    pub monitor: Monitor,
    /// A corrida que se demonstra, se é este o modo.
    pub corrida: Option<Corrida>,
    /// O que as sessões deixam para sair depois.
    pub correio: Arc<Correio>,
    /// Onde se grava: o gravador, e depois dele a parada.
    pub armazem: Mutex<Box<dyn Armazem>>,
    /// Onde se lê a história.
    pub historico: Box<dyn Historico>,
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
    /// Um serviço com a sala vazia, que só vive na memória.
    ///
    /// Erros: o sistema não deu bytes aleatórios para as chaves.
    pub fn new(config: Config) -> io::Result<Self> {
        let relogio = Relogio::new();
        let memoria = Memoria::new(Guardado::vazio(Identidades::segredo_novo()?, relogio.inicio()));
        let sala = Sala::na_memoria(config.max_por_cliente, relogio.inicio());
        let corrida = config.corrida.map(Corrida::new);
        let mut servico = Self::com(
            config,
            sala,
            Identidades::new()?,
            Box::new(memoria.clone()),
            Box::new(memoria.clone()),
            relogio,
        );
        if let Some(corrida) = corrida {
            servico.corrida = Some(corrida);
            servico.armazem = Mutex::new(Box::new(SoVersoesNovas::new(memoria)));
        }
        Ok(servico)
    }

    /// Um serviço com a sala deste arquivo, e que nele se grava; com `novo`, ela começa vazia.
    ///
    /// Erros: o arquivo não abre (ver [`Causa`](crate::armazem::sqlite::Causa)); o sistema não deu bytes aleatórios.
    pub fn no_arquivo(config: Config, caminho: &Path, novo: bool) -> io::Result<Self> {
        let aberto = Sqlite::abrir(caminho, novo, Relogio::new().hora(), Identidades::segredo_novo()?);
        let (armazem, guardado) = aberto.map_err(io::Error::other)?;
        let historico = armazem.historico().map_err(io::Error::other)?;
        let relogio = Relogio::depois_de(guardado.gravado_em);
        Ok(Self::guardado(config, &guardado, Box::new(armazem), Box::new(historico), relogio))
    }

    /// Um serviço com a sala que o armazém guardou, e que nele se grava.
    pub fn guardado(
        config: Config,
        guardado: &Guardado,
        armazem: Box<dyn Armazem>,
        historico: Box<dyn Historico>,
        relogio: Relogio,
    ) -> Self {
        let sala = Sala::guardada(config.max_por_cliente, guardado, relogio.inicio());
        let identidades = Identidades::guardadas(&guardado.segredo, guardado.clientes);
        Self::com(config, sala, identidades, armazem, historico, relogio)
    }

    fn com(
        config: Config,
        sala: Sala,
        identidades: Identidades,
        armazem: Box<dyn Armazem>,
        historico: Box<dyn Historico>,
        relogio: Relogio,
    ) -> Self {
        let monitor = Monitor::new(sala);
        Self {
            correio: Arc::new(Correio::new(Arc::clone(monitor.campainha()))),
            monitor,
            corrida: None,
            armazem: Mutex::new(armazem),
            historico,
            identidades,
            admissao: Admissao::new(config.max_conexoes),
            contadores: Contadores::default(),
            relogio,
            config,
        }
    }
}

impl fmt::Debug for Servico {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servico").field("config", &self.config).finish_non_exhaustive()
    }
}
