//! As versões que ninguém nomeia: quem as pode ter feito.
//!
//! Uma mudança sem resposta é de um pedido cuja resposta não veio, de um prazo que venceu, ou, se a história não está
//! sozinha, de outra pessoa. Aqui só se sabe quem podia, e a partir de quando; quem acusa é o [`replay`](super::replay).

use std::collections::HashSet;

use protocolo::{Assento, Assentos, ClientId, Comando, Error, Escolha, Pedido, Resposta};

use super::dito::{Classes, Posse, faria, muda_a_sala};
use super::par::{pedidos, serve};
use super::sala::{Lugar, Sala};
use super::tempo::nanos;
use super::veredito::Fonte;
use crate::historia::{Historia, Troca};

/// Um pedido que pode ter mudado a sala sem que se saiba.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pendente<'a> {
    pub(super) cliente: ClientId,
    pub(super) troca: &'a Troca,
    /// A última versão que a conexão dele ouviu: o que ele fez vem depois.
    depois_de: u64,
    /// Depois desta hora já não muda nada: a espera acabou.
    ate: u64,
    /// Quantas mudanças pode ter feito.
    cabem: u64,
}

/// Quem pode ter mudado a sala sem que se saiba.
#[derive(Debug)]
pub(super) struct Suspeitos<'a> {
    pub(super) pendentes: Vec<Pendente<'a>>,
    nossos: HashSet<ClientId>,
    sozinha: bool,
}

/// O que explica uma lacuna.
#[derive(Clone, Copy, Debug)]
pub(super) enum Explicacao {
    /// Tantas mudanças cabem.
    Cabem(u64),
    /// Só este pedido, e já se sabe o que fez.
    Certa,
}

impl<'a> Suspeitos<'a> {
    pub(super) fn new(historia: &'a Historia) -> Self {
        let mut pendentes = Vec::new();
        for conversa in &historia.conversas {
            let mut depois_de = 0;
            for troca in &conversa.trocas {
                if suspeita(troca) {
                    let assentos = u64::from(pedidos(&troca.pedido).unwrap_or(Assentos::TODOS).len());
                    let cabem = match troca.pedido {
                        // A vez de quem se foi: dada, e devolvida assento a assento.
                        Comando::Aguardar { .. } => 2 + assentos,
                        // O que segurou também vence.
                        Comando::Segurar { .. } => 1 + assentos,
                        _ => 1,
                    };
                    let respondida = troca.resposta.as_ref().is_some_and(|uma| serve(&troca.pedido, uma));
                    let ate = if respondida { nanos(troca.ouvido) } else { u64::MAX };
                    pendentes.push(Pendente { cliente: conversa.cliente, troca, depois_de, ate, cabem });
                }
                depois_de =
                    depois_de.max(troca.resposta.as_ref().and_then(Resposta::versao).map_or(0, |v| v.0));
            }
        }
        let nossos = historia.conversas.iter().map(|conversa| conversa.cliente).collect();
        Self { pendentes, nossos, sozinha: historia.sozinha }
    }

    pub(super) const fn sozinha(&self) -> bool {
        self.sozinha
    }

    /// Diz se o cliente é de uma destas conversas.
    pub(super) fn nosso(&self, cliente: ClientId) -> bool {
        self.nossos.contains(&cliente)
    }

    /// Tantas versões, a partir de `primeira`, que ninguém nomeou; são de depois da hora `desde`, e a primeira já tinha
    /// acontecido à hora `ate`.
    ///
    /// A sala passa a poder ser o que qualquer dos suspeitos teria feito dela.
    pub(super) fn explicar(
        &mut self,
        sala: &mut Sala<'a>,
        primeira: u64,
        quantas: u64,
        (desde, ate): (u64, u64),
    ) -> Explicacao {
        let podem: Vec<usize> = (0..self.pendentes.len())
            .filter(|i| {
                let pendente = &self.pendentes[*i];
                pendente.ate >= desde
                    && nanos(pendente.troca.enviado) < ate
                    && pendente.depois_de < primeira + quantas
            })
            .collect();
        let vencem: Assentos = Assento::todos()
            .filter(|assento| self.pode_vencer(sala.lugar(*assento), *assento, ate))
            .collect();
        if let ([so], 1, true, true) = (&podem[..], quantas, vencem.is_empty(), self.sozinha) {
            if self.certa(sala, *so, primeira) {
                return Explicacao::Certa;
            }
        }
        // O que um faz pode abrir caminho ao outro: até que nada de novo seja possível.
        let mut novidade = true;
        while novidade {
            if !self.sozinha {
                self.estranhos(sala);
            }
            novidade = Assento::todos().fold(false, |novidade, assento| {
                let vence = self.pode_vencer(sala.lugar(assento), assento, ate);
                vence && sala.lugar_mut(assento).talvez(Posse::Livre) || novidade
            });
            novidade =
                podem.iter().fold(novidade, |novidade, i| fazer(&self.pendentes[*i], sala) || novidade);
        }
        if !self.sozinha {
            return Explicacao::Cabem(u64::MAX);
        }
        let pedidos: u64 = podem.iter().map(|i| self.pendentes[*i].cabem).sum();
        Explicacao::Cabem(pedidos + u64::from(vencem.len()))
    }

