# SPDX-License-Identifier: GPL-2.0
"""
pressure.py: memory is short, readers are slow, pieces are small. LONG=1 in the
environment: more of it.
"""
import os
import subprocess

from genl import *
from life import *
from peer import DATA, END, RESET, Frame, frame, hello, open_

LONG = bool(os.environ.get("LONG"))
LIMIT = 6
TCP_MEM = "/proc/sys/net/ipv4/tcp_mem"
CGROUP = "/sys/fs/cgroup/"
life = Life()


def fresh(linked=True):
    life.flush()
    life.setup()
    if linked:
        life.link()
    return life.stats()


def grown(before, *names):
    after = life.stats()
    return tuple(after[name] - before[name] for name in names)


def write(path, value):
    with open(path, "w") as f:
        f.write(value)


def read(path):
    with open(path) as f:
        return f.read()


def free_kib():
    return int(re.search(r"MemFree: *(\d+)", read("/proc/meminfo"))[1])


class Raw:
    """A dialler that is a program with the keys: what it sends at once is a record."""

    def __init__(self):
        self.s, there = Life.sockets()
        must(life.nl.call(CMD.CARRIER_ATTACH, {A.NAME: text("l"), A.FD: s32(there.fileno()),
                                               A.PEER_PIN: PIN}))
        there.close()
        self.s.settimeout(SECONDS)
        self.have = b""

    def next(self):
        while True:
            if len(self.have) >= 16:
                kind, flags, reason, length, session = struct.unpack_from("!BBHIQ", self.have)
                if len(self.have) >= 16 + length:
                    payload, self.have = self.have[16:16 + length], self.have[16 + length:]
                    return Frame(kind, flags, reason, session, payload)
            self.have += self.s.recv(65536)

    def waiting(self):
        """Frames that are here now."""
        self.s.settimeout(0)
        found = []
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            pass
        self.s.settimeout(SECONDS)
        return found


def accept():
    life.target.settimeout(SECONDS)
    s, _ = life.target.accept()
    s.settimeout(SECONDS)
    return s


def take(s, length):
    """That many bytes, or what there was until the end."""
    got = b""
    while len(got) < length:
        more = s.recv(length - len(got))
        if not more:
            break
        got += more
    return got


# --- TCP's memory is over while bytes go both ways ------------------------------------

def starved():
    plenty = read(TCP_MEM)
    for limits in ("0 0 0", "1 4 8", "16 24 32") if LONG else ("0 0 0", "8 12 16"):
        before = fresh()
        exchanges = [Exchange(life, 150000, 150000) for _ in range(4)]
        began = None
        moved = []

        def starve():
            nonlocal began
            total = sum(len(x.got) for e in exchanges for x in (e.program, e.answer) if x)
            if began is None and total > 100000:
                write(TCP_MEM, limits)
                began = time.monotonic()
                moved.append(total)
            elif began and len(moved) == 1 and time.monotonic() > began + 4:
                write(TCP_MEM, plenty)
                moved.append(total)

        said = run(life, exchanges, starve, 120)
        write(TCP_MEM, plenty)
        print("# tcp_mem %s: %s bytes before and after, retries %d, blocked %d" % (
            (limits, moved) + grown(before, "retries_armed", "sends_blocked")), flush=True)
        same("tcp_mem '%s' while bytes go both ways: then all of them arrive" % limits,
             ["exact"] * 4, said)
        same("and it was short before all was through", True,
             len(moved) > 0 and moved[0] < 8 * 150000)
        same("no carrier is lost by it, no lane begins again", (0, 0),
             grown(before, "carriers_lost", "lane_restarts"))


# --- readers that stop hold all pages -------------------------------------------------

