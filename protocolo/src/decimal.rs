//! Números escritos em decimal, sem passar pela máquina de formatação: é o que mais se escreve numa resposta.

use std::fmt;

/// O maior `u64` tem vinte algarismos.
const ALGARISMOS_MAX: usize = 20;
/// O que vai antes de um número é curto: ` versao=`, ` contador=`.
const ANTES_MAX: usize = 12;

/// Escreve `antes`, de até doze bytes, e colado a ele o número.
pub(crate) fn escrever(f: &mut fmt::Formatter<'_>, antes: &str, numero: u64) -> fmt::Result {
    let mut bytes = [0u8; ANTES_MAX + ALGARISMOS_MAX];
    let mut inicio = bytes.len();
    let mut resto = numero;
    loop {
        inicio -= 1;
        // O resto da divisão por dez cabe num byte.
        bytes[inicio] = b'0' + (resto % 10) as u8;
        resto /= 10;
        if resto == 0 {
            break;
        }
    }
    let colado = inicio - antes.len();
    bytes[colado..inicio].copy_from_slice(antes.as_bytes());
    // Um texto seguido de algarismos é sempre UTF-8.
    f.write_str(std::str::from_utf8(&bytes[colado..]).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    struct Numero(u64);

    impl std::fmt::Display for Numero {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            super::escrever(f, "n=", self.0)
        }
    }

    #[test]
    fn escreve_o_mesmo_que_a_biblioteca() {
        for numero in [0, 1, 9, 10, 99, 100, 101, 12_345, u64::MAX - 1, u64::MAX] {
            assert_eq!(Numero(numero).to_string(), format!("n={numero}"));
        }
    }
}
