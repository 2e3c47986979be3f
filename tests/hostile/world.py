# SPDX-License-Identifier: GPL-2.0
"""
What the hostile peer lives in, all in one network namespace:

  side "listener"   a tunnel in which the kernel listens, this script dials
  side "dialler"    the other way round
  near == far       a tunnel of the kernel's with itself, through which a program
                    exchanges bytes all the time: the bystander

A carrier is a TCP pair. The kernel has one end, with keys that everybody
knows. The other end is the script's: kernel TLS receives there, but each record
that it sends is made here byte by byte, so that it can be any nonsense.
"""
import asyncio
import atexit
import ctypes
import errno
import hashlib
import mmap
import os
import random
import signal
import socket
import struct
import time

import genl
import peer
from genl import A, CMD, Genl, TLS_1_2, TLS_RX, TLS_TX, address, pair, s32, show_address, text, u8, ulp
from peer import ACCEPT, ACK, BY_LISTENER, DATA, DIAL, END, GOAWAY, H_ATTACH, H_EPOCH, \
    H_RX_OFFSET, HELLO, LISTEN, OPEN, PING, PONG, RESET, WINDOW, await_, frame, hello, open_, \
    parse_hello
from peer import u64 as be64

TLS_1_3 = 0x0304
ALERT, HANDSHAKE, CHANGE_CIPHER, APPLICATION = 21, 22, 20, 23
# enum tunnel_reason
NONE, R_RESET, NO_SERVICE, REFUSED, UNREACHABLE, TIMED_OUT, LIMIT, FLOW_CONTROL, PROTOCOL, \
    VERSION, RESTARTED, ADMIN, STALE, REPLACED, LOOP, FLOOD, TRANSPORT = range(17)
LIKE_PINGS = (ACK, PING, WINDOW)
WINDOW_FIRST = 32768
MIB = 1 << 20
SO_RCVBUFFORCE = 33
PATIENCE = 60       # seconds, for what comes at once on a machine that is idle


# --- records -------------------------------------------------------------------

crypto = ctypes.CDLL("libcrypto.so.3")
for function in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm"):
    getattr(crypto, function).restype = ctypes.c_void_p


class Sealer:
    """TLS records of AES-128-GCM, with the keys of genl.key(SEED)."""

    def __init__(self, seed, version=TLS_1_2):
        self.version, self.seq = version, 0
        self.iv, self.salt = bytes([seed]) * 8, bytes([seed + 2]) * 4
        self.ctx = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
        self._must(crypto.EVP_EncryptInit_ex(
            self.ctx, ctypes.c_void_p(crypto.EVP_aes_128_gcm()), None, bytes([seed + 1]) * 16, None))

    def __del__(self):
        crypto.EVP_CIPHER_CTX_free(self.ctx)

    @staticmethod
    def _must(success):
        if success != 1:
            raise RuntimeError("libcrypto")

    def _gcm(self, nonce, aad, data):
        n, out, tag = ctypes.c_int(), ctypes.create_string_buffer(len(data) + 16), \
            ctypes.create_string_buffer(16)
        self._must(crypto.EVP_EncryptInit_ex(self.ctx, None, None, None, nonce))
        self._must(crypto.EVP_EncryptUpdate(self.ctx, None, ctypes.byref(n), aad, len(aad)))
        self._must(crypto.EVP_EncryptUpdate(self.ctx, out, ctypes.byref(n), data, len(data)))
        self._must(crypto.EVP_EncryptFinal_ex(self.ctx, None, ctypes.byref(n)))
        self._must(crypto.EVP_CIPHER_CTX_ctrl(self.ctx, 0x10, 16, tag))
        return out.raw[:len(data)] + tag.raw

    def __call__(self, data, kind=APPLICATION, seq=None, version=0x0303, pad=0):
        """One record. seq: not the next number, but this."""
        number = be64(self.seq if seq is None else seq)
        if seq is None:
            self.seq += 1
        if self.version == TLS_1_2:
            aad = number + struct.pack("!BHH", kind, version, len(data))
            return struct.pack("!BHH", kind, version, len(data) + 24) + number + \
                self._gcm(self.salt + number, aad, data)
        head = struct.pack("!BHH", APPLICATION, version, len(data) + 1 + pad + 16)
        nonce = bytes(a ^ b for a, b in zip(self.salt + self.iv, bytes(4) + number))
        return head + self._gcm(nonce, head, data + bytes([kind]) + bytes(pad))


# --- a carrier -----------------------------------------------------------------

