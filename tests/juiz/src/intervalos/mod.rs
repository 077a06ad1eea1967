//! O juiz das histórias sem versões: lê o que as threads anotaram e diz o que nenhuma ordem das operações explica.
//!
//! É uma função pura. Não supõe ordem nenhuma entre as threads, só que uma operação acontece num instante entre o seu
//! começo e o seu fim. De uma posse sabe-se, então, o que é **certo** (do fim da reserva ao começo da devolução) e o que
//! é **possível** (do começo da reserva ao fim da devolução); só o que contradiz uma certeza é um problema. Por isso uma
//! técnica certa nunca é condenada; uma errada pode escapar, se tudo o que se viu tem alguma explicação.
//!
//! Percorre os instantes em ordem. No empate, a certeza encolhe e a possibilidade cresce.

use std::fmt;

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Assento, Assentos};

/// Uma thread, contada de zero; mostra-se a partir de 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Quem(pub usize);

impl fmt::Display for Quem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.0 + 1)
    }
}

/// Uma operação que uma thread fez. As horas são em nanossegundos, do começo da medição.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operacao {
    /// Antes de começá-la.
    pub inicio: u64,
    /// Depois de acabá-la.
    pub fim: u64,
    /// O que foi, e o que deu.
    pub feito: Feito,
}

/// O que uma operação fez.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feito {
    /// Reservou este grupo.
    Reservou(Assentos),
    /// Quis este grupo, e ouviu que algum deles estava ocupado.
    NaoReservou(Assentos),
    /// Devolveu este grupo, que ainda estava como deixou.
    Devolveu(Assentos),
    /// Devolveu este grupo, e algum deles já estava livre.
    DevolveuOPerdido(Assentos),
    /// Viu estes ocupados, e os outros livres.
    Listou(Assentos),
}

/// O que o juiz achou, por espécie.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Veredito {
    /// Um assento vendido a dois.
    pub duplicadas: Achados,
    /// O que se fez, e alguém desfez sem saber.
    pub perdidas: Achados,
    /// Uma resposta que não foi verdade em instante nenhum.
    pub visoes: Achados,
}

impl Veredito {
    /// Se não há problema nenhum.
    pub fn inocente(&self) -> bool {
        self.duplicadas.quantos + self.perdidas.quantos + self.visoes.quantos == 0
    }

    /// O primeiro problema de cada espécie.
    pub fn exemplos(&self) -> impl Iterator<Item = &Problema> {
        [&self.duplicadas, &self.perdidas, &self.visoes]
            .into_iter()
            .filter_map(|achados| achados.primeiro.as_ref())
    }

    fn anotar(&mut self, problema: Problema) {
        let achados = match problema {
            Problema::ReservaDuplicada { .. } => &mut self.duplicadas,
            Problema::DevolucaoNoVazio { .. }
            | Problema::ReservaPerdida { .. }
            | Problema::DevolucaoPerdida { .. } => &mut self.perdidas,
            Problema::MeioGrupo { .. }
            | Problema::LivreComDono { .. }
            | Problema::OcupadoSemDono { .. }
            | Problema::RecusaSemMotivo { .. } => &mut self.visoes,
        };
        achados.quantos += 1;
        achados.primeiro.get_or_insert(problema);
    }
}

/// Quantos problemas de uma espécie, e o primeiro deles.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Achados {
    /// Quantos.
    pub quantos: u64,
    /// O primeiro.
    pub primeiro: Option<Problema>,
}

/// Um problema: o que se viu e não pode ser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problema {
    /// Duas posses do mesmo assento, com um instante em que as duas são certas.
    ReservaDuplicada {
        /// O assento.
        assento: Assento,
        /// Quem já o tinha.
        de: Quem,
        /// Quem o ganhou também.
        tambem_de: Quem,
    },
    /// Ao devolver, algum destes já estava livre.
    DevolucaoNoVazio {
        /// Quem devolveu.
        quem: Quem,
        /// O grupo.
        grupo: Assentos,
    },
    /// No fim, um assento reservado e nunca devolvido está livre.
    ReservaPerdida {
        /// O assento.
        assento: Assento,
        /// De quem era.
        de: Quem,
    },
    /// No fim, um assento de ninguém está ocupado: alguém escreveu por cima da devolução.
    DevolucaoPerdida {
        /// O assento.
        assento: Assento,
    },
    /// Uma lista mostrou parte de um grupo, que se reserva e se devolve inteiro.
    MeioGrupo {
        /// Quem listou.
        quem: Quem,
        /// O grupo.
        grupo: Assentos,
        /// Os que apareceram livres.
        livres: Assentos,
    },
    /// Uma lista mostrou livre um assento que teve dono o tempo todo.
    LivreComDono {
        /// Quem listou.
        quem: Quem,
        /// O assento.
        assento: Assento,
    },
    /// Uma lista mostrou ocupado um assento que não teve dono em momento nenhum.
    OcupadoSemDono {
        /// Quem listou.
        quem: Quem,
        /// O assento.
        assento: Assento,
    },
    /// Uma reserva foi recusada, e nenhum dos assentos teve dono em momento nenhum.
    RecusaSemMotivo {
        /// Quem ouviu a recusa.
        quem: Quem,
        /// O grupo.
        grupo: Assentos,
    },
}

