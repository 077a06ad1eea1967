//! O que se documenta é o que existe: a tabela e as sessões do protocolo, os módulos, as dependências; e cada arquivo
//! só toca no que pode.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use arnes::ServidorDeTeste;
use arnes::roteiro::tentar;
use protocolo::TABELA;

pub fn raiz() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate mora em tests/, dentro do workspace")
}

#[track_caller]
pub fn ler(caminho: &str) -> String {
    fs::read_to_string(raiz().join(caminho)).unwrap_or_else(|erro| panic!("{caminho}: {erro}"))
}

/// Os arquivos com este fim de nome, em ordem, sem os que o Cargo e o git produzem.
pub fn arquivos(fim: &str) -> Vec<PathBuf> {
    fn juntar(pasta: &Path, fim: &str, achados: &mut Vec<PathBuf>) {
        for entrada in fs::read_dir(pasta).expect("a pasta se lê") {
            let caminho = entrada.expect("a entrada se lê").path();
            let nome = caminho.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if caminho.is_dir() && nome != "target" && !nome.starts_with('.') {
                juntar(&caminho, fim, achados);
            } else if caminho.is_file() && nome.ends_with(fim) {
                achados.push(caminho);
            }
        }
    }
    let mut achados = Vec::new();
    juntar(raiz(), fim, &mut achados);
    achados.sort();
    assert!(!achados.is_empty(), "nenhum arquivo {fim}");
    achados
}

/// O caminho a partir da raiz, para as mensagens.
pub fn curto(caminho: &Path) -> String {
    caminho.strip_prefix(raiz()).unwrap_or(caminho).display().to_string()
}

/// O texto entre as cercas de código dadas e a linha em que cada bloco começa.
pub fn blocos<'a>(texto: &'a str, tipo: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut blocos = Vec::new();
    let mut linhas = texto.lines().enumerate();
    while let Some((numero, linha)) = linhas.next() {
        let Some(info) = linha.trim().strip_prefix("```") else { continue };
        let dentro = linhas.by_ref().map(|(_, l)| l).take_while(|l| l.trim() != "```").collect();
        if info == tipo {
            blocos.push((numero + 2, dentro));
        }
    }
    blocos
}

/// A tabela do documento tem exatamente as formas da tabela do programa, na mesma ordem.
#[test]
fn tabela_do_protocolo_e_a_do_programa() {
    let documento = ler("docs/PROTOCOLO.md");
    let (_, depois) = documento.split_once("<!-- tabela: início -->").expect("o começo da tabela");
    let (tabela, _) = depois.split_once("<!-- tabela: fim -->").expect("o fim da tabela");
    // As duas primeiras linhas são o cabeçalho e o seu traço. Nenhuma forma tem uma barra vertical.
    let documentadas: Vec<String> = tabela
        .lines()
        .filter(|linha| linha.starts_with('|'))
        .skip(2)
        .map(|linha| linha.split('|').nth(1).unwrap_or_default().trim().to_owned())
        .collect();
    let existentes: Vec<String> = TABELA
        .iter()
        .map(|verbete| verbete.formas.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join("<br>"))
        .collect();
    assert_eq!(documentadas, existentes);
    for verbete in &TABELA {
        assert!(
            documento.contains(&format!("\n### {}\n", verbete.palavra)),
            "falta a seção {}",
            verbete.palavra
        );
        for linha in tabela.lines().filter(|l| l.starts_with(&format!("| `{} ", verbete.palavra))) {
            assert!(linha.contains(verbete.participio), "{}: {linha}", verbete.participio);
        }
    }
}

/// Cada código de recusa que o programa diz está no documento.
#[test]
fn cada_recusa_esta_no_protocolo() {
    let documento = ler("docs/PROTOCOLO.md");
    let erros = ler("protocolo/src/error.rs");
    let codigos: BTreeSet<&str> = erros
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|texto| texto.len() > 4 && texto.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .collect();
    assert!(codigos.len() >= 22, "{codigos:?}");
    for codigo in codigos {
        assert!(documento.contains(codigo), "{codigo} não está em docs/PROTOCOLO.md");
    }
}

