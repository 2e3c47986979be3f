#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh check [PATTERN]           each target for FUZZ_SECONDS (4), from the kept corpus
#                                  and one seed: the same inputs each time, more on a faster
#                                  machine
# run.sh long [SECONDS [PATTERN]]  each for SECONDS (600) with a seed of its own; what it
#                                  finds is in build/fuzz: corpus/TARGET for the next time,
#                                  found/TARGET for inputs that break something
# run.sh merge [PATTERN]           keep of build/fuzz/corpus what reaches more than the kept
#                                  corpus does
#
# A target is tests/fuzz/TARGET.c, its corpus tests/fuzz/corpus/TARGET, its words, if any,
# tests/fuzz/TARGET.dict. A line "options: ..." in it is for libFuzzer.
# JOBS targets run at a time (one per processor).

set -uo pipefail
cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
shopt -s nullglob

JOBS=${JOBS:-$(nproc)}
top=build/fuzz
# memory that is freed is kept back for a while; the default is for servers
export ASAN_OPTIONS=quarantine_size_mb=64:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

usage() {
	sed -n '4,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# number NAME FILE: of libFuzzer's final statistics
number() {
	sed -n "s/^stat::$1: *//p" "$2"
}

# options TARGET
options() {
	sed -n 's,^/\* options: \(.*\) \*/$,\1,p' "tests/fuzz/$1.c"
	[ ! -e "tests/fuzz/$1.dict" ] || echo "-dict=tests/fuzz/$1.dict"
}

# Why it ended, in a line.
reason() {
	grep -a -m1 -E 'broken:|runtime error:|ERROR: (AddressSanitizer|LeakSanitizer|libFuzzer)' "$1" ||
		tail -n1 "$1"
}

# report TARGET INPUT: how to see it again
report() {
	echo "# $1: input of $(stat -c %s "$2") bytes, $2; again:"
	echo "#   base64 -d <<<$(base64 -w0 "$2") >input && make fuzz-build && build/fuzz/bin/$1 input"
}

# fuzz TARGET SECONDS FOLDER ARG...: run it; new inputs go to FOLDER, the log to FOLDER.log
fuzz() {
	local target=$1 seconds=$2 folder=$3 log=$3.log found=$top/found/$1 opts rc input
	shift 3
	mkdir -p "$folder" "$found"
	touch "$folder.began"
	read -r -d '' -a opts < <(options "$target")
	# -timeout: of one input, on a machine that is busy with others
	"$top/bin/$target" -max_total_time="$seconds" -timeout=60 -print_final_stats=1 \
		-artifact_prefix="$found/" "${opts[@]}" "$@" \
		"$folder" "tests/fuzz/corpus/$target" >"$log" 2>&1 </dev/null
	rc=$?
	if [ $rc = 0 ]; then
		echo "ok fuzz $target ($(number number_of_executed_units "$log") executions)"
		return
	fi
	echo "not ok fuzz $target: $(reason "$log")"
	while read -r input; do
		report "$target" "$input"
	done < <(find "$found" -type f -newer "$folder.began")
	grep -a -m12 -E '^ +#[0-9]+ ' "$log" | grep -v ' fuzzer::' | sed 's/^/# /'
	return 1
}

build() {
	local target
	echo "# building the fuzz targets"
	make -s -k -j"$(nproc)" fuzz-build >"$top/build.log" 2>&1 && return
	for target in "${targets[@]}"; do
		make -s "$top/bin/$target" >>"$top/build.log" 2>&1 ||
			echo "not ok fuzz $target: it does not build, see $top/build.log"
	done
	tail -n 20 "$top/build.log"
	exit 1
}

# each SECONDS FOLDER ARG...: every target, JOBS at a time
each() {
	local seconds=$1 folder=$2 target rc=0
	shift 2
	echo "1..${#targets[@]}"
	for target in "${targets[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
			wait -n || rc=1
		done
		fuzz "$target" "$seconds" "$folder/$target" "$@" &
	done
	while [ -n "$(jobs -p)" ]; do
		wait -n || rc=1
	done
	return $rc
}

# A line per target that runs, twice a minute.
progress() {
	local target line never
	# waits in the shell itself, so that nothing outlives it
	exec {never}<> <(:)
	while ! read -r -t 30 -u "$never"; do
		for target in "${targets[@]}"; do
			pgrep -f "^$top/bin/$target " >/dev/null || continue
			line=$(grep -a '^#[0-9]' "$top/corpus/$target.log" | tail -n1)
			echo "# $target $(sed -nE 's/^#([0-9]+).* cov: ([0-9]+) .*corp: ([0-9]+)\/.*/\1 executions, coverage \2, corpus \3/p' <<<"$line")"
		done
	done
}

# edges TARGET FOLDER...: how many the inputs reach
edges() {
	local target=$1
	shift
	"$top/bin/$target" -runs=0 -timeout=60 "$@" 2>&1 | sed -n 's/.* cov: \([0-9]*\) .*/\1/p' | tail -n1
}

# What libFuzzer would keep is many for small gains: a branch taken eight times in
# place of four. Of these, only those are kept that reach code no other one does.
merge() {
	local target kept few file before most now
	for target in "${targets[@]}"; do
		kept=tests/fuzz/corpus/$target
		few=$top/merge/$target
		rm -rf "$few"
		mkdir -p "$kept" "$few" "$top/corpus/$target"
		before=$(edges "$target" "$kept")
		"$top/bin/$target" -set_cover_merge=1 -use_counters=0 -timeout=60 "$few" "$kept" \
			"$top/corpus/$target" >"$few.log" 2>&1 || { reason "$few.log"; return 1; }
		most=$before
		for file in "$few"/*; do
			cp "$file" "$kept/"
			now=$(edges "$target" "$kept")
			if [ "$now" -gt "$most" ]; then
				most=$now
			else
				rm "$kept/$(basename "$file")"
			fi
		done
		echo "# $target: $before edges, now $most by $(find "$kept" -type f | wc -l) inputs of" \
			"$(find "$kept" -type f -printf '%s\n' | paste -sd+ | bc) bytes"
	done
}

[ $# -ge 1 ] || usage
mode=$1
shift
seconds=600
if [ "$mode" = long ] && [ $# -gt 0 ]; then
	seconds=$1
	shift
fi
targets=()
for file in tests/fuzz/*.c; do
	name=$(basename "$file" .c)
	# shellcheck disable=SC2053 # a pattern, on purpose
	[[ $name == ${1:-*} ]] && targets+=("$name")
done
if [ ${#targets[@]} = 0 ]; then
	echo "run.sh: no target '${1:-}': $(basename -s .c tests/fuzz/*.c | xargs)" >&2
	exit 2
fi
mkdir -p "$top"
ticker=''
# What was started ends with us: a job is a shell that waits for a fuzzer.
stop() {
	local job
	for job in $(jobs -p); do
		pkill -P "$job"
		kill "$job"
	done
	[ -z "$ticker" ] || kill "$ticker"
} 2>/dev/null
trap stop EXIT
trap 'exit 130' INT TERM HUP

case $mode in
check)
	build
	rm -rf "$top/check"
	each "${FUZZ_SECONDS:-4}" "$top/check" -seed=1
	;;
long)
	build
	mkdir -p "$top/corpus"
	progress &
	ticker=$!
	disown $ticker
	each "$seconds" "$top/corpus"
	;;
merge)
	build
	merge
	;;
*)
	usage
	;;
esac
