#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 160
# short: 6.12-debug
#
# Carriers break, daemons are killed, listeners, services, tunnels and the module
# itself go and come back, in an order that SEED tells, while bytes are compared.
# LONG=1: more of it. SEED=N: another order.
#
#   load    through                 may be
#   safe    tunnel home/gw          never reset, never refused
#   shaky   the same; its listener  refused or reset before its first answer
#           and service come and go
#   prey    tunnel prey, which      reset
#           comes and goes
#
# None of them may see a wrong byte, or wait in vain.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

if [ -n "${LONG:-}" ]; then
	EVENTS=100 ALL_EVENTS=15
	SEED=${SEED:-$(date +%s)}
else
	EVENTS=5 ALL_EVENTS=1
fi
# A byte more than this many seconds late is stuck.
STUCK=120
RANDOM=${SEED:=1}
note "seed $SEED"
pick() { # pick WORD...: one of them
	shift $((RANDOM % $#))
	PICKED=$1
}

echo 1..11

PREY=203.0.113.2:4434
prey_gw() {
	tctl gw tunnel add prey listen $PREY peer "$HOME_PIN" key "$T/gw.key" &&
		tctl gw listener add 198.51.100.1:9003 to prey/traffic
}
prey_home() {
	tctl home tunnel add prey dial $PREY peer "$GW_PIN" key "$T/home.key" &&
		tctl home listener add 127.0.0.1:9003 to prey/traffic
}
shaky_listener() { tctl gw listener add 198.51.100.1:9002 to home/shaky; }
shaky_service() { tctl home service add shaky 127.0.0.1:9000; }
all_up() { [ "$(ups gw)" = 2 ] && [ "$(ups home)" = 2 ]; }
ups() { # how many tunnels
	local said
	said=$(tctl "$1" -j tunnel show) && how_often '"state":"up"' "${said// /}"
}
# All that is configured on top of tunnels home/gw.
configure() {
	tctl home service add traffic 127.0.0.1:9000 &&
		tctl gw service add traffic 127.0.0.1:9000 &&
		tctl gw listener add 198.51.100.1:9001 to home/traffic &&
		tctl home listener add 127.0.0.1:9001 to gw/traffic &&
		shaky_service && shaky_listener && prey_gw && prey_home &&
		await 60 all_up
}

# load NAME NS ADDRESS PORT CONNECTIONS REQUESTS: again and again
load() {
	while [ ! -e "$T/stop-$1" ]; do
		in_ns "$2" "$BIN/traffic" run "$3" "$4" "$5" "$6" 2000 6000 $STUCK
		echo "round"
		sleep 0.2
	done >>"$T/load-$1" 2>&1
}
start_loads() {
	rm -f "$T"/stop-*
	LOADS_RUN=()
	load safe client 198.51.100.1 9001 2 10 &
	LOADS_RUN+=($!)
	load safe home 127.0.0.1 9001 1 10 &
	LOADS_RUN+=($!)
	load shaky client 198.51.100.1 9002 1 6 &
	LOADS_RUN+=($!)
	load prey client 198.51.100.1 9003 1 10 &
	LOADS_RUN+=($!)
	load prey home 127.0.0.1 9003 1 10 &
	LOADS_RUN+=($!)
}
stop_loads() {
	touch "$T"/stop-{safe,shaky,prey}
	wait "${LOADS_RUN[@]}"
}
rounds() { how_often round "$(<"$T/load-$1")"; }
# What a load said and may not say: the rest after what it may. The sums at the
# end of a run say nothing that the lines before do not.
bad() {
	local may='^$'
	case $1 in
	shaky) may='request 0: .*(reset by peer|Broken pipe|refused)' ;;
	prey) may='reset by peer|Broken pipe|refused' ;;
	esac
	grep -v '^round' "$T/load-$1" | grep -vE '^[0-9]+ requests' | grep -vE "$may" | head -n 5
}

# --- the events

