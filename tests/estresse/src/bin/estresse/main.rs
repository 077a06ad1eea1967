//! O programa `estresse`: muitos clientes pedem de tudo ao mesmo tempo, e um juiz diz se o servidor cumpriu o que promete.
//!
//! | módulo | o que é |
//! |---|---|
//! | `argumentos` | as opções da linha de comando |
//! | `andamento` | o que se vê enquanto a prova corre |
//! | `maquina` | a máquina em que se mediu |
//! | `relatorio` | o resultado em palavras, números e desenhos |
//!
//! O motor e o juiz estão na biblioteca (`estresse`, `juiz`): aqui só se liga, se mostra e se escreve.

#![forbid(unsafe_code)]

mod andamento;
mod argumentos;
mod maquina;
mod relatorio;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use arnes::filho;
use cliente::{Falha, SAIDA_SEM_CONEXAO, SAIDA_USO};
use estresse::{Rumo, rodar};
use servidor::{Config, Servico, base::sistema};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use argumentos::{Pedido, Prova};
use maquina::Maquina;
use relatorio::Resultado;

/// Alguma lei foi quebrada.
const INFRACAO: u8 = 1;
/// Um segundo sinal: 128 + SIGINT, como nos shells.
const INTERROMPIDO: i32 = 130;
/// Com este argumento, e mais nenhum, o programa é o servidor que ele mesmo vai provar.
const PAPEL_SERVIDOR: &str = "--papel-servidor";

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argumento| argumento == PAPEL_SERVIDOR) {
        return match Servico::new(Config::default()).and_then(filho::servir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(erro) => queixar(&format!("o servidor da prova parou: {erro}"), 1),
        };
    }
    match argumentos::ler(std::env::args_os().skip(1)) {
        Ok(Pedido::Ajuda) => mostrar(argumentos::AJUDA),
        Ok(Pedido::Versao) => mostrar(&format!("estresse {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Pedido::Provar(prova)) => {
            provar(&prova).unwrap_or_else(|(queixa, codigo)| queixar(&queixa, codigo))
        }
        Err(erro) => queixar(&format!("{erro} (--ajuda mostra as opções)"), SAIDA_USO),
    }
}

fn mostrar(texto: &str) -> ExitCode {
    escrever(texto);
    ExitCode::SUCCESS
}

fn escrever(texto: &str) {
    // Quem fechou o cano já leu o que queria.
    let _ = io::stdout().write_all(texto.as_bytes());
}

fn queixar(texto: &str, codigo: u8) -> ExitCode {
    // Se nem a queixa pode ser dita, resta o código de saída.
    let _ = writeln!(io::stderr(), "estresse: {texto}");
    ExitCode::from(codigo)
}

/// O que dizer, e com que código sair.
type Queixa = (String, u8);

fn provar(prova: &Prova) -> Result<ExitCode, Queixa> {
    sistema::conexoes_possiveis();
    // Antes de pedir o que quer que seja: descobrir depois que o relatório não cabe ali custaria a prova.
    let relatorio = prova.relatorio.as_deref();
    if let Some(caminho) = relatorio {
        let aberto = OpenOptions::new().create(true).append(true).open(caminho);
        aberto.map_err(|erro| {
            (format!("{} não pode ser escrito: {}", caminho.display(), motivo(&erro)), SAIDA_USO)
        })?;
    }
    let alvo = Alvo::achar(prova.servidor.as_deref())?;
    let rumo = Arc::new(Rumo::default());
    ouvir_sinais(Arc::clone(&rumo))
        .map_err(|erro| (format!("os sinais não puderam ser ouvidos: {erro}"), SAIDA_SEM_CONEXAO))?;

    escrever(&relatorio::abertura(prova, &alvo.nome));
    let (historia, medidas) = correr(prova, &alvo, &rumo)
        .map_err(|erro| (format!("{}: {}", alvo.nome, Falha::SemConexao(erro)), SAIDA_SEM_CONEXAO))?;
    drop(alvo);
    let veredito = juiz::julgar(&historia);
    let resultado = Resultado {
        prova,
        medidas: &medidas,
        historia: &historia,
        veredito: &veredito,
        maquina: &Maquina::esta(),
    };
    escrever(&resultado.no_terminal());
    if let Some(caminho) = relatorio {
        let graficos = guardar(&resultado, caminho)
            .map_err(|erro| (format!("o relatório não pôde ser escrito: {}", motivo(&erro)), SAIDA_USO))?;
        escrever(&format!("relatório em {}, gráficos em {}\n", caminho.display(), graficos.display()));
    }
    Ok(if !veredito.inocente() {
        ExitCode::from(INFRACAO)
    } else if medidas.perdidas > 0 {
        queixar("a conexão se perdeu antes do fim: só se julgou o que se viu", SAIDA_SEM_CONEXAO)
    } else {
        ExitCode::SUCCESS
    })
}

