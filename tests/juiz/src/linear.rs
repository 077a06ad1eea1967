//! A segunda conferência: há uma ordem em que todas estas operações são verdadeiras?
//!
//! É um conferidor de linearizabilidade geral, sobre qualquer especificação sequencial. Só usa intervalos de tempo real e
//! resultados: não conhece versões, nem a sala, e por isso não erra junto com a primeira conferência.
//!
//! Percorre os inícios e os fins na ordem em que aconteceram e guarda cada configuração possível: o estado, e quais das
//! operações abertas já aconteceram. No fim de uma operação só ficam as configurações em que ela aconteceu (J. M. Wing e
//! C. Gong, "Testing and verifying concurrent objects", 1993; a linearização na última hora e a memória das configurações já
//! vistas são de G. Lowe, "Testing for linearizability", 2017). Uma operação sem resposta nunca acaba: pode acontecer ou não.
//! Procurar é caro no pior caso: há um teto, e quem o passa desiste, sem acusar ninguém.

use std::collections::HashSet;
use std::hash::Hash;

/// Quantas operações podem estar abertas ao mesmo tempo: uma configuração é um conjunto delas num `u128`.
const ABERTAS_MAX: usize = u128::BITS as usize;
/// Quantas configurações se visitam no fim de uma operação antes de desistir.
const CONFIGURACOES_MAX: usize = 2_000;
/// Quantas configurações se visitam ao todo numa procura antes de desistir: dez por operação, nas que o juiz faz.
const VISITAS_MAX: usize = 200_000;

/// O que uma coisa faz, uma operação por vez.
pub trait Especificacao {
    /// O que a coisa lembra.
    type Estado: Clone + Eq + Hash;
    /// Uma operação com o resultado que teve.
    type Operacao;

    /// O estado depois da operação; `None` se, neste, ela não podia ter tido este resultado.
    fn passo(&self, estado: &Self::Estado, operacao: &Self::Operacao) -> Option<Self::Estado>;

    /// O que pode acontecer sozinho até esta hora.
    fn sozinho(&self, estado: &Self::Estado, agora: u64) -> Option<Self::Estado>;

    /// A operação só olha: onde pode acontecer, acontecer já não custa nada.
    fn so_olha(&self, operacao: &Self::Operacao) -> bool;
}

/// Uma operação e quando aconteceu.
#[derive(Clone, Debug)]
pub struct Intervalo<O> {
    /// Antes disto não tinha começado.
    pub comeco: u64,
    /// Depois disto já tinha acabado, se aconteceu; `None`: pode acontecer a qualquer hora.
    pub fim: Option<u64>,
    /// Aconteceu com certeza. O que não tem fim não é certo.
    pub certa: bool,
    /// O que foi.
    pub operacao: O,
}

/// O que a procura concluiu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conclusao {
    /// Há uma ordem.
    Linearizavel,
    /// Não há: nesta operação (a sua posição) já nenhuma serve; e a última que mudou o estado, na última que servia.
    Nenhuma {
        /// A que não cabe.
        operacao: usize,
        /// A que mudou o estado por último, se alguma mudou.
        depois_de: Option<usize>,
    },
    /// Ficou caro demais.
    Desistiu,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuracao<E> {
    estado: E,
    /// Das abertas, as que já aconteceram: um bit por vaga.
    feitas: u128,
}

struct Busca<'a, S: Especificacao> {
    especificacao: &'a S,
    operacoes: &'a [Intervalo<S::Operacao>],
    /// A operação de cada vaga.
    vagas: Vec<Option<usize>>,
    /// Cada uma com a última operação que lhe mudou o estado, que não a distingue das outras.
    configuracoes: Vec<(Configuracao<S::Estado>, Option<usize>)>,
    /// Quantas configurações já se visitaram.
    visitas: usize,
}

/// Procura uma ordem para estas operações, a partir deste estado.
pub fn procurar<S: Especificacao>(
    especificacao: &S,
    inicial: S::Estado,
    operacoes: &[Intervalo<S::Operacao>],
) -> Conclusao {
    // Na mesma hora, o que começa vem antes do que acaba: na dúvida, são concorrentes.
    let comecos = operacoes.iter().enumerate().map(|(i, uma)| (uma.comeco, false, i));
    let fins = operacoes.iter().enumerate().filter_map(|(i, uma)| Some((uma.fim?, true, i)));
    let mut passos: Vec<(u64, bool, usize)> = comecos.chain(fins).collect();
    passos.sort_unstable();
    let inicial = (Configuracao { estado: inicial, feitas: 0 }, None);
    let mut busca =
        Busca { especificacao, operacoes, vagas: Vec::new(), configuracoes: vec![inicial], visitas: 0 };
    for (quando, acabou, i) in passos {
        if !acabou {
            if !busca.abrir(i) {
                return Conclusao::Desistiu;
            }
            continue;
        }
        let depois_de = busca.configuracoes.last().and_then(|(_, autor)| *autor);
        match busca.fechar(i, quando) {
            None => return Conclusao::Desistiu,
            Some(false) => return Conclusao::Nenhuma { operacao: i, depois_de },
            Some(true) => {}
        }
    }
    Conclusao::Linearizavel
}

