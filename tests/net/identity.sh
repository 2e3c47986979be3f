#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 90
# short: 6.1 6.12 6.12-debug
#
# Who a peer may be, while it is connected: keys that are added, changed and revoked, files
# that change.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
# shellcheck disable=SC2016 # eval expands them
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..56

AT=198.51.100.1
# shellcheck source=tests/net/lib_peers.sh
. "$TUNNEL_SRC/tests/net/lib_peers.sh"
key() { # key NAME: a key; sets PIN
	(umask 077 && "$BIN/tunnelctl" keygen "$T/$1.key" >"$T/$1.pin") && PIN=$(grep -Eo '[0-9a-f]{64}' "$T/$1.pin")
}
peer_has() { both_up && [ "$(carrier gw | cut -d' ' -f2)" = "$1" ]; }
moved() { [ "$(stat_of gw payload_bytes_rx)" -gt "$1" ]; }

make_keys
check "a tunnel comes up" setup
key home2 && HOME2_PIN=$PIN
key gw2 && GW2_PIN=$PIN
key nobody && NOBODY_PIN=$PIN
start_nginx home 127.0.0.1 8080
in_ns home socat -t 60 TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr EXEC:cat &
await 10 listens home 9100
tctl home service add web 127.0.0.1:8080
tctl home service add echo 127.0.0.1:9100
tctl gw listener add $AT:80 to home/web
tctl gw listener add $AT:9101 to home/echo

# --- a key is changed, and nobody notices

in_ns nat tc qdisc add dev nat-gw root netem rate 8mbit delay 5ms limit 1000
rate() { in_ns nat tc qdisc change dev nat-gw root netem rate "$1" delay 5ms limit 1000; }
start=$(stat_of gw payload_bytes_rx)
fetch client http://$AT/64m 600 >"$T/sum" &
transfer=$!
await 60 moved $((start + 1000000))
same "the carrier is of home's key" "$HOME_PIN" "$(carrier gw | cut -d' ' -f2)"
was=$(carrier gw)
check "a second key beside the first" tctl gw tunnel set home peer "$HOME_PIN,$HOME2_PIN"
has "both are shown" "$(tctl gw tunnel show home | tr '\n' ' ')" "peer: $HOME_PIN +peer: $HOME2_PIN"
same "the carrier is the same" "$was" "$(carrier gw)"
check "home takes its second key" tctl home tunnel set gw key "$T/home2.key"
same "the carrier is the same, still" "$was" "$(carrier gw)"
again home
check "the next one has the new key" await 20 peer_has "$HOME2_PIN"
was=$(carrier gw)
check "the first key goes" tctl gw tunnel set home peer "$HOME2_PIN"
same "nothing happens to the carrier" "$was" "$(carrier gw)"
check "all of this in the middle of it" test $(($(stat_of gw payload_bytes_rx) - start)) -lt 67108864
# the gateway's own key likewise
check "home knows two keys of the gateway" tctl home tunnel set gw peer "$GW_PIN,$GW2_PIN"
check "the gateway takes its second one" tctl gw tunnel set home key "$T/gw2.key"
again home
gw_has() { both_up && [ "$(carrier home | cut -d' ' -f2)" = "$1" ]; }
check "the next carrier has it" await 20 gw_has "$GW2_PIN"
check "home forgets the first one" tctl home tunnel set gw peer "$GW2_PIN"
rate 256mbit
wait $transfer
same "64 MiB have not noticed" "$(sum_of 64m)" "$(cat "$T/sum")"
same "nor did the lane begin anew" "0 0" "$(stat_of home lane_restarts) $(stat_of gw lane_restarts)"

# --- a key that is revoked

