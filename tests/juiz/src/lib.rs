//! O juiz: entra a história de uma prova, sai o veredito. É uma função pura, sem socket, sem relógio e sem tela.
//!
//! Não usa a crate `servidor`: tem a sua própria ideia do que a sala é (`sala`) e do que cada resposta diz (`dito`). Só
//! acusa o que não tem desculpa possível: o pedido sem resposta pode ter acontecido ou não, o prazo pode ter vencido logo que
//! podia, e o que não se sabe fica em dúvida até que alguém o diga.
//!
//! As leis, e quem as confere:
//!
//! 1. **Nenhum assento tem dois donos.** (`replay`, `assento`)
//! 2. **Toda resposta, sim ou não, era verdadeira na versão que nomeia, e as versões respeitam o tempo**: quem pede depois de
//!    ouvir uma versão não ouve uma menor, e uma mudança não é de uma versão ouvida antes de ela ser pedida. É
//!    linearizabilidade, conferida duas vezes por caminhos que não se encontram: `replay` refaz a história na ordem das
//!    versões; `assento` esquece as versões e procura, para cada assento, uma ordem que caiba nas horas (`linear`). Cada
//!    versão é de alguém: de quem a nomeia, de quem a viu num evento, de um pedido sem resposta, de um prazo vencido, ou de
//!    outra pessoa, se a história não está sozinha (`lacuna`).
//! 3. **O que se vê concorda com o que se respondeu**: `LISTAR`, `MAPA`, e os eventos somados (`plateia`, `eventos`).
//! 4. **Nada se perde**: o que foi dado e não foi devolvido está lá no fim, quando cada conexão lista a sala depois que todas
//!    as outras ouviram a última resposta (`replay`).
//! 5. **Cada resposta é de um pedido**, da espécie certa e só do que se pediu; nenhuma falta e nenhuma sobra (`par`).
//! 6. **O token tem um dono só**, a cerca só cresce e não se repete, o que ela guarda não é de dono atrasado, e o contador conta
//!    as liberações (`token`).
//!
//! Uma história sem versões e sem respostas escritas, só com as horas de cada operação (a do laboratório), é julgada por
//! [`intervalos`].
//!
//! Depois de uma contradição o juiz esquece o que sabia daqueles assentos e torna a aprender: a primeira mentira de cada
//! espécie é a que interessa.

#![forbid(unsafe_code)]

mod assento;
mod dito;
#[cfg(test)]
mod gerador;
pub mod historia;
pub mod intervalos;
mod lacuna;
mod linear;
mod par;
mod plateia;
mod replay;
mod sala;
mod tempo;
mod token;
mod veredito;

pub use linear::{Conclusao, Especificacao, Intervalo, procurar};
pub use veredito::{Conferidos, INFRACOES_MAX, Infracao, Lei, Problema, Prova, Veredito};

use crate::historia::Historia;
use protocolo::{Comando, ComandoToken};

/// Julga a história por todas as leis.
pub fn julgar(historia: &Historia) -> Veredito {
    let mut veredito = Veredito::default();
    contar(historia, &mut veredito);
    por_versoes_em(historia, &mut veredito);
    assento::conferir(historia, &mut veredito);
    veredito
}

/// Só a primeira conferência: na ordem das versões, com as leis que se conferem com ela (todas, menos a busca).
pub fn por_versoes(historia: &Historia) -> Veredito {
    let mut veredito = Veredito::default();
    por_versoes_em(historia, &mut veredito);
    veredito
}

/// Só a segunda: um assento por vez, só pelas horas e pelos resultados.
pub fn por_assentos(historia: &Historia) -> Veredito {
    let mut veredito = Veredito::default();
    assento::conferir(historia, &mut veredito);
    veredito
}

fn contar(historia: &Historia, veredito: &mut Veredito) {
    for conversa in &historia.conversas {
        let respondidas = conversa.trocas.iter().filter(|troca| troca.resposta.is_some()).count() as u64;
        veredito.conferidos.trocas += respondidas;
        veredito.conferidos.sem_resposta += conversa.trocas.len() as u64 - respondidas;
        veredito.conferidos.eventos += conversa.eventos.len() as u64;
    }
}

fn por_versoes_em(historia: &Historia, veredito: &mut Veredito) {
    let atos = tempo::atos(historia);
    let mut grupos = Vec::new();
    for (numero, conversa) in (0..).zip(&historia.conversas) {
        par::conferir(conversa, veredito);
        plateia::ler(numero, conversa, veredito, &mut grupos);
    }
    // Estável: os grupos de uma conexão ficam na ordem em que chegaram.
    grupos.sort_by_key(|grupo| grupo.versao);
    replay::refazer(historia, &atos, &grupos, veredito);
    tempo::conferir(historia, &atos, veredito);
    token::conferir(&atos, liberacoes_sem_resposta(historia), veredito);
}

fn liberacoes_sem_resposta(historia: &Historia) -> u64 {
    let trocas = historia.conversas.iter().flat_map(|conversa| &conversa.trocas);
    let liberar = |troca: &&crate::historia::Troca| {
        troca.resposta.is_none() && matches!(troca.pedido, Comando::Token(ComandoToken::Liberar))
    };
    trocas.filter(liberar).count() as u64
}

#[cfg(test)]
mod tests;
