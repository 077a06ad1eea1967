//! As técnicas, uma por arquivo, atrás da mesma interface, e a tabela de todas. Nenhuma mede nem julga: só excluem.

mod cas;
mod fileiras;
mod justo;
mod leitores;
mod monitor;
mod mutex;
mod nenhuma;
mod padrao;
mod sem_ordem;
mod semaforo;
mod token;

pub use sem_ordem::SemOrdem;

use std::fmt;

use protocolo::Assentos;

use crate::impasse::Impasses;
use juiz::intervalos::Quem;

/// Uma sala que várias threads usam ao mesmo tempo.
///
/// Uma técnica certa faz cada chamada acontecer num instante só, entre o seu começo e o seu fim, para todos os assentos.
pub trait Exclusao: Sync {
    /// Ocupa todos estes assentos, se todos estão livres; senão, nenhum. Diz se ocupou.
    fn reservar(&self, quem: Quem, assentos: Assentos) -> bool;
    /// Libera estes assentos, que são de `quem`. Diz se ainda estavam todos ocupados: se não, alguém desfez o que se fez.
    fn devolver(&self, quem: Quem, assentos: Assentos) -> bool;
    /// Os assentos ocupados.
    fn listar(&self, quem: Quem) -> Assentos;
    /// Os impasses que a técnica achou em si mesma e desfez.
    fn impasses(&self) -> Impasses {
        Impasses::default()
    }
}

/// Uma técnica na tabela.
#[derive(Clone, Copy)]
pub struct Tecnica {
    /// O nome, como `--so` o quer.
    pub nome: &'static str,
    /// O que é, numa linha.
    pub resumo: &'static str,
    /// Se o juiz não deve achar nada nela.
    pub certa: bool,
    /// Uma sala vazia para tantas threads.
    pub criar: fn(usize) -> Box<dyn Exclusao>,
}

impl fmt::Debug for Tecnica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.nome)
    }
}

/// Todas as técnicas, na ordem em que se contam numa aula.
pub const TECNICAS: [Tecnica; 11] = [
    Tecnica {
        nome: "nenhuma",
        resumo: "nenhuma exclusão: copia a sala, decide, cede a vez, escreve de volta",
        certa: false,
        criar: |_| Box::<nenhuma::Nenhuma>::default(),
    },
    Tecnica {
        nome: "mutex",
        resumo: "um mutex, o da biblioteca padrão",
        certa: true,
        criar: |_| Box::<padrao::MutexPadrao>::default(),
    },
    Tecnica {
        nome: "parking_lot",
        resumo: "um mutex, o da crate parking_lot, que o servidor usa",
        certa: true,
        criar: |_| Box::<mutex::UmMutex>::default(),
    },
    Tecnica {
        nome: "justo",
        resumo: "o mesmo mutex, que ao abrir é entregue a quem espera há mais tempo",
        certa: true,
        criar: |_| Box::<justo::Justo>::default(),
    },
    Tecnica {
        nome: "leitura-escrita",
        resumo: "uma trava de leitura e escrita: quem só lista entra junto",
        certa: true,
        criar: |_| Box::<leitores::LeituraEscrita>::default(),
    },
    Tecnica {
        nome: "semaforo",
        resumo: "um semáforo binário: descer, mexer, subir",
        certa: true,
        criar: |_| Box::<semaforo::Semaforo>::default(),
    },
    Tecnica {
        nome: "monitor",
        resumo: "um monitor com variáveis de condição: leitores juntos, escritores sozinhos",
        certa: true,
        criar: |_| Box::<monitor::Monitor>::default(),
    },
    Tecnica {
        nome: "fileiras",
        resumo: "uma trava por fileira, tomadas em ordem crescente: não há impasse",
        certa: true,
        criar: |_| Box::<fileiras::Fileiras>::default(),
    },
    Tecnica {
        nome: "sem-ordem",
        resumo: "uma trava por fileira, cada thread na sua ordem: há impasse, que se acha e se desfaz",
        certa: true,
        criar: |threads| Box::new(SemOrdem::new(threads)),
    },
    Tecnica {
        nome: "cas",
        resumo: "um mapa de bits sem trava: copia, decide e publica com um compare-and-swap",
        certa: true,
        criar: |threads| Box::new(cas::Cas::new(threads)),
    },
    Tecnica {
        nome: "token",
        resumo: "o token: uma fila por ordem de chegada, e ele passa de mão em mão",
        certa: true,
        criar: |threads| Box::new(token::Token::new(threads)),
    },
];

/// A técnica com este nome.
pub fn chamada(nome: &str) -> Option<Tecnica> {
    TECNICAS.into_iter().find(|tecnica| tecnica.nome == nome)
}

#[cfg(test)]
mod tests;
