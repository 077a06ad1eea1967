//! Histórias escritas à mão: as falsas, em que o juiz acha exatamente o que se plantou, e as estranhas mas verdadeiras.

use super::Feito::{Devolveu, DevolveuOPerdido, Listou, NaoReservou, Reservou};
use super::*;

const A: Quem = Quem(0);
const B: Quem = Quem(1);

fn grupo(numeros: &[u8]) -> Assentos {
    numeros.iter().map(|n| Assento::new(*n).unwrap()).collect()
}

fn assento(numero: u8) -> Assento {
    Assento::new(numero).unwrap()
}

/// Uma operação: quando começou e acabou, o que fez, e com que assentos.
type Linha<'a> = (u64, u64, fn(Assentos) -> Feito, &'a [u8]);

/// O que se conta, as operações de cada thread, e os ocupados no fim.
type Historia<'a> = (&'a str, &'a [&'a [Linha<'a>]], &'a [u8]);

fn julgado(threads: &[&[Linha<'_>]], no_fim: &[u8]) -> Vec<Problema> {
    let operacao = |(inicio, fim, feito, numeros): &Linha<'_>| Operacao {
        inicio: *inicio,
        fim: *fim,
        feito: feito(grupo(numeros)),
    };
    let threads: Vec<Vec<Operacao>> =
        threads.iter().map(|linhas| linhas.iter().map(operacao).collect()).collect();
    let veredito = julgar(&threads, grupo(no_fim));
    let exemplos: Vec<Problema> = veredito.exemplos().copied().collect();
    assert_eq!(veredito.inocente(), exemplos.is_empty());
    exemplos
}

#[test]
fn reserva_duplicada() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3, 4])], &[(5, 12, Reservou, &[4, 5])]], &[3, 4, 5]);
    assert_eq!(problemas, [Problema::ReservaDuplicada { assento: assento(4), de: A, tambem_de: B }]);
}

/// B reservou e devolveu enquanto era de A.
#[test]
fn reserva_duplicada_no_meio_de_outra() {
    let problemas = julgado(
        &[
            &[(0, 10, Reservou, &[4]), (50, 60, Devolveu, &[4])],
            &[(20, 25, Reservou, &[4]), (30, 35, Devolveu, &[4])],
        ],
        &[],
    );
    assert_eq!(problemas, [Problema::ReservaDuplicada { assento: assento(4), de: A, tambem_de: B }]);
}

#[test]
fn reserva_perdida_no_fim() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3, 4])]], &[3]);
    assert_eq!(problemas, [Problema::ReservaPerdida { assento: assento(4), de: A }]);
}

#[test]
fn devolucao_perdida_no_fim() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3]), (11, 12, Devolveu, &[3])]], &[3]);
    assert_eq!(problemas, [Problema::DevolucaoPerdida { assento: assento(3) }]);
}

#[test]
fn devolucao_do_que_alguem_apagou() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3]), (11, 12, DevolveuOPerdido, &[3])]], &[]);
    assert_eq!(problemas, [Problema::DevolucaoNoVazio { quem: A, grupo: grupo(&[3]) }]);
}

#[test]
fn lista_mostra_livre_o_que_tem_dono() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3])], &[(11, 15, Listou, &[])]], &[3]);
    assert_eq!(problemas, [Problema::LivreComDono { quem: B, assento: assento(3) }]);
}

#[test]
fn lista_mostra_ocupado_o_que_nao_tem_dono() {
    let problemas =
        julgado(&[&[(0, 10, Reservou, &[3]), (11, 12, Devolveu, &[3])], &[(13, 15, Listou, &[3])]], &[]);
    assert_eq!(problemas, [Problema::OcupadoSemDono { quem: B, assento: assento(3) }]);
    let nunca_teve = julgado(&[&[(0, 1, Listou, &[7])]], &[]);
    assert_eq!(nunca_teve, [Problema::OcupadoSemDono { quem: A, assento: assento(7) }]);
}

