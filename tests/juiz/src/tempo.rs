//! As versões respeitam o tempo: quem pede depois de ouvir a versão 13 não pode ouvir a 12.
//!
//! Olha só horas e números de versão; não sabe o que as respostas dizem.

use protocolo::{Assentos, ClientId, Resposta};

use super::veredito::{Fonte, INFRACOES_MAX, Problema, Veredito};
use crate::historia::{Historia, Troca};

/// Um pedido respondido, com o que se tinha ouvido antes de ele sair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ato<'a> {
    pub(super) cliente: ClientId,
    pub(super) conversa: u32,
    pub(super) troca: &'a Troca,
    pub(super) resposta: &'a Resposta,
    /// A maior versão que alguém tinha ouvido antes de este pedido sair.
    pub(super) visto: u64,
    /// Quem a ouviu: a posição na lista dos atos, ou dos eventos, depois deles.
    pub(super) visto_por: u32,
}

impl<'a> Ato<'a> {
    pub(super) const fn fonte(&self) -> Fonte<'a> {
        Fonte::Troca(self.cliente, self.troca)
    }
}

/// Nanossegundos do começo da prova.
pub(super) fn nanos(quando: std::time::Duration) -> u64 {
    u64::try_from(quando.as_nanos()).unwrap_or(u64::MAX)
}

/// Os pedidos respondidos, conversa a conversa, cada um com o que se tinha ouvido antes dele.
pub(super) fn atos(historia: &Historia) -> Vec<Ato<'_>> {
    let mut atos = Vec::with_capacity(historia.conversas.iter().map(|uma| uma.trocas.len()).sum());
    for (conversa, uma) in (0..).zip(&historia.conversas) {
        let cliente = uma.cliente;
        atos.extend(uma.trocas.iter().filter_map(|troca| {
            let resposta = troca.resposta.as_ref()?;
            Some(Ato { cliente, conversa, troca, resposta, visto: 0, visto_por: u32::MAX })
        }));
    }
    anotar_vistos(historia, &mut atos);
    atos
}

/// Percorre as horas de envio e de chegada juntas, e leva a maior versão ouvida até ali.
fn anotar_vistos(historia: &Historia, atos: &mut [Ato<'_>]) {
    let mut enviados: Vec<(u64, u32)> =
        (0..).zip(&*atos).map(|(i, ato)| (nanos(ato.troca.enviado), i)).collect();
    let mut ouvidos: Vec<(u64, u64, u32)> = (0..)
        .zip(&*atos)
        .filter_map(|(i, ato)| Some((nanos(ato.troca.ouvido), ato.resposta.versao()?.0, i)))
        .collect();
    let eventos = historia.conversas.iter().flat_map(|conversa| &conversa.eventos);
    ouvidos.extend(
        (atos.len() as u32..).zip(eventos).map(|(i, visto)| (nanos(visto.ouvido), visto.evento.versao.0, i)),
    );
    enviados.sort_unstable();
    ouvidos.sort_unstable();
    let mut ouvidos = ouvidos.into_iter().peekable();
    let (mut maior, mut quem) = (0, u32::MAX);
    for (quando, i) in enviados {
        while let Some((_, versao, por)) = ouvidos.next_if(|(ouvido, ..)| *ouvido < quando) {
            if versao > maior || quem == u32::MAX {
                (maior, quem) = (versao, por);
            }
        }
        (atos[i as usize].visto, atos[i as usize].visto_por) = (maior, quem);
    }
}

/// De quem é o número que [`Ato::visto_por`] guarda.
pub(super) fn quem_viu<'a>(historia: &'a Historia, atos: &[Ato<'a>], por: u32) -> Option<Fonte<'a>> {
    let por = por as usize;
    if let Some(ato) = atos.get(por) {
        return Some(ato.fonte());
    }
    let eventos = historia
        .conversas
        .iter()
        .flat_map(|conversa| conversa.eventos.iter().map(|visto| Fonte::Evento(conversa.cliente, visto)));
    eventos.into_iter().nth(por.checked_sub(atos.len())?)
}

/// Acusa quem nomeia uma versão menor que uma já ouvida, e quem volta atrás na própria conexão.
pub(super) fn conferir(historia: &Historia, atos: &[Ato<'_>], veredito: &mut Veredito) {
    let mut anterior: Option<(&Ato<'_>, u64)> = None;
    for ato in atos {
        let Some(versao) = ato.resposta.versao().map(|versao| versao.0) else { continue };
        if versao < ato.visto {
            // Procurar o culpado percorre os eventos: só se faz para as infrações que se guardam.
            let guarda = veredito.quantas(Problema::VersaoForaDoTempo) < INFRACOES_MAX as u64;
            let antes = guarda.then(|| quem_viu(historia, atos, ato.visto_por)).flatten();
            let provas: Vec<_> = antes.into_iter().chain([ato.fonte()]).collect();
            veredito.acusar(Problema::VersaoForaDoTempo, Assentos::NENHUM, &provas, || {
                format!(
                    "a versão {} já se tinha ouvido antes de este pedido sair, e ele ouve a {versao}",
                    ato.visto
                )
            });
        } else if let Some((antes, maior)) =
            anterior.filter(|(antes, maior)| antes.conversa == ato.conversa && *maior > versao)
        {
            veredito.acusar(
                Problema::VersaoForaDoTempo,
                Assentos::NENHUM,
                &[antes.fonte(), ato.fonte()],
                || format!("na mesma conexão, depois da versão {maior} vem a {versao}"),
            );
        }
        anterior = Some((ato, versao));
    }
}

/// De cada versão em diante, quando primeiro alguém a ouviu (ela, ou uma maior).
#[derive(Debug, Default)]
pub(super) struct Ouvidas {
    limiares: Vec<(u64, u64)>,
}

impl Ouvidas {
    pub(super) fn new(mut ouvidas: Vec<(u64, u64)>) -> Self {
        ouvidas.sort_unstable();
        let mut menor = u64::MAX;
        for (_, quando) in ouvidas.iter_mut().rev() {
            menor = menor.min(*quando);
            *quando = menor;
        }
        Self { limiares: ouvidas }
    }

    /// A primeira hora em que se ouviu esta versão ou uma maior.
    pub(super) fn desde(&self, versao: u64) -> u64 {
        let posicao = self.limiares.partition_point(|(uma, _)| *uma < versao);
        self.limiares.get(posicao).map_or(u64::MAX, |(_, quando)| *quando)
    }
}
