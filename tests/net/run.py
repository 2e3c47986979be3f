# SPDX-License-Identifier: GPL-2.0
"""What a program sees of a connection that `tunnelctl run` leads over the tunnel.

run.sh starts it with these: web.home.tunnel.internal, db:80 and 192.0.2.7:80 and
[2001:db8::7]:80 are home/web; 127.0.0.1:8099 is home/nobody, though somebody listens
there; 127.0.0.1:8098 is not mapped.
"""
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import threading

NAME = "web.home.tunnel.internal"
ASK = b"GET /index.html HTTP/1.0\r\n\r\n"
SO_DOMAIN = 39
failed = 0


def result(name, test):
    global failed
    try:
        test()
        print("ok", name, flush=True)
    except Exception as e:  # pylint: disable=broad-except
        failed = 1
        print("not ok %s: %s: %s" % (name, type(e).__name__, e), flush=True)


def same(got, wanted):
    if got != wanted:
        raise AssertionError("wanted %r, got %r" % (wanted, got))


def error(function, *args):
    try:
        function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "0"


def page(s):
    s.sendall(ASK)
    said = b""
    while part := s.recv(65536):
        said += part
    same(said.endswith(b"\r\n\r\nHello through the tunnel.\n"), True)


def resolve(name, family=socket.AF_INET, port=80):
    return socket.getaddrinfo(name, port, family, socket.SOCK_STREAM)[0][4]


def blocking():
    for where in (resolve(NAME), ("192.0.2.7", 80), resolve("db"), (NAME.upper() + ".", 80)):
        s = socket.socket()
        s.settimeout(None)
        s.connect(where)
        page(s)


def ipv6():
    for where in (resolve(NAME, socket.AF_INET6), ("2001:db8::7", 80), ("::ffff:192.0.2.7", 80)):
        s = socket.socket(socket.AF_INET6)
        s.connect(where)
        same(s.getpeername()[:2], (where[0], 80))
        same(len(s.getsockname()), 4)
        page(s)


def names():
    s = socket.create_connection((NAME, 80))
    same(s.getpeername(), resolve(NAME))
    host, port = s.getsockname()
    same((host, port > 1023), ("127.0.0.1", True))
    same(s.getsockopt(socket.SOL_SOCKET, SO_DOMAIN), socket.AF_INET)
    other = socket.socket(fileno=os.dup(s.fileno()))
    same(other.getpeername(), resolve(NAME))
    s.close()
    page(other)
    other.close()
    # the next one has the numbers of these
    plain = socket.create_connection(("127.0.0.1", 8098))
    same(plain.getpeername(), ("127.0.0.1", 8098))


def old_functions():
    same(socket.gethostbyname(NAME), resolve(NAME)[0])
    same(socket.gethostbyname_ex(NAME)[2], [resolve(NAME)[0]])
    same(socket.getaddrinfo(NAME, "http", 0, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)[0][3], NAME)


def no_names():
    for name in ("tunnel.internal", "web.tunnel.internal", ".home.tunnel.internal",
                 "we%b.home.tunnel.internal", "x" * 64 + ".home.tunnel.internal"):
        try:
            socket.getaddrinfo(name, 80)
            raise AssertionError(name)
        except (socket.gaierror, UnicodeError):
            pass


