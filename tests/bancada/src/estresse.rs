//! Quanto o motor do `estresse` consegue pedir, ao lado desta carga: os mesmos pedidos, as mesmas conexões, o mesmo piso.
//!
//! O motor escolhe, anota e mede cada pedido; se ele não acompanha, o que se lê num relatório dele é a demora dele.

use std::time::Duration;

use estresse::{Opcoes as Prova, Rumo, Trabalho, rodar};

use crate::carga::{Lado, trio};
use crate::latencia::{alternar, mediana};
use crate::servidores::Filho;
use crate::{Opcoes, Resultado};

/// Quantas conexões.
const CONEXOES: usize = 50;

/// Os dois, contra o piso, e quanto o motor pede de tudo ao servidor de verdade.
pub fn estresse(opcoes: &Opcoes) -> Resultado<()> {
    let piso = Filho::piso()?;
    let mut lado = Lado::new(&piso, (0..CONEXOES).map(trio), 1)?;
    let motor = || pedir(&piso, Trabalho::Trios, opcoes.duracao);
    let pares = alternar(opcoes.rodadas, || lado.vazao(opcoes.duracao), motor)?;
    let do_meio = |qual: fn(&(f64, f64)) -> f64| mediana(pares.iter().map(qual).collect());
    println!(
        "estresse, {CONEXOES} conexões: a carga da bancada {:.0}, o motor {:.0}, razão {:.2}",
        do_meio(|(lado, _)| *lado),
        do_meio(|(_, motor)| *motor),
        do_meio(|(lado, motor)| motor / lado)
    );
    let nosso = Filho::calado()?;
    let misto = (0..opcoes.rodadas).map(|_| pedir(&nosso, Trabalho::Misto, opcoes.duracao));
    println!("  de tudo, contra o servidor: {:.0}", mediana(misto.collect::<Resultado<_>>()?));
    Ok(())
}

fn pedir(servidor: &Filho, trabalho: Trabalho, duracao: Duration) -> Resultado<f64> {
    let prova = Prova { trabalho, ..Prova::new(CONEXOES, duracao, 1) };
    let (_, medidas) = rodar(&prova, servidor.endereco, &Rumo::default())?;
    Ok(medidas.vazao())
}
