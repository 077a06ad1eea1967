//! O servidor que grava, ao lado do Redis que grava: pedidos respondidos por segundo, no mesmo disco e com a mesma carga.
//!
//! Os dois só respondem depois de um `fsync`. Cada conexão reserva um trio de assentos e o devolve, um pedido por vez:
//! `RESERVAR` e `CANCELAR` no nosso, `MSETNX` e `DEL` no Redis. Quem ouve um não sorteia outro trio. Conta-se toda resposta,
//! sim ou não, e se diz que parte delas é sim: com mais conexões do que trios, o não é a resposta mais comum, nos dois.
//!
//! Também se mede o que um `fsync` demora neste disco, que é o limite de quem grava um pedido por vez, e quanto o servidor
//! demora a ligar com um milhão de mudanças na história. Ao lado vai o nosso com a sala só na memória: mais do que isso uma
//! thread por conexão não dá nesta máquina, haja disco ou não. Os arquivos ficam na pasta temporária (`TMPDIR` escolhe o disco).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arnes::Sorteio;
use arnes::pasta::Pasta;
use protocolo::{Assento, Assentos, ClientId, Evento, Mudanca, Versao};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use servidor::armazem::Armazem;
use servidor::armazem::sqlite::Sqlite;
use servidor::base::segredo::Segredo;
use servidor::sala::registro::{Guardado, Novidade, Registro};
use servidor::tempo::momento::Momento;

use crate::carga::{CARGAS, Pedinte, trio};
use crate::latencia::{alternar, mediana};
use crate::servidores::{Filho, pedir_estado, processador, redis};
use crate::{Opcoes, Resultado};

/// Quantas conexões.
const CONEXOES: [usize; 3] = [1, 50, 1000];
/// Quantos trios diferentes cabem na sala.
const TRIOS: usize = 33;
/// A história com que se liga o servidor.
const MUDANCAS: u64 = 1_000_000;

/// Os dois, com as mesmas cargas; o disco; o reinício.
pub fn duravel(opcoes: &Opcoes) -> Resultado<()> {
    let pasta = Pasta::criar("bancada")?;
    dizer_o_disco(&pasta.0)?;
    println!(
        "  conexões      redis   servidor  razão  memória | do redis e do nosso: sins | us de processador por resposta | nosso lote"
    );
    for conexoes in CONEXOES {
        lado_a_lado(opcoes, &pasta.0, conexoes)?;
    }
    dizer_o_reinicio(&pasta.0)
}

/// Quanto demora acrescentar cem bytes a um arquivo e esperar que o disco os tenha.
fn dizer_o_disco(pasta: &Path) -> Resultado<()> {
    const MEDIDAS: usize = 500;
    let mut arquivo = File::create(pasta.join("disco"))?;
    let mut medir = |sincronizar: fn(&File) -> std::io::Result<()>| -> Resultado<f64> {
        let mut demoras = Vec::new();
        for _ in 0..MEDIDAS {
            let inicio = Instant::now();
            arquivo.write_all(&[7; 100])?;
            sincronizar(&arquivo)?;
            demoras.push(inicio.elapsed().as_secs_f64() * 1e6);
        }
        Ok(mediana(demoras))
    };
    let (inteiro, dados) = (medir(File::sync_all)?, medir(File::sync_data)?);
    println!("duravel: cem bytes a mais e fsync: {inteiro:.0} us; e fdatasync: {dados:.0} us");
    Ok(())
}

