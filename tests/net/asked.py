# SPDX-License-Identifier: GPL-2.0
"""
asked.py MODE: the daemon's side of SESSION_ASK and SESSION_ANSWER.

MODE answers: all that a daemon may say. leave: nothing; the namespace goes while sessions wait.
Tunnels to oneself, as in adopt.py; what connects to the listener of this script is asked for
by the kernel, of this script.
"""
import errno as E
import os
import random
import socket
import struct
import sys
import tempfile
import threading
import time

from adopt import ended, result
from genl import A, CMD, Genl, address, encrypt, pair, parse, receive, s32, show_address, text, u8, u32, u64, ulp
from unload import join, must, until

UNREACHABLE, LIMIT, NO_DAEMON = 4, 6, 18
REFUSED = 3


class Kernel:
    """A listener whose sessions the daemon is asked for, and the daemon."""

    def __init__(self):
        self.nl, self.asks = Genl(), Genl()
        self.plain = socket.create_server(("127.0.0.1", 0))
        join(self.nl, self.plain)
        self.asks.s.settimeout(20)
        self.register()
        must(self.nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("where"), A.TARGET: text("over there")}))
        self.door = self.listener({A.DESTINATION: text("a.example:80")})

    def register(self, more=None):
        must(self.nl.call(CMD.DAEMON_REGISTER, {A.ASK_PORT: u32(self.asks.port())} if more is None else more))

    def listener(self, more):
        there = must(self.nl.call(CMD.LISTENER_NEW, {A.NAME: text("d"), A.SERVICE: text("where"),
                                                     A.ADDRESS: address("127.0.0.1", 0), **more}))
        return "127.0.0.1", int.from_bytes(there.messages[0][A.ADDRESS][2:4], "big")

    def question(self):
        """The next one: its attributes."""
        data = self.asks.s.recv(1 << 16)
        if data[16] != CMD.SESSION_ASK:
            raise AssertionError("command %d" % data[16])
        return parse(data[20:])

    def comes(self):
        """A client, and what is asked of it."""
        c = socket.create_connection(self.door, 20)
        return c, self.question()

    def say(self, q, more):
        return self.nl.call(CMD.SESSION_ANSWER, {A.NAME: q[A.NAME], A.SESSION_ID: q[A.SESSION_ID],
                                                 A.ASK_ID: q[A.ASK_ID], **more})

    def lead(self, q, sock):
        return self.say(q, {A.FD: s32(sock if isinstance(sock, int) else sock.fileno())})

    def through(self, kind):
        """A client and its server, joined by an answer with such a socket."""
        c, q = self.comes()
        a, b = pair() if kind == "tcp" else socket.socketpair()
        must(self.lead(q, a))
        a.close()
        b.settimeout(60)
        return c, b

    def none_left(self):
        until("no session is left",
              lambda: not must(self.nl.call(CMD.SESSION_GET, {}, dump=True)).messages)


