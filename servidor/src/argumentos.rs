//! As opções da linha de comando do servidor. Só lê e confere; não liga nada.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use protocolo::limites::{ASSENTOS_MAX, ENDERECO_PADRAO};
use servidor::Config;
use servidor::limites::{
    BANCO_PADRAO, CONEXOES_PADRAO, CORRIDA_MS_MAX, INATIVIDADE_S_MAX, INATIVIDADE_S_PADRAO,
};
use servidor::uso::ErroDeUso;

/// O que a linha de comando pede.
#[derive(Debug, PartialEq, Eq)]
pub enum Chamada {
    /// Ligar o servidor.
    Ligar {
        /// Onde escutar.
        endereco: String,
        /// Se o número de conexões foi dito, e não o costumeiro.
        conexoes_ditas: bool,
        /// Onde a sala se guarda.
        onde: Onde,
        /// O resto.
        config: Config,
    },
    /// Mostrar a ajuda.
    Ajuda,
    /// Mostrar a versão.
    Versao,
}

/// Onde a sala se guarda.
#[derive(Debug, PartialEq, Eq)]
pub enum Onde {
    /// Só na memória.
    Memoria,
    /// Neste arquivo.
    Banco {
        /// O arquivo.
        caminho: PathBuf,
        /// Se a sala começa vazia, e o arquivo que houver fica de lado.
        novo: bool,
    },
}

/// A ajuda.
pub fn ajuda() -> String {
    format!(
        "\
Servidor da Reserva: uma sala de cinema com {ASSENTOS_MAX} assentos.

Uso: servidor [OPÇÕES]

  --escutar HOST:PORTA   onde escutar ({ENDERECO_PADRAO}; porta 0: o sistema escolhe)
  --banco ARQUIVO        onde a sala se guarda ({BANCO_PADRAO}, na pasta de onde se liga)
  --novo                 começa com a sala vazia, e guarda o arquivo que houver ao lado, com a data no nome
  --memoria              guarda a sala só em memória: desligado, o servidor esquece
  --max-conexoes N       quantas conexões cabem ({CONEXOES_PADRAO})
  --max-por-cliente N    quantos assentos cada cliente pode ter ({ASSENTOS_MAX})
  --inatividade S        segundos que uma conexão pode ficar calada ({INATIVIDADE_S_PADRAO}; 0: para sempre)
  --demonstrar-corrida DURAÇÃO
                         para aulas: um servidor errado de propósito, que vende o mesmo assento duas vezes; entre
                         ler a sala e escrevê-la passa esta DURAÇÃO (500ms, 2s; até {max}s), e a sala fica na memória
  --ajuda, --help        mostra esta ajuda
  --versao, --version    mostra a versão

RUST_LOG diz o que se mostra: info (cada operação; o costumeiro), debug (cada linha), warn (só os avisos).
Ctrl-C encerra em ordem.",
        max = CORRIDA_MS_MAX / 1000,
    )
}

/// Lê os argumentos, sem o nome do programa.
pub fn ler(argumentos: impl IntoIterator<Item = OsString>) -> Result<Chamada, ErroDeUso> {
    let mut leitor = lexopt::Parser::from_args(argumentos);
    let mut endereco = ENDERECO_PADRAO.to_owned();
    let mut conexoes_ditas = false;
    let (mut memoria, mut banco, mut novo) = (false, None, false);
    let mut config = Config::default();
    while let Some(argumento) = leitor.next()? {
        match argumento {
            Long("escutar") => endereco = leitor.value()?.string()?,
            Long("memoria") => memoria = true,
            Long("banco") => banco = Some(PathBuf::from(leitor.value()?)),
            Long("novo") => novo = true,
            Long("max-conexoes") => {
                conexoes_ditas = true;
                config.max_conexoes = numero(&mut leitor, "--max-conexoes", 1, 1_000_000)?;
            }
            Long("max-por-cliente") => {
                config.max_por_cliente =
                    numero(&mut leitor, "--max-por-cliente", 1, u32::from(ASSENTOS_MAX))?;
            }
            Long("inatividade") => {
                let segundos = numero(&mut leitor, "--inatividade", 0, INATIVIDADE_S_MAX)?;
                config.inatividade = (segundos > 0).then_some(Duration::from_secs(segundos));
            }
            Long("demonstrar-corrida") => {
                config.corrida = Some(duracao(&mut leitor, "--demonstrar-corrida", CORRIDA_MS_MAX)?);
            }
            Long("ajuda" | "help") => return Ok(Chamada::Ajuda),
            Long("versao" | "version") => return Ok(Chamada::Versao),
            outro => return Err(outro.unexpected().into()),
        }
    }
    let onde = onde(memoria, config.corrida.is_some(), banco, novo)?;
    Ok(Chamada::Ligar { endereco, conexoes_ditas, onde, config })
}

