#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 110
# short: 6.1 6.12
#
# Peers that are not known by pins: by a key that both sides have, by an authority and a name.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..101

AT=198.51.100.1
# shellcheck source=tests/net/lib_peers.sh
. "$TUNNEL_SRC/tests/net/lib_peers.sh"
LISTEN=203.0.113.2:4433
psk() { # psk NAME: a key that both sides have
	(umask 077 && openssl rand -hex 32 >"$T/$1.psk")
}
seen=0
fresh() { # fresh NS PATTERN: in the log behind the last mark
	tail -n "+$((seen + 1))" "$OUT/tunneld-$1.log" | grep -Eq -- "$2"
}
mark() { seen=$(wc -l <"$OUT/tunneld-$1.log"); } # mark NS
refuses() { # refuses NAME NS PATTERN WORDS...: tunnelctl does, with these words
	has "$1" "$(tctl "$2" "${@:4}" 2>&1)" "$3"
}
through() { # through NAME: 100 KB, and that they are right
	same "$1" "$(sum_of 100k)" "$(fetch client http://$AT/100k 30)"
}

# authority NAME: who signs
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.pem"
}
# issue FILE KEY AUTHORITY EXTENSION [FROM TO]: FILE.pem, signed
issue() {
	mkdir -p "$T/issued" && touch "$T/index.txt" &&
		cat >"$T/ca.conf" <<-EOC &&
			[ca]
			default_ca = d
			[d]
			database = $T/index.txt
			new_certs_dir = $T/issued
			default_md = sha256
			policy = p
			unique_subject = no
			rand_serial = yes
			[p]
			commonName = supplied
		EOC
		openssl req -new -key "$T/$2.key" -subj "/CN=${1%%.*}.example" -out "$T/issued/csr" &&
		openssl ca -batch -notext -config "$T/ca.conf" -cert "$T/$3.pem" -keyfile "$T/$3.key" -in "$T/issued/csr" -out "$T/$1.pem" \
			-extfile <(echo "$4") -startdate "${5:-20250101000000Z}" -enddate "${6:-20450101000000Z}"
}

make_keys
mkdir -p "$T/www" && head -c 100000 /dev/urandom >"$T/www/100k"
check "the module loads" load_module
check "hosts" make_hosts
start_daemon gw
start_daemon home
start_nginx home 127.0.0.1 8080
in_ns home socat -t 60 TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr EXEC:cat &
await 10 listens home 9100
leads() { # what leads to home, once there is a tunnel
	tctl gw listener add $AT:80 to home/web && tctl gw listener add $AT:9101 to home/echo
}
tctl home service add web 127.0.0.1:8080
tctl home service add echo 127.0.0.1:9100
(cd "$T/www" && sha256sum -- * >"$T/www.sum")

# --- a key that both have

psk one
psk two
check "a tunnel with a PSK" tctl gw tunnel add home listen $LISTEN psk "$T/one.psk" psk-identity home-to-gw
check "on both sides" tctl home tunnel add gw dial $LISTEN psk "$T/one.psk" psk-identity home-to-gw
check "comes up" await 20 both_up
leads
through "100 KB go through"
has "the suite has forward secrecy, and the kernel's cipher" "$(tctl home carrier show)" 'CHACHA20-POLY1305, kTLS tx on rx on'
said=$(tctl gw tunnel show home)
has "it is shown" "$(tr '\n' ' ' <<<"$said")" "psk fingerprint: [0-9a-f]{64} .*psk: $T/one.psk, identity home-to-gw"
for ns in gw home; do
	said=$(tctl $ns -j tunnel show; tctl $ns save; tctl $ns -j; cat "$OUT/tunneld-$ns.log")
	same "the key itself is nowhere at $ns" 0 "$(grep -c "$(cat "$T/one.psk")" <<<"$said")"
