# SPDX-License-Identifier: GPL-2.0
"""Cases: too much of everything, peers that do not read, and what only time ends."""
import os
import random
import socket
import struct
import threading
import time

from peer import await_
from world import ACCEPT, ACK, DATA, DIAL, END, FLOOD, LISTEN, MIB, NO_SERVICE, PATIENCE, \
    PING, PONG, PROTOCOL, R_RESET, RESET, TIMED_OUT, TRANSPORT, WINDOW, Carrier, Side, be64, frame, \
    hears, open_

LONG = bool(os.environ.get("LONG"))
RETAIN_MAX = 16 * MIB


def silent_peer(side):
    """A carrier with small buffers on both ends, whose peer reads only when it likes."""
    side.drop()
    c = Carrier(side, small=True)
    c.greet()
    return c


def read_now(c):
    """Room again: through a window this small it takes minutes."""
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)


def bad_opens(c, n):
    first = c.last + 1
    c.last += n
    return b"".join(open_(c.ours(i), "no") for i in range(first, c.last + 1))


def refused_flood(side):
    """More refusals than may wait: a protocol error. GOAWAY may find no room."""
    c = silent_peer(side)
    c.send(bad_opens(c, 20000))
    got = side.world.down(c.id)
    side.world.expect("errors_protocol")
    c.close()
    return None if got == PROTOCOL else "it ended with reason %s" % got


def refused_queue(side):
    """As many as may wait: each is answered, in their order."""
    c = silent_peer(side)
    first = c.last + 1
    c.send(bad_opens(c, 16000))
    read_now(c)
    for n in range(first, first + 16000):
        if n % 1000 == 0:
            c.send(frame(PONG, payload=bytes(8)))   # it must not take us for dead meanwhile
        f = c.next(PATIENCE)
        if not f or (f.kind, f.session, f.reason) != (RESET, c.ours(n), NO_SERVICE):
            return "OPEN %d got %s" % (n, f)
    return c.in_step()


def ping_flood(side):
    """The last one is answered; of those before it as many as there was room for."""
    c = silent_peer(side)
    for n in range(0, 50000, 500):
        c.send(b"".join(frame(PING, payload=be64(i)) for i in range(n, n + 500)))
    read_now(c)
    seen = -1
    while seen < 49999:
        f = c.next(PATIENCE)
        if not f or f.kind != PONG or int.from_bytes(f.payload, "big") < seen:
            return "after PONG %d came %s" % (seen, f)
        seen = int.from_bytes(f.payload, "big")
    return c.in_step()


def real_flood(side):
    """Sessions to a service that is there, without reading: all are made, and go."""
    # Each gets its turn, the bystander too: on a debug kernel a round of 2000 takes minutes.
    n = (600 if os.environ["KERNEL"].endswith("-debug") else 2000) if LONG else 200
    c = silent_peer(side)
    first, c.last = c.last + 1, c.last + n
    c.send(b"".join(open_(c.ours(i), "echo") + frame(DATA, c.ours(i), be64(i))
                    for i in range(first, c.last + 1)))
    read_now(c)
    accepted, echoed = set(), set()
    alive = time.monotonic()
    while len(echoed) < n:
        if time.monotonic() > alive + 5:
            c.send(frame(PONG, payload=bytes(8)))   # it must not take us for dead meanwhile
            alive = time.monotonic()
        f = c.next(PATIENCE)
        if f and f.kind == ACCEPT and f.session not in accepted:
            accepted.add(f.session)
        elif f and f.kind == DATA and f.session in accepted - echoed and \
                c.ours(int.from_bytes(f.payload, "big")) == f.session:
            echoed.add(f.session)
        else:
            return "after %d ACCEPT and %d DATA came %s" % (len(accepted), len(echoed), f)
    why = c.in_step()
    for sid in sorted(accepted):
        c.send(frame(RESET, sid, reason=R_RESET))
    return why or c.in_step()


