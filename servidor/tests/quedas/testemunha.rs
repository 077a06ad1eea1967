//! A testemunha: compara o que está no disco com o que se respondeu, de queda em queda.
//!
//! Não julga uma história, o que é do juiz: confere que o arquivo conta a mesma. Tem uma sala sua, que nunca cai. Depois de cada
//! queda lê do disco as mudanças que ainda não viu e procura quem pediu cada uma: um pedido respondido, com aquela versão e aquelas
//! palavras, ou um que ficou sem resposta. Refaz o pedido na sua sala, e tem de dar a mesma mudança, inteira. Toda outra resposta
//! tem de ser a que a sua sala daria naquela versão.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;

use protocolo::{Assento, Assentos, ClientId, Comando, Evento, Mudanca, Recusa, Resposta, Versao};
use rusqlite::{Connection, OpenFlags};
use servidor::sala::registro::Novidade;
use servidor::sala::{Epoca, Negado, Sala};
use servidor::tempo::instante::Instante;
use servidor::tempo::momento::Momento;

use crate::conversa::{Pedido, Persona};
use arnes::terminal::{Terminal, valor};

/// Uma linha da história, como está no disco.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fato {
    versao: u64,
    assento: u8,
    quando: String,
    cliente: u64,
    acontecimento: String,
}

/// O que se sabe do servidor, de queda em queda.
pub struct Testemunha {
    sala: Sala,
    /// A história inteira, como foi lida da primeira vez.
    historia: Vec<Fato>,
    /// O maior número de cliente que se viu.
    pub ultimo_cliente: u64,
    /// Todas as chaves que se deram.
    chaves: BTreeMap<u64, String>,
    /// A maior cerca e o contador, depois da última queda.
    cerca: u64,
    contador: u64,
    /// Quantas mudanças eram de um pedido que ficou sem resposta.
    pub sem_resposta: usize,
}

impl Testemunha {
    pub fn new() -> Self {
        Self {
            sala: Sala::na_memoria(100, Momento(0)),
            historia: Vec::new(),
            ultimo_cliente: 0,
            chaves: BTreeMap::new(),
            cerca: 0,
            contador: 0,
            sem_resposta: 0,
        }
    }

    /// Quantas mudanças a sala teve.
    pub fn versao(&self) -> u64 {
        self.sala.versao().0
    }

    /// O servidor voltou, e está em `endereco`: confere tudo o que se pediu desde a última vez.
    #[track_caller]
    pub fn conferir(&mut self, banco: &Path, endereco: SocketAddr, personas: &mut [Persona]) {
        let conexao = olhar(banco);
        self.seguir(&conexao, personas);
        self.conferir_nomes(&conexao, personas);
        drop(conexao);
        self.conferir_numeros(personas);
        self.conferir_ao_vivo(endereco, personas);
        personas.iter_mut().for_each(|persona| {
            persona.pedidos.clear();
            persona.novos.clear();
        });
    }

    /// A história inteira é a que sempre se leu.
    #[track_caller]
    pub fn conferir_historia(&self, banco: &Path) {
        let conexao = olhar(banco);
        assert!(ler(&conexao, 0) == self.historia, "a história mudou depois de lida");
        let horas: Vec<&String> = self.historia.iter().map(|fato| &fato.quando).collect();
        assert!(horas.is_sorted(), "a hora andou para trás");
    }

    /// Refaz as mudanças que ainda não viu.
    fn seguir(&mut self, conexao: &Connection, personas: &[Persona]) {
        let novos = ler(conexao, self.versao());
        let mut por_versao = BTreeMap::<u64, Vec<Fato>>::new();
        novos.iter().for_each(|fato| por_versao.entry(fato.versao).or_default().push(fato.clone()));
        let mut respondidos = HashMap::<u64, Vec<&Pedido>>::new();
        for pedido in personas.iter().flat_map(|persona| &persona.pedidos) {
            if let Some(versao) = versao_da_resposta(pedido) {
                respondidos.entry(versao).or_default().push(pedido);
            }
        }
        let mut filas: Vec<VecDeque<&Pedido>> = personas
            .iter()
            .map(|persona| persona.pedidos.iter().filter(|pedido| pedido.resposta.is_none()).collect())
            .collect();
        self.conferir_respostas(respondidos.remove(&self.versao()).unwrap_or_default(), None);
        for (versao, fatos) in por_versao {
            assert_eq!(versao, self.versao() + 1, "as versões não têm buracos");
            let respondidos = respondidos.remove(&versao).unwrap_or_default();
            let causa = self.explicar(&fatos, &respondidos, &mut filas);
            self.conferir_respostas(respondidos, causa);
        }
        assert!(respondidos.is_empty(), "respondido, e perdido na versão {}: {respondidos:?}", self.versao());
        assert_eq!(numero_do_servidor(conexao, "versao"), self.versao());
        self.historia.extend(novos);
    }

