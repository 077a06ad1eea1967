//! RESERVAR, CANCELAR e LISTAR: tudo ou nada, parcial, quantidade, cota, repetição, e a versão em toda resposta.

use arnes::ServidorDeTeste;
use arnes::roteiro::roteiro;
use arnes::terminal::valor;
use servidor::Config;

#[test]
fn reservar_tudo_ou_nada() {
    roteiro(
        "
        A> RESERVAR 3 7 9
        A< OK RESERVADO 3 7 9 versao=1
        B> RESERVAR 1 7 2 9
        B< ERRO OCUPADO 7 9 versao=1 :...
        B> LISTAR
        B< LIVRES 1-2 4-6 8 10-100
        B< SEGURADOS
        B< OCUPADOS 3 7 9
        B< SEUS
        B< OK LISTADO livres=97 segurados=0 ocupados=3 seus=0 versao=1
        B> RESERVAR 1 2
        B< OK RESERVADO 1 2 versao=2
        B> LISTAR
        B< LIVRES 4-6 8 10-100
        B< SEGURADOS
        B< OCUPADOS 1-3 7 9
        B< SEUS 1-2
        B< OK LISTADO livres=95 segurados=0 ocupados=5 seus=2 versao=2
        ",
    );
}

#[test]
fn reservar_todas_as_escritas_de_uma_lista() {
    for lista in
        ["3 7 9", "3,7,9", "9 7 3", "3, 7 ,9", ",3,,7,9,", "3\t7\t9", "7-7 3 9", "3 3 7 9 9", "3,7 9"]
    {
        roteiro(&format!("A> RESERVAR {lista}\nA< OK RESERVADO 3 7 9 versao=1"));
    }
    roteiro("A> rEsErVaR 4-6 12\nA< OK RESERVADO 4 5 6 12 versao=1");
}

#[test]
fn reservar_todos_os_cem() {
    let todos = (1..=100).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    roteiro(&format!(
        "
        A> RESERVAR 1-100
        A< OK RESERVADO {todos} versao=1
        A> LISTAR
        A< LIVRES
        A< SEGURADOS
        A< OCUPADOS 1-100
        A< SEUS 1-100
        A< OK LISTADO livres=0 segurados=0 ocupados=100 seus=100 versao=1
        B> RESERVAR {todos}
        B< ERRO OCUPADO {todos} versao=1 :...
        B> RESERVAR QUANTIDADE 1
        B< ERRO INSUFICIENTE livres=0 versao=1 :...
        A> CANCELAR 2-100
        A< OK CANCELADO {} versao=2
        B> RESERVAR QUANTIDADE 99
        B< OK RESERVADO {} versao=3
        ",
        &todos[2..],
        &todos[2..],
    ));
}

#[test]
fn reservar_repetido_nao_muda_nada() {
    roteiro(
        "
        A> RESERVAR 3 7
        A< OK RESERVADO 3 7 versao=1
        A> RESERVAR 3 7
        A< OK RESERVADO 3 7 versao=1
        A> RESERVAR PARCIAL 7
        A< OK RESERVADO 7 versao=1
        A> RESERVAR 7 8
        A< OK RESERVADO 7 8 versao=2
        A> LISTAR
        A< ...
        A< SEUS 3 7-8
        A< OK LISTADO livres=97 segurados=0 ocupados=3 seus=3 versao=2
        ",
    );
}

#[test]
fn reservar_parcial() {
    roteiro(
        "
        A> RESERVAR 2 3
        A< OK RESERVADO 2 3 versao=1
        B> RESERVAR PARCIAL 2 3 4 5
        B< OK RESERVADO 4 5 OCUPADO 2 3 versao=2
        B> RESERVAR PARCIAL 3 2
        B< ERRO OCUPADO 2 3 versao=2 :...
        B> RESERVAR PARCIAL 10 11
        B< OK RESERVADO 10 11 versao=3
        B> RESERVAR PARCIAL 2 4
        B< OK RESERVADO 4 OCUPADO 2 versao=3
        ",
    );
}

/// O exemplo do avião: A já tem 2 e 3; B quer dois lugares, de preferência aqueles.
#[test]
fn reservar_quantidade_preferindo_o_que_outro_tem() {
    roteiro(
        "
        A> RESERVAR 2 3
        A< OK RESERVADO 2 3 versao=1
        B> RESERVAR QUANTIDADE 2 PREFERINDO 2 3
        B< OK RESERVADO 4 5 OCUPADO 2 3 versao=2
        B> RESERVAR QUANTIDADE 2 PREFERINDO 3 1
        B< OK RESERVADO 1 6 OCUPADO 3 versao=3
        ",
    );
}

