//! Exploração de escalonamentos do que sincroniza: o monitor, o semáforo e a fila de mensagens.
//!
//! Cada modelo roda milhares de vezes, e em cada uma o explorador escolhe qual thread anda a cada passo; uma espera que
//! ninguém acorda aparece como impasse (deadlock). Se um falha, ele mostra o escalonamento, que `shuttle::replay` repete.
//! No shuttle uma espera com prazo nunca vence: nada aqui depende de um prazo.
//!
//! `cargo test -p servidor --features shuttle --test modelos`

use std::time::Duration;

use protocolo::{Alvo, Assento, Assentos, ClientId, Pedido, Resposta};
use servidor::admissao::Admissao;
use servidor::mensagens::Fila;
use servidor::monitor::Monitor;
use servidor::sala::Sala;
use shuttle::sync::Arc;
use shuttle::thread;

/// Quantos escalonamentos se exploram de cada modelo.
const ESCALONAMENTOS: usize = 5_000;

fn explorar(modelo: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(modelo, ESCALONAMENTOS);
}

fn cliente(numero: u64) -> ClientId {
    ClientId::new(numero).expect("os clientes dos modelos começam em 1")
}

fn assentos(numeros: &[u8]) -> Assentos {
    numeros.iter().map(|n| Assento::new(*n).expect("os modelos só usam assentos da sala")).collect()
}

/// Três clientes disputam assentos que se cruzam: nunca dois ganham o mesmo.
#[test]
fn monitor_nao_vende_um_assento_duas_vezes() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        let pedidos = [assentos(&[1, 2]), assentos(&[2, 3]), assentos(&[3, 1])];
        let threads: Vec<_> = (1..)
            .zip(pedidos)
            .map(|(numero, pedidos)| {
                let monitor = Arc::clone(&monitor);
                thread::spawn(move || match monitor.reservar(cliente(numero), Pedido::Todos(pedidos)) {
                    Ok(Resposta::Reservado { assentos, .. }) => assentos,
                    _ => Assentos::NENHUM,
                })
            })
            .collect();
        let ganhos: Vec<_> = threads.into_iter().map(|uma| uma.join().unwrap()).collect();
        let vendidos: u32 = ganhos.iter().map(|ganho| ganho.len()).sum();
        let (quadro, versao) = monitor.quadro(cliente(1));
        assert_eq!(quadro.ocupados.len(), vendidos, "vendidos {ganhos:?}, ocupados {:?}", quadro.ocupados);
        // Os três pedidos se cruzam dois a dois: um só ganha, e a sala muda uma vez.
        assert_eq!((vendidos, versao.0), (2, 1));
    });
}

/// Quem reserva e devolve nunca perde a atualização de outro: no fim a sala está vazia, e cada mudança contou.
#[test]
fn monitor_nao_perde_atualizacao() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        let threads: Vec<_> = (1..=3)
            .map(|numero| {
                let monitor = Arc::clone(&monitor);
                thread::spawn(move || {
                    let mut mudancas = 0;
                    for _ in 0..2 {
                        if monitor.reservar(cliente(numero), Pedido::Todos(assentos(&[7]))).is_ok() {
                            monitor.cancelar(cliente(numero), Alvo::Tudo).unwrap();
                            mudancas += 2;
                        }
                    }
                    mudancas
                })
            })
            .collect();
        let mudancas: u64 = threads.into_iter().map(|uma| uma.join().unwrap()).sum();
        let (quadro, versao) = monitor.quadro(cliente(1));
        assert_eq!((quadro.ocupados, versao.0), (Assentos::NENHUM, mudancas));
    });
}

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
