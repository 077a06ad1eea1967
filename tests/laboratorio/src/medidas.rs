//! O que se tira do que se anotou: quantas operações por segundo, quanto demoram, e se todas as threads andaram igual.

use std::time::Duration;

use juiz::intervalos::Operacao;

/// As medidas de uma técnica com um número de threads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Medidas {
    /// Operações por segundo, somadas as threads.
    pub por_segundo: f64,
    /// De cada cem operações, noventa e nove demoraram no máximo isto.
    pub p99: Duration,
    /// A operação que mais demorou: quanto esperou a thread de menos sorte.
    pub maior_espera: Duration,
    /// Enquanto todas trabalhavam, quantas operações fez a que fez menos, por uma da que fez mais: 1 é igual para todas,
    /// 0 é deixar alguém para trás.
    pub justica: f64,
}

impl Medidas {
    /// As medidas destas operações, de cada thread as suas.
    pub fn new(threads: &[Vec<Operacao>]) -> Self {
        let todas = || threads.iter().flatten();
        let inicio = todas().map(|operacao| operacao.inicio).min().unwrap_or(0);
        let fim = todas().map(|operacao| operacao.fim).max().unwrap_or(0);
        let mut demoras: Vec<u64> = todas().map(|operacao| operacao.fim - operacao.inicio).collect();
        Self {
            por_segundo: demoras.len() as f64 / Duration::from_nanos((fim - inicio).max(1)).as_secs_f64(),
            p99: percentil_99(&mut demoras),
            maior_espera: Duration::from_nanos(demoras.iter().copied().max().unwrap_or(0)),
            justica: justica(threads),
        }
    }
}

/// O que se fez sozinho, antes de a última começar ou depois de a primeira acabar, não conta.
fn justica(threads: &[Vec<Operacao>]) -> f64 {
    let comecaram = threads.iter().filter_map(|uma| Some(uma.first()?.inicio)).max().unwrap_or(0);
    let acabaram = threads.iter().filter_map(|uma| Some(uma.last()?.fim)).min().unwrap_or(0);
    let juntas = |uma: &Vec<Operacao>| {
        uma.iter().filter(|operacao| comecaram <= operacao.inicio && operacao.fim <= acabaram).count()
    };
    let feitas = || threads.iter().map(juntas);
    feitas().min().unwrap_or(0) as f64 / feitas().max().unwrap_or(0).max(1) as f64
}

/// A menor demora que não é superada por mais de um centésimo delas.
fn percentil_99(demoras: &mut [u64]) -> Duration {
    if demoras.is_empty() {
        return Duration::ZERO;
    }
    let lugar = (demoras.len() * 99).div_ceil(100) - 1;
    Duration::from_nanos(*demoras.select_nth_unstable(lugar).1)
}

#[cfg(test)]
mod tests {
    use protocolo::Assentos;

    use super::*;
    use juiz::intervalos::Feito;

    fn operacao(inicio: u64, fim: u64) -> Operacao {
        Operacao { inicio, fim, feito: Feito::Listou(Assentos::NENHUM) }
    }

    #[test]
    fn mede_o_que_se_anotou() {
        // Enquanto uma thread faz cem operações, de 1 a 100 ns, a outra só faz uma; as outras duas são de antes e depois.
        let uma: Vec<Operacao> = (1..=100).map(|n| operacao(n * 1000, n * 1000 + n)).collect();
        let outra = vec![operacao(0, 500), operacao(50_000, 60_000), operacao(90_000, 1_000_000)];
        let medidas = Medidas::new(&[uma.clone(), outra]);
        assert_eq!(medidas.maior_espera, Duration::from_micros(910));
        assert_eq!(medidas.p99, Duration::from_micros(10));
        assert!((medidas.justica - 0.01).abs() < 1e-9, "{medidas:?}");
        assert!((medidas.por_segundo - 103_000.0).abs() < 1e-6, "{medidas:?}");
        assert_eq!(Medidas::new(&[uma]).p99, Duration::from_nanos(99));
    }

    #[test]
    fn nada_anotado_nao_divide_por_zero() {
        let medidas = Medidas::new(&[Vec::new()]);
        assert!(medidas.por_segundo.abs() < 1e-9 && medidas.justica.abs() < 1e-9, "{medidas:?}");
    }
}
