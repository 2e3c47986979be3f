# SPDX-License-Identifier: GPL-2.0
"""What AF_TUNNEL sockets do in each state: errnos, poll events, bytes.

The client is in one namespace, the server in the other, both in this process.
Each case is a function of the table; a failure does not keep others from running.
"""
import array
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

from af_tunnel import (FAMILY, IN_NS, INFO, PEER_PIN, PRIORITY, PROTOCOL, SEQPACKET, SIOCINQ, SIOCOUTQ,
                       SOL_TUNNEL, STREAM, UUID, Background, accept, address, bind, call, connect,
                       error_of, info, libc, make, name, netns, new, peername, sessions, sockname,
                       tctl)
from genl import receive

IN, OUT, ERR, HUP, RDHUP = (select.POLLIN, select.POLLOUT, select.POLLERR, select.POLLHUP,
                            select.POLLRDHUP)
SOL, DONTWAIT = socket.SOL_SOCKET, socket.MSG_DONTWAIT
SERVICE = {STREAM: "stream", SEQPACKET: "messages"}
KINDS = {STREAM: "stream", SEQPACKET: "messages"}
CASES = []


def case(what, *kinds):
    def add(function):
        for kind in kinds or (None,):
            CASES.append((what + (" (%s)" % KINDS[kind] if kind else ""), function,
                          (kind,) if kind else ()))
        return function
    return add


def same(got, wanted):
    if got != wanted:
        raise AssertionError("wanted %r, got %r" % (wanted, got))


def until(function, wanted, seconds=20):
    """Poll: the peer is at the other end of a carrier."""
    end = time.monotonic() + seconds
    while True:
        got = function()
        if got == wanted:
            return
        if time.monotonic() > end:
            raise AssertionError("wanted %r, still %r" % (wanted, got))
        time.sleep(0.01)


def events(s, mask=IN | OUT | RDHUP):
    p = select.poll()
    p.register(s, mask)
    got = p.poll(0)
    return got[0][1] if got else 0


def show(mask):
    return "|".join(n for n, b in (("IN", IN), ("OUT", OUT), ("ERR", ERR), ("HUP", HUP),
                                   ("RDHUP", RDHUP)) if mask & b) or "0"


def polls(s):
    return show(events(s))


class Listener:
    def __init__(self, kind, service=None, backlog=16, ns="home", tunnel=""):
        self.service = service or SERVICE[kind]
        self.s = new(ns, kind)
        same(name(bind(self.s, tunnel, self.service)), "0")
        self.s.listen(backlog)

    def __enter__(self):
        return self.s

    def __exit__(self, *_):
        self.s.close()


class Pair:
    """A client at gw, a server at home, connected."""

    def __init__(self, kind, before=None):
        self.kind, self.before = kind, before

    def __enter__(self):
        with Listener(self.kind) as l:
            self.c = new("gw", self.kind)
            if self.before:
                self.before(self.c)
            same(name(connect(self.c, "home", SERVICE[self.kind])), "0")
            self.s, self.whose = accept(l)
        self.c.settimeout(None)
        self.s.settimeout(None)
        return self.c, self.s

    def __exit__(self, *_):
        self.c.close()
        self.s.close()


def fill(s, size):
    """Send until there is no room. Return: bytes."""
    sent = 0
    while True:
        try:
            sent += s.send(b"x" * size, DONTWAIT)
        except BlockingIOError:
            return sent


class Cgroup:
    """This process in a cgroup of its own."""

    ROOT = "/run/cgroup"

    def __init__(self, controller):
        self.controller = controller

    def write(self, path, word):
        with open(os.path.join(self.ROOT, path), "w") as f:
            f.write(word)

    def __enter__(self):
        os.makedirs(self.ROOT, exist_ok=True)
        subprocess.run(["mount", "-t", "cgroup2", "none", self.ROOT], check=True)
        self.write("cgroup.subtree_control", "+" + self.controller)
        os.mkdir(self.ROOT + "/ours")
        self.write("ours/cgroup.procs", "0")
        return self

    @staticmethod
    def controls(controller):
        with open("/proc/cgroups") as f:
            return any(line.split()[0] == controller for line in f)

    def sockets(self):
        """Bytes that its sockets are charged for."""
        with open(self.ROOT + "/ours/memory.stat") as f:
            return int(next(line.split()[1] for line in f if line.startswith("sock ")))

    def __exit__(self, *_):
        self.write("cgroup.procs", "0")
        os.rmdir(self.ROOT + "/ours")
        subprocess.run(["umount", self.ROOT], check=True)


# --- the family and its addresses ---------------------------------------------

@case("socket() of other types and protocols")
def _():
    with netns("gw"):
        same(error_of(make, FAMILY, socket.SOCK_DGRAM), "ESOCKTNOSUPPORT")
        same(error_of(make, FAMILY, socket.SOCK_RAW), "ESOCKTNOSUPPORT")
        same(error_of(make, FAMILY, STREAM, 1), "EPROTONOSUPPORT")


@case("a namespace without tunnels has no such family")
def _():
    with netns("client"):
        same(error_of(make, FAMILY, STREAM), "EAFNOSUPPORT")


@case("SO_DOMAIN, SO_TYPE, SO_PROTOCOL", STREAM, SEQPACKET)
def _(kind):
    with new("gw", kind) as s:
        same([s.getsockopt(SOL, o) for o in (socket.SO_DOMAIN, socket.SO_TYPE, socket.SO_PROTOCOL)],
             [FAMILY, kind, 0])


