//! Ler enquanto outros publicam: a sala que se lê foi publicada inteira, e nenhuma mudança se perde.

use std::thread;

use protocolo::limites::FILEIRA_ASSENTOS;

use super::*;
use crate::sala::FILEIRAS;

/// Quantas salas diferentes há em que todas as fileiras são iguais.
const IGUAIS: u128 = 1 << FILEIRA_ASSENTOS;

/// A sala em que cada fileira é este número.
fn todas_iguais(numero: u128) -> Sala {
    let bits = (0..FILEIRAS).fold(0, |bits, _| bits << FILEIRA_ASSENTOS | numero);
    Sala { ocupados: Assentos::de_bits(bits) }
}

#[test]
fn leitura_nunca_mistura_duas_publicacoes() {
    const MUDANCAS: u128 = 50_000;
    let cas = Cas::new(3);
    thread::scope(|escopo| {
        for quem in 0..2 {
            let cas = &cas;
            escopo.spawn(move || {
                for _ in 0..MUDANCAS {
                    cas.mudar(Quem(quem), |sala| {
                        *sala = todas_iguais((sala.ocupados.bits() + 1) % IGUAIS);
                        true
                    });
                }
            });
        }
        for _ in 0..MUDANCAS {
            let (_, lida) = cas.ler();
            assert_eq!(lida, todas_iguais(lida.ocupados.bits() % IGUAIS));
        }
    });
    assert_eq!(cas.ler().1, todas_iguais(2 * MUDANCAS % IGUAIS));
}
