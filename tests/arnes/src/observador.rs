//! Quem observa a sala: separa os eventos das respostas, soma-os e confere que a soma diz sempre a verdade.
//!
//! Usa os tipos do protocolo para ler o que vem, mas não conhece as regras da sala: só as do que se conta a quem
//! observa.

use std::collections::BTreeMap;

use protocolo::limites::EVENTOS_MAX;
use protocolo::{Assento, Assentos, ClientId, Error, Evento, Mudanca, Quadro, Recusa, Versao};

use crate::terminal::{Resposta, Terminal};

/// De quem é um assento, e como.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Posse {
    /// `None`: de alguém que não se sabe quem é, porque já o tinha quando se começou a observar.
    dono: Option<ClientId>,
    firme: bool,
}

/// Os eventos somados: a sala como quem observa a conhece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Soma {
    versao: u64,
    /// A versão que se conhecia antes da última linha de número novo.
    antes: u64,
    /// Já se sabe que nada mais vem com o número `versao`.
    fechada: bool,
    /// Os assentos já ditos com o número `versao`.
    ditos: Assentos,
    /// De quem é cada assento; `None` enquanto não se viu a sala inteira.
    posses: Option<BTreeMap<Assento, Posse>>,
}

impl Soma {
    /// O que sabe quem começa a observar nesta versão: só na zero se sabe que a sala está vazia.
    pub fn desde(versao: u64) -> Self {
        let posses = (versao == 0).then(BTreeMap::new);
        Self { versao, antes: versao, fechada: true, ditos: Assentos::NENHUM, posses }
    }

    /// A versão da última linha.
    pub const fn versao(&self) -> u64 {
        self.versao
    }

    /// Junta um evento.
    ///
    /// Erros: ele não podia vir, e por quê.
    pub fn somar(&mut self, evento: &Evento) -> Result<(), String> {
        let Evento { versao: Versao(versao), assentos, .. } = *evento;
        let mesma = versao == self.versao;
        let repetidos = assentos & self.ditos;
        let culpa = if versao < self.versao || mesma && self.fechada {
            "essa versão já estava contada"
        } else if assentos.is_empty() {
            "não muda nada"
        } else if mesma && versao == self.antes + 1 {
            "uma mudança só, em duas linhas"
        } else if mesma && !repetidos.is_empty() {
            "um assento duas vezes com o mesmo número"
        } else if versao > self.versao + 1 && versao - self.versao <= EVENTOS_MAX as u64 {
            "pulou mudanças que ainda se contam uma a uma"
        } else {
            ""
        };
        if !culpa.is_empty() {
            return Err(format!("{culpa}: {evento}, depois da versão {}", self.versao));
        }
        if !mesma {
            (self.antes, self.versao, self.fechada, self.ditos) =
                (self.versao, versao, false, Assentos::NENHUM);
        }
        self.ditos |= assentos;
        let exata = versao == self.antes + 1;
        let Some(posses) = &mut self.posses else { return Ok(()) };
        assentos.iter().try_for_each(|assento| aplicar(posses, assento, evento, exata))
    }

    /// Uma resposta com esta versão chegou: tudo até ela já foi dito, e nada depois dela.
    ///
    /// Erros: algo de depois já tinha sido dito.
    pub fn fechar(&mut self, versao: u64) -> Result<(), String> {
        if versao < self.versao {
            return Err(format!("veio o evento {} antes de uma resposta de versão {versao}", self.versao));
        }
        if versao > self.versao {
            // Tantas mudanças que, somadas, não mudaram nada: só assim uma versão passa sem uma linha.
            if versao - self.versao <= EVENTOS_MAX as u64 {
                return Err(format!("depois do evento {} faltam os que vão até {versao}", self.versao));
            }
            (self.antes, self.versao, self.ditos) = (versao, versao, Assentos::NENHUM);
        }
        self.fechada = true;
        Ok(())
    }

    /// A sala toda, como a vê `cliente`.
    fn ver(&mut self, cliente: ClientId, quadro: &Quadro) {
        let posse = |assento| Posse {
            dono: quadro.seus.contem(assento).then_some(cliente),
            firme: quadro.ocupados.contem(assento),
        };
        self.posses = Some((!quadro.livres()).iter().map(|assento| (assento, posse(assento))).collect());
    }

    /// O retrato da sala para `cliente`; `None` se ainda não se sabe.
    pub fn quadro(&self, cliente: ClientId) -> Option<Quadro> {
        let posses = self.posses.as_ref()?;
        let quais = |cabe: &dyn Fn(&Posse) -> bool| {
            posses.iter().filter(|(_, posse)| cabe(posse)).map(|(assento, _)| *assento).collect()
        };
        Some(Quadro {
            segurados: quais(&|posse| !posse.firme),
            ocupados: quais(&|posse| posse.firme),
            seus: quais(&|posse| posse.dono == Some(cliente)),
        })
    }

