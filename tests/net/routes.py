# SPDX-License-Identifier: GPL-2.0
"""
routes.py: strangers at listeners with routes, who say too little, too much, or two things
at once; routes and daemon that change under open connections; what netlink refuses.

Started by routes.sh in its hosts, with its routes on port 80 and 443.
"""
import errno as E
import hashlib
import os
import random
import socket
import ssl
import struct
import subprocess
import time

from af_tunnel import netns, sessions, tctl
from genl import A, CMD, Genl, accept, address, done, refuse, result, same, text, u8, u32

T, OUT, BIN = os.environ["T"], os.environ["OUT"], os.environ["BIN"]
AT, AT6 = "198.51.100.1", "fd00:5::1"
SILENT, LATE, SLACK = 3, 10, 20     # seconds; the machine is slow
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000040000000000")
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
rng = random.Random(SEED)


def to(port, host=AT):
    with netns("client"):
        s = socket.create_connection((host, port), SLACK)
    s.settimeout(SLACK + LATE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def drip(s, data, size=lambda: 1):
    """In small segments, as they come."""
    while data:
        n = size()
        s.sendall(data[:n])
        data = data[n:]


def rest(s):
    """What comes until the end; b"RST" at its end if that was a reset."""
    said = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return said
            said += more
    except ConnectionResetError:
        return said + b"RST"


def status(said):
    return said.split(b" ")[1].decode() if said.startswith(b"HTTP/1.1 ") else repr(said[:80])


def request(host, target="/index.html", method="GET", more="", version="1.1"):
    return ("%s %s HTTP/%s\r\nHost: %s\r\n%s\r\n" % (method, target, version, host, more)).encode()


def hello(name):
    """A ClientHello, as OpenSSL makes it."""
    out = ssl.MemoryBIO()
    c = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        c.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def target_saw():
    with open(OUT + "/access.log", encoding="latin-1") as f:
        return len(f.readlines())


# --- little by little ----------------------------------------------------------

def byte_by_byte():
    with to(443) as s:
        drip(s, hello("b.example"))
        same("a ClientHello, byte by byte", 0x16, (s.recv(1) or b"\0")[0])
    with to(80) as s:
        drip(s, request("a.example", more="Connection: close\r\n"))
        same("an HTTP request, byte by byte", "200", status(rest(s)))
    with to(80) as s:
        # :method GET, :scheme http, :path /, :authority h2.example
        block = b"\x82\x86\x84\x41\x0ah2.example"
        drip(s, PREFACE + SETTINGS + struct.pack(">I", len(block))[1:] + b"\1\5\0\0\0\1" + block)
        same("HTTP/2, byte by byte", True, b"Hello through" in until(s, b"Hello through"))
    with to(80) as s:
        s.sendall(b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        same("a request and the end of it at once", "200", status(rest(s)))


def until(s, what):
    said = b""
    while what not in said:
        more = s.recv(65536)
        if not more:
            break
        said += more
    return said


def the_same_bytes():
    wrong = []
    for i in range(30):
        data = request("sum.example", "/all?%d" % i, "POST", "X-Pad: %s\r\n" % ("p" * rng.randrange(9000)))
        data += rng.randbytes(rng.randrange(1, 60000))
        with to(80) as s:
            if i % 3:
                drip(s, data, lambda: rng.randrange(1, 4000))
            else:
                s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            if rest(s) != hashlib.sha256(data).hexdigest().encode():
                wrong.append(i)
    result("what a target gets is what was sent (30 times)", wrong or None)
    with to(80) as s:
        s.sendall(request("a.example") + request("a.example", more="Connection: close\r\n"))
        same("two requests at once: two answers", 2, rest(s).count(b"HTTP/1.1 200 OK"))


def settings_first():
    with to(80) as s:
        s.sendall(PREFACE + SETTINGS)
        head = s.recv(9)
        same("HTTP/2 that waits for SETTINGS gets them", 4, head[3] if len(head) > 3 else head)
        s.sendall(bytes.fromhex("000000040100000000"))
        block = b"\x82\x86\x84\x41\x0ah2.example"
        s.sendall(struct.pack(">I", len(block))[1:] + b"\1\5\0\0\0\1" + block)
        same("and an answer to its request then", True, b"Hello through" in until(s, b"Hello through"))


def never_acknowledges():
    """It waits for SETTINGS, then says much, but not that it has them."""
    with to(80) as s:
        s.sendall(PREFACE + SETTINGS)
        s.recv(9)
        block = b"\x82\x86\x84\x41\x0ah2.example"
        s.sendall(struct.pack(">I", len(block))[1:] + b"\1\4\0\0\0\1" + block)
        began, before = time.monotonic(), cpu()
        try:
            for _ in range(4):
                s.sendall(b"\0\x20\0\0\0\0\0\0\1" + bytes(8192))
        except OSError:
            pass
        rest(s)
        result("HTTP/2 that never acknowledges SETTINGS is closed", None if time.monotonic() - began < LATE - 1 else
               "after %.1f s" % (time.monotonic() - began))
        result("and costs nothing", None if cpu() - before < 100 else "%d ticks" % (cpu() - before))


def cpu():
    """Of the daemon, in ticks of 10 ms."""
    with open("%s/tunneld-gw.pid" % T, encoding="ascii") as f, \
            open("/proc/%s/stat" % f.read().strip(), encoding="ascii") as g:
        return sum(map(int, g.read().split()[13:15]))


def short_word():
    tctl("gw", "route", "add", AT + ":2527", "host", "a.example", "to", "home/web")
    tctl("gw", "route", "add", AT + ":2527", "to", "home/greets")
    with to(2527) as s:
        s.sendall(b"hello")
        s.shutdown(socket.SHUT_WR)
        same("one word and the end of it is opaque", b"220 hello\r\nhello", rest(s))


# --- what can be read in two ways ------------------------------------------------

def two_ways():
    cases = {
        "two lengths": request("a.example", "/", "POST", "Content-Length: 3\r\nContent-Length: 4\r\n"),
        "length and chunks": request("a.example", "/", "POST", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        "unknown coding": request("a.example", "/", "POST", "Transfer-Encoding: xchunked\r\n"),
        "chunked, in HTTP/1.0": request("a.example", "/", "POST", "Transfer-Encoding: chunked\r\n", "1.0"),
        "length with a sign": request("a.example", "/", "POST", "Content-Length: +3\r\n"),
        "blank before the colon": request("a.example", more="X-A : b\r\n"),
        "a folded line": request("a.example", more="X-A: b\r\n c\r\n"),
        "a bare LF": b"GET / HTTP/1.1\nHost: a.example\n\n",
        "a zero byte": request("a.example", more="X-A: \0b\r\n"),
        "two hosts": request("a.example", more="Host: b.example\r\n"),
        "another host in the target": request("a.example", "http://b.example/"),
        "no host": b"GET / HTTP/1.1\r\n\r\n",
        "..": request("a.example", "/light/../x"),
        "%2e%2e": request("a.example", "/light/%2e%2e/x"),
        "an empty line first": b"\r\n" + request("a.example"),
        "101 fields": request("a.example", more="X-A: b\r\n" * 101),
        "HTTP/2 without SETTINGS": PREFACE + bytes.fromhex("000000010500000001"),
    }
    before = target_saw()
    wrong = []
    for name, data in cases.items():
        with to(80) as s:
            s.sendall(data + request("a.example", "/smuggled"))
            said = rest(s)
            if not said.startswith((b"HTTP/1.1 400 ", SETTINGS)) or said.count(b"HTTP/1.1") > 1:
                wrong.append((name, said[:60]))
    result("what can be read in two ways is answered with 400 (%d)" % len(cases), wrong or None)
    same("and no target sees any of it", before, target_saw())


# --- too little, too much ----------------------------------------------------------

def took(seconds, began):
    return None if seconds - 0.5 <= time.monotonic() - began <= seconds + SLACK else \
        "%.1f s" % (time.monotonic() - began)


def slow():
    tctl("gw", "route", "add", AT + ":2525", "host", "a.example", "to", "home/web")
    tctl("gw", "route", "add", AT + ":2525", "to", "home/greets")
    tctl("gw", "route", "add", AT + ":2526", "host", "a.example", "to", "home/web")
    began = time.monotonic()
    waits, says, silent, loris, tls = to(2525), to(2525), to(2526), to(2526), to(2526)
    loris.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n")
    tls.sendall(hello("a.example")[:100])
    says.sendall(b"HELO me\r\n")
    same("who speaks first is led at once", b"220 hello\r\nHELO me\r\n", until(says, b"HELO me\r\n"))
    same("who waits to be greeted is, without a condition", b"220 hello\r\n", until(waits, b"\n"))
    result("after three seconds", took(SILENT, began))
    waits.sendall(b"over\r\n")
    same("and goes on", b"over\r\n", until(waits, b"over\r\n"))
    same("who says nothing is closed where no route fits", b"", rest(silent))
    for _ in range(40):
        try:
            loris.sendall(b"X-A: b\r\n")
        except OSError:
            break
        time.sleep(0.3)
    same("a head that never ends: 408", "408", status(rest(loris)))
    result("after ten seconds", took(LATE, began))
    same("a ClientHello that never ends is closed", b"", rest(tls))
    for s in (waits, says, silent, loris, tls):
        s.close()


def much():
    with to(2526) as s:
        sent = 0
        try:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n")
            while sent < 1 << 20:
                sent += s.send(b"X-A: %s\r\n" % (b"b" * 1000))
        except OSError:
            pass
        said = rest(s)
        result("a head of 1 MiB: 400, or closed when it does not stop",
               None if said.startswith(b"HTTP/1.1 400 ") or said == b"RST" else said[:80])


def memory():
    with open("%s/tunneld-gw.pid" % T, encoding="ascii") as f:
        pid = f.read().strip()
    with open("/proc/%s/status" % pid, encoding="ascii") as f:
        kib = int(f.read().split("VmRSS:")[1].split()[0])
    return kib, len(os.listdir("/proc/%s/fd" % pid))


def crowd():
    """One address with more connections than it may have undecided."""
    before = memory()
    crowd = [to(2526) for _ in range(600)]
    for s in crowd:
        try:
            s.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * 8000)
        except OSError:
            pass
    with to(80, AT6) as s:
        s.sendall(request("a.example", more="Connection: close\r\n"))
        same("600 of one address: another one does not feel it", "200", status(rest(s)))
    grown = memory()[0] - before[0]
    result("they cost less than 32 MiB", None if grown < 32768 else "%d KiB" % grown)
    said = [rest(s) for s in crowd]
    for s in crowd:
        s.close()
    same("each is answered or closed", [], [x[:40] for x in said if status(x) != "408" and x not in (b"", b"RST")])
    result("more than 512 are refused at once", None if sum(status(x) == "408" for x in said) <= 512 else len(said))
    wait(lambda: memory()[1] <= before[1], "no descriptor is left")


def wait(true, name):
    end = time.monotonic() + SLACK + LATE
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    result(name, None if true() else "still not so")


def leave():
    """Strangers who go in the middle of it."""
    for i in range(60):
        s = to(80)
        if i % 3:
            s.sendall(request("a.example")[:i])
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    with to(80) as s:
        s.sendall(request("a.example", more="Connection: close\r\n"))
        same("60 that go in the middle of it leave nothing", "200", status(rest(s)))


# --- changes under open connections ------------------------------------------------

def ask(s):
    s.sendall(request("a.example"))
    said = until(s, b"through the tunnel.\n")
    return said.startswith(b"HTTP/1.1 200")


def changes():
    open_ones, answered = [], 0
    for _ in range(100):    # each at once: who says nothing for three seconds is led elsewhere
        open_ones.append(to(80))
        answered += ask(open_ones[-1])
    same("100 connections that are kept alive", 100, answered)
    old = T + "/80"
    with open(old, encoding="ascii") as f, open(T + "/80.new", "w", encoding="ascii") as g:
        g.write(f.read() + "host new.example to home/web\n")
    lost = []
    for i in range(10):
        tctl("gw", "route", "set", AT + ":80", T + "/80.new" if i % 2 == 0 else old)
        with to(80) as s:
            s.sendall(request("new.example", more="Connection: close\r\n"))
            got = status(rest(s))
            if got != ("200" if i % 2 == 0 else "404"):
                lost.append((i, got))
    result("each change acts at once, ten times, and no connection is refused", lost or None)
    same("none of the 100 has noticed", 100, sum(map(ask, open_ones)))
    with open("%s/tunneld-gw.pid" % T, encoding="ascii") as f:
        os.kill(int(f.read()), 9)
    same("nor that the daemon is killed", 100, sum(map(ask, open_ones)))
    with open(OUT + "/tunneld-gw.log", "a", encoding="ascii") as log:
        daemon = subprocess.Popen([BIN + "/in_ns", "gw", BIN + "/tunneld"], stderr=log)
    with open("%s/tunneld-gw.pid" % T, "w", encoding="ascii") as f:
        f.write("%d\n" % daemon.pid)
    wait(lambda: "waiting" not in tctl("gw", "route", "show"), "another one listens")
    for s in open_ones:
        s.close()


# --- netlink -----------------------------------------------------------------------

def requests():
    wait(lambda: sessions("gw") == [], "no session is left of all this")
    with netns("gw"):
        nl = Genl()
    here, plain = address(AT, 7100), address(AT, 7101)
    at, plain_at = {A.ADDRESS: here}, {A.ADDRESS: plain}
    some = {**at, A.ROUTES: text("to home/web")}
    refuse(nl, "routes and a service", E.EINVAL, "not both", CMD.LISTENER_NEW,
           {**some, A.NAME: text("home"), A.SERVICE: text("web")})
    refuse(nl, "routes without a port", E.EINVAL, "needs a port", CMD.LISTENER_NEW,
           {A.ADDRESS: address(AT, 0), A.ROUTES: text("to home/web")})
    refuse(nl, "routes that are too long", E.EINVAL, "1 to 16384", CMD.LISTENER_NEW,
           {**at, A.ROUTES: b"x" * 16385 + b"\0"})
    refuse(nl, "other routes for none", E.ENOENT, "there is no listener", CMD.LISTENER_SET, some)
    accept(nl, "routes of 16 KiB, whatever they say", CMD.LISTENER_NEW, {**at, A.ROUTES: b"#" * 16384 + b"\0"})
    wait(lambda: "waiting" not in tctl("gw", "route", "show"), "which the daemon takes up")
    refuse(nl, "a second time", E.EEXIST, "exists", CMD.LISTENER_NEW, some)
    had = [m for m in nl.call(CMD.LISTENER_GET, dump=True).messages if m.get(A.ADDRESS) == here]
    same("which a dump has whole", 16385, len(had[0][A.ROUTES]) if had else had)
    refuse(nl, "of another revision", E.ESTALE, "changed meanwhile", CMD.LISTENER_SET, {**some, A.REVISION: u32(7)})
    refuse(nl, "without routes", E.EINVAL, "ROUTES is missing", CMD.LISTENER_SET, at)
    accept(nl, "of this one", CMD.LISTENER_SET, {**some, A.REVISION: had[0][A.REVISION]})
    wait(lambda: "waiting" not in tctl("gw", "route", "show"), "so is this")
    refuse(nl, "a report that is not the daemon's", E.EPERM, "only the registered daemon", CMD.LISTENER_REPORT,
           {**at, A.REVISION: u32(1), A.STATE: u8(0)})
    refuse(nl, "a state that none has", E.ERANGE, "no such state", CMD.LISTENER_REPORT,
           {**at, A.REVISION: u32(1), A.STATE: u8(9)})
    accept(nl, "a listener without routes", CMD.LISTENER_NEW, {**plain_at, A.NAME: text("home"), A.SERVICE: text("web")})
    refuse(nl, "gets none", E.EINVAL, "has no routes", CMD.LISTENER_SET, {**plain_at, A.ROUTES: text("to home/web")})
    refuse(nl, "removed at a revision that it had", E.ESTALE, "changed meanwhile", CMD.LISTENER_DEL,
           {**at, A.REVISION: had[0][A.REVISION]})
    refuse(nl, "no routes at all", E.EINVAL, "1 to 16384", CMD.LISTENER_NEW, {A.ADDRESS: address(AT, 7102), A.ROUTES: b"\0"})
    for where in (at, plain_at):
        accept(nl, "they go", CMD.LISTENER_DEL, where)
    # gone and there again before the daemon looks: other routes all the same
    for i in range(20):
        nl.call(CMD.LISTENER_NEW, {**at, A.ROUTES: text("host a%d to home/web" % i)})
        nl.call(CMD.LISTENER_DEL, at)
    accept(nl, "20 times made and removed, and made", CMD.LISTENER_NEW, some)
    wait(lambda: "waiting" not in tctl("gw", "route", "show"), "the daemon takes it up")
    accept(nl, "and it goes", CMD.LISTENER_DEL, at)
    nl.close()


def main():
    print("# SEED=%d" % SEED, flush=True)
    for part in (byte_by_byte, the_same_bytes, settings_first, never_acknowledges, short_word, two_ways, slow, much, crowd, leave, changes, requests):
        part()
    done()


main()
