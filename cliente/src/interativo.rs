//! O prompt: uma pessoa digita pedidos e lê as respostas em português.
//!
//! Quatro threads. A principal edita a linha, envia e espera a resposta. A `leitura` lê o socket e separa: o que
//! responde a um pedido vai para a principal; o que veio sem ninguém pedir (um evento, uma despedida do servidor, o
//! fim da conexão) vai para a `avisos`, que o mostra acima da linha que se digita. Para isso a principal conta à
//! `avisos` o que se digita: a `rustyline` 18 sabe escrever acima da linha (`ExternalPrinter`), mas com isso ligado
//! prende o que se digita depressa ou se cola (kkawakam/rustyline#976). A `sinais` ouve o Ctrl-C de quem se cansou de
//! esperar por uma resposta; enquanto se digita, ele é só uma tecla, e quem a lê é a `rustyline`.

use std::cell::Cell;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use cliente::{Bloco, Cliente, Falha, Leitor, Recebido};
use protocolo::{Linhas, TABELA};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::Fim;
use crate::erro::Erro;
use crate::tela::{Aviso, ESPERA_CALADA, Frase, Saida, espera, limpo};

const PROMPT: &str = "reserva> ";
/// Quanto se espera pela resposta a `SAIR` de quem já quer ir embora.
const DESPEDIDA_PRAZO: Duration = Duration::from_secs(2);

/// Conversa até `SAIR`, Ctrl-D, Ctrl-C numa linha vazia ou o fim da conexão.
pub fn conversar(cliente: Cliente, servidor: &str, saida: &mut Saida) -> Result<Fim, Erro> {
    cumprimentar(&cliente, servidor, saida)?;
    let (contar, novidades) = mpsc::channel();
    criar_thread("avisos", move || mostrar_avisos(&novidades, &mut io::stdout()))?;
    let config = Config::builder().auto_add_history(true).build();
    let mut editor = Editor::with_history(config, MemHistory::new()).map_err(entrada)?;
    editor.set_helper(Some(Auxiliar { vazia: Cell::new(true), contar: contar.clone() }));
    let conversa = Conversa::new(cliente, contar.clone())?;
    loop {
        let lido = editor.readline(PROMPT);
        let _ = contar.send(Novidade::Acabou);
        match lido {
            Ok(texto) => {
                // Um texto colado pode ter várias linhas: cada uma é um pedido.
                for linha in texto.lines().filter(|linha| tem_resposta(linha)) {
                    let Some(bloco) = conversa.pedir(linha, &mut saida.escrita)? else {
                        // O terminal mostrou ^C; a linha dele acaba aqui.
                        writeln!(
                            saida.escrita,
                            "\nVocê desistiu de esperar. Até logo! O que é seu continua seu."
                        )?;
                        return Ok(Fim::Interrompido);
                    };
                    saida.resposta(&bloco)?;
                    if bloco.linha_final() == ATE_LOGO {
                        return Ok(Fim::Bem);
                    }
                }
                conversa.conferir()?;
            }
            Err(ReadlineError::Interrupted) if editor.helper().is_some_and(|a| !a.vazia.get()) => {}
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => {
                conversa.conferir()?;
                conversa.despedir();
                writeln!(saida.escrita, "Até logo! O que é seu continua seu.")?;
                return Ok(Fim::Bem);
            }
            Err(erro) => return Err(entrada(erro)),
        }
    }
}

fn cumprimentar(cliente: &Cliente, servidor: &str, saida: &mut Saida) -> io::Result<()> {
    let (numero, chave) = (cliente.cliente(), cliente.chave());
    writeln!(saida.escrita, "Conectado a {}. Você é o cliente {numero}.", limpo(servidor))?;
    writeln!(saida.escrita, "O que você reservar continua seu depois de sair. Para voltar a ser você:")?;
    writeln!(saida.escrita, "  {} --retomar {numero}:{chave}", crate::tela::programa())?;
    writeln!(saida.escrita, "AJUDA mostra os comandos; SAIR despede-se.")
}

