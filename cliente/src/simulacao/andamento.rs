//! O que se sabe da simulação a cada momento: o estado de cada cliente, a história que a prova julga, e as frases.
//!
//! Sem relógio e sem tela: o tempo e as novidades entram por argumento, e o que se mostra sai como dados.

use std::time::Duration;

use cliente::{Cliente, EstadoDoToken, Falha};
use protocolo::Cerca;

use super::prova::{Desfecho, Posse};
use super::trabalho::Novidade;

/// O que um cliente simulado faz agora.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Estado {
    /// Entre uma volta e outra.
    Pensando,
    /// Na fila, desde este instante.
    Esperando(Duration),
    /// É o dono.
    ComOToken,
    /// Já não dá voltas.
    Acabou,
}

impl Estado {
    /// Como se diz.
    pub const fn nome(self) -> &'static str {
        match self {
            Self::Pensando => "pensando",
            Self::Esperando(_) => "esperando",
            Self::ComOToken => "com o token",
            Self::Acabou => "acabou",
        }
    }
}

/// Um cliente simulado visto de fora.
#[derive(Clone, Copy, Debug)]
pub struct Situacao {
    /// O que faz.
    pub estado: Estado,
    /// Quantas voltas já deu.
    pub voltas: u32,
    /// Quantas vezes o token foi dele.
    pub concessoes: u32,
    /// Quanto esperou ao todo.
    pub espera_total: Duration,
    /// A sua maior espera.
    pub espera_maior: Duration,
}

impl Situacao {
    /// Há quanto tempo espera agora.
    pub fn espera_agora(&self, agora: Duration) -> Option<Duration> {
        match self.estado {
            Estado::Esperando(desde) => Some(agora.saturating_sub(desde)),
            _ => None,
        }
    }

    /// Quanto esperou em média por concessão.
    pub fn espera_media(&self) -> Duration {
        self.espera_total.checked_div(self.concessoes).unwrap_or_default()
    }
}

/// A simulação inteira.
#[derive(Debug)]
pub struct Andamento {
    /// Os clientes, do 1 em diante.
    pub clientes: Vec<Situacao>,
    /// O último contador que o servidor disse.
    pub contador: u64,
    /// Quantos esperavam, como o servidor disse por último.
    pub espera: u64,
    /// O dono e a sua cerca, se um dos clientes tem o token.
    pub dono: Option<(u16, Cerca)>,
    /// Cada posse que acabou.
    pub posses: Vec<Posse>,
    /// Quantos ainda dão voltas.
    pub ativos: usize,
    /// A conexão do último que acabou bem.
    pub conexao: Option<Cliente>,
    /// O que não deu certo, e a quem, da primeira vez.
    pub falha: Option<(u16, Falha)>,
}

impl Andamento {
    /// Tantos clientes pensando, e o que o servidor disse do token.
    pub fn new(clientes: u16, inicio: &EstadoDoToken) -> Self {
        let novo = Situacao {
            estado: Estado::Pensando,
            voltas: 0,
            concessoes: 0,
            espera_total: Duration::ZERO,
            espera_maior: Duration::ZERO,
        };
        Self {
            clientes: vec![novo; clientes.into()],
            contador: inicio.contador,
            espera: inicio.espera,
            dono: None,
            posses: Vec::new(),
            ativos: clientes.into(),
            conexao: None,
            falha: None,
        }
    }

    /// Anota uma novidade; devolve a frase a mostrar onde não há painel, se o token mudou de dono.
    pub fn anotar(&mut self, novidade: Novidade) -> Option<String> {
        match novidade {
            Novidade::Pediu(numero, quando) => self.cliente(numero).estado = Estado::Esperando(quando),
            Novidade::Obteve(numero, quando, concessao) => {
                let cliente = self.cliente(numero);
                let esperou = cliente.espera_agora(quando).unwrap_or_default();
                cliente.espera_total += esperou;
                cliente.espera_maior = cliente.espera_maior.max(esperou);
                cliente.concessoes += 1;
                cliente.estado = Estado::ComOToken;
                self.dono = Some((numero, concessao.cerca));
                self.ouvir(concessao.contador, concessao.espera);
                let (cerca, contador, espera) = (concessao.cerca, concessao.contador, concessao.espera);
                return Some(format!(
                    "cliente {numero} com o token: cerca {cerca}, contador {contador}, espera {espera}"
                ));
            }
            Novidade::Larga(numero) => {
                self.cliente(numero).estado = Estado::Pensando;
                self.dono = self.dono.filter(|(dono, _)| *dono != numero);
            }
            Novidade::Largou(posse, espera) => {
                self.cliente(posse.cliente).voltas += 1;
                if let (Desfecho::Liberada(contador), Some(espera)) = (posse.desfecho, espera) {
                    self.ouvir(contador, espera);
                }
                self.posses.push(posse);
            }
            Novidade::Acabou(numero, resultado) => self.acabar(numero, resultado),
            Novidade::Pare | Novidade::Quebrou(_) => {}
        }
        None
    }

