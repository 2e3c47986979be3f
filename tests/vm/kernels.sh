# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# The kernels of the lab, and where their files are kept. Sourced, not run.

# One line per kernel: our id, then the metapackages whose dependencies name
# the ABI that is in the archive today. The id is also the version prefix. A
# fourth word is the suite they come from when that is not this machine's: its
# modules are built with the compiler of that suite, in a folder (suite.sh).
LAB_KERNELS=(
	"6.1  linux-image-amd64      linux-headers-amd64"
	"6.12 linux-image-6.12-amd64 linux-headers-6.12-amd64"
	"7    linux-image-amd64      linux-headers-amd64      trixie-backports"
)

# Kernels that find bugs, built from Debian's linux-source of that version by
# debug.sh: our id is VERSION-debug.
LAB_DEBUG_KERNELS=(6.12-debug 6.1-debug)

if [ -n "${TUNNEL_CACHE:-}" ]; then
	LAB_CACHE=$TUNNEL_CACHE
elif [ "$(id -u)" = 0 ]; then
	LAB_CACHE=/var/cache/tunnel-lab
else
	LAB_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tunnel-lab
fi

lab_ids() {
	local line
	for line in "${LAB_KERNELS[@]}"; do
		echo "${line%% *}"
	done
}

# lab_meta ID: prints "IMAGE-METAPACKAGE HEADERS-METAPACKAGE SUITE"
lab_meta() {
	local line id image headers suite
	for line in "${LAB_KERNELS[@]}"; do
		read -r id image headers suite <<<"$line"
		if [ "$id" = "$1" ]; then
			echo "$image $headers $suite"
			return
		fi
	done
	echo "no kernel '$1' in the lab (there are: $(lab_ids | xargs))" >&2
	return 1
}

# lab_native ID: is it of this machine's suite, for its compilers and its dkms?
lab_native() {
	local suite
	read -r _ _ suite <<<"$(lab_meta "$1")"
	[ -z "$suite" ]
}