const ATE_LOGO: &str = "OK ATE_LOGO";

/// Diz se o servidor responde a esta linha, pela mesma leitura que ele faz: a uma em branco, não responde.
fn tem_resposta(linha: &str) -> bool {
    matches!(Linhas::new(linha.as_bytes()).proxima(), Ok(Some(_)))
}

fn entrada(erro: ReadlineError) -> Erro {
    Erro::Entrada(io::Error::other(erro))
}

fn criar_thread(nome: &str, corpo: impl FnOnce() + Send + 'static) -> Result<(), Erro> {
    // Ninguém espera por elas: acabam com o processo, e não deixam nada pela metade.
    thread::Builder::new().name(nome.into()).spawn(corpo).map(|_| ()).map_err(Erro::Sistema)
}

/// O que chega a quem espera por uma resposta.
enum Chegada {
    /// Ela, ou o fim da conexão.
    Resposta(Result<Bloco, Falha>),
    /// A pessoa já não quer esperar.
    CtrlC,
}

/// O lado da thread principal.
struct Conversa {
    corrente: TcpStream,
    respostas: Receiver<Chegada>,
    /// Há um pedido sem resposta: a próxima resposta é dele.
    esperando: Arc<AtomicBool>,
}

impl Conversa {
    fn new(cliente: Cliente, avisar: Sender<Novidade>) -> Result<Self, Erro> {
        let (leitor, corrente) = cliente.partir().map_err(Erro::Sistema)?;
        let (entregar, respostas) = mpsc::channel();
        let esperando = Arc::new(AtomicBool::new(false));
        ouvir_ctrl_c(entregar.clone(), Arc::clone(&esperando))?;
        let leitura = Leitura { leitor, entregar, avisar, esperando: Arc::clone(&esperando) };
        criar_thread("leitura", move || leitura.ler_ate_o_fim())?;
        Ok(Self { corrente, respostas, esperando })
    }

    /// Manda a linha e espera a resposta, dizendo que se espera se ela demora; `None` se a pessoa desistiu.
    fn pedir(&self, linha: &str, tela: &mut impl Write) -> Result<Option<Bloco>, Erro> {
        self.enviar(linha)?;
        let mut chegada = self.respostas.recv_timeout(ESPERA_CALADA);
        if matches!(chegada, Err(RecvTimeoutError::Timeout)) {
            writeln!(tela, "{}", espera(linha))?;
            tela.flush()?;
            chegada = self.respostas.recv().map_err(RecvTimeoutError::from);
        }
        match chegada {
            Ok(Chegada::Resposta(resposta)) => Ok(Some(resposta?)),
            Ok(Chegada::CtrlC) => Ok(None),
            Err(_) => Err(Falha::Perdida(None).into()),
        }
    }

    fn enviar(&self, linha: &str) -> Result<(), Falha> {
        self.conferir()?;
        self.esperando.store(true, Ordering::SeqCst);
        Ok((&self.corrente).write_all(format!("{linha}\n").as_bytes())?)
    }

    /// A falha com que a conexão acabou, se acabou. Não havendo pedido sem resposta, é só isso que pode ter chegado.
    fn conferir(&self) -> Result<(), Falha> {
        // Um Ctrl-C que chegou junto com a resposta já não desiste de nada.
        self.respostas.try_iter().try_for_each(|chegada| match chegada {
            Chegada::Resposta(Err(falha)) => Err(falha),
            _ => Ok(()),
        })
    }

    /// Diz `SAIR` e dá ao servidor um tempo para ouvir. Se não der certo, tanto faz: já se ia embora.
    fn despedir(&self) {
        if self.enviar("SAIR").is_ok() {
            let _ = self.respostas.recv_timeout(DESPEDIDA_PRAZO);
        }
    }
}

