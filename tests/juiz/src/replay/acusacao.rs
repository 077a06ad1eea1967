//! Dar nome a uma contradição: quem desmente quem, e que problema isso é.
//!
//! A contradição já foi achada pelo [`replay`](super); aqui se escolhem o nome e as provas, e se esquece o que se sabia
//! dos assentos dela.

use protocolo::{Assento, Assentos, ClientId, Error, Recusa, Resposta};

use super::{Feita, Replay};
use crate::dito::{Classes, Efeito, Posse, dito};
use crate::historia::Troca;
use crate::par::serve;
use crate::tempo::{Ato, nanos};
use crate::veredito::{Fonte, INFRACOES_MAX, Problema};

/// Foi dado OK a estes assentos, e eles não podiam ter sido dados.
pub(super) fn concedidos<'a>(replay: &mut Replay<'a, '_>, ato: &Ato<'a>, errados: Assentos) {
    if errados.is_empty() {
        return;
    }
    let toma = matches!(ato.resposta, Resposta::Reservado { .. } | Resposta::Segurado { .. });
    if !(toma && duplicada(replay, ato, errados)) {
        acusar(replay, Problema::RespostaFalsa, errados, ato, "não estavam como o pedido precisa");
    }
}

/// Dos assentos que se tomaram, algum já era de outra pessoa: acusa a reserva duplicada, e diz se a acusou.
fn duplicada<'a>(replay: &mut Replay<'a, '_>, ato: &Ato<'a>, errados: Assentos) -> bool {
    let alheios: Assentos = errados
        .iter()
        .filter(|um| replay.sala.lugar(*um).classes(ato.cliente).dentro_de(Classes::ALHEIO))
        .collect();
    if !alheios.is_empty() {
        acusar(replay, Problema::ReservaDuplicada, alheios, ato, "já eram de outra pessoa");
    }
    !alheios.is_empty()
}

/// Um OK nomeia uma versão que outro fez, e não é uma repetição.
pub(super) fn duas_mudancas<'a>(
    replay: &mut Replay<'a, '_>,
    ato: &Ato<'a>,
    efeito: &Efeito,
    errados: Assentos,
) {
    let toma = matches!(efeito.viram, Posse::De(..));
    if toma && duplicada(replay, ato, errados) {
        return;
    }
    let versao = replay.atual;
    let Some(Feita { todos: seus, autor, .. }) = replay.mudanca else {
        let motivo = format!("a versão {versao} já existia, e nesta não mudou nada que o explique");
        replay.veredito.acusar(Problema::AtualizacaoPerdida, errados, &[ato.fonte()], || motivo);
        replay.sala.esquecer(errados);
        return;
    };
    replay.veredito.acusar(Problema::AtualizacaoPerdida, errados | seus, &[autor, ato.fonte()], || {
        format!("duas mudanças com a mesma versão, {versao}: uma foi escrita por cima da outra")
    });
    replay.sala.esquecer(errados | seus);
}

/// Uma resposta diz de uns assentos o que eles não podem ser.
pub(super) fn frase<'a>(replay: &mut Replay<'a, '_>, ato: &Ato<'a>, sao: Classes, errados: Assentos) {
    // Cada assento pode desmentir outra resposta: uma acusação para cada problema.
    let mut restam = errados;
    while let Some(um) = restam.iter().next() {
        let problema = de_que(replay, ato, sao, um);
        let iguais: Assentos =
            restam.iter().filter(|outro| de_que(replay, ato, sao, *outro) == problema).collect();
        acusar(replay, problema, iguais, ato, diz(sao));
        restam = restam - iguais;
    }
}

/// O que a resposta diz que eles são.
fn diz(sao: Classes) -> &'static str {
    if sao == Classes::LIVRE {
        "esta resposta diz que estão livres, e não estavam"
    } else if sao.dentro_de(Classes::SEU) {
        "esta resposta diz que são de quem pediu, e não eram"
    } else if sao.dentro_de(Classes::ALHEIO) {
        "esta resposta diz que são de outra pessoa, e não eram"
    } else if !sao.cruza(Classes::ALHEIO) {
        "esta resposta diz que não são de outra pessoa, e eram"
    } else {
        "esta resposta diz que não são de quem pediu, e eram"
    }
}

