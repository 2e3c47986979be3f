#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 25
#
# Requests that must be refused: each with the right errno and a sentence that
# says why, and with nothing changed. And the sockets that may not become a
# carrier.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..522
export PYTHONPATH=$TUNNEL_SRC/tests/net BIN

check "the module loads" load_module
hosts home gw
"$BIN/tunnelctl" keygen "$T/home.key" >"$T/home.pin"
PIN=$(grep -Eo '[0-9a-f]{64}' "$T/home.pin")
export T PIN

# python NS [COMMAND...]: a script on stdin, in a namespace, perhaps as somebody
python() {
	local ns=$1
	shift
	"$BIN/in_ns" "$ns" "$@" python3 - || TESTS_FAILED=1
}
# What tunnelctl shows of the configuration, to compare.
shown() {
	local what
	for what in tunnel service listener info; do
		tctl home -j $what show
	done 2>&1
}

# --- requests ------------------------------------------------------------------

# Objects that the refused requests must leave alone.
tctl home tunnel add old listen 127.0.0.1:4433 peer "$PIN" key "$T/home.key"
tctl home service add web 127.0.0.1:80
tctl home listener add 127.0.0.1:7001 to old/web
in_ns home socat TCP-LISTEN:7000,bind=127.0.0.1 /dev/null &
await 10 listens home 7000

before=$(shown)
python home <<'EOP'
from genl import *
nl = Genl()
pin = bytes(range(32))
DIAL = {A.NAME: text("new"), A.ROLE: u8(0), A.PEER_PIN: pin, A.REMOTE: text("h.example:1"),
        A.KEY: text("/etc/key")}
LISTEN = {A.NAME: text("new"), A.ROLE: u8(1), A.PEER_PIN: pin, A.LOCAL: text("127.0.0.1:4433"),
          A.KEY: text("/etc/key")}
SERVICE = {A.SERVICE: text("new"), A.ADDRESS: address("127.0.0.1", 80)}
LISTENER = {A.ADDRESS: address("127.0.0.1", 7002), A.NAME: text("old"), A.SERVICE: text("web")}
ATTACH = {A.NAME: text("old"), A.FD: s32(0), A.PEER_PIN: pin}
SESSION = {A.NAME: text("old"), A.SESSION_ID: u64(1)}
HANDED = {A.NAME: text("old"), A.SERVICE: text("web"), A.FD: s32(0)}
E = errno

# Without each of the attributes that a command needs.
for what, cmd, attrs in (
        ("a tunnel that dials", CMD.TUNNEL_NEW, DIAL),
        ("a tunnel that listens", CMD.TUNNEL_NEW, LISTEN),
        ("deletion of a tunnel", CMD.TUNNEL_DEL, {A.NAME: text("old")}),
        ("a look at a tunnel", CMD.TUNNEL_GET, {A.NAME: text("old")}),
        ("a service", CMD.SERVICE_NEW, SERVICE),
        ("deletion of a service", CMD.SERVICE_DEL, {A.SERVICE: text("web")}),
        ("a listener", CMD.LISTENER_NEW, LISTENER),
        ("deletion of a listener", CMD.LISTENER_DEL, {A.ADDRESS: address("127.0.0.1", 7001)}),
        ("a session", CMD.SESSION_NEW, HANDED),
        ("deletion of a session", CMD.SESSION_DEL, SESSION),
        ("a carrier", CMD.CARRIER_ATTACH, ATTACH),
        ("deletion of a carrier", CMD.CARRIER_DEL, {A.CARRIER_ID: u32(1)})):
    for number in attrs:
        refuse(nl, "%s needs %s" % (what, NAME_OF[number]), E.EINVAL,
               "^attribute %s is missing: " % NAME_OF[number], cmd, less(attrs, number))

# Attributes of a wrong length, cut off, unknown.
core = "attribute|Attribute|bytes leftover|integer out of range"
for cmd, attrs, number, payload in (
        (CMD.TUNNEL_NEW, DIAL, A.ROLE, b""), (CMD.TUNNEL_NEW, DIAL, A.ROLE, u32(0)),
        (CMD.TUNNEL_NEW, DIAL, A.PEER_PIN, b""), (CMD.TUNNEL_NEW, DIAL, A.PEER_PIN, pin[:31]),
        (CMD.TUNNEL_NEW, DIAL, A.PEER_PIN, pin + b"\0"),
        (CMD.TUNNEL_NEW, DIAL, A.CIPHERS, b"\1\0"), (CMD.TUNNEL_NEW, DIAL, A.CIPHERS, u64(1)),
        (CMD.TUNNEL_NEW, DIAL, A.GRACE, b"\1"), (CMD.TUNNEL_NEW, DIAL, A.GRACE, u64(1)),
        (CMD.SESSION_DEL, SESSION, A.SESSION_ID, u32(1)),
        (CMD.SESSION_DEL, SESSION, A.SESSION_ID, u64(1) * 2),
        (CMD.CARRIER_ATTACH, ATTACH, A.FD, b"\0\0"), (CMD.CARRIER_ATTACH, ATTACH, A.FD, u64(0)),
        (CMD.CARRIER_ATTACH, ATTACH, A.PEER_PIN, pin[:20]),
        (CMD.CARRIER_DEL, {}, A.CARRIER_ID, b"\1"), (CMD.CARRIER_DEL, {}, A.CARRIER_ID, u64(1))):
    name = "%s of %d bytes" % (NAME_OF[number], len(payload))
    before = nl.state()
    answer = nl.call(cmd, {**attrs, number: payload})
    # generic netlink's own check says ERANGE for some types, EINVAL for others
    why = judge(answer, answer.errno if answer.errno == E.ERANGE else E.EINVAL, core, number)
    result(name, why or (None if nl.state() == before else "something changed"))
for number, payload in ((A.KEY, b"/k"), (A.REMOTE, b"h:1"), (A.NAME, b"new"), (A.NAME, b"")):
    refuse(nl, "%s '%s' without its final zero" % (NAME_OF[number], payload.decode()), E.EINVAL,
           core, CMD.TUNNEL_NEW, {**DIAL, number: payload}, number)
for number in (A.REMOTE, A.KEY):
    for size in (0, 256, 60000):
        refuse(nl, "%s of %d characters" % (NAME_OF[number], size), E.EINVAL, "1 to 255 bytes",
               CMD.TUNNEL_NEW, {**DIAL, number: text("/" * size)}, number)
for size in (0, 256):
    refuse(nl, "LOCAL of %d characters" % size, E.EINVAL, "1 to 255 bytes",
           CMD.TUNNEL_NEW, {**LISTEN, A.LOCAL: text("/" * size)}, A.LOCAL)
whole = b"".join(attr(n, p) for n, p in DIAL.items())
refuse(nl, "an attribute that nobody knows", E.EINVAL, "[Uu]nknown attribute",
       CMD.TUNNEL_NEW, whole + attr(500, u32(1)))
refuse(nl, "an attribute newer than this module", E.EINVAL, "[Uu]nknown attribute",
       CMD.TUNNEL_NEW, whole + attr(max(NAME_OF) + 1, u32(1)))
refuse(nl, "an attribute that only the kernel sends", E.EINVAL, "[Uu]nsupported attribute",
       CMD.TUNNEL_NEW, whole + attr(A.SESSIONS, u32(2)), A.SESSIONS)
refuse(nl, "an attribute of number 0", E.EINVAL, "[Uu]nsupported attribute|[Uu]nknown attribute",
       CMD.TUNNEL_NEW, whole + attr(0, u32(1)))
refuse(nl, "a string that claims to be a nest", E.EINVAL, "NLA_F_NESTED",
       CMD.TUNNEL_NEW, less(DIAL, A.NAME) | {A.NAME | NLA_F_NESTED: text("new")})
