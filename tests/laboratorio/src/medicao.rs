//! Põe as threads a trabalhar sobre uma técnica e anota cada operação, com a hora em que começou e em que acabou.
//!
//! Anotar é pôr no fim de um vetor que é só da thread: não inventa ordem nem trava entre elas.
#![expect(clippy::disallowed_methods, reason = "medir o tempo é o que este módulo faz")]

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use juiz::intervalos::{Feito, Operacao, Quem};
use parking_lot::RwLock;
use protocolo::Assentos;

use crate::carga::{Carga, Pedido};
use crate::impasse::Impasses;
use crate::tecnicas::{Exclusao, Tecnica};

/// Quantas operações se anotam numa medição, somadas as threads: quase duzentos MiB. A que chega a tanto acaba antes.
pub const ANOTACOES_MAX: usize = 4_000_000;

/// Quanto trabalhar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quanto {
    /// Este tempo, ou até encher as anotações.
    Tempo(Duration),
    /// Estas operações cada thread.
    Operacoes(usize),
}

/// Tudo o que se anotou de uma medição.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anotado {
    /// As operações de cada thread, na ordem em que as fez.
    pub threads: Vec<Vec<Operacao>>,
    /// Os ocupados, depois que todas acabaram.
    pub no_fim: Assentos,
    /// Os impasses que a técnica achou e desfez.
    pub impasses: Impasses,
}

/// Roda `tecnica` com tantas threads, que começam juntas.
///
/// Erros: o sistema negou uma thread.
pub fn medir(tecnica: Tecnica, threads: usize, quanto: Quanto, semente: u64) -> io::Result<Anotado> {
    let sala = (tecnica.criar)(threads);
    let turno = Turno { sala: &*sala, cota: ANOTACOES_MAX / threads, quanto, comeco: Instant::now() };
    let (largada, fim) = (RwLock::new(()), AtomicBool::new(false));
    let threads = thread::scope(|escopo| {
        // Cada uma espera para ler até que isto se solte, mesmo que falte alguma.
        let fechada = largada.write();
        let criadas: io::Result<Vec<_>> = (0..threads)
            .map(|numero| {
                let (largada, fim, quem) = (&largada, &fim, Quem(numero));
                let carga = Carga::new(semente, quem);
                thread::Builder::new().name(format!("lab-{}", numero + 1)).spawn_scoped(escopo, move || {
                    drop(largada.read());
                    turno.trabalhar(quem, carga, fim)
                })
            })
            .collect();
        if criadas.is_err() {
            fim.store(true, Ordering::Relaxed);
        }
        drop(fechada);
        let juntar = |uma: ScopedJoinHandle<'_, _>| uma.join().unwrap_or_else(|panico| resume_unwind(panico));
        criadas.map(|criadas| criadas.into_iter().map(juntar).collect())
    })?;
    Ok(Anotado { threads, no_fim: sala.listar(Quem(0)), impasses: sala.impasses() })
}

/// O que todas as threads de uma medição têm em comum.
#[derive(Clone, Copy)]
struct Turno<'a> {
    sala: &'a dyn Exclusao,
    /// Quantas operações cada thread pode anotar.
    cota: usize,
    quanto: Quanto,
    comeco: Instant,
}

impl Turno<'_> {
    /// O laço que se mede. Quem enche a sua cota acaba com o trabalho de todas.
    fn trabalhar(self, quem: Quem, mut carga: Carga, fim: &AtomicBool) -> Vec<Operacao> {
        let (operacoes, duracao) = match self.quanto {
            Quanto::Tempo(duracao) => (self.cota, duracao),
            Quanto::Operacoes(operacoes) => (operacoes.min(self.cota), Duration::MAX),
        };
        let ate = self.agora().saturating_add(nanossegundos(duracao));
        let mut feitas: Vec<Operacao> = Vec::with_capacity(operacoes);
        while feitas.len() < operacoes && !fim.load(Ordering::Relaxed) {
            let pedido = carga.proximo();
            let inicio = self.agora();
            let feito = self.fazer(quem, pedido);
            let acabou = self.agora();
            if let Feito::Reservou(grupo) = feito {
                carga.ganhou(grupo);
            }
            feitas.push(Operacao { inicio, fim: acabou, feito });
            if acabou >= ate {
                return feitas;
            }
        }
        if let Quanto::Tempo(_) = self.quanto {
            fim.store(true, Ordering::Relaxed);
        }
        feitas
    }

    fn fazer(self, quem: Quem, pedido: Pedido) -> Feito {
        match pedido {
            Pedido::Listar => Feito::Listou(self.sala.listar(quem)),
            Pedido::Reservar(grupo) if self.sala.reservar(quem, grupo) => Feito::Reservou(grupo),
            Pedido::Reservar(grupo) => Feito::NaoReservou(grupo),
            Pedido::Devolver(grupo) if self.sala.devolver(quem, grupo) => Feito::Devolveu(grupo),
            Pedido::Devolver(grupo) => Feito::DevolveuOPerdido(grupo),
        }
    }

    fn agora(self) -> u64 {
        nanossegundos(self.comeco.elapsed())
    }
}

fn nanossegundos(duracao: Duration) -> u64 {
    u64::try_from(duracao.as_nanos()).unwrap_or(u64::MAX)
}
