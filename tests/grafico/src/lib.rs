//! Desenhos do que se mediu: barras no terminal, e barras e linhas em SVG. Só transforma números em texto; não mede nada
//! nem escreve em arquivo.
//!
//! Um valor que não é finito não se desenha: uma barra sem ele fica vazia, e uma linha o pula.

#![forbid(unsafe_code)]

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// O tamanho de um gráfico, em pontos.
const TAMANHO: (u32, u32) = (800, 360);
/// A largura da legenda, em pontos.
const LEGENDA: u32 = 130;
/// Letra das marcas e das legendas.
const LETRA: (&str, u32) = ("sans-serif", 13);
/// Letra do título.
const LETRA_DO_TITULO: (&str, u32) = ("sans-serif", 18);
/// Cores que também se distinguem sem ver bem o verde e o vermelho, e numa impressão em cinza.
///
/// Fonte: M. Okabe e K. Ito, "Color universal design" (2008).
const CORES: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
/// Que parte da largura de um grupo as suas barras ocupam.
const OCUPADA: f64 = 0.8;

/// Uma linha por item: o nome, uma barra e o valor com a unidade. A maior barra tem `largura` letras.
pub fn barras_no_terminal(itens: &[(String, f64)], largura: usize, unidade: &str) -> String {
    let coluna = itens.iter().map(|(nome, _)| nome.chars().count()).max().unwrap_or(0);
    let maior = maior(itens.iter().map(|(_, valor)| *valor));
    let mut texto = String::new();
    for (nome, valor) in itens {
        let barra = barra(valor / maior, largura);
        let espaco = " ".repeat(coluna - nome.chars().count());
        let valor = escrever(*valor);
        texto.push_str(format!("{nome}{espaco}  {barra:largura$} {valor} {unidade}").trim_end());
        texto.push('\n');
    }
    texto
}

/// Tantos blocos inteiros quantos couberem nesta parte da largura, e um último em oitavos.
fn barra(parte: f64, largura: usize) -> String {
    const PONTAS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if !parte.is_finite() || parte <= 0.0 {
        return String::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "uma parte de zero a um, de uma largura de terminal"
    )]
    // O que existe aparece, por menor que seja.
    let oitavos = ((parte * largura as f64 * 8.0).round() as usize).max(1);
    format!("{}{}", "█".repeat(oitavos / 8), PONTAS[oitavos % 8])
}

/// Barras em grupos: em cada grupo, uma barra de cada série. O valor `i` de uma série é o do grupo `i`.
pub fn svg_de_barras(
    titulo: &str,
    unidade: &str,
    series: &[(String, Vec<f64>)],
    grupos: &[String],
) -> String {
    let alto = maior(series.iter().flat_map(|(_, valores)| valores.iter().copied()));
    let cada = OCUPADA / contar(series.len().max(1));
    desenhar(
        (titulo, &nomes(series)),
        ("", unidade),
        0.0..contar(grupos.len().max(1)),
        alto,
        |quadro, papel| {
            for (qual, (_, valores)) in series.iter().enumerate() {
                let cor = cor(qual);
                let barras =
                    valores.iter().take(grupos.len()).enumerate().filter(|(_, valor)| valor.is_finite());
                let barras = barras.map(|(grupo, valor)| {
                    let esquerda = contar(grupo) + (1.0 - OCUPADA) / 2.0 + cada * contar(qual);
                    Rectangle::new([(esquerda, 0.0), (esquerda + cada * 0.95, *valor)], cor.filled())
                });
                quadro.draw_series(barras)?;
            }
            for (grupo, nome) in grupos.iter().enumerate() {
                let (x, y) = quadro.backend_coord(&(contar(grupo) + 0.5, 0.0));
                let letra = LETRA.into_text_style(papel).pos(Pos::new(HPos::Center, VPos::Top));
                // Nomes compridos, lado a lado, se cobririam: um em cada duas linhas.
                let linha = if grupos.len() > 6 { i32::from(grupo % 2 == 1) } else { 0 };
                papel.draw(&Text::new(nome.clone(), (x, y + 6 + 16 * linha), letra))?;
            }
            Ok(())
        },
    )
}

