//! O que se diz no fim: as esperas de cada cliente, o total e a prova, com o porquê de cada afirmação.

use std::fmt;
use std::time::Duration;

use super::andamento::Situacao;
use super::medida::tempo;
use super::prova::{Veredito, Violacao};

/// Quantas violações de cada afirmação se mostram: uma já condena, e a lista inteira afogaria a tela.
const MOSTRA_VIOLACOES_MAX: usize = 5;

/// Por que a simulação acabou.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Termino {
    /// Todos deram todas as voltas.
    Completa,
    /// Alguém mandou parar.
    Interrompida,
    /// A conexão de alguém caiu, ou o servidor recusou alguma coisa.
    Falhou,
}

/// O resumo, para `Display`.
pub struct Resumo<'a> {
    /// Os clientes, do 1 em diante.
    pub clientes: &'a [Situacao],
    /// Quanto durou.
    pub duracao: Duration,
    /// O que se provou.
    pub veredito: &'a Veredito,
    /// O contador do servidor antes da primeira volta.
    pub contador_antes: u64,
    /// O contador do programa.
    pub contador: u64,
    /// Por que acabou.
    pub termino: Termino,
}

impl fmt::Display for Resumo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tabela(f)?;
        self.total(f)?;
        match self.termino {
            Termino::Completa => writeln!(f, "Prova:")?,
            Termino::Interrompida => writeln!(f, "Interrompida. Prova do que aconteceu até ali:")?,
            Termino::Falhou => writeln!(f, "Acabou antes da hora. Prova do que aconteceu até ali:")?,
        }
        if self.veredito.cercas.is_none() {
            return writeln!(f, "  Ninguém chegou a ter o token: não há o que provar.");
        }
        self.afirmar(f, 1, &self.um_dono())?;
        self.afirmar(f, 2, &self.contadores())?;
        self.afirmar(f, 3, &self.cercas())?;
        self.ressalvas(f)?;
        let provado = self.veredito.violacoes.is_empty();
        writeln!(f, "{}", if provado { "Provado." } else { "A PROVA FALHOU." })
    }
}

impl Resumo<'_> {
    fn tabela(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ncliente  concessões  espera média  maior espera")?;
        for (posicao, cliente) in self.clientes.iter().enumerate() {
            let (media, maior) = (tempo(cliente.espera_media()), tempo(cliente.espera_maior));
            writeln!(f, "{:>7}  {:>10}  {media:>12}  {maior:>12}", posicao + 1, cliente.concessoes)?;
        }
        Ok(())
    }

    fn total(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let concessoes: u32 = self.clientes.iter().map(|cliente| cliente.concessoes).sum();
        let espera: Duration = self.clientes.iter().map(|cliente| cliente.espera_total).sum();
        let maior = self.clientes.iter().map(|cliente| cliente.espera_maior).max().unwrap_or_default();
        let media = espera.checked_div(concessoes).unwrap_or_default();
        writeln!(
            f,
            "\nTotal: {} e {} em {}.\nEspera: {} em média; a maior, {}.\n",
            plural(concessoes.into(), "concessão", "concessões"),
            plural(self.veredito.liberadas, "liberação", "liberações"),
            tempo(self.duracao),
            tempo(media),
            tempo(maior)
        )
    }

    /// Uma afirmação da prova, ou o que a derruba.
    fn afirmar(&self, f: &mut fmt::Formatter<'_>, numero: usize, afirmacao: &str) -> fmt::Result {
        let contra: Vec<&Violacao> =
            self.veredito.violacoes.iter().filter(|violacao| violacao.afirmacao() == numero).collect();
        if contra.is_empty() {
            return writeln!(f, "  {numero}. {afirmacao}");
        }
        for violacao in contra.iter().take(MOSTRA_VIOLACOES_MAX) {
            writeln!(f, "  {numero}. FALHOU: {violacao}.")?;
        }
        let faltam = contra.len().saturating_sub(MOSTRA_VIOLACOES_MAX);
        if faltam > 0 { writeln!(f, "     ... e mais {faltam}") } else { Ok(()) }
    }

    fn um_dono(&self) -> String {
        let Veredito { liberadas, vencidas, sem_resposta, .. } = self.veredito;
        match liberadas + vencidas + sem_resposta {
            1 => "Nunca houve dois donos ao mesmo tempo:\n     só houve uma posse.".to_owned(),
            posses => {
                format!(
                    "Nunca houve dois donos ao mesmo tempo:\n     das {posses} posses, nenhuma se cruza com outra."
                )
            }
        }
    }

    fn contadores(&self) -> String {
        let Veredito { liberadas, vencidas, contador, .. } = self.veredito;
        let (antes, programa) = (self.contador_antes, self.contador);
        let ressalva = if *vencidas > 0 { " (não se cobra: houve posse vencida)" } else { "" };
        let outros = if self.so_daqui() { "" } else { ", contando os outros" };
        format!(
            "Nenhuma liberação se perdeu: foram {liberadas}.\n     O contador do programa marca \
             {programa}{ressalva}, e o do servidor foi de {antes} a {contador}{outros}."
        )
    }

    /// O contador do servidor só pode ter andado por causa destes clientes.
    fn so_daqui(&self) -> bool {
        let Veredito { alheias, dono_antes, sem_resposta, .. } = self.veredito;
        *alheias == 0 && !dono_antes && *sem_resposta == 0
    }

    fn cercas(&self) -> String {
        match self.veredito.cercas {
            Some((primeira, ultima)) => {
                format!("As cercas só cresceram, sem repetir nenhuma: de {primeira} a {ultima}.")
            }
            None => String::new(),
        }
    }

    /// O que torna a prova menos exata, dito para que ninguém se engane.
    fn ressalvas(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Veredito { vencidas, sem_resposta, alheias, dono_antes, .. } = self.veredito;
        if *dono_antes {
            writeln!(f, "  Antes da primeira volta, o token já era de outro cliente.")?;
        }
        if *alheias > 0 {
            let quantas = plural(*alheias, "concessão não foi daqui", "concessões não foram daqui");
            let de_quem = match self.termino {
                Termino::Completa => "Outros clientes usaram o token ao mesmo tempo",
                _ => "Outros clientes usaram o token, ou ele coube a quem foi cortado na fila",
            };
            writeln!(f, "  {de_quem}:\n     pelas cercas que faltam, {quantas}.")?;
        }
        if *vencidas > 0 {
            let quantas = plural(*vencidas, "posse passou", "posses passaram");
            writeln!(f, "  {quantas} do prazo antes de liberar, e o servidor tirou o token, como devia.")?;
        }
        if *sem_resposta > 0 {
            let quantos = plural(*sem_resposta, "LIBERAR ficou", "LIBERAR ficaram");
            writeln!(f, "  {quantos} sem resposta: pode ter contado ou não.")?;
        }
        Ok(())
    }
}

