//! O semáforo da porta: N cabem, o N+1 é avisado, e cada lugar volta, saia-se como se sair. E quem fica calado.

use std::time::Duration;

use arnes::entupido::entupir;
use arnes::espera::{Cronometro, PRAZO, compasso, esperar, esperar_por};
use arnes::{ServidorDeTeste, Terminal};
use servidor::Config;

fn pequeno(max_conexoes: usize) -> ServidorDeTeste {
    ServidorDeTeste::com(Config { max_conexoes, ..Config::default() })
}

/// Conecta de novo até caber: quem saiu pode ainda estar saindo.
#[track_caller]
fn entrar_quando_couber(servidor: &ServidorDeTeste) -> Terminal {
    let mut dentro = None;
    esperar("um lugar voltar", || {
        let mut candidato = servidor.conectar();
        let primeira = candidato.ler_resposta();
        let coube = primeira.fim.starts_with("OK RESERVA/1 ");
        assert!(coube || primeira.fim.starts_with("ERRO LOTADO "), "{primeira:?}");
        dentro = coube.then_some(candidato);
        coube
    });
    dentro.expect("a espera só acaba bem com alguém dentro")
}

#[track_caller]
fn nao_cabe(servidor: &ServidorDeTeste, max: usize) {
    let mut ana = servidor.conectar();
    let recusa = ana.ler_resposta();
    assert!(
        recusa.dados.is_empty() && recusa.fim.starts_with(&format!("ERRO LOTADO max={max} :")),
        "{recusa:?}"
    );
    ana.espera_fim();
}

#[test]
fn lotado_um_alem_e_o_lugar_volta() {
    let servidor = pequeno(3);
    let mut dentro: Vec<Terminal> = (0..3).map(|_| servidor.entrar()).collect();
    for _ in 0..5 {
        nao_cabe(&servidor, 3);
    }
    for ana in &mut dentro {
        assert_eq!(ana.pedir("PING"), "OK PONG");
    }
    // Quem diz SAIR, quem fecha e quem cai: os três lugares voltam.
    let (mut um, dois, tres) = (dentro.remove(0), dentro.remove(0), dentro.remove(0));
    assert_eq!(um.pedir("SAIR"), "OK ATE_LOGO");
    um.espera_fim();
    drop(um);
    let mut novo = entrar_quando_couber(&servidor);
    assert_eq!(novo.pedir("PING"), "OK PONG");
    nao_cabe(&servidor, 3);
    drop(dois);
    let _novo = entrar_quando_couber(&servidor);
    nao_cabe(&servidor, 3);
    tres.cair();
    let _outro = entrar_quando_couber(&servidor);
    nao_cabe(&servidor, 3);
}

/// Quem não cabe e fala antes de ouvir também ouve que não coube.
#[test]
fn lotado_e_dito_a_quem_fala_primeiro() {
    let servidor = pequeno(1);
    let mut dentro = servidor.entrar();
    for _ in 0..50 {
        let mut ana = servidor.conectar();
        // O servidor pode ter fechado antes de receber: então o que vale é o que se lê.
        let _ = std::io::Write::write_all(&mut ana.tomada(), b"RESERVAR 1\nPING\n");
        assert!(ana.ler_linha().starts_with("ERRO LOTADO max=1 :"));
    }
    assert!(dentro.pedir("LISTAR").starts_with("OK LISTADO livres=100 "));
    let estado = dentro.pedir_tudo("ESTADO").dados;
    for certa in ["conexoes: 1", "conexoes_max: 1", "conexoes_recusadas: 50", "clientes_ate_agora: 1"] {
        assert!(estado.iter().any(|linha| linha == certa), "falta {certa:?}: {estado:?}");
    }
}

/// Uma casa cheia que cai inteira, várias vezes: os lugares voltam todos.
#[test]
fn quedas_devolvem_todos_os_lugares() {
    let servidor = pequeno(20);
    for _ in 0..5 {
        let dentro: Vec<Terminal> = (0..20).map(|_| servidor.entrar()).collect();
        nao_cabe(&servidor, 20);
        for (n, ana) in dentro.into_iter().enumerate() {
            ana.enviar_bytes(match n % 4 {
                0 => b"RESERVAR 1",
                1 => b"RESERVAR 1\n",
                2 => b"MAPA\nMAPA\nMAPA\n",
                _ => b"\xff\xfa",
            });
            ana.cair();
        }
        esperar("todos os lugares voltarem", || servidor.servico().admissao.ocupadas() == 0);
    }
    let _cheia: Vec<Terminal> = (0..20).map(|_| servidor.entrar()).collect();
    nao_cabe(&servidor, 20);
}

/// Quem já se despediu não prende o lugar mandando um byte de vez em quando.
#[test]
fn despedida_nao_se_arrasta() {
    let servidor = ServidorDeTeste::new();
    for adeus in ["SAIR", "GET / HTTP/1.1"] {
        let mut ana = servidor.entrar();
        ana.pedir(adeus);
        ana.espera_fim();
        let prazo = Duration::from_millis(servidor::limites::RESTO_PRAZO_MS) + Duration::from_secs(2);
        let livre = esperar_por(prazo, || {
            let _ = std::io::Write::write_all(&mut ana.tomada(), b".");
            compasso(Duration::from_millis(50));
            servidor.servico().admissao.ocupadas() == 0
        });
        assert!(livre, "{adeus}: depois de {prazo:?} a conexão ainda ocupa um lugar");
    }
}

