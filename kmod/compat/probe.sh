#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# probe.sh HEADER KEY CC FLAGS...: write HEADER with one HAVE_* macro for each
# interface that the kernel behind FLAGS has. Version numbers say too little:
# stable series carry backports. Prints "ok", or a line that says what is wrong.
set -u
header=$1 key=$2
shift 2

if [ -f "$header" ] && [ "$(head -n 1 "$header")" = "/* $key */" ]; then
	echo ok
	exit 0
fi

compiles() { # compiles INCLUDES BODY CC FLAGS...
	includes=$1 body=$2
	shift 2
	printf '%s\nint probe(void *p);\nint probe(void *p)\n{\n\t%s\n\treturn 0;\n}\n' \
		"$includes" "$body" |
		"$@" -DMODULE -DKBUILD_MODNAME='"probe"' -DKBUILD_BASENAME='"probe"' \
			-Werror=implicit-function-declaration -fsyntax-only -Wno-unused -x c - \
			>/dev/null 2>&1
}

# A probe that can only succeed tells a missing interface from a broken set-up.
if ! compiles '#include <linux/net.h>' 'struct proto_ops o; (void)&o;' "$@"; then
	echo "cannot compile against the kernel headers: install linux-headers of this kernel"
	exit 0
fi

mkdir -p "$(dirname "$header")"
{
	echo "/* $key */"
	# Up to 6.4 pages are sent by sendpage(), later by MSG_SPLICE_PAGES.
	compiles '#include <linux/net.h>' \
		'struct proto_ops o; (void)&o.sendpage;' "$@" &&
		echo '#define HAVE_SENDPAGE 1'
	compiles '#include <net/genetlink.h>' \
		'(void)genl_info_dump(p);' "$@" &&
		echo '#define HAVE_GENL_INFO_DUMP 1'
	compiles '#include <linux/workqueue.h>' \
		'int x = WQ_PERCPU; (void)x;' "$@" &&
		echo '#define HAVE_WQ_PERCPU 1'
	compiles '#include <linux/net.h>' \
		'struct sockaddr_unsized *a = p; (void)sizeof(*a);' "$@" &&
		echo '#define HAVE_SOCKADDR_UNSIZED 1'
	compiles '#include <linux/net.h>
		#include <net/sock.h>' \
		'struct proto_accept_arg a; (void)a.flags;' "$@" &&
		echo '#define HAVE_PROTO_ACCEPT_ARG 1'
	compiles '#include <net/genetlink.h>' \
		'struct genl_family f;
		void (*t)(const struct genl_split_ops *, struct sk_buff *, struct genl_info *);
		_Static_assert(__builtin_types_compatible_p(typeof(f.post_doit), typeof(t)), "");' "$@" &&
		echo '#define HAVE_GENL_SPLIT_OPS 1'
	compiles '#include <net/tls_prot.h>' \
		'' "$@" &&
		echo '#define HAVE_TLS_PROT_H 1'
	compiles '#include <linux/skbuff.h>' \
		'(void)skb_frags_readable(p);' "$@" &&
		echo '#define HAVE_SKB_FRAGS_READABLE 1'
	compiles '#include <linux/hrtimer.h>' \
		'hrtimer_setup(p, NULL, CLOCK_MONOTONIC, HRTIMER_MODE_REL);' "$@" &&
		echo '#define HAVE_HRTIMER_SETUP 1'
	true
} >"$header.$$"
mv "$header.$$" "$header"
echo ok
