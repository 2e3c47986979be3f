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

LIMIT=${LIMIT:-600}
export BATCH=1
bad=0

# What a test started, and left: all that is not of process 1 and not ours.
others() {
	local pid session
	while read -r pid session; do
		case " $$ $BASHPID $tee $sed " in *" $pid "*) continue ;; esac
		[ "$session" = "$first" ] || echo "$pid"
	done < <(ps -eo pid=,sess=)
}
first=$(ps -o sess= -p 1)
first=${first// /}

# clean: what the test left is ended. Return: false if the module stays.
clean() {
	local pids ns
	mapfile -t pids < <(others)
	[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null
	for ns in $(ip netns list | cut -d' ' -f1); do
		ip netns del "$ns"
	done
	rm -rf "$T"
	[ -d /sys/module/tunnel ] || return 0
	"$BIN/tunnelctl" flush
	await 40 rmmod tunnel
}

mkfifo /run/batch.{1,2}
for test in "$@"; do
	name=$(basename "$test" .sh)
	began=$SECONDS
	mkdir -p "/out/$name"
	echo "# $name"
	# what is left in the background may hold the pipe: its end is not waited for
	tee "/out/$name/log" </run/batch.1 >/run/batch.2 &
	tee=$!
	sed -u '/^1\.\.[0-9]*$/d' </run/batch.2 &
	sed=$!
	TUNNEL_OUT=/out/$name timeout -k 5 "$LIMIT" bash "$test" </dev/null >/run/batch.1 2>&1
	rc=$?
	clean
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
	echo "# $name: $ok_lines passed, $bad_lines failed, $((SECONDS - began)) s"
done

unset BATCH
if [ -e /sys/kernel/debug/kmemleak ]; then
	no_leak "nothing is left in memory by any of them"
	[ $TESTS_FAILED = 0 ] || bad=1
fi
save_coverage
exit $bad
