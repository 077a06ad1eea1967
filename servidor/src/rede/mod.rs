//! O socket: quem pode escrever nele, quando, e por quanto tempo se espera por quem não lê.
//!
//! Não sabe o que é um pedido e não decide o que se responde.

pub mod conexao;
pub mod difusao;
pub mod entrega;
pub mod parada;
pub mod saida;
pub mod tomada;
