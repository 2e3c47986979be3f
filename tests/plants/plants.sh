#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# plants.sh [NAME...]: does the lab catch bugs? Each NAME.patch puts one into a
# copy of the module; the test it names must fail, in the way it says. Without a
# bug the same exchange passes.

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

# run NAME KERNEL TEST [OPTION...]
run() {
	local out=$logs/$1 opts
	read -r -a opts < <(sed -n 's/^# vm: //p' "$3"; echo)
	mkdir -p "$out"
	tests/vm/run.sh -k "$2" -o "$out" "${opts[@]}" "${@:4}" "$3" >"$out.log" 2>&1
}

try() {
	local name=$1 kernel test caught
	kernel=$(field "$name" kernel)
	test=$(field "$name" test)
	caught=$(field "$name" caught)
	if ! plant "$name" "$kernel" >"$logs/$name.make" 2>&1; then
		echo "not ok $name can be planted"
		tail -n 20 "$logs/$name.make" | sed 's/^/#   /'
		return
	fi
	if run "$name" "$kernel" "$test" -e "TUNNEL_KO=$PWD/build/plants/$name/build/$kernel/tunnel.ko"; then
		echo "not ok $name is caught: $test passed"
	elif ! grep -Eq "$caught" "$logs/$name.log"; then
		echo "not ok $name is caught: $test failed, but not with '$caught'"
		tail -n 20 "$logs/$name.log" | sed 's/^/#   /'
	else
		echo "ok $name is caught: $(grep -Eo -m1 "$caught.{0,60}" "$logs/$name.log" | tr -d '\r')"
	fi
}

mkdir -p "$logs"
if [ $# = 0 ]; then
	all=(tests/plants/*.patch)
	all=("${all[@]##*/}")
	set -- "${all[@]%.patch}"
fi
echo 1..$(($# + 1))
if run none 6.12-debug tests/plants/exchange.sh; then
	echo "ok without a bug the exchange passes"
else
	echo "not ok without a bug the exchange passes"
	tail -n 30 "$logs/none.log" | sed 's/^/#   /'
fi
# two at a time, as everywhere
for name in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do
		wait -n
	done
	try "$name" &
done
wait
