# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# lib_peers.sh: who is at the other end, for identity.sh and authority.sh.

both_up() { tunnel_up home && tunnel_up gw; }
down() { ! tunnel_up home && ! tunnel_up gw; }
carrier() { # carrier NS: "NUMBER PIN" of the carrier of its first tunnel
	local said
	said=$(tctl "$1" -j carrier show)
	[[ $said =~ \"carrier\":\ ?([0-9]+).*\"peer_pin\":\ ?\"([0-9a-f]+)\" ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
}
again() { # again NS: a carrier in the place of the one that is there
	tctl "$1" carrier del "$(carrier "$1" | cut -d' ' -f1)"
}
logged() { # logged NS PATTERN [COUNT]: so often, or more often
	[ "$(grep -Ec -- "$2" "$OUT/tunneld-$1.log")" -ge "${3:-1}" ]
}
# A program that says when its connection ends, and how: "open", then the error or "end".
cat >"$T/hears.py" <<'EOP'
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"x")
assert s.recv(1) == b"x"
print("open", flush=True)
try:
    print("end" if not s.recv(1) else "data", flush=True)
except OSError as e:
    print(type(e).__name__, flush=True)
EOP
hears() { # hears NAME: at the client, through the gateway, to the echo at home
	in_ns client python3 "$T/hears.py" "$AT" 9101 >"$T/$1" 2>&1 &
	await 30 grep -q open "$T/$1"
}
heard() { [ "$(tail -n 1 "$T/$1")" = "$2" ]; }
