# SPDX-License-Identifier: GPL-2.0
"""
carriers.py MODULE TRAFFIC COST LOADS ROUNDS SEED: carriers with known keys come, break
in every way and are replaced, while TRAFFIC compares bytes in sessions that must
outlive all of it, and COST those of AF_TUNNEL sockets, whose programs do the work of
the carriers themselves. Both ends of the tunnel are here. LOADS times from insmod to
rmmod, each with ROUNDS carriers.
"""
import random
import re
import subprocess
import sys
import time

from genl import A, CMD, ENDPOINT, Genl, address, encrypt, pair, s32, socket, struct, text, u32, u8, ulp

LIMIT = 100
dice = random.Random(int(sys.argv[6]))


def must(answer):
    if answer.errno:
        sys.exit("%s" % answer)
    return answer


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            sys.exit("not within %d s: %s" % (LIMIT, what))
        time.sleep(0.01)


def unload():
    return subprocess.run(["rmmod", "tunnel"], stderr=subprocess.DEVNULL).returncode == 0


def stat(nl, name):
    reply = must(nl.call(CMD.STATS_GET)).messages[0][A.STATS]
    at = reply.index(name.encode() + b"\0")
    # the value's attribute follows the name's, perhaps behind a padding one
    at += len(name) + 1
    at += -at % 4
    while True:
        length, number = struct.unpack_from("=HH", reply, at)
        if number == A.STAT_VALUE:
            return struct.unpack_from("=Q", reply, at + 4)[0]
        at += (length + 3) & ~3


def destroy(sock):
    """A reset that comes from nowhere: both sides of the socket see an error."""
    subprocess.run(["ss", "-HK", "src", "127.0.0.1:%d" % sock.getsockname()[1]],
                   stdout=subprocess.DEVNULL, check=True)


class Carrier:
    """A connection whose ends become carriers of tunnel d and tunnel l."""

    def __init__(self, nl):
        self.nl = nl
        self.a, self.b = pair()
        ulp(self.a, self.b)
        encrypt(self.a, self.b, 1)
        encrypt(self.b, self.a, 7)
        self.id = {}

    def attach(self, name):
        sock = self.a if name == "d" else self.b
        answer = self.nl.call(CMD.CARRIER_ATTACH, {
            A.NAME: text(name), A.FD: s32(sock.fileno()), A.PEER_PIN: bytes(32)})
        if not answer.errno:
            self.id[name] = answer.messages[0][A.CARRIER_ID]
        elif "too many carriers" not in answer.sentence and "not connected" not in answer.sentence:
            sys.exit("attach to %s: %s" % (name, answer))

    def delete(self, name):
        if name in self.id:
            # it may be over already
            self.nl.call(CMD.CARRIER_DEL, {A.CARRIER_ID: self.id[name]})

    def harm(self):
        sock = dice.choice((self.a, self.b))
        kind = dice.randrange(8)
        try:
            if kind < 3:
                sock.shutdown((socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR)[kind])
            elif kind == 3:
                destroy(sock)
            elif kind < 6:
                self.delete(dice.choice("dl"))
            # else: the next carrier takes its place
        except OSError:
            pass                # not connected any more

    def close(self):
        """Our descriptors only; what is attached is the kernel's."""
        self.a.close()
        self.b.close()


def one_carrier(nl):
    c = Carrier(nl)
    order = dice.choice(("dl", "ld", "dl", "ld", "d", "l"))
    for name in order:
        if dice.randrange(3) == 0:
            time.sleep(dice.random() / 20)
        c.attach(name)
    if dice.randrange(4):
        # let some bytes pass, or at least HELLO
        time.sleep(dice.random() ** 3 / 2)
    c.harm()
    return c


def serve(module, traffic, port):
    subprocess.run(["insmod", module], check=True)
    nl = Genl()
    common = {A.PEER_PIN: bytes(32), A.KEY: text("/none"), A.GRACE: u32(600000),
              A.DIRECT: u8(1)}
    must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text("d"), A.ROLE: u8(0), A.REMOTE: text("x:1"), **common}))
    must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text("l"), A.ROLE: u8(1), A.LOCAL: text("x:1"), **common}))
    must(nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("s"), A.ADDRESS: address("127.0.0.1", port)}))
    ports = []
    for name in "dl":
        there = must(nl.call(CMD.LISTENER_NEW, {A.NAME: text(name), A.SERVICE: text("s"),
                                                A.ADDRESS: address("127.0.0.1", 0)}))
        ports.append(str(int.from_bytes(there.messages[0][A.ADDRESS][2:4], "big")))
    return nl, ports


