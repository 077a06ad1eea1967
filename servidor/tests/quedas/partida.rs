//! O que o servidor diz quando liga, e os arquivos que recusa.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rustix::process::Signal;

use crate::programa::{Processo, programa};
use crate::sorteadas::ligar;
use arnes::pasta::Pasta;

/// Liga e encerra sobre o banco; volta a linha em que ele diz o que achou.
fn achado(opcoes: &[&str]) -> String {
    let mut servidor = Processo::ligar(opcoes);
    let linha = servidor.esperar_linha("escutando em");
    servidor.encerrar();
    linha
}

/// Não liga: acaba com 1 e uma linha só, que diz o arquivo e a pista, e o banco fica como estava.
#[track_caller]
fn recusa(banco: &Path, pista: &str) {
    let antes = fs::read(banco).ok();
    let texto = banco.to_str().unwrap();
    let saida = programa(&["--banco", texto, "--escutar", "127.0.0.1:0"]).output().unwrap();
    let queixa = String::from_utf8(saida.stderr).unwrap();
    assert_eq!((saida.status.code(), &saida.stdout[..]), (Some(1), &b""[..]), "{queixa}");
    assert_eq!(queixa.lines().count(), 1, "{queixa}");
    assert!(queixa.starts_with("servidor: ") && queixa.contains(texto) && queixa.contains(pista), "{queixa}");
    assert_eq!(fs::read(banco).ok(), antes, "{pista}: o arquivo mudou");
}

#[test]
fn diz_o_que_achou() {
    let pasta = Pasta::nova("achado");
    let banco = pasta.banco();
    let texto = banco.to_str().unwrap();
    let achou = |o_que: &str| format!("{o_que}, de {texto}");
    let linha = achado(&["--banco", texto]);
    assert!(linha.ends_with(&achou("100 livres, versão 0")), "{linha}");
    let servidor = ligar(texto);
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 3 7"), "OK RESERVADO 3 7 versao=1");
    assert_eq!(ana.pedir("SEGURAR 9 POR 900"), "OK SEGURADO 9 expira=900 versao=2");
    servidor.encerrar();
    let linha = achado(&["--banco", texto]);
    assert!(linha.ends_with(&achou("97 livres, 1 segurado, 2 reservados, versão 2")), "{linha}");

    // O velho fica de lado, inteiro, com a data no nome.
    let inteiro = fs::read(&banco).unwrap();
    let linha = achado(&["--banco", texto, "--novo"]);
    assert!(linha.ends_with(&achou("100 livres, versão 0")), "{linha}");
    let de_lado: Vec<String> = pasta.nomes().into_iter().filter(|n| n.starts_with("reservas.db.2")).collect();
    assert_eq!(de_lado.len(), 1, "{:?}", pasta.nomes());
    assert!(fs::read(pasta.0.join(&de_lado[0])).unwrap() == inteiro);
    let linha = achado(&["--banco", pasta.0.join(&de_lado[0]).to_str().unwrap()]);
    assert!(linha.contains("97 livres"), "{linha}");
}

#[test]
fn sem_dizer_onde_a_sala_fica_na_pasta_de_onde_se_liga() {
    let pasta = Pasta::nova("padrao");
    let mut comando = std::process::Command::new(crate::programa::PROGRAMA);
    comando.args(["--escutar", "127.0.0.1:0"]).current_dir(&pasta.0).stdin(std::process::Stdio::null());
    Processo::ligar_com(comando.env_remove("RUST_LOG")).encerrar();
    assert!(pasta.nomes().contains(&"reservas.db".to_owned()), "{:?}", pasta.nomes());
}

#[test]
fn arquivo_que_nao_serve_e_uma_linha_clara() {
    let pasta = Pasta::nova("recusas");
    let outro = pasta.0.join("carta.txt");
    fs::write(&outro, "Querida Ana,\n").unwrap();
    recusa(&outro, "não é um banco de dados da Reserva");
    recusa(&pasta.0.join("nenhuma/reservas.db"), "a pasta não existe");
    recusa(&pasta.0, "não é um banco de dados da Reserva");

    let banco = pasta.banco();
    ligar(banco.to_str().unwrap()).encerrar();
    let inteiro = fs::read(&banco).unwrap();
    Connection::open(&banco).unwrap().pragma_update(None, "user_version", 99).unwrap();
    recusa(&banco, "servidor mais novo (formato 99");
    fs::write(&banco, &inteiro).unwrap();
    Connection::open(&banco).unwrap().execute("UPDATE servidor SET versao = 7", []).unwrap();
    recusa(&banco, "o arquivo está danificado");
    fs::write(&banco, &inteiro[..inteiro.len() / 2]).unwrap();
    recusa(&banco, "o arquivo está danificado");
    fs::write(&banco, "").unwrap();
    recusa(&banco, "está vazio, e já houve uma sala nele");
    fs::write(&banco, inteiro).unwrap();
    let _ = fs::remove_file(pasta.0.join("reservas.db-wal"));
    ligar(banco.to_str().unwrap()).encerrar();
}

/// Um segundo servidor no mesmo arquivo não liga; quando o primeiro morre, de qualquer jeito, liga.
#[test]
fn dois_servidores_num_arquivo() {
    let pasta = Pasta::nova("dois");
    let banco = pasta.banco();
    let texto = banco.to_str().unwrap();
    let primeiro = ligar(texto);
    let mut ana = primeiro.entrar();
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    recusa(&banco, "outro servidor está usando este arquivo");
    assert_eq!(ana.pedir("RESERVAR 2"), "OK RESERVADO 2 versao=2");
    primeiro.sinal(Signal::KILL);
    primeiro.acabar();
    let mut segundo = ligar(texto);
    segundo.esperar_linha("98 livres, 2 reservados, versão 2");
    let mut bia = segundo.entrar();
    assert_eq!(bia.pedir(&format!("RETOMAR 1 {}", ana.chave)), "OK RETOMADO 1");
    assert_eq!(bia.pedir("CANCELAR TUDO"), "OK CANCELADO 1 2 versao=3");
    recusa(&banco, "outro servidor está usando este arquivo");
    segundo.encerrar();
}
