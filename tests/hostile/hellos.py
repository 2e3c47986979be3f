# SPDX-License-Identifier: GPL-2.0
"""Cases: HELLOs that are wrong or lie, and lanes that go on by a lie."""
import errno
import socket

from genl import A, CMD, encrypt, pair, s32, text, ulp
from peer import CRITICAL, H_ATTACH, H_EPOCH, H_FEATURES, H_LANE, H_MAX_SESSIONS, H_NAME, \
    H_PEER_EPOCH, H_RX_OFFSET, H_WINDOW, tlv
from peer import u16 as be16
from peer import u32 as be32
from world import ACCEPT, ACK, DATA, DIAL, LISTEN, LOOP, PATIENCE, PROTOCOL, R_RESET, REPLACED, \
    RESET, RESTARTED, STALE, VERSION, WINDOW, WINDOW_FIRST, Carrier, be64, frame, hears, hello, pin

BIG = (1 << 62) - 1, 1 << 62, 1 << 63, (1 << 64) - 1


def said(c, **how):
    """This HELLO, in place of the right one."""
    if c.side.role == DIAL:
        c.listen()
        how.setdefault("attach", c.says[H_ATTACH])
        how.setdefault("peer_epoch", c.says[H_EPOCH])
    how.setdefault("role", 1 - c.side.role)
    return hello(**how)


def refused(reason, **how):
    def case(side):
        side.drop()
        c = Carrier(side)
        c.send_own(said(c, **how))
        return c.goes(reason)
    return case


def taken(**how):
    def case(side):
        side.drop()
        c = Carrier(side)
        if not c.greet(**how):
            return "it was refused"
        return c.in_step()
    return case


