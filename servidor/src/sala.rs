//! A sala: de quem é cada assento, e as regras de reservar e devolver.
//!
//! É código sequencial puro: não há aqui trava, thread, relógio, log nem entrada e saída. Quem garante que só uma
//! thread por vez chega à sala é o [`Monitor`](crate::monitor::Monitor). Cada operação confere tudo antes de mudar
//! alguma coisa: uma recusa não deixa rastro.

pub mod instante;
pub mod token;

use std::collections::BTreeMap;

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Alvo, Assentos, Cerca, ClientId, Error, Nome, Pedido, Quadro, Resposta, Versao};

use instante::Instante;
use token::{Entrega, Token};

/// A sala.
#[derive(Clone, Debug)]
pub struct Sala {
    donos: [Option<ClientId>; ASSENTOS_MAX as usize],
    /// Os assentos sem dono: o mesmo que `donos` diz, num conjunto, para que a seção crítica seja curta.
    livres: Assentos,
    versao: Versao,
    nomes: BTreeMap<ClientId, Nome>,
    /// Quantos assentos um cliente pode ter.
    cota: u32,
    /// O token mora na sala para que a cerca se confira no mesmo instante em que os assentos mudam.
    token: Token,
    token_mexido: bool,
}

/// Um não da sala: a causa, a versão em que ela valia e o que estava livre então, para quem for explicar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Negado {
    /// A causa.
    pub erro: Error,
    /// A versão da sala.
    pub versao: Versao,
    /// Os assentos livres nessa versão.
    pub livres: Assentos,
}

/// O nome e os assentos de um cliente.
#[derive(Clone, Debug)]
pub struct Pessoa {
    /// O nome, se deu um.
    pub nome: Option<Nome>,
    /// Os assentos.
    pub assentos: Assentos,
}

/// O que a sala responde a uma operação.
pub type Veredito = Result<Resposta, Negado>;

impl Sala {
    /// Uma sala vazia, em que cada cliente pode ter até `cota` assentos.
    pub fn new(cota: u32) -> Self {
        Self {
            donos: [None; ASSENTOS_MAX as usize],
            livres: Assentos::TODOS,
            versao: Versao(0),
            nomes: BTreeMap::new(),
            cota,
            token: Token::default(),
            token_mexido: false,
        }
    }

    /// A versão da sala: quantas vezes ela mudou.
    pub const fn versao(&self) -> Versao {
        self.versao
    }

    /// Os assentos que ninguém tem.
    pub const fn livres(&self) -> Assentos {
        self.livres
    }

    /// O retrato da sala para `cliente`.
    pub fn quadro(&self, cliente: ClientId) -> Quadro {
        Quadro { segurados: Assentos::NENHUM, ocupados: !self.livres, seus: self.assentos_de(cliente) }
    }

    /// O retrato da sala para quem não tem assentos.
    pub fn quadro_de_ninguem(&self) -> Quadro {
        Quadro { segurados: Assentos::NENHUM, ocupados: !self.livres, seus: Assentos::NENHUM }
    }

    /// O nome e os assentos de quem tem um ou outro.
    pub fn pessoas(&self) -> BTreeMap<ClientId, Pessoa> {
        let donos = self.donos.iter().flatten().chain(self.nomes.keys());
        let pessoa =
            |cliente| Pessoa { nome: self.nome(cliente).cloned(), assentos: self.assentos_de(cliente) };
        donos.map(|cliente| (*cliente, pessoa(*cliente))).collect()
    }

    /// `RESERVAR`. O que já é de quem pede conta como reservado: repetir o pedido não faz mal.
    ///
    /// Recusas, nesta ordem: `OCUPADO` ou `INSUFICIENTE`; `LIMITE`.
    pub fn reservar(&mut self, cliente: ClientId, pedido: Pedido) -> Veredito {
        let (assentos, ocupados) = match pedido {
            Pedido::Todos(pedidos) => {
                let alheios = self.alheios(cliente, pedidos);
                if !alheios.is_empty() {
                    return self.negar(Error::Ocupado(alheios));
                }
                (pedidos, Assentos::NENHUM)
            }
            Pedido::Parcial(pedidos) => {
                let alheios = self.alheios(cliente, pedidos);
                if alheios == pedidos {
                    return self.negar(Error::Ocupado(alheios));
                }
                (pedidos - alheios, alheios)
            }
            Pedido::Quantidade { quantos, preferidos } => {
                if quantos > self.livres.len() {
                    return self.negar(Error::Insuficiente { livres: self.livres.len() });
                }
                (escolher(self.livres, quantos, preferidos), self.alheios(cliente, preferidos))
            }
        };
        let novos = assentos & self.livres;
        if !novos.is_empty() && !self.cabem_na_cota(cliente, novos) {
            return self.negar(Error::Limite { max: self.cota });
        }
        self.mudar(novos, Some(cliente));
        Ok(Resposta::Reservado { assentos, ocupados, versao: self.versao })
    }

