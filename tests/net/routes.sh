#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 150
# short: 6.12
#
# Listeners with routes: programs of Debian as they are, led by what they say first; what
# is led nowhere; strangers who say too little, too much, or two things at once; routes
# and daemon that change under open connections.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..130

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
PYTHON=/usr/bin/python3 # grpc and websockets are Debian's
AT=198.51.100.1
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
route() { tctl gw route "$@"; }
client() { in_ns client "$@"; }
web() { # web ARG...: curl, the code and what came
	client curl -s --noproxy '*' -m 30 -w ' %{http_code} %{http_version}' "$@"
}

start_postgres 'ssl = on' >"$OUT/postgres.log" 2>&1 &
check "a tunnel" setup
check "nginx: HTTP/1, HTTP/2, and TLS with two certificates" start_sites
check "lighttpd" start_lighttpd
check "redis" in_ns home redis-server --bind 127.0.0.1 --port 6379 --save '' --daemonize yes
in_ns home "$PYTHON" "$SRC/tests/net/routes_apps.py" serve >"$OUT/apps.log" 2>&1 &
check "a WebSocket server" await 30 listens home 8765
check "a gRPC server" await 30 listens home 50051
check "PostgreSQL" await 60 listens home 5432
for s in web:8080 light:8082 h2:8081 tls:8443 redis:6379 pg:5432 ws:8765 grpc:50051 greets:2525 sum:7777 dead:9; do
	tctl home service add "${s%:*}" "127.0.0.1:${s#*:}"
done
cat >"$T/80" <<-EOR
	# the first that fits
	host a.example path /light to home/light
	host A.example. to home/web
	host dead.example to home/dead
	host *.wild.example to home/web
	header x-to=light to home/light
	protocol websocket to home/ws
	protocol grpc to home/grpc
	host h2.example to home/h2
	protocol http2 to home/h2
	host sum.example to home/sum
	host gone.example to nowhere/web
	host none.example to home/missing
	from 198.51.100.2 protocol opaque to home/redis
EOR
check "routes from a file" route set "$AT:80" "$T/80"
has "a listener that is up" "$(route show)" 'listener: 198.51.100.1:80 by routes, up$'
cat >"$T/443" <<-EOR
	sni plain.example alpn http/1.1 to home/light
	sni *.example to home/tls
	sni dead.test to home/dead
	protocol opaque to home/pg
EOR
check "routes from standard input" route set "$AT:443" - <"$T/443"
check "routes one by one" route add '[fd00:5::1]:80' to home/web
check "in front of the others" route add '[fd00:5::1]:80' at 1 host a.example path /light to home/light

# --- by name
same "by host" "Hello through the tunnel. 200 1.1" "$(web -H 'Host: a.example:80' "http://$AT/index.html" | tr -d '\n')"
same "by path" "lighttpd 200 1.1" "$(web -H 'Host: a.example' "http://$AT/light/" | tr -d '\n')"
same "a path ends where a segment does" "404 1.1" "$(web -o /dev/null -H 'Host: a.example' "http://$AT/lightx" | cut -c2-)"
same "by what is below a name" "200 1.1" "$(web -o /dev/null -H 'Host: x.y.Wild.example' "http://$AT/index.html" | cut -c2-)"
has "not the name itself" "$(web -H 'Host: wild.example' "http://$AT/" | tr -d '\n')" '^404 Not Found 404'
same "by header" "200 1.1" "$(web -o /dev/null -H 'X-To: light' "http://$AT/light/" | cut -c2-)"
same "over IPv6" "Hello through the tunnel. 200 1.1" "$(web 'http://[fd00:5::1]/index.html' | tr -d '\n')"
same "over IPv6, by host and path" "lighttpd 200 1.1" "$(web -H 'Host: a.example' 'http://[fd00:5::1]/light/' | tr -d '\n')"
same "HTTP/1.0 without a host finds no route" "404" "$(web -0 -H 'Host:' -o /dev/null "http://$AT/" | cut -d' ' -f2)"
same "64 MiB are the same" "$(sum_of 64m)" "$(client curl -s -H 'Host: a.example' "http://$AT/64m" | sha256sum | cut -d' ' -f1)"
head -c 3000000 "$T/www/64m" >"$T/up"
same "3 MB that are sent up are the same" "$(sha256sum <"$T/up" | cut -d' ' -f1)" \
	"$(client curl -s -H 'Host: sum.example' -H 'Expect:' --data-binary "@$T/up" "http://$AT/body")"

