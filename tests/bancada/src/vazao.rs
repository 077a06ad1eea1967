//! O servidor ao lado do piso: pedidos por segundo, dez mil conexões, a passagem do token.

use std::path::Path;
use std::thread;
use std::time::Instant;

use crate::carga::{CARGAS, Lado, Pedinte, abrir, trio};
use crate::latencia::{alternar, mediana};
use crate::servidores::{Filho, pedir_estado};
use crate::{Opcoes, Resultado};

/// Quantas conexões se abrem para medir abertura e memória.
const MULTIDAO: usize = 10_000;

/// O piso, o servidor calado e o servidor mostrando, com as mesmas cargas.
pub fn ao_lado_do_piso(opcoes: &Opcoes, cenarios: &[(usize, usize)]) -> Resultado<()> {
    println!("conexões  no ar      piso  servidor  mostrando  servidor/piso  mostrando/servidor");
    let registro = std::env::temp_dir().join(format!("bancada-{}.log", std::process::id()));
    for (conexoes, no_ar) in cenarios {
        cenario(opcoes, *conexoes, *no_ar, &registro)?;
    }
    Ok(std::fs::remove_file(&registro)?)
}

fn cenario(opcoes: &Opcoes, conexoes: usize, no_ar: usize, registro: &Path) -> Resultado<()> {
    let (piso, calado, mostrando) = (Filho::piso()?, Filho::calado()?, Filho::mostrando(registro)?);
    let mut lados = [&piso, &calado, &mostrando]
        .into_iter()
        .map(|filho| Lado::new(filho, (0..conexoes).map(trio), no_ar))
        .collect::<Resultado<Vec<_>>>()?;
    let mut vazoes = vec![Vec::new(); lados.len()];
    for rodada in 0..=opcoes.rodadas {
        for (lado, vazoes) in lados.iter_mut().zip(&mut vazoes) {
            let vazao = lado.vazao(opcoes.duracao)?;
            // A primeira rodada aquece e não conta.
            if rodada > 0 {
                vazoes.push(vazao);
            }
        }
    }
    let razoes = |a: usize, b: usize| mediana(vazoes[a].iter().zip(&vazoes[b]).map(|(a, b)| a / b).collect());
    println!(
        "{conexoes:>8} {no_ar:>6} {:>9.0} {:>9.0} {:>10.0} {:>14.2} {:>19.2}",
        mediana(vazoes[0].clone()),
        mediana(vazoes[1].clone()),
        mediana(vazoes[2].clone()),
        razoes(1, 0),
        razoes(2, 1)
    );
    let perdidas = pedir_estado(mostrando.endereco, "mensagens_descartadas: ")?;
    println!("          mensagens descartadas: {perdidas}");
    Ok(())
}

/// Abre dez mil conexões, atende cada uma e mede o tempo e a memória.
pub fn multidao(_: &Opcoes) -> Resultado<()> {
    let servidor = Filho::calado()?;
    let antes = servidor.residente()?;
    let inicio = Instant::now();
    let mut todos = Vec::new();
    let endereco = servidor.endereco;
    thread::scope(|escopo| {
        let threads: Vec<_> = (0..CARGAS)
            .map(|carga| {
                escopo.spawn(move || {
                    (carga..MULTIDAO)
                        .step_by(CARGAS)
                        .map(|n| Pedinte::new(endereco, &trio(n), 1))
                        .collect::<Resultado<Vec<_>>>()
                })
            })
            .collect();
        for uma in threads {
            todos.append(&mut uma.join().map_err(|_| "a carga entrou em pânico")??);
        }
        Resultado::Ok(())
    })?;
    let aberta = inicio.elapsed();
    let parada = servidor.residente()? - antes;
    for pedinte in &mut todos {
        pedinte.pedir()?;
    }
    for pedinte in &mut todos {
        pedinte.receber(1)?;
    }
    let atendida = servidor.residente()? - antes;
    println!("{MULTIDAO} conexões abertas e saudadas em {:.2} s", aberta.as_secs_f64());
    println!(
        "memória residente por conexão: {:.1} KiB ao abrir, {:.1} KiB depois de atendida",
        kib_por_conexao(parada),
        kib_por_conexao(atendida)
    );
    Ok(())
}

