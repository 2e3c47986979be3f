# SPDX-License-Identifier: GPL-2.0
"""
Cases: sessions of messages, type 6, whose other end is an AF_TUNNEL socket of a program.
docs/protocol.md, "Messages": a larger length, and END within a message, are answered with
RESET(FLOW_CONTROL); a session of type 6 to a service that takes a stream, and the reverse,
with RESET(TYPE).
"""
import errno
import os
import random
import socket
import struct

from af_tunnel import FAMILY, SEQPACKET, STREAM, accept, bind, connect, make
from genl import A, CMD, text, u32
from peer import O_SERVICE, O_WINDOW, tlv
from peer import u32 as be32
from world import ACCEPT, ACK, DATA, END, FLOW_CONTROL, OPEN, PATIENCE, PING, PROTOCOL, REFUSED, \
    R_RESET, RESET, WINDOW, WINDOW_FIRST, be64, frame, open_

LONG = bool(os.environ.get("LONG"))
TYPE = 20               # enum tunnel_reason
MESSAGES = 6            # protocol type
LARGEST, CREDIT = 65536, 262144
GRANT = tlv(1, be64(CREDIT))    # of ACCEPT
THE_END = None

bound = {}              # sockets of programs that listen, by service


def patient(s):
    """A call that hangs is a failure."""
    for option in socket.SO_RCVTIMEO, socket.SO_SNDTIMEO:
        s.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
    return s


def programs(world):
    """Services "messages" and "stream" with a socket each, and "unbound" with none."""
    if bound:
        return
    for service, kind in (("messages", SEQPACKET), ("stream", STREAM), ("unbound", None)):
        world.must(CMD.SERVICE_NEW, {A.SERVICE: text(service), A.OWNER_UID: u32(0)})
        if kind:
            bound[service] = patient(make(FAMILY, kind))
            if bind(bound[service], "", service):
                raise AssertionError("bind")
            bound[service].listen(4096)


def message(data):
    return be32(len(data)) + data


def end_of(who):
    """What a call gets behind the errno of a session that has ended."""
    return errno.ENOTCONN if who == "unanswered" else THE_END


class Session:
    """
    who: "ours": this script opens it, and the program has accepted it; "waiting": it has
    not; "theirs": the program opens it, and this script has accepted it; "unanswered": not.
    """

    def __init__(self, c, who):
        self.c, self.who, self._program, self.settled = c, who, None, False
        if who in ("ours", "waiting"):
            self.sid = c.open("messages", tlv(O_WINDOW, be64(CREDIT)), flags=MESSAGES)
            self.must(c.says_nothing_but(ACCEPT, self.sid, payload=GRANT))
        else:
            self._program = patient(make(FAMILY, SEQPACKET))
            self._program.setblocking(False)
            if connect(self._program, c.side.name, "peer") != errno.EINPROGRESS:
                raise AssertionError("connect() did not wait")
            f = c.next(PATIENCE)
            if not f or (f.kind, f.flags) != (OPEN, MESSAGES) or tlv(O_WINDOW, be64(CREDIT)) not in f.payload:
                raise AssertionError("a program got %s" % (f,))
            self.sid = f.session
            self._program.setblocking(True)
        if who in ("ours", "theirs"):
            self.settle()

    @staticmethod
    def must(why):
        if why:
            raise AssertionError(why)

    def settle(self):
        """Accept it, on whichever side that is to be done."""
        if not self.settled:
            self.settled = True
            if self._program:
                self.c.send(frame(ACCEPT, self.sid, GRANT))
                if self.who == "theirs" and \
                        connect(self._program, self.c.side.name, "peer") not in (0, errno.EISCONN):
                    raise AssertionError("connect() failed")
            else:
                self._program, _ = accept(bound["messages"])
        return self._program

    def data(self, *pieces):
        """Each in a frame of its own; END: the frame before has it."""
        out, pieces = [], list(pieces)
        while pieces:
            data = pieces.pop(0)
            end = bool(pieces) and pieces[0] is THE_END
            if end:
                pieces.pop(0)
            out.append(frame(DATA, self.sid, data, END if end else 0))
        self.c.send(b"".join(out))

    def reset(self):
        self.c.send(frame(RESET, self.sid, reason=R_RESET))

    def hears(self, *wanted):
        """None, or what the program got in place of these messages, errnos, THE_END."""
        program = self.settle()
        for n, want in enumerate(wanted):
            try:
                data, _, flags, _ = program.recvmsg(LARGEST + 1)
                got = data if flags & socket.MSG_EOR else THE_END
                if got is THE_END and data:
                    return "%d bytes without an end" % len(data)
            except OSError as e:
                got = e.errno
            if got != want:
                return "the program got %s as number %d, wanted %s" % (show(got), n, show(want))
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.settle():
            self._program.close()


