//! O token: um dono por vez, e a vez nunca se perde.

use protocolo::{Error, Resposta};
use servidor::monitor::{Monitor, Solicitado};
use servidor::sala::Veredito;
use shuttle::sync::Arc;
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread;

use crate::comum::{
    COMECO, UM_SEGUNDO_DEPOIS, cliente, em, esperar, explorar, monitor, requerente, resposta, solicitar,
    usar_sozinho,
};

fn pedir_token(monitor: &Monitor, numero: u64) -> Veredito {
    resposta(monitor, solicitar(monitor, numero))
}

fn cerca_de(veredito: &Veredito) -> u64 {
    let Ok(Resposta::TokenConcedido { cerca, .. }) = veredito else { panic!("{veredito:?}") };
    cerca.0
}

/// Cada um que pede recebe, um por vez, e ninguém fica dormindo com o token livre.
#[test]
fn passa_de_mao_em_mao() {
    explorar(|| {
        let monitor = monitor();
        let em_uso = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (1..=3)
            .map(|numero| {
                let (monitor, em_uso) = (Arc::clone(&monitor), Arc::clone(&em_uso));
                thread::spawn(move || {
                    let mut cercas = Vec::new();
                    for _ in 0..2 {
                        cercas.push(cerca_de(&pedir_token(&monitor, numero)));
                        usar_sozinho(&em_uso);
                        monitor.liberar(em(COMECO, numero)).unwrap();
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
fn prazo_contra_liberar() {
    explorar(|| {
        let monitor = monitor();
        pedir_token(&monitor, 1).unwrap();
        let [espera, vence, libera] = [0, 1, 2].map(|quem| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || match quem {
                0 => cerca_de(&pedir_token(&monitor, 2)),
                1 => monitor.vencer(UM_SEGUNDO_DEPOIS).len() as u64,
                _ => u64::from(monitor.liberar(em(COMECO, 1)).is_ok()),
            })
        });
        let (cerca, vencidas, liberou) =
            (espera.join().unwrap(), vence.join().unwrap(), libera.join().unwrap());
        assert_eq!(cerca, 2, "o segundo recebe a segunda concessão");
        // Se o prazo alcançou o primeiro, ele não liberou; e o prazo pode ter alcançado o segundo, que pediu no começo.
        assert!(liberou + vencidas >= 1, "o token saiu do primeiro de algum jeito");
    });
}

/// Quem se vai no instante em que a vez chega a deixa para o seguinte: o token nunca se perde.
#[test]
fn desistencia_contra_entrega() {
    explorar(|| {
        let monitor = monitor();
        pedir_token(&monitor, 1).unwrap();
        let [desiste, recebe] = [2, 3].map(|numero| match solicitar(&monitor, numero) {
            Solicitado::Espera(lugar, _) => lugar,
            Solicitado::Respondido(veredito) => panic!("o token tem dono, e veio {veredito:?}"),
        });
        let outro = Arc::clone(&monitor);
        let libera = thread::spawn(move || outro.liberar(em(COMECO, 1)).unwrap());
        let outro = Arc::clone(&monitor);
        let espera = thread::spawn(move || cerca_de(&esperar(&outro, &recebe)));
        let negado = monitor.abandonar(COMECO, requerente(2), &desiste, None);
        assert_eq!(negado.erro, Error::TempoEsgotado);
        libera.join().unwrap();
        let cerca_dele = espera.join().unwrap();
        let Resposta::TokenEstado { dono, cerca, contador, espera } = monitor.estado_do_token(em(COMECO, 1))
        else {
            panic!("o estado do token é um estado")
        };
        assert_eq!((dono, cerca.0, contador, espera), (Some(cliente(3)), cerca_dele, 1, 0));
    });
}

/// O dono cai, o segundo da fila cai, e o terceiro recebe.
#[test]
fn quedas_nao_param_a_fila() {
    explorar(|| {
        let monitor = monitor();
        pedir_token(&monitor, 1).unwrap();
        let quedas = [1, 2].map(|numero| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || {
                let _ = solicitar(&monitor, numero);
                monitor.partir(COMECO, requerente(numero));
            })
        });
        pedir_token(&monitor, 3).unwrap();
        quedas.into_iter().for_each(|queda| queda.join().unwrap());
    });
}
