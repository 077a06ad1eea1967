//! O armazém num arquivo SQLite: é o único módulo do servidor que conhece SQL.
//!
//! O arquivo é para ser lido também por gente: `sqlite3 reservas.db 'SELECT * FROM assentos'`, com o servidor ligado ou não.
//! Ler de fora não atrapalha; escrever de fora estraga a conferência, e a próxima abertura recusa o arquivo.
//!
//! - **Um lote é uma transação** em WAL com `synchronous=FULL`: quando [`gravar`](Armazem::gravar) acaba, o disco tem o lote.
//! - **As tabelas.** `lugares` tem sempre as cem linhas, e a visão `assentos` as mostra com os nomes. `historico` só cresce,
//!   uma linha por assento e por mudança, na ordem em que aconteceram; a chave junta a versão e o assento (`13007` é o assento
//!   7 na versão 13). A chave serve a quem pergunta por uma versão, ou pelas últimas. Um índice por assento deixaria o servidor
//!   com metade da vazão com cinquenta conexões (medido: cada lote tocaria em até cem páginas, em vez de duas); em vez dele,
//!   cada linha diz qual é a `anterior` do mesmo assento, e `lugares` diz a `ultima`: é assim que se lê a vida de um assento.
//!   Quem pergunta à mão `WHERE assento = 7` varre a tabela: um milhão de linhas, uns cinquenta milissegundos. Um índice que
//!   alguém crie à mão fica, e custa o que foi dito.
//! - **O dono** é um servidor só: ver [`arquivo::Trava`].
//! - **O que se confere ao abrir:** o cabeçalho, antes de o SQLite tocar no arquivo; o WAL; `quick_check`; as declarações das
//!   tabelas; e a [`conferencia`] de cada valor guardado, também da história inteira. Um arquivo recusado fica como estava.
//! - **O que não se percebe:** depois de uma queda, um bit trocado na *última* transação do WAL, ou um WAL cortado ou sumido, é
//!   igual a uma gravação que a queda interrompeu. Desligado como se deve, o servidor não deixa nada no WAL. Uma cópia antiga do
//!   arquivo inteiro posta no lugar também passa: é um arquivo bom.

pub mod arquivo;
pub mod conferencia;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocolo::limites::ASSENTOS_MAX;
use protocolo::{Acontecimento, Assento, Assentos, Cerca, ClientId, Fato, Versao};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params};

use self::arquivo::{Trava, ao_lado};
use self::conferencia::Conta;
use super::{Armazem, Falha, Historico};
use crate::base::segredo::Segredo;
use crate::base::sincronia::{Arc, Mutex, ao_mesmo_tempo};
use crate::limites::{ARQUIVO_OCUPADO_MS, WAL_PAGINAS};
use crate::sala::registro::{Guardado, Novidade, Ocupacao, Registro};
use crate::tempo::momento::Momento;

/// O que diz, no cabeçalho do arquivo, que o banco é da Reserva (`application_id`): as letras `Rsrv`.
const MARCA: u32 = 0x5273_7276;
/// A versão das tabelas (`user_version`). Cresce quando elas mudam.
const VERSAO: u32 = 1;
/// Quanto se espera por outro programa que escreve no arquivo.
const OCUPADO: Duration = Duration::from_millis(ARQUIVO_OCUPADO_MS);
/// Quantos comandos preparados se guardam: todos os daqui.
const PREPARADOS: usize = 32;
/// O passo entre versões em `historico.numero`: maior que qualquer assento, e fácil de ler em decimal.
const PASSO: i64 = 1000;

/// Cada declaração como o SQLite a guarda: a abertura compara.
const TABELAS: [&str; 6] = [
    "CREATE TABLE servidor(id INTEGER PRIMARY KEY, versao INTEGER NOT NULL, cerca INTEGER NOT NULL, \
     contador INTEGER NOT NULL, clientes INTEGER NOT NULL, gravado_em TEXT NOT NULL, \
     soma_do_historico INTEGER NOT NULL, conferencia INTEGER NOT NULL) STRICT",
    "CREATE TABLE segredo(id INTEGER PRIMARY KEY, segredo BLOB NOT NULL) STRICT",
    "CREATE TABLE lugares(assento INTEGER PRIMARY KEY, situacao TEXT NOT NULL, cliente INTEGER, desde TEXT, \
     vence TEXT, ultima INTEGER NOT NULL) STRICT",
    "CREATE TABLE clientes(cliente INTEGER PRIMARY KEY, nome TEXT NOT NULL) STRICT",
    "CREATE TABLE historico(numero INTEGER PRIMARY KEY, versao INTEGER AS (numero / 1000), \
     assento INTEGER AS (numero % 1000), quando TEXT NOT NULL, cliente INTEGER NOT NULL, nome TEXT, \
     acontecimento TEXT NOT NULL, vence TEXT, anterior INTEGER NOT NULL) STRICT",
    "CREATE VIEW assentos AS SELECT assento, situacao, cliente, nome, desde, vence \
     FROM lugares LEFT JOIN clientes USING (cliente) ORDER BY assento",
];

