// SPDX-License-Identifier: GPL-2.0
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/tcp.h>

#include "carrier.h"
#include "lane.h"
#include "session.h"
#include "tunnel.h"
#include "watch.h"

/* Silence after which the peer is asked, and after which it is gone. */
#define PING_AFTER (5 * HZ)
#define DEAD_AFTER (20 * HZ)

static u64 new_epoch(void)
{
	u64 epoch;

	do {
		epoch = get_random_u64();
	} while (!epoch);
	return epoch;
}

/* tnl_lane_dirty - owe the peer some of the lane's own frames. Context: process. */
void tnl_lane_dirty(struct tnl_lane *lane, u32 bits)
{
	spin_lock(&lane->lock);
	lane->dirty |= bits;
	spin_unlock(&lane->lock);
	tnl_lane_kick(lane);
}

/* tnl_lane_kick - let the attached carrier send, if there is one. Context: process. */
void tnl_lane_kick(struct tnl_lane *lane)
{
	spin_lock(&lane->lock);
	if (lane->up)
		tnl_watch_queue(&lane->carrier->watch, &lane->carrier->tx_work);
	spin_unlock(&lane->lock);
}

/* tnl_lane_carrier - the carrier that is up, referenced, or NULL. Context: process. */
struct tnl_carrier *tnl_lane_carrier(struct tnl_lane *lane)
{
	struct tnl_carrier *c = NULL;

	spin_lock(&lane->lock);
	if (lane->up) {
		c = lane->carrier;
		refcount_inc(&c->ref);
	}
	spin_unlock(&lane->lock);
	return c;
}

/**
 * tnl_lane_srtt_us - round-trip time of the attached carrier
 * @lane: the lane
 * Return: microseconds as TCP smoothed it, 0 when there is no carrier.
 */
u32 tnl_lane_srtt_us(struct tnl_lane *lane)
{
	u32 srtt = 0;

	spin_lock(&lane->lock);
	if (lane->up)
		srtt = tcp_sk(lane->carrier->sock->sk)->srtt_us >> 3;
	spin_unlock(&lane->lock);
	return srtt;
}

static void ack_work(struct work_struct *work)
{
	struct tnl_lane *lane = container_of(to_delayed_work(work),
					     struct tnl_lane, ack_work);

	if (READ_ONCE(lane->rx_ackable) > READ_ONCE(lane->ack_sent))
		tnl_lane_dirty(lane, TNL_LANE_ACK);
}

/* A table that keeps both roles' counters close together stays shallow. */
static unsigned long index_of(u64 id)
{
	return id << 1 | id >> 63;
}

struct tnl_session *tnl_session_find(struct tnl_lane *lane, u64 id)
{
	struct tnl_session *s;

	rcu_read_lock();
	s = xa_load(&lane->sessions, index_of(id));
	if (s && !refcount_inc_not_zero(&s->ref))
		s = NULL;
	rcu_read_unlock();
	return s;
}

int tnl_lane_add_session(struct tnl_lane *lane, struct tnl_session *s)
{
	return xa_insert(&lane->sessions, index_of(s->id), s, GFP_KERNEL);
}

void tnl_lane_del_session(struct tnl_lane *lane, struct tnl_session *s)
{
	/* Only this one: after a restart another may have its id. */
	xa_cmpxchg(&lane->sessions, index_of(s->id), s, NULL, 0);
}

/**
 * tnl_lane_each - call a function for every session of a lane
 * @lane: the lane
 * @fn: may sleep; the session is referenced meanwhile
 * @arg: passed to it
 */
void tnl_lane_each(struct tnl_lane *lane,
		   void (*fn)(struct tnl_session *s, void *arg), void *arg)
{
	struct tnl_session *s;
	unsigned long i = 0;

	for (;;) {
		rcu_read_lock();
		s = xa_find(&lane->sessions, &i, ULONG_MAX, XA_PRESENT);
		while (s && !refcount_inc_not_zero(&s->ref))
			s = xa_find_after(&lane->sessions, &i, ULONG_MAX,
					  XA_PRESENT);
		rcu_read_unlock();
		if (!s)
			return;
		fn(s, arg);
		tnl_session_put(s);
		i++;
		cond_resched();
	}
}

