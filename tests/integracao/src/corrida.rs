//! A corrida que se demonstra: sem exclusão mútua, duas pessoas ficam com um assento e o que uma fez some; o servidor não cai.
//!
//! Uma corrida acontece quando os dois copiam a sala antes que um a escreva. Não se espera por isso com um tempo: tenta-se até
//! que as respostas mostrem que foi assim.

use std::time::Duration;

use arnes::espera::esperar;
use arnes::terminal::valor;
use arnes::{ServidorDeTeste, Sorteio, Terminal, ao_fundo};
use protocolo::limites::ASSENTOS_MAX;
use servidor::Config;

const PAUSA: Duration = Duration::from_millis(300);

fn correndo(pausa: Duration) -> ServidorDeTeste {
    ServidorDeTeste::com(Config { corrida: Some(pausa), ..Config::default() })
}

/// Os dois pedidos ao mesmo tempo; devolve o que cada um ouviu.
#[track_caller]
fn ao_mesmo_tempo(ana: &mut Terminal, beto: &mut Terminal, pedidos: [&str; 2]) -> [String; 2] {
    ana.enviar(pedidos[0]);
    beto.enviar(pedidos[1]);
    [ana.ler_resposta().fim, beto.ler_resposta().fim]
}

/// O que LISTAR diz de `SEUS` e de `OCUPADOS`, e em que versão.
#[track_caller]
fn listar(terminal: &mut Terminal) -> (String, String, String) {
    let lista = terminal.pedir_tudo("LISTAR");
    let dado = |palavra: &str| {
        let linha = lista.dados.iter().find_map(|linha| linha.strip_prefix(palavra));
        linha.unwrap_or_else(|| panic!("não há {palavra} em {lista:?}")).trim_start().to_owned()
    };
    (dado("SEUS"), dado("OCUPADOS"), valor(&lista.fim, "versao").to_owned())
}

#[test]
fn a_saudacao_avisa_e_a_linha_final_e_a_de_sempre() {
    let servidor = correndo(PAUSA);
    let saudacao = servidor.conectar().ler_saudacao();
    assert!(saudacao.dados[0].contains("vende o mesmo assento duas vezes"), "{saudacao:?}");
    assert!(matches!(saudacao.ler(), Ok(protocolo::Resposta::Saudacao { .. })), "{saudacao:?}");
    let certo = ServidorDeTeste::new().conectar().ler_saudacao();
    assert_eq!(saudacao.dados[1..], certo.dados);
}

#[test]
fn duas_pessoas_reservam_um_assento_e_as_duas_ouvem_ok() {
    let servidor = correndo(PAUSA);
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    let mut disputados = 1..=ASSENTOS_MAX;
    esperar("os dois ouvirem OK pelo mesmo assento, na mesma versão", || {
        let assento = disputados.next().expect("há assentos para tentar de novo");
        let pedido = format!("RESERVAR {assento}");
        let [a, b] = ao_mesmo_tempo(&mut ana, &mut beto, [&pedido, &pedido]);
        if b.starts_with("ERRO OCUPADO ") || a.starts_with("ERRO OCUPADO ") {
            return false;
        }
        assert!(a.starts_with(&format!("OK RESERVADO {assento} versao=")), "{a}");
        assert_eq!(a, b);
        // As vistas discordam: uma das duas respostas é falsa na própria versão que ela diz.
        let (de_ana, de_beto) = (listar(&mut ana), listar(&mut beto));
        assert_eq!(format!("versao={}", de_ana.2), a[a.find("versao=").unwrap()..]);
        let assento = assento.to_string();
        let tem = |seus: &str| seus.split(' ').any(|faixa| faixa == assento);
        assert!(tem(&de_ana.0) != tem(&de_beto.0), "{de_ana:?} {de_beto:?}");
        true
    });
    servidor.parar();
}

#[test]
fn uma_de_duas_reservas_some() {
    let servidor = correndo(PAUSA);
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    esperar("as duas reservas se fazerem sobre a mesma sala", || {
        let [a, b] = ao_mesmo_tempo(&mut ana, &mut beto, ["RESERVAR 1", "RESERVAR 2"]);
        let (_, ocupados, versao) = listar(&mut ana);
        let correram = valor(&a, "versao") == valor(&b, "versao");
        if correram {
            assert_eq!((&a[..16], &b[..16]), ("OK RESERVADO 1 v", "OK RESERVADO 2 v"));
            assert!(ocupados == "1" || ocupados == "2", "{ocupados}");
            assert_eq!(versao, valor(&a, "versao"));
        } else {
            assert_eq!(ocupados, "1-2");
            ana.pedir("CANCELAR TUDO");
            beto.pedir("CANCELAR TUDO");
        }
        correram
    });
}

/// Quem lista, quem aguarda e o token não param para ninguém; o que se fez no meio da pausa de outro some com ela.
#[test]
fn durante_a_pausa_os_outros_seguem_e_a_versao_volta() {
    let servidor = correndo(PAUSA);
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    esperar("a ana copiar a sala antes do beto e escrever depois dele", || {
        let antes: u64 = listar(&mut beto).2.parse().unwrap();
        ana.enviar("RESERVAR 1");
        let vista = listar(&mut beto);
        assert!(beto.pedir("TOKEN ESTADO").starts_with("OK TOKEN dono=livre "));
        let [dois, tres] = ["AGUARDAR 2", "AGUARDAR 3"].map(|pedido| beto.pedir(pedido));
        let de_ana = ana.ler_resposta().fim;
        let voltou = vista.1.is_empty() && listar(&mut beto).1 == "1";
        if voltou {
            assert_eq!(dois, format!("OK RESERVADO 2 versao={}", antes + 1));
            assert_eq!(tres, format!("OK RESERVADO 3 versao={}", antes + 2));
            assert_eq!(de_ana, format!("OK RESERVADO 1 versao={}", antes + 1));
        } else {
            ana.pedir("CANCELAR TUDO");
            beto.pedir("CANCELAR TUDO");
        }
        voltou
    });
}

