//! A campainha de uma thread que serve a todos: quem precisa dela toca, e ela acorda.
//!
//! Um toque não se perde, venha antes ou durante o sono, e dois valem um. O toque comum espera que ela queira ouvi-lo; o urgente a
//! acorda sempre. Não sabe por que se toca.

use std::time::Duration;

use super::sincronia::{Condvar, Mutex};

/// Onde uma thread só dorme, até que alguém toque.
#[derive(Debug, Default)]
pub struct Campainha {
    dentro: Mutex<Estado>,
    tocou: Condvar,
}

#[derive(Debug, Default)]
struct Estado {
    toques: Toques,
    dorme: Sono,
}

/// O que se tocou desde a última vez que se ouviu.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Toques {
    /// Há o que fazer, sem pressa.
    pub comum: bool,
    /// Há o que fazer já.
    pub urgente: bool,
    /// Não é mais preciso ficar.
    pub dispensa: bool,
}

/// A que toques acorda quem dorme.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sono {
    /// A todos.
    #[default]
    Leve,
    /// Só aos urgentes e à dispensa: um toque comum fica para depois.
    Pesado,
}

impl Estado {
    const fn acorda(&self) -> bool {
        let comum = self.toques.comum && matches!(self.dorme, Sono::Leve);
        comum || self.toques.urgente || self.toques.dispensa
    }
}

impl Campainha {
    /// Há o que fazer, sem pressa.
    pub fn tocar(&self) {
        self.marcar(|toques| &mut toques.comum);
    }

    /// Há o que fazer já.
    pub fn tocar_com_urgencia(&self) {
        self.marcar(|toques| &mut toques.urgente);
    }

    /// Dispensa quem dorme aqui, ou volta a precisar dele.
    pub fn dispensar(&self, dispensa: bool) {
        self.dentro.lock().toques.dispensa = dispensa;
        self.tocou.notify_one();
    }

    fn marcar(&self, qual: impl FnOnce(&mut Toques) -> &mut bool) {
        let mut dentro = self.dentro.lock();
        let acordava = dentro.acorda();
        *qual(&mut dentro.toques) = true;
        let acorda = !acordava && dentro.acorda();
        drop(dentro);
        // Quem já ia acordar não precisa de outro aviso.
        if acorda {
            self.tocou.notify_one();
        }
    }

    /// Dorme até um toque a que este sono acorde, e no máximo `prazo`; devolve os toques, que se apagam (menos a dispensa, que fica). Pode
    /// acordar antes, sem toque nenhum, se há prazo: quem chama olha o relógio.
    pub fn ouvir(&self, sono: Sono, prazo: Option<Duration>) -> Toques {
        let mut dentro = self.dentro.lock();
        dentro.dorme = sono;
        match prazo {
            None => {
                while !dentro.acorda() {
                    self.tocou.wait(&mut dentro);
                }
            }
            Some(prazo) => {
                if !dentro.acorda() {
                    self.tocou.wait_for(&mut dentro, prazo);
                }
            }
        }
        let ouvidos = Toques { comum: dentro.toques.comum && sono == Sono::Leve, ..dentro.toques };
        dentro.toques.urgente = false;
        dentro.toques.comum &= sono == Sono::Pesado;
        drop(dentro);
        ouvidos
    }
}
