#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debug.sh VERSION FOLDER: build the lab's debug kernel from linux-source-VERSION
#
# FOLDER gets release, boot/vmlinuz-RELEASE, lib/modules/RELEASE and
# usr/src/linux-headers-RELEASE, as an unpacked stock kernel has them. Takes
# about ten minutes of two processors; a line every few seconds tells how far.
# debug.sh --key: what the result depends on besides the source

set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
fragment=$here/debug.config
recipe=1	# raise it when the steps below change what comes out

if [ "${1:-}" = --key ]; then
	echo "$recipe.$(cksum <"$fragment" | cut -d' ' -f1)"
	exit
fi
version=$1 out=$2

say() { echo "debug kernel $version: $*" >&2; }

# What a version does not have, or does not let one choose.
declare -A unknown=(
	[6.1]="FAULT_INJECTION_STACKTRACE_FILTER SLUB_TINY KUNIT_DEFAULT_ENABLED"
)

mkdir -p "$out/tmp" "$out/src" "$out/build"
src=$out/src build=$out/build
say "downloading the source (about 150 MB)"
(cd "$out/tmp" && apt-get -q -o APT::Sandbox::User=root download "linux-source-$version" >&2)
say "unpacking it"
dpkg-deb -x "$out"/tmp/linux-source-*.deb "$out/tmp"
tar -xf "$out/tmp/usr/src/linux-source-$version.tar.xz" -C "$src" --strip-components=1
rm -rf "$out/tmp"

in_source() { make -C "$src" O="$build" --no-print-directory "$@"; }

in_source -s tinyconfig
(cd "$build" && "$src/scripts/kconfig/merge_config.sh" -m .config "$fragment" >/dev/null)
in_source -s olddefconfig
while IFS='=' read -r option value; do
	case $option in CONFIG_*) ;; *) continue ;; esac
	[[ " ${unknown[$version]:-} " == *" ${option#CONFIG_} "* ]] && continue
	if [ "$value" = n ]; then
		! grep -q "^$option=" "$build/.config" && continue
	else
		grep -qx "$option=$value" "$build/.config" && continue
	fi
	say "$option=$value did not survive: $(grep -w "$option" "$build/.config" || echo "it is unknown")"
	wrong=1
done <"$fragment"
[ -z "${wrong:-}" ]

say "compiling (about ten minutes)"
progress() {
	local n=0 next=0
	while read -r _; do
		n=$((n + 1))
		if [ $SECONDS -ge $next ]; then
			say "$n of some 2200 steps"
			next=$((SECONDS + 20))
		fi
	done
}
in_source -j"$(nproc)" all 2>"$out/errors" | progress || {
	tail -n 40 "$out/errors" >&2
	exit 1
}
release=$(cat "$build/include/config/kernel.release")
mkdir -p "$out/boot" "$out/lib/modules/$release" "$out/usr/src"
cp "$build/arch/x86/boot/bzImage" "$out/boot/vmlinuz-$release"
cp "$build/System.map" "$out/boot/System.map-$release"
in_source -s INSTALL_MOD_PATH="$out" modules_install
# Only what a module is built with stays.
find "$build" -name '*.o' ! -path "$build/scripts/*" ! -path "$build/tools/*" -delete
rm -f "$build/vmlinux" "$build/arch/x86/boot/bzImage" "$build"/vmlinux.* "$out/errors"
find "$build" -name '.*.cmd' ! -path "$build/scripts/*" ! -path "$build/tools/*" -delete
find "$src" -type f -name '*.[cS]' ! -path "$src/scripts/*" ! -path "$src/tools/*" -delete
rm -rf "$src/Documentation" "$src/drivers" "$src/sound"
ln -sfn ../../build "$out/usr/src/linux-headers-$release"
echo "$release" >"$out/release"
