//! A sala do juiz: o que se sabe de cada assento, e o que não se sabe.
//!
//! Não é a sala do servidor, nem se parece com ela: quem ouve de fora às vezes só sabe que um assento é uma de duas coisas
//! (o pedido de quem caiu pode ter acontecido ou não). Aqui não se acusa ninguém: cada operação devolve o que não combina.

use protocolo::{Assento, Assentos, ClientId};

use super::dito::{Classes, Frase, Posse};
use super::veredito::Fonte;

/// O que se sabe de um assento.
#[derive(Clone, Debug)]
pub(super) struct Lugar<'a> {
    /// O que é, se `duvida` está vazia.
    pub(super) posse: Posse,
    /// As coisas que pode ser, se não se sabe.
    duvida: Vec<Posse>,
    /// Quem disse o que ele é, e a versão em que mudou.
    pub(super) autor: Option<Fonte<'a>>,
    pub(super) versao: u64,
    /// Antes desta hora o prazo de quem o segura não pode ter vencido.
    pub(super) vence: u64,
}

impl<'a> Lugar<'a> {
    /// O que o assento é com certeza.
    pub(super) fn certo(&self) -> Option<Posse> {
        (self.duvida.is_empty() && self.posse != Posse::Qualquer).then_some(self.posse)
    }

    /// O que pode ser.
    pub(super) fn possiveis(&self) -> &[Posse] {
        if self.duvida.is_empty() { std::slice::from_ref(&self.posse) } else { &self.duvida }
    }

    /// O que pode ser para este cliente.
    pub(super) fn classes(&self, cliente: ClientId) -> Classes {
        Classes(self.possiveis().iter().fold(0, |todas, posse| todas | posse.para(cliente).0))
    }

    /// Passa a poder ser também isto; diz se é novidade.
    pub(super) fn talvez(&mut self, posse: Posse) -> bool {
        if self.possiveis().iter().any(|uma| *uma == posse || *uma == Posse::Qualquer) {
            return false;
        }
        if self.duvida.is_empty() {
            self.duvida.push(self.posse);
        }
        self.duvida.push(posse);
        true
    }

    /// Alguém diz que é uma destas coisas; `false`: não pode ser.
    fn ouvir(&mut self, cliente: ClientId, sao: Classes, (versao, quem): (u64, Fonte<'a>)) -> bool {
        if self.duvida.is_empty() && self.posse != Posse::Qualquer {
            return self.posse.para(cliente).cruza(sao);
        }
        let mut cabem: Vec<Posse> =
            self.possiveis().iter().copied().filter(|posse| posse.para(cliente).cruza(sao)).collect();
        let era = self.posse;
        match cabem[..] {
            [] => return false,
            [Posse::Qualquer] => self.posse = conhecer(cliente, sao),
            // De quem não está na história e o tem firme: não vence.
            [Posse::Alheia] if sao == Classes::ALHEIO_FIRME => self.posse = Posse::De(NINGUEM, true),
            [uma] => self.posse = uma,
            _ => {
                std::mem::swap(&mut self.duvida, &mut cabem);
                return true;
            }
        }
        self.duvida.clear();
        // O que continuou a ser o que já era, sabe-se de quem o fez assim; o resto, de quem agora o diz.
        if self.posse != era || self.autor.is_none() {
            (self.autor, self.versao) = (Some(quem), versao);
        }
        true
    }
}

/// Um cliente que não há: o número é o maior que cabe.
const NINGUEM: ClientId = match ClientId::new(u64::MAX) {
    Some(cliente) => cliente,
    None => panic!("não é zero"),
};

/// O que se sabe só pelo que se ouve.
const fn conhecer(cliente: ClientId, sao: Classes) -> Posse {
    match sao {
        Classes::LIVRE => Posse::Livre,
        Classes::SEU_FIRME => Posse::De(cliente, true),
        Classes::SEU_SEGURADO => Posse::De(cliente, false),
        _ => Posse::Qualquer,
    }
}

/// A sala.
#[derive(Debug)]
pub(super) struct Sala<'a> {
    pub(super) lugares: Vec<Lugar<'a>>,
}

impl<'a> Sala<'a> {
    /// A sala vazia; ou uma de que só se sabe que nada é de quem está na história.
    pub(super) fn new(vazia: bool) -> Self {
        let duvida = if vazia { Vec::new() } else { vec![Posse::Livre, Posse::Alheia] };
        let lugar = Lugar { posse: Posse::Livre, duvida, autor: None, versao: 0, vence: 0 };
        Self { lugares: vec![lugar; Assento::todos().count()] }
    }

    pub(super) fn lugar(&self, assento: Assento) -> &Lugar<'a> {
        &self.lugares[assento.indice()]
    }

    pub(super) fn lugar_mut(&mut self, assento: Assento) -> &mut Lugar<'a> {
        &mut self.lugares[assento.indice()]
    }

    /// Aprende o que `cliente` diz nesta versão e nesta linha; devolve os assentos que não podem ser o que ele diz.
    pub(super) fn ouvir(&mut self, cliente: ClientId, frase: Frase, dito: (u64, Fonte<'a>)) -> Assentos {
        let errado = |um: &Assento| !self.lugar_mut(*um).ouvir(cliente, frase.sao, dito);
        frase.assentos.iter().filter(errado).collect()
    }

    /// Um evento deu nome a quem não está na história: o que era de alguém sem nome pode ser dele.
    pub(super) fn conhecer(&mut self, cliente: ClientId, assentos: Assentos) {
        for assento in assentos {
            let lugar = self.lugar_mut(assento);
            if lugar.possiveis().iter().any(|posse| matches!(posse, Posse::Alheia | Posse::De(NINGUEM, _))) {
                lugar.talvez(Posse::De(cliente, true));
                lugar.talvez(Posse::De(cliente, false));
            }
        }
    }

    /// Estes assentos mudaram.
    pub(super) fn mudar(&mut self, assentos: Assentos, posse: Posse, autor: Fonte<'a>, versao: u64) {
        for assento in assentos {
            let lugar = self.lugar_mut(assento);
            lugar.duvida.clear();
            (lugar.posse, lugar.autor, lugar.versao) = (posse, Some(autor), versao);
        }
    }

    /// Destes não se sabe mais nada.
    pub(super) fn esquecer(&mut self, assentos: Assentos) {
        for assento in assentos {
            let lugar = self.lugar_mut(assento);
            lugar.duvida.clear();
            lugar.posse = Posse::Qualquer;
        }
    }

    /// Os que podem ser uma destas coisas para este cliente.
    pub(super) fn podem(&self, cliente: ClientId, sao: Classes) -> Assentos {
        Assento::todos().filter(|assento| self.lugar(*assento).classes(cliente).cruza(sao)).collect()
    }

    /// Os que só podem ser uma destas coisas.
    pub(super) fn sao(&self, cliente: ClientId, sao: Classes) -> Assentos {
        Assento::todos().filter(|assento| self.lugar(*assento).classes(cliente).dentro_de(sao)).collect()
    }
}
