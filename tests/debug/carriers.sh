#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 55
#
# Carriers with known keys come, break in every way and are replaced, and the module
# goes, under load each time. LONG=1: more of it. SEED=N: another order.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
export PYTHONPATH=$TUNNEL_SRC/tests/net

LOADS=2 ROUNDS=25
if [ -n "${LONG:-}" ]; then
	LOADS=20 ROUNDS=300
	SEED=${SEED:-$(date +%s)}
fi
SEED=${SEED:-1}
note "seed $SEED"
echo 1..3

modprobe -a tls
modprobe -aq aesni_intel ghash_clmulni_intel
name="connections outlive their carriers, $LOADS times $ROUNDS"
if python3 "$TUNNEL_SRC/tests/debug/carriers.py" "$KO" "$BIN/traffic" "$BIN/cost" $LOADS $ROUNDS "$SEED"; then
	ok "$name"
else
	not_ok "$name"
fi
same "no memory of the module's is left" 0 "$(grep -c '^tnl_' /proc/slabinfo)"
no_leak "nor any other"
finish
