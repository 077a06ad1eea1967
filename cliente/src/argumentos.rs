//! As opções da linha de comando. Só lê: não conecta e não imprime.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use lexopt::{Arg, Parser};
use protocolo::limites::ENDERECO_PADRAO;
use protocolo::{Chave, ClientId};

use crate::erro::Erro;
use crate::simulacao::{Plano, SIMULADOS_MAX, VOLTAS_MAX, VOLTAS_PADRAO, sortear_semente};

/// O que `--ajuda` mostra.
pub const AJUDA: &str = "\
Conversa com um servidor da Reserva.

Uso: cliente [OPÇÕES] [COMANDO ...]

Com um comando, faz só esse e acaba:    cliente RESERVAR 3 7
Sem comando, lê pedidos da entrada:     cliente < pedidos.txt
Num terminal, sem comando, conversa:    cliente

Opções:
  --servidor HOST:PORTA    onde está o servidor (127.0.0.1:7878, se você não disser);
                           a variável RESERVA_SERVIDOR serve para o mesmo
  --guiado                 pergunta quantos assentos você quer, e quais
  --observar               mostra a sala ao vivo: o mapa, quem fez o quê, e religa sozinho se a conexão cair;
                           q, Esc ou Ctrl-C sai. Num cano, escreve os eventos, um por linha
  --simular N              põe N clientes (1 a 200) a disputar o token, mostra o que cada um faz e prova, no
                           fim, que nunca houve dois donos ao mesmo tempo
    --voltas N             quantas vezes cada um deles usa o token (1 a 1000; 10, se você não disser)
    --semente N            repete o acaso de uma simulação: as mesmas pausas, embora não a mesma ordem
  --retomar CLIENTE:CHAVE  volta a ser um cliente anterior, com tudo o que é dele
  --ajuda, --help          mostra este texto
  --versao, --version      mostra a versão

Comandos: os do protocolo; `cliente AJUDA` mostra todos.

Códigos de saída:
  0  tudo o que se pediu foi feito; com --observar, também quando você sai
  1  o servidor recusou alguma coisa, ou a prova da simulação falhou
  2  a linha de comando não se entende, ou a entrada ou a saída não serve
  3  não há conexão, ou ela caiu
  130  você apertou Ctrl-C antes do fim: numa simulação, ou à espera de uma resposta
";

/// O que a linha de comando pede.
#[derive(Clone, Debug)]
pub struct Argumentos {
    /// Onde está o servidor: `HOST:PORTA`.
    pub servidor: String,
    /// O cliente que se volta a ser.
    pub retomar: Option<(ClientId, Chave)>,
    /// O que fazer.
    pub modo: Modo,
}

/// O que fazer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Modo {
    /// Mostrar a ajuda.
    Ajuda,
    /// Mostrar a versão.
    Versao,
    /// Mandar esta linha e acabar.
    Comando(String),
    /// Ler pedidos da entrada.
    Entrada,
    /// Perguntar.
    Guiado,
    /// Mostrar a sala ao vivo.
    Observar,
    /// Simular clientes que disputam o token.
    Simular(Plano),
}

impl Argumentos {
    /// Lê os argumentos, sem o nome do programa, e o valor de `RESERVA_SERVIDOR`.
    pub fn ler(
        argumentos: impl IntoIterator<Item = OsString>,
        ambiente: Option<OsString>,
    ) -> Result<Self, Erro> {
        let mut parser = Parser::from_args(argumentos);
        let mut servidor = None;
        let mut retomar = None;
        let mut opcoes = Opcoes::default();
        let mut palavras = Vec::new();
        loop {
            // Depois da primeira palavra, um hífen só não faz uma opção: `RESERVAR -3` é com o servidor, que explica.
            let palavra = if palavras.is_empty() { None } else { palavra_com_hifen(&mut parser) };
            if let Some(palavra) = palavra {
                palavras.push(texto(palavra)?);
                continue;
            }
            match parser.next().map_err(em_portugues)? {
                None => break,
                Some(Arg::Long("ajuda" | "help")) => return Ok(Self::so(Modo::Ajuda)),
                Some(Arg::Long("versao" | "version")) => return Ok(Self::so(Modo::Versao)),
                Some(Arg::Long("guiado")) => opcoes.guiado = true,
                Some(Arg::Long("observar")) => opcoes.observar = true,
                Some(Arg::Long("simular")) => {
                    opcoes.simular = Some(ler_numero(&mut parser, "--simular", 1..=SIMULADOS_MAX)?);
                }
                Some(Arg::Long("voltas")) => {
                    opcoes.voltas = Some(ler_numero(&mut parser, "--voltas", 1..=VOLTAS_MAX)?);
                }
                Some(Arg::Long("semente")) => {
                    opcoes.semente = Some(ler_numero(&mut parser, "--semente", 0..=u64::MAX)?);
                }
                Some(Arg::Long("servidor")) => servidor = Some(parser.value().map_err(em_portugues)?),
                Some(Arg::Long("retomar")) => {
                    retomar = Some(ler_retomar(&texto(parser.value().map_err(em_portugues)?)?)?);
                }
                Some(Arg::Value(palavra)) => palavras.push(texto(palavra)?),
                Some(outra) => return Err(em_portugues(outra.unexpected())),
            }
        }
        let servidor = ler_servidor(servidor.or_else(|| ambiente.filter(|valor| !valor.is_empty())))?;
        let modo = ler_modo(&opcoes, &palavras)?;
        if matches!(modo, Modo::Simular(_)) && retomar.is_some() {
            return Err(uso("--simular cria os seus clientes: não leva --retomar"));
        }
        Ok(Self { servidor, retomar, modo })
    }

