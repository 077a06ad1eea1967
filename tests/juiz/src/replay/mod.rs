//! A primeira conferência: refaz a história na ordem das versões, na sala do juiz, e confere o que cada resposta diz.
//!
//! Em cada versão há uma mudança só, e depois dela muitas respostas que a olham. Depois de uma contradição, o juiz esquece o
//! que sabia dos assentos dela e volta a aprender: uma mentira não deve virar mil.

mod acusacao;
mod eventos;

use protocolo::{Assento, Assentos, Resposta};

use crate::dito::{Classes, Dito, Efeito, Frase, Posse, dito, escolher, muda_a_sala};
use crate::historia::{Historia, Visto};
use crate::lacuna::{Explicacao, Suspeitos, prazo};
use crate::par::{pedidos, quantidade, serve};
use crate::plateia::Grupo;
use crate::sala::Sala;
use crate::tempo::{Ato, Ouvidas, nanos, quem_viu};
use crate::veredito::{Fonte, Problema, Veredito};
use eventos::Somas;

/// O que se sabe enquanto se refaz.
pub(super) struct Replay<'a, 'v> {
    historia: &'a Historia,
    pub(super) atos: &'v [Ato<'a>],
    pub(super) sala: Sala<'a>,
    pub(super) suspeitos: Suspeitos<'a>,
    pub(super) ouvidas: Ouvidas,
    pub(super) veredito: &'v mut Veredito,
    somas: Somas,
    /// A versão em que a sala está.
    pub(super) atual: u64,
    /// O que mudou nesta versão.
    pub(super) mudanca: Option<Feita<'a>>,
    /// O último que viu a sala toda, e em que versão.
    pub(super) retrato: Option<(u64, Fonte<'a>)>,
    /// Depois desta hora ninguém mais mudou a sala: quem lista então vê o fim.
    pub(super) fim: u64,
    /// Quando saiu o último dos pedidos que fizeram as versões até aqui: as seguintes são de depois.
    desde: u64,
    /// A última resposta e a última versão, para mostrar de que lado fica um buraco.
    ultimo: Option<Fonte<'a>>,
}

/// A mudança de uma versão.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feita<'a> {
    /// Os assentos que com certeza mudaram.
    pub(super) certos: Assentos,
    /// Esses, e os que talvez já fossem assim.
    pub(super) todos: Assentos,
    pub(super) posse: Posse,
    /// Quem a disse.
    pub(super) autor: Fonte<'a>,
}

