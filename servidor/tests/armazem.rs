//! O armazém, visto por quem o usa: o que volta depois de fechar e abrir, o que um arquivo estragado responde, o disco cheio.
//!
//! `cargo test -p servidor --release --test armazem -- --ignored --nocapture` mostra os tempos.

#![cfg(not(feature = "shuttle"))]
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "um teste para onde não consegue seguir")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use arnes::Sorteio;
use arnes::caprichoso::{Caprichoso, Gravados};
use arnes::espera::{Cronometro, esperar};
use arnes::pasta::{Montada, Pasta};
use protocolo::{Acontecimento, Assento, Assentos, Cerca, ClientId, Evento, Fato, Mudanca, Versao};
use servidor::armazem::sqlite::{Causa, Sqlite};
use servidor::armazem::{Armazem, Falha, Historico};
use servidor::base::segredo::Segredo;
use servidor::limites::HISTORICO_MEMORIA_MAX;
use servidor::sala::registro::{Guardado, Novidade, Registro};
use servidor::tempo::momento::Momento;

const SEGREDO: Segredo = Segredo([7; 32]);
/// 21 de novembro de 2026, 13:12:49.123 em UTC.
const AGORA: Momento = Momento(1_795_266_769_123);

fn abrir(banco: &Path) -> Result<(Sqlite, Guardado), Causa> {
    Sqlite::abrir(banco, false, AGORA, SEGREDO).map_err(|erro| erro.causa)
}

fn cliente(numero: u64) -> ClientId {
    ClientId::new(numero).unwrap()
}

fn assentos(numeros: &[u8]) -> Assentos {
    numeros.iter().map(|n| Assento::new(*n).unwrap()).collect()
}

fn assento(numero: u8) -> Assento {
    Assento::new(numero).unwrap()
}

fn depois(ms: i64) -> Momento {
    Momento(AGORA.0 + ms)
}

fn mudanca(versao: u64, numeros: &[u8], mudanca: Mudanca) -> Registro {
    let evento = Evento { versao: Versao(versao), assentos: assentos(numeros), mudanca };
    let ms = i64::try_from(versao).unwrap();
    let vence = matches!(mudanca, Mudanca::Segurado(_)).then(|| depois(ms + 120_000));
    Registro { quando: depois(ms), novidade: Novidade::Assentos { evento, vence } }
}

fn nome(de: u64, nome: &str) -> Registro {
    let novidade = Novidade::Nome { cliente: cliente(de), nome: nome.parse().unwrap() };
    Registro { quando: AGORA, novidade }
}

/// Um lote sorteado, de um a dez registros, que segue de `guardado`.
fn lote(sorteio: &mut Sorteio, guardado: &Guardado) -> Vec<Registro> {
    let mut modelo = guardado.clone();
    (0..sorteio.ate(10))
        .map(|_| {
            let registro = registro(sorteio, &modelo);
            modelo.aplicar(&registro);
            registro
        })
        .collect()
}

fn registro(sorteio: &mut Sorteio, modelo: &Guardado) -> Registro {
    let quem = cliente(sorteio.ate(20));
    let quando = depois(i64::try_from(sorteio.ate(1_000_000)).unwrap());
    let vence = Momento(quando.0 + 60_000);
    let alguns: Assentos = (0..sorteio.ate(3)).map(|_| assento(sorteio.ate(100) as u8)).collect();
    let ocupados: Assentos = modelo.assentos.keys().copied().collect();
    let o_que = sorteio.ate(9);
    let (quais, mudanca) = match o_que {
        1..=3 => (alguns, Mudanca::Reservado(quem)),
        4 => (alguns, Mudanca::Segurado(quem)),
        _ => (ocupados.primeiros(2), Mudanca::Livre),
    };
    let novidade = match o_que {
        6 => Novidade::Nome { cliente: quem, nome: format!("Zoé_{}", sorteio.ate(99)).parse().unwrap() },
        7 => Novidade::NomeEsquecido { cliente: quem },
        8 => Novidade::Token { cerca: Cerca(modelo.cerca.0 + 1), contador: modelo.contador + 1 },
        9 => Novidade::Renovado {
            assentos: modelo.assentos.iter().filter(|(_, o)| o.vence.is_some()).map(|(a, _)| *a).collect(),
            vence,
        },
        _ if quais.is_empty() => Novidade::Clientes(modelo.clientes + 100),
        _ => {
            let evento = Evento { versao: Versao(modelo.versao.0 + 1), assentos: quais, mudanca };
            Novidade::Assentos { evento, vence: (o_que == 4).then_some(vence) }
        }
    };
    Registro { quando, novidade }
}

