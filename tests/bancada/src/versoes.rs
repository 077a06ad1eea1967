//! Duas versões do programa `servidor`, lado a lado, na mesma rodada: é assim que se sabe o que uma mudança custou.
//!
//! Cada ponto é uma quantidade de conexões e de pedidos no ar, com a sala na memória e num arquivo; as duas versões se alternam, cada vez
//! uma na frente, e o que se diz é a mediana das razões. Com muitas conexões os descritores não dão para as duas ao mesmo tempo: cada
//! rodada liga e desliga a sua.

use std::path::Path;
use std::time::Duration;

use arnes::pasta::Pasta;

use crate::carga::{Lado, trio};
use crate::duravel::{Fala, Grupo};
use crate::latencia::{alternar, mediana};
use crate::servidores::Filho;
use crate::{Opcoes, Resultado};

/// Conexões, e pedidos que cada uma tem no ar.
pub const PONTOS: [(usize, usize); 5] = [(1, 1), (50, 1), (1_000, 1), (10_000, 1), (50, 16)];
/// Com mais conexões do que isto, um servidor por vez.
const JUNTAS_MAX: usize = 4_000;

/// Os dois programas, com as mesmas cargas.
pub fn versoes(opcoes: &Opcoes, programas: &[String; 2], pontos: &[(usize, usize)]) -> Resultado<()> {
    let pasta = Pasta::criar("bancada")?;
    println!("sala        conexões  no ar      antes     depois  depois/antes");
    for duravel in [false, true] {
        for (conexoes, no_ar) in pontos.iter().copied() {
            let medir = |qual: usize, ponto: &mut Option<Ponto>| -> Resultado<f64> {
                let mut meu = match ponto.take() {
                    Some(pronto) => pronto,
                    None => {
                        let banco = pasta.0.join(format!("{qual}-{conexoes}-{no_ar}.db"));
                        Ponto::novo(&programas[qual], duravel.then_some(&*banco), conexoes, no_ar)?
                    }
                };
                let vazao = meu.vazao(opcoes.duracao)?;
                *ponto = (conexoes <= JUNTAS_MAX).then_some(meu);
                Ok(vazao)
            };
            let (mut antes, mut depois) = (None, None);
            let pares = alternar(opcoes.rodadas, || medir(0, &mut antes), || medir(1, &mut depois))?;
            let meio = |qual: fn(&(f64, f64)) -> f64| mediana(pares.iter().map(qual).collect());
            println!(
                "{:<10} {conexoes:>9} {no_ar:>6} {:>10.0} {:>10.0} {:>13.3}",
                if duravel { "em arquivo" } else { "na memória" },
                meio(|(antes, _)| *antes),
                meio(|(_, depois)| *depois),
                meio(|(antes, depois)| depois / antes),
            );
        }
    }
    Ok(())
}

/// Um servidor ligado e os seus clientes.
struct Ponto {
    carga: Carga,
    _servidor: Filho,
}

enum Carga {
    /// Um pedido por vez, e quem ouve um não sorteia outro.
    Solta(Grupo),
    /// Muitos pedidos no ar.
    Cheia(Lado),
}

impl Ponto {
    fn novo(programa: &str, banco: Option<&Path>, conexoes: usize, no_ar: usize) -> Resultado<Self> {
        let servidor = Filho::programa(programa, banco, conexoes + 8)?;
        let carga = if no_ar == 1 {
            Carga::Solta(Grupo::new(Fala::Reserva, &servidor, conexoes)?)
        } else {
            Carga::Cheia(Lado::new(&servidor, (0..conexoes).map(trio), no_ar)?)
        };
        Ok(Self { carga, _servidor: servidor })
    }

    fn vazao(&mut self, duracao: Duration) -> Resultado<f64> {
        match &mut self.carga {
            Carga::Solta(grupo) => grupo.vazao(duracao),
            Carga::Cheia(lado) => lado.vazao(duracao),
        }
    }
}
