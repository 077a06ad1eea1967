//! Histórias falsas, uma ao menos por lei: o juiz diz a lei, o problema e as linhas culpadas.

use super::cenas::cena;
use crate::{Lei, Problema, Veredito, julgar, por_assentos, por_versoes};

/// Acha este problema, com estas linhas (o fim de cada prova, na ordem).
#[track_caller]
fn acusa(veredito: &Veredito, lei: Lei, problema: Problema, linhas: &[&str]) {
    let achada = veredito.infracoes.iter().find(|infracao| infracao.problema == problema);
    let infracao = achada.unwrap_or_else(|| panic!("faltou {problema:?}: {veredito}"));
    assert_eq!(infracao.lei, lei);
    let provas: Vec<String> = infracao.provas.iter().map(ToString::to_string).collect();
    let iguais = provas.len() == linhas.len() && provas.iter().zip(linhas).all(|(p, l)| p.ends_with(l));
    assert!(iguais, "as provas de {problema:?} são {provas:#?}");
}

const LISTA_VAZIA: &str =
    "LIVRES 1-100 / SEGURADOS / OCUPADOS / SEUS / OK LISTADO livres=100 segurados=0 ocupados=0 seus=0";

#[test]
fn dois_donos_com_a_mesma_versao() {
    let historia = cena(
        "1 | 0 10 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 1 11 | RESERVAR 3 | OK RESERVADO 3 versao=1",
    );
    let linhas = ["RESERVAR 3 | OK RESERVADO 3 versao=1", "11,000 ms | RESERVAR 3 | OK RESERVADO 3 versao=1"];
    acusa(&por_versoes(&historia), Lei::UmDono, Problema::ReservaDuplicada, &linhas);
    // As duas conferências acham a venda em dobro, cada uma sozinha.
    let busca = por_assentos(&historia);
    assert_eq!(busca.quantas(Problema::NaoLinearizavel), 1, "{busca}");
    assert_eq!(busca.infracoes[0].provas.len(), 2);
    assert_eq!(busca.infracoes[0].assentos.to_string(), "3");
}

#[test]
fn dois_donos_com_versoes_diferentes() {
    let historia = cena(
        "1 | 0 1 | RESERVAR 3 7 | OK RESERVADO 3 7 versao=1
         2 | 2 3 | RESERVAR 8 7 | OK RESERVADO 7 8 versao=2",
    );
    let linhas = ["RESERVAR 3 7 | OK RESERVADO 3 7 versao=1", "RESERVAR 7 8 | OK RESERVADO 7 8 versao=2"];
    acusa(&julgar(&historia), Lei::UmDono, Problema::ReservaDuplicada, &linhas);
    acusa(&por_assentos(&historia), Lei::Verdade, Problema::NaoLinearizavel, &linhas);
}

#[test]
fn o_texto_mostra_as_respostas_lado_a_lado() {
    let veredito = por_versoes(&cena(
        "7 | 12 13 | RESERVAR 3 | OK RESERVADO 3 versao=1
         9 | 12 14 | RESERVAR 3 | OK RESERVADO 3 versao=1",
    ));
    assert_eq!(
        veredito.infracoes[0].to_string(),
        "reserva duplicada: dois ouviram OK pelo mesmo assento (lei 1: nenhum assento tem dois donos); assentos 3\n  \
         na versão 1, os assentos 3: já eram de outra pessoa\n  \
         cliente 7 | 12,000 ms -> 13,000 ms | RESERVAR 3 | OK RESERVADO 3 versao=1\n  \
         cliente 9 | 12,000 ms -> 14,000 ms | RESERVAR 3 | OK RESERVADO 3 versao=1"
    );
}

#[test]
fn duas_mudancas_com_a_mesma_versao() {
    let veredito = julgar(&cena(
        "1 | 0 10 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 1 11 | RESERVAR 8 | OK RESERVADO 8 versao=1",
    ));
    let linhas = ["OK RESERVADO 3 versao=1", "OK RESERVADO 8 versao=1"];
    acusa(&veredito, Lei::Verdade, Problema::AtualizacaoPerdida, &linhas);
}

