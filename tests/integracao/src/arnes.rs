//! O arnês: um roteiro que não é como está escrito falha, e diz em que linha.

use arnes::espera::esperar_por;
use arnes::roteiro::{roteiro, tentar};
use arnes::{ServidorDeTeste, Sorteio};

#[test]
fn roteiro_certo_passa() {
    roteiro(
        "
        A< ...
        A< OK RESERVA/1 cliente=1 chave=...
        A> PING
        A> AJUDA PING
        A< ...K P...NG...
        A< ...
        A< OK AJUDA
        B> LISTAR
        B< LIVRES 1-100
        B< ...
        B< OK LISTADO livres=100 ...
        A> SAIR
        A< OK ATE_LOGO
        ",
    );
}

/// Cada um destes está errado de um jeito: (a linha em que falha, o que veio, o roteiro).
const ERRADOS: [(usize, &str, &str); 14] = [
    (2, "OK PONG", "A> PING\nA< OK PING"),
    (2, "OK PONG", "A> PING\nA< OK PO"),
    (2, "OK PONG", "A> PING\nA< OK PONG..x"),
    (2, "OK PONG", "A> PING\nA< ...OK ...PING"),
    (2, "OK PONG", "A> PING\nA< ...PO"),
    (2, "LIVRES 1-100", "A> LISTAR\nA< OK LISTADO..."),
    (3, "OK LISTADO livres=100", "A> LISTAR\nA< ...\nA< OCUPADO 1"),
    (2, "OK PONG", "A> PING\nB> PING\nB< OK PONG"),
    (2, "(o servidor fechou)", "A> SAIR\nA< OK ATE_LOGO\nA< OK PONG"),
    (1, "Reserva", "A< OK RESERVA/1..."),
    (2, "não é uma linha de roteiro", "A> PING\nA OK PONG"),
    (1, "não é uma linha de roteiro", "a> PING"),
    (1, "não é uma linha de roteiro", "A>PING"),
    (0, "nenhuma linha", ""),
];

#[test]
fn roteiro_errado_falha() {
    for (linha, veio, texto) in ERRADOS {
        let servidor = ServidorDeTeste::new();
        let falha = tentar(servidor.endereco(), texto).expect_err(texto);
        assert!(falha.linha >= linha && falha.veio.starts_with(veio), "{texto:?}: {falha:?}");
    }
}

#[test]
fn roteiro_sem_servidor_falha() {
    let endereco = ServidorDeTeste::new().endereco();
    let falha = tentar(endereco, "A> PING\nA< OK PONG").expect_err("não há servidor");
    assert!(falha.veio.starts_with("não conectou"), "{falha}");
}

#[test]
fn espera_desiste_no_prazo() {
    assert!(!esperar_por(std::time::Duration::from_millis(20), || false));
    let mut olhares = 0;
    assert!(esperar_por(std::time::Duration::from_secs(5), || {
        olhares += 1;
        olhares == 3
    }));
}

#[test]
fn sorteio_se_repete_com_a_semente() {
    let tres = |semente| {
        let mut sorteio = Sorteio::com(semente);
        [sorteio.ate(100), sorteio.ate(100), sorteio.ate(100)]
    };
    assert_eq!(tres(7), tres(7));
    assert_ne!(tres(7), tres(8));
    let mut sorteio = Sorteio::com(1);
    let sorteados: std::collections::BTreeSet<u64> = (0..10_000).map(|_| sorteio.ate(100)).collect();
    assert_eq!((sorteados.first(), sorteados.last(), sorteados.len()), (Some(&1), Some(&100), 100));
}
