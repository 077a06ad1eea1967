//! Um assento e um conjunto de assentos.
//!
//! Um [`Assento`] que não existe não se constrói. Um conjunto é um `u128` em que o bit `n - 1` é o assento `n`:
//! cem assentos cabem, união e interseção são uma instrução, e a ordem crescente vem de graça.
//! Este módulo não faz entrada nem saída e não conhece os donos.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not, Sub};

use crate::decimal;
use crate::limites::{ASSENTOS_MAX, FILEIRA_ASSENTOS};

/// Um assento da sala: um número de 1 a [`ASSENTOS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Assento(u8);

impl Assento {
    /// O assento de número `numero`, ou `None` se a sala não o tem.
    pub const fn new(numero: u8) -> Option<Self> {
        if numero >= 1 && numero <= ASSENTOS_MAX { Some(Self(numero)) } else { None }
    }

    /// O número do assento, de 1 a 100.
    pub const fn numero(self) -> u8 {
        self.0
    }

    /// A posição do assento num vetor: de 0 a 99.
    pub const fn indice(self) -> usize {
        self.0 as usize - 1
    }

    /// Todos os assentos da sala, em ordem crescente.
    pub fn todos() -> impl Iterator<Item = Self> {
        (1..=ASSENTOS_MAX).map(Self)
    }
}

impl fmt::Display for Assento {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Um conjunto de assentos, percorrido em ordem crescente.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Assentos(u128);

impl Assentos {
    /// O conjunto sem assento nenhum.
    pub const NENHUM: Self = Self(0);
    /// A sala inteira.
    pub const TODOS: Self = Self(u128::MAX >> (u128::BITS - ASSENTOS_MAX as u32));

    /// O conjunto destes bits; os que não são de assento nenhum ficam de fora.
    pub const fn de_bits(bits: u128) -> Self {
        Self(bits & Self::TODOS.0)
    }

    /// Os bits do conjunto: o `n - 1` é o assento `n`.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Põe um assento no conjunto.
    pub const fn inserir(&mut self, assento: Assento) {
        self.0 |= 1 << (assento.0 - 1);
    }

    /// Diz se o assento está no conjunto.
    pub const fn contem(self, assento: Assento) -> bool {
        self.0 & (1 << (assento.0 - 1)) != 0
    }

    /// Quantos assentos há no conjunto, de 0 a 100.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Diz se não há assento nenhum.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Os assentos em ordem crescente.
    pub fn iter(self) -> Iter {
        Iter(self.0)
    }

    /// Os `quantos` primeiros assentos do conjunto (todos, se houver menos).
    pub fn primeiros(self, quantos: u32) -> Self {
        self.iter().take(quantos as usize).collect()
    }

    /// O conjunto com os vizinhos de cada assento: os números um abaixo e um acima, se a sala os tem.
    pub fn com_vizinhos(self) -> Self {
        Self((self.0 | self.0 << 1 | self.0 >> 1) & Self::TODOS.0)
    }

    /// Os primeiros `quantos` assentos do conjunto que ficam lado a lado numa mesma fileira, se os há.
    ///
    /// É a busca direta pela primeira posição que serve (first fit), fileira a fileira.
    pub fn lado_a_lado(self, quantos: u32) -> Option<Self> {
        if quantos == 0 || quantos > u32::from(FILEIRA_ASSENTOS) {
            return None;
        }
        let bloco = (1u128 << quantos) - 1;
        let fileira = u32::from(FILEIRA_ASSENTOS);
        (0..u32::from(ASSENTOS_MAX))
            .filter(|inicio| inicio % fileira + quantos <= fileira)
            .map(|inicio| bloco << inicio)
            .find(|lugar| self.0 & lugar == *lugar)
            .map(Self)
    }

    /// O conjunto escrito em faixas, como em `1-2 4-6 9`: a forma compacta que `LISTAR` usa.
    pub fn faixas(self) -> Faixas {
        Faixas(self)
    }
}

impl BitOr for Assentos {
    type Output = Self;
    fn bitor(self, outro: Self) -> Self {
        Self(self.0 | outro.0)
    }
}

impl BitOrAssign for Assentos {
    fn bitor_assign(&mut self, outro: Self) {
        self.0 |= outro.0;
    }
}

impl BitAnd for Assentos {
    type Output = Self;
    fn bitand(self, outro: Self) -> Self {
        Self(self.0 & outro.0)
    }
}

impl Sub for Assentos {
    type Output = Self;
    /// A diferença: o que está neste conjunto e não no outro.
    fn sub(self, outro: Self) -> Self {
        Self(self.0 & !outro.0)
    }
}

impl Not for Assentos {
    type Output = Self;
    /// O complemento: os assentos da sala que não estão no conjunto.
    fn not(self) -> Self {
        Self::TODOS - self
    }
}

impl From<Assento> for Assentos {
    fn from(assento: Assento) -> Self {
        let mut um = Self::NENHUM;
        um.inserir(assento);
        um
    }
}

impl FromIterator<Assento> for Assentos {
    fn from_iter<I: IntoIterator<Item = Assento>>(assentos: I) -> Self {
        assentos.into_iter().fold(Self::NENHUM, |todos, um| todos | um.into())
    }
}

impl IntoIterator for Assentos {
    type Item = Assento;
    type IntoIter = Iter;
    fn into_iter(self) -> Iter {
        self.iter()
    }
}

/// Percorre um conjunto em ordem crescente.
#[derive(Clone, Debug)]
pub struct Iter(u128);

impl Iterator for Iter {
    type Item = Assento;

