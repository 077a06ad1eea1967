//! Queda em cada chamada ao sistema que grava ou responde; o `fsync` que falha. Usa o `strace`.
//!
//! O `strace` fica por cima (`-D`): o filho do teste é o próprio servidor, e os sinais e o código de saída são os dele. As
//! chamadas contam-se por thread: a enésima que grava é quase sempre da thread que grava.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::Signal;

use crate::programa::{PROGRAMA, Processo};
use crate::sorteadas::{conversar, ligar, personas};
use crate::testemunha::Testemunha;
use arnes::Sorteio;
use arnes::pasta::Pasta;

/// O servidor sobre este banco, com esta falha.
fn com_falha(banco: &str, falha: &str) -> Command {
    let mut comando = Command::new("strace");
    let quais = falha.split(':').next().unwrap();
    comando.args(["-D", "-f", "-qqq", "-o", "/dev/null"]);
    comando.args(["-e", &format!("trace={quais}"), "-e", "signal=none", "-e", &format!("inject={falha}")]);
    comando.args([PROGRAMA, "--banco", banco, "--escutar", "127.0.0.1:0"]);
    comando.env_remove("RUST_LOG").stdin(Stdio::null());
    comando
}

/// Diz se aqui há um `strace` que possa olhar um processo; senão, diz que o teste foi pulado.
#[expect(clippy::print_stdout, reason = "quem roda os testes precisa saber que este não rodou")]
fn ha_strace(teste: &str) -> bool {
    let provas = ["-D", "-f", "-qqq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"];
    let ha =
        Command::new("strace").args(provas).stderr(Stdio::null()).status().is_ok_and(|fim| fim.success());
    if !ha {
        println!("PULADO: {teste}: aqui não há strace, ou ele não pode olhar um processo");
    }
    ha
}

fn morreu(fim: ExitStatus) -> bool {
    fim.signal() == Some(Signal::KILL.as_raw())
}

/// As primeiras `n` destas chamadas, uma por vez: morre ao entrar nela.
fn morrer_em(quais: &'static str, n: u32) -> impl Iterator<Item = String> {
    (1..=n).map(move |n| format!("{quais}:signal=KILL:when={n}"))
}

/// Morre em cada chamada da criação do banco: na vez seguinte há uma sala vazia, e não meia.
#[test]
fn morrer_em_cada_chamada_da_criacao() {
    if !ha_strace("morrer_em_cada_chamada_da_criacao") {
        return;
    }
    let mut mortes = 0;
    let falhas = morrer_em("pwrite64", 40).chain(morrer_em("fsync,fdatasync", 20));
    let falhas =
        falhas.chain(morrer_em("rename,renameat,renameat2", 2)).chain(morrer_em("unlink,ftruncate", 9));
    for falha in falhas.chain(morrer_em("write", 1)) {
        let pasta = Pasta::nova("criacao");
        let banco = pasta.banco();
        let texto = banco.to_str().unwrap();
        if let Err((fim, visto)) = Processo::tentar_ligar(&mut com_falha(texto, &falha)) {
            assert!(morreu(fim), "{falha}: {fim}: {visto}");
            mortes += 1;
        }
        let mut servidor = ligar(texto);
        servidor.esperar_linha("100 livres, versão 0");
        assert_eq!(servidor.entrar().pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1", "{falha}");
        servidor.encerrar();
    }
    // Se o nome de uma chamada estivesse errado, nada teria acontecido.
    assert!(mortes > 40, "só {mortes} mortes");
}

/// Morre em cada chamada que grava ou responde, com oito clientes a pedir; e volta com tudo.
#[test]
fn morrer_em_cada_chamada_ao_atender() {
    if !ha_strace("morrer_em_cada_chamada_ao_atender") {
        return;
    }
    let mut sorteio = Sorteio::novo("chamadas");
    let pasta = Pasta::nova("chamadas");
    let (banco, mut testemunha) = (pasta.banco(), Testemunha::new());
    let texto = banco.to_str().unwrap();
    drop(ligar(texto));
    let mut personas = personas(&mut sorteio);
    let mut mortes = 0;
    let falhas = morrer_em("pwrite64", 32).chain(morrer_em("fsync,fdatasync", 12));
    // Cada thread de cliente conta as suas respostas: morre entre gravar e responder.
    let falhas: Vec<String> = falhas.chain(morrer_em("sendto", 12)).collect();
    for falha in &falhas {
        match Processo::tentar_ligar(&mut com_falha(texto, falha)) {
            Err((fim, visto)) => {
                assert!(morreu(fim), "{falha}: {fim}: {visto}");
                mortes += 1;
            }
            Ok(servidor) => {
                conversar(&mut personas, servidor.endereco, |respostas| {
                    let morreu_sozinho = respostas.take(400).count() < 400;
                    mortes += usize::from(morreu_sozinho);
                    if !morreu_sozinho {
                        servidor.filho.sinal(Signal::KILL);
                    }
                });
                let (fim, visto) = servidor.acabar();
                assert!(morreu(fim), "{falha}: {fim}: {visto}");
            }
        }
        let servidor = ligar(texto);
        testemunha.conferir(&banco, servidor.endereco, &mut personas);
    }
    testemunha.conferir_historia(&banco);
    assert!(mortes > falhas.len() / 2, "só {mortes} mortes em {}", falhas.len());
}

/// O `fsync` falha: nenhum OK sobre a sala depois disso, o servidor diz por quê e acaba mal, e o disco está certo.
#[test]
fn fsync_que_falha_para_o_servidor() {
    if !ha_strace("fsync_que_falha_para_o_servidor") {
        return;
    }
    let mut sorteio = Sorteio::novo("eio");
    for n in [1, 2, 5, 9] {
        let pasta = Pasta::nova("eio");
        let banco = pasta.banco();
        drop(ligar(banco.to_str().unwrap()));
        let mut personas = personas(&mut sorteio);
        let falha = format!("fsync,fdatasync:error=EIO:when={n}+");
        let servidor = Processo::ligar_com(&mut com_falha(banco.to_str().unwrap(), &falha));
        // Ninguém o derruba: é ele que para.
        conversar(&mut personas, servidor.endereco, |respostas| respostas.for_each(drop));
        let (fim, mostrou) = servidor.acabar();
        assert_eq!(fim.code(), Some(1), "{mostrou}");
        assert_eq!(mostrou.matches("o armazém falhou").count(), 2, "{mostrou}");
        assert!(mostrou.contains("o servidor para, para não dizer que guardou"), "{mostrou}");
        let servidor = ligar(banco.to_str().unwrap());
        Testemunha::new().conferir(&banco, servidor.endereco, &mut personas);
    }
}
