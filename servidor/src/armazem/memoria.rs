//! O armazém na memória: para `--memoria` e para aulas. Nada sobrevive ao processo. Não conhece arquivo nem relógio.

use std::collections::VecDeque;

use protocolo::{Assento, Fato, Versao};

use super::{Armazem, Falha, Historico};
use crate::base::sincronia::{Arc, Mutex};
use crate::limites::HISTORICO_MEMORIA_MAX;
use crate::sala::registro::{Guardado, Registro};
use crate::tempo::momento::Momento;

/// O armazém. Um clone é outra alça do mesmo: uma grava, outra lê a história.
#[derive(Clone, Debug)]
pub struct Memoria(Arc<Mutex<Estado>>);

#[derive(Debug)]
struct Estado {
    guardado: Guardado,
    /// Do mais velho ao mais novo.
    historia: VecDeque<(Assento, Fato<Momento>)>,
}

impl Memoria {
    /// Um armazém que já guarda isto, sem história.
    pub fn new(guardado: Guardado) -> Self {
        Self(Arc::new(Mutex::new(Estado { guardado, historia: VecDeque::new() })))
    }
}

impl Estado {
    fn gravar(&mut self, lote: &[Registro]) {
        for registro in lote {
            self.historia.extend(registro.fatos(&self.guardado));
            self.guardado.aplicar(registro);
        }
        let sobram = self.historia.len().saturating_sub(HISTORICO_MEMORIA_MAX);
        self.historia.drain(..sobram);
    }

    fn vida(&self, assento: Assento, ate: Versao, max: usize) -> Vec<Fato<Momento>> {
        let dele = self.historia.iter().rev().filter(|(qual, fato)| *qual == assento && fato.versao <= ate);
        dele.map(|(_, fato)| fato.clone()).take(max).collect()
    }
}

impl Armazem for Memoria {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        self.0.lock().gravar(lote);
        Ok(())
    }
}

impl Historico for Memoria {
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato<Momento>>, Falha> {
        Ok(self.0.lock().vida(assento, ate, max))
    }
}
