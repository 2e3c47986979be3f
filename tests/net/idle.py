# SPDX-License-Identifier: GPL-2.0
"""
idle.py SESSIONS LIMIT LEFT: so many AF_TUNNEL streams by one carrier, of a tunnel with itself,
that do nothing; what each side of them takes of memory, at most LIMIT bytes of ours, and LEFT of them
when they are closed.

Both ends are in this process, as bare descriptors: objects would be memory too.
"""
import ctypes
import os
import re
import resource
import socket
import struct
import sys
import time

from af_tunnel import FAMILY, STREAM, address, libc
from genl import A, CMD, Genl, done, result, same, text, u32
from unload import join, must, until

COUNT, LIMIT, LEFT = map(int, sys.argv[1:])
# What every socket has, of whatever family: file, inode, and what a security module
# hangs on them. All other slabs count as ours.
NOT_OURS = re.compile(r"sock_inode_cache|filp|dentry|lsm_(file|inode)_cache|eventpoll|"
                      # of this process: its memory, what it reads from
                      r"vm_area|anon_vma|maple_node|vma_lock|(proc_|ext4_|shmem_|v9fs_)?inode_cache|"
                      r"seq_file|buffer_head|kmalloc-rnd|task|cred|pid|signal|sighand|files|mm_struct")
ASK = struct.Struct("=I12s")


def slabs():
    """Bytes in objects, by cache. Ours may go by another's name, with which it was merged."""
    merged = os.path.realpath("/sys/kernel/slab/TUNNEL")
    with open("/proc/slabinfo", encoding="ascii") as f:
        rows = [line.split() for line in list(f)[2:]]
    return {"TUNNEL" if os.path.realpath("/sys/kernel/slab/" + row[0]) == merged else row[0]:
            int(row[1]) * int(row[3]) for row in rows}


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as f:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in f}


class Memory:
    def __init__(self):
        # what is dead already and waits for RCU is nobody's
        time.sleep(1)
        self.slabs, m = slabs(), meminfo()
        # free pages on the lists of a CPU are in no sum
        with open("/proc/zoneinfo", encoding="ascii") as f:
            free = sum(4096 * int(line.split()[1]) for line in f if line.split()[0] == "count:")
        self.available = m["MemAvailable"] + free
        # as loose_kib of lib.sh: pages that are in no account; and those of vmalloc()
        self.pages = m["MemTotal"] - free - \
            sum(m[k] for k in ("MemFree", "Buffers", "Cached", "SwapCached", "Slab", "AnonPages",
                               "KernelStack", "PageTables", "Percpu"))

    def since(self, old):
        """Grown by, in bytes: slabs of ours, of others, pages, MemAvailable."""
        grown = {k: n - old.slabs.get(k, 0) for k, n in self.slabs.items() if n != old.slabs.get(k, 0)}
        ours = {k: n for k, n in grown.items() if not NOT_OURS.match(k)}
        return ours, sum(grown.values()) - sum(ours.values()), \
            self.pages - old.pages, old.available - self.available


def show(when, now, before):
    """A line or two about it. Return: bytes of ours for a session and side."""
    ours, others, pages, available = now.since(before)
    sides = 2 * COUNT
    each = (sum(ours.values()) + max(pages, 0)) / sides
    parts = sorted(ours.items(), key=lambda row: -abs(row[1]))
    print("# %s, bytes for each session and side: ours %.0f (slabs %.0f, pages %.0f), "
          "inode and file of the socket %.0f; MemAvailable %.0f" %
          (when, each, sum(ours.values()) / sides, pages / sides, others / sides, available / sides))
    print("#   " + ", ".join("%s %.1f" % (k, n / sides) for k, n in parts if abs(n) >= sides), flush=True)
    return each


def call(function, *args):
    got = function(*args)
    if got < 0:
        raise OSError(ctypes.get_errno(), function.__name__)
    return got


def listen():
    fd = call(libc.socket, FAMILY, STREAM, 0)
    call(libc.bind, fd, address("", "idle"), 128)
    call(libc.listen, fd, 16)
    return fd


def talk(one, other, n, way):
    """Some bytes, and they come back. Return: whether they are the same."""
    said = ASK.pack(n, way)
    os.write(one, said)
    heard = os.read(other, 100)
    os.write(other, heard[::-1])
    return heard == said and os.read(one, 100) == said[::-1]


def talk_all(pairs, way):
    wrong = [n for n, (a, b) in enumerate(pairs) if not talk(a, b, n, way)]
    return None if not wrong else "%d sessions, the first is number %d" % (len(wrong), wrong[0])


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * COUNT + 100,) * 2)
    nl = Genl()
    with socket.create_server(("127.0.0.1", 0)) as service:
        join(nl, service)
        must(nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("idle"), A.OWNER_UID: u32(0)}))
        # the first ones find out what there is to allocate once
        listener, there = listen(), address("d", "idle")
        # the table of descriptors and the list are not what is measured
        pairs = [(0, 0)] * COUNT
        top = os.dup2(listener, 2 * COUNT + 50)

        def connect():
            fd = call(libc.socket, FAMILY, STREAM, 0)
            call(libc.connect, fd, there, len(there))
            return fd, call(libc.accept, listener, None, None)

        def sessions():
            return len(nl.call(CMD.SESSION_GET, dump=True).messages)

        warm = [connect() for _ in range(50)]
        talk_all(warm, b"warm")
        for fd in sum(warm, ()):
            os.close(fd)
        until("no session", lambda: sessions() == 0)

        before = Memory()
        begin = time.monotonic()
        for n in range(COUNT):
            pairs[n] = connect()
        opened = time.monotonic()
        same("%d sessions, each with two ends" % COUNT, 2 * COUNT, sessions())
        same("by one carrier", 2, len(nl.call(CMD.CARRIER_GET, dump=True).messages))
        fresh = show("never used", Memory(), before)
        result("%d bytes of ours at most" % LIMIT, None if fresh <= LIMIT else "%.0f" % fresh)
        begun = time.monotonic()
        result("all of them answer", talk_all(pairs, b"there"))
        spoke = time.monotonic()
        used = show("used, and idle again", Memory(), before)
        result("%d bytes when they have been used" % LIMIT, None if used <= LIMIT else "%.0f" % used)
        result("and all answer again", talk_all(pairs, b"still there?"))
        print("# %.1f s to open them, %.1f s to ask them all" % (opened - begin, spoke - begun), flush=True)

        begin = time.monotonic()
        for fd in sum(pairs, ()):
            os.close(fd)
        until("no session", lambda: sessions() == 0)
        result("none is left")
        # a carrier gives pages of its ring back when it has not needed them for a while
        left = show("closed (%.1f s)" % (time.monotonic() - begin), Memory(), before)
        while left > LEFT and time.monotonic() < begin + 30:
            time.sleep(1)
            left = show("closed (%.1f s)" % (time.monotonic() - begin), Memory(), before)
        result("and their memory is back", None if left <= LEFT else "%.0f bytes of each are left" % left)
        os.close(top)
        os.close(listener)
        must(nl.call(CMD.FLUSH))
    done()


main()
