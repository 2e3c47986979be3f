# SPDX-License-Identifier: GPL-2.0
"""
cut.py [GROUP...]: the carrier is cut at every byte of a scripted exchange.

Two tunnels of one namespace are joined by carriers that go through cut_link.py.
Each case: programs talk through sessions, the carrier is cut, another one is
attached, perhaps cut again; then both programs of every session must have got
what the other sent, and ends and resets only where the script has them.

STRIDE=N: only each Nth case (1); LONG=1: every byte, not only where it matters.
"""
import errno
import os
import random
import socket
import subprocess
import sys
import time

from cut_link import HOWS, LINGER_0, Cut, Link, Loop, Stream, Wrong
from genl import A, CMD, Genl, address, done, parse, result, s32, text, u8
from peer import H_ATTACH

STALE = 12
LONG = os.environ.get("LONG") == "1"
STRIDE = int(os.environ.get("STRIDE", "1"))
# Seconds for one exchange, which takes a tenth of one when nothing else runs.
PATIENCE = 60
# Failed cases of a group, after which it gives up.
ENOUGH = 3


# --- programs --------------------------------------------------------------------

class Program:
    """
    One end of a connection, and what it does:
      send BYTES, get BYTES, end (send no more), eof (get no more),
      rst (close by reset), reset (get a reset)
    """

    def __init__(self, loop, name, sock, steps):
        self.loop, self.name, self.sock, self.steps = loop, name, sock, list(steps)
        self.have, self.out = bytearray(), b""
        self.over = None        # how the other end ended
        sock.setblocking(False)
        loop.watch(sock, self.ready)
        self.ready()

    def __str__(self):
        return "%s: %s" % (self.name, ", ".join(
            w + (" %d" % len(d[0]) if d else "") for w, *d in self.steps) or "through")

    def wrong(self, what):
        return Wrong("%s: %s, and still to come: %s" % (self.name, what, self))

    def receive(self):
        try:
            while not self.over:
                data = self.sock.recv(1 << 18)
                self.have += data
                if not data:
                    self.over = "eof"
        except BlockingIOError:
            return
        except ConnectionResetError:
            self.over = "reset"
        except OSError as e:
            raise self.wrong(str(e)) from e

    def ready(self):
        self.receive()
        while self.steps and self.step(*self.steps[0]):
            self.steps.pop(0)
        if not self.steps:
            self.loop.unwatch(self.sock)
            self.sock.close()
        elif self.over:
            raise self.wrong("it got %s" % self.over)

    def step(self, what, data=b""):
        """Return: is it done?"""
        if what == "send":
            self.out = self.out or memoryview(data)
            try:
                while self.out:
                    self.out = self.out[self.sock.send(self.out):]
            except BlockingIOError:
                pass
            self.loop.watch(self.sock, self.ready, 5 if self.out else 1)    # EPOLLOUT, EPOLLIN
            return not self.out
        if what == "get":
            n = min(len(self.have), len(data))
            if self.have[:n] != data[:n]:
                raise self.wrong("other bytes than were sent: %r for %r" %
                                 (bytes(self.have[:64]), data[:64]))
            if n < len(data):
                return False
            del self.have[:n]
        elif what == "end":
            self.sock.shutdown(socket.SHUT_WR)
        elif what == "rst":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        else:
            if self.have:
                raise self.wrong("%d bytes too many: %r" % (len(self.have), bytes(self.have[:64])))
            if self.over == what:
                self.over = None
                return True
            return False
        return True


def small(bytes_of):
    """Sessions by service: who opens it, the opener's steps, the target's steps."""
    hi, answer, question, more = map(bytes_of, (40, 100, 600, 300))
    page = bytes_of(700)
    to, fro = bytes_of(20), bytes_of(20)
    return {
        # both ways, END this way, then still something the other way
        "talk": ("d", [("send", hi), ("get", answer), ("send", question), ("end",),
                       ("get", more), ("eof",)],
                 [("get", hi), ("send", answer), ("get", question), ("eof",), ("send", more),
                  ("end",)]),
        # END without a byte before it; the listening side opens it
        "page": ("l", [("end",), ("get", page), ("eof",)],
                 [("eof",), ("send", page), ("end",)]),
        # RESET from the dialling side
        "abort": ("d", [("send", to), ("get", fro), ("rst",)],
                  [("get", to), ("send", fro), ("reset",)]),
        # RESET from the listening side: its target is not there
        "refused": ("d", [("reset",)], None),
    }


