//! docs/AULA.md acontece: cada cartão é lido, digitado nos seus terminais, e o que se vê é o que está escrito.
//!
//! O que se troca, porque um teste não é uma sala de aula:
//!
//! - `target/release/` é uma pasta que aponta para os programas compilados como este teste, em debug ou não;
//! - o servidor escuta numa porta que o sistema escolhe, e `nc 127.0.0.1 7878` é uma conexão com ela, lida só quando se olha:
//!   com `Ctrl-Z` deixa-se de olhar, e com `fg` volta-se a olhar;
//! - os outros comandos vão para `sh -c` dentro do `script`, que lhes dá um terminal; o `laboratorio` e o `estresse` vão sem ele,
//!   porque num terminal desenham o andamento;
//! - `Ctrl-C` é o SIGINT, ou o fim da conexão do `nc`.
//!
//! Dos dois lados da comparação somem as horas, as portas, as chaves e, nas tabelas do laboratório, os números; e some a linha
//! que avisa que a resposta demora. A ordem das linhas do servidor não se confere: vêm de várias threads.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use arnes::espera::{compasso, esperar_por};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::documentos::{ler, raiz};
use arnes::pasta::Pasta;

const DOCUMENTO: &str = "docs/AULA.md";
const SERVIDOR: &str = "target/release/servidor";
/// Quanto se espera por uma linha: há cartões em que se espera quinze segundos de propósito.
const PRAZO: Duration = Duration::from_secs(40);
/// Quantas vezes se tenta um cartão em que se corre.
const TENTATIVAS: usize = 3;
/// O passo de quem digita em dois terminais, depois que a condição de passar ao segundo já vale.
const MAO: Duration = Duration::from_millis(500);
/// As partes que todo cartão tem, nesta ordem.
const PARTES: [&str; 6] = [
    "**Objetivo.**",
    "**Digite.**",
    "**O que se vê.**",
    "**Por quê.**",
    "**A cura.**",
    "**Pergunta à turma.**",
];
/// O número de `futex`, a chamada em que uma thread dorme à espera de outra.
const FUTEX: &str = if cfg!(target_arch = "x86_64") { "202" } else { "98" };

// ---- O documento ----

/// Um pedaço de cartão: o que se digita, e depois o que se vê em cada terminal.
#[derive(Debug, Default)]
struct Cena {
    passos: Vec<Passo>,
    vistas: BTreeMap<u8, Vec<String>>,
}

/// Um bloco de linhas a digitar.
#[derive(Debug)]
struct Passo {
    /// A linha do documento.
    numero: usize,
    terminal: u8,
    quando: Quando,
    linhas: Vec<String>,
}

/// O que se espera antes de digitar.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Quando {
    /// A resposta ao bloco anterior.
    Respondido,
    /// Só que o servidor tenha começado a atender o bloco anterior.
    SemEsperar,
    /// Que este terminal mostre este trecho.
    Mostrar(u8, String),
}

/// As seções do documento: a linha em que começam, o título e o texto.
fn secoes(documento: &str) -> Vec<(usize, &str, Vec<&str>)> {
    let mut secoes: Vec<(usize, &str, Vec<&str>)> = Vec::new();
    for (numero, linha) in (1..).zip(documento.lines()) {
        if let Some(titulo) = linha.strip_prefix("## ") {
            secoes.push((numero, titulo, Vec::new()));
        } else if let Some((_, _, texto)) = secoes.last_mut() {
            texto.push(linha);
        }
    }
    secoes
}