/// Grava `quantos` lotes sorteados; volta a sala depois de cada um.
fn gravar_lotes(
    sorteio: &mut Sorteio,
    sqlite: &mut Sqlite,
    mut sala: Guardado,
    quantos: usize,
) -> Vec<Guardado> {
    (0..quantos)
        .map(|_| {
            let lote = lote(sorteio, &sala);
            sqlite.gravar(&lote).unwrap();
            lote.iter().for_each(|registro| sala.aplicar(registro));
            sala.clone()
        })
        .collect()
}

/// Um banco fechado, com história, e o que ele guarda.
fn banco_pronto(sorteio: &mut Sorteio, banco: &Path) -> Guardado {
    let (mut sqlite, sala) = abrir(banco).unwrap();
    gravar_lotes(sorteio, &mut sqlite, sala, 60).pop().unwrap()
}

/// A história inteira.
fn vidas(sqlite: &Sqlite) -> Vec<Vec<Fato<Momento>>> {
    let historico = sqlite.historico().unwrap();
    Assento::todos().map(|assento| historico.de(assento, Versao(u64::MAX), 1000).unwrap()).collect()
}

#[test]
fn tudo_volta_como_foi() {
    let mut sorteio = Sorteio::novo("tudo_volta_como_foi");
    let pasta = Pasta::nova("volta");
    let (sqlite, sala) = abrir(&pasta.banco()).unwrap();
    assert_eq!(sala, Guardado::vazio(SEGREDO, AGORA));
    drop(sqlite);
    let mut memoria = Caprichoso::new(sala);
    for _ in 0..30 {
        // Outro segredo: o que vale é o guardado.
        let (mut sqlite, aberto) = Sqlite::abrir(&pasta.banco(), false, depois(9), Segredo([1; 32])).unwrap();
        assert_eq!(aberto, memoria.guardado());
        for _ in 0..sorteio.ate(5) {
            let lote = lote(&mut sorteio, &memoria.guardado());
            sqlite.gravar(&lote).unwrap();
            memoria.gravar(&lote).unwrap();
        }
        let historico = sqlite.historico().unwrap();
        for assento in Assento::todos() {
            let (ate, max) = (Versao(sorteio.ate(150)), sorteio.ate(20) as usize);
            assert_eq!(historico.de(assento, ate, max).unwrap(), memoria.de(assento, ate, max).unwrap());
        }
    }
    assert!(memoria.guardado().assentos.len() > 5 && !memoria.guardado().nomes.is_empty());
}