static void abandon_known(struct tnl_session *s, void *arg)
{
	bool known;

	spin_lock(&s->lock);
	known = s->flags & TNL_S_KNOWN;
	spin_unlock(&s->lock);
	if (!known)
		return;
	tnl_session_abandon(s, *(u8 *)arg);
	/* Its endpoint takes its time; the id may be used again at once. */
	tnl_lane_del_session(s->lane, s);
}

static void abandon(struct tnl_session *s, void *arg)
{
	tnl_session_abandon(s, *(u8 *)arg);
}

/* The peer has not heard of it, and its own time of waiting is over. */
static void abandon_old(struct tnl_session *s, void *arg)
{
	unsigned long grace = msecs_to_jiffies(s->tunnel->grace_ms);

	if (time_after(jiffies, s->opened_at + grace))
		tnl_session_abandon(s, *(u8 *)arg);
}

static void drop_refusals(struct tnl_lane *lane)
{
	struct tnl_refusal *r, *tmp;
	LIST_HEAD(old);

	spin_lock(&lane->lock);
	list_splice_init(&lane->refused, &old);
	lane->n_refused = 0;
	spin_unlock(&lane->lock);
	list_for_each_entry_safe(r, tmp, &old, node)
		kfree(r);
}

/*
 * Begin again at offset 0. The sessions the peer has heard of end; one whose
 * OPEN is still to be sent may as well travel on the new stream.
 *
 * Context: both sides of the lane are the caller's: no carrier sends.
 */
static void restart(struct tnl_lane *lane, u8 reason, bool renew)
{
	TNL_INC(lane->tunnel->tn, lane_restarts);
	tnl_lane_each(lane, abandon_known, &reason);

	tnl_chunkq_purge(&lane->fifo);
	lane->pos = (struct tnl_chunk_pos){};
	lane->fifo_start = 0;
	lane->sent = 0;
	WRITE_ONCE(lane->sent_max, 0);
	WRITE_ONCE(lane->ack_sent, 0);
	WRITE_ONCE(lane->retention_full, false);
	tnl_lane_rx_reset(lane);

	spin_lock(&lane->lock);
	lane->dirty = 0;
	lane->has_peer = false;
	spin_unlock(&lane->lock);
	drop_refusals(lane);

	if (renew)
		lane->epoch = new_epoch();
	lane->peer_epoch = 0;
}

/**
 * tnl_lane_restart - give up what was under way, with a new epoch
 * @lane: attach_lock held, no carrier
 * @reason: told to the sessions that end
 */
void tnl_lane_restart(struct tnl_lane *lane, u8 reason)
{
	lockdep_assert_held(&lane->attach_lock);
	restart(lane, reason, true);
}

/* tnl_lane_hello - what our HELLO says. Context: as tnl_lane_resume(). */
void tnl_lane_hello(struct tnl_lane *lane, struct tnl_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->min_version = TNL_VERSION;
	h->max_version = TNL_VERSION;
	h->role = lane->tunnel->role;
	strscpy(h->name, lane->tunnel->name, sizeof(h->name));
	h->epoch = lane->epoch;
	h->peer_epoch = lane->peer_epoch;
	h->lane = lane->index;
	h->attach = lane->attach;
	h->rx_offset = lane->rx_offset;
	h->window = TNL_WINDOW_INITIAL;
	h->max_sessions = TNL_MAX_SESSIONS;
}

/**
 * tnl_lane_resume - the peer's HELLO came: go on, or begin again?
 * @lane: both sides are the caller's: the new carrier does not send yet
 * @peer: its HELLO, well-formed
 *
 * The streams go on if each side still is what the other knew. The dialler's
 * own HELLO is out by then, so it keeps its epoch; the listener's follows.
 *
 * Return: 0 with the lane ready to replay from peer->rx_offset (0 after a
 * restart, whatever the peer said), or -EPROTO.
 */