def big(bytes_of):
    """Frames of several records, WINDOW; both ways at once."""
    up, down = bytes_of(150000), bytes_of(100000)
    return {"talk": ("d", [("send", up), ("end",), ("get", down), ("eof",)],
                     [("send", down), ("get", up), ("eof",), ("end",)])}


# --- two tunnels -----------------------------------------------------------------

class World:
    def __init__(self):
        self.loop, self.nl = Loop(), Genl()
        self.targets, self.ports, self.waiting = {}, {}, {}
        self.links, self.streams, self.programs = [], {}, []
        self.n, self.plain = 0, None
        for service, (opener, _, steps) in small(bytes).items():
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            if steps is not None:
                s.listen()
                self.loop.watch(s, lambda service=service: self.accept(service))
            self.targets[service] = opener, s
        self.renew()

    def must(self, cmd, attrs=b""):
        answer = self.nl.call(cmd, attrs)
        if answer.errno:
            raise Wrong("netlink: %s" % answer)
        return answer

    def renew(self):
        """Tunnels that know nothing."""
        self.must(CMD.FLUSH)
        for link in self.links:
            link.close()
        self.links = []
        for p in self.programs:
            self.loop.unwatch(p.sock)
            p.sock.close()
        self.programs, self.waiting = [], {}
        self.streams = {"d": Stream(), "l": Stream()}
        common = {A.PEER_PIN: bytes(32), A.KEY: text("/none")}
        self.new_dialler()
        self.must(CMD.TUNNEL_NEW, {A.NAME: text("l"), A.ROLE: u8(1), A.LOCAL: text("x:1"), **common})
        for service, (_, target) in self.targets.items():
            self.must(CMD.SERVICE_NEW, {A.SERVICE: text(service),
                                        A.ADDRESS: address(*target.getsockname())})
        for service, (opener, _) in self.targets.items():
            self.new_listener(opener, service)

    def end(self):
        """Leave nothing."""
        for link in self.links:
            link.close()
        self.must(CMD.FLUSH)
        self.nl.close()

    def new_dialler(self):
        self.must(CMD.TUNNEL_NEW, {A.NAME: text("d"), A.ROLE: u8(0), A.REMOTE: text("x:1"),
                                   A.PEER_PIN: bytes(32), A.KEY: text("/none")})

    def new_listener(self, opener, service):
        a = self.must(CMD.LISTENER_NEW, {A.NAME: text(opener), A.SERVICE: text(service),
                                         A.ADDRESS: address("127.0.0.1", 0)})
        self.ports[service] = int.from_bytes(a.messages[0][A.ADDRESS][2:4], "big")

    def dump(self, cmd):
        return self.nl.call(cmd, dump=True).messages

    def carriers(self):
        return {m[A.NAME][:-1].decode(): m for m in self.dump(CMD.CARRIER_GET)}

    def up(self):
        return [m[A.STATE][0] for m in self.dump(CMD.CARRIER_GET)] == [2, 2]

    def stats(self):
        found = {}
        nest = self.nl.call(CMD.STATS_GET).messages[0][A.STATS]
        while nest:
            length = int.from_bytes(nest[:2], sys.byteorder)
            stat = parse(nest[4:length])
            found[stat[A.STAT_NAME][:-1].decode()] = int.from_bytes(stat[A.STAT_VALUE], sys.byteorder)
            nest = nest[(length + 3) & ~3:]
        return found

    # --- carriers

    def attach(self, link, side):
        """Return: an errno."""
        end = link.ends[side]
        answer = self.nl.call(CMD.CARRIER_ATTACH, {A.NAME: text(side), A.PEER_PIN: bytes(32),
                                                   A.FD: s32(end.fileno())})
        if answer.errno == errno.EBUSY:
            return answer.errno         # as many as may wait for HELLO do so
        if answer.errno:
            raise Wrong("netlink: %s" % answer)
        end.close()
        return 0

    def link(self, plain, cut=None, exactly=False, hold=()):
        """A new carrier, handed to both tunnels."""
        link = Link(self.loop, self.streams, plain, cut, exactly)
        for side in hold:
            link.halves[side].hold = True
        self.links.append(link)
        for side in "ld":
            if self.attach(link, side):
                self.turn_until("room for a carrier", lambda side=side: not self.attach(link, side))
        link.start()
        return link

    def delete(self, side):
        """As an administrator does. It may have none: then it ended by itself."""
        carrier = self.carriers().get(side)
        if carrier:
            self.nl.call(CMD.CARRIER_DEL, {A.CARRIER_ID: carrier[A.CARRIER_ID]})

    def forget_links(self, but=1):
        while len(self.links) > but:
            self.links.pop(0).close()

    # --- sessions

    def accept(self, service):
        s, _ = self.targets[service][1].accept()
        if service not in self.waiting:
            raise Wrong("a connection too many for service '%s'" % service)
        self.programs.append(Program(self.loop, "target of '%s'" % service, s,
                                     self.waiting.pop(service)))

    def begin(self, script):
        """Open the sessions of a script."""
        self.n += 1
        sessions = script(random.Random(self.n).randbytes)
        self.programs = []
        self.waiting = {s: steps for s, (_, _, steps) in sessions.items() if steps is not None}
        for service, (_, steps, _) in sessions.items():
            s = socket.socket()
            s.connect(("127.0.0.1", self.ports[service]))
            self.programs.append(Program(self.loop, "opener of '%s'" % service, s, steps))

    def over(self):
        return not self.waiting and not any(p.steps for p in self.programs)

    def turn_until(self, what, condition, links=None):
        """links: called in each turn."""
        end = time.monotonic() + PATIENCE
        busy = True
        while busy or not condition():
            if time.monotonic() > end:
                raise Wrong("not within %d s: %s" % (PATIENCE, what))
            busy = self.loop.turn(0.001 if not busy else 0)
            if links:
                links()

    def no_session(self):
        return self.over() and not self.dump(CMD.SESSION_GET)

    def settled(self):
        """Has each side what the other sent?"""
        c = self.carriers()
        return len(c) == 2 and all(
            c[a][A.LANE_TX] == c[b][A.LANE_RX] for a, b in ("dl", "ld"))

    def mode(self, plain, fresh=False):
        """Frames are known only if they were seen from the beginning."""
        if fresh or plain != self.plain:
            self.renew()
        self.plain = plain

    def exchange(self, plain, cuts, wait=False, fresh=False, script=small):
        """
        One case. cuts: of the first carrier, the second...; then comes one that
        is not cut. wait: for both ends to notice, before the next is attached.
        Return: what was cut, in words.
        """
        self.mode(plain, fresh)
        cuts, at, dice = list(cuts), [], random.Random(self.n)
        self.forget_links()
        current = self.link(plain, cuts.pop(0) if cuts else None)
        sure = False    # that all that was passed on has been received
        self.begin(script)

        def links():
            nonlocal current, sure
            if not current.cut_at:
                return
            if current.how == "del":
                self.delete(dice.choice("dl"))
            patient = wait and current.how in ("fin", "rst", "half")
            if patient and self.carriers():
                return
            at.append(current.cut_at)
            # With its HELLOs a link begins to count anew; without, what one before it
            # passed on, and an end that was closed or replaced did not read, counts still.
            sure = patient and current.how == "fin" and (
                sure or all(h.hello for h in current.halves.values()))
            current = self.link(plain, cuts.pop(0) if cuts else None, exactly=sure)
        self.turn_until("end of the exchange", self.no_session, links)
        late = [k for k in self.links if k.how == "late" and k.cut_at]
        for link in late:
            link.release()
        if late:
            self.turn_until("late bytes", lambda: True)
        return at

    def show(self):
        """All there is to know when something went wrong."""
        for p in self.programs:
            print("#   %s" % p)
        for service in self.waiting:
            print("#   target of '%s' was not connected to" % service)
        for i, k in enumerate(self.links):
            print("#   link %d: %s; %s" % (i, k.cut_at or "not cut", "; ".join(
                "%s: %d of %d passed%s%s" % (
                    s, h.passed, len(h.seen), ", HELLO %s" % h.hello if h.hello else "",
                    ", GOAWAY %d" % h.goaway if h.goaway is not None else "")
                for s, h in k.halves.items())))
        tool = os.environ["TUNNEL_SRC"] + "/build/bin/tunnelctl"
        for what in (["tunnel", "show"], ["carrier", "show"], ["session", "show"], ["stats"]):
            said = subprocess.run([tool, *what], capture_output=True, text=True, check=False)
            print("#   tunnelctl %s\n%s" % (" ".join(what), "".join(
                "#     %s\n" % line for line in (said.stdout + said.stderr).splitlines())), end="")
        sys.stdout.flush()


