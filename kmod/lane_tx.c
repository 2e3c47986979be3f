// SPDX-License-Identifier: GPL-2.0
/* The sending side of a lane: frames go into the queue here and leave on ACK. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "lane.h"
#include "message.h"
#include "session.h"
#include "trace.h"
#include "tunnel.h"

/* Frames of one gathering: four full TLS records. */
#define BATCH (TNL_PAYLOAD_FULL + TNL_HDR_LEN)
/* Room for all control frames of one session, or of the lane. */
#define CONTROL_ROOM 1024

/* struct out - control frames being written one behind the other */
struct out {
	struct tnl_lane *lane;
	u8 *buf;
	unsigned int len;
};

static void put(struct out *o, u8 type, u8 flags, u16 reason, u64 id,
		const void *payload, u32 len)
{
	struct tnl_frame f = {
		.type = type, .flags = flags, .reason = reason,
		.length = len, .id = id,
	};

	tnl_frame_encode(o->buf + o->len, &f);
	if (len)
		memcpy(o->buf + o->len + TNL_HDR_LEN, payload, len);
	o->len += TNL_HDR_LEN + len;
	TNL_INC(o->lane->tunnel->tn, frames_tx);
	trace_tunnel_frame_tx(o->lane->tunnel->id, &f);
}

static void put64(struct out *o, u8 type, u64 id, u64 value)
{
	u8 b[8];

	tnl_put64(b, value);
	put(o, type, 0, 0, id, b, sizeof(b));
}

/* Room for one more step: neither memory nor slices can run out within it. */
static int prepare(struct tnl_lane *lane, struct out *o)
{
	struct page *old = lane->headers.page;

	if (!skb_page_frag_refill(CONTROL_ROOM, &lane->headers, GFP_KERNEL))
		return -ENOMEM;
	if (lane->headers.page != old)
		TNL_INC(lane->tunnel->tn, page_allocs);
	if (tnl_chunkq_reserve(&lane->fifo, 3, GFP_KERNEL))
		return -ENOMEM;
	o->lane = lane;
	o->buf = page_address(lane->headers.page) + lane->headers.offset;
	o->len = 0;
	return 0;
}

static u32 commit(struct out *o)
{
	struct page_frag *pf = &o->lane->headers;

	if (o->len) {
		tnl_chunkq_append(&o->lane->fifo, pf->page, pf->offset, o->len);
		pf->offset += o->len;
	}
	return o->len;
}

static void put_ack(struct out *o)
{
	u64 offset = READ_ONCE(o->lane->rx_offset);

	WRITE_ONCE(o->lane->ack_sent, offset);
	put64(o, TNL_ACK, 0, offset);
	TNL_INC(o->lane->tunnel->tn, acks_tx);
}

/*
 * The lane's own control frames and refusals; as many as fit. An ACK rides along with
 * other control frames, and with data from TNL_ACK_RIDES on: one for each of many small
 * frames would cost more than what it lets go.
 *
 * @any: result: is there something, here or of sessions?
 */
static u32 lane_control(struct tnl_lane *lane, struct out *o, bool *any)
{
	struct tnl_refusal *r;
	u64 least = 1;
	bool ack;

	spin_lock(&lane->lock);
	*any = lane->dirty || lane->n_refused || !list_empty(&lane->control);
	if (!*any) {
		*any = tnl_sched_any(&lane->sched);
		least = TNL_ACK_RIDES;
	}
	if (lane->dirty & TNL_LANE_PONG)
		put(o, TNL_PONG, 0, 0, 0, lane->pong, sizeof(lane->pong));
	if (lane->dirty & TNL_LANE_PING) {
		put(o, TNL_PING, 0, 0, 0, lane->ping, sizeof(lane->ping));
		TNL_INC(lane->tunnel->tn, pings_tx);
	}
	ack = lane->dirty & TNL_LANE_ACK;
	lane->dirty = 0;
	while (lane->n_refused && o->len < CONTROL_ROOM / 2) {
		r = list_first_entry(&lane->refused, struct tnl_refusal, node);
		put(o, TNL_RESET, 0, r->reason, r->id, NULL, 0);
		list_del(&r->node);
		lane->n_refused--;
		kfree(r);
	}
	spin_unlock(&lane->lock);
	if (ack || (*any && READ_ONCE(lane->rx_ackable) >= lane->ack_sent + least))
		put_ack(o);
	return commit(o);
}

