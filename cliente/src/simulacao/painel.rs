//! O painel da simulação: um cliente por linha, redesenhado no lugar.
//!
//! Usa a tela alternativa do terminal, que some no fim e deixa a de antes como estava. O desenho "em linha" da ratatui
//! (`Viewport::Inline`) deixaria restos quando a janela encolhe: o terminal quebra as linhas, e ela não sabe para onde
//! foram (ratatui/ratatui#2086). Sem cores, nada se perde: cada cor repete uma palavra.

use std::io::{self, Stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::{Frame, Terminal};

use super::andamento::{Andamento, Estado, Situacao};
use super::medida::tempo;

/// De quanto em quanto tempo se redesenha: mais depressa do que isto, ninguém lê.
pub const QUADRO: Duration = Duration::from_millis(50);
/// As linhas acima dos clientes: o título, os números e os nomes das colunas.
const CABECALHO_LINHAS: usize = 3;

/// O terminal está nas nossas mãos, e é preciso devolvê-lo.
static ABERTO: AtomicBool = AtomicBool::new(false);

/// O painel aberto; ao ser largado, devolve o terminal como estava.
pub struct Painel {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    titulo: String,
    cores: bool,
    _devolver: Devolver,
}

impl Painel {
    /// Abre o painel; falha se o terminal não serve para isto.
    pub fn abrir(titulo: String, cores: bool) -> io::Result<Self> {
        devolver_no_panico();
        enable_raw_mode()?;
        ABERTO.store(true, Ordering::SeqCst);
        // Daqui em diante, uma falha também devolve o terminal.
        let devolver = Devolver;
        execute!(io::stdout(), EnterAlternateScreen)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { terminal, titulo, cores, _devolver: devolver })
    }

    /// Redesenha o que mudou, no tamanho que a janela tem agora.
    pub fn desenhar(&mut self, andamento: &Andamento, agora: Duration) -> io::Result<()> {
        // Depois de um pânico, o terminal já foi devolvido, e a tela de verdade não é nossa.
        if !ABERTO.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (titulo, cores) = (&self.titulo, self.cores);
        self.terminal.draw(|quadro| pintar(quadro, titulo, cores, andamento, agora))?;
        Ok(())
    }

    /// Espera até o próximo quadro, ou até uma tecla; diz se a pessoa quer parar.
    pub fn esperar(&self) -> io::Result<bool> {
        if !event::poll(QUADRO)? {
            return Ok(false);
        }
        Ok(match event::read()? {
            Event::Key(tecla) if tecla.kind == KeyEventKind::Press => {
                // Com o terminal nas nossas mãos, Ctrl-C não vem como sinal.
                let control = tecla.modifiers.contains(KeyModifiers::CONTROL);
                tecla.code == KeyCode::Char('q') || control && tecla.code == KeyCode::Char('c')
            }
            _ => false,
        })
    }
}

struct Devolver;

impl Drop for Devolver {
    fn drop(&mut self) {
        devolver();
    }
}

/// Devolve o terminal, se está conosco. Se ele já não existe, não há o que devolver.
fn devolver() {
    if ABERTO.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Um pânico, em qualquer thread, fala por último na tela de verdade.
fn devolver_no_panico() {
    let antes = panic::take_hook();
    panic::set_hook(Box::new(move |panico| {
        devolver();
        antes(panico);
    }));
}

fn pintar(quadro: &mut Frame<'_>, titulo: &str, cores: bool, andamento: &Andamento, agora: Duration) {
    let area = quadro.area();
    let linhas = linhas(titulo, andamento, agora, usize::from(area.height));
    for (linha, fileira) in linhas.into_iter().zip(area.rows()) {
        let linha = if cores { linha } else { sem_estilo(linha) };
        quadro.render_widget(linha, fileira);
    }
}

fn sem_estilo(linha: Line<'_>) -> Line<'_> {
    Line::from(linha.spans.into_iter().map(|pedaco| Span::raw(pedaco.content)).collect::<Vec<_>>())
}

/// O que cabe em `altura` linhas; se não cabem todos os clientes, a última diz quantos faltam.
fn linhas<'a>(titulo: &'a str, andamento: &Andamento, agora: Duration, altura: usize) -> Vec<Line<'a>> {
    let forte = Style::new().add_modifier(Modifier::BOLD);
    let fraco = Style::new().add_modifier(Modifier::DIM);
    let mut linhas = vec![
        Line::styled(titulo, forte),
        Line::from(vec![Span::styled(numeros(andamento), forte), Span::styled("  Ctrl-C encerra", fraco)]),
        Line::styled(fileira(["cliente", "estado", "voltas", "espera agora", "maior espera"]), fraco),
    ];
    let clientes = andamento.clientes.len();
    let cabem = altura.saturating_sub(CABECALHO_LINHAS);
    let mostrados = if clientes <= cabem { clientes } else { cabem.saturating_sub(1) };
    for (posicao, situacao) in andamento.clientes.iter().take(mostrados).enumerate() {
        linhas.push(Line::styled(cliente(posicao + 1, situacao, agora), estilo(situacao.estado)));
    }
    if mostrados < clientes {
        linhas.push(Line::styled(format!("... e mais {}", clientes - mostrados), fraco));
    }
    linhas
}

