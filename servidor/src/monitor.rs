//! O monitor: a única trava da sala. Todo o resto do servidor chega à [`Sala`] por aqui.
//!
//! Cada método público é uma seção crítica: fecha o mutex, faz uma operação da sala e abre. Dentro dela não se
//! escreve no socket nem no disco, não se registra no log e não se espera por ninguém; textos para pessoas também
//! se compõem fora. Quem espera dorme numa variável de condição só sua e recebe o resultado sob a trava: acorda quem
//! pode seguir, e mais ninguém. Fonte: C. A. R. Hoare, "Monitors: an operating system structuring concept" (1974).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use protocolo::{Alvo, Cerca, ClientId, Error, Nome, Pedido, Quadro, Resposta, Segundos, Versao};

use crate::mensagens;
use crate::sala::instante::Instante;
use crate::sala::token::{self, Entrega, Requerente};
use crate::sala::{Negado, Pessoa, Sala, Veredito};
use crate::sincronia::{Arc, Condvar, Mutex};
use crate::terminal;

/// A sala e o mutex que a guarda.
#[derive(Debug)]
pub struct Monitor {
    dentro: Mutex<Dentro>,
    /// Onde dorme quem faz vencer os prazos, até o próximo deles.
    antecipou: Condvar,
}

/// O que o mutex guarda.
#[derive(Debug)]
struct Dentro {
    sala: Sala,
    /// Quem dorme à espera da vez, por conexão, e o que já lhe foi entregue.
    esperas: HashMap<ClientId, Espera>,
    /// Quem é agora, por conexão, quem retomou outro cliente.
    retomadas: BTreeMap<ClientId, ClientId>,
    vigia: Vigia,
}

#[derive(Debug, Default)]
struct Espera {
    acorda: Arc<Condvar>,
    entrega: Option<Result<Resposta, Error>>,
}

/// O que faz quem cuida dos prazos.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Vigia {
    Acordado,
    /// Dorme até este instante; `None`: não há o que vença.
    DormeAte(Option<Instante>),
    Dispensado,
}

/// Uma condição só de quem espera, e a prova de que ela está anotada.
#[derive(Debug)]
pub struct Lugar {
    conexao: ClientId,
    acorda: Arc<Condvar>,
}

/// O que acontece com quem pede o token.
#[derive(Debug)]
pub enum Solicitado {
    /// Já se sabe a resposta.
    Respondido(Result<Resposta, Error>),
    /// Deve esperar a vez neste lugar, com tantos à frente na fila.
    Espera(Lugar, usize),
}

/// O que o operador vê da sala.
#[derive(Clone, Debug)]
pub struct RetratoDaSala {
    /// Os assentos; nenhum é "seu".
    pub quadro: Quadro,
    /// A versão da sala.
    pub versao: Versao,
    /// O nome e os assentos de quem tem um ou outro.
    pub pessoas: BTreeMap<ClientId, Pessoa>,
    /// Quem é agora, por conexão, quem retomou outro cliente.
    pub retomadas: BTreeMap<ClientId, ClientId>,
}

impl RetratoDaSala {
    /// O cliente, o seu nome e os seus assentos, numa linha.
    pub fn pessoa(&self, cliente: ClientId) -> String {
        let Some(Pessoa { nome, assentos }) = self.pessoas.get(&cliente) else {
            return format!("[{cliente}]");
        };
        let nome = nome.as_ref().map(|nome| format!(" {nome}")).unwrap_or_default();
        let assentos =
            if assentos.is_empty() { String::new() } else { format!(" assentos {}", assentos.faixas()) };
        format!("[{cliente}{nome}]{assentos}")
    }
}

/// O que o operador vê do token.
#[derive(Clone, Debug)]
pub struct RetratoDoToken {
    /// Dono, cerca, contador e espera.
    pub estado: Resposta,
    /// Quem espera, do primeiro ao último.
    pub fila: Vec<Requerente>,
    /// Quantas concessões teve cada conexão que ainda está aí.
    pub concessoes: Vec<(ClientId, u64)>,
}

impl Monitor {
    /// Um monitor sobre esta sala.
    pub fn new(sala: Sala) -> Self {
        let dentro =
            Dentro { sala, esperas: HashMap::new(), retomadas: BTreeMap::new(), vigia: Vigia::Acordado };
        Self { dentro: Mutex::new(dentro), antecipou: Condvar::new() }
    }

    /// Ver [`Sala::reservar`]; com `cerca`, só se ela vale em `agora`, no mesmo instante.
    pub fn reservar(&self, cliente: ClientId, pedido: Pedido, cerca: Option<(Instante, Cerca)>) -> Veredito {
        self.na_secao_critica(|dentro| {
            exigir(&mut dentro.sala, cliente, cerca)?;
            dentro.sala.reservar(cliente, pedido)
        })
    }

    /// Ver [`Sala::cancelar`]; com `cerca`, só se ela vale em `agora`, no mesmo instante.
    pub fn cancelar(&self, cliente: ClientId, alvo: Alvo, cerca: Option<(Instante, Cerca)>) -> Veredito {
        self.na_secao_critica(|dentro| {
            exigir(&mut dentro.sala, cliente, cerca)?;
            dentro.sala.cancelar(cliente, alvo)
        })
    }