def reset_storm(side):
    """Sessions that are reset before their target answers."""
    c = side.carrier()
    for _ in range(20 if LONG else 2):
        out = b""
        for _ in range(500):
            c.last += 1
            out += open_(c.ours(c.last), "echo") + frame(RESET, c.ours(c.last), reason=R_RESET)
        c.send(out)
        why = c.in_step((ACCEPT, RESET))
        if why or not await_(lambda: not side.world.sessions(side), PATIENCE):
            return why or "sessions are left"
    return None


def stale_storm(side):
    """Frames for sessions that are gone: dropped, and counted."""
    c = side.carrier()
    sid = c.open("no")
    c.next(PATIENCE)
    before = side.world.stats()["frames_stale"]
    c.send((frame(RESET, sid, reason=1) + frame(WINDOW, sid, be64(1 << 40)) + frame(DATA, sid, b"", END) +
            frame(DATA, sid, b"x") + frame(ACCEPT, sid)) * 2000)
    why = c.in_step()
    grew = side.world.stats()["frames_stale"] - before
    return why or (None if grew == 10000 else "%d frames are counted" % grew)


def end_storm(side):
    """END again and again: only the first means something."""
    c = side.carrier()
    sid, program = c.opened()
    with program:
        c.send(frame(DATA, sid, b"", END) * 5000)
        why = hears(program, b"") or c.in_step()
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def crumbs(side):
    """A program that does not read, and DATA of a byte: the window bounds it."""
    c = side.carrier()
    sid, program = c.opened()
    program.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with program:
        c.send(frame(DATA, sid, b"x") * 32768)
        why = c.in_step()
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def window_storm(side):
    c = side.carrier()
    sid, program = c.opened()
    with program:
        c.send(b"".join(frame(WINDOW, sid, be64(n)) for n in range(100000, 105000)) +
               b"".join(frame(WINDOW, sid, be64(n)) for n in range(105000, 100000, -1)))
        program.sendall(b"y")
        why = c.says_nothing_but(DATA, sid, payload=b"y") or c.in_step()
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def ack_storm(side):
    c = side.carrier()
    c.in_step()
    c.send(b"".join(frame(ACK, payload=be64(random.randrange(c.received + 1))) for _ in range(5000)))
    return c.in_step()


def retention(side, hard):
    """
    A peer that reads all and acknowledges nothing: at 16 MiB programs wait; an
    ACK lets them go on. With control frames only 20 MiB can be reached: FLOOD.
    """
    c = side.fresh()
    sid, program = c.opened()
    with program:
        c.send(frame(WINDOW, sid, be64(1 << 31)))
        stop = threading.Event()

        def write():
            block = bytes(65536)
            program.settimeout(1)
            while not stop.is_set():
                try:
                    program.send(block)
                except TimeoutError:
                    pass
                except OSError:
                    return

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        full = side.world.stats()["lane_retention_full"]
        # a frame that was begun may be whole: so much more than the limit
        spoke = time.monotonic()
        while c.received + len(c.have) < RETAIN_MAX:
            if time.monotonic() - spoke > 2:    # it must not take us for dead meanwhile
                c.send(frame(PONG, payload=bytes(8)))
                spoke = time.monotonic()
            if not (more := c.s.recv(1 << 18)):
                return "it ended after %d bytes" % (c.received + len(c.have))
            take(c, more)
        if not await_(lambda: side.world.stats()["lane_retention_full"] > full, PATIENCE):
            return "it does not wait"
        stop.set()
        c.send(frame(PONG, payload=bytes(8)))
        c.s.settimeout(0.5)
        try:
            while more := c.s.recv(1 << 18):
                take(c, more)
        except TimeoutError:
            pass
        held = c.received + len(c.have)
        why = None if held < RETAIN_MAX + 2 * 65536 else "it sent %d bytes" % held
        if hard:
            # answers to refused OPENs are control frames: 16 bytes each
            c.s.settimeout(PATIENCE)
            for _ in range(40):
                c.send(bad_opens(c, 8000))
                left, more = 16 * 8000, True
                while left > 0 and more:
                    more = c.s.recv(left)
                    left -= len(more)
                if not more:
                    break
            got = side.world.down(c.id)
            c.close()
            return why or (None if got == FLOOD else "it ended with reason %s" % got)
        c.send(frame(ACK, payload=be64(c.received)))
        f = c.next(PATIENCE)
        why = why or (None if f and f.kind == DATA else "after the ACK came %s" % (f,))
        c.send(frame(RESET, sid, reason=R_RESET))
        writer.join(PATIENCE)
        return why or c.in_step((DATA,))


