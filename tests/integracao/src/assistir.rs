//! OBSERVAR e PARAR: cada mudança chega sozinha, e o que foi dito soma sempre a sala.

/// Sob carga: a soma do que se contou é a sala, em cada resposta.
mod carga;
/// Quem lê devagar, tarde ou nunca: não atrasa ninguém, e não é enganado.
mod lerdos;

use std::time::Duration;

use arnes::espera::{Cronometro, esperar};
use arnes::partida::MODOS;
use arnes::roteiro::roteiro;
use arnes::terminal::valor;
use arnes::{Observador, ServidorDeTeste};
use servidor::Config;

/// Quanto pode demorar o que devia ser na hora: folga para uma máquina ocupada.
const LOGO: Duration = Duration::from_secs(1);

// ---- A conversa ----

/// Cada tipo de mudança, com os assentos que mudaram e só eles; o que não muda a sala não é contado.
#[test]
fn cada_mudanca_e_contada() {
    roteiro(
        "
        A> OBSERVAR
        A< OK OBSERVANDO versao=0
        B> RESERVAR 9 3 7
        B< OK RESERVADO 3 7 9 versao=1
        A< EVENTO 1 RESERVADO 3 7 9 cliente=2
        B> RESERVAR 9 10
        B< OK RESERVADO 9 10 versao=2
        A< EVENTO 2 RESERVADO 10 cliente=2
        C> RESERVAR PARCIAL 9-11
        C< OK RESERVADO 11 OCUPADO 9 10 versao=3
        A< EVENTO 3 RESERVADO 11 cliente=3
        C> SEGURAR 20 21 22
        C< OK SEGURADO 20 21 22 expira=120 versao=4
        A< EVENTO 4 SEGURADO 20 21 22 cliente=3
        C> CONFIRMAR 21
        C< OK CONFIRMADO 21 versao=5
        A< EVENTO 5 RESERVADO 21 cliente=3
        C> RESERVAR 20 30
        C< OK RESERVADO 20 30 versao=6
        A< EVENTO 6 RESERVADO 20 30 cliente=3
        B> RESERVAR 3
        B< OK RESERVADO 3 versao=6
        B> RESERVAR 20
        B< ERRO OCUPADO 20 versao=6 :...
        B> CANCELAR 20
        B< ERRO NAO_E_SEU 20 versao=6 :...
        B> NOME bia
        B< OK NOME bia
        B> TOKEN SOLICITAR
        B< OK TOKEN cerca=1 contador=0 espera=0 prazo=30
        B> CANCELAR 7 3
        B< OK CANCELADO 3 7 versao=7
        A< EVENTO 7 LIVRE 3 7
        C> CANCELAR TUDO
        C< OK CANCELADO 11 20 21 22 30 versao=8
        A< EVENTO 8 LIVRE 11 20 21 22 30
        C> AGUARDAR QUANTIDADE 2
        C< OK RESERVADO 1 2 versao=9
        A< EVENTO 9 RESERVADO 1 2 cliente=3
        ",
    );
}

/// As suas próprias mudanças também, antes da resposta que as diz; os outros pedidos continuam valendo.
#[test]
fn as_proprias_mudancas_vem_antes_da_resposta() {
    roteiro(
        "
        A> OBSERVAR
        A< OK OBSERVANDO versao=0
        A> RESERVAR 3
        A< EVENTO 1 RESERVADO 3 cliente=1
        A< OK RESERVADO 3 versao=1
        A> RESERVAR 3
        A< OK RESERVADO 3 versao=1
        A> SEGURAR QUANTIDADE 2 POR 60
        A< EVENTO 2 SEGURADO 1 2 cliente=1
        A< OK SEGURADO 1 2 expira=60 versao=2
        A> CONFIRMAR
        A< EVENTO 3 RESERVADO 1 2 cliente=1
        A< OK CONFIRMADO 1 2 versao=3
        A> AGUARDAR 5
        A< EVENTO 4 RESERVADO 5 cliente=1
        A< OK RESERVADO 5 versao=4
        A> LISTAR
        A< LIVRES 4 6-100
        A< SEGURADOS
        A< OCUPADOS 1-3 5
        A< SEUS 1-3 5
        A< OK LISTADO livres=96 segurados=0 ocupados=4 seus=4 versao=4
        A> CANCELAR TUDO
        A< EVENTO 5 LIVRE 1 2 3 5
        A< OK CANCELADO 1 2 3 5 versao=5
        A> PING
        A< OK PONG
        A> RESEVAR
        A< ERRO COMANDO_DESCONHECIDO :...
        ",
    );
}

