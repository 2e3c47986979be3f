#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 45
# short: 6.1 6.12 6.12-debug
#
# Connections that a program has accepted and read some bytes of go on as sessions.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..109

check "the module loads" load_module
ip link set lo up
export PYTHONPATH=$TUNNEL_SRC/tests/net
python3 "$TUNNEL_SRC/tests/net/adopt.py" handover || TESTS_FAILED=1
python3 "$TUNNEL_SRC/tests/net/adopt_tls.py" || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel

check "the module loads again" load_module
echo 2 >/sys/module/tunnel/parameters/linger
ip netns add there
in_ns there ip link set lo up
in_ns there python3 "$TUNNEL_SRC/tests/net/adopt.py" linger || TESTS_FAILED=1
ip netns del there
check "it pins no namespace: the module goes" await 20 rmmod tunnel
no_leak "nothing is left in memory"
finish
