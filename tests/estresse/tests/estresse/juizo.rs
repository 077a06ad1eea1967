//! O juiz diante de gente de verdade: condena cada mentiroso e quem corre sem exclusão mútua; absolve quem diz a verdade.
//!
//! Um mentiroso fica entre o motor do estresse e um servidor certo (`estresse::mentiroso`). Nenhuma prova acaba antes de ele ter
//! mentido bastante: um juiz que absolve quem não mentiu não diz nada.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use arnes::espera::{PRAZO, esperar_por};
use arnes::{ServidorDeTeste, Sorteio};
use estresse::mentiroso::{Dita, Mentira, Mentiroso};
use estresse::{Opcoes, Rumo, rodar};
use juiz::{Problema, Prova, Veredito, julgar};
use servidor::{Config, Servico};

use arnes::pasta::Pasta;

const CLIENTES: usize = 32;
/// Quantas mentiras bastam.
const MENTIRAS: usize = 20;
/// Quantas respostas bastam para absolver alguém.
const RESPOSTAS: u64 = 2_000;
/// Quanto demora a pausa de quem corre.
const PAUSA: Duration = Duration::from_millis(5);

/// Uma prova que acaba quando `basta`, e que tem de acabar assim.
#[track_caller]
fn provar(opcoes: &Opcoes, endereco: SocketAddr, basta: impl Fn(&Rumo) -> bool) -> Veredito {
    let rumo = Rumo::default();
    let (bastou, prova) = thread::scope(|escopo| {
        let prova = escopo.spawn(|| rodar(opcoes, endereco, &rumo));
        let bastou = esperar_por(PRAZO, || basta(&rumo) || prova.is_finished());
        rumo.parar.store(true, Ordering::SeqCst);
        (bastou && basta(&rumo), prova.join().expect("a prova não entra em pânico"))
    });
    let (historia, medidas) = prova.expect("todos deviam entrar");
    assert!(bastou, "em {PRAZO:?} não se viu o bastante; semente {}", opcoes.semente);
    assert_eq!(medidas.perdidas, 0, "caíram conexões; semente {}", opcoes.semente);
    julgar(&historia)
}

fn opcoes(semente: u64) -> Opcoes {
    Opcoes::new(CLIENTES, PRAZO * 2, semente)
}

fn respondeu(rumo: &Rumo) -> bool {
    rumo.respondidos.load(Ordering::Relaxed) >= RESPOSTAS
}

#[track_caller]
fn absolver(servidor: &ServidorDeTeste, opcoes: &Opcoes) {
    let veredito = provar(opcoes, servidor.endereco(), respondeu);
    assert!(veredito.inocente(), "semente {}:\n{veredito}", opcoes.semente);
    assert!(veredito.conferidos.mudancas > 100, "{:?}", veredito.conferidos);
}

/// Faz o mesmo com algumas sementes ao mesmo tempo: cada prova passa quase todo o tempo à espera da última resposta.
fn com_sementes(teste: &str, quantas: usize, prova: impl Fn(u64) + Sync) {
    let mut sorteio = Sorteio::novo(teste);
    let sementes: Vec<u64> = (0..quantas).map(|_| sorteio.proximo()).collect();
    thread::scope(|escopo| {
        sementes.iter().for_each(|semente| drop(escopo.spawn(|| prova(*semente))));
    });
}

// ---- Os mentirosos ----

/// Cada mentira é condenada pelo que é, e as linhas culpadas são mesmo as que ele disse.
#[track_caller]
fn condenar(mentira: Mentira, esperados: &[Problema]) {
    com_sementes(&format!("{mentira:?}"), 3, |semente| {
        let servidor = ServidorDeTeste::new();
        let mentiroso = Mentiroso::new(servidor.endereco(), Some(mentira), semente);
        let veredito = provar(&opcoes(semente), mentiroso.endereco(), |_| mentiroso.mentiras() >= MENTIRAS);
        let ditas = mentiroso.ditas();
        for esperado in esperados {
            let nomeia_alguma = |provas: &[Prova]| ditas.iter().any(|dita| nomeia(provas, dita));
            let mut deste = veredito.infracoes.iter().filter(|infracao| infracao.problema == *esperado);
            assert!(
                deste.any(|infracao| nomeia_alguma(&infracao.provas)),
                "semente {semente}: nenhuma mentira entre as {} de {esperado:?}\n{veredito}",
                veredito.quantas(*esperado)
            );
        }
        // Nem todas se podem provar, e de cada problema só se guardam os primeiros exemplos.
        let achada = |dita: &&Dita| veredito.infracoes.iter().any(|infracao| nomeia(&infracao.provas, dita));
        let achadas = ditas.iter().filter(achada).count();
        assert!(
            achadas >= MENTIRAS / 2,
            "semente {semente}: {achadas} mentiras de {}\n{veredito}",
            ditas.len()
        );
    });
}

/// Uma das provas é esta mentira; ou, do evento que não veio, são as linhas de antes e de depois.
fn nomeia(provas: &[Prova], dita: &Dita) -> bool {
    if dita.pedido.is_some() {
        return provas.iter().any(|prova| prova.pedido == dita.pedido && prova.linha == dita.linha);
    }
    let versoes = |prova: Option<&Prova>| prova.and_then(|prova| versao(&prova.linha));
    let (antes, perdida, depois) = (versoes(provas.first()), versao(&dita.linha), versoes(provas.last()));
    antes.is_some() && antes < perdida && perdida <= depois
}

