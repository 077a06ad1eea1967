//! Quantas conexões cabem: um semáforo contador.
//!
//! O lugar ([`Vaga`]) volta sozinho quando é solto, seja qual for a saída da conexão: despedida, queda, pânico.
//! O mutex deste semáforo nunca é pego junto com o da sala.

use std::time::Duration;

use crate::base::sincronia::{Arc, Condvar, Mutex};

/// Um semáforo contador que não faz esperar: quem não cabe é avisado.
///
/// Fonte: E. W. Dijkstra, "Cooperating sequential processes" (1965), com P que não bloqueia (*try*).
#[derive(Clone, Debug)]
pub struct Admissao {
    dentro: Arc<Dentro>,
}

#[derive(Debug)]
struct Dentro {
    max: usize,
    ocupadas: Mutex<usize>,
    /// Onde dorme quem encerra, até que todos saiam.
    vazia: Condvar,
}

impl Admissao {
    /// Um semáforo de `max` lugares.
    pub fn new(max: usize) -> Self {
        Self { dentro: Arc::new(Dentro { max, ocupadas: Mutex::new(0), vazia: Condvar::new() }) }
    }

    /// Quantos lugares há ao todo.
    pub fn max(&self) -> usize {
        self.dentro.max
    }

    /// Quantos lugares estão ocupados agora.
    pub fn ocupadas(&self) -> usize {
        *self.dentro.ocupadas.lock()
    }

    /// Um lugar, se houver.
    pub fn entrar(&self) -> Option<Vaga> {
        let mut ocupadas = self.dentro.ocupadas.lock();
        if *ocupadas == self.dentro.max {
            return None;
        }
        *ocupadas += 1;
        drop(ocupadas);
        Some(Vaga { dentro: Arc::clone(&self.dentro) })
    }

    /// Espera até que todos tenham saído, ou até que o prazo vença; diz se saíram.
    pub fn esperar_vazia(&self, prazo: Duration) -> bool {
        let mut ocupadas = self.dentro.ocupadas.lock();
        while *ocupadas > 0 {
            if self.dentro.vazia.wait_for(&mut ocupadas, prazo).timed_out() {
                return false;
            }
        }
        true
    }
}

/// Um lugar ocupado; soltá-lo o devolve.
#[derive(Debug)]
pub struct Vaga {
    dentro: Arc<Dentro>,
}

impl Drop for Vaga {
    fn drop(&mut self) {
        let mut ocupadas = self.dentro.ocupadas.lock();
        *ocupadas -= 1;
        let ultima = *ocupadas == 0;
        drop(ocupadas);
        if ultima {
            self.dentro.vazia.notify_all();
        }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn no_limite_e_um_alem_e_o_lugar_volta() {
        let admissao = Admissao::new(2);
        let (um, _dois) = (admissao.entrar().unwrap(), admissao.entrar().unwrap());
        assert!(admissao.entrar().is_none());
        drop(um);
        assert_eq!(admissao.ocupadas(), 1);
        assert!(admissao.entrar().is_some());
        assert!(!admissao.esperar_vazia(Duration::ZERO));
    }
}
