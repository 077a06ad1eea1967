//! Cada comando com argumentos a menos, a mais e errados: uma linha que ajuda, e a conexão segue em dia.

use arnes::ServidorDeTeste;
use arnes::roteiro::roteiro;
use protocolo::TABELA;

/// Manda cada pedido, confere o começo da recusa, e que a linha seguinte é bem atendida.
#[track_caller]
fn recusar<P: AsRef<str>, E: AsRef<str>>(casos: &[(P, E)]) {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for (pedido, esperado) in casos {
        let (pedido, esperado) = (pedido.as_ref(), esperado.as_ref());
        let fim = ana.pedir(pedido);
        assert!(fim.starts_with(esperado), "{pedido:?}\n  esperado: {esperado}\n  veio:     {fim}");
        assert!(fim.split_once(" :").is_some_and(|(_, texto)| !texto.is_empty()), "sem texto: {fim}");
        assert_eq!(ana.pedir("PING"), "OK PONG", "depois de {pedido:?}");
    }
    assert!(ana.pedir("LISTAR").starts_with("OK LISTADO livres=100 "), "algo foi executado");
}

#[test]
fn palavra_desconhecida_sugere_a_parecida() {
    recusar(&[
        ("RESEVAR 3", "ERRO COMANDO_DESCONHECIDO :você quis dizer RESERVAR?"),
        ("reserva 3", "ERRO COMANDO_DESCONHECIDO :você quis dizer RESERVAR?"),
        ("LISTA", "ERRO COMANDO_DESCONHECIDO :você quis dizer LISTAR?"),
        ("AJUDA CANCELA", "ERRO COMANDO_DESCONHECIDO :você quis dizer CANCELAR?"),
        ("xyz", "ERRO COMANDO_DESCONHECIDO :"),
        ("3 7 9", "ERRO COMANDO_DESCONHECIDO :"),
        ("ERRO", "ERRO COMANDO_DESCONHECIDO :"),
        ("RESERVAR,3", "ERRO COMANDO_DESCONHECIDO :"),
        ("\u{feff}PING", "ERRO COMANDO_DESCONHECIDO :"),
        ("PING\u{a0}", "ERRO COMANDO_DESCONHECIDO :"),
    ]);
}

