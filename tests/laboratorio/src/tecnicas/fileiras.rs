//! Uma trava por fileira, tomadas sempre em ordem crescente. Com uma ordem só para todos, um ciclo de espera não se fecha.

use std::array;

use parking_lot::{Mutex, MutexGuard};
use protocolo::Assentos;

use super::Exclusao;
use crate::sala::{FILEIRAS, Sala, fileira};
use juiz::intervalos::Quem;

/// As travas que uma operação tem na mão, no lugar da fileira de cada uma.
pub type NaMao<'a> = [Option<MutexGuard<'a, Assentos>>; FILEIRAS];

/// A sala em dez fileiras, cada uma atrás do seu mutex.
#[derive(Default, Debug)]
pub struct Fileiras([Mutex<Assentos>; FILEIRAS]);

impl Fileiras {
    /// Fecha as fileiras destes assentos, da primeira à última; as outras ficam abertas a quem as quiser.
    fn fechar(&self, assentos: Assentos) -> NaMao<'_> {
        array::from_fn(|qual| {
            let precisa = !(fileira(qual) & assentos).is_empty();
            precisa.then(|| self.0[qual].lock())
        })
    }
}

impl Exclusao for Fileiras {
    fn reservar(&self, _: Quem, assentos: Assentos) -> bool {
        let mut na_mao = self.fechar(assentos);
        mudar(&mut na_mao, |sala| sala.reservar(assentos))
        // Aqui as guardas se soltam. Em que ordem, não importa.
    }

    fn devolver(&self, _: Quem, assentos: Assentos) -> bool {
        let mut na_mao = self.fechar(assentos);
        mudar(&mut na_mao, |sala| sala.devolver(assentos))
    }

    fn listar(&self, _: Quem) -> Assentos {
        // Fechar uma de cada vez mostraria metade de um grupo: é preciso ter todas na mão.
        let na_mao = self.fechar(Assentos::TODOS);
        juntar(&na_mao).listar()
    }
}

/// A parte da sala que se tem na mão.
pub fn juntar(na_mao: &NaMao<'_>) -> Sala {
    Sala { ocupados: na_mao.iter().flatten().fold(Assentos::NENHUM, |todos, fileira| todos | **fileira) }
}

/// Muda a parte da sala que se tem na mão.
pub fn mudar(na_mao: &mut NaMao<'_>, o_que: impl FnOnce(&mut Sala) -> bool) -> bool {
    let mut sala = juntar(na_mao);
    let resposta = o_que(&mut sala);
    for (qual, guarda) in na_mao.iter_mut().enumerate() {
        if let Some(guarda) = guarda {
            **guarda = sala.ocupados & fileira(qual);
        }
    }
    resposta
}
