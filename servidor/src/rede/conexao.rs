//! O socket de um cliente: junta a saída, escreve antes de esperar, e não espera para sempre.
//!
//! Não sabe o que é um pedido. Ler só acontece quando não há mais nada por entender: é então, e só então, que o que
//! já se respondeu sai, e um lote que chegou junto é respondido numa escrita só. Usa um descritor por cliente.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use protocolo::{ClientId, Evento, Resposta, Versao};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::base::gravacao::Gravacao;
use crate::base::sincronia::Arc;
use crate::config::Config;
use crate::limites::{RESTO_BYTES_MAX, RESTO_PRAZO_MS, SAIDA_BYTES_MAX};
use crate::monitor::Dependencia;
use crate::rede::difusao::{Observador, escrever_eventos};
use crate::rede::entrega::Entrega;
use crate::rede::saida::{Desfeita, Saida};
use crate::rede::tomada::{enviar_sem_esperar, insistir, sondar};
use crate::sala::Vista;
use crate::servico::Servico;
use crate::tempo::instante::Instante;
use crate::tempo::relogio::Relogio;

const RESTO_PRAZO: Duration = Duration::from_millis(RESTO_PRAZO_MS);

/// Um lado da conversa com um cliente.
#[derive(Debug)]
pub struct Conexao {
    tomada: Arc<TcpStream>,
    /// O número com que a conexão nasceu.
    numero: ClientId,
    saida: Saida,
    depende: Dependencia,
    gravacao: Arc<Gravacao>,
    /// Onde se deixa o que depende do disco; só nasce quando é preciso.
    entrega: Option<Arc<Entrega>>,
    /// O que se deixou talvez ainda não tenha saído.
    deixada: bool,
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
    /// Até onde a saída já conta.
    escrito: Versao,
    /// A vez de escrever no socket é desta conexão, e não da difusão.
    minha_vez: bool,
}

impl Conexao {
    /// Prepara o socket: sem o atraso de Nagle, com prazos, e com sondas que descobrem um cabo cortado.
    pub fn new(tomada: Arc<TcpStream>, numero: ClientId, servico: &Servico) -> io::Result<Self> {
        let Config { inatividade, linha_prazo, .. } = servico.config;
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(inatividade)?;
        sondar(&tomada)?;
        Ok(Self {
            tomada,
            numero,
            saida: Saida::default(),
            depende: Dependencia::default(),
            gravacao: Arc::clone(&servico.gravacao),
            entrega: None,
            deixada: false,
            relogio: servico.relogio,
            inatividade,
            linha_prazo,
            linha_desde: None,
            observando: None,
        })
    }

    /// Junta à saída uma linha de dados da resposta que vem a seguir.
    pub fn avisar(&mut self, linha: &str) {
        self.saida.texto.push_str(linha);
        self.saida.texto.push('\n');
    }

    /// Junta uma resposta à saída. Só escreve no socket se já houver demais.
    pub fn responder(&mut self, resposta: &Resposta) -> io::Result<()> {
        self.vista();
        let contado = self.observando.as_ref().map_or(Versao(0), |observando| observando.escrito);
        let inicio = self.saida.texto.len();
        self.juntar_novidades();
        // Escrever numa String não falha.
        let _ = resposta.escrever(&mut self.saida.texto);
        self.saida.texto.push('\n');
        let lote = std::mem::take(&mut self.depende.desta);
        if lote > 0 {
            self.depende.antes = lote;
            self.saida.marcar(inicio, lote, contado);
        }
        if self.saida.texto.len() >= SAIDA_BYTES_MAX { self.descarregar() } else { Ok(()) }
    }

    /// Escreve tudo o que está na saída, ou a deixa com quem grava aquilo de que ela depende.
    ///
    /// Erros: a conexão caiu, ou o cliente não leu a tempo; o prazo é da saída inteira, não de cada pedaço. Depois
    /// de um erro não se sabe quanto saiu: a conexão não serve para mais nada.
    pub fn descarregar(&mut self) -> io::Result<()> {
        self.juntar_novidades();
        if !self.saida.texto.is_empty() {
            self.esperar_entrega();
            if let Some(lote) = self.saida.depende_de() {
                if self.deixar(lote) {
                    return Ok(());
                }
                self.esperar_gravacao()?;
            }
            self.escrever_tudo()?;
        }
        self.largar_vez();
        Ok(())
    }

