//! As respostas como uma pessoa as lê: em português e, no terminal, com cores.
//!
//! Tudo o que vem do servidor passa por [`limpo`] antes de chegar a um terminal, e cada cor repete o que um sinal ou
//! uma palavra já diz. As cores vão sempre no texto; quem as tira, quando não cabem (`NO_COLOR`, arquivo), é a
//! `anstream`, por onde se escreve. Não lê do servidor e não decide nada.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use cliente::{Bloco, Cliente};
use protocolo::limites::FILEIRA_ASSENTOS;
use protocolo::{
    Acontecimento, Assento, Assentos, Comando, Evento, Fato, Mudanca, Quadro, Recusa, Resposta, Situacao,
    Versao,
};

/// Quanto se espera calado por uma resposta: antes disto, ninguém chega a estranhar.
pub const ESPERA_CALADA: Duration = Duration::from_millis(300);

/// O que se diz quando a resposta a esta linha demora.
pub fn espera(linha: &str) -> &'static str {
    match linha.parse() {
        Ok(Comando::Token(_) | Comando::Aguardar { .. }) => "Esperando a vez; Ctrl-C desiste.",
        _ => "Esperando a resposta; Ctrl-C desiste.",
    }
}

/// Por onde o programa escreve.
pub struct Saida {
    /// O destino, com as cores tiradas se for preciso.
    pub escrita: Box<dyn Write>,
    /// Quem lê é uma pessoa: as respostas vão em português. Senão vão como vieram, para outro programa.
    pub legivel: bool,
}

impl Saida {
    /// A saída padrão.
    pub fn padrao() -> Self {
        let legivel = io::stdout().is_terminal();
        let escrita: Box<dyn Write> = if legivel {
            Box::new(anstream::stdout())
        } else {
            // A saída padrão escreve linha a linha; cem mil respostas seriam cem mil escritas.
            Box::new(BufWriter::new(io::stdout()))
        };
        Self { escrita, legivel }
    }

    /// Mostra uma resposta.
    pub fn resposta(&mut self, bloco: &Bloco) -> io::Result<()> {
        if !self.legivel {
            return self.escrita.write_all(bloco.texto().as_bytes());
        }
        match bloco.resposta() {
            Ok(resposta) => writeln!(self.escrita, "{}", Frase(&resposta)),
            // De um servidor mais novo, talvez: melhor como veio do que nada.
            Err(_) => bloco.texto().lines().try_for_each(|linha| writeln!(self.escrita, "{}", limpo(linha))),
        }
    }

    /// Mostra uma mudança da sala.
    pub fn evento(&mut self, evento: &Evento) -> io::Result<()> {
        if self.legivel {
            writeln!(self.escrita, "{}", Aviso(evento))
        } else {
            writeln!(self.escrita, "{evento}")
        }
    }
}

const LIVRE: Style = AnsiColor::Green.on_default();
const SEGURADO: Style = AnsiColor::Yellow.on_default();
const OCUPADO: Style = AnsiColor::Red.on_default();
const SEU: Style = AnsiColor::Cyan.on_default().bold();
const FRACO: Style = Style::new().dimmed();

const fn estilo(situacao: Situacao) -> Style {
    match situacao {
        Situacao::Livre => LIVRE,
        Situacao::Segurado => SEGURADO,
        Situacao::Ocupado => OCUPADO,
        Situacao::SeuSegurado | Situacao::Seu => SEU,
    }
}

/// Troca por um escape visível o que mexeria no terminal: controles e sinais invisíveis, como os que invertem o
/// sentido do texto.
pub fn limpo(texto: &str) -> String {
    let mut limpo = String::with_capacity(texto.len());
    for letra in texto.chars() {
        match letra {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                limpo.extend(letra.escape_unicode());
            }
            _ if letra.is_control() => limpo.extend(letra.escape_unicode()),
            _ => limpo.push(letra),
        }
    }
    limpo
}

/// Uma resposta dita em português, sem o LF do fim.
pub struct Frase<'a>(pub &'a Resposta);

