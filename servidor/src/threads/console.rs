//! O console do operador: uma tecla, uma ação. Num cano ou num arquivo, as mesmas letras, uma por linha.
//!
//! Roda numa thread só sua, que lê a entrada padrão. O que mostra passa pela fila das mensagens, e por isso não
//! atravessa as linhas das operações. Só olha a sala; quem fecha conexões e encerra é a parada.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};
use std::time::Duration;

use log::{info, warn};
use protocolo::{Error, Resposta};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::base::sincronia::{Arc, criar_thread, dormir};
use crate::limites::{MOSTRADOS_MAX, PILHA_BYTES};
use crate::rede::parada::Parada;
use crate::servico::Servico;
use crate::tela::mensagens;
use crate::tela::terminal::{self, Teclado};

/// Quanto se espera pelo resto de uma sequência depois de Esc, em nanossegundos: um terminal manda tudo junto, e uma
/// pessoa não bate duas teclas em 50 ms.
const ESC_NS: i64 = 50_000_000;

/// De quanto em quanto tempo, ao fundo, o console olha se o programa voltou ao primeiro plano: o shell nem sempre avisa.
const AO_FUNDO: Duration = Duration::from_millis(250);

/// Quantos bytes tem a maior sequência que se lê de uma tecla.
const SEQUENCIA_MAX: usize = 8;
const ESC: u8 = 0x1b;

/// O que uma tecla pede.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Acao {
    Ajuda,
    Mapa,
    Conexoes,
    Token,
    Fechar,
    Reiniciar,
    Sair,
}

const AJUDA: &str = "\
teclas do servidor:
  ?        esta ajuda
  m        o mapa da sala
  c        quem está conectado, e o que é de cada um
  t        o token, a sua fila e as concessões de cada cliente
  f, Esc   fecha todas as conexões
  r, F5    reinicia: avisa todos, fecha a porta e abre de novo, com a sala como estava
  q        encerra em ordem (como Ctrl-C)";

impl Acao {
    fn da_letra(letra: char) -> Option<Self> {
        Some(match letra {
            '?' | 'h' | 'H' => Self::Ajuda,
            'm' | 'M' => Self::Mapa,
            'c' | 'C' => Self::Conexoes,
            't' | 'T' => Self::Token,
            'f' | 'F' => Self::Fechar,
            'r' | 'R' => Self::Reiniciar,
            'q' | 'Q' => Self::Sair,
            _ => return None,
        })
    }

    /// A ação de uma sequência que começou por Esc: o resto dela, vazio se foi a tecla Esc.
    fn da_sequencia(resto: &[u8]) -> Option<Self> {
        match resto {
            b"" => Some(Self::Fechar),
            b"[15~" | b"[[E" => Some(Self::Reiniciar),
            _ => None,
        }
    }
}

/// Começa a ouvir o operador; solto o que esta função devolve, o terminal fica como estava.
///
/// Erros: o sistema negou a thread.
pub fn iniciar(servico: &Arc<Servico>, parada: &Parada) -> io::Result<Teclado> {
    let console = Console { servico: Arc::clone(servico), parada: parada.clone() };
    let teclas = terminal::ha_terminal();
    if terminal::preparar() {
        mensagens::dizer(
            "teclas: ? ajuda, m mapa, c conexões, t token, f fecha todas, r reinicia, q encerra",
        );
    }
    let teclado = Teclado;
    criar_thread("console".into(), PILHA_BYTES, move || {
        let resultado =
            if teclas { console.ouvir_teclas() } else { console.ouvir_linhas(&mut io::stdin().lock()) };
        if let Err(erro) = resultado {
            warn!("o console não pôde ler a entrada ({erro}); o servidor continua sem ele");
        }
    })?;
    Ok(teclado)
}

struct Console {
    servico: Arc<Servico>,
    parada: Parada,
}

