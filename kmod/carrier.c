// SPDX-License-Identifier: GPL-2.0
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "carrier.h"
#include "compat/compat.h"
#include "direct.h"
#include "handover.h"
#include "lane.h"
#include "notify.h"
#include "trace.h"
#include "tunnel.h"
#include "xmit.h"

/* Records one run of a work handles before others get their turn. */
#define BUDGET 64
/* What a program does of that: a framing, its send, and the look that finds no more; */
#define BUDGET_NOW 3
/* and what it receives, its own and that of others. */
#define RECORDS_NOW 16
#define SLICES 32

static void carrier_free(struct tnl_carrier *c)
{
	tnl_chunkq_purge(&c->out);
	if (c->own)
		put_page(c->own);
	tnl_tunnel_put(c->tunnel);
	kfree(c);
}

/* tnl_carrier_put - let go of a reference */
void tnl_carrier_put(struct tnl_carrier *c)
{
	if (refcount_dec_and_test(&c->ref))
		carrier_free(c);
}

/*
 * Room for HELLO and GOAWAY, before anything is changed: for want of memory a
 * new carrier must not take the place of one that works, and then fail.
 */
static int reserve_own(struct tnl_carrier *c)
{
	c->own = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!c->own)
		return -ENOMEM;
	TNL_INC(c->tn, page_allocs);
	return tnl_chunkq_reserve(&c->out, 2, GFP_KERNEL);
}

/*
 * tnl_carrier_queue_own - put a frame of the carrier's own (not the lane's) in
 * front of everything; two fit, of which HELLO is the longest.
 * Context: tx side, or no work runs.
 */
void tnl_carrier_queue_own(struct tnl_carrier *c, u8 type, u16 reason,
			   const void *payload, u32 len)
{
	struct tnl_frame f = { .type = type, .reason = reason, .length = len };
	u8 *p = page_address(c->own) + c->own_len;

	tnl_frame_encode(p, &f);
	memcpy(p + TNL_HDR_LEN, payload, len);
	tnl_chunkq_append(&c->out, c->own, c->own_len, TNL_HDR_LEN + len);
	c->own_len += TNL_HDR_LEN + len;
}

static void queue_hello(struct tnl_carrier *c)
{
	u8 payload[TNL_HELLO_MAX];
	struct tnl_hello h;

	tnl_lane_hello(c->lane, &h);
	tnl_carrier_queue_own(c, TNL_HELLO, 0, payload, tnl_hello_encode(payload, &h));
}

/* --- sending ------------------------------------------------------------- */

/* Return: bytes, -EAGAIN when a wake-up will come, or the error that ends it. */
static ssize_t xmit(struct tnl_carrier *c, struct bio_vec *bv, unsigned int n,
		    u32 len, bool more)
{
	struct sock *sk = c->sock->sk;
	unsigned int i, pages = 0;
	ssize_t r;

	set_bit(TNL_WATCH_TX_BLOCKED, &c->watch.flags);
	/*
	 * Before the attempt: space may come between failure and flag. Pairs
	 * with the barrier of TCP before it wakes writers (tcp_check_space()).
	 */
	smp_mb__after_atomic();
	r = tnl_xmit(c->sock, bv, n, len, more);
	TNL_INC(c->tn, sends);
	if (r > 0) {
		clear_bit(TNL_WATCH_TX_BLOCKED, &c->watch.flags);
		c->tx_bytes += r;
		/* A record ends when it is full, of bytes or of pages: no more than this. */
		for (i = 0; i < n; i++)
			pages += DIV_ROUND_UP(offset_in_page(bv[i].bv_offset) +
					      bv[i].bv_len, PAGE_SIZE);
		c->tx_records += DIV_ROUND_UP(r, TNL_RECORD_MAX) +
				 pages / (MAX_SKB_FRAGS - 1);
		return r;
	}
	if (r == -EAGAIN) {
		TNL_INC(c->tn, sends_blocked);
		/* Memory was short, not space: nobody will wake us. */
		if (sk_stream_memory_free(sk)) {
			TNL_INC(c->tn, retries_armed);
			tnl_watch_retry(&c->watch);
		}
	}
	return r ? r : -EPIPE;
}

