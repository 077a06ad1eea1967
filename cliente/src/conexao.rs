//! Uma conexão com o servidor, com uma chamada por pedido.
//!
//! Bloqueia em quem chama e não cria threads. Um só descritor: `&TcpStream` lê e escreve.

use std::collections::VecDeque;
use std::io::{self, BufReader, ErrorKind, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

use protocolo::{
    Alvo, Assento, Assentos, Cerca, Chave, ClientId, Comando, ComandoToken, Escolha, Evento, Fato, Nome,
    Pedido, Quadro, Resposta, RespostaInvalida, Segundos, Versao,
};

use crate::falha::Falha;
use crate::leitor::{Bloco, Leitor, Recebido};

/// Quanto se espera por cada endereço que não atende e pela saudação: mais do que as retransmissões de uma rajada
/// de conexões, menos do que a paciência de uma pessoa.
pub const CONEXAO_PRAZO: Duration = Duration::from_secs(15);

/// Uma conexão já cumprimentada.
#[derive(Debug)]
pub struct Cliente {
    leitor: Leitor<BufReader<TcpStream>>,
    cliente: ClientId,
    chave: Chave,
    eventos: VecDeque<Evento>,
}

/// Assentos que agora são de quem pediu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reserva {
    /// Os que são seus por este pedido.
    pub assentos: Assentos,
    /// Dos pedidos ou preferidos, os que já eram de outros.
    pub ocupados: Assentos,
    /// A versão da sala em que isto era verdade.
    pub versao: Versao,
}

/// Assentos guardados por um tempo para quem pediu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segurados {
    /// Quais.
    pub assentos: Assentos,
    /// Por quantos segundos.
    pub expira: u32,
    /// A versão da sala em que isto era verdade.
    pub versao: Versao,
}

/// O token, que agora é de quem o pediu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Concessao {
    /// O número de fencing: o que se manda em `CERCA`.
    pub cerca: Cerca,
    /// Quantas vezes o token foi liberado até aqui.
    pub contador: u64,
    /// Quantos esperam.
    pub espera: u64,
    /// Por quantos segundos o token é seu.
    pub prazo: u32,
}

/// O token, que já não é de quem o liberou.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Liberacao {
    /// Quantas vezes o token foi liberado, contando esta.
    pub contador: u64,
    /// Quantos esperam.
    pub espera: u64,
}

/// De quem é o token, e o que se conta dele.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EstadoDoToken {
    /// O dono, se há.
    pub dono: Option<ClientId>,
    /// O número de fencing da última concessão.
    pub cerca: Cerca,
    /// Quantas vezes o token foi liberado.
    pub contador: u64,
    /// Quantos esperam.
    pub espera: u64,
}

/// Corta de outra thread uma conexão que ali está presa, por exemplo na fila do token.
#[derive(Debug)]
pub struct Corte(TcpStream);

