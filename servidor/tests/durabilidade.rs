//! O que o servidor diz enquanto não está gravado, e quando não se pode gravar: o servidor neste processo, com um armazém que
//! falha e espera quando se manda.

#![cfg(not(feature = "shuttle"))]
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "um teste para onde não consegue seguir")]

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arnes::caprichoso::Caprichoso;
use arnes::espera::esperar;
use protocolo::{Assento, Assentos, Cerca, ClientId, Evento, Mudanca, Versao};
use servidor::armazem::Falha;
use servidor::base::segredo::Segredo;
use servidor::base::sincronia::Arc;

use arnes::Sorteio;
use arnes::terminal::{Terminal, valor};
use servidor::sala::registro::{Guardado, Ocupacao};
use servidor::tempo::momento::Momento;
use servidor::tempo::relogio::Relogio;
use servidor::{Config, Parada, Servico};

/// Quanto se olha para ver que uma resposta ainda não veio.
const UM_POUCO: Duration = Duration::from_millis(100);

/// Um servidor que se guarda nesta memória; para ao ser solto.
struct Ligado {
    endereco: SocketAddr,
    servico: Arc<Servico>,
    memoria: Caprichoso,
    parada: Parada,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Ligado {
    fn novo() -> Self {
        let relogio = Relogio::new();
        Self::com(&Guardado::vazio(Segredo([7; 32]), relogio.hora()), relogio)
    }

    fn com(guardado: &Guardado, relogio: Relogio) -> Self {
        let escuta = TcpListener::bind("127.0.0.1:0").unwrap();
        let endereco = escuta.local_addr().unwrap();
        let memoria = Caprichoso::new(guardado.clone());
        let [grava, le] = [memoria.clone(), memoria.clone()].map(Box::new);
        let servico = Arc::new(Servico::guardado(Config::default(), guardado, grava, le, relogio));
        let parada = Parada::new();
        let (seu, sinal) = (Arc::clone(&servico), parada.clone());
        let corpo = move || servidor::executar(escuta, &seu, &sinal);
        let thread = thread::Builder::new().name("servidor".into()).spawn(corpo);
        Self { endereco, servico, memoria, parada, thread: Some(thread.unwrap()) }
    }

    fn entrar(&self) -> Terminal {
        Terminal::entrar(self.endereco)
    }

    /// A versão da sala, com o que ainda não está gravado.
    fn versao(&self) -> u64 {
        self.servico.monitor.retrato_da_sala(self.servico.relogio.agora()).versao.0
    }

    /// O lote que chegar espera; quando for solto, falha.
    fn prender_e_falhar(&self) {
        self.memoria.prender();
        self.memoria.falhar_ate_sarar(cheio());
    }
}

impl Drop for Ligado {
    fn drop(&mut self) {
        self.memoria.soltar();
        self.parada.pedir();
        if let Some(thread) = self.thread.take() {
            let fim = thread.join();
            assert!(thread::panicking() || fim.unwrap().is_ok(), "o servidor parou com erro");
        }
    }
}

fn cheio() -> Falha {
    Falha::Indisponivel("não há espaço no disco".into())
}

/// A linha final, sem o texto para pessoas.
fn sem_texto(linha: &str) -> &str {
    linha.split(" :").next().unwrap()
}

/// Pede que espere a vez, e acaba quando já está na fila.
fn ficar_na_fila(terminal: &mut Terminal, pedido: &str) {
    // O que se respondeu antes só sai quando o pedido seguinte vai esperar.
    terminal.enviar(&format!("PING\n{pedido}"));
    assert_eq!(terminal.ler_linha(), "OK PONG");
}

/// Enquanto um lote se grava, tudo o mais se junta no seguinte.
#[test]
fn muitos_clientes_poucos_lotes() {
    let servidor = Ligado::novo();
    let mut todos: Vec<Terminal> = (0..40).map(|_| servidor.entrar()).collect();
    let antes = servidor.memoria.gravados();
    servidor.memoria.prender();
    todos[0].enviar("RESERVAR 1");
    servidor.memoria.esperar_um_preso();
    (2..).zip(&todos[1..]).for_each(|(assento, um)| um.enviar(&format!("RESERVAR {assento}")));
    esperar("todos pedirem", || servidor.versao() == 40);
    servidor.memoria.soltar();
    for (assento, um) in (1..).zip(&mut todos) {
        assert!(um.ler_linha().starts_with(&format!("OK RESERVADO {assento} versao=")));
    }
    let depois = servidor.memoria.gravados();
    assert_eq!((depois.lotes - antes.lotes, depois.registros - antes.registros), (2, 40));
}

/// Com o lote por gravar, quem não o pediu vê a sala do disco, já; quem o pediu espera, e quem depende dele também.
#[test]
fn nada_se_diz_antes_de_gravado() {
    let servidor = Ligado::novo();
    let [mut ana, mut bia, mut caio, mut dora, mut eva] = [(); 5].map(|()| servidor.entrar());
    assert_eq!(bia.pedir("RESERVAR 50 51"), "OK RESERVADO 50 51 versao=1");
    assert_eq!(caio.pedir("OBSERVAR"), "OK OBSERVANDO versao=1");
    servidor.memoria.prender();
    ana.enviar("RESERVAR 1");
    servidor.memoria.esperar_um_preso();
    bia.enviar("CANCELAR 51");
    esperar("os dois mudarem a sala", || servidor.versao() == 3);

    let lista = dora.pedir_tudo("LISTAR");
    assert_eq!(lista.dados[..3], ["LIVRES 1-49 52-100", "SEGURADOS", "OCUPADOS 50-51"]);
    assert!(lista.fim.ends_with(" versao=1"), "{lista:?}");
    assert_eq!(sem_texto(&dora.pedir("RESERVAR 50")), "ERRO OCUPADO 50 versao=1");
    assert_eq!(sem_texto(&dora.pedir("CANCELAR 50")), "ERRO NAO_E_SEU 50 versao=1");
    // Quem observa ainda não soube de nada: entre os pedidos dele não vem evento nenhum.
    assert_eq!(caio.pedir("PING"), "OK PONG");
    // Na versão 1 o 51 também era da outra pessoa.
    assert_eq!(sem_texto(&dora.pedir("RESERVAR 50 51")), "ERRO OCUPADO 50 51 versao=1");
    eva.enviar("RESERVAR 1");
    for um in [&mut ana, &mut bia, &mut eva] {
        assert_eq!(um.ler_se_vier(UM_POUCO), None);
    }

    servidor.memoria.soltar();
    assert_eq!(ana.ler_linha(), "OK RESERVADO 1 versao=2");
    assert_eq!(bia.ler_linha(), "OK CANCELADO 51 versao=3");
    assert_eq!(sem_texto(&eva.ler_linha()), "ERRO OCUPADO 1 versao=3");
    assert_eq!(caio.ler_linha(), format!("EVENTO 2 RESERVADO 1 cliente={}", ana.cliente));
    assert_eq!(caio.ler_linha(), "EVENTO 3 LIVRE 51");
}

/// Quem mudou a sala e ainda não ouviu continua a ver o que fez: não volta atrás no mesmo lote de pedidos.
#[test]
fn quem_pediu_ve_o_que_fez() {
    let servidor = Ligado::novo();
    let mut ana = servidor.entrar();
    ana.enviar("RESERVAR 1\nLISTAR");
    assert_eq!(ana.ler_linha(), "OK RESERVADO 1 versao=1");
    assert_eq!(ana.ler_resposta().dados[3], "SEUS 1");
}

/// Quem já observa e pede OBSERVAR outra vez, com um pedido por gravar, não ouve a versão de uma sala que se desfaz.
#[test]
fn observar_de_novo_nao_diz_o_que_se_desfaz() {
    let servidor = Ligado::novo();
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("OBSERVAR"), "OK OBSERVANDO versao=0");
    servidor.prender_e_falhar();
    ana.enviar("RESERVAR 1\nOBSERVAR");
    servidor.memoria.esperar_um_preso();
    servidor.memoria.soltar();
    assert_eq!(sem_texto(&ana.ler_linha()), "ERRO INDISPONIVEL versao=0");
    assert_eq!(ana.ler_linha(), "OK OBSERVANDO versao=0");
}

