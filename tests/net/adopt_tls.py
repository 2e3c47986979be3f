# SPDX-License-Identifier: GPL-2.0
"""
adopt_tls.py: connections with kernel TLS become sessions. The client's end of each has
kTLS, too, with the same keys, so that it can say anything in records.
"""
import errno as E
import os
import socket
import struct
import threading

from adopt import MIB, World, ended, pump, result
from genl import A, CMD, SOL_TLS, TLS_1_2, TLS_1_3, encrypt, receive, text, ulp
from unload import must, until

ALERT, HANDSHAKE, DATA = 21, 22, 23
SET_TYPE, GET_TYPE = 1, 2
CLOSE_NOTIFY = b"\1\0"
CREDIT, READER = 2, 4   # enum tunnel_blocked
NAMES = {TLS_1_2: "1.2", TLS_1_3: "1.3"}


def say(s, kind, data):
    """One record that is not data."""
    s.sendmsg([data], [(SOL_TLS, SET_TYPE, bytes([kind]))])


def hear(s, n=4096):
    """(type, bytes) of the next record, or of a part of it."""
    data, extra, _, _ = s.recvmsg(n, socket.CMSG_SPACE(1))
    kinds = [d[0] for level, kind, d in extra if level == SOL_TLS and kind == GET_TYPE]
    return kinds[0] if kinds else DATA, data


def says_goodbye(s):
    """close_notify, then FIN."""
    try:
        return hear(s) == (ALERT, CLOSE_NOTIFY) and hear(s)[1] == b""
    except OSError as e:
        return e


class Tls(World):
    version = TLS_1_2

    def client(self, family=None):
        c, a = super().client(family)
        ulp(c, a)
        encrypt(c, a, 1, version=self.version)
        encrypt(a, c, 7, version=self.version)
        return c, a


def blocked(w, by):
    return any(x[A.BLOCKED] == bytes([by]) for x in w.sessions())


def exchange(w):
    name = NAMES[w.version]
    for read in (0, 1, 5000):
        hello = os.urandom(20000)
        c, s = w.through(send=hello, read=read)
        good = receive(s, len(hello)) == hello and pump(c, s, os.urandom(MIB)) and \
            pump(s, c, os.urandom(MIB))
        result("%s: %d bytes read before, a mebibyte each way" % (name, read), good)
        # a half-closed one goes on
        say(c, ALERT, CLOSE_NOTIFY)
        good = ended(s) and pump(s, c, b"last words")
        s.close()
        result("%s: close_notify is the end, both ways" % name, good and says_goodbye(c) is True)
        c.close()
    w.none_left()


