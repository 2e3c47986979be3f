# SPDX-License-Identifier: GPL-2.0
"""
Memory runs out, at every place in turn.

  fault.py load MODULE     in module_init()
  fault.py requests        in each netlink request, and in a new namespace
  fault.py lives KIND      in the module's works, from attach to flush; KIND: failslab or
                           fail_page_alloc

STRIDE=N in the environment: only each N-th place, but for the first ten.
"""
import ctypes
import gc
import os
import re
import socket
import sys
import time

from genl import *
from life import *

STRIDE = int(os.environ.get("STRIDE", "1"))
FIRST = 10
DEBUG = "/sys/kernel/debug/"
KINDS = ("failslab", "fail_page_alloc")
libc = ctypes.CDLL(None, use_errno=True)
NR_FINIT_MODULE, CLONE_NEWNET = 313, 0x40000000
E = errno


def knob(kind, name, value):
    with open(DEBUG + kind + "/" + name, "w") as f:
        f.write(str(value))


def times_left(kind):
    with open(DEBUG + kind + "/times") as f:
        return int(f.read())


def symbols(pattern):
    """Addresses of those whose line in kallsyms matches, and the lowest above each."""
    with open("/proc/kallsyms") as f:
        lines = [line.split(None, 2) for line in f if line.split()[1] in "tT"]
    at = sorted({int(a, 16) for a, _, _ in lines})
    above = dict(zip(at, at[1:] + [at[-1] + 4096]))
    return [(int(a, 16), above[int(a, 16)]) for a, _, name in lines if re.search(pattern, name)]


def only(require=(0, (1 << 64) - 1), reject=(0, 0)):
    """Allocations with, and without, an address of these on the stack."""
    for kind in KINDS:
        knob(kind, "probability", 0)
        for name, value in (("ignore-gfp-wait", "N"), ("task-filter", "N"), ("verbose", 0),
                            ("stacktrace-depth", 32), ("require-start", hex(require[0])),
                            ("require-end", hex(require[1])), ("reject-start", hex(reject[0])),
                            ("reject-end", hex(reject[1])), ("times", -1), ("space", 0)):
            knob(kind, name, value)
    # fail-nth is for all kinds of faults: this one is not meant
    for name, value in (("stacktrace-depth", 32), ("require-start", 1), ("require-end", 2)):
        knob("fail_usercopy", name, value)
    knob("failslab", "cache-filter", "N")
    knob("fail_page_alloc", "min-order", 0)


def module_text():
    """The code of the module but for its init part, which is gone."""
    found = symbols(r"\[tunnel\]")
    return min(a for a, _ in found), max(a for a, _ in found) + 4096


class Nth:
    """The n-th allocation of this task fails while it is in here. happened: did it?"""

    fd = None

    def __init__(self, n):
        if Nth.fd is None:
            Nth.fd = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
        self.n = b"%d" % n

    def __enter__(self):
        gc.disable()
        os.pwrite(self.fd, self.n, 0)
        return self

    def __exit__(self, *_):
        self.happened = os.pread(self.fd, 16, 0).strip() == b"0"
        os.pwrite(self.fd, b"0", 0)
        gc.enable()


def places():
    """1, 2, ... until the caller has seen two in a row that are not there."""
    n = 1
    while True:
        yield n
        n += 1 if n < FIRST else STRIDE


def sweep(name, once):
    """
    once(n): fails allocation n; returns whether that happened, and what is wrong. One
    result; no more than ten faults of it show.
    """
    faults, missed, hit = [], 0, 0
    for n in places():
        happened, why = once(n)
        hit += happened
        missed = 0 if happened else missed + 1
        if why:
            faults.append("place %d: %s" % (n, why))
            print("#", name, faults[-1], flush=True)
        if missed == 2 or len(faults) == 10:
            break
        if n % 50 == 0:
            print("# %s: place %d" % (name, n), flush=True)
    print("# %s: %d places up to %d" % (name, hit, n), flush=True)
    if not hit:
        faults.append("nothing failed")
    result(name, "; ".join(faults) or None)


# --- module_init() -----------------------------------------------------------------

