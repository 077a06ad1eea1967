//! A bancada: mede o servidor ao lado de um piso, na mesma rodada, e diz a razão entre os dois.
//!
//! O piso é o menor servidor de linhas que se pode escrever com uma thread por conexão: lê uma linha e responde
//! sempre a mesma. O que falta para 1,00 é o que custam a gramática, a sala, a trava, os prazos e o log. Cada servidor
//! roda no seu processo; as rodadas se alternam, e o que se diz é a mediana das razões. Só usa o laço local.
//!
//! `cargo run --release -p tests --bin bancada [-- --rodadas N --segundos S --so 50x16]`

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "medir o tempo é o que este programa faz")]
#![expect(clippy::print_stdout, reason = "o relatório é para quem está no terminal")]

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::ValueExt;
use servidor::sincronia::Arc;
use servidor::{Config, Parada, Servico, mensagens, sistema};

type Resultado<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Quantas threads fazem a carga: uma por núcleo das máquinas em que medimos.
const CARGAS: usize = 2;
/// Quantas conexões se abrem para medir abertura e memória.
const MULTIDAO: usize = 10_000;
/// As medições: quantas conexões, e quantos pedidos cada uma tem no ar.
const CENARIOS: [(usize, usize); 4] = [(1, 1), (50, 1), (1000, 1), (50, 16)];

fn main() -> ExitCode {
    let resultado = match std::env::args().nth(1).as_deref() {
        Some("--papel-piso") => piso(),
        Some("--papel-servidor") => servidor_sob_medida(),
        _ => ler_opcoes().and_then(|opcoes| medir(&opcoes)),
    };
    match resultado {
        Ok(()) => ExitCode::SUCCESS,
        Err(erro) => {
            let _ = writeln!(std::io::stderr(), "bancada: {erro}");
            ExitCode::FAILURE
        }
    }
}

struct Opcoes {
    rodadas: usize,
    duracao: Duration,
    /// Só este cenário: conexões e pedidos no ar.
    so: Option<(usize, usize)>,
}

fn ler_opcoes() -> Resultado<Opcoes> {
    let mut opcoes = Opcoes { rodadas: 9, duracao: Duration::from_secs(1), so: None };
    let mut leitor = lexopt::Parser::from_env();
    while let Some(argumento) = leitor.next()? {
        match argumento {
            lexopt::Arg::Long("rodadas") => opcoes.rodadas = leitor.value()?.parse()?,
            lexopt::Arg::Long("segundos") => {
                opcoes.duracao = Duration::from_secs_f64(leitor.value()?.parse()?)
            }
            lexopt::Arg::Long("so") => {
                let texto: String = leitor.value()?.parse()?;
                let (conexoes, no_ar) =
                    texto.split_once('x').ok_or("--so 50x16: conexões x pedidos no ar")?;
                opcoes.so = Some((conexoes.parse()?, no_ar.parse()?));
            }
            outro => return Err(outro.unexpected().into()),
        }
    }
    Ok(opcoes)
}

// ---- Os servidores, cada um num processo ----

/// O piso: uma thread por conexão, uma linha fixa por linha.
fn piso() -> Resultado<()> {
    let escuta = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::listen(&escuta, 4096)?;
    anunciar(&escuta)?;
    for tomada in escuta.incoming() {
        let tomada = tomada?;
        thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            let _ = tomada.set_nodelay(true);
            let _ = (&tomada).write_all(b"OK PISO\n");
            let mut leitor = BufReader::new(&tomada);
            let (mut linha, mut saida) = (String::new(), Vec::new());
            while matches!(leitor.read_line(&mut linha), Ok(n) if n > 0) {
                saida.extend_from_slice(b"OK RESERVADO 11 12 13 versao=100000\n");
                linha.clear();
                // Também o piso responde a um lote numa escrita só: sem isso, ele não seria piso com pedidos no ar.
                if leitor.buffer().is_empty() {
                    if (&tomada).write_all(&saida).is_err() {
                        break;
                    }
                    saida.clear();
                }
            }
        })?;
    }
    Ok(())
}

/// O servidor de verdade, com o log que `RUST_LOG` pede.
fn servidor_sob_medida() -> Resultado<()> {
    sistema::conexoes_possiveis();
    let _escoadouro = mensagens::iniciar()?;
    let escuta = TcpListener::bind("127.0.0.1:0")?;
    anunciar(&escuta)?;
    Ok(servidor::executar(escuta, &Arc::new(Servico::new(Config::default())?), &Parada::new())?)
}

