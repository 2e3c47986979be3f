# SPDX-License-Identifier: GPL-2.0
"""
A generic-netlink client for tests: it sends any bytes and shows exactly what
the kernel answers. For scripts in this folder: from genl import *

Numbers of commands and attributes come from the uAPI header, by their names
there: CMD.TUNNEL_NEW, A.NAME.
"""
import errno
import os
import re
import socket
import struct
import sys
from types import SimpleNamespace

HERE = os.path.dirname(os.path.realpath(__file__))
HEADER = os.path.join(HERE, "../../include/uapi/linux/tunnel_netlink.h")

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_CAPPED = 0x100
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS = 1, 2
NETLINK_GENERIC = 16
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 1, 10, 11
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3fff


def _numbers():
    with open(HEADER) as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    found = {}
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, re.S):
        found.update((name, i) for i, name in enumerate(re.findall(r"\w+", body)))
    return found


def _named(prefix):
    return SimpleNamespace(**{name[len(prefix):]: value
                              for name, value in _numbers().items()
                              if name.startswith(prefix)})


CMD = _named("TUNNEL_CMD_")
A = _named("TUNNEL_A_")
ENDPOINT = _named("TUNNEL_ENDPOINT_")
NAME_OF = {value: name for name, value in vars(A).items()}


def attr(number, payload, length=None):
    """The bytes of an attribute; length: what its header says if not the truth."""
    if length is None:
        length = 4 + len(payload)
    return struct.pack("=HH", length, number) + payload + b"\0" * (-len(payload) % 4)


def text(s):
    return (s if isinstance(s, bytes) else s.encode()) + b"\0"


def u8(v):
    return struct.pack("=B", v)


def u32(v):
    return struct.pack("=I", v)


def s32(v):
    return struct.pack("=i", v)


def u64(v):
    return struct.pack("=Q", v)


def address(host, port):
    """struct sockaddr_in or sockaddr_in6"""
    if ":" in host:
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + \
            socket.inet_pton(socket.AF_INET6, host) + u32(0)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + \
        socket.inet_aton(host) + bytes(8)


def show_address(raw):
    """The reverse: (host, port)."""
    family, = struct.unpack_from("=H", raw)
    port, = struct.unpack_from("!H", raw, 2)
    if family == socket.AF_INET6:
        return socket.inet_ntop(family, raw[8:24]), port
    return socket.inet_ntop(family, raw[4:8]), port


def parse(raw):
    """Attributes by number; the last of a number wins, as in the kernel."""
    found = {}
    while len(raw) >= 4:
        length, number = struct.unpack_from("=HH", raw)
        if length < 4:
            break
        found[number & NLA_TYPE_MASK] = raw[4:length]
        raw = raw[(length + 3) & ~3:]
    return found


class Answer:
    """errno, sentence and offset of the ACK; messages: [attributes] before it."""

    def __init__(self, request):
        self.request = request
        self.errno = 0
        self.sentence = ""
        self.offset = None
        self.messages = []

    @property
    def about(self):
        """Number of the attribute that the refusal points to, or None."""
        if self.offset is None:
            return None
        return struct.unpack_from("=H", self.request, self.offset + 2)[0] & NLA_TYPE_MASK

    def __str__(self):
        return "%s, '%s'%s" % (
            errno.errorcode.get(self.errno, "no error") if self.errno else "no error",
            self.sentence,
            "" if self.about is None else ", about %s" % NAME_OF.get(self.about, self.about))


class Genl:
    def __init__(self, family="tunnel"):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.s.bind((0, 0))
        self.s.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.s.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.s.settimeout(20)
        self.seq = 0
        self.family = GENL_ID_CTRL
        found = self.call(CTRL_CMD_GETFAMILY, attr(CTRL_ATTR_FAMILY_NAME, text(family)))
        if found.errno:
            sys.exit("no generic-netlink family '%s': %s" % (family, found))
        self.family, = struct.unpack("=H", found.messages[0][CTRL_ATTR_FAMILY_ID])
        # a list of nests, each with name (1) and id (2)
        self.groups = {}
        for group in parse(found.messages[0].get(CTRL_ATTR_MCAST_GROUPS, b"")).values():
            group = parse(group)
            self.groups[group[1][:-1].decode()], = struct.unpack("=I", group[2])

    def port(self):
        return self.s.getsockname()[0]

    def close(self):
        self.s.close()

    def join(self, group):
        self.s.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.groups[group])

    def call(self, cmd, attrs=b"", dump=False, version=1, reserved=0):
        """attrs: bytes, or {number: payload}."""
        if isinstance(attrs, dict):
            attrs = b"".join(attr(n, p) for n, p in attrs.items())
        self.seq += 1
        flags = NLM_F_REQUEST | (NLM_F_DUMP if dump else NLM_F_ACK)
        body = struct.pack("=BBH", cmd, version, reserved) + attrs
        request = struct.pack("=IHHII", 16 + len(body), self.family, flags, self.seq, 0) + body
        answer = Answer(request)
        self.s.send(request)
        while not self._take(self.s.recv(1 << 17), answer):
            pass
        return answer

    def _take(self, datagram, answer):
        """Return: whether the answer is whole now."""
        while len(datagram) >= 16:
            length, kind, flags, seq, _ = struct.unpack_from("=IHHII", datagram)
            body, datagram = datagram[16:length], datagram[(length + 3) & ~3:]
            if seq != self.seq:
                continue
            if kind not in (NLMSG_ERROR, NLMSG_DONE):
                answer.messages.append(parse(body[4:]))
                continue
            if len(body) >= 4:
                answer.errno = -struct.unpack_from("=i", body)[0]
            skip = 4
            if kind == NLMSG_ERROR:
                echoed, = struct.unpack_from("=I", body, 4)
                skip += 16 if flags & NLM_F_CAPPED else (echoed + 3) & ~3
            tlvs = parse(body[skip:])
            answer.sentence = tlvs.get(NLMSGERR_ATTR_MSG, b"\0")[:-1].decode(errors="replace")
            if NLMSGERR_ATTR_OFFS in tlvs:
                answer.offset, = struct.unpack("=I", tlvs[NLMSGERR_ATTR_OFFS])
            return True
        return False

    def info(self, what):
        return struct.unpack("=I", self.call(CMD.INFO_GET).messages[0][what])[0]

    def state(self):
        """All that a refused request must leave as it was."""
        return [self.info(A.GENERATION)] + \
            [self.call(c, dump=True).messages
             for c in (CMD.TUNNEL_GET, CMD.SERVICE_GET, CMD.LISTENER_GET)] + \
            [[m[A.CARRIER_ID] for m in self.call(CMD.CARRIER_GET, dump=True).messages]]


