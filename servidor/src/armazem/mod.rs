//! O armazém: onde a sala mora enquanto o servidor está desligado.
//!
//! É uma interface estreita: carregar tudo, gravar um lote e dizer quando ele está a salvo, e ler a vida de um assento.
//! Quem a usa não sabe se embaixo há um arquivo SQLite ([`sqlite`]), a memória ([`memoria`]) ou, um dia, um banco
//! repartido por vários servidores. Aqui não há relógio, SQL nem log: a hora entra por argumento, em cada registro.

pub mod memoria;
pub mod sqlite;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use protocolo::{Assento, Cerca, ClientId, Evento, Hora, Mudanca, Nome, Versao};

/// Uma hora do relógio de parede: milissegundos desde 1970, em UTC. Escreve-se em ISO 8601, e o texto se ordena como a hora.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Momento(pub i64);

impl Momento {
    /// Como o protocolo a diz: as mesmas letras.
    pub fn hora(self) -> Hora {
        self.to_string().parse().expect("um momento se escreve como uma hora do protocolo")
    }
}

impl fmt::Display for Momento {
    /// Como em `2026-11-21T13:12:49.123Z`, sempre com três casas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fim = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(f, "{:.3}", jiff::Timestamp::from_millisecond(self.0).unwrap_or(fim))
    }
}

/// O texto não é uma hora.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MomentoInvalido;

impl FromStr for Momento {
    type Err = MomentoInvalido;

    fn from_str(texto: &str) -> Result<Self, MomentoInvalido> {
        let hora: jiff::Timestamp = texto.parse().map_err(|_| MomentoInvalido)?;
        Ok(Self(hora.as_millisecond()))
    }
}

/// O segredo de que se derivam as chaves dos clientes. `Debug` não o mostra.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Segredo(pub [u8; 32]);

impl fmt::Debug for Segredo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Segredo(oculto)")
    }
}

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
    pub fn fatos<'a>(&'a self, antes: &'a Guardado) -> impl Iterator<Item = (Assento, Fato)> + 'a {
        let mudancas = match &self.novidade {
            Novidade::Assentos { evento, vence } => Some((*evento, *vence)),
            _ => None,
        };
        mudancas.into_iter().flat_map(move |(evento, vence)| {
            evento.assentos.iter().filter_map(move |assento| {
                let (cliente, acontecimento) = match evento.mudanca {
                    Mudanca::Reservado(cliente) => (cliente, Acontecimento::Reservado),
                    Mudanca::Segurado(cliente) => {
                        (cliente, Acontecimento::Segurado { vence: vencimento(vence) })
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

/// Um momento da vida de um assento.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fato {
    /// A versão da sala que isto fez.
    pub versao: Versao,
    /// Quando.
    pub quando: Momento,
    /// Quem o tomou; ou, se ficou livre, quem o tinha.
    pub cliente: ClientId,
    /// O nome que o cliente tinha então.
    pub nome: Option<Nome>,
    /// O quê.
    pub acontecimento: Acontecimento,
}

/// O que aconteceu com um assento.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acontecimento {
    /// Foi reservado.
    Reservado,
    /// Foi segurado.
    Segurado {
        /// Até quando, pelo prazo de então.
        vence: Momento,
    },
    /// Ficou livre: devolvido, ou o prazo venceu.
    Livre,
}

/// Por que um lote não foi gravado, ou uma história não foi lida.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Falha {
    /// Por enquanto não dá (disco cheio, arquivo ocupado por outro programa): **nada** do lote ficou gravado, e tentar mais
    /// tarde pode dar certo.
    Indisponivel(String),
    /// Outro servidor está no comando agora: **nada** do lote ficou gravado, e este servidor deve parar.
    Destituido,
    /// O disco falhou ou o arquivo está danificado: **não se sabe** se o lote ficou gravado. O servidor deve parar.
    Fatal(String),
}

impl fmt::Display for Falha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Indisponivel(causa) => write!(f, "o armazém não atende por enquanto: {causa}"),
            Self::Destituido => f.write_str("outro servidor está no comando agora"),
            Self::Fatal(causa) => write!(f, "o armazém falhou: {causa}"),
        }
    }
}

impl std::error::Error for Falha {}

/// Onde se grava. Uma thread só o usa, um lote por vez.
pub trait Armazem: Send {
    /// Grava o lote inteiro, ou nada dele, na ordem dada. Quando volta com `Ok`, ele sobrevive a uma queda de energia.
    ///
    /// Erros: ver [`Falha`]. Depois de [`Falha::Fatal`] ou [`Falha::Destituido`] nenhum outro lote se grava.
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha>;
}

/// Onde se lê a história, ao lado de quem grava e de qualquer thread.
pub trait Historico: Send + Sync {
    /// Os últimos `max` fatos da vida do assento até a versão `ate`, do mais novo ao mais velho.
    ///
    /// Erros: ver [`Falha`].
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato>, Falha>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momento_vai_e_volta_e_se_ordena_como_texto() {
        let alguns =
            [0, 1, 999, 1000, 1_795_266_769_120, 1_795_266_769_123, 253_000_000_000_000].map(Momento);
        for momento in alguns {
            assert_eq!(momento.to_string().parse(), Ok(momento));
        }
        let textos = alguns.map(|momento| momento.to_string());
        assert!(textos.is_sorted(), "{textos:?}");
        assert_eq!(textos[4], "2026-11-21T13:12:49.120Z");
        assert_eq!("ontem".parse::<Momento>(), Err(MomentoInvalido));
        // Como hora do protocolo, o mesmo; também nos extremos, que um arquivo mexido à mão pode ter.
        for momento in alguns.into_iter().chain([i64::MIN, -1, i64::MAX].map(Momento)) {
            assert_eq!(momento.hora().to_string(), momento.to_string());
        }
    }

    #[test]
    fn segredo_nao_se_mostra() {
        assert_eq!(format!("{:?}", Segredo([7; 32])), "Segredo(oculto)");
    }
}
