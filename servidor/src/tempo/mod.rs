//! O tempo: instantes e horas são números que se comparam e se somam; só [`relogio`] os lê de um relógio.
//!
//! Não conhece a sala, e não espera por nada.

pub mod instante;
pub mod momento;
pub mod relogio;
