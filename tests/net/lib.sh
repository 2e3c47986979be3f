# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# lib.sh: two hosts and what is between them, for the tests in this folder.
#
#   home ---- nat ==== gw ---- client
#
# home is behind the NAT: nobody reaches it from outside (IPv4). gw is the
# gateway; client is somebody on the Internet. IPv6 is routed without NAT.
#
#            home          nat                         gw            client
#   IPv4   192.168.7.2   192.168.7.1 203.0.113.1   203.0.113.2
#                                                  198.51.100.1   198.51.100.2
#   IPv6   fd00:7::2     fd00:7::1   fd00:1::1     fd00:1::2
#                                                  fd00:5::1      fd00:5::2

SRC=${TUNNEL_SRC:?run this by tests/vm/run.sh}
OUT=${TUNNEL_OUT:-/out}
BIN=$SRC/build/bin
KO=${TUNNEL_KO:-$SRC/build/$KERNEL/tunnel.ko}
T=/run/tunnel-test
mkdir -p "$T"
export LC_ALL=C

TESTS_FAILED=0
ok() { echo "ok $*"; }
not_ok() {
	echo "not ok $*"
	TESTS_FAILED=1
}
note() { echo "# $*"; }

# check NAME COMMAND...: one result. The command's words show when it fails.
check() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name: '$*' failed"
		[ -z "$said" ] || printf '%s\n' "$said" | head -n 20 | sed 's/^/#   /'
	fi
}

# same NAME WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1: wanted '$2', got '$3'"
	fi
}

# has NAME TEXT PATTERN: does the text match?
has() {
	if grep -Eq -- "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1: no '$3' in: $(head -c 600 <<<"$2" | tr '\n' '|')"
	fi
}

no() { ! "$@"; }

# refused NAME PATTERN COMMAND...: it fails, and says that
refused() {
	local said
	if said=$("${@:3}" 2>&1 >/dev/null); then
		not_ok "$1: it was taken"
	else
		has "$1" "$said" "$2"
	fi
}

# says FILE REGEX: is that in there by now?
says() { [[ $(<"$1") =~ $2 ]]; }

# nap SECONDS: like sleep, without a process, whose start takes long here
mkfifo "$T/nap" 2>/dev/null
exec {NAP}<>"$T/nap"
nap() { read -rt "$1" -u "$NAP" || :; }

# await SECONDS COMMAND...: until it succeeds; polls, because states come when
# they come, and rests for as long as looking takes. Where that is long, the machine is
# slow: it gets more time.
await() {
	local n=$(($1 * 20)) end=$((SECONDS + $1 * 3)) began rest
	shift
	began=${EPOCHREALTIME/./}
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] && [ $SECONDS -lt $end ] || return 1
		rest=$((${EPOCHREALTIME/./} - began))
		[ $rest -gt 50000 ] || rest=50000
		[ $rest -lt 999999 ] || rest=999999
		printf -v rest '0.%06d' $rest
		nap "$rest"
		began=${EPOCHREALTIME/./}
	done
}