/// As cenas de uma seção: os blocos do tipo `digite`, e os que são `veja`.
fn cenas(comeco: usize, texto: &[&str], digite: &str) -> Vec<Cena> {
    let (mut cenas, mut paragrafo) = (vec![Cena::default()], String::new());
    let mut linhas = (comeco + 1..).zip(texto);
    while let Some((numero, linha)) = linhas.next() {
        let Some(tipo) = linha.strip_prefix("```") else {
            // O que apresenta o bloco é o que se escreveu desde o anterior; o último "No terminal" diz em qual.
            paragrafo = if linha.is_empty() { paragrafo } else { format!("{paragrafo} {linha}") };
            continue;
        };
        let dentro = linhas.by_ref().map(|(_, l)| l).take_while(|l| **l != "```").map(|l| (*l).to_owned());
        let (dentro, apresenta) = (dentro.collect::<Vec<_>>(), std::mem::take(&mut paragrafo));
        let terminal = apresenta.to_lowercase().rsplit_once("no terminal ").and_then(|(_, resto)| {
            resto.chars().next().and_then(|n| n.to_digit(10)).and_then(|n| u8::try_from(n).ok())
        });
        let terminal = terminal.unwrap_or_else(|| panic!("{DOCUMENTO}:{numero}: em que terminal?"));
        if tipo == digite {
            if !cenas.last().is_some_and(|cena| cena.vistas.is_empty()) {
                cenas.push(Cena::default());
            }
            let passo = Passo { numero: numero + 1, terminal, quando: quando(&apresenta), linhas: dentro };
            cenas.last_mut().expect("há uma cena").passos.push(passo);
        } else if tipo == "veja" {
            let novo = cenas.last_mut().expect("há uma cena").vistas.insert(terminal, dentro);
            assert!(novo.is_none(), "{DOCUMENTO}:{numero}: o terminal {terminal} outra vez");
        } else {
            panic!("{DOCUMENTO}:{numero}: um bloco {tipo:?}");
        }
    }
    cenas
}

fn quando(apresenta: &str) -> Quando {
    if let Some((_, depois)) = apresenta.rsplit_once("quando o terminal ") {
        let (terminal, resto) = depois.split_once(" mostrar `").expect("mostrar o quê?");
        let trecho = resto.split('`').next().unwrap_or_default().to_owned();
        return Quando::Mostrar(terminal.parse().expect("o número de um terminal"), trecho);
    }
    if apresenta.contains("**sem esperar**") { Quando::SemEsperar } else { Quando::Respondido }
}

/// A linha sem o que muda de uma vez para outra; nada, se é só o aviso de que a resposta demora.
fn normal(linha: &str, medidas: bool) -> Option<String> {
    let linha = linha.trim_end().trim_start_matches("^C");
    if linha.starts_with("Esperando a ") {
        return None;
    }
    let relogio =
        |hora: &str| hora.len() == 12 && hora.bytes().all(|b| b.is_ascii_digit() || b":.".contains(&b));
    let linha = linha.split_once(' ').filter(|(hora, _)| relogio(hora)).map_or(linha, |(_, resto)| resto);
    let palavra = |palavra: &str| {
        let chave = palavra.rsplit([':', '=']).next().unwrap_or_default();
        if chave.len() == 32 && chave.bytes().all(|b| b.is_ascii_hexdigit()) {
            return palavra.replace(chave, "CHAVE");
        }
        match palavra.strip_prefix("127.0.0.1:") {
            Some(_) => "127.0.0.1:PORTA".to_owned(),
            None => palavra.to_owned(),
        }
    };
    if !medidas || linha.starts_with("$ ") {
        return Some(linha.split(' ').map(palavra).collect::<Vec<_>>().join(" "));
    }
    let medida = |palavra: &&str| !["µs", "ms", "s"].contains(palavra);
    let numero = |palavra: &str| {
        let tem = palavra.bytes().any(|b| b.is_ascii_digit());
        if tem { "N".to_owned() } else { palavra.to_owned() }
    };
    Some(linha.split_whitespace().filter(medida).map(numero).collect::<Vec<_>>().join(" "))
}

/// Diz se o que se viu é o que se esperava; uma linha `...` vale por quaisquer linhas, e dentro de uma linha por qualquer coisa.
fn e_o_que_se_espera(visto: &[String], esperado: &[String]) -> bool {
    match (visto, esperado) {
        ([], []) => true,
        (_, [linha, resto @ ..]) if linha == "..." => {
            (0..=visto.len()).any(|pulo| e_o_que_se_espera(&visto[pulo..], resto))
        }
        ([vista, depois @ ..], [linha, resto @ ..]) => {
            arnes::roteiro::combina(vista, linha) && e_o_que_se_espera(depois, resto)
        }
        _ => false,
    }
}

