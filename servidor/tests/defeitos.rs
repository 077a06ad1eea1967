//! A prova de que os modelos acham defeitos: com cada um dos de `servidor::base::defeitos` ligado, o explorador o encontra.
//!
//! São os mesmos modelos de `tests/modelos`. Aqui eles rodam também sem defeito nenhum, e passam.
//!
//! `cargo test -p servidor --features defeitos --test defeitos`

#[path = "modelos/comum.rs"]
mod comum;
#[path = "modelos/esperas.rs"]
mod esperas;
#[path = "modelos/parada.rs"]
mod parada;
#[path = "modelos/prazos.rs"]
mod prazos;

use servidor::base::defeitos::{Defeito, com};

/// Entrega: liberar e entregar não são um instante só.
#[test]
#[should_panic(expected = "quem chegou passou à frente de quem esperava")]
fn acha_a_entrega_noutra_secao_critica() {
    com(Defeito::EntregaDepois, esperas::quem_chega_nao_passa_a_frente);
}

/// Prazo contra confirmação: só a thread dos prazos olha o prazo.
#[test]
#[should_panic(expected = "confirmou o que já tinha vencido")]
fn acha_a_confirmacao_que_nao_olha_o_prazo() {
    com(Defeito::ConfirmaVencido, prazos::confirmar_no_fim_do_prazo_contra_vencer);
}

/// Parada contra espera: quem estava na fila não é avisado.
#[test]
#[should_panic(expected = "deadlock")]
fn acha_a_parada_que_nao_acorda() {
    com(Defeito::ParadaCalada, parada::parada_contra_espera_pelo_token);
}

/// Aviso perdido: ver que nada chegou e dormir não são um instante só.
#[test]
#[should_panic(expected = "deadlock")]
fn acha_o_aviso_perdido() {
    com(Defeito::DormeDepois, esperas::cada_um_recebe_uma_vez_e_na_ordem);
}
