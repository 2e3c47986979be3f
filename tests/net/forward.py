# SPDX-License-Identifier: GPL-2.0
"""
forward.py MODE: services at unix sockets of home, reached from client through gw.

MODE bytes, wrong: a server of this script at a unix socket, and clients of it; bytes PATH: who
come in by a unix socket of gw, too. hello ADDRESS
PORT WORD: a server that says who it is. ask ADDRESS PORT: what it says, or "reset".
netlink: what the kernel has against requests about such services.
"""
import errno as E
import hashlib
import os
import random
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))

T, BIN = os.environ["T"], os.environ["BIN"]
WHERE = ("198.51.100.1", 9900)


def tctl(host, *args):
    subprocess.run([BIN + "/in_ns", host, BIN + "/tunnelctl", *args], check=True)


def must(good, why):
    if not good:
        raise AssertionError(why)


def enter(host):
    """This thread's next sockets are of this host."""
    with open("/run/netns/" + host) as f:
        CLONE_NEWNET = 0x40000000
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


class Service:
    """At a unix socket of home; a listener of gw leads to it."""

    def __init__(self, name, come_in=None):
        self.name, self.path, self.come_in = name, "%s/sock/%s" % (T, name), come_in
        self.listener = "unix:" + come_in if come_in else "%s:%d" % WHERE
        os.makedirs(T + "/sock", exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(self.path)
        os.chmod(self.path, 0o777)
        self.s.listen(64)
        self.s.settimeout(60)
        tctl("home", "expose", name, "unix:" + self.path, "on", "gw")
        tctl("gw", "forward", self.listener, "to", "home/" + name)

    def pair(self):
        """A client's connection, and what the server gets."""
        if self.come_in:
            c = socket.socket(socket.AF_UNIX)
            c.settimeout(60)
            c.connect(self.come_in)
        else:
            c = socket.create_connection(WHERE, 60)
        a, _ = self.s.accept()
        a.settimeout(60)
        return c, a

    def end(self):
        self.s.close()
        tctl("gw", "listener", "del", self.listener)
        tctl("home", "service", "del", self.name, "tunnel", "gw")


def everything(s):
    h, n = hashlib.sha256(), 0
    while data := s.recv(1 << 16):
        h.update(data)
        n += len(data)
    return n, h.hexdigest()


def send(s, data, step):
    for i in range(0, len(data), step):
        s.sendall(data[i:i + step])
    s.shutdown(socket.SHUT_WR)


def both(c, a, size, step):
    """So much each way at the same time, each with its end."""
    data = [random.randbytes(size), random.randbytes(size)]
    threads = [threading.Thread(target=send, args=(s, d, step)) for s, d in zip((c, a), data)]
    for t in threads:
        t.start()
    got = {}
    reader = threading.Thread(target=lambda: got.update(c=everything(c)))
    reader.start()
    got["a"] = everything(a)
    for t in threads + [reader]:
        t.join()
    for s, d in ("a", data[0]), ("c", data[1]):
        must(got[s] == (size, hashlib.sha256(d).hexdigest()), "%s: %d of %d bytes" % (s, got[s][0], size))


def bytes_(service):
    for size, step in ((0, 1), (1, 1), (255, 255), (256, 256), (3000, 1), (70000, 7), (1 << 20, 4096),
                       (8 << 20, 1 << 20)):
        c, a = service.pair()
        with c, a:
            both(c, a, size, step)
    # half-closed: the client has finished, the server answers afterwards, and the reverse
    c, a = service.pair()
    with c, a:
        c.sendall(b"question")
        c.shutdown(socket.SHUT_WR)
        must(everything(a)[0] == 8, "the question")
        a.sendall(b"answer")
        a.close()
        must(c.recv(100) == b"answer" and c.recv(100) == b"", "the answer, and the end")
    c, a = service.pair()
    with c, a:
        a.sendall(b"greeting")
        a.shutdown(socket.SHUT_WR)
        must(c.recv(100) == b"greeting" and c.recv(100) == b"", "the greeting, and the end")
        c.sendall(b"thanks")
        c.close()
        must(a.recv(100) == b"thanks" and a.recv(100) == b"", "thanks, and the end")


def full(s):
    """Send until nobody takes more for two seconds; how much that was."""
    s.settimeout(2)
    n = 0
    try:
        while True:
            n += s.send(bytes(1 << 16))
    except TimeoutError:
        s.settimeout(60)
        return n


def wrong(service):
    # a reader that takes nothing stops the writer, and then takes all
    c, a = service.pair()
    with c, a:
        for writer, reader in ((c, a), (a, c)):
            n = full(writer)
            must(n < 64 << 20, "%d bytes were taken" % n)
            while n:
                n -= len(reader.recv(min(n, 1 << 20)))
        c.shutdown(socket.SHUT_WR)
        must(a.recv(1) == b"", "the end")
    # a client that resets
    c, a = service.pair()
    with a:
        c.sendall(b"x")
        must(a.recv(1) == b"x", "a byte")
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
        try:
            must(a.recv(1) == b"", "bytes behind a reset")
        except ConnectionResetError:
            pass
    # a server that closes with something unread: as TCP does, its client hears a reset
    c, a = service.pair()
    with c:
        c.sendall(b"unread")
        a.recv(1)
        a.close()
        try:
            c.settimeout(20)
            must(c.recv(1) == b"", "bytes behind the end")
        except ConnectionResetError:
            pass
    # descriptors that a server sends do not come anywhere
    c, a = service.pair()
    with c, a:
        socket.send_fds(a, [b"with one"], [0])
        must(c.recv(100) == b"with one", "bytes with a descriptor")
    # a byte out of band is a byte
    c, a = service.pair()
    with c, a:
        a.sendall(b"ab")
        try:
            a.send(b"c", socket.MSG_OOB)
        except OSError:
            a.sendall(b"c")
        a.sendall(b"d")
        a.close()
        got = b""
        while more := c.recv(10):
            got += more
        must(got == b"abcd", "got %r" % got)
    # nobody accepts: the backlog of the server is full
    service.s.listen(0)
    many = [socket.create_connection(WHERE, 60) for _ in range(8)]
    refused = 0
    for c in many[2:]:
        c.settimeout(5)
        try:
            refused += c.recv(1) == b""
        except ConnectionResetError:
            refused += 1
        except TimeoutError:
            pass
    must(refused >= 4, "only %d of 6 were refused" % refused)
    for c in many:
        c.close()


def hello(where, port, word):
    s = socket.create_server((where, int(port)), reuse_port=True)
    while True:
        c, _ = s.accept()
        c.sendall(word.encode())
        c.close()


def ask(where, port):
    try:
        with socket.create_connection((where, int(port)), 60) as c:
            print(c.recv(100).decode() or "end")
    except ConnectionResetError:
        print("reset")


def netlink():
    from genl import A, CMD, Genl, address, s32, text, u32, u64, u8
    nl = Genl()

    def refuse(cmd, attrs, err, word):
        r = nl.call(cmd, attrs)
        must(r.errno == err and word in r.sentence, "%s: %s %s" % (attrs, r.errno, r.sentence))

    name = {A.SERVICE: text("x")}
    target = {A.TARGET: text("unix:/x")}
    refuse(CMD.SERVICE_NEW, {**name, **target, A.ADDRESS: address("127.0.0.1", 1)}, E.EINVAL, "one place")
    refuse(CMD.SERVICE_NEW, {**name, **target, A.OWNER_UID: u32(0)}, E.EINVAL, "one place")
    refuse(CMD.SERVICE_NEW, {**name, A.TARGET: text("")}, E.EINVAL, "1 to 4096")
    refuse(CMD.SERVICE_NEW, {**name, A.TARGET: text("x" * 4097)}, E.EINVAL, "1 to 4096")
    refuse(CMD.SERVICE_SET, {**name, **target}, E.ENOENT, "no such service")
    refuse(CMD.SERVICE_SET, name, E.EINVAL, "none of TARGET")
    must(not nl.call(CMD.SERVICE_NEW, {**name, A.TARGET: text("x" * 4096)}).errno, "the longest target")
    must(not nl.call(CMD.SERVICE_SET, {**name, **target}).errno, "another target")
    must(not nl.call(CMD.SERVICE_DEL, name).errno, "no service")
    must(not nl.call(CMD.SERVICE_NEW, {**name, A.ADDRESS: address("127.0.0.1", 1)}).errno, "a service")
    refuse(CMD.SERVICE_SET, {**name, **target}, E.EINVAL, "delete it first")
    must(not nl.call(CMD.SERVICE_DEL, name).errno, "no service")
    for bad in "", "a b", "x" * 262, "a\x7f", "\u00e4":
        refuse(CMD.LISTENER_NEW, {A.ADDRESS: address("127.0.0.1", 0), A.NAME: text("gw"), A.SERVICE: text("e"),
                                  A.DESTINATION: text(bad)}, E.EINVAL, "a destination has")
    answer = {A.NAME: text("gw"), A.SESSION_ID: u64(1), A.ASK_ID: u64(1)}
    refuse(CMD.SESSION_ANSWER, answer, E.EINVAL, "either FD")
    refuse(CMD.SESSION_ANSWER, {**answer, A.FD: s32(0), A.REASON: u8(1)}, E.EINVAL, "either FD")
    refuse(CMD.SESSION_ANSWER, {**answer, A.REASON: u8(0)}, E.EINVAL, "either FD")
    refuse(CMD.SESSION_ANSWER, {**answer, A.FD: s32(-1)}, E.EINVAL, "either FD")
    refuse(CMD.SESSION_ANSWER, {**answer, A.REASON: u8(3)}, E.EPERM, "only the registered daemon")


def main(mode, *args):
    if mode in ("bytes", "wrong"):
        enter("client")
        service = Service(mode, *args)
        try:
            {"bytes": bytes_, "wrong": wrong}[mode](service)
        finally:
            service.end()
    else:
        {"hello": hello, "ask": ask, "netlink": netlink}[mode](*args)


main(*sys.argv[1:])
