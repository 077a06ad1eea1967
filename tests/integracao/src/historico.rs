//! HISTORICO: a vida de um assento, com os nomes de então, na ordem em que aconteceu.

use arnes::caprichoso::Caprichoso;
use arnes::roteiro::roteiro;
use arnes::{Resposta, ServidorDeTeste, Terminal};
use protocolo::{Assento, Fato, Versao};
use servidor::armazem::{Falha, Historico};
use servidor::base::segredo::Segredo;
use servidor::limites::HISTORICO_MAX;
use servidor::sala::registro::Guardado;
use servidor::tempo::momento::Momento;
use servidor::tempo::relogio::Relogio;
use servidor::{Config, Servico};

/// Cada fato sem a hora dele; as horas se conferem aqui: são deste formato, e não andam para trás.
#[track_caller]
fn vida(terminal: &mut Terminal, assento: u8) -> (Vec<String>, String) {
    let Resposta { dados, fim } = terminal.pedir_tudo(&format!("HISTORICO {assento}"));
    let partes: Vec<(&str, &str)> = dados.iter().map(|l| l.split_once(' ').expect("há hora")).collect();
    assert!(partes.is_sorted_by_key(|(hora, _)| *hora), "{dados:?}");
    assert!(partes.iter().all(|(hora, _)| hora.len() == 24 && hora.ends_with('Z')), "{dados:?}");
    (partes.into_iter().map(|(_, fato)| fato.to_owned()).collect(), fim)
}

#[test]
fn cada_mudanca_e_um_fato_com_o_nome_de_entao() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    assert_eq!(vida(&mut bia, 7), (vec![], "OK HISTORICO versao=0".to_owned()));
    ana.pedir("RESERVAR 6-8");
    ana.pedir("NOME ana");
    ana.pedir("CANCELAR TUDO");
    bia.pedir("NOME bia");
    bia.pedir("SEGURAR 7 POR 60");
    // Renovar não é tomar de novo; o nome novo vale daqui em diante.
    bia.pedir("SEGURAR 7 POR 90");
    bia.pedir("NOME beatriz");
    bia.pedir("CONFIRMAR 7");
    bia.pedir("CANCELAR 7");
    ana.pedir("RESERVAR QUANTIDADE 1 PREFERINDO 7");
    // Os outros assentos têm cada um a sua vida.
    ana.pedir("RESERVAR 8");
    let (fatos, fim) = vida(&mut bia, 7);
    assert_eq!(fim, "OK HISTORICO versao=7");
    let segurado = fatos[2].split_once(" ate=").expect("um assento segurado tem prazo");
    assert_eq!(segurado.0, "cliente=2 nome=bia SEGURADO");
    assert!(segurado.1.ends_with("Z versao=3"), "{}", fatos[2]);
    let outros: Vec<&str> = fatos.iter().filter(|f| !f.contains("SEGURADO")).map(String::as_str).collect();
    assert_eq!(
        outros,
        [
            "cliente=1 RESERVADO versao=1",
            "cliente=1 nome=ana LIVRE versao=2",
            "cliente=2 nome=beatriz RESERVADO versao=4",
            "cliente=2 nome=beatriz LIVRE versao=5",
            "cliente=1 nome=ana RESERVADO versao=6",
        ]
    );
    assert_eq!(vida(&mut ana, 6).0.len(), 2);
    assert_eq!(vida(&mut ana, 8).0[2], "cliente=1 nome=ana RESERVADO versao=7");
}

/// O prazo que vence deixa o assento livre: a história diz de quem era, e quando, não antes do prazo.
#[test]
fn prazo_que_vence_e_a_vez_de_quem_esperava() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    ana.pedir("NOME ana");
    ana.pedir("SEGURAR 7 POR 1");
    assert_eq!(bia.pedir("AGUARDAR 7"), "OK RESERVADO 7 versao=3");
    let dados = bia.pedir_tudo("HISTORICO 7").dados;
    let (_, ate) = dados[0].split_once("cliente=1 nome=ana SEGURADO ate=").expect("ana segurou");
    let (vencimento, _) = ate.split_once(' ').expect("depois do prazo, a versão");
    let (livre, fato) = dados[1].split_once(' ').expect("há hora");
    assert_eq!(fato, "cliente=1 nome=ana LIVRE versao=2");
    assert!(livre >= vencimento, "venceu antes do prazo: {dados:?}");
    assert!(dados[2].ends_with(" cliente=2 RESERVADO versao=3"), "{dados:?}");
}

