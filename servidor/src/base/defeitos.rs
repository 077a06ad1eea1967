//! Defeitos clássicos de concorrência, plantados para provar que os modelos os acham.
//!
//! Cada um é uma linha de `monitor.rs`, que só existe com a feature `defeitos`: sem ela [`ha`] é sempre `false`, e o
//! compilador apaga a linha. `tests/defeitos.rs` liga um por vez e exige que o explorador o encontre. Nada aqui conhece
//! a sala.

use crate::base::sincronia::{Mutex, MutexGuard};

#[cfg(all(feature = "defeitos", not(debug_assertions)))]
compile_error!("a feature `defeitos` é só para testes: nenhum programa otimizado a leva");

/// Um defeito que se pode ligar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defeito {
    /// Liberar e entregar em duas seções críticas: quem chega entre elas passa à frente de quem esperava.
    EntregaDepois,
    /// Deixar o prazo só para a thread que o faz vencer: confirma-se o que já venceu, se ela se atrasa.
    ConfirmaVencido,
    /// Parar sem avisar: quem dormia numa fila que a parada esvaziou não acorda nunca.
    ParadaCalada,
    /// Olhar numa seção crítica e dormir noutra: o aviso que vem entre as duas se perde.
    DormeDepois,
}

/// Diz se o defeito está ligado.
#[cfg(not(feature = "defeitos"))]
#[inline]
pub const fn ha(_: Defeito) -> bool {
    false
}

/// Se há o defeito, abre a trava e a fecha de novo: o que era uma seção crítica passa a ser duas.
#[inline]
pub fn reabrir<'a, T>(defeito: Defeito, guarda: MutexGuard<'a, T>, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    if !ha(defeito) {
        return guarda;
    }
    drop(guarda);
    mutex.lock()
}

#[cfg(feature = "defeitos")]
pub use ligados::{com, ha};

#[cfg(feature = "defeitos")]
mod ligados {
    use std::cell::Cell;

    use super::Defeito;

    thread_local! {
        /// As threads de um modelo andam todas na thread do teste: cada teste liga o seu.
        static LIGADO: Cell<Option<Defeito>> = const { Cell::new(None) };
    }

    /// Diz se o defeito está ligado.
    pub fn ha(defeito: Defeito) -> bool {
        LIGADO.get() == Some(defeito)
    }

    /// Roda `teste` com o defeito ligado.
    pub fn com(defeito: Defeito, teste: impl FnOnce()) {
        LIGADO.set(Some(defeito));
        let _desliga = Desliga;
        teste();
    }

    struct Desliga;

    impl Drop for Desliga {
        fn drop(&mut self) {
            LIGADO.set(None);
        }
    }
}
