//! O diálogo do sistema de passagens aéreas: quantos assentos, quais, e a resposta.
//!
//! Lê de qualquer `BufRead` e escreve em qualquer `Write`; o prompt, a história e as cores não são daqui.

use std::io::{BufRead, Read, Write};

use cliente::{Cliente, Falha, Reserva, SAIDA_RECUSADO};
use protocolo::limites::{ASSENTOS_MAX, LINHA_BYTES_MAX};
use protocolo::{Assento, Assentos, Error, Recusa};

use crate::Fim;
use crate::erro::Erro;
use crate::tela::limpo;

const QUANTOS: &str = "Digite quantos assentos deseja reservar: ";
const QUAIS: &str = "Quais? Números separados por espaço, ou Enter para o sistema escolher: ";

/// Pergunta e reserva até a pessoa dizer `sair` ou a entrada acabar.
pub fn conversar(
    cliente: &mut Cliente,
    entrada: &mut impl BufRead,
    saida: &mut impl Write,
) -> Result<Fim, Erro> {
    let mut fim = Fim::Bem;
    let mut dialogo = Dialogo { entrada, saida };
    while let Some(quantos) = dialogo.insistir(QUANTOS, ler_quantos)? {
        let Some(preferidos) = dialogo.insistir(QUAIS, |linha| ler_quais(linha, quantos))? else { break };
        match cliente.reservar_quantidade(quantos, preferidos) {
            Ok(reserva) => dialogo.contar(&reserva)?,
            Err(Falha::Recusa(recusa)) if nao_encerra(&recusa) => {
                fim = Fim::Recusado;
                writeln!(dialogo.saida, "{}", explicar(&recusa))?;
            }
            Err(falha) => return Err(falha.into()),
        }
    }
    writeln!(dialogo.saida, "Até logo!")?;
    dialogo.saida.flush()?;
    Ok(fim)
}

struct Dialogo<'a, R, W> {
    entrada: &'a mut R,
    saida: &'a mut W,
}

impl<R: BufRead, W: Write> Dialogo<'_, R, W> {
    /// Pergunta até entender a resposta, explicando o que não entendeu; `None` se a pessoa quer sair.
    fn insistir<T>(
        &mut self,
        pergunta: &str,
        ler: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Erro> {
        loop {
            let Some(linha) = self.perguntar(pergunta)? else { return Ok(None) };
            match ler(&linha) {
                Ok(valor) => return Ok(Some(valor)),
                Err(explicacao) => writeln!(self.saida, "{explicacao}")?,
            }
        }
    }

    /// Pergunta uma vez; `None` no fim da entrada ou se a resposta é `sair`.
    fn perguntar(&mut self, pergunta: &str) -> Result<Option<String>, Erro> {
        self.saida.write_all(pergunta.as_bytes())?;
        self.saida.flush()?;
        let mut linha = Vec::new();
        let limite = LINHA_BYTES_MAX as u64;
        self.entrada.by_ref().take(limite).read_until(b'\n', &mut linha).map_err(Erro::Entrada)?;
        if linha.is_empty() {
            // O fim da entrada não traz o LF que a tecla Enter traria.
            writeln!(self.saida)?;
            return Ok(None);
        }
        if !linha.ends_with(b"\n") {
            self.entrada.skip_until(b'\n').map_err(Erro::Entrada)?;
        }
        let linha = String::from_utf8_lossy(&linha).trim().to_owned();
        Ok(Some(linha).filter(|linha| !linha.eq_ignore_ascii_case("sair")))
    }

    fn contar(&mut self, reserva: &Reserva) -> Result<(), Erro> {
        if !reserva.ocupados.is_empty() {
            writeln!(
                self.saida,
                "Os seguintes assentos já estão ocupados: {}",
                entre_colchetes(reserva.ocupados)
            )?;
        }
        writeln!(self.saida, "Assentos reservados com sucesso: {}", entre_colchetes(reserva.assentos))?;
        Ok(())
    }
}

fn ler_quantos(linha: &str) -> Result<u32, String> {
    let quantos = linha.parse().ok().filter(|n| (1..=u32::from(ASSENTOS_MAX)).contains(n));
    quantos.ok_or_else(|| format!("Não entendi: escreva um número de 1 a {ASSENTOS_MAX}, ou sair."))
}

fn ler_quais(linha: &str, quantos: u32) -> Result<Assentos, String> {
    let mut preferidos = Assentos::NENHUM;
    for palavra in linha.split([' ', '\t', ',']).filter(|palavra| !palavra.is_empty()) {
        let assento = palavra.parse().ok().and_then(Assento::new).ok_or_else(|| {
            format!("Não entendi: {} não é um assento; eles vão de 1 a {ASSENTOS_MAX}.", limpo(palavra))
        })?;
        preferidos.inserir(assento);
    }
    if preferidos.len() > quantos {
        return Err(format!("São {} assentos, e você quer {quantos}: escolha menos.", preferidos.len()));
    }
    Ok(preferidos)
}

