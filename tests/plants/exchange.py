# SPDX-License-Identifier: GPL-2.0
"""
exchange.py: two tunnels joined to each other; a few sessions that send both ways
at once, end well or by a reset; then flush. Says "ok", or in one line what is wrong.
"""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
from genl import CMD, Genl  # noqa: E402
from unload import join, must  # noqa: E402

SIZE = 300000
SECONDS = 20


def echo(service):
    while True:
        s, _ = service.accept()
        threading.Thread(target=echo_one, args=(s,), daemon=True).start()


def echo_one(s):
    try:
        while data := s.recv(65536):
            s.sendall(data)
    except ConnectionError:
        pass
    s.close()


def send(s, data):
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def one(port):
    data = os.urandom(SIZE)
    s = socket.create_connection(("127.0.0.1", port), SECONDS)
    s.settimeout(SECONDS)
    threading.Thread(target=send, args=(s, data), daemon=True).start()
    got = b""
    try:
        while more := s.recv(65536):
            got += more
    except TimeoutError:
        return "stuck after %d of %d bytes" % (len(got), SIZE)
    except ConnectionError as e:
        return "%s after %d of %d bytes" % (e, len(got), SIZE)
    return None if got == data else "other bytes came back"


def main():
    service = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=echo, args=(service,), daemon=True).start()
    nl = Genl()
    port = join(nl, service)
    for _ in range(3):
        why = one(port)
        if why:
            break
    must(nl.call(CMD.FLUSH))
    print(why or "ok")


main()