/// PARAR para; OBSERVAR de novo conta daí em diante; repetir um ou outro não faz mal.
#[test]
fn parar_e_observar_de_novo() {
    roteiro(
        "
        A> PARAR
        A< OK PARADO
        A> observar
        A< OK OBSERVANDO versao=0
        A> OBSERVAR
        A< OK OBSERVANDO versao=0
        B> RESERVAR 1
        B< OK RESERVADO 1 versao=1
        A< EVENTO 1 RESERVADO 1 cliente=2
        A> OBSERVAR
        A< OK OBSERVANDO versao=1
        A> RESERVAR 2
        A< EVENTO 2 RESERVADO 2 cliente=1
        A< OK RESERVADO 2 versao=2
        A> PARAR
        A< OK PARADO
        A> PARAR
        A< OK PARADO
        B> RESERVAR 3
        B< OK RESERVADO 3 versao=3
        A> RESERVAR 4
        A< OK RESERVADO 4 versao=4
        A> OBSERVAR
        A< OK OBSERVANDO versao=4
        B> CANCELAR TUDO
        B< OK CANCELADO 1 3 versao=5
        A< EVENTO 5 LIVRE 1 3
        A> PARAR
        A< OK PARADO
        ",
    );
}

/// Um lote numa conexão que observa: cada mudança vem logo antes da sua resposta, e nada a mais.
#[test]
fn lote_de_quem_observa() {
    const PARES: u64 = 300;
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let lote = "RESERVAR 1-3\nPING\nCANCELAR 2\nCANCELAR TUDO\n";
    ana.enviar_bytes(format!("OBSERVAR\n{}PARAR\n{lote}", lote.repeat(300)).as_bytes());
    ana.fechar_escrita();
    let mut esperadas = vec!["OK OBSERVANDO versao=0".to_owned()];
    for versao in (1..).step_by(3).take(usize::try_from(PARES).expect("cabe")) {
        esperadas.extend([
            format!("EVENTO {versao} RESERVADO 1 2 3 cliente=1"),
            format!("OK RESERVADO 1 2 3 versao={versao}"),
            "OK PONG".to_owned(),
            format!("EVENTO {} LIVRE 2", versao + 1),
            format!("OK CANCELADO 2 versao={}", versao + 1),
            format!("EVENTO {} LIVRE 1 3", versao + 2),
            format!("OK CANCELADO 1 3 versao={}", versao + 2),
        ]);
    }
    let ultima = 3 * PARES;
    esperadas.extend([
        "OK PARADO".to_owned(),
        format!("OK RESERVADO 1 2 3 versao={}", ultima + 1),
        "OK PONG".to_owned(),
        format!("OK CANCELADO 2 versao={}", ultima + 2),
        format!("OK CANCELADO 1 3 versao={}", ultima + 3),
    ]);
    for esperada in esperadas {
        assert_eq!(ana.ler_linha(), esperada);
    }
    ana.espera_fim();
}

