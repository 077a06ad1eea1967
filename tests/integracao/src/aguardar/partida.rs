//! Quem vai embora esperando, e o que o operador faz: quem se foi não recebe nada, e a vez é do seguinte.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use arnes::espera::{Cronometro, esperar};
use arnes::partida::{ESQUECIDO, MODOS, espera_acabou};
use arnes::terminal::valor;
use arnes::{Observador, ServidorDeTeste, Sorteio, Terminal};
use protocolo::{ClientId, Error, Mudanca};

use super::{LOGO, entrar_na_fila, nada_veio};

/// O que ouve quem se foi esperando, se ainda ouve.
const ACABOU: &str = "ERRO TEMPO_ESGOTADO versao=";

/// Um servidor, a dona do assento 7 e três à espera dele.
fn mesa() -> (ServidorDeTeste, [Terminal; 4]) {
    let servidor = ServidorDeTeste::new();
    let [mut dona, mut ana, mut bia, mut caio] = [(); 4].map(|()| servidor.entrar());
    assert_eq!(dona.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    for um in [&mut ana, &mut bia, &mut caio] {
        entrar_na_fila(um, "AGUARDAR 7");
    }
    (servidor, [dona, ana, bia, caio])
}

/// O primeiro da fila, ou um do meio, se vai: deixa-a em menos de um segundo, e nada do que fica livre passa por ele.
#[test]
fn quem_se_vai_deixa_a_fila() {
    thread::scope(|escopo| {
        for (quem, modo) in (0..3).flat_map(|quem| MODOS.map(|modo| (quem, modo))) {
            escopo.spawn(move || {
                let (servidor, [mut dona, ana, bia, caio]) = mesa();
                let mut fila = vec![ana, bia, caio];
                let cronometro = Cronometro::comecar();
                let ouve = modo.ir(fila.remove(quem));
                esperar("a conexão acabar", || servidor.servico().admissao.ocupadas() == 3);
                let demorou = cronometro.passou();
                assert!(demorou < ESQUECIDO, "{modo:?}: {demorou:?}");
                espera_acabou(ouve, ACABOU);
                assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=2");
                assert_eq!(fila[0].ler_linha(), "OK RESERVADO 7 versao=3");
                assert_eq!(fila[0].pedir("CANCELAR 7"), "OK CANCELADO 7 versao=4");
                assert_eq!(fila[1].ler_linha(), "OK RESERVADO 7 versao=5");
                assert_eq!(fila[1].pedir("CANCELAR 7"), "OK CANCELADO 7 versao=6");
            });
        }
    });
}

/// O assento chega a quem já se foi antes que o servidor tenha olhado: é devolvido, e passa ao seguinte.
#[test]
fn vez_de_quem_ja_se_foi_passa_ao_seguinte() {
    for modo in MODOS {
        let (servidor, [mut dona, ana, mut bia, _caio]) = mesa();
        let mut olho = Observador::new(servidor.entrar());
        let da_ana = format!("RETOMAR {} {}", ana.cliente, ana.chave);
        let ouve = modo.ir(ana);
        let cronometro = Cronometro::comecar();
        assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=2");
        let fim = bia.ler_linha();
        assert!(cronometro.passou() < LOGO, "{modo:?}: {:?}", cronometro.passou());
        espera_acabou(ouve, ACABOU);
        // Ou já se sabia que ela se foi, ou o assento passou pelas mãos dela e voltou.
        let direto = ["EVENTO 2 LIVRE 7", "EVENTO 3 RESERVADO 7 cliente=3"];
        let por_ela = [
            "EVENTO 2 LIVRE 7",
            "EVENTO 3 RESERVADO 7 cliente=2",
            "EVENTO 4 LIVRE 7",
            "EVENTO 5 RESERVADO 7 cliente=3",
        ];
        match fim.strip_prefix("OK RESERVADO 7 versao=") {
            Some("3") => olho.espera_eventos(&direto),
            Some("5") => olho.espera_eventos(&por_ela),
            _ => panic!("{modo:?}: {fim}"),
        }
        let mut volta = servidor.entrar();
        assert_eq!(volta.pedir(&da_ana), "OK RETOMADO 2");
        assert_eq!(valor(&volta.pedir("LISTAR"), "seus"), "0", "{modo:?}");
    }
}

/// O que ela já segurava, e ficou firme com o assento que lhe chegou tarde demais, volta a ser segurado.
#[test]
fn o_que_se_segurava_volta_a_como_era() {
    for modo in MODOS {
        let servidor = ServidorDeTeste::new();
        let mut olho = Observador::new(servidor.entrar());
        let [mut dona, mut ana] = [(); 2].map(|()| servidor.entrar());
        assert_eq!(dona.pedir("RESERVAR 7 8"), "OK RESERVADO 7 8 versao=1");
        assert_eq!(ana.pedir("SEGURAR 3 POR 3600"), "OK SEGURADO 3 expira=3600 versao=2");
        entrar_na_fila(&mut ana, "AGUARDAR 3 7");
        let retomar = format!("RETOMAR {} {}", ana.cliente, ana.chave);
        let ouve = modo.ir(ana);
        assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=3");
        espera_acabou(ouve, ACABOU);
        esperar("a conexão acabar", || servidor.servico().admissao.ocupadas() == 2);
        // Cada passo, se houve algum, foi uma mudança possível: o observador confere.
        let lista = olho.pedir_tudo("LISTAR").dados;
        assert_eq!(lista, ["LIVRES 1-2 4-7 9-100", "SEGURADOS 3", "OCUPADOS 8", "SEUS"], "{modo:?}");
        let mut volta = servidor.entrar();
        assert_eq!(volta.pedir(&retomar), "OK RETOMADO 3");
        assert_eq!(volta.pedir("CONFIRMAR 3").split(" versao=").next(), Some("OK CONFIRMADO 3"));
    }
}

/// Fechar o seu lado enquanto espera: a espera acaba, o que veio atrás é respondido, e o servidor fecha.
#[test]
fn meia_conexao_durante_a_espera() {
    let servidor = ServidorDeTeste::new();
    let [mut dona, mut ana] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(dona.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    ana.enviar_bytes(b"PING\nAGUARDAR 7\nRESERVAR 3\nAGUARDAR 3 4\nAGUARDAR 7-8 ATE 3600\nPING");
    ana.fechar_escrita();
    let cronometro = Cronometro::comecar();
    ana.espera_comecos(&[
        "OK PONG",
        "ERRO TEMPO_ESGOTADO versao=1 :",
        "OK RESERVADO 3 versao=2",
        "OK RESERVADO 3 4 versao=3",
        "ERRO TEMPO_ESGOTADO versao=3 :",
        "OK PONG",
    ]);
    ana.espera_fim();
    assert!(cronometro.passou() < 2 * ESQUECIDO, "{:?}", cronometro.passou());
    assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=4");
    assert!(dona.pedir("LISTAR").ends_with(" livres=98 segurados=0 ocupados=2 seus=0 versao=4"));
}

/// O que já era seu e se tornaria firme fica como estava quando a espera não dá em nada.
#[test]
fn espera_que_nao_da_em_nada_nao_deixa_rastro() {
    let servidor = ServidorDeTeste::new();
    let [mut dona, mut ana] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(dona.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    assert_eq!(ana.pedir("SEGURAR 3"), "OK SEGURADO 3 expira=120 versao=2");
    let fim = ana.pedir("AGUARDAR 3 7 ATE 1");
    assert!(fim.starts_with("ERRO TEMPO_ESGOTADO versao=2 :"), "{fim}");
    assert_eq!(ana.pedir_tudo("LISTAR").dados[1..], ["SEGURADOS 3", "OCUPADOS 7", "SEUS 3"]);
    assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=3");
    nada_veio(&mut ana);
    assert_eq!(ana.pedir("AGUARDAR 3 7"), "OK RESERVADO 3 7 versao=4");
}

// ---- O operador ----

/// Todos ouvem só que o servidor está encerrando: a ninguém se dá o assento de quem também está saindo.
#[track_caller]
fn todos_avisados(todos: &mut [Terminal], cronometro: Cronometro) {
    for um in todos {
        let aviso = um.ler_linha();
        assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
        um.espera_fim();
    }
    assert!(cronometro.passou() < 2 * LOGO, "{:?}", cronometro.passou());
}

#[test]
fn parada_com_gente_a_espera() {
    for _ in 0..20 {
        let (servidor, mut todos) = mesa();
        let cronometro = Cronometro::comecar();
        servidor.parada().pedir();
        todos_avisados(&mut todos, cronometro);
        let servico = servidor.servico();
        let sala = servico.monitor.retrato_da_sala(servico.relogio.agora());
        assert_eq!((sala.quadro.ocupados.len(), sala.versao.0), (1, 1), "a parada mexeu na sala");
        assert!(servidor.parar() < LOGO);
    }
}

/// O que a tecla `f` do console faz: todos são mandados embora, a porta continua aberta, e a sala fica como estava.
#[test]
fn mandar_todos_embora_com_gente_a_espera() {
    for _ in 0..10 {
        let (servidor, mut todos) = mesa();
        let cronometro = Cronometro::comecar();
        assert_eq!(servidor.parada().dispensar_conexoes(), 4);
        servidor.servico().monitor.dispensar(&Error::Encerrando);
        todos_avisados(&mut todos, cronometro);
        let mut volta = servidor.entrar();
        assert_eq!(volta.pedir(&format!("RETOMAR 1 {}", todos[0].chave)), "OK RETOMADO 1");
        assert_eq!(volta.pedir("CANCELAR TUDO"), "OK CANCELADO 7 versao=2");
        assert!(volta.pedir("LISTAR").ends_with(" livres=100 segurados=0 ocupados=0 seus=0 versao=2"));
    }
}

// ---- Ao acaso ----

/// Quantos atendimentos têm de acontecer.
const ATENDIMENTOS: u64 = 400;

/// O que os clientes que entram e saem dividem.
struct Roda {
    endereco: SocketAddr,
    atendimentos: AtomicU64,
}

impl Roda {
    /// Espera por um ou mais de seis assentos e devolve-os, até que tenha havido atendimentos bastantes; às vezes vai
    /// embora esperando, e manda a `sumidos` como se volta a ser quem era.
    fn girar(&self, mut sorteio: Sorteio, sumidos: &Sender<String>) {
        let mut terminal = Terminal::entrar(self.endereco);
        while self.atendimentos.load(Ordering::SeqCst) < ATENDIMENTOS {
            // Por um assento só, não ser atendido é defeito; por vários, quem quer menos pode passar sempre à frente.
            let pedido = match sorteio.ate(5) {
                1 => format!("AGUARDAR {} {} ATE 1", sorteio.ate(6), sorteio.ate(6)),
                2 => format!("AGUARDAR QUANTIDADE {} ATE 1", sorteio.ate(3)),
                _ => format!("AGUARDAR {}", sorteio.ate(6)),
            };
            terminal.enviar(&pedido);
            let fim = match sorteio.ate(6) {
                1 => None,
                2 => terminal.ler_se_vier(Duration::from_millis(sorteio.ate(8))),
                _ => Some(terminal.ler_linha()),
            };
            let Some(fim) = fim else {
                let retomar = format!("RETOMAR {} {}", terminal.cliente, terminal.chave);
                sumir(terminal, &mut sorteio);
                sumidos.send(retomar).expect("quem confere está ouvindo");
                terminal = Terminal::entrar(self.endereco);
                continue;
            };
            if fim.starts_with("OK RESERVADO ") {
                self.atendimentos.fetch_add(1, Ordering::SeqCst);
            } else {
                assert!(
                    fim.starts_with("ERRO TEMPO_ESGOTADO versao=") && pedido.contains("ATE"),
                    "{pedido}: {fim}"
                );
            }
            let fim = terminal.pedir("CANCELAR TUDO");
            assert!(fim.starts_with("OK CANCELADO"), "{fim}");
        }
    }
}

/// Vai embora de um dos modos.
fn sumir(terminal: Terminal, sorteio: &mut Sorteio) {
    let modo = MODOS[usize::try_from(sorteio.ate(3)).expect("cabe") - 1];
    if let Some(mut ouve) = modo.ir(terminal) {
        let resto = String::from_utf8(ouve.ler_o_que_ha()).expect("o servidor fala UTF-8");
        let certo = ["", "ERRO TEMPO_ESGOTADO versao=", "OK RESERVADO "];
        assert!(
            resto.lines().count() <= 1 && certo.iter().any(|c| resto.starts_with(c)),
            "quem se foi ouviu {resto:?}"
        );
    }
}

/// Doze clientes que esperam, são atendidos e somem ao acaso: ninguém é esquecido, nada se perde, e quem observa vê
/// uma sala possível do começo ao fim.
#[test]
fn gente_que_some_ao_acaso() {
    let mut sorteio = Sorteio::novo("aguardar::gente_que_some_ao_acaso");
    let servidor = ServidorDeTeste::new();
    let (mut olho, mut gari) = (Observador::new(servidor.entrar()), servidor.entrar());
    assert!(servidor.entrar().pedir("RESERVAR 7-100").starts_with("OK RESERVADO "));
    let roda = Roda { endereco: servidor.endereco(), atendimentos: AtomicU64::new(0) };
    let (sumiu, sumidos) = mpsc::channel();
    let mut todos: Vec<String> = Vec::new();
    // O pedido de quem sumiu pode ter sido atendido antes, ou logo depois: o que chegou é dele, e alguém o devolve.
    let mut devolver = |todos: &[String]| {
        for retomar in todos {
            assert!(gari.pedir(retomar).starts_with("OK RETOMADO "));
            assert!(gari.pedir("CANCELAR TUDO").starts_with("OK CANCELADO"));
        }
    };
    thread::scope(|escopo| {
        for _ in 0..12 {
            let (roda, sorteio, sumiu) = (&roda, Sorteio::com(sorteio.proximo()), sumiu.clone());
            escopo.spawn(move || roda.girar(sorteio, &sumiu));
        }
        drop(sumiu);
        // Acaba quando todos acabaram, bem ou mal.
        loop {
            match sumidos.recv_timeout(Duration::from_millis(1)) {
                Ok(sumido) => todos.push(sumido),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            devolver(&todos);
            olho.pedir("LISTAR");
        }
    });
    assert!(todos.len() > 20, "quase ninguém sumiu esperando");
    esperar("tudo ficar livre", || {
        devolver(&todos);
        valor(&olho.pedir("LISTAR"), "livres") == "6"
    });
    let donos: BTreeSet<ClientId> = olho
        .eventos
        .iter()
        .filter_map(|evento| match evento.mudanca {
            Mudanca::Reservado(dono) => Some(dono),
            _ => None,
        })
        .collect();
    assert!(donos.len() > 10, "só {donos:?} tiveram assentos");
}