/// Os documentos do projeto: o README, o CHANGELOG e os de `docs/`.
fn documentos() -> Vec<String> {
    let todos: Vec<String> = arquivos(".md").iter().map(|caminho| curto(caminho)).collect();
    assert!(todos.len() >= 9 && todos.contains(&"README.md".to_owned()), "{todos:?}");
    todos
}

/// Cada sessão escrita nos documentos é executada contra um servidor novo.
#[test]
fn sessoes_dos_documentos_acontecem() {
    let mut executadas = 0;
    for documento in documentos() {
        let texto = ler(&documento);
        for (linha, sessao) in blocos(&texto, "sessao") {
            let servidor = ServidorDeTeste::new();
            if let Err(falha) = tentar(servidor.endereco(), &sessao.join("\n")) {
                panic!("{documento}, linha {}: {falha}", linha + falha.linha - 1);
            }
            executadas += 1;
        }
    }
    assert!(executadas >= 10, "só {executadas} sessões foram achadas");
}

/// Quem chega lê o README inteiro; o resto está nos documentos a que ele leva.
#[test]
fn readme_cabe_numa_leitura() {
    let linhas = ler("README.md").lines().count();
    assert!(linhas <= 200, "o README tem {linhas} linhas");
}

/// A arquitetura se lê em qualquer terminal.
#[test]
fn arquitetura_cabe_na_largura() {
    for (numero, linha) in (1..).zip(ler("docs/ARQUITETURA.md").lines()) {
        let colunas = linha.chars().count();
        assert!(colunas <= 120, "docs/ARQUITETURA.md:{numero} tem {colunas} colunas: {linha}");
    }
}