# --- cases -----------------------------------------------------------------------

class Group:
    """A result; many cases. Counters may rise only as told."""

    def __init__(self, world, name, restarts=0):
        self.w, self.name, self.bad, self.seen, self.n = world, name, 0, {}, 0
        self.restarts = restarts

    def __enter__(self):
        self.before = self.w.stats()
        self.begin = time.monotonic()
        self.said = self.begin
        return self

    def case(self, text_, fn):
        """fn: one case; returns what was cut"""
        if self.bad >= ENOUGH:
            return
        self.n += 1
        try:
            for what in fn():
                self.seen[what] = self.seen.get(what, 0) + 1
        except (Wrong, OSError) as e:
            self.bad += 1
            print("# %s: %s: %s: %s" % (self.name, text_, type(e).__name__, e))
            self.w.show()
            self.w.renew()
        now = time.monotonic()
        if now - self.said > 20:
            print("# %s: %d cases, %.0f ms each" %
                  (self.name, self.n, (now - self.begin) / self.n * 1e3), flush=True)
            self.said = now

    def run(self, cases, **how):
        """cases: of (plain, cuts). Ways to cut, and to wait, come by turns."""
        dice = random.Random(self.name)
        for i, (plain, cuts) in enumerate(cases):
            cuts = [c._replace(how=dice.choice(HOWS)) for c in cuts]
            wait = dice.random() < 0.5
            if i % STRIDE:
                continue
            self.case("%s, %s%s" % ("plain" if plain else "raw", " then ".join(map(str, cuts)),
                                    ", noticed" if wait else ""),
                      lambda plain=plain, cuts=cuts, wait=wait:
                      self.w.exchange(plain, cuts, wait=wait, **how))

    def __exit__(self, kind, *_):
        if kind:
            return
        why = "%d of %d cases failed%s" % (
            self.bad, self.n, ", no more were tried" if self.bad >= ENOUGH else "") if self.bad else None
        if not why:
            after = self.w.stats()
            for counter, more in (("lane_restarts", self.restarts), ("errors_protocol", 0),
                                  ("errors_flow_control", 0), ("sessions_no_tunnel", 0)):
                if after[counter] != self.before[counter] + more:
                    why = "%s rose by %d" % (counter, after[counter] - self.before[counter])
        seconds = time.monotonic() - self.begin
        print("# %s: %d cases in %.1f s, %.0f ms each" %
              (self.name, self.n, seconds, seconds / max(self.n, 1) * 1e3))
        print("#   cut: %s" % ", ".join("%s %d" % w for w in sorted(self.seen.items())))
        result(self.name, why)


