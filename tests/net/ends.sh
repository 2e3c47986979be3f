#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 45
#
# How connections end: half-close, reset, refusal; and the same over IPv6.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..30

check "a tunnel comes up over IPv6" setup 6
has "its carrier is IPv6" "$(tctl home carrier show)" 'fd00:7::2.*fd00:1::2'
start_nginx home ::1 8080
tctl home service add web '[::1]:8080'
tctl gw listener add '[fd00:5::1]:80' to home/web
# part NAME MIB URL: the begin of the large file, byte for byte
part() {
	same "$1" "$(head -c "${2}M" "$T/www/64m" | sha256sum | cut -d' ' -f1)" \
		"$(in_ns client curl -sSf -g -m 120 -r "0-$(($2 * 1048576 - 1))" "$3" | sha256sum | cut -d' ' -f1)"
}
part "8 MiB over IPv6 all the way" 8 'http://[fd00:5::1]/64m'

# --- half-close: sha256sum answers after the client's FIN only
in_ns home socat -t 60 TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr SYSTEM:sha256sum &
await 10 listens home 9100
tctl home service add sum 127.0.0.1:9100
tctl gw listener add 198.51.100.1:9100 to home/sum
head -c 3000000 /dev/urandom >"$T/data"
same "half-close: the answer comes after the client's FIN" \
	"$(sha256sum <"$T/data" | cut -d' ' -f1)" \
	"$(in_ns client socat -t 60 - TCP:198.51.100.1:9100 <"$T/data" | cut -d' ' -f1)"
check "and the session is gone on both sides" await 10 none_left

# --- reset, both ways
cat >"$T/rst.py" <<'EOP'
import socket, struct, sys
def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
def listen(addr):
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind(addr); l.listen(); l.settimeout(30); return l
mode = sys.argv[1]
if mode == "server-sees":           # the client resets: what does the server see?
    c, _ = listen(("127.0.0.1", 9200)).accept()
    c.settimeout(20); c.recv(5)
    print("ready", flush=True)
    try:
        print("end" if not c.recv(1) else "data")
    except OSError as e:
        print(type(e).__name__)
elif mode == "server-resets":
    c, _ = listen(("127.0.0.1", 9201)).accept()
    c.settimeout(20); c.recv(5); abort(c)
elif mode == "client-resets":
    s = socket.create_connection(("198.51.100.1", 9200), 20); s.sendall(b"hello")
    sys.stdin.readline(); abort(s)
elif mode == "client-sees":
    try:    # the reset may come before connect() is back
        s = socket.create_connection(("198.51.100.1", int(sys.argv[2])), 20)
        s.settimeout(20)
        s.sendall(b"hello")
        print("end" if not s.recv(1) else "data")
    except OSError as e:
        print(type(e).__name__)
elif mode == "urgent":              # a byte of urgent data in the middle
    s = socket.create_connection(("198.51.100.1", 9100), 20)
    s.sendall(b"a" * 1000); s.send(b"!", socket.MSG_OOB); s.sendall(b"b" * 1000)
    s.shutdown(socket.SHUT_WR); s.settimeout(20)
    print(s.recv(200).decode().split()[0])
EOP
in_ns home python3 "$T/rst.py" server-sees >"$T/saw" &
server=$!
await 10 listens home 9200
tctl home service add a 127.0.0.1:9200
tctl home service add b 127.0.0.1:9201
tctl gw listener add 198.51.100.1:9200 to home/a
tctl gw listener add 198.51.100.1:9201 to home/b
mkfifo "$T/go"
in_ns client python3 "$T/rst.py" client-resets <"$T/go" &
exec 9>"$T/go"
await 10 grep -q ready "$T/saw"
echo >&9
wait $server
has "a client's RST reaches the server" "$(cat "$T/saw")" ConnectionResetError
in_ns home python3 "$T/rst.py" server-resets &
await 10 listens home 9201
same "a server's RST reaches the client" ConnectionResetError \
	"$(in_ns client python3 "$T/rst.py" client-sees 9201)"

# --- refusals: the client is closed at once and somebody says why
tctl home service add nobody 127.0.0.1:9999
tctl gw listener add 198.51.100.1:9999 to home/nobody
tctl gw listener add 198.51.100.1:9998 to home/missing
"$BIN/in_ns" gw "$BIN/tunnelctl" monitor >"$T/monitor" &
monitor=$!
listening() { # a change that it must show, until it does
	tctl gw service add probe 127.0.0.1:1 && tctl gw service del probe
	grep -q probe "$T/monitor"
}
await 10 listening
check "a refused target closes the client at once" \
	timeout 20 "$BIN/in_ns" client sh -c "python3 $T/rst.py client-sees 9999 | grep -q Reset"
has "dmesg says so" "$(dmesg)" 'service nobody: .*127.0.0.1:9999.* error -111'
refused() { grep -qi refused "$T/monitor"; }
check "tunnelctl monitor says so" await 5 refused
kill $monitor
check "a service that is not there closes the client at once" \
	timeout 20 "$BIN/in_ns" client sh -c "python3 $T/rst.py client-sees 9998 | grep -q Reset"
has "dmesg says so too" "$(dmesg)" 'service missing, which is not defined'

# --- urgent data does not stall the stream
want=$( (printf 'a%.0s' $(seq 1000); printf '!'; printf 'b%.0s' $(seq 1000)) | sha256sum | cut -d' ' -f1)
same "urgent data is carried in line" "$want" "$(in_ns client python3 "$T/rst.py" urgent)"

# --- IPv6 targets and listeners, and mixed ones
serve home ::1 9600
tctl home service add six '[::1]:9600'
tctl gw listener add '[fd00:5::1]:9600' to home/six
tctl gw listener add 198.51.100.1:9600 to home/six
check "IPv6 to an IPv6 target" \
	in_ns client "$BIN/traffic" run fd00:5::1 9600 4 10 5000 100000 20
check "IPv4 to an IPv6 target" \
	in_ns client "$BIN/traffic" run 198.51.100.1 9600 4 10 5000 100000 20
in_ns client "$BIN/traffic" stall fd00:5::1 9600 100000000 2>/dev/null &
source_shows() { tctl home session show | grep -q fd00:5::2; }
check "the client's address shows at the service's host" await 10 source_shows
pkill -f 'traffic stall'
check "and its session ends with it" await 10 none_left

# --- removal: a listener's sessions go on, a session can be ended by hand
in_ns client "$BIN/traffic" stall 198.51.100.1 9600 100000000 2>/dev/null &
one_there() { [ "$(sessions gw)" = 1 ]; }
await 10 one_there
check "a listener can be removed under a session" tctl gw listener del 198.51.100.1:9600
same "the session stays" 1 "$(sessions gw)"
id=$(tctl gw -j session show | grep -Eo '0x[0-9a-f]+' | head -n 1)
check "session del ends it" tctl gw session del home "$id"
check "on both sides" await 10 none_left

# --- every cipher that a tunnel may ask for
tctl gw flush
tctl home flush
for cipher in aes-128-gcm aes-256-gcm chacha20-poly1305; do
	check "a tunnel with $cipher" make_tunnel 4 cipher $cipher
	has "its carrier has it, both ways" "$(tctl gw carrier show | tr '[:upper:]' '[:lower:]')" \
		"$cipher, ktls tx on rx on"
	tctl home service add web '[::1]:8080'
	tctl gw listener add 198.51.100.1:80 to home/web
	part "and carries 16 MiB" 16 http://198.51.100.1/64m
	tctl gw flush
	tctl home flush
done
finish
