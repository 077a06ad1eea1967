//! O armazém na memória: para `--memoria`, para testes e para aulas. Nada sobrevive ao processo.
//!
//! Falha e espera quando se manda, para que se veja o que o servidor faz então. Não conhece arquivo nem relógio.

use std::collections::VecDeque;

use protocolo::{Assento, Fato, Versao};

use super::{Armazem, Falha, Historico};
use crate::base::sincronia::{Arc, Condvar, Mutex};
use crate::limites::HISTORICO_MEMORIA_MAX;
use crate::sala::registro::{Guardado, Registro};
use crate::tempo::momento::Momento;

/// O armazém. Um clone é outra alça do mesmo: uma grava, outra lê a história, outra manda falhar.
#[derive(Clone, Debug)]
pub struct Memoria(Arc<Dentro>);

#[derive(Debug)]
struct Dentro {
    estado: Mutex<Estado>,
    /// Um lote ficou preso, ou foi solto.
    mudou: Condvar,
}

#[derive(Debug)]
struct Estado {
    guardado: Guardado,
    /// Do mais velho ao mais novo.
    historia: VecDeque<(Assento, Fato<Momento>)>,
    gravados: Gravados,
    proximas: VecDeque<Falha>,
    sempre: Option<Falha>,
    preso: bool,
    ha_quem_espere: bool,
}

/// Quanto já se gravou: um lote com muitos registros é o que o servidor quer quando há muitos clientes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gravados {
    /// Lotes.
    pub lotes: u64,
    /// Registros, ao todo.
    pub registros: u64,
}

impl Memoria {
    /// Um armazém que já guarda isto, sem história.
    pub fn new(guardado: Guardado) -> Self {
        let estado = Estado {
            guardado,
            historia: VecDeque::new(),
            gravados: Gravados::default(),
            proximas: VecDeque::new(),
            sempre: None,
            preso: false,
            ha_quem_espere: false,
        };
        Self(Arc::new(Dentro { estado: Mutex::new(estado), mudou: Condvar::new() }))
    }

    /// O que está guardado agora: com ele se liga outro servidor.
    pub fn guardado(&self) -> Guardado {
        self.0.estado.lock().guardado.clone()
    }

    /// Quanto já se gravou.
    pub fn gravados(&self) -> Gravados {
        self.0.estado.lock().gravados
    }

    /// Os próximos `quantos` lotes falham assim.
    pub fn falhar_nos_proximos(&self, quantos: usize, falha: &Falha) {
        self.0.estado.lock().proximas.extend(std::iter::repeat_n(falha, quantos).cloned());
    }

    /// Todo lote falha assim, até [`Memoria::sarar`].
    pub fn falhar_ate_sarar(&self, falha: Falha) {
        self.0.estado.lock().sempre = Some(falha);
    }

    /// Já não falha.
    pub fn sarar(&self) {
        let mut estado = self.0.estado.lock();
        estado.proximas.clear();
        estado.sempre = None;
    }

    /// O lote que chegar espera até [`Memoria::soltar`].
    pub fn prender(&self) {
        self.0.estado.lock().preso = true;
    }

    /// Solta o lote preso.
    pub fn soltar(&self) {
        self.0.estado.lock().preso = false;
        self.0.mudou.notify_all();
    }

    /// Espera até que haja um lote preso.
    pub fn esperar_um_preso(&self) {
        let mut estado = self.0.estado.lock();
        while !estado.ha_quem_espere {
            self.0.mudou.wait(&mut estado);
        }
    }
}

impl Armazem for Memoria {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        let mut estado = self.0.estado.lock();
        while estado.preso {
            estado.ha_quem_espere = true;
            self.0.mudou.notify_all();
            self.0.mudou.wait(&mut estado);
        }
        estado.gravar(lote)
    }
}

impl Estado {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        self.ha_quem_espere = false;
        if let Some(falha) = self.proximas.pop_front().or_else(|| self.sempre.clone()) {
            return Err(falha);
        }
        for registro in lote {
            self.historia.extend(registro.fatos(&self.guardado));
            self.guardado.aplicar(registro);
        }
        let sobram = self.historia.len().saturating_sub(HISTORICO_MEMORIA_MAX);
        self.historia.drain(..sobram);
        self.gravados.lotes += 1;
        self.gravados.registros += lote.len() as u64;
        Ok(())
    }

    fn vida(&self, assento: Assento, ate: Versao, max: usize) -> Vec<Fato<Momento>> {
        let dele = self.historia.iter().rev().filter(|(qual, fato)| *qual == assento && fato.versao <= ate);
        dele.map(|(_, fato)| fato.clone()).take(max).collect()
    }
}

impl Historico for Memoria {
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato<Momento>>, Falha> {
        Ok(self.0.estado.lock().vida(assento, ate, max))
    }
}