impl fmt::Display for Frase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Resposta::Saudacao { cliente, .. } => write!(f, "Você é o cliente {cliente}."),
            Resposta::Reservado { assentos, ocupados, versao } => {
                lista(f, ["Reservado", "Reservados"], *assentos)?;
                if !ocupados.is_empty() {
                    f.write_str(" ")?;
                    lista(f, ["Já era de outra pessoa", "Já eram de outras pessoas"], *ocupados)?;
                }
                na_versao(f, *versao)
            }
            Resposta::Segurado { assentos, expira, versao } => {
                lista(f, ["Segurado", "Segurados"], *assentos)?;
                write!(f, " Use CONFIRMAR dentro de {expira} s.")?;
                na_versao(f, *versao)
            }
            Resposta::Confirmado { assentos, versao } => {
                lista(f, ["Confirmado", "Confirmados"], *assentos)?;
                na_versao(f, *versao)
            }
            Resposta::Cancelado { assentos, versao } => {
                lista(f, ["Cancelado", "Cancelados"], *assentos)?;
                na_versao(f, *versao)
            }
            Resposta::Listado { quadro, versao } => tabela(f, quadro, *versao),
            Resposta::Mapa { quadro, versao } => mapa(f, quadro, *versao),
            Resposta::Historico { fatos, versao } => historia(f, fatos, *versao),
            Resposta::Observando { versao } => {
                f.write_str("Observando a sala; PARAR encerra.")?;
                na_versao(f, *versao)
            }
            Resposta::Parado => f.write_str("Você já não observa a sala."),
            Resposta::TokenConcedido { .. } | Resposta::TokenEstado { .. } | Resposta::Liberado { .. } => {
                token(f, self.0)
            }
            Resposta::Nome(nome) => write!(f, "Agora você se chama {nome}."),
            Resposta::Retomado(cliente) => {
                write!(f, "Você é de novo o cliente {cliente}, com tudo o que é dele.")
            }
            Resposta::Estado(pares) => estado(f, pares),
            Resposta::Ajuda(linhas) => {
                let linhas: Vec<_> = linhas.iter().map(|linha| limpo(linha)).collect();
                f.write_str(&linhas.join("\n"))
            }
            Resposta::Pong => f.write_str("O servidor está aí."),
            Resposta::AteLogo => f.write_str("Até logo! O que é seu continua seu."),
            Resposta::Recusado(recusa) => recusado(f, recusa),
        }
    }
}

fn na_versao(f: &mut fmt::Formatter<'_>, versao: Versao) -> fmt::Result {
    write!(f, " {FRACO}(versão {versao}){FRACO:#}")
}

/// `Reservado: 3.`, `Reservados: 3 7 9.` ou `Reservados: nenhum.`
fn lista(f: &mut fmt::Formatter<'_>, [um, varios]: [&str; 2], assentos: Assentos) -> fmt::Result {
    match assentos.len() {
        0 => write!(f, "{varios}: nenhum."),
        1 => write!(f, "{um}: {assentos}."),
        _ => write!(f, "{varios}: {assentos}."),
    }
}

fn recusado(f: &mut fmt::Formatter<'_>, recusa: &Recusa) -> fmt::Result {
    let texto = if recusa.texto.is_empty() { recusa.erro.explicacao() } else { limpo(&recusa.texto) };
    write!(f, "{OCUPADO}Recusado:{OCUPADO:#} {texto}")?;
    recusa.versao.map_or(Ok(()), |versao| na_versao(f, versao))
}

fn token(f: &mut fmt::Formatter<'_>, resposta: &Resposta) -> fmt::Result {
    match resposta {
        Resposta::TokenConcedido { cerca, espera, prazo, .. } => {
            write!(f, "O token é seu por {prazo} s (cerca {cerca}; {}).", esperando(*espera))
        }
        Resposta::TokenEstado { dono, cerca, contador, espera } => {
            let (espera, vezes) = (esperando(*espera), liberado(*contador));
            match dono {
                Some(dono) => {
                    write!(f, "O token está com o cliente {dono} (cerca {cerca}; {espera}; {vezes}).")
                }
                None => write!(f, "O token está livre (última cerca {cerca}; {vezes})."),
            }
        }
        Resposta::Liberado { contador, espera } => {
            write!(f, "Você liberou o token ({}; {}).", esperando(*espera), liberado(*contador))
        }
        _ => Ok(()),
    }
}

