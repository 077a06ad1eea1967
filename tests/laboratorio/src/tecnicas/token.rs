//! O token: só quem o tem mexe na sala. Quem o quer entra no fim da fila; quem acaba o passa ao primeiro dela.
//!
//! É o token do servidor, sem a rede: cada um que espera dorme num lugar só seu, e só se acorda quem já é o dono.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::{Sala, SalaAberta};
use juiz::intervalos::Quem;

/// A sala aberta, e o token que dá direito a ela.
#[derive(Debug)]
pub struct Token {
    vez: Mutex<Vez>,
    /// Onde cada thread dorme.
    lugares: Vec<Condvar>,
    sala: SalaAberta,
}

/// De quem é a vez, e quem vem depois.
#[derive(Default, Debug)]
struct Vez {
    dono: Option<Quem>,
    fila: VecDeque<Quem>,
}

impl Token {
    /// Uma sala vazia para tantas threads.
    pub fn new(threads: usize) -> Self {
        Self {
            vez: Mutex::default(),
            lugares: (0..threads).map(|_| Condvar::new()).collect(),
            sala: SalaAberta::default(),
        }
    }

    fn solicitar(&self, quem: Quem) {
        let mut vez = self.vez.lock();
        if vez.dono.is_none() {
            vez.dono = Some(quem);
            return;
        }
        vez.fila.push_back(quem);
        while vez.dono != Some(quem) {
            self.lugares[quem.0].wait(&mut vez);
        }
    }

    fn liberar(&self) {
        let mut vez = self.vez.lock();
        let proximo = vez.fila.pop_front();
        vez.dono = proximo;
        drop(vez);
        if let Some(proximo) = proximo {
            self.lugares[proximo.0].notify_one();
        }
    }

    fn com_o_token<T>(&self, quem: Quem, o_que: impl FnOnce(&mut Sala) -> T) -> T {
        self.solicitar(quem);
        let resposta = self.sala.mudar(o_que);
        self.liberar();
        resposta
    }
}

impl Exclusao for Token {
    fn reservar(&self, quem: Quem, assentos: Assentos) -> bool {
        self.com_o_token(quem, |sala| sala.reservar(assentos))
    }

    fn devolver(&self, quem: Quem, assentos: Assentos) -> bool {
        self.com_o_token(quem, |sala| sala.devolver(assentos))
    }

    fn listar(&self, quem: Quem) -> Assentos {
        self.com_o_token(quem, |sala| sala.listar())
    }
}
