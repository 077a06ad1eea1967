//! Uma conexão do começo ao fim: saúda, lê linhas, despacha, responde e se despede.
//!
//! Roda numa thread só sua. Não conhece a sala: quem a conhece é o despacho. Quem entrou sempre sai: o que a conexão
//! prende volta pelo `drop`, seja qual for o fim.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use protocolo::{ClientId, Comando, Entrada, Error, Linhas, Recusa, Resposta};

use crate::aula::corrida::AVISO as AVISO_DA_CORRIDA;
use crate::base::lotes::Decisao;
use crate::base::sincronia::Arc;
use crate::limites::{ENTRADA_BYTES, OLHADA_MS};
use crate::monitor::{Chegada, Lugar, Ocasiao};
use crate::rede::conexao::Conexao;
use crate::rede::parada::Inscricao;
use crate::rede::saida::Caderno;
use crate::rede::tomada::e_prazo;
use crate::sala::quem::Participante;
use crate::servico::Servico;
use crate::servico::despacho::{self, Desfecho};
use crate::tela::explicacao;
use crate::tela::narracao::{self, Fim};

const OLHADA: Duration = Duration::from_millis(OLHADA_MS);

/// Atende uma conexão até o fim dela.
pub fn atender(
    servico: &Servico,
    inscricao: &Inscricao,
    cliente: ClientId,
    tomada: Arc<TcpStream>,
    endereco: SocketAddr,
) {
    let quem = Participante::new(cliente);
    narracao::conectou(&quem, endereco, servico.admissao.ocupadas());
    let (quem, fim) = match Conexao::new(tomada, cliente, &servico.config, &servico.correio, servico.relogio)
    {
        Ok(conexao) => {
            let linhas = Linhas::new(BufReader::with_capacity(ENTRADA_BYTES, conexao));
            Sessao { servico, inscricao, quem, linhas, pedidos: 0, recusas: 0, partiu: false }.conversar()
        }
        Err(erro) => (quem, Fim::Perdida(erro)),
    };
    narracao::desconectou(&quem, &fim);
}

struct Sessao<'a> {
    servico: &'a Servico,
    inscricao: &'a Inscricao,
    quem: Participante,
    linhas: Linhas<BufReader<Conexao>>,
    /// O que ainda não foi somado aos contadores do servidor: disputá-los a cada pedido custaria mais que o pedido.
    pedidos: u64,
    recusas: u64,
    /// O que era da conexão já se foi.
    partiu: bool,
}

/// O que fazer depois de atender uma linha.
enum Depois {
    Segue,
    Fecha(Fim),
}

