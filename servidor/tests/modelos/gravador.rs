//! Quem grava e quem espera por ele: nenhum aviso se perde, nada se diz antes do lote, e uma recusa chega a todos.
//!
//! O disco do modelo é um mapa: o lote entra nele antes de se dizer que está gravado. Recusar, ou não, é mais uma escolha do
//! explorador.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use protocolo::{Assento, Assentos, ClientId, Mudanca, Versao};
use servidor::base::lotes::{Decisao, Lotes};
use servidor::base::segredo::Segredo;
use servidor::base::sincronia::Mutex;
use servidor::monitor::{Dependencia, Monitor, Ocasiao};
use servidor::sala::Sala;
use servidor::sala::registro::{Guardado, Novidade, Registro};
use servidor::tempo::momento::Momento;
use shuttle::sync::Arc;
use shuttle::thread::{self, JoinHandle};

use crate::comum::{
    COMECO, UM_SEGUNDO_DEPOIS, as_vezes, cancelar_em, em, entrar_na_fila, esperar_entrega, explorar,
    requerente, reservar, reservar_em,
};

/// Uma sala guardada, o que se sabe dos lotes, e o disco.
#[derive(Clone)]
struct Cena {
    monitor: Arc<Monitor>,
    lotes: Arc<Lotes<()>>,
    disco: Arc<Mutex<Disco>>,
}

/// De quem é cada assento, e a versão.
#[derive(Default, PartialEq, Eq, Debug)]
struct Disco {
    donos: BTreeMap<Assento, ClientId>,
    versao: Versao,
}

impl Cena {
    fn nova() -> Self {
        let vazia = Sala::guardada(100, &Guardado::vazio(Segredo([7; 32]), Momento(0)), Momento(0));
        Self {
            monitor: Arc::new(Monitor::new(vazia)),
            lotes: Arc::default(),
            disco: Arc::new(Mutex::new(Disco::default())),
        }
    }

    /// A thread que grava; `recusa` diz se o disco recusa um lote.
    fn gravar(&self, recusa: impl Fn() -> bool + Send + 'static) -> JoinHandle<()> {
        let Self { monitor, lotes, disco } = self.clone();
        thread::spawn(move || {
            while let Some(lote) = monitor.tirar_lote() {
                let numero = lote.numero;
                if recusa() {
                    let (ate, versao) = monitor.desfazer(lote, UM_SEGUNDO_DEPOIS);
                    assert!(lotes.recusou(numero, ate, versao).is_empty(), "ninguém deixou nada");
                } else {
                    disco.lock().gravar(&lote.registros);
                    monitor.gravou(numero);
                    assert!(lotes.gravou(numero).is_empty(), "ninguém deixou nada");
                }
            }
        })
    }

    /// O cliente reserva o assento de mesmo número e espera para dizer; devolve o que disse.
    fn reservar(&self, numero: u8) -> Decisao {
        let mut depende = Dependencia::default();
        let quem = requerente(numero.into());
        let ocasiao = Ocasiao { agora: COMECO, quem, vista: None, depende: &mut depende };
        reservar_em(&self.monitor, ocasiao, &[numero]).expect("o assento está livre");
        let decisao = self.lotes.esperar(depende.desta);
        if decisao == Decisao::Gravado {
            let dono = self.disco.lock().dono(numero);
            assert_eq!(dono, Some(quem.cliente), "disse que estava gravado, e não está");
        }
        decisao
    }

    /// Cada um destes reserva o seu, numa thread sua.
    fn reservar_cada(&self, numeros: impl IntoIterator<Item = u8>) -> Vec<JoinHandle<Decisao>> {
        let cada = |numero| {
            let cena = self.clone();
            thread::spawn(move || cena.reservar(numero))
        };
        numeros.into_iter().map(cada).collect()
    }

    /// A sala de quem não tem nada por dizer é a do disco.
    fn conferir(&self) {
        let (quadro, versao) = self.monitor.quadro(em(COMECO, 9));
        let gravado = {
            let disco = self.disco.lock();
            (disco.donos.keys().copied().collect::<Assentos>(), disco.versao)
        };
        assert_eq!((quadro.ocupados, versao), gravado);
    }
}

impl Disco {
    fn dono(&self, numero: u8) -> Option<ClientId> {
        self.donos.iter().find(|(assento, _)| assento.numero() == numero).map(|(_, dono)| *dono)
    }

    fn gravar(&mut self, lote: &[Registro]) {
        for registro in lote {
            let Novidade::Assentos { evento, .. } = &registro.novidade else { continue };
            assert_eq!(evento.versao.0, self.versao.0 + 1, "no disco as versões não têm buracos");
            self.versao = evento.versao;
            for assento in evento.assentos {
                match evento.mudanca {
                    Mudanca::Livre => self.donos.remove(&assento),
                    Mudanca::Reservado(dono) | Mudanca::Segurado(dono) => self.donos.insert(assento, dono),
                };
            }
        }
    }
}

