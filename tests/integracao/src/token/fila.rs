//! A fila: ordem de chegada, muitos à espera, quem chega e quem sai.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use arnes::espera::{Cronometro, esperar};
use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Sorteio, Terminal};

use super::{cerca_de, conferir_avisos, esperar_fila, medida, tomar};

const CLIENTES: usize = 40;
const VOLTAS: u64 = 400;

/// O que se manda um cliente da fila fazer.
enum Ordem {
    /// Pedir o token por tantos segundos.
    Pede(u64),
    /// Devolvê-lo.
    Libera,
}

/// Um cliente: faz o que se manda e conta o que ouviu. Enquanto tem o token, mexe num assento que é de quem o tem.
fn obedecer(
    quem: usize,
    mut terminal: Terminal,
    ordens: &Receiver<Ordem>,
    contar: &Sender<(usize, String)>,
    em_uso: &AtomicBool,
) {
    for ordem in ordens {
        let ouviu = match ordem {
            Ordem::Pede(por) => {
                let concessao = terminal.pedir(&format!("TOKEN SOLICITAR POR {por}"));
                let cerca = cerca_de(&concessao);
                assert!(!em_uso.swap(true, Ordering::SeqCst), "dois donos ao mesmo tempo: {concessao}");
                for pedido in ["RESERVAR 7", "CANCELAR 7"] {
                    let fim = terminal.pedir(&format!("{pedido} CERCA {cerca}"));
                    assert!(fim.starts_with("OK "), "{pedido} CERCA {cerca}: {fim}");
                }
                concessao
            }
            Ordem::Libera => {
                em_uso.store(false, Ordering::SeqCst);
                terminal.pedir("TOKEN LIBERAR")
            }
        };
        contar.send((quem, ouviu)).expect("quem confere está ouvindo");
    }
}

/// Quarenta clientes, quatrocentas voltas: cada concessão é de quem está na fila há mais tempo, e diz a verdade.
#[test]
fn fila_e_por_ordem_de_chegada() {
    let mut sorteio = Sorteio::novo("fila_e_por_ordem_de_chegada");
    let servidor = ServidorDeTeste::new();
    let mut olho = servidor.entrar();
    let em_uso = AtomicBool::new(false);
    let (contar, ouvir) = mpsc::channel();
    let cronometro = Cronometro::comecar();
    let (mut voltas, mut passagens) = (0, Vec::new());
    thread::scope(|escopo| {
        let mandar: Vec<Sender<Ordem>> = (0..CLIENTES)
            .map(|quem| {
                let (mandar, ordens) = mpsc::channel();
                let (terminal, contar, em_uso) = (servidor.entrar(), contar.clone(), &em_uso);
                escopo.spawn(move || obedecer(quem, terminal, &ordens, &contar, em_uso));
                mandar
            })
            .collect();
        let ouvir = || ouvir.recv_timeout(arnes::espera::PRAZO).expect("um cliente não foi atendido");
        let mut quietos: Vec<usize> = (0..CLIENTES).collect();
        let mut fila: VecDeque<(usize, u64)> = VecDeque::new();
        let mut dono: Option<usize> = None;
        for volta in 0.. {
            // Chegam alguns, em ordem sorteada; o seguinte só pede quando o anterior já está na fila.
            let chegam = match volta {
                0 => CLIENTES as u64,
                1..VOLTAS => (sorteio.ate(quietos.len() as u64 + 1) - 1).max(u64::from(fila.is_empty())),
                _ => 0,
            };
            for _ in 0..chegam {
                let sorteado = usize::try_from(sorteio.ate(quietos.len() as u64)).expect("um índice") - 1;
                let quem = quietos.swap_remove(sorteado);
                let por = 60 + sorteio.ate(3540);
                mandar[quem].send(Ordem::Pede(por)).expect("o cliente está ouvindo");
                fila.push_back((quem, por));
                // O primeiro de todos acha o token livre: não fica na fila.
                let adiantado = usize::from(dono.is_none());
                esperar("o pedido chegar", || {
                    let estado = olho.pedir("TOKEN ESTADO");
                    valor(&estado, "dono") != "livre"
                        && valor(&estado, "espera") == (fila.len() - adiantado).to_string()
                });
            }
            let passagem = Cronometro::comecar();
            if let Some(dono) = dono {
                mandar[dono].send(Ordem::Libera).expect("o cliente está ouvindo");
            }
            let proximo = fila.pop_front();
            // Numa passagem, quem liberou e quem recebeu contam cada um por si.
            for _ in 0..u8::from(dono.is_some()) + u8::from(proximo.is_some()) {
                let (contou, ouviu) = ouvir();
                if Some(contou) == dono {
                    assert_eq!(ouviu, format!("OK LIBERADO contador={volta} espera={}", fila.len()));
                    continue;
                }
                let (quem, por) = proximo.expect("só recebe quem espera");
                // A primeira concessão não esperou pelos outros.
                let espera = if volta == 0 { 0 } else { fila.len() };
                let certo = format!("cerca={} contador={volta} espera={espera} prazo={por}", volta + 1);
                assert_eq!((contou, ouviu), (quem, format!("OK TOKEN {certo}")), "na volta {volta}");
            }
            passagens.push(passagem.passou());
            quietos.extend(dono);
            dono = proximo.map(|(quem, _)| quem);
            voltas = volta;
            if dono.is_none() {
                break;
            }
        }
        drop(mandar);
    });
    medida(&format!("{voltas} voltas entre 40 clientes"), cronometro.passou());
    conferir_avisos(&passagens);
    assert!(voltas >= VOLTAS, "só {voltas} voltas");
    let fim = format!("OK TOKEN dono=livre cerca={voltas} contador={voltas} espera=0");
    assert_eq!(olho.pedir("TOKEN ESTADO"), fim);
}

