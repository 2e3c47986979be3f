# SPDX-License-Identifier: GPL-2.0
"""
cost.py COST SIZE ROUNDS REQUESTS SAVES OFF: one tunnel with itself, one carrier; what a
request and its answer cost through the relays and by AF_TUNNEL sockets, which must save
SAVES per cent by itself (these programs have CAP_NET_ADMIN), and OFF with "direct off". The programs are the same, and so is
what they do.
"""
import socket
import statistics
import subprocess
import sys

from genl import A, CMD, Genl, done, result, text, u32, u8
from unload import join, must

COST, SIZE, ROUNDS, REQUESTS = sys.argv[1:5]
SAVES, OFF = map(int, sys.argv[5:7])


def measure(name, where):
    """Return: instructions for a request, the median of the rounds."""
    said = subprocess.run([COST, "run", where, SIZE, ROUNDS, REQUESTS], check=True, capture_output=True, text=True)
    rounds = [list(map(int, line.split())) for line in said.stdout.splitlines()]
    each = [took / n for took, n, _ in rounds]
    idle = sum(r[2] for r in rounds) / sum(r[0] for r in rounds)
    print("# %s: %d instructions for a request (%d to %d), idle for %.3f of them" %
          (name, statistics.median(each), min(each), max(each), idle), flush=True)
    # time that nothing ran is no instruction
    result("%s requests of %s bytes: %s" % (REQUESTS, SIZE, name), None if idle < 0.02 else "it waited")
    return statistics.median(each)


def tunnels(nl, settings):
    """A tunnel with itself. Return: where a server listens, where the relays lead there,
    and the two servers, of it and of sockets."""
    # the kernel hears of the address before the server has it
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = join(nl, service, settings)
        there = "tcp:127.0.0.1:%d" % service.getsockname()[1]
    must(nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("cost"), A.OWNER_UID: u32(0)}))
    servers = [subprocess.Popen([COST, "serve", where, SIZE], stdout=subprocess.PIPE)
               for where in (there, "tunnel::cost")]
    for server in servers:
        if server.stdout.readline() != b"ready\n":
            sys.exit("a server does not listen")
    return there, "tcp:127.0.0.1:%d" % port, servers


def end(nl, servers):
    for server in servers:
        server.kill()
        server.wait()
    must(nl.call(CMD.FLUSH))


def saved(name, least, sockets, relays):
    saves = 100 * (1 - sockets / relays)
    print("# %s / relays: %.3f" % (name, sockets / relays), flush=True)
    result("%s saves %d per cent of the relays' instructions" % (name, least),
           None if saves >= least else "%.1f" % saves)


def main():
    nl = Genl()
    there, listener, servers = tunnels(nl, {})
    measure("TCP without a tunnel", there)
    relays = measure("through the relays", listener)
    sockets = measure("by AF_TUNNEL", "tunnel:d:cost")
    end(nl, servers)
    _, _, servers = tunnels(nl, {A.DIRECT: u8(0)})
    off = measure("by AF_TUNNEL, direct off", "tunnel:d:cost")
    end(nl, servers)
    saved("AF_TUNNEL", SAVES, sockets, relays)
    saved("AF_TUNNEL, direct off,", OFF, off, relays)
    done()


main()
