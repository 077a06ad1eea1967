//! N clientes simulados num programa só, que disputam o token, e a prova de que ele foi exclusão mútua.
//!
//! Cada cliente é uma thread com a sua conexão; esta thread ouve o que eles contam, mostra e, no fim, julga. Para parar
//! não se espera por ninguém: quem pensa acorda porque o seu canal se fechou; quem está na fila tem um instante para
//! que a vez lhe chegue e o devolva; depois disso, a conexão é cortada.
//!
//! | módulo | o que é |
//! |---|---|
//! | `trabalho` | a thread de um cliente |
//! | `andamento` | o que se sabe a cada momento |
//! | `painel` | o que se desenha na tela |
//! | `prova` | história entra, veredito sai; pura |
//! | `resumo` | o que se diz no fim |
//! | `acaso`, `relogio`, `medida` | o que se repete, o que se mede, como se escreve |

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cliente::{Cliente, Corte, EstadoDoToken};

use crate::Fim;
use crate::SAIDA_INTERROMPIDO;
use crate::erro::Erro;
use crate::sinais::Sinais;
use crate::tela::{Saida, limpo};
use crate::tela_cheia::TelaCheia;

use acaso::Acaso;
use andamento::Andamento;
use prova::Historia;
use relogio::Relogio;
use resumo::{Resumo, Termino};
use trabalho::{Novidade, Simulado};

mod acaso;
mod andamento;
mod medida;
mod painel;
mod prova;
mod relogio;
mod resumo;
mod trabalho;

pub use acaso::sortear_semente;

/// Quantos clientes se simulam num programa: cada um gasta uma thread e dois descritores, e com estes se fica à metade
/// dos 1024 descritores que um programa costuma ter. Mais do que isto é trabalho do `estresse`.
pub const SIMULADOS_MAX: u16 = 200;
/// Quantas voltas cada um pode dar: a história inteira fica na memória até a prova, e com estas são uns 25 MB.
pub const VOLTAS_MAX: u32 = 1000;
/// Quantas voltas cada um dá quando não se diz.
pub const VOLTAS_PADRAO: u32 = 10;
/// Quanto se espera, ao parar, que a vez chegue a quem está na fila: tempo de sobra se o token é só destes clientes,
/// e pouco para quem apertou Ctrl-C.
const PARADA_PRAZO: Duration = Duration::from_millis(300);
/// Quanto se espera pela última resposta do servidor: sem ela, a prova só fica menos exata.
const FIM_PRAZO: Duration = Duration::from_secs(2);

/// O que se pede da simulação.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plano {
    /// Quantos clientes, de 1 a [`SIMULADOS_MAX`].
    pub clientes: u16,
    /// Quantas voltas cada um, de 1 a [`VOLTAS_MAX`].
    pub voltas: u32,
    /// De onde sai o acaso.
    pub semente: u64,
}

/// Conecta todos, faz a simulação, mostra o resumo e diz se a prova vale.
pub fn simular(
    plano: Plano,
    servidor: &str,
    mut conectar: impl FnMut() -> Result<Cliente, Erro>,
    saida: &mut Saida,
) -> Result<Fim, Erro> {
    let titulo = titulo(plano, servidor);
    let mut primeira = apresentar(conectar()?, 1)?;
    let inicio = primeira.token_estado()?;
    let mut conexoes = vec![primeira];
    for numero in 2..=plano.clientes {
        conexoes.push(apresentar(conectar()?, numero)?);
    }
    // Daqui em diante, Ctrl-C acaba com um resumo.
    let (contar, novidades) = mpsc::channel();
    let parar = contar.clone();
    let _sinais = Sinais::ouvir(move || parar.send(Novidade::Pare).is_ok(), SAIDA_INTERROMPIDO)?;
    writeln!(saida.escrita, "{titulo}")?;
    saida.escrita.flush()?;

    let relogio = Relogio::new();
    let equipe = Equipe::new(plano, conexoes, &contar, relogio)?;
    let andamento = Andamento::new(plano.clientes, &inicio);
    let mut simulacao = Simulacao { novidades, andamento, equipe, parada: Parada::default(), relogio };
    match TelaCheia::abrir(saida, SAIDA_INTERROMPIDO) {
        Some(tela) => simulacao.acompanhar_no_painel(tela, &titulo)?,
        None => simulacao.acompanhar_em_linhas(saida)?,
    }
    simulacao.concluir(inicio, saida)
}