/* Return: false if it is not known. */
static bool put_address(u8 to[18], const struct sockaddr_in6 *from)
{
	memcpy(to, &from->sin6_addr, 16);
	tnl_put16(to + 16, ntohs(from->sin6_port));
	return from->sin6_family;
}

static void put_open(struct out *o, struct tnl_session *s)
{
	struct tnl_open open = {
		.hops = s->hops, .priority = s->priority, .has_uuid = s->has_uuid,
	};
	u8 payload[TNL_OPEN_MAX];
	size_t len;

	strscpy(open.service, s->service, sizeof(open.service));
	strscpy(open.destination, s->destination, sizeof(open.destination));
	open.has_source = put_address(open.source, &s->source);
	open.has_local = put_address(open.local, &s->local);
	memcpy(open.uuid, s->uuid, sizeof(open.uuid));
	if (s->protocol == TNL_PROTOCOL_MESSAGES)
		open.window = TNL_MESSAGE_WINDOW;
	len = tnl_open_encode(payload, &open);
	put(o, TNL_OPEN, s->protocol, 0, s->id, payload, len);
}

static void put_accept(struct out *o, struct tnl_session *s)
{
	u8 payload[64];
	size_t len = 0;

	if (s->protocol == TNL_PROTOCOL_MESSAGES)
		len = tnl_accept_encode(payload, TNL_MESSAGE_WINDOW);
	put(o, TNL_ACCEPT, 0, 0, s->id, payload, len);
}

/* All control frames that @s owes; it is on no list, and referenced. */
static void render(struct out *o, struct tnl_session *s)
{
	struct tnl_net *tn = o->lane->tunnel->tn;
	u32 dirty;

	spin_lock(&s->lock);
	dirty = s->dirty;
	s->dirty = 0;
	if (s->flags & TNL_S_RESET) {
		/* A session the peer never heard of ends in silence. */
		if (dirty & TNL_DIRTY_RESET && s->flags & TNL_S_KNOWN) {
			put(o, TNL_RESET, 0, s->reason ?: TUNNEL_REASON_RESET,
			    s->id, NULL, 0);
			TNL_INC(tn, resets_tx);
		}
		s->flags |= TNL_S_RESET_DONE;
	} else {
		if (dirty & TNL_DIRTY_OPEN) {
			put_open(o, s);
			s->flags |= TNL_S_KNOWN;
		}
		if (dirty & TNL_DIRTY_ACCEPT)
			put_accept(o, s);
		if (dirty & TNL_DIRTY_WINDOW && !(s->flags & TNL_S_RX_END)) {
			put64(o, TNL_WINDOW, s->id, tnl_credit_advertise(&s->rx));
			TNL_INC(tn, windows_tx);
		}
	}
	spin_unlock(&s->lock);
	commit(o);
	tnl_session_maybe_unlink(s);
}

/* Control frames of the first session that has some; 0 when none has. */
static u32 session_control(struct tnl_lane *lane, struct out *o)
{
	struct tnl_session *s;

	spin_lock(&lane->lock);
	s = list_first_entry_or_null(&lane->control, struct tnl_session,
				     control_node);
	if (s) {
		list_del_init(&s->control_node);
		tnl_session_hold(s);
	}
	spin_unlock(&lane->lock);
	if (!s)
		return 0;
	render(o, s);
	tnl_session_put(s);
	/* Not 0 even if there was nothing to say: there may be other sessions. */
	return o->len ? o->len : 1;
}

/*
 * Its limits say that it has to wait: it leaves the scheduler. First it, then the wait,
 * whose end puts it back.
 */
static void set_aside(struct tnl_lane *lane, struct tnl_session *s)
{
	spin_lock(&lane->lock);
	tnl_sched_sent(&lane->sched, &s->sched, 0, false);
	spin_unlock(&lane->lock);
	if (tnl_limits_wait(s->limited, s, TNL_LIMIT_TX))
		TNL_INC(lane->tunnel->tn, bandwidth_waits);
	else
		tnl_session_make_ready(s);
}

