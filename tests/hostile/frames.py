# SPDX-License-Identifier: GPL-2.0
"""Cases: frames that are wrong in themselves, come at the wrong time, or lie."""
import random
import socket
import struct
import time

from peer import CRITICAL, H_ATTACH, H_EPOCH, O_HOPS, O_PRIORITY, O_SERVICE, O_SOURCE, O_UUID, \
    O_WINDOW, TYPES, tlv
from peer import u16 as be16
from peer import u32 as be32
from world import ACCEPT, ACK, ADMIN, DATA, DIAL, END, FLOW_CONTROL, GOAWAY, HELLO, LISTEN, LOOP, \
    NONE, NO_SERVICE, OPEN, PATIENCE, PING, PONG, PROTOCOL, R_RESET, RESET, WINDOW, WINDOW_FIRST, \
    Carrier, be64, frame, hears, hello, open_

BIG = (1 << 62) - 1, 1 << 62, 1 << 63, (1 << 64) - 1


def wrong(data):
    """A case: these bytes, or what makes them from a carrier, are a protocol error."""
    def case(side):
        c = side.carrier()
        c.send(data(c) if callable(data) else data)
        return c.goes(PROTOCOL)
    return case


def right(data, also=()):
    """A case: they are taken without a word."""
    def case(side):
        c = side.carrier()
        c.send(data(c) if callable(data) else data)
        return c.in_step(also)
    return case


# --- headers -------------------------------------------------------------------

# type: lengths that are right, lengths that are wrong, flags that are wrong,
# may it have a reason, does it belong to a session
HEADERS = {
    DATA: ((1, 65535, 65536), (0, 65537, 1 << 31, 0xffffffff), (0x01, 0x20, 0x80, 0xff), False, True),
    OPEN: ((1040,), (1041, 65536, 1 << 31), (0x10, 0x80), False, True),
    ACCEPT: ((0, 64), (65, 1040, 0xffffffff), (0x01, 0x10), False, True),
    RESET: ((0,), (1, 8, 1 << 31), (0x01, 0x10), True, True),
    WINDOW: ((8,), (0, 7, 9, 0xffffffff), (0x01, 0x10), False, True),
    PING: ((8,), (0, 7, 9, 1 << 31), (0x01, 0x10), False, False),
    PONG: ((8,), (0, 7, 9, 0xffffffff), (0x01, 0x10), False, False),
    ACK: ((8,), (0, 7, 9, 1 << 31), (0x01, 0x10), False, False),
    GOAWAY: ((8, 136), (0, 7, 137, 0xffffffff), (0x01, 0x10), True, False),
    HELLO: ((8, 512), (7, 513, 0xffffffff), (0x01,), False, False),
}


def headers(_):
    for kind, (_, bad, flags, reason, session) in HEADERS.items():
        name = TYPES[kind]
        # what a session of the peer's would have if it were the first
        sid = (lambda c: c.ours(c.last + 1)) if session and kind == OPEN else \
            (lambda c: c.ours(1)) if session else (lambda c: 0)
        begun = (lambda c: open_(c.ours(1), "silent")) if session and kind != OPEN else (lambda c: b"")

        def fresh(make, begun=begun):
            def case(side):
                c = side.fresh()
                c.send(begun(c) + make(c))
                return c.goes(PROTOCOL)
            return case

        for n in bad:
            yield "%s of %d bytes" % (name, n), \
                fresh(lambda c, k=kind, s=sid, n=n: frame(k, s(c), length=n))
        n = HEADERS[kind][0][0]
        for f in flags:
            yield "%s with flags %#x" % (name, f), \
                fresh(lambda c, k=kind, s=sid, n=n, f=f: frame(k, s(c), bytes(n), f))
        if not reason:
            for r in (1, 0xffff):
                yield "%s with reason %d" % (name, r), \
                    fresh(lambda c, k=kind, s=sid, n=n, r=r: frame(k, s(c), bytes(n), 0, r))
        for i in (0, 1 << 63) if session else (1, 1 << 63, (1 << 64) - 1):
            yield "%s of session %#x" % (name, i), \
                fresh(lambda c, k=kind, n=n, i=i: frame(k, i, bytes(n)))
    for n in HEADERS[HELLO][0]:
        yield "a second HELLO, of %d bytes" % n, wrong(frame(HELLO, 0, bytes(n)))
    for kind in 10, 11, 32, 63, 128, 129, 192, 255:
        for n in 0, 8:
            yield "type %d of %d bytes" % (kind, n), wrong(frame(kind, 0, bytes(n)))