def show(what):
    if isinstance(what, int):
        return errno.errorcode.get(what, what)
    return "the end" if what is None else "%d bytes %r" % (len(what), what[:20])


# --- rows of messages ----------------------------------------------------------

# What a row ends in:
#   right      nothing: all of it gets to the program, and the session goes on
#   ended      END behind a message: the program gets all, and the end
#   wrong      a length: RESET(FLOW_CONTROL) as soon as a program's socket has it; what
#              was not read is dropped
#   cut        END within a message: what is whole gets to the program, RESET(FLOW_CONTROL)
#              when it looks for more
#   cut, over  the same, and RESET behind it: there is nobody to tell
#   over       END behind a message, RESET behind it: the program gets all, and the end
#   reset      RESET: what was not read is dropped, nothing is said
def play(side, who, pieces, outcome, wanted):
    c = side.carrier()
    with Session(c, who) as s:
        s.data(*pieces)
        if outcome in ("cut, over", "over", "reset"):
            s.reset()
        if outcome == "wrong":
            side.world.expect("errors_flow_control")
            if who == "waiting":
                s.must(c.in_step())
                s.settle()
            return c.is_reset(s.sid, FLOW_CONTROL) or s.hears(errno.EPROTO, end_of(who))
        if outcome == "reset":
            return c.in_step() or s.hears(errno.ECONNRESET, end_of(who))
        s.must(c.in_step())
        if outcome in ("cut", "cut, over"):
            side.world.expect("errors_flow_control")
            return s.hears(*wanted, errno.EPROTO, THE_END) or \
                (c.is_reset(s.sid, FLOW_CONTROL) if outcome == "cut" else c.in_step())
        if outcome in ("ended", "over"):
            s.must(s.hears(*wanted, THE_END, THE_END))
            if outcome == "over":
                return c.in_step()
            s.settle().shutdown(socket.SHUT_WR)
            return c.says_nothing_but(DATA, s.sid, flags=END, payload=b"") or c.in_step()
        s.must(s.hears(*wanted))
        s.reset()
        return c.in_step() or s.hears(errno.ECONNRESET, THE_END)


def cuts(data, size):
    """In pieces of this size, or of random ones up to it."""
    out = []
    while data:
        n = size if size > 0 else random.randint(1, -size)
        out.append(data[:n])
        data = data[n:]
    return out