/*
 * tnl_carrier_send_own - send what tnl_carrier_queue_own() queued
 * Context: tx side, or no work runs.
 * Return: 0 when all of it is sent, or -errno.
 */
ssize_t tnl_carrier_send_own(struct tnl_carrier *c)
{
	struct bio_vec bv[2];
	unsigned int n;
	ssize_t r;
	u32 len;

	while ((n = tnl_chunk_peek(&c->out, &c->out_pos, bv, ARRAY_SIZE(bv),
				   U32_MAX, &len))) {
		r = xmit(c, bv, n, len, false);
		if (r < 0)
			return r;
		tnl_chunk_advance(&c->out, &c->out_pos, r);
	}
	return 0;
}

static ssize_t send_lane(struct tnl_carrier *c)
{
	struct tnl_lane *lane = c->lane;
	struct bio_vec bv[SLICES];
	unsigned int n;
	ssize_t r;
	bool more;
	u32 len;

	n = tnl_lane_peek(lane, bv, SLICES, &len, &more);
	if (!n) {
		tnl_lane_release(lane);
		r = tnl_lane_gather(lane);
		return r;
	}
	if (c->tx_records >= TNL_RECORDS_MAX)
		return -EKEYEXPIRED;
	r = xmit(c, bv, n, len, more);
	if (r > 0)
		tnl_lane_sent(lane, r);
	return r;
}

/* @budget: framings and sends before others get their turn */
static void transmit(struct tnl_carrier *c, int budget)
{
	ssize_t r;

	lockdep_assert_held(&c->tx_lock);
	if (c->stopped || test_bit(TNL_CARRIER_LOST, &c->bits))
		return;
	r = tnl_carrier_send_own(c);
	if (!r && !test_bit(TNL_CARRIER_READY, &c->bits))
		return;
	/* Pairs with the barrier in hello_through(): rewind_to is set. */
	smp_rmb();
	if (!r && test_and_clear_bit(TNL_CARRIER_REWIND, &c->bits))
		tnl_lane_rewind(c->lane, c->rewind_to);
	while (r >= 0 && budget--) {
		r = send_lane(c);
		if (!r)
			break;
	}

	/* A program's signal kept it from kTLS: works get none. */
	if (r > 0 || r == -EINTR) {
		tnl_watch_queue(&c->watch, &c->tx_work);
	} else if (!r) {
		if (tnl_ktls_record_open(c->sock->sk)) {
			/* The answer to the question closes the record. */
			tnl_lane_dirty(c->lane, TNL_LANE_PING);
			tnl_watch_retry(&c->watch);
		}
	} else if (r == -ENOMEM) {
		TNL_INC(c->tn, retries_armed);
		tnl_watch_retry(&c->watch);
	} else if (r == -EPROTO) {
		c->restart = true;
		tnl_carrier_lost(c, TUNNEL_REASON_FLOOD);
	} else if (r == -EKEYEXPIRED) {
		tnl_carrier_lost(c, TUNNEL_REASON_AEAD_LIMIT);
	} else if (r != -EAGAIN) {
		tnl_carrier_lost(c, TUNNEL_REASON_TRANSPORT);
	}
}

static void tx_work(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(work, struct tnl_carrier, tx_work);

	mutex_lock(&c->tx_lock);
	transmit(c, BUDGET);
	mutex_unlock(&c->tx_lock);
}

/*
 * A program begins what else @work does. Not one that dies: what memory it does not get
 * would cost the carrier. Nor while another has the socket: that one may be stopped, and
 * nobody shall wait for it but works.
 *
 * Return: false if the work will do it; true with @lock held.
 */
static bool begin_now(struct tnl_carrier *c, struct mutex *lock,
		      struct work_struct *work, struct tnl_direct *direct)
{
	/* Who holds it may have looked already. */
	if (!mutex_trylock(lock))
		goto leave_it;
	if (!c->stopped && !fatal_signal_pending(current) &&
	    !(current->flags & PF_EXITING) &&
	    !sock_owned_by_user_nocheck(c->sock->sk)) {
		tnl_direct_begin(direct);
		return true;
	}
	mutex_unlock(lock);
leave_it:
	tnl_watch_queue(&c->watch, work);
	return false;
}

