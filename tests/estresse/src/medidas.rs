//! Quanto demorou cada resposta: por espécie de pedido, e ao longo da prova.
//!
//! Os percentis vêm de histogramas de alcance dinâmico (HDR): memória constante, e erro menor que um por mil.
//!
//! Fonte: G. Tene, "How NOT to measure latency" (2013), e o HdrHistogram. É dele também a advertência contra a *omissão
//! coordenada*: quem só pede depois de ouvir deixa de pedir quando o servidor trava, e quase não vê a demora. Com uma taxa
//! fixa, a demora conta da hora em que o pedido devia ter saído.

use std::time::Duration;

use hdrhistogram::Histogram;
use protocolo::{Comando, ComandoToken};

/// Em quantos pedaços, mais ou menos, se divide a prova para ver como ela andou.
const PEDACOS: u32 = 60;
/// O menor pedaço: com menos do que isto, cada um teria poucas respostas.
const PEDACO_MIN: Duration = Duration::from_millis(100);

/// As espécies de pedido que se medem à parte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Especie {
    /// `RESERVAR`, nas três formas.
    Reservar,
    /// `SEGURAR`.
    Segurar,
    /// `CONFIRMAR`.
    Confirmar,
    /// `CANCELAR`.
    Cancelar,
    /// `LISTAR`.
    Listar,
    /// `MAPA`.
    Mapa,
    /// `TOKEN LIBERAR` e `TOKEN ESTADO`.
    Token,
    /// O resto.
    Outros,
    /// `AGUARDAR`: a demora é a de uma vez que chega.
    Aguardar,
    /// `TOKEN SOLICITAR`: idem.
    Solicitar,
}

impl Especie {
    /// Todas; as que esperam a sua vez no fim.
    pub const TODAS: [Self; 10] = [
        Self::Reservar,
        Self::Segurar,
        Self::Confirmar,
        Self::Cancelar,
        Self::Listar,
        Self::Mapa,
        Self::Token,
        Self::Outros,
        Self::Aguardar,
        Self::Solicitar,
    ];

    /// A espécie de um pedido.
    pub const fn de(comando: &Comando) -> Self {
        match comando {
            Comando::Reservar { .. } => Self::Reservar,
            Comando::Segurar { .. } => Self::Segurar,
            Comando::Confirmar(_) => Self::Confirmar,
            Comando::Cancelar { .. } => Self::Cancelar,
            Comando::Aguardar { .. } => Self::Aguardar,
            Comando::Listar => Self::Listar,
            Comando::Mapa => Self::Mapa,
            Comando::Token(ComandoToken::Solicitar { .. }) => Self::Solicitar,
            Comando::Token(_) => Self::Token,
            _ => Self::Outros,
        }
    }

    /// Como se chama num relatório.
    pub const fn nome(self) -> &'static str {
        match self {
            Self::Reservar => "RESERVAR",
            Self::Segurar => "SEGURAR",
            Self::Confirmar => "CONFIRMAR",
            Self::Cancelar => "CANCELAR",
            Self::Listar => "LISTAR",
            Self::Mapa => "MAPA",
            Self::Token => "TOKEN LIBERAR, ESTADO",
            Self::Outros => "outros",
            Self::Aguardar => "AGUARDAR",
            Self::Solicitar => "TOKEN SOLICITAR",
        }
    }

    /// Diz se o pedido espera por outros clientes: a sua demora não diz nada do servidor.
    pub const fn espera(self) -> bool {
        matches!(self, Self::Aguardar | Self::Solicitar)
    }
}

/// O que se mediu numa prova.
#[derive(Clone, Debug)]
pub struct Medidas {
    /// Quanto durou a parte em que se pedia.
    pub duracao: Duration,
    /// Pedidos que não tiveram resposta.
    pub sem_resposta: u64,
    /// Com taxa fixa, pedidos que deviam ter saído e não saíram, por falta de quem os mandasse.
    pub nao_sairam: u64,
    /// Conexões que caíram, ou deixaram de responder.
    pub perdidas: usize,
    /// A prova parou antes da hora, porque se anotou tudo o que cabe.
    pub encheu: bool,
    especies: [Histogram<u64>; Especie::TODAS.len()],
    pedaco: Duration,
    pedacos: Vec<Pedaco>,
}

/// Um pedaço da prova.
#[derive(Clone, Debug)]
struct Pedaco {
    respostas: u64,
    /// Em nanossegundos, só do que não espera.
    demoras: Histogram<u32>,
}

/// Como andou a prova: pontos de segundos e valor.
#[derive(Clone, Debug, Default)]
pub struct Andamento {
    /// Respostas por segundo.
    pub vazao: Vec<(f64, f64)>,
    /// A mediana das demoras, em microssegundos.
    pub p50: Vec<(f64, f64)>,
    /// O percentil 99, em microssegundos.
    pub p99: Vec<(f64, f64)>,
}

