//! O cliente tipado contra um servidor de mentira.

use protocolo::Error;

use super::*;
use crate::falso::Falso;

fn assentos(numeros: &[u8]) -> Assentos {
    numeros.iter().filter_map(|n| Assento::new(*n)).collect()
}

#[test]
fn conecta_e_pede() {
    let falso = Falso::com_respostas(&[
        "OK RESERVADO 3 7 versao=1",
        "OK RESERVADO 4 5 OCUPADO 2 3 versao=2",
        "ERRO OCUPADO 7 versao=2 :o assento 7 já é de outra pessoa",
        "OK CANCELADO 3 versao=3",
        "2026-11-21T13:12:49.123Z cliente=7 RESERVADO versao=1\nOK HISTORICO versao=3",
        "OK RETOMADO 2",
        "OK PONG",
        "OK ATE_LOGO",
    ]);
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    assert_eq!(cliente.cliente().numero(), 7);
    assert_eq!(cliente.reservar(assentos(&[7, 3])).unwrap().assentos, assentos(&[3, 7]));
    let reserva = cliente.reservar_quantidade(2, assentos(&[2, 3])).unwrap();
    assert_eq!((reserva.assentos, reserva.ocupados), (assentos(&[4, 5]), assentos(&[2, 3])));
    let recusa = cliente.reservar_parcial(assentos(&[7]));
    assert!(matches!(recusa, Err(Falha::Recusa(r)) if r.erro == Error::Ocupado(assentos(&[7]))));
    assert_eq!(cliente.cancelar(assentos(&[3])).unwrap(), (assentos(&[3]), Versao(3)));
    let (fatos, versao) = cliente.historico(Assento::new(7).unwrap()).unwrap();
    assert_eq!((fatos.len(), fatos[0].cliente, versao), (1, cliente.cliente(), Versao(3)));
    let chave = cliente.chave();
    cliente.retomar(ClientId::new(2).unwrap(), chave).unwrap();
    assert_eq!(cliente.cliente().numero(), 2);
    cliente.ping().unwrap();
    cliente.sair().unwrap();
    assert_eq!(
        falso.ouvidas(),
        [
            "RESERVAR 3 7",
            "RESERVAR QUANTIDADE 2 PREFERINDO 2 3",
            "RESERVAR PARCIAL 7",
            "CANCELAR 3",
            "HISTORICO 7",
            &format!("RETOMAR 2 {chave}"),
            "PING",
            "SAIR",
        ]
    );
}

#[test]
fn token_pede_libera_e_pergunta() {
    let falso = Falso::com_respostas(&[
        "OK TOKEN cerca=18 contador=17 espera=2 prazo=30",
        "OK LIBERADO contador=18 espera=2",
        "ERRO TOKEN_NAO_E_SEU :o token não está com você",
        "OK TOKEN dono=livre cerca=18 contador=18 espera=0",
        "OK TOKEN dono=9 cerca=19 contador=18 espera=1",
        "OK PONG",
    ]);
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    let concessao = cliente.token_solicitar(Segundos::TOKEN_PADRAO, Segundos::new(5)).unwrap();
    assert_eq!(concessao, Concessao { cerca: Cerca(18), contador: 17, espera: 2, prazo: 30 });
    assert_eq!(cliente.token_liberar().unwrap(), Liberacao { contador: 18, espera: 2 });
    assert!(matches!(cliente.token_liberar(), Err(Falha::Recusa(r)) if r.erro == Error::TokenNaoESeu));
    assert_eq!(cliente.token_estado().unwrap().dono, None);
    let estado = cliente.token_estado().unwrap();
    assert_eq!((estado.dono, estado.cerca, estado.espera), (ClientId::new(9), Cerca(19), 1));
    let outra = cliente.token_solicitar(Segundos::TOKEN_PADRAO, None);
    assert!(matches!(outra, Err(Falha::RespostaInvalida(_))));
    assert_eq!(
        falso.ouvidas(),
        [
            "TOKEN SOLICITAR POR 30 ATE 5",
            "TOKEN LIBERAR",
            "TOKEN LIBERAR",
            "TOKEN ESTADO",
            "TOKEN ESTADO",
            "TOKEN SOLICITAR POR 30",
        ]
    );
}

