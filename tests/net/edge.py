# SPDX-License-Identifier: GPL-2.0
"""
edge.py hold ADDRESS PORT CA N   N connections with TLS to a redis, asked when they are
                                 open, and again when standard input ends
edge.py strangers ADDRESS PORT   who does not speak TLS as it is, or too slowly
"""
import select
import socket
import ssl
import sys
import time


def context(ca=None):
    ctx = ssl.create_default_context(cafile=ca) if ca else ssl._create_unverified_context()
    return ctx


def ping(s):
    s.sendall(b"PING\r\n")
    return s.recv(64) == b"+PONG\r\n"


def hold(at, ca, n):
    ctx = context(ca)
    held = []
    for _ in range(n):
        s = ctx.wrap_socket(socket.create_connection(at, 30), server_hostname="a.example")
        if not ping(s):
            sys.exit("no answer")
        held.append(s)
    print("open", flush=True)
    sys.stdin.read()
    good = 0
    for s in held:
        try:
            good += ping(s)
        except OSError as e:
            print(e)
    print("%d of %d" % (good, n), flush=True)
    return good == n


def gone(s, within):
    """Is it closed, or reset, in time?"""
    s.settimeout(within)
    try:
        while s.recv(4096):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def client_hello():
    """The bytes of one."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(inward, outward, server_hostname="a.example")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return tls, inward, outward


def drip(at):
    """A handshake byte by byte, then a request likewise: it is answered."""
    s = socket.create_connection(at, 30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(30)
    tls, inward, outward = client_hello()

    def flush():
        for b in outward.read():
            s.send(bytes([b]))

    def step(do):
        while True:
            try:
                return do()
            except ssl.SSLWantReadError:
                flush()
                inward.write(s.recv(4096))
    flush()
    step(tls.do_handshake)
    tls.write(b"GET /index.html HTTP/1.0\r\nHost: a.example\r\n\r\n")
    flush()
    return step(lambda: tls.read(12)).startswith(b"HTTP/1.1 200")


def strangers(at):
    said = []
    for name, data in (("HTTP", b"GET / HTTP/1.0\r\n\r\n"), ("zeros", bytes(600)),
                       ("a record that is none", b"\x16\x03\x01\x40\x01" + bytes(600)),
                       ("half a ClientHello, and the end", client_hello()[2].read()[:50])):
        s = socket.create_connection(at, 30)
        s.sendall(data)
        if name.startswith("half"):
            s.shutdown(socket.SHUT_WR)
        if not gone(s, 5):
            said.append(name)
    silent = [socket.create_connection(at, 30) for _ in range(20)]
    for s in silent[:10]:
        s.sendall(client_hello()[2].read()[:20])
    if not drip(at):
        said.append("a handshake byte by byte beside them")
    end = time.monotonic() + 30
    while silent and time.monotonic() < end:
        for s in select.select(silent, [], [], 1)[0]:
            try:
                data = s.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                silent.remove(s)
    if silent:
        said.append("%d who say nothing stay" % len(silent))
    return said


def main():
    at = sys.argv[2], int(sys.argv[3])
    if sys.argv[1] == "hold":
        sys.exit(not hold(at, sys.argv[4], int(sys.argv[5])))
    said = strangers(at)
    if said:
        sys.exit("not as it must be: " + ", ".join(said))


if __name__ == "__main__":
    main()
