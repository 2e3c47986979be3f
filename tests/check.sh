#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh [STAGE...]: run the tests; stages: deps build lint unit fuzz
#                       net hostile debug plants demo install dkms coverage
#                       (all of them)
#
#   KERNELS="6.1 6.12 7"  stock kernels to test on
#   DEBUG_KERNELS="6.12-debug 6.1-debug"  and those that find bugs
#   ONLY=PATTERN        only test files whose name matches
#   JOBS=1              tests and virtual machines at a time (2, with one processor 1)
#   FUZZ_SECONDS=4      for each fuzz target
#   COVERAGE=90         least per cent of the module's lines that must have run
#   LONG=1              the long forms, each test on every kernel it is for
#   AGAIN=1             also what passed before with these very files (tests/passed.sh)
#
# A test prints "ok NAME" or "not ok NAME: why" for each thing it tries, and
# may announce their number as "1..N" ("# SKIP" in an "ok" line: not counted).
# It fails as a whole when it prints no result, fewer than announced, or ends
# with a status that its lines do not explain.
#
# tests/net/*.sh are for stock kernels, tests/debug/*.sh for debug kernels,
# tests/hostile/*.sh for both; lib*.sh are theirs to share. In the short form some
# run one after the other in one virtual machine (tests/vm/batch.sh). Lines in a
# test: "# vm: -m MIB" how much memory it needs, "# vm: -s 1" that one processor of a debug
# kernel is enough for it, "# vm: -i" that it needs the deterministic machine,
# "# about: SECONDS" how long it takes, "# short: KERNEL..." where the short form runs,
# "# only: KERNEL..." where any does.
# Logs are in build/check/.
#
# The last line is "N passed, N failed".

# functions are called by name
# shellcheck disable=SC2317
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. tests/vm/kernels.sh
. tests/vm/verdict.sh
. tests/passed.sh
shopt -s nullglob

logs=build/check
ONLY=${ONLY:-}
# two of two CPUs each share two processors well: much of their time is waiting
JOBS=${JOBS:-$(($(nproc) > 1 ? 2 : 1))}
read -r -a kernels <<<"${KERNELS:-$(lab_ids | xargs)}"
read -r -a debug_kernels <<<"${DEBUG_KERNELS:-${LAB_DEBUG_KERNELS[*]}}"
LONG=${LONG:-}

passed=0 failed=0