// ---- Os terminais ----

/// Um terminal da aula e o que ele mostrou nesta cena.
#[derive(Default)]
struct Tela {
    programa: Programa,
    visto: Vec<String>,
    /// Quantas linhas do que se espera já foram digitadas.
    digitadas: usize,
}

/// O que roda num terminal.
#[derive(Default)]
enum Programa {
    /// O shell, que espera um comando.
    #[default]
    Shell,
    Processo(Processo),
    Nc(Nc),
}

/// Um programa e o que ele mostra, por uma thread que lê sem parar; com tudo o que ligou, morre ao ser solto.
struct Processo {
    filho: Child,
    linhas: Receiver<String>,
}

impl Processo {
    fn ligar(comando: &mut Command, tela_de_erros: bool) -> Self {
        comando.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        if tela_de_erros {
            comando.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let mut filho = comando.spawn().unwrap_or_else(|erro| panic!("{comando:?}: {erro}"));
        let stdout = filho.stdout.take().map(|cano| Box::new(cano) as Box<dyn Read + Send>);
        let saida = stdout.or_else(|| filho.stderr.take().map(|cano| Box::new(cano) as Box<dyn Read + Send>));
        let saida = BufReader::new(saida.expect("a saída foi pedida"));
        let (mandar, linhas) = mpsc::channel();
        let ao_lado = thread::Builder::new().name("tela".into());
        let leitura = move || saida.lines().map_while(Result::ok).try_for_each(|linha| mandar.send(linha));
        ao_lado.spawn(leitura).expect("o sistema devia dar uma thread");
        Self { filho, linhas }
    }

    fn sinal(&self, sinal: Signal) {
        // Pode já ter acabado.
        let _ = kill_process_group(Pid::from_child(&self.filho), sinal);
    }

    #[track_caller]
    fn esperar_fim(&mut self) -> ExitStatus {
        let mut fim = None;
        let acabou = esperar_por(PRAZO, || {
            fim = self.filho.try_wait().expect("o filho é nosso");
            fim.is_some()
        });
        assert!(acabou, "o programa não acabou");
        fim.expect("acabou")
    }
}

impl Drop for Processo {
    fn drop(&mut self) {
        self.sinal(Signal::KILL);
        let _ = self.filho.wait();
    }
}

/// O `nc`: uma conexão que só se lê quando se olha para ela.
struct Nc {
    tomada: TcpStream,
    bytes: Vec<u8>,
    parado: bool,
}

impl Nc {
    fn linhas(&mut self) -> Vec<String> {
        let mut pedaco = [0; 4096];
        loop {
            match self.tomada.read(&mut pedaco) {
                _ if self.parado => return Vec::new(),
                Ok(0) => break,
                Ok(n) => self.bytes.extend_from_slice(&pedaco[..n]),
                Err(erro) if erro.kind() == ErrorKind::WouldBlock => break,
                Err(erro) => panic!("a conexão caiu: {erro}"),
            }
        }
        let inteiras = self.bytes.iter().rposition(|b| *b == b'\n').map_or(0, |fim| fim + 1);
        let texto: Vec<u8> = self.bytes.drain(..inteiras).collect();
        String::from_utf8(texto).expect("o servidor fala UTF-8").lines().map(str::to_owned).collect()
    }
}

impl Tela {
    /// Olha o que veio de novo.
    fn olhar(&mut self) {
        match &mut self.programa {
            Programa::Shell => {}
            Programa::Processo(processo) => self.visto.extend(processo.linhas.try_iter()),
            Programa::Nc(nc) => self.visto.extend(nc.linhas()),
        }
    }
}

/// Uma sala de aula: os terminais, e o servidor ligado num deles.
struct Aula {
    pasta: Pasta,
    telas: BTreeMap<u8, Tela>,
    servidor: Option<(u8, SocketAddr)>,
}

impl Aula {
    fn nova(nome: &str) -> Self {
        let pasta = Pasta::nova(nome);
        fs::create_dir_all(pasta.0.join("target")).expect("a pasta se cria");
        symlink(programas(), pasta.0.join("target/release")).expect("o atalho se cria");
        Self { pasta, telas: BTreeMap::new(), servidor: None }
    }