@case("connect() to what is no address")
def _():
    with new("gw") as s:
        for raw, wanted in ((b"", "EINVAL"), (b"\x19", "EINVAL"), (address("home", "stream", family=1), "EAFNOSUPPORT"),
                            (address("home", "stream", family=0), "EAFNOSUPPORT"),
                            (address("home", "stream", length=65), "EINVAL"), (address("home", "stream") + b"\0", "EINVAL"),
                            (address("", "stream"), "EINVAL"), (address("home", ""), "EINVAL"),
                            (address("Home", "stream"), "EINVAL"), (address("home", "str\neam"), "EINVAL")):
            same((raw, name(call(libc.connect, s, raw))), (raw, wanted))
        same([libc.connect(s.fileno(), ctypes.c_void_p(4096), 128), name(ctypes.get_errno())], [-1, "EFAULT"])


@case("connect() to a tunnel that is not there: ENOENT")
def _():
    with new("gw") as s:
        same(name(connect(s, "nowhere", "stream")), "ENOENT")


@case("connect() to no service, and to one that is not bound: ECONNREFUSED", STREAM, SEQPACKET)
def _(kind):
    with new("gw", kind) as s:
        same(name(connect(s, "home", "missing")), "ECONNREFUSED")
        same(s.getsockopt(SOL, socket.SO_ERROR), 0)
        same(name(connect(s, "home", SERVICE[kind])), "ECONNREFUSED")
        with Listener(kind) as l:
            same(name(connect(s, "home", SERVICE[kind])), "0")
            accept(l)[0].close()


@case("bound and not listening: ECONNREFUSED")
def _():
    with new("home") as l, new("gw") as s:
        same(name(bind(l, "", "stream")), "0")
        same(name(connect(s, "home", "stream")), "ECONNREFUSED")


@case("a message socket to a stream service, and the reverse: EPROTOTYPE")
def _():
    with Listener(STREAM), new("gw", SEQPACKET) as s:
        same(name(connect(s, "home", "stream")), "EPROTOTYPE")
    with Listener(SEQPACKET), new("gw", STREAM) as s:
        same(name(connect(s, "home", "messages")), "EPROTOTYPE")
    with new("gw", SEQPACKET) as s:
        same(name(connect(s, "home", "tcp")), "EPROTOTYPE")


@case("a short address, without the zeros at its end")
def _():
    with Listener(STREAM) as l, new("gw") as s:
        same(name(connect(s, "home", "stream", length=2 + 63 + 6)), "0")
        accept(l)[0].close()


@case("names that are as long as can be")
def _():
    long = "s" * 63
    tctl("home", "service", "add", long, "socket", "owner", "0")
    try:
        with Listener(STREAM, long) as l, new("gw") as s:
            same(name(connect(s, "home", long)), "0")
            same(peername(s), ("home", long))
            accept(l)[0].close()
    finally:
        tctl("home", "service", "del", long)


# --- who may --------------------------------------------------------------------