/// Por que o arquivo não foi aberto.
#[derive(Debug)]
pub struct AberturaErro {
    /// O arquivo.
    pub caminho: PathBuf,
    /// A causa.
    pub causa: Causa,
}

/// A causa de um arquivo não abrir.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Causa {
    /// Outro servidor o está usando.
    Trancado,
    /// Não é um banco, ou não é da Reserva.
    NaoEBanco,
    /// Foi escrito por um servidor mais novo.
    MaisNovo {
        /// A versão dele.
        achada: u32,
    },
    /// O arquivo ou a pasta não se deixa escrever.
    SomenteLeitura,
    /// Está danificado, e como.
    Danificado(String),
    /// A pasta não existe.
    SemPasta,
    /// Qualquer outra, por extenso.
    Outra(String),
}

impl From<io::Error> for Causa {
    fn from(erro: io::Error) -> Self {
        match erro.kind() {
            io::ErrorKind::NotFound => Self::SemPasta,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::SomenteLeitura,
            io::ErrorKind::StorageFull => Self::Outra("não há espaço no disco".to_owned()),
            _ => Self::Outra(erro.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Causa {
    fn from(erro: rusqlite::Error) -> Self {
        match erro.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NaoEBanco,
            // O arquivo já se deixou abrir: o que não se abre é o -wal ao lado dele.
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::SomenteLeitura
            }
            Some(ErrorCode::DiskFull) => Self::Outra("não há espaço no disco".to_owned()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Outra("outro programa está escrevendo nele".to_owned())
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => Self::Outra(erro.to_string()),
            _ => Self::Danificado(erro.to_string()),
        }
    }
}

impl fmt::Display for Causa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trancado => {
                f.write_str("outro servidor está usando este arquivo; encerre-o ou use outro arquivo")
            }
            Self::NaoEBanco => f.write_str("não é um banco de dados da Reserva; use outro arquivo"),
            Self::MaisNovo { achada } => write!(
                f,
                "foi gravado por um servidor mais novo (formato {achada}; este lê até o {VERSAO}); use o servidor novo, \
                 ou --novo para guardar este arquivo de lado e começar com a sala vazia"
            ),
            Self::SomenteLeitura => {
                f.write_str("o arquivo, ou a pasta dele, não se deixa escrever; veja as permissões")
            }
            Self::Danificado(como) => write!(
                f,
                "o arquivo está danificado ({como}) e ficou como estava; recupere uma cópia, ou use --novo para \
                 guardá-lo de lado e começar com a sala vazia"
            ),
            Self::SemPasta => f.write_str("a pasta não existe; crie-a antes"),
            Self::Outra(qual) => f.write_str(qual),
        }
    }
}

impl fmt::Display for AberturaErro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.caminho.display(), self.causa)
    }
}

impl std::error::Error for AberturaErro {}

/// O armazém. Ao ser solto, passa o WAL para o arquivo e devolve a trava.
#[derive(Debug)]
pub struct Sqlite {
    conexao: Connection,
    espelho: Espelho,
    /// Páginas que foram para o WAL desde que ele passou para o arquivo, mais ou menos.
    no_wal: usize,
    /// Por que não se grava mais.
    fim: Option<String>,
    caminho: PathBuf,
    /// Por último, para ser solta por último.
    trava: Arc<Trava>,
}