/// A versão que uma linha nomeia.
fn versao(linha: &str) -> Option<u64> {
    let numero = linha.strip_prefix("EVENTO ").and_then(|resto| resto.split(' ').next());
    numero.or_else(|| Some(linha.split_once("versao=")?.1)).and_then(|numero| numero.parse().ok())
}

#[test]
fn quem_vende_duas_vezes_e_condenado() {
    condenar(Mentira::VendeDuasVezes, &[Problema::ReservaDuplicada, Problema::NaoLinearizavel]);
}

#[test]
fn quem_esconde_na_vista_e_condenado() {
    condenar(Mentira::EscondeNaVista, &[Problema::AtualizacaoPerdida]);
}

#[test]
fn quem_esconde_na_recusa_e_condenado() {
    condenar(Mentira::EscondeNaRecusa, &[Problema::RespostaFalsa]);
}

#[test]
fn quem_troca_respostas_e_condenado() {
    condenar(Mentira::TrocaRespostas, &[Problema::RespostaTrocada]);
}

#[test]
fn quem_repete_a_cerca_e_condenado() {
    condenar(Mentira::RepeteCerca, &[Problema::CercaRepetida]);
}

#[test]
fn quem_perde_eventos_e_condenado() {
    condenar(Mentira::PerdeEvento, &[Problema::EventoPerdido]);
}

#[test]
fn quem_diz_versoes_velhas_e_condenado() {
    condenar(Mentira::VersaoVelha, &[Problema::VersaoForaDoTempo]);
}

/// Quem não mente é absolvido: o que se condena nos outros é a mentira, e não o caminho.
#[test]
fn o_intermediario_honesto_e_absolvido() {
    com_sementes("o_intermediario_honesto_e_absolvido", 2, |semente| {
        let servidor = ServidorDeTeste::new();
        let honesto = Mentiroso::new(servidor.endereco(), None, semente);
        let veredito = provar(&opcoes(semente), honesto.endereco(), respondeu);
        assert!(veredito.inocente(), "semente {semente}:\n{veredito}");
        assert_eq!(honesto.ditas(), []);
    });
}

// ---- O servidor de verdade ----

#[test]
fn o_servidor_e_absolvido() {
    com_sementes("o_servidor_e_absolvido", 4, |semente| {
        absolver(&ServidorDeTeste::new(), &opcoes(semente));
    });
}

#[test]
fn o_servidor_com_taxa_fixa_e_absolvido() {
    com_sementes("o_servidor_com_taxa_fixa_e_absolvido", 2, |semente| {
        absolver(&ServidorDeTeste::new(), &Opcoes { taxa: Some(4_000), ..opcoes(semente) });
    });
}

#[test]
fn o_servidor_que_grava_e_absolvido() {
    let pasta = Pasta::nova("juizo");
    com_sementes("o_servidor_que_grava_e_absolvido", 2, |semente| {
        let caminho = pasta.0.join(format!("{semente}.db"));
        let servico = Servico::no_arquivo(Config::default(), &caminho, false).expect("o arquivo devia abrir");
        absolver(&ServidorDeTeste::com_servico(servico), &opcoes(semente));
    });
}

// ---- Quem corre ----

const TRES: [Problema; 3] =
    [Problema::ReservaDuplicada, Problema::AtualizacaoPerdida, Problema::VisaoInconsistente];

fn correndo() -> ServidorDeTeste {
    ServidorDeTeste::com(Config { corrida: Some(PAUSA), ..Config::default() })
}

#[test]
fn quem_corre_e_condenado_pelos_tres_problemas() {
    com_sementes("quem_corre_e_condenado_pelos_tres_problemas", 5, |semente| {
        let veredito = provar(&opcoes(semente), correndo().endereco(), respondeu);
        let exemplos = veredito.problemas();
        for problema in TRES {
            let exemplo = exemplos.iter().find(|(este, ..)| *este == problema);
            let (_, _, infracao) =
                exemplo.unwrap_or_else(|| panic!("semente {semente}: falta {problema:?}\n{veredito}"));
            assert!(infracao.provas.len() > 1, "semente {semente}: {infracao}");
        }
        let (_, _, dobro) = exemplos[0];
        assert!(dois_oks(&dobro.provas), "semente {semente}: {dobro}");
    });
}

/// Dois clientes ouviram que o assento era seu.
fn dois_oks(provas: &[Prova]) -> bool {
    let deram = |prova: &&Prova| {
        ["OK RESERVADO ", "OK SEGURADO ", "OK CONFIRMADO "].iter().any(|ok| prova.linha.starts_with(ok))
    };
    let donos: Vec<_> = provas.iter().filter(deram).map(|prova| prova.cliente).collect();
    donos.iter().any(|dono| *dono != donos[0])
}

/// O programa, de ponta a ponta: sai com 1, e mostra um exemplo de cada problema com as linhas culpadas.
#[test]
fn o_programa_condena_quem_corre() {
    let servidor = correndo();
    let saida = Command::new(env!("CARGO_BIN_EXE_estresse"))
        .args(["--servidor", &servidor.endereco().to_string(), "--segundos", "1"])
        .output()
        .expect("o programa devia rodar");
    let dito = String::from_utf8(saida.stdout).expect("o programa fala UTF-8");
    assert_eq!(saida.status.code(), Some(1), "{dito}");
    for problema in TRES {
        let nome = problema.to_string();
        let exemplo = dito.split("\n- ").find(|exemplo| exemplo.contains(&nome));
        let exemplo = exemplo.unwrap_or_else(|| panic!("falta {nome:?}: {dito}"));
        let provas = exemplo.lines().filter(|linha| linha.starts_with("  cliente "));
        assert!(provas.count() >= 2, "{exemplo}");
    }
}
