//! Uma thread de carga: muitas conexões num epoll, cada uma com um pedido no ar, no máximo.
//!
//! Uma thread por cliente gastaria o processador em trocas de contexto, e a medida seria dela. Enquanto corre, só se separam
//! linhas e se anota; o que se ouviu é entendido depois, a não ser o pouco que cada pessoa precisa para decidir.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocolo::Comando;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::OwnedFd;

use arnes::espera::Cronometro;
use juiz::historia::Conversa;

use super::anotacao::{Anotacao, OQue};
use super::medidas::{Especie, Medidas};
use super::pessoa::{ESPERA_S_MAX, Pessoa};
use super::{PEDIDOS_MAX, Rumo};

/// Quanto se lê de cada vez.
const LEITURA_BYTES: usize = 64 * 1024;
/// O mais que uma resposta, ou uma linha, ocupa: quem fala mais que isto não é um servidor da Reserva.
const BLOCO_BYTES_MAX: usize = 64 * 1024;
/// De quanto em quanto tempo, no mínimo, se olha se mandaram parar.
const OLHADA: Duration = Duration::from_millis(50);

/// O que todas as threads de carga sabem de uma prova.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plano<'a> {
    /// Conta desde o começo da prova.
    pub relogio: Cronometro,
    pub duracao: Duration,
    /// Quanto se espera por uma resposta além do que ela pode demorar.
    pub paciencia: Duration,
    pub rumo: &'a Rumo,
}

/// As conexões de uma thread.
#[derive(Debug)]
pub(super) struct Carga {
    epoll: OwnedFd,
    conexoes: Vec<Conexao>,
    /// Quantas delas não caíram.
    vivas: usize,
    medidas: Medidas,
    /// Com taxa fixa: quando deve sair o próximo pedido.
    ritmo: Option<Ritmo>,
    /// Com taxa fixa: quem está à espera da hora de pedir, por ordem de chegada.
    ociosas: VecDeque<usize>,
    /// Quantos pedidos não têm resposta ainda.
    no_ar: usize,
    /// Quantas linhas ainda cabem.
    cabem: usize,
    lidos: Vec<u8>,
    linha: String,
}

/// A hora de cada pedido, quando não é a da resposta anterior.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ritmo {
    pub proximo: Duration,
    pub passo: Duration,
}

impl Ritmo {
    /// A hora do próximo, se já chegou.
    fn devido(&mut self, agora: Duration) -> Option<Duration> {
        let este = self.proximo;
        if este > agora {
            return None;
        }
        self.proximo += self.passo;
        Some(este)
    }

    /// Quantos deviam ter saído até esta hora, além dos que saíram.
    fn atrasados(&self, agora: Duration) -> u64 {
        let atraso = agora.saturating_sub(self.proximo).as_nanos() / self.passo.as_nanos().max(1);
        u64::try_from(atraso).unwrap_or(u64::MAX)
    }
}

#[derive(Debug)]
struct Conexao {
    tomada: TcpStream,
    pessoa: Pessoa,
    anotacao: Anotacao,
    /// O que se leu e ainda não é uma resposta inteira.
    parte: Vec<u8>,
    no_ar: Option<NoAr>,
    viva: bool,
    /// O que se ouve ainda interessa a quem julga.
    anota: bool,
}

/// Um pedido sem resposta.
#[derive(Clone, Copy, Debug)]
struct NoAr {
    especie: Especie,
    /// De quando se conta a demora.
    desde: Duration,
}

