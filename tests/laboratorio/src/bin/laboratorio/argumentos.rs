//! As opções da linha de comando do laboratório. Só lê e confere: não mede nem escreve.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use laboratorio::medicao::ANOTACOES_MAX;
use laboratorio::tecnicas::{TECNICAS, Tecnica, chamada};
use lexopt::prelude::*;
use servidor::uso::ErroDeUso;

/// Quanto dura cada medição, se não se diz.
const SEGUNDOS_PADRAO: f64 = 0.5;
/// Quanto pode durar uma medição.
const SEGUNDOS: (f64, f64) = (0.01, 60.0);
/// Com quantas threads, se não se diz.
const THREADS_PADRAO: [usize; 4] = [1, 2, 8, 32];
/// Quantas threads cabem numa medição.
const THREADS_MAX: usize = 256;

/// O que a linha de comando pede.
#[derive(Clone, Debug)]
pub enum Pedido {
    /// Mostrar a ajuda.
    Ajuda,
    /// Mostrar a versão.
    Versao,
    /// Medir.
    Medir(Plano),
}

/// O que medir.
#[derive(Clone, Debug)]
pub struct Plano {
    /// Quanto dura cada medição.
    pub duracao: Duration,
    /// Com quantas threads, uma medição para cada número.
    pub threads: Vec<usize>,
    /// Quais técnicas.
    pub tecnicas: Vec<Tecnica>,
    /// A semente do sorteio, se foi dita.
    pub semente: Option<u64>,
    /// Onde guardar o relatório.
    pub relatorio: Option<PathBuf>,
}

/// A ajuda.
pub fn ajuda() -> String {
    let largura = TECNICAS.iter().map(|tecnica| tecnica.nome.len()).max().unwrap_or(0);
    let tecnicas: String =
        TECNICAS.iter().map(|tecnica| format!("  {:largura$}  {}\n", tecnica.nome, tecnica.resumo)).collect();
    let threads = THREADS_PADRAO.map(|n| n.to_string()).join(",");
    let (menos, mais) = SEGUNDOS;
    format!(
        "\
As mesmas reservas, num processo só, sob cada técnica de sincronização: quanto rende, quanto se espera e o que dá errado.

Uso: laboratorio [OPÇÕES]

  --segundos S           quanto dura cada medição ({SEGUNDOS_PADRAO}; de {menos} a {mais}); a que anota {} milhões de
                         operações acaba antes
  --threads N,N,...      com quantas threads ({threads}; cada uma de 1 a {THREADS_MAX})
  --so TÉCNICA,...       só estas técnicas
  --semente N            sorteia os mesmos pedidos; quem chega primeiro continua a ser acaso
  --relatorio ARQUIVO.md guarda a tabela, e ao lado dela um desenho, ARQUIVO.svg
  --ajuda, --help        mostra esta ajuda
  --versao, --version    mostra a versão

Técnicas:
{tecnicas}
Códigos de saída:
  0  mediu, e nas técnicas certas o juiz não achou nada (na que não exclui ninguém, achar é o esperado)
  1  o juiz achou um problema numa técnica que devia ser certa, ou o relatório não pôde ser escrito
  2  a linha de comando não se entende
",
        ANOTACOES_MAX / 1_000_000
    )
}

/// Lê os argumentos, sem o nome do programa.
pub fn ler(argumentos: impl IntoIterator<Item = OsString>) -> Result<Pedido, ErroDeUso> {
    let mut leitor = lexopt::Parser::from_args(argumentos);
    let mut plano = Plano {
        duracao: Duration::from_secs_f64(SEGUNDOS_PADRAO),
        threads: THREADS_PADRAO.to_vec(),
        tecnicas: TECNICAS.to_vec(),
        semente: None,
        relatorio: None,
    };
    while let Some(argumento) = leitor.next()? {
        match argumento {
            Long("segundos") => plano.duracao = ler_duracao(&leitor.value()?.string()?)?,
            Long("threads") => plano.threads = separar(&leitor.value()?.string()?, ler_threads)?,
            Long("so") => plano.tecnicas = separar(&leitor.value()?.string()?, ler_tecnica)?,
            Long("semente") => {
                let valor = leitor.value()?.string()?;
                plano.semente = Some(numero(&valor).ok_or_else(|| {
                    ErroDeUso(format!("--semente {valor}: esperava um número de 0 a {}", u64::MAX))
                })?);
            }
            Long("relatorio") => plano.relatorio = Some(ler_relatorio(leitor.value()?)?),
            Long("ajuda" | "help") => return Ok(Pedido::Ajuda),
            Long("versao" | "version") => return Ok(Pedido::Versao),
            outro => return Err(outro.unexpected().into()),
        }
    }
    Ok(Pedido::Medir(plano))
}

