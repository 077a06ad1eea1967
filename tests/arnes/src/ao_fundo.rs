//! Carga de fundo: clientes que pedem sem parar enquanto um teste faz o que tem a fazer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Repete cada um dos `fundos` numa thread sua enquanto `frente` não volta; então espera que acabem.
///
/// Se um deles entra em pânico, os outros continuam, e o pânico sai daqui no fim.
pub fn ao_fundo<T>(fundos: impl IntoIterator<Item = impl FnMut() + Send>, frente: impl FnOnce() -> T) -> T {
    let fim = AtomicBool::new(false);
    thread::scope(|escopo| {
        for mut fundo in fundos {
            let fim = &fim;
            escopo.spawn(move || {
                while !fim.load(Ordering::SeqCst) {
                    fundo();
                }
            });
        }
        let _acaba = AoSoltar(&fim);
        frente()
    })
}

/// Acaba também quando `frente` entra em pânico: senão, ninguém veria por que o teste não acaba.
struct AoSoltar<'a>(&'a AtomicBool);

impl Drop for AoSoltar<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