done
# others at the same address: by pin, and by another PSK
check "one with pins beside it" tctl gw tunnel add pinned listen $LISTEN peer "$HOME_PIN" key "$T/gw.key"
check "and home" tctl home tunnel add gw2 dial $LISTEN peer "$GW_PIN" key "$T/home.key"
pinned_up() { tunnel_up gw pinned && tunnel_up home gw2; }
check "comes up, too" await 20 pinned_up
check "and the first one is up still" both_up
refuses "one name, one tunnel" gw 'the same peer: one peer, one tunnel' tunnel add x listen $LISTEN psk "$T/two.psk" psk-identity home-to-gw
refuses "one key, one tunnel" gw 'the same peer: one peer, one tunnel' tunnel add x listen $LISTEN psk "$T/one.psk" psk-identity other
tctl gw tunnel del pinned
tctl home tunnel del gw2

# --- what is wrong

refuses "neither one way nor the other" gw "the peer is known in one way" tunnel add x listen $LISTEN psk "$T/two.psk" psk-identity x peer "$HOME_PIN"
refuses "a PSK without a name" gw "'psk-identity NAME'.* is missing" tunnel add x listen $LISTEN psk "$T/two.psk"
refuses "a name without a PSK" gw "'psk FILE' is missing" tunnel add x listen $LISTEN psk-identity x
cp "$T/two.psk" "$T/open.psk" && chmod 644 "$T/open.psk"
refuses "a PSK that others can read" gw "run 'chmod 600 $T/open.psk'" tunnel add x listen $LISTEN psk "$T/open.psk" psk-identity x
(umask 077 && echo secret >"$T/short.psk")
refuses "a PSK that is too short" gw "32 to 64 bytes in hex or base64" tunnel add x listen $LISTEN psk "$T/short.psk" psk-identity x

# --- another key at one side: it ends at once there, and does not come back

hears one
check "a session runs" heard one open
check "the gateway takes another key" tctl gw tunnel set home psk "$T/two.psk"
same "no carrier is left when that returns" "" "$(carrier gw)"
check "the client hears it" await 5 heard one ConnectionResetError
check "home's sessions end" await 10 none_left
check "home is refused for its key" await 20 logged gw 'another key than ours for PSK identity home-to-gw' 2
check "and says so" await 20 logged home 'it has another key for PSK identity home-to-gw, or does not know it' 2
key_alert=$(grep -Eo 'TLS alert [0-9]+' "$OUT/tunneld-home.log" | tail -n 1)
mark home
check "home gives another name" tctl home tunnel set gw psk-identity nobody
check "that is refused, too" await 20 logged gw 'unknown PSK identity nobody' 2
check "home is told" await 20 fresh home 'TLS alert'
same "nothing else than before" "$key_alert" "$(tail -n "+$((seen + 1))" "$OUT/tunneld-home.log" | grep -Eo 'TLS alert [0-9]+' | tail -n 1)"
check "the tunnel is down" down
check "with key and name of the gateway it comes up" eval 'tctl home tunnel set gw psk "$T/two.psk" psk-identity home-to-gw && await 40 both_up'
through "and carries"

# --- the file

was=$(carrier gw)
cp -p "$T/one.psk" "$T/two.psk.new" && mv "$T/two.psk.new" "$T/two.psk"
stop_daemon gw
start_daemon gw
again home
check "another key in the file, and nobody said so: refused" await 20 logged gw "two.psk holds another key than tunnel home was given: 'tunnelctl tunnel set home psk $T/two.psk' takes it"
check "the tunnel is down" await 10 down
check "it is said" eval 'tctl gw tunnel set home psk "$T/two.psk" && tctl home tunnel set gw psk "$T/one.psk"'
check "and the tunnel comes up" await 40 both_up
tctl gw save >"$T/gw.yaml"
has "save has it" "$(tr '\n' ' ' <"$T/gw.yaml")" " psk: $T/two.psk     psk-identity: home-to-gw "
same "apply of the same does nothing" "nothing to do" "$(tctl gw apply "$T/gw.yaml")"
same "and has the same hash" "$(tctl gw config hash)" "$("$BIN/tunnelctl" config hash "$T/gw.yaml")"

# --- from a PSK to pins

was=$(carrier gw)
sed -i "s,psk: .*,peer: $HOME_PIN,; s,psk-identity: .*,key: $T/gw.key," "$T/gw.yaml"
has "apply with pins in its place" "$(tctl gw apply "$T/gw.yaml" 2>&1 | tr '\n' ' ')" "^~ tunnel home .*\+ peer $HOME_PIN"
same "the PSK's carrier is gone" "" "$(carrier gw)"
check "home does likewise" tctl home tunnel set gw peer "$GW_PIN" key "$T/home.key"
check "and the tunnel comes up" await 40 both_up
through "and carries"

