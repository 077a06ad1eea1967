//! As respostas: zero ou mais linhas de dados e uma linha final, `OK ...` ou `ERRO ...`.
//!
//! O servidor escreve uma [`Resposta`] com `Display`; o cliente junta as linhas até [`e_final`](crate::e_final) e lê o bloco com
//! `FromStr`. Os dois lados usam este mesmo tipo, e ler o que se escreveu dá a mesma resposta.

use std::fmt;
use std::str::FromStr;

use crate::VERSAO;
use crate::assentos::Assentos;
use crate::decimal;
use crate::error::{Error, Recusa, escrever_assentos};
use crate::historia::Fato;
use crate::identidade::{Cerca, Chave, ClientId, Nome, Versao};
use crate::leitura::Palavras;
use crate::limites::ASSENTOS_MAX;
use crate::linha_final::{Final, RespostaInvalida};
use crate::quadro::Quadro;

/// O que se responde a um pedido.
#[derive(Clone, Debug)]
pub enum Resposta {
    /// A saudação: quem você é. É a primeira resposta de toda conexão.
    Saudacao {
        /// O número do cliente.
        cliente: ClientId,
        /// A chave com que ele volta.
        chave: Chave,
    },
    /// Estes assentos são seus, firmes.
    Reservado {
        /// Os que são seus por este pedido.
        assentos: Assentos,
        /// Dos que você pediu ou preferia, os que já eram de outros.
        ocupados: Assentos,
        /// A versão da sala.
        versao: Versao,
    },
    /// Estes assentos são seus por um tempo.
    Segurado {
        /// Os segurados.
        assentos: Assentos,
        /// Por quantos segundos, a contar de agora.
        expira: u32,
        /// A versão da sala.
        versao: Versao,
    },
    /// Estes assentos, que você segurava, agora são firmes.
    Confirmado {
        /// Os confirmados.
        assentos: Assentos,
        /// A versão da sala.
        versao: Versao,
    },
    /// Estes assentos já não são seus.
    Cancelado {
        /// Os devolvidos.
        assentos: Assentos,
        /// A versão da sala.
        versao: Versao,
    },
    /// A sala em conjuntos.
    Listado {
        /// O retrato.
        quadro: Quadro,
        /// A versão da sala.
        versao: Versao,
    },
    /// A sala desenhada.
    Mapa {
        /// O retrato.
        quadro: Quadro,
        /// A versão da sala.
        versao: Versao,
    },
    /// A vida de um assento.
    Historico {
        /// O que aconteceu com ele, do mais velho ao mais novo.
        fatos: Vec<Fato>,
        /// A versão da sala.
        versao: Versao,
    },
    /// Daqui em diante vêm eventos.
    Observando {
        /// A versão da sala a partir da qual se observa.
        versao: Versao,
    },
    /// Não vêm mais eventos.
    Parado,
    /// O token é seu.
    TokenConcedido {
        /// O número de fencing desta concessão.
        cerca: Cerca,
        /// Quantas vezes o token foi liberado até aqui.
        contador: u64,
        /// Quantos esperam.
        espera: u64,
        /// Por quantos segundos o token é seu.
        prazo: u32,
    },
    /// De quem é o token.
    TokenEstado {
        /// O dono, se há.
        dono: Option<ClientId>,
        /// O número de fencing da última concessão.
        cerca: Cerca,
        /// Quantas vezes o token foi liberado.
        contador: u64,
        /// Quantos esperam.
        espera: u64,
    },
    /// O token passou adiante.
    Liberado {
        /// Quantas vezes o token foi liberado, contando esta.
        contador: u64,
        /// Quantos esperam.
        espera: u64,
    },
    /// O seu nome é este.
    Nome(Nome),
    /// Você é este cliente.
    Retomado(ClientId),
    /// Os números do servidor: pares de nome e valor.
    Estado(Vec<(String, String)>),
    /// As linhas da ajuda.
    Ajuda(Vec<String>),
    /// O servidor está aqui.
    Pong,
    /// Até logo.
    AteLogo,
    /// O pedido foi recusado.
    Recusado(Recusa),
}

impl Resposta {
    /// A versão da sala que a resposta nomeia, se ela fala da sala.
    pub const fn versao(&self) -> Option<Versao> {
        match self {
            Self::Reservado { versao, .. }
            | Self::Segurado { versao, .. }
            | Self::Confirmado { versao, .. }
            | Self::Cancelado { versao, .. }
            | Self::Listado { versao, .. }
            | Self::Mapa { versao, .. }
            | Self::Historico { versao, .. }
            | Self::Observando { versao } => Some(*versao),
            Self::Recusado(recusa) => recusa.versao,
            _ => None,
        }
    }
}

