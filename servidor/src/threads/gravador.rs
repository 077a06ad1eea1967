//! Quem grava: uma thread leva o que mudou, grava num lote só e conta a quem espera.
//!
//! Enquanto um lote se grava, o seguinte se junta: quanto mais lento o disco, maior o lote (*group commit*: D. DeWitt e
//! outros, "Implementation techniques for main memory database systems", 1984). A ordem do lote é a da sala. Nada aqui
//! acontece dentro da seção crítica, nem decide o que se responde.

use std::io;
use std::time::Duration;

use log::{error, info, warn};

use super::auxiliar::Auxiliar;
use crate::armazem::{Armazem, Falha};
use crate::base::sincronia::{Arc, ceder};
use crate::limites::{GRAVADOR_PILHA_BYTES, GRAVADOR_RONDA_US, REGRAVAR_MS};
use crate::monitor::Lote;
use crate::rede::correio::Correio;
use crate::rede::parada::Parada;
use crate::servico::Servico;

/// Depois de uma recusa do disco, de quanto em quanto tempo se tenta gravar o que venceu.
const REGRAVAR: Duration = Duration::from_millis(REGRAVAR_MS);

/// Depois de um lote de uma mudança só, quanto se espera acordado pela seguinte.
const RONDA: Duration = Duration::from_micros(GRAVADOR_RONDA_US);

/// Começa a gravar o que muda; se um dia não puder mais, pede a parada. Ao ser solta, a thread grava antes o que falta.
///
/// Erros: o sistema negou a thread.
pub fn iniciar(servico: &Arc<Servico>, parada: &Parada) -> io::Result<Auxiliar> {
    let parada = parada.clone();
    let (seu, dela) = (Arc::clone(servico), Arc::clone(servico));
    Auxiliar::new(
        "gravador",
        GRAVADOR_PILHA_BYTES,
        move |dispensado| seu.monitor.dispensar_gravador(dispensado),
        move || Gravador { servico: &dela, parada }.gravar_tudo(),
    )
}

/// O que a thread que grava tem à mão.
struct Gravador<'a> {
    servico: &'a Servico,
    parada: Parada,
}

/// Só chega ao `drop` se a thread que grava entrou em pânico: quem espera por ela não espera para sempre.
struct SemPanico<'a>(&'a Gravador<'a>);

impl Drop for SemPanico<'_> {
    fn drop(&mut self) {
        self.0.parar("defeito na thread que grava".to_owned());
    }
}

impl Gravador<'_> {
    fn gravar_tudo(&self) {
        let guarda = SemPanico(self);
        self.gravar_ate_o_fim();
        std::mem::forget(guarda);
    }

    /// Não se grava mais nada, e o servidor para.
    fn parar(&self, motivo: String) {
        let Correio { lotes, caixa, .. } = &*self.servico.correio;
        caixa.por(lotes.parar(motivo));
        self.parada.pedir();
    }

    fn gravar_ate_o_fim(&self) {
        let servico = self.servico;
        // Só esta thread usa o armazém: a trava não se disputa, e o guarda entre um reinício e outro.
        let mut armazem = servico.armazem.lock();
        let mut recusou = false;
        while let Some(lote) = servico.monitor.tirar_lote() {
            let sozinha = lote.registros.len() == 1;
            match self.gravar(&mut **armazem, lote) {
                Ok(()) if recusou => {
                    info!("voltou a ser possível gravar");
                    recusou = false;
                }
                Ok(()) if sozinha => rondar(servico),
                Ok(()) => {}
                Err(falha @ Falha::Indisponivel(_)) => {
                    if !std::mem::replace(&mut recusou, true) {
                        warn!("{falha}; o que se pede é recusado, e consultar continua possível");
                    }
                }
                Err(falha) => {
                    error!("{falha}; o servidor para, para não dizer que guardou o que talvez tenha perdido");
                    self.parar(falha.to_string());
                    return;
                }
            }
        }
    }

    /// Grava o lote e conta o que houve; só devolve erro depois de o ter desfeito, ou se não há como seguir.
    fn gravar(&self, armazem: &mut dyn Armazem, lote: Lote) -> Result<(), Falha> {
        let Servico { monitor, correio, contadores, relogio, .. } = self.servico;
        let Correio { lotes, caixa, .. } = &**correio;
        let numero = lote.numero;
        match armazem.gravar(&lote.registros) {
            Ok(()) => {
                monitor.gravou(numero);
                caixa.por(lotes.gravou(numero));
                contadores.lotes.somar(1);
                contadores.gravadas.somar(lote.registros.len() as u64);
                Ok(())
            }
            Err(falha @ Falha::Indisponivel(_)) => {
                let (ate, versao) = monitor.desfazer(lote, relogio.agora().somar(REGRAVAR));
                caixa.por(lotes.recusou(numero, ate, versao));
                Err(falha)
            }
            Err(falha) => Err(falha),
        }
    }
}

/// Antes de dormir, espera um pouco acordada: quem pede sozinho pede de novo mal ouve a resposta, e acordar uma thread demora
/// mais do que isso. Numa máquina ocupada, ceder a vez uma só vez já demora o prazo inteiro.
fn rondar(Servico { monitor, relogio, .. }: &Servico) {
    let ate = relogio.agora().somar(RONDA);
    while !monitor.ha_lote() && relogio.agora() < ate {
        ceder();
    }
}
