#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms.sh [ID...]: the module through dkms, for the lab's kernels, in scratch
# folders: nothing of the host's dkms, /usr/src or /lib/modules changes.

set -uo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
src=$(realpath "$here/../..")
. "$here/kernels.sh"

# dkms makes a signing key in its fixed folder; ours is empty and goes with us.
if [ -z "${DKMS_PRIVATE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "not ok dkms: must be root"; exit 1; }
	mkdir -p /var/lib/dkms
	DKMS_PRIVATE=1 exec unshare -m "$here/dkms.sh" "$@"
fi
mount -t tmpfs tmpfs /var/lib/dkms || { echo "not ok dkms: cannot mount a private /var/lib/dkms"; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# step NAME COMMAND...: one result; the output only when it fails
step() {
	local name=$1
	shift
	if "$@" >"$scratch/log" 2>&1; then
		echo "ok dkms $name"
		return 0
	fi
	cat "$scratch/log"
	# dkms tells little; its build log tells the reason
	find "$scratch/tree" -name make.log -exec tail -n 30 {} + 2>/dev/null
	echo "not ok dkms $name: '$1' failed"
	status=1
	return 1
}

# shellcheck disable=SC2317 # called by step
right_module() {
	local file
	file=$(find "$scratch/modules/$release" -name 'tunnel.ko*') || return 1
	[ -n "$file" ] || { echo "no tunnel.ko installed"; return 1; }
	modinfo -F vermagic "$file" | tee /dev/stderr | grep -q "^$release "
}

# What `make install DKMS=1` does when the sources have changed and the version
# has not: the module must be the new one.
# shellcheck disable=SC2317 # called by step
renew() {
	local before after
	before=$(module_srcversion) || return
	cp -r "$src"/{Kbuild,Makefile,dkms.conf,include,kmod} "$scratch/newer/" || return
	sed -i 's/^MODULE_DESCRIPTION("/&newer /' "$scratch/newer/kmod/main.c"
	make -C "$scratch/newer" dkms-install DKMSDIR="$scratch/usr/src/tunnel-$version" \
		DKMSFLAGS="${at[*]} -k $release" || return
	after=$(module_srcversion)
	echo "$before, then $after"
	[ -n "$after" ] && [ "$before" != "$after" ]
}
module_srcversion() {
	modinfo -F description "$(find "$scratch/modules/$release" -name 'tunnel.ko*')"
}

[ $# -gt 0 ] || mapfile -t ids < <(lab_ids)
for id in "${ids[@]:-$@}"; do
	lab_native "$id" || continue
	rm -rf "${scratch:?}"/*
	kdir=$("$here/fetch.sh" --kdir "$id") || { echo "not ok dkms $id: no kernel"; status=1; continue; }
	release=$(cat "$("$here/fetch.sh" --dir "$id")/release")
	mkdir -p "$scratch/tree" "$scratch/modules/$release" "$scratch/newer"
	step "$id source" make -C "$src" dkms-source DESTDIR="$scratch" || continue
	version=$(basename "$scratch"/usr/src/tunnel-*)
	version=${version#tunnel-}

	at=(--dkmstree "$scratch/tree" --sourcetree "$scratch/usr/src" --installtree "$scratch/modules"
		--kernelsourcedir "$kdir" --no-depmod)
	step "$id add" dkms add "${at[@]}" "tunnel/$version" || continue
	step "$id build" dkms build "${at[@]}" -k "$release" "tunnel/$version" || continue
	step "$id install" dkms install "${at[@]}" -k "$release" "tunnel/$version" || continue
	step "$id module" right_module
	step "$id newer source of the same version" renew
	step "$id remove" dkms remove "${at[@]}" -k "$release" "tunnel/$version"
done
exit $status
