#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 60
# short: 6.12
#
# TLS 1.3, with the mbedTLS of the next Debian: of carriers, of a listener and to a service;
# and beside a daemon that has 1.2 only.
# shellcheck disable=SC2016,SC2034 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..30

AT=198.51.100.1
HELLO='Hello through the tunnel.'
NEWER=$SRC/build/newer/bin/tunneld
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
client() { in_ns client "$@"; }
web() { # web URL [ARG...]: what came, and the code
	client curl -s --noproxy '*' -m 60 --cacert "$T/ca.pem" --connect-to "::$AT:" -w ' %{http_code}' "${@:2}" "$1" | tr -d '\n'
}
says_of() { # says_of NS VERSION: its carrier is of that
	await 20 says "$OUT/tunneld-$1.log" "attached \($2"
}
s_client() { client openssl s_client -connect $AT:443 -servername a.example -CAfile "$T/ca.pem" "$@" 2>&1; }

TUNNELD=$NEWER
check "a tunnel between two daemons with TLS 1.3" setup
check "its carrier has 1.3 at home" says_of home 'TLS 1.3, AES-128-GCM'
check "and at the gateway" says_of gw 'TLS 1.3'
check "nginx, with TLS 1.3" start_sites
sed -i 's|http {|http { ssl_protocols TLSv1.3; |' "$T/nginx-home.conf"
check "and nothing less" in_ns home nginx -c "$T/nginx-home.conf" -s reload
tctl home service add web 127.0.0.1:8080
tctl gw forward $AT:80 to home/web
same "64 MiB over it" "$(sum_of 64m)" "$(fetch client "http://$AT/64m")"

# --- who the peer is, in other ways
(umask 077 && openssl rand -base64 48 >"$T/both.psk")
times() { grep -c 'TLS 1.3' "$OUT/tunneld-$1.log"; }
one_more() { [ "$(times home)" -gt "$before" ] && tunnel_up home && tunnel_up gw; }
anew() { # anew NAME: a carrier of TLS 1.3 once more, and it carries
	check "$1: TLS 1.3" await 20 one_more
	same "$1: bytes go" "$HELLO 200" "$(web http://a.example/index.html)"
}
before=$(times home)
check "a key that both have" eval 'tctl gw tunnel set home psk "$T/both.psk" psk-identity both && tctl home tunnel set gw psk "$T/both.psk" psk-identity both'
anew "a key that both have"
before=$(times home)
check "an authority and names" eval 'tctl gw tunnel set home ca "$T/ca.pem" name b.example key "$T/a.pem.key" certificate "$T/a.pem" &&
	tctl home tunnel set gw ca "$T/ca.pem" name a.example key "$T/b.pem.key" certificate "$T/b.pem"'
anew "an authority and names"

check "a certificate" tctl gw certificate add $AT:443 "$T/a.pem" key "$T/a.pem.key" alpn http/1.1
check "a route" tctl gw route add $AT:443 to home/web
same "a listener: curl" "$HELLO 200" "$(web https://a.example/index.html --tlsv1.3)"
same "64 MiB" "$(sum_of 64m)" "$(client curl -s --tlsv1.3 --cacert "$T/ca.pem" --connect-to "::$AT:" https://a.example/64m | sha256sum | cut -d' ' -f1)"
has "it is 1.3" "$(s_client -tls1_3 </dev/null)" 'New, TLSv1.3, Cipher is TLS_AES_'
same "who knows 1.2 only gets that" "$HELLO 200" "$(web https://a.example/index.html --tls-max 1.2)"
has "ab: 100 requests, 10 at a time" "$(client ab -q -n 100 -c 10 "https://$AT/index.html" 2>&1)" 'Complete requests: +100'
has "a client that changes its key is reset, and not answered" \
	"$( (printf 'K\n'; nap 1; printf 'GET / HTTP/1.0\r\n\r\n'; nap 2) | s_client -tls1_3 | tail -n 5)" 'reset by peer|errno=104|KEYUPDATE'
check "no answer got out" eval '! grep -q "HTTP/1.1 200" <<<"$( (printf "K\n"; nap 1; printf "GET / HTTP/1.0\r\n\r\n"; nap 2) | s_client -tls1_3)"'
check "a service with TLS, whose server sends tickets" tctl home expose secure https://127.0.0.1:8443 name a.example ca "$T/ca.pem" on gw
tctl gw forward $AT:8001 to home/secure
same "is reached" "$HELLO 200" "$(web http://a.example:8001/index.html)"
same "64 MiB" "$(sum_of 64m)" "$(fetch client "http://$AT:8001/64m")"

# --- one of them is older
stop_daemon home
TUNNELD=$BIN/tunneld
start_daemon home
carriers() { tctl home -j carrier show | grep -oE '"carrier": ?[0-9]+' | grep -oE '[0-9]+$'; }
tctl home carrier del "$(carriers)"
check "a daemon with TLS 1.2 dials one with 1.3" says_of home 'TLS 1.2'
same "and bytes go" "$HELLO 200" "$(web http://a.example/index.html)"
stop_daemon gw
start_daemon gw
stop_daemon home
TUNNELD=$NEWER
start_daemon home
tctl home carrier del "$(carriers)"
check "and the other way" await 60 says "$OUT/tunneld-home.log" 'TLS 1\.2.*TLS 1\.2'
same "bytes go" "$HELLO 200" "$(web http://a.example/index.html)"
same "also from 1.2 at the listener to 1.3 at the service" "$HELLO 200" "$(web http://a.example:8001/index.html)"

tear_down
finish
