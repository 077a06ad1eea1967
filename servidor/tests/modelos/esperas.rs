//! `AGUARDAR`: quem espera recebe na seção crítica que libera, por ordem de chegada, e uma vez só.

use protocolo::{Assentos, Error, Resposta, Versao};
use servidor::sala::Veredito;
use shuttle::sync::atomic::AtomicBool;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use crate::comum::{
    COMECO, FATIA, aguardar, assentos, cancelar, entrar_na_fila, esperar, explorar, monitor, requerente,
    reservar, resposta, seus, usar_sozinho,
};

fn versao_de(veredito: &Veredito) -> Versao {
    let Ok(Resposta::Reservado { versao, .. }) = veredito else { panic!("{veredito:?}") };
    *versao
}

/// Cada um que sai passa o assento ao seguinte: todos recebem uma vez, na ordem em que chegaram.
#[test]
pub fn cada_um_recebe_uma_vez_e_na_ordem() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let recebidos = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (2..=4)
            .map(|numero| {
                let lugar = entrar_na_fila(&monitor, numero, &[7]);
                let (monitor, recebidos) = (Arc::clone(&monitor), Arc::clone(&recebidos));
                thread::spawn(move || {
                    let versao = versao_de(&esperar(&monitor, &lugar));
                    recebidos.lock().unwrap().push((numero, versao.0));
                    cancelar(&monitor, numero).unwrap();
                })
            })
            .collect();
        cancelar(&monitor, 1).unwrap();
        threads.into_iter().for_each(|uma| uma.join().unwrap());
        // Nenhuma versão entre a liberação e a entrega: as duas são o mesmo instante.
        assert_eq!(*recebidos.lock().unwrap(), [(2, 3), (3, 5), (4, 7)]);
        assert_eq!(seus(&monitor, 4), (Assentos::NENHUM, Versao(8)));
    });
}

/// Cheguem como chegarem, cada um que espera recebe, um por vez, e ninguém fica dormindo com o assento livre.
#[test]
fn o_assento_passa_de_mao_em_mao() {
    explorar(|| {
        let monitor = monitor();
        let em_uso = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (1..=3)
            .map(|numero| {
                let (monitor, em_uso) = (Arc::clone(&monitor), Arc::clone(&em_uso));
                thread::spawn(move || {
                    for _ in 0..2 {
                        resposta(&monitor, aguardar(&monitor, numero, &[7])).unwrap();
                        usar_sozinho(&em_uso);
                        cancelar(&monitor, numero).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|uma| uma.join().unwrap());
        assert_eq!(seus(&monitor, 1), (Assentos::NENHUM, Versao(12)));
    });
}

/// Quem chega no instante em que o assento se libera não passa à frente de quem já esperava.
#[test]
pub fn quem_chega_nao_passa_a_frente() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let lugar = entrar_na_fila(&monitor, 2, &[7]);
        let [libera, chega] = [1, 3].map(|numero| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || match numero {
                1 => cancelar(&monitor, numero),
                _ => reservar(&monitor, numero, &[7]),
            })
        });
        libera.join().unwrap().unwrap();
        let recusa = chega.join().unwrap().expect_err("quem chegou passou à frente de quem esperava");
        assert_eq!(recusa.erro, Error::Ocupado(assentos(&[7])));
        assert_eq!(versao_de(&esperar(&monitor, &lugar)), Versao(3));
    });
}

/// Quem aguarda depois também não passa à frente: fica atrás de quem já esperava.
#[test]
fn quem_aguarda_depois_recebe_depois() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let lugar = entrar_na_fila(&monitor, 2, &[7]);
        let [libera, chega] = [1, 3].map(|numero| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || match numero {
                1 => cancelar(&monitor, numero),
                _ => resposta(&monitor, aguardar(&monitor, numero, &[7])),
            })
        });
        libera.join().unwrap().unwrap();
        assert_eq!(versao_de(&esperar(&monitor, &lugar)), Versao(3));
        cancelar(&monitor, 2).unwrap();
        assert_eq!(versao_de(&chega.join().unwrap()), Versao(5));
    });
}

/// Quem se vai no instante em que a vez chega a deixa para o seguinte: o assento não se perde, nem é de dois.
#[test]
fn desistencia_contra_entrega() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let [desiste, recebe] = [2, 3].map(|numero| entrar_na_fila(&monitor, numero, &[7]));
        let outro = Arc::clone(&monitor);
        let libera = thread::spawn(move || cancelar(&outro, 1));
        let outro = Arc::clone(&monitor);
        let espera = thread::spawn(move || esperar(&outro, &recebe));
        let negado = monitor.abandonar(COMECO, requerente(2), &desiste, None);
        assert_eq!(negado.erro, Error::TempoEsgotado);
        libera.join().unwrap().unwrap();
        let veredito = espera.join().unwrap();
        // Ou a vez nunca chegou a quem desistiu, ou chegou e voltou: mais duas versões.
        let versao = versao_de(&veredito);
        assert!([Versao(3), Versao(5)].contains(&versao), "{versao:?}");
        assert_eq!(seus(&monitor, 3), (assentos(&[7]), versao));
        assert_eq!(seus(&monitor, 2), (Assentos::NENHUM, versao));
    });
}

/// Quem acordou com a vez, e só então se viu que partiu, também a deixa, e quem chega nessa hora não a toma.
#[test]
fn quem_recebeu_e_partiu_passa_adiante() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let [parte, recebe] = [2, 3].map(|numero| entrar_na_fila(&monitor, numero, &[7]));
        let outro = Arc::clone(&monitor);
        let partiu = thread::spawn(move || {
            let chegou = outro.esperar(&parte, FATIA);
            assert!(chegou.is_some());
            outro.abandonar(COMECO, requerente(2), &parte, chegou);
        });
        let outro = Arc::clone(&monitor);
        let chega = thread::spawn(move || reservar(&outro, 4, &[7]));
        cancelar(&monitor, 1).unwrap();
        assert_eq!(versao_de(&esperar(&monitor, &recebe)), Versao(5));
        partiu.join().unwrap();
        assert!(chega.join().unwrap().is_err(), "quem chegou passou à frente de quem esperava");
        assert_eq!(seus(&monitor, 3), (assentos(&[7]), Versao(5)));
    });
}

/// O primeiro da fila cai enquanto o dono cai: o outro recebe.
#[test]
fn quedas_nao_param_a_fila() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let outro = Arc::clone(&monitor);
        let queda = thread::spawn(move || {
            let _ = aguardar(&outro, 2, &[7]);
            outro.partir(COMECO, requerente(2));
            // A queda não devolve o que a vez já tinha dado; o cliente volta e devolve.
            let _ = cancelar(&outro, 2);
        });
        let outro = Arc::clone(&monitor);
        let libera = thread::spawn(move || cancelar(&outro, 1));
        resposta(&monitor, aguardar(&monitor, 3, &[7])).unwrap();
        queda.join().unwrap();
        libera.join().unwrap().unwrap();
        assert_eq!(seus(&monitor, 3).0, assentos(&[7]));
    });
}
