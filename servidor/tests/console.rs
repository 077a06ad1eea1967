//! O console do operador, no programa de verdade: letras num cano, e teclas num terminal.
//!
//! O terminal é um pseudoterminal aberto pelo `script` do util-linux, que todo Debian tem.

#![cfg(not(feature = "shuttle"))]
#![forbid(unsafe_code)]

mod programa;

use std::fs;
use std::io::{BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use arnes::entupido::entupir_de_vez;
use arnes::espera::{Cronometro, PRAZO, compasso, esperar};
use arnes::pasta::Pasta;
use arnes::terminal::{Terminal, valor};
use programa::{Matador, PROGRAMA, Processo, ler_ao_lado, programa};
use rustix::process::{Pid, Signal, kill_process};
use servidor::limites::PARADA_PRAZO_MS;

/// O servidor, com a entrada num cano.
fn no_cano(opcoes: &[&str]) -> (Processo, ChildStdin) {
    let mut comando = programa(opcoes);
    comando.args(["--escutar", "127.0.0.1:0"]).stdin(Stdio::piped());
    let mut servidor = Processo::ligar_com(&mut comando);
    let cano = servidor.filho.0.stdin.take().expect("o cano foi pedido");
    (servidor, cano)
}

#[track_caller]
fn bater(cano: &mut impl Write, teclas: &str) {
    cano.write_all(teclas.as_bytes()).expect("o console devia receber");
    cano.flush().expect("o console devia receber");
}

#[track_caller]
fn avisado(terminal: &mut Terminal) {
    let aviso = terminal.ler_linha();
    assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
    terminal.espera_fim();
}

/// Uma conexão nova, que às vezes chega enquanto a porta está fechada.
#[track_caller]
fn entrar_quando_der(endereco: SocketAddr) -> Terminal {
    let mut terminal = None;
    esperar("a porta abrir de novo", || {
        terminal = Terminal::tentar(endereco).ok();
        terminal.is_some()
    });
    let mut terminal = terminal.expect("a espera só acaba bem com a conexão");
    terminal.ler_saudacao();
    terminal
}

// ---- Num cano ----

#[test]
fn letras_que_so_mostram() {
    let (mut servidor, mut cano) = no_cano(&[]);
    bater(&mut cano, "t\n");
    servidor.esperar_linha("token livre: cerca 0, contador 0, 0 na fila");
    let [mut ana, mut bia, caio] = [(); 3].map(|()| servidor.entrar());
    ana.pedir("NOME ana");
    ana.pedir("RESERVAR 3 7-9");
    bia.pedir("RESERVAR 100");
    assert!(ana.pedir("TOKEN SOLICITAR").starts_with("OK TOKEN "));
    caio.enviar("TOKEN SOLICITAR");
    esperar("o Caio esperar", || bia.pedir("TOKEN ESTADO").ends_with(" espera=1"));

    bater(&mut cano, "?\n");
    for tecla in ["  ? ", "  m ", "  c ", "  t ", "  f, Esc ", "  r, F5 ", "  q "] {
        servidor.esperar_linha(tecla);
    }
    bater(&mut cano, "m\n");
    servidor.esperar_linha("95 livres, versão 2");
    assert!(
        servidor.visto.contains("   1    2   x3    4    5    6   x7   x8   x9   10"),
        "{}",
        servidor.visto
    );
    bater(&mut cano, "c\n");
    servidor.esperar_linha("3 conectados");
    servidor.esperar_linha("  [1 ana] assentos 3 7-9 de 127.0.0.1:");
    servidor.esperar_linha("  [2] assentos 100 de 127.0.0.1:");
    servidor.esperar_linha("  [3] de 127.0.0.1:");
    bater(&mut cano, " T \r\n");
    servidor.esperar_linha("token com [1 ana] assentos 3 7-9: cerca 1, contador 0, 1 na fila");
    servidor.esperar_linha("fila, do primeiro ao último:");
    servidor.esperar_linha("  [1 ana] assentos 3 7-9: 1");

    // Quem desconectou e tem assentos aparece assim; quem não tem nada, não.
    drop((bia, caio));
    esperar("os dois saírem", || ana.pedir_tudo("ESTADO").dados.iter().any(|linha| linha == "conexoes: 1"));
    bater(&mut cano, "C\n");
    servidor.esperar_linha("1 conectados");
    servidor.esperar_linha("  [2] assentos 100 (desconectado)");

    // Nada disso mexeu em ninguém.
    assert_eq!(ana.pedir("TOKEN ESTADO"), "OK TOKEN dono=1 cerca=1 contador=0 espera=0");
    servidor.encerrar();
}

#[test]
fn letra_desconhecida_se_explica_e_linha_em_branco_nao() {
    let (mut servidor, mut cano) = no_cano(&[]);
    let explica = "console: uma letra por linha; ? mostra as que há";
    let longa = "m".repeat(1000);
    for (n, ruim) in ["x", "mm", "quit", "m m", "ü", "\u{1b}[15~", &longa].into_iter().enumerate() {
        bater(&mut cano, &format!("\n  \n{ruim}\n"));
        // O mapa mostra que a linha de antes já foi lida.
        bater(&mut cano, "t\n");
        esperar("a linha ser lida", || {
            servidor.visto.extend(servidor.linhas.try_iter());
            servidor.visto.matches("token livre").count() > n
        });
        // Uma linha maior que o teto é lida em pedaços, e cada um se explica.
        let esperadas = if ruim.len() > 256 { n + 4 } else { n + 1 };
        assert_eq!(servidor.visto.matches(explica).count(), esperadas, "{ruim:?}: {}", servidor.visto);
    }
    servidor.encerrar();
}

/// O fim da entrada (`servidor < arquivo`, `echo m | servidor`) só acaba com o console.
#[test]
fn fim_da_entrada_deixa_o_servidor() {
    let (mut servidor, mut cano) = no_cano(&[]);
    // A última linha, sem o LF, também vale.
    bater(&mut cano, "t\nm");
    drop(cano);
    servidor.esperar_linha("100 livres, versão 0");
    esperar("o console acabar", || threads(servidor.filho.0.id()).iter().all(|(nome, _)| nome != "console"));
    assert_eq!(servidor.entrar().pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    servidor.encerrar();
}

#[test]
fn f_fecha_todas_e_a_porta_continua_aberta() {
    let (mut servidor, mut cano) = no_cano(&[]);
    for vez in 1..=3 {
        let [mut ana, mut bia, mut caio] = [(); 3].map(|()| servidor.entrar());
        let reserva = format!("OK RESERVADO {vez} versao={vez}");
        assert_eq!(ana.pedir(&format!("RESERVAR {vez}")), reserva);
        assert!(ana.pedir("TOKEN SOLICITAR").starts_with("OK TOKEN "));
        bia.enviar("TOKEN SOLICITAR");
        esperar("a Bia esperar", || caio.pedir("TOKEN ESTADO").ends_with(" espera=1"));
        let cronometro = Cronometro::comecar();
        bater(&mut cano, "f\n");
        for um in [&mut ana, &mut bia, &mut caio] {
            avisado(um);
        }
        assert!(cronometro.passou() < Duration::from_secs(2), "{:?}", cronometro.passou());
        servidor.esperar_linha("operador: 3 conexões fechadas; a porta continua aberta");
        servidor.visto.clear();
    }
    let mut ana = servidor.entrar();
    assert!(ana.pedir("LISTAR").starts_with("OK LISTADO livres=97 "));
    assert!(ana.pedir("TOKEN ESTADO").starts_with("OK TOKEN dono=livre "));
    servidor.encerrar();
}

#[test]
fn r_reinicia_na_mesma_porta_com_a_sala_como_estava() {
    let (mut servidor, mut cano) = no_cano(&[]);
    let mut cerca = 0;
    for vez in 1..=3_u64 {
        let [mut ana, mut bia, mut caio] = [(); 3].map(|()| entrar_quando_der(servidor.endereco));
        assert_eq!(ana.pedir(&format!("RESERVAR {vez}")), format!("OK RESERVADO {vez} versao={vez}"));
        let concessao = ana.pedir("TOKEN SOLICITAR");
        let nova: u64 = valor(&concessao, "cerca").parse().expect("um número");
        assert!(nova > cerca, "a cerca voltou de {cerca}: {concessao}");
        cerca = nova;
        bia.enviar("TOKEN SOLICITAR");
        esperar("a Bia esperar", || caio.pedir("TOKEN ESTADO").ends_with(" espera=1"));
        bater(&mut cano, "r\n");
        for um in [&mut ana, &mut bia, &mut caio] {
            avisado(um);
        }
        servidor.esperar_linha("escutando de novo em 127.0.0.1:");
        servidor.visto.clear();
    }
    let mut ana = entrar_quando_der(servidor.endereco);
    assert_eq!(ana.pedir_tudo("LISTAR").dados[2], "OCUPADOS 1-3");
    assert_eq!(ana.cliente, 10, "um número de cliente voltou a ser dado");
    servidor.encerrar();
}

#[test]
fn q_encerra_em_ordem() {
    let (servidor, mut cano) = no_cano(&[]);
    let mut ana = servidor.entrar();
    bater(&mut cano, "q\n");
    avisado(&mut ana);
    let (fim, mostrou) = servidor.acabar();
    assert_eq!(fim.code(), Some(0), "{mostrou}");
    assert!(mostrou.lines().last().is_some_and(|linha| linha.ends_with(" encerrado")), "{mostrou}");
}

/// Encerrar durante um reinício encerra, em ordem: pela tecla e por um sinal.
#[test]
fn encerrar_durante_o_reinicio_nao_se_perde() {
    for com_sinal in [false, true] {
        let (mut servidor, mut cano) = no_cano(&[]);
        let mut ana = servidor.entrar();
        // Quem não lê prende a parada até o prazo: o reinício está no meio quando o segundo pedido chega.
        entupir_de_vez(&mut ana, servidor.filho.0.id());
        if com_sinal {
            bater(&mut cano, "r\n");
            servidor.esperar_linha("operador: reiniciando");
            servidor.sinal(Signal::TERM);
        } else {
            bater(&mut cano, "r\nq\n");
        }
        let (fim, mostrou) = servidor.acabar();
        assert_eq!(fim.code(), Some(0), "{mostrou}");
        assert!(!mostrou.contains("escutando de novo"), "{mostrou}");
    }
}

// ---- Num terminal ----

/// O nome e o estado de cada thread do processo.
fn threads(pid: u32) -> Vec<(String, char)> {
    let pasta = fs::read_dir(format!("/proc/{pid}/task")).expect("o processo devia estar vivo");
    let uma = |caminho: std::path::PathBuf| {
        // `123 (nome) S 1 ...`
        let linha = fs::read_to_string(caminho.join("stat")).ok()?;
        let (antes, depois) = linha.rsplit_once(") ")?;
        Some((antes.split_once('(')?.1.to_owned(), depois.chars().next()?))
    };
    pasta.flatten().filter_map(|thread| uma(thread.path())).collect()
}

/// Um shell num terminal, com o servidor lá dentro. Tudo morre ao ser solto.
struct NoTerminal {
    shell: Matador,
    teclado: ChildStdin,
    linhas: Receiver<String>,
    visto: String,
    /// O terminal, como `/dev/pts/3`.
    nome: String,
    /// O servidor.
    pid: Pid,
    endereco: SocketAddr,
}

impl NoTerminal {
    /// Liga o servidor em primeiro plano; quando ele acaba, o shell mostra como.
    fn ligar() -> Self {
        Self::ligar_por(
            "sh -c 'echo pid=$$; exec \"$0\" --memoria --escutar 127.0.0.1:0' \"$SERVIDOR\"; echo \"saida=$?\"",
        )
    }

    /// Roda este comando num terminal; ele deve ligar `$SERVIDOR`.
    #[track_caller]
    fn ligar_por(comando: &str) -> Self {
        // O Ctrl-C digitado chega também ao shell, que não deve morrer dele.
        let comando = format!("trap : INT; tty; {comando}; stty -a; echo fim=");
        let mut shell = Command::new("script");
        shell.args(["-qec", &comando, "/dev/null"]).env("SHELL", "/bin/sh").env("SERVIDOR", PROGRAMA);
        shell.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = Matador(shell.spawn().expect("há um script"));
        let teclado = shell.0.stdin.take().expect("a entrada foi pedida");
        let tela = BufReader::new(shell.0.stdout.take().expect("a saída foi pedida"));
        let linhas = ler_ao_lado(tela);
        let pid = Pid::from_child(&shell.0);
        let endereco = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut este =
            Self { shell, teclado, linhas, visto: String::new(), nome: String::new(), pid, endereco };
        este.nome = este.esperar_linha("/dev/pts/");
        este.pid = este
            .esperar_linha("pid=")
            .strip_prefix("pid=")
            .and_then(|n| n.parse().ok())
            .and_then(Pid::from_raw)
            .expect("um número");
        let escuta = este.esperar_linha("escutando em ");
        let (_, resto) = escuta.split_once("escutando em ").expect("a linha diz onde");
        este.endereco = resto.split(": ").next().unwrap_or_default().parse().expect("um endereço");
        este
    }

    /// Espera uma linha nova com este trecho, e a devolve.
    #[track_caller]
    fn esperar_linha(&mut self, trecho: &str) -> String {
        loop {
            let recebida = self.linhas.recv_timeout(PRAZO);
            let linha = recebida
                .unwrap_or_else(|erro| panic!("não apareceu {trecho:?} ({erro}) em:\n{}", self.visto));
            self.visto.push_str(&linha);
            if linha.contains(trecho) {
                return linha.trim_end().to_owned();
            }
        }
    }

    #[track_caller]
    fn bater(&mut self, teclas: &str) {
        bater(&mut self.teclado, teclas);
    }

    fn sinal(&self, sinal: Signal) {
        kill_process(self.pid, sinal).expect("o servidor devia estar vivo");
    }

    /// O número do servidor, como `/proc` o escreve.
    fn numero(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Os modos do terminal agora, como o `stty` os mostra.
    fn modos(&self) -> String {
        let stty = Command::new("stty").args(["-a", "-F", &self.nome]).output().expect("há um stty");
        String::from_utf8(stty.stdout).expect("o stty fala ASCII")
    }

    /// Espera que o servidor esteja lendo teclas.
    #[track_caller]
    fn esperar_teclas(&self) {
        esperar("o terminal entregar teclas", || cru(&self.modos()));
    }

    /// Espera o fim do servidor e do shell; confere como ele acabou, e que o terminal ficou como era.
    #[track_caller]
    fn acabar(mut self, saida: i32) {
        self.esperar_linha(&format!("saida={saida}"));
        self.visto.clear();
        self.esperar_linha("fim=");
        assert!(comum(&self.visto), "o terminal não voltou a ser como era:\n{}", self.visto);
        assert!(self.shell.esperar_fim().success());
    }
}

fn tem(modos: &str, modo: &str) -> bool {
    modos.split([' ', '\n', '\r', ';']).any(|palavra| palavra == modo)
}

/// O terminal entrega cada tecla na hora, sem mostrá-la, e Ctrl-C continua um sinal.
fn cru(modos: &str) -> bool {
    tem(modos, "-icanon") && tem(modos, "-echo") && tem(modos, "isig") && tem(modos, "opost")
}

/// O terminal é o de um shell.
fn comum(modos: &str) -> bool {
    tem(modos, "icanon") && tem(modos, "echo") && tem(modos, "isig") && tem(modos, "opost")
}

#[test]
fn teclas_sem_enter() {
    let mut servidor = NoTerminal::ligar();
    servidor.esperar_linha("teclas: ? ajuda, m mapa");
    servidor.esperar_teclas();
    let mut ana = Terminal::entrar(servidor.endereco);
    servidor.bater("m");
    servidor.esperar_linha("100 livres, versão 0");
    servidor.bater("?");
    servidor.esperar_linha("teclas do servidor:");
    servidor.bater("T");
    servidor.esperar_linha("token livre: cerca 0");
    servidor.bater("c");
    servidor.esperar_linha("1 conectados");
    servidor.bater("x");
    servidor.esperar_linha("tecla sem ação; ? mostra as que há");
    // As que não são de nada também não dizem nada: setas, F1, Home, Delete, Alt-q, Enter, Ctrl-D, acentos.
    servidor.visto.clear();
    for tecla in [
        "\x1b[A",
        "\x1b[B",
        "\x1bOC",
        "\x1bOP",
        "\x1b[H",
        "\x1b[3~",
        "\x1b[1;5D",
        "\x1bq",
        "\r",
        "\n",
        "\x04",
        "é",
    ] {
        servidor.bater(tecla);
        servidor.bater("t");
        servidor.esperar_linha("concessões por conexão:");
    }
    assert!(
        !servidor.visto.contains("operador:") && !servidor.visto.contains("sem ação"),
        "{}",
        servidor.visto
    );
    assert_eq!(ana.pedir("PING"), "OK PONG");

    servidor.bater("f");
    avisado(&mut ana);
    // Esc sozinho: não há mais nada depois dele.
    let mut ana = Terminal::entrar(servidor.endereco);
    servidor.bater("\x1b");
    avisado(&mut ana);
    servidor.esperar_linha("operador: 1 conexões fechadas");

    // F5, no xterm e no console do Linux, também cortada entre duas escritas.
    for (tecla, resto) in [("\x1b[15~", ""), ("\x1b[[E", ""), ("\x1b", "[15~"), ("\x1b[1", "5~"), ("r", "")] {
        let mut ana = entrar_quando_der(servidor.endereco);
        servidor.bater(tecla);
        servidor.bater(resto);
        avisado(&mut ana);
        servidor.esperar_linha("operador: reiniciando");
        servidor.esperar_linha("escutando de novo em ");
    }
    servidor.bater("q");
    servidor.acabar(0);
}

// ---- O que fica no arquivo depois de uma parada em ordem ----

/// Quem copia só o arquivo da sala tem tudo o que foi respondido `OK`.
#[track_caller]
fn conferir_copia(pasta: &Pasta, modo: &str) {
    let copia = Pasta::nova(&format!("copia-{modo}"));
    fs::copy(pasta.banco(), copia.banco()).expect("o arquivo da sala se copia");
    let servidor = Processo::ligar(&["--banco", &copia.banco().to_string_lossy()]);
    let lista = servidor.entrar().pedir_tudo("LISTAR").dados;
    assert!(lista.contains(&"OCUPADOS 3 7 9".to_owned()), "{modo}: {lista:?}");
    servidor.encerrar();
}

#[test]
fn parada_em_ordem_com_o_cano_aberto_deixa_tudo_no_arquivo() {
    for modo in ["q", "TERM"] {
        let pasta = Pasta::nova(&format!("parada-{modo}"));
        let (servidor, mut cano) = no_cano(&["--banco", &pasta.banco().to_string_lossy()]);
        assert_eq!(servidor.entrar().pedir("RESERVAR 3 7 9"), "OK RESERVADO 3 7 9 versao=1");
        match modo {
            "q" => bater(&mut cano, "q\n"),
            _ => servidor.sinal(Signal::TERM),
        }
        let (fim, mostrou) = servidor.acabar();
        assert_eq!(fim.code(), Some(0), "{mostrou}");
        conferir_copia(&pasta, modo);
        drop(cano);
    }
}

#[test]
fn parada_em_ordem_num_terminal_deixa_tudo_no_arquivo() {
    for modo in ["tecla-q", "Ctrl-C", "SIGTERM"] {
        let pasta = Pasta::nova(&format!("terminal-{modo}"));
        let comando = format!(
            "sh -c 'echo pid=$$; exec \"$0\" --banco {} --escutar 127.0.0.1:0' \"$SERVIDOR\"; echo \"saida=$?\"",
            pasta.banco().display()
        );
        let mut servidor = NoTerminal::ligar_por(&comando);
        servidor.esperar_teclas();
        assert_eq!(
            Terminal::entrar(servidor.endereco).pedir("RESERVAR 3 7 9"),
            "OK RESERVADO 3 7 9 versao=1"
        );
        match modo {
            "tecla-q" => servidor.bater("q"),
            "Ctrl-C" => servidor.bater("\x03"),
            _ => servidor.sinal(Signal::TERM),
        }
        servidor.acabar(0);
        conferir_copia(&pasta, modo);
    }
}

#[test]
fn terminal_volta_a_ser_como_era() {
    for (sinal, saida) in [(Signal::TERM, 0), (Signal::INT, 0), (Signal::HUP, 0)] {
        let servidor = NoTerminal::ligar();
        servidor.esperar_teclas();
        servidor.sinal(sinal);
        servidor.acabar(saida);
    }
    // Ctrl-C, digitado.
    let mut servidor = NoTerminal::ligar();
    servidor.esperar_teclas();
    servidor.bater("\x03");
    servidor.esperar_linha("encerrando: avisando quem está conectado");
    servidor.acabar(0);
}

/// O segundo Ctrl-C não espera por ninguém, mas devolve o terminal.
#[test]
fn terminal_volta_depois_de_um_segundo_sinal() {
    let mut servidor = NoTerminal::ligar();
    servidor.esperar_teclas();
    let mut ana = Terminal::entrar(servidor.endereco);
    entupir_de_vez(&mut ana, servidor.numero());
    let cronometro = Cronometro::comecar();
    servidor.sinal(Signal::INT);
    servidor.esperar_linha("encerrando:");
    assert!(cru(&servidor.modos()), "o terminal mudou antes da hora");
    servidor.sinal(Signal::INT);
    servidor.esperar_linha("saida=130");
    assert!(cronometro.passou() < Duration::from_millis(PARADA_PRAZO_MS), "{:?}", cronometro.passou());
    servidor.visto.clear();
    servidor.esperar_linha("fim=");
    assert!(comum(&servidor.visto), "{}", servidor.visto);
}

/// Um shell com controle de tarefas, que põe o servidor ao fundo e espera por ele.
const AO_FUNDO: &str =
    "set -m; \"$SERVIDOR\" --memoria --escutar 127.0.0.1:0 & echo pid=$!; wait $!; echo \"saida=$?\"";

/// Ao fundo (`servidor &`), ler o terminal ou mexer nele pararia o processo: ele não faz nem um nem outro.
#[test]
fn ao_fundo_o_servidor_nao_para() {
    let mut servidor = NoTerminal::ligar_por(AO_FUNDO);
    let mut ana = Terminal::entrar(servidor.endereco);
    // O que se digita é do shell, não dele; e o terminal fica como está.
    servidor.bater("q\nm\nx");
    for _ in 0..20 {
        assert_eq!(ana.pedir("PING"), "OK PONG", "o servidor parou");
        let estados = threads(servidor.numero());
        assert!(estados.iter().all(|(_, estado)| !matches!(estado, 'T' | 't')), "{estados:?}");
        assert!(comum(&servidor.modos()), "{}", servidor.modos());
        // Dá tempo ao console de tentar ler.
        compasso(Duration::from_millis(20));
    }
    servidor.sinal(Signal::TERM);
    avisado(&mut ana);
    servidor.acabar(0);
}

/// Ao fundo, depois Ctrl-Z, `bg` e `fg`: o servidor só ouve o terminal quando o terminal é dele.
const DE_VOLTA: &str = "set -m; \"$SERVIDOR\" --memoria --escutar 127.0.0.1:0 & echo pid=$!; read x; echo \"lido $x\"; fg %1; \
                        echo parou; bg %1; read x; echo \"lido $x\"; fg %1; echo \"saida=$?\"";

#[test]
fn do_fundo_de_volta_ao_primeiro_plano() {
    let mut servidor = NoTerminal::ligar_por(DE_VOLTA);
    let mut ana = Terminal::entrar(servidor.endereco);
    servidor.bater("q\n");
    servidor.esperar_linha("lido q");
    servidor.esperar_teclas();
    servidor.bater("m");
    servidor.esperar_linha("100 livres, versão 0");
    servidor.bater("\x1a");
    servidor.esperar_linha("parou");
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1", "o bg não o fez seguir");
    servidor.bater("f\n");
    servidor.esperar_linha("lido f");
    servidor.esperar_teclas();
    servidor.bater("m");
    servidor.esperar_linha("99 livres, versão 1");
    assert_eq!(ana.pedir("PING"), "OK PONG", "o que se digitou ao shell chegou ao servidor");
    servidor.bater("q");
    avisado(&mut ana);
    servidor.acabar(0);
}
