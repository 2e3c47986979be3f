# SPDX-License-Identifier: GPL-2.0
"""
adopt.py MODE: connections that user space has accepted become sessions.

MODE handover: of tunnels to oneself in this namespace; linger: here, without a daemon,
they end with the module's linger.
"""
import errno as E
import os
import select
import socket
import struct
import sys
import threading

from genl import A, CMD, Genl, address, encrypt, pair, receive, s32, show_address, text, u8, ulp
from unload import join, must, until

MIB = 1 << 20
OPAQUE, HTTP1, MESSAGES = 3, 0, 6


def result(name, good, why=""):
    print("%s %s%s" % ("ok" if good else "not ok", name, "" if good else ": %s" % why), flush=True)


class World:
    """A service of the peer, and a listener of ours whose connections we hand over."""

    def __init__(self):
        self.service = socket.create_server(("127.0.0.1", 0))
        self.front = socket.create_server(("127.0.0.1", 0))
        for s in (self.service, self.front):
            s.settimeout(20)
        self.nl = Genl()
        join(self.nl, self.service)

    def client(self, family=None):
        """A client, and what accept() gives for it."""
        front = self.front
        if family == socket.AF_INET6:
            front = socket.create_server(("::1", 0), family=family)
        c = socket.create_connection(front.getsockname()[:2], 20)
        a, _ = front.accept()
        a.settimeout(20)
        return c, a

    def hand(self, sock, more=None):
        """The kernel's answer."""
        attrs = {A.NAME: text("d"), A.SERVICE: text("s"),
                 A.FD: s32(sock if isinstance(sock, int) else sock.fileno()), **(more or {})}
        return self.nl.call(CMD.SESSION_NEW, {k: v for k, v in attrs.items() if v is not None})

    def through(self, more=None, family=None, send=b"hello", read=0):
        """Client and server end of a connection that was handed over, after the client
        has sent something of which some was read."""
        c, a = self.client(family)
        c.sendall(send)
        prefix = receive(a, read) if read else b""
        if read:
            more = {A.PREFIX: prefix, **(more or {})}
        self.id = int.from_bytes(must(self.hand(a, more)).messages[0][A.SESSION_ID], "little")
        a.close()
        s, _ = self.service.accept()
        s.settimeout(20)
        return c, s

    def sessions(self):
        return must(self.nl.call(CMD.SESSION_GET, {}, dump=True)).messages

    def none_left(self):
        until("no session is left", lambda: not self.sessions())


def pump(a, b, data):
    """data from a to b; True if it came as it was."""
    t = threading.Thread(target=a.sendall, args=(data,), daemon=True)
    t.start()
    good = receive(b, len(data)) == data
    t.join()
    return good


def ended(s, how=b""):
    """Does it end: how is b"" for FIN, or an errno?"""
    try:
        return s.recv(1) == how
    except OSError as e:
        return e.errno == how


def exchange(w):
    for read in (0, 1, 5, 300, 16384):
        hello = os.urandom(20000)
        c, s = w.through({A.PROTOCOL: u8(HTTP1)}, send=hello, read=read)
        got = receive(s, len(hello))
        result("%d bytes read before come first, the others behind them" % read, got == hello,
               "%d bytes, %d of them right" % (len(got), os.path.commonprefix([got, hello]).__len__()))
        both = pump(c, s, os.urandom(MIB)) and pump(s, c, os.urandom(MIB))
        c.shutdown(socket.SHUT_WR)
        good = both and ended(s) and pump(s, c, b"last words")
        s.close()
        result("a mebibyte each way, and both ends", good and ended(c))
        c.close()
    w.none_left()


def what_shows(w):
    c, s = w.through({A.PROTOCOL: u8(HTTP1)})
    mine = [x for x in w.sessions() if int.from_bytes(x[A.SESSION_ID], "little") == w.id]
    result("both sides show its protocol", len(mine) == 2 and
           all(x[A.PROTOCOL] == u8(HTTP1) for x in mine), mine)
    host, port = c.getsockname()
    shown = {show_address(x[A.PEER_ADDR]) for x in mine if A.PEER_ADDR in x}
    result("and whose it is", shown == {(host, port)} or shown == {("::ffff:" + host, port)}, shown)
    c.close()
    s.close()
    for family, given in ((None, ("192.0.2.7", 4711)), (None, ("2001:db8::7", 4711)),
                          (socket.AF_INET6, None)):
        c, s = w.through({A.PEER_ADDR: address(*given)} if given else None, family)
        want = given or c.getsockname()[:2]
        shown = {show_address(x[A.PEER_ADDR]) for x in w.sessions()
                 if int.from_bytes(x[A.SESSION_ID], "little") == w.id and A.PEER_ADDR in x}
        result("%s from %s" % ("a client told to be" if given else "a client", want[0]),
               shown in ({want}, {("::ffff:" + want[0], want[1])}), shown)
        c.close()
        s.close()
    w.none_left()


def ends(w):
    c, a = w.client()
    c.sendall(b"x" * 1000)
    c.shutdown(socket.SHUT_WR)
    until("the FIN is there", lambda: select.select([a], [], [], 0)[0])
    must(w.hand(a))
    a.close()
    s, _ = w.service.accept()
    result("one whose client has finished already", receive(s, 1001) == b"x" * 1000)
    s.sendall(b"answer")
    s.close()
    result("and waits for the answer", receive(c, 7) == b"answer")
    c.close()

    c, s = w.through()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    receive(s, 5)
    c.close()
    result("a client's reset gets through", ended(s, E.ECONNRESET))
    s.close()
    c, s = w.through()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    result("a server's too", ended(c, E.ECONNRESET))
    c.close()
    c, a = w.client()
    must(w.hand(a, {A.SERVICE: text("nobody")}))
    a.close()
    result("a service that the peer has not: reset", ended(c, E.ECONNRESET))
    c.close()
    w.none_left()