/* One DATA frame of the session whose turn it is; 0 when none has data. */
static u32 session_data(struct tnl_lane *lane, struct out *o, u32 room)
{
	struct tnl_frame f = { .type = TNL_DATA };
	struct tnl_sched_ent *e;
	struct tnl_session *s;
	bool more = false, close = false, data;
	u32 quota, len = 0, dirty;

	spin_lock(&lane->lock);
	e = tnl_sched_next(&lane->sched, room, &quota);
	s = e ? container_of(e, struct tnl_session, sched) : NULL;
	if (s)
		tnl_session_hold(s);
	spin_unlock(&lane->lock);
	if (!s)
		return 0;

	/*
	 * A session may have come, with data, since the control frames were
	 * written: nothing of it goes before its OPEN or ACCEPT. Nor does its OPEN
	 * go before those of lower ids: the list keeps their order.
	 */
	spin_lock(&s->lock);
	dirty = s->dirty & (TNL_DIRTY_OPEN | TNL_DIRTY_ACCEPT);
	data = s->txq.len;
	spin_unlock(&s->lock);
	if (dirty) {
		tnl_session_put(s);
		return session_control(lane, o);
	}
	if (s->limited && data && tnl_limits_debt(s->limited, TNL_LIMIT_TX)) {
		set_aside(lane, s);
		tnl_session_put(s);
		return TNL_HDR_LEN;
	}

	spin_lock(&s->lock);
	if (!(s->flags & (TNL_S_RESET | TNL_S_TX_END_SENT)) &&
	    (s->txq.len || s->flags & TNL_S_TX_END)) {
		u8 *header = tnl_chunkq_take_hole(&lane->fifo, &s->txq, TNL_HDR_LEN);

		if (!header) {
			header = o->buf;
			o->len = TNL_HDR_LEN;
			commit(o);
		}
		len = tnl_chunkq_move(&lane->fifo, &s->txq,
				      min_t(u64, quota, s->txq.len));
		s->framed += len;
		if (s->ops && s->ops->uncharge)
			s->ops->uncharge(s->ep, len, 0);
		more = s->txq.len;
		if (!more && s->flags & TNL_S_TX_END) {
			f.flags = TNL_FLAG_END;
			s->flags |= TNL_S_TX_END_SENT;
			close = tnl_session_close_behind_end(s);
		}
		f.length = len;
		f.id = s->id;
		tnl_frame_encode(header, &f);
		if (s->flags & TNL_S_TX_WAITS && s->ops) {
			s->flags &= ~TNL_S_TX_WAITS;
			s->ops->writable(s->ep);
		}
		TNL_INC(lane->tunnel->tn, frames_tx);
		TNL_ADD(lane->tunnel->tn, payload_bytes_tx, len);
		trace_tunnel_frame_tx(lane->tunnel->id, &f);
	}
	spin_unlock(&s->lock);

	if (s->limited)
		tnl_limits_spend(s->limited, TNL_LIMIT_TX, len);

	/*
	 * Between the locks the endpoint may have queued more and found the
	 * session waiting already: look again before it leaves the list.
	 */
	spin_lock(&lane->lock);
	spin_lock(&s->lock);
	more = !(s->flags & TNL_S_RESET) &&
	       (s->txq.len || (s->flags & TNL_S_TX_END &&
			       !(s->flags & TNL_S_TX_END_SENT)));
	spin_unlock(&s->lock);
	tnl_sched_sent(&lane->sched, &s->sched, len, more);
	if (close)
		tnl_session_owe_locked(s);
	spin_unlock(&lane->lock);

	tnl_session_maybe_unlink(s);
	tnl_session_put(s);
	return len + TNL_HDR_LEN;
}

/* May no more data be framed before the peer acknowledges? */
static bool retention_full(struct tnl_lane *lane)
{
	if (lane->fifo.len < TNL_RETAIN_MAX) {
		WRITE_ONCE(lane->retention_full, false);
		return false;
	}
	WRITE_ONCE(lane->retention_full, true);
	/* Pairs with the barrier behind peer_acked in rx_ack(). */
	smp_mb();
	tnl_lane_release(lane);
	if (lane->fifo.len < TNL_RETAIN_MAX) {
		WRITE_ONCE(lane->retention_full, false);
		return false;
	}
	TNL_INC(lane->tunnel->tn, lane_retention_full);
	return true;
}

/**
 * tnl_lane_gather - frame what sessions and lane have to say, up to a batch
 * @lane: tx side; everything framed before has been sent
 *
 * Control frames go first.
 *
 * Context: process.
 * Return: bytes framed, 0 when there is nothing, -ENOMEM, or -EPROTO when the
 * peer takes frames and acknowledges none.
 */
