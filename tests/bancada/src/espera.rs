//! O que quem espera por assentos custa a quem reserva, parado na fila ou quando cem prazos vencem juntos.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::carga::{Lado, Pedinte, abrir};
use crate::latencia::{Latencias, alternar, depois_de, mediana, relatar, relatar_par, trocar};
use crate::plateia::Plateia;
use crate::servidores::Filho;
use crate::{Opcoes, Resultado};

/// Mil clientes em `AGUARDAR`, por assentos tomados, ao lado das mesmas mil conexões caladas: os pedidos por segundo de
/// quarenta e nove clientes, e as latências de um.
pub fn aguardando(opcoes: &Opcoes) -> Resultado<()> {
    const ESPERANDO: usize = 1000;
    const BONS: usize = 49;
    let duracao = opcoes.duracao;
    let (calmo, cheio) = (Filho::calado()?, Filho::calado()?);
    let _caladas = abrir(calmo.endereco, ESPERANDO)?;
    let mut fila = abrir(cheio.endereco, ESPERANDO)?;
    let mut donos = [Pedinte::new(calmo.endereco, "51-100", 1)?, Pedinte::new(cheio.endereco, "51-100", 1)?];
    for dono in &mut donos {
        dono.pedir_um()?;
    }
    for (n, pedinte) in fila.iter_mut().enumerate() {
        // As duas linhas chegam juntas, e o servidor só escreve quando não tem mais o que fazer: o PONG prova que já se
        // espera.
        pedinte.perguntar(&format!("PING\nAGUARDAR {}\n", 51 + n % 50))?;
    }
    // Cada um mexe no seu assento: todo pedido é uma mudança, e nenhum é recusado.
    let bons = |filho| Lado::new(filho, (1..=BONS).map(|assento| assento.to_string()), 1);
    let (mut bons_calmos, mut bons_cheios) = (bons(&calmo)?, bons(&cheio)?);
    let (mut um_calmo, mut um_cheio) =
        (Pedinte::new(calmo.endereco, "50", 1)?, Pedinte::new(cheio.endereco, "50", 1)?);
    let medir = |bons: &mut Lado, um: &mut Pedinte| {
        let vazao = bons.vazao(duracao)?;
        let trocas = trocar(um, Duration::ZERO, depois_de(duracao))?;
        Ok((vazao, Latencias::das_trocas(&trocas)?))
    };
    let pares = alternar(
        opcoes.rodadas,
        || medir(&mut bons_calmos, &mut um_calmo),
        || medir(&mut bons_cheios, &mut um_cheio),
    )?;
    println!("aguardando: {ESPERANDO} em AGUARDAR por outros assentos, e {ESPERANDO} conexões caladas");
    println!(
        "  pedidos por segundo de {BONS}: {:.0} com quem espera, {:.0} com as caladas, razão {:.3}",
        mediana(pares.iter().map(|(_, cheio)| cheio.0).collect()),
        mediana(pares.iter().map(|(calmo, _)| calmo.0).collect()),
        mediana(pares.iter().map(|(calmo, cheio)| cheio.0 / calmo.0).collect()),
    );
    relatar_par(
        ["um cliente, com as caladas", "um cliente, com quem espera"],
        pares.iter().map(|(calmo, cheio)| (&calmo.1, &cheio.1)),
    );
    Ok(())
}

