//! A história vista de um assento por vez, para a segunda conferência.
//!
//! De cada resposta fica o que ela diz daquele assento, e quando. Um pedido de vários assentos tudo ou nada, visto de um só,
//! diz menos do que disse: que a recusa nomeia os de outros, e só esses; que o aceite os tomou. Se a história toda tem uma
//! ordem, a de cada assento também tem: o contrário não vale, e por isso esta conferência pode deixar passar, mas não acusa
//! quem não deve.

use protocolo::{Assento, Assentos, ClientId, Comando, Resposta};

use super::dito::{Classes, Posse, dito, faria};
use super::lacuna::{prazo, suspeita};
use super::linear::{Conclusao, Especificacao, Intervalo, procurar};
use super::par::serve;
use super::tempo::nanos;
use super::veredito::{Fonte, Problema, Veredito};
use crate::historia::{Historia, Troca};

/// Quantas operações sobre cada assento se põem em ordem; as primeiras.
const OPERACOES_MAX: usize = 20_000;

/// O que o assento é. O que não se sabe é livre ou de quem não está na história.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Estado {
    posse: Posse,
    /// Antes desta hora o prazo não vence.
    vence: u64,
}

/// O que uma resposta diz deste assento.
#[derive(Clone, Copy, Debug)]
struct Operacao {
    cliente: ClientId,
    /// O que ele era.
    era: Classes,
    /// O que passou a ser; `None`: a resposta só olha.
    vira: Option<Posse>,
    /// Se o segura: antes desta hora não vence.
    vence: u64,
}

/// Um assento: livre, de alguém, ou, se há outras pessoas, do que elas quiserem.
#[derive(Clone, Copy, Debug)]
struct UmAssento {
    sozinho: bool,
}

impl Especificacao for UmAssento {
    type Estado = Estado;
    type Operacao = Operacao;

    fn passo(&self, estado: &Estado, operacao: &Operacao) -> Option<Estado> {
        let Operacao { cliente, era, vira, vence } = *operacao;
        let classes = match estado.posse {
            Posse::Alheia => Classes(Classes::LIVRE.0 | Classes::ALHEIO.0),
            Posse::Livre if !self.sozinho => Classes(Classes::LIVRE.0 | Classes::ALHEIO.0),
            posse => posse.para(cliente),
        };
        if !classes.cruza(era) {
            return None;
        }
        Some(match vira {
            Some(posse) => {
                Estado { posse, vence: if posse == Posse::De(cliente, false) { vence } else { 0 } }
            }
            // Quem olha livre o que não se conhecia fica sabendo.
            None if estado.posse == Posse::Alheia && era == Classes::LIVRE => {
                Estado { posse: Posse::Livre, vence: 0 }
            }
            None => *estado,
        })
    }

    fn sozinho(&self, estado: &Estado, agora: u64) -> Option<Estado> {
        let vence = matches!(estado.posse, Posse::De(_, false)) && estado.vence <= agora;
        vence.then_some(Estado { posse: Posse::Livre, vence: 0 })
    }

    fn so_olha(&self, operacao: &Operacao) -> bool {
        operacao.vira.is_none()
    }
}

/// O que cada assento viu: a troca, e o que ela diz dele.
type Operacoes<'a> = (Vec<Intervalo<Operacao>>, Vec<Fonte<'a>>);

