//! AGUARDAR: por ordem de chegada, cada um que possa ser atendido inteiro; quem se vai não recebe nada.

/// Quem vai embora esperando, e o que o operador faz.
mod partida;

use std::thread;
use std::time::Duration;

use arnes::espera::Cronometro;
use arnes::roteiro::roteiro;
use arnes::{Observador, ServidorDeTeste, Terminal, ao_fundo};
use servidor::Config;

const UM_SEGUNDO: Duration = Duration::from_secs(1);
/// Quanto pode demorar o que devia ser na hora: folga para uma máquina ocupada.
const LOGO: Duration = Duration::from_secs(1);

/// Manda um pedido que vai esperar, e só acaba quando ele já está na fila.
///
/// A resposta do `PING` que chega no mesmo pacote só é escrita quando a conexão vai dormir à espera.
#[track_caller]
fn entrar_na_fila(terminal: &mut Terminal, pedido: &str) {
    terminal.enviar_bytes(format!("PING\n{pedido}\n").as_bytes());
    assert_eq!(terminal.ler_linha(), "OK PONG");
}

/// Confere que a este terminal não veio mais nada.
#[track_caller]
fn nada_veio(terminal: &mut Terminal) {
    assert_eq!(terminal.pedir("PING"), "OK PONG");
}

// ---- A conversa ----

/// O que já se pode atender é atendido na hora, com as regras de RESERVAR.
#[test]
fn atendido_na_hora() {
    roteiro(
        "
        A> AGUARDAR 3 7
        A< OK RESERVADO 3 7 versao=1
        A> aguardar 7,3 ate 1
        A< OK RESERVADO 3 7 versao=1
        A> SEGURAR 9
        A< OK SEGURADO 9 expira=120 versao=2
        A> AGUARDAR 7 9
        A< OK RESERVADO 7 9 versao=3
        A> AGUARDAR QUANTIDADE 2
        A< OK RESERVADO 1 2 versao=4
        B> AGUARDAR QUANTIDADE 3 ATE 3600
        B< OK RESERVADO 4 5 6 versao=5
        B> AGUARDAR QUANTIDADE 4
        B< OK RESERVADO 11 12 13 14 versao=6
        A> LISTAR
        A< LIVRES 8 10 15-100
        A< SEGURADOS
        A< OCUPADOS 1-7 9 11-14
        A< SEUS 1-3 7 9
        A< OK LISTADO livres=88 segurados=0 ocupados=12 seus=5 versao=6
        ",
    );
}

/// O que espera nenhuma atenderia é recusado na hora.
#[test]
fn impossivel_e_recusado_na_hora() {
    roteiro(
        "
        A> RESERVAR 1
        A< OK RESERVADO 1 versao=1
        A> AGUARDAR QUANTIDADE 101
        A< ERRO INSUFICIENTE livres=99 versao=1 :...
        A> AGUARDAR QUANTIDADE 99999999999999999999 ATE 3600
        A< ERRO INSUFICIENTE livres=99 versao=1 :...
        A> LISTAR
        A< ...
        A< OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=1
        ",
    );
    let servidor = ServidorDeTeste::com(Config { max_por_cliente: 3, ..Config::default() });
    servidor.roteiro(
        "
        B> RESERVAR 1
        B< OK RESERVADO 1 versao=1
        A> AGUARDAR 1 2 3 4
        A< ERRO LIMITE max=3 versao=1 :...
        A> AGUARDAR 2 3 4 5
        A< ERRO LIMITE max=3 versao=1 :...
        A> AGUARDAR QUANTIDADE 4
        A< ERRO LIMITE max=3 versao=1 :...
        A> AGUARDAR QUANTIDADE 101
        A< ERRO INSUFICIENTE livres=99 versao=1 :...
        A> AGUARDAR QUANTIDADE 3
        A< OK RESERVADO 2 3 4 versao=2
        A> AGUARDAR 5
        A< ERRO LIMITE max=3 versao=2 :...
        A> AGUARDAR 4 2
        A< OK RESERVADO 2 4 versao=2
        ",
    );
}

