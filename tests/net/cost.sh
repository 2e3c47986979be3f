#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -i
# about: 40
# short: 6.12
#
# What a request of 1 KiB and its answer cost by AF_TUNNEL sockets and through the
# relays, in instructions of the whole machine: counted, not timed, so that it is the
# same each time. It saves 30 %; the goal is 35, and less than 28 is a step back.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
[[ $KERNEL != *-debug ]] || {
	echo "ok what a request costs # SKIP not of a debug kernel"
	exit
}
echo 1..6

check "the module loads" load_module
ip link set lo up
export PYTHONPATH=$TUNNEL_SRC/tests/net
python3 "$TUNNEL_SRC/tests/net/cost.py" "$BIN/cost" 1024 5 500 28 || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel
finish
