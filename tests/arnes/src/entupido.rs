//! Um cliente que fala e não lê, até que o servidor fique preso a escrever para ele. Só no Linux.
//!
//! Que o servidor está preso não se adivinha pelo tempo: pergunta-se ao núcleo em que chamada a thread dele dorme.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use crate::espera::{compasso, esperar_por};
use crate::terminal::Terminal;

/// Quanto se tenta: encher as memórias dos dois lados leva segundos numa máquina ocupada.
const TENTAR: Duration = Duration::from_secs(60);
/// O número de `sendto`, a chamada com que se escreve num socket.
const SENDTO: &str = if cfg!(target_arch = "x86_64") { "44" } else { "206" };

/// Manda `pedido` sem ler nada até que a thread do servidor que atende este terminal, no processo `pid`, durma à
/// espera de que alguém leia as respostas.
#[track_caller]
pub fn entupir(terminal: &Terminal, pid: u32, pedido: &str) {
    let tomada = terminal.tomada();
    // Linhas com folga: com linhas curtas o servidor teria de atender milhares para abrir espaço para outras.
    let muitos = format!("{pedido:<50}\n").repeat(20);
    terminal.estreitar(4096);
    tomada.set_nonblocking(true).expect("o socket devia aceitar não esperar");
    let mut escritos = 0;
    let preso = esperar_por(TENTAR, || {
        // Recomeça de onde parou: o que se manda é sempre uma sequência de pedidos inteiros.
        loop {
            match (&*tomada).write(&muitos.as_bytes()[escritos % muitos.len()..]) {
                Ok(n) => escritos += n,
                Err(erro) if erro.kind() == ErrorKind::WouldBlock => break,
                Err(erro) => panic!("a conexão caiu antes de entupir: {erro}"),
            }
        }
        compasso(Duration::from_millis(20));
        preso_a_escrever(terminal, pid)
    });
    assert!(preso, "em {TENTAR:?} o servidor não ficou preso a escrever");
    tomada.set_nonblocking(false).expect("o socket devia aceitar esperar");
}

/// Como [`entupir`], e de modo que acordar a thread do servidor não a solte.
///
/// Fechar a leitura, como faz a parada, acorda também quem está preso a escrever; se algum espaço se abriu entretanto, o que faltava
/// cabe e ele segue. Com um caminho estreito (o de quem observa) e respostas compridas, nunca cabe.
#[track_caller]
pub fn entupir_de_vez(terminal: &mut Terminal, pid: u32) {
    let observa = terminal.pedir("OBSERVAR");
    assert!(observa.starts_with("OK OBSERVANDO "), "{observa}");
    entupir(terminal, pid, "AJUDA");
}

/// Diz se alguma thread do processo `pid` dorme a escrever para este terminal.
pub fn preso_a_escrever(terminal: &Terminal, pid: u32) -> bool {
    let tomada = terminal.tomada();
    let portas =
        [tomada.peer_addr(), tomada.local_addr()].map(|ponta| ponta.expect("a conexão tem pontas").port());
    let processo = format!("/proc/{pid}");
    let Some(no) = no_do_socket(portas) else { return false };
    let threads = fs::read_dir(Path::new(&processo).join("task")).expect("o processo devia estar vivo");
    // Uma thread pode acabar enquanto se olha.
    threads.flatten().any(|thread| {
        let chamada = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        let mut palavras = chamada.split(' ');
        let (numero, descritor) = (palavras.next(), palavras.next().and_then(|d| d.strip_prefix("0x")));
        let Some(descritor) = descritor.and_then(|d| u64::from_str_radix(d, 16).ok()) else { return false };
        let socket = fs::read_link(format!("{processo}/fd/{descritor}")).unwrap_or_default();
        numero == Some(SENDTO) && socket.to_string_lossy() == format!("socket:[{no}]")
    })
}

/// O número que o núcleo dá ao socket com estas portas.
fn no_do_socket(portas: [u16; 2]) -> Option<String> {
    let tabela = fs::read_to_string("/proc/net/tcp").expect("o Linux diz que conexões há");
    let [dele, daqui] = portas.map(|porta| format!(":{porta:04X}"));
    tabela.lines().find_map(|linha| {
        let colunas: Vec<&str> = linha.split_whitespace().collect();
        let pontas = colunas.get(1)?.ends_with(&dele) && colunas.get(2)?.ends_with(&daqui);
        pontas.then(|| colunas.get(9).map(|no| (*no).to_owned()))?
    })
}
