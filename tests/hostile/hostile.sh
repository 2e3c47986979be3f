#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 130
# short: 6.1 6.12-debug
#
# A peer with the right key and the worst intentions: no daemon and no handshake,
# a script at the other end of the carriers of two tunnels sends whatever no peer
# should. frames.py, hellos.py, records.py, messages.py, floods.py and fuzz.py are
# tables of cases with the result that each must have; the kernel is attacked as
# listener and as dialler. Nothing may hang or be left behind, and a session of
# another tunnel must not notice.
#
#   hostile.sh [GROUP...]   only these groups of cases: "headers", "OPEN", ...
#   LONG=1                  more of all, and 20000 random streams
#   SEED=N STREAMS=N        of the random streams
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
export PYTHONPATH=$TUNNEL_SRC/tests/net PYTHONDONTWRITEBYTECODE=1

given_back() { [ "$(loose_kib)" -le $((before + 16000)) ]; }

check "the module loads" load_module
# A network in which nobody answers.
ip link add silent type dummy
ip address add 192.0.2.1/24 dev silent
ip link set silent up
ulimit -n 40000
before=$(loose_kib)
python3 "$TUNNEL_SRC/tests/hostile/hostile.py" "$@" || TESTS_FAILED=1
check "flush ends what is left" "$BIN/tunnelctl" flush
check "then the module can be removed" await 20 rmmod tunnel
same "no memory of the module's is left" 0 "$(grep -c '^tnl_' /proc/slabinfo)"
note "pages nobody accounts for: $before KiB before, $(loose_kib) KiB now"
check "nor pages of payload" await 20 given_back
if [ -e /sys/kernel/debug/kmemleak ]; then
	no_leak "nor anything else"
fi
finish
