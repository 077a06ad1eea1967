//! O que se sabe de cada lote: se já está gravado, se foi recusado, ou se não se grava mais nada.
//!
//! É por aqui que uma resposta espera antes de sair: ou a sua thread dorme, ou ela fica com quem grava. Tem uma trava só sua:
//! quem espera pelo disco não fecha a da sala. Não grava nada e não escreve no socket.

use protocolo::Versao;

use crate::base::sincronia::{Arc, Condvar, Mutex};
use crate::rede::entrega::Entrega;
use crate::rede::saida::Saida;

/// As decisões sobre os lotes.
#[derive(Debug, Default)]
pub struct Gravacao {
    dentro: Mutex<Decisoes>,
    /// Quem espera pelo lote `n` dorme na variável de `n % 2`: só há dois lotes por decidir, o que se grava e o que se junta,
    /// e assim acorda só quem pode seguir.
    decidiram: [Condvar; 2],
}

#[derive(Debug, Default)]
struct Decisoes {
    /// Até este lote tudo está decidido.
    ate: u64,
    /// Os lotes que não foram gravados, em faixas, em ordem; os outros foram.
    recusados: Vec<Recusados>,
    /// Por que não se grava mais nada, se é o caso.
    motivo: Option<String>,
    /// O que se deixou para sair quando o lote `n` se decidir, em `n % 2`.
    deixadas: [Vec<Arc<Entrega>>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Recusados {
    de: u64,
    ate: u64,
    versao: Versao,
}

/// O que aconteceu com um lote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decisao {
    /// Está gravado: o que depende dele se pode dizer.
    Gravado,
    /// Foi recusado e desfeito: a sala ficou nesta versão.
    Recusado(Versao),
    /// Não se sabe, e não se grava mais nada.
    Parou,
}

impl Gravacao {
    /// Dorme até que se decida o lote. O lote zero, de que nada depende, está sempre gravado.
    pub fn esperar(&self, lote: u64) -> Decisao {
        let mut dentro = self.dentro.lock();
        while dentro.ate < lote {
            if dentro.motivo.is_some() {
                return Decisao::Parou;
            }
            self.de(lote).wait(&mut dentro);
        }
        let recusado = dentro.recusados.iter().find(|faixa| (faixa.de..=faixa.ate).contains(&lote)).copied();
        drop(dentro);
        recusado.map_or(Decisao::Gravado, |faixa| Decisao::Recusado(faixa.versao))
    }

    /// Deixa a saída com a entrega, que sai quando o lote se decidir; se ele já está decidido, não faz nada. Diz se deixou.
    pub fn deixar(&self, lote: u64, entrega: &Arc<Entrega>, saida: &mut Saida) -> bool {
        let mut dentro = self.dentro.lock();
        let espera = dentro.ate < lote && dentro.motivo.is_none();
        if espera {
            entrega.levar(saida);
            dentro.deixadas[par(lote)].push(Arc::clone(entrega));
        }
        espera
    }

    /// O lote, e os de antes, estão gravados. Volta o que agora pode sair.
    #[must_use]
    pub fn gravou(&self, lote: u64) -> Vec<Arc<Entrega>> {
        let mut dentro = self.dentro.lock();
        dentro.ate = lote;
        let deixadas = std::mem::take(&mut dentro.deixadas[par(lote)]);
        drop(dentro);
        self.de(lote).notify_all();
        deixadas
    }

    /// Os lotes de `de` a `ate` foram desfeitos, e a sala ficou na versão dita. Volta o que agora pode sair.
    #[must_use]
    pub fn recusou(&self, de: u64, ate: u64, versao: Versao) -> Vec<Arc<Entrega>> {
        let mut dentro = self.dentro.lock();
        dentro.ate = ate;
        match dentro.recusados.last_mut() {
            // Com o disco cheio, uma recusa segue a outra, e a sala não muda.
            Some(ultima) if ultima.ate + 1 == de && ultima.versao == versao => ultima.ate = ate,
            _ => dentro.recusados.push(Recusados { de, ate, versao }),
        }
        let deixadas = std::mem::take(&mut dentro.deixadas);
        drop(dentro);
        self.acordar_todos();
        deixadas.into_iter().flatten().collect()
    }

    /// Não se grava mais nada, por este motivo: quem espera não espera mais. Volta o que não vai sair.
    #[must_use]
    pub fn parar(&self, motivo: String) -> Vec<Arc<Entrega>> {
        let mut dentro = self.dentro.lock();
        dentro.motivo = Some(motivo);
        let deixadas = std::mem::take(&mut dentro.deixadas);
        drop(dentro);
        self.acordar_todos();
        deixadas.into_iter().flatten().collect()
    }

    /// Por que não se grava mais nada, se é o caso.
    pub fn motivo(&self) -> Option<String> {
        self.dentro.lock().motivo.clone()
    }

    const fn de(&self, lote: u64) -> &Condvar {
        &self.decidiram[par(lote)]
    }

    fn acordar_todos(&self) {
        self.decidiram.iter().for_each(|lotes| {
            lotes.notify_all();
        });
    }
}

const fn par(lote: u64) -> usize {
    (lote % 2) as usize
}
