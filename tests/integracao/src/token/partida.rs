//! Quem vai embora, e o que o operador faz: o token segue adiante, e quem se foi não recebe nada.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arnes::espera::{Cronometro, esperar};
use arnes::partida::{ESQUECIDO, MODOS, espera_acabou};
use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Terminal};
use protocolo::Error;
use servidor::{Config, Parada, Servico};

use super::{LOGO, cerca_de, entrar_na_fila, esperar_dono, esperar_fila, medida, tomar};

/// O que ouve quem se foi esperando, se ainda ouve.
const ACABOU: &str = "ERRO TEMPO_ESGOTADO :";

/// Um servidor, quem olha, a dona do token e três à espera.
fn mesa() -> (ServidorDeTeste, [Terminal; 5]) {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut dona, ana, bia, caio] = [(); 5].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut dona, "TOKEN SOLICITAR"), 1);
    for (um, quantos) in [&ana, &bia, &caio].into_iter().zip(1..) {
        entrar_na_fila(&mut olho, um, "TOKEN SOLICITAR", quantos);
    }
    (servidor, [olho, dona, ana, bia, caio])
}

#[test]
fn dono_que_se_vai_passa_o_token_na_hora() {
    for modo in MODOS {
        let (_servidor, [mut olho, dona, mut ana, _bia, _caio]) = mesa();
        let cronometro = Cronometro::comecar();
        let ouve = modo.ir(dona);
        assert_eq!(ana.ler_linha(), "OK TOKEN cerca=2 contador=0 espera=2 prazo=30", "{modo:?}");
        medida(&format!("do fim do dono ({modo:?}) à vez do primeiro"), cronometro.passou());
        assert!(cronometro.passou() < LOGO, "{modo:?}: {:?}", cronometro.passou());
        if let Some(mut dona) = ouve {
            dona.espera_fim();
        }
        assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=3 cerca=2 contador=0 espera=2");
    }
}

/// `SAIR` também é o fim, mesmo que o cliente demore a fechar o seu lado.
#[test]
fn dono_que_se_despede_passa_o_token_na_hora() {
    let (_servidor, [mut olho, mut dona, mut ana, _bia, _caio]) = mesa();
    let cronometro = Cronometro::comecar();
    assert_eq!(dona.pedir("SAIR"), "OK ATE_LOGO");
    assert_eq!(ana.ler_linha(), "OK TOKEN cerca=2 contador=0 espera=2 prazo=30");
    let demorou = cronometro.passou();
    medida("de SAIR, sem fechar, à vez do primeiro", demorou);
    // Menos do que o servidor espera por quem se despediu e não fecha.
    assert!(demorou < Duration::from_millis(servidor::limites::RESTO_PRAZO_MS) / 2, "{demorou:?}");
    dona.espera_fim();
    esperar_dono(&mut olho, "3");
}