impl Sessao<'_> {
    /// A conversa inteira; devolve quem era e por que acabou.
    fn conversar(mut self) -> (Participante, Fim) {
        let fim = self
            .saudar()
            .and_then(|fim| fim.map_or_else(|| self.atender_linhas(), Ok))
            .unwrap_or_else(Fim::Perdida);
        let fim = if self.conexao().cortada() { Fim::NaoLeu } else { fim };
        if !matches!(fim, Fim::Perdida(_) | Fim::NaoLeu) {
            // Depois da despedida não vem mais evento nenhum.
            self.parar_de_observar();
            // A despedida espera pelo cliente; quem espera pelo token, não.
            self.partir();
            // O cliente pode ir embora sem ler o que faltava: isso não muda por que a conversa acabou.
            let _ = self.conexao().despedir();
        }
        (self.quem.clone(), fim)
    }

    /// Diz quem o cliente é, ou devolve por que não pode ser ninguém.
    #[inline(never)] // Só acontece uma vez; o HMAC não deve pesar na pilha da conversa inteira.
    fn saudar(&mut self) -> io::Result<Option<Fim>> {
        let cliente = self.quem.cliente;
        let Servico { identidades, monitor, correio, corrida, .. } = self.servico;
        let gravar = |ate| correio.lotes.esperar(monitor.anotar_clientes(ate)) == Decisao::Gravado;
        if !identidades.garantir(cliente, gravar) {
            return self.fechar(Error::Indisponivel, Fim::SemDisco).map(Some);
        }
        if corrida.is_some() {
            self.conexao().avisar(AVISO_DA_CORRIDA);
        }
        self.responder(
            Resposta::Saudacao { cliente, chave: identidades.chave(cliente) },
            Caderno::default(),
        )?;
        Ok(None)
    }

    fn atender_linhas(&mut self) -> io::Result<Fim> {
        loop {
            match self.atender_uma() {
                Ok(Depois::Fecha(fim)) => return Ok(fim),
                Ok(Depois::Segue) if self.inscricao.deve_sair() => {
                    return self.fechar(Error::Encerrando, Fim::Encerrando);
                }
                Ok(Depois::Segue) => {}
                // Um telnet negocia sozinho ao conectar, e o que ele manda não tem fim de linha: não é uma linha lenta.
                Err(erro)
                    if e_prazo(&erro) && !self.linhas.comecada() && self.conexao().esquecer_linha()? => {}
                Err(erro) if e_prazo(&erro) => return self.fechar(Error::Inativo, Fim::Inativo),
                Err(erro) => return Err(erro),
            }
        }
    }

    /// Lê uma linha e responde a ela.
    fn atender_uma(&mut self) -> io::Result<Depois> {
        let entrada = self.linhas.proxima()?;
        // Na parada a leitura acaba onde estiver, e meia linha não é um pedido.
        if self.inscricao.deve_sair() {
            return Ok(Depois::Segue);
        }
        let (resposta, caderno) = match entrada {
            None => return Ok(Depois::Fecha(Fim::FechouEla)),
            Some(Entrada::OutroProtocolo) => {
                return self.fechar(Error::Protocolo, Fim::OutroProtocolo).map(Depois::Fecha);
            }
            Some(Entrada::Longa) => self.recusar_linha(Error::LinhaLonga.into(), ""),
            Some(Entrada::NaoUtf8) => self.recusar_linha(Error::Codificacao.into(), ""),
            Some(Entrada::Linha(linha)) => {
                narracao::recebeu(self.quem.cliente, linha);
                match linha.parse::<Comando>() {
                    Ok(comando) => self.executar(&comando)?,
                    Err(recusa) => {
                        let (recusa, linha) = (explicacao::sugerir(recusa, linha), linha.to_owned());
                        self.recusar_linha(recusa, &linha)
                    }
                }
            }
        };
        let depois = match &resposta {
            Resposta::AteLogo => Depois::Fecha(Fim::Despediu),
            // Quem esperava a vez já ouviu que o servidor está encerrando.
            Resposta::Recusado(Recusa { erro: Error::Encerrando, .. }) => Depois::Fecha(Fim::Encerrando),
            _ => Depois::Segue,
        };
        self.responder(resposta, caderno)?;
        Ok(depois)
    }

    fn executar(&mut self, comando: &Comando) -> io::Result<(Resposta, Caderno)> {
        // Só estes dois mudam quem fala; a cópia é para contar quem ele era.
        let antes = matches!(comando, Comando::Nome(_) | Comando::Retomar { .. }).then(|| self.quem.clone());
        let mut caderno = self.conexao().caderno();
        let Caderno { depende, vista } = &mut caderno;
        let desfecho = despacho::executar(self.servico, &mut self.quem, depende, vista.as_mut(), comando);
        let (resposta, caderno) = match desfecho {
            Desfecho::Responde(resposta) => (resposta, caderno),
            Desfecho::Espera(lugar, a_frente) => self.esperar(comando, &lugar, a_frente)?,
            Desfecho::Observa => self.observar()?,
            Desfecho::Para => {
                // O que se ia contar e o disco recusou ainda se acerta enquanto se observa.
                self.conexao().descarregar()?;
                self.parar_de_observar();
                (Resposta::Parado, Caderno::default())
            }
        };
        self.contar(&resposta);
        narracao::pedido(antes.as_ref().unwrap_or(&self.quem), &self.quem, comando, &resposta);
        Ok((resposta, caderno))
    }

    /// Espera a vez, olhando de tempos em tempos se o cliente ainda está lá.
    ///
    /// Uma thread que dorme numa variável de condição não vê a conexão cair; por isso as fatias.
    #[inline(never)] // O raro não deve pesar na pilha da conversa inteira.
    fn esperar(
        &mut self,
        comando: &Comando,
        lugar: &Lugar,
        a_frente: usize,
    ) -> io::Result<(Resposta, Caderno)> {
        narracao::espera(&self.quem, comando, a_frente);
        let (Servico { monitor, relogio, .. }, inscricao) = (self.servico, self.inscricao);
        let quem = self.quem.requerente();
        // O cliente pode estar esperando pelo que já se respondeu: sai antes de dormir.
        let (veredito, lote) = self.conexao().durante(|conexao| {
            loop {
                let chegou = monitor.esperar(lugar, OLHADA);
                if inscricao.deve_sair() || conexao.partiu() {
                    // A quem se foi, ou vai sair agora mesmo, não se dá a vez: ela é do seguinte.
                    let negado = monitor.abandonar(relogio.agora(), quem, lugar, chegou);
                    let negado = if inscricao.deve_sair() { Error::Encerrando.into() } else { negado };
                    return (Err(negado), 0);
                }
                if let Some(Chegada { veredito, lote, .. }) = chegou {
                    return (veredito, lote);
                }
            }
        })?;
        let mut caderno = self.conexao().caderno();
        caderno.depende.juntar(lote);
        // Quem observa sabe de tudo até a resposta, e talvez de mais: ela é de quando a vez chegou.
        if caderno.vista.is_some() {
            monitor.alcancar(&mut caderno.depende, caderno.vista.as_mut());
        }
        Ok((despacho::da_sala(veredito), caderno))
    }

    /// `OBSERVAR`: daqui em diante o carteiro conta nesta conexão o que muda, entre uma resposta e outra.
    #[inline(never)] // O raro não deve pesar na pilha da conversa inteira.
    fn observar(&mut self) -> io::Result<(Resposta, Caderno)> {
        let Servico { monitor, relogio, .. } = self.servico;
        let quem = self.quem.requerente();
        let conexao = self.conexao();
        // Sem resposta por gravar, observa-se a partir do que está no disco, e isso não se recusa.
        conexao.descarregar()?;
        let observava = conexao.observa();
        if !observava {
            // A conexão se inscreve antes de saber a versão: o que mudar a partir dela já não se perde.
            conexao.observar()?;
        }
        let mut caderno = conexao.caderno();
        let versao = match &mut caderno.vista {
            Some(vista) if observava => {
                monitor.mostrar(vista);
                vista.contado
            }
            vista => {
                let depende = &mut caderno.depende;
                monitor.observar(Ocasiao { agora: relogio.agora(), quem, vista: vista.as_mut(), depende })
            }
        };
        Ok((Resposta::Observando { versao }, caderno))
    }

    #[inline(never)] // O raro não deve pesar na pilha da conversa inteira.
    fn parar_de_observar(&mut self) {
        if self.conexao().parar_de_observar() {
            self.servico.monitor.deixar_de_observar();
        }
    }

    /// Uma linha que não chegou a ser um comando.
    fn recusar_linha(&mut self, recusa: Recusa, linha: &str) -> (Resposta, Caderno) {
        narracao::nao_entendeu(&self.quem, linha, &recusa);
        let resposta = recusa.into();
        self.contar(&resposta);
        (resposta, Caderno::default())
    }

    /// O que era da conexão se vai com ela, uma vez só: na segunda, o cliente já pode ter voltado por outra.
    fn partir(&mut self) {
        if !std::mem::replace(&mut self.partiu, true) {
            self.servico.monitor.partir(self.servico.relogio.agora(), self.quem.requerente());
        }
    }

    fn contar(&mut self, resposta: &Resposta) {
        self.pedidos += 1;
        self.recusas += u64::from(matches!(resposta, Resposta::Recusado(_)));
        // Soma uma vez por lote: quando não há mais nada por atender.
        if self.linhas.leitor().buffer().is_empty() {
            self.somar();
        }
    }

    fn somar(&mut self) {
        let contadores = &self.servico.contadores;
        contadores.pedidos.somar(std::mem::take(&mut self.pedidos));
        if self.recusas > 0 {
            contadores.recusas.somar(std::mem::take(&mut self.recusas));
        }
    }

    /// Diz por que o servidor fecha.
    fn fechar(&mut self, erro: Error, fim: Fim) -> io::Result<Fim> {
        self.responder(erro.into(), Caderno::default())?;
        Ok(fim)
    }

    fn responder(&mut self, resposta: Resposta, caderno: Caderno) -> io::Result<()> {
        narracao::respondeu(self.quem.cliente, &resposta);
        self.conexao().responder(resposta, caderno)
    }

    fn conexao(&mut self) -> &mut Conexao {
        self.linhas.leitor().get_mut()
    }
}

impl Drop for Sessao<'_> {
    fn drop(&mut self) {
        self.somar();
        self.parar_de_observar();
        self.partir();
    }
}
