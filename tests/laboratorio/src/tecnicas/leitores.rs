//! Uma trava de leitura e escrita: quantos leitores quiserem ao mesmo tempo, ou um escritor só.

use parking_lot::RwLock;
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::Sala;
use juiz::intervalos::Quem;

/// A sala atrás de uma trava de leitura e escrita.
#[derive(Default, Debug)]
pub struct LeituraEscrita(RwLock<Sala>);

impl Exclusao for LeituraEscrita {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.write();
        sala.reservar(assentos)
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut sala = self.0.write();
        sala.devolver(assentos)
    }

    fn listar(&self, _: Quem) -> Assentos {
        // Outros podem estar a ler agora mesmo; ninguém está a escrever.
        let sala = self.0.read();
        sala.listar()
    }
}