/// Noventa e nove assentos segurados que vencem juntos, quinhentos que esperam por eles, e um cliente que mexe no que
/// sobra, ao lado das mesmas conexões caladas.
pub fn vencimentos(opcoes: &Opcoes) -> Resultado<()> {
    let (calmo, agitado) = (Filho::calado()?, Filho::calado()?);
    let _caladas = abrir(calmo.endereco, Tempestade::ESPERANDO + 1)?;
    let mut tempestade = Tempestade::new(agitado.endereco)?;
    let (mut um_calmo, mut um_agitado) =
        (Pedinte::new(calmo.endereco, "1", 1)?, Pedinte::new(agitado.endereco, "1", 1)?);
    let mut rajadas = Vec::new();
    let mut nas_rajadas = Vec::new();
    let pares = alternar(
        opcoes.rodadas,
        || Latencias::das_trocas(&trocar(&mut um_calmo, Duration::ZERO, depois_de(opcoes.duracao))?),
        || {
            let passou = AtomicBool::new(false);
            let (trocas, desta) = thread::scope(|escopo| {
                let thread = escopo.spawn(|| {
                    let desta = tempestade.durar(opcoes.duracao);
                    passou.store(true, Ordering::Relaxed);
                    desta
                });
                let trocas = trocar(&mut um_agitado, Duration::ZERO, || passou.load(Ordering::Relaxed));
                let desta = thread.join().map_err(|_| "a tempestade entrou em pânico")??;
                Resultado::Ok((trocas?, desta))
            })?;
            let na_rajada = trocas
                .iter()
                .filter(|troca| desta.iter().any(|(de, ate)| troca.respondido >= *de && troca.pedido <= *ate))
                .map(|troca| troca.respondido - troca.pedido);
            nas_rajadas.push(Latencias::new(na_rajada)?);
            rajadas.extend(desta.iter().map(|(de, ate)| (*ate - *de).as_secs_f64() * 1e3));
            Latencias::das_trocas(&trocas)
        },
    )?;
    println!(
        "vencimentos: {} assentos vencem juntos a cada segundo, com {} à espera deles",
        Tempestade::SEGURADOS,
        Tempestade::ESPERANDO
    );
    relatar_par(
        ["um cliente, sem prazos", "um cliente, com os prazos"],
        pares.iter().map(|(calmo, agitado)| (calmo, agitado)),
    );
    relatar("só enquanto os assentos passam de mão em mão", nas_rajadas.iter().skip(1));
    println!("  os {} são servidos e devolvem em {:.1} ms", Tempestade::ESPERANDO, mediana(rajadas));
    Ok(())
}

/// Quem segura e quem espera.
struct Tempestade {
    segurador: Pedinte,
    esperando: Plateia,
}

impl Tempestade {
    /// O assento 1 fica para quem se mede.
    const SEGURADOS: usize = 99;
    const ESPERANDO: usize = 500;
    /// Quanto se espera por um ciclo que não acaba.
    const PACIENCIA: Duration = Duration::from_secs(20);

    fn new(endereco: SocketAddr) -> Resultado<Self> {
        let segurador = Pedinte::new(endereco, "2-100", 1)?;
        Ok(Self { segurador, esperando: Plateia::new(abrir(endereco, Self::ESPERANDO)?)? })
    }

    /// Ciclos inteiros, ao menos um, até passar de `duracao`; devolve de quando a quando durou cada rajada.
    fn durar(&mut self, duracao: Duration) -> Resultado<Vec<(Instant, Instant)>> {
        let mut chega = depois_de(duracao);
        let mut rajadas = Vec::new();
        while rajadas.is_empty() || !chega() {
            rajadas.push(self.ciclo()?);
        }
        Ok(rajadas)
    }

    /// Segura os assentos, um pedido para cada, por um segundo; todos os que esperam são servidos, e devolvem o que
    /// receberam, até que a sala esteja como antes. Devolve quando o primeiro foi servido e quando o último devolveu.
    fn ciclo(&mut self) -> Resultado<(Instant, Instant)> {
        let assento = |n: usize| 2 + n % Self::SEGURADOS;
        // Num lote só: microssegundos separam o primeiro prazo do último.
        let lote: String = (0..Self::SEGURADOS).map(|n| format!("SEGURAR {} POR 1\n", assento(n))).collect();
        self.segurador.dizer(&lote)?;
        for _ in 0..Self::SEGURADOS {
            self.segurador.receber_sim()?;
        }
        for (n, mut tomada) in self.esperando.tomadas().enumerate() {
            tomada.write_all(format!("AGUARDAR {}\n", assento(n)).as_bytes())?;
        }
        let (mut primeiro, mut devolvidos) = (None, 0);
        let mut chega = depois_de(Self::PACIENCIA);
        while devolvidos < Self::ESPERANDO {
            self.esperando.ler(Duration::from_millis(100), |n, mut tomada, linha| {
                if linha.starts_with("OK RESERVADO") {
                    primeiro.get_or_insert_with(Instant::now);
                    tomada.write_all(format!("CANCELAR {}\n", assento(n)).as_bytes())?;
                } else if linha.starts_with("OK CANCELADO") {
                    devolvidos += 1;
                } else {
                    return Err(format!("quem esperava recebeu {linha:?}").into());
                }
                Ok(())
            })?;
            if chega() {
                return Err(format!("só {devolvidos} dos que esperam foram servidos").into());
            }
        }
        Ok((primeiro.ok_or("ninguém foi servido")?, Instant::now()))
    }
}