/// Cada comando da tabela, só com a palavra: ou ela basta, ou o uso é mostrado.
#[test]
fn argumentos_a_menos() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for verbete in &TABELA {
        if verbete.palavra == "SAIR" {
            continue;
        }
        let basta = verbete.formas.iter().any(|forma| {
            let resto = forma.trim_start_matches(verbete.palavra).trim_start();
            resto.is_empty() || resto.starts_with('[')
        });
        let fim = ana.pedir(verbete.palavra);
        let uso = format!("ERRO SINTAXE :uso: {}", verbete.formas.join(" | "));
        assert_eq!(fim.starts_with(&uso), !basta, "{}: {fim}", verbete.palavra);
        assert_eq!(ana.pedir("PING"), "OK PONG");
    }
    recusar(&[
        ("RESERVAR PARCIAL", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR QUANTIDADE", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR QUANTIDADE 2 PREFERINDO", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR 3 CERCA", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR ,", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR CERCA 1", "ERRO SINTAXE :uso: RESERVAR "),
        ("SEGURAR 3 POR", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR QUANTIDADE", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR POR 5", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR QUANTIDADE POR 5", "ERRO SINTAXE :uso: SEGURAR "),
        ("CONFIRMAR ,", "ERRO SINTAXE :uso: CONFIRMAR "),
        ("CANCELAR TUDO CERCA", "ERRO SINTAXE :uso: CANCELAR "),
        ("AGUARDAR 3 ATE", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR ATE 5", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR QUANTIDADE", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR QUANTIDADE ATE 5", "ERRO SINTAXE :uso: AGUARDAR "),
        ("TOKEN SOLICITAR POR", "ERRO SINTAXE :uso: TOKEN "),
        ("TOKEN SOLICITAR 5", "ERRO SINTAXE :uso: TOKEN "),
        ("RETOMAR 1", "ERRO SINTAXE :uso: RETOMAR "),
    ]);
}

#[test]
fn argumentos_a_mais() {
    let casos: Vec<(String, String)> = TABELA
        .iter()
        .map(|verbete| {
            let basta = match verbete.palavra {
                "RESERVAR" | "SEGURAR" | "CONFIRMAR" | "AGUARDAR" => " 3",
                "CANCELAR" => " TUDO",
                "TOKEN" => " LIBERAR",
                "AJUDA" => " PING",
                "RETOMAR" => " 1 00000000000000000000000000000000",
                _ => "",
            };
            let esperado = match verbete.palavra {
                // "NOME xyzzy" está certo; dois nomes é que não.
                "NOME" => return ("NOME ana maria".to_owned(), "ERRO NOME_INVALIDO :".to_owned()),
                palavra => format!("ERRO SINTAXE :uso: {palavra}"),
            };
            (format!("{}{basta} xyzzy", verbete.palavra), esperado)
        })
        .collect();
    recusar(&casos);
    recusar(&[
        ("RESERVAR QUANTIDADE 3 4", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR 3 PREFERINDO 4", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR 3 POR 5", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR QUANTIDADE 1 CERCA 2 PREFERINDO 3", "ERRO SINTAXE :uso: RESERVAR "),
        ("RESERVAR PARCIAL QUANTIDADE 3", "ERRO SINTAXE :uso: RESERVAR "),
        ("SEGURAR 3 POR 5 POR 5", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR 3 POR 5 6", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR 3 ATE 5", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR 3 CERCA 1", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR PARCIAL 3", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR QUANTIDADE 2 PREFERINDO 3", "ERRO SINTAXE :uso: SEGURAR "),
        ("SEGURAR QUANTIDADE 2 3", "ERRO SINTAXE :uso: SEGURAR "),
        ("CONFIRMAR TUDO", "ERRO SINTAXE :uso: CONFIRMAR "),
        ("CONFIRMAR QUANTIDADE 2", "ERRO SINTAXE :uso: CONFIRMAR "),
        ("CONFIRMAR 3 CERCA 1", "ERRO SINTAXE :uso: CONFIRMAR "),
        ("AGUARDAR 3 ATE 5 ATE 5", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR 3 POR 5", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR 3 CERCA 1", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR PARCIAL 3", "ERRO SINTAXE :uso: AGUARDAR "),
        ("AGUARDAR QUANTIDADE 2 PREFERINDO 3", "ERRO SINTAXE :uso: AGUARDAR "),
        ("OBSERVAR 3", "ERRO SINTAXE :uso: OBSERVAR"),
        ("OBSERVAR TUDO", "ERRO SINTAXE :uso: OBSERVAR"),
        ("PARAR 3", "ERRO SINTAXE :uso: PARAR"),
        ("CANCELAR TUDO 3", "ERRO SINTAXE :uso: CANCELAR "),
        ("CANCELAR 3 TUDO", "ERRO SINTAXE :uso: CANCELAR "),
        ("TOKEN LIBERAR ESTADO", "ERRO SINTAXE :uso: TOKEN "),
        ("TOKEN SOLICITAR ATE 5 POR 5", "ERRO SINTAXE :uso: TOKEN "),
    ]);
}

#[test]
fn numeros_que_nao_sao_assentos() {
    let enorme = "9".repeat(900);
    recusar(&[
        ("RESERVAR 0", "ERRO ASSENTO_INVALIDO 0 :"),
        ("RESERVAR 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("RESERVAR 0 5 101", "ERRO ASSENTO_INVALIDO 0 101 :"),
        ("RESERVAR 101 0 101", "ERRO ASSENTO_INVALIDO 101 0 :"),
        ("RESERVAR 3 256 257", "ERRO ASSENTO_INVALIDO 256 257 :"),
        ("RESERVAR 18446744073709551617", "ERRO ASSENTO_INVALIDO 18446744073709551617 :"),
        ("RESERVAR 99999999999999999999", "ERRO ASSENTO_INVALIDO 99999999999999999999 :"),
        (&format!("RESERVAR {enorme}"), &format!("ERRO ASSENTO_INVALIDO {enorme} :")),
        ("RESERVAR 0-5", "ERRO ASSENTO_INVALIDO 0 :"),
        ("RESERVAR 99-101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("RESERVAR 0-101", "ERRO ASSENTO_INVALIDO 0 101 :"),
        ("RESERVAR 1-4294967296", "ERRO ASSENTO_INVALIDO 4294967296 :"),
        ("RESERVAR 1-18446744073709551616", "ERRO ASSENTO_INVALIDO 18446744073709551616 :"),
        ("RESERVAR PARCIAL 1 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("RESERVAR QUANTIDADE 1 PREFERINDO 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("CANCELAR 0", "ERRO ASSENTO_INVALIDO 0 :"),
        ("SEGURAR 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("SEGURAR 0 5 101 POR 5", "ERRO ASSENTO_INVALIDO 0 101 :"),
        ("CONFIRMAR 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("CONFIRMAR 3 0", "ERRO ASSENTO_INVALIDO 0 :"),
        ("AGUARDAR 101", "ERRO ASSENTO_INVALIDO 101 :"),
        ("AGUARDAR 99-101 ATE 5", "ERRO ASSENTO_INVALIDO 101 :"),
    ]);
}

#[test]
fn numeros_mal_escritos() {
    let mut casos = Vec::new();
    let mut recusa = |pedido: String| {
        let palavra = pedido.split(' ').next().unwrap_or_default();
        let esperado = format!("ERRO SINTAXE :uso: {palavra} ");
        casos.push((pedido, esperado));
    };
    for errado in [
        "-1",
        "+7",
        "1e3",
        "007",
        "00",
        "1.5",
        "0x10",
        "1_0",
        "٣",
        "３",
        "²",
        "9-3",
        "3-",
        "-3",
        "3--5",
        "1-2-3",
        "-",
        "3;7",
        "3.",
        "\"3\"",
        "3a",
        "a3",
        "3-b",
        "500-20",
        "99999999999999999999-1",
    ] {
        for palavra in ["RESERVAR", "RESERVAR PARCIAL", "CANCELAR", "SEGURAR", "AGUARDAR", "CONFIRMAR"] {
            recusa(format!("{palavra} {errado}"));
            recusa(format!("{palavra} 1 2,{errado} 101"));
        }
    }
    for errado in ["0", "-1", "+1", "1e3", "01", "dois", "1.0"] {
        recusa(format!("RESERVAR QUANTIDADE {errado}"));
        recusa(format!("SEGURAR QUANTIDADE {errado}"));
        recusa(format!("AGUARDAR QUANTIDADE {errado}"));
        recusa(format!("SEGURAR 3 POR {errado}"));
        recusa(format!("AGUARDAR 3 ATE {errado}"));
    }
    for alem in ["3601", "99999999999999999999"] {
        recusa(format!("SEGURAR 3 POR {alem}"));
        recusa(format!("SEGURAR QUANTIDADE 3 POR {alem}"));
        recusa(format!("AGUARDAR 3 ATE {alem}"));
        recusa(format!("AGUARDAR QUANTIDADE 3 ATE {alem}"));
        recusa(format!("TOKEN SOLICITAR ATE {alem}"));
    }
    recusar(&casos);
}

/// Bem escritas, as recusas da sala e do token não são de sintaxe: até um número de fencing que não cabe em 64 bits.
#[test]
fn bem_escrito_e_recusado_pela_sala() {
    recusar(&[
        ("TOKEN LIBERAR", "ERRO TOKEN_NAO_E_SEU :"),
        ("RESERVAR 3 CERCA 1", "ERRO CERCA_VENCIDA atual=0 versao=0 :"),
        (
            "RESERVAR QUANTIDADE 1 PREFERINDO 3 CERCA 18446744073709551616",
            "ERRO CERCA_VENCIDA atual=0 versao=0 :",
        ),
        ("CANCELAR TUDO CERCA 0", "ERRO CERCA_VENCIDA atual=0 versao=0 :"),
        ("CONFIRMAR", "ERRO NAO_SEGURADO versao=0 :"),
        ("CONFIRMAR 4-5 9", "ERRO NAO_SEGURADO 4 5 9 versao=0 :"),
        ("SEGURAR QUANTIDADE 101 POR 3600", "ERRO INSUFICIENTE livres=100 versao=0 :"),
        ("AGUARDAR QUANTIDADE 101 ATE 3600", "ERRO INSUFICIENTE livres=100 versao=0 :"),
    ]);
}

/// Uma linha com mais de um defeito recebe uma recusa só, a primeira da ordem do contrato.
#[test]
fn ordem_das_recusas() {
    roteiro(
        "
        A> RESERVAR 101 x
        A< ERRO SINTAXE :...
        A> RESERVAR 101 3 CERCA x
        A< ERRO SINTAXE :...
        A> RESERVAR 3 101 CERCA 5 sobra
        A< ERRO SINTAXE :...
        B> RESERVAR 3
        B< OK RESERVADO 3 versao=1
        A> RESERVAR 3 101
        A< ERRO ASSENTO_INVALIDO 101 :...
        A> SEGURAR 101 3 POR 0
        A< ERRO SINTAXE :...
        A> SEGURAR 3 101 POR 5
        A< ERRO ASSENTO_INVALIDO 101 :...
        A> AGUARDAR 101 3 ATE 3601
        A< ERRO SINTAXE :...
        A> AGUARDAR 3 101 ATE 5
        A< ERRO ASSENTO_INVALIDO 101 :...
        A> CONFIRMAR 3 101
        A< ERRO ASSENTO_INVALIDO 101 :...
        A> RETOMAR x y
        A< ERRO SINTAXE :...
        A> RETOMAR 1 y sobra
        A< ERRO SINTAXE :...
        A> RETOMAR 0 y
        A< ERRO CHAVE_INVALIDA :...
        ",
    );
}

#[test]
fn ajuda_de_cada_comando_mostra_as_suas_formas() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let geral = ana.pedir_tudo("AJUDA");
    assert_eq!(geral.fim, "OK AJUDA");
    for verbete in &TABELA {
        assert!(geral.dados.iter().any(|linha| linha.starts_with(verbete.palavra)), "{}", verbete.palavra);
        let uma = ana.pedir_tudo(&format!("ajuda {}", verbete.palavra.to_lowercase()));
        assert_eq!(uma.fim, "OK AJUDA");
        for forma in verbete.formas {
            assert!(uma.dados.iter().any(|linha| linha.contains(forma)), "{forma}: {uma:?}");
        }
    }
}

#[test]
fn estado_e_uma_lista_de_nomes_e_valores() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, _bia) = (servidor.entrar(), servidor.entrar());
    ana.pedir("RESERVAR 1 2");
    ana.pedir("RESERVAR x");
    let estado = ana.pedir_tudo("ESTADO");
    assert_eq!(estado.fim, "OK ESTADO");
    for linha in &estado.dados {
        let (nome, valor) = linha.split_once(": ").expect("nome: valor");
        assert!(nome.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !valor.is_empty(), "{linha}");
    }
    for certa in
        ["conexoes: 2", "clientes_ate_agora: 2", "livres: 98", "ocupados: 2", "versao: 1", "recusas: 1"]
    {
        assert!(estado.dados.iter().any(|linha| linha == certa), "falta {certa:?}: {estado:?}");
    }
}
