//! Uma história escrita à mão, linha a linha, para os testes: `cliente | enviado ouvido | pedido | resposta`.
//!
//! As horas são milissegundos. `?` no lugar da resposta: não veio. `cliente | ouvido | EVENTO ...` é um evento;
//! `cliente | ouvido | ! texto`, uma sobra. As linhas de dados de `LISTAR` se separam com ` / `.

use std::time::Duration;

use protocolo::ClientId;

use crate::historia::{Conversa, Historia, Sobra, Troca, Visto};

/// Lê uma cena, em que ninguém mais mexe na sala.
pub(super) fn cena(linhas: &str) -> Historia {
    let mut historia = Historia { conversas: Vec::new(), sozinha: true };
    for linha in linhas.lines().map(str::trim).filter(|linha| !linha.is_empty()) {
        let partes: Vec<&str> = linha.split('|').map(str::trim).collect();
        let cliente = ClientId::new(partes[0].parse().unwrap()).unwrap();
        let mut horas = partes[1].split_whitespace().map(|ms| Duration::from_millis(ms.parse().unwrap()));
        let conversa = conversa(&mut historia, cliente);
        if let [_, _, visto] = partes[..] {
            let ouvido = horas.next().unwrap();
            if let Some(texto) = visto.strip_prefix("! ") {
                conversa.sobras.push(Sobra { texto: texto.into(), ouvido });
            } else {
                let depois_de = conversa.trocas.iter().filter(|troca| troca.resposta.is_some()).count();
                conversa.eventos.push(Visto { evento: visto.parse().unwrap(), ouvido, depois_de });
            }
            continue;
        }
        let (enviado, ouvido) = (horas.next().unwrap(), horas.next().unwrap());
        let resposta = match partes[3] {
            "?" => None,
            texto => {
                let fim = if texto.starts_with("ERRO") { " :" } else { "" };
                Some(format!("{}{fim}", texto.replace(" / ", "\n")).parse().unwrap())
            }
        };
        conversa.trocas.push(Troca { pedido: partes[2].parse().unwrap(), enviado, ouvido, resposta });
    }
    historia
}

fn conversa(historia: &mut Historia, cliente: ClientId) -> &mut Conversa {
    let conversas = &mut historia.conversas;
    let qual = conversas.iter().position(|uma| uma.cliente == cliente).unwrap_or_else(|| {
        let (trocas, eventos, sobras) = (Vec::new(), Vec::new(), Vec::new());
        conversas.push(Conversa { cliente, trocas, eventos, sobras });
        conversas.len() - 1
    });
    &mut conversas[qual]
}
