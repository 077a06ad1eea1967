//! Durações como se escrevem em português.

use std::time::Duration;

/// Uma duração para ler de relance: `850 µs`, `12,3 ms`, `1,23 s`, `2 min 5 s`.
pub fn tempo(duracao: Duration) -> String {
    let micros = duracao.as_micros();
    let segundos = duracao.as_secs();
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{},{} ms", micros / 1000, micros % 1000 / 100),
        1_000_000..60_000_000 => format!("{segundos},{:02} s", micros % 1_000_000 / 10_000),
        _ => format!("{} min {} s", segundos / 60, segundos % 60),
    }
}

/// Um instante, para comparar com outro: `1,002345 s`.
pub fn segundos(instante: Duration) -> String {
    format!("{},{:06} s", instante.as_secs(), instante.subsec_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escreve_com_virgula_e_unidade() {
        for (micros, esperado) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1000, "1,0 ms"),
            (12_345, "12,3 ms"),
            (999_999, "999,9 ms"),
            (1_000_000, "1,00 s"),
            (59_999_999, "59,99 s"),
            (125_000_000, "2 min 5 s"),
        ] {
            assert_eq!(tempo(Duration::from_micros(micros)), esperado);
        }
        assert_eq!(segundos(Duration::from_micros(1_002_345)), "1,002345 s");
    }
}
