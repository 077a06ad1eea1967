//! O socket de um cliente: junta a saída, escreve antes de esperar, e não espera para sempre.
//!
//! Não sabe o que é um pedido. Ler só acontece quando não há mais nada por entender: é então, e só então, que o que
//! já se respondeu sai, e um lote que chegou junto é respondido numa escrita só. Usa um descritor por cliente.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use protocolo::{ClientId, Resposta};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;

use super::correio::Correio;
use super::destino::Destino;
use super::saida::{Caderno, Escoada, Saida};
use super::tomada::{enviar_sem_esperar, escrever_ate, sondar};
use crate::base::sincronia::Arc;
use crate::config::Config;
use crate::limites::{OBSERVADOR_BYTES, RESTO_BYTES_MAX, RESTO_PRAZO_MS};
use crate::tempo::instante::Instante;
use crate::tempo::relogio::Relogio;

const RESTO_PRAZO: Duration = Duration::from_millis(RESTO_PRAZO_MS);

/// Um lado da conversa com um cliente.
#[derive(Debug)]
pub struct Conexao {
    /// O socket, também à mão: o caminho de sempre não precisa do destino, e com dez mil conexões cada desvio é uma falta de cache.
    tomada: Arc<TcpStream>,
    destino: Arc<Destino>,
    /// O que há por dizer, enquanto a vez de escrever é da sessão; vazia, enquanto é do carteiro.
    saida: Saida,
    correio: Arc<Correio>,
    relogio: Relogio,
    /// Quanto se espera por um byte; `None`: para sempre.
    inatividade: Option<Duration>,
    /// Quanto uma linha pode demorar do primeiro byte ao fim.
    linha_prazo: Duration,
    /// Quando chegou o começo da linha que ainda não acabou: dele conta o prazo da linha inteira.
    linha_desde: Option<Instante>,
}

impl Conexao {
    /// Prepara o socket: sem o atraso de Nagle, com prazos, e com sondas que descobrem um cabo cortado.
    pub fn new(
        tomada: Arc<TcpStream>,
        numero: ClientId,
        config: &Config,
        correio: &Arc<Correio>,
        relogio: Relogio,
    ) -> io::Result<Self> {
        let Config { inatividade, linha_prazo, .. } = *config;
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(inatividade)?;
        sondar(&tomada)?;
        Ok(Self {
            destino: Arc::new(Destino::new(Arc::clone(&tomada), numero)),
            tomada,
            saida: Saida::default(),
            correio: Arc::clone(correio),
            relogio,
            inatividade,
            linha_prazo,
            linha_desde: None,
        })
    }

    /// Junta à saída uma linha de dados da resposta que vem a seguir.
    pub fn avisar(&mut self, linha: &str) {
        self.saida.avisar(linha);
    }

    /// O que um pedido precisa saber desta conexão.
    #[inline]
    pub fn caderno(&self) -> Caderno {
        self.saida.caderno()
    }

    /// Junta uma resposta à saída. Só escreve no socket se já houver demais.
    #[inline]
    pub fn responder(&mut self, resposta: Resposta, caderno: Caderno) -> io::Result<()> {
        self.saida.responder(resposta, caderno);
        if self.saida.cheia() { self.descarregar() } else { Ok(()) }
    }

    /// Escreve tudo o que há na saída, esperando pelo disco e pelo cliente.
    ///
    /// Erros: a conexão caiu, ou o cliente não leu a tempo, ou não se grava mais nada. Depois de um erro não se sabe quanto
    /// saiu: a conexão não serve para mais nada.
    pub fn descarregar(&mut self) -> io::Result<()> {
        loop {
            self.escrever()?;
            match self.saida.depende_de() {
                0 => return Ok(()),
                lote => _ = self.correio.lotes.esperar(lote),
            }
        }
    }

    /// Faz o que se espera fazer dormindo, com tudo o que já pode sair escrito e o resto entregue ao carteiro: é a única hora em
    /// que a vez de escrever não é da sessão.
    ///
    /// Erros: os de [`Conexao::descarregar`].
    pub fn durante<T>(&mut self, dormir: impl FnOnce(&Self) -> T) -> io::Result<T> {
        let emprestou = self.emprestar()?;
        let resultado = dormir(self);
        if emprestou {
            self.retomar()?;
        }
        Ok(resultado)
    }

