//! Quem é quem: números, chaves, nomes, e voltar a ser um cliente anterior com RETOMAR.

use std::collections::BTreeSet;

use arnes::ServidorDeTeste;
use arnes::espera::esperar;
use arnes::roteiro::roteiro;

const ZEROS: &str = "00000000000000000000000000000000";

#[test]
fn saudacao_para_pessoas_e_programas() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.conectar();
    let saudacao = ana.ler_saudacao();
    assert_eq!(saudacao.fim, format!("OK RESERVA/1 cliente=1 chave={} assentos=100", ana.chave));
    assert!(matches!(saudacao.dados.len(), 1 | 2), "{saudacao:?}");
    let pessoas = saudacao.dados.join(" ");
    for palavra in ["AJUDA", "RETOMAR", "seu"] {
        assert!(pessoas.contains(palavra), "a saudação não fala de {palavra}: {pessoas}");
    }
}

/// Números que não se repetem, nem depois de uma queda; chaves de 128 bits, todas diferentes.
#[test]
fn numeros_e_chaves_nao_se_repetem() {
    let (servidor, outro) = (ServidorDeTeste::new(), ServidorDeTeste::new());
    let mut chaves = BTreeSet::new();
    for esperado in 1..=100 {
        for servidor in [&servidor, &outro] {
            let ana = servidor.entrar();
            assert_eq!(ana.cliente, esperado);
            assert_eq!(ana.chave.len(), 32, "{}", ana.chave);
            assert!(ana.chave.bytes().all(|b| b.is_ascii_hexdigit()), "{}", ana.chave);
            assert!(chaves.insert(ana.chave.clone()), "chave repetida: {}", ana.chave);
            if esperado % 2 == 0 {
                ana.cair();
            }
        }
    }
    // Nenhum byte da chave é sempre o mesmo: 200 sorteios deixam cada um com muitos valores.
    for posicao in (0..32).step_by(2) {
        let valores: BTreeSet<&str> = chaves.iter().map(|chave| &chave[posicao..posicao + 2]).collect();
        assert!(valores.len() > 50, "o byte {} da chave só tem {} valores", posicao / 2, valores.len());
    }
}

#[test]
fn retomar_com_a_chave_da_saudacao() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 3 7"), "OK RESERVADO 3 7 versao=1");
    let (cliente, chave) = (ana.cliente, ana.chave.clone());
    ana.cair();
    let mut volta = servidor.entrar();
    assert_eq!(volta.cliente, 2);
    assert_eq!(volta.pedir("RESERVAR 50"), "OK RESERVADO 50 versao=2");
    assert_eq!(volta.pedir("CANCELAR 3").split(" :").next(), Some("ERRO NAO_E_SEU 3 versao=2"));
    assert_eq!(volta.pedir(&format!("retomar {cliente} {}", chave.to_uppercase())), "OK RETOMADO 1");
    assert_eq!(volta.pedir_tudo("LISTAR").dados[3], "SEUS 3 7");
    assert_eq!(volta.pedir("CANCELAR 3"), "OK CANCELADO 3 versao=3");
    // O que era do número 2 continua do número 2, que também se retoma.
    assert!(volta.pedir("CANCELAR 50").starts_with("ERRO NAO_E_SEU 50 versao=3 "));
    let de_dois = format!("RETOMAR 2 {}", volta.chave);
    assert_eq!(volta.pedir(&de_dois), "OK RETOMADO 2");
    assert_eq!(volta.pedir(&de_dois), "OK RETOMADO 2");
    assert_eq!(volta.pedir_tudo("LISTAR").dados[3], "SEUS 50");
    assert_eq!(volta.pedir("CANCELAR TUDO"), "OK CANCELADO 50 versao=4");
}

/// Chave errada, torta, de outro, de um número que nunca foi: a mesma resposta, e ninguém muda de pele.
#[test]
fn retomar_com_chave_que_nao_serve() {
    let (servidor, outro) = (ServidorDeTeste::new(), ServidorDeTeste::new());
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    let alheia = outro.entrar().chave;
    assert_eq!(ana.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=1");
    let mut quase = ana.chave.clone().into_bytes();
    quase[31] = if quase[31] == b'0' { b'1' } else { b'0' };
    let quase = String::from_utf8(quase).expect("algarismos hexadecimais");
    let (da_ana, da_bia) = (ana.chave.clone(), bia.chave.clone());
    let recusa = bia.pedir(&format!("RETOMAR 1 {ZEROS}"));
    assert!(recusa.starts_with("ERRO CHAVE_INVALIDA :"), "{recusa}");
    for pedido in [
        format!("RETOMAR 1 {quase}"),
        format!("RETOMAR 1 {da_bia}"),
        format!("RETOMAR 1 {alheia}"),
        format!("RETOMAR 2 {da_ana}"),
        format!("RETOMAR 3 {da_ana}"),
        format!("RETOMAR 3 {ZEROS}"),
        format!("RETOMAR 999999 {ZEROS}"),
        format!("RETOMAR 0 {ZEROS}"),
        format!("RETOMAR 18446744073709551615 {da_ana}"),
        format!("RETOMAR 18446744073709551616 {da_ana}"),
        format!("RETOMAR 99999999999999999999 {da_ana}"),
        format!("RETOMAR 1 {}", &da_ana[1..]),
        format!("RETOMAR 1 {da_ana}0"),
        format!("RETOMAR 1 g{}", &da_ana[1..]),
        format!("RETOMAR 1 +{}", &da_ana[1..]),
        format!("RETOMAR 1 é{}", &da_ana[2..]),
        "RETOMAR 1 x".to_owned(),
    ] {
        assert_eq!(bia.pedir(&pedido), recusa, "{pedido}");
    }
    assert_eq!(bia.pedir_tudo("LISTAR").dados[3], "SEUS");
    assert_eq!(bia.pedir("RESERVAR 4"), "OK RESERVADO 4 versao=2");
    assert_eq!(ana.pedir_tudo("LISTAR").dados[3], "SEUS 3");
}

/// Duas conexões podem ser o mesmo cliente ao mesmo tempo: a que caiu e ainda não se sabe, e a que voltou.
#[test]
fn retomar_enquanto_a_outra_conexao_vive() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let mut volta = servidor.entrar();
    assert_eq!(volta.pedir(&format!("RETOMAR 1 {}", ana.chave)), "OK RETOMADO 1");
    assert_eq!(volta.pedir("RESERVAR 8"), "OK RESERVADO 8 versao=1");
    assert_eq!(ana.pedir("RESERVAR 8"), "OK RESERVADO 8 versao=1");
    assert_eq!(ana.pedir("CANCELAR 8"), "OK CANCELADO 8 versao=2");
    assert!(volta.pedir("CANCELAR 8").starts_with("ERRO NAO_E_SEU 8 versao=2 "));
}

