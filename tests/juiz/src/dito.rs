//! O que uma resposta diz de cada assento: o que ele era, e o que passou a ser.
//!
//! É o único lugar que sabe o que cada comando quer dizer. Não julga e não lembra nada: lê um par de pedido e resposta que
//! combinam (ver [`par`](super::par)).

use protocolo::{
    Alvo, Assento, Assentos, ClientId, Comando, Error, Mudanca, Pedido, Quadro, Recusa, Resposta,
};

use super::par::{pedidos, quantidade};

/// De quem é um assento, e como.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Posse {
    /// De ninguém.
    Livre,
    /// Deste cliente; `true`, firme, `false`, segurado.
    De(ClientId, bool),
    /// De alguém que não está nesta história, firme ou não.
    Alheia,
    /// Depois de uma contradição: qualquer coisa serve, até que alguém diga o que é.
    Qualquer,
}

/// O que um assento pode ser para quem fala: um conjunto de classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Classes(pub(super) u8);

impl Classes {
    pub(super) const LIVRE: Self = Self(1);
    pub(super) const SEU_FIRME: Self = Self(2);
    pub(super) const SEU_SEGURADO: Self = Self(4);
    pub(super) const ALHEIO_FIRME: Self = Self(8);
    pub(super) const ALHEIO_SEGURADO: Self = Self(16);
    pub(super) const SEU: Self = Self(2 | 4);
    pub(super) const ALHEIO: Self = Self(8 | 16);
    pub(super) const TODAS: Self = Self(31);

    pub(super) const fn menos(self, outras: Self) -> Self {
        Self(self.0 & !outras.0)
    }

    pub(super) const fn cruza(self, outras: Self) -> bool {
        self.0 & outras.0 != 0
    }

    pub(super) const fn dentro_de(self, outras: Self) -> bool {
        self.0 & !outras.0 == 0
    }
}

impl Posse {
    /// O que o assento é para este cliente.
    pub(super) fn para(self, cliente: ClientId) -> Classes {
        match self {
            Self::Livre => Classes::LIVRE,
            Self::De(dono, true) if dono == cliente => Classes::SEU_FIRME,
            Self::De(dono, false) if dono == cliente => Classes::SEU_SEGURADO,
            Self::De(_, true) => Classes::ALHEIO_FIRME,
            Self::De(_, false) => Classes::ALHEIO_SEGURADO,
            Self::Alheia => Classes::ALHEIO,
            Self::Qualquer => Classes::TODAS,
        }
    }
}

impl From<Mudanca> for Posse {
    fn from(mudanca: Mudanca) -> Self {
        match mudanca {
            Mudanca::Reservado(cliente) => Self::De(cliente, true),
            Mudanca::Segurado(cliente) => Self::De(cliente, false),
            Mudanca::Livre => Self::Livre,
        }
    }
}

/// "Estes assentos são uma destas coisas, para quem fala."
#[derive(Clone, Copy, Debug)]
pub(super) struct Frase {
    pub(super) assentos: Assentos,
    pub(super) sao: Classes,
}

/// Uma mudança da sala, respondida OK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Efeito {
    /// Os assentos.
    pub(super) assentos: Assentos,
    /// O que podiam ser antes.
    pub(super) eram: Classes,
    /// O que são depois.
    pub(super) viram: Posse,
    /// O que já eram, se nada mudou; `None`: mudou com certeza.
    pub(super) repete: Option<Classes>,
}

/// O que uma resposta diz.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dito {
    /// O que mudou; `None`: nada.
    pub(super) efeito: Option<Efeito>,
    /// O que era, na versão em que a resposta valia (se muda a sala, na de antes).
    pub(super) frases: [Frase; 5],
    /// Quantos assentos estavam livres.
    pub(super) livres: Option<u32>,
    /// O servidor escolheu: quantos, e os preferidos.
    pub(super) escolha: Option<(u32, Assentos)>,
    /// Passaria da cota, que é esta: os pedidos, ou quantos.
    pub(super) cota: Option<u32>,
}

const NADA: Frase = Frase { assentos: Assentos::NENHUM, sao: Classes::TODAS };

impl Dito {
    const CALADO: Self = Self { efeito: None, frases: [NADA; 5], livres: None, escolha: None, cota: None };

