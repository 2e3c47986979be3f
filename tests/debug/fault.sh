#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 80
# only: 6.12-debug
#
# Memory runs out at every place in turn: loading, each request, and all that the
# module does by itself from attach to flush. LONG=1: every place; else only some
# of those that many runs are needed for. (6.1 has no faults by call chain on x86-64.)
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..38
export PYTHONPATH=$TUNNEL_SRC/tests/net:$TUNNEL_SRC/tests/debug
# fault STRIDE WHAT...
fault() {
	STRIDE=$([ -n "${LONG:-}" ] && echo 1 || echo "$1") \
		python3 "$TUNNEL_SRC/tests/debug/fault.py" "${@:2}" || TESTS_FAILED=1
}
modprobe -aq tls aesni_intel ghash_clmulni_intel

fault 48 load "$KO"
fault 16 requests
fault 120 lives failslab
fault 30 lives fail_page_alloc
check "the module goes" await 20 rmmod tunnel
no_leak "nothing is left behind"
finish
