# SPDX-License-Identifier: GPL-2.0
"""garbage.py SECONDS [SEED]: calls on AF_TUNNEL sockets with wrong and right arguments.

Several processes, each with a pile of sockets in all states. What is looked for is what the kernel says about it, and that it ends;
so nothing here waits.
"""
import ctypes
import os
import random
import select
import signal
import socket
import struct
import sys
import time

from af_tunnel import FAMILY, SEQPACKET, SOL_TUNNEL, STREAM, address, libc, netns

NONBLOCK = socket.SOCK_NONBLOCK
BUFFER = ctypes.create_string_buffer(os.urandom(4096) * 33)
PIPE = None


def pointer(r):
    return r.choice([ctypes.c_void_p(0), ctypes.c_void_p(4096), ctypes.c_void_p(1 << 63), BUFFER, BUFFER,
                     BUFFER, ctypes.byref(BUFFER, len(BUFFER) - r.randrange(200))])


def length(r):
    return r.choice([0, 1, 2, 4, 63, 64, 65, 66, 127, 128, 129, 4096, 65536, 65537, 1 << 20, (1 << 31) - 1, -1,
                     r.randrange(70000)])


def name(r):
    raw = address(r.choice(["home", "gw", "home", "gw", "", "nowhere"]),
                  r.choice(["stream", "messages", "tcp", "missing", ""]), family=r.choice([FAMILY] * 9 + [1]))
    if r.random() < 0.1:
        raw = os.urandom(r.randrange(1, 140))
    return raw, r.choice([len(raw)] * 9 + [length(r)])


def sock(r):
    return libc.socket(FAMILY, r.choice([STREAM, SEQPACKET]) | NONBLOCK, 0)


def poll(r, s):
    p = select.poll()
    p.register(s, r.randrange(0x4000))
    p.poll(0)


def message(r, s, function):
    iov = struct.pack("=QQ", ctypes.addressof(BUFFER), min(abs(length(r)), len(BUFFER)))
    keep = ctypes.create_string_buffer(iov * 3)
    control = ctypes.create_string_buffer(200)
    header = struct.pack("=QIIQQQQi4x", 0, 0, 0, ctypes.addressof(keep), r.randrange(4),
                         ctypes.addressof(control), r.choice([0, 0, 0, 16, 200]), 0)
    function(s, ctypes.create_string_buffer(header), flags(r))


def flags(r):
    bits = 0x40 | 0x4000    # never wait, no signal
    return bits | r.choice([0, 0, 0, 1, 2, 0x20, 0x80, 0x100, 0x8000, 0x2000, r.getrandbits(31)])


def splice(r, a, b):
    libc.splice(a, None, b, None, r.choice([1, 4096, 70000, 1 << 20]), 2)


CALLS = [
    lambda r, s: libc.connect(s, *name(r)),
    lambda r, s: libc.connect(s, *name(r)),
    lambda r, s: libc.bind(s, *name(r)),
    lambda r, s: libc.listen(s, r.choice([0, 1, 5, -1, 1 << 30])),
    lambda r, s: libc.accept4(s, None, None, NONBLOCK),
    lambda r, s: libc.accept4(s, pointer(r), pointer(r), r.choice([NONBLOCK, r.getrandbits(31) | NONBLOCK])),
    lambda r, s: libc.shutdown(s, r.choice([0, 1, 2, 3, -1])),
    lambda r, s: libc.getsockname(s, pointer(r), pointer(r)),
    lambda r, s: libc.getpeername(s, pointer(r), pointer(r)),
    lambda r, s: libc.send(s, pointer(r), ctypes.c_size_t(abs(length(r))), flags(r)),
    lambda r, s: libc.send(s, BUFFER, ctypes.c_size_t(r.randrange(70000)), 0x4040),
    lambda r, s: libc.recv(s, BUFFER, ctypes.c_size_t(r.randrange(70000)), 0x40),
    lambda r, s: libc.recv(s, pointer(r), ctypes.c_size_t(abs(length(r))), flags(r)),
    lambda r, s: message(r, s, libc.sendmsg),
    lambda r, s: message(r, s, libc.recvmsg),
    lambda r, s: libc.sendto(s, BUFFER, ctypes.c_size_t(5), 0x4040, *name(r)),
    lambda r, s: libc.setsockopt(s, r.choice([1, SOL_TUNNEL, SOL_TUNNEL, r.getrandbits(16)]),
                                 r.choice([r.randrange(8), r.randrange(90), r.getrandbits(31)]), pointer(r), length(r)),
    lambda r, s: libc.setsockopt(s, 1, r.choice([7, 8, 18, 73]), struct.pack("=i", r.getrandbits(20)), 4),
    lambda r, s: libc.setsockopt(s, 1, 13, struct.pack("=ii", r.randrange(2), r.randrange(2)), 8),
    lambda r, s: libc.getsockopt(s, r.choice([1, SOL_TUNNEL, r.getrandbits(16)]), r.randrange(90), pointer(r), pointer(r)),
    lambda r, s: libc.ioctl(s, r.choice([0x541b, 0x5411, 0x8905, r.getrandbits(32)]), pointer(r)),
    poll,
    lambda r, s: splice(r, s, PIPE[1]),
    lambda r, s: splice(r, PIPE[0], s),
    lambda r, s: os.set_blocking(s, False),
]


def work(seed, seconds):
    global PIPE
    r = random.Random(seed)
    end = time.monotonic() + seconds
    piles = {"gw": [], "home": []}
    PIPE = os.pipe2(os.O_NONBLOCK)
    n = 0
    while time.monotonic() < end:
        ns = r.choice(["gw", "home"])
        pile = piles[ns]
        if len(pile) < 12:
            with netns(ns):
                s = sock(r)
            if s >= 0:
                pile.append(s)
            continue
        for _ in range(20):
            s = r.choice(pile)
            got = r.choice(CALLS)(r, s)
            n += 1
            # a descriptor that accept4() gave
            if isinstance(got, int) and got > 2 and got not in pile and os.path.exists("/proc/self/fd/%d" % got):
                if os.readlink("/proc/self/fd/%d" % got).startswith("socket:") and got not in piles["gw"] + piles["home"]:
                    os.set_blocking(got, False)
                    pile.append(got)
        while len(pile) > 8 and r.random() < 0.5:
            os.close(pile.pop(r.randrange(len(pile))))
        if r.random() < 0.3:
            os.close(pile.pop(r.randrange(len(pile))))
    return n


def main():
    seconds, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    children = []
    for i in range(3):
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            signal.alarm(seconds * 6 + 60)  # a call that does not come back
            n = work(seed * 100 + i, seconds)
            os._exit(0 if n > 100 else 3)
        children.append(pid)
    bad = [status for status in (os.waitpid(pid, 0)[1] for pid in children) if status]
    print("statuses of children: %s" % bad if bad else "done")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