impl fmt::Display for Problema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservaDuplicada { assento, de, tambem_de } if de == tambem_de => {
                write!(f, "reserva duplicada: o assento {assento} foi vendido duas vezes à {de}")
            }
            Self::ReservaDuplicada { assento, de, tambem_de } => {
                write!(
                    f,
                    "reserva duplicada: o assento {assento} foi da {de} e da {tambem_de} ao mesmo tempo"
                )
            }
            Self::DevolucaoNoVazio { quem, grupo } => {
                write!(f, "atualização perdida: a {quem} devolveu {grupo}, e algum já estava livre")
            }
            Self::ReservaPerdida { assento, de } => {
                write!(f, "atualização perdida: o assento {assento} é da {de}, e no fim está livre")
            }
            Self::DevolucaoPerdida { assento } => {
                write!(f, "atualização perdida: o assento {assento} foi devolvido, e no fim está ocupado")
            }
            Self::MeioGrupo { quem, grupo, livres } => {
                write!(f, "visão inconsistente: a {quem} viu metade do grupo {grupo}, com {livres} livre")
            }
            Self::LivreComDono { quem, assento } => {
                write!(
                    f,
                    "visão inconsistente: a {quem} viu livre o assento {assento}, que teve dono o tempo todo"
                )
            }
            Self::OcupadoSemDono { quem, assento } => {
                write!(f, "visão inconsistente: a {quem} viu ocupado o assento {assento}, que ninguém tinha")
            }
            Self::RecusaSemMotivo { quem, grupo } => {
                write!(f, "visão inconsistente: a {quem} ouviu que {grupo} não se pode, e ninguém os tinha")
            }
        }
    }
}

/// Julga o que cada thread anotou, na ordem em que o fez, e os ocupados depois que todas acabaram.
pub fn julgar(threads: &[Vec<Operacao>], no_fim: Assentos) -> Veredito {
    let mut autos = Autos::default();
    for (numero, operacoes) in threads.iter().enumerate() {
        autos.juntar(Quem(numero), operacoes);
    }
    let Autos { mut passos, posses, vistas, mut veredito } = autos;
    passos.sort_unstable();
    let mut instante = Instantaneo::new(&posses);
    for (quando, passo) in passos {
        match passo {
            Passo::PodeTer(qual) => instante.pode_ter(qual),
            Passo::LargaOCerto(qual) => instante.larga_o_certo(qual),
            Passo::Viu(qual) => {
                if let Some(problema) = instante.conferir(&vistas[qual as usize]) {
                    veredito.anotar(problema);
                }
            }
            Passo::TemCerto(qual) => instante.tem_certo(qual, quando, &mut veredito),
            Passo::LargouTudo(qual) => instante.largou_tudo(qual, quando),
        }
    }
    conferir_o_fim(&posses, no_fim, &mut veredito);
    veredito
}

/// A sala do fim é a soma do que ficou por devolver.
fn conferir_o_fim(posses: &[Posse], no_fim: Assentos, veredito: &mut Veredito) {
    let mut com_dono = Assentos::NENHUM;
    for posse in posses.iter().filter(|posse| posse.devolucao == NUNCA) {
        com_dono |= posse.grupo;
        for assento in posse.grupo - no_fim {
            veredito.anotar(Problema::ReservaPerdida { assento, de: posse.quem });
        }
    }
    for assento in no_fim - com_dono {
        veredito.anotar(Problema::DevolucaoPerdida { assento });
    }
}

/// A hora do que não aconteceu.
const NUNCA: (u64, u64) = (u64::MAX, u64::MAX);

