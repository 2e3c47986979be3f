# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# lib_servers.sh: servers of Debian at home, for run.sh and routes.sh.

make_certificates() {
	local name
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ca \
		-keyout "$T/ca.key" -out "$T/ca.pem" 2>&1 || return
	for name in a b; do
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name.example" \
			-keyout "$T/$name.pem.key" -out "$T/$name.csr" 2>&1 &&
			openssl x509 -req -in "$T/$name.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" -CAcreateserial -days 30 \
				-extfile <(echo "subjectAltName=DNS:$name.example") -out "$T/$name.pem" 2>&1 || return
	done
}

# HTTP/1 on 8080 (by lib.sh), HTTP/2 without TLS on 8081, both with TLS on 8443.
start_sites() {
	make_certificates || return
	start_nginx home 127.0.0.1 8080 || return
	sed -i "s|access_log off;|access_log $OUT/access.log;|; s|server { listen 127.0.0.1:8080.*|&\\
		server { listen 127.0.0.1:8081 http2; root $T/www; }\\
		server { listen 127.0.0.1:8443 ssl http2; server_name a.example; root $T/www;\\
			ssl_certificate $T/a.pem; ssl_certificate_key $T/a.pem.key; }\\
		server { listen 127.0.0.1:8443 ssl http2; server_name b.example; root $T/www;\\
			ssl_certificate $T/b.pem; ssl_certificate_key $T/b.pem.key; }|" "$T/nginx-home.conf"
	in_ns home nginx -c "$T/nginx-home.conf" -s reload && await 10 listens home 8443
}

start_lighttpd() {
	mkdir -p "$T/light/light"
	echo lighttpd >"$T/light/light/index.html"
	cat >"$T/light.conf" <<-EOC
		server.bind = "127.0.0.1"
		server.port = 8082
		server.document-root = "$T/light"
		index-file.names = ( "index.html" )
	EOC
	in_ns home lighttpd -f "$T/light.conf" && await 10 listens home 8082
}

as() { # as USER COMMAND...
	setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups "${@:2}"
}

pg=/usr/lib/postgresql/15/bin
start_postgres() { # start_postgres [SETTING...]; it stays in the foreground
	install -d -o postgres -m 700 "$T/pg" &&
		as postgres $pg/initdb -D "$T/pg" -N -A trust --locale=C -E UTF8 --no-instructions &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=pg \
			-keyout "$T/pg/server.key" -out "$T/pg/server.crt" &&
		chown postgres "$T/pg/server.key" "$T/pg/server.crt" &&
		cat >>"$T/pg/postgresql.conf" <<-EOC &&
			listen_addresses = '127.0.0.1'
			unix_socket_directories = ''
			dynamic_shared_memory_type = mmap
			shared_buffers = 4MB
			max_connections = 10
			autovacuum = off
			fsync = off
			$(printf '%s\n' "$@")
		EOC
		"$BIN/in_ns" home setpriv --reuid postgres --regid postgres --clear-groups $pg/postgres -D "$T/pg"
}

# tctl_says NS WORDS PATTERN
tctl_says() {
	# shellcheck disable=SC2086 # the words
	tctl "$1" $2 | grep -Eq -- "$3"
}
