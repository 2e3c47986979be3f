# SPDX-License-Identifier: GPL-2.0
"""
silent.py NAMESPACE: carriers in that namespace whose other end, in ours, says
nothing and closes nothing until our standard input ends. Three wait for HELLO,
three have said good-bye and wait for the end of the other side. We hold nothing
of NAMESPACE when we say "ready".
"""
import ctypes
import os
import sys

from genl import A, CMD, Genl, encrypt, s32, socket, text, u8, ulp

libc = ctypes.CDLL(None, use_errno=True)
here = os.open("/proc/self/ns/net", os.O_RDONLY)
there = os.open("/run/netns/" + sys.argv[1], os.O_RDONLY)


def enter(fd):
    if libc.setns(fd, 0):
        sys.exit("setns: %s" % os.strerror(ctypes.get_errno()))


def must(answer):
    if answer.errno:
        sys.exit("%s" % answer)


def carrier(nl, name):
    with socket.socket() as listener:
        listener.bind(("203.0.113.2", 0))
        listener.listen()
        enter(there)
        a = socket.create_connection(listener.getsockname(), 20)
        enter(here)
        b, _ = listener.accept()
    ulp(a, b)
    encrypt(a, b, 1)
    encrypt(b, a, 7)
    # the descriptor is one of this process, wherever it is now
    must(nl.call(CMD.CARRIER_ATTACH, {A.NAME: text(name), A.FD: s32(a.fileno()),
                                      A.PEER_PIN: bytes(32)}))
    a.close()
    return b


enter(there)
nl = Genl()
enter(here)
common = {A.PEER_PIN: bytes(32), A.KEY: text("/none")}
must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text("pending"), A.ROLE: u8(1), A.LOCAL: text("x:1"), **common}))
held = [carrier(nl, "pending") for _ in range(3)]
for i in range(3):
    name = "bye%d" % i
    must(nl.call(CMD.TUNNEL_NEW, {A.NAME: text(name), A.ROLE: u8(0), A.REMOTE: text("x:1"), **common}))
    held.append(carrier(nl, name))
for i in range(3):
    must(nl.call(CMD.TUNNEL_DEL, {A.NAME: text("bye%d" % i)}))
nl.close()
os.close(there)
print("ready", flush=True)
sys.stdin.read()
