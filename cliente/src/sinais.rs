//! Os sinais que mandam parar, entregues a uma thread comum. Não decide o que parar quer dizer.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::erro::Erro;
use crate::tela_cheia::{self, PACIENCIA};

/// A thread que ouve os sinais. Ao ser largada, acaba.
pub struct Sinais {
    fechar: Handle,
    /// Largado, diz à thread que o programa parou por si.
    parou: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sinais {
    /// Chama `avisar` a cada sinal de parar, até que ele diga `false`. Se depois disso o programa não para, devolve o terminal
    /// e sai com o código `saida`: quem desenha pode estar preso num terminal que já não existe (a crossterm lê sem fim de
    /// uma janela fechada).
    pub fn ouvir(mut avisar: impl FnMut() -> bool + Send + 'static, saida: u8) -> Result<Self, Erro> {
        let mut sinais = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Erro::Sistema)?;
        let fechar = sinais.handle();
        let (parou, para) = mpsc::channel();
        let ouvir = move || {
            for _ in sinais.forever() {
                if !avisar() {
                    break;
                }
                if para.recv_timeout(PACIENCIA) == Err(RecvTimeoutError::Timeout) {
                    tela_cheia::devolver();
                    process::exit(saida.into());
                }
            }
        };
        let thread = thread::Builder::new().name("sinais".into()).spawn(ouvir).map_err(Erro::Sistema)?;
        Ok(Self { fechar, parou: Some(parou), thread: Some(thread) })
    }
}

impl Drop for Sinais {
    fn drop(&mut self) {
        self.fechar.close();
        self.parou = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
