//! Por que um pedido foi recusado: uma variante por causa, e a linha `ERRO` que a diz.
//!
//! [`Error`] é o que os programas leem (código e argumentos, estáveis); [`Recusa`] junta a ele a versão da sala
//! e o texto para as pessoas. Nada aqui decide se um pedido deve ser recusado.

use std::fmt::{self, Write as _};

use crate::assentos::Assentos;
use crate::decimal;
use crate::identidade::{Cerca, Versao};
use crate::limites::{ASSENTOS_MAX, LINHA_BYTES_MAX, NOME_LETRAS_MAX};

/// Quanto se reserva para um texto: cabe o costumeiro com uma pista no fim, e uma recusa custa uma alocação.
const EXPLICACAO_BYTES: usize = 128;

/// A causa de uma recusa. `Display` escreve o código e os argumentos como vão na linha `ERRO`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// Estes assentos são de outra pessoa.
    Ocupado(Assentos),
    /// Não há tantos assentos livres.
    Insuficiente {
        /// Quantos há.
        livres: u32,
    },
    /// Estes assentos já são de quem pede, e firmes: não há o que segurar.
    JaReservado(Assentos),
    /// Estes assentos não estão segurados por quem pede.
    NaoSegurado(Assentos),
    /// Estes assentos não são de quem pede.
    NaoESeu(Assentos),
    /// A espera acabou sem que o pedido pudesse ser atendido.
    TempoEsgotado,
    /// Quem pede o token já o tem.
    TokenJaESeu,
    /// Quem libera o token não o tem.
    TokenNaoESeu,
    /// O nome não serve.
    NomeInvalido,
    /// A chave não é a daquele cliente, ou aquele cliente nunca existiu.
    ChaveInvalida,
    /// O número de fencing já não vale: o token passou adiante.
    CercaVencida {
        /// O número que vale agora.
        atual: Cerca,
    },
    /// A primeira palavra não é um comando.
    ComandoDesconhecido,
    /// O comando existe, mas não se escreve assim.
    Sintaxe,
    /// Números fora da sala, como foram escritos.
    AssentoInvalido(Vec<String>),
    /// O pedido passaria da cota de assentos por cliente.
    Limite {
        /// A cota.
        max: u32,
    },
    /// O que se pediu não pôde ser gravado; nada foi feito.
    Indisponivel,
    /// Não cabem mais conexões; o servidor fecha.
    Lotado {
        /// Quantas cabem.
        max: usize,
    },
    /// A conexão ficou calada demais; o servidor fecha.
    Inativo,
    /// O servidor está parando; ele fecha.
    Encerrando,
    /// A linha passou do limite e foi jogada fora.
    LinhaLonga,
    /// A linha não é UTF-8 e foi jogada fora.
    Codificacao,
    /// Quem fala não é um cliente da Reserva (HTTP, TLS, SSH); o servidor fecha.
    Protocolo,
}

