//! Os testes de integração, num binário só: clientes de verdade, num socket de verdade.
//!
//! Cada teste liga o seu servidor (`arnes::ServidorDeTeste`); nenhum depende de outro, nem da ordem.

#![forbid(unsafe_code)]
#![cfg(test)]

/// O próprio arnês: um roteiro errado falha.
mod arnes;

/// Semáforo: um além do limite, e os lugares voltam; quem fica calado é desligado.
mod admissao;
/// AGUARDAR: por ordem de chegada, e nada para quem se foi.
mod aguardar;
/// OBSERVAR e PARAR: o que se conta a quem observa soma sempre a sala, e ninguém se atrasa por isso.
mod assistir;
/// Os cartões de docs/AULA.md, digitados em terminais, mostram o que está escrito.
mod aula;
/// As pastas são camadas, e nenhum arquivo importa quem o importa.
mod camadas;
/// Trinta e dois clientes ao mesmo tempo: um assento nunca tem dois donos.
mod concorrencia;
/// Sem exclusão mútua, de propósito: assentos vendidos duas vezes, e um servidor que não cai.
mod corrida;
/// O que se documenta é o que existe: a tabela, as sessões, os módulos, as dependências.
mod documentos;
/// A parada em ordem: todos são avisados, e ninguém prende o servidor.
mod encerramento;
/// HTTP, TLS, SSH: recusados sem que nada do que mandam seja executado.
mod estranhos;
/// O cliente de exemplo em Python: o que ele diz, e como acaba.
mod exemplo_python;
/// A vida de um assento, contada a quem a pede.
mod historico;
/// Números, chaves e nomes: quem é quem, e como se volta.
mod identidade;
/// Linhas: tamanho, fins, telnet, correções, UTF-8, meia conexão, quem some.
mod linha;
/// Pedidos em lote e pacotes cortados em qualquer lugar.
mod lote;
/// Mutex: um assento nunca tem dois donos; cada recusa da sala, na sua ordem.
mod reserva;
/// Cada comando com argumentos a menos, a mais e errados: uma linha que ajuda, e a conexão segue.
mod sintaxe;
/// O token: um dono por vez, por ordem de chegada, com prazo e número de fencing.
mod token;
/// SEGURAR e CONFIRMAR: por um tempo, e o prazo vence sozinho.
mod vencimento;
