//! Uma hora do relógio de parede, como se guarda no disco e como se conta a um cliente.
//!
//! Não lê relógio nenhum: a hora entra por argumento.

use std::fmt;
use std::str::FromStr;

use protocolo::Hora;

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
}
