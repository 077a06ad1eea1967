//! O mesmo mutex, aberto com justiça: a trava passa direto a quem espera há mais tempo, que tem de acordar para usá-la.

use parking_lot::{Mutex, MutexGuard};
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::Sala;
use juiz::intervalos::Quem;

/// A sala atrás de um mutex que se entrega na ordem.
#[derive(Default, Debug)]
pub struct Justo(Mutex<Sala>);

impl Exclusao for Justo {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.lock();
        let reservou = sala.reservar(assentos);
        MutexGuard::unlock_fair(sala);
        reservou
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.lock();
        let estavam = sala.devolver(assentos);
        MutexGuard::unlock_fair(sala);
        estavam
    }

    fn listar(&self, _: Quem) -> Assentos {
        let sala = self.0.lock();
        let ocupados = sala.listar();
        MutexGuard::unlock_fair(sala);
        ocupados
    }
}
