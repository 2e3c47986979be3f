#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# one_by_one.sh NAME TEST MODULE [NAME TEST MODULE...]: in a virtual machine, each test
# with its module; /out/NAME.log has what test and kernel said, /out/NAME.rc its status,
# 254 when the kernel complained.
TUNNEL_OUT=/out
. "$TUNNEL_SRC/tests/net/lib.sh"
. "$TUNNEL_SRC/tests/vm/verdict.sh"
. "$TUNNEL_SRC/tests/vm/clean.sh"

dmesg --clear
while [ $# -gt 0 ]; do
	log=/out/$1.log
	mkdir "/out/$1"
	TUNNEL_OUT=/out/$1 TUNNEL_KO=$3 bash "$2" </dev/null >"$log" 2>&1
	rc=$?
	dmesg --read-clear >"/out/$1.dmesg"
	! grep -qE "$SPLAT" "/out/$1.dmesg" || rc=254
	cat "/out/$1.dmesg" >>"$log"
	echo $rc >"/out/$1.rc"
	# the next one begins as if nothing had been
	clean
	dmesg --clear
	[ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak
	shift 3
done
