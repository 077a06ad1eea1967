//! O laboratório: a mesma sala e o mesmo trabalho, num processo só, sob cada técnica de sincronização.
//!
//! | módulo | o que é |
//! |---|---|
//! | [`tecnicas`] | cada técnica no seu arquivo, atrás da mesma interface, e a tabela de todas |
//! | [`sala`] | a sala que elas protegem: código sequencial, e a mesma sala aberta a todos, assento a assento atômica |
//! | [`impasse`] | o grafo de quem espera por quem, onde um impasse é um ciclo |
//! | [`carga`] | o trabalho de uma thread, sorteado |
//! | [`medicao`] | põe as threads a trabalhar e anota cada operação; o único que lê o relógio |
//! | [`medidas`] | o que se tira do que se anotou: operações por segundo, p99, a maior espera, justiça |
//!
//! Quem lê o que se anotou e diz o que deu errado é o juiz das histórias sem versões, [`juiz::intervalos`].
//!
//! Não conhece o servidor, nem a rede: só os tipos do protocolo.

#![forbid(unsafe_code)]

pub mod carga;
pub mod impasse;
pub mod medicao;
pub mod medidas;
pub mod sala;
pub mod tecnicas;
