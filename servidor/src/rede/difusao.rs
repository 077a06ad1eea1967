//! A difusão: conta a quem observa o que mudou na sala, sem esperar por ninguém.
//!
//! Uma thread só. Dorme até que a sala mude, e então escreve a cada observador o que ele ainda não sabe, sem bloquear: de
//! quem não lê guarda-se só até que versão já se contou, e quando ele voltar a ler recebe o que resultou do resto; quem não
//! lê por tempo demais é desligado. Cada observador tem a sua própria thread de conexão, que responde aos pedidos dele; a
//! [`Vez`] garante que só uma das duas escreve no socket. Não conhece as regras da sala, e nunca fecha a trava dela por
//! mais que uma cópia.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use protocolo::{ClientId, Evento, Versao};
use rustix::net::sockopt;

use crate::base::sincronia::{Arc, Mutex};
use crate::limites::{
    DIFUSAO_DESCANSO, DIFUSAO_DESCANSO_MS_MAX, DIFUSAO_OLHADA_MS, DIFUSAO_TURMA, ESCRITA_PRAZO_MS,
    OBSERVADOR_BYTES, PILHA_BYTES,
};
use crate::monitor::Monitor;
use crate::rede::tomada::enviar_sem_esperar;
use crate::sala::Vista;
use crate::servico::Servico;
use crate::tempo::instante::Instante;
use crate::threads::auxiliar::Auxiliar;

const ESCRITA_PRAZO: Duration = Duration::from_millis(ESCRITA_PRAZO_MS);
const OLHADA: Duration = Duration::from_millis(DIFUSAO_OLHADA_MS);
const DESCANSO_MAX: Duration = Duration::from_millis(DIFUSAO_DESCANSO_MS_MAX);

/// Quem observa a sala.
#[derive(Debug, Default)]
pub struct Difusao {
    observadores: Mutex<BTreeMap<ClientId, Arc<Observador>>>,
}

impl Difusao {
    /// A conexão passa a observar, com a vez na mão de quem chama.
    ///
    /// Erros: a conexão caiu.
    pub fn inscrever(&self, conexao: ClientId, tomada: &Arc<TcpStream>) -> io::Result<Arc<Observador>> {
        // O núcleo guardaria megabytes de eventos que ninguém lê, e quem volta a ler os receberia velhos.
        sockopt::set_socket_send_buffer_size(tomada, OBSERVADOR_BYTES)?;
        let observador =
            Arc::new(Observador { tomada: Arc::clone(tomada), vez: Mutex::new(Vez::da_sessao()) });
        self.observadores.lock().insert(conexao, Arc::clone(&observador));
        Ok(observador)
    }

    /// A conexão deixa de observar. Quem chama tem a vez, e não a larga mais: nada se escreve depois disto.
    pub fn esquecer(&self, conexao: ClientId) {
        self.observadores.lock().remove(&conexao);
    }

    /// Quantas conexões observam.
    pub fn quantos(&self) -> usize {
        self.observadores.lock().len()
    }
}

/// Uma conexão que observa.
#[derive(Debug)]
pub struct Observador {
    tomada: Arc<TcpStream>,
    vez: Mutex<Vez>,
}

/// De quem é a vez de escrever no socket, e até onde já se contou. Não conhece o socket: quem o tem diz como se escreve.
#[derive(Debug)]
pub struct Vez {
    /// A conexão está respondendo a um pedido: a difusão não escreve.
    da_sessao: bool,
    /// A versão até onde se contou, com o resto abaixo.
    contado: Versao,
    /// O que o socket ainda não aceitou.
    resto: Option<Resto>,
    /// Foi desligado por não ler.
    cortado: bool,
}

/// O fim de um aviso que não coube no socket. O texto é dividido por todos os que recebem o mesmo aviso.
#[derive(Clone, Debug)]
struct Resto {
    texto: Arc<str>,
    escritos: usize,
    desde: Instante,
}

/// Como ficou um observador depois de uma volta da difusão.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Situacao {
    /// Sabe tudo, ou já não há a quem contar.
    EmDia,
    /// Não coube tudo no socket, ou a vez era da sessão: é preciso voltar.
    Atrasado,
    /// Não lê há tempo demais: é preciso desligá-lo.
    Cortado,
}

impl Vez {
    /// A vez de quem começa a observar: está com a sessão.
    pub const fn da_sessao() -> Self {
        Self { da_sessao: true, contado: Versao(0), resto: None, cortado: false }
    }

    /// Ver [`Observador::tomar`].
    pub fn tomar(&mut self, saida: &mut String) -> Versao {
        self.da_sessao = true;
        if let Some(resto) = self.resto.take() {
            // O que falta começa onde o socket parou, que pode ser no meio de um caractere; eventos são ASCII.
            saida.push_str(resto.texto.get(resto.escritos..).unwrap_or_default());
        }
        self.contado
    }

    /// Ver [`Observador::largar`].
    pub const fn largar(&mut self, contado: Versao) {
        self.contado = contado;
        self.da_sessao = false;
    }

