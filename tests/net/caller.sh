#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 120
# short: 6.12
#
# Who is calling: PROXY headers to targets and from listeners, with nginx and HAProxy at
# their other ends, and who may come in, at listeners and to services.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..91

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
AT=198.51.100.1
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
client() { in_ns client "$@"; }
get() { # get URL [ARG...]: what comes, or curl's exit code
	client curl -s --noproxy '*' -m 40 --cacert "$T/ca.pem" --connect-to "::$AT:" "${@:2}" "$1" || echo "curl: $?"
}
code() { get "$1" -o /dev/null -w '%{http_code}' "${@:2}" | tr -d '\n'; }
caller() { client python3 "$SRC/tests/net/caller.py" "$@"; }

# Sites that say who they think is calling, and where.
start_callees() {
	make_certificates || return
	mkdir -p "$T/sock"
	cat >"$T/callee.conf" <<-EOC
		user root;
		worker_processes 1;
		pid $T/callee.pid;
		error_log $OUT/callee.log info;
		events { worker_connections 1024; }
		http {
			access_log off;
			default_type text/plain;
			server {
				listen 127.0.0.1:8081 proxy_protocol;
				listen unix:$T/sock/site proxy_protocol;
				listen 127.0.0.1:8443 ssl proxy_protocol;
				ssl_certificate $T/a.pem;
				ssl_certificate_key $T/a.pem.key;
				return 200 "\$proxy_protocol_addr \$proxy_protocol_server_addr \$proxy_protocol_server_port \$scheme\n";
			}
			server {
				listen 127.0.0.1:8080;
				return 200 "without\n";
			}
		}
	EOC
	in_ns home nginx -c "$T/callee.conf" && await 10 listens home 8443
}

# At client: what comes in there goes to gw, with a header before it.
start_haproxy() {
	cat >"$T/haproxy.cfg" <<-EOC
		defaults
			mode tcp
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		listen v1
			bind 198.51.100.2:9001
			server gw $AT:8000 send-proxy
		listen v2
			bind 198.51.100.2:9002
			server gw $AT:8000 send-proxy-v2
		listen ssl
			bind 198.51.100.2:9003
			server gw $AT:8443 send-proxy-v2
		listen checks
			bind 198.51.100.2:9004
			server gw $AT:8000 send-proxy-v2 check inter 200ms
	EOC
	client haproxy -db -f "$T/haproxy.cfg" >"$OUT/haproxy.log" 2>&1 &
	await 20 listens client 9004
}
# ... and at home, a service that takes them.
start_acceptor() {
	cat >"$T/acceptor.cfg" <<-EOC
		defaults
			mode http
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		frontend web
			bind 127.0.0.1:8082 accept-proxy
			http-request return status 200 content-type text/plain lf-string "%ci %fi %fp"
	EOC
	in_ns home haproxy -db -f "$T/acceptor.cfg" >"$OUT/acceptor.log" 2>&1 &
	await 20 listens home 8082
}

check "a tunnel" setup
check "nginx, which believes PROXY headers" start_callees
check "HAProxy, which does so, too" start_acceptor
check "HAProxy, which sends them" start_haproxy
tctl home service add plain 127.0.0.1:8080

# --- to targets
for version in v1 v2; do
	check "$version to an address" tctl home service add "to-$version" 127.0.0.1:8081 proxy $version
	check "$version to HAProxy" tctl home service add "ha-$version" 127.0.0.1:8082 proxy $version
done
check "to a unix socket" tctl home service add to-unix "unix:$T/sock/site" proxy v2
check "before TLS" tctl home service add to-tls https://127.0.0.1:8443 name a.example ca "$T/ca.pem" proxy v2
has "they are shown" "$(tctl home service show)" '^service: to-v1 -> 127.0.0.1:8081 proxy=v1$'
port=9100
for s in to-v1 to-v2 ha-v1 ha-v2 to-unix to-tls; do
	port=$((port + 1))
	check "a listener for $s" tctl gw listener add $AT:$port to home/$s
	want="198.51.100.2 $AT $port"
	case $s in to-tls) want="$want https" ;; to-*) want="$want http" ;; esac
	same "the caller is known behind $s" "$want" "$(get http://$AT:$port/)"
