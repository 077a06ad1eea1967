//! O programa `servidor`: lê as opções, liga o log, abre a porta e atende. Nada mais.

#![forbid(unsafe_code)]

mod argumentos;

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use log::{error, info, warn};
use protocolo::Assentos;
use protocolo::limites::ASSENTOS_MAX;
use servidor::aula::corrida;
use servidor::base::sincronia::{Arc, criar_thread};
use servidor::base::sistema;
use servidor::limites::PILHA_BYTES;
use servidor::monitor::RetratoDaSala;
use servidor::tela::{mensagens, terminal};
use servidor::threads::console;
use servidor::{Config, Parada, Servico};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use argumentos::{Chamada, Onde};

/// Saída de quando a linha de comando está errada.
const USO: u8 = 2;
/// Saída de quando um segundo sinal interrompe o encerramento: 128 + SIGINT, como nos shells.
const INTERROMPIDO: i32 = 130;

fn main() -> ExitCode {
    match argumentos::ler(std::env::args_os().skip(1)) {
        Ok(Chamada::Ajuda) => mostrar(&argumentos::ajuda()),
        Ok(Chamada::Versao) => mostrar(&format!("servidor {}", env!("CARGO_PKG_VERSION"))),
        Ok(Chamada::Ligar { endereco, conexoes_ditas, onde, config }) => {
            match ligar(&endereco, conexoes_ditas, &onde, config) {
                Ok(()) => ExitCode::SUCCESS,
                Err(erro) => queixar(&erro, ExitCode::FAILURE),
            }
        }
        Err(erro) => queixar(&format!("{erro} (--ajuda mostra as opções)"), ExitCode::from(USO)),
    }
}

fn mostrar(texto: &str) -> ExitCode {
    // Quem fechou o cano já leu o que queria.
    let _ = writeln!(io::stdout(), "{texto}");
    ExitCode::SUCCESS
}

fn queixar(texto: &str, codigo: ExitCode) -> ExitCode {
    let _ = writeln!(io::stderr(), "servidor: {texto}");
    codigo
}

fn ligar(endereco: &str, conexoes_ditas: bool, onde: &Onde, mut config: Config) -> Result<(), String> {
    let (possiveis, limite) = sistema::conexoes_possiveis();
    let pedidas = config.max_conexoes;
    if pedidas > possiveis && conexoes_ditas {
        return Err(format!(
            "--max-conexoes {pedidas}: nesta máquina cabem {possiveis}, por causa de {limite}"
        ));
    }
    config.max_conexoes = pedidas.min(possiveis);
    let escuta = abrir(endereco)?;
    let local = escuta.local_addr().map_err(|erro| format!("a porta aberta não se deixa ler: {erro}"))?;

    let _escoadouro = mensagens::iniciar().map_err(|erro| format!("o log não pôde começar: {erro}"))?;
    std::panic::set_hook(Box::new(|panico| error!("defeito: {panico}")));
    let parada = Parada::new();
    vigiar_sinais(parada.clone()).map_err(|erro| format!("os sinais não puderam ser vigiados: {erro}"))?;
    let max = config.max_conexoes;
    let (mut servico, achado) = abrir_sala(onde, config).map_err(|erro| erro.to_string())?;
    servico.monitor.antes_de_abortar(antes_de_abortar);

    info!("Reserva escutando em {local}: {ASSENTOS_MAX} assentos, até {max} conexões, {achado}");
    info!("em outro terminal: cargo run --release -p cliente, ou nc {} {}", local.ip(), local.port());
    if max < pedidas {
        warn!("cabem só {max} conexões nesta máquina, por causa de {limite}");
    }
    if !local.ip().is_loopback() {
        warn!("a porta está aberta para a rede, e o protocolo não é cifrado: use só numa rede de confiança");
    }
    if let Some(pausa) = servico.config.corrida {
        corrida::anunciar(local, pausa);
    }
    let servico = Arc::new(servico);
    let _teclado =
        console::iniciar(&servico, &parada).map_err(|erro| format!("o console não pôde começar: {erro}"))?;
    atender(escuta, &servico, &parada)
}

/// A sala ficou pela metade: é a última coisa que o programa faz.
fn antes_de_abortar() {
    error!("defeito: pânico dentro da seção crítica; o servidor para para não vender um assento duas vezes");
    mensagens::esvaziar();
    terminal::restaurar();
}

/// A sala, e o que dizer de como ela foi achada.
fn abrir_sala(onde: &Onde, config: Config) -> io::Result<(Servico, String)> {
    match onde {
        Onde::Memoria => Ok((Servico::new(config)?, "sala só em memória".to_owned())),
        Onde::Banco { caminho, novo } => {
            let servico = Servico::no_arquivo(config, caminho, *novo)?;
            let achado = dizer_achado(&servico.monitor.retrato_da_sala(servico.relogio.agora()));
            Ok((servico, format!("{achado}, de {}", caminho.display())))
        }
    }
}

/// O que se achou, como em `97 livres, 3 reservados, versão 412`.
fn dizer_achado(RetratoDaSala { quadro, versao, .. }: &RetratoDaSala) -> String {
    let contar = |assentos: Assentos, um: &str, muitos: &str| match assentos.len() {
        0 => None,
        1 => Some(format!("1 {um}")),
        n => Some(format!("{n} {muitos}")),
    };
    let partes = [
        contar(quadro.livres(), "livre", "livres"),
        contar(quadro.segurados, "segurado", "segurados"),
        contar(quadro.ocupados, "reservado", "reservados"),
        Some(format!("versão {versao}")),
    ];
    partes.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Atende até que peçam para encerrar; se pedem para reiniciar, a porta fecha e abre de novo, com a sala como estava.
fn atender(mut escuta: TcpListener, servico: &Arc<Servico>, parada: &Parada) -> Result<(), String> {
    let local = escuta.local_addr().map_err(|erro| format!("a porta aberta não se deixa ler: {erro}"))?;
    loop {
        servidor::executar(escuta, servico, parada).map_err(|erro| format!("o servidor parou: {erro}"))?;
        if !parada.reabrir() {
            return Ok(());
        }
        escuta = abrir(&local.to_string())?;
        info!("escutando de novo em {local}");
    }
}

fn abrir(endereco: &str) -> Result<TcpListener, String> {
    TcpListener::bind(endereco).map_err(|erro| match erro.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{endereco} já está em uso: há outro servidor ligado? --escutar escolhe outra porta")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{endereco}: sem permissão; portas abaixo de 1024 são do sistema")
        }
        io::ErrorKind::AddrNotAvailable => format!("{endereco}: esse endereço não é desta máquina"),
        _ => format!("não foi possível escutar em {endereco}: {erro} (escreva como 127.0.0.1:7878)"),
    })
}

/// O primeiro sinal encerra em ordem; o segundo, na hora.
fn vigiar_sinais(parada: Parada) -> io::Result<()> {
    let mut sinais = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGCONT])?;
    criar_thread("sinais".into(), PILHA_BYTES, move || {
        for sinal in sinais.forever() {
            if sinal == SIGCONT {
                // Depois de um Ctrl-Z, o shell devolveu o terminal como era antes.
                terminal::preparar();
                continue;
            }
            if parada.encerrando() {
                terminal::restaurar();
                std::process::exit(INTERROMPIDO);
            }
            info!("encerrando: avisando quem está conectado (outro Ctrl-C encerra na hora)");
            parada.pedir();
        }
    })
    .map(drop)
}
