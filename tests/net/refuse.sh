#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 90
# short: 6.12
#
# What strangers and peers may send without harm: garbage, wrong TLS, wrong
# keys, floods; and with the right key, wrong frames. Each is refused, logged
# once, and running sessions do not notice.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..153
export PYTHONPATH=$TUNNEL_SRC/tests/net OUT T BIN

# python NS [ARG...]: a script on stdin, in a namespace
python() {
	local ns=$1
	shift
	"$BIN/in_ns" "$ns" python3 - "$@" || TESTS_FAILED=1
}
certificate() { # certificate NAME: self-signed, of $T/NAME.key
	openssl req -x509 -new -key "$T/$1.key" -subj "/CN=$1" -out "$T/$1.crt" 2>/dev/null
}
pin_of() { "$BIN/tunnelctl" pubkey "$1" | grep -Eo '[0-9a-f]{64}'; }
count() { grep -Ec -- "$2" "$OUT/tunneld-$1.log"; }

check "a tunnel comes up" setup
umask 077
"$BIN/tunnelctl" keygen "$T/other.key" >/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out "$T/stranger.key"
openssl genrsa -out "$T/rsa.key" 2048 2>/dev/null
umask 022
for name in home stranger rsa; do certificate $name; done
GW_PIN=$(pin_of "$T/gw.key")
OTHER_PIN=$(pin_of "$T/other.key")
STRANGER_PIN=$(pin_of "$T/stranger.key")
export STRANGER_PIN
for n in {11..49}; do
	echo "address add 198.51.100.$n/24 dev client-gw"
done | in_ns client ip -batch -

# Applications that go on meanwhile, each on a tunnel of its own.
tctl gw tunnel add other listen 203.0.113.2:4433 peer "$OTHER_PIN" key "$T/gw.key"
tctl home tunnel add gw2 dial 203.0.113.2:4433 peer "$GW_PIN" key "$T/other.key"
others_up() { tunnel_up home gw2 && tunnel_up gw other; }
check "so does one of another peer" await 20 others_up
in_ns home socat -t 60 TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr EXEC:cat &
serve home 127.0.0.1 9000
await 10 listens home 9100
tctl home service add echo 127.0.0.1:9100
tctl home service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:9101 to home/echo
tctl gw listener add 198.51.100.1:9102 to other/echo
tctl gw listener add 198.51.100.1:9001 to home/traffic
for n in 1 2; do
	in_ns client python3 "$TUNNEL_SRC/tests/net/peer.py" stream 198.51.100.1 910$n "$T/stop$n" \
		>"$T/stream$n" 2>&1 &
	streams[n]=$!
done
flowing() { [ "$(tctl gw -j session show | grep -o '"state":"open"' | wc -l)" = 2 ]; }
check "a program runs on each" await 20 flowing
end_stream() { # end_stream N: it must come to its end well, with all its bytes
	touch "$T/stop$1"
	wait "${streams[$1]}"
	same "the program on tunnel $1 ends well" 0 $?
	has "and got each byte as it was sent" "$(cat "$T/stream$1")" '^[1-9][0-9]+ bytes$'
}
attached=$(stat_of gw carriers_attached)
same "two carriers were attached" 2 "$attached"
daemon=$(cat "$T/tunneld-gw.pid")
fds() { find "/proc/$daemon/fd" -mindepth 1 | wc -l; }
base=$(fds)
export DAEMON=$daemon BASE=$base

# --- strangers -----------------------------------------------------------------

python client <<'EOP'
from peer import *
T, daemon, base = os.environ["T"], os.environ["DAEMON"], int(os.environ["BASE"])
known = (T + "/home.crt", T + "/home.key")
hosts = ["198.51.100.%d" % n for n in range(11, 50)]
random.seed(1)


def fds():
    return len(os.listdir("/proc/%s/fd" % daemon))


def connect(host):
    return socket.create_connection(SERVER, 20, (host, 0))


