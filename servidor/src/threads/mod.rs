//! Um arquivo por espécie de thread: o laço em que ela vive, e onde dorme.
//!
//! Importa tudo o que está abaixo, e ninguém a importa: quem começa as threads é [`escuta`], e quem chama [`escuta`] é o programa.

pub mod auxiliar;
pub mod carteiro;
pub mod console;
pub mod escuta;
pub mod gravador;
pub mod sessao;
pub mod vencimentos;
