//! O cliente de exemplo em Python, docs/exemplos/cliente.py, contra um servidor de verdade. Sem `python3`, diz PULADO.

use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use arnes::ServidorDeTeste;
use arnes::terminal::valor;
use servidor::Config;

use crate::documentos::raiz;

fn exemplo(endereco: SocketAddr, pedido: &str) -> Command {
    let mut comando = Command::new("python3");
    comando.arg("docs/exemplos/cliente.py").arg("--servidor").arg(endereco.to_string());
    comando.args(pedido.split_whitespace()).current_dir(raiz()).stdin(Stdio::null());
    comando
}

/// O código de saída e o que se disse.
fn fim(saida: &Output) -> (Option<i32>, String) {
    let stderr = String::from_utf8_lossy(&saida.stderr);
    assert!(!stderr.contains("Traceback"), "{stderr}");
    (saida.status.code(), String::from_utf8(saida.stdout.clone()).expect("o exemplo fala UTF-8"))
}

#[track_caller]
fn rodar(endereco: SocketAddr, pedido: &str) -> (Option<i32>, String) {
    fim(&exemplo(endereco, pedido).output().expect("há um python3"))
}

#[expect(clippy::print_stdout, reason = "quem roda os testes precisa saber que este não rodou")]
fn ha_python() -> bool {
    let ha = Command::new("python3").arg("--version").output().is_ok_and(|saida| saida.status.success());
    if !ha {
        println!("PULADO: não há python3");
    }
    ha
}

#[test]
fn exemplo_em_python_pede_e_diz_como_foi() {
    if !ha_python() {
        return;
    }
    let servidor = ServidorDeTeste::new();
    let endereco = servidor.endereco();
    assert_eq!(rodar(endereco, "RESERVAR 3 7"), (Some(0), "OK RESERVADO 3 7 versao=1\n".into()));
    let (codigo, recusa) = rodar(endereco, "RESERVAR 7 8");
    assert!(codigo == Some(1) && recusa.starts_with("ERRO OCUPADO 7 versao=1 :"), "{codigo:?} {recusa}");
    let lista = "LIVRES 1-2 4-6 8-100\nSEGURADOS\nOCUPADOS 3 7\nSEUS\nOK LISTADO livres=98 segurados=0 ocupados=2 seus=0 versao=1\n";
    assert_eq!(rodar(endereco, "LISTAR"), (Some(0), lista.into()));
    assert_eq!(rodar(endereco, ""), (Some(2), String::new()));
    servidor.parar();
    // Ninguém escuta; e quem escuta diz que não cabe, e fecha.
    assert_eq!(rodar(endereco, "PING"), (Some(3), String::new()));
    let lotado = ServidorDeTeste::com(Config { max_conexoes: 1, ..Config::default() });
    let _cheio = lotado.entrar();
    assert_eq!(rodar(lotado.endereco(), "PING"), (Some(3), String::new()));
}

/// Dois programas ao mesmo tempo, e um assento: um só o leva.
#[test]
fn dois_exemplos_em_python_disputam_um_assento() {
    if !ha_python() {
        return;
    }
    let servidor = ServidorDeTeste::new();
    for assento in 1..=3 {
        let pedido = format!("RESERVAR {assento}");
        let ligar =
            |_| exemplo(servidor.endereco(), &pedido).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let dois: Vec<Child> = (0..2).map(|n| ligar(n).expect("há um python3")).collect();
        let fins = dois.into_iter().map(|um| fim(&um.wait_with_output().expect("o exemplo acaba")));
        let mut fins: Vec<(Option<i32>, String)> = fins.collect();
        fins.sort();
        assert_eq!(fins[0], (Some(0), format!("OK RESERVADO {assento} versao={assento}\n")));
        assert!(
            fins[1].0 == Some(1) && fins[1].1.starts_with(&format!("ERRO OCUPADO {assento} ")),
            "{fins:?}"
        );
    }
}

/// Quem observa ouve os eventos na ordem, e eles não se confundem com os dados de uma resposta.
#[test]
fn exemplo_em_python_honra_os_eventos() {
    if !ha_python() {
        return;
    }
    const PROGRAMA: &str = "
import sys
from cliente import Cliente
c = Cliente('127.0.0.1', int(sys.argv[1]))
for pedido in ['OBSERVAR', 'RESERVAR 3', 'LISTAR']:
    print(c.pedir(pedido))
";
    let servidor = ServidorDeTeste::new();
    let mut comando = Command::new("python3");
    comando.args(["-c", PROGRAMA, &servidor.endereco().port().to_string()]).stdin(Stdio::null());
    comando.env("PYTHONPATH", raiz().join("docs/exemplos")).env("PYTHONDONTWRITEBYTECODE", "1");
    let (codigo, disse) = fim(&comando.output().expect("há um python3"));
    let linhas: Vec<&str> = disse.lines().collect();
    assert_eq!((codigo, linhas.len()), (Some(0), 4), "{disse}");
    assert_eq!(linhas[0], "([], 'OK OBSERVANDO versao=0')");
    assert_eq!(linhas[1], "EVENTO 1 RESERVADO 3 cliente=1");
    assert_eq!(linhas[2], "([], 'OK RESERVADO 3 versao=1')");
    assert!(
        linhas[3].starts_with("(['LIVRES 1-2 4-100', 'SEGURADOS', 'OCUPADOS 3', 'SEUS 3'], 'OK LISTADO "),
        "{disse}"
    );
    assert_eq!(valor(linhas[3].trim_end_matches("')"), "versao"), "1");
}
