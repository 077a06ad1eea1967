//! Uma trava por fileira, e cada thread as toma na ordem que quer: começa numa fileira sua e dá a volta. É assim que
//! acontece um impasse. Quem o fecharia desiste: solta tudo, espera de mãos vazias e tenta outra vez.

use std::array;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use protocolo::Assentos;

use super::Exclusao;
use super::fileiras::{NaMao, juntar, mudar};
use crate::impasse::{Esperas, Impasses};
use crate::sala::{FILEIRAS, fileira};
use juiz::intervalos::Quem;

/// O cinto além dos suspensórios: mesmo que o grafo não visse um impasse, ninguém esperaria mais que isto.
const PRAZO: Duration = Duration::from_secs(1);

/// A sala em dez fileiras, e o grafo de quem espera por quem.
#[derive(Debug)]
pub struct SemOrdem {
    fileiras: [Mutex<Assentos>; FILEIRAS],
    esperas: Esperas,
    /// Quem desistiu tenta de novo sozinho: se todos os que desistem voltassem juntos, desistiriam juntos, sem fim.
    segunda_vez: Mutex<()>,
}

impl SemOrdem {
    /// Uma sala vazia para tantas threads.
    pub fn new(threads: usize) -> Self {
        Self {
            fileiras: array::from_fn(|_| Mutex::default()),
            esperas: Esperas::new(threads),
            segunda_vez: Mutex::default(),
        }
    }

    /// Fecha as fileiras destes assentos, uma a uma, na ordem de `quem`.
    fn fechar(&self, quem: Quem, assentos: Assentos) -> NaMao<'_> {
        let volta = (0..FILEIRAS).map(|passo| (quem.0 + passo) % FILEIRAS);
        let ordem = volta.filter(|qual| !(fileira(*qual) & assentos).is_empty());
        self.fechar_em_ordem(quem, &ordem, |_| ())
    }

    /// Fecha estas fileiras, nesta ordem. `fechou` é chamada depois de cada uma.
    pub fn fechar_em_ordem(
        &self,
        quem: Quem,
        ordem: &(impl Iterator<Item = usize> + Clone),
        mut fechou: impl FnMut(usize),
    ) -> NaMao<'_> {
        let mut segunda_vez = None;
        'de_novo: loop {
            let mut na_mao = NaMao::default();
            for qual in ordem.clone() {
                let Some(guarda) = self.esperar(quem, &na_mao, qual) else {
                    // Alguém tem de ceder. De mãos vazias pode-se esperar sem prender ninguém.
                    drop(na_mao);
                    segunda_vez.get_or_insert_with(|| self.segunda_vez.lock());
                    drop(self.fileiras[qual].try_lock_for(PRAZO));
                    continue 'de_novo;
                };
                na_mao[qual] = Some(guarda);
                fechou(qual);
            }
            return na_mao;
        }
    }

    /// Espera por esta fileira com outras na mão. `None`: esperar fecharia um ciclo.
    fn esperar(&self, quem: Quem, na_mao: &NaMao<'_>, qual: usize) -> Option<MutexGuard<'_, Assentos>> {
        let trava = &self.fileiras[qual];
        if let Some(guarda) = trava.try_lock() {
            return Some(guarda);
        }
        let tem = array::from_fn(|fileira| na_mao[fileira].is_some());
        let _espera = self.esperas.entrar(quem, tem, qual)?;
        let guarda = trava.try_lock_for(PRAZO);
        if guarda.is_none() {
            self.esperas.anotar_prazo();
        }
        guarda
    }
}

impl Exclusao for SemOrdem {
    fn reservar(&self, quem: Quem, assentos: Assentos) -> bool {
        mudar(&mut self.fechar(quem, assentos), |sala| sala.reservar(assentos))
    }

    fn devolver(&self, quem: Quem, assentos: Assentos) -> bool {
        mudar(&mut self.fechar(quem, assentos), |sala| sala.devolver(assentos))
    }

    fn listar(&self, quem: Quem) -> Assentos {
        juntar(&self.fechar(quem, Assentos::TODOS)).listar()
    }

    fn impasses(&self) -> Impasses {
        self.esperas.achados()
    }
}
