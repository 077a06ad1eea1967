//! Sob carga sorteada: em cada resposta, a soma do que se contou é a sala; e cada resposta era verdadeira na sua versão.

use std::collections::BTreeMap;

use arnes::observador::Soma;
use arnes::terminal::valor;
use arnes::{Observador, ServidorDeTeste, Sorteio, Terminal, ao_fundo};
use protocolo::{ClientId, Evento, Versao};

/// Quantos pedem ao mesmo tempo.
const CLIENTES: usize = 6;

/// Um cliente que pede ao acaso e anota o que ouve.
pub(super) struct Cliente {
    terminal: Terminal,
    sorteio: Sorteio,
    fatos: Vec<Fato>,
}

/// O que um cliente ouviu.
struct Fato {
    cliente: ClientId,
    pedido: String,
    fim: String,
    resposta: protocolo::Resposta,
}

impl Cliente {
    /// Alguns clientes, com sementes tiradas deste sorteio.
    pub(super) fn alguns(servidor: &ServidorDeTeste, sorteio: &mut Sorteio) -> Vec<Self> {
        let um = || Self {
            terminal: servidor.entrar(),
            sorteio: Sorteio::com(sorteio.proximo()),
            fatos: Vec::new(),
        };
        std::iter::repeat_with(um).take(CLIENTES).collect()
    }

    /// Faz um pedido sorteado. Poucos assentos, para que se disputem.
    pub(super) fn pedir(&mut self) {
        let sorteio = &mut self.sorteio;
        let lista = |sorteio: &mut Sorteio| {
            let quantos = sorteio.ate(4);
            (0..quantos).map(|_| sorteio.ate(40).to_string()).collect::<Vec<_>>().join(" ")
        };
        let pedido = match sorteio.ate(40) {
            // Raro: quem espera fica até um segundo sem pedir mais nada.
            1 if sorteio.ate(10) == 1 => format!("AGUARDAR {} ATE 1", sorteio.ate(40)),
            1..=8 => format!("RESERVAR {}", lista(sorteio)),
            9..=12 => format!("RESERVAR PARCIAL {}", lista(sorteio)),
            13..=14 => format!("RESERVAR QUANTIDADE {} PREFERINDO {}", sorteio.ate(3), lista(sorteio)),
            15..=20 => format!("SEGURAR {} POR {}", lista(sorteio), sorteio.ate(2)),
            21..=22 => format!("SEGURAR QUANTIDADE {} POR 1", sorteio.ate(3)),
            23..=25 => "CONFIRMAR".into(),
            26..=27 => format!("CONFIRMAR {}", lista(sorteio)),
            28..=32 => format!("CANCELAR {}", lista(sorteio)),
            33..=37 => "CANCELAR TUDO".into(),
            _ => "LISTAR".into(),
        };
        let resposta = self.terminal.pedir_tudo(&pedido);
        let lida = resposta.ler().unwrap_or_else(|culpa| panic!("{pedido}: {culpa}"));
        assert!(lida.versao().is_some(), "{pedido} -> {}", resposta.fim);
        self.fatos.push(Fato {
            cliente: ClientId::new(self.terminal.cliente).expect("já leu a saudação"),
            pedido,
            fim: resposta.fim,
            resposta: lida,
        });
    }
}

/// Faz `frente` enquanto os clientes pedem sem parar.
pub(super) fn sob_carga<T>(clientes: &mut [Cliente], frente: impl FnOnce() -> T) -> T {
    ao_fundo(clientes.iter_mut().map(|cliente| || cliente.pedir()), frente)
}

/// Refaz a sala com o que se contou a quem observava e confere nela o que cada cliente ouviu; diz quantas respostas se
/// puderam conferir. As versões que só se contaram somadas a outras não se conhecem.
///
/// Erros: a primeira resposta que não era verdadeira.
fn julgar(eventos: &[Evento], fatos: &[&Fato]) -> Result<usize, String> {
    let mut por_versao = BTreeMap::<u64, Vec<&Fato>>::new();
    for fato in fatos {
        let versao = fato.resposta.versao().expect("só se anota o que fala da sala");
        por_versao.entry(versao.0).or_default().push(fato);
    }
    let (mut soma, mut conferidos) = (Soma::desde(0), 0);
    let mut conferir = |soma: &Soma| {
        let fatos = por_versao.get(&soma.versao()).map_or(&[][..], Vec::as_slice);
        conferidos += fatos.len();
        let mentira = fatos.iter().find(|fato| !soma.confirma(fato.cliente, &fato.resposta));
        mentira.map_or(Ok(()), |f| Err(format!("não era verdade: [{}] {} -> {}", f.cliente, f.pedido, f.fim)))
    };
    for evento in eventos {
        if evento.versao != Versao(soma.versao()) {
            conferir(&soma)?;
        }
        soma.somar(evento)?;
    }
    conferir(&soma)?;
    Ok(conferidos)
}

