//! As opções da linha de comando. Só lê: não conecta e não imprime.

use std::ffi::OsString;
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use estresse::Opcoes;
use lexopt::prelude::*;
use protocolo::limites::ENDERECO_PADRAO;
use servidor::uso::ErroDeUso;

/// Quantos clientes, quando não se diz.
const CLIENTES_PADRAO: usize = 64;
/// Por quanto tempo, quando não se diz.
const SEGUNDOS_PADRAO: u64 = 10;

/// O que `--ajuda` mostra.
pub const AJUDA: &str = "\
Faz muitos clientes pedirem de tudo ao mesmo tempo e julga, depois, se o servidor cumpriu o que o protocolo promete.

Uso: estresse [OPÇÕES]

  --servidor HOST:PORTA    o servidor a provar; sem isto, liga um só para si, numa porta livre e só em memória.
                           A prova toma e devolve assentos sem parar: não a aponte para um servidor em uso
                           (por isso RESERVA_SERVIDOR não vale aqui)
  --clientes N             quantas conexões (1 a 10000; 64, se você não disser)
  --segundos S             por quanto tempo elas pedem (1 a 3600; 10, se você não disser)
  --semente N              repete o acaso de outra prova: as mesmas escolhas a cada resposta, embora não a mesma ordem
  --taxa R                 R pedidos por segundo ao todo (1 a 1000000), cada um com a sua hora, e a demora conta dela;
                           sem isto, cada cliente pede assim que ouve a resposta anterior
  --relatorio ARQUIVO.md   escreve também um relatório, e os gráficos ao lado, em ARQUIVO.svg
  --ajuda, --help          mostra este texto
  --versao, --version      mostra a versão

Ctrl-C acaba antes da hora e ainda julga o que se viu; o segundo acaba na hora.

Códigos de saída:
  0  nenhuma lei foi quebrada
  1  alguma não foi, e as respostas culpadas são mostradas
  2  a linha de comando não se entende, ou o relatório não pode ser escrito
  3  não há conexão, ou ela se perdeu
";

/// O que a linha de comando pede.
#[derive(Clone, Debug)]
pub enum Pedido {
    /// Fazer uma prova.
    Provar(Prova),
    /// Mostrar a ajuda.
    Ajuda,
    /// Mostrar a versão.
    Versao,
}

/// A prova que se pede.
#[derive(Clone, Debug)]
pub struct Prova {
    /// O servidor a provar: `HOST:PORTA`; sem ele, um só para isto.
    pub servidor: Option<String>,
    /// Como ela é.
    pub opcoes: Opcoes,
    /// Onde escrever o relatório.
    pub relatorio: Option<PathBuf>,
}

/// Lê os argumentos, sem o nome do programa. O erro é uma linha que diz qual deles não se entende.
pub fn ler(argumentos: impl IntoIterator<Item = OsString>) -> Result<Pedido, ErroDeUso> {
    let mut leitor = lexopt::Parser::from_args(argumentos);
    let (mut servidor, mut relatorio, mut semente, mut taxa) = (None, None, None, None);
    let (mut clientes, mut segundos) = (CLIENTES_PADRAO, SEGUNDOS_PADRAO);
    while let Some(argumento) = leitor.next()? {
        match argumento {
            Long("servidor") => servidor = Some(ler_servidor(valor(&mut leitor)?)?),
            Long("clientes") => clientes = ler_numero(&mut leitor, "--clientes", 1..=10_000)?,
            Long("segundos") => segundos = ler_numero(&mut leitor, "--segundos", 1..=3600)?,
            Long("semente") => semente = Some(ler_numero(&mut leitor, "--semente", 0..=u64::MAX)?),
            Long("taxa") => taxa = Some(ler_numero(&mut leitor, "--taxa", 1..=1_000_000)?),
            Long("relatorio") => relatorio = Some(ler_relatorio(leitor.value()?)?),
            Long("ajuda" | "help") => return Ok(Pedido::Ajuda),
            Long("versao" | "version") => return Ok(Pedido::Versao),
            outro => return Err(outro.unexpected().into()),
        }
    }
    let semente = semente.unwrap_or_else(sortear_semente);
    let opcoes = Opcoes::new(clientes, Duration::from_secs(segundos), semente);
    let sozinha = servidor.is_none();
    Ok(Pedido::Provar(Prova { servidor, opcoes: Opcoes { taxa, sozinha, ..opcoes }, relatorio }))
}