def load(module):
    # a cache whose sysfs part fails leaves its name behind: the kernel's own leak
    only(symbols(r"^do_one_initcall$")[0], symbols(r"^sysfs_slab_add$")[0])
    loaded = lambda: os.path.exists("/sys/module/tunnel")

    def once(n):
        fd = os.open(module, os.O_RDONLY)
        with Nth(n) as nth:
            r = libc.syscall(NR_FINIT_MODULE, fd, b"", 0)
        err = ctypes.get_errno() if r else 0
        os.close(fd)
        why = None
        if err not in (0, E.ENOMEM, E.ENOBUFS):    # the second by proto_register()
            why = "insmod: %s" % errno.errorcode[err]
        elif loaded() != (not err):
            why = "insmod: %s, but the module is %sthere" % (err, "" if loaded() else "not ")
        elif not err:
            Genl().close()
        if loaded() and libc.syscall(176, b"tunnel", 0):
            sys.exit("the module does not go: %s" % errno.errorcode[ctypes.get_errno()])
        return nth.happened, why

    sweep("module_init", once)
    only()
    same("then it loads", 0, os.system("insmod " + module))


# --- requests ----------------------------------------------------------------------

class Request:
    """
    One request under fire. must_before: what must be there; undo: what takes it back;
    odd: errno values the kernel gives for want of memory here, besides ENOMEM.
    """

    # No memory is needed between sending and the last byte of the answer.
    buffer = bytearray(1 << 16)

    def __init__(self, cmd, attrs=b"", dump=False, odd=()):
        self.cmd, self.attrs, self.dump = cmd, attrs, dump
        self.allowed = (E.ENOMEM, E.ENOBUFS) + tuple(odd)

    def shot(self, n):
        """Return: whether it happened, the answer; errno None: nobody knows what became of it."""
        nl = Genl()
        attrs = self.attrs() if callable(self.attrs) else self.attrs
        if isinstance(attrs, dict):
            attrs = b"".join(attr(k, v) for k, v in attrs.items())
        nl.seq += 1
        body = struct.pack("=BBH", self.cmd, 1, 0) + attrs
        raw = struct.pack("=IHHII", 16 + len(body), nl.family,
                          NLM_F_REQUEST | (NLM_F_DUMP if self.dump else NLM_F_ACK), nl.seq, 0) + body
        answer, parts, err = Answer(raw), [], 0
        view, sent = memoryview(self.buffer), False
        with Nth(n) as nth:
            try:
                nl.s.send(raw)
                sent = True
                at, whole = 0, False
                while not whole:
                    length = nl.s.recv_into(view[at:])
                    parts.append((at, length))
                    # the kind of the last message of the datagram tells
                    whole = self.last(at, length)
                    at += length
            except (OSError, MemoryError) as e:
                err = getattr(e, "errno", E.ENOMEM)
        for at, length in parts:
            nl._take(bytes(view[at:at + length]), answer)
        if err:
            answer.errno = err if not sent or self.dump else None
        nl.close()
        return nth.happened, answer

    def last(self, at, length):
        end = at + length
        while at + 16 <= end:
            size, kind = struct.unpack_from("=IH", self.buffer, at)
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                return True
            at += (size + 3) & ~3
        return False


def state(nl):
    """As Genl.state(), without what an attempt to change may raise, as revisions."""
    *kinds, carriers = nl.state()[1:]
    return [[{n: v for n, v in o.items() if n != A.REVISION} for o in objects] for objects in kinds] + [carriers]