def measure(w, plain, script=small):
    """Lengths of the units of an exchange that is not cut: by side."""
    w.exchange(plain, [], script=script)
    found = {}
    for side, half in w.links[-1].halves.items():
        ends = half.units[1:] + [half.known]
        found[side] = [b - a for a, b in zip(half.units, ends)]
        print("# %s, %s sends: %s" % ("frames" if plain else "records", side,
                                      " ".join(map(str, found[side]))))
    return found


def every(sides, units, offsets):
    return [Cut(s, o, u) for s in sides for u in units[s] for o in offsets]


def without(w):
    with Group(w, "without a cut") as g:
        for plain in (False, True):
            g.case("measure", lambda plain=plain: measure(w, plain) and [])


def records(w):
    """Around each boundary of a record; header, nonce, tag."""
    lengths = measure(w, False)
    with Group(w, "between and in TLS records") as g:
        g.run((False, [c]) for c in every(
            "dl", {s: range(len(lengths[s]) + 1) for s in "dl"}, (0, 1, 4, 5, 13, -1)))


KINDS = {"d": ("OPEN", "ACCEPT", "DATA", "DATA+END", "RESET", "ACK"),
         "l": ("OPEN", "ACCEPT", "DATA", "DATA+END", "RESET", "ACK")}


def frames(w):
    with Group(w, "in each kind of frame") as g:
        g.run((True, [c]) for c in every("dl", KINDS, (0, 1, 8, 15, 16, -1)))
        missed = [k for s in "dl" for k in KINDS[s]
                  if not any(x.startswith("%s: %s " % (s, k)) for x in g.seen)]
        if missed and STRIDE == 1:
            g.bad += 1
            print("# never cut: %s" % " ".join(missed))