def skippable(_):
    def case(side, kinds, sizes):
        c = side.carrier()
        for kind in kinds:
            for n in sizes:
                c.send(frame(kind, random.getrandbits(64), random.randbytes(n),
                             random.getrandbits(8), random.getrandbits(16)))
        side.world.expect("frames_skipped", len(kinds) * len(sizes))
        return c.in_step()

    yield "types 64 to 127, empty", lambda side: case(side, range(64, 128), (0,))
    yield "types 64 to 127, of 1 and 300 bytes", lambda side: case(side, range(64, 128), (1, 300))
    yield "types 64 and 127 of 65536 bytes", lambda side: case(side, (64, 127), (65535, 65536))
    for kind in 64, 127:
        for n in 65537, 1 << 31, 0xffffffff:
            yield "type %d of %d bytes" % (kind, n), wrong(frame(kind, 0, length=n))


# --- times ---------------------------------------------------------------------

def some_frame(kind, c):
    """One that would be right at its time."""
    return {DATA: frame(DATA, c.ours(1), b"x"), OPEN: open_(c.ours(1), "silent"),
            ACCEPT: frame(ACCEPT, c.theirs(1 << 40)), RESET: frame(RESET, c.ours(1), reason=1),
            WINDOW: frame(WINDOW, c.ours(1), be64(100000)), HELLO: hello(),
            PING: frame(PING, payload=bytes(8)), PONG: frame(PONG, payload=bytes(8)),
            ACK: frame(ACK, payload=bytes(8)), GOAWAY: frame(GOAWAY, payload=bytes(8), reason=ADMIN)
            }.get(kind) or frame(kind, 0, b"x")


def times(side):
    """Each type in place of HELLO, in the middle of it, and at once behind it."""
    # behind HELLO nothing of a session has been before: all but OPEN are errors
    behind = {OPEN: "silent", PING: "pong", PONG: "silent", ACK: "silent", GOAWAY: "ends",
              64: "skipped", 127: "skipped"}

    def instead(side, kind, listened):
        side.drop()
        c = Carrier(side)
        if listened:
            c.listen()
        c.send_own(some_frame(kind, c))
        if side.role == DIAL and not listened:
            if kind == GOAWAY:
                # it may be read before the kernel's HELLO is sent
                f = c.next(PATIENCE, (HELLO,))
                return "wanted the end, got %s" % (f,) if f else c.ended(ADMIN)
            c.listen()
        return c.ends(ADMIN) if kind == GOAWAY else c.goes(PROTOCOL)

    def inside(side, kind):
        side.drop()
        c = Carrier(side)
        if side.role == DIAL:
            c.listen()
        whole, data = hello(role=1 - side.role), some_frame(kind, c)
        c.send_own((whole[:40] + data + bytes(len(whole)))[:len(whole)])
        return c.goes(PROTOCOL)

    def at_once(side, kind):
        side.drop()
        c = Carrier(side)
        if side.role == DIAL:
            c.listen()
            data = hello(role=LISTEN, attach=c.says[H_ATTACH], peer_epoch=c.says[H_EPOCH])
        else:
            data = hello()
        c.send_own(data + some_frame(kind, c))
        c.up = True
        if side.role == LISTEN:
            c.listen()
        side.world.await_up(c)
        want = behind.get(kind)
        if want is None:
            return c.goes(PROTOCOL)
        if want == "ends":
            return c.ends(ADMIN)
        if want == "skipped":
            side.world.expect("frames_skipped")
        if want == "pong":
            f = c.next()
            if not f or f.kind != PONG:
                return "PING got %s" % (f,)
        why = c.in_step()
        if kind == OPEN:
            c.send(frame(RESET, c.ours(1), reason=1))
        return why

    for kind in list(range(10)) + [10, 63, 64, 127, 128, 255]:
        name = TYPES[kind] if kind < 10 else "type %d" % kind
        if kind != HELLO:
            yield "%s in place of HELLO" % name, lambda side, k=kind: instead(side, k, False)
            if side.role == DIAL:
                yield "%s as the answer to HELLO" % name, lambda side, k=kind: instead(side, k, True)
        yield "%s in the middle of HELLO" % name, lambda side, k=kind: inside(side, k)
        yield "%s in one record with HELLO" % name, lambda side, k=kind: at_once(side, k)


