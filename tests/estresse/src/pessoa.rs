//! O que um cliente do estresse decide pedir. Depende só da semente, do número dele e do que ele mesmo ouviu: nem relógio,
//! nem socket, nem o que fazem os outros.
//!
//! Todos fazem de tudo um pouco; alguns têm uma mania (ver [`Mania`]), para que sempre haja quem espere, quem observe e quem
//! esqueça. Metade dos assentos pedidos são de uma fileira só, a quente, que a semente escolhe: ali todos se encontram.

use std::fmt::Write;

use protocolo::limites::{ASSENTOS_MAX, FILEIRA_ASSENTOS};
use protocolo::{
    Alvo, Assento, Assentos, Cerca, Comando, ComandoToken, Error, Escolha, Pedido, Resposta, Segundos,
};

use arnes::Sorteio;

use super::medidas::Especie;

/// O mais que um pedido destes espera a sua vez (`ATE`), em segundos.
pub(super) const ESPERA_S_MAX: u32 = 2;
/// Quem tem mais assentos do que isto devolve: senão a sala encheria, e tudo seria recusa.
const MEUS_MAX: u32 = 5;

/// O que os clientes fazem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trabalho {
    /// De tudo, sorteado.
    Misto,
    /// Cada um reserva e devolve os seus três assentos: para medir quanto esta carga consegue pedir.
    Trios,
}

/// Um cliente do estresse.
#[derive(Debug)]
pub(super) enum Pessoa {
    Mista(Box<Mista>),
    Trio { pedidos: [String; 2], vez: usize },
}

impl Pessoa {
    /// O cliente deste número, a contar de zero.
    pub(super) fn new(trabalho: Trabalho, semente: u64, numero: usize) -> Self {
        match trabalho {
            Trabalho::Misto => Self::Mista(Box::new(Mista::new(semente, numero))),
            Trabalho::Trios => {
                let base = 3 * (numero % 33) + 1;
                let trio = format!("{base} {} {}", base + 1, base + 2);
                Self::Trio {
                    pedidos: ["RESERVAR", "CANCELAR"].map(|verbo| format!("{verbo} {trio}")),
                    vez: 0,
                }
            }
        }
    }

    /// Acrescenta à linha o próximo pedido, sem o seu fim.
    pub(super) fn pedir(&mut self, linha: &mut String) -> Especie {
        match self {
            Self::Mista(mista) => {
                let comando = mista.escolher();
                // Escrever numa String não falha.
                let _ = write!(linha, "{comando}");
                Especie::de(&comando)
            }
            Self::Trio { pedidos, vez } => {
                *vez += 1;
                linha.push_str(&pedidos[(*vez + 1) % 2]);
                if *vez % 2 == 1 { Especie::Reservar } else { Especie::Cancelar }
            }
        }
    }

    /// Ouve a resposta: as linhas de dados e a final, sem o texto para pessoas.
    pub(super) fn ouvir(&mut self, bloco: &str) {
        // De um desenho da sala não se decide nada, e ele é longo.
        let Self::Mista(mista) = self else { return };
        if bloco.starts_with(' ') {
            return;
        }
        if let Ok(resposta) = bloco.parse() {
            mista.ouvir(&resposta);
        }
    }
}

/// O que alguns clientes fazem mais que os outros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mania {
    /// Nada de especial.
    Nenhuma,
    /// Pede o token, usa-o com a `CERCA` e o libera; às vezes dorme além do prazo, às vezes usa uma cerca velha.
    Token,
    /// Espera por assentos.
    Aguardar,
    /// Segura e esquece, para que o prazo vença.
    Esquecer,
    /// Observa.
    Observar,
}

impl Mania {
    /// Uma de cada oito pessoas tem cada mania.
    const fn de(numero: usize) -> Self {
        match numero % 8 {
            1 => Self::Token,
            2 => Self::Aguardar,
            3 => Self::Esquecer,
            4 if numero % 16 == 4 => Self::Observar,
            _ => Self::Nenhuma,
        }
    }
}