fn titulo(plano: Plano, servidor: &str) -> String {
    let Plano { clientes, voltas, semente } = plano;
    let clientes = if clientes == 1 { "1 cliente".to_owned() } else { format!("{clientes} clientes") };
    let voltas = if voltas == 1 { "1 volta".to_owned() } else { format!("{voltas} voltas") };
    format!("Simulação: {clientes}, {voltas} cada um, semente {semente}, servidor {}", limpo(servidor))
}

/// Dá um nome ao cliente, para que no servidor se veja quem é.
fn apresentar(mut conexao: Cliente, numero: u16) -> Result<Cliente, Erro> {
    if let Ok(nome) = format!("simulado-{numero}").parse() {
        conexao.nome(&nome)?;
    }
    Ok(conexao)
}

/// A simulação em curso, do lado de quem assiste.
struct Simulacao {
    novidades: Receiver<Novidade>,
    andamento: Andamento,
    equipe: Equipe,
    parada: Parada,
    relogio: Relogio,
}

impl Simulacao {
    fn acompanhar_no_painel(&mut self, mut tela: TelaCheia, titulo: &str) -> Result<(), Erro> {
        while self.andamento.ativos > 0 {
            let agora = self.relogio.agora();
            tela.desenhar(|area| painel::linhas(titulo, &self.andamento, agora, usize::from(area.height)))?;
            if tela.esperar().map_err(Erro::Entrada)? {
                self.parar();
            }
            while let Ok(novidade) = self.novidades.try_recv() {
                self.receber(novidade)?;
            }
            self.insistir();
        }
        Ok(())
    }

    fn acompanhar_em_linhas(&mut self, saida: &mut Saida) -> Result<(), Erro> {
        while self.andamento.ativos > 0 {
            // Não se desliga: os sinais também contam por este canal.
            if let Ok(novidade) = self.novidades.recv_timeout(self.paciencia()) {
                if let Some(frase) = self.receber(novidade)? {
                    writeln!(saida.escrita, "{frase}")?;
                    // Quem lê está olhando.
                    saida.escrita.flush()?;
                }
            }
            self.insistir();
        }
        Ok(())
    }

    /// Anota uma novidade; devolve a frase a mostrar onde não há painel.
    fn receber(&mut self, novidade: Novidade) -> Result<Option<String>, Erro> {
        match novidade {
            Novidade::Pare => self.parar(),
            Novidade::Quebrou(numero) => {
                let texto = format!("a thread do cliente simulado {numero} entrou em pânico");
                return Err(Erro::Sistema(io::Error::other(texto)));
            }
            _ => {}
        }
        let frase = self.andamento.anotar(novidade);
        // Se um não conseguiu seguir, param todos.
        if self.andamento.falha.is_some() && self.parada == Parada::Nao {
            self.parada = Parada::Pedida { por_falha: true, prazo: self.relogio.agora() + PARADA_PRAZO };
            self.equipe.parar.clear();
        }
        Ok(frase)
    }

    /// Alguém mandou parar; da segunda vez, não se espera mais.
    fn parar(&mut self) {
        match self.parada {
            Parada::Nao => {
                self.parada = Parada::Pedida { por_falha: false, prazo: self.relogio.agora() + PARADA_PRAZO };
                self.equipe.parar.clear();
            }
            Parada::Pedida { por_falha, .. } => self.cortar(por_falha),
            Parada::Cortada { .. } => {}
        }
    }

    /// Corta quem ainda espera depois do prazo da parada.
    fn insistir(&mut self) {
        match self.parada {
            Parada::Pedida { por_falha, prazo } if self.relogio.agora() >= prazo => self.cortar(por_falha),
            _ => {}
        }
    }

    fn cortar(&mut self, por_falha: bool) {
        self.parada = Parada::Cortada { por_falha };
        self.equipe.cortes.iter().for_each(Corte::cortar);
    }

