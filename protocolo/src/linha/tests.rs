//! Tabelas de bytes e do que se lê deles, em todos os cortes.

use std::io::{BufReader, Read};

use super::*;

/// Entrega `bytes` em pedaços de `passo`, como pacotes que chegam cortados.
struct Pacotes<'a> {
    bytes: &'a [u8],
    passo: usize,
}

impl Read for Pacotes<'_> {
    fn read(&mut self, destino: &mut [u8]) -> io::Result<usize> {
        let n = self.passo.min(self.bytes.len()).min(destino.len());
        destino[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

fn ler(bytes: &[u8], passo: usize) -> Vec<String> {
    let mut linhas = Linhas::new(BufReader::with_capacity(64, Pacotes { bytes, passo }));
    let mut lidas = Vec::new();
    while let Some(entrada) = linhas.proxima().unwrap() {
        lidas.push(match entrada {
            Entrada::Linha(linha) => linha.to_owned(),
            outra => format!("{outra:?}"),
        });
        assert!(linhas.linha.capacity() <= 2 * LINHA_BYTES_MAX);
        if lidas.last().is_some_and(|l| l == "OutroProtocolo") {
            break;
        }
    }
    lidas
}

fn conferir(bytes: &[u8], esperado: &[&str]) {
    for passo in [1, 2, 3, 7, 64] {
        assert_eq!(ler(bytes, passo), esperado, "passo {passo}, {:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn fins_de_linha() {
    conferir(b"", &[]);
    conferir(b"PING\n", &["PING"]);
    conferir(b"PING\r\nMAPA\n", &["PING", "MAPA"]);
    conferir(b"PING", &["PING"]);
    conferir(b"\n\r\n  \t\n\r\r\n", &[]);
    conferir(b"  ", &[]);
    // Um CR sozinho é um byte de controle, não um fim de linha.
    conferir(b"PI\rNG\rX\n", &["PINGX"]);
    conferir(b"A\n\n\nB", &["A", "B"]);
}

#[test]
fn bytes_de_controle_e_apagar() {
    conferir(b"P\0I\x01N\x1bG\x0b\n", &["PING"]);
    conferir(b"PUNG\x08\x08\x08ING\n", &["PING"]);
    conferir(b"\x08\x7fPINX\x7fG\n", &["PING"]);
    conferir("João\u{7f}\u{7f}ão\n".as_bytes(), &["João"]);
    // O que se apaga é da linha corrente, nunca da anterior.
    conferir(b"A\n\x08\x08B\n", &["A", "B"]);
}

#[test]
fn telnet_sai_em_qualquer_corte() {
    conferir(b"\xff\xf4\xff\xfd\x06PING\n", &["PING"]);
    conferir(b"PI\xff\xfb\x01NG\n", &["PING"]);
    // Operandos que parecem LF, IAC ou letras são da sequência.
    conferir(b"P\xff\xfa\x1f\0P\n\0\x18\xff\xff\xff\xf0ING\n", &["PING"]);
    conferir(b"P\xff\xfd\nING\n", &["PING"]);
    conferir(b"P\xff\xf1ING\n", &["PING"]);
    // Um IAC sozinho (um ÿ em Latin-1, um byte perdido) não engole o que vem depois, nem o fim da linha.
    conferir(b"PING\xff\nMAPA\xff\r\n\xffPING\n", &["PING", "MAPA", "PING"]);
    // IAC IAC é um 255 de verdade, que não é UTF-8.
    conferir(b"P\xff\xffING\nPING\n", &["NaoUtf8", "PING"]);
}

#[test]
fn nao_utf8_e_uma_recusa_e_a_leitura_segue() {
    conferir(b"\xc3\x28\nPING\n", &["NaoUtf8", "PING"]);
    conferir(b"\xed\xa0\x80\n\xc0\xaf\nPING\n", &["NaoUtf8", "NaoUtf8", "PING"]);
    conferir(b"\x80", &["NaoUtf8"]);
}

#[test]
fn linha_no_limite_e_um_alem() {
    let cheia = "A".repeat(LINHA_BYTES_MAX - 1);
    conferir(format!("{cheia}\nPING\n").as_bytes(), &[&cheia, "PING"]);
    conferir(format!("{cheia}A\nPING\n").as_bytes(), &["Longa", "PING"]);
    conferir(format!("{}\r\nPING\n", &cheia[1..]).as_bytes(), &[&cheia[1..], "PING"]);
    conferir(format!("{cheia}\r\nPING\n").as_bytes(), &["Longa", "PING"]);
    // Sem fim de linha, ele não conta.
    conferir(format!("{cheia}A").as_bytes(), &[&format!("{cheia}A")]);
    conferir(format!("{cheia}AA").as_bytes(), &["Longa"]);
    conferir(format!("{}\nPING\n", "A".repeat(5000)).as_bytes(), &["Longa", "PING"]);
    // O que o terminal acrescenta não conta; e um byte ruim numa linha longa é uma recusa só.
    conferir(format!("{}{cheia}\nPING\n", "\0".repeat(3000)).as_bytes(), &[&cheia, "PING"]);
    conferir(&[&[b'A'; 1500][..], b"\xc3\x28\nPING"].concat(), &["Longa", "PING"]);
}

#[test]
fn outro_protocolo_so_na_primeira_linha() {
    let longa = format!("GET /{} HTTP/1.1\r\n\r\nRESERVAR 1\n", "a".repeat(3000));
    let inventado = format!("RESERVAR /{}\r\nRESERVAR 1\n", "a".repeat(3000));
    for primeira in [
        "GET / HTTP/1.1\r\nRESERVAR 1\n",
        "\r\n\r\nPOST /x HTTP/1.0\r\n\r\nRESERVAR 1\n",
        "get / http/1.1\nRESERVAR 1\n",
        "RESERVAR / HTTP/1.1\r\n\r\nRESERVAR 1\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x16\x03\x01\x02",
        &longa,
        &inventado,
    ] {
        conferir(primeira.as_bytes(), &["OutroProtocolo"]);
    }
    conferir(b"PING\nGET / HTTP/1.1\n", &["PING", "GET / HTTP/1.1"]);
    conferir(b"\x16PING\n\x16\x03\n", &["PING"]);
    conferir(b"HTTP\n", &["HTTP"]);
    // Quem só escreveu uma barra a mais é uma pessoa.
    conferir(b"LISTAR /tudo\n", &["LISTAR /tudo"]);
    conferir(&[b'A'; 3000], &["Longa"]);
}

#[test]
fn cada_byte_em_cada_posicao_deixa_a_leitura_no_passo() {
    for byte in 0..=255u8 {
        for posicao in 0..=4 {
            let mut linha = b"PING".to_vec();
            linha.insert(posicao, byte);
            // Antes vai um pedido (a primeira linha é especial) e depois uma linha que encerra qualquer sequência.
            let tudo = [b"MAPA\n", &linha[..], b"\n\xff\xf0\nPING\nSAIR\n"].concat();
            for passo in [1, 64] {
                let lidas = ler(&tudo, passo);
                assert_eq!(
                    lidas.first().map(String::as_str),
                    Some("MAPA"),
                    "byte {byte} na posição {posicao}"
                );
                assert_eq!(
                    lidas.last().map(String::as_str),
                    Some("SAIR"),
                    "byte {byte} na posição {posicao}"
                );
            }
        }
    }
}

#[test]
fn negociacao_inteira_nao_comeca_uma_linha() {
    for (bytes, comecada) in [
        (&b"PING\n\xff\xfb\x1f"[..], false),
        (b"PING\n\xff\xfa\x1f\0\x50\xff\xf0", false),
        (b"PING\n", false),
        (b"PING\nP", true),
        (b"PING\n\xff\xfa", true),
        (&[&b"PING\n"[..], &[b'A'; 3000]].concat(), true),
    ] {
        /// Falha no fim, como uma conexão calada.
        struct Calada<'a>(&'a [u8]);
        impl Read for Calada<'_> {
            fn read(&mut self, destino: &mut [u8]) -> io::Result<usize> {
                let n = self.0.read(destino)?;
                if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
            }
        }
        let mut linhas = Linhas::new(BufReader::new(Calada(bytes)));
        while linhas.proxima().is_ok() {}
        assert_eq!(linhas.comecada(), comecada, "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn erro_do_leitor_nao_perde_o_que_ja_veio() {
    /// Falha uma vez entre os dois pedaços, como um prazo que vence no meio da linha.
    struct Falha(u8);
    impl Read for Falha {
        fn read(&mut self, destino: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            let pedaco: &[u8] = match self.0 {
                1 => b"PI",
                2 => return Err(io::ErrorKind::WouldBlock.into()),
                3 => b"NG\n",
                _ => b"",
            };
            destino[..pedaco.len()].copy_from_slice(pedaco);
            Ok(pedaco.len())
        }
    }
    let mut linhas = Linhas::new(BufReader::new(Falha(0)));
    assert_eq!(linhas.proxima().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(linhas.proxima().unwrap(), Some(Entrada::Linha("PING")));
    assert_eq!(linhas.proxima().unwrap(), None);
}
