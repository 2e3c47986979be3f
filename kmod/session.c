// SPDX-License-Identifier: GPL-2.0
#include <linux/ktime.h>
#include <linux/slab.h>

#include "message.h"
#include "notify.h"
#include "session.h"
#include "trace.h"
#include "tunnel.h"

static void get_address(struct sockaddr_in6 *to, const u8 from[18])
{
	to->sin6_family = AF_INET6;
	memcpy(&to->sin6_addr, from, 16);
	to->sin6_port = htons(tnl_get16(from + 16));
}

static struct tnl_session *alloc(struct tnl_lane *lane, u8 protocol,
				 const struct tnl_open *o)
{
	size_t len = strlen(o->destination);
	struct tnl_session *s = kzalloc(struct_size(s, destination, len + 1), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	s->lane = lane;
	s->tunnel = lane->tunnel;
	refcount_set(&s->ref, 1);
	INIT_LIST_HEAD(&s->control_node);
	tnl_sched_ent_init(&s->sched);
	spin_lock_init(&s->lock);
	tnl_credit_init(&s->tx, &s->rx);
	tnl_chunkq_init(&s->txq);
	tnl_chunkq_init(&s->rxq);
	/* A message must fit whole into what was granted. */
	if (protocol == TNL_PROTOCOL_MESSAGES) {
		s->rx.window = TNL_MESSAGE_WINDOW;
		s->rx.max = TNL_MESSAGE_WINDOW;
	}
	s->tx_max = TNL_TXQ_MAX;
	s->window_max = TNL_WINDOW_MAX;
	s->protocol = protocol;
	s->hops = o->hops;
	s->priority = o->priority;
	s->has_uuid = o->has_uuid;
	memcpy(s->uuid, o->uuid, sizeof(s->uuid));
	s->uid = INVALID_UID;
	s->opened_at = jiffies;
	strscpy(s->service, o->service, sizeof(s->service));
	memcpy(s->destination, o->destination, len);
	if (o->has_source)
		get_address(&s->source, o->source);
	if (o->has_local)
		get_address(&s->local, o->local);
	tnl_tunnel_hold(s->tunnel);
	return s;
}

void tnl_session_hold(struct tnl_session *s)
{
	refcount_inc(&s->ref);
}

void tnl_session_put(struct tnl_session *s)
{
	struct tnl_tunnel *t = s->tunnel;

	if (!refcount_dec_and_test(&s->ref))
		return;
	tnl_chunkq_purge(&s->txq);
	tnl_chunkq_purge(&s->rxq);
	atomic64_sub(s->charged, &s->lane->rx_charged);
	tnl_limits_free(s->limited);
	kfree_rcu(s, rcu);
	tnl_tunnel_put(t);
}

/* Received bytes weigh their length, and a slice's upkeep. s->lock is held. */
#define SLICE_WEIGHT 32

static bool charge(struct tnl_session *s, u32 len)
{
	len += SLICE_WEIGHT;
	s->charged += len;
	return atomic64_add_return(len, &s->lane->rx_charged) <= TNL_RX_HARD;
}

/* @len bytes were consumed just now: their share of the weight goes. */
static void uncharge(struct tnl_session *s, u32 len)
{
	u64 before = s->rx.received - s->rx.consumed + len, part;

	part = before > len ? s->charged * len / before : s->charged;
	s->charged -= part;
	atomic64_sub(part, &s->lane->rx_charged);
}

/* Tell the endpoint of the end, which may be the last that it hears. s->lock is held. */
static void tell_reset(struct tnl_session *s)
{
	const struct tnl_endpoint_ops *ops = s->ops;
	void *ep = s->ep;

	if (!ops)
		return;
	if (ops->leaves) {
		s->ops = NULL;
		s->ep = NULL;
		s->endpoint = TUNNEL_ENDPOINT_NONE;
	}
	ops->reset(ep, s->reason);
}

static void drop_tx(struct tnl_session *s)
{
	if (s->ops && s->ops->uncharge)
		s->ops->uncharge(s->ep, s->txq.len, 0);
	tnl_chunkq_purge(&s->txq);
}

static void drop_rx(struct tnl_session *s)
{
	if (s->ops && s->ops->uncharge)
		s->ops->uncharge(s->ep, 0, s->rxq.len);
	tnl_chunkq_purge(&s->rxq);
	/* Not memory any more, though the endpoint may keep the session for long. */
	atomic64_sub(s->charged, &s->lane->rx_charged);
	s->charged = 0;
}

/* tnl_session_owe_locked - have control frames written. lane->lock is held. */
void tnl_session_owe_locked(struct tnl_session *s)
{
	/* Unlinked meanwhile, it may be freed before anyone gets to it. */
	if (list_empty(&s->control_node) && !(READ_ONCE(s->flags) & TNL_S_UNLINKED))
		list_add_tail(&s->control_node, &s->lane->control);
}

/* Owe the peer control frames. s->lock is not held. */
static void owe(struct tnl_session *s)
{
	struct tnl_lane *lane = s->lane;

	spin_lock(&lane->lock);
	tnl_session_owe_locked(s);
	spin_unlock(&lane->lock);
	tnl_lane_kick(lane);
}

/**
 * tnl_session_open - begin a session to a service of the peer
 * @t: the tunnel
 * @protocol: protocol type
 * @o: what OPEN shall say
 * @ops: callbacks of the endpoint
 * @ep: its argument
 *
 * Works without a carrier too: then the OPEN waits for one.
 *
 * Context: process.
 * Return: the session with a reference for the endpoint, or ERR_PTR: -ENOMEM,
 * -EMFILE at the peer's limit, -ESHUTDOWN when the tunnel is going away.
 */
struct tnl_session *tnl_session_open(struct tnl_tunnel *t, u8 protocol,
				     const struct tnl_open *o,
				     const struct tnl_endpoint_ops *ops, void *ep)
{
	struct tnl_lane *lane = &t->lane;
	struct tnl_session *s = alloc(lane, protocol, o);
	struct tnl_limiter *limiter;
	u32 limit;
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->ops = ops;
	s->ep = ep;
	s->endpoint = ops->kind;
	s->dirty = TNL_DIRTY_OPEN;
	/* Pairs with the release in tnl_tunnel_limit(). */
	limiter = smp_load_acquire(&t->limiter);
	if (limiter) {
		s->limited = tnl_limits_join(limiter);
		if (!s->limited) {
			tnl_session_put(s);
			return ERR_PTR(-ENOMEM);
		}
	}

	/*
	 * attach_lock: a tunnel that goes away either sees this session or is seen
	 * by it; and OPENs are owed in the order of their ids.
	 */
	mutex_lock(&lane->attach_lock);
	limit = lane->peer_window ? lane->peer_max_sessions : TNL_MAX_SESSIONS;
	s->id = lane->next_id;
	if (t->role == TUNNEL_ROLE_LISTEN)
		s->id |= TNL_ID_LISTENER;
	if (lane->closed)
		err = -ESHUTDOWN;
	else if (lane->n_opened >= limit)
		err = -EMFILE;
	else
		err = tnl_lane_add_session(lane, s);
	if (!err) {
		tnl_session_hold(s);	/* the table's */
		spin_lock(&lane->lock);
		lane->next_id++;
		lane->n_opened++;
		s->tx.max = lane->peer_window;
		list_add_tail(&s->control_node, &lane->control);
		spin_unlock(&lane->lock);
	}
	mutex_unlock(&lane->attach_lock);
	if (err) {
		tnl_session_put(s);
		return ERR_PTR(err);
	}
	TNL_INC(t->tn, sessions_opened);
	trace_tunnel_session(t->id, s->id, TUNNEL_SESSION_OPENING, 0);
	tnl_notify_session(s, TUNNEL_CMD_SESSION_OPENED);
	tnl_lane_kick(lane);
	return s;
}

/**
 * tnl_session_incoming - the peer begins a session
 * @lane: rx side
 * @id: checked to be new
 * @protocol: protocol type
 * @o: what OPEN said
 * @limited: what tnl_limits_enter() gave; taken over, also with an error
 * Return: the session with a reference for the caller, or ERR_PTR(-ENOMEM).
 */
struct tnl_session *tnl_session_incoming(struct tnl_lane *lane, u64 id,
					 u8 protocol, const struct tnl_open *o,
					 struct tnl_limited *limited)
{
	struct tnl_session *s = alloc(lane, protocol, o);

	if (!s) {
		tnl_limits_leave(limited);
		tnl_limits_free(limited);
		return ERR_PTR(-ENOMEM);
	}
	s->id = id;
	s->flags = TNL_S_BY_PEER | TNL_S_KNOWN;
	s->limited = limited;
	if (tnl_lane_add_session(lane, s)) {
		tnl_limits_leave(limited);
		tnl_session_put(s);
		return ERR_PTR(-ENOMEM);
	}
	tnl_session_hold(s);	/* the table's */
	spin_lock(&lane->lock);
	lane->n_accepted++;
	s->tx.max = min_t(u64, max_t(u64, lane->peer_window, o->window),
			  TNL_WINDOW_SANE);
	spin_unlock(&lane->lock);
	trace_tunnel_session(lane->tunnel->id, id, TUNNEL_SESSION_OPENING, 0);
	tnl_notify_session(s, TUNNEL_CMD_SESSION_OPENED);
	return s;
}

/*
 * tnl_session_attach - give an incoming session its endpoint, with a reference
 * Once it is told of, the endpoint may end and go: the caller touches it no more.
 */
void tnl_session_attach(struct tnl_session *s,
			const struct tnl_endpoint_ops *ops, void *ep)
{
	tnl_session_hold(s);
	spin_lock(&s->lock);
	s->ops = ops;
	s->ep = ep;
	s->endpoint = ops->kind;
	/* It may have ended before it had an endpoint to tell. */
	if (s->flags & TNL_S_RESET)
		tell_reset(s);
	else
		ops->writable(ep);
	spin_unlock(&s->lock);
	if (ops->leaves)
		tnl_session_maybe_unlink(s);
}

/* Charge the new endpoint for what waits already. s->lock is held. */
static u8 charge_waiting(struct tnl_session *s)
{
	struct tnl_chunk_pos pos = {};
	struct bio_vec bv;
	u8 reason = 0;
	u32 len;

	while (!reason && tnl_chunk_peek(&s->rxq, &pos, &bv, 1, U32_MAX, &len)) {
		reason = s->ops->charge(s->ep, bv.bv_page, bv.bv_offset, bv.bv_len);
		tnl_chunk_advance(&s->rxq, &pos, len);
	}
	return reason;
}

/**
 * tnl_session_adopt - another endpoint takes the place of the one that is there
 * @s: the session; the reference of the old endpoint is now the new one's
 * @ops: of the new endpoint, with all callbacks
 * @ep: their argument
 *
 * One that has ended meanwhile tells so at once.
 *
 * Context: process.
 * Return: 0, or the reason for which the caller must reset it: what waits cannot
 * be charged.
 */
u8 tnl_session_adopt(struct tnl_session *s, const struct tnl_endpoint_ops *ops,
		     void *ep)
{
	u8 reason = 0;

	spin_lock(&s->lock);
	s->ops = ops;
	s->ep = ep;
	s->endpoint = ops->kind;
	if (s->flags & TNL_S_RESET) {
		tell_reset(s);
	} else {
		reason = charge_waiting(s);
		if (reason) {
			s->ops = NULL;
			s->ep = NULL;
		}
	}
	spin_unlock(&s->lock);
	tnl_session_maybe_unlink(s);
	return reason;
}

/**
 * tnl_session_limits - how much an endpoint wants to have waiting
 * @s: the session
 * @tx_max: bytes not framed, at most TNL_TXQ_MAX
 * @window_max: bytes received and not taken; what was granted stays granted
 */
void tnl_session_limits(struct tnl_session *s, u32 tx_max, u32 window_max)
{
	tx_max = min(tx_max, TNL_TXQ_MAX);
	/* Asked with every call of a program, and changed by none but that. */
	if (READ_ONCE(s->tx_max) == tx_max && READ_ONCE(s->window_max) == window_max)
		return;
	spin_lock(&s->lock);
	WRITE_ONCE(s->tx_max, tx_max);
	WRITE_ONCE(s->window_max, window_max);
	spin_unlock(&s->lock);
}

/* tnl_session_state - enum tunnel_session_state; lock held */
u8 tnl_session_state(const struct tnl_session *s)
{
	u32 ends = s->flags & (TNL_S_TX_END_SENT | TNL_S_RX_END);

	if (s->flags & TNL_S_RESET || ends == (TNL_S_TX_END_SENT | TNL_S_RX_END))
		return TUNNEL_SESSION_CLOSED;
	if (ends)
		return TUNNEL_SESSION_HALF_CLOSED;
	return s->flags & TNL_S_ACCEPTED ? TUNNEL_SESSION_OPEN :
					   TUNNEL_SESSION_OPENING;
}

/* tnl_session_blocked - enum tunnel_blocked; lock held */
u8 tnl_session_blocked(const struct tnl_session *s, bool lane_up)
{
	if (!lane_up)
		return TUNNEL_BLOCKED_CARRIER;
	if (s->local_blocked)
		return TUNNEL_BLOCKED_READER;
	if (s->flags & TNL_S_BY_PEER && !(s->flags & (TNL_S_ACCEPTED | TNL_S_RESET)))
		return TUNNEL_BLOCKED_CONNECT;
	if (s->limited && tnl_limits_waits(s->limited))
		return TUNNEL_BLOCKED_LIMIT;
	if (s->flags & TNL_S_TX_WAITS && !tnl_credit_avail(&s->tx))
		return TUNNEL_BLOCKED_CREDIT;
	if (s->txq.len)
		return TUNNEL_BLOCKED_LANE;
	return TUNNEL_BLOCKED_NONE;
}

/**
 * tnl_session_maybe_unlink - leave the lane's table if all is over
 * @s: not locked; the caller has a reference
 *
 * Over means: the wire has seen both ends or a reset, and nobody listens.
 */
void tnl_session_maybe_unlink(struct tnl_session *s)
{
	const u32 ends = TNL_S_TX_END_SENT | TNL_S_RX_END;
	struct tnl_lane *lane = s->lane;
	bool over;

	spin_lock(&s->lock);
	over = !s->ops && !(s->flags & TNL_S_UNLINKED) &&
	       ((s->flags & ends) == ends || s->flags & TNL_S_RESET_DONE);
	if (over)
		s->flags |= TNL_S_UNLINKED;
	spin_unlock(&s->lock);
	if (!over)
		return;

	tnl_lane_del_session(lane, s);
	tnl_limits_leave(s->limited);
	spin_lock(&lane->lock);
	list_del_init(&s->control_node);
	tnl_sched_del(&s->sched);
	if (s->flags & TNL_S_BY_PEER)
		lane->n_accepted--;
	else
		lane->n_opened--;
	spin_unlock(&lane->lock);
	trace_tunnel_session(s->tunnel->id, s->id, TUNNEL_SESSION_CLOSED, s->reason);
	tnl_notify_session(s, TUNNEL_CMD_SESSION_CLOSED);
	tnl_session_put(s);
}

/**
 * tnl_session_room - how much may the endpoint send now?
 * @s: the session
 * @want: how much it needs, at least 1
 *
 * After less the endpoint's writable() comes when it may look again.
 *
 * Return: bytes.
 */
u64 tnl_session_room(struct tnl_session *s, u32 want)
{
	u64 room = 0;

	spin_lock(&s->lock);
	if (!(s->flags & (TNL_S_RESET | TNL_S_TX_END)) && s->txq.len < s->tx_max)
		room = min_t(u64, tnl_credit_avail(&s->tx),
			     s->tx_max - s->txq.len);
	if (room < want)
		s->flags |= TNL_S_TX_WAITS;
	spin_unlock(&s->lock);
	return room;
}

/*
 * Something was queued: let the scheduler know. s->lock is not held.
 * Return: true if it did not know: the lane wants a kick then.
 */
static bool schedule_data(struct tnl_session *s)
{
	struct tnl_lane *lane = s->lane;
	bool added;

	spin_lock(&lane->lock);
	added = !(READ_ONCE(s->flags) & TNL_S_UNLINKED) &&
		tnl_sched_add(&lane->sched, &s->sched);
	spin_unlock(&lane->lock);
	return added;
}

/* tnl_session_make_ready - it has something to send, or may send more of it now */
void tnl_session_make_ready(struct tnl_session *s)
{
	if (schedule_data(s))
		tnl_lane_kick(s->lane);
}

/**
 * tnl_session_queue - bytes to send, or the end of this direction
 * @s: the session
 * @q: slices, at most tnl_session_room() bytes; taken over
 * @end: nothing follows
 * Context: process.
 * Return: 1: the lane wants a kick; 0: it knows already; or -ECONNRESET when the
 * session has ended (@q is purged).
 */
int tnl_session_queue(struct tnl_session *s, struct tnl_chunkq *q, bool end)
{
	spin_lock(&s->lock);
	if (s->flags & (TNL_S_RESET | TNL_S_TX_END)) {
		spin_unlock(&s->lock);
		tnl_chunkq_purge(q);
		return -ECONNRESET;
	}
	s->tx.queued += q->len;
	/* Not spliced: a byte at a time would hold a node at a time. */
	tnl_chunkq_move(&s->txq, q, q->len);
	/* Room that was not used. */
	tnl_chunkq_purge(q);
	if (end)
		s->flags |= TNL_S_TX_END;
	spin_unlock(&s->lock);
	/* Of a direct tunnel who owes the kick already may be stopped before it gives it. */
	return schedule_data(s) || s->tunnel->direct;
}

/* tnl_session_send - tnl_session_queue() and the kick. Return: 0 or -ECONNRESET. */
int tnl_session_send(struct tnl_session *s, struct tnl_chunkq *q, bool end)
{
	int r = tnl_session_queue(s, q, end);

	if (r > 0)
		tnl_lane_kick(s->lane);
	return min(r, 0);
}

/**
 * tnl_session_recv - take what has arrived
 * @s: the session
 * @q: gets the slices
 * @end: result: nothing follows
 * Return: true if there was anything, data or end.
 */
bool tnl_session_recv(struct tnl_session *s, struct tnl_chunkq *q, bool *end)
{
	bool any;

	spin_lock(&s->lock);
	any = s->rxq.len;
	tnl_chunkq_splice(q, &s->rxq);
	*end = s->flags & TNL_S_RX_END;
	spin_unlock(&s->lock);
	return any || *end;
}

/* May the peer be told a new limit, and has it not been already? s->lock is held. */
static bool wants_window(struct tnl_session *s)
{
	return !(s->flags & (TNL_S_RX_END | TNL_S_RESET)) && !(s->dirty & TNL_DIRTY_WINDOW) &&
	       !(s->limited && tnl_limits_wait(s->limited, s, TNL_LIMIT_RX));
}

/**
 * tnl_session_consumed - the local program took bytes: grant the peer more
 * @s: the session
 * @len: bytes
 * Context: process.
 */
void tnl_session_consumed(struct tnl_session *s, u32 len)
{
	struct tnl_lane *lane = s->lane;
	u32 srtt = tnl_lane_srtt_us(lane);
	/* Half of the pages out: the windows are as big as they may be. */
	bool may_grow = READ_ONCE(lane->pool.ring.count) < TNL_POOL_PAGES / 2 &&
			atomic64_read(&lane->rx_charged) < TNL_RX_SOFT;
	bool tell;

	if (s->limited) {
		tnl_limits_spend(s->limited, TNL_LIMIT_RX, len);
		/* It is the limit, not the window, that holds the sender back. */
		may_grow = may_grow && !tnl_limits_debt(s->limited, TNL_LIMIT_RX);
	}
	spin_lock(&s->lock);
	may_grow = may_grow && 2ULL * s->rx.window <= s->window_max;
	tell = tnl_credit_consume(&s->rx, len, ktime_to_us(ktime_get()), srtt,
				  may_grow) &&
	       wants_window(s);
	if (tell)
		s->dirty |= TNL_DIRTY_WINDOW;
	uncharge(s, len);
	spin_unlock(&s->lock);
	if (tell)
		owe(s);
}

/* tnl_session_regrant - its limits allow more: grant what was consumed meanwhile */
void tnl_session_regrant(struct tnl_session *s)
{
	bool tell;

	spin_lock(&s->lock);
	tell = tnl_credit_due(&s->rx) && wants_window(s);
	if (tell)
		s->dirty |= TNL_DIRTY_WINDOW;
	spin_unlock(&s->lock);
	if (tell)
		owe(s);
}

/* tnl_session_accept - the target of an incoming session is reached */
void tnl_session_accept(struct tnl_session *s)
{
	spin_lock(&s->lock);
	s->flags |= TNL_S_ACCEPTED;
	s->dirty |= TNL_DIRTY_ACCEPT;
	spin_unlock(&s->lock);
	trace_tunnel_session(s->tunnel->id, s->id, TUNNEL_SESSION_OPEN, 0);
	owe(s);
}

/* End at once. s->lock is held. Return: false if it had ended before. */
static bool end_locked(struct tnl_session *s, u8 reason)
{
	lockdep_assert_held(&s->lock);
	if (s->flags & TNL_S_RESET)
		return false;
	s->flags |= TNL_S_RESET;
	s->reason = reason;
	drop_tx(s);
	drop_rx(s);
	tell_reset(s);
	return true;
}

/**
 * tnl_session_reset - end both directions at once and tell the peer
 * @s: the session; one that has ended stays as it is
 * @reason: enum tunnel_reason
 * Context: process.
 */
void tnl_session_reset(struct tnl_session *s, u8 reason)
{
	const u32 ends = TNL_S_TX_END_SENT | TNL_S_RX_END;
	bool ended, tell;

	spin_lock(&s->lock);
	ended = end_locked(s, reason);
	if (ended && reason == TUNNEL_REASON_FLOW_CONTROL)
		TNL_INC(s->tunnel->tn, errors_flow_control);
	/* Nothing to tell a peer that has both ends, or never heard of it. */
	tell = ended && s->flags & TNL_S_KNOWN && (s->flags & ends) != ends;
	if (tell)
		s->dirty |= TNL_DIRTY_RESET;
	else
		s->flags |= s->dirty & TNL_DIRTY_RESET ? 0 : TNL_S_RESET_DONE;
	spin_unlock(&s->lock);
	if (tell)
		owe(s);
	else
		tnl_session_maybe_unlink(s);
}

/**
 * tnl_session_told - what is seen of the session has been told to its endpoint, too
 * @s: the session, whose end was seen without its lock
 *
 * Who ends it does so under the lock: flag first, reset() last.
 */
void tnl_session_told(struct tnl_session *s)
{
	spin_lock(&s->lock);
	spin_unlock(&s->lock);
}

/**
 * tnl_session_detach - the endpoint will be told nothing any more
 * @s: must have ended, or have both ends queued: nobody reads it any more. The
 *	endpoint's reference stays until it puts it.
 */
void tnl_session_detach(struct tnl_session *s)
{
	spin_lock(&s->lock);
	s->ops = NULL;
	s->ep = NULL;
	spin_unlock(&s->lock);
	tnl_session_maybe_unlink(s);
}

/* Nobody reads any more, and END is on its way: say so. s->lock is held. */
static void close_locked(struct tnl_session *s)
{
	s->flags |= TNL_S_RESET;
	s->dirty |= TNL_DIRTY_RESET;
	drop_rx(s);
}

/**
 * tnl_session_close - the endpoint leaves: what it sent goes out, then END, then
 * RESET, which behind END says only that nobody reads any more
 * @s: the session. The endpoint's reference stays until it puts it.
 *
 * So there are no halves that nobody is at the end of, and none to time out.
 *
 * Context: process.
 */
void tnl_session_close(struct tnl_session *s)
{
	bool ready = false, tell = false;

	spin_lock(&s->lock);
	s->ops = NULL;
	s->ep = NULL;
	s->endpoint = TUNNEL_ENDPOINT_NONE;
	if (!(s->flags & (TNL_S_RESET | TNL_S_TX_END_SENT))) {
		s->flags |= TNL_S_TX_END | TNL_S_CLOSED;
		ready = true;
	} else if (!(s->flags & (TNL_S_RESET | TNL_S_RX_END))) {
		close_locked(s);
		tell = true;
	}
	spin_unlock(&s->lock);
	if (ready)
		tnl_session_make_ready(s);
	else if (tell)
		owe(s);
	else
		tnl_session_maybe_unlink(s);
}

/**
 * tnl_session_close_behind_end - END was framed
 * @s: its lock is held
 * Return: true if RESET is owed behind it.
 */
bool tnl_session_close_behind_end(struct tnl_session *s)
{
	lockdep_assert_held(&s->lock);
	if (!(s->flags & TNL_S_CLOSED) ||
	    s->flags & (TNL_S_RX_END | TNL_S_RESET))
		return false;
	close_locked(s);
	return true;
}

/**
 * tnl_session_rx_data - bytes from the peer
 * @s: the session
 * @page: where they are; referenced if kept
 * @offset: first byte
 * @len: bytes
 * @spare: an empty node; NULL afterwards if it was needed
 * Context: process.
 * Return: 0, -ECONNRESET when nobody wants them or there is no room for them,
 * -EPROTO beyond the credit or against the rules of messages: in the last two
 * cases the session has been reset.
 */
int tnl_session_rx_data(struct tnl_session *s, struct page *page,
			unsigned int offset, unsigned int len,
			struct tnl_chunk_node **spare)
{
	u8 reason = 0;
	bool fits;

	spin_lock(&s->lock);
	if (s->flags & TNL_S_RESET || !s->ops) {
		spin_unlock(&s->lock);
		return -ECONNRESET;
	}
	if (s->flags & TNL_S_RX_END || tnl_credit_receive(&s->rx, len))
		reason = TUNNEL_REASON_FLOW_CONTROL;
	else if (s->ops->charge)
		reason = s->ops->charge(s->ep, page, offset, len);
	if (reason) {
		spin_unlock(&s->lock);
		tnl_session_reset(s, reason);
		return reason == TUNNEL_REASON_FLOW_CONTROL ? -EPROTO : -ECONNRESET;
	}
	if (!tnl_chunkq_append(&s->rxq, page, offset, len)) {
		tnl_chunkq_add_node(&s->rxq, *spare);
		*spare = NULL;
		tnl_chunkq_append(&s->rxq, page, offset, len);
	}
	fits = charge(s, len);
	s->ops->readable(s->ep);
	spin_unlock(&s->lock);
	if (fits)
		return 0;
	tnl_session_reset(s, TUNNEL_REASON_LIMIT);
	return -ECONNRESET;
}

/* tnl_session_rx_end - the peer will send no more */
void tnl_session_rx_end(struct tnl_session *s)
{
	spin_lock(&s->lock);
	s->flags |= TNL_S_RX_END;
	if (s->ops) {
		s->ops->readable(s->ep);
		/* With both ends it is a hang-up, which another may wait for. */
		if (s->flags & TNL_S_TX_END && s->ops->changed)
			s->ops->changed(s->ep);
	}
	spin_unlock(&s->lock);
	tnl_session_maybe_unlink(s);
}

/**
 * tnl_session_rx_reset - the peer ended it; never answered
 * @s: the session
 * @reason: what it says
 *
 * A RESET behind END means that the peer reads no more. What it sent is whole,
 * and still gets to our side: a server that closes with a request half read has
 * answered all the same.
 */
void tnl_session_rx_reset(struct tnl_session *s, u8 reason)
{
	spin_lock(&s->lock);
	if (s->flags & TNL_S_RX_END && !(s->flags & TNL_S_RESET) && s->ops) {
		drop_tx(s);
		s->flags |= TNL_S_TX_END | TNL_S_TX_END_SENT | TNL_S_RX_RESET;
		/* It has said all without ACCEPT: nobody need wait for that any more. */
		if (!(s->flags & TNL_S_BY_PEER))
			s->flags |= TNL_S_ACCEPTED;
		s->dirty = 0;
		s->ops->writable(s->ep);
		if (s->ops->changed)
			s->ops->changed(s->ep);
		spin_unlock(&s->lock);
		return;
	}
	spin_unlock(&s->lock);
	tnl_session_abandon(s, reason);
}

/**
 * tnl_session_end_framed - is the end of our direction on its way?
 * @s: the session; tnl_session_send() has been given the end
 * Return: true, or false with writable() to come when it is.
 */
bool tnl_session_end_framed(struct tnl_session *s)
{
	bool framed;

	spin_lock(&s->lock);
	framed = s->flags & (TNL_S_TX_END_SENT | TNL_S_RESET);
	if (!framed)
		s->flags |= TNL_S_TX_WAITS;
	spin_unlock(&s->lock);
	return framed;
}

/* tnl_session_tx_closed - does the session take nothing more from its endpoint? */
bool tnl_session_tx_closed(struct tnl_session *s)
{
	return READ_ONCE(s->flags) & (TNL_S_TX_END | TNL_S_RESET);
}

/* tnl_session_abandon - end at once; the peer knows, or cannot be told */
void tnl_session_abandon(struct tnl_session *s, u8 reason)
{
	spin_lock(&s->lock);
	end_locked(s, reason);
	s->flags |= TNL_S_RESET_DONE;
	s->dirty = 0;
	spin_unlock(&s->lock);
	tnl_session_maybe_unlink(s);
}

/* More credit: let the endpoint know if it waits for that. s->lock is held. */
static int raise(struct tnl_session *s, u64 max)
{
	int r = tnl_credit_raise(&s->tx, max);

	if (r > 0 && s->flags & TNL_S_TX_WAITS && s->ops) {
		s->flags &= ~TNL_S_TX_WAITS;
		s->ops->writable(s->ep);
	}
	return r < 0 ? r : 0;
}

/* tnl_session_rx_window - WINDOW came. Return: 0, or -EPROTO for nonsense. */
int tnl_session_rx_window(struct tnl_session *s, u64 max)
{
	int err;

	spin_lock(&s->lock);
	err = raise(s, max);
	spin_unlock(&s->lock);
	return err;
}

/* tnl_session_rx_accept - ACCEPT came. Return: 0, or -EPROTO for nonsense. */
int tnl_session_rx_accept(struct tnl_session *s, u64 window)
{
	int err = 0;

	spin_lock(&s->lock);
	if (s->flags & (TNL_S_BY_PEER | TNL_S_ACCEPTED))
		err = -EPROTO;
	else if (window)
		err = raise(s, window);
	if (!err) {
		s->flags |= TNL_S_ACCEPTED;
		if (s->ops && s->ops->changed)
			s->ops->changed(s->ep);
	}
	spin_unlock(&s->lock);
	trace_tunnel_session(s->tunnel->id, s->id, TUNNEL_SESSION_OPEN, 0);
	return err;
}

/* tnl_session_lane_up - the peer's initial window is known now */
void tnl_session_lane_up(struct tnl_session *s, u32 window)
{
	spin_lock(&s->lock);
	raise(s, window);
	spin_unlock(&s->lock);
}
