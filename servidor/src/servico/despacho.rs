//! De um comando a uma resposta: o único `match` sobre [`Comando`], um braço para cada um.
//!
//! Roda na thread do cliente, fora da seção crítica; só o monitor entra nela. Não lê nem escreve no socket.

use protocolo::{Assento, Cerca, Chave, ClientId, Comando, ComandoToken, Error, Recusa, Resposta, VERSAO};

use crate::base::lotes::Decisao;
use crate::limites::HISTORICO_MAX;
use crate::monitor::{Dependencia, Lugar, Ocasiao, Solicitado};
use crate::sala::quem::Participante;
use crate::sala::{Operacao, Veredito, Vista};
use crate::servico::Servico;
use crate::tela::explicacao;
use crate::tela::mensagens;
use crate::tela::narracao;
use crate::tempo::momento::Momento;

/// O que resulta de um comando.
#[derive(Debug)]
pub enum Desfecho {
    /// Já se sabe a resposta.
    Responde(Resposta),
    /// A resposta vem depois, neste lugar; há tantos à frente.
    Espera(Lugar, usize),
    /// A conexão passa a observar a sala; a resposta é `OBSERVANDO`.
    Observa,
    /// A conexão deixa de observar; a resposta é `PARADO`.
    Para,
}

/// Faz o que o comando pede e diz o que responder, ou onde esperar pela resposta. A `vista` de quem observa fica em dia no
/// mesmo instante.
pub fn executar(
    servico: &Servico,
    quem: &mut Participante,
    depende: &mut Dependencia,
    vista: Option<&mut Vista>,
    comando: &Comando,
) -> Desfecho {
    let Servico { monitor, relogio, .. } = servico;
    let requerente = quem.requerente();
    let ocasiao = move || Ocasiao { agora: relogio.agora(), quem: requerente, vista, depende };
    Desfecho::Responde(match comando {
        Comando::Token(ComandoToken::Solicitar { por, ate }) => {
            return solicitado(monitor.solicitar(ocasiao(), *por, *ate));
        }
        Comando::Aguardar { escolha, ate } => {
            return solicitado(monitor.aguardar(ocasiao(), *escolha, *ate));
        }
        Comando::Observar => return Desfecho::Observa,
        Comando::Parar => return Desfecho::Para,
        Comando::Token(ComandoToken::Liberar) => monitor.liberar(ocasiao()).unwrap_or_else(Resposta::from),
        Comando::Token(ComandoToken::Estado) => monitor.estado_do_token(ocasiao()),
        Comando::Reservar { pedido, cerca } => mudar(servico, ocasiao(), *cerca, Operacao::Reservar(*pedido)),
        Comando::Segurar { escolha, por } => {
            mudar(servico, ocasiao(), None, Operacao::Segurar(*escolha, *por))
        }
        Comando::Confirmar(quais) => mudar(servico, ocasiao(), None, Operacao::Confirmar(*quais)),
        Comando::Cancelar { alvo, cerca } => mudar(servico, ocasiao(), *cerca, Operacao::Cancelar(*alvo)),
        Comando::Listar => {
            let (quadro, versao) = monitor.quadro(ocasiao());
            Resposta::Listado { quadro, versao }
        }
        Comando::Mapa => {
            let (quadro, versao) = monitor.quadro(ocasiao());
            Resposta::Mapa { quadro, versao }
        }
        Comando::Historico(assento) => historico(servico, ocasiao(), *assento),
        Comando::Nome(nome) => {
            monitor.nomear(ocasiao(), nome.clone());
            quem.nome = Some(nome.clone());
            Resposta::Nome(nome.clone())
        }
        Comando::Retomar { cliente, chave } => retomar(servico, quem, *cliente, chave),
        Comando::Estado => Resposta::Estado(estado(servico, ocasiao())),
        Comando::Ajuda(verbete) => Resposta::Ajuda(explicacao::ajuda(*verbete)),
        Comando::Ping => Resposta::Pong,
        Comando::Sair => Resposta::AteLogo,
    })
}