# --- states of a session -------------------------------------------------------

# A row per state, a column per frame for that session. What happens:
#   P  protocol error     -  nothing     F  RESET(FLOW_CONTROL)
#   a  ACCEPT             d  its byte gets to the program
#   e  the program sees the end          r  the program gets RST
STATES = """
                                      DATA  END  DATA+END  OPEN  ACCEPT  RESET  WINDOW
ours, never opened                    P     P    P         a     P       P      P
ours, refused                         -     -    -         P     -       -      -
ours, its target silent               -     -    -         P     P       -      -
ours, open                            d     e    de        P     P       r      -
ours, we have ended                   Fr    -    Fr        P     P       -      -
ours, the program has ended           d     e    de        P     P       r      -
ours, both have ended                 -     -    -         P     -       -      -
ours, we have reset                   -     -    -         P     -       -      -
ours, the program has reset           -     -    -         P     -       -      -
theirs, never opened                  P     P    P         P     P       P      P
theirs, not accepted                  d     e    de        P     -       r      -
theirs, open                          d     e    de        P     P       r      -
theirs, we have ended                 Fr    -    Fr        P     P       -      -
theirs, the program has ended         d     e    de        P     P       r      -
theirs, both have ended               -     -    -         P     -       -      -
theirs, we have reset                 -     -    -         P     -       -      -
theirs, the program has reset         -     -    -         P     -       -      -
"""
RST = struct.pack("ii", 1, 0)


def reset_program(program):
    program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    program.close()


def bring(c, state):
    """A session in this state. Return: its id and the program's socket, if there is one."""
    side, program = c.side, None
    who, what = state.split(", ")
    if what == "never opened":
        # far above all that the kernel opens in this test
        return (c.ours(c.last + 1) if who == "ours" else c.theirs(1 << 40)), None
    if what == "refused":
        sid = c.open("nonesuch")
        assert c.next(PATIENCE).kind == RESET
        return sid, None
    if what == "its target silent":
        return c.open("silent"), None
    if who == "ours":
        sid, program = c.opened()
    else:
        sid, program = c.program()
        if what != "not accepted":
            c.send(frame(ACCEPT, sid))
    if what in ("we have ended", "both have ended"):
        c.send(frame(DATA, sid, b"", END))
        assert hears(program, b"") is None
    if what in ("the program has ended", "both have ended"):
        program.shutdown(socket.SHUT_WR)
        f = c.next(PATIENCE)
        assert (f.kind, f.flags, f.session) == (DATA, END, sid), f
    if what == "we have reset":
        c.send(frame(RESET, sid, reason=R_RESET))
        assert hears(program, None) is None
    if what == "the program has reset":
        reset_program(program)
        f = c.next(PATIENCE)
        assert (f.kind, f.reason, f.session) == (RESET, R_RESET, sid), f
    if what in ("both have ended", "we have reset", "the program has reset"):
        side.world.left(side, sid)
    return sid, program


