#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# newer.sh build   user space with the compiler and the libraries of the next Debian
#                  (mbedTLS 3.6, so TLS 1.3), in build/newer; they run on a machine of this
#                  one, too
# newer.sh unit    the unit tests of the daemon with these libraries

set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cd "$here/../.."
. "$here/kernels.sh"
kernel=7 # of the suite that is meant

build() {
	local root suite
	read -r _ _ suite <<<"$(lab_meta $kernel)"
	root=$("$here/suite.sh" --build-root "$suite")
	# Each finds its own libraries: the daemon starts itself once more.
	"$here/suite.sh" --run $kernel make -s -j"$(nproc)" B=build/newer CC=gcc-14 \
		LDFLAGS="-Wl,--disable-new-dtags,-rpath,$root/usr/lib/x86_64-linux-gnu,-I,$root/usr/lib64/ld-linux-x86-64.so.2" \
		userspace
}

unit() {
	# shellcheck disable=SC2016 # expanded in there
	"$here/suite.sh" --run $kernel sh -c '
		mkdir -p /tmp && chmod 1777 /tmp
		rc=0
		for t in handshake orders worker jail edge kdf; do
			t=build/newer/unit/tunneld_${t}_test
			make -s -j"$(nproc)" B=build/newer CC=gcc-14 $t || exit
			CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 120 $t || rc=1
		done
		exit $rc'
}

case ${1:-} in
build | unit) "$1" ;;
*)
	sed -n '4,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
