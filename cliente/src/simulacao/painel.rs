//! O painel da simulação: um cliente por linha. Sem cores, nada se perde: cada cor repete uma palavra.
//!
//! Só diz o que se desenha; quem tem o terminal nas mãos é [`tela_cheia`](crate::tela_cheia).

use std::time::Duration;

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::andamento::{Andamento, Estado, Situacao};
use super::medida::tempo;

/// As linhas acima dos clientes: o título, os números e os nomes das colunas.
const CABECALHO_LINHAS: usize = 3;

/// O que cabe em `altura` linhas; se não cabem todos os clientes, a última diz quantos faltam.
pub fn linhas<'a>(titulo: &'a str, andamento: &Andamento, agora: Duration, altura: usize) -> Vec<Line<'a>> {
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
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::trabalho::Novidade;
    use super::*;
    use crate::tela_cheia::mentira::{pintada, tem_estilo, texto};

    fn desenho(clientes: u16, largura: u16, altura: u16, cores: bool) -> Terminal<TestBackend> {
        let inicio = EstadoDoToken { dono: None, cerca: Cerca(17), contador: 17, espera: 0 };
        let mut andamento = Andamento::new(clientes, &inicio);
        let concessao = Concessao { cerca: Cerca(18), contador: 17, espera: 1, prazo: 30 };
        andamento.anotar(Novidade::Pediu(1, Duration::ZERO));
        andamento.anotar(Novidade::Obteve(1, Duration::from_millis(12), concessao));
        andamento.anotar(Novidade::Pediu(2, Duration::from_millis(10)));
        let agora = Duration::from_millis(40);
        pintada([largura, altura], cores, |area| {
            linhas("Simulação", &andamento, agora, usize::from(area.height))
        })
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
        assert!(tem_estilo(&desenho(3, 80, 7, true)));
        assert!(!tem_estilo(&desenho(3, 80, 7, false)));
        assert_eq!(texto(&desenho(3, 80, 7, true)), texto(&desenho(3, 80, 7, false)));
    }
}