    /// Digita a cena e confere o que se vê.
    fn encenar(&mut self, cena: &Cena) {
        self.telas.values_mut().for_each(|tela| {
            tela.olhar();
            tela.visto.clear();
            tela.digitadas = 0;
        });
        let (mut parados, mut anterior) = (0, None);
        for passo in &cena.passos {
            self.aguardar(passo, cena, parados, anterior);
            parados = self.parados();
            for linha in &passo.linhas {
                if !linha.starts_with(SERVIDOR) {
                    self.respondido(passo.terminal, cena, passo.numero);
                }
                self.digitar(passo.terminal, linha);
            }
            let vista = cena.vistas.contains_key(&passo.terminal) || self.e_servidor(passo.terminal);
            let so_teclas = passo.linhas.iter().all(|linha| linha == "Ctrl-C");
            assert!(vista || so_teclas, "{DOCUMENTO}:{}: e o que se vê?", passo.numero);
            anterior = Some(passo.terminal);
        }
        cena.vistas.keys().for_each(|terminal| self.conferir(*terminal, &cena.vistas[terminal]));
    }

    fn e_servidor(&self, terminal: u8) -> bool {
        self.servidor.is_some_and(|(qual, _)| qual == terminal)
    }

    /// Espera pelo que o passo manda esperar.
    fn aguardar(&mut self, passo: &Passo, cena: &Cena, parados: usize, anterior: Option<u8>) {
        let numero = passo.numero;
        match &passo.quando {
            Quando::Respondido => {
                if let Some(terminal) = anterior {
                    self.respondido(terminal, cena, numero);
                }
            }
            Quando::SemEsperar => {
                assert!(
                    esperar_por(PRAZO, || self.parados() > parados),
                    "{DOCUMENTO}:{numero}: ninguém está na pausa"
                );
                // As duas pausas duram o mesmo: sem isto, qual acaba primeiro seria acaso.
                compasso(MAO);
            }
            Quando::Mostrar(terminal, trecho) => {
                let tela = self.telas.get_mut(terminal).expect("um terminal em uso");
                let mostrou = esperar_por(PRAZO, || {
                    tela.olhar();
                    tela.visto.iter().any(|linha| linha.contains(trecho))
                });
                assert!(mostrou, "{DOCUMENTO}:{numero}: não apareceu {trecho:?} em {:#?}", tela.visto);
                compasso(MAO);
            }
        }
    }

    /// Espera que o terminal mostre tudo o que se vê antes da próxima linha digitada nele.
    fn respondido(&mut self, terminal: u8, cena: &Cena, numero: usize) {
        let Some(vista) = cena.vistas.get(&terminal).filter(|_| !self.e_servidor(terminal)) else { return };
        let tela = self.telas.entry(terminal).or_default();
        let (mut ate, mut depois) = (vista.len(), 0);
        let deste = cena.passos.iter().filter(|passo| passo.terminal == terminal);
        for linha in deste.flat_map(|passo| &passo.linhas).take(tela.digitadas + 1) {
            let eco = |vista: &String| {
                vista == linha
                    || vista.strip_prefix("$ ") == Some(linha)
                    || (&linha[..], &vista[..]) == ("Ctrl-Z", "^Z")
            };
            let onde = vista[depois..].iter().position(eco).map(|onde| depois + onde);
            // Um Ctrl-C não espera resposta, e pode não deixar rastro.
            assert!(
                onde.is_some() || linha == "Ctrl-C",
                "{DOCUMENTO}:{numero}: {linha:?} não se vê no terminal {terminal}"
            );
            ate = onde.unwrap_or(depois);
            depois = onde.map_or(depois, |onde| onde + 1);
        }
        let total: usize = cena
            .passos
            .iter()
            .filter(|passo| passo.terminal == terminal)
            .map(|passo| passo.linhas.len())
            .sum();
        let ate = if tela.digitadas < total { ate } else { vista.len() };
        conferir_tela(tela, terminal, &vista[..ate]);
    }

