//! A corrida que se demonstra: o mesmo servidor, com a exclusão mútua tirada de propósito.
//!
//! Com `--demonstrar-corrida` um pedido que muda os assentos copia a sala, decide sobre a cópia, faz uma pausa **sem a trava**
//! e escreve a cópia por cima do que os outros fizeram enquanto isso: duas pessoas reservam um assento e as duas ouvem `OK`.
//! É a corrida lógica de quem lê, pensa e escreve; nenhuma memória é lida pela metade. Este módulo
//! faz a pausa, chama o [`Monitor`] duas vezes e diz quem saiu prejudicado. Sem a opção, nada daqui se executa.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use log::warn;
use protocolo::limites::ENDERECO_PADRAO;
use protocolo::{Assento, Assentos, Cerca, ClientId, Nome, Versao};

use crate::armazem::memoria::Memoria;
use crate::armazem::{Armazem, Falha};
use crate::monitor::{Monitor, Ocasiao};
use crate::rede::parada::Parada;
use crate::sala::registro::{Novidade, Registro};
use crate::sala::{Operacao, Posse, Sala, Veredito};

/// O que a saudação diz a quem chega a um servidor assim.
pub const AVISO: &str = "ATENÇÃO: este servidor tem um defeito de propósito (--demonstrar-corrida): vende o mesmo assento duas vezes.";

/// A pausa entre ler a sala e escrevê-la, e o que a interrompe.
#[derive(Debug)]
pub struct Corrida {
    pausa: Duration,
    parada: OnceLock<Parada>,
}

impl Corrida {
    /// Uma corrida com esta pausa.
    pub const fn new(pausa: Duration) -> Self {
        Self { pausa, parada: OnceLock::new() }
    }

    /// Daqui em diante, pedir esta parada acaba com as pausas.
    pub fn obedecer(&self, parada: &Parada) {
        // Num reinício a parada é a mesma.
        let _ = self.parada.set(parada.clone());
    }

    /// O mesmo pedido em duas seções críticas, com uma pausa entre a que lê a sala e a que a escreve; diz na tela o mal que fez.
    pub fn mudar(
        &self,
        monitor: &Monitor,
        ocasiao: Ocasiao<'_>,
        cerca: Option<Cerca>,
        operacao: Operacao,
    ) -> Veredito {
        let (agora, quem) = (ocasiao.agora, ocasiao.quem.cliente);
        let operar = |sala: &mut Sala| {
            cerca.map_or(Ok(()), |cerca| sala.exigir_cerca(agora, quem, cerca))?;
            sala.operar(agora, quem, operacao)
        };
        let mut rascunho = Rascunho::new(monitor.copiar(agora));
        let veredito = operar(&mut rascunho.sala);
        self.pausar();
        let mut danos = None;
        let ouve = monitor.escrever(ocasiao, |sala| {
            let certo = operar(&mut sala.copiar(agora));
            danos = Some(rascunho.escrever(sala, quem, &veredito, &certo));
            veredito
        });
        danos.iter().for_each(Danos::narrar);
        ouve
    }

    /// Deixa os outros passarem à frente. Quem chama não tem trava nenhuma.
    fn pausar(&self) {
        if let Some(parada) = self.parada.get() {
            parada.esperar(self.pausa);
        }
    }
}

/// A cópia da sala sobre a qual um pedido decide.
#[derive(Debug)]
struct Rascunho {
    /// De quem era cada assento, em ordem.
    antes: Vec<Posse>,
    versao: Versao,
    /// A cópia, para mexer nela.
    sala: Sala,
}

impl Rascunho {
    /// O rascunho que começa por esta cópia.
    fn new(copia: Sala) -> Self {
        Self { antes: posses(&copia), versao: copia.versao(), sala: copia }
    }

    /// Escreve por cima da sala o que o pedido de `quem` decidiu, se foi um sim; `certo` é o que o servidor certo responderia; devolve o mal que isso fez.
    fn escrever(&self, sala: &mut Sala, quem: ClientId, veredito: &Veredito, certo: &Veredito) -> Danos {
        let versoes = (sala.versao(), self.sala.versao());
        let mut danos = if veredito.is_ok() { comparar(self, sala) } else { Vec::new() };
        if danos.is_empty() && veredito.is_ok() != certo.is_ok() {
            danos.push(Dano::VistaAtrasada { quem, ouviu: dizer(veredito), seria: dizer(certo) });
        }
        let envolvidos = danos.iter().flat_map(Dano::envolvidos);
        let nomes = envolvidos.filter_map(|um| Some((um, sala.nome(um)?.clone()))).collect();
        if veredito.is_ok() {
            sala.escrever_por_cima(self.sala.clone(), self.versao);
        }
        Danos { danos, versoes, nomes }
    }
}

