//! O que tem teto: o semáforo de quem entra e a fila de mensagens.

use std::time::Duration;

use servidor::base::admissao::Admissao;
use servidor::tela::mensagens::Fila;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::comum::explorar;

/// Nunca entram mais do que cabem, e quem encerra acorda quando o último sai.
#[test]
fn admissao_respeita_o_limite_e_acorda_quem_encerra() {
    explorar(|| {
        let admissao = Admissao::new(2);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let admissao = admissao.clone();
                thread::spawn(move || {
                    let vaga = admissao.entrar();
                    assert!(admissao.ocupadas() <= 2);
                    drop(vaga);
                })
            })
            .collect();
        // Sem o aviso da última vaga, isto dormiria para sempre: um impasse que o explorador acusa.
        assert!(admissao.esperar_vazia(Duration::ZERO));
        threads.into_iter().for_each(|uma| uma.join().unwrap());
        assert!(admissao.esperar_vazia(Duration::ZERO));
        assert_eq!(admissao.ocupadas(), 0);
    });
}

/// Cada mensagem posta é tirada ou contada como descartada, e quem tira nunca dorme com mensagens na fila.
#[test]
fn fila_entrega_ou_conta_cada_mensagem() {
    explorar(|| {
        let fila = Arc::new(Fila::new(3));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let fila = Arc::clone(&fila);
                thread::spawn(move || (0..2).for_each(|_| fila.por(b"x")))
            })
            .collect();
        let (mut lote, mut vistas) = (Vec::new(), 0);
        while vistas < 6 {
            let perdidas = fila.tirar(&mut lote);
            assert!(lote.len() <= 3);
            vistas += lote.len() as u64 + perdidas;
        }
        assert_eq!(vistas, 6);
        threads.into_iter().for_each(|uma| uma.join().unwrap());
    });
}
