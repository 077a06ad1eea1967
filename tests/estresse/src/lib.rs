//! O motor do estresse: muitos clientes que pedem de tudo ao mesmo tempo, e a [`Historia`] do que se viu.
//!
//! Não julga: isso é de quem lê a história. Não imprime nem lê opções: isso é do programa `estresse`. O caminho de uma prova:
//!
//! 1. conecta todos, um por um, e reparte-os por duas threads de carga ([`carga`](self));
//! 2. até o fim do tempo, cada um pede, ouve e pede de novo (laço fechado), ou pede na hora marcada (taxa fixa);
//! 3. quando todos ouviram a sua última resposta, todos mandam `LISTAR`: o que ela diz é o que os outros deixaram;
//! 4. cada um devolve o que é seu, já fora da história: a sala de outra pessoa não fica cheia de assentos sem dono.

#![forbid(unsafe_code)]

mod anotacao;
mod carga;
mod medidas;
pub mod mentiroso;
mod pessoa;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use protocolo::{Alvo, ClientId, Comando, Resposta, e_final};

use arnes::Terminal;
use arnes::espera::Cronometro;
use juiz::historia::Historia;

use anotacao::Anotacao;
use carga::{Carga, Plano, Ritmo};
pub use medidas::{Andamento, Especie, Medidas, microssegundos};
use pessoa::Pessoa;
pub use pessoa::Trabalho;

/// Quantas threads fazem a carga: uma por núcleo das máquinas em que medimos.
const CARGAS: usize = 2;
/// Quantas linhas se anotam numa prova, no máximo: uns dois gigabytes, com o que delas se entende.
pub const PEDIDOS_MAX: usize = 5_000_000;
/// Quanto se espera por uma resposta, além do que ela pode demorar.
pub const PACIENCIA: Duration = Duration::from_secs(10);

/// Quantas linhas se leem à procura da saudação, folgadas.
const SAUDACAO_LINHAS_MAX: usize = 8;

/// Como é uma prova.
#[derive(Clone, Debug)]
pub struct Opcoes {
    /// Quantas conexões; ao menos uma.
    pub clientes: usize,
    /// Por quanto tempo se pede.
    pub duracao: Duration,
    /// O que cada cliente sorteia vem dela, e do que ele ouve.
    pub semente: u64,
    /// Pedidos por segundo, ao todo (laço aberto); `None`: cada um pede assim que ouve.
    pub taxa: Option<u32>,
    /// O que os clientes fazem.
    pub trabalho: Trabalho,
    /// Ninguém mais usa o servidor.
    pub sozinha: bool,
    /// Quanto se espera por uma resposta, além do que ela pode demorar.
    pub paciencia: Duration,
}

impl Opcoes {
    /// De tudo, sem taxa, num servidor só nosso.
    pub const fn new(clientes: usize, duracao: Duration, semente: u64) -> Self {
        let trabalho = Trabalho::Misto;
        Self { clientes, duracao, semente, taxa: None, trabalho, sozinha: true, paciencia: PACIENCIA }
    }
}

/// O que se pode ver e mandar enquanto a prova corre.
#[derive(Debug, Default)]
pub struct Rumo {
    /// Manda parar antes da hora, em ordem.
    pub parar: AtomicBool,
    /// Todos entraram, e pedem.
    pub comecou: AtomicBool,
    /// Quantas respostas já vieram.
    pub respondidos: AtomicU64,
}

/// Uma prova inteira contra este servidor.
///
/// Erros: alguém não conseguiu entrar; o sistema negou uma thread, ou um epoll. Depois que todos entraram, um servidor que
/// cai ou se cala não é um erro: está nas medidas e na história.
pub fn rodar(opcoes: &Opcoes, endereco: SocketAddr, rumo: &Rumo) -> io::Result<(Historia, Medidas)> {
    let mut cargas = conectar(opcoes, endereco, rumo)?;
    rumo.comecou.store(true, Ordering::Relaxed);
    let plano =
        Plano { relogio: Cronometro::comecar(), duracao: opcoes.duracao, paciencia: opcoes.paciencia, rumo };
    // Cada passo só começa quando todos acabaram o anterior.
    em_todas(&mut cargas, |carga| carga.misturar(plano))?;
    em_todas(&mut cargas, |carga| carga.pedir_a_todas(&Comando::Listar, plano))?;
    em_todas(&mut cargas, |carga| {
        carga.deixar_de_anotar();
        carga.pedir_a_todas(&Comando::Cancelar { alvo: Alvo::Tudo, cerca: None }, plano)
    })?;
    Ok(juntar(opcoes, cargas))
}