/// Um lote recusado: cada pedido tem a sua resposta, na ordem, e os que dependiam dele dizem que nada foi feito.
#[test]
fn lote_recusado_responde_a_todos_em_ordem() {
    let servidor = Ligado::novo();
    let mut ana = servidor.entrar();
    servidor.prender_e_falhar();
    ana.enviar("PING\nRESERVAR 1\nPING\nRESERVAR 2\nLISTAR\nRESERVAR 0\nTOKEN SOLICITAR");
    servidor.memoria.esperar_um_preso();
    let agora = || servidor.servico.relogio.agora();
    esperar("tudo ser atendido", || {
        let estado = servidor.servico.monitor.retrato_do_token(agora()).estado.to_string();
        estado.contains(&format!("dono={}", ana.cliente))
    });
    servidor.memoria.soltar();
    let respostas: Vec<String> = (0..7).map(|_| ana.ler_resposta().fim).collect();
    let certas = [
        "OK PONG",
        "ERRO INDISPONIVEL versao=0",
        "OK PONG",
        "ERRO INDISPONIVEL versao=0",
        "ERRO INDISPONIVEL versao=0",
        "ERRO ASSENTO_INVALIDO 0",
        "ERRO INDISPONIVEL versao=0",
    ];
    assert_eq!(respostas.iter().map(|r| sem_texto(r)).collect::<Vec<_>>(), certas);
    assert!(ana.pedir("LISTAR").starts_with("OK LISTADO livres=100 "));
    assert!(ana.pedir("TOKEN ESTADO").starts_with("OK TOKEN dono=livre "));
    // Com o disco de volta, a versão que ninguém ouviu é dada a outra mudança; a cerca, não.
    servidor.memoria.sarar();
    assert_eq!(ana.pedir("RESERVAR 9"), "OK RESERVADO 9 versao=1");
    assert_eq!(valor(&ana.pedir("TOKEN SOLICITAR"), "cerca"), "2");
    assert_eq!(servidor.memoria.guardado().cerca, Cerca(2));
}