impl Sqlite {
    /// Abre o armazém neste arquivo e carrega o que ele guarda. Se o arquivo não existe, nasce uma sala vazia, com
    /// `segredo`; com `novo`, também se ele existe, e o velho fica ao lado com a data de `agora` no nome.
    ///
    /// Erros: ver [`Causa`]. Um arquivo recusado fica como estava, byte a byte.
    pub fn abrir(
        caminho: &Path,
        novo: bool,
        agora: Momento,
        segredo: Segredo,
    ) -> Result<(Self, Guardado), AberturaErro> {
        // O SQLite segue ligações simbólicas; a trava tem de ficar ao lado do mesmo arquivo.
        let caminho = fs::canonicalize(caminho).unwrap_or_else(|_| caminho.to_owned());
        let aberto = Self::abrir_em(&caminho, novo, &Guardado::vazio(segredo, agora));
        let sqlite = aberto.map_err(|causa| AberturaErro { caminho, causa })?;
        let guardado = sqlite.espelho.guardado.clone();
        Ok((sqlite, guardado))
    }

    fn abrir_em(caminho: &Path, novo: bool, vazio: &Guardado) -> Result<Self, Causa> {
        let mut trava = Trava::pegar(caminho)?;
        if novo || !arquivo::examinar(caminho, &trava)? {
            criar(caminho, novo, vazio)?;
        }
        let conexao = conectar(caminho)?;
        // Até que se aceite o arquivo, fechá-lo não pode passar o WAL para ele.
        conexao.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        if conexao.is_readonly(rusqlite::MAIN_DB)? {
            return Err(Causa::SomenteLeitura);
        }
        let espelho = conferir_tudo(caminho, &conexao)?;
        // O WAL passa para o arquivo quando este módulo manda: o automático esconderia uma falha do disco.
        conexao.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0",
        )?;
        conexao.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        trava.marcar()?;
        let trava = Arc::new(trava);
        Ok(Self { conexao, espelho, no_wal: WAL_PAGINAS, fim: None, caminho: caminho.to_owned(), trava })
    }

    /// Quem lê a história ao lado deste, por uma conexão sua.
    ///
    /// Erros: ver [`Causa`].
    pub fn historico(&self) -> Result<HistoricoSqlite, AberturaErro> {
        let abrir = || {
            let conexao = conectar(&self.caminho)?;
            conexao.execute_batch("PRAGMA query_only = ON")?;
            conexao.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(conexao)
        };
        let conexao =
            abrir().map_err(|causa: Causa| AberturaErro { caminho: self.caminho.clone(), causa })?;
        Ok(HistoricoSqlite { conexao: Mutex::new(conexao), _trava: Arc::clone(&self.trava) })
    }

    fn transacao(&mut self, lote: &[Registro]) -> rusqlite::Result<()> {
        let conexao = &self.conexao;
        conexao.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut mudados = Assentos::NENHUM;
        for registro in lote {
            mudados |= self.espelho.anotar(conexao, registro)?;
        }
        self.espelho.escrever(conexao, mudados)?;
        conexao.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// Passa o WAL para o arquivo, até onde quem lê deixar. Sem espaço, fica para depois: o WAL tem tudo.
    fn passar_o_wal(&mut self) -> Result<(), Falha> {
        match self
            .conexao
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut c| c.query_row([], |_| Ok(())))
        {
            Ok(()) => self.no_wal = 0,
            Err(erro) => {
                let falha = classificar(&erro);
                if let Falha::Fatal(causa) = &falha {
                    self.acabar(causa);
                    return Err(falha);
                }
            }
        }
        Ok(())
    }

    /// Desfaz o que a transação fez, e diz o que houve.
    fn desfazer(&mut self, erro: &rusqlite::Error) -> Falha {
        let falha = classificar(erro);
        let desfeita = self.conexao.is_autocommit() || self.conexao.execute_batch("ROLLBACK").is_ok();
        if matches!(falha, Falha::Indisponivel(_)) && desfeita {
            // O espelho já tinha andado: volta a ser o que o arquivo diz.
            if let Ok(espelho) = carregar(&self.conexao) {
                self.espelho = espelho;
                return falha;
            }
        }
        let causa = erro.to_string();
        self.acabar(&causa);
        Falha::Fatal(causa)
    }

    /// Não se grava mais, nem se passa ao arquivo um WAL que o disco pode não ter.
    fn acabar(&mut self, causa: &str) {
        self.fim = Some(causa.to_owned());
        // Só falha se a conexão já não serve para nada.
        let _ = self.conexao.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

impl Armazem for Sqlite {
    fn gravar(&mut self, lote: &[Registro]) -> Result<(), Falha> {
        if let Some(causa) = &self.fim {
            return Err(Falha::Fatal(causa.clone()));
        }
        if lote.is_empty() {
            return Ok(());
        }
        if self.no_wal >= WAL_PAGINAS {
            self.passar_o_wal()?;
        }
        self.transacao(lote).map_err(|erro| self.desfazer(&erro))?;
        // As páginas dos lugares e do servidor, e as da história: umas cinquenta linhas por página.
        self.no_wal += 6 + lote.len() / 16;
        Ok(())
    }

    /// O WAL inteiro passa para o arquivo: quem copia só o arquivo tem tudo.
    fn arrumar(&mut self) -> Result<(), Falha> {
        if self.fim.is_some() {
            return Ok(());
        }
        // Se quem lê de fora não deixa, ou não há espaço, o WAL fica, e a próxima abertura o lê.
        let passar = |conexao: &Connection| {
            conexao.busy_timeout(Duration::ZERO)?;
            conexao.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |linha| linha.get::<_, bool>(0))
        };
        let passou = passar(&self.conexao);
        // Num reinício, o mesmo arquivo continua a servir.
        let _ = self.conexao.busy_timeout(OCUPADO);
        match passou {
            Ok(false) => Ok(()),
            Ok(true) => Err(Falha::Indisponivel("outro programa lê o arquivo".to_owned())),
            Err(erro) => Err(classificar(&erro)),
        }
    }
}

