//! O monitor: a única trava da sala. Todo o resto do servidor chega à [`Sala`] por aqui.
//!
//! Cada método público é uma seção crítica: fecha o mutex, faz uma operação da sala e abre. Dentro dela não se
//! escreve no socket nem no disco, não se registra no log e não se espera por ninguém; textos para pessoas também
//! se compõem fora. Fonte: C. A. R. Hoare, "Monitors: an operating system structuring concept" (1974).

use protocolo::{Alvo, ClientId, Nome, Pedido, Quadro, Versao};

use crate::mensagens;
use crate::sala::{Sala, Veredito};
use crate::sincronia::Mutex;

/// A sala e o mutex que a guarda.
#[derive(Debug)]
pub struct Monitor {
    sala: Mutex<Sala>,
}

impl Monitor {
    /// Um monitor sobre esta sala.
    pub const fn new(sala: Sala) -> Self {
        Self { sala: Mutex::new(sala) }
    }

    /// Ver [`Sala::reservar`].
    pub fn reservar(&self, cliente: ClientId, pedido: Pedido) -> Veredito {
        self.na_secao_critica(|sala| sala.reservar(cliente, pedido))
    }

    /// Ver [`Sala::cancelar`].
    pub fn cancelar(&self, cliente: ClientId, alvo: Alvo) -> Veredito {
        self.na_secao_critica(|sala| sala.cancelar(cliente, alvo))
    }

    /// O retrato da sala para `cliente` e a versão de que ele é.
    pub fn quadro(&self, cliente: ClientId) -> (Quadro, Versao) {
        self.na_secao_critica(|sala| (sala.quadro(cliente), sala.versao()))
    }

    /// Ver [`Sala::nomear`].
    pub fn nomear(&self, cliente: ClientId, nome: Nome) {
        self.na_secao_critica(|sala| sala.nomear(cliente, nome));
    }

    /// O nome do cliente, se ele deu um.
    pub fn nome(&self, cliente: ClientId) -> Option<Nome> {
        self.na_secao_critica(|sala| sala.nome(cliente).cloned())
    }

    /// Ver [`Sala::despedir`].
    pub fn despedir(&self, cliente: ClientId) {
        self.na_secao_critica(|sala| sala.despedir(cliente));
    }

    /// O único lugar que fecha o mutex. A operação recebe `&mut Sala`: o compilador é a prova de que ele está fechado.
    fn na_secao_critica<T>(&self, operacao: impl FnOnce(&mut Sala) -> T) -> T {
        let mut sala = self.sala.lock();
        let guarda = SemPanico;
        let resultado = operacao(&mut sala);
        if cfg!(debug_assertions) {
            sala.conferir();
        }
        drop(sala);
        std::mem::forget(guarda);
        resultado
    }
}

/// Só chega ao `drop` se a seção crítica entrou em pânico. O mutex de parking_lot não envenena: a próxima thread
/// acharia a sala pela metade. Uma sala em que não se pode confiar é pior do que sala nenhuma.
struct SemPanico;

impl Drop for SemPanico {
    fn drop(&mut self) {
        log::error!(
            "defeito: pânico dentro da seção crítica; o servidor para para não vender um assento duas vezes"
        );
        mensagens::esvaziar();
        std::process::abort();
    }
}
