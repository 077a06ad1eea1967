//! O programa `servidor` de verdade: opções, sinais, o que mostra na tela, e o que acontece quando a tela não lê.

#![cfg(not(feature = "shuttle"))]
#![forbid(unsafe_code)]

mod programa;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use arnes::entupido::entupir_de_vez;
use arnes::espera::{Cronometro, esperar, esperar_por};
use arnes::pasta::Pasta;
use arnes::terminal::{Terminal, valor};
use programa::{Matador, PROGRAMA, Processo, ligar_sem_ler, programa};
use rustix::process::Signal;
use servidor::limites::PARADA_PRAZO_MS;

#[track_caller]
fn rodar(opcoes: &[&str]) -> Output {
    programa(opcoes).output().expect("o programa devia rodar")
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("o programa fala UTF-8")
}

// ---- A linha de comando ----

#[test]
fn ajuda_e_versao_saem_com_zero() {
    for opcao in ["--ajuda", "--help"] {
        let saida = rodar(&[opcao]);
        assert_eq!((saida.status.code(), texto(&saida.stderr)), (Some(0), String::new()));
        let ajuda = texto(&saida.stdout);
        for palavra in [
            "--escutar",
            "--memoria",
            "--max-conexoes",
            "--max-por-cliente",
            "--inatividade",
            "--demonstrar-corrida",
            "--ajuda",
            "RUST_LOG",
        ] {
            assert!(ajuda.contains(palavra), "{opcao} não fala de {palavra}");
        }
    }
    for opcao in ["--versao", "--version"] {
        let saida = rodar(&["--memoria", opcao]);
        assert_eq!((saida.status.code(), texto(&saida.stderr)), (Some(0), String::new()));
        assert_eq!(texto(&saida.stdout), format!("servidor {}\n", env!("CARGO_PKG_VERSION")));
    }
}

