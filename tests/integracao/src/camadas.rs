//! As pastas são camadas: cada uma só importa o que está abaixo dela, e nenhum arquivo importa quem o importa.
//!
//! Lê as importações do código e a ordem das camadas de `docs/ARQUITETURA.md`. `cargo test -p integracao camadas -- --nocapture` mostra
//! as contas: arquivos, setas, andares.

use std::collections::{BTreeMap, BTreeSet};

use crate::documentos::{arquivos, blocos, codigo, curto, ler};

/// Um arquivo e os que ele importa, pelo caminho do módulo, como em `rede::saida`; vazio é a raiz da crate.
type Setas = BTreeMap<String, BTreeSet<String>>;

/// O módulo de um arquivo, a partir de `src/`.
fn modulo(caminho: &str) -> String {
    let sem_fim = caminho.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(sem_fim, "lib" | "mod") { String::new() } else { sem_fim.replace('/', "::") }
}

/// Os caminhos que uma árvore de `use` nomeia: `a::{b, c::d}` são `a::b` e `a::c::d`.
fn abrir(arvore: &str) -> Vec<String> {
    let Some((antes, resto)) = arvore.split_once('{') else { return vec![arvore.trim().to_owned()] };
    let dentro = resto.rsplit_once('}').map_or(resto, |(dentro, _)| dentro);
    let (mut partes, mut funda) = (vec![String::new()], 0);
    for letra in dentro.chars() {
        funda += i32::from(letra == '{') - i32::from(letra == '}');
        match letra {
            ',' if funda == 0 => partes.push(String::new()),
            outra => partes.last_mut().expect("há uma parte").push(outra),
        }
    }
    let partes = partes.iter().flat_map(|parte| abrir(parte)).filter(|parte| !parte.is_empty());
    partes.map(|parte| format!("{}{parte}", antes.trim())).collect()
}

/// Os caminhos que o código de um arquivo nomeia, importados ou por extenso.
fn caminhos(texto: &str) -> Vec<String> {
    let codigo = codigo(texto).into_iter().map(|(_, linha)| linha).collect::<Vec<_>>().join("\n");
    let mut achados = Vec::new();
    for comando in codigo.split(';') {
        let comando = comando.trim_start();
        let uso = comando.rfind("use ").filter(|inicio| {
            comando[..*inicio].trim_end().is_empty()
                || comando[..*inicio].ends_with("pub ")
                || comando[..*inicio].ends_with('\n')
        });
        achados.extend(uso.map(|inicio| abrir(&comando[inicio + 4..])).unwrap_or_default());
    }
    let inteiro = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    let por_extenso = codigo.split(inteiro).filter(|palavra| palavra.contains("::"));
    achados.extend(por_extenso.map(str::to_owned));
    achados
}

/// O módulo, dos que existem, em que o caminho entra: o mais fundo.
fn destino(caminho: &str, de: &str, modulos: &BTreeSet<String>, e_pasta: bool) -> Option<String> {
    let mut base: Vec<&str> = if de.is_empty() { Vec::new() } else { de.split("::").collect() };
    let mut partes: Vec<&str> = caminho.split("::").map(str::trim).collect();
    match *partes.first()? {
        "crate" => base.clear(),
        // O pai de `sala::token`, e também o de `sala` visto de dentro da pasta, é quem a abre.
        "super" => _ = base.pop(),
        "self" => {}
        // Um filho, chamado pelo nome por quem abre a pasta.
        nome if e_pasta && modulos.contains(&[&base[..], &[nome]].concat().join("::")) => {
            partes.insert(0, "self")
        }
        _ => return None,
    }
    partes.remove(0);
    base.extend(partes);
    (1..=base.len()).rev().map(|n| base[..n].join("::")).find(|nome| modulos.contains(nome))
}

/// As setas entre os arquivos de uma crate.
fn setas(pasta: &str) -> Setas {
    let fontes: Vec<(String, String, bool)> = arquivos(".rs")
        .into_iter()
        .filter_map(|arquivo| {
            let nome = curto(&arquivo).strip_prefix(pasta)?.to_owned();
            let de_teste = nome.ends_with("tests.rs") || nome.contains("tests/");
            let e_pasta = nome.ends_with("mod.rs") || matches!(&nome[..], "lib.rs" | "main.rs");
            (!de_teste).then(|| (modulo(&nome), ler(&curto(&arquivo)), e_pasta))
        })
        .collect();
    let modulos: BTreeSet<String> = fontes.iter().map(|(nome, ..)| nome.clone()).collect();
    let mut setas = Setas::new();
    for (de, texto, e_pasta) in &fontes {
        let importados = setas.entry(de.clone()).or_default();
        for caminho in caminhos(texto) {
            importados.extend(destino(&caminho, de, &modulos, *e_pasta).filter(|para| para != de));
        }
    }
    // Quem abre uma pasta e os que a completam são um módulo só: a seta de um filho ao pai não conta.
    for (de, importados) in &mut setas {
        importados.retain(|para| !de.starts_with(&format!("{para}::")));
    }
    setas
}