fn de_que(replay: &Replay<'_, '_>, ato: &Ato<'_>, sao: Classes, assento: Assento) -> Problema {
    let lugar = replay.sala.lugar(assento);
    let era = lugar.classes(ato.cliente);
    let tinha_dono = !era.cruza(Classes::LIVRE);
    let retrato = matches!(ato.resposta, Resposta::Listado { .. } | Resposta::Mapa { .. });
    let mesma_versao = lugar.autor.is_some() && lugar.versao == replay.atual
        || replay.retrato.is_some_and(|(versao, _)| versao == replay.atual);
    // O assento que era de alguém já não é dele.
    let sumiu = tinha_dono && sao == Classes::LIVRE
        || era.dentro_de(Classes::SEU) && !sao.cruza(Classes::SEU)
        || era.dentro_de(Classes::ALHEIO) && sao.dentro_de(Classes::SEU);
    if retrato {
        if sumiu && nanos(ato.troca.enviado) > replay.fim && !mesma_versao {
            Problema::Perdido
        } else if sumiu && !mesma_versao {
            Problema::AtualizacaoPerdida
        } else {
            Problema::VisaoInconsistente
        }
    } else if era.dentro_de(Classes::SEU) && nega_o_seu(ato.resposta) {
        Problema::AtualizacaoPerdida
    } else {
        Problema::RespostaFalsa
    }
}

/// A recusa nomeia os assentos como não sendo de quem pediu.
const fn nega_o_seu(resposta: &Resposta) -> bool {
    matches!(
        resposta,
        Resposta::Recusado(Recusa {
            erro: Error::Ocupado(_) | Error::NaoESeu(_) | Error::NaoSegurado(_),
            ..
        })
    )
}

/// Acusa, com as respostas que esta desmente, e esquece o que se sabia dos assentos.
fn acusar<'a>(
    replay: &mut Replay<'a, '_>,
    problema: Problema,
    assentos: Assentos,
    ato: &Ato<'a>,
    motivo: &str,
) {
    let provas: Vec<_> = desmentidos(replay, problema, assentos).into_iter().chain([ato.fonte()]).collect();
    let versao = replay.atual;
    replay.veredito.acusar(problema, assentos, &provas, || {
        format!("na versão {versao}, os assentos {assentos}: {motivo}")
    });
    replay.sala.esquecer(assentos);
}

/// Quem disse o que estes assentos são: por que resposta o dono os teve, e quem os mudou ou mostrou por último; se ninguém,
/// quem listou a sala na mesma versão.
pub(super) fn desmentidos<'a>(
    replay: &Replay<'a, '_>,
    problema: Problema,
    assentos: Assentos,
) -> Vec<Fonte<'a>> {
    let mut autores: Vec<Fonte<'a>> = Vec::new();
    // Procurar quem percorre a história: só se faz para as infrações que se guardam.
    if replay.veredito.quantas(problema) >= INFRACOES_MAX as u64 {
        return autores;
    }
    for um in assentos {
        let autor = replay.autor(um).map(|(_, fonte)| fonte);
        for fonte in [concessao(replay, um), autor].into_iter().flatten() {
            if autores.iter().all(|outra| !outra.e_a_mesma(fonte)) {
                autores.push(fonte);
            }
        }
    }
    if autores.is_empty() {
        let retrato = replay.retrato.filter(|(versao, _)| *versao == replay.atual);
        autores.extend(retrato.map(|(_, fonte)| fonte));
    }
    autores
}

/// Se do dono só se sabe por quem o mostrou: a última vez, até esta versão, em que este assento lhe foi dado.
fn concessao<'a>(replay: &Replay<'a, '_>, assento: Assento) -> Option<Fonte<'a>> {
    let lugar = replay.sala.lugar(assento);
    let Some(Posse::De(dono, _)) = lugar.certo() else { return None };
    match lugar.autor? {
        Fonte::Troca(cliente, troca) if !deu(cliente, troca, dono, assento) => {}
        _ => return None,
    }
    let versao = |ato: &Ato<'_>| ato.resposta.versao().map(|versao| versao.0);
    let deram = replay.atos.iter().filter(|ato| deu(ato.cliente, ato.troca, dono, assento));
    let ate_aqui = deram.filter(|ato| versao(ato) <= Some(replay.atual));
    ate_aqui.max_by_key(|ato| (versao(ato), ato.troca.ouvido)).map(Ato::fonte)
}

/// Diz se foi por esta troca que o assento passou a ser de `dono`.
fn deu(cliente: ClientId, troca: &Troca, dono: ClientId, assento: Assento) -> bool {
    let resposta = troca.resposta.as_ref().filter(|resposta| serve(&troca.pedido, resposta));
    let efeito = resposta.and_then(|resposta| dito(cliente, &troca.pedido, resposta).efeito);
    cliente == dono
        && efeito.is_some_and(|um| matches!(um.viram, Posse::De(..)) && um.assentos.contem(assento))
}
