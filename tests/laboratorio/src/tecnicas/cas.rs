//! Um mapa de bits sem trava nenhuma: copia, decide sobre a cópia e a publica com um compare-and-swap. Se outro publicou
//! antes, a cópia é velha, e recomeça-se.
//!
//! Cem bits não cabem num átomo de 64. Por isso o que se troca é qual rascunho vale: cada thread escreve num seu, e, ao
//! publicá-lo, fica com o que valia antes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use protocolo::Assentos;

use super::Exclusao;
use crate::sala::{Sala, SalaAberta};
use juiz::intervalos::Quem;

/// Quantos bits dizem qual rascunho; o resto é uma versão, que nunca se repete: sem ela, um rascunho que volta a valer
/// passaria pelo mesmo de antes (o problema ABA).
const BITS_DO_RASCUNHO: u32 = 16;

/// Os rascunhos, e qual deles é a sala.
#[derive(Debug)]
pub struct Cas {
    publicado: AtomicU64,
    rascunhos: Vec<SalaAberta>,
    /// O rascunho de cada thread; só ela o lê e o muda.
    meus: Vec<AtomicUsize>,
}

impl Cas {
    /// Uma sala vazia para tantas threads.
    pub fn new(threads: usize) -> Self {
        assert!(threads < 1 << BITS_DO_RASCUNHO, "{threads} threads não cabem");
        Self {
            publicado: AtomicU64::new(0),
            rascunhos: (0..=threads).map(|_| SalaAberta::default()).collect(),
            meus: (1..=threads).map(AtomicUsize::new).collect(),
        }
    }

    /// A sala, e o que estava publicado durante toda a leitura.
    fn ler(&self) -> (u64, Sala) {
        loop {
            let publicado = self.publicado.load(Ordering::Acquire);
            let sala = self.rascunhos[qual(publicado)].ler();
            // Se ainda vale, ninguém escreveu neste rascunho enquanto o líamos.
            if self.publicado.load(Ordering::Acquire) == publicado {
                return (publicado, sala);
            }
        }
    }

    fn mudar(&self, quem: Quem, o_que: impl Fn(&mut Sala) -> bool) -> bool {
        let meu = self.meus[quem.0].load(Ordering::Relaxed);
        loop {
            let (antes, lida) = self.ler();
            let mut copia = lida;
            let resposta = o_que(&mut copia);
            if copia == lida {
                return resposta;
            }
            self.rascunhos[meu].escrever(copia);
            let depois = ((antes >> BITS_DO_RASCUNHO) + 1) << BITS_DO_RASCUNHO | meu as u64;
            if self.publicado.compare_exchange(antes, depois, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.meus[quem.0].store(qual(antes), Ordering::Relaxed);
                return resposta;
            }
        }
    }
}

/// O rascunho que isto publica.
const fn qual(publicado: u64) -> usize {
    (publicado & ((1 << BITS_DO_RASCUNHO) - 1)) as usize
}

impl Exclusao for Cas {
    fn reservar(&self, quem: Quem, assentos: Assentos) -> bool {
        self.mudar(quem, |sala| sala.reservar(assentos))
    }

    fn devolver(&self, quem: Quem, assentos: Assentos) -> bool {
        self.mudar(quem, |sala| sala.devolver(assentos))
    }

    fn listar(&self, _: Quem) -> Assentos {
        self.ler().1.listar()
    }
}

#[cfg(test)]
mod tests;
