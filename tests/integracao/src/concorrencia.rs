//! Trinta e dois clientes ao mesmo tempo: um assento nunca tem dois donos, e cada resposta era verdadeira na sua versão.
//!
//! O juiz não olha relógio nenhum: põe as mudanças que os clientes viram na ordem das versões e refaz a sala.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Sorteio, Terminal};

const CLIENTES: usize = 32;
const PEDIDOS: usize = 150;

type Assentos = BTreeSet<u64>;

/// O que um cliente ouviu do servidor e pode ser conferido.
#[derive(Debug)]
enum Ouviu {
    /// Nesta versão, estes passaram a ser dele.
    Ganhou(Assentos),
    /// Nesta versão, estes deixaram de ser dele.
    Devolveu(Assentos),
    /// Nesta versão, estes eram de outros.
    DeOutros(Assentos),
    /// Nesta versão, estes não eram dele.
    NaoSeus(Assentos),
    /// Nesta versão, dos que não são dele, havia tantos livres.
    Livres(usize),
    /// Nesta versão, estes eram dele, e tantos estavam livres.
    Lista { seus: Assentos, livres: usize },
}

struct Fato {
    cliente: u64,
    versao: u64,
    ouviu: Ouviu,
    linha: String,
}

/// Os números que seguem `palavra` numa linha final.
fn numeros(linha: &str, palavra: &str) -> Assentos {
    let mut palavras = linha.split(' ').skip_while(|p| *p != palavra).skip(1);
    let mut numeros = Assentos::new();
    while let Some(n) = palavras.next().and_then(|p| p.parse().ok()) {
        numeros.insert(n);
    }
    numeros
}

/// Uma lista de faixas, como `1-2 4`.
fn faixas(linha: &str) -> Assentos {
    let um = |texto: &str| texto.parse::<u64>().expect("um número");
    linha
        .split(' ')
        .skip(1)
        .flat_map(|faixa| faixa.split_once('-').map_or_else(|| um(faixa)..=um(faixa), |(a, b)| um(a)..=um(b)))
        .collect()
}

/// Um pedido sorteado. Poucos assentos, para que se disputem.
fn pedido(sorteio: &mut Sorteio) -> String {
    let lista = |sorteio: &mut Sorteio| {
        let quantos = sorteio.ate(4);
        (0..quantos).map(|_| sorteio.ate(40).to_string()).collect::<Vec<_>>().join(" ")
    };
    match sorteio.ate(10) {
        1..=4 => format!("RESERVAR {}", lista(sorteio)),
        5 => format!("RESERVAR PARCIAL {}", lista(sorteio)),
        6 => format!("RESERVAR QUANTIDADE {} PREFERINDO {}", sorteio.ate(3), lista(sorteio)),
        7 => format!("CANCELAR {}", lista(sorteio)),
        8 | 9 => "CANCELAR TUDO".into(),
        _ => "LISTAR".into(),
    }
}

