//! O programa `cliente`: lê as opções, conecta e entrega a conexão ao modo pedido.
//!
//! Nenhum módulo daqui escreve por `print!`: quem escreve recebe por onde. As chamadas ao servidor são as da
//! biblioteca.
//!
//! | módulo | o que é |
//! |---|---|
//! | `argumentos` | as opções da linha de comando |
//! | `erro` | por que o programa acaba antes da hora |
//! | `tela` | as respostas em português, com cores |
//! | `tubo` | um comando só; ou pedidos que vêm de um tubo ou arquivo |
//! | `interativo` | o prompt |
//! | `guiado` | o diálogo do sistema de passagens aéreas |
//! | `painel` | o mapa vivo da sala; num cano, os eventos |
//! | `simulacao` | clientes simulados que disputam o token, e a prova de que nunca houve dois donos |
//! | `tela_cheia`, `sinais` | o terminal inteiro nas nossas mãos, e devolvido; os sinais que mandam parar |

#![forbid(unsafe_code)]

mod argumentos;
mod erro;
#[cfg(test)]
mod falso;
mod guiado;
mod interativo;
mod painel;
mod simulacao;
mod sinais;
mod tela;
mod tela_cheia;
mod tubo;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use cliente::{Cliente, SAIDA_RECUSADO};
use protocolo::VERSAO;

use crate::argumentos::{Argumentos, Modo};
use crate::erro::Erro;
use crate::tela::{Saida, limpo};

/// Como acabou um modo que chegou ao fim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fim {
    /// Tudo o que se pediu foi feito.
    Bem,
    /// O servidor recusou alguma coisa, ou a prova da simulação falhou.
    Recusado,
    /// A pessoa apertou Ctrl-C antes do fim.
    Interrompido,
}

/// Código de saída de quem foi interrompido: o mesmo que o shell dá a um programa que SIGINT mata.
const SAIDA_INTERROMPIDO: u8 = 130;

fn main() -> ExitCode {
    match executar() {
        Ok(Fim::Bem) => ExitCode::SUCCESS,
        Ok(Fim::Recusado) => ExitCode::from(SAIDA_RECUSADO),
        Ok(Fim::Interrompido) => ExitCode::from(SAIDA_INTERROMPIDO),
        // Quem lia a saída foi embora, como em `cliente MAPA | head -1`: já tem o que queria.
        Err(erro) if erro.e_cano_quebrado() => ExitCode::SUCCESS,
        Err(erro) => {
            // Se nem o erro pode ser dito, resta o código de saída.
            let _ = writeln!(anstream::stderr(), "cliente: {}", limpo(&erro.to_string()));
            ExitCode::from(erro.codigo_de_saida())
        }
    }
}

fn executar() -> Result<Fim, Erro> {
    let argumentos = Argumentos::ler(env::args_os().skip(1), env::var_os("RESERVA_SERVIDOR"))?;
    let mut saida = Saida::padrao();
    let fim = match argumentos.modo {
        Modo::Ajuda => escrever(&mut saida, argumentos::AJUDA)?,
        Modo::Versao => escrever(&mut saida, &format!("cliente {} ({VERSAO})\n", env!("CARGO_PKG_VERSION")))?,
        Modo::Comando(ref linha) => {
            tubo::um_comando(conectar(&argumentos)?, linha, argumentos.retomar.is_none(), &mut saida)?
        }
        Modo::Guiado => guiar(conectar(&argumentos)?, &mut saida)?,
        Modo::Simular(plano) => {
            simulacao::simular(plano, &argumentos.servidor, || conectar(&argumentos), &mut saida)?
        }
        Modo::Observar => {
            let de_novo = argumentos.clone();
            painel::observar(&argumentos.servidor, move || conectar(&de_novo), &mut saida)?
        }
        // Um prompt num arquivo só sujaria o arquivo: é preciso um terminal dos dois lados.
        Modo::Entrada if io::stdin().is_terminal() && saida.legivel => {
            interativo::conversar(conectar(&argumentos)?, &argumentos.servidor, &mut saida)?
        }
        Modo::Entrada => tubo::copiar(conectar(&argumentos)?, io::stdin(), &mut saida)?,
    };
    saida.escrita.flush()?;
    Ok(fim)
}

fn escrever(saida: &mut Saida, texto: &str) -> Result<Fim, Erro> {
    saida.escrita.write_all(texto.as_bytes())?;
    Ok(Fim::Bem)
}

/// Conecta e, com `--retomar`, volta a ser o cliente de antes.
fn conectar(argumentos: &Argumentos) -> Result<Cliente, Erro> {
    let mut cliente = Cliente::conectar(&argumentos.servidor)
        .map_err(|falha| Erro::Conectar { servidor: argumentos.servidor.clone(), falha })?;
    if let Some((numero, chave)) = argumentos.retomar {
        cliente.retomar(numero, chave)?;
    }
    Ok(cliente)
}

fn guiar(mut cliente: Cliente, saida: &mut Saida) -> Result<Fim, Erro> {
    let fim = guiado::conversar(&mut cliente, &mut io::stdin().lock(), &mut saida.escrita)?;
    if saida.legivel {
        write!(saida.escrita, "{}", tela::Retorno(&cliente))?;
    }
    Ok(fim)
}