    /// O retrato da sala para `cliente` e a versão de que ele é.
    pub fn quadro(&self, cliente: ClientId) -> (Quadro, Versao) {
        self.na_secao_critica(|dentro| (dentro.sala.quadro(cliente), dentro.sala.versao()))
    }

    /// A sala como o operador a vê.
    pub fn retrato_da_sala(&self) -> RetratoDaSala {
        self.na_secao_critica(|dentro| RetratoDaSala {
            quadro: dentro.sala.quadro_de_ninguem(),
            versao: dentro.sala.versao(),
            pessoas: dentro.sala.pessoas(),
            retomadas: dentro.retomadas.clone(),
        })
    }

    /// A conexão de `quem` passa a falar por `cliente`, se deixou de falar por outro; volta o nome dele.
    pub fn retomar(&self, agora: Instante, quem: Requerente, cliente: ClientId) -> Option<Nome> {
        self.na_secao_critica(|dentro| {
            dentro.partir(agora, quem);
            dentro.retomadas.insert(quem.conexao, cliente);
            dentro.sala.nome(cliente).cloned()
        })
    }

    /// Ver [`Sala::nomear`].
    pub fn nomear(&self, cliente: ClientId, nome: Nome) {
        self.na_secao_critica(|dentro| dentro.sala.nomear(cliente, nome));
    }

    /// `quem` já não fala por aquela conexão: o token e o lugar na fila se vão com ela; ver [`Sala::despedir`].
    pub fn partir(&self, agora: Instante, quem: Requerente) {
        self.na_secao_critica(|dentro| dentro.partir(agora, quem));
    }

    /// Ver [`token::Token::solicitar`]. Quem deve esperar recebe um lugar, e espera nele com [`Monitor::esperar`].
    pub fn solicitar(
        &self,
        agora: Instante,
        quem: Requerente,
        por: Segundos,
        ate: Option<Segundos>,
    ) -> Solicitado {
        self.na_secao_critica(|dentro| match dentro.sala.token().solicitar(agora, quem, por, ate) {
            Ok(token::Pedido::Atendido(resposta)) => Solicitado::Respondido(Ok(resposta)),
            Err(erro) => Solicitado::Respondido(Err(erro)),
            Ok(token::Pedido::NaFila(a_frente)) => {
                let espera = Espera::default();
                let lugar = Lugar { conexao: quem.conexao, acorda: Arc::clone(&espera.acorda) };
                dentro.esperas.insert(quem.conexao, espera);
                Solicitado::Espera(lugar, a_frente)
            }
        })
    }

    /// Dorme até que a vez chegue ou a espera acabe, e no máximo `fatia`: então volta `None`, para que a conexão olhe
    /// se o seu cliente ainda está lá e chame de novo.
    pub fn esperar(&self, lugar: &Lugar, fatia: Duration) -> Option<Result<Resposta, Error>> {
        let mut dentro = self.dentro.lock();
        loop {
            if let Some(resultado) = dentro.tirar_entrega(lugar.conexao) {
                return Some(resultado);
            }
            if lugar.acorda.wait_for(&mut dentro, fatia).timed_out() {
                return dentro.tirar_entrega(lugar.conexao);
            }
        }
    }

    /// O cliente se foi enquanto esperava: sai da fila. Se a vez chegou antes disto, é ela que volta.
    pub fn desistir(&self, lugar: &Lugar) -> Result<Resposta, Error> {
        self.na_secao_critica(|dentro| {
            dentro.tirar_entrega(lugar.conexao).unwrap_or_else(|| {
                dentro.esperas.remove(&lugar.conexao);
                dentro.sala.token().desistir(lugar.conexao);
                Err(Error::TempoEsgotado)
            })
        })
    }

    /// Quem esperava neste lugar não fica com a vez que lhe chegou: ela passa ao seguinte, e não conta como liberação.
    pub fn devolver(&self, agora: Instante, lugar: &Lugar) {
        self.na_secao_critica(|dentro| dentro.sala.token().partir(agora, lugar.conexao));
    }

    /// Ver [`token::Token::liberar`].
    pub fn liberar(&self, agora: Instante, cliente: ClientId) -> Result<Resposta, Error> {
        self.na_secao_critica(|dentro| dentro.sala.token().liberar(agora, cliente))
    }

    /// Ver [`token::Token::estado`].
    pub fn estado_do_token(&self, agora: Instante) -> Resposta {
        self.na_secao_critica(|dentro| dentro.sala.token().estado(agora))
    }

    /// O token como o operador o vê.
    pub fn retrato_do_token(&self, agora: Instante) -> RetratoDoToken {
        self.na_secao_critica(|dentro| {
            let token = dentro.sala.token();
            RetratoDoToken {
                estado: token.estado(agora),
                fila: token.fila().collect(),
                concessoes: token.concessoes().collect(),
            }
        })
    }

