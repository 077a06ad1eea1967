//! Histórias verdadeiras, e mentiras plantadas que a prova tem de achar.

use protocolo::{Cerca, ClientId};

use super::*;

const fn ms(quantos: u64) -> Duration {
    Duration::from_millis(quantos)
}

fn estado(dono: Option<u64>, cerca: u64, contador: u64) -> EstadoDoToken {
    EstadoDoToken { dono: dono.and_then(ClientId::new), cerca: Cerca(cerca), contador, espera: 0 }
}

/// Uma posse de `obteve` a `largou`, em milissegundos, liberada.
fn posse(cliente: u16, cerca: u64, obteve: u64, largou: u64) -> Posse {
    Posse {
        cliente,
        cerca,
        contador: cerca - 11 + 5,
        prazo: ms(30_000),
        pediu: ms(obteve.saturating_sub(10)),
        obteve: ms(obteve),
        largou: ms(largou),
        soube: ms(largou + 1),
        desfecho: Desfecho::Liberada(cerca - 11 + 6),
    }
}

/// Três posses sem defeito, depois da cerca 10 e do contador 5.
fn boa() -> Historia {
    Historia {
        inicio: estado(None, 10, 5),
        fim: Some(estado(None, 13, 8)),
        posses: vec![posse(2, 12, 20, 30), posse(1, 11, 10, 20), posse(1, 13, 40, 50)],
        contador: 3,
    }
}

/// A única violação da história.
fn unica(historia: &Historia) -> Violacao {
    let mut violacoes = julgar(historia).violacoes;
    assert_eq!(violacoes.len(), 1, "{violacoes:?}");
    violacoes.remove(0)
}

#[test]
fn historia_boa_esta_provada() {
    let veredito = julgar(&boa());
    assert_eq!(veredito.violacoes, []);
    assert_eq!((veredito.liberadas, veredito.alheias, veredito.contador), (3, 0, 8));
    assert_eq!(veredito.cercas, Some((11, 13)));
}

#[test]
fn historia_vazia_nao_tem_o_que_negar() {
    let vazia = Historia { inicio: estado(None, 10, 5), fim: None, posses: Vec::new(), contador: 0 };
    let veredito = julgar(&vazia);
    assert_eq!((veredito.violacoes, veredito.cercas), (Vec::new(), None));
}

#[test]
fn mentira_dois_donos() {
    let mut historia = boa();
    // O cliente 2 ouve o OK um milissegundo antes de o cliente 1 largar.
    historia.posses[0].obteve = ms(19);
    let violacao = unica(&historia);
    assert_eq!(violacao, Violacao::DoisDonos(historia.posses[1], historia.posses[0]));
    assert_eq!(violacao.afirmacao(), 1);
    let texto = violacao.to_string();
    assert_eq!(
        texto,
        "dois donos por 1,0 ms: o cliente 1 (cerca 11, de 0,010000 s a 0,020000 s) e \
         o cliente 2 (cerca 12, de 0,019000 s a 0,030000 s)"
    );
}

#[test]
fn mentira_dois_donos_um_dentro_do_outro_e_nao_vizinhos() {
    let mut historia = boa();
    // A posse do cliente 2 começa com a do cliente 1 e só acaba depois da seguinte.
    historia.posses[1].largou = ms(60);
    let pares = julgar(&historia).violacoes;
    assert_eq!(
        pares,
        [
            Violacao::DoisDonos(historia.posses[1], historia.posses[0]),
            Violacao::DoisDonos(historia.posses[1], historia.posses[2]),
        ]
    );
}

#[test]
fn mentira_cerca_repetida() {
    let mut historia = boa();
    historia.posses[2].cerca = 12;
    historia.fim = None;
    let violacoes = julgar(&historia).violacoes;
    let repetida = Violacao::CercaRepetida(historia.posses[0], historia.posses[2]);
    assert!(violacoes.contains(&repetida), "{violacoes:?}");
    assert_eq!(repetida.afirmacao(), 3);
}

#[test]
fn mentira_cerca_que_cai() {
    let mut historia = boa();
    // As duas primeiras concessões trocam de número, com o contador que caberia a cada um.
    (historia.posses[0].cerca, historia.posses[1].cerca) = (11, 12);
    (historia.posses[0].contador, historia.posses[1].contador) = (5, 6);
    (historia.posses[0].desfecho, historia.posses[1].desfecho) =
        (Desfecho::Liberada(6), Desfecho::Liberada(7));
    assert_eq!(unica(&historia), Violacao::CercaCaiu(historia.posses[1], historia.posses[0]));
    // Um servidor que recomeça a contar.
    let mut historia = boa();
    historia.inicio.cerca = Cerca(11);
    assert_eq!(unica(&historia), Violacao::CercaAntiga(historia.posses[1], 11));
}