impl Drop for Sqlite {
    /// Só quem não parou em ordem ainda tem o que arrumar.
    fn drop(&mut self) {
        let _ = self.arrumar();
    }
}

/// Quem lê a história. As threads que a pedem leem uma de cada vez; quem grava não espera por elas.
#[derive(Debug)]
pub struct HistoricoSqlite {
    conexao: Mutex<Connection>,
    _trava: Arc<Trava>,
}

impl Historico for HistoricoSqlite {
    fn de(&self, assento: Assento, ate: Versao, max: usize) -> Result<Vec<Fato<Momento>>, Falha> {
        // CROSS JOIN é a ordem: anda-se do último fato para trás, e para-se em `max`.
        const SQL: &str = "WITH RECURSIVE vida(numero, anterior) AS (
                SELECT h.numero, h.anterior FROM lugares CROSS JOIN historico h ON h.numero = ultima WHERE lugares.assento = ?1
                UNION ALL
                SELECT h.numero, h.anterior FROM vida CROSS JOIN historico h ON h.numero = vida.anterior)
            SELECT h.versao, h.quando, h.cliente, h.nome, h.acontecimento, h.vence
            FROM vida CROSS JOIN historico h ON h.numero = vida.numero WHERE h.versao <= ?2 LIMIT ?3";
        let (ate, max) = (i64::try_from(ate.0).unwrap_or(i64::MAX), i64::try_from(max).unwrap_or(i64::MAX));
        let ler = |conexao: &Connection| -> Result<Vec<Fato<Momento>>, Causa> {
            let mut comando = conexao.prepare_cached(SQL)?;
            let mut linhas = comando.query(params![assento.numero(), ate, max])?;
            let mut fatos = Vec::new();
            while let Some(linha) = linhas.next()? {
                fatos.push(fato(linha)?);
            }
            Ok(fatos)
        };
        ler(&self.conexao.lock()).map_err(|causa| match causa {
            Causa::Danificado(como) => Falha::Fatal(como),
            outra => Falha::Indisponivel(outra.to_string()),
        })
    }
}

fn fato(linha: &Row<'_>) -> Result<Fato<Momento>, Causa> {
    let acontecimento = match (
        linha.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?,
        linha.get::<_, Option<String>>(5)?,
    ) {
        ("reservado", None) => Acontecimento::Reservado,
        ("segurado", Some(vence)) => Acontecimento::Segurado { ate: ler(&vence)? },
        ("livre", None) => Acontecimento::Livre,
        _ => return Err(incoerente("historico")),
    };
    Ok(Fato {
        versao: Versao(natural(linha, 0)?),
        quando: ler(&linha.get::<_, String>(1)?)?,
        cliente: cliente(linha, 2)?,
        nome: linha.get::<_, Option<String>>(3)?.map(|nome| ler(&nome)).transpose()?,
        acontecimento,
    })
}

/// O que o arquivo diz, na memória, e as contas que a conferência pede: gravar um lote não lê nada do arquivo.
#[derive(Clone, Debug)]
struct Espelho {
    guardado: Guardado,
    /// A última linha da história de cada assento; zero, se não há.
    ultimas: [i64; ASSENTOS_MAX as usize],
    /// A conta de cada linha de `lugares`, como está no arquivo.
    lugares: [u64; ASSENTOS_MAX as usize],
    /// A soma das contas de `lugares` e `clientes`.
    soma: u64,
    soma_do_historico: u64,
}