    /// Acha o pedido que fez esta mudança e o refaz na sala; devolve ele, se foi respondido.
    fn explicar<'a>(
        &mut self,
        fatos: &[Fato],
        respondidos: &[&'a Pedido],
        filas: &mut [VecDeque<&'a Pedido>],
    ) -> Option<&'a Pedido> {
        let cliente = fatos[0].cliente;
        let evento = evento_de(fatos);
        for pedido in respondidos.iter().filter(|pedido| pedido.cliente == cliente) {
            if let Some((depois, disse)) = self.refazer(pedido, &evento) {
                assert_eq!(Some(disse), texto(pedido), "{pedido:?}");
                self.sala = depois;
                return Some(pedido);
            }
        }
        let fila = filas.iter_mut().find(|fila| fila.iter().any(|pedido| pedido.cliente == cliente));
        // Os que vêm antes dele na fila foram recusados, ou não mudaram nada.
        if let Some(fila) = fila {
            while let Some(pedido) = fila.pop_front() {
                if let Some((depois, _)) = self.refazer(pedido, &evento) {
                    self.sala = depois;
                    self.sem_resposta += 1;
                    return None;
                }
            }
        }
        panic!("ninguém pediu {evento} assim, inteiro: {fatos:?}");
    }

    /// A sala depois do pedido, e a resposta, se ele faz exatamente esta mudança.
    fn refazer(&self, pedido: &Pedido, evento: &Evento) -> Option<(Sala, String)> {
        let mut depois = self.sala.clone();
        let disse = fazer(&mut depois, pedido)?;
        let novidades = depois.tirar_diario();
        let fez = novidades.iter().any(
            |registro| matches!(&registro.novidade, Novidade::Assentos { evento: feito, .. } if feito == evento),
        );
        fez.then_some((depois, disse))
    }

    /// Cada resposta é a que a sala daria agora; a `causa` já foi conferida.
    fn conferir_respostas(&self, respondidos: Vec<&Pedido>, causa: Option<&Pedido>) {
        for pedido in respondidos {
            if causa.is_some_and(|causa| std::ptr::eq(causa, pedido)) {
                continue;
            }
            let mut copia = self.sala.clone();
            assert_eq!(fazer(&mut copia, pedido), texto(pedido), "na versão {}: {pedido:?}", self.versao());
            assert_eq!(copia.versao(), self.sala.versao(), "já estava feito: {pedido:?}");
        }
    }

    /// O nome de quem tem assentos é o último que ele deu, ou um que ficou sem resposta.
    fn conferir_nomes(&self, conexao: &Connection, personas: &mut [Persona]) {
        for persona in personas {
            let Some(cliente) = ClientId::new(persona.cliente) else { continue };
            let sql = "SELECT nome FROM clientes WHERE cliente = ?1";
            let nome = conexao
                .query_row(sql, [i64::try_from(persona.cliente).unwrap()], |linha| linha.get::<_, String>(0))
                .ok();
            let dados = persona.pedidos.iter().filter(|pedido| pedido.cliente == persona.cliente);
            let dados = dados.filter_map(|p| Some((p.linha.strip_prefix("NOME ")?, disse_ok(p))));
            let (certos, talvez): (Vec<_>, Vec<_>) = dados.partition(|(_, respondido)| *respondido);
            let certo = certos.last().map(|(nome, _)| (*nome).to_owned()).or_else(|| persona.nome.clone());
            let tem = self.sala.pessoas().get(&cliente).is_some_and(|pessoa| !pessoa.assentos.is_empty());
            let serve = nome == certo
                || talvez.iter().any(|(outro, _)| nome.as_deref() == Some(*outro))
                // Quem não tinha nada é esquecido quando a conexão acaba; e a queda pode vir antes de isso se gravar.
                || certos.is_empty() && nome.is_none() && persona.esquecivel;
            assert!(serve || !tem, "{cliente} se chama {nome:?}, e devia {certo:?}: {talvez:?}");
            (persona.nome, persona.esquecivel) = (nome, !tem);
        }
    }

