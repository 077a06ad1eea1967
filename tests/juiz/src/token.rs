//! A sexta lei: o token tem um dono só, e a cerca só cresce.
//!
//! De cada posse só se usa o que é certo: o token era da conexão pelo menos de quando o OK chegou até quando o `LIBERAR`
//! saiu, ou até o prazo, contado do pedido. Por isso dois intervalos que se cruzam são dois donos, sem desculpa possível. As
//! versões da sala só entram na cerca: o que um número guardou vem antes do que o seguinte guardou.

use std::collections::HashMap;

use protocolo::{Assentos, ClientId, Comando, ComandoToken, Error, Resposta};

use super::dito::dito;
use super::par::cerca;
use super::tempo::{Ato, nanos};
use super::veredito::{Problema, Veredito};

/// Uma concessão do token.
#[derive(Clone, Copy, Debug)]
struct Posse<'a> {
    ato: Ato<'a>,
    cerca: u64,
    contador: u64,
    /// Quando chegou o OK.
    obteve: u64,
    /// Até quando era com certeza dele; antes de `obteve`, se nada é certo.
    ate: u64,
    /// Depois disto o prazo venceu com certeza.
    vence: u64,
    largou: Option<Largou<'a>>,
}

/// Como a posse acabou.
#[derive(Clone, Copy, Debug)]
struct Largou<'a> {
    ato: Ato<'a>,
    /// O contador que o servidor disse; `None`: disse que já não era dele.
    contador: Option<u64>,
}

const SEGUNDO: u64 = 1_000_000_000;

/// Confere tudo o que se disse do token.
pub(super) fn conferir(atos: &[Ato<'_>], sem_resposta: u64, veredito: &mut Veredito) {
    let mut posses = posses(atos);
    veredito.conferidos.concessoes = posses.len() as u64;
    tirado_cedo(&posses, veredito);
    posses.sort_by_key(|posse| (posse.obteve, posse.ate));
    dois_donos(&posses, veredito);
    estados(atos, &posses, veredito);
    cercas(&posses, veredito);
    numeros_no_tempo(atos, veredito);
    guardados(atos, &posses, veredito);
    posses.sort_by_key(|posse| posse.cerca);
    contadores(&posses, sem_resposta, veredito);
}

/// As concessões, cada uma com o fim que a mesma conversa lhe deu.
fn posses<'a>(atos: &[Ato<'a>]) -> Vec<Posse<'a>> {
    let mut posses: Vec<Posse<'a>> = Vec::new();
    let mut aberta: Option<Posse<'a>> = None;
    for (i, ato) in atos.iter().enumerate() {
        if aberta.is_some_and(|posse| posse.ato.conversa != ato.conversa) {
            posses.extend(aberta.take());
        }
        match (&ato.troca.pedido, ato.resposta) {
            (_, Resposta::TokenConcedido { cerca, contador, prazo, .. }) => {
                posses.extend(aberta.take());
                let prazo = u64::from(*prazo);
                let (enviado, obteve) = (nanos(ato.troca.enviado), nanos(ato.troca.ouvido));
                // O relógio do servidor, se é outro, pode andar um milésimo mais depressa, ou mais devagar.
                let vence = obteve + prazo * SEGUNDO / 1000 * 1001;
                let ate = (enviado + prazo * SEGUNDO / 1000 * 999).min(ultimo_envio(&atos[i..]));
                let (cerca, contador) = (cerca.0, *contador);
                aberta = Some(Posse { ato: *ato, cerca, contador, obteve, ate, vence, largou: None });
            }
            (Comando::Token(ComandoToken::Liberar), resposta) => {
                let Some(mut posse) = aberta.take() else { continue };
                let contador = match resposta {
                    Resposta::Liberado { contador, .. } => Some(*contador),
                    Resposta::Recusado(recusa) if recusa.erro == Error::TokenNaoESeu => None,
                    _ => {
                        aberta = Some(posse);
                        continue;
                    }
                };
                let enviado = nanos(ato.troca.enviado);
                // Quem o liberou ainda o tinha.
                posse.ate = if contador.is_some() { enviado } else { posse.ate.min(enviado) };
                posse.largou = Some(Largou { ato: *ato, contador });
                posses.push(posse);
            }
            // Quem volta a ser outro larga o token.
            (Comando::Retomar { .. }, _) => {
                if let Some(posse) = &mut aberta {
                    posse.ate = posse.ate.min(nanos(ato.troca.enviado));
                }
                posses.extend(aberta.take());
            }
            _ => {}
        }
    }
    posses.extend(aberta);
    posses
}