#[test]
fn a_vida_de_um_assento() {
    let pasta = Pasta::nova("vida");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    sqlite.gravar(&[nome(5, "ana"), mudanca(1, &[3, 7, 9], Mudanca::Segurado(cliente(5)))]).unwrap();
    let lote = [
        mudanca(2, &[3, 7], Mudanca::Reservado(cliente(5))),
        mudanca(3, &[8], Mudanca::Reservado(cliente(6))),
        nome(5, "Ana_Maria"),
        mudanca(4, &[7], Mudanca::Livre),
    ];
    sqlite.gravar(&lote).unwrap();
    let historico = sqlite.historico().unwrap();
    let fato = |versao, nome: &str, acontecimento| Fato {
        versao: Versao(versao),
        quando: depois(i64::try_from(versao).unwrap()),
        cliente: cliente(5),
        nome: Some(nome.parse().unwrap()),
        acontecimento,
    };
    let vida = [
        fato(4, "Ana_Maria", Acontecimento::Livre),
        fato(2, "ana", Acontecimento::Reservado),
        fato(1, "ana", Acontecimento::Segurado { ate: depois(120_001) }),
    ];
    let ler = |ate, max| historico.de(assento(7), Versao(ate), max).unwrap();
    assert_eq!(ler(u64::MAX, 10), vida);
    assert_eq!(ler(u64::MAX, 2), vida[..2]);
    assert_eq!(ler(3, 1), vida[1..2]);
    assert_eq!(ler(0, 10), []);
    assert_eq!(historico.de(assento(50), Versao(9), 10).unwrap(), []);
}

/// O que uma turma vê com o servidor ligado.
#[test]
fn quem_le_de_fora_ve_a_sala_com_nomes_e_horas() {
    let pasta = Pasta::nova("fora");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    sqlite.gravar(&[nome(5, "ana"), mudanca(1, &[3, 7], Mudanca::Reservado(cliente(5)))]).unwrap();
    let fora = rusqlite::Connection::open(pasta.banco()).unwrap();
    let linha = |sql: &str| -> String { fora.query_row(sql, [], |linha| linha.get(0)).unwrap() };
    let colunas = "concat_ws('|', assento, situacao, cliente, nome, desde, vence)";
    let sete = linha(&format!("SELECT {colunas} FROM assentos WHERE assento = 7"));
    assert_eq!(sete, "7|reservado|5|ana|2026-11-21T13:12:49.124Z");
    assert_eq!(linha("SELECT count(*) || situacao FROM assentos WHERE situacao = 'livre'"), "98livre");
    let colunas = "concat_ws('|', versao, assento, quando, cliente, nome, acontecimento)";
    let vida = linha(&format!("SELECT {colunas} FROM historico WHERE assento = 3"));
    assert_eq!(vida, "1|3|2026-11-21T13:12:49.124Z|5|ana|reservado");
    // Uma leitura que ficou aberta não prende quem grava.
    fora.execute_batch("BEGIN; SELECT * FROM assentos").unwrap();
    sqlite.gravar(&[mudanca(2, &[3], Mudanca::Livre)]).unwrap();
}

/// Quem pergunta muito pode pôr ao lado um índice seu: o servidor o mantém em dia e não se queixa.
#[test]
fn o_indice_que_alguem_cria_fica() {
    let pasta = Pasta::nova("indice");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    sqlite.gravar(&[mudanca(1, &[3, 7], Mudanca::Reservado(cliente(5)))]).unwrap();
    let fora = rusqlite::Connection::open(pasta.banco()).unwrap();
    fora.execute_batch("CREATE INDEX por_assento ON historico(assento)").unwrap();
    drop(fora);
    sqlite.gravar(&[mudanca(2, &[3], Mudanca::Livre)]).unwrap();
    drop(sqlite);
    let (_sqlite, _) = abrir(&pasta.banco()).unwrap();
    let fora = rusqlite::Connection::open(pasta.banco()).unwrap();
    let linha = |sql: &str, coluna| -> String { fora.query_row(sql, [], |linha| linha.get(coluna)).unwrap() };
    let pergunta = "SELECT group_concat(versao) FROM historico WHERE assento = 3";
    assert_eq!(linha(pergunta, 0), "1,2");
    assert!(linha(&format!("EXPLAIN QUERY PLAN {pergunta}"), 3).contains("INDEX por_assento"));
}