/// O nome de quem se foi sem nada se esquece; a história, não.
#[test]
fn nome_de_quem_se_foi_fica_na_historia() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    ana.pedir("NOME ana");
    ana.pedir("RESERVAR 7");
    ana.pedir("CANCELAR 7");
    ana.pedir("SAIR");
    ana.espera_fim();
    let mut bia = servidor.entrar();
    let (fatos, _) = vida(&mut bia, 7);
    assert_eq!(fatos, ["cliente=1 nome=ana RESERVADO versao=1", "cliente=1 nome=ana LIVRE versao=2"]);
}

/// Num pacote só, o histórico já conta o que veio antes dele, e não o que vem depois.
#[test]
fn lote_ve_o_que_ele_mesmo_mudou() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for rodada in 0..200 {
        let versao = 2 * rodada + 1;
        ana.enviar_bytes(b"RESERVAR 7\nHISTORICO 7\nCANCELAR 7\n");
        assert_eq!(ana.ler_linha(), format!("OK RESERVADO 7 versao={versao}"));
        let Resposta { dados, fim } = ana.ler_resposta();
        assert_eq!(fim, format!("OK HISTORICO versao={versao}"));
        let ultimo = dados.last().map(String::as_str).unwrap_or_default();
        assert!(ultimo.ends_with(&format!(" cliente=1 RESERVADO versao={versao}")), "{ultimo}");
        assert_eq!(ana.ler_linha(), format!("OK CANCELADO 7 versao={}", versao + 1));
    }
}

#[test]
fn cem_fatos_e_um_alem() {
    let servidor = ServidorDeTeste::new();
    let mut ana = servidor.entrar();
    for _ in 0..HISTORICO_MAX / 2 {
        ana.pedir("RESERVAR 7");
        ana.pedir("CANCELAR 7");
    }
    let (cem, fim) = vida(&mut ana, 7);
    assert_eq!((cem.len(), &fim[..]), (HISTORICO_MAX, "OK HISTORICO versao=100"));
    assert_eq!(cem[0], "cliente=1 RESERVADO versao=1");
    ana.pedir("RESERVAR 7");
    let (mais_novos, _) = vida(&mut ana, 7);
    assert_eq!(mais_novos[..HISTORICO_MAX - 1], cem[1..]);
    assert_eq!(mais_novos[HISTORICO_MAX - 1], "cliente=1 RESERVADO versao=101");
}

/// Antes da resposta vêm os eventos até a versão dela, como em toda resposta sobre a sala.
#[test]
fn quem_observa_ja_ouviu_tudo_o_que_a_historia_conta() {
    let servidor = ServidorDeTeste::new();
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    ana.pedir("OBSERVAR");
    for versao in 1..=100 {
        let pedido = if versao % 2 == 1 { "RESERVAR 7" } else { "CANCELAR 7" };
        assert!(bia.pedir(pedido).starts_with("OK "));
        let Resposta { dados, fim } = ana.pedir_tudo("HISTORICO 7");
        assert_eq!(fim, format!("OK HISTORICO versao={versao}"));
        let (eventos, fatos) = dados.split_at(1);
        assert!(eventos[0].starts_with(&format!("EVENTO {versao} ")), "{dados:?}");
        assert_eq!(fatos.len(), versao, "{dados:?}");
    }
}

#[test]
fn um_assento_so_e_da_sala() {
    roteiro(
        "
        A> HISTORICO
        A< ERRO SINTAXE :uso: HISTORICO <assento>; falta o assento
        A> HISTORICO 3 7
        A< ERRO SINTAXE :uso: HISTORICO <assento>; há palavras a mais
        A> HISTORICO 3-7
        A< ERRO SINTAXE :uso: HISTORICO <assento>; ...
        A> HISTORICO 0
        A< ERRO ASSENTO_INVALIDO 0 :...
        A> HISTORICO 101
        A< ERRO ASSENTO_INVALIDO 101 :...
        A> historico 100
        A< OK HISTORICO versao=0
        A> AJUDA HISTORICO
        A< HISTORICO: ...
        A< ...
        A< OK AJUDA
        A> HISTORIC 7
        A< ERRO COMANDO_DESCONHECIDO :você quis dizer HISTORICO? ...
        ",
    );
}

