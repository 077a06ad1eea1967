//! O token: exclusão mútua entregue por ordem de chegada, com prazo (*lease*) e número de fencing.
//!
//! É código sequencial puro, como a sala que o contém: o tempo entra por argumento, e quem espera é um dado na fila, não
//! uma thread presa. O que se deve dizer a quem esperava sai por [`Token::tirar_entregas`]; quem acorda é o monitor.
//!
//! Fontes: a fila é a de um semáforo forte (E. W. Dijkstra, 1965); o prazo, de C. Gray e D. Cheriton, "Leases" (1989);
//! o número de fencing, de M. Burrows, "The Chubby lock service" (2006).

use std::collections::BTreeMap;

use protocolo::{Cerca, ClientId, Error, Resposta, Segundos};

use super::fila::Fila;
use super::quem::Requerente;
use super::{Aguardado, Concessao, Entrega};
use crate::tempo::instante::Instante;

/// O token e a sua fila.
#[derive(Clone, Debug, Default)]
pub struct Token {
    dono: Option<Dono>,
    fila: Fila<Espera>,
    /// O número da última concessão.
    cerca: Cerca,
    /// Quantas vezes um dono liberou o token.
    contador: u64,
    /// A cerca e o contador que já foram para o diário da sala.
    anotados: (Cerca, u64),
    /// Quantas concessões teve cada conexão que ainda está aí.
    concessoes: BTreeMap<ClientId, u64>,
    entregas: Vec<Entrega>,
    vencidas: Vec<Requerente>,
}

/// De quem é o token, e até quando.
#[derive(Clone, Copy, Debug)]
struct Dono {
    quem: Requerente,
    vence: Instante,
}

#[derive(Clone, Copy, Debug)]
struct Espera {
    quem: Requerente,
    por: Segundos,
}

impl Token {
    /// `TOKEN SOLICITAR`: o token, se está livre; senão, um lugar no fim da fila.
    ///
    /// Recusa: `TOKEN_JA_E_SEU`.
    pub fn solicitar(
        &mut self,
        agora: Instante,
        quem: Requerente,
        por: Segundos,
        ate: Option<Segundos>,
    ) -> Result<Aguardado, Error> {
        self.vencer(agora);
        if self.e_dono(quem.cliente) {
            return Err(Error::TokenJaESeu);
        }
        let espera = Espera { quem, por };
        if self.dono.is_none() {
            return Ok(Aguardado::Atendido(self.conceder(agora, espera)));
        }
        let ate = ate.map(|prazo| agora.mais(prazo));
        Ok(Aguardado::NaFila(self.fila.entrar(quem.conexao, ate, espera)))
    }

    /// `TOKEN LIBERAR`: o token passa ao primeiro da fila.
    ///
    /// Recusa: `TOKEN_NAO_E_SEU`, também para quem o teve e deixou o prazo passar.
    pub fn liberar(&mut self, agora: Instante, cliente: ClientId) -> Result<Resposta, Error> {
        self.vencer(agora);
        if !self.e_dono(cliente) {
            return Err(Error::TokenNaoESeu);
        }
        self.contador += 1;
        self.passar(agora);
        Ok(Resposta::Liberado { contador: self.contador, espera: self.espera() })
    }

    /// `TOKEN ESTADO`.
    pub fn estado(&mut self, agora: Instante) -> Resposta {
        self.vencer(agora);
        Resposta::TokenEstado {
            dono: self.dono.map(|dono| dono.quem.cliente),
            cerca: self.cerca,
            contador: self.contador,
            espera: self.espera(),
        }
    }

    /// Diz se o token é do cliente com este número de fencing.
    pub fn vale(&mut self, agora: Instante, cliente: ClientId, cerca: Cerca) -> bool {
        self.vencer(agora);
        self.e_dono(cliente) && self.cerca == cerca
    }

    /// O número da última concessão.
    pub const fn cerca(&self) -> Cerca {
        self.cerca
    }

    /// Quantas vezes um dono liberou o token.
    pub const fn contador(&self) -> u64 {
        self.contador
    }

    /// A cerca e o contador, se mudaram desde a última vez.
    pub fn tirar_numeros(&mut self) -> Option<(Cerca, u64)> {
        let numeros = (self.cerca, self.contador);
        (std::mem::replace(&mut self.anotados, numeros) != numeros).then_some(numeros)
    }

    /// Os números de quando o servidor parou; o token está livre.
    pub fn repor(&mut self, cerca: Cerca, contador: u64) {
        (self.cerca, self.contador, self.anotados) = (cerca, contador, (cerca, contador));
    }