fn esperando(espera: u64) -> String {
    if espera == 0 { "ninguém esperando".to_owned() } else { format!("{espera} esperando") }
}

fn liberado(contador: u64) -> String {
    match contador {
        0 => "nunca liberado".to_owned(),
        1 => "liberado 1 vez até aqui".to_owned(),
        vezes => format!("liberado {vezes} vezes até aqui"),
    }
}

/// `LISTAR` numa tabela: a situação, quantos e quais.
fn tabela(f: &mut fmt::Formatter<'_>, quadro: &Quadro, versao: Versao) -> fmt::Result {
    for (nome, cor, assentos) in [
        ("Livres", LIVRE, quadro.livres()),
        ("Segurados", SEGURADO, quadro.segurados),
        ("Ocupados", OCUPADO, quadro.ocupados),
        ("Seus", SEU, quadro.seus),
    ] {
        write!(f, "{cor}{nome:<9}{cor:#} {:>3}", assentos.len())?;
        let espaco = if assentos.is_empty() { "" } else { "  " };
        writeln!(f, "{espaco}{}", assentos.faixas())?;
    }
    write!(f, "{FRACO}(versão {versao}){FRACO:#}")
}

/// `MAPA` em cores, com os mesmos sinais do desenho do servidor.
fn mapa(f: &mut fmt::Formatter<'_>, quadro: &Quadro, versao: Versao) -> fmt::Result {
    for assento in Assento::todos() {
        let situacao = quadro.situacao(assento);
        let (cor, sinal) = (estilo(situacao), situacao.sinal());
        let celula = format!("{sinal}{assento}");
        write!(f, " {cor}{celula:>4}{cor:#}")?;
        if assento.numero() % FILEIRA_ASSENTOS == 0 {
            f.write_str("\n")?;
        }
    }
    for (situacao, nome) in [
        (Situacao::Livre, "livre"),
        (Situacao::Ocupado, "ocupado"),
        (Situacao::Segurado, "segurado"),
        (Situacao::Seu, "seu"),
        (Situacao::SeuSegurado, "segurado, seu"),
    ] {
        let (cor, sinal) = (estilo(situacao), situacao.sinal());
        write!(f, "  {cor}{sinal}7{cor:#} {nome} ")?;
    }
    na_versao(f, versao)
}

/// `HISTORICO` numa tabela, um fato por linha: quando, o quê, quem e a versão.
fn historia(f: &mut fmt::Formatter<'_>, fatos: &[Fato], versao: Versao) -> fmt::Result {
    for Fato { quando, cliente, nome, acontecimento, versao } in fatos {
        let (cor, palavra, era) = match acontecimento {
            Acontecimento::Reservado => (OCUPADO, "reservado", ""),
            Acontecimento::Segurado { .. } => (SEGURADO, "segurado", ""),
            Acontecimento::Livre => (LIVRE, "livre", "era do "),
        };
        write!(f, "{} {}  {cor}{palavra:<9}{cor:#}  ", quando.dia(), quando.hora_do_dia())?;
        write!(f, "{era}cliente {cliente}")?;
        if let Some(nome) = nome {
            write!(f, " ({nome})")?;
        }
        if let Acontecimento::Segurado { ate } = acontecimento {
            write!(f, ", até {}", ate.hora_do_dia())?;
        }
        na_versao(f, *versao)?;
        f.write_str("\n")?;
    }
    let fim = if fatos.is_empty() { "Não há nada na história deste assento." } else { "Horas em UTC." };
    f.write_str(fim)?;
    na_versao(f, versao)
}

