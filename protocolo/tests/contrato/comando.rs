//! Pedidos: cada forma com o que se entende dela, cada recusa com o seu código e argumentos, e a ida e volta.

use proptest::collection::vec;
use proptest::prelude::*;
use protocolo::limites::{CHAVE_BYTES, LINHA_BYTES_MAX};
use protocolo::*;

use crate::geradores::comando;

/// O que `docs/PROTOCOLO.md` promete: nenhuma linha de resposta, com o LF, passa disto.
const RESPOSTA_BYTES_MAX: usize = 4096;

const CHAVE: &str = "00ff10a0deadbeef0123456789abcdef";

/// Cada linha e a forma canônica do que se entendeu dela.
fn conferir(tabela: &[(&str, &str)]) {
    for (linha, canonica) in tabela {
        match linha.parse::<Comando>() {
            Ok(comando) => {
                assert_eq!(comando.to_string(), *canonica, "{linha:?}");
                assert_eq!(comando.palavra(), canonica.split(' ').next().unwrap(), "{linha:?}");
            }
            Err(recusa) => panic!("{linha:?}: {recusa}"),
        }
    }
}

/// Cada linha e o código e os argumentos da sua recusa.
fn conferir_recusas(tabela: &[(&str, &str)]) {
    for (linha, esperado) in tabela {
        match linha.parse::<Comando>() {
            Ok(comando) => panic!("{linha:?} foi entendida como {comando}"),
            Err(recusa) => {
                assert_eq!(recusa.erro.to_string(), *esperado, "{linha:?}: {recusa}");
                assert_eq!(recusa.versao, None, "{linha:?} não chegou a ver a sala");
            }
        }
    }
}

/// Cada linha é recusada por sintaxe, com o motivo dado e o uso do comando.
fn conferir_sintaxe(tabela: &[(&str, &str)]) {
    for (linha, motivo) in tabela {
        let recusa = linha.parse::<Comando>().expect_err(linha);
        assert_eq!(recusa.erro, Error::Sintaxe, "{linha:?}: {recusa}");
        assert!(recusa.texto.contains(motivo), "{linha:?}: {recusa}, sem {motivo:?}");
        conferir_uso(linha, &recusa);
    }
}

fn conferir_uso(linha: &str, recusa: &Recusa) {
    let palavra = linha.split_ascii_whitespace().next().unwrap();
    let verbete = Verbete::achar(palavra).unwrap();
    assert!(recusa.texto.starts_with("uso: "), "{linha:?}: {recusa}");
    for forma in verbete.formas {
        assert!(recusa.texto.contains(forma), "{linha:?}: {recusa}, sem {forma:?}");
    }
}

