//! A sala: as regras de reservar, segurar, confirmar, devolver e esperar.
//!
//! É código sequencial puro: não há aqui trava, thread, relógio, log nem entrada e saída. Quem garante que só uma
//! thread por vez chega à sala é o [`Monitor`](crate::monitor::Monitor). Cada operação recebe o instante em que acontece,
//! faz antes o que já venceu, e confere tudo antes de mudar alguma coisa: uma recusa não deixa rastro.

pub mod diario;
pub mod fila;
pub mod posses;
pub mod quem;
pub mod recentes;
pub mod registro;
mod regras;
pub mod token;

mod aguardar;
mod copia;
mod gravada;

use std::collections::{BTreeMap, BTreeSet};

use protocolo::{
    Alvo, Assentos, Cerca, ClientId, Error, Escolha, Evento, Mudanca, Nome, Pedido, Quadro, Resposta,
    Segundos, Versao,
};

use crate::tempo::instante::Instante;
use crate::tempo::momento::Momento;
pub use aguardar::Aguardado;
use aguardar::Aguardando;
pub use copia::Posse;
use diario::Diario;
pub use gravada::Epoca;
use gravada::Gravada;
use posses::Posses;
use quem::Requerente;
use recentes::Recentes;
use registro::Novidade;
pub use regras::Operacao;
use regras::{Regras, Tomados};
use token::Token;

/// A sala.
#[derive(Clone, Debug)]
pub struct Sala {
    posses: Posses,
    recentes: Recentes,
    diario: Diario,
    /// A sala como está no disco; `None` se ela só vive na memória, e então o que mudou já vale.
    gravada: Option<Box<Gravada>>,
    /// Números de cliente até este podem ser dados.
    clientes: u64,
    nomes: BTreeMap<ClientId, Nome>,
    /// Quem tem nome e se foi deixando assentos: o nome dele é esquecido com o último deles.
    ausentes: BTreeSet<ClientId>,
    /// Quantos assentos um cliente pode ter.
    cota: u32,
    /// Quem espera por assentos.
    aguardando: Aguardando,
    /// O token mora na sala para que a cerca se confira no mesmo instante em que os assentos mudam.
    token: Token,
    entregas: Vec<Entrega>,
    vencidos: Vec<Vencido>,
}

/// Um não da sala: a causa, a versão em que ela valia e o que estava livre então, para quem for explicar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Negado {
    /// A causa.
    pub erro: Error,
    /// A versão da sala; `None` se a recusa não fala dos assentos.
    pub versao: Option<Versao>,
    /// Os assentos livres nessa versão.
    pub livres: Assentos,
}

impl From<Error> for Negado {
    fn from(erro: Error) -> Self {
        Self { erro, versao: None, livres: Assentos::NENHUM }
    }
}

/// O nome e os assentos de um cliente.
#[derive(Clone, Debug)]
pub struct Pessoa {
    /// O nome, se deu um.
    pub nome: Option<Nome>,
    /// Os assentos.
    pub assentos: Assentos,
}

/// O que a sala responde a uma operação.
pub type Veredito = Result<Resposta, Negado>;

/// O que se deve dizer a uma conexão que esperava.
#[derive(Clone, Debug)]
pub struct Entrega {
    /// A quem.
    pub conexao: ClientId,
    /// O quê: o que lhe coube, ou por que a espera acabou.
    pub resultado: Veredito,
    /// O que desfazer se quem esperava já se foi.
    pub concessao: Concessao,
}

/// O que foi dado a quem esperava, para o caso de ter de voltar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Concessao {
    /// Nada.
    Nenhuma,
    /// O token.
    Token,
    /// Assentos: os que estavam livres e os que ele já segurava.
    Assentos {
        /// Os que estavam livres.
        novos: Assentos,
        /// Os que ele segurava e ficaram firmes.
        firmados: Assentos,
    },
}

/// O que venceu, para quem for contar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vencido {
    /// O prazo de quem tinha o token.
    Token(Requerente),
    /// O prazo de assentos segurados.
    Assentos {
        /// Por quem.
        cliente: ClientId,
        /// Quais.
        assentos: Assentos,
        /// A versão da sala em que ficaram livres.
        versao: Versao,
    },
}

/// O que quem observa já sabe da sala.
#[derive(Clone, Debug, Default)]
pub struct Vista {
    /// A versão até onde lhe foi contado, com as novidades abaixo.
    pub contado: Versao,
    /// O que ainda falta lhe escrever, em ordem.
    pub novidades: Vec<Evento>,
}