    /// Escreve o que couber, sem esperar: o resto de antes, e o que mudou desde então. `enviar` diz quantos bytes couberam.
    pub fn avisar(
        &mut self,
        mut enviar: impl FnMut(&[u8]) -> io::Result<usize>,
        agora: Instante,
        avisos: &mut Avisos<'_>,
    ) -> Situacao {
        if self.da_sessao {
            return Situacao::Atrasado;
        }
        while !self.cortado {
            let mut resto = match self.resto.take() {
                Some(resto) => resto,
                None => {
                    let Some((contado, texto)) = avisos.depois_de(self.contado) else { break };
                    self.contado = contado;
                    Resto { texto, escritos: 0, desde: agora }
                }
            };
            // Se a conexão caiu, quem lê dela vai saber: aqui não há mais o que fazer.
            let Ok(escritos) = enviar(&resto.texto.as_bytes()[resto.escritos..]) else { break };
            resto.escritos += escritos;
            if resto.escritos == resto.texto.len() {
                continue;
            }
            if agora.desde(resto.desde) < ESCRITA_PRAZO {
                self.resto = Some(resto);
                return Situacao::Atrasado;
            }
            self.cortado = true;
            return Situacao::Cortado;
        }
        Situacao::EmDia
    }
}

impl Observador {
    /// A sessão vai escrever: até [`Observador::largar`], a difusão não escreve. Volta até onde se contou, e junta à saída
    /// o fim do aviso que ficou pela metade.
    pub fn tomar(&self, saida: &mut String) -> Versao {
        self.vez.lock().tomar(saida)
    }

    /// A sessão já escreveu tudo: a difusão pode voltar a escrever, a partir de `contado`.
    pub fn largar(&self, contado: Versao) {
        self.vez.lock().largar(contado);
    }

    /// Diz se a conexão foi desligada por não ler.
    pub fn cortado(&self) -> bool {
        self.vez.lock().cortado
    }

    /// Ver [`Vez::avisar`]; quem não lê há tempo demais é desligado.
    fn avisar(&self, agora: Instante, avisos: &mut Avisos<'_>) -> Situacao {
        let enviar = |bytes: &[u8]| enviar_sem_esperar(&self.tomada, bytes);
        let situacao = self.vez.lock().avisar(enviar, agora, avisos);
        if situacao == Situacao::Cortado {
            // A leitura da conexão acaba, e a thread dela faz o resto.
            let _ = self.tomada.shutdown(Shutdown::Both);
        }
        situacao
    }
}

/// Os avisos de uma volta: quem sabe o mesmo recebe o mesmo texto, composto uma vez só.
#[derive(Debug)]
pub struct Avisos<'a> {
    monitor: &'a Monitor,
    prontos: BTreeMap<Versao, (Versao, Arc<str>)>,
}

impl<'a> Avisos<'a> {
    /// Nenhum aviso pronto.
    pub const fn new(monitor: &'a Monitor) -> Self {
        Self { monitor, prontos: BTreeMap::new() }
    }

    /// O que contar a quem sabe até `contado`, e até onde ele saberá; `None` se já sabe tudo.
    fn depois_de(&mut self, contado: Versao) -> Option<(Versao, Arc<str>)> {
        let monitor = self.monitor;
        let (ate, texto) = self.prontos.entry(contado).or_insert_with(|| {
            let mut vista = Vista { contado, novidades: Vec::new() };
            monitor.mostrar(&mut vista);
            let mut texto = String::new();
            escrever_eventos(&mut texto, &vista.novidades);
            (vista.contado, texto.into())
        });
        (*ate > contado).then(|| (*ate, Arc::clone(texto)))
    }
}

/// Junta à saída uma linha por evento.
pub fn escrever_eventos(saida: &mut String, eventos: &[Evento]) {
    for evento in eventos {
        // Escrever numa String não falha.
        let _ = writeln!(saida, "{evento}");
    }
}

/// Começa a avisar quem observa.
///
/// Erros: o sistema negou a thread.
pub fn iniciar(servico: &Arc<Servico>) -> io::Result<Auxiliar> {
    servico.monitor.dispensar_difusor(false);
    let (seu, dela) = (Arc::clone(servico), Arc::clone(servico));
    Auxiliar::new(
        "difusao",
        PILHA_BYTES,
        move || seu.monitor.dispensar_difusor(true),
        move || difundir(&dela),
    )
}

fn difundir(servico: &Servico) {
    let Servico { monitor, relogio, difusao, .. } = servico;
    let mut atrasados = false;
    // A versão da última volta: só uma mais nova acorda a thread.
    let mut vista = Vista::default();
    loop {
        // Quem ficou para trás é olhado de tempos em tempos, mesmo que a sala não mude mais.
        if !monitor.dormir_ate_mudar(vista.contado, atrasados.then_some(OLHADA)) {
            return;
        }
        monitor.mostrar(&mut vista);
        vista.novidades.clear();
        // Uma cópia: quem entra ou sai não espera pela volta inteira.
        let todos: Vec<_> = difusao.observadores.lock().values().cloned().collect();
        atrasados = false;
        for turma in todos.chunks(DIFUSAO_TURMA) {
            let comeco = relogio.agora();
            let mut avisos = Avisos::new(monitor);
            for um in turma {
                atrasados |= um.avisar(comeco, &mut avisos) == Situacao::Atrasado;
            }
            let descanso = (relogio.agora().desde(comeco) * DIFUSAO_DESCANSO).min(DESCANSO_MAX);
            // Nenhuma versão é maior que a última possível: só a dispensa interrompe o descanso.
            if !monitor.dormir_ate_mudar(Versao(u64::MAX), Some(descanso)) {
                return;
            }
        }
    }
}
