//! O que as pessoas leem: as linhas da tela do servidor, os textos das respostas, o modo do terminal.
//!
//! Só transforma o que já aconteceu em texto, sempre fora da seção crítica. Não fecha trava da sala e não escreve em socket.

pub mod explicacao;
pub mod mensagens;
pub mod narracao;
pub mod terminal;
