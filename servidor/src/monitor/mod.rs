//! O monitor: a única trava da sala. Todo o resto do servidor chega à [`Sala`] por aqui.
//!
//! Cada método público é uma seção crítica: fecha o mutex, faz uma operação da sala e abre. Dentro dela não se
//! escreve no socket nem no disco, não se registra no log e não se espera por ninguém; textos para pessoas também
//! se compõem fora. Quem espera dorme numa variável de condição só sua e recebe o resultado sob a trava: acorda quem
//! pode seguir, e mais ninguém. Fonte: C. A. R. Hoare, "Monitors: an operating system structuring concept" (1974).

mod dentro;
mod trocas;

use std::time::Duration;

use protocolo::{Cerca, ClientId, Error, Escolha, Nome, Quadro, Resposta, Segundos, Versao};

use self::dentro::{Dentro, QuemGrava, Vigia};
use self::trocas::Pelo;
pub use self::trocas::{
    Chegada, Dependencia, Lote, Lugar, Ocasiao, RetratoDaSala, RetratoDoToken, Solicitado,
};
use crate::base::campainha::Campainha;
use crate::base::sincronia::{Arc, Condvar, Mutex};
use crate::sala::quem::Requerente;
use crate::sala::{Aguardado, Epoca, Negado, Operacao, Sala, Vencido, Veredito, Vista};
use crate::tempo::instante::Instante;

/// A sala e o mutex que a guarda.
#[derive(Debug)]
pub struct Monitor {
    dentro: Mutex<Dentro>,
    /// Onde dorme quem faz vencer os prazos, até o próximo deles.
    antecipou: Condvar,
    /// Toca quando há o que contar a quem observa.
    campainha: Arc<Campainha>,
    /// Onde dorme quem grava, até que haja o que gravar.
    ha_lote: Condvar,
    /// O que ainda se faz antes de abortar, se a seção crítica entra em pânico.
    antes_de_abortar: fn(),
}

impl Monitor {
    /// Um monitor sobre esta sala.
    pub fn new(sala: Sala) -> Self {
        Self {
            dentro: Mutex::new(Dentro::new(sala)),
            antecipou: Condvar::new(),
            campainha: Arc::default(),
            ha_lote: Condvar::new(),
            antes_de_abortar: || {},
        }
    }

    /// Um pânico na seção crítica aborta o processo; antes, chama isto: dizer por quê, devolver o terminal. Não deve entrar na sala.
    pub fn antes_de_abortar(&mut self, chamar: fn()) {
        self.antes_de_abortar = chamar;
    }

    /// A campainha de quem conta a quem observa: toca quando a sala que se pode contar muda.
    pub const fn campainha(&self) -> &Arc<Campainha> {
        &self.campainha
    }

    /// Um pedido que muda os assentos, num instante só; com `cerca`, só se ela vale (ver [`Sala::exigir_cerca`]). Quem observa fica
    /// em dia nesse mesmo instante, antes de quem espera ser atendido.
    ///
    /// Uma recusa que a sala do disco também daria é a dela, e não espera por lote nenhum; mas quem tem respostas por gravar já viu
    /// a sala de agora, e não ouve outra.
    pub fn mudar(&self, ocasiao: Ocasiao<'_>, cerca: Option<Cerca>, operacao: Operacao) -> Veredito {
        let Ocasiao { agora, quem: Requerente { cliente, .. }, vista, depende } = ocasiao;
        self.na_secao_critica(|dentro| {
            let vencida = cerca.and_then(|cerca| dentro.sala.exigir_cerca(agora, cliente, cerca).err());
            if let Some(negado) = vencida {
                return dentro.concluir(Err(negado), vista, depende);
            }
            let veredito = dentro.sala.operar(agora, cliente, operacao);
            if veredito.is_err() && Dentro::epoca_de(*depende) == Epoca::Gravada {
                if let Some(negado) = dentro.sala.recusa_do_disco(cliente, operacao) {
                    dentro.mostrar(vista, Epoca::Gravada);
                    return Err(negado);
                }
            }
            dentro.concluir(veredito, vista, depende)
        })
    }

    /// O que já se decidiu com a trava aberta, escrito na sala: só a corrida que se demonstra o faz.
    pub fn escrever(&self, ocasiao: Ocasiao<'_>, escrita: impl FnOnce(&mut Sala) -> Veredito) -> Veredito {
        let Ocasiao { vista, depende, .. } = ocasiao;
        self.na_secao_critica(|dentro| {
            let veredito = escrita(&mut dentro.sala);
            dentro.concluir(veredito, vista, depende)
        })
    }

