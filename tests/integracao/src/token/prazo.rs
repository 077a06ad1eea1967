//! Os prazos de quem tem o token e de quem espera por ele: nunca antes, e logo depois.

use std::thread;
use std::time::Duration;

use arnes::espera::{Cronometro, compasso};
use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Sorteio};

use super::{LOGO, cerca_de, entrar_na_fila, esperar_dono, esperar_fila, medida, tomar};

const UM_SEGUNDO: Duration = Duration::from_secs(1);

/// Repete o teste em muitos servidores ao mesmo tempo: um prazo que acaba um instante cedo só aparece às vezes.
fn em_muitos(quantos: usize, teste: impl Fn(usize) + Sync) {
    thread::scope(|escopo| {
        let rodadas: Vec<_> =
            (0..quantos).map(|n| (n, &teste)).map(|(n, t)| escopo.spawn(move || t(n))).collect();
        rodadas.into_iter().for_each(|r| r.join().expect("uma das rodadas falhou"));
    });
}

/// O dono dorme e um espera: a vez chega no fim do prazo, nunca antes.
#[test]
fn prazo_do_dono_que_dorme() {
    em_muitos(32, |_| {
        let servidor = ServidorDeTeste::new();
        let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
        // Começa a contar antes de pedir: o prazo só pode começar depois.
        let cronometro = Cronometro::comecar();
        assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR POR 1"), 1);
        assert_eq!(bia.pedir("TOKEN SOLICITAR"), "OK TOKEN cerca=2 contador=0 espera=0 prazo=30");
        let demorou = cronometro.passou();
        assert!(demorou >= UM_SEGUNDO, "o prazo de 1 s acabou em {demorou:?}");
        assert!(demorou < UM_SEGUNDO + LOGO, "{demorou:?}");
        medida("depois do fim do prazo do dono", demorou - UM_SEGUNDO);
        assert!(ana.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
        assert_eq!(ana.pedir("TOKEN ESTADO"), "OK TOKEN dono=2 cerca=2 contador=0 espera=0");
    });
}

/// Ninguém espera e ninguém pergunta: o token fica livre do mesmo jeito, e quem chega o encontra.
#[test]
fn prazo_acaba_sem_ninguem_a_espera() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana] = [(); 2].map(|()| servidor.entrar());
    let cronometro = Cronometro::comecar();
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR POR 1"), 1);
    esperar_dono(&mut olho, "livre");
    assert!(cronometro.passou() >= UM_SEGUNDO, "{:?}", cronometro.passou());
    assert!(ana.pedir("TOKEN LIBERAR").starts_with("ERRO TOKEN_NAO_E_SEU :"));
    assert_eq!(olho.pedir("TOKEN ESTADO"), "OK TOKEN dono=livre cerca=1 contador=0 espera=0");
    assert_eq!(ana.pedir("TOKEN SOLICITAR"), "OK TOKEN cerca=2 contador=0 espera=0 prazo=30");
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
}

/// Um prazo que já não é de ninguém não tira o token do dono seguinte.
#[test]
fn prazo_de_quem_ja_liberou_nao_alcanca_o_seguinte() {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut ana, mut bia, mut caio] = [(); 4].map(|()| servidor.entrar());
    let cronometro = Cronometro::comecar();
    assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR POR 1"), 1);
    entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR POR 2", 1);
    entrar_na_fila(&mut olho, &caio, "TOKEN SOLICITAR", 2);
    assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=1");
    assert_eq!(cerca_de(&bia.ler_linha()), 2);
    let da_bia = cronometro.passou();
    assert_eq!(caio.ler_linha(), "OK TOKEN cerca=3 contador=1 espera=0 prazo=30");
    let do_caio = cronometro.passou();
    assert!(
        do_caio >= 2 * UM_SEGUNDO,
        "o prazo de 2 s, que começou antes de {da_bia:?}, acabou em {do_caio:?}"
    );
}

/// Quem espera com `ATE` desiste na hora, nem antes, e o seu lugar some da fila; a conexão segue.
#[test]
fn espera_com_prazo_desiste_na_hora() {
    em_muitos(32, |_| {
        let servidor = ServidorDeTeste::new();
        let [mut olho, mut ana, mut bia, mut caio] = [(); 4].map(|()| servidor.entrar());
        assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR"), 1);
        let cronometro = Cronometro::comecar();
        bia.enviar_bytes(b"TOKEN SOLICITAR ATE 1\nPING\n");
        esperar_fila(&mut olho, 1);
        caio.enviar("TOKEN SOLICITAR ATE 3600");
        let fim = bia.ler_linha();
        let demorou = cronometro.passou();
        assert!(fim.starts_with("ERRO TEMPO_ESGOTADO :"), "{fim}");
        assert!(!fim.contains("versao="), "o token não fala da sala: {fim}");
        assert!(demorou >= UM_SEGUNDO, "o prazo de 1 s acabou em {demorou:?}");
        assert!(demorou < UM_SEGUNDO + LOGO, "{demorou:?}");
        medida("depois do fim do prazo de quem espera", demorou - UM_SEGUNDO);
        assert_eq!(bia.ler_linha(), "OK PONG");
        esperar_fila(&mut olho, 1);
        assert_eq!(ana.pedir("TOKEN LIBERAR"), "OK LIBERADO contador=1 espera=0");
        assert_eq!(caio.ler_linha(), "OK TOKEN cerca=2 contador=1 espera=0 prazo=30");
        assert_eq!(bia.pedir("PING"), "OK PONG", "a Bia recebeu algo depois de desistir");
    });
}

