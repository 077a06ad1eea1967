//! O monitor: a única trava da sala. Todo o resto do servidor chega à [`Sala`] por aqui.
//!
//! Cada método público é uma seção crítica: fecha o mutex, faz uma operação da sala e abre. Dentro dela não se
//! escreve no socket nem no disco, não se registra no log e não se espera por ninguém; textos para pessoas também
//! se compõem fora. Quem espera dorme numa variável de condição só sua e recebe o resultado sob a trava: acorda quem
//! pode seguir, e mais ninguém. Fonte: C. A. R. Hoare, "Monitors: an operating system structuring concept" (1974).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use protocolo::{
    Alvo, Assentos, Cerca, ClientId, Error, Escolha, Nome, Pedido, Quadro, Resposta, Segundos, Versao,
};

use crate::defeitos::{self, Defeito, ha};
use crate::mensagens;
use crate::sala::instante::Instante;
use crate::sala::token::{self, Requerente};
use crate::sala::{Aguardado, Entrega, Negado, Pessoa, Sala, Vencido, Veredito, Vista};
use crate::sincronia::{Arc, Condvar, Mutex};
use crate::terminal;

/// A sala e o mutex que a guarda.
#[derive(Debug)]
pub struct Monitor {
    dentro: Mutex<Dentro>,
    /// Onde dorme quem faz vencer os prazos, até o próximo deles.
    antecipou: Condvar,
    /// Onde dorme quem avisa os que observam, até que a sala mude.
    mudou: Condvar,
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
    /// Quantas conexões observam a sala.
    observadores: usize,
    difusor: Difusor,
}

#[derive(Debug, Default)]
struct Espera {
    acorda: Arc<Condvar>,
    entrega: Option<Entrega>,
}

/// O que faz quem avisa os que observam.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Difusor {
    Acordado,
    /// Dorme até que a sala passe desta versão.
    DormeAte(Versao),
    Dispensado,
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
    pelo: Pelo,
    acorda: Arc<Condvar>,
}

/// Pelo que se espera.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pelo {
    Token,
    Assentos,
}

/// O que acontece com quem pede o que talvez tenha de esperar.
#[derive(Debug)]
pub enum Solicitado {
    /// Já se sabe a resposta.
    Respondido(Veredito),
    /// Deve esperar a vez neste lugar, com tantos à frente na fila.
    Espera(Lugar, usize),
}