/// Cria a thread `sinais`. O Ctrl-C de quem não espera nada faz o que faria sem ela.
fn ouvir_ctrl_c(entregar: Sender<Chegada>, esperando: Arc<AtomicBool>) -> Result<(), Erro> {
    let mut sinais = Signals::new([SIGINT]).map_err(Erro::Sistema)?;
    criar_thread("sinais", move || {
        for sinal in sinais.forever() {
            if esperando.load(Ordering::SeqCst) {
                let _ = entregar.send(Chegada::CtrlC);
            } else {
                // Só falha para um sinal que não existe.
                let _ = emulate_default_handler(sinal);
            }
        }
    })
}

/// O lado da thread `leitura`.
struct Leitura {
    leitor: Leitor<BufReader<TcpStream>>,
    entregar: Sender<Chegada>,
    avisar: Sender<Novidade>,
    esperando: Arc<AtomicBool>,
}

impl Leitura {
    /// Separa o que chega até o fim da conexão. Quem já não ouve é porque o programa está acabando.
    fn ler_ate_o_fim(mut self) {
        loop {
            match self.leitor.proximo() {
                Ok(Recebido::Evento(evento)) => self.avisar(Aviso(&evento).to_string()),
                Ok(Recebido::Resposta(bloco)) if self.esperando.swap(false, Ordering::SeqCst) => {
                    let ate_logo = bloco.linha_final() == ATE_LOGO;
                    let _ = self.entregar.send(Chegada::Resposta(Ok(bloco)));
                    if ate_logo {
                        return;
                    }
                }
                Ok(Recebido::Resposta(bloco)) => self.avisar(nao_pedida(&bloco)),
                Err(falha) => {
                    // A quem espera uma resposta, quem conta é a thread principal.
                    if !self.esperando.load(Ordering::SeqCst) {
                        self.avisar("A conexão com o servidor acabou. Enter para sair.".to_owned());
                    }
                    let _ = self.entregar.send(Chegada::Resposta(Err(falha)));
                    return;
                }
            }
        }
    }

    fn avisar(&self, aviso: String) {
        let _ = self.avisar.send(Novidade::Aviso(aviso));
    }
}

fn nao_pedida(bloco: &Bloco) -> String {
    bloco.resposta().map_or_else(|_| limpo(bloco.linha_final()), |resposta| Frase(&resposta).to_string())
}

/// O que a thread `avisos` precisa saber.
enum Novidade {
    /// Há algo a dizer.
    Aviso(String),
    /// O que se digita agora, cortado no cursor.
    Digitando { antes: String, depois: String },
    /// Já não se digita.
    Acabou,
}

/// A thread `avisos`: mostra cada aviso acima da linha que se digita, sem as cores.
fn mostrar_avisos(novidades: &Receiver<Novidade>, tela: &mut impl Write) {
    let mut digitando = None;
    for novidade in novidades {
        match novidade {
            Novidade::Digitando { antes, depois } => digitando = Some((limpo(&antes), limpo(&depois))),
            Novidade::Acabou => digitando = None,
            Novidade::Aviso(aviso) => {
                let aviso = anstream::adapter::strip_str(&aviso);
                let texto = match &digitando {
                    None => format!("{aviso}\n"),
                    Some((antes, depois)) => {
                        format!(
                            "{APAGAR_FILEIRA}{aviso}\n{PROMPT}{antes}{GUARDAR_CURSOR}{depois}{VOLTAR_CURSOR}"
                        )
                    }
                };
                // Sem tela não há o que fazer com um aviso.
                let _ = tela.write_all(texto.as_bytes()).and_then(|()| tela.flush());
            }
        }
    }
}

// As sequências ECMA-48 e VT100 que todo terminal em que a `rustyline` edita também entende.
const APAGAR_FILEIRA: &str = "\r\u{1b}[J";
const GUARDAR_CURSOR: &str = "\u{1b}7";
const VOLTAR_CURSOR: &str = "\u{1b}8";

