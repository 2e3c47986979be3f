#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 70
# short: 6.12
#
# The handshake worker: what it has and may, what its end means for those who come and for
# what runs, and that nobody else does its work.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..44

AT=198.51.100.1
HELLO='Hello through the tunnel.'
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
web() { # web URL: what came, and the code
	in_ns client curl -s --noproxy '*' -m 60 --cacert "$T/ca.pem" --connect-to "::$AT:" -w ' %{http_code}' "$1" | tr -d '\n'
}
child_of() { # child_of PID
	local pid
	read -r pid _ <"/proc/$1/task/$1/children"
	echo "$pid"
}
starter_of() { child_of "$(cat "$T/tunneld-$1.pid")"; }
worker_of() { child_of "$(starter_of "$1")"; }
another() { # another NS PID: has it got a worker that is not this one?
	local now
	now=$(worker_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]
}
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
# All descriptors, the standard ones first; the numbers of sockets do not matter.
fds_of() { find "/proc/$1/fd" -mindepth 1 -printf '%f %l\n' | sort -n | sed 's/[^ ]* //; s/socket:.*/socket/' | xargs; }
NONE=0000000000000000
carriers() { stat_of gw carriers_attached; }
carrier_of() { [[ $(tctl home -j carrier show) =~ \"carrier\":\ ?([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }
logged() { await 20 says "$OUT/tunneld-$1.log" "$2"; }

check "a tunnel comes up" setup
daemon=$(cat "$T/tunneld-gw.pid")
starter=$(starter_of gw)
worker=$(worker_of gw)

# --- what it is
same "the gateway has a worker" tunneld-tls "$(cat "/proc/$worker/comm")"
for set in Inh Prm Eff Bnd Amb; do
	same "it has no capability: $set" $NONE "$(status_of "$worker" Cap$set)"
done
same "it gets none by exec" 1 "$(status_of "$worker" NoNewPrivs)"
same "it is behind a seccomp filter" 2 "$(status_of "$worker" Seccomp)"
same "it is nobody" "65534 65534 65534 65534" "$(status_of "$worker" Uid)"
same "in no group of anybody's" "65534 65534 65534 65534 " "$(status_of "$worker" Gid) $(status_of "$worker" Groups | xargs)"
base=$(fds_of "$worker")
has "it has its socket, and what its event loop is made of" "$base" \
	'^(/dev/null ){3}socket (anon_inode:\[eventpoll\]|socket|anon_inode:\[eventfd\]|pipe:\[[0-9]+\]| )+$'
same "its environment is empty" 0 "$(wc -c <"/proc/$worker/environ")"
same "and its command line says no more than what it is" "tunneld-tls --handshake-worker" \
	"$(tr '\0' ' ' <"/proc/$worker/cmdline" | sed 's/ $//')"
same "who starts it has no more rights" "$NONE $NONE 65534 65534 65534 65534 1" \
	"$(status_of "$starter" CapPrm) $(status_of "$starter" CapBnd) $(status_of "$starter" Uid) $(status_of "$starter" NoNewPrivs)"
same "the daemon keeps its three" "0000000000001404 0000000000001404" \
	"$(status_of "$daemon" CapPrm) $(status_of "$daemon" CapBnd)"

# --- TLS of all kinds
check "sites at home" start_sites
serve home 127.0.0.1 9000
tctl home service add web 127.0.0.1:8080
tctl home service add traffic 127.0.0.1:9000
tctl home expose secure https://127.0.0.1:8443 name a.example ca "$T/ca.pem" on gw
tctl gw listener add $AT:9001 to home/traffic
tctl gw forward $AT:8001 to home/secure
check "a listener with a certificate" tctl gw certificate add $AT:443 "$T/a.pem" key "$T/a.pem.key"
check "and a route" tctl gw route add $AT:443 to home/web
same "TLS of a client ends here" "$HELLO 200" "$(web https://a.example/index.html)"
same "TLS to a service begins at home" "$HELLO 200" "$(web http://a.example:8001/index.html)"
has "30 handshakes, 10 at a time" "$(in_ns client ab -q -n 30 -c 10 https://$AT/index.html 2>&1)" 'Complete requests: +30'
same_fds() { [ "$(fds_of "$worker")" = "$base" ]; }
check "no descriptor of them is left" await 10 same_fds
same "it still is the same worker" "$worker" "$(worker_of gw)"

# --- it is killed
in_ns client "$BIN/traffic" run $AT 9001 4 60 20000 20000 60 >"$T/load" 2>&1 &
load=$!
open_sessions() { [ "$(sessions gw)" -ge 4 ]; }
check "sessions run" await 20 open_sessions
had=$(carriers)
in_ns client ab -q -r -n 60 -c 4 -s 30 https://$AT/index.html >"$T/ab" 2>&1 &
ab=$!
for n in 1 2 3; do
	pid=$(worker_of gw)
	kill -KILL "$pid"
	check "killed in the middle of handshakes, there is another one: $n" await 30 another gw "$pid"
done
check "which is told" logged gw 'was ended by signal 9'
wait $ab
wait $load
has "what runs does not notice" "$(cat "$T/load")" '^240 requests .* 0 failed'
same "nor does the carrier" "$had" "$(carriers)"
same "a client comes in by the new one" "$HELLO 200" "$(web https://a.example/index.html)"

# the carrier with it, on both sides
for ns in gw home; do kill -KILL "$(worker_of $ns)"; done
tctl home carrier del "$(carrier_of)"
more() { [ "$(carriers)" -gt "$had" ] && tunnel_up home && tunnel_up gw; }
check "a carrier that breaks with it is there again" await 30 more
same "and leads somewhere" "$HELLO 200" "$(web http://a.example:8001/index.html)"

# --- it is stuck
stop_daemon home
start_daemon home --handshake-timeout 1
found_again() { [ "$(grep -c 'tunnel gw: found' "$OUT/tunneld-home.log")" = 2 ]; }
check "another daemon at home" await 20 found_again
pid=$(worker_of home)
had=$(carriers)
kill -STOP "$pid"
tctl home carrier del "$(carrier_of)"
check "a worker that is stuck is replaced" await 40 another home "$pid"
check "and the tunnel comes up" await 30 more

# --- signals are for the daemon; without the starter it goes, and carriers stay
pid=$(worker_of gw)
kill -TERM "$pid" "$(starter_of gw)"
same "SIGTERM does not end it" "$HELLO 200 $pid" "$(web https://a.example/index.html) $(worker_of gw)"
had=$(carriers)
kill -KILL "$(starter_of gw)"
gone() { ended "$daemon" && ended "$pid"; }
check "without its starter the worker goes, and the daemon" await 20 gone
has "saying so" "$(tail -n 3 "$OUT/tunneld-gw.log")" 'what starts handshake workers has ended'
start_daemon gw
same "bytes go on, by the carrier that was" "$HELLO 200 $had" "$(web http://a.example:8001/index.html) $(carriers)"
await 20 another gw 0
pid=$(worker_of gw)
stop_daemon gw KILL
check "of a daemon that is killed no worker stays" await 10 ended "$pid"
start_daemon gw
tear_down
finish