/// Duzentos à espera não atrapalham quem reserva; e cada um tem a sua vez.
#[test]
fn duzentos_a_espera_e_as_reservas_seguem() {
    const A_ESPERA: usize = 200;
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut dona] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut dona, "TOKEN SOLICITAR POR 3600"), 1);
    let mut fila: Vec<Terminal> = (0..A_ESPERA).map(|_| servidor.entrar()).collect();
    fila.iter().for_each(|um| um.enviar("TOKEN SOLICITAR POR 3600"));
    esperar_fila(&mut olho, A_ESPERA);
    let cronometro = Cronometro::comecar();
    thread::scope(|escopo| {
        for assento in 1..=4 {
            let mut terminal = servidor.entrar();
            escopo.spawn(move || {
                for _ in 0..250 {
                    for pedido in ["RESERVAR", "CANCELAR"] {
                        let fim = terminal.pedir(&format!("{pedido} {assento}"));
                        assert!(fim.starts_with("OK "), "{fim}");
                    }
                }
            });
        }
    });
    medida("2.000 pedidos de quatro clientes com 200 à espera", cronometro.passou());
    esperar_fila(&mut olho, A_ESPERA);
    assert!(valor(&olho.pedir("LISTAR"), "versao") == "2000");
    // Todos recebem, um por vez. A ordem em que os pedidos chegaram não é certa: confere-se que ninguém ficou de fora.
    let cronometro = Cronometro::comecar();
    assert_eq!(dona.pedir("TOKEN LIBERAR"), format!("OK LIBERADO contador=1 espera={}", A_ESPERA - 1));
    let mut passagens = Vec::new();
    for restam in (0..A_ESPERA).rev() {
        let passagem = Cronometro::comecar();
        let dono: u64 = valor(&olho.pedir("TOKEN ESTADO"), "dono").parse().expect("o token tem dono");
        let um = fila.iter_mut().find(|um| um.cliente == dono).expect("o dono é um dos que esperavam");
        assert_eq!(cerca_de(&um.ler_linha()), (1 + A_ESPERA - restam) as u64);
        passagens.push(passagem.passou());
        let espera = restam.saturating_sub(1);
        assert_eq!(
            um.pedir("TOKEN LIBERAR"),
            format!("OK LIBERADO contador={} espera={espera}", 1 + A_ESPERA - restam)
        );
    }
    medida("duzentas passagens, com uma pergunta entre elas", cronometro.passou());
    conferir_avisos(&passagens);
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=livre cerca=201 contador=201 espera=0");
}

/// O que os clientes que entram e saem dividem.
struct Roda {
    servidor: SocketAddr,
    em_uso: AtomicBool,
    concessoes: AtomicU64,
    liberacoes: AtomicU64,
    desistencias: AtomicU64,
}

const CONCESSOES: u64 = 500;