/// O assento que ia passar a quem o esperava fica com quem o tinha; quem esperava ouve que não, e pode pedir de novo.
/// Muitas respostas de um lote são escritas por outra thread: também elas dizem a verdade.
#[test]
fn lote_recusado_a_muitos() {
    let servidor = Ligado::novo();
    let mut todos: Vec<Terminal> = (0..24).map(|_| servidor.entrar()).collect();
    servidor.prender_e_falhar();
    (1..).zip(&todos).for_each(|(assento, um)| um.enviar(&format!("RESERVAR {assento}\nPING")));
    esperar("todos mudarem a sala", || servidor.versao() == todos.len() as u64);
    servidor.memoria.soltar();
    for um in &mut todos {
        assert_eq!(sem_texto(&um.ler_linha()), "ERRO INDISPONIVEL versao=0");
        assert_eq!(um.ler_linha(), "OK PONG");
    }
    servidor.memoria.sarar();
    for (assento, um) in (1..).zip(&mut todos) {
        let sim = um.pedir(&format!("RESERVAR {assento}"));
        assert_eq!(sim, format!("OK RESERVADO {assento} versao={assento}"));
    }
}

#[test]
fn entrega_num_lote_recusado() {
    let servidor = Ligado::novo();
    let [mut ana, mut bia, mut caio] = [(); 3].map(|()| servidor.entrar());
    assert_eq!(ana.pedir("RESERVAR 1"), "OK RESERVADO 1 versao=1");
    ficar_na_fila(&mut bia, "AGUARDAR 1");
    ficar_na_fila(&mut caio, "AGUARDAR 1");
    servidor.prender_e_falhar();
    ana.enviar("CANCELAR 1");
    servidor.memoria.esperar_um_preso();
    assert_eq!(bia.ler_se_vier(UM_POUCO), None);
    servidor.memoria.soltar();
    assert_eq!(sem_texto(&ana.ler_linha()), "ERRO INDISPONIVEL versao=1");
    assert_eq!(sem_texto(&bia.ler_linha()), "ERRO INDISPONIVEL versao=1");
    assert_eq!(ana.pedir_tudo("LISTAR").dados[3], "SEUS 1");
    servidor.memoria.sarar();
    // Quem ainda esperava não perdeu o lugar.
    assert_eq!(ana.pedir("CANCELAR 1"), "OK CANCELADO 1 versao=2");
    assert_eq!(caio.ler_linha(), "OK RESERVADO 1 versao=3");
}