/// Faz o mesmo em todas as cargas, cada uma na sua thread, e espera por todas.
fn em_todas(cargas: &mut [Carga], passo: impl Fn(&mut Carga) -> io::Result<()> + Sync) -> io::Result<()> {
    thread::scope(|escopo| {
        let passo = &passo;
        let threads: Vec<_> = (1..)
            .zip(cargas)
            .map(|(numero, carga)| {
                let nome = format!("carga-{numero}");
                thread::Builder::new().name(nome).spawn_scoped(escopo, move || passo(carga))
            })
            .collect::<io::Result<_>>()?;
        threads.into_iter().try_for_each(|uma| uma.join().expect("a carga entrou em pânico"))
    })
}

fn conectar(opcoes: &Opcoes, endereco: SocketAddr, rumo: &Rumo) -> io::Result<Vec<Carga>> {
    let quantas = CARGAS.min(opcoes.clientes).max(1);
    // Cada carga tem a sua parte da taxa, e as partes se intercalam.
    let passo = |taxa: u32| Duration::from_secs(1) / taxa.max(1);
    let ritmo = |carga: usize| {
        let vez = u32::try_from(carga).unwrap_or_default();
        let cargas = u32::try_from(quantas).unwrap_or(1);
        opcoes.taxa.map(|taxa| Ritmo { proximo: passo(taxa) * vez, passo: passo(taxa) * cargas })
    };
    let mut cargas = (0..quantas)
        .map(|carga| Carga::new(Medidas::new(opcoes.duracao), ritmo(carga), PEDIDOS_MAX / quantas))
        .collect::<io::Result<Vec<_>>>()?;
    for numero in 0..opcoes.clientes {
        if numero > 0 && rumo.parar.load(Ordering::Relaxed) {
            // Mandaram parar: com os que já entraram se faz a prova, que acaba logo.
            break;
        }
        let mut terminal = Terminal::tentar(endereco)?;
        let cliente = saudar(&mut terminal, opcoes.trabalho, numero)?;
        let pessoa = Pessoa::new(opcoes.trabalho, opcoes.semente, numero);
        cargas[numero % quantas].entrar(terminal.tomada().try_clone()?, pessoa, Anotacao::new(cliente))?;
    }
    Ok(cargas)
}

/// Lê a saudação, e quem se é. O piso da bancada não diz quem: ali o número serve.
fn saudar(terminal: &mut Terminal, trabalho: Trabalho, numero: usize) -> io::Result<ClientId> {
    let mut linhas = 0;
    let resposta = loop {
        let lida = terminal.tentar_linha().map_err(|erro| match erro.kind() {
            // Nem texto é.
            io::ErrorKind::InvalidData => estranho(),
            _ => erro,
        });
        let linha = lida?.ok_or_else(|| io::Error::other("o servidor fechou antes da saudação"))?;
        if e_final(&linha) {
            break linha.parse();
        }
        // A saudação tem uma ou duas linhas para pessoas.
        linhas += 1;
        if linhas > SAUDACAO_LINHAS_MAX {
            return Err(estranho());
        }
    };
    match resposta {
        Ok(Resposta::Saudacao { cliente, .. }) => Ok(cliente),
        Ok(Resposta::Recusado(recusa)) => Err(io::Error::other(format!("ele respondeu: {recusa}"))),
        _ if trabalho == Trabalho::Trios => ClientId::new(numero as u64 + 1).ok_or_else(estranho),
        _ => Err(estranho()),
    }
}

fn estranho() -> io::Error {
    io::Error::other("quem atende não é um servidor da Reserva")
}

/// As conversas na ordem em que as conexões se abriram, e as medidas somadas.
fn juntar(opcoes: &Opcoes, cargas: Vec<Carga>) -> (Historia, Medidas) {
    let mut medidas = Medidas::new(opcoes.duracao);
    let mut filas = Vec::new();
    for carga in cargas {
        let (dela, conversas) = carga.acabar();
        medidas.somar(&dela);
        filas.push(conversas.into_iter());
    }
    let mut historia = Historia { conversas: Vec::new(), sozinha: opcoes.sozinha };
    for numero in 0..opcoes.clientes {
        let vez = numero % filas.len();
        historia.conversas.extend(filas[vez].next());
    }
    (historia, medidas)
}

impl Rumo {
    /// Manda parar, em ordem; diz se já se tinha mandado.
    pub fn parar(&self) -> bool {
        self.parar.swap(true, Ordering::Relaxed)
    }
}
