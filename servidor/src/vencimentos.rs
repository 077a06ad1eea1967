//! A thread que faz vencer os prazos: dorme até o próximo, e é acordada quando um anterior a ele aparece.
//!
//! Não há ronda: sem prazos por vencer, ela não acorda nunca. Não decide nada; quem sabe o que vence é a sala.

use std::io;

use log::error;
use protocolo::limites::PILHA_BYTES;

use crate::narracao;
use crate::servico::Servico;
use crate::sincronia::{Arc, JoinHandle, criar_thread};

/// A thread dos prazos de um servidor; soltá-la a dispensa e espera por ela.
#[derive(Debug)]
pub struct Vigia {
    servico: Arc<Servico>,
    thread: Option<JoinHandle<()>>,
}

impl Vigia {
    /// Começa a cuidar dos prazos do serviço.
    ///
    /// Erros: o sistema negou a thread.
    pub fn new(servico: &Arc<Servico>) -> io::Result<Self> {
        servico.monitor.dispensar_vigia(false);
        let seu = Arc::clone(servico);
        let thread = criar_thread("vencimentos".into(), PILHA_BYTES, move || vigiar(&seu))?;
        Ok(Self { servico: Arc::clone(servico), thread: Some(thread) })
    }
}

impl Drop for Vigia {
    fn drop(&mut self) {
        self.servico.monitor.dispensar_vigia(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("defeito: a thread dos prazos entrou em pânico");
        }
    }
}

fn vigiar(servico: &Servico) {
    loop {
        let agora = servico.relogio.agora();
        servico.monitor.vencer(agora).into_iter().for_each(narracao::venceu);
        if !servico.monitor.dormir_ate_vencer(agora) {
            return;
        }
    }
}
