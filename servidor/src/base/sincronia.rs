//! O único lugar de onde o servidor importa mutexes, variáveis de condição e threads.
//!
//! Com a feature `shuttle`, as mesmas palavras passam a ser as de um explorador de escalonamentos, e o código que
//! sincroniza é o mesmo que os modelos em `tests/modelos` exploram. Nada aqui conhece a sala.

pub use std::sync::Arc;
pub use std::thread::JoinHandle;

#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Cria uma thread com nome e pilha de `pilha_bytes`. Quem não precisa esperá-la pode soltar o que se devolve.
///
/// Erros: o sistema negou a thread (limite de processos, de memória).
pub fn criar_thread(
    nome: String,
    pilha_bytes: usize,
    corpo: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(nome).stack_size(pilha_bytes).spawn(corpo)
}

/// Dorme este tempo. Só para quem não tem condição nenhuma por que esperar.
#[expect(clippy::disallowed_methods, reason = "este é o módulo que importa as threads")]
pub fn dormir(quanto: std::time::Duration) {
    std::thread::sleep(quanto);
}

/// Faz as duas coisas ao mesmo tempo, a primeira numa thread que acaba aqui mesmo.
///
/// Erros: o sistema negou a thread.
pub fn ao_mesmo_tempo<A: Send, B>(
    nome: &str,
    uma: impl FnOnce() -> A + Send,
    outra: impl FnOnce() -> B,
) -> std::io::Result<(A, B)> {
    std::thread::scope(|escopo| {
        let uma = std::thread::Builder::new().name(nome.to_owned()).spawn_scoped(escopo, uma)?;
        let outra = outra();
        Ok((uma.join().unwrap_or_else(|panico| std::panic::resume_unwind(panico)), outra))
    })
}

#[cfg(not(feature = "shuttle"))]
pub use std::thread::yield_now as ceder;

#[cfg(feature = "shuttle")]
pub use shuttle::thread::yield_now as ceder;

#[cfg(feature = "shuttle")]
pub use calco::{Condvar, Mutex, MutexGuard};
#[cfg(feature = "shuttle")]
pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// O shuttle tem a forma da biblioteca padrão; este calço lhe dá a de parking_lot: sem veneno, e a variável de
/// condição recebe a guarda por referência.
#[cfg(feature = "shuttle")]
mod calco {
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;
    use std::time::Duration;

    /// Mutex com a forma do de parking_lot.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    /// Guarda que a variável de condição pode pegar emprestada.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        /// Um mutex aberto.
        pub const fn new(valor: T) -> Self {
            Self(shuttle::sync::Mutex::new(valor))
        }

        /// Fecha o mutex.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().expect("a guarda só falta durante a espera")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("a guarda só falta durante a espera")
        }
    }

    /// Variável de condição com a forma da de parking_lot.
    #[derive(Debug, Default)]
    pub struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        /// Uma variável em que ninguém espera.
        pub const fn new() -> Self {
            Self(shuttle::sync::Condvar::new())
        }

        /// Solta a guarda, dorme e a pega de volta.
        pub fn wait<T>(&self, guarda: &mut MutexGuard<'_, T>) {
            let dentro = guarda.0.take().expect("a guarda só falta durante a espera");
            guarda.0 = Some(self.0.wait(dentro).unwrap_or_else(PoisonError::into_inner));
        }

        /// Como [`Condvar::wait`]: no shuttle o prazo nunca vence, e nenhum modelo pode depender dele.
        pub fn wait_for<T>(&self, guarda: &mut MutexGuard<'_, T>, _prazo: Duration) -> Vencimento {
            self.wait(guarda);
            Vencimento
        }

        /// Acorda um.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Acorda todos.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// O resultado de uma espera com prazo.
    #[derive(Clone, Copy, Debug)]
    pub struct Vencimento;

    impl Vencimento {
        /// Se o prazo venceu: no shuttle, nunca.
        pub const fn timed_out(self) -> bool {
            false
        }
    }
}
