//! Quem observa a sala, e os avisos que se compõem uma vez para todos os que sabem o mesmo.
//!
//! De cada observador se guarda só até que versão já se lhe contou, e isso está na saída dele. Quem percorre os observadores é o
//! carteiro; aqui não há thread, e ninguém escreve.

use std::collections::BTreeMap;

use protocolo::{ClientId, Versao};

use super::saida::escrever_eventos;
use crate::base::sincronia::{Arc, Mutex};
use crate::monitor::Monitor;
use crate::sala::Vista;

/// As conexões que observam a sala, e para onde vai o que se conta a cada uma.
#[derive(Debug)]
pub struct Observadores<D>(Mutex<BTreeMap<ClientId, Arc<D>>>);

impl<D> Default for Observadores<D> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<D> Observadores<D> {
    /// A conexão passa a observar.
    pub fn inscrever(&self, conexao: ClientId, destino: &Arc<D>) {
        self.0.lock().insert(conexao, Arc::clone(destino));
    }

    /// A conexão deixa de observar.
    pub fn esquecer(&self, conexao: ClientId) {
        self.0.lock().remove(&conexao);
    }

    /// Quantas conexões observam.
    pub fn quantos(&self) -> usize {
        self.0.lock().len()
    }

    /// Todas, numa cópia: quem entra ou sai não espera que alguém as percorra.
    pub fn todos(&self) -> Vec<Arc<D>> {
        self.0.lock().values().cloned().collect()
    }
}

/// Os avisos de uma volta: quem sabe o mesmo recebe o mesmo texto, composto uma vez só.
#[derive(Debug)]
pub struct Avisos<'a> {
    monitor: &'a Monitor,
    prontos: BTreeMap<Versao, (Versao, Arc<str>)>,
}

impl<'a> Avisos<'a> {
    /// Nenhum aviso pronto.
    pub const fn new(monitor: &'a Monitor) -> Self {
        Self { monitor, prontos: BTreeMap::new() }
    }

    /// O que contar a quem sabe até `contado`, e até onde ele saberá; `None` se já sabe tudo.
    pub fn depois_de(&mut self, contado: Versao) -> Option<(Versao, Arc<str>)> {
        let monitor = self.monitor;
        let (ate, texto) = self.prontos.entry(contado).or_insert_with(|| {
            let mut vista = Vista { contado, novidades: Vec::new() };
            monitor.mostrar(&mut vista);
            let mut texto = String::new();
            escrever_eventos(&mut texto, &vista.novidades);
            (vista.contado, texto.into())
        });
        (*ate > contado).then(|| (*ate, Arc::clone(texto)))
    }
}
