//! O relógio de parede atrasado ou adiantado, entre duas vezes e durante uma. Usa a `libfaketime`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::programa::{Processo, programa};
use crate::testemunha::olhar;
use arnes::espera::{Cronometro, esperar};
use arnes::pasta::Pasta;
use arnes::terminal::Terminal;

const LUGARES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// A biblioteca, se há; senão diz que o teste foi pulado.
#[expect(clippy::print_stdout, reason = "quem roda os testes precisa saber que este não rodou")]
fn faketime(teste: &str) -> Option<&'static str> {
    let ha = LUGARES.into_iter().find(|lugar| Path::new(lugar).exists());
    if ha.is_none() {
        println!("PULADO: {teste}: aqui não há libfaketime");
    }
    ha
}

/// O servidor sobre este banco, com o relógio de parede que este arquivo diz, lido a cada vez.
fn com_hora(biblioteca: &str, banco: &str, hora: &Path) -> Command {
    let mut comando = programa(&["--banco", banco, "--escutar", "127.0.0.1:0"]);
    comando.env("LD_PRELOAD", biblioteca).env("FAKETIME_TIMESTAMP_FILE", hora).env("FAKETIME_NO_CACHE", "1");
    comando.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    comando
}

fn retomar(servidor: &Processo, ana: &Terminal) -> Terminal {
    let mut de_novo = servidor.entrar();
    assert_eq!(
        de_novo.pedir(&format!("RETOMAR {} {}", ana.cliente, ana.chave)),
        format!("OK RETOMADO {}", ana.cliente)
    );
    de_novo
}

fn matar(servidor: Processo) {
    servidor.sinal(Signal::KILL);
    servidor.acabar();
}

/// As horas da história, em ordem de versão.
fn horas(banco: &Path) -> Vec<String> {
    let conexao = olhar(banco);
    let mut comando = conexao.prepare("SELECT quando FROM historico ORDER BY numero").unwrap();
    let horas = comando.query_map([], |linha| linha.get(0)).unwrap();
    horas.map(Result::unwrap).collect()
}

/// Três dias adiantado na primeira vez, certo nas outras: o que era segurado tem o prazo que lhe faltava, e a história não volta
/// atrás, caia quando cair.
#[test]
fn relogio_atrasado_entre_duas_vezes() {
    let Some(biblioteca) = faketime("relogio_atrasado_entre_duas_vezes") else { return };
    let pasta = Pasta::nova("atrasado");
    let (banco, hora) = (pasta.banco(), pasta.0.join("hora"));
    let texto = banco.to_str().unwrap();
    fs::write(&hora, "+3d").unwrap();
    let servidor = Processo::ligar_com(&mut com_hora(biblioteca, texto, &hora));
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    assert_eq!(ana.pedir("SEGURAR 2 POR 900"), "OK SEGURADO 2 expira=900 versao=2");
    assert_eq!(ana.pedir("SEGURAR 3 POR 2"), "OK SEGURADO 3 expira=2 versao=3");
    let adiantada = horas(&banco).pop().unwrap();
    matar(servidor);

    fs::write(&hora, "+0").unwrap();
    for _ in 0..2 {
        // Só alguém que entra, e nada na história: também isto não pode levar a hora para trás.
        let servidor = Processo::ligar_com(&mut com_hora(biblioteca, texto, &hora));
        drop(servidor.entrar());
        matar(servidor);
    }
    let servidor = Processo::ligar_com(&mut com_hora(biblioteca, texto, &hora));
    let mut ana = retomar(&servidor, &ana);
    // O 3 vence, se é que ainda não venceu; o 2, não.
    esperar("o 3 vencer", || !ana.pedir_tudo("LISTAR").dados[1].contains('3'));
    assert_eq!(ana.pedir_tudo("LISTAR").dados[1], "SEGURADOS 2");
    // O prazo que faltava, mais o que se passou: renovar não o diz, mas confirmar ainda se pode.
    assert_eq!(ana.pedir("CONFIRMAR"), "OK CONFIRMADO 2 versao=5");
    let horas = horas(&banco);
    assert!(horas.is_sorted() && horas.last().unwrap() >= &adiantada, "{horas:?}");
    servidor.encerrar();
}

/// O relógio de parede salta dez dias para a frente e depois para trás com o servidor ligado: um prazo dura o que dura.
#[test]
fn relogio_que_salta_com_o_servidor_ligado() {
    let Some(biblioteca) = faketime("relogio_que_salta_com_o_servidor_ligado") else { return };
    let pasta = Pasta::nova("salta");
    let (banco, hora) = (pasta.banco(), pasta.0.join("hora"));
    fs::write(&hora, "+0").unwrap();
    let servidor = Processo::ligar_com(&mut com_hora(biblioteca, banco.to_str().unwrap(), &hora));
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("SEGURAR 1 POR 900"), "OK SEGURADO 1 expira=900 versao=1");
    fs::write(&hora, "+10d").unwrap();
    assert_eq!(ana.pedir("SEGURAR 2 POR 900"), "OK SEGURADO 2 expira=900 versao=2");
    assert_eq!(ana.pedir_tudo("LISTAR").dados[1], "SEGURADOS 1-2");
    fs::write(&hora, "-10d").unwrap();
    let cronometro = Cronometro::comecar();
    assert_eq!(ana.pedir("SEGURAR 3 POR 1"), "OK SEGURADO 3 expira=1 versao=3");
    esperar("o 3 vencer", || ana.pedir_tudo("LISTAR").dados[1] == "SEGURADOS 1-2");
    assert!(cronometro.passou() >= Duration::from_secs(1), "venceu antes da hora");
    let horas = horas(&banco);
    assert!(horas.is_sorted(), "{horas:?}");
    servidor.encerrar();
}