    fn conferir(&mut self, terminal: u8, vista: &[String]) {
        let servidor = self.e_servidor(terminal);
        let tela = self.telas.get_mut(&terminal).expect("um terminal em uso");
        if !servidor {
            return conferir_tela(tela, terminal, vista);
        }
        for esperada in vista.iter().filter_map(|linha| normal(linha, false)) {
            let mostrou = esperar_por(PRAZO, || {
                tela.olhar();
                tela.visto
                    .iter()
                    .filter_map(|l| normal(l, false))
                    .any(|l| arnes::roteiro::combina(&l, &esperada))
            });
            assert!(mostrou, "o servidor não mostrou {esperada:?} em {:#?}", tela.visto);
        }
    }

    fn digitar(&mut self, terminal: u8, linha: &str) {
        let endereco = self.servidor.map(|(_, endereco)| endereco);
        let pasta = self.pasta.0.clone();
        let tela = self.telas.entry(terminal).or_default();
        tela.digitadas += 1;
        match (&mut tela.programa, linha) {
            (Programa::Nc(nc), "Ctrl-Z") => {
                nc.parado = true;
                tela.visto.push("^Z".into());
            }
            (Programa::Nc(nc), "fg") if nc.parado => {
                nc.parado = false;
                tela.visto.push("$ fg".into());
            }
            (Programa::Nc(_), "Ctrl-C") => tela.programa = Programa::Shell,
            (Programa::Nc(nc), pedido) => {
                writeln!(nc.tomada, "{pedido}").expect("a conexão devia estar aberta");
                tela.visto.push(pedido.to_owned());
            }
            (Programa::Processo(processo), "Ctrl-C") => {
                processo.sinal(Signal::INT);
                assert_eq!(processo.esperar_fim().code(), Some(0));
                tela.programa = Programa::Shell;
                tela.visto.clear();
                self.servidor = self.servidor.filter(|(qual, _)| *qual != terminal);
            }
            (Programa::Processo(processo), _) => {
                processo.esperar_fim();
                tela.programa = Programa::Shell;
                self.comecar(terminal, linha, &pasta, endereco);
            }
            (Programa::Shell, _) => self.comecar(terminal, linha, &pasta, endereco),
        }
    }

    /// Digita um comando ao shell.
    fn comecar(&mut self, terminal: u8, linha: &str, pasta: &Path, endereco: Option<SocketAddr>) {
        let tela = self.telas.entry(terminal).or_default();
        tela.visto.push(format!("$ {linha}"));
        let palavras: Vec<&str> = linha.split(' ').collect();
        if palavras[0] == SERVIDOR {
            let mut comando = Command::new(pasta.join(palavras[0]));
            comando
                .args(&palavras[1..])
                .args(["--escutar", "127.0.0.1:0"])
                .env_remove("RUST_LOG")
                .current_dir(pasta);
            tela.programa = Programa::Processo(Processo::ligar(&mut comando, true));
            let mut onde = None;
            esperar_por(PRAZO, || {
                tela.olhar();
                let escuta = tela.visto.iter().find_map(|linha| linha.split_once("escutando em "));
                onde = escuta.and_then(|(_, resto)| resto.split(": ").next()?.parse().ok());
                onde.is_some()
            });
            self.servidor = onde.map(|onde| (terminal, onde));
            assert!(self.servidor.is_some(), "o servidor não disse onde escuta");
        } else if linha == "nc 127.0.0.1 7878" {
            let tomada =
                TcpStream::connect(endereco.expect("um servidor ligado")).expect("o servidor aceita");
            tomada.set_nonblocking(true).expect("o socket devia aceitar não esperar");
            tela.programa = Programa::Nc(Nc { tomada, bytes: Vec::new(), parado: false });
        } else {
            let num_terminal = !linha.contains("laboratorio");
            let mut comando = Command::new(if num_terminal { "script" } else { "sh" });
            comando.args([if num_terminal { "-qec" } else { "-c" }, linha]);
            comando.args(num_terminal.then_some("/dev/null"));
            comando.env("SHELL", "/bin/sh").env("NO_COLOR", "1").env_remove("RUST_LOG").current_dir(pasta);
            comando.envs(endereco.map(|endereco| ("RESERVA_SERVIDOR", endereco.to_string())));
            tela.programa = Programa::Processo(Processo::ligar(&mut comando, false));
        }
    }