/// Um cliente: pede, e anota o que ouviu.
fn brincar(mut terminal: Terminal, mut sorteio: Sorteio) -> Vec<Fato> {
    let mut fatos = Vec::new();
    let mut seus = Assentos::new();
    for _ in 0..PEDIDOS {
        let pedido = pedido(&mut sorteio);
        let resposta = terminal.pedir_tudo(&pedido);
        let fim = resposta.fim.split(" :").next().unwrap_or_default();
        let versao = valor(fim, "versao").parse().expect("versao é um número");
        let mut anotar = |ouviu| {
            fatos.push(Fato {
                cliente: terminal.cliente,
                versao,
                ouviu,
                linha: format!("{pedido} -> {fim}"),
            });
        };
        match fim.split(' ').nth(1).unwrap_or_default() {
            "RESERVADO" => {
                let novos: Assentos = &numeros(fim, "RESERVADO") - &seus;
                seus.extend(&novos);
                anotar(Ouviu::DeOutros(numeros(fim, "OCUPADO")));
                if !novos.is_empty() {
                    anotar(Ouviu::Ganhou(novos));
                }
            }
            "CANCELADO" => {
                let devolvidos = numeros(fim, "CANCELADO");
                assert!(devolvidos.is_subset(&seus), "{pedido} -> {fim}: não eram dele");
                seus = &seus - &devolvidos;
                if !devolvidos.is_empty() {
                    anotar(Ouviu::Devolveu(devolvidos));
                }
            }
            "OCUPADO" => anotar(Ouviu::DeOutros(numeros(fim, "OCUPADO"))),
            "NAO_E_SEU" => anotar(Ouviu::NaoSeus(numeros(fim, "NAO_E_SEU"))),
            "INSUFICIENTE" => anotar(Ouviu::Livres(valor(fim, "livres").parse().expect("um número"))),
            "LISTADO" => {
                let livres = faixas(&resposta.dados[0]).len();
                anotar(Ouviu::Lista { seus: faixas(&resposta.dados[3]), livres });
            }
            _ => panic!("{pedido} -> {fim}"),
        }
    }
    fatos
}

type Donos = BTreeMap<u64, u64>;

/// Refaz a sala na ordem das versões e confere cada fato; devolve os donos do fim.
///
/// Erros: o primeiro fato que não pode ser verdade.
fn julgar(fatos: &[Fato]) -> Result<Donos, String> {
    let mut salas = vec![Donos::new()];
    let mut mudancas: Vec<&Fato> =
        fatos.iter().filter(|f| matches!(f.ouviu, Ouviu::Ganhou(_) | Ouviu::Devolveu(_))).collect();
    mudancas.sort_by_key(|fato| fato.versao);
    for (fato, esperada) in mudancas.into_iter().zip(1..) {
        if fato.versao != esperada {
            return Err(format!("a versão {esperada} falta ou se repete: [{}] {}", fato.cliente, fato.linha));
        }
        let mut sala = salas.last().expect("há sempre a sala vazia").clone();
        let certa = match &fato.ouviu {
            Ouviu::Ganhou(novos) => novos.iter().all(|n| sala.insert(*n, fato.cliente).is_none()),
            Ouviu::Devolveu(velhos) => velhos.iter().all(|n| sala.remove(n) == Some(fato.cliente)),
            _ => true,
        };
        if !certa {
            return Err(format!("um assento com dois donos: [{}] {}", fato.cliente, fato.linha));
        }
        salas.push(sala);
    }
    for fato in fatos {
        let sala = usize::try_from(fato.versao).ok().and_then(|versao| salas.get(versao));
        if !sala.is_some_and(|sala| verdade(sala, fato)) {
            return Err(format!("não era verdade: [{}] {}", fato.cliente, fato.linha));
        }
    }
    Ok(salas.pop().unwrap_or_default())
}

/// Diz se o que se ouviu vale nesta sala.
fn verdade(sala: &Donos, fato: &Fato) -> bool {
    let dele = |n: &u64| sala.get(n) == Some(&fato.cliente);
    match &fato.ouviu {
        Ouviu::Ganhou(seus) => seus.iter().all(dele),
        Ouviu::Devolveu(livres) => livres.iter().all(|n| !sala.contains_key(n)),
        Ouviu::DeOutros(outros) => outros.iter().all(|n| sala.contains_key(n) && !dele(n)),
        Ouviu::NaoSeus(outros) => !outros.iter().any(dele),
        Ouviu::Livres(livres) => sala.len() + livres == 100,
        Ouviu::Lista { seus, livres } => {
            sala.len() + livres == 100 && *seus == sala.keys().filter(|n| dele(n)).copied().collect()
        }
    }
}

