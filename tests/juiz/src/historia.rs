//! A história de uma prova: o que cada conexão pediu e ouviu, e quando. É o que o estresse anota e o juiz julga.
//!
//! São só dados: aqui não há socket, relógio nem regra da sala.

use std::time::Duration;

use protocolo::{ClientId, Comando, Evento, Resposta};

/// Tudo o que se viu de um servidor, do lado de fora.
#[derive(Clone, Debug, Default)]
pub struct Historia {
    /// Uma por conexão, na ordem em que se abriram.
    pub conversas: Vec<Conversa>,
    /// Só estas conexões mudaram a sala: uma versão que ninguém explica é uma mentira, e não outra pessoa.
    pub sozinha: bool,
}

/// O que uma conexão pediu e ouviu.
#[derive(Clone, Debug)]
pub struct Conversa {
    /// O número que o servidor lhe deu na saudação; ninguém aqui retoma outro.
    pub cliente: ClientId,
    /// Os pedidos, na ordem em que saíram; a resposta de cada um é a que chegou na mesma ordem.
    pub trocas: Vec<Troca>,
    /// Os eventos, na ordem em que chegaram.
    pub eventos: Vec<Visto>,
    /// O que chegou e não é resposta a pedido nenhum, nem evento.
    pub sobras: Vec<Sobra>,
}

/// Um pedido e a resposta dele. As horas contam do começo da prova.
#[derive(Clone, Debug)]
pub struct Troca {
    /// O que se pediu.
    pub pedido: Comando,
    /// Antes de mandar o pedido.
    pub enviado: Duration,
    /// Depois de ler a resposta; se ela não veio, quando se deixou de esperar por ela.
    pub ouvido: Duration,
    /// A resposta; se é uma recusa, sem o texto para pessoas. `None`: não veio, e não se sabe se o pedido aconteceu.
    pub resposta: Option<Resposta>,
}

/// Um evento e quando chegou.
#[derive(Clone, Copy, Debug)]
pub struct Visto {
    /// O evento.
    pub evento: Evento,
    /// Quando.
    pub ouvido: Duration,
    /// Quantas respostas desta conexão tinham chegado antes dele.
    pub depois_de: usize,
}

/// Uma linha, ou um bloco, que não se esperava.
#[derive(Clone, Debug)]
pub struct Sobra {
    /// O que veio.
    pub texto: String,
    /// Quando.
    pub ouvido: Duration,
}