impl Console {
    /// Uma tecla por vez, até o fim da entrada.
    fn ouvir_teclas(&self) -> io::Result<()> {
        let teclas = Teclas(io::stdin());
        while let Some(byte) = teclas.proximo()? {
            let acao = match byte {
                ESC => Acao::da_sequencia(&teclas.resto_da_sequencia()?),
                _ => Acao::da_letra(char::from(byte)),
            };
            match acao {
                Some(acao) => self.fazer(acao),
                None if byte.is_ascii_graphic() => mensagens::dizer("tecla sem ação; ? mostra as que há"),
                None => {}
            }
        }
        Ok(())
    }

    /// Uma letra por linha, até o fim da entrada; depois o servidor segue sem console.
    fn ouvir_linhas(&self, entrada: &mut impl BufRead) -> io::Result<()> {
        let mut linha = Vec::new();
        loop {
            linha.clear();
            // Uma linha de console é uma letra: o teto só protege de um arquivo qualquer.
            if entrada.by_ref().take(256).read_until(b'\n', &mut linha)? == 0 {
                return Ok(());
            }
            let texto = String::from_utf8_lossy(&linha);
            let mut letras = texto.trim().chars();
            let acao = letras.next().and_then(Acao::da_letra).filter(|_| letras.next().is_none());
            match acao {
                Some(acao) => self.fazer(acao),
                None if texto.trim().is_empty() => {}
                None => mensagens::dizer("console: uma letra por linha; ? mostra as que há"),
            }
        }
    }

    fn fazer(&self, acao: Acao) {
        match acao {
            Acao::Ajuda => mensagens::dizer(AJUDA),
            Acao::Mapa => mensagens::dizer(&self.mapa()),
            Acao::Conexoes => mensagens::dizer(&self.conexoes()),
            Acao::Token => mensagens::dizer(&self.token()),
            Acao::Fechar => {
                let quantas = self.parada.dispensar_conexoes();
                self.servico.monitor.dispensar(&Error::Encerrando);
                info!("operador: {quantas} conexões fechadas; a porta continua aberta");
            }
            Acao::Reiniciar => {
                info!("operador: reiniciando; a sala fica como está");
                self.parada.pedir_reinicio();
            }
            Acao::Sair => {
                info!("operador: encerrando");
                self.parada.pedir();
            }
        }
    }

    fn mapa(&self) -> String {
        let retrato = self.servico.monitor.retrato_da_sala(self.servico.relogio.agora());
        let livres = retrato.quadro.livres().len();
        format!("{}{livres} livres, versão {}", retrato.quadro, retrato.versao)
    }

    fn conexoes(&self) -> String {
        let retrato = self.servico.monitor.retrato_da_sala(self.servico.relogio.agora());
        let mut ausentes = retrato.pessoas.clone();
        let mut linhas = Vec::new();
        for (conexao, endereco) in self.parada.conexoes() {
            let cliente = *retrato.retomadas.get(&conexao).unwrap_or(&conexao);
            let endereco = endereco.map_or_else(|| "já caiu".to_owned(), |endereco| endereco.to_string());
            linhas.push(format!("{} de {endereco}", retrato.pessoa(cliente)));
            ausentes.remove(&cliente);
        }
        let conectados = linhas.len();
        linhas.extend(ausentes.keys().map(|cliente| format!("{} (desconectado)", retrato.pessoa(*cliente))));
        lista(&format!("{conectados} conectados"), linhas)
    }

    fn token(&self) -> String {
        let retrato = self.servico.monitor.retrato_da_sala(self.servico.relogio.agora());
        let token = self.servico.monitor.retrato_do_token(self.servico.relogio.agora());
        let Resposta::TokenEstado { dono, cerca, contador, espera } = token.estado else {
            return String::new();
        };
        let dono = dono.map_or_else(|| "livre".to_owned(), |dono| format!("com {}", retrato.pessoa(dono)));
        let mut texto = format!("token {dono}: cerca {cerca}, contador {contador}, {espera} na fila\n");
        let fila = token.fila.iter().map(|quem| retrato.pessoa(quem.cliente)).collect();
        let concessoes = token.concessoes.iter().map(|(conexao, quantas)| {
            let cliente = *retrato.retomadas.get(conexao).unwrap_or(conexao);
            format!("{}: {quantas}", retrato.pessoa(cliente))
        });
        texto.push_str(&lista("fila, do primeiro ao último:", fila));
        texto.push('\n');
        texto.push_str(&lista("concessões por conexão:", concessoes.collect()));
        texto
    }
}