fn estado(f: &mut fmt::Formatter<'_>, pares: &[(String, String)]) -> fmt::Result {
    let pares: Vec<_> = pares.iter().map(|(nome, valor)| (limpo(nome), limpo(valor))).collect();
    let largura = pares.iter().map(|(nome, _)| nome.chars().count()).max().unwrap_or(0);
    for (posicao, (nome, valor)) in pares.iter().enumerate() {
        let fim = if posicao == 0 { "" } else { "\n" };
        write!(f, "{fim}{nome:<largura$}  {valor}")?;
    }
    Ok(())
}

/// Uma mudança da sala dita em português.
pub struct Aviso<'a>(pub &'a Evento);

impl fmt::Display for Aviso<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evento { versao, assentos, mudanca } = self.0;
        match mudanca {
            Mudanca::Reservado(cliente) => write!(f, "O cliente {cliente} reservou: {assentos}.")?,
            Mudanca::Segurado(cliente) => write!(f, "O cliente {cliente} segurou: {assentos}.")?,
            Mudanca::Livre => write!(f, "Ficaram livres: {assentos}.")?,
        }
        na_versao(f, *versao)
    }
}

/// Como este programa foi chamado: o que se sugere tem de funcionar quando se copia.
pub fn programa() -> String {
    std::env::args().next().unwrap_or_else(|| "cliente".into())
}

/// Como voltar a ser um cliente: sem isto, o que ele reservou não pode mais ser cancelado.
pub struct Retorno<'a>(pub &'a Cliente);