fn impaciente() -> ServidorDeTeste {
    ServidorDeTeste::com(Config { inatividade: Some(Duration::from_secs(1)), ..Config::default() })
}

#[test]
fn calado_demais_e_avisado_e_desligado() {
    let servidor = impaciente();
    let cronometro = Cronometro::comecar();
    let caladas = ["", "PING\n", "PIN"].map(|comeco| {
        let ana = servidor.entrar();
        ana.enviar_bytes(comeco.as_bytes());
        (comeco, ana)
    });
    for (comeco, mut ana) in caladas {
        if comeco.ends_with('\n') {
            assert_eq!(ana.ler_linha(), "OK PONG");
        }
        let aviso = ana.ler_linha();
        assert!(aviso.starts_with("ERRO INATIVO :"), "{comeco:?}: {aviso}");
        ana.espera_fim();
        let passou = cronometro.passou();
        assert!(passou >= Duration::from_millis(900) && passou < PRAZO, "{comeco:?}: em {passou:?}");
    }
    esperar("os lugares voltarem", || servidor.servico().admissao.ocupadas() == 0);
}

/// Quem fala de vez em quando fica, e o que é de quem foi desligado continua dele.
#[test]
fn quem_fala_de_vez_em_quando_fica() {
    let servidor = impaciente();
    let mut calada = servidor.entrar();
    assert_eq!(calada.pedir("RESERVAR 9"), "OK RESERVADO 9 versao=1");
    let chave = calada.chave.clone();
    let mut ana = servidor.entrar();
    let desligada = esperar_por(PRAZO, || {
        compasso(Duration::from_millis(300));
        assert_eq!(ana.pedir("PING"), "OK PONG");
        servidor.servico().admissao.ocupadas() == 1
    });
    assert!(desligada, "a conexão calada não foi desligada");
    // E ainda mais do que outro prazo inteiro, sempre falando.
    for _ in 0..4 {
        compasso(Duration::from_millis(300));
        assert_eq!(ana.pedir("PING"), "OK PONG");
    }
    assert!(calada.ler_linha().starts_with("ERRO INATIVO :"));
    assert_eq!(ana.pedir(&format!("RETOMAR 1 {chave}")), "OK RETOMADO 1");
    assert_eq!(ana.pedir("CANCELAR TUDO"), "OK CANCELADO 9 versao=2");
}

/// Quem não lê é desligado depois do prazo da escrita, e o que chegou a receber é um começo certo do que lhe cabia.
#[test]
fn quem_nao_le_e_desligado_sem_repeticao() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let um_mapa = {
        let mapa = ana.pedir_tudo("MAPA");
        format!("{}\n{}\n", mapa.dados.join("\n"), mapa.fim)
    };
    entupir(&ana, std::process::id(), "MAPA");
    let prazo = Duration::from_millis(servidor::limites::ESCRITA_PRAZO_MS);
    let desligado =
        esperar_por(prazo + Duration::from_secs(4), || servidor.servico().admissao.ocupadas() == 0);
    let veio = String::from_utf8(ana.ler_o_que_ha()).expect("o servidor fala UTF-8");
    let certo = um_mapa.repeat(veio.len() / um_mapa.len() + 1);
    let igual = veio.bytes().zip(certo.bytes()).take_while(|(a, b)| a == b).count();
    assert_eq!(&veio[igual..], "", "depois de {igual} bytes certos veio outra coisa");
    assert!(desligado, "depois de {prazo:?} o servidor ainda esperava por quem não lê");
    assert_eq!(servidor.entrar().pedir("PING"), "OK PONG");
}

/// Quem pinga uma linha byte a byte é desligado no prazo da linha inteira, por mais que mande bytes.
#[test]
fn linha_que_pinga_e_desligada() {
    let linha_prazo = Duration::from_millis(600);
    let servidor = ServidorDeTeste::com(Config { linha_prazo, ..Config::default() });
    let mut ana = servidor.entrar();
    ana.pedir("PING");
    ana.enviar_bytes(b"PI");
    // Cada byte chega bem antes do prazo, e nenhum o renova.
    let mut pingos = 0;
    let fim = loop {
        ana.enviar_bytes(b"N");
        pingos += 1;
        if let Some(linha) = ana.ler_se_vier(Duration::from_millis(50)) {
            break linha;
        }
        assert!(pingos < 1000, "o prazo da linha não venceu");
    };
    assert!(fim.starts_with("ERRO INATIVO "), "{fim}");
    assert!(pingos > 1);
    ana.espera_fim();
}

/// A negociação que um telnet manda ao conectar não é uma linha lenta.
#[test]
fn negociacao_de_telnet_nao_tem_prazo_de_linha() {
    let linha_prazo = Duration::from_millis(100);
    let servidor = ServidorDeTeste::com(Config { linha_prazo, ..Config::default() });
    let mut ana = servidor.entrar();
    ana.enviar_bytes(b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0");
    assert_eq!(ana.ler_se_vier(Duration::from_millis(500)), None, "o prazo da linha valeu para a negociação");
    assert_eq!(ana.pedir("PING"), "OK PONG");
}
