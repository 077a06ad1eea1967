//! A parada em ordem: cada conexão é avisada e fechada, nada pela metade é executado, e ninguém prende o servidor.

use std::io::Write;
use std::thread;
use std::time::Duration;

use arnes::entupido::entupir_de_vez;
use arnes::espera::esperar;
use arnes::{ServidorDeTeste, Terminal};

/// Uma parada em que ninguém resiste não gasta o prazo de quem resiste.
const LOGO: Duration = Duration::from_secs(1);

#[track_caller]
fn avisado(terminal: &mut Terminal) {
    let aviso = terminal.ler_linha();
    assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
    terminal.espera_fim();
}

#[test]
fn parada_sem_ninguem() {
    assert!(ServidorDeTeste::new().parar() < LOGO);
}

#[test]
fn parada_avisa_quem_esta_quieto() {
    let servidor = ServidorDeTeste::new();
    let mut todos: Vec<Terminal> = (0..20).map(|_| servidor.entrar()).collect();
    let mut sem_ler = servidor.conectar();
    esperar("todos entrarem", || servidor.servico().admissao.ocupadas() == 21);
    let demorou = servidor.parar();
    assert!(demorou < LOGO, "{demorou:?}");
    todos.iter_mut().for_each(avisado);
    sem_ler.ler_saudacao();
    avisado(&mut sem_ler);
}

#[test]
fn depois_da_parada_a_porta_esta_fechada() {
    let servidor = ServidorDeTeste::new();
    let endereco = servidor.endereco();
    servidor.parar();
    assert!(Terminal::tentar(endereco).is_err(), "alguém ainda escuta em {endereco}");
}

/// Meia linha não é um pedido: `RESERVAR 1` podia ser o começo de `RESERVAR 12`.
#[test]
fn parada_nao_executa_meia_linha() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    // A resposta do PING mostra que a meia linha, que foi no mesmo pacote, já foi lida.
    ana.enviar_bytes(b"PING\nRESERVAR 1");
    assert_eq!(ana.ler_linha(), "OK PONG");
    bia.enviar_bytes(b"PING\nNOME jo\xc3");
    assert_eq!(bia.ler_linha(), "OK PONG");
    servidor.parada().pedir();
    avisado(&mut ana);
    avisado(&mut bia);
    let servico = servidor.servico();
    let sala = servico.monitor.retrato_da_sala(servico.relogio.agora());
    assert_eq!(sala.quadro.livres().len(), 100, "a parada executou meia linha");
}

/// Quem está no meio de um lote recebe um começo dele, em ordem, depois o aviso, e mais nada.
#[test]
fn parada_no_meio_de_um_lote() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let fala = ana.tomada().try_clone().expect("o descritor se duplica");
    thread::scope(|escopo| {
        escopo.spawn(|| {
            // Fala até que o servidor feche.
            (0..).try_for_each(|n| (&fala).write_all(format!("NOME n{n}\n").as_bytes())).ok();
        });
        for n in 0..1_000 {
            assert_eq!(ana.ler_linha(), format!("OK NOME n{n}"));
        }
        servidor.parada().pedir();
        let aviso = (1_000..)
            .map(|n| (n, ana.ler_linha()))
            .find(|(n, linha)| *linha != format!("OK NOME n{n}"))
            .expect("a busca só acaba achando");
        assert!(aviso.1.starts_with("ERRO ENCERRANDO :"), "{aviso:?}");
        assert_eq!(ana.ler_o_que_ha(), b"", "depois do aviso");
    });
    assert!(servidor.parar() < LOGO);
}

/// Quem não lê não prende o servidor: passado o prazo, é cortado, e a thread dele acaba.
#[test]
fn parada_corta_quem_nao_le() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    entupir_de_vez(&mut ana, std::process::id());
    let prazo = Duration::from_millis(servidor::limites::PARADA_PRAZO_MS);
    // `parar` também confere que nenhuma conexão ficou para trás.
    let demorou = servidor.parar();
    assert!(demorou < prazo + LOGO, "{demorou:?}");
    avisado(&mut bia);
}

/// Quem chega no meio da parada também é avisado, ou não entra.
#[test]
fn parada_enquanto_chega_gente() {
    for _ in 0..20 {
        let servidor = ServidorDeTeste::new();
        let endereco = servidor.endereco();
        thread::scope(|escopo| {
            let chegadas: Vec<_> = (0..4)
                .map(|_| {
                    escopo.spawn(move || {
                        // Chega gente até que a porta feche.
                        std::iter::from_fn(|| Terminal::tentar(endereco).ok()).take(200).for_each(
                            |mut ana| {
                                // Se a conexão já caiu, não há o que fechar.
                                let _ = ana.tomada().shutdown(std::net::Shutdown::Write);
                                let ouviu =
                                    String::from_utf8(ana.ler_o_que_ha()).expect("o servidor fala UTF-8");
                                let ultima = ouviu.lines().last().unwrap_or_default();
                                let certa = ["OK RESERVA/1 ", "ERRO ENCERRANDO :"]
                                    .iter()
                                    .any(|c| ultima.starts_with(c));
                                assert!(certa || ouviu.is_empty(), "{ouviu}");
                            },
                        );
                    })
                })
                .collect();
            esperar("chegar alguém", || servidor.servico().identidades.dadas() > 20);
            assert!(servidor.parar() < LOGO);
            chegadas.into_iter().for_each(|c| c.join().expect("quem chegou ouviu algo errado"));
        });
    }
}