/// Um de cada vez, com pausa ou sem ela, as respostas são as do servidor certo; um lote é respondido em ordem.
#[test]
fn sem_disputa_e_o_servidor_de_sempre() {
    let servidor = correndo(Duration::from_millis(5));
    servidor.roteiro(
        "\
A> RESERVAR 3 7 9
A< OK RESERVADO 3 7 9 versao=1
B> RESERVAR 9 10
B< ERRO OCUPADO 9 versao=1 :...
B> SEGURAR 10 POR 60
B< OK SEGURADO 10 expira=60 versao=2
C> AGUARDAR 10
B> CONFIRMAR
B< OK CONFIRMADO 10 versao=3
B> CANCELAR 10
B< OK CANCELADO 10 versao=4
C< OK RESERVADO 10 versao=5
A> RESERVAR 20 CERCA 1
A< ERRO CERCA_VENCIDA atual=0 versao=5 :...
",
    );
    let mut ana = servidor.entrar();
    ana.enviar("RESERVAR 41\nRESERVAR 42\nCANCELAR 41\nPING");
    for esperada in ["OK RESERVADO 41 ", "OK RESERVADO 42 ", "OK CANCELADO 41 ", "OK PONG"] {
        let linha = ana.ler_linha();
        assert!(linha.starts_with(esperada), "{linha}");
    }
}

#[test]
fn o_que_se_segura_vence_tambem_aqui() {
    let servidor = correndo(Duration::from_millis(5));
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("SEGURAR 3 POR 1"), "OK SEGURADO 3 expira=1 versao=1");
    esperar("o 3 ficar livre", || {
        ana.pedir("LISTAR") == "OK LISTADO livres=100 segurados=0 ocupados=0 seus=0 versao=2"
    });
}

/// Um pedido sorteado, de todos os que há, sobre poucos assentos.
fn pedido(sorteio: &mut Sorteio) -> String {
    let lista = |sorteio: &mut Sorteio| {
        (0..sorteio.ate(3)).map(|_| sorteio.ate(12).to_string()).collect::<Vec<_>>().join(" ")
    };
    match sorteio.ate(40) {
        1..=12 => format!("RESERVAR {}", lista(sorteio)),
        13 | 14 => format!("RESERVAR PARCIAL {}", lista(sorteio)),
        15 | 16 => format!("RESERVAR QUANTIDADE {}", sorteio.ate(3)),
        17..=20 => format!("SEGURAR {} POR 1", lista(sorteio)),
        21 | 22 => "CONFIRMAR".into(),
        23..=26 => format!("CANCELAR {}", lista(sorteio)),
        27..=31 => "CANCELAR TUDO".into(),
        32 => format!("AGUARDAR {} ATE 1", lista(sorteio)),
        33 => "AGUARDAR QUANTIDADE 2 ATE 1".into(),
        34 => "TOKEN SOLICITAR POR 1 ATE 1".into(),
        35 => "TOKEN LIBERAR".into(),
        36 => "OBSERVAR".into(),
        37 => "PARAR".into(),
        38 => format!("HISTORICO {}", sorteio.ate(12)),
        _ => "LISTAR".into(),
    }
}

/// Em debug a sala se confere a cada seção crítica, e um defeito dela mataria o processo inteiro.
#[test]
fn carga_mista_nao_derruba_o_servidor() {
    let pausa = Some(Duration::from_millis(5));
    let servidor = ServidorDeTeste::com(Config { corrida: pausa, max_por_cliente: 6, ..Config::default() });
    let semente = Sorteio::novo("carga_mista_nao_derruba_o_servidor").proximo();
    let fundos = (0..16).map(|n| {
        let (mut terminal, mut sorteio) = (servidor.entrar(), Sorteio::com(semente ^ n));
        let chave = terminal.chave.clone();
        let volta = format!("RETOMAR {} {chave}", terminal.cliente);
        let endereco = servidor.endereco();
        move || {
            // Às vezes vai-se embora e volta por outra conexão, ou a nova fala pelo mesmo cliente.
            if sorteio.ate(40) == 1 {
                terminal = Terminal::entrar(endereco);
                terminal.pedir(&volta);
                terminal.pedir("NOME ana");
            }
            let pedido = pedido(&mut sorteio);
            let resposta = terminal.pedir(&pedido);
            assert!(!resposta.starts_with("ERRO SINTAXE"), "{pedido} -> {resposta}");
        }
    });
    let pedidos = || servidor.servico().contadores.pedidos.total();
    ao_fundo(fundos, || esperar("quinhentos pedidos serem atendidos", || pedidos() > 500));
    assert_eq!(servidor.entrar().pedir("PING"), "OK PONG");
    servidor.parar();
}

/// Depois de um reinício as pausas voltam.
#[test]
fn o_reinicio_nao_acaba_com_a_corrida() {
    let servidor = correndo(PAUSA).reiniciar();
    let (mut ana, mut beto) = (servidor.entrar(), servidor.entrar());
    let mut disputados = 1..=ASSENTOS_MAX;
    esperar("os dois ouvirem OK pelo mesmo assento", || {
        let pedido = format!("RESERVAR {}", disputados.next().expect("há assentos para tentar de novo"));
        let [a, b] = ao_mesmo_tempo(&mut ana, &mut beto, [&pedido, &pedido]);
        a.starts_with("OK ") && b.starts_with("OK ")
    });
}
