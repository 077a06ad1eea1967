//! A quinta lei: cada resposta é de um pedido, da espécie certa e só sobre o que se pediu.
//!
//! Olha uma troca por vez, e o que sobrou de cada conversa; não sabe nada da sala.

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Alvo, Assentos, Comando, ComandoToken, Error, Escolha, Pedido, Recusa, Resposta, Segundos};

use super::veredito::{Fonte, Problema, Veredito};
use crate::historia::{Conversa, Troca};

/// Confere as respostas de uma conversa.
pub(super) fn conferir(conversa: &Conversa, veredito: &mut Veredito) {
    let cliente = conversa.cliente;
    let ouviu = |troca: &Troca| troca.resposta.is_some();
    let ultima = conversa.trocas.iter().rposition(ouviu);
    for (i, troca) in conversa.trocas.iter().enumerate() {
        let fonte = Fonte::Troca(cliente, troca);
        match &troca.resposta {
            None if ultima.is_some_and(|ultima| i < ultima) => {
                let seguinte = conversa.trocas[i..].iter().find(|troca| ouviu(troca));
                let provas = [Some(fonte), seguinte.map(|troca| Fonte::Troca(cliente, troca))];
                let provas: Vec<_> = provas.into_iter().flatten().collect();
                veredito.acusar(Problema::RespostaQueFalta, Assentos::NENHUM, &provas, || {
                    "o pedido ficou sem resposta, e um pedido posterior da mesma conexão foi respondido"
                        .into()
                });
            }
            Some(resposta) if !serve(&troca.pedido, resposta) => {
                veredito.acusar(Problema::RespostaTrocada, Assentos::NENHUM, &[fonte], || {
                    "a resposta não é da espécie que este pedido tem, ou fala do que não se pediu".into()
                });
            }
            _ => {}
        }
    }
    for sobra in &conversa.sobras {
        if !pode_vir_sem_pedido(&sobra.texto) {
            let provas = [Fonte::Sobra(cliente, sobra)];
            veredito.acusar(Problema::RespostaQueSobra, Assentos::NENHUM, &provas, || {
                "não é resposta a pedido nenhum, nem evento".into()
            });
        }
    }
}

/// O servidor pode dizer por que fecha sem que se tenha pedido nada.
fn pode_vir_sem_pedido(texto: &str) -> bool {
    let codigo = texto.split_ascii_whitespace().nth(1);
    texto.starts_with("ERRO ") && matches!(codigo, Some("ENCERRANDO" | "INATIVO"))
}

/// Diz se esta pode ser a resposta deste pedido, na espécie, nos assentos que nomeia e em dizer ou não a versão.
pub(super) fn serve(pedido: &Comando, resposta: &Resposta) -> bool {
    match resposta {
        Resposta::Recusado(recusa) => recusa_serve(pedido, recusa),
        _ => aceite_serve(pedido, resposta),
    }
}

fn aceite_serve(pedido: &Comando, resposta: &Resposta) -> bool {
    match (pedido, resposta) {
        (Comando::Reservar { pedido, .. }, Resposta::Reservado { assentos, ocupados, .. }) => {
            reservado_serve(*pedido, *assentos, *ocupados)
        }
        (Comando::Aguardar { escolha, .. }, Resposta::Reservado { assentos, ocupados, .. }) => {
            escolhido(*escolha, *assentos) && ocupados.is_empty()
        }
        (Comando::Segurar { escolha, por }, Resposta::Segurado { assentos, expira, .. }) => {
            escolhido(*escolha, *assentos) && *expira <= por.get()
        }
        (Comando::Confirmar(quais), Resposta::Confirmado { assentos, .. }) => {
            !assentos.is_empty() && quais.is_none_or(|quais| quais == *assentos)
        }
        (Comando::Cancelar { alvo, .. }, Resposta::Cancelado { assentos, .. }) => match alvo {
            Alvo::Tudo => true,
            Alvo::Estes(pedidos) => pedidos == assentos,
        },
        (Comando::Token(ComandoToken::Solicitar { por, .. }), Resposta::TokenConcedido { prazo, .. }) => {
            Segundos::new(*prazo) == Some(*por)
        }
        (Comando::Nome(pedido), Resposta::Nome(nome)) => pedido == nome,
        (Comando::Retomar { cliente, .. }, Resposta::Retomado(este)) => cliente == este,
        (Comando::Listar, Resposta::Listado { .. })
        | (Comando::Mapa, Resposta::Mapa { .. })
        | (Comando::Historico(_), Resposta::Historico { .. })
        | (Comando::Observar, Resposta::Observando { .. })
        | (Comando::Parar, Resposta::Parado)
        | (Comando::Token(ComandoToken::Liberar), Resposta::Liberado { .. })
        | (Comando::Token(ComandoToken::Estado), Resposta::TokenEstado { .. })
        | (Comando::Estado, Resposta::Estado(_))
        | (Comando::Ajuda(_), Resposta::Ajuda(_))
        | (Comando::Ping, Resposta::Pong)
        | (Comando::Sair, Resposta::AteLogo) => true,
        _ => false,
    }
}

