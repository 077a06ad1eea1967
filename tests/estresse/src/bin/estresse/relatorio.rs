//! O resultado de uma prova em palavras, números e desenhos: o que se mostra no terminal, o relatório em Markdown e os seus
//! gráficos. Só compõe texto; quem escreve é `main`.

use std::fmt::Write;

use estresse::{Especie, Medidas, PEDIDOS_MAX, microssegundos};
use grafico::{barras_no_terminal, empilhar, escrever, svg_de_linhas};
use hdrhistogram::Histogram;
use juiz::Veredito;
use juiz::historia::Historia;

use crate::argumentos::Prova;
use crate::maquina::Maquina;

/// Quantas letras tem a maior barra.
const BARRA: usize = 40;
/// Quantos pedidos sem resposta se mostram.
const SEM_RESPOSTA_MAX: usize = 5;
/// Os percentis que se mostram, e os seus nomes.
const PERCENTIS: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99,9")];

/// Tudo o que se sabe de uma prova que acabou.
#[derive(Clone, Debug)]
pub struct Resultado<'a> {
    /// O que se pediu.
    pub prova: &'a Prova,
    /// O que se mediu.
    pub medidas: &'a Medidas,
    /// O que se viu.
    pub historia: &'a Historia,
    /// O que se julgou.
    pub veredito: &'a Veredito,
    /// Onde.
    pub maquina: &'a Maquina,
}

fn vezes(quantas: u64) -> String {
    if quantas == 1 { String::new() } else { format!("{quantas} vezes; por exemplo: ") }
}

/// Como a prova começa.
pub fn abertura(prova: &Prova, endereco: &str) -> String {
    let opcoes = &prova.opcoes;
    let clientes =
        if opcoes.clientes == 1 { "1 cliente".to_owned() } else { format!("{} clientes", opcoes.clientes) };
    let onde = if prova.servidor.is_some() { "" } else { ", ligado só para isto" };
    format!(
        "{clientes} por {} s, {}, contra {endereco}{onde}\nsemente {}: repete-se com --semente {}\n",
        opcoes.duracao.as_secs(),
        opcoes
            .taxa
            .map_or("cada um pede assim que ouve".to_owned(), |taxa| format!("{taxa} pedidos por segundo")),
        opcoes.semente,
        opcoes.semente
    )
}

