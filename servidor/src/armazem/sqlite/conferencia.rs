//! A conferência: um número que muda se qualquer valor guardado mudar.
//!
//! Cada linha de uma tabela tem o seu número, e a tabela tem a soma deles: mudar uma linha é subtrair o velho e somar o
//! novo, sem olhar as outras. Cada passo é uma bijeção, e por isso uma linha com um só valor diferente nunca dá o mesmo
//! número. Acha estragos; não é criptografia, e não impede quem queira forjar. Não conhece SQL nem arquivo.

/// Uma conta em andamento.
#[derive(Clone, Copy, Debug)]
pub struct Conta(u64);

impl Conta {
    /// Uma conta sobre uma linha desta tabela: a mesma linha em outra tabela dá outro número.
    pub const fn da(tabela: u64) -> Self {
        Self(tabela).numero(0x7265_7365_7276_6173)
    }

    /// Põe um número na conta.
    pub const fn numero(self, n: u64) -> Self {
        // A constante é ímpar, e multiplicar por ela se desfaz; a de D. Knuth, o inverso da razão áurea.
        let h = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(h ^ (h >> 32))
    }

    /// Põe na conta um número com sinal.
    pub const fn inteiro(self, n: i64) -> Self {
        self.numero(u64::from_ne_bytes(n.to_ne_bytes()))
    }

    /// Põe bytes na conta.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        bytes.chunks(8).fold(self.numero(bytes.len() as u64), |conta, pedaco| {
            let mut oito = [0; 8];
            oito[..pedaco.len()].copy_from_slice(pedaco);
            conta.numero(u64::from_le_bytes(oito))
        })
    }

    /// Põe na conta um texto que pode faltar: faltar não é o mesmo que estar vazio.
    pub fn texto(self, texto: Option<&str>) -> Self {
        texto.map_or_else(|| self.numero(u64::MAX), |texto| self.bytes(texto.as_bytes()))
    }

    /// O número.
    pub const fn fim(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn um_bit_de_diferenca_da_outro_numero() {
        let texto = *b"2026-11-21T13:12:49.123Z";
        let certo = Conta::da(1).bytes(&texto).fim();
        for bit in 0..texto.len() * 8 {
            let mut outro = texto;
            outro[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Conta::da(1).bytes(&outro).fim(), certo, "bit {bit}");
        }
        assert_ne!(Conta::da(2).bytes(&texto).fim(), certo);
        assert_ne!(Conta::da(1).texto(None).fim(), Conta::da(1).texto(Some("")).fim());
        assert_ne!(Conta::da(1).bytes(b"a").fim(), Conta::da(1).bytes(b"a\0").fim());
    }
}
