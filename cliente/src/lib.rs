//! O cliente da Reserva: chamadas tipadas sobre uma conexão.
//!
//! Fala o protocolo da crate `protocolo` por um socket bloqueante e mais nada: não cria threads, não lê a tela nem
//! o teclado. Os testes de integração e o `estresse` usam esta biblioteca; os modos do programa `cliente` (linha de
//! comando, tubo, diálogo guiado, simulação) moram em `main.rs` e nos módulos dele.
//!
//! | tipo | o que é |
//! |---|---|
//! | [`Cliente`] | uma conexão já cumprimentada, com uma chamada por pedido |
//! | [`Leitor`], [`Recebido`], [`Bloco`] | o que o servidor manda, cortado em respostas e eventos |
//! | [`Reserva`], [`Segurados`] | o que as chamadas sobre assentos devolvem |
//! | [`Concessao`], [`Liberacao`], [`EstadoDoToken`] | o que as chamadas sobre o token devolvem |
//! | [`Corte`] | solta de outra thread quem espera numa chamada |
//! | [`Falha`] | por que uma chamada não deu certo |

#![forbid(unsafe_code)]

mod conexao;
mod falha;
#[cfg(test)]
mod falso;
mod leitor;

pub use conexao::{CONEXAO_PRAZO, Cliente, Concessao, Corte, EstadoDoToken, Liberacao, Reserva, Segurados};
pub use falha::{Falha, SAIDA_RECUSADO, SAIDA_SEM_CONEXAO, SAIDA_USO};
pub use leitor::{Bloco, Leitor, RESPOSTA_BYTES_MAX, Recebido};
