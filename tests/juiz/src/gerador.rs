//! Histórias verdadeiras, sorteadas: para os testes do juiz e para medir quanto ele demora.
//!
//! Uma sala do servidor, uma operação por vez, num relógio de mentira; em volta dela, clientes cujos pedidos se cruzam, caem,
//! esperam e observam. É o único módulo do juiz que usa a crate `servidor`, e só para dizer a verdade: o que ele gera o juiz,
//! que não a conhece, tem de absolver. A mesma semente dá a mesma história.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use protocolo::{ClientId, Comando, ComandoToken, Recusa, Resposta};
use servidor::sala::quem::Requerente;
use servidor::sala::{Aguardado, Entrega, Epoca, Sala, Veredito, Vista};
use servidor::tempo::instante::Instante;

use crate::historia::{Conversa, Historia, Troca, Visto};
use arnes::Sorteio;

mod pedidos;

/// Que história se quer.
#[derive(Clone, Copy, Debug)]
pub struct Opcoes {
    /// A mesma dá a mesma história.
    pub semente: u64,
    /// Quantas conexões.
    pub clientes: usize,
    /// Quantos pedidos cada uma faz.
    pub trocas: usize,
    /// Quantos assentos se disputam, do 1 a este.
    pub assentos: u8,
    /// Quantas conexões observam.
    pub observadores: usize,
    /// Uma em quantas vezes se contam as novidades a quem observa.
    pub leitura: u64,
    /// Quantas conexões não entram na história: outras pessoas.
    pub estranhos: usize,
    /// Quantas conexões caem no meio.
    pub quedas: usize,
    /// Se se segura, se espera e se disputa o token; senão, só se reserva, se devolve e se lista.
    pub completa: bool,
    /// Quanto tempo passa, em média, entre dois pedidos de uma conexão, em microssegundos.
    pub passo_us: u64,
    /// Quantos assentos cada um pode ter.
    pub cota: u32,
}

impl Default for Opcoes {
    fn default() -> Self {
        Self {
            semente: 1,
            clientes: 5,
            trocas: 40,
            assentos: 12,
            observadores: 1,
            leitura: 3,
            estranhos: 0,
            quedas: 0,
            completa: true,
            passo_us: 60_000,
            cota: 100,
        }
    }
}

/// Uma conexão, do lado de fora.
struct Cliente {
    id: ClientId,
    conversa: Conversa,
    /// O pedido que está no ar.
    pedido: Option<(Comando, u64)>,
    faltam: usize,
    observa: Option<Vista>,
    /// A última cerca que ouviu.
    cerca: u64,
    /// Quando chegou a última coisa.
    ouvido: u64,
    /// Quando executou a última.
    feito: u64,
    /// Vai cair: o último pedido fica sem resposta.
    cai: bool,
    morto: bool,
}

struct Geracao {
    sala: Sala,
    sorteio: Sorteio,
    opcoes: Opcoes,
    clientes: Vec<Cliente>,
    /// Quando cada um executa o pedido que está no ar.
    agenda: BinaryHeap<Reverse<(u64, usize)>>,
    agora: u64,
}

/// Gera uma história verdadeira.
pub fn gerar(opcoes: &Opcoes) -> Historia {
    let total = opcoes.clientes + opcoes.estranhos;
    let cliente = |i: usize| Cliente {
        id: ClientId::new(i as u64 + 1).expect("não é zero"),
        conversa: Conversa {
            cliente: ClientId::new(i as u64 + 1).expect("não é zero"),
            trocas: Vec::with_capacity(opcoes.trocas + 1),
            eventos: Vec::new(),
            sobras: Vec::new(),
        },
        pedido: None,
        faltam: opcoes.trocas,
        observa: None,
        cerca: 0,
        ouvido: 0,
        feito: 0,
        cai: i >= opcoes.observadores && i < opcoes.observadores + opcoes.quedas,
        morto: false,
    };
    let mut geracao = Geracao {
        sala: Sala::new(opcoes.cota),
        sorteio: Sorteio::com(opcoes.semente),
        opcoes: *opcoes,
        clientes: (0..total).map(cliente).collect(),
        agenda: BinaryHeap::new(),
        agora: 0,
    };
    geracao.correr();
    let conversas = geracao.clientes.into_iter().take(opcoes.clientes).map(|cliente| cliente.conversa);
    Historia { conversas: conversas.collect(), sozinha: opcoes.estranhos == 0 }
}

