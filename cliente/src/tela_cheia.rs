//! O terminal inteiro nas nossas mãos: a tela alternativa, as teclas e, haja o que houver, a devolução.
//!
//! A tela alternativa some no fim e deixa a de antes como estava. O desenho "em linha" da ratatui (`Viewport::Inline`)
//! deixaria restos quando a janela encolhe: o terminal quebra as linhas, e ela não sabe para onde foram
//! (ratatui/ratatui#2086). Sem cores, o desenho vai sem estilo nenhum: quem desenha repete cada cor com uma palavra
//! ou um sinal. Não sabe o que se desenha.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{panic, process, thread};

use anstream::ColorChoice;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::{Frame, Terminal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::tela::Saida;

/// De quanto em quanto tempo se redesenha: mais depressa do que isto, ninguém lê.
const QUADRO: Duration = Duration::from_millis(50);

/// Quanto o programa tem para parar por si depois de um sinal, ou de o terminal sumir.
pub const PACIENCIA: Duration = Duration::from_secs(1);

/// O terminal está nas nossas mãos, e é preciso devolvê-lo.
static ABERTO: AtomicBool = AtomicBool::new(false);

/// A tela aberta; ao ser largada, devolve o terminal como estava.
pub struct TelaCheia {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    cores: bool,
    _devolver: Devolver,
}

impl TelaCheia {
    /// Abre a tela, se a saída é um terminal que serve para isto. Um que não se deixa controlar ainda serve para linhas. Se o
    /// terminal deixa de existir, o programa sai com o código `ao_sumir`.
    pub fn abrir(saida: &Saida, ao_sumir: u8) -> Option<Self> {
        let mudo = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if !saida.legivel || mudo {
            return None;
        }
        vigiar_o_terminal(ao_sumir).ok()?;
        Self::tomar(anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never).ok()
    }

    fn tomar(cores: bool) -> io::Result<Self> {
        devolver_no_panico();
        enable_raw_mode()?;
        ABERTO.store(true, Ordering::SeqCst);
        // Daqui em diante, uma falha também devolve o terminal.
        let devolver = Devolver;
        execute!(io::stdout(), EnterAlternateScreen)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { terminal, cores, _devolver: devolver })
    }

    /// Redesenha o que mudou, no tamanho que a janela tem agora: uma linha por fileira, a partir de cima.
    pub fn desenhar<'a>(&mut self, linhas: impl FnOnce(Rect) -> Vec<Line<'a>>) -> io::Result<()> {
        // Depois de um pânico, o terminal já foi devolvido, e a tela de verdade não é nossa.
        if !ABERTO.load(Ordering::SeqCst) {
            return Ok(());
        }
        let cores = self.cores;
        self.terminal.draw(|quadro| pintar(quadro, cores, linhas))?;
        Ok(())
    }

    /// Espera até o próximo quadro, ou até uma tecla; diz se a pessoa quer parar: `q`, Esc ou Ctrl-C.
    pub fn esperar(&self) -> io::Result<bool> {
        if !event::poll(QUADRO)? {
            // A janela pode ter sido fechada sem que o sinal chegasse a nós: então ninguém mais vai apertar tecla.
            return Ok(!io::stdout().is_terminal());
        }
        Ok(match event::read()? {
            Event::Key(tecla) if tecla.kind == KeyEventKind::Press => match tecla.code {
                KeyCode::Char('q') | KeyCode::Esc => true,
                // Com o terminal nas nossas mãos, Ctrl-C não vem como sinal.
                KeyCode::Char('c') => tecla.modifiers.contains(KeyModifiers::CONTROL),
                _ => false,
            },
            _ => false,
        })
    }
}

/// Um terminal pode sumir sem que sinal nenhum chegue a nós: quem o abriu foi morto, e ler dele é ler o fim para sempre, o que a
/// crossterm faz sem parar. Uma thread espera só por isso, e dá ao programa um tempo para acabar por si.
///
/// Erros: o sistema negou a thread.
fn vigiar_o_terminal(ao_sumir: u8) -> io::Result<()> {
    let vigiar = move || {
        let entrada = io::stdin();
        // Sem pedir nada, `poll` só avisa do fim: desligado, ou com erro.
        let mut olhada = [PollFd::new(&entrada, PollFlags::empty())];
        while poll(&mut olhada, None) == Err(Errno::INTR) {}
        let (espera, ninguem) = mpsc::channel::<Infallible>();
        let _ = ninguem.recv_timeout(PACIENCIA);
        drop(espera);
        devolver();
        process::exit(ao_sumir.into());
    };
    // Ninguém espera por ela: acaba com o processo.
    thread::Builder::new().name("terminal".into()).spawn(vigiar).map(drop)
}

