//! Uma thread que serve ao servidor inteiro, e não a um cliente: a dos prazos, a da difusão, a que grava.
//!
//! Só cuida de que ela comece, saiba que acabou e seja esperada; o que ela faz é de cada módulo.

use std::io;

use log::error;

use crate::base::sincronia::{Arc, JoinHandle, criar_thread};
use crate::monitor::Monitor;
use crate::servico::Servico;

/// A thread; soltá-la a dispensa e espera por ela.
pub struct Auxiliar {
    servico: Arc<Servico>,
    nome: &'static str,
    dispensar: fn(&Monitor, bool),
    thread: Option<JoinHandle<()>>,
}

impl Auxiliar {
    /// Começa a thread `nome`, que roda `corpo` até ser dispensada.
    ///
    /// Erros: o sistema negou a thread.
    pub fn new(
        servico: &Arc<Servico>,
        nome: &'static str,
        pilha_bytes: usize,
        dispensar: fn(&Monitor, bool),
        corpo: impl FnOnce(&Servico) + Send + 'static,
    ) -> io::Result<Self> {
        dispensar(&servico.monitor, false);
        let seu = Arc::clone(servico);
        let thread = criar_thread(nome.into(), pilha_bytes, move || corpo(&seu))?;
        Ok(Self { servico: Arc::clone(servico), nome, dispensar, thread: Some(thread) })
    }
}

impl Drop for Auxiliar {
    fn drop(&mut self) {
        (self.dispensar)(&self.servico.monitor, true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("defeito: a thread {} entrou em pânico", self.nome);
        }
    }
}