/// Por que um arquivo não se escreve, em português; o que não se conhece vai como o sistema diz.
fn motivo(erro: &io::Error) -> String {
    match erro.kind() {
        io::ErrorKind::NotFound => "essa pasta não existe".to_owned(),
        io::ErrorKind::PermissionDenied => "o sistema não deixou".to_owned(),
        io::ErrorKind::IsADirectory => "é uma pasta".to_owned(),
        _ => erro.to_string(),
    }
}

/// A prova, com o andamento à vista.
fn correr(
    prova: &Prova,
    alvo: &Alvo,
    rumo: &Rumo,
) -> io::Result<(juiz::historia::Historia, estresse::Medidas)> {
    let fim = AtomicBool::new(false);
    thread::scope(|escopo| {
        let andamento = thread::Builder::new().name("andamento".into());
        andamento.spawn_scoped(escopo, || andamento::mostrar(prova.opcoes.duracao, rumo, &fim))?;
        let feito = rodar(&prova.opcoes, alvo.endereco, rumo);
        fim.store(true, Ordering::Relaxed);
        feito
    })
}

/// Escreve o relatório e, ao lado, os gráficos; diz onde ficaram estes.
fn guardar(resultado: &Resultado<'_>, caminho: &Path) -> io::Result<PathBuf> {
    let graficos = caminho.with_extension("svg");
    fs::write(&graficos, resultado.graficos())?;
    let nome = graficos.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::write(caminho, resultado.em_markdown(&nome))?;
    Ok(graficos)
}

/// O primeiro sinal acaba em ordem; o segundo, na hora.
fn ouvir_sinais(rumo: Arc<Rumo>) -> io::Result<()> {
    let mut sinais = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let ouvir = move || {
        for _ in sinais.forever() {
            if rumo.parar() {
                std::process::exit(INTERROMPIDO);
            }
            let _ = writeln!(
                io::stderr(),
                "\nacabando: ouvem-se as últimas respostas (outro Ctrl-C acaba na hora)"
            );
        }
    };
    // Ninguém espera por esta thread: ela acaba com o programa.
    thread::Builder::new().name("sinais".into()).spawn(ouvir).map(drop)
}

/// O servidor que se prova; se é nosso, acaba ao ser largado.
struct Alvo {
    nome: String,
    endereco: SocketAddr,
    filho: Option<Child>,
}

impl Alvo {
    fn achar(servidor: Option<&str>) -> Result<Self, Queixa> {
        let Some(nome) = servidor else {
            let (filho, endereco) = filho::nascer([PAPEL_SERVIDOR], "warn", Stdio::inherit())
                .map_err(|erro| (format!("o servidor da prova não ligou: {erro}"), SAIDA_SEM_CONEXAO))?;
            return Ok(Self { nome: endereco.to_string(), endereco, filho: Some(filho) });
        };
        // Um nome que não se conhece e um nome sem endereço são o mesmo para quem o escreveu.
        let achado = nome.to_socket_addrs().ok().and_then(|mut achados| achados.next());
        let endereco =
            achado.ok_or_else(|| (format!("{nome}: não conheço esse endereço"), SAIDA_SEM_CONEXAO))?;
        Ok(Self { nome: nome.to_owned(), endereco, filho: None })
    }
}

impl Drop for Alvo {
    fn drop(&mut self) {
        if let Some(filho) = &mut self.filho {
            // Já acabado, tanto melhor.
            let _ = filho.kill();
            let _ = filho.wait();
        }
    }
}
