//! Valores sorteados dos tipos do protocolo, sempre coerentes: nada que o servidor não pudesse dizer.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use protocolo::*;

fn assento() -> impl Strategy<Value = Assento> {
    (1..=100u8).prop_map(|n| Assento::new(n).unwrap())
}

/// Um conjunto qualquer, também o vazio e a sala inteira; os pequenos são os mais comuns.
fn assentos_ou_nenhum() -> impl Strategy<Value = Assentos> {
    prop_oneof![
        4 => vec(assento(), 0..5).prop_map(|lista| lista.into_iter().collect()),
        2 => any::<u128>()
            .prop_map(|bits| Assento::todos().filter(|a| bits >> a.indice() & 1 == 1).collect()),
        1 => Just(Assentos::TODOS),
    ]
}

fn assentos() -> impl Strategy<Value = Assentos> {
    (assento(), assentos_ou_nenhum()).prop_map(|(um, outros)| outros | um.into())
}

pub fn quadro() -> impl Strategy<Value = Quadro> {
    let conjunto = assentos_ou_nenhum;
    (conjunto(), conjunto(), conjunto()).prop_map(|(segurados, ocupados, seus)| {
        let segurados = segurados - ocupados;
        Quadro { segurados, ocupados, seus: seus & (segurados | ocupados) }
    })
}

/// Um número pequeno, ou um perto do fim de 64 bits.
fn numero() -> impl Strategy<Value = u64> {
    prop_oneof![0..100u64, u64::MAX - 2..=u64::MAX, any::<u64>()]
}

fn cliente() -> impl Strategy<Value = ClientId> {
    numero().prop_map(|n| ClientId::new(n.max(1)).unwrap())
}

fn chave() -> impl Strategy<Value = Chave> {
    any::<[u8; limites::CHAVE_BYTES]>().prop_map(Chave::new)
}

fn nome() -> impl Strategy<Value = Nome> {
    "[a-zA-Z0-9._À-ÖØ-öø-ɏ-]{1,32}".prop_map(|texto| texto.parse().unwrap())
}

fn versao() -> impl Strategy<Value = Versao> {
    numero().prop_map(Versao)
}

fn cerca() -> impl Strategy<Value = Cerca> {
    numero().prop_map(Cerca)
}

fn segundos() -> impl Strategy<Value = Segundos> {
    prop_oneof![Just(1), Just(3600), 1..=3600u32].prop_map(|s| Segundos::new(s).unwrap())
}

fn quantos() -> impl Strategy<Value = u32> {
    prop_oneof![1..=101u32, Just(u32::MAX)]
}

fn escolha() -> impl Strategy<Value = Escolha> {
    prop_oneof![assentos().prop_map(Escolha::Estes), quantos().prop_map(Escolha::Quantidade)]
}

fn pedido() -> impl Strategy<Value = Pedido> {
    prop_oneof![
        assentos().prop_map(Pedido::Todos),
        assentos().prop_map(Pedido::Parcial),
        (quantos(), assentos_ou_nenhum())
            .prop_map(|(quantos, preferidos)| Pedido::Quantidade { quantos, preferidos }),
    ]
}

fn token() -> impl Strategy<Value = ComandoToken> {
    prop_oneof![
        (segundos(), option::of(segundos())).prop_map(|(por, ate)| ComandoToken::Solicitar { por, ate }),
        Just(ComandoToken::Liberar),
        Just(ComandoToken::Estado),
    ]
}

pub fn comando() -> impl Strategy<Value = Comando> {
    let alvo = prop_oneof![assentos().prop_map(Alvo::Estes), Just(Alvo::Tudo)];
    prop_oneof![
        6 => (pedido(), option::of(cerca())).prop_map(|(pedido, cerca)| Comando::Reservar { pedido, cerca }),
        3 => (escolha(), segundos()).prop_map(|(escolha, por)| Comando::Segurar { escolha, por }),
        2 => option::of(assentos()).prop_map(Comando::Confirmar),
        3 => (alvo, option::of(cerca())).prop_map(|(alvo, cerca)| Comando::Cancelar { alvo, cerca }),
        3 => (escolha(), option::of(segundos())).prop_map(|(escolha, ate)| Comando::Aguardar { escolha, ate }),
        2 => token().prop_map(Comando::Token),
        1 => assento().prop_map(Comando::Historico),
        1 => nome().prop_map(Comando::Nome),
        1 => (cliente(), chave()).prop_map(|(cliente, chave)| Comando::Retomar { cliente, chave }),
        2 => option::of(0..TABELA.len()).prop_map(|n| Comando::Ajuda(n.map(|n| &TABELA[n]))),
        3 => prop_oneof![
            Just(Comando::Listar),
            Just(Comando::Mapa),
            Just(Comando::Observar),
            Just(Comando::Parar),
            Just(Comando::Estado),
            Just(Comando::Ping),
            Just(Comando::Sair),
        ],
    ]
}

/// Texto para pessoas: uma linha, sem byte de controle; pode ter `:`, `=` e as palavras `OK` e `ERRO`.
fn texto() -> impl Strategy<Value = String> {
    prop_oneof!["[^\\pC]{0,40}", "( :|:|=|OK |ERRO |versao=9 ){0,5}"]
}

/// As causas que levam a versão da sala.
fn erro_da_sala() -> impl Strategy<Value = Error> {
    prop_oneof![
        assentos().prop_map(Error::Ocupado),
        (0..100u32).prop_map(|livres| Error::Insuficiente { livres }),
        assentos().prop_map(Error::JaReservado),
        // CONFIRMAR, sem nada segurado, não tem o que nomear.
        assentos_ou_nenhum().prop_map(Error::NaoSegurado),
        assentos().prop_map(Error::NaoESeu),
        Just(Error::TempoEsgotado),
        cerca().prop_map(|atual| Error::CercaVencida { atual }),
        (0..101u32).prop_map(|max| Error::Limite { max }),
        Just(Error::Indisponivel),
    ]
}