fn anunciar(escuta: &TcpListener) -> Resultado<()> {
    println!("{}", escuta.local_addr()?);
    std::io::stdout().flush()?;
    Ok(())
}

/// Um servidor filho deste processo, encerrado quando se solta.
struct Filho {
    processo: Child,
    endereco: SocketAddr,
}

impl Filho {
    fn new(papel: &str, log: &str, saida_de_erros: Stdio) -> Resultado<Self> {
        let mut processo = Command::new(std::env::current_exe()?)
            .arg(OsString::from(papel))
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(saida_de_erros)
            .spawn()?;
        let mut linha = String::new();
        let saida = processo.stdout.take().ok_or("o filho não tem saída")?;
        BufReader::new(saida).read_line(&mut linha)?;
        Ok(Self { processo, endereco: linha.trim().parse()? })
    }

    /// A memória residente do processo, em bytes.
    fn residente(&self) -> Resultado<u64> {
        let estado = std::fs::read_to_string(format!("/proc/{}/status", self.processo.id()))?;
        let linha = estado.lines().find(|l| l.starts_with("VmRSS:")).ok_or("sem VmRSS")?;
        let kib: u64 = linha.split_whitespace().nth(1).ok_or("sem VmRSS")?.parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Filho {
    fn drop(&mut self) {
        let _ = self.processo.kill();
        let _ = self.processo.wait();
    }
}

// ---- A carga ----

/// Um cliente da carga: pede e lê, sem interpretar mais do que a conta de linhas.
struct Pedinte {
    leitor: BufReader<TcpStream>,
    lote: [Vec<u8>; 2],
    vez: usize,
}

impl Pedinte {
    /// Conecta e lê a saudação inteira.
    fn new(endereco: SocketAddr, numero: usize, no_ar: usize) -> Resultado<Self> {
        let tomada = TcpStream::connect(endereco)?;
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut leitor = BufReader::with_capacity(4096, tomada);
        let mut linha = String::new();
        while !linha.starts_with("OK") {
            linha.clear();
            if leitor.read_line(&mut linha)? == 0 {
                return Err("a conexão fechou na saudação".into());
            }
        }
        // Trinta e três trios de assentos; com mais clientes do que isso, há disputa.
        let base = 3 * (numero % 33) + 1;
        let trio = format!("{} {} {}", base, base + 1, base + 2);
        let lote = |inicio: usize| {
            let verbo = |i: usize| if (inicio + i) % 2 == 0 { "RESERVAR" } else { "CANCELAR" };
            (0..no_ar).map(|i| format!("{} {trio}\n", verbo(i))).collect::<String>().into_bytes()
        };
        Ok(Self { leitor, lote: [lote(0), lote(1)], vez: 0 })
    }

    fn pedir(&mut self) -> Resultado<()> {
        let lote = &self.lote[self.vez % 2];
        self.leitor.get_mut().write_all(lote)?;
        self.vez += usize::from(lote.iter().filter(|b| **b == b'\n').count() % 2 == 1);
        Ok(())
    }

    fn dizer(&mut self, linha: &str) -> Resultado<()> {
        Ok(self.leitor.get_mut().write_all(linha.as_bytes())?)
    }

    /// Pede e lê uma resposta de uma linha.
    fn perguntar(&mut self, linha: &str) -> Resultado<String> {
        self.dizer(linha)?;
        let mut resposta = String::new();
        self.leitor.read_line(&mut resposta)?;
        Ok(resposta.trim_end().to_owned())
    }

    /// Lê `quantas` respostas: neste protocolo, a esses pedidos, são outras tantas linhas.
    fn receber(&mut self, mut quantas: usize) -> Resultado<()> {
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

/// Um servidor e os clientes já conectados a ele.
struct Lado {
    pedintes: Vec<Vec<Pedinte>>,
    no_ar: usize,
}

impl Lado {
    fn new(filho: &Filho, conexoes: usize, no_ar: usize) -> Resultado<Self> {
        let cargas = CARGAS.min(conexoes);
        let mut pedintes: Vec<Vec<Pedinte>> = (0..cargas).map(|_| Vec::new()).collect();
        for numero in 0..conexoes {
            pedintes[numero % cargas].push(Pedinte::new(filho.endereco, numero, no_ar)?);
        }
        Ok(Self { pedintes, no_ar })
    }

    /// Pedidos atendidos por segundo durante `duracao`. Cada thread de carga escreve em todas as suas conexões e
    /// depois lê de todas: cada conexão tem sempre `no_ar` pedidos sem resposta, no máximo.
    fn vazao(&mut self, duracao: Duration) -> Resultado<f64> {
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

// ---- As medições ----

fn medir(opcoes: &Opcoes) -> Resultado<()> {
    let Opcoes { rodadas, duracao, so } = *opcoes;
    sistema::conexoes_possiveis();
    println!(
        "{rodadas} rodadas de {duracao:?} por servidor; pedidos por segundo, medianas; razão: mediana das razões"
    );
    println!("conexões  no ar      piso  servidor  mostrando  servidor/piso  mostrando/servidor");
    let registro = std::env::temp_dir().join(format!("bancada-{}.log", std::process::id()));
    for (conexoes, no_ar) in CENARIOS.into_iter().filter(|cenario| so.is_none_or(|so| so == *cenario)) {
        cenario(conexoes, no_ar, rodadas, duracao, &registro)?;
    }
    std::fs::remove_file(&registro)?;
    if so.is_some() {
        return Ok(());
    }
    multidao()?;
    for na_fila in [2, 1000] {
        passagem(na_fila)?;
    }
    reservar_com_fila(rodadas, duracao)
}

fn cenario(
    conexoes: usize,
    no_ar: usize,
    rodadas: usize,
    duracao: Duration,
    registro: &std::path::Path,
) -> Resultado<()> {
    let piso = Filho::new("--papel-piso", "off", Stdio::inherit())?;
    let calado = Filho::new("--papel-servidor", "warn", Stdio::inherit())?;
    let mostrando = Filho::new("--papel-servidor", "info", File::create(registro)?.into())?;
    let mut lados = [&piso, &calado, &mostrando]
        .into_iter()
        .map(|filho| Lado::new(filho, conexoes, no_ar))
        .collect::<Resultado<Vec<_>>>()?;
    let mut vazoes = vec![Vec::new(); lados.len()];
    for rodada in 0..=rodadas {
        for (lado, vazoes) in lados.iter_mut().zip(&mut vazoes) {
            let vazao = lado.vazao(duracao)?;
            // A primeira rodada aquece e não conta.
            if rodada > 0 {
                vazoes.push(vazao);
            }
        }
    }
    let razoes = |a: usize, b: usize| mediana(vazoes[a].iter().zip(&vazoes[b]).map(|(a, b)| a / b).collect());
    println!(
        "{conexoes:>8} {no_ar:>6} {:>9.0} {:>9.0} {:>10.0} {:>14.2} {:>19.2}",
        mediana(vazoes[0].clone()),
        mediana(vazoes[1].clone()),
        mediana(vazoes[2].clone()),
        razoes(1, 0),
        razoes(2, 1)
    );
    let perdidas = pedir_estado(mostrando.endereco, "mensagens_descartadas: ")?;
    println!("          mensagens descartadas: {perdidas}");
    Ok(())
}

fn mediana(mut valores: Vec<f64>) -> f64 {
    valores.sort_by(f64::total_cmp);
    valores[valores.len() / 2]
}

/// O valor de um nome em `ESTADO`.
fn pedir_estado(endereco: SocketAddr, nome: &str) -> Resultado<String> {
    let mut tomada = TcpStream::connect(endereco)?;
    tomada.write_all(b"ESTADO\nSAIR\n")?;
    let mut tudo = String::new();
    tomada.read_to_string(&mut tudo)?;
    let valor = tudo.lines().find_map(|linha| linha.strip_prefix(nome));
    Ok(valor.ok_or("ESTADO não diz isso")?.to_owned())
}

/// Abre dez mil conexões, atende cada uma e mede o tempo e a memória.
fn multidao() -> Resultado<()> {
    let servidor = Filho::new("--papel-servidor", "warn", Stdio::inherit())?;
    let antes = servidor.residente()?;
    let inicio = Instant::now();
    let mut lado = Lado { pedintes: Vec::new(), no_ar: 1 };
    let endereco = servidor.endereco;
    thread::scope(|escopo| {
        let threads: Vec<_> = (0..CARGAS)
            .map(|carga| {
                escopo.spawn(move || {
                    (carga..MULTIDAO)
                        .step_by(CARGAS)
                        .map(|n| Pedinte::new(endereco, n, 1))
                        .collect::<Resultado<Vec<_>>>()
                })
            })
            .collect();
        for uma in threads {
            lado.pedintes.push(uma.join().map_err(|_| "a carga entrou em pânico")??);
        }
        Resultado::Ok(())
    })?;
    let aberta = inicio.elapsed();
    let parada = servidor.residente()? - antes;
    for pedinte in lado.pedintes.iter_mut().flatten() {
        pedinte.pedir()?;
    }
    for pedinte in lado.pedintes.iter_mut().flatten() {
        pedinte.receber(1)?;
    }
    let atendida = servidor.residente()? - antes;
    println!("{MULTIDAO} conexões abertas e saudadas em {:.2} s", aberta.as_secs_f64());
    println!(
        "memória residente por conexão: {:.1} KiB ao abrir, {:.1} KiB depois de atendida",
        kib_por_conexao(parada),
        kib_por_conexao(atendida)
    );
    Ok(())
}

/// Mede a passagem do token, do `TOKEN LIBERAR` de um ao `OK TOKEN` do seguinte, ao lado de um `PING`.
fn passagem(na_fila: usize) -> Resultado<()> {
    const MEDIDAS: usize = 4_000;
    let servidor = Filho::new("--papel-servidor", "warn", Stdio::inherit())?;
    let mut fila =
        (0..=na_fila).map(|n| Pedinte::new(servidor.endereco, n, 1)).collect::<Resultado<Vec<_>>>()?;
    let mut sonda = Pedinte::new(servidor.endereco, 0, 1)?;
    fila[0].dizer("TOKEN SOLICITAR POR 3600\n")?;
    fila[0].receber(1)?;
    // Um por vez, para que a ordem da fila seja a do vetor: duas conexões são duas threads, sem ordem entre si.
    for (n, pedinte) in fila.iter_mut().enumerate().skip(1) {
        entrar_na_fila(pedinte, &mut sonda, n)?;
    }
    let (mut pings, mut passagens) = (Vec::new(), Vec::new());
    let mut dono = 0;
    for _ in 0..MEDIDAS {
        let inicio = Instant::now();
        sonda.perguntar("PING\n")?;
        pings.push(inicio.elapsed().as_secs_f64());
        let proximo = (dono + 1) % fila.len();
        let inicio = Instant::now();
        fila[dono].dizer("TOKEN LIBERAR\n")?;
        fila[proximo].receber(1)?;
        passagens.push(inicio.elapsed().as_secs_f64());
        fila[dono].receber(1)?;
        entrar_na_fila(&mut fila[dono], &mut sonda, na_fila)?;
        dono = proximo;
    }
    let (ping, passagem) = (mediana(pings), mediana(passagens));
    println!(
        "token, {na_fila} na fila: passagem {:.1} us, PING {:.1} us, razão {:.2}",
        passagem * 1e6,
        ping * 1e6,
        passagem / ping
    );
    Ok(())
}

fn entrar_na_fila(pedinte: &mut Pedinte, sonda: &mut Pedinte, na_fila: usize) -> Resultado<()> {
    pedinte.dizer("TOKEN SOLICITAR POR 3600\n")?;
    while !sonda.perguntar("TOKEN ESTADO\n")?.ends_with(&format!("espera={na_fila}")) {}
    Ok(())
}

/// Mede o que mil clientes à espera do token custam a quem reserva.
fn reservar_com_fila(rodadas: usize, duracao: Duration) -> Resultado<()> {
    const ESPERANDO: usize = 1000;
    let vazio = Filho::new("--papel-servidor", "warn", Stdio::inherit())?;
    let cheio = Filho::new("--papel-servidor", "warn", Stdio::inherit())?;
    let mut fila =
        (0..=ESPERANDO).map(|n| Pedinte::new(cheio.endereco, n, 1)).collect::<Resultado<Vec<_>>>()?;
    for pedinte in &mut fila {
        pedinte.dizer("TOKEN SOLICITAR POR 3600\n")?;
    }
    let (mut sem, mut com) = (Lado::new(&vazio, 50, 1)?, Lado::new(&cheio, 50, 1)?);
    let mut razoes = Vec::new();
    for rodada in 0..=rodadas {
        let (sem, com) = (sem.vazao(duracao)?, com.vazao(duracao)?);
        if rodada > 0 {
            razoes.push(com / sem);
        }
    }
    println!("RESERVAR com {ESPERANDO} à espera do token / sem ninguém: {:.3}", mediana(razoes));
    Ok(())
}

fn kib_por_conexao(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memória bem menor que 2^52 bytes")]
    let (bytes, conexoes) = (bytes as f64, MULTIDAO as f64);
    bytes / conexoes / 1024.0
}
