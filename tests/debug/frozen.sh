#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 140
# short: 6.12-debug
#
# Who stops, or loses what it was sent, holds up nobody else and loses no byte: a
# lossy link at close, a stopped program, a silent host, a reader in a page fault.
# LONG=1: again and again.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

TIMES=1 N=30
[ -z "${LONG:-}" ] || TIMES=20 N=200
echo 1..$((25 + TIMES * 2))

make_keys
check "a tunnel comes up" setup
start_daemon client
# a second tunnel, of gw and client, which has nothing to do with the first
tctl gw tunnel add other listen 198.51.100.1:4434 peer "$HOME_PIN" key "$T/gw.key"
tctl client tunnel add other dial 198.51.100.1:4434 peer "$GW_PIN" key "$T/home.key"
other_up() { tunnel_up client other; }
check "and another one" await 30 other_up
serve home 127.0.0.1 9000
serve gw 127.0.0.1 9000
in_ns home "$BIN/strain" give 127.0.0.1 9100 30000 &
await 10 listens home 9100
tctl home service add traffic 127.0.0.1:9000
tctl home service add give 127.0.0.1:9100
tctl gw service add traffic 127.0.0.1:9000
tctl gw service add sink 198.51.100.2:9200
tctl gw listener add 198.51.100.1:9001 to home/traffic
tctl gw listener add 198.51.100.1:9100 to home/give
tctl home listener add 127.0.0.1:9200 to gw/sink
tctl client listener add 127.0.0.1:9001 to other/traffic

traffic() { in_ns "$1" "$BIN/traffic" run "$2" 9001 "$3" "$4" 3000 20000 60 2>&1; }
goes_on() { # goes_on NAME NS ADDRESS: others are served while something stands
	has "$1" "$(traffic "$2" "$3" 4 3)" '^12 requests .* 0 failed'
}

# --- a lossy link at close: bytes and FIN get to the program all the same, though
# the sender's end has been closed since long

mkfifo "$T/go"
lossy() {
	# one way: with both, waits between attempts add up to minutes now and then
	in_ns gw tc qdisc "$1" dev gw-client root netem loss 20% limit 10000
}
ready() { says "$T/$1" ready; }
# accepted, and closed in that direction
sunk() { [ "$(in_ns client ss -Htn state fin-wait-2 "( sport = :9200 )" | wc -l)" = "$N" ]; }
for n in $(seq $TIMES); do
	in_ns client "$BIN/strain" take 198.51.100.1 9100 $N 30000 <"$T/go" >"$T/take" 2>&1 &
	take=$!
	exec 9>"$T/go"
	await 60 ready take
	lossy add
	exec 9>&-
	wait $take
	same "$N times the last 30000 bytes, one packet in five lost" "$N connections, 0 failed" \
		"$(grep -v ready "$T/take")"
	lossy del
	in_ns client "$BIN/strain" sink 198.51.100.2 9200 $N 30000 >"$T/sink" 2>&1 &
	sink=$!
	await 10 listens client 9200
	in_ns home "$BIN/strain" put 127.0.0.1 9200 $N 30000 <"$T/go" >"$T/put" 2>&1 &
	put=$!
	exec 9>"$T/go"
	await 60 ready put
	await 60 sunk || not_ok "$N connections get through"
	lossy add
	exec 9>&-
	wait $put $sink
	same "the same the other way" "$N connections, 0 failed" "$(cat "$T/sink")"
	lossy del
	[ $((n % 5)) != 0 ] || note "$n times"
done
check "no session is left" await 90 none_left
same "no connection was given up" 0 "$(stat_of gw local_aborts)"

# --- a slow link: more than a minute of bytes are in the sender's buffer at the end

if [ -n "${LONG:-}" ]; then
	in_ns home "$BIN/strain" give 127.0.0.1 9101 300000 &
	await 10 listens home 9101
	tctl home service add slow 127.0.0.1:9101
	tctl gw listener add 198.51.100.1:9101 to home/slow
	in_ns gw tc qdisc add dev gw-client root netem rate 8kbit limit 1000
	same "300000 bytes over a slow link outlive their session" "1 connections, 0 failed" \
		"$(in_ns client "$BIN/strain" take 198.51.100.1 9101 1 300000 2>&1 </dev/null | grep -v ready)"
	in_ns gw tc qdisc del dev gw-client root
