//! Os pedidos sorteados. Não sabe o que eles fazem.

use protocolo::{Alvo, Assento, Assentos, Cerca, Comando, ComandoToken, Escolha, Pedido, Segundos};

use super::Opcoes;
use arnes::Sorteio;

/// Um pedido qualquer.
pub(super) fn sortear(sorteio: &mut Sorteio, opcoes: &Opcoes, cerca: u64) -> Comando {
    let guarda = opcoes.completa && cerca > 0 && sorteio.ate(3) == 1;
    let cerca = guarda.then_some(Cerca(cerca));
    let variedade = if opcoes.completa { 23 } else { 10 };
    match sorteio.ate(variedade) {
        1..=3 => Comando::Reservar { pedido: Pedido::Todos(alguns(sorteio, opcoes)), cerca },
        4 => Comando::Reservar { pedido: Pedido::Parcial(alguns(sorteio, opcoes)), cerca },
        5 => {
            let preferidos = if sorteio.ate(2) == 1 { alguns(sorteio, opcoes) } else { Assentos::NENHUM };
            // A sala é maior que os assentos que se disputam: pouco de cada vez, para não a encher.
            let quantos = quantidade(sorteio);
            Comando::Reservar { pedido: Pedido::Quantidade { quantos, preferidos }, cerca }
        }
        6..=8 => Comando::Cancelar { alvo: Alvo::Estes(alguns(sorteio, opcoes)), cerca },
        9 => Comando::Cancelar { alvo: Alvo::Tudo, cerca },
        10 => Comando::Listar,
        11..=13 => Comando::Segurar { escolha: escolha(sorteio, opcoes), por: segundos(sorteio) },
        14 | 15 => Comando::Confirmar(Some(alguns(sorteio, opcoes))),
        16 => Comando::Confirmar(None),
        17 | 18 => Comando::Aguardar { escolha: escolha(sorteio, opcoes), ate: Some(segundos(sorteio)) },
        19 | 20 => {
            Comando::Token(ComandoToken::Solicitar { por: segundos(sorteio), ate: Some(segundos(sorteio)) })
        }
        21 => Comando::Token(ComandoToken::Liberar),
        22 => Comando::Token(ComandoToken::Estado),
        _ => Comando::Ping,
    }
}

fn quantidade(sorteio: &mut Sorteio) -> u32 {
    // Às vezes, mais do que há.
    if sorteio.ate(10) == 1 { 90 + sorteio.ate(20) as u32 } else { sorteio.ate(4) as u32 }
}

fn escolha(sorteio: &mut Sorteio, opcoes: &Opcoes) -> Escolha {
    if sorteio.ate(5) == 1 {
        Escolha::Quantidade(quantidade(sorteio))
    } else {
        Escolha::Estes(alguns(sorteio, opcoes))
    }
}

fn alguns(sorteio: &mut Sorteio, opcoes: &Opcoes) -> Assentos {
    let quantos = sorteio.ate(3);
    (0..quantos).filter_map(|_| Assento::new(sorteio.ate(opcoes.assentos.into()) as u8)).collect()
}

const fn segundos(sorteio: &mut Sorteio) -> Segundos {
    match Segundos::new(sorteio.ate(2) as u32) {
        Some(segundos) => segundos,
        None => Segundos::TOKEN_PADRAO,
    }
}