impl Geracao {
    fn correr(&mut self) {
        for i in 0..self.clientes.len() {
            if i < self.opcoes.observadores {
                self.mandar(i, Comando::Observar, 0);
            } else {
                self.proximo(i);
            }
        }
        while self.passo() {}
        // Ninguém mais está à espera: cada um lista a sala.
        self.agora =
            self.clientes.iter().map(|cliente| cliente.ouvido).max().unwrap_or(0).max(self.agora) + 1;
        for i in (0..self.clientes.len()).filter(|i| !self.clientes[*i].morto).collect::<Vec<_>>() {
            self.clientes[i].pedido = Some((Comando::Listar, self.agora));
            self.agora += 1000;
            self.executar(i);
        }
        let _ = self.sala.tirar_diario();
    }

    /// A próxima coisa que acontece: um prazo que vence, ou um pedido que chega. `false`: não há mais nada a fazer.
    fn passo(&mut self) -> bool {
        let chega = self.agenda.peek().map(|Reverse((quando, _))| *quando);
        let esperam = self.clientes.iter().any(|cliente| cliente.pedido.is_some() && !cliente.morto);
        let vence = self.sala.proximo_vencimento().map(nanos);
        match (vence, chega) {
            (Some(vence), chega) if esperam && chega.is_none_or(|chega| vence <= chega) => {
                self.agora = self.agora.max(vence);
                self.sala.vencer(instante(self.agora));
                self.entregar();
                true
            }
            (_, Some(chega)) => {
                self.agora = self.agora.max(chega);
                if let Some(Reverse((_, i))) = self.agenda.pop() {
                    self.executar(i);
                }
                true
            }
            _ => false,
        }
    }

    /// O pedido do cliente chega à sala.
    fn executar(&mut self, i: usize) {
        if self.clientes[i].morto {
            return;
        }
        let Some((pedido, _)) = self.clientes[i].pedido.clone() else { return };
        self.clientes[i].feito = self.agora;
        let cai = self.clientes[i].cai && self.clientes[i].faltam == 0;
        if cai && self.sorteio.ate(2) == 1 {
            // Caiu antes de o pedido chegar.
            self.morrer(i);
            return;
        }
        if let Some(resposta) = self.fazer(i, &pedido) {
            if cai {
                self.morrer(i);
            } else {
                self.responder(i, resposta);
            }
        }
        self.entregar();
        self.contar();
        if self.sala.por_gravar() > 1000 {
            let _ = self.sala.tirar_diario();
        }
    }

    fn morrer(&mut self, i: usize) {
        let cliente = &mut self.clientes[i];
        cliente.morto = true;
        if let Some((pedido, enviado)) = cliente.pedido.take() {
            let (enviado, ouvido) = (Duration::from_nanos(enviado), Duration::from_nanos(self.agora + 1000));
            cliente.conversa.trocas.push(Troca { pedido, enviado, ouvido, resposta: None });
        }
        let (agora, id) = (instante(self.agora), cliente.id);
        self.sala.token().partir(agora, id);
        self.sala.desistir_de_aguardar(id);
        self.entregar();
    }

    /// A operação, na sala; `None`: espera.
    fn fazer(&mut self, i: usize, pedido: &Comando) -> Option<Resposta> {
        let (agora, id) = (instante(self.agora), self.clientes[i].id);
        let quem = Requerente { cliente: id, conexao: id };
        let com_cerca = super::par::cerca(pedido);
        if let Some(Err(negado)) = com_cerca.map(|cerca| self.sala.exigir_cerca(agora, id, cerca)) {
            return Some(resposta(Err(negado)));
        }
        let sala = &mut self.sala;
        Some(resposta(match pedido {
            Comando::Reservar { pedido, .. } => sala.reservar(agora, id, *pedido),
            Comando::Segurar { escolha, por } => sala.segurar(agora, id, *escolha, *por),
            Comando::Confirmar(quais) => sala.confirmar(agora, id, *quais),
            Comando::Cancelar { alvo, .. } => sala.cancelar(agora, id, *alvo),
            Comando::Aguardar { escolha, ate } => match sala.aguardar(agora, quem, *escolha, *ate) {
                Ok(Aguardado::NaFila(_)) => return None,
                Ok(Aguardado::Atendido(resposta)) => Ok(resposta),
                Err(negado) => Err(negado),
            },
            Comando::Token(ComandoToken::Solicitar { por, ate }) => {
                match sala.token().solicitar(agora, quem, *por, *ate) {
                    Ok(Aguardado::NaFila(_)) => return None,
                    Ok(Aguardado::Atendido(resposta)) => Ok(resposta),
                    Err(erro) => Err(erro.into()),
                }
            }
            Comando::Token(ComandoToken::Liberar) => sala.token().liberar(agora, id).map_err(Into::into),
            Comando::Token(ComandoToken::Estado) => Ok(sala.token().estado(agora)),
            Comando::Observar => {
                let (_, versao) = sala.quadro(agora, None, Epoca::Agora);
                self.clientes[i].observa = Some(Vista { contado: versao, novidades: Vec::new() });
                Ok(Resposta::Observando { versao })
            }
            Comando::Listar => {
                let (quadro, versao) = sala.quadro(agora, Some(id), Epoca::Agora);
                Ok(Resposta::Listado { quadro, versao })
            }
            _ => Ok(Resposta::Pong),
        }))
    }

