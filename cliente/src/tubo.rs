//! Um comando só; ou pedidos que vêm de um tubo ou de um arquivo.
//!
//! No tubo, uma thread copia a entrada para o socket, byte a byte, e esta mostra o que o servidor manda: nenhuma
//! espera pela outra, e por isso cem mil pedidos de uma vez não travam. Não entende pedidos nem respostas além do
//! que precisa para o código de saída.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;

use cliente::{Bloco, Cliente, Falha, Recebido};
use protocolo::{Linhas, Resposta};

use crate::Fim;
use crate::erro::Erro;
use crate::tela::{ESPERA_CALADA, Retorno, Saida, espera};

/// Quantos bytes da entrada vão de cada vez: muitos pedidos numa escrita, e o servidor os atende juntos.
const COPIA_BYTES: usize = 64 * 1024;

/// Manda uma linha, mostra a resposta e acaba.
///
/// `ensinar`: a quem ganhou assentos num terminal, diz-se como voltar por eles.
pub fn um_comando(mut cliente: Cliente, linha: &str, ensinar: bool, saida: &mut Saida) -> Result<Fim, Erro> {
    let bloco = pedir(&mut cliente, linha, saida)?;
    saida.resposta(&bloco)?;
    if saida.legivel && matches!(bloco.resposta(), Ok(Resposta::TokenConcedido { .. })) {
        // O token é da conexão, e esta acaba aqui.
        writeln!(
            saida.escrita,
            "Mas ele já passou adiante: para ficar com ele, peça-o no prompt (`cliente`)."
        )?;
    }
    if ensinar && saida.legivel && deu_assentos(&bloco) {
        write!(saida.escrita, "{}", Retorno(&cliente))?;
    }
    saida.escrita.flush()?;
    match despedida(&bloco) {
        Some(falha) => Err(falha.into()),
        None if bloco.recusou() => Ok(Fim::Recusado),
        None => Ok(Fim::Bem),
    }
}

/// Manda a linha e espera a resposta; a quem está num terminal, diz-se que se espera.
fn pedir(cliente: &mut Cliente, linha: &str, saida: &mut Saida) -> Result<Bloco, Erro> {
    if !saida.legivel {
        return Ok(cliente.pedir_linha(linha)?);
    }
    cliente.prazo_de_leitura(Some(ESPERA_CALADA))?;
    match cliente.pedir_linha(linha) {
        Err(Falha::Demora) => {
            writeln!(saida.escrita, "{}", espera(linha))?;
            saida.escrita.flush()?;
            cliente.prazo_de_leitura(None)?;
            Ok(cliente.receber_bloco()?)
        }
        resultado => Ok(resultado?),
    }
}

fn deu_assentos(bloco: &Bloco) -> bool {
    matches!(
        bloco.resposta(),
        Ok(Resposta::Reservado { .. } | Resposta::Segurado { .. } | Resposta::Confirmado { .. })
    )
}

/// A falha, se com esta recusa o servidor encerrou a conversa por conta própria.
fn despedida(bloco: &Bloco) -> Option<Falha> {
    match bloco.resposta() {
        Ok(Resposta::Recusado(recusa)) => {
            let falha = Falha::Recusa(recusa);
            (falha.codigo_de_saida() == cliente::SAIDA_SEM_CONEXAO).then_some(falha)
        }
        _ => None,
    }
}

/// Manda ao servidor tudo o que vem de `entrada` e mostra as respostas, até o fim das duas.
pub fn copiar(cliente: Cliente, entrada: impl Read + Send + 'static, saida: &mut Saida) -> Result<Fim, Erro> {
    let (mut leitor, corrente) = cliente.partir().map_err(Erro::Sistema)?;
    let (contar, contados) = mpsc::channel();
    let envio = move || {
        let pedidos = enviar(entrada, &corrente);
        // Primeiro a conta, depois o fim: quando o servidor fecha por causa deste fim, a conta já está lá. Se o
        // outro lado já foi embora, não há a quem dizer nem um nem outro.
        let _ = contar.send(pedidos);
        let _ = corrente.shutdown(Shutdown::Write);
    };
    thread::Builder::new().name("envio".into()).spawn(envio).map_err(Erro::Sistema)?;

    let mut respostas = Respostas::default();
    let falha = loop {
        // Antes de esperar pelo servidor, mostra o que já se sabe.
        if leitor.fonte().buffer().is_empty() {
            saida.escrita.flush()?;
        }
        match leitor.proximo() {
            Ok(Recebido::Resposta(bloco)) => {
                saida.resposta(&bloco)?;
                respostas.anotar(&bloco);
            }
            Ok(Recebido::Evento(evento)) => saida.evento(&evento)?,
            Err(falha) => break falha,
        }
    };
    saida.escrita.flush()?;
    respostas.concluir(contados.try_recv().ok(), falha)
}

/// O que as respostas disseram até aqui.
#[derive(Default)]
struct Respostas {
    quantas: u64,
    alguma_recusa: bool,
    ate_logo: bool,
    despedida: Option<Falha>,
}

impl Respostas {
    fn anotar(&mut self, bloco: &Bloco) {
        self.quantas += 1;
        self.alguma_recusa |= bloco.recusou();
        self.ate_logo = bloco.linha_final() == "OK ATE_LOGO";
        self.despedida = if bloco.recusou() { despedida(bloco) } else { None };
    }

    /// Como acabou uma conversa em que não há mais o que ler por causa de `falha`.
    ///
    /// Sem `pedidos`, a entrada ainda não tinha acabado quando o servidor fechou.
    fn concluir(self, pedidos: Option<io::Result<u64>>, falha: Falha) -> Result<Fim, Erro> {
        let pedidos = pedidos.transpose().map_err(Erro::Entrada)?;
        if let Some(despedida) = self.despedida {
            return Err(despedida.into());
        }
        let respondidos = matches!(falha, Falha::Perdida(_)) && pedidos.is_some_and(|n| self.quantas >= n);
        match (self.ate_logo || respondidos, self.alguma_recusa) {
            (false, _) => Err(falha.into()),
            (true, true) => Ok(Fim::Recusado),
            (true, false) => Ok(Fim::Bem),
        }
    }
}

/// Copia a entrada para o socket e conta as linhas que terão resposta, pela mesma leitura que o servidor faz.
///
/// A falha é sempre da entrada: a do socket aparece do outro lado, como falta de respostas.
fn enviar(entrada: impl Read, corrente: &TcpStream) -> io::Result<u64> {
    let copia = Copia { entrada, corrente };
    let mut linhas = Linhas::new(BufReader::with_capacity(COPIA_BYTES, copia));
    let mut pedidos = 0;
    while linhas.proxima()?.is_some() {
        pedidos += 1;
    }
    Ok(pedidos)
}

/// Uma entrada que, ao ser lida, manda ao servidor o que leu, tal e qual.
struct Copia<'a, R> {
    entrada: R,
    corrente: &'a TcpStream,
}

impl<R: Read> Read for Copia<'_, R> {
    fn read(&mut self, destino: &mut [u8]) -> io::Result<usize> {
        let lidos = self.entrada.read(destino)?;
        // Um servidor que já não ouve é o fim da cópia, não um defeito da entrada.
        Ok(if self.corrente.write_all(&destino[..lidos]).is_ok() { lidos } else { 0 })
    }
}
