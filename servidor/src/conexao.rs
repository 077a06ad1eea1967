//! O socket de um cliente: junta a saída, escreve antes de esperar, e não espera para sempre.
//!
//! Não sabe o que é um pedido. Ler só acontece quando não há mais nada por entender: é então, e só então, que o que
//! já se respondeu sai, e um lote que chegou junto é respondido numa escrita só. Usa um descritor por cliente.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use protocolo::Resposta;
use protocolo::limites::{
    ESCRITA_PRAZO_MS, RESTO_BYTES_MAX, RESTO_PRAZO_MS, SAIDA_BYTES_MAX, SAIDA_BYTES_QUIETA,
    SONDA_INTERVALO_S, SONDA_S, SONDAS,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};

use crate::config::Config;
use crate::difusao::{Observador, escrever_eventos};
use crate::relogio::Relogio;
use crate::sala::Vista;
use crate::sala::instante::Instante;
use crate::sincronia::Arc;

const ESCRITA_PRAZO: Duration = Duration::from_millis(ESCRITA_PRAZO_MS);
const RESTO_PRAZO: Duration = Duration::from_millis(RESTO_PRAZO_MS);

/// Um lado da conversa com um cliente.
#[derive(Debug)]
pub struct Conexao {
    tomada: Arc<TcpStream>,
    saida: String,
    relogio: Relogio,
    /// Quanto se espera por um byte; `None`: para sempre.
    inatividade: Option<Duration>,
    /// Quanto uma linha pode demorar do primeiro byte ao fim.
    linha_prazo: Duration,
    /// Quando chegou o começo da linha que ainda não acabou: dele conta o prazo da linha inteira.
    linha_desde: Option<Instante>,
    observando: Option<Box<Observando>>,
}

/// O que há a mais numa conexão que observa a sala.
#[derive(Debug)]
struct Observando {
    observador: Arc<Observador>,
    vista: Vista,
    /// A vez de escrever no socket é desta conexão, e não da difusão.
    minha_vez: bool,
}

impl Conexao {
    /// Prepara o socket: sem o atraso de Nagle, com prazos, e com sondas que descobrem um cabo cortado.
    pub fn new(tomada: Arc<TcpStream>, relogio: Relogio, config: &Config) -> io::Result<Self> {
        let Config { inatividade, linha_prazo, .. } = *config;
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(inatividade)?;
        sondar(&tomada)?;
        Ok(Self {
            tomada,
            saida: String::new(),
            relogio,
            inatividade,
            linha_prazo,
            linha_desde: None,
            observando: None,
        })
    }

    /// Junta uma resposta à saída. Só escreve no socket se já houver demais.
    pub fn responder(&mut self, resposta: &Resposta) -> io::Result<()> {
        self.vista();
        self.juntar_novidades();
        // Escrever numa String não falha.
        let _ = resposta.escrever(&mut self.saida);
        self.saida.push('\n');
        if self.saida.len() >= SAIDA_BYTES_MAX { self.descarregar() } else { Ok(()) }
    }

    /// Escreve tudo o que está na saída.
    ///
    /// Erros: a conexão caiu, ou o cliente não leu a tempo; o prazo é da saída inteira, não de cada pedaço. Depois
    /// de um erro não se sabe quanto saiu: a conexão não serve para mais nada.
    pub fn descarregar(&mut self) -> io::Result<()> {
        self.juntar_novidades();
        if !self.saida.is_empty() {
            self.escrever_tudo()?;
        }
        self.largar_vez();
        Ok(())
    }

    fn escrever_tudo(&mut self) -> io::Result<()> {
        let escritos = enviar_sem_esperar(&self.tomada, self.saida.as_bytes())?;
        // O relógio só é lido quando uma escrita não bastou, o que é raro.
        if escritos < self.saida.len() {
            self.insistir(escritos)?;
        }
        self.saida.clear();
        if self.saida.capacity() > SAIDA_BYTES_QUIETA {
            self.saida = String::new();
        }
        Ok(())
    }