/// Refaz a história.
pub(super) fn refazer<'a>(
    historia: &'a Historia,
    atos: &[Ato<'a>],
    grupos: &[Grupo<'a>],
    veredito: &mut Veredito,
) {
    let mut fatos: Vec<(u64, u32)> = (0..)
        .zip(atos)
        .filter(|(_, ato)| serve(&ato.troca.pedido, ato.resposta))
        .filter_map(|(i, ato): (u32, _)| Some((ato.resposta.versao()?.0, i)))
        .collect();
    fatos.sort_unstable();
    let mut ouvidas: Vec<(u64, u64)> =
        fatos.iter().map(|(versao, i)| (*versao, nanos(atos[*i as usize].troca.ouvido))).collect();
    ouvidas
        .extend(grupos.iter().flat_map(|grupo| grupo.vistos).map(|v| (v.evento.versao.0, nanos(v.ouvido))));
    let muda = |fato: &(u64, u32)| efeito(&atos[fato.1 as usize]).is_some();
    let primeira = fatos.first().map(|fato| fato.0).into_iter().chain(grupos.first().map(|g| g.versao)).min();
    let Some(primeira) = primeira else { return };
    let ja_muda = fatos.iter().take_while(|fato| fato.0 == primeira).any(muda)
        || grupos.first().is_some_and(|grupo| grupo.versao == primeira);
    let comeco = primeira.saturating_sub(u64::from(ja_muda));
    let fim = atos.iter().filter(|ato| efeito(ato).is_some()).map(|ato| nanos(ato.troca.ouvido)).max();
    let mut replay = Replay {
        historia,
        atos,
        sala: Sala::new(comeco == 0),
        suspeitos: Suspeitos::new(historia),
        ouvidas: Ouvidas::new(ouvidas),
        veredito,
        somas: Somas::new(historia.conversas.len()),
        atual: comeco,
        mudanca: None,
        retrato: None,
        fim: fim.unwrap_or(0),
        desde: 0,
        ultimo: None,
    };
    replay.percorrer(&fatos, grupos);
}

/// O que o ato muda, se muda.
fn efeito(ato: &Ato<'_>) -> Option<Efeito> {
    if !muda_a_sala(&ato.troca.pedido) {
        return None;
    }
    dito(ato.cliente, &ato.troca.pedido, ato.resposta).efeito
}

impl<'a> Replay<'a, '_> {
    fn percorrer(&mut self, mut fatos: &[(u64, u32)], mut grupos: &[Grupo<'a>]) {
        loop {
            let proximas = [fatos.first().map(|fato| fato.0), grupos.first().map(|grupo| grupo.versao)];
            let Some(versao) = proximas.into_iter().flatten().min() else { return };
            let (destes, outros) = fatos.split_at(fatos.partition_point(|fato| fato.0 <= versao));
            let (estes, resto) = grupos.split_at(grupos.partition_point(|grupo| grupo.versao <= versao));
            (fatos, grupos) = (outros, resto);
            self.versao(versao, destes, estes);
        }
    }

    /// Tudo o que se disse de uma versão.
    fn versao(&mut self, versao: u64, fatos: &[(u64, u32)], grupos: &[Grupo<'a>]) {
        self.mudanca = None;
        let anterior = self.atual;
        let autor = if versao > anterior { self.escolher_autor(fatos, grupos) } else { None };
        let exato = grupos.iter().find(|grupo| grupo.exato() && versao > anterior);
        self.tapar_buraco(versao, autor, exato, fatos);
        self.atual = versao;
        if let Some(autor) = autor {
            self.mudar(&self.atos[autor as usize]);
            self.veredito.conferidos.mudancas += 1;
        } else if let Some(grupo) = exato.filter(|_| self.mudanca.is_none()) {
            self.mudar_pelo_evento(grupo);
            self.veredito.conferidos.mudancas += 1;
        }
        for (_, i) in fatos.iter().filter(|(_, i)| Some(*i) != autor) {
            self.olhar(&self.atos[*i as usize]);
        }
        for grupo in grupos {
            self.conferir_grupo(grupo);
        }
        self.ultimo = fatos.first().map(|(_, i)| self.atos[*i as usize].fonte()).or(self.ultimo);
    }

    /// Qual das respostas fez esta versão.
    fn escolher_autor(&self, fatos: &[(u64, u32)], grupos: &[Grupo<'a>]) -> Option<u32> {
        let candidatos = || {
            fatos.iter().filter_map(|(_, i)| {
                let ato = &self.atos[*i as usize];
                efeito(ato)
                    .filter(|efeito| !self.so_repete(ato, efeito, fatos[0].0))
                    .map(|efeito| (*i, efeito))
            })
        };
        let evento = grupos.iter().find(|grupo| grupo.exato()).map(|grupo| grupo.vistos[0].evento);
        let visto = evento.and_then(|evento| {
            candidatos().find(|(_, efeito)| {
                // O que é livre não diz de quem era: basta que os assentos sejam os mesmos.
                efeito.viram == Posse::from(evento.mudanca) && (evento.assentos - efeito.assentos).is_empty()
            })
        });
        let certo =
            || candidatos().find(|(i, efeito)| self.muda_com_certeza(&self.atos[*i as usize], efeito));
        let talvez = || if evento.is_none() { candidatos().next() } else { None };
        visto.or_else(certo).or_else(talvez).map(|(i, _)| i)
    }

    /// Já era tudo assim: quem repete não muda nada. E, na dúvida, não fez a versão quem a pediu depois de ela ser ouvida.
    fn so_repete(&self, ato: &Ato<'_>, efeito: &Efeito, versao: u64) -> bool {
        if versao <= ato.visto && !self.muda_com_certeza(ato, efeito) {
            return true;
        }
        efeito.repete.is_some_and(|repete| {
            efeito.assentos.iter().all(|um| {
                let lugar = self.sala.lugar(um);
                lugar.certo().is_some_and(|posse| posse.para(ato.cliente).dentro_de(repete))
            })
        })
    }

    /// Algum dos assentos não podia já ser assim: quem o tem agora mudou a sala.
    fn muda_com_certeza(&self, ato: &Ato<'_>, efeito: &Efeito) -> bool {
        efeito.repete.is_none_or(|repete| {
            efeito.assentos.iter().any(|um| !self.sala.lugar(um).classes(ato.cliente).cruza(repete))
        })
    }

    /// As versões que ninguém nomeia, até esta, têm de ser de alguém.
    fn tapar_buraco(
        &mut self,
        versao: u64,
        autor: Option<u32>,
        exato: Option<&Grupo<'a>>,
        fatos: &[(u64, u32)],
    ) {
        if versao <= self.atual {
            return;
        }
        let primeira = self.atual + 1;
        let feita = autor.is_some() || exato.is_some();
        let faltam = versao - self.atual - u64::from(feita);
        // De quem talvez só repita não se sabe se foi ele que mudou.
        let incerto = exato.is_none()
            && autor
                .map(|i| &self.atos[i as usize])
                .is_some_and(|ato| efeito(ato).is_some_and(|efeito| !self.muda_com_certeza(ato, &efeito)));
        if faltam + u64::from(incerto) == 0 {
            return;
        }
        let ate = (self.desde, self.ouvidas.desde(primeira));
        let explicacao = self.suspeitos.explicar(&mut self.sala, primeira, faltam + u64::from(incerto), ate);
        self.veredito.conferidos.caladas += faltam;
        let Explicacao::Cabem(cabem) = explicacao else { return };
        if cabem < faltam {
            let depois = fatos.first().map(|(_, i)| self.atos[*i as usize].fonte());
            let depois = depois.or_else(|| exato.map(|g| self.do_grupo(g)));
            let provas: Vec<_> = self.ultimo.into_iter().chain(depois).collect();
            self.veredito.acusar(Problema::VersaoInexplicada, Assentos::NENHUM, &provas, || {
                let ultima = primeira + faltam - 1;
                let quais = if faltam == 1 {
                    format!("ninguém fez a versão {primeira}")
                } else {
                    format!("as versões {primeira} a {ultima} são de alguém")
                };
                format!("{quais}; cabem {cabem} mudanças sem resposta ou de prazos vencidos")
            });
        }
    }

    /// A resposta que fez a versão: confere o que era, e muda.
    fn mudar(&mut self, ato: &Ato<'a>) {
        let dito = dito(ato.cliente, &ato.troca.pedido, ato.resposta);
        let Some(efeito) = dito.efeito else { return };
        if self.atual == ato.visto {
            let antes = quem_viu(self.historia, self.atos, ato.visto_por);
            let provas: Vec<_> = antes.into_iter().chain([ato.fonte()]).collect();
            let versao = self.atual;
            self.veredito.acusar(Problema::VersaoForaDoTempo, efeito.assentos, &provas, || {
                format!("a versão {versao} já se tinha ouvido antes de sair o pedido que a fez")
            });
        }
        self.desde = self.desde.max(nanos(ato.troca.enviado));
        self.conferir_escolha(ato, &dito, &efeito);
        let errados = self.ouvir(ato, Frase { assentos: efeito.assentos, sao: efeito.eram });
        acusacao::concedidos(self, ato, errados);
        self.frases(ato, &dito);
        // O evento só nomeia os que mudaram de verdade.
        let repete = efeito.repete.unwrap_or(Classes(0));
        let era = |um: &Assento| self.sala.lugar(*um).classes(ato.cliente);
        let todos = efeito.assentos.iter().filter(|um| !era(um).dentro_de(repete)).collect();
        let certos = efeito.assentos.iter().filter(|um| !era(um).cruza(repete)).collect();
        self.sala.mudar(efeito.assentos, efeito.viram, ato.fonte(), self.atual);
        self.anotar_prazo(ato, efeito.assentos);
        self.mudanca = Some(Feita { certos, todos, posse: efeito.viram, autor: ato.fonte() });
    }

    fn anotar_prazo(&mut self, ato: &Ato<'a>, assentos: Assentos) {
        if let Resposta::Segurado { expira, .. } = ato.resposta {
            for assento in assentos {
                self.sala.lugar_mut(assento).vence = prazo(ato.troca, *expira);
            }
        }
    }

    /// A regra 3: quais assentos o servidor devia ter escolhido. Só se confere quando se sabe o que estava livre.
    fn conferir_escolha(&mut self, ato: &Ato<'a>, dito: &Dito, efeito: &Efeito) {
        let Some((quantos, preferidos)) = dito.escolha else { return };
        let livres = self.sala.podem(ato.cliente, Classes::LIVRE);
        if livres != self.sala.sao(ato.cliente, Classes::LIVRE) || livres.len() < quantos {
            return;
        }
        let certos = escolher(livres, quantos, preferidos);
        if certos != efeito.assentos && (efeito.assentos - livres).is_empty() {
            self.veredito.acusar(Problema::RespostaFalsa, efeito.assentos, &[ato.fonte()], || {
                format!("dos livres ({}), a escolha era {certos}", livres.faixas())
            });
        }
    }

    /// Uma resposta que não mudou nada: confere o que ela diz.
    fn olhar(&mut self, ato: &Ato<'a>) {
        let dito = dito(ato.cliente, &ato.troca.pedido, ato.resposta);
        if let Some(efeito) = dito.efeito {
            self.repetir(ato, &efeito);
        }
        self.frases(ato, &dito);
        match ato.resposta {
            Resposta::Listado { .. } | Resposta::Mapa { .. } => {
                self.retrato = Some((self.atual, ato.fonte()))
            }
            Resposta::Observando { .. } => self.somas.comecar(ato.conversa, &self.sala),
            _ => self.contar(ato, &dito),
        }
    }

    /// Um OK que não fez a versão que nomeia só pode repetir o que já era.
    fn repetir(&mut self, ato: &Ato<'a>, efeito: &Efeito) {
        let sao = efeito.repete.unwrap_or(Classes(0));
        let errados = self.ouvir(ato, Frase { assentos: efeito.assentos, sao });
        self.anotar_prazo(ato, efeito.assentos);
        if !errados.is_empty() {
            acusacao::duas_mudancas(self, ato, efeito, errados);
        }
    }

    /// Aprende o que a resposta diz; devolve os assentos que não podem ser isso.
    fn ouvir(&mut self, ato: &Ato<'a>, frase: Frase) -> Assentos {
        self.sala.ouvir(ato.cliente, frase, (self.atual, ato.fonte()))
    }

    fn frases(&mut self, ato: &Ato<'a>, dito: &Dito) {
        for frase in dito.frases.iter().filter(|frase| !frase.assentos.is_empty()) {
            let errados = self.ouvir(ato, *frase);
            if !errados.is_empty() {
                acusacao::frase(self, ato, frase.sao, errados);
            }
        }
    }

    /// Os números de uma recusa: `livres=` e `max=`.
    fn contar(&mut self, ato: &Ato<'a>, dito: &Dito) {
        if let Some(livres) = dito.livres {
            let menos = self.sala.sao(ato.cliente, Classes::LIVRE).len();
            let mais = self.sala.podem(ato.cliente, Classes::LIVRE).len();
            if !(menos..=mais).contains(&livres) {
                self.veredito.acusar(Problema::RespostaFalsa, Assentos::NENHUM, &[ato.fonte()], || {
                    format!("nessa versão havia {mais} livres")
                });
            }
        }
        if let Some(max) = dito.cota {
            let seus = self.sala.podem(ato.cliente, Classes::SEU);
            let novos = quantidade(&ato.troca.pedido).unwrap_or_else(|| {
                let ja = self.sala.sao(ato.cliente, Classes::SEU);
                (pedidos(&ato.troca.pedido).unwrap_or_default() - ja).len()
            });
            if seus.len().saturating_add(novos) <= max {
                self.veredito.acusar(Problema::RespostaFalsa, seus, &[ato.fonte()], || {
                    format!("com {} assentos e mais {novos} não se passa de {max}", seus.len())
                });
            }
        }
    }

    pub(super) fn do_grupo(&self, grupo: &Grupo<'a>) -> Fonte<'a> {
        self.do_evento(grupo, &grupo.vistos[0])
    }

    pub(super) fn do_evento(&self, grupo: &Grupo<'a>, visto: &'a Visto) -> Fonte<'a> {
        Fonte::Evento(self.historia.conversas[grupo.conversa as usize].cliente, visto)
    }

    /// Quem disse o que este assento é.
    pub(super) fn autor(&self, assento: Assento) -> Option<(u64, Fonte<'a>)> {
        let lugar = self.sala.lugar(assento);
        lugar.autor.map(|autor| (lugar.versao, autor))
    }
}