def established(host):
    """Connections of this address that the gateway has."""
    return len(subprocess.run([os.environ["BIN"] + "/in_ns", "gw", "ss", "-Htn", "state", "established",
                               "sport", "=", ":4433", "and", "dst", "=", host],
                              capture_output=True).stdout.splitlines())


# What only time ends: begun now, looked at when the rest is through.
silent_host, half_host, flood_host = (hosts.pop() for _ in range(3))
silent = Later(connect(silent_host))
out = ssl.MemoryBIO()
try:
    context(*known).wrap_bio(ssl.MemoryBIO(), out).do_handshake()
except ssl.SSLWantReadError:
    pass
half = connect(half_host)
half.sendall(out.read())
half = Later(half)

# 200 from one address that say nothing: eight may stay, for a while.
flood = [Later(connect(flood_host)) for _ in range(200)]
closed = lambda: sum(f.seconds is not None for f in flood)
await_(lambda: closed() >= 192)
same("of 200 connections that say nothing 192 are closed at once", 192, closed())
same("the gateway keeps 8 of them", 8, established(flood_host))
result("its daemon has few descriptors more",
       None if fds() <= base + 8 + 2 else "%d, there were %d" % (fds(), base))
flood_lines = log_lines("refused %s:.*too many handshakes from this address" % flood_host)
result("it says so, but not 192 times",
       None if 1 <= len(flood_lines) <= 3 else "%d lines" % len(flood_lines))


def refused(name, host, sentence, sock=None, error=None):
    """Is the connection closed soon, and the refusal in the log, once?"""
    why = refused_once(host, sentence)
    if not why and sock:
        later = Later(sock)
        if later.wait() > 8:
            why = "it stays open"
    result("%s: refused" % name, why or error)


# No TLS.
for name, data in (("random bytes", b"\x80" + random.randbytes(3000)),
                   ("zeros", bytes(2000)),
                   ("an HTTP request", b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n"),
                   ("an SSH greeting", b"SSH-2.0-OpenSSH_9.2\r\n"),
                   ("an SSL 2 hello", bytes.fromhex("802e0100020015000000100100800200800300800400"
                                                    "800500800600400700c0"))):
    host = hosts.pop()
    s = connect(host)
    s.sendall(data)
    refused(name, host, "not TLS", s)
# Bytes that begin as TLS does.
for name, data in (("a TLS record of random bytes", b"\x16\x03\x01\x02\x00" + random.randbytes(512)),
                   ("a TLS record longer than any", b"\x16\x03\x03\xff\xff" + bytes(3000)),
                   ("a TLS alert", b"\x15\x03\x03\x00\x02\x02\x28"),
                   ("TLS application data", b"\x17\x03\x03\x00\x20" + bytes(32))):
    host = hosts.pop()
    s = connect(host)
    s.sendall(data)
    refused(name, host, ".", s)
host = hosts.pop()
connect(host).close()
refused("a connection that is closed at once", host, "closed by the peer before the handshake$")


def s_client(name, sentence, *options):
    host = hosts.pop()
    got = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % SERVER, "-bind", host + ":0",
                          "-alpn", "tunnel/1", *options], stdin=subprocess.DEVNULL,
                         capture_output=True, timeout=30)
    refused(name, host, sentence, error=None if got.returncode else "s_client had success")


