//! Muitas conexões lidas por uma thread só: o arnês não pode ocupar a máquina que mede.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::Resultado;
use crate::carga::Pedinte;

/// Quantas conexões com novidade se veem de uma vez.
const PRONTAS: usize = 256;

/// As conexões e o que cada uma leu pela metade.
#[derive(Debug)]
pub struct Plateia {
    epoll: OwnedFd,
    conexoes: Vec<(TcpStream, Vec<u8>)>,
    lidos: Box<[u8]>,
}

impl Plateia {
    /// Passa a ler destas conexões, que não têm resposta por vir.
    pub fn new(pedintes: Vec<Pedinte>) -> Resultado<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut conexoes = Vec::new();
        for (n, pedinte) in pedintes.into_iter().enumerate() {
            let tomada = pedinte.tomada()?;
            tomada.set_nonblocking(true)?;
            epoll::add(&epoll, &tomada, epoll::EventData::new_u64(n as u64), epoll::EventFlags::IN)?;
            conexoes.push((tomada, Vec::new()));
        }
        Ok(Self { epoll, conexoes, lidos: vec![0; 64 * 1024].into() })
    }

    /// Quantas conexões são.
    pub fn len(&self) -> usize {
        self.conexoes.len()
    }

    /// As conexões, na ordem em que vieram.
    pub fn tomadas(&self) -> impl Iterator<Item = &TcpStream> {
        self.conexoes.iter().map(|(tomada, _)| tomada)
    }

    /// Espera até o prazo que algo chegue, e entrega cada linha inteira com o número da sua conexão.
    ///
    /// Erros: o servidor fechou uma delas, ou `ao_ler` falhou.
    pub fn ler(
        &mut self,
        prazo: Duration,
        mut ao_ler: impl FnMut(usize, &TcpStream, &str) -> Resultado<()>,
    ) -> Resultado<()> {
        let mut prontas = Vec::with_capacity(PRONTAS);
        epoll::wait(&self.epoll, spare_capacity(&mut prontas), Some(&Timespec::try_from(prazo)?))?;
        for pronta in prontas {
            let n = usize::try_from(pronta.data.u64())?;
            let (tomada, parte) = &mut self.conexoes[n];
            let lidos = tomada.read(&mut self.lidos)?;
            if lidos == 0 {
                return Err("o servidor fechou uma conexão da plateia".into());
            }
            parte.extend_from_slice(&self.lidos[..lidos]);
            let fim = parte.iter().rposition(|byte| *byte == b'\n').map_or(0, |ultimo| ultimo + 1);
            for linha in std::str::from_utf8(&parte[..fim])?.lines() {
                ao_ler(n, tomada, linha)?;
            }
            parte.drain(..fim);
        }
        Ok(())
    }
}