tctl gw flush
tctl home flush

# --- an authority, and a name

certificates() {
	authority ca && authority foreign &&
		issue gw gw ca subjectAltName=DNS:gw.example &&
		openssl ecparam -name prime256v1 -genkey -noout -out "$T/middle.key" &&
		issue middle middle ca basicConstraints=critical,CA:TRUE &&
		issue leaf home middle subjectAltName=DNS:home.example && cat "$T/leaf.pem" "$T/middle.pem" >"$T/home.pem" &&
		issue foreigner home foreign subjectAltName=DNS:home.example &&
		issue other home ca subjectAltName=DNS:other.example &&
		issue old home ca subjectAltName=DNS:home.example 20200101000000Z 20210203040506Z &&
		issue future home ca subjectAltName=DNS:home.example 20440101000000Z 20450101000000Z &&
		issue home.cn home ca basicConstraints=CA:FALSE &&
		issue server home ca "$(printf 'subjectAltName=DNS:home.example\nextendedKeyUsage=serverAuth')" &&
		(umask 077 && "$BIN/tunnelctl" keygen "$T/second.key") && issue second second ca subjectAltName=DNS:second.example
}
check "certificates" certificates
check "a tunnel by authority and name" tctl gw tunnel add home listen $LISTEN ca "$T/ca.pem" name HOME.example \
	key "$T/gw.key" certificate "$T/gw.pem"
check "on both sides" tctl home tunnel add gw dial $LISTEN ca "$T/ca.pem" name gw.example key "$T/home.key" certificate "$T/home.pem"
check "comes up, with a certificate between" await 20 both_up
tctl home service add web 127.0.0.1:8080
tctl home service add echo 127.0.0.1:9100
leads
through "100 KB go through"
has "it is shown" "$(tctl gw tunnel show home | tr '\n' ' ')" "key: $T/gw.key +certificate: $T/gw.pem +peer: home.example, by $T/ca.pem"
same "the carrier's key is that of the certificate" "$HOME_PIN" "$(carrier gw | cut -d' ' -f2)"

# a second one at the same address: the name in the certificate says which is meant
refuses "one name, one tunnel" gw 'the same peer: one peer, one tunnel' tunnel add x listen $LISTEN ca "$T/foreign.pem" name home.example key "$T/gw.key" certificate "$T/gw.pem"
check "another name" tctl gw tunnel add second listen $LISTEN ca "$T/ca.pem" name second.example key "$T/gw.key" certificate "$T/gw.pem"
check "and home" tctl home tunnel add gw2 dial $LISTEN ca "$T/ca.pem" name gw.example key "$T/second.key" certificate "$T/second.pem"
second_up() { tunnel_up gw second && tunnel_up home gw2; }
check "comes up, too" await 20 second_up
same "each with its own key" "$HOME_PIN $("$BIN/tunnelctl" pubkey "$T/second.key")" \
	"$(tctl gw -j carrier show | grep -Eo '"peer_pin": ?"[0-9a-f]+' | grep -Eo '[0-9a-f]{64}' | tr '\n' ' ' | sed 's/ $//')"
tctl gw tunnel del second
tctl home tunnel del gw2

# --- certificates that are not as they must be

