//! O que passa de muitas threads para uma, tudo de uma vez.
//!
//! Não sabe o que guarda. Quem tira dorme na sua campainha, e não aqui.

use super::campainha::Campainha;
use super::sincronia::{Arc, Mutex};

/// Uma caixa que uma thread esvazia, e a campainha dela.
#[derive(Debug)]
pub struct Caixa<T> {
    coisas: Mutex<Vec<T>>,
    campainha: Arc<Campainha>,
}

impl<T> Caixa<T> {
    /// Uma caixa vazia; quem a esvazia dorme nesta campainha.
    pub const fn new(campainha: Arc<Campainha>) -> Self {
        Self { coisas: Mutex::new(Vec::new()), campainha }
    }

    /// Põe mais estas, depois das que lá estão, e acorda quem tira.
    pub fn por(&self, mut coisas: Vec<T>) {
        if !coisas.is_empty() {
            self.coisas.lock().append(&mut coisas);
            self.campainha.tocar_com_urgencia();
        }
    }

    /// Leva tudo.
    pub fn tirar(&self) -> Vec<T> {
        std::mem::take(&mut self.coisas.lock())
    }

    /// A campainha de quem tira.
    pub const fn campainha(&self) -> &Arc<Campainha> {
        &self.campainha
    }
}