def first_hello(w):
    """Nothing is known yet; neither side may begin again."""
    with Group(w, "in the first HELLO and its answer") as g:
        g.run(((True, [Cut(s, k)]) for k in range(0, 140, 1 if LONG else 6) for s in "dl"),
              fresh=True)
        g.run(((True, [Cut(s, k), Cut(t, 140 - k)]) for k in range(0, 140, 1 if LONG else 29)
               for s in "dl" for t in "dl"), fresh=True)


def later_hello(w):
    with Group(w, "in a later HELLO and its answer") as g:
        g.run((True, [Cut(s, k)]) for k in range(0, 140, 1 if LONG else 9) for s in "dl")


def replay(w):
    """The first cut leaves some hundred bytes to be sent again."""
    with Group(w, "in what is sent again") as g:
        g.run((plain, [Cut(s, 16 if plain else 5, u), Cut(t, j, "lane")])
              for j in range(0, 700, 1 if LONG else 47) for s, u, t in
              (("d", 3, "d"), ("l", 4, "l"), ("l", 5, "d")) for plain in (True, False))


def three(w):
    with Group(w, "three times in a row") as g:
        dice = random.Random(3)
        g.run((dice.random() < 0.7,
               [Cut(dice.choice("dl"), dice.randrange(400), dice.choice((None, "lane")))
                for _ in range(3)]) for _ in range(1000 if LONG else 40))


def large(w):
    lengths = measure(w, False, big)
    with Group(w, "frames of several records, WINDOW") as g:
        g.run(((False, [c]) for c in every(
            "dl", {s: range(0, len(lengths[s]) + 1, 1 if LONG else 6) for s in "dl"}, (0, 5, 2000, -1))),
              script=big)
        g.run(((True, [Cut(s, o, "WINDOW"), Cut(t, 20000, "lane")])
               for s in "dl" for t in "dl" for o in (0, 9, -1)), script=big)


def every_byte(w):
    for plain in (False, True):
        lengths = measure(w, plain)
        with Group(w, "at every byte, %s" % ("between frames and in them" if plain else "of TLS")) as g:
            g.run((plain, [Cut(s, k)]) for s in "dl" for k in range(sum(lengths[s]) + 30))


# --- HELLOs and bytes that come late ------------------------------------------------

def hellos(w, link, sides="d"):
    w.turn_until("HELLO", lambda: all(link.halves[s].hello for s in sides))


def refused(w, link, reason=STALE):
    """Does the listener refuse this carrier?"""
    w.turn_until("GOAWAY", lambda: link.halves["l"].over)
    if link.halves["l"].goaway != reason:
        raise Wrong("wanted GOAWAY(%d), got GOAWAY(%s), HELLO %s" %
                    (reason, link.halves["l"].goaway, link.halves["l"].hello))


def taken(w, link):
    """
    The listener takes this carrier. Of one that has been replaced it may see the
    end before it has answered.
    """
    half = link.halves["l"]
    w.turn_until("HELLO, or the end", lambda: half.hello or half.over)
    if half.goaway:
        raise Wrong("wanted HELLO, got GOAWAY(%s)" % half.goaway)


def swapped(w, fresh, order):
    """HELLOs of some carriers arrive in this order; the last made must stay."""
    w.mode(True, fresh)
    w.begin(small)
    links = []
    for _ in order:
        links.append(w.link(True, hold="d"))
        hellos(w, links[-1])
    counts = [k.halves["d"].hello[H_ATTACH] for k in links]
    if counts != list(range(counts[0], counts[0] + len(order))):
        raise Wrong("the attach counter says %s" % counts)
    newest = -1
    for i in order:
        links[i].release()
        if i < newest:
            refused(w, links[i])
        elif i == len(order) - 1:
            hellos(w, links[i], "l")
        else:
            taken(w, links[i])
        newest = max(newest, i)
    w.turn_until("end of the exchange", w.no_session)
    if not w.up():
        raise Wrong("the newest carrier is not up")
    if links[-1].closed or links[-1].halves["l"].over:
        raise Wrong("the newest carrier was ended")
    return ["order %s" % "".join(map(str, order))]


def answer_lost(w, fresh):
    """
    HELLO arrives, and the listener's sessions travel on that carrier; the answer
    comes when the dialler has made another one.
    """
    w.mode(True, fresh)
    w.begin(small)
    a = w.link(True, hold="l")
    w.turn_until("OPEN behind the answer", lambda: len(a.halves["l"].units) > 1)
    b = w.link(True, hold="d")
    hellos(w, b)
    a.release()
    b.release()
    w.turn_until("end of the exchange", w.no_session)
    return ["answer too late"]


