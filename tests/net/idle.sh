#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -m 3072
# about: 60
# short: 6.1 6.12
#
# Sessions that do nothing: 10 000 AF_TUNNEL streams by one carrier (or SESSIONS), what
# each side of them takes of memory, and whether they still answer.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..12
# bytes for a session and side, without inode and file of the socket, and of these when all
# are closed; a debug kernel adds its own to each, and keeps for a while what was freed
LIMIT=2048 LEFT=64
[[ $KERNEL != *-debug ]] || LIMIT=100000 LEFT=4096

# A peer grants 16384 sessions.
check "the module loads" load_module
before=$(loose_kib)
export PYTHONPATH=$TUNNEL_SRC/tests/net
ip link set lo up
python3 "$TUNNEL_SRC/tests/net/idle.py" "${SESSIONS:-10000}" $LIMIT $LEFT || TESTS_FAILED=1
check "the module goes" await 20 rmmod tunnel
same "no memory of the module's is left" 0 "$(grep -c '^tnl_' /proc/slabinfo)"
given_back() { [ "$(loose_kib)" -le $((before + 8000)) ]; }
note "pages nobody accounts for: $before KiB before, $(loose_kib) KiB now"
check "nor pages" await 20 given_back
finish
