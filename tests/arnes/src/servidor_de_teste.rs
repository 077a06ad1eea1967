//! Um servidor neste mesmo processo, numa porta que o sistema escolhe. Quem o solta o para, e confere que parou.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use servidor::base::sincronia::criar_thread;
use servidor::limites::{PARADA_PRAZO_MS, PILHA_BYTES};
use servidor::{Config, Parada, Servico};

use crate::Terminal;
use crate::espera::{Cronometro, PRAZO};
use crate::roteiro;

/// O prazo que o servidor dá a si mesmo para parar, e uma folga para uma máquina ocupada.
pub const PARADA_COM_FOLGA: Duration = Duration::from_millis(PARADA_PRAZO_MS + 1_000);

/// Um servidor de teste.
#[derive(Debug)]
pub struct ServidorDeTeste {
    endereco: SocketAddr,
    servico: Arc<Servico>,
    parada: Parada,
    fim: Receiver<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ServidorDeTeste {
    /// Um servidor com a configuração de quem não diz nada.
    #[expect(clippy::new_without_default, reason = "ligar um servidor não é um valor de praxe")]
    pub fn new() -> Self {
        Self::com(Config::default())
    }

    /// Um servidor com esta configuração.
    pub fn com(config: Config) -> Self {
        Self::com_servico(Servico::new(config).expect("o sistema devia dar bytes aleatórios"))
    }

    /// Um servidor com estas partes.
    pub fn com_servico(servico: Servico) -> Self {
        Self::abrir(Arc::new(servico), Parada::new())
    }

    fn abrir(servico: Arc<Servico>, parada: Parada) -> Self {
        let escuta = TcpListener::bind("127.0.0.1:0").expect("o sistema devia dar uma porta");
        let endereco = escuta.local_addr().expect("a porta tem endereço");
        let (avisar, fim) = mpsc::channel();
        let (dentro, sinal) = (Arc::clone(&servico), parada.clone());
        let thread = criar_thread("servidor-de-teste".into(), PILHA_BYTES, move || {
            // Se ninguém mais espera pelo fim, o teste já falhou.
            let _ = avisar.send(servidor::executar(escuta, &dentro, &sinal));
        })
        .expect("o sistema devia dar uma thread");
        Self { endereco, servico, parada, fim, thread: Some(thread) }
    }

    /// Onde ele escuta.
    pub const fn endereco(&self) -> SocketAddr {
        self.endereco
    }

    /// As suas partes.
    pub fn servico(&self) -> &Servico {
        &self.servico
    }

    /// O pedido de parada dele.
    pub const fn parada(&self) -> &Parada {
        &self.parada
    }

    /// Um cliente novo, com a saudação já lida.
    #[track_caller]
    pub fn entrar(&self) -> Terminal {
        Terminal::entrar(self.endereco)
    }

    /// Uma conexão nova, sem nada lido.
    #[track_caller]
    pub fn conectar(&self) -> Terminal {
        Terminal::conectar(self.endereco)
    }

    /// Executa um roteiro contra este servidor.
    #[track_caller]
    pub fn roteiro(&self, texto: &str) {
        roteiro::executar(self.endereco, texto);
    }

    /// Pede a parada e espera que o servidor volte; diz quanto demorou.
    ///
    /// Entra em pânico se ele não volta a tempo, se volta com erro, ou se deixa conexões para trás.
    #[track_caller]
    pub fn parar(mut self) -> Duration {
        let cronometro = Cronometro::comecar();
        self.terminar();
        cronometro.passou()
    }

    /// O que a tecla `r` do console faz: fecha a porta, e abre outra com a mesma sala. Quem estava dentro é avisado e sai.
    #[track_caller]
    pub fn reiniciar(mut self) -> Self {
        self.parada.pedir_reinicio();
        self.esperar_fim();
        assert!(self.parada.reabrir(), "o reinício foi esquecido");
        Self::abrir(Arc::clone(&self.servico), self.parada.clone())
    }

    #[track_caller]
    fn terminar(&mut self) {
        if self.thread.is_some() {
            self.parada.pedir();
            self.esperar_fim();
        }
    }

    #[track_caller]
    fn esperar_fim(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let volta = self.fim.recv_timeout(PARADA_COM_FOLGA.max(PRAZO));
        volta.expect("o servidor não parou a tempo").expect("o servidor parou com erro");
        thread.join().expect("a thread do servidor entrou em pânico");
        assert_eq!(self.servico.admissao.ocupadas(), 0, "o servidor voltou e deixou conexões abertas");
    }
}

impl Drop for ServidorDeTeste {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // O teste já falhou; um segundo pânico esconderia o primeiro.
            self.parada.pedir();
        } else {
            self.terminar();
        }
    }
}