#[test]
fn escrita_de_fora_adia_o_lote_e_nada_dele_fica() {
    let pasta = Pasta::nova("ocupado");
    let (mut sqlite, sala) = abrir(&pasta.banco()).unwrap();
    let fora = rusqlite::Connection::open(pasta.banco()).unwrap();
    fora.execute_batch("BEGIN IMMEDIATE").unwrap();
    let lote = [nome(1, "ana"), mudanca(1, &[1], Mudanca::Reservado(cliente(1)))];
    assert!(matches!(sqlite.gravar(&lote), Err(Falha::Indisponivel(_))));
    fora.execute_batch("ROLLBACK").unwrap();
    drop((fora, sqlite));
    let (mut sqlite, aberto) = abrir(&pasta.banco()).unwrap();
    assert_eq!(aberto, sala);
    sqlite.gravar(&lote).unwrap();
    drop(sqlite);
    // Quem muda um dado por fora é percebido.
    let fora = rusqlite::Connection::open(pasta.banco()).unwrap();
    fora.execute_batch("UPDATE lugares SET cliente = 2 WHERE assento = 1").unwrap();
    drop(fora);
    assert!(matches!(abrir(&pasta.banco()), Err(Causa::Danificado(_))));
}

#[test]
fn um_servidor_so() {
    let pasta = Pasta::nova("trava");
    let aberto = abrir(&pasta.banco()).unwrap();
    let erro = Sqlite::abrir(&pasta.banco(), true, AGORA, SEGREDO).unwrap_err();
    assert_eq!(erro.causa, Causa::Trancado);
    assert!(erro.to_string().contains("outro servidor está usando este arquivo"), "{erro}");
    // Por outro nome, é o mesmo arquivo.
    let atalho = pasta.0.join("atalho.db");
    std::os::unix::fs::symlink(pasta.banco(), &atalho).unwrap();
    assert_eq!(abrir(&atalho).unwrap_err(), Causa::Trancado);
    let historico = aberto.0.historico().unwrap();
    drop(aberto);
    assert_eq!(abrir(&pasta.banco()).unwrap_err(), Causa::Trancado, "ainda há quem leia a história");
    drop(historico);
    abrir(&pasta.banco()).unwrap();
}

#[test]
fn so_o_dono_le() {
    let pasta = Pasta::nova("modos");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    sqlite.gravar(&[nome(1, "ana")]).unwrap();
    assert_eq!(pasta.nomes(), ["reservas.db", "reservas.db-shm", "reservas.db-trava", "reservas.db-wal"]);
    for nome in pasta.nomes() {
        let modo = fs::metadata(pasta.0.join(&nome)).unwrap().permissions().mode();
        assert_eq!(modo & 0o777, 0o600, "{nome}");
    }
    drop(sqlite);
    assert_eq!(pasta.nomes(), ["reservas.db", "reservas.db-trava"], "desligado como se deve, não deixa WAL");
}

/// Abre um banco com estes bytes e exige a recusa, sem que um byte mude.
#[track_caller]
fn recusa(bytes: &[u8]) -> Causa {
    let pasta = Pasta::nova("recusa");
    fs::write(pasta.banco(), bytes).unwrap();
    let causa = abrir(&pasta.banco()).map(|_| ()).unwrap_err();
    assert!(fs::read(pasta.banco()).unwrap() == bytes, "a recusa não mexe no arquivo");
    causa
}

