#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.1
#
# TLS that is ended at a listener, or begun to a service: programs of Debian as they are on
# both sides of it; certificates that change while people come; what is refused. The
# handshakes are tunneld's, the records the kernel's.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..74

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
PYTHON=/usr/bin/python3 # grpc and websockets are Debian's
AT=198.51.100.1
HELLO='Hello through the tunnel.'
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
client() { in_ns client "$@"; }
certificate() { tctl gw certificate "$@"; }
# By name, at the address of gw; the CA is known
web() { # web URL [ARG...]: what came, code and version
	client curl -s --noproxy '*' -m 60 --cacert "$T/ca.pem" --connect-to "::$AT:" -w ' %{http_code} %{http_version}' \
		"${@:2}" "$1" | tr -d '\n'
}
code() { web "$@" -o /dev/null | cut -d' ' -f2; }
shown() { # shown PORT [ARG...]: whose certificate is it?
	client openssl s_client -connect "$AT:$1" "${@:2}" </dev/null 2>/dev/null | sed -n 's/^subject=CN = //p'
}

check "a tunnel" setup
check "nginx, also with HTTP/2, also with TLS" start_sites
check "redis, also with TLS" in_ns home redis-server --bind 127.0.0.1 --port 6379 --save '' --daemonize yes \
	--tls-port 6380 --tls-cert-file "$T/a.pem" --tls-key-file "$T/a.pem.key" --tls-ca-cert-file "$T/ca.pem" --tls-auth-clients no
in_ns home env CERTIFICATE="$T/b.pem" "$PYTHON" "$SRC/tests/net/routes_apps.py" serve >"$OUT/apps.log" 2>&1 &
check "WebSocket servers" await 30 listens home 8766
check "gRPC servers" await 30 listens home 50052
for s in web:8080 h2:8081 redis:6379 ws:8765 grpc:50051 dead:9; do
	tctl home service add "${s%:*}" "127.0.0.1:${s#*:}"
done

# --- ended at a listener
check "a certificate" certificate add $AT:443 "$T/a.pem" key "$T/a.pem.key"
check "one more, with its key in the same file" eval '(umask 077 && cat "$T/b.pem" "$T/b.pem.key" >"$T/b.both") && certificate add $AT:443 "$T/b.both"'
same "nobody is led anywhere yet" "404 Not Found 404 1.1" "$(web https://a.example/)"
same "nor comes in without TLS" 000 "$(code http://a.example:443/)"
check "a route" tctl gw route add $AT:443 to home/web
check "another one before it" tctl gw route add $AT:443 at 1 sni b.example path /light to home/dead
has "they are shown" "$(certificate show)" "^  tls certificate $T/b.both$"
same "HTTPS" "$HELLO 200 1.1" "$(web https://a.example/index.html)"
same "with the certificate of that name" "a.example b.example" "$(shown 443 -servername a.example) $(shown 443 -servername b.example)"
same "who names none, or another, sees the first" "a.example a.example" "$(shown 443 -noservername) $(shown 443 -servername c.example)"
same "a name in the handshake is a condition" "502 200" "$(code https://b.example/light/x) $(code https://a.example/index.html)"
same "64 MiB down are the same" "$(sum_of 64m)" "$(client curl -s --cacert "$T/ca.pem" --connect-to "::$AT:" https://a.example/64m | sha256sum | cut -d' ' -f1)"
tctl home service add sum 127.0.0.1:7777
tctl gw route add $AT:443 at 1 path /body to home/sum
head -c 3000000 "$T/www/64m" >"$T/up"
same "3 MB up are the same" "$(sha256sum <"$T/up" | cut -d' ' -f1)" \
	"$(client curl -s --cacert "$T/ca.pem" --connect-to "::$AT:" -H 'Expect:' --data-binary "@$T/up" https://a.example/body)"
has "the end of it is a good-bye" "$(printf 'GET /index.html HTTP/1.0\r\nHost: a.example\r\n\r\n' |
	client openssl s_client -connect $AT:443 -servername a.example -quiet -CAfile "$T/ca.pem" -ign_eof 2>&1)" "$HELLO"
has "ab: 200 requests, 20 at a time" "$(client ab -q -n 200 -c 20 "https://$AT/index.html" 2>&1)" 'Complete requests: +200'
"$BIN/in_ns" client tcpdump -i any -U -w "$T/wire" 'tcp port 443' >/dev/null 2>"$T/tcpdump" &
await 20 says "$T/tcpdump" 'listening on'
web https://a.example/index.html >/dev/null
check "what is on the wire is caught" await 20 eval '[ "$(stat -c %s "$T/wire")" -gt 2000 ]'
kill $! && wait $!
check "none of it is in the clear" eval '! grep -aq "$HELLO" "$T/wire"'

