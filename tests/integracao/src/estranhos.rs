//! Quem fala outro protocolo: `ERRO PROTOCOLO`, a conexão fecha, e nada do que mandou é executado.

use std::io::Write;

use arnes::ServidorDeTeste;

const TLS: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03RESERVAR 1\nRESERVAR 2\n";

/// Manda os bytes como os primeiros da conexão, em pedaços deste tamanho.
#[track_caller]
fn recusar(servidor: &ServidorDeTeste, bytes: &[u8], pedaco: usize) {
    let mut ana = servidor.conectar();
    for pedaco in bytes.chunks(pedaco) {
        // O servidor pode já ter fechado: é o que se quer.
        if ana.tomada().write_all(pedaco).is_err() {
            break;
        }
    }
    ana.ler_saudacao();
    let mostra = || bytes[..bytes.len().min(60)].escape_ascii().to_string();
    let veio = ana.ler_linha();
    assert!(veio.starts_with("ERRO PROTOCOLO :"), "{}: {veio}", mostra());
    let sobra = ana.ler_o_que_ha();
    assert!(sobra.is_empty(), "{}: depois veio {:?}", mostra(), String::from_utf8_lossy(&sobra));
    let lista = servidor.entrar().pedir("LISTAR");
    assert!(lista.starts_with("OK LISTADO livres=100 "), "{}: algo foi executado: {lista}", mostra());
}

#[test]
fn http_fecha_sem_executar_o_corpo() {
    let servidor = ServidorDeTeste::new();
    let longo = format!("GET /{} HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n", "a".repeat(3000));
    let metodo_longo = format!("RESERVAR /{} HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n", "a".repeat(3000));
    for pedido in [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:7878\r\n\r\nRESERVAR 1 2 3\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\nRESERVAR 1 2 3\r\n",
        "POST /reservar HTTP/1.0\nContent-Type: text/plain\n\nRESERVAR 1 2 3\n",
        "RESERVAR / HTTP/1.1\r\nHost: x\r\n\r\nRESERVAR 1 2 3\r\n",
        "XYZ /RESERVAR/1 http/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        "get / http/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        "GET /\r\nRESERVAR 1 2 3\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nRESERVAR 1 2 3\n",
        "CONNECT 127.0.0.1:7878 HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        "   \n\tPOST / HTTP/1.1\r\n\r\nRESERVAR 1 2 3\r\n",
        &longo,
        &metodo_longo,
    ] {
        for pedaco in [1, 7, pedido.len()] {
            recusar(&servidor, pedido.as_bytes(), pedaco);
        }
    }
}

#[test]
fn http_com_corpo_enorme() {
    let servidor = ServidorDeTeste::new();
    let corpo = "RESERVAR 1 2 3\r\n".repeat(20_000);
    let pedido = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{corpo}", corpo.len());
    recusar(&servidor, pedido.as_bytes(), pedido.len());
}

#[test]
fn tls_e_ssh_fecham() {
    let servidor = ServidorDeTeste::new();
    for cumprimento in [TLS, b"\x16\x03\x03\x00\x05", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nRESERVAR 1 2 3\r\n"]
    {
        for pedaco in [1, cumprimento.len()] {
            recusar(&servidor, cumprimento, pedaco);
        }
    }
}

/// Só a primeira linha decide: depois dela, `GET` é uma palavra desconhecida como outra qualquer.
#[test]
fn depois_da_primeira_linha_e_so_um_engano() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("PING"), "OK PONG");
    for engano in ["GET / HTTP/1.1", "SSH-2.0-x", "\u{16}\u{3}\u{1}PINGX"] {
        assert!(ana.pedir(engano).starts_with("ERRO COMANDO_DESCONHECIDO :"), "{engano:?}");
    }
    assert_eq!(ana.pedir("PING"), "OK PONG");
    // E um engano qualquer na primeira linha não fecha a conexão.
    for engano in ["GETE", "HTTP", "POSTA", "SSH", "RESERVAR /", "\u{16}PINGX"] {
        let mut bia = servidor.entrar();
        assert!(bia.pedir(engano).starts_with("ERRO "), "{engano:?}");
        assert_eq!(bia.pedir("PING"), "OK PONG", "{engano:?}");
    }
}