static void end_now(struct mutex *lock, struct tnl_direct *direct)
{
	tnl_direct_end(direct);
	mutex_unlock(lock);
}

/**
 * tnl_carrier_send_now - send what there is, or have the work do it
 * @c: referenced
 * Context: process; a program that called send(), with none of our locks.
 */
void tnl_carrier_send_now(struct tnl_carrier *c)
{
	struct tnl_direct direct;

	if (!begin_now(c, &c->tx_lock, &c->tx_work, &direct))
		return;
	transmit(c, BUDGET_NOW);
	end_now(&c->tx_lock, &direct);
}

/* --- receiving ----------------------------------------------------------- */

/* Return: false if the lane has been taken from it meanwhile: what it says counts no more. */
static bool hello_through(struct tnl_carrier *c, struct tnl_hello *peer)
{
	c->rewind_to = peer->rx_offset;
	if (!tnl_lane_set_up(c->lane, c, peer))
		return false;
	c->hello_done = true;
	c->was_up = true;
	set_bit(TNL_CARRIER_REWIND, &c->bits);
	/* Pairs with the barrier in transmit(). */
	smp_wmb();
	set_bit(TNL_CARRIER_READY, &c->bits);
	cancel_delayed_work(&c->hello_timeout);
	tnl_watch_queue(&c->watch, &c->tx_work);
	trace_tunnel_carrier(c->tunnel->id, c->id, true, 0);
	tnl_notify_carrier(c, TUNNEL_CMD_CARRIER_UP, 0);
	net_info_ratelimited("%s: carrier %u is up\n", c->tunnel->name, c->id);
	return true;
}

/* The dialler spoke first; the answer decides where the lane goes on. */
static int dialler_hello(struct tnl_carrier *c, struct tnl_hello *peer)
{
	if (peer->epoch == c->lane->epoch)
		return TUNNEL_REASON_LOOP;
	if (peer->attach != c->lane->attach)
		return TUNNEL_REASON_PROTOCOL;
	if (tnl_lane_resume(c->lane, peer)) {
		/* The same HELLOs would fail again, for ever. */
		c->restart = true;
		return TUNNEL_REASON_PROTOCOL;
	}
	return hello_through(c, peer) ? 0 : TUNNEL_REASON_REPLACED;
}

/*
 * Stop what the lane is attached to, so that no byte of it is read any more.
 * Only then is our offset final. The lane has no carrier after this.
 */
static struct tnl_carrier *replace(struct tnl_lane *lane)
{
	struct tnl_carrier *old = lane->carrier;

	lockdep_assert_held(&lane->attach_lock);
	if (!old)
		return NULL;
	tnl_lane_take_down(lane);
	old->taken = true;
	if (!test_and_set_bit(TNL_CARRIER_LOST, &old->bits))
		old->reason = TUNNEL_REASON_REPLACED;
	tnl_carrier_stop(old);
	tnl_carrier_no_goaway_in_mid_frame(old);
	if (old->restart)
		tnl_lane_restart(lane, old->reason);
	TNL_INC(old->tn, carriers_replaced);
	return old;
}

static void hook_locked(struct tnl_carrier *c)
{
	struct tnl_lane *lane = c->lane;

	spin_lock(&lane->lock);
	lane->carrier = c;
	spin_unlock(&lane->lock);
}

/*
 * Listener: the dialler has a new carrier for this lane. A work of its own,
 * because it waits for the works of the old carrier.
 */
