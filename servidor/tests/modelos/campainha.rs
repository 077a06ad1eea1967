//! A campainha de quem serve a todos, e a caixa que ela esvazia: nenhum toque se perde, e ninguém acorda para nada.

use servidor::base::caixa::Caixa;
use servidor::base::campainha::{Campainha, Sono, Toques};
use shuttle::sync::Arc;
use shuttle::thread;

use crate::comum::explorar;

/// Tudo o que se põe na caixa se tira, uma vez e na ordem, e quem tira acaba quando o dispensam; um toque perdido seria um impasse.
#[test]
fn o_que_se_poe_na_caixa_se_tira_todo() {
    explorar(|| {
        let caixa = Arc::new(Caixa::new(Arc::default()));
        let dela = Arc::clone(&caixa);
        let tira = thread::spawn(move || {
            let mut tiradas = Vec::new();
            loop {
                let toques = dela.campainha().ouvir(Sono::Leve, None);
                tiradas.extend(dela.tirar());
                if toques.dispensa {
                    return tiradas;
                }
            }
        });
        for numero in 0..3 {
            caixa.por(vec![2 * numero, 2 * numero + 1]);
        }
        caixa.campainha().dispensar(true);
        assert_eq!(tira.join().unwrap(), [0, 1, 2, 3, 4, 5]);
    });
}

/// Quem dorme pesado só acorda com o toque urgente; o comum, venha quando vier, fica guardado para quando dormir leve.
#[test]
fn o_toque_comum_espera_e_nao_se_perde() {
    explorar(|| {
        let campainha = Arc::new(Campainha::default());
        let (uma, outra) = (Arc::clone(&campainha), Arc::clone(&campainha));
        let comum = thread::spawn(move || uma.tocar());
        let urgente = thread::spawn(move || outra.tocar_com_urgencia());
        let ouvidos = campainha.ouvir(Sono::Pesado, None);
        assert_eq!(ouvidos, Toques { urgente: true, ..Toques::default() });
        let ouvidos = campainha.ouvir(Sono::Leve, None);
        assert_eq!(ouvidos, Toques { comum: true, ..Toques::default() });
        comum.join().unwrap();
        urgente.join().unwrap();
    });
}