fn lado_a_lado(opcoes: &Opcoes, pasta: &Path, conexoes: usize) -> Resultado<()> {
    let nosso = Filho::duravel(&pasta.join(format!("com-{conexoes}.db")))?;
    let mut nossos = Grupo::new(Fala::Reserva, &nosso, conexoes)?;
    let do_redis = pasta.join(format!("redis-{conexoes}"));
    fs::create_dir(&do_redis)?;
    let Some(redis) = redis(&do_redis)? else {
        println!("  o redis-server não está instalado: só se mede o nosso");
        let vazoes = (0..opcoes.rodadas).map(|_| Ok(nossos.medir(opcoes.duracao)?.vazao));
        println!("  {conexoes:>8} {:>21.0}", mediana(vazoes.collect::<Resultado<_>>()?));
        return Ok(());
    };
    let mut dele = Grupo::new(Fala::Redis, &redis, conexoes)?;
    let na_memoria = Filho::calado()?;
    let mut os_da_memoria = Grupo::new(Fala::Reserva, &na_memoria, conexoes)?;
    let mut memoria = Vec::new();
    let mut lotes = Vec::new();
    let medir_o_nosso = || {
        memoria.push(os_da_memoria.medir(opcoes.duracao)?.vazao);
        let antes = Lotes::ler(nosso.endereco)?;
        let medida = nossos.medir(opcoes.duracao)?;
        lotes.push(Lotes::ler(nosso.endereco)?.desde(&antes, &medida));
        Ok(medida)
    };
    let pares = alternar(opcoes.rodadas, || dele.medir(opcoes.duracao), medir_o_nosso)?;
    let do_meio = |qual: fn(&(Medida, Medida)) -> f64| mediana(pares.iter().map(qual).collect());
    println!(
        "  {conexoes:>8} {:>10.0} {:>10.0} {:>6.2} {:>8.0} | {:.0} % e {:.0} % | {:.1} e {:.1} | {:.1} respostas, {:.1} novidades",
        do_meio(|(redis, _)| redis.vazao),
        do_meio(|(_, nosso)| nosso.vazao),
        do_meio(|(redis, nosso)| nosso.vazao / redis.vazao),
        mediana(memoria),
        do_meio(|(redis, _)| redis.sins * 100.0),
        do_meio(|(_, nosso)| nosso.sins * 100.0),
        do_meio(|(redis, _)| redis.processador * 1e6),
        do_meio(|(_, nosso)| nosso.processador * 1e6),
        mediana(lotes.iter().map(|(respostas, _)| *respostas).collect()),
        mediana(lotes.iter().map(|(_, novidades)| *novidades).collect()),
    );
    Ok(())
}

/// O que o servidor diz ter gravado.
struct Lotes {
    lotes: f64,
    novidades: f64,
}

impl Lotes {
    fn ler(endereco: SocketAddr) -> Resultado<Self> {
        let numero = |nome| Resultado::Ok(pedir_estado(endereco, nome)?.parse()?);
        Ok(Self { lotes: numero("lotes_gravados: ")?, novidades: numero("novidades_gravadas: ")? })
    }

    /// Quantas respostas e quantas novidades couberam a cada lote.
    fn desde(&self, antes: &Self, medida: &Medida) -> (f64, f64) {
        let lotes = self.lotes - antes.lotes;
        (medida.respostas / lotes, (self.novidades - antes.novidades) / lotes)
    }
}

/// A língua de um servidor: os mesmos pedidos, cada um respondido por uma linha.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fala {
    /// A nossa.
    Reserva,
    /// A do Redis.
    Redis,
}

impl Fala {
    fn conectar(self, endereco: SocketAddr) -> Resultado<TcpStream> {
        let tomada = match self {
            Self::Reserva => Pedinte::new(endereco, "1", 1)?.tomada()?,
            Self::Redis => TcpStream::connect(endereco)?,
        };
        tomada.set_nodelay(true)?;
        tomada.set_nonblocking(true)?;
        Ok(tomada)
    }

    fn tomar(self, assentos: &str) -> Vec<u8> {
        match self {
            Self::Reserva => format!("RESERVAR {assentos}\n").into(),
            Self::Redis => {
                resp("MSETNX", assentos.split(' ').flat_map(|s| [format!("s:{s}"), "1".to_owned()]))
            }
        }
    }

    fn devolver(self, assentos: &str) -> Vec<u8> {
        match self {
            Self::Reserva => format!("CANCELAR {assentos}\n").into(),
            Self::Redis => resp("DEL", assentos.split(' ').map(|s| format!("s:{s}"))),
        }
    }

    /// Diz se a resposta é sim; um não que não seja por causa de outro cliente é um erro da medição.
    fn e_sim(self, linha: &[u8]) -> Resultado<bool> {
        match self {
            Self::Reserva if linha.starts_with(b"OK ") => Ok(true),
            Self::Reserva if linha.starts_with(b"ERRO OCUPADO") => Ok(false),
            Self::Redis if linha == b":1\r\n" || linha == b":3\r\n" => Ok(true),
            Self::Redis if linha == b":0\r\n" => Ok(false),
            _ => Err(format!("o servidor respondeu {:?}", String::from_utf8_lossy(linha)).into()),
        }
    }
}