impl Roda {
    /// Pede o token até que tenha havido concessões bastantes, e às vezes vai embora: esperando, ou com ele.
    /// Devolve os números que recebeu.
    fn girar(&self, mut sorteio: Sorteio) -> Vec<u64> {
        let mut cercas = Vec::new();
        let mut terminal = Terminal::entrar(self.servidor);
        while self.concessoes.load(Ordering::SeqCst) < CONCESSOES {
            terminal.enviar("TOKEN SOLICITAR POR 3600");
            // Um desiste na hora; outro, em 1 a 8 ms; os demais esperam o quanto for, e não ser atendido é defeito.
            let concessao = match sorteio.ate(6) {
                1 => None,
                2 => terminal.ler_se_vier(Duration::from_millis(sorteio.ate(8))),
                _ => Some(terminal.ler_linha()),
            };
            let Some(concessao) = concessao else {
                self.desistencias.fetch_add(1, Ordering::SeqCst);
                self.sumir(terminal, &mut sorteio);
                terminal = Terminal::entrar(self.servidor);
                continue;
            };
            assert!(!self.em_uso.swap(true, Ordering::SeqCst), "dois donos ao mesmo tempo: {concessao}");
            cercas.push(cerca_de(&concessao));
            self.concessoes.fetch_add(1, Ordering::SeqCst);
            self.em_uso.store(false, Ordering::SeqCst);
            if sorteio.ate(5) == 1 {
                self.sumir(terminal, &mut sorteio);
                terminal = Terminal::entrar(self.servidor);
            } else {
                let fim = terminal.pedir("TOKEN LIBERAR");
                assert!(fim.starts_with("OK LIBERADO "), "{fim}");
                self.liberacoes.fetch_add(1, Ordering::SeqCst);
            }
        }
        cercas
    }

    /// Vai embora: fecha, cai, ou fecha só o seu lado e ouve o resto.
    fn sumir(&self, mut terminal: Terminal, sorteio: &mut Sorteio) {
        match sorteio.ate(3) {
            1 => drop(terminal),
            2 => terminal.cair(),
            _ => {
                terminal.fechar_escrita();
                let resto = String::from_utf8(terminal.ler_o_que_ha()).expect("o servidor fala UTF-8");
                let certo = resto.is_empty()
                    || resto.lines().count() == 1
                        && ["ERRO TEMPO_ESGOTADO :", "OK TOKEN "].iter().any(|c| resto.starts_with(c));
                assert!(certo, "{resto}");
            }
        }
    }
}

/// Vinte e quatro clientes que chegam e somem ao acaso enquanto o token dá quinhentas voltas: ninguém que espera é
/// esquecido, e nunca há dois donos.
#[test]
fn gente_que_some_ao_acaso() {
    let mut sorteio = Sorteio::novo("gente_que_some_ao_acaso");
    let servidor = ServidorDeTeste::new();
    let roda = Roda {
        servidor: servidor.endereco(),
        em_uso: AtomicBool::new(false),
        concessoes: AtomicU64::new(0),
        liberacoes: AtomicU64::new(0),
        desistencias: AtomicU64::new(0),
    };
    let cronometro = Cronometro::comecar();
    let cercas: Vec<Vec<u64>> = thread::scope(|escopo| {
        let clientes: Vec<_> = (0..24)
            .map(|_| {
                let (roda, sorteio) = (&roda, Sorteio::com(sorteio.proximo()));
                escopo.spawn(move || roda.girar(sorteio))
            })
            .collect();
        clientes
            .into_iter()
            .map(|c| c.join().expect("um cliente não foi atendido, ou houve dois donos"))
            .collect()
    });
    medida("500 voltas com gente que some", cronometro.passou());
    assert!(roda.desistencias.load(Ordering::SeqCst) > 30, "quase ninguém sumiu esperando");
    let todas: BTreeSet<u64> = cercas.iter().flatten().copied().collect();
    assert_eq!(todas.len(), cercas.iter().map(Vec::len).sum::<usize>(), "um número de fencing se repetiu");
    assert!(cercas.iter().all(|um| um.is_sorted()), "um número de fencing diminuiu");
    // No fim o token está livre e a fila vazia; cada liberação respondida foi contada, e nenhuma outra.
    let mut olho = servidor.entrar();
    esperar("o token ficar livre", || {
        let estado = olho.pedir("TOKEN ESTADO");
        estado.starts_with("OK TOKEN dono=livre ") && estado.ends_with(" espera=0")
    });
    let estado = olho.pedir("TOKEN ESTADO");
    assert_eq!(valor(&estado, "contador"), roda.liberacoes.load(Ordering::SeqCst).to_string());
    assert!(
        valor(&estado, "cerca").parse::<u64>().is_ok_and(|cerca| Some(&cerca) >= todas.last()),
        "{estado}"
    );
}
