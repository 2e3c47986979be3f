#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -m 3072
# about: 90
# short: 6.1 6.12
#
# One carrier, bulk and small requests both ways at once, byte for byte; what
# it costs in copies and pages.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..14

check "a tunnel comes up" setup
start_nginx home 127.0.0.1 8080
serve home 127.0.0.1 9000
serve gw 127.0.0.1 9000
tctl home service add web 127.0.0.1:8080
tctl home service add traffic 127.0.0.1:9000
tctl gw service add traffic 127.0.0.1:9000
tctl gw listener add 198.51.100.1:80 to home/web
tctl gw listener add 198.51.100.1:9001 to home/traffic
tctl home listener add 127.0.0.1:9001 to gw/traffic

same "a page by curl" "$(sum_of index.html)" "$(fetch client http://198.51.100.1/)"

pages=$(stat_of home page_allocs)
pages_gw=$(stat_of gw page_allocs)
bytes=$(stat_of home payload_bytes_tx)
same "64 MiB by curl from nginx" "$(sum_of 64m)" "$(fetch client http://198.51.100.1/64m)"
bytes=$((($(stat_of home payload_bytes_tx) - bytes) >> 20))
pages=$(($(stat_of home page_allocs) - pages))
pages_gw=$(($(stat_of gw page_allocs) - pages_gw))
note "page allocations for $bytes MiB: $pages sending, $pages_gw receiving"
check "at most 2 page allocations per MiB on the sending side" test $pages -le $((bytes * 2))
# A window of 4 MiB and TCP's 4 MiB, if the reader is slow: what comes later is
# received in the same pages.
check "on the receiving side, for what is on its way at once only" test $pages_gw -le 256

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
