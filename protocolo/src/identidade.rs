//! Quem fala: o número do cliente, a sua chave e o seu nome; e os números que só crescem.
//!
//! Só valores, conferidos ao nascer. Não sorteia chaves nem sabe quais números já foram dados.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use crate::decimal;
use crate::limites::{
    CHAVE_BYTES, NOME_LETRAS_MAX, PRAZO_S_MAX, PRAZO_S_MIN, SEGURAR_S_PADRAO, TOKEN_S_PADRAO,
};

/// O número de um cliente: 1, 2, 3, ...; nunca se repete.
///
/// `Option<ClientId>` ocupa os mesmos oito bytes: é assim que a sala guarda os donos.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(NonZeroU64);

impl ClientId {
    /// O cliente de número `numero`, ou `None` se for zero.
    pub const fn new(numero: u64) -> Option<Self> {
        match NonZeroU64::new(numero) {
            Some(numero) => Some(Self(numero)),
            None => None,
        }
    }

    /// O número.
    pub const fn numero(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::escrever(f, "", self.numero())
    }
}

/// A versão da sala: cresce de um em um a cada mudança e nunca se repete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Versao(pub u64);

impl fmt::Display for Versao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::escrever(f, "", self.0)
    }
}

/// O número de fencing do token: cresce a cada concessão e nunca se repete.
///
/// Fonte: M. Kleppmann, "How to do distributed locking" (2016); M. Burrows, "The Chubby lock service" (2006),
/// onde se chama *sequencer*.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Cerca(pub u64);

impl fmt::Display for Cerca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::escrever(f, "", self.0)
    }
}

/// Um prazo pedido por um cliente, em segundos: de [`PRAZO_S_MIN`] a [`PRAZO_S_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Segundos(u32);

impl Segundos {
    /// O prazo de `segundos`, ou `None` fora dos limites.
    pub const fn new(segundos: u32) -> Option<Self> {
        if segundos >= PRAZO_S_MIN && segundos <= PRAZO_S_MAX { Some(Self(segundos)) } else { None }
    }

    /// O prazo de `SEGURAR` quando não se diz `POR`.
    pub const SEGURAR_PADRAO: Self = Self(SEGURAR_S_PADRAO);
    /// O prazo de `TOKEN SOLICITAR` quando não se diz `POR`.
    pub const TOKEN_PADRAO: Self = Self(TOKEN_S_PADRAO);

    /// Os segundos.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Segundos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A chave secreta com que um cliente prova quem é: escreve-se em hexadecimal.
///
/// Não tem `PartialEq`: comparar chaves byte a byte conta ao adversário quantos bytes acertou. Quem confere
/// usa comparação em tempo constante. `Debug` não a mostra.
#[derive(Clone, Copy)]
pub struct Chave([u8; CHAVE_BYTES]);

impl Chave {
    /// A chave com estes bytes.
    pub const fn new(bytes: [u8; CHAVE_BYTES]) -> Self {
        Self(bytes)
    }

    /// Os bytes da chave.
    pub const fn bytes(&self) -> &[u8; CHAVE_BYTES] {
        &self.0
    }
}

impl fmt::Display for Chave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chave(oculta)")
    }
}

/// O texto não é uma chave: faltam ou sobram algarismos, ou há um que não é hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChaveMalFormada;

impl FromStr for Chave {
    type Err = ChaveMalFormada;

    fn from_str(texto: &str) -> Result<Self, ChaveMalFormada> {
        if texto.len() != 2 * CHAVE_BYTES || !texto.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ChaveMalFormada);
        }
        let mut bytes = [0; CHAVE_BYTES];
        for (byte, par) in bytes.iter_mut().zip(texto.as_bytes().chunks_exact(2)) {
            let par = std::str::from_utf8(par).map_err(|_| ChaveMalFormada)?;
            *byte = u8::from_str_radix(par, 16).map_err(|_| ChaveMalFormada)?;
        }
        Ok(Self(bytes))
    }
}

/// O nome de um cliente, para pessoas: de 1 a [`NOME_LETRAS_MAX`] letras (também com acento), algarismos, `.`, `-`, `_`.
///
/// As letras são as latinas: um alfabeto que se escreve da direita para a esquerda embaralharia a linha do log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Nome(Box<str>);

/// O texto não serve de nome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NomeInvalido;

impl Nome {
    /// O nome como texto.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn aceita(letra: char) -> bool {
        // De À a ɏ: Latin-1 e as suas duas extensões; × e ÷ estão lá no meio e não são letras.
        letra.is_ascii_alphanumeric()
            || matches!(letra, '.' | '-' | '_')
            || ('\u{C0}'..='\u{24F}').contains(&letra) && letra.is_alphabetic()
    }
}

impl FromStr for Nome {
    type Err = NomeInvalido;

    fn from_str(texto: &str) -> Result<Self, NomeInvalido> {
        let letras = texto.chars().count();
        if letras == 0 || letras > NOME_LETRAS_MAX || !texto.chars().all(Self::aceita) {
            return Err(NomeInvalido);
        }
        Ok(Self(texto.into()))
    }
}

impl fmt::Display for Nome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nome_no_limite_e_um_alem() {
        for bom in ["a", "ana", "João", "ÂNGELA_2", "x.y-z", &"ç".repeat(NOME_LETRAS_MAX)] {
            assert_eq!(bom.parse::<Nome>().unwrap().as_str(), bom);
        }
        for ruim in
            ["", "ana maria", "a\u{1b}[31m", "×", "÷", "é!", "\u{202e}ana", &"ç".repeat(NOME_LETRAS_MAX + 1)]
        {
            assert_eq!(ruim.parse::<Nome>(), Err(NomeInvalido), "{ruim:?}");
        }
    }

    #[test]
    fn chave_vai_e_volta_e_nao_se_mostra() {
        let texto = "00ff10a0deadbeef0123456789abcdef";
        let chave: Chave = texto.parse().unwrap();
        assert_eq!(chave.to_string(), texto);
        assert_eq!(texto.to_uppercase().parse::<Chave>().unwrap().to_string(), texto);
        assert!(!format!("{chave:?}").contains("00ff"));
        for ruim in ["", "00", "zz", &texto[1..], &format!("{texto}0"), "+0ff10a0deadbeef0123456789abcdef"] {
            assert!(ruim.parse::<Chave>().is_err(), "{ruim:?}");
        }
    }

    #[test]
    fn prazo_no_limite_e_um_alem() {
        assert_eq!(Segundos::new(PRAZO_S_MIN - 1), None);
        assert_eq!(Segundos::new(PRAZO_S_MIN).map(Segundos::get), Some(1));
        assert_eq!(Segundos::new(PRAZO_S_MAX).map(Segundos::get), Some(3600));
        assert_eq!(Segundos::new(PRAZO_S_MAX + 1), None);
    }

    #[test]
    fn dono_ocupa_oito_bytes() {
        assert_eq!(size_of::<Option<ClientId>>(), 8);
        assert_eq!(ClientId::new(0), None);
    }
}