def requests(parts=""):
    only()
    life = Life()
    nl = life.nl
    monitor = Genl()
    for group in monitor.groups:
        monitor.join(group)
    ok_tunnel = dict(TUNNELS["d"])

    def bare():
        life.flush()

    def set_up():
        life.flush()
        life.setup()

    def linked():
        """Both tunnels up, and a session between two programs."""
        set_up()
        life.link()

    def change(name, request, before, gone=None):
        """
        A request that changes something: refused with nothing changed, or done. And
        the next attempt is done. gone: what there is afterwards, to compare.
        """
        before()
        start = state(nl)

        def once(n):
            happened, answer = request.shot(n)
            if answer.errno and answer.errno not in request.allowed:
                return happened, "got %s" % answer
            now = state(nl)
            if answer.errno and now != start:
                return happened, "refused (%s), but something changed" % answer
            if answer.errno or (answer.errno is None and now == start):
                again = request.shot(0)[1]
                if again.errno:
                    return happened, "again, with memory: %s" % again
                now = state(nl)
            why = gone and gone(now)
            before()
            if not why and state(nl) != start:
                why = "what was there before cannot be had again"
            return happened, why

        sweep(name, once)

    # Ports and ids that are other ones each time would hide the rest.
    fixed = socket.create_server((HOST, 0))
    port = fixed.getsockname()[1]
    fixed.close()
    real_setup = life.setup

    def setup():
        real_setup()
        must(nl.call(CMD.LISTENER_DEL, {A.ADDRESS: address(HOST, life.port)}))
        must(nl.call(CMD.LISTENER_NEW, {A.NAME: text("d"), A.SERVICE: text("s"),
                                        A.ADDRESS: address(HOST, port)}))
        life.port = port
    life.setup = setup

    there = lambda kind, count: lambda now: None if len(now[kind]) == count else \
        "%d objects, not %d" % (len(now[kind]), count)
    change("tunnel add", Request(CMD.TUNNEL_NEW, ok_tunnel), bare, there(0, 1))
    change("tunnel del", Request(CMD.TUNNEL_DEL, {A.NAME: text("d")}), set_up, there(0, 1))
    change("service add", Request(CMD.SERVICE_NEW, {
        A.SERVICE: text("t"), A.ADDRESS: address(HOST, 9)}), set_up, there(1, 2))
    change("service del", Request(CMD.SERVICE_DEL, {A.SERVICE: text("s")}), set_up, there(1, 0))
    # no memory for a port's bucket: bind() says EADDRINUSE; none for an inode: ENFILE
    change("listener add", Request(CMD.LISTENER_NEW, {
        A.NAME: text("d"), A.SERVICE: text("s"), A.ADDRESS: address("127.0.0.9", port)},
        odd=(E.EADDRINUSE, E.ENFILE)), set_up, there(2, 2))
    change("listener del", Request(CMD.LISTENER_DEL, {A.ADDRESS: address(HOST, port)}),
           set_up, there(2, 0))
    change("flush", Request(CMD.FLUSH), set_up, there(0, 0))
    change("register", Request(CMD.DAEMON_REGISTER), bare)

    # --- what only looks
    linked()
    hold = Exchange(life)
    until("a session", lambda: len(life.sessions()) == 2)
    numbers = lambda m: {k: v for k, v in m.items() if k in (
        A.NAME, A.SERVICE, A.ADDRESS, A.CARRIER_ID, A.SESSION_ID, A.VERSION, A.ROLE)}
    for name, cmd, attrs, dump in (
            ("tunnel get", CMD.TUNNEL_GET, {A.NAME: text("d")}, False),
            ("stats", CMD.STATS_GET, b"", False), ("info", CMD.INFO_GET, b"", False),
            ("tunnels", CMD.TUNNEL_GET, b"", True), ("services", CMD.SERVICE_GET, b"", True),
            ("listeners", CMD.LISTENER_GET, b"", True), ("carriers", CMD.CARRIER_GET, b"", True),
            ("sessions", CMD.SESSION_GET, b"", True)):
        request = Request(cmd, attrs, dump)
        want = [numbers(m) for m in nl.call(cmd, attrs, dump=dump).messages]

        def once(n):
            happened, answer = request.shot(n)
            if answer.errno and answer.errno not in request.allowed:
                return happened, "got %s" % answer
            if answer.errno == 0 and [numbers(m) for m in answer.messages] != want:
                return happened, "it shows %s" % answer.messages
            answer = request.shot(0)[1]
            return happened, None if answer.errno == 0 and len(answer.messages) == len(want) \
                else "again, with memory: %s" % answer
        sweep("look at " + name, once)

    def once(n):
        m = Genl()
        err = 0
        with Nth(n) as nth:
            try:
                m.join("config")
            except OSError as e:
                err = e.errno
        why = None if err in (0, E.ENOMEM) else errno.errorcode[err]
        m.join("config")
        m.close()
        return nth.happened, why
    sweep("monitor", once)

    # --- sessions and carriers
    hold.abort()
    life.idle()

    def session_del(n):
        e = Exchange(life)
        until("a session", lambda: len(life.sessions()) == 2)
        ids = {m[A.SESSION_ID] for m in life.sessions()}
        request = Request(CMD.SESSION_DEL, {A.NAME: text("d"), A.SESSION_ID: ids.pop()})
        happened, answer = request.shot(n)
        why = None if answer.errno in (None, 0) + request.allowed else str(answer)
        if answer.errno and life.sessions():
            again = request.shot(0)[1]
            why = why or (str(again) if again.errno else None)
        elif answer.errno is None and life.sessions():
            request.shot(0)
        life.idle()
        e.abort()
        return happened, why
    sweep("session del", session_del)

    def handover(n):
        """Refused: the connection is as it was, and can be handed over later."""
        with socket.create_server((HOST, 0)) as front:
            c = socket.create_connection(front.getsockname())
            a, _ = front.accept()
        request = Request(CMD.SESSION_NEW, {
            A.NAME: text("d"), A.SERVICE: text("s"), A.FD: s32(a.fileno()), A.PREFIX: bytes(1000),
            A.REFUSAL: bytes(100)})
        happened, answer = request.shot(n)
        why = None
        if answer.errno and answer.errno not in request.allowed:
            why = "got %s" % answer
        elif answer.errno:
            why = "refused, but there is a session" if life.sessions() else talks(a, c)
            if not why:
                again = request.shot(0)[1]
                why = "again, with memory: %s" % again if again.errno else None
        a.close()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        c.close()
        life.idle()
        # its bytes may be there though it was reset: no exchange shall meet them
        life.turn_away()
        return happened, why
    sweep("hand a connection over", handover)

    def carrier_del(n):
        have = nl.call(CMD.CARRIER_GET, dump=True).messages
        request = Request(CMD.CARRIER_DEL, {A.CARRIER_ID: have[0][A.CARRIER_ID]})
        happened, answer = request.shot(n)
        why = None if answer.errno in (None, 0) + request.allowed else str(answer)
        if answer.errno:
            now = nl.call(CMD.CARRIER_GET, dump=True).messages
            if [m[A.CARRIER_ID] for m in now] != [m[A.CARRIER_ID] for m in have]:
                why = why or "refused, but something changed"
        if answer.errno is not None:
            request.shot(0)
        until("they go", lambda: not nl.call(CMD.CARRIER_GET, dump=True).messages)
        life.link()
        return happened, why
    sweep("carrier del", carrier_del)

    def attach(name):
        """By @name, while another carrier works: refused, it goes on and the socket is as it was."""
        def once(n):
            if not life.up():
                life.link()
            a, b = Life.sockets()
            mine, other = (a, b) if name == "d" else (b, a)
            before = [m[A.CARRIER_ID] for m in nl.call(CMD.CARRIER_GET, dump=True).messages]
            request = Request(CMD.CARRIER_ATTACH, {
                A.NAME: text(name), A.FD: s32(mine.fileno()), A.PEER_PIN: PIN})
            happened, answer = request.shot(n)
            why = None
            if answer.errno and answer.errno not in request.allowed:
                why = "got %s" % answer
            elif answer.errno:
                now = [m[A.CARRIER_ID] for m in nl.call(CMD.CARRIER_GET, dump=True).messages]
                if now != before:
                    why = "refused (%s), but the carriers are %s, not %s" % (answer, now, before)
                why = why or talks(a, b)
                if not why and not life.up():
                    why = "refused, but the tunnels are not up"
                if not why:
                    again = request.shot(0)[1]
                    why = "again, with memory: %s" % again if again.errno else None
            a.close()
            b.close()
            # one that waits for HELLO is gone with its socket
            until("the carriers before HELLO go", lambda: nl.call(
                CMD.TUNNEL_GET, {A.NAME: text(name)}).messages[0][A.STATE][0] != 1)
            return happened, why
        return once
    sweep("attach to the tunnel that dials", attach("d"))
    sweep("attach to the tunnel that listens", attach("l"))
    if not life.up():
        life.link()
    same("then bytes go through", ["exact"], run(life, [Exchange(life)]))

    def flush_live(n):
        e = Exchange(life)
        until("a session", lambda: len(life.sessions()) == 2)
        request = Request(CMD.FLUSH)
        happened, answer = request.shot(n)
        why = None if answer.errno in (None, 0) + request.allowed else str(answer)
        if not why and answer.errno and not life.sessions():
            why = "refused, but the sessions are gone"
        life.flush()
        e.abort()
        life.setup()
        life.link()
        return happened, why
    sweep("flush under a live session", flush_live)
    life.flush()

    # --- a namespace
    only(module_text())

    def namespace(n):
        pid = os.fork()
        if not pid:
            with Nth(n) as nth:
                r = libc.unshare(CLONE_NEWNET)
            err = ctypes.get_errno() if r else 0
            os._exit((1 if nth.happened else 0) | (2 if err not in (0, E.ENOMEM) else 0))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return bool(status & 1), "another errno than ENOMEM" if status & 2 else None
    Nth.fd = None	# of the child
    sweep("a new namespace", namespace)
    only()
    monitor.close()


