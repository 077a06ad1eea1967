//! Tabelas: em cada linha, quem pede, o que pede e o que a sala responde, na língua do protocolo.

use protocolo::{Comando, Recusa};

use super::*;

/// Roda um roteiro de linhas `cliente: PEDIDO -> resposta` (o texto para pessoas, depois de ` :`, não conta).
fn roteiro(cota: u32, linhas: &str) -> Sala {
    let mut sala = Sala::new(cota);
    for linha in linhas.lines().map(str::trim).filter(|linha| !linha.is_empty()) {
        let (cliente, resto) = linha.split_once(": ").expect("cliente: PEDIDO -> resposta");
        let (pedido, esperada) = resto.split_once(" -> ").expect("cliente: PEDIDO -> resposta");
        let cliente = ClientId::new(cliente.parse().unwrap()).unwrap();
        let antes = sala.clone();
        let resposta = fazer(&mut sala, cliente, pedido);
        sala.conferir();
        assert_eq!(resposta.split(" :").next(), Some(esperada), "em: {linha}");
        if resposta.starts_with("ERRO") {
            assert_eq!(format!("{antes:?}"), format!("{sala:?}"), "uma recusa deixou rastro em: {linha}");
        }
    }
    sala
}

fn fazer(sala: &mut Sala, cliente: ClientId, pedido: &str) -> String {
    let veredito = match pedido.parse().unwrap() {
        Comando::Reservar { pedido, .. } => sala.reservar(cliente, pedido),
        Comando::Cancelar { alvo, .. } => sala.cancelar(cliente, alvo),
        Comando::Listar => {
            let quadro = sala.quadro(cliente);
            let (livres, seus) = (quadro.livres().faixas(), quadro.seus.faixas());
            return format!("livres {livres}; seus {seus}; versao={}", sala.versao());
        }
        outro => panic!("{outro} não é da sala"),
    };
    match veredito {
        Ok(resposta) => resposta.to_string(),
        Err(Negado { erro, versao, .. }) => Recusa::na_versao(erro, versao).to_string(),
    }
}

#[test]
fn reservar_todos_ou_nenhum() {
    roteiro(
        100,
        "
        1: RESERVAR 3 7 9 -> OK RESERVADO 3 7 9 versao=1
        2: RESERVAR 7 -> ERRO OCUPADO 7 versao=1
        2: RESERVAR 6 7 8 9 -> ERRO OCUPADO 7 9 versao=1
        2: LISTAR -> livres 1-2 4-6 8 10-100; seus ; versao=1
        2: RESERVAR 6 8 -> OK RESERVADO 6 8 versao=2
        1: RESERVAR 6 -> ERRO OCUPADO 6 versao=2
        1: LISTAR -> livres 1-2 4-5 10-100; seus 3 7 9; versao=2
    ",
    );
}

