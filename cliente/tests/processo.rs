//! O programa `cliente` inteiro, como um script o chama, contra um servidor de mentira.

#[cfg(test)]
#[path = "../src/falso.rs"]
mod falso;

#[cfg(test)]
mod testes {
    use std::fs::File;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::process::{Child, Command, Output, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread::Builder;

    use crate::falso::{Falso, SAUDACAO};

    fn programa(argumentos: &[&str]) -> Command {
        let mut comando = Command::new(env!("CARGO_BIN_EXE_cliente"));
        comando.args(argumentos).env_remove("RESERVA_SERVIDOR").stdin(Stdio::null());
        comando
    }

    fn com_servidor(endereco: SocketAddr, argumentos: &[&str]) -> Command {
        let mut comando = programa(argumentos);
        comando.env("RESERVA_SERVIDOR", endereco.to_string());
        comando
    }

    fn iniciar(comando: &mut Command) -> Child {
        comando.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Dá a entrada ao programa e espera que ele acabe.
    fn digitar(comando: &mut Command, entrada: &[u8]) -> Output {
        let mut filho = iniciar(comando);
        filho.stdin.take().unwrap().write_all(entrada).unwrap();
        filho.wait_with_output().unwrap()
    }

    /// Confere a saída, o código e que, se tudo correu bem, nada se disse na saída de erro.
    fn conferir(saida: &Output, stdout: &str, codigo: i32) {
        let stderr = String::from_utf8_lossy(&saida.stderr);
        assert_eq!(String::from_utf8_lossy(&saida.stdout), stdout, "{stderr}");
        assert_eq!(saida.status.code(), Some(codigo), "{stderr}");
        assert_eq!(stderr.is_empty(), codigo < 2, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }

    #[test]
    fn um_comando_mostra_a_resposta_crua() {
        for (resposta, codigo) in [
            ("OK RESERVADO 3 7 versao=1", 0),
            ("a: 1\nOK ESTADO", 0),
            ("ERRO OCUPADO 7 versao=1 :é de outro", 1),
            ("ERRO ENCERRANDO :o servidor está encerrando", 3),
        ] {
            let falso = Falso::com_respostas(&[resposta]);
            let saida = com_servidor(falso.endereco, &["RESERVAR", "3", "7"]).output().unwrap();
            conferir(&saida, &format!("{resposta}\n"), codigo);
            assert_eq!(falso.ouvidas(), ["RESERVAR 3 7"]);
        }
    }

    #[test]
    fn um_comando_como_um_cliente_de_antes() {
        let falso = Falso::com_respostas(&["OK RETOMADO 5", "OK CANCELADO 3 versao=2"]);
        let quem = "5:00112233445566778899aabbccddeeff";
        let saida = com_servidor(falso.endereco, &["--retomar", quem, "CANCELAR", "TUDO"]).output().unwrap();
        conferir(&saida, "OK CANCELADO 3 versao=2\n", 0);
        assert_eq!(falso.ouvidas()[1], "CANCELAR TUDO");
    }

    #[test]
    fn tubo_manda_tudo_e_mostra_tudo() {
        let falso = Falso::com_respostas(&["OK PONG", "ERRO CODIFICACAO :hã?", "dado\nOK ESTADO"]);
        let saida = digitar(&mut com_servidor(falso.endereco, &[]), b"PING\n\xff\xff\xfe\nESTADO");
        conferir(&saida, "OK PONG\nERRO CODIFICACAO :hã?\ndado\nOK ESTADO\n", 1);
        assert_eq!(falso.ouvidas().len(), 3);
    }

    #[test]
    fn tubo_de_cem_mil_linhas_nao_trava() {
        const LINHAS: usize = 100_000;
        let falso = Falso::new(|conversa| {
            while conversa.ouvir().is_some() {
                conversa.dizer("OK PONG\n")
            }
        });
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &[]));
        // Escreve tudo antes de ler qualquer coisa: quem trava, trava aqui.
        let mut entrada = filho.stdin.take().unwrap();
        let escrita = Builder::new();
        let escrita = escrita.spawn(move || entrada.write_all("PING\n".repeat(LINHAS).as_bytes())).unwrap();
        let saida = filho.wait_with_output().unwrap();
        escrita.join().unwrap().unwrap();
        conferir(&saida, &"OK PONG\n".repeat(LINHAS), 0);
        assert_eq!(falso.ouvidas().len(), LINHAS);
    }

    #[test]
    fn tubo_vazio_ou_em_branco_acaba_bem() {
        for entrada in [&b""[..], b"\n\n \t\r\n"] {
            let falso = Falso::new(|conversa| while conversa.ouvir().is_some() {});
            conferir(&digitar(&mut com_servidor(falso.endereco, &[]), entrada), "", 0);
        }
    }

    #[test]
    fn tubo_com_servidor_que_fecha_no_meio() {
        // Fecha com a entrada ainda aberta; fecha devendo uma resposta; fecha no meio de uma.
        let falso = Falso::com_respostas(&["OK PONG"]);
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &[]));
        let mut entrada = filho.stdin.take().unwrap();
        entrada.write_all(b"PING\n").unwrap();
        conferir(&filho.wait_with_output().unwrap(), "OK PONG\n", 3);
        drop(entrada);