def hurry(w, n):
    """More carriers than there is time for HELLOs."""
    w.mode(False)
    w.begin(small)
    for _ in range(n):
        w.link(False)
    w.turn_until("end of the exchange", w.no_session)
    w.turn_until("the last carrier", w.up)
    return ["hurry"]


def former_life(w, goaway):
    """The dialler forgets everything; its former HELLO must not bring that back."""
    w.exchange(True, [], fresh=True)
    former = w.link(True, hold="d")
    hellos(w, former)
    if goaway:
        # the listener hears of it on a carrier that works
        w.link(True)
        w.turn_until("the last carrier of that life", w.up)
    w.must(CMD.TUNNEL_DEL, {A.NAME: text("d")})
    if goaway:
        w.turn_until("GOAWAY", lambda: not w.carriers())
    w.streams = {"d": Stream(), "l": Stream()}
    w.new_dialler()
    for service, (opener, _) in w.targets.items():
        if opener == "d":
            w.new_listener(opener, service)
    w.begin(small)
    w.link(True)
    w.turn_until("end of the exchange", w.no_session)
    former.release()
    refused(w, former)
    w.begin(small)
    w.turn_until("end of the next exchange", w.no_session)
    return ["epochs"]


def late(w, side, unit, before):
    """
    What a carrier held comes when the next one is attached to the dialler
    (before: and not yet to the listener, which may read it then).
    """
    w.mode(True)
    a = w.link(True, Cut(side, 3, unit, "late"))
    w.begin(small)
    w.turn_until("the cut", lambda: a.cut_at)
    # A message of the other side may be under way too.
    w.turn_until("quiet", lambda: True)
    if before:
        b = w.link(True, hold="d")
        hellos(w, b)
        a.release()
        b.release()
    else:
        # It is up when the listener's HELLO has passed, and then waits.
        b = w.link(True, Cut("l", 0, "lane", "late"))
        w.turn_until("the next carrier", w.up)
        a.release()
        w.turn_until("end of the former carrier",
                     lambda: all(h.over or a.closed for h in a.halves.values()))
        b.release()
    w.turn_until("end of the exchange", w.no_session)
    w.link(True)
    w.turn_until("HELLOs that tell what was received", w.settled)
    return [a.cut_at]


def orders(w):
    with Group(w, "HELLOs in another order") as g:
        cases = []
        for fresh in (True, False):
            cases += [("%s first" % (order,), lambda o=order, f=fresh: swapped(w, f, o))
                      for order in ((1, 0), (2, 0, 1), (2, 1, 0), (1, 2, 0), (0, 2, 1))]
            cases.append(("answer lost", lambda f=fresh: answer_lost(w, f)))
        cases += [("hurry %d" % n, lambda n=n: hurry(w, n))
                  for n in range(2, 40 if LONG else 6)]
        for name, case in cases[::STRIDE]:
            g.case(name, case)


def lates(w):
    with Group(w, "bytes of a former carrier") as g:
        cases = [(s, k, b) for b in (False, True) for s in "dl" for k in KINDS[s]]
        for side, kind, before in cases[::STRIDE]:
            g.case("late %s %s" % (side, kind),
                   lambda s=side, k=kind, b=before: late(w, s, k, b))


def life(w):
    for goaway in (True, False):
        with Group(w, "a HELLO of a former life, %s" %
                   ("after good-bye" if goaway else "without good-bye"), restarts=1) as g:
            g.case("former life", lambda: former_life(w, goaway))


def counters(w):
    s = w.stats()
    for counter in ("lane_resumes", "lane_replayed_bytes", "carriers_replaced"):
        result("%s: %d" % (counter, s[counter]), None if s[counter] else "it is 0")


GROUPS = [without, records, frames, first_hello, later_hello, replay, three, large, orders, lates,
          life] + ([every_byte] if LONG else []) + [counters]


def main():
    wanted = sys.argv[1:]
    begin = time.monotonic()
    w = World()
    try:
        for group in GROUPS:
            if not wanted or group.__name__ in wanted:
                group(w)
        w.end()
    except Wrong as e:
        result("outside of the cases", str(e))
        w.show()
    print("# %.1f s in all, %.1f s of user, %.1f s of system time" %
          (time.monotonic() - begin, *os.times()[:2]))
    done()


main()
