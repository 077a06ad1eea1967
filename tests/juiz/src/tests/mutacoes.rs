//! Uma história verdadeira e uma mentira só, sorteada: se a mentira se pode ver, o juiz a vê.

use protocolo::{Assento, Assentos, Cerca, ClientId, Error, Mudanca, Resposta, Versao};

use crate::gerador::{Opcoes, gerar};
use crate::historia::{Historia, Troca};
use crate::julgar;
use arnes::Sorteio;

/// Muda a história; diz se achou o que mudar.
type Mentira = fn(&mut Historia, &mut Sorteio) -> bool;

/// As mentiras. Cada uma muda uma coisa só, e diz se achou o que mudar.
const MENTIRAS: [(&str, Mentira); 12] = [
    ("o dono de um evento é outro", evento_de_outro),
    ("um evento some", evento_some),
    ("dois eventos trocados", eventos_trocados),
    ("uma recusa esquece um assento", esquece_um),
    ("uma recusa nomeia um assento livre", nomeia_livre),
    ("uma mudança repete a versão anterior", versao_repetida),
    ("uma mudança pula uma versão", versao_pulada),
    ("uma cerca repetida", cerca_repetida),
    ("duas respostas trocadas", respostas_trocadas),
    ("o livres= de uma recusa", livres_a_mais),
    ("a lista esquece um ocupado", lista_esquece),
    ("uma resposta some", resposta_some),
];

#[test]
fn toda_mentira_se_acha() {
    let mut sorteio = Sorteio::novo("toda_mentira_se_acha");
    for rodada in 0..super::rodadas(12) {
        let opcoes = Opcoes { semente: sorteio.proximo(), ..Opcoes::default() };
        let verdade = gerar(&opcoes);
        for (nome, mentir) in MENTIRAS {
            let mut historia = verdade.clone();
            if mentir(&mut historia, &mut sorteio) {
                let veredito = julgar(&historia);
                assert!(!veredito.inocente(), "{nome}: rodada {rodada}, {opcoes:?}");
            }
        }
    }
}

/// Muda uma das trocas que servem, sorteada.
fn uma(
    historia: &mut Historia,
    sorteio: &mut Sorteio,
    mentir: impl Fn(&mut Troca, &mut Sorteio) -> bool,
) -> bool {
    let trocas: Vec<&mut Troca> = historia.conversas.iter_mut().flat_map(|uma| &mut uma.trocas).collect();
    let total = trocas.len();
    let comeco = sorteio.ate(total as u64) as usize;
    let mut trocas: Vec<Option<&mut Troca>> = trocas.into_iter().map(Some).collect();
    (0..total).any(|i| {
        let troca = trocas[(comeco + i) % total].take().expect("cada uma uma vez");
        mentir(troca, sorteio)
    })
}

fn evento_de_outro(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    let eventos = &mut historia.conversas[0].eventos;
    let comeco = sorteio.ate(eventos.len().max(1) as u64) as usize - 1;
    let Some(visto) = eventos.iter_mut().skip(comeco).find(|v| v.evento.mudanca != Mudanca::Livre) else {
        return false;
    };
    let outro = ClientId::new(77).expect("não é zero");
    visto.evento.mudanca = match visto.evento.mudanca {
        Mudanca::Reservado(_) => Mudanca::Reservado(outro),
        _ => Mudanca::Segurado(outro),
    };
    true
}

fn evento_some(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    let eventos = &mut historia.conversas[0].eventos;
    // O último pode ser o que ainda não se tinha contado.
    if eventos.len() < 2 {
        return false;
    }
    eventos.remove(sorteio.ate(eventos.len() as u64 - 1) as usize - 1);
    true
}

fn eventos_trocados(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    let eventos = &mut historia.conversas[0].eventos;
    if eventos.len() < 2 {
        return false;
    }
    let i = sorteio.ate(eventos.len() as u64 - 1) as usize;
    let (antes, depois) = (eventos[i - 1].evento, eventos[i].evento);
    (eventos[i - 1].evento, eventos[i].evento) = (depois, antes);
    true
}

