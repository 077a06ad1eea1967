//! As palavras de uma linha, lidas uma a uma: o que a gramática dos pedidos e a das respostas têm em comum.
//!
//! Não conhece os comandos. Uma recusa que sai daqui diz o que está errado; quem lê o comando junta o uso.

use crate::assentos::{Assento, Assentos};
use crate::error::{Error, Recusa};
use crate::identidade::Segundos;
use crate::limites::{ASSENTOS_MAX, PRAZO_S_MAX, PRAZO_S_MIN};

/// Um cursor sobre as palavras de uma linha, separadas por espaços ou tabulações.
#[derive(Debug)]
pub(crate) struct Palavras<'a> {
    resto: &'a str,
}

const SEPARADORES: [char; 2] = [' ', '\t'];

impl<'a> Palavras<'a> {
    pub(crate) fn new(linha: &'a str) -> Self {
        Self { resto: linha.trim_matches(SEPARADORES) }
    }

    /// A próxima palavra, sem consumi-la.
    pub(crate) fn olhar(&self) -> Option<&'a str> {
        self.resto.split(SEPARADORES).next().filter(|palavra| !palavra.is_empty())
    }

    /// A próxima palavra.
    pub(crate) fn proxima(&mut self) -> Option<&'a str> {
        let palavra = self.olhar()?;
        self.resto = self.resto[palavra.len()..].trim_start_matches(SEPARADORES);
        Some(palavra)
    }

    pub(crate) fn tem_mais(&self) -> bool {
        !self.resto.is_empty()
    }

    /// Consome a palavra `esperada`, em maiúsculas ou minúsculas, se for ela a próxima.
    pub(crate) fn se_vem(&mut self, esperada: &str) -> bool {
        let vem = self.olhar().is_some_and(|palavra| palavra.eq_ignore_ascii_case(esperada));
        if vem {
            self.proxima();
        }
        vem
    }

    /// A próxima palavra; sem ela, uma recusa que diz o que falta.
    pub(crate) fn exigir(&mut self, falta: &str) -> Result<&'a str, Recusa> {
        self.proxima().ok_or_else(|| sintaxe(falta))
    }

    /// Recusa o que sobra na linha.
    pub(crate) fn terminou(&self) -> Result<(), Recusa> {
        if self.tem_mais() { Err(sintaxe("há palavras a mais")) } else { Ok(()) }
    }

    /// Uma lista de assentos, até a primeira palavra que começa por letra: `3 7 9`, `3,7,9`, `4-6 12`.
    pub(crate) fn assentos(&mut self) -> Result<Assentos, Recusa> {
        let mut lista = Lista::default();
        let mut vazia = true;
        while let Some(palavra) = self.olhar().filter(|p| !p.starts_with(char::is_alphabetic)) {
            for item in palavra.split(',').filter(|item| !item.is_empty()) {
                lista.ler(item)?;
                vazia = false;
            }
            self.proxima();
        }
        if vazia {
            return Err(sintaxe("faltam os assentos"));
        }
        // Antes de culpar os números, confere o resto da frase: SINTAXE vem antes de ASSENTO_INVALIDO.
        if let Some(palavra) = self.olhar().filter(|p| !CLAUSULAS.iter().any(|c| c.eq_ignore_ascii_case(p))) {
            return Err(sintaxe(&format!("{} não é um assento", mostrar(palavra))));
        }
        if lista.fora.is_empty() { Ok(lista.dentro) } else { Err(Error::AssentoInvalido(lista.fora).into()) }
    }

    /// Uma quantidade: um número a partir de 1. O que não cabe em 32 bits vale `u32::MAX`, mais do que a sala tem.
    pub(crate) fn quantidade(&mut self) -> Result<u32, Recusa> {
        let quantos = numero(self.exigir("falta a quantidade")?)?.unwrap_or(u64::MAX);
        if quantos == 0 {
            return Err(sintaxe("a quantidade começa em 1"));
        }
        Ok(u32::try_from(quantos).unwrap_or(u32::MAX))
    }

    /// Um prazo introduzido por `clausula`, se ela vier.
    pub(crate) fn prazo(&mut self, clausula: &str) -> Result<Option<Segundos>, Recusa> {
        if !self.se_vem(clausula) {
            return Ok(None);
        }
        let segundos = numero(self.exigir(&format!("faltam os segundos depois de {clausula}"))?)?;
        segundos
            .and_then(|s| u32::try_from(s).ok())
            .and_then(Segundos::new)
            .map(Some)
            .ok_or_else(|| sintaxe(&format!("{clausula} vai de {PRAZO_S_MIN} a {PRAZO_S_MAX} segundos")))
    }
}

/// As palavras que podem vir depois de uma lista de assentos.
const CLAUSULAS: [&str; 4] = ["POR", "ATE", "CERCA", "PREFERINDO"];

/// Uma lista de assentos enquanto se lê: os que a sala tem e os que não tem, como foram escritos.
#[derive(Default)]
struct Lista {
    dentro: Assentos,
    fora: Vec<String>,
}

impl Lista {
    /// Lê `7` ou `4-6`.
    fn ler(&mut self, item: &str) -> Result<(), Recusa> {
        let Some((inicio, fim)) = item.split_once('-') else {
            if let Some(assento) = self.um(item, item)? {
                self.dentro.inserir(assento);
            }
            return Ok(());
        };
        let (inicio, fim) = (self.um(inicio, item)?, self.um(fim, item)?);
        let (Some(inicio), Some(fim)) = (inicio, fim) else { return Ok(()) };
        if inicio > fim {
            return Err(sintaxe(&format!("{item} está invertido: escreva {fim}-{inicio}")));
        }
        self.dentro |= Assento::todos().filter(|a| (inicio..=fim).contains(a)).collect();
        Ok(())
    }

    /// O assento escrito em `texto`, parte de `item`; `None`, e anotado em `fora`, se a sala não o tem.
    fn um(&mut self, texto: &str, item: &str) -> Result<Option<Assento>, Recusa> {
        let lido = numero(texto).map_err(|_| {
            sintaxe(&format!(
                "{} não é um assento: escreva só o número, de 1 a {ASSENTOS_MAX}",
                mostrar(item)
            ))
        })?;
        let assento = lido.and_then(|n| u8::try_from(n).ok()).and_then(Assento::new);
        if assento.is_none() && !self.fora.iter().any(|outro| outro == texto) {
            self.fora.push(texto.to_owned());
        }
        Ok(assento)
    }
}

/// O número escrito em `texto`, só com algarismos ASCII e sem zeros à esquerda; `None` se não cabe em 64 bits.
pub(crate) fn numero(texto: &str) -> Result<Option<u64>, Recusa> {
    let algarismos = !texto.is_empty() && texto.bytes().all(|b| b.is_ascii_digit());
    if !algarismos || texto.len() > 1 && texto.starts_with('0') {
        return Err(sintaxe(&format!("{} não é um número", mostrar(texto))));
    }
    Ok(texto.parse().ok())
}

/// Uma recusa por sintaxe com o seu motivo.
pub(crate) fn sintaxe(motivo: &str) -> Recusa {
    Recusa::com_texto(Error::Sintaxe, motivo)
}

/// O que o cliente escreveu, para repetir num texto: curto, entre aspas e sem byte que mexa no terminal.
fn mostrar(texto: &str) -> String {
    let curto: String = texto.chars().take(20).collect();
    format!("\"{}\"", curto.escape_debug())
}
