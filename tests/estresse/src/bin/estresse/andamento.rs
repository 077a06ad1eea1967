//! O que se vê enquanto a prova corre, na saída de erros: uma barra, num terminal; senão, uma linha de vez em quando.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arnes::espera::{Cronometro, compasso};
use estresse::Rumo;
use indicatif::{ProgressBar, ProgressStyle};

/// De quanto em quanto tempo a barra anda.
const PASSO: Duration = Duration::from_millis(100);
/// De quanto em quanto tempo sai uma linha, fora de um terminal.
const ENTRE_LINHAS: Duration = Duration::from_secs(5);

/// Mostra como a prova anda até que `fim`.
pub fn mostrar(duracao: Duration, rumo: &Rumo, fim: &AtomicBool) {
    let barra = io::stderr().is_terminal().then(|| nova_barra(duracao));
    let (mut relogio, mut conectando, mut dita) = (Cronometro::comecar(), true, Duration::ZERO);
    while !fim.load(Ordering::Relaxed) {
        compasso(PASSO);
        if conectando && rumo.comecou.load(Ordering::Relaxed) {
            (relogio, conectando, dita) = (Cronometro::comecar(), false, Duration::ZERO);
        }
        let passou = relogio.passou();
        let texto = dizer(conectando, passou >= duracao, rumo);
        if let Some(barra) = &barra {
            barra.set_position(if conectando { 0 } else { milissegundos(passou.min(duracao)) });
            barra.set_message(texto);
        } else if passou - dita >= ENTRE_LINHAS {
            dita = passou;
            // Sem quem leia, a prova segue.
            let _ = writeln!(io::stderr(), "{} s: {texto}", passou.as_secs());
        }
    }
    if let Some(barra) = barra {
        barra.finish_and_clear();
    }
}

fn dizer(conectando: bool, passou_da_hora: bool, rumo: &Rumo) -> String {
    let respostas = rumo.respondidos.load(Ordering::Relaxed);
    match conectando {
        true => "conectando".to_owned(),
        false if passou_da_hora || rumo.parar.load(Ordering::Relaxed) => {
            format!("{respostas} respostas; ouvindo as últimas, e relendo tudo")
        }
        false => format!("{respostas} respostas"),
    }
}

fn nova_barra(duracao: Duration) -> ProgressBar {
    let barra = ProgressBar::new(milissegundos(duracao));
    let estilo = ProgressStyle::with_template("[{bar:40}] {percent:>3} %  {msg}");
    barra.set_style(estilo.expect("o modelo está certo").progress_chars("█▌ "));
    barra
}

fn milissegundos(duracao: Duration) -> u64 {
    u64::try_from(duracao.as_millis()).unwrap_or(u64::MAX)
}
