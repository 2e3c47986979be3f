#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -s 1
# about: 30
#
# The KUnit suites, which a module built for a debug kernel has; then
# nothing may be left in memory.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

echo 1..90
check "the module loads" load_module kunit=1
# From the kernel's log: debugfs of 6.1 keeps but the last parameter of a case.
dmesg -t >"$T/dmesg"
sed -n '/Subtest: tunnel_/,$s/^ *# \(.*: EXPECTATION.*\|.*: ASSERTION.*\|    .*\)/#   \1/p' "$T/dmesg" | head -n 60
# A case with parameters is a list of its own: only the leaves count.
awk '
	/^ *# Subtest:/ {
		at = match($0, /[^ ]/)
		if (at == 5)
			suite = $3
		else
			parent[at - 4] = 1
	}
	suite !~ /^tunnel_/ { next }
	/^ +(not )?ok / {
		at = match($0, /[^ ]/)
		if (at in parent) {
			delete parent[at]
			next
		}
		sub(/^ */, ""); bad = /^not /
		sub(/^(not )?ok [0-9]+ (- )?/, "")
		print (bad ? "not ok " : "ok ") suite " " $0
	}' "$T/dmesg" >"$T/results"
cat "$T/results"
! grep -q '^not ok' "$T/results" || TESTS_FAILED=1
check "the module goes" rmmod tunnel
no_leak "it leaves nothing behind"
finish
