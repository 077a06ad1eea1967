//! O que se sabe de cada lote: se já está gravado, se foi recusado, ou se não se grava mais nada.
//!
//! É por aqui que uma resposta espera antes de sair: ou a sua thread dorme até a decisão, ou deixa aqui alguma coisa, que quem decide
//! leva. O que se deixa é de quem deixou: aqui só se guarda. Tem uma trava só sua. Não grava nada e não conhece a sala.

use protocolo::Versao;

use super::sincronia::{Condvar, Mutex};

/// As decisões sobre os lotes, e o que se deixou com cada um que ainda não se decidiu.
#[derive(Debug)]
pub struct Lotes<T> {
    dentro: Mutex<Decisoes<T>>,
    /// Quem espera pelo lote `n` dorme na variável de `n % 2`: só há dois lotes por decidir, o que se grava e o que se junta,
    /// e assim acorda só quem pode seguir.
    decidiram: [Condvar; 2],
}

#[derive(Debug)]
struct Decisoes<T> {
    /// Até este lote tudo está decidido.
    ate: u64,
    /// Os lotes que não foram gravados, em faixas, em ordem; os outros foram.
    recusados: Vec<Recusados>,
    /// Por que não se grava mais nada, se é o caso.
    motivo: Option<String>,
    /// O que se deixou com o lote `n`, em `n % 2`.
    deixadas: [Vec<T>; 2],
}

impl<T> Default for Lotes<T> {
    fn default() -> Self {
        let dentro =
            Decisoes { ate: 0, recusados: Vec::new(), motivo: None, deixadas: [Vec::new(), Vec::new()] };
        Self { dentro: Mutex::new(dentro), decidiram: [Condvar::new(), Condvar::new()] }
    }
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

impl<T> Decisoes<T> {
    /// O que se decidiu do lote; `None` se ainda não se decidiu nada.
    fn de(&self, lote: u64) -> Option<Decisao> {
        if self.ate < lote {
            return self.motivo.is_some().then_some(Decisao::Parou);
        }
        // Quem pergunta quer saber de um lote recente: procura-se do fim.
        let recusado = self.recusados.iter().rfind(|faixa| (faixa.de..=faixa.ate).contains(&lote));
        Some(recusado.map_or(Decisao::Gravado, |faixa| Decisao::Recusado(faixa.versao)))
    }
}

impl<T> Lotes<T> {
    /// Dorme até que o lote se decida. O lote zero, de que nada depende, está sempre gravado.
    pub fn esperar(&self, lote: u64) -> Decisao {
        let mut dentro = self.dentro.lock();
        let decisao = loop {
            match dentro.de(lote) {
                Some(decisao) => break decisao,
                None => self.de(lote).wait(&mut dentro),
            }
        };
        drop(dentro);
        decisao
    }

    /// O que se decidiu do lote; `None` se ainda não se decidiu nada.
    pub fn decisao(&self, lote: u64) -> Option<Decisao> {
        self.dentro.lock().de(lote)
    }

    /// Deixa com o lote o que `deixar` der, que sai com a decisão; se ela já se tomou, não deixa nada. Diz se deixou.
    pub fn deixar(&self, lote: u64, deixar: impl FnOnce() -> T) -> bool {
        let mut dentro = self.dentro.lock();
        let espera = dentro.de(lote).is_none();
        if espera {
            dentro.deixadas[par(lote)].push(deixar());
        }
        espera
    }

    /// O lote, e os de antes, estão gravados. Devolve o que se deixou com ele.
    #[must_use]
    pub fn gravou(&self, lote: u64) -> Vec<T> {
        let mut dentro = self.dentro.lock();
        dentro.ate = lote;
        let deixadas = std::mem::take(&mut dentro.deixadas[par(lote)]);
        drop(dentro);
        self.de(lote).notify_all();
        deixadas
    }

    /// Os lotes de `de` a `ate` foram desfeitos, e a sala ficou na versão dita. Devolve o que se deixou com eles.
    #[must_use]
    pub fn recusou(&self, de: u64, ate: u64, versao: Versao) -> Vec<T> {
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

    /// Não se grava mais nada, por este motivo: quem espera não espera mais. Devolve o que se deixou.
    #[must_use]
    pub fn parar(&self, motivo: String) -> Vec<T> {
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
