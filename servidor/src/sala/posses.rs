//! De quem é cada assento, firme ou por um prazo, e em que versão mudou.
//!
//! É código sequencial puro: o tempo entra por argumento, e não há aqui trava, thread nem entrada e saída. Não conhece
//! as regras dos pedidos, que são da [`Sala`](super::Sala): só garante que a sala muda num lugar só, e a versão com ela.

use std::time::Duration;

use protocolo::limites::{ASSENTOS_MAX, PRAZO_S_MAX};
use protocolo::{Assento, Assentos, ClientId, Evento, Mudanca, Segundos, Versao};

use crate::tempo::instante::Instante;

/// O mais que um assento fica segurado, contado da primeira vez.
const SEGURADO_MAX: Duration = Duration::from_secs(PRAZO_S_MAX as u64);

/// Quem tem cada assento. Tem três KiB e se copia sem alocar: é assim que se guarda a sala como ela estava.
#[derive(Clone, Debug)]
pub struct Posses {
    donos: [Option<ClientId>; ASSENTOS_MAX as usize],
    /// Os assentos sem dono: o mesmo que `donos` diz, num conjunto, para que a seção crítica seja curta.
    livres: Assentos,
    /// Os que têm dono só por um prazo.
    segurados: Assentos,
    /// O prazo de cada assento segurado; dos outros, o último que tiveram.
    prazos: [Prazo; ASSENTOS_MAX as usize],
    /// O menor prazo dos segurados, para não o procurar a cada pedido.
    vence: Option<Instante>,
    versao: Versao,
    /// A versão em que cada assento mudou pela última vez.
    mudou_em: [Versao; ASSENTOS_MAX as usize],
}

/// De quando a quando um assento é segurado.
#[derive(Clone, Copy, Default, Debug)]
struct Prazo {
    desde: Instante,
    vence: Instante,
}

impl Default for Posses {
    fn default() -> Self {
        Self {
            donos: [None; ASSENTOS_MAX as usize],
            livres: Assentos::TODOS,
            segurados: Assentos::NENHUM,
            prazos: [Prazo::default(); ASSENTOS_MAX as usize],
            vence: None,
            versao: Versao(0),
            mudou_em: [Versao(0); ASSENTOS_MAX as usize],
        }
    }
}

impl Posses {
    /// Quantas vezes a sala mudou.
    pub const fn versao(&self) -> Versao {
        self.versao
    }

    /// Os assentos que ninguém tem.
    pub const fn livres(&self) -> Assentos {
        self.livres
    }

    /// Os que alguém tem só por um prazo.
    pub const fn segurados(&self) -> Assentos {
        self.segurados
    }

    /// Os que alguém tem firmes.
    pub fn firmes(&self) -> Assentos {
        !(self.livres | self.segurados)
    }

    /// Os assentos deste cliente, segurados ou firmes.
    pub fn de(&self, cliente: ClientId) -> Assentos {
        !self.livres - self.alheios(cliente, !self.livres)
    }

    /// Destes assentos, os que são de outra pessoa.
    pub fn alheios(&self, cliente: ClientId, assentos: Assentos) -> Assentos {
        (assentos - self.livres)
            .iter()
            .filter(|assento| self.donos[assento.indice()] != Some(cliente))
            .collect()
    }