fn posses(sala: &Sala) -> Vec<Posse> {
    Assento::todos().map(|assento| sala.posse(assento)).collect()
}

/// O mal que faz escrever o rascunho por cima da sala: o que mudou nela desde a cópia e vai desaparecer.
fn comparar(rascunho: &Rascunho, sala: &Sala) -> Vec<Dano> {
    let mut perdas = BTreeMap::<Perda, Assentos>::new();
    for (assento, antes) in Assento::todos().zip(&rascunho.antes) {
        let (era, fica) = (sala.posse(assento), rascunho.sala.posse(assento));
        if era != *antes && era != fica {
            perdas.entry(Perda { era, fica, volta: fica == *antes }).or_default().inserir(assento);
        }
    }
    perdas.into_iter().map(|(perda, assentos)| Dano::Perda(assentos, perda)).collect()
}

/// Como o veredito começa na linha.
fn dizer(veredito: &Veredito) -> String {
    veredito.as_ref().map_or_else(|negado| format!("ERRO {}", negado.erro), |_| "OK".to_owned())
}

/// O mal que um pedido fez a alguém.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Dano {
    /// O que alguém tinha feito com estes assentos desapareceu.
    Perda(Assentos, Perda),
    /// A resposta é a de uma sala que já não existe.
    VistaAtrasada { quem: ClientId, ouviu: String, seria: String },
}

/// De quem os assentos eram, e de quem ficam.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Perda {
    era: Posse,
    fica: Posse,
    /// Ficam como estavam na cópia: quem escreve nem falou deles.
    volta: bool,
}

impl Perda {
    /// Duas pessoas ouviram que o assento é delas.
    fn e_duplicada(&self) -> bool {
        let dois = self.era.dono().zip(self.fica.dono());
        !self.volta && dois.is_some_and(|(era, fica)| era != fica)
    }
}

impl Dano {
    /// De quem se fala.
    fn envolvidos(&self) -> impl Iterator<Item = ClientId> {
        let dois = match self {
            Self::Perda(_, Perda { era, fica, .. }) => [era.dono(), fica.dono()],
            Self::VistaAtrasada { quem, .. } => [Some(*quem), None],
        };
        dois.into_iter().flatten()
    }
}

/// O mal que um pedido fez, e o que é preciso saber para o contar.
#[derive(Debug)]
struct Danos {
    danos: Vec<Dano>,
    /// A versão da sala, e a que fica.
    versoes: (Versao, Versao),
    nomes: BTreeMap<ClientId, Nome>,
}

impl Danos {
    /// Diz na tela cada mal. Chamada com a trava aberta.
    fn narrar(&self) {
        for dano in &self.danos {
            warn!("{}", Contado(self, dano));
        }
    }

    fn nome(&self, cliente: ClientId) -> String {
        self.nomes.get(&cliente).map_or_else(|| format!("cliente {cliente}"), Nome::to_string)
    }
}

/// Um dano por extenso.
struct Contado<'a>(&'a Danos, &'a Dano);

impl fmt::Display for Contado<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(danos, dano) = self;
        let (de, para) = danos.versoes;
        match dano {
            Dano::Perda(assentos, perda) => {
                let titulo = if perda.e_duplicada() { "RESERVA DUPLICADA" } else { "ATUALIZAÇÃO PERDIDA" };
                write!(f, "{titulo}: {}", self.por_extenso(*assentos, perda))?;
                match para.cmp(&de) {
                    std::cmp::Ordering::Less => write!(f, " (a versão volta de {de} para {para})"),
                    std::cmp::Ordering::Equal => write!(f, " (a versão {para} se repete)"),
                    std::cmp::Ordering::Greater => write!(f, " (versão {para})"),
                }
            }
            Dano::VistaAtrasada { quem, ouviu, seria } => {
                let quem = danos.nome(*quem);
                write!(f, "VISTA ATRASADA: {quem} ouviu {ouviu} da sala como ela era; agora ouviria {seria}")
            }
        }
    }
}

