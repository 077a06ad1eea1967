//! O token: exclusão mútua por ordem de chegada, com prazo e número de fencing, vista do socket.

/// A fila: ordem de chegada, muitos à espera, quem chega e quem sai.
mod fila;
/// Quem vai embora, e o que o operador faz: o token segue adiante, e quem se foi não recebe nada.
mod partida;
/// Os prazos de quem tem o token e de quem espera por ele: nunca antes, e logo depois.
mod prazo;

use std::time::Duration;

use arnes::espera::esperar;
use arnes::roteiro::roteiro;
use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Terminal};

/// Quanto pode demorar o que devia ser na hora: folga para uma máquina ocupada. O que se mediu é mostrado.
const LOGO: Duration = Duration::from_secs(1);

/// Uma passagem que demora isto não foi avisada: quem esperava só a viu ao olhar por si, a cada 500 ms.
const SEM_AVISO: Duration = Duration::from_millis(servidor::limites::OLHADA_MS - 100);

/// Confere que as passagens foram avisadas. Uma ou outra pode ter demorado só porque a máquina estava ocupada.
#[track_caller]
fn conferir_avisos(passagens: &[Duration]) {
    let maior = passagens.iter().max().copied().unwrap_or_default();
    medida(&format!("a maior de {} passagens", passagens.len()), maior);
    let demoradas = passagens.iter().filter(|quanto| **quanto >= SEM_AVISO).count();
    assert!(
        demoradas <= passagens.len() / 100,
        "{demoradas} de {} demoraram, até {maior:?}",
        passagens.len()
    );
}

/// Mostra uma medida; só aparece se o teste falha, ou com `--nocapture`.
#[expect(clippy::print_stdout, reason = "a medida é para quem lê o resultado do teste")]
fn medida(o_que: &str, quanto: Duration) {
    println!("medida: {o_que}: {:.3} ms", quanto.as_secs_f64() * 1e3);
}

/// Pede o token livre; devolve o número de fencing.
#[track_caller]
fn tomar(terminal: &mut Terminal, pedido: &str) -> u64 {
    cerca_de(&terminal.pedir(pedido))
}

/// O número de fencing de uma concessão.
#[track_caller]
fn cerca_de(linha: &str) -> u64 {
    assert!(linha.starts_with("OK TOKEN cerca="), "isto não é uma concessão: {linha}");
    valor(linha, "cerca").parse().expect("cerca é um número")
}

/// Espera que a fila tenha este tamanho.
#[track_caller]
fn esperar_fila(olho: &mut Terminal, quantos: usize) {
    let quantos = quantos.to_string();
    esperar(&format!("a fila ter {quantos}"), || valor(&olho.pedir("TOKEN ESTADO"), "espera") == quantos);
}

/// Espera que o token seja deste (`livre`, ou um número).
#[track_caller]
fn esperar_dono(olho: &mut Terminal, dono: &str) {
    esperar(&format!("o token ser de {dono}"), || valor(&olho.pedir("TOKEN ESTADO"), "dono") == dono);
}

/// Pede o token, e só acaba quando o pedido é o último de uma fila de `quantos`.
#[track_caller]
fn entrar_na_fila(olho: &mut Terminal, terminal: &Terminal, pedido: &str, quantos: usize) {
    terminal.enviar(pedido);
    esperar_fila(olho, quantos);
}

// ---- A conversa ----

#[test]
fn conceder_repetir_liberar_e_olhar() {
    roteiro(
        "
        A> TOKEN ESTADO
        A< OK TOKEN dono=livre cerca=0 contador=0 espera=0
        A> TOKEN LIBERAR
        A< ERRO TOKEN_NAO_E_SEU :...
        A> token solicitar
        A< OK TOKEN cerca=1 contador=0 espera=0 prazo=30
        A> Token Solicitar Por 5 Ate 5
        A< ERRO TOKEN_JA_E_SEU :...
        B> TOKEN ESTADO
        B< OK TOKEN dono=1 cerca=1 contador=0 espera=0
        B> TOKEN LIBERAR
        B< ERRO TOKEN_NAO_E_SEU :...
        A> TOKEN ESTADO
        A< OK TOKEN dono=1 cerca=1 contador=0 espera=0
        A> TOKEN LIBERAR
        A< OK LIBERADO contador=1 espera=0
        A> TOKEN LIBERAR
        A< ERRO TOKEN_NAO_E_SEU :...
        A> TOKEN ESTADO
        A< OK TOKEN dono=livre cerca=1 contador=1 espera=0
        B> TOKEN SOLICITAR POR 3600 ATE 1
        B< OK TOKEN cerca=2 contador=1 espera=0 prazo=3600
        B> TOKEN LIBERAR
        B< OK LIBERADO contador=2 espera=0
        ",
    );
}