#[test]
fn o_que_nao_e_banco_e_recusado() {
    assert_eq!(recusa(b"1: ana\n2: beto\n"), Causa::NaoEBanco);
    assert_eq!(recusa(&"lista de compras\n".repeat(1000).into_bytes()), Causa::NaoEBanco);
    for paginas in [1, 2, 9] {
        assert_eq!(recusa(&vec![0; 4096 * paginas]), Causa::NaoEBanco);
    }
    let pasta = Pasta::nova("outros");
    let pronto = banco_pronto(&mut Sorteio::com(1), &pasta.banco());
    let bytes = fs::read(pasta.banco()).unwrap();
    let com = |posicao: usize, valor: u8| {
        let mut bytes = bytes.clone();
        bytes[posicao] = valor;
        bytes
    };
    assert_eq!(recusa(&com(63, 2)), Causa::MaisNovo { achada: 2 });
    assert_eq!(recusa(&com(68, 0)), Causa::NaoEBanco, "um banco de outro programa");
    assert_eq!(abrir(&pasta.0).unwrap_err(), Causa::NaoEBanco, "uma pasta");
    assert_eq!(abrir(&pasta.0.join("nao/ha.db")).unwrap_err(), Causa::SemPasta);
    assert_eq!(abrir(&pasta.banco()).unwrap().1, pronto);
    // Vazio depois de ter tido uma sala, é um arquivo esvaziado; vazio onde nunca houve uma, é novo.
    fs::write(pasta.banco(), "").unwrap();
    assert!(matches!(abrir(&pasta.banco()), Err(Causa::Danificado(_))));
    let outra = pasta.0.join("outra.db");
    fs::write(&outra, "").unwrap();
    assert_eq!(abrir(&outra).unwrap().1, Guardado::vazio(SEGREDO, AGORA));
}

#[test]
fn estragado_e_recusado_ou_volta_igual() {
    let mut sorteio = Sorteio::novo("estragado_e_recusado_ou_volta_igual");
    let pasta = Pasta::nova("estragos");
    let pronto = banco_pronto(&mut sorteio, &pasta.banco());
    let historia = vidas(&abrir(&pasta.banco()).unwrap().0);
    let inteiro = fs::read(pasta.banco()).unwrap();
    let mut recusados = 0;
    for vez in 0..600 {
        let mut bytes = inteiro.clone();
        let posicao = sorteio.ate(inteiro.len() as u64) as usize - 1;
        let estrago = match vez % 4 {
            0 => {
                bytes.truncate(posicao.max(1));
                format!("cortado em {posicao}")
            }
            1 => {
                let fim = (posicao + sorteio.ate(600) as usize).min(bytes.len());
                bytes[posicao..fim].fill(0);
                format!("zerado de {posicao} a {fim}")
            }
            _ => {
                // A metade no cabeçalho, onde cada byte quer dizer alguma coisa.
                let posicao = if vez % 8 == 2 { posicao % 100 } else { posicao };
                let bit = sorteio.ate(8) - 1;
                bytes[posicao] ^= 1 << bit;
                format!("bit {bit} do byte {posicao}")
            }
        };
        let _ = fs::remove_file(pasta.0.join("reservas.db-wal"));
        fs::write(pasta.banco(), &bytes).unwrap();
        match abrir(&pasta.banco()) {
            Ok((sqlite, aberto)) => {
                assert_eq!(aberto, pronto, "{estrago}");
                assert_eq!(vidas(&sqlite), historia, "{estrago}");
            }
            Err(_) => {
                recusados += 1;
                assert!(fs::read(pasta.banco()).unwrap() == bytes, "{estrago}: a recusa não mexe no arquivo");
            }
        }
    }
    assert!(recusados > 200, "só {recusados} estragos foram percebidos");
}

