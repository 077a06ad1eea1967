//! Uma conexão crua com um servidor, como a de quem usa `nc`: manda bytes, lê linhas, e não espera para sempre.
//!
//! Não entende o protocolo além do que um leitor de linhas precisa: uma resposta acaba na linha `OK` ou `ERRO`.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::espera::Cronometro;

/// Quanto um terminal espera por uma linha.
pub const LEITURA_PRAZO: Duration = Duration::from_secs(5);
/// O mais que uma linha ocupa, com muita folga.
const LINHA_BYTES_MAX: usize = 64 * 1024;

/// Uma resposta como veio: as linhas de dados e a linha final.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resposta {
    /// As linhas de dados, sem o LF.
    pub dados: Vec<String>,
    /// A linha final, sem o LF.
    pub fim: String,
}

impl Resposta {
    /// O que ela diz, pelos tipos do protocolo.
    ///
    /// Erros: não é uma resposta dele.
    pub fn ler(&self) -> Result<protocolo::Resposta, String> {
        let linhas: Vec<&str> = self.dados.iter().chain([&self.fim]).map(String::as_str).collect();
        linhas.join("\n").parse().map_err(|erro: protocolo::RespostaInvalida| erro.to_string())
    }
}

/// Uma conexão crua.
#[derive(Debug)]
pub struct Terminal {
    leitor: BufReader<TcpStream>,
    /// O número que a saudação deu; zero antes dela.
    pub cliente: u64,
    /// A chave que a saudação deu; vazia antes dela.
    pub chave: String,
}

impl Terminal {
    /// Conecta e não lê nada.
    #[track_caller]
    pub fn conectar(endereco: SocketAddr) -> Self {
        Self::tentar(endereco).expect("o servidor devia aceitar a conexão")
    }

    /// Conecta, se houver a quem.
    pub fn tentar(endereco: SocketAddr) -> io::Result<Self> {
        let tomada = TcpStream::connect_timeout(&endereco, LEITURA_PRAZO)?;
        tomada.set_read_timeout(Some(LEITURA_PRAZO))?;
        tomada.set_write_timeout(Some(LEITURA_PRAZO))?;
        tomada.set_nodelay(true)?;
        Ok(Self { leitor: BufReader::new(tomada), cliente: 0, chave: String::new() })
    }

    /// Conecta e lê a saudação.
    #[track_caller]
    pub fn entrar(endereco: SocketAddr) -> Self {
        let mut terminal = Self::conectar(endereco);
        terminal.ler_saudacao();
        terminal
    }

    /// Lê a saudação e anota o número e a chave.
    #[track_caller]
    pub fn ler_saudacao(&mut self) -> Resposta {
        let saudacao = self.ler_resposta();
        assert!(saudacao.fim.starts_with("OK RESERVA/1 "), "isto não é uma saudação: {saudacao:?}");
        self.cliente = valor(&saudacao.fim, "cliente").parse().expect("cliente é um número");
        self.chave = valor(&saudacao.fim, "chave").to_owned();
        saudacao
    }

    /// O socket.
    pub fn tomada(&self) -> &TcpStream {
        self.leitor.get_ref()
    }

    /// Manda uma linha; o LF é posto aqui.
    #[track_caller]
    pub fn enviar(&self, linha: &str) {
        self.enviar_bytes(format!("{linha}\n").as_bytes());
    }

    /// Manda bytes como são.
    #[track_caller]
    pub fn enviar_bytes(&self, bytes: &[u8]) {
        self.tomada().write_all(bytes).expect("o servidor devia receber os bytes");
    }

