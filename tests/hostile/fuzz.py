# SPDX-License-Identifier: GPL-2.0
"""
Random streams: frames that make sense, spoilt by chance, in records of any
size. Whatever comes of it, the kernel answers PING, says GOAWAY, or waits for
the rest of a frame; and what it then has must be sound.
"""
import os
import random
import socket
import struct

from hellos import said
from peer import tlv
from world import ACCEPT, ACK, ALERT, DATA, END, GOAWAY, HELLO, OPEN, PATIENCE, PING, PONG, RESET, WINDOW, \
    Carrier, be64, frame, hello, open_

LONG = bool(os.environ.get("LONG"))
STREAMS = int(os.environ.get("STREAMS", 10000 if LONG else 100))    # for each role
SEED = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
GROUP = 50
EDGES = (0, 1, 2, 7, 8, 9, 15, 16, 17, 255, 256, 1040, 1041, 32767, 32768, 32769, 65535, 65536, 65537,
         (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 62) - 1, 1 << 62, 1 << 63, (1 << 64) - 1)


class Stream:
    """What one peer says, from a random number generator of its own."""

    def __init__(self, c, rnd):
        self.c, self.rnd = c, rnd

    def session(self):
        rnd, c = self.rnd, self.c
        n = rnd.choice((c.last, c.last, c.last, max(1, c.last - 1), rnd.randint(1, c.last + 2)))
        return c.ours(n or 1) if rnd.random() < 0.9 else c.theirs(rnd.randint(1, 5))

    def one(self):
        rnd, c = self.rnd, self.c
        kind = rnd.choices((OPEN, DATA, WINDOW, RESET, PING, PONG, ACK, ACCEPT, 100, HELLO, GOAWAY),
                           (20, 30, 8, 6, 6, 2, 6, 2, 4, 0.2, 0.2))[0]
        if kind == OPEN:
            c.last += 1
            more = tlv(rnd.randrange(128), rnd.randbytes(rnd.randrange(20))) if rnd.random() < 0.3 else b""
            return open_(c.ours(c.last), rnd.choice(("echo", "echo", "echo", "no", "silent", "closed")), more,
                         rnd.randrange(16))
        if kind == DATA:
            return frame(DATA, self.session(), rnd.randbytes(rnd.choice((1, 10, 255, 256, 257, 3000))),
                         END if rnd.random() < 0.1 else 0)
        if kind == WINDOW:
            return frame(WINDOW, self.session(), be64(rnd.randrange(1 << 24)))
        if kind == RESET:
            return frame(RESET, self.session(), reason=rnd.randrange(25))
        if kind in (PING, PONG):
            return frame(kind, payload=rnd.randbytes(8))
        if kind == ACK:
            return frame(ACK, payload=be64(rnd.randrange(c.received + 1)))
        if kind == ACCEPT:
            return frame(ACCEPT, c.theirs(rnd.randint(1, 5)))
        if kind == HELLO:
            return hello()
        if kind == GOAWAY:
            return frame(GOAWAY, payload=rnd.randbytes(8), reason=rnd.randrange(25))
        return frame(rnd.randrange(64, 128), rnd.getrandbits(64), rnd.randbytes(rnd.randrange(300)))

    def spoil(self, data):
        rnd = self.rnd
        data, how = bytearray(data), rnd.randrange(8)
        at = rnd.randrange(len(data))
        if how == 0:
            data[at] ^= 1 << rnd.randrange(8)
        elif how == 1:
            data[at] = rnd.randrange(256)
        elif how == 2:
            struct.pack_into("!I", data, 4, rnd.choice(EDGES) & 0xffffffff)
        elif how == 3:
            struct.pack_into("!Q", data, 8, rnd.choice(EDGES))
        elif how == 4 and len(data) >= 24:
            struct.pack_into("!Q", data, 16, rnd.choice(EDGES))
        elif how == 5:
            del data[at:]
        elif how == 6:
            data[at:at] = rnd.randbytes(rnd.randrange(1, 20))
        else:
            data += data[at:]
        return bytes(data)

    def text(self):
        rnd = self.rnd
        frames = [self.one() for _ in range(rnd.randint(1, 12))]
        if rnd.random() < 0.5:
            n = rnd.randrange(len(frames))
            frames[n] = self.spoil(frames[n])
        if rnd.random() < 0.1:
            rnd.shuffle(frames)
        return b"".join(frames)


def run(side, seed):
    """One stream. Return: None, or what is wrong."""
    rnd = random.Random(seed)
    if rnd.random() < 0.1:
        return spoilt_hello(side, rnd)
    c = side.carrier()
    program = None
    if rnd.random() < 0.2:
        program = socket.create_connection(side.listener, PATIENCE)
        try:
            program.sendall(b"hello")
        except ConnectionError:
            pass
    data = Stream(c, rnd).text()
    sizes = [rnd.choice((1, 2, 15, 16, 17, 100, 1000, 16384)) for _ in range(20)]
    c.pieces(data, *sizes, 16384)
    why = None
    if rnd.random() < 0.1:
        # an end at any place
        if rnd.random() < 0.5:
            c.record(b"\1\0", ALERT)
        c.close(reset=rnd.random() < 0.5)
    else:
        why = answers(side, c, rnd)
    if program:
        program.close()
    return why


def spoilt_hello(side, rnd):
    """Whatever it says, it is gone a little later."""
    side.drop()
    c = Carrier(side)
    data = Stream(c, rnd).spoil(said(c))
    c.pieces(data + Stream(c, rnd).text(), rnd.choice((1, 20, 16384)))
    try:
        while c.next(0.05):
            pass
    except TimeoutError:
        pass
    c.close()
    side.world.down(c.id)
    return None


def answers(side, c, rnd):
    payload = rnd.randbytes(8)
    ping = frame(PING, payload=payload)
    # a frame that was cut eats what follows: so much that it is whole
    for n in range(4):
        c.send(ping * (1, 20, 400, 4000)[n])
        try:
            while True:
                f = c.next((0.1, 0.2, 0.5, PATIENCE)[n], (ACK, WINDOW, PING, OPEN, ACCEPT, DATA, RESET))
                if f is None or f.kind == GOAWAY:
                    c.up = False
                    side.world.down(c.id)
                    c.close()
                    return None
                if f.kind == PONG and f.payload == payload:
                    return None
                if f.kind != PONG:
                    return "came %s" % (f,)
        except TimeoutError:
            pass
    return "no answer, and no end"


def streams(side):
    if side.name == "listener":
        print("# random streams: SEED=%d" % SEED, flush=True)
    for n in range(0, STREAMS, GROUP):
        def case(side, first=n):
            for i in range(first, min(first + GROUP, STREAMS)):
                why = run(side, "%d %s %d" % (SEED, side.name, i))
                if why:
                    return "SEED=%d, stream %d: %s" % (SEED, i, why)
            return side.fresh().in_step((OPEN, DATA, RESET))  # of programs that waited
        yield "random streams %d to %d" % (n, min(n + GROUP, STREAMS) - 1), case


GROUPS = [("random streams", streams)]