int tnl_lane_gather(struct tnl_lane *lane)
{
	struct out o;
	u32 total = 0, n;
	bool any;

	if (lane->fifo.len >= TNL_RETAIN_HARD)
		return -EPROTO;
	if (prepare(lane, &o))
		return -ENOMEM;
	total += lane_control(lane, &o, &any);
	/* What comes from here on brings its own kick. */
	if (!any)
		return 0;
	while (READ_ONCE(lane->n_refused) && total < BATCH / 2) {
		if (prepare(lane, &o))
			return total ? total : -ENOMEM;
		total += lane_control(lane, &o, &any);
	}

	while (total < BATCH / 2) {
		if (prepare(lane, &o))
			return total ? total : -ENOMEM;
		n = session_control(lane, &o);
		if (!n)
			break;
		total += n;
	}
	while (total + TNL_HDR_LEN + TNL_COPYBREAK < BATCH && !retention_full(lane)) {
		if (prepare(lane, &o))
			return total ? total : -ENOMEM;
		n = session_data(lane, &o, BATCH - TNL_HDR_LEN - total);
		if (!n)
			break;
		total += n;
	}
	return total;
}

/**
 * tnl_lane_peek - the next bytes to send
 * @lane: tx side
 * @bv: filled with borrowed slices
 * @max: room in @bv
 * @len: result: bytes
 * @more: result: bytes follow these
 * Return: slices.
 */
unsigned int tnl_lane_peek(struct tnl_lane *lane, struct bio_vec *bv,
			   unsigned int max, u32 *len, bool *more)
{
	u64 end = lane->fifo_start + lane->fifo.len;
	unsigned int n;

	n = tnl_chunk_peek(&lane->fifo, &lane->pos, bv, max, BATCH, len);
	*more = lane->sent + *len < end;
	/* The peer may have it, and say so, before the send returns. */
	if (lane->sent + *len > lane->sent_max)
		WRITE_ONCE(lane->sent_max, lane->sent + *len);
	return n;
}

/* tnl_lane_sent - a carrier took @len bytes of what tnl_lane_peek() showed */
void tnl_lane_sent(struct tnl_lane *lane, u32 len)
{
	tnl_chunk_advance(&lane->fifo, &lane->pos, len);
	lane->sent += len;
}

/* tnl_lane_release - let go of what the peer has acknowledged; tx side */
void tnl_lane_release(struct tnl_lane *lane)
{
	u64 acked = READ_ONCE(lane->peer_acked);

	if (acked <= lane->fifo_start)
		return;
	lane->fifo_start += tnl_chunkq_release(&lane->fifo, &lane->pos,
					       acked - lane->fifo_start);
	/* Only after a peer acknowledged what it had said it lacks. */
	if (lane->sent < lane->fifo_start)
		lane->sent = lane->fifo_start;
}

/**
 * tnl_lane_rewind - a new carrier: send again from what the peer has
 * @lane: tx side
 * @offset: in [fifo_start, sent_max], as tnl_lane_resume() has checked
 */
void tnl_lane_rewind(struct tnl_lane *lane, u64 offset)
{
	if (lane->sent > offset) {
		lane->replayed += lane->sent - offset;
		TNL_ADD(lane->tunnel->tn, lane_replayed_bytes,
			lane->sent - offset);
	}
	lane->pos = (struct tnl_chunk_pos){};
	tnl_chunk_advance(&lane->fifo, &lane->pos, offset - lane->fifo_start);
	lane->sent = offset;
}

/**
 * tnl_lane_give_rest - frames that are on their way out in part, to be sent to their end
 * @lane: tx side; it is closed or begins anew behind this
 * @q: gets references
 * @max: so many bytes at most
 * Context: process, may sleep.
 * Return: 0, or -errno: it is more (-EMSGSIZE), or there is no memory. @q may have some then.
 */
int tnl_lane_give_rest(struct tnl_lane *lane, struct tnl_chunkq *q, u32 max)
{
	struct tnl_chunk_pos pos = lane->pos;
	struct bio_vec bv[8];
	unsigned int n, i;
	u32 len;

	if (lane->fifo_start + lane->fifo.len - lane->sent > max)
		return -EMSGSIZE;
	while ((n = tnl_chunk_peek(&lane->fifo, &pos, bv, ARRAY_SIZE(bv), U32_MAX, &len))) {
		if (tnl_chunkq_reserve(q, n, GFP_KERNEL))
			return -ENOMEM;
		for (i = 0; i < n; i++)
			tnl_chunkq_append(q, bv[i].bv_page, bv[i].bv_offset, bv[i].bv_len);
		tnl_chunk_advance(&lane->fifo, &pos, len);
	}
	return 0;
}

/* tnl_lane_all_sent - has a carrier taken every framed byte? tx side */
bool tnl_lane_all_sent(struct tnl_lane *lane)
{
	return lane->sent == lane->fifo_start + lane->fifo.len;
}
