//! As mensagens do servidor: env_logger diante de uma fila limitada, e uma thread que a leva à tela.
//!
//! Quem registra uma mensagem nunca espera pela tela: se ela parou (Ctrl-S, um cano cheio) e a fila encheu, a
//! mensagem é contada e jogada fora, e uma linha diz depois quantas foram. Nenhum byte de cliente chega cru ao
//! terminal: a formatação escapa tudo o que não se imprime (CWE-117, CWE-150).

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use env_logger::{Builder, Env, Target};
use log::Level;
use protocolo::limites::{CHAVE_BYTES, MENSAGENS_BYTES_MAX, MOSTRA_BYTES_MAX, PILHA_BYTES};

use crate::sincronia::{Arc, AtomicU64, Condvar, Mutex, Ordering, criar_thread};

/// Quanto se espera, ao encerrar, que a tela receba o que falta.
const ESCOAR_PRAZO: Duration = Duration::from_millis(500);

/// Quantas mensagens já foram jogadas fora neste processo, para `ESTADO`.
static DESCARTADAS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Quantas mensagens já foram jogadas fora porque a tela não as recebia.
pub fn descartadas() -> u64 {
    DESCARTADAS.load(std::sync::atomic::Ordering::Relaxed)
}

/// Liga o log: `RUST_LOG` diz o nível, `info` se não diz. As mensagens vão para a saída de erros.
///
/// Chame uma vez por processo. Erros: o sistema negou a thread que escreve.
pub fn iniciar() -> io::Result<Escoadouro> {
    let fila = Arc::new(Fila::new(MENSAGENS_BYTES_MAX));
    let escritora = Arc::clone(&fila);
    criar_thread("mensagens".into(), PILHA_BYTES, move || escritora.escoar(&mut io::stderr()))?;
    Builder::from_env(Env::default().default_filter_or("info"))
        .format(|saida, registro| formatar(saida, registro.level(), registro.args(), &jiff::Zoned::now()))
        .target(Target::Pipe(Box::new(Entrada(Arc::clone(&fila)))))
        .init();
    Ok(Escoadouro { fila })
}

/// Enquanto vive, as mensagens correm; ao ser solto, espera um pouco que a tela receba as últimas.
#[derive(Debug)]
pub struct Escoadouro {
    fila: Arc<Fila>,
}

impl Drop for Escoadouro {
    fn drop(&mut self) {
        self.fila.esperar_vazia(ESCOAR_PRAZO);
    }
}

/// Uma linha: a hora local, o nível quando não é o costumeiro, e a mensagem escapada.
fn formatar(
    saida: &mut impl Write,
    nivel: Level,
    mensagem: &fmt::Arguments<'_>,
    hora: &jiff::Zoned,
) -> io::Result<()> {
    let milissegundos = hora.subsec_nanosecond() / 1_000_000;
    write!(saida, "{:02}:{:02}:{:02}.{milissegundos:03} ", hora.hour(), hora.minute(), hora.second())?;
    saida.write_all(match nivel {
        Level::Error => b"ERRO: ",
        Level::Warn => b"AVISO: ",
        _ => b"",
    })?;
    write!(Escapado(saida), "{mensagem}")
        .map_err(|_| io::Error::other("não foi possível formatar a mensagem"))?;
    saida.write_all(b"\n")
}

/// Escreve texto sem deixar passar o que mexe num terminal.
struct Escapado<'a, W: Write>(&'a mut W);

impl<W: Write> fmt::Write for Escapado<'_, W> {
    fn write_str(&mut self, texto: &str) -> fmt::Result {
        if texto.bytes().all(|byte| matches!(byte, 32..127)) {
            return self.0.write_all(texto.as_bytes()).map_err(|_| fmt::Error);
        }
        texto.chars().try_for_each(|letra| {
            if letra == '"' || letra == '\'' || letra == '\\' {
                write!(self.0, "{letra}")
            } else {
                write!(self.0, "{}", letra.escape_debug())
            }
            .map_err(|_| fmt::Error)
        })
    }
}

/// O que um cliente escreveu, como se mostra numa mensagem: entre aspas, cortado, e sem o que pareça uma chave.
pub fn mostrar(texto: &str) -> String {
    let mut mostrado = String::from("\"");
    let mut corte = texto.len().min(MOSTRA_BYTES_MAX);
    while !texto.is_char_boundary(corte) {
        corte -= 1;
    }
    // Um pedaço de texto hexadecimal tão longo quanto uma chave pode ser uma, mesmo numa frase errada.
    for pedaco in texto[..corte].split_inclusive(|letra: char| !letra.is_ascii_hexdigit()) {
        let hexadecimal = pedaco.trim_end_matches(|letra: char| !letra.is_ascii_hexdigit());
        if hexadecimal.len() >= 2 * CHAVE_BYTES {
            mostrado.push_str("(chave oculta)");
            mostrado.push_str(&pedaco[hexadecimal.len()..]);
        } else {
            mostrado.push_str(pedaco);
        }
    }
    let _ = write!(mostrado, "{}\"", if corte < texto.len() { "..." } else { "" });
    mostrado
}

/// Uma fila de bytes com teto: quem põe nunca espera; quem tira dorme enquanto ela está vazia.
#[derive(Debug)]
pub struct Fila {
    max: usize,
    dentro: Mutex<Dentro>,
    /// Onde dorme a thread que escreve.
    chegou: Condvar,
    /// Onde dorme quem encerra.
    vazia: Condvar,
    descartadas: AtomicU64,
}

