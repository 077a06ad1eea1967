//! Números sorteados para os testes: a mesma semente dá os mesmos números.

use std::hash::{BuildHasher, RandomState};

/// Um gerador de números pseudoaleatórios. Não serve para segredos.
///
/// Fonte: G. Steele, D. Lea e C. Flood, "Fast splittable pseudorandom number generators" (2014), o SplitMix64.
#[derive(Clone, Debug)]
pub struct Sorteio(u64);

impl Sorteio {
    /// Um sorteio com esta semente.
    pub const fn com(semente: u64) -> Self {
        Self(semente)
    }

    /// Um sorteio com a semente de `RESERVA_SEMENTE`, ou com uma nova; mostra qual, para que a falha se repita.
    #[expect(clippy::print_stdout, reason = "a semente só aparece se o teste falha")]
    pub fn novo(teste: &str) -> Self {
        let dita = std::env::var("RESERVA_SEMENTE").ok();
        let semente = dita.map_or_else(
            || RandomState::new().hash_one(teste),
            |dita| dita.parse().expect("RESERVA_SEMENTE é um número"),
        );
        println!("{teste}: para repetir, RESERVA_SEMENTE={semente}");
        Self(semente)
    }

    /// O próximo número.
    pub const fn proximo(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Um número de `1` a `ultimo`.
    pub const fn ate(&mut self, ultimo: u64) -> u64 {
        1 + self.proximo() % ultimo
    }
}
