//! A difusão: o sono de quem avisa os observadores, e a vez de escrever no socket de cada um.

use protocolo::{Evento, Versao};
use servidor::base::sincronia;
use servidor::monitor::{Dependencia, Monitor, Ocasiao};
use servidor::rede::difusao::{Avisos, Situacao, Vez, escrever_eventos};
use servidor::sala::Vista;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread::{self, JoinHandle};

use crate::comum::{COMECO, cancelar, em, explorar, monitor, requerente, reservar, reservar_em};

/// Quem observa desde o começo, e o que já se lhe contou.
fn observar(monitor: &Monitor, vista: &mut Vista) {
    let depende = &mut Dependencia::default();
    monitor.observar(Ocasiao { agora: COMECO, quem: requerente(1), vista: Some(vista), depende });
}

/// Uma thread muda a sala duas vezes: o cliente toma este assento, que ninguém mais quer, e o devolve.
fn mudar_duas_vezes(monitor: &Arc<Monitor>, numero: u64, assento: u8) -> JoinHandle<()> {
    let monitor = Arc::clone(monitor);
    thread::spawn(move || {
        reservar(&monitor, numero, &[assento]).expect("o assento está livre");
        cancelar(&monitor, numero).expect("o assento é dele");
    })
}

/// Duas threads mudam a sala: no fim ela está na versão 4.
fn mudar_a_sala(monitor: &Arc<Monitor>) -> [JoinHandle<()>; 2] {
    [mudar_duas_vezes(monitor, 1, 1), mudar_duas_vezes(monitor, 2, 2)]
}

/// Dorme e acorda como a thread da difusão, até ver a versão `ate`; diz se a viu antes de ser dispensada.
fn acompanhar(monitor: &Monitor, ate: Versao) -> bool {
    let mut vista = Vista::default();
    while vista.contado < ate {
        if !monitor.dormir_ate_mudar(vista.contado, None) {
            return false;
        }
        let antes = vista.contado;
        monitor.mostrar(&mut vista);
        assert!(antes < vista.contado, "acordou sem novidade");
    }
    true
}

/// Entre quem observa antes, durante ou depois das mudanças: a última versão é sempre vista, sem que nada mais aconteça.
#[test]
fn a_ultima_versao_e_sempre_vista() {
    explorar(|| {
        let monitor = monitor();
        let outro = Arc::clone(&monitor);
        let difusor = thread::spawn(move || acompanhar(&outro, Versao(4)));
        let mudancas = mudar_a_sala(&monitor);
        let outro = Arc::clone(&monitor);
        // Um que vem e vai embora não tira do difusor o que é do outro.
        let passa = thread::spawn(move || {
            observar(&outro, &mut Vista::default());
            outro.deixar_de_observar();
        });
        observar(&monitor, &mut Vista::default());
        // Um aviso perdido seria um impasse.
        assert!(difusor.join().unwrap());
        mudancas.into_iter().chain([passa]).for_each(|uma| uma.join().unwrap());
    });
}

/// A dispensa acorda quem dorme, mude a sala ou não, e não se perde se vem antes do sono.
#[test]
fn a_dispensa_acorda_quem_avisa() {
    explorar(|| {
        let monitor = monitor();
        let outro = Arc::clone(&monitor);
        let difusor = thread::spawn(move || acompanhar(&outro, Versao(u64::MAX)));
        observar(&monitor, &mut Vista::default());
        let mudancas = mudar_a_sala(&monitor);
        monitor.dispensar_difusor(true);
        assert!(!difusor.join().unwrap());
        mudancas.into_iter().for_each(|uma| uma.join().unwrap());
    });
}

/// Sem quem observe, a sala muda e ninguém acorda.
#[test]
fn sem_quem_observe_ninguem_acorda() {
    explorar(|| {
        let monitor = monitor();
        let outro = Arc::clone(&monitor);
        let difusor = thread::spawn(move || outro.dormir_ate_mudar(Versao(0), None));
        mudar_a_sala(&monitor).into_iter().for_each(|uma| uma.join().unwrap());
        monitor.dispensar_difusor(true);
        assert!(!difusor.join().unwrap(), "acordou para não ter a quem contar");
    });
}

/// O socket de um observador: aceita pedaços de qualquer tamanho, e não admite que dois escrevam ao mesmo tempo.
#[derive(Default)]
struct Socket {
    em_uso: AtomicBool,
    escrito: sincronia::Mutex<Vec<u8>>,
}

