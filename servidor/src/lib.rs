//! O servidor da Reserva.
//!
//! Uma thread por cliente, um mutex em volta da sala, e nada de entrada e saída na seção crítica. O desenho inteiro
//! está em `docs/ARQUITETURA.md`. As pastas são camadas, da mais alta à mais baixa, e cada uma só importa o que está
//! abaixo dela:
//!
//! | camada | o que é |
//! |---|---|
//! | [`threads`] | um arquivo por espécie de thread |
//! | [`servico`] | o que as sessões dividem, e o único `match` sobre o comando |
//! | [`aula`] | a corrida que se demonstra |
//! | [`rede`] | o socket: quem escreve, quando, por quanto tempo |
//! | [`tela`] | o que as pessoas leem |
//! | [`monitor`] | a trava da sala |
//! | [`armazem`] | onde a sala se guarda |
//! | [`sala`] | as regras, em código sequencial puro |
//! | [`tempo`] | instantes, horas e o relógio |
//! | [`base`] | as peças que não conhecem ninguém |

#![forbid(unsafe_code)]

pub mod armazem;
pub mod aula;
pub mod base;
pub mod config;
pub mod limites;
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
