//! O que se diz às pessoas: a ajuda, e as recusas com uma pista do que fazer.
//!
//! Só compõe texto, na thread do cliente e fora da seção crítica; o que precisa saber da sala veio na recusa.

use std::fmt::Write as _;

use protocolo::{Assentos, Error, Recusa, TABELA, Verbete};

use crate::sala::Negado;

/// Quantos assentos livres por perto uma recusa sugere: uma linha se lê de relance.
const SUGESTOES_MAX: u32 = 5;
/// A partir desta semelhança (0 a 1) uma palavra errada lembra uma certa.
const SEMELHANCA_MIN: f64 = 0.6;

/// A recusa da sala, com o texto para pessoas.
pub fn recusa(negado: Negado) -> Recusa {
    let Negado { erro, versao, livres } = negado;
    let mut recusa = Recusa { versao, ..Recusa::from(erro) };
    let texto = &mut recusa.texto;
    match &recusa.erro {
        Error::Ocupado(_) if livres.is_empty() => texto.push_str("; não há mais nenhum livre"),
        Error::Ocupado(assentos) => {
            // Escrever numa String não falha.
            let _ = write!(texto, "; livres por perto: {}", perto(*assentos, livres));
        }
        Error::NaoESeu(_) => texto.push_str("; LISTAR mostra os seus"),
        _ => {}
    }
    recusa
}

/// Os assentos livres mais próximos dos que se queria, em ordem crescente: alarga o cerco até haver bastantes.
fn perto(assentos: Assentos, livres: Assentos) -> Assentos {
    let suficientes = livres.len().min(SUGESTOES_MAX);
    let (mut cerco, mut achados) = (assentos, Assentos::NENHUM);
    while achados.len() < suficientes {
        cerco = cerco.com_vizinhos();
        let novos = (livres & cerco) - achados;
        // Numa sala quase cheia, quase toda volta não acha nada.
        if !novos.is_empty() {
            achados |= novos.primeiros(suficientes - achados.len());
        }
    }
    achados
}

/// Troca o texto de um comando desconhecido pela palavra parecida, se há: "você quis dizer RESERVAR?".
pub fn sugerir(mut recusa: Recusa, linha: &str) -> Recusa {
    if recusa.erro == Error::ComandoDesconhecido {
        // Em `AJUDA RESEVAR`, a palavra errada é a segunda.
        let errada =
            linha.split([' ', '\t']).find(|palavra| !palavra.is_empty() && Verbete::achar(palavra).is_none());
        if let Some(parecida) = errada.and_then(parecida) {
            recusa.texto = format!("você quis dizer {parecida}? AJUDA mostra todos os comandos");
        }
    }
    recusa
}

fn parecida(palavra: &str) -> Option<&'static str> {
    // Palavra longa demais não é engano de digitação, e comparar custa o produto dos tamanhos.
    if palavra.len() > 32 {
        return None;
    }
    let palavra = palavra.to_uppercase();
    TABELA
        .iter()
        .map(|verbete| (strsim::normalized_damerau_levenshtein(&palavra, verbete.palavra), verbete.palavra))
        .filter(|(semelhanca, _)| *semelhanca >= SEMELHANCA_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, parecida)| parecida)
}

/// As linhas de `AJUDA`.
pub fn ajuda(verbete: Option<&'static Verbete>) -> Vec<String> {
    match verbete {
        Some(verbete) => {
            let formas = verbete.formas.iter().map(|forma| format!("  {forma}"));
            let participio = format!("dando certo: {}", verbete.participio);
            [format!("{}: {}", verbete.palavra, verbete.resumo)]
                .into_iter()
                .chain(formas)
                .chain([participio])
                .collect()
        }
        None => {
            let uma = |v: &Verbete| format!("{:<10} {}", v.palavra, v.resumo);
            let fim = "Assentos: 3 7 9, 3,7,9 ou 4-6. AJUDA RESERVAR mostra como se escreve um deles.";
            TABELA.iter().map(uma).chain([fim.to_owned()]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocolo::{Assento, Comando, Versao};

    fn texto_de(linha: &str) -> String {
        sugerir(linha.parse::<Comando>().unwrap_err(), linha).texto
    }

    #[test]
    fn comando_desconhecido_sugere_o_parecido() {
        assert!(texto_de("RESEVAR 3").starts_with("você quis dizer RESERVAR?"));
        assert!(texto_de("listra").starts_with("você quis dizer LISTAR?"));
        assert!(texto_de("AJUDA CANCELA").starts_with("você quis dizer CANCELAR?"));
        assert!(texto_de("xyz").starts_with("não conheço"));
        assert!(texto_de(&"RESERVAR".repeat(100)).starts_with("não conheço"));
    }

    #[test]
    fn ocupado_sugere_os_livres_por_perto() {
        let assento = |n| Assentos::from(Assento::new(n).unwrap());
        let negado = |livres| Negado { erro: Error::Ocupado(assento(50)), versao: Some(Versao(9)), livres };
        let livres =
            assento(1) | assento(48) | assento(49) | assento(52) | assento(60) | assento(61) | assento(100);
        let linha = recusa(negado(livres)).to_string();
        assert!(linha.starts_with("ERRO OCUPADO 50 versao=9 :"), "{linha}");
        assert!(linha.ends_with("livres por perto: 48 49 52 60 61"), "{linha}");
        assert!(recusa(negado(Assentos::NENHUM)).texto.ends_with("não há mais nenhum livre"));
    }

    #[test]
    fn linhas_da_ajuda_nao_parecem_finais() {
        for verbete in [None].into_iter().chain(TABELA.iter().map(Some)) {
            for linha in ajuda(verbete) {
                assert!(!protocolo::e_final(&linha), "{linha}");
            }
        }
    }
}
