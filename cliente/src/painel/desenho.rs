//! O painel em linhas: a ligação, os números, o mapa e quem fez o quê por último.
//!
//! Puro. Cada cor repete um sinal ou uma palavra, os mesmos que `MAPA` usa.

use protocolo::limites::FILEIRA_ASSENTOS;
use protocolo::{Assento, ClientId, Evento, Mudanca, Quadro, Situacao};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::estado::{Estado, Feito, Retrato};

/// As colunas do mapa: dez assentos de cinco, como no desenho de `MAPA`.
const MAPA_LARGURA: usize = 5 * FILEIRA_ASSENTOS as usize;
/// As linhas acima do mapa: a ligação, os números, e por que se está desligado.
const CABECALHO_LINHAS: usize = 3;
/// As linhas sem as quais não há mapa.
const MAPA_ALTURA: usize = CABECALHO_LINHAS + FILEIRA_ASSENTOS as usize;
/// O que separa o mapa do que fica ao lado.
const VAO: &str = "  ";
/// Abaixo desta largura, quem fez o quê não se lê ao lado do mapa, e vai para baixo dele.
const AO_LADO_LARGURA: usize = 78;

const FRACO: Style = Style::new().add_modifier(Modifier::DIM);
const FORTE: Style = Style::new().add_modifier(Modifier::BOLD);
const LIVRE: Style = Style::new().fg(Color::Green);
const SEGURADO: Style = Style::new().fg(Color::Yellow);
const OCUPADO: Style = Style::new().fg(Color::Red);
const SEU: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);

/// O que se mostra numa janela deste tamanho; o que não cabe embaixo fica de fora.
pub fn linhas(servidor: &str, estado: &Estado, largura: usize, altura: usize) -> Vec<Line<'static>> {
    let contagens = contagens(&estado.retrato.quadro);
    let mut linhas = vec![titulo(servidor, estado), contagens];
    if altura == 1 {
        linhas.remove(0);
    } else if largura < MAPA_LARGURA || altura < MAPA_ALTURA {
        let falta = format!("O mapa não cabe: pede {MAPA_LARGURA} colunas e {MAPA_ALTURA} linhas.");
        linhas.push(Line::from(falta));
        linhas.extend(ultimas(estado));
    } else {
        let motivo = estado.desligado.clone().unwrap_or_default();
        linhas.push(Line::from(Span::styled(motivo, FRACO)));
        linhas.extend(sala(estado, largura));
    }
    linhas.into_iter().map(|linha| cortar(linha, largura)).collect()
}

/// O mapa e quem fez o quê, lado a lado se cabem.
fn sala(estado: &Estado, largura: usize) -> Vec<Line<'static>> {
    let mut linhas = mapa(&estado.retrato.quadro, estado.desligado.is_some());
    linhas.extend(legenda());
    let feitos = ultimas(estado);
    if largura < AO_LADO_LARGURA {
        linhas.extend(feitos);
        return linhas;
    }
    for (linha, feito) in linhas.iter_mut().zip(feitos) {
        let falta = MAPA_LARGURA.saturating_sub(linha.width());
        linha.push_span(format!("{:falta$}{VAO}", ""));
        linha.spans.extend(feito.spans);
    }
    linhas
}

fn titulo(servidor: &str, estado: &Estado) -> Line<'static> {
    let Retrato { versao, cliente, .. } = estado.retrato;
    let ligacao = match estado.desligado {
        None => Span::styled(format!("ligado a {servidor}"), LIVRE.patch(FORTE)),
        Some(_) => Span::styled(format!("desligado de {servidor}, tentando religar"), OCUPADO.patch(FORTE)),
    };
    let resto = format!("  versão {versao}  você é o cliente {cliente}");
    Line::from(vec![ligacao, Span::raw(resto)])
}

fn contagens(quadro: &Quadro) -> Line<'static> {
    let contagem = |nome, assentos: protocolo::Assentos, estilo| {
        Span::styled(format!("{nome} {}  ", assentos.len()), estilo)
    };
    Line::from(vec![
        contagem("livres", quadro.livres(), LIVRE),
        contagem("segurados", quadro.segurados, SEGURADO),
        contagem("ocupados", quadro.ocupados, OCUPADO),
        contagem("seus", quadro.seus, SEU),
        Span::styled("q sai", FRACO),
    ])
}

/// O mapa; apagado, se é só a última imagem que se teve.
fn mapa(quadro: &Quadro, apagado: bool) -> Vec<Line<'static>> {
    let celula = |assento: &Assento| {
        let situacao = quadro.situacao(*assento);
        let texto = format!("{}{assento}", situacao.sinal());
        let estilo = if apagado { FRACO } else { estilo(situacao) };
        Span::styled(format!("{texto:>5}"), estilo)
    };
    let assentos: Vec<_> = Assento::todos().collect();
    assentos.chunks(FILEIRA_ASSENTOS.into()).map(|fileira| fileira.iter().map(celula).collect()).collect()
}