#[test]
fn reservar_quantidade_lado_a_lado_sem_atravessar_a_fileira() {
    roteiro(
        "
        A> RESERVAR 1-8
        A< OK RESERVADO 1 2 3 4 5 6 7 8 versao=1
        B> RESERVAR QUANTIDADE 3
        B< OK RESERVADO 11 12 13 versao=2
        B> RESERVAR QUANTIDADE 2
        B< OK RESERVADO 9 10 versao=3
        B> RESERVAR QUANTIDADE 1
        B< OK RESERVADO 14 versao=4
        ",
    );
    // Sem onde sentar lado a lado, os menores números: só ficam livres os pares de cada fileira.
    let impares = (1..100).step_by(2).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    roteiro(&format!(
        "
        A> RESERVAR {impares}
        A< OK RESERVADO ...
        B> RESERVAR QUANTIDADE 3
        B< OK RESERVADO 2 4 6 versao=2
        B> RESERVAR QUANTIDADE 48
        B< ERRO INSUFICIENTE livres=47 versao=2 :...
        "
    ));
}

#[test]
fn reservar_quantidade_e_sempre_a_mais() {
    roteiro(
        "
        A> RESERVAR QUANTIDADE 2
        A< OK RESERVADO 1 2 versao=1
        A> RESERVAR QUANTIDADE 2
        A< OK RESERVADO 3 4 versao=2
        A> RESERVAR QUANTIDADE 2 PREFERINDO 1 50 60
        A< OK RESERVADO 50 60 versao=3
        A> RESERVAR QUANTIDADE 1 PREFERINDO 70-80
        A< OK RESERVADO 70 versao=4
        A> RESERVAR QUANTIDADE 101
        A< ERRO INSUFICIENTE livres=93 versao=4 :...
        A> RESERVAR QUANTIDADE 99999999999999999999
        A< ERRO INSUFICIENTE livres=93 versao=4 :...
        ",
    );
}

#[test]
fn cancelar_tudo_ou_nada() {
    roteiro(
        "
        A> RESERVAR 3 7 9
        A< OK RESERVADO 3 7 9 versao=1
        B> RESERVAR 4
        B< OK RESERVADO 4 versao=2
        A> CANCELAR 3 4 5
        A< ERRO NAO_E_SEU 4 5 versao=2 :...
        B> CANCELAR 3
        B< ERRO NAO_E_SEU 3 versao=2 :...
        A> CANCELAR 7 3
        A< OK CANCELADO 3 7 versao=3
        A> CANCELAR 7
        A< ERRO NAO_E_SEU 7 versao=3 :...
        A> cancelar tudo
        A< OK CANCELADO 9 versao=4
        A> CANCELAR TUDO
        A< OK CANCELADO versao=4
        B> LISTAR
        B< LIVRES 1-3 5-100
        B< ...
        B< OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=4
        ",
    );
}

#[test]
fn cota_no_limite_e_um_alem() {
    let servidor = ServidorDeTeste::com(Config { max_por_cliente: 3, ..Config::default() });
    servidor.roteiro(
        "
        A> RESERVAR 1 2 3 4
        A< ERRO LIMITE max=3 versao=0 :...
        A> RESERVAR 1 2 3
        A< OK RESERVADO 1 2 3 versao=1
        A> RESERVAR 4
        A< ERRO LIMITE max=3 versao=1 :...
        A> RESERVAR PARCIAL 3 4
        A< ERRO LIMITE max=3 versao=1 :...
        A> RESERVAR QUANTIDADE 1
        A< ERRO LIMITE max=3 versao=1 :...
        A> RESERVAR 2 3
        A< OK RESERVADO 2 3 versao=1
        B> RESERVAR 3 4 5 6
        B< ERRO OCUPADO 3 versao=1 :...
        B> RESERVAR QUANTIDADE 98
        B< ERRO INSUFICIENTE livres=97 versao=1 :...
        B> RESERVAR PARCIAL 1-5
        B< OK RESERVADO 4 5 OCUPADO 1 2 3 versao=2
        B> RESERVAR QUANTIDADE 1 PREFERINDO 10
        B< OK RESERVADO 10 versao=3
        A> CANCELAR 2
        A< OK CANCELADO 2 versao=4
        A> RESERVAR 50
        A< OK RESERVADO 50 versao=5
        A> RESERVAR 2
        A< ERRO LIMITE max=3 versao=5 :...
        ",
    );
}