# finish: what failed, once more, for who sees the end only; then the count
finish() {
	local file
	for file in "$logs"/*/failed; do
		echo "# failed: $(basename "${file%/*}")"
		head -n 60 "$file"
	done
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit
}
# Every group is a process group, so that all of it can be ended.
set -m
stop() {
	local job
	for job in $(jobs -p); do
		kill -- "-$job" 2>/dev/null
	done
	exit 130
}
trap stop INT TERM HUP

wanted() {
	# shellcheck disable=SC2053 # a pattern, on purpose
	[[ -z $ONLY || $(basename "$1" .sh) == $ONLY ]]
}

# group NAME COMMAND...: run a test, show its results as they come, and leave
# "PASSED FAILED" in its folder. For the background.
group() {
	local name=$1 dir=$logs/$1 rc ok bad ok_lines bad_lines why began=$SECONDS
	shift
	mkdir -p "$dir"
	echo "0 1" >"$dir/count"
	echo "# $name"
	"$@" </dev/null 2>&1 | tee "$dir/log" |
		grep -a --line-buffered -E '^(ok|not ok|#) ?' | sed -u "s|^|[$name] |"
	rc=${PIPESTATUS[0]}

	verdict "$dir/log" "$rc"
	ok=$ok_lines bad=$bad_lines
	if [ -n "$why" ]; then
		bad=$((bad + 1))
		echo "[$name] not ok: $why"
	fi
	if [ "$bad" != 0 ]; then
		{
			[ -z "$why" ] || echo "$why"
			grep -a -A 6 '^not ok ' "$dir/log"
			[ "$bad_lines" != 0 ] || tail -n 40 "$dir/log"
		} >"$dir/failed"
		echo "---- $name: end of $dir/log"
		tail -n 60 "$dir/log"
		echo "----"
	fi
	echo "# $name: $ok passed, $bad failed, $((SECONDS - began)) s"
	echo "$ok $bad" >"$dir/count"
}

# collect NAME: add up what a group left
collect() {
	local ok=0 bad=1 test count
	read -r ok bad <"$logs/$1/count"
	passed=$((passed + ok))
	failed=$((failed + bad))
	[ "$bad" = 0 ] || return 0
	remember "$1" "$ok"
	# a machine's tests, each by itself
	while read -r test count; do
		remember "${1%-*} $test" "$count"
	done < <(sed -n 's/^# \([a-z_]*\): \([0-9]*\) passed, 0 failed, .* processes$/\1 \2/p' "$logs/$1/log")
}

# job NAME COMMAND...: a group in the background, JOBS of them at a time
begun=()
job() {
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
	begun+=("$1")
	group "$@" &
}
# once NAME COMMAND...: a job, unless it passed before with the very files of this tree
once() {
	before "$1" . || job "$@"
}

# settle: wait for all of them
settle() {
	local name
	wait
	for name in "${begun[@]}"; do
		collect "$name"
	done
	begun=()
}

# run NAME COMMAND...: a group that others wait for
run() {
	settle
	job "$@"
	settle
}

# one NAME COMMAND...: a command as a test with one result
one() {
	local name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name: '$*' failed"
	fi
}

build_module() {
	make -j"$(nproc)" "lab-module-$1" 2>&1 | tee "$logs/$1.make" || return
	! grep -i 'warning:' "$logs/$1.make"
}

# A program that does not build now must not pass as it was before.
unit() {
	make -s "$1" || return
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 120 "$1"
}

stage_deps() {
	tests/vm/deps.sh && return
	failed=1
	finish
}

stage_build() {
	local id
	run build-tools one "build tools" make -j"$(nproc)" userspace test-tools
	run build-newer one "build user space with the libraries of the next Debian" tests/vm/newer.sh build
	for id in "${kernels[@]}" "${debug_kernels[@]}"; do
		run "build-$id" one "build module $id" build_module "$id"
	done
}

lint() {
	tests/vm/deps.sh lint
	tests/lint.sh
}

stage_lint() {
	wanted lint || return
	once lint lint
}

stage_unit() {
	local test name
	echo "# building the unit tests"
	make -k -j"$(nproc)" unit-build >"$logs/unit-build.log" 2>&1
	for test in tests/unit/*_test.c; do
		wanted "${test%.c}" || continue
		name=$(basename "$test" .c)
		job "unit-$name" unit "build/unit/$name"
	done
	[ -n "$ONLY" ] || job unit-newer tests/vm/newer.sh unit
}

stage_fuzz() {
	wanted fuzz || return
	job fuzz env JOBS=1 tests/fuzz/run.sh check
}

# enqueue "IDS" TEST...: have each test run on each of the kernels
queue=()
enqueue() {
	local test id on
	for test in "${@:2}"; do
		case $(basename "$test") in lib*) continue ;; esac
		wanted "$test" || continue
		on=" $(option only "$test") "
		[ -n "$LONG" ] || [ "$on" != "  " ] || on=" $(option short "$test") "
		for id in $1; do
			[ "$on" = "  " ] || [[ $on == *" $id "* ]] || continue
			[[ $id == *-debug ]] || ! before "$id $(basename "$test" .sh)" . ':!docs' ':!README.md' ||
				continue
			queue+=("$id $test")
		done
	done
}
# option NAME TEST: what its line "# NAME: ..." says
option() { sed -n "s/^# $1: //p" "$2"; }

# A batch is "SECONDS KERNEL MACHINE MIB TEST...": tests for one virtual machine, one after
# the other, as many as fit in BATCH seconds; the longest come first. In the long form
# each has its own. MACHINE: options of run.sh without their blanks, "-s2" or "-i".
BATCH=240
batches() {
	local id test opts key mib about
	local -A open=() sum=() most=()
	while read -r id test; do
		about=$(option about "$test")
		about=${about:-60}
		read -r opts < <(option vm "$test")
		mib=2048
		[[ $opts =~ -m\ ([0-9]+) ]] && mib=${BASH_REMATCH[1]}
		# races are for two processors, in debug kernels
		key="$id -s1"
		[[ $id != *-debug || $opts =~ -s\ 1 ]] || key="$id -s2"
		[[ ! $opts =~ -i ]] || key="$id -i"
		if [ -n "${open[$key]:-}" ] && { [ -n "$LONG" ] || [ $((${sum[$key]} + about)) -gt $BATCH ]; }; then
			echo "${sum[$key]} $key ${most[$key]}${open[$key]}"
			unset "open[$key]"
		fi
		[ -n "${open[$key]:-}" ] || sum[$key]=0 most[$key]=0
		open[$key]+=" $test"
		sum[$key]=$((${sum[$key]} + about))
		[ "${most[$key]}" -ge "$mib" ] || most[$key]=$mib
	done
	for key in "${!open[@]}"; do
		echo "${sum[$key]} $key ${most[$key]}${open[$key]}"
	done
}

# machines: run what is enqueued, each batch a job
machines() {
	local id machine mib tests opts list line
	local -A n=()
	[ ${#queue[@]} -gt 0 ] || return 0
	mapfile -t list < <(printf '%s\n' "${queue[@]}" | batches | sort -rn)
	queue=()
	for line in "${list[@]}"; do
		read -r _ id machine mib tests <<<"$line"
		n[$id]=$((${n[$id]:-0} + 1))
		opts=("$machine" -m "$mib" -t 3600 -e LIMIT=1800)
		# its time jumps while it waits for a file of the host
		[ "$machine" != -i ] || opts=(-i -m "$mib" -t 3600 -e LIMIT=1000000)
		[ -z "$LONG" ] || opts=("$machine" -m "$mib" -t 14400 -e LIMIT=1000000 -e LONG=1)
		# shellcheck disable=SC2086 # words, on purpose
		job "$id-${n[$id]}" tests/vm/run.sh -k "$id" -o "$logs/$id-${n[$id]}/out" "${opts[@]}" tests/vm/batch.sh $tests
	done
}

stage_net() {
	enqueue "${kernels[*]}" tests/net/*.sh
}

stage_hostile() {
	enqueue "${kernels[*]} ${debug_kernels[*]}" tests/hostile/*.sh
}

stage_debug() {
	local named
	enqueue "${debug_kernels[*]}" tests/debug/*.sh
	if [ -n "$LONG" ]; then
		enqueue "${debug_kernels[*]}" tests/net/*.sh
	else
		# those for stock kernels that name a debug kernel as well
		mapfile -t named < <(grep -l '^# short:.*-debug' tests/net/*.sh)
		enqueue "${debug_kernels[*]}" "${named[@]}"
	fi
}

stage_plants() {
	wanted plants || return
	once plants tests/plants/plants.sh
}

stage_coverage() {
	[ -z "$ONLY" ] || return
	run coverage tests/vm/coverage.py "$logs" build "${COVERAGE:-90}"
}

stage_install() {
	wanted install || return
	once install tests/vm/install.sh
}

stage_demo() {
	local id
	wanted demo || return
	for id in "${kernels[@]}"; do
		[ -n "$LONG" ] || [ "$id" = 6.12 ] || [ ${#kernels[@]} = 1 ] || continue
		once "demo-$id" one "make demo KERNEL=$id" make -s demo KERNEL="$id"
	done
}

stage_dkms() {
	wanted dkms || return
	once dkms tests/vm/dkms.sh "${kernels[@]}"
}

rm -rf "$logs"
mkdir -p "$logs"
all=(deps build lint unit fuzz net hostile debug plants demo install dkms coverage)
[ $# -gt 0 ] || set -- "${all[@]}"
for stage in "$@"; do
	if ! declare -F "stage_$stage" >/dev/null; then
		echo "check.sh: no stage '$stage' (${all[*]})" >&2
		exit 2
	fi
done
for stage in "$@"; do
	case $stage in net | hostile | debug) ;; *) machines ;; esac
	"stage_$stage"
done
machines
settle
finish