def options():
    s = socket.create_connection((NAME, 80))
    tcp = socket.IPPROTO_TCP
    for level, option, value in ((tcp, socket.TCP_NODELAY, 1), (tcp, socket.TCP_KEEPIDLE, 60),
                                 (tcp, socket.TCP_USER_TIMEOUT, 1000), (tcp, socket.TCP_CORK, 1),
                                 (socket.IPPROTO_IP, socket.IP_TOS, 16),
                                 (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)):
        s.setsockopt(level, option, value)
    same(s.getsockopt(tcp, socket.TCP_NODELAY), 1)
    info = s.getsockopt(tcp, socket.TCP_INFO, 256)
    same((info[0], struct.unpack_from("=I", info, 68)[0] > 0), (1, True))
    same(error(s.setsockopt, tcp, 31, b"tls\0"), "ENOPROTOOPT")
    same(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    page(s)


def after_bind():
    s = socket.socket()
    s.bind(("127.0.0.2", 0))
    bound = s.getsockname()
    s.connect((NAME, 80))
    same(s.getsockname(), bound)
    page(s)


def flags():
    s = socket.socket()
    number = s.fileno()
    s.setblocking(False)
    os.set_inheritable(number, True)
    begun = error(s.connect, resolve(NAME))     # "0": the answer was faster
    same(begun in ("EINPROGRESS", "0"), True)
    same(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_NONBLOCK, os.O_NONBLOCK)
    same(os.get_inheritable(number), True)
    p = select.poll()
    p.register(s, select.POLLOUT)
    same(p.poll(30000), [(number, select.POLLOUT)])
    same(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    again = [error(s.connect, resolve(NAME)) for _ in range(2)]
    same(again, ["0" if begun == "EINPROGRESS" else "EISCONN", "EISCONN"])
    s.setblocking(True)
    page(s)


def timeouts():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
    s.connect((NAME, 80))
    same(error(s.recv, 1), "EAGAIN")


def epoll_before():
    """Registered while it was TCP, at two instances, with edges"""
    one, two = select.epoll(), select.epoll()
    s = socket.socket()
    s.setblocking(False)
    every = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
    one.register(s, every)
    two.register(s, select.EPOLLIN)
    one.poll(0)
    same(error(s.connect, resolve(NAME)) in ("EINPROGRESS", "0"), True)
    seen = 0
    while not seen & select.EPOLLOUT:
        events = one.poll(30)
        same([fd for fd, _ in events], [s.fileno()])
        seen |= events[0][1]
    s.send(ASK)
    same([fd for fd, _ in two.poll(30)], [s.fileno()])
    one.modify(s, select.EPOLLIN)
    one.unregister(s)
    s.setblocking(True)
    page_rest = b""
    while part := s.recv(65536):
        page_rest += part
    same(page_rest.endswith(b"tunnel.\n"), True)


def refused():
    same(error(socket.socket().connect, ("127.0.0.1", 8099)), "ECONNREFUSED")
    same(error(socket.socket().connect, resolve("db", port=81)), "ECONNREFUSED")
    same(error(socket.socket().connect, resolve("x.nowhere.tunnel.internal")), "ENOENT")
    same(error(socket.socket().connect, ("240.84.200.1", 80)), "ENETUNREACH")
    same(error(socket.socket(socket.AF_INET6).connect, ("100::f054:ffff", 80)), "ENETUNREACH")


def no_way_round():
    """UDP, and data in front of a connection"""
    u = socket.socket(type=socket.SOCK_DGRAM)
    same(error(u.connect, resolve(NAME)), "ENETUNREACH")
    same(error(u.sendto, b"x", resolve(NAME)), "ENETUNREACH")
    same(error(u.sendmsg, [b"x"], [], 0, resolve(NAME)), "ENETUNREACH")
    s = socket.socket()
    same(error(s.sendto, b"x", socket.MSG_FASTOPEN, ("192.0.2.7", 80)), "ENOTSUP")  # the same number


def later_elsewhere():
    s = socket.socket()
    same(error(s.connect, ("127.0.0.1", 8099)), "ECONNREFUSED")
    s.connect(("127.0.0.1", 8098))
    same(s.getpeername(), ("127.0.0.1", 8098))
    page(s)
    s = socket.create_connection(("127.0.0.1", 8098))
    same(error(s.connect, ("192.0.2.7", 80)), "EISCONN")
    page(s)


def fork():
    s = socket.create_connection((NAME, 80))
    child = os.fork()
    if not child:
        try:
            same(s.getpeername(), resolve(NAME))
            page(s)
            page(socket.create_connection((NAME, 80)))
            os._exit(0)
        except BaseException:  # pylint: disable=broad-except
            os._exit(1)
    same(os.waitpid(child, 0)[1], 0)


def threads():
    wrong = []

    def work(i):
        try:
            for n in range(10):
                s = socket.create_connection((NAME, 80) if (i + n) % 3 else ("127.0.0.1", 8098))
                same(s.getpeername()[0], resolve(NAME)[0] if (i + n) % 3 else "127.0.0.1")
                page(s)
                s.close()
        except Exception as e:  # pylint: disable=broad-except
            wrong.append(repr(e))

    several = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for t in several:
        t.start()
    for t in several:
        t.join()
    same(wrong, [])


result("connect(): names, addresses, in capitals, with a dot", blocking)
result("IPv6", ipv6)
result("getpeername() and getsockname(), also of a copy and its successor", names)
result("gethostbyname() and the canonical name", old_functions)
result("no such names, and no name server is asked", no_names)
result("options of TCP and IP", options)
result("connect() after bind()", after_bind)
result("without blocking: the same number, its flags, poll", flags)
result("timeouts are kept", timeouts)
result("registered with epoll before connect()", epoll_before)
result("what cannot go over the tunnel fails", refused)
result("UDP and fast open are no way round", no_way_round)
result("a socket that failed may go elsewhere, a connected one not", later_elsewhere)
result("fork()", fork)
result("threads", threads)
sys.exit(failed)
