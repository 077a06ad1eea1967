//! O socket de uma conexão, abaixo de todos os que escrevem nele: mandar sem esperar ou até um prazo, sondar quem se calou.
//!
//! Não sabe o que manda, nem de quem é a vez.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};

use crate::limites::{SONDA_INTERVALO_S, SONDA_S, SONDAS};

/// Escreve o que couber no socket, esperando no máximo `prazo` até que caiba alguma coisa; zero, se não coube nada.
pub fn escrever_ate(mut tomada: &TcpStream, bytes: &[u8], prazo: Duration) -> io::Result<usize> {
    tomada.set_write_timeout(Some(prazo))?;
    match tomada.write(bytes) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(escritos) => Ok(escritos),
        Err(erro) if erro.kind() == ErrorKind::Interrupted || e_prazo(&erro) => Ok(0),
        Err(erro) => Err(erro),
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
pub fn sondar(tomada: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(tomada, true)?;
    sockopt::set_tcp_keepidle(tomada, Duration::from_secs(SONDA_S))?;
    sockopt::set_tcp_keepintvl(tomada, Duration::from_secs(SONDA_INTERVALO_S))?;
    Ok(sockopt::set_tcp_keepcnt(tomada, SONDAS)?)
}

/// Diz se o erro é um prazo que venceu: o sistema usa um ou outro nome.
pub fn e_prazo(erro: &io::Error) -> bool {
    matches!(erro.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
