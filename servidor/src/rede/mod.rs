//! O socket: quem pode escrever nele, quando, e por quanto tempo se espera por quem não lê.
//!
//! Não sabe o que é um pedido e não decide o que se responde. A [`saida`] é o que uma conexão tem por dizer; a [`vez`] diz quem a tem
//! na mão, a sessão ou o carteiro, e só quem a tem escreve.

pub mod conexao;
pub mod correio;
pub mod destino;
pub mod observadores;
pub mod parada;
pub mod saida;
pub mod tomada;
pub mod vez;