impl From<Recusa> for Resposta {
    fn from(recusa: Recusa) -> Self {
        Self::Recusado(recusa)
    }
}

impl From<Error> for Resposta {
    fn from(erro: Error) -> Self {
        Self::Recusado(erro.into())
    }
}

impl Resposta {
    /// Escreve as linhas de dados, cada uma com o seu LF, e a linha final, sem ele.
    ///
    /// É o mesmo que `Display`, sem passar por um `Formatter`: numa `String`, o compilador vê tudo.
    pub fn escrever(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Saudacao { cliente, chave } => escrever_saudacao(f, *cliente, chave),
            Self::Reservado { assentos, ocupados, versao } => {
                escrever_com_assentos(f, "RESERVADO", *assentos)?;
                if !ocupados.is_empty() {
                    f.write_str(" OCUPADO")?;
                    escrever_assentos(f, *ocupados)?;
                }
                decimal::escrever(f, " versao=", versao.0)
            }
            Self::Segurado { assentos, expira, versao } => {
                escrever_com_assentos(f, "SEGURADO", *assentos)?;
                write!(f, " expira={expira} versao={versao}")
            }
            Self::Confirmado { assentos, versao } => {
                escrever_com_assentos(f, "CONFIRMADO", *assentos)?;
                decimal::escrever(f, " versao=", versao.0)
            }
            Self::Cancelado { assentos, versao } => {
                escrever_com_assentos(f, "CANCELADO", *assentos)?;
                decimal::escrever(f, " versao=", versao.0)
            }
            Self::Listado { quadro, versao } => escrever_lista(f, quadro, *versao),
            Self::Mapa { quadro, versao } => write!(f, "{quadro}OK MAPA versao={versao}"),
            Self::Historico { fatos, versao } => {
                for fato in fatos {
                    fato.escrever(f)?;
                    f.write_str("\n")?;
                }
                write!(f, "OK HISTORICO versao={versao}")
            }
            Self::Observando { versao } => write!(f, "OK OBSERVANDO versao={versao}"),
            Self::Parado => f.write_str("OK PARADO"),
            Self::TokenConcedido { cerca, contador, espera, prazo } => {
                write!(f, "OK TOKEN cerca={cerca} contador={contador} espera={espera} prazo={prazo}")
            }
            Self::TokenEstado { dono, cerca, contador, espera } => {
                f.write_str("OK TOKEN dono=")?;
                match dono {
                    Some(dono) => write!(f, "{dono}")?,
                    None => f.write_str("livre")?,
                }
                write!(f, " cerca={cerca} contador={contador} espera={espera}")
            }
            Self::Liberado { contador, espera } => {
                write!(f, "OK LIBERADO contador={contador} espera={espera}")
            }
            Self::Nome(nome) => write!(f, "OK NOME {nome}"),
            Self::Retomado(cliente) => write!(f, "OK RETOMADO {cliente}"),
            Self::Estado(pares) => {
                pares.iter().try_for_each(|(nome, valor)| writeln!(f, "{nome}: {valor}"))?;
                f.write_str("OK ESTADO")
            }
            Self::Ajuda(linhas) => {
                linhas.iter().try_for_each(|linha| writeln!(f, "{linha}"))?;
                f.write_str("OK AJUDA")
            }
            Self::Pong => f.write_str("OK PONG"),
            Self::AteLogo => f.write_str("OK ATE_LOGO"),
            Self::Recusado(recusa) => recusa.escrever(f),
        }
    }
}

impl fmt::Display for Resposta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.escrever(f)
    }
}

fn escrever_com_assentos(f: &mut impl fmt::Write, participio: &str, assentos: Assentos) -> fmt::Result {
    f.write_str("OK ")?;
    f.write_str(participio)?;
    escrever_assentos(f, assentos)
}

fn escrever_saudacao(f: &mut impl fmt::Write, cliente: ClientId, chave: &Chave) -> fmt::Result {
    writeln!(
        f,
        "Reserva: uma sala de cinema com {ASSENTOS_MAX} assentos. Digite AJUDA para ver os comandos."
    )?;
    writeln!(
        f,
        "O que você reservar continua seu depois de sair: para voltar, RETOMAR {cliente} e a chave abaixo."
    )?;
    write!(f, "OK {VERSAO} cliente={cliente} chave={chave} assentos={ASSENTOS_MAX}")
}