        for (respostas, esperada) in [(&["OK PONG"][..], "OK PONG\n"), (&["OK PONG", "LIVRES"], "OK PONG\n")]
        {
            let falso = Falso::com_respostas(respostas);
            let saida = digitar(&mut com_servidor(falso.endereco, &[]), b"PING\nLISTAR\n");
            conferir(&saida, esperada, 3);
        }
    }

    #[test]
    fn tubo_acaba_com_sair() {
        let falso = Falso::com_respostas(&["OK ATE_LOGO"]);
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &[]));
        let mut entrada = filho.stdin.take().unwrap();
        entrada.write_all(b"SAIR\n").unwrap();
        // A entrada continua aberta: quem encerra é o servidor.
        conferir(&filho.wait_with_output().unwrap(), "OK ATE_LOGO\n", 0);
        drop(entrada);
    }

    #[test]
    fn quem_le_a_saida_vai_embora() {
        let falso = Falso::new(|conversa| {
            while conversa.ouvir().is_some() {
                conversa.dizer("OK PONG\n")
            }
        });
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &[]));
        let mut entrada = filho.stdin.take().unwrap();
        let mut saida = BufReader::new(filho.stdout.take().unwrap());
        entrada.write_all(b"PING\n").unwrap();
        let mut linha = String::new();
        saida.read_line(&mut linha).unwrap();
        assert_eq!(linha, "OK PONG\n");
        drop(saida);
        // O programa pode acabar antes de ler o resto.
        let _ = entrada.write_all(&b"PING\n".repeat(1000));
        conferir(&filho.wait_with_output().unwrap(), "", 0);
    }

    #[test]
    fn uso_que_nao_se_entende() {
        for argumentos in [&["--nada"][..], &["PING", "--nada"], &["PING\nSAIR"], &["--servidor=x", "PING"]] {
            let saida = programa(argumentos).output().unwrap();
            conferir(&saida, "", 2);
            assert_eq!(saida.stderr.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
        let ajuda = programa(&["--help"]).output().unwrap();
        assert!(String::from_utf8(ajuda.stdout).unwrap().contains("--guiado"));
        conferir(&programa(&["--versao"]).output().unwrap(), "cliente 0.1.0 (RESERVA/1)\n", 0);
    }

    #[test]
    fn sem_servidor_ou_sem_saida() {
        let fechada = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for argumentos in [&["PING"][..], &[], &["--guiado"]] {
            conferir(&com_servidor(fechada, argumentos).output().unwrap(), "", 3);
        }
        let falso = Falso::com_respostas(&["OK PONG"]);
        let cheio = File::options().write(true).open("/dev/full").unwrap();
        let saida = com_servidor(falso.endereco, &["PING"]).stdout(cheio).output().unwrap();
        conferir(&saida, "", 2);
    }

    /// O que um servidor de mentira responde à simulação de um cliente, e o código com que ela acaba.
    fn simular(respostas: &[&str]) -> (String, Output) {
        let falso = Falso::com_respostas(respostas);
        let argumentos = ["--simular", "1", "--voltas", "2", "--semente", "42"];
        let saida = com_servidor(falso.endereco, &argumentos).output().unwrap();
        falso.ouvidas();
        (String::from_utf8(saida.stdout.clone()).unwrap(), saida)
    }

    #[test]
    fn simular_num_tubo() {
        let respostas = [
            "OK NOME simulado-1",
            "OK TOKEN dono=livre cerca=17 contador=16 espera=0",
            "OK TOKEN cerca=18 contador=16 espera=2 prazo=30",
            "OK LIBERADO contador=17 espera=1",
            "OK TOKEN cerca=19 contador=17 espera=0 prazo=30",
            "OK LIBERADO contador=18 espera=0",
            "OK TOKEN dono=livre cerca=19 contador=18 espera=0",
        ];
        let (tela, saida) = simular(&respostas);
        conferir(&saida, &tela, 0);
        let linhas: Vec<_> = tela.lines().collect();
        assert!(
            linhas[0].starts_with("Simulação: 1 cliente, 2 voltas cada um, semente 42, servidor 127"),
            "{tela}"
        );
        assert_eq!(linhas[1], "cliente 1 com o token: cerca 18, contador 16, espera 2");
        assert_eq!(linhas[2], "cliente 1 com o token: cerca 19, contador 17, espera 0");
        assert!(tela.ends_with("de 18 a 19.\nProvado.\n") && !tela.contains('\u{1b}'), "{tela}");

        // A mesma cerca duas vezes; e um servidor que conta uma liberação que não houve.
        for (posicao, mentira, parte) in [
            (4, "OK TOKEN cerca=18 contador=17 espera=0 prazo=30", "a mesma cerca foi dada"),
            (5, "OK LIBERADO contador=19 espera=0", "disse contador 19"),
        ] {
            let mut respostas = respostas;
            respostas[posicao] = mentira;
            let (tela, saida) = simular(&respostas);
            conferir(&saida, &tela, 1);
            assert!(tela.contains(parte) && tela.ends_with("A PROVA FALHOU.\n"), "{tela}");
        }

        // O servidor encerra no meio; ou nunca chega a começar.
        let mut encerra = respostas[..5].to_vec();
        encerra[4] = "ERRO ENCERRANDO :o servidor está encerrando";
        let (tela, saida) = simular(&encerra);
        conferir(&saida, &tela, 3);
        assert!(tela.contains("Acabou antes da hora") && tela.ends_with("Provado.\n"), "{tela}");
        let (tela, saida) = simular(&["OK NOME simulado-1", "ERRO INDISPONIVEL :não foi possível gravar"]);
        assert_eq!((tela.as_str(), saida.status.code()), ("", Some(1)));
    }

    #[test]
    fn simular_interrompido_na_fila_acaba_logo_e_com_resumo() {
        let (avisar, na_fila) = mpsc::channel();
        let falso = Falso::new(move |conversa| {
            conversa.ouvir();
            conversa.dizer("OK NOME simulado-1\n");
            conversa.ouvir();
            conversa.dizer("OK TOKEN dono=9 cerca=17 contador=16 espera=0\n");
            conversa.ouvir();
            avisar.send(()).unwrap();
            // A vez nunca chega.
            while conversa.ouvir().is_some() {}
        });
        let filho = iniciar(&mut com_servidor(falso.endereco, &["--simular", "1"]));
        na_fila.recv().unwrap();
        let sinal = Command::new("kill").args(["-INT", &filho.id().to_string()]).status().unwrap();
        assert!(sinal.success());
        let saida = filho.wait_with_output().unwrap();
        let tela = String::from_utf8(saida.stdout).unwrap();
        assert_eq!((saida.status.code(), saida.stderr.len()), (Some(130), 0), "{tela}");
        assert!(tela.contains("Interrompida") && tela.contains("não há o que provar"), "{tela}");
        assert_eq!(falso.ouvidas().last().unwrap(), "TOKEN SOLICITAR POR 30");
    }

    #[test]
    fn simular_acha_um_servidor_que_da_o_token_a_todos() {
        let escuta = TcpListener::bind("127.0.0.1:0").unwrap();
        let endereco = escuta.local_addr().unwrap();
        let cerca = Arc::new(AtomicU64::new(0));
        let aceitar = move || {
            for corrente in escuta.incoming() {
                let (corrente, cerca) = (corrente.unwrap(), Arc::clone(&cerca));
                Builder::new().spawn(move || dar_a_todos(&corrente, &cerca)).unwrap();
            }
        };
        // Sem servidor de verdade não há quem o mande parar: acaba com o processo dos testes.
        Builder::new().spawn(aceitar).unwrap();
        let saida = com_servidor(endereco, &["--simular", "30", "--voltas", "20"]).output().unwrap();
        let tela = String::from_utf8(saida.stdout.clone()).unwrap();
        assert_eq!(saida.status.code(), Some(1), "{tela}");
        assert!(
            tela.contains("1. FALHOU: dois donos por ") && tela.contains("o contador do programa marca"),
            "{tela}"
        );
        assert!(tela.ends_with("A PROVA FALHOU.\n"), "{tela}");
    }

    /// Atende uma conexão dando o token a quem o pede, na hora, sem ver quem o tem.
    fn dar_a_todos(corrente: &TcpStream, cerca: &AtomicU64) {
        let mut saida = corrente;
        saida.write_all(SAUDACAO.as_bytes()).unwrap();
        for linha in BufReader::new(corrente).lines().map_while(Result::ok) {
            let resposta = match linha.as_str() {
                "TOKEN ESTADO" => "OK TOKEN dono=livre cerca=0 contador=0 espera=0\n".to_owned(),
                "TOKEN LIBERAR" => "OK LIBERADO contador=1 espera=0\n".to_owned(),
                pedido if pedido.starts_with("TOKEN") => {
                    let cerca = cerca.fetch_add(1, Ordering::SeqCst) + 1;
                    format!("OK TOKEN cerca={cerca} contador=0 espera=0 prazo=30\n")
                }
                _ => "OK NOME x\n".to_owned(),
            };
            saida.write_all(resposta.as_bytes()).unwrap();
        }
    }

    #[test]
    fn guiado_num_tubo() {
        let falso = Falso::com_respostas(&["OK RESERVADO 1 2 3 versao=1"]);
        let saida = digitar(&mut com_servidor(falso.endereco, &["--guiado"]), b"3\n\nsair\n");
        let tela = String::from_utf8_lossy(&saida.stdout).into_owned();
        assert!(tela.contains("Assentos reservados com sucesso: [1, 2, 3]\n"), "{tela}");
        conferir(&saida, &tela, 0);
    }
}
