#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -t 420 -m 3072
#
# One carrier, bulk and small requests both ways at once, byte for byte; what
# it costs in copies and pages; and that nobody on the way can read it.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..14

check "a tunnel comes up" setup
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

# The link between the hosts, seen from the NAT box.
in_ns nat tcpdump -Z root -U -i nat-gw -s 2000 -w "$T/link.pcap" tcp port 4433 2>"$T/tcpdump" &
capture=$!
await 20 grep -q 'listening on' "$T/tcpdump"
fetch client http://198.51.100.1/ >/dev/null
larger() { [ "$(stat -c %s "$T/link.pcap")" -gt 1500 ]; }
check "the capture has packets" await 10 larger
kill $capture
wait $capture 2>/dev/null
same "no payload in it" 0 "$(grep -ac -e 'Hello through' -e 'HTTP/1.1' -e 'curl/' "$T/link.pcap")"
same "no service name in it" 0 "$(grep -ac -e secret-shop "$T/link.pcap")"

copied=$(stat_of home payload_bytes_copied)$(stat_of gw payload_bytes_copied)
pages=$(stat_of home page_allocs)
pages_gw=$(stat_of gw page_allocs)
bytes=$(stat_of home payload_bytes_tx)
same "64 MiB by curl from nginx" "$(sum_of 64m)" "$(fetch client http://198.51.100.1/64m)"
bytes=$((($(stat_of home payload_bytes_tx) - bytes) >> 20))
pages=$(($(stat_of home page_allocs) - pages))
pages_gw=$(($(stat_of gw page_allocs) - pages_gw))
same "no payload byte was copied" "$copied" \
	"$(stat_of home payload_bytes_copied)$(stat_of gw payload_bytes_copied)"
note "page allocations for $bytes MiB: $pages sending, $pages_gw receiving"
check "at most 2 page allocations per MiB on the sending side" test $pages -le $((bytes * 2))
check "at most 2 page allocations per MiB on the receiving side" test $pages_gw -le $((bytes * 2))

# Both ways at once: 64 MiB and 5000 small requests in each direction.
in_ns client "$BIN/traffic" run 198.51.100.1 9001 1 1 0 67108864 >"$T/1" 2>&1 &
in_ns home "$BIN/traffic" run 127.0.0.1 9001 1 1 0 67108864 >"$T/2" 2>&1 &
in_ns client "$BIN/traffic" run 198.51.100.1 9001 10 500 1024 1024 >"$T/3" 2>&1 &
in_ns home "$BIN/traffic" run 127.0.0.1 9001 10 500 100 3000 >"$T/4" 2>&1 &
wait $(jobs -p | tail -n 4)
has "64 MiB from home to the client" "$(cat "$T/1")" '^1 requests .* 67108864 bytes, 0 failed'
has "64 MiB from gw to home at the same time" "$(cat "$T/2")" '^1 requests .* 67108864 bytes, 0 failed'
has "5000 small requests one way" "$(cat "$T/3")" '^5000 requests .* 0 failed'
has "5000 small requests the other way" "$(cat "$T/4")" '^5000 requests .* 0 failed'
same "all by one carrier" 1 "$(stat_of gw carriers_attached)"
finish
