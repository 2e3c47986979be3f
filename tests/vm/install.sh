#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install.sh: `make install` and `make uninstall`, into a folder of its own.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
status=0

result() { # result NAME STATUS [WHY]
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1: ${3:-failed}"
		status=1
	fi
}

wanted="sbin/tunnelctl sbin/tunneld lib/systemd/system/tunneld.service lib/systemd/system/tunnel-config.service
share/man/man8/tunnelctl.8 share/man/man8/tunneld.8 share/bash-completion/completions/tunnelctl
lib/libtunnel.so.0 lib/libtunnel.so lib/libtunnel.a lib/tunnel/libtunnel-preload.so lib/pkgconfig/libtunnel.pc
include/tunnel/tunnel.h include/linux/tunnel.h include/linux/tunnel_netlink.h
share/man/man3/libtunnel.3 share/man/man3/tunnel_connect.3"
for prefix in /usr /usr/local; do
	make -s install DESTDIR="$root" PREFIX=$prefix >"$root/log" 2>&1
	result "make install PREFIX=$prefix" $? "$(tail -n 5 "$root/log")"
	missing=''
	for file in $wanted; do
		[ -s "$root$prefix/$file" ] || missing+=" $file"
	done
	[ -z "$missing" ]
	result "it installs everything" $? "missing:$missing"
	"$root$prefix/sbin/tunnelctl" --version >"$root/log" && "$root$prefix/sbin/tunneld" --version >>"$root/log"
	result "the programs run" $?
	grep -qx "ExecStart=$prefix/sbin/tunneld" "$root$prefix/lib/systemd/system/tunneld.service"
	result "the unit starts what was installed" $?
	# a program of somebody else, with what pkg-config says, dynamic and static
	flags=$(PKG_CONFIG_PATH="$root$prefix/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR=$root pkg-config \
		--cflags --libs libtunnel)
	cat >"$root/user.c" <<-'EOC'
		#include <tunnel/tunnel.h>
		int main(void)
		{
			struct sockaddr_tunnel sa;

			return tunnel_parse("a b", &sa) == -1 && tunnel_family() != 0 ? 0 : 1;
		}
	EOC
	for how in '' -static; do
		# shellcheck disable=SC2086 # words
		gcc -Wall -Werror $how -o "$root/user" "$root/user.c" $flags >"$root/log" 2>&1 &&
			LD_LIBRARY_PATH=$root$prefix/lib "$root/user" >>"$root/log" 2>&1
		result "a program with libtunnel${how:+, $how}" $? "$(cat "$root/log")"
	done
	grep -q SONAME <(objdump -p "$root$prefix/lib/libtunnel.so") &&
		! nm -D --defined-only "$root$prefix/lib/libtunnel.so.0" | grep -v ' T tunnel_'
	result "it shows its own functions only" $?
	rm -f "$root"/user*
	make -s uninstall DESTDIR="$root" PREFIX=$prefix >"$root/log" 2>&1
	left=$(cd "$root" && find . ! -type d ! -name log)
	[ -z "$left" ]
	result "make uninstall leaves nothing" $? "$left"
done
make -s install DESTDIR="$root" DKMS=1 >"$root/log" 2>&1
result "make install DKMS=1 into a folder" $? "$(tail -n 5 "$root/log")"
[ -s "$(echo "$root"/usr/src/tunnel-*/dkms.conf)" ] && [ -s "$(echo "$root"/usr/src/tunnel-*/kmod/main.c)" ]
result "brings the sources for dkms" $?
exit $status