    /// Uma cópia da sala em `agora`, para quem decide com a trava aberta: ver [`Sala::copiar`].
    pub fn copiar(&self, agora: Instante) -> Sala {
        self.na_secao_critica(|dentro| dentro.sala.copiar(agora))
    }

    /// O retrato da sala para quem pede e a versão de que ele é.
    ///
    /// Quem não tem resposta por gravar vê a sala do disco, e não espera por ninguém.
    pub fn quadro(&self, ocasiao: Ocasiao<'_>) -> (Quadro, Versao) {
        let Ocasiao { agora, quem, vista, depende } = ocasiao;
        self.na_secao_critica(|dentro| dentro.ler(agora, quem.cliente, vista, depende))
    }

    /// Até que versão se conta a história a quem pede, e o lote que ainda se espera para a ler; zero, se nenhum.
    ///
    /// A versão é a de [`Monitor::quadro`]. Se a sala só vive na memória, em que não há pressa de gravar, o que mudou passa
    /// a gravar-se já.
    pub fn historico(&self, ocasiao: Ocasiao<'_>) -> (Versao, u64) {
        let Ocasiao { agora, quem, vista, depende } = ocasiao;
        let (lido, acorda) = self.na_secao_critica(|dentro| {
            let (_, versao) = dentro.ler(agora, quem.cliente, vista, depende);
            if dentro.sala.e_gravada() {
                return ((versao, depende.desta), false);
            }
            let acorda = dentro.sala.por_gravar() > 0 && dentro.acordar_gravador();
            ((versao, dentro.lote_por_decidir()), acorda)
        });
        if acorda {
            self.ha_lote.notify_one();
        }
        lido
    }

    /// A sala como o operador a vê.
    pub fn retrato_da_sala(&self, agora: Instante) -> RetratoDaSala {
        self.na_secao_critica(|dentro| {
            let (quadro, versao) = dentro.sala.quadro(agora, None, Epoca::Agora);
            let retomadas = dentro.retomadas.clone();
            RetratoDaSala { quadro, versao, pessoas: dentro.sala.pessoas(), retomadas }
        })
    }

    /// A conexão de `quem` passa a falar por `cliente`, se deixou de falar por outro; devolve o nome dele.
    pub fn retomar(&self, agora: Instante, quem: Requerente, cliente: ClientId) -> Option<Nome> {
        self.na_secao_critica(|dentro| {
            dentro.partir(agora, quem);
            dentro.sala.voltar(cliente);
            dentro.retomadas.insert(quem.conexao, cliente);
            dentro.sala.nome(cliente).cloned()
        })
    }

    /// Ver [`Sala::nomear`].
    pub fn nomear(&self, ocasiao: Ocasiao<'_>, nome: Nome) {
        let Ocasiao { agora, quem, depende, .. } = ocasiao;
        self.na_secao_critica(|dentro| {
            dentro.sala.nomear(agora, quem.cliente, nome);
            depende.juntar(dentro.por_decidir());
        });
    }

    /// Pede que se grave que números de cliente até este podem ser dados; devolve o lote em que vai.
    pub fn anotar_clientes(&self, ate: u64) -> u64 {
        self.na_secao_critica(|dentro| {
            dentro.sala.anotar_clientes(ate);
            dentro.por_decidir()
        })
    }

    /// Ver [`Sala::fechar_clientes`].
    pub fn fechar_clientes(&self, dados: u64) {
        self.na_secao_critica(|dentro| dentro.sala.fechar_clientes(dados));
    }

    /// `quem` já não fala por aquela conexão: o token e o lugar na fila se vão com ela; ver [`Sala::despedir`].
    pub fn partir(&self, agora: Instante, quem: Requerente) {
        self.na_secao_critica(|dentro| dentro.partir(agora, quem));
    }

    /// Ver [`Token::solicitar`](crate::sala::token::Token::solicitar). Quem deve esperar recebe um lugar, e espera nele com [`Monitor::esperar`].
    pub fn solicitar(&self, ocasiao: Ocasiao<'_>, por: Segundos, ate: Option<Segundos>) -> Solicitado {
        let Ocasiao { agora, quem, depende, .. } = ocasiao;
        self.na_secao_critica(|dentro| {
            let solicitado = match dentro.sala.token().solicitar(agora, quem, por, ate) {
                Ok(Aguardado::Atendido(resposta)) => Solicitado::Respondido(Ok(resposta)),
                Err(erro) => Solicitado::Respondido(Err(erro.into())),
                Ok(Aguardado::NaFila(a_frente)) => {
                    return dentro.dar_lugar(quem.conexao, Pelo::Token, a_frente);
                }
            };
            depende.juntar(dentro.por_decidir_do_token());
            solicitado
        })
    }