#[test]
fn o_que_foi_dado_some() {
    let veredito = julgar(&cena(&format!(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 2 3 | RESERVAR 8 | OK RESERVADO 8 versao=2
         2 | 4 5 | CANCELAR 8 | OK CANCELADO 8 versao=3
         3 | 4 5 | LISTAR | {LISTA_VAZIA} versao=3"
    )));
    let sumiu = ["OK RESERVADO 3 versao=1", "seus=0 versao=3"];
    acusa(&veredito, Lei::Verdade, Problema::AtualizacaoPerdida, &sumiu);
    let veredito = julgar(&cena(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 4 5 | CANCELAR 3 | ERRO NAO_E_SEU 3 versao=1",
    ));
    let linhas = ["OK RESERVADO 3 versao=1", "ERRO NAO_E_SEU 3 versao=1"];
    acusa(&veredito, Lei::Verdade, Problema::AtualizacaoPerdida, &linhas);
}

#[test]
fn duas_vistas_da_mesma_versao() {
    let cheia = "LIVRES 1-2 4-100 / SEGURADOS / OCUPADOS 3 / SEUS / OK LISTADO livres=99 segurados=0 ocupados=1 seus=0";
    let veredito = julgar(&cena(&format!(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 2 3 | LISTAR | {cheia} versao=1
         3 | 2 3 | LISTAR | {LISTA_VAZIA} versao=1
         3 | 9 10 | RESERVAR 9 | OK RESERVADO 9 versao=2"
    )));
    let linhas = ["OK RESERVADO 3 versao=1", "seus=0 versao=1"];
    acusa(&veredito, Lei::Vistas, Problema::VisaoInconsistente, &linhas);
}

#[test]
fn recusas_que_mentem() {
    let comeco = "1 | 0 1 | RESERVAR 3 7 | OK RESERVADO 3 7 versao=1\n";
    for (pedido, resposta) in [
        ("RESERVAR 3 7 9", "ERRO OCUPADO 3 versao=1"),
        ("RESERVAR 3 9", "ERRO OCUPADO 3 9 versao=1"),
        ("RESERVAR QUANTIDADE 99", "ERRO INSUFICIENTE livres=97 versao=1"),
        ("RESERVAR 9", "ERRO LIMITE max=4 versao=1"),
    ] {
        let veredito = julgar(&cena(&format!("{comeco}2 | 2 3 | {pedido} | {resposta}")));
        let infracao = &veredito.infracoes[0];
        assert_eq!(infracao.problema, Problema::RespostaFalsa, "{veredito}");
        assert_eq!(infracao.provas.last().unwrap().linha, resposta);
    }
}

#[test]
fn a_escolha_nao_e_a_da_regra() {
    for (pedido, resposta) in [
        ("RESERVAR QUANTIDADE 3", "OK RESERVADO 9 10 11 versao=2"),
        ("RESERVAR QUANTIDADE 1 PREFERINDO 50", "OK RESERVADO 9 versao=2"),
        ("RESERVAR QUANTIDADE 1 PREFERINDO 3", "OK RESERVADO 9 versao=2"),
    ] {
        let veredito = julgar(&cena(&format!(
            "1 | 0 1 | RESERVAR 1-8 | OK RESERVADO 1 2 3 4 5 6 7 8 versao=1
             2 | 2 3 | {pedido} | {resposta}"
        )));
        assert_eq!(veredito.infracoes[0].problema, Problema::RespostaFalsa, "{veredito}");
    }
}

#[test]
fn versao_que_o_relogio_desmente() {
    let veredito = julgar(&cena(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 2 3 | RESERVAR 4 | OK RESERVADO 4 versao=2
         2 | 4 5 | RESERVAR 3 | ERRO OCUPADO 3 versao=1",
    ));
    let linhas = ["OK RESERVADO 4 versao=2", "4,000 ms -> 5,000 ms | RESERVAR 3 | ERRO OCUPADO 3 versao=1"];
    acusa(&veredito, Lei::Verdade, Problema::VersaoForaDoTempo, &linhas);
    // A versão já se tinha ouvido quando saiu o pedido que a fez.
    let veredito = julgar(&cena(&format!(
        "2 | 0 1 | LISTAR | {LISTA_VAZIA} versao=1
         1 | 4 5 | RESERVAR 4 | OK RESERVADO 4 versao=1"
    )));
    assert_eq!(veredito.quantas(Problema::VersaoForaDoTempo), 1, "{veredito}");
}

#[test]
fn versao_de_ninguem() {
    let veredito = julgar(&cena(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 2 3 | RESERVAR 4 | OK RESERVADO 4 versao=3",
    ));
    let linhas = ["OK RESERVADO 3 versao=1", "OK RESERVADO 4 versao=3"];
    acusa(&veredito, Lei::Verdade, Problema::VersaoInexplicada, &linhas);
}

