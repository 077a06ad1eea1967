//! Latências: quanto demora cada pedido de um cliente, e como se dizem as de duas condições, lado a lado.

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Resultado;
use crate::carga::Pedinte;

/// Um pedido respondido.
#[derive(Clone, Copy, Debug)]
pub struct Troca {
    /// A versão da sala que a resposta disse.
    pub versao: u64,
    /// Quando foi mandado, ou quando devia ter sido, se a resposta anterior o atrasou.
    pub pedido: Instant,
    /// Quando a resposta foi lida.
    pub respondido: Instant,
}

/// Os pedidos de um cliente, um depois do outro, até que `chega`: com um `passo`, um a cada passo, contado do começo; sem
/// ele (zero), cada um assim que o anterior é respondido.
///
/// O atraso do nosso próprio despertar não conta como espera; o de uma resposta que demorou mais que o passo, sim.
pub fn trocar(um: &mut Pedinte, passo: Duration, mut chega: impl FnMut() -> bool) -> Resultado<Vec<Troca>> {
    let mut trocas = Vec::new();
    let mut devido = Instant::now();
    while !chega() {
        let agora = Instant::now();
        let pedido = if passo.is_zero() {
            agora
        } else if agora < devido {
            thread::sleep(devido - agora);
            Instant::now()
        } else {
            devido
        };
        devido += passo;
        let versao = um.pedir_um()?;
        trocas.push(Troca { versao, pedido, respondido: Instant::now() });
    }
    Ok(trocas)
}

/// Diz, a cada vez que se pergunta, se já passou tanto desde agora.
pub fn depois_de(duracao: Duration) -> impl FnMut() -> bool {
    let inicio = Instant::now();
    move || inicio.elapsed() >= duracao
}

/// As latências de uma rodada.
#[derive(Debug)]
pub struct Latencias(Histogram<u64>);

impl Latencias {
    /// As destas demoras; ao menos uma.
    pub fn new(demoras: impl Iterator<Item = Duration>) -> Resultado<Self> {
        // Três algarismos bastam: o ruído está no segundo.
        let mut histograma = Histogram::new(3)?;
        for demora in demoras {
            histograma.record(u64::try_from(demora.as_nanos())?)?;
        }
        if histograma.is_empty() {
            return Err("uma rodada sem pedido nenhum: use mais --segundos".into());
        }
        Ok(Self(histograma))
    }

    /// De cada pedido à sua resposta.
    pub fn das_trocas(trocas: &[Troca]) -> Resultado<Self> {
        Self::new(trocas.iter().map(|troca| troca.respondido - troca.pedido))
    }

    /// Este quantil, em microssegundos.
    fn quantil(&self, qual: f64) -> f64 {
        Duration::from_nanos(self.0.value_at_quantile(qual)).as_secs_f64() * 1e6
    }
}

/// Roda as duas condições em rodadas alternadas, cada vez uma na frente; a primeira rodada aquece e não conta.
pub fn alternar<T>(
    rodadas: usize,
    mut calma: impl FnMut() -> Resultado<T>,
    mut agitada: impl FnMut() -> Resultado<T>,
) -> Resultado<Vec<(T, T)>> {
    let mut pares = Vec::new();
    for rodada in 0..=rodadas {
        let par = if rodada % 2 == 0 {
            let primeira = calma()?;
            (primeira, agitada()?)
        } else {
            let primeira = agitada()?;
            (calma()?, primeira)
        };
        if rodada > 0 {
            pares.push(par);
        }
    }
    Ok(pares)
}

/// Uma linha com as medianas das rodadas; o máximo é o de todas.
pub fn relatar<'a>(nome: &str, rodadas: impl Iterator<Item = &'a Latencias>) {
    let rodadas: Vec<_> = rodadas.collect();
    let quantil = |qual| mediana(rodadas.iter().map(|uma| uma.quantil(qual)).collect());
    let maximo = rodadas.iter().map(|uma| uma.quantil(1.0)).fold(0.0, f64::max);
    println!(
        "  {nome:<44} p50 {:>8.1} us  p99 {:>8.1} us  máx {maximo:>9.1} us",
        quantil(0.5),
        quantil(0.99)
    );
}

/// As duas condições, e a razão entre elas.
pub fn relatar_par<'a>(nomes: [&str; 2], pares: impl Iterator<Item = (&'a Latencias, &'a Latencias)>) {
    let pares: Vec<_> = pares.collect();
    relatar(nomes[0], pares.iter().map(|par| par.0));
    relatar(nomes[1], pares.iter().map(|par| par.1));
    let razao = |qual| mediana(pares.iter().map(|(a, b)| b.quantil(qual) / a.quantil(qual)).collect());
    println!("  {:<44} p50 {:>8.2}     p99 {:>8.2}", "  razão", razao(0.5), razao(0.99));
}

/// O valor do meio.
pub fn mediana(mut valores: Vec<f64>) -> f64 {
    valores.sort_by(f64::total_cmp);
    valores[valores.len() / 2]
}