# --- results, as in lib.sh -----------------------------------------------------

failures = 0


def result(name, why=None):
    """why: None means that it is as it should be."""
    global failures
    if why is None:
        print("ok", name, flush=True)
    else:
        print("not ok %s: %s" % (name, why), flush=True)
        failures += 1


def same(name, wanted, got):
    result(name, None if wanted == got else "wanted %r, got %r" % (wanted, got))


def done():
    """The script's end: its status tells whether all was well."""
    sys.exit(1 if failures else 0)


def judge(answer, want, sentence, about=None):
    """What is wrong with a refusal: None, or words."""
    if answer.errno != want:
        return "wanted %s, got %s" % (errno.errorcode.get(want, "no error"), answer)
    if not re.search(sentence, answer.sentence) or not answer.sentence:
        return "no '%s' in '%s'" % (sentence, answer.sentence)
    if about is not None and answer.about != about:
        return "wanted it to point to %s, got %s" % (NAME_OF[about], answer)
    return None


def refuse(nl, name, want, sentence, cmd, attrs=b"", about=None, **how):
    """One request that must fail in this way and change nothing."""
    before = nl.state()
    why = judge(nl.call(cmd, attrs, **how), want, sentence, about)
    if why is None and nl.state() != before:
        why = "it was refused, but something changed"
    result(name, why)


def accept(nl, name, cmd, attrs=b""):
    """One request that must succeed. Return: its answer."""
    answer = nl.call(cmd, attrs)
    result(name, None if not answer.errno else str(answer))
    return answer


def less(attrs, *numbers):
    """attrs without some of them."""
    return {n: p for n, p in attrs.items() if n not in numbers}


# --- sockets with kernel TLS ---------------------------------------------------

TCP_ULP, SOL_TLS, TLS_TX, TLS_RX = 31, 282, 1, 2
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
AES_GCM_128, AES_CCM_128 = 51, 53


def pair(host="127.0.0.1"):
    """Two ends of a TCP connection."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen()
        a = socket.create_connection(listener.getsockname())
        b, _ = listener.accept()
    a.settimeout(10)
    b.settimeout(10)
    return a, b


def ulp(*socks):
    for s in socks:
        s.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")


def key(sock, direction, seed, cipher=AES_GCM_128, version=TLS_1_2):
    """Keys that anybody knows: iv, key, salt, record number. The socket has the ULP."""
    sock.setsockopt(SOL_TLS, direction, struct.pack("=HH", version, cipher) +
                    bytes([seed]) * 8 + bytes([seed + 1]) * 16 + bytes([seed + 2]) * 4 + bytes(8))


def encrypt(sender, receiver, seed, cipher=AES_GCM_128, version=TLS_1_2):
    """One direction of a connection."""
    key(sender, TLS_TX, seed, cipher, version)
    key(receiver, TLS_RX, seed, cipher, version)


def receive(s, n):
    """n bytes, or what there is before the end. (A socket with a time-out is one that does
    not block: MSG_WAITALL says nothing there.)"""
    got = bytearray()
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            break
        got += part
    return bytes(got)


def talks(a, b):
    """Does the connection still carry bytes, both ways? None, or what is wrong."""
    for one, other, data in ((a, b, b"to and "), (b, a, b"fro")):
        try:
            one.sendall(data)
            got = b""
            while len(got) < len(data):
                more = other.recv(len(data) - len(got))
                if not more:
                    return "the connection was closed"
                got += more
        except OSError as e:
            return "the connection: %s" % e
        if got != data:
            return "the connection carries %r for %r" % (got, data)
    return None