else
	ok "300000 bytes over a slow link outlive their session # SKIP LONG=1 only"
fi

# --- a program that is stopped

# answers are many times what the buffers of TCP take
in_ns client sysctl -qw net.ipv4.tcp_rmem="4096 16384 32768"
in_ns gw sysctl -qw net.ipv4.tcp_wmem="4096 16384 32768"
in_ns client "$BIN/traffic" run 198.51.100.1 9001 3 2 3000 1000000 120 >"$T/stopped" 2>&1 &
busy() { [ "$(sessions gw)" = 3 ]; }
check "three busy sessions" await 20 busy
stopped=$(pgrep -n -f 'traffic run 198.51.100.1 9001 3')
kill -STOP "$stopped"
blocked() { [[ $(tctl gw -j session show) =~ \"blocked\":\ *\"[^\"]*reader ]]; }
check "a program that stops blocks its sessions" await 60 blocked
goes_on "but no other" client 198.51.100.1
goes_on "nor another tunnel" client 127.0.0.1
kill -CONT "$stopped"
through() { says "$T/stopped" '6 requests'; }
await 60 through
has "and goes on where it stopped" "$(cat "$T/stopped")" '^6 requests .* 0 failed'
check "to its end" await 30 none_left

# --- a host that falls silent

in_ns client "$BIN/traffic" run 198.51.100.1 9001 2 400 3000 10000 120 >"$T/silent" 2>&1 &
silent=$!
moved() { [ "$(stat_of gw payload_bytes_rx)" -gt "$1" ]; }
start=$(stat_of gw payload_bytes_rx)
await 20 moved $((start + 50000))
for dev in nat-gw gw-nat; do
	in_ns "${dev%-*}" tc qdisc add dev $dev root netem loss 100%
done
goes_on "another tunnel goes on beside a silent host" client 127.0.0.1
down() { ! tunnel_up gw home && ! tunnel_up home gw; }
check "both sides find the carrier dead" await 60 down
goes_on "and the other tunnel still goes on" client 127.0.0.1
for dev in nat-gw gw-nat; do
	in_ns "${dev%-*}" tc qdisc del dev $dev root
done
up() { tunnel_up gw home && tunnel_up home gw; }
check "when the host is back, so is the carrier" await 60 up
wait $silent
has "and no session has noticed" "$(cat "$T/silent")" '^800 requests .* 0 failed'

# --- readers in a page fault: a remote one, and one beside the module

tctl gw listener add 127.0.0.1:9002 to home/traffic
in_ns client "$BIN/strain" fault 198.51.100.1 9001 10000000 >"$T/fault1" 2>&1 &
in_ns gw "$BIN/strain" fault 127.0.0.1 9002 10000000 >"$T/fault2" 2>&1 &
faulting() { says "$T/fault1" fault && says "$T/fault2" fault; }
check "two readers stand in a page fault, with their sockets locked" await 30 faulting
goes_on "other sessions go on" client 198.51.100.1
goes_on "and another tunnel" client 127.0.0.1
id=$(tctl gw -j session show home | grep -Eo '0x[0-9a-f]+' | head -n 1)
check "session del ends one of them" timeout 20 "$BIN/in_ns" gw "$BIN/tunnelctl" session del home "$id"
one_left() { [ "$(sessions gw)" = 1 ] && [ "$(sessions home)" = 1 ]; }
check "at once" await 20 one_left
check "flush does not wait for the other" timeout 20 "$BIN/in_ns" gw "$BIN/tunnelctl" flush
tctl home flush
tctl client flush
for ns in home gw client; do
	stop_daemon $ns
done
check "nor does the removal of the module" rmmod tunnel
pkill -USR1 -x strain
# one read takes what was there before
came() { says "$T/fault1" 'data|ECONNRESET' && says "$T/fault2" 'data|ECONNRESET'; }
check "then they get their page, and go on" await 20 came
no_leak "nothing is left in memory"
finish