# --- ALPN
check "HTTP/2 is offered elsewhere" eval 'certificate add $AT:444 "$T/a.pem" key "$T/a.pem.key" alpn h2 && tctl gw route add $AT:444 protocol grpc to home/grpc && tctl gw route add $AT:444 to home/h2'
same "HTTP/2" "$HELLO 200 2" "$(web https://a.example:444/index.html)"
has "h2load: 200 requests, 10 connections, 10 streams" "$(client h2load -n 200 -c 10 -m 10 "https://$AT:444/index.html" 2>&1)" '200 succeeded, 0 failed'
check "gRPC: unary, streams of both sides, 10 MB" client "$PYTHON" "$SRC/tests/net/routes_apps.py" grpc "$AT:444" "$T/ca.pem" a.example
same "who speaks only HTTP/1.1 is told so" 000 "$(code https://a.example:444/index.html --http1.1)"
check "both" eval 'certificate alpn $AT:444 h2,http/1.1 && tctl gw route add $AT:444 at 1 alpn http/1.1 to home/web'
same "each gets what it agreed to" "1.1 2" "$(for v in --http1.1 --http2; do web https://a.example:444/index.html $v -o /dev/null; echo; done | xargs | awk '{ print $2, $4 }')"
check "WebSocket behind TLS" eval 'tctl gw route add $AT:443 at 1 protocol websocket to home/ws && client "$PYTHON" "$SRC/tests/net/routes_apps.py" websocket "wss://a.example:443/" "$T/ca.pem" $AT'
check "redis behind TLS" eval 'certificate add $AT:6380 "$T/a.pem" key "$T/a.pem.key" && tctl gw route add $AT:6380 to home/redis'
same "answers" PONG "$(client redis-cli --tls --cacert "$T/ca.pem" --sni a.example -h $AT -p 6380 ping)"
has "50 clients at once" "$(client redis-benchmark --tls --cacert "$T/ca.pem" -h $AT -p 6380 -q -c 50 -n 1000 -t get 2>&1 | tr '\r' '\n' | tail -n 2)" 'requests per second'

# --- files that change
mkfifo "$T/hold"
in_ns client "$PYTHON" "$SRC/tests/net/edge.py" hold $AT 6380 "$T/ca.pem" 100 <"$T/hold" >"$T/held" &
holds=$!
exec 8>"$T/hold"
check "a hundred connections stay open" await 60 says "$T/held" open
openssl req -x509 -key "$T/a.pem.key" -days 30 -subj /CN=new.example -addext 'subjectAltName=DNS:a.example' -out "$T/new.pem" 2>/dev/null
mv "$T/new.pem" "$T/a.pem"
same "a certificate that was replaced is shown at once" new.example "$(shown 443 -servername a.example)"
echo nonsense >"$T/a.pem"
same "one that is no certificate any more is not" new.example "$(shown 443 -servername a.example)"
check "and that is said" logged gw "the certificates of before stay: certificate $T/a.pem: "
tctl gw route add $AT:6380 at 1 from 192.0.2.99 to home/dead
exec 8>&-
check "none of the hundred was dropped" await 30 says "$T/held" '100 of 100'
wait $holds
openssl x509 -req -in "$T/a.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 30 \
	-extfile <(echo "subjectAltName=DNS:a.example") -out "$T/a.pem" 2>/dev/null
same "with a good one it goes on" "$HELLO 200 1.1" "$(web https://a.example/index.html)"

# --- what is refused
cp "$T/a.pem.key" "$T/loose.key"
chmod 644 "$T/loose.key"
refused "a key that others can read" "loose.key is accessible to group or others \(chmod 600" certificate add $AT:445 "$T/a.pem" key "$T/loose.key"
check "and nobody listens there" no listens gw 445
refused "a key of another certificate" "is not that of certificate $T/a.pem" certificate add $AT:446 "$T/a.pem" key "$T/b.pem.key"
refused "a file that is not there" "certificate /nowhere.pem: No such file" certificate add $AT:447 /nowhere.pem
check "when they are as they must be it listens" eval 'chmod 600 "$T/loose.key" && await 40 listens gw 445'
refused "the last certificate stays" "without it clients would come without TLS" certificate del $AT:445 "$T/a.pem"
refused "no file named" "is no file: one is named from the root" certificate add $AT:443 a.pem
refused "a listener that is not by routes" "leads to home/web" eval 'tctl gw listener add $AT:81 to home/web && tctl gw certificate add $AT:81 "$T/a.pem"'
check "strangers" client "$PYTHON" "$SRC/tests/net/edge.py" strangers $AT 443
check "who speaks no TLS is told of in the log" logged gw 'refused 198.51.100.2:[0-9]+ on 198.51.100.1:443: not TLS'

