//! Os pedidos: a tabela das palavras, o tipo [`Comando`] e a sua leitura e escrita.
//!
//! `texto.parse::<Comando>()` lê uma linha já sem o seu fim; `Display` escreve a forma canônica, e ler o que se
//! escreveu dá o mesmo comando. Não conhece a sala: só diz o que foi pedido.

use std::fmt;
use std::str::FromStr;

use crate::assentos::{Assento, Assentos};
use crate::error::{Error, Recusa};
use crate::identidade::{Cerca, Chave, ClientId, Nome, Segundos};
use crate::leitura::{Palavras, numero, sintaxe};

/// O que se pede de uma linha.
#[derive(Clone, Debug)]
pub enum Comando {
    /// `RESERVAR`, nas suas três formas.
    Reservar {
        /// Quais assentos.
        pedido: Pedido,
        /// Só enquanto o token com este número for de quem pede.
        cerca: Option<Cerca>,
    },
    /// `SEGURAR`: guarda por um tempo, tudo ou nada.
    Segurar {
        /// Quais assentos.
        escolha: Escolha,
        /// Por quanto tempo.
        por: Segundos,
    },
    /// `CONFIRMAR`: torna firme o que se segura (`None`: tudo).
    Confirmar(Option<Assentos>),
    /// `CANCELAR`: devolve, tudo ou nada.
    Cancelar {
        /// O que se devolve.
        alvo: Alvo,
        /// Só enquanto o token com este número for de quem pede.
        cerca: Option<Cerca>,
    },
    /// `AGUARDAR`: reserva, esperando a vez se for preciso.
    Aguardar {
        /// Quais assentos.
        escolha: Escolha,
        /// Até quanto tempo se espera (`None`: para sempre).
        ate: Option<Segundos>,
    },
    /// `LISTAR`: os conjuntos da sala.
    Listar,
    /// `MAPA`: o desenho da sala.
    Mapa,
    /// `HISTORICO`: a vida de um assento.
    Historico(Assento),
    /// `OBSERVAR`: daqui em diante, as mudanças chegam sozinhas.
    Observar,
    /// `PARAR`: deixa de observar.
    Parar,
    /// `TOKEN`: a exclusão mútua por token.
    Token(ComandoToken),
    /// `NOME`: um nome para pessoas.
    Nome(Nome),
    /// `RETOMAR`: volta a ser um cliente anterior.
    Retomar {
        /// Qual cliente.
        cliente: ClientId,
        /// A sua chave.
        chave: Chave,
    },
    /// `ESTADO`: os números do servidor.
    Estado,
    /// `AJUDA`, de tudo ou de um comando.
    Ajuda(Option<&'static Verbete>),
    /// `PING`: o servidor está aí?
    Ping,
    /// `SAIR`: despede-se.
    Sair,
}

/// O que `RESERVAR` pede.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pedido {
    /// Todos estes, ou nenhum.
    Todos(Assentos),
    /// Destes, os que estiverem livres.
    Parcial(Assentos),
    /// Tantos assentos mais, à escolha do servidor, todos ou nenhum.
    Quantidade {
        /// Quantos; um número grande demais para contar vale `u32::MAX`, que nenhuma sala tem.
        quantos: u32,
        /// Os preferidos, tentados primeiro.
        preferidos: Assentos,
    },
}

/// O que `SEGURAR` e `AGUARDAR` pedem: sempre tudo ou nada.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escolha {
    /// Estes.
    Estes(Assentos),
    /// Tantos assentos, à escolha do servidor; ver [`Pedido::Quantidade`].
    Quantidade(u32),
}

/// O que `CANCELAR` devolve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alvo {
    /// Estes.
    Estes(Assentos),
    /// Tudo o que é de quem pede.
    Tudo,
}

