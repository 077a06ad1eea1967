//! O retrato da sala como um cliente a vê: o que `LISTAR` diz em conjuntos e `MAPA` desenha.

use std::fmt;

use crate::assentos::{Assento, Assentos};
use crate::limites::FILEIRA_ASSENTOS;

/// Os assentos da sala, por situação, num mesmo instante.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quadro {
    /// Guardados por um tempo, por quem quer que seja.
    pub segurados: Assentos,
    /// Reservados e firmes, por quem quer que seja.
    pub ocupados: Assentos,
    /// Os de quem pergunta, segurados ou firmes.
    pub seus: Assentos,
}

/// A situação de um assento para quem olha a sala.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Situacao {
    /// Ninguém o tem.
    Livre,
    /// Outra pessoa o segura.
    Segurado,
    /// Outra pessoa o tem.
    Ocupado,
    /// Quem olha o segura.
    SeuSegurado,
    /// Quem olha o tem.
    Seu,
}

impl Situacao {
    /// O sinal que vai antes do número no desenho em ASCII.
    pub const fn sinal(self) -> &'static str {
        match self {
            Self::Livre => "",
            Self::Segurado => "~",
            Self::Ocupado => "x",
            Self::SeuSegurado => "+",
            Self::Seu => "*",
        }
    }
}

/// A última linha do desenho; sem acentos, como o desenho inteiro.
pub const LEGENDA: &str = "7 livre   x7 ocupado   ~7 segurado   *7 seu   +7 segurado, seu";

impl Quadro {
    /// Os assentos que ninguém tem.
    pub fn livres(&self) -> Assentos {
        !(self.segurados | self.ocupados)
    }

    /// A situação de um assento.
    pub fn situacao(&self, assento: Assento) -> Situacao {
        let seu = self.seus.contem(assento);
        match (self.ocupados.contem(assento), self.segurados.contem(assento)) {
            (true, _) if seu => Situacao::Seu,
            (true, _) => Situacao::Ocupado,
            (false, true) if seu => Situacao::SeuSegurado,
            (false, true) => Situacao::Segurado,
            (false, false) => Situacao::Livre,
        }
    }

    /// Lê o desenho que [`Quadro`] escreve; `None` se não é um.
    pub(crate) fn ler_desenho<'a>(linhas: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut quadro = Self::default();
        let mut esperado = Assento::todos();
        for celula in linhas.filter(|linha| *linha != LEGENDA).flat_map(str::split_ascii_whitespace) {
            let assento = esperado.next()?;
            let sinal = celula.strip_suffix(&assento.to_string())?;
            match sinal {
                "" => {}
                "~" => quadro.segurados.inserir(assento),
                "x" => quadro.ocupados.inserir(assento),
                "+" => {
                    quadro.segurados.inserir(assento);
                    quadro.seus.inserir(assento);
                }
                "*" => {
                    quadro.ocupados.inserir(assento);
                    quadro.seus.inserir(assento);
                }
                _ => return None,
            }
        }
        esperado.next().is_none().then_some(quadro)
    }
}

impl fmt::Display for Quadro {
    /// O desenho: dez linhas de dez assentos e a legenda, cada uma com o seu LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for assento in Assento::todos() {
            let sinal = self.situacao(assento).sinal();
            let largura = 5 - sinal.len();
            // O sinal fica colado ao número, e os números terminam na mesma coluna.
            let numero = format_args!("{assento}").to_string();
            write!(f, "{:>1$}", "", largura - numero.len())?;
            write!(f, "{sinal}{numero}")?;
            if assento.numero() % FILEIRA_ASSENTOS == 0 {
                f.write_str("\n")?;
            }
        }
        writeln!(f, "{LEGENDA}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desenho_vai_e_volta() {
        let um = |n| Assentos::from(Assento::new(n).unwrap());
        let quadro = Quadro { segurados: um(2) | um(3), ocupados: um(1) | um(100), seus: um(3) | um(100) };
        let desenho = quadro.to_string();
        assert!(desenho.is_ascii());
        assert_eq!(desenho.lines().count(), 11);
        assert_eq!(desenho.lines().next(), Some("   x1   ~2   +3    4    5    6    7    8    9   10"));
        assert!(desenho.lines().nth(9).unwrap().ends_with("   99 *100"));
        assert_eq!(Quadro::ler_desenho(desenho.lines()), Some(quadro));
        assert_eq!(Quadro::ler_desenho(desenho.lines().take(9)), None);
        assert_eq!(Quadro::ler_desenho(["  1 2 9"].into_iter()), None);
    }
}