# --- begun to a service
check "a service with TLS" tctl home expose secure https://127.0.0.1:8443 name a.example ca "$T/ca.pem" on gw
has "is shown" "$(tctl home expose)" "^service: secure -> https://127.0.0.1:8443 name=a.example ca=$T/ca.pem \(for"
tctl gw forward $AT:8001 to home/secure
same "HTTP in, HTTPS out" "$HELLO 200 1.1" "$(web http://a.example:8001/index.html)"
same "64 MiB are the same" "$(sum_of 64m)" "$(fetch client "http://$AT:8001/64m")"
has "ab: 100 requests, 10 at a time" "$(client ab -q -n 100 -c 10 "http://$AT:8001/index.html" 2>&1)" 'Complete requests: +100'
tctl gw route add $AT:443 at 1 path /64m to home/secure
same "TLS on both sides" "$(sum_of 64m)" "$(client curl -s --cacert "$T/ca.pem" --connect-to "::$AT:" https://a.example/64m | sha256sum | cut -d' ' -f1)"
out() { # out TARGET...: what becomes of it
	tctl home service add out "$@" tunnel gw || return
	tctl gw forward $AT:8002 to home/out
	code http://a.example:8002/index.html
	tctl gw listener del $AT:8002
	tctl home service del out tunnel gw
}
same "another name than in its certificate" 000 "$(out https://127.0.0.1:8443 name c.example ca "$T/ca.pem")"
check "is said" logged home 'refused gw on service out to https://127.0.0.1:8443: its certificate is refused: .*does not match'
same "a CA that nobody knows" 000 "$(out https://127.0.0.1:8443 name a.example ca "$T/b.pem")"
check "is said" logged home 'its certificate is refused: .*not correctly signed by the trusted CA'
same "what the admin does not want looked at" 200 "$(out https://127.0.0.1:8443 verify no)"
same "one that speaks no TLS" 000 "$(out https://127.0.0.1:8080 verify no)"
check "is said" logged home 'to https://127.0.0.1:8080: .*(TLS|SSL)'
refused "an address without a name" 'certificates have names: add name=NAME' tctl home service add x https://127.0.0.1:8443
refused "a path" 'names more than a host and a port' tctl home service add x https://a.example/x
refused "words of TLS for what has none" 'ca, alpn and verify are about TLS' tctl home service add x 127.0.0.1:80 ca /x
tctl home service add grpcs grpcs://127.0.0.1:50052 name b.example ca "$T/ca.pem"
tctl home service add wss wss://127.0.0.1:8766 name b.example ca "$T/ca.pem"
tctl home service add rediss tls://127.0.0.1:6380 name a.example ca "$T/ca.pem"
for s in grpcs:8003 wss:8004 rediss:8005; do
	tctl gw forward "$AT:${s#*:}" to "home/${s%:*}"
done
check "gRPC to a server with TLS" client "$PYTHON" "$SRC/tests/net/routes_apps.py" grpc "$AT:8003"
check "WebSocket to one" client "$PYTHON" "$SRC/tests/net/routes_apps.py" websocket "ws://$AT:8004/"
same "redis to one" PONG "$(client redis-cli -h $AT -p 8005 ping)"
same "HTTP/2 wanted of who has it not" 000 "$(out grpcs://127.0.0.1:6380 verify no)"

# --- as a file
for p in 446 447; do
	tctl gw listener del $AT:$p
done
tctl gw save >"$T/gw.yaml"
tctl home save >"$T/home.yaml"
check "what is saved is what is there" eval 'for h in gw home; do [[ $(tctl $h apply -n "$T/$h.yaml") == *"nothing"* ]] || exit; done'
tctl gw flush
tctl home flush
check "and makes it again" eval 'for h in home gw; do tctl $h apply "$T/$h.yaml"; done && await 30 tunnel_up gw && [ "$(tctl gw save)" = "$(<"$T/gw.yaml")" ]'
same "as before" "$HELLO 200 1.1" "$(web https://a.example/index.html)"

tear_down
finish
