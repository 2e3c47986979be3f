#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# about: 60
# short: 6.1
#
# Listeners at a path: unix sockets whose connections go to a service of the peer, or out of
# its host; whose file it is, and what becomes of it.
# shellcheck disable=SC2016 # eval expands them
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"
echo 1..51

export PYTHONPATH=$TUNNEL_SRC/tests/net BIN T OUT
# shellcheck source=tests/net/lib_servers.sh
. "$TUNNEL_SRC/tests/net/lib_servers.sh"
stat_is() { [ "$(stat -c '%a %u %g %F' "$2")" = "$1" ]; }
D=$T/paths
mkdir -m 755 "$D"

check "a tunnel" setup
check "redis" in_ns home redis-server --bind 127.0.0.1 --port 6379 --save '' --daemonize yes
check "nginx" start_nginx home 127.0.0.1 8080
start_postgres >"$OUT/postgres.log" 2>&1 &
for s in redis:6379 web:8080 pg:5432 dead:9; do
	tctl home service add "${s%:*}" "127.0.0.1:${s#*:}"
done

# --- a path, and who may use it
check "forward a path" tctl gw forward "unix:$D/redis" to home/redis
check "its file is root's alone" stat_is '600 0 0 socket' "$D/redis"
has "it is shown" "$(tctl gw listener show)" "^listener: unix:$D/redis -> home/redis\$"
has "also as JSON" "$(tctl gw -j listener show | tr -d '\n ')" "\"address\":\"unix:$D/redis\""
same "redis answers root" PONG "$(redis-cli -s "$D/redis" ping)"
has "and nobody else" "$(as nobody redis-cli -s "$D/redis" ping 2>&1)" 'Permission denied'
check "one for a group" tctl gw forward "unix:$D/.s.PGSQL.5432" mode 0660 owner "0:$(id -g postgres)" to home/pg
check "its file is theirs" stat_is "660 0 $(id -g postgres) socket" "$D/.s.PGSQL.5432"
check "PostgreSQL is there" await 60 listens home 5432
same "psql" 499500 "$(as postgres psql -h "$D" -U postgres -Atc 'select sum(i) from generate_series(0, 999) i')"
has "but for others" "$(as nobody psql -h "$D" -U postgres -Atc 'select 1' 2>&1)" 'Permission denied'
check "one for all" tctl gw forward "unix:$D/web" mode 0666 to home/web
same "64 MiB" "$(sum_of 64m)" "$(as nobody curl -sS -m 120 --unix-socket "$D/web" http://x/64m | sha256sum | cut -d' ' -f1)"
check "100 at once" eval 'for i in {1..100}; do curl -s -m 60 --unix-socket "$D/web" http://x/index.html & done | grep -c Hello | grep -qx 100'
check "bytes and ends, both ways" python3 "$SRC/tests/net/forward.py" bytes "$D/echo"
has "a session says nothing of a caller" "$( (sleep 600 | socat - "UNIX-CONNECT:$D/redis" >/dev/null) & await 20 tctl_says gw 'session show' 'service redis, opened by us, '; tctl gw session show; pkill -f "UNIX-CONNECT:$D/redis"; pkill -x sleep)" 'service redis, opened by us, '
check "out of the peer's host" eval 'tctl home egress allow network 127.0.0.1 port 8080 && tctl gw forward "unix:$D/out" to home/127.0.0.1:8080'
same "as far as its rules allow" 'Hello through the tunnel.' "$(curl -s -m 40 --unix-socket "$D/out" http://x/index.html)"
check "to where nobody is" tctl gw forward "unix:$D/dead" to home/dead
has "it ends at once" "$(curl -s -m 40 --unix-socket "$D/dead" http://x/ >/dev/null; echo $?)" '^(7|5[26])$'

# --- the file
refused "the same path twice" 'a listener on this address exists' tctl gw forward "unix:$D/redis" to home/web
same "takes nothing from the first" PONG "$(redis-cli -s "$D/redis" ping)"
echo precious >"$D/file"
refused "a file in the way" 'there is a file of this name already' tctl gw forward "unix:$D/file" to home/web
same "stays what it was" precious "$(cat "$D/file")"
socat "UNIX-LISTEN:$D/other,fork" EXEC:cat &
check "another program's socket" await 10 test -S "$D/other"
refused "is in the way, too" 'there is a file of this name already' tctl gw forward "unix:$D/other" to home/web
same "and works on" hello "$(echo hello | socat - "UNIX-CONNECT:$D/other")"
kill -9 $!
pkill -9 -f "UNIX-LISTEN:$D/other"
check "one that nobody listens on any more is not" tctl gw forward "unix:$D/other" mode 0666 to home/web
same "it is ours now" 'Hello through the tunnel.' "$(curl -s -m 40 --unix-socket "$D/other" http://x/index.html)"
mkdir "$D/open" && chmod 777 "$D/open"
refused "an owner in a folder that others may write to" "others than root may write" tctl gw forward "unix:$D/open/x" mode 0666 to home/web
check "without one" eval 'tctl gw forward "unix:$D/open/x" to home/web && tctl gw listener del "unix:$D/open/x"'
rm -f "$D/open/x"
refused "no directory" 'does its directory exist' tctl gw forward "unix:$D/none/x" to home/web
refused "a path that is none" 'is no path from the root' tctl gw forward "unix:x" to home/web
refused "routes" 'ADDR|address' tctl gw route add "unix:$D/routes" to home/web
refused "a mode of an address" "'mode' and 'owner' are about the file" tctl gw forward 127.0.0.1:1 mode 0600 to home/web
refused "a mode that is none" 'it is octal' tctl gw forward "unix:$D/x" mode 999 to home/web
check "the listener goes" tctl gw listener del "unix:$D/web"
check "and its file" no test -e "$D/web"

# --- as a file
tctl gw save >"$T/gw.yaml"
same "saved, applied, nothing to do" "nothing to do" "$(tctl gw apply "$T/gw.yaml")"
same "the file has the same hash" "$(tctl gw config hash)" "$(tctl gw config hash "$T/gw.yaml")"
has "it says whose they are" "$(<"$T/gw.yaml")" "unix:$D/.s.PGSQL.5432: \{ to: home/pg, mode: 0660, owner: 0:[0-9]+ \}"
sed -i '/\/other/d; s/mode: 0660/mode: 0666/' "$T/gw.yaml"
has "one goes, one changes" "$(tctl gw apply "$T/gw.yaml" | tr '\n' '|')" "^- listener unix:$D/other\|.*~ listener unix:$D/.s.PGSQL.5432\|"
check "also as files" eval '[ ! -e "$D/other" ] && stat_is "666 0 $(id -g postgres) socket" "$D/.s.PGSQL.5432"'
check "without anything" tctl gw flush
check "files stay, with nobody behind" eval '[ -S "$D/redis" ] && ! redis-cli -s "$D/redis" ping'
same "and are taken over" 5 "$(tctl gw apply "$T/gw.yaml" | grep -c '^+')"
same "and again" PONG "$(await 20 tunnel_up gw; redis-cli -s "$D/redis" ping)"

tear_down
finish