for name, tail in (("three bytes", b"\1\2\3"), ("a header of length 3", attr(A.GRACE, b"", 3)),
                   ("a header of length 0", attr(A.GRACE, u32(1), 0)),
                   ("an attribute longer than the message", attr(A.GRACE, u32(1), 400))):
    refuse(nl, "%s at the end" % name, E.EINVAL, "bytes leftover", CMD.TUNNEL_NEW, whole + tail)
refuse(nl, "a reserved field that is set", E.EINVAL, "reserved", CMD.TUNNEL_NEW, DIAL, reserved=1)

# Names.
for number, cmd, attrs in ((A.NAME, CMD.TUNNEL_NEW, DIAL), (A.SERVICE, CMD.SERVICE_NEW, SERVICE)):
    for what, name in (("empty", b""), ("with a slash", b"a/b"), ("in capitals", b"Home"),
                       ("with a space", b"a b"), ("with a line break", b"a\n"),
                       ("of 64 characters", b"a" * 64), ("of 2000 characters", b"a" * 2000),
                       ("in UTF-8", "zürich".encode()), ("in no encoding", b"a\xff\xfe")):
        refuse(nl, "%s %s" % (NAME_OF[number], what), E.EINVAL,
               "^a name is 1 to 63 characters of a-z, 0-9, '.', '_' and '-'$",
               cmd, {**attrs, number: text(name)}, number)
refuse(nl, "a list of the sessions of a tunnel 'A'", E.EINVAL, "^a name is", CMD.SESSION_GET,
       {A.NAME: text("A")}, dump=True)

# Addresses.
v4, v6 = address("127.0.0.1", 7003), address("::1", 7003)
for what, raw in (("of 0 bytes", b""), ("of 2 bytes", v4[:2]), ("of 15 bytes", v4[:15]),
                  ("of 17 bytes", v4 + b"\0"), ("of 27 bytes", v6[:27]), ("of 29 bytes", v6 + b"\0"),
                  ("AF_INET of 28 bytes", v4 + bytes(12)), ("AF_INET6 of 16 bytes", v6[:16]),
                  ("AF_UNIX of 16 bytes", b"\1\0" + v4[2:]),
                  ("AF_UNIX", b"\1\0/run/socket" + bytes(97)),
                  ("AF_UNSPEC", bytes(16)), ("of 128 bytes", v6 + bytes(100))):
    for number, cmd, attrs in ((1, CMD.SERVICE_NEW, SERVICE), (2, CMD.LISTENER_NEW, LISTENER)):
        refuse(nl, "address %s of a %s" % (what, ("service", "listener")[number - 1]), E.EINVAL,
               "^an address is a whole struct sockaddr_in", cmd, {**attrs, A.ADDRESS: raw},
               A.ADDRESS)
refuse(nl, "deletion of a listener by an address of 3 bytes", E.EINVAL, "^an address is",
       CMD.LISTENER_DEL, {A.ADDRESS: v4[:3]}, A.ADDRESS)
for host in ("127.0.0.1", "::1"):
    refuse(nl, "a service that leads to port 0 of %s" % host, E.EINVAL, "port from 1 to 65535",
           CMD.SERVICE_NEW, {**SERVICE, A.ADDRESS: address(host, 0)}, A.ADDRESS)

# Paths.
unix = struct.pack("=H", socket.AF_UNIX)
for what, raw in (("that is relative", unix + b"run/x\0"), ("that is empty", unix + b"\0"), ("without its end", unix + b"/run/x"),
                  ("of an abstract socket", unix + b"\0x\0"), ("with a zero in it", unix + b"/a\0b\0"),
                  ("with a blank in it", unix + b"/a b\0"), ("with a byte of Latin 1", unix + b"/\xe4\0"),
                  ("of 108 bytes", unix + b"/" + b"x" * 107 + b"\0")):
    refuse(nl, "a listener at a path %s" % what, E.EINVAL, "^an address is", CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: raw}, A.ADDRESS)
path = unix + b"/run/x\0"
refuse(nl, "a service at a path", E.EINVAL, "paths are for TARGET", CMD.SERVICE_NEW, {**SERVICE, A.ADDRESS: path}, A.ADDRESS)
refuse(nl, "routes at a path", E.EINVAL, "leads to one service", CMD.LISTENER_NEW, {A.ADDRESS: path, A.ROUTES: text("to old/web")}, A.ADDRESS)
refuse(nl, "a client at a path", E.EINVAL, "^an address is", CMD.SESSION_NEW, {A.NAME: text("old"), A.SERVICE: text("web"), A.FD: s32(0), A.PEER_ADDR: path}, A.PEER_ADDR)
refuse(nl, "a group without an owner", E.EINVAL, "name both", CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: path, A.OWNER_GID: u32(0)})
for number, value in ((A.MODE, 0o600), (A.OWNER_UID, 0), (A.OWNER_GID, 0)):
    refuse(nl, "%s of an address" % NAME_OF[number], E.EINVAL, "about the file", CMD.LISTENER_NEW, {**LISTENER, number: u32(value)})
refuse(nl, "a mode of 5 digits", E.EINVAL, "reserved bit", CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: path, A.MODE: u32(0o1600)}, A.MODE)
refuse(nl, "a path in a folder that is not there", E.ENOENT, "does its directory exist", CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: unix + b"/none/x\0"}, A.ADDRESS)

# Who, and how much.
network = struct.pack("=BBH16s", 0, 128, 0, bytes(16))
for what, raw in (("of half a network", network[:10]), ("of one and a half", network + network[:10]), ("of 65", network * 65),
                  ("of 129 bits", b"\0\x81" + network[2:]), ("that neither allows nor denies", b"\2" + network[1:]),
                  ("with a bit behind its prefix", b"\0\x7f" + network[2:-1] + b"\1"),
                  ("with something reserved", network[:2] + b"\1" + network[3:])):
    refuse(nl, "an access list %s" % what, E.EINVAL, "^an access list is", CMD.SERVICE_NEW, {**SERVICE, A.ADDRESS: v4, A.ACCESS: raw}, A.ACCESS)
for value in (1, 1023, (1 << 40) + 1, (1 << 64) - 1):
    for what, cmd, attrs in (("service", CMD.SERVICE_NEW, {**SERVICE, A.ADDRESS: v4}), ("tunnel", CMD.TUNNEL_NEW, DIAL)):
        refuse(nl, "a bandwidth of %d for a %s" % (value, what), E.ERANGE, "1024 to 1099511627776", cmd, {**attrs, A.LIMIT_BANDWIDTH: u64(value)}, A.LIMIT_BANDWIDTH)
refuse(nl, "nothing to change of a service", E.EINVAL, "none of TARGET", CMD.SERVICE_SET, {A.SERVICE: text("web")})
refuse(nl, "limits of a service that is not there", E.ENOENT, "no such service", CMD.SERVICE_SET, {A.SERVICE: text("none"), A.LIMIT_RATE: u32(1)})

# Values.
refuse(nl, "role 2", E.ERANGE, "out of range", CMD.TUNNEL_NEW, {**DIAL, A.ROLE: u8(2)}, A.ROLE)
refuse(nl, "role 255", E.ERANGE, "out of range", CMD.TUNNEL_NEW, {**DIAL, A.ROLE: u8(255)}, A.ROLE)
refuse(nl, "no cipher at all", E.EINVAL, "at least one cipher", CMD.TUNNEL_NEW,
       {**DIAL, A.CIPHERS: u32(0)}, A.CIPHERS)
for bits in (8, 9, 0x80000000, 0xffffffff):
    refuse(nl, "ciphers %#x" % bits, E.EINVAL, "reserved bit", CMD.TUNNEL_NEW,
           {**DIAL, A.CIPHERS: u32(bits)}, A.CIPHERS)
for ms in (86400001, 0xffffffff):
    refuse(nl, "a grace time of %u ms" % ms, E.ERANGE, "at most 86400000 ms", CMD.TUNNEL_NEW,
           {**DIAL, A.GRACE: u32(ms)}, A.GRACE)