    fn frases(frases: &[(Assentos, Classes)]) -> Self {
        let mut dito = Self::CALADO;
        for (lugar, (assentos, sao)) in dito.frases.iter_mut().zip(frases) {
            *lugar = Frase { assentos: *assentos, sao: *sao };
        }
        dito
    }

    fn muda(self, assentos: Assentos, eram: Classes, viram: Posse, repete: Option<Classes>) -> Self {
        Self { efeito: Some(Efeito { assentos, eram, viram, repete }), ..self }
    }
}

/// O que esta resposta a este pedido de `cliente` diz da sala; calado, se não diz nada.
pub(super) fn dito(cliente: ClientId, pedido: &Comando, resposta: &Resposta) -> Dito {
    match resposta {
        Resposta::Reservado { assentos, ocupados, .. } => reservado(cliente, pedido, *assentos, *ocupados),
        Resposta::Segurado { assentos, .. } => {
            let viram = Posse::De(cliente, false);
            match quantidade(pedido) {
                Some(quantos) => Dito { escolha: Some((quantos, Assentos::NENHUM)), ..Dito::CALADO }.muda(
                    *assentos,
                    Classes::LIVRE,
                    viram,
                    None,
                ),
                None => Dito::CALADO.muda(
                    *assentos,
                    Classes(Classes::LIVRE.0 | Classes::SEU_SEGURADO.0),
                    viram,
                    Some(Classes::SEU_SEGURADO),
                ),
            }
        }
        Resposta::Confirmado { assentos, .. } => {
            let resto = if pedidos(pedido).is_some() { Assentos::NENHUM } else { !*assentos };
            Dito::frases(&[(resto, Classes::TODAS.menos(Classes::SEU_SEGURADO))]).muda(
                *assentos,
                Classes::SEU_SEGURADO,
                Posse::De(cliente, true),
                None,
            )
        }
        Resposta::Cancelado { assentos, .. } => {
            let resto = if pedidos(pedido).is_some() { Assentos::NENHUM } else { !*assentos };
            let dito = Dito::frases(&[(resto, Classes::TODAS.menos(Classes::SEU))]);
            if assentos.is_empty() {
                return dito;
            }
            dito.muda(*assentos, Classes::SEU, Posse::Livre, None)
        }
        Resposta::Listado { quadro, .. } | Resposta::Mapa { quadro, .. } => retrato(quadro),
        Resposta::Recusado(recusa) => recusado(pedido, recusa),
        _ => Dito::CALADO,
    }
}

fn reservado(cliente: ClientId, pedido: &Comando, assentos: Assentos, ocupados: Assentos) -> Dito {
    let viram = Posse::De(cliente, true);
    let livre_ou_seu = Classes::TODAS.menos(Classes::ALHEIO);
    let Some(quantos) = quantidade(pedido) else {
        let dito = Dito::frases(&[(ocupados, Classes::ALHEIO)]);
        return dito.muda(assentos, livre_ou_seu, viram, Some(Classes::SEU_FIRME));
    };
    let preferidos = match pedido {
        Comando::Reservar { pedido: Pedido::Quantidade { preferidos, .. }, .. } => *preferidos,
        _ => Assentos::NENHUM,
    };
    let frases = [(ocupados, Classes::ALHEIO), (preferidos - ocupados, livre_ou_seu)];
    let dito = Dito { escolha: Some((quantos, preferidos)), ..Dito::frases(&frases) };
    dito.muda(assentos, Classes::LIVRE, viram, None)
}

fn retrato(quadro: &Quadro) -> Dito {
    let Quadro { segurados, ocupados, seus } = *quadro;
    Dito::frases(&[
        (quadro.livres(), Classes::LIVRE),
        (segurados & seus, Classes::SEU_SEGURADO),
        (segurados - seus, Classes::ALHEIO_SEGURADO),
        (ocupados & seus, Classes::SEU_FIRME),
        (ocupados - seus, Classes::ALHEIO_FIRME),
    ])
}