/// `servidor --ajuda | head -0`: o cano já fechou.
#[test]
fn ajuda_num_cano_fechado_nao_e_defeito() {
    let filho = programa(&["--ajuda"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut filho = Matador(filho.expect("o programa devia rodar"));
    drop(filho.0.stdout.take());
    let mut queixa = String::new();
    filho.0.stderr.take().expect("a tela foi pedida").read_to_string(&mut queixa).expect("a tela se lê");
    assert_eq!((filho.esperar_fim().code(), &queixa[..]), (Some(0), ""));
}

#[test]
fn opcao_errada_sai_com_dois_e_diz_qual() {
    for (opcoes, culpada) in [
        (&["--turbo"][..], "--turbo"),
        (&["-z"], "-z"),
        (&["7878"], "7878"),
        (&["--escutar"], "--escutar"),
        (&["--memoria=sim"], "--memoria"),
        (&["--max-conexoes", "0"], "--max-conexoes 0"),
        (&["--max-conexoes", "muitas"], "--max-conexoes muitas"),
        (&["--max-por-cliente", "101"], "--max-por-cliente 101"),
        (&["--inatividade", "-1"], "--inatividade -1"),
        (&["--demonstrar-corrida"], "--demonstrar-corrida"),
        (&["--demonstrar-corrida", "0s"], "--demonstrar-corrida 0s"),
        (&["--demonstrar-corrida", "abc"], "--demonstrar-corrida abc"),
        (&["--demonstrar-corrida", "10001ms"], "--demonstrar-corrida 10001ms"),
        (&["--demonstrar-corrida", "2s", "--banco", "x.db"], "--banco"),
    ] {
        let saida = rodar(opcoes);
        let queixa = texto(&saida.stderr);
        assert_eq!((saida.status.code(), &saida.stdout[..]), (Some(2), &b""[..]), "{opcoes:?}: {queixa}");
        assert!(queixa.contains(culpada) && queixa.lines().count() == 1, "{opcoes:?}: {queixa}");
    }
}

#[test]
fn porta_em_uso_e_uma_linha_clara() {
    let ocupada = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
    let endereco = ocupada.local_addr().expect("a porta tem endereço").to_string();
    for (endereco, pista) in
        [(&endereco[..], "já está em uso"), ("192.0.2.1:7878", "não é desta máquina"), ("x", "x")]
    {
        let saida = rodar(&["--escutar", endereco]);
        let queixa = texto(&saida.stderr);
        assert_eq!((saida.status.code(), &saida.stdout[..]), (Some(1), &b""[..]), "{queixa}");
        assert_eq!(queixa.lines().count(), 1, "{queixa}");
        assert!(queixa.contains(endereco) && queixa.contains(pista), "{queixa}");
    }
}

/// Poucos descritores: cabem menos conexões, o programa diz quantas, e as que cabem são atendidas.
#[test]
fn poucos_descritores_sao_ditos_e_respeitados() {
    let com_limite = |opcoes: &str| {
        let mut comando = Command::new("sh");
        let linha = format!("ulimit -n 64; exec \"$0\" --memoria --escutar 127.0.0.1:0 {opcoes}");
        comando.args(["-c", &linha, PROGRAMA]).env_remove("RUST_LOG").stdin(Stdio::null());
        comando
    };
    let saida = com_limite("--max-conexoes 1000").output().expect("o programa devia rodar");
    let queixa = texto(&saida.stderr);
    assert_eq!(saida.status.code(), Some(1), "{queixa}");
    assert!(queixa.contains("--max-conexoes 1000") && queixa.contains("ulimit -n"), "{queixa}");

    let mut servidor = Processo::ligar_com(&mut com_limite(""));
    assert!(servidor.esperar_linha("cabem só").contains("32 conexões"));
    let mut dentro: Vec<Terminal> = (0..32).map(|_| servidor.entrar()).collect();
    for _ in 0..50 {
        let mut ana = Terminal::conectar(servidor.endereco);
        assert!(ana.ler_linha().starts_with("ERRO LOTADO max=32 :"));
    }
    dentro.iter_mut().for_each(|ana| assert_eq!(ana.pedir("PING"), "OK PONG"));
    servidor.encerrar();
}

// ---- Sinais ----

#[test]
fn sinal_encerra_em_ordem() {
    for sinal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let servidor = Processo::ligar(&[]);
        let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
        assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
        let cronometro = Cronometro::comecar();
        servidor.sinal(sinal);
        for terminal in [&mut ana, &mut bia] {
            assert!(terminal.ler_linha().starts_with("ERRO ENCERRANDO :"));
            terminal.espera_fim();
        }
        let (fim, mostrou) = servidor.acabar();
        assert_eq!(fim.code(), Some(0), "{sinal:?}: {mostrou}");
        assert!(cronometro.passou() < Duration::from_millis(PARADA_PRAZO_MS), "{:?}", cronometro.passou());
        assert!(mostrou.lines().last().is_some_and(|linha| linha.ends_with(" encerrado")), "{mostrou}");
    }
}

/// Quem não lê prende a parada até o prazo; um segundo sinal não espera por ele.
#[test]
fn segundo_sinal_encerra_na_hora() {
    let mut servidor = Processo::ligar(&[]);
    let mut ana = servidor.entrar();
    entupir_de_vez(&mut ana, servidor.filho.0.id());
    let cronometro = Cronometro::comecar();
    servidor.sinal(Signal::TERM);
    servidor.esperar_linha("encerrando:");
    servidor.sinal(Signal::TERM);
    let (fim, mostrou) = servidor.acabar();
    assert_eq!(fim.code(), Some(130), "{mostrou}");
    assert!(cronometro.passou() < Duration::from_millis(PARADA_PRAZO_MS), "{:?}", cronometro.passou());
}

/// Sem segundo sinal, quem não lê é cortado no prazo, também quando o log não mostra avisos.
#[test]
fn quem_nao_le_e_cortado_no_prazo() {
    for nivel in ["info", "off"] {
        let (mut servidor, endereco) = ligar_calado(nivel);
        let mut ana = Terminal::entrar(endereco);
        entupir_de_vez(&mut ana, servidor.0.id());
        let cronometro = Cronometro::comecar();
        servidor.sinal(Signal::TERM);
        assert_eq!(servidor.esperar_fim().code(), Some(0));
        let prazo = Duration::from_millis(PARADA_PRAZO_MS + 1_000);
        assert!(cronometro.passou() < prazo, "RUST_LOG={nivel}: {:?}", cronometro.passou());
    }
}

/// Oito clientes que mandam pedidos que o disco guarda e não leem nada: cada um custa a sua thread, e nem uma a mais. Threads
/// que ninguém conta chegam ao limite de mapeamentos de memória, e nele o processo aborta.
#[test]
fn quem_nao_le_nao_custa_outra_thread() {
    const QUANTOS: usize = 8;
    let pasta = Pasta::nova("surdos");
    let servidor = Processo::ligar(&["--banco", &pasta.banco().to_string_lossy()]);
    let surdos: Vec<Terminal> = (0..QUANTOS).map(|_| servidor.entrar()).collect();
    // Todos já têm a sua.
    let antes = threads(&servidor.filho.0).len();
    let pedidos = format!("NOME {}\n", "n".repeat(32)).repeat(500);
    let mut escritos = [0; QUANTOS];
    for surdo in &surdos {
        surdo.estreitar(4096);
        surdo.tomada().set_nonblocking(true).expect("o socket devia aceitar não esperar");
    }
    // Com o caminho de ida e o de volta cheios em todos, o servidor não lê nem escreve mais nada.
    let mut calados = 0;
    let pararam = esperar_por(Duration::from_secs(60), || {
        calados += 1;
        for (surdo, escritos) in surdos.iter().zip(&mut escritos) {
            // Recomeça de onde parou: o que se manda é sempre uma sequência de pedidos inteiros.
            match surdo.tomada().write(&pedidos.as_bytes()[*escritos % pedidos.len()..]) {
                Ok(n) => (*escritos, calados) = (*escritos + n, 0),
                Err(erro) => assert_eq!(erro.kind(), ErrorKind::WouldBlock, "a conexão caiu: {erro}"),
            }
        }
        let agora = threads(&servidor.filho.0);
        assert!(agora.len() <= antes, "de {antes} passaram a {}: {agora:?}", agora.len());
        calados >= 50
    });
    assert!(pararam, "o servidor não parou de ler: {escritos:?}");
    let mut bia = servidor.entrar();
    assert_eq!(bia.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    drop(surdos);
    servidor.encerrar();
}

/// Os nomes das threads do processo.
fn threads(filho: &Child) -> Vec<String> {
    let pasta = std::fs::read_dir(format!("/proc/{}/task", filho.id())).expect("o processo está vivo");
    // Uma thread pode acabar enquanto se olha.
    pasta.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok()).collect()
}

/// Um endereço de laço local que só este processo usa: nenhuma porta dele está ocupada por outro teste.
fn porta_livre() -> SocketAddr {
    static PROXIMA: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(7001);
    let [.., alto, baixo] = std::process::id().to_be_bytes();
    let porta = PROXIMA.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    SocketAddr::from(([127, 77, alto, baixo], porta))
}

/// Liga um servidor sem tela, com este nível de log, e espera que ele atenda.
#[track_caller]
fn ligar_calado(nivel: &str) -> (Matador, SocketAddr) {
    let endereco = porta_livre();
    let filho = programa(&["--escutar", &endereco.to_string()])
        .env("RUST_LOG", nivel)
        .stderr(Stdio::null())
        .spawn()
        .map(Matador)
        .expect("o programa devia ligar");
    esperar("o servidor atender", || Terminal::tentar(endereco).is_ok());
    (filho, endereco)
}

// ---- A tela ----

#[test]
fn tela_mostra_cada_operacao_em_portugues() {
    let mut servidor =
        Processo::ligar(&["--inatividade", "1", "--max-conexoes", "3", "--max-por-cliente", "4"]);
    let mut ana = servidor.entrar();
    ana.pedir("RESERVAR 3 7");
    ana.pedir("NOME ana");
    let mut bia = servidor.entrar();
    for pedido in
        ["RESERVAR 7", "RESERVAR PARCIAL 7 8", "CANCELAR 3", "CANCELAR 8", "RESERVAR 101", "RESEVAR 1"]
    {
        bia.pedir(pedido);
    }
    bia.pedir("RESERVAR 20-30");
    let (mut carla, chave) = (servidor.entrar(), ana.chave.clone());
    let mut sobra = Terminal::conectar(servidor.endereco);
    assert!(sobra.ler_linha().starts_with("ERRO LOTADO"));
    carla.pedir(&format!("RETOMAR 1 {chave}"));
    carla.pedir("LISTAR");
    ana.pedir("SAIR");
    bia.fechar_escrita();
    bia.espera_fim();
    for (trechos, negado) in [
        (&["[1] conectou de 127.0.0.1:"][..], ""),
        (&["[1] ", "reserv", " 3 7 ", "versão 1"], "recusado"),
        (&["[1] agora se chama ana"], ""),
        (&["[2] conectou de 127.0.0.1:"], ""),
        (&["[2] pediu RESERVAR 7: recusado", "o assento 7 já é de outra pessoa", "versão 1"], "reservado"),
        (&["[2] pediu RESERVAR PARCIAL 7 8", "reservado 8", "já ocupado 7", "versão 2"], ""),
        (&["[2] pediu CANCELAR 3: recusado", "não é seu"], "cancelado 3"),
        (&["[2] ", "cancel", " 8 ", "versão 3"], "recusado"),
        (&["[2] escreveu \"RESERVAR 101\"", "recusado", "de 1 a 100"], ""),
        (&["[2] escreveu \"RESEVAR 1\"", "recusado", "você quis dizer RESERVAR?"], ""),
        (&["[2] pediu RESERVAR 20", "recusado", "cada cliente pode ter 4 assentos"], ""),
        (&["recusado: lotado"], ""),
        (&["[3] voltou a ser [1 ana]"], &chave),
        (&["[1 ana] pediu LISTAR", "98 livres"], ""),
        (&["[1 ana] desconectou: despediu-se"], ""),
        (&["[2] desconectou: fechou a conexão"], ""),
        (&["[1 ana] desconectado: ficou calado demais"], ""),
    ] {
        let linha = servidor.esperar_linha_com(trechos);
        assert!(negado.is_empty() || !linha.contains(negado), "sobra {negado:?}: {linha}");
        let hora = linha.split(' ').next().unwrap_or_default().as_bytes();
        assert!(
            hora.len() == 12 && hora[2] == b':' && hora[5] == b':' && hora[8] == b'.',
            "sem hora: {linha}"
        );
    }
    servidor.encerrar();
}

/// Nada do que um cliente escreve mexe no terminal de quem olha: nem escapes, nem setas, nem texto virado.
#[test]
fn tela_nao_recebe_byte_perigoso() {
    let servidor = Processo::ligar_com(programa(&["--escutar", "127.0.0.1:0"]).env("RUST_LOG", "debug"));
    let mut ana = servidor.entrar();
    let perigos = [
        "\u{1b}]0;x\u{7}",
        "\u{9b}31m",
        "\u{9d}0;x\u{9c}",
        "\u{85}",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{2028}",
        "\u{feff}",
        "\u{ad}",
        "\u{e0041}",
    ];
    for perigo in perigos {
        for linha in [
            format!("{perigo} PING"),
            format!("RESERVAR {perigo}"),
            format!("NOME ana{perigo}"),
            format!("RETOMAR 1 {perigo}"),
            format!("AJUDA {perigo}"),
            format!("PING {perigo}\r14:03:07.123 [1] pediu CANCELAR TUDO"),
        ] {
            ana.pedir(&linha);
        }
    }
    drop(ana);
    let mostrou = servidor.encerrar();
    assert!(mostrou.contains("\\u{202e}") && mostrou.contains("\\u{9b}"), "o perigo nem apareceu: {mostrou}");
    for linha in mostrou.lines() {
        let perigosa = |letra: char| letra.is_control() || perigos.iter().any(|p| p.starts_with(letra));
        assert!(!linha.contains(perigosa), "{}", linha.escape_debug());
    }
    for linha in mostrou.lines().filter(|linha| linha.contains("CANCELAR TUDO")) {
        assert!(!linha.starts_with("14:03:07.123"), "um cliente forjou uma linha: {linha}");
    }
}

/// Nem a chave, nem um pedaço dela que se possa completar, em nenhum nível do log.
#[test]
fn chave_nunca_vai_para_a_tela() {
    let servidor = Processo::ligar_com(programa(&["--escutar", "127.0.0.1:0"]).env("RUST_LOG", "trace"));
    let mut chaves = Vec::new();
    for _ in 0..3 {
        let mut ana = servidor.entrar();
        let chave = ana.chave.clone();
        assert_eq!(
            ana.pedir(&format!("RETOMAR {} {chave}", ana.cliente)),
            format!("OK RETOMADO {}", ana.cliente)
        );
        for linha in [
            format!("RETOMAR 1 {}", chave.to_uppercase()),
            format!("RETOMAR 9999 {chave}"),
            format!("RETOMAR {chave}"),
            format!("RETOMAR {chave} 1"),
            format!("RETOMAR 1 chave={chave}"),
            format!("RETOMAR 1, {chave}"),
            format!("RETOMAR 1 {chave}."),
            format!("RETOMA 1 {chave}"),
            format!("RETOMAR 1 {chave} agora"),
            format!("RETOMAR cliente=1 chave={chave}"),
            format!("RESERVAR {chave}"),
            format!("AJUDA {chave}"),
            format!("NOME {chave}!"),
            chave.clone(),
        ] {
            ana.pedir(&linha);
        }
        // A chave em cada lugar em volta do corte de uma mensagem longa.
        for espacos in (140..200).chain([900]) {
            ana.pedir(&format!("RETOMAR 1{}{chave}", " ".repeat(espacos)));
            ana.pedir(&format!("RETOMA 1{}{chave}", " ".repeat(espacos)));
        }
        chaves.push(chave);
    }
    let mostrou = servidor.encerrar().to_lowercase();
    assert!(mostrou.contains("chave oculta") && mostrou.lines().count() > 500, "o log está vazio");
    for chave in chaves {
        for inicio in 0..=chave.len() - 12 {
            let pedaco = &chave[inicio..inicio + 12];
            let linha = mostrou.lines().find(|linha| linha.contains(pedaco));
            assert!(linha.is_none(), "um pedaço da chave {chave} está no log: {}", linha.unwrap_or_default());
        }
    }
}

/// `servidor 2>&1 | head -1`: a tela se foi, o servidor não.
#[test]
fn tela_que_se_fecha_nao_derruba_o_servidor() {
    let (mut servidor, endereco, tela, _) = ligar_sem_ler(&mut programa(&["--escutar", "127.0.0.1:0"]));
    drop(tela);
    let mut ana = Terminal::entrar(endereco);
    for n in 1..=100 {
        assert!(ana.pedir(&format!("RESERVAR {n}")).starts_with("OK RESERVADO "));
    }
    assert!(servidor.0.try_wait().expect("o processo é nosso").is_none(), "o servidor caiu");
    servidor.sinal(Signal::TERM);
    assert_eq!(servidor.esperar_fim().code(), Some(0));
}

/// `servidor 2>&-`: nunca houve tela.
#[test]
fn sem_tela_nenhuma() {
    let endereco = porta_livre();
    let mut comando = Command::new("sh");
    let linha = format!("exec \"$0\" --memoria --escutar {endereco} 2>&- >&- <&-");
    let mut servidor =
        Matador(comando.args(["-c", &linha, PROGRAMA]).spawn().expect("o programa devia ligar"));
    esperar("o servidor atender", || Terminal::tentar(endereco).is_ok());
    let mut ana = Terminal::entrar(endereco);
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    // O socket não pode ter ficado no lugar da tela: uma mensagem iria para um cliente.
    assert!(ana.pedir("RESEVAR 1").starts_with("ERRO COMANDO_DESCONHECIDO "));
    assert_eq!(ana.pedir("PING"), "OK PONG");
    servidor.sinal(Signal::TERM);
    assert!(ana.ler_linha().starts_with("ERRO ENCERRANDO "));
    assert_eq!(servidor.esperar_fim().code(), Some(0));
}

/// Faz o servidor mostrar tanto que a fila da tela transborde; devolve quem ficou com todos os assentos.
#[track_caller]
fn transbordar(endereco: SocketAddr) -> Terminal {
    let (mut dona, ana) = (Terminal::entrar(endereco), Terminal::entrar(endereco));
    dona.pedir("RESERVAR 1-100");
    let mut respostas = BufReader::new(ana.tomada().try_clone().expect("o descritor se duplica")).lines();
    // Um pedido curto, e uma mensagem que diz os cem assentos duas vezes.
    let lote = "RESERVAR 1-100\n".repeat(1_000);
    for _ in 0..500 {
        ana.enviar_bytes(lote.as_bytes());
        for _ in 0..1_000 {
            let resposta = respostas.next().expect("o servidor devia responder").expect("a resposta se lê");
            assert!(resposta.starts_with("ERRO OCUPADO 1 2 3 "), "{resposta}");
        }
        if Processo::estado(&mut dona, "mensagens_descartadas") > 0 {
            return dona;
        }
    }
    panic!("a fila da tela não transborda");
}

/// Um cano cheio que ninguém lê: as reservas continuam; lido o cano, uma linha diz quantas mensagens se perderam.
#[test]
fn tela_que_nao_le_nao_para_as_reservas() {
    let (mut servidor, endereco, tela, _) = ligar_sem_ler(&mut programa(&["--escutar", "127.0.0.1:0"]));
    let mut bia = transbordar(endereco);
    let cronometro = Cronometro::comecar();
    for n in 1..=50 {
        assert!(bia.pedir(&format!("CANCELAR {n}")).starts_with(&format!("OK CANCELADO {n} ")));
        assert!(bia.pedir(&format!("RESERVAR {n}")).starts_with(&format!("OK RESERVADO {n} ")));
    }
    assert!(cronometro.passou() < Duration::from_secs(2), "100 pedidos em {:?}", cronometro.passou());
    let perdidas = Processo::estado(&mut bia, "mensagens_descartadas");
    // Onde não coube uma mensagem longa ainda podem caber umas poucas curtas.
    assert!(perdidas >= 80, "as mensagens desses pedidos deviam ter transbordado: {perdidas}");

    // Alguém volta a ler: aparecem as antigas e quantas se perderam, e as novas voltam a aparecer.
    let mut ditas = 0;
    for linha in tela.lines().map(|linha| linha.expect("a tela se lê")) {
        if let Some((antes, _)) = linha.split_once(" mensagens descartadas") {
            ditas += antes.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("quantas");
            if ditas >= perdidas {
                break;
            }
        }
    }
    assert!(ditas >= perdidas, "perderam-se {perdidas} mensagens e a tela só contou {ditas}");
    servidor.sinal(Signal::TERM);
    assert_eq!(servidor.esperar_fim().code(), Some(0));
}

/// Uma tela que nunca mais lê também não prende a saída.
#[test]
fn tela_que_nao_le_nao_prende_o_encerramento() {
    let (mut servidor, endereco, _tela, _) = ligar_sem_ler(&mut programa(&["--escutar", "127.0.0.1:0"]));
    let mut ana = transbordar(endereco);
    let cronometro = Cronometro::comecar();
    servidor.sinal(Signal::TERM);
    assert!(ana.ler_linha().starts_with("ERRO ENCERRANDO "));
    assert_eq!(servidor.esperar_fim().code(), Some(0));
    assert!(cronometro.passou() < Duration::from_millis(PARADA_PRAZO_MS), "{:?}", cronometro.passou());
}

// ---- A história ----

/// Um arquivo que some, com o que o SQLite põe ao lado, ao ser solto.
struct Banco(std::path::PathBuf);

impl Banco {
    fn novo(nome: &str) -> Self {
        let pasta = std::env::temp_dir().join(format!("reserva-{nome}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&pasta);
        std::fs::create_dir_all(&pasta).expect("a pasta temporária se escreve");
        Self(pasta)
    }

    fn ligar(&self) -> Processo {
        let arquivo = self.0.join("reservas.db");
        Processo::ligar(&["--banco", arquivo.to_str().expect("o caminho é UTF-8")])
    }
}

impl Drop for Banco {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Cada fato, sem as horas, depois de conferir que elas não andam para trás.
#[track_caller]
fn sem_horas(dados: &[String]) -> Vec<String> {
    let horas: Vec<&str> = dados.iter().filter_map(|linha| linha.split(' ').next()).collect();
    assert!(horas.is_sorted() && horas.iter().all(|hora| hora.len() == 24), "{horas:?}");
    let palavra = |p: &&str| !p.ends_with('Z') || p.starts_with("nome=");
    dados.iter().map(|linha| linha.split(' ').filter(palavra).collect::<Vec<_>>().join(" ")).collect()
}

/// A história se lê do arquivo, na pilha pequena da thread do cliente; e é a mesma depois de reiniciar e de um `kill -9`.
#[test]
fn historico_do_arquivo_sobrevive_ao_servidor() {
    let banco = Banco::novo("historico");
    let servidor = banco.ligar();
    let mut ana = servidor.entrar();
    // Num pacote só: o histórico já conta a mudança que veio antes dele.
    ana.enviar_bytes("RESERVAR 7\nHISTORICO 7\nNOME João\nCANCELAR 7\nSEGURAR 7 8\nHISTORICO 7\n".as_bytes());
    assert_eq!(ana.ler_resposta().fim, "OK RESERVADO 7 versao=1");
    let primeira = ana.ler_resposta();
    assert_eq!(
        (sem_horas(&primeira.dados), &primeira.fim[..]),
        (vec!["cliente=1 RESERVADO versao=1".to_owned()], "OK HISTORICO versao=1")
    );
    (0..3).for_each(|_| assert!(ana.ler_resposta().fim.starts_with("OK ")));
    let inteira = ana.ler_resposta();
    assert_eq!(inteira.fim, "OK HISTORICO versao=3");
    assert_eq!(
        sem_horas(&inteira.dados),
        [
            "cliente=1 RESERVADO versao=1",
            "cliente=1 nome=João LIVRE versao=2",
            "cliente=1 nome=João SEGURADO versao=3"
        ]
    );
    servidor.encerrar();

    let servidor = banco.ligar();
    let mut bia = servidor.entrar();
    assert_eq!(bia.pedir_tudo("HISTORICO 7"), inteira);
    assert_eq!(bia.pedir("HISTORICO 9"), "OK HISTORICO versao=3");
    assert_eq!(bia.pedir("RESERVAR 9"), "OK RESERVADO 9 versao=4");
    servidor.sinal(Signal::KILL);
    servidor.acabar();

    let servidor = banco.ligar();
    let mut carla = servidor.entrar();
    assert_eq!(carla.pedir_tudo("HISTORICO 7").dados, inteira.dados);
    let de_nove = carla.pedir_tudo("HISTORICO 9");
    assert_eq!(sem_horas(&de_nove.dados), [format!("cliente={} RESERVADO versao=4", bia.cliente)]);
    servidor.encerrar();
}

/// Uma vida mais longa que uma resposta, lida por muitos ao mesmo tempo em que muda.
#[test]
fn historico_do_arquivo_mostra_os_cem_mais_novos() {
    let banco = Banco::novo("historico-longo");
    let servidor = banco.ligar();
    let mut ana = servidor.entrar();
    ana.enviar_bytes("RESERVAR 7\nCANCELAR 7\n".repeat(50).as_bytes());
    (0..100).for_each(|_| assert!(ana.ler_resposta().fim.starts_with("OK ")));
    let cem = ana.pedir_tudo("HISTORICO 7");
    assert_eq!((cem.dados.len(), &cem.fim[..]), (100, "OK HISTORICO versao=100"));
    assert!(cem.dados[0].ends_with(" RESERVADO versao=1"), "{:?}", cem.dados[0]);
    let mut outros: Vec<Terminal> = (0..20).map(|_| servidor.entrar()).collect();
    outros.iter().for_each(|outro| outro.enviar("HISTORICO 7"));
    assert_eq!(ana.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=101");
    outros.iter_mut().for_each(|outro| {
        let vida = outro.ler_resposta();
        assert_eq!(vida.dados.len(), 100);
        assert!(vida.dados[99].ends_with(&vida.fim["OK HISTORICO ".len()..]), "{vida:?}");
    });
    let vida = ana.pedir_tudo("HISTORICO 7");
    assert_eq!(vida.dados[..99], cem.dados[1..]);
    assert!(vida.dados[99].ends_with(" RESERVADO versao=101"), "{:?}", vida.dados[99]);
    servidor.encerrar();
}

// ---- Memória ----

/// A memória residente do processo, em KiB.
fn residente(filho: &Child) -> u64 {
    let estado =
        std::fs::read_to_string(format!("/proc/{}/status", filho.id())).expect("o processo está vivo");
    let linha = estado.lines().find(|linha| linha.starts_with("VmRSS:")).expect("há VmRSS");
    linha.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("um número")
}

/// 64 MiB de linhas que não acabam: uma recusa para cada uma, e a memória não cresce.
#[test]
fn linha_sem_fim_nao_ocupa_memoria() {
    const CRESCE_KIB: u64 = 512;
    const BLOCOS: usize = 64 * 16;
    let servidor = Processo::ligar(&[]);
    let mut ana = servidor.entrar();
    ana.enviar_bytes(&[b'A'; 4096]);
    assert!(ana.ler_linha().starts_with("ERRO LINHA_LONGA "));
    assert_eq!(
        {
            ana.enviar_bytes(b"\n");
            ana.pedir("PING")
        },
        "OK PONG"
    );
    let antes = residente(&servidor.filho.0);
    for (bytes, longa) in [
        (&b"A"[..], true),
        (b" ", true),
        (b"\xc3", true),
        (b"\0", false),
        (b"\x08", false),
        (b"\r", false),
        (b"\xff\xfa", false),
    ] {
        let bloco = bytes.repeat(64 * 1024 / bytes.len());
        for _ in 0..if bytes == b"A" { BLOCOS } else { BLOCOS / 16 } {
            ana.tomada().write_all(&bloco).expect("o servidor devia receber os bytes");
        }
        // Acaba a linha e, antes dela, a subnegociação de telnet que talvez esteja aberta.
        ana.enviar_bytes(b"\xff\xf0\nPING\n");
        if longa {
            assert!(ana.ler_linha().starts_with("ERRO LINHA_LONGA "), "{bytes:?}");
        }
        assert_eq!(ana.ler_linha(), "OK PONG", "{bytes:?}");
        let agora = residente(&servidor.filho.0);
        assert!(agora <= antes + CRESCE_KIB, "{bytes:?}: de {antes} a {agora} KiB");
    }
    let mut bia = servidor.entrar();
    assert_eq!(bia.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    servidor.encerrar();
}

// ---- O token, com processos de verdade ----

/// Um cliente que é outro processo: pede o token e fica ouvindo; morre ao ser solto.
struct Pedinte {
    processo: Matador,
    ouve: BufReader<std::process::ChildStdout>,
}

impl Pedinte {
    fn pedir(endereco: SocketAddr) -> Self {
        // Um processo só, sem filhos: morto ele, o socket não fica aberto em nenhum outro.
        let fala = format!(
            "exec 3<>/dev/tcp/{}/{} && echo 'TOKEN SOLICITAR POR 3600' >&3 && exec cat <&3",
            endereco.ip(),
            endereco.port()
        );
        let filho = Command::new("bash")
            .args(["-c", &fala])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut processo = Matador(filho.expect("há um bash"));
        let ouve = BufReader::new(processo.0.stdout.take().expect("a saída foi pedida"));
        Self { processo, ouve }
    }

    /// A próxima linha final que não é a da saudação.
    fn ler_linha(&mut self) -> String {
        let mut linhas = (&mut self.ouve).lines().map(|linha| linha.expect("a saída se lê"));
        let final_do_token = |linha: &String| linha.starts_with("OK TOKEN ") || linha.starts_with("ERRO ");
        linhas.find(final_do_token).expect("o servidor fechou sem dar a vez")
    }

    fn matar(self) {
        self.processo.sinal(Signal::KILL);
    }
}

/// `kill -9` no dono, no primeiro da fila e num do meio: o token é de quem sobrou, na ordem, e sem demora.
#[test]
fn clientes_mortos_nao_ficam_com_o_token_nem_na_fila() {
    let servidor = Processo::ligar(&[]);
    let mut olho = servidor.entrar();
    let mut estado = |esperado: &str| {
        let mut fim = String::new();
        esperar(esperado, || {
            fim = olho.pedir("TOKEN ESTADO");
            fim.contains(esperado)
        });
        fim
    };
    let mut dono = Pedinte::pedir(servidor.endereco);
    assert_eq!(dono.ler_linha(), "OK TOKEN cerca=1 contador=0 espera=0 prazo=3600");
    let mut fila: Vec<Pedinte> = Vec::new();
    for quantos in 1..=5 {
        fila.push(Pedinte::pedir(servidor.endereco));
        estado(&format!("espera={quantos}"));
    }
    // Um do meio: ninguém recebe nada, e ele deixa a fila em menos de um segundo.
    let cronometro = Cronometro::comecar();
    fila.remove(2).matar();
    let fim = estado("espera=4");
    medida("de kill -9 num do meio à saída da fila", cronometro.passou());
    assert!(cronometro.passou() < Duration::from_secs(1), "{:?}", cronometro.passou());
    assert_eq!(valor(&fim, "cerca"), "1", "{fim}");
    // O primeiro.
    let cronometro = Cronometro::comecar();
    fila.remove(0).matar();
    estado("espera=3");
    medida("de kill -9 no primeiro à saída da fila", cronometro.passou());
    assert!(cronometro.passou() < Duration::from_secs(1), "{:?}", cronometro.passou());
    // O dono, e depois cada dono: o seguinte recebe na hora.
    for (cerca, espera) in (2..).zip((0..=2).rev()) {
        let cronometro = Cronometro::comecar();
        dono.matar();
        dono = fila.remove(0);
        let certo = format!("OK TOKEN cerca={cerca} contador=0 espera={espera} prazo=3600");
        assert_eq!(dono.ler_linha(), certo);
        medida("de kill -9 no dono à vez do primeiro", cronometro.passou());
        assert!(cronometro.passou() < Duration::from_secs(1), "{:?}", cronometro.passou());
    }
    dono.matar();
    estado("dono=livre cerca=4 contador=0 espera=0");
    servidor.encerrar();
}

/// Mostra uma medida; só aparece se o teste falha, ou com `--nocapture`.
#[expect(clippy::print_stdout, reason = "a medida é para quem lê o resultado do teste")]
fn medida(o_que: &str, quanto: Duration) {
    println!("medida: {o_que}: {:.3} ms", quanto.as_secs_f64() * 1e3);
}

// ---- A corrida que se demonstra ----

/// Ao ligar diz o que é e o que digitar, sem `--memoria` também não toca no disco, e diz cada mal que faz.
#[test]
fn corrida_se_anuncia_e_conta_cada_estrago() {
    let pasta = Pasta::nova("corrida");
    let mut comando = Command::new(PROGRAMA);
    comando.args(["--escutar", "127.0.0.1:0", "--demonstrar-corrida", "300ms"]);
    comando.current_dir(&pasta.0).env_remove("RUST_LOG").stdin(Stdio::null());
    let mut servidor = Processo::ligar_com(&mut comando);
    let cliente = format!("cargo run --release -p cliente -- --servidor {}", servidor.endereco);
    for trechos in [
        &[
            "AVISO: ",
            "DEFEITO DE PROPÓSITO",
            "--demonstrar-corrida 300ms",
            "vende o mesmo assento duas vezes",
        ][..],
        &["dois terminais", &cliente],
        &["NOME ana", "NOME beto", "RESERVAR 7"],
        &["o servidor certo", "sem --demonstrar-corrida: cargo run --release"],
    ] {
        servidor.esperar_linha_com(trechos);
    }
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    ana.pedir("NOME ana");
    beto.pedir("NOME beto");
    for (pedidos, estrago) in [
        (["RESERVAR 7", "RESERVAR 7"], "RESERVA DUPLICADA: assento 7 era de "),
        (["RESERVAR 1", "RESERVAR 2"], "ATUALIZAÇÃO PERDIDA: assento "),
        (["RESERVAR 9 10", "SEGURAR 10"], "RESERVA DUPLICADA: assento 10 "),
    ] {
        // Correm quando os dois copiam a mesma sala; se um demorou, tenta-se de novo.
        esperar(estrago, || {
            ana.enviar(pedidos[0]);
            beto.enviar(pedidos[1]);
            let [a, b] = [&mut ana, &mut beto].map(|terminal| terminal.ler_resposta().fim);
            let correram =
                valor(&a, "versao") == valor(&b, "versao") && a.starts_with("OK ") && b.starts_with("OK ");
            [&mut ana, &mut beto].into_iter().for_each(|terminal| _ = terminal.pedir("CANCELAR TUDO"));
            correram
        });
        let linha = servidor.esperar_linha(estrago);
        let de_quem = [
            linha.contains("ana, agora "),
            linha.contains("beto, agora "),
            linha.contains("voltou a ficar livre"),
        ];
        assert_eq!(de_quem.iter().filter(|sim| **sim).count(), 1, "{linha}");
        assert!(linha.contains(" AVISO: "), "{linha}");
    }
    // Quem devolve e quem pede, ao mesmo tempo: a recusa já não é verdade quando chega.
    esperar("a recusa chegar atrasada", || {
        ana.pedir("RESERVAR 5");
        ana.enviar("CANCELAR 5");
        beto.pedir("RESERVAR 5");
        ana.ler_resposta();
        beto.pedir("CANCELAR TUDO");
        servidor.visto.extend(servidor.linhas.try_iter());
        servidor.visto.contains("VISTA ATRASADA: beto ouviu ERRO OCUPADO 5 ")
    });
    servidor.encerrar();
    assert_eq!(pasta.nomes(), [""; 0], "a corrida escreveu no disco");
}

/// Uma pausa maior que o prazo da parada acaba com ela, e o pedido que já se fazia é respondido.
#[test]
fn sinal_acaba_com_a_pausa_da_corrida() {
    let mut comando = programa(&["--demonstrar-corrida", "10s", "--escutar", "127.0.0.1:0"]);
    let mut servidor = Processo::ligar_com(comando.env("RUST_LOG", "debug"));
    let mut ana = servidor.entrar();
    ana.enviar("RESERVAR 1\nRESERVAR 2");
    servidor.esperar_linha(r#"[1] < "RESERVAR 1""#);
    let cronometro = Cronometro::comecar();
    servidor.sinal(Signal::TERM);
    assert_eq!(ana.ler_linha(), "OK RESERVADO 1 versao=1");
    assert!(ana.ler_linha().starts_with("ERRO ENCERRANDO :"));
    ana.espera_fim();
    let (fim, mostrou) = servidor.acabar();
    assert_eq!(fim.code(), Some(0), "{mostrou}");
    assert!(cronometro.passou() < Duration::from_millis(PARADA_PRAZO_MS), "{:?}", cronometro.passou());
}

/// O servidor de sempre não tem nada disto.
#[test]
fn sem_a_opcao_nao_ha_corrida() {
    let servidor = Processo::ligar(&[]);
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    ana.enviar("RESERVAR 7");
    beto.enviar("RESERVAR 7");
    let mut ouviram = [ana.ler_resposta().fim, beto.ler_resposta().fim];
    ouviram.sort();
    assert!(
        ouviram[0].starts_with("ERRO OCUPADO 7 ") && ouviram[1].starts_with("OK RESERVADO 7 "),
        "{ouviram:?}"
    );
    let mostrou = servidor.encerrar();
    assert!(!mostrou.contains("AVISO"), "{mostrou}");
}