    /// Escreve o resto da saída, esperando que o cliente leia. O erro de quem não lê não é o de quem não fala
    /// ([`e_prazo`]): a este ainda se diz por que se fecha.
    #[cold]
    fn insistir(&self, mut escritos: usize) -> io::Result<()> {
        let desde = self.relogio.agora();
        while escritos < self.saida.len() {
            let falta = ESCRITA_PRAZO.saturating_sub(self.relogio.agora().desde(desde));
            if falta.is_zero() {
                return Err(io::Error::other("não leu a resposta a tempo"));
            }
            self.tomada.set_write_timeout(Some(falta))?;
            match (&*self.tomada).write(&self.saida.as_bytes()[escritos..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => escritos += n,
                Err(erro) if erro.kind() == ErrorKind::Interrupted || e_prazo(&erro) => {}
                Err(erro) => return Err(erro),
            }
        }
        Ok(())
    }

    /// A conexão passa a observar a sala. A vez de escrever é dela até o próximo [`Conexao::descarregar`].
    ///
    /// Quem observa pode ficar calado o quanto quiser: só as sondas do TCP o vigiam.
    pub fn observar(&mut self, observador: Arc<Observador>) -> io::Result<&mut Vista> {
        self.tomada.set_read_timeout(None)?;
        let observando = Observando { observador, vista: Vista::default(), minha_vez: true };
        Ok(&mut self.observando.insert(Box::new(observando)).vista)
    }

    /// A conexão deixa de observar, e fica com a vez de escrever para sempre; diz se observava.
    pub fn parar_de_observar(&mut self) -> io::Result<bool> {
        self.vista();
        self.juntar_novidades();
        let observava = self.observando.take().is_some();
        if observava {
            self.tomada.set_read_timeout(self.inatividade)?;
        }
        Ok(observava)
    }

    /// O que quem observa já sabe da sala, se a conexão observa; a vez de escrever passa a ser dela.
    pub fn vista(&mut self) -> Option<&mut Vista> {
        let Observando { observador, vista, minha_vez } = &mut **self.observando.as_mut()?;
        if !std::mem::replace(minha_vez, true) {
            vista.contado = observador.tomar(&mut self.saida);
        }
        Some(vista)
    }

    /// Diz se a conexão observava e foi desligada por não ler.
    pub fn cortada(&self) -> bool {
        self.observando.as_ref().is_some_and(|observando| observando.observador.cortado())
    }

    /// O socket, para quem também escreve nele.
    pub const fn tomada(&self) -> &Arc<TcpStream> {
        &self.tomada
    }

    fn juntar_novidades(&mut self) {
        if let Some(observando) = &mut self.observando {
            escrever_eventos(&mut self.saida, &observando.vista.novidades);
            observando.vista.novidades.clear();
        }
    }

    fn largar_vez(&mut self) {
        if let Some(Observando { observador, vista, minha_vez }) = self.observando.as_deref_mut() {
            if std::mem::replace(minha_vez, false) {
                observador.largar(vista.contado);
            }
        }
    }

    /// Quanto se espera por um byte agora.
    fn paciencia(&self) -> Option<Duration> {
        self.inatividade.filter(|_| self.observando.is_none())
    }

    /// Diz se o cliente fechou o seu lado ou caiu, mesmo que ainda haja bytes dele por ler.
    pub fn partiu(&self) -> bool {
        let mut olhada = [PollFd::new(&*self.tomada, PollFlags::RDHUP)];
        let sem_esperar = Timespec::default();
        // Se nem olhar se pode, não há cliente a quem responder.
        poll(&mut olhada, Some(&sem_esperar)).map_or(true, |_| !olhada[0].revents().is_empty())
    }

    /// Escreve o que falta e fecha, depois de jogar fora o que o cliente ainda mandou: fechar com bytes por ler
    /// manda um RST, que pode apagar a resposta antes de o cliente a ler.
    #[inline(never)] // O vetor do resto só deve pesar na pilha de quem se despede.
    pub fn despedir(&mut self) -> io::Result<()> {
        self.descarregar()?;
        self.tomada.shutdown(Shutdown::Write)?;
        let desde = self.relogio.agora();
        let mut jogados = 0;
        let mut resto = [0; 512];
        while jogados < RESTO_BYTES_MAX {
            // O prazo é do resto inteiro: um byte de vez em quando não o renova.
            let falta = RESTO_PRAZO.saturating_sub(self.relogio.agora().desde(desde));
            if falta.is_zero() {
                break;
            }
            self.tomada.set_read_timeout(Some(falta))?;
            match (&*self.tomada).read(&mut resto)? {
                0 => break,
                n => jogados += n,
            }
        }
        Ok(())
    }

    /// Antes de esperar pelo resto de uma linha, ajusta o prazo ao que falta dela.
    fn apertar_prazo(&self) -> io::Result<()> {
        let Some(desde) = self.linha_desde else { return Ok(()) };
        let passou = self.relogio.agora().desde(desde);
        let falta = self.linha_prazo.saturating_sub(passou);
        if falta.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.tomada.set_read_timeout(Some(self.paciencia().map_or(falta, |prazo| prazo.min(falta))))
    }

    /// Se o prazo que venceu foi o da linha, esquece que ela começou e volta a esperar só pela inatividade; diz se foi.
    pub fn esquecer_linha(&mut self) -> io::Result<bool> {
        let agora = self.relogio.agora();
        if self.linha_desde.is_none_or(|desde| agora.desde(desde) < self.linha_prazo) {
            return Ok(false);
        }
        self.linha_desde = None;
        self.tomada.set_read_timeout(self.paciencia())?;
        Ok(true)
    }

    /// Anota se ficou uma linha pela metade.
    fn anotar_linha(&mut self, lidos: &[u8]) -> io::Result<()> {
        if lidos.last() == Some(&b'\n') {
            if self.linha_desde.take().is_some() {
                self.tomada.set_read_timeout(self.paciencia())?;
            }
        } else if !lidos.is_empty() && (self.linha_desde.is_none() || lidos.contains(&b'\n')) {
            self.linha_desde = Some(self.relogio.agora());
        }
        Ok(())
    }
}

impl Read for Conexao {
    fn read(&mut self, destino: &mut [u8]) -> io::Result<usize> {
        self.descarregar()?;
        self.apertar_prazo()?;
        let lidos = (&*self.tomada).read(destino)?;
        self.anotar_linha(&destino[..lidos])?;
        Ok(lidos)
    }
}

/// Escreve o que couber no socket agora; zero, se não cabe nada.
pub fn enviar_sem_esperar(tomada: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match rustix::net::send(tomada, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Ok(escritos) => Ok(escritos),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(0),
        Err(erro) => Err(erro.into()),
    }
}

/// Liga as sondas do TCP: um cabo cortado se descobre em menos de dois minutos, também enquanto o cliente espera a vez.
fn sondar(tomada: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(tomada, true)?;
    sockopt::set_tcp_keepidle(tomada, Duration::from_secs(SONDA_S))?;
    sockopt::set_tcp_keepintvl(tomada, Duration::from_secs(SONDA_INTERVALO_S))?;
    Ok(sockopt::set_tcp_keepcnt(tomada, SONDAS)?)
}

/// Diz se o erro é um prazo que venceu: o sistema usa um ou outro nome.
pub fn e_prazo(erro: &io::Error) -> bool {
    matches!(erro.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