impl Contado<'_> {
    /// Como em `assento 7 era de ana, agora é de beto`.
    fn por_extenso(&self, assentos: Assentos, perda: &Perda) -> String {
        let nome = |cliente| self.0.nome(cliente);
        let um = assentos.len() == 1;
        let plural = |singular: &'static str, plural: &'static str| if um { singular } else { plural };
        let quais = format!("{} {}", plural("assento", "assentos"), assentos.faixas());
        let era = match perda.era {
            Posse::Livre => plural("tinha ficado livre", "tinham ficado livres").to_owned(),
            Posse::Segurada(dono, _) => format!("{} com {}", plural("estava", "estavam"), nome(dono)),
            Posse::Firme(dono) => format!("{} de {}", plural("era", "eram"), nome(dono)),
        };
        let verbo = if perda.volta { plural("voltou a", "voltaram a") } else { "agora" };
        let fica = match perda.fica {
            Posse::Livre if perda.volta => plural("ficar livre", "ficar livres").to_owned(),
            Posse::Livre => plural("está livre", "estão livres").to_owned(),
            Posse::Segurada(dono, _) if perda.volta => format!("estar com {}, só por um prazo", nome(dono)),
            Posse::Segurada(dono, _) => {
                format!("{} com {}, só por um prazo", plural("está", "estão"), nome(dono))
            }
            Posse::Firme(dono) if perda.volta => format!("ser de {}", nome(dono)),
            Posse::Firme(dono) => format!("{} de {}", plural("é", "são"), nome(dono)),
        };
        format!("{quais} {era}, {verbo} {fica}")
    }
}

/// Diz, ao ligar, que servidor é este, como ver o que ele faz, e como ligar o certo.
pub fn anunciar(local: SocketAddr, pausa: Duration) {
    let pausa = Pausa(pausa);
    let onde = local.to_string();
    let cliente = "cargo run --release -p cliente";
    let cliente =
        if onde == ENDERECO_PADRAO { cliente.into() } else { format!("{cliente} -- --servidor {onde}") };
    warn!(
        "SERVIDOR COM DEFEITO DE PROPÓSITO (--demonstrar-corrida {pausa}): vende o mesmo assento duas vezes"
    );
    warn!(
        "cada pedido copia a sala, decide, espera {pausa} sem a trava e escreve a cópia por cima do que os outros fizeram"
    );
    warn!("para ver, abra dois terminais com: {cliente}");
    warn!(
        "num digite NOME ana, no outro NOME beto; depois RESERVAR 7 nos dois, em menos de {pausa}: os dois conseguem"
    );
    warn!(
        "depois RESERVAR 1 num e RESERVAR 2 no outro: uma das duas some; LISTAR mostra com quem ficou cada assento"
    );
    warn!(
        "nada se guarda no disco; o servidor certo é este mesmo, sem --demonstrar-corrida: cargo run --release"
    );
}

/// Uma pausa como se escreve na linha de comando.
struct Pausa(Duration);

impl fmt::Display for Pausa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

/// Onde se guarda a história quando as versões se repetem e voltam: só a primeira mudança de cada uma.
#[derive(Debug)]
pub struct SoVersoesNovas {
    memoria: Memoria,
    ultima: Versao,
}

impl SoVersoesNovas {
    /// Guarda-se aqui.
    pub const fn new(memoria: Memoria) -> Self {
        Self { memoria, ultima: Versao(0) }
    }

    fn e_novo(&mut self, registro: &Registro) -> bool {
        let Novidade::Assentos { evento, .. } = &registro.novidade else { return true };
        let novo = evento.versao > self.ultima;
        self.ultima = self.ultima.max(evento.versao);
        novo
    }
}

impl Armazem for SoVersoesNovas {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        let novos: Vec<Registro> = lote.iter().filter(|registro| self.e_novo(registro)).cloned().collect();
        self.memoria.gravar(&novos)
    }
}

#[cfg(test)]
mod tests {
    use protocolo::{Alvo, Escolha, Pedido, Segundos};

    use crate::sala::Aguardado;
    use crate::sala::quem::Requerente;

    use crate::tempo::instante::Instante;

    use super::*;

    const AGORA: Instante = Instante::new(0);
    const ANA: ClientId = cliente(1);
    const BETO: ClientId = cliente(2);
    const CAIO: ClientId = cliente(3);

    const fn cliente(numero: u64) -> ClientId {
        ClientId::new(numero).expect("não é zero")
    }

    fn assentos(numeros: &[u8]) -> Assentos {
        numeros.iter().filter_map(|numero| Assento::new(*numero)).collect()
    }

    fn reservar(numeros: &[u8]) -> Operacao {
        let pedido = Pedido::Todos(assentos(numeros));
        Operacao::Reservar(pedido)
    }

    fn segurar(numeros: &[u8]) -> Operacao {
        let (escolha, por) = (Escolha::Estes(assentos(numeros)), Segundos::new(120).expect("cabe"));
        Operacao::Segurar(escolha, por)
    }

