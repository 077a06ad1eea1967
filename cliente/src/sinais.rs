//! Os sinais que mandam parar, entregues a uma thread comum. Não decide o que parar quer dizer.

use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::erro::Erro;

/// A thread que ouve os sinais. Ao ser largada, acaba.
pub struct Sinais {
    fechar: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Sinais {
    /// Chama `avisar` a cada sinal de parar, até que ele diga `false`.
    pub fn ouvir(mut avisar: impl FnMut() -> bool + Send + 'static) -> Result<Self, Erro> {
        let mut sinais = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Erro::Sistema)?;
        let fechar = sinais.handle();
        let ouvir = move || {
            for _ in sinais.forever() {
                if !avisar() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("sinais".into()).spawn(ouvir).map_err(Erro::Sistema)?;
        Ok(Self { fechar, thread: Some(thread) })
    }
}

impl Drop for Sinais {
    fn drop(&mut self) {
        self.fechar.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
