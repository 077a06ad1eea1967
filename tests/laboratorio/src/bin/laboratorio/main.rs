//! O laboratório: as mesmas reservas, num processo só, sob cada técnica de sincronização, lado a lado.
//!
//! | módulo | o que é |
//! |---|---|
//! | `argumentos` | as opções da linha de comando |
//! | `tabela` | a tabela, as barras, o desenho |
//!
//! As técnicas, a medição e o juiz são de [`laboratorio`]. `cargo run --release -p laboratorio`

#![forbid(unsafe_code)]

mod argumentos;
mod tabela;

use std::error::Error;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use juiz::intervalos::julgar;
use laboratorio::impasse;
use laboratorio::medicao::{Quanto, medir};
use laboratorio::medidas::Medidas;

use crate::argumentos::{Pedido, Plano};
use crate::tabela::Linha;

/// Quantas threads se põem de propósito num impasse, para mostrá-lo.
const NO_IMPASSE: usize = 4;

fn main() -> ExitCode {
    let pedido = match argumentos::ler(std::env::args_os().skip(1)) {
        Ok(pedido) => pedido,
        Err(erro) => {
            let _ = writeln!(io::stderr(), "laboratorio: {erro} (--ajuda mostra o uso)");
            return ExitCode::from(2);
        }
    };
    let mut saida = io::stdout();
    let fim = match pedido {
        Pedido::Ajuda => write!(saida, "{}", argumentos::ajuda()).map(|()| true).map_err(Into::into),
        Pedido::Versao => {
            writeln!(saida, "laboratorio {}", env!("CARGO_PKG_VERSION")).map(|()| true).map_err(Into::into)
        }
        Pedido::Medir(plano) => executar(&plano, &mut saida),
    };
    match fim {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Quem lia a saída foi embora, como em `laboratorio | head`: já tem o que queria.
        Err(erro) if e_cano_quebrado(&*erro) => ExitCode::SUCCESS,
        Err(erro) => {
            let _ = writeln!(io::stderr(), "laboratorio: {erro}");
            ExitCode::FAILURE
        }
    }
}

