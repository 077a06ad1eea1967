//! O que quem observa vê, e o que custa a quem muda a sala: quem lê em dia, e quem não lê nunca.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::carga::{Pedinte, abrir};
use crate::latencia::{Latencias, Troca, alternar, depois_de, relatar, relatar_par, trocar};
use crate::plateia::Plateia;
use crate::servidores::{Filho, pedir_estado};
use crate::{Opcoes, Resultado};

/// Duzentas mudanças por segundo.
const PASSO: Duration = Duration::from_millis(5);
/// De quanto em quanto tempo quem lê olha se já acabou.
const OLHADA: Duration = Duration::from_millis(20);
/// Quanto se espera por um evento que não vem.
const PACIENCIA: Duration = Duration::from_secs(5);

/// Cem que observam e leem, a duzentas mudanças por segundo: quanto demora cada mudança a chegar a cada um, e se falta
/// alguma; e as latências de quem muda, ao lado das mesmas cem conexões caladas.
pub fn observadores(opcoes: &Opcoes) -> Resultado<()> {
    const OBSERVANDO: usize = 100;
    let duracao = opcoes.duracao;
    let (calmo, visto) = (Filho::calado()?, Filho::calado()?);
    let _caladas = abrir(calmo.endereco, OBSERVANDO)?;
    let mut plateia = Plateia::new(abrir_observando(visto.endereco, OBSERVANDO)?)?;
    let (mut um_calmo, mut um_visto) =
        (Pedinte::new(calmo.endereco, "1", 1)?, Pedinte::new(visto.endereco, "1", 1)?);
    let (mut do_pedido, mut da_resposta) = (Vec::new(), Vec::new());
    let (mut versao, mut mudancas, mut faltas) = (0, 0, 0);
    let pares = alternar(
        opcoes.rodadas,
        || Latencias::das_trocas(&trocar(&mut um_calmo, PASSO, depois_de(duracao))?),
        || {
            let (trocas, vistas) = mudar_e_ver(&mut um_visto, &mut plateia, versao, duracao)?;
            let lidas = || vistas.lidas.iter().map(|(n, quando)| (&trocas[*n], *quando));
            do_pedido.push(Latencias::new(lidas().map(|(troca, quando)| quando - troca.pedido))?);
            // O evento pode ser lido antes da resposta: então a demora é zero.
            da_resposta.push(Latencias::new(lidas().map(|(troca, quando)| quando - troca.respondido))?);
            versao += trocas.len() as u64;
            mudancas += trocas.len();
            faltas += vistas.faltas;
            Latencias::das_trocas(&trocas)
        },
    )?;
    println!("observadores: {OBSERVANDO} leem {mudancas} mudanças, a 200 por segundo; faltaram {faltas}");
    relatar("do pedido ao evento lido", do_pedido.iter().skip(1));
    relatar("da resposta ao evento lido", da_resposta.iter().skip(1));
    relatar_par(
        ["quem muda, sem quem observe", "quem muda, observado"],
        pares.iter().map(|(calmo, visto)| (calmo, visto)),
    );
    Ok(())
}

/// O que uma plateia viu.
#[derive(Debug, Default)]
struct Vistas {
    /// Cada linha de evento: de qual mudança, contadas desde que se começou a ver, e quando foi lida.
    lidas: Vec<(usize, Instant)>,
    /// Quantas versões alguém não viu sozinhas, contadas por quem não as viu.
    faltas: u64,
}

/// Muda a sala a duzentas por segundo, a partir da versão `antes`, enquanto a plateia lê.
fn mudar_e_ver(
    um: &mut Pedinte,
    plateia: &mut Plateia,
    antes: u64,
    duracao: Duration,
) -> Resultado<(Vec<Troca>, Vistas)> {
    let (ate, falhou) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|escopo| {
        let leitura = escopo.spawn(|| {
            let vistas = assistir(plateia, antes, &ate);
            falhou.store(vistas.is_err(), Ordering::Relaxed);
            vistas
        });
        let mut chega = depois_de(duracao);
        let trocas = trocar(um, PASSO, || chega() || falhou.load(Ordering::Relaxed));
        // Mesmo que quem muda tenha falhado, a leitura tem de acabar.
        let ultima = trocas.as_ref().ok().and_then(|trocas| trocas.last()).map_or(1, |troca| troca.versao);
        ate.store(ultima, Ordering::Relaxed);
        let vistas = leitura.join().map_err(|_| "a plateia entrou em pânico")??;
        Ok((trocas?, vistas))
    })
}

/// Lê até que todos tenham visto a versão `ate`, que vale zero enquanto não se sabe qual é.
fn assistir(plateia: &mut Plateia, antes: u64, ate: &AtomicU64) -> Resultado<Vistas> {
    let mut vistas = Vistas::default();
    let mut contado = vec![antes; plateia.len()];
    let mut desistir = None;
    loop {
        plateia.ler(OLHADA, |n, _, linha| {
            let versao = versao_do_evento(linha)?;
            let qual = versao.checked_sub(antes + 1).ok_or("quem observa recebeu um evento velho")?;
            vistas.lidas.push((usize::try_from(qual)?, Instant::now()));
            vistas.faltas += versao.saturating_sub(contado[n] + 1);
            contado[n] = versao;
            Ok(())
        })?;
        let ate = ate.load(Ordering::Relaxed);
        if ate == 0 {
            continue;
        }
        let por_vir: u64 = contado.iter().map(|versao| ate.saturating_sub(*versao)).sum();
        let desistir = *desistir.get_or_insert_with(|| Instant::now() + PACIENCIA);
        if por_vir == 0 || Instant::now() > desistir {
            vistas.faltas += por_vir;
            return Ok(vistas);
        }
    }
}

