//! O que o servidor mostra a quem olha a tela: uma linha em português por operação.
//!
//! Chamado sempre fora da seção crítica. Escreve pelo `log`, que não espera pela tela (ver
//! [`mensagens`](crate::tela::mensagens)); o que veio do cliente passa por [`mensagens::mostrar`](crate::tela::mensagens::mostrar).

use std::fmt;
use std::io;
use std::net::SocketAddr;

use log::{debug, info, warn};
use protocolo::{Assento, ClientId, Comando, Pedido, Recusa, Resposta, Versao};

use crate::armazem::Falha;
use crate::sala::Vencido;
use crate::sala::quem::Participante;
use crate::tela::mensagens::{mostrar, sem_chaves};

/// Por que uma conexão acabou.
#[derive(Debug)]
pub enum Fim {
    /// O cliente disse `SAIR`.
    Despediu,
    /// O cliente fechou o seu lado.
    FechouEla,
    /// Ficou calada demais, ou demorou demais numa linha.
    Inativo,
    /// O servidor está parando.
    Encerrando,
    /// Observava, e não leu os eventos a tempo.
    NaoLeu,
    /// Não se pôde guardar que o seu número foi dado.
    SemDisco,
    /// Não falava o nosso protocolo.
    OutroProtocolo,
    /// A conexão caiu.
    Perdida(io::Error),
}

/// Alguém conectou.
pub fn conectou(quem: &Participante, endereco: SocketAddr, conexoes: usize) {
    info!("{quem} conectou de {endereco} ({conexoes} {})", plural(conexoes, "conexão", "conexões"));
}

/// Alguém desconectou.
pub fn desconectou(quem: &Participante, fim: &Fim) {
    match fim {
        Fim::Despediu => info!("{quem} desconectou: despediu-se"),
        Fim::FechouEla => info!("{quem} desconectou: fechou a conexão"),
        Fim::Inativo => info!("{quem} desconectado: ficou calado demais"),
        Fim::Encerrando => info!("{quem} desconectado: o servidor está encerrando"),
        Fim::NaoLeu => info!("{quem} desconectado: observava, e não leu os eventos a tempo"),
        Fim::SemDisco => warn!("{quem} desconectado: o número dele não pôde ser gravado"),
        Fim::OutroProtocolo => {
            warn!("{quem} desconectado: não fala o protocolo da Reserva (HTTP, TLS ou SSH)")
        }
        Fim::Perdida(erro) => info!("{quem} desconectou: a conexão caiu ({erro})"),
    }
}

/// Alguém não coube.
pub fn lotado(endereco: SocketAddr, max: usize) {
    warn!("{endereco} recusado: lotado, já há {max} conexões");
}

/// Um pedido atendido, com sim ou com não. `antes` é quem pediu; `agora`, quem ele é depois do pedido.
pub fn pedido(antes: &Participante, agora: &Participante, comando: &Comando, resposta: &Resposta) {
    match resposta {
        Resposta::Recusado(Recusa { versao: Some(versao), texto, .. }) => {
            info!("{antes} pediu {}: recusado, {texto} (versão {versao})", SemChave(comando));
        }
        Resposta::Recusado(recusa) => {
            info!("{antes} pediu {}: recusado, {}", SemChave(comando), recusa.texto)
        }
        Resposta::Reservado { assentos, versao, .. } if e_simples(comando) => {
            info!("{antes} reservou {assentos} (versão {versao})");
        }
        Resposta::Reservado { assentos, ocupados, versao } if ocupados.is_empty() => {
            info!("{antes} pediu {}: reservado {assentos} (versão {versao})", SemChave(comando));
        }
        Resposta::Reservado { assentos, ocupados, versao } => {
            info!(
                "{antes} pediu {}: reservado {assentos}, já ocupado {ocupados} (versão {versao})",
                SemChave(comando)
            );
        }
        Resposta::Segurado { assentos, expira, versao } => {
            info!("{antes} segura {assentos} por {expira} s (versão {versao})");
        }
        Resposta::Confirmado { assentos, versao } => info!("{antes} confirmou {assentos} (versão {versao})"),
        Resposta::Observando { versao } => info!("{antes} observa a sala (a partir da versão {versao})"),
        Resposta::Parado => info!("{antes} deixou de observar a sala"),
        Resposta::Cancelado { assentos, versao } if assentos.is_empty() => {
            info!("{antes} não tinha o que cancelar (versão {versao})");
        }
        Resposta::Cancelado { assentos, versao } => info!("{antes} cancelou {assentos} (versão {versao})"),
        Resposta::Listado { quadro, versao } | Resposta::Mapa { quadro, versao } => {
            let livres = quadro.livres().len() as usize;
            info!(
                "{antes} pediu {comando}: {livres} {} (versão {versao})",
                plural(livres, "livre", "livres")
            );
        }
        Resposta::Historico { fatos, versao } => {
            let fatos = fatos.len();
            info!("{antes} pediu {comando}: {fatos} {} (versão {versao})", plural(fatos, "fato", "fatos"));
        }
        Resposta::TokenConcedido { cerca, espera, prazo, .. } => {
            info!("{antes} recebeu o token: cerca {cerca}, por {prazo} s ({espera} na fila)");
        }
        Resposta::Liberado { contador, espera } => {
            info!("{antes} liberou o token: contador {contador} ({espera} na fila)");
        }
        Resposta::Nome(nome) => info!("{antes} agora se chama {nome}"),
        Resposta::Retomado(_) => info!("{antes} voltou a ser {agora}"),
        _ => info!("{antes} pediu {}", SemChave(comando)),
    }
}

