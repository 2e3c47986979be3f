#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [OPTION...] SCRIPT [ARG...]: run a script in a virtual machine
#
#   -k ID         kernel, see kernels.sh (6.12)
#   -K FOLDER     a kernel of one's own in place of it: FOLDER has release, initrd.gz,
#                 boot/vmlinuz-RELEASE and lib/modules; the module is in build/ID
#   -s CPUS       (2)
#   -m MIB        memory (2048)
#   -t SECONDS    wall time until the machine is killed (600)
#   -i            deterministic: one CPU, a nanosecond per instruction
#   -o FOLDER     keep log, console, dmesg and /out of the guest there
#   -e NAME=VALUE environment of the script, may be repeated
#
# The guest sees the host's file system; what it writes is gone afterwards,
# but for /out. The script runs as root in TUNNEL_SRC with TUNNEL_OUT=/out and
# KERNEL=ID; its output appears here as it comes.
#
# Exit status: that of the script; 255 when the guest gave none; 254 when the
# kernel complained (BUG, WARNING, lockdep, ...). TUNNEL_QEMU_ARGS adds to the
# command line of QEMU.

set -uo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/kernels.sh"
. "$here/verdict.sh"

usage() {
	sed -n '4,23s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}
say() { echo "run.sh: $*" >&2; }
die() { say "$*"; exit 255; }

kernel=6.12 tree='' cpus=2 mem=2048 limit=600 icount='' out='' env=()
while getopts k:K:s:m:t:io:e:h opt; do
	case $opt in
	k) kernel=$OPTARG ;;
	K) tree=$OPTARG ;;
	s) cpus=$OPTARG ;;
	m) mem=$OPTARG ;;
	t) limit=$OPTARG ;;
	i) icount=1 ;;
	o) out=$OPTARG ;;
	e) env+=("$OPTARG") ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
script=$(realpath -e "$1") || die "no script '$1'"
shift
[ -x "$script" ] && cmd=("$script" "$@") || cmd=(bash "$script" "$@")

if [ -z "$tree" ]; then
	initrd=$("$here/fetch.sh" --initrd "$kernel") || die "kernel $kernel cannot be had"
	tree=$(dirname "$initrd")
fi
[ -e "${initrd:=$tree/initrd.gz}" ] || die "no initrd.gz in '$tree'"
src=$(realpath "$here/../..")

# The result folder: what the guest has as /out.
keep=1
if [ -z "$out" ]; then
	out=$(mktemp -d "${TMPDIR:-/tmp}/tunnel-vm.XXXXXX") || die "no temporary folder"
	keep=
fi
mkdir -p "$out" || die "cannot make $out"
out=$(realpath "$out")
rm -f "$out"/{rc,log,console,dmesg,qemu.log}
: >"$out/log"
: >"$out/console"
cp "$here/stage2" "$out/stage2"

script_dir=$(dirname "$script")
[ "$script_dir" = /tmp ] && script_dir=$script
{
	printf 'VM_MODULES=%q\n' "$tree/lib/modules"
	# virtual time of the deterministic mode runs ahead: no use for a watchdog
	printf 'VM_DUMP_AFTER=%q\n' "$([ -z "$icount" ] && [ "$limit" -ge 30 ] && echo $((limit - 15)))"
	printf 'VM_KEEP=('
	printf ' %q' "$src" "$tree" "$script_dir"
	printf ' )\nVM_COMMAND=('
	printf ' %q' "${cmd[@]}"
	printf ' )\n'
	printf 'export %q\n' "TUNNEL_SRC=$src" TUNNEL_OUT=/out "KERNEL=$kernel" ${env[@]+"${env[@]}"}
} >"$out/job"

# -erms: TCG counts an instruction per byte of "rep movsb"; -vaes: QEMU 7.2
# computes it wrongly; -la57: KASAN takes an interrupt at boot for a wild access
# while the kernel forgets for a moment that it has five levels of page tables.
args=(-machine q35 -nodefaults -no-reboot -display none -cpu "max,-erms,-vaes,-la57" -m "$mem")
if [ -n "$icount" ]; then
	args+=(-smp 1 -accel "tcg,thread=single" -icount "shift=0,sleep=off")
else
	args+=(-smp "$cpus" -accel "tcg,thread=multi")
fi
args+=(-kernel "$tree/boot/vmlinuz-$(cat "$tree/release")" -initrd "$initrd"
	-append "console=ttyS0 quiet panic=-1 oops=panic no_timer_check norandmaps ${TUNNEL_APPEND:-}"
	-serial "file:${out//,/,,}/console"
	-device "isa-debug-exit,iobase=0xf4,iosize=0x04"
	-fsdev "local,id=root,path=/,security_model=none,multidevs=remap,readonly=on"
	-device "virtio-9p-pci,fsdev=root,mount_tag=root"
	-fsdev "local,id=out,path=${out//,/,,},security_model=none,multidevs=remap"
	-device "virtio-9p-pci,fsdev=out,mount_tag=out")
# shellcheck disable=SC2206 # words, on purpose
args+=(${TUNNEL_QEMU_ARGS:-})

# Killed with us, however we end.
setpriv --pdeathsig TERM timeout -k 5 "$limit" qemu-system-x86_64 "${args[@]}" \
	</dev/null >"$out/qemu.log" 2>&1 &
qemu=$!
trap 'kill $qemu 2>/dev/null; exit 130' INT TERM HUP
tail -n +1 -s 0.2 -f --pid=$qemu "$out/log" 2>/dev/null &
tail=$!
wait $qemu
qrc=$?
wait $tail
trap - INT TERM HUP

# A status counts only if file and device agree: QEMU's own failures look like
# a status of the device, and a panicked guest ends with 0.
rc=$(cat "$out/rc" 2>/dev/null)
if [ -z "$rc" ] || [ $qrc != $((((rc > 125 ? 125 : rc) << 1) | 1)) ]; then
	if [ $qrc = 124 ] || [ $qrc = 137 ]; then
		why="it was killed after $limit s"
	elif grep -q 'Kernel panic' "$out/console"; then
		why="its kernel panicked"
	else
		why="QEMU ended with $qrc"
	fi
	rc=255
fi

# the ring buffer of the guest has what the console was too slow or too quiet for
hit=''
for file in "$out/console" "$out/dmesg"; do
	[ -e "$file" ] || continue
	if hit=$(grep -a -E -m1 -B2 -A60 "$SPLAT" "$file"); then
		say "the kernel complained:"
		printf '%s\n' "${hit//$'\r'/}" >&2
		[ "$rc" = 255 ] || rc=254
		break
	fi
done

if [ "$rc" = 255 ]; then
	say "the guest ($kernel) gave no status: $why"
	[ -s "$out/qemu.log" ] && sed 's/^/qemu: /' "$out/qemu.log" >&2
	if [ -z "$hit" ] && [ -s "$out/console" ]; then
		say "the last lines of its console:"
		tr -d '\r' <"$out/console" | tail -n 80 >&2
	fi
fi
if [ -z "$keep" ]; then
	if [ "$rc" = 0 ]; then
		rm -rf "$out"
	else
		say "status $rc; everything is in $out"
	fi
fi
exit "$rc"