/// Depois de uma queda: o banco e o WAL como estavam no disco, com lotes confirmados nos dois.
#[test]
fn wal_estragado_e_recusado_ou_perde_so_o_ultimo_lote() {
    let mut sorteio = Sorteio::novo("wal_estragado_e_recusado_ou_perde_so_o_ultimo_lote");
    let pasta = Pasta::nova("wal");
    drop(banco_pronto(&mut sorteio, &pasta.banco()));
    let (mut sqlite, sala) = abrir(&pasta.banco()).unwrap();
    let salas = gravar_lotes(&mut sorteio, &mut sqlite, sala, 12);
    let wal = pasta.0.join("reservas.db-wal");
    let (banco, diario) = (fs::read(pasta.banco()).unwrap(), fs::read(&wal).unwrap());
    drop(sqlite);
    let reabrir_com = |banco: &[u8], diario: &[u8]| {
        fs::write(pasta.banco(), banco).unwrap();
        fs::write(&wal, diario).unwrap();
        let aberto = abrir(&pasta.banco()).map(|(_, aberto)| aberto);
        if aberto.is_err() {
            let intactos = fs::read(&wal).unwrap() == diario && fs::read(pasta.banco()).unwrap() == banco;
            assert!(intactos, "a recusa não mexe no banco nem no WAL");
        }
        aberto
    };
    let reabrir = |diario: &[u8]| reabrir_com(&banco, diario);
    assert_eq!(reabrir(&diario).unwrap(), salas[11]);
    let mut recusados = 0;
    for posicao in (0..banco.len()).step_by(251) {
        let mut bytes = banco.clone();
        bytes[posicao] ^= 16;
        match reabrir_com(&bytes, &diario) {
            Ok(aberto) => assert_eq!(aberto, salas[11], "byte {posicao} do banco"),
            Err(_) => recusados += 1,
        }
    }
    assert!(recusados > 0, "há história que o WAL não reescreve");
    recusados = 0;
    for _ in 0..300 {
        let mut bytes = diario.clone();
        let posicao = sorteio.ate(diario.len() as u64) as usize - 1;
        let bit = sorteio.ate(8) - 1;
        bytes[posicao] ^= 1 << bit;
        match reabrir(&bytes) {
            Ok(aberto) => assert!(salas[10..].contains(&aberto), "bit {bit} do byte {posicao}"),
            Err(_) => recusados += 1,
        }
        // Cortado, é como uma queda de energia: volta a sala de algum lote inteiro, ou não abre.
        if let Ok(aberto) = reabrir(&diario[..posicao]) {
            let vista = aberto == sala_antes(&banco) || salas.contains(&aberto);
            assert!(vista, "WAL cortado em {posicao}");
        }
    }
    assert!(recusados > 150, "só {recusados} estragos foram percebidos");
    fs::write(&wal, &diario).unwrap();
    fs::remove_file(pasta.banco()).unwrap();
    assert!(matches!(abrir(&pasta.banco()), Err(Causa::Danificado(_))), "um WAL sem o seu banco");
}

/// O que há num banco sem o seu WAL.
fn sala_antes(banco: &[u8]) -> Guardado {
    let pasta = Pasta::nova("antes");
    fs::write(pasta.banco(), banco).unwrap();
    abrir(&pasta.banco()).unwrap().1
}

#[test]
fn novo_guarda_o_velho_de_lado() {
    let pasta = Pasta::nova("novo");
    let pronto = banco_pronto(&mut Sorteio::com(2), &pasta.banco());
    let novo = || Sqlite::abrir(&pasta.banco(), true, AGORA, Segredo([9; 32])).unwrap().1;
    assert_eq!(novo(), Guardado::vazio(Segredo([9; 32]), AGORA));
    let de_lado = pasta.0.join("reservas.db.2026-11-21T13-12-49");
    assert_eq!(abrir(&de_lado).unwrap().1, pronto);
    // Também um estragado, com o seu WAL, e sem passar por cima do outro.
    fs::write(pasta.banco(), "estragado").unwrap();
    fs::write(pasta.0.join("reservas.db-wal"), "o seu WAL").unwrap();
    novo();
    let ler =
        |sufixo: &str| fs::read_to_string(pasta.0.join(format!("reservas.db.2026-11-21T13-12-49.2{sufixo}")));
    assert_eq!((ler("").unwrap(), ler("-wal").unwrap()), ("estragado".to_owned(), "o seu WAL".to_owned()));
    assert_eq!(abrir(&de_lado).unwrap().1, pronto);
    // Onde não havia nada, só nasce.
    let outra = Pasta::nova("novo-sem-velho");
    Sqlite::abrir(&outra.banco(), true, AGORA, SEGREDO).unwrap();
    assert_eq!(outra.nomes(), ["reservas.db", "reservas.db-trava"]);
}