/// Diz se depois desta recusa a conversa continua.
fn nao_encerra(recusa: &Recusa) -> bool {
    Falha::Recusa(recusa.clone()).codigo_de_saida() == SAIDA_RECUSADO
}

fn explicar(recusa: &Recusa) -> String {
    match recusa.erro {
        Error::Insuficiente { livres } => format!("Não há assentos suficientes: restam {livres}."),
        _ => format!("Não foi possível reservar: {}.", limpo(recusa.texto.trim_end_matches('.'))),
    }
}

/// `[1, 2, 3]`
fn entre_colchetes(assentos: Assentos) -> String {
    let numeros: Vec<_> = assentos.iter().map(|assento| assento.to_string()).collect();
    format!("[{}]", numeros.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::falso::Falso;

    /// Digita `entrada` e devolve o que apareceu, o fim e o que o servidor ouviu.
    fn digitar(entrada: &str, respostas: &[&str]) -> (String, Result<Fim, Erro>, Vec<String>) {
        let falso = Falso::com_respostas(respostas);
        let mut cliente = Cliente::conectar(falso.endereco).unwrap();
        let mut saida = Vec::new();
        let fim = conversar(&mut cliente, &mut entrada.as_bytes(), &mut saida);
        drop(cliente);
        (String::from_utf8(saida).unwrap(), fim, falso.ouvidas())
    }

    #[test]
    fn o_sistema_escolhe() {
        let (tela, fim, ouvidas) = digitar("3\n\n", &["OK RESERVADO 1 2 3 versao=1"]);
        assert_eq!(
            tela,
            "Digite quantos assentos deseja reservar: \
             Quais? Números separados por espaço, ou Enter para o sistema escolher: \
             Assentos reservados com sucesso: [1, 2, 3]\n\
             Digite quantos assentos deseja reservar: \n\
             Até logo!\n"
        );
        assert_eq!(fim.unwrap(), Fim::Bem);
        assert_eq!(ouvidas, ["RESERVAR QUANTIDADE 3"]);
    }

    #[test]
    fn preferidos_que_ja_estavam_ocupados() {
        let (tela, _, ouvidas) = digitar("2\n3, 2\nSair\n", &["OK RESERVADO 4 5 OCUPADO 2 3 versao=2"]);
        assert_eq!(
            tela.replace(QUANTOS, "").replace(QUAIS, ""),
            "Os seguintes assentos já estão ocupados: [2, 3]\n\
             Assentos reservados com sucesso: [4, 5]\n\
             Até logo!\n"
        );
        assert_eq!(ouvidas, ["RESERVAR QUANTIDADE 2 PREFERINDO 2 3"]);
    }

    #[test]
    fn o_que_nao_se_entende_e_perguntado_de_novo() {
        let longa = "9".repeat(LINHA_BYTES_MAX + 1);
        let entrada = format!("abc\n0\n101\n-1\n\n{longa}\n2\nx\n101\n1 2 3\n4\nsair\n");
        let (tela, fim, ouvidas) = digitar(&entrada, &["OK RESERVADO 4 5 versao=1"]);
        assert_eq!(ouvidas, ["RESERVAR QUANTIDADE 2 PREFERINDO 4"]);
        assert_eq!(tela.matches(QUANTOS).count(), 8);
        assert_eq!(tela.matches(QUAIS).count(), 4);
        assert_eq!(tela.matches("escreva um número de 1 a 100, ou sair").count(), 6);
        assert!(tela.contains("x não é um assento") && tela.contains("101 não é um assento"));
        assert!(tela.contains("São 3 assentos, e você quer 2: escolha menos."));
        assert_eq!(fim.unwrap(), Fim::Bem);
    }

    #[test]
    fn recusas_em_portugues_e_a_conversa_continua() {
        let (tela, fim, _) = digitar(
            "5\n\n3\n\n",
            &["ERRO INSUFICIENTE livres=1 versao=9 :só há 1", "ERRO LIMITE max=2 versao=9 :cabem \u{1b}2"],
        );
        assert_eq!(
            tela.replace(QUANTOS, "").replace(QUAIS, ""),
            "Não há assentos suficientes: restam 1.\n\
             Não foi possível reservar: cabem \\u{1b}2.\n\
             \nAté logo!\n"
        );
        assert_eq!(fim.unwrap(), Fim::Recusado);
    }

    #[test]
    fn servidor_que_vai_embora() {
        for resposta in [&[][..], &["ERRO ENCERRANDO :o servidor está encerrando"]] {
            let (_, fim, _) = digitar("1\n\n1\n\n", resposta);
            assert_eq!(fim.unwrap_err().codigo_de_saida(), 3);
        }
    }
}
