#!/usr/bin/env python3
"""Um cliente da Reserva: python3 docs/exemplos/cliente.py [--servidor HOST:PORTA] RESERVAR 3 7

Sai com 0 se foi OK, 1 se foi recusado, 2 se o uso está errado, 3 se não há conexão. O contrato: docs/PROTOCOLO.md."""
import os
import socket
import sys

QUE_FECHAM = ("LOTADO", "INATIVO", "ENCERRANDO", "PROTOCOLO")  # o servidor diz uma destas recusas e desliga


class Cliente:
    """Uma conexão: um pedido por linha; a resposta são linhas de dados e uma linha final, OK ou ERRO."""

    def __init__(self, host, porta):
        self.conexao = socket.create_connection((host, porta)).makefile("rw", encoding="utf-8", newline="\n")
        _, self.saudacao = self.ler()  # o servidor fala primeiro

    def pedir(self, pedido):
        self.conexao.write(pedido + "\n")
        self.conexao.flush()
        return self.ler()

    def ler(self):
        dados = []
        for linha in map(str.rstrip, self.conexao):
            palavra, codigo = (linha.split(" ") + [""])[:2]
            if palavra == "ERRO" and codigo in QUE_FECHAM:
                raise ConnectionError(linha)
            if palavra in ("OK", "ERRO"):
                return dados, linha
            if palavra == "EVENTO" and not dados:  # depois de OBSERVAR, vêm entre respostas, nunca dentro de uma
                print(linha)
            else:
                dados.append(linha)
        raise ConnectionError("o servidor fechou a conexão")


def main(argumentos):
    servidor = os.environ.get("RESERVA_SERVIDOR", "127.0.0.1:7878")
    if argumentos[:1] == ["--servidor"]:
        servidor, argumentos = "".join(argumentos[1:2]), argumentos[2:]
    host, _, porta = servidor.rpartition(":")
    if not argumentos or argumentos[0].startswith("-") or not porta.isdigit() or not "".join(argumentos).isprintable():
        print("uso: cliente.py [--servidor HOST:PORTA] COMANDO ...", file=sys.stderr)
        return 2
    try:
        dados, final = Cliente(host.strip("[]"), int(porta)).pedir(" ".join(argumentos))
    except (OSError, OverflowError, UnicodeDecodeError) as erro:
        print(f"cliente.py: {erro}", file=sys.stderr)
        return 3
    print(*dados, final, sep="\n")
    return 0 if final.startswith("OK") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