in_ns() {
	"$BIN/in_ns" "$@"
}
tctl() { # tctl NS ARG...
	"$BIN/in_ns" "$1" "$BIN/tunnelctl" "${@:2}"
}
# Asked for often: without a process more than needed, which are slow here.
stat_of() { # stat_of NS COUNTER
	local said
	said=$(tctl "$1" -j stats) || return
	[[ $said =~ \"$2\":\ ?([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# how_often WORD TEXT
how_often() {
	local rest=$2 n=0
	while [[ $rest == *"$1"* ]]; do
		rest=${rest#*"$1"}
		n=$((n + 1))
	done
	echo $n
}

# How many sessions a host shows, and whether both show none.
sessions() {
	local said
	said=$(tctl "$1" -j session show) && how_often '"opened_by"' "$said"
}
none_left() { [ "$(sessions gw)" = 0 ] && [ "$(sessions home)" = 0 ]; }

load_module() {
	modprobe -a tls
	modprobe -aq aesni_intel ghash_clmulni_intel
	insmod "$KO" "$@"
}

# Pages that are in no other account, where one that nobody frees would be; KiB. Free
# ones on the lists of a CPU (tens of MiB) are in no sum of meminfo, nor is what a debug
# kernel keeps of stack traces (its depot's pools: 16 KiB each).
loose_kib() {
	cat /proc/zoneinfo /sys/kernel/debug/stackdepot/stats /proc/meminfo 2>/dev/null | awk '
		$1 == "count:" { n -= $2 * 4 }
		$1 == "pools:" { n -= $2 * 16 }
		$1 == "MemTotal:" { n += $2 }
		/^(MemFree|Buffers|Cached|SwapCached|Slab|AnonPages|KernelStack|PageTables|Percpu|VmallocUsed):/ { n -= $2 }
		END { print n }'
}

# no_leak NAME: what kmemleak finds, in a debug kernel
no_leak() {
	local leak=/sys/kernel/debug/kmemleak found
	if [ -n "${BATCH:-}" ]; then
		ok "$1 # SKIP asked at the end of the machine"
		return
	fi
	# what is younger than five seconds is not reported; a file of /sys has no size
	if echo scan >$leak && sleep 6 && echo scan >$leak && found=$(cat $leak); then
		if [ -z "$found" ]; then
			ok "$1"
		else
			not_ok "$1: $(grep -c '^unreferenced' <<<"$found") objects"
			head -n 60 <<<"$found" | sed 's/^/#   /'
		fi
	else
		not_ok "$1: no kmemleak, or it gave up: $(dmesg | grep kmemleak | tail -n 1)"
	fi
}

# link NS1 ADDR1 ADDR1-6 NS2 ADDR2 ADDR2-6
link() {
	ip link add "$1-$4" netns "$1" type veth peer name "$4-$1" netns "$4"
	network "$1" "$(address "$1-$4" "$2" "$3")"
	network "$4" "$(address "$4-$1" "$5" "$6")"
}
address() { # address DEVICE ADDR ADDR-6: the lines for it
	printf '%s\n' "address add $2/24 dev $1" "address add $3/64 dev $1 nodad" "link set $1 up"
}
network() { # network NS LINES: what ip shall do there, all by one process
	in_ns "$1" ip -batch - <<<"$2"
}
hosts() { # hosts NS...: namespaces that forward
	local ns
	printf 'netns add %s\n' "$@" | ip -batch - || return
	for ns in "$@"; do
		# shellcheck disable=SC2016 # expanded in there
		in_ns "$ns" bash -c 'ip link set lo up
			echo 1 >/proc/sys/net/ipv6/conf/all/forwarding && echo 1 >/proc/sys/net/ipv4/ip_forward' || return
	done
}

make_hosts() {
	hosts home nat gw client &&
		ip -batch - <<-EOL &&
			link add home-nat netns home type veth peer name nat-home netns nat
			link add nat-gw netns nat type veth peer name gw-nat netns gw
			link add gw-client netns gw type veth peer name client-gw netns client
		EOL
		network home "$(address home-nat 192.168.7.2 fd00:7::2)
			route add default via 192.168.7.1
			route add default via fd00:7::1" &&
		network nat "$(address nat-home 192.168.7.1 fd00:7::1)
			$(address nat-gw 203.0.113.1 fd00:1::1)" &&
		network gw "$(address gw-nat 203.0.113.2 fd00:1::2)
			$(address gw-client 198.51.100.1 fd00:5::1)
			route add fd00:7::/64 via fd00:1::1" &&
		network client "$(address client-gw 198.51.100.2 fd00:5::2)
			route add default via 198.51.100.1
			route add default via fd00:5::1" &&
		in_ns nat nft -f - <<-EOR
			table ip nat {
				chain post {
					type nat hook postrouting priority srcnat;
					oifname "nat-gw" masquerade
				}
			}
		EOR
}

# A key for each side, once.
make_keys() {
	local host
	umask 077
	for host in home gw; do
		[ -f "$T/$host.key" ] || "$BIN/tunnelctl" keygen "$T/$host.key" >"$T/$host.pin"
	done
	umask 022
	HOME_PIN=$(grep -Eo '[0-9a-f]{64}' "$T/home.pin")
	GW_PIN=$(grep -Eo '[0-9a-f]{64}' "$T/gw.pin")
}

start_daemon() { # start_daemon NS [OPTION...]
	local ns=$1
	shift
	"$BIN/in_ns" "$ns" "${TUNNELD:-$BIN/tunneld}" "$@" >>"$OUT/tunneld-$ns.log" 2>&1 &
	echo $! >"$T/tunneld-$ns.pid"
}
# logged NS REGEX: the daemon's log says it, by now
logged() { await 10 says "$OUT/tunneld-$1.log" "$2"; }
stop_daemon() { # stop_daemon NS [SIGNAL]
	local pid
	pid=$(cat "$T/tunneld-$1.pid")
	kill "-${2:-TERM}" "$pid"
	await 10 ended "$pid"
}

ended() { ! kill -0 "$1" 2>/dev/null; }

tunnel_up() { # tunnel_up NS [TUNNEL]
	[[ $(tctl "$1" -j tunnel show "${2:-${PEER_OF[$1]}}") =~ \"state\":\ ?\"up\" ]]
}
declare -A PEER_OF=([home]=gw [gw]=home)

# Tunnel "gw" at home dials tunnel "home" at gw. $1: address family, 4 or 6.
make_tunnel() {
	local listen=203.0.113.2:4433
	[ "${1:-4}" = 4 ] || listen='[fd00:1::2]:4433'
	make_keys
	tctl gw tunnel add home listen "$listen" peer "$HOME_PIN" key "$T/gw.key" "${@:2}" &&
		tctl home tunnel add gw dial "$listen" peer "$GW_PIN" key "$T/home.key" "${@:2}" &&
		await 20 tunnel_up home && await 5 tunnel_up gw
}

setup() { # everything up to a running tunnel
	load_module || return
	make_hosts || return
	start_daemon gw
	start_daemon home
	make_tunnel "$@"
}

# What setup made goes; two results.
tear_down() {
	tctl gw flush
	tctl home flush
	stop_daemon gw
	stop_daemon home
	check "the module goes" await 20 rmmod tunnel
	no_leak "nothing is left in memory"
}

# serve NS ADDRESS PORT: the answering end of traffic
serve() {
	"$BIN/in_ns" "$1" "$BIN/traffic" serve "$2" "$3" 2>>"$OUT/serve-$1.log" &
	await 10 listens "$1" "$3"
}
listens() { # listens NS PORT
	[ -n "$(in_ns "$1" ss -Hltn "sport = :$2")" ]
}

addr_port() { case $1 in *:*) echo "[$1]:$2" ;; *) echo "$1:$2" ;; esac; }
# nginx in a host, with a page, a file of 64 MiB, and their sums in $T/www.sum.
start_nginx() { # start_nginx NS ADDRESS PORT
	mkdir -p "$T/www"
	[ -f "$T/www/64m" ] || {
		echo 'Hello through the tunnel.' >"$T/www/index.html"
		head -c 64M /dev/urandom >"$T/www/64m"
		(cd "$T/www" && sha256sum -- * >"$T/www.sum")
	}
	cat >"$T/nginx-$1.conf" <<-EOC
		user root;
		worker_processes 1;
		pid $T/nginx-$1.pid;
		error_log $OUT/nginx-$1.log;
		events { worker_connections 2048; }
		http {
			access_log off;
			sendfile on;
			default_type application/octet-stream;
			server { listen $(addr_port "$2" "$3"); root $T/www; }
		}
	EOC
	in_ns "$1" nginx -c "$T/nginx-$1.conf" && await 10 listens "$1" "$3"
}
sum_of() { sed -n "s/  $1\$//p" "$T/www.sum"; }

# fetch NS URL: SHA-256 of what curl gets
fetch() {
	in_ns "$1" curl -sSf --noproxy '*' -m "${3:-120}" "$2" | sha256sum | cut -d' ' -f1
}

# What of the module was run, in a debug kernel; also of modules that went.
save_coverage() {
	local counters=/sys/kernel/debug/gcov$SRC/build/$KERNEL/kmod
	[ -d "$counters" ] || return
	mkdir -p "$OUT/gcov"
	cp "$counters"/*.gcda "$OUT/gcov/"
}

# Fails the script if a check failed; shows what the daemons said.
finish() {
	[ -n "${BATCH:-}" ] || save_coverage
	if [ $TESTS_FAILED != 0 ]; then
		tail -n 15 "$OUT"/tunneld-*.log 2>/dev/null | sed 's/^/#   /'
	fi
	exit $TESTS_FAILED
}