def take(c, more):
    """Count whole frames without looking at each: they are many."""
    c.have += more
    at = 0
    while len(c.have) - at >= 16:
        length, = struct.unpack_from("!I", c.have, at + 4)
        if len(c.have) - at < 16 + length:
            break
        at += 16 + length
    c.received += at
    c.have = c.have[at:]


def pinned(side):
    """
    Programs that do not read, each with its window full of single bytes in
    records of their own: what that pins is bounded, and given back.
    """
    n = 300 if LONG else 40
    c = side.fresh()
    held = []
    try:
        for _ in range(n):
            held.append(c.opened())
        for sid, _ in held:
            c.pieces(frame(DATA, sid, bytes(300)) + frame(DATA, sid, b"x") * 50, 316, 17)
        why = c.in_step()
        for sid, _ in held:
            c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()
    finally:
        for _, program in held:
            program.close()


def floods(side):
    yield "20000 OPENs of no service, nothing read", refused_flood
    yield "16000 OPENs of no service, read later", refused_queue
    yield "50000 PINGs, read later", ping_flood
    yield "OPENs of a service, read later", real_flood
    yield "OPEN and RESET by turns", reset_storm
    yield "10000 frames for a session that is gone", stale_storm
    yield "END 5000 times", end_storm
    yield "a window full of single bytes", crumbs
    yield "WINDOW 10000 times", window_storm
    yield "ACK 5000 times", ack_storm
    yield "programs that do not read", pinned
    yield "no ACK for 16 MiB", lambda side: retention(side, False)
    if LONG and side.role == LISTEN:
        yield "no ACK for 20 MiB", lambda side: retention(side, True)


# --- what only time ends -------------------------------------------------------

class Late:
    """A carrier of a tunnel of its own that is left alone, and looked at in the end."""

    def __init__(self, world, name, role, begin, reason, seconds):
        self.name, self.reason, self.seconds = name, reason, seconds
        self.side = Side(world, name.replace(" ", "-"), role)
        self.carrier = Carrier(self.side, small=True)
        self.begin = time.monotonic()
        begin(self.carrier)

    def why(self):
        world = self.side.world
        got = world.down(self.carrier.id)
        self.carrier.close()
        if got != self.reason:
            return "it ended with reason %s" % got
        seconds = world.when[self.carrier.id] - self.begin
        return None if seconds > self.seconds else "after %.1f s" % seconds


def _half(c):
    c.send_own(frame(5, length=100) + bytes(30))


def _deaf(c):
    """It reads nothing, and there is always something to read."""
    c.greet()
    c.send(bad_opens(c, 5000))

    def talk():
        try:
            while True:
                c.s.sendall(c.seal(frame(PING, payload=bytes(8))))
                time.sleep(0.5)
        except OSError:
            pass

    threading.Thread(target=talk, daemon=True).start()


def late(world):
    """Begun now."""
    return [Late(world, "late %s%d" % ("listener" if role == LISTEN else "dialler", n), role, *row)
            for n, row in enumerate(LATE) for role in (LISTEN, DIAL)]


# what the peer does, why it ends, and not before how many seconds
LATE = [
    (lambda c: None, TIMED_OUT, 9),     # no HELLO
    (_half, TIMED_OUT, 9),              # half a HELLO
    (lambda c: c.greet(), TIMED_OUT, 19),   # silence behind HELLO: PINGs get no answer
    (_deaf, TRANSPORT, 15),             # it speaks and never reads
]

GROUPS = [("floods", floods)]
