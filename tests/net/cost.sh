#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -i
# about: 50
# short: 6.1 6.12
#
# What a request of 1 KiB and its answer cost by AF_TUNNEL sockets and through the
# relays, in instructions of the whole machine: counted, not timed, so that it is the
# same each time. Sockets save 37 %, and 33 where no program does the carriers' work.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
[[ $KERNEL != *-debug ]] || {
	echo "ok what a request costs # SKIP not of a debug kernel"
	exit
}
echo 1..8

check "the module loads" load_module
ip link set lo up
export PYTHONPATH=$TUNNEL_SRC/tests/net
python3 "$TUNNEL_SRC/tests/net/cost.py" "$BIN/cost" 1024 5 500 35 32 || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel
finish
