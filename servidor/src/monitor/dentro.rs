//! O que o mutex da sala guarda, e as contas que só se fazem com ele fechado.
//!
//! É código sequencial: quem tem `&mut Dentro` tem a trava. Aqui não se fecha trava, não se dorme e não se acorda ninguém: diz-se
//! quem acordar, e o monitor acorda depois de abrir.

use std::collections::{BTreeMap, HashMap};

use protocolo::{ClientId, Quadro, Versao};

use super::trocas::{Chegada, Dependencia, Lugar, Pelo, Solicitado};
use crate::base::sincronia::{Arc, Condvar};
use crate::sala::quem::Requerente;
use crate::sala::{Entrega, Epoca, Sala, Veredito, Vista};
use crate::tempo::instante::Instante;

/// Sem pressa de gravar (a sala só vive na memória), quantas novidades se juntam antes de acordar quem guarda a história.
const LOTE_SEM_PRESSA: usize = 1024;

/// O que o mutex guarda.
#[derive(Debug)]
pub(super) struct Dentro {
    pub(super) sala: Sala,
    /// Quem dorme à espera da vez, por conexão, e o que já lhe foi entregue.
    pub(super) esperas: HashMap<ClientId, Espera>,
    /// Quem é agora, por conexão, quem retomou outro cliente.
    pub(super) retomadas: BTreeMap<ClientId, ClientId>,
    pub(super) vigia: Vigia,
    /// Quantas conexões observam a sala.
    pub(super) observadores: usize,
    /// A versão de que já se avisou quem conta aos que observam.
    avisada: Versao,
    /// O número do lote em que vai o que muda agora.
    pub(super) lote: u64,
    /// O último lote de que se sabe se foi gravado ou não.
    pub(super) decidido: u64,
    /// O lote da última mudança do token.
    pub(super) lote_do_token: u64,
    pub(super) gravador: QuemGrava,
}

#[derive(Debug, Default)]
pub(super) struct Espera {
    acorda: Arc<Condvar>,
    entrega: Option<Chegada>,
}

/// O que faz quem grava.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum QuemGrava {
    Acordado,
    Dorme,
    Dispensado,
}

/// O que faz quem cuida dos prazos.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vigia {
    Acordado,
    /// Dorme até este instante; `None`: não há o que vença.
    DormeAte(Option<Instante>),
    Dispensado,
}

impl Dentro {
    /// A sala, e ninguém à espera dela.
    pub(super) fn new(sala: Sala) -> Self {
        Self {
            sala,
            esperas: HashMap::new(),
            retomadas: BTreeMap::new(),
            vigia: Vigia::Acordado,
            observadores: 0,
            avisada: Versao::default(),
            lote: 1,
            decidido: 0,
            lote_do_token: 0,
            gravador: QuemGrava::Acordado,
        }
    }

    /// Tudo o que era da conexão se vai com ela.
    pub(super) fn partir(&mut self, agora: Instante, quem: Requerente) {
        // A vez pode ter chegado sem que ela soubesse: não fica com quem se foi.
        if let Some(entrega) = self.esperas.remove(&quem.conexao).and_then(|espera| espera.entrega) {
            self.sala.devolver(agora, quem, entrega.concessao);
        }
        self.retomadas.remove(&quem.conexao);
        self.sala.token().partir(agora, quem.conexao);
        self.sala.desistir_de_aguardar(quem.conexao);
        self.sala.despedir(quem.cliente);
    }

    pub(super) fn sair_das_filas(&mut self, conexao: ClientId) {
        self.sala.token().desistir(conexao);
        self.sala.desistir_de_aguardar(conexao);
    }

    pub(super) fn dar_lugar(&mut self, conexao: ClientId, pelo: Pelo, a_frente: usize) -> Solicitado {
        let espera = Espera::default();
        let lugar = Lugar { conexao, pelo, acorda: Arc::clone(&espera.acorda) };
        self.esperas.insert(conexao, espera);
        Solicitado::Espera(lugar, a_frente)
    }

    pub(super) fn mostrar(&self, vista: Option<&mut Vista>, de: Epoca) {
        if let Some(vista) = vista {
            self.sala.mostrar(vista, de);
        }
    }

    /// O que falta a uma resposta sobre os assentos de agora: de que lote ela depende, e o que contar antes dela.
    pub(super) fn concluir(
        &self,
        veredito: Veredito,
        vista: Option<&mut Vista>,
        depende: &mut Dependencia,
    ) -> Veredito {
        depende.juntar(self.por_decidir());
        self.mostrar(vista, Epoca::Agora);
        veredito
    }