impl Espelho {
    /// O de um arquivo que ainda não tem linha nenhuma.
    fn new(guardado: Guardado) -> Self {
        let (ultimas, lugares) = ([0; ASSENTOS_MAX as usize], [0; ASSENTOS_MAX as usize]);
        Self { guardado, ultimas, lugares, soma: 0, soma_do_historico: 0 }
    }

    /// Grava o que o registro diz, menos os lugares, que se escrevem uma vez por lote: devolve os que mudaram.
    fn anotar(&mut self, conexao: &Connection, registro: &Registro) -> rusqlite::Result<Assentos> {
        let mudados = match &registro.novidade {
            Novidade::Assentos { evento, .. } => {
                let quando = registro.quando.to_string();
                for (assento, fato) in registro.fatos(&self.guardado) {
                    let anterior = &mut self.ultimas[assento.indice()];
                    let numero = com_sinal(fato.versao.0) * PASSO + i64::from(assento.numero());
                    let linha = LinhaDoHistorico::new(numero, &quando, &fato, *anterior);
                    linha.escrever(conexao)?;
                    self.soma_do_historico = self.soma_do_historico.wrapping_add(linha.conta());
                    *anterior = numero;
                }
                evento.assentos
            }
            Novidade::Renovado { assentos, .. } => *assentos,
            Novidade::Nome { cliente, nome } => {
                self.tirar_nome(*cliente);
                self.soma = self.soma.wrapping_add(conta_do_nome(*cliente, nome.as_str()));
                let mut comando = conexao.prepare_cached("REPLACE INTO clientes VALUES (?1, ?2)")?;
                comando.execute(params![com_sinal(cliente.numero()), nome.as_str()])?;
                Assentos::NENHUM
            }
            Novidade::NomeEsquecido { cliente } => {
                self.tirar_nome(*cliente);
                let mut comando = conexao.prepare_cached("DELETE FROM clientes WHERE cliente = ?1")?;
                comando.execute([com_sinal(cliente.numero())])?;
                Assentos::NENHUM
            }
            Novidade::Token { .. } | Novidade::Clientes(_) => Assentos::NENHUM,
        };
        self.guardado.aplicar(registro);
        Ok(mudados)
    }

    fn tirar_nome(&mut self, cliente: ClientId) {
        if let Some(nome) = self.guardado.nomes.get(&cliente) {
            self.soma = self.soma.wrapping_sub(conta_do_nome(cliente, nome.as_str()));
        }
    }

    /// Escreve estes lugares e a linha do servidor, com a conferência de tudo.
    fn escrever(&mut self, conexao: &Connection, lugares: Assentos) -> rusqlite::Result<()> {
        for assento in lugares {
            let linha = LinhaDoLugar::new(assento, &self.guardado, self.ultimas[assento.indice()]);
            linha.escrever(conexao)?;
            self.contar_lugar(assento, linha.conta());
        }
        let Guardado { versao, cerca, contador, clientes, gravado_em, .. } = self.guardado;
        let mut comando =
            conexao.prepare_cached("REPLACE INTO servidor VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        comando.execute(params![
            com_sinal(versao.0),
            com_sinal(cerca.0),
            com_sinal(contador),
            com_sinal(clientes),
            gravado_em.to_string(),
            bits(self.soma_do_historico),
            bits(self.conferencia()),
        ])?;
        Ok(())
    }

    fn contar_lugar(&mut self, assento: Assento, conta: u64) {
        let antiga = std::mem::replace(&mut self.lugares[assento.indice()], conta);
        self.soma = self.soma.wrapping_sub(antiga).wrapping_add(conta);
    }

    /// O número que muda se qualquer valor guardado mudar.
    fn conferencia(&self) -> u64 {
        let Guardado { versao, cerca, contador, clientes, gravado_em, segredo, .. } = &self.guardado;
        let numeros = Conta::da(1).numero(versao.0).numero(cerca.0).numero(*contador).numero(*clientes);
        let numeros = numeros.texto(Some(&gravado_em.to_string())).bytes(&segredo.0);
        numeros.numero(self.soma).numero(self.soma_do_historico).fim()
    }
}

/// Uma linha de `lugares`.
struct LinhaDoLugar {
    assento: Assento,
    situacao: &'static str,
    cliente: Option<i64>,
    desde: Option<String>,
    vence: Option<String>,
    ultima: i64,
}

