//! Quem espera por assentos: por ordem de chegada, e na mesma seção crítica que os libera.
//!
//! É código sequencial puro, parte da [`Sala`]: quem espera é um dado na fila, e o resultado sai por
//! [`Sala::tirar_entregas`]. Quando assentos ficam livres, a fila é percorrida do primeiro ao último e cada um que pode
//! ser atendido inteiro é atendido; os outros não prendem quem vem depois.

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Assentos, ClientId, Error, Escolha, Mudanca, Pedido, Resposta, Segundos};

use super::fila::Fila;
use super::quem::Requerente;
use super::regras::Tomados;
use super::{Concessao, Entrega, Epoca, Negado, Sala};
use crate::tempo::instante::Instante;

/// O que acontece com quem pede o que talvez tenha de esperar: assentos, ou o token.
#[derive(Clone, Debug)]
pub enum Aguardado {
    /// Estava livre, e agora é seu.
    Atendido(Resposta),
    /// Entrou na fila; com quantos à frente.
    NaFila(usize),
}

/// A fila, e o que basta saber dela para não a percorrer à toa.
#[derive(Clone, Debug, Default)]
pub(super) struct Aguardando {
    fila: Fila<Espera>,
    interesse: Interesse,
    /// O que ficou livre desde que a fila foi percorrida.
    liberados: Assentos,
}

#[derive(Clone, Copy, Debug)]
struct Espera {
    cliente: ClientId,
    escolha: Escolha,
}

/// O que quem espera quer, ou mais do que isso: quem sai da fila só deixa de contar na próxima vez que ela é percorrida.
#[derive(Clone, Copy, Debug, Default)]
struct Interesse {
    assentos: Assentos,
    /// A menor das quantidades pedidas, se alguém pede por quantidade.
    quantidade: Option<u32>,
}

impl Interesse {
    fn juntar(&mut self, escolha: Escolha) {
        match escolha {
            Escolha::Estes(assentos) => self.assentos |= assentos,
            Escolha::Quantidade(n) => self.quantidade = Some(self.quantidade.map_or(n, |menor| menor.min(n))),
        }
    }
}

impl Aguardando {
    /// Anota que estes assentos ficaram livres.
    pub(super) fn notar(&mut self, liberados: Assentos) {
        self.liberados |= liberados;
    }

    /// Quando desiste o próximo que tem prazo.
    pub(super) fn proxima_desistencia(&self) -> Option<Instante> {
        self.fila.proxima_desistencia()
    }
}

impl Sala {
    /// `AGUARDAR`: os assentos, se estão livres; senão, um lugar no fim da fila.
    ///
    /// Recusa na hora o que espera nenhuma daria: `INSUFICIENTE`, mais do que a sala tem; `LIMITE`, mais do que a cota.
    pub fn aguardar(
        &mut self,
        agora: Instante,
        quem: Requerente,
        escolha: Escolha,
        ate: Option<Segundos>,
    ) -> Result<Aguardado, Negado> {
        self.vencer(agora);
        let cliente = quem.cliente;
        let faltam = match escolha {
            Escolha::Estes(assentos) => (assentos - self.posses.de(cliente)).len(),
            Escolha::Quantidade(quantos) if quantos > u32::from(ASSENTOS_MAX) => {
                return Err(self.negado(Error::Insuficiente { livres: self.posses.livres().len() }));
            }
            Escolha::Quantidade(quantos) => quantos,
        };
        self.regras(Epoca::Agora).exigir_cota(cliente, faltam).map_err(|erro| self.negado(erro))?;
        if let Ok(tomados) = self.tomar(cliente, pedido_de(escolha)) {
            return Ok(Aguardado::Atendido(self.reservado(&tomados)));
        }
        self.aguardando.interesse.juntar(escolha);
        let ate = ate.map(|prazo| agora.mais(prazo));
        Ok(Aguardado::NaFila(self.aguardando.fila.entrar(quem.conexao, ate, Espera { cliente, escolha })))
    }

    /// Tira a conexão da fila de quem espera por assentos; diz se ela estava lá.
    pub fn desistir_de_aguardar(&mut self, conexao: ClientId) -> bool {
        self.aguardando.fila.sair(conexao).is_some()
    }

