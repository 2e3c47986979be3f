# SPDX-License-Identifier: GPL-2.0
"""
A connection with a knife in it, for cut.py: what stands between the two ends of
a carrier, passes bytes, and stops where it is told to.

  dialler's end ==TCP== Link ==TCP== listener's end

"raw": the ends share keys, and a unit is a TLS record. "plain": the link has
keys of its own with each end, so that it can cut between any two bytes of the
lane, and a unit is a frame. What it sees is held against what it saw before:
bytes that are sent again must be the same, and nothing may be left out.
"""
import bisect
import os
import select
import socket
import struct
import sys
from typing import NamedTuple, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../net"))
# pylint: disable=wrong-import-position
from genl import encrypt, ulp
from peer import DATA, END, GOAWAY, HELLO, H_RX_OFFSET, TYPES, parse_hello

RECORD_HEADER, FRAME_HEADER = 5, 16
LINGER_0 = struct.pack("=ii", 1, 0)
HOWS = ("fin", "rst", "silence", "half", "one", "late", "del")


class Wrong(Exception):
    """What must not be."""


class Cut(NamedTuple):
    """
    side: who sends the direction that is cut, "d" or "l"
    offset: bytes that pass, counted from where `unit` says
    unit: None: from the carrier's first byte; a number: from the beginning of
          that record or frame (HELLO is 0), backward from its end if the offset
          is below 0; "RESET": of the first frame of this kind; "lane": from the
          end of HELLO
    how: fin      both ends see the end of the stream
         rst      both ends see a reset
         silence  nothing passes any more
         half     the receiver sees the end; the other direction works on
         one      the receiver sees a reset; the sender sees silence
         late     what comes is kept, to be delivered when it is too late
         del      all passes; the caller has an end close it
    """
    side: str
    offset: int
    unit: object = None
    how: str = "fin"

    def __str__(self):
        what = {None: "byte %d of the carrier", "lane": "byte %d after HELLO"}.get(
            self.unit, "unit %s, byte %%d" % self.unit) % self.offset
        return "%s of what %s sends, %s" % (what, self.side, self.how)


class Loop:
    """Calls who is watched when there is something for it."""

    def __init__(self):
        self.epoll = select.epoll()
        self.calls = {}

    def watch(self, sock, call, events=select.EPOLLIN):
        fd = sock.fileno()
        if fd in self.calls:
            self.epoll.modify(fd, events)
        else:
            self.epoll.register(fd, events)
        self.calls[fd] = call

    def unwatch(self, sock):
        fd = sock.fileno()
        if fd >= 0 and self.calls.pop(fd, None):
            self.epoll.unregister(fd)

    def turn(self, seconds):
        """Return: whether anything happened."""
        found = self.epoll.poll(seconds)
        for fd, _ in found:
            call = self.calls.get(fd)
            if call:
                call()
        return bool(found)


class Stream:
    """What one end said on the lane since it began, by lane offset."""

    def __init__(self):
        self.bytes = bytearray()
        self.starts = []        # of frames whose header is known
        self.next = 0           # where the one after them begins
        self.passed = 0         # what the other end may have
        self.told = 0           # what the other end said it has
        self.link = None        # where it said so: it reads from no other

    def take(self, offset, data):
        if offset > len(self.bytes):
            raise Wrong("lane bytes %d..%d were left out" % (len(self.bytes), offset))
        known = self.bytes[offset:offset + len(data)]
        if known != data[:len(known)]:
            raise Wrong("other lane bytes at %d when they were sent again" % offset)
        self.bytes += data[len(known):]
        while len(self.bytes) - self.next >= FRAME_HEADER:
            length, = struct.unpack_from("!I", self.bytes, self.next + 4)
            self.starts.append(self.next)
            self.next += FRAME_HEADER + length

    def other_has(self, offset, link):
        """The other end's HELLO on a link says how much it has received."""
        if self.link and link.number < self.link.number:
            return
        if not self.told <= offset <= self.passed or (link.exactly and offset != self.passed):
            raise Wrong("rx_offset %d in HELLO, %d before, %d bytes were passed on" %
                        (offset, self.told, self.passed))
        self.told = self.passed = offset
        self.link = link

    def has_passed(self, offset, link):
        if link is self.link:
            self.passed = max(self.passed, offset)

    def kind(self, start):
        """Of the frame that begins here."""
        kind, flags = self.bytes[start], self.bytes[start + 1]
        return TYPES[kind] + ("+END" if kind == DATA and flags & END else "")

    def name(self, offset):
        """What is cut if the last byte that passes is the one before this?"""
        i = bisect.bisect_right(self.starts, offset) - 1
        if offset >= self.next or i < 0:
            return "end of all"
        at = offset - self.starts[i]
        return self.kind(self.starts[i]) + (
            " begin" if not at else " header" if at < FRAME_HEADER else " payload")


