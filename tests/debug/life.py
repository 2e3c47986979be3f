# SPDX-License-Identifier: GPL-2.0
"""
A life of the module in one namespace, for tests in this folder: a tunnel "d" that
dials and a tunnel "l" that listens, linked to each other by carriers with known
keys; a listener that leads to a service; and exchanges between programs on both
ends, of which every byte is compared. from life import *
"""
import errno
import select
import socket
import struct
import sys
import time

from genl import A, CMD, Genl, address, encrypt, pair, s32, text, u8, ulp

PIN = bytes(32)
HOST = "127.0.0.1"
STATE_UP = 2
# A bound, not a time of waiting: far beyond what an honest run takes here.
SECONDS = 60


def must(answer):
    if answer.errno:
        sys.exit("%s" % answer)
    return answer


def ask(nl, *request, **how):
    """A request that changes nothing; again when there was no memory for the answer."""
    for _ in range(50):
        answer = nl.call(*request, **how)
        if answer.errno not in (errno.ENOMEM, errno.ENOBUFS):
            break
    return must(answer)


def until(what, condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("not within %d s: %s" % (seconds, what))
        time.sleep(0.005)


def pattern(seed, length):
    """Bytes of which no two places look the same."""
    words = range(seed << 24, (seed << 24) + length // 4 + 1)
    return struct.pack("<%dI" % len(words), *(w & 0xffffffff for w in words))[:length]


TUNNELS = {name: {A.NAME: text(name), A.ROLE: u8(role), A.PEER_PIN: PIN, A.KEY: text("/none"),
                  (A.REMOTE, A.LOCAL)[role]: text("x:1")} for name, role in (("d", 0), ("l", 1))}


class Life:
    def __init__(self):
        self.nl = Genl()
        self.target = socket.create_server((HOST, 0), backlog=200)
        self.target.setblocking(False)
        self.port = None
        self.attached = 0	# pairs of carriers
        self.index = 0

    def setup(self):
        for t in TUNNELS.values():
            must(self.nl.call(CMD.TUNNEL_NEW, t))
        must(self.nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("s"),
                                            A.ADDRESS: address(*self.target.getsockname())}))
        there = must(self.nl.call(CMD.LISTENER_NEW, {A.NAME: text("d"), A.SERVICE: text("s"),
                                                     A.ADDRESS: address(HOST, 0)}))
        self.port = int.from_bytes(there.messages[0][A.ADDRESS][2:4], "big")

    @staticmethod
    def sockets():
        """The two ends of a carrier to be: for "d" and for "l"."""
        a, b = pair()
        ulp(a, b)
        encrypt(a, b, 1)
        encrypt(b, a, 7)
        return a, b

    def attach(self):
        """A new pair of carriers. Return: the errno of a refusal, or 0."""
        self.attached += 1
        for name, sock in zip(("d", "l"), self.sockets()):
            answer = self.nl.call(CMD.CARRIER_ATTACH, {
                A.NAME: text(name), A.FD: s32(sock.fileno()), A.PEER_PIN: PIN})
            sock.close()
            if answer.errno:
                return answer.errno
        return 0

    def up(self):
        return all(ask(self.nl, CMD.TUNNEL_GET, {A.NAME: text(name)}).messages[0][A.STATE][0]
                   == STATE_UP for name in TUNNELS)

    def link(self):
        if self.attach():
            sys.exit("no carrier could be attached")
        until("both tunnels are up", self.up)

    def stats(self):
        """All counters, by name."""
        raw, found = ask(self.nl, CMD.STATS_GET).messages[0][A.STATS], {}
        while len(raw) >= 4:
            length, = struct.unpack_from("=H", raw)
            stat, one = raw[4:length], {}
            while len(stat) >= 4:
                size, number = struct.unpack_from("=HH", stat)
                one[number & 0x3fff] = stat[4:size]
                stat = stat[(size + 3) & ~3:]
            found[one[A.STAT_NAME][:-1].decode()] = int.from_bytes(one[A.STAT_VALUE], "little")
            raw = raw[(length + 3) & ~3:]
        return found

    def sessions(self):
        return ask(self.nl, CMD.SESSION_GET, dump=True).messages

    def idle(self):
        until("no session is left", lambda: not self.sessions())

    def turn_away(self):
        """Close what came to the service and was never asked for."""
        while select.select([self.target], [], [], 0)[0]:
            self.target.accept()[0].close()

    def flush(self):
        must(self.nl.call(CMD.FLUSH))