/// Um servidor que só confirma o que está gravado neste armazém, que falha e espera quando se manda.
fn com_armazem(historico: impl FnOnce(Caprichoso) -> Box<dyn Historico>) -> (ServidorDeTeste, Caprichoso) {
    let relogio = Relogio::new();
    let guardado = Guardado::vazio(Segredo([7; 32]), relogio.inicio());
    let memoria = Caprichoso::new(guardado.clone());
    let (armazem, historico) = (Box::new(memoria.clone()), historico(memoria.clone()));
    let servico = Servico::guardado(Config::default(), &guardado, armazem, historico, relogio);
    (ServidorDeTeste::com_servico(servico), memoria)
}

/// Uma história que não se deixa ler.
#[derive(Debug)]
struct Ilegivel(Falha);

impl Historico for Ilegivel {
    fn de(&self, _: Assento, _: Versao, _: usize) -> Result<Vec<Fato<Momento>>, Falha> {
        Err(self.0.clone())
    }
}

#[test]
fn historia_que_nao_se_le_e_indisponivel() {
    for falha in [Falha::Indisponivel("ocupado".into()), Falha::Destituido, Falha::Fatal("bit".into())] {
        let (servidor, _) = com_armazem(|_| Box::new(Ilegivel(falha)));
        let mut ana = servidor.entrar();
        assert_eq!(ana.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
        let recusa = ana.pedir("HISTORICO 7");
        assert!(recusa.starts_with("ERRO INDISPONIVEL versao=1 :não foi possível ler"), "{recusa}");
        assert_eq!(ana.pedir("CANCELAR 7"), "OK CANCELADO 7 versao=2");
    }
}

/// O que não pôde ser gravado não se conta; o que estava gravado, sim, também enquanto o disco recusa.
#[test]
fn o_que_foi_desfeito_nao_tem_historia() {
    let (servidor, memoria) = com_armazem(|memoria| Box::new(memoria));
    let mut ana = servidor.entrar();
    assert_eq!(ana.pedir("RESERVAR 7"), "OK RESERVADO 7 versao=1");
    memoria.falhar_ate_sarar(Falha::Indisponivel("disco cheio".into()));
    ana.enviar_bytes(b"CANCELAR 7\nHISTORICO 7\n");
    let recusa = ana.ler_linha();
    assert!(recusa.starts_with("ERRO INDISPONIVEL versao="), "{recusa}");
    // Antes de o disco recusar, a história depende do que ele vai recusar; depois, é a que ficou. Nunca a desfeita.
    let Resposta { dados, fim } = ana.ler_resposta();
    let a_que_ficou = fim.starts_with("OK HISTORICO ") && dados.len() == 1;
    assert!(
        a_que_ficou || dados.is_empty() && fim.starts_with("ERRO INDISPONIVEL versao="),
        "{dados:?} {fim}"
    );
    assert_eq!(vida(&mut ana, 7).0, ["cliente=1 RESERVADO versao=1"]);
    memoria.sarar();
    assert!(ana.pedir("CANCELAR 7").starts_with("OK CANCELADO 7 "));
    let (fatos, _) = vida(&mut ana, 7);
    assert_eq!(fatos.len(), 2, "{fatos:?}");
    assert!(fatos[1].starts_with("cliente=1 LIVRE "), "{fatos:?}");
}

/// Quem só consulta não espera pelo disco; quem consulta o que acaba de mudar, sim.
#[test]
fn so_espera_pelo_disco_quem_conta_o_que_ele_nao_tem() {
    let (servidor, memoria) = com_armazem(|memoria| Box::new(memoria));
    let (mut ana, mut bia) = (servidor.entrar(), servidor.entrar());
    memoria.prender();
    ana.enviar_bytes(b"RESERVAR 7\nHISTORICO 7\n");
    memoria.esperar_um_preso();
    assert_eq!(vida(&mut bia, 7), (vec![], "OK HISTORICO versao=0".to_owned()));
    assert_eq!(ana.ler_se_vier(std::time::Duration::from_millis(50)), None);
    memoria.soltar();
    assert_eq!(ana.ler_linha(), "OK RESERVADO 7 versao=1");
    let Resposta { dados, fim } = ana.ler_resposta();
    assert_eq!((dados.len(), &fim[..]), (1, "OK HISTORICO versao=1"));
}