fn recusado(pedido: &Comando, recusa: &Recusa) -> Dito {
    let nomeados = pedidos(pedido).unwrap_or_default();
    let duas = |ditos: Assentos, sao: Classes, resto: Classes| {
        Dito::frases(&[(ditos, sao), (nomeados - ditos, resto)])
    };
    match &recusa.erro {
        Error::Ocupado(ditos) => duas(*ditos, Classes::ALHEIO, Classes::TODAS.menos(Classes::ALHEIO)),
        Error::NaoESeu(ditos) => duas(*ditos, Classes::TODAS.menos(Classes::SEU), Classes::SEU),
        Error::NaoSegurado(ditos) => {
            let nao = Classes::TODAS.menos(Classes::SEU_SEGURADO);
            if pedidos(pedido).is_none() {
                return Dito::frases(&[(Assentos::TODOS, nao)]);
            }
            duas(*ditos, nao, Classes::SEU_SEGURADO)
        }
        Error::JaReservado(ditos) => {
            let resto = Classes(Classes::LIVRE.0 | Classes::SEU_SEGURADO.0);
            duas(*ditos, Classes::SEU_FIRME, resto)
        }
        Error::Insuficiente { livres } => Dito { livres: Some(*livres), ..Dito::CALADO },
        Error::Limite { max } => Dito { cota: Some(*max), ..Dito::CALADO },
        _ => Dito::CALADO,
    }
}

/// A regra 3: os preferidos livres, do menor ao maior; o que falta, lado a lado numa fileira, onde houver; senão os menores.
///
/// Escrita outra vez, de propósito, sem olhar a do servidor: duas que erram igual não se desmentem.
pub(super) fn escolher(livres: Assentos, quantos: u32, preferidos: Assentos) -> Assentos {
    let mut escolhidos = Assentos::NENHUM;
    for assento in preferidos & livres {
        if escolhidos.len() < quantos {
            escolhidos.inserir(assento);
        }
    }
    let faltam = (quantos - escolhidos.len()) as usize;
    if faltam == 0 {
        return escolhidos;
    }
    let resto: Vec<Assento> = (livres - escolhidos).iter().collect();
    let fileira = |assento: Assento| assento.indice() / usize::from(protocolo::limites::FILEIRA_ASSENTOS);
    let juntos = resto.windows(faltam).find(|lugar| {
        let (primeiro, ultimo) = (lugar[0], lugar[faltam - 1]);
        ultimo.indice() - primeiro.indice() + 1 == faltam && fileira(primeiro) == fileira(ultimo)
    });
    escolhidos | juntos.unwrap_or(&resto[..faltam.min(resto.len())]).iter().copied().collect()
}

/// Diz se o pedido pode mudar a sala.
pub(super) const fn muda_a_sala(pedido: &Comando) -> bool {
    matches!(
        pedido,
        Comando::Reservar { .. }
            | Comando::Segurar { .. }
            | Comando::Confirmar(_)
            | Comando::Cancelar { .. }
            | Comando::Aguardar { .. }
    )
}

/// O que o pedido, sem resposta, pode ter feito de cada assento: dos que são uma destas coisas, isto.
pub(super) fn faria(cliente: ClientId, pedido: &Comando) -> [Option<(Assentos, Classes, Posse)>; 3] {
    let assentos = pedidos(pedido).unwrap_or(Assentos::TODOS);
    let livre_ou_seu = Classes::TODAS.menos(Classes::ALHEIO);
    let firme = Posse::De(cliente, true);
    match pedido {
        Comando::Reservar { .. } => [Some((assentos, livre_ou_seu, firme)), None, None],
        Comando::Segurar { .. } => [Some((assentos, Classes::LIVRE, Posse::De(cliente, false))), None, None],
        Comando::Confirmar(_) => [Some((assentos, Classes::SEU_SEGURADO, firme)), None, None],
        Comando::Cancelar { alvo: Alvo::Estes(_) | Alvo::Tudo, .. } => {
            [Some((assentos, Classes::SEU, Posse::Livre)), None, None]
        }
        // A vez pode chegar a quem já se foi: o que lhe coube volta a como era.
        Comando::Aguardar { .. } => [
            Some((assentos, livre_ou_seu, firme)),
            Some((assentos, Classes::SEU_FIRME, Posse::De(cliente, false))),
            Some((assentos, Classes::SEU_FIRME, Posse::Livre)),
        ],
        _ => [None; 3],
    }
}
