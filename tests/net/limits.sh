#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.12-debug
#
# Limits of a service and of a peer: sessions at once, new ones in a second, bytes in a
# second; changed while there is traffic, and as a file.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..72

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
AT=198.51.100.1
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
limits() { in_ns client python3 "$SRC/tests/net/limits.py" "$@"; }
service() { tctl home service set "$@"; }
# tunnel_limit WORDS: other limits for what gw opens at home; its carrier stays
tunnel_limit() {
	local carrier
	carrier=$(carrier_of home) && tctl home tunnel set gw "$@" && [ "$(carrier_of home)" = "$carrier" ]
}
carrier_of() { tctl "$1" -j carrier show | grep -Eo '"carrier": *[0-9]+'; }

make_keys
check "a tunnel" setup
in_ns home python3 "$SRC/tests/net/limits.py" serve 127.0.0.1 7000 >"$OUT/serve.log" 2>&1 &
check "a server" await 20 listens home 7000
check "a service with limits" tctl home service add a 127.0.0.1:7000 sessions 5 rate 1000 bandwidth 1gbit
check "the same without" tctl home service add b 127.0.0.1:7000
check "listeners" eval 'tctl gw listener add $AT:1 to home/a && tctl gw listener add $AT:2 to home/b'
check "one with routes" tctl gw route add $AT:3 path / to home/a
has "they are shown" "$(tctl home service show | tr '\n' '|')" 'service: a -> 127.0.0.1:7000\|  sessions: 5\|  rate: 1000 new a second\|  bandwidth: 1gbit\|service: b -> 127.0.0.1:7000\|$'
has "also as JSON" "$(tctl home -j service show | tr -d '\n ')" '"limit_sessions":5,"limit_rate":1000,"limit_bandwidth":125000000'

# --- sessions at once
check "five, and no sixth; as many as end come in again" limits sessions $AT 1 5
check "counted" eval '[ "$(stat_of home sessions_limited)" -ge 1 ]'
check "none is left" await 20 none_left
check "without end where there is no limit" limits many $AT 2 50
limits hold $AT 1 5 &
check "five that stay" await 20 eval '[ "$(sessions home)" = 5 ]'
same "by routes the sixth is told so" 502 "$(in_ns client curl -s -m 40 -o /dev/null -w '%{http_code}' http://$AT:3/)"
check "other services go on" limits many $AT 2 5
check "more while there are some" service a sessions 7
check "then two come in, and no third" limits sessions $AT 1 2
check "fewer than there are" service a sessions 1
check "nobody comes in" limits sessions $AT 1 0
same "and nobody is put out" 5 "$(sessions home)"
pkill -f 'limits.py hold'
check "they end" await 20 none_left
check "then it is one" limits sessions $AT 1 1
check "none is left" await 20 none_left

# --- new ones in a second
check "ten a second" service a sessions none rate 10
check "no more than that" limits rate $AT 1 10
check "no limit" service a rate none
check "none" limits many $AT 1 50
check "none is left" await 20 none_left

# --- bytes in a second
check "4 Mbit/s" service a bandwidth 4mbit
check "down: not faster, not much slower" limits down $AT 1 500000 1
check "up: likewise" limits up $AT 1 500000 1
check "also with others that come and go" limits crowd $AT 1 500000
check "four at once, together" limits down $AT 1 500000 4 4000000
check "and both ways each for itself" limits both $AT 1 500000 1
limits down $AT 1 500000 1 4000000 >"$OUT/down.log" 2>&1 &
waiting=$!
check "who waits is shown to" await 30 tctl_says home 'session show' 'blocked: the limit of the bandwidth'
check "other services do not wait" limits fast $AT 2 500000
check "no limit" service a bandwidth none
check "who waited goes on at once" await 5 ended $waiting
check "nobody waits" limits fast $AT 1 500000
check "it has been counted" eval '[ "$(stat_of home bandwidth_waits)" -gt 10 ]'
check "1 Mbit/s" service a bandwidth 1mbit
limits down $AT 1 125000 1 8000000 >"$OUT/down.log" 2>&1 &
waiting=$!
check "a session in the middle of it" await 30 tctl_says home 'session show' 'blocked: the limit of the bandwidth'
check "its service goes" tctl home service del a
check "it stays" eval '[ "$(sessions home)" = 1 ]'
pkill -f 'limits.py down'
check "and ends when its client does" await 20 none_left

# --- of a peer
limits hold $AT 2 1 >"$OUT/hold.log" 2>&1 &
check "a session" await 30 eval '[ "$(sessions home)" = 1 ]'
check "what the peer may open" tunnel_limit sessions 3 bandwidth 4mbit
check "it has not ended" eval '[ "$(sessions home)" = 1 ]'
pkill -f 'limits.py hold'
check "but does with its client" await 20 none_left
has "is shown" "$(tctl home tunnel show gw | tr '\n' '|')" '\|  sessions: 3\|  bandwidth: 4mbit\|'
check "a service" tctl home service add a 127.0.0.1:7000
check "three of all services" limits sessions $AT 2 3
check "and so for the bytes of all" limits down $AT 1 500000 2 3000000 2
check "and of what we open: " eval 'tctl gw service add back 198.51.100.2:7001 && tctl home listener add 127.0.0.1:7001 to gw/back'
in_ns client python3 "$SRC/tests/net/limits.py" serve 198.51.100.2 7001 >"$OUT/serve-client.log" 2>&1 &
check "a server outside" await 20 listens client 7001
check "its bytes count, the number does not" eval 'in_ns home python3 "$SRC/tests/net/limits.py" many 127.0.0.1 7001 10 && in_ns home python3 "$SRC/tests/net/limits.py" down 127.0.0.1 7001 500000 1'

# --- words, and as a file
for words in 'service add x 127.0.0.1:1 sessions 0' 'service add x 127.0.0.1:1 rate x' 'service add x 127.0.0.1:1 bandwidth 10' \
	'service add x 127.0.0.1:1 bandwidth 1bit' 'service set a' 'service set nobody rate 1' 'service add x 127.0.0.1:1 allow 10.0.0.1/8'; do
	# shellcheck disable=SC2086 # the words
	said=$(tctl home $words 2>&1) && said="done: $said"
	has "refused with a sentence: $words" "$said" '^tunnelctl: .* '
done
check "some of all" eval 'service a sessions 9 rate 8 bandwidth 12345kbps allow ::1 && tctl home egress allow port 1 && service egress sessions 4'
tctl home save >"$T/home.yaml"
same "saved, applied, nothing to do" "nothing to do" "$(tctl home apply "$T/home.yaml")"
same "the file has the same hash" "$(tctl home config hash)" "$(tctl home config hash "$T/home.yaml")"
has "it says so" "$(tr '\n' '|' <"$T/home.yaml")" 'egress:\|    egress:\|      - "allow port 1"\|    sessions: 4\|'
sed -i 's/rate: 8,/rate: 7,/' "$T/home.yaml"
limits hold $AT 2 1 &
check "one that stays" await 20 eval '[ "$(sessions home)" = 1 ]'
has "a limit that changed" "$(tctl home apply "$T/home.yaml" | tr '\n' '|')" '^~ service a\|'
same "is in force" "rate: 7 new a second" "$(tctl home service show | sed -n 's/^  //; /rate/p')"
same "and nobody was put out" 1 "$(sessions home)"
pkill -f 'limits.py hold'

tear_down
finish
