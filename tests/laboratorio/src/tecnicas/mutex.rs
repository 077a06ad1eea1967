//! Um mutex, o da crate `parking_lot`: um byte, sem veneno. Quem o abre pode tomá-lo de novo à frente de quem espera.

use parking_lot::Mutex;
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::Sala;
use juiz::intervalos::Quem;

/// A sala atrás de um mutex.
#[derive(Default, Debug)]
pub struct UmMutex(Mutex<Sala>);

impl Exclusao for UmMutex {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.lock();
        sala.reservar(assentos)
        // Aqui `sala` se solta, e o mutex abre.
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.lock();
        sala.devolver(assentos)
    }

    fn listar(&self, _: Quem) -> Assentos {
        let sala = self.0.lock();
        sala.listar()
    }
}