#[test]
fn o_pedido_sem_resposta_so_acontece_uma_vez() {
    let veredito = julgar(&cena(
        "1 | 0 1 | RESERVAR 1 | OK RESERVADO 1 versao=1
         2 | 2 3 | RESERVAR 3 | ?
         1 | 4 5 | RESERVAR 4 | OK RESERVADO 4 versao=3
         1 | 6 7 | RESERVAR 3 | OK RESERVADO 3 versao=4",
    ));
    let linhas = ["RESERVAR 3 | (sem resposta)", "OK RESERVADO 3 versao=4"];
    acusa(&veredito, Lei::UmDono, Problema::ReservaDuplicada, &linhas);
}

#[test]
fn eventos_que_mentem() {
    let comeco = "2 | 0 1 | OBSERVAR | OK OBSERVANDO versao=0
                  1 | 2 3 | RESERVAR 3 | OK RESERVADO 3 versao=1
                  1 | 4 5 | RESERVAR 4 | OK RESERVADO 4 versao=2\n";
    let veredito = julgar(&cena(&format!(
        "{comeco}2 | 5 | EVENTO 1 RESERVADO 3 cliente=9\n2 | 5 | EVENTO 2 RESERVADO 4 cliente=1"
    )));
    let linhas = ["OK RESERVADO 3 versao=1", "EVENTO 1 RESERVADO 3 cliente=9"];
    acusa(&veredito, Lei::Vistas, Problema::EventoFalso, &linhas);
    let veredito = julgar(&cena(&format!("{comeco}2 | 5 | EVENTO 2 RESERVADO 4 cliente=1")));
    let linhas = ["OK OBSERVANDO versao=0", "EVENTO 2 RESERVADO 4 cliente=1"];
    acusa(&veredito, Lei::Vistas, Problema::EventoPerdido, &linhas);
    let veredito = julgar(&cena(&format!(
        "{comeco}2 | 5 | EVENTO 1 RESERVADO 3 cliente=1\n2 | 6 7 | RESERVAR 4 | ERRO OCUPADO 4 versao=2"
    )));
    let linhas = ["EVENTO 1 RESERVADO 3 cliente=1", "ERRO OCUPADO 4 versao=2"];
    acusa(&veredito, Lei::Vistas, Problema::EventoPerdido, &linhas);
    let veredito = julgar(&cena("1 | 0 1 | PING | OK PONG\n1 | 2 | EVENTO 1 LIVRE 3"));
    acusa(&veredito, Lei::Vistas, Problema::EventoFalso, &["EVENTO 1 LIVRE 3"]);
}

#[test]
fn o_prazo_vence_cedo() {
    let veredito = julgar(&cena(
        "2 | 0 1 | OBSERVAR | OK OBSERVANDO versao=0
         1 | 2 3 | SEGURAR 3 POR 60 | OK SEGURADO 3 expira=60 versao=1
         2 | 4 | EVENTO 1 SEGURADO 3 cliente=1
         2 | 900 | EVENTO 2 LIVRE 3",
    ));
    let linhas = ["OK SEGURADO 3 expira=60 versao=1", "EVENTO 2 LIVRE 3"];
    acusa(&veredito, Lei::NadaSePerde, Problema::VenceuCedo, &linhas);
    // Sem quem observe, é uma versão de ninguém.
    let veredito = julgar(&cena(
        "1 | 2 3 | SEGURAR 3 POR 60 | OK SEGURADO 3 expira=60 versao=1
         2 | 900 901 | RESERVAR 3 | OK RESERVADO 3 versao=3",
    ));
    assert_eq!(veredito.quantas(Problema::VersaoInexplicada), 1, "{veredito}");
    assert_eq!(veredito.quantas(Problema::NaoLinearizavel), 1, "{veredito}");
}

#[test]
fn perdido_no_fim() {
    let veredito = julgar(&cena(&format!(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 0 1 | RESERVAR 4 | OK RESERVADO 4 versao=2
         2 | 4 5 | CANCELAR 4 | OK CANCELADO 4 versao=3
         1 | 9 10 | LISTAR | {LISTA_VAZIA} versao=3"
    )));
    let linhas = ["OK RESERVADO 3 versao=1", "seus=0 versao=3"];
    acusa(&veredito, Lei::NadaSePerde, Problema::Perdido, &linhas);
}

