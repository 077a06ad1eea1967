//! O protocolo da Reserva: pedidos e respostas em linhas de texto, como tipos que se leem e se escrevem.
//!
//! O servidor e o cliente usam estes mesmos tipos; o contrato está em `docs/PROTOCOLO.md`. Esta crate só usa a
//! biblioteca padrão e não abre socket, não cria thread e não lê relógio.
//!
//! | módulo | o que é |
//! |---|---|
//! | [`limites`] | cada limite, com a unidade e a razão |
//! | [`Assento`], [`Assentos`] | um assento que existe; um conjunto deles num `u128` |
//! | [`ClientId`], [`Chave`], [`Nome`], [`Versao`], [`Cerca`] | quem fala, e os números que só crescem |
//! | [`Comando`] | um pedido, e a [`TABELA`] das palavras |
//! | [`Resposta`], [`Quadro`], [`Fato`], [`Evento`] | o que se responde e o que se observa |
//! | [`Error`], [`Recusa`] | por que não |
//! | [`Linhas`] | linhas limitadas, limpas do que um terminal acrescenta |

#![forbid(unsafe_code)]

mod assentos;
mod comando;
mod decimal;
mod error;
mod evento;
mod historia;
mod identidade;
mod leitura;
pub mod limites;
mod linha;
mod linha_final;
mod quadro;
mod resposta;

pub use assentos::{Assento, Assentos, Faixas, Iter};
pub use comando::{Alvo, Comando, ComandoToken, Escolha, Pedido, TABELA, Verbete};
pub use error::{Error, Recusa};
pub use evento::{Evento, Mudanca};
pub use historia::{Acontecimento, Fato, Hora, HoraInvalida};
pub use identidade::{Cerca, Chave, ChaveMalFormada, ClientId, Nome, NomeInvalido, Segundos, Versao};
pub use linha::{Entrada, Linhas};
pub use linha_final::{RespostaInvalida, e_final};
pub use quadro::{LEGENDA, Quadro, Situacao};
pub use resposta::Resposta;

/// O nome e a versão do protocolo, como a saudação os diz.
pub const VERSAO: &str = "RESERVA/1";