/// O nome com que se chega a um título: minúsculas, sem pontuação, com traços no lugar dos espaços.
fn ancora(titulo: &str) -> String {
    let letras = titulo.to_lowercase();
    let letras = letras.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    letras.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// As linhas que não estão entre cercas de código.
fn prosa(texto: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut dentro = false;
    (1..).zip(texto.lines()).filter(move |(_, linha)| {
        let cerca = linha.trim().starts_with("```");
        dentro ^= cerca;
        !dentro && !cerca
    })
}

/// Cada ligação de um documento a outro, a um arquivo ou a um título leva a algum lugar; e cada arquivo que um nomeia existe.
#[test]
fn ligacoes_dos_documentos_existem() {
    let mut conferidas = 0;
    for documento in documentos() {
        let texto = ler(&documento);
        let pasta = Path::new(&documento).parent().unwrap_or(Path::new(""));
        for (numero, linha) in prosa(&texto) {
            for pedaco in linha.split("](").skip(1) {
                let alvo = pedaco.split(')').next().unwrap_or_default();
                if alvo.contains("://") {
                    continue;
                }
                let (arquivo, titulo) = alvo.split_once('#').map_or((alvo, None), |(a, t)| (a, Some(t)));
                let caminho =
                    if arquivo.is_empty() { PathBuf::from(&documento) } else { pasta.join(arquivo) };
                let inteiro = raiz().join(&caminho);
                assert!(inteiro.exists(), "{documento}:{numero}: {alvo} não existe");
                if let Some(titulo) = titulo {
                    let la = fs::read_to_string(&inteiro).expect("o documento se lê");
                    let titulos = prosa(&la).filter(|(_, l)| l.starts_with('#'));
                    let mut ancoras = titulos.map(|(_, l)| ancora(l.trim_start_matches('#').trim()));
                    assert!(ancoras.any(|uma| uma == titulo), "{documento}:{numero}: não há {alvo}");
                }
                conferidas += 1;
            }
            for nome in linha
                .split('`')
                .skip(1)
                .step_by(2)
                .filter(|nome| documento != "CHANGELOG.md" && !nome.contains(' '))
            {
                let nosso = ["servidor/", "cliente/", "protocolo/", "tests/", "docs/"]
                    .iter()
                    .any(|p| nome.starts_with(p));
                // Esta pasta só nasce com a primeira falha.
                let simples =
                    !nome.contains(['{', '*', '<', ':']) && !nome.ends_with("proptest-regressions/");
                assert!(
                    !(nosso && simples) || raiz().join(nome).exists(),
                    "{documento}:{numero}: {nome} não existe"
                );
            }
        }
    }
    assert!(conferidas >= 40, "só {conferidas} ligações foram achadas");
}

#[test]
fn cada_modulo_diz_o_que_e() {
    for caminho in arquivos(".rs") {
        let texto = fs::read_to_string(&caminho).expect("o arquivo se lê");
        let primeira = texto.lines().next().unwrap_or_default();
        assert!(primeira.starts_with("//! ") && primeira.len() > 10, "{} não abre com //!", curto(&caminho));
    }
}

/// As raízes de crate: bibliotecas, programas e binários de teste.
#[test]
fn cada_crate_proibe_unsafe() {
    let mut raizes = 0;
    for caminho in arquivos(".rs") {
        let nome = curto(&caminho);
        let de_programa = ["src/lib.rs", "src/main.rs"].iter().any(|fim| nome.ends_with(fim))
            || caminho.parent().is_some_and(|pasta| pasta.ends_with("src/bin"));
        if de_programa {
            let texto = fs::read_to_string(&caminho).expect("o arquivo se lê");
            assert!(
                texto.lines().any(|linha| linha == "#![forbid(unsafe_code)]"),
                "{nome} não proíbe unsafe"
            );
            raizes += 1;
        }
    }
    assert!(raizes >= 5, "só {raizes} raízes de crate foram achadas");
    assert!(ler("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"), "o workspace não proíbe unsafe");
}

/// As linhas de código, numeradas: sem comentários, e sem os testes que ficam no fim do arquivo.
pub fn codigo(texto: &str) -> Vec<(usize, &str)> {
    (1..)
        .zip(texto.lines())
        .take_while(|(_, linha)| {
            !linha.trim_start().starts_with("#[cfg(test)]") && !linha.starts_with("#[cfg(all(test")
        })
        .filter(|(_, linha)| !linha.trim_start().starts_with("//"))
        .collect()
}

/// Palavras que só podem aparecer em certos arquivos do servidor: (palavra, em quais, por quê).
const RESERVADAS: [(&str, &[&str], &str); 9] = [
    ("parking_lot", &["sincronia.rs"], "só sincronia.rs importa travas"),
    ("std::thread", &["sincronia.rs"], "só sincronia.rs importa threads"),
    ("thread::spawn", &[], "entra em pânico quando o sistema nega a thread"),
    ("sync::Mutex", &["sincronia.rs"], "só sincronia.rs importa travas"),
    ("sync::Condvar", &["sincronia.rs"], "só sincronia.rs importa travas"),
    ("sync::RwLock", &[], "há uma trava só, e é um mutex"),
    ("Instant::now", &["relogio.rs"], "só relogio.rs lê o relógio"),
    ("sync::{", &[], "uma importação em chaves esconde uma trava deste teste"),
    ("thread::sleep", &["sincronia.rs"], "espera-se por uma condição"),
];

#[test]
fn cada_arquivo_do_servidor_so_toca_no_que_pode() {
    let fontes: Vec<PathBuf> =
        arquivos(".rs").into_iter().filter(|c| curto(c).starts_with("servidor/src/")).collect();
    assert!(fontes.len() >= 15, "{fontes:?}");
    let mut achadas = BTreeSet::new();
    for (palavra, onde, porque) in RESERVADAS {
        for caminho in &fontes {
            let texto = fs::read_to_string(caminho).expect("o arquivo se lê");
            let nome = caminho.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for (numero, linha) in codigo(&texto) {
                // As do shuttle imitam as de verdade, e os átomos são a outra metade de std::sync.
                let aqui = linha.contains(palavra)
                    && !linha.contains("shuttle::")
                    && !linha.contains("std::sync::atomic");
                assert!(!aqui || onde.contains(&&nome[..]), "{}:{numero}: {porque}: {linha}", curto(caminho));
                if aqui {
                    achadas.insert(palavra);
                }
            }
        }
    }
    // Se nem onde se pode elas aparecem, é a busca que não acha nada.
    assert!(achadas.is_superset(&["parking_lot", "std::thread", "Instant::now"].into()), "{achadas:?}");
}

/// A sala é código sequencial puro.
#[test]
fn sala_nao_conhece_trava_thread_relogio_log_nem_socket() {
    // `Duration` é só um número, e `Instante` é o nosso: compara-se e soma-se, não sabe que horas são.
    const ALHEIAS: [&str; 16] = [
        "sincronia",
        "parking_lot",
        "Mutex",
        "Atomic",
        "Arc",
        "std::sync",
        "std::thread",
        "SystemTime",
        "Instant",
        "relogio",
        "log::",
        "narracao",
        "std::io",
        "std::net",
        "std::fs",
        "println!",
    ];
    let mut partes = 0;
    for caminho in arquivos(".rs") {
        let nome = curto(&caminho);
        // Os instantes e as horas de que a sala fala são tão puros como ela.
        let da_sala = nome.starts_with("servidor/src/sala/") && !nome.ends_with("tests.rs")
            || ["servidor/src/tempo/instante.rs", "servidor/src/tempo/momento.rs"].contains(&&nome[..]);
        if da_sala {
            let texto = fs::read_to_string(&caminho).expect("o arquivo se lê");
            for (numero, linha) in codigo(&texto) {
                let linha = linha.replace("Instante", "");
                for alheia in ALHEIAS {
                    assert!(!linha.contains(alheia), "{nome}:{numero}: a sala não conhece {alheia}: {linha}");
                }
            }
            partes += 1;
        }
    }
    assert!(partes >= 12, "só {partes} arquivos da sala foram achados");
}

/// O protocolo só usa a biblioteca padrão, e dela nada que fale com o mundo.
#[test]
fn protocolo_nao_conhece_socket_thread_nem_relogio() {
    for caminho in arquivos(".rs").iter().filter(|c| curto(c).starts_with("protocolo/src/")) {
        let texto = fs::read_to_string(caminho).expect("o arquivo se lê");
        for (numero, linha) in codigo(&texto) {
            for alheia in ["std::net", "std::thread", "std::time", "std::sync", "std::fs", "std::process"] {
                assert!(!linha.contains(alheia), "{}:{numero}: {alheia}: {linha}", curto(caminho));
            }
        }
    }
    assert_eq!(dependencias(&ler("protocolo/Cargo.toml"), &["dependencies"]), BTreeSet::new());
}

/// Os nomes das dependências nas seções dadas de um Cargo.toml.
fn dependencias(cargo: &str, secoes: &[&str]) -> BTreeSet<String> {
    let mut dentro = false;
    let mut nomes = BTreeSet::new();
    for linha in cargo.lines().map(str::trim) {
        if let Some(secao) = linha.strip_prefix('[') {
            let secao = secao.trim_end_matches(']');
            dentro = secoes.iter().any(|s| secao == *s || secao.ends_with(&format!(".{s}")));
            // [dependencies.nome] também é uma dependência.
            for pai in secoes {
                nomes.extend(secao.strip_prefix(pai).and_then(|r| r.strip_prefix('.')).map(str::to_owned));
            }
        } else if dentro && !linha.is_empty() && !linha.starts_with('#') {
            let nome = linha.split(['=', '.', ' ']).next().unwrap_or_default().trim_matches('"');
            nomes.insert(nome.to_owned());
        }
    }
    nomes
}

#[test]
fn cada_dependencia_tem_o_seu_porque() {
    const SECOES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    // As nossas são pastas do workspace, e não pacotes de fora.
    let e_nossa = |nome: &str| {
        [nome, &format!("tests/{nome}")].iter().any(|p| raiz().join(p).join("Cargo.toml").exists())
    };
    let mut todas = BTreeSet::new();
    for caminho in arquivos("Cargo.toml") {
        todas.extend(dependencias(&fs::read_to_string(&caminho).expect("o arquivo se lê"), &SECOES));
    }
    todas.retain(|nome| !e_nossa(nome));
    assert!(todas.len() >= 10 && todas.contains("parking_lot"), "{todas:?}");
    let documento = ler("docs/DEPENDENCIAS.md");
    let faltam: Vec<&String> =
        todas.iter().filter(|nome| !documento.contains(&format!("`{nome}`"))).collect();
    assert!(faltam.is_empty(), "sem uma linha em docs/DEPENDENCIAS.md: {faltam:?}");
    let de_mais: Vec<&str> = documento
        .lines()
        .filter_map(|linha| linha.strip_prefix("| `")?.split('`').next())
        .filter(|nome| !todas.contains(*nome))
        .collect();
    assert!(de_mais.is_empty(), "em docs/DEPENDENCIAS.md, e nenhuma crate usa: {de_mais:?}");
}
