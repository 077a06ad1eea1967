//! O que se diz de uma linha de comando que não se entende: as mesmas palavras em todos os programas que usam esta crate.
//!
//! Não lê argumentos e não escreve em lugar nenhum.

use std::fmt;

/// Um erro de uso: uma linha que diz qual.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErroDeUso(pub String);

impl fmt::Display for ErroDeUso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for ErroDeUso {
    fn from(erro: lexopt::Error) -> Self {
        Self(match erro {
            lexopt::Error::MissingValue { option } => {
                format!("falta o valor de {}", option.unwrap_or_default())
            }
            lexopt::Error::UnexpectedOption(opcao) => format!("opção desconhecida: {opcao}"),
            lexopt::Error::UnexpectedArgument(palavra) => {
                format!("palavra a mais: {}", palavra.to_string_lossy())
            }
            lexopt::Error::UnexpectedValue { option, .. } => format!("{option} não leva valor"),
            lexopt::Error::NonUnicodeValue(valor) => format!("não é UTF-8: {}", valor.to_string_lossy()),
            outro => outro.to_string(),
        })
    }
}