/// Alguém espera a vez.
pub fn espera(quem: &Participante, comando: &Comando, a_frente: usize) {
    info!("{quem} pediu {}: espera a vez ({a_frente} na frente)", SemChave(comando));
}

/// A história não pôde ser lida.
pub fn nao_leu(assento: Assento, falha: &Falha) {
    warn!("a história do assento {assento} não foi lida: {falha}");
}

/// O prazo de alguém acabou.
pub fn venceu(vencido: Vencido) {
    match vencido {
        Vencido::Token(quem) => info!("[{}] perdeu o token: o prazo acabou", quem.cliente),
        Vencido::Assentos { cliente, assentos, versao } => {
            info!("[{cliente}] deixou de segurar {assentos}: o prazo acabou (versão {versao})");
        }
    }
}

/// O que já se tinha mostrado não pôde ser gravado, e não vale.
pub fn desfeito(conexao: ClientId, quantos: usize, versao: Versao) {
    let nao_valem = plural(
        quantos,
        "pedido acima não pôde ser gravado e foi desfeito",
        "pedidos acima não puderam ser gravados e foram desfeitos",
    );
    info!("[{conexao}] {quantos} {nao_valem} (versão {versao})");
}

/// Uma linha que não é um comando.
pub fn nao_entendeu(quem: &Participante, linha: &str, recusa: &Recusa) {
    info!("{quem} escreveu {}: recusado, {}", mostrar(linha), sem_chaves(&recusa.texto));
}

/// Uma linha como veio, para quem estuda o protocolo: só com `RUST_LOG=debug`.
pub fn recebeu(cliente: ClientId, linha: &str) {
    if log::log_enabled!(log::Level::Debug) {
        debug!("[{cliente}] < {}", mostrar(linha));
    }
}

/// As linhas de uma resposta como vão: só com `RUST_LOG=debug`.
pub fn respondeu(cliente: ClientId, resposta: &Resposta) {
    if log::log_enabled!(log::Level::Debug) {
        resposta.to_string().lines().for_each(|linha| debug!("[{cliente}] > {}", mostrar(linha)));
    }
}

/// O pedido diz exatamente o que a resposta confirma: não é preciso mostrar os dois.
const fn e_simples(comando: &Comando) -> bool {
    matches!(comando, Comando::Reservar { pedido: Pedido::Todos(_), cerca: None })
}

/// O comando como se mostra: a chave de um `RETOMAR` não vai para o log.
struct SemChave<'a>(&'a Comando);

impl fmt::Display for SemChave<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Comando::Retomar { cliente, .. } => write!(f, "RETOMAR {cliente} (chave oculta)"),
            outro => outro.fmt(f),
        }
    }
}

const fn plural<'a>(quantos: usize, um: &'a str, muitos: &'a str) -> &'a str {
    if quantos == 1 { um } else { muitos }
}