/// Procura uma ordem para as operações de cada assento.
pub(super) fn conferir(historia: &Historia, veredito: &mut Veredito) {
    let especificacao = UmAssento { sozinho: historia.sozinha };
    let mut por_assento: Vec<Operacoes<'_>> = Assento::todos().map(|_| (Vec::new(), Vec::new())).collect();
    let mut cheios = Assentos::NENHUM;
    let mut trocas: Vec<(u64, ClientId, &Troca)> = Vec::new();
    for conversa in &historia.conversas {
        trocas.extend(conversa.trocas.iter().map(|troca| (nanos(troca.enviado), conversa.cliente, troca)));
    }
    trocas.sort_by_key(|(enviado, ..)| *enviado);
    for (_, cliente, troca) in trocas {
        por_troca(cliente, troca, |assento, intervalo| {
            let (operacoes, fontes) = &mut por_assento[assento.indice()];
            if operacoes.len() == OPERACOES_MAX {
                cheios.inserir(assento);
            } else {
                operacoes.push(intervalo);
                fontes.push(Fonte::Troca(cliente, troca));
            }
        });
        if cheios == Assentos::TODOS {
            break;
        }
    }
    veredito.conferidos.desistencias += u64::from(cheios.len());
    for (assento, (operacoes, fontes)) in Assento::todos().zip(&mut por_assento) {
        if cheios.contem(assento) {
            soltar_o_fim(operacoes);
        }
        veredito.conferidos.assentos += u64::from(!operacoes.is_empty());
        veredito.conferidos.operacoes += operacoes.len() as u64;
        let inicial = Estado { posse: Posse::Alheia, vence: 0 };
        match procurar(&especificacao, inicial, operacoes) {
            Conclusao::Linearizavel => {}
            Conclusao::Desistiu => {
                veredito.conferidos.desistencias += u64::from(!cheios.contem(assento));
            }
            Conclusao::Nenhuma { operacao, depois_de } => {
                let provas: Vec<_> = depois_de.into_iter().chain([operacao]).map(|i| fontes[i]).collect();
                veredito.acusar(Problema::NaoLinearizavel, assento.into(), &provas, || {
                    format!("o que se disse do assento {assento} não cabe em ordem nenhuma, só pelas horas e pelos resultados")
                });
            }
        }
    }
}

/// De um assento que não coube inteiro, o que acabou depois de começar a primeira que ficou de fora pode depender dela.
fn soltar_o_fim(operacoes: &mut [Intervalo<Operacao>]) {
    let limite = operacoes.last().map_or(0, |ultima| ultima.comeco);
    for uma in operacoes {
        uma.fim = uma.fim.filter(|fim| *fim < limite);
        uma.certa &= uma.fim.is_some();
    }
}

/// O que a troca diz de cada assento.
fn por_troca(cliente: ClientId, troca: &Troca, mut diz: impl FnMut(Assento, Intervalo<Operacao>)) {
    let comeco = nanos(troca.enviado);
    if suspeita(troca) {
        // Quem ouviu que a espera acabou sabe que já não lhe chega nada; mas a resposta que não serve não diz nada.
        let respondida = troca.resposta.as_ref().is_some_and(|resposta| serve(&troca.pedido, resposta));
        let fim = respondida.then(|| nanos(troca.ouvido));
        for (assentos, era, vira) in faria(cliente, &troca.pedido).into_iter().flatten() {
            let vence =
                if let Comando::Segurar { por, .. } = &troca.pedido { prazo(troca, por.get()) } else { 0 };
            // Renovar sem resposta também pode ter encurtado o prazo.
            let era = if vence > 0 { Classes(era.0 | Classes::SEU_SEGURADO.0) } else { era };
            let operacao = Operacao { cliente, era, vira: Some(vira), vence };
            assentos.iter().for_each(|um| diz(um, Intervalo { comeco, fim, certa: false, operacao }));
        }
        return;
    }
    let Some(resposta) = troca.resposta.as_ref().filter(|resposta| serve(&troca.pedido, resposta)) else {
        return;
    };
    let fim = Some(nanos(troca.ouvido));
    let dito = dito(cliente, &troca.pedido, resposta);
    let vence = if let Resposta::Segurado { expira, .. } = resposta { prazo(troca, *expira) } else { 0 };
    let mudam = dito.efeito.map_or(Assentos::NENHUM, |efeito| efeito.assentos);
    if let Some(efeito) = dito.efeito {
        let operacao = Operacao { cliente, era: efeito.eram, vira: Some(efeito.viram), vence };
        mudam.iter().for_each(|um| diz(um, Intervalo { comeco, fim, certa: true, operacao }));
    }
    for frase in dito.frases {
        let operacao = Operacao { cliente, era: frase.sao, vira: None, vence: 0 };
        (frase.assentos - mudam)
            .iter()
            .for_each(|um| diz(um, Intervalo { comeco, fim, certa: true, operacao }));
    }
}
