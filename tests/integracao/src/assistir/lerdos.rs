//! Quem lê devagar, tarde ou nunca: recebe o efeito somado, não atrasa ninguém, e quem nunca lê é desligado.

use std::time::Duration;

use arnes::entupido::preso_a_escrever;
use arnes::espera::{Cronometro, PRAZO, esperar, esperar_por};
use arnes::observador::Soma;
use arnes::terminal::valor;
use arnes::{Observador, ServidorDeTeste, Sorteio, Terminal};
use protocolo::Evento;
use protocolo::limites::EVENTOS_MAX;
use servidor::limites::{ESCRITA_PRAZO_MS, OBSERVADOR_BYTES, PARADA_PRAZO_MS};

use super::LOGO;
use super::carga::{Cliente, sob_carga};

/// Quantos bytes se guardam do lado de quem não lê: poucos, mas o bastante para que, lendo, leia depressa.
const ESTREITO_BYTES: usize = 64 * 1024;
/// Quantas mudanças se fazem de cada vez: quem está em dia recebe todas, uma a uma.
const BLOCO: u64 = 100;
/// Quantos blocos enchem com folga o que se guarda dos dois lados: um evento da sala inteira tem uns 300 bytes.
const BLOCOS: u64 = 13;

const _: () = assert!(BLOCO < EVENTOS_MAX as u64);
const _: () = assert!((BLOCOS - 3) * BLOCO * 300 > (2 * OBSERVADOR_BYTES + 2 * ESTREITO_BYTES) as u64);

/// A versão da sala.
fn versao(olho: &mut Terminal) -> u64 {
    valor(&olho.pedir("LISTAR"), "versao").parse().expect("versao é um número")
}

/// Alguém que passa a observar e, deste lado, quase não guarda o que não lê.
fn estreito(servidor: &ServidorDeTeste) -> Observador {
    let terminal = servidor.entrar();
    terminal.estreitar(ESTREITO_BYTES);
    Observador::new(terminal)
}

/// Muda a sala inteira [`BLOCO`] vezes: cada evento tem o maior tamanho que pode ter.
fn mudar_tudo(terminal: &mut Terminal) {
    mudar(terminal, "RESERVAR 1-100");
}

/// Reserva e cancela, [`BLOCO`] vezes ao todo.
fn mudar(terminal: &mut Terminal, reservar: &str) {
    for pedido in [reservar, "CANCELAR TUDO"].iter().cycle().take(BLOCO as usize) {
        let fim = terminal.pedir(pedido);
        assert!(fim.starts_with("OK "), "{pedido}: {fim}");
    }
}

/// Quem não lê por milhares de mudanças e depois lê: recebe-as somadas, e a soma é a sala.
#[test]
fn quem_le_tarde_recebe_o_efeito_somado() {
    const SEM_LER: u64 = 10_000;
    let mut sorteio = Sorteio::novo("quem_le_tarde_recebe_o_efeito_somado");
    let servidor = ServidorDeTeste::new();
    let mut olho = servidor.entrar();
    let mut lerdos: Vec<Observador> = (0..2).map(|_| estreito(&servidor)).collect();
    let mut clientes = Cliente::alguns(&servidor, &mut sorteio);
    let parou = sob_carga(&mut clientes, || {
        esperar("a sala mudar milhares de vezes", || versao(&mut olho) > SEM_LER);
        // Uma parte lê enquanto a sala ainda muda, a outra só depois.
        for lerdo in &mut lerdos[..1] {
            lerdo.pedir("LISTAR");
            lerdo.pedir("MAPA");
        }
        versao(&mut olho)
    });
    for lerdo in &mut lerdos {
        let lista = lerdo.pedir("LISTAR");
        assert!(valor(&lista, "versao").parse::<u64>().is_ok_and(|v| v >= parou), "{lista}");
        assert!(lerdo.saltos > 0, "nada se somou: o teste não provou nada");
        assert!((lerdo.eventos.len() as u64) < parou, "{} eventos de {parou}", lerdo.eventos.len());
    }
    let dentro = clientes.len() + lerdos.len() + 1;
    assert_eq!(servidor.servico().admissao.ocupadas(), dentro, "alguém foi desligado");
}