/// Quem libera sabe quantos ficam na fila, e o primeiro dela recebe na mesma hora.
#[test]
fn liberar_entrega_ao_primeiro() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut bia, mut caio] = [(); 4].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("TOKEN SOLICITAR"), "OK TOKEN cerca=1 contador=0 espera=0 prazo=30");
    entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR POR 7", 1);
    entrar_na_fila(&mut olho, &caio, "TOKEN SOLICITAR POR 8 ATE 3600", 2);
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=2 cerca=1 contador=0 espera=2");
    assert!(olho.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=1");
    assert_eq!(bia.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=1 prazo=7");
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=3 cerca=2 contador=1 espera=1");
    entrar_na_fila(&mut olho, &ana, "TOKEN SOLICITAR", 2);
    assert_eq!(bia.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=2 espera=1");
    assert_eq!(caio.ler_linha(), "OK TOKEN cerca=3 contador=2 espera=1 prazo=8");
    assert_eq!(caio.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=3 espera=0");
    assert_eq!(ana.ler_linha(), "OK TOKEN cerca=4 contador=3 espera=0 prazo=30");
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=4 espera=0");
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=livre cerca=4 contador=4 espera=0");
}

/// O que foi pedido antes da espera é respondido antes dela; o que foi pedido depois, depois, e em ordem.
#[test]
fn em_lote_a_espera_nao_troca_a_ordem() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut bia] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
    bia.enviar_bytes(
        b"PING\nTOKEN SOLICITAR\nRESERVAR 5 CERCA 2\nTOKEN ESTADO\nTOKEN LIBERAR\nTOKEN LIBERAR\nPING\n",
    );
    assert_eq!(bia.ler_linha(), "OK PONG");
    esperar_fila(&mut olho, 1);
    assert_eq!(olho.pedir("LISTAR"), "OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=0");
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
    assert_eq!(bia.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=0 prazo=30");
    assert_eq!(bia.ler_linha(), "OK RESERVADO 5 versao=1");
    assert_eq!(bia.ler_linha(), "OK TOKEN dono=3 cerca=2 contador=1 espera=0");
    assert_eq!(bia.ler_linha(), "OK LIBERADO contador=2 espera=0");
    assert!(bia.ler_linha().starts_with("ERRO TOKEN_NAO_E_SEU :"));
    assert_eq!(bia.ler_linha(), "OK PONG");
}

/// Os limites de `POR` e `ATE`, e um além; o que foi recusado não toma o token.
#[test]
fn prazos_no_limite_e_um_alem() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for ruim in
        ["POR 0", "POR 3601", "ATE 0", "ATE 3601", "POR 1 ATE 0", "POR 3601 ATE 1", "POR -1", "POR 01", "POR"]
    {
        let fim = ana.pedir(&format!("TOKEN SOLICITAR {ruim}"));
        assert!(fim.starts_with("ERRO SINTAXE :uso: TOKEN SOLICITAR "), "{ruim}: {fim}");
        assert_eq!(valor(&ana.pedir("TOKEN ESTADO"), "dono"), "livre", "{ruim}");
    }
    for (bom, prazo) in [
        ("POR 1", 1),
        ("POR 3600", 3600),
        ("ATE 1", 30),
        ("ATE 3600", 30),
        ("POR 1 ATE 3600", 1),
        ("POR 3600 ATE 1", 3600),
    ] {
        let fim = ana.pedir(&format!("TOKEN SOLICITAR {bom}"));
        assert!(
            fim.starts_with("OK TOKEN cerca=") && fim.ends_with(&format!(" prazo={prazo}")),
            "{bom}: {fim}"
        );
        assert!(ana.pedir("TOKEN LIBERAR").starts_with("OK LIBERADO "));
    }
}

// ---- A cláusula CERCA ----

/// Os pedidos que aceitam a cláusula, e o que cada um responde a quem tem o 1 e o 2, com o 50 de outra pessoa.
const COM_CERCA: [(&str, &str); 7] = [
    ("RESERVAR 1 3", "OK RESERVADO 1 3"),
    ("RESERVAR 3 50", "ERRO OCUPADO 50"),
    ("RESERVAR PARCIAL 3 50", "OK RESERVADO 3 OCUPADO 50"),
    ("RESERVAR QUANTIDADE 2 PREFERINDO 4 50", "OK RESERVADO 3 4 OCUPADO 50"),
    ("CANCELAR 2", "OK CANCELADO 2"),
    ("CANCELAR 1 3", "ERRO NAO_E_SEU 3"),
    ("CANCELAR TUDO", "OK CANCELADO 1 2"),
];

/// Com o número que vale, cada pedido é atendido como sem a cláusula; com qualquer outro, é recusado antes de a sala
/// ser olhada, e ela fica como está.
#[test]
fn cerca_que_vale_e_as_que_nao_valem() {
    for (pedido, esperado) in COM_CERCA {
        let servidor = ServidorDeTeste::new();
        let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
        assert_eq!(bia.pedir("RESERVAR 50"), "OK RESERVADO 50 versao=1");
        assert_eq!(ana.pedir("RESERVAR 1 2"), "OK RESERVADO 1 2 versao=2");
        let recusado = |quem: &mut Terminal, cerca: &str, atual: u64| {
            let antes = quem.pedir_tudo("LISTAR");
            let fim = quem.pedir(&format!("{pedido} CERCA {cerca}"));
            let esperado = format!("ERRO CERCA_VENCIDA atual={atual} versao=2 :");
            assert!(fim.starts_with(&esperado), "{pedido} CERCA {cerca}: {fim}");
            assert_eq!(quem.pedir_tudo("LISTAR"), antes, "{pedido} CERCA {cerca} mudou a sala");
        };
        // Antes de haver token.
        recusado(&mut ana, "0", 0);
        recusado(&mut ana, "1", 0);
        // Duas voltas, para que haja um número velho que foi dela.
        assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
        assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
        recusado(&mut ana, "1", 1);
        assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 2);
        for outro in
            ["0", "1", "3", "18446744073709551615", "18446744073709551616", "99999999999999999999999"]
        {
            recusado(&mut ana, outro, 2);
        }
        // O número certo, de quem não é o dono.
        recusado(&mut bia, "2", 2);
        recusado(&mut bia, "1", 2);
        let fim = ana.pedir(&format!("{} cerca 2", pedido.to_lowercase()));
        assert!(fim.starts_with(&format!("{esperado} versao=")), "{pedido}: {fim}");
        assert_eq!(ana.pedir("TOKEN ESTADO"), "OK TOKEN dono=1 cerca=2 contador=1 espera=0");
    }
}