    /// Quantos clientes o servidor parou: a thread de cada um dorme à espera de outra.
    fn parados(&self) -> usize {
        let Some(Programa::Processo(servidor)) =
            self.servidor.and_then(|(terminal, _)| self.telas.get(&terminal)).map(|tela| &tela.programa)
        else {
            return 0;
        };
        let threads =
            fs::read_dir(format!("/proc/{}/task", servidor.filho.id())).expect("o servidor está vivo");
        let dorme = |pasta: PathBuf| {
            // Uma thread pode acabar enquanto se olha.
            let ler = |nome: &str| fs::read_to_string(pasta.join(nome)).unwrap_or_default();
            ler("comm").starts_with("cliente-") && ler("syscall").split(' ').next() == Some(FUTEX)
        };
        threads.flatten().filter(|thread| dorme(thread.path())).count()
    }
}

/// Espera que a tela mostre exatamente isto.
#[track_caller]
fn conferir_tela(tela: &mut Tela, terminal: u8, vista: &[String]) {
    let medidas = vista.first().is_some_and(|linha| linha.contains("laboratorio"));
    let normais = |linhas: &[String]| linhas.iter().filter_map(|l| normal(l, medidas)).collect::<Vec<_>>();
    let esperado = normais(vista);
    let certo = esperar_por(PRAZO, || {
        tela.olhar();
        e_o_que_se_espera(&normais(&tela.visto), &esperado)
    });
    assert!(certo, "no terminal {terminal}, esperado: {esperado:#?}\nveio: {:#?}", tela.visto);
}

/// A pasta dos programas, compilados agora, como este teste foi: é o `cargo build --release --workspace` da aula.
fn programas() -> &'static Path {
    static PASTA: OnceLock<PathBuf> = OnceLock::new();
    PASTA.get_or_init(|| {
        let este = std::env::current_exe().expect("este teste é um programa");
        let pasta = este.ancestors().nth(2).expect("os testes moram numa pasta ao lado dos programas");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--workspace", "--locked", "--quiet", "--target-dir"]).arg(pasta.join(".."));
        cargo.args((!cfg!(debug_assertions)).then_some("--release")).current_dir(raiz());
        let fim = cargo.status().expect("o cargo que rodou este teste roda outra vez");
        assert!(fim.success(), "{cargo:?}: {fim}");
        pasta.to_owned()
    })
}

// ---- Os testes ----