#[test]
fn mentira_soma_perdida() {
    let mut historia = boa();
    historia.contador = 2;
    let violacao = unica(&historia);
    assert_eq!(violacao, Violacao::SomaPerdida { contador: 2, somas: 3 });
    assert_eq!(violacao.afirmacao(), 2);
}

#[test]
fn mentira_contador_do_servidor() {
    // Numa liberação, numa concessão e no fim.
    let mut historia = boa();
    historia.posses[0].desfecho = Desfecho::Liberada(8);
    assert!(matches!(unica(&historia), Violacao::ContadorErrado { posse: Some(_), disse: 8, entre: (7, 7) }));
    let mut historia = boa();
    historia.posses[0].contador = 5;
    assert!(matches!(unica(&historia), Violacao::ContadorErrado { posse: Some(_), disse: 5, .. }));
    for contador in [7, 9] {
        let mut historia = boa();
        historia.fim = Some(estado(None, 13, contador));
        let violacao = unica(&historia);
        assert_eq!(violacao, Violacao::ContadorErrado { posse: None, disse: contador, entre: (8, 8) });
    }
}

#[test]
fn outros_que_usam_o_token_nao_sao_defeito() {
    // A cerca 12 foi de outro, que liberou; e no fim há um dono que não é daqui.
    let mut historia = boa();
    historia.posses.remove(0);
    historia.contador = 2;
    historia.fim = Some(estado(Some(9), 14, 8));
    let veredito = julgar(&historia);
    assert_eq!((veredito.violacoes.clone(), veredito.alheias), (Vec::new(), 2));
    // Não liberou: o contador anda menos, e também está certo; mais do que isso, não.
    historia.posses[1].contador = 6;
    historia.posses[1].desfecho = Desfecho::Liberada(7);
    assert_eq!(julgar(&historia).violacoes, []);
    historia.posses[1].contador = 8;
    assert!(matches!(unica(&historia), Violacao::ContadorErrado { disse: 8, entre: (6, 7), .. }));
}

#[test]
fn dono_de_antes_pode_liberar_no_meio() {
    let mut historia = boa();
    historia.inicio = estado(Some(9), 10, 4);
    let veredito = julgar(&historia);
    assert_eq!((veredito.violacoes, veredito.dono_antes, veredito.alheias), (Vec::new(), true, 0));
}

#[test]
fn posse_vencida_nao_acusa_ninguem() {
    // O cliente 1 dormiu 40 s com o token; o prazo era de 30, e o cliente 2 o teve nesse meio-tempo.
    let mut historia = boa();
    historia.posses[1].largou = ms(40_000);
    historia.posses[1].soube = ms(40_001);
    historia.posses[1].desfecho = Desfecho::Vencida;
    for (posse, desde) in [(0, 30_010), (2, 40_100)] {
        let contador = historia.posses[posse].contador - 1;
        let alvo = &mut historia.posses[posse];
        (alvo.contador, alvo.desfecho) = (contador, Desfecho::Liberada(contador + 1));
        (alvo.obteve, alvo.largou) = (ms(desde), ms(desde + 10));
    }
    historia.fim = Some(estado(None, 13, 7));
    historia.contador = 2;
    let veredito = julgar(&historia);
    assert_eq!((veredito.violacoes.clone(), veredito.vencidas), (Vec::new(), 1));
    // Mas o servidor não pode tirar o token antes do prazo, nem dá-lo a outro.
    historia.posses[0].obteve = ms(29_000);
    assert!(matches!(unica(&historia), Violacao::DoisDonos(..)));
    let mut historia = boa();
    historia.posses[2].desfecho = Desfecho::Vencida;
    historia.fim = None;
    assert_eq!(unica(&historia), Violacao::TiradoCedo(historia.posses[2]));
}

#[test]
fn liberar_sem_resposta_pode_ter_contado_ou_nao() {
    for contador in [7, 8] {
        let mut historia = boa();
        historia.posses[2].desfecho = Desfecho::SemResposta;
        historia.fim = Some(estado(None, 13, contador));
        let veredito = julgar(&historia);
        assert_eq!((veredito.violacoes, veredito.sem_resposta), (Vec::new(), 1));
    }
}
