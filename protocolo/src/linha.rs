//! Linhas limitadas sobre qualquer `BufRead`, limpas do que um terminal acrescenta.
//!
//! Uma linha longa demais ou que não é UTF-8 é dita uma vez e jogada fora em memória constante; a leitura segue
//! na linha seguinte. Sequências de telnet (RFC 854), backspace e bytes de controle saem antes, também quando
//! chegam cortados entre dois pacotes. Não sabe o que é um comando, mas reconhece quem nem é da casa: HTTP, TLS, SSH.

use std::io::{self, BufRead};

use crate::limites::LINHA_BYTES_MAX;

/// O que se leu.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrada<'a> {
    /// Uma linha, sem o seu fim. Nunca está em branco.
    Linha(&'a str),
    /// Uma linha que passou de [`LINHA_BYTES_MAX`]; o resto dela ainda será jogado fora.
    Longa,
    /// Uma linha que não é UTF-8.
    NaoUtf8,
    /// A primeira linha é de outro protocolo (HTTP, TLS, SSH): nada mais do que vier pode ser executado.
    OutroProtocolo,
}

/// Lê linhas de `leitor`, uma por chamada.
#[derive(Debug)]
pub struct Linhas<R> {
    leitor: R,
    filtro: Filtro,
    linha: Vec<u8>,
    /// A linha corrente passou do limite, já se disse, e o que falta dela vai fora.
    descartando: bool,
    /// Ainda não se leu nenhuma linha que não estivesse em branco.
    primeira: bool,
}

impl<R: BufRead> Linhas<R> {
    /// Lê linhas de `leitor`, cujo primeiro byte é o primeiro da conexão.
    pub const fn new(leitor: R) -> Self {
        Self { leitor, filtro: Filtro::new(), linha: Vec::new(), descartando: false, primeira: true }
    }

    /// De onde se lê.
    pub const fn leitor(&mut self) -> &mut R {
        &mut self.leitor
    }

    /// Diz se há um pedido pela metade: bytes de uma linha, uma linha sendo jogada fora, ou uma sequência de telnet
    /// aberta. A negociação que um telnet manda sozinho, inteira, não é pedido nenhum.
    pub fn comecada(&self) -> bool {
        let bytes = !self.filtro.linha_entregue && !self.linha.is_empty();
        bytes || self.descartando || self.filtro.telnet != Telnet::Fora
    }

    /// A próxima linha que não está em branco; `None` no fim do arquivo.
    ///
    /// O que vier depois do último LF também é uma linha. Erros são os do leitor; depois de um deles, pode-se
    /// chamar de novo, e a leitura continua de onde parou.
    pub fn proxima(&mut self) -> io::Result<Option<Entrada<'_>>> {
        loop {
            let fim = match self.juntar()? {
                Junta::Fim => true,
                Junta::Linha => false,
                Junta::Longa => return Ok(Some(self.entregar_longa())),
                Junta::Tls => return Ok(Some(Entrada::OutroProtocolo)),
            };
            if self.descartando {
                self.descartando = false;
            } else if !em_branco(&self.linha) {
                break;
            }
            self.linha.clear();
            if fim {
                return Ok(None);
            }
        }
        Ok(Some(self.entregar()))
    }

    /// Junta bytes em `linha` até haver o que dizer.
    fn juntar(&mut self) -> io::Result<Junta> {
        if self.filtro.linha_entregue {
            self.linha.clear();
            self.filtro.linha_entregue = false;
        }
        loop {
            let bytes = match self.leitor.fill_buf() {
                Ok(bytes) => bytes,
                Err(erro) if erro.kind() == io::ErrorKind::Interrupted => continue,
                Err(erro) => return Err(erro),
            };
            if bytes.is_empty() {
                return Ok(Junta::Fim);
            }
            let (usados, junta) = self.filtro.passar(bytes, &mut self.linha, self.descartando);
            self.leitor.consume(usados);
            if let Some(junta) = junta {
                return Ok(junta);
            }
        }
    }

    fn entregar_longa(&mut self) -> Entrada<'_> {
        // Se o LF já veio, a linha acabou aqui; se não, o resto dela vai fora.
        self.descartando = !self.filtro.acabou_em_lf;
        let estranha = std::mem::take(&mut self.primeira)
            && (de_outro_protocolo(&self.linha) || tem_caminho(&self.linha));
        self.linha.clear();
        if estranha { Entrada::OutroProtocolo } else { Entrada::Longa }
    }

    fn entregar(&mut self) -> Entrada<'_> {
        self.filtro.linha_entregue = true;
        if std::mem::take(&mut self.primeira) && de_outro_protocolo(&self.linha) {
            return Entrada::OutroProtocolo;
        }
        std::str::from_utf8(&self.linha).map_or(Entrada::NaoUtf8, Entrada::Linha)
    }
}