/// Os eventos também vêm no meio do que se digita: uma linha começada não os prende.
#[test]
fn linha_comecada_nao_prende_os_eventos() {
    let servidor = ServidorDeTeste::new();
    let (mut olho, mut bia) = (Observador::new(servidor.entrar()), servidor.entrar());
    olho.terminal().enviar_bytes(b"LIS");
    assert_eq!(bia.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    olho.espera_eventos(&["EVENTO 1 RESERVADO 1 cliente=2"]);
    olho.terminal().enviar_bytes(b"TA");
    assert_eq!(bia.pedir("CANCELAR 1"), "OK CANCELADO 1 versao=2");
    olho.espera_eventos(&["EVENTO 2 LIVRE 1"]);
    olho.terminal().enviar_bytes(b"R\n");
    assert!(olho.ler_resposta().fim.starts_with("OK LISTADO livres=100 "));
}

/// Quem observa e espera, por um assento ou pelo token, continua a ouvir o que muda.
#[test]
fn quem_espera_continua_a_observar() {
    let servidor = ServidorDeTeste::new();
    let (mut olho, mut bia) = (Observador::new(servidor.entrar()), servidor.entrar());
    assert_eq!(bia.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    assert!(bia.pedir("TOKEN SOLICITAR").starts_with("OK TOKEN cerca=1 "));
    olho.enviar("AGUARDAR 3");
    assert_eq!(bia.pedir("RESERVAR 4"), "OK RESERVADO 4 versao=2");
    olho.espera_eventos(&["EVENTO 1 RESERVADO 3 cliente=2", "EVENTO 2 RESERVADO 4 cliente=2"]);
    assert_eq!(bia.pedir("CANCELAR TUDO"), "OK CANCELADO 3 4 versao=3");
    assert_eq!(olho.ler_resposta_de_espera().fim, "OK RESERVADO 3 versao=4");
    assert_eq!(olho.soma().versao(), 4, "a mudança vem antes da resposta que a diz");
    olho.enviar("TOKEN SOLICITAR");
    assert_eq!(bia.pedir("RESERVAR 5"), "OK RESERVADO 5 versao=5");
    olho.espera_eventos(&["EVENTO 5 RESERVADO 5 cliente=2"]);
    assert!(bia.pedir("TOKEN LIBERAR").starts_with("OK LIBERADO "));
    assert!(olho.ler_resposta_de_espera().fim.starts_with("OK TOKEN cerca=2 "));
    olho.enviar("AGUARDAR 5 ATE 1");
    assert!(olho.ler_resposta_de_espera().fim.starts_with("ERRO TEMPO_ESGOTADO versao=5 :"));
    assert!(olho.pedir("LISTAR").starts_with("OK LISTADO livres=98 "));
}

/// Retomar outro cliente não interrompe: os eventos dizem o número de quem a conexão passou a ser.
#[test]
fn retomar_observando() {
    let servidor = ServidorDeTeste::new();
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    let mut olho = Observador::new(servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    assert_eq!(olho.pedir("RESERVAR 50"), "OK RESERVADO 50 versao=2");
    assert_eq!(olho.pedir(&format!("RETOMAR {} {}", ana.cliente, ana.chave)), "OK RETOMADO 1");
    assert_eq!(bia.pedir("RESERVAR 4"), "OK RESERVADO 4 versao=3");
    olho.espera_eventos(&["EVENTO 3 RESERVADO 4 cliente=2"]);
    assert_eq!(olho.pedir("RESERVAR 5"), "OK RESERVADO 5 versao=4");
    assert_eq!(olho.eventos.last().map(ToString::to_string), Some("EVENTO 4 RESERVADO 5 cliente=1".into()));
    let lista = olho.pedir_tudo("LISTAR");
    assert_eq!((&lista.dados[3][..], valor(&lista.fim, "versao")), ("SEUS 3 5", "4"));
    // E a outra conexão do mesmo cliente, que não observa, não ouve nada.
    assert_eq!(ana.pedir("CANCELAR TUDO"), "OK CANCELADO 3 5 versao=5");
    olho.espera_eventos(&["EVENTO 5 LIVRE 3 5"]);
}

// ---- O fim ----

/// Quem observa e vai embora, de qualquer modo, devolve o lugar; quem fecha só o seu lado é fechado.
#[test]
fn quem_observa_e_se_vai_devolve_o_lugar() {
    for modo in MODOS {
        let servidor = ServidorDeTeste::new();
        let mut bia = servidor.entrar();
        let mut olho = servidor.entrar();
        assert_eq!(olho.pedir("OBSERVAR"), "OK OBSERVANDO versao=0");
        assert_eq!(bia.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
        assert_eq!(olho.ler_linha(), "EVENTO 1 RESERVADO 1 cliente=1");
        let cronometro = Cronometro::comecar();
        if let Some(mut olho) = modo.ir(olho) {
            olho.espera_fim();
        }
        esperar("o lugar voltar", || servidor.servico().admissao.ocupadas() == 1);
        assert!(cronometro.passou() < LOGO, "{modo:?}: {:?}", cronometro.passou());
        assert_eq!(bia.pedir("CANCELAR 1"), "OK CANCELADO 1 versao=2");
        assert!(bia.pedir_tudo("ESTADO").dados.iter().any(|linha| linha == "conexoes: 1"));
    }
}

/// `printf 'OBSERVAR\n' | nc`: a resposta vem, e o servidor fecha; e SAIR observando é uma despedida como as outras.
#[test]
fn observar_e_ir_embora_no_mesmo_pacote() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    ana.enviar_bytes(b"OBSERVAR\nRESERVAR 1\nPING");
    ana.fechar_escrita();
    for esperado in
        ["OK OBSERVANDO versao=0", "EVENTO 1 RESERVADO 1 cliente=1", "OK RESERVADO 1 versao=1", "OK PONG"]
    {
        assert_eq!(ana.ler_linha(), esperado);
    }
    ana.espera_fim();
    let mut bia = servidor.entrar();
    bia.enviar_bytes(b"OBSERVAR\nSAIR\nRESERVAR 2\n");
    assert_eq!(bia.ler_linha(), "OK OBSERVANDO versao=1");
    assert_eq!(bia.ler_linha(), "OK ATE_LOGO");
    bia.espera_fim();
}

/// Quem observa pode ficar calado: não é desligado por isso. Quando para, volta a valer o prazo.
#[test]
fn observar_nao_e_inatividade() {
    let um_segundo = Duration::from_secs(1);
    let config = Config { inatividade: Some(um_segundo), ..Config::default() };
    let servidor = ServidorDeTeste::com(config);
    let mut olho = Observador::new(servidor.entrar());
    let mut bia = servidor.entrar();
    let cronometro = Cronometro::comecar();
    assert_eq!(bia.pedir("SEGURAR 3 POR 2"), "OK SEGURADO 3 expira=2 versao=1");
    olho.espera_eventos(&["EVENTO 1 SEGURADO 3 cliente=2", "EVENTO 2 LIVRE 3"]);
    assert!(cronometro.passou() >= 2 * um_segundo, "{:?}", cronometro.passou());
    assert!(bia.ler_linha().starts_with("ERRO INATIVO :"), "a espera foi curta demais para provar algo");
    let cronometro = Cronometro::comecar();
    assert_eq!(olho.pedir("PARAR"), "OK PARADO");
    assert!(olho.terminal().ler_linha().starts_with("ERRO INATIVO :"));
    assert!(cronometro.passou() >= Duration::from_millis(900), "{:?}", cronometro.passou());
    olho.terminal().espera_fim();
}

/// Na parada, quem observa ouve o que já aconteceu, o aviso, e mais nada; quem observa e espera, também.
#[test]
fn parada_com_quem_observa() {
    for _ in 0..10 {
        let servidor = ServidorDeTeste::new();
        let mut bia = servidor.entrar();
        let mut todos: Vec<Observador> = (0..10).map(|_| Observador::new(servidor.entrar())).collect();
        assert_eq!(bia.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
        todos.iter_mut().for_each(|um| um.ate(1));
        todos[0].enviar("AGUARDAR 3");
        todos[1].terminal().enviar_bytes(b"LIST");
        servidor.parada().pedir();
        for (n, um) in todos.iter_mut().enumerate() {
            let aviso = um.ler_resposta_de_espera().fim;
            // O que não tem fim de linha não é um pedido; o AGUARDAR pode nem ter chegado a ser lido.
            assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{n}: {aviso}");
            um.terminal().espera_fim();
        }
        assert!(servidor.parar() < LOGO);
    }
}

/// O que a tecla `r` faz: quem observava é avisado e fechado; quem volta observa da versão em que a sala estava.
#[test]
fn reinicio_com_quem_observa() {
    let mut servidor = ServidorDeTeste::new();
    for vez in 0..3 {
        let mut olho = Observador::new(servidor.entrar());
        assert_eq!(olho.soma().versao(), vez);
        let fim = servidor.entrar().pedir(&format!("RESERVAR {}", vez + 1));
        assert!(fim.ends_with(&format!(" versao={}", vez + 1)), "{fim}");
        olho.ate(vez + 1);
        assert_eq!(valor(&olho.pedir("LISTAR"), "ocupados"), (vez + 1).to_string());
        servidor = servidor.reiniciar();
        let aviso = olho.ler_resposta_de_espera().fim;
        assert!(aviso.starts_with("ERRO ENCERRANDO :"), "{aviso}");
        olho.terminal().espera_fim();
    }
}
