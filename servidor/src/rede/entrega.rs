//! O que uma conexão deixou para sair quando um lote se decidir.
//!
//! Sem isto, a thread do cliente dormiria duas vezes por pedido: à espera do disco, para responder, e à espera do pedido
//! seguinte. Assim ela já espera pelo seguinte, e quem grava escreve a resposta, sem bloquear. Enquanto não sai o que se
//! deixou, a conexão não escreve mais nada: a ordem das respostas é a dos pedidos. Não decide o que se responde.

use std::net::{Shutdown, TcpStream};

use protocolo::ClientId;

use crate::base::gravacao::Gravacao;
use crate::base::sincronia::{Arc, Condvar, Mutex, criar_thread};
use crate::limites::PILHA_BYTES;
use crate::rede::saida::Saida;
use crate::rede::tomada::{enviar_sem_esperar, insistir};
use crate::tempo::relogio::Relogio;

/// Onde uma conexão deixa o que tem por escrever.
#[derive(Debug)]
pub struct Entrega {
    tomada: Arc<TcpStream>,
    /// O número com que a conexão nasceu.
    numero: ClientId,
    relogio: Relogio,
    carta: Mutex<Carta>,
    /// Onde a conexão espera que saia o que deixou.
    saiu: Condvar,
}

#[derive(Debug, Default)]
struct Carta {
    saida: Saida,
    /// Ainda não saiu.
    pendente: bool,
}

impl Entrega {
    /// Nada por entregar neste socket.
    pub fn new(tomada: Arc<TcpStream>, numero: ClientId, relogio: Relogio) -> Self {
        Self { tomada, numero, relogio, carta: Mutex::default(), saiu: Condvar::new() }
    }

    /// Leva a saída, que fica vazia.
    pub fn levar(&self, saida: &mut Saida) {
        let mut carta = self.carta.lock();
        std::mem::swap(&mut carta.saida, saida);
        carta.pendente = true;
    }

    /// Diz se o que se deixou ainda não saiu.
    pub fn pendente(&self) -> bool {
        self.carta.lock().pendente
    }

    /// Espera que saia o que se deixou.
    pub fn esperar(&self) {
        let mut carta = self.carta.lock();
        while carta.pendente {
            self.saiu.wait(&mut carta);
        }
    }

    /// O lote está decidido: escreve o que se deixou. Se não couber tudo no socket, outra thread espera pelo cliente: quem
    /// grava não espera por ninguém.
    pub fn sair(self: &Arc<Self>, gravacao: &Gravacao) {
        // Enquanto está pendente, a conexão não mexe na carta: a trava não precisa ficar fechada.
        let mut saida = std::mem::take(&mut self.carta.lock().saida);
        let escritos = saida
            .decidir(gravacao, self.numero)
            .and_then(|_| enviar_sem_esperar(&self.tomada, saida.texto.as_bytes()));
        match escritos {
            Ok(escritos) if escritos == saida.texto.len() => {
                saida.esvaziar();
                self.carta.lock().saida = saida;
                self.acabar();
            }
            Ok(escritos) => self.resgatar(saida.texto.split_off(escritos)),
            Err(_) => self.cortar(),
        }
    }

    #[cold]
    fn resgatar(self: &Arc<Self>, falta: String) {
        let eu = Arc::clone(self);
        let nome = format!("entrega-{}", self.numero);
        let thread = criar_thread(nome, PILHA_BYTES, move || {
            match insistir(&eu.tomada, falta.as_bytes(), eu.relogio) {
                Ok(()) => eu.acabar(),
                Err(_) => eu.cortar(),
            }
        });
        if thread.is_err() {
            self.cortar();
        }
    }

    /// Nada mais sai: a leitura da conexão acaba, e a thread dela faz o resto.
    pub fn cortar(&self) {
        let _ = self.tomada.shutdown(Shutdown::Both);
        self.acabar();
    }

    fn acabar(&self) {
        self.carta.lock().pendente = false;
        self.saiu.notify_one();
    }
}