def rows():
    m = message
    large = random.randbytes(LARGEST)
    many = [random.randbytes(random.choice((0, 1, 3, 4, 5, 255, 256, 300, 5000))) for _ in range(40)]
    row = b"".join(map(m, many))
    for n in 65537, 65540, 1 << 31, 0xffffffff:
        yield "a length of %d" % n, [be32(n)], "wrong", []
    yield "a length of 65537 in four frames", cuts(be32(65537), 1), "wrong", []
    yield "a length of 65537 and a byte", [be32(65537) + b"x"], "wrong", []
    yield "a length of 65537 and END", [be32(65537), THE_END], "wrong", []
    yield "a length of 65537 behind a message", [m(b"good") + be32(65537)], "wrong", []
    yield "a length of 65537 behind 100 messages of nothing", [m(b"") * 100, be32(65537)], "wrong", []
    yield "the text of a protocol that has no lengths", [b"GET / HTTP/1.1\r\n\r\n"], "wrong", []
    for n in 1, 2, 3:
        yield "END behind %d bytes of a length" % n, [be32(5)[:n], THE_END], "cut", []
        yield "END behind %d bytes of a length, by itself" % n, [be32(5)[:n], b"", THE_END], "cut", []
        yield "END behind a message and %d bytes" % n, [m(b"good"), be32(5)[:n], THE_END], "cut", [b"good"]
        yield "RESET behind %d bytes of a length" % n, [be32(5)[:n]], "reset", []
    yield "END behind a length", [be32(5), THE_END], "cut", []
    yield "END within a message", [be32(10) + b"12345", THE_END], "cut", []
    yield "END a byte before the end of the largest", cuts(m(large)[:-1], 40000) + [THE_END], "cut", []
    yield "END within the third of a frame", [m(b"a") + m(b"") + be32(2) + b"c", THE_END], "cut", [b"a", b""]
    yield "END within a message, and RESET", [be32(10) + b"12345", THE_END], "cut, over", []
    yield "END within a second message, and RESET", [m(b"a") + be32(10), THE_END], "cut, over", [b"a"]
    yield "END behind a message, and RESET", [m(b"a") + m(b""), THE_END], "over", [b"a", b""]
    yield "RESET at once", [], "reset", []
    yield "RESET behind a length", [be32(5)], "reset", []
    yield "RESET within a message", [be32(10) + b"12345"], "reset", []
    yield "RESET within the second message", [m(b"a") + be32(10) + b"12345"], "reset", []
    yield "RESET behind a message", [m(b"a")], "reset", []
    yield "END at once", [b"", THE_END], "ended", []
    yield "END with a message", [m(b"last"), THE_END], "ended", [b"last"]
    yield "END with a message of nothing", [m(b""), THE_END], "ended", [b""]
    yield "END behind a message, by itself", [m(b"last"), b"", THE_END], "ended", [b"last"]
    yield "a message of nothing", [m(b"")], "right", [b""]
    yield "a length in frames of a byte", cuts(be32(5), 1) + [b"12345"], "right", [b"12345"]
    yield "messages in frames of a byte", cuts(m(b"") + m(b"a") + m(b"12345"), 1), "right", [b"", b"a", b"12345"]
    yield "the largest", cuts(m(large), 65536), "right", [large]
    yield "the largest, its last byte by itself", cuts(m(large)[:-1], 65536) + [large[-1:]], "right", [large]
    yield "the largest in frames of 100 bytes", cuts(m(large), 100), "right", [large]
    yield "three of the largest", cuts(m(large) * 3, 50001), "right", [large] * 3
    yield "three in a frame", [m(b"a") + m(b"bc") + m(b"")], "right", [b"a", b"bc", b""]
    yield "a message and half a length, the rest, a message", \
        [m(b"a") + be32(3)[:2], be32(3)[2:] + b"bcd" + m(b"e")], "right", [b"a", b"bcd", b"e"]
    for size in 3, 4, 5, 1000, -9, -700:
        yield "40 of them in frames of %s" % (size if size > 0 else "1 to %d" % -size), cuts(row, size), "right", many


def rows_of(_):
    for what, pieces, outcome, wanted in rows():
        for who in "ours", "waiting", "theirs", "unanswered":
            yield "%s: %s (%s)" % (outcome, what, who), \
                lambda side, w=who, p=pieces, o=outcome, r=wanted: play(side, w, p, o, r)


# --- floods, credit ------------------------------------------------------------

def flood(side, who, size, n, read):
    """As many messages of nothing, in frames of this size; the program takes some, and all stays in step."""
    c = side.carrier()
    with Session(c, who) as s:
        s.data(*cuts(message(b"") * n, size))
        s.must(c.in_step())
        # and in between: who answers no PING for 15 seconds is dead
        for n in range(0, read, 1000):
            s.must(s.hears(*[b""] * min(1000, read - n)))
            s.must(c.in_step())
        s.reset()
        return c.in_step() or s.hears(errno.ECONNRESET, THE_END)


