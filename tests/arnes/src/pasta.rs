//! Onde os testes põem um banco: uma pasta que some, ou um disco pequeno que se pode encher. Não conhece o servidor.

#![expect(clippy::unwrap_used, reason = "um teste para onde não consegue seguir")]

use std::path::PathBuf;
use std::process::Command;
use std::{fs, io};

/// Uma pasta que some ao ser solta.
#[derive(Debug)]
pub struct Pasta(pub PathBuf);

impl Pasta {
    /// Uma pasta vazia, com este nome e o número do processo.
    pub fn nova(nome: &str) -> Self {
        Self::criar(nome).unwrap()
    }

    /// Como [`Pasta::nova`], para um programa.
    ///
    /// Erros: o sistema negou a pasta.
    pub fn criar(nome: &str) -> io::Result<Self> {
        let pasta = std::env::temp_dir().join(format!("reserva-{nome}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&pasta);
        fs::create_dir_all(&pasta)?;
        Ok(Self(pasta))
    }

    /// Onde mora o banco.
    pub fn banco(&self) -> PathBuf {
        self.0.join("reservas.db")
    }

    /// Os nomes que há na pasta, em ordem.
    pub fn nomes(&self) -> Vec<String> {
        let nome = |entrada: io::Result<fs::DirEntry>| entrada.unwrap().file_name().into_string().unwrap();
        let mut nomes: Vec<String> = fs::read_dir(&self.0).unwrap().map(nome).collect();
        nomes.sort();
        nomes
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Um tmpfs montado na pasta; desmonta ao ser solto. `None`, e uma mensagem, onde não se pode montar.
#[derive(Debug)]
pub struct Montada(pub Pasta);

impl Montada {
    /// Um tmpfs com estas opções.
    #[expect(clippy::print_stdout, reason = "quem roda os testes precisa saber que este não rodou")]
    pub fn nova(nome: &str, opcoes: &str) -> Option<Self> {
        let pasta = Pasta::nova(nome);
        let saida =
            Command::new("mount").args(["-t", "tmpfs", "-o", opcoes, "reserva"]).arg(&pasta.0).output();
        if saida.is_ok_and(|saida| saida.status.success()) {
            return Some(Self(pasta));
        }
        println!("PULADO: {nome}: aqui não se pode montar um tmpfs");
        None
    }

    /// Muda as opções do que está montado.
    pub fn remontar(&self, opcoes: &str) {
        let saida = Command::new("mount").args(["-o", &format!("remount,{opcoes}")]).arg(&self.0.0).output();
        assert!(saida.unwrap().status.success(), "remount,{opcoes}");
    }
}

impl Drop for Montada {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0.0).output();
    }
}