/// As três formas de `TOKEN`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ComandoToken {
    /// Entra na fila e espera a vez.
    Solicitar {
        /// Por quanto tempo o token pode ficar com quem pede.
        por: Segundos,
        /// Até quanto tempo se espera (`None`: para sempre).
        ate: Option<Segundos>,
    },
    /// Passa o token adiante.
    Liberar,
    /// De quem é o token e quantos esperam.
    Estado,
}

/// Uma palavra do protocolo: como se escreve e o que faz.
#[derive(Debug)]
pub struct Verbete {
    /// A primeira palavra da linha.
    pub palavra: &'static str,
    /// Cada forma que a linha pode ter.
    pub formas: &'static [&'static str],
    /// A linha final de quando dá certo, sem os argumentos.
    pub participio: &'static str,
    /// O que faz, numa linha.
    pub resumo: &'static str,
    /// Quem lê o que vem depois da palavra.
    ler: fn(&mut Palavras<'_>) -> Result<Comando, Recusa>,
}

/// Todas as palavras, na ordem em que `AJUDA` as mostra.
pub static TABELA: [Verbete; 17] = [
    Verbete {
        palavra: "RESERVAR",
        formas: &[
            "RESERVAR <assentos> [CERCA <n>]",
            "RESERVAR PARCIAL <assentos> [CERCA <n>]",
            "RESERVAR QUANTIDADE <n> [PREFERINDO <assentos>] [CERCA <n>]",
        ],
        participio: "OK RESERVADO",
        resumo: "reserva todos os assentos ou nenhum; só os livres; ou tantos quantos você disser",
        ler: ler_reservar,
    },
    Verbete {
        palavra: "SEGURAR",
        formas: &["SEGURAR <assentos> [POR <s>]", "SEGURAR QUANTIDADE <n> [POR <s>]"],
        participio: "OK SEGURADO",
        resumo: "guarda os assentos por alguns segundos (120, se você não disser), enquanto decide",
        ler: ler_segurar,
    },
    Verbete {
        palavra: "CONFIRMAR",
        formas: &["CONFIRMAR [<assentos>]"],
        participio: "OK CONFIRMADO",
        resumo: "torna firmes os assentos que você segura (todos, se não disser quais)",
        ler: ler_confirmar,
    },
    Verbete {
        palavra: "CANCELAR",
        formas: &["CANCELAR <assentos> [CERCA <n>]", "CANCELAR TUDO [CERCA <n>]"],
        participio: "OK CANCELADO",
        resumo: "devolve assentos seus, todos ou nenhum",
        ler: ler_cancelar,
    },
    Verbete {
        palavra: "AGUARDAR",
        formas: &["AGUARDAR <assentos> [ATE <s>]", "AGUARDAR QUANTIDADE <n> [ATE <s>]"],
        participio: "OK RESERVADO",
        resumo: "como RESERVAR, mas espera a vez se os assentos estiverem ocupados",
        ler: ler_aguardar,
    },
    Verbete {
        palavra: "LISTAR",
        formas: &["LISTAR"],
        participio: "OK LISTADO",
        resumo: "mostra quais assentos estão livres, segurados, ocupados e quais são seus",
        ler: |_| Ok(Comando::Listar),
    },
    Verbete {
        palavra: "MAPA",
        formas: &["MAPA"],
        participio: "OK MAPA",
        resumo: "desenha a sala, dez assentos por linha",
        ler: |_| Ok(Comando::Mapa),
    },
    Verbete {
        palavra: "HISTORICO",
        formas: &["HISTORICO <assento>"],
        participio: "OK HISTORICO",
        resumo: "conta a vida de um assento: quando, de quem foi e o que aconteceu",
        ler: |palavras| Ok(Comando::Historico(palavras.so_um_assento()?)),
    },
    Verbete {
        palavra: "OBSERVAR",
        formas: &["OBSERVAR"],
        participio: "OK OBSERVANDO",
        resumo: "daqui em diante, avisa de cada mudança da sala",
        ler: |_| Ok(Comando::Observar),
    },
    Verbete {
        palavra: "PARAR",
        formas: &["PARAR"],
        participio: "OK PARADO",
        resumo: "deixa de observar",
        ler: |_| Ok(Comando::Parar),
    },
    Verbete {
        palavra: "TOKEN",
        formas: &["TOKEN SOLICITAR [POR <s>] [ATE <s>]", "TOKEN LIBERAR", "TOKEN ESTADO"],
        participio: "OK TOKEN",
        resumo: "exclusão mútua por token: pede e espera a vez; passa adiante; diz de quem é",
        ler: ler_token,
    },
    Verbete {
        palavra: "NOME",
        formas: &["NOME <nome>"],
        participio: "OK NOME",
        resumo: "dá a você um nome, para que os outros saibam quem é",
        ler: ler_nome,
    },
    Verbete {
        palavra: "RETOMAR",
        formas: &["RETOMAR <cliente> <chave>"],
        participio: "OK RETOMADO",
        resumo: "volta a ser um cliente anterior, com tudo o que é dele",
        ler: ler_retomar,
    },
    Verbete {
        palavra: "ESTADO",
        formas: &["ESTADO"],
        participio: "OK ESTADO",
        resumo: "mostra os números do servidor",
        ler: |_| Ok(Comando::Estado),
    },
    Verbete {
        palavra: "AJUDA",
        formas: &["AJUDA [comando]"],
        participio: "OK AJUDA",
        resumo: "explica os comandos, ou um deles",
        ler: ler_ajuda,
    },
    Verbete {
        palavra: "PING",
        formas: &["PING"],
        participio: "OK PONG",
        resumo: "pergunta se o servidor está aí",
        ler: |_| Ok(Comando::Ping),
    },
    Verbete {
        palavra: "SAIR",
        formas: &["SAIR"],
        participio: "OK ATE_LOGO",
        resumo: "despede-se; o que é seu continua seu",
        ler: |_| Ok(Comando::Sair),
    },
];