/// A passagem do token num lote recusado: quem liberou e quem esperava ouvem que não; o número não se repete.
#[test]
fn token_num_lote_recusado() {
    let servidor = Ligado::novo();
    let [mut ana, mut bia] = [(); 2].map(|()| servidor.entrar());
    assert_eq!(valor(&ana.pedir("TOKEN SOLICITAR"), "cerca"), "1");
    ficar_na_fila(&mut bia, "TOKEN SOLICITAR");
    servidor.prender_e_falhar();
    ana.enviar("TOKEN LIBERAR");
    servidor.memoria.esperar_um_preso();
    servidor.memoria.soltar();
    assert!(ana.ler_linha().starts_with("ERRO INDISPONIVEL"));
    assert!(bia.ler_linha().starts_with("ERRO INDISPONIVEL"));
    servidor.memoria.sarar();
    let estado = ana.pedir("TOKEN ESTADO");
    assert!(estado.starts_with("OK TOKEN dono=livre ") && valor(&estado, "contador") == "0", "{estado}");
    assert_eq!(valor(&bia.pedir("TOKEN SOLICITAR"), "cerca"), "3");
    assert_eq!(valor(&bia.pedir("TOKEN LIBERAR"), "contador"), "1");
}

/// Quem chega quando não se pode gravar o seu número ouve isso, e nenhum número se perde para sempre.
#[test]
fn sem_disco_ninguem_ganha_numero() {
    let servidor = Ligado::novo();
    servidor.memoria.falhar_ate_sarar(cheio());
    let mut ana = Terminal::conectar(servidor.endereco);
    assert!(ana.ler_linha().starts_with("ERRO INDISPONIVEL"));
    ana.espera_fim();
    servidor.memoria.sarar();
    assert_eq!(servidor.entrar().cliente, 2);
}

/// O disco que falha de vez: nenhum OK, a conexão fecha, e o servidor acaba com o motivo.
#[test]
fn falha_fatal_para_o_servidor_sem_ok() {
    let mut servidor = Ligado::novo();
    let mut ana = servidor.entrar();
    servidor.memoria.falhar_nos_proximos(1, &Falha::Fatal("disk I/O error".into()));
    ana.enviar("RESERVAR 1");
    let ouvido = ana.ler_o_que_ha();
    assert!(!String::from_utf8_lossy(&ouvido).contains("OK"), "{ouvido:?}");
    let fim = servidor.thread.take().unwrap().join().unwrap();
    assert_eq!(fim.expect_err("a falha é fatal").to_string(), "o armazém falhou: disk I/O error");
}

/// O relógio de parede atrasado entre uma vez e outra: o que se segurava tem o prazo que faltava, o que já tinha vencido
/// vence, e a hora não anda para trás.
#[test]
fn relogio_atrasado_o_prazo_e_o_que_faltava() {
    let tres_dias = 3 * 24 * 3_600_000;
    let gravado_em = Momento(Relogio::new().hora().0 + tres_dias);
    let mut guardado = Guardado::vazio(Segredo([7; 32]), gravado_em);
    (guardado.versao, guardado.clientes) = (Versao(9), 20);
    let [um, dois] = [1, 2].map(|n| Assento::new(n).unwrap());
    for (assento, falta) in [(um, 600_000), (dois, -1)] {
        let vence = Some(Momento(gravado_em.0 + falta));
        let ocupacao =
            Ocupacao { cliente: ClientId::new(7).unwrap(), desde: Momento(gravado_em.0 - 1000), vence };
        guardado.assentos.insert(assento, ocupacao);
    }
    let servidor = Ligado::com(&guardado, Relogio::depois_de(gravado_em));
    let mut ana = servidor.entrar();
    assert_eq!(ana.cliente, 21);
    esperar("o que venceu estar livre", || ana.pedir("LISTAR").ends_with("versao=10"));
    assert_eq!(ana.pedir_tudo("LISTAR").dados[1], "SEGURADOS 1");
    assert_eq!(ana.pedir("RESERVAR 3"), "OK RESERVADO 3 versao=11");
    let depois = servidor.memoria.guardado();
    assert!(depois.gravado_em >= gravado_em, "{} {gravado_em}", depois.gravado_em);
    assert_eq!(depois.assentos[&um].vence, Some(Momento(gravado_em.0 + 600_000)));
}