    fn so(modo: Modo) -> Self {
        Self { servidor: ENDERECO_PADRAO.to_owned(), retomar: None, modo }
    }
}

/// O próximo argumento, se não começa por dois hífens.
fn palavra_com_hifen(parser: &mut Parser) -> Option<OsString> {
    parser.try_raw_args()?.next_if(|argumento| !argumento.as_encoded_bytes().starts_with(b"--"))
}

/// As opções que escolhem o modo.
#[derive(Default)]
struct Opcoes {
    guiado: bool,
    observar: bool,
    simular: Option<u16>,
    voltas: Option<u32>,
    semente: Option<u64>,
}

fn ler_modo(opcoes: &Opcoes, palavras: &[String]) -> Result<Modo, Erro> {
    let Opcoes { guiado, observar, simular, voltas, semente } = *opcoes;
    let modos = [("--simular", simular.is_some()), ("--guiado", guiado), ("--observar", observar)];
    let pedidos: Vec<_> = modos.into_iter().filter(|(_, pedido)| *pedido).map(|(nome, _)| nome).collect();
    match pedidos[..] {
        [um, outro, ..] => return Err(uso(&format!("{um} e {outro} são modos diferentes: escolha um"))),
        [modo] if !palavras.is_empty() => return Err(uso(&format!("{modo} não leva comando"))),
        _ => {}
    }
    if let Some(clientes) = simular {
        let voltas = voltas.unwrap_or(VOLTAS_PADRAO);
        return Ok(Modo::Simular(Plano {
            clientes,
            voltas,
            semente: semente.unwrap_or_else(sortear_semente),
        }));
    }
    if voltas.is_some() || semente.is_some() {
        return Err(uso("--voltas e --semente são de uma simulação: falta --simular N"));
    }
    match (guiado, observar, palavras.is_empty()) {
        (true, ..) => Ok(Modo::Guiado),
        (_, true, _) => Ok(Modo::Observar),
        (.., true) => Ok(Modo::Entrada),
        _ => ler_comando(palavras),
    }
}

fn ler_comando(palavras: &[String]) -> Result<Modo, Erro> {
    let linha = palavras.join(" ");
    // Um fim de linha no meio faria dois pedidos de um; e a uma linha em branco o servidor não responde.
    if linha.contains(|c: char| c.is_control() && c != '\t') {
        return Err(uso("o comando tem um fim de linha ou outro caractere de controle"));
    }
    if linha.trim().is_empty() {
        return Err(uso("o comando está em branco; sem comando nenhum, os pedidos vêm da entrada"));
    }
    Ok(Modo::Comando(linha))
}

fn ler_numero<T>(parser: &mut Parser, opcao: &str, faixa: RangeInclusive<T>) -> Result<T, Erro>
where
    T: FromStr + PartialOrd + Display,
{
    let valor = texto(parser.value().map_err(em_portugues)?)?;
    let numero = valor.parse().ok().filter(|numero| faixa.contains(numero));
    numero.ok_or_else(|| {
        uso(&format!("{opcao} espera um número de {} a {}, e não {valor}", faixa.start(), faixa.end()))
    })
}

fn ler_servidor(valor: Option<OsString>) -> Result<String, Erro> {
    let Some(valor) = valor else { return Ok(ENDERECO_PADRAO.to_owned()) };
    let servidor = texto(valor)?;
    let porta = servidor.rsplit_once(':').and_then(|(host, porta)| Some((host, porta.parse::<u16>().ok()?)));
    match porta {
        Some((host, _)) if !host.is_empty() => Ok(servidor),
        _ => Err(uso(&format!("{servidor} não é HOST:PORTA, como {ENDERECO_PADRAO}"))),
    }
}

fn ler_retomar(valor: &str) -> Result<(ClientId, Chave), Erro> {
    let ler = |(numero, chave): (&str, &str)| {
        Some((numero.parse().ok().and_then(ClientId::new)?, chave.parse::<Chave>().ok()?))
    };
    // O texto não repete o valor: uma chave não deve ir parar num log.
    valor.split_once(':').and_then(ler).ok_or_else(|| {
        uso("--retomar espera CLIENTE:CHAVE, como a saudação os diz: o número, dois-pontos e a chave")
    })
}

fn texto(argumento: OsString) -> Result<String, Erro> {
    argumento.into_string().map_err(|cru| uso(&format!("{} não está em UTF-8", cru.to_string_lossy())))
}

fn uso(texto: &str) -> Erro {
    Erro::Uso(format!("{texto} (--ajuda mostra o uso)"))
}

