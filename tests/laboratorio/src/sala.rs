//! A sala do laboratório. [`Sala`] é código sequencial: não conhece thread nem trava. [`SalaAberta`] é a mesma sala onde
//! todos podem mexer, cada fileira um átomo: lê-la e escrevê-la são dois passos, e entre os dois cabe outra thread.

use std::hint::black_box;
use std::sync::atomic::{AtomicU16, Ordering};

use protocolo::limites::{ASSENTOS_MAX, FILEIRA_ASSENTOS};
use protocolo::{Assento, Assentos};

use arnes::Sorteio;

/// Quantas fileiras a sala tem.
pub const FILEIRAS: usize = ASSENTOS_MAX as usize / FILEIRA_ASSENTOS as usize;

/// Quantas contas valem uma decisão: perto de um microssegundo. Com menos, mede-se só a trava; com mais, só a conta.
const CONTAS: usize = 1000;

/// Os assentos de uma fileira, contada de zero.
pub const fn fileira(qual: usize) -> Assentos {
    let bits = (1 << FILEIRA_ASSENTOS) - 1;
    Assentos::de_bits(bits << (qual * FILEIRA_ASSENTOS as usize))
}

/// A fileira de um assento.
pub const fn fileira_de(assento: Assento) -> usize {
    assento.indice() / FILEIRA_ASSENTOS as usize
}

/// O trabalho de decidir, o mesmo em todas as técnicas: é ele que dá tempo para alguém chegar no meio.
fn decidir() {
    let mut contas = Sorteio::com(7);
    for _ in 0..CONTAS {
        black_box(contas.proximo());
    }
}

/// Quais assentos têm dono. Quem é o dono, cada thread sabe dos seus.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sala {
    /// Os que têm dono.
    pub ocupados: Assentos,
}

impl Sala {
    /// Ocupa todos, se todos estão livres; senão, nenhum. Diz se ocupou.
    pub fn reservar(&mut self, assentos: Assentos) -> bool {
        decidir();
        let livres = (self.ocupados & assentos).is_empty();
        if livres {
            self.ocupados |= assentos;
        }
        livres
    }

    /// Libera todos. Diz se todos estavam ocupados, como quem devolve espera.
    pub fn devolver(&mut self, assentos: Assentos) -> bool {
        decidir();
        let estavam = (assentos - self.ocupados).is_empty();
        self.ocupados = self.ocupados - assentos;
        estavam
    }

    /// Os que têm dono.
    pub fn listar(&self) -> Assentos {
        decidir();
        self.ocupados
    }
}

/// A sala sem porta: dez átomos, um por fileira. Ler todos, ou escrever todos, **não** é um instante só.
#[derive(Default, Debug)]
pub struct SalaAberta([AtomicU16; FILEIRAS]);

impl SalaAberta {
    /// Lê fileira a fileira.
    pub fn ler(&self) -> Sala {
        let juntar = |bits, (qual, fileira): (usize, &AtomicU16)| {
            bits | u128::from(fileira.load(Ordering::Acquire)) << (qual * usize::from(FILEIRA_ASSENTOS))
        };
        Sala { ocupados: Assentos::de_bits(self.0.iter().enumerate().fold(0, juntar)) }
    }

    /// Escreve fileira a fileira.
    pub fn escrever(&self, sala: Sala) {
        let mut bits = sala.ocupados.bits();
        for fileira in &self.0 {
            // Só os dez bits de baixo são desta fileira.
            fileira.store((bits & fileira_cheia()) as u16, Ordering::Release);
            bits >>= FILEIRA_ASSENTOS;
        }
    }

    /// Lê, muda a cópia e a escreve de volta. Só é seguro para quem está sozinho lá dentro.
    pub fn mudar<T>(&self, o_que: impl FnOnce(&mut Sala) -> T) -> T {
        let mut copia = self.ler();
        let resposta = o_que(&mut copia);
        self.escrever(copia);
        resposta
    }
}

const fn fileira_cheia() -> u128 {
    fileira(0).bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conjunto(numeros: &[u8]) -> Assentos {
        numeros.iter().map(|n| Assento::new(*n).unwrap()).collect()
    }

    #[test]
    fn reserva_todos_ou_nenhum_e_devolve() {
        let mut sala = Sala::default();
        assert!(sala.reservar(conjunto(&[3, 13])));
        assert!(!sala.reservar(conjunto(&[2, 3])));
        assert_eq!(sala.listar(), conjunto(&[3, 13]));
        assert!(sala.devolver(conjunto(&[3, 13])));
        assert!(!sala.devolver(conjunto(&[3])));
        assert_eq!(sala, Sala::default());
    }

    #[test]
    fn sala_aberta_le_o_que_se_escreveu() {
        let aberta = SalaAberta::default();
        for ocupados in [conjunto(&[1, 10, 11, 20, 91, 100]), Assentos::TODOS, Assentos::NENHUM] {
            aberta.escrever(Sala { ocupados });
            assert_eq!(aberta.ler(), Sala { ocupados });
        }
    }

    #[test]
    fn fileiras_cobrem_a_sala_sem_se_repetir() {
        let todas = (0..FILEIRAS).map(fileira);
        assert_eq!(todas.clone().map(Assentos::len).sum::<u32>(), 100);
        assert_eq!(todas.fold(Assentos::NENHUM, |a, b| a | b), Assentos::TODOS);
        assert!(Assento::todos().all(|a| fileira(fileira_de(a)).contem(a)));
    }
}
