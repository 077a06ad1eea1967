//! O que uma conexão pede, e o que ouve, até que o servidor caia. Não julga nada.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use arnes::Sorteio;
use arnes::terminal::{Resposta, Terminal, valor};

/// Um pedido, por quem, e a resposta, se ela chegou.
#[derive(Debug)]
pub struct Pedido {
    pub cliente: u64,
    pub linha: String,
    pub resposta: Option<Resposta>,
}

/// Alguém que volta a cada rodada, com o mesmo número ou com um novo.
#[derive(Debug)]
pub struct Persona {
    /// Quem é agora; zero, se ainda ninguém.
    pub cliente: u64,
    pub chave: String,
    /// O que pediu desde a última queda.
    pub pedidos: Vec<Pedido>,
    /// Os números que recebeu desde então, e as chaves.
    pub novos: Vec<(u64, String)>,
    /// O nome que deu e foi gravado.
    pub nome: Option<String>,
    /// Não tinha assento nenhum quando o servidor voltou: o nome pode ter sido esquecido.
    pub esquecivel: bool,
    sorteio: Sorteio,
}

impl Persona {
    pub fn nova(semente: u64) -> Self {
        Self {
            cliente: 0,
            chave: String::new(),
            pedidos: Vec::new(),
            novos: Vec::new(),
            nome: None,
            esquecivel: false,
            sorteio: Sorteio::com(semente),
        }
    }

    /// Pede e ouve até que a conexão caia; cada resposta é contada em `ouvi`.
    pub fn conversar(&mut self, endereco: SocketAddr, ouvi: &Sender<()>) {
        // Que a conexão caia é o que se quer; o que se ouviu antes disso está anotado.
        while self.conversar_ate_mudar(endereco, ouvi).is_ok() {}
    }

    /// Uma conexão; devolve `Ok` quando a persona devolveu tudo e quer ser outro cliente.
    fn conversar_ate_mudar(&mut self, endereco: SocketAddr, ouvi: &Sender<()>) -> io::Result<()> {
        let mut terminal = Terminal::tentar(endereco)?;
        let saudacao = ler_resposta(&mut terminal)?.fim;
        if !saudacao.starts_with("OK RESERVA/1 ") {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let novo = (valor(&saudacao, "cliente").parse().unwrap(), valor(&saudacao, "chave").to_owned());
        self.novos.push(novo.clone());
        if self.cliente == 0 {
            (self.cliente, self.chave) = novo;
        } else {
            let retomar = format!("RETOMAR {} {}", self.cliente, self.chave);
            let volta = self.pedir(&mut terminal, vec![retomar], ouvi)?;
            assert_eq!(volta, format!("OK RETOMADO {}", self.cliente));
        }
        loop {
            let muda = self.sorteio.ate(30) == 1;
            let pedidos = if muda { vec!["CANCELAR TUDO".to_owned()] } else { self.sortear_pedidos() };
            let ultima = self.pedir(&mut terminal, pedidos, ouvi)?;
            if muda && ultima.starts_with("OK CANCELADO") {
                (self.cliente, self.nome) = (0, None);
                return Ok(());
            }
        }
    }

    /// Manda os pedidos de uma vez e lê as respostas; volta a linha final da última.
    fn pedir(
        &mut self,
        terminal: &mut Terminal,
        pedidos: Vec<String>,
        ouvi: &Sender<()>,
    ) -> io::Result<String> {
        let mut lote = String::new();
        let primeiro = self.pedidos.len();
        for linha in pedidos {
            lote.push_str(&linha);
            lote.push('\n');
            self.pedidos.push(Pedido { cliente: self.cliente, linha, resposta: None });
        }
        terminal.tomada().write_all(lote.as_bytes())?;
        let mut ultima = String::new();
        for pedido in &mut self.pedidos[primeiro..] {
            let resposta = ler_resposta(terminal)?;
            if resposta.fim.starts_with("ERRO ENCERRANDO") {
                // É a despedida do servidor: o pedido não foi lido.
                return Err(ErrorKind::ConnectionAborted.into());
            }
            ultima.clone_from(&resposta.fim);
            pedido.resposta = Some(resposta);
            // Quem conta pode já ter derrubado o servidor.
            let _ = ouvi.send(());
        }
        Ok(ultima)
    }

    fn sortear_pedidos(&mut self) -> Vec<String> {
        let quantos = if self.sorteio.ate(3) == 1 { self.sorteio.ate(8) } else { 1 };
        (0..quantos).flat_map(|_| self.sortear_pedido()).collect()
    }

    fn sortear_pedido(&mut self) -> Vec<String> {
        let sorteio = &mut self.sorteio;
        let n = sorteio.ate(5);
        let quais = (0..sorteio.ate(4)).map(|_| sorteio.ate(100).to_string()).collect::<Vec<_>>().join(" ");
        let um = match sorteio.ate(17) {
            1..=3 => format!("RESERVAR {quais}"),
            4 => format!("RESERVAR PARCIAL {quais}"),
            5 => format!("RESERVAR QUANTIDADE {n}"),
            6 => format!("RESERVAR QUANTIDADE {n} PREFERINDO {quais}"),
            // Nenhum vence enquanto o teste roda: vencer é de outros testes.
            7 | 8 => format!("SEGURAR {quais} POR 900"),
            9 => format!("SEGURAR QUANTIDADE {n} POR 900"),
            10 => "CONFIRMAR".to_owned(),
            11 => format!("CONFIRMAR {quais}"),
            12 => format!("CANCELAR {quais}"),
            13 | 14 => "CANCELAR TUDO".to_owned(),
            15 => format!("NOME n{}", sorteio.ate(1_000_000)),
            16 => "LISTAR".to_owned(),
            _ => return vec!["TOKEN SOLICITAR POR 1 ATE 1".to_owned(), "TOKEN LIBERAR".to_owned()],
        };
        vec![um]
    }
}

/// A próxima resposta inteira.
///
/// Erros: a conexão caiu.
pub fn ler_resposta(terminal: &mut Terminal) -> io::Result<Resposta> {
    let mut dados = Vec::new();
    loop {
        let linha = terminal.tentar_linha()?.ok_or(ErrorKind::UnexpectedEof)?;
        if matches!(linha.split(' ').next(), Some("OK" | "ERRO")) {
            return Ok(Resposta { dados, fim: linha });
        }
        dados.push(linha);
    }
}
