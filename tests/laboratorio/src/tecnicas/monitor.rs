//! Um monitor: o estado, um mutex que se fecha para olhá-lo, e variáveis de condição em que se dorme até ele mudar.
//!
//! As condições são as dos leitores e escritores; quem espera para escrever passa à frente de quem chega para ler.

use parking_lot::{Condvar, Mutex};
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::{Sala, SalaAberta};
use juiz::intervalos::Quem;

/// A sala aberta, e um monitor à porta.
#[derive(Default, Debug)]
pub struct Monitor {
    porta: Mutex<Porta>,
    pode_ler: Condvar,
    pode_escrever: Condvar,
    sala: SalaAberta,
}

/// Quem está lá dentro, e quem espera para escrever.
#[derive(Default, Debug)]
struct Porta {
    lendo: usize,
    escrevendo: bool,
    querem_escrever: usize,
}

impl Monitor {
    fn escrever(&self, o_que: impl FnOnce(&mut Sala) -> bool) -> bool {
        let mut porta = self.porta.lock();
        porta.querem_escrever += 1;
        while porta.escrevendo || porta.lendo > 0 {
            self.pode_escrever.wait(&mut porta);
        }
        porta.querem_escrever -= 1;
        porta.escrevendo = true;
        drop(porta);

        let resposta = self.sala.mudar(o_que);

        let mut porta = self.porta.lock();
        porta.escrevendo = false;
        let ha_escritor = porta.querem_escrever > 0;
        drop(porta);
        if ha_escritor {
            self.pode_escrever.notify_one();
        } else {
            self.pode_ler.notify_all();
        }
        resposta
    }
}

impl Exclusao for Monitor {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        self.escrever(|sala| sala.reservar(assentos))
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        self.escrever(|sala| sala.devolver(assentos))
    }

    fn listar(&self, _: Quem) -> Assentos {
        let mut porta = self.porta.lock();
        while porta.escrevendo || porta.querem_escrever > 0 {
            self.pode_ler.wait(&mut porta);
        }
        porta.lendo += 1;
        drop(porta);

        let ocupados = self.sala.ler().listar();

        let mut porta = self.porta.lock();
        porta.lendo -= 1;
        let ultimo = porta.lendo == 0;
        drop(porta);
        if ultimo {
            self.pode_escrever.notify_one();
        }
        ocupados
    }
}
