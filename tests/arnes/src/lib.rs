//! O arnês dos testes: um servidor de teste, terminais que falam com ele por um socket de verdade, e roteiros.
//!
//! | módulo | o que é |
//! |---|---|
//! | [`ServidorDeTeste`] | um servidor neste processo, numa porta que o sistema escolhe; para ao ser solto |
//! | [`Terminal`] | uma conexão crua, com prazo de leitura |
//! | [`Observador`] | um terminal que observa: soma os eventos e confere que a soma diz a verdade |
//! | [`ao_fundo()`] | clientes que pedem sem parar enquanto o teste faz outra coisa |
//! | [`caprichoso`] | um armazém que falha e espera quando se manda |
//! | [`partida`] | os modos de ir embora |
//! | [`roteiro`] | uma conversa escrita linha a linha, executada e conferida |
//! | [`espera`] | esperar por uma condição, com prazo: nunca por um tempo |
//! | [`filho`] | este mesmo programa num processo filho, como servidor |
//! | [`entupido`] | um cliente que fala e não lê |
//! | [`pasta`] | uma pasta que some, um disco pequeno que se enche |
//! | [`Sorteio`] | números sorteados que se repetem com a mesma semente |
//!
//! Tudo aqui entra em pânico quando o esperado não vem: é assim que um teste falha. O arnês não conhece as regras da sala.

#![forbid(unsafe_code)]

mod ao_fundo;
pub mod caprichoso;
pub mod entupido;
pub mod espera;
pub mod filho;
pub mod observador;
pub mod partida;
pub mod pasta;
pub mod roteiro;
mod servidor_de_teste;
mod sorteio;
pub mod terminal;

pub use ao_fundo::ao_fundo;
pub use observador::Observador;
pub use servidor_de_teste::ServidorDeTeste;
pub use sorteio::Sorteio;
pub use terminal::{Resposta, Terminal};
