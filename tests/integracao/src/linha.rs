//! Linhas: tamanho, fins, telnet, correções de quem digita, UTF-8, meia conexão, e quem some no meio de uma.

use arnes::espera::esperar;
use arnes::{ServidorDeTeste, Terminal};
use protocolo::Resposta;
use protocolo::limites::LINHA_BYTES_MAX;

const IAC: u8 = 255;

/// Manda os bytes, confere as linhas finais que vêm, nem uma a mais, e que a conexão segue em dia.
#[track_caller]
fn conferir(ana: &mut Terminal, bytes: &[u8], esperadas: &[&str]) {
    ana.enviar_bytes(bytes);
    // Uma linha em branco não tem resposta: se o fim da linha se perdeu, esta é que a acaba.
    ana.enviar_bytes(b"\n");
    ana.enviar("NOME marco");
    let mut vieram = Vec::new();
    loop {
        let fim = ana.ler_resposta().fim;
        if fim == "OK NOME marco" {
            break;
        }
        vieram.push(fim);
    }
    let combinam =
        vieram.len() == esperadas.len() && vieram.iter().zip(esperadas).all(|(veio, e)| veio.starts_with(e));
    assert!(
        combinam,
        "{:?}\n  esperado: {esperadas:?}\n  veio:     {vieram:?}",
        bytes.escape_ascii().to_string()
    );
}

#[test]
fn linha_em_branco_nao_tem_resposta() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.conectar();
    // Também antes de ler a saudação, e como primeira linha da conexão.
    ana.enviar_bytes(b"\n\r\n");
    ana.ler_saudacao();
    for branca in [&b"\n"[..], b"\r\n", b"   \n", b"\t \t\r\n", b"\r\r\r\n", b"\0\x01\x1b\n", b"ab\x08\x7f\n"]
    {
        conferir(&mut ana, branca, &[]);
    }
    conferir(&mut ana, &[IAC, 241, b'\n'], &[]);
    conferir(&mut ana, &b"\n".repeat(5000), &[]);
}

#[test]
fn fim_em_lf_ou_crlf() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    conferir(&mut ana, b"PING\n", &["OK PONG"]);
    conferir(&mut ana, b"PING\r\n", &["OK PONG"]);
    conferir(&mut ana, b"PING\r\r\n", &["OK PONG"]);
    conferir(&mut ana, b"\tPING  \t\r\n", &["OK PONG"]);
    // Um CR que não vem logo antes do LF é só um byte de controle.
    conferir(&mut ana, b"PI\rNG\n", &["OK PONG"]);
    conferir(&mut ana, b"PING\n\rPING\r\n\nPING\n", &["OK PONG"; 3]);
    conferir(&mut ana, b"PING\n\r\n\r\nPING\r\n", &["OK PONG"; 2]);
}

#[test]
fn tamanho_no_limite_e_um_alem() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for fim in ["\n", "\r\n"] {
        for (bytes, esperado) in [
            (LINHA_BYTES_MAX - 1, "OK PONG"),
            (LINHA_BYTES_MAX, "OK PONG"),
            (LINHA_BYTES_MAX + 1, "ERRO LINHA_LONGA :"),
            (LINHA_BYTES_MAX + 2, "ERRO LINHA_LONGA :"),
            (2 * LINHA_BYTES_MAX, "ERRO LINHA_LONGA :"),
            (2 * LINHA_BYTES_MAX + 1, "ERRO LINHA_LONGA :"),
            (100_000, "ERRO LINHA_LONGA :"),
        ] {
            let linha = format!("PING{}{fim}", " ".repeat(bytes - "PING".len() - fim.len()));
            assert_eq!(linha.len(), bytes);
            conferir(&mut ana, linha.as_bytes(), &[esperado]);
        }
    }
    // O que um terminal acrescenta não conta: só o que sobra.
    let mut cheia = format!("PING{}", " ".repeat(LINHA_BYTES_MAX - "PING\n".len())).into_bytes();
    cheia.extend_from_slice(&[IAC, 241, 0, 0, 0, b'x', 8, 27, b'\n']);
    conferir(&mut ana, &cheia, &["OK PONG"]);
}

