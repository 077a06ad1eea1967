//! O mentiroso: um intermediário entre os clientes e um servidor de verdade, que de vez em quando conta uma mentira.
//!
//! É com ele que se prova o juiz: cada espécie de mentira tem de ser condenada, e quem passa tudo adiante como veio tem de
//! ser absolvido. Sabe do protocolo só o que uma mentira que se acredite precisa; não julga, e não conhece a história.
//! Cada conexão tem duas threads, uma por sentido; todas acabam quando ele é solto.

mod invencao;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use protocolo::e_final;
use servidor::base::sincronia::{Arc, AtomicBool, JoinHandle, Mutex, Ordering, criar_thread};
use servidor::limites::PILHA_BYTES;

use invencao::Invencao;

/// Quantas conexões se atendem; a seguinte se fecha.
const CONEXOES_MAX: usize = 256;
/// Depois de tantas mentiras, só se diz a verdade.
const MENTIRAS_MAX: usize = 1_000;
/// O mais que uma linha ocupa.
const LINHA_BYTES_MAX: u64 = 64 * 1024;
/// Quantos pedidos de uma conexão podem estar sem resposta.
const NO_AR_MAX: usize = 1_024;
/// Quanto se retém uma resposta à espera de outra com que trocá-la.
const RETENCAO: Duration = Duration::from_millis(50);

/// O que o mentiroso faz de vez em quando.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mentira {
    /// A um `RESERVAR` recusado por `OCUPADO` responde que foi tudo reservado.
    VendeDuasVezes,
    /// Em `LISTAR` e em `MAPA`, um assento ocupado aparece livre.
    EscondeNaVista,
    /// De `ERRO OCUPADO 3 7` tira um dos nomes.
    EscondeNaRecusa,
    /// Duas conexões recebem, cada uma, a resposta da outra.
    TrocaRespostas,
    /// Quem recebe o token ouve o número de fencing de quem o teve antes.
    RepeteCerca,
    /// Uma linha `EVENTO` não chega a quem observa.
    PerdeEvento,
    /// Uma recusa, ou uma vista, diz ser de uma versão que já passou há muito.
    VersaoVelha,
}

impl Mentira {
    /// Todas.
    pub const TODAS: [Self; 7] = [
        Self::VendeDuasVezes,
        Self::EscondeNaVista,
        Self::EscondeNaRecusa,
        Self::TrocaRespostas,
        Self::RepeteCerca,
        Self::PerdeEvento,
        Self::VersaoVelha,
    ];

    /// De quantas ocasiões se aproveita uma; o token se dá pouco.
    const fn uma_em(self) -> u64 {
        if matches!(self, Self::RepeteCerca) { 3 } else { 10 }
    }
}

/// Uma mentira que se contou.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dita {
    /// O que se tinha pedido; nada, se era um evento.
    pub pedido: Option<String>,
    /// O que se disse, ou o evento que não se disse, como o juiz mostra uma linha.
    pub linha: String,
}

/// O intermediário.
#[derive(Debug)]
pub struct Mentiroso {
    endereco: SocketAddr,
    oficio: Arc<Oficio>,
    thread: Option<JoinHandle<()>>,
}

impl Mentiroso {
    /// Um intermediário que conta esta mentira, com as ocasiões sorteadas; sem ela, é honesto.
    pub fn new(alvo: SocketAddr, mentira: Option<Mentira>, semente: u64) -> Self {
        let escuta = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
        let endereco = escuta.local_addr().expect("a porta tem endereço");
        let cabeca = Cabeca { invencao: Invencao::new(semente), ditas: Vec::new(), retida: None };
        let oficio =
            Arc::new(Oficio { alvo, mentira, cabeca: Mutex::new(cabeca), fim: AtomicBool::new(false) });
        let dentro = Arc::clone(&oficio);
        let thread = criar_thread("mentiroso".into(), PILHA_BYTES, move || atender(&escuta, &dentro))
            .expect("o sistema devia dar uma thread");
        Self { endereco, oficio, thread: Some(thread) }
    }

    /// Onde ele escuta.
    pub const fn endereco(&self) -> SocketAddr {
        self.endereco
    }

