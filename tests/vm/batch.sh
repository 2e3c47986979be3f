#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# batch.sh TEST...: tests one after the other in one virtual machine, whose start
# is what takes longest where processors are emulated. Each has what it would have
# alone: no module, no namespace, no process of another; /out/TEST is its /out. What
# a debug kernel has to say, of leaks and coverage, it is asked once, at the end.
TUNNEL_OUT=/out
. "$TUNNEL_SRC/tests/net/lib.sh"
. "$TUNNEL_SRC/tests/vm/verdict.sh"
. "$TUNNEL_SRC/tests/vm/clean.sh"

LIMIT=${LIMIT:-600}
export BATCH=1
bad=0

# How many processes have been started: that is what takes the time, as a rule.
started() { # sets processes
	local line
	while read -r line; do
		[[ $line != processes* ]] || processes=${line#* }
	done </proc/stat
}

mkfifo /run/batch.{1,2}
for test in "$@"; do
	name=$(basename "$test" .sh)
	began=$SECONDS
	started
	before=$processes
	mkdir -p "/out/$name"
	echo "# $name"
	# what is left in the background may hold the pipe: its end is not waited for
	tee "/out/$name/log" </run/batch.1 >/run/batch.2 &
	tee=$!
	sed -u '/^1\.\.[0-9]*$/d' </run/batch.2 &
	sed=$!
	TUNNEL_OUT=/out/$name timeout -k 5 "$LIMIT" bash "$test" </dev/null >/run/batch.1 2>&1
	rc=$?
	clean $tee $sed
	stays=$?
	wait $tee $sed
	verdict "/out/$name/log" $rc
	[ "$bad_lines" = 0 ] || bad=1
	if [ -n "$why" ]; then
		echo "not ok $name: $why"
		bad=1
	fi
	if [ $stays != 0 ]; then
		echo "not ok $name: the module cannot be removed after it"
		exit 1
	fi
	started
	echo "# $name: $ok_lines passed, $bad_lines failed, $((SECONDS - began)) s, $((processes - before)) processes"
done

unset BATCH
if [ -e /sys/kernel/debug/kmemleak ]; then
	no_leak "nothing is left in memory by any of them"
	[ $TESTS_FAILED = 0 ] || bad=1
fi
save_coverage
exit $bad