fn separar<T>(valor: &str, ler: fn(&str) -> Result<T, ErroDeUso>) -> Result<Vec<T>, ErroDeUso> {
    valor.split(',').map(|um| ler(um.trim())).collect()
}

fn numero<N: FromStr>(valor: &str) -> Option<N> {
    valor.parse().ok()
}

fn ler_duracao(valor: &str) -> Result<Duration, ErroDeUso> {
    let (menos, mais) = SEGUNDOS;
    let segundos: Option<f64> = numero(&valor.replace(',', "."));
    let segundos = segundos.filter(|segundos| (menos..=mais).contains(segundos));
    segundos
        .map(Duration::from_secs_f64)
        .ok_or_else(|| ErroDeUso(format!("--segundos {valor}: esperava um número de {menos} a {mais}")))
}

fn ler_threads(valor: &str) -> Result<usize, ErroDeUso> {
    let threads = numero(valor).filter(|threads| (1..=THREADS_MAX).contains(threads));
    threads.ok_or_else(|| {
        ErroDeUso(format!("--threads {valor}: esperava números de 1 a {THREADS_MAX}, separados por vírgulas"))
    })
}

fn ler_tecnica(valor: &str) -> Result<Tecnica, ErroDeUso> {
    let nomes = TECNICAS.map(|tecnica| tecnica.nome).join(", ");
    chamada(valor).ok_or_else(|| ErroDeUso(format!("--so {valor}: esperava uma destas: {nomes}")))
}

/// O desenho fica ao lado do relatório, com outro fim de nome: os dois não podem ser o mesmo arquivo.
fn ler_relatorio(valor: OsString) -> Result<PathBuf, ErroDeUso> {
    let caminho = PathBuf::from(valor);
    if caminho.extension().is_some_and(|fim| fim == "md") {
        return Ok(caminho);
    }
    Err(ErroDeUso(format!("--relatorio {}: esperava um nome que acaba em .md", caminho.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn de(linha: &str) -> Result<Pedido, String> {
        ler(linha.split_whitespace().map(OsString::from)).map_err(|erro| erro.to_string())
    }

    fn plano(linha: &str) -> Plano {
        match de(linha) {
            Ok(Pedido::Medir(plano)) => plano,
            outro => panic!("{linha}: {outro:?}"),
        }
    }

    #[test]
    fn le_as_opcoes_e_os_costumeiros() {
        let costumeiro = plano("");
        assert_eq!(costumeiro.duracao, Duration::from_millis(500));
        assert_eq!(costumeiro.threads, [1, 2, 8, 32]);
        assert_eq!((costumeiro.tecnicas.len(), costumeiro.semente), (TECNICAS.len(), None));
        let dito = plano("--segundos=0,2 --threads 4,256 --so mutex,cas --semente 7 --relatorio r.md");
        assert_eq!((dito.duracao, &dito.threads[..]), (Duration::from_millis(200), &[4, 256][..]));
        assert_eq!(dito.tecnicas.iter().map(|t| t.nome).collect::<Vec<_>>(), ["mutex", "cas"]);
        assert_eq!((dito.semente, dito.relatorio), (Some(7), Some("r.md".into())));
        assert!(matches!(de("--so mutex --help"), Ok(Pedido::Ajuda)));
        assert!(matches!(de("--version"), Ok(Pedido::Versao)));
    }

    #[test]
    fn erro_de_uso_diz_qual_em_uma_linha() {
        for (linha, parte) in [
            ("--turbo", "opção desconhecida: --turbo"),
            ("mutex", "palavra a mais: mutex"),
            ("--segundos", "falta o valor de --segundos"),
            ("--segundos 0", "de 0.01 a 60"),
            ("--segundos NaN", "--segundos NaN"),
            ("--threads 0", "--threads 0"),
            ("--threads 257", "de 1 a 256"),
            ("--threads 1,,2", "--threads"),
            ("--so sorte", "nenhuma, mutex"),
            ("--semente -1", "--semente -1"),
            ("--relatorio r.svg", "acaba em .md"),
        ] {
            let erro = de(linha).unwrap_err();
            assert!(erro.contains(parte) && !erro.contains('\n'), "{linha}: {erro}");
        }
    }
}