impl Resultado<'_> {
    /// O que se mostra no terminal.
    pub fn no_terminal(&self) -> String {
        let mut texto = format!("\n{}\n", self.resumo());
        for linha in self.ressalvas() {
            let _ = writeln!(texto, "{linha}");
        }
        let _ = write!(texto, "\n{:<24} {:>9}", "demoras, em µs", "respostas");
        for (_, nome) in PERCENTIS {
            let _ = write!(texto, " {nome:>8}");
        }
        let _ = writeln!(texto, " {:>9}", "a maior");
        for (nome, demoras) in self.linhas() {
            let [quantas, percentis @ .., maior] = colunas(&demoras);
            let _ = write!(texto, "{nome:<24} {quantas:>9}");
            for valor in percentis {
                let _ = write!(texto, " {valor:>8}");
            }
            let _ = writeln!(texto, " {maior:>9}");
        }
        let _ = write!(texto, "\n{}\n", self.desenho());
        texto + &self.veredito_no_terminal()
    }

    fn veredito_no_terminal(&self) -> String {
        if self.veredito.inocente() {
            return format!("Nenhuma lei foi quebrada. {}\n", self.conferidos());
        }
        let mut texto = "LEIS QUEBRADAS\n".to_owned();
        for (_, quantas, exemplo) in self.veredito.problemas() {
            let _ = writeln!(texto, "- {}{exemplo}", vezes(quantas));
        }
        texto
    }

    /// O que se conferiu para dizer isso.
    fn conferidos(&self) -> String {
        let conferidos = &self.veredito.conferidos;
        let mut texto = format!(
            "Conferidas: {} respostas e {} eventos,\n{} mudanças da sala refeitas em ordem, {} concessões do token;\n\
             e, por outro caminho, {} operações de {} assentos.",
            conferidos.trocas,
            conferidos.eventos,
            conferidos.mudancas,
            conferidos.concessoes,
            conferidos.operacoes,
            conferidos.assentos,
        );
        if conferidos.desistencias > 0 {
            let _ = write!(
                texto,
                "\nEsse caminho tem um teto: em {} assentos não se chegou ao fim.",
                conferidos.desistencias
            );
        }
        texto
    }

    fn resumo(&self) -> String {
        let segundos = escrever(self.medidas.duracao.as_secs_f64());
        let vazao = self.medidas.vazao();
        format!("{} respostas em {segundos} s: {vazao:.0} por segundo", self.medidas.respostas())
    }

    /// O que quem lê os números precisa de saber antes.
    fn ressalvas(&self) -> Vec<String> {
        let Medidas { perdidas, sem_resposta, nao_sairam, encheu, .. } = *self.medidas;
        let clientes = self.prova.opcoes.clientes;
        let mut linhas = Vec::new();
        if perdidas > 0 {
            linhas.push(format!("conexões que caíram ou deixaram de responder: {perdidas} de {clientes}"));
        }
        if sem_resposta > 0 {
            linhas.push(format!("pedidos sem resposta: {sem_resposta}; {}", self.sem_resposta()));
        }
        if nao_sairam > 0 {
            linhas.push(format!(
                "pedidos que não saíram na hora, porque todos os clientes estavam à espera: {nao_sairam}; a taxa é maior do que se aguenta, ou o servidor parou por um tempo"
            ));
        }
        if encheu {
            linhas.push(format!(
                "a prova parou antes da hora: anotaram-se {PEDIDOS_MAX} linhas, que é o que cabe"
            ));
        }
        linhas
    }

    /// Quais foram os primeiros pedidos sem resposta.
    fn sem_resposta(&self) -> String {
        let trocas = self
            .historia
            .conversas
            .iter()
            .flat_map(|conversa| conversa.trocas.iter().map(move |troca| (conversa.cliente, troca)));
        let primeiros = trocas.filter(|(_, troca)| troca.resposta.is_none()).take(SEM_RESPOSTA_MAX);
        let ditos = primeiros.map(|(cliente, troca)| {
            let hora = escrever(troca.enviado.as_secs_f64());
            format!("o cliente {cliente} pediu {:?} aos {hora} s", troca.pedido.to_string())
        });
        ditos.collect::<Vec<_>>().join(", ")
    }

    /// As linhas da tabela: as espécies que não esperam, todas elas juntas, e as que esperam.
    fn linhas(&self) -> Vec<(String, Histogram<u64>)> {
        let uma = |especie: Especie| (especie.nome().to_owned(), self.medidas.demoras(especie).clone());
        let (esperam, nao): (Vec<_>, Vec<_>) =
            Especie::TODAS.into_iter().partition(|especie| especie.espera());
        let mut linhas: Vec<_> = nao.into_iter().map(uma).collect();
        linhas.push(("todos esses".to_owned(), self.medidas.sem_esperas()));
        linhas
            .extend(esperam.into_iter().map(uma).map(|(nome, demoras)| (format!("{nome} (a vez)"), demoras)));
        linhas.retain(|(_, demoras)| !demoras.is_empty());
        linhas
    }

    /// Que parte das respostas demorou quanto.
    fn desenho(&self) -> String {
        let demoras = self.medidas.sem_esperas();
        let faixas = faixas(&demoras);
        format!(
            "que parte das respostas demorou quanto, sem as esperas\n{}",
            barras_no_terminal(&faixas, BARRA, "%")
        )
    }

    /// O relatório em Markdown; os gráficos estão neste arquivo, ao lado dele.
    pub fn em_markdown(&self, graficos: &str) -> String {
        let mut texto = format!("# Relatório do estresse\n\n{}.\n", self.resumo());
        for linha in self.ressalvas() {
            let _ = write!(texto, "\n> {linha}\n");
        }
        let _ = write!(texto, "\n## Veredito\n\n{}\n{}", self.veredito_em_markdown(), self.ajustes());
        texto.push_str("\n## Quanto demorou cada resposta\n\nEm microssegundos.\n\n| pedido | respostas");
        for (_, nome) in PERCENTIS {
            let _ = write!(texto, " | {nome}");
        }
        texto.push_str(" | a maior |\n|---|--:|--:|--:|--:|--:|--:|\n");
        for (nome, demoras) in self.linhas() {
            let _ = writeln!(texto, "| {nome} | {} |", colunas(&demoras).join(" | "));
        }
        let _ = write!(texto, "\n{}\n", self.como_ler());
        let _ =
            write!(texto, "\n## Ao longo do tempo\n\n![Demora e vazão ao longo da prova](<{graficos}>)\n");
        let _ = write!(texto, "\n## Como as demoras se repartem\n\n```text\n{}```\n", self.desenho());
        texto
    }

    fn veredito_em_markdown(&self) -> String {
        if self.veredito.inocente() {
            return format!("**Nenhuma lei foi quebrada.** {}\n", self.conferidos());
        }
        let mut texto =
            "**Leis quebradas.** As respostas culpadas, com as horas a partir do começo da prova:\n\n"
                .to_owned();
        for (problema, quantas, _) in self.veredito.problemas() {
            let _ = writeln!(texto, "- {}{problema} ({})", vezes(quantas), problema.lei());
        }
        texto.push_str("\n```text\n");
        for infracao in &self.veredito.infracoes {
            let _ = writeln!(texto, "{infracao}\n");
        }
        texto.push_str("```\n");
        texto
    }

    fn ajustes(&self) -> String {
        let (opcoes, maquina) = (&self.prova.opcoes, self.maquina);
        let taxa = opcoes
            .taxa
            .map_or("nenhuma: cada cliente pede assim que ouve (laço fechado)".to_owned(), |taxa| {
                format!("{taxa} pedidos por segundo ao todo (laço aberto)")
            });
        let servidor = self
            .prova
            .servidor
            .as_deref()
            .unwrap_or("ligado só para isto, num processo seu, sala em memória");
        format!(
            "\n## A prova e a máquina\n\n| | |\n|---|---|\n\
             | quando | {} |\n| clientes | {} |\n| duração pedida | {} s |\n| semente | {} |\n| taxa | {taxa} |\n| servidor | {servidor} |\n\
             | programa | estresse {} |\n| núcleos | {} |\n| processador | {} |\n| sistema | {} |\n",
            maquina.quando,
            opcoes.clientes,
            opcoes.duracao.as_secs(),
            opcoes.semente,
            env!("CARGO_PKG_VERSION"),
            maquina.nucleos,
            maquina.processador,
            maquina.sistema,
        )
    }

    fn como_ler(&self) -> String {
        let laco = if self.prova.opcoes.taxa.is_some() {
            "Com taxa fixa, a demora de um pedido conta da hora em que ele devia ter saído, e não da hora em que saiu: se o \
             servidor trava, os pedidos que se acumulam enquanto isso também contam. Sem isso haveria o que Gil Tene chama de \
             *omissão coordenada* (\"How NOT to measure latency\", 2013)."
        } else {
            "Cada cliente só pede depois de ouvir: se o servidor trava, todos se calam, e a demora aparece em poucos pedidos. É o \
             que Gil Tene chama de *omissão coordenada* (\"How NOT to measure latency\", 2013); para medir demoras sob uma carga \
             dada, use `--taxa`."
        };
        format!(
            "As demoras com \"(a vez)\" são de pedidos que esperam por outros clientes, e não dizem nada da rapidez do servidor. \
             Os percentis vêm de um histograma de alcance dinâmico (HDR), com erro menor que um por mil.\n\n{laco}"
        )
    }

    /// Os gráficos: a demora e a vazão ao longo da prova.
    pub fn graficos(&self) -> String {
        let andamento = self.medidas.andamento();
        let demora = [("p50".to_owned(), andamento.p50), ("p99".to_owned(), andamento.p99)];
        let vazao = [("respostas por segundo".to_owned(), andamento.vazao)];
        empilhar(&[
            svg_de_linhas("Demora das respostas, sem as esperas", ("segundos", "µs"), &demora),
            svg_de_linhas("Vazão", ("segundos", "respostas por segundo"), &vazao),
        ])
    }
}

