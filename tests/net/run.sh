#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.1 6.12
#
# Programs of Debian as they are, over AF_TUNNEL: by `tunnelctl run`, by libtunnel, and
# by the address bytes that socat is given.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
echo 1..63

CTL=$BIN/tunnelctl
export LD_LIBRARY_PATH=$SRC/build/lib TUNNELCTL=$CTL
WEB=http://web.home.tunnel.internal

run() { # run [--map ...] -- COMMAND...: at the gateway
	in_ns gw "$CTL" run "$@"
}
start_sshd() {
	mkdir -p /run/sshd && ssh-keygen -qt ed25519 -N '' -f "$T/host_key" &&
		ssh-keygen -qt ed25519 -N '' -f "$T/user_key" && cp "$T/user_key.pub" "$T/authorized" &&
		cat >"$T/sshd.conf" <<-EOC &&
			ListenAddress 127.0.0.1:2222
			HostKey $T/host_key
			PidFile $T/sshd.pid
			AuthorizedKeysFile $T/authorized
			PermitRootLogin yes
			StrictModes no
			UsePAM no
		EOC
		in_ns home /usr/sbin/sshd -f "$T/sshd.conf" -E "$OUT/sshd.log"
}

# It takes longest.
start_postgres >"$OUT/postgres.log" 2>&1 &
check "a tunnel" setup 4 direct "$([ "$KERNEL" = 6.12 ] && echo admin || echo off)"
check "nginx at home" start_nginx home 127.0.0.1 8080
check "redis at home" in_ns home redis-server --bind 127.0.0.1 --port 6379 --save '' --daemonize yes
check "sshd at home" start_sshd
tctl home service add web 127.0.0.1:8080
tctl home service add redis 127.0.0.1:6379
tctl home service add pg 127.0.0.1:5432
tctl home service add ssh 127.0.0.1:2222
tctl home service add nobody 127.0.0.1:9
tctl home service add in socket owner 0
tctl home service add out socket owner 0 tunnel gw
# also at the gateway, where mapped connections may not end
cp "$T/nginx-home.conf" "$T/nginx-gw.conf"
sed -i "s/nginx-home/nginx-gw/; s/listen .*:8080/listen 127.0.0.1:8098; listen 127.0.0.1:8099/" "$T/nginx-gw.conf"
check "nginx at the gateway, not to be met" in_ns gw nginx -c "$T/nginx-gw.conf"

# --- libtunnel
family() { # the family and an address, as a user who may nothing
	as nobody python3 - <<-'EOP'
		import ctypes
		lib = ctypes.CDLL("libtunnel.so.0", use_errno=True)
		raw = ctypes.create_string_buffer(200)
		assert lib.tunnel_parse(b"home/web", raw) == 0
		assert raw.raw[2:6] == b"home" and raw.raw[65:68] == b"web" and raw.raw[128:] == bytes(72)
		fd = lib.tunnel_connect(b"home", b"web", 1)
		print(lib.tunnel_family(), fd, ctypes.get_errno())
	EOP
}
export -f family as
same "libtunnel asks for the family without privilege; connect() needs it (EACCES)" "25 -1 13" \
	"$(in_ns gw bash -c family)"
ask() { printf 'GET /%s HTTP/1.0\r\n\r\n' "$1"; }
body() { sed '1,/^\r$/d'; } # what follows the head of an answer
same "the example in Python" 'Hello through the tunnel.' \
	"$(ask index.html | in_ns gw python3 "$SRC/examples/client.py" home web | body)"
has "which says why it cannot" "$(in_ns gw python3 "$SRC/examples/client.py" no web </dev/null 2>&1)" \
	'no/web: No such file or directory'
cat >"$T/library.py" <<'EOP'
import ctypes, os, socket, struct, sys
lib = ctypes.CDLL("libtunnel.so.0", use_errno=True)
def net(ns):
    assert ctypes.CDLL(None).setns(os.open("/run/netns/" + ns, os.O_RDONLY), 0x40000000) == 0
def took(kind, fd):
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return socket.socket(socket.AF_UNIX, kind, 0, fileno=fd)
def fails(err, fd):
    assert fd == -1 and ctypes.get_errno() == err, (fd, ctypes.get_errno())