rate 8mbit
hears one
start=$(stat_of gw payload_bytes_rx)
in_ns client curl -sS --noproxy '*' -m 120 -o "$T/part" http://$AT/64m 2>"$T/curl" &
transfer=$!
await 60 moved $((start + 1000000))
before=$SECONDS
# where each program takes seconds to start, too
bound=10
[[ $KERNEL != *-debug ]] || bound=30
check "home's key is accepted no more" tctl gw tunnel set home peer "$NOBODY_PIN"
same "no carrier is left when that returns" "" "$(carrier gw)"
same "nor a session" 0 "$(sessions gw)"
check "the client hears it" await 5 heard one ConnectionResetError
wait $transfer
same "the download was reset" 56 $?
check "home hears it, too" await 10 none_left
check "all within 10 s" test $((SECONDS - before)) -le $bound
check "home tries again, and is refused" await 30 logged gw "unknown peer $HOME2_PIN" 2
check "and again" await 30 logged home 'dialling .*: .*(alert|closed)' 2
check "the tunnel is down" down
same "one carrier was revoked" 1 "$(stat_of gw carriers_revoked)"
same "the lane began anew on both sides" "1 1" "$(stat_of gw lane_restarts) $(stat_of home lane_restarts)"
check "accepted again, it comes back" eval 'tctl gw tunnel set home peer "$HOME2_PIN" && await 40 both_up'
hears two
check "and a session runs" heard two open

# --- without a carrier, sessions that wait end

stop_daemon home
in_ns gw ss -HK state established sport = :4433 >/dev/null
await 10 down
check "a session waits for the next carrier" test "$(sessions gw)" = 1
check "its key is revoked meanwhile" tctl gw tunnel set home peer "$NOBODY_PIN"
same "it ends" 0 "$(sessions gw)"
check "its client hears it" await 5 heard two ConnectionResetError
tctl gw tunnel set home peer "$HOME2_PIN"
start_daemon home
check "the tunnel comes back" await 40 both_up

# --- the other side, which dials

hears three
check "home accepts another gateway only" tctl home tunnel set gw peer "$NOBODY_PIN"
check "its client hears it" await 5 heard three ConnectionResetError
check "the carrier ends on both sides" await 10 down
check "home refuses the gateway" await 30 logged home "wrong peer: its pin is $GW2_PIN, expected $NOBODY_PIN"
tctl home tunnel set gw peer "$GW2_PIN"
check "and accepts it again" await 40 both_up

# --- files that change

was=$(carrier gw)
cp -p "$T/home.key" "$T/new" && mv "$T/new" "$T/home2.key"
check "another key in home's file" tctl gw tunnel set home peer "$HOME2_PIN,$HOME_PIN"
same "the carrier stays" "$was" "$(carrier gw)"
again home
check "the next one is of that key" await 20 peer_has "$HOME_PIN"
echo nonsense >"$T/home2.key"
again home
check "nonsense in it does not replace the key" await 20 logged home 'home2.key: .*the key that was read before stays in use'
check "and the tunnel comes up" await 20 both_up
chmod 644 "$T/home2.key"
again home
check "one that others can read is refused" await 20 logged home "is accessible to group or others \(chmod 600 $T/home2.key\)"
has "by tunnelctl, too" "$(tctl home tunnel set gw key "$T/home2.key" 2>&1)" "run 'chmod 600 $T/home2.key'"
cp "$T/home.key" "$T/theirs.key" && chown 1000 "$T/theirs.key"
has "and one of somebody else" "$(tctl home tunnel set gw key "$T/theirs.key" 2>&1)" "belongs to user 1000.*'chown root"
check "with a right one it comes back" eval 'tctl home tunnel set gw key "$T/home.key" && await 40 both_up'

# --- as a file
tctl gw save >"$T/gw.yaml"
has "save has both keys" "$(tr '\n' ' ' <"$T/gw.yaml")" "peer: \[[0-9a-f]{64}, [0-9a-f]{64}\]"
was=$(carrier gw)
same "apply of the same does nothing" "nothing to do" "$(tctl gw apply "$T/gw.yaml")"
sed -i "s/peer: .*/peer: $HOME_PIN/" "$T/gw.yaml"
said=$(tctl gw apply "$T/gw.yaml" 2>&1)
has "apply with one key less" "$(tr '\n' ' ' <<<"$said")" "^~ tunnel home .*- peer $HOME2_PIN.*\+ peer $HOME_PIN"
same "leaves the carrier and what leads to it" "$was" "$(carrier gw)"
hears four
check "which carries" heard four open

tear_down
finish
