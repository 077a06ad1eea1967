//! A cópia dos assentos que [`corrida`](crate::aula::corrida) leva para fora da trava e depois escreve por cima.
//!
//! É código sequencial puro, parte da [`Sala`], e só a demonstração o usa. A sala que resulta é inteira, porque é a de uma
//! cópia; o que não vale mais é que ela venha depois de todas as outras.

use protocolo::{Assento, Assentos, ClientId, Versao};

use super::Sala;
use crate::tempo::instante::Instante;

/// De quem é um assento, e como.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Posse {
    /// De ninguém.
    Livre,
    /// De alguém, até um instante.
    Segurada(ClientId, Instante),
    /// De alguém, firme.
    Firme(ClientId),
}

impl Posse {
    /// Quem tem o assento.
    pub const fn dono(self) -> Option<ClientId> {
        match self {
            Self::Livre => None,
            Self::Segurada(dono, _) | Self::Firme(dono) => Some(dono),
        }
    }
}

impl Sala {
    /// De quem é o assento.
    pub fn posse(&self, assento: Assento) -> Posse {
        let Some((dono, _)) = self.posses.por_dono(assento.into()).pop() else { return Posse::Livre };
        if self.posses.segurados().contem(assento) {
            Posse::Segurada(dono, self.posses.vence(assento))
        } else {
            Posse::Firme(dono)
        }
    }

    /// Uma sala com os assentos, a versão e o token desta em `agora`, e em que ninguém espera.
    pub fn copiar(&mut self, agora: Instante) -> Self {
        self.vencer(agora);
        Self {
            posses: self.posses.clone(),
            recentes: self.recentes.clone(),
            token: self.token.clone(),
            ..Self::new(self.cota)
        }
    }

    /// Os assentos e a versão passam a ser os da cópia, seja o que for que mudou aqui desde que ela se fez, na versão `desde`.
    pub fn escrever_por_cima(&mut self, copia: Self, desde: Versao) {
        for evento in copia.recentes.depois_de(desde, &copia.posses) {
            let vence =
                evento.assentos.iter().next().map_or(Instante::default(), |um| copia.posses.vence(um));
            self.diario.anotar_evento(evento, vence);
        }
        let antes = std::mem::replace(&mut self.posses, copia.posses);
        self.recentes = copia.recentes;
        // Quem perdeu o que tinha talvez já se tenha ido.
        antes.donos().for_each(|dono| self.esquecer_ausente(dono));
        // Qualquer assento pode ter mudado de mãos, e para as de quem o espera por outra conexão.
        self.aguardando.notar(Assentos::TODOS);
    }
}
