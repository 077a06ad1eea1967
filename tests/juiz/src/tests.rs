//! O juiz à prova: absolve o que é verdade, e de cada mentira diz a lei, o problema e as linhas.

mod cenas;
mod corrida;
mod mentiras;
mod mutacoes;
mod verdades;

use super::gerador::{Opcoes, gerar};
use super::*;
use arnes::Sorteio;

/// As espécies de histórias que se sorteiam.
fn variedades(semente: u64) -> [Opcoes; 6] {
    let base = Opcoes { semente, ..Opcoes::default() };
    [
        base,
        Opcoes { observadores: 0, quedas: 2, ..base },
        Opcoes { clientes: 8, observadores: 2, quedas: 2, leitura: 2, ..base },
        Opcoes { estranhos: 2, observadores: 0, ..base },
        Opcoes { estranhos: 2, observadores: 1, quedas: 1, cota: 4, ..base },
        Opcoes { completa: false, passo_us: 300, clientes: 6, trocas: 120, leitura: 400, ..base },
    ]
}

/// Quantas vezes se sorteia: `RESERVA_RODADAS`, ou estas.
fn rodadas(costume: usize) -> usize {
    std::env::var("RESERVA_RODADAS").ok().and_then(|rodadas| rodadas.parse().ok()).unwrap_or(costume)
}

#[test]
fn absolve_historias_verdadeiras() {
    let mut sorteio = Sorteio::novo("absolve_historias_verdadeiras");
    for _ in 0..rodadas(40) {
        for opcoes in variedades(sorteio.proximo()) {
            let veredito = julgar(&gerar(&opcoes));
            assert!(veredito.inocente(), "{opcoes:?}\n{veredito}");
        }
    }
}

/// Quanto demora julgar um milhão de pedidos; só se mede em release, e a sós:
/// `cargo test --release -p juiz -- --ignored --nocapture`.
#[test]
#[ignore = "é uma medição"]
#[expect(clippy::print_stdout, reason = "a medição se mostra")]
fn um_milhao_de_pedidos() {
    let opcoes = Opcoes {
        clientes: 100,
        trocas: 10_000,
        assentos: 100,
        observadores: 2,
        completa: false,
        passo_us: 300,
        ..Opcoes::default()
    };
    let historia = gerar(&opcoes);
    let relogio = servidor::tempo::relogio::Relogio::new();
    for _ in 0..3 {
        let antes = relogio.agora();
        let veredito = julgar(&historia);
        println!("{:?}: {:?}", relogio.agora().desde(antes), veredito.conferidos);
        assert!(veredito.inocente(), "{veredito}");
    }
}