def pins(*numbers):
    return b"".join(bytes([n]) * 32 for n in numbers)


SET = {A.NAME: text("old"), A.PEER_PIN: pins(1)}
for size in (0, 1, 31, 33, 63, 255, 257, 288):
    refuse(nl, "PEER_PINS of %d bytes" % size, E.EINVAL, "1 to 8 times 32 bytes", CMD.TUNNEL_NEW,
           {**less(DIAL, A.PEER_PIN), A.PEER_PINS: pins(*range(9))[:size]}, A.PEER_PINS)
refuse(nl, "one of PEER_PINS twice", E.EEXIST, "there twice", CMD.TUNNEL_NEW,
       {**less(DIAL, A.PEER_PIN), A.PEER_PINS: pins(1, 2, 1)}, A.PEER_PINS)
refuse(nl, "PEER_PIN and PEER_PINS", E.EINVAL, "either PEER_PIN or PEER_PINS", CMD.TUNNEL_NEW,
       {**DIAL, A.PEER_PINS: pins(1, 2)}, A.PEER_PINS)
refuse(nl, "a change of no tunnel", E.EINVAL, "^attribute NAME is missing", CMD.TUNNEL_SET,
       less(SET, A.NAME))
refuse(nl, "a change of nothing", E.EINVAL, "say what is to be another one", CMD.TUNNEL_SET,
       less(SET, A.PEER_PIN))
refuse(nl, "a change of a tunnel that is not there", E.ENOENT, "no tunnel of this name",
       CMD.TUNNEL_SET, {**SET, A.NAME: text("nobody")}, A.NAME)
for number, payload in ((A.ROLE, u8(1)), (A.LOCAL, text("127.0.0.1:1")), (A.CIPHERS, u32(1)),
                        (A.GRACE, u32(1)), (A.DIRECT, u8(0)), (A.ALLOW_UIDS, u32(1)), (A.FD, s32(0))):
    refuse(nl, "a change of %s" % NAME_OF[number], E.EINVAL, "does not change while a tunnel is there",
           CMD.TUNNEL_SET, {**SET, number: payload}, number)
for size in (0, 31, 288):
    refuse(nl, "a change to PEER_PINS of %d bytes" % size, E.EINVAL, "1 to 8 times", CMD.TUNNEL_SET,
           {A.NAME: text("old"), A.PEER_PINS: pins(*range(9))[:size]}, A.PEER_PINS)
refuse(nl, "a change to a key at no absolute path", E.EINVAL, "must be absolute", CMD.TUNNEL_SET,
       {A.NAME: text("old"), A.KEY: text("key")}, A.KEY)
refuse(nl, "a change to both kinds of pins", E.EINVAL, "either PEER_PIN or PEER_PINS", CMD.TUNNEL_SET,
       {**SET, A.PEER_PINS: pins(1, 2)}, A.PEER_PINS)
PSK = {**less(DIAL, A.KEY), A.PSK: text("/psk"), A.PSK_IDENTITY: text("both")}
for number in (A.PEER_PIN, A.PSK, A.PSK_IDENTITY):
    refuse(nl, "a tunnel with a PSK needs %s" % NAME_OF[number], E.EINVAL,
           "^attribute %s is missing: " % NAME_OF[number], CMD.TUNNEL_NEW, less(PSK, number))
refuse(nl, "PSK and KEY", E.EINVAL, "either KEY.*or PSK", CMD.TUNNEL_NEW, {**PSK, A.KEY: text("/k")}, A.KEY)
refuse(nl, "PSK and PEER_PINS", E.EINVAL, "one PEER_PIN", CMD.TUNNEL_NEW,
       {**less(PSK, A.PEER_PIN), A.PEER_PINS: pins(1, 2)}, A.PEER_PINS)
refuse(nl, "PSK at no absolute path", E.EINVAL, "must be absolute", CMD.TUNNEL_NEW,
       {**PSK, A.PSK: text("psk")}, A.PSK)
refuse(nl, "PSK_IDENTITY in capitals", E.EINVAL, "^a name is", CMD.TUNNEL_NEW,
       {**PSK, A.PSK_IDENTITY: text("Both")}, A.PSK_IDENTITY)
refuse(nl, "a change to a PSK without its name", E.EINVAL, "^attribute PSK_IDENTITY is missing",
       CMD.TUNNEL_SET, {**SET, A.PSK: text("/psk")})
refuse(nl, "a change to a PSK without its fingerprint", E.EINVAL, "^attribute PEER_PIN is missing",
       CMD.TUNNEL_SET, {A.NAME: text("old"), A.PSK: text("/psk"), A.PSK_IDENTITY: text("both")})
refuse(nl, "a change to the name of a PSK that is not there", E.EINVAL, "^attribute PSK is missing",
       CMD.TUNNEL_SET, {A.NAME: text("old"), A.PSK_IDENTITY: text("both")})
CA = {**less(DIAL, A.PEER_PIN), A.PEER_CA: text("/ca"), A.PEER_AUTH_NAME: text("peer.example"), A.CERT: text("/c")}
for number, name in ((A.PEER_CA, "PEER_CA"), (A.PEER_AUTH_NAME, "PEER_AUTH_NAME"), (A.KEY, "KEY")):
    refuse(nl, "a tunnel with an authority needs %s" % name, E.EINVAL, "^attribute %s is missing: " % name,
           CMD.TUNNEL_NEW, less(CA, number))
for number, more in ((A.PEER_CA, {A.PEER_PIN: pins(1)}), (A.PEER_CA, {A.PEER_PINS: pins(1, 2)}),
                     (A.PEER_CA, {A.PSK: text("/psk"), A.PSK_IDENTITY: text("both")})):
    refuse(nl, "an authority and %s" % NAME_OF[list(more)[0]], E.EINVAL, "known by .*, not by both", CMD.TUNNEL_NEW,
           {**less(CA, A.KEY), **more}, number)
refuse(nl, "a PSK and a certificate", E.EINVAL, "either KEY.*or PSK", CMD.TUNNEL_NEW, {**PSK, A.CERT: text("/c")})
for number in (A.PEER_CA, A.CERT):
    refuse(nl, "%s at no absolute path" % NAME_OF[number], E.EINVAL, "must be absolute", CMD.TUNNEL_NEW,
           {**CA, number: text("x")}, number)
for number in (A.PEER_CA, A.PEER_AUTH_NAME, A.PSK):
    refuse(nl, "%s of no characters" % NAME_OF[number], E.EINVAL, "1 to 255 bytes", CMD.TUNNEL_SET,
           {A.NAME: text("old"), number: text("")}, number)
for number in (A.PEER_CA, A.PEER_AUTH_NAME, A.PSK, A.CERT):
    refuse(nl, "%s of 256 characters" % NAME_OF[number], E.EINVAL, "1 to 255 bytes", CMD.TUNNEL_SET,
           {A.NAME: text("old"), number: text("/" * 256)}, number)
refuse(nl, "a change to an authority without a name", E.EINVAL, "^attribute PEER_AUTH_NAME is missing",
       CMD.TUNNEL_SET, {A.NAME: text("old"), A.PEER_CA: text("/ca")})
for path in ("key", "./key", "~/key"):
    refuse(nl, "key path '%s'" % path, E.EINVAL, "must be absolute", CMD.TUNNEL_NEW,
           {**DIAL, A.KEY: text(path)}, A.KEY)

# What is there already, and what is not.
refuse(nl, "a second tunnel of one name", E.EEXIST, "tunnel of this name exists", CMD.TUNNEL_NEW,
       {**DIAL, A.NAME: text("old")}, A.NAME)
taken = bytes.fromhex(os.environ["PIN"])
refuse(nl, "a second tunnel for one peer on one LOCAL", E.EEXIST, "the same peer", CMD.TUNNEL_NEW,
       {**LISTEN, A.PEER_PIN: taken}, A.PEER_PIN)