def beyond(side, who):
    """A byte more than was granted."""
    c = side.carrier()
    with Session(c, who) as s:
        s.data(*cuts(message(b"") * (CREDIT // 4), 65536))
        s.must(c.in_step())
        s.data(b"\0")
        side.world.expect("errors_flow_control")
        return c.is_reset(s.sid, FLOW_CONTROL) or s.hears(errno.EPROTO, THE_END)


def granted_again(side):
    """A reader that has taken everything has granted one whole message, at any time."""
    c = side.carrier()
    with Session(c, "ours") as s:
        sent, limit = 0, CREDIT
        large = random.randbytes(LARGEST)
        for _ in range(12):
            while limit - sent < 4 + LARGEST:
                f = c.next(PATIENCE, (ACK, PING))
                if not f or f.kind != WINDOW:
                    return "instead of WINDOW came %s" % (f,)
                limit = max(limit, int.from_bytes(f.payload, "big"))
            s.data(*cuts(message(large), 65536))
            sent += 4 + LARGEST
            s.must(s.hears(large))
        s.reset()
        return c.in_step() or s.hears(errno.ECONNRESET, THE_END)


def floods(_):
    most = CREDIT // 4
    read = most // 1000 * 1000 if LONG else 3000
    for who in "ours", "waiting", "theirs":
        yield "%d messages of nothing, %d are read (%s)" % (most, read, who), \
            lambda side, w=who: flood(side, w, 65536, most, read)
        yield "2000 messages of nothing in frames of 4 bytes (%s)" % who, lambda side, w=who: flood(side, w, 4, 2000, 2000)
        yield "500 messages of nothing in frames of a byte (%s)" % who, lambda side, w=who: flood(side, w, 1, 500, 500)
        yield "a byte beyond the credit (%s)" % who, lambda side, w=who: beyond(side, w)
    yield "12 of the largest, each when it is granted", granted_again


# --- types ---------------------------------------------------------------------

def refused(side, service, kind, reason):
    """And what comes for it is dropped."""
    c = side.carrier()
    sid = c.open(service, tlv(O_WINDOW, be64(CREDIT)), flags=kind)
    why = c.is_reset(sid, reason)
    c.send(frame(DATA, sid, message(b"x")) + frame(DATA, sid, be32(LARGEST + 1), END))
    return why or c.in_step()


def streams(side, kind):
    """A type that is information only: its bytes are a stream, whatever they look like."""
    c = side.carrier()
    sid = c.open("stream", flags=kind)
    why = c.says_nothing_but(ACCEPT, sid, payload=b"")
    program, _ = accept(bound["stream"])
    with program:
        c.send(frame(DATA, sid, be32(LARGEST + 1) + b"xy", END))
        got = b""
        while more := program.recv(100):
            got += more
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or (None if got == be32(LARGEST + 1) + b"xy" else "the program got %r" % got) or c.in_step()


def answered(side, answer, wanted):
    """What the program hears when its OPEN is answered by this."""
    c = side.carrier()
    with Session(c, "unanswered") as s:
        s.settled = True
        c.send(frame(RESET, s.sid, reason=answer))
        return c.in_step() or s.hears(wanted)


def sends(side, who, granted):
    """
    What a program sends is a row of messages; none begins for which there is no credit.
    granted: by ACCEPT or OPEN, beyond the first window.
    """
    c = side.carrier()
    small, large = random.randbytes(100), random.randbytes(LARGEST)
    if who == "ours":
        sid = c.open("messages", tlv(O_WINDOW, be64(granted)), flags=MESSAGES)
        Session.must(c.says_nothing_but(ACCEPT, sid, payload=GRANT))
        program, _ = accept(bound["messages"])
    else:
        s = Session(c, "unanswered")
        sid, program, s.settled = s.sid, s._program, True
        c.send(frame(ACCEPT, sid, tlv(1, be64(granted))))
        Session.must(c.in_step())
    with program:
        limit = max(granted, WINDOW_FIRST)
        program.send(small)
        program.send(b"")
        row = message(small) + message(b"")
        fits = limit - len(row) >= 4 + LARGEST
        try:
            program.send(large, socket.MSG_DONTWAIT)
            if not fits:
                return "a message went for which there was no credit"
        except BlockingIOError:
            if fits:
                return "a message did not go for which there was credit"
            # a byte less than it needs
            c.send(frame(WINDOW, sid, be64(len(row) + 4 + LARGEST - 1)))
            why = take(c, sid, row) or c.in_step()
            row = b""
            try:
                program.send(large, socket.MSG_DONTWAIT)
                return "a message went for which there was too little credit"
            except BlockingIOError:
                pass
            c.send(frame(WINDOW, sid, be64(len(message(small) + message(b"")) + 4 + LARGEST)))
            why = why or c.in_step()
            program.send(large)
        else:
            why = None
        why = why or take(c, sid, row + message(large))
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or c.in_step()


def take(c, sid, row):
    """None, or what came in place of these bytes."""
    got = b""
    while len(got) < len(row):
        f = c.next(PATIENCE)
        if not f or (f.kind, f.session, f.flags) != (DATA, sid, 0):
            return "instead of messages came %s" % (f,)
        got += f.payload
    return None if got == row else "other bytes came"


def window_of(side, n, ok):
    """ACCEPT of a program's messages grants this."""
    c = side.carrier()
    with Session(c, "unanswered") as s:
        s.settled = True
        c.send(frame(ACCEPT, s.sid, tlv(1, be64(n))))
        if not ok:
            return c.goes(PROTOCOL) or s.hears(errno.EPROTO)
        s.must(c.in_step())
        s.reset()
        return c.in_step() or s.hears(errno.ECONNRESET, end_of(s.who))


def never_accepted(side):
    """All that there is, the end and RESET, but no ACCEPT: connect() does not wait for it."""
    c = side.carrier()
    with Session(c, "unanswered") as s:
        s.settled = True
        c.send(frame(DATA, s.sid, message(b"all"), END) + frame(RESET, s.sid, reason=R_RESET))
        s.must(c.in_step())
        if connect(s._program, c.side.name, "peer") not in (0, errno.EISCONN):
            return "connect() failed"
        return s.hears(b"all", THE_END)


def types(_):
    yield "type 6 to a stream socket", lambda side: refused(side, "stream", MESSAGES, TYPE)
    yield "type 6 to a TCP service", lambda side: refused(side, "echo", MESSAGES, TYPE)
    yield "type 6 to a TCP service that is silent", lambda side: refused(side, "silent", MESSAGES, TYPE)
    for kind in [k for k in range(16) if k != MESSAGES]:
        yield "type %d to a message socket" % kind, lambda side, k=kind: refused(side, "messages", k, TYPE)
        yield "type %d to a stream socket" % kind, lambda side, k=kind: streams(side, k)
    for kind in 3, MESSAGES:
        yield "type %d to a service that nobody is bound to" % kind, \
            lambda side, k=kind: refused(side, "unbound", k, REFUSED)
    for reason, wanted in ((TYPE, errno.EPROTOTYPE), (REFUSED, errno.ECONNREFUSED), (FLOW_CONTROL, errno.EPROTO),
                           (0xffff, errno.ECONNRESET)):
        yield "RESET(%d) in place of ACCEPT" % reason, lambda side, r=reason, w=wanted: answered(side, r, w)
    yield "messages, END and RESET without ACCEPT", never_accepted
    for who in "ours", "theirs":
        for granted in 0, WINDOW_FIRST, 4 + LARGEST + 107, 4 + LARGEST + 108, CREDIT, 1 << 31:
            yield "messages of the program, %d granted (%s)" % (granted, who), \
                lambda side, w=who, g=granted: sends(side, w, g)
    for n, ok in ((0, True), (1, True), (1 << 31, True), ((1 << 31) + 1, False), ((1 << 64) - 1, False)):
        yield "ACCEPT of messages with a window of %#x" % n, lambda side, n=n, ok=ok: window_of(side, n, ok)


def prepared(cases):
    def first(side):
        programs(side.world)
        return cases(side)
    return first


GROUPS = [("messages", prepared(rows_of)), ("floods of messages", prepared(floods)),
          ("types of messages", prepared(types))]