/// A lição do dono atrasado: dormiu além do prazo, e o que ele ainda manda não estraga o trabalho do seguinte.
#[test]
fn dono_atrasado_nao_faz_mal() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("TOKEN SOLICITAR POR 1"), "OK TOKEN cerca=1 contador=0 espera=0 prazo=1");
    assert_eq!(ana.pedir("RESERVAR 1 CERCA 1"), "OK RESERVADO 1 versao=1");
    // A Ana dorme; a Bia espera a vez, que vem com o fim do prazo.
    assert_eq!(bia.pedir("TOKEN SOLICITAR"), "OK TOKEN cerca=2 contador=0 espera=0 prazo=30");
    for pedido in ["RESERVAR 3", "RESERVAR PARCIAL 3", "RESERVAR QUANTIDADE 1", "CANCELAR 1", "CANCELAR TUDO"]
    {
        let fim = ana.pedir(&format!("{pedido} CERCA 1"));
        assert!(fim.starts_with("ERRO CERCA_VENCIDA atual=2 versao=1 :"), "{pedido}: {fim}");
    }
    assert!(ana.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
    assert_eq!(bia.pedir("RESERVAR 3 CERCA 2"), "OK RESERVADO 3 versao=2");
    assert_eq!(bia.pedir("CANCELAR 3 CERCA 2"), "OK CANCELADO 3 versao=3");
    assert_eq!(bia.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
    assert!(bia.pedir("RESERVAR 3 CERCA 2").starts_with("ERRO CERCA_VENCIDA atual=2 versao=3 :"));
    // O que se fez com o token fica; sem a cláusula, ninguém precisa dele.
    assert_eq!(ana.pedir("CANCELAR TUDO"), "OK CANCELADO 1 versao=4");
}

/// O prazo que acabou sem ninguém à espera também tira o valor do número.
#[test]
fn cerca_vence_com_o_prazo_mesmo_sem_sucessor() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR POR 1"), 1);
    esperar_dono(&mut olho, "livre");
    assert!(ana.pedir("RESERVAR 3 CERCA 1").starts_with("ERRO CERCA_VENCIDA atual=1 versao=0 :"));
    assert_eq!(ana.pedir("LISTAR"), "OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=0");
}

