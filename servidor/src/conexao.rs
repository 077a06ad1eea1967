//! O socket de um cliente: junta a saída, escreve antes de esperar, e não espera para sempre.
//!
//! Não sabe o que é um pedido. Ler só acontece quando não há mais nada por entender: é então, e só então, que o que
//! já se respondeu sai, e um lote que chegou junto é respondido numa escrita só. Usa um descritor por cliente.

use std::fmt::Display;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use protocolo::limites::{
    ESCRITA_PRAZO_MS, LINHA_PRAZO_MS, RESTO_BYTES_MAX, RESTO_PRAZO_MS, SAIDA_BYTES_MAX, SAIDA_BYTES_QUIETA,
};

use crate::relogio::{Instante, Relogio};
use crate::sincronia::Arc;

const LINHA_PRAZO: Duration = Duration::from_millis(LINHA_PRAZO_MS);
const ESCRITA_PRAZO: Duration = Duration::from_millis(ESCRITA_PRAZO_MS);
const RESTO_PRAZO: Duration = Duration::from_millis(RESTO_PRAZO_MS);

/// Um lado da conversa com um cliente.
#[derive(Debug)]
pub struct Conexao {
    tomada: Arc<TcpStream>,
    saida: Vec<u8>,
    relogio: Relogio,
    /// Quanto se espera por um byte; `None`: para sempre.
    inatividade: Option<Duration>,
    /// Quando chegou o começo da linha que ainda não acabou: dele conta o prazo da linha inteira.
    linha_desde: Option<Instante>,
}

impl Conexao {
    /// Prepara o socket: sem o atraso de Nagle, com prazos, e com sondas que descobrem um cabo cortado.
    pub fn new(tomada: Arc<TcpStream>, relogio: Relogio, inatividade: Option<Duration>) -> io::Result<Self> {
        tomada.set_nodelay(true)?;
        tomada.set_read_timeout(inatividade)?;
        tomada.set_write_timeout(Some(ESCRITA_PRAZO))?;
        rustix::net::sockopt::set_socket_keepalive(&*tomada, true)?;
        Ok(Self { tomada, saida: Vec::new(), relogio, inatividade, linha_desde: None })
    }

    /// Junta uma resposta à saída. Só escreve no socket se já houver demais.
    pub fn responder(&mut self, resposta: &impl Display) -> io::Result<()> {
        writeln!(self.saida, "{resposta}")?;
        if self.saida.len() >= SAIDA_BYTES_MAX { self.descarregar() } else { Ok(()) }
    }

    /// Escreve tudo o que está na saída.
    ///
    /// Erros: a conexão caiu, ou o cliente não leu a tempo; o prazo é da saída inteira, não de cada pedaço.
    pub fn descarregar(&mut self) -> io::Result<()> {
        let mut escritos = 0;
        let mut desde = None;
        while escritos < self.saida.len() {
            match (&*self.tomada).write(&self.saida[escritos..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => escritos += n,
                Err(erro) if erro.kind() == ErrorKind::Interrupted => {}
                Err(erro) => return Err(erro),
            }
            // O relógio só é lido quando uma escrita não bastou, o que é raro.
            if escritos < self.saida.len() {
                let agora = self.relogio.agora();
                if agora.desde(*desde.get_or_insert(agora)) > ESCRITA_PRAZO {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
        }
        self.saida.clear();
        if self.saida.capacity() > SAIDA_BYTES_QUIETA {
            self.saida = Vec::with_capacity(SAIDA_BYTES_QUIETA);
        }
        Ok(())
    }

    /// Escreve o que falta e fecha, depois de jogar fora o que o cliente ainda mandou: fechar com bytes por ler
    /// manda um RST, que pode apagar a resposta antes de o cliente a ler.
    pub fn despedir(&mut self) -> io::Result<()> {
        self.descarregar()?;
        self.tomada.shutdown(Shutdown::Write)?;
        self.tomada.set_read_timeout(Some(RESTO_PRAZO))?;
        let mut jogados = 0;
        let mut resto = [0; 512];
        while jogados < RESTO_BYTES_MAX {
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
        let falta = LINHA_PRAZO.saturating_sub(passou);
        if falta.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.tomada.set_read_timeout(Some(self.inatividade.map_or(falta, |prazo| prazo.min(falta))))
    }

    /// Anota se ficou uma linha pela metade.
    fn anotar_linha(&mut self, lidos: &[u8]) -> io::Result<()> {
        if lidos.last() == Some(&b'\n') {
            if self.linha_desde.take().is_some() {
                self.tomada.set_read_timeout(self.inatividade)?;
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

/// Diz se o erro é um prazo que venceu: o sistema usa um ou outro nome.
pub fn e_prazo(erro: &io::Error) -> bool {
    matches!(erro.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
