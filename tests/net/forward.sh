#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.12
#
# Services that the daemon connects: unix sockets, names, and what the peer asks for as far
# as egress rules allow; in the one line that each takes, with programs of Debian as they are.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..96

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
AT=198.51.100.1
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
client() { in_ns client "$@"; }
get() { # get NS URL: what curl gets, or its exit code
	in_ns "$1" curl -s --noproxy '*' -m 40 "$2" || echo "curl: $?"
}

# Names of the test, asked of a real server; what it knows is read anew on SIGHUP.
start_dns() { # start_dns NS
	: >"$T/names-$1"
	in_ns "$1" dnsmasq --conf-file=/dev/null --keep-in-foreground --log-facility=- --no-resolv --no-hosts --port=53 \
		--listen-address=127.0.0.1 --bind-interfaces --local-ttl=1 --addn-hosts="$T/names-$1" \
		--pid-file="$T/dnsmasq-$1.pid" --user=root --log-queries >"$OUT/dnsmasq-$1.log" 2>&1 &
	await 10 dns_listens "$1"
}
dns_listens() { [ -n "$(in_ns "$1" ss -Hlun 'sport = :53')" ]; }
names() { # names NS LINES: addresses and names, as in a file of hosts
	local before
	before=$(grep -c "read $T/names-$1" "$OUT/dnsmasq-$1.log")
	printf '%s\n' "$2" >"$T/names-$1"
	kill -HUP "$(<"$T/dnsmasq-$1.pid")"
	await 10 read_anew "$1" "$before"
}
read_anew() { [ "$(grep -c "read $T/names-$1" "$OUT/dnsmasq-$1.log")" -gt "$2" ]; }

start_postgres "unix_socket_directories = '$T/sock'" 'unix_socket_permissions = 0777' >"$OUT/postgres.log" 2>&1 &
check "a tunnel" setup
echo 'nameserver 127.0.0.1' >"$T/resolv.conf"
check "a name server on each host" eval 'mount --bind "$T/resolv.conf" /etc/resolv.conf && start_dns home && start_dns gw'
mkdir "$T/sock"
chmod 777 "$T/sock"
check "nginx, on TCP and on a unix socket" eval 'start_nginx home 127.0.0.1 8080 &&
	sed -i "s|listen 127.0.0.1:8080;|listen 127.0.0.1:8080; listen [::1]:8081; listen unix:$T/sock/nginx;|" "$T/nginx-home.conf" &&
	in_ns home nginx -c "$T/nginx-home.conf" -s reload && await 10 test -S "$T/sock/nginx"'
check "another web server" eval 'start_lighttpd'
check "redis, on a unix socket only" eval 'in_ns home redis-server --port 0 --unixsocket "$T/sock/redis" --unixsocketperm 777 --save "" --daemonize yes &&
	await 10 test -S "$T/sock/redis"'

# --- expose: unix sockets
check "expose a unix socket" tctl home expose redis "unix:$T/sock/redis" on gw
check "and another" tctl home expose pg "unix:$T/sock/.s.PGSQL.5432" on gw
check "and a third" tctl home expose site "unix:$T/sock/nginx" on gw
has "they are shown" "$(tctl home expose)" "^service: redis -> unix:$T/sock/redis \(for tunnel gw only\)$"
has "also as JSON" "$(tctl home -j service show | tr -d '\n ')" "\"name\":\"redis\",\"target\":\[\"unix:$T/sock/redis\"\]"
check "forward to them" eval 'tctl gw forward $AT:6379 to home/redis && tctl gw forward $AT:5432 to home/pg && tctl gw forward $AT:8000 to home/site'
has "that is shown" "$(tctl gw forward)" '^listener: 198.51.100.1:6379 -> home/redis$'
same "redis answers" PONG "$(client redis-cli -h $AT ping)"
head -c 3000000 /dev/urandom | base64 -w0 >"$T/value"
check "takes 4 MB" eval 'client redis-cli -h $AT -x set big <"$T/value"'
same "and gives them back" "$(sha256sum <"$T/value" | cut -d' ' -f1)" \
	"$(client redis-cli -h $AT --raw get big | head -c "$(stat -c %s "$T/value")" | sha256sum | cut -d' ' -f1)"
