#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 70
# short: 6.12-debug
#
# Hundreds of sessions, of relays and of sockets, opened, used and ended in every way:
# memory is the same before and after. LONG=1: a hundred thousand.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

WARM=100
RELAYED=300 NATIVE=400
# a relay's two TCP connections take a debug kernel several times as long
[ -z "${LONG:-}" ] || RELAYED=10000 NATIVE=90000
MANY=$((RELAYED + NATIVE))
echo 1..14

check "a tunnel comes up" setup
for ns in home gw client; do
	# the ends of TCP connections are kept for a minute otherwise
	in_ns $ns sysctl -qw net.ipv4.tcp_max_tw_buckets=0
done
serve home 127.0.0.1 9000
tctl home service add traffic 127.0.0.1:9000
tctl home service add nobody 127.0.0.1:9999
tctl home service add native socket owner 0
"$BIN/in_ns" home "$BIN/traffic" serve tunnel: native 2>>"$OUT/serve-native.log" &
server=$!
bound() { [[ $(tctl home service show) =~ native.*,\ bound ]]; }
check "a socket is bound to a service" await 10 bound
tctl gw listener add 198.51.100.1:9001 to home/traffic
tctl gw listener add 198.51.100.1:9002 to home/nobody

churn() { in_ns client "$BIN/strain" churn 198.51.100.1 9001 9002 "$1" 16 2>&1; }
native() { in_ns gw "$BIN/strain" churn tunnel:home native nobody "$1" 16 2>&1; }
closing() { # sockets of local connections that are not over
	for ns in home gw client; do
		in_ns "$ns" ss -Htan state all exclude listening
	done | grep -vc ':443[0-9]'
}
settled() { none_left && [ "$(closing)" = 0 ]; }

# What is free, but waits for its turn to be given back, is not in use: RCU,
# lists per CPU, and what KASAN keeps to catch late readers.
settle() {
	local cache
	await 90 settled || return
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	for cache in $(slabs | cut -d' ' -f1); do
		echo 1 >"/sys/kernel/slab/$cache/shrink" || return
	done
}
# What sessions and their connections are made of.
slabs() {
	awk '$1 ~ /^(tnl_.*|kmalloc-.*|.*TCP.*|.*TUNNEL.*|sock_inode_cache|skbuff_.*|filp|dentry|radix_tree_node|ip_dst_cache)$/ \
		{ print $1, $2, $4 }' /proc/slabinfo
}

same "the first $WARM sessions" "$WARM connections, 0 failed" "$(churn $WARM)"
same "and of sockets" "$WARM connections, 0 failed" "$(native $WARM)"
check "end on both sides" settle
slabs >"$T/before"
loose=$(loose_kib)
opened=$(stat_of gw sessions_opened)

churn $RELAYED >"$T/churn"
grep '^#' "$T/churn"
same "$RELAYED sessions more" "$RELAYED connections, 0 failed" "$(grep -v '^#' "$T/churn")"
native $NATIVE >"$T/churn"
grep '^#' "$T/churn"
same "and $NATIVE of sockets" "$NATIVE connections, 0 failed" "$(grep -v '^#' "$T/churn")"
check "end on both sides as well" settle
same "there were as many" $MANY $(($(stat_of gw sessions_opened) - opened))
same "on one carrier" 1 "$(stat_of gw carriers_attached)"

# An object for each session would show; in the long form, for each hundredth. What
# other parts of the kernel free late (mounts of a namespace that ended) goes in the end.
grown() {
	settle
	slabs >"$T/after"
	awk -v most=$((MANY / 3 > 1000 ? 1000 : MANY / 3)) '
		NR == FNR { before[$1] = $2; next }
		$2 - before[$1] > most { print $1 ": " before[$1] + 0 " before, " $2 " after" }' \
		"$T/before" "$T/after"
}
flat() { more=$(grown) && [ -z "$more" ]; }
await 20 flat
loose=$(($(loose_kib) - loose))
awk 'NR == FNR { before[$1] = $2; next } $2 - before[$1] > 20 {
	printf "# %s: %d objects more of %d bytes\n", $1, $2 - before[$1], $3 }' "$T/before" "$T/after"
note "$loose KiB more in loose pages"
same "no slab has grown" '' "$more"
check "nor have pages that are in no slab (by $loose KiB)" test $loose -lt 16000

kill $server
wait $server
tear_down
finish