    /// Números de cliente, cercas e o contador nunca voltam atrás.
    fn conferir_numeros(&mut self, personas: &[Persona]) {
        for (cliente, chave) in personas.iter().flat_map(|persona| &persona.novos) {
            assert!(*cliente > self.ultimo_cliente, "o cliente {cliente} já houve");
            assert_eq!(self.chaves.insert(*cliente, chave.clone()), None, "o cliente {cliente} já houve");
        }
        self.ultimo_cliente = self.chaves.keys().last().copied().unwrap_or(0);
        let pedidos = || personas.iter().flat_map(|persona| &persona.pedidos);
        let ditas: Vec<String> = pedidos().filter_map(texto).collect();
        let mut cercas: Vec<u64> =
            ditas.iter().filter(|t| t.starts_with("OK TOKEN ")).map(|t| numero(t, "cerca")).collect();
        cercas.sort_unstable();
        assert!(cercas.windows(2).all(|par| par[0] < par[1]), "uma cerca se repetiu: {cercas:?}");
        assert!(
            cercas.first().is_none_or(|menor| *menor > self.cerca),
            "{cercas:?} depois de {}",
            self.cerca
        );
        self.cerca = cercas.last().copied().unwrap_or(self.cerca);
        self.contador += ditas.iter().filter(|t| t.starts_with("OK LIBERADO ")).count() as u64;
    }

    /// Quem ouviu uma saudação volta com a sua chave, e vê o que é seu.
    fn conferir_ao_vivo(&mut self, endereco: SocketAddr, personas: &[Persona]) {
        let mut terminal = Terminal::entrar(endereco);
        assert!(terminal.cliente > self.ultimo_cliente, "o cliente {} já houve", terminal.cliente);
        self.ultimo_cliente = terminal.cliente;
        self.chaves.insert(terminal.cliente, terminal.chave.clone());
        let estado = terminal.pedir("TOKEN ESTADO");
        assert!(estado.starts_with("OK TOKEN dono=livre "), "{estado}");
        assert!(numero(&estado, "cerca") >= self.cerca, "{estado}, e já se deu {}", self.cerca);
        let talvez = personas.iter().flat_map(|persona| &persona.pedidos);
        let talvez = talvez.filter(|p| p.resposta.is_none() && p.linha == "TOKEN LIBERAR").count() as u64;
        let contador = numero(&estado, "contador");
        assert!((self.contador..=self.contador + talvez).contains(&contador), "{estado}: {}", self.contador);
        (self.cerca, self.contador) = (numero(&estado, "cerca"), contador);
        let novos = personas.iter().flat_map(|persona| persona.novos.iter().map(|(cliente, _)| *cliente));
        let voltam: Vec<u64> = novos.chain(personas.iter().map(|persona| persona.cliente)).collect();
        for cliente in voltam.into_iter().filter(|cliente| *cliente > 0) {
            self.retomar(&mut terminal, cliente);
        }
        sair(terminal);
    }

    /// Todos os que já houve voltam com a sua chave.
    #[track_caller]
    pub fn conferir_todos(&self, endereco: SocketAddr) {
        let mut terminal = Terminal::entrar(endereco);
        self.chaves.keys().for_each(|cliente| self.retomar(&mut terminal, *cliente));
        sair(terminal);
    }

    fn retomar(&self, terminal: &mut Terminal, cliente: u64) {
        let volta = terminal.pedir(&format!("RETOMAR {cliente} {}", self.chaves[&cliente]));
        assert_eq!(volta, format!("OK RETOMADO {cliente}"));
        let lista = Pedido { cliente, linha: "LISTAR".into(), resposta: Some(terminal.pedir_tudo("LISTAR")) };
        assert_eq!(fazer(&mut self.sala.clone(), &lista), texto(&lista), "a sala, para {cliente}");
    }
}

/// Despede-se e espera que o servidor feche: então nada mais desta conexão está por acontecer.
fn sair(mut terminal: Terminal) {
    assert_eq!(terminal.pedir("SAIR"), "OK ATE_LOGO");
    terminal.espera_fim();
}

fn numero(linha: &str, nome: &str) -> u64 {
    valor(linha, nome).parse().unwrap()
}