    fn next(&mut self) -> Option<Assento> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        // O bit vem de um conjunto, que só tem assentos de 1 a 100.
        u8::try_from(bit + 1).ok().and_then(Assento::new)
    }
}

impl fmt::Display for Assentos {
    /// Os números em ordem crescente, separados por um espaço: `3 7 9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut assentos = self.iter();
        if let Some(primeiro) = assentos.next() {
            decimal::escrever(f, "", primeiro.numero().into())?;
        }
        assentos.try_for_each(|assento| decimal::escrever_assento(f, assento.numero()))
    }
}

impl fmt::Debug for Assentos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.faixas())
    }
}

/// Um conjunto escrito em faixas; ver [`Assentos::faixas`].
#[derive(Clone, Copy, Debug)]
pub struct Faixas(Assentos);

impl fmt::Display for Faixas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut resto = self.0.0;
        let mut primeira = true;
        while resto != 0 {
            let inicio = resto.trailing_zeros();
            let tamanho = (resto >> inicio).trailing_ones();
            resto &= !(((1u128 << tamanho) - 1) << inicio);
            if !primeira {
                f.write_str(" ")?;
            }
            primeira = false;
            write!(f, "{}", inicio + 1)?;
            if tamanho > 1 {
                write!(f, "-{}", inicio + tamanho)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conjunto(numeros: &[u8]) -> Assentos {
        numeros.iter().map(|n| Assento::new(*n).unwrap()).collect()
    }

    #[test]
    fn assento_no_limite_e_um_alem() {
        assert_eq!(Assento::new(0), None);
        assert_eq!(Assento::new(1).map(Assento::indice), Some(0));
        assert_eq!(Assento::new(ASSENTOS_MAX).map(Assento::indice), Some(99));
        assert_eq!(Assento::new(ASSENTOS_MAX + 1), None);
        assert_eq!(Assentos::TODOS.len(), 100);
        assert_eq!(Assentos::TODOS, Assento::todos().collect());
        assert_eq!(!Assentos::TODOS, Assentos::NENHUM);
    }

    #[test]
    fn bits_sao_os_assentos_e_os_de_mais_ficam_de_fora() {
        assert_eq!(conjunto(&[1, 3, 100]).bits(), 1 | 1 << 2 | 1 << 99);
        assert_eq!(Assentos::de_bits(1 << 2 | 1 << 99), conjunto(&[3, 100]));
        assert_eq!(Assentos::de_bits(u128::MAX), Assentos::TODOS);
    }

    #[test]
    fn escreve_numeros_e_faixas() {
        for (numeros, plano, faixas) in [
            (&[][..], "", ""),
            (&[7], "7", "7"),
            (&[9, 3, 7, 3], "3 7 9", "3 7 9"),
            (&[1, 2, 4, 5, 6, 100], "1 2 4 5 6 100", "1-2 4-6 100"),
            (&[99, 100], "99 100", "99-100"),
        ] {
            assert_eq!(conjunto(numeros).to_string(), plano);
            assert_eq!(conjunto(numeros).faixas().to_string(), faixas);
        }
        assert_eq!(Assentos::TODOS.faixas().to_string(), "1-100");
    }

    #[test]
    fn vizinhos_nao_saem_da_sala() {
        assert_eq!(conjunto(&[1, 50, 100]).com_vizinhos(), conjunto(&[1, 2, 49, 50, 51, 99, 100]));
        assert_eq!(Assentos::NENHUM.com_vizinhos(), Assentos::NENHUM);
    }

    #[test]
    fn lado_a_lado_nao_atravessa_a_fileira() {
        for (livres, quantos, esperado) in [
            (Assentos::TODOS, 3, Some("1 2 3")),
            (Assentos::TODOS, 10, Some("1 2 3 4 5 6 7 8 9 10")),
            (Assentos::TODOS, 11, None),
            (Assentos::TODOS, 0, None),
            // 9, 10 e 11 são vizinhos no número, não na sala.
            (conjunto(&[9, 10, 11, 12, 33, 34, 35]), 3, Some("33 34 35")),
            (conjunto(&[9, 10, 11, 12]), 3, None),
            (conjunto(&[98, 99, 100]), 3, Some("98 99 100")),
        ] {
            assert_eq!(livres.lado_a_lado(quantos).map(|a| a.to_string()).as_deref(), esperado);
        }
    }
}