fn numeros(andamento: &Andamento) -> String {
    let Andamento { contador, espera, .. } = andamento;
    let dono = match andamento.dono {
        Some((numero, cerca)) => format!("cliente {numero} (cerca {cerca})"),
        None => "ninguém daqui".to_owned(),
    };
    format!("contador {contador}  espera {espera}  dono: {dono}")
}

fn cliente(numero: usize, situacao: &Situacao, agora: Duration) -> String {
    let espera = situacao.espera_agora(agora);
    let maior = situacao.espera_maior.max(espera.unwrap_or_default());
    fileira([
        &numero.to_string(),
        situacao.estado.nome(),
        &situacao.voltas.to_string(),
        &espera.map(tempo).unwrap_or_default(),
        &tempo(maior),
    ])
}

fn fileira([cliente, estado, voltas, agora, maior]: [&str; 5]) -> String {
    format!("{cliente:>7}  {estado:<11}  {voltas:>6}  {agora:>12}  {maior:>12}")
}

const fn estilo(estado: Estado) -> Style {
    match estado {
        Estado::Pensando => Style::new(),
        Estado::Esperando(_) => Style::new().fg(Color::Yellow),
        Estado::ComOToken => Style::new().fg(Color::Green).add_modifier(Modifier::BOLD),
        Estado::Acabou => Style::new().add_modifier(Modifier::DIM),
    }
}

#[cfg(test)]
mod tests {
    use cliente::{Concessao, EstadoDoToken};
    use protocolo::Cerca;
    use ratatui::backend::TestBackend;

    use super::super::trabalho::Novidade;
    use super::*;

    fn desenho(clientes: u16, largura: u16, altura: u16, cores: bool) -> Terminal<TestBackend> {
        let inicio = EstadoDoToken { dono: None, cerca: Cerca(17), contador: 17, espera: 0 };
        let mut andamento = Andamento::new(clientes, &inicio);
        let concessao = Concessao { cerca: Cerca(18), contador: 17, espera: 1, prazo: 30 };
        andamento.anotar(Novidade::Pediu(1, Duration::ZERO));
        andamento.anotar(Novidade::Obteve(1, Duration::from_millis(12), concessao));
        andamento.anotar(Novidade::Pediu(2, Duration::from_millis(10)));
        let mut terminal = Terminal::new(TestBackend::new(largura, altura)).unwrap();
        let agora = Duration::from_millis(40);
        terminal.draw(|quadro| pintar(quadro, "Simulação", cores, &andamento, agora)).unwrap();
        terminal
    }

    fn texto(terminal: &Terminal<TestBackend>) -> Vec<String> {
        let tela = terminal.backend().buffer();
        let largura = usize::from(tela.area.width);
        let simbolos: Vec<_> = tela.content().iter().map(|celula| celula.symbol()).collect();
        simbolos.chunks(largura).map(|linha| linha.concat().trim_end().to_owned()).collect()
    }

    #[test]
    fn um_cliente_por_linha() {
        assert_eq!(
            texto(&desenho(3, 80, 7, true)),
            [
                "Simulação",
                "contador 17  espera 1  dono: cliente 1 (cerca 18)  Ctrl-C encerra",
                "cliente  estado       voltas  espera agora  maior espera",
                "      1  com o token       0                     12,0 ms",
                "      2  esperando         0       30,0 ms       30,0 ms",
                "      3  pensando          0                        0 µs",
                "",
            ]
        );
    }

    #[test]
    fn o_que_nao_cabe_e_contado() {
        for (clientes, altura, ultima) in
            [(3, 6, "      3  pens"), (4, 6, "... e mais 2"), (40, 5, "... e mais 39")]
        {
            let linhas = texto(&desenho(clientes, 13, altura, true));
            assert_eq!(linhas.last().map(String::as_str), Some(ultima), "{linhas:?}");
        }
        // Numa janela mínima, o que couber.
        for (largura, altura) in [(1, 1), (20, 2), (5, 3), (80, 4)] {
            assert_eq!(texto(&desenho(40, largura, altura, true)).len(), usize::from(altura));
        }
    }

    #[test]
    fn sem_cores_nao_ha_estilo_nenhum() {
        let tem_estilo = |terminal: &Terminal<TestBackend>| {
            let celulas = terminal.backend().buffer().content();
            celulas.iter().any(|celula| celula.fg != Color::Reset || celula.modifier != Modifier::empty())
        };
        assert!(tem_estilo(&desenho(3, 80, 7, true)));
        assert!(!tem_estilo(&desenho(3, 80, 7, false)));
        assert_eq!(texto(&desenho(3, 80, 7, true)), texto(&desenho(3, 80, 7, false)));
    }
}
