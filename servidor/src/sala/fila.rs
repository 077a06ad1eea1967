//! Uma fila por ordem de chegada, em que cada um pode ter uma hora para desistir.
//!
//! É código sequencial puro: quem espera é um dado, o tempo entra por argumento, e não há aqui trava nem thread. Não
//! sabe pelo que se espera: serve ao token e aos assentos.

use std::collections::{BTreeSet, VecDeque};

use protocolo::ClientId;

use crate::tempo::instante::Instante;

/// A fila de quem espera, com o que cada um pediu.
#[derive(Clone, Debug)]
pub struct Fila<T> {
    lugares: VecDeque<Lugar<T>>,
    /// Quando cada espera que tem prazo desiste: o primeiro é o próximo.
    desistencias: BTreeSet<(Instante, ClientId)>,
}

#[derive(Clone, Debug)]
struct Lugar<T> {
    conexao: ClientId,
    ate: Option<Instante>,
    pedido: T,
}

impl<T> Default for Fila<T> {
    fn default() -> Self {
        Self { lugares: VecDeque::new(), desistencias: BTreeSet::new() }
    }
}

impl<T> Fila<T> {
    /// Põe a conexão no fim, até o instante `ate` se há um; devolve quantos estão à frente.
    pub fn entrar(&mut self, conexao: ClientId, ate: Option<Instante>, pedido: T) -> usize {
        self.desistencias.extend(ate.map(|ate| (ate, conexao)));
        self.lugares.push_back(Lugar { conexao, ate, pedido });
        self.lugares.len() - 1
    }

    /// Tira a conexão da fila; devolve o que ela pedira, se estava lá.
    pub fn sair(&mut self, conexao: ClientId) -> Option<T> {
        let posicao = self.lugares.iter().position(|lugar| lugar.conexao == conexao)?;
        self.lugares.remove(posicao).map(|lugar| self.esquecer_prazo(lugar))
    }

    /// Tira quem chegou primeiro.
    pub fn primeiro(&mut self) -> Option<(ClientId, T)> {
        let lugar = self.lugares.pop_front()?;
        Some((lugar.conexao, self.esquecer_prazo(lugar)))
    }

    /// Passa por todos, do primeiro ao último, e tira aqueles de quem `atendido` diz que sim.
    pub fn retirar_se(&mut self, mut atendido: impl FnMut(ClientId, &T) -> bool) {
        let desistencias = &mut self.desistencias;
        self.lugares.retain(|lugar| {
            let sai = atendido(lugar.conexao, &lugar.pedido);
            if let Some(ate) = lugar.ate.filter(|_| sai) {
                desistencias.remove(&(ate, lugar.conexao));
            }
            !sai
        });
    }

    /// Tira todos; devolve as conexões, na ordem.
    pub fn esvaziar(&mut self) -> impl Iterator<Item = ClientId> {
        self.desistencias.clear();
        std::mem::take(&mut self.lugares).into_iter().map(|lugar| lugar.conexao)
    }

    /// Tira o primeiro cujo prazo acabou até `agora`, se algum acabou.
    pub fn desistente(&mut self, agora: Instante) -> Option<ClientId> {
        let (_, conexao) = self.desistencias.first().copied().filter(|(ate, _)| *ate <= agora)?;
        self.sair(conexao).map(|_| conexao)
    }

    /// Quando o próximo desiste, se algum tem prazo.
    pub fn proxima_desistencia(&self) -> Option<Instante> {
        self.desistencias.first().map(|(ate, _)| *ate)
    }

    /// O que cada um pediu, do primeiro ao último.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.lugares.iter().map(|lugar| &lugar.pedido)
    }

    /// Quantos esperam.
    pub fn len(&self) -> usize {
        self.lugares.len()
    }

    /// Diz se ninguém espera.
    pub fn is_empty(&self) -> bool {
        self.lugares.is_empty()
    }

    /// Confere o que deve valer entre duas operações; entra em pânico se não vale.
    pub fn conferir(&self) {
        let com_prazo = self.lugares.iter().filter(|lugar| lugar.ate.is_some()).count();
        assert_eq!(com_prazo, self.desistencias.len(), "cada prazo é de alguém que espera");
    }

    fn esquecer_prazo(&mut self, lugar: Lugar<T>) -> T {
        if let Some(ate) = lugar.ate {
            self.desistencias.remove(&(ate, lugar.conexao));
        }
        lugar.pedido
    }
}
