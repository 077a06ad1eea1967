//! O programa `laboratorio`: opções, códigos de saída, a tabela, o relatório e o desenho.

use std::fs;
use std::process::{Command, Output};

use arnes::pasta::Pasta;
use laboratorio::tecnicas::TECNICAS;

fn rodar(argumentos: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_laboratorio")).args(argumentos).output().expect("o programa roda")
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("a saída é UTF-8")
}

#[test]
fn laboratorio_explica_as_opcoes() {
    for opcao in ["--ajuda", "--help"] {
        let saida = rodar(&[opcao]);
        assert_eq!(saida.status.code(), Some(0));
        let ajuda = texto(&saida.stdout);
        for tecnica in TECNICAS {
            assert!(ajuda.contains(tecnica.nome) && ajuda.contains(tecnica.resumo), "{tecnica:?}: {ajuda}");
        }
    }
    for opcao in ["--versao", "--version"] {
        let saida = rodar(&[opcao]);
        assert_eq!((saida.status.code(), texto(&saida.stdout)), (Some(0), "laboratorio 0.1.0\n".to_owned()));
    }
}

#[test]
fn laboratorio_recusa_o_que_nao_entende_numa_linha() {
    for (argumentos, parte) in [
        (&["--turbo"][..], "opção desconhecida: --turbo"),
        (&["--so", "sorte"], "sorte"),
        (&["--threads", "0"], "--threads 0"),
    ] {
        let saida = rodar(argumentos);
        let erro = texto(&saida.stderr);
        assert_eq!(saida.status.code(), Some(2), "{erro}");
        assert!(erro.contains(parte) && erro.lines().count() == 1 && saida.stdout.is_empty(), "{erro}");
    }
}

/// Um caminho em que não se escreve se diz antes de medir.
#[test]
fn laboratorio_diz_que_o_relatorio_nao_se_escreve() {
    let saida = rodar(&["--segundos", "60", "--relatorio", "/pasta-que-nao-existe/r.md"]);
    let erro = texto(&saida.stderr);
    assert_eq!(saida.status.code(), Some(1), "{erro}");
    assert!(erro.contains("/pasta-que-nao-existe/r.md") && erro.lines().count() == 1, "{erro}");
    assert!(saida.stdout.is_empty());
}

#[test]
fn laboratorio_mede_conta_o_impasse_e_guarda_o_relatorio() {
    let pasta = Pasta::nova("laboratorio");
    let relatorio = pasta.0.join("quadro.md");
    let opcoes = ["--segundos", "0.02", "--threads", "1,2", "--semente", "42", "--so", "cas,sem-ordem"];
    let saida = rodar(&[&opcoes[..], &["--relatorio", relatorio.to_str().expect("UTF-8")]].concat());
    let tela = texto(&saida.stdout);
    assert_eq!(saida.status.code(), Some(0), "{tela}{}", texto(&saida.stderr));
    assert!(tela.starts_with("semente 42;"), "{tela}");
    for nome in ["cas", "sem-ordem"] {
        let linhas = tela.lines().filter(|linha| linha.starts_with(&format!("{nome} ")));
        // Uma por número de threads, e a sua barra.
        assert_eq!(linhas.count(), 3, "{tela}");
    }
    assert!(tela.lines().all(|linha| linha.chars().count() <= 100), "{tela}");
    assert!(tela.contains("espera a 2, que é da thread 2"), "o impasse provocado: {tela}");

    let guardado = fs::read_to_string(&relatorio).expect("o relatório está lá");
    assert!(guardado.contains("laboratorio --semente 42 --segundos 0.02 --threads 1,2 --so cas,sem-ordem"));
    assert!(guardado.contains("(quadro.svg)"), "{guardado}");
    let colunas: Vec<usize> = guardado
        .lines()
        .filter(|linha| linha.starts_with('|'))
        .map(|linha| linha.matches('|').count())
        .collect();
    // O cabeçalho, o traço, e uma linha por medição.
    assert_eq!(colunas, [11; 6], "{guardado}");
    let desenho = fs::read_to_string(relatorio.with_extension("svg")).expect("o desenho está ao lado");
    assert!(desenho.starts_with("<svg") && desenho.trim_end().ends_with("</svg>"), "{desenho}");
    for nome in ["cas", "sem-ordem", "1 thread", "2 threads"] {
        assert!(desenho.contains(nome), "{nome}: {desenho}");
    }
}

/// A que não exclui ninguém erra, como se espera dela: o programa diz o quê, e acaba bem.
#[test]
fn laboratorio_mostra_o_que_o_juiz_achou() {
    let saida = rodar(&["--segundos", "0.3", "--threads", "8", "--so", "nenhuma", "--semente", "7"]);
    let tela = texto(&saida.stdout);
    assert_eq!(saida.status.code(), Some(0), "{tela}");
    for especie in ["reserva duplicada: o assento", "atualização perdida:", "visão inconsistente:"] {
        assert!(tela.contains(especie), "{especie}: {tela}");
    }
    assert!(tela.contains("nenhuma (errada)"), "{tela}");
}
