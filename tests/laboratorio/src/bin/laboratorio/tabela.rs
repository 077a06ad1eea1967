//! A tabela, no terminal e em Markdown, e os desenhos. Só transforma o que se mediu em texto.

use std::time::Duration;

use grafico::{barras_no_terminal, escrever, svg_de_barras};
use juiz::intervalos::Veredito;
use laboratorio::impasse::Impasses;
use laboratorio::medidas::Medidas;
use laboratorio::tecnicas::Tecnica;

/// Uma linha da tabela: uma técnica, com um número de threads.
#[derive(Clone, Debug)]
pub struct Linha {
    /// A técnica.
    pub tecnica: Tecnica,
    /// Quantas threads.
    pub threads: usize,
    /// O que se mediu.
    pub medidas: Medidas,
    /// O que o juiz achou.
    pub veredito: Veredito,
    /// Os impasses que a técnica achou e desfez.
    pub impasses: Impasses,
}

/// O nome de cada coluna.
const COLUNAS: [&str; 10] = [
    "técnica",
    "threads",
    "op/s",
    "p99",
    "maior espera",
    "justiça",
    "duplicadas",
    "perdidas",
    "visões",
    "impasses",
];

/// Quanto ocupa cada coluna no terminal; somadas aos espaços, menos de cem.
const LARGURAS: [usize; 10] = [15, 7, 9, 8, 12, 7, 10, 8, 7, 8];

/// O que cada coluna quer dizer.
pub const LEGENDA: &str = "\
op/s: operações por segundo, de todas as threads. p99: 99 em 100 demoraram no máximo isto.
maior espera: a da operação de menos sorte. justiça: enquanto todas trabalhavam, as operações da
thread que fez menos, por uma da que fez mais (1 é igual para todas). duplicadas, perdidas, visões:
reservas duplicadas, atualizações perdidas e visões inconsistentes que o juiz achou.
";

/// O cabeçalho, no terminal.
pub fn cabecalho() -> String {
    alinhar(&COLUNAS.map(str::to_owned))
}

impl Linha {
    /// A linha, no terminal.
    pub fn no_terminal(&self) -> String {
        alinhar(&self.celulas())
    }

    fn celulas(&self) -> [String; 10] {
        let Self { tecnica, threads, medidas, veredito, impasses } = self;
        [
            tecnica.nome.to_owned(),
            threads.to_string(),
            format!("{:.0}", medidas.por_segundo),
            demora(medidas.p99),
            demora(medidas.maior_espera),
            format!("{:.2}", medidas.justica).replace('.', ","),
            veredito.duplicadas.quantos.to_string(),
            veredito.perdidas.quantos.to_string(),
            veredito.visoes.quantos.to_string(),
            impasses.quantos.to_string(),
        ]
    }
}

/// A primeira coluna à esquerda, as outras à direita.
fn alinhar(celulas: &[String; 10]) -> String {
    let [nome, outras @ ..] = celulas;
    let mut linha = format!("{nome:<largura$}", largura = LARGURAS[0]);
    for (celula, largura) in outras.iter().zip(&LARGURAS[1..]) {
        linha.push_str(&format!(" {celula:>largura$}"));
    }
    linha
}

/// Uma demora, na unidade em que se lê melhor.
fn demora(demora: Duration) -> String {
    let micros = demora.as_secs_f64() * 1e6;
    match micros {
        curta if curta < 1e3 => format!("{} µs", escrever(curta)),
        media if media < 1e6 => format!("{} ms", escrever(media / 1e3)),
        longa => format!("{} s", escrever(longa / 1e6)),
    }
}

/// A tabela inteira, em Markdown.
pub fn em_markdown(linhas: &[Linha]) -> String {
    let juntar = |celulas: &[String; 10]| format!("| {} |\n", celulas.join(" | "));
    let mut texto = juntar(&COLUNAS.map(str::to_owned));
    texto.push_str(&format!("|---|{}\n", "---:|".repeat(COLUNAS.len() - 1)));
    for linha in linhas {
        texto.push_str(&juntar(&linha.celulas()));
    }
    texto
}

/// Barras das operações por segundo com tantas threads, no terminal. Quem erra não ganha a corrida em silêncio.
pub fn barras(linhas: &[Linha], threads: usize) -> String {
    let com_tantas = linhas.iter().filter(|linha| linha.threads == threads);
    let barra = |linha: &Linha| {
        let errada = if linha.veredito.inocente() { "" } else { " (errada)" };
        (format!("{}{errada}", linha.tecnica.nome), linha.medidas.por_segundo / 1e3)
    };
    barras_no_terminal(&com_tantas.map(barra).collect::<Vec<_>>(), 56, "mil op/s")
}

/// O desenho das operações por segundo: um grupo de barras por técnica, uma barra por número de threads.
pub fn em_svg(linhas: &[Linha], tecnicas: &[Tecnica], threads: &[usize]) -> String {
    let valor = |tecnica: &Tecnica, threads| {
        let da_vez =
            linhas.iter().find(|linha| linha.tecnica.nome == tecnica.nome && linha.threads == threads);
        da_vez.map_or(f64::NAN, |linha| linha.medidas.por_segundo / 1e3)
    };
    let series: Vec<(String, Vec<f64>)> = threads
        .iter()
        .map(|&quantas| {
            let nome = if quantas == 1 { "1 thread".to_owned() } else { format!("{quantas} threads") };
            (nome, tecnicas.iter().map(|tecnica| valor(tecnica, quantas)).collect())
        })
        .collect();
    let grupos: Vec<String> = tecnicas.iter().map(|tecnica| tecnica.nome.to_owned()).collect();
    svg_de_barras("As mesmas reservas sob cada técnica", "mil operações por segundo", &series, &grupos)
}
