#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fetch.sh [--update] ID...   get the lab's kernels into the cache
# fetch.sh --kdir ID          the same, then print the folder to build modules with
# fetch.sh --dir ID           the same, then print the folder of the unpacked kernel
# fetch.sh --initrd ID        the same, then print the path of the initramfs
#
# Packages are downloaded and unpacked, never installed. What the cache has is
# used as it is; --update looks for a newer kernel in the archive.
# TUNNEL_CACHE names another cache folder.

set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/kernels.sh"

store=$LAB_CACHE/kernels

say() { echo "fetch: $*" >&2; }
die() { say "$*"; exit 1; }

usage() {
	sed -n '4,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# No sandbox user: it cannot write to our folder, and apt would warn about it.
apt_get() { apt-get -o APT::Sandbox::User=root "$@"; }

depends_of() { apt-cache depends --important "$1" 2>/dev/null | awk '$1 == "Depends:" { print $2 }'; }

# resolve META PREFIX: the package of the current ABI behind a metapackage
resolve() { depends_of "$1" | grep "^$2" | head -n1; }

refresh_lists() {
	[ -n "${APT_CONFIG:-}" ] || [ "$(id -u)" = 0 ] || die "the package lists are out of date; run 'apt-get update' as root"
	say "updating the package lists"
	flock "$store/.lists.lock" apt-get -qq update >&2 || say "apt-get update failed; going on with what is there"
}

# download ID HEADERS-METAPACKAGE DIR: the packages of the kernel into DIR;
# prints its release
download() {
	local id=$1 meta=$2 dir=$3 headers release image pkg
	headers=$(resolve "$meta" linux-headers-) || return 1
	release=${headers#linux-headers-}
	case $release in
	"$id".*) ;;
	*) die "$meta leads to $release here, which is no $id kernel" ;;
	esac

	local parts=("$headers")
	for pkg in $(depends_of "$headers"); do
		case $pkg in linux-headers-* | linux-kbuild-* | linux-base-"$release") parts+=("$pkg") ;; esac
	done
	# Since 7.x the image is a package of binaries and one of modules.
	if depends_of "linux-image-$release" | grep -qx "linux-modules-$release"; then
		parts+=("linux-modules-$release")
	fi
	say "$id: downloading $release (about 125 MB)"
	(cd "$dir" && apt_get -q download "${parts[@]}" >&2) || return 1
	# The signed and the unsigned image hold the same kernel.
	for image in "linux-binary-unsigned-$release" "linux-image-$release-unsigned" "linux-image-$release"; do
		depends_of "$image" >/dev/null || continue
		if (cd "$dir" && apt_get -q download "$image" >&2); then
			echo "$release"
			return 0
		fi
	done
	return 1
}