    /// Empresta a vez ao carteiro, se ele tem o que fazer com ela: há o que espere pelo disco, ou a conexão observa. Diz se
    /// emprestou.
    fn emprestar(&mut self) -> io::Result<bool> {
        loop {
            self.escrever()?;
            if self.saida.depende_de() == 0 && !self.saida.observa() {
                return Ok(false);
            }
            if self.correio.deixar(&self.destino, &mut self.saida) {
                return Ok(true);
            }
        }
    }

    /// A vez volta a ser da sessão, e o que entretanto se decidiu deixa de depender do disco.
    fn retomar(&mut self) -> io::Result<()> {
        self.correio.retomar(&self.destino, &mut self.saida);
        if self.saida.cortada() {
            return Err(nao_leu());
        }
        let desfeitas = self.saida.decidir(&self.correio.lotes)?;
        self.destino.narrar(desfeitas);
        Ok(())
    }

    /// Escreve o que já pode sair, esperando que o cliente leia.
    fn escrever(&mut self) -> io::Result<()> {
        let Self { tomada, correio, saida, relogio, .. } = self;
        let enviar = |bytes: &[u8]| enviar_sem_esperar(tomada, bytes);
        // Quem conta o que se observa é o carteiro.
        let (escoada, desfeitas) = saida.escoar(&correio.lotes, |_| None, enviar, || relogio.agora())?;
        self.destino.narrar(desfeitas);
        if escoada == Escoada::EmDia { Ok(()) } else { self.insistir() }
    }

    /// Espera que o cliente leia, e escreve o resto. Fora de linha: quase sempre a primeira escrita basta.
    #[cold]
    fn insistir(&mut self) -> io::Result<()> {
        while !self.saida.por_escrever().is_empty() {
            let falta = self.saida.cobrar(self.relogio.agora());
            if falta.is_zero() {
                return Err(nao_leu());
            }
            let escritos = escrever_ate(&self.tomada, self.saida.por_escrever(), falta)?;
            self.saida.saiu(escritos);
        }
        self.escrever()
    }

    /// A conexão passa a observar a sala, a partir da versão da próxima resposta.
    ///
    /// Quem observa pode ficar calado o quanto quiser: só as sondas do TCP o vigiam. Erros: a conexão caiu.
    pub fn observar(&mut self) -> io::Result<()> {
        // O núcleo guardaria megabytes de eventos que ninguém lê, e quem volta a ler os receberia velhos.
        sockopt::set_socket_send_buffer_size(&self.tomada, OBSERVADOR_BYTES)?;
        self.tomada.set_read_timeout(None)?;
        self.correio.observadores.inscrever(self.destino.numero, &self.destino);
        self.saida.observar();
        Ok(())
    }

    /// A conexão deixa de observar: nenhum evento se escreve depois disto. Diz se observava.
    pub fn parar_de_observar(&mut self) -> bool {
        // Se a sessão entrou em pânico enquanto dormia, a vez ficou com o carteiro.
        let _ = self.retomar();
        let observava = self.saida.parar_de_observar();
        if observava {
            self.correio.observadores.esquecer(self.destino.numero);
            // Um socket que já caiu não tem prazo que ajustar.
            let _ = self.tomada.set_read_timeout(self.inatividade);
        }
        observava
    }

    /// Diz se a conexão observa a sala.
    pub const fn observa(&self) -> bool {
        self.saida.observa()
    }

    /// Diz se o cliente não leu a tempo.
    pub const fn cortada(&self) -> bool {
        self.saida.cortada()
    }

    /// Quanto se espera por um byte agora.
    fn paciencia(&self) -> Option<Duration> {
        self.inatividade.filter(|_| !self.saida.observa())
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
        let lidos = self.durante(|conexao| {
            conexao.apertar_prazo()?;
            (&*conexao.tomada).read(destino)
        })??;
        self.anotar_linha(&destino[..lidos])?;
        Ok(lidos)
    }
}

/// O erro de quem não lê não é o de quem não fala ([`e_prazo`](super::tomada::e_prazo)): a este ainda se diz por que se fecha.
fn nao_leu() -> io::Error {
    io::Error::other("não leu a resposta a tempo")
}