impl Corte {
    /// Corta: a chamada que espera, e as que vierem, dão [`Falha::Perdida`]. Cortar de novo não faz nada.
    pub fn cortar(&self) {
        // Só falha se a conexão já não existe.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Cliente {
    /// Conecta e lê a saudação.
    ///
    /// Tenta cada endereço que o nome tem. Um servidor cheio cumprimenta com uma recusa: [`Falha::Recusa`].
    pub fn conectar(endereco: impl ToSocketAddrs) -> Result<Self, Falha> {
        let corrente = abrir(endereco).map_err(Falha::SemConexao)?;
        let mut leitor = Leitor::new(BufReader::new(corrente));
        leitor.fonte().get_ref().set_read_timeout(Some(CONEXAO_PRAZO))?;
        let saudacao = match leitor.proximo()? {
            Recebido::Resposta(bloco) => bloco.resposta()?,
            Recebido::Evento(evento) => return Err(RespostaInvalida(evento.to_string()).into()),
        };
        leitor.fonte().get_ref().set_read_timeout(None)?;
        match saudacao {
            Resposta::Saudacao { cliente, chave } => {
                Ok(Self { leitor, cliente, chave, eventos: VecDeque::new() })
            }
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// O número deste cliente: o da saudação ou, depois de [`Self::retomar`], o retomado.
    pub const fn cliente(&self) -> ClientId {
        self.cliente
    }

    /// A chave deste cliente.
    pub const fn chave(&self) -> Chave {
        self.chave
    }

    // ---- Pedir e receber ----

    /// Pede e espera a resposta, que pode ser [`Resposta::Recusado`].
    pub fn pedir(&mut self, comando: &Comando) -> Result<Resposta, Falha> {
        self.enviar(comando)?;
        self.receber()
    }

    /// Envia uma linha qualquer, sem o LF, e devolve a resposta como veio.
    ///
    /// A linha não pode estar em branco: o servidor não responde a uma linha assim.
    pub fn pedir_linha(&mut self, linha: &str) -> Result<Bloco, Falha> {
        self.enviar_bytes(format!("{linha}\n").as_bytes())?;
        self.receber_bloco()
    }

    /// Envia um pedido sem esperar a resposta; cada pedido enviado tem a sua, na ordem.
    pub fn enviar(&mut self, comando: &Comando) -> Result<(), Falha> {
        self.enviar_bytes(format!("{comando}\n").as_bytes())
    }

    /// Envia bytes quaisquer.
    pub fn enviar_bytes(&mut self, bytes: &[u8]) -> Result<(), Falha> {
        Ok(self.corrente().write_all(bytes)?)
    }

    /// A próxima resposta. Os eventos que vierem antes dela ficam guardados.
    pub fn receber(&mut self) -> Result<Resposta, Falha> {
        Ok(self.receber_bloco()?.resposta()?)
    }

    /// A próxima resposta, como veio. Os eventos que vierem antes dela ficam guardados.
    pub fn receber_bloco(&mut self) -> Result<Bloco, Falha> {
        loop {
            match self.leitor.proximo()? {
                Recebido::Resposta(bloco) => return Ok(bloco),
                Recebido::Evento(evento) => self.eventos.push_back(evento),
            }
        }
    }

    /// Os eventos guardados até aqui, do mais antigo ao mais novo. Quem observa a sala deve tirá-los daqui, porque
    /// guardados ocupam memória.
    pub fn tirar_eventos(&mut self) -> VecDeque<Evento> {
        std::mem::take(&mut self.eventos)
    }

    /// O próximo evento, guardado ou por vir, quando não há resposta por receber.
    pub fn proximo_evento(&mut self) -> Result<Evento, Falha> {
        if let Some(evento) = self.eventos.pop_front() {
            return Ok(evento);
        }
        match self.leitor.proximo()? {
            Recebido::Evento(evento) => Ok(evento),
            Recebido::Resposta(bloco) => Err(recusa_ou_inesperada(bloco.resposta()?)),
        }
    }

    // ---- O socket ----

    /// Diz ao servidor que não virão mais pedidos; as respostas que faltam ainda vêm.
    pub fn fechar_escrita(&mut self) -> Result<(), Falha> {
        Ok(self.corrente().shutdown(Shutdown::Write)?)
    }

    /// Quanto uma leitura pode esperar antes de dar [`Falha::Demora`] (`None`: para sempre, como no começo).
    pub fn prazo_de_leitura(&mut self, prazo: Option<Duration>) -> Result<(), Falha> {
        Ok(self.corrente().set_read_timeout(prazo)?)
    }

    /// Separa a leitura da escrita, para duas threads.
    pub fn partir(self) -> io::Result<(Leitor<BufReader<TcpStream>>, TcpStream)> {
        let escrita = self.leitor.fonte().get_ref().try_clone()?;
        Ok((self.leitor, escrita))
    }

    /// O que corta esta conexão de outra thread. Gasta mais um descritor.
    pub fn corte(&self) -> io::Result<Corte> {
        self.corrente().try_clone().map(Corte)
    }

    fn corrente(&self) -> &TcpStream {
        self.leitor.fonte().get_ref()
    }

    // ---- Uma chamada por pedido: o que o servidor recusa vem como `Falha::Recusa` ----

    /// `RESERVAR`: todos estes, ou nenhum.
    pub fn reservar(&mut self, assentos: Assentos) -> Result<Reserva, Falha> {
        self.pedir_reserva(Pedido::Todos(assentos))
    }

    /// `RESERVAR PARCIAL`: destes, os que estiverem livres.
    pub fn reservar_parcial(&mut self, assentos: Assentos) -> Result<Reserva, Falha> {
        self.pedir_reserva(Pedido::Parcial(assentos))
    }

    /// `RESERVAR QUANTIDADE`: tantos assentos mais, os preferidos primeiro.
    pub fn reservar_quantidade(&mut self, quantos: u32, preferidos: Assentos) -> Result<Reserva, Falha> {
        self.pedir_reserva(Pedido::Quantidade { quantos, preferidos })
    }

    fn pedir_reserva(&mut self, pedido: Pedido) -> Result<Reserva, Falha> {
        reserva(self.pedir(&Comando::Reservar { pedido, cerca: None })?)
    }

    /// `AGUARDAR`: reserva, esperando a vez se for preciso.
    pub fn aguardar(&mut self, escolha: Escolha, ate: Option<Segundos>) -> Result<Reserva, Falha> {
        reserva(self.pedir(&Comando::Aguardar { escolha, ate })?)
    }

    /// `SEGURAR`: guarda por um tempo.
    pub fn segurar(&mut self, escolha: Escolha, por: Segundos) -> Result<Segurados, Falha> {
        match self.pedir(&Comando::Segurar { escolha, por })? {
            Resposta::Segurado { assentos, expira, versao } => Ok(Segurados { assentos, expira, versao }),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `CONFIRMAR`: torna firme o que se segura (`None`: tudo). Devolve os confirmados.
    pub fn confirmar(&mut self, quais: Option<Assentos>) -> Result<(Assentos, Versao), Falha> {
        match self.pedir(&Comando::Confirmar(quais))? {
            Resposta::Confirmado { assentos, versao } => Ok((assentos, versao)),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `CANCELAR`: devolve estes, todos ou nenhum. Devolve os cancelados.
    pub fn cancelar(&mut self, assentos: Assentos) -> Result<(Assentos, Versao), Falha> {
        self.pedir_cancelamento(Alvo::Estes(assentos))
    }

    /// `CANCELAR TUDO`: devolve tudo o que é seu. Devolve os cancelados.
    pub fn cancelar_tudo(&mut self) -> Result<(Assentos, Versao), Falha> {
        self.pedir_cancelamento(Alvo::Tudo)
    }

    fn pedir_cancelamento(&mut self, alvo: Alvo) -> Result<(Assentos, Versao), Falha> {
        match self.pedir(&Comando::Cancelar { alvo, cerca: None })? {
            Resposta::Cancelado { assentos, versao } => Ok((assentos, versao)),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `LISTAR`: o retrato da sala e a sua versão.
    pub fn listar(&mut self) -> Result<(Quadro, Versao), Falha> {
        match self.pedir(&Comando::Listar)? {
            Resposta::Listado { quadro, versao } => Ok((quadro, versao)),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `HISTORICO`: a vida do assento, do mais velho ao mais novo, e a versão da sala.
    pub fn historico(&mut self, assento: Assento) -> Result<(Vec<Fato>, Versao), Falha> {
        match self.pedir(&Comando::Historico(assento))? {
            Resposta::Historico { fatos, versao } => Ok((fatos, versao)),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `OBSERVAR`: daqui em diante vêm eventos. Devolve a versão a partir da qual se observa.
    pub fn observar(&mut self) -> Result<Versao, Falha> {
        match self.pedir(&Comando::Observar)? {
            Resposta::Observando { versao } => Ok(versao),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `TOKEN SOLICITAR`: entra na fila, espera a vez e fica com o token por `por`, se ela chega antes de `ate`
    /// (`None`: espera para sempre).
    pub fn token_solicitar(&mut self, por: Segundos, ate: Option<Segundos>) -> Result<Concessao, Falha> {
        match self.pedir(&Comando::Token(ComandoToken::Solicitar { por, ate }))? {
            Resposta::TokenConcedido { cerca, contador, espera, prazo } => {
                Ok(Concessao { cerca, contador, espera, prazo })
            }
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `TOKEN LIBERAR`: passa o token adiante.
    pub fn token_liberar(&mut self) -> Result<Liberacao, Falha> {
        match self.pedir(&Comando::Token(ComandoToken::Liberar))? {
            Resposta::Liberado { contador, espera } => Ok(Liberacao { contador, espera }),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `TOKEN ESTADO`: de quem é o token e quantos esperam.
    pub fn token_estado(&mut self) -> Result<EstadoDoToken, Falha> {
        match self.pedir(&Comando::Token(ComandoToken::Estado))? {
            Resposta::TokenEstado { dono, cerca, contador, espera } => {
                Ok(EstadoDoToken { dono, cerca, contador, espera })
            }
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `NOME`: um nome para pessoas.
    pub fn nome(&mut self, nome: &Nome) -> Result<(), Falha> {
        match self.pedir(&Comando::Nome(nome.clone()))? {
            Resposta::Nome(_) => Ok(()),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `RETOMAR`: volta a ser um cliente anterior, com tudo o que é dele.
    pub fn retomar(&mut self, cliente: ClientId, chave: Chave) -> Result<(), Falha> {
        match self.pedir(&Comando::Retomar { cliente, chave })? {
            Resposta::Retomado(retomado) if retomado == cliente => {
                (self.cliente, self.chave) = (cliente, chave);
                Ok(())
            }
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `ESTADO`: os números do servidor, em pares de nome e valor.
    pub fn estado(&mut self) -> Result<Vec<(String, String)>, Falha> {
        match self.pedir(&Comando::Estado)? {
            Resposta::Estado(pares) => Ok(pares),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `PING`: o servidor está aí?
    pub fn ping(&mut self) -> Result<(), Falha> {
        match self.pedir(&Comando::Ping)? {
            Resposta::Pong => Ok(()),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }

    /// `SAIR`: despede-se.
    pub fn sair(mut self) -> Result<(), Falha> {
        match self.pedir(&Comando::Sair)? {
            Resposta::AteLogo => Ok(()),
            outra => Err(recusa_ou_inesperada(outra)),
        }
    }
}

/// Conecta ao primeiro dos endereços que atender; a falha é a do último.
fn abrir(endereco: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let enderecos = endereco.to_socket_addrs().map_err(|erro| io::Error::new(ErrorKind::NotFound, erro))?;
    let mut falha = ErrorKind::NotFound.into();
    for endereco in enderecos {
        match TcpStream::connect_timeout(&endereco, CONEXAO_PRAZO) {
            Ok(corrente) => {
                // Um pedido é uma linha curta que espera resposta: juntá-la a outras só atrasa.
                corrente.set_nodelay(true)?;
                return Ok(corrente);
            }
            Err(erro) => falha = erro,
        }
    }
    Err(falha)
}

fn reserva(resposta: Resposta) -> Result<Reserva, Falha> {
    match resposta {
        Resposta::Reservado { assentos, ocupados, versao } => Ok(Reserva { assentos, ocupados, versao }),
        outra => Err(recusa_ou_inesperada(outra)),
    }
}

/// A falha de quem esperava outra resposta.
fn recusa_ou_inesperada(resposta: Resposta) -> Falha {
    match resposta {
        Resposta::Recusado(recusa) => Falha::Recusa(recusa),
        outra => RespostaInvalida(outra.to_string()).into(),
    }
}

#[cfg(test)]
mod tests;