def pages_out():
    fresh(False)
    free = free_kib()
    raw = Raw()
    before = life.stats()
    raw.s.sendall(hello())
    raw.next()
    sessions, small = 120, 300
    raw.s.sendall(b"".join(open_(n, "s") for n in range(1, sessions + 2)))
    held = [accept() for _ in range(sessions + 1)]
    # one that reads: which is it of those accepted? It says.
    raw.s.sendall(frame(DATA, sessions + 1, b"reader"))
    reader = []
    until("the reader's first bytes", lambda: reader.extend(
        s for s in held if not reader and readable(s)) or reader)
    reader = reader[0]
    same("one session reads", b"reader", take(reader, 6))
    held.remove(reader)
    raw.waiting()

    def send(n):
        """A record with a piece for a reader that has stopped; two records are a page."""
        data = frame(DATA, n % sessions + 1, pattern(n, small))
        raw.s.sendall(data + frame(100, payload=bytes(16384 - 16 - len(data))))

    copied = lambda: grown(before, "payload_bytes_copied")[0]
    n = 0
    while n < 4000 and not (n % 50 == 0 and copied()):
        send(n)
        n += 1
        if n % 500 == 0:
            print("# %d records, %d pages allocated" % (n, grown(before, "page_allocs")[0]),
                  flush=True)
    # two records to a page, and what the socket holds back
    result("pages are out after %d records" % n, None if 2000 < n < 3500 else "expected 2048 to 3500")
    for _ in range(50):
        send(n)
        n += 1
    until("copies are counted", lambda: copied() >= 50 * small)
    frames = raw.waiting()
    same("no session is reset for that", [], [f for f in frames if f.kind == RESET])
    question = pattern(7, 3000)
    raw.s.sendall(frame(DATA, sessions + 1, question))
    same("a session that is read goes on meanwhile", question, take(reader, 3000))
    used = free - free_kib()
    result("%d KiB are used by it" % used, None if 30000 < used < 80000 else "expected 32 MiB and some")

    if LONG:
        # pages of copied pieces are out too: 32 MiB of them, each with one piece that is held
        reset, m = [], 0
        while not reset and m < 12000:
            raw.s.sendall(frame(DATA, m % sessions + 1, pattern(n, 256)) +
                          frame(DATA, sessions + 1, bytes(3700)))
            m += 1
            try:
                # all of it: no more is sent than was granted
                take(reader, 3700)
            except (ConnectionError, TimeoutError):
                break
            for f in raw.waiting() if m % 50 == 0 else ():
                if f.kind == RESET:
                    reset.append(f)
            if m % 1000 == 0:
                print("# %d copied pages" % m, flush=True)
        for f in raw.waiting():
            if f.kind == RESET:
                reset.append(f)
        result("copied pages out too, after %d: sessions that receive are reset" % m,
               None if 8000 < m and reset and {f.reason for f in reset} == {LIMIT} else str(reset[:3]))
        gone = True
    else:
        gone = False

    # now they read
    if not gone:
        want = {k: b"".join(pattern(i, small) for i in range(n) if i % sessions == k)
                for k in range(sessions)}
        raw.s.sendall(b"".join(frame(DATA, k + 1, b"", flags=END) for k in range(sessions)))
        wrong, left = 0, {v: k for k, v in want.items()}
        for s in held:
            got = b""
            while more := s.recv(65536):
                got += more
            wrong += left.pop(got, None) is None
        same("then they read: every byte is there", 0, wrong)
    for s in held + [reader]:
        s.close()
    # the lane gives back what is idle for a second
    until("the memory comes back", lambda: free - free_kib() < 8000)
    result("and the memory comes back while the tunnel is up")
    raw.s.close()
    life.flush()


def readable(s):
    return bool(select.select([s], [], [], 0.01)[0])


# --- urgent data ------------------------------------------------------------------------