/// A última vez em que a conexão com certeza ainda estava lá: quando mandou o último pedido que se respondeu.
fn ultimo_envio(atos: &[Ato<'_>]) -> u64 {
    let conversa = atos[0].conversa;
    let dela = atos.partition_point(|ato| ato.conversa == conversa);
    nanos(atos[dela - 1].troca.enviado)
}

fn tirado_cedo(posses: &[Posse<'_>], veredito: &mut Veredito) {
    for posse in posses {
        let Some(Largou { ato, contador: None }) = posse.largou else { continue };
        let Resposta::TokenConcedido { prazo, .. } = posse.ato.resposta else { continue };
        let pode = nanos(posse.ato.troca.enviado) + u64::from(*prazo) * SEGUNDO / 1000 * 999;
        if nanos(ato.troca.ouvido) < pode {
            let provas = [posse.ato.fonte(), ato.fonte()];
            veredito.acusar(Problema::TokenTiradoCedo, Assentos::NENHUM, &provas, || {
                format!("o prazo era de {prazo} s, e antes disso o token já não era dele")
            });
        }
    }
}

/// Os intervalos que se cruzam. Encostar não é cruzar.
fn dois_donos(posses: &[Posse<'_>], veredito: &mut Veredito) {
    let mut ultimo: Option<&Posse<'_>> = None;
    for posse in posses.iter().filter(|posse| posse.obteve < posse.ate) {
        if let Some(anterior) = ultimo.filter(|anterior| posse.obteve < anterior.ate) {
            let provas = [anterior.ato.fonte(), posse.ato.fonte()];
            let juntos = anterior.ate.min(posse.ate) - posse.obteve;
            veredito.acusar(Problema::TokenDeDois, Assentos::NENHUM, &provas, || {
                format!("os dois eram donos ao mesmo tempo, por {} µs", juntos / 1000)
            });
        }
        if ultimo.is_none_or(|anterior| anterior.ate < posse.ate) {
            ultimo = Some(posse);
        }
    }
}

/// `TOKEN ESTADO`, `TOKEN_JA_E_SEU` e `CERCA_VENCIDA` dizem quem é o dono: enquanto o dono é certo, só pode ser ele.
fn estados(atos: &[Ato<'_>], posses: &[Posse<'_>], veredito: &mut Veredito) {
    let certas: Vec<&Posse<'_>> = posses.iter().filter(|posse| posse.obteve < posse.ate).collect();
    for ato in atos {
        let (problema, dono): (_, Option<ClientId>) = match ato.resposta {
            Resposta::TokenEstado { dono, .. } => (Problema::TokenDeDois, *dono),
            Resposta::Recusado(recusa) => match recusa.erro {
                Error::TokenJaESeu => (Problema::TokenDeDois, Some(ato.cliente)),
                Error::CercaVencida { .. } => (Problema::CercaDesrespeitada, None),
                _ => continue,
            },
            _ => continue,
        };
        let (enviado, ouvido) = (nanos(ato.troca.enviado), nanos(ato.troca.ouvido));
        let antes = certas.partition_point(|posse| posse.obteve <= enviado);
        let Some(posse) = antes.checked_sub(1).map(|i| certas[i]).filter(|posse| ouvido <= posse.ate) else {
            continue;
        };
        let mente = match problema {
            Problema::CercaDesrespeitada => {
                posse.ato.cliente == ato.cliente
                    && cerca(&ato.troca.pedido).is_some_and(|c| c.0 == posse.cerca)
            }
            _ => dono != Some(posse.ato.cliente),
        };
        if mente {
            let provas = [posse.ato.fonte(), ato.fonte()];
            veredito.acusar(problema, Assentos::NENHUM, &provas, || {
                format!("enquanto isto se respondia, o token era do cliente {}", posse.ato.cliente)
            });
        }
    }
}

/// Nenhuma cerca se repete; e a de quem era dono com certeza é maior que todas as ouvidas antes. `posses` na ordem em que
/// chegaram.
fn cercas(posses: &[Posse<'_>], veredito: &mut Veredito) {
    let mut vistas: HashMap<u64, &Posse<'_>> = HashMap::new();
    let mut maior: Option<&Posse<'_>> = None;
    for posse in posses {
        if let Some(outra) = vistas.insert(posse.cerca, posse) {
            let provas = [outra.ato.fonte(), posse.ato.fonte()];
            veredito.acusar(Problema::CercaRepetida, Assentos::NENHUM, &provas, || {
                format!("a cerca {} foi dada duas vezes", posse.cerca)
            });
        } else if let Some(antes) = maior.filter(|antes| {
            // A posse de quem já a largou pode ter sido lida muito depois de dada.
            let certa = posse.obteve < posse.ate || antes.obteve < nanos(posse.ato.troca.enviado);
            antes.cerca > posse.cerca && antes.obteve < posse.obteve && certa
        }) {
            let provas = [antes.ato.fonte(), posse.ato.fonte()];
            veredito.acusar(Problema::CercaForaDeOrdem, Assentos::NENHUM, &provas, || {
                format!("depois da cerca {} veio a {}", antes.cerca, posse.cerca)
            });
        }
        if maior.is_none_or(|antes| antes.cerca < posse.cerca) {
            maior = Some(posse);
        }
    }
}

/// A cerca e o contador que uma resposta diz.
fn numeros(resposta: &Resposta) -> (Option<u64>, Option<u64>) {
    match resposta {
        Resposta::TokenConcedido { cerca, contador, .. } | Resposta::TokenEstado { cerca, contador, .. } => {
            (Some(cerca.0), Some(*contador))
        }
        Resposta::Liberado { contador, .. } => (None, Some(*contador)),
        Resposta::Recusado(recusa) => match recusa.erro {
            Error::CercaVencida { atual } => (Some(atual.0), None),
            _ => (None, None),
        },
        _ => (None, None),
    }
}

/// O que se pede depois de ouvir um número não pode ouvir um menor; e o que cada um deu de novo é maior.
fn numeros_no_tempo(atos: &[Ato<'_>], veredito: &mut Veredito) {
    type Leitor = fn(&Resposta) -> Option<u64>;
    let quais: [(Problema, Leitor); 2] = [
        (Problema::CercaForaDeOrdem, |resposta| numeros(resposta).0),
        (Problema::ContadorErrado, |resposta| numeros(resposta).1),
    ];
    for (problema, ler) in quais {
        let mut enviados: Vec<&Ato<'_>> = atos.iter().filter(|ato| ler(ato.resposta).is_some()).collect();
        let mut ouvidos = enviados.clone();
        enviados.sort_by_key(|ato| ato.troca.enviado);
        ouvidos.sort_by_key(|ato| ato.troca.ouvido);
        let mut ouvidos = ouvidos.into_iter().peekable();
        let mut maior: Option<(&Ato<'_>, u64)> = None;
        for ato in enviados {
            while let Some(antes) = ouvidos.next_if(|antes| antes.troca.ouvido < ato.troca.enviado) {
                let disse = ler(antes.resposta).unwrap_or(0);
                if maior.is_none_or(|(_, maior)| maior < disse) {
                    maior = Some((antes, disse));
                }
            }
            let disse = ler(ato.resposta).unwrap_or(0);
            let novo = match problema {
                Problema::CercaForaDeOrdem => matches!(ato.resposta, Resposta::TokenConcedido { .. }),
                _ => matches!(ato.resposta, Resposta::Liberado { .. }),
            };
            let minimo = |maior: u64| maior + u64::from(novo);
            if let Some((antes, maior)) = maior.filter(|(_, maior)| disse < minimo(*maior)) {
                let provas = [antes.fonte(), ato.fonte()];
                veredito.acusar(problema, Assentos::NENHUM, &provas, || {
                    format!("já se tinha ouvido {maior} antes de este pedido sair, e ele ouve {disse}")
                });
            }
        }
    }
}

/// O que se fez com a cláusula `CERCA`: só o dono daquele número, antes de o prazo vencer e de ele o largar; e, na ordem das
/// versões, números que não diminuem.
fn guardados(atos: &[Ato<'_>], posses: &[Posse<'_>], veredito: &mut Veredito) {
    let por_cerca: HashMap<u64, &Posse<'_>> = posses.iter().map(|posse| (posse.cerca, posse)).collect();
    let mut mudaram: Vec<(u64, u64, &Ato<'_>)> = Vec::new();
    for ato in atos {
        let Some(numero) = cerca(&ato.troca.pedido).map(|cerca| cerca.0) else { continue };
        let Some(versao) = ato.resposta.versao() else { continue };
        if matches!(ato.resposta, Resposta::Recusado(_)) {
            continue;
        }
        let posse = por_cerca.get(&numero);
        let enviado = nanos(ato.troca.enviado);
        let culpa = match posse {
            None => Some("ninguém recebeu esta cerca"),
            Some(posse) if posse.ato.cliente != ato.cliente => Some("a cerca é de outro"),
            Some(posse) if enviado > posse.vence => Some("o prazo já tinha vencido"),
            Some(posse) if posse.largou.is_some_and(|largou| nanos(largou.ato.troca.ouvido) < enviado) => {
                Some("ele já tinha largado o token")
            }
            Some(_) => posses[..posses.partition_point(|outra| outra.obteve < enviado)]
                .last()
                .filter(|outra| outra.cerca > numero)
                .map(|_| "outro já tinha recebido o token"),
        };
        if let Some(culpa) = culpa {
            let dona = posse.map(|posse| posse.ato.fonte());
            let provas: Vec<_> = dona.into_iter().chain([ato.fonte()]).collect();
            veredito.acusar(Problema::CercaDesrespeitada, Assentos::NENHUM, &provas, || culpa.into());
        }
        if dito(ato.cliente, &ato.troca.pedido, ato.resposta).efeito.is_some() {
            mudaram.push((versao.0, numero, ato));
        }
    }
    mudaram.sort_by_key(|(versao, ..)| *versao);
    for par in mudaram.windows(2) {
        let ((antes, uma, primeiro), (depois, outra, segundo)) = (par[0], par[1]);
        if antes < depois && uma > outra {
            veredito.acusar(
                Problema::CercaDesrespeitada,
                Assentos::NENHUM,
                &[primeiro.fonte(), segundo.fonte()],
                || format!("depois do que a cerca {uma} guardou, mudou-se a sala com a {outra}"),
            );
        }
    }
}

/// Na ordem das cercas, o contador é o das liberações. `posses` nessa ordem.
fn contadores(posses: &[Posse<'_>], sem_resposta: u64, veredito: &mut Veredito) {
    let mut acusar = |antes: &Posse<'_>, ato: &Ato<'_>, disse: u64, entre: (u64, u64)| {
        if !(entre.0..=entre.1).contains(&disse) {
            let provas = [antes.ato.fonte(), ato.fonte()];
            veredito.acusar(Problema::ContadorErrado, Assentos::NENHUM, &provas, || {
                format!("disse contador {disse}, e as liberações dão de {} a {}", entre.0, entre.1)
            });
        }
    };
    for posse in posses {
        if let Some(Largou { ato, contador: Some(disse) }) = posse.largou {
            // Só o dono conta: entre a concessão e a liberação ninguém mais pode.
            acusar(posse, &ato, disse, (posse.contador + 1, posse.contador + 1));
        }
    }
    for par in posses.windows(2) {
        let (antes, depois) = (&par[0], &par[1]);
        let certas = antes.largou.is_some_and(|largou| largou.contador.is_some());
        let minimo = antes.contador + u64::from(certas);
        // As concessões que faltam são de outros, ou de quem caiu antes de saber.
        let alheias = depois.cerca.saturating_sub(antes.cerca + 1);
        let talvez = u64::from(antes.largou.is_none()) * u64::from(sem_resposta > 0);
        if antes.cerca < depois.cerca {
            acusar(antes, &depois.ato, depois.contador, (minimo, minimo + alheias + talvez));
        }
    }
}