    /// Esvazia a fila de quem espera por assentos: cada um recebe `erro`.
    pub fn dispensar_aguardando(&mut self, erro: &Error) {
        let recusa =
            |conexao| Entrega { conexao, resultado: Err(erro.clone().into()), concessao: Concessao::Nenhuma };
        self.entregas.extend(self.aguardando.fila.esvaziar().map(recusa));
    }

    /// Desfaz o que foi dado a `quem` depois de esperar, porque ele já se foi: volta a como era, e passa adiante.
    pub fn devolver(&mut self, agora: Instante, quem: Requerente, concessao: Concessao) {
        match concessao {
            Concessao::Nenhuma => {}
            Concessao::Token => self.token().partir(agora, quem.conexao),
            Concessao::Assentos { novos, firmados } => {
                self.vencer(agora);
                // Outra conexão do mesmo cliente pode já ter mudado o que ele tem.
                let firmes = self.posses.de(quem.cliente) & self.posses.firmes();
                // Um a um, porque cada um volta ao prazo que tinha.
                for assento in firmados & firmes {
                    self.mudar(assento.into(), Mudanca::Segurado(quem.cliente));
                }
                self.liberar(novos & firmes);
            }
        }
    }

    /// Atende quem espera pelo que ficou livre desde a última vez. O monitor a chama antes de abrir a trava: quem chega
    /// depois não passa à frente.
    pub fn atender_fila(&mut self) {
        let liberados = std::mem::take(&mut self.aguardando.liberados);
        let Interesse { assentos, quantidade } = self.aguardando.interesse;
        let bastam = quantidade.is_some_and(|quantidade| quantidade <= self.posses.livres().len());
        if liberados.is_empty() || (liberados & assentos).is_empty() && !bastam {
            return;
        }
        let mut interesse = Interesse::default();
        let mut fila = std::mem::take(&mut self.aguardando.fila);
        fila.retirar_se(|conexao, espera| {
            let atendido = self.atender(conexao, *espera);
            if !atendido {
                interesse.juntar(espera.escolha);
            }
            atendido
        });
        self.aguardando.fila = fila;
        self.aguardando.interesse = interesse;
    }

    /// O prazo de quem mais cedo desiste acabou em `quando`, se foi o de alguém; diz se foi.
    pub(super) fn vencer_espera(&mut self, quando: Instante) -> bool {
        let desistente = self.aguardando.fila.desistente(quando);
        if let Some(conexao) = desistente {
            let resultado = self.negar(Error::TempoEsgotado);
            self.entregas.push(Entrega { conexao, resultado, concessao: Concessao::Nenhuma });
        }
        desistente.is_some()
    }

    /// O que deve valer da fila entre duas seções críticas: quem ainda espera não pode ser atendido.
    pub(super) fn conferir_espera(&self) {
        self.aguardando.fila.conferir();
        for espera in self.aguardando.fila.iter() {
            let serve = self.regras(Epoca::Agora).escolher_todos(espera.cliente, espera.escolha);
            assert!(serve.is_err(), "o cliente {} espera por {serve:?}, que pode ter", espera.cliente);
        }
    }

    /// Atende quem espera, se pode ser atendido inteiro, ou lhe diz que já não pode; diz se ele sai da fila.
    fn atender(&mut self, conexao: ClientId, espera: Espera) -> bool {
        let (resultado, concessao) = match self.tomar(espera.cliente, pedido_de(espera.escolha)) {
            Ok(tomados) => {
                let Tomados { novos, firmados, .. } = tomados;
                (Ok(self.reservado(&tomados)), Concessao::Assentos { novos, firmados })
            }
            // O cliente gastou a cota enquanto esperava: esperar mais não adianta.
            Err(erro @ Error::Limite { .. }) => (self.negar(erro), Concessao::Nenhuma),
            Err(_) => return false,
        };
        self.entregas.push(Entrega { conexao, resultado, concessao });
        true
    }
}

const fn pedido_de(escolha: Escolha) -> Pedido {
    match escolha {
        Escolha::Estes(assentos) => Pedido::Todos(assentos),
        Escolha::Quantidade(quantos) => Pedido::Quantidade { quantos, preferidos: Assentos::NENHUM },
    }
}