int tnl_lane_resume(struct tnl_lane *lane, struct tnl_hello *peer)
{
	bool listener = lane->tunnel->role == TUNNEL_ROLE_LISTEN;
	bool same = lane->peer_epoch && lane->peer_epoch == peer->epoch;
	bool fresh = !lane->peer_epoch && !lane->sent_max && !lane->rx_offset;

	/* The dialler never saw the HELLO in which we first met it. */
	if (listener && same && !peer->peer_epoch && !peer->rx_offset &&
	    !lane->fifo_start && !lane->rx_offset)
		peer->peer_epoch = lane->epoch;

	if (same && peer->peer_epoch == lane->epoch) {
		if (peer->rx_offset >= lane->peer_acked &&
		    peer->rx_offset >= lane->fifo_start &&
		    peer->rx_offset <= lane->sent_max) {
			TNL_INC(lane->tunnel->tn, lane_resumes);
			return 0;
		}
		if (!listener)
			return -EPROTO;
	}
	if (!listener && peer->peer_epoch != lane->epoch)
		return -EPROTO;
	if (!fresh)
		restart(lane, TUNNEL_REASON_PEER_RESTARTED, listener);
	lane->peer_epoch = peer->epoch;
	peer->rx_offset = 0;
	return 0;
}

static void raise_window(struct tnl_session *s, void *arg)
{
	tnl_session_lane_up(s, *(u32 *)arg);
}

/**
 * tnl_lane_set_up - both HELLOs are through: frames may flow
 * @lane: the lane
 * @c: the carrier the HELLO came on
 * @peer: the HELLO
 * Return: false if the lane has been taken from @c meanwhile.
 */
bool tnl_lane_set_up(struct tnl_lane *lane, struct tnl_carrier *c,
		     const struct tnl_hello *peer)
{
	u32 window = min_t(u32, peer->window, TNL_WINDOW_SANE);

	spin_lock(&lane->lock);
	if (lane->carrier != c) {
		spin_unlock(&lane->lock);
		return false;
	}
	lane->up = true;
	lane->has_peer = true;
	lane->peer_is = c->peer_is;
	strscpy(lane->peer_name, peer->name, sizeof(lane->peer_name));
	lane->peer_window = window;
	lane->peer_max_sessions = peer->max_sessions ?: TNL_MAX_SESSIONS;
	spin_unlock(&lane->lock);
	tnl_lane_each(lane, raise_window, &window);
	return true;
}

/**
 * tnl_lane_take_down - the lane has no carrier any more; its works still run
 * @lane: attach_lock held
 *
 * The grace time runs from the loss of a carrier that worked: one that never
 * came up does not prolong it.
 */
void tnl_lane_take_down(struct tnl_lane *lane)
{
	lockdep_assert_held(&lane->attach_lock);
	spin_lock(&lane->lock);
	if (lane->up)
		lane->lost_at = jiffies;
	lane->up = false;
	lane->carrier = NULL;
	spin_unlock(&lane->lock);
}

/*
 * When did the peer last say something? What TCP has and our work has not read yet counts:
 * a machine that is behind with its work is no dead peer.
 */
static unsigned long last_heard(struct tnl_carrier *c)
{
	unsigned long last_rx = READ_ONCE(c->last_rx);
	u32 rcv_nxt = READ_ONCE(tcp_sk(c->sock->sk)->rcv_nxt);

	if (rcv_nxt != c->rcv_nxt) {
		c->rcv_nxt = rcv_nxt;
		c->heard = jiffies;
	}
	return time_after(c->heard, last_rx) ? c->heard : last_rx;
}

static void check_life(struct tnl_lane *lane, struct tnl_carrier *c)
{
	unsigned long last_rx = last_heard(c);

	if (time_after(jiffies, last_rx + DEAD_AFTER)) {
		tnl_carrier_lost(c, TUNNEL_REASON_TIMED_OUT);
		return;
	}
	if (time_after(jiffies, last_rx + PING_AFTER)) {
		spin_lock(&lane->lock);
		tnl_put64(lane->ping, jiffies);
		spin_unlock(&lane->lock);
		tnl_lane_dirty(lane, TNL_LANE_PING);
	}
	/* Let both sides give back what they no longer need. */
	set_bit(TNL_CARRIER_TRIM, &c->bits);
	tnl_watch_queue(&c->watch, &c->rx_work);
	tnl_watch_queue(&c->watch, &c->tx_work);
}

