//! Respostas e eventos: escrever e ler dá o mesmo, e o que se escreve obedece à forma que todo cliente espera.

use proptest::prelude::*;
use protocolo::*;

use crate::geradores::{erro, evento, fato, quadro, resposta};

/// As linhas exatas do contrato, escritas à mão: se os dois lados errassem juntos, a ida e volta não veria.
#[test]
fn resposta_linha_exata_vai_e_volta() {
    for linha in [
        "OK RESERVADO 3 7 9 versao=13",
        "OK RESERVADO 4 5 OCUPADO 2 3 versao=13",
        "OK SEGURADO 3 7 expira=120 versao=4",
        "OK CONFIRMADO 3 7 versao=4",
        "OK CANCELADO 3 7 versao=4",
        "OK CANCELADO versao=4",
        "OK HISTORICO versao=0",
        "OK OBSERVANDO versao=0",
        "OK PARADO",
        "OK TOKEN cerca=18 contador=17 espera=2 prazo=30",
        "OK TOKEN dono=7 cerca=18 contador=17 espera=2",
        "OK TOKEN dono=livre cerca=18 contador=17 espera=2",
        "OK LIBERADO contador=18 espera=2",
        "OK NOME ana",
        "OK RETOMADO 7",
        "OK ESTADO",
        "OK AJUDA",
        "OK PONG",
        "OK ATE_LOGO",
        "ERRO OCUPADO 3 7 versao=13 :texto",
        "ERRO INSUFICIENTE livres=1 versao=13 :texto",
        "ERRO JA_RESERVADO 3 versao=13 :texto",
        "ERRO NAO_SEGURADO 3 versao=13 :texto",
        "ERRO NAO_SEGURADO versao=13 :texto",
        "ERRO NAO_E_SEU 7 versao=13 :texto",
        "ERRO TEMPO_ESGOTADO versao=13 :texto",
        "ERRO TEMPO_ESGOTADO :texto",
        "ERRO CERCA_VENCIDA atual=42 versao=13 :texto",
        "ERRO LIMITE max=10 versao=13 :texto",
        "ERRO INDISPONIVEL versao=13 :texto",
        "ERRO TOKEN_JA_E_SEU :texto",
        "ERRO TOKEN_NAO_E_SEU :texto",
        "ERRO NOME_INVALIDO :texto",
        "ERRO CHAVE_INVALIDA :texto",
        "ERRO COMANDO_DESCONHECIDO :texto",
        "ERRO SINTAXE :uso: RESERVAR <assentos> [CERCA <n>]",
        "ERRO ASSENTO_INVALIDO 0 101 :texto",
        "ERRO LOTADO max=12000 :texto",
        "ERRO INATIVO :texto",
        "ERRO ENCERRANDO :texto",
        "ERRO LINHA_LONGA :texto",
        "ERRO CODIFICACAO :texto",
        "ERRO PROTOCOLO :texto",
    ] {
        let lida: Resposta = linha.parse().unwrap_or_else(|erro| panic!("{linha:?}: {erro}"));
        assert_eq!(lida.to_string(), linha);
        // Com o LF do fim é a mesma resposta.
        assert_eq!(format!("{linha}\n").parse::<Resposta>().unwrap().to_string(), linha);
    }
}

#[test]
fn listar_as_quatro_linhas_sempre_vem() {
    let um = |n| Assentos::from(Assento::new(n).unwrap());
    for (quadro, esperado) in [
        (
            Quadro::default(),
            "LIVRES 1-100\nSEGURADOS\nOCUPADOS\nSEUS\n\
             OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=7",
        ),
        (
            Quadro { segurados: Assentos::NENHUM, ocupados: um(3), seus: um(3) },
            "LIVRES 1-2 4-100\nSEGURADOS\nOCUPADOS 3\nSEUS 3\n\
             OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=7",
        ),
        (
            Quadro { segurados: um(9), ocupados: Assentos::TODOS - um(9), seus: um(9) | um(10) },
            "LIVRES\nSEGURADOS 9\nOCUPADOS 1-8 10-100\nSEUS 9-10\n\
             OK LISTADO livres=0 segurados=1 ocupados=99 seus=2 versao=7",
        ),
    ] {
        assert_eq!(Resposta::Listado { quadro, versao: Versao(7) }.to_string(), esperado);
        let Resposta::Listado { quadro: lido, versao } = esperado.parse().unwrap() else {
            panic!("não é um LISTADO: {esperado}");
        };
        assert_eq!((lido, versao), (quadro, Versao(7)));
    }
}

