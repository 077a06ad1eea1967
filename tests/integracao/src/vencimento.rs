//! SEGURAR e CONFIRMAR: por um tempo, depois firme ou livre de novo; o prazo vence sozinho, e nunca antes.

use std::thread;
use std::time::Duration;

use arnes::espera::{Cronometro, compasso, esperar};
use arnes::roteiro::roteiro;
use arnes::terminal::valor;
use arnes::{Observador, ServidorDeTeste, Sorteio};
use servidor::Config;

const UM_SEGUNDO: Duration = Duration::from_secs(1);
/// Quanto um prazo pode demorar a mais: folga para uma máquina ocupada; o que se promete é um décimo disto.
const LOGO: Duration = Duration::from_secs(1);

// ---- A conversa ----

#[test]
fn segurar_confirmar_e_cancelar() {
    roteiro(
        "
        A> SEGURAR 3 7 9
        A< OK SEGURADO 3 7 9 expira=120 versao=1
        A> LISTAR
        A< LIVRES 1-2 4-6 8 10-100
        A< SEGURADOS 3 7 9
        A< OCUPADOS
        A< SEUS 3 7 9
        A< OK LISTADO livres=97 segurados=3 ocupados=0 seus=3 versao=1
        B> LISTAR
        B< ...
        B< SEGURADOS 3 7 9
        B< OCUPADOS
        B< SEUS
        B< OK LISTADO livres=97 segurados=3 ocupados=0 seus=0 versao=1
        B> RESERVAR 3 4
        B< ERRO OCUPADO 3 versao=1 :...
        B> RESERVAR PARCIAL 3 4
        B< OK RESERVADO 4 OCUPADO 3 versao=2
        B> SEGURAR 4 7
        B< ERRO OCUPADO 7 versao=2 :...
        B> CONFIRMAR 3
        B< ERRO NAO_SEGURADO 3 versao=2 :...
        B> CANCELAR 3
        B< ERRO NAO_E_SEU 3 versao=2 :...
        A> CONFIRMAR 9 3
        A< OK CONFIRMADO 3 9 versao=3
        A> SEGURAR 9
        A< ERRO JA_RESERVADO 9 versao=3 :...
        A> CONFIRMAR 7 9 50
        A< ERRO NAO_SEGURADO 9 50 versao=3 :...
        A> LISTAR
        A< ...
        A< SEGURADOS 7
        A< OCUPADOS 3-4 9
        A< SEUS 3 7 9
        A< OK LISTADO livres=96 segurados=1 ocupados=3 seus=3 versao=3
        A> SEGURAR 20 21 POR 3600
        A< OK SEGURADO 20 21 expira=3600 versao=4
        A> confirmar
        A< OK CONFIRMADO 7 20 21 versao=5
        A> CONFIRMAR
        A< ERRO NAO_SEGURADO versao=5 :...
        A> SEGURAR 30
        A< OK SEGURADO 30 expira=120 versao=6
        A> CANCELAR 30
        A< OK CANCELADO 30 versao=7
        A> SEGURAR 30-31 POR 1
        A< OK SEGURADO 30 31 expira=1 versao=8
        A> CANCELAR TUDO
        A< OK CANCELADO 3 7 9 20 21 30 31 versao=9
        B> LISTAR
        B< LIVRES 1-3 5-100
        B< SEGURADOS
        B< OCUPADOS 4
        B< SEUS 4
        B< OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=9
        ",
    );
}

/// RESERVAR de quem segura torna firme, em todas as suas formas; o que não muda não muda a versão.
#[test]
fn reservar_torna_firme_o_que_se_segura() {
    roteiro(
        "
        A> SEGURAR 1-4 90
        A< OK SEGURADO 1 2 3 4 90 expira=120 versao=1
        A> RESERVAR 1
        A< OK RESERVADO 1 versao=2
        A> RESERVAR 1
        A< OK RESERVADO 1 versao=2
        A> RESERVAR 1 2 10
        A< OK RESERVADO 1 2 10 versao=3
        B> RESERVAR 50
        B< OK RESERVADO 50 versao=4
        A> RESERVAR PARCIAL 3 50
        A< OK RESERVADO 3 OCUPADO 50 versao=5
        A> RESERVAR QUANTIDADE 2 PREFERINDO 4 60 90
        A< OK RESERVADO 5 60 versao=6
        A> LISTAR
        A< ...
        A< SEGURADOS 4 90
        A< OCUPADOS 1-3 5 10 50 60
        A< SEUS 1-5 10 60 90
        A< OK LISTADO livres=91 segurados=2 ocupados=7 seus=8 versao=6
        A> MAPA
        A<    *1   *2   *3   +4   *5    6    7    8    9  *10
        A< ...
        A< OK MAPA versao=6
        B> MAPA
        B<    x1   x2   x3   ~4   x5    6    7    8    9  x10
        B< ...
        B< OK MAPA versao=6
        ",
    );
}

