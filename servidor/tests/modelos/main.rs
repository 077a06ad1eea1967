//! Exploração de escalonamentos do que sincroniza: o monitor, o token, as esperas, os prazos, quem grava, o carteiro e a vez
//! de escrever, a campainha, o semáforo e a fila de mensagens.
//!
//! Cada modelo roda milhares de vezes, e em cada uma o explorador escolhe qual thread anda a cada passo; uma espera que
//! ninguém acorda aparece como impasse (deadlock). Se um falha, ele mostra o escalonamento, que `shuttle::replay` repete.
//! No shuttle uma espera com prazo nunca vence: um prazo que acaba é um passo do modelo, `Monitor::vencer`.
//!
//! `cargo test -p servidor --features shuttle --test modelos`

mod campainha;
mod carteiro;
mod comum;
mod esperas;
mod gravador;
mod limites;
mod parada;
mod prazos;
mod reservas;
mod token;
