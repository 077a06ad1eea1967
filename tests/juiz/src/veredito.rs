//! O que o juiz diz: que leis, que problemas, e as provas, linha a linha.
//!
//! São só dados e o texto deles; aqui não se julga nada.

use std::fmt;
use std::time::Duration;

use protocolo::{Assentos, ClientId, Resposta};

use crate::historia::{Sobra, Troca, Visto};

/// Quantas infrações de cada problema se guardam; todas se contam.
pub const INFRACOES_MAX: usize = 20;

/// Uma das seis leis.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lei {
    /// Nenhum assento tem dois donos.
    UmDono = 1,
    /// Toda resposta era verdadeira na versão que nomeia, e as versões respeitam o tempo.
    Verdade,
    /// O que se consulta e o que se observa concorda com o que se respondeu.
    Vistas,
    /// Nada se perde.
    NadaSePerde,
    /// Cada resposta é de um pedido.
    CadaUmASua,
    /// O token tem um dono só, e a cerca só cresce.
    Token,
}

impl fmt::Display for Lei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texto = match self {
            Self::UmDono => "nenhum assento tem dois donos",
            Self::Verdade => "toda resposta era verdadeira na versão que nomeia",
            Self::Vistas => "o que se vê concorda com o que se respondeu",
            Self::NadaSePerde => "nada se perde",
            Self::CadaUmASua => "cada resposta é de um pedido",
            Self::Token => "o token tem um dono só",
        };
        write!(f, "lei {}: {texto}", *self as u8)
    }
}

macro_rules! problemas {
    ($($nome:ident, $lei:ident, $texto:literal;)*) => {
        /// O que se achou de errado.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Problema {
            $(#[doc = $texto] $nome,)*
        }

        impl Problema {
            /// Todos, na ordem das leis.
            pub const TODOS: &[Self] = &[$(Self::$nome),*];

            /// A lei que este problema quebra.
            pub const fn lei(self) -> Lei {
                match self { $(Self::$nome => Lei::$lei,)* }
            }
        }

        impl fmt::Display for Problema {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$nome => $texto,)* })
            }
        }
    };
}

problemas! {
    ReservaDuplicada, UmDono, "reserva duplicada: dois ouviram OK pelo mesmo assento";
    AtualizacaoPerdida, Verdade, "atualização perdida: uma mudança respondida OK sumiu, ou outra foi escrita por cima";
    RespostaFalsa, Verdade, "resposta falsa: o que ela diz não valia na versão que nomeia";
    VersaoForaDoTempo, Verdade, "versão fora do tempo: a resposta nomeia uma versão que o relógio desmente";
    VersaoInexplicada, Verdade, "versão inexplicada: a sala mudou e ninguém a mudou";
    NaoLinearizavel, Verdade, "não linearizável: não há ordem em que estas respostas sejam todas verdadeiras";
    VisaoInconsistente, Vistas, "visão inconsistente: duas respostas mostram salas diferentes";
    EventoFalso, Vistas, "evento falso: o que se avisou não foi o que aconteceu";
    EventoPerdido, Vistas, "evento perdido: quem observa não foi avisado";
    Perdido, NadaSePerde, "perdido: o que foi dado e não foi devolvido não está lá no fim";
    VenceuCedo, NadaSePerde, "venceu cedo: o assento segurado ficou livre antes do prazo";
    RespostaTrocada, CadaUmASua, "resposta trocada: não é resposta ao que se pediu";
    RespostaQueFalta, CadaUmASua, "resposta que falta: a conexão seguiu e ela não veio";
    RespostaQueSobra, CadaUmASua, "resposta que sobra: ninguém a pediu";
    TokenDeDois, Token, "token de dois: dois eram donos ao mesmo tempo";
    TokenTiradoCedo, Token, "token tirado cedo: deixou de ser dono antes do prazo";
    CercaRepetida, Token, "cerca repetida: o mesmo número de fencing duas vezes";
    CercaForaDeOrdem, Token, "cerca fora de ordem: o número de fencing não cresceu";
    CercaDesrespeitada, Token, "cerca desrespeitada: um dono atrasado foi atendido, ou o de verdade recusado";
    ContadorErrado, Token, "contador errado: não conta as liberações";
}

