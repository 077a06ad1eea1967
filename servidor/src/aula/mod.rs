//! O que só existe para uma aula: a corrida que se demonstra, acima da trava.

pub mod corrida;
