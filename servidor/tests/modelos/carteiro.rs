//! O carteiro e as sessões: a vez de escrever no socket, as respostas que esperam pelo disco, e os eventos de quem observa.
//!
//! O socket do modelo aceita pedaços de qualquer tamanho e não admite que dois escrevam ao mesmo tempo. O disco recusa quando o
//! explorador quer.

use std::io;
use std::sync::atomic::Ordering;

use protocolo::{ClientId, Error, Evento, Recusa, Resposta, Versao};
use servidor::base::campainha::{Campainha, Sono};
use servidor::base::lotes::Lotes;
use servidor::base::sincronia::{AtomicBool, Mutex};
use servidor::monitor::{Monitor, Ocasiao};
use servidor::rede::correio::Correio;
use servidor::rede::observadores::Avisos;
use servidor::rede::saida::{Caderno, Escoada, Saida};
use servidor::rede::vez::Vez;
use servidor::sala::Sala;
use servidor::sala::registro::Guardado;
use servidor::tempo::momento::Momento;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::thread::{self, JoinHandle};

use crate::comum::{COMECO, as_vezes, cancelar, em, explorar, monitor, requerente, reservar, reservar_em};

/// O socket de uma conexão, e a vez de escrever nele.
#[derive(Default)]
struct Destino {
    vez: Vez,
    em_uso: AtomicBool,
    escrito: Mutex<Vec<u8>>,
}

impl AsRef<Vez> for Destino {
    fn as_ref(&self) -> &Vez {
        &self.vez
    }
}

impl Destino {
    /// Escreve o que couber; devolve quantos bytes couberam.
    fn enviar(&self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.em_uso.swap(true, Ordering::SeqCst), "dois escrevem ao mesmo tempo");
        let cabem = thread_rng().gen_range(0..=bytes.len());
        self.escrito.lock().extend(&bytes[..cabem]);
        self.em_uso.store(false, Ordering::SeqCst);
        Ok(cabem)
    }

    fn linhas(&self) -> Vec<String> {
        let escrito = String::from_utf8(self.escrito.lock().clone()).expect("o que se escreve é texto");
        escrito.lines().map(str::to_owned).collect()
    }
}

/// Uma sala, o seu correio, e uma conexão.
#[derive(Clone)]
struct Cena {
    monitor: Arc<Monitor>,
    correio: Arc<Correio<Destino>>,
    destino: Arc<Destino>,
}

impl Cena {
    fn com(monitor: Arc<Monitor>) -> Self {
        let correio = Arc::new(Correio::new(Arc::clone(monitor.campainha())));
        Self { monitor, correio, destino: Arc::default() }
    }

    /// Só na memória.
    fn na_memoria() -> Self {
        Self::com(monitor())
    }

    /// Num disco.
    fn guardada() -> Self {
        let guardado = Guardado::vazio(servidor::base::segredo::Segredo([0; 32]), Momento(0));
        Self::com(Arc::new(Monitor::new(Sala::guardada(100, &guardado, Momento(0)))))
    }

    /// O laço do carteiro, sem os descansos: até que o dispensem.
    fn carteiro(&self) -> JoinHandle<()> {
        let Self { monitor, correio, .. } = self.clone();
        thread::spawn(move || {
            let mut volta = Vec::new();
            loop {
                let toques = correio.caixa.campainha().ouvir(Sono::Leve, None);
                volta.extend(correio.caixa.tirar());
                if toques.comum {
                    volta.extend(correio.observadores.todos());
                }
                while let Some(destino) = volta.pop() {
                    if visitar(&destino, &correio.lotes, &monitor) == Some(Escoada::Parada) {
                        // O de verdade volta daí a pouco; este, quando for a sua vez.
                        volta.insert(0, destino);
                        thread::yield_now();
                    }
                }
                if toques.dispensa {
                    return;
                }
            }
        })
    }

    /// A thread que grava: o disco aceita, ou não, cada lote.
    fn gravador(&self, recusa: impl Fn() -> bool + Send + 'static) -> JoinHandle<()> {
        let Self { monitor, correio, .. } = self.clone();
        thread::spawn(move || {
            while let Some(lote) = monitor.tirar_lote() {
                let numero = lote.numero;
                if recusa() {
                    let (ate, versao) = monitor.desfazer(lote, COMECO);
                    correio.caixa.por(correio.lotes.recusou(numero, ate, versao));
                } else {
                    monitor.gravou(numero);
                    correio.caixa.por(correio.lotes.gravou(numero));
                }
            }
        })
    }

    /// O que a sessão faz antes de dormir: escreve o que já pode sair, e deixa o resto com o carteiro. Diz se deixou.
    fn deixar(&self, saida: &mut Saida) -> bool {
        loop {
            let enviar = |bytes: &[u8]| self.destino.enviar(bytes);
            while saida.escoar(&self.correio.lotes, |_| None, enviar, || COMECO).expect("o disco não para").0
                != Escoada::EmDia
            {}
            if saida.depende_de() == 0 && !saida.observa() {
                return false;
            }
            if self.correio.deixar(&self.destino, saida) {
                return true;
            }
        }
    }

