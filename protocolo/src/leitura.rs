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
    /// Números de assentos que a sala não tem, como foram escritos; só se culpam com a frase inteira certa.
    fora: Vec<String>,
}

impl<'a> Palavras<'a> {
    pub(crate) fn new(linha: &'a str) -> Self {
        Self { resto: sem_separadores(linha), fora: Vec::new() }
    }

    /// A próxima palavra, sem consumi-la.
    pub(crate) fn olhar(&self) -> Option<&'a str> {
        let fim = self.resto.bytes().position(e_separador).unwrap_or(self.resto.len());
        if fim == 0 { None } else { Some(&self.resto[..fim]) }
    }

    /// A próxima palavra.
    pub(crate) fn proxima(&mut self) -> Option<&'a str> {
        let palavra = self.olhar()?;
        self.consumir(palavra);
        Some(palavra)
    }

    /// Passa da palavra que se olhou.
    fn consumir(&mut self, palavra: &str) {
        self.resto = sem_separadores(&self.resto[palavra.len()..]);
    }

    pub(crate) fn tem_mais(&self) -> bool {
        !self.resto.is_empty()
    }

    /// Consome a palavra `esperada`, em maiúsculas ou minúsculas, se for ela a próxima.
    pub(crate) fn se_vem(&mut self, esperada: &str) -> bool {
        match self.olhar().filter(|palavra| palavra.eq_ignore_ascii_case(esperada)) {
            Some(palavra) => {
                self.consumir(palavra);
                true
            }
            None => false,
        }
    }

    /// A próxima palavra; sem ela, uma recusa que diz o que falta.
    pub(crate) fn exigir(&mut self, falta: &str) -> Result<&'a str, Recusa> {
        self.proxima().ok_or_else(|| sintaxe(falta))
    }

    /// Recusa o que sobra na linha; se nada sobra, os assentos que a sala não tem: SINTAXE vem antes.
    pub(crate) fn terminou(&self) -> Result<(), Recusa> {
        if self.tem_mais() {
            return Err(sintaxe("há palavras a mais"));
        }
        if self.fora.is_empty() { Ok(()) } else { Err(Error::AssentoInvalido(self.fora.clone()).into()) }
    }

    /// Uma lista de assentos, até a primeira palavra que começa por letra: `3 7 9`, `3,7,9`, `4-6 12`.
    ///
    /// Os que a sala não tem ficam guardados até [`Palavras::terminou`], que os recusa.
    pub(crate) fn assentos(&mut self) -> Result<Assentos, Recusa> {
        let mut lista = Lista::default();
        let mut vazia = true;
        // Quase toda lista é só de números separados por espaços: vai inteira pelo atalho.
        while let Some(assento) = self.assento_simples() {
            lista.dentro.inserir(assento);
            vazia = false;
        }
        while let Some(palavra) = self.olhar().filter(|p| !p.as_bytes()[0].is_ascii_alphabetic()) {
            for item in palavra.split(',').filter(|item| !item.is_empty()) {
                lista.ler(item)?;
                vazia = false;
            }
            self.consumir(palavra);
        }
        if vazia {
            return Err(sintaxe("faltam os assentos"));
        }
        if let Some(palavra) = self.olhar().filter(|p| !CLAUSULAS.iter().any(|c| c.eq_ignore_ascii_case(p))) {
            return Err(sintaxe(&format!("{} não é um assento", mostrar(palavra))));
        }
        self.fora = lista.fora;
        Ok(lista.dentro)
    }

    /// Um assento só, que é o que falta da linha.
    pub(crate) fn so_um_assento(&mut self) -> Result<Assento, Recusa> {
        let palavra = self.exigir("falta o assento")?;
        let assento = Lista::default().um(palavra, palavra)?;
        // Também aqui SINTAXE vem antes.
        self.terminou()?;
        assento.ok_or_else(|| Error::AssentoInvalido(vec![palavra.to_owned()]).into())
    }

    /// Consome a próxima palavra se ela é só o número de um assento: o atalho de [`Lista::ler`].
    fn assento_simples(&mut self) -> Option<Assento> {
        let algarismos = self.resto.bytes().take(4).take_while(u8::is_ascii_digit).count();
        let (numero, resto) = self.resto.split_at(algarismos);
        let separada = resto.is_empty() || resto.as_bytes().first().copied().is_some_and(e_separador);
        if !(1..=3).contains(&algarismos) || !separada || numero.starts_with('0') {
            return None;
        }
        let numero = numero.bytes().fold(0u16, |numero, algarismo| 10 * numero + u16::from(algarismo - b'0'));
        let assento = u8::try_from(numero).ok().and_then(Assento::new)?;
        self.resto = sem_separadores(resto);
        Some(assento)
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

fn e_separador(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// O texto a partir do primeiro byte que não é separador.
fn sem_separadores(texto: &str) -> &str {
    let inicio = texto.bytes().position(|byte| !e_separador(byte)).unwrap_or(texto.len());
    &texto[inicio..]
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
        let (primeiro, ultimo) = (self.um(inicio, item)?, self.um(fim, item)?);
        // Sem zeros à esquerda, o número com mais algarismos é o maior: vale também para o que não cabe em 64 bits.
        if (inicio.len(), inicio) > (fim.len(), fim) {
            let direito = format!("{fim}-{inicio}");
            return Err(sintaxe(&format!("{} está invertido: escreva {}", mostrar(item), mostrar(&direito))));
        }
        let (Some(inicio), Some(fim)) = (primeiro, ultimo) else { return Ok(()) };
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

/// O que o cliente escreveu, para repetir num texto: entre aspas e sem byte que mexa no terminal.
///
/// Uma palavra longa não se repete: pode ser uma chave fora do lugar, e o texto também vai para o log.
fn mostrar(texto: &str) -> String {
    const MOSTRADAS_MAX: usize = 20;
    if texto.chars().nth(MOSTRADAS_MAX).is_some() {
        return "uma palavra tão longa".into();
    }
    format!("\"{}\"", texto.escape_debug())
}