/// Quem faz de tudo.
#[derive(Debug)]
pub(super) struct Mista {
    sorteio: Sorteio,
    mania: Mania,
    /// O primeiro assento da fileira quente, menos um.
    quente: u8,
    /// O que sabe que tem.
    firmes: Assentos,
    segurados: Assentos,
    /// Segurou e finge não saber: o prazo há de vencer.
    esquecidos: Assentos,
    observa: bool,
    token: Option<Posse>,
    /// A última cerca que foi sua.
    velha: Option<Cerca>,
}

/// O token, enquanto se crê que se tem.
#[derive(Clone, Copy, Debug)]
struct Posse {
    cerca: Cerca,
    /// Quantos pedidos ainda faz antes de liberar.
    faltam: u32,
}

impl Mista {
    fn new(semente: u64, numero: usize) -> Self {
        let fileiras = u64::from(ASSENTOS_MAX / FILEIRA_ASSENTOS);
        let quente = u8::try_from(Sorteio::com(semente).ate(fileiras) - 1).unwrap_or_default();
        // Somar o número à semente daria a cada um a sequência do vizinho, atrasada; misturado, não.
        let minha = semente ^ Sorteio::com(numero as u64).proximo();
        Self {
            sorteio: Sorteio::com(minha),
            mania: Mania::de(numero),
            quente: quente * FILEIRA_ASSENTOS,
            firmes: Assentos::NENHUM,
            segurados: Assentos::NENHUM,
            esquecidos: Assentos::NENHUM,
            observa: false,
            token: None,
            velha: None,
        }
    }

    fn escolher(&mut self) -> Comando {
        if let Some(posse) = self.token {
            return self.com_token(posse);
        }
        let mania = self.mania;
        match mania {
            Mania::Token if self.um_em(3) => return self.solicitar(),
            Mania::Aguardar if self.um_em(3) => return self.aguardar(),
            Mania::Esquecer if self.um_em(3) => return self.segurar(),
            Mania::Observar if !self.observa => return Comando::Observar,
            Mania::Observar if self.um_em(500) => return Comando::Parar,
            _ => {}
        }
        if (self.firmes | self.segurados).len() > MEUS_MAX {
            return self.cancelar(None);
        }
        match self.sorteio.ate(100) {
            1..=36 => Comando::Reservar { pedido: self.pedido(), cerca: None },
            37..=47 => self.segurar(),
            48..=57 => self.confirmar(),
            58..=82 => self.cancelar(None),
            83..=93 => Comando::Listar,
            94..=96 => Comando::Mapa,
            97 => Comando::Token(ComandoToken::Estado),
            98 => self.com_cerca_velha(),
            // Raro: a espera é mil vezes mais longa que outro pedido, e logo todos estariam à espera.
            99 if self.um_em(200) => self.aguardar(),
            _ => Comando::Ping,
        }
    }

    // ---- O token ----

    fn solicitar(&mut self) -> Comando {
        let (por, ate) = (self.segundos(ESPERA_S_MAX), self.segundos(ESPERA_S_MAX));
        Comando::Token(ComandoToken::Solicitar { por, ate: Some(ate) })
    }

    fn com_token(&mut self, mut posse: Posse) -> Comando {
        let Some(faltam) = posse.faltam.checked_sub(1) else {
            return Comando::Token(ComandoToken::Liberar);
        };
        posse.faltam = faltam;
        self.token = Some(posse);
        let cerca = Some(posse.cerca);
        match self.sorteio.ate(20) {
            1..=12 => Comando::Reservar { pedido: self.pedido(), cerca },
            13..=18 => self.cancelar(cerca),
            19 => Comando::Token(ComandoToken::Estado),
            _ => self.solicitar(),
        }
    }

    /// Como quem acordou tarde.
    fn com_cerca_velha(&mut self) -> Comando {
        let cerca = Some(self.velha.unwrap_or(Cerca(self.sorteio.ate(1000))));
        if self.um_em(2) { Comando::Reservar { pedido: self.pedido(), cerca } } else { self.cancelar(cerca) }
    }

    fn conceder(&mut self, cerca: Cerca) {
        // Um em cada tantos dorme além do prazo, e só percebe quando a cerca é recusada.
        let faltam = if self.um_em(200) { u32::MAX } else { u32::try_from(self.sorteio.ate(5)).unwrap_or(1) };
        self.token = Some(Posse { cerca, faltam });
        self.velha = Some(cerca);
    }