impl Error {
    /// A palavra que a causa tem na linha `ERRO`: estável, para programas.
    pub const fn codigo(&self) -> &'static str {
        match self {
            Self::Ocupado(_) => "OCUPADO",
            Self::Insuficiente { .. } => "INSUFICIENTE",
            Self::JaReservado(_) => "JA_RESERVADO",
            Self::NaoSegurado(_) => "NAO_SEGURADO",
            Self::NaoESeu(_) => "NAO_E_SEU",
            Self::TempoEsgotado => "TEMPO_ESGOTADO",
            Self::TokenJaESeu => "TOKEN_JA_E_SEU",
            Self::TokenNaoESeu => "TOKEN_NAO_E_SEU",
            Self::NomeInvalido => "NOME_INVALIDO",
            Self::ChaveInvalida => "CHAVE_INVALIDA",
            Self::CercaVencida { .. } => "CERCA_VENCIDA",
            Self::ComandoDesconhecido => "COMANDO_DESCONHECIDO",
            Self::Sintaxe => "SINTAXE",
            Self::AssentoInvalido(_) => "ASSENTO_INVALIDO",
            Self::Limite { .. } => "LIMITE",
            Self::Indisponivel => "INDISPONIVEL",
            Self::Lotado { .. } => "LOTADO",
            Self::Inativo => "INATIVO",
            Self::Encerrando => "ENCERRANDO",
            Self::LinhaLonga => "LINHA_LONGA",
            Self::Codificacao => "CODIFICACAO",
            Self::Protocolo => "PROTOCOLO",
        }
    }

    /// O que se diz a uma pessoa sobre esta causa. Pode mudar a qualquer versão.
    pub fn explicacao(&self) -> String {
        let mut texto = String::with_capacity(EXPLICACAO_BYTES);
        // Escrever numa String não falha.
        let _ = self.explicar(&mut texto);
        texto
    }

    fn explicar(&self, t: &mut String) -> fmt::Result {
        match self {
            Self::Ocupado(a) if a.len() == 1 => write!(t, "o assento {a} já é de outra pessoa"),
            Self::Ocupado(a) => write!(t, "os assentos {a} já são de outras pessoas"),
            Self::Insuficiente { livres: 0 } => t.write_str("não há assento livre"),
            Self::Insuficiente { livres: 1 } => t.write_str("só há 1 assento livre"),
            Self::Insuficiente { livres } => write!(t, "só há {livres} assentos livres"),
            Self::JaReservado(a) if a.len() == 1 => write!(t, "o assento {a} já é seu, e firme"),
            Self::JaReservado(a) => write!(t, "os assentos {a} já são seus, e firmes"),
            Self::NaoSegurado(a) if a.is_empty() => t.write_str("você não tem assento segurado"),
            Self::NaoSegurado(a) if a.len() == 1 => write!(t, "o assento {a} não está segurado por você"),
            Self::NaoSegurado(a) => write!(t, "os assentos {a} não estão segurados por você"),
            Self::NaoESeu(a) if a.len() == 1 => write!(t, "o assento {a} não é seu; nada foi cancelado"),
            Self::NaoESeu(a) => write!(t, "os assentos {a} não são seus; nada foi cancelado"),
            Self::TempoEsgotado => t.write_str("a espera acabou antes de chegar a sua vez"),
            Self::TokenJaESeu => t.write_str("o token já está com você; use TOKEN LIBERAR quando terminar"),
            Self::TokenNaoESeu => t.write_str("o token não está com você; peça-o com TOKEN SOLICITAR"),
            Self::NomeInvalido => write!(
                t,
                "um nome tem de 1 a {NOME_LETRAS_MAX} letras, algarismos, ponto, hífen ou sublinhado, sem espaços"
            ),
            Self::ChaveInvalida => {
                t.write_str("esse número com essa chave não existe; copie os dois da saudação")
            }
            Self::CercaVencida { .. } => {
                t.write_str("o seu token venceu e já passou adiante; nada foi feito")
            }
            Self::ComandoDesconhecido => t.write_str("não conheço esse comando; AJUDA mostra todos"),
            Self::Sintaxe => t.write_str("não entendi; AJUDA mostra como se escreve"),
            Self::AssentoInvalido(_) => {
                write!(t, "os assentos vão de 1 a {ASSENTOS_MAX}; nada foi feito")
            }
            Self::Limite { max } => write!(t, "cada cliente pode ter {max} assentos; nada foi feito"),
            Self::Indisponivel => t.write_str("não foi possível gravar; nada foi feito, tente de novo"),
            Self::Lotado { .. } => t.write_str("não cabem mais conexões agora; tente de novo em instantes"),
            Self::Inativo => {
                t.write_str("a conexão ficou tempo demais calada e será fechada; o que é seu continua seu")
            }
            Self::Encerrando => t.write_str("o servidor está encerrando; o que é seu continua seu"),
            Self::LinhaLonga => {
                write!(t, "uma linha tem no máximo {LINHA_BYTES_MAX} bytes; esta foi ignorada")
            }
            Self::Codificacao => t.write_str("a linha não está em UTF-8 e foi ignorada"),
            Self::Protocolo => {
                t.write_str("aqui se fala o protocolo da Reserva, não HTTP, TLS nem SSH; conecte com nc")
            }
        }
    }
}

impl Error {
    /// Escreve o código e os argumentos.
    fn escrever(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(self.codigo())?;
        match self {
            Self::Ocupado(assentos)
            | Self::JaReservado(assentos)
            | Self::NaoSegurado(assentos)
            | Self::NaoESeu(assentos) => escrever_assentos(f, *assentos),
            Self::Insuficiente { livres } => write!(f, " livres={livres}"),
            Self::CercaVencida { atual } => write!(f, " atual={atual}"),
            Self::AssentoInvalido(numeros) => numeros.iter().try_for_each(|n| write!(f, " {n}")),
            Self::Limite { max } => write!(f, " max={max}"),
            Self::Lotado { max } => write!(f, " max={max}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.escrever(f)
    }
}

impl std::error::Error for Error {}

/// Escreve cada assento com um espaço antes: um conjunto vazio não deixa espaço sobrando.
pub(crate) fn escrever_assentos(f: &mut impl fmt::Write, assentos: Assentos) -> fmt::Result {
    assentos.iter().try_for_each(|assento| decimal::escrever_assento(f, assento.numero()))
}

/// Uma linha `ERRO` inteira: a causa, a versão da sala em que ela valia e o texto para pessoas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recusa {
    /// A causa, para programas.
    pub erro: Error,
    /// A versão da sala em que a recusa era verdadeira; `None` quando o pedido não chegou a ver a sala.
    pub versao: Option<Versao>,
    /// O texto para pessoas.
    pub texto: String,
}

impl Recusa {
    /// A recusa de quem viu a sala na versão `versao`.
    pub fn na_versao(erro: Error, versao: Versao) -> Self {
        Self { versao: Some(versao), ..Self::from(erro) }
    }

    /// A recusa por `erro` com um texto próprio no lugar do costumeiro.
    pub fn com_texto(erro: Error, texto: impl Into<String>) -> Self {
        Self { erro, versao: None, texto: texto.into() }
    }
}

impl From<Error> for Recusa {
    fn from(erro: Error) -> Self {
        let texto = erro.explicacao();
        Self { erro, versao: None, texto }
    }
}

impl Recusa {
    /// Escreve a linha, sem o seu fim.
    pub(crate) fn escrever(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str("ERRO ")?;
        self.erro.escrever(f)?;
        if let Some(versao) = self.versao {
            decimal::escrever(f, " versao=", versao.0)?;
        }
        f.write_str(" :")?;
        f.write_str(&self.texto)
    }
}

impl fmt::Display for Recusa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.escrever(f)
    }
}

impl std::error::Error for Recusa {}