#[test]
fn reservar_cada_forma() {
    conferir(&[
        ("RESERVAR 7", "RESERVAR 7"),
        ("RESERVAR 1 100", "RESERVAR 1 100"),
        ("RESERVAR 9 3 7", "RESERVAR 3 7 9"),
        ("RESERVAR 3 7 9 CERCA 42", "RESERVAR 3 7 9 CERCA 42"),
        ("RESERVAR PARCIAL 3 7", "RESERVAR PARCIAL 3 7"),
        ("RESERVAR PARCIAL 3-5 CERCA 0", "RESERVAR PARCIAL 3 4 5 CERCA 0"),
        ("RESERVAR QUANTIDADE 1", "RESERVAR QUANTIDADE 1"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO 4-5 9", "RESERVAR QUANTIDADE 2 PREFERINDO 4 5 9"),
        ("RESERVAR QUANTIDADE 2 CERCA 8", "RESERVAR QUANTIDADE 2 CERCA 8"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO 4 CERCA 8", "RESERVAR QUANTIDADE 2 PREFERINDO 4 CERCA 8"),
        // Mais do que a sala tem é um número como outro: quem diz que não há é a sala.
        ("RESERVAR QUANTIDADE 101", "RESERVAR QUANTIDADE 101"),
        ("RESERVAR QUANTIDADE 4294967295", "RESERVAR QUANTIDADE 4294967295"),
        ("RESERVAR QUANTIDADE 4294967296", "RESERVAR QUANTIDADE 4294967295"),
        ("RESERVAR QUANTIDADE 99999999999999999999", "RESERVAR QUANTIDADE 4294967295"),
        // Um número de fencing que não cabe em 64 bits nunca foi dado a ninguém.
        ("RESERVAR 1 CERCA 18446744073709551615", "RESERVAR 1 CERCA 18446744073709551615"),
        ("RESERVAR 1 CERCA 99999999999999999999", "RESERVAR 1 CERCA 18446744073709551615"),
    ]);
}

#[test]
fn segurar_cada_forma() {
    conferir(&[
        ("SEGURAR 3 7", "SEGURAR 3 7 POR 120"),
        ("SEGURAR 3-5 POR 1", "SEGURAR 3 4 5 POR 1"),
        ("SEGURAR 3 POR 3600", "SEGURAR 3 POR 3600"),
        ("SEGURAR QUANTIDADE 2", "SEGURAR QUANTIDADE 2 POR 120"),
        ("SEGURAR QUANTIDADE 2 POR 45", "SEGURAR QUANTIDADE 2 POR 45"),
    ]);
}

#[test]
fn confirmar_e_cancelar_cada_forma() {
    conferir(&[
        ("CONFIRMAR", "CONFIRMAR"),
        ("CONFIRMAR 7 3", "CONFIRMAR 3 7"),
        ("CANCELAR 7 3", "CANCELAR 3 7"),
        ("CANCELAR TUDO", "CANCELAR TUDO"),
        ("CANCELAR 3 CERCA 5", "CANCELAR 3 CERCA 5"),
        ("CANCELAR TUDO CERCA 5", "CANCELAR TUDO CERCA 5"),
    ]);
}

#[test]
fn aguardar_cada_forma() {
    conferir(&[
        ("AGUARDAR 7 3", "AGUARDAR 3 7"),
        ("AGUARDAR 3 ATE 1", "AGUARDAR 3 ATE 1"),
        ("AGUARDAR 3 ATE 3600", "AGUARDAR 3 ATE 3600"),
        ("AGUARDAR QUANTIDADE 2", "AGUARDAR QUANTIDADE 2"),
        ("AGUARDAR QUANTIDADE 2 ATE 30", "AGUARDAR QUANTIDADE 2 ATE 30"),
    ]);
}

#[test]
fn token_cada_forma() {
    conferir(&[
        ("TOKEN SOLICITAR", "TOKEN SOLICITAR POR 30"),
        ("TOKEN SOLICITAR POR 1", "TOKEN SOLICITAR POR 1"),
        ("TOKEN SOLICITAR POR 3600", "TOKEN SOLICITAR POR 3600"),
        ("TOKEN SOLICITAR ATE 5", "TOKEN SOLICITAR POR 30 ATE 5"),
        ("TOKEN SOLICITAR POR 60 ATE 5", "TOKEN SOLICITAR POR 60 ATE 5"),
        ("TOKEN LIBERAR", "TOKEN LIBERAR"),
        ("TOKEN ESTADO", "TOKEN ESTADO"),
    ]);
}

#[test]
fn sem_argumentos_cada_palavra() {
    for palavra in ["LISTAR", "MAPA", "OBSERVAR", "PARAR", "ESTADO", "PING", "SAIR"] {
        conferir(&[(palavra, palavra)]);
        conferir_sintaxe(&[(&format!("{palavra} 1"), "há palavras a mais")]);
    }
}

#[test]
fn nome_retomar_e_ajuda_cada_forma() {
    conferir(&[
        ("NOME ana", "NOME ana"),
        ("NOME João-2.b_C", "NOME João-2.b_C"),
        ("NOME ɏ", "NOME ɏ"),
        ("AJUDA", "AJUDA"),
        ("AJUDA reservar", "AJUDA RESERVAR"),
        ("AJUDA AJUDA", "AJUDA AJUDA"),
    ]);
    let trinta_e_duas = "ç".repeat(32);
    conferir(&[(&format!("NOME {trinta_e_duas}"), &format!("NOME {trinta_e_duas}"))]);
    let canonica = format!("RETOMAR 7 {CHAVE}");
    conferir(&[(&canonica, &canonica), (&format!("retomar\t7  {}", CHAVE.to_uppercase()), &canonica)]);
    let maior = format!("RETOMAR {} {CHAVE}", u64::MAX);
    conferir(&[(&maior, &maior)]);
}

#[test]
fn historico_de_um_assento_so() {
    conferir(&[
        ("HISTORICO 7", "HISTORICO 7"),
        ("historico\t1 ", "HISTORICO 1"),
        ("Historico 100", "HISTORICO 100"),
    ]);
    conferir_sintaxe(&[
        ("HISTORICO", "falta o assento"),
        ("HISTORICO 3 7", "há palavras a mais"),
        ("HISTORICO 3 3", "há palavras a mais"),
        ("HISTORICO 3,7", "\"3,7\" não é um assento"),
        ("HISTORICO 3-7", "\"3-7\" não é um assento"),
        ("HISTORICO 7,", "\"7,\" não é um assento"),
        ("HISTORICO 07", "\"07\" não é um assento"),
        ("HISTORICO ana", "\"ana\" não é um assento"),
        ("HISTORICO TUDO", "\"TUDO\" não é um assento"),
        ("HISTORICO 7 CERCA 1", "há palavras a mais"),
        // Primeiro a frase inteira; só então o número.
        ("HISTORICO 101 3", "há palavras a mais"),
    ]);
    conferir_recusas(&[
        ("HISTORICO 0", "ASSENTO_INVALIDO 0"),
        ("HISTORICO 101", "ASSENTO_INVALIDO 101"),
        ("HISTORICO 99999999999999999999", "ASSENTO_INVALIDO 99999999999999999999"),
    ]);
}

#[test]
fn palavras_em_qualquer_caixa_e_com_qualquer_espaco() {
    conferir(&[
        ("ping", "PING"),
        ("  PiNg\t", "PING"),
        ("\treservar\t\t7", "RESERVAR 7"),
        ("Reservar Parcial 7 Cerca 5", "RESERVAR PARCIAL 7 CERCA 5"),
        ("reservar quantidade 2 preferindo 7 cerca 5", "RESERVAR QUANTIDADE 2 PREFERINDO 7 CERCA 5"),
        ("segurar quantidade 2 por 5", "SEGURAR QUANTIDADE 2 POR 5"),
        ("aguardar 2 ate 5", "AGUARDAR 2 ATE 5"),
        ("cancelar tudo", "CANCELAR TUDO"),
        ("token solicitar por 5 ate 6", "TOKEN SOLICITAR POR 5 ATE 6"),
        ("Token Liberar", "TOKEN LIBERAR"),
        ("toKEN estADO", "TOKEN ESTADO"),
    ]);
}

#[test]
fn assentos_cada_jeito_de_escrever() {
    conferir(&[
        ("RESERVAR 3,7,9", "RESERVAR 3 7 9"),
        ("RESERVAR 3, 7 ,9", "RESERVAR 3 7 9"),
        ("RESERVAR 3\t,\t7", "RESERVAR 3 7"),
        ("RESERVAR ,3,,7,", "RESERVAR 3 7"),
        ("RESERVAR 4-6 12", "RESERVAR 4 5 6 12"),
        ("RESERVAR 12,4-6", "RESERVAR 4 5 6 12"),
        ("RESERVAR 7-7", "RESERVAR 7"),
        ("RESERVAR 7 7,7 6-8 7", "RESERVAR 6 7 8"),
        ("RESERVAR 99-100", "RESERVAR 99 100"),
        ("RESERVAR 3,7 CERCA 5", "RESERVAR 3 7 CERCA 5"),
        ("RESERVAR 3, CERCA 5", "RESERVAR 3 CERCA 5"),
        ("SEGURAR 3,7 POR 5", "SEGURAR 3 7 POR 5"),
        ("RESERVAR QUANTIDADE 1 PREFERINDO 3,7-8", "RESERVAR QUANTIDADE 1 PREFERINDO 3 7 8"),
    ]);
    let toda = Comando::Reservar { pedido: Pedido::Todos(Assentos::TODOS), cerca: None };
    conferir(&[("RESERVAR 1-100", &toda.to_string())]);
}

#[test]
fn assentos_fora_da_sala_sao_nomeados_como_escritos() {
    conferir_recusas(&[
        ("RESERVAR 0", "ASSENTO_INVALIDO 0"),
        ("RESERVAR 101", "ASSENTO_INVALIDO 101"),
        ("RESERVAR 0 101", "ASSENTO_INVALIDO 0 101"),
        ("RESERVAR 101 3 0", "ASSENTO_INVALIDO 101 0"),
        ("RESERVAR 101,0,101", "ASSENTO_INVALIDO 101 0"),
        ("RESERVAR 256 257", "ASSENTO_INVALIDO 256 257"),
        ("RESERVAR 0-101", "ASSENTO_INVALIDO 0 101"),
        ("RESERVAR 1-101", "ASSENTO_INVALIDO 101"),
        ("RESERVAR 0-3", "ASSENTO_INVALIDO 0"),
        ("RESERVAR 1-4294967296", "ASSENTO_INVALIDO 4294967296"),
        ("RESERVAR 18446744073709551616", "ASSENTO_INVALIDO 18446744073709551616"),
        ("RESERVAR 1-99999999999999999999", "ASSENTO_INVALIDO 99999999999999999999"),
        ("RESERVAR PARCIAL 3 101", "ASSENTO_INVALIDO 101"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO 101", "ASSENTO_INVALIDO 101"),
        ("RESERVAR 101 CERCA 5", "ASSENTO_INVALIDO 101"),
        ("SEGURAR 0 POR 5", "ASSENTO_INVALIDO 0"),
        ("CONFIRMAR 0", "ASSENTO_INVALIDO 0"),
        ("CANCELAR 3 0", "ASSENTO_INVALIDO 0"),
        ("AGUARDAR 0 ATE 5", "ASSENTO_INVALIDO 0"),
    ]);
}

#[test]
fn assentos_so_com_algarismos_e_sem_zeros_a_esquerda() {
    for ruim in [
        "-1", "+7", "1e3", "007", "00", "7.0", "0x7", "٣", "７", "7-", "-", "1--3", "1-2-3", "+1-3", "1-+3",
        "01-3", "7;9", "\"7\"",
    ] {
        let texto = format!("\"{}\"", ruim.escape_debug());
        conferir_sintaxe(&[
            (&format!("RESERVAR {ruim}"), &format!("{texto} não é um assento")),
            (&format!("CANCELAR 3,{ruim}"), &format!("{texto} não é um assento")),
            (&format!("RESERVAR QUANTIDADE 2 PREFERINDO {ruim}"), "não é um assento"),
        ]);
    }
    // Um espaço parte a faixa em três palavras.
    conferir_sintaxe(&[("RESERVAR 1 - 3", "\"-\" não é um assento")]);
}

#[test]
fn assentos_em_faixa_invertida_sao_sintaxe() {
    conferir_sintaxe(&[
        ("RESERVAR 9-3", "\"9-3\" está invertido: escreva \"3-9\""),
        ("RESERVAR 10-9", "invertido"),
        // Também quando a sala não tem os números.
        ("RESERVAR 5-0", "invertido"),
        ("RESERVAR 101-3", "invertido"),
        ("RESERVAR 200-150", "invertido"),
        ("RESERVAR 99999999999999999999-3", "invertido"),
        ("RESERVAR 99999999999999999999-99999999999999999998", "invertido"),
    ]);
}

#[test]
fn sintaxe_vem_antes_de_assento_invalido() {
    // Primeiro a frase inteira precisa estar certa; só então se culpam os números.
    conferir_sintaxe(&[
        ("RESERVAR 101 x", "\"x\" não é um assento"),
        ("RESERVAR 101 7x", "\"7x\" não é um assento"),
        ("RESERVAR 101 CERCA", "falta o número depois de CERCA"),
        ("RESERVAR 101 CERCA x", "\"x\" não é um número"),
        ("RESERVAR 101 CERCA 5 6", "há palavras a mais"),
        ("RESERVAR 101 POR 5", "há palavras a mais"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO 0 CERCA", "falta o número depois de CERCA"),
        ("SEGURAR 101 POR 0", "POR vai de 1 a 3600 segundos"),
        ("AGUARDAR 101 ATE 3601", "ATE vai de 1 a 3600 segundos"),
        ("CANCELAR 0 CERCA 01", "\"01\" não é um número"),
    ]);
}

#[test]
fn reservar_mal_escrito() {
    conferir_sintaxe(&[
        ("RESERVAR", "faltam os assentos"),
        ("RESERVAR ,", "faltam os assentos"),
        ("RESERVAR PARCIAL", "faltam os assentos"),
        ("RESERVAR CERCA 5", "faltam os assentos"),
        ("RESERVAR PARCIAL CERCA 5", "faltam os assentos"),
        ("RESERVAR TUDO", "faltam os assentos"),
        ("RESERVAR 3 PARCIAL", "\"PARCIAL\" não é um assento"),
        ("RESERVAR 3 e 7", "\"e\" não é um assento"),
        ("RESERVAR 3,CERCA 5", "não é um assento"),
        ("RESERVAR PARCIAL QUANTIDADE 3", "faltam os assentos"),
        ("RESERVAR QUANTIDADE", "falta a quantidade"),
        ("RESERVAR QUANTIDADE 0", "a quantidade começa em 1"),
        ("RESERVAR QUANTIDADE -1", "não é um número"),
        ("RESERVAR QUANTIDADE 007", "não é um número"),
        ("RESERVAR QUANTIDADE 1-3", "não é um número"),
        ("RESERVAR QUANTIDADE 2 3", "há palavras a mais"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO", "faltam os assentos"),
        ("RESERVAR QUANTIDADE 2 PREFERINDO CERCA 5", "faltam os assentos"),
        // CERCA é a última cláusula.
        ("RESERVAR QUANTIDADE 2 CERCA 5 PREFERINDO 3", "há palavras a mais"),
        ("RESERVAR 3 PREFERINDO 4", "há palavras a mais"),
        ("RESERVAR 3 POR 5", "há palavras a mais"),
        ("RESERVAR 3 ATE 5", "há palavras a mais"),
        ("RESERVAR 3 CERCA", "falta o número depois de CERCA"),
        ("RESERVAR 3 CERCA -5", "não é um número"),
        ("RESERVAR 3 CERCA 5 CERCA 5", "há palavras a mais"),
    ]);
}

#[test]
fn prazos_no_limite_e_um_alem() {
    for (antes, clausula) in [
        ("SEGURAR 3", "POR"),
        ("SEGURAR QUANTIDADE 3", "POR"),
        ("AGUARDAR 3", "ATE"),
        ("AGUARDAR QUANTIDADE 3", "ATE"),
        ("TOKEN SOLICITAR", "POR"),
        ("TOKEN SOLICITAR", "ATE"),
        ("TOKEN SOLICITAR POR 7", "ATE"),
    ] {
        for bom in ["1", "3600"] {
            let comando = format!("{antes} {clausula} {bom}").parse::<Comando>().unwrap();
            assert!(comando.to_string().ends_with(&format!(" {clausula} {bom}")), "{comando}");
        }
        let limites = format!("{clausula} vai de 1 a 3600 segundos");
        for (ruim, motivo) in [
            (" 0", &*limites),
            (" 3601", &*limites),
            (" 4294967297", &*limites),
            (" 99999999999999999999", &*limites),
            ("", "faltam os segundos"),
            (" -1", "não é um número"),
            (" 030", "não é um número"),
            (" 1.5", "não é um número"),
            (" 30s", "não é um número"),
        ] {
            conferir_sintaxe(&[(&format!("{antes} {clausula}{ruim}"), motivo)]);
        }
        conferir_sintaxe(&[(&format!("{antes} {clausula} 5 {clausula} 5"), "há palavras a mais")]);
    }
}

#[test]
fn segurar_confirmar_cancelar_e_aguardar_mal_escritos() {
    conferir_sintaxe(&[
        ("SEGURAR", "faltam os assentos"),
        ("SEGURAR POR 5", "faltam os assentos"),
        ("SEGURAR PARCIAL 3", "faltam os assentos"),
        ("SEGURAR QUANTIDADE", "falta a quantidade"),
        ("SEGURAR QUANTIDADE 0", "a quantidade começa em 1"),
        ("SEGURAR 3 CERCA 5", "há palavras a mais"),
        ("SEGURAR 3 ATE 5", "há palavras a mais"),
        ("SEGURAR QUANTIDADE 2 PREFERINDO 3", "há palavras a mais"),
        ("CONFIRMAR ,", "faltam os assentos"),
        ("CONFIRMAR TUDO", "faltam os assentos"),
        ("CONFIRMAR 3 POR 5", "há palavras a mais"),
        ("CANCELAR", "faltam os assentos"),
        ("CANCELAR TUDO 3", "há palavras a mais"),
        ("CANCELAR 3 TUDO", "\"TUDO\" não é um assento"),
        ("CANCELAR QUANTIDADE 3", "faltam os assentos"),
        ("CANCELAR TUDO CERCA", "falta o número depois de CERCA"),
        ("AGUARDAR", "faltam os assentos"),
        ("AGUARDAR ATE 5", "faltam os assentos"),
        ("AGUARDAR QUANTIDADE ATE 5", "não é um número"),
        ("AGUARDAR 3 CERCA 5", "há palavras a mais"),
        ("AGUARDAR PARCIAL 3", "faltam os assentos"),
    ]);
}

#[test]
fn token_mal_escrito() {
    conferir_sintaxe(&[
        ("TOKEN", "falta dizer o que se quer do token"),
        ("TOKEN PEDIR", "falta dizer o que se quer do token"),
        ("TOKEN LIBERAR 18", "há palavras a mais"),
        ("TOKEN ESTADO agora", "há palavras a mais"),
        ("TOKEN SOLICITAR 30", "há palavras a mais"),
        // POR vem antes de ATE.
        ("TOKEN SOLICITAR ATE 5 POR 5", "há palavras a mais"),
    ]);
}

#[test]
fn nome_que_nao_serve() {
    conferir_sintaxe(&[("NOME", "falta o nome")]);
    conferir_recusas(&[
        ("NOME ana maria", "NOME_INVALIDO"),
        ("NOME ana!", "NOME_INVALIDO"),
        ("NOME a,b", "NOME_INVALIDO"),
        ("NOME a=b", "NOME_INVALIDO"),
        ("NOME дима", "NOME_INVALIDO"),
        ("NOME \u{202e}ana", "NOME_INVALIDO"),
        ("NOME a\u{301}", "NOME_INVALIDO"),
        ("NOME ɐ", "NOME_INVALIDO"),
        (&format!("NOME {}", "ç".repeat(33)), "NOME_INVALIDO"),
    ]);
}

#[test]
fn retomar_que_nao_serve() {
    conferir_sintaxe(&[
        ("RETOMAR", "falta o número do cliente"),
        ("RETOMAR 7", "falta a chave"),
        ("RETOMAR ana x", "\"ana\" não é um número"),
        ("RETOMAR -7 x", "não é um número"),
        ("RETOMAR 07 x", "não é um número"),
        (&format!("RETOMAR 7 {CHAVE} 1"), "há palavras a mais"),
        ("RETOMAR 7 x 1", "há palavras a mais"),
    ]);
    conferir_recusas(&[
        ("RETOMAR 7 x", "CHAVE_INVALIDA"),
        (&format!("RETOMAR 7 {}", &CHAVE[1..]), "CHAVE_INVALIDA"),
        (&format!("RETOMAR 7 {CHAVE}0"), "CHAVE_INVALIDA"),
        (&format!("RETOMAR 7 g{}", &CHAVE[1..]), "CHAVE_INVALIDA"),
        // Um número que nunca foi de ninguém não se distingue de uma chave errada.
        (&format!("RETOMAR 0 {CHAVE}"), "CHAVE_INVALIDA"),
        (&format!("RETOMAR 99999999999999999999 {CHAVE}"), "CHAVE_INVALIDA"),
    ]);
}

#[test]
fn ajuda_mal_escrita() {
    conferir_recusas(&[("AJUDA NADA", "COMANDO_DESCONHECIDO"), ("AJUDA 7", "COMANDO_DESCONHECIDO")]);
    conferir_sintaxe(&[("AJUDA RESERVAR PARCIAL", "há palavras a mais")]);
}

#[test]
fn palavra_desconhecida() {
    for linha in ["RESERVA 3", "RESERVARR 3", "RESERVAR,3", "7", "OK", "PREFERINDO 3", "ＰＩＮＧ", "", " \t"]
    {
        conferir_recusas(&[(linha, "COMANDO_DESCONHECIDO")]);
    }
}

/// Cada forma da tabela, com um valor no lugar de cada lacuna: sem e com as cláusulas opcionais.
fn exemplos(forma: &str) -> [String; 2] {
    let valores = [
        ("<assentos>", "3 7"),
        ("<assento>", "7"),
        ("<n>", "2"),
        ("<s>", "5"),
        ("<nome>", "ana"),
        ("<cliente>", "7"),
        ("<chave>", CHAVE),
        ("[comando]", "[PING]"),
    ];
    let preenchida =
        valores.iter().fold(forma.to_owned(), |texto, (lacuna, valor)| texto.replace(lacuna, valor));
    let mut minima = String::new();
    let mut dentro = 0;
    for letra in preenchida.chars() {
        match letra {
            '[' => dentro += 1,
            ']' => dentro -= 1,
            _ if dentro == 0 => minima.push(letra),
            _ => {}
        }
    }
    [minima.trim_end().to_owned(), preenchida.replace(['[', ']'], "")]
}

#[test]
fn tabela_e_enum_concordam() {
    for (posicao, verbete) in TABELA.iter().enumerate() {
        assert!(!verbete.formas.is_empty(), "{}", verbete.palavra);
        assert!(
            !TABELA[..posicao].iter().any(|outro| outro.palavra == verbete.palavra),
            "{} aparece duas vezes",
            verbete.palavra
        );
        for forma in verbete.formas {
            assert_eq!(forma.split(' ').next(), Some(verbete.palavra));
            for linha in exemplos(forma) {
                let comando = linha.parse::<Comando>().unwrap_or_else(|recusa| panic!("{linha:?}: {recusa}"));
                assert_eq!(comando.palavra(), verbete.palavra, "{linha:?}");
                // Nada do exemplo se perdeu: tudo o que se escreveu está na forma canônica.
                let canonica = comando.to_string();
                assert!(canonica.starts_with(&linha), "{linha:?} virou {canonica:?}");
            }
        }
        assert!(verbete.participio.starts_with("OK "), "{}", verbete.palavra);
        assert!(e_final(verbete.participio));
        assert!(!verbete.resumo.is_empty() && !verbete.resumo.ends_with('.'), "{}", verbete.palavra);
        let minuscula = verbete.palavra.to_lowercase();
        assert!(std::ptr::eq(Verbete::achar(&minuscula).unwrap(), verbete));
    }
}

#[test]
fn reservar_o_maior_pedido_cabe_na_linha() {
    let pedido = Pedido::Quantidade { quantos: 100, preferidos: Assentos::TODOS };
    let maior = Comando::Reservar { pedido, cerca: Some(Cerca(u64::MAX)) }.to_string();
    // O número que limites.rs promete, com o LF.
    assert_eq!(maior.len() + 1, 354);
    assert!(maior.len() < LINHA_BYTES_MAX);
}

#[test]
fn recusa_da_maior_linha_cabe_no_que_o_documento_promete() {
    let cheia = |inicio: &str, unidade: &str| {
        let vezes = (LINHA_BYTES_MAX - 1 - inicio.len()) / unidade.len();
        format!("{inicio}{}", unidade.repeat(vezes))
    };
    for linha in [
        cheia("RESERVAR ", "9"),
        cheia("RESERVAR QUANTIDADE 1 PREFERINDO ", "999 "),
        cheia("RESERVAR 9-", "9"),
        cheia("RESERVAR 3 CERCA ", "\u{e000}"),
        cheia("RESERVAR ", "\u{10fffe}"),
        cheia("NOME ", "ç"),
        cheia("", "X"),
    ] {
        match linha.parse::<Comando>() {
            Ok(comando) => panic!("{linha:?} foi entendida como {comando}"),
            Err(recusa) => {
                assert!(recusa.to_string().len() < RESPOSTA_BYTES_MAX, "{recusa}");
                // O texto repete só o começo do que se escreveu.
                assert!(recusa.texto.len() < 600, "{recusa}");
            }
        }
    }
}

/// Compara valor a valor; a chave, byte a byte (num teste não há adversário medindo o tempo).
fn iguais(um: &Comando, outro: &Comando) -> bool {
    use Comando::*;
    match (um, outro) {
        (Reservar { pedido: a, cerca: b }, Reservar { pedido: c, cerca: d }) => (a, b) == (c, d),
        (Segurar { escolha: a, por: b }, Segurar { escolha: c, por: d }) => (a, b) == (c, d),
        (Confirmar(a), Confirmar(b)) => a == b,
        (Cancelar { alvo: a, cerca: b }, Cancelar { alvo: c, cerca: d }) => (a, b) == (c, d),
        (Aguardar { escolha: a, ate: b }, Aguardar { escolha: c, ate: d }) => (a, b) == (c, d),
        (Token(a), Token(b)) => a == b,
        (Historico(a), Historico(b)) => a == b,
        (Nome(a), Nome(b)) => a == b,
        (Retomar { cliente: a, chave: b }, Retomar { cliente: c, chave: d }) => {
            a == c && b.bytes() == d.bytes()
        }
        (Ajuda(a), Ajuda(b)) => a.map(|v| v.palavra) == b.map(|v| v.palavra),
        _ => std::mem::discriminant(um) == std::mem::discriminant(outro),
    }
}

/// Uma lista de assentos escrita de qualquer jeito, e quais são, contados sem a ajuda da crate.
fn lista_de_qualquer_jeito() -> impl Strategy<Value = (String, [bool; 101])> {
    let item = prop_oneof![
        (1..=100usize).prop_map(|n| (n, n, n.to_string())),
        (1..=100usize, 0..12usize).prop_map(|(de, mais)| {
            let ate = (de + mais).min(100);
            (de, ate, format!("{de}-{ate}"))
        }),
    ];
    let separador = prop::sample::select(&[" ", ",", ", ", " ,", "\t", ",,", " , , "][..]);
    vec((item, separador), 1..8).prop_map(|itens| {
        let mut texto = String::new();
        let mut quais = [false; 101];
        for ((de, ate, escrito), separador) in itens {
            texto += &escrito;
            texto += separador;
            quais[de..=ate].fill(true);
        }
        (texto, quais)
    })
}

proptest! {
    #[test]
    fn comando_escrito_e_lido_e_o_mesmo(comando in comando()) {
        let linha = comando.to_string();
        prop_assert!(linha.len() < LINHA_BYTES_MAX);
        let lido: Comando = linha.parse().unwrap();
        prop_assert_eq!(&lido.to_string(), &linha);
        prop_assert!(iguais(&lido, &comando), "{:?} virou {:?}", comando, lido);
        prop_assert_eq!(linha.split(' ').next(), Some(comando.palavra()));
    }

    #[test]
    fn comando_em_outra_caixa_e_espacos_e_o_mesmo(comando in comando(), espacos in "[ \t]{1,3}") {
        // A caixa de um nome é de quem o escolheu.
        prop_assume!(!matches!(comando, Comando::Nome(_)));
        let linha = comando.to_string().to_lowercase().replace(' ', &espacos);
        let lido: Comando = format!("{espacos}{linha}{espacos}").parse().unwrap();
        prop_assert!(iguais(&lido, &comando), "{:?} virou {:?}", comando, lido);
    }

    #[test]
    fn assentos_de_qualquer_jeito_sao_os_que_se_escreveram((lista, quais) in lista_de_qualquer_jeito()) {
        let Comando::Reservar { pedido: Pedido::Todos(lidos), .. } = format!("RESERVAR {lista}").parse().unwrap()
        else { panic!("RESERVAR {lista:?} virou outra coisa") };
        for assento in Assento::todos() {
            prop_assert_eq!(lidos.contem(assento), quais[usize::from(assento.numero())], "{}", assento);
        }
    }

    /// Qualquer texto: não entra em pânico, e o que se responde cabe numa linha e não mexe no terminal.
    #[test]
    fn comando_de_texto_qualquer_da_uma_linha_limpa(
        texto in prop_oneof![
            "(?s).{0,80}",
            "(RESERVAR|SEGURAR|CANCELAR|HISTORICO|TOKEN|NOME|RETOMAR|AJUDA)( (?s).{0,20}){0,4}",
            "(RESERVAR|SEGURAR|CONFIRMAR|CANCELAR|AGUARDAR|HISTORICO)( (PARCIAL|QUANTIDADE|TUDO|POR|ATE|CERCA|PREFERINDO|[0-9]{1,21}|[0-9]{1,3}-[0-9]{1,3}|,)){0,7}",
        ],
    ) {
        match texto.parse::<Comando>() {
            Ok(comando) => {
                let linha = comando.to_string();
                prop_assert!(iguais(&linha.parse().unwrap(), &comando), "{:?}", texto);
            }
            Err(recusa) => {
                let linha = recusa.to_string();
                prop_assert!(!linha.chars().any(char::is_control), "{:?}", linha);
                prop_assert!(linha.len() < RESPOSTA_BYTES_MAX);
                let lida: Resposta = linha.parse().unwrap();
                prop_assert_eq!(lida.to_string(), linha);
                if recusa.erro == Error::Sintaxe {
                    conferir_uso(&texto, &recusa);
                }
            }
        }
    }
}

#[test]
fn chave_tem_o_tamanho_que_o_teste_supoe() {
    assert_eq!(CHAVE.len(), 2 * CHAVE_BYTES);
}
