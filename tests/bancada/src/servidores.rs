//! Os servidores que se medem, cada um no seu processo: o piso e o nosso.
//!
//! O processo filho é este mesmo programa, chamado com um papel. Não mede nada.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use arnes::filho;
use servidor::{Config, Servico};

use crate::Resultado;
use crate::latencia::depois_de;

/// O piso: uma thread por conexão, uma linha fixa por linha.
pub fn piso() -> Resultado<()> {
    let escuta = filho::anunciar()?;
    rustix::net::listen(&escuta, 4096)?;
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
pub fn servidor_sob_medida() -> Resultado<()> {
    Ok(filho::servir(Servico::new(Config::default())?)?)
}

/// O servidor de verdade, com a sala no arquivo que vem depois do papel.
pub fn servidor_duravel() -> Resultado<()> {
    let caminho = PathBuf::from(std::env::args_os().nth(2).ok_or("falta o arquivo")?);
    Ok(filho::servir(Servico::no_arquivo(Config::default(), &caminho, false)?)?)
}

/// Um servidor filho deste processo, encerrado quando se solta.
#[derive(Debug)]
pub struct Filho {
    processo: Child,
    /// Onde escuta.
    pub endereco: SocketAddr,
}

impl Filho {
    /// O piso.
    pub fn piso() -> Resultado<Self> {
        Self::new(["--papel-piso"], "off", Stdio::inherit())
    }

    /// O nosso, com a tela calada.
    pub fn calado() -> Resultado<Self> {
        Self::new(["--papel-servidor"], "warn", Stdio::inherit())
    }

    /// O nosso, calado, com a sala neste arquivo.
    pub fn duravel(banco: &Path) -> Resultado<Self> {
        Self::new([OsStr::new("--papel-duravel"), banco.as_os_str()], "warn", Stdio::inherit())
    }

    /// O nosso, com uma linha por operação, escrita neste arquivo.
    pub fn mostrando(registro: &Path) -> Resultado<Self> {
        Self::new(["--papel-servidor"], "info", File::create(registro)?.into())
    }

    /// Um programa `servidor` qualquer, calado, com a sala neste arquivo ou na memória.
    pub fn programa(programa: &str, banco: Option<&Path>, max_conexoes: usize) -> Resultado<Self> {
        let endereco = porta_livre()?;
        let mut comando = Command::new(programa);
        comando.args(["--escutar", &endereco.to_string(), "--max-conexoes", &max_conexoes.to_string()]);
        match banco {
            Some(banco) => comando.arg("--banco").arg(banco),
            None => comando.arg("--memoria"),
        };
        comando.env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null());
        esperar_atender(Self { processo: comando.spawn()?, endereco })
    }

    fn new(
        papel: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &str,
        saida_de_erros: Stdio,
    ) -> Resultado<Self> {
        let (processo, endereco) = filho::nascer(papel, log, saida_de_erros)?;
        Ok(Self { processo, endereco })
    }

    /// O número do processo.
    pub fn pid(&self) -> u32 {
        self.processo.id()
    }

    /// A memória residente do processo, em bytes.
    pub fn residente(&self) -> Resultado<u64> {
        let estado = std::fs::read_to_string(format!("/proc/{}/status", self.processo.id()))?;
        let linha = estado.lines().find(|l| l.starts_with("VmRSS:")).ok_or("sem VmRSS")?;
        let kib: u64 = linha.split_whitespace().nth(1).ok_or("sem VmRSS")?.parse()?;
        Ok(kib * 1024)
    }
}

/// Quanto o processo já usou de processador, em segundos.
pub fn processador(pid: u32) -> Resultado<f64> {
    let estado = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Depois do nome, que pode ter espaços, os campos 12 e 13 são o tempo no programa e o no núcleo, em centésimos.
    let (_, campos) = estado.rsplit_once(')').ok_or("o stat não tem nome")?;
    let tempos: Vec<f64> =
        campos.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(tempos.iter().sum::<f64>() / 100.0)
}

impl Drop for Filho {
    fn drop(&mut self) {
        let _ = self.processo.kill();
        let _ = self.processo.wait();
    }
}

/// Quanto se espera que um programa atenda.
const PRAZO: Duration = Duration::from_secs(10);

/// Um Redis que só responde depois de um `fsync`, como o nosso; `None` se não está instalado.
pub fn redis(pasta: &Path) -> Resultado<Option<Filho>> {
    let endereco = porta_livre()?;
    let mut comando = Command::new("redis-server");
    comando.args(["--bind", "127.0.0.1", "--port", &endereco.port().to_string(), "--tcp-backlog", "4096"]);
    comando.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    // Reescrever o diário no meio da medição só o atrasaria.
    comando.args(["--auto-aof-rewrite-percentage", "0", "--dir"]).arg(pasta);
    let processo = match comando.stdout(Stdio::null()).spawn() {
        Err(erro) if erro.kind() == ErrorKind::NotFound => return Ok(None),
        outro => outro?,
    };
    esperar_atender(Filho { processo, endereco }).map(Some)
}

/// Entre soltar a porta e o programa a pegar, outro a pode levar: então ele não atende, e a medição para.
fn porta_livre() -> Resultado<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn esperar_atender(filho: Filho) -> Resultado<Filho> {
    let mut chega = depois_de(PRAZO);
    while TcpStream::connect(filho.endereco).is_err() {
        if chega() {
            return Err("o servidor não atende".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(filho)
}

/// O valor de um nome em `ESTADO`.
pub fn pedir_estado(endereco: SocketAddr, nome: &str) -> Resultado<String> {
    let mut tomada = TcpStream::connect(endereco)?;
    tomada.write_all(b"ESTADO\nSAIR\n")?;
    let mut tudo = String::new();
    tomada.read_to_string(&mut tudo)?;
    let valor = tudo.lines().find_map(|linha| linha.strip_prefix(nome));
    Ok(valor.ok_or("ESTADO não diz isso")?.to_owned())
}