    /// Diz se esta resposta, dada a `cliente`, é verdadeira na sala que se conhece.
    pub fn confirma(&self, cliente: ClientId, resposta: &protocolo::Resposta) -> bool {
        use protocolo::Resposta;
        let Some(posses) = &self.posses else { return true };
        let posse = |assento: &Assento| posses.get(assento).copied();
        let de = |assento: &Assento| posse(assento).filter(|p| p.dono == Some(cliente));
        let todos = |assentos: &Assentos, cabe: &dyn Fn(&Assento) -> bool| assentos.iter().all(|a| cabe(&a));
        let firme = |a: &Assento| de(a).is_some_and(|p| p.firme);
        let segurado = |a: &Assento| de(a).is_some_and(|p| !p.firme);
        let alheio = |a: &Assento| posse(a).is_some() && de(a).is_none();
        match resposta {
            Resposta::Reservado { assentos, ocupados, .. } => {
                todos(assentos, &firme) && todos(ocupados, &alheio)
            }
            Resposta::Segurado { assentos, .. } => todos(assentos, &segurado),
            Resposta::Confirmado { assentos, .. } => todos(assentos, &firme),
            Resposta::Cancelado { assentos, .. } => todos(assentos, &|a| posse(a).is_none()),
            Resposta::Listado { quadro, .. } | Resposta::Mapa { quadro, .. } => {
                self.quadro(cliente).as_ref() == Some(quadro)
            }
            Resposta::Recusado(Recusa { erro, .. }) => match erro {
                Error::Ocupado(assentos) => todos(assentos, &alheio),
                Error::Insuficiente { livres } => posses.len() + *livres as usize == Assento::todos().count(),
                Error::JaReservado(assentos) => todos(assentos, &firme),
                Error::NaoSegurado(nenhum) if nenhum.is_empty() => !Assento::todos().any(|a| segurado(&a)),
                Error::NaoSegurado(assentos) => todos(assentos, &|a| !segurado(a)),
                Error::NaoESeu(assentos) => todos(assentos, &|a| de(a).is_none()),
                _ => true,
            },
            _ => true,
        }
    }
}

/// Faz a um assento o que o evento diz; se `exata`, é uma mudança só, e tem de ser possível.
fn aplicar(
    posses: &mut BTreeMap<Assento, Posse>,
    assento: Assento,
    evento: &Evento,
    exata: bool,
) -> Result<(), String> {
    let nova = match evento.mudanca {
        Mudanca::Reservado(dono) => Some(Posse { dono: Some(dono), firme: true }),
        Mudanca::Segurado(dono) => Some(Posse { dono: Some(dono), firme: false }),
        Mudanca::Livre => None,
    };
    let antes = match nova {
        Some(posse) => posses.insert(assento, posse),
        None => posses.remove(&assento),
    };
    let possivel = match (antes, nova) {
        (None, nova) => nova.is_some(),
        (Some(_), None) => true,
        // Sem passar por livre, um assento não muda de dono.
        (Some(antes), Some(nova)) => {
            antes.firme != nova.firme && (antes.dono.is_none() || antes.dono == nova.dono)
        }
    };
    if exata && !possivel {
        return Err(format!("o assento {assento} passou de {antes:?} a {nova:?}: {evento}"));
    }
    Ok(())
}

/// O que se ouve de uma vez.
enum Ouvido {
    Evento(Evento),
    Resposta(Resposta),
}

/// Um cliente que observa. Cada linha que lê é conferida, e ele entra em pânico na primeira que não podia vir.
#[derive(Debug)]
pub struct Observador {
    terminal: Terminal,
    cliente: ClientId,
    observa: bool,
    soma: Soma,
    /// Todos os eventos, na ordem em que vieram.
    pub eventos: Vec<Evento>,
    /// Quantas vezes várias mudanças vieram já somadas.
    pub saltos: usize,
}

impl Observador {
    /// Este cliente passa a observar; se a sala já mudou, lista-a para saber de onde parte.
    #[track_caller]
    pub fn new(terminal: Terminal) -> Self {
        let cliente = ClientId::new(terminal.cliente).expect("quem observa já leu a saudação");
        let soma = Soma::desde(0);
        let mut novo = Self { terminal, cliente, observa: false, soma, eventos: Vec::new(), saltos: 0 };
        novo.observar();
        novo
    }

    /// Pede para observar e, se preciso, lista a sala para saber de onde parte.
    #[track_caller]
    pub fn observar(&mut self) {
        let fim = self.pedir("OBSERVAR");
        assert!(fim.starts_with("OK OBSERVANDO versao="), "{fim}");
        if self.soma.posses.is_none() {
            self.pedir("LISTAR");
        }
    }

    /// A sala como ele a conhece.
    pub const fn soma(&self) -> &Soma {
        &self.soma
    }

    /// A conexão.
    pub const fn terminal(&mut self) -> &mut Terminal {
        &mut self.terminal
    }