impl Socket {
    /// Escreve o que couber; volta quantos bytes couberam.
    fn enviar(&self, bytes: &[u8]) -> usize {
        assert!(!self.em_uso.swap(true, Ordering::SeqCst), "dois escrevem ao mesmo tempo");
        let cabem = thread_rng().gen_range(0..=bytes.len());
        self.escrito.lock().extend(&bytes[..cabem]);
        self.em_uso.store(false, Ordering::SeqCst);
        cabem
    }

    fn enviar_tudo(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.enviar(bytes)..];
        }
    }
}

/// O observador, como a sessão e a difusão o dividem.
struct Observador {
    vez: sincronia::Mutex<Vez>,
    socket: Socket,
}

/// A sessão do observador responde a um pedido que muda a sala: os eventos até ele, e a resposta.
fn responder(observador: &Observador, pedido: impl FnOnce(Ocasiao<'_>)) {
    let mut saida = String::new();
    let contado = observador.vez.lock().tomar(&mut saida);
    let mut vista = Vista { contado, novidades: Vec::new() };
    pedido(Ocasiao { vista: Some(&mut vista), ..em(COMECO, 3) });
    escrever_eventos(&mut saida, &vista.novidades);
    saida.push_str(&format!("RESPOSTA {}\n", vista.contado));
    observador.socket.enviar_tudo(saida.as_bytes());
    observador.vez.lock().largar(vista.contado);
}

/// As voltas da difusão, até que o observador saiba da versão `ate`.
fn avisar_ate(monitor: &Monitor, observador: &Observador, ate: Versao) {
    let mut vista = Vista::default();
    loop {
        monitor.mostrar(&mut vista);
        let mut vez = observador.vez.lock();
        let enviar = |bytes: &[u8]| Ok(observador.socket.enviar(bytes));
        let situacao = vez.avisar(enviar, COMECO, &mut Avisos::new(monitor));
        drop(vez);
        match situacao {
            Situacao::EmDia if vista.contado >= ate => return,
            Situacao::EmDia => assert!(monitor.dormir_ate_mudar(vista.contado, None)),
            // A thread de verdade volta daí a pouco; aqui, quando for a sua vez.
            Situacao::Atrasado => thread::yield_now(),
            Situacao::Cortado => panic!("o tempo não passou"),
        }
    }
}

/// A sessão e a difusão escrevem no mesmo socket, aos pedaços: nunca ao mesmo tempo, e o observador lê cada versão uma
/// vez, em ordem, com cada resposta depois do que ela já sabia.
#[test]
fn sessao_e_difusao_contam_cada_versao_uma_vez() {
    explorar(|| {
        let monitor = monitor();
        let vez = sincronia::Mutex::new(Vez::da_sessao());
        let observador = Arc::new(Observador { vez, socket: Socket::default() });
        let mut vista = Vista::default();
        observar(&monitor, &mut vista);
        observador.vez.lock().largar(vista.contado);
        let (outro, dele) = (Arc::clone(&monitor), Arc::clone(&observador));
        let difusor = thread::spawn(move || avisar_ate(&outro, &dele, Versao(4)));
        let muda = mudar_duas_vezes(&monitor, 1, 1);
        for assento in [2, 3] {
            responder(&observador, |ocasiao| {
                reservar_em(&monitor, ocasiao, &[assento]).unwrap();
            });
        }
        muda.join().unwrap();
        difusor.join().unwrap();

        let escrito = String::from_utf8(std::mem::take(&mut *observador.socket.escrito.lock()));
        let escrito = escrito.unwrap();
        let (respostas, eventos): (Vec<&str>, Vec<&str>) =
            escrito.lines().partition(|linha| linha.starts_with("RESPOSTA"));
        let versoes: Vec<u64> = eventos.iter().map(|um| um.parse::<Evento>().unwrap().versao.0).collect();
        assert_eq!((versoes, respostas.len()), (vec![1, 2, 3, 4], 2), "{escrito}");
        // Cada resposta vem logo depois do evento da sua própria versão.
        let mut sabe = "";
        for linha in escrito.lines() {
            let versao = linha.split(' ').nth(1).unwrap();
            assert!(linha.starts_with("EVENTO") || versao == sabe, "{escrito}");
            sabe = versao;
        }
    });
}