for kind in (1, 5):
    name = b"in" if kind == 1 else b"out"
    net("home")
    l = took(kind, lib.tunnel_listen(name if kind == 1 else b"gw/out", kind, 3))
    fails(98, lib.tunnel_listen(name if kind == 1 else b"gw/out", kind, 3))
    fails(99, lib.tunnel_listen(b"none", kind, 3))
    net("gw")
    c = took(kind, lib.tunnel_connect(b"home", name, kind | socket.SOCK_NONBLOCK))
    fails(91, 0 if lib.tunnel_connect(b"home", name, 6 - kind) >= 0 else -1)
    fails(22, lib.tunnel_connect(b"", name, kind))
    fails(22, lib.tunnel_connect(b"home", b"I N", kind))
    fails(111, lib.tunnel_connect(b"home", b"nobody", 1))
    raw = ctypes.create_string_buffer(8)
    fd = os.dup(l.fileno())
    a = socket.socket(socket.AF_UNIX, kind, 0, fileno=ctypes.CDLL(None).accept(fd, None, None))
    c.setblocking(True)
    a.send(b"hello")
    assert c.recv(9) == b"hello"
    info = ctypes.create_string_buffer(72)
    assert lib.tunnel_info(c.fileno(), info) == 0
    state, carrier, received = info.raw[0], *struct.unpack_from("=I24xQ", info, 4)
    assert (state, carrier > 0, received) == (1, True, 5 if kind == 1 else 9), (state, carrier, received)
    fails(88, lib.tunnel_info(os.open("/dev/null", 0), info))
    for s in (a, c, l): s.close()
    os.close(fd)
EOP
check "streams and messages by libtunnel, and what fails how" python3 "$T/library.py"

# --- socat, by the bytes of the address
socat() { # socat NS connect|listen NAME
	in_ns "$1" bash "$SRC/examples/socat.sh" "$2" "$3"
}
same "socat connects" 'Hello through the tunnel.' "$(ask index.html | socat gw connect home/web | body)"
head -c 8M /dev/urandom >"$T/8m"
wanted=$(sha256sum <"$T/8m")
bound() { [[ $(tctl home service show) == *"$1 -> socket of uid 0, bound"* ]]; }
socat home listen in </dev/null 2>"$T/socat.said" | sha256sum >"$T/in.sum" &
listener=$!
check "socat listens" await 30 bound in
socat gw connect home/in <"$T/8m" >/dev/null
wait $listener
same "socat to socat, to home" "$wanted" "$(cat "$T/in.sum")"
socat home listen gw/out <"$T/8m" >/dev/null &
listener=$!
check "socat listens to one tunnel" await 30 bound out
same "socat to socat, to the gateway" "$wanted" "$(socat gw connect home/out </dev/null | sha256sum)"
wait $listener

# --- sendfile
size=256
head -c "${size}M" /dev/urandom >"$T/big"
cat >"$T/sendfile.py" <<'EOP'
import os, sys
sys.path.insert(0, os.environ["TUNNEL_SRC"] + "/examples")
import client
with client.connect("home", "in") as s, open(sys.argv[1], "rb") as f:
    left = os.fstat(f.fileno()).st_size
    while left:
        left -= os.sendfile(s.fileno(), f.fileno(), None, left)
EOP
socat home listen in </dev/null | sha256sum >"$T/in.sum" &
listener=$!
await 30 bound in
check "sendfile of $size MiB" in_ns gw python3 "$T/sendfile.py" "$T/big"
wait $listener
same "arrives whole" "$(sha256sum <"$T/big")" "$(cat "$T/in.sum")"
rm "$T/big"

# --- ssh
ssh_says() {
	in_ns gw ssh -F none -i "$T/user_key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o "ProxyCommand=bash $SRC/examples/socat.sh connect home/ssh" root@home "$@"
}
# shellcheck disable=SC2016 # expanded at the other end
same "ssh, over socat" "in home: $(in_ns home readlink /proc/self/ns/net)" \
	"$(ssh_says 'echo "in home: $(readlink /proc/self/ns/net)"' 2>&1)"

# --- tunnelctl run: what it refuses
has "no command" "$(run 2>&1)" 'COMMAND is missing'
has "a map that is none" "$(run --map db:80=home -- true 2>&1)" "'db:80=home' is not HOST:PORT=TUNNEL/SERVICE: no '/'"
has "a static program" "$(run -- busybox true 2>&1)" '/busybox is static.*use a listener'
run -- busybox true 2>/dev/null
same "which is status 126" 126 $?
run -- nonsuch 2>/dev/null
same "none at all: 127" 127 $?
has "a program with another's rights" "$(in_ns gw setpriv --reuid nobody --clear-groups "$CTL" run -- su 2>&1)" \
	'/su runs with the rights of another user'
same "the program's own status and options" "3 -j --map" \
	"$(run -- bash -c 'echo "3 $*"; exit 3' x -j --map; [ $? = 3 ] || echo wrong)"

# --- tunnelctl run: programs
same "curl: a page" 'Hello through the tunnel.' "$(run -- curl -sS -m 60 $WEB/)"
same "curl: 64 MiB" "$(sum_of 64m)" "$(run -- curl -sS -m 300 $WEB/64m | sha256sum | cut -d' ' -f1)"
has "curl shows an address of AF_INET" \
	"$(run -- curl -sS -m 60 -o /dev/null -w '%{remote_ip}:%{remote_port} %{local_ip}' $WEB/)" \
	'^240\.84\.1\.1:80 127\.0\.0\.1$'