    /// Quantas mentiras já contou.
    pub fn mentiras(&self) -> usize {
        self.oficio.cabeca.lock().ditas.len()
    }

    /// As mentiras que contou; uma troca são duas.
    pub fn ditas(&self) -> Vec<Dita> {
        self.oficio.cabeca.lock().ditas.clone()
    }
}

impl Drop for Mentiroso {
    fn drop(&mut self) {
        self.oficio.fim.store(true, Ordering::SeqCst);
        // Só para que ele acorde; se já não atende, tanto melhor.
        let _ = TcpStream::connect(self.endereco);
        if let Some(thread) = self.thread.take() {
            // Se entrou em pânico, quem o usava já viu a conexão cair.
            let _ = thread.join();
        }
    }
}

/// O que todas as conexões sabem.
#[derive(Debug)]
struct Oficio {
    alvo: SocketAddr,
    mentira: Option<Mentira>,
    cabeca: Mutex<Cabeca>,
    fim: AtomicBool,
}

#[derive(Debug)]
struct Cabeca {
    invencao: Invencao,
    ditas: Vec<Dita>,
    retida: Option<Retida>,
}

/// Uma resposta à espera de outra com que se troque.
#[derive(Debug)]
struct Retida {
    pedido: String,
    bloco: String,
    /// A quem a reteve, a que veio em troca.
    devolver: SyncSender<String>,
}

/// Os dois lados de uma conexão.
#[derive(Debug)]
struct Par {
    cliente: TcpStream,
    servidor: TcpStream,
}

fn atender(escuta: &TcpListener, oficio: &Arc<Oficio>) {
    let mut pares: Vec<Arc<Par>> = Vec::new();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for tomada in escuta.incoming() {
        if oficio.fim.load(Ordering::SeqCst) {
            break;
        }
        let Ok(cliente) = tomada else { continue };
        let Ok(servidor) = TcpStream::connect(oficio.alvo) else { continue };
        if pares.len() == CONEXOES_MAX {
            continue;
        }
        for ponta in [&cliente, &servidor] {
            ponta.set_nodelay(true).expect("o socket devia aceitar");
        }
        let par = Arc::new(Par { cliente, servidor });
        pares.push(Arc::clone(&par));
        let numero = pares.len();
        let (enviar, pedidos) = mpsc::sync_channel(NO_AR_MAX);
        let (dele, ida) = (Arc::clone(oficio), Arc::clone(&par));
        let pernas: [(String, Box<dyn FnOnce() + Send>); 2] = [
            (format!("mentira-ida-{numero}"), Box::new(move || levar(&ida, &enviar))),
            (format!("mentira-volta-{numero}"), Box::new(move || dele.trazer(&par, &pedidos))),
        ];
        threads.extend(pernas.map(|(nome, perna)| {
            criar_thread(nome, PILHA_BYTES, perna).expect("o sistema devia dar uma thread")
        }));
    }
    for par in pares {
        // Quem já se foi não tem o que fechar.
        let _ = (par.cliente.shutdown(Shutdown::Both), par.servidor.shutdown(Shutdown::Both));
    }
    for thread in threads {
        thread.join().expect("o mentiroso entrou em pânico");
    }
}

/// Acrescenta uma linha inteira, com o seu fim; `false`: não veio.
fn ler_linha(leitor: &mut impl BufRead, texto: &mut String) -> bool {
    let lidos = leitor.take(LINHA_BYTES_MAX).read_line(texto);
    lidos.is_ok() && texto.ends_with('\n')
}

/// Leva os pedidos ao servidor, como vieram.
fn levar(par: &Par, pedidos: &SyncSender<String>) {
    let mut leitor = BufReader::new(&par.cliente);
    let mut linha = String::new();
    while ler_linha(&mut leitor, &mut linha) {
        // Uma linha em branco não tem resposta.
        let pedido = linha.trim();
        let seguiu = pedido.is_empty() || pedidos.send(pedido.to_owned()).is_ok();
        if !seguiu || (&par.servidor).write_all(linha.as_bytes()).is_err() {
            break;
        }
        linha.clear();
    }
    // O servidor responde o que falta e fecha.
    let _ = par.servidor.shutdown(Shutdown::Write);
}