impl Carga {
    pub(super) fn new(medidas: Medidas, ritmo: Option<Ritmo>, cabem: usize) -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            conexoes: Vec::new(),
            vivas: 0,
            medidas,
            ritmo,
            ociosas: VecDeque::new(),
            no_ar: 0,
            cabem,
            lidos: vec![0; LEITURA_BYTES],
            linha: String::new(),
        })
    }

    /// Mais uma conexão, já saudada.
    pub(super) fn entrar(&mut self, tomada: TcpStream, pessoa: Pessoa, anotacao: Anotacao) -> io::Result<()> {
        tomada.set_nonblocking(true)?;
        let qual = epoll::EventData::new_u64(self.conexoes.len() as u64);
        epoll::add(&self.epoll, &tomada, qual, epoll::EventFlags::IN)?;
        self.conexoes.push(Conexao {
            tomada,
            pessoa,
            anotacao,
            parte: Vec::new(),
            no_ar: None,
            viva: true,
            anota: true,
        });
        self.vivas += 1;
        Ok(())
    }

    /// Pede até que o tempo acabe, ou mandem parar; então espera as respostas que faltam, com prazo.
    pub(super) fn misturar(&mut self, plano: Plano<'_>) -> io::Result<()> {
        if self.ritmo.is_some() {
            self.ociosas.extend(0..self.conexoes.len());
        } else {
            (0..self.conexoes.len()).for_each(|qual| self.pedir(qual, None, plano.relogio));
        }
        let mut prontas = Vec::with_capacity(self.conexoes.len());
        while plano.relogio.passou() < plano.duracao && self.continuar(plano.rumo) {
            self.pedir_o_devido(plano.relogio);
            self.esperar(self.folga(plano), &mut prontas)?;
            let respondidos = self.ouvir(&prontas, plano, true, Some(Duration::MAX));
            plano.rumo.respondidos.fetch_add(respondidos, Ordering::Relaxed);
        }
        let fim = plano.relogio.passou();
        self.medidas.duracao = fim;
        self.medidas.nao_sairam = self.ritmo.map_or(0, |ritmo| ritmo.atrasados(fim));
        self.medidas.encheu = self.cabem == 0;
        // O que estava no ar também conta: é onde se vê um servidor que parou.
        self.escoar(plano, Duration::from_secs(ESPERA_S_MAX.into()), Some(fim))
    }

    fn continuar(&self, rumo: &Rumo) -> bool {
        !rumo.parar.load(Ordering::Relaxed) && self.cabem > 0 && self.vivas > 0
    }

    /// Todas as conexões fazem este pedido, e se espera pelas respostas, com prazo.
    pub(super) fn pedir_a_todas(&mut self, comando: &Comando, plano: Plano<'_>) -> io::Result<()> {
        let texto = comando.to_string();
        for qual in 0..self.conexoes.len() {
            if self.conexoes[qual].viva {
                self.linha.clear();
                self.linha.push_str(&texto);
                self.mandar(qual, Especie::de(comando), None, plano.relogio);
            }
        }
        self.escoar(plano, Duration::ZERO, None)
    }

    /// Daqui em diante, nada do que se diz ou ouve é anotado.
    pub(super) fn deixar_de_anotar(&mut self) {
        self.conexoes.iter_mut().for_each(|uma| uma.anota = false);
    }

    /// As medidas, e o que cada conexão disse e ouviu.
    pub(super) fn acabar(mut self) -> (Medidas, Vec<Conversa>) {
        self.medidas.perdidas = self.conexoes.len() - self.vivas;
        (self.medidas, self.conexoes.into_iter().map(|uma| uma.anotacao.conversa()).collect())
    }

    // ---- Pedir ----

    /// Com taxa fixa, manda o que já devia ter saído, enquanto há quem mande.
    fn pedir_o_devido(&mut self, relogio: Cronometro) {
        let agora = relogio.passou();
        while let Some(qual) = self.ociosas.front().copied() {
            if !self.conexoes[qual].viva {
                // A hora é de quem ainda pode pedir.
                self.ociosas.pop_front();
                continue;
            }
            let Some(devido) = self.ritmo.as_mut().and_then(|ritmo| ritmo.devido(agora)) else { return };
            self.ociosas.pop_front();
            self.pedir(qual, Some(devido), relogio);
        }
    }

    /// A pessoa desta conexão escolhe e manda um pedido, que devia sair na hora `devido`; sem ela, agora.
    fn pedir(&mut self, qual: usize, devido: Option<Duration>, relogio: Cronometro) {
        self.linha.clear();
        let especie = self.conexoes[qual].pessoa.pedir(&mut self.linha);
        self.mandar(qual, especie, devido, relogio);
    }

    /// Manda o que está em `linha`.
    fn mandar(&mut self, qual: usize, especie: Especie, devido: Option<Duration>, relogio: Cronometro) {
        let conexao = &mut self.conexoes[qual];
        if !conexao.viva {
            return;
        }
        let enviado = relogio.passou();
        conexao.anotar(OQue::Pedido, enviado, self.linha.as_bytes());
        self.cabem = self.cabem.saturating_sub(1);
        self.linha.push('\n');
        conexao.no_ar = Some(NoAr { especie, desde: devido.unwrap_or(enviado) });
        self.no_ar += 1;
        // Com um pedido no ar só, a linha sempre cabe no socket de quem está vivo: se não coube inteira, é uma queda.
        if conexao.tomada.write(self.linha.as_bytes()).ok() != Some(self.linha.len()) {
            self.perder(qual, relogio.passou());
        }
    }

    // ---- Ouvir ----

    /// Quanto se pode dormir: até o próximo pedido devido, se há quem o mande, e nunca além do fim.
    fn folga(&self, plano: Plano<'_>) -> Duration {
        let agora = plano.relogio.passou();
        let devido = self.ritmo.filter(|_| !self.ociosas.is_empty()).map(|ritmo| ritmo.proximo);
        let ate = devido.unwrap_or(plano.duracao).min(plano.duracao);
        ate.saturating_sub(agora).min(OLHADA)
    }

    /// Espera que haja o que ler, ou que passe tanto tempo.
    fn esperar(&self, ate: Duration, prontas: &mut Vec<epoll::Event>) -> io::Result<()> {
        prontas.clear();
        let ate = Timespec::try_from(ate).map_err(io::Error::other)?;
        let na_hora = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut prazo = Some(&ate);
        if self.ritmo.is_some() {
            // O epoll conta em milissegundos inteiros; quem tem hora marcada precisa de menos.
            let mut fontes = [PollFd::new(&self.epoll, PollFlags::IN)];
            match poll(&mut fontes, prazo) {
                Ok(_) | Err(rustix::io::Errno::INTR) => prazo = Some(&na_hora),
                Err(erro) => return Err(erro.into()),
            }
        }
        match epoll::wait(&self.epoll, spare_capacity(prontas), prazo) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(erro) => Err(erro.into()),
        }
    }

    /// Lê de cada conexão que tem o que ler; quantas responderam. Se `pedindo`, quem ouviu pede outra vez. As respostas se medem, e a
    /// que vem depois da hora `medindo` conta como dessa hora; sem ela, nenhuma se mede.
    fn ouvir(
        &mut self,
        prontas: &[epoll::Event],
        plano: Plano<'_>,
        pedindo: bool,
        medindo: Option<Duration>,
    ) -> u64 {
        let mut respondidos = 0;
        for pronta in prontas {
            let Ok(qual) = usize::try_from(pronta.data.u64()) else { continue };
            let Some(hora) = self.ler(qual, plano.relogio, medindo) else { continue };
            respondidos += 1;
            if !pedindo || hora >= plano.duracao {
                continue;
            }
            if self.ritmo.is_some() {
                self.ociosas.push_back(qual);
            } else {
                self.pedir(qual, None, plano.relogio);
            }
        }
        respondidos
    }

    /// Lê o que chegou; se o pedido que estava no ar foi respondido, a hora em que se leu.
    fn ler(&mut self, qual: usize, relogio: Cronometro, medindo: Option<Duration>) -> Option<Duration> {
        let conexao = &mut self.conexoes[qual];
        let lidos = match conexao.tomada.read(&mut self.lidos) {
            Ok(0) => None,
            Ok(quantos) => Some(quantos),
            Err(erro) if matches!(erro.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return None;
            }
            Err(_) => None,
        };
        let agora = relogio.passou();
        let Some(lidos) =
            lidos.filter(|lidos| conexao.parte.len() + lidos <= BLOCO_BYTES_MAX + LEITURA_BYTES)
        else {
            self.perder(qual, agora);
            return None;
        };
        let antes = conexao.no_ar;
        let eventos = conexao.receber(&self.lidos[..lidos], agora);
        self.cabem = self.cabem.saturating_sub(eventos);
        let longa = conexao.parte.len() > BLOCO_BYTES_MAX;
        let respondido = antes.filter(|_| conexao.no_ar.is_none());
        if let Some(pedido) = respondido {
            self.no_ar -= 1;
            if let Some(fim) = medindo {
                self.medidas.contar(pedido.especie, agora.min(fim), agora.saturating_sub(pedido.desde));
            }
        }
        if longa {
            self.perder(qual, agora);
        }
        respondido.map(|_| agora)
    }

    /// Espera as respostas que faltam, até `espera` mais a paciência; quem não responde é dado por perdido.
    fn escoar(&mut self, plano: Plano<'_>, espera: Duration, medindo: Option<Duration>) -> io::Result<()> {
        let prazo = plano.relogio.passou() + espera + plano.paciencia;
        let mut prontas = Vec::with_capacity(self.conexoes.len());
        while self.no_ar > 0 {
            // No fim do prazo ainda se lê uma vez: se foi esta thread que ficou sem processador, as respostas já estão aqui.
            let falta = prazo.saturating_sub(plano.relogio.passou());
            self.esperar(falta.min(OLHADA), &mut prontas)?;
            self.ouvir(&prontas, plano, false, medindo);
            if falta.is_zero() {
                break;
            }
        }
        for qual in 0..self.conexoes.len() {
            if self.conexoes[qual].no_ar.is_some() {
                self.perder(qual, plano.relogio.passou());
            }
        }
        Ok(())
    }

    /// Esta conexão acabou; o que estava no ar ficou sem resposta.
    fn perder(&mut self, qual: usize, agora: Duration) {
        let conexao = &mut self.conexoes[qual];
        if conexao.no_ar.take().is_some() {
            self.no_ar -= 1;
            self.medidas.sem_resposta += u64::from(conexao.anota);
            conexao.anotar(OQue::Desistencia, agora, b"");
        }
        if conexao.viva {
            conexao.viva = false;
            self.vivas -= 1;
            // Se o epoll já não a conhece, tanto melhor.
            let _ = epoll::delete(&self.epoll, &conexao.tomada);
        }
    }
}