#[test]
fn a_aula_tem_oito_cartoes_inteiros() {
    let documento = ler(DOCUMENTO);
    assert!(documento.contains("\n```sh\ncargo build --release --workspace\n```\n"));
    let todas = secoes(&documento);
    let cartoes: Vec<_> =
        todas.iter().filter(|(_, titulo, _)| titulo.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(cartoes.len(), 8);
    for (n, (linha, titulo, texto)) in (1..).zip(&cartoes) {
        assert!(titulo.starts_with(&format!("{n}. ")), "{DOCUMENTO}:{linha}: {titulo}");
        assert!(documento.contains(&format!("\n| [{n}](#{n}-")), "o cartão {n} não está no índice");
        let partes: Vec<&str> = PARTES
            .into_iter()
            .flat_map(|parte| texto.iter().filter_map(move |l| l.starts_with(parte).then_some(parte)))
            .collect();
        assert_eq!(partes, PARTES, "{DOCUMENTO}:{linha}: {titulo}");
        let cura = texto.iter().skip_while(|l| !l.starts_with("**A cura.**")).any(|l| l.contains("](../"));
        assert!(cura, "{DOCUMENTO}:{linha}: em que arquivo está a cura?");
    }
    for pedaco in documento.split("](../").skip(1) {
        let caminho = pedaco.split(')').next().unwrap_or_default();
        assert!(raiz().join(caminho).exists(), "{caminho} não existe");
    }
}

/// Dá a aula de um cartão. Numa corrida, qual dos dois chega ao fim primeiro é acaso: tenta-se até que seja como está escrito.
fn dar(cartao: usize, cenas: &[Cena]) {
    let linhas = cenas.iter().flat_map(|cena| &cena.passos).flat_map(|passo| &passo.linhas);
    let corre = linhas.into_iter().any(|linha| linha.contains("--demonstrar-corrida"));
    let tentar = |vez: usize| {
        let mut aula = Aula::nova(&format!("aula-{cartao}-{vez}"));
        cenas.iter().for_each(|cena| aula.encenar(cena));
    };
    let mais = if corre { TENTATIVAS - 1 } else { 0 };
    if !(0..mais).any(|vez| catch_unwind(|| tentar(vez)).is_ok()) {
        tentar(mais);
    }
}

#[test]
fn cada_cartao_da_aula_acontece() {
    let documento = ler(DOCUMENTO);
    programas();
    // Quase todo o tempo de um cartão é espera: os oito juntos demoram como o mais longo.
    let falhas: Vec<String> = thread::scope(|escopo| {
        let cartoes = secoes(&documento)
            .into_iter()
            .filter(|(_, titulo, _)| titulo.starts_with(|c: char| c.is_ascii_digit()));
        let turmas: Vec<_> = cartoes
            .map(|(linha, titulo, texto)| {
                let turma = thread::Builder::new().name(titulo.to_owned());
                let aula = move || dar(linha, &cenas(linha, &texto, "digite"));
                (titulo.to_owned(), turma.spawn_scoped(escopo, aula).expect("o sistema devia dar uma thread"))
            })
            .collect();
        turmas.into_iter().filter_map(|(titulo, turma)| turma.join().is_err().then_some(titulo)).collect()
    });
    assert!(falhas.is_empty(), "não acontece como está escrito: {falhas:?}");
}

/// O estresse condena o servidor da corrida e absolve o certo, com as palavras do documento.
#[test]
fn o_estresse_da_aula_prova() {
    let documento = ler(DOCUMENTO);
    let todas = secoes(&documento);
    let (linha, _, texto) = todas.iter().find(|(_, titulo, _)| *titulo == "Quem prova").expect("a seção");
    let cenas = cenas(*linha, texto, "prova");
    assert_eq!(cenas.len(), 2, "dois servidores, cada um com a sua prova");
    for (cena, saida) in cenas.iter().zip([1, 0]) {
        let [servidor, estresse] = &cena.passos[..] else { panic!("dois comandos") };
        let mut aula = Aula::nova("aula-prova");
        aula.digitar(servidor.terminal, &servidor.linhas[0]);
        let endereco = aula.servidor.expect("o servidor escuta").1.to_string();
        let comando = estresse.linhas[0].replace("127.0.0.1:7878", &endereco);
        let mut juiz = Command::new("sh");
        let feito = juiz.args(["-c", &comando]).current_dir(&aula.pasta.0).output().expect("o programa roda");
        let dito = String::from_utf8_lossy(&feito.stdout);
        assert_eq!(feito.status.code(), Some(saida), "{comando}: {dito}");
        // Os números e as linhas culpadas são de uma vez; os nomes dos problemas, de todas.
        for linha in cena.vistas[&estresse.terminal].iter().filter(|linha| !linha.starts_with(' ')) {
            let nome = linha.trim_matches([' ', '.']).split(['(', '.']).next().unwrap_or_default().trim();
            assert!(dito.contains(nome), "falta {nome:?}: {dito}");
        }
    }
}