/// Um grupo que foi de alguém.
#[derive(Clone, Copy, Debug)]
struct Posse {
    quem: Quem,
    grupo: Assentos,
    /// O começo e o fim da operação que o ganhou.
    reserva: (u64, u64),
    /// O começo e o fim da que o devolveu.
    devolucao: (u64, u64),
}

impl Posse {
    /// Se há um instante em que é certa. No mesmo tique do relógio, não se sabe.
    const fn alguma_vez_certa(&self) -> bool {
        self.reserva.1 < self.devolucao.0
    }
}

/// Uma operação que diz como a sala estava: uma lista, ou uma recusa.
#[derive(Clone, Copy, Debug)]
struct Vista {
    quem: Quem,
    inicio: u64,
    feito: Feito,
}

/// O que acontece num instante. A ordem das variantes é a dos empates; o número é o da posse ou o da vista.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Passo {
    PodeTer(u32),
    LargaOCerto(u32),
    Viu(u32),
    TemCerto(u32),
    LargouTudo(u32),
}

/// Os papéis de um julgamento.
#[derive(Default, Debug)]
struct Autos {
    passos: Vec<(u64, Passo)>,
    posses: Vec<Posse>,
    vistas: Vec<Vista>,
    veredito: Veredito,
}

impl Autos {
    /// Junta o que uma thread anotou.
    fn juntar(&mut self, quem: Quem, operacoes: &[Operacao]) {
        let mut abertas: Vec<Posse> = Vec::new();
        for &Operacao { inicio, fim, feito } in operacoes {
            match feito {
                Feito::Reservou(grupo) => {
                    abertas.push(Posse { quem, grupo, reserva: (inicio, fim), devolucao: NUNCA });
                }
                Feito::Devolveu(grupo) | Feito::DevolveuOPerdido(grupo) => {
                    if let Some(qual) = abertas.iter().rposition(|posse| posse.grupo == grupo) {
                        let posse = abertas.swap_remove(qual);
                        self.por(Posse { devolucao: (inicio, fim), ..posse });
                    }
                    if let Feito::DevolveuOPerdido(_) = feito {
                        self.veredito.anotar(Problema::DevolucaoNoVazio { quem, grupo });
                    }
                }
                Feito::NaoReservou(_) | Feito::Listou(_) => {
                    self.passos.push((fim, Passo::Viu(indice(self.vistas.len()))));
                    self.vistas.push(Vista { quem, inicio, feito });
                }
            }
        }
        abertas.into_iter().for_each(|posse| self.por(posse));
    }

    fn por(&mut self, posse: Posse) {
        let qual = indice(self.posses.len());
        self.posses.push(posse);
        self.passos.push((posse.reserva.0, Passo::PodeTer(qual)));
        self.passos.push((posse.devolucao.1, Passo::LargouTudo(qual)));
        if posse.alguma_vez_certa() {
            self.passos.push((posse.reserva.1, Passo::TemCerto(qual)));
            self.passos.push((posse.devolucao.0, Passo::LargaOCerto(qual)));
        }
    }
}

fn indice(tamanho: usize) -> u32 {
    u32::try_from(tamanho).expect("as anotações têm teto, muito menor")
}

const ASSENTOS: usize = ASSENTOS_MAX as usize;

/// O que se sabe de cada assento no instante a que se chegou.
struct Instantaneo<'a> {
    posses: &'a [Posse],
    /// As posses possíveis de cada assento.
    possiveis: [Vec<u32>; ASSENTOS],
    com_possivel: Assentos,
    /// Quando acabou a última posse possível que já acabou.
    ultima_saida: [Option<u64>; ASSENTOS],
    /// Quantas posses são certas, desde quando há alguma.
    certas: [u32; ASSENTOS],
    com_certa: Assentos,
    certa_desde: [u64; ASSENTOS],
}

impl<'a> Instantaneo<'a> {
    fn new(posses: &'a [Posse]) -> Self {
        Self {
            posses,
            possiveis: [const { Vec::new() }; ASSENTOS],
            com_possivel: Assentos::NENHUM,
            ultima_saida: [None; ASSENTOS],
            certas: [0; ASSENTOS],
            com_certa: Assentos::NENHUM,
            certa_desde: [0; ASSENTOS],
        }
    }

    fn pode_ter(&mut self, qual: u32) {
        let grupo = self.posses[qual as usize].grupo;
        grupo.iter().for_each(|assento| self.possiveis[assento.indice()].push(qual));
        self.com_possivel |= grupo;
    }

