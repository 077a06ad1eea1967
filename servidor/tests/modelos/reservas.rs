//! Reservar e cancelar: uma sala, um mutex.

use protocolo::{Assentos, Resposta};
use shuttle::sync::Arc;
use shuttle::thread;

use crate::comum::{COMECO, cancelar, em, explorar, monitor, reservar};

/// Três clientes disputam assentos que se cruzam: nunca dois ganham o mesmo.
#[test]
fn um_assento_nao_se_vende_duas_vezes() {
    explorar(|| {
        let monitor = monitor();
        let threads: Vec<_> = (1..)
            .zip([[1, 2], [2, 3], [3, 1]])
            .map(|(numero, quais)| {
                let monitor = Arc::clone(&monitor);
                thread::spawn(move || match reservar(&monitor, numero, &quais) {
                    Ok(Resposta::Reservado { assentos, .. }) => assentos,
                    _ => Assentos::NENHUM,
                })
            })
            .collect();
        let ganhos: Vec<_> = threads.into_iter().map(|uma| uma.join().unwrap()).collect();
        let vendidos: u32 = ganhos.iter().map(|ganho| ganho.len()).sum();
        let (quadro, versao) = monitor.quadro(em(COMECO, 1));
        assert_eq!(quadro.ocupados.len(), vendidos, "vendidos {ganhos:?}, ocupados {:?}", quadro.ocupados);
        // Os três pedidos se cruzam dois a dois: um só ganha, e a sala muda uma vez.
        assert_eq!((vendidos, versao.0), (2, 1));
    });
}

/// Quem reserva e devolve nunca perde a atualização de outro: no fim a sala está vazia, e cada mudança contou.
#[test]
fn nenhuma_atualizacao_se_perde() {
    explorar(|| {
        let monitor = monitor();
        let threads: Vec<_> = (1..=3)
            .map(|numero| {
                let monitor = Arc::clone(&monitor);
                thread::spawn(move || {
                    let mut mudancas = 0;
                    for _ in 0..2 {
                        if reservar(&monitor, numero, &[7]).is_ok() {
                            cancelar(&monitor, numero).unwrap();
                            mudancas += 2;
                        }
                    }
                    mudancas
                })
            })
            .collect();
        let mudancas: u64 = threads.into_iter().map(|uma| uma.join().unwrap()).sum();
        let (quadro, versao) = monitor.quadro(em(COMECO, 1));
        assert_eq!((quadro.ocupados, versao.0), (Assentos::NENHUM, mudancas));
    });
}
