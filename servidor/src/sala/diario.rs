//! O diário da sala: o que mudou e ainda não foi para o disco, na ordem em que mudou.
//!
//! É código sequencial puro: não grava nada. Traduz os instantes da sala em horas do relógio de parede, por uma conta: quem
//! lê o relógio é quem disse que horas eram no instante zero.

use std::time::Duration;

use protocolo::{Evento, Mudanca};

use super::registro::{Novidade, Registro};
use crate::tempo::instante::Instante;
use crate::tempo::momento::Momento;

/// O que falta, no máximo, para um instante chegar a um milissegundo inteiro.
const QUASE_UM_MS: Duration = Duration::from_nanos(999_999);

/// O que mudou desde a última vez que se perguntou.
#[derive(Clone, Debug, Default)]
pub struct Diario {
    /// Que horas eram no instante zero.
    inicio: Momento,
    /// O instante da última operação: é quando as novidades acontecem.
    agora: Instante,
    /// O que o disco recusou e ainda vale: vai com as próximas novidades, e por si não faz tentar de novo.
    adiados: Vec<Registro>,
    registros: Vec<Registro>,
}

impl Diario {
    /// Um diário vazio; o instante zero foi às `inicio`.
    pub const fn new(inicio: Momento) -> Self {
        Self { inicio, agora: Instante::new(0), adiados: Vec::new(), registros: Vec::new() }
    }

    /// O que se anotar daqui em diante acontece em `agora`, ou no último instante que se disse, se é depois.
    pub fn acertar(&mut self, agora: Instante) {
        self.agora = self.agora.max(agora);
    }

    /// A hora de parede deste instante, ou o milissegundo seguinte: o que se guarda nunca vence antes da hora.
    pub fn momento(&self, instante: Instante) -> Momento {
        let desde = instante.somar(QUASE_UM_MS).desde(Instante::new(0)).as_millis();
        Momento(self.inicio.0.saturating_add(i64::try_from(desde).unwrap_or(i64::MAX)))
    }

    /// O instante desta hora de parede.
    pub fn instante(&self, momento: Momento) -> Instante {
        let desde = momento.0.saturating_sub(self.inicio.0);
        Instante::new(u64::try_from(desde).unwrap_or(0))
    }

    /// Anota que os assentos do evento mudaram de mãos; `vence` é até quando, se ficaram só segurados.
    pub fn anotar_evento(&mut self, evento: Evento, vence: Instante) {
        let segurado = matches!(evento.mudanca, Mudanca::Segurado(_));
        let vence = segurado.then(|| self.momento(vence));
        self.anotar(Novidade::Assentos { evento, vence });
    }

    /// Anota a novidade.
    pub fn anotar(&mut self, novidade: Novidade) {
        let quando = self.momento(self.agora);
        self.registros.push(Registro { quando, novidade });
    }

    /// Leva o que se anotou, depois do que ficou adiado.
    pub fn tirar(&mut self) -> Vec<Registro> {
        let mut registros = std::mem::take(&mut self.adiados);
        registros.append(&mut self.registros);
        registros
    }

    /// Diz se não há novidade.
    pub fn is_empty(&self) -> bool {
        self.registros.is_empty()
    }

    /// Diz se há uma novidade assim.
    pub fn algum(&self, assim: impl Fn(&Registro) -> bool) -> bool {
        self.registros.iter().any(assim)
    }

    /// Quantas novidades há, sem contar as adiadas.
    pub fn len(&self) -> usize {
        self.registros.len()
    }

    /// O lote que se tentou gravar e o que se anotou depois foram desfeitos: só ficam, adiadas, as novidades que não
    /// falam de assentos nem do token.
    pub fn desfazer(&mut self, lote: Vec<Registro>) {
        let depois = self.tirar();
        let fica = |registro: &Registro| {
            matches!(
                registro.novidade,
                Novidade::Nome { .. } | Novidade::NomeEsquecido { .. } | Novidade::Clientes(_)
            )
        };
        self.adiados = lote.into_iter().chain(depois).filter(fica).collect();
    }
}