/// Quem manda uma linha sem fim sabe logo que ela é longa; o resto dela vai fora, e a conexão segue.
#[test]
fn longa_e_dita_antes_de_acabar() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    ana.enviar_bytes(&[b'A'; LINHA_BYTES_MAX + 1]);
    assert!(ana.ler_linha().starts_with("ERRO LINHA_LONGA :"));
    for _ in 0..100 {
        ana.enviar_bytes(&b" RESERVAR 1 \r".repeat(100));
    }
    ana.enviar_bytes(b"\nPING\n");
    assert_eq!(ana.ler_linha(), "OK PONG");
    assert!(
        ana.pedir("LISTAR").starts_with("OK LISTADO livres=100 "),
        "o resto de uma linha longa foi executado"
    );
    // Também quando a conexão acaba antes dela.
    ana.enviar_bytes(&[b'A'; 3 * LINHA_BYTES_MAX]);
    ana.fechar_escrita();
    assert!(ana.ler_linha().starts_with("ERRO LINHA_LONGA :"));
    ana.espera_fim();
}

#[test]
fn fora_de_utf8_e_dito_uma_vez() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for errada in [
        &b"\x80"[..],
        b"NOME jo\xe3o",
        b"\xc3",
        b"\xc3PING",
        b"PING\xc3",
        b"\xc0\x80",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98",
        b"\xfe",
        b"PING \xff\xff",
        b"RESERVAR 1\xa0",
        &[0x9b; 500],
    ] {
        let linha = [errada, b"\n"].concat();
        conferir(&mut ana, &linha, &["ERRO CODIFICACAO :"]);
    }
    conferir(&mut ana, "NOME João\r\n".as_bytes(), &["OK NOME João"]);
    conferir(&mut ana, "NOME \u{202e}ana\n".as_bytes(), &["ERRO NOME_INVALIDO :"]);
    conferir(&mut ana, "\u{9b}31mPING\n".as_bytes(), &["ERRO COMANDO_DESCONHECIDO :"]);
    assert!(ana.pedir("LISTAR").starts_with("OK LISTADO livres=100 "));
}

/// O que se espera de `PING` com `byte` enfiado na posição `onde` (0 a 4).
fn ping_com(byte: u8, onde: usize) -> &'static [&'static str] {
    const PONG: &[&str] = &["OK PONG"];
    const DESCONHECIDO: &[&str] = &["ERRO COMANDO_DESCONHECIDO :"];
    match (byte, onde) {
        (b'\n', 1..=3) => &["ERRO COMANDO_DESCONHECIDO :", "ERRO COMANDO_DESCONHECIDO :"],
        (b'\t' | b' ' | b'\n', 0 | 4) => PONG,
        (b'\t' | b' ', _) => DESCONHECIDO,
        // Apagam a letra de antes, se há.
        (8 | 127, 0) => PONG,
        (8 | 127, _) => DESCONHECIDO,
        (0..32, _) => PONG,
        (128..=254, _) => &["ERRO CODIFICACAO :"],
        // Um IAC sozinho sai, e não leva nada consigo: nem letra, nem o fim da linha.
        (IAC, _) => PONG,
        _ => DESCONHECIDO,
    }
}

#[test]
fn todo_byte_em_toda_posicao_de_ping() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("PING"), "OK PONG");
    for onde in 0..=4 {
        for byte in 0..=255 {
            let mut linha = b"PING".to_vec();
            linha.insert(onde, byte);
            linha.push(b'\n');
            conferir(&mut ana, &linha, ping_com(byte, onde));
        }
    }
}

/// Qualquer byte em qualquer lugar de qualquer comando: uma resposta por linha, que se entende, e a conexão em dia.
#[test]
fn todo_byte_em_toda_posicao_dos_outros() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let chave = format!("RETOMAR 1 {}", ana.chave);
    let comandos = [
        "RESERVAR 3,7-9",
        "RESERVAR QUANTIDADE 1 PREFERINDO 5",
        "CANCELAR TUDO",
        "NOME Jo\u{e3}o",
        &chave,
        "LISTAR",
    ];
    for comando in comandos {
        for onde in 0..=comando.len() {
            let mut lote = Vec::new();
            let mut linhas = 0;
            for byte in 0..=255 {
                let mut linha = comando.as_bytes().to_vec();
                linha.insert(onde, byte);
                linhas += match byte {
                    b'\n' => linha.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).count(),
                    _ => 1,
                };
                lote.extend_from_slice(&linha);
                lote.extend_from_slice(b"\n\n");
            }
            ana.enviar_bytes(&lote);
            for _ in 0..linhas {
                let resposta = ana.ler_resposta();
                let bloco = [&resposta.dados[..], &[resposta.fim]].concat().join("\n");
                assert!(bloco.parse::<Resposta>().is_ok(), "{comando:?} na posição {onde}: {bloco}");
            }
            assert_eq!(ana.pedir("PING"), "OK PONG", "{comando:?} na posição {onde}: respostas a mais");
        }
    }
}