class End:
    """One end of an exchange, non-blocking. over: None, "exact", "reset", or what is wrong."""

    def __init__(self, sock, out=b"", want=None, piece=1 << 16):
        sock.setblocking(False)
        self.sock, self.out, self.want, self.piece = sock, memoryview(out), want, piece
        self.got = bytearray()
        self.sent, self.shut, self.eof, self.over = 0, False, False, None
        self.ready = True	# to send; and to end its direction when all is sent

    def wants(self):
        """For select(): read, write"""
        return not self.eof, self.ready and self.want is not None and not self.shut

    def read(self):
        more = self.sock.recv(1 << 16)
        self.got += more
        if not more:
            self.eof = True
        elif self.want is not None and len(self.got) > len(self.want):
            self.over = "%d bytes and more for %d" % (len(self.got), len(self.want))

    def write(self):
        if self.sent < len(self.out):
            self.sent += self.sock.send(self.out[self.sent:self.sent + self.piece])
        elif not self.shut:
            self.shut = True
            self.sock.shutdown(socket.SHUT_WR)

    def step(self, readable, writable):
        try:
            if readable:
                self.read()
            if writable:
                self.write()
        except BlockingIOError:
            return
        except ConnectionError:
            self.over = "reset"
        except OSError as e:
            # what shutdown() says of a connection that was reset since
            self.over = "reset" if e.errno == errno.ENOTCONN else str(e)
        if self.eof and self.want is not None and not self.over and self.got != self.want:
            same = next((i for i, (x, y) in enumerate(zip(self.got, self.want)) if x != y), None)
            self.over = "truncated at %d of %d bytes" % (len(self.got), len(self.want)) \
                if same is None else "other bytes from %d on" % same
        if self.eof and self.shut and not self.over:
            self.over = "exact"


class Exchange:
    """
    A program connects, both ends send at once; the service keeps half of its
    answer until the program has ended its direction.
    """

    def __init__(self, life, up=20000, down=20000, piece=1 << 16, answer_piece=1 << 16,
                 options=(), answer_options=()):
        life.index += 1
        self.seed = life.index
        self.up = struct.pack("!I", self.seed) + pattern(self.seed, up)
        self.down = pattern(self.seed + 100000, down)
        self.answer_piece, self.answer_options = answer_piece, answer_options
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(SECONDS)
        self.answer = None
        self.failed = False
        try:
            sock.connect((HOST, life.port))
        except OSError:
            self.failed = True
        self.program = End(sock, self.up, self.down, piece)
        if self.failed:
            self.program.over = "reset"

    def abort(self):
        """The program goes, by RST."""
        self.program.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        self.program.sock.close()

    def answer_by(self, end):
        """The service has accepted it and knows who it is."""
        self.answer = end
        end.out, end.want, end.piece = memoryview(self.down), self.up, self.answer_piece
        for option in self.answer_options:
            end.sock.setsockopt(*option)

    def over(self):
        """None: not yet; else "exact", "reset", or what is wrong."""
        here, there = self.program.over, self.answer.over if self.answer else None
        for end in (here, there):
            if end not in (None, "exact", "reset"):
                return end
        if here == "exact":
            return there if there in (None, "exact") else "exact here, %s there" % there
        if here == "reset" and (there or not self.answer):
            return "reset"
        return None


def run(life, exchanges, tend=None, seconds=SECONDS):
    """
    Until all exchanges are over. tend: called now and then. Return: what became of
    each; "stuck" when time is up.
    """
    waiting, strangers = {e.seed: e for e in exchanges}, []
    end, next_tend = time.monotonic() + seconds, 0
    while not all(e.over() for e in exchanges):
        now = time.monotonic()
        if now > end:
            break
        if tend and now > next_tend:
            tend()
            next_tend = now + 0.1
        ends = [x for e in exchanges for x in (e.program, e.answer) if x and not x.over] + strangers
        reads = [x for x in ends if x.wants()[0]]
        writes = [x for x in ends if x.wants()[1]]
        r, w, _ = select.select([life.target] + [x.sock for x in reads],
                                [x.sock for x in writes], [], 0.05)
        readable, writable = {s.fileno() for s in r}, {s.fileno() for s in w}
        for x in ends:
            n = x.sock.fileno()
            x.step(n in readable, n in writable)
        if life.target.fileno() in readable:
            try:
                strangers.append(End(life.target.accept()[0]))
            except OSError:
                pass
        for x in list(strangers):
            if len(x.got) >= 4 and not x.over:
                e = waiting.get(struct.unpack_from("!I", x.got)[0])
                if e is None or e.answer:
                    return ["a stranger's first bytes are %s" % x.got[:8].hex()]
                e.answer_by(x)
            if x.eof and x.want is None and not x.over:
                x.over = "an end after %d bytes" % len(x.got)
            if x.over or x.want is not None:
                strangers.remove(x)
                if x.over and x.over != "reset":
                    return ["the service saw: %s" % x.over]
        for e in exchanges:
            x = e.answer
            if x and not x.over:
                # the second half only behind the end of the other direction
                x.ready = x.eof or x.sent < len(x.out) // 2
    said = [e.over() or "stuck: program %s %d/%d %d/%d, service %s" % (
        e.program.over, e.program.sent, len(e.up), len(e.program.got), len(e.down),
        e.answer and "%s %d/%d %d/%d" % (e.answer.over, e.answer.sent, len(e.down),
                                         len(e.answer.got), len(e.up))) for e in exchanges]
    # not before: TCP aborts what is closed with bytes unsent while its memory is short
    for x in strangers + [x for e in exchanges for x in (e.program, e.answer) if x]:
        x.sock.close()
    return said
