//! O que o painel sabe da sala: o retrato, as mudanças aplicadas sobre ele, e quem fez o quê por último.
//!
//! Puro: não lê do servidor e não desenha.

use std::collections::VecDeque;

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Assentos, ClientId, Evento, Mudanca, Quadro, Versao};

/// Quantas das últimas mudanças se guardam: as que cabem ao lado do mapa.
pub const ULTIMAS_MAX: usize = 10;

/// A sala num instante, como a vê um cliente.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retrato {
    /// Os assentos.
    pub quadro: Quadro,
    /// A versão da sala.
    pub versao: Versao,
    /// Quem vê: os assentos dele são os "seus".
    pub cliente: ClientId,
}

/// Uma linha de quem fez o quê.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feito {
    /// A sala mudou. Dos assentos que ficaram livres, `de` é quem os tinha, se era um só e se sabe quem.
    Mudou {
        /// O que mudou.
        evento: Evento,
        /// De quem eram.
        de: Option<ClientId>,
    },
    /// Entre a mudança de antes e esta versão, não se viu o que aconteceu.
    Religou(Versao),
}

/// O que se sabe da sala.
pub struct Estado {
    /// A sala agora ou, desligado, como estava.
    pub retrato: Retrato,
    /// Por que não há conexão, se não há.
    pub desligado: Option<String>,
    /// O que aconteceu, o mais novo primeiro.
    pub ultimas: VecDeque<Feito>,
    /// A versão do retrato que o servidor deu: ele já conta com as mudanças até ela.
    retratada: Versao,
    /// De quem é cada assento, dos que se viu mudar.
    donos: [Option<ClientId>; ASSENTOS_MAX as usize],
}

impl Estado {
    /// Um painel ligado, que ainda não viu nada mudar.
    pub fn new(retrato: Retrato) -> Self {
        let donos = [None; ASSENTOS_MAX as usize];
        Self { retrato, desligado: None, ultimas: VecDeque::new(), retratada: retrato.versao, donos }
    }

    /// A sala mudou. Uma mudança pode vir em várias linhas da mesma versão.
    pub fn mudou(&mut self, evento: Evento) {
        let Evento { versao, assentos, mudanca } = evento;
        let dono = match mudanca {
            Mudanca::Reservado(cliente) | Mudanca::Segurado(cliente) => Some(cliente),
            Mudanca::Livre => None,
        };
        let de = if dono.is_none() { self.dono_de(assentos) } else { None };
        for assento in assentos {
            self.donos[assento.indice()] = dono;
        }
        self.lembrar(Feito::Mudou { evento, de });
        if versao > self.retratada {
            self.retrato.versao = versao;
            aplicar(&mut self.retrato, assentos, mudanca);
        }
    }

    /// A conexão caiu, ou não se conseguiu religar.
    pub fn desligou(&mut self, motivo: String) {
        self.desligado = Some(motivo);
    }

    /// A conexão voltou.
    pub fn religou(&mut self, retrato: Retrato) {
        let antes = std::mem::take(&mut self.ultimas);
        let versao_antes = self.retrato.versao;
        *self = Self { ultimas: antes, ..Self::new(retrato) };
        if retrato.versao != versao_antes {
            self.lembrar(Feito::Religou(retrato.versao));
        }
    }

    /// De quem são estes assentos, se são todos de um só e se viu quem.
    fn dono_de(&self, assentos: Assentos) -> Option<ClientId> {
        let mut donos = assentos.iter().map(|assento| self.donos[assento.indice()]);
        let primeiro = donos.next()??;
        donos.all(|dono| dono == Some(primeiro)).then_some(primeiro)
    }

    fn lembrar(&mut self, feito: Feito) {
        self.ultimas.truncate(ULTIMAS_MAX - 1);
        self.ultimas.push_front(feito);
    }
}

