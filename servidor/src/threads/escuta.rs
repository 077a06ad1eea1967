//! A porta: aceita conexões, dá a cada uma o seu número e a sua thread, e encerra em ordem.
//!
//! Este laço não espera por cliente nenhum nem fecha a trava da sala: uma rajada de conexões não encontra nada no
//! caminho. Quando o sistema nega um descritor ou uma thread, descansa ou recusa, e continua.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use log::{info, warn};
use protocolo::{Error, Recusa};

use super::{carteiro, gravador, sessao, vencimentos};
use crate::base::admissao::Vaga;
use crate::base::sincronia::{Arc, criar_thread};
use crate::limites::{ESCUTA_PAUSA_MS, FILA_DE_ESCUTA_MAX, PARADA_PRAZO_MS, PILHA_BYTES};
use crate::rede::parada::Parada;
use crate::servico::Servico;
use crate::tela::narracao;
use crate::tempo::instante::Instante;

/// Atende em `escuta` até que a parada seja pedida; acaba quando a última conexão acabou, ou depois do prazo de parada.
///
/// Erros: a escuta não serve mais (não os de uma conexão: estes só custam a conexão).
pub fn executar(escuta: TcpListener, servico: &Arc<Servico>, parada: &Parada) -> io::Result<()> {
    // A biblioteca padrão já escuta, com uma fila de 128; escutar de novo só troca o tamanho da fila.
    rustix::net::listen(&escuta, i32::try_from(FILA_DE_ESCUTA_MAX).unwrap_or(i32::MAX))?;
    let escuta = Arc::new(escuta);
    parada.anotar_escuta(Arc::clone(&escuta));
    servico.corrida.iter().for_each(|corrida| corrida.obedecer(parada));
    let carteiro = carteiro::iniciar(servico)?;
    let gravador = gravador::iniciar(servico, parada)?;
    let vigia = vencimentos::iniciar(servico)?;
    aceitar(&escuta, servico, parada)?;
    encerrar(servico, parada);
    drop(vigia);
    servico.monitor.fechar_clientes(servico.identidades.fechar());
    drop(gravador);
    drop(carteiro);
    if let Some(motivo) = servico.correio.lotes.motivo() {
        return Err(io::Error::other(motivo));
    }
    // É um passo da parada, e não do fim do programa: a thread do console pode ficar presa à sua entrada com o serviço na mão.
    let arrumado = servico.armazem.lock().arrumar();
    if let Err(falha) = arrumado {
        warn!("{falha}: para levar a sala, copie também o arquivo -wal ao lado dela");
    }
    Ok(())
}

fn aceitar(escuta: &TcpListener, servico: &Arc<Servico>, parada: &Parada) -> io::Result<()> {
    let mut avisado = None;
    while !parada.pedida() {
        match escuta.accept() {
            Ok((tomada, endereco)) => receber(tomada, endereco, servico, parada),
            Err(_) if parada.pedida() => break,
            // A conexão morreu antes de ser aceita, ou um sinal interrompeu: não é nada.
            Err(erro) if passageiro(&erro) => {}
            Err(erro) if erro.kind() == ErrorKind::InvalidInput => return Err(erro),
            Err(erro) => {
                avisar_uma_vez_por_segundo(&mut avisado, servico, &erro);
                parada.esperar(Duration::from_millis(ESCUTA_PAUSA_MS));
            }
        }
    }
    Ok(())
}

fn passageiro(erro: &io::Error) -> bool {
    matches!(erro.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
        || erro.raw_os_error() == Some(rustix::io::Errno::PROTO.raw_os_error())
}

fn avisar_uma_vez_por_segundo(avisado: &mut Option<Instante>, servico: &Servico, erro: &io::Error) {
    let agora = servico.relogio.agora();
    if avisado.is_none_or(|antes| agora.desde(antes) >= Duration::from_secs(1)) {
        *avisado = Some(agora);
        warn!("não foi possível aceitar uma conexão ({erro}); tentando de novo");
    }
}

fn receber(tomada: TcpStream, endereco: SocketAddr, servico: &Arc<Servico>, parada: &Parada) {
    let tomada = Arc::new(tomada);
    let Some(vaga) = servico.admissao.entrar() else {
        narracao::lotado(endereco, servico.admissao.max());
        recusar(&tomada, servico);
        return;
    };
    if let Err(erro) = abrir_sessao(Arc::clone(&tomada), endereco, vaga, servico, parada) {
        warn!("{endereco} recusado: o sistema negou uma thread ({erro})");
        recusar(&tomada, servico);
    }
}

fn abrir_sessao(
    tomada: Arc<TcpStream>,
    endereco: SocketAddr,
    vaga: Vaga,
    servico: &Arc<Servico>,
    parada: &Parada,
) -> io::Result<()> {
    let cliente = servico.identidades.nova();
    let (servico, parada) = (Arc::clone(servico), parada.clone());
    criar_thread(format!("cliente-{cliente}"), PILHA_BYTES, move || {
        // A ordem de declaração é a inversa da de devolução: a vaga é a última coisa que a thread solta.
        let _vaga = vaga;
        let inscricao = parada.inscrever(cliente, Arc::clone(&tomada));
        sessao::atender(&servico, &inscricao, cliente, tomada, endereco);
    })
    // Ninguém espera pela thread: quem encerra espera que todas as vagas voltem.
    .map(drop)
}

/// Diz que não cabe e fecha, sem esperar: um socket novo tem onde pôr uma linha.
fn recusar(tomada: &TcpStream, servico: &Servico) {
    servico.contadores.lotado.somar(1);
    let linha = format!("{}\n", Recusa::from(Error::Lotado { max: servico.admissao.max() }));
    // Se o cliente já se foi, não há a quem dizer.
    let _ = dizer_e_fechar(tomada, linha.as_bytes());
}

fn dizer_e_fechar(mut tomada: &TcpStream, linha: &[u8]) -> io::Result<()> {
    tomada.set_nonblocking(true)?;
    tomada.write_all(linha)?;
    tomada.shutdown(Shutdown::Write)?;
    // O que o cliente já mandou precisa ser lido, ou fechar manda um RST que apaga a recusa.
    let mut resto = [0; 512];
    tomada.read(&mut resto).map(drop)
}

/// Espera que todas as conexões acabem; as que não acabam a tempo são cortadas.
fn encerrar(servico: &Servico, parada: &Parada) {
    // Quem espera a vez dorme fora do socket: é avisado pelo monitor.
    servico.monitor.dispensar(&Error::Encerrando);
    let prazo = Duration::from_millis(PARADA_PRAZO_MS);
    if !servico.admissao.esperar_vazia(prazo) {
        // Fora do aviso: o que um `warn!` escreve só é calculado se alguém o lê.
        let cortadas = parada.cortar();
        warn!("{cortadas} conexões não acabaram a tempo e foram cortadas");
        servico.admissao.esperar_vazia(prazo);
    }
    info!("encerrado");
}
