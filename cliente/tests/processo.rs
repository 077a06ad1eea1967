//! O programa `cliente` inteiro, como um script o chama, contra um servidor de mentira.

#[cfg(test)]
#[path = "../src/falso.rs"]
mod falso;

#[cfg(test)]
mod testes {
    use std::fs::File;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::process::{Child, ChildStdin, Command, Output, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread::Builder;
    use std::thread::sleep;
    use std::time::Duration;

    use crate::falso::{Falso, SAUDACAO};

    /// Quanto se espera por um trecho da tela antes de desistir: folga para uma máquina ocupada, não uma medida.
    const PRAZO: Duration = Duration::from_secs(20);

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
        for argumentos in [&["PING"][..], &[], &["--guiado"], &["--observar"]] {
            conferir(&com_servidor(fechada, argumentos).output().unwrap(), "", 3);
        }
        let falso = Falso::com_respostas(&["OK PONG"]);
        let cheio = File::options().write(true).open("/dev/full").unwrap();
        let saida = com_servidor(falso.endereco, &["PING"]).stdout(cheio).output().unwrap();
        conferir(&saida, "", 2);
    }

    fn sinalizar(sinal: &str, pid: u32) {
        assert!(Command::new("kill").args([sinal, &pid.to_string()]).status().unwrap().success());
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
        sinalizar("-INT", filho.id());
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

    // ---- --observar, num cano ----

    /// Um servidor que diz um evento a cada aviso, e fecha quando não há mais quem avise.
    fn que_conta_eventos() -> (Falso, mpsc::Sender<&'static str>) {
        let (contar, eventos) = mpsc::channel();
        let falso = Falso::new(move |conversa| {
            conversa.ouvir();
            conversa.dizer("OK OBSERVANDO versao=12\n");
            for evento in eventos {
                conversa.dizer(evento);
            }
        });
        (falso, contar)
    }

    fn ler_linha(tela: &mut impl BufRead) -> String {
        let mut linha = String::new();
        tela.read_line(&mut linha).unwrap();
        linha
    }

    #[test]
    fn observar_num_cano_escreve_cada_evento_na_hora() {
        let (falso, contar) = que_conta_eventos();
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &["--observar"]));
        let mut tela = BufReader::new(filho.stdout.take().unwrap());
        for evento in [
            "EVENTO 13 RESERVADO 3 7 9 cliente=5\n",
            "EVENTO 14 SEGURADO 8 cliente=2\n",
            "EVENTO 15 LIVRE 3 7\n",
        ] {
            contar.send(evento).unwrap();
            assert_eq!(ler_linha(&mut tela), evento);
        }
        drop(contar);
        let mut saida = filho.wait_with_output().unwrap();
        let aviso = String::from_utf8(saida.stderr.split_off(0)).unwrap();
        assert!(
            aviso.starts_with("observando 127.0.0.1:") && aviso.contains(" desde a versão 12;"),
            "{aviso}"
        );
        assert!(aviso.ends_with("cliente: o servidor fechou a conexão\n"), "{aviso}");
        assert_eq!((ler_linha(&mut tela).as_str(), saida.status.code()), ("", Some(3)));
        assert_eq!(falso.ouvidas(), ["OBSERVAR"]);
    }

    #[test]
    fn observar_acaba_bem_com_um_sinal_ou_sem_quem_leia() {
        for sinal in ["-INT", "-TERM"] {
            let (falso, contar) = que_conta_eventos();
            let mut filho = iniciar(&mut com_servidor(falso.endereco, &["--observar"]));
            let mut tela = BufReader::new(filho.stdout.take().unwrap());
            contar.send("EVENTO 13 LIVRE 3\n").unwrap();
            ler_linha(&mut tela);
            sinalizar(sinal, filho.id());
            assert_eq!(filho.wait().unwrap().code(), Some(0), "{sinal}");
        }
        let (falso, contar) = que_conta_eventos();
        let mut filho = iniciar(&mut com_servidor(falso.endereco, &["--observar"]));
        drop(filho.stdout.take());
        contar.send("EVENTO 13 LIVRE 3\n").unwrap();
        assert_eq!(filho.wait().unwrap().code(), Some(0));
    }

    #[test]
    fn observar_recusado_diz_o_que_foi_e_sai_com_1() {
        let falso = Falso::com_respostas(&["ERRO COMANDO_DESCONHECIDO :este servidor não conhece"]);
        let saida = com_servidor(falso.endereco, &["--observar"]).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&saida.stderr),
            "cliente: não consegui observar a sala: recusado: este servidor não conhece\n"
        );
        assert_eq!((saida.stdout.len(), saida.status.code()), (0, Some(1)));
    }

    // ---- --observar, num terminal ----

    /// O cliente a observar, num pseudoterminal de 80 por 24 aberto pelo `script`.
    struct NoTerminal {
        shell: Child,
        teclado: ChildStdin,
        pedacos: mpsc::Receiver<Vec<u8>>,
        visto: String,
    }

    impl NoTerminal {
        fn observar(endereco: SocketAddr, argumentos: &str) -> Self {
            // O Ctrl-C digitado não deve matar o shell.
            let comando = format!(
                "trap : INT; stty rows 24 cols 80; echo \"tty=$(tty)\"; stty -a; echo; \
                 sh -c 'echo pid=$$; exec \"$CLIENTE\" --observar {argumentos}'; \
                 echo \"saida=$?\"; stty -a; echo fim="
            );
            let mut shell = Command::new("script");
            shell.args(["-qec", &comando, "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm");
            shell.env("CLIENTE", env!("CARGO_BIN_EXE_cliente")).env("RESERVA_SERVIDOR", endereco.to_string());
            shell.env_remove("NO_COLOR");
            let mut shell = iniciar(&mut shell);
            let teclado = shell.stdin.take().unwrap();
            let mut tela = shell.stdout.take().unwrap();
            let (entregar, pedacos) = mpsc::channel();
            let ler = move || {
                let mut bytes = [0; 4096];
                while let Ok(lidos) = tela.read(&mut bytes) {
                    if lidos == 0 || entregar.send(bytes[..lidos].to_vec()).is_err() {
                        break;
                    }
                }
            };
            Builder::new().spawn(ler).unwrap();
            Self { shell, teclado, pedacos, visto: String::new() }
        }

        /// Espera que a tela mostre `trecho`, depois do que já se viu, e devolve o que veio até ele.
        #[track_caller]
        fn ate(&mut self, trecho: &str) -> String {
            loop {
                if let Some(posicao) = self.visto.find(trecho) {
                    let resto = self.visto.split_off(posicao + trecho.len());
                    return std::mem::replace(&mut self.visto, resto);
                }
                match self.pedacos.recv_timeout(PRAZO) {
                    Ok(pedaco) => self.visto.push_str(&String::from_utf8_lossy(&pedaco)),
                    Err(erro) => panic!("não veio {trecho:?} ({erro}): {:?}", self.visto),
                }
            }
        }

        /// O valor que o shell diz em `nome=valor`, numa linha sua.
        #[track_caller]
        fn valor(&mut self, nome: &str) -> String {
            self.ate(&format!("{nome}="));
            self.ate("\n").trim().to_owned()
        }

        fn bater(&mut self, teclas: &str) {
            self.teclado.write_all(teclas.as_bytes()).unwrap();
            self.teclado.flush().unwrap();
        }

        /// Espera o fim e confere que o terminal voltou a ser como era.
        #[track_caller]
        fn acabar(mut self, modos: &str) {
            self.ate("\u{1b}[?1049l");
            assert_eq!(self.valor("saida"), "0");
            assert_eq!(self.ate("fim=").trim_end_matches("fim=").trim(), modos.trim());
            assert!(self.shell.wait().unwrap().success());
        }
    }

    /// A janela se fecha e ninguém devolve o terminal: o programa não fica para trás, a gastar um processador.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "um processo que não é filho nosso só se olha de tempos em tempos"
    )]
    fn observar_acaba_quando_a_janela_se_fecha() {
        let falso = Falso::com_respostas(&["OK OBSERVANDO versao=5", RETRATO]);
        let mut terminal = NoTerminal::observar(falso.endereco, "");
        let processo = PathBuf::from(format!("/proc/{}", terminal.valor("pid")));
        terminal.ate("ligado");
        assert!(processo.exists());
        terminal.shell.kill().unwrap();
        terminal.shell.wait().unwrap();
        let pausa = Duration::from_millis(20);
        let acabou = (0..PRAZO.as_millis() / pausa.as_millis()).any(|_| {
            sleep(pausa);
            !processo.exists()
        });
        assert!(acabou, "o cliente continua a correr sem terminal");
    }

    impl Drop for NoTerminal {
        /// Um teste que falha não deixa um terminal para trás.
        fn drop(&mut self) {
            let _ = self.shell.kill();
            let _ = self.shell.wait();
        }
    }

    const RETRATO: &str = "LIVRES 1-2 4-100\nSEGURADOS\nOCUPADOS 3\nSEUS\n\
                           OK LISTADO livres=99 segurados=0 ocupados=1 seus=0 versao=12\n";

    /// Atende quem observa: um retrato, `eventos`, e fica até o outro lado fechar ou `fim` chegar.
    fn observado(escuta: &TcpListener, eventos: &'static str, fim: mpsc::Receiver<()>) -> Falso {
        Falso::na_escuta(escuta, move |conversa| {
            conversa.ouvir();
            conversa.dizer("OK OBSERVANDO versao=12\n");
            conversa.ouvir();
            conversa.dizer(RETRATO);
            conversa.dizer(eventos);
            let _ = fim.recv();
        })
    }

    #[test]
    fn observar_num_terminal_desenha_e_o_devolve() {
        for saida in ["q", "\u{1b}", "\u{3}", "-TERM", "-HUP"] {
            let escuta = TcpListener::bind("127.0.0.1:0").unwrap();
            let (_segurar, fim) = mpsc::channel();
            let _falso = observado(&escuta, "EVENTO 13 SEGURADO 8 cliente=2\n", fim);
            let mut terminal = NoTerminal::observar(escuta.local_addr().unwrap(), "");
            terminal.valor("tty");
            let modos = terminal.ate("pid=");
            let modos = modos.trim_end_matches("pid=");
            let pid = terminal.ate("\n").trim().parse().unwrap();
            terminal.ate("\u{1b}[?1049h");
            terminal.ate("ligado a 127.0.0.1:");
            terminal.ate("~8");
            if saida.starts_with('-') {
                sinalizar(saida, pid);
            } else {
                terminal.bater(saida);
            }
            terminal.acabar(modos);
        }
    }

    #[test]
    fn observar_num_terminal_religa_e_segue_a_janela() {
        let escuta = TcpListener::bind("127.0.0.1:0").unwrap();
        let (cortar, fim) = mpsc::channel();
        let primeiro = observado(&escuta, "", fim);
        let mut terminal = NoTerminal::observar(escuta.local_addr().unwrap(), "");
        let nome = terminal.valor("tty");
        let modos = terminal.ate("pid=");
        terminal.ate("ligado a 127.0.0.1:");
        terminal.ate("x3");
        cortar.send(()).unwrap();
        primeiro.ouvidas();
        terminal.ate("desligado de 127.0.0.1:");
        let (_segurar, fim) = mpsc::channel();
        let _segundo = observado(&escuta, "EVENTO 13 SEGURADO 8 cliente=2\n", fim);
        terminal.ate("ligado a 127.0.0.1:");
        terminal.ate("~8");
        let janela = |linhas: &str, colunas: &str| {
            let mut stty = Command::new("stty");
            assert!(stty.args(["-F", &nome, "rows", linhas, "cols", colunas]).status().unwrap().success());
        };
        janela("5", "30");
        terminal.ate("cabe:");
        janela("1", "1");
        janela("24", "80");
        terminal.ate("~8");
        terminal.bater("q");
        terminal.acabar(modos.trim_end_matches("pid="));
    }
}