/// As recusas na ordem do contrato: de outro, já seu, cota; e nada fica feito.
#[test]
fn recusas_na_ordem_e_sem_rastro() {
    let servidor = ServidorDeTeste::com(Config { max_por_cliente: 3, ..Config::default() });
    servidor.roteiro(
        "
        B> RESERVAR 1
        B< OK RESERVADO 1 versao=1
        A> RESERVAR 2
        A< OK RESERVADO 2 versao=2
        A> SEGURAR 1 2 3 4 5
        A< ERRO OCUPADO 1 versao=2 :...
        A> SEGURAR 2 3 4 5
        A< ERRO JA_RESERVADO 2 versao=2 :...
        A> SEGURAR 3 4 5
        A< ERRO LIMITE max=3 versao=2 :...
        A> SEGURAR QUANTIDADE 99
        A< ERRO INSUFICIENTE livres=98 versao=2 :...
        A> SEGURAR QUANTIDADE 3
        A< ERRO LIMITE max=3 versao=2 :...
        A> SEGURAR QUANTIDADE 101
        A< ERRO INSUFICIENTE livres=98 versao=2 :...
        A> SEGURAR QUANTIDADE 99999999999999999999
        A< ERRO INSUFICIENTE livres=98 versao=2 :...
        A> LISTAR
        A< LIVRES 3-100
        A< SEGURADOS
        A< ...
        A< OK LISTADO livres=98 segurados=0 ocupados=2 seus=1 versao=2
        A> SEGURAR 3 4
        A< OK SEGURADO 3 4 expira=120 versao=3
        A> SEGURAR 5
        A< ERRO LIMITE max=3 versao=3 :...
        A> SEGURAR 3 5
        A< ERRO LIMITE max=3 versao=3 :...
        A> RESERVAR 5
        A< ERRO LIMITE max=3 versao=3 :...
        A> SEGURAR 3 4 POR 60
        A< OK SEGURADO 3 4 expira=60 versao=3
        A> CONFIRMAR 3
        A< OK CONFIRMADO 3 versao=4
        A> RESERVAR 2 3 4
        A< OK RESERVADO 2 3 4 versao=5
        ",
    );
}

/// QUANTIDADE escolhe como em RESERVAR, e é sempre a mais.
#[test]
fn segurar_quantidade() {
    roteiro(
        "
        A> RESERVAR 1-8
        A< OK RESERVADO 1 2 3 4 5 6 7 8 versao=1
        B> segurar quantidade 3
        B< OK SEGURADO 11 12 13 expira=120 versao=2
        B> SEGURAR QUANTIDADE 2 POR 7
        B< OK SEGURADO 9 10 expira=7 versao=3
        B> SEGURAR QUANTIDADE 1
        B< OK SEGURADO 14 expira=120 versao=4
        A> RESERVAR 15-100
        A< OK RESERVADO ...
        B> SEGURAR QUANTIDADE 1
        B< ERRO INSUFICIENTE livres=0 versao=5 :...
        B> CONFIRMAR
        B< OK CONFIRMADO 9 10 11 12 13 14 versao=6
        ",
    );
}

