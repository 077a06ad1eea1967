//! `docs/PROTOCOLO.md` diz o que a crate diz: a tabela, os códigos, os limites, e sessões que ao menos se leem.
//!
//! Que as sessões acontecem assim de verdade é outro teste, que tem um servidor à mão.

use protocolo::limites::{
    ASSENTOS_MAX, CHAVE_BYTES, LINHA_BYTES_MAX, NOME_LETRAS_MAX, PRAZO_S_MAX, SEGURAR_S_PADRAO,
    TOKEN_S_PADRAO,
};
use protocolo::*;

const DOCUMENTO: &str = include_str!("../../../docs/PROTOCOLO.md");

fn entre(inicio: &str, fim: &str) -> &'static str {
    let (_, resto) = DOCUMENTO.split_once(inicio).unwrap_or_else(|| panic!("falta {inicio:?}"));
    resto.split_once(fim).unwrap_or_else(|| panic!("falta {fim:?} depois de {inicio:?}")).0
}

#[test]
fn tabela_do_documento_e_a_da_crate() {
    let linhas: Vec<&str> = entre("<!-- tabela: início -->", "<!-- tabela: fim -->").trim().lines().collect();
    assert_eq!(linhas[0], "| pedido | quando dá certo | recusas próprias |");
    assert_eq!(linhas.len() - 2, TABELA.len(), "uma linha para cada comando");
    for (linha, verbete) in linhas[2..].iter().zip(&TABELA) {
        let celulas: Vec<&str> = linha.split(" | ").collect();
        let formas: Vec<String> =
            verbete.formas.iter().map(|f| format!("`{f}`").replace('|', "\\|")).collect();
        assert_eq!(celulas[0], format!("| {}", formas.join("<br>")));
        assert!(celulas[1].contains(verbete.participio), "{}: {}", verbete.palavra, celulas[1]);
    }
    for verbete in &TABELA {
        let secao = entre(&format!("\n### {}\n", verbete.palavra), "\n##");
        for forma in verbete.formas {
            assert!(
                secao.lines().any(|linha| linha == *forma),
                "a seção {} não mostra {forma:?}",
                verbete.palavra
            );
        }
    }
}

#[test]
fn documento_fala_de_todos_os_codigos() {
    let todos = [
        Error::Ocupado(Assentos::NENHUM),
        Error::Insuficiente { livres: 1 },
        Error::JaReservado(Assentos::NENHUM),
        Error::NaoSegurado(Assentos::NENHUM),
        Error::NaoESeu(Assentos::NENHUM),
        Error::TempoEsgotado,
        Error::TokenJaESeu,
        Error::TokenNaoESeu,
        Error::NomeInvalido,
        Error::ChaveInvalida,
        Error::CercaVencida { atual: Cerca(42) },
        Error::ComandoDesconhecido,
        Error::Sintaxe,
        Error::AssentoInvalido(vec![]),
        Error::Limite { max: 10 },
        Error::Indisponivel,
        Error::Lotado { max: 12_000 },
        Error::Inativo,
        Error::Encerrando,
        Error::LinhaLonga,
        Error::Codificacao,
        Error::Protocolo,
    ];
    // Uma causa nova em error.rs precisa entrar na lista acima e no documento.
    let (_, codigo) = include_str!("../../src/error.rs").split_once("fn codigo(").unwrap();
    let codigos = codigo.split_once("fn explicacao(").unwrap().0.matches(" => \"").count();
    assert_eq!(todos.len(), codigos, "a lista deste teste não tem todas as causas");
    for erro in todos {
        assert!(DOCUMENTO.contains(&format!("`ERRO {erro}")), "falta `ERRO {erro}`");
    }
}

#[test]
fn documento_diz_os_limites_da_crate() {
    for (antes, numero, depois) in [
        ("uma sala de ", u64::from(ASSENTOS_MAX), " assentos"),
        ("números de 1 a ", u64::from(ASSENTOS_MAX), " e faixas"),
        ("segundos, de 1 a ", u64::from(PRAZO_S_MAX), " |"),
        ("; sem ele, ", u64::from(SEGURAR_S_PADRAO), "."),
        (" s, ", u64::from(TOKEN_S_PADRAO), " sem\nele"),
        ("de 1 a ", NOME_LETRAS_MAX as u64, " caracteres"),
        ("| ", 2 * CHAVE_BYTES as u64, " algarismos hexadecimais"),
        ("chave secreta de ", 8 * CHAVE_BYTES as u64, " bits"),
    ] {
        let frase = format!("{antes}{numero}{depois}");
        assert!(DOCUMENTO.contains(&frase), "falta {frase:?}");
    }
    let milhar = format!("{}.{:03} bytes, contado o seu fim", LINHA_BYTES_MAX / 1000, LINHA_BYTES_MAX % 1000);
    assert!(DOCUMENTO.contains(&milhar), "falta {milhar:?}");
}

#[test]
fn sessoes_do_documento_se_leem() {
    let sessoes: Vec<&str> =
        DOCUMENTO.split("```sessao\n").skip(1).map(|resto| resto.split_once("```").unwrap().0).collect();
    assert!(sessoes.len() >= 6);
    for linha in sessoes.iter().flat_map(|sessao| sessao.lines()) {
        let (quem, texto) = linha.split_at(3);
        assert!(matches!(quem, "A> " | "A< " | "B> " | "B< " | "C> " | "C< "), "{linha:?}");
        // O que se espera inteiro é uma resposta que a crate lê; dados e cortes (...) ficam para o servidor.
        if quem.ends_with("< ") && e_final(texto) && !texto.ends_with("...") && !com_dados(texto) {
            let lida: Resposta = texto.parse().unwrap_or_else(|erro| panic!("{linha:?}: {erro}"));
            assert_eq!(lida.to_string(), texto);
        }
        // O que se manda é um comando, ou um engano de propósito.
        if let (true, Err(recusa)) = (quem.ends_with("> "), texto.parse::<Comando>()) {
            let esperada = format!("< ERRO {}", recusa.erro);
            assert!(sessoes.iter().any(|s| s.contains(&esperada)), "{linha:?} dá {recusa}");
        }
    }
}

fn com_dados(linha: &str) -> bool {
    ["OK LISTADO", "OK MAPA"].iter().any(|inicio| linha.starts_with(inicio))
}