check "50 clients at once" eval 'client redis-benchmark -h $AT -q -c 50 -n 2000 -t get,lpush'
check "PostgreSQL is there" await 60 test -S "$T/sock/.s.PGSQL.5432"
same "psql" 499500 "$(client psql -h $AT -U postgres -Atc 'select sum(i) from generate_series(0, 999) i')"
same "nginx: 64 MiB" "$(sum_of 64m)" "$(fetch client "http://$AT:8000/64m")"
check "then a session leads to the daemon's choice" eval '[ "$(stat_of home sessions_asked)" -gt 50 ]'
check "bytes and ends, both ways" python3 "$SRC/tests/net/forward.py" bytes
check "what goes wrong there" python3 "$SRC/tests/net/forward.py" wrong
check "and what the kernel refuses" in_ns home python3 "$SRC/tests/net/forward.py" netlink

# --- names
names home '127.0.0.1 web.internal'
check "expose a name" tctl home expose web WEB.internal.:8080 on gw
check "forward to it" tctl gw forward $AT:80 to home/web
same "it is looked up" 'Hello through the tunnel.' "$(get client "http://$AT/index.html")"
names home '127.0.0.9 web.internal'
same "for each connection: nobody is at its next address" 'curl: 56' "$(get client "http://$AT/index.html")"
check "which is said" logged home 'refused gw on service web to web.internal:8080: Connection refused'
names home $'127.0.0.9 web.internal\n127.0.0.1 web.internal'
same "of several addresses the one that answers is taken" 'Hello through the tunnel.' "$(get client "http://$AT/index.html")"
names home '::1 web.internal'
check "a name with another port" eval 'tctl home service del web tunnel gw && tctl home expose web web.internal:8081 on gw'
same "and with IPv6 only" 'Hello through the tunnel.' "$(get client "http://$AT/index.html")"
names home ''
same "a name that there is not" 'curl: 56' "$(get client "http://$AT/index.html")"
check "is said, too" logged home 'refused gw on service web to web.internal:8081: resolving web.internal: '
kill -STOP "$(<"$T/dnsmasq-home.pid")"
client curl -s -m 60 "http://$AT/index.html" >/dev/null 2>&1 &
waiting=$!
check "one waits for a name server that is silent" await 10 eval '[ "$(sessions home)" = 1 ]'
has "and is shown to" "$(tctl home session show)" 'opening'
same "others do not" PONG "$(client redis-cli -h $AT ping)"
kill -CONT "$(<"$T/dnsmasq-home.pid")"
check "it ends" await 40 ended $waiting
check "then none is left" await 20 none_left

# --- egress: from home out of gw
check "the same address may be asked for from home" tctl home forward 127.0.0.1:7000 to gw/198.51.100.2:7000
has "that is shown, too" "$(tctl home listener show)" '^listener: 127.0.0.1:7000 -> gw/egress for 198.51.100.2:7000$'
in_ns client python3 "$SRC/tests/net/forward.py" hello 198.51.100.2 7000 client &
check "somebody outside" await 10 listens client 7000
in_ns gw python3 "$SRC/tests/net/forward.py" hello 0.0.0.0 7000 gw &
check "and gw itself" await 10 listens gw 7000
same "without a rule nothing is allowed" 'reset' "$(in_ns home python3 "$SRC/tests/net/forward.py" ask 127.0.0.1 7000)"
check "a rule" tctl gw egress allow network 198.51.100.2 port 7000-7001
same "and it is" 'client' "$(in_ns home python3 "$SRC/tests/net/forward.py" ask 127.0.0.1 7000)"
has "the session says what it asked for" "$(tctl gw egress show)" '^  1: allow network 198.51.100.2 port 7000-7001$'
ask() { # ask DESTINATION: what comes through a listener for it
	tctl home forward 127.0.0.1:7777 to "gw/$1" || return
	in_ns home python3 "$SRC/tests/net/forward.py" ask 127.0.0.1 7777
	tctl home listener del 127.0.0.1:7777
}
same "not another port" reset "$(ask 198.51.100.2:7002)"
same "not another host" reset "$(ask 203.0.113.2:7000)"
names gw $'198.51.100.2 out.example\n127.0.0.1 trap.example\n198.51.100.2 both.example\n127.0.0.1 both.example\n203.0.113.2 own.example\n169.254.169.254 cloud.example\n::ffff:127.0.0.1 mapped.example'
same "a name is looked up on that side, and its address is allowed" client "$(ask out.example:7000)"
check "a rule for names" tctl gw egress allow name '*.example' port 7000
same "which leads nobody to gw itself" reset "$(ask trap.example:7000)"
check "as its log says" logged gw 'refused home on service egress to trap.example:7000: no egress rule allows its addresses'
same "nor in another form" reset "$(ask mapped.example:7000)"
same "nor by an address of its own" reset "$(ask own.example:7000)"
same "nor to its links" reset "$(ask cloud.example:7000)"
same "of several addresses the allowed one is taken" client "$(ask both.example:7000)"
same "what no rule can allow is not even looked up" reset "$(ask out.test:7005)"
check "no question was asked" eval '! grep -q out.test "$OUT/dnsmasq-gw.log"'
check "a rule for gw itself" tctl gw egress allow network 127.0.0.0/8 port 7000
same "then it is allowed" gw "$(ask trap.example:7000)"
same "also by its address" gw "$(ask 127.0.0.1:7000)"
check "a rule in the way does not come first" tctl gw egress deny name trap.example
same "the first that fits decides" gw "$(ask trap.example:7000)"
check "without the others" eval 'tctl gw egress del 3 && tctl gw egress del 2'
same "it is refused" reset "$(ask trap.example:7000)"
has "rules that are left" "$(tctl gw egress show | tr '\n' '|')" '^service: egress -> what the peer asks for, by rules\|  1: allow network 198.51.100.2 port 7000-7001\|  2: deny name trap.example\|$'
check "for one tunnel only" tctl gw egress allow network 198.51.100.2 port 7002 tunnel home
same "which goes before those for all" reset "$(ask 198.51.100.2:7000)"
has "without its last rule nothing is allowed to it" "$(tctl gw egress del 1 tunnel home)" 'nothing is allowed to the peer of home'
same "nothing, not what is for all" reset "$(ask 198.51.100.2:7000)"
tctl gw save >"$T/closed.yaml"
same "which a file can say, too" "nothing to do" "$(tctl gw apply "$T/closed.yaml")"
check "a rule without a condition" eval 'tctl gw egress deny tunnel home && tctl gw save >"$T/closed.yaml"'
same "can be saved and applied" "nothing to do" "$(tctl gw apply "$T/closed.yaml")"
check "without the service" tctl gw service del egress tunnel home
same "those for all hold again" client "$(ask 198.51.100.2:7000)"