/// A legenda, em duas linhas que cabem na largura do mapa.
fn legenda() -> Vec<Line<'static>> {
    let item = |(situacao, nome): &(Situacao, &str)| {
        Span::styled(format!("   {}7 {nome}", situacao.sinal()), estilo(*situacao))
    };
    let de_todos =
        [(Situacao::Livre, "livre"), (Situacao::Ocupado, "ocupado"), (Situacao::Segurado, "segurado")];
    let de_quem_olha = [(Situacao::Seu, "seu"), (Situacao::SeuSegurado, "segurado, seu")];
    vec![de_todos.iter().map(item).collect(), de_quem_olha.iter().map(item).collect()]
}

const fn estilo(situacao: Situacao) -> Style {
    match situacao {
        Situacao::Livre => LIVRE,
        Situacao::Segurado => SEGURADO,
        Situacao::Ocupado => OCUPADO,
        Situacao::Seu | Situacao::SeuSegurado => SEU,
    }
}

/// Quem fez o quê por último, com o seu título.
fn ultimas(estado: &Estado) -> Vec<Line<'static>> {
    let mut ditos = vec![Span::styled("quem fez o quê por último", FRACO)];
    if estado.ultimas.is_empty() {
        ditos.push(Span::styled("(nada ainda)", FRACO));
    }
    ditos.extend(estado.ultimas.iter().map(|feito| dizer(feito, estado.retrato.cliente)));
    ditos.into_iter().map(Line::from).collect()
}

fn dizer(feito: &Feito, eu: ClientId) -> Span<'static> {
    let nome = |cliente| if cliente == eu { "você".to_owned() } else { format!("cliente {cliente}") };
    let (Evento { versao, assentos, mudanca }, de) = match feito {
        Feito::Religou(versao) => {
            return Span::styled(format!("{versao}: (religado: o que houve antes não se viu)"), FRACO);
        }
        Feito::Mudou { evento, de } => (evento, de),
    };
    let quais = assentos.faixas();
    let (frase, estilo) = match *mudanca {
        Mudanca::Reservado(cliente) => (format!("{} reservou {quais}", nome(cliente)), OCUPADO),
        Mudanca::Segurado(cliente) => (format!("{} segurou {quais}", nome(cliente)), SEGURADO),
        Mudanca::Livre => {
            let plural = if assentos.len() == 1 { "" } else { "s" };
            let de = de.map(|dono| format!(", de {}", nome(dono))).unwrap_or_default();
            (format!("livre{plural} {quais}{de}"), LIVRE)
        }
    };
    Span::styled(format!("{versao}: {frase}"), estilo)
}

