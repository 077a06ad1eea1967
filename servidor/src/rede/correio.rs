//! Onde as sessões deixam o que o carteiro deve dizer por elas: o que se sabe dos lotes, quem observa, e a caixa do carteiro.
//!
//! Não conhece o socket: do destino de uma conexão só precisa da vez de escrever nele. O laço do carteiro está em
//! [`threads::carteiro`](crate::threads::carteiro).

use super::destino::Destino;
use super::observadores::Observadores;
use super::saida::Saida;
use super::vez::Vez;
use crate::base::caixa::Caixa;
use crate::base::campainha::Campainha;
use crate::base::lotes::Lotes;
use crate::base::sincronia::Arc;

/// O correio de um servidor.
#[derive(Debug)]
pub struct Correio<D = Destino> {
    /// O que se sabe de cada lote, e a quem falta responder quando ele se decidir.
    pub lotes: Lotes<Arc<D>>,
    /// Quem observa a sala.
    pub observadores: Observadores<D>,
    /// A quem o carteiro deve ir.
    pub caixa: Caixa<Arc<D>>,
}

impl<D: AsRef<Vez>> Correio<D> {
    /// Um correio vazio, cujo carteiro dorme nesta campainha.
    pub fn new(campainha: Arc<Campainha>) -> Self {
        Self { lotes: Lotes::default(), observadores: Observadores::default(), caixa: Caixa::new(campainha) }
    }

    /// A sessão vai dormir, e o carteiro fica com a vez e com a saída dela: há o que espere pelo disco, ou a conexão observa. Diz se
    /// ficou; se não, o lote acaba de se decidir, e quem responde é a sessão.
    pub fn deixar(&self, destino: &Arc<D>, saida: &mut Saida) -> bool {
        let vez = (**destino).as_ref();
        let lote = saida.depende_de();
        if vez.emprestar(std::mem::take(saida)) {
            self.caixa.por(vec![Arc::clone(destino)]);
        }
        let deixou = lote == 0 || self.lotes.deixar(lote, || Arc::clone(destino));
        if !deixou {
            self.retomar(destino, saida);
        }
        deixou
    }

    /// A sessão acordou, e a vez e a saída voltam a ser dela.
    pub fn retomar(&self, destino: &Arc<D>, saida: &mut Saida) {
        if let Some(sua) = (**destino).as_ref().tomar() {
            *saida = sua;
        }
    }
}