    /// Deixa a saída com quem grava, se ainda não se sabe do lote de que ela depende; diz se deixou.
    ///
    /// De quem observa não se deixa: a vez de escrever teria de ir junto.
    fn deixar(&mut self, lote: u64) -> bool {
        if self.observando.is_some() {
            return false;
        }
        let (tomada, numero, relogio) = (&self.tomada, self.numero, self.relogio);
        let entrega =
            self.entrega.get_or_insert_with(|| Arc::new(Entrega::new(Arc::clone(tomada), numero, relogio)));
        self.deixada = self.gravacao.deixar(lote, entrega, &mut self.saida);
        self.deixada
    }

    /// Espera que saia o que se deixou: só depois disso se escreve mais alguma coisa.
    fn esperar_entrega(&mut self) {
        if let Some(entrega) = self.entrega.as_ref().filter(|_| self.deixada) {
            entrega.esperar();
            self.saiu();
        }
    }

    /// O que se deixou saiu: o que ainda está na saída é tudo o que se tem por dizer.
    fn saiu(&mut self) {
        self.deixada = false;
        self.depende.antes = self.saida.depende_de().unwrap_or(0);
    }

    /// Espera que se decida o lote de cada resposta da saída; a que não pôde ser gravada passa a dizer isso.
    fn esperar_gravacao(&mut self) -> io::Result<()> {
        self.depende = Dependencia::default();
        if let Some(desfeita) = self.saida.decidir(&self.gravacao, self.numero)? {
            self.contar_de_novo(desfeita);
        }
        Ok(())
    }

    /// O que se ia contar a quem observa daqui para a frente pode ter sido desfeito: quem o conta é a difusão, desde `contado`.
    fn contar_de_novo(&mut self, Desfeita { inicio, contado }: Desfeita) {
        let Some(observando) = &mut self.observando else { return };
        (observando.vista.contado, observando.escrito) = (contado, contado);
        let resto = self.saida.texto.split_off(inicio);
        self.saida.texto.extend(resto.split_inclusive('\n').filter(|linha| !Evento::e_evento(linha)));
    }

    fn escrever_tudo(&mut self) -> io::Result<()> {
        let texto = self.saida.texto.as_bytes();
        let escritos = enviar_sem_esperar(&self.tomada, texto)?;
        // O relógio só é lido quando uma escrita não bastou, o que é raro.
        if escritos < texto.len() {
            insistir(&self.tomada, &texto[escritos..], self.relogio)?;
        }
        self.saida.esvaziar();
        Ok(())
    }

    /// A conexão passa a observar a sala. A vez de escrever é dela até o próximo [`Conexao::descarregar`].
    ///
    /// Quem observa pode ficar calado o quanto quiser: só as sondas do TCP o vigiam.
    pub fn observar(&mut self, observador: Arc<Observador>) -> io::Result<()> {
        self.esperar_entrega();
        self.tomada.set_read_timeout(None)?;
        let observando =
            Observando { observador, vista: Vista::default(), escrito: Versao(0), minha_vez: true };
        self.observando = Some(Box::new(observando));
        Ok(())
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
        let Observando { observador, vista, escrito, minha_vez } = &mut **self.observando.as_mut()?;
        if !std::mem::replace(minha_vez, true) {
            vista.contado = observador.tomar(&mut self.saida.texto);
            *escrito = vista.contado;
        }
        Some(vista)
    }

    /// De que dependem as respostas desta conexão, e o que ela já sabe da sala, se a observa.
    pub fn caderno(&mut self) -> (&mut Dependencia, Option<&mut Vista>) {
        self.vista();
        if self.deixada && self.entrega.as_ref().is_some_and(|entrega| !entrega.pendente()) {
            self.saiu();
        }
        (&mut self.depende, self.observando.as_mut().map(|observando| &mut observando.vista))
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
            escrever_eventos(&mut self.saida.texto, &observando.vista.novidades);
            observando.vista.novidades.clear();
            observando.escrito = observando.vista.contado;
        }
    }

    fn largar_vez(&mut self) {
        if let Some(Observando { observador, vista, minha_vez, .. }) = self.observando.as_deref_mut() {
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
        self.esperar_entrega();
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