    /// Todos os que esperam recebem `erro` e deixam de esperar.
    pub fn dispensar(&self, erro: &Error) {
        self.na_secao_critica(|dentro| dentro.sala.token().dispensar(erro));
    }

    /// Faz acontecer o que vence até `agora`; diz de quem o prazo do token acabou.
    pub fn vencer(&self, agora: Instante) -> Vec<Requerente> {
        self.na_secao_critica(|dentro| {
            let token = dentro.sala.token();
            token.vencer(agora);
            token.tirar_vencidas()
        })
    }

    /// Dorme até o próximo vencimento, ou até que um anterior a ele apareça; volta `false` se foi dispensado.
    ///
    /// Só uma thread dorme aqui.
    pub fn dormir_ate_vencer(&self, agora: Instante) -> bool {
        let mut dentro = self.dentro.lock();
        if dentro.vigia == Vigia::Dispensado {
            return false;
        }
        let quando = dentro.sala.proximo_vencimento();
        dentro.vigia = Vigia::DormeAte(quando);
        match quando {
            None => self.antecipou.wait(&mut dentro),
            Some(quando) => {
                self.antecipou.wait_for(&mut dentro, quando.desde(agora));
            }
        }
        let fica = dentro.vigia != Vigia::Dispensado;
        if fica {
            dentro.vigia = Vigia::Acordado;
        }
        fica
    }

    /// Dispensa quem dorme em [`Monitor::dormir_ate_vencer`], ou volta a precisar dele.
    pub fn dispensar_vigia(&self, dispensado: bool) {
        let mut dentro = self.dentro.lock();
        dentro.vigia = if dispensado { Vigia::Dispensado } else { Vigia::Acordado };
        drop(dentro);
        self.antecipou.notify_one();
    }

    /// O único lugar que muda a sala. A operação recebe `&mut`: o compilador é a prova de que o mutex está fechado.
    fn na_secao_critica<T>(&self, operacao: impl FnOnce(&mut Dentro) -> T) -> T {
        let mut dentro = self.dentro.lock();
        let guarda = SemPanico;
        let resultado = operacao(&mut dentro);
        if cfg!(debug_assertions) {
            dentro.sala.conferir();
        }
        // Quase toda operação só mexe nos assentos: não tem quem acordar, nem prazo novo.
        let (acordar, antecipou) = match dentro.sala.tirar_entregas() {
            Some(entregas) => (dentro.entregar(entregas), dentro.antecipou()),
            None => (Vec::new(), false),
        };
        drop(dentro);
        std::mem::forget(guarda);
        // Só agora, com o mutex aberto: quem acorda o encontra livre.
        for um in acordar {
            um.notify_one();
        }
        if antecipou {
            self.antecipou.notify_one();
        }
        resultado
    }
}

fn exigir(sala: &mut Sala, cliente: ClientId, cerca: Option<(Instante, Cerca)>) -> Result<(), Negado> {
    cerca.map_or(Ok(()), |(agora, cerca)| sala.exigir_cerca(agora, cliente, cerca))
}

impl Dentro {
    /// Tudo o que era da conexão se vai com ela.
    fn partir(&mut self, agora: Instante, quem: Requerente) {
        self.esperas.remove(&quem.conexao);
        self.retomadas.remove(&quem.conexao);
        self.sala.token().partir(agora, quem.conexao);
        self.sala.despedir(quem.cliente);
    }

    /// Põe cada entrega na mão de quem a espera; volta quem acordar.
    fn entregar(&mut self, entregas: Vec<Entrega>) -> Vec<Arc<Condvar>> {
        let mut acordar = Vec::new();
        for entrega in entregas {
            if let Some(espera) = self.esperas.get_mut(&entrega.conexao) {
                espera.entrega = Some(entrega.resultado);
                acordar.push(Arc::clone(&espera.acorda));
            }
        }
        acordar
    }

    /// O que foi entregue à conexão, se algo foi; então ela já não espera.
    fn tirar_entrega(&mut self, conexao: ClientId) -> Option<Result<Resposta, Error>> {
        let entrega = self.esperas.get_mut(&conexao)?.entrega.take();
        if entrega.is_some() {
            self.esperas.remove(&conexao);
        }
        entrega
    }

    /// Diz se algo vence antes do que espera quem dorme.
    fn antecipou(&self) -> bool {
        let Vigia::DormeAte(ate) = self.vigia else { return false };
        let proximo = self.sala.proximo_vencimento();
        proximo.is_some_and(|proximo| ate.is_none_or(|ate| proximo < ate))
    }
}

/// Só chega ao `drop` se a seção crítica entrou em pânico. O mutex de parking_lot não envenena: a próxima thread
/// acharia a sala pela metade. Uma sala em que não se pode confiar é pior do que sala nenhuma.
struct SemPanico;

impl Drop for SemPanico {
    fn drop(&mut self) {
        log::error!(
            "defeito: pânico dentro da seção crítica; o servidor para para não vender um assento duas vezes"
        );
        mensagens::esvaziar();
        terminal::restaurar();
        std::process::abort();
    }
}
