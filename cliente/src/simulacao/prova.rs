//! A prova de que o token foi exclusão mútua: entra a história, sai o veredito.
//!
//! É uma função pura: sem socket, sem relógio, sem tela. A história é o que o programa viu do lado de fora: o que
//! pediu, o que ouviu e quando. De cada posse só se usa o que é certo: o token era do cliente pelo menos de quando o
//! OK chegou até quando o LIBERAR saiu. Por isso dois intervalos que se cruzam são dois donos, sem desculpa possível.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use cliente::EstadoDoToken;

use super::medida::{segundos, tempo};

/// Uma vez em que um cliente simulado teve o token. Os instantes contam do começo da simulação.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posse {
    /// O número do cliente simulado.
    pub cliente: u16,
    /// O número de fencing da concessão.
    pub cerca: u64,
    /// O contador que o servidor disse na concessão.
    pub contador: u64,
    /// Por quanto tempo o servidor disse que o token era dele.
    pub prazo: Duration,
    /// Quando se ia mandar SOLICITAR.
    pub pediu: Duration,
    /// Quando o OK chegou.
    pub obteve: Duration,
    /// Quando se ia mandar LIBERAR.
    pub largou: Duration,
    /// Quando chegou a resposta a LIBERAR, ou se soube que não viria.
    pub soube: Duration,
    /// Como acabou.
    pub desfecho: Desfecho,
}

/// Como uma posse acabou.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Desfecho {
    /// O servidor respondeu LIBERADO, com este contador.
    Liberada(u64),
    /// O servidor respondeu que o token já não era deste cliente.
    Vencida,
    /// A conexão acabou antes da resposta.
    SemResposta,
}

impl Posse {
    /// Antes disto o prazo não pode ter vencido: ele conta da concessão, que veio depois do pedido.
    fn vence(&self) -> Duration {
        self.pediu + self.prazo
    }

    /// Até quando o token era com certeza deste cliente.
    fn fim(&self) -> Duration {
        match self.desfecho {
            // Quem o liberou ainda o tinha.
            Desfecho::Liberada(_) => self.largou,
            _ => self.largou.min(self.vence()).max(self.obteve),
        }
    }

    /// Diz se o token pode ter passado adiante antes de este cliente o largar.
    fn tardia(&self) -> bool {
        !matches!(self.desfecho, Desfecho::Liberada(_)) && self.largou >= self.vence()
    }
}

impl fmt::Display for Posse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cliente, cerca, obteve, .. } = self;
        write!(f, "o cliente {cliente} (cerca {cerca}, de {} a {})", segundos(*obteve), segundos(self.fim()))
    }
}

/// O que o programa viu.
#[derive(Clone, Debug)]
pub struct Historia {
    /// O que o servidor disse do token antes da primeira volta.
    pub inicio: EstadoDoToken,
    /// O que disse depois da última; `None` se já não se pôde perguntar.
    pub fim: Option<EstadoDoToken>,
    /// Cada posse, em qualquer ordem. Em cada uma, o contador do programa foi somado uma vez.
    pub posses: Vec<Posse>,
    /// O contador do programa no fim.
    pub contador: u64,
}

/// O que não podia ter acontecido.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Violacao {
    /// O segundo tinha o token quando o primeiro ainda o tinha.
    DoisDonos(Posse, Posse),
    /// A soma de alguém se perdeu no contador do programa.
    SomaPerdida {
        /// O que ele marca.
        contador: u64,
        /// Quantas vezes se somou.
        somas: u64,
    },
    /// O contador do servidor não é o número de liberações.
    ContadorErrado {
        /// Em que concessão; `None`: no fim.
        posse: Option<Posse>,
        /// O que o servidor disse.
        disse: u64,
        /// O menor e o maior que podia ser.
        entre: (u64, u64),
    },
    /// O servidor tirou o token antes do prazo.
    TiradoCedo(Posse),
    /// Duas concessões com o mesmo número.
    CercaRepetida(Posse, Posse),
    /// Uma concessão com número menor que o da anterior.
    CercaCaiu(Posse, Posse),
    /// Uma concessão com um número que já tinha sido dado antes da simulação.
    CercaAntiga(Posse, u64),
}