/// Uma semente que se copia sem esforço.
fn sortear_semente() -> u64 {
    RandomState::new().hash_one("estresse") % 1_000_000
}

fn valor(leitor: &mut lexopt::Parser) -> Result<String, ErroDeUso> {
    Ok(leitor.value()?.string()?)
}

fn ler_numero<N>(leitor: &mut lexopt::Parser, opcao: &str, faixa: RangeInclusive<N>) -> Result<N, ErroDeUso>
where
    N: FromStr + PartialOrd + Display,
{
    let valor = valor(leitor)?;
    let numero = valor.parse().ok().filter(|numero| faixa.contains(numero));
    numero.ok_or_else(|| {
        ErroDeUso(format!("{opcao} {valor}: esperava um número de {} a {}", faixa.start(), faixa.end()))
    })
}

fn ler_servidor(servidor: String) -> Result<String, ErroDeUso> {
    match servidor.rsplit_once(':') {
        Some((host, porta)) if !host.is_empty() && porta.parse::<u16>().is_ok() => Ok(servidor),
        _ => Err(ErroDeUso(format!("--servidor {servidor}: esperava HOST:PORTA, como {ENDERECO_PADRAO}"))),
    }
}

fn ler_relatorio(valor: OsString) -> Result<PathBuf, ErroDeUso> {
    let caminho = PathBuf::from(valor);
    // Os gráficos levam o mesmo nome, com .svg no fim.
    if caminho.extension().is_some_and(|fim| fim == "md") {
        return Ok(caminho);
    }
    Err(ErroDeUso(format!(
        "--relatorio {}: o nome acaba em .md; os gráficos ficam ao lado, em .svg",
        caminho.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn de(linha: &str) -> Result<Pedido, String> {
        ler(linha.split_whitespace().map(OsString::from)).map_err(|erro| erro.to_string())
    }

    #[test]
    fn le_as_opcoes_e_as_costumeiras() {
        let Ok(Pedido::Provar(prova)) = de("") else { panic!() };
        assert_eq!((prova.opcoes.clientes, prova.opcoes.duracao), (64, Duration::from_secs(10)));
        assert_eq!((prova.opcoes.taxa, prova.servidor, prova.relatorio), (None, None, None));
        assert!(prova.opcoes.sozinha);
        let Ok(Pedido::Provar(prova)) =
            de("--servidor [::1]:9 --clientes 2 --segundos=3 --semente 4 --taxa 5 --relatorio a/x.md")
        else {
            panic!()
        };
        let Opcoes { clientes, semente, taxa, sozinha, .. } = prova.opcoes;
        assert_eq!((clientes, semente, taxa, sozinha), (2, 4, Some(5), false));
        assert_eq!(prova.servidor.as_deref(), Some("[::1]:9"));
        assert_eq!(prova.relatorio, Some(PathBuf::from("a/x.md")));
        for (linha, ajuda) in [("--ajuda", true), ("--help", true), ("--versao", false), ("--version", false)]
        {
            assert_eq!(matches!(de(linha), Ok(Pedido::Ajuda)), ajuda, "{linha}");
            assert_eq!(matches!(de(linha), Ok(Pedido::Versao)), !ajuda, "{linha}");
        }
    }

    #[test]
    fn erro_de_uso_diz_qual_em_uma_linha() {
        for (linha, esperado) in [
            ("--turbo", "opção desconhecida: --turbo"),
            ("-x", "opção desconhecida: -x"),
            ("7878", "palavra a mais: 7878"),
            ("--clientes", "falta o valor de --clientes"),
            ("--clientes 0", "--clientes 0: esperava um número de 1 a 10000"),
            ("--segundos 3601", "--segundos 3601: esperava um número de 1 a 3600"),
            ("--taxa x", "--taxa x: esperava um número de 1 a 1000000"),
            ("--servidor sala", "--servidor sala: esperava HOST:PORTA, como 127.0.0.1:7878"),
            ("--servidor :99", "--servidor :99: esperava HOST:PORTA, como 127.0.0.1:7878"),
            (
                "--relatorio x.svg",
                "--relatorio x.svg: o nome acaba em .md; os gráficos ficam ao lado, em .svg",
            ),
        ] {
            assert_eq!(de(linha).map(|_| ()), Err(esperado.to_owned()), "{linha}");
        }
    }
}
