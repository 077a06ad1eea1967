//! Pedidos em lote e pacotes cortados: em ordem, uma resposta para cada um, em poucas escritas.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use arnes::entupido::entupir;
use arnes::espera::Cronometro;
use arnes::{ServidorDeTeste, Sorteio};

const LOTE: usize = 5_000;

/// Cinco mil de uma vez: cada resposta é a do seu pedido, na ordem, e nenhuma a mais.
#[test]
fn cinco_mil_em_ordem_lendo_so_depois() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let lote: String = (0..LOTE).map(|n| format!("NOME n{n}\n")).collect();
    ana.enviar_bytes(lote.as_bytes());
    ana.fechar_escrita();
    for n in 0..LOTE {
        assert_eq!(ana.ler_linha(), format!("OK NOME n{n}"));
    }
    ana.espera_fim();
}

/// Respostas que enchem as memórias dos dois lados: quem lê enquanto manda recebe tudo, em ordem.
#[test]
fn cinco_mil_grandes_lendo_enquanto_manda() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let fala = ana.tomada().try_clone().expect("o descritor se duplica");
    thread::scope(|escopo| {
        escopo.spawn(|| {
            let lote: String = (0..LOTE).map(|n| format!("MAPA\nNOME n{n}\n")).collect();
            (&fala).write_all(lote.as_bytes()).expect("o servidor devia receber o lote");
        });
        for n in 0..LOTE {
            let mapa = ana.ler_resposta();
            assert_eq!((mapa.dados.len(), &mapa.fim[..]), (11, "OK MAPA versao=0"));
            assert_eq!(ana.ler_linha(), format!("OK NOME n{n}"));
        }
    });
    assert_eq!(ana.pedir("PING"), "OK PONG");
}

/// Um lote que chega junto é respondido numa escrita só: uma leitura traz todas as respostas.
#[test]
fn lote_num_pacote_e_respondido_numa_escrita() {
    let servidor = ServidorDeTeste::new();
    let ana = servidor.entrar();
    for (lote, respostas) in [
        ("PING\nPING\n".to_owned(), "OK PONG\nOK PONG\n".to_owned()),
        ("PING\nNOME a\r\nSAIDA\n\nPING\n".into(), "OK PONG\nOK NOME a\nERRO COMANDO_DESCONHECIDO".into()),
        ("PING\n".repeat(200), "OK PONG\n".repeat(200)),
    ] {
        for _ in 0..50 {
            ana.enviar_bytes(lote.as_bytes());
            let veio = ler_de_uma_vez(ana.tomada());
            assert!(
                veio.starts_with(&respostas) && veio.ends_with("OK PONG\n"),
                "veio aos pedaços: {veio:?}"
            );
        }
    }
}

fn ler_de_uma_vez(mut tomada: &TcpStream) -> String {
    let mut bytes = [0; 8192];
    let lidos = tomada.read(&mut bytes).expect("o servidor devia responder");
    String::from_utf8_lossy(&bytes[..lidos]).into_owned()
}

/// Uma conversa que passa por quase tudo; as suas respostas não dependem da chave.
const CONVERSA: &[u8] = b"PING\r\nRESERVAR 3,7 9\nRESERVAR PARCIAL 3-4\nresrvar\nNOME Jo\xc3\xa3o\n\n  \nLISTAR\nMAPA\r\n\
    AJUDA TOKEN\nRESERVAR QUANTIDADE 2 PREFERINDO 50\nPINX\x08G\nPI\xff\xfd\x03NG\nCANCELAR 8\n\xc3\nCANCELAR TUDO\n\
    RESERVAR 0\nPING";

/// As respostas à conversa mandada nestes pedaços, sem a saudação.
fn respostas_em(pedacos: &[&[u8]]) -> String {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for pedaco in pedacos {
        ana.enviar_bytes(pedaco);
    }
    ana.fechar_escrita();
    String::from_utf8(ana.ler_o_que_ha()).expect("o servidor fala UTF-8")
}

#[test]
fn um_byte_por_vez_da_a_mesma_conversa() {
    let inteira = respostas_em(&[CONVERSA]);
    assert_eq!(inteira.lines().filter(|linha| protocolo::e_final(linha)).count(), 16, "{inteira}");
    assert!(inteira.ends_with("\nOK PONG\n"), "{inteira}");
    assert_eq!(respostas_em(&CONVERSA.chunks(1).collect::<Vec<_>>()), inteira);
    let mut sorteio = Sorteio::novo("um_byte_por_vez_da_a_mesma_conversa");
    for _ in 0..20 {
        let (mut resto, mut pedacos) = (CONVERSA, Vec::new());
        while !resto.is_empty() {
            let corte = usize::try_from(sorteio.ate(12)).map_or(1, |n| n.min(resto.len()));
            let (pedaco, depois) = resto.split_at(corte);
            pedacos.push(pedaco);
            resto = depois;
        }
        assert_eq!(respostas_em(&pedacos), inteira);
    }
}

/// Quem manda um lote e não lê não atrasa os outros.
#[test]
fn quem_nao_le_nao_atrasa_ninguem() {
    let servidor = ServidorDeTeste::new();
    let ana = servidor.entrar();
    entupir(&ana, std::process::id(), "MAPA");
    let mut bia = servidor.entrar();
    let cronometro = Cronometro::comecar();
    for _ in 0..200 {
        assert!(bia.pedir("RESERVAR 1").starts_with("OK RESERVADO 1 "));
        assert!(bia.pedir("CANCELAR 1").starts_with("OK CANCELADO 1 "));
    }
    assert!(cronometro.passou() < Duration::from_secs(4), "400 pedidos em {:?}", cronometro.passou());
}
