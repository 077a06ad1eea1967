//! Quem fala e quem pede: um cliente, e a conexão por onde ele fala.

use std::fmt;

use protocolo::{ClientId, Nome};

/// Quem pede: o cliente, e a conexão por onde ele fala (o número com que ela nasceu, que nenhuma outra tem).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Requerente {
    /// Quem é.
    pub cliente: ClientId,
    /// Por onde fala: é com ela que o lugar na fila e o token se vão.
    pub conexao: ClientId,
}

/// Quem fala numa conexão: muda com `NOME` e com `RETOMAR`.
#[derive(Clone, Debug)]
pub struct Participante {
    /// O número com que a conexão nasceu: é dela, mesmo que o cliente passe a ser outro.
    pub conexao: ClientId,
    /// O número.
    pub cliente: ClientId,
    /// O nome, se deu um.
    pub nome: Option<Nome>,
}

impl fmt::Display for Participante {
    /// `[7]` ou `[7 ana]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nome {
            Some(nome) => write!(f, "[{} {nome}]", self.cliente),
            None => write!(f, "[{}]", self.cliente),
        }
    }
}

impl Participante {
    /// Quem acaba de chegar.
    pub const fn new(cliente: ClientId) -> Self {
        Self { conexao: cliente, cliente, nome: None }
    }

    /// Quem fala, e por onde.
    pub const fn requerente(&self) -> Requerente {
        Requerente { cliente: self.cliente, conexao: self.conexao }
    }
}