    fn acabar(&mut self, numero: u16, resultado: Result<Cliente, Falha>) {
        self.cliente(numero).estado = Estado::Acabou;
        self.dono = self.dono.filter(|(dono, _)| *dono != numero);
        self.ativos -= 1;
        match resultado {
            Ok(conexao) => self.conexao = Some(conexao),
            Err(falha) => {
                self.falha.get_or_insert((numero, falha));
            }
        }
    }

    /// O servidor disse estes números. A resposta a um LIBERAR pode chegar depois da concessão que ele causou: dos
    /// dois, vale o que conta mais liberações.
    fn ouvir(&mut self, contador: u64, espera: u64) {
        if contador >= self.contador {
            (self.contador, self.espera) = (contador, espera);
        }
    }

    fn cliente(&mut self, numero: u16) -> &mut Situacao {
        &mut self.clientes[usize::from(numero) - 1]
    }
}

#[cfg(test)]
mod tests {
    use cliente::Concessao;

    use super::*;

    const fn ms(quantos: u64) -> Duration {
        Duration::from_millis(quantos)
    }

    #[test]
    fn segue_uma_volta_de_dois_clientes() {
        let inicio = EstadoDoToken { dono: None, cerca: Cerca(17), contador: 16, espera: 0 };
        let mut andamento = Andamento::new(2, &inicio);
        let concessao =
            |cerca, contador, espera| Concessao { cerca: Cerca(cerca), contador, espera, prazo: 30 };
        assert_eq!(andamento.anotar(Novidade::Pediu(1, ms(0))), None);
        let frase = andamento.anotar(Novidade::Obteve(1, ms(1), concessao(18, 16, 0)));
        assert_eq!(frase.unwrap(), "cliente 1 com o token: cerca 18, contador 16, espera 0");
        andamento.anotar(Novidade::Pediu(2, ms(2)));
        assert_eq!(andamento.clientes[1].espera_agora(ms(5)), Some(ms(3)));
        andamento.anotar(Novidade::Larga(1));
        assert_eq!(andamento.dono, None);
        // O dono seguinte fala antes de o anterior ouvir o seu LIBERADO: o contador da tela não volta atrás.
        andamento.anotar(Novidade::Obteve(2, ms(9), concessao(19, 17, 0)));
        assert_eq!(andamento.dono, Some((2, Cerca(19))));
        let posse = Posse {
            cliente: 1,
            cerca: 18,
            contador: 16,
            prazo: ms(30_000),
            pediu: ms(0),
            obteve: ms(1),
            largou: ms(8),
            soube: ms(10),
            desfecho: Desfecho::Liberada(17),
        };
        andamento.anotar(Novidade::Largou(posse, Some(1)));
        assert_eq!((andamento.contador, andamento.espera, andamento.dono), (17, 1, Some((2, Cerca(19)))));
        assert_eq!((andamento.clientes[0].voltas, andamento.clientes[0].concessoes), (1, 1));
        assert_eq!(
            (andamento.clientes[1].espera_maior, andamento.clientes[1].espera_media()),
            (ms(7), ms(7))
        );
        andamento.anotar(Novidade::Acabou(2, Err(Falha::Perdida(None))));
        andamento.anotar(Novidade::Acabou(1, Err(Falha::Demora)));
        assert_eq!((andamento.ativos, andamento.dono), (0, None));
        assert!(matches!(andamento.falha, Some((2, Falha::Perdida(None)))));
    }
}
