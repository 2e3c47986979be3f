# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What has passed before, in this tree, and with which files. Sourced by check.sh.
#
# A test on a stock kernel, and what looks at files only, is not run again if every file
# it is made from, and every installed package, is the one it passed with. What looks for
# races and chance (debug kernels, fuzzing) always runs. AGAIN=1 and the long form run all;
# so does a fresh clone, for the record is in build/.

declare -A inputs=() keys=()

# inputs NAME PATH...: set key to what stands for all that NAME's result depends on;
# "" if that cannot be said. PATHs are git's: ":!docs" is all but docs.
inputs() {
	local name=$1
	shift
	key=
	[ -z "$LONG${AGAIN:-}" ] && git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 0
	if [ -z "${inputs["$*"]:-}" ]; then
		inputs["$*"]=$({
			git ls-files -z -co --exclude-standard -- "$@" | sort -z | xargs -0 sha256sum
			dpkg-query -W
			cat "$LAB_CACHE"/kernels/*/release
		} 2>&1 | sha256sum)
	fi
	key=$name/${inputs["$*"]%% *}
}

# before NAME PATH...: has it passed, with these files? Then it is counted; else it
# will be remembered if it does.
before() {
	local name=$1 key count
	inputs "$@"
	[ -n "$key" ] || return
	if read -r count <"build/passed/$key"; then
		echo "# $name: $count passed, with these very files, before"
		passed=$((passed + count))
		return
	fi 2>/dev/null
	keys[$name]=$key
	return 1
}

# remember NAME COUNT: it has passed
remember() {
	local key=${keys[$1]:-}
	[ -n "$key" ] || return 0
	mkdir -p "build/passed/$1"
	rm -f "build/passed/$1"/*
	echo "$2" >"build/passed/$key"
}