done
check "by IPv6" tctl gw listener add '[fd00:5::1]:9110' to home/to-v2
same "it is known as well" "fd00:5::2 fd00:5::1 9110 http" "$(client curl -s -m 40 'http://[fd00:5::1]:9110/')"
check "by a listener with routes" tctl gw route add $AT:9111 path / to home/to-v1
same "as well" "198.51.100.2 $AT 9111 http" "$(get http://$AT:9111/)"
check "by a unix socket" tctl gw listener add "unix:$T/sock/in" mode 0666 to home/to-v2
same "there is none to know" " unix: 0 http" "$(in_ns gw curl -s -m 40 --unix-socket "$T/sock/in" http://x/ | sed 's/^  *0* *http/ unix: 0 http/; s/^ *unix.*/ unix: 0 http/')"
check "a word that is none" eval '! tctl home service add bad 127.0.0.1:1 proxy v3 2>"$T/said" && grep -q "proxy=v1 or proxy=v2" "$T/said"'

# --- from listeners
check "a listener with routes" tctl gw route add $AT:8000 to home/to-v2
check "whose neighbour sends headers" tctl gw access add $AT:8000 proxy 198.51.100.2
for p in 9001 9002 9004; do
	same "the caller of HAProxy is known at home ($p)" "198.51.100.1 198.51.100.2 $p http" \
		"$(in_ns gw curl -s --noproxy '*' -m 40 http://198.51.100.2:$p/)"
done
same "curl's own header, too" "127.0.0.1 198.51.100.1 8000 http" "$(get http://$AT:8000/ --haproxy-protocol | sed 's/^198.51.100.2 /127.0.0.1 /')"
same "without one there is no way in" 'curl: 56' "$(get http://$AT:8000/ | sed 's/52/56/')"
check "which is said" logged gw 'refused 198.51.100.2:[0-9]+ on 198.51.100.1:8000: does not begin with a PROXY header'
check "headers in pieces, at once with what follows, and wrong ones" caller headers $AT 8000
check "one that says nothing is not kept" caller silent $AT 8000
check "nor one that stops within it" caller half $AT 8000
check "which is said, too" logged gw 'sent no whole PROXY header in time'
check "with TLS behind it: a certificate" tctl gw certificate add $AT:8443 "$T/a.pem" key "$T/a.pem.key"
check "a route" tctl gw route add $AT:8443 sni a.example to home/to-v1
check "the same neighbour" tctl gw access add $AT:8443 proxy 198.51.100.0/24
same "TLS ends behind the header" "198.51.100.1 198.51.100.2 9003 http" \
	"$(in_ns gw curl -s --noproxy '*' -m 40 --cacert "$T/ca.pem" --connect-to ::198.51.100.2:9003 https://a.example:9003/)"
check "handshake and header in one segment" caller tls $AT 8443 "$T/ca.pem"
has "a session says whose it is" "$(caller hold $AT 8000 & await 20 tctl_says gw 'session show' 'for 192.0.2.77:4000 at 192.0.2.1:443'; tctl gw session show; kill %?hold 2>/dev/null)" \
	'opened by us for 192.0.2.77:4000 at 192.0.2.1:443'
check "routes go by the one it is for" eval 'tctl gw route add $AT:8000 at 1 from 192.0.2.0/24 to home/plain'
same "one of that network" without "$(caller ask $AT 8000 192.0.2.77)"
same "one of another" "203.0.113.9 192.0.2.1 443 http" "$(caller ask $AT 8000 203.0.113.9)"
check "and so do access lists" tctl gw access add $AT:8000 deny 192.0.2.77
same "that one may not come in" nothing "$(caller ask $AT 8000 192.0.2.77)"
check "which is said" logged gw 'refused 192.0.2.77:4000 on 198.51.100.1:8000: its address is not allowed'
same "its neighbour may" without "$(caller ask $AT 8000 192.0.2.78)"
check "with a list of those who may" tctl gw access add $AT:8000 allow 203.0.113.0/24
same "nobody else may" nothing "$(caller ask $AT 8000 192.0.2.78)"
same "and they do" "203.0.113.9 192.0.2.1 443 http" "$(caller ask $AT 8000 203.0.113.9)"
has "they are shown" "$(tctl gw access show | tr '\n' '|')" '\|  proxy from 198.51.100.2\|  deny 192.0.2.77\|  allow 203.0.113.0/24\|  1: from'
check "once is enough" eval '! tctl gw access add $AT:8000 deny 192.0.2.77/32 2>"$T/said" && grep -q "is there already" "$T/said"'
check "and no more" eval 'tctl gw access del $AT:8000 deny 192.0.2.77 && tctl gw access del $AT:8000 allow 203.0.113.0/24'
same "then whoever" without "$(caller ask $AT 8000 192.0.2.77)"

