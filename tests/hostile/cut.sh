#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 40
# short: 6.1 6.12-debug
#
# The carrier is cut at every byte of an exchange; what the sessions carry
# arrives all the same, once, and nothing is left behind.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
debug=
[ ! -e /sys/kernel/debug/kmemleak ] || debug=1
echo 1..$((17 + (${LONG:-0} == 1 ? 2 : 0) + ${debug:-0}))
[ -n "${LONG:-}" ] || export STRIDE=${STRIDE:-$([ -z "$debug" ] && echo 3 || echo 10)}

load_module
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TUNNEL_SRC/tests/net \
	python3 "$TUNNEL_SRC/tests/hostile/cut.py" "$@" || TESTS_FAILED=1
[ -z "$debug" ] || no_leak "no memory is left without an owner"
check "the module goes" await 20 rmmod tunnel
same "no memory of the module's is left" 0 "$(grep -c '^tnl_' /proc/slabinfo)"
finish
