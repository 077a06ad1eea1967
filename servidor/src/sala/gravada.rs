//! A parte da [`Sala`] que vai e volta do disco: o que está gravado, o que vai ser, e o que se desfaz.
//!
//! É código sequencial puro: aqui não se grava nada. Há duas salas, a de agora e a do disco; do que se diz da segunda não se
//! volta atrás.

use protocolo::{ClientId, Versao};

use super::diario::Diario;
use super::posses::Posses;
use super::registro::{Guardado, Novidade, Registro};
use super::{Negado, Operacao, Sala};
use crate::tempo::instante::Instante;
use crate::tempo::momento::Momento;

/// A sala como está no disco, e como ficará quando o lote que se grava estiver lá.
#[derive(Clone, Debug)]
pub(super) struct Gravada {
    posses: Posses,
    em_voo: Posses,
    /// O contador do token, nas mesmas duas horas.
    contador: u64,
    contador_em_voo: u64,
    /// O disco recusou o que venceu: até aqui não se tenta de novo.
    adiado_ate: Instante,
}

/// De qual sala se fala.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Epoca {
    /// A de agora, com o que ainda não está gravado.
    Agora,
    /// A que está no disco: o que dela se diz não se desdiz.
    Gravada,
}

impl Sala {
    /// A sala que o disco guardou, que daqui em diante só vale depois de gravada. O instante zero foi às `inicio`.
    pub fn guardada(cota: u32, guardado: &Guardado, inicio: Momento) -> Self {
        let mut sala = Self {
            diario: Diario::new(inicio),
            clientes: guardado.clientes,
            nomes: guardado.nomes.clone(),
            ..Self::new(cota)
        };
        for (assento, ocupacao) in &guardado.assentos {
            let prazo = ocupacao
                .vence
                .map(|vence| (sala.diario.instante(ocupacao.desde), sala.diario.instante(vence)));
            sala.posses.repor(*assento, ocupacao.cliente, prazo);
        }
        sala.posses.repor_versao(guardado.versao);
        sala.token.repor(guardado.cerca, guardado.contador);
        // Ninguém está conectado: os nomes se esquecem com os últimos assentos.
        sala.ausentes = guardado.nomes.keys().copied().collect();
        sala.gravada = Some(Box::new(Gravada {
            posses: sala.posses.clone(),
            em_voo: sala.posses.clone(),
            contador: guardado.contador,
            contador_em_voo: guardado.contador,
            adiado_ate: Instante::default(),
        }));
        sala
    }

    /// A versão que já se pode contar a qualquer um: a última gravada.
    pub fn versao_gravada(&self) -> Versao {
        self.posses_de(Epoca::Gravada).versao()
    }

    /// A recusa que a sala do disco dá a esta operação, se a dá: dela não se volta atrás. `None` também se a sala só vive na memória.
    pub fn recusa_do_disco(&self, cliente: ClientId, operacao: Operacao) -> Option<Negado> {
        self.gravada.as_ref()?;
        self.regras(Epoca::Gravada).recusa(cliente, operacao)
    }

    /// Números de cliente até este podem ser dados, quando isto estiver gravado. Quem chega aqui depois de um número maior
    /// não o desdiz.
    pub fn anotar_clientes(&mut self, ate: u64) {
        self.clientes = self.clientes.max(ate);
        self.diario.anotar(Novidade::Clientes(self.clientes));
    }

    /// Só os números até este foram dados, e não se dá mais nenhum.
    pub fn fechar_clientes(&mut self, dados: u64) {
        self.clientes = dados;
        self.diario.anotar(Novidade::Clientes(dados));
    }

    /// Anota a cerca e o contador, se mudaram; diz se mudaram.
    pub fn anotar_token(&mut self) -> bool {
        let numeros = self.token.tirar_numeros();
        if let Some((cerca, contador)) = numeros {
            self.diario.anotar(Novidade::Token { cerca, contador });
        }
        numeros.is_some()
    }

    /// Leva o que mudou e ainda não foi para o disco.
    pub fn tirar_diario(&mut self) -> Vec<Registro> {
        if let Some(gravada) = &mut self.gravada {
            gravada.em_voo.clone_from(&self.posses);
            gravada.contador_em_voo = self.token.contador();
        }
        self.diario.tirar()
    }

    /// Quantas novidades esperam para ir ao disco.
    pub fn por_gravar(&self) -> usize {
        self.diario.len()
    }

    /// Diz se o que muda só vale depois de gravado.
    pub const fn e_gravada(&self) -> bool {
        self.gravada.is_some()
    }

    /// O lote tirado está no disco.
    pub fn gravou(&mut self) {
        if let Some(gravada) = self.gravada.as_deref_mut() {
            std::mem::swap(&mut gravada.posses, &mut gravada.em_voo);
            gravada.contador = gravada.contador_em_voo;
        }
    }

    /// O lote tirado não pôde ser gravado: a sala volta a ser a do disco. Quem esperava pelo token ouve `INDISPONIVEL` se a
    /// passagem dele se perdeu. O que vence só se tenta gravar de novo a partir de `de_novo`.
    pub fn desfazer(&mut self, lote: Vec<Registro>, de_novo: Instante) {
        let perdeu_token = lote.iter().any(e_do_token) || self.diario.algum(e_do_token);
        self.diario.desfazer(lote);
        let Some(gravada) = self.gravada.as_deref_mut() else { return };
        gravada.adiado_ate = de_novo;
        self.posses.clone_from(&gravada.posses);
        if perdeu_token {
            self.token.desfazer(gravada.contador);
        }
        self.recentes.esquecer_depois_de(self.posses.versao());
        self.aguardando.notar(self.posses.livres());
    }

    /// Quando vence o próximo assento segurado; depois de uma recusa do disco, não antes de se poder tentar de novo.
    pub(super) fn proximo_assento(&self) -> Option<Instante> {
        let adiado = || self.gravada.as_ref().map_or(Instante::default(), |gravada| gravada.adiado_ate);
        self.posses.proximo_vencimento().map(|vence| vence.max(adiado()))
    }

    /// A sala de agora, ou a que está no disco.
    pub(super) fn posses_de(&self, de: Epoca) -> &Posses {
        match (de, &self.gravada) {
            (Epoca::Gravada, Some(gravada)) => &gravada.posses,
            _ => &self.posses,
        }
    }
}

const fn e_do_token(registro: &Registro) -> bool {
    matches!(registro.novidade, Novidade::Token { .. })
}
