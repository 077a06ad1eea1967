//! Um mutex, o da biblioteca padrão. Se uma thread entra em pânico com ele fechado, ele se diz envenenado.
#![expect(
    clippy::disallowed_types,
    reason = "comparar a trava da biblioteca padrão com as outras é o assunto"
)]

use std::sync::{Mutex, MutexGuard};

use protocolo::Assentos;

use super::Exclusao;
use crate::sala::Sala;
use juiz::intervalos::Quem;

/// A sala atrás do mutex da biblioteca padrão.
#[derive(Default, Debug)]
pub struct MutexPadrao(Mutex<Sala>);

impl MutexPadrao {
    fn fechar(&self) -> MutexGuard<'_, Sala> {
        self.0.lock().expect("nenhuma thread entra em pânico com a sala fechada")
    }
}

impl Exclusao for MutexPadrao {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.fechar();
        sala.reservar(assentos)
        // Aqui `sala` se solta, e o mutex abre.
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.fechar();
        sala.devolver(assentos)
    }

    fn listar(&self, _: Quem) -> Assentos {
        let sala = self.fechar();
        sala.listar()
    }
}
