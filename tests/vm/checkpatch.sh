#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# checkpatch.sh VERSION: print where checkpatch.pl of kernel VERSION is. It comes
# from Debian's linux-source-VERSION, for no package of headers has it; only this
# script and its lists are kept in the cache.

set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/kernels.sh"

version=$1
dir=$LAB_CACHE/checkpatch-$version

say() { echo "checkpatch: $*" >&2; }

get() {
	local tmp debug=$LAB_CACHE/kernels/$version-debug/src/scripts
	tmp=$(mktemp -d "$LAB_CACHE/.checkpatch.XXXXXX")
	# shellcheck disable=SC2064 # expand now
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/deb" "$tmp/scripts"
	if [ -e "$debug/checkpatch.pl" ]; then
		cp "$debug"/{checkpatch.pl,spelling.txt,const_structs.checkpatch} "$tmp/scripts/"
	else
		say "downloading linux-source-$version (about 150 MB)"
		(cd "$tmp/deb" && apt-get -q -o APT::Sandbox::User=root download "linux-source-$version" >&2) || {
			apt-get -qq update >&2
			(cd "$tmp/deb" && apt-get -q -o APT::Sandbox::User=root download "linux-source-$version" >&2)
		}
		dpkg-deb --fsys-tarfile "$tmp"/deb/*.deb | tar -xO "./usr/src/linux-source-$version.tar.xz" |
			tar -xJ -C "$tmp" --strip-components=1 --wildcards \
				'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
	fi
	mv "$tmp/scripts" "$dir"
	rm -rf "$tmp"
	trap - EXIT
}

mkdir -p "$LAB_CACHE"
(
	flock 9
	[ -e "$dir/checkpatch.pl" ] || get
) 9>"$LAB_CACHE/.checkpatch.lock"
echo "$dir/checkpatch.pl"
