//! O terminal do operador: teclas sem Enter, e sempre de volta como estava.
//!
//! Só mexe no modo do terminal da entrada padrão. Não usa o modo cru: o Ctrl-C continua um sinal, e as linhas que se
//! mostram enquanto isso continuam terminando onde devem.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Como o terminal estava quando o programa começou.
static ANTES: OnceLock<Termios> = OnceLock::new();

/// Passa o terminal a entregar cada tecla na hora, sem mostrá-la; diz se conseguiu.
///
/// Não mexe numa entrada que não é terminal, nem quando o programa roda ao fundo: mexer, ou ler, o faria parar.
pub fn preparar() -> bool {
    let entrada = io::stdin();
    if !ha_terminal() || !em_primeiro_plano() {
        return false;
    }
    let Ok(atual) = tcgetattr(&entrada) else { return false };
    let mut novo = ANTES.get_or_init(|| atual).clone();
    novo.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(&entrada, OptionalActions::Now, &novo).is_ok()
}

/// Diz se a entrada padrão é um terminal.
pub fn ha_terminal() -> bool {
    io::stdin().is_terminal()
}

fn em_primeiro_plano() -> bool {
    tcgetpgrp(io::stdin()).ok() == Some(getpgrp())
}

/// Devolve o terminal como estava. Pode ser chamada a qualquer hora, e mais de uma vez. Ao fundo, ele é de outro.
pub fn restaurar() {
    if let Some(antes) = ANTES.get().filter(|_| em_primeiro_plano()) {
        // Se o terminal se foi, não há o que devolver.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, antes);
    }
}

/// Enquanto vive, o terminal entrega teclas; solto, fica como estava.
#[derive(Debug)]
pub struct Teclado;

impl Drop for Teclado {
    fn drop(&mut self) {
        restaurar();
    }
}