#[test]
fn respostas_trocadas_que_faltam_e_que_sobram() {
    let veredito = julgar(&cena("1 | 0 1 | RESERVAR 3 | OK RESERVADO 4 versao=1"));
    acusa(&veredito, Lei::CadaUmASua, Problema::RespostaTrocada, &["RESERVAR 3 | OK RESERVADO 4 versao=1"]);
    let veredito = julgar(&cena("1 | 0 1 | PING | OK PARADO"));
    acusa(&veredito, Lei::CadaUmASua, Problema::RespostaTrocada, &["PING | OK PARADO"]);
    let veredito = julgar(&cena("1 | 0 9 | RESERVAR 3 | ?\n1 | 1 9 | PING | OK PONG"));
    let linhas = ["RESERVAR 3 | (sem resposta)", "PING | OK PONG"];
    acusa(&veredito, Lei::CadaUmASua, Problema::RespostaQueFalta, &linhas);
    let veredito = julgar(&cena("1 | 0 1 | PING | OK PONG\n1 | 9 | ! OK PONG"));
    acusa(&veredito, Lei::CadaUmASua, Problema::RespostaQueSobra, &["9,000 ms | OK PONG"]);
}

#[test]
fn token_de_dois_e_cercas() {
    let dado = |cerca, contador| format!("OK TOKEN cerca={cerca} contador={contador} espera=0 prazo=30");
    let veredito = julgar(&cena(&format!(
        "1 | 0 1 | TOKEN SOLICITAR | {}
         2 | 2 3 | TOKEN SOLICITAR | {}
         1 | 9 10 | TOKEN LIBERAR | OK LIBERADO contador=1 espera=0
         2 | 11 12 | TOKEN LIBERAR | OK LIBERADO contador=2 espera=0",
        dado(1, 0),
        dado(2, 0)
    )));
    let linhas = [format!("TOKEN SOLICITAR | {}", dado(1, 0)), format!("TOKEN SOLICITAR | {}", dado(2, 0))];
    // O pedido se escreve com o prazo, mesmo o de costume.
    let fim: Vec<&str> = linhas.iter().map(|linha| linha.split_once("| ").unwrap().1).collect();
    acusa(&veredito, Lei::Token, Problema::TokenDeDois, &fim);
    let segunda = |cerca, contador| {
        julgar(&cena(&format!(
            "1 | 0 1 | TOKEN SOLICITAR | {}
             1 | 2 3 | TOKEN LIBERAR | OK LIBERADO contador=1 espera=0
             2 | 4 5 | TOKEN SOLICITAR | {}",
            dado(7, 0),
            dado(cerca, contador)
        )))
    };
    assert!(segunda(8, 1).inocente());
    let (antes, repetida, menor) = (dado(7, 0), dado(7, 1), dado(6, 1));
    acusa(&segunda(7, 1), Lei::Token, Problema::CercaRepetida, &[&antes, &repetida]);
    acusa(&segunda(6, 1), Lei::Token, Problema::CercaForaDeOrdem, &[&antes, &menor]);
    acusa(
        &segunda(8, 0),
        Lei::Token,
        Problema::ContadorErrado,
        &["OK LIBERADO contador=1 espera=0", &dado(8, 0)],
    );
    acusa(&segunda(8, 2), Lei::Token, Problema::ContadorErrado, &[&antes, &dado(8, 2)]);
}

#[test]
fn dono_atrasado_e_dono_roubado() {
    let comeco = "1 | 0 1 | TOKEN SOLICITAR POR 1 | OK TOKEN cerca=1 contador=0 espera=0 prazo=1
                  2 | 2 1005 | TOKEN SOLICITAR | OK TOKEN cerca=2 contador=0 espera=0 prazo=30\n";
    let veredito =
        julgar(&cena(&format!("{comeco}1 | 1100 1101 | RESERVAR 3 CERCA 1 | OK RESERVADO 3 versao=1")));
    let linhas = ["cerca=1 contador=0 espera=0 prazo=1", "RESERVAR 3 CERCA 1 | OK RESERVADO 3 versao=1"];
    acusa(&veredito, Lei::Token, Problema::CercaDesrespeitada, &linhas);
    let veredito = julgar(&cena(&format!(
        "{comeco}2 | 1100 1101 | PING | OK PONG
         2 | 1102 1103 | RESERVAR 3 CERCA 2 | ERRO CERCA_VENCIDA atual=2 versao=0
         2 | 1104 1105 | TOKEN LIBERAR | ERRO TOKEN_NAO_E_SEU"
    )));
    let linhas = ["cerca=2 contador=0 espera=0 prazo=30", "ERRO CERCA_VENCIDA atual=2 versao=0"];
    acusa(&veredito, Lei::Token, Problema::CercaDesrespeitada, &linhas);
    let linhas = ["cerca=2 contador=0 espera=0 prazo=30", "ERRO TOKEN_NAO_E_SEU"];
    acusa(&veredito, Lei::Token, Problema::TokenTiradoCedo, &linhas);
}

