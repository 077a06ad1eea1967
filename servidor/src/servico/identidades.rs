//! Quem é quem: dá números novos aos clientes e deriva a chave de cada um.
//!
//! Não guarda uma chave por cliente: a chave é HMAC-SHA256 (RFC 2104, FIPS 198-1) do número com um segredo do
//! servidor, e conferir é derivar de novo. Não toca na sala nem no socket, e nenhuma chave vai para o log.

use std::fmt;
use std::io;

use hmac::{Hmac, KeyInit, Mac};
use protocolo::limites::CHAVE_BYTES;
use protocolo::{Chave, ClientId};
use sha2::Sha256;

use crate::base::segredo::Segredo;
use crate::base::sincronia::{AtomicU64, Ordering};
use crate::limites::CLIENTES_RESERVA;

/// Os números e as chaves dos clientes.
pub struct Identidades {
    segredo: [u8; 32],
    proximo: AtomicU64,
    /// Números até este estão gravados como dados.
    reservado: AtomicU64,
}

impl Identidades {
    /// Identidades novas, com um segredo tirado da fonte aleatória do sistema operacional.
    ///
    /// Erros: o sistema não deu bytes aleatórios.
    pub fn new() -> io::Result<Self> {
        let Segredo(segredo) = Self::segredo_novo()?;
        Ok(Self { segredo, proximo: AtomicU64::new(1), reservado: AtomicU64::new(u64::MAX) })
    }

    /// As identidades de quem já atendeu: números até `dados` não se dão outra vez, e os novos se gravam antes.
    pub const fn guardadas(segredo: &Segredo, dados: u64) -> Self {
        Self { segredo: segredo.0, proximo: AtomicU64::new(dados + 1), reservado: AtomicU64::new(dados) }
    }

    /// Um segredo novo, tirado da fonte aleatória do sistema operacional.
    ///
    /// Erros: o sistema não deu bytes aleatórios.
    pub fn segredo_novo() -> io::Result<Segredo> {
        let mut segredo = [0; 32];
        getrandom::fill(&mut segredo)
            .map_err(|erro| io::Error::other(format!("sem bytes aleatórios para as chaves: {erro}")))?;
        Ok(Segredo(segredo))
    }

    /// Garante que o número está gravado como dado, e com ele os seguintes; `gravar` recebe até que número, e diz se gravou. Diz se está.
    pub fn garantir(&self, cliente: ClientId, gravar: impl FnOnce(u64) -> bool) -> bool {
        if cliente.numero() <= self.reservado.load(Ordering::Acquire) {
            return true;
        }
        let ate = cliente.numero() + CLIENTES_RESERVA;
        let gravado = gravar(ate);
        if gravado {
            self.reservado.fetch_max(ate, Ordering::AcqRel);
        }
        gravado
    }

    /// O servidor vai parar: nenhum número além dos dados está reservado. Devolve o último dado.
    pub fn fechar(&self) -> u64 {
        let dadas = self.dadas();
        if self.reservado.load(Ordering::Acquire) < u64::MAX {
            self.reservado.store(dadas, Ordering::Release);
        }
        dadas
    }

    /// Um número que ninguém teve.
    pub fn nova(&self) -> ClientId {
        let numero = self.proximo.fetch_add(1, Ordering::Relaxed);
        ClientId::new(numero).expect("a contagem começa em 1 e não dá a volta em 2^64 conexões")
    }

    /// Quantos números já foram dados.
    pub fn dadas(&self) -> u64 {
        self.proximo.load(Ordering::Relaxed) - 1
    }

    /// A chave do cliente.
    pub fn chave(&self, cliente: ClientId) -> Chave {
        let inteira = self.mac(cliente).finalize().into_bytes();
        let mut bytes = [0; CHAVE_BYTES];
        bytes.copy_from_slice(&inteira[..CHAVE_BYTES]);
        Chave::new(bytes)
    }

    /// Diz se a chave é a do cliente, em tempo que não depende de quantos bytes acertam.
    ///
    /// Um número que nunca foi dado custa o mesmo e recebe a mesma resposta que uma chave errada.
    pub fn confere(&self, cliente: ClientId, chave: &Chave) -> bool {
        let certa = self.mac(cliente).verify_truncated_left(chave.bytes()).is_ok();
        certa & (cliente.numero() <= self.dadas())
    }

    fn mac(&self, cliente: ClientId) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.segredo).expect("HMAC aceita segredo de qualquer tamanho");
        mac.update(b"reserva cliente ");
        mac.update(&cliente.numero().to_le_bytes());
        mac
    }
}

impl fmt::Debug for Identidades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identidades").field("dadas", &self.dadas()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn chave_e_de_um_cliente_e_de_um_servidor() {
        let (aqui, ali) = (Identidades::new().unwrap(), Identidades::new().unwrap());
        let (um, dois) = (aqui.nova(), aqui.nova());
        assert_eq!((um.numero(), dois.numero(), aqui.dadas()), (1, 2, 2));
        let chave = aqui.chave(um);
        assert!(aqui.confere(um, &chave));
        assert!(!aqui.confere(dois, &chave));
        assert!(!ali.confere(um, &chave));
        let mut quase = *chave.bytes();
        quase[CHAVE_BYTES - 1] ^= 1;
        assert!(!aqui.confere(um, &Chave::new(quase)));
    }

    #[test]
    fn numero_que_nunca_foi_dado_nao_se_retoma() {
        let aqui = Identidades::new().unwrap();
        let futuro = ClientId::new(1).unwrap();
        let chave = aqui.chave(futuro);
        assert!(!aqui.confere(futuro, &chave));
        aqui.nova();
        assert!(aqui.confere(futuro, &chave));
    }
}
