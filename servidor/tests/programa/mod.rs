//! O programa `servidor` ligado para um teste: o que ele mostra, os sinais que recebe, e o seu fim.
//!
//! Morre ao ser solto. Usa o arnês da crate `tests`, que quem inclui este módulo põe na raiz.

#![allow(dead_code, reason = "cada teste que inclui este módulo usa uma parte dele")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use arnes::espera::{PRAZO, esperar};
use arnes::terminal::Terminal;

/// O executável.
pub const PROGRAMA: &str = env!("CARGO_BIN_EXE_servidor");

/// O programa com estas opções, sem o `RUST_LOG` de quem roda os testes. Se elas não dizem em que banco, a sala fica na memória.
pub fn programa(opcoes: &[&str]) -> Command {
    let mut comando = Command::new(PROGRAMA);
    if !opcoes.contains(&"--banco") {
        comando.arg("--memoria");
    }
    comando.args(opcoes).env_remove("RUST_LOG").stdin(Stdio::null());
    comando
}

/// Um servidor ligado; morre ao ser solto.
pub struct Processo {
    pub filho: Matador,
    pub endereco: SocketAddr,
    /// O que ele mostra, linha a linha, por uma thread que lê sem parar.
    pub linhas: Receiver<String>,
    /// O que já se viu.
    pub visto: String,
}

impl Processo {
    #[track_caller]
    pub fn ligar(opcoes: &[&str]) -> Self {
        Self::ligar_com(programa(opcoes).args(["--escutar", "127.0.0.1:0"]))
    }

    #[track_caller]
    pub fn ligar_com(comando: &mut Command) -> Self {
        Self::tentar_ligar(comando)
            .unwrap_or_else(|(fim, visto)| panic!("acabou, com {fim}, sem dizer onde escuta:\n{visto}"))
    }

    /// Liga o programa, que talvez não chegue a escutar: então devolve como ele acabou, e o que mostrou.
    pub fn tentar_ligar(comando: &mut Command) -> Result<Self, (ExitStatus, String)> {
        let (filho, endereco, tela, visto) = tentar_sem_ler(comando)?;
        Ok(Self { filho, endereco, linhas: ler_ao_lado(tela), visto })
    }

    pub fn entrar(&self) -> Terminal {
        Terminal::entrar(self.endereco)
    }

    pub fn sinal(&self, sinal: Signal) {
        self.filho.sinal(sinal);
    }

    /// Espera que a tela mostre uma linha com este trecho, e a devolve.
    #[track_caller]
    pub fn esperar_linha(&mut self, trecho: &str) -> String {
        self.esperar_linha_com(&[trecho])
    }

    /// Espera que a tela mostre uma linha com todos estes trechos, e a devolve.
    #[track_caller]
    pub fn esperar_linha_com(&mut self, trechos: &[&str]) -> String {
        let serve = |linha: &&str| trechos.iter().all(|trecho| linha.contains(trecho));
        if let Some(linha) = self.visto.lines().find(serve) {
            return linha.to_owned();
        }
        loop {
            let linha = self
                .linhas
                .recv_timeout(PRAZO)
                .unwrap_or_else(|erro| panic!("não apareceu {trechos:?} ({erro}) em:\n{}", self.visto));
            self.visto.push_str(&linha);
            if serve(&linha.trim_end()) {
                return linha.trim_end().to_owned();
            }
        }
    }

    /// Espera que o processo acabe; devolve como acabou e tudo o que mostrou.
    #[track_caller]
    pub fn acabar(mut self) -> (ExitStatus, String) {
        let fim = self.filho.esperar_fim();
        // A thread que lê acaba com o processo, e o canal com ela.
        self.visto.extend(self.linhas.iter());
        (fim, std::mem::take(&mut self.visto))
    }

    /// Encerra em ordem; devolve tudo o que mostrou.
    #[track_caller]
    pub fn encerrar(self) -> String {
        self.sinal(Signal::TERM);
        let (fim, mostrou) = self.acabar();
        assert_eq!(fim.code(), Some(0), "{mostrou}");
        mostrou
    }

    /// Um número de ESTADO.
    #[track_caller]
    pub fn estado(terminal: &mut Terminal, nome: &str) -> u64 {
        let estado = terminal.pedir_tudo("ESTADO").dados;
        let linha = estado.iter().find_map(|linha| linha.strip_prefix(nome)?.strip_prefix(": "));
        linha.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("não há {nome} em {estado:?}"))
    }
}

/// Um processo que morre ao ser solto.
pub struct Matador(pub Child);

impl Matador {
    pub fn sinal(&self, sinal: Signal) {
        kill_process(Pid::from_child(&self.0), sinal).expect("o processo devia estar vivo");
    }

    /// Espera que o processo acabe por si.
    #[track_caller]
    pub fn esperar_fim(&mut self) -> ExitStatus {
        let mut fim = None;
        esperar("o processo acabar", || {
            fim = self.0.try_wait().expect("o processo é nosso");
            fim.is_some()
        });
        fim.expect("a espera só acaba bem com o fim")
    }
}

impl Drop for Matador {
    fn drop(&mut self) {
        // Se já acabou, não há o que matar.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Um processo, onde ele escuta, o resto da sua tela, e o que já se leu dela.
type SemLer = (Matador, SocketAddr, BufReader<ChildStderr>, String);

/// Liga o programa e lê da tela só até saber onde ele escuta.
#[track_caller]
pub fn ligar_sem_ler(comando: &mut Command) -> SemLer {
    tentar_sem_ler(comando)
        .unwrap_or_else(|(_, visto)| panic!("o programa acabou sem dizer onde escuta:\n{visto}"))
}

#[track_caller]
fn tentar_sem_ler(comando: &mut Command) -> Result<SemLer, (ExitStatus, String)> {
    let filho = comando.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut filho = Matador(filho.expect("o programa devia ligar"));
    // Um byte por vez não lê além do que se pediu.
    let mut tela = BufReader::with_capacity(1, filho.0.stderr.take().expect("a tela foi pedida"));
    let mut visto = String::new();
    loop {
        let antes = visto.len();
        if tela.read_line(&mut visto).expect("a tela se lê") == 0 {
            return Err((filho.esperar_fim(), visto));
        }
        if let Some((_, resto)) = visto[antes..].split_once("escutando em ") {
            let endereco = resto.split(": ").next().unwrap_or_default().parse().expect("um endereço");
            return Ok((filho, endereco, tela, visto));
        }
    }
}

/// Lê a tela de um processo numa thread ao lado; devolve por onde as linhas chegam.
pub fn ler_ao_lado(mut tela: impl BufRead + Send + 'static) -> Receiver<String> {
    let (mostrar, linhas) = mpsc::channel();
    let leitora = thread::Builder::new().name("tela".into());
    leitora
        .spawn(move || {
            let mut linha = String::new();
            while tela.read_line(&mut linha).is_ok_and(|n| n > 0) {
                if mostrar.send(std::mem::take(&mut linha)).is_err() {
                    break;
                }
            }
        })
        .expect("o sistema devia dar uma thread");
    linhas
}
