//! O que o servidor manda, cortado em respostas e eventos, em memória limitada.
//!
//! Lê de qualquer `BufRead`: não sabe o que é um socket, não escreve e não entende as respostas que entrega.

use std::io::{BufRead, Read};

use protocolo::{Evento, Resposta, RespostaInvalida, e_final};

use crate::falha::Falha;

/// Quantos bytes uma resposta inteira pode ter. A maior de verdade (`AJUDA`) tem uns poucos KiB; além disto, quem
/// está do outro lado não é um servidor da Reserva, e juntar mais só gastaria memória.
pub const RESPOSTA_BYTES_MAX: usize = 64 * 1024;

/// Quantas letras de uma linha que não se entende são mostradas: o bastante para a reconhecer.
const MOSTRA_LETRAS_MAX: usize = 80;

/// Uma resposta como veio: linhas de dados e a linha final, cada uma com o seu LF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bloco(String);

impl Bloco {
    /// O texto inteiro.
    pub fn texto(&self) -> &str {
        &self.0
    }

    /// A linha final, sem o LF: começa por `OK` ou `ERRO`.
    pub fn linha_final(&self) -> &str {
        self.0.lines().next_back().unwrap_or_default()
    }

    /// As linhas de dados, sem a final.
    pub fn dados(&self) -> impl Iterator<Item = &str> {
        let quantas = self.0.lines().count().saturating_sub(1);
        self.0.lines().take(quantas)
    }

    /// Diz se o servidor respondeu que não.
    pub fn recusou(&self) -> bool {
        self.linha_final().starts_with("ERRO")
    }

    /// A resposta como tipo.
    pub fn resposta(&self) -> Result<Resposta, RespostaInvalida> {
        self.0.parse()
    }
}

/// O que o servidor manda de cada vez.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recebido {
    /// Uma resposta.
    Resposta(Bloco),
    /// Uma mudança da sala, que só vem entre duas respostas.
    Evento(Evento),
}

/// Corta em respostas e eventos o que vem de `fonte`.
#[derive(Debug)]
pub struct Leitor<R> {
    fonte: R,
    /// O bloco que se está juntando. Fica aqui, e não na pilha, para sobreviver a um prazo de leitura que vence.
    bloco: Vec<u8>,
    /// Onde começa, no bloco, a linha que se está juntando.
    inicio: usize,
}

impl<R: BufRead> Leitor<R> {
    /// Lê de `fonte`, que deve estar no começo de uma resposta.
    pub const fn new(fonte: R) -> Self {
        Self { fonte, bloco: Vec::new(), inicio: 0 }
    }

    /// De onde se lê.
    pub const fn fonte(&self) -> &R {
        &self.fonte
    }

    /// A próxima resposta ou o próximo evento.
    ///
    /// Depois de [`Falha::Demora`] pode-se chamar de novo: a leitura continua de onde parou. Depois de outra falha,
    /// não há mais o que ler.
    pub fn proximo(&mut self) -> Result<Recebido, Falha> {
        loop {
            self.completar_linha()?;
            let Ok(linha) = std::str::from_utf8(&self.bloco[self.inicio..]) else {
                return Err(self.invalida());
            };
            let linha = linha.trim_end_matches('\n');
            // Um evento nunca vem dentro de uma resposta: no meio de uma, a palavra é só texto.
            if self.inicio == 0 && Evento::e_evento(linha) {
                let evento = linha.parse()?;
                self.bloco.clear();
                return Ok(Recebido::Evento(evento));
            }
            if e_final(linha) {
                self.inicio = 0;
                let bloco = String::from_utf8(std::mem::take(&mut self.bloco));
                return bloco.map(|texto| Recebido::Resposta(Bloco(texto))).map_err(|_| self.invalida());
            }
            self.inicio = self.bloco.len();
        }
    }

    /// Junta bytes no bloco até o fim da linha.
    fn completar_linha(&mut self) -> Result<(), Falha> {
        loop {
            let cabem = RESPOSTA_BYTES_MAX - self.bloco.len();
            let lidos = self.fonte.by_ref().take(cabem as u64).read_until(b'\n', &mut self.bloco)?;
            if lidos == 0 {
                return Err(if cabem == 0 { self.invalida() } else { Falha::Perdida(None) });
            }
            if self.bloco.ends_with(b"\n") {
                return Ok(());
            }
        }
    }

    fn invalida(&self) -> Falha {
        let linha = String::from_utf8_lossy(&self.bloco[self.inicio..]);
        RespostaInvalida(linha.trim_end().chars().take(MOSTRA_LETRAS_MAX).collect()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ler(bytes: &[u8]) -> Leitor<&[u8]> {
        Leitor::new(bytes)
    }

    fn bloco(leitor: &mut Leitor<&[u8]>) -> Bloco {
        match leitor.proximo() {
            Ok(Recebido::Resposta(bloco)) => bloco,
            outro => panic!("esperava uma resposta, veio {outro:?}"),
        }
    }

    #[test]
    fn separa_respostas_e_eventos() {
        let mut leitor =
            ler(b"a: 1\nEVENTO dentro\nOK ESTADO\nEVENTO 13 LIVRE 3\nERRO OCUPADO 7 versao=13 :n\xc3\xa3o\n");
        let primeiro = bloco(&mut leitor);
        assert_eq!(primeiro.linha_final(), "OK ESTADO");
        assert_eq!(primeiro.dados().collect::<Vec<_>>(), ["a: 1", "EVENTO dentro"]);
        assert!(!primeiro.recusou());
        assert!(matches!(leitor.proximo(), Ok(Recebido::Evento(evento)) if evento.versao.0 == 13));
        assert!(bloco(&mut leitor).recusou());
        assert!(matches!(leitor.proximo(), Err(Falha::Perdida(None))));
    }

    #[test]
    fn resposta_cortada_no_meio_e_conexao_perdida() {
        for bytes in [&b"OK PO"[..], b"dados\n", b"dados\nOK"] {
            assert!(matches!(ler(bytes).proximo(), Err(Falha::Perdida(None))), "{bytes:?}");
        }
    }

    #[test]
    fn resposta_no_limite_e_um_byte_alem() {
        let fim = "\nOK PONG\n";
        let no_limite = "x".repeat(RESPOSTA_BYTES_MAX - fim.len()) + fim;
        assert_eq!(bloco(&mut ler(no_limite.as_bytes())).texto().len(), RESPOSTA_BYTES_MAX);
        for longa in [format!("x{no_limite}"), "x\n".repeat(RESPOSTA_BYTES_MAX)] {
            assert!(matches!(ler(longa.as_bytes()).proximo(), Err(Falha::RespostaInvalida(_))));
        }
    }

    #[test]
    fn bytes_que_nao_sao_texto_sao_resposta_invalida() {
        for bytes in [&b"OK \xff\n"[..], b"EVENTO x\n"] {
            assert!(matches!(ler(bytes).proximo(), Err(Falha::RespostaInvalida(_))), "{bytes:?}");
        }
    }
}
