//! As mensagens do servidor: env_logger diante de uma fila limitada, e uma thread que a leva à tela.
//!
//! Quem registra uma mensagem nunca espera pela tela: se ela parou (Ctrl-S, um cano cheio) e a fila encheu, a
//! mensagem é contada e jogada fora, e uma linha diz depois quantas foram. Nenhum byte de cliente chega cru ao
//! terminal: a formatação escapa tudo o que não se imprime (CWE-117, CWE-150).

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use env_logger::{Builder, Env, Target};
use jiff::tz::TimeZone;
use log::Level;

use crate::base::sincronia::{Arc, Condvar, Mutex, criar_thread};
use crate::limites::{MENSAGENS_BYTES_MAX, MOSTRA_BYTES_MAX, PILHA_BYTES};

/// Quanto se espera, ao encerrar, que a tela receba o que falta.
const ESCOAR_PRAZO: Duration = Duration::from_millis(500);
/// Quanto quem escreve deixa juntar antes de escrever: ninguém vê cinco milissegundos, e sob carga cada escrita leva
/// milhares de mensagens em vez de acordar por uma.
const JUNTAR_PRAZO: Duration = Duration::from_millis(5);
/// Com tantos bytes na fila, quem escreve não espera juntar mais.
const JUNTAR_BYTES: usize = MENSAGENS_BYTES_MAX / 8;

/// A partir de quantos algarismos hexadecimais seguidos um texto pode ser um pedaço de chave que valha esconder. Os
/// números que o servidor mostra são mais curtos.
const CHAVE_PEDACO: usize = 12;

/// A fila do processo, para quem precisa falar dela de longe.
static FILA: OnceLock<Arc<Fila>> = OnceLock::new();

/// Quantas mensagens já foram jogadas fora porque a tela não as recebia.
pub fn descartadas() -> u64 {
    FILA.get().map_or(0, |fila| fila.dentro.lock().descartadas_ao_todo)
}

/// Mostra um texto do operador, de uma ou mais linhas, inteiro: as mensagens não o atravessam.
pub fn dizer(texto: &str) {
    let Some(fila) = FILA.get() else { return };
    let mut bytes = Vec::with_capacity(texto.len() + 1);
    for linha in texto.lines() {
        // Escrever num vetor não falha.
        let _ = write!(Escapado(&mut bytes), "{linha}");
        bytes.push(b'\n');
    }
    fila.por(&bytes);
}

/// Espera um pouco que a tela receba o que já se disse: para quem vai acabar com o processo.
pub fn esvaziar() {
    if let Some(fila) = FILA.get() {
        fila.esperar_vazia(ESCOAR_PRAZO);
    }
}

/// Liga o log: `RUST_LOG` diz o nível, `info` se não diz. As mensagens vão para a saída de erros.
///
/// Chame uma vez por processo. Erros: o sistema negou a thread que escreve.
pub fn iniciar() -> io::Result<Escoadouro> {
    FUSO.get_or_init(TimeZone::system);
    let fila = Arc::new(Fila::new(MENSAGENS_BYTES_MAX));
    let fila = FILA.get_or_init(|| fila);
    let escritora = Arc::clone(fila);
    criar_thread("mensagens".into(), PILHA_BYTES, move || escritora.escoar(&mut io::stderr()))?;
    Builder::from_env(Env::default().default_filter_or("info"))
        .format(|saida, registro| formatar(saida, registro.level(), registro.args(), Hora::agora()))
        .target(Target::Pipe(Box::new(Entrada(Arc::clone(fila)))))
        .init();
    Ok(Escoadouro)
}

/// Ao ser solto, espera um pouco que a tela receba as últimas mensagens.
#[derive(Debug)]
pub struct Escoadouro;

impl Drop for Escoadouro {
    fn drop(&mut self) {
        esvaziar();
    }
}

/// Uma linha: a hora local, o nível quando não é o costumeiro, e a mensagem escapada.
fn formatar(
    saida: &mut impl Write,
    nivel: Level,
    mensagem: &fmt::Arguments<'_>,
    hora: Hora,
) -> io::Result<()> {
    saida.write_all(&hora.texto())?;
    saida.write_all(match nivel {
        Level::Error => b" ERRO: ",
        Level::Warn => b" AVISO: ",
        _ => b" ",
    })?;
    write!(Escapado(saida), "{mensagem}")
        .map_err(|_| io::Error::other("não foi possível formatar a mensagem"))?;
    saida.write_all(b"\n")
}

/// Uma hora do dia, local, como `14:03:07.123`.
#[derive(Clone, Copy, Debug)]
struct Hora {
    /// `14:03:07`.
    segundo: [u8; 8],
    milissegundos: u16,
}