# --- as a file
for host in home gw; do
	tctl $host save >"$T/$host.yaml"
	check "$host: saved, applied, nothing to do" eval '[ "$(tctl $host apply "$T/$host.yaml")" = "nothing to do" ]'
	hash=$(tctl $host config hash)
	same "$host: the file has the same hash" "$hash" "$(tctl $host config hash "$T/$host.yaml")"
done
sed -i 's/7000-7001/7000/' "$T/gw.yaml"
has "a rule that changed" "$(tctl gw apply "$T/gw.yaml" | tr '\n' '|')" '^~ service egress\|'
same "is in force" reset "$(tctl home forward 127.0.0.1:7779 to gw/198.51.100.2:7001; in_ns home python3 "$SRC/tests/net/forward.py" ask 127.0.0.1 7779)"
printf 'services:\n  egress:\n    - allow network 10.0.0.0/33\n' >"$T/bad.yaml"
has "a wrong one has a place" "$(tctl gw check "$T/bad.yaml" 2>&1)" 'bad.yaml:3:7: .*10.0.0.0/33'
printf 'services:\n  x: unix:run/x\n' >"$T/bad.yaml"
has "so has a path that is none" "$(tctl gw check "$T/bad.yaml" 2>&1)" 'bad.yaml:2:3: "unix:run/x" is no path from the root'

# --- what people type
for words in 'expose web 127.0.0.1:80' 'expose web' 'expose web nowhere on gw' 'expose web a_b:99999 on gw' 'forward 127.0.0.1:1 to gw/:80' \
	'egress allow port 0' 'egress allow nam x' 'egress del 9'; do
	# shellcheck disable=SC2086 # the words
	sentence=$(tctl home $words 2>&1) && sentence="done: $sentence"
	has "refused with a sentence: $words" "$sentence" '^tunnelctl: .* '
done

# --- without a daemon
stop_daemon home KILL
began=$SECONDS
has "without a daemon it is reset at once" "$(get client "http://$AT:8000/index.html")" "^curl: (7|56)$"
check "not after a while" eval '[ $((SECONDS - began)) -lt 10 ]'
start_daemon home
check "with one it is there again" await 20 eval '[ "$(get client "http://$AT:8000/index.html")" = "Hello through the tunnel." ]'
check "none is left" await 20 none_left
check "flush" eval 'tctl home flush && tctl gw flush'
finish