/// A linha em tantas colunas; se não cabe, acaba em reticências: um número pela metade seria outro número.
fn cortar(mut linha: Line<'static>, largura: usize) -> Line<'static> {
    if linha.width() <= largura {
        return linha;
    }
    let mut cabem = largura.saturating_sub(1);
    for pedaco in &mut linha.spans {
        let cortado: String = pedaco.content.chars().take(cabem).collect();
        cabem -= cortado.chars().count();
        pedaco.content = cortado.into();
    }
    linha.push_span("…");
    linha
}

#[cfg(test)]
mod tests {
    use protocolo::{Resposta, Versao};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::tela_cheia::mentira::{pintada, tem_estilo, texto};

    fn estado() -> Estado {
        let bloco = "LIVRES 1-2 4-99\nSEGURADOS\nOCUPADOS 3 100\nSEUS 3\n\
                     OK LISTADO livres=98 segurados=0 ocupados=2 seus=1 versao=12";
        let Ok(Resposta::Listado { quadro, versao }) = bloco.parse() else { panic!("{bloco}") };
        let mut estado = Estado::new(Retrato { quadro, versao, cliente: ClientId::new(7).unwrap() });
        for evento in [
            "EVENTO 13 RESERVADO 11 12 13 14 15 cliente=5",
            "EVENTO 14 SEGURADO 8 cliente=2",
            "EVENTO 15 SEGURADO 9 cliente=7",
            "EVENTO 16 LIVRE 11 12",
            "EVENTO 16 LIVRE 100",
        ] {
            estado.mudou(evento.parse().unwrap());
        }
        estado
    }

    fn desenho(estado: &Estado, tamanho: [u16; 2], cores: bool) -> Terminal<TestBackend> {
        pintada(tamanho, cores, |area| linhas("sala:1", estado, area.width.into(), area.height.into()))
    }

    #[test]
    fn mapa_e_quem_fez_o_que_lado_a_lado() {
        let tela = texto(&desenho(&estado(), [80, 24], true));
        assert_eq!(
            tela[..10],
            [
                "ligado a sala:1  versão 16  você é o cliente 7",
                "livres 94  segurados 2  ocupados 4  seus 2  q sai",
                "",
                "    1    2   *3    4    5    6    7   ~8   +9   10  quem fez o quê por último",
                "   11   12  x13  x14  x15   16   17   18   19   20  16: livre 100",
                "   21   22   23   24   25   26   27   28   29   30  16: livres 11-12, de client…",
                "   31   32   33   34   35   36   37   38   39   40  15: você segurou 9",
                "   41   42   43   44   45   46   47   48   49   50  14: cliente 2 segurou 8",
                "   51   52   53   54   55   56   57   58   59   60  13: cliente 5 reservou 11-15",
                "   61   62   63   64   65   66   67   68   69   70",
            ]
        );
        assert_eq!(tela[13], "   7 livre   x7 ocupado   ~7 segurado");
        assert_eq!(tela[14], "   *7 seu   +7 segurado, seu");
        // Cada linha ao lado do mapa tem a sua cor.
        let celula = desenho(&estado(), [80, 24], true).backend().buffer().cell((52, 7)).unwrap().clone();
        assert_eq!((celula.symbol(), celula.fg), ("1", Color::Yellow));
        assert!(texto(&desenho(&estado(), [120, 24], true))[5].ends_with("16: livres 11-12, de cliente 5"));
    }

    #[test]
    fn numa_janela_estreita_quem_fez_o_que_vai_para_baixo() {
        let tela = texto(&desenho(&estado(), [50, 18], true));
        assert_eq!(tela[3], "    1    2   *3    4    5    6    7   ~8   +9   10");
        assert_eq!(tela[12], "   91   92   93   94   95   96   97   98   99  100");
        assert_eq!(tela[15], "quem fez o quê por último");
        assert_eq!(tela[17], "16: livres 11-12, de cliente 5");
    }

    #[test]
    fn o_que_nao_cabe_e_dito_e_os_numeros_ficam() {
        for tamanho in [[49, 24], [80, 12], [50, 4]] {
            let tela = texto(&desenho(&estado(), tamanho, true));
            assert!(tela[1].starts_with("livres 94  segurados 2  ocupados 4  seus 2  q "), "{tela:?}");
            assert_eq!(tela[2], "O mapa não cabe: pede 50 colunas e 13 linhas.", "{tela:?}");
        }
        assert!(texto(&desenho(&estado(), [50, 13], true))[12].ends_with("99  100"));
        assert_eq!(texto(&desenho(&estado(), [12, 1], true)), ["livres 94  …"]);
        for largura in [1, 2, 5, 20, 51, 77, 78, 79] {
            for altura in [1, 2, 3, 4, 12, 13, 14, 15, 40] {
                for desligado in [None, Some("o cabo".to_owned())] {
                    let mut estado = estado();
                    estado.desligado = desligado;
                    let tela = texto(&desenho(&estado, [largura, altura], true));
                    assert_eq!(tela.len(), usize::from(altura));
                }
            }
        }
    }

    #[test]
    fn desligado_diz_por_que_e_apaga_a_ultima_imagem() {
        let mut estado = estado();
        let cores = |estado: &Estado| {
            let tela = desenho(estado, [80, 24], true);
            // O assento 3, na primeira fileira do mapa.
            let celula = tela.backend().buffer().cell((13, 3)).unwrap().clone();
            (celula.symbol().to_owned(), celula.fg, celula.modifier)
        };
        assert_eq!(cores(&estado), ("*".into(), Color::Cyan, Modifier::BOLD));
        let ligada = texto(&desenho(&estado, [80, 24], true));
        estado.desligou("o servidor fechou a conexão".into());
        assert_eq!(cores(&estado), ("*".into(), Color::Reset, Modifier::DIM));
        let tela = texto(&desenho(&estado, [80, 24], true));
        assert_eq!(tela[0], "desligado de sala:1, tentando religar  versão 16  você é o cliente 7");
        assert_eq!(tela[2], "o servidor fechou a conexão");
        assert_eq!(tela[3..], ligada[3..]);
        estado.religou(Retrato { versao: Versao(20), ..estado.retrato });
        let tela = texto(&desenho(&estado, [80, 24], true));
        assert!(tela[0].starts_with("ligado a sala:1  versão 20 ") && tela[2].is_empty(), "{tela:?}");
        assert!(tela[4].contains("20: (religado: "), "{tela:?}");
    }

    #[test]
    fn sem_cores_nao_ha_estilo_nenhum() {
        let estado = estado();
        assert!(tem_estilo(&desenho(&estado, [80, 24], true)));
        assert!(!tem_estilo(&desenho(&estado, [80, 24], false)));
        assert_eq!(texto(&desenho(&estado, [80, 24], true)), texto(&desenho(&estado, [80, 24], false)));
    }
}