/// O primeiro da fila, ou um do meio, se vai: sai dela em menos de um segundo, e a vez é do seguinte.
#[test]
fn quem_espera_e_se_vai_deixa_a_fila() {
    thread::scope(|escopo| {
        for (quem, modo) in (0..3).flat_map(|quem| MODOS.map(|modo| (quem, modo))) {
            escopo.spawn(move || {
                let (_servidor, [mut olho, mut dona, ana, bia, caio]) = mesa();
                let mut fila = vec![ana, bia, caio];
                let cronometro = Cronometro::comecar();
                let ouve = modo.ir(fila.remove(quem));
                esperar_fila(&mut olho, 2);
                let demorou = cronometro.passou();
                medida(&format!("do fim do {}º ({modo:?}) à saída da fila", quem + 1), demorou);
                assert!(demorou < ESQUECIDO, "{modo:?}: {demorou:?}");
                espera_acabou(ouve, ACABOU);
                assert_eq!(dona.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=1");
                assert_eq!(fila[0].ler_linha(), "OK TOKEN cerca=2 contador=1 espera=1 prazo=30");
                assert_eq!(fila[0].pedir("TOKEN LIBERAR"), "OK LIBERADO contador=2 espera=0");
                assert_eq!(fila[1].ler_linha(), "OK TOKEN cerca=3 contador=2 espera=0 prazo=30");
            });
        }
    });
}

/// A vez chega a quem já se foi antes que o servidor tenha olhado: ele não a recebe, e ela passa ao seguinte.
#[test]
fn vez_de_quem_ja_se_foi_passa_ao_seguinte() {
    for modo in MODOS {
        let (_servidor, [mut olho, mut dona, ana, mut bia, _caio]) = mesa();
        let ouve = modo.ir(ana);
        let cronometro = Cronometro::comecar();
        assert!(dona.pedir("TOKEN LIBERAR").starts_with("OK LIBERADO contador=1 "));
        let fim = bia.ler_linha();
        assert!(cronometro.passou() < LOGO, "{modo:?}: {:?}", cronometro.passou());
        assert!(
            fim.starts_with("OK TOKEN ") && fim.ends_with(" contador=1 espera=1 prazo=30"),
            "{modo:?}: {fim}"
        );
        espera_acabou(ouve, ACABOU);
        let estado = format!("OK TOKEN dono=4 cerca={} contador=1 espera=1", cerca_de(&fim));
        assert_eq!(olho.pedir("TOKEN ESTADO"), estado, "{modo:?}");
    }
}

/// Fechar o seu lado enquanto espera: a espera acaba, o que veio atrás é respondido, e o servidor fecha.
#[test]
fn meia_conexao_durante_a_espera() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut dona, mut ana] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut dona, "TOKEN SOLICITAR"), 1);
    ana.enviar_bytes(b"PING\nTOKEN SOLICITAR\nRESERVAR 3\nTOKEN LIBERAR\nTOKEN SOLICITAR ATE 3600\nPING");
    ana.fechar_escrita();
    assert_eq!(ana.ler_linha(), "OK PONG");
    let cronometro = Cronometro::comecar();
    ana.espera_comecos(&[
        "ERRO TEMPO_ESGOTADO :",
        "OK RESERVADO 3 versao=1",
        "ERRO TOKEN_NAO_E_SEU :",
        "ERRO TEMPO_ESGOTADO :",
        "OK PONG",
    ]);
    ana.espera_fim();
    assert!(cronometro.passou() < 2 * ESQUECIDO, "{:?}", cronometro.passou());
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=2 cerca=1 contador=0 espera=0");
}

/// Com o token livre não há espera: `nc -N` o recebe, e o fim o devolve.
#[test]
fn meia_conexao_com_o_token_livre() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana] = [(); 2].map(|()| servidor.entrar());
    ana.enviar_bytes(b"TOKEN SOLICITAR\nRESERVAR 3 CERCA 1\nTOKEN LIBERAR\nTOKEN SOLICITAR\n");
    ana.fechar_escrita();
    assert_eq!(ana.ler_linha(), "OK TOKEN cerca=1 contador=0 espera=0 prazo=30");
    assert_eq!(ana.ler_linha(), "OK RESERVADO 3 versao=1");
    assert_eq!(ana.ler_linha(), "OK LIBERADO contador=1 espera=0");
    assert_eq!(ana.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=0 prazo=30");
    ana.espera_fim();
    esperar_dono(&mut olho, "livre");
}

// ---- O operador ----

/// Todos ouvem só que o servidor está encerrando: a ninguém se dá a vez de quem também está saindo.
#[track_caller]
fn todos_avisados(todos: &mut [Terminal], cronometro: Cronometro) {
    for um in todos {
        let aviso = um.ler_linha();
        assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
        um.espera_fim();
    }
    assert!(cronometro.passou() < Duration::from_secs(2), "{:?}", cronometro.passou());
}

/// A dona, cinco à espera e um quieto; devolve também quem olha.
fn dona_e_cinco(servidor: &ServidorDeTeste) -> (Terminal, Vec<Terminal>) {
    let mut olho = servidor.entrar();
    let mut todos: Vec<Terminal> = (0..7).map(|_| servidor.entrar()).collect();
    tomar(&mut todos[0], "TOKEN SOLICITAR");
    for (um, quantos) in todos[1..6].iter().zip(1..) {
        entrar_na_fila(&mut olho, um, "TOKEN SOLICITAR", quantos);
    }
    (olho, todos)
}

#[test]
fn parada_com_dona_e_fila() {
    for _ in 0..30 {
        let servidor = ServidorDeTeste::new();
        let (olho, mut todos) = dona_e_cinco(&servidor);
        todos.push(olho);
        let cronometro = Cronometro::comecar();
        servidor.parada().pedir();
        todos_avisados(&mut todos, cronometro);
        medida("a parada com uma dona e cinco à espera", cronometro.passou());
        assert!(servidor.parar() < LOGO);
    }
}

