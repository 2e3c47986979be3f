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
/* Of frames that have begun, bytes: a batch of the writer's. */
#define REST_MAX (128 << 10)

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

/* Send what is left, then FIN. Return: false if the connection is broken. */
static bool say_rest(struct tnl_carrier *c)
{
	ssize_t r = tnl_carrier_send_own(c);

	if (r)
		return r == -EAGAIN || r == -ENOMEM;
	if (!c->said_all)
		kernel_sock_shutdown(c->sock, SHUT_WR);
	c->said_all = true;
	return true;
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
	if ((r > 0 || r == -EAGAIN) && time_before(jiffies, c->drain_until) && say_rest(c)) {
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
	if (!c->goaway || !say_rest(c)) {
		close_now(c);
		return;
	}
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

/* Take the one that is attached from its lane, whose attach_lock is held. */
static void take_attached(struct tnl_carrier *c)
{
	c->taken = true;
	tnl_lane_take_down(c->lane);
	/* An attached carrier's works never take attach_lock. */
	tnl_carrier_stop(c);
}

/*
 * A good-bye comes between frames only. Of a lane that ends, what has begun is sent to its
 * end first, so that a peer which receives much hears why, too; else it is given up.
 */
static void settle_goodbye(struct tnl_carrier *c)
{
	struct tnl_lane *lane = c->lane;

	lockdep_assert_held(&lane->attach_lock);
	if (c->goaway && c->was_up && (c->restart || lane->closed) &&
	    !test_bit(TNL_CARRIER_REWIND, &c->bits) &&
	    !tnl_lane_give_rest(lane, &c->out, REST_MAX) &&
	    !tnl_chunkq_reserve(&c->out, 1, GFP_KERNEL))
		return;
	tnl_carrier_no_goaway_in_mid_frame(c);
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
		take_attached(c);
		settle_goodbye(c);
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

/* Is the lane's stream that of a peer which is accepted no more? */
static bool lane_revoked(struct tnl_lane *lane)
{
	bool revoked;

	spin_lock(&lane->lock);
	revoked = lane->has_peer && !tnl_identity_accepts(lane->tunnel->identity, &lane->peer_is);
	spin_unlock(&lane->lock);
	return revoked;
}

/**
 * tnl_carrier_revoke - end what a peer has made that is accepted no more
 * @lane: attach_lock held: who is accepted does not change, and no carrier is attached
 *
 * Its carriers end, and if it was on the last one that came up, so do the sessions it
 * has heard of: with a new epoch nobody can take them up again. Who is accepted still, or
 * again, does not notice.
 *
 * Context: process; not from a carrier's work.
 * Return: a carrier for tnl_carrier_finish(), without attach_lock; or NULL.
 */
struct tnl_carrier *tnl_carrier_revoke(struct tnl_lane *lane)
{
	const struct tnl_identity *id = lane->tunnel->identity;
	struct tnl_carrier *c, *gone = NULL;
	bool restart = false;

	lockdep_assert_held(&lane->attach_lock);
	/* hello_work() looks for this bit under the lock: they do not come up any more. */
	list_for_each_entry(c, &lane->pending, node) {
		if (tnl_identity_accepts(id, &c->peer_is))
			continue;
		TNL_INC(c->tn, carriers_revoked);
		if (!test_bit(TNL_CARRIER_LOST, &c->bits))
			c->goaway = TUNNEL_REASON_ADMIN;
		tnl_carrier_lost(c, TUNNEL_REASON_ADMIN);
	}
	c = lane->carrier;
	if (c && (!tnl_identity_accepts(id, &c->peer_is) || lane_revoked(lane))) {
		if (!test_and_set_bit(TNL_CARRIER_LOST, &c->bits)) {
			c->reason = TUNNEL_REASON_ADMIN;
			c->goaway = TUNNEL_REASON_ADMIN;
		}
		take_attached(c);
		/* Only now: a dialler's carrier may have come up until it was stopped. */
		c->restart |= lane_revoked(lane);
		settle_goodbye(c);
		restart = c->restart;
		gone = c;
	}
	if (restart || lane_revoked(lane))
		tnl_lane_restart(lane, TUNNEL_REASON_ADMIN);
	if (gone)
		TNL_INC(gone->tn, carriers_revoked);
	return gone;
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
