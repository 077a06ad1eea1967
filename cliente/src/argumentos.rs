//! As opções da linha de comando. Só lê: não conecta e não imprime.

use std::ffi::OsString;

use lexopt::{Arg, Parser};
use protocolo::limites::ENDERECO_PADRAO;
use protocolo::{Chave, ClientId};

use crate::erro::Erro;

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
  --retomar CLIENTE:CHAVE  volta a ser um cliente anterior, com tudo o que é dele
  --ajuda, --help          mostra este texto
  --versao, --version      mostra a versão

Comandos: os do protocolo; `cliente AJUDA` mostra todos.

Códigos de saída:
  0  tudo o que se pediu foi feito
  1  o servidor recusou alguma coisa
  2  a linha de comando não se entende, ou a entrada ou a saída não serve
  3  não há conexão, ou ela caiu
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
        let mut guiado = false;
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
                Some(Arg::Long("guiado")) => guiado = true,
                Some(Arg::Long("servidor")) => servidor = Some(parser.value().map_err(em_portugues)?),
                Some(Arg::Long("retomar")) => {
                    retomar = Some(ler_retomar(&texto(parser.value().map_err(em_portugues)?)?)?);
                }
                Some(Arg::Value(palavra)) => palavras.push(texto(palavra)?),
                Some(outra) => return Err(em_portugues(outra.unexpected())),
            }
        }
        let servidor = ler_servidor(servidor.or_else(|| ambiente.filter(|valor| !valor.is_empty())))?;
        Ok(Self { servidor, retomar, modo: ler_modo(guiado, &palavras)? })
    }

    fn so(modo: Modo) -> Self {
        Self { servidor: ENDERECO_PADRAO.to_owned(), retomar: None, modo }
    }
}

/// O próximo argumento, se não começa por dois hífens.
fn palavra_com_hifen(parser: &mut Parser) -> Option<OsString> {
    parser.try_raw_args()?.next_if(|argumento| !argumento.as_encoded_bytes().starts_with(b"--"))
}

fn ler_modo(guiado: bool, palavras: &[String]) -> Result<Modo, Erro> {
    match (guiado, palavras.is_empty()) {
        (true, true) => return Ok(Modo::Guiado),
        (true, false) => return Err(uso("--guiado não leva comando")),
        (false, true) => return Ok(Modo::Entrada),
        (false, false) => {}
    }
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

    #[test]
    fn le_os_modos() {
        for (argumentos, modo) in [
            (&[][..], Modo::Entrada),
            (&["--guiado"], Modo::Guiado),
            (&["--ajuda"], Modo::Ajuda),
            (&["PING", "--help"], Modo::Ajuda),
            (&["--versao"], Modo::Versao),
            (&["--version"], Modo::Versao),
            (&["RESERVAR", "3", "7"], Modo::Comando("RESERVAR 3 7".into())),
            (&["RESERVAR 3 7"], Modo::Comando("RESERVAR 3 7".into())),
            (&["RESERVAR", "-3"], Modo::Comando("RESERVAR -3".into())),
            (&["ajuda"], Modo::Comando("ajuda".into())),
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
            (&["--observar"], "--observar"),
            (&["--servidor"], "--servidor"),
            (&["--servidor", "sala"], "sala"),
            (&["--servidor", "sala:99999"], "sala:99999"),
            (&["--guiado=1"], "--guiado"),
            (&["--guiado", "PING"], "--guiado"),
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
