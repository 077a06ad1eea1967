//! O carteiro: escreve o que pode sair sem que a sessão acorde, as respostas de um lote decidido e os eventos de quem observa.
//!
//! Uma thread só, que nunca espera por cliente nenhum: de quem não lê, o que sobra fica na saída dele, e o carteiro volta; quem não lê por
//! tempo demais é desligado. Respostas saem assim que o lote se decide. Eventos podem esperar: depois de cada turma de observadores o
//! carteiro descansa um múltiplo do que trabalhou, e as mudanças desse meio tempo vão juntas. Não grava, não decide o que se responde e
//! não conhece as regras da sala.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use protocolo::ClientId;

use super::auxiliar::Auxiliar;
use crate::base::campainha::Sono;
use crate::base::sincronia::Arc;
use crate::limites::{
    CARTEIRO_DESCANSO, CARTEIRO_DESCANSO_MS_MAX, CARTEIRO_OLHADA_MS, CARTEIRO_TURMA, PILHA_BYTES,
};
use crate::rede::destino::Destino;
use crate::rede::observadores::Avisos;
use crate::servico::Servico;
use crate::tempo::instante::Instante;

const OLHADA: Duration = Duration::from_millis(CARTEIRO_OLHADA_MS);
const DESCANSO_MAX: Duration = Duration::from_millis(CARTEIRO_DESCANSO_MS_MAX);

/// Começa o carteiro; solto, ele entrega antes o que já pode sair.
///
/// Erros: o sistema negou a thread.
pub fn iniciar(servico: &Arc<Servico>) -> io::Result<Auxiliar> {
    let campainha = Arc::clone(servico.correio.caixa.campainha());
    let servico = Arc::clone(servico);
    Auxiliar::new(
        "carteiro",
        PILHA_BYTES,
        move |dispensa| campainha.dispensar(dispensa),
        move || {
            Carteiro {
                servico: &servico,
                atrasados: BTreeMap::new(),
                olhada: Instante::default(),
                volta: Vec::new(),
                descanso: Instante::default(),
            }
            .trabalhar();
        },
    )
}

struct Carteiro<'a> {
    servico: &'a Servico,
    /// Quem não leu tudo.
    atrasados: BTreeMap<ClientId, Arc<Destino>>,
    /// Quando se olha de novo para quem se atrasou.
    olhada: Instante,
    /// Os observadores que faltam nesta volta.
    volta: Vec<Arc<Destino>>,
    /// Até quando não se contam eventos.
    descanso: Instante,
}

impl Carteiro<'_> {
    fn trabalhar(mut self) {
        let Servico { correio, relogio, .. } = self.servico;
        let mut agora = relogio.agora();
        loop {
            let (sono, prazo) = self.quanto_dormir(agora);
            let toques = correio.caixa.campainha().ouvir(sono, prazo);
            self.entregar(correio.caixa.tirar());
            if toques.dispensa {
                return;
            }
            if toques.comum {
                self.volta = correio.observadores.todos();
            }
            agora = relogio.agora();
            if !self.atrasados.is_empty() && agora >= self.olhada {
                self.olhada = agora.somar(OLHADA);
                let atrasados = std::mem::take(&mut self.atrasados);
                self.entregar(atrasados.into_values().collect());
            }
            if !self.volta.is_empty() && agora >= self.descanso {
                self.contar_a_uma_turma(agora);
            }
        }
    }

    /// Como dormir, e quanto no máximo: até o fim do descanso, se há o que contar depois dele, ou até a próxima olhada.
    fn quanto_dormir(&self, agora: Instante) -> (Sono, Option<Duration>) {
        // No meio de uma volta, ou num descanso, o que mudou fica para a volta seguinte.
        let conta = !self.volta.is_empty() || agora < self.descanso;
        let descanso = conta.then_some(self.descanso);
        let olhada = (!self.atrasados.is_empty()).then_some(self.olhada);
        let prazo = descanso.into_iter().chain(olhada).min().map(|quando| quando.desde(agora));
        (if conta { Sono::Pesado } else { Sono::Leve }, prazo)
    }

    /// Passa por todos estes.
    fn entregar(&mut self, destinos: Vec<Arc<Destino>>) {
        if destinos.is_empty() {
            return;
        }
        let Servico { monitor, correio, relogio, .. } = self.servico;
        let mut avisos = Avisos::new(monitor);
        for destino in destinos {
            // Um defeito numa resposta custa só a conexão dela.
            let visita = || destino.visitar(&correio.lotes, &mut avisos, *relogio);
            match catch_unwind(AssertUnwindSafe(visita)) {
                Ok(false) => {}
                Ok(true) => _ = self.atrasados.insert(destino.numero, destino),
                Err(_) => destino.cortar(),
            }
        }
    }

    /// Conta o que mudou a mais alguns observadores, e descansa.
    fn contar_a_uma_turma(&mut self, comeco: Instante) {
        let turma = self.volta.split_off(self.volta.len().saturating_sub(CARTEIRO_TURMA));
        self.entregar(turma);
        let acabou = self.servico.relogio.agora();
        let descanso = (acabou.desde(comeco) * CARTEIRO_DESCANSO).min(DESCANSO_MAX);
        self.descanso = acabou.somar(descanso);
    }
}