turned_away() { # turned_away NAME FILE PATTERN
	mark gw
	tctl home tunnel set gw certificate "$2"
	[ -z "$(carrier home)" ] || again home
	check "$1: refused" await 20 fresh gw "$3"
}
turned_away "of another authority" "$T/foreigner.pem" "nobody in $T/ca.pem has signed its certificate for home.example"
turned_away "for another name" "$T/other.pem" 'its certificate is for no peer of a tunnel here'
turned_away "of the past" "$T/old.pem" 'its certificate for home.example is not valid since 2021-02-03 04:05:06 UTC'
turned_away "of the future" "$T/future.pem" 'its certificate for home.example is not valid before 2044-01-01'
turned_away "without a DNS name" "$T/home.cn.pem" 'its certificate is for no peer of a tunnel here'
turned_away "for servers only" "$T/server.pem" 'refused .*: (X509|SSL|Certificate|Processing).*alert'
turned_away "without the one between" "$T/leaf.pem" "nobody in $T/ca.pem has signed its certificate for home.example"
turned_away "no certificate but our own" none 'its certificate is for no peer of a tunnel here'
check "the tunnel is down" down
check "with a right one it comes up" eval 'tctl home tunnel set gw certificate "$T/home.pem" && await 40 both_up'
mark home
check "home looks, too" tctl home tunnel set gw name other.example
same "its carrier is gone at once" "" "$(carrier home)"
check "and is not let in" await 20 fresh home 'its certificate is not for other.example'
check "with the right name it is" eval 'tctl home tunnel set gw name gw.example && await 40 both_up'
refuses "a name without an authority" gw "'ca FILE' is missing" tunnel add x listen $LISTEN name x.example key "$T/gw.key"
refuses "an authority without a name" gw "'name NAME'.* is missing" tunnel add x listen $LISTEN ca "$T/ca.pem" key "$T/gw.key"
refuses "an authority and a pin" gw "the peer is known in one way" tunnel add x listen $LISTEN ca "$T/ca.pem" name x.example peer "$HOME_PIN" key "$T/gw.key"
refuses "a certificate of another key" gw "key .* is not that of certificate" tunnel set home key "$T/gw.key" certificate "$T/home.pem"
refuses "what is no certificate" gw "certificate $T/gw.key: " tunnel set home ca "$T/gw.key"

# --- revoked

hears two
check "a session runs" heard two open
check "the gateway trusts another authority" tctl gw tunnel set home ca "$T/foreign.pem"
same "no carrier is left when that returns" "" "$(carrier gw)"
check "the client hears it" await 5 heard two ConnectionResetError
check "home's sessions end" await 10 none_left
check "home is refused" await 20 logged gw "nobody in $T/foreign.pem has signed its certificate for home.example" 2
check "trusted again, it comes up" eval 'tctl gw tunnel set home ca "$T/ca.pem" && await 40 both_up'

# --- files that change

was=$(carrier gw)
cp "$T/old.pem" "$T/new" && mv "$T/new" "$T/home.pem"
same "a certificate that was replaced ends nothing" "$was" "$(carrier gw)"
mark gw
again home
check "but counts for the next carrier" await 20 fresh gw 'is not valid since 2021-02-03'
cat "$T/leaf.pem" "$T/middle.pem" >"$T/new" && mv "$T/new" "$T/home.pem"
check "with a right one it comes up" await 40 both_up
mark home
echo nonsense >"$T/home.pem"
again home
check "nonsense does not replace it" await 20 fresh home 'home.pem: .*the key that was read before stays in use'
check "and the tunnel comes up" await 20 both_up
mark gw
chmod g+w "$T/ca.pem"
again home
check "authorities that others may change let nobody in" await 20 fresh gw 'ca.pem can be changed by group or others'
chmod g-w "$T/ca.pem"
check "when they cannot, it comes up" await 40 both_up

# --- as a file

tctl gw save >"$T/gw.yaml"
has "save has it" "$(tr '\n' ' ' <"$T/gw.yaml")" " ca: $T/ca.pem     name: home.example     key: $T/gw.key     certificate: $T/gw.pem "
same "apply of the same does nothing" "nothing to do" "$(tctl gw apply "$T/gw.yaml")"
same "and has the same hash" "$(tctl gw config hash)" "$("$BIN/tunnelctl" config hash "$T/gw.yaml")"
was=$(carrier gw)
sed -i "s,ca: .*,peer: $HOME_PIN,; /name: /d" "$T/gw.yaml"
check "apply with the pin of the same key" tctl gw apply "$T/gw.yaml"
same "its carrier stays" "$was" "$(carrier gw)"
sed -i '/certificate: /d' "$T/gw.yaml"
check "apply without the certificate" tctl gw apply "$T/gw.yaml"
same "it is gone" "" "$(tctl gw tunnel show home | grep certificate)"
same "its carrier stays, again" "$was" "$(carrier gw)"

tear_down
finish