refuse(nl, "one that would have this peer among others", E.EEXIST, "the same peer", CMD.TUNNEL_NEW,
       {**less(LISTEN, A.PEER_PIN), A.PEER_PINS: pins(1, 2) + taken}, A.PEER_PINS)
refuse(nl, "a second service of one name", E.EEXIST, "service of this name exists",
       CMD.SERVICE_NEW, {**SERVICE, A.SERVICE: text("web")})
refuse(nl, "a second listener on one address", E.EEXIST, "listener on this address exists",
       CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: address("127.0.0.1", 7001)}, A.ADDRESS)
refuse(nl, "a listener where another program listens", E.EADDRINUSE, "in use", CMD.LISTENER_NEW,
       {**LISTENER, A.ADDRESS: address("127.0.0.1", 7000)})
refuse(nl, "a listener on all addresses where another program listens", E.EADDRINUSE, "in use",
       CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: address("0.0.0.0", 7000)})
for host in ("192.0.2.1", "2001:db8::1"):
    refuse(nl, "a listener on %s" % host, E.EADDRNOTAVAIL, "not one of this host",
           CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: address(host, 7003)})
refuse(nl, "a listener on a multicast address", E.EINVAL, "cannot listen on this address",
       CMD.LISTENER_NEW, {**LISTENER, A.ADDRESS: address("ff02::1", 7003)})
none = "^there is no tunnel of this name"
for name, cmd, attrs in (
        ("a service for a tunnel that is not there", CMD.SERVICE_NEW, SERVICE),
        ("a listener to a tunnel that is not there", CMD.LISTENER_NEW, LISTENER),
        ("a carrier of a tunnel that is not there", CMD.CARRIER_ATTACH, ATTACH),
        ("a session of a tunnel that is not there", CMD.SESSION_DEL, SESSION),
        ("deletion of a tunnel that is not there", CMD.TUNNEL_DEL, {}),
        ("a look at a tunnel that is not there", CMD.TUNNEL_GET, {})):
    refuse(nl, name, E.ENOENT, none, cmd, {**attrs, A.NAME: text("nobody")}, A.NAME)
for name, sentence, cmd, attrs in (
        ("service", "no such service", CMD.SERVICE_DEL, {A.SERVICE: text("nobody")}),
        ("service of this tunnel", "no such service", CMD.SERVICE_DEL,
         {A.SERVICE: text("web"), A.NAME: text("old")}),
        ("listener", "no listener on this address", CMD.LISTENER_DEL,
         {A.ADDRESS: address("127.0.0.1", 7099)}),
        ("listener of IPv6", "no listener on this address", CMD.LISTENER_DEL,
         {A.ADDRESS: address("::1", 7001)}),
        ("session", "no such session", CMD.SESSION_DEL, SESSION),
        ("carrier", "no such carrier", CMD.CARRIER_DEL, {A.CARRIER_ID: u32(7)}),
        ("carrier 0", "no such carrier", CMD.CARRIER_DEL, {A.CARRIER_ID: u32(0)})):
    refuse(nl, "deletion of a %s that is not there" % name, E.ENOENT, sentence, cmd, attrs)

# Not ours to explain: generic netlink itself knows no such command.
for name, cmd in (("command 99", 99), ("a notification as a command", CMD.CARRIER_UP),
                  ("command 0", CMD.UNSPEC)):
    same("%s is not supported" % name, E.EOPNOTSUPP, nl.call(cmd).errno)
done()
EOP
same "tunnelctl sees that none of them changed anything" "$before" "$(shown)"

# --- what is at the edge, and accepted -----------------------------------------

python home <<'EOP'
from genl import *
nl = Genl()
pin = bytes(range(32))
DIAL = {A.ROLE: u8(0), A.PEER_PIN: pin, A.REMOTE: text("h:1"), A.KEY: text("/k")}
long = "a" * 63
generation = nl.info(A.GENERATION)
accept(nl, "a tunnel name of 63 characters", CMD.TUNNEL_NEW, {**DIAL, A.NAME: text(long)})
same("it raises the generation by one", generation + 1, nl.info(A.GENERATION))
same("and reads as it was written", text(long),
     nl.call(CMD.TUNNEL_GET, {A.NAME: text(long)}).messages[0][A.NAME])
accept(nl, "a service name of 63 characters", CMD.SERVICE_NEW,
       {A.SERVICE: text(long), A.NAME: text(long), A.ADDRESS: address("::1", 65535)})
accept(nl, "all characters of a name", CMD.TUNNEL_NEW,
       {**DIAL, A.NAME: text("abcdefghijklmnopqrstuvwxyz0123456789._-")})
accept(nl, "texts of 255 characters, the longest grace, one cipher", CMD.TUNNEL_NEW,
       {**DIAL, A.NAME: text("0"), A.REMOTE: text("r" * 255), A.KEY: text("/" * 255),
        A.GRACE: u32(86400000), A.CIPHERS: u32(4)})
accept(nl, "the same peer on another LOCAL", CMD.TUNNEL_NEW,
       {A.NAME: text("other"), A.ROLE: u8(1), A.PEER_PIN: bytes.fromhex(os.environ["PIN"]),
        A.LOCAL: text("127.0.0.2:4433"), A.KEY: text("/k")})
shown = lambda name: nl.call(CMD.TUNNEL_GET, {A.NAME: text(name)}).messages[0]
eight = b"".join(bytes([n]) * 32 for n in range(8))
listener = Genl()
listener.join("config")
accept(nl, "eight pins for a tunnel that is there", CMD.TUNNEL_SET,
       {A.NAME: text("other"), A.PEER_PINS: eight})
same("read as they were written", (eight, None, text("/k")),
     tuple(shown("other").get(n) for n in (A.PEER_PINS, A.PEER_PIN, A.KEY)))
told = listener.s.recv(1 << 16)
same("who listens is told", (CMD.TUNNEL_SET, eight), (told[16], parse(told[20:]).get(A.PEER_PINS)))
listener.close()
refuse(nl, "one of them on the same LOCAL", errno.EEXIST, "the same peer", CMD.TUNNEL_NEW,
       {A.NAME: text("third"), A.ROLE: u8(1), A.PEER_PIN: eight[64:96],
        A.LOCAL: text("127.0.0.2:4433"), A.KEY: text("/k")}, A.PEER_PIN)
accept(nl, "another key, and nothing else", CMD.TUNNEL_SET, {A.NAME: text("other"), A.KEY: text("/k2")})
same("the pins are as they were", (eight, text("/k2")),
     (shown("other")[A.PEER_PINS], shown("other")[A.KEY]))
accept(nl, "one pin, as PEER_PINS", CMD.TUNNEL_SET, {A.NAME: text("other"), A.PEER_PINS: eight[:32]})
same("is PEER_PIN", (eight[:32], None), (shown("other")[A.PEER_PIN], shown("other").get(A.PEER_PINS)))
accept(nl, "its own pin once more", CMD.TUNNEL_SET, {A.NAME: text("other"), A.PEER_PIN: eight[:32]})
accept(nl, "those that it had are free again", CMD.TUNNEL_NEW,
       {A.NAME: text("third"), A.ROLE: u8(1), A.PEER_PIN: eight[64:96],
        A.LOCAL: text("127.0.0.2:4433"), A.KEY: text("/k")})
refuse(nl, "but not the other way", errno.EEXIST, "the same peer", CMD.TUNNEL_SET,
       {A.NAME: text("other"), A.PEER_PINS: eight}, A.PEER_PINS)
accept(nl, "a PSK in the place of pins", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.PSK: text("/psk"), A.PSK_IDENTITY: text("both"),
        A.PEER_PIN: bytes([77]) * 32})
