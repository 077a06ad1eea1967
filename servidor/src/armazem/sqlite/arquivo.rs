//! Os arquivos em volta do banco: a trava, o que se vê sem abrir o banco, e o que `--novo` guarda de lado.
//!
//! Não conhece SQL, e só lê o banco enquanto o SQLite não o abriu: fechar um descritor dele soltaria as travas que o SQLite
//! pôs (as travas POSIX são do processo, não do descritor).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{Causa, MARCA, VERSAO};
use crate::tempo::momento::Momento;

/// Só o dono lê e escreve: o segredo está lá dentro. O `-wal` e o `-shm` herdam o modo do banco.
const MODO: u32 = 0o600;
/// O que diz a trava, e que marca que já houve uma sala aqui.
const RECADO: &str = "Este arquivo impede que dois servidores usem o mesmo banco. Pode ficar aqui.\n";

/// `caminho` com mais isto no fim do nome.
pub fn ao_lado(caminho: &Path, sufixo: &str) -> PathBuf {
    let mut nome = caminho.as_os_str().to_owned();
    nome.push(sufixo);
    nome.into()
}

/// A posse do banco entre servidores: um `flock` num arquivo ao lado, que o núcleo solta quando o processo acaba.
///
/// Não é no próprio banco: quem o abre com `sqlite3` para olhar não é um servidor e não precisa esperar.
#[derive(Debug)]
pub struct Trava(File);

impl Trava {
    /// Pega a trava do banco, sem esperar.
    pub fn pegar(banco: &Path) -> Result<Self, Causa> {
        let mut opcoes = OpenOptions::new();
        opcoes.read(true).write(true).create(true).truncate(false).mode(MODO);
        let arquivo = opcoes.open(ao_lado(banco, "-trava"))?;
        match flock(&arquivo, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(arquivo)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Causa::Trancado),
            Err(erro) => Err(io::Error::from(erro).into()),
        }
    }

    /// Diz se já houve uma sala neste banco.
    fn marcada(&self) -> Result<bool, Causa> {
        Ok(self.0.metadata()?.len() > 0)
    }

    /// Marca que há uma sala neste banco: daqui em diante um banco vazio é um banco esvaziado.
    pub fn marcar(&mut self) -> Result<(), Causa> {
        if self.marcada()? {
            return Ok(());
        }
        self.0.write_all(RECADO.as_bytes())?;
        Ok(self.0.sync_all()?)
    }
}

/// Olha o banco sem o abrir no SQLite, que poderia mexer nele. Diz se há um.
pub fn examinar(banco: &Path, trava: &Trava) -> Result<bool, Causa> {
    let wal = match fs::read(ao_lado(banco, "-wal")) {
        Ok(wal) => wal,
        Err(erro) if erro.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(erro) => return Err(erro.into()),
    };
    let tamanho = match fs::metadata(banco) {
        Ok(dados) if !dados.is_file() => return Err(Causa::NaoEBanco),
        Ok(dados) => dados.len(),
        Err(erro) if erro.kind() == io::ErrorKind::NotFound => {
            return if wal.is_empty() { Ok(false) } else { danificado("falta o banco, e o seu -wal ficou") };
        }
        Err(erro) => return Err(erro.into()),
    };
    if tamanho == 0 {
        let houve = trava.marcada()? || !wal.is_empty();
        return if houve { danificado("está vazio, e já houve uma sala nele") } else { Ok(false) };
    }
    let mut arquivo = OpenOptions::new().read(true).write(true).open(banco)?;
    let mut cabecalho = [0; 100];
    match arquivo.read_exact(&mut cabecalho) {
        Ok(()) => {}
        Err(erro) if erro.kind() == io::ErrorKind::UnexpectedEof => return Err(Causa::NaoEBanco),
        Err(erro) => return Err(erro.into()),
    }
    conferir_cabecalho(&cabecalho, !wal.is_empty())?;
    if wal_estragado_no_meio(&wal) {
        return danificado("o -wal está estragado antes do fim");
    }
    Ok(true)
}

/// O formato está em <https://sqlite.org/fileformat.html>.
fn conferir_cabecalho(cabecalho: &[u8; 100], ha_wal: bool) -> Result<(), Causa> {
    if &cabecalho[..16] != b"SQLite format 3\0" || numero(&cabecalho[68..]) != MARCA {
        return Err(Causa::NaoEBanco);
    }
    match numero(&cabecalho[60..]) {
        VERSAO => {}
        0 => return danificado("não diz a versão do formato"),
        achada => return Err(Causa::MaisNovo { achada }),
    }
    // 2 é o modo WAL; 1 é o que alguém pode ter pedido com `PRAGMA journal_mode`, e então não há -wal.
    match (cabecalho[18], cabecalho[19], ha_wal) {
        (2, 2, _) | (1, 1, false) => Ok(()),
        _ => danificado("o modo do diário não é o nosso"),
    }
}

fn danificado<T>(como: &str) -> Result<T, Causa> {
    Err(Causa::Danificado(como.to_owned()))
}

