#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh [CHECK...]: what programs can find in our files without running them.
#
#   scripts       all of them, by shellcheck
#   format        user space, by .clang-format
#   cppcheck      user space, module, tests
#   checkpatch    what runs in the kernel: checkpatch.pl --strict of kernel 6.12
#   userspace     user space built by clang, warnings are errors
#   sparse        the module, with endian checks   } for each kernel of the lab that
#   clang         the module built by clang, W=1   } this machine's compilers build for
#
# A line "ok CHECK: FILES" or "not ok CHECK: FILES: why" for each.
# `tests/vm/deps.sh lint` installs the programs.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. tests/vm/kernels.sh
shopt -s globstar

out=build/lint
mkdir -p "$out"
bad=0

# check NAME TOOL COMMAND...: one result; what the command says is shown when it fails
check() {
	local name=$1 tool=$2 log
	shift 2
	log=$out/${name//[^a-z0-9.-]/_}
	if ! command -v "$tool" >/dev/null; then
		echo "not ok $name: no $tool here: tests/vm/deps.sh lint"
	elif "$@" >"$log" 2>&1; then
		echo "ok $name"
		return
	else
		cat "$log"
		echo "not ok $name: see above"
	fi
	bad=1
}

# each CHECK TOOL FUNCTION GROUP FILE...: the files as arguments of a function. A
# pattern that matches none stays as it is, and no tool finds a file of that name.
each() {
	local name="$1: $4" tool=$2 run=$3
	shift 4
	check "$name" "$tool" "$run" "$@"
}

# Kernels whose modules are built here, not in the folder of another suite; of
# those in KERNELS, if it is set.
kernels() {
	local id
	for id in ${KERNELS:-$(lab_ids)}; do
		! lab_native "$id" || echo "$id"
	done
}

# Not wanted: functions that are called by name, with arguments or without.
run_shellcheck() { shellcheck -x -P SCRIPTDIR -e SC2119,SC2120,SC2317 "$@"; }

lint_scripts() {
	each scripts shellcheck run_shellcheck tests tests/**/*.sh .ci/run tests/vm/init tests/vm/stage2
	each scripts shellcheck run_shellcheck kmod kmod/**/*.sh
	each scripts shellcheck run_shellcheck userspace userspace/**/*.bash
	each scripts shellcheck run_shellcheck examples examples/*.sh
}

# What runs in the kernel too is in the kernel's style: checkpatch.
test_files=(tests/fuzz/*.c tests/net/*.c tests/vm/*.c tests/unit/{userspace,tunneld,preload,policy}_*.c)

run_format() { clang-format --dry-run -Werror "$@"; }

lint_format() {
	local dir
	for dir in lib libtunnel policy preload tunneld tunnelctl; do
		each format clang-format run_format "$dir" "userspace/$dir"/*.[ch]
	done
	each format clang-format run_format tests "${test_files[@]}"
}

run_cppcheck() {
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability,performance \
		--inline-suppr --std=c11 -Iinclude/uapi "$@"
}

# It takes a test of a pointer behind its use for proof that it may be NULL.
cppcheck_user() {
	run_cppcheck --library=posix --suppress=nullPointerRedundantCheck -Iuserspace/lib \
		'-Devutil_timercmp(a,b,op)=((a)->tv_sec op (b)->tv_sec)' "$@"
}

# A program that ends gives everything back, readdir() is safe on a DIR of one's
# own, and buffers are filled by functions that it does not see.
cppcheck_tests() {
	cppcheck_user -Iuserspace/tunneld --suppress=memleak --suppress=resourceLeak \
		--suppress=readdirCalled --suppress=uninitvar "$@"
}

cppcheck_kernel() {
	run_cppcheck -D__KERNEL__ -DTUNNEL_KUNIT '-DKBUILD_MODNAME="tunnel"' '-DTUNNEL_VERSION="0"' \
		-Ikmod --include=tests/cppcheck.h "$@"
}

cppcheck_kernel_tests() { cppcheck_kernel --suppress=uninitvar "$@"; }

lint_cppcheck() {
	each cppcheck cppcheck cppcheck_user userspace userspace/**/*.c
	each cppcheck cppcheck cppcheck_tests tests "${test_files[@]}"
	each cppcheck cppcheck cppcheck_kernel kmod kmod/*.c
	each cppcheck cppcheck cppcheck_kernel_tests kunit tests/kunit/*.c tests/unit/kmod_*.c
}

# Types of messages that are not wanted, in all files:
#   LONG_LINE_STRING  messages stay whole, so that they can be searched for
#   COMPLEX_MACRO     lists of X() cannot be in brackets,
#   MACRO_ARG_REUSE   and use X more than once
ignored=LONG_LINE_STRING,COMPLEX_MACRO,MACRO_ARG_REUSE
# and in some:
declare -A ignored_in=(
	# tracepoints are laid out as everywhere in the kernel
	[kmod/trace.h]="OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT"
	# its part for user space makes the kernel's types
	[kmod/pure.h]="PREFER_KERNEL_TYPES"
	# their family is known when the module is loaded
	[kmod/af_tunnel.c]="CONST_STRUCT"
	# a macro makes three functions: it may have a loop, and the name of a member
	[kmod/netlink_dump.c]="MACRO_WITH_FLOW_CONTROL,MACRO_ARG_PRECEDENCE"
	# CAMELCASE: cmocka's names; fields that are all set to one value
	[tests/unit/]="CAMELCASE,MULTIPLE_ASSIGNMENTS"
)

run_checkpatch() {
	local pl file types rc=0
	pl=$(tests/vm/checkpatch.sh 6.12) || return
	for file; do
		types=$ignored,${ignored_in[$file]:-${ignored_in[${file%/*}/]:-}}
		perl "$pl" --no-tree --strict --terse --show-types --no-summary \
			--ignore "${types%,}" --file "$file" || rc=1
	done
	return "$rc"
}

lint_checkpatch() {
	each checkpatch perl run_checkpatch kmod kmod/*.[ch] kmod/compat/compat.h
	each checkpatch perl run_checkpatch include include/**/*.h
	each checkpatch perl run_checkpatch kunit tests/kunit/*.c tests/unit/kmod_*.c tests/unit/pure_test.h
}

# Objects of clang are kept apart. The sanitizers of the unit tests are gcc's.
run_userspace() {
	make -s -j"$(nproc)" B=build/clang CC=clang SANITIZE= userspace test-tools unit-build
}

lint_userspace() {
	check "userspace: clang" clang run_userspace
}

# Sparse of Debian 12 is older than some kernels: only what it says about our
# files counts. That it looked at all of them does too.
run_sparse() {
	local id=$1 log=$out/sparse-$1.make n sources=(kmod/*.c)
	make -j"$(nproc)" "lab-module-$id" C=2 CF=-D__CHECK_ENDIAN__ >"$log" 2>&1 || {
		tail -n 40 "$log"
		return 1
	}
	n=$(grep -c '^  CHECK ' "$log")
	if [ "$n" -lt ${#sources[@]} ]; then
		echo "sparse looked at $n files only"
		return 1
	fi
	! grep -E "build/$id/.*: (warning|error|note):" "$log"
}

lint_sparse() {
	local id
	for id in $(kernels); do
		check "sparse: $id" sparse run_sparse "$id"
	done
}

# The headers were made for gcc. What clang 14 does not have is switched off: it
# changes what the code is hardened against or traced by, not what it is. The
# module links, but is not for loading.
clang_make=(CC=clang CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough
	CONFIG_MITIGATION_RETHUNK= CONFIG_RETHUNK=	# -mfunction-return
	CONFIG_MITIGATION_SLS= CONFIG_SLS=		# -mharden-sls
	CONFIG_FTRACE_MCOUNT_USE_CC=			# -mrecord-mcount
	CONFIG_INIT_STACK_ALL_ZERO=			# needs another option to be accepted
	CONFIG_OBJTOOL= CONFIG_MODVERSIONS= CONFIG_DEBUG_INFO=)
# Warnings about options that are left, and about headers of the kernel.
clang_kcflags="-Werror -Wno-unknown-warning-option -Wno-unused-command-line-argument
	-Wno-address-of-packed-member -Wno-duplicate-decl-specifier"

run_clang() {
	local kdir
	kdir=$(tests/vm/fetch.sh --kdir "$1") || return
	make -j"$(nproc)" modules KERNELID="$1-clang" KDIR="$kdir" \
		"${clang_make[@]}" KCFLAGS="${clang_kcflags//[$'\n\t']/ }"
}

lint_clang() {
	local id
	for id in $(kernels); do
		check "clang: $id" clang run_clang "$id"
	done
}

n=$(kernels | wc -l)
declare -A results=([scripts]=4 [format]=6 [cppcheck]=4 [checkpatch]=3 [userspace]=1 [sparse]=$n [clang]=$n)
[ $# -gt 0 ] || set -- scripts format cppcheck checkpatch userspace sparse clang
plan=0
for name; do
	if [ -z "${results[$name]:-}" ]; then
		echo "lint.sh: no check '$name' (${!results[*]})" >&2
		exit 2
	fi
	plan=$((plan + results[$name]))
done
echo "1..$plan"
for name; do
	"lint_$name"
done
exit $bad
