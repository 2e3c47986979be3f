#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.12-debug
#
# A network namespace is deleted with everything alive in it. Nothing pins it but
# programs and, for as long as "linger" says, carriers: it is really gone then, and
# who was connected through it hears of that. CASES="...": only these. LONG=1: all
# cases, again and again.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
export PYTHONPATH=$TUNNEL_SRC/tests/net

TIMES=1 SOME="killed alive connecting silent"
[ -z "${LONG:-}" ] || TIMES=25 SOME="killed alive flushed waiting carriers closing connecting silent"
read -r -a CASES <<<"${CASES:-$SOME}"
RANDOM=${SEED:-1}
# each of them seven results, but closing
one_less=0
[[ " ${CASES[*]} " != *" closing "* ]] || one_less=1
echo 1..$((5 + (${#CASES[@]} * 7 - one_less) * TIMES))

#   out ---- v ==== gw        v comes and goes
make_v() {
	hosts v
	link v 203.0.113.1 fd00:1::1 gw 203.0.113.2 fd00:1::2
	link v 192.0.2.1 fd00:2::1 out 192.0.2.2 fd00:2::2
	# a slow link: something is always on its way, and the processors have time
	in_ns v tc qdisc add dev v-gw root netem rate 1500kbit limit 200
	in_ns gw tc qdisc add dev gw-v root netem rate 1500kbit limit 200
	ip netns set v 42
	start_daemon v
	serve v 127.0.0.1 9000
	tctl v tunnel add gw dial 203.0.113.2:4433 peer "$GW_PIN" key "$T/home.key" &&
		tctl v service add traffic 127.0.0.1:9000 &&
		tctl v service add nowhere 192.0.2.77:9 &&
		tctl v listener add 192.0.2.1:9001 to gw/traffic &&
		await 30 tunnel_up v gw && await 30 tunnel_up gw v
}
# A namespace has its number for as long as anybody holds it.
here() { [[ $(ip netns list-id) == *"nsid $1 "* ]]; }
gone() { ! here 42; }
# Removal of namespaces is done by one work, in order: when a later one is gone,
# the work is through with ours.
work_is_through() {
	ip netns add later
	ip netns set later 43
	ip netns del later
	await 30 later_gone
}
later_gone() { ! here 43; }

moved() { [ "$(stat_of v payload_bytes_rx)" -gt "$1" ] && [ "$(stat_of gw payload_bytes_rx)" -gt "$2" ]; }
start_load() {
	local a b
	a=$(stat_of v payload_bytes_rx) b=$(stat_of gw payload_bytes_rx)
	in_ns out "$BIN/traffic" run 192.0.2.1 9001 2 100000 3000 3000 120 >"$T/out" 2>&1 &
	out=$!
	in_ns gw "$BIN/traffic" run 127.0.0.1 9001 2 100000 3000 3000 120 >"$T/in" 2>&1 &
	in=$!
	await 30 moved $((a + 10000)) $((b + 10000))
}
kill_all() { ip netns pids v | xargs -r kill -KILL; }
empty() { [ -z "$(ip netns pids v)" ]; }
drop_all() { # what v sends by this device is lost
	in_ns v tc qdisc replace dev "$1" root netem loss 100%
}
cat >"$T/ask.py" <<-'EOP'
	import socket, struct, sys, time
	s = socket.create_connection(("192.0.2.1", 9001), 20)
	print("ready", flush=True)
	sys.stdin.read()
	s.sendall(struct.pack("!QQQ", 1, 0, 3000))
	s.shutdown(socket.SHUT_WR)
	time.sleep(1000)
EOP
last_ack() { [[ $(in_ns v ss -Htn state last-ack) == *192.0.2.2* ]]; }

# What is to be done before the namespace loses its name. Afterwards nothing of a
# user is in it.
prepare() {
	case $1 in
	killed) # carriers alone are left, with bytes on their way
		kill_all
		await 10 empty
		;;
	alive) # programs are killed when it has no name any more
		;;
	flushed) # at the same time
		stop_daemon v KILL
		tctl v flush &
		kill_all
		wait $!
		await 10 empty
		;;
	waiting) # sessions without carrier, in their grace time; OPEN not sent
		stop_daemon v KILL
		in_ns v ss -HK state established '( dport = :4433 )' >/dev/null
		in_ns out "$BIN/traffic" run 192.0.2.1 9001 2 1 1000 1000 60 >/dev/null 2>&1 &
		kill_all
		await 10 empty
		;;
	carriers) # carriers whose peer says nothing: before HELLO, and in a good-bye
		: >"$T/silent" # what it said the last time
		in_ns gw python3 "$TUNNEL_SRC/tests/debug/silent.py" v <"$T/hold" >"$T/silent" &
		silent=$!
		exec 8>"$T/hold"
		await 30 says "$T/silent" ready
		kill_all
		await 10 empty
		;;
	closing) # the last bytes of a connection never get to its program
		kill "$out"
		: >"$T/ask"
		in_ns out python3 "$T/ask.py" <"$T/hold" >"$T/ask" &
		asks=$!
		exec 8>"$T/hold"
		await 30 says "$T/ask" ready
		drop_all v-out
		exec 8>&-
		await 60 last_ack || not_ok "no connection waits for its last ACK"
		kill_all
		await 10 empty
		;;
	connecting) # a target that does not answer
		tctl gw listener add 127.0.0.1:9009 to v/nowhere
		in_ns gw "$BIN/traffic" run 127.0.0.1 9009 3 1 1000 1000 60 >/dev/null 2>&1 &
		trying() { [[ $(in_ns v ss -Htn state syn-sent) == *192.0.2.77* ]]; }
		await 10 trying
		tctl gw listener del 127.0.0.1:9009
		kill_all
		await 10 empty
		;;
	silent) # the peer's host is silent: what was sent to it is not acknowledged
		drop_all v-gw
		kill_all
		await 10 empty
		;;
	esac
}

