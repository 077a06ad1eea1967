//! Este mesmo programa, num processo filho, com o papel de servidor: assim o que se mede dele não é também de quem mede.
//!
//! O filho diz na saída onde escuta. Encerrá-lo é de quem o fez nascer.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use servidor::base::sincronia::Arc;
use servidor::{Parada, Servico, base::sistema, tela::mensagens};

/// Chama este programa com estes argumentos, e acaba quando ele diz onde escuta.
///
/// O filho não ouve o Ctrl-C do terminal, que é para quem o chamou.
pub fn nascer(
    argumentos: impl IntoIterator<Item = impl AsRef<OsStr>>,
    log: &str,
    saida_de_erros: Stdio,
) -> io::Result<(Child, SocketAddr)> {
    let mut processo = Command::new(std::env::current_exe()?)
        .args(argumentos)
        .env("RUST_LOG", log)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(saida_de_erros)
        .process_group(0)
        .spawn()?;
    let mut linha = String::new();
    let saida = processo.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    BufReader::new(saida).read_line(&mut linha)?;
    let endereco = linha.trim().parse();
    Ok((processo, endereco.map_err(|_| io::Error::other("o servidor filho não disse onde escuta"))?))
}

/// Escuta numa porta que o sistema escolhe, e a diz a quem chamou.
pub fn anunciar() -> io::Result<TcpListener> {
    let escuta = TcpListener::bind("127.0.0.1:0")?;
    let mut saida = io::stdout().lock();
    writeln!(saida, "{}", escuta.local_addr()?)?;
    saida.flush()?;
    Ok(escuta)
}

/// O papel do filho: o servidor de verdade, com este serviço e o log que `RUST_LOG` pede, até que quem o chamou acabe.
pub fn servir(servico: Servico) -> io::Result<()> {
    sistema::conexoes_possiveis();
    let _escoadouro = mensagens::iniciar()?;
    let parada = Parada::new();
    acabar_com_quem_chamou(parada.clone())?;
    servidor::executar(anunciar()?, &Arc::new(servico), &parada)
}

/// A entrada do filho é um cano de que ninguém escreve: ela acaba quando acaba quem o chamou, seja como for.
fn acabar_com_quem_chamou(parada: Parada) -> io::Result<()> {
    let esperar = move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        parada.pedir();
    };
    // Ninguém espera por esta thread: o processo acaba com ela presa na leitura.
    std::thread::Builder::new().name("quem-chamou".into()).spawn(esperar).map(drop)
}