/// Sair de propósito e cair dão no mesmo: o que é seu continua seu.
#[test]
fn o_que_e_seu_fica_ao_sair_e_ao_cair() {
    let servidor = ServidorDeTeste::new();
    let mut olho = servidor.entrar();
    for (assento, cai) in [(1, false), (2, true)] {
        let mut ana = servidor.entrar();
        assert!(ana.pedir(&format!("RESERVAR {assento}")).starts_with("OK "));
        if cai {
            ana.cair();
        } else {
            assert_eq!(ana.pedir("SAIR"), "OK ATE_LOGO");
            ana.espera_fim();
        }
    }
    esperar("os dois saírem", || servidor.servico().admissao.ocupadas() == 1);
    assert_eq!(olho.pedir_tudo("LISTAR").dados[2], "OCUPADOS 1-2");
}

#[test]
fn nome_no_limite_e_um_alem() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    let (cabe, nao_cabe) = ("ç".repeat(32), "ç".repeat(33));
    for bom in ["a", "ana", "João", "ÂNGELA_2", "x.y-z", "7", &cabe] {
        assert_eq!(ana.pedir(&format!("NOME {bom}")), format!("OK NOME {bom}"));
    }
    for ruim in
        ["ana maria", "a!", "×", "\u{202e}ana", "a\u{9b}1m", "מרים", "ana=1", ":", "a/b", "😀", &nao_cabe]
    {
        let fim = ana.pedir(&format!("NOME {ruim}"));
        assert!(fim.starts_with("ERRO NOME_INVALIDO :"), "{ruim:?}: {fim}");
    }
    assert!(ana.pedir("NOME").starts_with("ERRO SINTAXE :uso: NOME "));
}

#[test]
fn nome_nao_precisa_ser_unico_nem_muda_a_sala() {
    roteiro(
        "
        A> NOME ana
        A< OK NOME ana
        B> NOME ana
        B< OK NOME ana
        A> NOME Ana
        A< OK NOME Ana
        A> LISTAR
        A< ...
        A< OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=0
        ",
    );
}

#[test]
fn sair_fecha_e_o_que_vem_depois_nao_e_atendido() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    ana.enviar_bytes(b"PING\nSAIR\nRESERVAR 1\nPING\n");
    assert_eq!(ana.ler_linha(), "OK PONG");
    assert_eq!(ana.ler_linha(), "OK ATE_LOGO");
    ana.espera_fim();
    assert!(servidor.entrar().pedir("LISTAR").starts_with("OK LISTADO livres=100 "));
}

/// Quem volta assim que a conexão anterior fecha não perde o nome que dá: a anterior não o leva, atrasada, quando acaba.
#[test]
fn nome_nao_se_vai_com_a_conexao_anterior() {
    let servidor = ServidorDeTeste::new();
    let (servico, mut ana) = (servidor.servico(), servidor.entrar());
    let (cliente, chave) = (ana.cliente, ana.chave.clone());
    for volta in 0..300 {
        assert_eq!(ana.pedir("SAIR"), "OK ATE_LOGO");
        ana.espera_fim();
        ana = servidor.entrar();
        ana.enviar(&format!("RETOMAR {cliente} {chave}\nNOME ana-{volta}"));
        assert_eq!(ana.ler_linha(), format!("OK RETOMADO {cliente}"));
        assert_eq!(ana.ler_linha(), format!("OK NOME ana-{volta}"));
        esperar("a conexão anterior acabar", || servico.admissao.ocupadas() == 1);
        let sala = servico.monitor.retrato_da_sala(servico.relogio.agora());
        let nomes: Vec<_> = sala.pessoas.values().filter_map(|pessoa| pessoa.nome.as_ref()).collect();
        assert_eq!(nomes.len(), 1, "o nome se perdeu na volta {volta}");
    }
}