def last_word(w):
    """REFUSAL: for who is not accepted, and for nobody else."""
    word = bytes(range(256)) * 2
    for size, sends in ((0, b""), (1, b"x"), (512, b"y" * MIB)):
        c, a = w.client()
        must(w.hand(a, {A.SERVICE: text("nobody"), A.REFUSAL: word[:size]}))
        a.close()
        try:
            # not even nothing: it would take the error that recv() is to show
            if sends:
                c.sendall(sends)
        except OSError:
            pass
        if size:
            got = receive(c, size + 1)
            result("not accepted: %d bytes of a last word, and the end" % size, got == word[:size], got)
        else:
            result("an empty one is none", ended(c, E.ECONNRESET))
        c.close()
    w.none_left()
    c, s = w.through({A.REFUSAL: word})
    receive(s, 5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    result("who was accepted does not get it", ended(c, E.ECONNRESET))
    c.close()
    # who does not take it, or is gone
    for gone in (False, True):
        c, a = w.client()
        must(w.hand(a, {A.SERVICE: text("nobody"), A.REFUSAL: word}))
        a.close()
        if gone:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        until("the session is gone", lambda: not w.sessions())
        c.close()
    result("nor stays who is gone, or does not take it", True)
    w.none_left()


def refusals(w):
    c, a = w.client()

    def wrong(name, errno, sentence, sock=None, about=None, **more):
        answer = w.hand(a if sock is None else sock, {getattr(A, k): v for k, v in more.items()})
        result("refused: " + name, answer.errno == errno and sentence in answer.sentence and
               about in (None, answer.about), answer)

    wrong("no tunnel named", E.EINVAL, "NAME is missing", NAME=None)
    wrong("a tunnel that is not there", E.ENOENT, "no tunnel of this name", NAME=text("x"))
    wrong("no service named", E.EINVAL, "SERVICE is missing", SERVICE=None)
    wrong("no socket", E.EINVAL, "FD is missing", FD=None)
    wrong("a service of no good name", E.EINVAL, "1 to 63 characters", SERVICE=text("a/b"))
    wrong("messages", E.EPROTOTYPE, "no messages", PROTOCOL=u8(MESSAGES), about=A.PROTOCOL)
    wrong("a protocol that there is not", E.ERANGE, "", PROTOCOL=u8(7), about=A.PROTOCOL)
    wrong("an address in half", E.EINVAL, "whole struct sockaddr", PEER_ADDR=bytes(8), about=A.PEER_ADDR)
    wrong("a prefix of more than 16 KiB", E.ERANGE, "", PREFIX=bytes(16385), about=A.PREFIX)
    wrong("a last word of more than 512 bytes", E.ERANGE, "", REFUSAL=bytes(513), about=A.REFUSAL)
    wrong("a closed descriptor", E.EBADF, "not an open file", 999)
    with open("/dev/null") as f:
        wrong("a file", E.ENOTSOCK, "not a socket", f)
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        wrong("a UDP socket", E.EPROTOTYPE, "must be a TCP socket", udp)
    wrong("a listening socket", E.ENOTCONN, "not connected", w.front)
    with socket.socket() as fresh:
        wrong("a socket before connect()", E.ENOTCONN, "not connected", fresh)
    again = a.dup()
    wrong("a socket with two descriptors", E.EBUSY, "more than one descriptor")
    again.close()
    x, y = pair()
    ulp(x, y)
    encrypt(x, y, 1)
    wrong("a socket with kTLS that does not decrypt", E.EPROTO, "does not decrypt what this socket receives", x)
    wrong("a socket with kTLS that does not encrypt", E.EPROTO, "does not encrypt what this socket sends", y)
    for s in (x, y):
        s.close()
    c.sendall(b"still mine")
    result("after all of them it is its owner's", receive(a, 10) == b"still mine")
    must(w.hand(a))
    wrong("one that was handed over already", E.EBUSY, "more than one descriptor")
    a.close()
    c.close()
    w.service.accept()[0].close()
    w.none_left()


def many(w):
    got = []

    def serve():
        for _ in range(200):
            s, _ = w.service.accept()
            s.settimeout(20)
            data = receive(s, 1000)
            got.append(len(data))
            s.sendall(data)
            s.close()

    t = threading.Thread(target=serve)
    t.start()
    clients = []
    for n in range(200):
        c, a = w.client()
        c.sendall(bytes([n]) * 1000)
        must(w.hand(a, {A.PREFIX: receive(a, n)} if n else None))
        a.close()
        clients.append(c)
    good = 0
    for n, c in enumerate(clients):
        good += receive(c, 1001) == bytes([n]) * 1000
        c.close()
    t.join()
    result("200 at a time", good == 200, "%d of them" % good)
    w.none_left()
    c, _ = w.through()
    must(w.nl.call(CMD.FLUSH))
    result("a flush ends them", ended(c, E.ECONNRESET))
    c.close()


def main():
    w = World()
    if sys.argv[1] == "linger":
        c, s = w.through()
        c.settimeout(60)
        receive(s, 5)
        result("without a daemon it ends after the linger", ended(c, E.ECONNRESET))
        w.nl.call(CMD.FLUSH)
        return
    exchange(w)
    what_shows(w)
    ends(w)
    last_word(w)
    refusals(w)
    many(w)


if __name__ == "__main__":
    main()