impl Violacao {
    /// Qual das três afirmações da prova ela derruba.
    pub const fn afirmacao(&self) -> usize {
        match self {
            Self::DoisDonos(..) | Self::TiradoCedo(_) => 1,
            Self::SomaPerdida { .. } | Self::ContadorErrado { .. } => 2,
            Self::CercaRepetida(..) | Self::CercaCaiu(..) | Self::CercaAntiga(..) => 3,
        }
    }
}

impl fmt::Display for Violacao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoisDonos(um, outro) => {
                let juntos = um.fim().min(outro.fim()).saturating_sub(outro.obteve);
                write!(f, "dois donos por {}: {um} e {outro}", tempo(juntos))
            }
            Self::SomaPerdida { contador, somas } => write!(
                f,
                "o contador do programa marca {contador}, e os clientes somaram {somas} vezes: alguém escreveu \
                 por cima de outro"
            ),
            Self::ContadorErrado { posse, disse, entre: (menor, maior) } => {
                match posse {
                    Some(posse) => write!(f, "o servidor disse contador {disse} a {posse}")?,
                    None => write!(f, "no fim, o servidor disse contador {disse}")?,
                }
                if menor == maior {
                    write!(f, ", e as liberações dão {menor}")
                } else {
                    write!(f, ", e as liberações dão entre {menor} e {maior}")
                }
            }
            Self::TiradoCedo(posse) => {
                write!(
                    f,
                    "o servidor disse que já não era dono, antes do prazo de {}: ",
                    tempo(posse.prazo)
                )?;
                posse.fmt(f)
            }
            Self::CercaRepetida(um, outro) => write!(f, "a mesma cerca foi dada a {um} e a {outro}"),
            Self::CercaCaiu(antes, depois) => write!(f, "a cerca caiu: {antes} e, depois, {depois}"),
            Self::CercaAntiga(posse, antes) => {
                write!(f, "a cerca {antes} já tinha sido dada antes, e então veio {posse}")
            }
        }
    }
}

/// O que a história prova.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Veredito {
    /// O que não podia ter acontecido; vazio: está provado.
    pub violacoes: Vec<Violacao>,
    /// Quantas posses acabaram em LIBERADO.
    pub liberadas: u64,
    /// Quantas passaram do prazo.
    pub vencidas: u64,
    /// Quantas ficaram sem resposta ao LIBERAR.
    pub sem_resposta: u64,
    /// Quantas concessões, pelos números que faltam, não foram a estes clientes.
    pub alheias: u64,
    /// O token já tinha dono antes da primeira volta.
    pub dono_antes: bool,
    /// A primeira e a última cerca destes clientes.
    pub cercas: Option<(u64, u64)>,
    /// O último contador que o servidor disse.
    pub contador: u64,
}

/// Julga a história.
pub fn julgar(historia: &Historia) -> Veredito {
    let posses = &historia.posses;
    let contar =
        |quais: fn(&Desfecho) -> bool| posses.iter().filter(|posse| quais(&posse.desfecho)).count() as u64;
    let mut violacoes = dois_donos(posses);
    violacoes.extend(posses.iter().filter(|posse| cedo(posse)).copied().map(Violacao::TiradoCedo));
    violacoes.extend(soma_perdida(historia));
    let cercas = conferir_cercas(historia);
    let contadores = conferir_contadores(historia);
    violacoes.extend(contadores.violacoes);
    violacoes.extend(cercas);
    let numeros = posses.iter().map(|posse| posse.cerca);
    Veredito {
        violacoes,
        liberadas: contar(|desfecho| matches!(desfecho, Desfecho::Liberada(_))),
        vencidas: contar(|desfecho| *desfecho == Desfecho::Vencida),
        sem_resposta: contar(|desfecho| *desfecho == Desfecho::SemResposta),
        alheias: contadores.alheias,
        dono_antes: historia.inicio.dono.is_some(),
        cercas: numeros.clone().min().zip(numeros.max()),
        contador: contadores.ultimo,
    }
}

/// Os pares de posses cujos intervalos se cruzam. Encostar não é cruzar.
fn dois_donos(posses: &[Posse]) -> Vec<Violacao> {
    let mut em_ordem: Vec<&Posse> = posses.iter().collect();
    em_ordem.sort_by_key(|posse| (posse.obteve, posse.fim()));
    let mut violacoes = Vec::new();
    // De quem veio antes, basta o que acabou por último: se com esse não se cruza, não se cruza com nenhum.
    let mut ultimo: Option<&Posse> = None;
    for posse in em_ordem {
        if let Some(anterior) = ultimo.filter(|anterior| posse.obteve < anterior.fim()) {
            violacoes.push(Violacao::DoisDonos(*anterior, *posse));
        }
        if ultimo.is_none_or(|anterior| anterior.fim() < posse.fim()) {
            ultimo = Some(posse);
        }
    }
    violacoes
}

