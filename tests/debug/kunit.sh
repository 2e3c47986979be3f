#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm: -t 1800
#
# The KUnit suites, which a module built for a debug kernel has; then
# nothing may be left in memory.
# shellcheck source=tests/net/lib.sh
. "$TUNNEL_SRC/tests/net/lib.sh"

echo 1..90
check "the module loads" load_module kunit=1
for results in /sys/kernel/debug/kunit/tunnel_*/results; do
	suite=$(basename "$(dirname "$results")")
	grep -E '^ *# ' "$results" | grep -vE 'Subtest|speed|[Tt]otals' | head -n 20 | sed 's/^ *# /#   /'
	# a case with parameters is a list of its own: only the leaves count
	awk -v suite="$suite" '
		/# Subtest:/ { parent[match($0, /[^ ]/) - 4] = 1 }
		/^ *(not )?ok / {
			at = match($0, /[^ ]/)
			if (at in parent) {
				delete parent[at]
				next
			}
		}
		/^ *(not )?ok / {
			sub(/^ */, ""); bad = /^not /
			sub(/^(not )?ok [0-9]+ (- )?/, "")
			print (bad ? "not ok " : "ok ") suite " " $0
		}' "$results"
done >"$T/results"
cat "$T/results"
! grep -q '^not ok' "$T/results" || TESTS_FAILED=1
check "the module goes" rmmod tunnel
no_leak "it leaves nothing behind"
finish