    // ---- Assentos ----

    fn pedido(&mut self) -> Pedido {
        match self.sorteio.ate(10) {
            1..=5 => Pedido::Todos(self.lista()),
            6..=8 => Pedido::Parcial(self.lista()),
            _ => {
                let preferidos = if self.um_em(2) { self.lista() } else { Assentos::NENHUM };
                Pedido::Quantidade { quantos: self.quantos(), preferidos }
            }
        }
    }

    fn segurar(&mut self) -> Comando {
        let por = match self.sorteio.ate(10) {
            1..=7 => Segundos::new(1),
            8..=9 => Segundos::new(2),
            _ => None,
        };
        Comando::Segurar { escolha: self.escolha(), por: por.unwrap_or(Segundos::SEGURAR_PADRAO) }
    }

    fn aguardar(&mut self) -> Comando {
        Comando::Aguardar { escolha: self.escolha(), ate: Some(self.segundos(ESPERA_S_MAX)) }
    }

    fn escolha(&mut self) -> Escolha {
        if self.um_em(4) { Escolha::Quantidade(self.quantos()) } else { Escolha::Estes(self.lista()) }
    }

    fn confirmar(&mut self) -> Comando {
        // Quem esqueceu de alguns não diz "todos", que os lembraria.
        if self.esquecidos.is_empty() && self.um_em(2) {
            return Comando::Confirmar(None);
        }
        let quais =
            if self.segurados.is_empty() { self.lista() } else { self.segurados.primeiros(self.quantos()) };
        Comando::Confirmar(Some(quais))
    }

    fn cancelar(&mut self, cerca: Option<Cerca>) -> Comando {
        let meus = self.firmes | self.segurados;
        let alvo = match self.sorteio.ate(10) {
            1..=4 if self.esquecidos.is_empty() => Alvo::Tudo,
            10 => Alvo::Estes(self.lista()),
            _ if meus.is_empty() => Alvo::Estes(self.lista()),
            _ => Alvo::Estes(meus.primeiros(self.quantos())),
        };
        Comando::Cancelar { alvo, cerca }
    }

    fn lista(&mut self) -> Assentos {
        (0..self.quantos()).filter_map(|_| self.assento()).collect()
    }

    fn assento(&mut self) -> Option<Assento> {
        let numero = if self.um_em(2) {
            self.quente + u8::try_from(self.sorteio.ate(FILEIRA_ASSENTOS.into())).ok()?
        } else {
            u8::try_from(self.sorteio.ate(ASSENTOS_MAX.into())).ok()?
        };
        Assento::new(numero)
    }

    // ---- O acaso ----

    /// De um a quatro, quase sempre poucos.
    fn quantos(&mut self) -> u32 {
        self.sorteio.proximo().trailing_zeros().min(3) + 1
    }

    const fn um_em(&mut self, tantos: u64) -> bool {
        self.sorteio.ate(tantos) == 1
    }

    fn segundos(&mut self, ate: u32) -> Segundos {
        let sorteados = u32::try_from(self.sorteio.ate(ate.into())).ok().and_then(Segundos::new);
        sorteados.expect("de um a poucos segundos")
    }

    // ---- O que se aprende ----

    fn ouvir(&mut self, resposta: &Resposta) {
        match resposta {
            Resposta::Reservado { assentos, .. } | Resposta::Confirmado { assentos, .. } => {
                self.esquecer(*assentos);
                self.firmes |= *assentos;
            }
            Resposta::Segurado { assentos, .. } => {
                self.esquecer(*assentos);
                if self.mania == Mania::Esquecer && self.esquecidos.is_empty() {
                    self.esquecidos = *assentos;
                } else {
                    self.segurados |= *assentos;
                }
            }
            Resposta::Cancelado { assentos, .. } => self.esquecer(*assentos),
            Resposta::Listado { quadro, .. } => {
                self.esquecidos = self.esquecidos & quadro.seus;
                self.firmes = quadro.seus & quadro.ocupados;
                self.segurados = (quadro.seus & quadro.segurados) - self.esquecidos;
            }
            Resposta::Observando { .. } => self.observa = true,
            Resposta::Parado => self.observa = false,
            Resposta::TokenConcedido { cerca, .. } => self.conceder(*cerca),
            Resposta::Liberado { .. } => self.token = None,
            Resposta::Recusado(recusa) => self.ouvir_recusa(&recusa.erro),
            _ => {}
        }
    }

