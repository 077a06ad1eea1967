//! O disco cheio, e depois já não. Precisa montar um tmpfs.

use std::fs;

use crate::programa::Processo;
use crate::sorteadas::ligar;
use arnes::espera::{compasso, esperar};
use arnes::pasta::Montada;
use arnes::terminal::Terminal;

/// Quanto do processador o processo já gastou, em centésimos de segundo.
fn gasto(servidor: &Processo) -> u64 {
    let linha = fs::read_to_string(format!("/proc/{}/stat", servidor.filho.0.id())).unwrap();
    let colunas: Vec<&str> = linha.rsplit(") ").next().unwrap().split(' ').collect();
    colunas[11..=12].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Pede assentos até que o disco recuse; devolve quais conseguiu.
fn reservar_ate_recusar(ana: &mut Terminal) -> Vec<u8> {
    let mut meus = Vec::new();
    for assento in 10..=100 {
        let resposta = ana.pedir(&format!("RESERVAR {assento}"));
        if resposta.starts_with("ERRO INDISPONIVEL ") {
            return meus;
        }
        assert!(resposta.starts_with(&format!("OK RESERVADO {assento} ")), "{resposta}");
        meus.push(assento);
    }
    panic!("o disco cheio não recusou nada");
}

/// Sem espaço, o que muda é recusado e não acontece, consultar continua, o que vence não gasta o processador; com espaço de
/// novo, tudo volta, sem reiniciar.
#[test]
fn disco_cheio_recusa_sem_mudar_nada_e_sara_sozinho() {
    let Some(disco) = Montada::nova("cheio", "size=2m") else { return };
    let banco = disco.0.banco();
    let mut servidor = ligar(banco.to_str().unwrap());
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    assert_eq!(ana.pedir("SEGURAR 5 POR 1"), "OK SEGURADO 5 expira=1 versao=1");
    assert_eq!(bia.pedir("OBSERVAR"), "OK OBSERVANDO versao=1");
    let resto = disco.0.0.join("resto");
    // Enche tudo: o que não couber é que para.
    let _ = fs::write(&resto, vec![1; 4 << 20]);
    let meus = reservar_ate_recusar(&mut ana);
    let quadro = ana.pedir_tudo("LISTAR");
    for pedido in ["RESERVAR 1 2", "CANCELAR TUDO", "NOME ana", "TOKEN SOLICITAR", "SEGURAR 3", "CONFIRMAR 5"]
    {
        let resposta = ana.pedir(pedido);
        let recusado = resposta.starts_with("ERRO INDISPONIVEL");
        // O que vence enquanto isso muda a causa, e não o não.
        assert!(recusado || resposta.starts_with("ERRO "), "{pedido}: {resposta}");
        assert_eq!(ana.pedir_tudo("LISTAR").dados[1..], quadro.dados[1..], "depois de {pedido}");
    }
    servidor.esperar_linha("não há espaço no disco");
    // Um segundo com um prazo vencido e um nome por gravar: quem insiste sem parar gastaria um segundo.
    let antes = gasto(&servidor);
    compasso(std::time::Duration::from_secs(1));
    let gastou = gasto(&servidor) - antes;
    assert!(gastou < 20, "gastou {gastou} centésimos num segundo parado");
    assert_eq!(ana.pedir_tudo("LISTAR"), quadro, "o que venceu não aconteceu: não se pôde gravar");

    fs::remove_file(&resto).unwrap();
    esperar("o assento 5 vencer", || ana.pedir_tudo("LISTAR").fim.contains("segurados=0"));
    let versao = meus.len() + 2;
    assert_eq!(ana.pedir("RESERVAR 1 2"), format!("OK RESERVADO 1 2 versao={}", versao + 1));
    assert_eq!(ana.pedir("NOME ana"), "OK NOME ana");
    assert!(ana.pedir("TOKEN SOLICITAR").starts_with("OK TOKEN "));
    servidor.esperar_linha("voltou a ser possível gravar");
    let eventos: Vec<String> = (0..versao).map(|_| bia.ler_linha()).collect();
    let numeros: Vec<&str> = eventos.iter().map(|evento| evento.split(' ').nth(1).unwrap()).collect();
    let certos: Vec<String> = (2..=versao + 1).map(|versao| versao.to_string()).collect();
    assert_eq!(numeros, certos, "{eventos:?}");
    servidor.encerrar();
}
