//! A bancada: mede o servidor ao lado daquilo com que se compara, na mesma rodada, e diz a razão entre os dois.
//!
//! Primeiro, ao lado de um piso: o menor servidor de linhas que se pode escrever com uma thread por conexão, que lê uma
//! linha e responde sempre a mesma. O que falta para 1,00 é o que custam a gramática, a sala, a trava, os prazos e o log.
//! Depois, ao lado de si mesmo: o que quem espera, quem segura e quem observa custam a quem só pede. Cada servidor roda no
//! seu processo; as rodadas se alternam, e o que se diz é a mediana das razões. Só usa o laço local.
//!
//! E, com a sala num arquivo, ao lado do Redis, se está instalado: ver [`duravel`].
//!
//! Duas versões do servidor se comparam com `--versoes`: ver [`versoes`].
//!
//! `cargo run --release -p bancada [-- --rodadas N --segundos S --so 50x16 --versoes ANTES,DEPOIS]`

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "medir o tempo é o que este programa faz")]
#![expect(clippy::print_stdout, reason = "o relatório é para quem está no terminal")]

mod carga;
mod duravel;
mod espera;
mod estresse;
mod latencia;
mod observacao;
mod plateia;
mod servidores;
mod vazao;
mod versoes;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::ValueExt;
use servidor::base::sistema;

type Resultado<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Uma medição.
type Medicao = fn(&Opcoes) -> Resultado<()>;

/// As medições ao lado do piso: quantas conexões, e quantos pedidos cada uma tem no ar.
const CENARIOS: [(usize, usize); 4] = [(1, 1), (50, 1), (1000, 1), (50, 16)];
/// As outras medições, pelo nome.
const MEDICOES: [(&str, Medicao); 8] = [
    ("multidao", vazao::multidao),
    ("token", vazao::token),
    ("aguardando", espera::aguardando),
    ("vencimentos", espera::vencimentos),
    ("observadores", observacao::observadores),
    ("surdos", observacao::surdos),
    ("duravel", duravel::duravel),
    ("estresse", estresse::estresse),
];

fn main() -> ExitCode {
    let resultado = match std::env::args().nth(1).as_deref() {
        Some("--papel-piso") => servidores::piso(),
        Some("--papel-servidor") => servidores::servidor_sob_medida(),
        Some("--papel-duravel") => servidores::servidor_duravel(),
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

/// O que se pediu na linha de comando.
struct Opcoes {
    rodadas: usize,
    duracao: Duration,
    so: So,
    /// Duas versões do programa, para as pôr lado a lado.
    versoes: Option<[String; 2]>,
}

/// O que medir.
enum So {
    Tudo,
    Carga(usize, usize),
    Uma(Medicao),
}

fn ler_opcoes() -> Resultado<Opcoes> {
    let mut opcoes = Opcoes { rodadas: 9, duracao: Duration::from_secs(1), so: So::Tudo, versoes: None };
    let mut leitor = lexopt::Parser::from_env();
    while let Some(argumento) = leitor.next()? {
        match argumento {
            lexopt::Arg::Long("rodadas") => opcoes.rodadas = leitor.value()?.parse()?,
            lexopt::Arg::Long("segundos") => {
                opcoes.duracao = Duration::from_secs_f64(leitor.value()?.parse()?)
            }
            lexopt::Arg::Long("versoes") => {
                let programas: String = leitor.value()?.parse()?;
                let (antes, depois) = programas.split_once(',').ok_or("--versoes: ANTES,DEPOIS")?;
                opcoes.versoes = Some([antes, depois].map(str::to_owned));
            }
            lexopt::Arg::Long("so") => opcoes.so = ler_so(&leitor.value()?.parse::<String>()?)?,
            outro => return Err(outro.unexpected().into()),
        }
    }
    if opcoes.rodadas == 0 {
        return Err("--rodadas: ao menos uma".into());
    }
    Ok(opcoes)
}

/// `50x16`, conexões e pedidos no ar, ou o nome de uma medição.
fn ler_so(texto: &str) -> Resultado<So> {
    if let Some((_, medicao)) = MEDICOES.iter().find(|(nome, _)| *nome == texto) {
        return Ok(So::Uma(*medicao));
    }
    let carga = texto.split_once('x').and_then(|(conexoes, no_ar)| {
        let (conexoes, no_ar) = (conexoes.parse().ok()?, no_ar.parse().ok()?);
        (conexoes > 0 && no_ar > 0).then_some(So::Carga(conexoes, no_ar))
    });
    let nomes = MEDICOES.map(|(nome, _)| nome).join(", ");
    carga.ok_or_else(|| format!("--so: 50x16 (conexões x pedidos no ar), ou um destes: {nomes}").into())
}

fn medir(opcoes: &Opcoes) -> Resultado<()> {
    sistema::conexoes_possiveis();
    println!(
        "{} rodadas de {:?} por servidor; medianas das rodadas; razão: mediana das razões",
        opcoes.rodadas, opcoes.duracao
    );
    if let Some(programas) = &opcoes.versoes {
        return match opcoes.so {
            So::Tudo => versoes::versoes(opcoes, programas, &versoes::PONTOS),
            So::Carga(conexoes, no_ar) => versoes::versoes(opcoes, programas, &[(conexoes, no_ar)]),
            So::Uma(_) => Err("--versoes: com --so, só uma carga, como 50x16".into()),
        };
    }
    match &opcoes.so {
        So::Uma(medicao) => medicao(opcoes),
        So::Carga(conexoes, no_ar) => vazao::ao_lado_do_piso(opcoes, &[(*conexoes, *no_ar)]),
        So::Tudo => {
            vazao::ao_lado_do_piso(opcoes, &CENARIOS)?;
            MEDICOES.iter().try_for_each(|(_, medicao)| medicao(opcoes))
        }
    }
}
