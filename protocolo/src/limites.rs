//! Os limites do protocolo, que o servidor e o cliente dividem: cada um com a unidade no nome e a razão ao lado.
//!
//! Este módulo não usa nenhum outro. Cada limite tem um teste no limite e um logo além dele.

// ---- A sala ----

/// Quantos assentos a sala tem; vão de 1 a este número. Cabem todos num `u128` (ver [`crate::Assentos`]).
pub const ASSENTOS_MAX: u8 = 100;
/// Quantos assentos há numa fileira: é o que "lado a lado" quer dizer.
pub const FILEIRA_ASSENTOS: u8 = 10;

const _: () = assert!(ASSENTOS_MAX as u32 <= u128::BITS, "um conjunto de assentos é um u128");
const _: () = assert!(ASSENTOS_MAX % FILEIRA_ASSENTOS == 0, "a última fileira também é inteira");

// ---- A linha ----

/// Quantos bytes uma linha pode ter, contado o seu fim (LF ou CRLF).
///
/// O maior pedido legítimo é `RESERVAR QUANTIDADE 100 PREFERINDO` com os cem assentos um a um e uma cláusula
/// `CERCA` de vinte dígitos: 35 + 292 + 27 = 354 bytes. O resto é folga para quem digita espaços.
pub const LINHA_BYTES_MAX: usize = 1024;

const _: () = assert!(LINHA_BYTES_MAX > 35 + 292 + 27, "o maior pedido legítimo cabe");

// ---- Pessoas ----

/// Quantas letras um nome pode ter: cabe numa coluna da tela.
pub const NOME_LETRAS_MAX: usize = 32;
/// Quantos bytes tem a chave de um cliente: 128 bits não se adivinham por tentativa.
pub const CHAVE_BYTES: usize = 16;

// ---- Prazos pedidos pelo cliente ----

/// O menor prazo que se pode pedir em `POR` e `ATE`, em segundos.
pub const PRAZO_S_MIN: u32 = 1;
/// O maior prazo que se pode pedir em `POR` e `ATE`, em segundos; e o mais que um assento fica segurado.
pub const PRAZO_S_MAX: u32 = 3600;
/// Por quanto tempo `SEGURAR` segura quando não se diz `POR`, em segundos: dá para terminar uma compra.
pub const SEGURAR_S_PADRAO: u32 = 120;
/// Por quanto tempo o token pode ficar com alguém quando não se diz `POR`, em segundos.
pub const TOKEN_S_PADRAO: u32 = 30;

const _: () = assert!(PRAZO_S_MIN <= TOKEN_S_PADRAO && TOKEN_S_PADRAO <= SEGURAR_S_PADRAO);
const _: () = assert!(SEGURAR_S_PADRAO <= PRAZO_S_MAX);

// ---- Onde se encontram ----

/// Onde o servidor escuta e o cliente procura quando não se diz outra coisa: só esta máquina, por segurança.
pub const ENDERECO_PADRAO: &str = "127.0.0.1:7878";

// ---- O que se observa ----

/// Quantas mudanças da sala se guardam para contar uma a uma a quem observa: mais de meio segundo a duzentas por segundo.
/// Quem ficou mais para trás recebe só o que resultou delas.
pub const EVENTOS_MAX: usize = 128;
