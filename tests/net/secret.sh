#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 35
# short: 6.12
#
# Nobody on the way can read what a tunnel carries, nor for which service.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..10

# The link between the hosts, seen from the NAT box, from its first packet on;
# and the same traffic in the clear, to know that the search would find it.
check "the module loads" load_module
check "there are hosts" make_hosts
capture() { # capture NS DEVICE FILE
	in_ns "$1" tcpdump -Z root -U -i "$2" -s 0 -w "$T/$3.pcap" tcp 2>"$T/$3.tcpdump" &
	captures+=($!)
	await 20 grep -q 'listening on' "$T/$3.tcpdump"
}
captures=()
capture nat nat-gw link
capture client client-gw clear

start_daemon gw
start_daemon home
check "a tunnel comes up" make_tunnel
start_nginx home 127.0.0.1 8080
tctl home service add secret-shop 127.0.0.1:8080
tctl gw listener add 198.51.100.1:80 to home/secret-shop

same "a page by curl" "$(sum_of index.html)" "$(fetch client http://198.51.100.1/)"

yes 'the quick brown fox' | head -c 2000000 >"$T/www/fox"
same "a text of 2 MB by curl" "$(sha256sum <"$T/www/fox" | cut -d' ' -f1)" "$(fetch client http://198.51.100.1/fox)"
larger() { [ "$(stat -c %s "$T/link.pcap")" -gt 2000000 ]; }
check "the capture has the traffic" await 10 larger
kill "${captures[@]}"
wait "${captures[@]}" 2>/dev/null
words=(-e 'Hello through' -e 'brown fox' -e 'HTTP/1.1' -e 'curl/')
check "what is searched for is in the clear traffic" grep -aq 'Hello through' "$T/clear.pcap"
check "and there is plenty of it" test "$(grep -ac 'brown fox' "$T/clear.pcap")" -gt 1000
same "no payload on the link" 0 "$(grep -ac "${words[@]}" "$T/link.pcap")"
same "no service name on it" 0 "$(grep -ac -e secret-shop "$T/link.pcap")"
finish