#[test]
fn corte_solta_quem_espera() {
    let falso = Falso::new(|conversa| while conversa.ouvir().is_some() {});
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    let corte = cliente.corte().unwrap();
    let espera = std::thread::Builder::new().name("espera".into());
    let espera = espera.spawn(move || cliente.token_solicitar(Segundos::TOKEN_PADRAO, None)).unwrap();
    corte.cortar();
    assert!(matches!(espera.join().unwrap(), Err(Falha::Perdida(_))));
    corte.cortar();
    falso.ouvidas();
}

#[test]
fn eventos_entre_respostas_ficam_guardados() {
    let falso = Falso::com_respostas(&[
        "OK OBSERVANDO versao=1\nEVENTO 2 LIVRE 3",
        "EVENTO 3 RESERVADO 3 cliente=5\nOK PONG\nEVENTO 4 LIVRE 3",
    ]);
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    assert_eq!(cliente.observar().unwrap(), Versao(1));
    cliente.ping().unwrap();
    let versoes: Vec<_> = cliente.tirar_eventos().iter().map(|evento| evento.versao.0).collect();
    assert_eq!(versoes, [2, 3]);
    assert_eq!(cliente.proximo_evento().unwrap().versao, Versao(4));
}

#[test]
fn pedidos_em_fila_e_metade_fechada() {
    let falso = Falso::com_respostas(&["OK PONG", "a: 1\nOK ESTADO"]);
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    cliente.enviar(&Comando::Ping).unwrap();
    cliente.enviar_bytes(b"estado\n").unwrap();
    cliente.fechar_escrita().unwrap();
    assert!(matches!(cliente.receber().unwrap(), Resposta::Pong));
    assert_eq!(cliente.receber_bloco().unwrap().texto(), "a: 1\nOK ESTADO\n");
    assert!(matches!(cliente.receber(), Err(Falha::Perdida(None))));
}

#[test]
fn servidor_que_fecha_no_meio_da_resposta() {
    let falso = Falso::new(|conversa| {
        conversa.ouvir();
        conversa.dizer("LIVRES 1-100\nSEGUR");
    });
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    assert!(matches!(cliente.listar(), Err(Falha::Perdida(None))));
}

#[test]
fn resposta_de_outro_pedido_e_invalida() {
    let falso = Falso::com_respostas(&["OK PARADO", "O QUE?\nOK NADA"]);
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    assert!(matches!(cliente.ping(), Err(Falha::RespostaInvalida(_))));
    assert!(matches!(cliente.ping(), Err(Falha::RespostaInvalida(_))));
}

#[test]
fn prazo_que_vence_nao_perde_o_que_ja_veio() {
    let falso = Falso::new(|conversa| {
        conversa.dizer("OK PO");
        // Só diz o resto depois que o cliente desistiu de esperar e avisou.
        conversa.ouvir();
        conversa.dizer("NG\n");
    });
    let mut cliente = Cliente::conectar(falso.endereco).unwrap();
    cliente.prazo_de_leitura(Some(Duration::from_millis(20))).unwrap();
    assert!(matches!(cliente.receber(), Err(Falha::Demora)));
    cliente.prazo_de_leitura(None).unwrap();
    cliente.enviar(&Comando::Ping).unwrap();
    assert!(matches!(cliente.receber().unwrap(), Resposta::Pong));
}

#[test]
fn servidor_cheio_ou_ausente() {
    let falso = Falso::sem_saudacao("ERRO LOTADO max=1 :não cabem mais conexões agora\n");
    let falha = Cliente::conectar(falso.endereco).map(|_| ()).unwrap_err();
    assert!(matches!(&falha, Falha::Recusa(r) if r.erro == Error::Lotado { max: 1 }));
    assert_eq!(falha.codigo_de_saida(), 3);

    let fechada = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let falha = Cliente::conectar(fechada).map(|_| ()).unwrap_err();
    assert!(matches!(falha, Falha::SemConexao(_)));
    assert!(falha.to_string().contains("ninguém atende"), "{falha}");
}