/// O que a tecla `f` do console faz: todos são mandados embora, e a porta continua aberta.
#[test]
fn mandar_todos_embora_com_dona_e_fila() {
    let servidor = ServidorDeTeste::new();
    for rodada in 0..30 {
        let (olho, mut todos) = dona_e_cinco(&servidor);
        todos.push(olho);
        let cronometro = Cronometro::comecar();
        assert_eq!(servidor.parada().dispensar_conexoes(), 8);
        servidor.servico().monitor.dispensar(&Error::Encerrando);
        todos_avisados(&mut todos, cronometro);
        let mut volta = servidor.entrar();
        esperar("todos saírem", || servidor.servico().admissao.ocupadas() == 1);
        assert!(volta.pedir("TOKEN ESTADO").starts_with("OK TOKEN dono=livre "), "na rodada {rodada}");
        assert_eq!(volta.pedir("SAIR"), "OK ATE_LOGO");
        drop(volta);
        esperar("a sala ficar vazia", || servidor.servico().admissao.ocupadas() == 0);
    }
}

/// O que a tecla `r` faz: a porta fecha e abre de novo, e a sala, a versão, o contador e a cerca continuam.
#[test]
fn reinicio_continua_de_onde_estava() {
    let servico = Arc::new(Servico::new(Config::default()).expect("o sistema devia dar bytes aleatórios"));
    let parada = Parada::new();
    let mut chave = String::new();
    let mut cerca = 0;
    for vez in 0..3_u64 {
        let escuta = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
        let endereco = escuta.local_addr().expect("a porta tem endereço");
        thread::scope(|escopo| {
            let execucao = escopo.spawn(|| servidor::executar(escuta, &servico, &parada));
            let [mut ana, mut bia] = [(); 2].map(|()| Terminal::entrar(endereco));
            let estado = ana.pedir("TOKEN ESTADO");
            assert_eq!(valor(&estado, "dono"), "livre", "{estado}");
            assert_eq!(valor(&estado, "contador"), vez.to_string(), "{estado}");
            assert_eq!(valor(&ana.pedir("LISTAR"), "versao"), vez.to_string());
            if vez == 0 {
                chave.clone_from(&ana.chave);
            } else {
                assert_eq!(ana.pedir(&format!("RETOMAR 1 {chave}")), "OK RETOMADO 1");
            }
            assert_eq!(valor(&ana.pedir("LISTAR"), "seus"), vez.to_string());
            let nova = tomar(&mut ana, "TOKEN SOLICITAR");
            assert!(nova > cerca, "a cerca voltou de {cerca} a {nova}");
            let velha = ana.pedir(&format!("RESERVAR 90 CERCA {cerca}"));
            assert!(velha.starts_with(&format!("ERRO CERCA_VENCIDA atual={nova} versao={vez} :")), "{velha}");
            let fim = ana.pedir(&format!("RESERVAR {} CERCA {nova}", vez + 1));
            assert_eq!(fim, format!("OK RESERVADO {0} versao={0}", vez + 1));
            assert_eq!(ana.pedir("TOKEN LIBERAR"), format!("OK LIBERADO contador={} espera=0", vez + 1));
            // Quem tem o token e quem espera por ele quando tudo recomeça.
            cerca = tomar(&mut ana, "TOKEN SOLICITAR POR 3600");
            let mut olho = Terminal::entrar(endereco);
            entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR", 1);
            parada.pedir_reinicio();
            for um in [&mut ana, &mut bia, &mut olho] {
                let aviso = um.ler_linha();
                assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
                um.espera_fim();
            }
            execucao.join().expect("o servidor entrou em pânico").expect("o servidor parou com erro");
        });
        assert!(parada.reabrir(), "o reinício foi esquecido");
        assert!(!parada.pedida());
        assert!(Terminal::tentar(endereco).is_err(), "a porta velha continua aberta");
    }
    parada.pedir();
    assert!(!parada.reabrir(), "uma parada não é um reinício");
}

/// Quem pede para encerrar enquanto se reinicia é atendido: não se abre de novo.
#[test]
fn encerrar_vale_mais_que_reiniciar() {
    let parada = Parada::new();
    parada.pedir_reinicio();
    parada.pedir();
    assert!(!parada.reabrir(), "o pedido de encerrar se perdeu");
    assert!(parada.pedida());
    parada.pedir_reinicio();
    assert!(!parada.reabrir(), "um reinício desfez o pedido de encerrar");
}