/// Um número do servidor, como está no disco.
pub fn numero_do_servidor(conexao: &Connection, coluna: &str) -> u64 {
    let sql = format!("SELECT {coluna} FROM servidor");
    u64::try_from(conexao.query_row(&sql, [], |linha| linha.get::<_, i64>(0)).unwrap()).unwrap()
}

/// Abre o banco para olhar: ao lado de quem está ligado não o atrapalha, e não mexe no arquivo.
pub fn olhar(banco: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(banco, flags).unwrap()
}

/// Os fatos depois desta versão, na ordem em que estão.
fn ler(conexao: &Connection, depois_de: u64) -> Vec<Fato> {
    let sql = "SELECT versao, assento, quando, cliente, acontecimento FROM historico WHERE numero >= ?1 ORDER BY numero";
    let mut comando = conexao.prepare(sql).unwrap();
    let fatos = comando.query_map([i64::try_from(depois_de + 1).unwrap() * 1000], |linha| {
        let [versao, cliente] =
            [0, 3].map(|coluna| u64::try_from(linha.get::<_, i64>(coluna).unwrap()).unwrap());
        let (assento, quando, acontecimento) = (linha.get(1)?, linha.get(2)?, linha.get(4)?);
        Ok(Fato { versao, assento, quando, cliente, acontecimento })
    });
    fatos.unwrap().map(Result::unwrap).collect()
}

fn evento_de(fatos: &[Fato]) -> Evento {
    let Fato { versao, cliente, acontecimento, .. } = &fatos[0];
    let do_mesmo = |fato: &Fato| (fato.cliente, &fato.acontecimento) == (*cliente, acontecimento);
    assert!(fatos.iter().all(do_mesmo), "uma mudança é de um cliente e de um jeito só: {fatos:?}");
    let dono = ClientId::new(*cliente).unwrap();
    let mudanca = match &acontecimento[..] {
        "reservado" => Mudanca::Reservado(dono),
        "segurado" => Mudanca::Segurado(dono),
        "livre" => Mudanca::Livre,
        outro => panic!("{outro}?"),
    };
    let assentos: Assentos = fatos.iter().map(|fato| Assento::new(fato.assento).unwrap()).collect();
    Evento { versao: Versao(*versao), assentos, mudanca }
}

/// Faz o pedido na sala e devolve a resposta, sem o texto para pessoas; `None` se o pedido não é sobre a sala.
fn fazer(sala: &mut Sala, pedido: &Pedido) -> Option<String> {
    let (agora, cliente) = (Instante::default(), ClientId::new(pedido.cliente).unwrap());
    let veredito = match pedido.linha.parse().unwrap() {
        Comando::Reservar { pedido, .. } => sala.reservar(agora, cliente, pedido),
        Comando::Segurar { escolha, por } => sala.segurar(agora, cliente, escolha, por),
        Comando::Confirmar(quais) => sala.confirmar(agora, cliente, quais),
        Comando::Cancelar { alvo, .. } => sala.cancelar(agora, cliente, alvo),
        Comando::Listar => {
            let (quadro, versao) = sala.quadro(agora, Some(cliente), Epoca::Agora);
            Ok(Resposta::Listado { quadro, versao })
        }
        _ => return None,
    };
    Some(match veredito {
        Ok(resposta) => resposta.to_string(),
        Err(Negado { erro, versao, .. }) => sem_texto(&Recusa { versao, ..Recusa::from(erro) }.to_string()),
    })
}

fn sem_texto(linha: &str) -> String {
    linha.split(" :").next().unwrap_or_default().to_owned()
}

/// A resposta, com as linhas de dados e sem o texto para pessoas.
fn texto(pedido: &Pedido) -> Option<String> {
    let resposta = pedido.resposta.as_ref()?;
    Some(resposta.dados.iter().cloned().chain([sem_texto(&resposta.fim)]).collect::<Vec<_>>().join("\n"))
}

fn disse_ok(pedido: &Pedido) -> bool {
    pedido.resposta.as_ref().is_some_and(|resposta| resposta.fim.starts_with("OK "))
}

fn versao_da_resposta(pedido: &Pedido) -> Option<u64> {
    let fim = &pedido.resposta.as_ref()?.fim;
    // O que não pôde ser gravado não fez nada, e não fala da sala mais do que isso.
    let fala = sem_texto(fim).contains(" versao=") && !fim.starts_with("ERRO INDISPONIVEL");
    fala.then(|| numero(fim, "versao"))
}