def urgent():
    before = fresh()
    rounds = 40 if LONG else 12
    a = socket.create_connection((HOST, life.port), SECONDS)
    b = accept()
    for n in range(rounds):
        for x, y in ((a, b), (b, a)):
            block = pattern(n, (0, 1, 300, 6000)[n % 4])
            if block:
                x.sendall(block)
            x.send(b"!", socket.MSG_OOB)
            tail = pattern(n + 1, (5000, 0, 1, 300)[n // 4 % 4])
            if tail:
                x.sendall(tail)
            want = block + b"!" + tail
            got = take(y, len(want))
            if got != want:
                result("urgent data, round %d" % n, "%d bytes for %d" % (len(got), len(want)))
                return
    result("urgent bytes in the stream, both ways: in their place, not stuck")
    a.send(b"?", socket.MSG_OOB)
    a.shutdown(socket.SHUT_WR)
    same("one just before the end", b"?", take(b, 9))
    b.close()
    same("then the end", b"", a.recv(1))
    a.close()
    same("each of them is counted", (2 * rounds + 1,), grown(before, "urgent_bytes"))
    life.idle()


# --- small pieces -----------------------------------------------------------------------

def small():
    fresh(False)
    before = life.stats()
    raw = Raw()
    count = 1000 if LONG else 100
    word = pattern(1, count)
    said = hello() + open_(1, "s") + b"".join(frame(DATA, 1, word[i:i + 1]) for i in range(count))
    for i in range(len(said)):
        raw.s.sendall(said[i:i + 1])
    s = accept()
    same("frames of a byte, in records of a byte, arrive", word, take(s, count))
    same("each is copied, on purpose, and nothing else", (count, 0),
         grown(before, "copybreak_bytes_copied", "payload_bytes_copied"))
    pages, = grown(before, "page_allocs")
    # before the end of HELLO each look for a record takes a page; there may be two for
    # each: one that finds it, and one that finds nothing more
    result("%d records take %d pages" % (len(said), pages),
           None if pages < 40 + 2 * len(hello()) else "too many")
    s.close()
    raw.s.close()

    before = fresh()
    count = 10000 if LONG else 400
    said = run(life, [Exchange(life, count, count, 1, 1,
                               answer_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])],
               seconds=240)
    same("programs write a byte at a time, both ways", ["exact"], said)
    copies, other, pages = grown(before, "copybreak_bytes_copied", "payload_bytes_copied",
                                 "page_allocs")
    # on the way in and on the way out
    result("their %d bytes are copied at most twice, none by need" % (2 * count),
           None if copies <= 4 * count + 16 and not other else "%d and %d" % (copies, other))
    result("and take %d pages" % pages, None if pages < 60 else "too many")


# --- programs with odd sockets ----------------------------------------------------------

def odd_sockets():
    S = socket.SOL_SOCKET
    size = 400000 if LONG else 60000
    for name, options in (
            ("SO_RCVLOWAT", [(S, socket.SO_RCVLOWAT, 5000)]),
            ("the smallest SO_RCVBUF", [(S, socket.SO_RCVBUF, 1)]),
            ("the smallest SO_SNDBUF", [(S, socket.SO_SNDBUF, 1)]),
            ("both, and a small window", [(S, socket.SO_SNDBUF, 1), (S, socket.SO_RCVBUF, 1),
                                          (socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 500)]),
            ("a small TCP_MAXSEG", [(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 100)])):
        before = fresh()
        here = run(life, [Exchange(life, size, size, options=options)], seconds=120)
        if "MAXSEG" not in name:
            here += run(life, [Exchange(life, size, size, answer_options=options)], seconds=120)
        same("a program with %s" % name, {"exact"}, set(here))
        same("no copy by need", (0,), grown(before, "payload_bytes_copied"))


# --- a memory cgroup at its limit --------------------------------------------------------

def cgroup():
    fresh()
    traffic = os.environ["BIN"] + "/traffic"
    write(CGROUP + "cgroup.subtree_control", "+memory")
    with socket.create_server((HOST, 0)) as s:
        port = s.getsockname()[1]
    serve = subprocess.Popen([traffic, "serve", HOST, str(port)])
    must(life.nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("t"), A.ADDRESS: address(HOST, port)}))
    there = must(life.nl.call(CMD.LISTENER_NEW, {A.NAME: text("d"), A.SERVICE: text("t"),
                                                 A.ADDRESS: address(HOST, 0)}))
    port = int.from_bytes(there.messages[0][A.ADDRESS][2:4], "big")

    def programs(group, limit, up, down):
        """Return: what they say, the most they had, how often the limit was met."""
        path = CGROUP + group
        os.mkdir(path)
        write(path + "/memory.max", str(limit))
        # not to be killed for it: it waits
        said = subprocess.run(["sh", "-c", "echo -1000 >/proc/self/oom_score_adj && "
                               "echo $$ >%s/cgroup.procs && exec %s run %s %d 2 1 %d %d" % (
                                   path, traffic, HOST, port, up, down)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout
        events = dict(line.split() for line in read(path + "/memory.events").splitlines())
        peak = int(read(path + "/memory.peak"))
        print("# cgroup %s: limit %s, peak %d, %s" % (group, limit, peak, events), flush=True)
        return said, peak, int(events["max"])

    # room for the programs themselves, and for little of what their sockets would hold
    limit = programs("quiet", "max", 65536, 65536)[1] + (256 << 10)
    said, _, met = programs("tight", limit, 600000, 1200000)
    result("programs in a memory cgroup at its limit get every byte",
           None if re.search("^2 requests .* 0 failed", said, re.M) else said)
    result("the limit was met", None if met else "never")
    serve.terminate()
    serve.wait()


for part in [globals()[n] for n in sys.argv[1:]] or (starved, pages_out, urgent, small, odd_sockets, cgroup):
    began = time.monotonic()
    part()
    print("# %s: %.0f s" % (part.__name__, time.monotonic() - began), flush=True)
life.flush()
done()
