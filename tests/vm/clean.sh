# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What a test leaves behind in a virtual machine, and how the next one finds nothing of
# it. Sourced, with tests/net/lib.sh.

# others PID...: what a test started, and left: all that is not of process 1, and not
# ours or among these.
others() {
	local pid session
	while read -r pid session; do
		case " $$ $BASHPID $* " in *" $pid "*) continue ;; esac
		[ "$session" = "$first" ] || echo "$pid"
	done < <(ps -eo pid=,sess=)
}
first=$(ps -o sess= -p 1)
first=${first// /}

# clean PID...: what the test left is ended, but for these. Return: false if the module stays.
clean() {
	local pids ns
	mapfile -t pids < <(others "$@")
	[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null
	for ns in $(ip netns list | cut -d' ' -f1); do
		ip netns del "$ns"
	done
	rm -rf "$T"
	[ -d /sys/module/tunnel ] || return 0
	"$BIN/tunnelctl" flush
	await 40 rmmod tunnel
}
