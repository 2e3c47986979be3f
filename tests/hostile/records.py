# SPDX-License-Identifier: GPL-2.0
"""Cases: TLS records and TCP segments, at places where they hurt."""
import random
import socket
import struct

from peer import RESET
from world import ALERT, APPLICATION, CHANGE_CIPHER, DATA, END, HANDSHAKE, LISTEN, PATIENCE, PING, \
    PONG, R_RESET, TRANSPORT, Carrier, frame, hears

CLOSE_NOTIFY, UNKNOWN_CA, USER_CANCELED = b"\1\0", b"\2\x30", b"\1\x5a"
BLOCK = bytes(range(256)) * 8


# --- what ends a carrier -------------------------------------------------------

def forged(c, how):
    """A record that does not authenticate, or is none."""
    good = bytearray(c.seal(b"forged"))
    if how == "tag":
        good[-1] ^= 1
    elif how == "text":
        good[14] ^= 0x80
    elif how == "nonce":
        good[6] ^= 1
    elif how == "type":
        good[0] = ALERT
    elif how == "version":
        good[2] = 1
    elif how == "short":
        return struct.pack("!BHH", APPLICATION, 0x0303, 23) + bytes(23)
    elif how == "empty":
        return struct.pack("!BHH", APPLICATION, 0x0303, 0) + bytes(8)
    elif how == "long":
        return struct.pack("!BHH", APPLICATION, 0x0303, 16384 + 25) + bytes(16384 + 25)
    elif how == "huge":
        return struct.pack("!BHH", APPLICATION, 0x0303, 65535) + bytes(65535)
    elif how == "plain":
        return frame(PING, payload=bytes(8))
    return bytes(good)


ENDS = [
    ("close_notify", lambda c: c.record(CLOSE_NOTIFY, ALERT)),
    ("a fatal alert", lambda c: c.record(UNKNOWN_CA, ALERT)),
    ("a warning", lambda c: c.record(USER_CANCELED, ALERT)),
    ("an alert of no byte", lambda c: c.record(b"", ALERT)),
    ("an alert of 16384 bytes", lambda c: c.record(bytes(16384), ALERT)),
    ("HelloRequest", lambda c: c.record(bytes(4), HANDSHAKE)),
    ("a ClientHello of 300 bytes", lambda c: c.record(b"\1\0\1\x28" + bytes(296), HANDSHAKE)),
    ("ChangeCipherSpec", lambda c: c.record(b"\1", CHANGE_CIPHER)),
    ("a heartbeat", lambda c: c.record(b"\1\xff\xff", 24)),
    ("a record of type 0", lambda c: c.record(b"x", 0)),
    ("a record of type 99", lambda c: c.record(b"x" * 100, 99)),
    ("a record of type 255", lambda c: c.record(b"", 255)),
    *(("a forged record: %s" % how, lambda c, how=how: c.raw(forged(c, how)))
      for how in ("tag", "text", "nonce", "type", "version", "short", "empty", "long", "huge", "plain")),
    ("a record with the number of the last", lambda c: c.record(b"x", seq=(c.seal.seq - 1) % (1 << 64))),
    ("a record out of turn", lambda c: c.record(b"x", seq=c.seal.seq + 1)),
    ("FIN", lambda c: c.s.shutdown(socket.SHUT_WR)),
    ("half a record, then FIN", lambda c: (c.raw(c.seal(bytes(1000))[:500]), c.s.shutdown(socket.SHUT_WR))),
    ("3 bytes of a record, then FIN", lambda c: (c.raw(b"\x17\x03\x03"), c.s.shutdown(socket.SHUT_WR))),
    ("RST", lambda c: c.close(reset=True)),
    ("half a record, then RST", lambda c: (c.raw(c.seal(bytes(1000))[:500]), c.close(reset=True))),
]


def cut(side, end, at):
    """
    The carrier ends when so many bytes of a DATA frame have been sent; the next
    one goes on with the byte that the kernel lacks, and the program notices nothing.
    """
    c = side.carrier()
    sid, program = c.opened()
    with program:
        whole = frame(DATA, sid, BLOCK)
        c.send(whole[:at])
        end(c)
        got = side.world.down(c.id)
        if got != TRANSPORT:
            return "it ended with reason %s" % got
        # said or not: what came in the meantime was read by nobody
        c.close()
        c = c.resume()
        c.send(whole[at:])
        why = hears(program, BLOCK)
        c.send(frame(DATA, sid, b"", END))
        why = why or hears(program, b"")
        program.sendall(BLOCK)
        got = b""
        while not why and len(got) < len(BLOCK):
            f = c.next(PATIENCE)
            if not f or f.kind != DATA:
                return "the program's bytes: %s" % (f,)
            got += f.payload
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or (None if got == BLOCK else "other bytes came") or c.in_step()


def ends(_):
    for what, end in ENDS:
        for where, at in (("between frames", 0), ("in a header", 7), ("in a payload", 16 + 1000)):
            yield "%s %s" % (what, where), lambda side, e=end, a=at: cut(side, e, a)