# TLS of another kind, with the right key all the same.
key = ("-cert", known[0], "-key", known[1])
s_client("TLS 1.0", ".*alert 70 sent", "-tls1", "-cipher", "ALL:@SECLEVEL=0", *key)
s_client("TLS 1.1", ".*alert 70 sent", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", *key)
s_client("CBC only", ".*alert 40 sent", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256", *key)
s_client("key exchange by RSA only", ".*alert 40 sent", "-tls1_2", "-cipher",
         "AES128-GCM-SHA256:AES256-SHA", *key)
s_client("TLS 1.3 only", ".", "-tls1_3", *key)
s_client("an unknown EC key", "unknown peer %s$" % os.environ["STRANGER_PIN"], "-tls1_2",
         "-cert", T + "/stranger.crt", "-key", T + "/stranger.key")
s_client("an unknown RSA key", "unknown peer [0-9a-f]{64}$", "-tls1_2",
         "-cert", T + "/rsa.crt", "-key", T + "/rsa.key")
s_client("no client certificate", "no client certificate$", "-tls1_2")


def python_tls(name, sentence, ctx):
    host = hosts.pop()
    error = None
    try:
        peer = Peer(ctx, (host, 0))
        # our half of the handshake may be through when theirs fails
        f = peer.next()
        error = f and "it was accepted: %s" % f
        peer.close()
    except OSError:
        pass
    refused(name, host, sentence, error=error)


python_tls("ALPN tunnel/9", "no tunnel/1 ALPN", context(*known, alpn=["tunnel/9"]))
python_tls("ALPN h2 and http/1.1", "no tunnel/1 ALPN", context(*known, alpn=["h2", "http/1.1"]))
python_tls("no ALPN at all", "no tunnel/1 ALPN", context(*known, alpn=None))
no_ems = context(*known)
no_ems.options |= 1     # SSL_OP_NO_EXTENDED_MASTER_SECRET
python_tls("no extended master secret", "the peer does not know the extended master secret", no_ems)
# A certificate is public; having it in the chain is not having its key.
chained = T + "/chained.crt"
with open(chained, "w") as f:
    f.write(open(T + "/stranger.crt").read() + open(known[0]).read())
python_tls("an unknown key with the right certificate behind it",
           "unknown peer %s$" % os.environ["STRANGER_PIN"], context(chained, T + "/stranger.key"))

# And what only time ends.
for name, host, later in (("a connection that says nothing", silent_host, silent),
                          ("a ClientHello and no more", half_host, half)):
    why = None if 9 < later.wait() < 16 else "after %.1f s" % later.seconds
    result("%s is closed after 10 s" % name, why)
    refused(name, host, "handshake timed out after 10 s")
slow = sorted(f.wait() for f in flood)[192:]
result("the 8 as well", None if 9 < slow[0] and slow[-1] < 16 else str(slow))
lines = log_lines("refused %s:.*timed out" % flood_host)
same("each with its line", 8, len(lines))
await_(lambda: established(flood_host) == 0 and fds() == base)
same("the gateway has none of them any more", (0, base), (established(flood_host), fds()))
host = flood_host
ctx = context(T + "/stranger.crt", T + "/stranger.key")
try:
    Peer(ctx, (host, 0)).next()
except OSError:
    pass
await_(lambda: log_lines("refused %s:.*unknown peer" % host))
same("the address may try again", 1, len(log_lines("refused %s:.*unknown peer" % host)))
done()
EOP

# A whole tunneld with a key that nobody knows.
"$BIN/tunnelctl" keygen "$T/client.key" >/dev/null
CLIENT_PIN=$(pin_of "$T/client.key")
start_daemon client
tctl client tunnel add gw dial 203.0.113.2:4433 peer "$GW_PIN" key "$T/client.key"
tried() { [ "$(count "$1" "tunnel $2: dialling .*$3.*next try")" -ge "$4" ]; }
check "a tunneld with an unknown key: it is told so" await 20 tried client gw 'unknown CA' 3
tctl client flush
gone() { [ "$(count client 'tunnel gw: gone')" = 1 ]; }
await 10 gone
tries=$(count client 'tunnel gw: dialling .*next try')
same "each try is refused and logged once" "$tries" "$(count gw "unknown peer $CLIENT_PIN")"
stop_daemon client

# A gateway that is not the one it should be.
"$BIN/tunnelctl" keygen "$T/home2.key" >/dev/null
before=$(count gw 'refused 203.0.113.1:')
tctl home tunnel add wrong dial 203.0.113.2:4433 peer "$STRANGER_PIN" key "$T/home2.key"
check "a gateway with another key than the pinned one: no tunnel" \
	await 20 tried home wrong 'wrong peer: its pin is' 2
has "the log names both pins" "$(grep 'tunnel wrong' "$OUT/tunneld-home.log")" \
	"its pin is $GW_PIN, expected $STRANGER_PIN"
same "it stays down" 1 "$(tctl home -j tunnel show wrong | grep -c '"state":"down"')"
tctl home tunnel del wrong
gone() { [ "$(count home 'tunnel wrong: gone')" = 1 ]; }
await 10 gone
tries=$(count home 'tunnel wrong: dialling .*next try')
alerts=$((before + tries))
logged() { [ "$(count gw 'refused 203.0.113.1:')" -ge "$alerts" ]; }
await 10 logged
same "the gateway logs each try once" $alerts "$(count gw 'refused 203.0.113.1:')"

same "no stranger got a carrier" "$attached" "$(stat_of gw carriers_attached)"
same "nor did the module have to refuse one" 0 "$(stat_of gw carriers_refused)"
check "the daemon is the same" kill -0 "$daemon"
base_again() { [ "$(fds)" = "$base" ]; }
check "and has the descriptors it had" await 10 base_again
end_stream 1

# --- the right key, wrong words ------------------------------------------------

stop_daemon home
in_ns gw socat -t 60 TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr EXEC:cat &
await 10 listens gw 9100
tctl gw service add echo 127.0.0.1:9100
# A target that never answers: nobody consumes what is sent to it.
tctl gw service add silent 127.0.0.1:9
in_ns gw nft 'table inet silent { chain in { type filter hook input priority 0; tcp dport 9 drop; }; }'
errors=$(stat_of gw errors_protocol)
skipped=$(stat_of gw frames_skipped)
python home <<'EOP'
from peer import *
T = os.environ["T"]
ctx = context(T + "/home.crt", T + "/home.key")
VERSION, PROTOCOL, STALE, LOOP = 9, 8, 12, 14
NO_SERVICE, FLOW_CONTROL = 2, 7
lane_errors = 0


def peer(**how):
    p = Peer(ctx)
    p.says = p.hello(**how)
    return p


# What only time ends: begun now, looked at when the rest is through.
mute = Later(Peer(ctx).s)
cut = Peer(ctx)
cut.send(hello()[:40])
cut = Later(cut.s)

# --- the first frame
p = Peer(ctx)
epoch = random.getrandbits(62) + 1
says = p.hello(epoch=epoch, attach=7)
same("a right HELLO is answered", (b"TNL1", 1, 1, LISTEN, b"home", epoch, 7, 0, 0),
     tuple(says.get(n) for n in ("magic", "min", "max", "role", H_NAME, H_PEER_EPOCH, H_ATTACH,
                                 H_LANE, H_RX_OFFSET)))
first = b"question"
p.send(frame(PING, payload=first))
same("PING gets PONG with the same payload", (PONG, first),
     (lambda f: f and (f.kind, f.payload))(p.next()))

for name, reason, data in (
        ("version 9 and later", VERSION, hello(min_version=9, max_version=12)),
        ("version 0 only", VERSION, hello(min_version=0, max_version=0)),
        ("another magic", PROTOCOL, hello(magic=b"TNL2")),
        ("the gateway's own role", LOOP, hello(role=LISTEN)),
        ("role 2", PROTOCOL, hello(role=2)),
        ("a reserved byte that is set", PROTOCOL, hello(zero=1)),
        ("epoch 0", PROTOCOL, hello(epoch=0)),
        ("lane 1", PROTOCOL, hello(lane=1)),
        ("no epoch", PROTOCOL, hello(without=[H_EPOCH])),
        ("no attach counter", PROTOCOL, hello(without=[H_ATTACH])),
        ("an attribute twice", PROTOCOL, hello(more=tlv(H_LANE | CRITICAL, u16(0)))),
        ("an unknown critical attribute", PROTOCOL, hello(more=tlv(50 | CRITICAL, b""))),
        ("an attribute longer than the frame", PROTOCOL, hello(more=b"\0\x32\0\x10")),
        ("a name in capitals", PROTOCOL, hello(name=b"GW")),
        ("a name of 64 characters", PROTOCOL, hello(name=b"g" * 64)),
        ("more than 512 bytes", PROTOCOL, hello(more=tlv(50, bytes(500)))),
        ("a session in the header", PROTOCOL, hello()[:8] + u64(1) + hello()[16:]),
        ("PING instead", PROTOCOL, frame(PING, payload=bytes(8))),
        ("DATA instead", PROTOCOL, frame(DATA, 1, b"hello")),
        ("an unknown frame instead", PROTOCOL, frame(100, payload=b"hello")),
        ("the gateway's own epoch", LOOP, hello(epoch=says[H_EPOCH])),
        ("an attach counter that is not higher", STALE, hello(epoch=epoch, attach=7)),
        ("an attach counter that is lower", STALE, hello(epoch=epoch, attach=1))):
    q = Peer(ctx)
    q.send(data)
    result("HELLO with %s: GOAWAY(%d)" % (name, reason), q.goodbye(reason))
    q.close()
result("the carrier that was there has not noticed", p.ping())

q = peer(epoch=epoch, attach=8, peer_epoch=says[H_EPOCH], rx_offset=p.received,
         more=tlv(60, b"from the future"))
same("a higher attach counter is taken", 8, q.says.get(H_ATTACH))
same("and the lane goes on", 24, q.says.get(H_RX_OFFSET) and q.says[H_RX_OFFSET] // 2)
result("the old carrier ends", (lambda f: f and str(f))(p.next()))
result("the new one answers", q.ping())
r = peer(epoch=epoch, attach=9, peer_epoch=says[H_EPOCH], rx_offset=0)
same("one that lost all of it gets it again", (PONG, first), (lambda f: f and (f.kind, f.payload))(r.next()))
for q in (p, q, r):
    q.close()
old, new = Peer(ctx), peer()
old.send(hello())
result("a HELLO of a former life, on an older carrier: GOAWAY(%d)" % STALE, old.goodbye(STALE))
result("the newer life goes on", new.ping())
for q in (old, new):
    q.close()

# --- frames that no correct peer sends
fine = open_(1, "echo")
for name, data in (
        ("DATA for a session never opened", frame(DATA, 1, b"x")),
        ("DATA for a session the gateway never opened", frame(DATA, BY_LISTENER | 1 << 40, b"x")),
        ("WINDOW for a session never opened", frame(WINDOW, 5, u64(100000))),
        ("critical frame type 40", frame(40, payload=b"x")),
        ("frame type 10", frame(10)), ("frame type 63", frame(63)),
        ("frame type 128", frame(128)), ("frame type 255", frame(255)),
        ("a second HELLO", hello()),
        ("DATA longer than 65536", fine + frame(DATA, 1, length=65537)),
        ("DATA of 4 GiB", fine + frame(DATA, 1, length=0xffffffff)),
        ("skippable frame longer than 65536", frame(100, length=65537)),
        ("PING of 7 bytes", frame(PING, payload=bytes(7))),
        ("ACK of 9 bytes", frame(ACK, payload=bytes(9))),
        ("RESET with payload", fine + frame(RESET, 1, b"x", reason=1)),
        ("OPEN of 1041 bytes", open_(1, "echo", tlv(50, bytes(1041 - 8 - 4)))),
        ("DATA of session 0", frame(DATA, 0, b"x")),
        ("PING of session 1", fine + frame(PING, 1, bytes(8))),
        ("DATA with nothing in it", fine + frame(DATA, 1)),
        ("DATA with a reserved flag", fine + frame(DATA, 1, b"x", flags=0x20)),
        ("DATA with a reason", fine + frame(DATA, 1, b"x", reason=1)),
        ("OPEN with END", open_(1, "echo", flags=END | 3)),
        ("ACK beyond what was sent", frame(ACK, payload=u64(1 << 40))),
        ("ACK beyond 2^62", frame(ACK, payload=u64((1 << 64) - 1))),
        ("WINDOW of 2^62", fine + frame(WINDOW, 1, u64(1 << 62))),
        ("WINDOW of 2^64 - 1", fine + frame(WINDOW, 1, u64((1 << 64) - 1))),
        ("WINDOW 2^31 beyond what was sent", fine + frame(WINDOW, 1, u64((1 << 31) + 1))),
        ("OPEN with the gateway's role", open_(BY_LISTENER | 1, "echo")),
        ("OPEN of one id twice", fine + fine),
        ("OPEN of a lower id", open_(5, "echo") + open_(4, "echo")),
        ("OPEN of 2^62", open_(1 << 62, "echo")),
        ("OPEN without service", frame(OPEN, 1, b"")),
        ("OPEN of a service in capitals", open_(1, "Echo")),
        ("OPEN of a service of 64 characters", open_(1, "a" * 64)),
        ("OPEN with a service twice", open_(1, "echo", tlv(O_SERVICE | CRITICAL, b"echo"))),
        ("OPEN with an unknown critical attribute", open_(1, "echo", tlv(50 | CRITICAL, b""))),
        ("OPEN with a window of 4 bytes", open_(1, "echo", tlv(O_WINDOW, u32(1)))),
        ("ACCEPT from who opened the session", fine + frame(ACCEPT, 1))):
    q = peer()
    q.send(data)
    # ACCEPT, or a RESET of the session that ends with all, may come before
    f = q.next(skip=(ACK, PING, WINDOW, ACCEPT, RESET, DATA))
    why = None if f and f.kind == GOAWAY and f.reason == PROTOCOL else "got %s" % (f,)
    result("%s: GOAWAY(%d)" % (name, PROTOCOL), why or
           (q.next() and "the connection stays"))
    q.close()
    lane_errors += 1
q = peer()
q.send(frame(GOAWAY, payload=bytes(8), reason=11))
result("GOAWAY ends the carrier", (lambda f: f and str(f))(q.next()))
q.close()

# --- frames that are refused, on a connection that stays
q = peer()
q.send(frame(100, payload=random.randbytes(300)) + frame(127, 77) +
       frame(64, payload=random.randbytes(65536)))
result("unknown frames 64 to 127 are skipped", q.ping())
q.send(open_(1, "nonesuch"))
same("OPEN of an unknown service: RESET(%d)" % NO_SERVICE, Frame(RESET, 0, NO_SERVICE, 1, b""),
     q.next())
q.send(b"".join(open_(n, "nonesuch") for n in range(2, 1002)))
same("a thousand at once: each is answered", [(RESET, NO_SERVICE, n) for n in range(2, 1002)],
     [(lambda f: f and (f.kind, f.reason, f.session))(q.next()) for n in range(2, 1002)])
q.close()
q = peer()
q.send(open_(1, "nonesuch"))
q.next()
q.send(frame(DATA, 1, b"x") + frame(WINDOW, 1, u64(1 << 20)) + frame(RESET, 1, reason=1) +
       frame(DATA, 1, b"", flags=END))
result("what still comes for it is dropped", q.ping())
q.send(open_(2, "echo", tlv(O_HOPS, bytes([8]))))
same("OPEN after 8 hops: RESET(%d)" % LOOP, Frame(RESET, 0, LOOP, 2, b""), q.next())
q.send(open_(3, "silent") + frame(DATA, 3, bytes(32768)))
result("all of the credit may be used", q.ping())
q.send(frame(DATA, 3, b"x"))
same("one byte beyond it: RESET(%d)" % FLOW_CONTROL, Frame(RESET, 0, FLOW_CONTROL, 3, b""),
     q.next())
q.send(open_(4, "silent") + frame(DATA, 4, bytes(65536)))
same("a frame that is half beyond it: the same", Frame(RESET, 0, FLOW_CONTROL, 4, b""), q.next())
result("and the connection stays", q.ping())
q.send(open_(5, "silent") + frame(DATA, 5, b"x", flags=END) + frame(DATA, 5, b"y"))
same("DATA after END: the same", Frame(RESET, 0, FLOW_CONTROL, 5, b""), q.next())
q.send(open_(6, "silent") + frame(RESET, 6, reason=1))
result("RESET is not answered", q.ping())
q.send(open_(7, "echo") + frame(WINDOW, 7, u64(1)) + frame(DATA, 7, b"through"))
same("a right session is accepted", (ACCEPT, 7), (lambda f: f and (f.kind, f.session))(q.next()))
same("and echoes", Frame(DATA, 0, 0, 7, b"through"), q.next())
q.send(frame(DATA, 7, b"", flags=END))
f = q.next()
same("to its end", (DATA, 7, END), f and (f.kind, f.session, f.flags))
result("the connection is in step", q.ping())
# Half a frame, then a new carrier with another epoch.
q.send(open_(8, "echo") + frame(DATA, 8, b"half", length=1000))
r = peer()
result("a new epoch in the middle of a frame begins anew",
       r.ping() if r.says.get(H_RX_OFFSET) == 0 else str(r.says))
q.close()
# What is below TLS.
os.write(r.s.fileno(), b"\x17\x03\x03\x00\x30" + random.randbytes(48))
result("a forged TLS record ends the carrier", (lambda f: f and str(f))(r.next()))
r.close()

# --- what only time ends
for name, later in (("no HELLO at all", mute), ("half a HELLO", cut)):
    seconds = later.wait()
    result("%s: closed after 10 s" % name,
           None if 9 < seconds < 16 and not later.said else "after %.1f s, %r" % (seconds, later.said))
with open(T + "/lane_errors", "w") as f:
    f.write(str(lane_errors))
done()
EOP
same "each wrong frame is counted" "$(cat "$T/lane_errors")" $(($(stat_of gw errors_protocol) - errors))
same "and each that was skipped" 3 $(($(stat_of gw frames_skipped) - skipped))
same "no session is left of all that" 1 "$(tctl gw -j session show | grep -o '"session":' | wc -l)"
check "the daemon of the gateway is the same" kill -0 "$daemon"
check "and has the descriptors it had" await 10 base_again
end_stream 2

# --- and afterwards ------------------------------------------------------------

# Strangers hold every place that there is for a handshake.
cat >"$T/crowd.py" <<'EOP'
import socket, sys, time
held = []
for n in range(11, 31):
    for _ in range(8):
        held.append(socket.create_connection(("203.0.113.2", 4433), 20, ("198.51.100.%d" % n, 0)))
print("full", flush=True)
sys.stdin.readline()
EOP
mkfifo "$T/go"
in_ns client python3 "$T/crowd.py" <"$T/go" >"$T/crowd" &
crowd=$!
exec 8>"$T/go"
await 30 grep -q full "$T/crowd"
places() { in_ns gw ss -Htn state established sport = :4433 | grep -c '198\.51\.100\.'; }
check "160 strangers take more than 100 places" test "$(places)" -gt 100
start_daemon home
up() { tunnel_up home && tunnel_up gw; }
check "the true peer's tunnel comes up again all the same" await 8 up
check "while they are still there" test "$(places)" -gt 100
echo >&8
wait $crowd
has "and carries requests" "$(in_ns client "$BIN/traffic" run 198.51.100.1 9001 4 5 20000 200000 30 2>&1)" \
	'^20 requests .* 0 failed'
finish
