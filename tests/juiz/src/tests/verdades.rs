//! Histórias verdadeiras que parecem mentira: o juiz as absolve.

use super::cenas::cena;
use crate::julgar;

#[track_caller]
fn absolve(linhas: &str) {
    let veredito = julgar(&cena(linhas));
    assert!(veredito.inocente(), "{veredito}");
}

#[test]
fn repetir_nao_muda_a_versao() {
    absolve(
        "1 | 0 1 | RESERVAR 3 7 | OK RESERVADO 3 7 versao=1
         1 | 2 3 | RESERVAR 3 7 | OK RESERVADO 3 7 versao=1
         1 | 4 5 | RESERVAR 3 8 | OK RESERVADO 3 8 versao=2
         1 | 6 7 | CANCELAR 8 | OK CANCELADO 8 versao=3
         2 | 6 7 | CANCELAR TUDO | OK CANCELADO versao=3",
    );
}

#[test]
fn pedido_sem_resposta_aconteceu_ou_nao() {
    let comeco = "1 | 0 1 | RESERVAR 1 | OK RESERVADO 1 versao=1
                  2 | 2 9 | RESERVAR 3 | ?\n";
    absolve(&format!("{comeco}1 | 20 21 | RESERVAR 3 | ERRO OCUPADO 3 versao=2"));
    absolve(&format!("{comeco}1 | 20 21 | RESERVAR 3 | OK RESERVADO 3 versao=2"));
    // Chega muito depois de se deixar de esperar por ele.
    absolve(&format!(
        "{comeco}1 | 20 21 | SEGURAR 3 | OK SEGURADO 3 expira=120 versao=2
         1 | 30 31 | CANCELAR 3 | OK CANCELADO 3 versao=3
         1 | 40 41 | RESERVAR 3 | ERRO OCUPADO 3 versao=4"
    ));
}

#[test]
fn dois_pedidos_sem_resposta_um_abre_caminho_ao_outro() {
    absolve(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 2 9 | RESERVAR 3 4 | ?
         1 | 3 9 | CANCELAR 3 | ?
         3 | 20 21 | RESERVAR 4 | ERRO OCUPADO 4 versao=3
         3 | 22 23 | LISTAR | LIVRES 1-2 5-100 / SEGURADOS / OCUPADOS 3-4 / SEUS / OK LISTADO livres=98 segurados=0 ocupados=2 seus=0 versao=3",
    );
}

#[test]
fn prazo_vence_sem_que_ninguem_veja() {
    absolve(
        "1 | 0 1 | SEGURAR 3 7 POR 1 | OK SEGURADO 3 7 expira=1 versao=1
         2 | 500 501 | RESERVAR 3 | ERRO OCUPADO 3 versao=1
         2 | 1002 1003 | RESERVAR 3 | OK RESERVADO 3 versao=3
         1 | 1004 1005 | CONFIRMAR | ERRO NAO_SEGURADO versao=3",
    );
    // A renovação sem resposta encurta o prazo.
    absolve(
        "1 | 0 1 | SEGURAR 3 POR 60 | OK SEGURADO 3 expira=60 versao=1
         1 | 2 9 | SEGURAR 3 POR 1 | ?
         2 | 1100 1101 | RESERVAR 3 | OK RESERVADO 3 versao=3",
    );
}

#[test]
fn recusa_de_uma_versao_que_o_disco_ja_passou() {
    // Enquanto a versão 2 se grava, quem pergunta ouve a 1: ninguém ouviu ainda a 2.
    absolve(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 2 20 | CANCELAR 3 | OK CANCELADO 3 versao=2
         2 | 5 6 | RESERVAR 3 | ERRO OCUPADO 3 versao=1
         3 | 7 8 | LISTAR | LIVRES 1-2 4-100 / SEGURADOS / OCUPADOS 3 / SEUS / OK LISTADO livres=99 segurados=0 ocupados=1 seus=0 versao=1
         2 | 21 22 | RESERVAR 3 | OK RESERVADO 3 versao=3",
    );
}

#[test]
fn quem_espera_e_atendido_no_instante_do_cancelar() {
    absolve(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 2 11 | AGUARDAR 3 | OK RESERVADO 3 versao=3
         1 | 10 11 | CANCELAR 3 | OK CANCELADO 3 versao=2
         3 | 10 12 | RESERVAR 3 | ERRO OCUPADO 3 versao=3",
    );
}

#[test]
fn a_vez_de_quem_se_foi_volta_a_como_era() {
    absolve(
        "3 | 0 1 | OBSERVAR | OK OBSERVANDO versao=0
         1 | 2 3 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 4 9 | AGUARDAR 3 | ?
         1 | 10 11 | CANCELAR 3 | OK CANCELADO 3 versao=2
         3 | 12 | EVENTO 1 RESERVADO 3 cliente=1
         3 | 12 | EVENTO 2 LIVRE 3
         3 | 12 | EVENTO 3 RESERVADO 3 cliente=2
         3 | 12 | EVENTO 4 LIVRE 3
         1 | 20 21 | RESERVAR 3 | OK RESERVADO 3 versao=5",
    );
    // Sem que ninguém veja.
    absolve(
        "1 | 2 3 | RESERVAR 3 | OK RESERVADO 3 versao=1
         2 | 4 30 | AGUARDAR 3 ATE 1 | ERRO TEMPO_ESGOTADO versao=2
         1 | 10 11 | CANCELAR 3 | OK CANCELADO 3 versao=2
         1 | 20 21 | RESERVAR 3 | OK RESERVADO 3 versao=5",
    );
}