#[test]
fn trinta_e_dois_clientes_disputam() {
    let mut sorteio = Sorteio::novo("trinta_e_dois_clientes_disputam");
    let servidor = ServidorDeTeste::new();
    let fatos: Vec<Fato> = thread::scope(|escopo| {
        let clientes: Vec<_> = (0..CLIENTES)
            .map(|_| {
                let (terminal, sorteio) = (servidor.entrar(), Sorteio::com(sorteio.proximo()));
                escopo.spawn(|| brincar(terminal, sorteio))
            })
            .collect();
        clientes.into_iter().flat_map(|c| c.join().expect("um cliente ouviu algo impossível")).collect()
    });
    let donos = julgar(&fatos).unwrap_or_else(|culpa| panic!("{culpa}"));
    let mudancas = fatos.iter().filter(|f| matches!(f.ouviu, Ouviu::Ganhou(_) | Ouviu::Devolveu(_))).count();
    assert!(mudancas > CLIENTES * PEDIDOS / 10, "quase nada mudou: {mudancas}");
    assert!(
        fatos.iter().any(|f| matches!(f.ouviu, Ouviu::DeOutros(ref o) if !o.is_empty())),
        "ninguém disputou"
    );
    let lista = servidor.entrar().pedir_tudo("LISTAR");
    assert_eq!(faixas(&lista.dados[2]), donos.keys().copied().collect(), "{lista:?}");
    assert_eq!(valor(&lista.fim, "versao"), mudancas.to_string());
}

/// O juiz sabe condenar.
#[test]
fn juiz_ve_cada_defeito() {
    let fato = |cliente, versao, ouviu| Fato { cliente, versao, ouviu, linha: String::new() };
    let um = || Assentos::from([1]);
    let boa = || vec![fato(1, 1, Ouviu::Ganhou(um())), fato(2, 1, Ouviu::DeOutros(um()))];
    assert_eq!(julgar(&boa()), Ok(Donos::from([(1, 1)])));
    for (mau, culpa) in [
        (fato(2, 2, Ouviu::Ganhou(um())), "um assento com dois donos"),
        (fato(2, 2, Ouviu::Devolveu(um())), "um assento com dois donos"),
        (fato(2, 1, Ouviu::Ganhou([2].into())), "a versão 2 falta ou se repete"),
        (fato(2, 3, Ouviu::Ganhou([2].into())), "a versão 2 falta ou se repete"),
        (fato(1, 1, Ouviu::DeOutros(um())), "não era verdade"),
        (fato(2, 0, Ouviu::DeOutros(um())), "não era verdade"),
        (fato(2, 2, Ouviu::DeOutros(um())), "não era verdade"),
        (fato(1, 1, Ouviu::NaoSeus(um())), "não era verdade"),
        (fato(1, 1, Ouviu::Livres(100)), "não era verdade"),
        (fato(1, 1, Ouviu::Lista { seus: Assentos::new(), livres: 99 }), "não era verdade"),
        (fato(1, 0, Ouviu::Lista { seus: um(), livres: 99 }), "não era verdade"),
    ] {
        let mut fatos = boa();
        fatos.push(mau);
        let veredito = julgar(&fatos).expect_err("o juiz absolveu");
        assert!(veredito.starts_with(culpa), "{veredito}");
    }
}

/// Quem disputa os mesmos assentos, todos de uma vez: um ganha cada um, e só um.
#[test]
fn uma_largada_tem_um_vencedor() {
    for _ in 0..30 {
        let servidor = ServidorDeTeste::new();
        let terminais: Vec<Terminal> = (0..16).map(|_| servidor.entrar()).collect();
        let largada = std::sync::Barrier::new(terminais.len());
        let vencedores = thread::scope(|escopo| {
            let corredores: Vec<_> = terminais
                .into_iter()
                .map(|mut terminal| {
                    let largada = &largada;
                    escopo.spawn(move || {
                        largada.wait();
                        terminal.pedir("RESERVAR 7 8")
                    })
                })
                .collect();
            let fins = corredores.into_iter().map(|c| c.join().expect("um corredor caiu"));
            fins.filter(|fim| fim == "OK RESERVADO 7 8 versao=1").count()
        });
        assert_eq!(vencedores, 1);
    }
}
