#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# suite.sh --config SUITE      make package lists of another Debian suite, apart
#                              from this machine's; print an APT_CONFIG for them
# suite.sh --build-root SUITE  unpack that suite's compiler and kernel build tools
#                              into a folder of the cache; print it
# suite.sh --run ID COMMAND... run a command where modules for kernel ID are built:
#                              here, or with / replaced by such a folder
#
# Nothing of it is installed or configured. Where the archive is, is taken from
# this machine's own lists.

set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/kernels.sh"

packages=(base-files gcc-14 gcc-14-for-host make bash coreutils sed grep mawk findutils perl-base pahole
	libelf1t64 libssl3t64 binutils dash diffutils xz-utils
	# user space, with that suite's libraries
	libc6-dev pkgconf libnl-genl-3-dev libevent-dev libmbedtls-dev libnghttp2-dev libfyaml-dev libseccomp-dev libcmocka-dev openssl)

say() { echo "suite: $*" >&2; }
die() { say "$*"; exit 1; }

config() {
	local suite=$1 dir=$LAB_CACHE/suites/$1 uri name
	if [ ! -e "$dir/updated" ]; then
		mkdir -p "$dir"/{state/lists,cache/archives}/partial
		: >"$dir/status"
		# shellcheck disable=SC2016 # apt's variables
		uri=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 'Label: Debian' |
			awk 'NR == 1 { print $1 }')
		[ -n "$uri" ] || die "apt knows no Debian archive here: run 'apt-get update', and see /etc/apt/sources.list"
		# backports build on the release they are for
		for name in "${suite%-backports}" "$suite"; do
			echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $name main"
		done | sort -u >"$dir/sources.list"
		cat >"$dir/apt.conf" <<-EOC
			Dir::State "$dir/state";
			Dir::State::status "$dir/status";
			Dir::Cache "$dir/cache";
			Dir::Etc::sourcelist "$dir/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			Dir::Etc::preferencesparts "/dev/null";
			APT::Sandbox::User "root";
			APT::Default-Release "$suite";
			APT::Install-Recommends "false";
		EOC
		say "$suite: reading the package lists"
		APT_CONFIG=$dir/apt.conf apt-get -qq update >&2 || die "$suite: apt-get update failed"
		touch "$dir/updated"
	fi
	echo "$dir/apt.conf"
}

# The name says what is in it, so that another list makes another folder.
build_root() {
	local suite=$1 conf root tmp deb
	conf=$(config "$suite")
	root=$LAB_CACHE/suites/$suite/root-$(echo "${packages[*]}" | cksum | cut -d' ' -f1)
	if [ ! -d "$root" ]; then
		say "$suite: downloading its compiler and build tools (about 70 MB)"
		APT_CONFIG=$conf apt-get -qq -y --download-only install "${packages[@]}" >&2
		tmp=$(mktemp -d "$root.XXXXXX")
		# first what makes /bin a link to /usr/bin
		for deb in "${conf%/*}"/cache/archives/base-files_*.deb "${conf%/*}"/cache/archives/*.deb; do
			dpkg-deb -x "$deb" "$tmp"
		done
		ln -s mawk "$tmp/usr/bin/awk"
		mkdir -p "$tmp/proc" "$tmp/dev"
		chmod 755 "$tmp"
		mv -T "$tmp" "$root"
		APT_CONFIG=$conf apt-get clean
	fi
	echo "$root"
}

# One at a time: package lists and folders are made under a lock.
locked() {
	mkdir -p "$LAB_CACHE/suites" || die "cannot write to $LAB_CACHE; TUNNEL_CACHE names another place"
	exec 8>"$LAB_CACHE/suites/.lock"
	flock 8
	"$@"
}

inside() {
	local id=$1 suite root dir
	shift
	[[ $id == *-debug ]] || read -r _ _ suite <<<"$(lab_meta "$id")"
	[ -n "${suite:-}" ] || exec "$@"
	root=$("$here/suite.sh" --build-root "$suite")
	for dir in "$PWD" "$LAB_CACHE"; do
		mkdir -p "$root$dir"
	done
	# shellcheck disable=SC2016 # expanded in there
	exec unshare --mount sh -c '
		root=$1 pwd=$2 cache=$3
		shift 3
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
			mount --bind "$cache" "$root$cache" && mount --bind "$pwd" "$root$pwd" || exit
		exec chroot "$root" env -i PATH=/usr/bin HOME=/ MAKEFLAGS="$MAKEFLAGS" \
			sh -c "cd \"\$0\" && exec \"\$@\"" "$pwd" "$@"
	' sh "$root" "$PWD" "$LAB_CACHE" "$@"
}

case ${1:-} in
--config) locked config "$2" ;;
--build-root) locked build_root "$2" ;;
--run) shift; inside "$@" ;;
*)
	sed -n '4,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