FRAMES = {
    "DATA": lambda sid: frame(DATA, sid, b"x"),
    "END": lambda sid: frame(DATA, sid, b"", END),
    "DATA+END": lambda sid: frame(DATA, sid, b"x", END),
    "OPEN": lambda sid: open_(sid, "target"),
    "ACCEPT": lambda sid: frame(ACCEPT, sid),
    "RESET": lambda sid: frame(RESET, sid, reason=R_RESET),
    "WINDOW": lambda sid: frame(WINDOW, sid, be64(100000)),
}


def state_case(side, state, name, outcome):
    c = side.carrier()
    sid, program = bring(c, state)
    try:
        c.send(FRAMES[name](sid))
        if outcome == "P":
            return c.goes(PROTOCOL)
        if outcome == "a":
            program = side.world.accept()
            c.last += 1
            why = c.says_nothing_but(ACCEPT, sid)
        elif "F" in outcome:
            side.world.expect("errors_flow_control")
            why = c.is_reset(sid, FLOW_CONTROL)
        else:
            why = c.in_step()
        if not why and "d" in outcome:
            why = hears(program, b"x")
        if not why and "e" in outcome:
            why = hears(program, b"")
        if not why and "r" in outcome:
            why = hears(program, None)
        # whatever is left of it ends, and the program that tries to speak hears of it
        if state != "theirs, never opened" and not state.startswith("ours, never") or outcome == "a":
            c.send(frame(RESET, sid, reason=R_RESET))
            # while the program is there: its end would be said in the next case
            why = why or c.in_step((DATA, RESET))
        return why
    finally:
        if program:
            program.close()


def states(_):
    lines = STATES.strip("\n").splitlines()
    columns = lines[0].split()
    for line in lines[1:]:
        state, outcomes = line[:38].strip(), line[38:].split()
        for name, outcome in zip(columns, outcomes):
            yield "%s for a session: %s" % (name, state), \
                lambda side, s=state, n=name, o=outcome: state_case(side, s, n, o)


# --- values --------------------------------------------------------------------

