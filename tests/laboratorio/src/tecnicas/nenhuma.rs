//! Nenhuma exclusão. Não há comportamento indefinido, porque cada fileira é um átomo; há uma corrida lógica, que basta.

use std::thread;

use protocolo::Assentos;

use super::Exclusao;
use crate::sala::SalaAberta;
use juiz::intervalos::Quem;

/// A sala aberta, e ninguém à porta.
#[derive(Default, Debug)]
pub struct Nenhuma(SalaAberta);

impl Exclusao for Nenhuma {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut copia = self.0.ler();
        let reservou = copia.reservar(assentos);
        // A decisão está tomada sobre uma sala que, enquanto isto, já pode ser outra.
        thread::yield_now();
        if reservou {
            self.0.escrever(copia);
        }
        reservou
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut copia = self.0.ler();
        let estavam = copia.devolver(assentos);
        thread::yield_now();
        self.0.escrever(copia);
        estavam
    }

    fn listar(&self, _: Quem) -> Assentos {
        self.0.ler().listar()
    }
}
