#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A small exchange that the module must get through without fault; with a bug
# planted in it (plants.sh) it must not.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

check "the module loads" load_module
said=$(python3 "$TUNNEL_SRC/tests/plants/exchange.py" 2>&1)
if [ "$said" = ok ]; then
	ok "an exchange both ways"
else
	not_ok "an exchange both ways: $said"
fi
check "the module goes" await 20 rmmod tunnel
[[ $KERNEL != *-debug ]] || no_leak "nothing is left in memory"
finish
