//! Quedas e paradas em momentos sorteados, com oito clientes.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;

use crate::conversa::Persona;
use crate::programa::Processo;
use crate::testemunha::{Testemunha, numero_do_servidor, olhar};
use arnes::Sorteio;
use arnes::pasta::Pasta;

/// Quantas quedas, se `RESERVA_RODADAS` não diz.
const RODADAS: u64 = 200;
const CLIENTES: u64 = 8;

fn rodadas() -> u64 {
    std::env::var("RESERVA_RODADAS")
        .map_or(RODADAS, |ditas| ditas.parse().expect("RESERVA_RODADAS é um número"))
}

pub fn personas(sorteio: &mut Sorteio) -> Vec<Persona> {
    (0..CLIENTES).map(|_| Persona::nova(sorteio.proximo())).collect()
}

/// Todos conversam com o servidor até que ele caia; `derrubar` recebe por onde chegam as respostas, uma a uma.
pub fn conversar(
    personas: &mut [Persona],
    endereco: SocketAddr,
    derrubar: impl FnOnce(&mut dyn Iterator<Item = ()>),
) {
    let (ouvi, respostas) = mpsc::channel();
    thread::scope(|juntos| {
        for persona in personas {
            let ouvi = ouvi.clone();
            juntos.spawn(move || persona.conversar(endereco, &ouvi));
        }
        drop(ouvi);
        derrubar(&mut respostas.iter());
    });
}

pub fn ligar(banco: &str) -> Processo {
    Processo::ligar(&["--banco", banco])
}

/// `kill -9` depois de um número sorteado de respostas, sobre o mesmo arquivo, rodada após rodada.
#[test]
fn kill_9_nada_respondido_se_perde_e_nada_acontece_pela_metade() {
    let mut sorteio = Sorteio::novo("quedas");
    let pasta = Pasta::nova("quedas");
    let (banco, mut testemunha) = (pasta.banco(), Testemunha::new());
    let mut personas = personas(&mut sorteio);
    for _ in 0..rodadas() {
        let servidor = ligar(banco.to_str().unwrap());
        testemunha.conferir(&banco, servidor.endereco, &mut personas);
        let quantas = sorteio.ate(80) as usize;
        conversar(&mut personas, servidor.endereco, |respostas| {
            respostas.take(quantas).for_each(drop);
            servidor.filho.sinal(Signal::KILL);
        });
    }
    let servidor = ligar(banco.to_str().unwrap());
    testemunha.conferir(&banco, servidor.endereco, &mut personas);
    testemunha.conferir_todos(servidor.endereco);
    testemunha.conferir_historia(&banco);
    // Sem isto o teste não teria provado nada.
    assert!(
        testemunha.versao() > rodadas() * 2 && testemunha.sem_resposta > 0,
        "{} {}",
        testemunha.versao(),
        testemunha.sem_resposta
    );
}

/// SIGTERM no meio das gravações: acaba bem, tudo está no arquivo, e o próximo cliente tem o número seguinte, sem buraco.
#[test]
fn sigterm_no_meio_das_gravacoes_nao_perde_nem_pula() {
    let mut sorteio = Sorteio::novo("paradas");
    let pasta = Pasta::nova("paradas");
    let (banco, mut testemunha) = (pasta.banco(), Testemunha::new());
    let mut personas = personas(&mut sorteio);
    for _ in 0..20 {
        let servidor = ligar(banco.to_str().unwrap());
        testemunha.conferir(&banco, servidor.endereco, &mut personas);
        conversar(&mut personas, servidor.endereco, |respostas| {
            respostas.take(sorteio.ate(120) as usize).for_each(drop);
            servidor.sinal(Signal::TERM);
        });
        let (fim, mostrou) = servidor.acabar();
        assert_eq!(fim.code(), Some(0), "{mostrou}");
        assert!(!pasta.nomes().iter().any(|nome| nome.ends_with("-wal")), "{:?}", pasta.nomes());
        let dados = numero_do_servidor(&olhar(&banco), "clientes");
        let vistos = personas.iter().flat_map(|persona| &persona.novos).map(|(cliente, _)| *cliente);
        let vistos = vistos.max().unwrap_or(0).max(testemunha.ultimo_cliente);
        // Quem se reconectava quando o servidor parou pode ter tido um número e não o ter ouvido.
        assert!((vistos..=vistos + CLIENTES).contains(&dados), "{dados} dados, {vistos} vistos");
        let seguinte = ligar(banco.to_str().unwrap());
        assert_eq!(seguinte.entrar().cliente, dados + 1);
    }
}