static void hello_work(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(work, struct tnl_carrier, hello_work);
	struct tnl_lane *lane = c->lane;
	struct tnl_hello *peer = &c->peer;
	struct tnl_carrier *old = NULL;
	int reason = 0;

	mutex_lock(&lane->attach_lock);
	if (lane->closed || c->taken) {
		reason = TUNNEL_REASON_ADMIN;
		goto out;
	}
	/* It broke behind its HELLO: it must not take the place of one that works. */
	if (test_bit(TNL_CARRIER_LOST, &c->bits)) {
		reason = TUNNEL_REASON_TRANSPORT;
		goto out;
	}
	if (peer->epoch == lane->epoch) {
		reason = TUNNEL_REASON_LOOP;
		goto out;
	}
	if (peer->epoch == lane->peer_epoch && peer->attach <= lane->attach) {
		reason = TUNNEL_REASON_STALE;
		goto out;
	}
	/* A new epoch from an old carrier is a late HELLO of a former life. */
	if (lane->peer_epoch && peer->epoch != lane->peer_epoch) {
		if ((s32)(c->id - lane->epoch_carrier) < 0) {
			reason = TUNNEL_REASON_STALE;
			goto out;
		}
	}
	old = replace(lane);
	if (peer->epoch != lane->peer_epoch)
		lane->epoch_carrier = c->id;
	if (tnl_lane_resume(lane, peer)) {
		reason = TUNNEL_REASON_PROTOCOL;
		goto out;
	}
	lane->attach = peer->attach;
	/* It has had nothing to send, but may be looking. */
	cancel_delayed_work_sync(&c->watch.retry);
	cancel_work_sync(&c->tx_work);
	queue_hello(c);
	list_del_init(&c->node);
	lane->n_pending--;
	hook_locked(c);
	/* It cannot have been taken: that needs attach_lock. */
	WARN_ON_ONCE(!hello_through(c, peer));
out:
	mutex_unlock(&lane->attach_lock);
	if (old)
		tnl_carrier_finish(old);
	if (reason) {
		if (!test_bit(TNL_CARRIER_LOST, &c->bits))
			c->goaway = reason;
		tnl_carrier_lost(c, reason);
	} else {
		/* Pairs with the barrier in feed(): hello_done is set. */
		smp_mb__before_atomic();
		clear_bit(TNL_CARRIER_PAUSED, &c->bits);
		tnl_watch_queue(&c->watch, &c->rx_work);
	}
	tnl_carrier_put(c);
}

/* Why the peer says good-bye; a reason of a later version is its own business. */
static u8 known_reason(u16 reason)
{
	return reason && reason <= TUNNEL_REASON_MAX ? reason : TUNNEL_REASON_ADMIN;
}

/* The peer's first frame is whole. Return: 0 or the reason to end. */
static int rx_hello(struct tnl_carrier *c, const struct tnl_frame *f)
{
	int err;

	if (f->type == TNL_GOAWAY) {
		c->refused = true;
		return known_reason(f->reason);
	}
	err = tnl_hello_decode(c->hello + TNL_HDR_LEN, f->length, &c->peer);
	if (err == -EPROTONOSUPPORT)
		return TUNNEL_REASON_VERSION;
	if (err || c->peer.lane != c->lane->index)
		return TUNNEL_REASON_PROTOCOL;
	if (c->peer.role == c->tunnel->role)
		return TUNNEL_REASON_LOOP;
	if (c->tunnel->role == TUNNEL_ROLE_DIAL)
		return dialler_hello(c, &c->peer);
	set_bit(TNL_CARRIER_PAUSED, &c->bits);
	refcount_inc(&c->ref);
	queue_work(tnl_wq, &c->hello_work);
	return 0;
}

/*
 * Gather the peer's first frame. Return: bytes taken, or the negative reason
 * for which the carrier ends.
 */
static int feed_hello(struct tnl_carrier *c, const u8 *data, unsigned int len)
{
	unsigned int want = TNL_HDR_LEN, n, used = 0;
	struct tnl_frame f;
	int reason;

	for (;;) {
		/* At once: what is no HELLO may have nothing behind its header. */
		if (c->hello_have >= TNL_HDR_LEN) {
			if (tnl_frame_decode(c->hello, &f) ||
			    (f.type != TNL_HELLO && f.type != TNL_GOAWAY))
				return -TUNNEL_REASON_PROTOCOL;
			want = TNL_HDR_LEN + f.length;
		}
		if (c->hello_have == want) {
			reason = rx_hello(c, &f);
			return reason ? -reason : used;
		}
		if (used == len)
			return used;
		n = min(len - used, want - c->hello_have);
		memcpy(c->hello + c->hello_have, data + used, n);
		c->hello_have += n;
		used += n;
	}
}

