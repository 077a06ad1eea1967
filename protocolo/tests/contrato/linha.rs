//! Qualquer sopa de bytes, em qualquer corte: o que se lê é o que um modelo ingênuo, que vê tudo de uma vez, diz.

use std::io::{BufReader, Read};

use proptest::collection::vec;
use proptest::prelude::*;
use protocolo::limites::LINHA_BYTES_MAX;
use protocolo::{Comando, Entrada, Linhas};

/// O que se leu, com a linha guardada.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Lida {
    Linha(String),
    Longa,
    NaoUtf8,
    OutroProtocolo,
}

/// Entrega `bytes` em pacotes dos tamanhos de `cortes`, em roda.
struct Pacotes<'a> {
    bytes: &'a [u8],
    cortes: Box<dyn Iterator<Item = usize> + 'a>,
}

impl Read for Pacotes<'_> {
    fn read(&mut self, destino: &mut [u8]) -> std::io::Result<usize> {
        let n = self.cortes.next().unwrap_or(1).min(self.bytes.len()).min(destino.len());
        destino[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

fn ler(bytes: &[u8], cortes: &[usize], capacidade: usize) -> Vec<Lida> {
    let pacotes = Pacotes { bytes, cortes: Box::new(cortes.iter().copied().cycle()) };
    let mut linhas = Linhas::new(BufReader::with_capacity(capacidade, pacotes));
    let mut lidas = Vec::new();
    while let Some(entrada) = linhas.proxima().unwrap() {
        lidas.push(match entrada {
            Entrada::Linha(linha) => Lida::Linha(linha.to_owned()),
            Entrada::Longa => Lida::Longa,
            Entrada::NaoUtf8 => Lida::NaoUtf8,
            Entrada::OutroProtocolo => Lida::OutroProtocolo,
        });
        if lidas.last() == Some(&Lida::OutroProtocolo) {
            return lidas;
        }
    }
    assert_eq!(linhas.proxima().unwrap(), None, "o fim do arquivo é para sempre");
    lidas
}

/// O que sobra de uma sequência de bytes sem as de telnet; um 255 de verdade (IAC IAC) não é confundido com IAC.
fn sem_telnet(bytes: &[u8]) -> Vec<u8> {
    let mut sobra = Vec::new();
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != 255 {
            sobra.push(byte);
            continue;
        }
        match bytes.next() {
            Some(255) => sobra.push(255),
            Some(251..=254) => drop(bytes.next()),
            Some(250) => {
                // Até IAC SE; IAC seguido de outra coisa continua dentro.
                while let Some(dentro) = bytes.next() {
                    if dentro == 255 && bytes.next() == Some(240) {
                        break;
                    }
                }
            }
            Some(comando @ ..240) => sobra.push(comando),
            _ => {}
        }
    }
    sobra
}

/// O modelo: linha a linha, sem se preocupar com memória. Vale depois de uma primeira linha já lida.
fn modelo(bytes: &[u8]) -> Vec<Lida> {
    let limpos = sem_telnet(bytes);
    let mut lidas = Vec::new();
    let mut pedacos: Vec<&[u8]> = limpos.split(|b| *b == b'\n').collect();
    let ultimo = pedacos.pop().unwrap();
    let linhas = pedacos.iter().map(|linha| (*linha, if linha.ends_with(b"\r") { 2 } else { 1 }));
    for (bruta, fim) in linhas.chain([(ultimo, 0)]) {
        let mut linha: Vec<u8> = Vec::new();
        let mut longa = false;
        for byte in bruta {
            match byte {
                8 | 127 => while linha.pop().is_some_and(|b| (0x80..0xc0).contains(&b)) {},
                9 | 32.. => linha.push(*byte),
                _ => {}
            }
            longa |= linha.len() > LINHA_BYTES_MAX;
        }
        if longa || linha.len() + fim > LINHA_BYTES_MAX {
            lidas.push(Lida::Longa);
        } else if !linha.iter().all(|b| matches!(b, b' ' | b'\t')) {
            lidas.push(String::from_utf8(linha).map_or(Lida::NaoUtf8, Lida::Linha));
        }
    }
    lidas
}

/// Bytes que se mostram como texto quando um teste falha.
struct Sopa(Vec<u8>);

impl std::fmt::Debug for Sopa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Pedaços em que os perigos são comuns: fins de linha, telnet, apagar, letras de vários bytes, linhas no limite.
fn sopa() -> impl Strategy<Value = Sopa> {
    let corrida =
        (any::<u8>(), prop_oneof![0..8usize, 1015..1030usize]).prop_map(|(byte, vezes)| [byte].repeat(vezes));
    let unidade = prop::sample::select(vec![&b"A"[..], b"\xff\xff", "é".as_bytes(), b" "]);
    let cheia = (unidade, 0..1030usize).prop_map(|(unidade, vezes)| unidade.repeat(vezes));
    let perigos: [&[u8]; 17] = [
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\x08",
        b"\x7f\x7f",
        b"\0",
        b"\xff",
        b"\xff\xff",
        b"\xff\xfa",
        b"\xff\xf0",
        b"\xff\xfd",
        b"\x16\x03",
        b" \t ",
        b"GET / HTTP/1.1\r\n",
        "João ç".as_bytes(),
        b"RESERVAR 1\n",
    ];
    let perigo = prop::sample::select(perigos.to_vec()).prop_map(<[u8]>::to_vec);
    let pedaco = prop_oneof![8 => perigo, 2 => vec(any::<u8>(), 0..6), 1 => corrida, 2 => cheia];
    vec(pedaco, 0..24).prop_map(|pedacos| Sopa(pedacos.concat()))
}

#[test]
fn linha_longa_so_de_255_vai_fora_inteira() {
    // Um 255 de verdade chega dobrado (IAC IAC); a linha que passa do limite só com eles também se descarta toda.
    let longa = b"\xff\xff".repeat(LINHA_BYTES_MAX + 1);
    let bytes = [b"PING\n", &longa[..], b"RESERVAR 1\nMAPA\n"].concat();
    let linha = |texto: &str| Lida::Linha(texto.to_owned());
    assert_eq!(ler(&bytes, &[64], 64), [linha("PING"), Lida::Longa, linha("MAPA")]);
}

#[test]
fn linha_so_o_cr_logo_antes_do_lf_conta_no_tamanho() {
    let cheia = "A".repeat(LINHA_BYTES_MAX - 1);
    let (comeco, fim) = cheia.split_at(7);
    for (bytes, esperada) in [
        // No meio da linha é um byte de controle como outro, que sai; o fim é só o LF.
        (format!("MAPA\n{comeco}\r{fim}\n"), Lida::Linha(cheia.clone())),
        (format!("MAPA\n{cheia}\r\0\n"), Lida::Linha(cheia.clone())),
        (format!("MAPA\n{cheia}\r\n"), Lida::Longa),
        (format!("MAPA\n{cheia}\r\r\n"), Lida::Longa),
    ] {
        for corte in [1, 3, 4096] {
            let lidas = ler(bytes.as_bytes(), &[corte], corte);
            assert_eq!(lidas.len(), 2);
            assert_eq!(lidas[1], esperada, "corte {corte}: {:?}", bytes.escape_debug().to_string());
        }
    }
}

proptest! {
    #[test]
    fn linhas_de_qualquer_sopa_sao_as_do_modelo(
        Sopa(sopa) in sopa(),
        cortes in vec(1..200usize, 1..5),
        capacidade in 1..300usize,
    ) {
        // A primeira linha é especial (HTTP, TLS); depois dela vale o modelo.
        let bytes = [b"MAPA\n", &sopa[..]].concat();
        prop_assert_eq!(ler(&bytes, &cortes, capacidade), modelo(&bytes));
    }

    #[test]
    fn linhas_de_qualquer_corte_sao_as_mesmas(
        Sopa(sopa) in sopa(),
        cortes in vec(1..200usize, 1..5),
        capacidade in 1..300usize,
    ) {
        // Aqui a sopa é também a primeira linha: o reconhecimento de HTTP e TLS não depende dos cortes.
        let inteira = ler(&sopa, &[usize::MAX], sopa.len().max(1));
        prop_assert_eq!(&ler(&sopa, &cortes, capacidade), &inteira);
        prop_assert_eq!(&ler(&sopa, &[1], 1), &inteira);
    }

    #[test]
    fn linhas_nao_tem_controle_nem_passam_do_limite(Sopa(sopa) in sopa()) {
        let lidas = ler(&sopa, &[7], 64);
        let fins = sopa.iter().filter(|b| **b == b'\n').count();
        prop_assert!(lidas.len() <= fins + 1, "uma linha deu mais de uma entrada: {:?}", lidas);
        for lida in lidas {
            if let Lida::Linha(linha) = lida {
                prop_assert!(linha.len() <= LINHA_BYTES_MAX);
                prop_assert!(!linha.bytes().any(|b| b.is_ascii_control() && b != b'\t'), "{:?}", linha);
                prop_assert!(!linha.trim_matches([' ', '\t']).is_empty());
                // E o que se lê dela nunca derruba quem a entende.
                let _ = linha.parse::<Comando>();
            }
        }
    }
}