fn em_branco(linha: &[u8]) -> bool {
    linha.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Diz se a primeira linha de uma conexão é um pedido HTTP ou o cumprimento de um SSH.
///
/// Um navegador escolhe o método livremente (`fetch` aceita `RESERVAR` como método): por isso olha-se também a
/// versão, no fim.
fn de_outro_protocolo(linha: &[u8]) -> bool {
    const METODOS: [&[u8]; 10] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI"];
    let metodo = palavras(linha).next().unwrap_or_default();
    let versao = palavras(linha).last().and_then(|palavra| palavra.get(..5));
    METODOS.iter().any(|m| metodo.eq_ignore_ascii_case(m))
        || versao.is_some_and(|v| v.eq_ignore_ascii_case(b"HTTP/"))
        || metodo.starts_with(b"SSH-")
}

/// Diz se a segunda palavra é um caminho: numa primeira linha cortada pelo limite, a versão de HTTP não aparece.
fn tem_caminho(linha: &[u8]) -> bool {
    palavras(linha).nth(1).is_some_and(|palavra| palavra.starts_with(b"/"))
}

fn palavras(linha: &[u8]) -> impl Iterator<Item = &[u8]> {
    linha.split(|b| matches!(b, b' ' | b'\t')).filter(|palavra| !palavra.is_empty())
}

/// Por que se parou de juntar.
enum Junta {
    Linha,
    Longa,
    Tls,
    Fim,
}

/// Onde se está numa sequência de telnet (RFC 854 e 855).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Telnet {
    /// Fora de sequência.
    Fora,
    /// Depois de IAC.
    Iac,
    /// Depois de IAC e WILL, WONT, DO ou DONT: falta o byte da opção.
    Opcao,
    /// Dentro de uma subnegociação, até IAC SE.
    Sub,
    /// Depois de IAC, dentro de uma subnegociação.
    SubIac,
}

/// Byte a byte, tira o que um terminal acrescenta; o estado atravessa os pacotes.
#[derive(Debug)]
struct Filtro {
    telnet: Telnet,
    /// O último byte foi CR: se o próximo for LF, os dois são o fim da linha.
    depois_de_cr: bool,
    /// O primeiro byte da conexão foi o de um registro TLS; `None` depois de se ver o segundo.
    talvez_tls: Option<bool>,
    /// A última linha acabou em LF, e não por falta de espaço.
    acabou_em_lf: bool,
    /// A linha em memória já foi entregue: a próxima leitura começa outra.
    linha_entregue: bool,
}

impl Filtro {
    const IAC: u8 = 255;
    const WILL_A_DONT: std::ops::RangeInclusive<u8> = 251..=254;
    const SB: u8 = 250;
    const SE: u8 = 240;
    const BACKSPACE: u8 = 8;
    const DEL: u8 = 127;
    /// Como começa um cumprimento de TLS: tipo 22 (handshake) e versão 3.x.
    const TLS: [u8; 2] = [0x16, 0x03];

    const fn new() -> Self {
        Self {
            telnet: Telnet::Fora,
            depois_de_cr: false,
            talvez_tls: Some(false),
            acabou_em_lf: false,
            linha_entregue: false,
        }
    }

    /// Passa bytes para `linha`, os que são dela, até haver por que parar; diz quantos usou.
    fn passar(&mut self, bytes: &[u8], linha: &mut Vec<u8>, descartando: bool) -> (usize, Option<Junta>) {
        let mut usados = 0;
        while let Some(byte) = bytes.get(usados) {
            // Quase toda linha é uma corrida de bytes comuns: vai inteira de uma vez.
            let corrida = if self.neutro() { comuns(&bytes[usados..]) } else { 0 };
            let junta = if corrida == 0 {
                usados += 1;
                self.passar_um(*byte, linha, descartando)
            } else {
                usados += corrida;
                self.guardar(&bytes[usados - corrida..usados], linha, descartando)
            };
            if junta.is_some() {
                return (usados, junta);
            }
        }
        (usados, None)
    }

