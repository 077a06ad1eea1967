//! O único lugar do estresse que conhece o juiz: entrega-lhe a história e traduz o que ele diz.
//!
//! POR FAZER NA JUNÇÃO: o juiz (`tests::juiz::julgar`) ainda não está neste ramo. Até lá ninguém julga, e isto diz que
//! ninguém julgou: nunca que tudo foi cumprido.

use tests::historia::Historia;

/// O que se diz de uma prova.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Veredito {
    /// Toda promessa foi cumprida; o que se conferiu, em palavras.
    #[expect(dead_code, reason = "só o juiz absolve, e ele ainda não está aqui")]
    Cumpridas(String),
    /// As promessas que não foram, cada uma com as respostas culpadas.
    #[expect(dead_code, reason = "só o juiz condena, e ele ainda não está aqui")]
    Infracoes(Vec<String>),
    /// Ninguém julgou.
    SemJuiz,
}

/// Julga uma história.
pub const fn julgar(_historia: &Historia) -> Veredito {
    Veredito::SemJuiz
}
