//! Tabelas com passos de tempo: quem pede o quê, em que instante, e o que se diz a quem.

use super::*;

/// Roda um roteiro sobre um token. Cada linha é `+5s` (o tempo passa e os prazos vencem) ou
/// `cliente: SOLICITAR [POR s] [ATE s] | LIBERAR | ESTADO | PARTE | CERCA n`, e depois de `->` o que sai, separado
/// por `;`: a resposta de quem pediu (`espera n` se foi para a fila) e o que se entrega a outros (`cliente=resposta`).
fn roteiro(linhas: &str) {
    let mut token = Token::default();
    let mut agora = Instante::default();
    for linha in linhas.lines().map(str::trim).filter(|linha| !linha.is_empty()) {
        let (passo, esperado) = linha.split_once("->").map_or((linha, ""), |(p, e)| (p.trim(), e.trim()));
        let mut saiu = Vec::new();
        if let Some(prazo) = passo.strip_prefix('+') {
            agora = agora.passar(prazo);
            token.vencer(agora);
        } else {
            let (quem, pedido) = passo.split_once(": ").expect("cliente: pedido");
            saiu.extend(fazer(&mut token, agora, ClientId::new(quem.parse().unwrap()).unwrap(), pedido));
        }
        saiu.extend(token.tirar_vencidas().into_iter().map(|quem| format!("{} venceu", quem.cliente)));
        saiu.extend(
            token
                .tirar_entregas()
                .into_iter()
                .map(|e| format!("{}={}", e.conexao, dizer(e.resultado.map_err(|negado| negado.erro)))),
        );
        token.conferir();
        assert_eq!(saiu.join("; "), esperado, "em: {linha}");
    }
}

fn fazer(token: &mut Token, agora: Instante, cliente: ClientId, pedido: &str) -> Option<String> {
    let quem = Requerente { cliente, conexao: cliente };
    let mut palavras = pedido.split(' ');
    let verbo = palavras.next().unwrap();
    let resto: Vec<&str> = palavras.collect();
    let prazo = |nome| {
        let valor = resto.iter().position(|p| *p == nome).map(|i| resto[i + 1].parse().unwrap());
        valor.and_then(Segundos::new)
    };
    Some(match verbo {
        "SOLICITAR" => {
            match token.solicitar(agora, quem, prazo("POR").unwrap_or(Segundos::TOKEN_PADRAO), prazo("ATE")) {
                Ok(Aguardado::NaFila(a_frente)) => format!("espera {a_frente}"),
                Ok(Aguardado::Atendido(resposta)) => dizer(Ok(resposta)),
                Err(erro) => dizer(Err(erro)),
            }
        }
        "LIBERAR" => dizer(token.liberar(agora, cliente)),
        "ESTADO" => dizer(Ok(token.estado(agora))),
        "PARTE" => {
            token.partir(agora, cliente);
            return None;
        }
        "CERCA" => format!("{}", token.vale(agora, cliente, Cerca(resto[0].parse().unwrap()))),
        outro => panic!("{outro}?"),
    })
}

fn dizer(resultado: Result<Resposta, Error>) -> String {
    match resultado {
        Ok(Resposta::TokenConcedido { cerca, contador, espera, prazo }) => {
            format!("token {cerca} contador {contador} espera {espera} prazo {prazo}")
        }
        Ok(outra) => outra.to_string(),
        Err(erro) => erro.to_string(),
    }
}

#[test]
fn token_livre_e_de_quem_pede_e_passa_em_ordem() {
    roteiro(
        "
        1: ESTADO -> OK TOKEN dono=livre cerca=0 contador=0 espera=0
        1: SOLICITAR -> token 1 contador 0 espera 0 prazo 30
        1: SOLICITAR -> TOKEN_JA_E_SEU
        2: SOLICITAR -> espera 0
        3: SOLICITAR POR 5 -> espera 1
        2: LIBERAR -> TOKEN_NAO_E_SEU
        4: LIBERAR -> TOKEN_NAO_E_SEU
        1: ESTADO -> OK TOKEN dono=1 cerca=1 contador=0 espera=2
        1: LIBERAR -> OK LIBERADO contador=1 espera=1; 2=token 2 contador 1 espera 1 prazo 30
        1: SOLICITAR -> espera 1
        2: LIBERAR -> OK LIBERADO contador=2 espera=1; 3=token 3 contador 2 espera 1 prazo 5
        3: LIBERAR -> OK LIBERADO contador=3 espera=0; 1=token 4 contador 3 espera 0 prazo 30
        1: LIBERAR -> OK LIBERADO contador=4 espera=0
        1: LIBERAR -> TOKEN_NAO_E_SEU
        1: ESTADO -> OK TOKEN dono=livre cerca=4 contador=4 espera=0
    ",
    );
}

