/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows more than one kernel. Code elsewhere is written for
 * the newest one; the HAVE_* macros come from probe.sh by way of Kbuild.
 */
#ifndef _TUNNEL_COMPAT_H
#define _TUNNEL_COMPAT_H

#include <linux/net.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/tls.h>
/* Where TLS_RECORD_TYPE_* moved to. */
#ifdef HAVE_TLS_PROT_H
#include <net/tls_prot.h>
#endif

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU 0
#endif

#ifndef HAVE_HRTIMER_SETUP
#define tnl_hrtimer_setup(timer, fn, clock, mode) do {	\
	hrtimer_init(timer, clock, mode);		\
	(timer)->function = (fn);			\
} while (0)
#else
#define tnl_hrtimer_setup hrtimer_setup
#endif

/* What bind() and connect() of proto_ops get. */
#ifdef HAVE_SOCKADDR_UNSIZED
#define tnl_sockaddr_arg sockaddr_unsized
#else
#define tnl_sockaddr_arg sockaddr
#endif
#define tnl_sockaddr(ss) ((struct tnl_sockaddr_arg *)(ss))

/* accept() of proto_ops, and what it uses as flags. */
#ifdef HAVE_PROTO_ACCEPT_ARG
#define TNL_ACCEPT(fn) int fn(struct socket *sock, struct socket *newsock, \
			      struct proto_accept_arg *arg)
#define TNL_ACCEPT_FLAGS (arg->flags)
#else
#define TNL_ACCEPT(fn) int fn(struct socket *sock, struct socket *newsock, \
			      int flags, bool kern)
#define TNL_ACCEPT_FLAGS flags
#endif

/* Device memory (since 6.12) cannot be read, and so neither be encrypted. */
#ifndef HAVE_SKB_FRAGS_READABLE
static inline bool skb_frags_readable(const struct sk_buff *skb)
{
	return true;
}
#endif

/* What pre_doit() gets. */
#ifdef HAVE_GENL_SPLIT_OPS
#define tnl_genl_ops genl_split_ops
#else
#define tnl_genl_ops genl_ops
#endif

/* Attributes of the request that started a dump. */
static inline struct nlattr **tnl_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif /* _TUNNEL_COMPAT_H */