    /// Quanto se pode esperar pela próxima novidade.
    fn paciencia(&self) -> Duration {
        match self.parada {
            Parada::Pedida { prazo, .. } => prazo.saturating_sub(self.relogio.agora()),
            _ => Duration::MAX,
        }
    }

    /// Julga, mostra o resumo e diz como acabou.
    fn concluir(mut self, inicio: EstadoDoToken, saida: &mut Saida) -> Result<Fim, Erro> {
        let duracao = self.relogio.agora();
        let fim = self.andamento.conexao.take().and_then(perguntar_no_fim);
        let contador = self.equipe.recurso.load(Ordering::SeqCst);
        let posses = std::mem::take(&mut self.andamento.posses);
        let veredito = prova::julgar(&Historia { inicio, fim, posses, contador });
        let termino = match (self.parada, &self.andamento.falha) {
            // A falha de quem foi cortado por nós não é falha.
            (Parada::Pedida { por_falha: false, .. } | Parada::Cortada { por_falha: false }, _) => {
                Termino::Interrompida
            }
            (_, Some(_)) => Termino::Falhou,
            (_, None) => Termino::Completa,
        };
        let resumo = Resumo {
            clientes: &self.andamento.clientes,
            duracao,
            veredito: &veredito,
            contador_antes: inicio.contador,
            contador,
            termino,
        };
        write!(saida.escrita, "{resumo}")?;
        saida.escrita.flush()?;
        match (termino, self.andamento.falha) {
            _ if !veredito.violacoes.is_empty() => Ok(Fim::Recusado),
            (Termino::Falhou, Some((_, falha))) => Err(falha.into()),
            (Termino::Interrompida, _) => Ok(Fim::Interrompido),
            _ => Ok(Fim::Bem),
        }
    }
}

/// O que o servidor diz do token depois da última volta, se ainda diz.
fn perguntar_no_fim(mut conexao: Cliente) -> Option<EstadoDoToken> {
    conexao.prazo_de_leitura(Some(FIM_PRAZO)).ok()?;
    conexao.token_estado().ok()
}

/// Se já se mandou parar.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Parada {
    #[default]
    Nao,
    /// Mandou-se: porque alguém não conseguiu seguir, ou porque a pessoa quis. Vencido o prazo, corta-se.
    Pedida { por_falha: bool, prazo: Duration },
    /// Cortaram-se as conexões.
    Cortada { por_falha: bool },
}

/// As threads dos clientes. Ao ser largada, para todas e espera que acabem.
struct Equipe {
    /// Um por cliente, para mandar parar: fecham-se, e ninguém manda nada por eles.
    parar: Vec<Sender<Infallible>>,
    cortes: Vec<Corte>,
    threads: Vec<JoinHandle<()>>,
    recurso: Arc<AtomicU64>,
}

impl Equipe {
    fn new(
        plano: Plano,
        conexoes: Vec<Cliente>,
        contar: &Sender<Novidade>,
        relogio: Relogio,
    ) -> Result<Self, Erro> {
        let recurso = Arc::new(AtomicU64::new(0));
        let mut equipe = Self { parar: Vec::new(), cortes: Vec::new(), threads: Vec::new(), recurso };
        for (numero, conexao) in (1..).zip(conexoes) {
            let (manter, parar) = mpsc::channel();
            equipe.parar.push(manter);
            equipe.cortes.push(conexao.corte().map_err(Erro::Sistema)?);
            let simulado = Simulado {
                numero,
                conexao,
                voltas: plano.voltas,
                acaso: Acaso::new(plano.semente, numero),
                parar,
                contar: contar.clone(),
                relogio,
                recurso: Arc::clone(&equipe.recurso),
            };
            let thread = thread::Builder::new().name(format!("simulado-{numero}"));
            equipe.threads.push(thread.spawn(move || simulado.trabalhar()).map_err(Erro::Sistema)?);
        }
        Ok(equipe)
    }
}

impl Drop for Equipe {
    fn drop(&mut self) {
        self.parar.clear();
        self.cortes.iter().for_each(Corte::cortar);
        for thread in self.threads.drain(..) {
            // O pânico de uma delas já se mostrou.
            let _ = thread.join();
        }
    }
}