// ---- Um cliente, duas conexões ----

#[track_caller]
fn retomar(terminal: &mut Terminal, outro: &Terminal) {
    let fim = terminal.pedir(&format!("RETOMAR {} {}", outro.cliente, outro.chave));
    assert_eq!(fim, format!("OK RETOMADO {}", outro.cliente));
}

/// Quem muda de pele larga o token: ele passa ao primeiro da fila, e não fica nem com a pele velha nem com a nova.
#[test]
fn retomar_com_o_token_o_passa_adiante() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut bia, caio] = [(); 4].map(|()| servidor.entrar());
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
    entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR", 1);
    retomar(&mut ana, &caio);
    assert_eq!(bia.ler_linha(), "OK TOKEN cerca=2 contador=0 espera=0 prazo=30");
    assert!(ana.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
    // Retomar a si mesmo também é mudar; uma chave errada não é.
    let fim = bia.pedir(&format!("RETOMAR 1 {}", "0".repeat(32)));
    assert!(fim.starts_with("ERRO CHAVE_INVALIDA :"), "{fim}");
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=3 cerca=2 contador=0 espera=0");
    let si_mesma = format!("RETOMAR 3 {}", bia.chave);
    assert_eq!(bia.pedir(&si_mesma), "OK RETOMADO 3");
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=livre cerca=2 contador=0 espera=0");
}

/// O dono é o cliente: a sua outra conexão usa a cerca, libera, e não pode pedir de novo.
#[test]
fn token_vale_nas_duas_conexoes_do_dono() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut outra, mut bia] = [(); 4].map(|()| servidor.entrar());
    retomar(&mut outra, &ana);
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
    assert!(outra.pedir("TOKEN SOLICITAR").starts_with("ERRO TOKEN_JA_E_SEU :"));
    assert_eq!(outra.pedir("RESERVAR 9 CERCA 1"), "OK RESERVADO 9 versao=1");
    entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR", 1);
    assert_eq!(outra.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
    assert_eq!(bia.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=0 prazo=30");
    assert!(ana.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
}

/// O token se vai com a conexão que o recebeu, mesmo que o cliente tenha outra; o fim da outra não muda nada.
#[test]
fn token_se_vai_com_a_conexao_que_o_recebeu() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut outra, mut mais_uma] = [(); 4].map(|()| servidor.entrar());
    retomar(&mut outra, &ana);
    retomar(&mut mais_uma, &ana);
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
    assert_eq!(mais_uma.pedir("SAIR"), "OK ATE_LOGO");
    mais_uma.espera_fim();
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=2 cerca=1 contador=0 espera=0");
    ana.cair();
    esperar_dono(&mut olho, "livre");
    assert!(outra.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
    assert_eq!(outra.pedir("TOKEN SOLICITAR"), "OK TOKEN cerca=2 contador=0 espera=0 prazo=30");
}

/// As duas conexões de um cliente podem esperar ao mesmo tempo: cada uma tem o seu lugar.
#[test]
fn duas_conexoes_do_mesmo_cliente_na_fila() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut dona, mut ana, mut outra] = [(); 4].map(|()| servidor.entrar());
    retomar(&mut outra, &ana);
    assert_eq!(tomar(&mut dona, "TOKEN SOLICITAR"), 1);
    entrar_na_fila(&mut olho, &ana, "TOKEN SOLICITAR", 1);
    entrar_na_fila(&mut olho, &outra, "TOKEN SOLICITAR", 2);
    assert_eq!(dona.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=1");
    assert_eq!(ana.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=1 prazo=30");
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=2 espera=0");
    assert_eq!(outra.ler_linha(), "OK TOKEN cerca=3 contador=2 espera=0 prazo=30");
}
