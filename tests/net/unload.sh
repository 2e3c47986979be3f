#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 55
# short: 7
#
# The module goes only when nothing needs it, and then leaves nothing behind.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..10

check "a tunnel comes up" setup
serve home 127.0.0.1 9000
tctl home service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:9001 to home/traffic
in_ns client "$BIN/traffic" run 198.51.100.1 9001 4 100000 20000 20000 >"$T/load" 2>&1 &
load=$!
busy() { [ "$(stat_of gw sessions_opened)" -ge 4 ]; }
await 10 busy
has "rmmod with live sessions is refused" "$(rmmod tunnel 2>&1)" 'in use'
check "and they go on" kill -0 $load
check "flush ends them" tctl gw flush
check "on the other side as well" tctl home flush
wait $load
has "the program hears of it" "$(cat "$T/load")" 'reset by peer|Broken pipe'
objects() { # how many of any kind a host has
	tctl "$1" -j info | python3 -c 'import json, sys
i = json.load(sys.stdin)
print(sum(i[k] for k in ("tunnels", "services", "listeners", "carriers")))'
}
same "nothing is left" "0 0" "$(objects gw) $(objects home)"
stop_daemon gw
stop_daemon home
check "then the module can be removed" rmmod tunnel

check "a hundred times, under a live session each time" \
	python3 "$TUNNEL_SRC/tests/net/unload.py" "$KO" 100
same "no memory of the module's is left" 0 "$(grep -c '^tnl_' /proc/slabinfo)"
finish