/// O servidor sem exclusão mútua: cada um copia a sala, demora, e escreve a cópia por cima.
#[test]
fn a_corrida_tem_tres_nomes() {
    let veredito = julgar(&cena(&format!(
        "1 | 0 20 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 1 21 | RESERVAR 3 | OK RESERVADO 3 versao=1
         3 | 22 30 | RESERVAR 5 | OK RESERVADO 5 versao=2
         4 | 22 31 | RESERVAR 6 | OK RESERVADO 6 versao=2
         1 | 40 41 | RESERVAR 8 | OK RESERVADO 8 versao=3
         2 | 42 43 | LISTAR | LIVRES 1-2 4-7 9-100 / SEGURADOS / OCUPADOS 3 8 / SEUS 3 / OK LISTADO livres=98 segurados=0 ocupados=2 seus=1 versao=3
         3 | 42 43 | LISTAR | {LISTA_VAZIA} versao=3
         1 | 44 45 | RESERVAR 20 | OK RESERVADO 20 versao=4"
    )));
    for problema in [Problema::ReservaDuplicada, Problema::AtualizacaoPerdida, Problema::VisaoInconsistente] {
        assert_eq!(veredito.quantas(problema), 1, "{problema:?}: {veredito}");
    }
    assert!(veredito.to_string().starts_with("1 vez, por exemplo: reserva duplicada"), "{veredito}");
}

#[test]
fn guardam_se_poucas_e_contam_se_todas() {
    let linha = |i: u64| format!("1 | {} {} | PING | OK PARADO\n", 2 * i, 2 * i + 1);
    let veredito = julgar(&cena(&(0..50).map(linha).collect::<String>()));
    assert_eq!(veredito.quantas(Problema::RespostaTrocada), 50);
    assert_eq!(veredito.infracoes.len(), crate::INFRACOES_MAX);
    assert_eq!(veredito.problemas().len(), 1);
}

/// De quem se soube que tinha o assento só porque o listou: a prova é a resposta por que ele o teve.
#[test]
fn a_venda_em_dobro_mostra_os_dois_oks() {
    let lista = "LIVRES 1-2 4-100 / SEGURADOS / OCUPADOS 3 / SEUS 3 / OK LISTADO livres=99 segurados=0 ocupados=1 seus=1";
    let veredito = por_versoes(&cena(&format!(
        "2 | 1 11 | RESERVAR 8 | OK RESERVADO 8 versao=1
         1 | 0 10 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 12 13 | LISTAR | {lista} versao=1
         2 | 14 15 | RESERVAR 3 9 | OK RESERVADO 3 9 versao=2"
    )));
    let (ela, outra) = ("RESERVAR 3 | OK RESERVADO 3 versao=1", "RESERVAR 3 9 | OK RESERVADO 3 9 versao=2");
    let mostrou = format!("LISTAR | {lista} versao=1");
    acusa(&veredito, Lei::UmDono, Problema::ReservaDuplicada, &[ela, &mostrou, outra]);
    // Depois de esquecer o assento: quem tornou a dizer que era seu.
    let veredito = por_versoes(&cena(
        "1 | 0 10 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 1 11 | RESERVAR 8 | OK RESERVADO 8 versao=1
         3 | 1 12 | RESERVAR 8 | OK RESERVADO 8 versao=1
         4 | 1 13 | RESERVAR 8 | OK RESERVADO 8 versao=1",
    ));
    let linhas = [
        "12,000 ms | RESERVAR 8 | OK RESERVADO 8 versao=1",
        "13,000 ms | RESERVAR 8 | OK RESERVADO 8 versao=1",
    ];
    acusa(&veredito, Lei::UmDono, Problema::ReservaDuplicada, &linhas);
}