/// Quem lista sem parar a mesma sala que observa: em cada lista, a soma é ela, e nenhum evento vem dentro de uma resposta.
#[test]
fn soma_dos_eventos_e_a_sala() {
    let mut sorteio = Sorteio::novo("soma_dos_eventos_e_a_sala");
    let servidor = ServidorDeTeste::new();
    let mut olho = Observador::new(servidor.entrar());
    let mut clientes = Cliente::alguns(&servidor, &mut sorteio);
    let ajuda = olho.pedir_tudo("AJUDA");
    sob_carga(&mut clientes, || {
        for volta in 0..400 {
            // Quatro de uma vez: entre as respostas de um lote também há eventos.
            olho.terminal().enviar_bytes(b"LISTAR\nMAPA\nAJUDA\nLISTAR\n");
            assert!(olho.ler_resposta().fim.starts_with("OK LISTADO "));
            assert_eq!(olho.ler_resposta().dados.len(), 11, "na volta {volta}");
            assert_eq!(olho.ler_resposta(), ajuda);
            assert!(olho.ler_resposta().fim.starts_with("OK LISTADO "));
        }
    });
    olho.pedir("LISTAR");
    let fatos: Vec<&Fato> = clientes.iter().flat_map(|cliente| &cliente.fatos).collect();
    let conferidos = julgar(&olho.eventos, &fatos).unwrap_or_else(|culpa| panic!("{culpa}"));
    assert!(conferidos > 500, "só {conferidos} de {} respostas se puderam conferir", fatos.len());
    for (palavra, quantos) in [("RESERVADO", 100), ("SEGURADO", 100), ("LIVRE", 100)] {
        let vieram = olho.eventos.iter().filter(|e| e.to_string().contains(palavra)).count();
        assert!(vieram >= quantos, "só {vieram} {palavra} de {}", olho.eventos.len());
    }
}

/// Quem começa a observar no meio, para e recomeça: cada vez a soma parte da lista certa, e depois de PARAR nada vem.
#[test]
fn comecar_e_parar_no_meio() {
    let mut sorteio = Sorteio::novo("comecar_e_parar_no_meio");
    let servidor = ServidorDeTeste::new();
    let mut clientes = Cliente::alguns(&servidor, &mut sorteio);
    let mut olho = Observador::new(servidor.entrar());
    sob_carga(&mut clientes, || {
        for _ in 0..150 {
            olho.pedir("LISTAR");
            olho.pedir("RESERVAR PARCIAL 90");
            olho.pedir("CANCELAR TUDO");
            olho.terminal().enviar_bytes(b"LISTAR\nPARAR\nPING\nLISTAR\n");
            for comeco in ["OK LISTADO ", "OK PARADO", "OK PONG", "OK LISTADO "] {
                let fim = olho.ler_resposta().fim;
                assert!(fim.starts_with(comeco), "{fim}");
            }
            // Um evento aqui faz o observador entrar em pânico.
            (0..5).for_each(|_| assert_eq!(olho.pedir("PING"), "OK PONG"));
            olho.observar();
        }
    });
    let (de_olho, de_outro) = (olho.pedir("LISTAR"), servidor.entrar().pedir("LISTAR"));
    assert_eq!(valor(&de_olho, "versao"), valor(&de_outro, "versao"));
}

