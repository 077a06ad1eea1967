//! O que o sistema operacional deixa: quantas conexões, que são threads e descritores, cabem neste processo.
//!
//! Só lê limites e levanta o de descritores até onde é permitido. Chegar ao limite de mapeamentos de memória aborta o
//! processo sem erro que se possa tratar; por isso a conta se faz ao ligar.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limites::{DESCRITORES_RESERVA, MAPEAMENTOS_POR_THREAD, MAPEAMENTOS_RESERVA, THREADS_RESERVA};

/// Quantas conexões cabem neste processo, e o que as limita, em palavras.
pub fn conexoes_possiveis() -> (usize, &'static str) {
    let threads = |caminho| ler(caminho).map(|n| n.saturating_sub(THREADS_RESERVA));
    let mapeamentos = ler("/proc/sys/vm/max_map_count")
        .map(|n| n.saturating_sub(MAPEAMENTOS_RESERVA) / MAPEAMENTOS_POR_THREAD);
    [
        (descritores().saturating_sub(DESCRITORES_RESERVA), "o limite de descritores (ulimit -n)"),
        (mapeamentos.unwrap_or(usize::MAX), "o limite de mapeamentos de memória (vm.max_map_count)"),
        (
            threads("/proc/sys/kernel/threads-max").unwrap_or(usize::MAX),
            "o limite de threads (kernel.threads-max)",
        ),
        (threads("/proc/sys/kernel/pid_max").unwrap_or(usize::MAX), "o limite de processos (kernel.pid_max)"),
        (
            threads("/sys/fs/cgroup/pids.max").unwrap_or(usize::MAX),
            "o limite de processos do cgroup (pids.max)",
        ),
        (
            threads("/sys/fs/cgroup/pids/pids.max").unwrap_or(usize::MAX),
            "o limite de processos do cgroup (pids.max)",
        ),
    ]
    .into_iter()
    .min_by_key(|(quantas, _)| *quantas)
    .unwrap_or((usize::MAX, ""))
}

/// Levanta o limite de descritores até o máximo permitido e diz qual ficou.
fn descritores() -> usize {
    let atual = getrlimit(Resource::Nofile);
    // Se o sistema negar, fica o que havia.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: atual.maximum, maximum: atual.maximum });
    getrlimit(Resource::Nofile).current.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

/// Um número num arquivo do sistema; `None` se não há arquivo, ou se ele diz `max`.
fn ler(caminho: &str) -> Option<usize> {
    fs::read_to_string(caminho).ok()?.trim().parse().ok()
}