thread_local! {
    /// O último segundo que esta thread escreveu: o fuso e o calendário só se consultam uma vez por segundo.
    static SEGUNDO: std::cell::Cell<(u64, [u8; 8])> = const { std::cell::Cell::new((0, [0; 8])) };
}

/// O fuso do sistema, lido uma vez por [`iniciar`]: lê-lo pede mais pilha do que tem a thread de um cliente.
static FUSO: OnceLock<TimeZone> = OnceLock::new();

impl Hora {
    #[expect(clippy::disallowed_methods, reason = "a hora é para quem lê; nenhuma decisão depende dela")]
    fn agora() -> Self {
        let desde_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let (conhecido, mut segundo) = SEGUNDO.get();
        if conhecido != desde_1970.as_secs() {
            segundo = Self::por_extenso(
                &jiff::Timestamp::now().to_zoned(FUSO.get_or_init(TimeZone::system).clone()),
            );
            SEGUNDO.set((desde_1970.as_secs(), segundo));
        }
        // Menos de mil, sempre.
        Self { segundo, milissegundos: desde_1970.subsec_millis() as u16 }
    }

    fn por_extenso(hora: &jiff::Zoned) -> [u8; 8] {
        let dois = |n: i8| [b'0' + n.unsigned_abs() / 10, b'0' + n.unsigned_abs() % 10];
        let ([h, hh], [m, mm], [s, ss]) = (dois(hora.hour()), dois(hora.minute()), dois(hora.second()));
        [h, hh, b':', m, mm, b':', s, ss]
    }

    fn texto(self) -> [u8; 12] {
        let algarismo = |divisor: u16| b'0' + (self.milissegundos / divisor % 10) as u8;
        let mut texto = [b'.'; 12];
        texto[..8].copy_from_slice(&self.segundo);
        texto[9..].copy_from_slice(&[algarismo(100), algarismo(10), algarismo(1)]);
        texto
    }
}

/// Escreve texto sem deixar passar o que mexe num terminal.
struct Escapado<'a, W: Write>(&'a mut W);

