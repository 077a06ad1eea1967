//! Exploração de escalonamentos do que sincroniza: o monitor, o token, o semáforo e a fila de mensagens.
//!
//! Cada modelo roda milhares de vezes, e em cada uma o explorador escolhe qual thread anda a cada passo; uma espera que
//! ninguém acorda aparece como impasse (deadlock). Se um falha, ele mostra o escalonamento, que `shuttle::replay` repete.
//! No shuttle uma espera com prazo nunca vence: nada aqui depende de um prazo.
//!
//! `cargo test -p servidor --features shuttle --test modelos`

use std::time::Duration;

use protocolo::{Alvo, Assento, Assentos, ClientId, Error, Pedido, Resposta, Segundos};
use servidor::admissao::Admissao;
use servidor::mensagens::Fila;
use servidor::monitor::{Monitor, Solicitado};
use servidor::sala::Sala;
use servidor::sala::instante::Instante;
use servidor::sala::token::Requerente;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
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
                thread::spawn(move || match monitor.reservar(cliente(numero), Pedido::Todos(pedidos), None) {
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
                        if monitor.reservar(cliente(numero), Pedido::Todos(assentos(&[7])), None).is_ok() {
                            monitor.cancelar(cliente(numero), Alvo::Tudo, None).unwrap();
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

fn requerente(numero: u64) -> Requerente {
    Requerente { cliente: cliente(numero), conexao: cliente(numero) }
}

const UM_SEGUNDO: Segundos = Segundos::new(1).unwrap();
const COMECO: Instante = Instante::new(0);
const UM_SEGUNDO_DEPOIS: Instante = Instante::new(1000);
/// No shuttle nenhum prazo vence: o valor não importa.
const FATIA: Duration = Duration::ZERO;

/// Pede o token e espera por ele o quanto for preciso; volta a resposta.
fn pedir_token(monitor: &Monitor, numero: u64) -> Result<Resposta, Error> {
    match monitor.solicitar(COMECO, requerente(numero), UM_SEGUNDO, None) {
        Solicitado::Respondido(resultado) => resultado,
        Solicitado::Espera(lugar, _) => loop {
            if let Some(resultado) = monitor.esperar(&lugar, FATIA) {
                break resultado;
            }
        },
    }
}

fn cerca_de(resposta: &Resposta) -> u64 {
    let Resposta::TokenConcedido { cerca, .. } = resposta else { panic!("{resposta}") };
    cerca.0
}

/// Cada um que pede recebe, um por vez, e ninguém fica dormindo com o token livre.
#[test]
fn token_passa_de_mao_em_mao() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        let em_uso = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (1..=3)
            .map(|numero| {
                let (monitor, em_uso) = (Arc::clone(&monitor), Arc::clone(&em_uso));
                thread::spawn(move || {
                    let mut cercas = Vec::new();
                    for _ in 0..2 {
                        cercas.push(cerca_de(&pedir_token(&monitor, numero).unwrap()));
                        assert!(!em_uso.swap(true, Ordering::SeqCst), "dois donos ao mesmo tempo");
                        thread::yield_now();
                        em_uso.store(false, Ordering::SeqCst);
                        monitor.liberar(COMECO, cliente(numero)).unwrap();
                    }
                    cercas
                })
            })
            .collect();
        let mut cercas: Vec<u64> = threads.into_iter().flat_map(|uma| uma.join().unwrap()).collect();
        cercas.sort_unstable();
        assert_eq!(cercas, [1, 2, 3, 4, 5, 6]);
    });
}

/// O prazo vence no mesmo instante em que o dono libera: o próximo recebe uma vez só, seja qual for o primeiro.
#[test]
fn token_prazo_contra_liberar() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        pedir_token(&monitor, 1).unwrap();
        let [espera, vence, libera] = [0, 1, 2].map(|quem| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || match quem {
                0 => cerca_de(&pedir_token(&monitor, 2).unwrap()),
                1 => monitor.vencer(UM_SEGUNDO_DEPOIS).len() as u64,
                _ => u64::from(monitor.liberar(COMECO, cliente(1)).is_ok()),
            })
        });
        let (cerca, vencidas, liberou) =
            (espera.join().unwrap(), vence.join().unwrap(), libera.join().unwrap());
        assert_eq!(cerca, 2, "o segundo recebe a segunda concessão");
        // Se o prazo alcançou o primeiro, ele não liberou; e o prazo pode ter alcançado o segundo, que pediu no começo.
        assert!(liberou + vencidas >= 1, "o token saiu do primeiro de algum jeito");
    });
}

/// Quem desiste da espera no instante em que a vez chega fica com ela ou a deixa: o token nunca se perde.
#[test]
fn token_desistencia_contra_entrega() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        pedir_token(&monitor, 1).unwrap();
        let Solicitado::Espera(lugar, 0) = monitor.solicitar(COMECO, requerente(2), UM_SEGUNDO, None) else {
            panic!("o token tem dono")
        };
        let outro = Arc::clone(&monitor);
        let libera = thread::spawn(move || outro.liberar(COMECO, cliente(1)).unwrap());
        let desistiu = monitor.desistir(&lugar);
        libera.join().unwrap();
        let Resposta::TokenEstado { dono, espera, .. } = monitor.estado_do_token(COMECO) else { panic!() };
        match desistiu {
            Ok(_) => assert_eq!((dono, espera), (Some(cliente(2)), 0)),
            Err(erro) => assert_eq!((erro, dono, espera), (Error::TempoEsgotado, None, 0)),
        }
    });
}

/// O dono cai, o segundo da fila cai, e o terceiro recebe.
#[test]
fn token_quedas_nao_param_a_fila() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        pedir_token(&monitor, 1).unwrap();
        let quedas = [1, 2].map(|numero| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                let _ = monitor.solicitar(COMECO, requerente(numero), UM_SEGUNDO, None);
                monitor.partir(COMECO, requerente(numero));
            })
        });
        pedir_token(&monitor, 3).unwrap();
        quedas.into_iter().for_each(|queda| queda.join().unwrap());
    });
}

/// Encerrar acorda quem espera: ninguém fica dormindo numa fila que foi esvaziada.
#[test]
fn token_parada_contra_espera() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        pedir_token(&monitor, 1).unwrap();
        let outro = Arc::clone(&monitor);
        let espera = thread::spawn(move || pedir_token(&outro, 2));
        monitor.dispensar(&Error::Encerrando);
        // Quem entrou na fila depois do aviso espera pelo dono, que sai.
        monitor.partir(COMECO, requerente(1));
        assert!(matches!(
            espera.join().unwrap(),
            Ok(Resposta::TokenConcedido { .. }) | Err(Error::Encerrando)
        ));
    });
}

/// Quem cuida dos prazos acorda quando aparece um anterior ao que esperava, e quando é dispensado.
#[test]
fn vencimentos_acorda_com_prazo_novo_e_com_a_dispensa() {
    explorar(|| {
        let monitor = Arc::new(Monitor::new(Sala::new(100)));
        let outro = Arc::clone(&monitor);
        let vigia = thread::spawn(move || {
            let mut voltas = 0;
            while outro.dormir_ate_vencer(COMECO) {
                voltas += 1;
            }
            voltas
        });
        pedir_token(&monitor, 1).unwrap();
        monitor.dispensar_vigia(true);
        assert!(vigia.join().unwrap() <= 1);
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