/// De onde vem uma prova. Copiar é barato: só se escreve a linha quando ela vai para o veredito.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fonte<'a> {
    Troca(ClientId, &'a Troca),
    Evento(ClientId, &'a Visto),
    Sobra(ClientId, &'a Sobra),
}

impl Fonte<'_> {
    /// Diz se é a mesma linha, e não só uma igual.
    pub(super) fn e_a_mesma(self, outra: Self) -> bool {
        match (self, outra) {
            (Self::Troca(_, uma), Self::Troca(_, outra)) => std::ptr::eq(uma, outra),
            (Self::Evento(_, um), Self::Evento(_, outro)) => std::ptr::eq(um, outro),
            (Self::Sobra(_, uma), Self::Sobra(_, outra)) => std::ptr::eq(uma, outra),
            _ => false,
        }
    }
}

/// Uma linha que prova a infração, com quem a viu e quando.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prova {
    /// Quem a viu.
    pub cliente: ClientId,
    /// Quando o pedido saiu; `None` se não é uma resposta.
    pub enviado: Option<Duration>,
    /// Quando chegou.
    pub ouvido: Duration,
    /// O pedido, como foi para o socket.
    pub pedido: Option<String>,
    /// O que veio, como veio do socket (sem o texto para pessoas); as linhas de dados separadas por ` / `.
    pub linha: String,
}

impl From<Fonte<'_>> for Prova {
    fn from(fonte: Fonte<'_>) -> Self {
        match fonte {
            Fonte::Troca(cliente, troca) => Self {
                cliente,
                enviado: Some(troca.enviado),
                ouvido: troca.ouvido,
                pedido: Some(troca.pedido.to_string()),
                linha: troca.resposta.as_ref().map_or_else(|| "(sem resposta)".to_owned(), linha),
            },
            Fonte::Evento(cliente, visto) => Self {
                cliente,
                enviado: None,
                ouvido: visto.ouvido,
                pedido: None,
                linha: visto.evento.to_string(),
            },
            Fonte::Sobra(cliente, sobra) => Self {
                cliente,
                enviado: None,
                ouvido: sobra.ouvido,
                pedido: None,
                linha: sobra.texto.trim_end().replace('\n', " / "),
            },
        }
    }
}

fn linha(resposta: &Resposta) -> String {
    let texto = resposta.to_string();
    texto.strip_suffix(" :").unwrap_or(&texto).replace('\n', " / ")
}

/// Uma hora da prova, em milissegundos: `12,345 ms`.
struct Hora(Duration);

impl fmt::Display for Hora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{},{:03} ms", micros / 1000, micros % 1000)
    }
}

impl fmt::Display for Prova {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cliente {} | ", self.cliente)?;
        if let Some(enviado) = self.enviado {
            write!(f, "{} -> ", Hora(enviado))?;
        }
        write!(f, "{} | ", Hora(self.ouvido))?;
        if let Some(pedido) = &self.pedido {
            write!(f, "{pedido} | ")?;
        }
        f.write_str(&self.linha)
    }
}

/// Uma lei quebrada, e como se sabe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Infracao {
    /// A lei.
    pub lei: Lei,
    /// O problema.
    pub problema: Problema,
    /// Os assentos de que se trata; nenhum, se não é de assentos.
    pub assentos: Assentos,
    /// O que não combina, numa frase.
    pub motivo: String,
    /// As linhas culpadas, lado a lado.
    pub provas: Vec<Prova>,
}

