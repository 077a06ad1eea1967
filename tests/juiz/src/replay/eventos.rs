//! O que se contou a quem observa é o que aconteceu: a terceira lei, na ordem das versões.
//!
//! Parte do [`replay`](super): confere cada grupo de eventos com a mudança da versão, e a soma deles com a sala.

use protocolo::{Assento, Assentos, ClientId, Evento, Mudanca};

use super::acusacao::desmentidos;
use super::{Feita, Replay};
use crate::dito::{Classes, Frase, Posse};
use crate::plateia::Grupo;
use crate::sala::Sala;
use crate::veredito::{Fonte, Problema};

/// De cada conexão que observa, os eventos somados; `None` é o que ela ainda não sabe.
#[derive(Debug)]
pub(super) struct Somas {
    somas: Vec<Vec<Option<Posse>>>,
}

impl Somas {
    pub(super) fn new(conversas: usize) -> Self {
        Self { somas: vec![Vec::new(); conversas] }
    }

    /// A conexão começa a observar: parte do que a sala é agora.
    pub(super) fn comecar(&mut self, conversa: u32, sala: &Sala<'_>) {
        self.somas[conversa as usize] = sala.lugares.iter().map(crate::sala::Lugar::certo).collect();
    }

    fn somar(&mut self, conversa: u32, evento: &Evento) {
        let soma = &mut self.somas[conversa as usize];
        if !soma.is_empty() {
            evento.assentos.iter().for_each(|um| soma[um.indice()] = Some(evento.mudanca.into()));
        }
    }
}

/// De quem o evento fala.
const fn quem(mudanca: Mudanca) -> Option<ClientId> {
    match mudanca {
        Mudanca::Reservado(cliente) | Mudanca::Segurado(cliente) => Some(cliente),
        Mudanca::Livre => None,
    }
}