def early(_):
    """The same before HELLO and in the middle of it: that carrier ends, the next one is up."""
    def case(side, end, half):
        side.drop()
        c = Carrier(side)
        if side.role != LISTEN:
            c.listen()
        if half:
            c.pieces(frame(5, length=100) + bytes(20), 16384)
        end(c)
        got = side.world.down(c.id)
        c.close()
        return None if got == TRANSPORT else "it ended with reason %s" % got

    for what, end in ENDS:
        for where, half in (("before HELLO", False), ("in HELLO", True)):
            yield "%s %s" % (what, where), lambda side, e=end, h=half: case(side, e, h)


# --- what ends nothing ---------------------------------------------------------

def shapes(_):
    """The lane's bytes in records of odd sizes."""
    def stream(side, *sizes, version=None):
        """Some frames of each kind, in these records."""
        c = side.carrier() if version is None else side.fresh_13()
        sid, program = c.opened()
        with program:
            side.world.expect("frames_skipped", 2)
            c.pieces(frame(DATA, sid, BLOCK) + frame(100, 7, bytes(70)) + frame(PONG, payload=bytes(8)) +
                     frame(DATA, sid, b"x") + frame(64) + frame(DATA, sid, BLOCK), *sizes)
            why = hears(program, BLOCK + b"x" + BLOCK)
            c.send(frame(RESET, sid, reason=R_RESET))
            return why or hears(program, None) or c.in_step()

    yield "records of a byte", lambda side: stream(side, 1)
    yield "records of 15, 16 and 17 bytes", lambda side: stream(side, *[15, 16, 17] * 100)
    yield "records of random sizes", \
        lambda side: stream(side, *[random.choice((1, 2, 16, 300, 5000)) for _ in range(100)])
    for n in range(1, 16):
        yield "a header in %d and %d bytes" % (n, 16 - n), lambda side, n=n: stream(side, n, 16 - n, 4000)
    yield "a record of the largest size", full
    yield "a record with 1024 frames", crowd
    yield "a record with 960 frames of a byte of DATA", crowd_of_data
    yield "a record a byte at a time", slow
    yield "1000 records of no byte", lambda side: empty(side, 1000)
    yield "records of no byte between others, in mid-frame", empty_between
    yield "TLS 1.3, records of a byte", lambda side: stream(side, 1, version=13)
    yield "TLS 1.3, large records", lambda side: stream(side, 16384, version=13)
    yield "TLS 1.3, records with padding", padded
    yield "TLS 1.3, 1000 records of padding only", lambda side: empty(side, 1000, 13)
    for what, data, kind in (("close_notify", CLOSE_NOTIFY, ALERT), ("KeyUpdate", b"\x18\0\0\1\0", HANDSHAKE),
                             ("a session ticket", b"\4\0\0\x20" + bytes(32), HANDSHAKE), ("type 0", b"x", 0)):
        yield "TLS 1.3, %s: the end" % what, lambda side, d=data, k=kind: ends_13(side, d, k)


def full(side):
    c = side.carrier()
    sid, program = c.opened()
    with program:
        data = frame(DATA, sid, random.randbytes(16384 - 16)) + frame(DATA, sid, random.randbytes(16384 - 16))
        c.pieces(data, 16384)
        why = hears(program, data[16:16384] + data[16384 + 16:])
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or hears(program, None) or c.in_step()


def crowd(side):
    c = side.carrier()
    c.pieces(frame(127, 1) * 1024, 16384)
    side.world.expect("frames_skipped", 1024)
    return c.in_step()


def crowd_of_data(side):
    c = side.carrier()
    sid, program = c.opened()
    with program:
        c.pieces(b"".join(frame(DATA, sid, bytes([n & 255])) for n in range(960)), 16384)
        why = hears(program, bytes(n & 255 for n in range(960)))
        c.send(frame(RESET, sid, reason=R_RESET))
        return why or hears(program, None) or c.in_step()


def slow(side):
    c = side.carrier()
    payload = random.randbytes(8)
    c.log += frame(PING, payload=payload)
    for byte in c.seal(frame(PING, payload=payload)):
        c.raw(bytes([byte]))
    return c.says_nothing_but(PONG, 0, payload=payload)


def empty(side, n, version=None):
    c = side.carrier() if version is None else side.fresh_13()
    c.raw(b"".join(c.seal(b"") for _ in range(n)))
    return c.in_step()


def empty_between(side):
    c = side.carrier()
    payload = random.randbytes(8)
    whole = frame(PING, payload=payload)
    for n in range(24):
        c.raw(c.seal(b"") + c.seal(whole[n:n + 1]))
    c.log += whole
    return c.says_nothing_but(PONG, 0, payload=payload) or c.in_step()


def padded(side):
    c = side.fresh_13()
    payload = random.randbytes(8)
    whole = frame(PING, payload=payload)
    for n, pad in ((3, 1), (13, 1000), (8, 16384 - 8)):
        c.record(whole[:n], pad=pad)
        c.log += whole[:n]
        whole = whole[n:]
    return c.says_nothing_but(PONG, 0, payload=payload) or c.in_step()


def ends_13(side, data, kind):
    c = side.fresh_13()
    c.record(data, kind)
    return c.ends(TRANSPORT)


GROUPS = [("ends of a carrier", ends), ("ends before HELLO", early), ("shapes of records", shapes)]
