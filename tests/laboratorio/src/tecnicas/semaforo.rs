//! Um semáforo binário: descer para entrar, subir ao sair. Ele não sabe o que protege: esquecer de descer compila.

use parking_lot::{Condvar, Mutex};
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::{Sala, SalaAberta};
use juiz::intervalos::Quem;

/// A mesma sala aberta que, sem semáforo, se estraga.
#[derive(Default, Debug)]
pub struct Semaforo {
    /// Zero ou um; guarda-se se está ocupado, para que o começo seja "livre".
    ocupado: Mutex<bool>,
    subiu: Condvar,
    sala: SalaAberta,
}

impl Semaforo {
    /// P: espera que esteja em um e o põe em zero.
    fn descer(&self) {
        let mut ocupado = self.ocupado.lock();
        while *ocupado {
            self.subiu.wait(&mut ocupado);
        }
        *ocupado = true;
    }

    /// V: põe em um e acorda um dos que esperam.
    fn subir(&self) {
        *self.ocupado.lock() = false;
        self.subiu.notify_one();
    }

    fn sozinho<T>(&self, o_que: impl FnOnce(&mut Sala) -> T) -> T {
        self.descer();
        let resposta = self.sala.mudar(o_que);
        self.subir();
        resposta
    }
}

impl Exclusao for Semaforo {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        self.sozinho(|sala| sala.reservar(assentos))
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        self.sozinho(|sala| sala.devolver(assentos))
    }

    fn listar(&self, _: Quem) -> Assentos {
        self.sozinho(|sala| sala.listar())
    }
}
