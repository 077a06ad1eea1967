//! O que uma conexão tem por escrever: o texto, e de que lote depende cada resposta.
//!
//! Não escreve em socket nenhum e não grava nada; só sabe o que já pode sair e como.

use std::io;

use protocolo::{ClientId, Error, Recusa, Versao};

use crate::base::gravacao::{Decisao, Gravacao};
use crate::limites::SAIDA_BYTES_QUIETA;
use crate::tela::narracao;

/// A saída de uma conexão.
#[derive(Debug, Default)]
pub struct Saida {
    /// As linhas, cada uma com o seu LF.
    pub texto: String,
    /// As respostas que dependem do disco, em ordem.
    marcas: Vec<Marca>,
}

/// Uma resposta que só pode sair quando um lote estiver gravado.
#[derive(Debug)]
struct Marca {
    inicio: usize,
    fim: usize,
    lote: u64,
    /// Até onde se tinha contado a quem observa, antes dela.
    contado: Versao,
}

/// Onde a saída mudou porque um lote não foi gravado.
#[derive(Clone, Copy, Debug)]
pub struct Desfeita {
    /// Onde começa a primeira resposta que mudou.
    pub inicio: usize,
    /// Até onde se tinha contado a quem observa, antes dela.
    pub contado: Versao,
}

impl Saida {
    /// O que se juntou desde `inicio` depende deste lote.
    pub fn marcar(&mut self, inicio: usize, lote: u64, contado: Versao) {
        self.marcas.push(Marca { inicio, fim: self.texto.len(), lote, contado });
    }

    /// O último lote de que algo aqui depende.
    pub fn depende_de(&self) -> Option<u64> {
        self.marcas.last().map(|marca| marca.lote)
    }

    /// Espera que se decida o lote de cada resposta; a que não pôde ser gravada passa a dizer isso.
    ///
    /// Erros: não se grava mais nada, e não se sabe o que responder.
    pub fn decidir(&mut self, gravacao: &Gravacao, conexao: ClientId) -> io::Result<Option<Desfeita>> {
        // Os lotes se decidem em ordem: depois do último, os outros já não fazem esperar.
        let ultimo = self.depende_de().map_or(Decisao::Gravado, |lote| gravacao.esperar(lote));
        if ultimo == Decisao::Parou {
            return Err(io::Error::other("a sala não pode mais ser gravada"));
        }
        let mut recusadas = Vec::new();
        for marca in self.marcas.drain(..) {
            if let Decisao::Recusado(versao) = gravacao.esperar(marca.lote) {
                recusadas.push((marca, versao));
            }
        }
        let Some((primeira, versao)) = recusadas.first() else { return Ok(None) };
        narracao::desfeito(conexao, recusadas.len(), *versao);
        let desfeita = Desfeita { inicio: primeira.inicio, contado: primeira.contado };
        // Do fim para o começo, para que os lugares das outras não mudem.
        for (marca, versao) in recusadas.into_iter().rev() {
            let recusa = format!("{}\n", Recusa::na_versao(Error::Indisponivel, versao));
            self.texto.replace_range(marca.inicio..marca.fim, &recusa);
        }
        Ok(Some(desfeita))
    }

    /// Tudo saiu. O que passa do costumeiro se devolve à memória.
    pub fn esvaziar(&mut self) {
        self.texto.clear();
        if self.texto.capacity() > SAIDA_BYTES_QUIETA {
            self.texto = String::new();
        }
    }
}
