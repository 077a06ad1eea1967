//! A carga: clientes que pedem e leem, e o grupo deles que enche um servidor.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Resultado;
use crate::servidores::Filho;

/// Quantas threads fazem a carga: uma por núcleo das máquinas em que medimos.
pub const CARGAS: usize = 2;

/// Um cliente da carga: pede e lê, sem interpretar mais do que precisa.
#[derive(Debug)]
pub struct Pedinte {
    leitor: BufReader<TcpStream>,
    linha: String,
    lote: [Vec<u8>; 2],
    vez: usize,
}

impl Pedinte {
    /// Conecta e lê a saudação inteira. Vai reservar e cancelar estes assentos, com tantos pedidos no ar.
    pub fn new(endereco: SocketAddr, assentos: &str, no_ar: usize) -> Resultado<Self> {
        let tomada = TcpStream::connect(endereco)?;
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(Some(Duration::from_secs(30)))?;
        let lote = |inicio: usize| {
            let verbo = |i: usize| if (inicio + i) % 2 == 0 { "RESERVAR" } else { "CANCELAR" };
            (0..no_ar).map(|i| format!("{} {assentos}\n", verbo(i))).collect::<String>().into_bytes()
        };
        let leitor = BufReader::with_capacity(4096, tomada);
        let mut novo = Self { leitor, linha: String::new(), lote: [lote(0), lote(1)], vez: 0 };
        while !novo.linha.starts_with("OK") {
            novo.ler_linha()?;
        }
        Ok(novo)
    }

    /// O socket, de quem não tem resposta por vir.
    pub fn tomada(self) -> Resultado<TcpStream> {
        if self.leitor.buffer().is_empty() {
            Ok(self.leitor.into_inner())
        } else {
            Err("sobrou resposta".into())
        }
    }

    fn ler_linha(&mut self) -> Resultado<()> {
        self.linha.clear();
        if self.leitor.read_line(&mut self.linha)? == 0 {
            return Err("a conexão fechou no meio".into());
        }
        Ok(())
    }

    /// Manda o próximo lote.
    pub fn pedir(&mut self) -> Resultado<()> {
        let lote = &self.lote[self.vez % 2];
        self.leitor.get_mut().write_all(lote)?;
        self.vez += usize::from(lote.iter().filter(|b| **b == b'\n').count() % 2 == 1);
        Ok(())
    }

    /// Manda isto.
    pub fn dizer(&mut self, linha: &str) -> Resultado<()> {
        Ok(self.leitor.get_mut().write_all(linha.as_bytes())?)
    }

    /// Pede e lê uma resposta de uma linha.
    pub fn perguntar(&mut self, linha: &str) -> Resultado<String> {
        self.dizer(linha)?;
        self.ler_linha()?;
        Ok(self.linha.trim_end().to_owned())
    }

    /// Lê uma resposta de uma linha, que tem de ser um sim; volta a versão da sala, se ela a diz, ou zero.
    pub fn receber_sim(&mut self) -> Resultado<u64> {
        self.ler_linha()?;
        if !self.linha.starts_with("OK") {
            return Err(format!("esperava um sim, e veio {:?}", self.linha).into());
        }
        Ok(self.linha.trim_end().rsplit_once("versao=").map_or(Ok(0), |(_, versao)| versao.parse())?)
    }

    /// Pede uma vez e lê o sim.
    pub fn pedir_um(&mut self) -> Resultado<u64> {
        self.pedir()?;
        self.receber_sim()
    }

    /// Lê `quantas` respostas: neste protocolo, a esses pedidos, são outras tantas linhas.
    pub fn receber(&mut self, mut quantas: usize) -> Resultado<()> {
        while quantas > 0 {
            let bytes = self.leitor.fill_buf()?;
            if bytes.is_empty() {
                return Err("a conexão fechou no meio".into());
            }
            let (usados, linhas) = bytes.len_e_linhas();
            self.leitor.consume(usados);
            quantas = quantas.checked_sub(linhas).ok_or("respostas demais")?;
        }
        Ok(())
    }
}

trait LenELinhas {
    fn len_e_linhas(&self) -> (usize, usize);
}

impl LenELinhas for [u8] {
    fn len_e_linhas(&self) -> (usize, usize) {
        (self.len(), self.iter().filter(|b| **b == b'\n').count())
    }
}

/// Os assentos do cliente deste número: trinta e três trios, e com mais clientes do que isso há disputa.
pub fn trio(numero: usize) -> String {
    let base = 3 * (numero % 33) + 1;
    format!("{} {} {}", base, base + 1, base + 2)
}

/// Conexões que por enquanto nada pedem.
pub fn abrir(endereco: SocketAddr, quantas: usize) -> Resultado<Vec<Pedinte>> {
    (0..quantas).map(|_| Pedinte::new(endereco, "1", 1)).collect()
}

/// Um servidor e os clientes já conectados a ele, repartidos pelas threads de carga.
#[derive(Debug)]
pub struct Lado {
    pedintes: Vec<Vec<Pedinte>>,
    no_ar: usize,
}

impl Lado {
    /// Um cliente para cada um destes assentos.
    pub fn new(filho: &Filho, assentos: impl Iterator<Item = String>, no_ar: usize) -> Resultado<Self> {
        let mut pedintes: Vec<Vec<Pedinte>> = (0..CARGAS).map(|_| Vec::new()).collect();
        for (numero, assentos) in assentos.enumerate() {
            pedintes[numero % CARGAS].push(Pedinte::new(filho.endereco, &assentos, no_ar)?);
        }
        pedintes.retain(|meus| !meus.is_empty());
        Ok(Self { pedintes, no_ar })
    }

    /// Pedidos atendidos por segundo durante `duracao`. Cada thread de carga escreve em todas as suas conexões e
    /// depois lê de todas: cada conexão tem sempre `no_ar` pedidos sem resposta, no máximo.
    pub fn vazao(&mut self, duracao: Duration) -> Resultado<f64> {
        let (parar, atendidos) = (AtomicBool::new(false), AtomicU64::new(0));
        let largada = Barrier::new(self.pedintes.len() + 1);
        let no_ar = self.no_ar;
        let decorrido = thread::scope(|escopo| {
            let threads: Vec<_> = self
                .pedintes
                .iter_mut()
                .map(|meus| escopo.spawn(|| carregar(meus, no_ar, &largada, &parar, &atendidos)))
                .collect();
            largada.wait();
            let inicio = Instant::now();
            thread::sleep(duracao);
            parar.store(true, Ordering::Relaxed);
            for uma in threads {
                uma.join().map_err(|_| "a carga entrou em pânico")??;
            }
            Resultado::Ok(inicio.elapsed())
        })?;
        #[expect(clippy::cast_precision_loss, reason = "contagens bem menores que 2^52")]
        Ok(atendidos.into_inner() as f64 / decorrido.as_secs_f64())
    }
}

fn carregar(
    meus: &mut [Pedinte],
    no_ar: usize,
    largada: &Barrier,
    parar: &AtomicBool,
    atendidos: &AtomicU64,
) -> Resultado<()> {
    largada.wait();
    while !parar.load(Ordering::Relaxed) {
        meus.iter_mut().try_for_each(Pedinte::pedir)?;
        meus.iter_mut().try_for_each(|pedinte| pedinte.receber(no_ar))?;
        atendidos.fetch_add((meus.len() * no_ar) as u64, Ordering::Relaxed);
    }
    Ok(())
}