/* Return: 0, -ENOMEM to come back later, or -errno with the end under way. */
static int feed(struct tnl_carrier *c)
{
	while (c->rx_left) {
		int r;

		if (test_bit(TNL_CARRIER_PAUSED, &c->bits))
			return -EAGAIN;
		/* Who has been revoked in the middle of it opens nothing more. */
		if (test_bit(TNL_CARRIER_LOST, &c->bits))
			return -ECONNABORTED;
		/* Pairs with the barrier in hello_work(). */
		smp_rmb();
		if (c->hello_done) {
			r = tnl_lane_rx(c->lane, c->rx_page, c->rx_offset,
					c->rx_left);
			if (!r)
				return -ENOMEM;
			if (r == -EPROTO) {
				TNL_INC(c->tn, errors_protocol);
				c->restart = true;
				c->goaway = TUNNEL_REASON_PROTOCOL;
				tnl_carrier_lost(c, TUNNEL_REASON_PROTOCOL);
			} else if (r == -ECONNABORTED) {
				c->restart = true;
				tnl_carrier_lost(c, known_reason(c->lane->rx.frame.reason));
			}
		} else {
			r = feed_hello(c, page_address(c->rx_page) + c->rx_offset,
				       c->rx_left);
			if (r < 0) {
				if (!c->refused)
					c->goaway = -r;
				tnl_carrier_lost(c, -r);
			}
		}
		if (r < 0)
			return -ECONNABORTED;
		c->rx_offset += r;
		c->rx_left -= r;
	}
	if (c->rx_page) {
		put_page(c->rx_page);
		c->rx_page = NULL;
	}
	return 0;
}

/* Return: bytes, 0 at the end of the stream, -errno. */
static int recv_record(struct tnl_carrier *c)
{
	struct tnl_pool *pool = &c->lane->pool;
	unsigned int len, offset;
	struct page *page;
	u8 type;
	int r;

	len = tnl_ktls_record_len(c->sock->sk);
	if (!len) {
		if (tnl_ktls_idle(c->sock->sk))
			return -EAGAIN;
		len = TNL_RECORD_MAX;
	}
	/*
	 * A pending carrier has no pool: the lane's belongs to the attached one.
	 * What it says is one small frame.
	 */
	if (c->hello_done) {
		page = tnl_pool_get(pool, len, &offset);
		if (!page)
			return -ENOMEM;
		get_page(page);
	} else {
		page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_COMP | __GFP_NOWARN,
				   get_order(TNL_RECORD_MAX));
		if (!page)
			return -ENOMEM;
		TNL_INC(c->tn, page_allocs);
		offset = 0;
	}
	r = tnl_ktls_recv(c->sock, page, offset, len, &type);
	if (r <= 0) {
		put_page(page);
		return r;
	}
	if (c->hello_done)
		tnl_pool_used(pool, r);
	TNL_INC(c->tn, records_rx);
	if (++c->rx_records >= TNL_RECORDS_MAX)
		tnl_carrier_lost(c, TUNNEL_REASON_AEAD_LIMIT);
	c->rx_bytes += r;
	WRITE_ONCE(c->last_rx, jiffies);
	if (type != TLS_RECORD_TYPE_DATA) {
		/* close_notify, another alert, a renegotiation: all end it. */
		TNL_INC(c->tn, records_control_rx);
		put_page(page);
		return 0;
	}
	c->rx_page = page;
	c->rx_offset = offset;
	c->rx_left = r;
	return r;
}