    /// `CANCELAR`: devolve todos os assentos, ou nenhum se algum não é de quem pede (`NAO_E_SEU`).
    pub fn cancelar(&mut self, cliente: ClientId, alvo: Alvo) -> Veredito {
        let assentos = match alvo {
            Alvo::Tudo => self.assentos_de(cliente),
            Alvo::Estes(pedidos) => pedidos,
        };
        let alheios = self.alheios(cliente, assentos) | assentos & self.livres;
        if !alheios.is_empty() {
            return self.negar(Error::NaoESeu(alheios));
        }
        self.mudar(assentos, None);
        Ok(Resposta::Cancelado { assentos, versao: self.versao })
    }

    /// A cláusula `CERCA`: o pedido só segue se o token com este número é de quem pede (`CERCA_VENCIDA`).
    pub fn exigir_cerca(&mut self, agora: Instante, cliente: ClientId, cerca: Cerca) -> Result<(), Negado> {
        if self.token().vale(agora, cliente, cerca) {
            return Ok(());
        }
        Err(self.negado(Error::CercaVencida { atual: self.token.cerca() }))
    }

    /// O token, para mexer nele.
    pub const fn token(&mut self) -> &mut Token {
        self.token_mexido = true;
        &mut self.token
    }

    /// O que se deve dizer a quem esperava; `None` se ninguém mexeu no token desde a última vez, e então também não há
    /// prazo novo.
    pub fn tirar_entregas(&mut self) -> Option<Vec<Entrega>> {
        std::mem::take(&mut self.token_mexido).then(|| self.token.tirar_entregas())
    }

    /// Quando vence a próxima coisa na sala, se alguma vence.
    pub fn proximo_vencimento(&self) -> Option<Instante> {
        self.token.proximo_vencimento()
    }

    /// `NOME`: o cliente passa a ter este nome. Não é uma mudança dos assentos: a versão fica.
    pub fn nomear(&mut self, cliente: ClientId, nome: Nome) {
        self.nomes.insert(cliente, nome);
    }

    /// O nome do cliente, se ele deu um.
    pub fn nome(&self, cliente: ClientId) -> Option<&Nome> {
        self.nomes.get(&cliente)
    }

    /// A conexão do cliente acabou. O que é dele continua dele; o nome de quem não tem nada é esquecido, ou uma
    /// fila sem fim de conexões encheria a memória de nomes.
    pub fn despedir(&mut self, cliente: ClientId) {
        if self.assentos_de(cliente).is_empty() {
            self.nomes.remove(&cliente);
        }
    }

    /// Confere o que deve valer entre duas operações. Chamada depois de cada uma, em testes e em debug.
    ///
    /// Entra em pânico se algo não vale: seria um defeito deste módulo.
    pub fn conferir(&self) {
        let mut quantos = BTreeMap::<ClientId, u32>::new();
        for dono in self.donos.iter().flatten() {
            *quantos.entry(*dono).or_default() += 1;
        }
        for (dono, tem) in &quantos {
            assert!(*tem <= self.cota, "o cliente {dono} tem {tem} assentos e a cota é {}", self.cota);
        }
        let ocupados: u32 = quantos.values().sum();
        assert_eq!(
            ocupados + self.livres().len(),
            u32::from(ASSENTOS_MAX),
            "todo assento é livre ou de alguém"
        );
        assert!(ocupados == 0 || self.versao > Versao(0), "a sala só deixa de estar vazia mudando de versão");
    }

    /// Os assentos deste cliente.
    fn assentos_de(&self, cliente: ClientId) -> Assentos {
        (!self.livres).iter().filter(|assento| self.donos[assento.indice()] == Some(cliente)).collect()
    }

    /// Destes assentos, os que são de outra pessoa.
    fn alheios(&self, cliente: ClientId, assentos: Assentos) -> Assentos {
        (assentos - self.livres)
            .iter()
            .filter(|assento| self.donos[assento.indice()] != Some(cliente))
            .collect()
    }

    fn cabem_na_cota(&self, cliente: ClientId, novos: Assentos) -> bool {
        // Uma cota do tamanho da sala nunca se passa: não é preciso contar.
        self.cota >= u32::from(ASSENTOS_MAX) || self.assentos_de(cliente).len() + novos.len() <= self.cota
    }

    /// Dá estes assentos a `dono` (`None`: a ninguém). É o único lugar em que a sala muda, e a versão com ela.
    fn mudar(&mut self, assentos: Assentos, dono: Option<ClientId>) {
        if assentos.is_empty() {
            return;
        }
        for assento in assentos {
            self.donos[assento.indice()] = dono;
        }
        self.livres = if dono.is_none() { self.livres | assentos } else { self.livres - assentos };
        self.versao.0 += 1;
    }

    fn negar(&self, erro: Error) -> Veredito {
        Err(self.negado(erro))
    }

    fn negado(&self, erro: Error) -> Negado {
        Negado { erro, versao: self.versao, livres: self.livres }
    }
}

/// Escolhe `quantos` dos assentos livres, que bastam: primeiro os preferidos, do menor ao maior; depois o resto,
/// lado a lado numa fileira se houver onde, ou os menores números.
fn escolher(livres: Assentos, quantos: u32, preferidos: Assentos) -> Assentos {
    let escolhidos = (preferidos & livres).primeiros(quantos);
    let sobram = livres - escolhidos;
    let faltam = quantos - escolhidos.len();
    escolhidos | sobram.lado_a_lado(faltam).unwrap_or_else(|| sobram.primeiros(faltam))
}

#[cfg(test)]
mod tests;
