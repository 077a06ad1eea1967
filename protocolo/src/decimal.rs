//! Números escritos em decimal, sem passar pela máquina de formatação: é o que mais se escreve numa resposta.

use std::fmt;

use crate::limites::ASSENTOS_MAX;

/// O maior `u64` tem vinte algarismos.
const ALGARISMOS_MAX: usize = 20;
/// O que vai antes de um número é curto: ` versao=`, ` contador=`.
const ANTES_MAX: usize = 12;

/// Escreve `antes`, de até doze bytes, e colado a ele o número.
pub(crate) fn escrever(f: &mut impl fmt::Write, antes: &str, numero: u64) -> fmt::Result {
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

/// Escreve um espaço e um número pequeno, de um assento, tirado de uma tabela pronta.
///
/// Erros: o número passa de [`ASSENTOS_MAX`].
pub(crate) fn escrever_assento(f: &mut impl fmt::Write, numero: u8) -> fmt::Result {
    f.write_str(COM_ESPACO.get(usize::from(numero)).ok_or(fmt::Error)?)
}

const TABELADOS: usize = ASSENTOS_MAX as usize + 1;

/// ` 0`, ` 1`, ..., ` 100`, calculados ao compilar.
static COM_ESPACO: [&str; TABELADOS] = {
    let mut textos = [""; TABELADOS];
    let mut numero = 0;
    while numero < TABELADOS {
        let algarismos = if numero < 10 {
            1
        } else if numero < 100 {
            2
        } else {
            3
        };
        let (_, bytes) = BYTES[numero].split_at(3 - algarismos);
        textos[numero] = match std::str::from_utf8(bytes) {
            Ok(texto) => texto,
            Err(_) => panic!("algarismos são UTF-8"),
        };
        numero += 1;
    }
    textos
};

/// O mesmo em bytes, encostado à direita: `  _7`, ` _42`, `_100`, em que `_` é um espaço.
static BYTES: [[u8; 4]; TABELADOS] = {
    let mut todos = [[b' '; 4]; TABELADOS];
    let mut numero = 0;
    while numero < TABELADOS {
        let (mut resto, mut posicao) = (numero, 3);
        loop {
            todos[numero][posicao] = b'0' + (resto % 10) as u8;
            resto /= 10;
            posicao -= 1;
            if resto == 0 {
                break;
            }
        }
        numero += 1;
    }
    todos
};

#[cfg(test)]
mod tests {
    struct Numero(u64);

    impl std::fmt::Display for Numero {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            super::escrever(f, "n=", self.0)
        }
    }

    struct UmAssento(u8);

    impl std::fmt::Display for UmAssento {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            super::escrever_assento(f, self.0)
        }
    }

    #[test]
    fn escreve_cada_assento() {
        for numero in 0..=100 {
            assert_eq!(UmAssento(numero).to_string(), format!(" {numero}"));
        }
    }

    #[test]
    fn escreve_o_mesmo_que_a_biblioteca() {
        for numero in [0, 1, 9, 10, 99, 100, 101, 12_345, u64::MAX - 1, u64::MAX] {
            assert_eq!(Numero(numero).to_string(), format!("n={numero}"));
        }
    }
}
