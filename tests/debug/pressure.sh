#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 70
# short: 6.12-debug
#
# TCP's memory is over, readers stop and hold all receive pages, urgent data,
# records and writes of a byte, small buffers, a memory cgroup at its limit.
# LONG=1: more of it.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
LONG=${LONG:-}
echo "1..$([ -n "$LONG" ] && echo 41 || echo 38)"
export PYTHONPATH=$TUNNEL_SRC/tests/net:$TUNNEL_SRC/tests/debug BIN LONG

check "the module loads" load_module
python3 "$TUNNEL_SRC/tests/debug/pressure.py" || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel
no_leak "it leaves nothing behind"
finish
