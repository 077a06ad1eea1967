//! O que entra no monitor e o que sai dele: quem pede e quando, o lugar de quem espera, os retratos. Só dados: aqui não se fecha
//! trava nenhuma.

use std::collections::BTreeMap;

use protocolo::{ClientId, Quadro, Resposta, Versao};

use crate::base::sincronia::{Arc, Condvar};
use crate::sala::quem::Requerente;
use crate::sala::registro::Registro;
use crate::sala::{Concessao, Pessoa, Veredito, Vista};
use crate::tempo::instante::Instante;

/// O que chegou a quem esperava.
#[derive(Debug)]
pub struct Chegada {
    /// A resposta.
    pub veredito: Veredito,
    /// O lote de que ela depende; zero, se de nenhum.
    pub lote: u64,
    pub(super) concessao: Concessao,
}

/// O que vai junto para o disco.
#[derive(Debug)]
pub struct Lote {
    /// O número do lote.
    pub numero: u64,
    /// As novidades, na ordem da sala.
    pub registros: Vec<Registro>,
}

/// Uma condição só de quem espera, e a prova de que ela está anotada.
#[derive(Debug)]
pub struct Lugar {
    pub(super) conexao: ClientId,
    pub(super) pelo: Pelo,
    pub(super) acorda: Arc<Condvar>,
}

/// Pelo que se espera.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pelo {
    Token,
    Assentos,
}

/// O que acontece com quem pede o que talvez tenha de esperar.
#[derive(Debug)]
pub enum Solicitado {
    /// Já se sabe a resposta.
    Respondido(Veredito),
    /// Deve esperar a vez neste lugar, com tantos à frente na fila.
    Espera(Lugar, usize),
}

/// Quem pede, quando, e o que já sabe da sala, se a observa.
#[derive(Debug)]
pub struct Ocasiao<'a> {
    /// O instante em que o pedido acontece, lido antes de entrar na seção crítica.
    pub agora: Instante,
    /// Quem pede, e por onde.
    pub quem: Requerente,
    /// Fica em dia no mesmo instante do pedido.
    pub vista: Option<&'a mut Vista>,
    /// De que lote a resposta depende.
    pub depende: &'a mut Dependencia,
}

/// Os lotes sem os quais não se pode dizer o que se tem para dizer; zero, se nada depende de lote nenhum.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dependencia {
    /// O das respostas anteriores da mesma conexão, que ainda não saíram.
    pub antes: u64,
    /// O desta resposta.
    pub desta: u64,
}

impl Dependencia {
    /// A resposta depende também deste lote.
    pub fn juntar(&mut self, lote: u64) {
        self.desta = self.desta.max(lote);
    }
}

/// O que o operador vê da sala.
#[derive(Clone, Debug)]
pub struct RetratoDaSala {
    /// Os assentos; nenhum é "seu".
    pub quadro: Quadro,
    /// A versão da sala.
    pub versao: Versao,
    /// O nome e os assentos de quem tem um ou outro.
    pub pessoas: BTreeMap<ClientId, Pessoa>,
    /// Quem é agora, por conexão, quem retomou outro cliente.
    pub retomadas: BTreeMap<ClientId, ClientId>,
}

impl RetratoDaSala {
    /// O cliente, o seu nome e os seus assentos, numa linha.
    pub fn pessoa(&self, cliente: ClientId) -> String {
        let Some(Pessoa { nome, assentos }) = self.pessoas.get(&cliente) else {
            return format!("[{cliente}]");
        };
        let nome = nome.as_ref().map(|nome| format!(" {nome}")).unwrap_or_default();
        let assentos =
            if assentos.is_empty() { String::new() } else { format!(" assentos {}", assentos.faixas()) };
        format!("[{cliente}{nome}]{assentos}")
    }
}

/// O que o operador vê do token.
#[derive(Clone, Debug)]
pub struct RetratoDoToken {
    /// Dono, cerca, contador e espera.
    pub estado: Resposta,
    /// Quem espera, do primeiro ao último.
    pub fila: Vec<Requerente>,
    /// Quantas concessões teve cada conexão que ainda está aí.
    pub concessoes: Vec<(ClientId, u64)>,
}