    fn confirmar() -> Operacao {
        Operacao::Confirmar(None)
    }

    fn cancelar(numeros: &[u8]) -> Operacao {
        let alvo = Alvo::Estes(assentos(numeros));
        Operacao::Cancelar(alvo)
    }

    /// Uma sala em que a ana e o beto deram os seus nomes, e aconteceu isto, um de cada vez.
    fn sala_com(antes: &[(ClientId, Operacao)]) -> Sala {
        let mut sala = Sala::new(100);
        for (quem, nome) in [(ANA, "ana"), (BETO, "beto")] {
            sala.nomear(AGORA, quem, nome.parse().expect("é um nome"));
        }
        for (quem, operacao) in antes {
            sala.operar(AGORA, *quem, *operacao).expect("o que veio antes devia dar certo");
        }
        sala
    }

    /// Todos copiam a sala antes que o primeiro a escreva; escrevem na ordem dada. Devolve o que a tela diz.
    fn correr(sala: &mut Sala, pedidos: &[(ClientId, Operacao)]) -> Vec<String> {
        let copiar = |(quem, operacao): &(ClientId, Operacao)| {
            let mut rascunho = Rascunho::new(sala.copiar(AGORA));
            let veredito = rascunho.sala.operar(AGORA, *quem, *operacao);
            (rascunho, veredito)
        };
        let copias: Vec<_> = pedidos.iter().map(copiar).collect();
        let mut tela = Vec::new();
        for ((rascunho, veredito), (quem, operacao)) in copias.into_iter().zip(pedidos) {
            let certo = sala.copiar(AGORA).operar(AGORA, *quem, *operacao);
            let danos = rascunho.escrever(sala, *quem, &veredito, &certo);
            sala.atender_fila();
            sala.conferir();
            tela.extend(danos.danos.iter().map(|dano| Contado(&danos, dano).to_string()));
        }
        tela
    }

    #[test]
    fn um_assento_com_dois_donos() {
        let mut sala = sala_com(&[]);
        let tela = correr(&mut sala, &[(ANA, reservar(&[7])), (BETO, reservar(&[7]))]);
        assert_eq!(tela, ["RESERVA DUPLICADA: assento 7 era de ana, agora é de beto (a versão 1 se repete)"]);
        assert_eq!((sala.versao(), sala.posse(Assento::new(7).unwrap())), (Versao(1), Posse::Firme(BETO)));
    }

    #[test]
    fn muitos_assentos_e_quem_nao_tem_nome() {
        let tela =
            correr(&mut sala_com(&[]), &[(CAIO, reservar(&[1, 2, 3, 9])), (BETO, reservar(&[2, 3, 4]))]);
        assert_eq!(
            tela,
            [
                "ATUALIZAÇÃO PERDIDA: assentos 1 9 eram de cliente 3, voltaram a ficar livres (a versão 1 se repete)",
                "RESERVA DUPLICADA: assentos 2-3 eram de cliente 3, agora são de beto (a versão 1 se repete)",
            ]
        );
    }

    #[test]
    fn um_segurado_e_outro_reservado() {
        let tela = correr(&mut sala_com(&[]), &[(ANA, segurar(&[7])), (BETO, reservar(&[7]))]);
        assert_eq!(
            tela,
            ["RESERVA DUPLICADA: assento 7 estava com ana, agora é de beto (a versão 1 se repete)"]
        );
        let tela = correr(&mut sala_com(&[]), &[(ANA, reservar(&[7])), (BETO, segurar(&[7]))]);
        assert_eq!(
            tela,
            [
                "RESERVA DUPLICADA: assento 7 era de ana, agora está com beto, só por um prazo (a versão 1 se repete)"
            ]
        );
    }

    #[test]
    fn uma_devolucao_e_uma_confirmacao_perdidas() {
        let mut sala = sala_com(&[(ANA, reservar(&[7]))]);
        let tela = correr(&mut sala, &[(ANA, cancelar(&[7])), (BETO, reservar(&[1]))]);
        assert_eq!(
            tela,
            ["ATUALIZAÇÃO PERDIDA: assento 7 tinha ficado livre, voltou a ser de ana (a versão 2 se repete)"]
        );
        let mut sala = sala_com(&[(ANA, segurar(&[7]))]);
        let tela = correr(&mut sala, &[(ANA, confirmar()), (BETO, reservar(&[1]))]);
        assert_eq!(
            tela,
            [
                "ATUALIZAÇÃO PERDIDA: assento 7 era de ana, voltou a estar com ana, só por um prazo (a versão 2 se repete)"
            ]
        );
    }

