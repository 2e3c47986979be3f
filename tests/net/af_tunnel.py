# SPDX-License-Identifier: GPL-2.0
"""AF_TUNNEL for tests: sockets in any namespace of the test, addresses, options.

Python knows neither the family nor its addresses: what has to do with them goes by
the C library. The rest is Python's own, by socket objects that say AF_UNIX.
"""
import contextlib
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import threading

libc = ctypes.CDLL(None, use_errno=True)
BIN = os.environ["TUNNEL_SRC"] + "/build/bin/"
TUNNELCTL, IN_NS = BIN + "tunnelctl", BIN + "in_ns"
FAMILY = int(os.environ.get("TUNNEL_FAMILY", "25"))
SOL_TUNNEL = 0x544e
INFO, PEER_PIN, PROTOCOL, PRIORITY, UUID = range(1, 6)
STREAM, SEQPACKET = socket.SOCK_STREAM, socket.SOCK_SEQPACKET
SIOCINQ, SIOCOUTQ = 0x541b, 0x5411
INFO_FIELDS = ("state reason blocked accepted carrier_id session_id rtt_us rx_window "
               "tx_bytes rx_bytes tx_queued rx_queued tx_credit age_ms direct").split()


def name(code):
    if code == errno.EOPNOTSUPP:    # Python has the same number as ENOTSUP
        return "EOPNOTSUPP"
    return errno.errorcode.get(code, str(code)) if code else "0"


@contextlib.contextmanager
def netns(ns):
    """The calling thread in a namespace; sockets stay in the one they are made in."""
    old = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    new = os.open("/run/netns/" + ns, os.O_RDONLY)
    assert libc.setns(new, 0x40000000) == 0
    try:
        yield
    finally:
        assert libc.setns(old, 0x40000000) == 0
        os.close(old)
        os.close(new)


def tctl(ns, *words):
    done = subprocess.run([IN_NS, ns, TUNNELCTL, *words],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("tunnelctl %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.stdout


def sessions(ns):
    return json.loads(tctl(ns, "-j", "session", "show"))


def address(tunnel, service, family=None, length=128):
    packed = struct.pack("=H63s63s", FAMILY if family is None else family,
                         tunnel.encode(), service.encode())
    return packed[:length]


def call(function, s, raw):
    """Return: 0 or the errno."""
    if function(s.fileno(), raw, len(raw)) == 0:
        return 0
    return ctypes.get_errno()


def connect(s, tunnel, service, **kw):
    return call(libc.connect, s, address(tunnel, service, **kw))


def bind(s, tunnel, service, **kw):
    return call(libc.bind, s, address(tunnel, service, **kw))


def make(family, kind, protocol=0):
    """socket(); raises OSError"""
    fd = libc.socket(family, kind, protocol)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "socket")
    return socket.socket(socket.AF_UNIX, kind, 0, fileno=fd)


def new(ns, kind=STREAM):
    with netns(ns):
        return make(FAMILY, kind)


def parse(raw, length):
    family, tunnel, service = struct.unpack("=H63s63s", raw.raw[:128])
    assert (family, length.value) == (FAMILY, 128), (family, length.value)
    return tunnel.rstrip(b"\0").decode(), service.rstrip(b"\0").decode()


def ask_name(function, s):
    """getsockname() or getpeername(): tunnel and service; raises OSError"""
    raw, length = ctypes.create_string_buffer(200), ctypes.c_int(200)
    if function(s.fileno(), raw, ctypes.byref(length)):
        raise OSError(ctypes.get_errno(), "name")
    return parse(raw, length)


def sockname(s):
    return ask_name(libc.getsockname, s)


def peername(s):
    return ask_name(libc.getpeername, s)


def accept(s):
    """Return: the socket, and the name of the peer as accept() gave it"""
    raw, length = ctypes.create_string_buffer(200), ctypes.c_int(200)
    fd = libc.accept(s.fileno(), raw, ctypes.byref(length))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "accept")
    return socket.socket(socket.AF_UNIX, s.type, 0, fileno=fd), parse(raw, length)


def info(s):
    return dict(zip(INFO_FIELDS, struct.unpack("=BBBBIQIIQQQQQQB7x",
                                               s.getsockopt(SOL_TUNNEL, INFO, 80))))


def error_of(function, *args):
    """Return: name of the errno that a call fails with, "0" if it does not."""
    try:
        function(*args)
    except OSError as e:
        return name(e.errno)
    return "0"


class Background(threading.Thread):
    """A call in a thread of its own; result() waits for it."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call, self.value, self.failure = (function, args), None, None
        self.start()

    def run(self):
        try:
            self.value = self.call[0](*self.call[1])
        except BaseException as e:  # pylint: disable=broad-except
            self.failure = e

    def result(self, seconds=60):
        self.join(seconds)
        if self.is_alive():
            raise TimeoutError("%s: no end in %d s" % (self.call[0], seconds))
        if self.failure:
            raise self.failure
        return self.value
