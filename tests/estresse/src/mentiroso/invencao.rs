//! As mentiras: de uma resposta verdadeira, uma falsa em que se acredite. Sem socket e sem thread.

use protocolo::{Assentos, Cerca, Comando, Error, Escolha, Pedido, Quadro, Recusa, Resposta, Versao};

use super::Mentira;
use arnes::Sorteio;

/// Quão velha é a versão que se diz: mais do que a sala anda enquanto um pedido está no ar.
const VELHICE: u64 = 100;

/// Quem inventa.
#[derive(Debug)]
pub(super) struct Invencao {
    sorteio: Sorteio,
    /// A última cerca que o servidor deu.
    cerca: Option<Cerca>,
}

impl Invencao {
    pub(super) const fn new(semente: u64) -> Self {
        Self { sorteio: Sorteio::com(semente), cerca: None }
    }

    /// Diz se esta é uma das ocasiões.
    pub(super) const fn aproveita(&mut self, mentira: Mentira) -> bool {
        self.sorteio.ate(mentira.uma_em()) == 1
    }

    /// A resposta falsa, se esta ocasião serve.
    pub(super) fn inventar(
        &mut self,
        mentira: Mentira,
        pedido: &Comando,
        resposta: &Resposta,
    ) -> Option<Resposta> {
        match (mentira, pedido, resposta) {
            (
                Mentira::VendeDuasVezes,
                Comando::Reservar { pedido: Pedido::Todos(assentos) | Pedido::Parcial(assentos), .. },
                Resposta::Recusado(Recusa { erro: Error::Ocupado(_), versao: Some(versao), .. }),
            ) => {
                Some(Resposta::Reservado { assentos: *assentos, ocupados: Assentos::NENHUM, versao: *versao })
            }
            (Mentira::EscondeNaVista, _, Resposta::Listado { quadro, versao }) => {
                Some(Resposta::Listado { quadro: self.esconder(*quadro)?, versao: *versao })
            }
            (Mentira::EscondeNaVista, _, Resposta::Mapa { quadro, versao }) => {
                Some(Resposta::Mapa { quadro: self.esconder(*quadro)?, versao: *versao })
            }
            (
                Mentira::EscondeNaRecusa,
                Comando::Reservar { pedido: Pedido::Todos(_), .. }
                | Comando::Segurar { escolha: Escolha::Estes(_), .. },
                Resposta::Recusado(recusa),
            ) => match recusa.erro {
                Error::Ocupado(nomes) if nomes.len() > 1 => {
                    let erro = Error::Ocupado(nomes - self.um(nomes));
                    Some(Recusa { erro, ..recusa.clone() }.into())
                }
                _ => None,
            },
            (Mentira::RepeteCerca, _, Resposta::TokenConcedido { cerca, contador, espera, prazo }) => {
                let antes = self.cerca.replace(*cerca)?;
                Some(Resposta::TokenConcedido {
                    cerca: antes,
                    contador: *contador,
                    espera: *espera,
                    prazo: *prazo,
                })
            }
            (Mentira::VersaoVelha, _, Resposta::Listado { quadro, versao }) => {
                Some(Resposta::Listado { quadro: *quadro, versao: velha(*versao)? })
            }
            (Mentira::VersaoVelha, _, Resposta::Recusado(recusa)) => {
                Some(Recusa { versao: Some(velha(recusa.versao?)?), ..recusa.clone() }.into())
            }
            _ => None,
        }
    }

    /// O quadro com um assento ocupado a menos.
    fn esconder(&mut self, quadro: Quadro) -> Option<Quadro> {
        let um = self.um(quadro.ocupados);
        let falso = Quadro { ocupados: quadro.ocupados - um, seus: quadro.seus - um, ..quadro };
        (!um.is_empty()).then_some(falso)
    }

    /// Um destes, sorteado.
    fn um(&mut self, assentos: Assentos) -> Assentos {
        let qual = self.sorteio.ate(u64::from(assentos.len()).max(1)) - 1;
        (0..).zip(assentos).filter(|(i, _)| *i == qual).map(|(_, assento)| assento).collect()
    }
}

fn velha(versao: Versao) -> Option<Versao> {
    versao.0.checked_sub(VELHICE).map(Versao)
}
