#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 60
# short: 6.1
#
# A configuration as a file: apply, save, check, its hash; what is different is done, and
# nothing else; what fails is undone.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..69

CTL=$BIN/tunnelctl
make_keys
write_files() {
	cat >"$T/gw.yaml" <<-EOC
		# the gateway
		tunnels:
		  home:
		    listen: 203.0.113.2:4433
		    peer: $HOME_PIN
		    key: $T/gw.key
		    ciphers: [chacha20-poly1305, aes-128-gcm]
		    allow: [gid:5, uid:1000, uid:3]
		    services:
		      back: 127.0.0.1:9001
		services:
		  in: {owner: 1000, group: 100}
		  any: "[::1]:80"
		listeners:
		  198.51.100.1:80: home/web
		  198.51.100.1:81:
		    - {host: A.example., path: /, to: home/web}
		    - to: home/web
	EOC
	cat >"$T/home.yaml" <<-EOC
		{"tunnels": {"gw": {"dial": "203.0.113.2:4433", "peer": "$GW_PIN", "key": "$T/home.key",
		  "services": {"web": "127.0.0.1:8080"}}}}
	EOC
	# the same as gw.yaml, in another order and another spelling
	cat >"$T/gw.json" <<-EOC
		{"listeners": {"198.51.100.1:81": [{"path": "/", "to": "home/web", "host": "a.EXAMPLE"}, {"to": "home/web"}],
		  "198.51.100.1:80": "home/web"},
		 "services": {"any": "[0:0::1]:80", "in": {"group": 100, "owner": "1000"}},
		 "tunnels": {"home": {"services": {"back": "127.0.0.1:9001"}, "grace": "60.0", "direct": "admin",
		  "allow": ["uid:3", "uid:1000", "gid:5", "gid:5"], "ciphers": ["AES-128-GCM", "chacha20-poly1305"],
		  "key": "$T/gw.key", "peer": "sha256:${HOME_PIN^^}", "listen": "203.0.113.2:4433"}}}
	EOC
}
write_files

# --- without a module
rejects() { # rejects NAME PATTERN TEXT
	local said
	printf '%s\n' "$3" >"$T/bad.yaml"
	if said=$("$CTL" check "$T/bad.yaml" 2>&1); then
		not_ok "$1: it was taken"
	else
		has "$1" "$said" "^tunnelctl: $T/bad.yaml$2"
	fi
}
same "a file is checked without the module" "" "$("$CTL" check "$T/gw.yaml" 2>&1)"
same "one that means the same has the same hash" "$("$CTL" config hash "$T/gw.yaml")" "$("$CTL" config hash "$T/gw.json")"
H=$("$CTL" config hash "$T/gw.yaml")
has "which is SHA-256" "$H" '^[0-9a-f]{64}$'
# one bit of meaning each
for change in 's/4433/4434/' 's/gid:5/gid:6/' 's/chacha20-poly1305, //' 's/back:/bock:/' 's/group: 100/group: 101/' \
	's/\[::1\]/[::2]/' 's/81:$/82:/' 's/- to: home.web/- to: home\/wob/' 's,path: /,path: /x,' 's/allow:/grace: 61\n    allow:/'; do
	sed "$change" "$T/gw.yaml" >"$T/other.yaml"
	if [ "$("$CTL" config hash "$T/other.yaml" 2>&1)" = "$H" ] || ! "$CTL" check "$T/other.yaml"; then
		not_ok "another hash after $change"
	else
		ok "another hash after $change"
	fi
done
rejects "an unknown key" ":2:9: 'lisen' is no key here" $'tunnels: {a:\n       {lisen: x}}'
rejects "an unknown section" ":1:1: 'tunels' is no key here; there are tunnels, services and listeners" 'tunels: {}'
rejects "a key twice" ':1:29: duplicate key' 'services: {a: 127.0.0.1:80, a: 127.0.0.1:81}'
rejects "broken YAML" ':2:1: ' 'services: [1,'
rejects "nothing" ': ' ''
rejects "a list" ': it needs the keys' '- a'
rejects "a name" ":1:12: 'A' cannot be the name" 'services: {A: 127.0.0.1:80}'
rejects "a port" ":1:12: the port" 'services: {a: 127.0.0.1:99999}'
rejects "no peer" ":1:11: 'peer PIN' is missing" 'tunnels: {a: {dial: "x:1"}}'
rejects "a tunnel that is not there" ': listener 1.2.3.4:80 leads to tunnel gw, which is not there' 'listeners: {"1.2.3.4:80": gw/x}'
rejects "a condition that is none" ':2:6: "hots" is none of sni' $'listeners: {"1.2.3.4:80": [\n    {hots: a, to: a/b}]}'
rejects "a blank in a value" ":1:29: there is a blank in 'a b'" 'listeners: {"1.2.3.4:80": [{host: "a b", to: a/b}]}'
rejects "a second document" ': there is a second document' $'services: {}\n---\nservices: {}'
rejects "a key that is a list" ": 'this' needs a text" 'services: {? [a, b] : [x]}'
rejects "a condition with a line break" ":1:30: there is a blank in 'host x to a/b.x0ahost'" 'listeners: {"1.2.3.4:80": [{"host x to a/b\nhost": y, to: a/c}]}'
rejects "a port that the kernel would choose" ":1:13: '1.2.3.4:0': the port must not be 0" 'listeners: {1.2.3.4:0: gw/x}'
rejects "no route" ':1:14: a listener without any route' 'listeners: {"1.2.3.4:80": []}'
rejects "a key file that others can read" ':1:11: .*passwd' "tunnels: {a: {dial: 'x:1', peer: $HOME_PIN, key: /etc/passwd}}"
has "a file that is not there" "$("$CTL" check "$T/none" 2>&1)" 'none: No such file'
has "apply says that there is no module" "$("$CTL" apply "$T/gw.yaml" 2>&1)" 'module'