# --- lives ---------------------------------------------------------------------------

def has_other_end(sock):
    """Does this host have the other end of a connection to it, in whatever state?"""
    def there(host, port):
        return "%08X:%04X" % (int.from_bytes(socket.inet_aton(host), sys.byteorder), port)
    try:
        ends = [there(*sock.getpeername()), there(*sock.getsockname())]
    except OSError:
        return True     # it has been reset: that is known here, too
    with open("/proc/net/tcp") as table:
        # TCP_SYN_RECV (03) is a request of the listener, not a connection yet
        return any(line.split()[1:3] == ends and line.split()[3] != "03" for line in table)


class Lives:
    """From attach to flush under a live session, with one allocation that fails."""

    def __init__(self, kind):
        self.kind = kind
        self.life = Life()
        self.life.flush()
        self.scratch = Genl()
        self.injected = 0

    def arm(self, interval):
        knob(self.kind, "interval", interval)
        knob(self.kind, "times", 1)
        knob(self.kind, "probability", 100)

    def disarm(self):
        knob(self.kind, "probability", 0)

    def align(self, n):
        """
        Each n-th fails: make the next one the first of n. The counter cannot be
        written, so requests nobody needs take it there.
        """
        if n == 1:
            return
        self.arm(n)
        for _ in range(100 * n):
            if not times_left(self.kind):
                break
            self.scratch.call(CMD.STATS_GET)
            if self.kind == "fail_page_alloc":
                self.scratch.call(CMD.TUNNEL_NEW, {**TUNNELS["d"], A.NAME: text("scratch")})
                self.scratch.call(CMD.TUNNEL_DEL, {A.NAME: text("scratch")})
        else:
            sys.exit("nothing allocates")
        self.disarm()

    def keep_linked(self):
        """What the daemon does: a carrier that was lost is replaced."""
        if not self.life.up() and time.monotonic() > self.next_attach:
            self.life.attach()
            self.next_attach = time.monotonic() + 3

    def exchange(self):
        return run(self.life, [Exchange(self.life)], self.keep_linked, 45)[0]

    def once(self, n):
        life = self.life
        self.align(n)
        life.setup()
        before = life.stats()
        attached = life.attached
        self.next_attach = 0
        self.arm(n)
        self.keep_linked()
        said = self.exchange()
        # flush is a good-bye, by which the other side begins again
        after = life.stats()
        # a program that is connected when all is flushed
        last = Exchange(life)
        end = time.monotonic() + 1
        while len(life.sessions()) < 2 and time.monotonic() < end:
            time.sleep(0.005)
        while life.nl.call(CMD.FLUSH).errno:
            pass
        happened = not times_left(self.kind)
        self.disarm()
        why = None if said in ("exact", "reset") else said
        if after["lane_restarts"] != before["lane_restarts"]:
            why = why or "the lane began again"
        if after["errors_protocol"] != before["errors_protocol"]:
            why = why or "a protocol error"
        self.lost = life.attached - attached - 1
        try:
            last.program.sock.settimeout(SECONDS)
            if not has_other_end(last.program.sock):
                # TCP itself may have had no memory for the last step of its handshake,
                # and then no listener: it says so to who sends something
                last.program.sock.send(b"x")
            while last.program.sock.recv(1 << 16):
                pass
        except (ConnectionError, TimeoutError) as e:
            if isinstance(e, TimeoutError):
                why = why or "the program of the live session is not told"
        last.abort()
        self.strangers()
        if any(state(life.nl)[:3]) or life.sessions():
            why = why or "something is left after flush"
        life.setup()
        self.next_attach = 0
        self.keep_linked()
        said2 = self.exchange()
        life.flush()
        if said2 != "exact":
            why = why or "then, with memory: %s" % said2
        kind = said if self.lost == 0 else said + ", carrier lost"
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return happened, why

    def strangers(self):
        """Connections of the last program that nobody has taken."""
        self.life.target.settimeout(0)
        while True:
            try:
                self.life.target.accept()[0].close()
            except OSError:
                return

    def all(self):
        only(module_text())
        self.kinds = {}
        sweep("lives, %s" % self.kind, self.once)
        print("# became: %s" % self.kinds, flush=True)

    def storm(self):
        """Each n-th fails, again and again."""
        only(module_text())
        life = self.life
        for n in (50, 20, 10, 5):
            life.setup()
            self.next_attach = 0
            self.keep_linked()
            knob(self.kind, "interval", n)
            knob(self.kind, "times", -1)
            knob(self.kind, "probability", 100)
            es = [Exchange(life, 100000, 100000) for _ in range(4)]
            said = set(run(life, es, self.keep_linked, 10)) - {"exact", "reset"}
            self.disarm()
            said = {s for s in said if not s.startswith("stuck")}
            life.flush()
            self.strangers()
            life.setup()
            self.next_attach = 0
            self.keep_linked()
            then = self.exchange()
            life.flush()
            result("%s: each %dth fails: no wrong byte, and then all is well" % (self.kind, n),
                   None if not said and then == "exact" else "%s, then %s" % (said, then))


if sys.argv[1] == "load":
    load(sys.argv[2])
elif sys.argv[1] == "requests":
    requests()
else:
    lives = Lives(sys.argv[2])
    lives.all()
    lives.storm()
done()