/// A passagem do token, e o que a fila dele custa a quem não o quer.
pub fn token(opcoes: &Opcoes) -> Resultado<()> {
    for na_fila in [2, 1000] {
        passagem(na_fila)?;
    }
    reservar_com_fila(opcoes)
}

/// Mede a passagem do token, do `TOKEN LIBERAR` de um ao `OK TOKEN` do seguinte, ao lado de um `PING`.
fn passagem(na_fila: usize) -> Resultado<()> {
    const MEDIDAS: usize = 4_000;
    let servidor = Filho::calado()?;
    let mut fila = abrir(servidor.endereco, na_fila + 1)?;
    let mut sonda = Pedinte::new(servidor.endereco, "1", 1)?;
    fila[0].dizer("TOKEN SOLICITAR POR 3600\n")?;
    fila[0].receber(1)?;
    // Um por vez, para que a ordem da fila seja a do vetor: duas conexões são duas threads, sem ordem entre si.
    for (n, pedinte) in fila.iter_mut().enumerate().skip(1) {
        entrar_na_fila(pedinte, &mut sonda, n)?;
    }
    let (mut pings, mut passagens) = (Vec::new(), Vec::new());
    let mut dono = 0;
    for _ in 0..MEDIDAS {
        let inicio = Instant::now();
        sonda.perguntar("PING\n")?;
        pings.push(inicio.elapsed().as_secs_f64());
        let proximo = (dono + 1) % fila.len();
        let inicio = Instant::now();
        fila[dono].dizer("TOKEN LIBERAR\n")?;
        fila[proximo].receber(1)?;
        passagens.push(inicio.elapsed().as_secs_f64());
        fila[dono].receber(1)?;
        entrar_na_fila(&mut fila[dono], &mut sonda, na_fila)?;
        dono = proximo;
    }
    let (ping, passagem) = (mediana(pings), mediana(passagens));
    println!(
        "token, {na_fila} na fila: passagem {:.1} us, PING {:.1} us, razão {:.2}",
        passagem * 1e6,
        ping * 1e6,
        passagem / ping
    );
    Ok(())
}

fn entrar_na_fila(pedinte: &mut Pedinte, sonda: &mut Pedinte, na_fila: usize) -> Resultado<()> {
    pedinte.dizer("TOKEN SOLICITAR POR 3600\n")?;
    while !sonda.perguntar("TOKEN ESTADO\n")?.ends_with(&format!("espera={na_fila}")) {}
    Ok(())
}

/// Mede o que mil clientes à espera do token custam a quem reserva.
fn reservar_com_fila(opcoes: &Opcoes) -> Resultado<()> {
    const ESPERANDO: usize = 1000;
    let (vazio, cheio) = (Filho::calado()?, Filho::calado()?);
    let mut fila = abrir(cheio.endereco, ESPERANDO + 1)?;
    for pedinte in &mut fila {
        pedinte.dizer("TOKEN SOLICITAR POR 3600\n")?;
    }
    let lado = |filho| Lado::new(filho, (0..50).map(trio), 1);
    let (mut sem, mut com) = (lado(&vazio)?, lado(&cheio)?);
    let pares = alternar(opcoes.rodadas, || sem.vazao(opcoes.duracao), || com.vazao(opcoes.duracao))?;
    let razao = mediana(pares.iter().map(|(sem, com)| com / sem).collect());
    println!("RESERVAR com {ESPERANDO} à espera do token / sem ninguém: {razao:.3}");
    Ok(())
}

fn kib_por_conexao(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memória bem menor que 2^52 bytes")]
    let (bytes, conexoes) = (bytes as f64, MULTIDAO as f64);
    bytes / conexoes / 1024.0
}