/// Uma linha por série, de pontos em ordem. Os eixos são o nome do horizontal e o do vertical.
pub fn svg_de_linhas(titulo: &str, eixos: (&str, &str), series: &[(String, Vec<(f64, f64)>)]) -> String {
    let pontos = || series.iter().flat_map(|(_, pontos)| pontos.iter().copied());
    let fim = maior(pontos().map(|(x, _)| x));
    let inicio = pontos().map(|(x, _)| x).filter(|x| x.is_finite()).fold(fim, f64::min);
    let faixa = if inicio < fim { inicio..fim } else { 0.0..fim };
    desenhar((titulo, &nomes(series)), eixos, faixa, maior(pontos().map(|(_, y)| y)), |quadro, _| {
        for (qual, (_, pontos)) in series.iter().enumerate() {
            let cor = cor(qual);
            let finitos = pontos.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            quadro.draw_series(LineSeries::new(finitos, cor.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// Um gráfico acima do outro, num SVG só.
pub fn empilhar(graficos: &[String]) -> String {
    let (largura, altura) = TAMANHO;
    let total = usize::try_from(altura).unwrap_or_default() * graficos.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{largura}\" height=\"{total}\" viewBox=\"0 0 {largura} {total}\">\n"
    );
    for (vez, grafico) in graficos.iter().enumerate() {
        let y = usize::try_from(altura).unwrap_or_default() * vez;
        svg.push_str(&format!("<g transform=\"translate(0 {y})\">\n{grafico}</g>\n"));
    }
    svg + "</svg>\n"
}

type Papel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plano = plotters::coord::types::RangedCoordf64;
type Quadro<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Plano, Plano>>;
type Desenho = Result<(), Box<dyn std::error::Error>>;

/// O papel, o título, os eixos e, ao lado, a legenda, se há mais de uma série; `dentro` desenha o resto. Sem nome, o eixo
/// horizontal não tem marcas.
fn desenhar(
    (titulo, nomes): (&str, &[&str]),
    (horizontal, vertical): (&str, &str),
    faixa: Range<f64>,
    alto: f64,
    dentro: impl FnOnce(&mut Quadro<'_, '_>, &Papel<'_>) -> Desenho,
) -> String {
    let mut svg = String::new();
    let papel = SVGBackend::with_string(&mut svg, TAMANHO).into_drawing_area();
    let feito = (|| {
        papel.fill(&WHITE)?;
        let legenda = if nomes.len() > 1 { LEGENDA } else { 0 };
        let (papel, margem) = papel.split_horizontally(TAMANHO.0 - legenda);
        let mut quadro = ChartBuilder::on(&papel)
            .caption(titulo, LETRA_DO_TITULO)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(faixa, 0.0..alto * 1.05)?;
        let marcas = |valor: &f64| escrever(*valor);
        let mut malha = quadro.configure_mesh();
        malha.disable_x_mesh().light_line_style(WHITE).label_style(LETRA).y_desc(vertical);
        malha.x_label_formatter(&marcas).y_label_formatter(&marcas);
        if horizontal.is_empty() {
            malha.x_labels(0).draw()?;
        } else {
            malha.x_desc(horizontal).draw()?;
        }
        dentro(&mut quadro, &papel)?;
        for (qual, nome) in (0..).zip(nomes.iter().filter(|_| legenda > 0)) {
            let y = 44 + 20 * qual;
            margem.draw(&Rectangle::new([(0, y), (14, y + 10)], cor(qual as usize).filled()))?;
            margem.draw(&Text::new(*nome, (20, y - 2), LETRA))?;
        }
        papel.present()?;
        Desenho::Ok(())
    })();
    feito.expect("escrever um SVG num texto não falha");
    drop(papel);
    svg
}

fn cor(qual: usize) -> RGBColor {
    CORES[qual % CORES.len()]
}

fn nomes<T>(series: &[(String, T)]) -> Vec<&str> {
    series.iter().map(|(nome, _)| nome.as_str()).collect()
}

/// O maior valor; um, se nenhum é maior que zero, para que a escala exista.
fn maior(valores: impl Iterator<Item = f64>) -> f64 {
    let maior = valores.filter(|valor| valor.is_finite()).fold(0.0, f64::max);
    if maior > 0.0 { maior } else { 1.0 }
}

#[expect(clippy::cast_precision_loss, reason = "contagens bem menores que 2^52")]
const fn contar(quantos: usize) -> f64 {
    quantos as f64
}

/// Um número como se escreve em português, com tantas casas quantas fazem diferença: `1234`, `12,3`, `1,23`; `-` se não é finito.
pub fn escrever(valor: f64) -> String {
    if !valor.is_finite() {
        return "-".to_owned();
    }
    let casas = match valor.abs() {
        alto if alto >= 100.0 || alto == alto.trunc() => 0,
        medio if medio >= 10.0 => 1,
        _ => 2,
    };
    format!("{valor:.casas$}").replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn itens(itens: &[(&str, f64)]) -> Vec<(String, f64)> {
        itens.iter().map(|(nome, valor)| ((*nome).to_owned(), *valor)).collect()
    }

    /// Diz se cada marca que se abre se fecha, na ordem.
    fn bem_formado(svg: &str) -> bool {
        let mut abertas = Vec::new();
        for marca in svg.split('<').skip(1) {
            let Some((dentro, _)) = marca.split_once('>') else { return false };
            if let Some(nome) = dentro.strip_prefix('/') {
                if abertas.pop() != Some(nome) {
                    return false;
                }
            } else if !dentro.ends_with('/') {
                abertas.push(dentro.split_whitespace().next().unwrap_or_default());
            }
        }
        abertas.is_empty()
    }

    #[test]
    fn barras_alinham_e_a_maior_enche_a_largura() {
        let texto = barras_no_terminal(&itens(&[("a", 10.0), ("além", 5.0), ("c", 0.0)]), 4, "µs");
        assert_eq!(texto, "a     ████ 10 µs\nalém  ██   5 µs\nc          0 µs\n");
        // O que existe aparece, e o que não se mediu fica vazio.
        let texto = barras_no_terminal(&itens(&[("a", 1e6), ("b", 1.0), ("c", f64::NAN)]), 4, "");
        assert_eq!(texto, "a  ████ 1000000\nb  ▏    1\nc       -\n");
        assert_eq!(barras_no_terminal(&[], 4, ""), "");
    }

    #[test]
    fn numeros_em_portugues() {
        for (valor, texto) in [(0.0, "0"), (1.234, "1,23"), (12.34, "12,3"), (1234.5, "1234"), (7.0, "7")] {
            assert_eq!(escrever(valor), texto);
        }
    }

    #[test]
    fn svg_tem_cada_serie_e_cada_grupo_e_se_fecha() {
        let series = [("p50 <x>".to_owned(), vec![1.0, f64::INFINITY]), ("p99".to_owned(), vec![2.0, 4.0])];
        let barras = svg_de_barras("Título & tal", "µs", &series, &["um".into(), "dois".into()]);
        for texto in ["Título &amp; tal", "p50 &lt;x&gt;", "p99", "um", "dois", "µs"] {
            assert!(barras.contains(texto), "{texto}: {barras}");
        }
        let linhas = [("p50".to_owned(), vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)])];
        let linhas = svg_de_linhas("Latência", ("segundos", "ms"), &linhas);
        assert!(linhas.contains("<polyline") && linhas.contains("segundos"), "{linhas}");
        for svg in [&barras, &linhas, &empilhar(&[barras.clone(), linhas.clone()])] {
            assert!(bem_formado(svg) && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn sem_dados_ainda_e_um_grafico() {
        for svg in [svg_de_barras("", "", &[], &[]), svg_de_linhas("", ("", ""), &[("x".into(), vec![])])] {
            assert!(bem_formado(&svg) && svg.contains("<svg"), "{svg}");
        }
    }
}