same("there is no key any more", (text("/psk"), text("both"), bytes([77]) * 32, None),
     tuple(shown("third").get(n) for n in (A.PSK, A.PSK_IDENTITY, A.PEER_PIN, A.KEY)))
refuse(nl, "a second one of this name on the same LOCAL", errno.EEXIST, "the same peer", CMD.TUNNEL_SET,
       {A.NAME: text("other"), A.PSK: text("/psk2"), A.PSK_IDENTITY: text("both"), A.PEER_PIN: bytes([78]) * 32},
       A.PEER_PIN)
accept(nl, "another name for it", CMD.TUNNEL_SET, {A.NAME: text("third"), A.PSK_IDENTITY: text("ours")})
same("the rest stays", (text("/psk"), text("ours"), bytes([77]) * 32),
     tuple(shown("third").get(n) for n in (A.PSK, A.PSK_IDENTITY, A.PEER_PIN)))
refuse(nl, "a key of its own beside it", errno.EINVAL, "either KEY.*or PSK", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.KEY: text("/k")}, A.KEY)
revision = shown("third")[A.REVISION]
accept(nl, "an authority in its place", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.PEER_CA: text("/ca"), A.PEER_AUTH_NAME: text("a.example"), A.KEY: text("/k"),
        A.CERT: text("/c")})
first = shown("third")
same("nothing of the PSK is left, either", (text("/ca"), text("a.example"), text("/k"), text("/c"), None, None, None),
     tuple(first.get(n) for n in (A.PEER_CA, A.PEER_AUTH_NAME, A.KEY, A.CERT, A.PSK, A.PSK_IDENTITY, A.PEER_PIN)))
accept(nl, "no certificate any more", CMD.TUNNEL_SET, {A.NAME: text("third"), A.CERT: text("")})
same("it is gone, and peers are judged as before", (None, first[A.REVISION]),
     (shown("third").get(A.CERT), shown("third")[A.REVISION]))
accept(nl, "another name", CMD.TUNNEL_SET, {A.NAME: text("third"), A.PEER_AUTH_NAME: text("b.example")})
same("peers are judged in another way", (text("/ca"), True),
     (shown("third")[A.PEER_CA], len({revision, first[A.REVISION], shown("third")[A.REVISION]}) == 3))
refuse(nl, "a second one of this name on the same LOCAL", errno.EEXIST, "the same peer", CMD.TUNNEL_SET,
       {A.NAME: text("other"), A.PEER_CA: text("/ca2"), A.PEER_AUTH_NAME: text("b.example")}, A.PEER_AUTH_NAME)
accept(nl, "and back to the PSK", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.PSK: text("/psk"), A.PSK_IDENTITY: text("ours"), A.PEER_PIN: bytes([77]) * 32})
refuse(nl, "a change back to pins needs a key", errno.EINVAL, "^attribute KEY is missing", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.PEER_PIN: eight[64:96]})
accept(nl, "with one it is done", CMD.TUNNEL_SET,
       {A.NAME: text("third"), A.PEER_PIN: eight[64:96], A.KEY: text("/k")})
same("nothing of the PSK is left", (None, None, text("/k")),
     tuple(shown("third").get(n) for n in (A.PSK, A.PSK_IDENTITY, A.KEY)))
accept(nl, "a service for one tunnel beside one of the same name for all", CMD.SERVICE_NEW,
       {A.SERVICE: text("web"), A.NAME: text("other"), A.ADDRESS: address("127.0.0.1", 81)})

for host in ("127.0.0.1", "::1"):
    answer = accept(nl, "a listener on port 0 of %s" % host, CMD.LISTENER_NEW,
                    {A.ADDRESS: address(host, 0), A.NAME: text("other"), A.SERVICE: text("web")})
    chosen = answer.messages[0][A.ADDRESS]
    there, port = show_address(chosen)
    same("the answer has the address and a port", (host, True), (there, port > 0))
    same("which is the one in the list", 1, sum(
        m[A.ADDRESS] == chosen for m in nl.call(CMD.LISTENER_GET, dump=True).messages))
    with socket.create_connection((host, port), 5) as s:
        result("and accepts connections")
    accept(nl, "and by which it can be removed", CMD.LISTENER_DEL, {A.ADDRESS: chosen})
    try:
        socket.create_connection((host, port), 5).close()
        result("then nobody listens there", "somebody does")
    except ConnectionRefusedError:
        result("then nobody listens there")
# bytes behind the end of a sockaddr_in mean nothing
padded = address("127.0.0.1", 7005)[:8] + b"whatever"
accept(nl, "a listener whose sin_zero is not zero", CMD.LISTENER_NEW,
       {A.ADDRESS: padded, A.NAME: text("other"), A.SERVICE: text("web")})
accept(nl, "goes by the address that made it", CMD.LISTENER_DEL, {A.ADDRESS: padded})

# Removing a tunnel removes what leads to it; FLUSH removes the rest.
accept(nl, "a listener of this tunnel", CMD.LISTENER_NEW,
       {A.ADDRESS: address("127.0.0.1", 7006), A.NAME: text("other"), A.SERVICE: text("web")})
accept(nl, "deletion of the tunnel", CMD.TUNNEL_DEL, {A.NAME: text("other")})
same("takes its service and listener along", 0, sum(
    m.get(A.NAME) == text("other") for c in (CMD.SERVICE_GET, CMD.LISTENER_GET)
    for m in nl.call(c, dump=True).messages))
accept(nl, "FLUSH", CMD.FLUSH)
same("leaves nothing", [[], [], [], []], nl.state()[1:])

# One daemon.
accept(nl, "a daemon registers", CMD.DAEMON_REGISTER)
same("INFO shows which", nl.port(), nl.info(A.DAEMON))
accept(nl, "registering twice by one socket is fine", CMD.DAEMON_REGISTER)
second = Genl()
refuse(second, "a second daemon", errno.EBUSY, "tunneld is running", CMD.DAEMON_REGISTER)
same("the first stays", nl.port(), nl.info(A.DAEMON))
nl.close()
same("until its socket is closed", 0, second.info(A.DAEMON))
accept(second, "then the second may register", CMD.DAEMON_REGISTER)
done()
EOP

# --- who may -------------------------------------------------------------------

tctl home tunnel add old listen 127.0.0.1:4433 peer "$PIN" key "$T/home.key"
before=$(shown)
# All commands but two need CAP_NET_ADMIN in the initial user namespace.
cat >"$T/who.py" <<'EOP'
import sys
from genl import *
who = sys.argv[1]
nl = Genl()
pin = bytes(range(32))
name = {A.NAME: text("old")}
wrong, silent = [], []
for cmd, attrs, dump in (
        ("TUNNEL_NEW", {A.NAME: text("new"), A.ROLE: u8(0), A.PEER_PIN: pin,
                        A.REMOTE: text("h:1"), A.KEY: text("/k")}, False),
        ("TUNNEL_SET", {**name, A.PEER_PIN: pin}, False),
        ("TUNNEL_DEL", name, False), ("TUNNEL_GET", name, False), ("TUNNEL_GET", {}, True),
        ("SERVICE_NEW", {A.SERVICE: text("s"), A.ADDRESS: address("127.0.0.1", 80)}, False),
        ("SERVICE_DEL", {A.SERVICE: text("s")}, False), ("SERVICE_GET", {}, True),
        ("LISTENER_NEW", {A.ADDRESS: address("127.0.0.1", 7100), **name,
                          A.SERVICE: text("s")}, False),
        ("LISTENER_DEL", {A.ADDRESS: address("127.0.0.1", 7100)}, False),
        ("LISTENER_GET", {}, True), ("SESSION_GET", {}, True),
        ("SESSION_DEL", {**name, A.SESSION_ID: u64(1)}, False),
        ("CARRIER_ATTACH", {**name, A.FD: s32(0), A.PEER_PIN: pin}, False),
        ("SESSION_NEW", {**name, A.SERVICE: text("s"), A.FD: s32(0)}, False),
        ("CARRIER_DEL", {A.CARRIER_ID: u32(1)}, False), ("CARRIER_GET", {}, True),
        ("DAEMON_REGISTER", {}, False), ("FLUSH", {}, False)):
    answer = nl.call(getattr(CMD, cmd), attrs, dump=dump)
    if answer.errno != errno.EPERM or answer.messages:
        wrong.append("%s: %s" % (cmd, answer))
    elif "CAP_NET_ADMIN" not in answer.sentence and not dump:
        silent.append(cmd)
