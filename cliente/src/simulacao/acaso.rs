//! O acaso que se repete: a mesma semente dá a mesma sequência.
//!
//! Não serve para segredos. Fonte: G. Steele, D. Lea e C. Flood, "Fast splittable pseudorandom number generators"
//! (2014), onde o gerador se chama SplitMix64.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Uma sequência pseudoaleatória.
#[derive(Clone, Debug)]
pub struct Acaso(u64);

impl Acaso {
    /// A sequência do cliente `numero` na simulação desta semente.
    pub const fn new(semente: u64, numero: u16) -> Self {
        // Misturada uma vez, a semente 1 do cliente 2 não é a semente 2 do cliente 1.
        Self(misturar(semente).wrapping_add(numero as u64))
    }

    /// Uma duração entre estes milissegundos, de microssegundo em microssegundo.
    pub fn entre_ms(&mut self, faixa: RangeInclusive<u64>) -> Duration {
        let (menor, maior) = (faixa.start() * 1000, faixa.end() * 1000);
        Duration::from_micros(menor + self.proximo() % (maior - menor + 1))
    }

    fn proximo(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        misturar(self.0)
    }
}

const fn misturar(semente: u64) -> u64 {
    let mut z = semente;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uma semente que ninguém escolheu, curta o bastante para se digitar de novo.
pub fn sortear_semente() -> u64 {
    // A biblioteca padrão sorteia as chaves das suas tabelas a cada processo.
    RandomState::new().build_hasher().finish() % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesma_semente_repete_e_outra_nao() {
        let dez = |semente, numero| {
            let mut acaso = Acaso::new(semente, numero);
            (0..10).map(|_| acaso.entre_ms(0..=50)).collect::<Vec<_>>()
        };
        assert_eq!(dez(42, 1), dez(42, 1));
        assert_ne!(dez(42, 1), dez(42, 2));
        assert_ne!(dez(42, 1), dez(43, 1));
        assert_ne!(dez(1, 2), dez(2, 1));
    }

    #[test]
    fn fica_dentro_da_faixa_e_a_percorre() {
        let mut acaso = Acaso::new(7, 1);
        let todas: Vec<_> = (0..10_000).map(|_| acaso.entre_ms(1..=3)).collect();
        let (menor, maior) = (todas.iter().min().unwrap(), todas.iter().max().unwrap());
        assert!((Duration::from_millis(1)..Duration::from_micros(1100)).contains(menor), "{menor:?}");
        assert!((Duration::from_micros(2900)..=Duration::from_millis(3)).contains(maior), "{maior:?}");
        assert_eq!(acaso.entre_ms(5..=5), Duration::from_millis(5));
    }
}
