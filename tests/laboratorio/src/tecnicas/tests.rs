//! Cada técnica certa sai inocente, com a sala do fim em ordem; a que não exclui ninguém é condenada pelas três espécies.

use std::time::Duration;

use super::*;
use crate::medicao::{Anotado, Quanto, medir};
use juiz::intervalos::{Veredito, julgar};

const SEMENTE: u64 = 20_111_956;
const THREADS: usize = 8;

fn rodar(tecnica: Tecnica, threads: usize, quanto: Quanto) -> (Anotado, Veredito) {
    let anotado = medir(tecnica, threads, quanto, SEMENTE).expect("o sistema dá as threads");
    let veredito = julgar(&anotado.threads, anotado.no_fim);
    (anotado, veredito)
}

#[test]
fn nomes_nao_se_repetem_e_se_acham() {
    for tecnica in TECNICAS {
        assert_eq!(chamada(tecnica.nome).map(|achada| achada.resumo), Some(tecnica.resumo));
    }
    assert!(chamada("sorte").is_none());
}

#[test]
fn tecnicas_certas_saem_inocentes() {
    for tecnica in TECNICAS.into_iter().filter(|tecnica| tecnica.certa) {
        let (anotado, veredito) = rodar(tecnica, THREADS, Quanto::Operacoes(2000));
        assert_eq!(veredito, Veredito::default(), "{tecnica:?}");
        assert_eq!(anotado.threads.iter().map(Vec::len).collect::<Vec<_>>(), [2000; THREADS], "{tecnica:?}");
        assert_eq!(anotado.impasses.prazos, 0, "{tecnica:?}");
    }
}

/// Uma thread só não corre contra ninguém: nem quem não se exclui erra.
#[test]
fn sozinha_qualquer_uma_sai_inocente() {
    for tecnica in TECNICAS {
        let (_, veredito) = rodar(tecnica, 1, Quanto::Operacoes(500));
        assert_eq!(veredito, Veredito::default(), "{tecnica:?}");
    }
}

#[test]
fn sem_exclusao_o_juiz_acha_as_tres_especies() {
    let tecnica = chamada("nenhuma").unwrap();
    let (_, veredito) = rodar(tecnica, THREADS, Quanto::Operacoes(4000));
    for achados in [&veredito.duplicadas, &veredito.perdidas, &veredito.visoes] {
        assert!(achados.quantos > 0 && achados.primeiro.is_some(), "{veredito:?}");
    }
}

/// Só a que toma as fileiras sem ordem pode ter impasses (`impasse.rs` provoca um, que é certo), e o que se conta do
/// primeiro é um ciclo de verdade.
#[test]
fn so_sem_ordem_ha_impasse() {
    for tecnica in TECNICAS {
        let (anotado, _) = rodar(tecnica, THREADS, Quanto::Operacoes(500));
        if tecnica.nome != "sem-ordem" {
            assert_eq!(anotado.impasses, Impasses::default(), "{tecnica:?}");
        }
        let ciclo = anotado.impasses.primeiro.unwrap_or_default();
        assert_eq!(ciclo.is_empty(), anotado.impasses.quantos == 0);
        for (elo, seguinte) in ciclo.iter().zip(ciclo.iter().cycle().skip(1)) {
            assert_ne!(elo.quem, elo.dona, "{ciclo:?}");
            assert_eq!((elo.dona, elo.espera), (seguinte.quem, seguinte.tem), "{ciclo:?}");
        }
    }
}

#[test]
fn medicao_por_tempo_acaba() {
    let tecnica = chamada("parking_lot").unwrap();
    let (anotado, veredito) = rodar(tecnica, 2, Quanto::Tempo(Duration::from_millis(20)));
    assert!(anotado.threads.iter().all(|operacoes| !operacoes.is_empty()));
    assert!(veredito.inocente());
}