impl Verbete {
    /// O verbete da palavra, em maiúsculas ou minúsculas.
    pub fn achar(palavra: &str) -> Option<&'static Self> {
        // Um programa escreve em maiúsculas: comparar assim primeiro custa uma instrução por linha da tabela.
        let exata = TABELA.iter().find(|verbete| verbete.palavra == palavra);
        exata.or_else(|| TABELA.iter().find(|verbete| verbete.palavra.eq_ignore_ascii_case(palavra)))
    }

    /// O texto de uma recusa por sintaxe: as formas que a palavra aceita.
    fn uso(&self) -> String {
        format!("uso: {}", self.formas.join(" | "))
    }
}

impl Comando {
    /// A palavra com que o comando começa.
    pub const fn palavra(&self) -> &'static str {
        match self {
            Self::Reservar { .. } => "RESERVAR",
            Self::Segurar { .. } => "SEGURAR",
            Self::Confirmar(_) => "CONFIRMAR",
            Self::Cancelar { .. } => "CANCELAR",
            Self::Aguardar { .. } => "AGUARDAR",
            Self::Listar => "LISTAR",
            Self::Mapa => "MAPA",
            Self::Historico(_) => "HISTORICO",
            Self::Observar => "OBSERVAR",
            Self::Parar => "PARAR",
            Self::Token(_) => "TOKEN",
            Self::Nome(_) => "NOME",
            Self::Retomar { .. } => "RETOMAR",
            Self::Estado => "ESTADO",
            Self::Ajuda(_) => "AJUDA",
            Self::Ping => "PING",
            Self::Sair => "SAIR",
        }
    }
}

impl FromStr for Comando {
    type Err = Recusa;