# --- with it
check "the module loads" load_module
check "hosts" make_hosts
start_daemon gw
start_daemon home
generation() { tctl "$1" -j info | grep -o '"generation": *[0-9]*'; }
before=$(generation gw)
has "a dry run shows it" "$(tctl gw apply --dry-run "$T/gw.yaml" 2>&1)" '^\+ tunnel home$'
same "and does nothing" "$before" "$(generation gw)"
check "apply at the gateway" tctl gw apply "$T/gw.yaml"
check "apply at home" tctl home apply "$T/home.yaml"
check "the tunnel comes up" await 30 tunnel_up gw
check "nginx at home" start_nginx home 127.0.0.1 8080
page() { in_ns client curl -sSf -m 30 "http://198.51.100.1:$1/index.html"; }
same "a listener" "Hello through the tunnel." "$(page 80)"
same "a listener with routes" "Hello through the tunnel." "$(page 81)"
same "a second time there is nothing to do" "nothing to do" "$(tctl gw apply "$T/gw.yaml")"
same "nor with the same in other words" "nothing to do" "$(tctl gw apply "$T/gw.json")"
same "the module's hash is the file's" "$H" "$(tctl gw config hash)"
tctl gw save >"$T/saved.yaml"
same "what is saved means the same" "$H" "$("$CTL" config hash "$T/saved.yaml")"
same "from standard input, too" "nothing to do" "$(tctl gw apply - <"$T/saved.yaml")"

# --- what did not change is not touched
in_ns client curl -sS --limit-rate 16M -m 120 http://198.51.100.1:80/64m >"$T/got" &
curl=$!
check "a download begins" await 20 test -s "$T/got"
sed 's/- to: home.web/- {host: b.example, to: home\/web}/; s/back: .*/back: 127.0.0.1:9002/; s/  any: .*/  more: 127.0.0.1:7/' "$T/gw.yaml" >"$T/gw2.yaml"
said=$(tctl gw apply "$T/gw2.yaml" 2>&1)
has "the difference: a route" "$said" '^~ listener 198.51.100.1:81$'
has "a service" "$said" '^~ service home/back$'
has "one more, one less" "$(grep '^[+-] ' <<<"$said" | sort | tr '\n' ' ')" '^\+ service more - service any'
same "and nothing of the rest" "" "$(grep -E 'tunnel home|listener .*:80|service in' <<<"$said")"
wait $curl
same "the download has not noticed" "$(sum_of 64m)" "$(sha256sum <"$T/got" | cut -d' ' -f1)"
sed 's/    key:/    grace: 61.5\n    key:/' "$T/gw2.yaml" >"$T/gw3.yaml"
said=$(tctl gw apply "$T/gw3.yaml" 2>&1)
has "a tunnel that changes is another one" "$said" '^~ tunnel home$'
has "what goes with it comes back" "$said" '^~ listener 198.51.100.1:80: as it is, with its tunnel$'
same "all of it" "$("$CTL" config hash "$T/gw3.yaml")" "$(tctl gw config hash)"
check "and comes up again" await 30 tunnel_up gw
same "and carries" "Hello through the tunnel." "$(page 80)"

# --- what fails is undone
"$BIN/in_ns" gw socat TCP-LISTEN:99,bind=198.51.100.1,fork /dev/null &
socat=$!
await 10 listens gw 99
tctl gw save >"$T/before.yaml"
sed 's/  in: .*/  in: {owner: 7}/; s/  more: .*/  less: 127.0.0.1:8/; s/:81:$/:82:/; s/198.51.100.1:80/198.51.100.1:99/' "$T/gw3.yaml" >"$T/gw4.yaml"
has "an address that is taken" "$(tctl gw apply "$T/gw4.yaml" 2>&1)" 'listener 198.51.100.1:99: the address is in use.*all is as it was'
same "all is as it was" "$(cat "$T/before.yaml")" "$(tctl gw save)"
kill $socat
await 10 bash -c "! '$BIN/in_ns' gw ss -Hltn 'sport = :99' | grep -q 99"
check "and without that it is done" tctl gw apply "$T/gw4.yaml"
# a listener of the kernel's, then routes, and back because of another step
sed 's/198.51.100.1:99: .*/198.51.100.1:99: [{to: home\/web}]\n  203.0.113.77:1: home\/web/' "$T/gw4.yaml" >"$T/gw5.yaml"
tctl gw save >"$T/before.yaml"
has "routes in its place, and then an address that is not here" "$(tctl gw apply "$T/gw5.yaml" 2>&1)" '203.0.113.77:1: .*all is as it was'
same "all is as it was, again" "$(cat "$T/before.yaml")" "$(tctl gw save)"
same "whole" "$("$CTL" config hash "$T/gw4.yaml")" "$(tctl gw config hash)"

# --- any configuration comes back as it was
export PYTHONPATH=$TUNNEL_SRC/tests/net
check "20 configurations made by chance: applied over each other, saved, the same" \
	in_ns gw python3 "$TUNNEL_SRC/tests/net/config.py" "$CTL" "$T" "$HOME_PIN"
printf 'services: {}\n' >"$T/empty.yaml"
check "a configuration of nothing" tctl gw apply "$T/empty.yaml"
same "leaves nothing" "{}" "$(tctl gw save)"
tctl home flush
stop_daemon gw
stop_daemon home
check "the module goes" await 20 rmmod tunnel
finish