    fn ouvir_recusa(&mut self, erro: &Error) {
        match erro {
            Error::NaoSegurado(quais) if quais.is_empty() => self.segurados = Assentos::NENHUM,
            Error::NaoSegurado(quais) => self.segurados = self.segurados - *quais,
            Error::NaoESeu(quais) => self.esquecer(*quais),
            Error::TokenNaoESeu => self.token = None,
            // Ainda tenta liberar, como quem não entendeu.
            Error::CercaVencida { .. } => {
                self.token = self.token.map(|posse| Posse { faltam: 0, ..posse });
            }
            _ => {}
        }
    }

    /// Estes já não são o que se sabia.
    fn esquecer(&mut self, quais: Assentos) {
        self.firmes = self.firmes - quais;
        self.segurados = self.segurados - quais;
        self.esquecidos = self.esquecidos - quais;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn pedidos(semente: u64, numero: usize, quantos: usize) -> Vec<String> {
        let mut pessoa = Pessoa::new(Trabalho::Misto, semente, numero);
        let pedir = |_| {
            let mut linha = String::new();
            pessoa.pedir(&mut linha);
            pessoa.ouvir(match &linha[..] {
                "OBSERVAR" => "OK OBSERVANDO versao=0",
                "PARAR" => "OK PARADO",
                "TOKEN LIBERAR" => "OK LIBERADO contador=1 espera=0",
                _ if linha.starts_with("TOKEN SOLICITAR") => "OK TOKEN cerca=5 contador=0 espera=0 prazo=1",
                _ => "ERRO OCUPADO 1 versao=0",
            });
            linha
        };
        (0..quantos).map(pedir).collect()
    }

    #[test]
    fn mesma_semente_mesmos_pedidos_e_cada_um_os_seus() {
        for numero in 0..16 {
            assert_eq!(pedidos(7, numero, 50), pedidos(7, numero, 50));
            assert_ne!(pedidos(7, numero, 50), pedidos(8, numero, 50));
        }
        assert_ne!(pedidos(7, 0, 50), pedidos(7, 8, 50));
    }

    /// Cada forma de cada comando é pedida por alguém, e toda espera tem fim.
    #[test]
    fn entre_todos_se_pede_de_tudo() {
        let todos: BTreeSet<String> = (0..16).flat_map(|numero| pedidos(3, numero, 2000)).collect();
        for comeco in [
            "RESERVAR PARCIAL",
            "RESERVAR QUANTIDADE",
            "RESERVAR 1",
            "SEGURAR QUANTIDADE",
            "SEGURAR 1",
            "CONFIRMAR 1",
            "CANCELAR TUDO",
            "CANCELAR 1",
            "AGUARDAR QUANTIDADE",
            "AGUARDAR 1",
            "LISTAR",
            "MAPA",
            "OBSERVAR",
            "TOKEN SOLICITAR POR 1 ATE",
            "TOKEN LIBERAR",
            "TOKEN ESTADO",
        ] {
            assert!(todos.iter().any(|pedido| pedido.starts_with(comeco)), "{comeco}");
        }
        assert!(todos.contains("CONFIRMAR"));
        for parte in [" PREFERINDO ", " CERCA 5", " POR 120", " POR 1", " CERCA "] {
            assert!(todos.iter().any(|pedido| pedido.contains(parte)), "{parte}");
        }
        for pedido in &todos {
            let espera = pedido.starts_with("AGUARDAR") || pedido.starts_with("TOKEN SOLICITAR");
            assert!(!espera || pedido.contains(" ATE "), "{pedido}");
            assert_eq!(pedido.parse::<Comando>().unwrap().to_string(), *pedido);
        }
    }
}