/// Renovar não é uma mudança da sala: nem versão, nem evento. Acrescentar é uma só.
#[test]
fn renovar_e_acrescentar() {
    roteiro(
        "
        B> OBSERVAR
        B< OK OBSERVANDO versao=0
        A> SEGURAR 3 7
        A< OK SEGURADO 3 7 expira=120 versao=1
        B< EVENTO 1 SEGURADO 3 7 cliente=2
        A> SEGURAR 3 POR 3000
        A< OK SEGURADO 3 expira=3000 versao=1
        A> SEGURAR 7 POR 50
        A< OK SEGURADO 7 expira=50 versao=1
        A> SEGURAR 3 7 8 POR 200
        A< OK SEGURADO 3 7 8 expira=200 versao=2
        B< EVENTO 2 SEGURADO 8 cliente=2
        A> RESERVAR 3 9
        A< OK RESERVADO 3 9 versao=3
        B< EVENTO 3 RESERVADO 3 9 cliente=2
        A> CONFIRMAR 7
        A< OK CONFIRMADO 7 versao=4
        B< EVENTO 4 RESERVADO 7 cliente=2
        A> CANCELAR TUDO
        A< OK CANCELADO 3 7 8 9 versao=5
        B< EVENTO 5 LIVRE 3 7 8 9
        A> SEGURAR QUANTIDADE 2 POR 9
        A< OK SEGURADO 1 2 expira=9 versao=6
        B< EVENTO 6 SEGURADO 1 2 cliente=2
        ",
    );
}

/// O prazo nunca passa de 3600 s desde a primeira vez; entre vários assentos, `expira` é o do que vence antes.
#[test]
fn renovar_nao_passa_do_maximo() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let cronometro = Cronometro::comecar();
    assert_eq!(ana.pedir("SEGURAR 3 POR 3600"), "OK SEGURADO 3 expira=3600 versao=1");
    for (pedido, versao) in [("SEGURAR 3 POR 3600", 1), ("SEGURAR 3 4 POR 3600", 2)] {
        let fim = ana.pedir(pedido);
        let expira: u64 = valor(&fim, "expira").parse().expect("expira é um número");
        // O que falta, arredondado para baixo: passou um instante, e menos que `passou`.
        let menos = 3600 - 1 - cronometro.passou().as_secs();
        assert!((menos..3600).contains(&expira), "{fim}, depois de {:?}", cronometro.passou());
        assert_eq!(valor(&fim, "versao"), versao.to_string());
    }
    assert_eq!(ana.pedir("SEGURAR 4 POR 3599"), "OK SEGURADO 4 expira=3599 versao=2");
    // Devolvido e segurado de novo, é outra primeira vez.
    assert_eq!(ana.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=3");
    assert_eq!(ana.pedir("SEGURAR 3 POR 3600"), "OK SEGURADO 3 expira=3600 versao=4");
}

// ---- O prazo ----

/// Ninguém pergunta nada, e metade já desconectou: cada um vence sozinho, inteiro, nunca antes.
#[test]
fn vence_sozinho_e_nunca_antes() {
    const GRUPOS: u8 = 50;
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    let mut pendentes = std::collections::BTreeMap::new();
    let mut presentes = Vec::new();
    for n in 0..GRUPOS {
        let mut ana = servidor.entrar();
        // Começa a contar antes de pedir: o prazo só pode começar depois.
        let cronometro = Cronometro::comecar();
        let (um, outro) = (n + 1, n + 1 + GRUPOS);
        assert!(ana.pedir(&format!("SEGURAR {um} {outro} POR 1")).starts_with("OK SEGURADO "));
        pendentes.insert(um, (outro, cronometro));
        if n % 2 == 0 {
            presentes.push(ana);
        } else {
            ana.cair();
        }
    }
    while !pendentes.is_empty() {
        let evento = olho.ler_evento();
        if evento.mudanca != protocolo::Mudanca::Livre {
            continue;
        }
        // Os que vencem no mesmo instante são uma mudança só; os dois de um pedido, sempre.
        let mut livres: Vec<u8> = evento.assentos.iter().map(protocolo::Assento::numero).collect();
        while let Some(&um) = livres.first() {
            let (outro, cronometro) = pendentes.remove(&um).expect("só vence o que estava segurado");
            assert!(livres.contains(&outro), "metade de um pedido venceu: {evento}");
            livres.retain(|assento| ![um, outro].contains(assento));
            let passou = cronometro.passou();
            assert!(passou >= UM_SEGUNDO, "o prazo de 1 s acabou em {passou:?}: {evento}");
            assert!(passou < UM_SEGUNDO + LOGO, "{passou:?}: {evento}");
        }
    }
    assert!(olho.pedir("LISTAR").starts_with("OK LISTADO livres=100 segurados=0 ocupados=0 "));
    for mut ana in presentes {
        assert!(ana.pedir("CONFIRMAR").starts_with("ERRO NAO_SEGURADO versao="));
    }
}

