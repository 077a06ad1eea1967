//! O trabalho de uma thread: listar, reservar um grupo, devolver um que se tem. Sorteado; não mede nem julga.

use protocolo::limites::FILEIRA_ASSENTOS;
use protocolo::{Assento, Assentos};

use crate::sala::FILEIRAS;
use arnes::Sorteio;
use juiz::intervalos::Quem;

/// De cada cem operações, quantas são só listar.
const LISTAS: u64 = 40;
/// De cada cem grupos, quantos vão às fileiras disputadas, as duas do meio.
const NAS_DISPUTADAS: u64 = 60;
/// De cada cem grupos, quantos se repartem por duas fileiras.
const EM_DUAS_FILEIRAS: u64 = 40;
/// Quantos grupos uma thread tem ao mesmo tempo, no máximo.
const GRUPOS_MAX: usize = 3;

/// O que fazer a seguir.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pedido {
    /// Olhar a sala.
    Listar,
    /// Reservar estes, todos ou nenhum.
    Reservar(Assentos),
    /// Devolver estes, um grupo que se reservou.
    Devolver(Assentos),
}

/// O trabalho de uma thread.
#[derive(Debug)]
pub struct Carga {
    sorteio: Sorteio,
    meus: Vec<Assentos>,
}

impl Carga {
    /// O trabalho de `quem`. A mesma semente sorteia o mesmo; o que acontece depende também de quem chega primeiro.
    pub fn new(semente: u64, quem: Quem) -> Self {
        // Uma semente por thread, que não seja a vizinha: o sorteio de uma não é o da outra um passo adiante.
        let dela = Sorteio::com(semente ^ Sorteio::com(quem.0 as u64).proximo()).proximo();
        Self { sorteio: Sorteio::com(dela), meus: Vec::with_capacity(GRUPOS_MAX) }
    }

    /// O próximo pedido. Um grupo que se devolve deixa logo de ser da thread.
    pub fn proximo(&mut self) -> Pedido {
        if self.acontece(LISTAS) {
            return Pedido::Listar;
        }
        let devolve = self.meus.len() == GRUPOS_MAX || !self.meus.is_empty() && self.acontece(50);
        if devolve {
            let qual = self.ate(self.meus.len());
            return Pedido::Devolver(self.meus.swap_remove(qual));
        }
        Pedido::Reservar(self.grupo())
    }

    /// Este grupo passou a ser da thread.
    pub fn ganhou(&mut self, grupo: Assentos) {
        self.meus.push(grupo);
    }

    /// Um ou dois assentos lado a lado, e às vezes outros tantos na fileira de trás.
    fn grupo(&mut self) -> Assentos {
        let fileira =
            if self.acontece(NAS_DISPUTADAS) { FILEIRAS / 2 - 1 + self.ate(2) } else { self.ate(FILEIRAS) };
        let lado_a_lado = 1 + self.ate(2);
        let largura = usize::from(FILEIRA_ASSENTOS);
        let primeiro = fileira * largura + self.ate(largura + 1 - lado_a_lado);
        let na_frente = primeiro..primeiro + lado_a_lado;
        let atras = if self.acontece(EM_DUAS_FILEIRAS) { largura } else { 0 };
        let atras = na_frente.clone().map(|lugar| (lugar + atras) % (FILEIRAS * largura));
        na_frente.chain(atras).filter_map(assento).collect()
    }

    /// Um número de zero a `fim`, exclusive.
    fn ate(&mut self, fim: usize) -> usize {
        (self.sorteio.proximo() % fim as u64) as usize
    }

    fn acontece(&mut self, em_cem: u64) -> bool {
        self.sorteio.ate(100) <= em_cem
    }
}

fn assento(indice: usize) -> Option<Assento> {
    u8::try_from(indice + 1).ok().and_then(Assento::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sala::fileira_de;

    #[test]
    fn mesma_semente_mesmo_trabalho_e_cada_thread_o_seu() {
        let trabalho = |semente, quem| {
            let mut carga = Carga::new(semente, Quem(quem));
            (0..100).map(|_| carga.proximo()).collect::<Vec<_>>()
        };
        assert_eq!(trabalho(42, 3), trabalho(42, 3));
        assert_ne!(trabalho(42, 3), trabalho(42, 4));
        assert_ne!(trabalho(42, 3), trabalho(43, 3));
    }

    #[test]
    fn grupos_tem_um_a_quatro_assentos_em_uma_ou_duas_fileiras() {
        let mut carga = Carga::new(1, Quem(0));
        let mut vistos = BTreeSet::new();
        for _ in 0..10_000 {
            let grupo = carga.grupo();
            let fileiras: BTreeSet<usize> = grupo.iter().map(fileira_de).collect();
            vistos.insert((grupo.len(), fileiras.len()));
        }
        assert_eq!(vistos, [(1, 1), (2, 1), (2, 2), (4, 2)].into());
    }

    #[test]
    fn so_devolve_o_que_ganhou_uma_vez() {
        let mut carga = Carga::new(1, Quem(0));
        let mut meus = Vec::new();
        for _ in 0..10_000 {
            match carga.proximo() {
                Pedido::Listar => {}
                Pedido::Reservar(grupo) => {
                    carga.ganhou(grupo);
                    meus.push(grupo);
                }
                Pedido::Devolver(grupo) => {
                    let qual = meus.iter().position(|meu| *meu == grupo);
                    meus.swap_remove(qual.expect("só se devolve o que se tem"));
                }
            }
            assert!(meus.len() <= GRUPOS_MAX);
        }
    }
}
