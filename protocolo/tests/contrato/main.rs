//! O protocolo visto de fora: tabelas de pedidos e recusas, e idas e voltas de valores sorteados.
//!
//! Só usa o que a crate publica. Os testes sorteados são do proptest: quando um falha, a semente fica em
//! `tests/proptest-regressions` e o caso é tentado primeiro dali em diante.

// Valores sorteados dos tipos do protocolo.
#[cfg(test)]
mod geradores;

// Pedidos: cada forma, cada recusa; escrever e ler dá o mesmo.
#[cfg(test)]
mod comando;
// Respostas e eventos: escrever e ler dá o mesmo; uma linha final por resposta.
#[cfg(test)]
mod resposta;
// Linhas: qualquer sopa de bytes, em qualquer corte, contra um modelo ingênuo.
#[cfg(test)]
mod linha;
// O documento do protocolo diz o mesmo que a crate.
#[cfg(test)]
mod documento;