    /// Ver [`Sala::aguardar`]. Quem deve esperar recebe um lugar, como em [`Monitor::solicitar`].
    pub fn aguardar(&self, ocasiao: Ocasiao<'_>, escolha: Escolha, ate: Option<Segundos>) -> Solicitado {
        let Ocasiao { agora, quem, vista, depende } = ocasiao;
        self.na_secao_critica(|dentro| {
            let veredito = match dentro.sala.aguardar(agora, quem, escolha, ate) {
                Ok(Aguardado::Atendido(resposta)) => Ok(resposta),
                Err(negado) => Err(negado),
                Ok(Aguardado::NaFila(a_frente)) => {
                    return dentro.dar_lugar(quem.conexao, Pelo::Assentos, a_frente);
                }
            };
            Solicitado::Respondido(dentro.concluir(veredito, vista, depende))
        })
    }

    /// Dorme até que a vez chegue ou a espera acabe, e no máximo `fatia`: então devolve `None`, para que a conexão olhe
    /// se o seu cliente ainda está lá e chame de novo.
    pub fn esperar(&self, lugar: &Lugar, fatia: Duration) -> Option<Chegada> {
        let mut dentro = self.dentro.lock();
        loop {
            if let Some(entrega) = dentro.tirar_entrega(lugar.conexao) {
                return Some(entrega);
            }
            if lugar.acorda.wait_for(&mut dentro, fatia).timed_out() {
                return dentro.tirar_entrega(lugar.conexao);
            }
        }
    }