static void receive(struct tnl_carrier *c, int budget)
{
	int r = 0;

	lockdep_assert_held(&c->rx_lock);
	if (c->stopped)
		return;
	if (test_and_clear_bit(TNL_CARRIER_TRIM, &c->bits) && c->hello_done &&
	    time_after(jiffies, READ_ONCE(c->last_rx) + HZ))
		tnl_pool_trim(&c->lane->pool);

	while (budget--) {
		if (test_bit(TNL_CARRIER_LOST, &c->bits) ||
		    test_bit(TNL_CARRIER_PAUSED, &c->bits))
			return;
		r = feed(c);
		if (r)
			break;
		/* Its HELLO is in; hello_work has us run again. */
		if (test_bit(TNL_CARRIER_PAUSED, &c->bits))
			return;
		r = recv_record(c);
		if (r <= 0)
			break;
		cond_resched();
	}
	if (c->hello_done)
		tnl_lane_rx_end(c->lane);
	if (r > 0) {
		tnl_watch_queue(&c->watch, &c->rx_work);
	} else if (r == -ENOMEM) {
		TNL_INC(c->tn, retries_armed);
		tnl_watch_retry(&c->watch);
	} else if (r != -EAGAIN) {
		tnl_carrier_lost(c, TUNNEL_REASON_TRANSPORT);
	}
}

static void rx_work(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(work, struct tnl_carrier, rx_work);

	mutex_lock(&c->rx_lock);
	receive(c, BUDGET);
	mutex_unlock(&c->rx_lock);
}

/**
 * tnl_carrier_receive_now - receive what there is, for all sessions
 * @c: referenced
 * Context: process; a program that waits in recv(), with none of our locks.
 */
void tnl_carrier_receive_now(struct tnl_carrier *c)
{
	struct tnl_direct direct;

	if (!begin_now(c, &c->rx_lock, &c->rx_work, &direct))
		return;
	receive(c, RECORDS_NOW);
	end_now(&c->rx_lock, &direct);
}

static void hello_timeout(struct work_struct *work)
{
	struct tnl_carrier *c = container_of(to_delayed_work(work),
					     struct tnl_carrier, hello_timeout);

	if (!test_bit(TNL_CARRIER_READY, &c->bits))
		tnl_carrier_lost(c, TUNNEL_REASON_TIMED_OUT);
}

/* --- the beginning ------------------------------------------------------- */

/* May it be this peer? lane.attach_lock held */
static int check_peer(struct tnl_tunnel *t, const struct tnl_shown *peer,
		      struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&t->lane.attach_lock);
	if (tnl_identity_accepts(t->identity, peer))
		return 0;
	if (tnl_identity_way(t->identity) == TNL_IDENTITY_BY_CA)
		NL_SET_ERR_MSG(extack,
			       "attribute REVISION is not that of the tunnel: who its peer may be has changed since the handshake");
	else
		NL_SET_ERR_MSG(extack, "the peer's key is not one that this tunnel is pinned to");
	return -EKEYREJECTED;
}

/* Make it the lane's. Return: 0 or -errno; @old is what it took the place of. */
static int hook(struct tnl_carrier *c, struct tnl_carrier **old,
		struct netlink_ext_ack *extack)
{
	struct tnl_lane *lane = c->lane;
	int err;

	mutex_lock(&lane->attach_lock);
	err = check_peer(c->tunnel, &c->peer_is, extack);
	if (err) {
		/* It was the right one when the handshake began. */
	} else if (lane->closed) {
		NL_SET_ERR_MSG(extack, "the tunnel is being removed");
		err = -ESHUTDOWN;
	} else if (c->tunnel->role == TUNNEL_ROLE_LISTEN) {
		if (lane->n_pending >= TNL_PENDING_MAX) {
			NL_SET_ERR_MSG(extack,
				       "too many carriers of this tunnel wait for the peer's HELLO: try again in a few seconds");
			err = -EBUSY;
		} else {
			list_add_tail(&c->node, &lane->pending);
			lane->n_pending++;
			tnl_watch_start(&c->watch, c->sock);
		}
	} else {
		*old = replace(lane);
		lane->attach++;
		queue_hello(c);
		hook_locked(c);
		tnl_watch_start(&c->watch, c->sock);
	}
	if (!err)
		queue_delayed_work(tnl_wq, &c->hello_timeout, TNL_HELLO_TIMEOUT);
	mutex_unlock(&lane->attach_lock);
	return err;
}

