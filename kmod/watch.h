/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watching a TCP socket without patching it: an entry on its wait queue turns
 * wake-ups into work. All layers (TCP, kTLS) wake that queue, on every kernel,
 * and there is nothing to restore.
 *
 * Callbacks of the socket are not touched, but sk_user_data is claimed as a
 * tombstone, so that nobody else (nor we, twice) takes the socket over.
 */
#ifndef _TUNNEL_WATCH_H
#define _TUNNEL_WATCH_H

#include <linux/net.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

enum {
	TNL_WATCH_TX_BLOCKED,	/* a send got -EAGAIN: wake @tx on write space */
};

struct tnl_duty;

struct tnl_watch {
	wait_queue_entry_t entry;
	struct socket *sock;		/* borrowed; the owner keeps it alive */
	struct workqueue_struct *wq;	/* of @rx and @tx */
	struct work_struct *rx;		/* something to read, or an event */
	struct work_struct *tx;		/* room to write, or an event */
	struct delayed_work retry;	/* memory was short: no wake-up will come */
	spinlock_t lock;		/* irqsave: wake-ups come from anywhere */
	bool stopped;			/* @lock: no work is queued any more */
	struct tnl_duty *duty;		/* of a carrier: who reads in place of @rx; or NULL */
	bool claimed;
	unsigned long flags;
};

int tnl_watch_claim(struct tnl_watch *w, struct socket *sock);
void tnl_watch_init(struct tnl_watch *w, struct workqueue_struct *wq,
		    struct work_struct *rx, struct work_struct *tx);
void tnl_watch_start(struct tnl_watch *w, struct socket *sock);
void tnl_watch_stop(struct tnl_watch *w);
void tnl_watch_release(struct tnl_watch *w);
void tnl_watch_queue(struct tnl_watch *w, struct work_struct *work);
void tnl_watch_retry(struct tnl_watch *w);

void tnl_sock_adopt(struct socket *sock, bool carrier);

/*
 * Works of local connections have a queue of their own, which lets only a few begin at a
 * time: a carrier's work never stands behind thousands of them.
 */
extern struct workqueue_struct *tnl_wq, *tnl_local_wq;

#endif /* _TUNNEL_WATCH_H */