/// O que um telnet manda sem que ninguém digite.
const NEGOCIACOES: [&[u8]; 13] = [
    &[IAC, 251, 1],
    &[IAC, 252, 34],
    &[IAC, 253, 3],
    &[IAC, 254, 10],
    &[IAC, 253, 13],
    &[IAC, 251, IAC],
    &[IAC, 241],
    &[IAC, 246],
    // Subnegociações: tamanho da janela, tipo do terminal, uma com LF, CR, NUL e IAC IAC dentro, uma vazia.
    &[IAC, 250, 31, 0, 80, 0, 24, IAC, 240],
    &[IAC, 250, 24, 0, b'x', b't', b'e', b'r', b'm', IAC, 240],
    &[IAC, 250, 39, b'\n', b'\r', 0, IAC, IAC, b'\n', IAC, 240],
    &[IAC, 250, IAC, 240],
    // Ctrl-C: interrompe o processo, e sincroniza.
    &[IAC, 244, IAC, 253, 6],
];

#[test]
fn telnet_negocia_em_qualquer_lugar_da_linha() {
    let servidor = ServidorDeTeste::new();
    for negociacao in NEGOCIACOES {
        // Como os primeiros bytes da conexão, antes até da saudação.
        let mut ana = servidor.conectar();
        ana.enviar_bytes(negociacao);
        ana.ler_saudacao();
        for onde in 0..=4 {
            let linha = [&b"PING"[..onde], negociacao, &b"PING"[onde..], b"\r\n"].concat();
            conferir(&mut ana, &linha, &["OK PONG"]);
        }
        let duas = [negociacao, negociacao, b"RESERVAR ", negociacao, b"1\n", negociacao].concat();
        conferir(&mut ana, &duas, &["OK RESERVADO 1 versao="]);
        conferir(&mut ana, b"CANCELAR 1\n", &["OK CANCELADO 1 versao="]);
    }
}

/// Cortada em cada lugar entre dois pacotes. O `PING` inteiro que vai no primeiro pacote mostra, ao ser respondido,
/// que o servidor já leu a metade que foi com ele.
#[test]
fn telnet_cortado_entre_dois_pacotes_em_cada_posicao() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for negociacao in NEGOCIACOES {
        let linha = [b"RESER", negociacao, b"VAR 7\r\n"].concat();
        for corte in 0..=linha.len() {
            let (antes, depois) = linha.split_at(corte);
            ana.enviar_bytes(&[b"PING\n", antes].concat());
            assert_eq!(ana.ler_linha(), "OK PONG");
            ana.enviar_bytes(depois);
            assert_eq!(ana.ler_linha(), "OK RESERVADO 7 versao=1", "{negociacao:?} cortada em {corte}");
        }
    }
}

#[test]
fn backspace_e_del_apagam_a_letra_de_antes() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for apaga in ["\x08", "\x7f"] {
        for (linha, esperado) in [
            ("PINX<G", "OK PONG"),
            ("PIXX<<NG", "OK PONG"),
            ("<<PING", "OK PONG"),
            ("xyz<<<PING", "OK PONG"),
            ("PINGé<", "OK PONG"),
            ("PING€😀<<", "OK PONG"),
            ("PINGx", "ERRO COMANDO_DESCONHECIDO :"),
            ("RESERVAR 34<", "OK RESERVADO 3 versao="),
            ("NOME joaõ<<ão", "OK NOME joão"),
        ] {
            conferir(&mut ana, format!("{}\n", linha.replace('<', apaga)).as_bytes(), &[esperado]);
        }
        // Não apaga a linha anterior, que já foi.
        conferir(&mut ana, format!("PING\n{apaga}{apaga}{apaga}PING\n").as_bytes(), &["OK PONG"; 2]);
    }
}

