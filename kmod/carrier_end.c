// SPDX-License-Identifier: GPL-2.0
/* The end of a carrier: taken from its lane, stopped, a good-bye, closed. */
#include <linux/file.h>
#include <linux/mm.h>
#include <net/sock.h>

#include "carrier.h"
#include "compat/compat.h"
#include "lane.h"
#include "notify.h"
#include "trace.h"
#include "tunnel.h"

/* Records read and discarded at a time. */
#define BUDGET 64
/* A good-bye: until the peer's FIN, but not longer than this. */
#define DRAIN_TIME (2 * HZ)
#define DRAIN_STEP msecs_to_jiffies(20)

/* tnl_carrier_stop - nobody sends or receives after this. Not from one of its works. */
void tnl_carrier_stop(struct tnl_carrier *c)
{
	cancel_delayed_work_sync(&c->hello_timeout);
	tnl_watch_stop(&c->watch);
	mutex_lock(&c->tx_lock);
	mutex_lock(&c->rx_lock);
	c->stopped = true;
	mutex_unlock(&c->rx_lock);
	mutex_unlock(&c->tx_lock);
	if (c->rx_page)
		put_page(c->rx_page);
	c->rx_page = NULL;
	c->rx_left = 0;
}

/*
 * tnl_carrier_no_goaway_in_mid_frame - give a good-bye up that would break a frame
 * @c: stopped
 *
 * What is on its way out in half must not be followed by a frame of
 * the carrier's own. Before the rewind nothing of the lane is on its way.
 */
void tnl_carrier_no_goaway_in_mid_frame(struct tnl_carrier *c)
{
	if (c->was_up && !test_bit(TNL_CARRIER_REWIND, &c->bits) &&
	    !tnl_lane_all_sent(c->lane))
		c->goaway = 0;
}

static void close_now(struct tnl_carrier *c)
{
	/* Who kept a duplicate of the fd shall not read the rest of the stream. */
	kernel_sock_shutdown(c->sock, SHUT_RDWR);
	tnl_watch_release(&c->watch);
	fput(c->file);
	tnl_carrier_put(c);
}

/*
 * tnl_carrier_drain_work - wait for the end of the peer's stream
 *
 * Closing at once would lose the good-bye: unread bytes make TCP send RST, and
 * that overtakes it at the peer. Read and discard until it closes too.
 */
void tnl_carrier_drain_work(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(to_delayed_work(work),
					     struct tnl_carrier, drain);
	int budget = BUDGET, r = -EAGAIN;
	struct page *page;
	u8 type;

	page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN,
			   get_order(TNL_RECORD_MAX));
	while (page && budget--) {
		r = tnl_ktls_recv(c->sock, page, 0, TNL_RECORD_MAX, &type);
		if (r <= 0)
			break;
	}
	if (page)
		put_page(page);
	if ((r > 0 || r == -EAGAIN) && time_before(jiffies, c->drain_until)) {
		queue_delayed_work(tnl_wq, &c->drain, DRAIN_STEP);
		return;
	}
	spin_lock(&c->tn->reap_lock);
	if (list_empty(&c->node)) {
		/* tnl_carrier_finish_draining() took it. */
		spin_unlock(&c->tn->reap_lock);
		return;
	}
	list_del_init(&c->node);
	spin_unlock(&c->tn->reap_lock);
	close_now(c);
}

/*
 * tnl_carrier_finish - say good-bye if there is reason to, then close
 * @c: stopped, and on no list; the reference of its life goes
 */
void tnl_carrier_finish(struct tnl_carrier *c)
{
	u8 payload[8] = {};

	trace_tunnel_carrier(c->tunnel->id, c->id, false, c->reason);
	tnl_notify_carrier(c, TUNNEL_CMD_CARRIER_DOWN, c->reason);
	net_info_ratelimited("%s: carrier %u ended, reason %u\n",
			     c->tunnel->name, c->id, c->reason);
	TNL_INC(c->tn, carriers_lost);

	/* Its HELLO may still be on the way out: GOAWAY queues behind it. */
	if (c->goaway)
		tnl_carrier_queue_own(c, TNL_GOAWAY, c->goaway, payload, sizeof(payload));
	if (!c->goaway || tnl_carrier_send_own(c)) {
		close_now(c);
		return;
	}
	kernel_sock_shutdown(c->sock, SHUT_WR);
	c->drain_until = jiffies + DRAIN_TIME;
	spin_lock(&c->tn->reap_lock);
	list_add_tail(&c->node, &c->tn->draining);
	queue_delayed_work(tnl_wq, &c->drain, 0);
	spin_unlock(&c->tn->reap_lock);
}

