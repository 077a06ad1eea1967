//! O `estresse`: o programa de verdade, e o motor contra servidores que atendem, que caem e que se calam.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use arnes::ServidorDeTeste;
use arnes::espera::{esperar, esperar_por};
use arnes::pasta::Pasta;
use estresse::{Medidas, Opcoes, PACIENCIA, Rumo, Trabalho, rodar};
use juiz::historia::Historia;
use rustix::process::{Pid, Signal, kill_process};

const CURTA: Duration = Duration::from_millis(300);

fn programa(opcoes: &[&str]) -> Command {
    let mut comando = Command::new(env!("CARGO_BIN_EXE_estresse"));
    comando.args(opcoes).env_remove("RUST_LOG").stdin(Stdio::null());
    comando
}

fn executar(opcoes: &[&str]) -> Output {
    programa(opcoes).output().expect("o programa devia rodar")
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("o programa fala UTF-8")
}

fn provar(servidor: &ServidorDeTeste, opcoes: &Opcoes) -> (Historia, Medidas) {
    rodar(opcoes, servidor.endereco(), &Rumo::default()).expect("todos deviam entrar")
}

// ---- A linha de comando ----

#[test]
fn ajuda_e_versao_saem_com_zero() {
    for opcao in ["--ajuda", "--help"] {
        let saida = executar(&[opcao]);
        assert_eq!((saida.status.code(), texto(&saida.stderr)), (Some(0), String::new()));
        let ajuda = texto(&saida.stdout);
        for palavra in
            ["--servidor", "--clientes", "--segundos", "--semente", "--taxa", "--relatorio", "--ajuda"]
        {
            assert!(ajuda.contains(palavra), "{opcao} não fala de {palavra}");
        }
    }
    let saida = executar(&["--versao"]);
    assert_eq!(texto(&saida.stdout), format!("estresse {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn o_que_nao_se_entende_sai_com_dois_e_o_nomeia() {
    for (opcoes, culpada) in [
        (&["--turbo"][..], "--turbo"),
        (&["--clientes", "0"], "--clientes 0"),
        (&["--relatorio", "x.svg"], "x.svg"),
        (&["--relatorio", "/nao/ha/x.md"], "essa pasta não existe"),
    ] {
        let saida = executar(opcoes);
        let queixa = texto(&saida.stderr);
        assert_eq!((saida.status.code(), &saida.stdout[..]), (Some(2), &b""[..]), "{opcoes:?}: {queixa}");
        assert!(queixa.contains(culpada) && queixa.lines().count() == 1, "{opcoes:?}: {queixa}");
    }
}

#[test]
fn sem_conexao_sai_com_tres() {
    // A porta 1 é do sistema, e nela ninguém atende: uma que se soltou agora, outro teste podia pegar.
    let fechada = "127.0.0.1:1";
    // Quem atende e não é um servidor da Reserva dá no mesmo.
    let estranho = servidor_falso("220 correio\nOK pronto\n");
    let tagarela = servidor_falso(&"x".repeat(1 << 20));
    for (endereco, pista) in [
        (fechada, "ninguém atende"),
        (&estranho, "não é um servidor da Reserva"),
        (&tagarela, "não é um servidor da Reserva"),
        ("nao.ha.invalid:1", "não conheço"),
    ] {
        let saida = executar(&["--servidor", endereco, "--segundos", "1"]);
        let queixa = texto(&saida.stderr);
        assert_eq!(saida.status.code(), Some(3), "{queixa}");
        assert!(
            queixa.contains(endereco) && queixa.contains(pista) && queixa.lines().count() == 1,
            "{queixa}"
        );
    }
}

/// Uma prova curta contra o servidor que o próprio programa liga: a semente, os números, o relatório e os gráficos.
#[test]
fn prova_curta_escreve_o_relatorio() {
    let pasta = Pasta::nova("estresse");
    let caminho = pasta.0.join("prova.md");
    let relatorio = caminho.to_str().expect("a pasta temporária está em UTF-8");
    let saida =
        executar(&["--segundos", "1", "--clientes", "8", "--semente", "77", "--relatorio", relatorio]);
    let (dito, queixa) = (texto(&saida.stdout), texto(&saida.stderr));
    assert_eq!(saida.status.code(), Some(0), "{dito}{queixa}");
    for parte in ["semente 77", "respostas em", "p99,9", "RESERVAR", "até ", relatorio, "prova.svg"] {
        assert!(dito.contains(parte), "falta {parte:?}: {dito}");
    }
    let escrito = fs::read_to_string(&caminho).expect("o relatório foi escrito");
    for parte in
        ["## Veredito", "| semente | 77 |", "| núcleos | ", "p99,9", "](<prova.svg>)", "| RESERVAR | "]
    {
        assert!(escrito.contains(parte), "falta {parte:?}: {escrito}");
    }
    let graficos = fs::read_to_string(pasta.0.join("prova.svg")).expect("os gráficos foram escritos");
    let (abertas, fechadas) = (graficos.matches("<svg").count(), graficos.matches("</svg>").count());
    assert_eq!((abertas, fechadas), (3, 3), "{graficos}");
    assert!(graficos.contains("<polyline") && graficos.contains("p99"), "{graficos}");
}

/// Ctrl-C acaba antes da hora, em ordem, e o que se viu ainda se mostra e se julga.
#[test]
fn sigint_acaba_em_ordem_e_julga() {
    let mut filho = Matador(
        programa(&["--segundos", "600", "--clientes", "4"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("o programa devia rodar"),
    );
    let mut saida = BufReader::new(filho.0.stdout.take().expect("a saída foi pedida"));
    let mut dito = String::new();
    while !dito.contains("semente") {
        assert_ne!(saida.read_line(&mut dito).expect("a saída se lê"), 0, "{dito}");
    }
    let pid = Pid::from_child(&filho.0);
    kill_process(pid, Signal::INT).expect("o programa devia estar vivo");
    esperar("o programa acabar depois de um Ctrl-C", || {
        filho.0.try_wait().expect("o filho é nosso").is_some()
    });
    saida.read_to_string(&mut dito).expect("a saída se lê");
    assert_eq!(filho.0.wait().expect("o filho é nosso").code(), Some(0), "{dito}");
    assert!(dito.contains("respostas em") && dito.contains("Nenhuma lei foi quebrada"), "{dito}");
}

// ---- O motor ----

/// Cada pedido tem a sua resposta, as horas estão em ordem, e a última é a de `LISTAR`, pedida depois de todas as outras.
#[test]
fn historia_e_inteira_e_em_ordem() {
    let servidor = ServidorDeTeste::new();
    let (historia, medidas) = provar(&servidor, &Opcoes::new(16, CURTA, 5));
    assert_eq!((historia.conversas.len(), historia.sozinha), (16, true));
    let sem_resposta: Vec<_> = (1..)
        .zip(&historia.conversas)
        .flat_map(|(numero, conversa)| conversa.trocas.iter().map(move |troca| (numero, troca)))
        .filter(|(_, troca)| troca.resposta.is_none())
        .collect();
    assert_eq!((medidas.perdidas, medidas.sem_resposta), (0, 0), "{sem_resposta:#?}");
    let (mut ultima_mistura, mut primeira_lista) = (Duration::ZERO, Duration::MAX);
    let mut pedidos = 0;
    for (numero, conversa) in (1..).zip(&historia.conversas) {
        assert_eq!(conversa.cliente.numero(), numero);
        assert!(conversa.sobras.is_empty(), "{:?}", conversa.sobras);
        for troca in &conversa.trocas {
            assert!(troca.enviado < troca.ouvido, "{troca:?}");
        }
        for par in conversa.trocas.windows(2) {
            assert!(par[0].ouvido <= par[1].enviado, "{par:?}");
        }
        let (lista, mistura) = conversa.trocas.split_last().expect("todos pedem");
        assert_eq!(lista.pedido.to_string(), "LISTAR");
        pedidos += mistura.len() as u64;
        primeira_lista = primeira_lista.min(lista.enviado);
        ultima_mistura = mistura.iter().map(|troca| troca.ouvido).fold(ultima_mistura, Duration::max);
    }
    assert!(
        ultima_mistura <= primeira_lista,
        "alguém ainda mexia na sala: {ultima_mistura:?} {primeira_lista:?}"
    );
    // O que se ouviu depois do fim do tempo não se mede, mas está na história.
    assert!(medidas.respostas() <= pedidos && medidas.respostas() > 0, "{} {pedidos}", medidas.respostas());
    assert!(historia.conversas.iter().any(|conversa| !conversa.eventos.is_empty()), "ninguém observou");
}

/// A sala de outra pessoa fica como estava: nada do que a prova tomou fica sem dono.
#[test]
fn o_que_se_tomou_se_devolve() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 100"), "OK RESERVADO 100 versao=1");
    provar(&servidor, &Opcoes { sozinha: false, ..Opcoes::new(8, CURTA, 1) });
    let lista = ana.pedir_tudo("LISTAR");
    assert_eq!(lista.dados, ["LIVRES 1-99", "SEGURADOS", "OCUPADOS 100", "SEUS 100"]);
}

/// Com a mesma semente, enquanto se ouve o mesmo, pede-se o mesmo.
#[test]
fn mesma_semente_mesmos_pedidos() {
    let conversas = |clientes, semente| {
        provar(&ServidorDeTeste::new(), &Opcoes::new(clientes, CURTA, semente)).0.conversas
    };
    for clientes in [1, 16] {
        for (a, b) in conversas(clientes, 42).iter().zip(&conversas(clientes, 42)) {
            for (x, y) in a.trocas.split_last().expect("todos pedem").1.iter().zip(&b.trocas) {
                let ultima = std::ptr::eq(y, b.trocas.last().expect("todos pedem"));
                assert!(ultima || x.pedido.to_string() == y.pedido.to_string(), "{x:?} {y:?}");
                if ultima || format!("{:?}", x.resposta) != format!("{:?}", y.resposta) {
                    break;
                }
            }
        }
    }
    let primeiros = |semente| -> Vec<String> {
        conversas(16, semente).iter().map(|conversa| conversa.trocas[0].pedido.to_string()).collect()
    };
    assert_ne!(primeiros(42), primeiros(43), "outra semente, outros pedidos");
}

#[test]
fn taxa_fixa_nao_pede_mais_do_que_isso() {
    let servidor = ServidorDeTeste::new();
    let (historia, medidas) = provar(&servidor, &Opcoes { taxa: Some(500), ..Opcoes::new(4, CURTA * 2, 1) });
    let pedidos: usize = historia.conversas.iter().map(|conversa| conversa.trocas.len() - 1).sum();
    assert!(pedidos > 0 && pedidos <= 300, "{pedidos}");
    assert!(medidas.respostas() <= 300, "{}", medidas.respostas());
}

/// O servidor para no meio: a prova acaba, e diz o que se perdeu.
#[test]
fn servidor_que_cai_no_meio_nao_prende() {
    let servidor = ServidorDeTeste::new();
    let (endereco, rumo) = (servidor.endereco(), Rumo::default());
    let opcoes = Opcoes { paciencia: CURTA, ..Opcoes::new(8, PACIENCIA * 60, 9) };
    let (historia, medidas) = thread::scope(|escopo| {
        let prova = escopo.spawn(|| rodar(&opcoes, endereco, &rumo));
        esperar("a prova andar", || rumo.respondidos.load(Ordering::Relaxed) > 100);
        servidor.parar();
        prova.join().expect("a prova não entra em pânico").expect("todos entraram")
    });
    assert_eq!((medidas.perdidas, historia.conversas.len()), (8, 8));
    let sem_resposta =
        historia.conversas.iter().flat_map(|c| &c.trocas).filter(|t| t.resposta.is_none()).count();
    assert_eq!(medidas.sem_resposta, sem_resposta as u64);
}

/// Quem saúda e depois se cala: cada pedido fica sem resposta, e a prova acaba.
#[test]
fn servidor_que_se_cala_nao_prende() {
    let mudo = servidor_falso(&format!("OK RESERVA/1 cliente=1 chave={} assentos=100\n", "0".repeat(32)));
    let opcoes = Opcoes { paciencia: CURTA, ..Opcoes::new(3, CURTA, 9) };
    let endereco = mudo.parse().expect("um endereço");
    let (historia, medidas) = rodar(&opcoes, endereco, &Rumo::default()).expect("todos deviam entrar");
    assert_eq!((medidas.perdidas, medidas.sem_resposta, medidas.respostas()), (3, 3, 0));
    for conversa in &historia.conversas {
        assert_eq!(conversa.trocas.len(), 1, "quem não ouviu não pede mais: {conversa:?}");
        assert!(conversa.trocas[0].resposta.is_none() && conversa.trocas[0].ouvido >= CURTA, "{conversa:?}");
    }
}

/// O servidor que para perto do fim não some dos números: o que estava no ar conta, por mais que demore.
#[test]
fn o_que_demora_alem_do_fim_conta() {
    let escuta = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
    let endereco = escuta.local_addr().expect("a porta tem endereço");
    let atender = move || {
        let (mut tomada, _) = escuta.accept().expect("o sistema devia aceitar");
        let saudacao = format!("OK RESERVA/1 cliente=1 chave={} assentos=100\n", "0".repeat(32));
        tomada.write_all(saudacao.as_bytes()).expect("há quem leia");
        let pedidos = BufReader::new(tomada.try_clone().expect("o socket se divide")).lines();
        for (vez, _) in pedidos.map_while(Result::ok).enumerate() {
            // Ao primeiro pedido, demora mais do que a prova.
            esperar_por(if vez == 0 { 3 * CURTA } else { Duration::ZERO }, || false);
            let _ = tomada.write_all(b"ERRO INDISPONIVEL versao=0 :\n");
        }
    };
    thread::Builder::new().spawn(atender).expect("o sistema devia dar uma thread");
    let opcoes = Opcoes { trabalho: Trabalho::Trios, ..Opcoes::new(1, CURTA, 9) };
    let (_, medidas) = rodar(&opcoes, endereco, &Rumo::default()).expect("devia entrar");
    let demorou = Duration::from_nanos(medidas.sem_esperas().max());
    assert!(medidas.respostas() == 1 && demorou > 2 * CURTA, "{demorou:?}");
}

// ---- O que os testes usam ----

/// Um servidor que diz isto a quem chega, e mais nada; onde ele escuta. Fica até o fim dos testes.
fn servidor_falso(saudacao: &str) -> String {
    let escuta = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
    let endereco = escuta.local_addr().expect("a porta tem endereço").to_string();
    let saudacao = saudacao.to_owned();
    let atender = move || {
        let mut dentro = Vec::new();
        for tomada in escuta.incoming() {
            let mut tomada = tomada.expect("o sistema devia aceitar");
            // Quem já se foi não precisa de saudação.
            let _ = tomada.write_all(saudacao.as_bytes());
            dentro.push(tomada);
        }
    };
    thread::Builder::new().spawn(atender).expect("o sistema devia dar uma thread");
    endereco
}

/// Um processo que não sobrevive ao teste.
struct Matador(Child);

impl Drop for Matador {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