same "curl: a mapped name" 'Hello through the tunnel.' \
	"$(run --map www.example.org:80=home/web -- curl -sS -m 60 http://WWW.example.org/)"
same "curl: IPv6" 'Hello through the tunnel.' \
	"$(run '--map=[2001:db8::1]:8000=home/web' -- curl -sS -m 60 'http://[2001:db8::1]:8000/')"
check "curl without mapping is as ever" run -- curl -sSf -m 60 http://127.0.0.1:8098/
check "no plain TCP in its place: no service" \
	no run --map 127.0.0.1:8099=home/none -- curl -sS -m 60 http://127.0.0.1:8099/
check "no plain TCP in its place: no tunnel" \
	no run --map 127.0.0.1:8099=none/web -- curl -sS -m 60 http://127.0.0.1:8099/
check "no plain TCP in its place: not allowed" no in_ns gw setpriv --reuid nobody --clear-groups \
	"$CTL" run --map 127.0.0.1:8099=home/web -- curl -sS -m 60 http://127.0.0.1:8099/
check "a map that is damaged: nothing is connected" no in_ns gw env TUNNEL_MAP=x "$CTL" run -- \
	curl -sS -m 60 http://127.0.0.1:8098/

redis() { run -- redis-cli -h redis.home.tunnel.internal "$@"; }
same "redis-cli" PONG "$(redis ping)"
same "redis-cli: a value of 1 MB" "$(head -c 1000000 /dev/zero | tr '\0' x | sha256sum)" \
	"$(head -c 1000000 /dev/zero | tr '\0' x | redis -x set big >/dev/null; redis --raw get big | head -c 1000000 | sha256sum)"
has "a script: its programs, too" "$(run -- sh -c 'redis-cli -h redis.home.tunnel.internal dbsize; :')" '^1$'

check "PostgreSQL at home" await 240 listens home 5432
psql=(psql -h pg.home.tunnel.internal -U postgres -d postgres -XAt)
same "psql" 42 "$(run -- "${psql[@]}" -c 'select 6 * 7')"
same "psql: rows" "$(seq 20000 | md5sum)" \
	"$(run -- "${psql[@]}" -c 'select generate_series(1, 20000)' | md5sum)"

has "ab: 2000 requests over connections that are kept" \
	"$(run -- ab -q -k -n 2000 -c 8 $WEB/ 2>&1 | grep -E '^(Complete|Failed|Keep)' | tr -s ' ' | tr '\n' ';')" \
	'Complete requests: 2000;Failed requests: 0;Keep-Alive requests: (19|20)[0-9]+;'
wrk=$(run -- wrk -t 2 -c 16 -d 3s --timeout 60s $WEB/ 2>&1)
has "wrk: requests over 16 connections" "$wrk" '^ +[1-9][0-9]+ requests in'
same "none of which fails" '' "$(grep -E 'Socket errors|Non-2xx' <<<"$wrk")"
cat >"$T/requests.py" <<'EOP'
import hashlib, http.client
c = http.client.HTTPConnection("web.home.tunnel.internal", timeout=120)
for path in ("/index.html", "/64m", "/index.html"):
    c.request("GET", path)
    print(hashlib.sha256(c.getresponse().read()).hexdigest())
EOP
same "http.client of Python" "$(sum_of index.html) $(sum_of 64m) $(sum_of index.html)" \
	"$(run -- python3 "$T/requests.py" | tr '\n' ' ' | sed 's/ $//')"

# nginx asks epoll before it connects
cat >"$T/proxy.conf" <<EOC
user root;
worker_processes 1;
pid $T/proxy.pid;
error_log $OUT/proxy.log;
events { worker_connections 256; }
http {
	access_log off;
	proxy_max_temp_file_size 0;
	server { listen 127.0.0.1:8090; location / { proxy_pass http://192.0.2.7; } }
}
EOC
run --map 192.0.2.7:80=home/web -- nginx -c "$T/proxy.conf"
check "nginx as a proxy" await 20 listens gw 8090
same "which leads over the tunnel" "$(sum_of 64m)" "$(fetch gw http://127.0.0.1:8090/64m)"
same "one request after another" "20 Hello through the tunnel." "$(for _ in {1..20}; do
	echo http://127.0.0.1:8090/
done | in_ns gw xargs curl -sS -m 100 | sort | uniq -c | sed 's/^ *//')"

# --- what a program sees
run --map db:80=home/web --map 192.0.2.7:80=home/web --map '[2001:db8::7]:80=home/web' \
	--map 127.0.0.1:8099=home/nobody -- python3 "$TUNNEL_SRC/tests/net/run.py" || TESTS_FAILED=1

kill "$(<"$T/proxy.pid")"
check "no session is left" await 30 none_left
finish