fn plural(quantos: u64, um: &str, varios: &str) -> String {
    format!("{quantos} {}", if quantos == 1 { um } else { varios })
}

#[cfg(test)]
mod tests {
    use super::super::andamento::Estado;
    use super::super::prova::{Desfecho, Posse};
    use super::*;

    const fn ms(quantos: u64) -> Duration {
        Duration::from_millis(quantos)
    }

    fn resumo(veredito: &Veredito, termino: Termino) -> String {
        let cliente = |concessoes, total, maior| Situacao {
            estado: Estado::Acabou,
            voltas: concessoes,
            concessoes,
            espera_total: ms(total),
            espera_maior: ms(maior),
        };
        let clientes = [cliente(2, 30, 20), cliente(1, 5, 5)];
        let duracao = ms(1234);
        Resumo { clientes: &clientes, duracao, veredito, contador_antes: 5, contador: 3, termino }.to_string()
    }

    fn provado() -> Veredito {
        Veredito {
            violacoes: Vec::new(),
            liberadas: 3,
            vencidas: 0,
            sem_resposta: 0,
            alheias: 0,
            dono_antes: false,
            cercas: Some((11, 13)),
            contador: 8,
        }
    }

    #[test]
    fn prova_inteira() {
        assert_eq!(
            resumo(&provado(), Termino::Completa),
            "\ncliente  concessões  espera média  maior espera\n      \
             1           2       15,0 ms       20,0 ms\n      \
             2           1        5,0 ms        5,0 ms\n\n\
             Total: 3 concessões e 3 liberações em 1,23 s.\n\
             Espera: 11,6 ms em média; a maior, 20,0 ms.\n\n\
             Prova:\n  \
             1. Nunca houve dois donos ao mesmo tempo:\n     \
             das 3 posses, nenhuma se cruza com outra.\n  \
             2. Nenhuma liberação se perdeu: foram 3.\n     \
             O contador do programa marca 3, e o do servidor foi de 5 a 8.\n  \
             3. As cercas só cresceram, sem repetir nenhuma: de 11 a 13.\n\
             Provado.\n"
        );
    }

    #[test]
    fn prova_que_falha_diz_quem_e_quando() {
        let posse = |cliente, obteve| Posse {
            cliente,
            cerca: u64::from(cliente) + 10,
            contador: 5,
            prazo: ms(30_000),
            pediu: ms(0),
            obteve: ms(obteve),
            largou: ms(obteve + 10),
            soube: ms(obteve + 11),
            desfecho: Desfecho::Liberada(6),
        };
        let violacoes = vec![Violacao::DoisDonos(posse(3, 0), posse(4, 8)); 7];
        let texto = resumo(&Veredito { violacoes, ..provado() }, Termino::Completa);
        assert!(texto.contains("1. FALHOU: dois donos por 2,0 ms: o cliente 3 (cerca 13, de 0,000000 s a 0,010000 s) e o cliente 4 (cerca 14, de 0,008000 s"), "{texto}");
        assert!(texto.contains("... e mais 2\n") && texto.contains("  3. As cercas só"), "{texto}");
        assert!(texto.ends_with("A PROVA FALHOU.\n"));
    }

    #[test]
    fn ressalvas_sao_ditas() {
        let veredito = Veredito { alheias: 2, dono_antes: true, vencidas: 1, sem_resposta: 1, ..provado() };
        let texto = resumo(&veredito, Termino::Falhou);
        for parte in [
            "Acabou antes da hora",
            "Outros clientes usaram o token, ou",
            "2 concessões não foram daqui",
            "já era de outro",
            "1 posse passou do prazo",
            "1 LIBERAR ficou sem resposta",
            "não se cobra",
            "contando os outros",
        ] {
            assert!(texto.contains(parte), "{parte}: {texto}");
        }
        let nada = Veredito { cercas: None, liberadas: 0, ..provado() };
        assert!(resumo(&nada, Termino::Interrompida).contains("não há o que provar"));
    }
}