    /// O que a sessão faz ao acordar.
    fn retomar(&self, saida: &mut Saida) {
        self.correio.retomar(&self.destino, saida);
        saida.decidir(&self.correio.lotes).expect("o disco não para");
    }

    /// O cliente `numero` reserva este assento por esta conexão; a resposta vai para a saída.
    fn reservar(&self, saida: &mut Saida, numero: u64, assento: u8) {
        let mut caderno = saida.caderno();
        let Caderno { depende, vista } = &mut caderno;
        let ocasiao = Ocasiao { agora: COMECO, quem: requerente(numero), vista: vista.as_mut(), depende };
        let veredito = reservar_em(&self.monitor, ocasiao, &[assento]);
        saida.responder(veredito.unwrap_or_else(|negado| Recusa::from(negado.erro).into()), caderno);
    }

    /// A conexão passa a observar desde a versão zero.
    fn observar(&self, saida: &mut Saida) {
        saida.observar();
        self.correio.observadores.inscrever(cliente(), &self.destino);
        let mut caderno = saida.caderno();
        let Caderno { depende, vista } = &mut caderno;
        self.monitor.observar(Ocasiao { agora: COMECO, quem: requerente(3), vista: vista.as_mut(), depende });
        saida.responder(Resposta::Pong, caderno);
    }
}

fn cliente() -> ClientId {
    requerente(3).cliente
}

fn visitar(destino: &Destino, lotes: &Lotes<Arc<Destino>>, monitor: &Monitor) -> Option<Escoada> {
    let mut avisos = Avisos::new(monitor);
    let enviar = |bytes: &[u8]| destino.enviar(bytes);
    destino.vez.visitar(|saida| {
        saida
            .escoar(lotes, |contado| avisos.depois_de(contado), enviar, || COMECO)
            .expect("o disco não para")
            .0
    })
}

/// Uma thread muda a sala duas vezes: o cliente toma este assento, que ninguém mais quer, e o devolve.
fn mudar_duas_vezes(monitor: &Arc<Monitor>, numero: u64, assento: u8) -> JoinHandle<()> {
    let monitor = Arc::clone(monitor);
    thread::spawn(move || {
        reservar(&monitor, numero, &[assento]).expect("o assento está livre");
        cancelar(&monitor, numero).expect("o assento é dele");
    })
}

/// Cada versão é contada uma vez e na ordem, até esta.
fn conferir_eventos(linhas: &[String], ate: u64) {
    let versoes: Vec<u64> =
        linhas.iter().filter_map(|linha| Some(linha.parse::<Evento>().ok()?.versao.0)).collect();
    assert_eq!(versoes, (1..=ate).collect::<Vec<_>>(), "{linhas:?}");
}

/// Cada resposta vem logo depois do evento da sua própria versão.
fn conferir_respostas(linhas: &[String]) {
    let mut sabe = Versao(0);
    for linha in linhas {
        if let Ok(evento) = linha.parse::<Evento>() {
            sabe = evento.versao;
        } else if let Ok(Resposta::Reservado { versao, .. }) = linha.parse::<Resposta>() {
            assert_eq!(versao, sabe, "{linhas:?}");
        }
    }
}

/// A sessão de quem observa responde, dorme e responde, e o carteiro conta o que os outros mudam: nunca escrevem ao mesmo tempo, e no
/// fim, sem que ninguém mais peça nada, tudo está contado.
#[test]
fn sessao_e_carteiro_contam_cada_versao_uma_vez() {
    explorar(|| {
        let cena = Cena::na_memoria();
        let carteiro = cena.carteiro();
        let mut saida = Saida::default();
        cena.observar(&mut saida);
        assert!(cena.deixar(&mut saida));
        let muda = mudar_duas_vezes(&cena.monitor, 1, 1);
        for assento in [2, 3] {
            cena.retomar(&mut saida);
            cena.reservar(&mut saida, 3, assento);
            assert!(cena.deixar(&mut saida));
        }
        muda.join().unwrap();
        // A dispensa vem depois de tudo: o que o carteiro ainda não ouviu, ele ouve antes dela.
        cena.correio.caixa.campainha().dispensar(true);
        carteiro.join().unwrap();
        conferir_eventos(&cena.destino.linhas(), 4);
        conferir_respostas(&cena.destino.linhas());
    });
}