/// Cada atendimento é uma mudança só sua, depois da que libertou os assentos; quem observa vê as duas.
#[test]
fn cancelar_atende_quem_espera() {
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    let [mut ana, mut bia, mut caio] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 3-7"), "OK RESERVADO 3 4 5 6 7 versao=1");
    entrar_na_fila(&mut bia, "AGUARDAR 3");
    entrar_na_fila(&mut caio, "AGUARDAR 7 4");
    assert_eq!(ana.pedir("CANCELAR 4-7"), "OK CANCELADO 4 5 6 7 versao=2");
    assert_eq!(caio.ler_linha(), "OK RESERVADO 4 7 versao=3");
    assert_eq!(ana.pedir("CANCELAR TUDO"), "OK CANCELADO 3 versao=4");
    assert_eq!(bia.ler_linha(), "OK RESERVADO 3 versao=5");
    olho.espera_eventos(&[
        "EVENTO 1 RESERVADO 3 4 5 6 7 cliente=2",
        "EVENTO 2 LIVRE 4 5 6 7",
        "EVENTO 3 RESERVADO 4 7 cliente=4",
        "EVENTO 4 LIVRE 3",
        "EVENTO 5 RESERVADO 3 cliente=3",
    ]);
    nada_veio(&mut bia);
    nada_veio(&mut caio);
    assert!(olho.pedir("LISTAR").ends_with(" livres=97 segurados=0 ocupados=3 seus=0 versao=5"));
}

/// Em lote: o que já se respondeu não fica preso atrás da espera, e o que veio depois é respondido depois, em ordem.
#[test]
fn em_lote_a_espera_nao_troca_a_ordem() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    bia.enviar_bytes(b"RESERVAR 1\nAGUARDAR 3\nRESERVAR 2\nPING\nCANCELAR 3\n");
    assert_eq!(bia.ler_linha(), "OK RESERVADO 1 versao=2");
    assert!(ana.pedir("LISTAR").ends_with(" livres=98 segurados=0 ocupados=2 seus=1 versao=2"));
    assert_eq!(ana.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=3");
    for esperado in
        ["OK RESERVADO 3 versao=4", "OK RESERVADO 2 versao=5", "OK PONG", "OK CANCELADO 3 versao=6"]
    {
        assert_eq!(bia.ler_linha(), esperado);
    }
}

// ---- A ordem ----