/// O que se contou a quem observa soma a sala, ainda que muitos lotes se desfaçam; e a versão que se conta nunca volta.
#[test]
fn o_que_se_observa_soma_a_sala_por_mais_que_o_disco_recuse() {
    let mut sorteio = Sorteio::novo("somas");
    let servidor = Ligado::novo();
    let mut todos: Vec<Soma> = (0..6).map(|_| Soma::nova(servidor.entrar())).collect();
    thread::scope(|juntos| {
        for soma in &mut todos {
            let (memoria, sorteio) = (servidor.memoria.clone(), Sorteio::com(sorteio.proximo()));
            juntos.spawn(move || soma.mexer(&memoria, sorteio));
        }
    });
    servidor.memoria.sarar();
    // Uma mudança que se grava, depois de tudo: quando o evento dela chega, os outros já chegaram.
    assert!(servidor.entrar().pedir("RESERVAR 100").starts_with("OK RESERVADO 100 "));
    for mut soma in todos {
        let lista = soma.ate_o_fim();
        let (ocupados, versao) = (soma.ocupados().faixas().to_string(), soma.versao);
        assert_eq!(lista, format!("OCUPADOS {ocupados} versao={versao}"));
    }
}

/// Alguém que observa, mexe na sala, e soma o que lhe contam.
struct Soma {
    terminal: Terminal,
    sei: BTreeMap<Assento, Mudanca>,
    versao: u64,
}

impl Soma {
    fn nova(mut terminal: Terminal) -> Self {
        assert_eq!(terminal.pedir("OBSERVAR"), "OK OBSERVANDO versao=0");
        Self { terminal, sei: BTreeMap::new(), versao: 0 }
    }

    /// Pede em lotes, e de vez em quando manda o disco recusar.
    fn mexer(&mut self, memoria: &Caprichoso, mut sorteio: Sorteio) {
        for _ in 0..150 {
            let pedido = |sorteio: &mut Sorteio| match (sorteio.ate(2), sorteio.ate(20)) {
                (1, _) => "CANCELAR TUDO\n".to_owned(),
                (_, n) => format!("RESERVAR PARCIAL {n}-{}\n", n + 3),
            };
            let quantos = sorteio.ate(20);
            let lote: String = (0..quantos).map(|_| pedido(&mut sorteio)).collect();
            if sorteio.ate(3) == 1 {
                memoria.falhar_nos_proximos(1, &cheio());
            }
            self.terminal.enviar_bytes(lote.as_bytes());
            for _ in 0..quantos {
                let resposta = self.terminal.ler_resposta();
                self.somar(&resposta.dados);
            }
        }
    }

    fn somar(&mut self, linhas: &[String]) {
        for linha in linhas {
            let evento: Evento = linha.parse().unwrap();
            assert!(evento.versao.0 >= self.versao, "{linha} depois da versão {}", self.versao);
            self.versao = evento.versao.0;
            self.sei.extend(evento.assentos.iter().map(|assento| (assento, evento.mudanca)));
        }
    }

    fn ocupados(&self) -> Assentos {
        let ocupados = self.sei.iter().filter(|(_, mudanca)| **mudanca != Mudanca::Livre);
        ocupados.map(|(assento, _)| *assento).collect()
    }

    /// Ouve até a mudança do assento 100; devolve como a sala está, e a versão.
    fn ate_o_fim(&mut self) -> String {
        while !self.ocupados().iter().any(|assento| assento.numero() == 100) {
            let linha = self.terminal.ler_linha();
            self.somar(&[linha]);
        }
        let lista = self.terminal.pedir_tudo("LISTAR");
        format!("{} versao={}", lista.dados[2], valor(&lista.fim, "versao"))
    }
}
