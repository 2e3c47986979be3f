#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 60
# short: 6.1 6.12
#
# AF_TUNNEL: what its sockets do in each state (conform.py), and what becomes of
# them when tunnel, module or namespace shall go.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..113

# Each way on a kernel.
export DIRECT
case $KERNEL in
6.12 | 6.1-debug) DIRECT=off ;;
6.1) DIRECT="admin" ;;
*) DIRECT=on ;;
esac
note "direct: $DIRECT"
# shellcheck disable=SC2317 # called by name
setup_allow() {
	load_module && make_hosts || return
	start_daemon gw
	start_daemon home
	make_keys
	tctl gw tunnel add home listen 203.0.113.2:4433 peer "$HOME_PIN" key "$T/gw.key" \
		allow uid:1001,gid:2002,uid:4294967294 direct "$DIRECT" &&
		tctl home tunnel add gw dial 203.0.113.2:4433 peer "$GW_PIN" key "$T/home.key" direct "$DIRECT" &&
		await 20 tunnel_up home && await 5 tunnel_up gw
}

check "a tunnel that lets some users in" setup_allow
has "info says the family" "$(tctl gw info)" 'family of sockets: 25$'
has "and how" "$(tctl gw -j tunnel show)" "\"direct\": *\"$DIRECT\""
has "tunnel show says who" "$(tctl gw tunnel show)" 'sockets: uid 1001 uid 4294967294 gid 2002$'
tctl home service add stream socket owner 0
tctl home service add messages socket owner 0
tctl home service add owned socket owner 1500:1600
serve home 127.0.0.1 9700
tctl home service add tcp 127.0.0.1:9700
has "service show says whose" "$(tctl home service show)" 'owned -> socket of uid 1500 or gid 1600, not bound'

export PYTHONPATH=$TUNNEL_SRC/tests/net
python3 "$TUNNEL_SRC/tests/net/conform.py" || TESTS_FAILED=1

# --- wrong arguments in every call: the kernel may not complain, nor forget anything
check "garbage in every call" python3 "$TUNNEL_SRC/tests/net/garbage.py" "${SECONDS_OF_GARBAGE:-10}"
check "and no session is left of it" await 30 none_left
check "nor is the tunnel worse for it" python3 "$TUNNEL_SRC/tests/net/conform.py" 'small ones (stream)'

# --- what shall go, with a socket open
cat >"$T/hold.py" <<'EOP'
import sys
from af_tunnel import *
l = new("home")
assert bind(l, "", "stream") == 0
l.listen(5)
c = new("gw")
assert connect(c, "home", "stream") == 0
s, _ = accept(l)
print("ready", flush=True)
for line in sys.stdin:
    if line == "end\n":
        break
    print(error_of(s.recv, 1), error_of(c.recv, 1), flush=True)
EOP
mkfifo "$T/hold"
python3 "$T/hold.py" <"$T/hold" >"$T/held" 2>&1 &
holder=$!
exec 9>"$T/hold"
await 20 says "$T/held" ready
has "session show says what a session leads to" "$(tctl home session show)" 'leads to: a stream socket of uid 0'
same "a tunnel goes with its sockets open" 0 "$(tctl gw tunnel del home >&2; echo $?)"
echo >&9
await 20 says "$T/held" ECONN
same "both ends hear of it" "ECONNABORTED ECONNABORTED" "$(sed -n 2p "$T/held")"
tctl gw flush
tctl home flush
check "the module stays while a program has a socket" no rmmod tunnel
echo end >&9
wait $holder
stop_daemon gw
stop_daemon home
check "and goes when the program has ended" await 20 rmmod tunnel
check "the family goes with it" no python3 -c 'import socket; socket.socket(25, 1, 0)'
check "family=0: no sockets" load_module family=0
same "info names none" '' "$(tctl home info | grep family)"
has "and no services for them" "$(tctl home service add x socket owner 0 2>&1)" 'without sockets'
rmmod tunnel
check "another number" load_module family=13
has "info says it" "$(tctl home info)" 'family of sockets: 13$'
rmmod tunnel
check "a number that is taken is refused" no load_module family=16
has "and dmesg says what to do" "$(dmesg | tail -n 3)" 'choose another by family='
if [ -e /sys/kernel/debug/kmemleak ]; then
	no_leak "nothing leaked"
fi
finish