/// O que ajuda a editar a linha: completa as palavras do protocolo e conta o que se digita.
///
/// A `rustyline` não diz o que há na linha; mas pede uma dica a cada mudança, e cores a cada passo do cursor.
struct Auxiliar {
    /// Não há nada digitado: o Ctrl-C quer dizer sair.
    vazia: Cell<bool>,
    contar: Sender<Novidade>,
}

impl Auxiliar {
    fn anotar(&self, linha: &str, cursor: usize) {
        self.vazia.set(linha.is_empty());
        let (antes, depois) = linha.split_at(cursor);
        let digitando = Novidade::Digitando { antes: antes.to_owned(), depois: depois.to_owned() };
        // Só falta quem ouça quando o programa já está acabando.
        let _ = self.contar.send(digitando);
    }
}

impl Completer for Auxiliar {
    type Candidate = String;

    fn complete(
        &self,
        linha: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((0, completar(&linha[..cursor])))
    }
}

/// As palavras que começam como o que se digitou, enquanto se digita a primeira.
fn completar(digitado: &str) -> Vec<String> {
    let comeca = |palavra: &&str| {
        palavra.get(..digitado.len()).is_some_and(|comeco| comeco.eq_ignore_ascii_case(digitado))
    };
    TABELA.iter().map(|verbete| verbete.palavra).filter(comeca).map(|palavra| format!("{palavra} ")).collect()
}

impl Hinter for Auxiliar {
    type Hint = String;

    fn hint(&self, linha: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        self.anotar(linha, cursor);
        None
    }
}

impl Highlighter for Auxiliar {
    fn highlight_char(&self, linha: &str, cursor: usize, _: CmdKind) -> bool {
        self.anotar(linha, cursor);
        false
    }
}

impl Validator for Auxiliar {}
impl Helper for Auxiliar {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::falso::Falso;

    #[test]
    fn completa_a_primeira_palavra() {
        assert_eq!(completar("re"), ["RESERVAR ", "RETOMAR "]);
        assert_eq!(completar("RESERVAR"), ["RESERVAR "]);
        assert_eq!(completar("").len(), TABELA.len());
        assert!(completar("RESERVAR 3").is_empty());
        assert!(completar("não").is_empty());
    }

    #[test]
    fn linha_em_branco_nao_tem_resposta() {
        for (linha, tem) in [("PING", true), ("  ", false), ("\u{1b}", false), ("a\u{8}", false), ("é", true)]
        {
            assert_eq!(tem_resposta(linha), tem, "{linha:?}");
        }
    }

    /// O próximo aviso; `None` quando não há mais quem avise.
    fn aviso(novidades: &Receiver<Novidade>) -> Option<String> {
        match novidades.recv() {
            Ok(Novidade::Aviso(aviso)) => Some(aviso),
            _ => None,
        }
    }

    #[test]
    fn avisos_aparecem_acima_do_que_se_digita() {
        let (contar, novidades) = mpsc::channel();
        let aviso = |texto: &str| contar.send(Novidade::Aviso(texto.to_owned())).unwrap();
        aviso("\u{1b}[31mum");
        let auxiliar = Auxiliar { vazia: Cell::new(true), contar: contar.clone() };
        auxiliar.anotar("RESERVAR é", 8);
        aviso("dois");
        contar.send(Novidade::Acabou).unwrap();
        aviso("três");
        drop((contar, auxiliar));
        let mut tela = Vec::new();
        mostrar_avisos(&novidades, &mut tela);
        assert_eq!(
            String::from_utf8(tela).unwrap(),
            "um\n\r\u{1b}[Jdois\nreserva> RESERVAR\u{1b}7 é\u{1b}8três\n"
        );
    }

    /// A linha final da resposta.
    fn pedir(conversa: &Conversa, linha: &str) -> Result<String, Erro> {
        let bloco = conversa.pedir(linha, &mut Vec::new())?;
        Ok(bloco.map(|bloco| bloco.linha_final().to_owned()).unwrap())
    }

