//! Roteiros: uma conversa escrita linha a linha, executada contra um servidor e conferida.
//!
//! ```text
//! A> RESERVAR 3 7
//! A< OK RESERVADO 3 7 versao=1
//! B> LISTAR
//! B< ...
//! B< OK LISTADO livres=98 ...
//! ```
//!
//! Cada letra é uma conexão, aberta quando aparece pela primeira vez: num servidor novo, `A` é o cliente 1. A saudação
//! é lida e pulada, a não ser que a primeira linha da letra seja de resposta (`A<`). Numa linha esperada,
//! `...` é "qualquer coisa"; sozinho, é "quaisquer linhas de dados" até a próxima linha esperada.
//! No fim do roteiro nenhuma conexão pode ter mais nada a dizer. Linhas em branco não contam.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::SocketAddr;

use crate::{ServidorDeTeste, Terminal};

/// Onde e como um roteiro falhou.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Falha {
    /// O número da linha do roteiro, a partir de 1.
    pub linha: usize,
    /// O que se esperava, ou se fazia.
    pub esperado: String,
    /// O que veio.
    pub veio: String,
}

impl fmt::Display for Falha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linha {} do roteiro\n  esperado: {}\n  veio:     {}", self.linha, self.esperado, self.veio)
    }
}

/// Executa o roteiro contra um servidor novo, que começa e acaba aqui.
#[track_caller]
pub fn roteiro(texto: &str) {
    ServidorDeTeste::new().roteiro(texto);
}

/// Executa o roteiro contra o servidor em `endereco`; entra em pânico se algo não é como está escrito.
#[track_caller]
pub fn executar(endereco: SocketAddr, texto: &str) {
    if let Err(falha) = tentar(endereco, texto) {
        panic!("{falha}\nno roteiro:\n{texto}");
    }
}

/// Executa o roteiro contra o servidor em `endereco`.
///
/// Erros: a primeira linha que não é como está escrita.
pub fn tentar(endereco: SocketAddr, texto: &str) -> Result<(), Falha> {
    let mut cena = Cena { endereco, conexoes: BTreeMap::new() };
    let mut falas = 0;
    for (numero, linha) in (1..).zip(texto.lines().map(str::trim)) {
        if linha.is_empty() {
            continue;
        }
        falas += 1;
        let falhou = |veio: String| Falha { linha: numero, esperado: linha.to_owned(), veio };
        match Fala::ler(linha).ok_or_else(|| falhou("não é uma linha de roteiro".into()))? {
            Fala::Manda(letra, pedido) => cena.manda(letra, pedido).map_err(falhou)?,
            Fala::Espera(letra, "...") => cena.papel(letra, false).map_err(falhou)?.pula = true,
            Fala::Espera(letra, esperado) => cena.espera(letra, esperado).map_err(falhou)?,
        }
    }
    let fim = |esperado: String, veio: String| Falha { linha: texto.lines().count(), esperado, veio };
    if falas == 0 {
        return Err(fim("um roteiro".into(), "nenhuma linha".into()));
    }
    cena.acabar().map_err(|(letra, sobra)| fim(format!("{letra} sem mais nada a ouvir"), sobra))
}

/// Uma linha de roteiro.
enum Fala<'a> {
    Manda(char, &'a str),
    Espera(char, &'a str),
}

impl<'a> Fala<'a> {
    fn ler(linha: &'a str) -> Option<Self> {
        let letra = linha.chars().next().filter(char::is_ascii_uppercase)?;
        let resto = &linha[1..];
        let texto = |resto: &'a str| if resto.is_empty() { Some("") } else { resto.strip_prefix(' ') };
        if let Some(pedido) = resto.strip_prefix('>') {
            return texto(pedido).map(|pedido| Self::Manda(letra, pedido));
        }
        texto(resto.strip_prefix('<')?).map(|esperado| Self::Espera(letra, esperado))
    }
}

/// As conexões de um roteiro.
struct Cena {
    endereco: SocketAddr,
    conexoes: BTreeMap<char, Papel>,
}

/// Uma conexão de um roteiro.
struct Papel {
    terminal: Terminal,
    /// Veio uma linha `...`: linhas de dados podem vir antes da próxima esperada.
    pula: bool,
}

impl Cena {
    fn papel(&mut self, letra: char, saudar: bool) -> Result<&mut Papel, String> {
        let endereco = self.endereco;
        let novo = !self.conexoes.contains_key(&letra);
        let papel = match self.conexoes.entry(letra) {
            std::collections::btree_map::Entry::Occupied(ha) => ha.into_mut(),
            std::collections::btree_map::Entry::Vacant(vago) => {
                let terminal = Terminal::tentar(endereco).map_err(|erro| format!("não conectou: {erro}"))?;
                vago.insert(Papel { terminal, pula: false })
            }
        };
        if novo && saudar {
            papel.pula = true;
            papel.espera("OK RESERVA/1 ...")?;
        }
        Ok(papel)
    }

    fn manda(&mut self, letra: char, pedido: &str) -> Result<(), String> {
        let papel = self.papel(letra, true)?;
        let bytes = format!("{pedido}\n");
        papel.terminal.tomada().write_all(bytes.as_bytes()).map_err(|erro| format!("não foi mandado: {erro}"))
    }

    fn espera(&mut self, letra: char, esperado: &str) -> Result<(), String> {
        self.papel(letra, false)?.espera(esperado)
    }

    /// Fecha o lado de cada um e confere que não sobrou nada por ler.
    fn acabar(self) -> Result<(), (char, String)> {
        for (letra, mut papel) in self.conexoes {
            // Quem disse SAIR já não tem o que fechar.
            let _ = papel.terminal.tomada().shutdown(std::net::Shutdown::Write);
            loop {
                match papel.terminal.tentar_linha() {
                    Ok(None) => break,
                    Ok(Some(_)) if papel.pula => {}
                    Ok(Some(linha)) => return Err((letra, linha)),
                    Err(erro) => return Err((letra, erro.to_string())),
                }
            }
        }
        Ok(())
    }
}

impl Papel {
    fn espera(&mut self, esperado: &str) -> Result<(), String> {
        loop {
            let linha = match self.terminal.tentar_linha() {
                Ok(Some(linha)) => linha,
                Ok(None) => return Err("(o servidor fechou)".into()),
                Err(erro) => return Err(format!("(nada: {erro})")),
            };
            if combina(&linha, esperado) {
                self.pula = false;
                return Ok(());
            }
            if !self.pula || matches!(linha.split(' ').next(), Some("OK" | "ERRO")) {
                return Err(linha);
            }
        }
    }
}

/// Diz se a linha é a esperada; nesta, cada `...` vale por qualquer coisa.
pub fn combina(linha: &str, esperado: &str) -> bool {
    let Some((comeco, depois)) = esperado.split_once("...") else { return linha == esperado };
    let Some(resto) = linha.strip_prefix(comeco) else { return false };
    // A coisa qualquer pode acabar em qualquer letra, ou no fim.
    let mut cortes = resto.char_indices().map(|(corte, _)| corte).chain([resto.len()]);
    cortes.any(|corte| combina(&resto[corte..], depois))
}
