//! Para onde vai o que uma conexão tem por dizer: o socket dela, e a vez de escrever nele. É o que a sessão e o carteiro dividem.
//!
//! Nada aqui espera pelo cliente.

use std::net::{Shutdown, TcpStream};

use protocolo::ClientId;

use super::observadores::Avisos;
use super::saida::{Desfeitas, Escoada};
use super::tomada::enviar_sem_esperar;
use super::vez::Vez;
use crate::base::lotes::Lotes;
use crate::base::sincronia::Arc;
use crate::tela::narracao;
use crate::tempo::relogio::Relogio;

/// O socket de uma conexão, e de quem é a vez de escrever nele.
#[derive(Debug)]
pub struct Destino {
    /// O socket.
    pub tomada: Arc<TcpStream>,
    /// O número com que a conexão nasceu.
    pub numero: ClientId,
    vez: Vez,
}

impl AsRef<Vez> for Destino {
    fn as_ref(&self) -> &Vez {
        &self.vez
    }
}

impl Destino {
    /// O destino de uma conexão que começa: a vez é da sessão.
    pub fn new(tomada: Arc<TcpStream>, numero: ClientId) -> Self {
        Self { tomada, numero, vez: Vez::default() }
    }

    /// O carteiro passa: escreve o que pode sair, se a vez é dele, e corta quem não lê há tempo demais. Diz se deve voltar.
    pub fn visitar<T>(&self, lotes: &Lotes<T>, avisos: &mut Avisos<'_>, relogio: Relogio) -> bool {
        let escoada = self.vez.visitar(|saida| {
            let enviar = |bytes: &[u8]| enviar_sem_esperar(&self.tomada, bytes);
            saida.escoar(lotes, |contado| avisos.depois_de(contado), enviar, || relogio.agora())
        });
        match escoada {
            None | Some(Ok((Escoada::EmDia, None))) => false,
            Some(Ok((escoada, desfeitas))) => {
                self.narrar(desfeitas);
                if escoada == Escoada::Cortada {
                    self.cortar();
                }
                escoada == Escoada::Parada
            }
            Some(Err(_)) => {
                self.cortar();
                false
            }
        }
    }

    /// Diz na tela as respostas desta conexão que o disco recusou, se as há.
    pub fn narrar(&self, desfeitas: Option<Desfeitas>) {
        if let Some(Desfeitas { quantas, versao }) = desfeitas {
            narracao::desfeito(self.numero, quantas, versao);
        }
    }

    /// Nada mais sai: a leitura da conexão acaba, e a thread dela faz o resto.
    pub fn cortar(&self) {
        let _ = self.tomada.shutdown(Shutdown::Both);
    }
}