    /// Os donos, um por assento que tem dono.
    pub fn donos(&self) -> impl Iterator<Item = ClientId> + '_ {
        self.donos.iter().flatten().copied()
    }

    /// Faz de todos estes assentos o que `mudanca` diz. É o único lugar em que a sala muda, e a versão com ela.
    ///
    /// Quem segura diz depois até quando ([`Posses::segurar_ate`]); sem dizer, vale o último prazo que o assento teve.
    pub fn mudar(&mut self, assentos: Assentos, mudanca: Mudanca) -> Option<Evento> {
        if assentos.is_empty() {
            return None;
        }
        self.versao.0 += 1;
        let dono = match mudanca {
            Mudanca::Livre => None,
            Mudanca::Reservado(cliente) | Mudanca::Segurado(cliente) => Some(cliente),
        };
        for assento in assentos {
            self.donos[assento.indice()] = dono;
            self.mudou_em[assento.indice()] = self.versao;
        }
        self.livres = if dono.is_none() { self.livres | assentos } else { self.livres - assentos };
        let eram_segurados = self.segurados;
        self.segurados = match mudanca {
            Mudanca::Segurado(_) => self.segurados | assentos,
            _ => self.segurados - assentos,
        };
        if self.segurados != eram_segurados {
            self.lembrar_vencimento();
        }
        Some(Evento { versao: self.versao, assentos, mudanca })
    }

    /// Estes assentos, que alguém segura, vencem daqui a `por`; `novos` são os que ele não segurava. Nenhum passa do
    /// máximo contado da primeira vez. Devolve quando vence o primeiro deles.
    pub fn segurar_ate(
        &mut self,
        agora: Instante,
        assentos: Assentos,
        novos: Assentos,
        por: Segundos,
    ) -> Instante {
        let mut primeiro = agora.mais(por);
        for assento in assentos {
            let prazo = &mut self.prazos[assento.indice()];
            if novos.contem(assento) {
                prazo.desde = agora;
            }
            prazo.vence = agora.mais(por).min(prazo.desde.somar(SEGURADO_MAX));
            primeiro = primeiro.min(prazo.vence);
        }
        self.lembrar_vencimento();
        primeiro
    }

    /// Até quando vai, ou foi da última vez, o prazo deste assento.
    pub const fn vence(&self, assento: Assento) -> Instante {
        self.prazos[assento.indice()].vence
    }

    /// Quando vence o próximo assento segurado, se há algum.
    pub const fn proximo_vencimento(&self) -> Option<Instante> {
        self.vence
    }

    /// Os segurados que vencem até `agora`.
    pub fn vencidos(&self, agora: Instante) -> Assentos {
        self.segurados.iter().filter(|assento| self.vence(*assento) <= agora).collect()
    }

    /// Destes assentos, os que mudaram depois de `desde`.
    pub fn mudaram(&self, assentos: Assentos, desde: Versao) -> Assentos {
        assentos.iter().filter(|assento| self.mudou_em[assento.indice()] > desde).collect()
    }

    /// O que resultou do que mudou depois de `desde`: um evento por dono, todos desta versão.
    pub fn resultado(&self, desde: Versao) -> Vec<Evento> {
        let mudaram = self.mudaram(Assentos::TODOS, desde);
        let evento = |assentos, mudanca| Evento { versao: self.versao, assentos, mudanca };
        let livres = Some(mudaram & self.livres).filter(|livres| !livres.is_empty());
        let segurados = self.por_dono(mudaram & self.segurados).into_iter();
        let firmes = self.por_dono(mudaram & self.firmes()).into_iter();
        livres
            .map(|livres| evento(livres, Mudanca::Livre))
            .into_iter()
            .chain(segurados.map(|(dono, quais)| evento(quais, Mudanca::Segurado(dono))))
            .chain(firmes.map(|(dono, quais)| evento(quais, Mudanca::Reservado(dono))))
            .collect()
    }

    /// Estes assentos, que têm dono, separados por dono.
    pub fn por_dono(&self, mut assentos: Assentos) -> Vec<(ClientId, Assentos)> {
        let mut grupos = Vec::new();
        while let Some(dono) = assentos.iter().next().and_then(|um| self.donos[um.indice()]) {
            let seus = assentos - self.alheios(dono, assentos);
            grupos.push((dono, seus));
            assentos = assentos - seus;
        }
        grupos
    }

    /// Põe o assento, que é livre, de volta na mão de quem o tinha quando o servidor parou.
    pub fn repor(&mut self, assento: Assento, dono: ClientId, prazo: Option<(Instante, Instante)>) {
        self.donos[assento.indice()] = Some(dono);
        self.livres = self.livres - assento.into();
        if let Some((desde, vence)) = prazo {
            self.prazos[assento.indice()] = Prazo { desde, vence };
            self.segurados.inserir(assento);
            self.lembrar_vencimento();
        }
    }

    /// A versão que a sala tinha quando o servidor parou.
    pub fn repor_versao(&mut self, versao: Versao) {
        self.versao = versao;
        self.mudou_em = [versao; ASSENTOS_MAX as usize];
    }

    /// Confere o que deve valer entre duas operações; entra em pânico se não vale.
    pub fn conferir(&self) {
        let com_dono: Assentos =
            Assentos::TODOS.iter().filter(|assento| self.donos[assento.indice()].is_some()).collect();
        assert_eq!(com_dono, !self.livres, "todo assento é livre ou de alguém");
        assert_eq!(self.segurados & self.livres, Assentos::NENHUM, "segurado é de alguém");
        assert_eq!(self.vence, self.menor_vencimento(), "o prazo lembrado é o menor");
        assert!(com_dono.is_empty() || self.versao > Versao(0), "a sala só enche mudando de versão");
    }

    /// Volta a procurar o menor prazo.
    pub fn lembrar_vencimento(&mut self) {
        self.vence = self.menor_vencimento();
    }

    fn menor_vencimento(&self) -> Option<Instante> {
        self.segurados.iter().map(|assento| self.prazos[assento.indice()].vence).min()
    }
}
