//! Quem observa: junta os eventos de cada conexão por versão, e confere a ordem deles entre as respostas.
//!
//! Só promete o que o protocolo promete: quem lê em dia recebe uma linha por mudança, em sequência; quem ficou mais de
//! [`EVENTOS_MAX`] para trás, o que resultou; antes de cada resposta, os eventos até a versão dela e nenhum maior (a não ser
//! que seja a resposta de quem esperou). Não sabe se o que os eventos dizem é verdade: isso é do [`replay`](super::replay).

use protocolo::limites::EVENTOS_MAX;
use protocolo::{Assentos, Comando, Error, Resposta};

use super::veredito::{Fonte, Problema, Veredito};
use crate::historia::{Conversa, Troca, Visto};

/// O que se contou a quem observa, de uma versão a outra.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grupo<'a> {
    pub(super) conversa: u32,
    /// A versão que já conhecia.
    pub(super) antes: u64,
    /// A versão que passou a conhecer.
    pub(super) versao: u64,
    /// As linhas.
    pub(super) vistos: &'a [Visto],
}

impl Grupo<'_> {
    /// É uma mudança só, contada numa linha.
    pub(super) const fn exato(&self) -> bool {
        self.versao == self.antes + 1 && self.vistos.len() == 1
    }
}

/// Uma conexão, lida na ordem em que chegou.
struct Leitura<'a, 'v> {
    conversa: &'a Conversa,
    numero: u32,
    veredito: &'v mut Veredito,
    grupos: &'v mut Vec<Grupo<'a>>,
    /// O próximo evento.
    proximo: usize,
    /// A última resposta que chegou.
    ultima: Option<&'a Troca>,
    /// A versão até onde se contou, se observa.
    contado: Option<u64>,
}

/// Lê uma conversa; os grupos que ela traz vão para `grupos`.
pub(super) fn ler<'a>(
    numero: u32,
    conversa: &'a Conversa,
    veredito: &mut Veredito,
    grupos: &mut Vec<Grupo<'a>>,
) {
    let mut leitura = Leitura { conversa, numero, veredito, grupos, proximo: 0, ultima: None, contado: None };
    let ouvidas = conversa.trocas.iter().filter_map(|troca| Some((troca, troca.resposta.as_ref()?)));
    for (i, (troca, resposta)) in ouvidas.enumerate() {
        leitura.eventos_ate(i);
        leitura.resposta(troca, resposta);
        leitura.ultima = Some(troca);
    }
    leitura.eventos_ate(usize::MAX);
}

impl<'a> Leitura<'a, '_> {
    /// Junta os eventos que chegaram antes da resposta de número `resposta`.
    fn eventos_ate(&mut self, resposta: usize) {
        let conversa = self.conversa;
        let eventos = &conversa.eventos;
        while let Some(primeiro) = eventos.get(self.proximo).filter(|visto| visto.depois_de <= resposta) {
            let versao = primeiro.evento.versao.0;
            let mesmos = eventos[self.proximo..]
                .iter()
                .take_while(|visto| visto.evento.versao.0 == versao && visto.depois_de <= resposta)
                .count();
            let vistos = &eventos[self.proximo..self.proximo + mesmos];
            self.proximo += mesmos;
            self.grupo(versao, vistos);
        }
    }

    fn grupo(&mut self, versao: u64, vistos: &'a [Visto]) {
        let fonte = Fonte::Evento(self.conversa.cliente, &vistos[0]);
        let Some(contado) = self.contado else {
            let assentos = vistos[0].evento.assentos;
            self.veredito.acusar(Problema::EventoFalso, assentos, &[fonte], || {
                "um evento para quem não observa".into()
            });
            return;
        };
        let mut ditos = Assentos::NENHUM;
        let mut repetidos = Assentos::NENHUM;
        for visto in vistos {
            repetidos |= ditos & visto.evento.assentos;
            ditos |= visto.evento.assentos;
        }
        let culpa = if versao <= contado {
            Some((Problema::EventoFalso, "essa versão já estava contada"))
        } else if versao == contado + 1 && vistos.len() > 1 {
            Some((Problema::EventoFalso, "uma mudança só, em mais de uma linha"))
        } else if !repetidos.is_empty() {
            Some((Problema::EventoFalso, "um assento duas vezes com o mesmo número"))
        } else if versao > contado + 1 && versao - contado <= EVENTOS_MAX as u64 {
            Some((Problema::EventoPerdido, "pulou mudanças que ainda se contam uma a uma"))
        } else {
            None
        };
        if let Some((problema, texto)) = culpa {
            let antes = self.ultimo_antes(vistos);
            let provas: Vec<_> = antes.into_iter().chain([fonte]).collect();
            let motivo = || format!("{texto}: já se tinha contado até a versão {contado}");
            self.veredito.acusar(problema, ditos, &provas, motivo);
        }
        if versao > contado {
            self.grupos.push(Grupo { conversa: self.numero, antes: contado, versao, vistos });
            self.contado = Some(versao);
        }
    }

    /// O que chegou logo antes destes eventos.
    fn ultimo_antes(&self, vistos: &[Visto]) -> Option<Fonte<'a>> {
        let conversa = self.conversa;
        let antes = self.proximo.checked_sub(vistos.len() + 1).map(|i| &conversa.eventos[i]);
        let depois_da_ultima =
            antes.filter(|visto| self.ultima.is_none_or(|troca| troca.ouvido <= visto.ouvido));
        depois_da_ultima
            .map(|visto| Fonte::Evento(conversa.cliente, visto))
            .or_else(|| self.ultima.map(|troca| Fonte::Troca(conversa.cliente, troca)))
    }

    fn resposta(&mut self, troca: &'a Troca, resposta: &Resposta) {
        match resposta {
            Resposta::Parado => self.contado = None,
            Resposta::Observando { versao } if self.contado.is_none() => self.contado = Some(versao.0),
            _ => self.alcancar(troca, resposta),
        }
    }

    /// Antes desta resposta deviam ter vindo os eventos até a versão dela, e nenhum maior.
    fn alcancar(&mut self, troca: &'a Troca, resposta: &Resposta) {
        let (Some(contado), Some(versao)) = (self.contado, resposta.versao()) else { return };
        let versao = versao.0;
        let esperou = matches!(troca.pedido, Comando::Aguardar { .. });
        let isenta = matches!(resposta, Resposta::Historico { .. })
            || matches!(resposta, Resposta::Recusado(recusa) if recusa.erro == Error::Indisponivel);
        if isenta {
            return;
        }
        let fonte = Fonte::Troca(self.conversa.cliente, troca);
        let anterior = self.proximo.checked_sub(1).map(|i| &self.conversa.eventos[i]);
        let provas: Vec<_> = anterior
            .map(|visto| Fonte::Evento(self.conversa.cliente, visto))
            .into_iter()
            .chain([fonte])
            .collect();
        if contado > versao && !esperou {
            self.veredito.acusar(Problema::EventoFalso, Assentos::NENHUM, &provas, || {
                format!("o evento da versão {contado} veio antes de uma resposta da versão {versao}")
            });
        } else if contado < versao && versao - contado <= EVENTOS_MAX as u64 {
            self.veredito.acusar(Problema::EventoPerdido, Assentos::NENHUM, &provas, || {
                format!("só se tinha contado até a versão {contado}, e veio uma resposta da versão {versao}")
            });
        }
        if contado < versao {
            // Tantas mudanças que, somadas, não mudaram nada; ou as que faltaram, e já estão acusadas.
            self.grupos.push(Grupo { conversa: self.numero, antes: contado, versao, vistos: &[] });
            self.contado = Some(versao);
        }
    }
}