# --- without headers
check "a listener where one may not come in" eval 'tctl gw route add $AT:8001 to home/plain && tctl gw access add $AT:8001 deny 198.51.100.2'
same "does not" 'curl: 56' "$(get http://$AT:8001/ | sed 's/52/56/')"
same "another one does" without "$(in_ns gw curl -s -m 40 http://$AT:8001/)"
check "all in one line" tctl gw forward $AT:8002 to home/plain deny 198.51.100.2 proxy 10.0.0.0/8,10.1.0.0/16
same "that one does not come in" 'curl: 56' "$(get http://$AT:8002/ | sed 's/52/56/')"
same "another one does, as well" without "$(in_ns gw curl -s -m 40 http://$AT:8002/)"
refused "not what leads out of the peer's host" 'networks are for services' tctl gw forward $AT:8003 to home/127.0.0.1:1 deny 10.0.0.0/8
check "a header from a stranger is none" eval 'tctl gw access del $AT:8001 deny 198.51.100.2 && tctl gw access add $AT:8001 proxy 10.0.0.0/8 && tctl gw route add $AT:8001 at 1 path /y to home/to-v1'
same "it is a request that is not one" 400 "$(code http://$AT:8001/ --haproxy-protocol)"

check "HAProxy's health checks are content" await 20 says "$OUT/haproxy.log" 'Server checks/gw is UP'
check "and not worth a line" no grep 'not connected' "$OUT/tunneld-gw.log"

# --- services
check "a service for some" tctl home service set plain allow 10.0.0.0/8,198.51.100.1
same "not for the others" 502 "$(code http://$AT:8001/x)"
check "as the log of the kernel says" eval 'dmesg | grep -q "service plain: its access list denies ::ffff:198.51.100.2"'
same "but for them" without "$(in_ns gw curl -s -m 40 http://$AT:8001/)"
check "counted" eval '[ "$(stat_of home sessions_denied)" -ge 1 ]'
check "for all but one" tctl home service set plain deny 198.51.100.1
same "not for that one" 502 "$(in_ns gw curl -s -m 40 -o /dev/null -w '%{http_code}' http://$AT:8001/x)"
same "but for the others" without "$(get http://$AT:8001/)"
has "it is shown" "$(tctl home service show | tr '\n' '|')" 'service: plain -> 127.0.0.1:8080\|  deny: 198.51.100.1\|'

# --- as a file
for host in home gw; do
	tctl $host save >"$T/$host.yaml"
	same "$host: saved, applied, nothing to do" "nothing to do" "$(tctl $host apply "$T/$host.yaml")"
	same "$host: the file has the same hash" "$(tctl $host config hash)" "$(tctl $host config hash "$T/$host.yaml")"
done
has "as lists" "$(tr '\n' '|' <"$T/gw.yaml")" '198.51.100.1:8000:\|    proxy:\|      - 198.51.100.2\|    routes:'
sed -i 's/deny: \[198.51.100.1\]/deny: [198.51.100.0\/24]/' "$T/home.yaml"
has "a list that changed" "$(tctl home apply "$T/home.yaml" | tr '\n' '|')" '^~ service plain\|    - to 127.0.0.1:8080\|    - deny 198.51.100.1\|'
same "is in force" 502 "$(code http://$AT:8001/x)"
printf 'listeners:\n  127.0.0.1:1:\n    allow: [ 10.0.0.1/8 ]\n    to: home/x\n' >"$T/bad.yaml"
has "a wrong one has a place" "$(tctl gw check "$T/bad.yaml" 2>&1)" "bad.yaml:3:14: '10.0.0.1/8' has bits behind its prefix"

tear_down
finish