/// Renovar adia o fim; renovar por menos o adianta, mesmo que outro prazo já estivesse marcado.
#[test]
fn renovar_muda_a_hora() {
    let servidor = ServidorDeTeste::new();
    let (mut olho, mut ana) = (Observador::new(servidor.entrar()), servidor.entrar());
    assert_eq!(ana.pedir("SEGURAR 5 POR 1"), "OK SEGURADO 5 expira=1 versao=1");
    assert_eq!(ana.pedir("SEGURAR 6 POR 3600"), "OK SEGURADO 6 expira=3600 versao=2");
    let cronometro = Cronometro::comecar();
    assert_eq!(ana.pedir("SEGURAR 5 POR 2"), "OK SEGURADO 5 expira=2 versao=2");
    assert_eq!(ana.pedir("SEGURAR 6 POR 1"), "OK SEGURADO 6 expira=1 versao=2");
    olho.espera_eventos(&[
        "EVENTO 1 SEGURADO 5 cliente=2",
        "EVENTO 2 SEGURADO 6 cliente=2",
        "EVENTO 3 LIVRE 6",
    ]);
    let do_seis = cronometro.passou();
    assert!(do_seis >= UM_SEGUNDO, "o prazo de 1 s acabou em {do_seis:?}");
    olho.espera_eventos(&["EVENTO 4 LIVRE 5"]);
    let do_cinco = cronometro.passou();
    assert!(do_cinco >= 2 * UM_SEGUNDO, "o prazo de 2 s acabou em {do_cinco:?}");
    assert!(do_cinco < 2 * UM_SEGUNDO + LOGO, "{do_cinco:?}");
}

/// O que se tornou firme ou foi devolvido não vence mais, nem leva junto o que outro segurou depois.
#[test]
fn prazo_velho_nao_alcanca_ninguem() {
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("SEGURAR 1-4 POR 1"), "OK SEGURADO 1 2 3 4 expira=1 versao=1");
    assert_eq!(ana.pedir("CONFIRMAR 1"), "OK CONFIRMADO 1 versao=2");
    assert_eq!(ana.pedir("RESERVAR 2"), "OK RESERVADO 2 versao=3");
    assert_eq!(ana.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=4");
    assert_eq!(bia.pedir("SEGURAR 3 POR 3600"), "OK SEGURADO 3 expira=3600 versao=5");
    // Só o 4 vence, e o prazo marcado depois dele, o 50, mostra que mais nada venceu.
    assert_eq!(bia.pedir("SEGURAR 50 POR 1"), "OK SEGURADO 50 expira=1 versao=6");
    olho.ate(6);
    olho.espera_eventos(&["EVENTO 7 LIVRE 4", "EVENTO 8 LIVRE 50"]);
    assert_eq!(
        olho.pedir_tudo("LISTAR").dados,
        ["LIVRES 4-100", "SEGURADOS 3", "OCUPADOS 1-2", "SEUS"].map(str::to_owned)
    );
}

