//! O que uma conexão tem por dizer, em ordem: o texto que já pode sair, e as respostas que esperam pelo disco.
//!
//! É código sequencial puro: não conhece socket, e quem escreve é quem tem a saída na mão ([`Vez`](super::vez::Vez)). Uma resposta que
//! depende de um lote fica aqui como valor até que ele se decida, e só então vira texto; as que vêm depois dela esperam atrás, porque
//! a ordem das respostas é a dos pedidos.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use protocolo::{Error, Evento, Fato, Recusa, Resposta, Versao};

use crate::base::lotes::{Decisao, Lotes};
use crate::base::sincronia::Arc;
use crate::limites::{ESCRITA_PRAZO_MS, POR_DECIDIR_BYTES_MAX, SAIDA_BYTES_MAX, SAIDA_BYTES_QUIETA};
use crate::monitor::Dependencia;
use crate::sala::Vista;
use crate::tempo::instante::Instante;

/// Quanto o cliente pode demorar a ler o que já está pronto.
pub const ESCRITA_PRAZO: Duration = Duration::from_millis(ESCRITA_PRAZO_MS);

/// A saída de uma conexão.
#[derive(Debug, Default)]
pub struct Saida {
    /// O que já pode sair, em linhas, cada uma com o seu LF.
    pronto: String,
    /// Quanto do que está pronto já saiu.
    escritos: usize,
    /// Desde quando o que está pronto espera que o cliente leia: é o único prazo de quem não lê.
    parada_desde: Option<Instante>,
    /// O que ainda não pode sair.
    fila: VecDeque<Peca>,
    /// Quanto a fila ocupa, mais ou menos.
    fila_bytes: usize,
    /// Até onde se contou a quem observa, com o que está na fila; `None` se a conexão não observa.
    contado: Option<Versao>,
    /// O cliente não leu a tempo.
    cortada: bool,
}

/// O que um pedido leva da conexão à sala, e o que traz de lá com a resposta.
#[derive(Debug, Default)]
pub struct Caderno {
    /// De que lotes dependem as respostas de antes, e de qual depende esta.
    pub depende: Dependencia,
    /// O que quem observa já sabia, e o que precisa saber antes desta resposta.
    pub vista: Option<Vista>,
}

/// Uma resposta que espera na fila. É pequena: quem a escreve costuma ser outra thread, que a busca na memória de outro processador.
#[derive(Debug)]
struct Peca {
    resposta: Resposta,
    /// Só pode sair quando este lote estiver gravado; zero, se só espera as da frente.
    lote: u64,
    /// O que vem antes dela, se a conexão observa.
    aviso: Option<Box<Aviso>>,
}

/// Os eventos que vêm antes de uma resposta.
#[derive(Debug)]
struct Aviso {
    eventos: Vec<Evento>,
    /// Até onde se tinha contado, antes deles.
    contado: Versao,
}

impl Peca {
    /// Quantos bytes ocupa, mais ou menos: as respostas compridas são texto, ou fatos que cabem numa linha.
    fn bytes(&self) -> usize {
        let texto = match &self.resposta {
            Resposta::Ajuda(linhas) => linhas.iter().map(String::len).sum(),
            Resposta::Estado(pares) => pares.iter().map(|(nome, valor)| nome.len() + valor.len()).sum(),
            Resposta::Historico { fatos, .. } => fatos.len() * size_of::<Fato>(),
            Resposta::Recusado(recusa) => recusa.texto.len(),
            _ => 0,
        };
        size_of::<Self>() + texto + size_of_val(self.eventos())
    }

    fn eventos(&self) -> &[Evento] {
        self.aviso.as_ref().map_or(&[], |aviso| &aviso.eventos)
    }
}

/// As respostas que deixaram de valer porque o lote delas não pôde ser gravado.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Desfeitas {
    /// Quantas.
    pub quantas: usize,
    /// A versão a que a sala voltou.
    pub versao: Versao,
}

/// Como ficou a saída depois de escoar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Escoada {
    /// Tudo o que podia sair saiu.
    EmDia,
    /// Não coube tudo no socket.
    Parada,
    /// O cliente não leu a tempo: não há mais o que fazer por ele.
    Cortada,
}

