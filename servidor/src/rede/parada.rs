//! A parada em ordem: avisa a escuta e as conexões, e quem dorme à espera dela.
//!
//! Ninguém escreve no socket de outro: para avisar uma conexão, fecha-se só a metade de leitura, e a própria thread
//! dela acorda com fim de arquivo, vê que é a parada, diz `ERRO ENCERRANDO` e sai. Não conhece a sala.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use protocolo::ClientId;

use crate::base::sincronia::{Arc, AtomicBool, AtomicU64, Condvar, Mutex, Ordering};

/// O pedido de parada de um servidor, dividido por todas as suas threads.
#[derive(Clone, Default)]
pub struct Parada {
    comum: Arc<Comum>,
}

#[derive(Default)]
struct Comum {
    /// Só muda com `abertas` fechado: quem se inscreve ou dorme não perde o aviso. Lê-se sem trava.
    pedida: AtomicBool,
    /// A parada é para abrir de novo. Como `pedida`.
    reinicio: AtomicBool,
    /// Cresce quando se mandam embora todas as conexões: as que se inscreveram antes devem sair. Como `pedida`.
    rodada: AtomicU64,
    abertas: Mutex<Abertas>,
    pediram: Condvar,
}

#[derive(Default)]
struct Abertas {
    escuta: Option<Arc<TcpListener>>,
    conexoes: BTreeMap<ClientId, Arc<TcpStream>>,
}

impl Parada {
    /// Uma parada que ninguém pediu.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pede a parada: a escuta deixa de aceitar e cada conexão lê fim de arquivo. Pedir de novo não muda nada; pedir
    /// durante um reinício faz dele uma parada.
    pub fn pedir(&self) {
        self.avisar(false);
    }

    /// Pede uma parada para abrir de novo em seguida; quem a obedece é quem chamou `executar`. Não desfaz uma parada.
    pub fn pedir_reinicio(&self) {
        self.avisar(true);
    }

    fn avisar(&self, reinicio: bool) {
        let abertas = self.comum.abertas.lock();
        // Encerrar vale mais que reiniciar, seja qual for o primeiro.
        let reinicio = reinicio && !self.encerrando();
        self.comum.reinicio.store(reinicio, Ordering::Release);
        self.comum.pedida.store(true, Ordering::Release);
        if let Some(escuta) = &abertas.escuta {
            fechar_escuta(escuta);
        }
        abertas.conexoes.values().for_each(|tomada| fechar(tomada, Shutdown::Read));
        drop(abertas);
        self.comum.pediram.notify_all();
    }

    /// Se a parada foi pedida para reiniciar, volta a ser uma parada que ninguém pediu, e diz que sim.
    pub fn reabrir(&self) -> bool {
        let mut abertas = self.comum.abertas.lock();
        let reinicio = self.comum.reinicio.swap(false, Ordering::AcqRel);
        if reinicio {
            abertas.escuta = None;
            self.comum.pedida.store(false, Ordering::Release);
        }
        drop(abertas);
        reinicio
    }

    /// Manda embora todas as conexões de agora; a porta continua aberta. Diz quantas eram.
    pub fn dispensar_conexoes(&self) -> usize {
        let abertas = self.comum.abertas.lock();
        self.comum.rodada.fetch_add(1, Ordering::AcqRel);
        abertas.conexoes.values().for_each(|tomada| fechar(tomada, Shutdown::Read));
        abertas.conexoes.len()
    }

    /// As conexões de agora, e de onde vêm.
    pub fn conexoes(&self) -> Vec<(ClientId, Option<SocketAddr>)> {
        let abertas = self.comum.abertas.lock();
        abertas.conexoes.iter().map(|(conexao, tomada)| (*conexao, tomada.peer_addr().ok())).collect()
    }

    /// Diz se a parada foi pedida, e não é para abrir de novo.
    pub fn encerrando(&self) -> bool {
        self.pedida() && !self.comum.reinicio.load(Ordering::Acquire)
    }

    /// Diz se a parada foi pedida.
    pub fn pedida(&self) -> bool {
        self.comum.pedida.load(Ordering::Acquire)
    }

    /// Dorme até que a parada seja pedida ou o prazo vença; diz se foi pedida.
    pub fn esperar(&self, prazo: Duration) -> bool {
        let mut abertas = self.comum.abertas.lock();
        while !self.pedida() {
            if self.comum.pediram.wait_for(&mut abertas, prazo).timed_out() {
                break;
            }
        }
        drop(abertas);
        self.pedida()
    }

    /// Anota a escuta que a parada fecha.
    pub fn anotar_escuta(&self, escuta: Arc<TcpListener>) {
        let mut abertas = self.comum.abertas.lock();
        if self.pedida() {
            fechar_escuta(&escuta);
        }
        abertas.escuta = Some(escuta);
    }

    /// Anota a conexão do cliente, que a parada avisa; soltar o que se devolve a esquece.
    pub fn inscrever(&self, cliente: ClientId, tomada: Arc<TcpStream>) -> Inscricao {
        let mut abertas = self.comum.abertas.lock();
        if self.pedida() {
            fechar(&tomada, Shutdown::Read);
        }
        abertas.conexoes.insert(cliente, tomada);
        let rodada = self.comum.rodada.load(Ordering::Acquire);
        drop(abertas);
        Inscricao { parada: self.clone(), cliente, rodada }
    }

    /// Corta de vez as conexões que ainda estão abertas; diz quantas eram.
    pub fn cortar(&self) -> usize {
        let abertas = self.comum.abertas.lock();
        abertas.conexoes.values().for_each(|tomada| fechar(tomada, Shutdown::Both));
        abertas.conexoes.len()
    }
}

impl fmt::Debug for Parada {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parada").field("pedida", &self.pedida()).finish_non_exhaustive()
    }
}

/// Uma conexão anotada na parada.
#[derive(Debug)]
pub struct Inscricao {
    parada: Parada,
    cliente: ClientId,
    rodada: u64,
}

impl Inscricao {
    /// Diz se esta conexão deve sair: porque o servidor está parando, ou porque o operador mandou todas embora.
    pub fn deve_sair(&self) -> bool {
        self.parada.pedida() || self.parada.comum.rodada.load(Ordering::Acquire) != self.rodada
    }
}

impl Drop for Inscricao {
    fn drop(&mut self) {
        let tomada = self.parada.comum.abertas.lock().conexoes.remove(&self.cliente);
        // Se era a última referência, o descritor se fecha aqui, já com a trava aberta.
        drop(tomada);
    }
}

/// Uma conexão que já caiu não tem o que fechar: o erro é esperado.
fn fechar(tomada: &TcpStream, metade: Shutdown) {
    let _ = tomada.shutdown(metade);
}

/// No Linux, fechar a leitura de um socket que escuta acorda o `accept`.
fn fechar_escuta(escuta: &TcpListener) {
    let _ = rustix::net::shutdown(escuta, rustix::net::Shutdown::Both);
}