def both(c, s, size, step):
    """So many bytes each way at the same time, each with its end."""
    ways = [(c, s, random.randbytes(size)), (s, c, random.randbytes(size))]
    got = [b"", b""]

    def send(sock, data):
        for i in range(0, len(data), step):
            sock.sendall(data[i:i + step])
        sock.shutdown(socket.SHUT_WR)

    def read(n, sock):
        parts = []
        while more := sock.recv(1 << 16):
            parts.append(more)
        got[n] = b"".join(parts)

    threads = [threading.Thread(target=send, args=(a, data)) for a, _, data in ways] + \
        [threading.Thread(target=read, args=(n, b)) for n, (_, b, _) in enumerate(ways)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [got[n] == data for n, (_, _, data) in enumerate(ways)] == [True, True]


def question(k):
    c, q = k.comes()
    result("it asks with tunnel, service, target and what is asked for",
           [q.get(n) for n in (A.NAME, A.SERVICE, A.TARGET, A.DESTINATION)] ==
           [text("l"), text("where"), text("over there"), text("a.example:80")], q)
    result("and says who it is", show_address(q[A.PEER_ADDR]) == c.getsockname(), q)
    shown = [m for m in must(k.nl.call(CMD.SESSION_GET, {}, dump=True)).messages if m[A.NAME] == text("l")]
    result("it waits, and shows what for", len(shown) == 1 and shown[0][A.STATE] == u8(0) and
           shown[0][A.DESTINATION] == text("a.example:80"), shown)
    must(k.say(q, {A.REASON: u8(UNREACHABLE)}))
    result("a reason ends it", ended(c, E.ECONNRESET))
    answer = k.say(q, {A.REASON: u8(UNREACHABLE)})
    result("then there is nobody to answer", answer.errno == E.ENOENT, answer)
    c.close()
    k.none_left()


def streams(k):
    for kind in "tcp", "unix":
        for size, step in (0, 1), (1, 1), (255, 255), (256, 256), (3000, 7), (300000, 4096), (3 << 20, 1 << 20):
            c, s = k.through(kind)
            result("%s: %d bytes each way, in pieces of %d" % (kind, size, step), both(c, s, size, step))
            c.close()
            s.close()
    # what it said before the answer waits within its credit
    c, q = k.comes()
    early = os.urandom(100000)
    t = threading.Thread(target=c.sendall, args=(early,))
    t.start()
    until("the credit is used", lambda: any(
        m[A.NAME] == text("l") and struct.unpack("=Q", m[A.RX_QUEUED])[0] >= 32768
        for m in k.nl.call(CMD.SESSION_GET, {}, dump=True).messages))
    a, b = socket.socketpair()
    must(k.lead(q, a))
    a.close()
    result("what came before the answer", receive(b, len(early)) == early)
    t.join()
    for s in (b, c):
        s.close()
    k.none_left()


def ends(k):
    for kind in "tcp", "unix":
        c, s = k.through(kind)
        c.sendall(b"question")
        c.shutdown(socket.SHUT_WR)
        good = receive(s, 9) == b"question"
        s.sendall(b"answer")
        s.close()
        result(kind + ": an answer behind the end of the question", good and receive(c, 7) == b"answer")
        c.close()
        c, s = k.through(kind)
        s.sendall(b"greeting")
        s.shutdown(socket.SHUT_WR)
        good = receive(c, 9) == b"greeting"
        c.sendall(b"thanks")
        c.close()
        result(kind + ": thanks behind the end of the greeting", good and receive(s, 7) == b"thanks")
        s.close()
        c, s = k.through(kind)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.sendall(b"x")
        receive(s, 1)
        c.close()
        result(kind + ": a client that resets", ended(s, E.ECONNRESET if kind == "tcp" else b""))
        s.close()
        c, s = k.through(kind)
        c.sendall(b"unread")
        s.recv(1)
        s.close()
        result(kind + ": a server that closes with something unread", ended(c, E.ECONNRESET) or ended(c))
        c.close()
        # a writer is stopped, and all comes when the reader reads
        c, s = k.through(kind)
        sent = 0
        c.settimeout(1)
        try:
            while sent < 64 << 20:
                sent += c.send(bytes(1 << 16))
        except TimeoutError:
            pass
        c.settimeout(20)
        result(kind + ": a reader that takes nothing stops the writer", sent < 64 << 20, sent)
        c.shutdown(socket.SHUT_WR)
        got = 0
        while more := s.recv(1 << 20):
            got += len(more)
        result(kind + ": and gets all of it", got == sent, "%d of %d" % (got, sent))
        c.close()
        s.close()
    # what a program says last gets through, though it has not read all, or more comes for it
    for unread in True, False:
        c, s = k.through("unix")
        c.sendall(bytes(50000))
        receive(s, 1 if unread else 50000)
        last = os.urandom(150000)
        s.settimeout(20)
        t = threading.Thread(target=s.sendall, args=(last,))
        t.start()
        t.join()
        s.close()
        try:
            c.sendall(bytes(50000))
        except ConnectionError:
            pass
        result("unix: the last words of a program that is gone, %s" % ("with bytes unread" if unread else "and bytes for it"),
               receive(c, len(last)) == last)
        c.close()
    c, s = k.through("unix")
    s.close()
    c.settimeout(20)
    result("unix: who is gone is seen to be", ended(c))
    until("its session goes", lambda: all(m[A.NAME] != text("l") for m in
                                          k.nl.call(CMD.SESSION_GET, {}, dump=True).messages))
    result("unix: and its session goes on this side, though nobody writes", True)
    c.close()
    c, s = k.through("unix")
    socket.send_fds(s, [b"with one"], [0])
    result("a descriptor goes nowhere", receive(c, 8) == b"with one")
    c.close()
    s.close()
    k.none_left()


def wrong(k):
    c, q = k.comes()

    def no(name, errno, sentence, sock):
        answer = k.lead(q, sock)
        result("no answer: " + name, answer.errno == errno and sentence in answer.sentence, answer)

    no("a closed descriptor", E.EBADF, "not an open file", 999)
    with open("/dev/null") as f:
        no("a file", E.ENOTSOCK, "not a socket", f)
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        no("UDP", E.EPROTOTYPE, "must be a TCP socket", s)
    for kind in socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
        a, b = socket.socketpair(type=kind)
        no("unix, but no stream (%d)" % kind, E.EPROTOTYPE, "unix stream", a)
        a.close()
        b.close()
    no("a listening socket", E.ENOTCONN, "not connected", k.plain)
    with tempfile.TemporaryDirectory() as d, socket.socket(socket.AF_UNIX) as s:
        no("unix, not connected", E.ENOTCONN, "not connected", s)
        s.bind(d + "/s")
        s.listen()
        no("unix, listening", E.ENOTCONN, "not connected", s)
    a, b = socket.socketpair()
    again = a.dup()
    no("two descriptors", E.EBUSY, "more than one descriptor", a)
    again.close()
    x, y = pair()
    ulp(x, y)
    encrypt(x, y, 1)
    no("kTLS in one direction", E.EPROTO, "does not decrypt what this socket receives", x)
    x.close()
    y.close()
    other = Genl()
    answer = other.call(CMD.SESSION_ANSWER, {A.NAME: q[A.NAME], A.SESSION_ID: q[A.SESSION_ID], A.ASK_ID: q[A.ASK_ID],
                                             A.REASON: u8(REFUSED)})
    result("no answer: from somebody else", answer.errno == E.EPERM and "only the registered daemon" in answer.sentence,
           answer)
    other.close()
    answer = k.say({**q, A.ASK_ID: u64(1 << 40)}, {A.REASON: u8(REFUSED)})
    result("no answer: to another question", answer.errno == E.ENOENT, answer)
    answer = k.say({**q, A.SESSION_ID: u64(1 << 62)}, {A.REASON: u8(REFUSED)})
    result("no answer: about a session that is not there", answer.errno == E.ENOENT, answer)
    must(k.lead(q, a))
    a.close()
    c.sendall(b"after all")
    result("the right one is taken after all of them", receive(b, 9) == b"after all")
    a2, b2 = socket.socketpair()
    no("a second one", E.ENOENT, "nobody waits", a2)
    a2.sendall(b"mine")
    result("whose socket stays as it was", receive(b2, 4) == b"mine")
    for s in (a2, b2, b, c):
        s.close()
    k.none_left()


def turned_away(k):
    """A client that is reset; connect() may hear of that already."""
    try:
        with socket.create_connection(k.door, 20) as c:
            return ended(c, E.ECONNRESET)
    except ConnectionResetError:
        return True


def times(k):
    # the client goes while the daemon thinks
    c, q = k.comes()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    k.none_left()
    a, b = socket.socketpair()
    answer = k.lead(q, a)
    result("who is gone gets no answer", answer.errno == E.ENOENT, answer)
    a.close()
    b.close()
    # many at once, answered in any order, some twice
    many = [k.comes() for _ in range(60)]
    random.shuffle(many)
    left = []
    for c, q in many:
        a, b = socket.socketpair()
        must(k.lead(q, a))
        k.say(q, {A.REASON: u8(REFUSED)})
        a.close()
        left.append((c, b))
    good = 0
    for c, b in left:
        b.sendall(b"%d" % c.getsockname()[1])
        b.close()
        good += receive(c, 6) == b"%d" % c.getsockname()[1]
        c.close()
    result("60 at a time, in any order", good == 60, good)
    k.none_left()
    # answers race with resets
    for n in range(100):
        c, q = k.comes()
        a, b = socket.socketpair()
        t = threading.Thread(target=k.say, args=(q, {A.FD: s32(a.fileno())}))
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        t.start()
        if n % 3:
            time.sleep(0.0005 * (n % 3))
        c.close()
        t.join()
        a.close()
        b.close()
    k.none_left()
    result("answers and resets at the same time", True)
    # other targets while it waits
    c, q = k.comes()
    must(k.nl.call(CMD.SERVICE_SET, {A.SERVICE: text("where"), A.TARGET: text("elsewhere")}))
    c2, q2 = k.comes()
    result("another target is for those that come", q2[A.TARGET] == text("elsewhere"), q2)
    must(k.nl.call(CMD.SERVICE_DEL, {A.SERVICE: text("where")}))
    a, b = socket.socketpair()
    must(k.lead(q, a))
    a.close()
    b.sendall(b"still")
    result("one that waits is answered though the service is gone", receive(c, 5) == b"still")
    b.close()
    must(k.nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("where"), A.TARGET: text("over there")}))
    # nobody answers
    began = time.monotonic()
    c2.settimeout(60)
    result("without an answer it ends", ended(c2, E.ECONNRESET))
    took = time.monotonic() - began
    result("after 30 s", 20 < took < 45, took)
    c.close()
    c2.close()
    # nobody reads the questions
    full, refused = [], 0
    for _ in range(600):
        try:
            full.append(socket.create_connection(k.door, 20))
        except ConnectionResetError:
            refused += 1
    for c in full:
        c.settimeout(0)
        try:
            refused += c.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionResetError:
            refused += 1
    result("of 600 questions that nobody reads, some do not fit: refused", 0 < refused < 600, refused)
    for c in full:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    k.none_left()
    k.asks.s.settimeout(0.5)
    while True:
        try:
            k.question()
        except TimeoutError:
            break
        except OSError as e:
            if e.errno != E.ENOBUFS:    # which says that some did not fit
                raise
    k.asks.s.settimeout(20)
    # no daemon
    k.nl.close()
    result("no daemon: at once", turned_away(k))
    k.nl = Genl()
    k.register({})
    result("nor one that takes no questions", turned_away(k))
    k.register()
    c, q = k.comes()
    must(k.nl.call(CMD.FLUSH))
    result("a flush ends what waits", ended(c, E.ECONNRESET))
    answer = k.say(q, {A.REASON: u8(REFUSED)})
    result("about which there is no tunnel to answer any more", answer.errno == E.ENOENT, answer)
    c.close()


def main():
    k = Kernel()
    if sys.argv[1] == "leave":
        c, _ = k.comes()
        c, s = k.through("unix")
        c.sendall(b"x")
        receive(s, 1)
        return
    for part in question, streams, ends, wrong, times:
        part(k)


main()