impl Saida {
    /// Junta uma linha de dados da resposta que vem a seguir. Só quem ainda não fez pedido nenhum a recebe: não há nada na fila.
    pub fn avisar(&mut self, linha: &str) {
        self.pronto.push_str(linha);
        self.pronto.push('\n');
    }

    /// O que um pedido precisa saber desta conexão.
    #[inline]
    pub fn caderno(&self) -> Caderno {
        let vista = self.contado.map(|contado| Vista { contado, novidades: Vec::new() });
        Caderno { depende: Dependencia { antes: self.depende_de(), desta: 0 }, vista }
    }

    /// Junta a resposta de um pedido, depois dos eventos que ele trouxe.
    #[inline]
    pub fn responder(&mut self, resposta: Resposta, caderno: Caderno) {
        let Caderno { depende: Dependencia { desta: lote, .. }, vista } = caderno;
        let aviso = self.contado.as_mut().zip(vista).map(|(antes, vista)| {
            let contado = std::mem::replace(antes, vista.contado);
            Aviso { eventos: vista.novidades, contado }
        });
        if lote == 0 && self.fila.is_empty() {
            escrever(&mut self.pronto, aviso.as_ref().map_or(&[], |aviso| &aviso.eventos), &resposta);
        } else {
            let peca = Peca { resposta, lote, aviso: aviso.map(Box::new) };
            self.fila_bytes += peca.bytes();
            self.fila.push_back(peca);
        }
    }

    /// O último lote de que algo aqui depende; zero, se nada depende.
    pub fn depende_de(&self) -> u64 {
        // Quase sempre não há nada na fila.
        if self.fila.is_empty() {
            return 0;
        }
        self.fila.iter().rev().map(|peca| peca.lote).find(|lote| *lote > 0).unwrap_or(0)
    }

    /// Diz se é hora de escrever, mesmo que ainda haja pedidos por atender.
    pub fn cheia(&self) -> bool {
        self.pronto.len() >= SAIDA_BYTES_MAX || self.fila_bytes >= POR_DECIDIR_BYTES_MAX
    }

    /// Diz se a conexão observa a sala.
    pub const fn observa(&self) -> bool {
        self.contado.is_some()
    }

    /// A conexão passa a observar a partir da versão que a próxima resposta disser.
    pub const fn observar(&mut self) {
        self.contado = Some(Versao(0));
    }

    /// A conexão deixa de observar; diz se observava.
    pub const fn parar_de_observar(&mut self) -> bool {
        self.contado.take().is_some()
    }

    /// Diz se o cliente não leu a tempo.
    pub const fn cortada(&self) -> bool {
        self.cortada
    }

    /// O que já pode sair e ainda não saiu.
    pub fn por_escrever(&self) -> &[u8] {
        &self.pronto.as_bytes()[self.escritos..]
    }

    /// Saíram mais estes bytes do que está pronto.
    pub fn saiu(&mut self, bytes: usize) {
        self.escritos += bytes;
        if self.escritos == self.pronto.len() {
            self.parada_desde = None;
            self.escritos = 0;
            self.pronto.clear();
            // O que passa do costumeiro se devolve à memória.
            if self.pronto.capacity() > SAIDA_BYTES_QUIETA {
                self.pronto = String::new();
            }
        }
    }

    /// Cobra do cliente que leia o que está pronto: o prazo dele começa agora, se ainda não corre; se já acabou, a saída está cortada.
    /// Devolve quanto falta.
    pub fn cobrar(&mut self, agora: Instante) -> Duration {
        let desde = *self.parada_desde.get_or_insert(agora);
        let falta = ESCRITA_PRAZO.saturating_sub(agora.desde(desde));
        self.cortada |= falta.is_zero();
        falta
    }