install_kernel() {
	local id=$1 tmp release version deb final image headers suite
	read -r image headers suite <<<"$(lab_meta "$id")"
	if [ -n "$suite" ]; then
		APT_CONFIG=$("$here/suite.sh" --config "$suite") || die "$id: no package lists of $suite"
		export APT_CONFIG
	fi
	mkdir -p "$store"
	tmp=$(mktemp -d "$store/.tmp.XXXXXX")
	# shellcheck disable=SC2064 # expand now: the folder of this kernel
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/debs" "$tmp/tree"

	# A second try with fresh lists: the archive may have moved on.
	if ! release=$(download "$id" "$headers" "$tmp/debs"); then
		rm -f "$tmp"/debs/*
		refresh_lists
		release=$(download "$id" "$headers" "$tmp/debs") || die "$id: the archive does not give us this kernel"
	fi
	version=$(dpkg-deb -f "$tmp/debs/linux-headers-$release"_*.deb Version)
	final=$store/${release}_$version

	if [ ! -d "$final" ]; then
		say "$id: unpacking $version"
		for deb in "$tmp"/debs/*.deb; do
			dpkg-deb -x "$deb" "$tmp/tree"
		done
		if [ ! -d "$tmp/tree/boot" ]; then
			mkdir "$tmp/tree/boot"
			ln -s usr/lib "$tmp/tree/lib"
			mv "$tmp/tree/lib/modules/$release/vmlinuz.unsigned" "$tmp/tree/boot/vmlinuz-$release"
			ln -s "../lib/modules/$release/System.map" "$tmp/tree/boot/System.map-$release"
		fi
		# The headers name their common part by its installed, absolute path.
		sed -i "s#/usr/src/linux-headers-#$final&#" \
			"$tmp/tree/usr/src/linux-headers-$release/Makefile"
		echo "$release" >"$tmp/tree/release"
		depmod -b "$tmp/tree" -F "$tmp/tree/boot/System.map-$release" "$release"
		chmod 755 "$tmp/tree"
		mv "$tmp/tree" "$final"
	fi
	ln -sfn "$(basename "$final")" "$tmp/link"
	mv -T "$tmp/link" "$store/$id"
	rm -rf "$tmp"
	trap - EXIT
}

# What the initramfs is made of decides its name, so that a change makes a new one.
initrd_path() {
	local dir=$1 sum
	sum=$(cat "$here/init" "$here/qexit.c" "$here/fetch.sh" | cksum)
	echo "$dir/initramfs-${sum%% *}.gz"
}

make_initrd() {
	local dir=$1 out=$2 release tmp mod file name
	release=$(cat "$dir/release")
	say "$(basename "$dir"): building the initramfs"
	[ -x /bin/busybox ] || die "no /bin/busybox: install busybox-static"
	tmp=$(mktemp -d "$dir/.initrd.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp"/{bin,mods,proc,sys,dev,low,rw,new}
	cp /bin/busybox "$tmp/bin/"
	for name in sh mount mkdir insmod switch_root cat cp echo poweroff umount; do
		ln -s busybox "$tmp/bin/$name"
	done
	gcc -static -O2 -Wall -o "$tmp/bin/qexit" "$here/qexit.c"
	install -m 755 "$here/init" "$tmp/init"

	# Root on 9p behind an overlay; what is built in has no file here.
	for mod in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -d "$dir" -S "$release" --show-depends "$mod"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$tmp/list"
	while read -r file; do
		name=$(basename "${file%.xz}")
		case $file in
		*.xz) xz -dc "$file" >"$tmp/mods/$name" ;;
		*) cp "$file" "$tmp/mods/$name" ;;
		esac
		echo "$name"
	done <"$tmp/list" >"$tmp/mods/order"
	rm "$tmp/list"

	(cd "$tmp" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/.initrd.gz"
	mv "$dir/.initrd.gz" "$out"
	rm -rf "$tmp"
	trap - EXIT
}

# install_debug ID: built where it stays, for it knows its own path. The link
# says that it is whole.
install_debug() {
	local id=$1 name
	name=$id-$("$here/debug.sh" --key)
	rm -rf "$store/$id"-*
	"$here/debug.sh" "${id%-debug}" "$store/$name"
	ln -sfn "$name" "$store/.$id"
	mv -T "$store/.$id" "$store/$id"
}

# have ID: is it in the cache, as it should be?
have() {
	[ -e "$store/$1/release" ] || return
	[[ $1 != *-debug ]] || [ "$(readlink "$store/$1")" = "$1-$("$here/debug.sh" --key)" ]
}

# Everything that writes happens under one lock per kernel; a full cache is
# recognised without it.
fetch() {
	local id=$1 initrd
	[[ $id == *-debug ]] || lab_meta "$id" >/dev/null
	if [ -n "$update" ] || ! have "$id" || [ ! -e "$(initrd_path "$store/$id")" ]; then
		mkdir -p "$store" || die "cannot write to $store; TUNNEL_CACHE names another place"
		(
			flock 9
			if [ -n "$update" ] || ! have "$id"; then
				case $id in
				*-debug) install_debug "$id" ;;
				*) install_kernel "$id" ;;
				esac
			fi
			initrd=$(initrd_path "$(realpath "$store/$id")")
			[ -e "$initrd" ] || make_initrd "$(realpath "$store/$id")" "$initrd"
		) 9>"$store/.$id.lock"
	fi
}

update='' show=''
while [ $# -gt 0 ]; do
	case $1 in
	--update) update=1 ;;
	--kdir | --dir | --initrd) show=${1#--} ;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || usage

for id in "$@"; do
	fetch "$id"
	dir=$(realpath "$store/$id")
	case $show in
	dir) echo "$dir" ;;
	kdir) echo "$dir/usr/src/linux-headers-$(cat "$dir/release")" ;;
	initrd) initrd_path "$dir" ;;
	esac
done