fn esquece_um(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| match &mut troca.resposta {
        Some(Resposta::Recusado(recusa)) => match &mut recusa.erro {
            Error::Ocupado(nomes) | Error::NaoESeu(nomes) | Error::NaoSegurado(nomes) if nomes.len() > 1 => {
                *nomes = *nomes - nomes.primeiros(1);
                true
            }
            _ => false,
        },
        _ => false,
    })
}

fn nomeia_livre(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| {
        let pedidos = crate::par::pedidos(&troca.pedido).unwrap_or_default();
        match &mut troca.resposta {
            Some(Resposta::Recusado(recusa)) => match &mut recusa.erro {
                Error::Ocupado(nomes) | Error::NaoESeu(nomes) if *nomes != pedidos => {
                    *nomes |= (pedidos - *nomes).primeiros(1);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    })
}

/// A versão da resposta, se ela mudou a sala com certeza: quem repete diz a verdade em mais de uma versão.
fn versao(troca: &mut Troca) -> Option<&mut Versao> {
    match &mut troca.resposta {
        Some(Resposta::Confirmado { versao, .. }) => Some(versao),
        Some(Resposta::Cancelado { versao, assentos }) if !assentos.is_empty() => Some(versao),
        _ => None,
    }
}

fn versao_repetida(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| {
        versao(troca).filter(|versao| versao.0 > 0).is_some_and(|versao| {
            versao.0 -= 1;
            true
        })
    })
}

fn versao_pulada(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| {
        versao(troca).is_some_and(|versao| {
            versao.0 += 1;
            true
        })
    })
}

fn cerca_repetida(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| match &mut troca.resposta {
        Some(Resposta::TokenConcedido { cerca, .. }) if cerca.0 > 1 => {
            *cerca = Cerca(cerca.0 - 1);
            true
        }
        _ => false,
    })
}

fn respostas_trocadas(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    for conversa in &mut historia.conversas {
        let comeco = sorteio.ate(conversa.trocas.len() as u64) as usize;
        let muda = |i: &usize| {
            let [uma, outra] = [&conversa.trocas[i - 1], &conversa.trocas[*i]];
            let texto = |troca: &Troca| troca.resposta.as_ref().map(ToString::to_string);
            // Do token não se sabe a ordem, se os dois pedidos saíram juntos.
            texto(uma) != texto(outra) && uma.pedido.palavra() != outra.pedido.palavra()
        };
        let Some(i) = (comeco..conversa.trocas.len()).find(muda) else { continue };
        let (antes, depois) = conversa.trocas.split_at_mut(i);
        std::mem::swap(&mut antes[i - 1].resposta, &mut depois[0].resposta);
        return true;
    }
    false
}

fn livres_a_mais(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| match &mut troca.resposta {
        Some(Resposta::Recusado(recusa)) => match &mut recusa.erro {
            Error::Insuficiente { livres } if *livres > 0 => {
                *livres -= 1;
                true
            }
            _ => false,
        },
        _ => false,
    })
}

fn lista_esquece(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    uma(historia, sorteio, |troca, _| match &mut troca.resposta {
        Some(Resposta::Listado { quadro, .. }) if !quadro.ocupados.is_empty() => {
            let um: Assentos = quadro.ocupados.iter().last().map(Assento::into).unwrap_or_default();
            quadro.ocupados = quadro.ocupados - um;
            quadro.seus = quadro.seus - um;
            true
        }
        _ => false,
    })
}

fn resposta_some(historia: &mut Historia, sorteio: &mut Sorteio) -> bool {
    let conversa = &mut historia.conversas[sorteio.ate(5) as usize - 1];
    let ultima = conversa.trocas.len() as u64 - 1;
    conversa.trocas[sorteio.ate(ultima) as usize - 1].resposta = None;
    true
}
