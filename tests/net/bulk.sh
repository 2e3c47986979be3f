#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -t 900 -m 3072
#
# One carrier, bulk and small requests both ways at once, byte for byte; what
# it costs in copies and pages; and that nobody on the way can read it.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..21

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
serve home 127.0.0.1 9000
serve gw 127.0.0.1 9000
tctl home service add secret-shop 127.0.0.1:8080
tctl home service add traffic 127.0.0.1:9000
tctl gw service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:80 to home/secret-shop
tctl gw listener add 198.51.100.1:9001 to home/traffic
tctl home listener add 127.0.0.1:9001 to gw/traffic

same "a page by curl" "$(sum_of index.html)" "$(fetch client http://198.51.100.1/)"

yes 'the quick brown fox' | head -c 2000000 >"$T/www/fox"
fetch client http://198.51.100.1/fox >/dev/null
larger() { [ "$(stat -c %s "$T/link.pcap")" -gt 2000000 ]; }
check "the capture has the traffic" await 10 larger
kill "${captures[@]}"
wait "${captures[@]}" 2>/dev/null
words=(-e 'Hello through' -e 'brown fox' -e 'HTTP/1.1' -e 'curl/')
check "what is searched for is in the clear traffic" grep -aq 'Hello through' "$T/clear.pcap"
check "and there is plenty of it" test "$(grep -ac 'brown fox' "$T/clear.pcap")" -gt 1000
same "no payload on the link" 0 "$(grep -ac "${words[@]}" "$T/link.pcap")"
same "no service name on it" 0 "$(grep -ac -e secret-shop "$T/link.pcap")"
rm "$T"/*.pcap

pages=$(stat_of home page_allocs)
pages_gw=$(stat_of gw page_allocs)
bytes=$(stat_of home payload_bytes_tx)
same "64 MiB by curl from nginx" "$(sum_of 64m)" "$(fetch client http://198.51.100.1/64m)"
bytes=$((($(stat_of home payload_bytes_tx) - bytes) >> 20))
pages=$(($(stat_of home page_allocs) - pages))
pages_gw=$(($(stat_of gw page_allocs) - pages_gw))
note "page allocations for $bytes MiB: $pages sending, $pages_gw receiving"
check "at most 2 page allocations per MiB on the sending side" test $pages -le $((bytes * 2))
check "at most 2 page allocations per MiB on the receiving side" test $pages_gw -le $((bytes * 2))

# Answers of 1 MiB, amortised: eight at a time pin 8 MiB at most, 256 pages of the
# ring, however slow their readers are; what comes later is received in the same.
pages=$(stat_of home page_allocs)
pages_gw=$(stat_of gw page_allocs)
has "160 answers of 1 MiB" "$(in_ns client "$BIN/traffic" run 198.51.100.1 9001 8 20 100 1048576)" \
	'^160 requests .* 0 failed'
pages=$(($(stat_of home page_allocs) - pages))
pages_gw=$(($(stat_of gw page_allocs) - pages_gw))
note "page allocations for 160 answers of 1 MiB: $pages sending, $pages_gw receiving"
check "at most 2 page allocations each on the sending side" test $pages -le 320
check "at most 2 page allocations each on the receiving side" test $pages_gw -le 320

# Both ways at once: 64 MiB and 10 000 small requests in each direction.
in_ns client "$BIN/traffic" run 198.51.100.1 9001 1 1 0 67108864 >"$T/1" 2>&1 & runs=($!)
in_ns home "$BIN/traffic" run 127.0.0.1 9001 1 1 0 67108864 >"$T/2" 2>&1 & runs+=($!)
in_ns client "$BIN/traffic" run 198.51.100.1 9001 10 1000 1024 1024 >"$T/3" 2>&1 & runs+=($!)
in_ns home "$BIN/traffic" run 127.0.0.1 9001 10 1000 100 3000 >"$T/4" 2>&1 & runs+=($!)
wait "${runs[@]}"
has "64 MiB from home to the client" "$(cat "$T/1")" '^1 requests .* 67108864 bytes, 0 failed'
has "64 MiB from gw to home at the same time" "$(cat "$T/2")" '^1 requests .* 67108864 bytes, 0 failed'
has "10 000 small requests one way" "$(cat "$T/3")" '^10000 requests .* 0 failed'
has "10 000 small requests the other way" "$(cat "$T/4")" '^10000 requests .* 0 failed'
same "all by one carrier" 1 "$(stat_of gw carriers_attached)"
same "no payload byte was copied by either side" "0 0" \
	"$(stat_of home payload_bytes_copied) $(stat_of gw payload_bytes_copied)"
finish