result("%s gets EPERM for everything" % who, "; ".join(wrong) if wrong else None)
# Who lacks it even in the namespace is refused by generic netlink, in silence.
if len(sys.argv) < 3:
    result("and %s is told what is needed" % who,
           "no sentence for " + " ".join(silent) if silent else None)
for cmd in ("STATS_GET", "INFO_GET"):
    answer = nl.call(getattr(CMD, cmd))
    result("but for %s" % cmd, str(answer) if answer.errno or not answer.messages else None)
if len(sys.argv) > 2:
    for group in ("config", "events"):
        try:
            nl.join(group)
            result("%s cannot join the group %s" % (who, group), "could")
        except PermissionError:
            result("%s cannot join the group %s" % (who, group))
done()
EOP
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
in_ns home "${nobody[@]}" python3 "$T/who.py" nobody groups || TESTS_FAILED=1
in_ns home unshare -Ur python3 "$T/who.py" "root of a user namespace" groups || TESTS_FAILED=1
in_ns home unshare -Urn python3 "$T/who.py" "root of user and network namespace" ||
	TESTS_FAILED=1
same "tunnelctl sees that they changed nothing" "$before" "$(shown)"
for command in 'flush' '-j tunnel show' 'tunnel del old' 'monitor'; do
	# shellcheck disable=SC2086 # words, on purpose
	said=$(in_ns home timeout 10 "${nobody[@]}" "$BIN/tunnelctl" $command 2>&1)
	same "tunnelctl $command by nobody fails" 2 $?
	has "and says why" "$said" CAP_NET_ADMIN
done
check "tunnelctl info by nobody" in_ns home "${nobody[@]}" "$BIN/tunnelctl" info
check "tunnelctl stats by nobody" in_ns home "${nobody[@]}" "$BIN/tunnelctl" stats
tctl home flush

# --- sockets that may not become a carrier -------------------------------------

python home <<'EOP'
import ctypes
import tempfile
import time
from genl import *
nl = Genl()
E = errno
pin, other_pin = bytes(range(32)), bytes(32)
base = {A.ROLE: u8(0), A.PEER_PIN: pin, A.REMOTE: text("h:1"), A.KEY: text("/k")}
accept(nl, "a tunnel that dials", CMD.TUNNEL_NEW, {**base, A.NAME: text("t")})
accept(nl, "one that allows ChaCha20 only", CMD.TUNNEL_NEW,
       {**base, A.NAME: text("chacha"), A.CIPHERS: u32(4)})
accept(nl, "one that listens", CMD.TUNNEL_NEW,
       {A.NAME: text("l"), A.ROLE: u8(1), A.PEER_PIN: pin, A.LOCAL: text("127.0.0.1:1"),
        A.KEY: text("/k")})


def attach(fd, pin=pin, tunnel="t"):
    return {A.NAME: text(tunnel), A.FD: s32(fd if isinstance(fd, int) else fd.fileno()),
            A.PEER_PIN: pin}


def wrong(name, want, sentence, fd, **how):
    refuse(nl, "a carrier cannot be %s" % name, want, sentence, CMD.CARRIER_ATTACH,
           attach(fd, **how))


def works(ends):
    result("and it still works for its owner", talks(*ends))


# Not a TCP connection at all.
wrong("a descriptor that is not open", E.EBADF, "not an open file descriptor", 999)
wrong("descriptor -1", E.EBADF, "not an open file descriptor", -1)
with tempfile.TemporaryFile() as f:
    wrong("a file", E.ENOTSOCK, "not a socket", f)
r, w = os.pipe()
wrong("a pipe", E.ENOTSOCK, "not a socket", w)
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.connect(udp.getsockname())
wrong("a UDP socket", E.EPROTOTYPE, "must be a TCP socket", udp)
ends = socket.socketpair()
wrong("a Unix socket", E.EPROTOTYPE, "must be a TCP socket", ends[0])
works(ends)
wrong("a netlink socket", E.EPROTOTYPE, "must be a TCP socket", nl.s)
wrong("a TCP socket before connect()", E.ENOTCONN, "not connected", socket.socket())
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    wrong("a TCP socket that listens", E.ENOTCONN, "not connected", listening)
a, b = pair()
b.close()
a.recv(1)
wrong("a TCP connection that the peer has closed", E.ENOTCONN, "not connected", a)
try:
    with socket.socket(proto=262) as mptcp:     # IPPROTO_MPTCP
        wrong("an MPTCP socket", E.EPROTOTYPE, "must be a TCP socket", mptcp)
except OSError:
    print("ok a carrier cannot be an MPTCP socket # SKIP there are none")

# Not encrypted, or not both ways.
ends = pair()
wrong("plain TCP", E.EPROTO, 'no kernel TLS.*TCP_ULP "tls"', ends[0])
works(ends)
ends = pair("127.0.0.1")
ulp(*ends)
wrong("kernel TLS without keys", E.EPROTO, "does not encrypt.*TLS_TX keys", ends[0])
works(ends)
ends = pair()
ulp(*ends)
encrypt(ends[0], ends[1], 1)
wrong("kernel TLS that only sends", E.EPROTO, "does not decrypt.*TLS_RX keys", ends[0])
works(ends)
ends = pair()
ulp(*ends)
encrypt(ends[1], ends[0], 1)
wrong("kernel TLS that only receives", E.EPROTO, "does not encrypt.*TLS_TX keys", ends[0])
works(ends)


def keyed(**how):
    ends = pair()
    ulp(*ends)
    encrypt(*ends, 1, **how)
    encrypt(ends[1], ends[0], 9, **how)
    return ends


# Encrypted, but not for this tunnel.
ends = keyed()
wrong("for another peer", E.EKEYREJECTED, "not one that this tunnel is pinned to", ends[0],
      pin=other_pin)
works(ends)
wrong("of a cipher that its tunnel does not allow", E.EPROTO, "does not allow this cipher",
      ends[0], tunnel="chacha")
works(ends)
try:
    ccm = keyed(cipher=AES_CCM_128)
    wrong("of a cipher that no tunnel allows", E.EPROTO, "does not allow this cipher", ccm[0])
    works(ccm)
except OSError as e:
    print("ok a carrier of AES-CCM # SKIP the kernel has none: %s" % e)
    print("ok and it still works # SKIP")

libc = ctypes.CDLL(None, use_errno=True)
here, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/run/netns/gw", os.O_RDONLY)
libc.setns(there, 0)
foreign = keyed()
libc.setns(here, 0)
wrong("of another network namespace", E.EXDEV, "another network namespace", foreign[0])
works(foreign)

duplicate = os.dup(ends[0].fileno())
wrong("a socket with two descriptors", E.EBUSY, "more than one descriptor", ends[0])
works(ends)
os.close(duplicate)

# With the right pin it is one, and then nothing else can have it.
same("until now there is no carrier", [0, []], [nl.info(A.COUNT_CARRIERS), nl.state()[4]])
answer = accept(nl, "with both keys and the right pin it is a carrier", CMD.CARRIER_ATTACH,
                attach(ends[0]))