/// Duzentos pelo mesmo assento: cada um na sua vez.
#[test]
fn duzentos_pelo_mesmo_assento() {
    let servidor = ServidorDeTeste::new();
    let mut dona = servidor.entrar();
    assert_eq!(dona.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    let mut fila: Vec<Terminal> = (0..200).map(|_| servidor.entrar()).collect();
    for um in &mut fila {
        entrar_na_fila(um, "AGUARDAR 7");
    }
    let mut versao = 1;
    let mut passar = |de: &mut Terminal, a: &mut Terminal| {
        assert_eq!(de.pedir("CANCELAR 7"), format!("OK CANCELADO 7 versao={}", versao + 1));
        assert_eq!(a.ler_linha(), format!("OK RESERVADO 7 versao={}", versao + 2));
        versao += 2;
    };
    for um in &mut fila {
        passar(&mut dona, um);
        std::mem::swap(&mut dona, um);
    }
    assert_eq!(dona.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=402");
    for um in &mut fila {
        nada_veio(um);
    }
}

/// Uma mudança só pode atender muitos: em ordem de chegada, cada um numa versão.
#[test]
fn uma_mudanca_atende_muitos_em_ordem() {
    let servidor = ServidorDeTeste::new();
    let mut dona = servidor.entrar();
    assert!(dona.pedir("RESERVAR 1-100").starts_with("OK RESERVADO "));
    let pedidos = [
        ("AGUARDAR 50 51", "50 51"),
        ("AGUARDAR 51", ""),
        ("AGUARDAR QUANTIDADE 3", "1 2 3"),
        ("AGUARDAR 1", ""),
        ("AGUARDAR 52 99", ""),
        ("AGUARDAR QUANTIDADE 4", ""),
        ("AGUARDAR QUANTIDADE 2", "10 52"),
        ("AGUARDAR 60", "60"),
    ];
    let mut fila: Vec<Terminal> = pedidos.iter().map(|_| servidor.entrar()).collect();
    for (um, (pedido, _)) in fila.iter_mut().zip(pedidos) {
        entrar_na_fila(um, pedido);
    }
    // Quem quer o 52 e o 99 chegou antes de quem leva o 52: mas não pode ser atendido inteiro, e não o prende.
    assert_eq!(dona.pedir("CANCELAR 1-3 10 50-52 60"), "OK CANCELADO 1 2 3 10 50 51 52 60 versao=2");
    let atendidos = fila.iter_mut().zip(pedidos).filter(|(_, (_, recebe))| !recebe.is_empty());
    for ((um, (_, recebe)), versao) in atendidos.zip(3..) {
        assert_eq!(um.ler_linha(), format!("OK RESERVADO {recebe} versao={versao}"));
    }
    // Os outros continuam na fila, e na ordem.
    assert_eq!(fila[0].pedir("CANCELAR 51"), "OK CANCELADO 51 versao=7");
    assert_eq!(fila[1].ler_linha(), "OK RESERVADO 51 versao=8");
    assert_eq!(fila[2].pedir("CANCELAR TUDO"), "OK CANCELADO 1 2 3 versao=9");
    assert_eq!(fila[3].ler_linha(), "OK RESERVADO 1 versao=10");
    assert_eq!(dona.pedir("CANCELAR 20 30"), "OK CANCELADO 20 30 versao=11");
    assert_eq!(fila[5].ler_linha(), "OK RESERVADO 2 3 20 30 versao=12");
    assert_eq!(fila[6].pedir("CANCELAR 52"), "OK CANCELADO 52 versao=13");
    assert_eq!(dona.pedir("CANCELAR 99"), "OK CANCELADO 99 versao=14");
    assert_eq!(fila[4].ler_linha(), "OK RESERVADO 52 99 versao=15");
    fila.iter_mut().for_each(nada_veio);
}

/// Um assento livre que quem espera ainda não pode usar é de quem o quiser.
#[test]
fn quem_espera_por_mais_nao_prende_o_que_esta_livre() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia, mut caio] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 4"), "OK RESERVADO 4 versao=1");
    entrar_na_fila(&mut bia, "AGUARDAR 3 4");
    assert_eq!(caio.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=2");
    assert_eq!(caio.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=3");
    assert_eq!(caio.pedir("AGUARDAR 3 ATE 1"), "OK RESERVADO 3 versao=4");
    assert_eq!(ana.pedir("CANCELAR 4"), "OK CANCELADO 4 versao=5");
    assert_eq!(ana.pedir("SEGURAR 4 POR 3600"), "OK SEGURADO 4 expira=3600 versao=6");
    assert_eq!(caio.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=7");
    assert_eq!(ana.pedir("CANCELAR 4"), "OK CANCELADO 4 versao=8");
    assert_eq!(bia.ler_linha(), "OK RESERVADO 3 4 versao=9");
}

/// Quem chega depois nunca passa à frente, peça como pedir: o assento vai direto de quem devolve a quem espera.
#[test]
fn ninguem_passa_a_frente() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    let xeretas = ["RESERVAR 7", "RESERVAR PARCIAL 7", "SEGURAR 7 POR 1"].map(|pedido| {
        let mut xereta = servidor.entrar();
        move || {
            let resposta = xereta.pedir(pedido);
            assert!(resposta.starts_with("ERRO OCUPADO 7 "), "{pedido}: {resposta}");
        }
    });
    ao_fundo(xeretas, || {
        for volta in 1..=200 {
            entrar_na_fila(&mut bia, "AGUARDAR 7");
            assert_eq!(ana.pedir("CANCELAR 7"), format!("OK CANCELADO 7 versao={}", 2 * volta));
            assert_eq!(bia.ler_linha(), format!("OK RESERVADO 7 versao={}", 2 * volta + 1));
            std::mem::swap(&mut ana, &mut bia);
        }
    });
}

/// Duas conexões do mesmo cliente esperam pelo mesmo assento: o que chega a uma já é da outra também.
#[test]
fn duas_conexoes_do_mesmo_cliente_a_espera() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia, mut volta] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    assert_eq!(volta.pedir(&format!("RETOMAR {} {}", bia.cliente, bia.chave)), "OK RETOMADO 2");
    entrar_na_fila(&mut bia, "AGUARDAR 3");
    entrar_na_fila(&mut volta, "AGUARDAR 3");
    assert_eq!(ana.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=2");
    assert_eq!(bia.ler_linha(), "OK RESERVADO 3 versao=3");
    assert_eq!(volta.ler_linha(), "OK RESERVADO 3 versao=3");
    assert_eq!(volta.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=4");
}

// ---- Os prazos ----

/// ATE vence na hora, nunca antes; a conexão segue, e o que fica livre depois não é de quem desistiu.
#[test]
fn espera_com_prazo_desiste_na_hora() {
    let servidor = ServidorDeTeste::new();
    let mut dona = servidor.entrar();
    assert!(dona.pedir("RESERVAR 1-100").starts_with("OK RESERVADO "));
    let mut desistentes: Vec<Terminal> = thread::scope(|escopo| {
        let todos: Vec<_> = (0..32)
            .map(|n| {
                let mut ana = servidor.entrar();
                escopo.spawn(move || {
                    let cronometro = Cronometro::comecar();
                    let pedido = if n % 2 == 0 { "AGUARDAR 7" } else { "AGUARDAR QUANTIDADE 2" };
                    ana.enviar_bytes(format!("{pedido} ATE 1\nPING\n").as_bytes());
                    let fim = ana.ler_linha();
                    let demorou = cronometro.passou();
                    assert!(fim.starts_with("ERRO TEMPO_ESGOTADO versao=1 :"), "{fim}");
                    assert!(demorou >= UM_SEGUNDO, "o prazo de 1 s acabou em {demorou:?}");
                    assert!(demorou < UM_SEGUNDO + LOGO, "{demorou:?}");
                    assert_eq!(ana.ler_linha(), "OK PONG");
                    ana
                })
            })
            .collect();
        todos.into_iter().map(|t| t.join().expect("uma das esperas falhou")).collect()
    });
    let mut bia = servidor.entrar();
    entrar_na_fila(&mut bia, "AGUARDAR 7 ATE 3600");
    assert!(dona.pedir("CANCELAR TUDO").ends_with(" versao=2"));
    assert_eq!(bia.ler_linha(), "OK RESERVADO 7 versao=3");
    desistentes.iter_mut().for_each(nada_veio);
    assert!(dona.pedir("LISTAR").ends_with(" livres=99 segurados=0 ocupados=1 seus=0 versao=3"));
}

/// O prazo de quem segura vence e o assento vai direto a quem espera, sem que ninguém peça nada; nunca antes.
#[test]
fn prazo_vencido_passa_a_quem_espera() {
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    thread::scope(|escopo| {
        for assento in 1..=30 {
            let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
            escopo.spawn(move || {
                let cronometro = Cronometro::comecar();
                assert!(ana.pedir(&format!("SEGURAR {assento} POR 1")).starts_with("OK SEGURADO "));
                let fim = bia.pedir(&format!("AGUARDAR {assento}"));
                let demorou = cronometro.passou();
                assert!(fim.starts_with(&format!("OK RESERVADO {assento} versao=")), "{fim}");
                assert!(demorou >= UM_SEGUNDO, "o prazo de 1 s acabou em {demorou:?}");
                assert!(demorou < UM_SEGUNDO + LOGO, "{demorou:?}");
                assert!(ana.pedir("CONFIRMAR").starts_with("ERRO NAO_SEGURADO versao="));
            });
        }
    });
    assert!(olho.pedir("LISTAR").contains(" livres=70 segurados=0 ocupados=30 "));
    // A ordem, num caso só: segurou, ficou livre, é de quem esperava.
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    let segurou = ana.pedir("SEGURAR 90 91 POR 1");
    let versao: u64 = arnes::terminal::valor(&segurou, "versao").parse().expect("um número");
    assert_eq!(bia.pedir("AGUARDAR 91"), format!("OK RESERVADO 91 versao={}", versao + 2));
    olho.espera_eventos(&[
        &format!("EVENTO {versao} SEGURADO 90 91 cliente={}", ana.cliente),
        &format!("EVENTO {} LIVRE 90 91", versao + 1),
        &format!("EVENTO {} RESERVADO 91 cliente={}", versao + 2, bia.cliente),
    ]);
}

/// Esperar não é ficar calado: quem espera mais que `--inatividade` não é desligado.
#[test]
fn esperar_nao_e_inatividade() {
    let config = Config { inatividade: Some(UM_SEGUNDO), ..Config::default() };
    let servidor = ServidorDeTeste::com(config);
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("SEGURAR 3 POR 2"), "OK SEGURADO 3 expira=2 versao=1");
    assert_eq!(bia.pedir("AGUARDAR 3"), "OK RESERVADO 3 versao=3");
    assert!(ana.ler_linha().starts_with("ERRO INATIVO :"), "a espera foi curta demais para provar algo");
}