/// Mil observam e metade nunca lê: quem pede continua a ser atendido, e a outra metade fica sabendo de tudo.
#[test]
fn mil_observam_e_metade_nunca_le() {
    const METADE: usize = 500;
    let servidor = ServidorDeTeste::new();
    let mut boa = servidor.entrar();
    let observar = |estreito: bool| {
        let mut terminal = servidor.entrar();
        if estreito {
            terminal.estreitar(4096);
        }
        assert_eq!(terminal.pedir("OBSERVAR"), "OK OBSERVANDO versao=0");
        terminal
    };
    let mudos: Vec<Terminal> = (0..METADE).map(|_| observar(true)).collect();
    let mut leitores: Vec<Terminal> = (0..METADE).map(|_| observar(false)).collect();
    let mut mudo = estreito(&servidor);
    for bloco in 1..=BLOCOS {
        // Cada pedido tem o prazo de leitura do terminal.
        mudar_tudo(&mut boa);
        let ultimo = format!("EVENTO {} ", bloco * BLOCO);
        for leitor in &mut leitores {
            while !leitor.ler_linha().starts_with(&ultimo) {}
        }
    }
    let fim = format!("OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao={}", BLOCOS * BLOCO);
    assert_eq!(boa.pedir("LISTAR"), fim);
    for leitor in &mut leitores {
        assert_eq!(leitor.pedir("LISTAR"), fim);
    }
    // Um dos que não liam lê, afinal: estava mesmo para trás, e a soma é a sala.
    assert_eq!(mudo.pedir("LISTAR"), fim);
    assert!(mudo.saltos > 0, "os que não liam não ficaram para trás: o teste não provou nada");
    assert_eq!(servidor.servico().admissao.ocupadas(), 2 * METADE + 2);
    drop(mudos);
}

/// Quem observa e nunca lê é desligado e devolve o lugar; o que chegou a receber é um começo certo do que lhe cabia.
#[test]
fn quem_nunca_le_e_desligado() {
    let servidor = ServidorDeTeste::new();
    let (mut boa, mut olho) = (servidor.entrar(), Observador::new(servidor.entrar()));
    let mut mudo = servidor.entrar();
    mudo.estreitar(ESTREITO_BYTES);
    assert_eq!(mudo.pedir("OBSERVAR"), "OK OBSERVANDO versao=0");
    let mut mudancas = 0;
    let (cronometro, prazo) = (Cronometro::comecar(), Duration::from_millis(ESCRITA_PRAZO_MS));
    let desligado = esperar_por(prazo + PRAZO, || {
        mudar_tudo(&mut boa);
        mudancas += BLOCO;
        olho.ate(mudancas);
        boa.pedir_tudo("ESTADO").dados.iter().any(|linha| linha == "conexoes: 2")
    });
    let demorou = cronometro.passou();
    assert!(desligado, "depois de {demorou:?} e {mudancas} mudanças quem não lê ainda ocupa um lugar");
    assert!(demorou >= prazo, "desligado depois de {demorou:?}, antes do prazo");
    let veio = String::from_utf8(mudo.ler_o_que_ha()).expect("o servidor fala UTF-8");
    let mut soma = Soma::desde(0);
    // A última linha pode ter sido cortada.
    for linha in veio.split_inclusive('\n').filter_map(|linha| linha.strip_suffix('\n')) {
        let evento: Evento = linha.parse().unwrap_or_else(|erro| panic!("{erro}"));
        soma.somar(&evento).unwrap_or_else(|culpa| panic!("{culpa}"));
    }
    assert!((1..mudancas).contains(&soma.versao()), "recebeu até a versão {} de {mudancas}", soma.versao());
    assert!(olho.pedir("LISTAR").ends_with(&format!(" versao={mudancas}")));
}

/// Quem não lê, espera por um assento e se vai não fica com ele, mesmo que ele lhe tenha chegado enquanto o servidor
/// estava preso a escrever-lhe.
#[test]
fn quem_nao_le_e_espera_nao_recebe_nada() {
    let servidor = ServidorDeTeste::new();
    let [mut dona, mut boa] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(dona.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    let (mut olho, mut mudo) = (Observador::new(servidor.entrar()), estreito(&servidor));
    for bloco in 1..=BLOCOS {
        mudar(&mut boa, "RESERVAR 4-100");
        olho.ate(1 + bloco * BLOCO);
    }
    mudo.enviar("AGUARDAR 3");
    esperar("o servidor ficar preso", || preso_a_escrever(mudo.terminal(), std::process::id()));
    assert!(dona.pedir("CANCELAR 3").starts_with("OK CANCELADO 3 "));
    mudo.cair();
    esperar("a conexão acabar", || servidor.servico().admissao.ocupadas() == 3);
    assert!(olho.pedir("LISTAR").starts_with("OK LISTADO livres=100 "), "{:?}", olho.eventos.last());
}

/// Quem observa e não lê não prende a parada.
#[test]
fn parada_corta_quem_observa_e_nao_le() {
    let servidor = ServidorDeTeste::new();
    let mut boa = servidor.entrar();
    let mudos: Vec<Observador> = (0..20).map(|_| estreito(&servidor)).collect();
    let mut leitor = Observador::new(servidor.entrar());
    for bloco in 1..=BLOCOS {
        mudar_tudo(&mut boa);
        leitor.ate(bloco * BLOCO);
    }
    let prazo = Duration::from_millis(PARADA_PRAZO_MS);
    // `parar` também confere que nenhuma conexão ficou para trás.
    let demorou = servidor.parar();
    assert!(demorou < prazo + LOGO, "{demorou:?}");
    for terminal in [&mut boa, leitor.terminal()] {
        let aviso = terminal.ler_linha();
        assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
        terminal.espera_fim();
    }
    drop(mudos);
}