/// Um título e as suas linhas, só as primeiras se são muitas.
fn lista(titulo: &str, linhas: Vec<String>) -> String {
    let demais = linhas.len().saturating_sub(MOSTRADOS_MAX);
    let mut texto = titulo.to_owned();
    for linha in linhas.into_iter().take(MOSTRADOS_MAX) {
        let _ = write!(texto, "\n  {linha}");
    }
    if demais > 0 {
        let _ = write!(texto, "\n  ... e mais {demais}");
    }
    texto
}

/// O teclado, lido direto do descritor: o que a biblioteca padrão guardasse de antemão, o `poll` não veria.
struct Teclas(io::Stdin);

impl Teclas {
    /// O próximo byte; `None` no fim da entrada. Ao fundo, ler faria o processo parar: espera a volta ao primeiro plano.
    fn proximo(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            let mut olhada = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut olhada, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(erro) => return Err(erro.into()),
            }
            let caiu = olhada[0].revents().intersects(PollFlags::HUP | PollFlags::ERR);
            if !caiu && !terminal::preparar() {
                // O que se digita agora é para outro programa. Só o tempo passa aqui: não há o que olhar.
                dormir(AO_FUNDO);
                continue;
            }
            match rustix::io::read(&self.0, &mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(Errno::INTR) => {}
                Err(erro) => return Err(erro.into()),
            }
        }
    }

    /// O que vem logo depois de um Esc; nada, se foi a tecla Esc sozinha.
    fn resto_da_sequencia(&self) -> io::Result<Vec<u8>> {
        let mut resto = Vec::new();
        let prazo = Timespec { tv_sec: 0, tv_nsec: ESC_NS };
        while resto.len() < SEQUENCIA_MAX
            && poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&prazo))? > 0
        {
            let Some(byte) = self.proximo()? else { break };
            resto.push(byte);
            // Esc e outra tecla (Alt) acabam nela; uma sequência, que começa por `[` ou `O`, numa letra ou em til.
            let comeca = resto.len() == 1 && matches!(byte, b'[' | b'O');
            if !comeca && (resto.len() == 1 || byte.is_ascii_alphabetic() || byte == b'~') {
                break;
            }
        }
        Ok(resto)
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn cada_tecla_tem_a_sua_acao_e_a_ajuda_as_mostra() {
        for (tecla, acao) in [
            ('?', Acao::Ajuda),
            ('m', Acao::Mapa),
            ('c', Acao::Conexoes),
            ('t', Acao::Token),
            ('f', Acao::Fechar),
            ('r', Acao::Reiniciar),
            ('q', Acao::Sair),
        ] {
            assert_eq!(Acao::da_letra(tecla), Some(acao));
            assert!(AJUDA.contains(&format!("\n  {tecla}")), "{tecla}");
        }
        assert_eq!(Acao::da_letra('x'), None);
    }

    #[test]
    fn esc_sozinho_fecha_f5_reinicia_e_as_setas_nao_fazem_nada() {
        assert_eq!(Acao::da_sequencia(b""), Some(Acao::Fechar));
        assert_eq!(Acao::da_sequencia(b"[15~"), Some(Acao::Reiniciar));
        assert_eq!(Acao::da_sequencia(b"[A"), None);
    }

    #[test]
    fn lista_mostra_as_primeiras_e_conta_o_resto() {
        let linhas = |n: usize| (0..n).map(|i| i.to_string()).collect();
        assert_eq!(lista("t", linhas(2)), "t\n  0\n  1");
        assert!(!lista("t", linhas(MOSTRADOS_MAX)).contains("mais"));
        assert!(lista("t", linhas(MOSTRADOS_MAX + 1)).ends_with("\n  ... e mais 1"));
    }
}