    /// O que mudou não pôde ser gravado: o token fica livre, o contador volta ao que era, e quem esperava ouve
    /// `INDISPONIVEL`. A cerca não volta: números não se repetem.
    pub fn desfazer(&mut self, contador: u64) {
        self.dono = None;
        self.contador = contador;
        self.dispensar(&Error::Indisponivel);
    }

    /// A conexão acabou, ou mudou de cliente: se o token é dela, passa adiante; se espera, sai da fila.
    pub fn partir(&mut self, agora: Instante, conexao: ClientId) {
        self.vencer(agora);
        self.concessoes.remove(&conexao);
        if self.dono.is_some_and(|dono| dono.quem.conexao == conexao) {
            self.passar(agora);
        } else {
            self.desistir(conexao);
        }
    }

    /// Tira a conexão da fila; diz se ela estava lá.
    pub fn desistir(&mut self, conexao: ClientId) -> bool {
        self.fila.sair(conexao).is_some()
    }

    /// Esvazia a fila: cada um que esperava recebe `erro`.
    pub fn dispensar(&mut self, erro: &Error) {
        let recusa =
            |conexao| Entrega { conexao, resultado: Err(erro.clone().into()), concessao: Concessao::Nenhuma };
        self.entregas.extend(self.fila.esvaziar().map(recusa));
    }

    /// Faz acontecer o que vence até `agora`, na ordem em que venceu: fins de prazo do dono e desistências da fila.
    pub fn vencer(&mut self, agora: Instante) {
        while let Some(quando) = self.proximo_vencimento().filter(|quando| *quando <= agora) {
            match self.dono {
                Some(dono) if dono.vence == quando => {
                    self.vencidas.push(dono.quem);
                    self.passar(agora);
                }
                _ => {
                    let Some(conexao) = self.fila.desistente(quando) else { break };
                    let resultado = Err(Error::TempoEsgotado.into());
                    self.entregas.push(Entrega { conexao, resultado, concessao: Concessao::Nenhuma });
                }
            }
        }
    }

    /// Quando vence a próxima coisa, se alguma vence.
    pub fn proximo_vencimento(&self) -> Option<Instante> {
        let desistencia = self.fila.proxima_desistencia();
        self.dono.map(|dono| dono.vence).into_iter().chain(desistencia).min()
    }

    /// Diz se há o que dizer a quem esperava.
    pub fn ha_entregas(&self) -> bool {
        !self.entregas.is_empty()
    }

    /// O que se deve dizer a quem esperava, desde a última vez.
    pub fn tirar_entregas(&mut self) -> Vec<Entrega> {
        std::mem::take(&mut self.entregas)
    }

    /// De quem o prazo venceu, desde a última vez.
    pub fn tirar_vencidas(&mut self) -> Vec<Requerente> {
        std::mem::take(&mut self.vencidas)
    }

    /// Quem espera, do primeiro ao último.
    pub fn fila(&self) -> impl Iterator<Item = Requerente> + '_ {
        self.fila.iter().map(|espera| espera.quem)
    }

    /// Quantas concessões teve cada conexão que ainda está aí.
    pub fn concessoes(&self) -> impl Iterator<Item = (ClientId, u64)> + '_ {
        self.concessoes.iter().map(|(conexao, quantas)| (*conexao, *quantas))
    }

    /// Confere o que deve valer entre duas operações; entra em pânico se não vale.
    pub fn conferir(&self) {
        assert!(self.dono.is_some() || self.fila.is_empty(), "há quem espere por um token livre");
        self.fila.conferir();
    }

    fn e_dono(&self, cliente: ClientId) -> bool {
        self.dono.is_some_and(|dono| dono.quem.cliente == cliente)
    }

    fn espera(&self) -> u64 {
        self.fila.len() as u64
    }

    /// O dono deixa de ser dono, e o primeiro da fila passa a ser.
    fn passar(&mut self, agora: Instante) {
        self.dono = None;
        if let Some((conexao, espera)) = self.fila.primeiro() {
            let resultado = Ok(self.conceder(agora, espera));
            self.entregas.push(Entrega { conexao, resultado, concessao: Concessao::Token });
        }
    }

    /// O token livre passa a ser de quem esperava: é o único lugar em que o número de fencing cresce.
    fn conceder(&mut self, agora: Instante, espera: Espera) -> Resposta {
        self.dono = Some(Dono { quem: espera.quem, vence: agora.mais(espera.por) });
        self.cerca.0 += 1;
        *self.concessoes.entry(espera.quem.conexao).or_default() += 1;
        Resposta::TokenConcedido {
            cerca: self.cerca,
            contador: self.contador,
            espera: self.espera(),
            prazo: espera.por.get(),
        }
    }
}

#[cfg(test)]
mod tests;
