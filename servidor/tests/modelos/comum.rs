//! O que os modelos dividem: a sala pequena, os clientes numerados e o instante de cada pedido.

use std::time::Duration;

use protocolo::{Alvo, Assento, Assentos, ClientId, Escolha, Pedido, Segundos, Versao};
use servidor::monitor::{Chegada, Lugar, Monitor, Ocasiao, Solicitado};
use servidor::sala::quem::Requerente;
use servidor::sala::{Operacao, Sala, Veredito};
use servidor::tempo::instante::Instante;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

pub const UM_SEGUNDO: Segundos = Segundos::new(1).unwrap();
pub const COMECO: Instante = Instante::new(0);
pub const UM_SEGUNDO_DEPOIS: Instante = Instante::new(1000);
/// No shuttle nenhum prazo vence: o valor não importa.
pub const FATIA: Duration = Duration::ZERO;
/// Quantos escalonamentos se exploram de cada modelo.
const ESCALONAMENTOS: usize = 5_000;

pub fn explorar(modelo: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(modelo, ESCALONAMENTOS);
}

/// A seção crítica de quem tem o que se disputa: nunca há dois nela.
pub fn usar_sozinho(em_uso: &AtomicBool) {
    assert!(!em_uso.swap(true, Ordering::SeqCst), "dois donos ao mesmo tempo");
    thread::yield_now();
    em_uso.store(false, Ordering::SeqCst);
}

/// Uma sala vazia, sem cota.
pub fn monitor() -> Arc<Monitor> {
    Arc::new(Monitor::new(Sala::new(100)))
}

pub fn cliente(numero: u64) -> ClientId {
    ClientId::new(numero).expect("os clientes dos modelos começam em 1")
}

pub fn requerente(numero: u64) -> Requerente {
    Requerente { cliente: cliente(numero), conexao: cliente(numero) }
}

pub fn assentos(numeros: &[u8]) -> Assentos {
    numeros.iter().map(|n| Assento::new(*n).expect("os modelos só usam assentos da sala")).collect()
}

/// O cliente `numero` pede algo em `agora`, sem observar a sala nem se importar com o disco.
pub fn em(agora: Instante, numero: u64) -> Ocasiao<'static> {
    // Num modelo, uns poucos bytes por pedido não fazem falta.
    Ocasiao { agora, quem: requerente(numero), vista: None, depende: Box::leak(Box::default()) }
}

pub fn reservar(monitor: &Monitor, numero: u64, quais: &[u8]) -> Veredito {
    reservar_em(monitor, em(COMECO, numero), quais)
}

pub fn cancelar(monitor: &Monitor, numero: u64) -> Veredito {
    cancelar_em(monitor, em(COMECO, numero))
}

pub fn reservar_em(monitor: &Monitor, ocasiao: Ocasiao<'_>, quais: &[u8]) -> Veredito {
    let pedido = Pedido::Todos(assentos(quais));
    monitor.mudar(ocasiao, None, Operacao::Reservar(pedido))
}

pub fn confirmar_em(monitor: &Monitor, ocasiao: Ocasiao<'_>) -> Veredito {
    monitor.mudar(ocasiao, None, Operacao::Confirmar(None))
}

pub fn cancelar_em(monitor: &Monitor, ocasiao: Ocasiao<'_>) -> Veredito {
    monitor.mudar(ocasiao, None, Operacao::Cancelar(Alvo::Tudo))
}

/// `AGUARDAR`, sem prazo para desistir.
pub fn aguardar(monitor: &Monitor, numero: u64, quais: &[u8]) -> Solicitado {
    monitor.aguardar(em(COMECO, numero), Escolha::Estes(assentos(quais)), None)
}

/// `AGUARDAR` de quem se sabe que vai para a fila.
pub fn entrar_na_fila(monitor: &Monitor, numero: u64, quais: &[u8]) -> Lugar {
    match aguardar(monitor, numero, quais) {
        Solicitado::Espera(lugar, _) => lugar,
        Solicitado::Respondido(veredito) => panic!("o assento tem dono, e veio {veredito:?}"),
    }
}

/// Pede o token, sem prazo para desistir.
pub fn solicitar(monitor: &Monitor, numero: u64) -> Solicitado {
    monitor.solicitar(em(COMECO, numero), UM_SEGUNDO, None)
}

/// Espera a resposta o quanto for preciso.
pub fn resposta(monitor: &Monitor, solicitado: Solicitado) -> Veredito {
    match solicitado {
        Solicitado::Respondido(veredito) => veredito,
        Solicitado::Espera(lugar, _) => esperar(monitor, &lugar),
    }
}

/// Espera a vez o quanto for preciso.
pub fn esperar(monitor: &Monitor, lugar: &Lugar) -> Veredito {
    esperar_entrega(monitor, lugar).veredito
}

/// Como [`esperar`], com o lote de que a resposta depende.
pub fn esperar_entrega(monitor: &Monitor, lugar: &Lugar) -> Chegada {
    monitor.esperar(lugar, FATIA).expect("no shuttle nenhuma fatia acaba")
}

/// Os assentos que `numero` tem, e a versão em que os tem.
pub fn seus(monitor: &Monitor, numero: u64) -> (Assentos, Versao) {
    let (quadro, versao) = monitor.quadro(em(COMECO, numero));
    (quadro.seus, versao)
}

/// Sim ou não, à escolha do explorador.
pub fn as_vezes() -> bool {
    thread_rng().gen_bool(0.5)
}