#[test]
fn resposta_que_nao_e_do_protocolo_e_recusada() {
    for bloco in [
        "",
        "\n",
        "ok PONG",
        "OKPONG",
        "OK",
        "OK PONG extra",
        "OK RESERVADO 3",
        "OK RESERVADO 3 versao=",
        "OK RESERVADO 3 versao=x",
        "OK RESERVADO 101 versao=1",
        "OK RETOMADO 0",
        "OK TOKEN dono=0 cerca=1 contador=1 espera=1",
        "OK NOME a!b",
        "OK RESERVA/1 cliente=7 chave=zz assentos=100",
        "OK RESERVA/2 cliente=7 chave=00ff10a0deadbeef0123456789abcdef assentos=100",
        "OK MAPA versao=1",
        "OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=7",
        // As contas não batem com os conjuntos.
        "LIVRES 1-100\nSEGURADOS\nOCUPADOS\nSEUS\nOK LISTADO livres=99 segurados=0 ocupados=0 seus=0 versao=7",
        // Os livres não são o que sobra.
        "LIVRES 1-99\nSEGURADOS\nOCUPADOS\nSEUS\nOK LISTADO livres=99 segurados=0 ocupados=0 seus=0 versao=7",
        // Palavra a mais numa linha de dados.
        "LIVRES 1-100 POR 5\nSEGURADOS\nOCUPADOS\nSEUS\n\
         OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=7",
        // Linha de dados a mais.
        "LIVRES 1-100\nSEGURADOS\nOCUPADOS\nSEUS\nSEUS\n\
         OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=7",
        // Assento que a sala não tem.
        "LIVRES 1-101\nSEGURADOS\nOCUPADOS\nSEUS\n\
         OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=7",
        "sem dois pontos\nOK ESTADO",
        "OK HISTORICO",
        // Uma linha de dados que não é um fato, ou que falta acabar.
        "\nOK HISTORICO versao=7",
        "LIVRES 1-100\nOK HISTORICO versao=7",
        "2026-11-21T13:12:49.123Z cliente=7 RESERVADO\nOK HISTORICO versao=7",
        "ERRO",
        "ERRO NADA_DISSO :texto",
        "ERRO OCUPADO 3 7 lixo :texto",
        "ERRO INSUFICIENTE versao=1 :texto",
        "EVENTO 13 LIVRE 3",
    ] {
        assert!(bloco.parse::<Resposta>().is_err(), "{bloco:?}");
    }
}

#[test]
fn historico_linhas_exatas_vao_e_voltam() {
    let bloco = "2026-11-21T13:12:49.123Z cliente=7 nome=ana RESERVADO versao=12\n\
                 2026-11-21T13:12:50.000Z cliente=7 nome=joão LIVRE versao=13\n\
                 2026-11-21T13:12:51.000Z cliente=8 SEGURADO ate=2026-11-21T13:14:51.000Z versao=15\n\
                 OK HISTORICO versao=16";
    let Ok(Resposta::Historico { fatos, versao }) = bloco.parse() else { panic!("não é um HISTORICO") };
    assert_eq!(versao, Versao(16));
    let quem: Vec<_> = fatos.iter().map(|fato| (fato.cliente.numero(), fato.versao.0)).collect();
    assert_eq!(quem, [(7, 12), (7, 13), (8, 15)]);
    assert_eq!(fatos[1].nome.as_ref().map(Nome::as_str), Some("joão"));
    assert_eq!(fatos[1].acontecimento, Acontecimento::Livre);
    assert_eq!((fatos[0].quando.dia(), fatos[0].quando.hora_do_dia()), ("2026-11-21", "13:12:49.123"));
    assert_eq!(Resposta::Historico { fatos, versao }.to_string(), bloco);
}

