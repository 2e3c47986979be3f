/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tunnels, and the network namespace they live in.
 *
 * Lock order, outermost first:
 *	sockets of AF_TUNNEL	by calls of programs only
 *	tnl_net.lock		configuration of a namespace; mutex
 *	tnl_lane.attach_lock	which carrier a lane has; mutex
 *	tnl_carrier.tx_lock	who sends; mutex
 *	tnl_carrier.rx_lock	who receives; mutex
 *	socket locks		never two at once
 *	tnl_lane.lock		scheduler, dirty bits; spinlock
 *	tnl_sock.accept_lock	sessions that wait for accept(); spinlock
 *	tnl_session.lock	queues and credit of a session; spinlock
 *	tnl_sock.mem_lock	charges of a socket; spinlock, BH
 *	tnl_net.reap_lock	relays, carriers that say good-bye; spinlock
 *	tnl_limiter.lock	who waits for a limit; spinlock
 *	tnl_watch.lock		innermost; irqsave
 * The data path takes from tx_lock on, and one socket lock at a time.
 */
#ifndef _TUNNEL_TUNNEL_H
#define _TUNNEL_TUNNEL_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/tunnel_netlink.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "identity.h"
#include "lane.h"
#include "limit.h"
#include "mib.h"

/* struct tnl_net - what a network namespace has */
struct tnl_net {
	struct net *net;
	struct mutex lock;		/* objects of the configuration */
	struct list_head tunnels;	/* RCU; writers: @lock */
	struct list_head services;	/* RCU; writers: @lock */
	struct list_head listeners;	/* @lock */
	u32 generation;			/* @lock: raised by each change */
	u32 next_tunnel_id;		/* @lock */
	atomic_t next_carrier_id;
	atomic64_t next_ask_id;
	bool dying;			/* @lock: no new objects */

	u32 daemon_portid;		/* @lock, 0: none */
	u32 ask_portid;			/* @lock: where it is asked, 0: nowhere */
	struct delayed_work linger;	/* daemon gone for too long */

	spinlock_t reap_lock;		/* what is to end, and be waited for */
	struct list_head relays;	/* @reap_lock: all relays */
	struct list_head dead;		/* @reap_lock: relays to be freed */
	struct work_struct reap;
	unsigned int n_relays;		/* @reap_lock */
	atomic_t refused;		/* relays that close with a last word */
	struct list_head draining;	/* @reap_lock: carriers that say good-bye */
	wait_queue_head_t idle;		/* a count fell */

	struct tnl_mib __percpu *mib;
};

struct tnl_net *tnl_net(struct net *net);
void tnl_net_linger(struct tnl_net *tn);

/* struct tnl_allow - who may open sessions by AF_TUNNEL sockets */
struct tnl_allow {
	unsigned int n_uids, n_gids;
	kuid_t uids[TUNNEL_ALLOW_MAX];
	kgid_t gids[TUNNEL_ALLOW_MAX];
};

/* struct tnl_tunnel - the association with one peer */
struct tnl_tunnel {
	struct list_head node;		/* tnl_net.tunnels */
	refcount_t ref;
	struct rcu_head rcu;
	struct tnl_net *tn;

	/* Set at creation, never changed. */
	u32 id;
	char name[TUNNEL_NAME_MAX + 1];
	u8 role;
	u32 ciphers;
	u32 grace_ms;
	struct tnl_allow allow;
	u8 direct;			/* enum tunnel_direct */
	struct tnl_limiter *limiter;	/* NULL: never had limits; writers: tnl_net.lock */
	char *remote, *local;		/* for the daemon only; may be NULL */

	/* tnl_net.lock and lane.attach_lock to replace it, either to read it */
	struct tnl_identity *identity;

	atomic_t relays;		/* of its sessions, not yet freed */
	struct tnl_lane lane;		/* lane 0; more are an array some day */
};

/* struct tnl_tunnel_config - what a new tunnel shall be */
struct tnl_tunnel_config {
	const char *name, *remote, *local;
	struct tnl_identity *identity;	/* the tunnel's, once there is one */
	u8 role;
	u32 ciphers, grace_ms;
	struct tnl_allow allow;
	u8 direct;
	struct tnl_limits limits;
};

struct tnl_tunnel *tnl_tunnel_create(struct tnl_net *tn,
				     const struct tnl_tunnel_config *config);
struct tnl_identity *tnl_tunnel_identify(struct tnl_tunnel *t, struct tnl_identity *id);
void tnl_tunnel_unlink(struct tnl_tunnel *t);
void tnl_tunnel_destroy(struct tnl_tunnel *t);
struct tnl_tunnel *tnl_tunnel_find(struct tnl_net *tn, const char *name);
struct tnl_tunnel *tnl_tunnel_get(struct tnl_net *tn, const char *name);
bool tnl_tunnel_allows(const struct tnl_tunnel *t);
bool tnl_tunnel_direct(const struct tnl_tunnel *t);
void tnl_tunnel_hold(struct tnl_tunnel *t);
void tnl_tunnel_put(struct tnl_tunnel *t);
int tnl_tunnel_limit(struct tnl_tunnel *t, const struct tnl_limits *max);
void tnl_flush(struct tnl_net *tn);

#endif /* _TUNNEL_TUNNEL_H */