# --- HTTP/2, gRPC, WebSocket
same "HTTP/2" "Hello through the tunnel. 200 2" "$(web --http2-prior-knowledge -H 'Host: h2.example' "http://$AT/index.html" | tr -d '\n')"
has "h2load: 200 requests, 10 connections, 10 streams" \
	"$(client h2load -n 200 -c 10 -m 10 -H ':authority: h2.example' "http://$AT/index.html" 2>&1)" '200 succeeded, 0 failed'
has "nghttp, whose first stream is not 1" "$(client nghttp -v -H ':authority: nobody' -H 'x-to: light' "http://$AT/index.html" 2>&1)" ':status: 40[04]'
check "gRPC: unary, streams of both sides, 10 MB" client "$PYTHON" "$SRC/tests/net/routes_apps.py" grpc "$AT:80"
check "WebSocket: echoes of 1 B to 1 MiB" client "$PYTHON" "$SRC/tests/net/routes_apps.py" websocket "ws://$AT/"
same "redis, on the port of the web" PONG "$(client redis-cli -h $AT -p 80 PING)"
has "ab: 300 requests, 20 at a time" "$(client ab -q -n 300 -c 20 -H 'Host: a.example' "http://$AT/index.html" 2>&1)" 'Complete requests: +300'
has "protocol and source are those of the session" "$(in_ns client curl -s --limit-rate 1M -m 3 -o /dev/null -H 'Host: a.example' "http://$AT/64m" & for _ in $(seq 50); do tctl home -j session show; done)" \
	'"service": *"web"[^}]*"protocol": *0,[^}]*"peer_address": *"198.51.100.2:'

# --- TLS, which goes through as it is
tls() { # tls NAME [ARG...]
	client curl -s --noproxy '*' -m 30 --cacert "$T/ca.pem" --resolve "$1:443:$AT" -w ' %{http_code} %{http_version}' \
		"${@:2}" "https://$1/index.html" | tr -d '\n'
}
same "TLS by name" "Hello through the tunnel. 200 2" "$(tls a.example)"
same "and the other certificate" "Hello through the tunnel. 200 2" "$(tls b.example)"
has "openssl sees the certificate of the target" \
	"$(client openssl s_client -connect $AT:443 -servername b.example -CAfile "$T/ca.pem" </dev/null 2>&1)" 'subject=CN = b.example'
has "a name without a route: unrecognized_name" \
	"$(client openssl s_client -connect $AT:443 -servername a.test </dev/null 2>&1)" 'unrecognized name|alert number 112'
has "no name: likewise" "$(client openssl s_client -connect $AT:443 -noservername </dev/null 2>&1)" 'unrecognized name|alert number 112'
pg() { client psql "host=$AT port=443 user=postgres dbname=postgres sslmode=require" -tAc "$1"; }
same "PostgreSQL with its own TLS, on the port of the web" "1" "$(pg 'select 1' 2>&1)"
same "and a million characters" "1000000" "$(pg "select length(repeat('x', 1000000))" 2>&1)"

