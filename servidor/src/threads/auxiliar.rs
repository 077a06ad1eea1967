//! Uma thread que serve ao servidor inteiro, e não a um cliente: a dos prazos, a que grava, o carteiro.
//!
//! Só cuida de que ela comece, saiba que acabou e seja esperada; o que ela faz, e como se dispensa, lhe é entregue.

use std::io;

use log::error;

use crate::base::sincronia::{JoinHandle, criar_thread};

/// A thread; soltá-la a dispensa e espera por ela.
pub struct Auxiliar {
    nome: &'static str,
    dispensar: Box<dyn Fn()>,
    thread: Option<JoinHandle<()>>,
}

impl Auxiliar {
    /// Começa a thread `nome`, que roda `corpo` até que `dispensar` a faça acabar.
    ///
    /// Erros: o sistema negou a thread.
    pub fn new(
        nome: &'static str,
        pilha_bytes: usize,
        dispensar: impl Fn() + 'static,
        corpo: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let thread = criar_thread(nome.into(), pilha_bytes, corpo)?;
        Ok(Self { nome, dispensar: Box::new(dispensar), thread: Some(thread) })
    }
}

impl Drop for Auxiliar {
    fn drop(&mut self) {
        (self.dispensar)();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("defeito: a thread {} entrou em pânico", self.nome);
        }
    }
}