fn escrever_lista(f: &mut impl fmt::Write, quadro: &Quadro, versao: Versao) -> fmt::Result {
    let livres = quadro.livres();
    for (palavra, assentos) in [
        ("LIVRES", livres),
        ("SEGURADOS", quadro.segurados),
        ("OCUPADOS", quadro.ocupados),
        ("SEUS", quadro.seus),
    ] {
        let espaco = if assentos.is_empty() { "" } else { " " };
        writeln!(f, "{palavra}{espaco}{}", assentos.faixas())?;
    }
    write!(
        f,
        "OK LISTADO livres={} segurados={} ocupados={} seus={} versao={versao}",
        livres.len(),
        quadro.segurados.len(),
        quadro.ocupados.len(),
        quadro.seus.len()
    )
}

impl FromStr for Resposta {
    type Err = RespostaInvalida;

    /// Lê um bloco: as linhas de dados, se as há, e a linha final.
    fn from_str(bloco: &str) -> Result<Self, RespostaInvalida> {
        let bloco = bloco.strip_suffix('\n').unwrap_or(bloco);
        // Os dados ficam com o LF da última linha: sem ele, uma linha em branco no fim se perderia.
        let (dados, linha) = bloco.split_at(bloco.rfind('\n').map_or(0, |lf| lf + 1));
        let mut palavras = Final::new(linha);
        match palavras.palavra()? {
            "OK" => ler_ok(dados, &mut palavras),
            "ERRO" => ler_erro(linha).map(Self::Recusado),
            _ => Err(palavras.invalida()),
        }
    }
}

fn ler_ok(dados: &str, palavras: &mut Final<'_>) -> Result<Resposta, RespostaInvalida> {
    let resposta = match palavras.palavra()? {
        VERSAO => {
            let cliente = palavras.cliente()?;
            let chave = palavras.valor("chave")?.parse().map_err(|_| palavras.invalida())?;
            palavras.par("assentos")?;
            Resposta::Saudacao { cliente, chave }
        }
        "RESERVADO" => {
            let assentos = palavras.assentos();
            let ocupados = if palavras.se_vem("OCUPADO") { palavras.assentos() } else { Assentos::NENHUM };
            Resposta::Reservado { assentos, ocupados, versao: palavras.versao()? }
        }
        "SEGURADO" => Resposta::Segurado {
            assentos: palavras.assentos(),
            expira: palavras.par32("expira")?,
            versao: palavras.versao()?,
        },
        "CONFIRMADO" => Resposta::Confirmado { assentos: palavras.assentos(), versao: palavras.versao()? },
        "CANCELADO" => Resposta::Cancelado { assentos: palavras.assentos(), versao: palavras.versao()? },
        "LISTADO" => {
            let quadro = ler_lista(dados).ok_or_else(|| palavras.invalida())?;
            for (nome, assentos) in [
                ("livres", quadro.livres()),
                ("segurados", quadro.segurados),
                ("ocupados", quadro.ocupados),
                ("seus", quadro.seus),
            ] {
                if palavras.par32(nome)? != assentos.len() {
                    return Err(palavras.invalida());
                }
            }
            Resposta::Listado { quadro, versao: palavras.versao()? }
        }
        "MAPA" => Resposta::Mapa {
            quadro: Quadro::ler_desenho(dados.lines()).ok_or_else(|| palavras.invalida())?,
            versao: palavras.versao()?,
        },
        "HISTORICO" => Resposta::Historico {
            fatos: dados.lines().map(str::parse).collect::<Result<_, _>>()?,
            versao: palavras.versao()?,
        },
        "OBSERVANDO" => Resposta::Observando { versao: palavras.versao()? },
        "PARADO" => Resposta::Parado,
        "TOKEN" => ler_token(palavras)?,
        "LIBERADO" => {
            Resposta::Liberado { contador: palavras.par("contador")?, espera: palavras.par("espera")? }
        }
        "NOME" => Resposta::Nome(palavras.palavra()?.parse().map_err(|_| palavras.invalida())?),
        "RETOMADO" => {
            let numero = palavras.numero()?;
            Resposta::Retomado(ClientId::new(numero).ok_or_else(|| palavras.invalida())?)
        }
        "ESTADO" => Resposta::Estado(ler_estado(dados).ok_or_else(|| palavras.invalida())?),
        "AJUDA" => Resposta::Ajuda(dados.lines().map(str::to_owned).collect()),
        "PONG" => Resposta::Pong,
        "ATE_LOGO" => Resposta::AteLogo,
        _ => return Err(palavras.invalida()),
    };
    palavras.terminou()?;
    Ok(resposta)
}