impl Oficio {
    /// Traz ao cliente o que o servidor diz, ou quase.
    fn trazer(&self, par: &Par, pedidos: &Receiver<String>) {
        let mut leitor = BufReader::new(&par.servidor);
        let (mut bloco, mut saudou) = (String::new(), false);
        loop {
            let antes = bloco.len();
            if !ler_linha(&mut leitor, &mut bloco) {
                break;
            }
            let linha = &bloco[antes..];
            if antes == 0 && linha.starts_with("EVENTO ") {
                if self.perde(linha) {
                    bloco.clear();
                }
            } else if !e_final(linha.trim_end()) {
                continue;
            } else if !saudou {
                saudou = true;
            } else if let Ok(pedido) = pedidos.try_recv() {
                bloco = self.responder(pedido, bloco);
            }
            if (&par.cliente).write_all(bloco.as_bytes()).is_err() {
                break;
            }
            bloco.clear();
        }
        // A outra perna também acaba.
        let _ = par.cliente.shutdown(Shutdown::Both);
    }

    /// Diz se este evento não há de chegar.
    fn perde(&self, evento: &str) -> bool {
        let Some(mentira @ Mentira::PerdeEvento) = self.mentira else { return false };
        let mut cabeca = self.cabeca.lock();
        let perde = cabeca.aproveita(mentira);
        if perde {
            cabeca.ditas.push(Dita { pedido: None, linha: evento.trim_end().to_owned() });
        }
        perde
    }

    /// O que o cliente há de ouvir.
    fn responder(&self, pedido: String, bloco: String) -> String {
        let Some(mentira) = self.mentira else { return bloco };
        if mentira == Mentira::TrocaRespostas {
            return self.trocar(pedido, bloco);
        }
        let (Ok(comando), Ok(resposta)) = (pedido.parse(), bloco.parse()) else { return bloco };
        let mut cabeca = self.cabeca.lock();
        match cabeca.invencao.inventar(mentira, &comando, &resposta) {
            Some(falsa) if cabeca.aproveita(mentira) => {
                let falsa = format!("{falsa}\n");
                cabeca.anotar(pedido, &falsa);
                falsa
            }
            _ => bloco,
        }
    }

    /// Troca esta resposta por outra que esteja retida; ou a retém, por pouco tempo, à espera de outra.
    fn trocar(&self, pedido: String, bloco: String) -> String {
        let mut cabeca = self.cabeca.lock();
        if let Some(retida) = cabeca.retida.take_if(|retida| retida.bloco != bloco) {
            cabeca.anotar(retida.pedido, &bloco);
            cabeca.anotar(pedido, &retida.bloco);
            // Quem a reteve ainda espera: só deixa de esperar com a trava, e já não a acharia aqui.
            let _ = retida.devolver.send(bloco);
            return retida.bloco;
        }
        if cabeca.retida.is_some() || !cabeca.aproveita(Mentira::TrocaRespostas) {
            return bloco;
        }
        let (devolver, troca) = mpsc::sync_channel(1);
        cabeca.retida = Some(Retida { pedido, bloco: bloco.clone(), devolver });
        drop(cabeca);
        troca.recv_timeout(RETENCAO).unwrap_or_else(|_| {
            let mut cabeca = self.cabeca.lock();
            // Pode ter vindo entre o prazo e a trava.
            troca.try_recv().unwrap_or_else(|_| {
                cabeca.retida = None;
                bloco
            })
        })
    }
}

impl Cabeca {
    /// Diz se esta é uma das ocasiões.
    fn aproveita(&mut self, mentira: Mentira) -> bool {
        self.ditas.len() < MENTIRAS_MAX && self.invencao.aproveita(mentira)
    }

    fn anotar(&mut self, pedido: String, bloco: &str) {
        let bloco = bloco.trim_end();
        // O texto para pessoas só vem depois de uma recusa, que é uma linha só.
        let causa = bloco.split_once(" :").filter(|_| bloco.starts_with("ERRO"));
        let linha = causa.map_or(bloco, |(causa, _)| causa).replace('\n', " / ");
        self.ditas.push(Dita { pedido: Some(pedido), linha });
    }
}
