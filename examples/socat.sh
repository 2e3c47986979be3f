#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# socat.sh connect TUNNEL/SERVICE   standard input and output to a service
# socat.sh listen [TUNNEL/]SERVICE  to whoever connects to it
#
# socat takes the number of a family and the bytes of an address behind it, in hex:
# 63 of the tunnel's name, filled up with zeros, and as many of the service's as it has.

set -euo pipefail

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }

address() { # address TUNNEL SERVICE; to listen, no tunnel means the peers of all
	local tunnel zeros
	tunnel=$(hex "$1")
	printf -v zeros '%0126d' 0
	echo "x$tunnel${zeros:${#tunnel}}$(hex "$2")"
}

name=${2:?usage: socat.sh connect|listen TUNNEL/SERVICE}
tunnel=''
[[ $name != */* ]] || tunnel=${name%%/*}
# It is the module's own choice: never write 25 into a program.
family=$("${TUNNELCTL:-tunnelctl}" info | sed -n 's/^address family of sockets: //p')
# -t: half a second after its input has ended it would not wait for more of the peer.
case $1 in
connect) exec socat -t 60 - "SOCKET-CONNECT:$family:0:$(address "$tunnel" "${name#*/}")" ;;
listen) exec socat -t 60 - "SOCKET-LISTEN:$family:0:$(address "$tunnel" "${name#*/}")" ;;
*) echo "socat.sh: '$1'? (connect or listen)" >&2; exit 2 ;;
esac
