#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 60
# short: 6.1 6.12-debug
#
# What the kernel asks of the daemon: a script is it, and answers rightly, wrongly, late and
# not at all; with TCP and with unix sockets.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..69

check "the module loads" load_module
ip link set lo up
export PYTHONPATH=$TUNNEL_SRC/tests/net
python3 "$TUNNEL_SRC/tests/net/asked.py" answers || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel

check "the module loads again" load_module
echo 2 >/sys/module/tunnel/parameters/linger
ip netns add there
in_ns there ip link set lo up
in_ns there python3 "$TUNNEL_SRC/tests/net/asked.py" leave || TESTS_FAILED=1
ip netns del there
check "what waits for an answer pins no namespace: the module goes" await 20 rmmod tunnel
no_leak "nothing is left in memory"
finish