/**
 * tnl_carrier_attach - take a keyed socket over from the daemon
 * @t: the tunnel
 * @fd: of the calling process; it may close it afterwards
 * @peer: who the daemon has verified the peer to be
 * @id: result
 * @extack: gets the sentence of a refusal
 *
 * Fails closed: what is not provably encrypted in both directions, by an
 * allowed cipher, for the peer the tunnel is pinned to, is not touched.
 *
 * Context: process of the daemon.
 * Return: 0, or -errno with the fd as it was.
 */
int tnl_carrier_attach(struct tnl_tunnel *t, int fd, const struct tnl_shown *peer, u32 *id,
		       struct netlink_ext_ack *extack)
{
	struct tnl_carrier *c, *old = NULL;
	struct socket *sock;
	int err;

	sock = tnl_handover(t->tn, fd, false, extack);
	if (IS_ERR(sock)) {
		err = PTR_ERR(sock);
		if (err != -EBADF && err != -ENOTSOCK)
			TNL_INC(t->tn, carriers_refused);
		return err;
	}
	err = -ENOTCONN;
	if (READ_ONCE(sock->sk->sk_state) != TCP_ESTABLISHED) {
		NL_SET_ERR_MSG(extack, "the carrier socket is not connected any more: the peer has closed it");
		goto put_sock;
	}

	err = -ENOMEM;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		goto put_sock;
	err = tnl_ktls_check(sock, t->ciphers, &c->ktls, extack);
	if (err)
		goto free;
	/* What is refused is not touched; but hook() decides. */
	mutex_lock(&t->lane.attach_lock);
	err = check_peer(t, peer, extack);
	mutex_unlock(&t->lane.attach_lock);
	if (err)
		goto free;

	refcount_set(&c->ref, 1);
	c->id = atomic_inc_return(&t->tn->next_carrier_id);
	c->tn = t->tn;
	c->lane = &t->lane;
	c->tunnel = t;
	tnl_tunnel_hold(t);
	c->peer_is = *peer;
	c->sock = sock;
	c->file = sock->file;
	c->attached_at = jiffies;
	c->last_rx = jiffies;
	c->heard = jiffies;
	INIT_LIST_HEAD(&c->node);
	mutex_init(&c->tx_lock);
	mutex_init(&c->rx_lock);
	tnl_chunkq_init(&c->out);
	INIT_WORK(&c->rx_work, rx_work);
	INIT_WORK(&c->tx_work, tx_work);
	INIT_WORK(&c->hello_work, hello_work);
	INIT_WORK(&c->end_work, tnl_carrier_end_work);
	INIT_DELAYED_WORK(&c->hello_timeout, hello_timeout);
	INIT_DELAYED_WORK(&c->drain, tnl_carrier_drain_work);
	tnl_watch_init(&c->watch, tnl_wq, &c->rx_work, &c->tx_work);
	if (t->direct)
		tnl_duty_init(&c->duty, &c->watch);

	err = reserve_own(c);
	if (err)
		goto free_carrier;
	err = tnl_watch_claim(&c->watch, sock);
	if (err) {
		NL_SET_ERR_MSG(extack, "the socket is in use by another part of the kernel (attached already?)");
		goto free_carrier;
	}
	tnl_sock_adopt(sock, true);
	*id = c->id;
	err = hook(c, &old, extack);
	if (old)
		tnl_carrier_finish(old);
	if (err) {
		tnl_watch_stop(&c->watch);
		tnl_watch_release(&c->watch);
		goto free_carrier;
	}
	TNL_INC(t->tn, carriers_attached);
	tnl_net_linger(t->tn);
	return 0;

free_carrier:
	carrier_free(c);
	goto put_sock;
free:
	kfree(c);
put_sock:
	sockfd_put(sock);
	TNL_INC(t->tn, carriers_refused);
	return err;
}
