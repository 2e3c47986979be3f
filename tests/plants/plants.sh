#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# plants.sh [NAME...]: does the lab catch bugs? Each NAME.patch puts one into a
# copy of the module; the test it names must fail, in the way it says. Without a
# bug the same exchange passes. Those of a kernel share a virtual machine.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
logs=build/check/plants
field() { sed -n "s/^$2: //p" "tests/plants/$1.patch" | head -n 1; }

# plant NAME KERNEL: make build/plants/NAME/build/KERNEL/tunnel.ko, with the bug. The
# copy takes our place meanwhile, so that what is built of the rest is up to date.
plant() {
	local name=$1 kernel=$2 dir=build/plants/$1
	rm -rf "$dir"
	mkdir -p "$dir/build" "$dir/tests"
	cp -a Kbuild Makefile dkms.conf include kmod "$dir/"
	cp -a tests/vm tests/kunit tests/unit "$dir/tests/"
	[ ! -d "build/$kernel" ] || cp -a "build/$kernel" "$dir/build/"
	# shellcheck disable=SC2016 # expanded in there
	patch -d "$dir" -p1 -s <"tests/plants/$name.patch" &&
		unshare --mount sh -c 'mount --bind "$1" "$2" && cd / && cd "$2" && make -s "lab-module-$3"' \
			sh "$dir" "$PWD" "$kernel"
}

# machine KERNEL NAME...: their tests, in one virtual machine
machine() {
	local kernel=$1 name arg=()
	for name in "${@:2}"; do
		arg+=("$name" "$(field "$name" test)" "$PWD/build/plants/$name/build/$kernel/tunnel.ko")
	done
	[ "$kernel" != "$good" ] || arg=(none tests/plants/exchange.sh "$PWD/build/$kernel/tunnel.ko" "${arg[@]}")
	tests/vm/run.sh -k "$kernel" -s 1 -m 2048 -t 1800 -o "$logs/$kernel" tests/plants/one_by_one.sh "${arg[@]}" \
		>"$logs/$kernel.log" 2>&1
}

# status KERNEL NAME: of its test; "none" if it has not been run to its end
status() { cat "$logs/$1/$2.rc" 2>/dev/null || echo none; }

judge() {
	local name=$1 kernel=$2 test log caught
	test=$(field "$name" test)
	caught=$(field "$name" caught)
	log=$logs/$kernel/$name.log
	case $(status "$kernel" "$name") in
	none) echo "not ok $name is caught: $test has not ended" ;;
	0) echo "not ok $name is caught: $test passed" ;;
	*)
		if grep -Eq "$caught" "$log"; then
			echo "ok $name is caught: $(grep -Eo -m1 "$caught.{0,60}" "$log" | tr -d '\r')"
			return
		fi
		echo "not ok $name is caught: $test failed, but not with '$caught'"
		;;
	esac
	tail -n 20 "$log" "$logs/$kernel.log" 2>/dev/null | sed 's/^/#   /'
}

mkdir -p "$logs"
if [ $# = 0 ]; then
	all=(tests/plants/*.patch)
	all=("${all[@]##*/}")
	set -- "${all[@]%.patch}"
fi
# where the exchange must pass, too
good=6.12-debug
declare -A on=([$good]='')
echo 1..$(($# + 1))
for name in "$@"; do
	kernel=$(field "$name" kernel)
	if plant "$name" "$kernel" >"$logs/$name.make" 2>&1; then
		on[$kernel]+=" $name"
	else
		echo "not ok $name can be planted"
		tail -n 20 "$logs/$name.make" | sed 's/^/#   /'
	fi
done
for kernel in "${!on[@]}"; do
	# shellcheck disable=SC2086 # words, on purpose
	machine "$kernel" ${on[$kernel]}
	for name in ${on[$kernel]}; do
		judge "$name" "$kernel"
	done
done
if [ "$(status $good none)" = 0 ]; then
	echo "ok without a bug the exchange passes"
else
	echo "not ok without a bug the exchange passes"
	tail -n 30 "$logs/$good/none.log" "$logs/$good.log" | sed 's/^/#   /'
fi
