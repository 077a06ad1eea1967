//! De quem é a vez de escrever no socket de uma conexão: da sessão, ou do carteiro, com a saída na mão.
//!
//! A sessão tem a vez enquanto atende, e a empresta quando vai dormir e há o que o carteiro possa dizer por ela. Quem tem a saída tem a
//! vez: não há outro modo de escrever. Não conhece o socket.

use super::saida::Saida;
use crate::base::sincronia::Mutex;

/// A vez de escrever num socket.
#[derive(Debug, Default)]
pub struct Vez {
    turno: Mutex<Turno>,
}

#[derive(Debug, Default)]
struct Turno {
    /// A saída, se a vez é do carteiro; se é da sessão, é ela que a tem.
    emprestada: Option<Saida>,
    /// O carteiro veio, e não pôde dizer tudo: a vez não era dele, ou faltava uma decisão. Fica até que venha de novo.
    deve_voltar: bool,
}

impl Vez {
    /// A sessão vai dormir, e deixa a vez com o carteiro. Diz se ele deve voltar.
    pub fn emprestar(&self, saida: Saida) -> bool {
        let mut turno = self.turno.lock();
        turno.emprestada = Some(saida);
        std::mem::take(&mut turno.deve_voltar)
    }

    /// A sessão acordou, e quer a vez de volta; espera que o carteiro acabe o que está escrevendo, que nunca demora. `None` se a vez já
    /// era dela.
    pub fn tomar(&self) -> Option<Saida> {
        self.turno.lock().emprestada.take()
    }

    /// O carteiro escreve o que puder, se a vez é dele.
    pub fn visitar<T>(&self, visita: impl FnOnce(&mut Saida) -> T) -> Option<T> {
        let mut turno = self.turno.lock();
        let feita = turno.emprestada.as_mut().map(visita);
        // Quem observa e espera por uma decisão ainda não ouviu o que mudou; os outros já ouviram tudo.
        turno.deve_voltar =
            turno.emprestada.as_ref().is_none_or(|saida| saida.observa() && saida.depende_de() > 0);
        feita
    }
}
