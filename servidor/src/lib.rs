//! O servidor da Reserva.
//!
//! Uma thread por cliente, um mutex em volta da sala, e nada de entrada e saída na seção crítica. O desenho inteiro
//! está em `docs/ARQUITETURA.md`. O caminho de um pedido: [`escuta`] → [`sessao`] → [`despacho`] → [`monitor`] →
//! [`sala`] → resposta.

#![forbid(unsafe_code)]

pub mod armazem;
pub mod aula;
pub mod base;
pub mod config;
pub mod monitor;
pub mod rede;
pub mod sala;
pub mod servico;
pub mod tela;
pub mod tempo;
pub mod threads;
pub mod uso;

pub use config::Config;
pub use rede::parada::Parada;
pub use servico::Servico;
pub use threads::escuta::executar;