/// Toda linha final sobre a sala diz a versão; as que não a viram, não.
#[test]
fn versao_em_toda_resposta_da_sala() {
    let servidor = ServidorDeTeste::com(Config { max_por_cliente: 5, ..Config::default() });
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    for pedido in [
        "RESERVAR 2",
        "RESERVAR 1",
        "RESERVAR PARCIAL 1",
        "RESERVAR PARCIAL 1 2",
        "RESERVAR QUANTIDADE 1",
        "RESERVAR QUANTIDADE 100",
        "RESERVAR 2-9",
        "CANCELAR 2",
        "CANCELAR 2",
        "CANCELAR TUDO",
        "CANCELAR TUDO",
        "SEGURAR 1",
        "SEGURAR 2 3",
        "SEGURAR 2",
        "CONFIRMAR 2",
        "SEGURAR 2",
        "CONFIRMAR 2",
        "CONFIRMAR",
        "CONFIRMAR",
        "SEGURAR QUANTIDADE 100",
        "SEGURAR 4-9",
        "AGUARDAR 2",
        "AGUARDAR 4",
        "AGUARDAR 1 ATE 1",
        "AGUARDAR 1-6",
        "AGUARDAR QUANTIDADE 101",
        "LISTAR",
        "MAPA",
        "OBSERVAR",
        "OBSERVAR",
        "HISTORICO 1",
    ] {
        let fim = bia.pedir(pedido);
        let argumentos = fim.split(" :").next().unwrap_or_default();
        let ultimo = argumentos.rsplit(' ').next().unwrap_or_default();
        assert_eq!(ultimo, format!("versao={}", valor(&fim, "versao")), "{pedido}: {fim}");
        let agora = ana.pedir("LISTAR");
        assert_eq!(valor(&agora, "versao"), valor(&fim, "versao"), "{pedido}: {fim}, e LISTAR: {agora}");
    }
    for pedido in [
        "PING",
        "XYZ",
        "RESERVAR",
        "RESERVAR 101",
        "NOME ana",
        "NOME !",
        "RETOMAR 1 0",
        "AJUDA",
        "ESTADO",
        "PARAR",
    ] {
        let fim = bia.pedir(pedido);
        assert!(!fim.contains("versao="), "{pedido}: {fim}");
    }
}

#[test]
fn ocupado_sugere_os_livres_por_perto() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    ana.pedir("RESERVAR 50 51");
    let recusa = bia.pedir("RESERVAR 50");
    let (_, texto) = recusa.split_once(" :").expect("uma recusa tem texto");
    for perto in ["49", "52"] {
        assert!(texto.split([' ', ',']).any(|palavra| palavra == perto), "{recusa}");
    }
}

/// O mapa e a lista dizem a mesma coisa, cada um aos seus olhos.
#[test]
fn mapa_concorda_com_listar() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    ana.pedir("RESERVAR 1 55 100");
    bia.pedir("RESERVAR 2");
    for (quem, marcas) in [(&mut ana, ["*1", "x2", "*55", "*100"]), (&mut bia, ["x1", "*2", "x55", "x100"])] {
        let mapa = quem.pedir_tudo("MAPA");
        assert_eq!(mapa.fim, "OK MAPA versao=2");
        let celulas: Vec<&str> = mapa.dados[..10].iter().flat_map(|l| l.split_ascii_whitespace()).collect();
        assert_eq!(celulas.len(), 100);
        for (celula, numero) in celulas.iter().zip(1..) {
            let esperada = marcas.iter().find(|m| m[1..] == numero.to_string());
            assert_eq!(*celula, esperada.map_or(numero.to_string(), |m| (*m).to_owned()));
        }
        assert!(mapa.dados.iter().all(|linha| linha.is_ascii()), "o mapa é só ASCII: {mapa:?}");
    }
}

/// Os pedidos de maior resposta e o de maior linha, na pilha de verdade de uma thread de cliente, sem otimização.
#[test]
fn pilha_aguenta_os_pedidos_maiores() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let mut todos = (1..=100).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    for pedido in ["AJUDA", "AJUDA RESERVAR", "MAPA", "ESTADO", "LISTAR", &format!("RESERVAR {todos}")] {
        let fim = ana.pedir(pedido);
        assert!(fim.starts_with("OK "), "{pedido}: {fim}");
    }
    let mut bia = servidor.entrar();
    assert!(
        bia.pedir(&format!("RESERVAR QUANTIDADE 100 PREFERINDO {todos}")).starts_with("ERRO INSUFICIENTE")
    );
    todos.push_str(&" 100".repeat((1023 - "RESERVAR ".len() - todos.len()) / 4));
    let recusa = bia.pedir(&format!("RESERVAR {todos}"));
    assert!(recusa.starts_with("ERRO OCUPADO 1 2 3 "), "{recusa}");
    // Duzentos números fora da sala, todos diferentes, nomeados um a um.
    let fora = (1000..).map(|n| n.to_string()).take(200).collect::<Vec<_>>().join(" ");
    let recusa = bia.pedir(&format!("RESERVAR {fora}"));
    assert!(recusa.starts_with(&format!("ERRO ASSENTO_INVALIDO {fora} :")), "{recusa}");
    assert_eq!(ana.pedir("PING"), "OK PONG");
}