    /// Se só este pedido explica a versão, e é dos que se sabe o que fazem, faz; daqui em diante ele já aconteceu.
    fn certa(&mut self, sala: &mut Sala<'a>, qual: usize, versao: u64) -> bool {
        let Pendente { cliente, troca, .. } = self.pendentes[qual];
        let Comando::Reservar { pedido: Pedido::Todos(assentos), .. } = troca.pedido else { return false };
        if troca.resposta.is_some() {
            return false;
        }
        let cabe = Classes::TODAS.menos(Classes::ALHEIO);
        if assentos.iter().any(|assento| !sala.lugar(assento).classes(cliente).cruza(cabe)) {
            return false;
        }
        sala.mudar(assentos, Posse::De(cliente, true), Fonte::Troca(cliente, troca), versao);
        self.pendentes.swap_remove(qual);
        true
    }

    /// Um evento disse que o pedido de `cliente` mudou estes assentos nisto; diz se há um pedido que o explique.
    pub(super) fn fez(&mut self, cliente: ClientId, assentos: Assentos, posse: Posse, ate: u64) -> bool {
        let serve = |pendente: &Pendente<'_>| {
            pendente.cliente == cliente
                && nanos(pendente.troca.enviado) < ate
                && faria(cliente, &pendente.troca.pedido)
                    .into_iter()
                    .flatten()
                    .any(|(quais, _, vira)| vira == posse && (assentos - quais).is_empty())
        };
        let Some(qual) = self.pendentes.iter().position(serve) else { return false };
        let pendente = &mut self.pendentes[qual];
        pendente.cabem -= 1;
        if pendente.cabem == 0 {
            self.pendentes.remove(qual);
        }
        true
    }

    /// Diz se há um pedido sem resposta de `dono` que pode ter devolvido o assento até esta hora.
    pub(super) fn larga(&self, dono: ClientId, assento: Assento, ate: u64) -> bool {
        self.pendentes.iter().any(|pendente| {
            pendente.cliente == dono
                && nanos(pendente.troca.enviado) < ate
                && faria(dono, &pendente.troca.pedido)
                    .into_iter()
                    .flatten()
                    .any(|(quais, _, vira)| vira == Posse::Livre && quais.contem(assento))
        })
    }

    /// Diz se o assento pode ter ficado livre sozinho até esta hora.
    pub(super) fn pode_vencer(&self, lugar: &Lugar<'_>, assento: Assento, ate: u64) -> bool {
        lugar.possiveis().iter().any(|posse| match posse {
            Posse::De(dono, false) => self.vence(lugar, assento, *dono) <= ate,
            // Quem o segura de antes da história, ou nem se sabe quem.
            Posse::Alheia => true,
            _ => false,
        })
    }

    /// Antes desta hora o prazo não pode ter vencido: a renovação sem resposta pode tê-lo encurtado.
    fn vence(&self, lugar: &Lugar<'_>, assento: Assento, dono: ClientId) -> u64 {
        let renova = |pendente: &&Pendente<'_>| pendente.cliente == dono;
        let renovacoes = self.pendentes.iter().filter(renova).filter_map(|pendente| {
            let Comando::Segurar { escolha, por } = &pendente.troca.pedido else { return None };
            let toca = match escolha {
                Escolha::Estes(assentos) => assentos.contem(assento),
                Escolha::Quantidade(_) => true,
            };
            toca.then(|| prazo(pendente.troca, por.get()))
        });
        if self.nosso(dono) { renovacoes.fold(lugar.vence, u64::min) } else { 0 }
    }

    /// Outras pessoas: tomam o que é livre e devolvem o que é delas; o que é nosso não tocam.
    fn estranhos(&self, sala: &mut Sala<'_>) {
        for lugar in &mut sala.lugares {
            let tocam = lugar.possiveis().iter().any(|posse| match posse {
                Posse::Livre | Posse::Alheia => true,
                Posse::De(dono, _) => !self.nosso(*dono),
                Posse::Qualquer => false,
            });
            if tocam {
                lugar.talvez(Posse::Livre);
                lugar.talvez(Posse::Alheia);
            }
        }
    }
}

/// O que este pedido pode ter feito da sala; diz se há novidade.
fn fazer(pendente: &Pendente<'_>, sala: &mut Sala<'_>) -> bool {
    let Pendente { cliente, troca, .. } = *pendente;
    let mut novidade = false;
    for (assentos, de, para) in faria(cliente, &troca.pedido).into_iter().flatten() {
        for assento in assentos {
            let lugar = sala.lugar_mut(assento);
            if lugar.classes(cliente).cruza(de) && lugar.talvez(para) {
                novidade = true;
                if let Comando::Segurar { por, .. } = &troca.pedido {
                    lugar.vence = lugar.vence.min(prazo(troca, por.get()));
                }
                if matches!(troca.pedido, Comando::Aguardar { .. }) {
                    // Volta ao prazo que tinha, que não se sabe qual era.
                    lugar.vence = 0;
                }
            }
        }
    }
    novidade
}

/// Antes desta hora não vence um prazo de tantos segundos, pedido nesta troca. O relógio do servidor, se é outro, pode andar
/// um milésimo mais depressa.
pub(super) fn prazo(troca: &Troca, segundos: u32) -> u64 {
    nanos(troca.enviado) + u64::from(segundos) * 999_000_000
}

/// Diz se a troca pode ter mudado a sala sem que a resposta o diga.
pub(super) fn suspeita(troca: &Troca) -> bool {
    let muda = muda_a_sala(&troca.pedido);
    match &troca.resposta {
        None => muda,
        // O que se respondeu não serve: não se sabe o que aconteceu.
        Some(resposta) if !serve(&troca.pedido, resposta) => muda,
        Some(Resposta::Recusado(recusa)) => {
            matches!(troca.pedido, Comando::Aguardar { .. })
                && matches!(recusa.erro, Error::TempoEsgotado | Error::Encerrando)
        }
        Some(_) => false,
    }
}