fn onde(memoria: bool, corrida: bool, banco: Option<PathBuf>, novo: bool) -> Result<Onde, ErroDeUso> {
    let so_na_memoria = if corrida { "--demonstrar-corrida" } else { "--memoria" };
    match banco {
        Some(_) if corrida => {
            Err(ErroDeUso(format!("{so_na_memoria} e --banco: a corrida só acontece na memória")))
        }
        Some(_) if memoria => Err(ErroDeUso(format!("{so_na_memoria} e --banco: escolha um dos dois"))),
        None if novo && (memoria || corrida) => {
            Err(ErroDeUso(format!("--novo é para um arquivo: com {so_na_memoria} a sala já começa vazia")))
        }
        None if memoria || corrida => Ok(Onde::Memoria),
        banco => Ok(Onde::Banco { caminho: banco.unwrap_or_else(|| BANCO_PADRAO.into()), novo }),
    }
}

/// Uma duração como `500ms` ou `2s`.
fn duracao(leitor: &mut lexopt::Parser, opcao: &str, max_ms: u64) -> Result<Duration, ErroDeUso> {
    let valor = leitor.value()?.string()?;
    let ms = match valor.strip_suffix("ms") {
        Some(ms) => inteiro(ms),
        None => valor.strip_suffix('s').and_then(inteiro).and_then(|s| s.checked_mul(1000)),
    };
    ms.filter(|ms| (1..=max_ms).contains(ms)).map(Duration::from_millis).ok_or_else(|| {
        let max_s = max_ms / 1000;
        ErroDeUso(format!("{opcao} {valor}: esperava uma duração de 1ms a {max_s}s, como 500ms ou 2s"))
    })
}

/// Um número só de algarismos: sem o `+` que a biblioteca aceita.
fn inteiro(texto: &str) -> Option<u64> {
    texto.bytes().all(|byte| byte.is_ascii_digit()).then(|| texto.parse().ok())?
}