def as_user(uid, gid, function):
    """Run it in a child as another user. Return: what it returned, a short text."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            os.write(w, function().encode())
        except BaseException as e:  # pylint: disable=broad-except
            os.write(w, repr(e).encode())
        os._exit(0)
    os.close(w)
    os.waitpid(pid, 0)
    with os.fdopen(r) as f:
        return f.read()


@case("connect(): the uids and gids that the tunnel names, and no others")
def _():
    with Listener(STREAM):
        for uid, gid, wanted in ((1001, 1, "0"), (1002, 2002, "0"), (1002, 1, "EACCES"), (2002, 1001, "EACCES")):
            with new("gw") as s:
                same((uid, gid, as_user(uid, gid, lambda s=s: name(connect(s, "home", "stream")))),
                     (uid, gid, wanted))
        with new("home") as s:      # a tunnel that names nobody
            same(as_user(1001, 1, lambda: name(connect(s, "gw", "stream"))), "EACCES")


@case("whose program does the carriers' work is settled at connect() and accept()")
def _():
    wanted = {"off": (0, 0), "on": (1, 1), "admin": (0, 1)}[os.environ["DIRECT"]]
    with Listener(STREAM) as l:
        for uid, direct in zip((1001, 0), wanted):
            with new("gw") as s:
                same(as_user(uid, 1, lambda s=s: name(connect(s, "home", "stream"))), "0")
                with accept(l)[0] as t:
                    same((info(s)["direct"], info(t)["direct"]), (direct, wanted[1]))


@case("bind(): the owner alone")
def _():
    for uid, gid, wanted in ((1500, 1, "0"), (1, 1600, "0"), (1501, 1, "EACCES"), (0, 0, "EACCES")):
        with new("home") as s:
            same((uid, gid, as_user(uid, gid, lambda s=s: name(bind(s, "", "owned")))), (uid, gid, wanted))


@case("bind(): EADDRINUSE, EADDRNOTAVAIL, EINVAL")
def _():
    with new("home") as a, new("home") as b:
        same(name(bind(a, "", "stream")), "0")
        same(name(bind(a, "", "messages")), "EINVAL")
        same(name(bind(b, "", "stream")), "EADDRINUSE")
        same(name(bind(b, "", "missing")), "EADDRNOTAVAIL")
        same(name(bind(b, "", "tcp")), "EADDRNOTAVAIL")
        same(name(bind(b, "gw", "stream")), "EADDRNOTAVAIL")
        same(name(bind(b, "", "")), "EINVAL")
        same(sockname(a), ("", "stream"))
        a.close()
        same(name(bind(b, "", "stream")), "0")
        same(name(connect(b, "gw", "stream")), "EINVAL")


@case("a service for one tunnel is bound by that tunnel's name, and goes before one for all")
def _():
    tctl("home", "service", "add", "stream", "socket", "owner", "0", "tunnel", "gw")
    try:
        with Listener(STREAM) as common, Listener(STREAM, tunnel="gw") as special, new("gw") as s:
            same(name(connect(s, "home", "stream")), "0")
            same((polls(common), polls(special)), ("0", "IN"))
    finally:
        tctl("home", "service", "del", "stream", "tunnel", "gw")


# --- states without a connection --------------------------------------------------

@case("not connected", STREAM, SEQPACKET)
def _(kind):
    with new("gw", kind) as s:
        same([error_of(s.recv, 1), error_of(s.send, b"x"), error_of(peername, s),
              error_of(s.shutdown, socket.SHUT_RDWR), error_of(s.listen, 1), error_of(accept, s),
              error_of(s.getsockopt, SOL_TUNNEL, INFO, 72), polls(s)],
             ["ENOTCONN", "ENOTCONN", "ENOTCONN", "ENOTCONN", "EINVAL", "EINVAL", "ENOTCONN", "OUT|HUP"])
        same(sockname(s), ("", ""))


@case("listening", STREAM, SEQPACKET)
def _(kind):
    with Listener(kind) as l:
        same([error_of(l.recv, 1), error_of(l.send, b"x"), name(connect(l, "gw", "x")), polls(l),
              l.getsockopt(SOL, socket.SO_ACCEPTCONN)], ["ENOTCONN", "ENOTCONN", "EINVAL", "0", 1])
        l.setblocking(False)
        same(error_of(accept, l), "EAGAIN")
        l.setblocking(True)
        l.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
        same(error_of(accept, l), "EAGAIN")
        l.shutdown(socket.SHUT_RDWR)
        same(error_of(accept, l), "EINVAL")


@case("the names of both ends", STREAM, SEQPACKET)
def _(kind):
    p = Pair(kind)
    with p as (c, s):
        same([sockname(c), peername(c), sockname(s), peername(s), p.whose],
             [("home", ""), ("home", SERVICE[kind]), ("gw", SERVICE[kind]), ("gw", ""), ("gw", "")])


@case("a backlog that is full: ECONNREFUSED; and accept() in order")
def _():
    with Listener(STREAM, backlog=1) as l:
        clients = [new("gw") for _ in range(3)]
        same([name(connect(c, "home", "stream")) for c in clients], ["0", "0", "ECONNREFUSED"])
        same(polls(l), "IN")
        for i in 0, 1:
            clients[i].send(b"%d" % i)
            got, _ = accept(l)
            same(got.recv(1), b"%d" % i)
            got.close()
        same(polls(l), "0")
        for c in clients:
            c.close()


@case("the listener is closed before it accepts: the peer is reset")
def _():
    with new("gw") as c:
        with Listener(STREAM):
            same(name(connect(c, "home", "stream")), "0")
        until(lambda: polls(c), "IN|OUT|ERR|HUP|RDHUP")
        same([error_of(c.recv, 1), c.recv(1), error_of(c.send, b"x")], ["ECONNREFUSED", b"", "EPIPE"])


@case("a session that ends before it is accepted")
def _():
    with Listener(STREAM) as l:
        c = new("gw")
        same(name(connect(c, "home", "stream")), "0")
        c.send(b"too late")
        c.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        until(lambda: [x["state"] for x in sessions("gw")], [])
        s, _ = accept(l)
        same([error_of(s.recv, 1), s.recv(1)], ["ECONNRESET", b""])
        s.close()


@case("data, and the end of a connection that is over, wait for accept()", STREAM, SEQPACKET)
def _(kind):
    with Listener(kind) as l:
        with new("gw", kind) as c:
            same(name(connect(c, "home", SERVICE[kind])), "0")
            c.send(b"hello")
        s, _ = accept(l)
        same([s.recv(9), s.recv(9)], [b"hello", b""])
        s.close()


# --- connecting --------------------------------------------------------------------

@contextlib.contextmanager
def far():
    """The peer is 0.2 s away: no call is answered before it returns."""
    qdisc = [IN_NS, "gw", "tc", "qdisc"]
    subprocess.run([*qdisc, *"add dev gw-nat root netem delay 200ms".split()], check=True)
    try:
        yield
    finally:
        subprocess.run([*qdisc, *"del dev gw-nat root".split()], check=True)


@case("connect() without waiting", STREAM, SEQPACKET)
def _(kind):
    with far(), Listener(kind) as l, new("gw", kind) as c:
        c.setblocking(False)
        same(name(connect(c, "home", SERVICE[kind])), "EINPROGRESS")
        until(lambda: polls(c), "OUT")
        same(c.getsockopt(SOL, socket.SO_ERROR), 0)
        same([name(connect(c, "home", SERVICE[kind])) for _ in range(2)], ["0", "EISCONN"])
        accept(l)[0].close()


@case("connect() again tells how the first try ended")
def _():
    with far(), new("gw") as c:
        c.setblocking(False)
        same(name(connect(c, "home", "missing")), "EINPROGRESS")
        until(lambda: polls(c), "IN|OUT|ERR|HUP|RDHUP")
        same([name(connect(c, "home", "missing")), name(connect(c, "home", "missing"))],
             ["ECONNREFUSED", "EINPROGRESS"])


@case("connect() without waiting, refused")
def _():
    with far(), new("gw") as c:
        c.setblocking(False)
        same(name(connect(c, "home", "missing")), "EINPROGRESS")
        until(lambda: polls(c), "IN|OUT|ERR|HUP|RDHUP")
        same([name(c.getsockopt(SOL, socket.SO_ERROR)), c.getsockopt(SOL, socket.SO_ERROR)], ["ECONNREFUSED", 0])
        with Listener(STREAM):
            same(name(connect(c, "home", "stream")), "EINPROGRESS")
            until(lambda: polls(c), "OUT")


# --- bytes -------------------------------------------------------------------------

@case("bytes both ways, small ones", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        for i in range(200):
            c.send(b"%d" % i)
            same(s.recv(100), b"%d" % i)
            s.send(b"re: %d" % i)
            same(c.recv(100), b"re: %d" % i)


@case("8 MiB each way at once", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        data = os.urandom(1 << 20) * 8
        readers = [Background(receive, x, len(data)) for x in (c, s)]
        writers = [Background(x.sendall, data) for x in (c, s)]
        for w in writers:
            w.result()
        for r in readers:
            same(hashlib.sha256(r.result()).digest(), hashlib.sha256(data).digest())


@case("MSG_PEEK, SIOCINQ", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        c.send(b"abc")
        same([s.recv(2, socket.MSG_PEEK), s.recv(9, socket.MSG_PEEK)], [b"ab", b"abc"])
        c.send(b"def")
        until(lambda: s.recv(9, socket.MSG_PEEK | DONTWAIT), b"abcdef")
        n = array.array("i", [0])
        fcntl.ioctl(s, SIOCINQ, n)
        same(n[0], 6)
        same([s.recv(4), s.recv(9)], [b"abcd", b"ef"])
        fcntl.ioctl(s, SIOCINQ, n)
        same(n[0], 0)
        same(error_of(fcntl.ioctl, s, 0x5421 + 0x1000, n), "ENOTTY")


@case("MSG_WAITALL", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        got = Background(s.recv, 300000, socket.MSG_WAITALL)
        for _ in range(30):
            c.sendall(b"y" * 10000)
        same(len(got.result()), 300000)
        got = Background(s.recv, 10, socket.MSG_WAITALL)
        c.send(b"12345")
        c.shutdown(socket.SHUT_WR)
        same(got.result(), b"12345")


@case("MSG_PEEK with MSG_WAITALL ends when the peer has no credit for more")
def _():
    with Pair(STREAM) as (c, s):
        fill(c, 100000)
        until(lambda: info(s)["rx_queued"] == info(s)["rx_window"], True)
        have = info(s)["rx_queued"]
        got = Background(s.recv, have + 100000, socket.MSG_PEEK | socket.MSG_WAITALL)
        same(len(got.result(20)), have)


@case("MSG_TRUNC drops bytes of a stream", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        c.send(b"dropped, kept")
        until(lambda: len(s.recv(99, socket.MSG_PEEK)), 13)
        buffer = bytearray(b"-" * 9)
        same(s.recv_into(buffer, 9, socket.MSG_TRUNC), 9)
        same([bytes(buffer), s.recv(9)], [b"-" * 9, b"kept"])


@case("MSG_DONTWAIT, SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        same(error_of(s.recv, 1, DONTWAIT), "EAGAIN")
        began = time.monotonic()
        s.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
        same(error_of(s.recv, 1), "EAGAIN")
        same(time.monotonic() - began >= 0.19, True)
        fill(c, 10000)
        c.setsockopt(SOL, socket.SO_SNDTIMEO, struct.pack("ll", 0, 200000))
        began = time.monotonic()
        same(error_of(c.send, b"x" * 60000), "EAGAIN")
        same(time.monotonic() - began >= 0.19, True)


@case("MSG_OOB and control messages: EOPNOTSUPP; an address: EISCONN", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        same([error_of(c.send, b"x", socket.MSG_OOB), error_of(s.recv, 1, socket.MSG_OOB),
              error_of(c.sendmsg, [b"x"], [(SOL, socket.SCM_RIGHTS, array.array("i", [0]).tobytes())])],
             ["EOPNOTSUPP"] * 3)
        raw = address("home", "stream")
        same(libc.sendto(c.fileno(), b"x", 1, 0, raw, len(raw)), -1)
        same(name(ctypes.get_errno()), "EISCONN")


@case("MSG_MORE is a hint", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        c.send(b"a", socket.MSG_MORE)
        same(s.recv(9), b"a")


@case("SO_RCVLOWAT", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        s.setsockopt(SOL, socket.SO_RCVLOWAT, 5)
        c.send(b"1234")
        until(lambda: info(s)["rx_queued"], 4)
        same(polls(s), "OUT")
        got = Background(s.recv, 99)
        time.sleep(0.1)
        same(got.is_alive(), True)
        c.send(b"5")
        same(got.result(), b"12345")
        # more than the peer may ever have under way: readable when it can send no more
        s.setsockopt(SOL, socket.SO_RCVLOWAT, 100 << 20)
        fill(c, 5000)
        until(lambda: polls(s), "IN|OUT")


@case("bad pointers: EFAULT, and nothing is lost", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        bad = ctypes.c_void_p(4096)
        same([libc.send(c.fileno(), bad, 10, 0), name(ctypes.get_errno())], [-1, "EFAULT"])
        c.send(b"good")
        until(lambda: polls(s), "IN|OUT")
        same([libc.recv(s.fileno(), bad, 10, 0), name(ctypes.get_errno())], [-1, "EFAULT"])
        same(s.recv(10), b"good")


@case("a signal interrupts recv() and send()", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        class Stop(Exception):
            pass

        def stop(*_):
            raise Stop
        old = signal.signal(signal.SIGALRM, stop)
        try:
            for function, args in ((s.recv, (1,)), (c.sendall, (b"x" * 50000,))):
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                try:
                    while True:
                        function(*args)
                except Stop:
                    pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)


# --- room ----------------------------------------------------------------------------

@case("no room: EAGAIN, and poll() says when there is some", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        sent = fill(c, 10000)
        p = select.epoll()
        p.register(c, select.EPOLLOUT | select.EPOLLET)
        until(lambda: (fill(c, 60000), polls(c))[1], "0")
        p.poll(0)
        same(p.poll(0), [])
        end = time.monotonic() + 20
        while not p.poll(0.05):
            try:
                s.recv(65536, DONTWAIT)
            except BlockingIOError:     # all is read, and credit is on its way
                same(time.monotonic() < end, True)
        c.send(b"x", DONTWAIT)
        same(sent > 0, True)
        p.close()


@case("SO_SNDBUF bounds what waits here", STREAM)
def _(kind):
    with Pair(kind) as (c, _):
        c.setsockopt(SOL, socket.SO_SNDBUF, 8192)
        tctl("gw", "carrier", "del", str(info(c)["carrier_id"]))
        same(fill(c, 1000) <= 8192 + 4096 + 32768, True)


@case("SO_RCVBUF bounds the window", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        s.setsockopt(SOL, socket.SO_RCVBUF, 65536)
        data = Background(c.sendall, b"z" * (6 << 20))
        same(len(receive(s, 6 << 20)), 6 << 20)
        data.result()
        same(info(s)["rx_window"] <= 65536, True)


@case("edges: every arrival is one")
def _():
    with Pair(STREAM) as (c, s):
        p = select.epoll()
        p.register(s, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
        same(p.poll(0), [])
        for _ in range(5):
            c.send(b"x")
            same(p.poll(10), [(s.fileno(), select.EPOLLIN)])
            same(p.poll(0), [])
        c.shutdown(socket.SHUT_WR)
        same(p.poll(10), [(s.fileno(), select.EPOLLIN | select.EPOLLRDHUP)])
        p.close()


@case("edges: only RDHUP is asked for")
def _():
    with Pair(STREAM) as (c, s):
        p = select.epoll()
        p.register(s, select.EPOLLRDHUP | select.EPOLLET)
        waits = Background(p.poll, 20)
        c.send(b"x")
        c.shutdown(socket.SHUT_WR)
        same(waits.result(), [(s.fileno(), select.EPOLLRDHUP)])
        p.close()


# --- ends ----------------------------------------------------------------------------

@case("shutdown(SHUT_WR): the rest still comes, and the other way is open", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        c.send(b"last")
        c.shutdown(socket.SHUT_WR)
        until(lambda: polls(s), "IN|OUT|RDHUP")
        same([s.recv(9), s.recv(9), polls(s)], [b"last", b"", "IN|OUT|RDHUP"])
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        same([error_of(c.send, b"x"), polls(c)], ["EPIPE", "OUT"])
        s.send(b"answer")
        same(c.recv(9), b"answer")
        s.shutdown(socket.SHUT_WR)
        until(lambda: polls(c), "IN|OUT|HUP|RDHUP")
        same([c.recv(9), polls(s)], [b"", "IN|OUT|HUP|RDHUP"])


@case("shutdown(SHUT_RD): what is there can be read, then the end")
def _():
    with Pair(STREAM) as (c, s):
        c.send(b"there")
        until(lambda: polls(s), "IN|OUT")
        s.shutdown(socket.SHUT_RD)
        same([s.recv(9), s.recv(9), polls(s)], [b"there", b"", "IN|OUT|RDHUP"])
        s.send(b"x")
        same(c.recv(9), b"x")
        same(error_of(s.shutdown, 7), "EINVAL")


@case("SIGPIPE, and MSG_NOSIGNAL", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, _):
        c.shutdown(socket.SHUT_WR)
        got = []
        old = signal.signal(signal.SIGPIPE, lambda *_: got.append(1))
        same(error_of(c.send, b"x", socket.MSG_NOSIGNAL), "EPIPE")
        same(got, [])
        same(error_of(c.send, b"x"), "EPIPE")
        same(got, [1])
        signal.signal(signal.SIGPIPE, old)


@case("the peer closes: its bytes, then the end; sending is EPIPE", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for _ in range(20):
            c.send(b"m" * 1000)
        c.close()
        until(lambda: polls(s), "IN|OUT|HUP|RDHUP")
        same([error_of(s.send, b"x"), len(receive(s, 20000)), s.recv(9), s.getsockopt(SOL, socket.SO_ERROR)],
             ["EPIPE", 20000, b"", 0])


@case("close() with unread data: the peer is reset", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        s.send(b"unread")
        until(lambda: polls(c), "IN|OUT")
        c.close()
        until(lambda: polls(s), "IN|OUT|ERR|HUP|RDHUP")
        same([error_of(s.recv, 9), s.recv(9), polls(s)], ["ECONNRESET", b"", "IN|OUT|HUP|RDHUP"])


@case("SO_LINGER of 0 resets; of more waits", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        c.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        until(lambda: polls(s), "IN|OUT|ERR|HUP|RDHUP")
        same(name(s.getsockopt(SOL, socket.SO_ERROR)), "ECONNRESET")
    with Pair(kind) as (c, s):
        c.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 20))
        c.send(b"whole")
        c.close()
        same([s.recv(9), s.recv(9)], [b"whole", b""])


@case("reset: what was received and not read is gone", STREAM)
def _(kind):
    with Pair(kind) as (c, s):
        c.send(b"lost")
        until(lambda: polls(s), "IN|OUT")
        c.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        until(lambda: polls(s), "IN|OUT|ERR|HUP|RDHUP")
        same([error_of(s.recv, 9), s.recv(9)], ["ECONNRESET", b""])


@case("session del: ECONNABORTED here, the same there", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        waits = Background(error_of, s.recv, 1)
        tctl("gw", "session", "del", "home", hex(info(c)["session_id"]))
        same([name(c.getsockopt(SOL, socket.SO_ERROR)), waits.result()], ["ECONNABORTED"] * 2)
        same(info(c)["reason"], 11)


@case("the service is removed under its socket")
def _():
    tctl("home", "service", "add", "short", "socket", "owner", "0")
    with Listener(STREAM, "short") as l, new("gw") as a, new("gw") as b:
        same(name(connect(a, "home", "short")), "0")
        tctl("home", "service", "del", "short")
        same(polls(l), "IN|ERR|HUP")
        same(name(connect(b, "home", "short")), "ECONNREFUSED")
        s, _ = accept(l)
        s.send(b"still here")
        same(a.recv(20), b"still here")
        s.close()
        same([error_of(accept, l), error_of(accept, l), polls(l)], ["ECONNABORTED", "EINVAL", "IN|HUP"])


# --- descriptors -----------------------------------------------------------------------

@case("dup(): the end comes with the last descriptor")
def _():
    with Pair(STREAM) as (c, s):
        d = c.dup()
        c.close()
        d.send(b"x")
        same(s.recv(1), b"x")
        same(polls(s), "OUT")
        d.close()
        until(lambda: polls(s), "IN|OUT|HUP|RDHUP")


@case("fork(): parent and child share it")
def _():
    with Pair(STREAM) as (c, s):
        pid = os.fork()
        if not pid:
            c.send(b"child")
            os._exit(0)
        os.waitpid(pid, 0)
        same(s.recv(9), b"child")
        c.send(b"parent")
        same([s.recv(9), polls(s)], [b"parent", "OUT"])


def state_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(") ")[2][0]


@case("a program that waits and gets no processor holds up nobody else")
def _():
    if not Cgroup.controls("cpu"):
        return "this kernel has no CPU limits"
    with Pair(STREAM) as (idle, peer), Pair(STREAM) as (c, s):
        with Cgroup("cpu") as group:
            pid = os.fork()
            if not pid:
                idle.recv(1)
                os._exit(0)
            until(lambda: state_of(pid), "S")
            # which gets a millisecond in a second, for both
            burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            group.write("ours/cpu.max", "1000 1000000")
            group.write("cgroup.procs", "0")
            began = time.monotonic()
            for _ in range(30):
                c.send(b"question")
                same(s.recv(9), b"question")
                s.send(b"answer")
                same(c.recv(9), b"answer")
            took = time.monotonic() - began
            burner.kill()
            burner.wait()
            group.write("ours/cpu.max", "max")
            peer.send(b"x")
            os.waitpid(pid, 0)
        # a second each when one waits for the other
        same(took < 10 or took, True)
    return None


@case("SCM_RIGHTS: a socket goes to another process")
def _():
    with Pair(STREAM) as (c, s):
        a, b = socket.socketpair(socket.AF_UNIX)
        pid = os.fork()
        if not pid:
            c.close()
            _, fds, _, _ = socket.recv_fds(b, 1, 1)
            os.write(fds[0], b"by descriptor")
            os._exit(0)
        socket.send_fds(a, [b"x"], [c.fileno()])
        c.close()
        os.waitpid(pid, 0)
        same([receive(s, 13), s.recv(1)], [b"by descriptor", b""])
        a.close()
        b.close()


@case("a descriptor in a queue that nobody reads")
def _():
    with Pair(STREAM) as (c, s):
        a, b = socket.socketpair(socket.AF_UNIX)
        socket.send_fds(a, [b"x"], [c.fileno()])
        c.close()
        same(polls(s), "OUT")
        a.close()
        b.close()
        until(lambda: polls(s), "IN|OUT|HUP|RDHUP")


# --- messages ---------------------------------------------------------------------------

@case("messages keep their boundaries, empty ones too")
def _():
    with Pair(SEQPACKET) as (c, s):
        sizes = [0, 1, 3, 4, 5, 255, 256, 4096, 16384, 65520, 65535, 65536, 0, 7]
        sender = Background(lambda: [c.send(bytes([n % 251]) * n) for n in sizes])
        for n in sizes:
            same(s.recv(70000), bytes([n % 251]) * n)
        same(sender.result(), sizes)


@case("2000 messages of all sizes, both ways")
def _():
    with Pair(SEQPACKET) as (c, s):
        sizes = [(i * 7919) % 40000 for i in range(1000)]

        def send(x):
            for i, n in enumerate(sizes):
                x.send(bytes([i % 251]) * n)

        def check(x):
            for i, n in enumerate(sizes):
                same(x.recv(70000) == bytes([i % 251]) * n, True)
        for b in [Background(send, c), Background(send, s), Background(check, c), Background(check, s)]:
            b.result(300)


@case("a message that is too long: EMSGSIZE")
def _():
    with Pair(SEQPACKET) as (c, s):
        same(error_of(c.send, b"x" * 65537), "EMSGSIZE")
        c.setsockopt(SOL, socket.SO_SNDBUF, 20000)
        same(error_of(c.send, b"x" * 30000), "EMSGSIZE")
        c.send(b"fits")
        same(s.recv(9), b"fits")


@case("a message that is larger than the buffer: MSG_TRUNC, the rest is lost")
def _():
    with Pair(SEQPACKET) as (c, s):
        c.send(b"0123456789")
        c.send(b"next")
        data, _, flags, _ = s.recvmsg(4)
        same((data, flags & socket.MSG_TRUNC, flags & socket.MSG_EOR), (b"0123", socket.MSG_TRUNC, socket.MSG_EOR))
        data, _, flags, _ = s.recvmsg(4)
        same((data, flags & socket.MSG_TRUNC), (b"next", 0))
        c.send(b"0123456789")
        same(s.recv_into(bytearray(4), 4, socket.MSG_TRUNC), 10)


@case("messages: MSG_PEEK and SIOCINQ see the next one")
def _():
    with Pair(SEQPACKET) as (c, s):
        c.send(b"first one")
        c.send(b"second")
        same(s.recv(99, socket.MSG_PEEK), b"first one")
        n = array.array("i", [0])
        fcntl.ioctl(s, SIOCINQ, n)
        same(n[0], 9)
        same([s.recv(99), s.recv(99)], [b"first one", b"second"])
        fcntl.ioctl(s, SIOCINQ, n)
        same(n[0], 0)


@case("a message is sent whole or not at all")
def _():
    with Pair(SEQPACKET) as (c, s):
        n = 0
        until(lambda: (fill(c, 65536), polls(c))[1], "0")
        sent = info(c)["tx_bytes"]
        same(sent % (65536 + 4), 0)
        c.shutdown(socket.SHUT_WR)
        while True:
            part = s.recv(70000)
            if not part:
                break
            same(len(part), 65536)
            n += 1
        same(n, sent // (65536 + 4))


# --- options ------------------------------------------------------------------------------

@case("request UUID, priority and protocol type get to the peer")
def _():
    uuid = bytes(range(16))

    def before(c):
        same(error_of(c.getsockopt, SOL_TUNNEL, UUID, 16), "ENODATA")
        c.setsockopt(SOL_TUNNEL, UUID, uuid)
        c.setsockopt(SOL_TUNNEL, PRIORITY, 200)
        c.setsockopt(SOL_TUNNEL, PROTOCOL, 4)
    with Pair(STREAM, before) as (c, s):
        for x in c, s:
            same([x.getsockopt(SOL_TUNNEL, UUID, 16), x.getsockopt(SOL_TUNNEL, PRIORITY),
                  x.getsockopt(SOL_TUNNEL, PROTOCOL)], [uuid, 200, 4])
        same(error_of(c.setsockopt, SOL_TUNNEL, PRIORITY, 1), "EISCONN")
        shown = [x for x in sessions("home") if x["state"] == "open"]
        same([(x["uuid"], x["priority"], x["endpoint"], x["uid"]) for x in shown],
             [("00010203-0405-0607-0809-0a0b0c0d0e0f", 200, "stream", 0)])


@case("TUNNEL_INFO and the peer's identity")
def _():
    with Pair(STREAM) as (c, s):
        c.send(b"12345")
        s.recv(9)
        i, j = info(c), info(s)
        same([i["state"], i["accepted"], i["tx_bytes"], j["accepted"], j["rx_bytes"], j["rx_queued"], j["reason"]],
             [1, 0, 5, 1, 5, 0, 0])
        same(i["session_id"], j["session_id"])
        same(i["carrier_id"] > 0 and i["tx_credit"] > 0, True)
        for x, ns in (c, "gw"), (s, "home"):
            pin = x.getsockopt(SOL_TUNNEL, PEER_PIN, 32).hex()
            same(pin in tctl(ns, "tunnel", "show"), True)
        same(len(c.getsockopt(SOL_TUNNEL, INFO, 10)), 10)
        same(len(c.getsockopt(SOL_TUNNEL, INFO, 1000)), 80)


@case("options that are not right")
def _():
    with new("gw") as s, new("gw", SEQPACKET) as m:
        same([error_of(s.getsockopt, SOL_TUNNEL, 99, 4), error_of(s.setsockopt, SOL_TUNNEL, 99, 1),
              error_of(s.getsockopt, 99, 1, 4), error_of(s.setsockopt, 99, 1, 1),
              error_of(s.setsockopt, SOL_TUNNEL, INFO, b"x"), error_of(s.setsockopt, SOL_TUNNEL, PRIORITY, 256),
              error_of(s.setsockopt, SOL_TUNNEL, PROTOCOL, 6), error_of(s.setsockopt, SOL_TUNNEL, PROTOCOL, 7),
              error_of(m.setsockopt, SOL_TUNNEL, PROTOCOL, 3), error_of(s.setsockopt, SOL_TUNNEL, UUID, b"short"),
              error_of(s.getsockopt, SOL_TUNNEL, PRIORITY, 3)],
             ["ENOPROTOOPT"] * 5 + ["EINVAL"] * 6)
        # SO_RESERVE_MEM; which of them, the memory cgroup says
        same(error_of(s.setsockopt, SOL, 73, 4096) in ("EOPNOTSUPP", "ENOMEM"), True)


@case("the socket is charged for what waits, and for nothing when all is read")
def _():
    def memory(x):
        rmem, _, _, _, fwd, wmem = struct.unpack("=6I", x.getsockopt(SOL, 55, 24))[:6]
        return rmem, wmem
    with Pair(STREAM) as (c, s):
        c.send(b"x" * 20000)
        until(lambda: info(s)["rx_queued"], 20000)
        same(memory(s), (20000, 0))
        until(lambda: memory(c), (0, 0))
        receive(s, 20000)
        same(memory(s), (0, 0))
        c.send(b"y" * 20000)
        until(lambda: info(s)["rx_queued"], 20000)
        s.recv(1)
        same(memory(s), (19999, 0))
        c.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        until(lambda: polls(s), "IN|OUT|ERR|HUP|RDHUP")
        same(error_of(s.recv, 1), "ECONNRESET")
        same(memory(s), (0, 0))


@case("and so is its memory cgroup")
def _():
    with Cgroup("memory") as group, Pair(STREAM) as (c, s):
        before = group.sockets()
        # of either end: what waits for its frame, and what for its reader
        sent = fill(c, 4096)
        until(lambda: group.sockets() - before >= sent * 0.9, True)
        receive(s, sent)
        until(lambda: group.sockets() - before < 65536, True)


# --- files and pipes --------------------------------------------------------------------

def big_file():
    f = tempfile.TemporaryFile(dir="/dev/shm")
    block = os.urandom(1 << 20)
    for i in range(int(os.environ.get("MIB", "32"))):
        f.write(block[i:] + block[:i])
    f.flush()
    return f, os.fstat(f.fileno()).st_size


def digest(f):
    f.seek(0)
    h = hashlib.sha256()
    for block in iter(lambda: f.read(1 << 20), b""):
        h.update(block)
    return h.hexdigest()


@case("sendfile() in, splice() out: a file arrives as it was")
def _():
    f, size = big_file()
    out = tempfile.TemporaryFile(dir="/dev/shm")

    def send(c):
        at = 0
        while at < size:
            at += os.sendfile(c.fileno(), f.fileno(), at, size - at)
        c.shutdown(socket.SHUT_WR)

    def take(s):
        r, w = os.pipe()
        got = 0
        while True:
            n = os.splice(s.fileno(), w, 1 << 20)
            if not n:
                break
            got += n
            while n:
                n -= os.splice(r, out.fileno(), n)
        os.close(r)
        os.close(w)
        return got
    with Pair(STREAM) as (c, s):
        before = int(stat("home", "payload_bytes_copied"))
        sender = Background(send, c)
        same(take(s), size)
        sender.result()
        same(digest(out), digest(f))
        same(int(stat("home", "payload_bytes_copied")) - before, 0)


def stat(ns, what):
    s = json.loads(tctl(ns, "-j", "stats"))
    return (s[0] if isinstance(s, list) else s)[what]


@case("splice() out: nothing there, a bad offset, messages")
def _():
    r, w = os.pipe()
    with Pair(STREAM) as (c, s):
        s.setblocking(False)
        same(error_of(os.splice, s.fileno(), w, 10), "EAGAIN")
        c.send(b"spliced")
        until(lambda: polls(s), "IN|OUT")
        same([os.splice(s.fileno(), w, 3), os.read(r, 9), s.recv(9)], [3, b"spl", b"iced"])
        c.close()
        until(lambda: polls(s), "IN|OUT|HUP|RDHUP")
        same(os.splice(s.fileno(), w, 3), 0)
    with Pair(SEQPACKET) as (c, s):
        c.send(b"message")
        until(lambda: polls(s), "IN|OUT")
        same([os.splice(s.fileno(), w, 99), os.read(r, 99)], [7, b"message"])
    os.close(r)
    os.close(w)


@case("pages that were sent by sendfile() may change afterwards")
def _():
    f = tempfile.TemporaryFile(dir="/dev/shm")
    f.write(b"A" * 30000)
    f.flush()
    with Pair(STREAM) as (c, s):
        same(os.sendfile(c.fileno(), f.fileno(), 0, 30000), 30000)
        f.seek(0)
        f.write(b"B" * 30000)
        f.flush()
        same(receive(s, 30000), b"A" * 30000)


# --- carriers come and go ------------------------------------------------------------------

@case("a connection outlives its carrier", STREAM, SEQPACKET)
def _(kind):
    with Pair(kind) as (c, s):
        blocks = [os.urandom(50000) for _ in range(100)]
        whole = b"".join(blocks)
        reader = Background(lambda: b"".join(iter(lambda: s.recv(65536), b"")))

        def send():
            for i, b in enumerate(blocks):
                c.sendall(b)
                if i in (30, 60):
                    tctl("gw", "carrier", "del", str(info(c)["carrier_id"]))
            c.shutdown(socket.SHUT_WR)
        Background(send).result(120)
        same(hashlib.sha256(reader.result(120)).digest(), hashlib.sha256(whole).digest())


@case("SIOCOUTQ, and what it is blocked on, without a carrier")
def _():
    with Pair(STREAM) as (c, s):
        until(lambda: info(c)["carrier_id"] > 0, True)
        os.kill(int(open("/run/tunnel-test/tunneld-home.pid").read()), signal.SIGSTOP)
        try:
            tctl("gw", "carrier", "del", str(info(c)["carrier_id"]))
            until(lambda: info(c)["carrier_id"], 0)
            c.send(b"x" * 1000)
            n = array.array("i", [0])
            fcntl.ioctl(c, SIOCOUTQ, n)
            same([n[0], info(c)["blocked"], info(c)["tx_queued"]], [1000, 1, 1000])
            # nothing that waits for the carrier is in the way of these
            with new("gw") as d:
                d.setblocking(False)
                same(name(connect(d, "home", "stream")), "EINPROGRESS")
                same([name(connect(d, "home", "stream")), polls(d), error_of(d.send, b"x"), error_of(d.recv, 1)],
                     ["EALREADY", "0", "EAGAIN", "EAGAIN"])
                d.setblocking(True)
                d.setsockopt(SOL, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100000))
                same(name(connect(d, "home", "stream")), "EALREADY")
        finally:
            os.kill(int(open("/run/tunnel-test/tunneld-home.pid").read()), signal.SIGCONT)
        same(len(receive(s, 1000)), 1000)
        until(lambda: (fcntl.ioctl(c, SIOCOUTQ, n), n[0])[1], 0)


def main():
    wanted = sys.argv[1:]
    failed = 0
    for what, function, args in CASES:
        if wanted and not any(w in what for w in wanted):
            continue
        try:
            skipped = function(*args)
            until(lambda: (sessions("gw"), sessions("home")), ([], []))
        except BaseException as e:  # pylint: disable=broad-except
            failed = 1
            print("not ok %s: %s" % (what, e or repr(e)), flush=True)
            for line in traceback.format_exc().splitlines()[-6:]:
                print("#   " + line, flush=True)
        else:
            print("ok " + what + (" # SKIP " + skipped if skipped else ""), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