class Half:
    """One direction of a link."""

    def __init__(self, link, side, src, dst):
        self.link, self.side, self.src, self.dst = link, side, src, dst
        self.cut: Optional[Cut] = None
        self.limit = None       # bytes that pass
        self.seen = bytearray()
        self.passed = 0
        self.units = []         # where they begin
        self.known = 0          # what is before this is in units
        self.hello = None       # plain: what it says
        self.hello_len = None
        self.goaway = None      # plain: its reason
        self.lane_from = None   # plain: offset of the first lane byte
        self.hold = False       # read, but do not pass
        self.drop = False       # read, and forget
        self.over = False       # nothing more comes

    def other(self):
        return self.link.halves["l" if self.side == "d" else "d"]

    def read(self):
        try:
            data = self.src.recv(1 << 18, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return              # part of a record
        except OSError:
            self.link.broken(self)
            return
        if not data:
            self.over = True
            self.link.loop.unwatch(self.src)
            self.push()
            return
        if self.drop:
            return
        self.seen += data
        if self.link.plain:
            self.parse_frames()
        else:
            self.parse_records()
        self.resolve()
        self.push()

    def parse_records(self):
        while len(self.seen) - self.known >= RECORD_HEADER:
            self.units.append(self.known)
            self.known += RECORD_HEADER + struct.unpack_from("!H", self.seen, self.known + 3)[0]
            if self.hello_len is None:
                self.hello_len = self.known

    def parse_frames(self):
        if self.hello_len is None:
            if len(self.seen) < FRAME_HEADER:
                return
            kind, _, reason, length = struct.unpack_from("!BBHI", self.seen)
            if kind not in (HELLO, GOAWAY):
                raise Wrong("%s says %d first" % (self.side, kind))
            if len(self.seen) < FRAME_HEADER + length:
                return
            self.units.append(0)
            self.hello_len = self.known = FRAME_HEADER + length
            if kind == GOAWAY:
                self.goaway = reason
            else:
                self.hello = parse_hello(self.seen[FRAME_HEADER:self.hello_len])
                self.link.streams[self.other().side].other_has(
                    self.hello[H_RX_OFFSET], self.link)
        if len(self.seen) == self.hello_len:
            return
        stream = self.link.streams[self.side]
        if self.lane_from is None:
            if self.hello and not self.other().hello and self.seen[self.hello_len] == GOAWAY:
                return          # its tunnel goes
            if self.hello is None or self.other().hello is None:
                raise Wrong("%s sends lane bytes without HELLOs" % self.side)
            self.lane_from = self.other().hello[H_RX_OFFSET]
            self.lane_read = self.hello_len
        shift = self.hello_len - self.lane_from
        stream.take(self.lane_read - shift, self.seen[self.lane_read:])
        self.lane_read = len(self.seen)
        first = bisect.bisect_left(stream.starts, self.lane_from)
        self.units[1:] = [s + shift for s in stream.starts[first:]]
        self.known = stream.next + shift

    def resolve(self):
        """Where does the cut come?"""
        cut = self.cut
        if cut is None or self.limit is not None:
            return
        if cut.unit is None:
            self.limit = cut.offset
        elif cut.unit == "lane":
            if self.hello_len is not None:
                self.limit = self.hello_len + cut.offset
        else:
            i = cut.unit
            if isinstance(i, str):
                i = self.find(i)
            if len(self.units) > i:
                end = (self.units + [self.known])[i + 1]
                self.limit = cut.offset + (self.units[i] if cut.offset >= 0 else end)

    def find(self, kind):
        """Number of the first frame of a kind, or one that is too high."""
        if self.lane_from is not None:
            shift = self.hello_len - self.lane_from
            for i, at in enumerate(self.units[1:], 1):
                if self.link.streams[self.side].kind(at - shift) == kind:
                    return i
        return len(self.units)

    def push(self):
        if self.hold:
            return
        end = len(self.seen)
        if self.limit is not None:
            end = min(end, self.limit)
        elif self.cut and not self.over:
            end = min(end, self.known)
        if end > self.passed and not self.drop:
            try:
                self.dst.sendall(self.seen[self.passed:end])
            except OSError:
                self.drop = True        # the receiver is gone
            self.passed = end
            if self.lane_from is not None:
                self.link.streams[self.side].has_passed(
                    end - self.hello_len + self.lane_from, self.link)
        if self.limit is not None and self.passed >= self.limit and not self.link.cut_at:
            self.link.cut(self)
        elif self.over:
            self.finish()

    def finish(self):
        """The receiver shall see the end of the stream."""
        try:
            self.dst.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if self.other().over:
            self.link.close()

    def where(self):
        """What is cut, in words."""
        if not self.link.plain:
            i = bisect.bisect_right(self.units, self.passed) - 1
            at = self.passed - self.units[i] if i >= 0 and self.passed < self.known else 0
            return "record " + ("begin" if not at else "header" if at < RECORD_HEADER else "payload")
        if self.hello_len is None or self.passed < self.hello_len:
            return "HELLO " + ("begin" if not self.passed else
                               "header" if self.passed < FRAME_HEADER else "payload")
        if self.lane_from is None:
            return "lane begin"
        return self.link.streams[self.side].name(self.passed - self.hello_len + self.lane_from)


class Link:
    """
    A carrier to be: .ends are what to attach, then comes start(). streams: Stream
    of "d" and of "l". exactly: the ends must have had all that was passed on.
    """
    count = 0

    def __init__(self, loop, streams, plain, cut=None, exactly=False):
        self.loop, self.streams, self.plain, self.exactly = loop, streams, plain, exactly
        self.cut_at = None      # what was cut, in words
        self.how = cut.how if cut else None
        self.closed = False
        d_end, d = connection()
        l_end, l = connection()
        Link.count += 1
        self.number = Link.count
        seed = self.number % 240
        ulp(d_end, l_end)
        if plain:
            ulp(d, l)
            for end, mine in ((d_end, d), (l_end, l)):
                encrypt(end, mine, seed)
                encrypt(mine, end, seed + 7)
        else:
            encrypt(d_end, l_end, seed)
            encrypt(l_end, d_end, seed + 7)
        self.ends = {"d": d_end, "l": l_end}
        self.halves = {"d": Half(self, "d", d, l), "l": Half(self, "l", l, d)}
        for half in self.halves.values():
            loop.watch(half.src, half.read)
        if cut:
            self.halves[cut.side].cut = cut

    def start(self):
        """The ends are attached. A cut at byte 0 comes now."""
        for half in self.halves.values():
            half.resolve()
            half.push()

    def cut(self, half):
        self.cut_at = "%s: %s" % (half.side, half.where())
        if self.how == "fin":
            for h in self.halves.values():
                h.drop = True
                h.finish()
        elif self.how == "rst":
            self.reset()
        elif self.how == "silence":
            for h in self.halves.values():
                h.hold = True
                self.loop.unwatch(h.src)
        elif self.how == "half":
            half.drop = True
            half.finish()
        elif self.how == "one":
            half.hold = True
            self.loop.unwatch(half.src)
            self.loop.unwatch(half.dst)
            half.dst.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
            half.dst.close()
        elif self.how == "late":
            for h in self.halves.values():
                h.hold = True
        elif self.how == "del":
            self.release()

    def release(self, sides="dl"):
        """Deliver what was held."""
        for h in (self.halves[s] for s in sides):
            h.hold = False
            h.limit = h.cut = None
            h.push()

    def broken(self, half):
        """The sender of this direction is gone; the other end hears of it."""
        if half.other().hold:
            half.over = True
            self.loop.unwatch(half.src)
        else:
            self.reset()

    def reset(self):
        for h in self.halves.values():
            if h.src.fileno() >= 0:
                h.src.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        self.close()

    def close(self):
        self.closed = True
        for h in self.halves.values():
            self.loop.unwatch(h.src)
            h.src.close()


LISTENER = socket.create_server(("127.0.0.1", 0), backlog=8)


def connection():
    """Two ends of a TCP connection; who writes waits, but not for ever."""
    a = socket.socket()
    a.connect(LISTENER.getsockname())
    b, _ = LISTENER.accept()
    for s in (a, b):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("=qq", 20, 0))
    return a, b