fn numero<N>(leitor: &mut lexopt::Parser, opcao: &str, min: N, max: N) -> Result<N, ErroDeUso>
where
    N: std::str::FromStr + PartialOrd + fmt::Display + Copy,
{
    let valor = leitor.value()?.string()?;
    valor
        .parse()
        .ok()
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| ErroDeUso(format!("{opcao} {valor}: esperava um número de {min} a {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn de(linha: &str) -> Result<Chamada, String> {
        ler(linha.split_whitespace().map(OsString::from)).map_err(|erro| erro.to_string())
    }

    #[test]
    fn le_as_opcoes_e_os_costumeiros() {
        let Ok(Chamada::Ligar { endereco, conexoes_ditas, onde, config }) = de("") else { panic!() };
        assert_eq!((&endereco[..], conexoes_ditas, config), (ENDERECO_PADRAO, false, Config::default()));
        assert_eq!(onde, Onde::Banco { caminho: BANCO_PADRAO.into(), novo: false });
        let linha = "--escutar 127.0.0.1:0 --memoria --max-conexoes=3 --max-por-cliente 10 --inatividade 0";
        let Ok(Chamada::Ligar { endereco, conexoes_ditas, onde, config }) = de(linha) else { panic!() };
        assert_eq!(onde, Onde::Memoria);
        let esperada =
            Config { max_conexoes: 3, max_por_cliente: 10, inatividade: None, ..Config::default() };
        assert_eq!((&endereco[..], conexoes_ditas, config), ("127.0.0.1:0", true, esperada));
        let Ok(Chamada::Ligar { onde, .. }) = de("--banco sala.db --novo") else { panic!() };
        assert_eq!(onde, Onde::Banco { caminho: "sala.db".into(), novo: true });
        assert_eq!(de("--ajuda"), Ok(Chamada::Ajuda));
        assert_eq!(de("--version"), Ok(Chamada::Versao));
    }

    #[test]
    fn erro_de_uso_diz_qual_em_uma_linha() {
        for (linha, esperado) in [
            ("--turbo", "opção desconhecida: --turbo"),
            ("-x", "opção desconhecida: -x"),
            ("7878", "palavra a mais: 7878"),
            ("--escutar", "falta o valor de --escutar"),
            ("--memoria=sim", "--memoria não leva valor"),
            ("--max-conexoes 0", "--max-conexoes 0: esperava um número de 1 a 1000000"),
            ("--max-por-cliente 101", "--max-por-cliente 101: esperava um número de 1 a 100"),
            ("--inatividade 86401", "--inatividade 86401: esperava um número de 0 a 86400"),
            ("--banco", "falta o valor de --banco"),
            ("--memoria --banco x.db", "--memoria e --banco: escolha um dos dois"),
            ("--memoria --novo", "--novo é para um arquivo: com --memoria a sala já começa vazia"),
            ("--demonstrar-corrida", "falta o valor de --demonstrar-corrida"),
            (
                "--demonstrar-corrida 2s --banco x.db",
                "--demonstrar-corrida e --banco: a corrida só acontece na memória",
            ),
            (
                "--memoria --banco x.db --demonstrar-corrida 2s",
                "--demonstrar-corrida e --banco: a corrida só acontece na memória",
            ),
            (
                "--novo --demonstrar-corrida 2s",
                "--novo é para um arquivo: com --demonstrar-corrida a sala já começa vazia",
            ),
        ] {
            assert_eq!(de(linha), Err(esperado.to_owned()), "{linha}");
        }
    }

    #[test]
    fn a_pausa_da_corrida_no_limite_e_logo_alem() {
        let max = CORRIDA_MS_MAX;
        for (duracao, ms) in [
            ("1ms".to_owned(), 1),
            ("500ms".to_owned(), 500),
            ("2s".to_owned(), 2000),
            (format!("{max}ms"), max),
            (format!("{}s", max / 1000), max),
        ] {
            let lido = de(&format!("--demonstrar-corrida {duracao}"));
            let Ok(Chamada::Ligar { onde, config, .. }) = lido else { panic!("{duracao}: {lido:?}") };
            assert_eq!((onde, config.corrida), (Onde::Memoria, Some(Duration::from_millis(ms))), "{duracao}");
        }
        let alem = [format!("{}ms", max + 1), format!("{}s", max / 1000 + 1), format!("{}s", u64::MAX)];
        let mal = ["0s", "0ms", "abc", "2", "s", "ms", "-1s", "+1s", "1.5s", "2m", "2 s", "2S", "٣s"];
        for duracao in mal.map(str::to_owned).into_iter().chain(alem) {
            let argumentos = ["--demonstrar-corrida", &duracao].map(OsString::from);
            let esperado = format!(
                "--demonstrar-corrida {duracao}: esperava uma duração de 1ms a 10s, como 500ms ou 2s"
            );
            assert_eq!(ler(argumentos).map_err(|erro| erro.to_string()), Err(esperado), "{duracao}");
        }
    }
}