fn ler_token(palavras: &mut Final<'_>) -> Result<Resposta, RespostaInvalida> {
    if let Some(dono) = palavras.talvez_valor("dono") {
        let dono = match dono {
            "livre" => None,
            numero => {
                let numero = numero.parse().ok().and_then(ClientId::new);
                Some(numero.ok_or_else(|| palavras.invalida())?)
            }
        };
        return Ok(Resposta::TokenEstado {
            dono,
            cerca: Cerca(palavras.par("cerca")?),
            contador: palavras.par("contador")?,
            espera: palavras.par("espera")?,
        });
    }
    Ok(Resposta::TokenConcedido {
        cerca: Cerca(palavras.par("cerca")?),
        contador: palavras.par("contador")?,
        espera: palavras.par("espera")?,
        prazo: palavras.par32("prazo")?,
    })
}

/// As quatro linhas de `LISTAR`; `None` se falta uma, ou se não combinam entre si.
fn ler_lista(dados: &str) -> Option<Quadro> {
    let mut linhas = dados.lines();
    let mut ler = |palavra: &str| {
        let faixas = linhas.next()?.strip_prefix(palavra)?;
        let mut palavras = Palavras::new(faixas);
        let assentos = if palavras.tem_mais() { palavras.assentos().ok()? } else { Assentos::NENHUM };
        palavras.terminou().ok().map(|()| assentos)
    };
    let livres = ler("LIVRES")?;
    let quadro = Quadro { segurados: ler("SEGURADOS")?, ocupados: ler("OCUPADOS")?, seus: ler("SEUS")? };
    (linhas.next().is_none() && quadro.livres() == livres).then_some(quadro)
}

fn ler_estado(dados: &str) -> Option<Vec<(String, String)>> {
    dados.lines().map(|linha| linha.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()))).collect()
}

fn ler_erro(linha: &str) -> Result<Recusa, RespostaInvalida> {
    let (causa, texto) = linha.split_once(" :").unwrap_or((linha, ""));
    let mut palavras = Final::new(causa);
    palavras.exigir("ERRO")?;
    let erro = match palavras.palavra()? {
        "OCUPADO" => Error::Ocupado(palavras.assentos()),
        "INSUFICIENTE" => Error::Insuficiente { livres: palavras.par32("livres")? },
        "JA_RESERVADO" => Error::JaReservado(palavras.assentos()),
        "NAO_SEGURADO" => Error::NaoSegurado(palavras.assentos()),
        "NAO_E_SEU" => Error::NaoESeu(palavras.assentos()),
        "TEMPO_ESGOTADO" => Error::TempoEsgotado,
        "TOKEN_JA_E_SEU" => Error::TokenJaESeu,
        "TOKEN_NAO_E_SEU" => Error::TokenNaoESeu,
        "NOME_INVALIDO" => Error::NomeInvalido,
        "CHAVE_INVALIDA" => Error::ChaveInvalida,
        "CERCA_VENCIDA" => Error::CercaVencida { atual: Cerca(palavras.par("atual")?) },
        "COMANDO_DESCONHECIDO" => Error::ComandoDesconhecido,
        "SINTAXE" => Error::Sintaxe,
        "ASSENTO_INVALIDO" => Error::AssentoInvalido(palavras.resto()),
        "LIMITE" => Error::Limite { max: palavras.par32("max")? },
        "INDISPONIVEL" => Error::Indisponivel,
        "LOTADO" => {
            Error::Lotado { max: usize::try_from(palavras.par("max")?).map_err(|_| palavras.invalida())? }
        }
        "INATIVO" => Error::Inativo,
        "ENCERRANDO" => Error::Encerrando,
        "LINHA_LONGA" => Error::LinhaLonga,
        "CODIFICACAO" => Error::Codificacao,
        "PROTOCOLO" => Error::Protocolo,
        _ => return Err(palavras.invalida()),
    };
    let versao = if palavras.tem_mais() { Some(palavras.versao()?) } else { None };
    palavras.terminou()?;
    Ok(Recusa { erro, versao, texto: texto.to_owned() })
}
