//! O que da sala se guarda: o que muda, registro a registro, e o que resulta de todos eles.
//!
//! São dados, e a conta que faz de uns os outros: código sequencial puro, sem relógio e sem disco. A sala os escreve, e o armazém os
//! guarda sem os entender de outro jeito.

use std::collections::BTreeMap;

use protocolo::{Acontecimento, Assento, Cerca, ClientId, Evento, Fato, Mudanca, Nome, Versao};

use crate::base::segredo::Segredo;
use crate::tempo::momento::Momento;

/// De quem é um assento.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ocupacao {
    /// O dono.
    pub cliente: ClientId,
    /// Desde quando é assim: reservado, ou segurado, contado da primeira vez.
    pub desde: Momento,
    /// Quando vence, se está só segurado; `None` se está reservado, firme.
    pub vence: Option<Momento>,
}

/// Tudo o que sobrevive ao servidor, menos a história.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guardado {
    /// A versão da sala.
    pub versao: Versao,
    /// A última cerca dada.
    pub cerca: Cerca,
    /// Quantas vezes o token foi liberado.
    pub contador: u64,
    /// Números de cliente até este podem já ter sido dados: não se dão outra vez.
    pub clientes: u64,
    /// O segredo de que se derivam as chaves.
    pub segredo: Segredo,
    /// A última hora gravada: se o relógio de agora diz menos, alguém o atrasou.
    pub gravado_em: Momento,
    /// Os assentos que têm dono.
    pub assentos: BTreeMap<Assento, Ocupacao>,
    /// Os nomes de quem deu um.
    pub nomes: BTreeMap<ClientId, Nome>,
}

impl Guardado {
    /// Uma sala vazia.
    pub const fn vazio(segredo: Segredo, agora: Momento) -> Self {
        Self {
            versao: Versao(0),
            cerca: Cerca(0),
            contador: 0,
            clientes: 0,
            segredo,
            gravado_em: agora,
            assentos: BTreeMap::new(),
            nomes: BTreeMap::new(),
        }
    }

    /// Faz acontecer o que o registro diz.
    pub fn aplicar(&mut self, registro: &Registro) {
        let quando = registro.quando;
        self.gravado_em = quando;
        match &registro.novidade {
            Novidade::Assentos { evento, vence } => {
                debug_assert!(evento.versao > self.versao, "a versão só cresce");
                self.versao = evento.versao;
                for assento in evento.assentos {
                    let (cliente, vence) = match evento.mudanca {
                        Mudanca::Livre => {
                            self.assentos.remove(&assento);
                            continue;
                        }
                        Mudanca::Reservado(cliente) => (cliente, None),
                        Mudanca::Segurado(cliente) => (cliente, Some(vencimento(*vence))),
                    };
                    self.assentos.insert(assento, Ocupacao { cliente, desde: quando, vence });
                }
            }
            Novidade::Renovado { assentos, vence } => {
                for assento in *assentos {
                    if let Some(ocupacao) = self.assentos.get_mut(&assento) {
                        ocupacao.vence = Some(*vence);
                    }
                }
            }
            Novidade::Nome { cliente, nome } => {
                self.nomes.insert(*cliente, nome.clone());
            }
            Novidade::NomeEsquecido { cliente } => {
                self.nomes.remove(cliente);
            }
            Novidade::Token { cerca, contador } => (self.cerca, self.contador) = (*cerca, *contador),
            Novidade::Clientes(clientes) => self.clientes = *clientes,
        }
    }
}

fn vencimento(vence: Option<Momento>) -> Momento {
    vence.expect("o que se segura tem prazo")
}

/// Uma novidade e a hora dela.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registro {
    /// Quando foi.
    pub quando: Momento,
    /// O que houve.
    pub novidade: Novidade,
}

/// O que muda na sala e precisa sobreviver, na ordem em que ela mudou.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Novidade {
    /// Assentos mudaram de mãos, e a versão com eles. É o que fica na história.
    Assentos {
        /// A versão, os assentos e o que são agora.
        evento: Evento,
        /// Quando vence: só, e sempre, se o evento é `SEGURADO`.
        vence: Option<Momento>,
    },
    /// O prazo de assentos já segurados é outro; não é uma versão nova.
    Renovado {
        /// Quais.
        assentos: protocolo::Assentos,
        /// O prazo novo.
        vence: Momento,
    },
    /// O cliente passou a ter este nome.
    Nome {
        /// Quem.
        cliente: ClientId,
        /// O nome.
        nome: Nome,
    },
    /// O nome do cliente já não se guarda.
    NomeEsquecido {
        /// Quem.
        cliente: ClientId,
    },
    /// O token foi concedido ou liberado.
    Token {
        /// A última cerca dada.
        cerca: Cerca,
        /// Quantas vezes foi liberado.
        contador: u64,
    },
    /// Números de cliente até este podem ser dados: grava-se antes de os dar.
    Clientes(u64),
}

impl Registro {
    /// O que este registro acrescenta à vida de cada assento; `antes` é a sala como estava.
    pub fn fatos<'a>(&'a self, antes: &'a Guardado) -> impl Iterator<Item = (Assento, Fato<Momento>)> + 'a {
        let mudancas = match &self.novidade {
            Novidade::Assentos { evento, vence } => Some((*evento, *vence)),
            _ => None,
        };
        mudancas.into_iter().flat_map(move |(evento, vence)| {
            evento.assentos.iter().filter_map(move |assento| {
                let (cliente, acontecimento) = match evento.mudanca {
                    Mudanca::Reservado(cliente) => (cliente, Acontecimento::Reservado),
                    Mudanca::Segurado(cliente) => {
                        (cliente, Acontecimento::Segurado { ate: vencimento(vence) })
                    }
                    // Quem o deixou é quem o tinha.
                    Mudanca::Livre => (antes.assentos.get(&assento)?.cliente, Acontecimento::Livre),
                };
                let nome = antes.nomes.get(&cliente).cloned();
                Some((
                    assento,
                    Fato { versao: evento.versao, quando: self.quando, cliente, nome, acontecimento },
                ))
            })
        })
    }
}
