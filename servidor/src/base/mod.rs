//! As peças que não conhecem ninguém: travas, semáforo, lotes, contadores, o que o sistema permite.
//!
//! É a prateleira de onde se ensina: cada peça serve a qualquer servidor. Nada aqui conhece a sala, um socket ou a tela, e nada aqui
//! importa o que está acima.

pub mod admissao;
pub mod caixa;
pub mod campainha;
pub mod contadores;
pub mod lotes;
pub mod segredo;
pub mod sincronia;
pub mod sistema;
