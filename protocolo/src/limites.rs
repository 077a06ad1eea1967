//! Todos os limites da Reserva, num lugar só: cada um com a unidade no nome e a razão ao lado.
//!
//! Este módulo não usa nenhum outro. Cada limite tem um teste no limite e um logo além dele.

// ---- A sala ----

/// Quantos assentos a sala tem; vão de 1 a este número. Cabem todos num `u128` (ver [`crate::Assentos`]).
pub const ASSENTOS_MAX: u8 = 100;
/// Quantos assentos há numa fileira: é o que "lado a lado" quer dizer.
pub const FILEIRA_ASSENTOS: u8 = 10;

const _: () = assert!(ASSENTOS_MAX as u32 <= u128::BITS, "um conjunto de assentos é um u128");
const _: () = assert!(ASSENTOS_MAX % FILEIRA_ASSENTOS == 0, "a última fileira também é inteira");

// ---- A linha ----

/// Quantos bytes uma linha pode ter, contado o seu fim (LF ou CRLF).
///
/// O maior pedido legítimo é `RESERVAR QUANTIDADE 100 PREFERINDO` com os cem assentos um a um e uma cláusula
/// `CERCA` de vinte dígitos: 35 + 292 + 27 = 354 bytes. O resto é folga para quem digita espaços.
pub const LINHA_BYTES_MAX: usize = 1024;

const _: () = assert!(LINHA_BYTES_MAX > 35 + 292 + 27, "o maior pedido legítimo cabe");

// ---- Pessoas ----

/// Quantas letras um nome pode ter: cabe numa coluna da tela.
pub const NOME_LETRAS_MAX: usize = 32;
/// Quantos bytes tem a chave de um cliente: 128 bits não se adivinham por tentativa.
pub const CHAVE_BYTES: usize = 16;

// ---- Prazos pedidos pelo cliente ----

/// O menor prazo que se pode pedir em `POR` e `ATE`, em segundos.
pub const PRAZO_S_MIN: u32 = 1;
/// O maior prazo que se pode pedir em `POR` e `ATE`, em segundos; e o mais que um assento fica segurado.
pub const PRAZO_S_MAX: u32 = 3600;
/// Por quanto tempo `SEGURAR` segura quando não se diz `POR`, em segundos: dá para terminar uma compra.
pub const SEGURAR_S_PADRAO: u32 = 120;
/// Por quanto tempo o token pode ficar com alguém quando não se diz `POR`, em segundos.
pub const TOKEN_S_PADRAO: u32 = 30;

const _: () = assert!(PRAZO_S_MIN <= TOKEN_S_PADRAO && TOKEN_S_PADRAO <= SEGURAR_S_PADRAO);
const _: () = assert!(SEGURAR_S_PADRAO <= PRAZO_S_MAX);

// ---- O servidor ----

