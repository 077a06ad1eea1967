//! O que uma conexão diz e ouve, anotado em poucos bytes enquanto a prova corre; depois, a [`Conversa`] que se julga.
//!
//! Anota linhas como vieram e só as lê no fim: um milhão de pedidos ocupa uns cem megabytes. Não toca em socket nem em relógio.

use std::time::Duration;

use protocolo::{ClientId, Comando, Evento, Resposta};

use juiz::historia::{Conversa, Sobra, Troca, Visto};

/// O que uma conexão disse e ouviu, na ordem.
#[derive(Debug)]
pub(super) struct Anotacao {
    cliente: ClientId,
    /// As linhas, uma depois da outra.
    texto: Vec<u8>,
    marcas: Vec<Marca>,
}

/// Dezesseis bytes por linha anotada.
#[derive(Clone, Copy, Debug)]
struct Marca {
    /// Nanossegundos desde o começo da prova.
    quando: u64,
    /// Quantos bytes do texto são desta.
    bytes: u32,
    o_que: OQue,
}

/// O que se anota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OQue {
    /// Um pedido; a hora é a de antes de mandá-lo.
    Pedido,
    /// A resposta do último pedido.
    Resposta,
    /// Deixou-se de esperar pela resposta do último pedido.
    Desistencia,
    /// Um evento.
    Evento,
    /// Alguma coisa que não se esperava.
    Sobra,
}

impl Anotacao {
    pub(super) const fn new(cliente: ClientId) -> Self {
        Self { cliente, texto: Vec::new(), marcas: Vec::new() }
    }

    /// Anota estes bytes, sem o LF do fim.
    pub(super) fn anotar(&mut self, o_que: OQue, quando: Duration, bytes: &[u8]) {
        self.texto.extend_from_slice(bytes);
        // Quinhentos anos de nanossegundos cabem em 64 bits, e um bloco tem teto.
        let quando = u64::try_from(quando.as_nanos()).unwrap_or(u64::MAX);
        let bytes = u32::try_from(bytes.len()).expect("um bloco é bem menor que quatro gigabytes");
        self.marcas.push(Marca { quando, bytes, o_que });
    }

    /// Lê o que se anotou.
    pub(super) fn conversa(self) -> Conversa {
        let mut conversa =
            Conversa { cliente: self.cliente, trocas: Vec::new(), eventos: Vec::new(), sobras: Vec::new() };
        let (mut resto, mut respostas) = (&self.texto[..], 0);
        for marca in self.marcas {
            let (este, depois) = resto.split_at(marca.bytes as usize);
            resto = depois;
            respostas += usize::from(marca.o_que == OQue::Resposta);
            let (quando, texto) = (Duration::from_nanos(marca.quando), String::from_utf8_lossy(este));
            juntar(&mut conversa, marca.o_que, quando, &texto, respostas);
        }
        conversa
    }
}

fn juntar(conversa: &mut Conversa, o_que: OQue, quando: Duration, texto: &str, depois_de: usize) {
    let sobra = || Sobra { texto: texto.to_owned(), ouvido: quando };
    match o_que {
        OQue::Pedido => {
            let pedido: Comando = texto.parse().expect("o pedido foi escrito por um Comando");
            conversa.trocas.push(Troca { pedido, enviado: quando, ouvido: quando, resposta: None });
        }
        OQue::Resposta | OQue::Desistencia => {
            let Some(troca) = conversa.trocas.last_mut() else { return };
            troca.ouvido = quando;
            if o_que == OQue::Resposta {
                troca.resposta = texto.parse::<Resposta>().ok();
                // O que não se entende não é resposta: fica à vista de quem julga.
                conversa.sobras.extend(troca.resposta.is_none().then(sobra));
            }
        }
        OQue::Evento => match texto.parse::<Evento>() {
            Ok(evento) => conversa.eventos.push(Visto { evento, ouvido: quando, depois_de }),
            Err(_) => conversa.sobras.push(sobra()),
        },
        OQue::Sobra => conversa.sobras.push(sobra()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_que_se_anota_volta_na_ordem() {
        let mut anotacao = Anotacao::new(ClientId::new(7).unwrap());
        let hora = Duration::from_millis;
        for (o_que, quando, texto) in [
            (OQue::Pedido, 1, "OBSERVAR"),
            (OQue::Resposta, 2, "OK OBSERVANDO versao=0"),
            (OQue::Evento, 3, "EVENTO 1 RESERVADO 3 cliente=8"),
            (OQue::Pedido, 4, "RESERVAR 3"),
            (OQue::Resposta, 5, "ERRO OCUPADO 3 versao=1"),
            (OQue::Pedido, 6, "PING"),
            (OQue::Resposta, 7, "OK PANG"),
            (OQue::Evento, 8, "EVENTO torto"),
            (OQue::Sobra, 9, "ERRO ENCERRANDO"),
            (OQue::Pedido, 10, "LISTAR"),
            (OQue::Desistencia, 11, ""),
        ] {
            anotacao.anotar(o_que, hora(quando), texto.as_bytes());
        }
        let conversa = anotacao.conversa();
        assert_eq!(conversa.cliente.numero(), 7);
        let trocas: Vec<_> = conversa.trocas.iter().map(|t| (t.enviado, t.ouvido)).collect();
        assert_eq!(trocas, [(1, 2), (4, 5), (6, 7), (10, 11)].map(|(a, b)| (hora(a), hora(b))));
        let respondidas: Vec<_> = conversa.trocas.iter().map(|t| t.resposta.is_some()).collect();
        assert_eq!(respondidas, [true, true, false, false]);
        assert_eq!((conversa.eventos.len(), conversa.eventos[0].depois_de), (1, 1));
        let sobras: Vec<_> = conversa.sobras.iter().map(|sobra| &sobra.texto[..]).collect();
        assert_eq!(sobras, ["OK PANG", "EVENTO torto", "ERRO ENCERRANDO"]);
    }
}