    /// Lê uma linha sem o seu fim.
    ///
    /// Recusas, nesta ordem: `COMANDO_DESCONHECIDO` (também a linha em branco, que quem lê linhas nem traz aqui);
    /// `SINTAXE`, com o uso do comando; `ASSENTO_INVALIDO`, `NOME_INVALIDO` ou `CHAVE_INVALIDA`.
    fn from_str(linha: &str) -> Result<Self, Recusa> {
        let mut palavras = Palavras::new(linha);
        let verbete = palavras
            .proxima()
            .and_then(Verbete::achar)
            .ok_or_else(|| Recusa::from(Error::ComandoDesconhecido))?;
        (verbete.ler)(&mut palavras).and_then(|comando| palavras.terminou().map(|()| comando)).map_err(
            |recusa| match recusa.erro {
                // O que saiu errado, e depois como se escreve.
                Error::Sintaxe => Recusa { texto: format!("{}; {}", verbete.uso(), recusa.texto), ..recusa },
                _ => recusa,
            },
        )
    }
}

fn ler_reservar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    Ok(Comando::Reservar { pedido: ler_pedido(palavras)?, cerca: ler_cerca(palavras)? })
}

fn ler_pedido(palavras: &mut Palavras<'_>) -> Result<Pedido, Recusa> {
    if palavras.se_vem("PARCIAL") {
        return Ok(Pedido::Parcial(palavras.assentos()?));
    }
    if !palavras.se_vem("QUANTIDADE") {
        return Ok(Pedido::Todos(palavras.assentos()?));
    }
    let quantos = palavras.quantidade()?;
    let preferidos = if palavras.se_vem("PREFERINDO") { palavras.assentos()? } else { Assentos::NENHUM };
    Ok(Pedido::Quantidade { quantos, preferidos })
}

fn ler_escolha(palavras: &mut Palavras<'_>) -> Result<Escolha, Recusa> {
    if palavras.se_vem("QUANTIDADE") {
        return Ok(Escolha::Quantidade(palavras.quantidade()?));
    }
    Ok(Escolha::Estes(palavras.assentos()?))
}

fn ler_cerca(palavras: &mut Palavras<'_>) -> Result<Option<Cerca>, Recusa> {
    if !palavras.se_vem("CERCA") {
        return Ok(None);
    }
    let cerca = numero(palavras.exigir("falta o número depois de CERCA")?)?;
    // Um número que não cabe em 64 bits nunca foi dado a ninguém: vence como qualquer outro.
    Ok(Some(Cerca(cerca.unwrap_or(u64::MAX))))
}

fn ler_segurar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    let escolha = ler_escolha(palavras)?;
    let por = palavras.prazo("POR")?.unwrap_or(Segundos::SEGURAR_PADRAO);
    Ok(Comando::Segurar { escolha, por })
}

fn ler_confirmar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    let quais = if palavras.tem_mais() { Some(palavras.assentos()?) } else { None };
    Ok(Comando::Confirmar(quais))
}

fn ler_cancelar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    let tudo = palavras.se_vem("TUDO");
    let alvo = if tudo { Alvo::Tudo } else { Alvo::Estes(palavras.assentos()?) };
    Ok(Comando::Cancelar { alvo, cerca: ler_cerca(palavras)? })
}

fn ler_aguardar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    Ok(Comando::Aguardar { escolha: ler_escolha(palavras)?, ate: palavras.prazo("ATE")? })
}

fn ler_token(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    Ok(Comando::Token(if palavras.se_vem("LIBERAR") {
        ComandoToken::Liberar
    } else if palavras.se_vem("ESTADO") {
        ComandoToken::Estado
    } else if palavras.se_vem("SOLICITAR") {
        let por = palavras.prazo("POR")?.unwrap_or(Segundos::TOKEN_PADRAO);
        ComandoToken::Solicitar { por, ate: palavras.prazo("ATE")? }
    } else {
        return Err(sintaxe("falta dizer o que se quer do token"));
    }))
}

