#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -m 3072
# about: 80
# short: 6.1 6.12
#
# Many sessions of every size over a long and lossy link, and a reader that
# stops beside them.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..9

check "a tunnel comes up" setup
serve home 127.0.0.1 9000
serve gw 127.0.0.1 9000
tctl home service add traffic 127.0.0.1:9000
tctl gw service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:9001 to home/traffic
tctl home listener add 127.0.0.1:9001 to gw/traffic

# A reader that stops: 32 MiB asked for, none taken.
for _ in 1 2 3; do
	in_ns client "$BIN/traffic" stall 198.51.100.1 9001 33554432 2>/dev/null &
done
blocked() {
	tctl gw -j session show | grep -q '"blocked": *"[^"]*reader'
}
check "a reader that stops shows as such" await 20 blocked
has "16 MiB go past stalled readers" \
	"$(in_ns client "$BIN/traffic" run 198.51.100.1 9001 1 1 0 16777216)" \
	'^1 requests .* 16777216 bytes, 0 failed'
# What a stalled reader holds is bounded by its window, not by what was asked.
held=$(tctl gw -j session show | python3 -c 'import json,sys
print(max(s["rx_queued"] for s in json.load(sys.stdin)))')
check "a stalled reader holds less than 5 MiB ($held)" test "$held" -lt 5242880
same "the sessions are there" 3 "$(sessions gw)"
pkill -f 'traffic stall'
check "its sessions end with it" await 20 none_left

for dev in gw-nat nat-gw; do
	in_ns "${dev%-*}" tc qdisc add dev $dev root netem delay 20ms loss 1% limit 10000
done
has "200 sessions from 1 byte to 4 MiB, 20 ms and 1 % loss" \
	"$(in_ns client "$BIN/traffic" run 198.51.100.1 9001 200 1 mix mix 90 2>&1)" \
	'^200 requests on 200 connections, [0-9]+ bytes, 0 failed'
has "40 sessions the other way" \
	"$(in_ns home "$BIN/traffic" run 127.0.0.1 9001 40 1 mix mix 90 2>&1)" \
	'^40 requests on 40 connections, [0-9]+ bytes, 0 failed'
same "all by one carrier" 1 "$(stat_of gw carriers_attached)"
finish
