//! Uma conexão que observa a sala, e a thread que a mantém: conta o que muda e, quando a conexão cai, religa.
//!
//! Não desenha e não guarda o que conta.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use cliente::{Cliente, Falha, SAIDA_SEM_CONEXAO};
use protocolo::{Evento, Versao};

use super::estado::Retrato;
use crate::erro::Erro;
use crate::tela::limpo;

/// Quanto silêncio se aceita antes de perguntar ao servidor se ele está aí: um cabo cortado não avisa, e o servidor
/// fecha a quem fica calado demais. Um `PING` por minuto não enche a tela de ninguém.
const SILENCIO: Duration = Duration::from_secs(60);
/// Quanto se espera por uma resposta de quem observa.
const RESPOSTA_PRAZO: Duration = Duration::from_secs(10);
/// A pausa antes da primeira tentativa de religar; dobra a cada uma que falha.
const PAUSA_MIN: Duration = Duration::from_millis(500);
/// A maior pausa entre duas tentativas: o que uma pessoa aceita esperar depois que o servidor volta.
const PAUSA_MAX: Duration = Duration::from_secs(5);

/// Uma conexão que observa a sala.
pub struct Observacao {
    cliente: Cliente,
    desde: Versao,
    silencio: Duration,
}

impl Observacao {
    /// Pede para observar.
    pub fn new(mut cliente: Cliente) -> Result<Self, Erro> {
        cliente.prazo_de_leitura(Some(RESPOSTA_PRAZO))?;
        let desde = cliente.observar().map_err(Erro::Observar)?;
        Ok(Self { cliente, desde, silencio: SILENCIO })
    }

    /// A versão da sala a partir da qual se observa.
    pub const fn desde(&self) -> Versao {
        self.desde
    }

    /// A sala como está agora.
    pub fn retratar(&mut self) -> Result<Retrato, Falha> {
        let (quadro, versao) = self.cliente.listar()?;
        Ok(Retrato { quadro, versao, cliente: self.cliente.cliente() })
    }

    /// A próxima mudança, por mais que demore; falha se o servidor já não está lá.
    pub fn proximo(&mut self) -> Result<Evento, Falha> {
        loop {
            self.cliente.prazo_de_leitura(Some(self.silencio))?;
            match self.cliente.proximo_evento() {
                Err(Falha::Demora) => {
                    self.cliente.prazo_de_leitura(Some(RESPOSTA_PRAZO))?;
                    self.cliente.ping()?;
                }
                resultado => return resultado,
            }
        }
    }
}

/// O que a thread `observacao` conta.
#[derive(Debug)]
pub enum Novidade {
    /// A sala mudou.
    Mudou(Evento),
    /// A conexão caiu, ou uma tentativa de religar falhou; o texto diz por quê.
    Desligou(String),
    /// A conexão voltou, e a sala está assim.
    Religou(Retrato),
    /// O servidor disse um não que insistir não muda.
    Acabou(Erro),
}

/// A thread `observacao`.
pub struct Vigia<C, E> {
    /// Conecta, pede para observar e retrata a sala.
    pub conectar: C,
    /// Espera este tempo; diz se ainda há por que continuar.
    pub esperar: E,
    /// A quem se conta.
    pub avisar: SyncSender<Novidade>,
}

impl<C, E> Vigia<C, E>
where
    C: FnMut() -> Result<(Observacao, Retrato), Erro>,
    E: FnMut(Duration) -> bool,
{
    /// Conta o que muda até que ninguém mais ouça, ou até um não sem remédio.
    pub fn vigiar(mut self, mut observacao: Observacao) {
        while let Some(falha) = self.contar_mudancas(&mut observacao) {
            let Some((nova, retrato)) = self.religar(falha.into()) else { return };
            if self.avisar.send(Novidade::Religou(retrato)).is_err() {
                return;
            }
            observacao = nova;
        }
    }

    /// Conta até a conexão falhar; `None` se ninguém mais ouve.
    fn contar_mudancas(&self, observacao: &mut Observacao) -> Option<Falha> {
        loop {
            match observacao.proximo() {
                Ok(evento) => self.avisar.send(Novidade::Mudou(evento)).ok()?,
                Err(falha) => return Some(falha),
            }
        }
    }

    /// Tenta até conseguir, com pausas cada vez maiores; `None` se não há por que tentar.
    fn religar(&mut self, mut erro: Erro) -> Option<(Observacao, Retrato)> {
        let mut pausa = PAUSA_MIN;
        loop {
            if erro.codigo_de_saida() != SAIDA_SEM_CONEXAO {
                // Se ninguém ouve, tanto faz: já se ia embora.
                let _ = self.avisar.send(Novidade::Acabou(erro));
                return None;
            }
            self.avisar.send(Novidade::Desligou(motivo(&erro))).ok()?;
            if !(self.esperar)(pausa) {
                return None;
            }
            pausa = (2 * pausa).min(PAUSA_MAX);
            match (self.conectar)() {
                Ok(religada) => return Some(religada),
                Err(outro) => erro = outro,
            }
        }
    }
}