number = answer.messages[0][A.CARRIER_ID]
same("the answer says which", [number], nl.state()[4])
hello = ends[1].recv(4096)
same("it says HELLO", (5, b"TNL1"), (hello[0], hello[16:20]))
again = "in use|more than one descriptor"
wrong("attached twice", E.EBUSY, again, ends[0])
duplicate = os.dup(ends[0].fileno())
wrong("attached twice by a duplicate", E.EBUSY, again, duplicate)
os.close(duplicate)
wrong("attached to a second tunnel", E.EBUSY, again, ends[0], tunnel="l")
same("the first attachment is as it was", [number], nl.state()[4])
accept(nl, "carrier del", CMD.CARRIER_DEL, {A.CARRIER_ID: number})
same("closes the connection", b"", ends[1].recv(4096))
wrong("attached again after its end", E.ENOTCONN, "not connected", ends[0])

# A tunnel that listens takes four whose HELLO is awaited.
waiting = []
for i in range(4):
    waiting.append(keyed())
    answer = nl.call(CMD.CARRIER_ATTACH, attach(waiting[-1][0], tunnel="l"))
    if answer.errno:
        break
same("four carriers may wait for the peer's HELLO", "no error, ''", str(answer))
ends = keyed()
wrong("the fifth that waits for HELLO", E.EBUSY, "too many carriers", ends[0], tunnel="l")
works(ends)
accept(nl, "but may serve another tunnel", CMD.CARRIER_ATTACH, attach(ends[0]))
hello = ends[1].recv(4096)
same("where it says HELLO", (5, b"TNL1"), (hello[0], hello[16:20]))

# Whoever a certificate is for: the daemon must have judged by what is configured now.
judged = {A.NAME: text("t"), A.PEER_CA: text("/ca"), A.PEER_AUTH_NAME: text("a.example")}
accept(nl, "a tunnel by an authority", CMD.TUNNEL_NEW,
       {**less(base, A.PEER_PIN), **judged, A.NAME: text("ca")})
revision = nl.call(CMD.TUNNEL_GET, {A.NAME: text("ca")}).messages[0][A.REVISION]
stranger = keyed()
wrong("judged by nothing", E.EKEYREJECTED, "^attribute REVISION is not that of the tunnel", stranger[0], tunnel="ca")
refuse(nl, "nor judged by what was before", E.EKEYREJECTED, "^attribute REVISION is not that", CMD.CARRIER_ATTACH,
       {**attach(stranger[0], tunnel="ca"), A.REVISION: u32(struct.unpack("=I", revision)[0] - 1)})
works(stranger)
accept(nl, "judged by what is", CMD.CARRIER_ATTACH, {**attach(stranger[0], tunnel="ca"), A.REVISION: revision})
stranger[1].recv(4096)
carriers = nl.state()[4]
accept(nl, "another key of ours", CMD.TUNNEL_SET, {A.NAME: text("ca"), A.KEY: text("/k2")})
accept(nl, "the pin of its key in the place of the authority", CMD.TUNNEL_SET, {A.NAME: text("ca"), A.PEER_PIN: pin})
same("its carrier stays with both", carriers, nl.state()[4])
accept(nl, "the authority again", CMD.TUNNEL_SET, {**judged, A.NAME: text("ca")})
same("which has judged nobody yet", len(carriers) - 1, len(nl.state()[4]))
same("the connection ends", True, b"" == stranger[1].recv(4096) or b"" == stranger[1].recv(4096))

# A key that is accepted no more takes its carriers along, and those only.
def ends_with(sock, what):
    # GOAWAY, reason 11: it was removed by an administrator; then the end
    got, last = b"", b"?"
    while last and len(got) < 4096:
        last = sock.recv(4096)
        got += last
    at = got.rfind(struct.pack("!BBHI", 9, 0, 11, 8))
    result("%s hears why it ends" % what, None if at >= 0 else "no GOAWAY for it: %r" % got)


third = bytes([3]) * 32
dialler = nl.state()[4][0]
accept(nl, "a second key for who dials", CMD.TUNNEL_SET, {A.NAME: text("t"), A.PEER_PINS: pin + third})
same("its carrier stays", [dialler], nl.state()[4])
accept(nl, "without the second key again", CMD.TUNNEL_SET, {A.NAME: text("t"), A.PEER_PIN: pin})
same("its carrier stays, again", [dialler], nl.state()[4])
accept(nl, "the second key only", CMD.TUNNEL_SET, {A.NAME: text("t"), A.PEER_PIN: third})
same("there is no carrier when that returns", [], nl.state()[4])
ends_with(ends[1], "who dials")
accept(nl, "two keys for who listens", CMD.TUNNEL_SET, {A.NAME: text("l"), A.PEER_PINS: pin + third})
for s in waiting.pop():
    s.close()
other = keyed()
for _ in range(100):
    answer = nl.call(CMD.CARRIER_ATTACH, attach(other[0], pin=third, tunnel="l"))
    if answer.errno != E.EBUSY:
        break
    time.sleep(0.05)    # the one that was closed goes soon
same("a carrier of the second may wait, too", 0, answer.errno)
accept(nl, "now the second key only", CMD.TUNNEL_SET, {A.NAME: text("l"), A.PEER_PIN: third})
for n, (a, b) in enumerate(waiting):
    ends_with(b, "carrier %d that waited" % n)
other[1].settimeout(0.3)
try:
    result("that of the second key waits", "it got %r" % other[1].recv(4096))
except TimeoutError:
    result("that of the second key waits")
ends = keyed()
wrong("of a key that is accepted no more", E.EKEYREJECTED, "not one that this tunnel is pinned to",
      ends[0], tunnel="l")
works(ends)
waiting = [other]
other[1].settimeout(10)
accept(nl, "FLUSH", CMD.FLUSH)
for a, b in waiting:
    if b.recv(4096):
        b.recv(4096)    # the good-bye came first
result("ends them all")
done()
EOP

# --- tunnelctl -----------------------------------------------------------------

tctl home tunnel add old listen 127.0.0.1:4433 peer "$PIN" key "$T/home.key"
before=$(shown)
# Wrong words: status 1, a sentence, and what is right.
python home <<'EOP'
import shlex
import subprocess
from genl import *
for line in """
nonsense
s
-x
--nonsense
tunnel nonsense
tunnel add
tunnel add x
tunnel add x dial
tunnel add x dial h:1 dial h:2 peer PIN key KEY
tunnel add x dial h:1 listen 127.0.0.1:1 peer PIN key KEY
tunnel add x dial h:1 key KEY
tunnel add x dial h:1 peer PIN
tunnel add x dial h:1 peer 1234 key KEY
tunnel add x dial h peer PIN key KEY
tunnel add x dial h:0 peer PIN key KEY
tunnel add x dial fd00::1:1 peer PIN key KEY
tunnel add x listen localhost:1 peer PIN key KEY
tunnel add x dial h:1 peer PIN key KEY cipher rot13
tunnel add x dial h:1 peer PIN key KEY cipher ''
tunnel add x dial h:1 peer PIN key KEY grace -1
tunnel add x dial h:1 peer PIN key KEY grace soon
tunnel add X dial h:1 peer PIN key KEY
tunnel add a/b dial h:1 peer PIN key KEY
tunnel add '' dial h:1 peer PIN key KEY
tunnel add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa dial h:1 peer PIN key KEY
tunnel add x dial h:1 peer PIN,PIN key KEY
tunnel add x dial h:1 peer PIN, key KEY
tunnel add x dial h:1 psk KEY
tunnel add x dial h:1 psk-identity a
tunnel add x dial h:1 psk KEY psk-identity a key KEY
tunnel set old psk-identity A
tunnel set
tunnel set old
tunnel set old peer
tunnel set old peer 1234
tunnel set old dial h:1
tunnel set A peer PIN
tunnel del
tunnel del a b
tunnel show a b
tunnel show A
service add
service add web
service add web 127.0.0.1
service add web 127.0.0.1:0
service add web 127.0.0.1:65536
service add web example.org
service add web ::1:80
service add web 127.0.0.1:80 tunnel
service add web 127.0.0.1:80 for old
listener add
listener add 127.0.0.1:1
listener add 127.0.0.1:1 to
listener add 127.0.0.1:1 to old
listener add 127.0.0.1:1 to old/
listener add 127.0.0.1:1 to /web
listener add 127.0.0.1:1 to a/b/c
listener del
listener del 127.0.0.1:0
session del old
session del old 0xg
session del old 0x12345678901234567
carrier del
carrier del x
carrier del 4294967296
keygen
pubkey a b
flush now
info now
""".splitlines()[1:]:
    words = [{"PIN": "0" * 64, "KEY": os.environ["T"] + "/home.key"}.get(w, w)
             for w in shlex.split(line)]
    got = subprocess.run([os.environ["BIN"] + "/tunnelctl", *words], capture_output=True, timeout=20)
    said = got.stderr.decode().splitlines()
    good = got.returncode == 1 and not got.stdout and len(said) > 1 and \
        re.match("tunnelctl: ..", said[0]) and re.match("Usage: |Try 'tunnelctl", said[-1])
    result("tunnelctl %s is wrong usage" % line[:70], None if good else str(got))