/// Onde o servidor escuta e o cliente procura quando não se diz outra coisa: só esta máquina, por segurança.
pub const ENDERECO_PADRAO: &str = "127.0.0.1:7878";
/// Quantas conexões o servidor aceita quando não se diz `--max-conexoes`. Cada uma é uma thread, e uma thread
/// ocupa quatro mapeamentos de memória dos 65.530 que o Linux dá a um processo: este número fica longe do fim.
pub const CONEXOES_PADRAO: usize = 12_000;
/// Mapeamentos de memória que uma thread ocupa (pilha, guarda, pilha de sinais, guarda dela): medido.
pub const MAPEAMENTOS_POR_THREAD: usize = 4;
/// Mapeamentos que ficam para o resto do processo: bibliotecas, heap, arquivos.
pub const MAPEAMENTOS_RESERVA: usize = 4_000;
/// Descritores que ficam para o resto do processo: escuta, log, arquivos de dados.
pub const DESCRITORES_RESERVA: usize = 32;
/// Threads que ficam para o resto do processo: escuta, log, sinais.
pub const THREADS_RESERVA: usize = 16;
/// Quantas conexões podem esperar pelo `accept`. A biblioteca padrão pede 128; numa rajada, o que não cabe
/// espera segundos pela retransmissão do SYN. O núcleo corta este número em `net.core.somaxconn`.
pub const FILA_DE_ESCUTA_MAX: u32 = 4096;
/// A pilha de cada thread de cliente, em bytes: o caminho de um pedido não tem recursão nem vetor grande, e é
/// também o bastante para o programa compilado sem otimização. Só as páginas tocadas ocupam memória.
pub const PILHA_BYTES: usize = 128 * 1024;
/// Quanto uma conexão pode ficar calada quando não se diz `--inatividade`, em segundos: uma aula inteira.
pub const INATIVIDADE_S_PADRAO: u64 = 7200;
/// O maior `--inatividade`, em segundos: um dia.
pub const INATIVIDADE_S_MAX: u64 = 86_400;
/// Quanto uma linha pode demorar do primeiro byte ao fim, em milissegundos: quem manda um byte por vez para
/// prender uma thread (slowloris) é desligado; quem digita no telnet caractere a caractere, não.
pub const LINHA_PRAZO_MS: u64 = 120_000;
/// Quanto o servidor espera por quem não lê a sua resposta, em milissegundos, contado da resposta inteira.
pub const ESCRITA_PRAZO_MS: u64 = 10_000;
/// De quanto em quanto tempo quem espera a vez olha se o seu cliente ainda está lá, em milissegundos: quem se foi sai
/// da fila em menos de um segundo, e mil que esperam acordam só duas mil vezes por segundo.
pub const OLHADA_MS: u64 = 500;
/// Quantas mudanças da sala se guardam para contar uma a uma a quem observa: mais de meio segundo a duzentas por segundo.
/// Quem ficou mais para trás recebe só o que resultou delas.
pub const EVENTOS_MAX: usize = 128;
/// Quantos bytes de eventos o núcleo guarda de uma conexão que observa e não lê: sem isto ele guardaria megabytes.
pub const OBSERVADOR_BYTES: usize = 64 * 1024;
/// De quanto em quanto tempo se olha se quem observa e não lia voltou a ler, em milissegundos.
pub const DIFUSAO_OLHADA_MS: u64 = 20;
/// A quantos observadores a difusão escreve de cada vez, antes de descansar: um décimo de milissegundo ou dois, para que
/// ninguém espere muito pelo processador.
pub const DIFUSAO_TURMA: usize = 32;
/// Depois de cada turma, a difusão descansa tantas vezes o tempo que trabalhou: por mais que observem, ela gasta um décimo
/// de um processador, e as mudanças que vierem nesse meio tempo vão juntas.
pub const DIFUSAO_DESCANSO: u32 = 9;
/// O mais que a difusão descansa depois de cada turma, em milissegundos: quem observa ainda acha que vê ao vivo.
pub const DIFUSAO_DESCANSO_MS_MAX: u64 = 5;
/// Depois de quanto silêncio o TCP manda a primeira sonda, em segundos.
pub const SONDA_S: u64 = 60;
/// De quanto em quanto tempo manda as outras, em segundos.
pub const SONDA_INTERVALO_S: u64 = 15;
/// Quantas sondas sem resposta derrubam a conexão.
pub const SONDAS: u32 = 4;
/// Quantos bytes lidos de uma conexão esperam para ser entendidos: uma linha.
pub const ENTRADA_BYTES: usize = LINHA_BYTES_MAX;
/// Quantos bytes de resposta se juntam antes de escrever, mesmo que ainda haja pedidos por atender.
pub const SAIDA_BYTES_MAX: usize = 16 * 1024;
/// Quanto da saída pode continuar reservado para a próxima resposta, em bytes: um lote comum cabe, e quem só pede
/// uma coisa por vez nunca chega a tanto. O que passa disto é devolvido depois de escrito.
pub const SAIDA_BYTES_QUIETA: usize = 2048;
/// Quantos bytes se leem e jogam fora depois de recusar uma conexão, para que a recusa chegue antes do RST.
pub const RESTO_BYTES_MAX: usize = 64 * 1024;
/// Quanto dura essa leitura do resto, em milissegundos.
pub const RESTO_PRAZO_MS: u64 = 500;
/// Quanto a escuta descansa depois de uma falha do `accept` (descritores esgotados), em milissegundos.
pub const ESCUTA_PAUSA_MS: u64 = 50;
/// Quanto o servidor espera pelas conexões ao encerrar, em milissegundos, antes de cortá-las.
pub const PARADA_PRAZO_MS: u64 = 2_000;
/// A maior pausa de `--demonstrar-corrida`, em milissegundos: dá tempo de digitar em dois terminais, e quem espera pela
/// resposta ainda não acha que o servidor parou.
pub const CORRIDA_MS_MAX: u64 = 10_000;
/// Quantos bytes de mensagens esperam pela tela; o que passa disto é contado e jogado fora, nunca esperado.
pub const MENSAGENS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Quantos bytes do que um cliente escreveu uma mensagem do servidor mostra.
pub const MOSTRA_BYTES_MAX: usize = 200;
/// Quantas linhas o console mostra de uma lista: uma tela.
pub const MOSTRADOS_MAX: usize = 40;

const _: () = assert!(ENTRADA_BYTES >= LINHA_BYTES_MAX, "uma linha cabe na entrada");
const _: () = assert!(SAIDA_BYTES_QUIETA < SAIDA_BYTES_MAX);

// ---- O armazém ----

/// A pilha da thread que grava, em bytes: o SQLite é mais fundo do que o caminho de um pedido.
pub const GRAVADOR_PILHA_BYTES: usize = 1024 * 1024;
/// Quanto a thread que grava espera acordada pela mudança seguinte, em microssegundos: o que um `fsync` costuma demorar. Custa
/// no máximo isso de processador por lote, e com uma conexão dá um décimo mais de pedidos por segundo.
pub const GRAVADOR_RONDA_US: u64 = 200;
/// Até quantas respostas de um lote quem grava escreve ele mesmo: acordar outra thread demora mais do que isso.
pub const ENTREGAS_POUCAS: usize = 8;
/// Depois de o disco recusar, de quanto em quanto tempo se tenta gravar o que venceu, em milissegundos.
pub const REGRAVAR_MS: u64 = 100;
/// Quantos números de cliente se reservam de cada vez no disco: depois de um `kill -9`, é o mais que se pulam.
pub const CLIENTES_RESERVA: u64 = 20;
/// Quantos fatos da vida de um assento `HISTORICO` mostra, os mais novos: algumas telas.
pub const HISTORICO_MAX: usize = 100;
/// O arquivo da sala quando não se diz `--banco` nem `--memoria`.
pub const BANCO_PADRAO: &str = "reservas.db";

/// Quanto se espera por outro programa que escreve no arquivo da sala, em milissegundos, antes de recusar o lote: quem abriu
/// o arquivo para olhar termina antes disso, e quem esqueceu uma transação aberta não prende o servidor.
pub const ARQUIVO_OCUPADO_MS: u64 = 2_000;
/// Quantas páginas o WAL junta, mais ou menos, antes de passarem para o arquivo: quatro MiB, o que o SQLite também escolhe.
pub const WAL_PAGINAS: usize = 1_000;
/// Quantos fatos da vida dos assentos o armazém na memória guarda: cem por assento, um megabyte.
pub const HISTORICO_MEMORIA_MAX: usize = 10_000;
