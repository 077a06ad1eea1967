//! Prazos: o que vence contra quem confirma, e o sono de quem os faz vencer.

use std::sync::atomic::{AtomicBool, Ordering};

use protocolo::{Assentos, Error, Escolha, Segundos, Versao};
use servidor::monitor::Monitor;
use servidor::sala::{Operacao, Vencido, Veredito};
use servidor::tempo::instante::Instante;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::comum::{
    COMECO, UM_SEGUNDO, UM_SEGUNDO_DEPOIS, assentos, cancelar_em, cliente, confirmar_em, em, entrar_na_fila,
    esperar, explorar, monitor, resposta,
};

fn segurar(monitor: &Monitor, numero: u64, quais: &[u8], por: Segundos) -> Veredito {
    let escolha = Escolha::Estes(assentos(quais));
    monitor.mudar(em(COMECO, numero), None, Operacao::Segurar(escolha, por))
}

/// O cliente 1 segura o assento 7 por um segundo. Numa thread ele confirma em `quando`; noutra, o segundo acaba.
fn confirmar_contra_vencer(monitor: &Arc<Monitor>, quando: Instante) -> (Veredito, Vec<Vencido>) {
    let [confirma, vence] = [0, 1].map(|_| Arc::clone(monitor));
    let confirma = thread::spawn(move || confirmar_em(&confirma, em(quando, 1)));
    let vence = thread::spawn(move || vence.vencer(UM_SEGUNDO_DEPOIS));
    let fim = "só o explorador acaba com uma thread";
    (confirma.join().expect(fim), vence.join().expect(fim))
}

fn vencido(versao: u64) -> Vencido {
    Vencido::Assentos { cliente: cliente(1), assentos: assentos(&[7]), versao: Versao(versao) }
}

/// Confirmar um instante antes do fim: ou confirma, ou vence, nunca os dois e nunca nenhum; e a sala diz o mesmo.
#[test]
fn confirmar_a_tempo_contra_vencer() {
    explorar(|| {
        let monitor = monitor();
        segurar(&monitor, 1, &[7], UM_SEGUNDO).unwrap();
        let (confirmado, vencidos) = confirmar_contra_vencer(&monitor, Instante::new(999));
        let (quadro, versao) = monitor.quadro(em(UM_SEGUNDO_DEPOIS, 1));
        let firmes = match confirmado {
            Ok(_) => {
                assert_eq!(vencidos, []);
                assentos(&[7])
            }
            Err(negado) => {
                assert_eq!((negado.erro, vencidos), (Error::NaoSegurado(Assentos::NENHUM), vec![vencido(2)]));
                Assentos::NENHUM
            }
        };
        assert_eq!((quadro.seus, quadro.ocupados, quadro.segurados), (firmes, firmes, Assentos::NENHUM));
        assert_eq!(versao, Versao(2));
    });
}

/// O prazo vale até o instante em que acaba, exclusive: nele já não se confirma, ainda que quem o faz vencer se atrase.
#[test]
pub fn confirmar_no_fim_do_prazo_contra_vencer() {
    explorar(|| {
        let monitor = monitor();
        segurar(&monitor, 1, &[7], UM_SEGUNDO).unwrap();
        let (confirmado, vencidos) = confirmar_contra_vencer(&monitor, UM_SEGUNDO_DEPOIS);
        confirmado.expect_err("confirmou o que já tinha vencido");
        // Faça-o vencer quem for, conta-se uma vez.
        assert_eq!(vencidos, [vencido(2)]);
        let (quadro, versao) = monitor.quadro(em(UM_SEGUNDO_DEPOIS, 1));
        assert_eq!((quadro.livres(), versao), (Assentos::TODOS, Versao(2)));
    });
}

/// O que vence é de quem espera, e o que se confirma só quando se devolve; quem chega não passa à frente de ninguém.
#[test]
fn o_que_vence_passa_a_quem_espera() {
    explorar(|| {
        let monitor = monitor();
        segurar(&monitor, 1, &[7], UM_SEGUNDO).unwrap();
        let lugar = entrar_na_fila(&monitor, 2, &[7]);
        let outro = Arc::clone(&monitor);
        let chega = thread::spawn(move || segurar(&outro, 3, &[7], UM_SEGUNDO));
        let (confirmado, vencidos) = confirmar_contra_vencer(&monitor, Instante::new(999));
        assert_eq!(vencidos.len(), usize::from(confirmado.is_err()), "{confirmado:?} {vencidos:?}");
        if confirmado.is_ok() {
            cancelar_em(&monitor, em(UM_SEGUNDO_DEPOIS, 1)).unwrap();
        }
        esperar(&monitor, &lugar).unwrap();
        assert!(chega.join().unwrap().is_err(), "quem chegou passou à frente de quem esperava");
        let (quadro, versao) = monitor.quadro(em(UM_SEGUNDO_DEPOIS, 2));
        let esperada = if confirmado.is_ok() { Versao(4) } else { Versao(3) };
        assert_eq!((quadro.seus, quadro.ocupados, versao), (assentos(&[7]), assentos(&[7]), esperada));
    });
}

/// A espera acaba no instante em que o assento vence: recebe, porque o que se libera vem antes de quem desiste.
#[test]
fn desistir_no_instante_em_que_vence() {
    explorar(|| {
        let monitor = monitor();
        segurar(&monitor, 1, &[7], UM_SEGUNDO).unwrap();
        let quais = Escolha::Estes(assentos(&[7]));
        let outro = Arc::clone(&monitor);
        let espera = thread::spawn(move || {
            let pedido = outro.aguardar(em(COMECO, 2), quais, Some(UM_SEGUNDO));
            resposta(&outro, pedido)
        });
        let outro = Arc::clone(&monitor);
        let vence = thread::spawn(move || outro.vencer(UM_SEGUNDO_DEPOIS));
        espera.join().unwrap().unwrap();
        assert_eq!(vence.join().unwrap(), [vencido(2)]);
    });
}

/// Quem cuida dos prazos acorda quando aparece um anterior ao que esperava, e quando é dispensado; não acorda à toa.
#[test]
fn o_sono_acaba_com_um_prazo_anterior_e_com_a_dispensa() {
    let acordou_pelo_prazo = std::sync::Arc::new(AtomicBool::new(false));
    let viu = std::sync::Arc::clone(&acordou_pelo_prazo);
    explorar(move || {
        let monitor = monitor();
        let minuto = Segundos::new(60).unwrap();
        segurar(&monitor, 1, &[1], minuto).unwrap();
        let outro = Arc::clone(&monitor);
        let vigia = thread::spawn(move || {
            let mut voltas = 0;
            while outro.dormir_ate_vencer(COMECO) {
                voltas += 1;
            }
            voltas
        });
        // Só o segundo antecipa; o terceiro vence com ele, e não há por que acordar.
        segurar(&monitor, 2, &[2], minuto).unwrap();
        segurar(&monitor, 3, &[3], UM_SEGUNDO).unwrap();
        segurar(&monitor, 4, &[4], UM_SEGUNDO).unwrap();
        monitor.dispensar_vigia(true);
        let voltas = vigia.join().unwrap();
        assert!(voltas <= 1, "acordou {voltas} vezes por um prazo só");
        viu.fetch_or(voltas == 1, Ordering::Relaxed);
    });
    assert!(acordou_pelo_prazo.load(Ordering::Relaxed), "em nenhuma ordem o prazo novo acordou quem dormia");
}