/// As respostas que esperam pelo disco saem todas, uma vez e na ordem, pela sessão ou pelo carteiro, cada uma dizendo a verdade do seu
/// lote; e saem sem que o cliente peça mais nada.
#[test]
fn cada_resposta_sai_uma_vez_com_a_decisao_do_seu_lote() {
    explorar(|| {
        let cena = Cena::guardada();
        let (carteiro, grava) = (cena.carteiro(), cena.gravador(as_vezes));
        let outro = Arc::clone(&cena.monitor);
        let outros = thread::spawn(move || _ = reservar(&outro, 1, &[1]));
        let mut saida = Saida::default();
        for assento in [2, 3, 4] {
            cena.reservar(&mut saida, 3, assento);
            if assento == 3 {
                saida.responder(Resposta::Pong, saida.caderno());
            }
            if cena.deixar(&mut saida) {
                thread::yield_now();
                cena.retomar(&mut saida);
            }
        }
        let deixou = cena.deixar(&mut saida);
        outros.join().unwrap();
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.correio.caixa.campainha().dispensar(true);
        carteiro.join().unwrap();
        if deixou {
            cena.retomar(&mut saida);
        }
        assert!(saida.por_escrever().is_empty() && saida.depende_de() == 0, "ficou por dizer: {saida:?}");
        let linhas = cena.destino.linhas();
        assert_eq!((linhas.len(), &linhas[2][..]), (4, "OK PONG"), "{linhas:?}");
        let (quadro, _) = cena.monitor.quadro(em(COMECO, 3));
        for (linha, assento) in [&linhas[0], &linhas[1], &linhas[3]].into_iter().zip([2, 3, 4]) {
            let seu = quadro.seus.contem(protocolo::Assento::new(assento).unwrap());
            match linha.parse::<Resposta>().unwrap() {
                Resposta::Reservado { assentos, .. } => {
                    assert!(seu && assentos.to_string() == assento.to_string(), "{linhas:?}");
                }
                Resposta::Recusado(recusa) => {
                    assert!(!seu && recusa.erro == Error::Indisponivel, "{linhas:?}")
                }
                outra => panic!("{outra:?}"),
            }
        }
    });
}

/// Quem observa e muda a sala, num disco que às vezes recusa: o que se lhe contou soma a sala do disco, e nenhuma versão volta.
#[test]
fn o_que_se_conta_soma_a_sala_do_disco() {
    explorar(|| {
        let cena = Cena::guardada();
        let (carteiro, grava) = (cena.carteiro(), cena.gravador(as_vezes));
        let mut saida = Saida::default();
        cena.observar(&mut saida);
        let outro = Arc::clone(&cena.monitor);
        let outros = thread::spawn(move || {
            let _ = reservar(&outro, 1, &[1]);
            let _ = cancelar(&outro, 1);
        });
        for assento in [2, 3] {
            assert!(cena.deixar(&mut saida));
            cena.retomar(&mut saida);
            cena.reservar(&mut saida, 3, assento);
        }
        assert!(cena.deixar(&mut saida));
        outros.join().unwrap();
        cena.monitor.dispensar_gravador(true);
        grava.join().unwrap();
        cena.correio.caixa.campainha().dispensar(true);
        carteiro.join().unwrap();
        let (quadro, versao) = cena.monitor.quadro(em(COMECO, 9));
        conferir_eventos(&cena.destino.linhas(), versao.0);
        let eventos: Vec<Evento> =
            cena.destino.linhas().iter().filter_map(|linha| linha.parse().ok()).collect();
        let soma = eventos.iter().fold(protocolo::Assentos::NENHUM, |soma, evento| match evento.mudanca {
            protocolo::Mudanca::Livre => soma - evento.assentos,
            _ => soma | evento.assentos,
        });
        assert_eq!(soma, quadro.ocupados, "{eventos:?}");
    });
}

/// Entre quem observa antes, durante ou depois das mudanças: a campainha toca pela última versão, sem que nada mais aconteça; e sem quem
/// observe, não toca.
#[test]
fn a_campainha_toca_pela_ultima_versao() {
    explorar(|| {
        let monitor = monitor();
        let campainha: Arc<Campainha> = Arc::clone(monitor.campainha());
        let outro = Arc::clone(&monitor);
        let ouve = thread::spawn(move || {
            let mut vista = servidor::sala::Vista::default();
            while vista.contado < Versao(4) {
                assert!(campainha.ouvir(Sono::Leve, None).comum, "acordou sem toque");
                outro.mostrar(&mut vista);
            }
        });
        monitor.observar(em(COMECO, 9));
        let outro = Arc::clone(&monitor);
        // Um que vem e vai embora não cala a campainha dos outros.
        let passa = thread::spawn(move || {
            outro.observar(em(COMECO, 8));
            outro.deixar_de_observar();
        });
        let mudancas = [mudar_duas_vezes(&monitor, 1, 1), mudar_duas_vezes(&monitor, 2, 2), passa];
        // Um toque perdido seria um impasse.
        ouve.join().unwrap();
        mudancas.into_iter().for_each(|uma| uma.join().unwrap());
    });
    explorar(|| {
        let monitor = monitor();
        mudar_duas_vezes(&monitor, 1, 1).join().unwrap();
        monitor.campainha().dispensar(true);
        assert!(!monitor.campainha().ouvir(Sono::Leve, None).comum, "tocou sem ter a quem contar");
    });
}