static void tick(struct work_struct *work)
{
	struct tnl_lane *lane = container_of(to_delayed_work(work),
					     struct tnl_lane, tick);
	unsigned long grace = msecs_to_jiffies(lane->tunnel->grace_ms);
	u8 reason = TUNNEL_REASON_TIMED_OUT;

	mutex_lock(&lane->attach_lock);
	if (lane->carrier) {
		if (lane->up)
			check_life(lane, lane->carrier);
	} else if (time_after(jiffies, lane->lost_at + grace)) {
		if (lane->peer_epoch)
			tnl_lane_restart(lane, reason);
		tnl_lane_each(lane, abandon_old, &reason);
	}
	mutex_unlock(&lane->attach_lock);
	queue_delayed_work(tnl_wq, &lane->tick, HZ);
}

/**
 * tnl_lane_init - a lane without carrier, ready for sessions
 * @lane: zeroed
 * @t: the tunnel it belongs to
 * Return: 0 or -ENOMEM.
 */
int tnl_lane_init(struct tnl_lane *lane, struct tnl_tunnel *t)
{
	BUILD_BUG_ON(sizeof(unsigned long) < sizeof(u64));
	lane->tunnel = t;
	mutex_init(&lane->attach_lock);
	INIT_LIST_HEAD(&lane->pending);
	lane->epoch = new_epoch();
	lane->lost_at = jiffies;
	lane->next_id = 1;
	spin_lock_init(&lane->lock);
	INIT_LIST_HEAD(&lane->control);
	INIT_LIST_HEAD(&lane->refused);
	tnl_sched_init(&lane->sched);
	xa_init(&lane->sessions);
	tnl_chunkq_init(&lane->fifo);
	INIT_DELAYED_WORK(&lane->ack_work, ack_work);
	INIT_DELAYED_WORK(&lane->tick, tick);
	if (tnl_pool_init(&lane->pool, t->tn))
		return -ENOMEM;
	queue_delayed_work(tnl_wq, &lane->tick, HZ);
	return 0;
}

/**
 * tnl_lane_close - the tunnel goes: end its carriers and sessions
 * @lane: the lane
 * @reason: told to peer and sessions
 * Context: process; may sleep; not from a work of the lane.
 */
void tnl_lane_close(struct tnl_lane *lane, u8 reason)
{
	/* 1. No carrier from now on, and the ones that are there end. */
	tnl_carrier_close_all(lane, reason);
	/* 2. Nothing of the lane runs by itself any more. */
	cancel_delayed_work_sync(&lane->tick);
	cancel_delayed_work_sync(&lane->ack_work);
	/* 3. A frame that was under way holds its session, and that the tunnel. */
	tnl_lane_rx_reset(lane);
	/*
	 * A socket that stays open keeps the tunnel, but not the pages: neither
	 * side of the lane is anybody's any more.
	 */
	tnl_chunkq_purge(&lane->fifo);
	lane->pos = (struct tnl_chunk_pos){};
	tnl_pool_trim(&lane->pool);
	/* 4. Endpoints hear of it and detach, each in its own work. */
	tnl_lane_each(lane, abandon, &reason);
}

/* tnl_lane_free - after tnl_lane_close(), when no session is left */
void tnl_lane_free(struct tnl_lane *lane)
{
	WARN_ON(!xa_empty(&lane->sessions));
	tnl_lane_rx_reset(lane);
	drop_refusals(lane);
	tnl_chunkq_purge(&lane->fifo);
	if (lane->headers.page)
		put_page(lane->headers.page);
	if (lane->spare)
		tnl_chunk_node_free(lane->spare);
	tnl_pool_destroy(&lane->pool);
	xa_destroy(&lane->sessions);
}
