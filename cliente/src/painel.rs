//! `--observar`: o mapa vivo da sala num terminal; num cano, os eventos, um por linha.
//!
//! No terminal, a thread principal desenha e ouve as teclas; a `observacao` lê o socket e, quando a conexão cai, religa.
//! Entre as duas, um canal limitado: se a tela atrasa, o socket enche, e é o servidor que junta as mudanças. Num cano não
//! se religa: quem lê os eventos tem de saber que perdeu alguns, e sabe pelo código de saída.
//!
//! | módulo | o que é |
//! |---|---|
//! | `observacao` | uma conexão que observa, e a thread que a mantém |
//! | `estado` | o que se sabe da sala; puro |
//! | `desenho` | o que se mostra disso; puro |

use std::convert::Infallible;
use std::io::{self, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;

use cliente::Cliente;

use crate::Fim;
use crate::erro::Erro;
use crate::sinais::Sinais;
use crate::tela::{Saida, limpo};
use crate::tela_cheia::TelaCheia;

use estado::Estado;
use observacao::{Novidade, Observacao, Vigia};

mod desenho;
mod estado;
mod observacao;

/// Quantas novidades esperam pela tela: um quadro de uma sala muito disputada. Com mais do que isto, espera o servidor.
const NOVIDADES_MAX: usize = 1024;

/// Observa a sala até que a pessoa saia ou, num cano, até que um dos lados feche.
pub fn observar(
    servidor: &str,
    mut conectar: impl FnMut() -> Result<Cliente, Erro> + Send + 'static,
    saida: &mut Saida,
) -> Result<Fim, Erro> {
    let observacao = Observacao::new(conectar()?)?;
    match TelaCheia::abrir(saida, 0) {
        Some(tela) => no_terminal(servidor, observacao, conectar, tela),
        None => em_linhas(servidor, observacao, saida),
    }
}

fn no_terminal(
    servidor: &str,
    mut observacao: Observacao,
    mut conectar: impl FnMut() -> Result<Cliente, Erro> + Send + 'static,
    mut tela: TelaCheia,
) -> Result<Fim, Erro> {
    let mut estado = Estado::new(observacao.retratar()?);
    let (avisar, novidades) = mpsc::sync_channel(NOVIDADES_MAX);
    let (_manter, parar) = mpsc::channel::<Infallible>();
    let vigia = Vigia {
        conectar: move || {
            let mut observacao = Observacao::new(conectar()?)?;
            let retrato = observacao.retratar()?;
            Ok((observacao, retrato))
        },
        esperar: move |pausa| parar.recv_timeout(pausa) == Err(RecvTimeoutError::Timeout),
        avisar,
    };
    // Ninguém espera por ela: acaba com o processo, e não deixa nada pela metade.
    let thread = thread::Builder::new().name("observacao".into());
    thread.spawn(move || vigia.vigiar(observacao)).map_err(Erro::Sistema)?;

    let mandaram = Arc::new(AtomicBool::new(false));
    let mandar = Arc::clone(&mandaram);
    let _sinais = Sinais::ouvir(
        move || {
            mandar.store(true, Ordering::SeqCst);
            true
        },
        0,
    )?;
    let servidor = limpo(servidor);
    loop {
        tela.desenhar(|area| desenho::linhas(&servidor, &estado, area.width.into(), area.height.into()))?;
        if tela.esperar().map_err(Erro::Entrada)? || mandaram.load(Ordering::SeqCst) {
            return Ok(Fim::Bem);
        }
        receber(&novidades, &mut estado)?;
    }
}

/// Anota o que chegou desde o último quadro.
fn receber(novidades: &Receiver<Novidade>, estado: &mut Estado) -> Result<(), Erro> {
    // Sem o limite, uma sala que muda sem parar não deixaria desenhar.
    for _ in 0..NOVIDADES_MAX {
        match novidades.try_recv() {
            Ok(Novidade::Mudou(evento)) => estado.mudou(evento),
            Ok(Novidade::Desligou(motivo)) => estado.desligou(motivo),
            Ok(Novidade::Religou(retrato)) => estado.religou(retrato),
            Ok(Novidade::Acabou(erro)) => return Err(erro),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => {
                return Err(Erro::Sistema(io::Error::other("a thread que observa entrou em pânico")));
            }
        }
    }
    Ok(())
}

/// Os eventos, um por linha, até que o servidor feche. Quem os lê está olhando: cada um sai na hora.
fn em_linhas(servidor: &str, mut observacao: Observacao, saida: &mut Saida) -> Result<Fim, Erro> {
    // Na saída de erros, para não sujar os eventos; se não há onde dizer, os eventos são o que importa.
    let _ = writeln!(
        anstream::stderr(),
        "observando {} desde a versão {}; Ctrl-C encerra",
        limpo(servidor),
        observacao.desde()
    );
    // Observar não tem fim próprio: quem manda parar já viu o que queria. Acaba mesmo com o cano cheio, em que a escrita
    // não volta; o que já se escreveu foram linhas inteiras.
    let _sinais = Sinais::ouvir(|| process::exit(0), 0)?;
    loop {
        saida.evento(&observacao.proximo()?)?;
        saida.escrita.flush()?;
    }
}