    /// O retrato da sala que se pode mostrar a quem tem isto por dizer, e a versão dele; quem observa fica em dia com ela.
    pub(super) fn ler(
        &mut self,
        agora: Instante,
        cliente: ClientId,
        vista: Option<&mut Vista>,
        depende: &mut Dependencia,
    ) -> (Quadro, Versao) {
        let epoca = Self::epoca_de(*depende);
        let lido = self.sala.quadro(agora, Some(cliente), epoca);
        if epoca == Epoca::Agora {
            depende.juntar(self.por_decidir());
        }
        self.mostrar(vista, epoca);
        lido
    }

    /// De qual sala se fala a quem tem isto por dizer: quem já ouviu, ou vai ouvir, do que não está gravado não pode voltar
    /// atrás.
    pub(super) const fn epoca_de(depende: Dependencia) -> Epoca {
        if depende.antes == 0 { Epoca::Gravada } else { Epoca::Agora }
    }

    /// O que mudou no token também vai para o disco.
    pub(super) fn anotar_token(&mut self) {
        if self.sala.anotar_token() {
            self.lote_do_token = self.lote;
        }
    }

    /// O lote de que depende o que se disser da sala de agora; zero, se está tudo gravado ou se gravar não é preciso.
    pub(super) fn por_decidir(&self) -> u64 {
        if self.sala.e_gravada() { self.lote_por_decidir() } else { 0 }
    }

    /// O mesmo, do token.
    pub(super) fn por_decidir_do_token(&mut self) -> u64 {
        self.anotar_token();
        if self.sala.e_gravada() && self.lote_do_token > self.decidido { self.lote_do_token } else { 0 }
    }

    /// O último lote em que há alguma coisa de que ainda não se sabe se foi gravada; zero, se não há.
    pub(super) fn lote_por_decidir(&self) -> u64 {
        let ultimo = if self.sala.por_gravar() > 0 { self.lote } else { self.lote - 1 };
        if ultimo > self.decidido { ultimo } else { 0 }
    }

    /// Diz se é hora de gravar: já, se alguém espera por isso; se não, quando juntar bastante.
    pub(super) fn ha_bastante_por_gravar(&self) -> bool {
        let bastante = if self.sala.e_gravada() { 1 } else { LOTE_SEM_PRESSA };
        self.sala.por_gravar() >= bastante
    }

    /// Diz se é preciso acordar quem grava; um aviso basta.
    pub(super) fn acordar_gravador(&mut self) -> bool {
        let dorme = self.gravador == QuemGrava::Dorme;
        if dorme {
            self.gravador = QuemGrava::Acordado;
        }
        dorme
    }

    /// Põe cada entrega na mão de quem a espera; devolve quem acordar. Quase sempre não há nenhuma.
    pub(super) fn entregar(&mut self) -> Vec<Arc<Condvar>> {
        let mut acordar = Vec::new();
        if !self.sala.ha_entregas() {
            return acordar;
        }
        let lote = self.por_decidir();
        for Entrega { conexao, resultado: veredito, concessao } in self.sala.tirar_entregas() {
            if let Some(espera) = self.esperas.get_mut(&conexao) {
                espera.entrega = Some(Chegada { veredito, lote, concessao });
                acordar.push(Arc::clone(&espera.acorda));
            }
        }
        acordar
    }

    /// O que foi entregue à conexão, se algo foi; então ela já não espera.
    pub(super) fn tirar_entrega(&mut self, conexao: ClientId) -> Option<Chegada> {
        let entrega = self.esperas.get_mut(&conexao)?.entrega.take();
        if entrega.is_some() {
            self.esperas.remove(&conexao);
        }
        entrega
    }

    /// Diz se é hora de acordar quem dorme até um prazo, porque apareceu um anterior; um aviso basta.
    pub(super) fn acorda_vigia(&mut self) -> bool {
        let Vigia::DormeAte(ate) = self.vigia else { return false };
        let proximo = self.sala.proximo_vencimento();
        let acorda = proximo.is_some_and(|proximo| ate.is_none_or(|ate| proximo < ate));
        if acorda {
            self.vigia = Vigia::Acordado;
        }
        acorda
    }

    /// Diz se há a quem contar que a sala mudou, e ainda não se avisou disso.
    pub(super) fn ha_o_que_contar(&mut self) -> bool {
        let versao = self.sala.versao_gravada();
        let mudou = std::mem::replace(&mut self.avisada, versao) != versao;
        mudou && self.observadores > 0
    }
}
