//! A linha final de uma resposta: o cursor que a lê, palavra a palavra, e o erro de quem não a entende.
//!
//! Está abaixo das respostas, dos eventos e da história, que se leem com ele.

use std::fmt;

use crate::assentos::{Assento, Assentos};
use crate::identidade::{ClientId, Versao};
use crate::leitura::Palavras;

/// Diz se a linha encerra uma resposta: se a sua primeira palavra é `OK` ou `ERRO`.
pub fn e_final(linha: &str) -> bool {
    matches!(linha.split(' ').next(), Some("OK" | "ERRO"))
}

/// O bloco de linhas não é uma resposta deste protocolo. Traz a linha que não se entendeu.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RespostaInvalida(pub String);

impl fmt::Display for RespostaInvalida {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resposta que não se entende: {}", self.0.escape_debug())
    }
}

impl std::error::Error for RespostaInvalida {}

/// Um cursor sobre uma linha final: listas de números e pares `nome=valor`.
#[derive(Debug)]
pub(crate) struct Final<'a> {
    linha: &'a str,
    palavras: Palavras<'a>,
}

impl<'a> Final<'a> {
    pub(crate) fn new(linha: &'a str) -> Self {
        Self { linha, palavras: Palavras::new(linha) }
    }

    pub(crate) fn invalida(&self) -> RespostaInvalida {
        RespostaInvalida(self.linha.to_owned())
    }

    pub(crate) fn palavra(&mut self) -> Result<&'a str, RespostaInvalida> {
        self.palavras.proxima().ok_or_else(|| self.invalida())
    }

    pub(crate) fn exigir(&mut self, palavra: &str) -> Result<(), RespostaInvalida> {
        if self.palavra()? == palavra { Ok(()) } else { Err(self.invalida()) }
    }

    pub(crate) fn se_vem(&mut self, palavra: &str) -> bool {
        self.palavras.se_vem(palavra)
    }

    pub(crate) fn tem_mais(&self) -> bool {
        self.palavras.tem_mais()
    }

    pub(crate) fn resto(&mut self) -> Vec<String> {
        let mut resto = Vec::new();
        while let Some(palavra) = self.palavras.olhar().filter(|p| !p.contains('=')) {
            resto.push(palavra.to_owned());
            self.palavras.proxima();
        }
        resto
    }

    pub(crate) fn numero(&mut self) -> Result<u64, RespostaInvalida> {
        self.palavra()?.parse().map_err(|_| self.invalida())
    }

    /// Os números que vêm a seguir, até a primeira palavra que não é um assento.
    pub(crate) fn assentos(&mut self) -> Assentos {
        let mut assentos = Assentos::NENHUM;
        while let Some(assento) = self.palavras.olhar().and_then(|p| p.parse().ok()).and_then(Assento::new) {
            assentos.inserir(assento);
            self.palavras.proxima();
        }
        assentos
    }

    pub(crate) fn talvez_valor(&mut self, nome: &str) -> Option<&'a str> {
        let valor = self.palavras.olhar()?.strip_prefix(nome)?.strip_prefix('=')?;
        self.palavras.proxima();
        Some(valor)
    }

    pub(crate) fn valor(&mut self, nome: &str) -> Result<&'a str, RespostaInvalida> {
        self.talvez_valor(nome).ok_or_else(|| self.invalida())
    }

    pub(crate) fn par(&mut self, nome: &str) -> Result<u64, RespostaInvalida> {
        self.valor(nome)?.parse().map_err(|_| self.invalida())
    }

    pub(crate) fn par32(&mut self, nome: &str) -> Result<u32, RespostaInvalida> {
        self.valor(nome)?.parse().map_err(|_| self.invalida())
    }

    pub(crate) fn cliente(&mut self) -> Result<ClientId, RespostaInvalida> {
        ClientId::new(self.par("cliente")?).ok_or_else(|| self.invalida())
    }

    pub(crate) fn versao(&mut self) -> Result<Versao, RespostaInvalida> {
        self.par("versao").map(Versao)
    }

    pub(crate) fn terminou(&self) -> Result<(), RespostaInvalida> {
        if self.tem_mais() { Err(self.invalida()) } else { Ok(()) }
    }
}