/// Um pedido ao Redis: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
fn resp(comando: &str, argumentos: impl Iterator<Item = String>) -> Vec<u8> {
    let palavras: Vec<_> = std::iter::once(comando.to_owned()).chain(argumentos).collect();
    let cada = palavras.iter().map(|palavra| format!("${}\r\n{palavra}\r\n", palavra.len()));
    format!("*{}\r\n{}", palavras.len(), cada.collect::<String>()).into_bytes()
}

/// O que resultou de uma rodada.
#[derive(Clone, Copy, Debug)]
struct Medida {
    respostas: f64,
    /// Respostas por segundo.
    vazao: f64,
    /// Que parte das respostas é sim.
    sins: f64,
    /// Segundos de processador que o servidor usou em cada resposta: é o que menos muda com o resto da máquina.
    processador: f64,
}

/// Os clientes de um servidor, repartidos pelas threads de carga.
pub struct Grupo {
    pid: u32,
    cargas: Vec<Carga>,
}

impl Grupo {
    /// Tantas conexões a este servidor.
    pub fn new(fala: Fala, filho: &Filho, conexoes: usize) -> Resultado<Self> {
        let cargas = (0..CARGAS.min(conexoes))
            .map(|carga| Carga::new(fala, filho.endereco, (carga..conexoes).step_by(CARGAS)))
            .collect::<Resultado<_>>()?;
        Ok(Self { pid: filho.pid(), cargas })
    }

    /// Respostas por segundo.
    pub fn vazao(&mut self, duracao: Duration) -> Resultado<f64> {
        Ok(self.medir(duracao)?.vazao)
    }

    fn medir(&mut self, duracao: Duration) -> Resultado<Medida> {
        let parar = AtomicBool::new(false);
        let (inicio, usado) = (Instant::now(), processador(self.pid)?);
        let contas = thread::scope(|escopo| {
            let threads: Vec<_> =
                self.cargas.iter_mut().map(|carga| escopo.spawn(|| carga.rodar(&parar))).collect();
            thread::sleep(duracao);
            parar.store(true, Ordering::Relaxed);
            let esperar =
                |uma: thread::ScopedJoinHandle<'_, _>| uma.join().map_err(|_| "a carga entrou em pânico")?;
            threads.into_iter().map(esperar).collect::<Resultado<Vec<_>>>()
        })?;
        let (respostas, sins) =
            contas.into_iter().fold((0.0, 0.0), |soma, (todas, sins)| (soma.0 + todas, soma.1 + sins));
        let vazao = respostas / inicio.elapsed().as_secs_f64();
        let processador = (processador(self.pid)? - usado) / respostas;
        Ok(Medida { respostas, vazao, sins: sins / respostas, processador })
    }
}

/// As conexões de uma thread: cada uma pede de novo assim que ouve a resposta.
struct Carga {
    fala: Fala,
    epoll: OwnedFd,
    clientes: Vec<Cliente>,
    /// Para cada trio, o pedido que o toma e o que o devolve.
    pedidos: Vec<[Vec<u8>; 2]>,
    sorteio: Sorteio,
}

struct Cliente {
    tomada: TcpStream,
    parte: Vec<u8>,
    trio: usize,
    tem: bool,
}

