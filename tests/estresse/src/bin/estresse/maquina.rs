//! A máquina em que se mediu, pelo que o sistema diz dela. Só lê.

use std::fs;
use std::thread;

use servidor::tempo::relogio::Relogio;

/// A máquina: sem ela, um número não quer dizer nada.
#[derive(Clone, Debug)]
pub struct Maquina {
    /// Que horas eram, em UTC.
    pub quando: String,
    /// Quantos núcleos este processo pode usar.
    pub nucleos: usize,
    /// O processador.
    pub processador: String,
    /// O núcleo do sistema.
    pub sistema: String,
}

impl Maquina {
    /// Esta.
    pub fn esta() -> Self {
        let ler = |caminho| fs::read_to_string(caminho).unwrap_or_default();
        let informacoes = ler("/proc/cpuinfo");
        let modelo = informacoes.lines().find_map(|linha| linha.strip_prefix("model name")?.split_once(": "));
        let tipo = ler("/proc/sys/kernel/ostype");
        Self {
            quando: Relogio::new().hora().to_string(),
            nucleos: thread::available_parallelism().map_or(1, usize::from),
            processador: modelo.map_or("(o sistema não diz)", |(_, nome)| nome.trim()).to_owned(),
            sistema: format!("{} {}", tipo.trim(), ler("/proc/sys/kernel/osrelease").trim()),
        }
    }
}