#[test]
fn fato_que_nao_se_entende_e_recusado() {
    for linha in [
        "",
        "2026-11-21T13:12:49.123Z",
        "2026-11-21T13:12:49.123Z RESERVADO versao=1",
        "2026-11-21T13:12:49.123Z cliente=0 RESERVADO versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 nome= RESERVADO versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 nome=a!b RESERVADO versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 RESERVADO ate=2026-11-21T13:14:49.123Z versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 SEGURADO versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 SEGURADO ate=logo versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 SUMIDO versao=1",
        "2026-11-21T13:12:49.123Z cliente=7 LIVRE versao=1 mais",
        "2026-11-21 13:12:49.123Z cliente=7 LIVRE versao=1",
        "2026-11-21T13:12:49.123 cliente=7 LIVRE versao=1",
        "TZ cliente=7 LIVRE versao=1",
        "ontemT13:12:49Z cliente=7 LIVRE versao=1",
        "OK cliente=7 LIVRE versao=1",
        "2026-11-21T13:12:49.12345678901234567890123Z cliente=7 LIVRE versao=1",
    ] {
        assert!(linha.parse::<Fato>().is_err(), "{linha:?}");
    }
}

#[test]
fn ajuda_guarda_as_linhas_em_branco() {
    for linhas in [vec![], vec![""], vec!["a", ""], vec!["", "", "a"], vec!["a", "", "b"]] {
        let linhas: Vec<String> = linhas.into_iter().map(str::to_owned).collect();
        let Resposta::Ajuda(lidas) = Resposta::Ajuda(linhas.clone()).to_string().parse().unwrap() else {
            panic!("não é uma AJUDA");
        };
        assert_eq!(lidas, linhas);
    }
}

#[test]
fn evento_linha_exata_vai_e_volta() {
    for linha in
        ["EVENTO 13 RESERVADO 3 7 9 cliente=5", "EVENTO 14 SEGURADO 8 cliente=2", "EVENTO 15 LIVRE 3 7"]
    {
        assert!(Evento::e_evento(linha));
        assert!(!e_final(linha));
        assert_eq!(linha.parse::<Evento>().unwrap().to_string(), linha);
    }
    for linha in [
        "",
        "EVENTO",
        "EVENTO 13",
        "EVENTO x LIVRE 3",
        "EVENTO 13 LIVRE 3 cliente=5",
        "EVENTO 13 RESERVADO 3",
        "EVENTO 13 RESERVADO 3 cliente=0",
        "EVENTO 13 SUMIDO 3",
        "EVENTO 13 LIVRE 101",
        "OK PONG",
    ] {
        assert!(linha.parse::<Evento>().is_err(), "{linha:?}");
    }
}

#[test]
fn final_e_so_quem_comeca_pela_palavra_inteira() {
    for (linha, esperado) in [
        ("OK PONG", true),
        ("OK", true),
        ("ERRO SINTAXE :x", true),
        ("OKAY", false),
        ("OK: 3", false),
        ("ERROS 3", false),
        (" OK PONG", false),
        ("ok PONG", false),
        ("LIVRES OK", false),
        ("", false),
    ] {
        assert_eq!(e_final(linha), esperado, "{linha:?}");
    }
}

/// As linhas finais que falam da sala, pelo que a linha diz (e não pelo tipo que a escreveu).
fn fala_da_sala(linha: &str) -> bool {
    let segunda = linha.split(' ').nth(1).unwrap_or_default();
    let sala = [
        "RESERVADO",
        "SEGURADO",
        "CONFIRMADO",
        "CANCELADO",
        "LISTADO",
        "MAPA",
        "HISTORICO",
        "OBSERVANDO",
        "OCUPADO",
        "INSUFICIENTE",
        "JA_RESERVADO",
        "NAO_SEGURADO",
        "NAO_E_SEU",
        "CERCA_VENCIDA",
        "LIMITE",
        "INDISPONIVEL",
    ];
    sala.contains(&segunda)
}