# --- what leads nowhere
has "no tunnel: 503, and no word of it" "$(web -H 'Host: gone.example' "http://$AT/" | tr -d '\n')" '^503 Service Unavailable 503'
has "which the log says" "$(cat "$OUT/tunneld-gw.log")" "refused 198.51.100.2:[0-9]+ on 198.51.100.1:80: to nowhere/web: there is no tunnel"
has "a service the peer has not: 502" "$(web -H 'Host: none.example' "http://$AT/" | tr -d '\n')" '^502 Bad Gateway 502'
has "a target that does not listen: 502" "$(web -H 'Host: dead.example' "http://$AT/" | tr -d '\n')" '^502 Bad Gateway 502'
head -c 3000000 /dev/zero >"$T/zeros"
has "also to who is still sending" "$(web -H 'Host: dead.example' -H 'Expect:' --data-binary "@$T/zeros" "http://$AT/" | tr -d '\n')" '502'
same "HTTP/2, too" "502 2" "$(web --http2-prior-knowledge -o /dev/null -H 'Host: dead.example' "http://$AT/" | cut -c2-)"
has "TLS, too" "$(client openssl s_client -connect $AT:443 -servername dead.test </dev/null 2>&1)" 'internal error|alert number 80'
has "HTTP/2 without a route: 404" "$(web --http2-prior-knowledge -H 'Host: x' -o /dev/null 'http://[fd00:5::1]/nothing')" '404|000'
export -f client
timeout -k 5 400 "$PYTHON" "$SRC/tests/net/routes.py" || TESTS_FAILED=1

# --- what tunnelctl says
refused() { # refused NAME PATTERN ARG...
	local said
	if said=$(route "${@:3}" 2>&1 >/dev/null); then
		not_ok "$1: it was taken"
	else
		has "$1" "$said" "$2"
	fi
}
before=$(route show)
refused "no such route" 'there is no route 99: there are 13' del "$AT:80" 99
refused "no place for it" "'at' is at most 14" add "$AT:80" at 99 to home/web
refused "no host" 'host "a!" is no host name' add "$AT:80" host 'a!' to home/web
refused "no target" '"to TUNNEL/SERVICE" is missing' add "$AT:80" host a
refused "no keyword" '"hots" is none of sni, host' add "$AT:80" hots a to home/web
refused "no port" "port" add "$AT:0" to home/web
printf 'to home/web\n\nhost\n' >"$T/bad"
refused "a file with a mistake in line 3" "$T/bad:3: \"host\" has no value" set "$AT:80" "$T/bad"
refused "an empty file" 'has no route' set "$AT:80" /dev/null
refused "a file that is too long" 'more than 16384 bytes' set "$AT:80" "$T/www/64m"
tctl gw listener add "$AT:81" to home/web
refused "a listener without routes" 'leads to home/web' add "$AT:81" to home/web
same "nothing of it has changed anything" "$before" "$(route show)"
for _ in $(seq 8); do route add "$AT:82" to home/web & pids+=($!); done
wait "${pids[@]}"
same "eight at once: none is lost" 8 "$(route show | grep -A9 ':82 by' | grep -c '^  [1-8]: to home/web$')"
check "all are removed, one by one" bash -c "for i in \$(seq 8); do '$BIN/in_ns' gw '$BIN/tunnelctl' route del $AT:82 1 || exit; done"
same "and with the last one the listener" "" "$(tctl gw listener show | grep ':82 ')"
"$BIN/in_ns" gw socat TCP-LISTEN:83,bind=$AT,fork /dev/null &
await 10 listens gw 83
refused "an address that is taken" 'cannot listen there: Address already in use' add "$AT:83" to home/web
has "which show has too" "$(route show)" ':83 by routes, failed: Address already in use'
kill $!
check "and when it is free we have it" await 20 tctl_says gw 'route show' ':83 by routes, up'
check "a listener with routes goes as any other" tctl gw listener del "$AT:83"
check "and nobody listens any more" await 10 no listens gw 83

# --- the daemon goes and comes
stop_daemon gw KILL
has "without a daemon they wait for one" "$(route show)" ':80 by routes, waiting for tunneld$'
has "which route add says" "$(route add $AT:84 to home/web 2>&1)" 'waits for tunneld: is it running'
start_daemon gw
check "another one takes them up" await 30 tctl_says gw 'route show' ':84 by routes, up'
same "and leads as before" "200 1.1" "$(web -o /dev/null -H 'Host: a.example' "http://$AT/index.html" | cut -c2-)"
check "flush takes the routes along" tctl gw flush
check "and nobody listens any more" await 20 no listens gw 80
tctl home flush
stop_daemon gw
stop_daemon home
check "the module goes" await 20 rmmod tunnel
no_leak "nothing is left in memory"
finish