impl<W: Write> fmt::Write for Escapado<'_, W> {
    fn write_str(&mut self, texto: &str) -> fmt::Result {
        // Quase todo pedaço é só ASCII visível; a conta sem saídas no meio deixa o compilador usar vetores.
        if texto.bytes().fold(true, |visivel, byte| visivel & matches!(byte, b' '..=b'~')) {
            return self.0.write_all(texto.as_bytes()).map_err(|_| fmt::Error);
        }
        let mut resto = texto;
        while let Some(perigo) = resto.find(|letra| !inofensiva(letra)) {
            let (antes, depois) = resto.split_at(perigo);
            let letra = depois.chars().next().ok_or(fmt::Error)?;
            self.0.write_all(antes.as_bytes()).map_err(|_| fmt::Error)?;
            write!(self.0, "{}", letra.escape_debug()).map_err(|_| fmt::Error)?;
            resto = &depois[letra.len_utf8()..];
        }
        self.0.write_all(resto.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Letras que se imprimem e não mexem em nada: o ASCII visível e as latinas com acento (sem o hífen invisível), e a
/// pontuação dos nossos textos. As demais passam por `escape_debug`, que deixa as imprimíveis como são.
fn inofensiva(letra: char) -> bool {
    matches!(letra, ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{24F}')
}

/// O que um cliente escreveu, como se mostra numa mensagem: entre aspas, cortado, e sem o que pareça uma chave.
pub fn mostrar(texto: &str) -> String {
    // O corte vem depois: antes, deixaria à mostra o começo de uma chave.
    let texto = sem_chaves(texto);
    let mut corte = texto.len().min(MOSTRA_BYTES_MAX);
    while !texto.is_char_boundary(corte) {
        corte -= 1;
    }
    format!("\"{}{}\"", &texto[..corte], if corte < texto.len() { "..." } else { "" })
}

/// O texto sem o que pareça uma chave, ou um pedaço dela: numa frase errada, ela pode estar em qualquer lugar, e uma
/// recusa repete o começo da palavra que não entendeu.
pub fn sem_chaves(texto: &str) -> String {
    let mut mostrado = String::with_capacity(texto.len());
    for pedaco in texto.split_inclusive(|letra: char| !letra.is_ascii_hexdigit()) {
        let hexadecimal = pedaco.trim_end_matches(|letra: char| !letra.is_ascii_hexdigit());
        if hexadecimal.len() >= CHAVE_PEDACO {
            mostrado.push_str("(chave oculta)");
            mostrado.push_str(&pedaco[hexadecimal.len()..]);
        } else {
            mostrado.push_str(pedaco);
        }
    }
    mostrado
}

/// Uma fila de bytes com teto: quem põe nunca espera; quem tira dorme enquanto ela está vazia.
#[derive(Debug)]
pub struct Fila {
    max: usize,
    dentro: Mutex<Dentro>,
    /// Onde dorme a thread que escreve, com a fila vazia.
    chegou: Condvar,
    /// Onde ela deixa juntar.
    cheia: Condvar,
    /// Onde dorme quem encerra.
    vazia: Condvar,
}

#[derive(Debug, Default)]
struct Dentro {
    bytes: Vec<u8>,
    /// Mensagens jogadas fora desde a última vez que se escreveu.
    descartadas: u64,
    /// Mensagens jogadas fora desde o começo.
    descartadas_ao_todo: u64,
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
            cheia: Condvar::new(),
            vazia: Condvar::new(),
        }
    }

    /// Põe uma mensagem na fila, ou a conta e joga fora se não couber.
    pub fn por(&self, mensagem: &[u8]) {
        let mut dentro = self.dentro.lock();
        let (vazia, pouca) = (dentro.vazia(), dentro.bytes.len() < JUNTAR_BYTES);
        if dentro.bytes.len() + mensagem.len() > self.max {
            dentro.descartadas += 1;
            dentro.descartadas_ao_todo += 1;
        } else {
            dentro.bytes.extend_from_slice(mensagem);
        }
        let encheu = pouca && dentro.bytes.len() >= JUNTAR_BYTES;
        drop(dentro);
        // Só quem muda a situação acorda alguém: as outras mensagens encontram quem escreve já acordado.
        if vazia {
            self.chegou.notify_one();
        }
        if encheu {
            self.cheia.notify_one();
        }
    }

    /// Tira tudo o que há, dormindo até haver algo; `lote` fica com os bytes. Diz quantas mensagens se perderam.
    pub fn tirar(&self, lote: &mut Vec<u8>) -> u64 {
        lote.clear();
        let mut dentro = self.dentro.lock();
        dentro.escrevendo = false;
        while dentro.vazia() {
            self.vazia.notify_all();
            self.chegou.wait(&mut dentro);
        }
        dentro.escrevendo = true;
        std::mem::swap(lote, &mut dentro.bytes);
        std::mem::take(&mut dentro.descartadas)
    }

    /// Espera um pouco, a não ser que a fila já tenha bastante, para que cada escrita leve muitas mensagens.
    fn deixar_juntar(&self) {
        let mut dentro = self.dentro.lock();
        if dentro.bytes.len() < JUNTAR_BYTES {
            self.cheia.wait_for(&mut dentro, JUNTAR_PRAZO);
        }
    }

    /// Leva à `tela` tudo o que chega, para sempre. Uma tela que se foi não para o servidor.
    fn escoar(&self, tela: &mut impl Write) {
        let mut lote = Vec::new();
        loop {
            let perdidas = self.tirar(&mut lote);
            let _ = tela.write_all(&lote);
            self.deixar_juntar();
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

impl Dentro {
    fn vazia(&self) -> bool {
        self.bytes.is_empty() && self.descartadas == 0
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
        // env_logger chama isto a cada mensagem: esperar pela tela aqui seria esperar por ela em cada reserva.
        Ok(())
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn formata_hora_nivel_e_escapa() {
        let hora: jiff::Zoned = "2026-11-21T14:03:07-03:00[-03:00]".parse().unwrap();
        let hora = Hora { segundo: Hora::por_extenso(&hora), milissegundos: 123 };
        let linha = |nivel, texto: &str| {
            let mut saida = Vec::new();
            formatar(&mut saida, nivel, &format_args!("{texto}"), hora).unwrap();
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
        assert_eq!(mostrar(&chave[..CHAVE_PEDACO]), "\"(chave oculta)\"");
        assert_eq!(mostrar(&chave[1..CHAVE_PEDACO]), format!("\"{}\"", &chave[1..CHAVE_PEDACO]));
        for espacos in MOSTRA_BYTES_MAX - 40..MOSTRA_BYTES_MAX {
            assert!(!mostrar(&format!("{}{chave}", " ".repeat(espacos))).contains("01"), "{espacos}");
        }
        assert_eq!(sem_chaves(&format!("\"{}\" não é", &chave[..20])), "\"(chave oculta)\" não é");
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
        assert_eq!(fila.dentro.lock().descartadas_ao_todo, 2);
    }
}