/// Muitos observam a mesma sala: todos acabam sabendo o mesmo, e os que viram uma versão viram a mesma coisa.
#[test]
fn todos_veem_a_mesma_sala() {
    let mut sorteio = Sorteio::novo("todos_veem_a_mesma_sala");
    let servidor = ServidorDeTeste::new();
    let mut olhos: Vec<Observador> = (0..8).map(|_| Observador::new(servidor.entrar())).collect();
    let mut clientes = Cliente::alguns(&servidor, &mut sorteio);
    sob_carga(&mut clientes, || {
        for volta in 0..50 {
            for olho in &mut olhos {
                // Cada um no seu passo: uns leem a cada versão, outros só de vez em quando.
                olho.ate(40 * volta);
            }
        }
    });
    let ultima: u64 = valor(&servidor.entrar().pedir("LISTAR"), "versao").parse().expect("um número");
    let fatos: Vec<&Fato> = clientes.iter().flat_map(|cliente| &cliente.fatos).collect();
    for olho in &mut olhos {
        // Os prazos ainda podem vencer: a sala pode já estar adiante.
        olho.ate(ultima);
        assert!(olho.pedir("LISTAR").starts_with("OK LISTADO "));
        julgar(&olho.eventos, &fatos).unwrap_or_else(|culpa| panic!("{culpa}"));
    }
}

/// O juiz e o observador sabem condenar.
#[test]
fn juiz_ve_cada_defeito() {
    let eventos = |linhas: &[&str]| -> Vec<Evento> {
        linhas.iter().map(|linha| linha.parse().expect("um evento")).collect()
    };
    let fato = |cliente, fim: &str| Fato {
        cliente: ClientId::new(cliente).expect("não é zero"),
        pedido: String::new(),
        fim: fim.to_owned(),
        resposta: fim.parse().expect("uma resposta"),
    };
    let vistos = eventos(&[
        "EVENTO 1 RESERVADO 3 4 cliente=1",
        "EVENTO 2 SEGURADO 5 cliente=2",
        "EVENTO 3 LIVRE 4",
        "EVENTO 203 LIVRE 3",
        "EVENTO 203 RESERVADO 5 9 cliente=2",
        "EVENTO 204 LIVRE 5",
    ]);
    assert_eq!(julgar(&vistos, &[&fato(1, "OK RESERVADO 3 4 versao=2")]), Ok(1));
    assert_eq!(julgar(&vistos, &[&fato(1, "OK RESERVADO 3 4 versao=100")]), Ok(0));
    for (cliente, mentira) in [
        (2, "OK RESERVADO 3 4 versao=1"),
        (1, "OK RESERVADO 3 4 versao=3"),
        (1, "OK SEGURADO 3 expira=9 versao=1"),
        (2, "OK CONFIRMADO 5 versao=2"),
        (1, "OK CANCELADO 4 versao=2"),
        (2, "OK RESERVADO 9 versao=3"),
        (2, "OK RESERVADO 5 versao=204"),
        (1, "ERRO OCUPADO 3 versao=1 :"),
        (2, "ERRO OCUPADO 4 versao=3 :"),
        (2, "ERRO NAO_SEGURADO 5 versao=2 :"),
        (2, "ERRO NAO_SEGURADO versao=2 :"),
        (1, "ERRO JA_RESERVADO 5 versao=2 :"),
        (1, "ERRO NAO_E_SEU 3 versao=1 :"),
        (1, "ERRO INSUFICIENTE livres=99 versao=1 :"),
    ] {
        let veredito = julgar(&vistos, &[&fato(cliente, mentira)]);
        assert!(
            veredito.as_ref().is_err_and(|culpa| culpa.starts_with("não era verdade")),
            "{mentira}: {veredito:?}"
        );
    }
    for (linha, culpa) in [
        ("EVENTO 204 LIVRE 9", "uma mudança só, em duas linhas"),
        ("EVENTO 203 LIVRE 9", "essa versão já estava contada"),
        ("EVENTO 207 LIVRE 9", "pulou mudanças"),
        ("EVENTO 332 LIVRE 9", "pulou mudanças"),
        ("EVENTO 205 LIVRE 5", "o assento 5 passou de None"),
        ("EVENTO 205 RESERVADO 9 cliente=1", "o assento 9 passou de Some"),
        ("EVENTO 205 RESERVADO 9 cliente=2", "o assento 9 passou de Some"),
        ("EVENTO 205 LIVRE", "não muda nada"),
    ] {
        let mut vistos = vistos.clone();
        vistos.extend(eventos(&[linha]));
        let veredito = julgar(&vistos, &[]);
        assert!(veredito.as_ref().is_err_and(|dita| dita.starts_with(culpa)), "{linha}: {veredito:?}");
    }
    let mut repetido = vistos[..4].to_vec();
    repetido.extend(eventos(&["EVENTO 203 LIVRE 3"]));
    assert!(julgar(&repetido, &[]).is_err_and(|culpa| culpa.starts_with("um assento duas vezes")));
}
