//! A thread que faz vencer os prazos: dorme até o próximo, e é acordada quando um anterior a ele aparece.
//!
//! Não há ronda: sem prazos por vencer, ela não acorda nunca. Não decide nada; quem sabe o que vence é a sala.

use std::io;

use super::auxiliar::Auxiliar;
use crate::base::sincronia::Arc;
use crate::limites::PILHA_BYTES;
use crate::servico::Servico;
use crate::tela::narracao;

/// Começa a cuidar dos prazos do serviço.
///
/// Erros: o sistema negou a thread.
pub fn iniciar(servico: &Arc<Servico>) -> io::Result<Auxiliar> {
    let (seu, dela) = (Arc::clone(servico), Arc::clone(servico));
    Auxiliar::new(
        "vencimentos",
        PILHA_BYTES,
        move |dispensado| seu.monitor.dispensar_vigia(dispensado),
        move || vigiar(&dela),
    )
}

fn vigiar(servico: &Servico) {
    loop {
        let agora = servico.relogio.agora();
        servico.monitor.vencer(agora).into_iter().for_each(narracao::venceu);
        if !servico.monitor.dormir_ate_vencer(agora) {
            return;
        }
    }
}