    /// Some com um RST.
    #[track_caller]
    pub fn cair(self) {
        self.terminal.cair();
    }

    /// Manda uma linha; o LF é posto aqui.
    #[track_caller]
    pub fn enviar(&self, linha: &str) {
        self.terminal.enviar(linha);
    }

    /// O próximo evento; o que vier antes dele não pode ser uma resposta.
    #[track_caller]
    pub fn ler_evento(&mut self) -> Evento {
        match self.ouvir() {
            Ouvido::Evento(evento) => evento,
            Ouvido::Resposta(resposta) => panic!("esperava um evento, e veio {resposta:?}"),
        }
    }

    /// Confere que os próximos eventos são estes.
    #[track_caller]
    pub fn espera_eventos(&mut self, eventos: &[&str]) {
        for esperado in eventos {
            assert_eq!(self.ler_evento().to_string(), *esperado);
        }
    }

    /// Lê eventos até esta versão.
    #[track_caller]
    pub fn ate(&mut self, versao: u64) {
        while self.soma.versao < versao {
            self.ler_evento();
        }
    }

    /// A próxima resposta inteira, somando os eventos que vierem antes. O que ela diz da sala é conferido.
    #[track_caller]
    pub fn ler_resposta(&mut self) -> Resposta {
        let resposta = self.ler_resposta_de_espera();
        if let Err(culpa) = self.conferir(&resposta) {
            panic!("[{}] {culpa}: {resposta:?}\nno fim de {:?}", self.cliente, self.ultimos());
        }
        resposta
    }

    /// Como [`Observador::ler_resposta`], mas a resposta pode ser de uma versão anterior à dos eventos já lidos.
    #[track_caller]
    pub fn ler_resposta_de_espera(&mut self) -> Resposta {
        loop {
            if let Ouvido::Resposta(resposta) = self.ouvir() {
                return resposta;
            }
        }
    }

    /// Manda uma linha e lê a resposta; devolve a linha final.
    #[track_caller]
    pub fn pedir(&mut self, linha: &str) -> String {
        self.pedir_tudo(linha).fim
    }

    /// Manda uma linha e lê a resposta inteira.
    #[track_caller]
    pub fn pedir_tudo(&mut self, linha: &str) -> Resposta {
        self.enviar(linha);
        self.ler_resposta()
    }

    /// Lê até a primeira linha que anuncia uma coisa inteira.
    #[track_caller]
    fn ouvir(&mut self) -> Ouvido {
        let mut dados = Vec::new();
        loop {
            let linha = self.terminal.ler_linha();
            if protocolo::e_final(&linha) {
                return Ouvido::Resposta(Resposta { dados, fim: linha });
            }
            if Evento::e_evento(&linha) {
                assert!(dados.is_empty(), "um evento dentro de uma resposta: {linha:?}, depois de {dados:?}");
                return Ouvido::Evento(self.somar(&linha));
            }
            dados.push(linha);
        }
    }

    #[track_caller]
    fn somar(&mut self, linha: &str) -> Evento {
        assert!(self.observa, "um evento para quem não observa: {linha}");
        let evento: Evento = linha.parse().unwrap_or_else(|erro| panic!("{erro}"));
        assert_eq!(evento.to_string(), linha, "um evento escrito de outro jeito");
        let antes = self.soma.versao;
        if let Err(culpa) = self.soma.somar(&evento) {
            panic!("[{}] {culpa}\nno fim de {:?}", self.cliente, self.ultimos());
        }
        self.saltos += usize::from(self.soma.versao > antes + 1);
        self.eventos.push(evento);
        evento
    }

    /// Confere uma resposta com o que se sabe, e aprende com ela.
    fn conferir(&mut self, resposta: &Resposta) -> Result<(), String> {
        let lida = resposta.ler()?;
        match &lida {
            protocolo::Resposta::Observando { versao } if !self.observa => {
                self.observa = true;
                self.soma = Soma::desde(versao.0);
            }
            protocolo::Resposta::Parado => self.observa = false,
            protocolo::Resposta::Retomado(cliente) => self.cliente = *cliente,
            _ => {}
        }
        let Some(Versao(versao)) = lida.versao().filter(|_| self.observa) else { return Ok(()) };
        self.soma.fechar(versao)?;
        if !self.soma.confirma(self.cliente, &lida) {
            return Err(format!("não combina com a soma dos eventos, {:?}", self.soma.quadro(self.cliente)));
        }
        if let (None, protocolo::Resposta::Listado { quadro, .. }) = (&self.soma.posses, &lida) {
            self.soma.ver(self.cliente, quadro);
        }
        Ok(())
    }

    /// Os últimos eventos, para mostrar numa falha.
    fn ultimos(&self) -> Vec<String> {
        let fim = self.eventos.len().saturating_sub(5);
        self.eventos[fim..].iter().map(Evento::to_string).collect()
    }
}