def lies(side):
    """HELLOs that are wrong in themselves."""
    size = len(hello(role=1 - side.role)) - 16
    for what, reason, how in (
            ("version 0 only", VERSION, {"min_version": 0, "max_version": 0}),
            ("version 2 and later", VERSION, {"min_version": 2, "max_version": 255}),
            ("a lowest version above the highest", VERSION, {"min_version": 2, "max_version": 1}),
            ("another magic", PROTOCOL, {"magic": b"TNL2"}),
            ("a magic of zeros", PROTOCOL, {"magic": bytes(4)}),
            ("the kernel's own role", LOOP, {"role": side.role}),
            ("role 2", PROTOCOL, {"role": 2}),
            ("role 255", PROTOCOL, {"role": 255}),
            ("a reserved byte that is set", PROTOCOL, {"zero": 1}),
            ("epoch 0", PROTOCOL, {"epoch": 0}),
            ("lane 1", PROTOCOL, {"lane": 1}),
            ("lane 65535", PROTOCOL, {"lane": 65535}),
            *(("no attribute %d" % n, PROTOCOL, {"without": [n]})
              for n in (H_EPOCH, H_PEER_EPOCH, H_LANE, H_ATTACH, H_RX_OFFSET)),
            *(("attribute %d twice" % n, PROTOCOL, {"more": tlv(n, v)})
              for n, v in ((H_NAME, b"a"), (H_EPOCH, be64(1)), (H_WINDOW, be32(1)), (H_FEATURES, be64(0)))),
            *(("attribute %d %s" % (n, w), PROTOCOL, {"without": [n], "more": tlv(n, bytes(size))})
              for n, full in ((H_EPOCH, 8), (H_PEER_EPOCH, 8), (H_LANE, 2), (H_ATTACH, 8), (H_RX_OFFSET, 8),
                              (H_WINDOW, 4), (H_MAX_SESSIONS, 4), (H_FEATURES, 8))
              for w, size in (("empty", 0), ("a byte short", full - 1), ("a byte long", full + 1))),
            ("an unknown critical attribute", PROTOCOL, {"more": tlv(50 | CRITICAL, b"")}),
            ("an attribute that ends behind the frame", PROTOCOL, {"more": be16(50) + be16(1)}),
            ("an attribute of 65535 bytes", PROTOCOL, {"more": be16(50) + be16(65535)}),
            *(("%d bytes more" % n, PROTOCOL, {"more": bytes(n)}) for n in (1, 2, 3)),
            *(("a name with byte %#x" % b, PROTOCOL, {"name": b"g" + bytes([b])})
              for b in (0, 10, 27, 32, 37, 65, 128, 255)),
            ("an empty name", PROTOCOL, {"name": b""}),
            ("a name of 64 characters", PROTOCOL, {"name": b"g" * 64}),
            ("513 bytes", PROTOCOL, {"more": tlv(50, bytes(513 - size - 4))}),
            ("65536 bytes", PROTOCOL, {"more": tlv(50, bytes(65000))})):
        yield "HELLO with %s" % what, refused(reason, **how)

    for what, how in (
            ("versions 0 to 255", {"min_version": 0, "max_version": 255}),
            ("no name", {"without": [H_NAME]}),
            ("a name of 63 characters", {"name": b"g" * 63}),
            ("nothing that is not needed", {"without": [H_NAME, H_WINDOW, H_MAX_SESSIONS, H_FEATURES]}),
            ("all features", {"without": [H_FEATURES], "more": tlv(H_FEATURES, be64(BIG[3]))}),
            ("a window of 2^32 - 1", {"without": [H_WINDOW], "more": tlv(H_WINDOW, be32(0xffffffff))}),
            ("2^32 - 1 sessions", {"without": [H_MAX_SESSIONS],
                                   "more": tlv(H_MAX_SESSIONS, be32(0xffffffff))}),
            ("unknown attributes", {"more": tlv(50, b"x") + tlv(51, b"")}),
            ("attribute 64 twice", {"more": tlv(64, b"x") * 2}),
            ("512 bytes", {"more": tlv(50, bytes(512 - size - 4))}),
            ("the highest epoch", {"epoch": BIG[3]}),
            *(("an offset of %#x in a new life" % n, {"rx_offset": n}) for n in (1, *BIG))):
        yield "HELLO with %s is taken" % what, taken(**how)

    for what, cut in (("flags", b"\5\1"), ("a reason", b"\5\0\0\1")):
        yield "HELLO with %s in its header" % what, lambda side, cut=cut: _header(side, cut, 0)
    yield "HELLO of session 1", lambda side: _header(side, b"\5", 1)
    for n in (0, 7):
        yield "HELLO of %d bytes" % n, lambda side, n=n: _short(side, n)
    yield "HELLO of a fixed part only", lambda side: _short(side, 8)
    yield "HELLO with the kernel's own epoch", _own_epoch
    yield "HELLO in records of a byte", _crumbs
    yield "HELLO twice", _twice
    yield "no window: a program's bytes wait", _no_window
    yield "room for one session: the second program is refused", _one_session
    if side.role == DIAL:
        for n in (0, 1 << 32, *BIG):
            yield "HELLO that repeats attach as %#x" % n, refused(PROTOCOL, attach=n)
        for n in (0, 1, BIG[3]):
            yield "HELLO that knows the dialler's epoch as %#x" % n, refused(PROTOCOL, peer_epoch=n)
    else:
        for n in (0, *BIG):
            yield "HELLO with attach %#x" % n, taken(attach=n)
            yield "HELLO of a new life that knows the listener's epoch as %#x" % n, taken(peer_epoch=n)


def _header(side, head, session):
    side.drop()
    c = Carrier(side)
    whole = said(c)
    c.send_own(head + whole[len(head):8] + be64(session) + whole[16:])
    return c.goes(PROTOCOL)


def _short(side, n):
    side.drop()
    c = Carrier(side)
    whole = said(c)
    c.send_own(whole[:4] + be32(n) + whole[8:16 + n])
    return c.goes(PROTOCOL)


def _own_epoch(side):
    epoch = side.fresh().says[H_EPOCH]
    side.drop()
    c = Carrier(side)
    if side.role == DIAL:
        c.listen()
        epoch = c.says[H_EPOCH]
        c.send_own(hello(role=LISTEN, epoch=epoch, peer_epoch=epoch, attach=c.says[H_ATTACH]))
    else:
        c.send_own(hello(epoch=epoch))
    return c.goes(LOOP)


def _crumbs(side):
    side.drop()
    c = Carrier(side)
    c.pieces(said(c), 1)
    c.log.clear()
    if side.role == LISTEN:
        c.listen()
    c.up = True
    return c.in_step()


def _twice(side):
    side.drop()
    c = Carrier(side)
    c.send_own(said(c) * 2)
    c.up = True
    if side.role == LISTEN:
        c.listen()
    return c.goes(PROTOCOL)


