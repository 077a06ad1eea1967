//! Trinta e dois bytes que ninguém deve ver: nem no log, nem num `Debug`.

use std::fmt;

/// O segredo de que se derivam as chaves dos clientes. `Debug` não o mostra.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Segredo(pub [u8; 32]);

impl fmt::Debug for Segredo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Segredo(oculto)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segredo_nao_se_mostra() {
        assert_eq!(format!("{:?}", Segredo([7; 32])), "Segredo(oculto)");
    }
}
