//! As últimas mudanças da sala, para contar a quem observa.
//!
//! É código sequencial puro. Uma lista só, curta, serve a todos os observadores: de cada um basta saber até que versão já se
//! lhe contou.

use std::collections::VecDeque;

use protocolo::limites::EVENTOS_MAX;
use protocolo::{Evento, Versao};

use super::posses::Posses;

/// As últimas mudanças gravadas e as que se gravam, a mais nova no fim: uma para cada versão, sem buracos.
#[derive(Clone, Debug, Default)]
pub struct Recentes(VecDeque<Evento>);

impl Recentes {
    /// Lembra a mudança que acaba de acontecer, e esquece as que já não se contam. A quem observa só se conta o que está
    /// gravado, até a versão dita: o que ainda se grava não ocupa o lugar do que se pode contar.
    pub fn lembrar(&mut self, evento: Evento, gravada: Versao) {
        self.0.push_back(evento);
        let fora = gravada.0.saturating_sub(EVENTOS_MAX as u64);
        while self.0.front().is_some_and(|velho| velho.versao.0 <= fora) {
            self.0.pop_front();
        }
    }

    /// Esquece o que foi desfeito: tudo o que veio depois de `versao`.
    pub fn esquecer_depois_de(&mut self, versao: Versao) {
        while self.0.back().is_some_and(|evento| evento.versao > versao) {
            self.0.pop_back();
        }
    }

    /// O que mudou depois de `desde` e até a versão de `posses`, que é maior, em ordem: cada mudança, se são as mais recentes; se são
    /// muitas, o que resultou delas.
    pub fn depois_de(&self, desde: Versao, posses: &Posses) -> Vec<Evento> {
        let primeira = self.0.front().map_or(Versao(u64::MAX), |evento| evento.versao);
        let muitas = posses.versao().0 - desde.0 > EVENTOS_MAX as u64;
        if muitas || primeira.0 > desde.0 + 1 {
            return posses.resultado(desde);
        }
        // As versões não têm buracos: a posição de cada uma se calcula.
        let (pulam, ate) = (desde.0 + 1 - primeira.0, posses.versao().0 + 1 - primeira.0);
        self.0.range(pulam as usize..ate as usize).copied().collect()
    }

    /// Confere o que deve valer entre duas operações; entra em pânico se não vale.
    pub fn conferir(&self, versao: Versao) {
        let versoes = self.0.iter().rev().map(|evento| evento.versao.0);
        assert!(versoes.zip((0..=versao.0).rev()).all(|(tem, deve)| tem == deve), "versões sem buracos");
    }
}