#[test]
fn somente_leitura_e_recusado() {
    let Some(montada) = Montada::nova("leitura", "size=1m") else { return };
    let banco = montada.0.banco();
    drop(abrir(&banco).unwrap());
    montada.remontar("ro");
    assert_eq!(abrir(&banco).unwrap_err(), Causa::SomenteLeitura);
    assert_eq!(abrir(&montada.0.0.join("outro.db")).unwrap_err(), Causa::SomenteLeitura);
    montada.remontar("rw");
    abrir(&banco).unwrap();
}

#[test]
fn disco_cheio_nada_muda_e_sara_sozinho() {
    let Some(montada) = Montada::nova("cheio", "size=1m") else { return };
    let mut sorteio = Sorteio::novo("disco_cheio_nada_muda_e_sara_sozinho");
    let (mut sqlite, mut sala) = abrir(&montada.0.banco()).unwrap();
    let resto = montada.0.0.join("resto");
    for _ in 0..3 {
        // O resto do disco vai embora; um lote que não cabe chega antes de mil.
        let _ = fs::write(&resto, vec![1; 1 << 20]);
        let recusado = (0..1000).find_map(|_| {
            let lote = lote(&mut sorteio, &sala);
            match sqlite.gravar(&lote) {
                Ok(()) => lote.iter().for_each(|registro| sala.aplicar(registro)),
                Err(falha) => return Some((lote, falha)),
            }
            None
        });
        let (lote, falha) = recusado.expect("o disco enche");
        assert_eq!(falha, Falha::Indisponivel("não há espaço no disco".to_owned()));
        assert!(sqlite.gravar(&lote).is_err());
        fs::remove_file(&resto).unwrap();
        sqlite.gravar(&lote).unwrap();
        lote.iter().for_each(|registro| sala.aplicar(registro));
    }
    drop(sqlite);
    assert_eq!(abrir(&montada.0.banco()).unwrap().1, sala);
}

#[test]
fn memoria_falha_e_espera_quando_se_manda() {
    let memoria = Caprichoso::new(Guardado::vazio(SEGREDO, AGORA));
    let mut alca = memoria.clone();
    let lote = [nome(1, "ana")];
    memoria.falhar_nos_proximos(2, &Falha::Destituido);
    memoria.falhar_ate_sarar(Falha::Fatal("disco".to_owned()));
    assert_eq!(alca.gravar(&lote), Err(Falha::Destituido));
    assert_eq!(alca.gravar(&lote), Err(Falha::Destituido));
    assert_eq!(alca.gravar(&lote), Err(Falha::Fatal("disco".to_owned())));
    assert_eq!((memoria.gravados(), memoria.guardado().nomes.len()), (Gravados::default(), 0));
    memoria.sarar();
    memoria.prender();
    let gravador = thread::Builder::new().spawn(move || alca.gravar(&lote)).unwrap();
    memoria.esperar_um_preso();
    assert_eq!(memoria.gravados().lotes, 0);
    memoria.soltar();
    assert_eq!(gravador.join().unwrap(), Ok(()));
    esperar("o lote solto se grava", || memoria.gravados() == Gravados { lotes: 1, registros: 1 });
    assert_eq!(memoria.guardado().nomes.len(), 1);
}

#[test]
fn memoria_esquece_a_historia_mais_velha() {
    let mut memoria = Caprichoso::new(Guardado::vazio(SEGREDO, AGORA));
    let fatos = HISTORICO_MEMORIA_MAX as u64 + 1;
    for versao in 1..=fatos {
        memoria.gravar(&[mudanca(versao, &[1], Mudanca::Reservado(cliente(1)))]).unwrap();
    }
    let vida = memoria.de(assento(1), Versao(u64::MAX), usize::MAX).unwrap();
    assert_eq!(vida.len(), HISTORICO_MEMORIA_MAX);
    assert_eq!((vida[0].versao, vida[vida.len() - 1].versao), (Versao(fatos), Versao(2)));
}

