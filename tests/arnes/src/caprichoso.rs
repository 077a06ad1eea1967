//! Um armazém que falha e espera quando se manda, para que um teste veja o que o servidor faz então. Por baixo é o da memória.

use std::collections::VecDeque;

use protocolo::{Assento, Fato, Versao};
use servidor::armazem::memoria::Memoria;
use servidor::armazem::{Armazem, Falha, Historico};
use servidor::base::sincronia::{Arc, Condvar, Mutex};
use servidor::sala::registro::{Guardado, Registro};
use servidor::tempo::momento::Momento;

/// O armazém. Um clone é outra alça do mesmo: uma grava, outra lê a história, outra manda falhar.
#[derive(Clone, Debug)]
pub struct Caprichoso {
    memoria: Memoria,
    dentro: Arc<Dentro>,
}

#[derive(Debug)]
struct Dentro {
    estado: Mutex<Estado>,
    /// Um lote ficou preso, ou foi solto.
    mudou: Condvar,
}

#[derive(Debug)]
struct Estado {
    guardado: Guardado,
    gravados: Gravados,
    proximas: VecDeque<Falha>,
    sempre: Option<Falha>,
    preso: bool,
    ha_quem_espere: bool,
}

/// Quanto já se gravou: um lote com muitos registros é o que o servidor quer quando há muitos clientes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gravados {
    /// Lotes.
    pub lotes: u64,
    /// Registros, ao todo.
    pub registros: u64,
}

impl Caprichoso {
    /// Um armazém que já guarda isto, sem história, e que por enquanto não falha nem espera.
    pub fn new(guardado: Guardado) -> Self {
        let memoria = Memoria::new(guardado.clone());
        let estado = Estado {
            guardado,
            gravados: Gravados::default(),
            proximas: VecDeque::new(),
            sempre: None,
            preso: false,
            ha_quem_espere: false,
        };
        Self { memoria, dentro: Arc::new(Dentro { estado: Mutex::new(estado), mudou: Condvar::new() }) }
    }

    /// O que está guardado agora: com ele se liga outro servidor.
    pub fn guardado(&self) -> Guardado {
        self.dentro.estado.lock().guardado.clone()
    }

    /// Quanto já se gravou.
    pub fn gravados(&self) -> Gravados {
        self.dentro.estado.lock().gravados
    }

    /// Os próximos `quantos` lotes falham assim.
    pub fn falhar_nos_proximos(&self, quantos: usize, falha: &Falha) {
        self.dentro.estado.lock().proximas.extend(std::iter::repeat_n(falha, quantos).cloned());
    }

    /// Todo lote falha assim, até [`Caprichoso::sarar`].
    pub fn falhar_ate_sarar(&self, falha: Falha) {
        self.dentro.estado.lock().sempre = Some(falha);
    }

    /// Já não falha.
    pub fn sarar(&self) {
        let mut estado = self.dentro.estado.lock();
        estado.proximas.clear();
        estado.sempre = None;
    }

    /// O lote que chegar espera até [`Caprichoso::soltar`].
    pub fn prender(&self) {
        self.dentro.estado.lock().preso = true;
    }

    /// Solta o lote preso.
    pub fn soltar(&self) {
        self.dentro.estado.lock().preso = false;
        self.dentro.mudou.notify_all();
    }

    /// Espera até que haja um lote preso.
    pub fn esperar_um_preso(&self) {
        let mut estado = self.dentro.estado.lock();
        while !estado.ha_quem_espere {
            self.dentro.mudou.wait(&mut estado);
        }
    }
}

impl Armazem for Caprichoso {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        let mut estado = self.dentro.estado.lock();
        while estado.preso {
            estado.ha_quem_espere = true;
            self.dentro.mudou.notify_all();
            self.dentro.mudou.wait(&mut estado);
        }
        let falha = estado.anotar(lote);
        drop(estado);
        falha.map_or_else(|| self.memoria.gravar(lote), Err)
    }
}

impl Estado {
    /// Anota o lote, se ele não deve falhar; se deve, devolve como.
    fn anotar(&mut self, lote: &[Registro]) -> Option<Falha> {
        self.ha_quem_espere = false;
        let falha = self.proximas.pop_front().or_else(|| self.sempre.clone());
        if falha.is_none() {
            lote.iter().for_each(|registro| self.guardado.aplicar(registro));
            self.gravados.lotes += 1;
            self.gravados.registros += lote.len() as u64;
        }
        falha
    }
}

impl Historico for Caprichoso {
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato<Momento>>, Falha> {
        self.memoria.de(assento, ate, max)
    }
}