impl Sala {
    /// Uma sala vazia, em que cada cliente pode ter até `cota` assentos.
    pub fn new(cota: u32) -> Self {
        Self {
            posses: Posses::default(),
            recentes: Recentes::default(),
            diario: Diario::default(),
            gravada: None,
            clientes: 0,
            nomes: BTreeMap::new(),
            ausentes: BTreeSet::new(),
            cota,
            aguardando: Aguardando::default(),
            token: Token::default(),
            entregas: Vec::new(),
            vencidos: Vec::new(),
        }
    }

    /// Uma sala vazia que só vive na memória; o instante zero foi às `inicio`.
    pub fn na_memoria(cota: u32, inicio: Momento) -> Self {
        Self { diario: Diario::new(inicio), ..Self::new(cota) }
    }

    /// A versão da sala: quantas vezes ela mudou.
    pub const fn versao(&self) -> Versao {
        self.posses.versao()
    }

    /// O retrato da sala para `cliente` (sem cliente, o de quem não tem assentos) e a versão de que ele é.
    pub fn quadro(&mut self, agora: Instante, cliente: Option<ClientId>, de: Epoca) -> (Quadro, Versao) {
        self.vencer(agora);
        let posses = self.posses_de(de);
        let quadro = Quadro {
            segurados: posses.segurados(),
            ocupados: posses.firmes(),
            seus: cliente.map_or(Assentos::NENHUM, |cliente| posses.de(cliente)),
        };
        (quadro, posses.versao())
    }

    /// O nome e os assentos de quem tem um ou outro.
    pub fn pessoas(&self) -> BTreeMap<ClientId, Pessoa> {
        let pessoa =
            |cliente| Pessoa { nome: self.nome(cliente).cloned(), assentos: self.posses.de(cliente) };
        let quem = self.posses.donos().chain(self.nomes.keys().copied());
        quem.map(|cliente| (cliente, pessoa(cliente))).collect()
    }

    /// Conta a quem observa o que mudou desde o que já sabe.
    pub fn mostrar(&self, vista: &mut Vista, de: Epoca) {
        let posses = self.posses_de(de);
        if vista.contado < posses.versao() {
            vista.novidades.extend(self.recentes.depois_de(vista.contado, posses));
            vista.contado = posses.versao();
        }
    }

    /// Faz a operação de `cliente`.
    pub fn operar(&mut self, agora: Instante, cliente: ClientId, operacao: Operacao) -> Veredito {
        match operacao {
            Operacao::Reservar(pedido) => self.reservar(agora, cliente, pedido),
            Operacao::Segurar(escolha, por) => self.segurar(agora, cliente, escolha, por),
            Operacao::Confirmar(quais) => self.confirmar(agora, cliente, quais),
            Operacao::Cancelar(alvo) => self.cancelar(agora, cliente, alvo),
        }
    }

    /// `RESERVAR`. O que já é de quem pede conta como reservado, e o que ele segura fica firme: repetir não faz mal.
    ///
    /// Recusas, nesta ordem: `OCUPADO` ou `INSUFICIENTE`; `LIMITE`.
    pub fn reservar(&mut self, agora: Instante, cliente: ClientId, pedido: Pedido) -> Veredito {
        self.vencer(agora);
        match self.tomar(cliente, pedido) {
            Ok(tomados) => Ok(self.reservado(&tomados)),
            Err(erro) => self.negar(erro),
        }
    }

    /// `SEGURAR`: os assentos são de quem pede por um prazo; o que ele já segurava tem o prazo renovado.
    ///
    /// Recusas, nesta ordem: `OCUPADO` ou `INSUFICIENTE`; `JA_RESERVADO`; `LIMITE`.
    pub fn segurar(
        &mut self,
        agora: Instante,
        cliente: ClientId,
        escolha: Escolha,
        por: Segundos,
    ) -> Veredito {
        self.vencer(agora);
        let (assentos, novos) = match self.regras(Epoca::Agora).segurar(cliente, escolha) {
            Ok(podem) => podem,
            Err(erro) => return self.negar(erro),
        };
        let vence = self.por_prazo(agora, cliente, assentos, novos, por);
        // O prazo vai até uma hora: cabe.
        let expira = u32::try_from(vence.desde(agora).as_secs()).unwrap_or(u32::MAX);
        Ok(Resposta::Segurado { assentos, expira, versao: self.versao() })
    }