impl<S: Especificacao> Busca<'_, S> {
    /// A operação começa; `false` se já há abertas demais.
    fn abrir(&mut self, operacao: usize) -> bool {
        if let Some(vaga) = self.vagas.iter_mut().find(|vaga| vaga.is_none()) {
            *vaga = Some(operacao);
            return true;
        }
        self.vagas.push(Some(operacao));
        self.vagas.len() <= ABERTAS_MAX
    }

    /// A operação acaba: ficam as configurações em que ela aconteceu. `Some(false)`: nenhuma; `None`: caro demais.
    fn fechar(&mut self, operacao: usize, agora: u64) -> Option<bool> {
        let vaga = self.vagas.iter().position(|uma| *uma == Some(operacao))?;
        let bit = 1u128 << vaga;
        let mut vistas: HashSet<Configuracao<S::Estado>> = HashSet::new();
        let mut por_ver = std::mem::take(&mut self.configuracoes);
        por_ver.iter_mut().for_each(|(uma, _)| self.olhar(uma));
        let mut ficam = Vec::new();
        if !self.operacoes[operacao].certa {
            // Talvez não tenha acontecido, e daqui em diante já não acontece: as de antes também ficam.
            let sem = |(uma, autor): &(Configuracao<S::Estado>, Option<usize>)| {
                (Configuracao { estado: uma.estado.clone(), feitas: uma.feitas & !bit }, *autor)
            };
            ficam.extend(por_ver.iter().map(sem));
        }
        while let Some((uma, autor)) = por_ver.pop() {
            if !vistas.insert(uma.clone()) {
                continue;
            }
            self.visitas += 1;
            if vistas.len() > CONFIGURACOES_MAX || self.visitas > VISITAS_MAX {
                return None;
            }
            if uma.feitas & bit != 0 {
                // Na última hora: daqui em diante só quando outra acabar.
                let feitas = uma.feitas & !bit;
                ficam.push((Configuracao { estado: uma.estado, feitas }, autor));
                continue;
            }
            if let Some(estado) = self.especificacao.sozinho(&uma.estado, agora) {
                let mut outra = Configuracao { estado, feitas: uma.feitas };
                self.olhar(&mut outra);
                por_ver.push((outra, autor));
            }
            self.avancar(&uma, autor, &mut por_ver);
        }
        self.vagas[vaga] = None;
        self.configuracoes = ficam;
        self.distinguir();
        Some(!self.configuracoes.is_empty())
    }

    /// Fica uma de cada configuração.
    fn distinguir(&mut self) {
        let mut distintas = HashSet::new();
        self.configuracoes.retain(|(uma, _)| distintas.insert(uma.clone()));
    }

    /// Cada uma das abertas que podia acontecer agora.
    fn avancar(
        &self,
        uma: &Configuracao<S::Estado>,
        autor: Option<usize>,
        por_ver: &mut Vec<(Configuracao<S::Estado>, Option<usize>)>,
    ) {
        for (vaga, operacao) in self.vagas.iter().enumerate() {
            let bit = 1u128 << vaga;
            let Some(operacao) = operacao.filter(|_| uma.feitas & bit == 0) else { continue };
            let intervalo = &self.operacoes[operacao];
            if self.especificacao.so_olha(&intervalo.operacao) {
                continue;
            }
            if let Some(estado) = self.especificacao.passo(&uma.estado, &intervalo.operacao) {
                let mudou = estado != uma.estado;
                let mut outra = Configuracao { estado, feitas: uma.feitas | bit };
                self.olhar(&mut outra);
                por_ver.push((outra, if mudou { Some(operacao) } else { autor }));
            }
        }
    }

    /// Acontecem todas as que só olham e que este estado confirma.
    fn olhar(&self, uma: &mut Configuracao<S::Estado>) {
        for (vaga, operacao) in self.vagas.iter().enumerate() {
            let Some(operacao) = operacao else { continue };
            let operacao = &self.operacoes[*operacao].operacao;
            if self.especificacao.so_olha(operacao)
                && self.especificacao.passo(&uma.estado, operacao).is_some()
            {
                uma.feitas |= 1 << vaga;
            }
        }
    }
}
