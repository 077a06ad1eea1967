//! A caixa por onde as respostas passam de quem grava para quem entrega.

use servidor::threads::entregador::Caixa;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::comum::explorar;

/// Tudo o que se põe se tira, uma vez e na ordem, e depois de fechada quem tira acaba; um aviso perdido seria um impasse.
#[test]
fn o_que_se_poe_na_caixa_se_tira_todo() {
    explorar(|| {
        let caixa = Arc::new(Caixa::default());
        let dela = Arc::clone(&caixa);
        let entregador = thread::spawn(move || {
            let mut tiradas = Vec::new();
            while let Some(mais) = dela.tirar() {
                assert!(!mais.is_empty(), "acordou para nada");
                tiradas.extend(mais);
            }
            tiradas
        });
        for numero in 0..3 {
            caixa.por(vec![2 * numero, 2 * numero + 1]);
        }
        caixa.fechar();
        assert_eq!(entregador.join().unwrap(), [0, 1, 2, 3, 4, 5]);
    });
}