#[test]
fn reservar_de_novo_nao_muda_nada() {
    roteiro(100, "
        1: RESERVAR 3 7 -> OK RESERVADO 3 7 versao=1
        1: RESERVAR 3 7 -> OK RESERVADO 3 7 versao=1
        1: RESERVAR 3 7 8 -> OK RESERVADO 3 7 8 versao=2
        1: RESERVAR PARCIAL 3 8 -> OK RESERVADO 3 8 versao=2
        1: RESERVAR 1-100 -> OK RESERVADO 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100 versao=3
        2: RESERVAR PARCIAL 1-3 -> ERRO OCUPADO 1 2 3 versao=3
    ");
}

#[test]
fn reservar_parcial_da_os_que_pode() {
    roteiro(
        100,
        "
        1: RESERVAR 2 3 -> OK RESERVADO 2 3 versao=1
        2: RESERVAR PARCIAL 2-5 -> OK RESERVADO 4 5 OCUPADO 2 3 versao=2
        2: RESERVAR PARCIAL 2 3 -> ERRO OCUPADO 2 3 versao=2
        2: RESERVAR PARCIAL 3 4 -> OK RESERVADO 4 OCUPADO 3 versao=2
        2: RESERVAR PARCIAL 6 -> OK RESERVADO 6 versao=3
    ",
    );
}

#[test]
fn reservar_quantidade_escolhe_lado_a_lado() {
    roteiro(
        100,
        "
        1: RESERVAR QUANTIDADE 3 -> OK RESERVADO 1 2 3 versao=1
        2: RESERVAR QUANTIDADE 2 PREFERINDO 2 3 -> OK RESERVADO 4 5 OCUPADO 2 3 versao=2
        3: RESERVAR QUANTIDADE 6 -> OK RESERVADO 11 12 13 14 15 16 versao=3
        3: RESERVAR QUANTIDADE 5 -> OK RESERVADO 6 7 8 9 10 versao=4
        4: RESERVAR QUANTIDADE 3 PREFERINDO 50 16 40 -> OK RESERVADO 17 40 50 OCUPADO 16 versao=5
        4: RESERVAR QUANTIDADE 1 PREFERINDO 90-99 -> OK RESERVADO 90 versao=6
        4: RESERVAR QUANTIDADE 1 PREFERINDO 90 -> OK RESERVADO 18 versao=7
        5: RESERVAR QUANTIDADE 11 -> OK RESERVADO 19 20 21 22 23 24 25 26 27 28 29 versao=8
    ",
    );
}

#[test]
fn reservar_quantidade_quando_nao_ha_lado_a_lado_pega_os_menores() {
    roteiro(100, "
        1: RESERVAR 1-4 6-19 21-100 -> OK RESERVADO 1 2 3 4 6 7 8 9 10 11 12 13 14 15 16 17 18 19 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100 versao=1
        2: RESERVAR QUANTIDADE 3 -> ERRO INSUFICIENTE livres=2 versao=1
        2: RESERVAR QUANTIDADE 101 -> ERRO INSUFICIENTE livres=2 versao=1
        2: RESERVAR QUANTIDADE 99999999999999999999 -> ERRO INSUFICIENTE livres=2 versao=1
        2: RESERVAR QUANTIDADE 2 -> OK RESERVADO 5 20 versao=2
        3: RESERVAR QUANTIDADE 1 -> ERRO INSUFICIENTE livres=0 versao=2
    ");
}

#[test]
fn cancelar_todos_ou_nenhum() {
    roteiro(
        100,
        "
        1: RESERVAR 3 7 9 -> OK RESERVADO 3 7 9 versao=1
        2: RESERVAR 8 -> OK RESERVADO 8 versao=2
        1: CANCELAR 7 8 10 -> ERRO NAO_E_SEU 8 10 versao=2
        2: CANCELAR 7 -> ERRO NAO_E_SEU 7 versao=2
        1: CANCELAR 7 -> OK CANCELADO 7 versao=3
        1: CANCELAR 7 -> ERRO NAO_E_SEU 7 versao=3
        2: RESERVAR 7 -> OK RESERVADO 7 versao=4
        1: CANCELAR TUDO -> OK CANCELADO 3 9 versao=5
        1: CANCELAR TUDO -> OK CANCELADO versao=5
        3: LISTAR -> livres 1-6 9-100; seus ; versao=5
    ",
    );
}

#[test]
fn cota_no_limite_e_um_alem() {
    roteiro(
        3,
        "
        1: RESERVAR 1 2 -> OK RESERVADO 1 2 versao=1
        1: RESERVAR 3 4 -> ERRO LIMITE max=3 versao=1
        1: RESERVAR 2 3 -> OK RESERVADO 2 3 versao=2
        1: RESERVAR 1 2 3 -> OK RESERVADO 1 2 3 versao=2
        1: RESERVAR 4 -> ERRO LIMITE max=3 versao=2
        1: RESERVAR PARCIAL 3 4 -> ERRO LIMITE max=3 versao=2
        1: RESERVAR QUANTIDADE 1 -> ERRO LIMITE max=3 versao=2
        2: RESERVAR 3 4 5 6 7 -> ERRO OCUPADO 3 versao=2
        2: RESERVAR QUANTIDADE 98 -> ERRO INSUFICIENTE livres=97 versao=2
        2: RESERVAR QUANTIDADE 4 -> ERRO LIMITE max=3 versao=2
        1: CANCELAR 1 -> OK CANCELADO 1 versao=3
        1: RESERVAR 4 -> OK RESERVADO 4 versao=4
    ",
    );
}

#[test]
fn nome_fica_enquanto_ha_o_que_guardar() {
    let mut sala = roteiro(100, "1: RESERVAR 1 -> OK RESERVADO 1 versao=1");
    let (um, dois) = (ClientId::new(1).unwrap(), ClientId::new(2).unwrap());
    sala.nomear(um, "ana".parse().unwrap());
    sala.nomear(dois, "beto".parse().unwrap());
    assert_eq!(sala.versao(), Versao(1));
    sala.despedir(um);
    sala.despedir(dois);
    assert_eq!(sala.nome(um).map(Nome::as_str), Some("ana"));
    assert_eq!(sala.nome(dois), None);
}