fn versao_do_evento(linha: &str) -> Resultado<u64> {
    let versao = linha.strip_prefix("EVENTO ").and_then(|resto| resto.split(' ').next()?.parse().ok());
    versao.ok_or_else(|| format!("quem observa recebeu {linha:?}").into())
}

fn abrir_observando(endereco: SocketAddr, quantos: usize) -> Resultado<Vec<Pedinte>> {
    let mut todos = abrir(endereco, quantos)?;
    for um in &mut todos {
        um.dizer("OBSERVAR\n")?;
        um.receber_sim()?;
    }
    Ok(todos)
}

/// Mil que observam, metade sem nunca ler, ao lado das mesmas mil conexões caladas: as latências de um cliente que muda a
/// sala sem parar, e de um que a muda duzentas vezes por segundo.
pub fn surdos(opcoes: &Opcoes) -> Resultado<()> {
    const LENDO: usize = 500;
    const SURDOS: usize = 500;
    let duracao = opcoes.duracao;
    let (calmo, visto) = (Filho::calado()?, Filho::calado()?);
    let _caladas = abrir(calmo.endereco, LENDO + SURDOS)?;
    let mut plateia = Plateia::new(abrir_observando(visto.endereco, LENDO)?)?;
    let (mut um_calmo, mut um_visto) =
        (Pedinte::new(calmo.endereco, "1", 1)?, Pedinte::new(visto.endereco, "1", 1)?);
    let medir = |um: &mut Pedinte| {
        let sem_parar = trocar(um, Duration::ZERO, depois_de(duracao))?;
        let a_passo = trocar(um, PASSO, depois_de(duracao))?;
        Ok([Latencias::das_trocas(&sem_parar)?, Latencias::das_trocas(&a_passo)?])
    };
    let mut restaram = LENDO + SURDOS;
    let pares = alternar(
        opcoes.rodadas,
        || medir(&mut um_calmo),
        || {
            // Outros a cada rodada: o servidor desliga quem passa dez segundos sem ler o que já não cabe.
            let surdos = abrir_observando(visto.endereco, SURDOS)?;
            let (vista, acabou) = (AtomicU64::new(0), AtomicBool::new(false));
            let medido = thread::scope(|escopo| {
                let leitura = escopo.spawn(|| ler_ate(&mut plateia, &vista, &acabou));
                let medido = ensurdecer(visto.endereco, &vista).and_then(|()| medir(&mut um_visto));
                acabou.store(true, Ordering::Relaxed);
                leitura.join().map_err(|_| "a plateia entrou em pânico")??;
                medido
            });
            restaram = restaram.min(pedir_estado(visto.endereco, "observadores: ")?.parse()?);
            drop(surdos);
            esperar_observadores(visto.endereco, LENDO)?;
            medido
        },
    )?;
    println!(
        "surdos: {} observam, {SURDOS} deles sem nunca ler; {restaram} ainda observavam no fim das rodadas",
        LENDO + SURDOS
    );
    for (n, como) in ["sem parar", "200 por segundo"].into_iter().enumerate() {
        let nomes = [format!("{como}, conexões caladas"), format!("{como}, observado")];
        relatar_par([&nomes[0], &nomes[1]], pares.iter().map(|(calmo, visto)| (&calmo[n], &visto[n])));
    }
    Ok(())
}

/// Joga fora o que chega, até que `acabou`; a maior versão vista fica em `vista`.
///
/// Quem lê de verdade está em outras máquinas: aqui só usa o processador que sobra. O `nice` é da thread que chama.
fn ler_ate(plateia: &mut Plateia, vista: &AtomicU64, acabou: &AtomicBool) -> Resultado<()> {
    rustix::process::nice(19)?;
    while !acabou.load(Ordering::Relaxed) {
        plateia.ler(OLHADA, |_, _, linha| {
            vista.fetch_max(versao_do_evento(linha)?, Ordering::Relaxed);
            Ok(())
        })?;
    }
    Ok(())
}

/// Enche o caminho até quem não lê, com lotes de eventos compridos que cabem todos no que o servidor conta um a um.
fn ensurdecer(endereco: SocketAddr, vista: &AtomicU64) -> Resultado<()> {
    /// Cada lote são uns 30 KB de eventos; o núcleo guarda menos de dez lotes, entre o que manda e o que recebe.
    const LOTES: usize = 12;
    const MUDANCAS: usize = 100;
    let mut um = Pedinte::new(endereco, "2-100", MUDANCAS)?;
    for _ in 0..LOTES {
        um.pedir()?;
        for _ in 1..MUDANCAS {
            um.receber_sim()?;
        }
        let ultima = um.receber_sim()?;
        let mut chega = depois_de(PACIENCIA);
        while vista.load(Ordering::Relaxed) < ultima {
            if chega() {
                return Err("quem observa não recebeu o evento".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

fn esperar_observadores(endereco: SocketAddr, quantos: usize) -> Resultado<()> {
    let mut chega = depois_de(PACIENCIA);
    while pedir_estado(endereco, "observadores: ")?.parse::<usize>()? > quantos {
        if chega() {
            return Err("quem se foi ainda conta como quem observa".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