/// CONFIRMAR no mesmo milissegundo em que o prazo vence: ou é firme para sempre, ou já não era seu; e nunca antes.
#[test]
fn confirmar_no_instante_em_que_vence() {
    /// Quanto antes e quanto depois do fim do prazo pode vir o gesto, em microssegundos: quem dorme acorda atrasado.
    const ANTES_US: u64 = 20_000;
    const DEPOIS_US: u64 = 5_000;
    let mut sorteio = Sorteio::novo("confirmar_no_instante_em_que_vence");
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    let confirmados: Vec<(u8, bool)> = thread::scope(|escopo| {
        let todos: Vec<_> = (1..=100)
            .map(|assento| {
                let mut ana = servidor.entrar();
                let quando = UM_SEGUNDO - Duration::from_micros(ANTES_US)
                    + Duration::from_micros(sorteio.ate(ANTES_US + DEPOIS_US));
                escopo.spawn(move || {
                    let cronometro = Cronometro::comecar();
                    let fim = ana.pedir(&format!("SEGURAR {assento} POR 1"));
                    assert!(fim.starts_with("OK SEGURADO "), "{fim}");
                    // O gesto é que tem hora; nada se espera dela.
                    compasso(quando.saturating_sub(cronometro.passou()).max(Duration::from_micros(1)));
                    let fim = ana.pedir("CONFIRMAR");
                    let confirmou = fim.starts_with(&format!("OK CONFIRMADO {assento} versao="));
                    if !confirmou {
                        assert!(fim.starts_with("ERRO NAO_SEGURADO versao="), "{fim}");
                        assert!(cronometro.passou() >= UM_SEGUNDO, "venceu em {:?}", cronometro.passou());
                    }
                    (assento, confirmou)
                })
            })
            .collect();
        todos.into_iter().map(|t| t.join().expect("um prazo acabou cedo")).collect()
    });
    esperar("tudo vencer", || olho.pedir("LISTAR").contains(" segurados=0 "));
    let firmes = olho.soma().quadro(protocolo::ClientId::new(1).expect("há um cliente 1"));
    let firmes: Vec<u8> = firmes.expect("viu tudo").ocupados.iter().map(protocolo::Assento::numero).collect();
    let ditos: Vec<u8> = confirmados.iter().filter(|(_, sim)| *sim).map(|(n, _)| *n).collect();
    assert_eq!(firmes, ditos);
    // Se um dos dois sempre ganha, não houve disputa.
    assert!((2..99).contains(&ditos.len()), "CONFIRMAR ganhou {} vezes em 100", ditos.len());
}

// ---- De quem é ----

/// O que se segura é do cliente, não da conexão: sobrevive à queda, e quem retoma confirma ou renova.
#[test]
fn segurado_sobrevive_a_queda() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("SEGURAR 3 4 5"), "OK SEGURADO 3 4 5 expira=120 versao=1");
    let retomar = format!("RETOMAR {} {}", ana.cliente, ana.chave);
    ana.cair();
    let mut volta = servidor.entrar();
    assert_eq!(volta.pedir("CONFIRMAR 3").split(" :").next(), Some("ERRO NAO_SEGURADO 3 versao=1"));
    assert_eq!(volta.pedir(&retomar), "OK RETOMADO 1");
    assert_eq!(volta.pedir_tudo("LISTAR").dados[1..], ["SEGURADOS 3-5", "OCUPADOS", "SEUS 3-5"]);
    assert_eq!(volta.pedir("SEGURAR 3 POR 600"), "OK SEGURADO 3 expira=600 versao=1");
    assert_eq!(volta.pedir("CONFIRMAR 4"), "OK CONFIRMADO 4 versao=2");
    assert_eq!(volta.pedir("CANCELAR 5"), "OK CANCELADO 5 versao=3");
    // Duas conexões do mesmo cliente são o mesmo dono.
    let mut outra = servidor.entrar();
    assert_eq!(outra.pedir(&retomar), "OK RETOMADO 1");
    assert_eq!(outra.pedir("CONFIRMAR"), "OK CONFIRMADO 3 versao=4");
    assert_eq!(volta.pedir("CONFIRMAR").split(" :").next(), Some("ERRO NAO_SEGURADO versao=4"));
}

/// O que a tecla `r` faz: a porta fecha e abre de novo, e os prazos continuam a contar.
#[test]
fn reinicio_nao_esquece_os_prazos() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let cronometro = Cronometro::comecar();
    assert_eq!(ana.pedir("SEGURAR 3 POR 1"), "OK SEGURADO 3 expira=1 versao=1");
    assert_eq!(ana.pedir("SEGURAR 4 POR 3600"), "OK SEGURADO 4 expira=3600 versao=2");
    let servidor = servidor.reiniciar();
    let mut bia = servidor.entrar();
    assert_eq!(bia.pedir("OBSERVAR"), "OK OBSERVANDO versao=2");
    assert_eq!(bia.ler_linha(), "EVENTO 3 LIVRE 3");
    assert!(cronometro.passou() >= UM_SEGUNDO, "{:?}", cronometro.passou());
    let lista = bia.pedir_tudo("LISTAR");
    assert_eq!((&lista.dados[1][..], valor(&lista.fim, "versao")), ("SEGURADOS 4", "3"));
}
