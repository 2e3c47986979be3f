# SPDX-License-Identifier: GPL-2.0
"""
The other end of a carrier, for tests: strangers that speak no TLS, or wrong
TLS; and a peer with the right key that can say anything in frames
(docs/protocol.md). For scripts in this folder: from peer import *

  peer.py stream HOST PORT FILE    exchange random bytes with an echo server
                                   until FILE exists; prints how many
"""
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from genl import done, result, same  # noqa: F401, for who imports this

DATA, OPEN, ACCEPT, RESET, WINDOW, HELLO, PING, PONG, ACK, GOAWAY = range(10)
TYPES = "DATA OPEN ACCEPT RESET WINDOW HELLO PING PONG ACK GOAWAY".split()
END = 0x10
BY_LISTENER = 1 << 63
CRITICAL = 0x8000
DIAL, LISTEN = 0, 1
H_NAME, H_EPOCH, H_PEER_EPOCH, H_LANE, H_ATTACH, H_RX_OFFSET, H_WINDOW, H_MAX_SESSIONS, \
    H_FEATURES = range(1, 10)
O_SERVICE, O_SOURCE, O_DESTINATION, O_UUID, O_WINDOW, O_PRIORITY, O_HOPS = range(1, 8)

SERVER = ("203.0.113.2", 4433)


# --- bytes ---------------------------------------------------------------------

class Frame(NamedTuple):
    kind: int
    flags: int
    reason: int
    session: int
    payload: bytes

    def __str__(self):
        return "%s(session %#x, flags %#x, reason %d, %d bytes)" % (
            TYPES[self.kind] if self.kind < len(TYPES) else self.kind,
            self.session, self.flags, self.reason, len(self.payload))


def frame(kind, session=0, payload=b"", flags=0, reason=0, length=None):
    """length: what the header says if not the truth"""
    return struct.pack("!BBHIQ", kind, flags, reason,
                       len(payload) if length is None else length, session) + payload


def tlv(kind, value):
    return struct.pack("!HH", kind, len(value)) + value


def u16(v):
    return struct.pack("!H", v)


def u32(v):
    return struct.pack("!I", v)


def u64(v):
    return struct.pack("!Q", v)


def hello(magic=b"TNL1", min_version=1, max_version=1, role=DIAL, zero=0, epoch=None, attach=1,
          lane=0, name=b"gw", rx_offset=0, peer_epoch=0, without=(), more=b""):
    """A HELLO, right but for what the caller wants otherwise."""
    tlvs = {H_NAME: tlv(H_NAME, name),
            H_EPOCH: tlv(H_EPOCH | CRITICAL, u64(random.getrandbits(63) + 1 if epoch is None
                                                 else epoch)),
            H_PEER_EPOCH: tlv(H_PEER_EPOCH | CRITICAL, u64(peer_epoch)),
            H_LANE: tlv(H_LANE | CRITICAL, u16(lane)),
            H_ATTACH: tlv(H_ATTACH | CRITICAL, u64(attach)),
            H_RX_OFFSET: tlv(H_RX_OFFSET | CRITICAL, u64(rx_offset)),
            H_WINDOW: tlv(H_WINDOW, u32(32768)),
            H_MAX_SESSIONS: tlv(H_MAX_SESSIONS, u32(100)),
            H_FEATURES: tlv(H_FEATURES, u64(0))}
    return frame(HELLO, payload=magic + bytes([min_version, max_version, role, zero]) +
                 b"".join(t for n, t in tlvs.items() if n not in without) + more)


def open_(session, service, more=b"", flags=3):
    return frame(OPEN, session, tlv(O_SERVICE | CRITICAL, service.encode()) + more, flags)


def parse_hello(payload):
    """What the listener says: {magic, min, max, role, and TLVs by number}."""
    found = {"magic": payload[:4], "min": payload[4], "max": payload[5], "role": payload[6]}
    rest = payload[8:]
    while len(rest) >= 4:
        kind, length = struct.unpack_from("!HH", rest)
        value = rest[4:4 + length]
        found[kind & ~CRITICAL] = value if kind & ~CRITICAL == H_NAME else \
            int.from_bytes(value, "big")
        rest = rest[4 + length:]
    return found


# --- a peer --------------------------------------------------------------------