fn aplicar(Retrato { quadro, cliente: eu, .. }: &mut Retrato, assentos: Assentos, mudanca: Mudanca) {
    quadro.segurados = quadro.segurados - assentos;
    quadro.ocupados = quadro.ocupados - assentos;
    quadro.seus = quadro.seus - assentos;
    let dono = match mudanca {
        Mudanca::Reservado(cliente) => {
            quadro.ocupados |= assentos;
            cliente
        }
        Mudanca::Segurado(cliente) => {
            quadro.segurados |= assentos;
            cliente
        }
        Mudanca::Livre => return,
    };
    if dono == *eu {
        quadro.seus |= assentos;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrato(linhas: &str) -> Retrato {
        match linhas.parse().unwrap() {
            protocolo::Resposta::Listado { quadro, versao } => {
                Retrato { quadro, versao, cliente: ClientId::new(7).unwrap() }
            }
            outra => panic!("{outra}"),
        }
    }

    fn com_o_3() -> Retrato {
        retrato(
            "LIVRES 1-2 4-100\nSEGURADOS\nOCUPADOS 3\nSEUS 3\n\
             OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=5",
        )
    }

    /// As quatro listas e a versão.
    fn sala(estado: &Estado) -> String {
        let Retrato { quadro, versao, .. } = estado.retrato;
        let Quadro { segurados, ocupados, seus } = quadro;
        format!("{} livres; ~ {segurados}; x {ocupados}; seus {seus}; versão {versao}", quadro.livres().len())
    }

    #[test]
    fn cada_mudanca_muda_o_retrato() {
        let mut estado = Estado::new(com_o_3());
        for (evento, esperada) in [
            // O retrato já conta com as mudanças até a sua versão.
            ("EVENTO 5 LIVRE 3", "99 livres; ~ ; x 3; seus 3; versão 5"),
            ("EVENTO 6 SEGURADO 8 9 cliente=7", "97 livres; ~ 8 9; x 3; seus 3 8 9; versão 6"),
            ("EVENTO 7 RESERVADO 8 cliente=7", "97 livres; ~ 9; x 3 8; seus 3 8 9; versão 7"),
            // Uma versão em várias linhas: de quem eram para quem são.
            ("EVENTO 9 LIVRE 8", "98 livres; ~ 9; x 3; seus 3 9; versão 9"),
            ("EVENTO 9 SEGURADO 3 cliente=2", "98 livres; ~ 3 9; x ; seus 9; versão 9"),
            ("EVENTO 9 RESERVADO 9 100 cliente=2", "97 livres; ~ 3; x 9 100; seus ; versão 9"),
        ] {
            estado.mudou(evento.parse().unwrap());
            assert_eq!(sala(&estado), esperada, "{evento}");
        }
    }

    #[test]
    fn lembra_quem_fez_o_que_e_de_quem_era() {
        let mut estado = Estado::new(com_o_3());
        let dois = ClientId::new(2);
        for (evento, de) in [
            ("EVENTO 6 LIVRE 3", None),
            ("EVENTO 7 RESERVADO 1 2 cliente=2", None),
            ("EVENTO 8 SEGURADO 4 cliente=5", None),
            ("EVENTO 9 LIVRE 1", dois),
            ("EVENTO 10 LIVRE 2 4", None),
            ("EVENTO 11 LIVRE 2", None),
        ] {
            let evento = evento.parse().unwrap();
            estado.mudou(evento);
            assert_eq!(estado.ultimas[0], Feito::Mudou { evento, de });
        }
        for versao in 12..30 {
            estado.mudou(format!("EVENTO {versao} LIVRE 1").parse().unwrap());
        }
        assert_eq!(estado.ultimas.len(), ULTIMAS_MAX);
        assert!(matches!(estado.ultimas[9], Feito::Mudou { evento, .. } if evento.versao == Versao(20)));
    }

    #[test]
    fn religar_traz_outro_retrato_e_diz_que_nao_se_viu_tudo() {
        let mut estado = Estado::new(com_o_3());
        estado.mudou("EVENTO 6 RESERVADO 1 cliente=2".parse().unwrap());
        estado.desligou("o cabo".into());
        assert_eq!(
            (sala(&estado).as_str(), estado.desligado.as_deref()),
            ("98 livres; ~ ; x 1 3; seus 3; versão 6", Some("o cabo"))
        );
        // Nada mudou enquanto isso.
        let igual = estado.retrato;
        estado.religou(igual);
        assert_eq!((estado.desligado.as_deref(), estado.ultimas.len()), (None, 1));
        // Um servidor que recomeçou do zero.
        let vazia = Retrato { quadro: Quadro::default(), versao: Versao(0), ..igual };
        estado.religou(vazia);
        assert_eq!((estado.ultimas[0], estado.ultimas.len()), (Feito::Religou(Versao(0)), 2));
        // E já não se sabe de quem era o 1.
        let evento = "EVENTO 1 LIVRE 1".parse().unwrap();
        estado.mudou(evento);
        assert_eq!(estado.ultimas[0], Feito::Mudou { evento, de: None });
        assert_eq!(estado.retrato.versao, Versao(1));
    }
}