    fn largou_tudo(&mut self, qual: u32, quando: u64) {
        for assento in self.posses[qual as usize].grupo {
            let possiveis = &mut self.possiveis[assento.indice()];
            possiveis.retain(|outra| *outra != qual);
            if possiveis.is_empty() {
                self.com_possivel = self.com_possivel - assento.into();
            }
            self.ultima_saida[assento.indice()] = Some(quando);
        }
    }

    fn tem_certo(&mut self, qual: u32, quando: u64, veredito: &mut Veredito) {
        let posse = self.posses[qual as usize];
        for assento in posse.grupo {
            let lugar = assento.indice();
            let certa = |outra: &&Posse| outra.reserva.1 <= quando && quando < outra.devolucao.0;
            let outras = self.possiveis[lugar].iter().filter(|outra| **outra != qual);
            if let Some(outra) = outras.map(|outra| &self.posses[*outra as usize]).find(certa) {
                let (de, tambem_de) = (outra.quem, posse.quem);
                veredito.anotar(Problema::ReservaDuplicada { assento, de, tambem_de });
            }
            if self.certas[lugar] == 0 {
                self.certa_desde[lugar] = quando;
            }
            self.certas[lugar] += 1;
        }
        self.com_certa |= posse.grupo;
    }

    fn larga_o_certo(&mut self, qual: u32) {
        for assento in self.posses[qual as usize].grupo {
            self.certas[assento.indice()] -= 1;
            if self.certas[assento.indice()] == 0 {
                self.com_certa = self.com_certa - assento.into();
            }
        }
    }

    /// Se não há instante, do começo da vista até agora, em que ela era verdade. Um problema por vista basta.
    fn conferir(&self, vista: &Vista) -> Option<Problema> {
        let Vista { quem, inicio, feito } = *vista;
        match feito {
            Feito::NaoReservou(grupo) => grupo
                .iter()
                .all(|assento| self.sem_dono_desde(assento, inicio))
                .then_some(Problema::RecusaSemMotivo { quem, grupo }),
            Feito::Listou(ocupados) => self.conferir_lista(quem, inicio, ocupados),
            _ => None,
        }
    }

    fn conferir_lista(&self, quem: Quem, inicio: u64, ocupados: Assentos) -> Option<Problema> {
        let livres = !ocupados;
        let meio_grupo = || {
            let suspeitas = (livres & self.com_possivel).iter().flat_map(|a| &self.possiveis[a.indice()]);
            // Se um dos ocupados só pode ser desta posse, ela já valia e ainda valia: o grupo inteiro estava ocupado.
            let mut quebradas = suspeitas.filter(|qual| {
                let grupo = self.posses[**qual as usize].grupo;
                (grupo & ocupados).iter().any(|assento| self.so_pode_ser(assento, **qual, inicio))
            });
            let grupo = self.posses[*quebradas.next()? as usize].grupo;
            Some(Problema::MeioGrupo { quem, grupo, livres: grupo & livres })
        };
        let livre_com_dono = || {
            let mut com_dono = (livres & self.com_certa).iter();
            let assento = com_dono.find(|assento| self.certa_desde[assento.indice()] < inicio)?;
            Some(Problema::LivreComDono { quem, assento })
        };
        let ocupado_sem_dono = || {
            let mut sem_dono = (ocupados - self.com_possivel).iter();
            let assento = sem_dono.find(|assento| self.sem_dono_desde(*assento, inicio))?;
            Some(Problema::OcupadoSemDono { quem, assento })
        };
        meio_grupo().or_else(livre_com_dono).or_else(ocupado_sem_dono)
    }

    /// Se o assento não pode ter tido dono desde `inicio`.
    fn sem_dono_desde(&self, assento: Assento, inicio: u64) -> bool {
        self.possiveis[assento.indice()].is_empty() && self.ninguem_saiu_desde(assento, inicio)
    }

    /// Se, desde `inicio`, o assento só pode ter sido desta posse.
    fn so_pode_ser(&self, assento: Assento, qual: u32, inicio: u64) -> bool {
        self.possiveis[assento.indice()] == [qual] && self.ninguem_saiu_desde(assento, inicio)
    }

    fn ninguem_saiu_desde(&self, assento: Assento, inicio: u64) -> bool {
        self.ultima_saida[assento.indice()].is_none_or(|saida| saida < inicio)
    }
}

#[cfg(test)]
mod tests;