/// O servidor negou o LIBERAR quando o prazo ainda não podia ter vencido.
fn cedo(posse: &Posse) -> bool {
    posse.desfecho == Desfecho::Vencida && posse.soube < posse.vence()
}

fn soma_perdida(historia: &Historia) -> Option<Violacao> {
    // Quem passou do prazo somou fora da sua vez: disso o token não protege, só a cerca.
    if historia.posses.iter().any(|posse| posse.tardia() || posse.desfecho == Desfecho::Vencida) {
        return None;
    }
    let (contador, somas) = (historia.contador, historia.posses.len() as u64);
    (contador != somas).then_some(Violacao::SomaPerdida { contador, somas })
}

/// Na ordem das concessões, cada cerca é maior que a anterior; e nenhuma se repete.
fn conferir_cercas(historia: &Historia) -> Vec<Violacao> {
    let mut em_ordem: Vec<&Posse> = historia.posses.iter().collect();
    em_ordem.sort_by_key(|posse| posse.obteve);
    let mut violacoes = Vec::new();
    let mut vistas: HashMap<u64, &Posse> = HashMap::new();
    let mut anterior: Option<&Posse> = None;
    for posse in em_ordem {
        if let Some(outra) = vistas.insert(posse.cerca, posse) {
            violacoes.push(Violacao::CercaRepetida(*outra, *posse));
        } else if posse.cerca <= historia.inicio.cerca.0 {
            violacoes.push(Violacao::CercaAntiga(*posse, historia.inicio.cerca.0));
        } else if let Some(antes) = anterior.filter(|antes| posse.cerca < antes.cerca && !posse.tardia()) {
            // A concessão de quem dormiu além do prazo pode ter sido lida muito depois de feita.
            violacoes.push(Violacao::CercaCaiu(*antes, *posse));
        }
        if anterior.is_none_or(|antes| antes.cerca < posse.cerca) {
            anterior = Some(posse);
        }
    }
    violacoes
}

struct Contadores {
    violacoes: Vec<Violacao>,
    alheias: u64,
    ultimo: u64,
}

/// Na ordem das cercas, cada contador que o servidor disse é o do começo mais as liberações até ali.
///
/// Uma concessão alheia, um dono de antes e um LIBERAR sem resposta podem ter contado ou não: cada um dá uma folga
/// de um. Sem eles, o número é exato.
fn conferir_contadores(historia: &Historia) -> Contadores {
    let mut em_ordem: Vec<&Posse> = historia.posses.iter().collect();
    em_ordem.sort_by_key(|posse| (posse.cerca, Reverse(posse.largou)));
    let mut violacoes = Vec::new();
    let mut minimo = historia.inicio.contador;
    let mut folga = u64::from(historia.inicio.dono.is_some());
    let mut cerca = historia.inicio.cerca.0;
    let (mut alheias, mut ultimo) = (0, minimo);
    let mut conferir = |posse: Option<&Posse>, disse: u64, minimo: u64, folga: u64| {
        let entre = (minimo, minimo + folga);
        if !(entre.0..=entre.1).contains(&disse) {
            violacoes.push(Violacao::ContadorErrado { posse: posse.copied(), disse, entre });
        }
        ultimo = ultimo.max(disse);
    };
    for posse in em_ordem {
        let faltam = posse.cerca.saturating_sub(cerca.saturating_add(1));
        cerca = cerca.max(posse.cerca);
        alheias += faltam;
        folga += faltam;
        conferir(Some(posse), posse.contador, minimo, folga);
        match posse.desfecho {
            Desfecho::Liberada(disse) => {
                minimo += 1;
                conferir(Some(posse), disse, minimo, folga);
            }
            Desfecho::SemResposta => folga += 1,
            Desfecho::Vencida => {}
        }
    }
    if let Some(fim) = historia.fim {
        let faltam = fim.cerca.0.saturating_sub(cerca);
        alheias += faltam;
        conferir(None, fim.contador, minimo, folga + faltam);
    }
    Contadores { violacoes, alheias, ultimo }
}

#[cfg(test)]
mod tests;