done()
EOP
same "none of that changed anything" "$before" "$(shown)"

python home <<'EOP'
import json
import subprocess
from genl import *
nl = Genl()
tool, T = os.environ["BIN"] + "/tunnelctl", os.environ["T"]
pin = bytes(range(32))


def run(*args):
    return subprocess.run([tool, *args], capture_output=True, timeout=20)


# What the kernel refuses: status 2, and its sentence as it is.
DIAL = {A.NAME: text("x"), A.ROLE: u8(0), A.PEER_PIN: pin, A.REMOTE: text("h:1"),
        A.KEY: text(T + "/home.key")}
for args, cmd, attrs in (
        (("tunnel", "add", "old", "dial", "h:1", "peer", pin.hex(), "key", T + "/home.key"),
         CMD.TUNNEL_NEW, {**DIAL, A.NAME: text("old")}),
        (("tunnel", "add", "x", "dial", "h:1", "peer", pin.hex(), "key", T + "/home.key",
          "grace", "86401"), CMD.TUNNEL_NEW, {**DIAL, A.GRACE: u32(86401000)}),
        (("tunnel", "add", "x", "listen", "127.0.0.1:4433", "peer", os.environ["PIN"],
          "key", T + "/home.key"), CMD.TUNNEL_NEW,
         {A.NAME: text("x"), A.ROLE: u8(1), A.PEER_PIN: bytes.fromhex(os.environ["PIN"]),
          A.LOCAL: text("127.0.0.1:4433"), A.KEY: text("/k")}),
        (("tunnel", "del", "nobody"), CMD.TUNNEL_DEL, {A.NAME: text("nobody")}),
        (("tunnel", "show", "nobody"), CMD.TUNNEL_GET, {A.NAME: text("nobody")}),
        (("service", "add", "s", "127.0.0.1:1", "tunnel", "nobody"), CMD.SERVICE_NEW,
         {A.SERVICE: text("s"), A.ADDRESS: address("127.0.0.1", 1), A.NAME: text("nobody")}),
        (("service", "del", "nobody"), CMD.SERVICE_DEL, {A.SERVICE: text("nobody")}),
        (("listener", "add", "192.0.2.1:1", "to", "old/web"), CMD.LISTENER_NEW,
         {A.ADDRESS: address("192.0.2.1", 1), A.NAME: text("old"), A.SERVICE: text("web")}),
        (("listener", "add", "127.0.0.1:7000", "to", "old/web"), CMD.LISTENER_NEW,
         {A.ADDRESS: address("127.0.0.1", 7000), A.NAME: text("old"), A.SERVICE: text("web")}),
        (("listener", "del", "127.0.0.1:1"), CMD.LISTENER_DEL,
         {A.ADDRESS: address("127.0.0.1", 1)}),
        (("session", "del", "old", "0x1"), CMD.SESSION_DEL,
         {A.NAME: text("old"), A.SESSION_ID: u64(1)}),
        (("carrier", "del", "1"), CMD.CARRIER_DEL, {A.CARRIER_ID: u32(1)})):
    wanted = nl.call(cmd, attrs).sentence
    for option in ((), ("-j",)):
        got = run(*option, *args)
        same("tunnelctl %s is refused in the kernel's words" % " ".join(
            option + args[:3 if args[1] != "add" else 2] + args[-1:])[:70],
            (2, "", "tunnelctl: %s\n" % wanted, True),
            (got.returncode, got.stdout.decode(), got.stderr.decode(), wanted != ""))

# Key paths and addresses are text that the kernel does not look into, but for what no line has.
for bad in b"/\x01", b"/\x1b[2J", b"/a\nb", b"/\x7f":
    refuse(nl, "a control character: %r" % bad, errno.EINVAL, "control character", CMD.TUNNEL_NEW, {**DIAL, A.KEY: text(bad)}, A.KEY)
nasty = b'/[2J"\\\xff\xc3\xa4\xed\xa0\x80\xf0\x9f\x98\x80'
accept(nl, "a tunnel with no UTF-8 in its texts", CMD.TUNNEL_NEW,
       {**DIAL, A.KEY: text(nasty), A.REMOTE: text(nasty)})
accept(nl, "a service", CMD.SERVICE_NEW, {A.SERVICE: text("web"), A.ADDRESS: address("::1", 80)})
got = run("-j", "listener", "add", "127.0.0.1:0", "to", "old/web")
result("-j listener add on port 0 answers with JSON",
       None if json.loads(got.stdout)["address"].startswith("127.0.0.1:") else str(got))
for args in (("-j",), ("-j", "tunnel"), ("-j", "tunnel", "show", "x"), ("-j", "service", "show"),
             ("-j", "listener", "show"), ("-j", "session", "show"), ("-j", "carrier", "show"),
             ("-j", "session", "show", "x"), ("-j", "info"), ("-j", "stats"), ("-ja", "stats"),
             ("-j", "pubkey", T + "/home.key"), ("-j", "keygen", T + "/new.key")):
    got = run(*args)
    try:
        json.loads(got.stdout.decode("ascii"))
        result("tunnelctl %s is JSON" % " ".join(args), None if got.returncode == 0 else str(got))
    except ValueError as e:
        result("tunnelctl %s is JSON" % " ".join(args), "%s: %s" % (e, got))
for args in ((), ("tunnel",)):
    got = run(*args).stdout
    result("tunnelctl %s shows no raw control character" % " ".join(args),
           None if not any(c < 32 and c != 10 or c > 126 for c in got) else str(got))
monitor = subprocess.Popen([tool, "-j", "monitor"], stdout=subprocess.PIPE)
while not nl.call(CMD.SERVICE_NEW, {A.SERVICE: text("m"), A.ADDRESS: address("::1", 80)}).errno:
    # until it has joined the group, and says so by a line
    nl.call(CMD.SERVICE_DEL, {A.SERVICE: text("m")})
    os.set_blocking(monitor.stdout.fileno(), False)
    if monitor.stdout.peek():
        break
run("flush")
run("tunnel", "add", "end", "dial", "h:1", "peer", pin.hex(), "key", T + "/home.key")
os.set_blocking(monitor.stdout.fileno(), True)
lines, bad = 0, None
for line in monitor.stdout:
    lines += 1
    try:
        json.loads(line.decode("ascii"))
    except ValueError as e:
        bad = "%s: %s" % (e, line)
    if b'"end"' in line:
        break
result("every line of tunnelctl -j monitor is JSON", bad if lines > 3 else "%d lines" % lines)
monitor.terminate()
same("and SIGTERM ends it well", 0, monitor.wait(10))
got = subprocess.run([tool, "-j", "tunnel"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE)
same("a full disk is no success", 2, got.returncode)
done()
EOP
finish
