//! Um servidor de mentira para os testes: cumprimenta uma conexão e segue um roteiro.
//!
//! Serve aos testes da biblioteca, do programa e do processo, e só a eles. Não conhece a sala.

#![allow(dead_code, reason = "cada um dos três conjuntos de testes usa só uma parte")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{Builder, JoinHandle};

/// O que o servidor de mentira diz primeiro: o cliente é o 7.
pub const SAUDACAO: &str =
    "Bem-vindo.\nOK RESERVA/1 cliente=7 chave=00112233445566778899aabbccddeeff assentos=100\n";

/// Um servidor de mentira que atende uma conexão.
pub struct Falso {
    /// Onde ele atende.
    pub endereco: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

/// A conversa com o cliente, do lado do servidor.
pub struct Conversa {
    leitor: BufReader<TcpStream>,
    ouvidas: Vec<String>,
}

impl Conversa {
    /// A próxima linha do cliente, sem o fim; `None` no fim do arquivo. Os bytes que não são texto viram `?`.
    pub fn ouvir(&mut self) -> Option<String> {
        let mut linha = Vec::new();
        if self.leitor.read_until(b'\n', &mut linha).unwrap() == 0 {
            return None;
        }
        let linha = String::from_utf8_lossy(&linha).trim_end_matches('\n').to_owned();
        self.ouvidas.push(linha.clone());
        Some(linha)
    }

    /// Diz ao cliente. Se ele já foi embora, não importa.
    pub fn dizer(&mut self, texto: &str) {
        let _ = self.leitor.get_ref().write_all(texto.as_bytes());
    }
}

impl Falso {
    /// Cumprimenta e segue o roteiro; no fim dele, fecha a conexão.
    pub fn new(roteiro: impl FnOnce(&mut Conversa) + Send + 'static) -> Self {
        Self::iniciar(SAUDACAO, roteiro)
    }

    /// Cumprimenta e responde a cada linha com a resposta da vez, a que se junta um LF; depois da última, fecha.
    pub fn com_respostas(respostas: &[&str]) -> Self {
        let respostas: Vec<String> = respostas.iter().map(|r| format!("{r}\n")).collect();
        Self::new(move |conversa| {
            for resposta in respostas {
                if conversa.ouvir().is_none() {
                    break;
                }
                conversa.dizer(&resposta);
            }
        })
    }

    /// Diz só isto, no lugar da saudação, e fecha.
    pub fn sem_saudacao(texto: &'static str) -> Self {
        Self::iniciar(texto, |_| ())
    }

    /// Atende a próxima conexão que chegar a esta escuta, que depois pode servir a outro.
    pub fn na_escuta(escuta: &TcpListener, roteiro: impl FnOnce(&mut Conversa) + Send + 'static) -> Self {
        Self::iniciar_em(escuta.try_clone().unwrap(), SAUDACAO, roteiro)
    }

    fn iniciar(primeiro: &'static str, roteiro: impl FnOnce(&mut Conversa) + Send + 'static) -> Self {
        Self::iniciar_em(TcpListener::bind("127.0.0.1:0").unwrap(), primeiro, roteiro)
    }

    fn iniciar_em(
        escuta: TcpListener,
        primeiro: &'static str,
        roteiro: impl FnOnce(&mut Conversa) + Send + 'static,
    ) -> Self {
        let endereco = escuta.local_addr().unwrap();
        let atender = move || {
            let (corrente, _) = escuta.accept().unwrap();
            let mut conversa = Conversa { leitor: BufReader::new(corrente), ouvidas: Vec::new() };
            conversa.dizer(primeiro);
            roteiro(&mut conversa);
            conversa.ouvidas
        };
        let thread = Builder::new().name("falso".into()).spawn(atender).unwrap();
        Self { endereco, thread }
    }

    /// Espera o fim da conversa e devolve as linhas que o cliente disse.
    pub fn ouvidas(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}