/// Quem pede ouve quando o seu lote está gravado, nem antes nem nunca; quem só olha vê o disco.
#[test]
fn nenhum_aviso_se_perde_e_nada_se_diz_antes() {
    explorar(|| {
        let cena = Cena::nova();
        let grava = cena.gravar(|| false);
        let pedem = cena.reservar_cada(1..=3);
        let (quadro, _) = cena.monitor.quadro(em(COMECO, 9));
        let donos: Assentos = cena.disco.lock().donos.keys().copied().collect();
        assert_eq!(quadro.ocupados - donos, Assentos::NENHUM, "mostrou o que não está gravado");
        pedem.into_iter().for_each(|um| assert_eq!(um.join().unwrap(), Decisao::Gravado));
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.conferir();
    });
}

/// O disco recusa quando quer: cada um ouve o que aconteceu ao seu pedido, e a sala é sempre a do disco.
#[test]
fn a_recusa_chega_a_todos() {
    let misturou = std::sync::Arc::new(AtomicBool::new(false));
    let viu = std::sync::Arc::clone(&misturou);
    explorar(move || {
        let cena = Cena::nova();
        let grava = cena.gravar(as_vezes);
        let decisoes: Vec<Decisao> =
            cena.reservar_cada(1..=3).into_iter().map(|um| um.join().unwrap()).collect();
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.conferir();
        let gravados = decisoes.iter().filter(|decisao| **decisao == Decisao::Gravado).count();
        assert_eq!(cena.disco.lock().donos.len(), gravados, "{decisoes:?}");
        viu.fetch_or(gravados == 1, Ordering::Relaxed);
    });
    assert!(misturou.load(Ordering::Relaxed), "em nenhuma ordem uns foram gravados e outros não");
}

/// O assento passa de um a outro, e o disco talvez recuse: os dois ouvem o mesmo, e ninguém dorme para sempre.
#[test]
fn a_entrega_depende_do_lote() {
    explorar(|| {
        let cena = Cena::nova();
        let grava = cena.gravar(|| false);
        assert_eq!(cena.reservar(1), Decisao::Gravado);
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.monitor.dispensar_gravador(false);
        let lugar = entrar_na_fila(&cena.monitor, 2, &[1]);
        let grava = cena.gravar(as_vezes);
        let outra = cena.clone();
        let espera = thread::spawn(move || {
            let entregue = esperar_entrega(&outra.monitor, &lugar);
            outra.lotes.esperar(entregue.lote)
        });
        let mut depende = Dependencia::default();
        let ocasiao = Ocasiao { agora: COMECO, quem: requerente(1), vista: None, depende: &mut depende };
        cancelar_em(&cena.monitor, ocasiao).unwrap();
        let devolveu = cena.lotes.esperar(depende.desta);
        assert_eq!(espera.join().unwrap(), devolveu);
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.conferir();
        let dono = requerente(if devolveu == Decisao::Gravado { 2 } else { 1 }).cliente;
        assert_eq!(cena.disco.lock().donos.values().collect::<Vec<_>>(), [&dono]);
    });
}

/// Quem grava é dispensado no meio do trabalho: o que já se pediu ainda é gravado.
#[test]
fn a_dispensa_grava_o_que_falta() {
    explorar(|| {
        let cena = Cena::nova();
        let grava = cena.gravar(|| false);
        for numero in 1..=2 {
            reservar(&cena.monitor, numero.into(), &[numero]).unwrap();
        }
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        assert_eq!(cena.disco.lock().versao, Versao(2));
        cena.conferir();
    });
}

/// Quem grava desiste de vez: quem esperava ouve isso, ou que já estava gravado; ninguém dorme para sempre.
#[test]
fn desistir_acorda_quem_espera() {
    explorar(|| {
        let cena = Cena::nova();
        let Cena { monitor, lotes, disco } = cena.clone();
        let desiste = thread::spawn(move || {
            let lote = monitor.tirar_lote().unwrap();
            disco.lock().gravar(&lote.registros);
            monitor.gravou(lote.numero);
            let _ = lotes.gravou(lote.numero);
            let _ = lotes.parar("o disco falhou".into());
        });
        let decisoes: Vec<Decisao> =
            cena.reservar_cada(1..=3).into_iter().map(|um| um.join().unwrap()).collect();
        desiste.join().unwrap();
        let gravados = decisoes.iter().filter(|decisao| **decisao == Decisao::Gravado).count();
        let parados = decisoes.iter().filter(|decisao| **decisao == Decisao::Parou).count();
        assert_eq!((gravados, gravados + parados), (cena.disco.lock().donos.len(), 3), "{decisoes:?}");
    });
}