/// Quem pede, quando, e o que já sabe da sala, se a observa.
#[derive(Debug)]
pub struct Ocasiao<'a> {
    /// O instante em que o pedido acontece, lido antes de entrar na seção crítica.
    pub agora: Instante,
    /// Quem pede, e por onde.
    pub quem: Requerente,
    /// Fica em dia no mesmo instante do pedido.
    pub vista: Option<&'a mut Vista>,
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
        let dentro = Dentro {
            sala,
            esperas: HashMap::new(),
            retomadas: BTreeMap::new(),
            vigia: Vigia::Acordado,
            observadores: 0,
            difusor: Difusor::Acordado,
        };
        Self { dentro: Mutex::new(dentro), antecipou: Condvar::new(), mudou: Condvar::new() }
    }

    /// Ver [`Sala::reservar`]; com `cerca`, só se ela vale, no mesmo instante.
    pub fn reservar(&self, ocasiao: Ocasiao<'_>, pedido: Pedido, cerca: Option<Cerca>) -> Veredito {
        self.atender(ocasiao, |sala, agora, cliente| {
            cerca.map_or(Ok(()), |cerca| sala.exigir_cerca(agora, cliente, cerca))?;
            sala.reservar(agora, cliente, pedido)
        })
    }

    /// Ver [`Sala::segurar`].
    pub fn segurar(&self, ocasiao: Ocasiao<'_>, escolha: Escolha, por: Segundos) -> Veredito {
        self.atender(ocasiao, |sala, agora, cliente| sala.segurar(agora, cliente, escolha, por))
    }

    /// Ver [`Sala::confirmar`].
    pub fn confirmar(&self, ocasiao: Ocasiao<'_>, quais: Option<Assentos>) -> Veredito {
        self.atender(ocasiao, |sala, agora, cliente| {
            // Defeito plantado: quem confirma não olha o prazo, porque a thread dos prazos já cuida dele.
            let agora = if ha(Defeito::ConfirmaVencido) { Instante::default() } else { agora };
            sala.confirmar(agora, cliente, quais)
        })
    }

    /// Ver [`Sala::cancelar`]; com `cerca`, só se ela vale, no mesmo instante.
    pub fn cancelar(&self, ocasiao: Ocasiao<'_>, alvo: Alvo, cerca: Option<Cerca>) -> Veredito {
        self.atender(ocasiao, |sala, agora, cliente| {
            cerca.map_or(Ok(()), |cerca| sala.exigir_cerca(agora, cliente, cerca))?;
            sala.cancelar(agora, cliente, alvo)
        })
    }

    /// O retrato da sala para quem pede e a versão de que ele é.
    pub fn quadro(&self, ocasiao: Ocasiao<'_>) -> (Quadro, Versao) {
        self.atender(ocasiao, |sala, agora, cliente| (sala.quadro(agora, Some(cliente)), sala.versao()))
    }

    /// A sala como o operador a vê.
    pub fn retrato_da_sala(&self, agora: Instante) -> RetratoDaSala {
        self.na_secao_critica(|dentro| RetratoDaSala {
            quadro: dentro.sala.quadro(agora, None),
            versao: dentro.sala.versao(),
            pessoas: dentro.sala.pessoas(),
            retomadas: dentro.retomadas.clone(),
        })
    }

    /// A conexão de `quem` passa a falar por `cliente`, se deixou de falar por outro; volta o nome dele.
    pub fn retomar(&self, agora: Instante, quem: Requerente, cliente: ClientId) -> Option<Nome> {
        self.na_secao_critica(|dentro| {
            dentro.partir(agora, quem);
            dentro.sala.voltar(cliente);
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
            Err(erro) => Solicitado::Respondido(Err(erro.into())),
            Ok(token::Pedido::NaFila(a_frente)) => dentro.dar_lugar(quem.conexao, Pelo::Token, a_frente),
        })
    }

    /// Ver [`Sala::aguardar`]. Quem deve esperar recebe um lugar, como em [`Monitor::solicitar`].
    pub fn aguardar(&self, ocasiao: Ocasiao<'_>, escolha: Escolha, ate: Option<Segundos>) -> Solicitado {
        let Ocasiao { agora, quem, vista } = ocasiao;
        self.na_secao_critica(|dentro| {
            let solicitado = match dentro.sala.aguardar(agora, quem, escolha, ate) {
                Ok(Aguardado::Atendido(resposta)) => Solicitado::Respondido(Ok(resposta)),
                Err(negado) => Solicitado::Respondido(Err(negado)),
                Ok(Aguardado::NaFila(a_frente)) => dentro.dar_lugar(quem.conexao, Pelo::Assentos, a_frente),
            };
            dentro.mostrar(vista);
            solicitado
        })
    }

    /// Dorme até que a vez chegue ou a espera acabe, e no máximo `fatia`: então volta `None`, para que a conexão olhe
    /// se o seu cliente ainda está lá e chame de novo.
    pub fn esperar(&self, lugar: &Lugar, fatia: Duration) -> Option<Entrega> {
        let mut dentro = self.dentro.lock();
        loop {
            if let Some(entrega) = dentro.tirar_entrega(lugar.conexao) {
                return Some(entrega);
            }
            // Defeito plantado: entre ver que nada chegou e dormir, a trava se abre, e o aviso se perde.
            dentro = defeitos::reabrir(Defeito::DormeDepois, dentro, &self.dentro);
            if lugar.acorda.wait_for(&mut dentro, fatia).timed_out() {
                return dentro.tirar_entrega(lugar.conexao);
            }
        }
    }

    /// O cliente se foi enquanto esperava: sai da fila. O que já lhe tinha chegado (`chegou`, ou o que ainda não foi
    /// tirado daqui) volta a como era e passa ao seguinte; não conta como liberação. Volta o que dizer a quem ainda lê.
    pub fn abandonar(
        &self,
        agora: Instante,
        quem: Requerente,
        lugar: &Lugar,
        chegou: Option<Entrega>,
    ) -> Negado {
        self.na_secao_critica(|dentro| {
            let entrega = chegou.or_else(|| dentro.tirar_entrega(lugar.conexao));
            dentro.esperas.remove(&lugar.conexao);
            match entrega {
                Some(entrega) => dentro.sala.devolver(agora, quem, entrega.concessao),
                None => dentro.sair_das_filas(lugar.conexao),
            }
            match lugar.pelo {
                Pelo::Token => Error::TempoEsgotado.into(),
                Pelo::Assentos => dentro.sala.negado(Error::TempoEsgotado),
            }
        })
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
        self.na_secao_critica(|dentro| {
            dentro.sala.token().dispensar(erro);
            dentro.sala.dispensar_aguardando(erro);
            // Defeito plantado: a parada esvazia as filas e não acorda quem dorme nelas.
            let _ = ha(Defeito::ParadaCalada).then(|| dentro.sala.tirar_entregas());
        });
    }

    /// A conexão passa a observar a sala, a partir da versão que a vista leva. Quem observa deixa de observar uma vez,
    /// com [`Monitor::deixar_de_observar`].
    pub fn observar(&self, agora: Instante, vista: &mut Vista) {
        self.na_secao_critica(|dentro| {
            dentro.observadores += 1;
            dentro.sala.vencer(agora);
            vista.contado = dentro.sala.versao();
        });
    }

    /// Uma conexão deixou de observar.
    pub fn deixar_de_observar(&self) {
        self.na_secao_critica(|dentro| dentro.observadores -= 1);
    }

    /// Põe em dia a vista de quem observa.
    pub fn mostrar(&self, vista: &mut Vista) {
        self.na_secao_critica(|dentro| dentro.sala.mostrar(vista));
    }

    /// Dorme até que a sala passe da versão `vista` e alguém a observe, e no máximo `prazo`; volta `false` se foi dispensado.
    ///
    /// Só uma thread dorme aqui.
    pub fn dormir_ate_mudar(&self, vista: Versao, prazo: Option<Duration>) -> bool {
        let mut dentro = self.dentro.lock();
        while dentro.difusor != Difusor::Dispensado && !dentro.ha_novidade(vista) {
            dentro.difusor = Difusor::DormeAte(vista);
            let venceu = match prazo {
                None => {
                    self.mudou.wait(&mut dentro);
                    false
                }
                Some(prazo) => self.mudou.wait_for(&mut dentro, prazo).timed_out(),
            };
            if venceu {
                break;
            }
        }
        let fica = dentro.difusor != Difusor::Dispensado;
        if fica {
            dentro.difusor = Difusor::Acordado;
        }
        fica
    }

    /// Dispensa quem dorme em [`Monitor::dormir_ate_mudar`], ou volta a precisar dele.
    pub fn dispensar_difusor(&self, dispensado: bool) {
        let mut dentro = self.dentro.lock();
        dentro.difusor = if dispensado { Difusor::Dispensado } else { Difusor::Acordado };
        drop(dentro);
        self.mudou.notify_one();
    }

    /// Faz acontecer o que vence até `agora`; diz o que venceu desde a última vez.
    pub fn vencer(&self, agora: Instante) -> Vec<Vencido> {
        self.na_secao_critica(|dentro| {
            dentro.sala.vencer(agora);
            dentro.sala.token().vencer(agora);
            dentro.sala.tirar_vencidos()
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

    /// Uma operação sobre a sala; quem observa fica em dia no mesmo instante, antes de quem espera ser atendido.
    fn atender<T>(
        &self,
        ocasiao: Ocasiao<'_>,
        operacao: impl FnOnce(&mut Sala, Instante, ClientId) -> T,
    ) -> T {
        let Ocasiao { agora, quem, vista } = ocasiao;
        self.na_secao_critica(|dentro| {
            let resultado = operacao(&mut dentro.sala, agora, quem.cliente);
            dentro.mostrar(vista);
            resultado
        })
    }

    /// O único lugar que muda a sala. A operação recebe `&mut`: o compilador é a prova de que o mutex está fechado.
    fn na_secao_critica<T>(&self, operacao: impl FnOnce(&mut Dentro) -> T) -> T {
        let mut dentro = self.dentro.lock();
        let guarda = SemPanico;
        let resultado = operacao(&mut dentro);
        // Defeito plantado: o assento fica livre numa seção crítica e é entregue noutra; quem chega entre as duas passa à frente.
        dentro = defeitos::reabrir(Defeito::EntregaDepois, dentro, &self.dentro);
        dentro.sala.atender_fila();
        if cfg!(debug_assertions) {
            dentro.sala.conferir();
        }
        // Quase toda operação só mexe nos assentos: não tem quem acordar, nem prazo novo.
        let (acordar, antecipou) = match dentro.sala.tirar_entregas() {
            Some(entregas) => (dentro.entregar(entregas), dentro.acorda_vigia()),
            None => (Vec::new(), false),
        };
        let mudou = dentro.acorda_difusor();
        drop(dentro);
        std::mem::forget(guarda);
        // Só agora, com o mutex aberto: quem acorda o encontra livre.
        for um in acordar {
            um.notify_one();
        }
        if antecipou {
            self.antecipou.notify_one();
        }
        if mudou {
            self.mudou.notify_one();
        }
        resultado
    }
}

impl Dentro {
    /// Tudo o que era da conexão se vai com ela.
    fn partir(&mut self, agora: Instante, quem: Requerente) {
        // A vez pode ter chegado sem que ela soubesse: não fica com quem se foi.
        if let Some(entrega) = self.esperas.remove(&quem.conexao).and_then(|espera| espera.entrega) {
            self.sala.devolver(agora, quem, entrega.concessao);
        }
        self.retomadas.remove(&quem.conexao);
        self.sala.token().partir(agora, quem.conexao);
        self.sala.desistir_de_aguardar(quem.conexao);
        self.sala.despedir(quem.cliente);
    }

    fn sair_das_filas(&mut self, conexao: ClientId) {
        self.sala.token().desistir(conexao);
        self.sala.desistir_de_aguardar(conexao);
    }

    fn dar_lugar(&mut self, conexao: ClientId, pelo: Pelo, a_frente: usize) -> Solicitado {
        let espera = Espera::default();
        let lugar = Lugar { conexao, pelo, acorda: Arc::clone(&espera.acorda) };
        self.esperas.insert(conexao, espera);
        Solicitado::Espera(lugar, a_frente)
    }

    fn mostrar(&self, vista: Option<&mut Vista>) {
        if let Some(vista) = vista {
            self.sala.mostrar(vista);
        }
    }

    /// Põe cada entrega na mão de quem a espera; volta quem acordar.
    fn entregar(&mut self, entregas: Vec<Entrega>) -> Vec<Arc<Condvar>> {
        let mut acordar = Vec::new();
        for entrega in entregas {
            if let Some(espera) = self.esperas.get_mut(&entrega.conexao) {
                espera.entrega = Some(entrega);
                acordar.push(Arc::clone(&espera.acorda));
            }
        }
        acordar
    }

    /// O que foi entregue à conexão, se algo foi; então ela já não espera.
    fn tirar_entrega(&mut self, conexao: ClientId) -> Option<Entrega> {
        let entrega = self.esperas.get_mut(&conexao)?.entrega.take();
        if entrega.is_some() {
            self.esperas.remove(&conexao);
        }
        entrega
    }

    /// Diz se é hora de acordar quem dorme até um prazo, porque apareceu um anterior; um aviso basta.
    fn acorda_vigia(&mut self) -> bool {
        let Vigia::DormeAte(ate) = self.vigia else { return false };
        let proximo = self.sala.proximo_vencimento();
        let acorda = proximo.is_some_and(|proximo| ate.is_none_or(|ate| proximo < ate));
        if acorda {
            self.vigia = Vigia::Acordado;
        }
        acorda
    }

    /// Diz se há a quem contar que a sala passou da versão `vista`.
    fn ha_novidade(&self, vista: Versao) -> bool {
        self.observadores > 0 && self.sala.versao() > vista
    }

    /// Diz se é hora de acordar quem avisa os que observam; um aviso basta.
    fn acorda_difusor(&mut self) -> bool {
        let Difusor::DormeAte(vista) = self.difusor else { return false };
        let acorda = self.ha_novidade(vista);
        if acorda {
            self.difusor = Difusor::Acordado;
        }
        acorda
    }
}

/// Só chega ao `drop` se a seção crítica entrou em pânico. O mutex de parking_lot não envenena: a próxima thread
/// acharia a sala pela metade. Uma sala em que não se pode confiar é pior do que sala nenhuma.
struct SemPanico;

impl Drop for SemPanico {
    fn drop(&mut self) {
        // No explorador o pânico já é a falha do modelo, e quem a conta é ele.
        if cfg!(feature = "shuttle") {
            return;
        }
        log::error!(
            "defeito: pânico dentro da seção crítica; o servidor para para não vender um assento duas vezes"
        );
        mensagens::esvaziar();
        terminal::restaurar();
        std::process::abort();
    }
}