impl<'a> Replay<'a, '_> {
    /// Ninguém nomeou esta versão, mas alguém a viu: confere se podia ser, e muda.
    pub(super) fn mudar_pelo_evento(&mut self, grupo: &Grupo<'a>) {
        let fonte = self.do_grupo(grupo);
        let evento = grupo.vistos[0].evento;
        let posse = Posse::from(evento.mudanca);
        let ate = self.ouvidas.desde(self.atual);
        match quem(evento.mudanca) {
            Some(cliente) => self.alguem_tomou(cliente, &evento, fonte, ate),
            None => self.alguem_largou(&evento, fonte, ate),
        }
        self.sala.mudar(evento.assentos, posse, fonte, self.atual);
        if matches!(posse, Posse::De(_, false)) {
            // Do que se segurou sem resposta não se sabe o prazo.
            evento.assentos.iter().for_each(|um| self.sala.lugar_mut(um).vence = 0);
        }
        let certos = evento.assentos;
        self.mudanca = Some(Feita { certos, todos: certos, posse, autor: fonte });
    }

    fn alguem_tomou(&mut self, cliente: ClientId, evento: &Evento, fonte: Fonte<'a>, ate: u64) {
        let posse = Posse::from(evento.mudanca);
        if !self.suspeitos.nosso(cliente) {
            self.sala.conhecer(cliente, evento.assentos);
        }
        // Só quem volta atrás (a espera de quem se foi) passa de firme a segurado.
        let eram = match evento.mudanca {
            Mudanca::Segurado(_) => Classes(Classes::LIVRE.0 | Classes::SEU_FIRME.0),
            _ => Classes(Classes::LIVRE.0 | Classes::SEU_SEGURADO.0),
        };
        let errados =
            self.sala.ouvir(cliente, Frase { assentos: evento.assentos, sao: eram }, (self.atual, fonte));
        if !errados.is_empty() {
            let de_outro: Assentos = errados
                .iter()
                .filter(|um| self.sala.lugar(*um).classes(cliente).dentro_de(Classes::ALHEIO))
                .collect();
            let problema =
                if de_outro.is_empty() { Problema::EventoFalso } else { Problema::ReservaDuplicada };
            let provas: Vec<_> = desmentidos(self, problema, errados).into_iter().chain([fonte]).collect();
            self.veredito.acusar(problema, errados, &provas, || {
                format!("os assentos {errados} não podiam passar a ser de {cliente}")
            });
            self.sala.esquecer(errados);
        }
        let alheio = !self.suspeitos.nosso(cliente) && !self.suspeitos.sozinha();
        if !alheio && !self.suspeitos.fez(cliente, evento.assentos, posse, ate) {
            self.veredito.acusar(Problema::EventoFalso, evento.assentos, &[fonte], || {
                format!("o cliente {cliente} não fez nenhum pedido que o explique")
            });
        }
    }

    fn alguem_largou(&mut self, evento: &Evento, fonte: Fonte<'a>, ate: u64) {
        for assento in evento.assentos {
            let lugar = self.sala.lugar(assento);
            let possiveis = lugar.possiveis();
            let desconhecido = possiveis.iter().any(|posse| match posse {
                Posse::Alheia | Posse::Qualquer => true,
                Posse::De(dono, _) => !self.suspeitos.nosso(*dono) && !self.suspeitos.sozinha(),
                Posse::Livre => false,
            });
            if desconhecido || self.suspeitos.pode_vencer(lugar, assento, ate) {
                continue;
            }
            let donos: Vec<(ClientId, bool)> = possiveis
                .iter()
                .filter_map(
                    |posse| if let Posse::De(dono, firme) = posse { Some((*dono, *firme)) } else { None },
                )
                .collect();
            // O pedido que devolve pode devolver muitos: não se gasta aqui.
            if donos.iter().any(|(dono, _)| self.suspeitos.larga(*dono, assento, ate)) {
                continue;
            }
            let cedo = donos.iter().any(|(_, firme)| !firme);
            let problema = if cedo { Problema::VenceuCedo } else { Problema::EventoFalso };
            let autor = self.autor(assento).map(|(_, fonte)| fonte);
            let provas: Vec<_> = autor.into_iter().chain([fonte]).collect();
            self.veredito.acusar(problema, assento.into(), &provas, || {
                let porque = if cedo { "o prazo ainda não tinha vencido" } else { "ninguém o devolveu" };
                format!("o assento {assento} ficou livre, e {porque}")
            });
        }
    }

    /// Os eventos que dizem o que esta versão é.
    pub(super) fn conferir_grupo(&mut self, grupo: &Grupo<'a>) {
        for visto in grupo.vistos {
            let evento = visto.evento;
            self.somas.somar(grupo.conversa, &evento);
            if let (true, Some(Feita { certos, todos, posse, autor })) = (grupo.exato(), self.mudanca) {
                let cabe = (certos - evento.assentos).is_empty() && (evento.assentos - todos).is_empty();
                let igual = posse == Posse::from(evento.mudanca) && cabe;
                if !igual {
                    self.veredito.acusar(
                        Problema::EventoFalso,
                        evento.assentos,
                        &[autor, self.do_evento(grupo, visto)],
                        || "o evento não diz o que mudou nesta versão".into(),
                    );
                }
                continue;
            }
            let (cliente, sao) = match evento.mudanca {
                Mudanca::Reservado(cliente) => (Some(cliente), Classes::SEU_FIRME),
                Mudanca::Segurado(cliente) => (Some(cliente), Classes::SEU_SEGURADO),
                Mudanca::Livre => (ClientId::new(1), Classes::LIVRE),
            };
            let Some(cliente) = cliente else { continue };
            if !self.suspeitos.nosso(cliente) {
                self.sala.conhecer(cliente, evento.assentos);
            }
            let fonte = self.do_evento(grupo, visto);
            let frase = Frase { assentos: evento.assentos, sao };
            let errados = self.sala.ouvir(cliente, frase, (self.atual, fonte));
            self.desmentir(grupo, errados, fonte);
        }
        if !grupo.exato() {
            self.conferir_soma(grupo);
        }
    }

    fn desmentir(&mut self, grupo: &Grupo<'a>, errados: Assentos, fonte: Fonte<'a>) {
        if errados.is_empty() {
            return;
        }
        let autor = errados.iter().next().and_then(|um| self.autor(um)).map(|(_, fonte)| fonte);
        let provas: Vec<_> = autor.into_iter().chain([fonte]).collect();
        let versao = grupo.versao;
        self.veredito.acusar(Problema::EventoFalso, errados, &provas, || {
            format!("os assentos {errados} não eram isto na versão {versao}")
        });
    }

    /// O que se contou, somado, tem de ser a sala.
    fn conferir_soma(&mut self, grupo: &Grupo<'a>) {
        let soma = &self.somas.somas[grupo.conversa as usize];
        if soma.is_empty() {
            return;
        }
        let faltam: Assentos = Assento::todos()
            .filter(|um| match (soma[um.indice()], self.sala.lugar(*um).certo()) {
                (Some(Posse::Alheia), _) | (_, Some(Posse::Alheia)) => false,
                (Some(contado), Some(certo)) => contado != certo,
                _ => false,
            })
            .collect();
        if faltam.is_empty() {
            return;
        }
        let autor = faltam.iter().next().and_then(|um| self.autor(um)).map(|(_, fonte)| fonte);
        let linha = (!grupo.vistos.is_empty()).then(|| self.do_grupo(grupo));
        let provas: Vec<_> = autor.into_iter().chain(linha).collect();
        let versao = grupo.versao;
        self.veredito.acusar(Problema::EventoPerdido, faltam, &provas, || {
            format!("o que se contou até a versão {versao} não soma o que a sala era: {faltam}")
        });
        self.somas.comecar(grupo.conversa, &self.sala);
    }
}