    /// A próxima linha, sem o LF; `None` se o servidor fechou.
    ///
    /// Erros: o prazo venceu, a conexão caiu, ou o servidor fechou no meio de uma linha.
    pub fn tentar_linha(&mut self) -> io::Result<Option<String>> {
        let comeco = Cronometro::comecar();
        let mut linha = Vec::new();
        loop {
            let lidos = match self.leitor.fill_buf() {
                // Um sinal não é um erro da conexão.
                Err(erro) if erro.kind() == ErrorKind::Interrupted => continue,
                lidos => lidos?,
            };
            if lidos.is_empty() && linha.is_empty() {
                return Ok(None);
            }
            if lidos.is_empty() {
                let linha = String::from_utf8_lossy(&linha);
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("linha cortada: {linha:?}")));
            }
            let lf = lidos.iter().position(|byte| *byte == b'\n');
            linha.extend_from_slice(&lidos[..lf.unwrap_or(lidos.len())]);
            let usados = lf.map_or(lidos.len(), |lf| lf + 1);
            self.leitor.consume(usados);
            if lf.is_some() {
                return String::from_utf8(linha).map(Some).map_err(|_| ErrorKind::InvalidData.into());
            }
            // Cada leitura tem o seu prazo; a linha inteira também, e um tamanho: quem fala sem parar, ou gota a gota, não a acaba.
            if linha.len() > LINHA_BYTES_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            if comeco.passou() > 2 * LEITURA_PRAZO {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    /// A próxima linha, sem o LF.
    #[track_caller]
    pub fn ler_linha(&mut self) -> String {
        match self.tentar_linha() {
            Ok(Some(linha)) => linha,
            Ok(None) => panic!("esperava uma linha, e o servidor fechou a conexão"),
            Err(erro) => panic!("esperava uma linha, e não veio: {erro}"),
        }
    }

    /// A próxima linha, se vier até `prazo`; senão, nada.
    #[track_caller]
    pub fn ler_se_vier(&mut self, prazo: Duration) -> Option<String> {
        self.tomada().set_read_timeout(Some(prazo)).expect("o prazo não é zero");
        let lida = self.tentar_linha();
        self.tomada().set_read_timeout(Some(LEITURA_PRAZO)).expect("o prazo não é zero");
        match lida {
            Ok(linha) => linha,
            Err(erro) if matches!(erro.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => None,
            Err(erro) => panic!("esperava uma linha, e não veio: {erro}"),
        }
    }

    /// A próxima resposta inteira.
    #[track_caller]
    pub fn ler_resposta(&mut self) -> Resposta {
        let mut dados = Vec::new();
        loop {
            let linha = self.ler_linha();
            if protocolo::e_final(&linha) {
                return Resposta { dados, fim: linha };
            }
            dados.push(linha);
        }
    }

    /// Manda uma linha e lê a resposta; devolve a linha final.
    #[track_caller]
    pub fn pedir(&mut self, linha: &str) -> String {
        self.pedir_tudo(linha).fim
    }

    /// Manda uma linha e lê a resposta inteira.
    #[track_caller]
    pub fn pedir_tudo(&mut self, linha: &str) -> Resposta {
        self.enviar(linha);
        self.ler_resposta()
    }

    /// Confere que as próximas linhas começam assim, nesta ordem.
    #[track_caller]
    pub fn espera_comecos(&mut self, comecos: &[&str]) {
        for esperado in comecos {
            let linha = self.ler_linha();
            assert!(linha.starts_with(esperado), "esperado {esperado}, veio {linha}");
        }
    }

    /// Confere que o servidor fechou, sem mais nenhuma linha.
    #[track_caller]
    pub fn espera_fim(&mut self) {
        match self.tentar_linha() {
            Ok(None) => {}
            Ok(Some(linha)) => panic!("esperava que o servidor fechasse, e veio {linha:?}"),
            Err(erro) => panic!("esperava que o servidor fechasse: {erro}"),
        }
    }

    /// Lê tudo até o fim da conexão, aceitando que ela caia.
    pub fn ler_o_que_ha(&mut self) -> Vec<u8> {
        let mut tudo = Vec::new();
        let _ = self.leitor.read_to_end(&mut tudo);
        tudo
    }

    /// O núcleo passa a guardar deste lado mais ou menos tantos bytes: quem não lê logo prende quem escreve.
    #[track_caller]
    pub fn estreitar(&self, bytes: usize) {
        rustix::net::sockopt::set_socket_recv_buffer_size(self.tomada(), bytes)
            .expect("o socket devia aceitar SO_RCVBUF");
    }

    /// Fecha o lado de quem fala; ainda se pode ler.
    #[track_caller]
    pub fn fechar_escrita(&self) {
        self.tomada().shutdown(Shutdown::Write).expect("a conexão devia estar aberta");
    }

    /// Some com um RST, sem despedida: a queda de um processo, ou de um cabo.
    #[track_caller]
    pub fn cair(self) {
        rustix::net::sockopt::set_socket_linger(self.tomada(), Some(Duration::ZERO))
            .expect("o socket devia aceitar SO_LINGER");
    }
}

/// O valor do par `nome=valor` numa linha final.
#[track_caller]
pub fn valor<'a>(linha: &'a str, nome: &str) -> &'a str {
    linha
        .split(" :")
        .next()
        .and_then(|argumentos| {
            argumentos.split(' ').find_map(|par| par.strip_prefix(nome)?.strip_prefix('='))
        })
        .unwrap_or_else(|| panic!("não há {nome}= em {linha:?}"))
}