#[derive(Debug, Default)]
struct Dentro {
    bytes: Vec<u8>,
    /// Mensagens jogadas fora desde a última vez que se escreveu.
    descartadas: u64,
    /// Um lote saiu da fila e ainda não foi todo escrito.
    escrevendo: bool,
}

impl Fila {
    /// Uma fila vazia que guarda até `max` bytes.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            dentro: Mutex::new(Dentro::default()),
            chegou: Condvar::new(),
            vazia: Condvar::new(),
            descartadas: AtomicU64::new(0),
        }
    }

    /// Põe uma mensagem na fila, ou a conta e joga fora se não couber.
    pub fn por(&self, mensagem: &[u8]) {
        let mut dentro = self.dentro.lock();
        if dentro.bytes.len() + mensagem.len() > self.max {
            dentro.descartadas += 1;
            drop(dentro);
            self.descartadas.fetch_add(1, Ordering::Relaxed);
            DESCARTADAS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return;
        }
        dentro.bytes.extend_from_slice(mensagem);
        drop(dentro);
        self.chegou.notify_one();
    }

    /// Tira tudo o que há, dormindo até haver algo; `lote` volta com os bytes. Diz quantas mensagens se perderam.
    pub fn tirar(&self, lote: &mut Vec<u8>) -> u64 {
        lote.clear();
        let mut dentro = self.dentro.lock();
        dentro.escrevendo = false;
        while dentro.bytes.is_empty() && dentro.descartadas == 0 {
            self.vazia.notify_all();
            self.chegou.wait(&mut dentro);
        }
        dentro.escrevendo = true;
        std::mem::swap(lote, &mut dentro.bytes);
        std::mem::take(&mut dentro.descartadas)
    }

    /// Quantas mensagens esta fila já jogou fora.
    pub fn descartadas(&self) -> u64 {
        self.descartadas.load(Ordering::Relaxed)
    }

    /// Leva à `tela` tudo o que chega, para sempre. Uma tela que se foi não para o servidor.
    fn escoar(&self, tela: &mut impl Write) {
        let mut lote = Vec::new();
        loop {
            let perdidas = self.tirar(&mut lote);
            let _ = tela.write_all(&lote);
            if perdidas > 0 {
                let _ = writeln!(
                    tela,
                    "AVISO: {perdidas} mensagens descartadas: a tela não acompanhou o servidor"
                );
            }
        }
    }

    /// Espera que tudo tenha sido escrito, ou que o prazo vença.
    fn esperar_vazia(&self, prazo: Duration) {
        let mut dentro = self.dentro.lock();
        while dentro.escrevendo || !dentro.bytes.is_empty() {
            if self.vazia.wait_for(&mut dentro, prazo).timed_out() {
                break;
            }
        }
    }
}

/// O lado de quem registra: cada `write` de env_logger é uma mensagem inteira.
struct Entrada(Arc<Fila>);

impl Write for Entrada {
    fn write(&mut self, mensagem: &[u8]) -> io::Result<usize> {
        self.0.por(mensagem);
        Ok(mensagem.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn formata_hora_nivel_e_escapa() {
        let hora: jiff::Zoned = "2026-11-21T14:03:07.1239-03:00[-03:00]".parse().unwrap();
        let linha = |nivel, texto: &str| {
            let mut saida = Vec::new();
            formatar(&mut saida, nivel, &format_args!("{texto}"), &hora).unwrap();
            String::from_utf8(saida).unwrap()
        };
        assert_eq!(linha(Level::Info, "[7 João] reservado"), "14:03:07.123 [7 João] reservado\n");
        assert_eq!(linha(Level::Warn, "oi"), "14:03:07.123 AVISO: oi\n");
        let perigosa = linha(Level::Info, "\u{1b}]0;x\u{7}\r\n\u{9b}31m\u{202e}\"\\ fim");
        assert_eq!(perigosa, "14:03:07.123 \\u{1b}]0;x\\u{7}\\r\\n\\u{9b}31m\\u{202e}\"\\ fim\n");
    }

    #[test]
    fn mostrar_corta_e_oculta_chaves() {
        assert_eq!(mostrar("PING"), "\"PING\"");
        let chave = "0123456789abcdef0123456789ABCDEF";
        assert_eq!(mostrar(&format!("RETOMA 7 {chave} x")), "\"RETOMA 7 (chave oculta) x\"");
        assert_eq!(mostrar(&format!("chave={chave}")), "\"chave=(chave oculta)\"");
        assert_eq!(mostrar(&chave[1..]), format!("\"{}\"", &chave[1..]));
        let longo = mostrar(&"é".repeat(MOSTRA_BYTES_MAX));
        assert!(longo.ends_with("...\"") && longo.len() <= MOSTRA_BYTES_MAX + 5);
    }

    #[test]
    fn fila_no_limite_e_um_alem() {
        let fila = Fila::new(4);
        fila.por(b"abc");
        fila.por(b"de");
        fila.por(b"f");
        fila.por(b"g");
        let mut lote = Vec::new();
        assert_eq!((fila.tirar(&mut lote), &lote[..]), (2, &b"abcf"[..]));
        fila.por(b"h");
        assert_eq!((fila.tirar(&mut lote), &lote[..]), (0, &b"h"[..]));
        assert_eq!(fila.descartadas(), 2);
    }
}