def _no_window(side):
    c = side.fresh(without=[H_WINDOW])
    sid, program = c.program()
    with program:
        program.sendall(b"xy")
        c.send(frame(ACCEPT, sid))
        c.send(frame(WINDOW, sid, be64(0)))
        why = c.in_step()
        for n, byte in (1, b"x"), (2, b"y"):
            c.send(frame(WINDOW, sid, be64(n)))
            why = why or c.says_nothing_but(DATA, sid, payload=byte)
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or hears(program, None) or c.in_step()


def _one_session(side):
    c = side.fresh(without=[H_MAX_SESSIONS], more=tlv(H_MAX_SESSIONS, be32(1)))
    sid, program = c.program()
    with program:
        try:
            with socket.create_connection(side.listener, PATIENCE) as second:
                why = hears(second, None)
        except ConnectionResetError:
            why = None
        why = why or c.in_step()
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or hears(program, None) or c.in_step()


# --- the next carrier ----------------------------------------------------------

def begun(side):
    """A lane on which bytes have gone both ways, with a session of ours."""
    c = side.fresh()
    sid, program = c.opened()
    assert c.in_step() is None
    return c, sid, program


def lanes(side):
    """What the HELLO of the next carrier may say about a lane that has begun."""
    def goes_on(side, ack, offset, new_life):
        """offset: relative to what we have received, if it is small. new_life: does the lane end?"""
        c, sid, program = begun(side)
        with program:
            at = c.received + offset if offset < 1 << 20 else offset
            if ack:
                c.send(frame(ACK, payload=be64(c.received)))
                assert c.in_step() is None
            c.close()
            if not new_life:
                c = c.resume()
                why = c.in_step()
                c.send(frame(RESET, sid, reason=R_RESET))
                return why or hears(program, None)
            if side.role == DIAL:
                new = Carrier(side)
                new.send_own(said(new, epoch=c.epoch, rx_offset=at))
                return new.goes(PROTOCOL) or hears(program, None) or \
                    (None if side.world.left(side, sid) == PROTOCOL else "the session ended otherwise")
            new = Carrier(side)
            new.greet(epoch=c.epoch, attach=c.attach + 1, peer_epoch=c.says[H_EPOCH], rx_offset=at)
            if new.says.get(H_RX_OFFSET) != 0 or new.says.get(H_EPOCH) == c.says[H_EPOCH]:
                return "the lane does not begin again: %s" % new.says
            return hears(program, None) or new.in_step() or \
                (None if side.world.left(side, sid) == RESTARTED else "the session ended otherwise")

    yield "the right offset: the lane goes on", lambda side: goes_on(side, True, 0, False)
    yield "an offset one below what was acknowledged", lambda side: goes_on(side, True, -1, True)
    yield "an offset of 0 after an ACK", _zero_offset
    yield "an offset of 4096 beyond what was sent", lambda side: goes_on(side, False, 4096, True)
    for n in BIG:
        yield "an offset of %#x" % n, lambda side, n=n: goes_on(side, False, n, True)
    yield "an offset in the middle of a frame", _middle
    yield "ACK of what HELLO said it lacks", _ack_ahead
    yield "what was sent is sent twice: an error", _again
    yield "a carrier with a new epoch: the lane begins again", _other_epoch
    if side.role == LISTEN:
        for what, n in (("the same attach", 0), ("attach one lower", -1)):
            yield "%s: refused, the other carrier goes on" % what, lambda side, n=n: _stale(side, n)
        yield "a known epoch, but another for the listener: the lane begins again", _other_peer_epoch
        yield "a HELLO of a former life on an older carrier", _former
        yield "five carriers without HELLO: the fifth is not taken", _five
    else:
        yield "a carrier in place of one that was never answered", _unanswered


def _zero_offset(side):
    """All of it is acknowledged, and then it is said not to have come."""
    c, _, program = begun(side)
    with program:
        c.send(frame(ACK, payload=be64(c.received)))
        assert c.in_step() is None
        c.close()
        new = Carrier(side)
        if side.role == DIAL:
            new.send_own(said(new, epoch=c.epoch, rx_offset=0))
            return new.goes(PROTOCOL) or hears(program, None)
        new.greet(epoch=c.epoch, attach=c.attach + 1, peer_epoch=c.says[H_EPOCH], rx_offset=0)
        return (None if new.says.get(H_RX_OFFSET) == 0 else "no new life") or \
            hears(program, None) or new.in_step()


