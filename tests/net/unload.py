# SPDX-License-Identifier: GPL-2.0
"""
unload.py MODULE ROUNDS: load, tunnel to oneself by a carrier with known keys,
bytes through a session, flush under that live session, unload; again and again.
"""
import socket
import subprocess
import sys
import time

from genl import A, CMD, Genl, address, attr, encrypt, pair, s32, text, u8, ulp


def must(answer):
    if answer.errno:
        sys.exit("%s" % answer)
    return answer


def until(what, condition):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            sys.exit("not within 20 s: " + what)
        time.sleep(0.005)


def unload():
    """The last references of a flush are dropped by work that is on its way."""
    return subprocess.run(["rmmod", "tunnel"], stderr=subprocess.DEVNULL).returncode == 0


def attach(nl, name, sock):
    must(nl.call(CMD.CARRIER_ATTACH, {A.NAME: text(name), A.FD: s32(sock.fileno()),
                                      A.PEER_PIN: bytes(32)}))
    sock.close()


def join(nl, service, more=None):
    """Tunnels d and l, joined by a carrier, to a listening socket. Return: the port
    on 127.0.0.1 that leads there."""
    common = {A.PEER_PIN: bytes(32), A.KEY: text("/none"), **(more or {})}
    must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text("d"), A.ROLE: u8(0), A.REMOTE: text("x:1"), **common}))
    must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text("l"), A.ROLE: u8(1), A.LOCAL: text("x:1"), **common}))
    must(nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("s"), A.ADDRESS: address(*service.getsockname())}))
    there = must(nl.call(CMD.LISTENER_NEW, {A.NAME: text("d"), A.SERVICE: text("s"),
                                            A.ADDRESS: address("127.0.0.1", 0)}))
    a, b = pair()
    ulp(a, b)
    encrypt(a, b, 1)
    encrypt(b, a, 7)
    attach(nl, "l", b)
    attach(nl, "d", a)
    return int.from_bytes(there.messages[0][A.ADDRESS][2:4], "big")


def round_(module, service):
    subprocess.run(["insmod", module], check=True)
    nl = Genl()
    port = join(nl, service)
    client = socket.create_connection(("127.0.0.1", port), 20)
    server, _ = service.accept()
    server.settimeout(20)
    client.sendall(b"through the tunnel")
    if server.recv(18, socket.MSG_WAITALL) != b"through the tunnel":
        sys.exit("other bytes came out")
    server.sendall(bytes(200000))	# and leave it on its way
    if unload():
        sys.exit("rmmod with a live session was not refused")
    must(nl.call(CMD.FLUSH))
    nl.close()
    for s in (client, server):
        try:
            while s.recv(65536):
                pass
        except ConnectionError:
            pass
        s.close()
    until("rmmod", unload)


def main():
    rounds = int(sys.argv[2])
    service = socket.create_server(("127.0.0.1", 0))
    service.settimeout(20)
    for n in range(1, rounds + 1):
        round_(sys.argv[1], service)
        if n % 25 == 0:
            print("# %d rounds" % n, flush=True)


if __name__ == "__main__":
    main()