    #[test]
    fn quem_espera_a_vez_e_avisado_e_pode_desistir() {
        let (pode, responder) = mpsc::channel::<()>();
        let falso = Falso::new(move |conversa| {
            conversa.ouvir();
            responder.recv().unwrap();
            conversa.dizer("OK TOKEN cerca=1 contador=0 espera=0 prazo=30\n");
            while conversa.ouvir().is_some() {}
        });
        let (avisar, _avisos) = mpsc::channel();
        let conversa = Conversa::new(Cliente::conectar(falso.endereco).unwrap(), avisar).unwrap();
        // A resposta só vem depois do aviso.
        struct Tela(Vec<u8>, Sender<()>);
        impl Write for Tela {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                self.1.send(()).unwrap();
                Ok(())
            }
        }
        let mut tela = Tela(Vec::new(), pode);
        let bloco = conversa.pedir("TOKEN SOLICITAR", &mut tela).unwrap().unwrap();
        assert!(bloco.linha_final().starts_with("OK TOKEN"));
        assert_eq!(String::from_utf8(tela.0).unwrap(), "Esperando a vez; Ctrl-C desiste.\n");
    }

    #[test]
    fn ctrl_c_desiste_de_esperar_e_um_atrasado_nao_desiste_de_nada() {
        let (entregar, respostas) = mpsc::channel();
        let sinais = entregar.clone();
        let falso = Falso::new(move |conversa| {
            conversa.ouvir();
            sinais.send(Chegada::CtrlC).unwrap();
        });
        let corrente = TcpStream::connect(falso.endereco).unwrap();
        let conversa = Conversa { corrente, respostas, esperando: Arc::default() };
        entregar.send(Chegada::CtrlC).unwrap();
        assert!(conversa.pedir("TOKEN SOLICITAR", &mut Vec::new()).unwrap().is_none());
        assert_eq!(falso.ouvidas(), ["TOKEN SOLICITAR"]);
    }

    #[test]
    fn separa_respostas_de_avisos() {
        let falso = Falso::com_respostas(&[
            "OK OBSERVANDO versao=1\nEVENTO 2 LIVRE 3",
            "OK PONG\nERRO INATIVO :tempo demais calada",
        ]);
        let (avisar, avisos) = mpsc::channel();
        let conversa = Conversa::new(Cliente::conectar(falso.endereco).unwrap(), avisar).unwrap();
        assert_eq!(pedir(&conversa, "OBSERVAR").unwrap(), "OK OBSERVANDO versao=1");
        // O aviso chega antes do pedido seguinte, que é quem faz o servidor falar de novo.
        assert!(aviso(&avisos).unwrap().starts_with("Ficaram livres: 3."));
        assert_eq!(pedir(&conversa, "PING").unwrap(), "OK PONG");
        assert!(aviso(&avisos).unwrap().contains("tempo demais calada"));
        assert!(aviso(&avisos).unwrap().contains("Enter para sair"));
        assert!(aviso(&avisos).is_none());
        assert!(matches!(conversa.conferir(), Err(Falha::Perdida(_))));
    }

    #[test]
    fn servidor_que_cai_no_meio_do_pedido() {
        let falso = Falso::new(|conversa| {
            conversa.ouvir();
        });
        let (avisar, avisos) = mpsc::channel();
        let conversa = Conversa::new(Cliente::conectar(falso.endereco).unwrap(), avisar).unwrap();
        assert!(matches!(pedir(&conversa, "PING"), Err(Erro::Falha(Falha::Perdida(_)))));
        assert!(aviso(&avisos).is_none(), "quem conta é a thread principal");
    }

    #[test]
    fn ate_logo_acaba_sem_avisos() {
        let falso = Falso::com_respostas(&["OK ATE_LOGO"]);
        let (avisar, avisos) = mpsc::channel();
        let conversa = Conversa::new(Cliente::conectar(falso.endereco).unwrap(), avisar).unwrap();
        conversa.despedir();
        assert!(aviso(&avisos).is_none());
        assert_eq!(falso.ouvidas(), ["SAIR"]);
    }
}