    #[test]
    fn a_versao_volta() {
        let mut sala = sala_com(&[]);
        let lento = (BETO, reservar(&[1]));
        let mut rascunho = Rascunho::new(sala.copiar(AGORA));
        let veredito = rascunho.sala.operar(AGORA, BETO, lento.1);
        for numero in [2, 3] {
            sala.operar(AGORA, ANA, reservar(&[numero])).unwrap();
        }
        let certo = sala.copiar(AGORA).operar(AGORA, BETO, lento.1);
        let danos = rascunho.escrever(&mut sala, BETO, &veredito, &certo);
        sala.conferir();
        assert_eq!(
            Contado(&danos, &danos.danos[0]).to_string(),
            "ATUALIZAÇÃO PERDIDA: assentos 2-3 eram de ana, voltaram a ficar livres (a versão volta de 2 para 1)"
        );
        assert_eq!(sala.versao(), Versao(1));
    }

    #[test]
    fn uma_recusa_que_ja_nao_era_verdade_nao_escreve_nada() {
        let mut sala = sala_com(&[(ANA, reservar(&[7]))]);
        let tela = correr(&mut sala, &[(ANA, cancelar(&[7])), (BETO, reservar(&[7]))]);
        assert_eq!(
            tela,
            ["VISTA ATRASADA: beto ouviu ERRO OCUPADO 7 da sala como ela era; agora ouviria OK"]
        );
        assert_eq!((sala.versao(), sala.posse(Assento::new(7).unwrap())), (Versao(2), Posse::Livre));
    }

    /// Um de cada vez, este servidor é o certo.
    #[test]
    fn sem_corrida_nao_ha_dano() {
        let mut sala = sala_com(&[]);
        for um in [
            (ANA, reservar(&[7, 8])),
            (BETO, reservar(&[8])),
            (BETO, segurar(&[9])),
            (BETO, confirmar()),
            (ANA, cancelar(&[7])),
        ] {
            assert_eq!(correr(&mut sala, &[um]), [""; 0]);
        }
        assert_eq!(sala.versao(), Versao(4));
    }

    /// Quem espera por um assento que a escrita lhe dá por outra conexão não fica na fila.
    #[test]
    fn quem_espera_e_atendido_pelo_que_se_escreve_por_cima() {
        let mut sala = sala_com(&[]);
        let de_beto = reservar(&[7]);
        let mut rascunho = Rascunho::new(sala.copiar(AGORA));
        let veredito = rascunho.sala.operar(AGORA, BETO, de_beto);
        sala.operar(AGORA, ANA, reservar(&[7])).unwrap();
        let outra = Requerente { cliente: BETO, conexao: CAIO };
        let esperou = sala.aguardar(AGORA, outra, Escolha::Estes(assentos(&[7])), None);
        assert!(matches!(esperou, Ok(Aguardado::NaFila(0))), "{esperou:?}");
        let certo = sala.copiar(AGORA).operar(AGORA, BETO, de_beto);
        rascunho.escrever(&mut sala, BETO, &veredito, &certo);
        sala.atender_fila();
        sala.conferir();
        assert_eq!(sala.tirar_entregas().len(), 1);
    }

    #[test]
    fn a_pausa_se_diz_como_se_escreve() {
        for (ms, texto) in [(500, "500ms"), (1500, "1500ms"), (2000, "2s")] {
            assert_eq!(Pausa(Duration::from_millis(ms)).to_string(), texto);
        }
    }

    #[test]
    fn so_se_guarda_a_primeira_mudanca_de_cada_versao() {
        use crate::armazem::Historico as _;
        use crate::base::segredo::Segredo;
        use crate::sala::registro::Guardado;
        use crate::tempo::momento::Momento;
        use protocolo::{Evento, Mudanca};

        let memoria = Memoria::new(Guardado::vazio(Segredo([0; 32]), Momento(0)));
        let mut armazem = SoVersoesNovas::new(memoria.clone());
        for (versao, quem) in [(1, ANA), (1, BETO), (2, CAIO), (1, BETO)] {
            let mudanca = Mudanca::Reservado(quem);
            let evento = Evento { versao: Versao(versao), assentos: assentos(&[7]), mudanca };
            let registro =
                Registro { quando: Momento(0), novidade: Novidade::Assentos { evento, vence: None } };
            armazem.gravar(&[registro]).unwrap();
        }
        let vida = memoria.de(Assento::new(7).unwrap(), Versao(9), 9).unwrap();
        assert_eq!(vida.iter().map(|fato| fato.cliente).collect::<Vec<_>>(), [CAIO, ANA]);
    }
}