    /// Passa para o que pode sair o que está na frente da fila e já se decidiu; a resposta que não pôde ser gravada passa a dizer isso.
    ///
    /// Erros: não se grava mais nada, e não se sabe o que responder.
    pub fn decidir<T>(&mut self, lotes: &Lotes<T>) -> io::Result<Option<Desfeitas>> {
        let mut desfeitas: Option<Desfeitas> = None;
        // Respostas vizinhas costumam depender do mesmo lote.
        let (mut de, mut decisao) = (0, Decisao::Gravado);
        while let Some(peca) = self.fila.front() {
            if peca.lote != de {
                let Some(nova) = lotes.decisao(peca.lote) else { break };
                (de, decisao) = (peca.lote, nova);
            }
            match decisao {
                Decisao::Gravado => escrever(&mut self.pronto, peca.eventos(), &peca.resposta),
                Decisao::Recusado(versao) => {
                    escrever(&mut self.pronto, &[], &Recusa::na_versao(Error::Indisponivel, versao).into());
                    if desfeitas.is_none() {
                        self.contar_de_novo();
                    }
                    desfeitas.get_or_insert(Desfeitas { quantas: 0, versao }).quantas += 1;
                }
                Decisao::Parou => return Err(io::Error::other("a sala não pode mais ser gravada")),
            }
            if let Some(saiu) = self.fila.pop_front() {
                self.fila_bytes -= saiu.bytes();
            }
        }
        Ok(desfeitas)
    }

    /// O que se ia contar da primeira da fila em diante talvez tenha sido desfeito: conta-se tudo de novo, desde antes dela.
    fn contar_de_novo(&mut self) {
        let antes = self.fila.front().and_then(|peca| peca.aviso.as_ref()).map(|aviso| aviso.contado);
        let Some(contado) = antes.filter(|_| self.contado.is_some()) else { return };
        for aviso in self.fila.iter_mut().filter_map(|peca| peca.aviso.as_mut()) {
            self.fila_bytes -= aviso.eventos.len() * size_of::<Evento>();
            **aviso = Aviso { eventos: Vec::new(), contado };
        }
        self.contado = Some(contado);
    }

    /// Manda tudo o que pode sair, sem esperar por ninguém: o que está pronto, o que já se decidiu, e, se não falta mais nada, o que a
    /// conexão observa e ainda não sabe. Só se compõe mais quando o que estava pronto saiu: quem não lê não custa mais memória.
    ///
    /// `contar` diz o que há depois de uma versão, e até onde; `enviar`, quantos bytes couberam. Erros: a conexão caiu, ou não se sabe o
    /// que responder.
    pub fn escoar<T>(
        &mut self,
        lotes: &Lotes<T>,
        mut contar: impl FnMut(Versao) -> Option<(Versao, Arc<str>)>,
        mut enviar: impl FnMut(&[u8]) -> io::Result<usize>,
        agora: impl Fn() -> Instante,
    ) -> io::Result<(Escoada, Option<Desfeitas>)> {
        let mut desfeitas = None;
        loop {
            if self.pronto.is_empty() {
                let mais = self.decidir(lotes)?;
                desfeitas = desfeitas.or(mais);
                if self.pronto.is_empty() && self.fila.is_empty() {
                    self.compor_eventos(&mut contar);
                }
                if self.pronto.is_empty() {
                    return Ok((Escoada::EmDia, desfeitas));
                }
            }
            let escritos = enviar(self.por_escrever())?;
            self.saiu(escritos);
            if !self.pronto.is_empty() {
                let acabou = self.cobrar(agora()).is_zero();
                return Ok((if acabou { Escoada::Cortada } else { Escoada::Parada }, desfeitas));
            }
        }
    }

    fn compor_eventos(&mut self, contar: &mut impl FnMut(Versao) -> Option<(Versao, Arc<str>)>) {
        let Some(contado) = &mut self.contado else { return };
        if let Some((ate, texto)) = contar(*contado) {
            *contado = ate;
            self.pronto.push_str(&texto);
        }
    }
}

/// Escreve os eventos e, depois deles, a resposta.
fn escrever(texto: &mut String, eventos: &[Evento], resposta: &Resposta) {
    escrever_eventos(texto, eventos);
    // Escrever numa String não falha.
    let _ = resposta.escrever(texto);
    texto.push('\n');
}

/// Escreve uma linha por evento.
pub fn escrever_eventos(texto: &mut String, eventos: &[Evento]) {
    for evento in eventos {
        // Escrever numa String não falha.
        let _ = writeln!(texto, "{evento}");
    }
}
