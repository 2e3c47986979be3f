# SPDX-License-Identifier: GPL-2.0
"""
caller.py MODE ADDRESS PORT: connections to a listener that wants PROXY headers.

headers: in pieces, with what follows in one segment, and wrong ones. silent, half: what is
not kept. tls ... CA: a ClientHello right behind the header. ask ... SOURCE: what a site says
to a caller from there, or "nothing". hold: a request that never ends.
"""
import socket
import ssl
import struct
import sys
import time

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"
LOCAL = "192.0.2.1"


def v1(source):
    return ("PROXY TCP4 %s %s 4000 443\r\n" % (source, LOCAL)).encode()


def v2(source, tlvs=b"", command=0x21):
    body = socket.inet_aton(source) + socket.inet_aton(LOCAL) + struct.pack(">HH", 4000, 443) + tlvs
    return SIGNATURE + bytes([command, 0x11]) + struct.pack(">H", len(body)) + body


def answer(s):
    said = b""
    try:
        while data := s.recv(65536):
            said += data
    except ConnectionResetError:
        pass
    return said.partition(b"\r\n\r\n")[2].decode().strip()


def exchange(where, pieces):
    """What the site says, after these pieces, each of them a segment."""
    with socket.create_connection(where, 60) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                s.sendall(piece)
                # a segment of its own: it is acknowledged before the next one goes
                while len(pieces) > 1 and struct.unpack("I", ioctl_outq(s))[0]:
                    time.sleep(0.001)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer(s)


def ioctl_outq(s):
    import fcntl
    return fcntl.ioctl(s, 0x5411, b"\0" * 4)  # SIOCOUTQ


def must_say(what, wanted, said):
    if wanted != said:
        raise AssertionError("%s: wanted %r, got %r" % (what, wanted, said))


def headers(where):
    source = "203.0.113.50"
    wanted = "%s %s 443 http" % (source, LOCAL)
    for name, header in (("v1", v1(source)), ("v2", v2(source)), ("TLVs", v2(source, b"\4\2\0" + b"x" * 512))):
        must_say(name, wanted, exchange(where, [header + REQUEST]))
        must_say(name + ", then the request", wanted, exchange(where, [header, REQUEST]))
        whole = header + REQUEST
        for at in (1, 11, 12, 13, 15, 16, 17, len(header) - 1, len(header) + 1):
            must_say("%s, cut at %d" % (name, at), wanted, exchange(where, [whole[:at], whole[at:]]))
    header = v2(source)
    must_say("bytes", wanted, exchange(where, [bytes([b]) for b in header] + [REQUEST]))
    # its own connection: it is from where it comes
    must_say("LOCAL", "198.51.100.2 198.51.100.1 %d http" % where[1], exchange(where, [v2(source, command=0x20) + REQUEST]))
    must_say("UNKNOWN", "198.51.100.2 198.51.100.1 %d http" % where[1], exchange(where, [b"PROXY UNKNOWN\r\n" + REQUEST]))
    for name, wrong in (("no header", REQUEST), ("version 3", SIGNATURE + b"\x31\x11\0\0"),
                        ("longer than 2048", SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 65535),
                        ("1 MB of v1", b"PROXY TCP4 " + b"1" * 1000000), ("no end", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n")):
        must_say(name, "", exchange(where, [wrong]))


def closed(where, first):
    """How long until it is closed on us?"""
    with socket.create_connection(where, 60) as s:
        s.settimeout(60)
        began = time.monotonic()
        if first:
            s.sendall(first)
        try:
            data = s.recv(1)
        except ConnectionResetError:
            data = b""
        took = time.monotonic() - began
        if data or took > 20:
            raise AssertionError("%r after %.1f s" % (data, took))


def tls(where, ca):
    context = ssl.create_default_context(cafile=ca)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = context.wrap_bio(incoming, outgoing, server_hostname="a.example")
    with socket.create_connection(where, 60) as s:
        try:
            t.do_handshake()
        except ssl.SSLWantReadError:
            pass
        s.sendall(v2("203.0.113.51") + outgoing.read())
        while True:
            try:
                t.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(outgoing.read())
                incoming.write(s.recv(65536))
        t.write(REQUEST)
        s.sendall(outgoing.read())
        said = b""
        while True:
            try:
                data = t.read(65536)
                if not data:
                    break
                said += data
            except ssl.SSLWantReadError:
                more = s.recv(65536)
                if not more:
                    break
                incoming.write(more)
    must_say("TLS", "203.0.113.51 %s 443 http" % LOCAL, said.partition(b"\r\n\r\n")[2].decode().strip())


def hold(where):
    with socket.create_connection(where, 60) as s:
        s.sendall(v1("192.0.2.77") + b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        time.sleep(60)


def main():
    mode, where = sys.argv[1], (sys.argv[2], int(sys.argv[3]))
    if mode == "headers":
        headers(where)
    elif mode == "silent":
        closed(where, b"")
    elif mode == "half":
        closed(where, v2("192.0.2.1")[:20])
    elif mode == "tls":
        tls(where, sys.argv[4])
    elif mode == "ask":
        print(exchange(where, [v1(sys.argv[4]) + REQUEST]) or "nothing")
    elif mode == "hold":
        hold(where)


try:
    main()
except AssertionError as e:
    sys.exit("caller.py: %s" % e)