def acks(_):
    def lie(make):
        def case(side):
            c = side.carrier()
            why = c.in_step()       # there is something that was sent
            c.send(frame(ACK, payload=be64(make(c))))
            return why or c.goes(PROTOCOL)
        return case

    def fine(make):
        def case(side):
            c = side.carrier()
            why = c.in_step()
            c.send(b"".join(frame(ACK, payload=be64(n)) for n in make(c.received)))
            return why or c.in_step()
        return case

    yield "ACK of 4096 bytes that were never sent", lie(lambda c: c.received + 4096)
    for n in BIG:
        yield "ACK of %#x" % n, lie(lambda c, n=n: n)
    yield "ACK of nothing on a lane that has sent nothing", lambda side: _first_ack(side, 0)
    yield "ACK of a byte on a lane that has sent nothing", lambda side: _first_ack(side, 1)
    yield "ACK of all, again and again", fine(lambda n: [n] * 50)
    yield "ACK that goes backwards", fine(lambda n: (n, n - 1, n // 2, 1, 0, n))
    yield "ACK of a frame by single bytes", fine(lambda n: range(n - 24, n + 1))


def _first_ack(side, n):
    c = side.fresh()
    c.send(frame(ACK, payload=be64(n)))
    return c.goes(PROTOCOL) if n else c.in_step()


def windows(_):
    def case(side, values, ok):
        c = side.carrier()
        sid, program = c.opened()
        with program:
            c.send(b"".join(frame(WINDOW, sid, be64(n)) for n in values))
            if not ok:
                return c.goes(PROTOCOL)
            why = c.in_step()
            program.sendall(b"y")
            why = why or c.says_nothing_but(DATA, sid, payload=b"y")
            c.send(frame(RESET, sid, reason=R_RESET))
            return why or c.in_step()

    for values, ok in (((0,), True), ((WINDOW_FIRST, 1, 0), True), ((1 << 20, 1 << 19, 5), True),
                       ((1 << 31,), True), (((1 << 31) + 1,), False), ((0, 1 << 31, 1 << 32), False),
                       *(((n,), False) for n in BIG)):
        yield "WINDOW of %s" % ", ".join(map(hex, values)), \
            lambda side, v=values, ok=ok: case(side, v, ok)
    yield "WINDOW of 2^64 - 1 for a session that is gone", \
        lambda side: (lambda c: c.send(frame(WINDOW, bring(c, "ours, refused")[0], be64(BIG[3])))
                      or c.in_step())(side.carrier())


def credit(_):
    def case(side, frames, beyond):
        c = side.carrier()
        sid = c.open("silent")
        c.send(b"".join(frame(DATA, sid, bytes(n)) for n in frames))
        if beyond:
            side.world.expect("errors_flow_control")
            why = c.is_reset(sid, FLOW_CONTROL)
            # it is gone: more of it is dropped
            c.send(frame(DATA, sid, bytes(100)))
        else:
            why = c.in_step()
            c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()

    yield "all of the credit", lambda side: case(side, [WINDOW_FIRST], False)
    yield "a byte beyond it", lambda side: case(side, [WINDOW_FIRST, 1], True)
    yield "a frame that is half beyond it", lambda side: case(side, [65536], True)
    yield "a frame that is a byte beyond it", lambda side: case(side, [1, WINDOW_FIRST], True)
    yield "all of it in frames of a byte", lambda side: case(side, [1] * 2000, False)
    yield "65536 bytes once they are granted", _granted


def _granted(side):
    """The window that grew is the limit, to the byte."""
    c = side.carrier()
    sid, program = c.opened()
    sent, limit = 0, WINDOW_FIRST
    with program:
        while limit - sent < 65536:
            c.send(frame(DATA, sid, bytes(limit - sent)))
            why = hears(program, bytes(limit - sent))
            if why:
                return why
            sent = limit
            f = c.next(PATIENCE, (ACK, PING))
            if not f or f.kind != WINDOW or f.session != sid:
                return "instead of WINDOW came %s" % (f,)
            limit = max(limit, int.from_bytes(f.payload, "big"))
        c.send(frame(DATA, sid, bytes(65536)))
        why = hears(program, bytes(65536))
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def opens(_):
    """What OPEN says. Answers: P, or the reason of RESET, or ACCEPT (None)."""
    def case(side, payload, answer, sid, flags):
        c = side.carrier()
        if sid is not None:
            c = side.fresh()
            c.last = sid - 1
        c.last += 1
        sid = c.ours(c.last)
        c.send(frame(OPEN, sid, payload, flags))
        if answer == "P":
            return c.goes(PROTOCOL)
        if answer is not None:
            return c.is_reset(sid, answer)
        side.world.accept().close()
        why = c.says_nothing_but(ACCEPT, sid)
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step((DATA,))

    name = tlv(O_SERVICE | CRITICAL, b"target")
    rows = [
        ("nothing", b"", "P"),
        ("an empty service", tlv(O_SERVICE, b""), "P"),
        ("a service of 63 characters", tlv(O_SERVICE, b"a" * 63), NO_SERVICE),
        ("a service of 64 characters", tlv(O_SERVICE, b"a" * 64), "P"),
        ("an uncritical service", tlv(O_SERVICE, b"target"), None),
        ("a service twice", name + name, "P"),
        ("a service behind 100 unknown attributes",
         b"".join(tlv(64 + i, b"12") for i in range(100)) + name, None),
        ("a source of 17 bytes", name + tlv(O_SOURCE, bytes(17)), "P"),
        ("a source of 18 bytes", name + tlv(O_SOURCE, b"\xff" * 18), None),
        ("a source of 19 bytes", name + tlv(O_SOURCE, bytes(19)), "P"),
        ("an empty destination", name + tlv(3, b""), "P"),
        ("a destination of 261 characters", name + tlv(3 | CRITICAL, b"~" * 261), None),
        ("a destination of 262 characters", name + tlv(3 | CRITICAL, b"~" * 262), "P"),
        ("a destination twice", name + tlv(3, b"a:1") + tlv(3 | CRITICAL, b"a:1"), "P"),
        ("a UUID of 15 bytes", name + tlv(O_UUID, bytes(15)), "P"),
        ("a UUID of 16 bytes", name + tlv(O_UUID, bytes(16)), None),
        ("a priority of no byte", name + tlv(O_PRIORITY, b""), "P"),
        ("a priority of 255", name + tlv(O_PRIORITY, b"\xff"), None),
        ("7 hops", name + tlv(O_HOPS, b"\x07"), None),
        ("8 hops", name + tlv(O_HOPS, b"\x08"), LOOP),
        ("255 hops", name + tlv(O_HOPS, b"\xff"), LOOP),
        ("hops of 2 bytes", name + tlv(O_HOPS, b"\0\1"), "P"),
        ("hops twice, once critical", name + tlv(O_HOPS, b"\1") + tlv(O_HOPS | CRITICAL, b"\1"), "P"),
        ("a window of 7 bytes", name + tlv(O_WINDOW, bytes(7)), "P"),
        *(("a window of %#x" % n, name + tlv(O_WINDOW, be64(n)), None)
          for n in (0, 1, 1 << 31, (1 << 31) + 1, *BIG)),
        ("an unknown attribute", name + tlv(63, bytes(9)), None),
        ("an unknown critical attribute", name + tlv(63 | CRITICAL, b""), "P"),
        ("an unknown critical attribute of the highest number", name + tlv(0xffff, b""), "P"),
        ("attribute 0", name + tlv(0, b""), None),
        ("attribute 63 twice", name + tlv(63, b"") * 2, "P"),
        ("attribute 64 twice", name + tlv(64, b"") * 2, None),
        ("an attribute that ends behind the frame", name + be16(50) + be16(1), "P"),
        ("an attribute of 65535 bytes", name + be16(50) + be16(65535) + bytes(900), "P"),
        *(("%d bytes more" % n, name + bytes(n), "P") for n in (1, 2, 3)),
        ("1040 bytes", name + tlv(50, bytes(1040 - 10 - 4)), None),
        ("a service that its target refuses", tlv(O_SERVICE, b"closed"), 3),
    ]
    rows += [("a service with byte %#x" % b, tlv(O_SERVICE, b"tar" + bytes([b]) + b"et"), "P")
             for b in (0, 10, 27, 32, 37, 47, 65, 96, 123, 127, 128, 255)]
    rows += [("a destination with byte %#x" % b, name + tlv(3, b"a" + bytes([b]) + b":1"), "P")
             for b in (0, 10, 27, 32, 127, 128, 255)]
    for what, payload, answer in rows:
        yield "OPEN with %s" % what, \
            lambda side, p=payload, a=answer: case(side, p, a, None, 3)
    for flags in 0, 15:
        yield "OPEN with protocol type %d" % flags, lambda side, f=flags: case(side, name, None, None, f)
    for sid, answer in ((1, None), (1 << 31, None), (1 << 32, None), ((1 << 62) - 1, None),
                        (1 << 62, "P"), ((1 << 63) - 1, "P")):
        yield "OPEN of session %#x" % sid, lambda side, s=sid, a=answer: case(side, name, a, s, 3)
    yield "OPEN of session 5, then 4", wrong_pair(5, 4)
    yield "OPEN of session 2^62 - 1, then 2^62", wrong_pair((1 << 62) - 1, 1 << 62)


def wrong_pair(first, second):
    def case(side):
        c = side.fresh()
        c.send(open_(c.ours(first), "silent") + open_(c.ours(second), "silent"))
        return c.goes(PROTOCOL)
    return case


def accepts(_):
    def case(side, payload, ok):
        c = side.carrier()
        sid, program = c.program()
        with program:
            c.send(frame(ACCEPT, sid, payload))
            if not ok:
                return c.goes(PROTOCOL)
            program.sendall(b"y")
            why = c.says_nothing_but(DATA, sid, payload=b"y")
            c.send(frame(RESET, sid, reason=R_RESET))
            return why or c.in_step()

    for what, payload, ok in (
            ("nothing", b"", True),
            *(("a window of %#x" % n, tlv(1, be64(n)), n <= 1 << 31)
              for n in (0, 1, 1 << 31, (1 << 31) + 1, *BIG)),
            ("a window of 4 bytes", tlv(1, be32(1)), False),
            ("a window twice", tlv(1, be64(1)) * 2, False),
            ("an unknown attribute of 60 bytes", tlv(9, bytes(60)), True),
            ("an unknown critical attribute", tlv(9 | CRITICAL, b""), False),
            ("an attribute that ends behind the frame", be16(9) + be16(1), False),
            ("a byte more", b"\0", False)):
        yield "ACCEPT with %s" % what, lambda side, p=payload, ok=ok: case(side, p, ok)


def goodbyes(_):
    """Reasons: what comes, what becomes of it."""
    def goaway(side, said, means):
        c = side.carrier()
        sid, program = c.opened()
        with program:
            c.send(frame(GOAWAY, payload=random.randbytes(136), reason=said))
            return c.ends(means) or hears(program, None) or \
                (None if side.world.left(side, sid) == means else "the session ended otherwise")

    def reset(side, said, means):
        c = side.carrier()
        sid, program = c.opened()
        with program:
            c.send(frame(RESET, sid, reason=said))
            why = hears(program, None)
        got = side.world.left(side, sid)
        return why or (None if got == means else "the session ended with %s" % got) or c.in_step()

    for said, means in ((0, ADMIN), (1, 1), (PROTOCOL, PROTOCOL), (ADMIN, ADMIN), (19, 19),
                        (21, ADMIN), (255, ADMIN), (256, ADMIN), (0xffff, ADMIN)):
        yield "GOAWAY with reason %d" % said, lambda side, s=said, m=means: goaway(side, s, m)
    for said, means in ((0, NONE), (1, 1), (20, 20), (21, R_RESET), (256, R_RESET), (0xffff, R_RESET)):
        yield "RESET with reason %d" % said, lambda side, s=said, m=means: reset(side, s, m)
    yield "GOAWAY in the middle of DATA", _goaway_in_data
    yield "GOAWAY, then frames for all time", _deaf


def _goaway_in_data(side):
    """It is payload there, and nothing else."""
    c = side.carrier()
    sid, program = c.opened()
    bye = frame(GOAWAY, payload=bytes(8), reason=ADMIN)
    with program:
        c.pieces(frame(DATA, sid, bye), 16, len(bye))
        why = hears(program, bye)
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def _deaf(side):
    """It does not wait for a peer that speaks on: two seconds, then the connection is closed."""
    c = side.carrier()
    c.send(frame(63))
    why = c.goes(PROTOCOL, close=False)
    end = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < end:
            c.s.sendall(c.seal(frame(PING, payload=bytes(8))))
            time.sleep(0.05)
        why = why or "it is still there after %d s" % PATIENCE
    except ConnectionError:
        pass
    c.close()
    return why


GROUPS = [("headers", headers), ("skippable frames", skippable), ("times", times),
          ("states of a session", states), ("ACK", acks), ("WINDOW", windows), ("credit", credit),
          ("OPEN", opens), ("ACCEPT", accepts), ("reasons", goodbyes)]