impl Conexao {
    fn anotar(&mut self, o_que: OQue, quando: Duration, bytes: &[u8]) {
        if self.anota {
            self.anotacao.anotar(o_que, quando, bytes);
        }
    }

    /// Separa o que chegou em eventos e respostas; diz quantas linhas eram eventos, ou sobras.
    fn receber(&mut self, bytes: &[u8], agora: Duration) -> usize {
        // A parte sai de casa enquanto se anota o que há nela.
        let mut parte = std::mem::take(&mut self.parte);
        parte.extend_from_slice(bytes);
        let (mut bloco, mut linha, mut a_mais) = (0, 0, 0);
        while let Some(lf) = parte[linha..].iter().position(|byte| *byte == b'\n').map(|lf| linha + lf) {
            let esta = &parte[linha..lf];
            if linha == bloco && esta.starts_with(b"EVENTO ") {
                self.anotar(OQue::Evento, agora, esta);
                a_mais += 1;
                bloco = lf + 1;
            } else if std::str::from_utf8(esta).is_ok_and(protocolo::e_final) {
                a_mais += self.responder(&parte[bloco..linha + sem_texto(esta)], agora);
                bloco = lf + 1;
            }
            linha = lf + 1;
        }
        parte.drain(..bloco);
        self.parte = parte;
        a_mais
    }

    /// Chegou uma resposta inteira; diz quantas não se esperavam.
    fn responder(&mut self, bloco: &[u8], agora: Duration) -> usize {
        if self.no_ar.take().is_none() {
            self.anotar(OQue::Sobra, agora, bloco);
            return 1;
        }
        self.anotar(OQue::Resposta, agora, bloco);
        if let Ok(bloco) = std::str::from_utf8(bloco) {
            self.pessoa.ouvir(bloco);
        }
        0
    }
}

/// Onde acaba, numa linha final, o que é para programas.
fn sem_texto(linha: &[u8]) -> usize {
    let recusa = linha.starts_with(b"ERRO");
    let texto = linha.windows(2).position(|par| par == b" :");
    texto.filter(|_| recusa).unwrap_or(linha.len())
}

const _: () = assert!(PEDIDOS_MAX > 1_000_000, "um milhão de pedidos cabe numa prova");