    /// Fora de sequência de telnet, e depois dos dois primeiros bytes da conexão.
    fn neutro(&self) -> bool {
        self.telnet == Telnet::Fora && self.talvez_tls.is_none()
    }

    fn passar_um(&mut self, byte: u8, linha: &mut Vec<u8>, descartando: bool) -> Option<Junta> {
        if let Some(talvez) = self.talvez_tls {
            if talvez && byte == Self::TLS[1] {
                return Some(Junta::Tls);
            }
            self.talvez_tls = (!talvez && byte == Self::TLS[0]).then_some(true);
        }
        if self.telnet == Telnet::Iac && byte < Self::SE {
            // Depois de IAC só vêm comandos de 240 em diante: este IAC estava sozinho, e o byte é o que parece. Um LF,
            // por exemplo, acaba a linha.
            self.telnet = Telnet::Fora;
        }
        if self.telnet != Telnet::Fora || byte == Self::IAC {
            return if self.e_dado(byte) { self.guardar(&[byte], linha, descartando) } else { None };
        }
        let veio_cr = std::mem::replace(&mut self.depois_de_cr, byte == b'\r');
        match byte {
            b'\n' => {
                let fim = if veio_cr { 2 } else { 1 };
                self.acabou_em_lf = true;
                let longa = !descartando && linha.len() + fim > LINHA_BYTES_MAX;
                Some(if longa { Junta::Longa } else { Junta::Linha })
            }
            Self::BACKSPACE | Self::DEL => {
                apagar_letra(linha);
                None
            }
            b'\t' | 32.. => self.guardar(&[byte], linha, descartando),
            _ => None,
        }
    }

    /// Anda na sequência de telnet; diz se o byte é, afinal, um dado (IAC IAC é um 255 de verdade).
    fn e_dado(&mut self, byte: u8) -> bool {
        let antes = self.telnet;
        self.telnet = match (antes, byte) {
            (Telnet::Fora, _) => Telnet::Iac,
            (Telnet::Iac, Self::SB) => Telnet::Sub,
            (Telnet::Iac, b) if Self::WILL_A_DONT.contains(&b) => Telnet::Opcao,
            (Telnet::Iac | Telnet::Opcao, _) | (Telnet::SubIac, Self::SE) => Telnet::Fora,
            (Telnet::Sub, Self::IAC) => Telnet::SubIac,
            (Telnet::Sub | Telnet::SubIac, _) => Telnet::Sub,
        };
        antes == Telnet::Iac && byte == Self::IAC
    }

    /// Põe os bytes na linha; diz que ela é longa se não cabem, e então ficam os que couberam.
    fn guardar(&mut self, bytes: &[u8], linha: &mut Vec<u8>, descartando: bool) -> Option<Junta> {
        self.depois_de_cr = false;
        self.acabou_em_lf = false;
        if descartando {
            return None;
        }
        let cabem = bytes.len().min(LINHA_BYTES_MAX - linha.len());
        linha.extend_from_slice(&bytes[..cabem]);
        (cabem < bytes.len()).then_some(Junta::Longa)
    }
}

/// Quantos bytes, do primeiro em diante, são só texto.
fn comuns(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !COMUM[usize::from(*byte)]).unwrap_or(bytes.len())
}

/// Quais bytes são texto: os que não são de controle, nem DEL, nem IAC; e a tabulação, que separa palavras.
static COMUM: [bool; 256] = {
    let mut comum = [true; 256];
    let mut byte = 0;
    while byte < 32 {
        comum[byte] = byte == b'\t' as usize;
        byte += 1;
    }
    comum[Filtro::DEL as usize] = false;
    comum[Filtro::IAC as usize] = false;
    comum
};

/// Apaga a última letra da linha: um caractere UTF-8 inteiro, não só o seu último byte.
fn apagar_letra(linha: &mut Vec<u8>) {
    while let Some(byte) = linha.pop() {
        if byte & 0b1100_0000 != 0b1000_0000 {
            break;
        }
    }
}

#[cfg(test)]
mod tests;