fn em_portugues(erro: lexopt::Error) -> Erro {
    uso(&match erro {
        lexopt::Error::MissingValue { option: Some(opcao) } => format!("falta o valor de {opcao}"),
        lexopt::Error::UnexpectedOption(opcao) => format!("opção desconhecida: {opcao}"),
        lexopt::Error::UnexpectedValue { option, .. } => format!("{option} não leva valor"),
        outro => outro.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAVE: &str = "00112233445566778899aabbccddeeff";

    fn ler(argumentos: &[&str]) -> Result<Argumentos, Erro> {
        Argumentos::ler(argumentos.iter().map(OsString::from), None)
    }

    const fn simular(clientes: u16, voltas: u32, semente: u64) -> Modo {
        Modo::Simular(Plano { clientes, voltas, semente })
    }

    #[test]
    fn le_os_modos() {
        for (argumentos, modo) in [
            (&[][..], Modo::Entrada),
            (&["--guiado"], Modo::Guiado),
            (&["--observar"], Modo::Observar),
            (&["--ajuda"], Modo::Ajuda),
            (&["PING", "--help"], Modo::Ajuda),
            (&["--versao"], Modo::Versao),
            (&["--version"], Modo::Versao),
            (&["RESERVAR", "3", "7"], Modo::Comando("RESERVAR 3 7".into())),
            (&["RESERVAR 3 7"], Modo::Comando("RESERVAR 3 7".into())),
            (&["RESERVAR", "-3"], Modo::Comando("RESERVAR -3".into())),
            (&["ajuda"], Modo::Comando("ajuda".into())),
            (&["--simular", "5", "--semente", "7"], simular(5, 10, 7)),
            (
                &["--voltas=1000", "--semente=18446744073709551615", "--simular=200"],
                simular(200, 1000, u64::MAX),
            ),
            (&["--", "--guiado"], Modo::Comando("--guiado".into())),
        ] {
            assert_eq!(ler(argumentos).unwrap().modo, modo, "{argumentos:?}");
        }
    }

    #[test]
    fn le_o_servidor() {
        let ambiente = |valor: &str| Some(OsString::from(valor));
        for (argumentos, ambiente, esperado) in [
            (&[][..], None, ENDERECO_PADRAO),
            (&[], ambiente(""), ENDERECO_PADRAO),
            (&[], ambiente("sala:1"), "sala:1"),
            (&["--servidor", "b:2"], ambiente("sala:1"), "b:2"),
            (&["--servidor=[::1]:2"], None, "[::1]:2"),
            (&["PING", "--servidor", "b:2"], None, "b:2"),
        ] {
            let lidos = Argumentos::ler(argumentos.iter().map(OsString::from), ambiente).unwrap();
            assert_eq!(lidos.servidor, esperado, "{argumentos:?}");
        }
    }

    #[test]
    fn le_quem_voltar_a_ser() {
        let (cliente, chave) = ler(&["--retomar", &format!("7:{CHAVE}")]).unwrap().retomar.unwrap();
        assert_eq!((cliente.numero(), chave.to_string().as_str()), (7, CHAVE));
        for torto in ["7", "0:00", "x:y", &format!("0:{CHAVE}")] {
            assert!(ler(&["--retomar", torto]).is_err(), "{torto}");
        }
    }

    #[test]
    fn recusa_numa_linha_que_diz_o_que_e() {
        for (argumentos, parte) in [
            (&["--nada"][..], "--nada"),
            (&["-x"], "-x"),
            (&["PING", "--nada"], "--nada"),
            (&["--observar", "LISTAR"], "--observar não leva"),
            (&["--observar", "--guiado"], "--guiado e --observar"),
            (&["--observar", "--simular", "5"], "--simular e --observar"),
            (&["--observar", "--voltas", "5"], "--simular"),
            (&["--servidor"], "--servidor"),
            (&["--servidor", "sala"], "sala"),
            (&["--servidor", "sala:99999"], "sala:99999"),
            (&["--guiado=1"], "--guiado"),
            (&["--guiado", "PING"], "--guiado"),
            (&["--simular"], "--simular"),
            (&["--simular", "0"], "1 a 200"),
            (&["--simular", "201"], "201"),
            (&["--simular", "-1"], "1 a 200"),
            (&["--simular", "x"], "x"),
            (&["--simular", "5", "--voltas", "0"], "1 a 1000"),
            (&["--simular", "5", "--voltas", "1001"], "1001"),
            (&["--simular", "5", "--semente", "x"], "--semente"),
            (&["--simular", "5", "PING"], "comando"),
            (&["--simular", "5", "--guiado"], "--guiado"),
            (&["--simular", "5", "--retomar", &format!("7:{CHAVE}")], "--retomar"),
            (&["--voltas", "5"], "--simular"),
            (&["--semente", "5", "PING"], "--simular"),
            (&["PING\nSAIR"], "fim de linha"),
            (&["", " "], "em branco"),
        ] {
            let erro = ler(argumentos).unwrap_err();
            let texto = erro.to_string();
            assert!(texto.contains(parte) && !texto.contains('\n'), "{texto}");
            assert_eq!(erro.codigo_de_saida(), 2);
        }
    }
}