def context(certificate=None, key=None, alpn=("tunnel/1",)):
    """TLS 1.2 that trusts anybody; certificate: files in PEM."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    c.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    if certificate:
        c.load_cert_chain(certificate, key)
    if alpn:
        c.set_alpn_protocols(list(alpn))
    return c


class Peer:
    """A TLS connection to the gateway, and frames on it."""

    def __init__(self, ctx, source=None):
        plain = socket.create_connection(SERVER, 20, source)
        self.address = "%s:%d" % plain.getsockname()[:2]
        self.s = ctx.wrap_socket(plain)
        self.s.settimeout(20)
        self.have = b""
        self.received = 0       # of the lane: all frames but HELLO

    def send(self, data):
        """Lost if the gateway has closed: what it said before that counts."""
        try:
            self.s.sendall(data)
        except OSError:
            pass

    def receive(self, seconds=20):
        """The next frame; None at the end of the stream."""
        end = time.monotonic() + seconds
        while True:
            if len(self.have) >= 16:
                kind, flags, reason, length, session = struct.unpack_from("!BBHIQ", self.have)
                if len(self.have) >= 16 + length:
                    payload, self.have = self.have[16:16 + length], self.have[16 + length:]
                    if kind != HELLO:
                        self.received += 16 + length
                    return Frame(kind, flags, reason, session, payload)
            self.s.settimeout(max(end - time.monotonic(), 0.01))
            try:
                more = self.s.recv(65536)
            except ConnectionError:
                return None
            if not more:
                return None
            self.have += more

    def next(self, seconds=20, skip=(ACK, PING, WINDOW)):
        """The next frame that is not about flow."""
        while True:
            f = self.receive(seconds)
            if f is None or f.kind not in skip:
                return f

    def hello(self, **how):
        """Exchange HELLOs. Return: what the gateway says, {} if it refuses."""
        self.send(hello(**how))
        f = self.next()
        return parse_hello(f.payload) if f and f.kind == HELLO else {}

    def ping(self):
        """Is the connection there, and in step? None, or what is wrong."""
        payload = random.randbytes(8)
        self.send(frame(PING, payload=payload))
        f = self.next()
        if f and f.kind == PONG and f.payload == payload:
            return None
        return "PING got %s" % (f,)

    def goodbye(self, reason):
        """GOAWAY with this reason, then the end? None, or what is wrong."""
        f = self.next()
        if not f or f.kind != GOAWAY or f.reason != reason:
            return "wanted GOAWAY(%d), got %s" % (reason, f)
        f = self.next()
        return "after GOAWAY came %s" % (f,) if f else None

    def close(self):
        self.s.close()


def await_(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Later(threading.Thread):
    """How long it takes until the other end closes; it may say something before."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock, self.seconds, self.said = sock, None, b""
        self.begin = time.monotonic()
        self.start()

    def run(self):
        self.sock.settimeout(60)
        try:
            while more := self.sock.recv(4096):
                self.said += more
        except OSError as e:
            self.said += str(e).encode() if isinstance(e, TimeoutError) else b""
        self.seconds = time.monotonic() - self.begin

    def wait(self):
        self.join(70)
        return self.seconds


# --- the log of the gateway's daemon -------------------------------------------

def log_lines(pattern):
    with open(os.environ["OUT"] + "/tunneld-gw.log") as f:
        return [line.rstrip() for line in f if re.search(pattern, line)]


def refused_once(source, sentence, seconds=20):
    """Is there one line about this address, and is it this? None, or why not."""
    pattern = "refused %s[: ]" % re.escape(source)
    await_(lambda: log_lines(pattern), seconds)
    lines = log_lines(pattern)
    if len(lines) != 1:
        return "%d lines in the log: %s" % (len(lines), lines[:3])
    if not re.search(": " + sentence, lines[0]):
        return "no '%s' in '%s'" % (sentence, lines[0])
    return None


# --- an application ------------------------------------------------------------

def stream(host, port, stop):
    s = socket.create_connection((host, int(port)), 20)
    s.settimeout(60)
    total = 0
    while not os.path.exists(stop):
        block = random.randbytes(random.choice((1, 100, 4096, 65536)))
        s.sendall(block)
        got = b""
        while len(got) < len(block):
            more = s.recv(65536)
            if not more:
                sys.exit("the connection was closed after %d bytes" % total)
            got += more
        if got != block:
            sys.exit("other bytes than were sent, after %d" % total)
        total += len(block)
        time.sleep(0.02)    # this test is not about throughput
    s.shutdown(socket.SHUT_WR)
    if s.recv(1):
        sys.exit("bytes that were not sent, after %d" % total)
    print(total, "bytes")


if __name__ == "__main__" and sys.argv[1:2] == ["stream"]:
    stream(*sys.argv[2:])