impl Carga {
    fn new(fala: Fala, endereco: SocketAddr, numeros: impl Iterator<Item = usize>) -> Resultado<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clientes = Vec::new();
        for numero in numeros {
            let tomada = fala.conectar(endereco)?;
            epoll::add(
                &epoll,
                &tomada,
                epoll::EventData::new_u64(clientes.len() as u64),
                epoll::EventFlags::IN,
            )?;
            clientes.push(Cliente { tomada, parte: Vec::new(), trio: numero % TRIOS, tem: false });
        }
        let pedidos = (0..TRIOS).map(trio).map(|trio| [fala.tomar(&trio), fala.devolver(&trio)]).collect();
        Ok(Self { fala, epoll, clientes, pedidos, sorteio: Sorteio::com(endereco.port().into()) })
    }

    /// Pede até que se mande parar, e espera as respostas que faltam; devolve quantas vieram, e quantas são sim.
    fn rodar(&mut self, parar: &AtomicBool) -> Resultado<(f64, f64)> {
        let Self { fala, epoll, clientes, pedidos, sorteio } = self;
        let (mut respostas, mut sins) = (0.0, 0.0);
        let mut no_ar = clientes.len();
        clientes.iter_mut().try_for_each(|cliente| cliente.pedir(pedidos))?;
        let mut prontas = Vec::with_capacity(no_ar);
        while no_ar > 0 {
            prontas.clear();
            epoll::wait(&*epoll, spare_capacity(&mut prontas), Some(&Timespec { tv_sec: 30, tv_nsec: 0 }))?;
            if prontas.is_empty() {
                return Err("o servidor não responde".into());
            }
            for pronta in &prontas {
                let cliente = &mut clientes[usize::try_from(pronta.data.u64())?];
                let Some(sim) = cliente.ler(*fala)? else { continue };
                respostas += 1.0;
                if sim {
                    sins += 1.0;
                    cliente.tem = !cliente.tem;
                } else {
                    cliente.trio = usize::try_from(sorteio.proximo())? % TRIOS;
                }
                if parar.load(Ordering::Relaxed) {
                    no_ar -= 1;
                } else {
                    cliente.pedir(pedidos)?;
                }
            }
        }
        Ok((respostas, sins))
    }
}

impl Cliente {
    fn pedir(&mut self, pedidos: &[[Vec<u8>; 2]]) -> Resultado<()> {
        Ok(self.tomada.write_all(&pedidos[self.trio][usize::from(self.tem)])?)
    }

    /// Diz se a resposta é sim; `None` se ela ainda não veio inteira.
    fn ler(&mut self, fala: Fala) -> Resultado<Option<bool>> {
        let mut lidos = [0; 256];
        match self.tomada.read(&mut lidos)? {
            0 => return Err("o servidor fechou uma conexão".into()),
            quantos => self.parte.extend_from_slice(&lidos[..quantos]),
        }
        if self.parte.last() != Some(&b'\n') {
            return Ok(None);
        }
        let sim = fala.e_sim(&self.parte)?;
        self.parte.clear();
        Ok(Some(sim))
    }
}

/// Quanto se demora a abrir um arquivo com a história que esta carga deixa.
fn dizer_o_reinicio(pasta: &Path) -> Resultado<()> {
    for assentos in [1, 3] {
        let banco = pasta.join(format!("historia-{assentos}.db"));
        encher(&banco, assentos)?;
        let mut demoras = Vec::new();
        for _ in 0..3 {
            let inicio = Instant::now();
            let (_armazem, guardado) = abrir(&banco)?;
            demoras.push(inicio.elapsed().as_secs_f64());
            assert_eq!(guardado.versao, Versao(MUDANCAS));
        }
        let mib = fs::metadata(&banco)?.len() >> 20;
        println!(
            "  ligar com {MUDANCAS} mudanças de {assentos} assento(s), {mib} MiB: {:.2} s",
            mediana(demoras)
        );
    }
    Ok(())
}

fn abrir(banco: &Path) -> Resultado<(Sqlite, Guardado)> {
    Ok(Sqlite::abrir(banco, false, Momento(0), Segredo([7; 32]))?)
}

/// Assentos que são tomados e devolvidos, uma vez depois da outra.
fn encher(banco: &Path, assentos: u8) -> Resultado<()> {
    const LOTE: usize = 5_000;
    let (mut armazem, _) = abrir(banco)?;
    let registros = (1..=MUDANCAS).map(|versao| {
        let base = u8::try_from(versao / 2 % TRIOS as u64)? * 3;
        let quais: Assentos = (1..=assentos).filter_map(|n| Assento::new(base + n)).collect();
        let dono = ClientId::new(1 + versao / 2 % 1000).ok_or("zero não é cliente")?;
        let mudanca = if versao % 2 == 0 { Mudanca::Reservado(dono) } else { Mudanca::Livre };
        let evento = Evento { versao: Versao(versao), assentos: quais, mudanca };
        let novidade = Novidade::Assentos { evento, vence: None };
        Ok(Registro { quando: Momento(i64::try_from(versao)?), novidade })
    });
    let registros = registros.collect::<Resultado<Vec<_>>>()?;
    Ok(registros.chunks(LOTE).try_for_each(|lote| armazem.gravar(lote))?)
}