fn e_cano_quebrado(erro: &(dyn Error + 'static)) -> bool {
    erro.downcast_ref::<io::Error>().is_some_and(|erro| erro.kind() == io::ErrorKind::BrokenPipe)
}

/// Mede, mostra e guarda. Diz se as técnicas certas saíram inocentes.
fn executar(plano: &Plano, saida: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    // Um caminho errado se descobre agora, e não depois de um minuto de medições.
    if let Some(caminho) = &plano.relatorio {
        File::create(caminho).map_err(|erro| format!("{}: {erro}", caminho.display()))?;
    }
    let semente = plano.semente.unwrap_or_else(|| RandomState::new().hash_one("laboratorio"));
    let comando = comando(plano, semente);
    writeln!(saida, "semente {semente}; para repetir os mesmos pedidos:\n  {comando}\n")?;
    let linhas = medir_todas(plano, semente, saida)?;
    write!(saida, "\n{}", tabela::LEGENDA)?;
    if let Some(threads) = plano.threads.iter().max() {
        let s = if *threads == 1 { "" } else { "s" };
        write!(
            saida,
            "\nMil operações por segundo, com {threads} thread{s}:\n{}",
            tabela::barras(&linhas, *threads)
        )?;
    }
    let achados = achados(&linhas);
    write!(saida, "\n{achados}")?;
    if let Some(caminho) = &plano.relatorio {
        let desenho = guardar(caminho, plano, &comando, &linhas, &achados)
            .map_err(|erro| format!("{}: {erro}", caminho.display()))?;
        writeln!(saida, "\nguardados: {} e {desenho}", caminho.display())?;
    }
    Ok(linhas.iter().all(|linha| !linha.tecnica.certa || linha.veredito.inocente()))
}

fn comando(plano: &Plano, semente: u64) -> String {
    let threads: Vec<String> = plano.threads.iter().map(ToString::to_string).collect();
    let tecnicas: Vec<&str> = plano.tecnicas.iter().map(|tecnica| tecnica.nome).collect();
    let so = if plano.tecnicas.len() < laboratorio::tecnicas::TECNICAS.len() {
        format!(" --so {}", tecnicas.join(","))
    } else {
        String::new()
    };
    format!(
        "laboratorio --semente {semente} --segundos {} --threads {}{so}",
        plano.duracao.as_secs_f64(),
        threads.join(",")
    )
}

fn medir_todas(plano: &Plano, semente: u64, saida: &mut impl Write) -> io::Result<Vec<Linha>> {
    let mut linhas = Vec::new();
    writeln!(saida, "{}", tabela::cabecalho())?;
    for &tecnica in &plano.tecnicas {
        for &threads in &plano.threads {
            let anotado = medir(tecnica, threads, Quanto::Tempo(plano.duracao), semente)?;
            let linha = Linha {
                tecnica,
                threads,
                medidas: Medidas::new(&anotado.threads),
                veredito: julgar(&anotado.threads, anotado.no_fim),
                impasses: anotado.impasses,
            };
            writeln!(saida, "{}", linha.no_terminal())?;
            saida.flush()?;
            linhas.push(linha);
        }
    }
    Ok(linhas)
}

/// O primeiro problema de cada espécie em cada técnica, e os impasses.
fn achados(linhas: &[Linha]) -> String {
    let mut texto = String::new();
    let mut vistas = Vec::new();
    for linha in linhas.iter().filter(|linha| !linha.veredito.inocente()) {
        if vistas.contains(&linha.tecnica.nome) {
            continue;
        }
        vistas.push(linha.tecnica.nome);
        let Linha { tecnica, threads, veredito, .. } = linha;
        texto.push_str(&format!("O que o juiz achou em {}, com {threads} threads:\n", tecnica.nome));
        for problema in veredito.exemplos() {
            texto.push_str(&format!("  {problema}\n"));
        }
    }
    if vistas.is_empty() {
        texto.push_str("O juiz não achou nada.\n");
    }
    let impasse_na_medicao = linhas.iter().find_map(|linha| Some((linha, linha.impasses.primeiro.as_ref()?)));
    if let Some((linha, ciclo)) = impasse_na_medicao {
        texto.push_str(&format!(
            "\nO primeiro impasse em {}, com {} threads:\n",
            linha.tecnica.nome, linha.threads
        ));
        texto.push_str(&contar(ciclo));
    }
    if linhas.iter().any(|linha| linha.tecnica.nome == "sem-ordem") {
        let provocado = impasse::provocar(NO_IMPASSE).primeiro.unwrap_or_default();
        texto.push_str(&format!(
            "\nUm impasse de propósito: {NO_IMPASSE} threads, cada uma toma a sua fileira e quer a seguinte:\n"
        ));
        texto.push_str(&contar(&provocado));
    }
    texto
}

fn contar(ciclo: &impasse::Ciclo) -> String {
    let mut texto: String = ciclo.iter().map(|elo| format!("  {elo}\n")).collect();
    if let Some(elo) = ciclo.first() {
        texto.push_str(&format!(
            "A {}, que fecharia o ciclo, soltou o que tinha; as outras seguiram, e ela tentou de novo.\n",
            elo.quem
        ));
    }
    texto
}

/// Guarda o relatório e, ao lado dele, o desenho. Diz o nome do desenho.
fn guardar(
    caminho: &Path,
    plano: &Plano,
    comando: &str,
    linhas: &[Linha],
    achados: &str,
) -> io::Result<String> {
    let desenho = caminho.with_extension("svg");
    fs::write(&desenho, tabela::em_svg(linhas, &plano.tecnicas, &plano.threads))?;
    let nome = desenho.file_name().unwrap_or_default().to_string_lossy();
    let tecnicas: String =
        plano.tecnicas.iter().map(|tecnica| format!("- `{}`: {}\n", tecnica.nome, tecnica.resumo)).collect();
    let relatorio = format!(
        "# As técnicas, lado a lado\n\n```sh\n{comando}\n```\n\n{}\n{}\n![Operações por segundo]({nome})\n\n\
         ## O que se achou\n\n```text\n{achados}```\n\n## As técnicas\n\n{tecnicas}",
        tabela::em_markdown(linhas),
        tabela::LEGENDA
    );
    fs::write(caminho, relatorio)?;
    Ok(desenho.display().to_string())
}