/// Por que não há conexão. Com que servidor, o painel já diz.
fn motivo(erro: &Erro) -> String {
    limpo(&match erro {
        Erro::Conectar { falha, .. } => falha.to_string(),
        outro => outro.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::SocketAddr;
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::falso::Falso;

    const RETRATO: &str = "LIVRES 1-2 4-100\nSEGURADOS\nOCUPADOS 3\nSEUS\n\
                           OK LISTADO livres=99 segurados=0 ocupados=1 seus=0 versao=5";

    fn observar(endereco: SocketAddr) -> Result<(Observacao, Retrato), Erro> {
        let cliente = Cliente::conectar(endereco)
            .map_err(|falha| Erro::Conectar { servidor: endereco.to_string(), falha })?;
        let mut observacao = Observacao::new(cliente)?;
        let retrato = observacao.retratar()?;
        Ok((observacao, retrato))
    }

    /// As novidades de quem observa o primeiro servidor e religa a cada um dos outros, e as pausas entre as tentativas.
    fn vigiar(servidores: Vec<SocketAddr>) -> (Receiver<Novidade>, Vec<u128>) {
        let mut servidores = VecDeque::from(servidores);
        let (observacao, _) = observar(servidores.pop_front().unwrap()).unwrap();
        let (avisar, novidades) = mpsc::sync_channel(100);
        let mut pausas = Vec::new();
        // Sem mais servidores, já não há por que esperar.
        let restam = std::cell::Cell::new(servidores.len());
        let vigia = Vigia {
            conectar: || {
                restam.set(restam.get() - 1);
                observar(servidores.pop_front().unwrap())
            },
            esperar: |pausa: Duration| {
                pausas.push(pausa.as_millis());
                restam.get() > 0
            },
            avisar,
        };
        vigia.vigiar(observacao);
        (novidades, pausas)
    }

    fn resumo(novidades: &Receiver<Novidade>) -> Vec<String> {
        let resumir = |novidade| match novidade {
            Novidade::Mudou(evento) => evento.to_string(),
            Novidade::Desligou(motivo) => format!("desligou: {motivo}"),
            Novidade::Religou(retrato) => format!("religou: versão {}", retrato.versao),
            Novidade::Acabou(erro) => format!("acabou com {}: {erro}", erro.codigo_de_saida()),
        };
        novidades.try_iter().map(resumir).collect()
    }

    fn fechada() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn conta_as_mudancas_religa_e_conta_de_novo() {
        let despede = format!("{RETRATO}\nEVENTO 6 LIVRE 3\nERRO ENCERRANDO :o servidor está encerrando");
        let primeiro =
            Falso::com_respostas(&["EVENTO 5 RESERVADO 3 cliente=2\nOK OBSERVANDO versao=5", &despede]);
        let segundo =
            Falso::com_respostas(&["OK OBSERVANDO versao=5", &format!("{RETRATO}\nEVENTO 6 LIVRE 3")]);
        let (novidades, pausas) = vigiar(vec![primeiro.endereco, fechada(), segundo.endereco]);
        let contadas = resumo(&novidades);
        assert_eq!(contadas[0], "EVENTO 5 RESERVADO 3 cliente=2");
        assert_eq!(contadas[1], "EVENTO 6 LIVRE 3");
        assert_eq!(contadas[2], "desligou: recusado: o servidor está encerrando");
        assert!(contadas[3].starts_with("desligou: não consegui conectar: ninguém atende"), "{contadas:?}");
        assert_eq!(contadas[4..6], ["religou: versão 5", "EVENTO 6 LIVRE 3"]);
        assert!(contadas[6].starts_with("desligou: ") && contadas.len() == 7, "{contadas:?}");
        // Depois de religar, as pausas recomeçam.
        assert_eq!(pausas, [500, 1000, 500]);
        assert_eq!(segundo.ouvidas(), ["OBSERVAR", "LISTAR"]);
    }

    #[test]
    fn as_pausas_crescem_ate_um_teto() {
        let falso = Falso::com_respostas(&["OK OBSERVANDO versao=5", RETRATO]);
        let mut servidores = vec![falso.endereco];
        servidores.extend((0..5).map(|_| fechada()));
        let (novidades, pausas) = vigiar(servidores);
        assert_eq!(pausas, [500, 1000, 2000, 4000, 5000, 5000]);
        assert!(novidades.try_iter().all(|novidade| matches!(novidade, Novidade::Desligou(_))));
    }

    #[test]
    fn um_nao_sem_remedio_acaba() {
        let primeiro = Falso::com_respostas(&["OK OBSERVANDO versao=5", RETRATO]);
        let segundo = Falso::com_respostas(&["ERRO COMANDO_DESCONHECIDO :este servidor não conhece"]);
        let (novidades, _) = vigiar(vec![primeiro.endereco, segundo.endereco]);
        let contadas = resumo(&novidades);
        assert_eq!(contadas.len(), 2, "{contadas:?}");
        assert_eq!(
            contadas[1],
            "acabou com 1: não consegui observar a sala: recusado: este servidor não conhece"
        );
    }

    #[test]
    fn sala_calada_e_diferente_de_servidor_mudo() {
        let falso = Falso::new(|conversa| {
            conversa.ouvir();
            conversa.dizer("OK OBSERVANDO versao=5\n");
            // O primeiro silêncio é respondido; no segundo, a conexão acaba.
            conversa.ouvir();
            conversa.dizer("EVENTO 6 LIVRE 3\nOK PONG\n");
            conversa.ouvir();
        });
        let mut observacao = Observacao::new(Cliente::conectar(falso.endereco).unwrap()).unwrap();
        observacao.silencio = Duration::from_millis(20);
        assert_eq!(observacao.proximo().unwrap().versao, Versao(6));
        assert!(matches!(observacao.proximo(), Err(Falha::Perdida(_))));
        assert_eq!(falso.ouvidas(), ["OBSERVAR", "PING", "PING"]);
    }
}