impl LinhaDoLugar {
    fn new(assento: Assento, guardado: &Guardado, ultima: i64) -> Self {
        let ocupacao = guardado.assentos.get(&assento);
        let vence = ocupacao.and_then(|ocupacao| ocupacao.vence);
        let situacao = match (ocupacao, vence) {
            (None, _) => "livre",
            (Some(_), None) => "reservado",
            (Some(_), Some(_)) => "segurado",
        };
        Self {
            assento,
            situacao,
            cliente: ocupacao.map(|ocupacao| com_sinal(ocupacao.cliente.numero())),
            desde: ocupacao.map(|ocupacao| ocupacao.desde.to_string()),
            vence: vence.map(|vence| vence.to_string()),
            ultima,
        }
    }

    fn escrever(&self, conexao: &Connection) -> rusqlite::Result<()> {
        let Self { assento, situacao, cliente, desde, vence, ultima } = self;
        let mut comando = conexao.prepare_cached("REPLACE INTO lugares VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        comando.execute(params![assento.numero(), situacao, cliente, desde, vence, ultima])?;
        Ok(())
    }

    fn conta(&self) -> u64 {
        let conta = Conta::da(2).numero(u64::from(self.assento.numero())).bytes(self.situacao.as_bytes());
        let conta = conta.inteiro(self.cliente.unwrap_or_default());
        conta.texto(self.desde.as_deref()).texto(self.vence.as_deref()).inteiro(self.ultima).fim()
    }
}

/// Uma linha de `historico`.
struct LinhaDoHistorico<'a> {
    numero: i64,
    quando: &'a str,
    cliente: i64,
    nome: Option<&'a str>,
    acontecimento: &'a str,
    vence: Option<String>,
    anterior: i64,
}

impl<'a> LinhaDoHistorico<'a> {
    fn new(numero: i64, quando: &'a str, fato: &'a Fato<Momento>, anterior: i64) -> Self {
        let (acontecimento, vence) = match fato.acontecimento {
            Acontecimento::Reservado => ("reservado", None),
            Acontecimento::Segurado { ate } => ("segurado", Some(ate.to_string())),
            Acontecimento::Livre => ("livre", None),
        };
        let nome = fato.nome.as_ref().map(protocolo::Nome::as_str);
        Self {
            numero,
            quando,
            cliente: com_sinal(fato.cliente.numero()),
            nome,
            acontecimento,
            vence,
            anterior,
        }
    }