/// O andar de cada um: um acima do mais alto que ele importa.
///
/// Erros: o círculo, se há um.
fn andares(setas: &Setas) -> Result<BTreeMap<&str, usize>, Vec<&str>> {
    let mut andares = BTreeMap::<&str, usize>::new();
    while andares.len() < setas.len() {
        let prontos: Vec<(&str, usize)> = setas
            .iter()
            .filter(|(de, _)| !andares.contains_key(&de[..]))
            .filter_map(|(de, para)| {
                let abaixo: Option<Vec<usize>> = para.iter().map(|p| andares.get(&p[..]).copied()).collect();
                Some((&de[..], abaixo?.into_iter().max().unwrap_or(0) + 1))
            })
            .collect();
        if prontos.is_empty() {
            return Err(setas.keys().map(|de| &de[..]).filter(|de| !andares.contains_key(de)).collect());
        }
        andares.extend(prontos);
    }
    Ok(andares)
}

#[expect(clippy::print_stdout, reason = "as contas são para quem pede para as ver")]
fn conferir_circulos(pasta: &str) -> Setas {
    let setas = setas(pasta);
    assert!(
        setas.len() >= 10 && setas.values().map(BTreeSet::len).sum::<usize>() >= 20,
        "{pasta}: {setas:?}"
    );
    match andares(&setas) {
        Ok(andares) => println!(
            "{pasta}: {} arquivos, {} setas, {} andares, nenhum círculo",
            setas.len(),
            setas.values().map(BTreeSet::len).sum::<usize>(),
            andares.values().max().unwrap_or(&0),
        ),
        Err(presos) => panic!("{pasta}: há um círculo entre {presos:?}"),
    }
    setas
}

#[test]
#[expect(clippy::print_stdout, reason = "as contas são para quem pede para as ver")]
fn camadas_so_importam_o_que_esta_abaixo() {
    let arquitetura = ler("docs/ARQUITETURA.md");
    let (_, ordem) = blocos(&arquitetura, "camadas").pop().expect("a ordem das camadas está escrita");
    let ordem: Vec<&str> = ordem.iter().filter_map(|linha| linha.split_whitespace().next()).collect();
    let setas = conferir_circulos("servidor/src/");
    let camada = |modulo: &str| {
        let pasta = modulo.split("::").next().unwrap_or_default();
        let nome = if matches!(pasta, "" | "main" | "argumentos") { "programa" } else { pasta };
        let nome = if matches!(nome, "config" | "limites" | "uso") { "raiz" } else { nome };
        ordem
            .iter()
            .position(|outra| *outra == nome)
            .unwrap_or_else(|| panic!("{nome} não tem lugar na ordem"))
    };
    let mut entre = BTreeSet::new();
    for (de, importados) in &setas {
        for para in importados {
            assert!(camada(de) <= camada(para), "{de} importa {para}, que está acima: a ordem é {ordem:?}");
            entre.insert((camada(de), camada(para)));
        }
    }
    let pastas = entre.iter().filter(|(de, para)| de != para).count();
    println!("servidor/src/: {} camadas, {pastas} setas entre elas, nenhuma para cima", ordem.len());
    assert!(pastas > ordem.len(), "quase não há setas entre pastas: {entre:?}");
}

#[test]
fn nenhum_circulo_nas_outras_crates() {
    for pasta in ["protocolo/src/", "cliente/src/", "tests/juiz/src/"] {
        conferir_circulos(pasta);
    }
}

/// O próprio conferidor: vê o que se importa de cada jeito, e acha um círculo.
#[test]
fn o_conferidor_ve_as_setas_e_os_circulos() {
    assert_eq!(abrir("crate::{a, b::{c, d}}"), ["crate::a", "crate::b::c", "crate::b::d"]);
    let modulos: BTreeSet<String> = ["", "a", "a::b", "c"].map(str::to_owned).into();
    for (caminho, de, e_pasta, para) in [
        ("crate::a::b::X", "c", false, Some("a::b")),
        ("crate::a::X", "c", false, Some("a")),
        ("super::X", "a::b", false, Some("a")),
        ("b::X", "a", true, Some("a::b")),
        ("std::fmt", "c", false, None),
    ] {
        assert_eq!(destino(caminho, de, &modulos, e_pasta).as_deref(), para, "{caminho} de {de}");
    }
    let texto =
        "use crate::a::X;\nfn f() -> super::c::Y { crate::a::b::g() }\n#[cfg(test)]\nuse crate::z::W;\n";
    let achados = caminhos(texto);
    assert!(
        ["crate::a::X", "super::c::Y", "crate::a::b::g"].iter().all(|um| achados.contains(&(*um).to_owned()))
    );
    assert!(!achados.iter().any(|um| um.contains("z::W")));
    let seta = |de: &str, para: &[&str]| (de.to_owned(), para.iter().map(|p| (*p).to_owned()).collect());
    let reta = Setas::from([seta("a", &["b"]), seta("b", &["c"]), seta("c", &[])]);
    assert_eq!(andares(&reta).expect("não há círculo")["a"], 3);
    let roda = Setas::from([seta("a", &["b"]), seta("b", &["a"]), seta("c", &[])]);
    assert_eq!(andares(&roda), Err(vec!["a", "b"]));
}