/// O que chegou inteiro é respondido depois do fim, uma última linha sem LF também; depois o servidor fecha.
#[test]
fn meia_conexao_responde_tudo_e_fecha() {
    let servidor = ServidorDeTeste::new();
    for (pedidos, respostas) in [
        (
            "PING\nRESERVAR 3\nRESERVAR 4",
            &["OK PONG", "OK RESERVADO 3 versao=", "OK RESERVADO 4 versao="][..],
        ),
        ("PING\nPING\r", &["OK PONG", "OK PONG"]),
        ("PING\n", &["OK PONG"]),
        ("PING\n   ", &["OK PONG"]),
        ("PIN", &["ERRO COMANDO_DESCONHECIDO :"]),
        ("", &[]),
    ] {
        let mut ana = servidor.conectar();
        // Tudo de uma vez, antes de ler a saudação: como `printf ... | nc -N`.
        ana.enviar_bytes(pedidos.as_bytes());
        ana.fechar_escrita();
        ana.ler_saudacao();
        for esperada in respostas {
            let veio = ana.ler_linha();
            assert!(veio.starts_with(esperada), "{pedidos:?}: {veio}");
        }
        ana.espera_fim();
    }
    assert!(servidor.entrar().pedir("LISTAR").starts_with("OK LISTADO livres=98 "));
}

/// Espera que o servidor tenha visto que todos, menos quem pergunta, se foram.
#[track_caller]
fn esperar_sozinho(quem: &mut Terminal) {
    esperar("os outros clientes saírem", || {
        quem.pedir_tudo("ESTADO").dados.iter().any(|linha| linha == "conexoes: 1")
    });
}

/// A meia linha de quem some não é executada; o que era dele fica, e o próximo é atendido.
#[test]
fn sumir_no_meio_de_uma_linha() {
    let servidor = ServidorDeTeste::new();
    let mut bia = servidor.entrar();
    for assento in 11..=14 {
        let mut ana = servidor.entrar();
        assert!(ana.pedir(&format!("RESERVAR {assento}")).starts_with("OK "));
        // A resposta do PING mostra que a meia linha, que foi no mesmo pacote, já foi lida.
        ana.enviar_bytes(b"PING\nRESERVAR 21");
        assert_eq!(ana.ler_linha(), "OK PONG");
        ana.cair();
        esperar_sozinho(&mut bia);
        assert_eq!(bia.pedir("PING"), "OK PONG");
        assert_eq!(servidor.entrar().pedir("PING"), "OK PONG");
    }
    assert_eq!(bia.pedir_tudo("LISTAR").dados[2], "OCUPADOS 11-14");
}

/// Quem fecha a conexão direito depois de uma última linha sem LF a mandou inteira.
#[test]
fn fechar_depois_de_uma_linha_sem_lf_a_executa() {
    let servidor = ServidorDeTeste::new();
    let mut bia = servidor.entrar();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 4"), "OK RESERVADO 4 versao=1");
    ana.enviar_bytes(b"RESERVAR 5");
    drop(ana);
    esperar_sozinho(&mut bia);
    assert_eq!(bia.pedir_tudo("LISTAR").dados[2], "OCUPADOS 4-5");
}

/// Um lote e o sumiço: o que valeu é um começo do lote, em ordem, sem buracos.
#[test]
fn lote_interrompido_por_rst_vale_ate_um_ponto() {
    for _ in 0..10 {
        let servidor = ServidorDeTeste::new();
        let mut bia = servidor.entrar();
        let mut ana = servidor.entrar();
        let lote: String = (1..=100).map(|n| format!("RESERVAR {n}\n")).collect();
        ana.enviar_bytes(lote.as_bytes());
        assert_eq!(ana.ler_linha(), "OK RESERVADO 1 versao=1");
        ana.cair();
        esperar_sozinho(&mut bia);
        let lista = bia.pedir_tudo("LISTAR");
        let ocupados = lista.dados[2].strip_prefix("OCUPADOS ").expect("ao menos o primeiro valeu");
        let comeco = ocupados == "1" || ocupados.starts_with("1-") && !ocupados.contains(' ');
        assert!(comeco, "um lote interrompido deixou um buraco: {ocupados}");
    }
}