    fn escrever(&self, conexao: &Connection) -> rusqlite::Result<()> {
        let Self { numero, quando, cliente, nome, acontecimento, vence, anterior } = self;
        let mut comando =
            conexao.prepare_cached("INSERT INTO historico VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        comando.execute(params![numero, quando, cliente, nome, acontecimento, vence, anterior])?;
        Ok(())
    }

    fn conta(&self) -> u64 {
        let Self { numero, quando, cliente, nome, acontecimento, vence, anterior } = self;
        conta_do_historico(
            [*numero, *cliente, *anterior],
            [Some(quando), *nome, Some(acontecimento), vence.as_deref()],
        )
    }
}

fn conta_do_historico(numeros: [i64; 3], textos: [Option<&str>; 4]) -> u64 {
    textos.into_iter().fold(numeros.into_iter().fold(Conta::da(3), Conta::inteiro), Conta::texto).fim()
}

fn conta_do_nome(cliente: ClientId, nome: &str) -> u64 {
    Conta::da(4).numero(cliente.numero()).bytes(nome.as_bytes()).fim()
}

/// Um número nosso como o SQLite os guarda: nenhum passa de 2^63.
fn com_sinal(numero: u64) -> i64 {
    i64::try_from(numero).expect("nenhuma contagem chega a 2^63")
}

/// Uma conta como o SQLite guarda números: os mesmos 64 bits.
const fn bits(conta: u64) -> i64 {
    i64::from_ne_bytes(conta.to_ne_bytes())
}

fn conectar(caminho: &Path) -> Result<Connection, Causa> {
    // Sem SQLITE_OPEN_URI: um nome de arquivo é só um nome de arquivo.
    let conexao = Connection::open_with_flags(
        caminho,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conexao.busy_timeout(OCUPADO)?;
    conexao.set_prepared_statement_cache_capacity(PREPARADOS);
    conexao.execute_batch("PRAGMA trusted_schema = OFF")?;
    Ok(conexao)
}

/// Faz um banco novo ao lado e o põe no lugar inteiro: uma queda no meio não deixa meio banco.
fn criar(caminho: &Path, novo: bool, vazio: &Guardado) -> Result<(), Causa> {
    let rascunho = ao_lado(caminho, "-novo");
    let feito = preencher(&rascunho, vazio).and_then(|()| {
        if novo {
            arquivo::guardar_de_lado(caminho, vazio.gravado_em)?;
        }
        arquivo::por_no_lugar(&rascunho, caminho)
    });
    if feito.is_err() {
        arquivo::apagar(&rascunho);
    }
    feito
}

fn preencher(rascunho: &Path, vazio: &Guardado) -> Result<(), Causa> {
    arquivo::criar_vazio(rascunho)?;
    let conexao = conectar(rascunho)?;
    conexao.execute_batch(&format!(
        "PRAGMA application_id = {MARCA}; PRAGMA user_version = {VERSAO}; PRAGMA journal_mode = WAL; BEGIN; {};",
        TABELAS.join(";")
    ))?;
    conexao.execute("INSERT INTO segredo VALUES (1, ?1)", [vazio.segredo.0])?;
    Espelho::new(vazio.clone()).escrever(&conexao, Assentos::TODOS)?;
    conexao.execute_batch("COMMIT")?;
    conexao.close().map_err(|(_, erro)| Causa::from(erro))
}

/// Confere o banco inteiro e carrega o que ele guarda.
fn conferir_tudo(caminho: &Path, conexao: &Connection) -> Result<Espelho, Causa> {
    let versao: u32 = conexao.query_row("PRAGMA user_version", [], |linha| linha.get(0))?;
    if versao > VERSAO {
        return Err(Causa::MaisNovo { achada: versao });
    }
    // As duas passadas pelo arquivo inteiro são o que demora: uma em cada núcleo.
    let paginas = || {
        let conexao = conectar(caminho)?;
        conexao.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conferir_paginas(&conexao)
    };
    let (paginas, espelho) = ao_mesmo_tempo("conferir", paginas, || conferir_dados(conexao))?;
    // Páginas estragadas explicam melhor o resto.
    paginas.and(espelho)
}

fn conferir_paginas(conexao: &Connection) -> Result<(), Causa> {
    let veredito: String = conexao.query_row("PRAGMA quick_check(1)", [], |linha| linha.get(0))?;
    match veredito.as_str() {
        "ok" => Ok(()),
        _ => Err(Causa::Danificado(veredito.lines().last().unwrap_or_default().to_owned())),
    }
}

/// Confere as declarações e cada valor, e carrega o que o arquivo guarda.
fn conferir_dados(conexao: &Connection) -> Result<Espelho, Causa> {
    for tabela in TABELAS {
        // Quem quiser pôr ao lado um índice ou uma visão sua pode.
        let sql = "SELECT count(*) FROM sqlite_schema WHERE sql = ?1";
        if conexao.query_row(sql, [tabela], |linha| linha.get::<_, i64>(0))? != 1 {
            return Err(incoerente("sqlite_schema"));
        }
    }
    let espelho = carregar(conexao)?;
    if somar_historico(conexao)? != espelho.soma_do_historico {
        return Err(incoerente("historico"));
    }
    Ok(espelho)
}

fn somar_historico(conexao: &Connection) -> Result<u64, Causa> {
    let mut comando = conexao
        .prepare("SELECT numero, cliente, anterior, quando, nome, acontecimento, vence FROM historico")?;
    let mut linhas = comando.query([])?;
    let mut soma = 0_u64;
    while let Some(linha) = linhas.next()? {
        let texto = |coluna| linha.get_ref(coluna)?.as_str_or_null().map_err(rusqlite::Error::from);
        let numeros = [linha.get(0)?, linha.get(1)?, linha.get(2)?];
        soma = soma.wrapping_add(conta_do_historico(numeros, [texto(3)?, texto(4)?, texto(5)?, texto(6)?]));
    }
    Ok(soma)
}

/// Carrega o que o arquivo guarda e refaz as contas, menos a da história.
fn carregar(conexao: &Connection) -> Result<Espelho, Causa> {
    let segredo = conexao.query_row("SELECT segredo FROM segredo WHERE id = 1", [], |linha| linha.get(0))?;
    let mut comando = conexao.prepare(
        "SELECT versao, cerca, contador, clientes, gravado_em, soma_do_historico, conferencia FROM servidor WHERE id = 1",
    )?;
    let mut linhas = comando.query([])?;
    let Some(linha) = linhas.next()? else { return Err(incoerente("servidor")) };
    let mut espelho = Espelho::new(Guardado {
        versao: Versao(natural(linha, 0)?),
        cerca: Cerca(natural(linha, 1)?),
        contador: natural(linha, 2)?,
        clientes: natural(linha, 3)?,
        ..Guardado::vazio(Segredo(segredo), ler(&linha.get::<_, String>(4)?)?)
    });
    espelho.soma_do_historico = u64::from_ne_bytes(linha.get::<_, i64>(5)?.to_ne_bytes());
    let conferencia: i64 = linha.get(6)?;
    carregar_lugares(conexao, &mut espelho)?;
    carregar_nomes(conexao, &mut espelho)?;
    if bits(espelho.conferencia()) != conferencia {
        return Err(incoerente("servidor"));
    }
    Ok(espelho)
}

fn carregar_lugares(conexao: &Connection, espelho: &mut Espelho) -> Result<(), Causa> {
    let mut comando = conexao
        .prepare("SELECT assento, situacao, cliente, desde, vence, ultima FROM lugares ORDER BY assento")?;
    let mut linhas = comando.query([])?;
    let mut esperados = Assento::todos();
    while let Some(linha) = linhas.next()? {
        let assento = esperados.next().filter(|assento| linha.get(0) == Ok(assento.numero()));
        let assento = assento.ok_or_else(|| incoerente("lugares"))?;
        if let Some(desde) = linha.get::<_, Option<String>>(3)? {
            let vence = linha.get::<_, Option<String>>(4)?.map(|vence| ler(&vence)).transpose()?;
            let ocupacao = Ocupacao { cliente: cliente(linha, 2)?, desde: ler(&desde)?, vence };
            espelho.guardado.assentos.insert(assento, ocupacao);
        }
        // A linha que se escreveria tem de ser a que se leu, coluna por coluna.
        let linha_certa = LinhaDoLugar::new(assento, &espelho.guardado, linha.get(5)?);
        let lida = (linha.get(1)?, linha.get(2)?, linha.get(3)?, linha.get(4)?);
        let LinhaDoLugar { situacao, cliente, desde, vence, .. } = &linha_certa;
        if lida != ((*situacao).to_owned(), *cliente, desde.clone(), vence.clone()) {
            return Err(incoerente("lugares"));
        }
        espelho.ultimas[assento.indice()] = linha_certa.ultima;
        espelho.contar_lugar(assento, linha_certa.conta());
    }
    if esperados.next().is_some() { Err(incoerente("lugares")) } else { Ok(()) }
}

fn carregar_nomes(conexao: &Connection, espelho: &mut Espelho) -> Result<(), Causa> {
    let mut comando = conexao.prepare("SELECT cliente, nome FROM clientes")?;
    let mut linhas = comando.query([])?;
    while let Some(linha) = linhas.next()? {
        let (cliente, nome) = (cliente(linha, 0)?, linha.get::<_, String>(1)?);
        espelho.soma = espelho.soma.wrapping_add(conta_do_nome(cliente, &nome));
        espelho.guardado.nomes.insert(cliente, ler(&nome)?);
    }
    Ok(())
}

fn natural(linha: &Row<'_>, coluna: usize) -> Result<u64, Causa> {
    u64::try_from(linha.get::<_, i64>(coluna)?).map_err(|_| incoerente("um número negativo"))
}

fn cliente(linha: &Row<'_>, coluna: usize) -> Result<ClientId, Causa> {
    ClientId::new(natural(linha, coluna)?).ok_or_else(|| incoerente("um cliente zero"))
}

fn ler<T: std::str::FromStr>(texto: &str) -> Result<T, Causa> {
    texto.parse().map_err(|_| incoerente("um texto que não se entende"))
}

fn incoerente(onde: &str) -> Causa {
    Causa::Danificado(format!("os dados não conferem: {onde}"))
}

/// O que uma falha do SQLite quer dizer para quem grava.
///
/// `SQLITE_FULL` vem de uma escrita que não coube, antes do fim da transação; uma falha do `fsync` tem outro código.
fn classificar(erro: &rusqlite::Error) -> Falha {
    match erro.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Falha::Indisponivel("não há espaço no disco".to_owned()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Falha::Indisponivel("outro programa está escrevendo no arquivo".to_owned())
        }
        _ => Falha::Fatal(erro.to_string()),
    }
}
