//! Quem entrega: uma thread escreve as respostas que um lote segurava, enquanto quem grava já grava o lote seguinte.
//!
//! Com muitos clientes, escrever as respostas de um lote demora um terço do que demora gravá-lo. Não grava, não decide o que se
//! responde e não espera por cliente nenhum. A sua trava só guarda a caixa do que falta entregar; escreve-se com ela aberta.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::error;

use crate::base::gravacao::Gravacao;
use crate::base::sincronia::{Arc, Condvar, JoinHandle, Mutex, criar_thread};
use crate::limites::{ENTREGAS_POUCAS, PILHA_BYTES};
use crate::rede::entrega::Entrega;

/// A thread; soltá-la espera que ela entregue tudo.
#[derive(Debug)]
pub struct Entregador {
    gravacao: Arc<Gravacao>,
    caixa: Arc<Caixa<Arc<Entrega>>>,
    thread: Option<JoinHandle<()>>,
}

impl Entregador {
    /// Começa a thread.
    ///
    /// Erros: o sistema negou a thread.
    pub fn new(gravacao: &Arc<Gravacao>) -> io::Result<Self> {
        let caixa = Arc::new(Caixa::default());
        let (sua, dela) = (Arc::clone(&caixa), Arc::clone(gravacao));
        let thread = criar_thread("entregador".into(), PILHA_BYTES, move || {
            while let Some(deixadas) = sua.tirar() {
                entregar(&dela, &deixadas);
            }
        })?;
        Ok(Self { gravacao: Arc::clone(gravacao), caixa, thread: Some(thread) })
    }

    /// Escreve as respostas deixadas, cujo lote já se decidiu. Poucas se escrevem aqui mesmo.
    pub fn entregar(&self, deixadas: Vec<Arc<Entrega>>) {
        if deixadas.len() <= ENTREGAS_POUCAS {
            entregar(&self.gravacao, &deixadas);
        } else {
            self.caixa.por(deixadas);
        }
    }
}

impl Drop for Entregador {
    fn drop(&mut self) {
        self.caixa.fechar();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("defeito: a thread entregador entrou em pânico");
        }
    }
}

fn entregar(gravacao: &Gravacao, deixadas: &[Arc<Entrega>]) {
    for entrega in deixadas {
        // Um defeito numa resposta custa só a conexão dela.
        if catch_unwind(AssertUnwindSafe(|| entrega.sair(gravacao))).is_err() {
            entrega.cortar();
        }
    }
}

/// O que passa de uma thread para outra, tudo de uma vez.
#[derive(Debug)]
pub struct Caixa<T> {
    dentro: Mutex<Conteudo<T>>,
    /// Onde dorme quem tira, até que haja o que tirar.
    chegou: Condvar,
}

#[derive(Debug)]
struct Conteudo<T> {
    coisas: Vec<T>,
    fechada: bool,
}

impl<T> Default for Caixa<T> {
    fn default() -> Self {
        Self { dentro: Mutex::new(Conteudo { coisas: Vec::new(), fechada: false }), chegou: Condvar::new() }
    }
}

impl<T> Caixa<T> {
    /// Põe mais estas, depois das que lá estão.
    pub fn por(&self, mut coisas: Vec<T>) {
        self.dentro.lock().coisas.append(&mut coisas);
        self.chegou.notify_one();
    }

    /// Leva tudo, ou dorme até que haja algo; `None` se está vazia e não vem mais nada. Só uma thread tira.
    pub fn tirar(&self) -> Option<Vec<T>> {
        let mut dentro = self.dentro.lock();
        while dentro.coisas.is_empty() {
            if dentro.fechada {
                return None;
            }
            self.chegou.wait(&mut dentro);
        }
        Some(std::mem::take(&mut dentro.coisas))
    }

    /// Não vem mais nada.
    pub fn fechar(&self) {
        self.dentro.lock().fechada = true;
        self.chegou.notify_one();
    }
}
