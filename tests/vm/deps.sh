#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh: install what building, testing and the demo need (Debian 12, root);
# deps.sh lint: what tests/lint.sh needs.
# Does nothing when all is there. Services are installed but not started.

set -euo pipefail

packages=(
	# build
	gcc make libc6-dev pkg-config libnl-genl-3-dev libevent-dev libmbedtls-dev libnghttp2-dev libfyaml-dev libseccomp-dev libcmocka-dev
	# fuzzing: compiler, its run-time libraries, names in stack traces
	clang libclang-rt-dev llvm
	# the kernel's own build tools are unpacked, not installed: their libraries
	libelf1 libssl3
	# the debug kernel
	flex bison bc libelf-dev libssl-dev xz-utils
	# virtual machine
	qemu-system-x86 busybox-static cpio kmod
	# what tests and demo run in it
	iproute2 nftables tcpdump curl nginx-light redis-server redis-tools socat python3 openssl procps
	postgresql postgresql-client openssh-server openssh-client apache2-utils wrk
	lighttpd haproxy nghttp2-client python3-grpcio python3-websockets dnsmasq-base
	dkms
)
lint_packages=(
	# build
	gcc make libc6-dev pkg-config libnl-genl-3-dev libevent-dev libmbedtls-dev libnghttp2-dev libfyaml-dev libseccomp-dev libcmocka-dev
	libelf1 libssl3 xz-utils
	# the lab's kernels come with an initramfs
	busybox-static cpio kmod
	# checks
	shellcheck clang clang-format cppcheck sparse perl
)
case ${1:-} in
'') ;;
lint) packages=("${lint_packages[@]}") ;;
*) echo "deps.sh: '$1'? (nothing, or lint)" >&2; exit 2 ;;
esac

say() { echo "deps: $*" >&2; }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	say "no apt here: install the counterparts of these Debian packages yourself, then go on:"
	say "${packages[*]}"
	exit 1
fi

# dpkg-query fails when it knows nothing of one of them: that one is missing
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
	awk '$1 == "installed" { print $2 }') || true
missing=()
for package in "${packages[@]}"; do
	grep -qx "$package" <<<"$have" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	say "missing: ${missing[*]}"
	say "run this as root, or: apt-get install ${missing[*]}"
	exit 1
fi

# Debian starts a service when it installs it, unless this file forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi

say "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update >&2 || say "apt-get update failed; going on with what is there"
apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}" </dev/null >&2
