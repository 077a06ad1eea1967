//! Os limites do servidor, num lugar só: cada um com a unidade no nome e a razão ao lado.
//!
//! Os do contrato, que o cliente também conhece, são os de [`protocolo::limites`]. Cada limite tem um teste no limite e um logo
//! além dele. Este módulo não usa nada do servidor.

use protocolo::limites::LINHA_BYTES_MAX;

// ---- As conexões ----

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
/// Quantos bytes de eventos o núcleo guarda de uma conexão que observa e não lê: sem isto ele guardaria megabytes.
pub const OBSERVADOR_BYTES: usize = 64 * 1024;
/// De quanto em quanto tempo se olha se quem observa e não lia voltou a ler, em milissegundos.
pub const CARTEIRO_OLHADA_MS: u64 = 20;
/// A quantos observadores o carteiro escreve de cada vez, antes de descansar: um décimo de milissegundo ou dois, para que
/// ninguém espere muito pelo processador.
pub const CARTEIRO_TURMA: usize = 32;
/// Depois de cada turma, o carteiro descansa tantas vezes o tempo que trabalhou: por mais que observem, ele gasta um décimo
/// de um processador, e as mudanças que vierem nesse meio tempo vão juntas.
pub const CARTEIRO_DESCANSO: u32 = 9;
/// O mais que o carteiro descansa depois de cada turma, em milissegundos: quem observa ainda acha que vê ao vivo.
pub const CARTEIRO_DESCANSO_MS_MAX: u64 = 5;
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
/// Quantos bytes de respostas de uma conexão esperam pelo disco, como valores, antes que ela espere com elas: algumas centenas de
/// respostas comuns, que num lote só é mais do que um `fsync` deixa juntar.
pub const POR_DECIDIR_BYTES_MAX: usize = 64 * 1024;
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
