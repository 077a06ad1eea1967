//! Um servidor sem exclusão mútua, de mentira: cada pedido copia a sala, demora, e escreve a cópia por cima do que houver.

use std::time::Duration;

use protocolo::{Alvo, Assento, Assentos, ClientId, Comando, Pedido, Recusa, Resposta};
use servidor::sala::{Epoca, Sala};
use servidor::tempo::instante::Instante;

use crate::historia::{Conversa, Historia, Troca};
use crate::{Problema, por_assentos, por_versoes};
use arnes::Sorteio;

const CLIENTES: usize = 8;

/// Cada cliente faz o seu pedido, e enquanto ele demora os outros fazem os deles.
fn correr(sorteio: &mut Sorteio, pedidos: usize) -> Historia {
    let conversa = |i: usize| Conversa {
        cliente: ClientId::new(i as u64 + 1).expect("não é zero"),
        trocas: Vec::new(),
        eventos: Vec::new(),
        sobras: Vec::new(),
    };
    let mut conversas: Vec<Conversa> = (0..CLIENTES).map(conversa).collect();
    let mut sala = Sala::new(100);
    // O que cada um tem no ar: a cópia, se é para escrever, e a troca.
    let mut no_ar: Vec<Option<(Option<Sala>, Troca)>> = vec![None; CLIENTES];
    let mut agora = 0;
    for _ in 0..2 * pedidos {
        agora += 1;
        let i = sorteio.ate(CLIENTES as u64) as usize - 1;
        let hora = Duration::from_millis(agora);
        match no_ar[i].take() {
            Some((copia, mut troca)) => {
                sala = copia.unwrap_or(sala);
                troca.ouvido = hora;
                conversas[i].trocas.push(troca);
            }
            None => no_ar[i] = Some(fazer(sorteio, &sala, conversas[i].cliente, hora)),
        }
    }
    Historia { conversas, sozinha: true }
}

fn fazer(sorteio: &mut Sorteio, sala: &Sala, cliente: ClientId, hora: Duration) -> (Option<Sala>, Troca) {
    let mut copia = sala.clone();
    let agora = Instante::default();
    let assentos: Assentos = Assento::new(sorteio.ate(6) as u8).into_iter().collect();
    let (pedido, resposta) = match sorteio.ate(5) {
        1 => {
            let (quadro, versao) = copia.quadro(agora, Some(cliente), Epoca::Agora);
            (Comando::Listar, Ok(Resposta::Listado { quadro, versao }))
        }
        2 | 3 => {
            let alvo = Alvo::Estes(assentos);
            (Comando::Cancelar { alvo, cerca: None }, copia.cancelar(agora, cliente, alvo))
        }
        _ => {
            let pedido = Pedido::Todos(assentos);
            (Comando::Reservar { pedido, cerca: None }, copia.reservar(agora, cliente, pedido))
        }
    };
    let mudou = copia.versao() != sala.versao();
    let resposta = resposta.unwrap_or_else(|negado| {
        Recusa { erro: negado.erro, versao: negado.versao, texto: String::new() }.into()
    });
    (mudou.then_some(copia), Troca { pedido, enviado: hora, ouvido: hora, resposta: Some(resposta) })
}

#[test]
fn a_corrida_se_condena_com_os_tres_nomes() {
    let mut sorteio = Sorteio::novo("a_corrida_se_condena_com_os_tres_nomes");
    for _ in 0..super::rodadas(10) {
        let historia = correr(&mut sorteio, 1000);
        let veredito = por_versoes(&historia);
        for problema in
            [Problema::ReservaDuplicada, Problema::AtualizacaoPerdida, Problema::VisaoInconsistente]
        {
            assert!(veredito.quantas(problema) > 0, "{problema:?}: {veredito}");
        }
        // A busca, sozinha, também vê: e não precisa de versões.
        assert!(por_assentos(&historia).quantas(Problema::NaoLinearizavel) > 0);
    }
}