/// Um pedido que muda os assentos: numa seção crítica só, ou, se é a corrida que se demonstra, em duas.
fn mudar(
    Servico { monitor, corrida, .. }: &Servico,
    ocasiao: Ocasiao<'_>,
    cerca: Option<Cerca>,
    operacao: Operacao,
) -> Resposta {
    da_sala(match corrida {
        None => monitor.mudar(ocasiao, cerca, operacao),
        Some(corrida) => corrida.mudar(monitor, ocasiao, cerca, operacao),
    })
}

fn retomar(servico: &Servico, quem: &mut Participante, cliente: ClientId, chave: &Chave) -> Resposta {
    if !servico.identidades.confere(cliente, chave) {
        return Error::ChaveInvalida.into();
    }
    // Quem passa a ser outro larga o que era da conexão: o token, se o tinha, segue adiante.
    quem.nome = servico.monitor.retomar(servico.relogio.agora(), quem.requerente(), cliente);
    quem.cliente = cliente;
    Resposta::Retomado(cliente)
}

fn solicitado(solicitado: Solicitado) -> Desfecho {
    match solicitado {
        Solicitado::Respondido(veredito) => Desfecho::Responde(da_sala(veredito)),
        Solicitado::Espera(lugar, a_frente) => Desfecho::Espera(lugar, a_frente),
    }
}

/// Um não da sala ganha aqui, já fora da seção crítica, o texto para pessoas.
pub fn da_sala(veredito: Veredito) -> Resposta {
    veredito.unwrap_or_else(|negado| explicacao::recusa(negado).into())
}

/// A vida de um assento, até a versão que quem pede vê. Fora de linha, como em [`estado`].
#[inline(never)]
fn historico(servico: &Servico, ocasiao: Ocasiao<'_>, assento: Assento) -> Resposta {
    let Servico { monitor, correio, historico, .. } = servico;
    let (versao, lote) = monitor.historico(ocasiao);
    match correio.lotes.esperar(lote) {
        Decisao::Gravado => {}
        // O que quem pede viu foi desfeito: não há história até essa versão.
        Decisao::Recusado(versao) => return Recusa::na_versao(Error::Indisponivel, versao).into(),
        Decisao::Parou => return Recusa::na_versao(Error::Indisponivel, versao).into(),
    }
    match historico.de(assento, versao, HISTORICO_MAX) {
        Ok(fatos) => Resposta::Historico {
            fatos: fatos.into_iter().rev().map(|fato| fato.com_horas(Momento::hora)).collect(),
            versao,
        },
        Err(falha) => {
            narracao::nao_leu(assento, &falha);
            let texto = "não foi possível ler a história agora; tente de novo";
            Recusa { versao: Some(versao), ..Recusa::com_texto(Error::Indisponivel, texto) }.into()
        }
    }
}

/// Fora de linha: o quadro desta função é grande, e só quem pede `ESTADO` deve tocar essas páginas da pilha.
#[inline(never)]
fn estado(servico: &Servico, ocasiao: Ocasiao<'_>) -> Vec<(String, String)> {
    let (quadro, versao) = servico.monitor.quadro(ocasiao);
    let ligado_ha = servico.relogio.desde_o_inicio().as_secs();
    [
        ("protocolo", VERSAO.to_owned()),
        ("programa", env!("CARGO_PKG_VERSION").to_owned()),
        ("ligado_ha_s", ligado_ha.to_string()),
        ("conexoes", servico.admissao.ocupadas().to_string()),
        ("conexoes_max", servico.admissao.max().to_string()),
        ("conexoes_recusadas", servico.contadores.lotado.total().to_string()),
        ("clientes_ate_agora", servico.identidades.dadas().to_string()),
        ("observadores", servico.correio.observadores.quantos().to_string()),
        ("pedidos", servico.contadores.pedidos.total().to_string()),
        ("recusas", servico.contadores.recusas.total().to_string()),
        ("lotes_gravados", servico.contadores.lotes.total().to_string()),
        ("novidades_gravadas", servico.contadores.gravadas.total().to_string()),
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