def _middle(side):
    """The kernel sends the rest of it, from that byte on."""
    c = side.fresh()
    sid, program = c.opened()
    with program:
        program.sendall(bytes(range(100)))
        assert c.says_nothing_but(DATA, sid, payload=bytes(range(100))) is None
        whole, was = frame(DATA, sid, bytes(range(100))), c.received
        for cut in (1, 8, 15, 16, 17, 50, 99, 100, 101, len(whole) - 1):
            c.close()
            c = c.resume(rx_offset=was - cut)
            end = c.have    # it may have come with HELLO
            while len(end) < cut:
                end += c.s.recv(65536)
            if end[:cut] != whole[-cut:]:
                return "at %d bytes from the end it sends %r" % (cut, end[:cut])
        c.send(frame(RESET, sid, reason=R_RESET))
        return hears(program, None)


def _ack_ahead(side):
    """HELLO says that nothing came, ACK at once that all came: what is left out is lost, no more."""
    c = side.fresh()
    _, program = c.opened()
    with program:
        program.sendall(bytes(WINDOW_FIRST))
        got = 0
        while got < WINDOW_FIRST:
            got += len(c.next(PATIENCE).payload)
        n = c.received
        c.close()
        new = Carrier(side)
        how = {"epoch": c.epoch, "rx_offset": 0}
        if side.role == LISTEN:
            how.update(attach=c.attach + 1, peer_epoch=c.says[H_EPOCH])
            new.send_own(hello(role=DIAL, **how) + frame(ACK, payload=be64(n)))
        else:
            new.send_own(said(new, **how) + frame(ACK, payload=be64(n)))
        # whatever part of it came again, the next life is sound
        new.close()
    return side.fresh().in_step()


def _again(side):
    """The kernel has received an OPEN; the same bytes once more are an OPEN of an old id."""
    c, _, program = begun(side)
    with program:
        log = bytes(c.log)
        c.close()
        c = c.resume()
        c.send(log)
        return c.goes(PROTOCOL) or hears(program, None)


def _other_epoch(side):
    c, sid, program = begun(side)
    with program:
        c.close()
        c = Carrier(side)
        c.greet()
        return hears(program, None) or c.in_step() or \
            (None if side.world.left(side, sid) == RESTARTED else "the session ended otherwise")


def _stale(side, n):
    c = side.fresh(attach=7)
    late = Carrier(side)
    late.send_own(hello(role=DIAL, epoch=c.epoch, attach=7 + n, peer_epoch=c.says[H_EPOCH]))
    return late.goes(STALE) or c.in_step()


def _other_peer_epoch(side):
    c, _, program = begun(side)
    with program:
        c.close()
        new = Carrier(side)
        new.greet(epoch=c.epoch, attach=c.attach + 1, peer_epoch=c.says[H_EPOCH] ^ 1,
                  rx_offset=c.received)
        return (None if new.says.get(H_RX_OFFSET) == 0 else "it goes on") or \
            hears(program, None) or new.in_step()


def _former(side):
    side.drop()
    old = Carrier(side)
    c = Carrier(side)
    c.greet()
    old.send_own(hello(role=DIAL))
    return old.goes(STALE) or c.in_step()


def _five(side):
    side.drop()
    four = [Carrier(side) for _ in range(4)]
    a, b = pair()
    ulp(a, b)
    encrypt(a, b, 1)
    encrypt(b, a, 7)
    answer = side.world.nl.call(CMD.CARRIER_ATTACH, {
        A.NAME: text(side.name), A.FD: s32(b.fileno()), A.PEER_PIN: pin(side.name)})
    a.close()
    b.close()
    for c in four[:3]:
        c.close()
        side.world.down(c.id)
    why = None if answer.errno == errno.EBUSY else "the answer is %s" % answer
    return why or (None if four[3].greet() else "the fourth was refused") or four[3].in_step()


def _unanswered(side):
    c, sid, program = begun(side)
    with program:
        c.close()
        lost = Carrier(side)
        lost.listen()
        new = c.resume()
        why = new.in_step() or lost.ends(REPLACED)
        new.send(frame(RESET, sid, reason=R_RESET))
        return why or hears(program, None)


GROUPS = [("HELLO", lies), ("the next carrier", lanes)]
