//! O programa `servidor` que cai, e volta: com `kill -9`, no meio de uma chamada ao sistema, sem disco, com o disco estragado,
//! com o relógio atrasado. O que ele disse que fez está lá; o que ninguém pediu não está.
//!
//! `RESERVA_RODADAS` diz quantas quedas ([`sorteadas`]); `RESERVA_SEMENTE` repete os pedidos de uma rodada.

#![cfg(not(feature = "shuttle"))]
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "um teste para onde não consegue seguir")]

#[path = "../programa/mod.rs"]
mod programa;

/// O que uma conexão pede, e o que ouve, até que o servidor caia.
mod conversa;
/// A testemunha: o que está no disco e o que se respondeu contam a mesma história.
mod testemunha;

/// Queda em cada chamada ao sistema que grava ou responde; o `fsync` que falha. Usa o `strace`.
mod chamadas;
/// O disco cheio, e depois já não.
mod disco;
/// O que o servidor diz quando liga, e os arquivos que recusa.
mod partida;
/// O relógio de parede atrasado ou adiantado. Usa a `libfaketime`.
mod relogio;
/// Quedas e paradas em momentos sorteados, com oito clientes.
mod sorteadas;