class Carrier(peer.Peer):
    """The script's end of a carrier, handed over but not greeted yet."""

    def __init__(self, side, version=TLS_1_2, small=False):
        # not that of the base class: it would make a connection
        # pylint: disable=super-init-not-called
        self.s, other = pair()
        ulp(self.s, other)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sock, direction, seed in ((self.s, TLS_RX, 1), (other, TLS_TX, 1), (other, TLS_RX, 7)):
            genl.key(sock, direction, seed, version=version)
        if small:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.seal = Sealer(7, version)
        self.side = side
        self.have, self.received = b"", 0
        self.log = bytearray()      # of the lane, sent by us
        self.up = False             # both HELLOs are through
        self.says = {}
        self.epoch = self.attach = 0
        self._last = side.last
        self.id = side.world.attach(side.name, other)
        side.carriers.append(self)

    # sending

    def raw(self, data):
        """Bytes as they are on the wire."""
        self.s.settimeout(PATIENCE)
        try:
            self.s.sendall(data)
        except TimeoutError:
            raise
        except OSError:
            pass        # it has closed: what it said before that counts

    def record(self, data, kind=APPLICATION, **how):
        self.raw(self.seal(data, kind, **how))

    def pieces(self, data, *sizes):
        """The lane's bytes in records of these sizes, the last one again and again."""
        sizes = list(sizes)
        self.log += data
        out = b""
        while data:
            n = sizes.pop(0) if len(sizes) > 1 else sizes[0]
            out += self.seal(data[:n])
            data = data[n:]
        self.raw(out)

    def send(self, data):
        self.pieces(data, 16384)

    def send_own(self, data):
        """Not of the lane: HELLO, or what comes in its place."""
        self.pieces(data, 16384)
        self.log.clear()

    # sessions: ours are those that this script opens

    @property
    def last(self):
        """Of ours. It goes on in the next life, so that no two sessions have one id."""
        return self._last

    @last.setter
    def last(self, n):
        self._last = n
        if n < 1 << 40:
            self.side.last = max(self.side.last, n)

    def ours(self, n):
        return n | (BY_LISTENER if self.side.role == DIAL else 0)

    def theirs(self, n):
        return n | (BY_LISTENER if self.side.role == LISTEN else 0)

    def open(self, service="target", more=b"", **how):
        self.last += 1
        self.send(open_(self.ours(self.last), service, more, **how))
        return self.ours(self.last)

    def opened(self):
        """A session of ours that is open: its id, and the program's socket."""
        sid = self.open()
        program = self.side.world.accept()
        f = self.next()
        if (f.kind, f.session) != (ACCEPT, sid):
            program.close()
            raise AssertionError("OPEN got %s" % (f,))
        return sid, program

    def program(self):
        """A session of the kernel's, not accepted: its id, and the program's socket."""
        program = socket.create_connection(self.side.listener, PATIENCE)
        f = self.next()
        if not f or f.kind != OPEN:
            program.close()
            raise AssertionError("a program got %s" % (f,))
        return f.session, program

    # the beginning

    def greet(self, **how):
        """Exchange HELLOs, as in a new life. Return: what the kernel says, {} if it refuses."""
        world = self.side.world
        self.epoch = how.setdefault("epoch", random.getrandbits(62) + 1)
        if self.side.role == LISTEN:
            self.attach = how.setdefault("attach", 1)
            self.send_own(hello(role=how.pop("role", DIAL), **how))
            f = self.next(PATIENCE)
            self.says = parse_hello(f.payload) if f and f.kind == HELLO else {}
        else:
            self.listen()
            self.attach = how.setdefault("attach", self.says[H_ATTACH])
            how.setdefault("peer_epoch", self.says[H_EPOCH])
            self.send_own(hello(role=how.pop("role", LISTEN), **how))
        self.up = bool(self.says)
        world.await_up(self)
        return self.says

    def listen(self):
        """The HELLO of a dialler, which speaks first."""
        f = self.next(PATIENCE)
        if not f or f.kind != HELLO:
            raise AssertionError("the dialler said %s" % (f,))
        self.says = parse_hello(f.payload)

    def resume(self, **how):
        """The next carrier of the same lane; what the kernel lacks is sent again."""
        new = Carrier(self.side)
        how.setdefault("epoch", self.epoch)
        how.setdefault("rx_offset", self.received)
        if self.side.role == LISTEN:
            how.setdefault("attach", self.attach + 1)
            how.setdefault("peer_epoch", self.says[H_EPOCH])
        new.greet(**how)
        new.received, new.last = how["rx_offset"], self.last
        if new.says.get(H_RX_OFFSET, 0) > len(self.log):
            raise AssertionError("it has received %d of %d bytes" % (new.says[H_RX_OFFSET], len(self.log)))
        missing = bytes(self.log[new.says.get(H_RX_OFFSET, 0):])
        new.log = self.log[:len(self.log) - len(missing)]
        if missing:
            new.send(missing)
        return new

    # what may be expected; each of these returns None, or what is wrong

    def in_step(self, also=()):
        """Nothing was said but frames of these kinds, and PING is answered."""
        payload = random.randbytes(8)
        self.send(frame(PING, payload=payload))
        f = self.next(PATIENCE, LIKE_PINGS + tuple(also))
        return None if f and f.kind == PONG and f.payload == payload else "PING got %s" % (f,)

    def says_nothing_but(self, kind, session, reason=0, flags=0, payload=None):
        f = self.next(PATIENCE)
        if not f or (f.kind, f.session, f.reason, f.flags) != (kind, session, reason, flags) or \
                payload not in (None, f.payload):
            return "wanted %s, got %s" % (peer.Frame(kind, flags, reason, session, payload or b""), f)
        return None

    def is_reset(self, session, reason):
        return self.says_nothing_but(RESET, session, reason) or self.in_step()

    def goes(self, reason, close=True):
        """GOAWAY, then the end."""
        f = self.next(PATIENCE, LIKE_PINGS + (ACCEPT, RESET, DATA, OPEN, PONG))
        if not f or f.kind != GOAWAY or f.reason != reason:
            return "wanted GOAWAY(%d), got %s" % (reason, f)
        f = self.next(PATIENCE)
        if f:
            return "after GOAWAY came %s" % (f,)
        if self.up and reason == PROTOCOL:
            self.side.world.expect("errors_protocol")
        return self.ended(reason, close)

    def ends(self, reason):
        """The end, without a word."""
        f = self.next(PATIENCE, LIKE_PINGS + (ACCEPT, RESET, DATA, OPEN, PONG))
        return "wanted the end, got %s" % (f,) if f else self.ended(reason)

    def ended(self, reason, close=True):
        got = self.side.world.down(self.id)
        if close:
            self.close()
        return None if got == reason else "it ended with reason %s, wanted %d" % (got, reason)

    def close(self, reset=False):
        if reset:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()
        if self in self.side.carriers:
            self.side.carriers.remove(self)


