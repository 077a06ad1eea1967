//! A parada contra quem espera: ninguém fica dormindo numa fila que foi esvaziada.

use protocolo::{Assentos, Error, Versao};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

use crate::comum::{
    COMECO, aguardar, assentos, cancelar, entrar_na_fila, esperar, explorar, monitor, requerente, reservar,
    resposta, seus, solicitar,
};

/// Encerrar acorda quem espera pelo token.
#[test]
pub fn parada_contra_espera_pelo_token() {
    explorar(|| {
        let monitor = monitor();
        resposta(&monitor, solicitar(&monitor, 1)).unwrap();
        let entrou = Arc::new(AtomicBool::new(false));
        let (outro, aviso) = (Arc::clone(&monitor), Arc::clone(&entrou));
        let espera = thread::spawn(move || {
            let solicitado = solicitar(&outro, 2);
            aviso.store(true, Ordering::SeqCst);
            resposta(&outro, solicitado)
        });
        let ja_estava = entrou.load(Ordering::SeqCst);
        monitor.dispensar(&Error::Encerrando);
        // Quem entrou na fila depois do aviso espera pelo dono, que sai.
        monitor.partir(COMECO, requerente(1));
        match espera.join().unwrap() {
            Ok(resposta) => assert!(!ja_estava, "a parada não o dispensou: {resposta}"),
            Err(negado) => assert_eq!(negado.erro, Error::Encerrando),
        }
    });
}

/// Encerrar acorda quem espera por assentos: quem já estava na fila só ouve que acabou, e nada se lhe dá depois.
#[test]
fn parada_contra_espera_por_assentos() {
    explorar(|| {
        let monitor = monitor();
        reservar(&monitor, 1, &[7]).unwrap();
        let lugar = entrar_na_fila(&monitor, 2, &[7]);
        let outro = Arc::clone(&monitor);
        let estava = thread::spawn(move || esperar(&outro, &lugar));
        let outro = Arc::clone(&monitor);
        let chega = thread::spawn(move || resposta(&outro, aguardar(&outro, 3, &[7])));
        monitor.dispensar(&Error::Encerrando);
        // Quem entrou na fila depois do aviso espera pelo dono, que devolve.
        cancelar(&monitor, 1).unwrap();
        assert_eq!(estava.join().unwrap().unwrap_err().erro, Error::Encerrando);
        let chegou = chega.join().unwrap();
        let esperados = match &chegou {
            Ok(_) => (assentos(&[7]), Versao(3)),
            Err(negado) => {
                assert_eq!(negado.erro, Error::Encerrando);
                (Assentos::NENHUM, Versao(2))
            }
        };
        assert_eq!(seus(&monitor, 3), esperados);
    });
}