/// O que a espera que acabou sem assentos fez, se fez, foi antes de ela acabar: a busca considera os dois casos.
#[test]
fn quem_ouviu_ocupado_por_uma_vez_que_se_devolveu() {
    absolve(
        "3 | 1 2 | RESERVAR 3 | OK RESERVADO 3 versao=1
         3 | 5 6 | CANCELAR 3 | OK CANCELADO 3 versao=2
         1 | 10 30 | AGUARDAR 3 ATE 2 | ERRO TEMPO_ESGOTADO versao=4
         2 | 12 40 | RESERVAR 3 | ERRO OCUPADO 3 versao=3",
    );
}

#[test]
fn eventos_somados_e_resposta_de_quem_espera() {
    let mut linhas = String::from("2 | 0 1 | OBSERVAR | OK OBSERVANDO versao=0\n");
    for versao in 1..=200u64 {
        let (hora, fazer) = (10 * versao, versao % 2 == 1);
        let (pedido, feito) = if fazer { ("RESERVAR", "RESERVADO") } else { ("CANCELAR", "CANCELADO") };
        linhas += &format!("1 | {hora} {} | {pedido} 3 | OK {feito} 3 versao={versao}\n", hora + 1);
    }
    // Tudo o que houve, somado, é só que o 3 continua livre.
    let com_linha = format!("{linhas}2 | 2010 | EVENTO 200 LIVRE 3\n");
    let listar = "2 | 2020 2021 | LISTAR | LIVRES 1-100 / SEGURADOS / OCUPADOS / SEUS / OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=200";
    absolve(&format!("{com_linha}{listar}"));
    absolve(&format!("{linhas}{listar}"));
    absolve(
        "2 | 0 1 | OBSERVAR | OK OBSERVANDO versao=0
         2 | 2 | EVENTO 1 RESERVADO 3 cliente=1
         2 | 9 | EVENTO 2 LIVRE 3
         2 | 9 | EVENTO 3 RESERVADO 3 cliente=2
         2 | 9 | EVENTO 4 RESERVADO 9 cliente=1
         2 | 3 9 | AGUARDAR 3 | OK RESERVADO 3 versao=3
         1 | 1 2 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 5 6 | CANCELAR 3 | OK CANCELADO 3 versao=2
         1 | 7 8 | RESERVAR 9 | OK RESERVADO 9 versao=4",
    );
}

#[test]
fn outras_pessoas_tambem_mudam_a_sala() {
    let mut historia = cena(
        "1 | 0 1 | RESERVAR 3 | OK RESERVADO 3 versao=1
         1 | 2 3 | RESERVAR 4 | ERRO OCUPADO 4 versao=15
         1 | 4 5 | RESERVAR 4 | OK RESERVADO 4 versao=20
         1 | 6 7 | RESERVAR 3 4 | OK RESERVADO 3 4 versao=25",
    );
    assert!(!julgar(&historia).inocente());
    historia.sozinha = false;
    let veredito = julgar(&historia);
    assert!(veredito.inocente(), "{veredito}");
}

/// De quem esperou não se sabe se o seu ainda é firme: na mesma versão, quem repete não é quem mudou.
#[test]
fn quem_repete_na_duvida_nao_fez_a_versao() {
    let mut historia = cena(
        "1 | 0 1 | RESERVAR 7 | OK RESERVADO 7 versao=1
         1 | 2 900 | AGUARDAR 7 8 ATE 1 | ERRO TEMPO_ESGOTADO versao=2
         1 | 950 990 | RESERVAR 7 | OK RESERVADO 7 versao=4
         3 | 940 960 | AGUARDAR 11 12 | OK RESERVADO 11 12 versao=4",
    );
    historia.sozinha = false;
    let veredito = julgar(&historia);
    assert!(veredito.inocente(), "{veredito}");
}

#[test]
fn a_busca_cara_desiste_sem_acusar() {
    let caem = |i: u64| format!("{} | {i} {} | RESERVAR 3 | ?\n", i + 2, i + 1);
    let mut linhas: String = (0..200).map(caem).collect();
    linhas += "1 | 300 301 | RESERVAR 3 | ERRO OCUPADO 3 versao=1";
    let veredito = julgar(&cena(&linhas));
    assert!(veredito.inocente(), "{veredito}");
    assert_eq!(veredito.conferidos.desistencias, 1);
    assert_eq!(veredito.conferidos.sem_resposta, 200);
}

#[test]
fn token_vencido_passa_adiante() {
    absolve(
        "1 | 0 1 | TOKEN SOLICITAR POR 1 | OK TOKEN cerca=1 contador=0 espera=0 prazo=1
         2 | 2 1003 | TOKEN SOLICITAR | OK TOKEN cerca=2 contador=0 espera=0 prazo=30
         1 | 1100 1101 | RESERVAR 3 CERCA 1 | ERRO CERCA_VENCIDA atual=2 versao=0
         1 | 1102 1103 | TOKEN LIBERAR | ERRO TOKEN_NAO_E_SEU
         2 | 1102 1103 | RESERVAR 3 CERCA 2 | OK RESERVADO 3 versao=1
         2 | 1104 1105 | TOKEN LIBERAR | OK LIBERADO contador=1 espera=0
         1 | 1106 1107 | TOKEN ESTADO | OK TOKEN dono=livre cerca=2 contador=1 espera=0",
    );
}

#[test]
fn o_servidor_pode_dizer_por_que_fecha() {
    absolve("1 | 0 1 | PING | OK PONG\n1 | 9 | ! ERRO ENCERRANDO :o servidor está parando");
}