fn reservado_serve(pedido: Pedido, assentos: Assentos, ocupados: Assentos) -> bool {
    match pedido {
        Pedido::Todos(pedidos) => assentos == pedidos && ocupados.is_empty(),
        Pedido::Parcial(pedidos) => {
            !assentos.is_empty() && (assentos & ocupados).is_empty() && (assentos | ocupados) == pedidos
        }
        Pedido::Quantidade { quantos, preferidos } => {
            assentos.len() == quantos
                && (ocupados - preferidos).is_empty()
                && (assentos & ocupados).is_empty()
        }
    }
}

fn escolhido(escolha: Escolha, assentos: Assentos) -> bool {
    match escolha {
        Escolha::Estes(pedidos) => assentos == pedidos,
        Escolha::Quantidade(quantos) => assentos.len() == quantos,
    }
}

/// O que o pedido nomeia; `None` se é por quantidade.
pub(super) fn pedidos(pedido: &Comando) -> Option<Assentos> {
    match pedido {
        Comando::Reservar { pedido: Pedido::Todos(a) | Pedido::Parcial(a), .. }
        | Comando::Segurar { escolha: Escolha::Estes(a), .. }
        | Comando::Aguardar { escolha: Escolha::Estes(a), .. }
        | Comando::Cancelar { alvo: Alvo::Estes(a), .. }
        | Comando::Confirmar(Some(a)) => Some(*a),
        _ => None,
    }
}

/// Quantos assentos se pedem à escolha do servidor, se é assim que se pedem.
pub(super) const fn quantidade(pedido: &Comando) -> Option<u32> {
    match pedido {
        Comando::Reservar { pedido: Pedido::Quantidade { quantos, .. }, .. }
        | Comando::Segurar { escolha: Escolha::Quantidade(quantos), .. }
        | Comando::Aguardar { escolha: Escolha::Quantidade(quantos), .. } => Some(*quantos),
        _ => None,
    }
}

fn recusa_serve(pedido: &Comando, recusa: &Recusa) -> bool {
    let nomeia = |assentos: &Assentos| {
        !assentos.is_empty() && pedidos(pedido).is_some_and(|pedidos| (*assentos - pedidos).is_empty())
    };
    let (especie, com_versao) = match &recusa.erro {
        Error::Ocupado(assentos) => match pedido {
            Comando::Reservar { pedido: Pedido::Parcial(todos), .. } => (assentos == todos, true),
            Comando::Reservar { .. } | Comando::Segurar { .. } => (nomeia(assentos), true),
            _ => (false, true),
        },
        Error::Insuficiente { livres } => {
            let ha = if matches!(pedido, Comando::Aguardar { .. }) { ASSENTOS_MAX.into() } else { *livres };
            (quantidade(pedido).is_some_and(|quantos| quantos > ha), true)
        }
        Error::JaReservado(assentos) => (matches!(pedido, Comando::Segurar { .. }) && nomeia(assentos), true),
        Error::NaoSegurado(assentos) => match pedido {
            Comando::Confirmar(None) => (assentos.is_empty(), true),
            Comando::Confirmar(Some(_)) => (nomeia(assentos), true),
            _ => (false, true),
        },
        Error::NaoESeu(assentos) => (matches!(pedido, Comando::Cancelar { .. }) && nomeia(assentos), true),
        Error::TempoEsgotado => match pedido {
            Comando::Aguardar { .. } => (true, true),
            _ => (matches!(pedido, Comando::Token(ComandoToken::Solicitar { .. })), false),
        },
        Error::CercaVencida { .. } => (cerca(pedido).is_some(), true),
        Error::TokenJaESeu => (matches!(pedido, Comando::Token(ComandoToken::Solicitar { .. })), false),
        Error::TokenNaoESeu => (matches!(pedido, Comando::Token(ComandoToken::Liberar)), false),
        Error::Limite { .. } => (toma(pedido), true),
        Error::ChaveInvalida => (matches!(pedido, Comando::Retomar { .. }), false),
        // O que não pôde ser gravado, e o servidor que para, podem ser a resposta de qualquer pedido.
        Error::Indisponivel | Error::Encerrando | Error::Inativo => return true,
        // Os pedidos da história são bem escritos.
        _ => (false, false),
    };
    especie && recusa.versao.is_some() == com_versao
}

const fn toma(pedido: &Comando) -> bool {
    matches!(pedido, Comando::Reservar { .. } | Comando::Segurar { .. } | Comando::Aguardar { .. })
}

/// A cláusula `CERCA` do pedido, se a tem.
pub(super) const fn cerca(pedido: &Comando) -> Option<protocolo::Cerca> {
    match pedido {
        Comando::Reservar { cerca, .. } | Comando::Cancelar { cerca, .. } => *cerca,
        _ => None,
    }
}
