//! O grafo de quem espera por quem: um impasse é um ciclo nele. Não conhece a sala nem fecha as travas dela.
//!
//! Só quem espera está no grafo, e entra antes de esperar, com a lista do que tem na mão. Enquanto está nele não solta
//! nada; por isso cada seta é verdadeira, e quem completa um ciclo o vê inteiro, na hora.

use std::sync::Barrier;
use std::{fmt, mem, thread};

use parking_lot::Mutex;

use crate::sala::FILEIRAS;
use crate::tecnicas::{Exclusao, SemOrdem};
use juiz::intervalos::Quem;

/// Uma seta do ciclo: quem espera, pelo quê, e quem o tem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elo {
    /// Quem espera.
    pub quem: Quem,
    /// A fileira que ela tem, e que a anterior no ciclo espera. Fileiras contam-se de zero.
    pub tem: usize,
    /// A fileira por que espera.
    pub espera: usize,
    /// Quem tem essa fileira: a seguinte no ciclo.
    pub dona: Quem,
}

impl fmt::Display for Elo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quem, tem, espera, dona } = self;
        write!(f, "{quem} tem a fileira {} e espera a {}, que é da {dona}", tem + 1, espera + 1)
    }
}

/// Um impasse: cada thread espera pela seguinte, e a última pela primeira, que é quem o fechou e desistiu.
pub type Ciclo = Vec<Elo>;

/// O que se achou até agora.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Impasses {
    /// Quantos impasses.
    pub quantos: u64,
    /// O primeiro deles.
    pub primeiro: Option<Ciclo>,
    /// Quantas esperas só acabaram pelo prazo: um impasse que o grafo não viu, ou uma máquina muito ocupada.
    pub prazos: u64,
}

/// Quem espera, com o quê na mão, e pelo quê.
#[derive(Clone, Copy, Debug)]
struct Espera {
    tem: [bool; FILEIRAS],
    quer: usize,
}

/// O grafo.
#[derive(Debug)]
pub struct Esperas(Mutex<Grafo>);

#[derive(Debug)]
struct Grafo {
    /// Por thread.
    esperas: Vec<Option<Espera>>,
    achados: Impasses,
}

impl Esperas {
    /// Um grafo em que ninguém espera.
    pub fn new(threads: usize) -> Self {
        Self(Mutex::new(Grafo { esperas: vec![None; threads], achados: Impasses::default() }))
    }

    /// Anota que `quem` tem estas fileiras e vai esperar por outra, até que se solte o que se devolve.
    ///
    /// `None`: essa espera fecharia um ciclo, que fica anotado; quem chamou tem de soltar o que tem.
    pub fn entrar(&self, quem: Quem, tem: [bool; FILEIRAS], quer: usize) -> Option<NoGrafo<'_>> {
        let mut grafo = self.0.lock();
        grafo.esperas[quem.0] = Some(Espera { tem, quer });
        let Some(ciclo) = ciclo(&grafo.esperas, quem) else { return Some(NoGrafo { grafo: &self.0, quem }) };
        grafo.esperas[quem.0] = None;
        grafo.achados.quantos += 1;
        grafo.achados.primeiro.get_or_insert(ciclo);
        None
    }

    /// Anota que uma espera acabou pelo prazo.
    pub fn anotar_prazo(&self) {
        self.0.lock().achados.prazos += 1;
    }

    /// O que se achou até agora.
    pub fn achados(&self) -> Impasses {
        self.0.lock().achados.clone()
    }
}

/// Uma espera que está no grafo; sai dele ao ser solta.
#[derive(Debug)]
pub struct NoGrafo<'a> {
    grafo: &'a Mutex<Grafo>,
    quem: Quem,
}

impl Drop for NoGrafo<'_> {
    fn drop(&mut self) {
        self.grafo.lock().esperas[self.quem.0] = None;
    }
}

/// O ciclo em que `primeira` está, se está em algum. De cada uma sai no máximo uma seta: basta segui-las.
fn ciclo(esperas: &[Option<Espera>], primeira: Quem) -> Option<Ciclo> {
    let mut elos = Ciclo::new();
    let mut quem = primeira;
    while elos.len() < esperas.len() {
        let espera = esperas[quem.0]?.quer;
        let tem_essa = |outra: &Option<Espera>| outra.is_some_and(|outra| outra.tem[espera]);
        let dona = Quem(esperas.iter().position(tem_essa)?);
        let tem = elos.last().map_or(espera, |anterior| anterior.espera);
        elos.push(Elo { quem, tem, espera, dona });
        if dona == primeira {
            elos[0].tem = espera;
            return Some(elos);
        }
        quem = dona;
    }
    None
}