/// As causas que nunca viram a sala.
fn erro_sem_sala() -> impl Strategy<Value = Error> {
    prop_oneof![
        Just(Error::TempoEsgotado),
        Just(Error::TokenJaESeu),
        Just(Error::TokenNaoESeu),
        Just(Error::NomeInvalido),
        Just(Error::ChaveInvalida),
        Just(Error::ComandoDesconhecido),
        Just(Error::Sintaxe),
        vec("0|[1-9][0-9]{2,30}", 1..4).prop_map(Error::AssentoInvalido),
        any::<usize>().prop_map(|max| Error::Lotado { max }),
        Just(Error::Inativo),
        Just(Error::Encerrando),
        Just(Error::LinhaLonga),
        Just(Error::Codificacao),
        Just(Error::Protocolo),
    ]
}

pub fn erro() -> impl Strategy<Value = Error> {
    prop_oneof![erro_da_sala(), erro_sem_sala()]
}

fn recusa() -> impl Strategy<Value = Recusa> {
    let da_sala = (erro_da_sala(), versao(), option::of(texto())).prop_map(|(erro, versao, texto)| {
        let costumeira = Recusa::na_versao(erro, versao);
        texto.map_or(costumeira.clone(), |texto| Recusa { texto, ..costumeira })
    });
    let sem_sala = (erro_sem_sala(), option::of(texto())).prop_map(|(erro, texto)| match texto {
        Some(texto) => Recusa::com_texto(erro, texto),
        None => Recusa::from(erro),
    });
    prop_oneof![da_sala, sem_sala]
}

fn hora() -> impl Strategy<Value = Hora> {
    "-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z"
        .prop_map(|texto| texto.parse().unwrap())
}

pub fn fato() -> impl Strategy<Value = Fato> {
    let acontecimento = prop_oneof![
        Just(Acontecimento::Reservado),
        hora().prop_map(|ate| Acontecimento::Segurado { ate }),
        Just(Acontecimento::Livre),
    ];
    (hora(), cliente(), option::of(nome()), acontecimento, versao()).prop_map(
        |(quando, cliente, nome, acontecimento, versao)| Fato {
            quando,
            cliente,
            nome,
            acontecimento,
            versao,
        },
    )
}

fn da_sala() -> impl Strategy<Value = Resposta> {
    prop_oneof![
        3 => (assentos(), assentos_ou_nenhum(), versao()).prop_map(|(assentos, ocupados, versao)| {
            Resposta::Reservado { assentos, ocupados: ocupados - assentos, versao }
        }),
        1 => (assentos(), 0..=3600u32, versao())
            .prop_map(|(assentos, expira, versao)| Resposta::Segurado { assentos, expira, versao }),
        1 => (assentos_ou_nenhum(), versao())
            .prop_map(|(assentos, versao)| Resposta::Confirmado { assentos, versao }),
        1 => (assentos_ou_nenhum(), versao())
            .prop_map(|(assentos, versao)| Resposta::Cancelado { assentos, versao }),
        2 => (quadro(), versao()).prop_map(|(quadro, versao)| Resposta::Listado { quadro, versao }),
        2 => (quadro(), versao()).prop_map(|(quadro, versao)| Resposta::Mapa { quadro, versao }),
        2 => (vec(fato(), 0..5), versao()).prop_map(|(fatos, versao)| Resposta::Historico { fatos, versao }),
        1 => versao().prop_map(|versao| Resposta::Observando { versao }),
    ]
}

fn do_token() -> impl Strategy<Value = Resposta> {
    prop_oneof![
        (cerca(), numero(), numero(), 1..=3600u32).prop_map(|(cerca, contador, espera, prazo)| {
            Resposta::TokenConcedido { cerca, contador, espera, prazo }
        }),
        (option::of(cliente()), cerca(), numero(), numero()).prop_map(|(dono, cerca, contador, espera)| {
            Resposta::TokenEstado { dono, cerca, contador, espera }
        }),
        (numero(), numero()).prop_map(|(contador, espera)| Resposta::Liberado { contador, espera }),
    ]
}

pub fn resposta() -> impl Strategy<Value = Resposta> {
    // As linhas da ajuda são do servidor, que não as começa por OK nem ERRO; brancas, ele pode querer.
    let linha_de_ajuda = texto().prop_filter("não é uma linha final", |linha| !e_final(linha));
    prop_oneof![
        8 => da_sala(),
        4 => do_token(),
        8 => recusa().prop_map(Resposta::Recusado),
        1 => (cliente(), chave()).prop_map(|(cliente, chave)| Resposta::Saudacao { cliente, chave }),
        1 => Just(Resposta::Parado),
        1 => nome().prop_map(Resposta::Nome),
        1 => cliente().prop_map(Resposta::Retomado),
        2 => vec(("(OK|ERRO|[a-zà-ü_ ]{1,20})", texto()), 0..5).prop_map(Resposta::Estado),
        2 => vec(linha_de_ajuda, 0..5).prop_map(Resposta::Ajuda),
        1 => Just(Resposta::Pong),
        1 => Just(Resposta::AteLogo),
    ]
}

pub fn evento() -> impl Strategy<Value = Evento> {
    let mudanca = prop_oneof![
        cliente().prop_map(Mudanca::Reservado),
        cliente().prop_map(Mudanca::Segurado),
        Just(Mudanca::Livre),
    ];
    (versao(), assentos(), mudanca).prop_map(|(versao, assentos, mudanca)| Evento {
        versao,
        assentos,
        mudanca,
    })
}