    /// A resposta chega, depois dos eventos até ela; e sai o pedido seguinte.
    fn responder(&mut self, i: usize, resposta: Resposta) {
        self.mostrar(i);
        let demora = self.sorteio.ate(2 * self.opcoes.passo_us * 1000 / 4);
        let cliente = &mut self.clientes[i];
        let Some((pedido, enviado)) = cliente.pedido.take() else { return };
        if let Resposta::TokenConcedido { cerca, .. } = resposta {
            cliente.cerca = cerca.0;
        }
        cliente.ouvido = cliente.ouvido.max(self.agora + demora);
        let (de, ate) = (Duration::from_nanos(enviado), Duration::from_nanos(cliente.ouvido));
        cliente.conversa.trocas.push(Troca { pedido, enviado: de, ouvido: ate, resposta: Some(resposta) });
        if cliente.faltam > 0 {
            self.proximo(i);
        }
    }

    fn proximo(&mut self, i: usize) {
        self.clientes[i].faltam = self.clientes[i].faltam.saturating_sub(1);
        let pedido = pedidos::sortear(&mut self.sorteio, &self.opcoes, self.clientes[i].cerca);
        // Às vezes o pedido sai antes de se ouvir a resposta do anterior.
        let ultimo = self.clientes[i].conversa.trocas.last().map_or(0, |t| t.enviado.as_nanos() as u64);
        let junto = self.sorteio.ate(5) == 1;
        let base = if junto { ultimo } else { self.clientes[i].ouvido + 1 };
        self.mandar(i, pedido, base);
    }

    fn mandar(&mut self, i: usize, pedido: Comando, base: u64) {
        let passo = self.opcoes.passo_us * 1000;
        let enviado = base + self.sorteio.ate(passo);
        self.clientes[i].pedido = Some((pedido, enviado));
        let executa = (enviado + self.sorteio.ate(passo)).max(self.clientes[i].feito).max(self.agora);
        self.agenda.push(Reverse((executa, i)));
    }

    /// O que chegou a quem esperava.
    fn entregar(&mut self) {
        loop {
            self.sala.atender_fila();
            let entregas = self.sala.tirar_entregas();
            if entregas.is_empty() {
                return;
            }
            for Entrega { conexao, resultado, concessao } in entregas {
                let i = conexao.numero() as usize - 1;
                self.clientes[i].feito = self.agora;
                if self.clientes[i].cai && self.clientes[i].faltam == 0 {
                    let quem = Requerente { cliente: conexao, conexao };
                    self.sala.devolver(instante(self.agora), quem, concessao);
                    self.morrer(i);
                } else {
                    self.responder(i, resposta(resultado));
                }
            }
        }
    }

    /// De vez em quando, contam-se as novidades a quem observa.
    fn contar(&mut self) {
        for i in 0..self.opcoes.observadores {
            if self.sorteio.ate(self.opcoes.leitura) == 1 {
                self.mostrar(i);
            }
        }
    }

    fn mostrar(&mut self, i: usize) {
        let cliente = &mut self.clientes[i];
        let Some(vista) = &mut cliente.observa else { return };
        self.sala.mostrar(vista, Epoca::Agora);
        cliente.ouvido = cliente.ouvido.max(self.agora + 1000);
        let ouvido = Duration::from_nanos(cliente.ouvido);
        let depois_de = cliente.conversa.trocas.len();
        let vistos = vista.novidades.drain(..).map(|evento| Visto { evento, ouvido, depois_de });
        cliente.conversa.eventos.extend(vistos);
    }
}

fn instante(nanos: u64) -> Instante {
    Instante::depois_do_comeco(Duration::from_nanos(nanos))
}

fn nanos(instante: Instante) -> u64 {
    u64::try_from(instante.desde(Instante::default()).as_nanos()).unwrap_or(u64::MAX)
}

fn resposta(veredito: Veredito) -> Resposta {
    veredito.unwrap_or_else(|negado| {
        Recusa { erro: negado.erro, versao: negado.versao, texto: String::new() }.into()
    })
}