    /// `CONFIRMAR`: o que quem pede segura fica firme; sem dizer quais, tudo.
    ///
    /// Recusa: `NAO_SEGURADO`, com os que ele não segura (nenhum, se não disse quais e não segura nada).
    pub fn confirmar(&mut self, agora: Instante, cliente: ClientId, quais: Option<Assentos>) -> Veredito {
        self.vencer(agora);
        match self.regras(Epoca::Agora).confirmar(cliente, quais) {
            Ok(assentos) => {
                self.mudar(assentos, Mudanca::Reservado(cliente));
                Ok(Resposta::Confirmado { assentos, versao: self.versao() })
            }
            Err(erro) => self.negar(erro),
        }
    }

    /// `CANCELAR`: devolve todos os assentos, ou nenhum se algum não é de quem pede (`NAO_E_SEU`).
    pub fn cancelar(&mut self, agora: Instante, cliente: ClientId, alvo: Alvo) -> Veredito {
        self.vencer(agora);
        match self.regras(Epoca::Agora).cancelar(cliente, alvo) {
            Ok(assentos) => {
                self.liberar(assentos);
                Ok(Resposta::Cancelado { assentos, versao: self.versao() })
            }
            Err(erro) => self.negar(erro),
        }
    }

    /// A cláusula `CERCA`: o pedido só segue se o token com este número é de quem pede (`CERCA_VENCIDA`).
    pub fn exigir_cerca(&mut self, agora: Instante, cliente: ClientId, cerca: Cerca) -> Result<(), Negado> {
        // O que já venceu vem antes da recusa, que diz a versão.
        self.vencer(agora);
        if self.token().vale(agora, cliente, cerca) {
            return Ok(());
        }
        Err(self.negado(Error::CercaVencida { atual: self.token.cerca() }))
    }

    /// O token, para mexer nele.
    pub const fn token(&mut self) -> &mut Token {
        &mut self.token
    }

    /// Diz se há o que dizer a quem esperava.
    pub fn ha_entregas(&self) -> bool {
        !self.entregas.is_empty() || self.token.ha_entregas()
    }

    /// O que se deve dizer a quem esperava, desde a última vez.
    pub fn tirar_entregas(&mut self) -> Vec<Entrega> {
        let mut entregas = std::mem::take(&mut self.entregas);
        entregas.append(&mut self.token.tirar_entregas());
        entregas
    }

    /// O que venceu desde a última vez.
    pub fn tirar_vencidos(&mut self) -> Vec<Vencido> {
        let mut vencidos = std::mem::take(&mut self.vencidos);
        vencidos.extend(self.token.tirar_vencidas().into_iter().map(Vencido::Token));
        vencidos
    }

    /// Quando vence a próxima coisa na sala, se alguma vence.
    pub fn proximo_vencimento(&self) -> Option<Instante> {
        let filas = [self.aguardando.proxima_desistencia(), self.token.proximo_vencimento()];
        filas.into_iter().chain([self.proximo_assento()]).flatten().min()
    }

    /// Faz acontecer o que vence até `agora`, na ordem em que venceu.
    ///
    /// No mesmo instante, um assento fica livre antes de quem o espera desistir.
    pub fn vencer(&mut self, agora: Instante) {
        while let Some(quando) = self.proximo_vencimento().filter(|quando| *quando <= agora) {
            self.diario.acertar(quando);
            if self.proximo_assento() == Some(quando) {
                self.vencer_assentos(quando);
            } else if !self.vencer_espera(quando) {
                // O prazo do próximo dono conta de agora: ninguém perde o token antes de saber que o teve.
                self.token.vencer(agora);
            }
        }
        self.diario.acertar(agora);
    }

    /// `NOME`: o cliente passa a ter este nome. Não é uma mudança dos assentos: a versão fica.
    pub fn nomear(&mut self, agora: Instante, cliente: ClientId, nome: Nome) {
        self.diario.acertar(agora);
        self.diario.anotar(Novidade::Nome { cliente, nome: nome.clone() });
        self.nomes.insert(cliente, nome);
    }

    /// O nome do cliente, se ele deu um.
    pub fn nome(&self, cliente: ClientId) -> Option<&Nome> {
        self.nomes.get(&cliente)
    }

    /// Alguém volta a falar pelo cliente.
    pub fn voltar(&mut self, cliente: ClientId) {
        self.ausentes.remove(&cliente);
    }