proptest! {
    #[test]
    fn resposta_escrita_e_lida_e_a_mesma(resposta in resposta()) {
        let escrita = resposta.to_string();
        let lida: Resposta = escrita.parse().unwrap();
        prop_assert_eq!(lida.to_string(), escrita);
        // `Debug` compara valor a valor; só a chave, que ele esconde, fica por conta da escrita.
        prop_assert_eq!(format!("{lida:?}"), format!("{resposta:?}"));
        prop_assert_eq!(lida.versao(), resposta.versao());
    }

    #[test]
    fn resposta_tem_uma_linha_final_e_e_a_ultima(resposta in resposta()) {
        let escrita = resposta.to_string();
        prop_assert!(!escrita.ends_with('\n'));
        prop_assert!(!escrita.chars().any(|c| c.is_control() && c != '\n'), "{:?}", escrita);
        let linhas: Vec<&str> = escrita.split('\n').collect();
        let finais = linhas.iter().filter(|linha| e_final(linha)).count();
        prop_assert_eq!(finais, 1, "{}", escrita);
        prop_assert!(e_final(linhas[linhas.len() - 1]), "{}", escrita);
    }

    #[test]
    fn resposta_sobre_a_sala_termina_os_argumentos_com_versao(resposta in resposta()) {
        let escrita = resposta.to_string();
        let ultima = escrita.rsplit('\n').next().unwrap();
        let argumentos = ultima.split(" :").next().unwrap();
        let versao = argumentos.rsplit(' ').next().unwrap().strip_prefix("versao=");
        prop_assert_eq!(versao.map(str::to_owned), resposta.versao().map(|v| v.to_string()), "{}", ultima);
        prop_assert!(versao.is_some() || !fala_da_sala(ultima), "{}", ultima);
    }

    #[test]
    fn erro_comeca_pelo_codigo_e_se_explica_numa_linha(erro in erro()) {
        let texto = erro.to_string();
        prop_assert_eq!(texto.split(' ').next(), Some(erro.codigo()));
        prop_assert!(erro.codigo().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        prop_assert!(texto.is_ascii());
        prop_assert!(!erro.explicacao().is_empty() && !erro.explicacao().chars().any(char::is_control));
    }

    #[test]
    fn mapa_desenhado_e_lido_e_o_mesmo(quadro in quadro()) {
        let resposta = Resposta::Mapa { quadro, versao: Versao(1) }.to_string();
        prop_assert!(resposta.is_ascii());
        let Ok(Resposta::Mapa { quadro: lido, .. }) = resposta.parse() else { panic!("{resposta}") };
        prop_assert_eq!(lido, quadro);
    }

    #[test]
    fn evento_escrito_e_lido_e_o_mesmo(evento in evento()) {
        let linha = evento.to_string();
        prop_assert!(Evento::e_evento(&linha) && !e_final(&linha));
        prop_assert!(!linha.contains("  ") && !linha.ends_with(' '));
        prop_assert_eq!(linha.parse::<Evento>(), Ok(evento));
    }

    #[test]
    fn fato_escrito_e_lido_e_o_mesmo(fato in fato()) {
        let linha = fato.to_string();
        prop_assert!(!e_final(&linha) && !Evento::e_evento(&linha));
        prop_assert!(!linha.contains("  ") && !linha.ends_with(' '));
        prop_assert_eq!(linha.parse::<Fato>(), Ok(fato));
    }

    #[test]
    fn resposta_de_texto_qualquer_nao_entra_em_panico(bloco in "(?s).{0,200}") {
        let _ = bloco.parse::<Resposta>();
        let _ = bloco.parse::<Evento>();
        let _ = bloco.parse::<Fato>();
    }

    /// Uma resposta boa com um estrago: ou é recusada, ou o que se leu se escreve e se lê de novo igual.
    #[test]
    fn resposta_estragada_nao_entra_em_panico(
        resposta in resposta(),
        onde in any::<prop::sample::Index>(),
        estrago in "[ =:\n0-9OKé-]{0,3}",
    ) {
        let mut letras: Vec<char> = resposta.to_string().chars().collect();
        let onde = onde.index(letras.len());
        letras.splice(onde..=onde, estrago.chars());
        let bloco: String = letras.into_iter().collect();
        if let Ok(lida) = bloco.parse::<Resposta>() {
            let escrita = lida.to_string();
            prop_assert_eq!(escrita.parse::<Resposta>().unwrap().to_string(), escrita);
        }
    }
}