daemon() { # daemon NS: killed and, at some time, started again
	local ns=$1
	stop_daemon "$ns" KILL
	case $((RANDOM % 3)) in
	0) in_ns "$ns" ss -HK state established '( sport = :4433 or dport = :4433 )' >/dev/null ;;
	1) sleep 0.$((RANDOM % 10)) ;;
	esac
	start_daemon "$ns"
}
carrier_of() { # carrier_of NS: one of them
	local ids
	mapfile -t ids < <(tctl "$1" -j carrier show | grep -Eo '"(id|carrier)": *[0-9]+' | grep -Eo '[0-9]+$')
	pick "${ids[@]:-0}"
}
reset_by_filter() {
	# what goes from either side is answered by RST, to both
	in_ns nat nft -f - <<-'EOR'
		table ip fire {
			chain f {
				type filter hook forward priority 0;
				tcp dport { 4433, 4434 } reject with tcp reset
				tcp sport { 4433, 4434 } reject with tcp reset
			}
		}
	EOR
	sleep 0.$((RANDOM % 10))
	in_ns nat nft delete table ip fire
}
event() {
	case $1 in
	reset-gw) in_ns gw ss -HK state established '( sport = :4433 or sport = :4434 )' >/dev/null ;;
	reset-home) in_ns home ss -HK state established '( dport = :4433 or dport = :4434 )' >/dev/null ;;
	reset-both) reset_by_filter ;;
	close-gw) carrier_of gw && tctl gw carrier del "$PICKED" ;;
	close-home) carrier_of home && tctl home carrier del "$PICKED" ;;
	kill-gw) daemon gw ;;
	kill-home) daemon home ;;
	kill-both) daemon gw && daemon home ;;
	listener)
		tctl gw listener del 198.51.100.1:9002
		sleep 0.$((RANDOM % 10))
		shaky_listener
		;;
	service)
		tctl home service del shaky
		sleep 0.$((RANDOM % 10))
		shaky_service
		;;
	tunnel-gw)
		tctl gw tunnel del prey
		sleep 0.$((RANDOM % 10))
		prey_gw
		;;
	tunnel-home)
		tctl home tunnel del prey
		sleep 0.$((RANDOM % 10))
		prey_home
		;;
	tunnel-both)
		tctl home tunnel del prey &
		tctl gw tunnel del prey
		wait $!
		prey_gw
		prey_home
		;;
	esac
}
# a carrier may be over before it can be deleted
FORGIVEN=' close-gw close-home '
ALL=(reset-gw reset-home reset-both close-gw close-home kill-gw kill-home kill-both
	listener service tunnel-gw tunnel-home tunnel-both)
events() { # events N: each kind before any comes again
	local n list=() done_=''
	for n in $(seq "$1"); do
		if [ ${#list[@]} = 0 ]; then
			mapfile -t list < <(printf '%s\n' "${ALL[@]}" | awk -v seed="$RANDOM" '
				BEGIN { srand(seed) } { print rand() "\t" $0 }' | sort -n | cut -f2)
		fi
		event "${list[0]}" >"$T/said" 2>&1 || [[ $FORGIVEN == *" ${list[0]} "* ]] || {
			echo "event $n, ${list[0]}: $(head -c 300 "$T/said")"
			return 1
		}
		done_+=" ${list[0]}"
		if ! await 90 all_up; then
			echo "event $n, ${list[0]}: the tunnels do not come back; so far:$done_"
			tctl gw tunnel show
			tctl home tunnel show
			return 1
		fi
		list=("${list[@]:1}")
		[ $((n % 20)) != 0 ] || note "$n events"
		sleep 0.$((RANDOM % 10))
	done
	note "events:$done_"
}

make_keys
check "a tunnel comes up" setup 4 grace 600
# A slow link: something is always on its way, and the processors have time for more.
for dev in nat-gw gw-nat; do
	in_ns "${dev%-*}" tc qdisc add dev $dev root netem rate 1500kbit delay 3ms limit 200
done
serve home 127.0.0.1 9000
serve gw 127.0.0.1 9000
check "and a second one, with services and listeners" configure

start_loads
moving() { [ "$(rounds safe)" -ge 2 ] && [ "$(rounds prey)" -ge 2 ]; }
await 60 moving
if events $EVENTS; then
	ok "$EVENTS events"
else
	not_ok "$EVENTS events"
fi
stop_loads
for name in safe shaky prey; do
	note "$name: $(rounds $name) runs, $(grep -c 'connection ' "$T/load-$name") connections ended early"
	same "the load '$name' saw nothing that it must not see" '' "$(bad $name)"
done
check "no session is left" await 30 none_left

# --- all of it goes, and comes back: flush and the module under load

start_loads
everything() {
	local n first second
	for n in $(seq "$1"); do
		[ $((RANDOM % 2)) = 0 ] && first=gw second=home || first=home second=gw
		[ $((RANDOM % 2)) = 0 ] && stop_daemon $first KILL
		tctl $first flush || return
		# the other end may be used meanwhile
		sleep 0.$((RANDOM % 10))
		tctl $second flush || return
		pkill -KILL -x tunneld
		await 30 rmmod tunnel || return
		load_module && start_daemon gw && start_daemon home &&
			make_tunnel 4 && configure || return
		note "module loaded again, $n"
		await 60 one_goes || return
	done
}
one_goes() { [ "$(stat_of gw payload_bytes_rx)" -gt 20000 ]; }
if everything $ALL_EVENTS; then
	ok "flush and reload under load, $ALL_EVENTS times"
else
	not_ok "flush and reload under load, $ALL_EVENTS times"
fi
stop_loads
for name in safe shaky prey; do
	sed -i '/reset by peer\|Broken pipe\|refused/d' "$T/load-$name"
done
same "no wrong byte and nobody stuck" '' "$(for name in safe shaky prey; do bad $name; done)"
same "nor at the services" '' "$(grep -hv 'reset by peer\|Broken pipe' "$OUT"/serve-*.log)"
tctl gw flush
tctl home flush
stop_daemon gw
stop_daemon home
await 30 rmmod tunnel
no_leak "nothing is left in memory"
finish