    /// O cliente se foi enquanto esperava: sai da fila. O que já lhe tinha chegado (`chegou`, ou o que ainda não foi
    /// tirado daqui) volta a como era e passa ao seguinte; não conta como liberação. Devolve o que dizer a quem ainda lê.
    pub fn abandonar(
        &self,
        agora: Instante,
        quem: Requerente,
        lugar: &Lugar,
        chegou: Option<Chegada>,
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
                // O que ele já ouviu está gravado, e nada do que vem depois lhe diz respeito.
                Pelo::Assentos => Negado {
                    versao: Some(dentro.sala.versao_gravada()),
                    ..dentro.sala.negado(Error::TempoEsgotado)
                },
            }
        })
    }

    /// Ver [`Token::liberar`](crate::sala::token::Token::liberar).
    pub fn liberar(&self, ocasiao: Ocasiao<'_>) -> Result<Resposta, Error> {
        let Ocasiao { agora, quem, depende, .. } = ocasiao;
        self.na_secao_critica(|dentro| {
            let resultado = dentro.sala.token().liberar(agora, quem.cliente);
            depende.juntar(dentro.por_decidir_do_token());
            resultado
        })
    }

    /// Ver [`Token::estado`](crate::sala::token::Token::estado).
    pub fn estado_do_token(&self, ocasiao: Ocasiao<'_>) -> Resposta {
        let Ocasiao { agora, depende, .. } = ocasiao;
        self.na_secao_critica(|dentro| {
            let estado = dentro.sala.token().estado(agora);
            depende.juntar(dentro.por_decidir_do_token());
            estado
        })
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
        });
    }

    /// A conexão passa a observar a sala a partir da versão que se devolve, e que a sua vista leva. Quem observa deixa de observar
    /// uma vez, com [`Monitor::deixar_de_observar`].
    pub fn observar(&self, ocasiao: Ocasiao<'_>) -> Versao {
        let Ocasiao { agora, quem, vista, depende } = ocasiao;
        self.na_secao_critica(|dentro| {
            dentro.observadores += 1;
            let (_, versao) = dentro.ler(agora, quem.cliente, None, depende);
            vista.into_iter().for_each(|vista| vista.contado = versao);
            versao
        })
    }

    /// Uma conexão deixou de observar.
    pub fn deixar_de_observar(&self) {
        self.na_secao_critica(|dentro| dentro.observadores -= 1);
    }

    /// Põe a vista de quem observa em dia com uma resposta que lhe chegou enquanto esperava.
    pub fn alcancar(&self, depende: &mut Dependencia, vista: Option<&mut Vista>) {
        self.na_secao_critica(|dentro| {
            let gravada = *depende == Dependencia::default();
            if !gravada {
                depende.juntar(dentro.por_decidir());
            }
            dentro.mostrar(vista, if gravada { Epoca::Gravada } else { Epoca::Agora });
        });
    }

    /// Põe a vista de quem observa em dia com o que está gravado.
    pub fn mostrar(&self, vista: &mut Vista) {
        self.na_secao_critica(|dentro| dentro.sala.mostrar(vista, Epoca::Gravada));
    }

    /// Faz acontecer o que vence até `agora`; diz o que venceu desde a última vez.
    pub fn vencer(&self, agora: Instante) -> Vec<Vencido> {
        self.na_secao_critica(|dentro| {
            dentro.sala.vencer(agora);
            dentro.sala.token().vencer(agora);
            dentro.sala.tirar_vencidos()
        })
    }

    /// Dorme até o próximo vencimento, ou até que um anterior a ele apareça; devolve `false` se foi dispensado.
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

    /// Dorme até que haja o que gravar, e leva o lote; `None` se foi dispensado e não há mais nada.
    ///
    /// Só uma thread dorme aqui.
    pub fn tirar_lote(&self) -> Option<Lote> {
        let mut dentro = self.dentro.lock();
        while dentro.sala.por_gravar() == 0 {
            if dentro.gravador == QuemGrava::Dispensado {
                return None;
            }
            dentro.gravador = QuemGrava::Dorme;
            self.ha_lote.wait(&mut dentro);
        }
        let lote = Lote { numero: dentro.lote, registros: dentro.sala.tirar_diario() };
        dentro.lote += 1;
        drop(dentro);
        Some(lote)
    }

    /// Diz se há o que gravar, ou se não há mais por que esperar.
    pub fn ha_lote(&self) -> bool {
        let dentro = self.dentro.lock();
        dentro.sala.por_gravar() > 0 || dentro.gravador == QuemGrava::Dispensado
    }

    /// O lote está gravado: o que ele diz já se pode contar.
    pub fn gravou(&self, numero: u64) {
        self.na_secao_critica(|dentro| {
            dentro.sala.gravou();
            dentro.decidido = numero;
        });
    }

    /// O lote não pôde ser gravado: a sala volta a ser a do disco, e tudo o que veio depois dele se desfaz também. Devolve o
    /// último lote desfeito, e a versão da sala.
    pub fn desfazer(&self, lote: Lote, de_novo: Instante) -> (u64, Versao) {
        self.na_secao_critica(|dentro| {
            dentro.decidido = dentro.lote;
            dentro.lote += 1;
            dentro.sala.desfazer(lote.registros, de_novo);
            (dentro.decidido, dentro.sala.versao())
        })
    }

    /// Dispensa quem grava, depois do que falta gravar; ou volta a precisar dele.
    pub fn dispensar_gravador(&self, dispensado: bool) {
        self.dentro.lock().gravador = if dispensado { QuemGrava::Dispensado } else { QuemGrava::Acordado };
        self.ha_lote.notify_one();
    }

    /// O único lugar que muda a sala. A operação recebe `&mut`: o compilador é a prova de que o mutex está fechado.
    fn na_secao_critica<T>(&self, operacao: impl FnOnce(&mut Dentro) -> T) -> T {
        let mut dentro = self.dentro.lock();
        let guarda = SemPanico(self.antes_de_abortar);
        let resultado = operacao(&mut dentro);
        dentro.sala.atender_fila();
        if cfg!(debug_assertions) {
            dentro.sala.conferir();
        }
        dentro.anotar_token();
        let acordar = dentro.entregar();
        let antecipou = dentro.acorda_vigia();
        let ha_o_que_contar = dentro.ha_o_que_contar();
        let grava = dentro.ha_bastante_por_gravar() && dentro.acordar_gravador();
        drop(dentro);
        std::mem::forget(guarda);
        // Só agora, com o mutex aberto: quem acorda o encontra livre.
        for um in acordar {
            um.notify_one();
        }
        if antecipou {
            self.antecipou.notify_one();
        }
        if ha_o_que_contar {
            self.campainha.tocar();
        }
        if grava {
            self.ha_lote.notify_one();
        }
        resultado
    }
}

/// Só chega ao `drop` se a seção crítica entrou em pânico. O mutex de parking_lot não envenena: a próxima thread
/// acharia a sala pela metade. Uma sala em que não se pode confiar é pior do que sala nenhuma.
struct SemPanico(fn());

impl Drop for SemPanico {
    fn drop(&mut self) {
        // No explorador o pânico já é a falha do modelo, e quem a conta é ele.
        if cfg!(feature = "shuttle") {
            return;
        }
        (self.0)();
        std::process::abort();
    }
}