struct Devolver;

impl Drop for Devolver {
    fn drop(&mut self) {
        devolver();
    }
}

/// Devolve o terminal, se está conosco. Se ele já não existe, não há o que devolver.
pub fn devolver() {
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

/// Pinta as linhas que cabem; as outras ficam de fora.
fn pintar<'a>(quadro: &mut Frame<'_>, cores: bool, linhas: impl FnOnce(Rect) -> Vec<Line<'a>>) {
    let area = quadro.area();
    for (linha, fileira) in linhas(area).into_iter().zip(area.rows()) {
        quadro.render_widget(linha, fileira);
    }
    if !cores {
        quadro.buffer_mut().set_style(area, Style::reset());
    }
}

/// O que os testes dos painéis precisam: uma tela de mentira.
#[cfg(test)]
pub mod mentira {
    use ratatui::backend::TestBackend;
    use ratatui::style::{Color, Modifier};

    use super::*;

    /// Uma tela deste tamanho, com as linhas pintadas.
    pub fn pintada<'a>(
        [largura, altura]: [u16; 2],
        cores: bool,
        linhas: impl FnOnce(Rect) -> Vec<Line<'a>>,
    ) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(largura, altura)).unwrap();
        terminal.draw(|quadro| pintar(quadro, cores, linhas)).unwrap();
        terminal
    }

    /// O que se lê na tela, linha a linha, sem os espaços do fim.
    pub fn texto(terminal: &Terminal<TestBackend>) -> Vec<String> {
        let tela = terminal.backend().buffer();
        let largura = usize::from(tela.area.width);
        let simbolos: Vec<_> = tela.content().iter().map(|celula| celula.symbol()).collect();
        simbolos.chunks(largura).map(|linha| linha.concat().trim_end().to_owned()).collect()
    }

    /// Diz se algo na tela tem cor ou outro estilo.
    pub fn tem_estilo(terminal: &Terminal<TestBackend>) -> bool {
        let celulas = terminal.backend().buffer().content();
        celulas.iter().any(|celula| celula.fg != Color::Reset || celula.modifier != Modifier::empty())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Diz a este programa de testes que é ele, num pseudoterminal, quem deve entrar em pânico.
    const AQUI: &str = "RESERVA_TESTE_PANICO";

    #[test]
    fn panico_devolve_o_terminal() {
        if std::env::var_os(AQUI).is_some() {
            let mut tela = TelaCheia::tomar(true).unwrap();
            tela.desenhar(|_| vec![Line::raw("desenhada")]).unwrap();
            panic!("de propósito");
        }
        let comando = "stty rows 24 cols 80; stty -a; \
                       \"$TESTES\" --exact --nocapture tela_cheia::tests::panico_devolve_o_terminal; \
                       stty -a";
        let mut terminal = Command::new("script");
        terminal
            .args(["-qec", comando, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env(AQUI, "1");
        let saida = terminal.env("TESTES", std::env::current_exe().unwrap()).output().unwrap();
        let visto = String::from_utf8_lossy(&saida.stdout).into_owned();
        let posicao = |trecho: &str| visto.find(trecho).unwrap_or_else(|| panic!("sem {trecho:?}: {visto}"));
        assert!(posicao("\u{1b}[?1049h") < posicao("desenhada"), "{visto}");
        // O pânico fala depois que a tela de antes voltou.
        assert!(posicao("\u{1b}[?1049l") < posicao("de propósito"), "{visto}");
        let modos: Vec<_> =
            visto.split("speed ").skip(1).map(|modos| &modos[..modos.find("-extproc").unwrap()]).collect();
        assert_eq!(modos.len(), 2, "{visto}");
        assert_eq!(modos[0], modos[1]);
        assert!(modos[1].contains(" icanon") && modos[1].contains(" echo "), "{visto}");
    }
}
