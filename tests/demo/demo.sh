#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The main job, shown: a web server behind a NAT is reached through a gateway.
# Runs inside a virtual machine: make demo
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() {
	printf '\033[32m%s\033[0m\n' "$1\$ ${*:2}"
	case $2 in
	tunnelctl) tctl "$1" "${@:3}" ;;
	*) in_ns "$@" ;;
	esac
}
die() {
	echo "demo: $*"
	tail -n 20 "$OUT"/tunneld-*.log
	exit 1
}

cat <<EOT

  home 192.168.7.2 ---- NAT ==== gw 203.0.113.2 ---- client 198.51.100.2
    nginx (127.0.0.1 only)        198.51.100.1:80       curl

Nobody can connect to home. It dials gw, and gw's port 80 becomes its nginx.
Kernel: $(uname -r)
EOT

step "load tunnel.ko, make the four hosts (network namespaces)"
load_module || die "the module does not load"
make_hosts || die "the namespaces cannot be made"
start_nginx home 127.0.0.1 8080 || die "nginx does not start"

step "a key for each side; only the pins (SHA-256 of the public keys) are exchanged"
show home tunnelctl keygen "$T/home.key" | tee "$T/home.pin"
show gw tunnelctl keygen "$T/gw.key" | tee "$T/gw.pin"
make_keys
start_daemon gw
start_daemon home

step "gw accepts the tunnel, home dials it"
show gw tunnelctl tunnel add home listen 203.0.113.2:4433 peer "$HOME_PIN" key "$T/gw.key" || die "refused"
show home tunnelctl tunnel add gw dial 203.0.113.2:4433 peer "$GW_PIN" key "$T/home.key" || die "refused"
await 20 tunnel_up home || die "the tunnel does not come up"
await 20 tunnel_up gw || die "the tunnel does not come up"

step "home offers a service, gw listens for it"
show home tunnelctl service add web 127.0.0.1:8080 || die "refused"
show gw tunnelctl listener add 198.51.100.1:80 to home/web || die "refused"

step "an unmodified curl fetches from the unmodified nginx"
show client curl -sS http://198.51.100.1/ || die "no page"
echo "64 MiB (an emulated CPU encrypts some 10-40 MB a second):"
in_ns client curl -f --no-progress-meter -m 300 -o "$T/got" http://198.51.100.1/64m &
curl=$!
while kill -0 $curl 2>/dev/null; do
	printf '  %3d MiB\n' $(($(stat -c %s "$T/got" 2>/dev/null || echo 0) >> 20))
	sleep 1
done
wait $curl || die "curl failed"
got=$(sha256sum <"$T/got" | cut -d' ' -f1)
echo "  sent     $(sum_of 64m)"
echo "  received $got"
[ "$got" = "$(sum_of 64m)" ] || die "the file is not the same"

step "what the kernel says"
show gw tunnelctl carrier show
in_ns client socat -u TCP:198.51.100.1:80 STDOUT >/dev/null 2>&1 &
stalled=$!
one_session() { tctl gw -j session show | grep -q web; }
await 10 one_session
show gw tunnelctl session show
kill $stalled
show home tunnelctl stats
copied=$(($(stat_of home payload_bytes_copied) + $(stat_of gw payload_bytes_copied)))
echo "payload_bytes_copied $copied (both sides)"
[ $copied = 0 ] || die "payload was copied"
tctl home carrier show | grep -q 'kTLS tx on rx on' || die "the carrier is not encrypted by kTLS"

step "what just happened"
cat <<EOT
curl spoke plain HTTP to gw. The kernel of gw took its bytes, framed them, let
kernel TLS encrypt them, and sent them down the connection that home had dialled
out through its NAT. The kernel of home handed them to nginx, and the 64 MiB went
back the same way. No program of ours touched a byte of it and none was copied:
tunneld only made the TLS handshake, and could be stopped now.
EOT
finish