/// Provoca um impasse entre tantas threads (de 2 a 10), sempre o mesmo: cada uma toma a sua fileira, espera que todas
/// tenham a delas, e quer a seguinte. Devolve quando todas acabaram, com o que se achou.
pub fn provocar(threads: usize) -> Impasses {
    assert!((2..=FILEIRAS).contains(&threads), "de 2 a {FILEIRAS} threads, e não {threads}");
    let sala = SemOrdem::new(threads);
    let todas_tem_uma = Barrier::new(threads);
    thread::scope(|escopo| {
        for numero in 0..threads {
            let (sala, todas_tem_uma) = (&sala, &todas_tem_uma);
            escopo.spawn(move || {
                let ordem = [numero, (numero + 1) % threads].into_iter();
                // Quem desiste toma a sua fileira outra vez, mas a barreira é de uma vez só.
                let mut falta_encontrar = true;
                sala.fechar_em_ordem(Quem(numero), &ordem, |_| {
                    if mem::take(&mut falta_encontrar) {
                        todas_tem_uma.wait();
                    }
                });
            });
        }
    });
    sala.impasses()
}

#[cfg(test)]
mod tests {
    use std::array;

    use super::*;

    fn espera(tem: &[usize], quer: usize) -> Option<Espera> {
        Some(Espera { tem: array::from_fn(|fileira| tem.contains(&fileira)), quer })
    }

    fn elo(quem: usize, tem: usize, espera: usize, dona: usize) -> Elo {
        Elo { quem: Quem(quem), tem, espera, dona: Quem(dona) }
    }

    #[test]
    fn espera_em_cadeia_nao_e_impasse() {
        // 0 espera por 1, que espera por 2, que não espera: quem está na seção crítica não está no grafo.
        let esperas = [espera(&[1], 2), espera(&[2, 3], 4), None];
        for quem in 0..3 {
            assert_eq!(ciclo(&esperas, Quem(quem)), None);
        }
    }

    #[test]
    fn ciclo_diz_o_que_cada_uma_tem_e_espera() {
        let esperas = [espera(&[1, 5], 2), None, espera(&[2, 3], 4), espera(&[0, 4, 6], 5), espera(&[7], 6)];
        let esperado = vec![elo(0, 5, 2, 2), elo(2, 2, 4, 3), elo(3, 4, 5, 0)];
        assert_eq!(ciclo(&esperas, Quem(0)), Some(esperado));
        // A última espera por uma do ciclo, mas não está nele.
        assert_eq!(ciclo(&esperas, Quem(4)), None);
        let texto = elo(2, 1, 4, 6).to_string();
        assert_eq!(texto, "thread 3 tem a fileira 2 e espera a 5, que é da thread 7");
    }

    #[test]
    fn grafo_esquece_quem_deixou_de_esperar() {
        let esperas = Esperas::new(2);
        let so = |qual| array::from_fn(|fileira| fileira == qual);
        drop(esperas.entrar(Quem(0), so(0), 1).expect("não há ciclo"));
        let _uma = esperas.entrar(Quem(1), so(1), 0).expect("a outra já não espera");
        assert!(esperas.entrar(Quem(0), so(0), 1).is_none(), "esta fecha o ciclo");
        let achados = esperas.achados();
        assert_eq!((achados.quantos, achados.prazos), (1, 0));
        assert_eq!(achados.primeiro, Some(vec![elo(0, 0, 1, 1), elo(1, 1, 0, 0)]));
    }

    #[test]
    fn impasse_provocado_e_achado_inteiro_e_acaba() {
        for threads in [2, 3, 10] {
            let achados = provocar(threads);
            let mut ciclo = achados.primeiro.expect("o impasse é certo");
            ciclo.sort_by_key(|elo| elo.quem);
            let esperado: Ciclo = (0..threads)
                .map(|quem| elo(quem, quem, (quem + 1) % threads, (quem + 1) % threads))
                .collect();
            assert_eq!(ciclo, esperado);
            assert_eq!(achados.prazos, 0, "quem acaba com o impasse é o grafo, e não o prazo");
        }
    }
}