impl fmt::Display for Infracao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problema, self.lei)?;
        if !self.assentos.is_empty() {
            write!(f, "; assentos {}", self.assentos.faixas())?;
        }
        write!(f, "\n  {}", self.motivo)?;
        self.provas.iter().try_for_each(|prova| write!(f, "\n  {prova}"))
    }
}

/// Quanto se conferiu.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Conferidos {
    /// Pedidos com resposta.
    pub trocas: u64,
    /// Pedidos sem resposta, que podem ter acontecido ou não.
    pub sem_resposta: u64,
    /// Versões da sala que alguém nomeou como mudança sua, ou viu num evento.
    pub mudancas: u64,
    /// Versões que se explicam sem que ninguém as tenha nomeado.
    pub caladas: u64,
    /// Eventos.
    pub eventos: u64,
    /// Assentos que a segunda conferência percorreu.
    pub assentos: u64,
    /// Operações sobre um assento que a segunda conferência pôs em ordem.
    pub operacoes: u64,
    /// Assentos em que a segunda conferência parou antes do fim, por não caber no que se permite gastar.
    pub desistencias: u64,
    /// Concessões do token.
    pub concessoes: u64,
}

/// O veredito: vazio de infrações, a história pode ser verdadeira.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Veredito {
    /// As infrações; no máximo [`INFRACOES_MAX`] de cada problema.
    pub infracoes: Vec<Infracao>,
    /// Quantas há de cada problema, na ordem de [`Problema::TODOS`], guardadas ou não.
    quantas: Vec<u64>,
    /// Quanto se conferiu.
    pub conferidos: Conferidos,
}

impl Veredito {
    /// Diz se nenhuma lei foi quebrada.
    pub fn inocente(&self) -> bool {
        self.infracoes.is_empty()
    }

    /// Cada problema que se achou, quantas vezes, e um exemplo: dos guardados, o que se lê mais depressa dos que põem duas
    /// linhas lado a lado.
    pub fn problemas(&self) -> Vec<(Problema, u64, &Infracao)> {
        let exemplo = |problema: Problema| {
            let deles = self.infracoes.iter().filter(|infracao| infracao.problema == problema);
            let letras = |infracao: &Infracao| infracao.provas.iter().map(|prova| prova.linha.len()).sum();
            deles.min_by_key(|infracao| -> (bool, usize) { (infracao.provas.len() < 2, letras(infracao)) })
        };
        let todos = Problema::TODOS.iter().zip(&self.quantas);
        todos.filter_map(|(problema, quantas)| Some((*problema, *quantas, exemplo(*problema)?))).collect()
    }

    /// Quantas vezes se achou este problema.
    pub fn quantas(&self, problema: Problema) -> u64 {
        self.quantas.get(problema as usize).copied().unwrap_or(0)
    }

    /// Anota uma infração; o motivo só se escreve se ela vai ser guardada.
    pub(super) fn acusar(
        &mut self,
        problema: Problema,
        assentos: Assentos,
        provas: &[Fonte<'_>],
        motivo: impl FnOnce() -> String,
    ) {
        self.quantas.resize(Problema::TODOS.len(), 0);
        let quantas = &mut self.quantas[problema as usize];
        *quantas += 1;
        if *quantas <= INFRACOES_MAX as u64 {
            let provas = provas.iter().map(|fonte| Prova::from(*fonte)).collect();
            self.infracoes.push(Infracao {
                lei: problema.lei(),
                problema,
                assentos,
                motivo: motivo(),
                provas,
            });
        }
    }
}

impl fmt::Display for Veredito {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inocente() {
            return f.write_str("nenhuma lei foi quebrada");
        }
        for (i, (_, quantas, exemplo)) in self.problemas().into_iter().enumerate() {
            let entre = if i == 0 { "" } else { "\n" };
            let vezes = if quantas == 1 { "vez" } else { "vezes" };
            write!(f, "{entre}{quantas} {vezes}, por exemplo: {exemplo}")?;
        }
        Ok(())
    }
}
