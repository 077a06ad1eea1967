//! A vida de um assento: as linhas de dados de `HISTORICO`.
//!
//! As horas são palavras que o servidor escreve e que aqui só se conferem letra a letra: esta crate não sabe que horas são.

use std::fmt;
use std::str::FromStr;

use crate::identidade::{ClientId, Nome, Versao};
use crate::linha_final::{Final, RespostaInvalida};

/// Uma hora, em ISO 8601 e UTC, como em `2026-11-21T13:12:49.123Z`: o texto se ordena como a hora.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hora(Box<str>);

/// O texto não é uma hora.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoraInvalida;

impl Hora {
    /// O dia, como em `2026-11-21`.
    pub fn dia(&self) -> &str {
        self.0.split_once('T').map_or("", |(dia, _)| dia)
    }

    /// A hora do dia, sem o `Z`, como em `13:12:49.123`.
    pub fn hora_do_dia(&self) -> &str {
        self.0.split_once('T').map_or("", |(_, hora)| hora.trim_end_matches('Z'))
    }
}

impl FromStr for Hora {
    type Err = HoraInvalida;

    fn from_str(texto: &str) -> Result<Self, HoraInvalida> {
        let (dia, hora) = texto.strip_suffix('Z').and_then(|t| t.split_once('T')).ok_or(HoraInvalida)?;
        let so = |parte: &str, sinais: &[u8]| {
            !parte.is_empty() && parte.bytes().all(|b| b.is_ascii_digit() || sinais.contains(&b))
        };
        // Cabe com folga um ano de seis algarismos, com sinal, e uma hora com nanossegundos.
        let cabe = texto.len() <= 40;
        if cabe && so(dia, b"-") && so(hora, b":.") { Ok(Self(texto.into())) } else { Err(HoraInvalida) }
    }
}

impl fmt::Display for Hora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Um momento da vida de um assento, como em `2026-11-21T13:12:49.123Z cliente=7 nome=ana RESERVADO versao=12`. `H` é como se diz a hora: a
/// quem está do outro lado da linha, como texto; quem a guarda tem o seu jeito, e [`Fato::com_horas`] passa de um a outro.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fato<H = Hora> {
    /// Quando.
    pub quando: H,
    /// Quem o tomou; ou, se ficou livre, quem o tinha.
    pub cliente: ClientId,
    /// O nome que o cliente tinha então, se tinha um.
    pub nome: Option<Nome>,
    /// O quê.
    pub acontecimento: Acontecimento<H>,
    /// A versão da sala que isto fez.
    pub versao: Versao,
}

/// O que aconteceu com um assento.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acontecimento<H = Hora> {
    /// Foi reservado, ou confirmado.
    Reservado,
    /// Foi segurado.
    Segurado {
        /// Até quando, pelo prazo de então.
        ate: H,
    },
    /// Ficou livre: devolvido, ou o prazo venceu.
    Livre,
}

impl<H> Fato<H> {
    /// O mesmo fato, com as horas ditas de outro jeito.
    pub fn com_horas<G>(self, dizer: impl Fn(H) -> G) -> Fato<G> {
        let Self { quando, cliente, nome, acontecimento, versao } = self;
        let acontecimento = match acontecimento {
            Acontecimento::Reservado => Acontecimento::Reservado,
            Acontecimento::Segurado { ate } => Acontecimento::Segurado { ate: dizer(ate) },
            Acontecimento::Livre => Acontecimento::Livre,
        };
        Fato { quando: dizer(quando), cliente, nome, acontecimento, versao }
    }
}

impl Fato {
    /// Escreve a linha, sem o seu fim.
    pub(crate) fn escrever(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let Self { quando, cliente, nome, acontecimento, versao } = self;
        write!(f, "{quando} cliente={cliente}")?;
        if let Some(nome) = nome {
            write!(f, " nome={nome}")?;
        }
        match acontecimento {
            Acontecimento::Reservado => f.write_str(" RESERVADO")?,
            Acontecimento::Segurado { ate } => write!(f, " SEGURADO ate={ate}")?,
            Acontecimento::Livre => f.write_str(" LIVRE")?,
        }
        write!(f, " versao={versao}")
    }
}

impl fmt::Display for Fato {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.escrever(f)
    }
}

impl FromStr for Fato {
    type Err = RespostaInvalida;

    fn from_str(linha: &str) -> Result<Self, RespostaInvalida> {
        let mut palavras = Final::new(linha);
        let quando = palavras.palavra()?.parse().map_err(|_| palavras.invalida())?;
        let cliente = palavras.cliente()?;
        let nome = palavras.talvez_valor("nome").map(str::parse).transpose();
        let nome = nome.map_err(|_: crate::NomeInvalido| palavras.invalida())?;
        let acontecimento = match palavras.palavra()? {
            "RESERVADO" => Acontecimento::Reservado,
            "SEGURADO" => Acontecimento::Segurado {
                ate: palavras.valor("ate")?.parse().map_err(|_| palavras.invalida())?,
            },
            "LIVRE" => Acontecimento::Livre,
            _ => return Err(palavras.invalida()),
        };
        let versao = palavras.versao()?;
        palavras.terminou()?;
        Ok(Self { quando, cliente, nome, acontecimento, versao })
    }
}