class Sockets:
    """Programs with sockets: a server behind each end of the tunnel, and who asks it."""

    def __init__(self, nl, cost):
        self.cost = cost
        self.servers = []
        for service in "xy":
            must(nl.call(CMD.SERVICE_NEW, {A.SERVICE: text(service), A.OWNER_UID: u32(0)}))
            self.servers.append(subprocess.Popen([cost, "serve", "tunnel::" + service, "20000"],
                                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        for server in self.servers:
            if server.stdout.readline() != b"ready\n":
                sys.exit("a server does not listen")

    def run(self, way, requests="5"):
        return subprocess.Popen([self.cost, "run", ("tunnel:d:x", "tunnel:l:y")[way], "20000", "1", requests],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self):
        for server in self.servers:
            server.kill()
            server.wait()


def run(traffic, port, requests):
    return subprocess.Popen([traffic, "run", "127.0.0.1", port, "3", requests, "20000", "30000",
                             str(LIMIT)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def load(module, traffic, cost, port, rounds):
    nl, ports = serve(module, traffic, port)
    sockets = Sockets(nl, cost)
    again = [lambda p=p: run(traffic, p, "5") for p in ports] + [lambda w=w: sockets.run(w) for w in (0, 1)]
    running = [f() for f in again]
    done = 0
    kept = []
    for _ in range(rounds):
        kept.append(one_carrier(nl))
        if len(kept) > 3:
            kept.pop(0).close()
        for i, p in enumerate(running):
            if p.poll() is None:
                continue
            if p.returncode:
                sys.exit("traffic: %s" % p.stdout.read())
            done += 1
            running[i] = again[i]()
    for c in kept:
        c.delete("d")
        c.delete("l")
        c.close()
    # One that is left in peace: all must end well by it.
    until("pending carriers go", lambda: not nl.call(CMD.CARRIER_GET, dump=True).messages)
    last = Carrier(nl)
    last.attach("l")
    last.attach("d")
    for p in running:
        out, _ = p.communicate(timeout=2 * LIMIT)
        if p.returncode:
            sys.exit("traffic, at the end: %s" % out)
        done += 1
    until("sessions end", lambda: not nl.call(CMD.SESSION_GET, dump=True).messages)
    restarts = stat(nl, "lane_restarts")
    if restarts:
        sys.exit("a lane began again %d times" % restarts)
    replayed = stat(nl, "lane_replayed_bytes")
    # and once more, to be flushed in the middle of it
    run_on = [run(traffic, p, "100000") for p in ports]
    asking = [sockets.run(w, "100000") for w in (0, 1)]
    start = stat(nl, "payload_bytes_rx")
    until("bytes", lambda: stat(nl, "payload_bytes_rx") > start + 100000)
    # or they would find no tunnel any more: both ends of both are sockets
    until("sockets are connected", lambda: [m[A.ENDPOINT][0] for m in nl.call(
        CMD.SESSION_GET, dump=True).messages].count(ENDPOINT.STREAM) == 4)
    last.close()
    pending = [Carrier(nl) for _ in range(dice.randrange(3))]
    for c in pending:
        c.attach("l")
    must(nl.call(CMD.FLUSH))
    for c in pending:
        c.close()
    for p in asking:
        out, _ = p.communicate(timeout=LIMIT)
        if not re.search("Software caused connection abort", out):
            sys.exit("sockets, after flush: %s" % out)
    sockets.end()
    nl.close()
    if dice.randrange(2):
        until("rmmod", unload)
    for p in run_on:
        out, _ = p.communicate(timeout=LIMIT)
        if not re.search("reset by peer|Broken pipe|refused", out) or re.search("stuck|Invalid", out):
            sys.exit("traffic, after flush: %s" % out)
    until("rmmod", lambda: unload() or "tunnel " not in open("/proc/modules").read())
    return done, replayed


def main():
    module, traffic, cost = sys.argv[1:4]
    loads, rounds = map(int, sys.argv[4:6])
    port = 9900
    server = subprocess.Popen([traffic, "serve", "127.0.0.1", str(port)], stderr=subprocess.PIPE,
                              text=True)
    for n in range(1, loads + 1):
        done, replayed = load(module, traffic, cost, port, rounds)
        print("# load %d: %d carriers, %d times traffic, %d bytes sent again" % (
            n, rounds, done, replayed), flush=True)
    server.terminate()
    said = [line for line in server.stderr if "reset by peer" not in line and
            "Broken pipe" not in line]
    if said:
        sys.exit("the service: %s" % "".join(said))


main()