/* tnl_carrier_finish_draining - close what still says good-bye; namespace exit */
void tnl_carrier_finish_draining(struct tnl_net *tn)
{
	struct tnl_carrier *c;

	for (;;) {
		spin_lock(&tn->reap_lock);
		c = list_first_entry_or_null(&tn->draining, struct tnl_carrier, node);
		if (c)
			list_del_init(&c->node);
		spin_unlock(&tn->reap_lock);
		if (!c)
			return;
		cancel_delayed_work_sync(&c->drain);
		close_now(c);
	}
}

/* Take it from its lane. Return: false if somebody else did before. */
static bool unhook(struct tnl_carrier *c)
{
	struct tnl_lane *lane = c->lane;

	mutex_lock(&lane->attach_lock);
	if (c->taken) {
		mutex_unlock(&lane->attach_lock);
		return false;
	}
	if (lane->carrier == c) {
		c->taken = true;
		tnl_lane_take_down(lane);
		/* An attached carrier's works never take attach_lock. */
		tnl_carrier_stop(c);
		tnl_carrier_no_goaway_in_mid_frame(c);
		if (c->restart)
			tnl_lane_restart(lane, c->reason);
		mutex_unlock(&lane->attach_lock);
		return true;
	}
	if (!list_empty(&c->node)) {
		c->taken = true;
		list_del_init(&c->node);
		lane->n_pending--;
		mutex_unlock(&lane->attach_lock);
		/* Its reader may be waiting for the lock with a HELLO. */
		tnl_carrier_stop(c);
		return true;
	}
	mutex_unlock(&lane->attach_lock);
	return false;
}

/* tnl_carrier_end_work - what tnl_carrier_lost() queues */
void tnl_carrier_end_work(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(work, struct tnl_carrier, end_work);

	if (unhook(c))
		tnl_carrier_finish(c);
	tnl_carrier_put(c);
}

/**
 * tnl_carrier_lost - end a carrier, soon
 * @c: the carrier; the first reason given stays
 * @reason: enum tunnel_reason
 * Context: process, also from the carrier's own works.
 */
void tnl_carrier_lost(struct tnl_carrier *c, u8 reason)
{
	if (test_and_set_bit(TNL_CARRIER_LOST, &c->bits))
		return;
	c->reason = reason;
	refcount_inc(&c->ref);
	queue_work(tnl_wq, &c->end_work);
}

/**
 * tnl_carrier_close_all - end all carriers of a lane; it takes no more
 * @lane: the lane
 * @reason: told to the peer
 * Context: process; not from a carrier's work.
 */
void tnl_carrier_close_all(struct tnl_lane *lane, u8 reason)
{
	struct tnl_carrier *c;

	mutex_lock(&lane->attach_lock);
	lane->closed = true;
	for (;;) {
		c = lane->carrier;
		if (!c)
			c = list_first_entry_or_null(&lane->pending,
						     struct tnl_carrier, node);
		if (!c)
			break;
		refcount_inc(&c->ref);
		mutex_unlock(&lane->attach_lock);
		if (!test_and_set_bit(TNL_CARRIER_LOST, &c->bits)) {
			c->reason = reason;
			c->goaway = reason;
		}
		if (unhook(c))
			tnl_carrier_finish(c);
		tnl_carrier_put(c);
		mutex_lock(&lane->attach_lock);
	}
	mutex_unlock(&lane->attach_lock);
}

/* tnl_carrier_drop_all - end the carriers of all tunnels; tnl_net.lock held */
void tnl_carrier_drop_all(struct tnl_net *tn, u8 reason)
{
	struct tnl_carrier *c;
	struct tnl_tunnel *t;

	lockdep_assert_held(&tn->lock);
	list_for_each_entry(t, &tn->tunnels, node) {
		mutex_lock(&t->lane.attach_lock);
		if (t->lane.carrier)
			tnl_carrier_lost(t->lane.carrier, reason);
		list_for_each_entry(c, &t->lane.pending, node)
			tnl_carrier_lost(c, reason);
		mutex_unlock(&t->lane.attach_lock);
	}
}