/// Quanto o gesto pode se afastar do fim do prazo, para um lado e para o outro, em microssegundos.
const EM_VOLTA_US: u64 = 2_000;

/// O fim do prazo, `LIBERAR` e a queda da conexão no mesmo milissegundo: o token passa uma vez só, e a fila anda.
///
/// São 50 servidores e 6 rodadas em cada um, porque um prazo dura ao menos um segundo.
#[test]
fn prazo_liberar_e_queda_no_mesmo_instante() {
    let mut sorteio = Sorteio::novo("prazo_liberar_e_queda_no_mesmo_instante");
    let sementes: Vec<u64> = (0..50).map(|_| sorteio.proximo()).collect();
    let contagem: Vec<[u64; 3]> = thread::scope(|escopo| {
        let mesas: Vec<_> =
            sementes.into_iter().map(|s| escopo.spawn(move || disputar_fim(Sorteio::com(s)))).collect();
        mesas.into_iter().map(|mesa| mesa.join().expect("numa das mesas o token se perdeu")).collect()
    });
    let soma = |i: usize| contagem.iter().map(|c| c[i]).sum::<u64>();
    let (liberou, venceu, rodadas) = (soma(0), soma(1), soma(2));
    assert_eq!(rodadas, 300);
    // Se um dos dois sempre ganha, não houve disputa.
    assert!(liberou > 5 && venceu > 5, "LIBERAR ganhou {liberou} vezes, e o prazo {venceu}");
}

/// Seis rodadas num servidor; quantas vezes `LIBERAR` ganhou, quantas o prazo, e quantas foram as rodadas.
fn disputar_fim(mut sorteio: Sorteio) -> [u64; 3] {
    let servidor = ServidorDeTeste::new();
    let [mut olho, mut bia, mut caio] = [(); 3].map(|()| servidor.entrar());
    let (mut cerca, mut contador, mut placar) = (0, 0, [0; 3]);
    for _ in 0..6 {
        let mut ana = servidor.entrar();
        let cronometro = Cronometro::comecar();
        assert_eq!(tomar(&mut ana, "TOKEN SOLICITAR POR 1"), cerca + 1);
        entrar_na_fila(&mut olho, &bia, "TOKEN SOLICITAR", 1);
        entrar_na_fila(&mut olho, &caio, "TOKEN SOLICITAR", 2);
        let quando = UM_SEGUNDO + Duration::from_micros(sorteio.ate(2 * EM_VOLTA_US))
            - Duration::from_micros(EM_VOLTA_US);
        // O gesto é que tem hora; nada se espera dela.
        compasso(quando.saturating_sub(cronometro.passou()).max(Duration::from_micros(1)));
        let liberou = match sorteio.ate(3) {
            1 => Some(ana.pedir("TOKEN LIBERAR")),
            2 => {
                ana.cair();
                None
            }
            _ => {
                ana.enviar("TOKEN LIBERAR");
                ana.cair();
                None
            }
        };
        assert_eq!(cerca_de(&bia.ler_linha()), cerca + 2, "o token pulou alguém");
        let estado = olho.pedir("TOKEN ESTADO");
        let agora: u64 = valor(&estado, "contador").parse().expect("um número");
        match liberou {
            Some(fim) if fim.starts_with("OK LIBERADO ") => {
                assert_eq!(agora, contador + 1, "{fim}, {estado}");
                placar[0] += 1;
            }
            Some(fim) => {
                assert!(fim.starts_with("ERRO TOKEN_NAO_E_SEU :"), "{fim}");
                assert_eq!(agora, contador, "{fim}, {estado}");
                placar[1] += 1;
            }
            None => assert!((contador..=contador + 1).contains(&agora), "{estado}"),
        }
        contador = agora;
        // Um efeito só: a Bia tem o token, e o Caio continua na fila.
        let esperado =
            format!("OK TOKEN dono={} cerca={} contador={contador} espera=1", bia.cliente, cerca + 2);
        assert_eq!(estado, esperado);
        assert_eq!(bia.pedir("TOKEN LIBERAR"), format!("OK LIBERADO contador={} espera=0", contador + 1));
        assert_eq!(cerca_de(&caio.ler_linha()), cerca + 3);
        assert_eq!(caio.pedir("TOKEN LIBERAR"), format!("OK LIBERADO contador={} espera=0", contador + 2));
        (cerca, contador) = (cerca + 3, contador + 2);
        placar[2] += 1;
    }
    placar
}
