// SPDX-License-Identifier: GPL-2.0
#include "af_tunnel.h"
#include "carrier.h"

/* Bytes copied from the program at once: a full frame. */
#define SEND_MAX (64u << 10)

/*
 * Room for bytes behind @q. In front of the first ones, if nothing waits before them,
 * room for a frame's header too: it and they will be one slice.
 */
static struct page_frag *more_room(struct sock *sk, struct tnl_chunkq *q)
{
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	struct page_frag *pf = sk_page_frag(sk);

	if (tnl_chunkq_reserve(q, 1, GFP_KERNEL) ||
	    !skb_page_frag_refill(2 * TNL_HDR_LEN, pf, sk->sk_allocation))
		return NULL;
	if (!q->len && !READ_ONCE(s->txq.len)) {
		pf->offset += TNL_HDR_LEN;
		q->hole = TNL_HDR_LEN;
	}
	return pf;
}

/*
 * One copy, from the program into pages that nobody else can write to. Also of
 * what sendfile() and splice() bring: their pages may change later.
 *
 * Return: bytes, short at a page fault; or -ENOMEM, -EFAULT if there were none.
 */
static int copy_in(struct sock *sk, struct tnl_chunkq *q, struct iov_iter *from,
		   u32 len)
{
	u32 done = 0;

	while (done < len) {
		struct page_frag *pf = more_room(sk, q);
		u32 n, copied;

		if (!pf)
			return done ? done : -ENOMEM;
		n = min(len - done, pf->size - pf->offset);
		copied = copy_page_from_iter(pf->page, pf->offset, n, from);
		if (copied) {
			tnl_chunkq_append(q, pf->page, pf->offset, copied);
			pf->offset += copied;
			done += copied;
		}
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static int put_header(struct sock *sk, struct tnl_chunkq *q, u32 len)
{
	struct page_frag *pf = more_room(sk, q);

	if (!pf)
		return -ENOMEM;
	tnl_put32(page_address(pf->page) + pf->offset, len);
	tnl_chunkq_append(q, pf->page, pf->offset, TNL_MESSAGE_HDR);
	pf->offset += TNL_MESSAGE_HDR;
	return 0;
}

/* Is this direction over? The reason is in sk_err, or it is EPIPE. */
static bool closed(struct sock *sk, struct tnl_session *s)
{
	return READ_ONCE(sk->sk_err) || sk->sk_shutdown & SEND_SHUTDOWN ||
	       tnl_session_tx_closed(s);
}

static bool can_send(struct sock *sk, struct tnl_session *s, u32 want)
{
	return closed(sk, s) || tnl_session_room(s, want) >= want;
}

/* Most bytes that wait for their frame. */
static u32 tx_max(const struct sock *sk)
{
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return clamp_t(u32, READ_ONCE(sk->sk_sndbuf) / 2, SOCK_MIN_SNDBUF,
			       TNL_TXQ_MAX);
	return TNL_TXQ_MAX;
}

/**
 * tnl_sock_tx_want - how much room makes a socket writable?
 * @sk: the socket
 * @s: its session
 *
 * Messages go whole or not at all: only when the largest fits it can be said
 * that the next one will.
 */
u32 tnl_sock_tx_want(const struct sock *sk, const struct tnl_session *s)
{
	if (!tnl_sock_messages(sk))
		return 1;
	return min(READ_ONCE(s->tx_max), TNL_MESSAGE_HDR + TNL_MESSAGE_MAX);
}

/* tnl_sock_limits - the session gets to know SO_SNDBUF and SO_RCVBUF; socket lock */
void tnl_sock_limits(struct sock *sk)
{
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	u32 window = TNL_WINDOW_MAX;

	if (!s)
		return;
	/* The kernel doubles what a program asks for. */
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		window = min_t(u32, READ_ONCE(sk->sk_rcvbuf) / 2, TNL_WINDOW_MAX);
	tnl_session_limits(s, tx_max(sk), window);
}

/* @kick: result: the lane wants one */
static int send_stream(struct sock *sk, struct msghdr *msg, long timeo, bool *kick)
{
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	struct tnl_chunkq q;
	int sent = 0, err = 0;

	while (msg_data_left(msg)) {
		u64 room;
		u32 want;
		int n;

		/* There is more to come: the work sends meanwhile. */
		if (*kick)
			tnl_lane_kick(s->lane);
		*kick = false;
		err = -EPIPE;
		if (closed(sk, s))
			break;
		room = tnl_session_room(s, 1);
		if (!room) {
			err = tnl_sock_wait(sk, &timeo, can_send, 1);
			if (err)
				break;
			continue;
		}
		want = min3(room, (u64)msg_data_left(msg), (u64)SEND_MAX);
		err = -ENOBUFS;
		if (!tnl_sock_charge(sk, SK_MEM_SEND, want))
			break;
		tnl_chunkq_init(&q);
		n = copy_in(sk, &q, &msg->msg_iter, want);
		if (n < (int)want)
			tnl_sock_uncharge(sk, SK_MEM_SEND, want - max(n, 0));
		err = n;
		if (n <= 0) {
			tnl_chunkq_purge(&q);
			break;
		}
		err = tnl_session_queue(s, &q, false);
		if (err < 0) {
			err = -EPIPE;
			tnl_sock_uncharge(sk, SK_MEM_SEND, n);
			break;
		}
		*kick = err;
		sent += n;
		err = 0;
	}
	return sent ? sent : err;
}

/* Queue a message that has been copied. */
static int send_whole(struct sock *sk, struct tnl_session *s, struct tnl_chunkq *q,
		      long timeo, bool *kick)
{
	u32 len = q->len;
	int err;

	for (;;) {
		if (closed(sk, s))
			return -EPIPE;
		/* Another thread has made the buffer smaller. */
		if (len > READ_ONCE(s->tx_max))
			return -EMSGSIZE;
		if (tnl_session_room(s, len) >= len) {
			err = tnl_session_queue(s, q, false);
			*kick = err > 0;
			return err < 0 ? -EPIPE : 0;
		}
		err = tnl_sock_wait(sk, &timeo, can_send, len);
		if (err)
			return err;
	}
}

static int send_message(struct sock *sk, struct msghdr *msg, size_t len, long timeo,
			bool *kick)
{
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	size_t before = msg_data_left(msg);
	struct tnl_chunkq q;
	u32 all;
	int err;

	if (len > TNL_MESSAGE_MAX || len + TNL_MESSAGE_HDR > tx_max(sk))
		return -EMSGSIZE;
	if (closed(sk, s))
		return -EPIPE;
	all = len + TNL_MESSAGE_HDR;
	if (!tnl_sock_charge(sk, SK_MEM_SEND, all))
		return -ENOBUFS;
	/* Before it waits: what is sent later is what it was at the call. */
	tnl_chunkq_init(&q);
	err = put_header(sk, &q, len);
	if (!err && len) {
		err = copy_in(sk, &q, &msg->msg_iter, len);
		if (err >= 0)
			err = q.len < all ? -EFAULT : 0;
	}
	if (!err)
		err = send_whole(sk, s, &q, timeo, kick);
	if (!err)
		return len;
	/* Nothing was sent: who tries again (io_uring) does so by the same iterator. */
	iov_iter_revert(&msg->msg_iter, before - msg_data_left(msg));
	tnl_chunkq_purge(&q);
	tnl_sock_uncharge(sk, SK_MEM_SEND, all);
	return err;
}

/*
 * Is it the first thing sent since something came? A request, or an answer: what follows
 * waits for the other side, so there is nothing to be gathered with it. Who sends one
 * thing after the other is better served by the work.
 */
static bool takes_turns(struct tnl_sock *tsk, const struct tnl_session *s)
{
	u64 received = READ_ONCE(s->rx.received) + 1;
	bool turn = received != tsk->turn;

	tsk->turn = received;
	return turn;
}

/* Let the lane send. Return: the carrier, referenced, if the caller shall do it. */
static struct tnl_carrier *kick_lane(struct sock *sk, int flags)
{
	struct tnl_session *s = tnl_sock_session(tnl_sk(sk));
	struct tnl_carrier *c = NULL;

	/* Not who may not wait: it would, for the carrier's socket. */
	if (tnl_sk(sk)->direct && !(flags & (MSG_MORE | MSG_DONTWAIT)) &&
	    takes_turns(tnl_sk(sk), s))
		c = tnl_lane_carrier(s->lane);
	if (!c)
		tnl_lane_kick(s->lane);
	return c;
}

int tnl_sock_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	struct tnl_carrier *c = NULL;
	bool kick = false;
	int ret;

	if (msg->msg_flags & MSG_OOB || msg->msg_controllen)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return sock->state == SS_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	lock_sock(sk);
	ret = tnl_sock_wait_connect(sk, &timeo);
	/* One that ended is not one that never was: that is EPIPE, or the reason. */
	if (!ret && sock->state != SS_CONNECTED)
		ret = sock_error(sk) ?: -ENOTCONN;
	if (!ret) {
		tnl_sock_limits(sk);
		ret = tnl_sock_messages(sk) ? send_message(sk, msg, len, timeo, &kick) :
					      send_stream(sk, msg, timeo, &kick);
	}
	if (kick)
		c = kick_lane(sk, msg->msg_flags);
	/* If a reset closed it, its reason is told, not EPIPE. */
	if (ret == -EPIPE)
		tnl_session_told(tnl_sock_session(tnl_sk(sk)));
	if (ret < 0)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
	release_sock(sk);
	/* Without the lock: others may read meanwhile. */
	if (c) {
		if (READ_ONCE(tnl_sk(sk)->waits))
			tnl_duty_soon(&c->duty);
		tnl_carrier_send_now(c);
		tnl_carrier_put(c);
	}
	return ret;
}