impl Medidas {
    /// Nada medido, de uma prova que deve durar tanto.
    pub(super) fn new(prevista: Duration) -> Self {
        Self {
            duracao: Duration::ZERO,
            sem_resposta: 0,
            nao_sairam: 0,
            perdidas: 0,
            encheu: false,
            especies: Especie::TODAS.map(|_| histograma()),
            pedaco: (prevista / PEDACOS).max(PEDACO_MIN),
            pedacos: Vec::new(),
        }
    }

    /// Conta uma resposta, que se ouviu nesta hora depois de demorar tanto.
    pub(super) fn contar(&mut self, especie: Especie, ouvido: Duration, demora: Duration) {
        let demora = u64::try_from(demora.as_nanos()).unwrap_or(u64::MAX);
        self.especies[especie as usize].record(demora).expect("o histograma cresce até onde for preciso");
        let qual = usize::try_from(ouvido.as_nanos() / self.pedaco.as_nanos()).unwrap_or(usize::MAX);
        if let Some(pedaco) = self.pedacos.get_mut(qual) {
            pedaco.contar(especie, demora);
        } else if let Some(faltam) = qual.checked_sub(self.pedacos.len()).filter(|n| *n < 1_000_000) {
            self.pedacos.extend((0..=faltam).map(|_| Pedaco { respostas: 0, demoras: histograma() }));
            self.pedacos[qual].contar(especie, demora);
        }
    }

    /// Junta as de outra thread da mesma prova.
    pub(super) fn somar(&mut self, outra: &Self) {
        self.duracao = self.duracao.max(outra.duracao);
        self.sem_resposta += outra.sem_resposta;
        self.nao_sairam += outra.nao_sairam;
        self.perdidas += outra.perdidas;
        self.encheu |= outra.encheu;
        for (minha, dela) in self.especies.iter_mut().zip(&outra.especies) {
            *minha += dela;
        }
        let falta = outra.pedacos.len().saturating_sub(self.pedacos.len());
        self.pedacos.extend((0..falta).map(|_| Pedaco { respostas: 0, demoras: histograma() }));
        for (meu, dela) in self.pedacos.iter_mut().zip(&outra.pedacos) {
            meu.respostas += dela.respostas;
            meu.demoras += &dela.demoras;
        }
    }

    /// Quantas respostas se ouviram enquanto se pedia.
    pub fn respostas(&self) -> u64 {
        self.especies.iter().map(Histogram::len).sum()
    }

    /// Respostas por segundo.
    pub fn vazao(&self) -> f64 {
        por_segundo(self.respostas(), self.duracao)
    }

    /// As demoras desta espécie, em nanossegundos.
    pub const fn demoras(&self, especie: Especie) -> &Histogram<u64> {
        &self.especies[especie as usize]
    }

    /// As demoras de tudo o que não espera, em nanossegundos.
    pub fn sem_esperas(&self) -> Histogram<u64> {
        Especie::TODAS.into_iter().filter(|especie| !especie.espera()).fold(histograma(), |mut soma, este| {
            soma += self.demoras(este);
            soma
        })
    }

    /// Como a prova andou. O último pedaço, se ficou pela metade, não entra.
    pub fn andamento(&self) -> Andamento {
        let mut andamento = Andamento::default();
        let inteiros =
            usize::try_from(self.duracao.as_nanos() / self.pedaco.as_nanos()).unwrap_or(usize::MAX);
        for (qual, pedaco) in (1u32..).zip(&self.pedacos).take(inteiros) {
            let hora = (self.pedaco * qual).as_secs_f64();
            andamento.vazao.push((hora, por_segundo(pedaco.respostas, self.pedaco)));
            if !pedaco.demoras.is_empty() {
                andamento.p50.push((hora, microssegundos(pedaco.demoras.value_at_quantile(0.5))));
                andamento.p99.push((hora, microssegundos(pedaco.demoras.value_at_quantile(0.99))));
            }
        }
        andamento
    }
}

impl Pedaco {
    fn contar(&mut self, especie: Especie, demora: u64) {
        self.respostas += 1;
        if !especie.espera() {
            self.demoras.record(demora).expect("o histograma cresce até onde for preciso");
        }
    }
}

/// Nanossegundos em microssegundos.
pub fn microssegundos(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

fn por_segundo(quantas: u64, em: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "contagens bem menores que 2^52")]
    let quantas = quantas as f64;
    if em.is_zero() { 0.0 } else { quantas / em.as_secs_f64() }
}

fn histograma<C: hdrhistogram::Counter>() -> Histogram<C> {
    Histogram::new(3).expect("três algarismos é uma precisão que existe")
}
