//! Um cliente simulado: pensa, pede o token, usa o recurso, libera; tantas voltas quantas se pediram.
//!
//! Roda numa thread só sua, sobre uma conexão só sua. O que acontece vai por um canal para quem desenha e quem prova;
//! daqui não se escreve em tela nenhuma.

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use cliente::{Cliente, Concessao, Falha};
use protocolo::{Error, Segundos};

use super::acaso::Acaso;
use super::prova::{Desfecho, Posse};
use super::relogio::Relogio;

/// Quanto um cliente pensa antes de pedir, em milissegundos: o bastante para a ordem dos pedidos variar.
const PENSA_MS: RangeInclusive<u64> = 0..=50;
/// Quanto o uso do recurso demora, em milissegundos: o bastante para dois donos, se os houvesse, se encontrarem.
const USA_MS: RangeInclusive<u64> = 1..=4;

/// O que acontece a um cliente simulado, na ordem em que acontece.
#[derive(Debug)]
pub enum Novidade {
    /// Entrou na fila.
    Pediu(u16, Duration),
    /// O token é dele.
    Obteve(u16, Duration, Concessao),
    /// Vai liberar. Vem antes de qualquer notícia do dono seguinte.
    Larga(u16),
    /// Soube como a posse acabou; e o que o servidor disse da espera.
    Largou(Posse, Option<u64>),
    /// Não dá mais voltas: acabou, ou não deu certo. A conexão vai junto.
    Acabou(u16, Result<Cliente, Falha>),
    /// A sua thread entrou em pânico.
    Quebrou(u16),
    /// Alguém mandou parar (Ctrl-C).
    Pare,
}

/// Um cliente simulado, por começar.
pub struct Simulado {
    /// O seu número na simulação, a partir de 1.
    pub numero: u16,
    /// A sua conexão.
    pub conexao: Cliente,
    /// Quantas voltas dá.
    pub voltas: u32,
    /// O acaso só dele.
    pub acaso: Acaso,
    /// Enquanto o outro lado existe, segue; ninguém manda nada por aqui.
    pub parar: Receiver<Infallible>,
    /// Para onde conta.
    pub contar: Sender<Novidade>,
    /// O relógio de todos.
    pub relogio: Relogio,
    /// O recurso de todos: um contador que nada protege além do token. Lê-se e escreve-se em dois passos, de
    /// propósito: entre um e outro, um segundo dono apagaria a soma do primeiro.
    pub recurso: Arc<AtomicU64>,
}

/// Conta se a thread entrou em pânico: sem isto, quem assiste esperaria por ela para sempre.
struct Vigia {
    numero: u16,
    contar: Sender<Novidade>,
}

impl Drop for Vigia {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.contar.send(Novidade::Quebrou(self.numero));
        }
    }
}

impl Simulado {
    /// Dá as voltas e conta que acabou.
    pub fn trabalhar(mut self) {
        let _vigia = Vigia { numero: self.numero, contar: self.contar.clone() };
        let resultado = self.dar_voltas();
        let Self { numero, conexao, contar, .. } = self;
        // Só falta quem ouça quando o programa já está acabando.
        let _ = contar.send(Novidade::Acabou(numero, resultado.map(|()| conexao)));
    }

    fn dar_voltas(&mut self) -> Result<(), Falha> {
        for _ in 0..self.voltas {
            let pensa = self.acaso.entre_ms(PENSA_MS);
            if !self.esperar(pensa) {
                break;
            }
            self.dar_volta()?;
        }
        Ok(())
    }

    fn dar_volta(&mut self) -> Result<(), Falha> {
        let numero = self.numero;
        let pediu = self.relogio.agora();
        self.contar(Novidade::Pediu(numero, pediu));
        let concessao = self.conexao.token_solicitar(Segundos::TOKEN_PADRAO, None)?;
        let obteve = self.relogio.agora();
        self.contar(Novidade::Obteve(numero, obteve, concessao));

        self.usar();

        self.contar(Novidade::Larga(numero));
        let largou = self.relogio.agora();
        let resultado = self.conexao.token_liberar();
        let soube = self.relogio.agora();
        let desfecho = match &resultado {
            Ok(liberacao) => Desfecho::Liberada(liberacao.contador),
            Err(Falha::Recusa(recusa)) if recusa.erro == Error::TokenNaoESeu => Desfecho::Vencida,
            Err(_) => Desfecho::SemResposta,
        };
        let Concessao { cerca, contador, prazo, .. } = concessao;
        let prazo = Duration::from_secs(prazo.into());
        let posse = Posse {
            cliente: numero,
            cerca: cerca.0,
            contador,
            prazo,
            pediu,
            obteve,
            largou,
            soube,
            desfecho,
        };
        let espera = resultado.as_ref().ok().map(|liberacao| liberacao.espera);
        self.contar(Novidade::Largou(posse, espera));
        match resultado {
            Err(falha) if desfecho == Desfecho::SemResposta => Err(falha),
            _ => Ok(()),
        }
    }

    /// Usa o recurso: lê, trabalha um pouco e escreve o que leu mais um.
    fn usar(&mut self) {
        let lido = self.recurso.load(Ordering::SeqCst);
        let trabalho = self.acaso.entre_ms(USA_MS);
        // Mandado parar, acaba depressa, mas acaba: soma e libera.
        self.esperar(trabalho);
        self.recurso.store(lido + 1, Ordering::SeqCst);
    }

    /// Espera este tempo; `false` se mandaram parar, e então não espera.
    fn esperar(&self, tempo: Duration) -> bool {
        matches!(self.parar.recv_timeout(tempo), Err(RecvTimeoutError::Timeout))
    }

    fn contar(&self, novidade: Novidade) {
        // Só falta quem ouça quando o programa já está acabando.
        let _ = self.contar.send(novidade);
    }
}