fn ler_nome(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    let nome = palavras.exigir("falta o nome")?;
    // Um nome com espaço chega como várias palavras: o defeito é do nome, não da frase.
    if palavras.tem_mais() {
        return Err(Error::NomeInvalido.into());
    }
    Ok(Comando::Nome(nome.parse().map_err(|_| Error::NomeInvalido)?))
}

fn ler_retomar(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    let cliente = numero(palavras.exigir("falta o número do cliente")?)?;
    let chave = palavras.exigir("falta a chave")?;
    palavras.terminou()?;
    // Um número que nunca existiu e uma chave torta recebem a mesma resposta que uma chave errada.
    let cliente = cliente.and_then(ClientId::new).ok_or(Error::ChaveInvalida)?;
    let chave = chave.parse().map_err(|_| Error::ChaveInvalida)?;
    Ok(Comando::Retomar { cliente, chave })
}

fn ler_ajuda(palavras: &mut Palavras<'_>) -> Result<Comando, Recusa> {
    match palavras.proxima() {
        None => Ok(Comando::Ajuda(None)),
        Some(palavra) => Verbete::achar(palavra)
            .map(|v| Comando::Ajuda(Some(v)))
            .ok_or_else(|| Error::ComandoDesconhecido.into()),
    }
}

impl fmt::Display for Comando {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.palavra())?;
        match self {
            Self::Reservar { pedido, cerca } => {
                match pedido {
                    Pedido::Todos(assentos) => write!(f, " {assentos}")?,
                    Pedido::Parcial(assentos) => write!(f, " PARCIAL {assentos}")?,
                    Pedido::Quantidade { quantos, preferidos } => {
                        write!(f, " QUANTIDADE {quantos}")?;
                        if !preferidos.is_empty() {
                            write!(f, " PREFERINDO {preferidos}")?;
                        }
                    }
                }
                escrever_clausula(f, "CERCA", cerca.as_ref())
            }
            Self::Segurar { escolha, por } => write!(f, " {escolha} POR {por}"),
            Self::Confirmar(Some(assentos)) => write!(f, " {assentos}"),
            Self::Cancelar { alvo, cerca } => {
                match alvo {
                    Alvo::Estes(assentos) => write!(f, " {assentos}")?,
                    Alvo::Tudo => f.write_str(" TUDO")?,
                }
                escrever_clausula(f, "CERCA", cerca.as_ref())
            }
            Self::Aguardar { escolha, ate } => {
                write!(f, " {escolha}")?;
                escrever_clausula(f, "ATE", ate.as_ref())
            }
            Self::Historico(assento) => write!(f, " {assento}"),
            Self::Token(ComandoToken::Solicitar { por, ate }) => {
                write!(f, " SOLICITAR POR {por}")?;
                escrever_clausula(f, "ATE", ate.as_ref())
            }
            Self::Token(ComandoToken::Liberar) => f.write_str(" LIBERAR"),
            Self::Token(ComandoToken::Estado) => f.write_str(" ESTADO"),
            Self::Nome(nome) => write!(f, " {nome}"),
            Self::Retomar { cliente, chave } => write!(f, " {cliente} {chave}"),
            Self::Ajuda(Some(verbete)) => write!(f, " {}", verbete.palavra),
            Self::Confirmar(None)
            | Self::Listar
            | Self::Mapa
            | Self::Observar
            | Self::Parar
            | Self::Estado
            | Self::Ajuda(None)
            | Self::Ping
            | Self::Sair => Ok(()),
        }
    }
}

fn escrever_clausula(
    f: &mut fmt::Formatter<'_>,
    palavra: &str,
    valor: Option<&impl fmt::Display>,
) -> fmt::Result {
    valor.map_or(Ok(()), |valor| write!(f, " {palavra} {valor}"))
}

impl fmt::Display for Escolha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estes(assentos) => assentos.fmt(f),
            Self::Quantidade(quantos) => write!(f, "QUANTIDADE {quantos}"),
        }
    }
}