#[test]
fn prazo_do_dono_vence_na_hora_e_nunca_antes() {
    roteiro(
        "
        1: SOLICITAR POR 5 -> token 1 contador 0 espera 0 prazo 5
        2: SOLICITAR -> espera 0
        +5s-1
        1: CERCA 1 -> true
        +0s
        +1s -> 1 venceu; 2=token 2 contador 0 espera 0 prazo 30
        1: CERCA 1 -> false
        1: LIBERAR -> TOKEN_NAO_E_SEU
        2: LIBERAR -> OK LIBERADO contador=1 espera=0
    ",
    );
}

#[test]
fn prazo_vence_sem_ninguem_na_fila_e_quem_chega_acha_livre() {
    roteiro(
        "
        1: SOLICITAR POR 1 -> token 1 contador 0 espera 0 prazo 1
        +1s -> 1 venceu
        1: ESTADO -> OK TOKEN dono=livre cerca=1 contador=0 espera=0
        1: LIBERAR -> TOKEN_NAO_E_SEU
        1: SOLICITAR POR 3600 -> token 2 contador 0 espera 0 prazo 3600
        +3600s-1
        1: CERCA 2 -> true
        +1s -> 1 venceu
    ",
    );
}

#[test]
fn espera_com_prazo_desiste_na_hora_e_a_fila_anda() {
    roteiro(
        "
        1: SOLICITAR POR 10 -> token 1 contador 0 espera 0 prazo 10
        2: SOLICITAR ATE 3 -> espera 0
        3: SOLICITAR ATE 20 -> espera 1
        +3s-1
        1: ESTADO -> OK TOKEN dono=1 cerca=1 contador=0 espera=2
        +1s -> 2=TEMPO_ESGOTADO
        1: ESTADO -> OK TOKEN dono=1 cerca=1 contador=0 espera=1
        +10s -> 1 venceu; 3=token 2 contador 0 espera 0 prazo 30
    ",
    );
}

#[test]
fn quem_parte_passa_o_token_ou_sai_da_fila() {
    roteiro(
        "
        1: SOLICITAR -> token 1 contador 0 espera 0 prazo 30
        2: SOLICITAR ATE 5 -> espera 0
        3: SOLICITAR -> espera 1
        4: SOLICITAR -> espera 2
        3: PARTE
        1: PARTE -> 2=token 2 contador 0 espera 1 prazo 30
        +5s
        2: PARTE -> 4=token 3 contador 0 espera 0 prazo 30
        5: PARTE
        4: PARTE
        4: ESTADO -> OK TOKEN dono=livre cerca=3 contador=0 espera=0
    ",
    );
}

#[test]
fn atraso_de_quem_vigia_nao_muda_a_ordem_do_que_venceu() {
    // O prazo do dono (5 s) veio antes da desistência (7 s): mesmo que ambos só se vejam aos 60 s, a vez é do segundo.
    roteiro(
        "
        1: SOLICITAR POR 5 -> token 1 contador 0 espera 0 prazo 5
        2: SOLICITAR ATE 7 -> espera 0
        +60s -> 1 venceu; 2=token 2 contador 0 espera 0 prazo 30
        2: CERCA 2 -> true
    ",
    );
    roteiro(
        "
        1: SOLICITAR POR 7 -> token 1 contador 0 espera 0 prazo 7
        2: SOLICITAR ATE 5 -> espera 0
        +60s -> 1 venceu; 2=TEMPO_ESGOTADO
    ",
    );
}

#[test]
fn dispensar_esvazia_a_fila_e_deixa_o_dono() {
    let mut token = Token::default();
    let agora = Instante::default();
    for numero in 1..=3 {
        let quem = ClientId::new(numero).unwrap();
        let quem = Requerente { cliente: quem, conexao: quem };
        token.solicitar(agora, quem, Segundos::TOKEN_PADRAO, Segundos::new(9)).unwrap();
    }
    token.dispensar(&Error::Encerrando);
    token.conferir();
    let dito: Vec<_> = token
        .tirar_entregas()
        .into_iter()
        .map(|e| (e.conexao.numero(), e.resultado.unwrap_err().erro))
        .collect();
    assert_eq!(dito, [(2, Error::Encerrando), (3, Error::Encerrando)]);
    assert!(matches!(token.estado(agora), Resposta::TokenEstado { dono: Some(_), espera: 0, .. }));
}