/// Os primeiros quatro bytes, do mais para o menos significativo.
fn numero(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |n, byte| n << 8 | u32::from(*byte))
}

/// Diz se o WAL tem um quadro estragado e, depois dele, uma transação que só começou porque a do estragado já estava a salvo.
///
/// O SQLite joga fora o WAL a partir do primeiro quadro que não confere. No fim dele isso está certo: é a transação que a
/// queda interrompeu, e ninguém foi avisado de que ela valia. No meio, seriam transações confirmadas.
fn wal_estragado_no_meio(wal: &[u8]) -> bool {
    const CABECALHO: usize = 32;
    const DO_QUADRO: usize = 24;
    if wal.len() < CABECALHO + DO_QUADRO {
        return false;
    }
    let (cabecalho, quadros) = wal.split_at(CABECALHO);
    let menor_primeiro = numero(cabecalho) == 0x377F_0682;
    let mut anterior = (numero(&cabecalho[24..]), numero(&cabecalho[28..]));
    // O cabeçalho vai ao disco antes do primeiro quadro: com quadros, ele tem de conferir.
    if soma_do_wal(menor_primeiro, (0, 0), &cabecalho[..24]) != anterior {
        return true;
    }
    let pagina = numero(&cabecalho[8..]) as usize;
    let (mut inteiro, mut confirmada) = (true, false);
    for quadro in quadros.chunks_exact(DO_QUADRO + pagina) {
        // A soma de um quadro continua a que o anterior diz ter: um quadro bom depois de um mau ainda se reconhece.
        let soma = soma_do_wal(menor_primeiro, anterior, &quadro[..8]);
        let soma = soma_do_wal(menor_primeiro, soma, &quadro[DO_QUADRO..]);
        anterior = (numero(&quadro[16..]), numero(&quadro[20..]));
        let confere = soma == anterior && quadro[8..16] == cabecalho[16..24];
        if confirmada && confere {
            return true;
        }
        inteiro &= confere;
        // Diferente de zero, é o último quadro de uma transação.
        confirmada |= !inteiro && numero(&quadro[4..]) != 0;
    }
    false
}

/// A soma do WAL: duas a duas, as palavras entram em duas somas que entram uma na outra.
fn soma_do_wal(menor_primeiro: bool, comeco: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let palavra = |bytes: &[u8]| if menor_primeiro { numero(bytes).swap_bytes() } else { numero(bytes) };
    bytes.chunks_exact(8).fold(comeco, |(a, b), oito| {
        let a = a.wrapping_add(palavra(oito)).wrapping_add(b);
        (a, b.wrapping_add(palavra(&oito[4..])).wrapping_add(a))
    })
}

/// Cria um arquivo vazio, só do dono, onde não havia nenhum; o que uma criação interrompida deixou vai embora.
pub fn criar_vazio(caminho: &Path) -> Result<(), Causa> {
    apagar(caminho);
    let mut opcoes = OpenOptions::new();
    opcoes.write(true).create_new(true).mode(MODO).open(caminho)?;
    Ok(())
}

/// Apaga um banco que não chegou a ser de ninguém.
pub fn apagar(caminho: &Path) {
    for sufixo in ["", "-journal", "-wal", "-shm"] {
        // Se não se apaga, a criação seguinte é que falha e diz por quê.
        let _ = fs::remove_file(ao_lado(caminho, sufixo));
    }
}

/// Põe o banco pronto no lugar, e espera que o disco saiba do nome.
pub fn por_no_lugar(pronto: &Path, banco: &Path) -> Result<(), Causa> {
    let pasta = banco.parent().filter(|pasta| !pasta.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(pronto)?.sync_all()?;
    fs::rename(pronto, banco)?;
    Ok(File::open(pasta)?.sync_all()?)
}

/// Dá ao banco de agora um nome com a data e o deixa ali, sem passar por cima de nenhum outro.
pub fn guardar_de_lado(banco: &Path, agora: Momento) -> Result<(), Causa> {
    let hora = agora.to_string().replace(':', "-");
    let data = &hora[..hora.len() - ".123Z".len()];
    let nomes = std::iter::once(format!(".{data}")).chain((2..).map(|n| format!(".{data}.{n}")));
    let livre =
        |nome: &String| SUFIXOS.iter().all(|sufixo| !ao_lado(banco, &format!("{nome}{sufixo}")).exists());
    let Some(nome) = nomes.into_iter().find(livre) else { return Ok(()) };
    // O banco primeiro: se a luz acabar aqui, um -wal sem banco é recusado; um banco sem o seu -wal passaria por bom.
    for sufixo in SUFIXOS {
        match fs::rename(ao_lado(banco, sufixo), ao_lado(banco, &format!("{nome}{sufixo}"))) {
            Err(erro) if erro.kind() != io::ErrorKind::NotFound => return Err(erro.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Os arquivos de um banco.
const SUFIXOS: [&str; 3] = ["", "-wal", "-shm"];
