//! De um comando a uma resposta: o único `match` sobre [`Comando`], um braço para cada um.
//!
//! Roda na thread do cliente, fora da seção crítica; só o monitor entra nela. Não lê nem escreve no socket.

use std::fmt;

use protocolo::{ClientId, Comando, Error, Nome, Resposta, VERSAO};

use crate::explicacao;
use crate::mensagens;
use crate::sala::Veredito;
use crate::servico::Servico;

/// Quem fala numa conexão: muda com `NOME` e com `RETOMAR`.
#[derive(Clone, Debug)]
pub struct Participante {
    /// O número.
    pub cliente: ClientId,
    /// O nome, se deu um.
    pub nome: Option<Nome>,
}

impl fmt::Display for Participante {
    /// `[7]` ou `[7 ana]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nome {
            Some(nome) => write!(f, "[{} {nome}]", self.cliente),
            None => write!(f, "[{}]", self.cliente),
        }
    }
}

/// Faz o que o comando pede e diz o que responder.
pub fn executar(servico: &Servico, quem: &mut Participante, comando: &Comando) -> Resposta {
    match comando {
        Comando::Reservar { cerca: Some(_), .. }
        | Comando::Cancelar { cerca: Some(_), .. }
        | Comando::Segurar { .. }
        | Comando::Confirmar(_)
        | Comando::Aguardar { .. }
        | Comando::Observar
        | Comando::Parar
        | Comando::Token(_) => Error::AindaNao.into(),
        Comando::Reservar { pedido, cerca: None } => {
            responder(servico.monitor.reservar(quem.cliente, *pedido))
        }
        Comando::Cancelar { alvo, cerca: None } => responder(servico.monitor.cancelar(quem.cliente, *alvo)),
        Comando::Listar => {
            let (quadro, versao) = servico.monitor.quadro(quem.cliente);
            Resposta::Listado { quadro, versao }
        }
        Comando::Mapa => {
            let (quadro, versao) = servico.monitor.quadro(quem.cliente);
            Resposta::Mapa { quadro, versao }
        }
        Comando::Nome(nome) => {
            servico.monitor.nomear(quem.cliente, nome.clone());
            quem.nome = Some(nome.clone());
            Resposta::Nome(nome.clone())
        }
        Comando::Retomar { cliente, chave } => {
            if !servico.identidades.confere(*cliente, chave) {
                return Error::ChaveInvalida.into();
            }
            servico.monitor.despedir(quem.cliente);
            *quem = Participante { cliente: *cliente, nome: servico.monitor.nome(*cliente) };
            Resposta::Retomado(*cliente)
        }
        Comando::Estado => Resposta::Estado(estado(servico, quem.cliente)),
        Comando::Ajuda(verbete) => Resposta::Ajuda(explicacao::ajuda(*verbete)),
        Comando::Ping => Resposta::Pong,
        Comando::Sair => Resposta::AteLogo,
    }
}

/// Um não da sala ganha aqui, já fora da seção crítica, o texto para pessoas.
fn responder(veredito: Veredito) -> Resposta {
    veredito.unwrap_or_else(|negado| explicacao::recusa(negado).into())
}

/// Fora de linha: o quadro desta função é grande, e só quem pede `ESTADO` deve tocar essas páginas da pilha.
#[inline(never)]
fn estado(servico: &Servico, cliente: ClientId) -> Vec<(String, String)> {
    let (quadro, versao) = servico.monitor.quadro(cliente);
    let ligado_ha = servico.relogio.desde_o_inicio().as_secs();
    [
        ("protocolo", VERSAO.to_owned()),
        ("programa", env!("CARGO_PKG_VERSION").to_owned()),
        ("ligado_ha_s", ligado_ha.to_string()),
        ("conexoes", servico.admissao.ocupadas().to_string()),
        ("conexoes_max", servico.admissao.max().to_string()),
        ("conexoes_recusadas", servico.contadores.lotado.total().to_string()),
        ("clientes_ate_agora", servico.identidades.dadas().to_string()),
        ("pedidos", servico.contadores.pedidos.total().to_string()),
        ("recusas", servico.contadores.recusas.total().to_string()),
        ("mensagens_descartadas", mensagens::descartadas().to_string()),
        ("por_cliente_max", servico.config.max_por_cliente.to_string()),
        ("livres", quadro.livres().len().to_string()),
        ("segurados", quadro.segurados.len().to_string()),
        ("ocupados", quadro.ocupados.len().to_string()),
        ("versao", versao.to_string()),
    ]
    .map(|(nome, valor)| (nome.to_owned(), valor))
    .into()
}