/// Quantas, os percentis e a maior.
fn colunas(demoras: &Histogram<u64>) -> [String; PERCENTIS.len() + 2] {
    let [a, b, c, d] = PERCENTIS.map(|(qual, _)| escrever(microssegundos(demoras.value_at_quantile(qual))));
    [demoras.len().to_string(), a, b, c, d, escrever(microssegundos(demoras.max()))]
}

/// As demoras em faixas de 1, 2, 5, 10, ... microssegundos, da primeira à última que tem alguma; em porcentos.
fn faixas(demoras: &Histogram<u64>) -> Vec<(String, f64)> {
    let limites = (0..10u32).flat_map(|zeros| [1, 2, 5].map(|n| n * 10u64.pow(zeros)));
    let (mut de, mut faixas) = (0, Vec::new());
    for micros in limites {
        let ate = micros * 1000;
        #[expect(clippy::cast_precision_loss, reason = "contagens bem menores que 2^52")]
        let parte = demoras.count_between(de, ate) as f64 * 100.0 / demoras.len().max(1) as f64;
        let limite = match micros {
            1_000_000.. => format!("até {} s", micros / 1_000_000),
            1000.. => format!("até {} ms", micros / 1000),
            _ => format!("até {micros} µs"),
        };
        faixas.push((limite, parte));
        de = ate + 1;
        if demoras.max() <= ate {
            break;
        }
    }
    faixas.into_iter().skip_while(|(_, parte)| *parte == 0.0).collect()
}
