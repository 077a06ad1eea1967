//! As regras de recusa: o que um pedido pode ter da sala, e por que não.
//!
//! Código sequencial puro, que só confere: quem muda é a [`Sala`](super::Sala), depois de um sim. As regras olham a sala de agora ou a do
//! disco, e são as mesmas.

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Alvo, Assentos, ClientId, Error, Escolha, Pedido, Segundos};

use super::Negado;
use super::posses::Posses;

/// O que um pedido faz com os assentos.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operacao {
    /// `RESERVAR`.
    Reservar(Pedido),
    /// `SEGURAR`, por um prazo.
    Segurar(Escolha, Segundos),
    /// `CONFIRMAR`; sem dizer quais, todos os segurados.
    Confirmar(Option<Assentos>),
    /// `CANCELAR`.
    Cancelar(Alvo),
}

/// O que um pedido de reserva toma.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tomados {
    pub(super) assentos: Assentos,
    /// Dos pedidos ou preferidos, os que são de outros.
    pub(super) ocupados: Assentos,
    /// Dos tomados, os que estavam livres.
    pub(super) novos: Assentos,
    /// Dos tomados, os que quem pede segurava.
    pub(super) firmados: Assentos,
}

/// As regras, sobre os assentos de uma sala. O que vence já venceu.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regras<'a> {
    pub(super) posses: &'a Posses,
    /// Quantos assentos um cliente pode ter.
    pub(super) cota: u32,
}

impl Regras<'_> {
    /// A recusa que a operação recebe, se a recebe.
    pub(super) fn recusa(self, cliente: ClientId, operacao: Operacao) -> Option<Negado> {
        let erro = match operacao {
            Operacao::Reservar(pedido) => self.tomar(cliente, pedido).err(),
            Operacao::Segurar(escolha, _) => self.segurar(cliente, escolha).err(),
            Operacao::Confirmar(quais) => self.confirmar(cliente, quais).err(),
            Operacao::Cancelar(alvo) => self.cancelar(cliente, alvo).err(),
        };
        erro.map(|erro| self.negado(erro))
    }

    /// O não desta causa, na versão destes assentos.
    pub(super) fn negado(self, erro: Error) -> Negado {
        Negado { erro, versao: Some(self.posses.versao()), livres: self.posses.livres() }
    }

    /// Os assentos que o pedido pode tomar firmes.
    ///
    /// Recusas, nesta ordem: `OCUPADO` ou `INSUFICIENTE`; `LIMITE`.
    pub(super) fn tomar(self, cliente: ClientId, pedido: Pedido) -> Result<Tomados, Error> {
        let livres = self.posses.livres();
        let (assentos, ocupados) = match pedido {
            Pedido::Todos(pedidos) => {
                (self.escolher_todos(cliente, Escolha::Estes(pedidos))?, Assentos::NENHUM)
            }
            Pedido::Parcial(pedidos) => {
                let alheios = self.posses.alheios(cliente, pedidos);
                if alheios == pedidos {
                    return Err(Error::Ocupado(alheios));
                }
                (pedidos - alheios, alheios)
            }
            Pedido::Quantidade { quantos, preferidos } => {
                if quantos > livres.len() {
                    return Err(Error::Insuficiente { livres: livres.len() });
                }
                (escolher(livres, quantos, preferidos), self.posses.alheios(cliente, preferidos))
            }
        };
        let (novos, firmados) = (assentos & livres, assentos & self.posses.segurados());
        self.exigir_cota(cliente, novos.len())?;
        Ok(Tomados { assentos, ocupados, novos, firmados })
    }

    /// Os assentos que se podem segurar, e dos quais os que estavam livres.
    ///
    /// Recusas, nesta ordem: `OCUPADO` ou `INSUFICIENTE`; `JA_RESERVADO`; `LIMITE`.
    pub(super) fn segurar(self, cliente: ClientId, escolha: Escolha) -> Result<(Assentos, Assentos), Error> {
        let assentos = self.escolher_todos(cliente, escolha)?;
        let firmes = assentos & self.posses.firmes();
        if !firmes.is_empty() {
            return Err(Error::JaReservado(firmes));
        }
        let novos = assentos & self.posses.livres();
        self.exigir_cota(cliente, novos.len())?;
        Ok((assentos, novos))
    }

    /// Os assentos segurados que se podem confirmar. Recusa: `NAO_SEGURADO`.
    pub(super) fn confirmar(self, cliente: ClientId, quais: Option<Assentos>) -> Result<Assentos, Error> {
        let segura = self.posses.de(cliente) & self.posses.segurados();
        let assentos = quais.unwrap_or(segura);
        if assentos.is_empty() || !(assentos - segura).is_empty() {
            return Err(Error::NaoSegurado(assentos - segura));
        }
        Ok(assentos)
    }

    /// Os assentos que se podem devolver. Recusa: `NAO_E_SEU`.
    pub(super) fn cancelar(self, cliente: ClientId, alvo: Alvo) -> Result<Assentos, Error> {
        let seus = self.posses.de(cliente);
        let assentos = match alvo {
            Alvo::Tudo => seus,
            Alvo::Estes(pedidos) => pedidos,
        };
        if !(assentos - seus).is_empty() {
            return Err(Error::NaoESeu(assentos - seus));
        }
        Ok(assentos)
    }

    /// Os assentos da escolha, se são todos de quem pede ou de ninguém.
    pub(super) fn escolher_todos(self, cliente: ClientId, escolha: Escolha) -> Result<Assentos, Error> {
        let livres = self.posses.livres();
        match escolha {
            Escolha::Estes(pedidos) => {
                let alheios = self.posses.alheios(cliente, pedidos);
                if alheios.is_empty() { Ok(pedidos) } else { Err(Error::Ocupado(alheios)) }
            }
            Escolha::Quantidade(quantos) if quantos > livres.len() => {
                Err(Error::Insuficiente { livres: livres.len() })
            }
            Escolha::Quantidade(quantos) => Ok(escolher(livres, quantos, Assentos::NENHUM)),
        }
    }

    /// O cliente pode ter mais estes tantos. Recusa: `LIMITE`.
    pub(super) fn exigir_cota(self, cliente: ClientId, novos: u32) -> Result<(), Error> {
        // Uma cota do tamanho da sala nunca se passa: não é preciso contar.
        let cabem = novos == 0
            || self.cota >= u32::from(ASSENTOS_MAX)
            || self.posses.de(cliente).len() + novos <= self.cota;
        if cabem { Ok(()) } else { Err(Error::Limite { max: self.cota }) }
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