def slow(w):
    """Who reads slowly: neither bytes nor the end are lost, though all is full."""
    c, a = w.client()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    must(w.hand(a))
    a.close()
    s, _ = w.service.accept()
    data = os.urandom(MIB // 4)

    def send():
        s.sendall(data)
        s.close()

    t = threading.Thread(target=send, daemon=True)
    t.start()
    until("all is full", lambda: blocked(w, READER))
    got = bytearray()
    while len(got) < len(data):
        part = c.recv(1 << 14)
        if not part:
            break
        got += part
    t.join()
    result("%s: through small buffers, and its end" % NAMES[w.version],
           got == data and says_goodbye(c) is True, "%d bytes" % len(got))
    # the other way: a service that does not read, at first
    data = os.urandom(3 * MIB)
    say(c, ALERT, CLOSE_NOTIFY)
    c.close()
    c, s = w.through()
    receive(s, 5)
    t = threading.Thread(target=c.sendall, args=(data,), daemon=True)
    t.start()
    until("the window is used up", lambda: blocked(w, CREDIT))
    good = receive(s, len(data)) == data
    t.join()
    result("%s: a service that reads late gets all" % NAMES[w.version], good)
    c.close()
    result("%s: FIN without close_notify is a reset" % NAMES[w.version], ended(s, E.ECONNRESET))
    s.close()
    w.none_left()


def control(w):
    """Records that are not data."""
    ticket = b"\4\0\1\0" + bytes(256)
    nothing = {TLS_1_2: [("a warning", ALERT, b"\1\x64"), ("HelloRequest", HANDSHAKE, bytes(4))],
               TLS_1_3: [("a ticket", HANDSHAKE, ticket), ("two tickets", HANDSHAKE, ticket * 2),
                         ("user_canceled", ALERT, b"\1\x5a")]}
    bad = {TLS_1_2: [("ClientHello", HANDSHAKE, b"\1\0\0\2xx")],
           TLS_1_3: [("KeyUpdate", HANDSHAKE, b"\x18\0\0\1\0"), ("a ticket in half", HANDSHAKE, ticket[:9]),
                     ("a warning", ALERT, b"\1\x64")]}
    for name, kind, record in nothing[w.version]:
        c, s = w.through()
        say(c, kind, record)
        c.sendall(b" world")
        good = receive(s, 11) == b"hello world"
        say(c, ALERT, CLOSE_NOTIFY)
        c.send(b"not looked at")
        result("%s: %s changes nothing" % (NAMES[w.version], name), good and ended(s))
        s.close()
        c.close()
    for name, kind, record in bad[w.version] + [("an alert", ALERT, b"\2\x28"), ("CCS", 20, b"\1"),
                                                ("an unknown record", 99, b"x")]:
        c, s = w.through()
        receive(s, 5)
        try:
            say(c, kind, record)
            c.send(b"x")
        except OSError:
            pass    # it was reset between the two
        result("%s: %s is a reset" % (NAMES[w.version], name), ended(s, E.ECONNRESET))
        result("%s: which its client hears of, and no close_notify" % NAMES[w.version],
               ended(c, E.ECONNRESET))
        s.close()
        c.close()
    w.none_left()


def bare(w):
    """A client without kTLS, whose other end has it and was handed over; and the service."""
    c, a = World.client(w)
    ulp(a)
    encrypt_one(a, w.version)
    must(w.hand(a))
    a.close()
    s, _ = w.service.accept()
    s.settimeout(20)
    return c, s


def forged(w):
    """Bytes that are no record of this connection."""
    c, s = bare(w)
    c.sendall(struct.pack("!BHH", DATA, 0x0303, 64) + os.urandom(64))
    result("%s: a record that is forged is a reset" % NAMES[w.version], ended(s, E.ECONNRESET))
    result("%s: for its sender, too" % NAMES[w.version], ended(c, E.ECONNRESET))
    c.close()
    s.close()
    w.none_left()


def encrypt_one(a, version):
    """Both directions of a socket whose other end is ours and has no kTLS."""
    encrypt(a, _Nobody(), 7, version=version)
    encrypt(_Nobody(), a, 1, version=version)


class _Nobody:
    def setsockopt(self, *_):
        pass


def wire(w):
    """What is given to it leaves encrypted."""
    c, s = bare(w)
    secret = b"attack at dawn!" * 100
    s.sendall(secret)
    s.close()
    got = b""
    while True:
        part = c.recv(65536)
        if not part:
            break
        got += part
    result("%s: no plaintext on the wire" % NAMES[w.version],
           len(got) > len(secret) and got[0] == DATA and b"dawn" not in got)
    c.close()
    w.none_left()


def resets(w):
    c, s = w.through()
    receive(s, 5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    result("%s: a service's reset is none of TLS" % NAMES[w.version], ended(c, E.ECONNRESET))
    c.close()
    word = b"502" * 100
    c, a = w.client()
    must(w.hand(a, {A.SERVICE: text("nobody"), A.REFUSAL: word}))
    a.close()
    result("%s: who is not accepted gets the last word, and a good-bye" % NAMES[w.version],
           receive(c, len(word)) == word and says_goodbye(c) is True)
    c.close()
    w.none_left()


def early_end(w):
    """Its end was there before it was handed over, and has been looked at."""
    c, a = w.client()
    c.sendall(b"all")
    say(c, ALERT, CLOSE_NOTIFY)
    prefix = receive(a, 3)
    try:
        a.recv(1)
        looked = False
    except OSError as e:
        looked = e.errno == E.EIO
    must(w.hand(a, {A.PREFIX: prefix}))
    a.close()
    s, _ = w.service.accept()
    s.settimeout(20)
    result("%s: an end that was read before" % NAMES[w.version],
           looked and receive(s, 4) == b"all")
    s.close()
    result("%s: and the answer to it" % NAMES[w.version], says_goodbye(c) is True)
    c.close()
    w.none_left()


def main():
    w = Tls()
    for w.version in (TLS_1_2, TLS_1_3):
        exchange(w)
        slow(w)
        control(w)
        forged(w)
        wire(w)
        resets(w)
        early_end(w)
    must(w.nl.call(CMD.FLUSH))


if __name__ == "__main__":
    main()
