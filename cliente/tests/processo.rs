//! O programa `cliente` inteiro, como um script o chama, contra um servidor de mentira.

#[cfg(test)]
#[path = "../src/falso.rs"]
mod falso;

#[cfg(test)]
mod testes {
    use std::fs::File;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::process::{Child, Command, Output, Stdio};

    use crate::falso::Falso;

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
        let escrita = std::thread::Builder::new();
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

    #[test]
    fn guiado_num_tubo() {
        let falso = Falso::com_respostas(&["OK RESERVADO 1 2 3 versao=1"]);
        let saida = digitar(&mut com_servidor(falso.endereco, &["--guiado"]), b"3\n\nsair\n");
        let tela = String::from_utf8_lossy(&saida.stdout).into_owned();
        assert!(tela.contains("Assentos reservados com sucesso: [1, 2, 3]\n"), "{tela}");
        conferir(&saida, &tela, 0);
    }
}
