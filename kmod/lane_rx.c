// SPDX-License-Identifier: GPL-2.0
/* The receiving side of a lane: bytes in any portions become frames here. */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "af_tunnel.h"
#include "lane.h"
#include "message.h"
#include "relay.h"
#include "service.h"
#include "session.h"
#include "trace.h"
#include "tunnel.h"
#include "watch.h"

#define MAX_HOPS 8
/* Acknowledged bytes worth a run of the sender of their own. */
#define RELEASE_BYTES (128 << 10)

/**
 * refuse - answer an OPEN with RESET
 * @lane: rx side
 * @id: of the session that will not be
 * @reason: enum tunnel_reason
 * Return: 0, or -EPROTO when the peer opens more than it may have open.
 */
static int refuse(struct tnl_lane *lane, u64 id, u8 reason)
{
	struct tnl_refusal *r;
	int err = 0;

	TNL_INC(lane->tunnel->tn, sessions_refused);
	/* An answer cannot be left out; it is small. */
	r = kmalloc(sizeof(*r), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	r->id = id;
	r->reason = reason;
	spin_lock(&lane->lock);
	if (lane->n_refused < TNL_REFUSED_MAX) {
		list_add_tail(&r->node, &lane->refused);
		lane->n_refused++;
		r = NULL;
	} else {
		err = -EPROTO;
	}
	spin_unlock(&lane->lock);
	kfree(r);
	tnl_lane_kick(lane);
	return err;
}

static u8 refusal_reason(int err)
{
	switch (err) {
	case -ENOENT:
		return TUNNEL_REASON_NO_SERVICE;
	case -EDQUOT:
		return TUNNEL_REASON_LIMIT;
	case -ENOMEM:
		return TUNNEL_REASON_NO_MEMORY;
	}
	return TUNNEL_REASON_REFUSED;
}

static int rx_open(struct tnl_lane *lane)
{
	struct tnl_tunnel *t = lane->tunnel;
	u8 protocol = lane->rx.frame.flags & TNL_FLAG_PROTOCOL;
	struct tnl_session *s;
	u64 id = lane->rx.frame.id;
	struct tnl_limited *limited;
	struct sock *listener;
	struct tnl_open o;
	u8 reason = 0;
	bool full;
	int err;

	if (tnl_open_decode(lane->rx.control, lane->rx.frame.length, &o))
		return -EPROTO;
	if (o.hops >= MAX_HOPS)
		return refuse(lane, id, TUNNEL_REASON_LOOP);
	spin_lock(&lane->lock);
	full = lane->n_accepted >= TNL_MAX_SESSIONS;
	spin_unlock(&lane->lock);
	if (full || atomic64_read(&lane->rx_charged) > TNL_RX_SOFT)
		return refuse(lane, id, TUNNEL_REASON_LIMIT);
	err = tnl_service_admit(t, &o, &listener, &limited);
	if (err == -ENOENT)
		net_info_ratelimited("%s: peer asks for service %s, which is not defined here\n",
				     t->name, o.service);
	if (err)
		return refuse(lane, id, refusal_reason(err));
	if (!listener && protocol == TNL_PROTOCOL_MESSAGES) {
		tnl_limits_leave(limited);
		tnl_limits_free(limited);
		return refuse(lane, id, TUNNEL_REASON_TYPE);
	}

	s = tnl_session_incoming(lane, id, protocol, &o, limited);
	if (IS_ERR(s)) {
		reason = TUNNEL_REASON_NO_MEMORY;
	} else {
		TNL_INC(t->tn, sessions_accepted);
		if (listener)
			reason = tnl_sock_incoming(listener, s);
		else
			reason = tnl_relay_connect(s);
		if (reason)
			tnl_session_reset(s, reason);
		tnl_session_put(s);
		reason = 0;
	}
	if (listener)
		sock_put(listener);
	return reason ? refuse(lane, id, reason) : 0;
}

/* The session of the frame that begins, or NULL: over, or the peer has reset it. */
static struct tnl_session *rx_find(struct tnl_lane *lane)
{
	struct tnl_session *s = tnl_session_find(lane, lane->rx.frame.id);

	if (s && !(READ_ONCE(s->flags) & TNL_S_RX_RESET))
		return s;
	if (s)
		tnl_session_put(s);
	TNL_INC(lane->tunnel->tn, frames_stale);
	return NULL;
}

static int rx_session_control(struct tnl_lane *lane)
{
	struct tnl_session *s = rx_find(lane);
	u64 window = 0;
	int err = 0;

	if (!s)
		return 0;
	switch (lane->rx.frame.type) {
	case TNL_ACCEPT:
		err = tnl_accept_decode(lane->rx.control, lane->rx.frame.length,
					&window);
		if (!err)
			err = tnl_session_rx_accept(s, window);
		break;
	case TNL_RESET:
		TNL_INC(lane->tunnel->tn, resets_rx);
		tnl_session_rx_reset(s, lane->rx.frame.reason <= TUNNEL_REASON_MAX ?
				     lane->rx.frame.reason : TUNNEL_REASON_RESET);
		break;
	case TNL_WINDOW:
		TNL_INC(lane->tunnel->tn, windows_rx);
		err = tnl_session_rx_window(s, tnl_get64(lane->rx.control));
		break;
	}
	tnl_session_put(s);
	return err;
}

static int rx_ack(struct tnl_lane *lane)
{
	u64 offset = tnl_get64(lane->rx.control);

	TNL_INC(lane->tunnel->tn, acks_rx);
	if (offset > READ_ONCE(lane->sent_max))
		return -EPROTO;
	if (offset <= lane->peer_acked)
		return 0;
	WRITE_ONCE(lane->peer_acked, offset);
	/* Pairs with the barrier in retention_full(). */
	smp_mb();
	if (READ_ONCE(lane->retention_full) ||
	    offset - READ_ONCE(lane->fifo_start) >= RELEASE_BYTES)
		tnl_lane_kick(lane);
	return 0;
}

/* A whole frame has been received. */
static int dispatch(struct tnl_lane *lane)
{
	struct tnl_frame *f = &lane->rx.frame;

	switch (f->type) {
	case TNL_DATA:
		if (lane->rx_session) {
			if (f->flags & TNL_FLAG_END)
				tnl_session_rx_end(lane->rx_session);
			tnl_session_put(lane->rx_session);
			lane->rx_session = NULL;
		}
		return 0;
	case TNL_OPEN:
		return rx_open(lane);
	case TNL_ACCEPT:
	case TNL_RESET:
	case TNL_WINDOW:
		return rx_session_control(lane);
	case TNL_PING:
		spin_lock(&lane->lock);
		memcpy(lane->pong, lane->rx.control, sizeof(lane->pong));
		spin_unlock(&lane->lock);
		tnl_lane_dirty(lane, TNL_LANE_PONG);
		return 0;
	case TNL_PONG:
		return 0;
	case TNL_ACK:
		return rx_ack(lane);
	case TNL_GOAWAY:
		return -ECONNABORTED;
	case TNL_HELLO:
		return -EPROTO;
	default:
		TNL_INC(lane->tunnel->tn, frames_skipped);
		return 0;
	}
}

/* May a frame with this id come now? */
static int check_id(struct tnl_lane *lane)
{
	bool by_listener = lane->rx.frame.id & TNL_ID_LISTENER;
	bool ours = by_listener == (lane->tunnel->role == TUNNEL_ROLE_LISTEN);
	u64 last = 0;

	if (ours) {
		spin_lock(&lane->lock);
		last = lane->next_id - 1;
		spin_unlock(&lane->lock);
	}
	return tnl_deframe_check_id(&lane->rx, ours, last);
}

/* A header is complete. */
static int begin(struct tnl_lane *lane)
{
	struct tnl_frame *f = &lane->rx.frame;
	int err = check_id(lane);

	if (err)
		return err;
	TNL_INC(lane->tunnel->tn, frames_rx);
	trace_tunnel_frame_rx(lane->tunnel->id, f);
	if (f->type == TNL_DATA)
		lane->rx_session = rx_find(lane);
	return 0;
}

/* Hand a piece of payload to the session. Return: bytes taken or -errno. */
static int deliver(struct tnl_lane *lane, struct page *page,
		   unsigned int offset, unsigned int len)
{
	struct tnl_net *tn = lane->tunnel->tn;
	unsigned int n = len;
	int err;

	if (!lane->rx_session)
		return len;
	if (!lane->spare) {
		lane->spare = tnl_chunk_node_alloc(GFP_KERNEL);
		if (!lane->spare)
			return -ENOMEM;
	}
	/*
	 * A small frame must not pin two TLS records of memory. A small piece
	 * of a big frame may: there is at most one such page to a frame.
	 */
	if (lane->rx.frame.length < TNL_COPYBREAK || lane->pool.bounce) {
		len = min_t(unsigned int, len, PAGE_SIZE);
		page = tnl_pool_copy(&lane->pool, page_address(page) + offset,
				     len, &offset);
		if (PTR_ERR_OR_ZERO(page) == -ENOMEM)
			return -ENOMEM;
		if (IS_ERR(page)) {
			/* All are out: who wants one more has too much already. */
			tnl_session_reset(lane->rx_session, TUNNEL_REASON_LIMIT);
			tnl_session_put(lane->rx_session);
			lane->rx_session = NULL;
			return n;
		}
		if (len < TNL_COPYBREAK)
			TNL_ADD(tn, copybreak_bytes_copied, len);
		else
			TNL_ADD(tn, payload_bytes_copied, len);
	}
	err = tnl_session_rx_data(lane->rx_session, page, offset, len,
				  &lane->spare);
	if (err) {
		/* Beyond its credit, or ended: the rest of it goes nowhere. */
		tnl_session_put(lane->rx_session);
		lane->rx_session = NULL;
	} else {
		TNL_ADD(tn, payload_bytes_rx, len);
	}
	return len;
}

/* One step: bytes taken of the piece, or -errno. */
static int step(struct tnl_lane *lane, struct page *page, unsigned int offset,
		unsigned int len)
{
	const u8 *data = page_address(page) + offset;
	struct tnl_deframe *d = &lane->rx;
	u32 n;
	int r;

	if (!d->in_frame) {
		r = tnl_deframe_header(d, data, len, &n);
		if (r > 0)
			r = begin(lane);
		if (r < 0)
			return r;
		return n;
	}
	r = tnl_deframe_payload(d, data, len);
	if (d->frame.type == TNL_DATA)
		r = deliver(lane, page, offset, r);
	if (r > 0)
		tnl_deframe_taken(d, r);
	return r;
}

/* Numbers only: what a peer says may not reach a log as text. */
static void complain(struct tnl_lane *lane)
{
	net_info_ratelimited("%s: protocol error: frame of type %u, flags %#x, length %u, session %llx\n",
			     lane->tunnel->name, lane->rx.frame.type,
			     lane->rx.frame.flags, lane->rx.frame.length,
			     lane->rx.frame.id);
}

/**
 * tnl_lane_rx - take bytes of the lane's stream
 * @lane: rx side
 * @page: where they are; slices of it are kept by reference
 * @offset: first byte
 * @len: bytes
 *
 * Context: process; sleeps only for memory.
 * Return: bytes taken, short only for want of memory (then again, later, with
 * the rest), -EPROTO for what no correct peer sends, -ECONNABORTED after GOAWAY,
 * whose reason is in lane->rx.frame.
 */
int tnl_lane_rx(struct tnl_lane *lane, struct page *page, unsigned int offset,
		unsigned int len)
{
	unsigned int done = 0;

	while (done < len) {
		int n = step(lane, page, offset + done, len - done);

		if (n == -ENOMEM)
			return done;
		if (n < 0) {
			complain(lane);
			return n;
		}
		done += n;
		WRITE_ONCE(lane->rx_offset, lane->rx_offset + n);

		if (lane->rx.in_frame) {
			u8 type = lane->rx.frame.type;

			/* Frames that are about the link itself want no ACK. */
			if (type != TNL_ACK && type != TNL_PING && type != TNL_PONG)
				WRITE_ONCE(lane->rx_ackable, lane->rx_offset);
			if (!lane->rx.left) {
				tnl_deframe_end(&lane->rx);
				n = dispatch(lane);
				if (n == -EPROTO)
					complain(lane);
				if (n)
					return n;
			}
		}
	}
	return done;
}

/* tnl_lane_rx_end - no more bytes for now: see that they get acknowledged */
void tnl_lane_rx_end(struct tnl_lane *lane)
{
	u64 sent = READ_ONCE(lane->ack_sent);

	/* Frames about the link too, some day: the peer keeps them till then. */
	if (lane->rx_offset - sent >= TNL_ACK_BYTES)
		tnl_lane_dirty(lane, TNL_LANE_ACK);
	else if (lane->rx_ackable > sent)
		queue_delayed_work(tnl_wq, &lane->ack_work,
				   msecs_to_jiffies(TNL_ACK_DELAY));
}

/* tnl_lane_rx_reset - forget what was received; rx side */
void tnl_lane_rx_reset(struct tnl_lane *lane)
{
	if (lane->rx_session)
		tnl_session_put(lane->rx_session);
	lane->rx_session = NULL;
	memset(&lane->rx, 0, sizeof(lane->rx));
	WRITE_ONCE(lane->rx_offset, 0);
	WRITE_ONCE(lane->rx_ackable, 0);
	WRITE_ONCE(lane->peer_acked, 0);
}
