//! Uma thread que serve ao servidor inteiro, e não a um cliente: a dos prazos, a que grava, o carteiro.
//!
//! Só cuida de que ela comece, saiba que acabou e seja esperada; o que ela faz, e como se dispensa, lhe é entregue.

use std::io;

use log::error;

use crate::base::sincronia::{JoinHandle, criar_thread};

/// A thread; soltá-la a dispensa e espera por ela.
pub struct Auxiliar {
    nome: &'static str,
    dispensar: Box<dyn Fn(bool)>,
    thread: Option<JoinHandle<()>>,
}

impl Auxiliar {
    /// Começa a thread `nome`, que roda `corpo` até que `dispensar(true)` a faça acabar; num reinício, `dispensar(false)` diz antes que se
    /// volta a precisar dela.
    ///
    /// Erros: o sistema negou a thread.
    pub fn new(
        nome: &'static str,
        pilha_bytes: usize,
        dispensar: impl Fn(bool) + 'static,
        corpo: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        dispensar(false);
        let thread = criar_thread(nome.into(), pilha_bytes, corpo)?;
        Ok(Self { nome, dispensar: Box::new(dispensar), thread: Some(thread) })
    }
}

impl Drop for Auxiliar {
    fn drop(&mut self) {
        (self.dispensar)(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("defeito: a thread {} entrou em pânico", self.nome);
        }
    }
}