class Side:
    """A tunnel that is attacked. role: the kernel's."""

    def __init__(self, world, name, role):
        self.world, self.name, self.role = world, name, role
        self.carriers, self.last = [], 0
        self.listener = world.tunnel(name, role)

    def fresh(self, **how):
        """A carrier of a new life, greeted."""
        self.drop()
        c = Carrier(self)
        if not c.greet(**how):
            raise AssertionError("HELLO was refused")
        return c

    def fresh_13(self):
        """The same by TLS 1.3."""
        self.drop()
        c = Carrier(self, TLS_1_3)
        c.greet()
        return c

    def carrier(self):
        """One that is in step: that of the case before if there is one."""
        for c in self.carriers:
            if c.up and not self.world.is_down(c.id):
                return c
        return self.fresh()

    def drop(self):
        for c in list(self.carriers):
            c.close()


# --- programs ------------------------------------------------------------------

def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def child(function, *args):
    pid = os.fork()
    if pid:
        atexit.register(end, pid)
        return pid
    status = 1
    try:
        function(*args)
        status = 0
    except Exception as e:      # whatever it is, the parent hears of it
        print("# %s: %r" % (function.__name__, e), flush=True)
    os._exit(status)


def echo_server(listener):
    async def serve(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def main():
        await (await asyncio.start_server(serve, sock=listener)).serve_forever()

    asyncio.run(main())


def bystander(where, shared):
    """Random bytes to an echo server until shared[8] is set; shared[0:8]: how many came back."""
    s = socket.create_connection(where, PATIENCE)
    total = 0
    while not shared[8]:
        block = random.randbytes(random.choice((1, 100, 4096, 20000)))
        s.sendall(block)
        got = b""
        while len(got) < len(block):
            more = s.recv(65536)
            if not more:
                raise EOFError("the connection was closed after %d bytes" % total)
            got += more
        if got != block:
            raise ValueError("other bytes than were sent, after %d" % total)
        total += len(block)
        shared[0:8] = be64(total)
        time.sleep(0.05)
    s.shutdown(socket.SHUT_WR)
    if s.recv(1):
        raise ValueError("bytes that were not sent")


# --- the kernel ----------------------------------------------------------------

def pin(name):
    """Two tunnels with one peer may not be."""
    return hashlib.sha256(name.encode()).digest()


class World:
    def __init__(self):
        self.nl, self.events = Genl(), Genl()
        self.events.s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * MIB)
        self.events.join("events")
        self.ups, self.downs, self.when, self.closed = set(), {}, {}, {}
        self.late = []          # carriers that are left alone meanwhile
        self.expected, self.failed = {}, False

        echo = socket.create_server(("127.0.0.1", 0), backlog=4096)
        child(echo_server, echo)
        self.target = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.target.settimeout(PATIENCE)
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = nobody.getsockname()
        for name, where in (("echo", echo.getsockname()), ("target", self.target.getsockname()),
                            ("closed", closed), ("silent", ("192.0.2.2", 9))):
            self.must(CMD.SERVICE_NEW, {A.SERVICE: text(name), A.ADDRESS: address(*where)})

        there = self.tunnel("near", DIAL, "echo")
        self.tunnel("far", LISTEN)
        a, b = pair()
        ulp(a, b)
        genl.encrypt(a, b, 1)
        genl.encrypt(b, a, 7)
        self.mine = [self.attach("far", b), self.attach("near", a)]
        self.shared = mmap.mmap(-1, 16)
        self.bystander, self.seen = child(bystander, there, self.shared), 0

        self.sides = [Side(self, "listener", LISTEN), Side(self, "dialler", DIAL)]
        self.before = self.stats()

    def must(self, cmd, attrs=b""):
        answer = self.nl.call(cmd, attrs)
        if answer.errno:
            raise AssertionError(str(answer))
        return answer

    def tunnel(self, name, role, service="peer"):
        """Return: where programs connect to."""
        end = {A.REMOTE: text("nobody:1")} if role == DIAL else {A.LOCAL: text("nowhere:1")}
        self.must(CMD.TUNNEL_NEW, {A.NAME: text(name), A.ROLE: u8(role), A.PEER_PIN: pin(name),
                                   A.KEY: text("/none"), **end})
        answer = self.must(CMD.LISTENER_NEW, {A.NAME: text(name), A.SERVICE: text(service),
                                              A.ADDRESS: address("127.0.0.1", 0)})
        return show_address(answer.messages[0][A.ADDRESS])

    def attach(self, name, sock):
        answer = self.must(CMD.CARRIER_ATTACH, {A.NAME: text(name), A.FD: s32(sock.fileno()),
                                                A.PEER_PIN: pin(name)})
        sock.close()
        return struct.unpack("=I", answer.messages[0][A.CARRIER_ID])[0]

    def accept(self):
        """The program's end of a session to "target"."""
        s, _ = self.target.accept()
        s.settimeout(PATIENCE)
        return s

    # events

    def _read(self, seconds):
        self.events.s.settimeout(seconds)
        try:
            datagram = self.events.s.recv(1 << 16)
        except (TimeoutError, BlockingIOError):
            return False
        while len(datagram) >= 16:
            length, = struct.unpack_from("=I", datagram)
            cmd, found = datagram[16], genl.parse(datagram[20:length])
            if cmd == CMD.CARRIER_UP:
                self.ups.add(struct.unpack("=I", found[A.CARRIER_ID])[0])
            elif cmd == CMD.CARRIER_DOWN:
                carrier, = struct.unpack("=I", found[A.CARRIER_ID])
                self.downs[carrier], self.when[carrier] = found[A.REASON][0], time.monotonic()
            elif cmd == CMD.SESSION_CLOSED:
                self.closed[found[A.NAME][:-1].decode(), struct.unpack("=Q", found[A.SESSION_ID])[0]] = \
                    found[A.REASON][0]
            datagram = datagram[(length + 3) & ~3:]
        return True

    def _await(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._read(left)
        return True

    def await_up(self, c):
        self._await(lambda: c.id in self.ups or c.id in self.downs)

    def down(self, carrier):
        """Why it ended."""
        self._await(lambda: carrier in self.downs)
        return self.downs.get(carrier)

    def is_down(self, carrier):
        while self._read(0):
            pass
        return carrier in self.downs

    def left(self, side, session):
        """Why a session ended, once it has left the table."""
        name = side.name, session
        self._await(lambda: name in self.closed)
        return self.closed.pop(name, None)

    # what there is

    def stats(self):
        nest = self.must(CMD.STATS_GET).messages[0][A.STATS]
        found = {}
        while len(nest) >= 4:
            length, _ = struct.unpack_from("=HH", nest)
            one = genl.parse(nest[4:length])
            found[one[A.STAT_NAME][:-1].decode()], = struct.unpack("=Q", one[A.STAT_VALUE])
            nest = nest[(length + 3) & ~3:]
        return found

    def dump(self, cmd, side):
        return self.nl.call(cmd, {A.NAME: text(side.name)}, dump=True).messages

    def sessions(self, side):
        return [struct.unpack("=Q", m[A.SESSION_ID])[0] for m in self.dump(CMD.SESSION_GET, side)]

    def carriers(self, side):
        return self.dump(CMD.CARRIER_GET, side)

    def expect(self, counter, n=1):
        self.expected[counter] = self.expected.get(counter, 0) + n

    # checks behind a group of cases; None, or what is wrong

    def clean(self):
        """No carrier, no session, and the counters say what has happened."""
        for side in self.sides:
            # a new life ends what the last one left, and the next what waited for a carrier
            for _ in range(20):
                side.fresh()
                if await_(lambda s=side: not self.sessions(s), PATIENCE / 20):
                    break
            else:
                return "%s has sessions %s" % (side.name, self.sessions(side)[:5])
            side.drop()
            if not await_(lambda s=side: not self.carriers(s), PATIENCE):
                return "%s has a carrier" % side.name

        def more():
            now = self.stats()
            return now["carriers_attached"] - now["carriers_lost"] - len(self.mine) - \
                sum(not self.is_down(c) for c in self.late)

        if not await_(lambda: more() == 0, PATIENCE):
            return "%d carriers more than there should be" % more()
        now = self.stats()
        for counter in ("errors_protocol", "errors_flow_control", "frames_skipped"):
            got, want = now[counter] - self.before[counter], self.expected.get(counter, 0)
            if got != want and not self.failed:
                return "%s grew by %d, wanted %d" % (counter, got, want)
        self.before, self.expected, self.failed = now, {}, False
        return None

    def calm(self):
        """The bystander goes on, by the same carriers."""
        for carrier in self.mine:
            if self.is_down(carrier):
                return "its carrier ended with reason %d" % self.downs[carrier]

        def total():
            return int.from_bytes(self.shared[0:8], "big")

        if not await_(lambda: total() > self.seen, PATIENCE):
            pid, status = os.waitpid(self.bystander, os.WNOHANG)
            return "its program stands still at %d bytes%s" % (
                total(), ", it ended with %d" % status if pid else "")
        self.seen = total()
        return None

    def serves(self):
        """Does a well-behaved peer have success, both ways?"""
        for side in self.sides:
            why = serve(side)
            if why:
                return "%s: %s" % (side.name, why)
            side.drop()     # it would be silent for too long
        return None

    def finish(self):
        """The bystander's end: with all its bytes. None, or what is wrong."""
        self.shared[8] = 1
        _, status = os.waitpid(self.bystander, 0)
        return "its program ended with %d" % status if status else None


def whole(c, sid, block, what):
    """None, or what came in place of block in DATA frames up to END."""
    got = b""
    while True:
        f = c.next(PATIENCE)
        if not f or f.kind != DATA or f.session != sid:
            return "%s: %s" % (what, f)
        got += f.payload
        if f.flags & END:
            return None if got == block else "%s: others" % what


def serve(side):
    """A session each way with 5000 bytes that come back, and its end."""
    c = side.fresh()
    block = random.randbytes(5000)
    sid = c.open("echo")
    c.send(frame(DATA, sid, block, END))
    f = c.next(PATIENCE)
    if not f or f.kind != ACCEPT:
        return "OPEN got %s" % (f,)
    why = whole(c, sid, block, "the bytes that come back")
    if why:
        return why
    sid, program = c.program()
    with program:
        program.settimeout(PATIENCE)
        program.sendall(block)
        program.shutdown(socket.SHUT_WR)
        c.send(frame(ACCEPT, sid) + frame(DATA, sid, block, END))
        why = whole(c, sid, block, "the program's bytes")
        if why:
            return why
        got = b""
        while more := program.recv(65536):
            got += more
        if got != block:
            return "the program got other bytes"
    return c.in_step()


# --- a program's view ----------------------------------------------------------

def hears(program, data):
    """None, or what the program got in place of data. b"": the end; None: RST."""
    program.settimeout(PATIENCE)
    got = b""

    def broken():   # behind the end recv() does not tell
        return program.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EPIPE

    try:
        while len(got) < max(len(data or b""), 1):
            more = program.recv(65536)
            if not more:
                break
            got += more
    except ConnectionResetError:
        return None if data is None else "the program got RST, wanted %r" % data
    except OSError as e:
        return "the program got %s" % errno.errorcode.get(e.errno, e)
    if data is None and not got and await_(broken, PATIENCE):
        return None
    return None if got == data else "the program got %r, wanted %r" % (got[:40], data)
