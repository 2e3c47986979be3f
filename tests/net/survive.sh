#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -m 3072
# about: 75
# short: 6.12
#
# What connections live through: carriers that break, daemons that die.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..23

check "a tunnel comes up" setup
start_nginx home 127.0.0.1 8080
serve home 127.0.0.1 9000
tctl home service add web 127.0.0.1:8080
tctl home service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:80 to home/web
tctl gw listener add 198.51.100.1:9001 to home/traffic

moved() { [ "$(stat_of gw payload_bytes_rx)" -gt "$1" ]; }

# A link on which something is always under way: 64 MiB take a minute until what
# shall happen meanwhile has happened, however slow the machine that looks is.
in_ns nat tc qdisc add dev nat-gw root netem rate 8mbit delay 5ms limit 1000
rate() { in_ns nat tc qdisc change dev nat-gw root netem rate "$1" delay 5ms limit 1000; }

# --- the carrier is reset in the middle of 64 MiB, three times
start=$(stat_of gw payload_bytes_rx)
fetch client http://198.51.100.1/64m >"$T/sum" &
transfer=$!
in_ns client "$BIN/traffic" run 198.51.100.1 9001 8 40 20000 20000 >"$T/small" 2>&1 &
small=$!
for n in 1 2 3; do
	await 60 moved $((start + n * 2000000))
	in_ns gw ss -HK state established sport = :4433 >/dev/null
	check "reset $n is in the middle of it" \
		test $(($(stat_of gw payload_bytes_rx) - start)) -lt 67108864
done
rate 64mbit
wait $transfer
same "64 MiB go through three resets of the carrier" "$(sum_of 64m)" "$(cat "$T/sum")"
wait $small
has "so do small requests" "$(cat "$T/small")" '^320 requests .* 0 failed'
check "four carriers or more were used" test "$(stat_of gw carriers_attached)" -ge 4
check "lost bytes were sent again" test "$(stat_of home lane_replayed_bytes)" -gt 0
same "the lane never began anew" "0 0" "$(stat_of home lane_restarts) $(stat_of gw lane_restarts)"

# --- kill -9 of the daemons: sessions go on, the new daemon finds everything
rate 8mbit
start=$(stat_of gw payload_bytes_rx)
fetch client http://198.51.100.1/64m >"$T/sum" &
transfer=$!
await 60 moved $((start + 2000000))
stop_daemon home KILL
stop_daemon gw KILL
check "they were killed in the middle of it" test $(($(stat_of gw payload_bytes_rx) - start)) -lt 67108864
rate 64mbit
wait $transfer
same "64 MiB go on when both daemons are killed" "$(sum_of 64m)" "$(cat "$T/sum")"
same "and new connections too" "$(sum_of index.html)" "$(fetch client http://198.51.100.1/)"
in_ns gw ss -HK state established sport = :4433 >/dev/null
down() { ! tunnel_up home && ! tunnel_up gw; }
check "without daemon a broken carrier stays away" await 10 down
# A client comes while there is no carrier: it waits.
fetch client http://198.51.100.1/ 60 >"$T/sum" &
transfer=$!
start_daemon gw
start_daemon home
check "daemons find their configuration in the kernel" await 20 tunnel_up home
wait $transfer
same "who came meanwhile is served" "$(sum_of index.html)" "$(cat "$T/sum")"

# --- a carrier closed on purpose
id=$(tctl home -j carrier show | grep -Eo '"(id|carrier)": *[0-9]+' | grep -Eo '[0-9]+$' | head -n 1)
check "carrier del is followed by a new carrier" tctl home carrier del "$id"
other() { tunnel_up home && ! tctl home -j carrier show | grep -Eq "\"(id|carrier)\": *$id\\b"; }
check "which comes at once" await 10 other
same "and carries" "$(sum_of index.html)" "$(fetch client http://198.51.100.1/)"

# --- the grace time: no longer than that
tctl gw flush
tctl home flush
check "a tunnel with a grace time of 8 s" make_tunnel 4 grace 8
tctl home service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:9001 to home/traffic
in_ns client python3 -c 'import socket
s = socket.create_connection(("198.51.100.1", 9001))
try: s.recv(1)
except ConnectionResetError: print("reset")' >"$T/hears" &
waits=$!
one_each() { [ "$(sessions gw)" = 1 ] && [ "$(sessions home)" = 1 ]; }
await 10 one_each
stop_daemon home
in_ns gw ss -HK state established sport = :4433 >/dev/null
await 10 down
check "a session waits for the next carrier" one_each
check "and ends with the grace time" await 30 none_left
wait $waits
same "its program hears of it" reset "$(cat "$T/hears")"
start_daemon home
check "the tunnel comes back all the same" await 20 tunnel_up home
finish