impl fmt::Display for Retorno<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cliente, chave) = (self.0.cliente(), self.0.chave());
        writeln!(f, "Você é o cliente {cliente}. Para voltar a ser você e cancelar, por exemplo:")?;
        writeln!(f, "  {} --retomar {cliente}:{chave} CANCELAR TUDO", programa())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frase(bloco: &str) -> String {
        format!("{}", Frase(&bloco.parse().unwrap()))
    }

    /// A frase como sai onde não cabem cores.
    fn sem_cores(bloco: &str) -> String {
        let mut saida = anstream::StripStream::new(Vec::new());
        write!(saida, "{}", frase(bloco)).unwrap();
        String::from_utf8(saida.into_inner()).unwrap()
    }

    #[test]
    fn respostas_viram_frases() {
        for (bloco, esperada) in [
            ("OK RESERVADO 3 7 9 versao=13", "Reservados: 3 7 9. (versão 13)"),
            ("OK RESERVADO 3 versao=13", "Reservado: 3. (versão 13)"),
            (
                "OK RESERVADO 4 OCUPADO 2 3 versao=2",
                "Reservado: 4. Já eram de outras pessoas: 2 3. (versão 2)",
            ),
            ("OK CANCELADO versao=2", "Cancelados: nenhum. (versão 2)"),
            (
                "OK SEGURADO 3 7 expira=120 versao=2",
                "Segurados: 3 7. Use CONFIRMAR dentro de 120 s. (versão 2)",
            ),
            ("ERRO OCUPADO 7 versao=13 :o assento 7 é de ana", "Recusado: o assento 7 é de ana (versão 13)"),
            ("ERRO TEMPO_ESGOTADO", "Recusado: a espera acabou antes de chegar a sua vez"),
            ("a: 1\nbcd: 23\nOK ESTADO", "a    1\nbcd  23"),
            ("um\n  dois\nOK AJUDA", "um\n  dois"),
            (
                "OK TOKEN cerca=18 contador=1 espera=2 prazo=30",
                "O token é seu por 30 s (cerca 18; 2 esperando).",
            ),
            (
                "OK TOKEN dono=7 cerca=18 contador=1 espera=2",
                "O token está com o cliente 7 (cerca 18; 2 esperando; liberado 1 vez até aqui).",
            ),
            (
                "OK TOKEN dono=livre cerca=0 contador=0 espera=0",
                "O token está livre (última cerca 0; nunca liberado).",
            ),
            (
                "OK LIBERADO contador=18 espera=0",
                "Você liberou o token (ninguém esperando; liberado 18 vezes até aqui).",
            ),
            ("OK ATE_LOGO", "Até logo! O que é seu continua seu."),
            ("OK HISTORICO versao=0", "Não há nada na história deste assento. (versão 0)"),
            (
                "2026-11-21T23:59:49.123Z cliente=7 SEGURADO ate=2026-11-22T00:01:49.123Z versao=12\n\
                 2026-11-22T00:00:01.000Z cliente=7 nome=ana RESERVADO versao=13\n\
                 2026-11-22T00:00:02.500Z cliente=7 nome=ana LIVRE versao=15\n\
                 OK HISTORICO versao=16",
                "2026-11-21 23:59:49.123  segurado   cliente 7, até 00:01:49.123 (versão 12)\n\
                 2026-11-22 00:00:01.000  reservado  cliente 7 (ana) (versão 13)\n\
                 2026-11-22 00:00:02.500  livre      era do cliente 7 (ana) (versão 15)\n\
                 Horas em UTC. (versão 16)",
            ),
        ] {
            assert_eq!(sem_cores(bloco), esperada);
        }
    }

    #[test]
    fn listar_em_tabela() {
        let bloco = "LIVRES 1-2 4-100\nSEGURADOS\nOCUPADOS 3\nSEUS 3\n\
                     OK LISTADO livres=99 segurados=0 ocupados=1 seus=1 versao=4";
        assert_eq!(
            sem_cores(bloco),
            "Livres     99  1-2 4-100\nSegurados   0\nOcupados    1  3\nSeus        1  3\n(versão 4)"
        );
    }

    #[test]
    fn mapa_tem_sinais_alem_das_cores() {
        let um = |n| Assentos::from(Assento::new(n).unwrap());
        let quadro = Quadro { segurados: um(2) | um(3), ocupados: um(1) | um(100), seus: um(3) | um(100) };
        let bloco = Resposta::Mapa { quadro, versao: Versao(5) }.to_string();
        assert!(frase(&bloco).contains('\u{1b}'));
        let desenho = sem_cores(&bloco);
        assert!(!desenho.contains('\u{1b}'));
        let linhas: Vec<_> = desenho.lines().collect();
        assert_eq!(linhas.len(), 11);
        assert_eq!(linhas[0], "   x1   ~2   +3    4    5    6    7    8    9   10");
        assert!(linhas[9].ends_with("   99 *100"));
        assert!(linhas[10].contains("x7 ocupado") && linhas[10].ends_with("(versão 5)"), "{}", linhas[10]);
    }

    #[test]
    fn o_que_vem_do_servidor_nao_mexe_no_terminal() {
        for bloco in [
            "ERRO SINTAXE :\u{1b}[2J\u{7}\u{202e}fim",
            "a\u{1b}c\nOK AJUDA",
            "a\u{9b}: \u{1b}]0;x\nOK ESTADO",
            "OK NOVIDADE \u{1b}[2J",
        ] {
            let falso = crate::falso::Falso::com_respostas(&[bloco]);
            let bloco = Cliente::conectar(falso.endereco).unwrap().pedir_linha("PING").unwrap();
            let resposta = bloco.resposta().map(|r| Frase(&r).to_string()).unwrap_or(limpo(bloco.texto()));
            let sem_cores = anstream::adapter::strip_str(&resposta).to_string();
            let visivel = |c: char| !c.is_control() && c != '\u{202e}';
            assert!(sem_cores.chars().all(visivel), "{sem_cores:?}");
            assert!(sem_cores.contains("u{"), "{sem_cores:?}");
        }
    }

    #[test]
    fn avisos_de_mudanca() {
        let aviso = |linha: &str| {
            let texto = Aviso(&linha.parse().unwrap()).to_string();
            anstream::adapter::strip_str(&texto).to_string()
        };
        assert_eq!(aviso("EVENTO 13 RESERVADO 3 7 cliente=5"), "O cliente 5 reservou: 3 7. (versão 13)");
        assert_eq!(aviso("EVENTO 14 LIVRE 3"), "Ficaram livres: 3. (versão 14)");
    }
}
