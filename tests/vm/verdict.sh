# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What counts as a test that passed. Sourced, not run.

# verdict LOG STATUS: sets ok_lines and bad_lines to how many results of either kind
# the log has, and why to what else is wrong with it, "" if nothing is.
verdict() {
	local log=$1 rc=$2 total plan said=()
	ok_lines=$(grep -a -E '^ok ' "$log" | grep -a -v -c '# SKIP')
	bad_lines=$(grep -a -c '^not ok ' "$log")
	total=$(grep -a -c -E '^(not )?ok ' "$log")
	plan=$(sed -n 's/^1\.\.\([0-9]\+\)\r\?$/\1/p' "$log" | tail -n1)
	if [ "$total" = 0 ]; then
		said+=("it printed no result")
	elif [ "$total" -lt "${plan:-0}" ]; then
		said+=("$total results of $plan")
	fi
	case $rc in
	0) ;;
	124 | 137) said+=("it took too long") ;;
	254) said+=("the kernel complained") ;;
	255) said+=("the machine gave no status") ;;
	*) [ "$bad_lines" != 0 ] || said+=("exit status $rc") ;;
	esac
	printf -v why '%s, ' ${said[@]+"${said[@]}"}
	why=${why%, }
}

# What a kernel says when something is wrong with it.
SPLAT='BUG:|kernel BUG at|WARNING:|Oops:|KASAN:|UBSAN:|KFENCE:|possible (recursive locking|circular locking|deadlock)'
SPLAT+='|possible irq lock inversion|inconsistent lock state|suspicious RCU|general protection fault|refcount_t:'
SPLAT+='|blocked for more than|soft lockup|hard LOCKUP|self-detected stall|detected stalls on|(list_add|list_del) corruption'
SPLAT+='|unregister_netdevice: waiting|scheduling while atomic|sleeping function called|Kernel panic'