    /// A conexão do cliente acabou. O que é dele continua dele; o nome de quem não tem nada é esquecido, ou uma
    /// fila sem fim de conexões encheria a memória de nomes.
    pub fn despedir(&mut self, cliente: ClientId) {
        if self.nomes.contains_key(&cliente) {
            self.ausentes.insert(cliente);
            self.esquecer_ausente(cliente);
        }
    }

    /// Confere o que deve valer entre duas operações. Chamada depois de cada uma, em testes e em debug.
    ///
    /// Entra em pânico se algo não vale: seria um defeito deste módulo.
    pub fn conferir(&self) {
        let mut quantos = BTreeMap::<ClientId, u32>::new();
        for dono in self.posses.donos() {
            *quantos.entry(dono).or_default() += 1;
        }
        for (dono, tem) in &quantos {
            // O disco pode ter guardado uma sala de cota maior.
            let cabe = *tem <= self.cota || self.gravada.is_some();
            assert!(cabe, "o cliente {dono} tem {tem} assentos e a cota é {}", self.cota);
        }
        self.posses.conferir();
        self.recentes.conferir(self.versao());
        self.token.conferir();
        self.conferir_espera();
    }

    /// As regras, sobre a sala de agora ou a do disco.
    fn regras(&self, de: Epoca) -> Regras<'_> {
        Regras { posses: self.posses_de(de), cota: self.cota }
    }

    /// Toma firmes os assentos do pedido, ou nenhum. O que vence já venceu.
    fn tomar(&mut self, cliente: ClientId, pedido: Pedido) -> Result<Tomados, Error> {
        let tomados = self.regras(Epoca::Agora).tomar(cliente, pedido)?;
        self.mudar(tomados.novos | tomados.firmados, Mudanca::Reservado(cliente));
        Ok(tomados)
    }

    /// O sim a quem tomou estes assentos.
    fn reservado(&self, tomados: &Tomados) -> Resposta {
        let Tomados { assentos, ocupados, .. } = *tomados;
        Resposta::Reservado { assentos, ocupados, versao: self.versao() }
    }

    /// Os assentos ficam livres, e quem os espera será atendido antes que a trava se abra.
    fn liberar(&mut self, assentos: Assentos) {
        self.mudar(assentos, Mudanca::Livre);
        self.aguardando.notar(assentos);
    }

    /// Faz de todos estes assentos o que `mudanca` diz, e o anota para quem observa e para o disco.
    fn mudar(&mut self, assentos: Assentos, mudanca: Mudanca) {
        if let Some(evento) = self.posses.mudar(assentos, mudanca) {
            let gravada = self.versao_gravada();
            self.recentes.lembrar(evento, gravada);
            let vence = assentos.iter().next().map_or(Instante::default(), |um| self.posses.vence(um));
            self.diario.anotar_evento(evento, vence);
        }
    }

    /// O cliente segura os assentos por um prazo, renovado o dos que não são `novos`; devolve quando vence o primeiro.
    fn por_prazo(
        &mut self,
        agora: Instante,
        cliente: ClientId,
        assentos: Assentos,
        novos: Assentos,
        por: Segundos,
    ) -> Instante {
        let vence = self.posses.segurar_ate(agora, assentos, novos, por);
        self.mudar(novos, Mudanca::Segurado(cliente));
        self.posses.lembrar_vencimento();
        for assento in assentos - novos {
            let vence = self.diario.momento(self.posses.vence(assento));
            self.diario.anotar(Novidade::Renovado { assentos: assento.into(), vence });
        }
        vence
    }

    fn vencer_assentos(&mut self, quando: Instante) {
        let vencidos = self.posses.vencidos(quando);
        let de_quem = self.posses.por_dono(vencidos);
        self.liberar(vencidos);
        let versao = self.versao();
        for (cliente, assentos) in de_quem {
            self.vencidos.push(Vencido::Assentos { cliente, assentos, versao });
            self.esquecer_ausente(cliente);
        }
        self.atender_fila();
    }

    fn esquecer_ausente(&mut self, cliente: ClientId) {
        if self.posses.de(cliente).is_empty() && self.ausentes.remove(&cliente) {
            self.nomes.remove(&cliente);
            self.diario.anotar(Novidade::NomeEsquecido { cliente });
        }
    }

    fn negar(&self, erro: Error) -> Veredito {
        Err(self.negado(erro))
    }

    /// O não desta causa, na versão de agora.
    pub fn negado(&self, erro: Error) -> Negado {
        self.regras(Epoca::Agora).negado(erro)
    }
}

#[cfg(test)]
mod tests;