# hears WHO SAID: no wrong byte, and nobody waits in vain. The link of who is outside goes
# in the same moment, and may take the last packet along: then its own TCP gives up, which
# asks when nothing comes.
heard=0 late=0
hears() {
	local n
	n=$(grep -c 'connection [0-9]' <<<"$2")
	heard=$((heard + n))
	late=$((late + $(grep -cE 'timed out|unreachable|No route' <<<"$2")))
	if [ "$(grep -cE 'reset by peer|Broken pipe|timed out|unreachable|No route' <<<"$2")" = "$n" ]; then
		ok "who was connected through it hears of that, $1"
	else
		not_ok "who was connected through it hears of that, $1: $(head -c 600 <<<"$2" | tr '\n' '|')"
	fi
}

# like check, but in this shell: what they set stays, and what they start
result() {
	if "${@:2}"; then
		ok "$1"
	else
		not_ok "$1"
	fi
}

one_case() {
	local pids
	note "$1"
	result "$1: a tunnel comes up" make_v
	result "bytes go both ways" start_load
	sleep 0.$((RANDOM % 10))
	prepare "$1"
	pids=$(ip netns pids v)
	check "the namespace is deleted" ip netns del v
	if [ "$1" = alive ]; then
		here 42 || not_ok "with programs in it it stays"
		# shellcheck disable=SC2086 # words, on purpose
		kill -KILL $pids
	fi
	# a silent peer is given TCP's time to acknowledge: 20 s
	check "it is really gone" await 60 gone
	check "and nothing waits in its removal" work_is_through
	wait "$out" "$in"
	case $1 in
	carriers)
		exec 8>&-
		wait "$silent"
		;;
	closing) kill "$asks" ;;
	esac
	hears "from inside" "$(cat "$T/in")"
	# in one case it was killed, its link being cut
	[ "$1" = closing ] || hears "outside" "$(cat "$T/out")"
	await 30 no_session
}
no_session() { [ "$(sessions gw)" = 0 ]; }
listen_gw() {
	tctl gw tunnel add v listen 203.0.113.2:4433 peer "$HOME_PIN" key "$T/gw.key" grace 4 &&
		tctl gw listener add 127.0.0.1:9001 to v/traffic
}

export KEEPALIVE=5
check "the module loads" load_module linger=3
hosts gw out
in_ns out sysctl -qw net.ipv4.tcp_retries2=5
make_keys
mkfifo "$T/hold"
in_ns gw sysctl -qw net.ipv4.ip_nonlocal_bind=1
in_ns gw "$BIN/traffic" serve 127.0.0.1 9000 2>/dev/null &
await 10 listens gw 9000
start_daemon gw
check "one side is ready" listen_gw
tctl gw service add traffic 127.0.0.1:9000
for n in $(seq $TIMES); do
	for name in "${CASES[@]}"; do
		one_case "$name"
	done
	note "$n times"
done
check "as a rule by a reset ($late of $heard by time)" [ $((late * 10)) -le $heard ]
tctl gw flush
stop_daemon gw
check "the module goes" rmmod tunnel
no_leak "nothing is left in memory"
finish
