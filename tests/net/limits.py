# SPDX-License-Identifier: GPL-2.0
"""
limits.py MODE ADDRESS PORT [NUMBER...]: sessions and bytes against a limit.

serve: a server; a client's first line says "down N", "up N", "both N" or "stay". sessions N:
N come in and one more does not; when they have ended, N do again. many N: N at once. hold N:
N that stay. rate R: what comes in of far more than R in some seconds. down, up, both BYTES
[AT_ONCE [TOTAL [LISTENERS]]]: so many bytes a second, within bounds. crowd BYTES: one among
many short ones. fast BYTES: far more.
"""
import socket
import sys
import threading
import time


def receive(s, n=1 << 62):
    got = 0
    while got < n:
        data = s.recv(65536)
        if not data:
            break
        got += len(data)
    return got


def send(s, n):
    while n:
        n -= s.send(b"x" * min(n, 65536))


def serve_one(s):
    line = b""
    while not line.endswith(b"\n"):
        data = s.recv(1)
        if not data:
            return
        line += data
    what = line.split()
    if what[0] in (b"GET", b"HEAD"):
        s.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        return
    if what[0] == b"stay":
        s.sendall(b"+")
        receive(s)
        return
    n = int(what[1])
    threads = []
    if what[0] in (b"down", b"both"):
        threads.append(threading.Thread(target=send, args=(s, n)))
    for t in threads:
        t.start()
    if what[0] in (b"up", b"both"):
        receive(s, n)
    for t in threads:
        t.join()
    if what[0] == b"up":
        s.sendall(b"+")


def serve(where):
    def run(s):
        with s:
            try:
                serve_one(s)
            except OSError:
                pass

    listener = socket.create_server(where, backlog=256)
    while True:
        s, _ = listener.accept()
        threading.Thread(target=run, args=(s,), daemon=True).start()


def come_in(where):
    """A session that stays, or None: it was refused."""
    s = socket.socket()
    s.settimeout(60)
    try:
        s.connect(where)
        s.sendall(b"stay\n")
        if s.recv(1) == b"+":
            return s
    except (ConnectionResetError, BrokenPipeError):
        pass
    s.close()
    return None


def must(good, why):
    if not good:
        raise AssertionError(why)


def sessions(where, n):
    inside = [come_in(where) for _ in range(n)]
    must(all(inside), "%d of %d came in" % (sum(map(bool, inside)), n))
    must(not come_in(where), "one more than %d came in" % n)
    if not inside:
        return
    # one goes: there is room for one
    inside.pop().close()
    deadline = time.monotonic() + 30
    while not (one := come_in(where)):
        must(time.monotonic() < deadline, "nobody comes in where one has gone")
    inside.append(one)
    for s in inside:
        s.close()
    # they have gone when as many may come in at once
    while True:
        inside = [come_in(where) for _ in range(n)]
        full = all(inside)
        for s in filter(None, inside):
            s.close()
        if full:
            break
        must(time.monotonic() < deadline, "they do not go")


def many(where, n):
    inside = [come_in(where) for _ in range(n)]
    must(all(inside), "%d of %d came in" % (sum(map(bool, inside)), n))


def hold(where, n):
    inside = [come_in(where) for _ in range(n)]
    must(all(inside), "%d of %d came in" % (sum(map(bool, inside)), n))
    time.sleep(600)


def rate(where, r):
    """The first second has its burst; then it is the rate, whatever is tried."""
    began, came = time.monotonic(), 0
    while (took := time.monotonic() - began) < 3:
        s = come_in(where)
        if s:
            came += 1
            s.close()
    must(r < came <= r + r * took + 1, "%d came in within %.1f s" % (came, took))


def transfer(where, what, n, took):
    with socket.create_connection(where, 60) as s:
        s.settimeout(120)
        began = time.monotonic()
        s.sendall(b"%s %d\n" % (what.encode(), n))
        sender = None
        if what in ("up", "both"):
            sender = threading.Thread(target=send, args=(s, n))
            sender.start()
        got = receive(s, 1 if what == "up" else n)
        if sender:
            sender.join()
        took.append((time.monotonic() - began, got))


def bandwidth(where, what, per_second, at_once=1, total=1500000, listeners=1):
    n, took = total // at_once, []
    threads = [threading.Thread(target=transfer, args=((where[0], where[1] + i % listeners), what, n, took)) for i in range(at_once)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    must(len(took) == at_once and all(got == (1 if what == "up" else n) for _, got in took), "not all came: %s" % took)
    longest = max(t for t, _ in took)
    # a burst, and for each a frame; up, what it may send unasked, which is paid afterwards
    free = per_second / 8 + at_once * (65536 + (2 * 32768 if what != "down" else 0))
    least = (total - free) / per_second
    most = total / per_second * 1.5 + 3
    must(least <= longest <= most, "%d bytes took %.2f s, not %.2f to %.2f" % (total, longest, least, most))
    print("%d bytes in %.2f s" % (total, longest))


def crowd(where, per_second):
    """One that sends much gets its share while short ones come without end, more than fit."""
    stop = threading.Event()

    def short_ones():
        while not stop.is_set():
            try:
                transfer(where, "down", 20000, [])
            except OSError:
                pass

    others = [threading.Thread(target=short_ones) for _ in range(8)]
    for t in others:
        t.start()
    took = []
    transfer(where, "down", per_second // 2, took)
    stop.set()
    for t in others:
        t.join()
    # a ninth of the rate would be 4.5 s
    must(took[0][1] == per_second // 2 and took[0][0] < 30, "%r" % took)


def fast(where, per_second):
    took = []
    transfer(where, "down", 4 * per_second, took)
    must(took[0][1] == 4 * per_second and took[0][0] < 3, "%r" % took)


def main():
    mode, where, numbers = sys.argv[1], (sys.argv[2], int(sys.argv[3])), list(map(int, sys.argv[4:]))
    if mode in ("down", "up", "both"):
        bandwidth(where, mode, *numbers)
    else:
        globals()[mode](where, *numbers)


try:
    main()
except AssertionError as e:
    sys.exit("limits.py: %s" % e)