/// Um milhão de linhas de história, e quanto demora abrir.
#[test]
#[ignore = "só mostra tempos"]
#[expect(clippy::print_stdout, reason = "o teste é para mostrar")]
fn medida_da_abertura() {
    let pasta = Pasta::nova("milhao");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    let mut sorteio = Sorteio::com(3);
    let um = |versao: u64, sorteio: &mut Sorteio| {
        mudanca(versao, &[sorteio.ate(100) as u8], Mudanca::Reservado(cliente(sorteio.ate(50))))
    };
    for lote in 0..1000 {
        let lote: Vec<_> = (1..=1000).map(|n| um(1000 * lote + n, &mut sorteio)).collect();
        sqlite.gravar(&lote).unwrap();
    }
    drop(sqlite);
    for _ in 0..3 {
        let relogio = Cronometro::comecar();
        let (sqlite, _) = abrir(&pasta.banco()).unwrap();
        let abriu = relogio.passou();
        let historico = sqlite.historico().unwrap();
        let relogio = Cronometro::comecar();
        assert_eq!(historico.de(assento(7), Versao(u64::MAX), 50).unwrap().len(), 50);
        let cinquenta = relogio.passou();
        let relogio = Cronometro::comecar();
        assert_eq!(historico.de(assento(7), Versao(100_000), 50).unwrap().len(), 50);
        let (mb, longe) = (fs::metadata(pasta.banco()).unwrap().len() >> 20, relogio.passou());
        println!(
            "{mb} MiB: abrir {abriu:?}; 50 fatos {cinquenta:?}; 50 fatos de novecentas mil versões atrás {longe:?}"
        );
    }
}

/// Quanto custa gravar: um lote de uma mudança, de 50 e de 500, cada mudança com três assentos.
#[test]
#[ignore = "só mostra tempos"]
#[expect(clippy::print_stdout, reason = "o teste é para mostrar")]
fn medida_dos_lotes() {
    let pasta = Pasta::nova("lotes");
    let (mut sqlite, _) = abrir(&pasta.banco()).unwrap();
    sqlite.gravar(&(1..=50).map(|n| nome(n, &format!("cliente_{n}"))).collect::<Vec<_>>()).unwrap();
    let mut sorteio = Sorteio::com(4);
    let mut versao = 0;
    for (mudancas, vezes) in [(500, 20), (1, 5000), (50, 500), (500, 100)] {
        let mut tempos: Vec<f64> = (0..vezes)
            .map(|_| {
                let tres = |sorteio: &mut Sorteio| [0, 1, 2].map(|n| sorteio.ate(98) as u8 + n);
                let lote: Vec<_> = (1..=mudancas)
                    .map(|n| {
                        let dono = cliente(sorteio.ate(50));
                        mudanca(versao + n, &tres(&mut sorteio), Mudanca::Reservado(dono))
                    })
                    .collect();
                versao += mudancas;
                let relogio = Cronometro::comecar();
                sqlite.gravar(&lote).unwrap();
                relogio.passou().as_secs_f64() * 1e6
            })
            .collect();
        tempos.sort_by(f64::total_cmp);
        let media = tempos.iter().sum::<f64>() / tempos.len() as f64;
        let (meio, pior) = (tempos[tempos.len() / 2], tempos[tempos.len() * 99 / 100]);
        let por_mudanca = media / mudancas as f64;
        println!(
            "lotes de {mudancas}: média {media:.0} µs, p50 {meio:.0}, p99 {pior:.0}; {por_mudanca:.2} µs por mudança"
        );
    }
}