/// A lista acontece durante a reserva: podia mostrar nada, ou tudo, mas não a metade.
#[test]
fn lista_mostra_meio_grupo() {
    let problemas = julgado(&[&[(0, 10, Reservou, &[3, 13])], &[(2, 8, Listou, &[3])]], &[3, 13]);
    let meio = Problema::MeioGrupo { quem: B, grupo: grupo(&[3, 13]), livres: grupo(&[13]) };
    assert_eq!(problemas, [meio]);
    // E durante a devolução.
    let problemas = julgado(
        &[&[(0, 1, Reservou, &[3, 13]), (10, 20, Devolveu, &[3, 13])], &[(12, 18, Listou, &[3])]],
        &[],
    );
    assert_eq!(problemas, [meio]);
}

#[test]
fn recusa_sem_motivo() {
    let problemas =
        julgado(&[&[(0, 1, Reservou, &[3]), (2, 3, Devolveu, &[3])], &[(4, 5, NaoReservou, &[3, 4])]], &[]);
    assert_eq!(problemas, [Problema::RecusaSemMotivo { quem: B, grupo: grupo(&[3, 4]) }]);
}

/// O que parece errado e tem explicação: nada disto pode ser condenado.
#[test]
fn historias_estranhas_mas_verdadeiras() {
    let historias: [Historia<'_>; 9] = [
        (
            "a devolução acaba depois de o outro ganhar, mas pode ter acontecido antes",
            &[&[(0, 1, Reservou, &[4]), (10, 30, Devolveu, &[4])], &[(5, 12, Reservou, &[4])]],
            &[4],
        ),
        (
            "tudo no mesmo tique do relógio",
            &[
                &[(5, 5, Reservou, &[4]), (5, 5, Devolveu, &[4])],
                &[(5, 5, Reservou, &[4]), (5, 5, Listou, &[4])],
            ],
            &[4],
        ),
        (
            "uma devolução e a reserva de outro que se tocam num tique",
            &[&[(0, 1, Reservou, &[4]), (10, 20, Devolveu, &[4])], &[(5, 10, Reservou, &[4])]],
            &[4],
        ),
        (
            "a lista começou antes do fim da reserva: pode não a ter visto",
            &[&[(0, 10, Reservou, &[3, 13])], &[(10, 20, Listou, &[])]],
            &[3, 13],
        ),
        (
            "a lista começou antes do fim da devolução: pode não a ter visto",
            &[&[(0, 1, Reservou, &[3, 13]), (5, 10, Devolveu, &[3, 13])], &[(10, 20, Listou, &[3, 13])]],
            &[],
        ),
        (
            "um dos assentos do grupo era antes de outro: a lista viu o de antes, e o grupo ainda não",
            &[
                &[(0, 1, Reservou, &[3]), (10, 30, Devolveu, &[3])],
                &[(12, 40, Reservou, &[3, 13])],
                &[(11, 35, Listou, &[3])],
            ],
            &[3, 13],
        ),
        (
            "o mesmo, e a devolução já tinha acabado quando a lista acabou",
            &[
                &[(0, 1, Reservou, &[3]), (10, 11, Devolveu, &[3])],
                &[(12, 40, Reservou, &[3, 13])],
                &[(5, 35, Listou, &[3])],
            ],
            &[3, 13],
        ),
        (
            "a recusa viu quem devolvia enquanto ela acontecia",
            &[&[(0, 1, Reservou, &[3]), (4, 6, Devolveu, &[3])], &[(5, 20, NaoReservou, &[3])]],
            &[],
        ),
        (
            "a recusa viu quem reservou e devolveu inteiramente durante ela",
            &[&[(2, 3, Reservou, &[3]), (4, 5, Devolveu, &[3])], &[(1, 20, NaoReservou, &[3])]],
            &[],
        ),
    ];
    for (historia, threads, no_fim) in historias {
        assert_eq!(julgado(threads, no_fim), [], "{historia}");
    }
}

#[test]
fn cada_problema_se_diz_numa_linha() {
    let problema = Problema::ReservaDuplicada { assento: assento(4), de: A, tambem_de: B };
    assert_eq!(
        problema.to_string(),
        "reserva duplicada: o assento 4 foi da thread 1 e da thread 2 ao mesmo tempo"
    );
    let meio = Problema::MeioGrupo { quem: B, grupo: grupo(&[3, 13]), livres: grupo(&[13]) };
    assert_eq!(meio.to_string(), "visão inconsistente: a thread 2 viu metade do grupo 3 13, com 13 livre");
}
