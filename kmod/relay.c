// SPDX-License-Identifier: GPL-2.0
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/tunnel.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "ktls.h"
#include "local.h"
#include "relay.h"
#include "service.h"
#include "session.h"
#include "take.h"
#include "tunnel.h"

/* Bytes taken from a local connection at once: a full frame and some. */
#define READ_MAX (128u << 10)
#define BUDGET 16
#define SLICES 32
/* A closing connection whose peer acknowledges nothing for so long is over, */
#define CLOSING_TIME (60 * HZ)
/* or for so many retransmission time-outs, if that is longer. */
#define CLOSING_RTOS 3
#define RTO_MOST (120 * HZ)
/* Who was refused may take this long to read it, and so many may. */
#define REFUSED_TIME (5 * HZ)
#define REFUSED_MAX 1024
/* SYN is sent this often again: about 15 seconds. */
#define SYN_RETRIES 3

/* --- what the session tells us; under its lock ---------------------------- */

static void on_readable(void *ep)
{
	struct tnl_relay *r = ep;

	tnl_watch_queue(&r->watch, &r->down_work);
}

static void on_writable(void *ep)
{
	struct tnl_relay *r = ep;

	tnl_watch_queue(&r->watch, &r->up_work);
}

static void on_reset(void *ep, u8 reason)
{
	struct tnl_relay *r = ep;

	set_bit(TNL_RELAY_RESET, &r->bits);
	tnl_watch_queue(&r->watch, &r->up_work);
}

const struct tnl_endpoint_ops tnl_relay_ops = {
	.kind = TUNNEL_ENDPOINT_RELAY,
	.readable = on_readable,
	.writable = on_writable,
	.reset = on_reset,
};

/* --- local -> session ------------------------------------------------------ */

/* tnl_relay_fail - its end has a reason; up_work is to be queued */
void tnl_relay_fail(struct tnl_relay *r, u8 reason)
{
	r->reason = reason;
	set_bit(TNL_RELAY_FAILED, &r->bits);
}

/* What was read before it came to us, as credit allows. Return: true: and now the socket. */
static bool send_ahead(struct tnl_relay *r)
{
	struct tnl_chunkq q;

	tnl_chunkq_init(&q);
	tnl_chunkq_move(&q, &r->ahead, min(tnl_session_room(r->session, 1), r->ahead.len));
	if (q.len)
		tnl_session_send(r->session, &q, false);
	else if (tnl_session_room(r->session, 1))
		tnl_watch_retry(&r->watch);	/* no memory */
	return !r->ahead.len;
}

/* One pass. Return: true if there may be more to take at once. */
static bool read_local(struct tnl_relay *r)
{
	struct tnl_take t = { .tn = r->tn };
	bool eof = tnl_local_eof(&r->local);
	int n;

	/*
	 * In this order: what came before the FIN is in the queue then; and if it was no
	 * FIN but a reset, that shows (pairs with the barrier in tcp_reset()).
	 */
	smp_rmb();
	if (tnl_local_broken(&r->local)) {
		tnl_relay_fail(r, TUNNEL_REASON_RESET);
		return false;
	}
	if (r->ahead.len && !tnl_session_tx_closed(r->session) && !send_ahead(r))
		return false;
	if (tnl_local_empty(&r->local)) {
		tnl_chunkq_init(&t.q);
		if (eof) {
			set_bit(TNL_RELAY_UP_DONE, &r->bits);
			tnl_session_send(r->session, &t.q, true);
			tnl_local_half_closed(&r->local);
		}
		return false;
	}
	if (tnl_session_tx_closed(r->session)) {
		/* The peer reads no more; what it sent is still on its way down. */
		set_bit(TNL_RELAY_UP_DONE, &r->bits);
		return false;
	}

	t.room = min_t(u64, tnl_session_room(r->session, 1), READ_MAX);
	if (!t.room)
		return false;
	tnl_chunkq_init(&t.q);
	n = tnl_local_take(&r->local, &t);
	if (t.q.len)
		tnl_session_send(r->session, &t.q, false);
	else
		tnl_chunkq_purge(&t.q);
	if (t.err == -ENOMEM) {
		TNL_INC(r->tn, retries_armed);
		tnl_watch_retry(&r->watch);
		return false;
	}
	if (t.err || n < 0) {
		tnl_relay_fail(r, n == -ENOBUFS ? TUNNEL_REASON_NO_MEMORY : TUNNEL_REASON_RESET);
		return false;
	}
	/* A FIN that was eaten just now shows in the next pass. */
	return n > 0 || tnl_local_eof(&r->local);
}

/* --- session -> local ------------------------------------------------------ */

static void set_blocked(struct tnl_relay *r, bool blocked)
{
	WRITE_ONCE(r->session->local_blocked, blocked);
}

/*
 * The local connection broke. If it had ended its direction before, what it
 * said is whole: that goes out first, and what comes in meanwhile is dropped.
 */
static void local_error(struct tnl_relay *r)
{
	if (test_bit(TNL_RELAY_UP_DONE, &r->bits) &&
	    !tnl_session_end_framed(r->session)) {
		set_bit(TNL_RELAY_DEAF, &r->bits);
		tnl_watch_queue(&r->watch, &r->down_work);
		return;
	}
	/* The program is gone; what it said last is not. */
	if (r->local.kind == TNL_LOCAL_UNIX && !test_bit(TNL_RELAY_UP_DONE, &r->bits)) {
		set_bit(TNL_RELAY_DEAF, &r->bits);
		tnl_watch_queue(&r->watch, &r->down_work);
		return;
	}
	tnl_relay_fail(r, TUNNEL_REASON_RESET);
}

static void discard(struct tnl_relay *r)
{
	bool end;
	u32 len;

	tnl_session_recv(r->session, &r->out, &end);
	len = r->out.len;
	tnl_chunkq_purge(&r->out);
	if (len)
		tnl_session_consumed(r->session, len);
}

/* Before an attempt: space may come between failure and flag. */
static void expect_space(struct tnl_relay *r)
{
	set_bit(TNL_WATCH_TX_BLOCKED, &r->watch.flags);
	/* Pairs with the barrier of TCP before it wakes writers (tcp_check_space()). */
	smp_mb__after_atomic();
}

/* There is none: when it comes we are woken. Of memory nobody tells us: we look again. */
static void await_space(struct tnl_relay *r, bool memory)
{
	set_blocked(r, true);
	if (memory || tnl_local_short(&r->local)) {
		TNL_INC(r->tn, retries_armed);
		tnl_watch_retry(&r->watch);
	}
}

/* All that the peer said is in the local connection: now its end. */
static void end_local(struct tnl_relay *r)
{
	int err;

	expect_space(r);
	err = tnl_local_fin(&r->local);
	if (err == -EAGAIN || err == -ENOMEM) {
		await_space(r, err == -ENOMEM);
		return;
	}
	clear_bit(TNL_WATCH_TX_BLOCKED, &r->watch.flags);
	set_blocked(r, false);
	if (!err)
		set_bit(TNL_RELAY_DOWN_DONE, &r->bits);
	else
		local_error(r);
	tnl_watch_queue(&r->watch, &r->up_work);
}

/* Return: false when it has to wait or is through. */
static bool write_local(struct tnl_relay *r)
{
	struct tnl_chunk_pos head = {};
	struct bio_vec bv[SLICES];
	unsigned int n;
	ssize_t sent;
	bool end;
	u32 len;

	if (test_bit(TNL_RELAY_DEAF, &r->bits)) {
		discard(r);
		return false;
	}
	if (tnl_chunkq_empty(&r->out)) {
		if (test_bit(TNL_RELAY_ENDING, &r->bits)) {
			end_local(r);
			return false;
		}
		if (!tnl_session_recv(r->session, &r->out, &end))
			return false;
		if (tnl_chunkq_empty(&r->out)) {
			if (!end)
				return false;
			set_bit(TNL_RELAY_ENDING, &r->bits);
			return true;
		}
	}

	n = tnl_chunk_peek(&r->out, &head, bv, SLICES, U32_MAX, &len);
	expect_space(r);
	sent = tnl_local_give(r->tn, &r->local, bv, n, len, len < r->out.len);
	if (sent > 0) {
		clear_bit(TNL_WATCH_TX_BLOCKED, &r->watch.flags);
		set_blocked(r, false);
		tnl_chunkq_trim(&r->out, sent);
		tnl_session_consumed(r->session, sent);
		return true;
	}
	if (sent == -EAGAIN) {
		await_space(r, false);
		return false;
	}
	local_error(r);
	tnl_watch_queue(&r->watch, &r->up_work);
	return false;
}

/*
 * kTLS has taken all there was, and may not have had the memory to pass it on; nothing may
 * follow that would push it.
 */
static void settle(struct tnl_relay *r)
{
	if (r->local.kind == TNL_LOCAL_TLS && tnl_chunkq_empty(&r->out) &&
	    tnl_ktls_push(r->local.sock->sk)) {
		TNL_INC(r->tn, retries_armed);
		tnl_watch_retry(&r->watch);
	}
}

static void down_work(struct work_struct *work)
{
	struct tnl_relay *r = container_of(work, struct tnl_relay, down_work);
	int budget = BUDGET;

	/* Pairs with the release in tnl_relay_set_state(). */
	if (smp_load_acquire(&r->state) != TNL_RELAY_OPEN)
		return;
	while (budget--) {
		if (r->bits & (BIT(TNL_RELAY_RESET) | BIT(TNL_RELAY_FAILED) |
			       BIT(TNL_RELAY_DOWN_DONE)))
			return;
		if (!write_local(r)) {
			settle(r);
			return;
		}
	}
	tnl_watch_queue(&r->watch, &r->down_work);
}

/* --- life ------------------------------------------------------------------ */

/* tnl_relay_die - have it freed: its works do nothing any more */
void tnl_relay_die(struct tnl_relay *r)
{
	struct tnl_net *tn = r->tn;

	tnl_relay_set_state(r, TNL_RELAY_DEAD);
	spin_lock(&tn->reap_lock);
	list_move_tail(&r->node, &tn->dead);
	spin_unlock(&tn->reap_lock);
	/* It may be freed by now. */
	queue_work(tnl_wq, &tn->reap);
}

/*
 * The connection may outlive session and tunnel from here on. Both directions
 * are through, or both works do nothing: nobody looks at them any more.
 */
static void leave_tunnel(struct tnl_relay *r)
{
	struct tnl_tunnel *t = r->tunnel;

	if (!t)
		return;
	if (r->session)
		tnl_session_put(r->session);
	r->session = NULL;
	r->tunnel = NULL;
	atomic_dec(&t->relays);
	wake_up_all(&r->tn->idle);
	tnl_tunnel_put(t);
}

/* End with RST; the session has ended or is ended by the caller. */
static void abort_local(struct tnl_relay *r)
{
	if (r->local.sock) {
		sock_no_linger(r->local.sock->sk);
		TNL_INC(r->tn, local_aborts);
	}
	tnl_session_detach(r->session);
	tnl_relay_die(r);
}

static u8 connect_reason(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -EACCES:
	case -EPERM:
		return TUNNEL_REASON_REFUSED;
	case -ETIMEDOUT:
		return TUNNEL_REASON_TIMED_OUT;
	case -ENOMEM:
	case -ENOBUFS:
	case -ENFILE:	/* no memory for an inode */
		return TUNNEL_REASON_NO_MEMORY;
	}
	return TUNNEL_REASON_UNREACHABLE;
}

static void connect_failed(struct tnl_relay *r, int err)
{
	TNL_INC(r->tn, local_connects_failed);
	net_info_ratelimited("%s: service %s: no connection to its target %pISpc: error %d\n",
			     r->tunnel->name, r->session->service, &r->target, err);
	tnl_relay_fail(r, connect_reason(err));
}

static void begin_connect(struct tnl_relay *r)
{
	const struct cred *old = override_creds(r->cred);
	int err;

	/* The result of a connect may come before the call returns. */
	tnl_relay_set_state(r, TNL_RELAY_CONNECTING);
	err = sock_create_kern(r->tn->net, r->target.ss_family, SOCK_STREAM,
			       IPPROTO_TCP, &r->local.sock);
	if (!err) {
		tnl_local_adopt(&r->local, r->local.sock, TNL_LOCAL_TCP);
		tcp_sock_set_syncnt(r->local.sock->sk, SYN_RETRIES);
		tnl_watch_start(&r->watch, r->local.sock);
		err = kernel_connect(r->local.sock, tnl_sockaddr(&r->target),
				     tnl_sockaddr_len(&r->target), O_NONBLOCK);
	}
	revert_creds(old);
	if (err && err != -EINPROGRESS)
		connect_failed(r, err);
}

/* The local connection is there: bytes flow. */
static void open_relay(struct tnl_relay *r)
{
	TNL_INC(r->tn, local_connects);
	tnl_session_accept(r->session);
	tnl_relay_set_state(r, TNL_RELAY_OPEN);
	tnl_watch_queue(&r->watch, &r->down_work);
}

static void check_connect(struct tnl_relay *r)
{
	struct sock *sk = r->local.sock->sk;
	/* Pairs with the release in inet_sk_state_store(). */
	int state = smp_load_acquire(&sk->sk_state);

	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return;
	if (state == TCP_CLOSE) {
		int err = sock_error(sk);

		connect_failed(r, err ? err : -ECONNREFUSED);
		return;
	}
	open_relay(r);
}

/* The daemon may have connected it. */
static void take_answer(struct tnl_relay *r)
{
	struct socket *sock;

	spin_lock(&r->session->lock);
	sock = r->answer;
	r->answer = NULL;
	spin_unlock(&r->session->lock);
	if (!sock)
		return;
	cancel_delayed_work_sync(&r->deadline);
	if (tnl_watch_claim(&r->watch, sock)) {
		/* Between look and claim somebody else has got it. */
		sockfd_put(sock);
		tnl_relay_fail(r, TUNNEL_REASON_UNREACHABLE);
		return;
	}
	tnl_local_adopt(&r->local, sock, r->answer_kind);
	WRITE_ONCE(r->file, sock->file);
	tnl_watch_start(&r->watch, sock);
	tnl_net_linger(r->tn);
	if (!test_bit(TNL_RELAY_FAILED, &r->bits))
		open_relay(r);
}

static void watch_acks(struct tnl_relay *r)
{
	const struct tcp_sock *tp = tcp_sk(r->local.sock->sk);
	/* Not icsk_rto, which doubles while nothing comes. */
	u32 rto_us = (READ_ONCE(tp->srtt_us) >> 3) + READ_ONCE(tp->rttvar_us);
	unsigned long rto = min_t(unsigned long, usecs_to_jiffies(rto_us), RTO_MOST);

	r->acked = READ_ONCE(tp->snd_una);
	queue_delayed_work(tnl_wq, &r->deadline,
			   max_t(unsigned long, CLOSING_TIME, CLOSING_RTOS * rto));
}

/*
 * Releasing a socket of the kernel's own stops its timers (tcp_close() does
 * that when there is no reference on the namespace): one lost segment would
 * truncate the stream. So it is kept until the peer has acknowledged all.
 */
static void begin_closing(struct tnl_relay *r)
{
	tnl_session_detach(r->session);
	leave_tunnel(r);
	tnl_relay_set_state(r, TNL_RELAY_CLOSING);
	if (tnl_local_over(&r->local))
		tnl_watch_queue(&r->watch, &r->up_work);
	else
		watch_acks(r);
}

/*
 * The peer did not accept it: the program is told so, in its own protocol, before the
 * end. Return: false if that cannot be; then it gets a reset.
 */
static bool refuse_local(struct tnl_relay *r)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec v = { .iov_base = r->refusal, .iov_len = r->refusal_len };

	if (!r->refusal_len || r->state != TNL_RELAY_OPEN ||
	    READ_ONCE(r->session->flags) & TNL_S_ACCEPTED ||
	    test_bit(TNL_RELAY_FAILED, &r->bits))
		return false;
	/* It looks at the session, which we leave; the bit keeps it from looking again. */
	cancel_work_sync(&r->down_work);
	/* They belong to no tunnel any more, whose limits would count them. */
	if (atomic_inc_return(&r->tn->refused) > REFUSED_MAX) {
		atomic_dec(&r->tn->refused);
		return false;
	}
	set_bit(TNL_RELAY_REFUSED, &r->bits);
	if (kernel_sendmsg(r->local.sock, &msg, &v, 1, v.iov_len) != v.iov_len ||
	    tnl_local_fin(&r->local))
		return false;
	tnl_chunkq_purge(&r->ahead);
	begin_closing(r);
	if (!tnl_local_over(&r->local))
		mod_delayed_work(tnl_wq, &r->deadline, REFUSED_TIME);
	return true;
}

/*
 * Nobody has said where it leads; or it is closing. Over a slow link the last bytes may
 * take their time, as long as they move.
 */
static void deadline(struct work_struct *work)
{
	struct tnl_relay *r = container_of(to_delayed_work(work),
					   struct tnl_relay, deadline);

	/* Pairs with the release in tnl_relay_set_state(). */
	if (smp_load_acquire(&r->state) == TNL_RELAY_CLOSING &&
	    READ_ONCE(tcp_sk(r->local.sock->sk)->snd_una) != r->acked &&
	    !test_bit(TNL_RELAY_REFUSED, &r->bits)) {
		watch_acks(r);
		return;
	}
	tnl_relay_fail(r, TUNNEL_REASON_TIMED_OUT);
	tnl_watch_queue(&r->watch, &r->up_work);
}

static void up_work(struct work_struct *work)
{
	struct tnl_relay *r = container_of(work, struct tnl_relay, up_work);
	/* Pairs with the release in tnl_relay_set_state(). */
	enum tnl_relay_state state = smp_load_acquire(&r->state);
	int budget = BUDGET;

	if (state == TNL_RELAY_NEW || state == TNL_RELAY_DEAD)
		return;
	if (r->state == TNL_RELAY_CLOSING) {
		if (test_bit(TNL_RELAY_FAILED, &r->bits))
			sock_no_linger(r->local.sock->sk);
		else if (!tnl_local_over(&r->local))
			return;
		tnl_relay_die(r);
		return;
	}

	if (test_bit(TNL_RELAY_RESET, &r->bits)) {
		if (!refuse_local(r))
			abort_local(r);
		return;
	}
	if (r->state == TNL_RELAY_TO_CONNECT)
		begin_connect(r);
	if (r->state == TNL_RELAY_ASKING && !test_bit(TNL_RELAY_FAILED, &r->bits))
		take_answer(r);
	if (r->state == TNL_RELAY_CONNECTING && !test_bit(TNL_RELAY_FAILED, &r->bits))
		check_connect(r);
	if (r->state == TNL_RELAY_OPEN) {
		while (!(r->bits & (BIT(TNL_RELAY_FAILED) | BIT(TNL_RELAY_RESET) |
				    BIT(TNL_RELAY_UP_DONE)))) {
			if (!read_local(r))
				break;
			if (!--budget) {
				tnl_watch_queue(&r->watch, &r->up_work);
				break;
			}
		}
		/* An error behind a FIN shows up here only. */
		if (test_bit(TNL_RELAY_UP_DONE, &r->bits) &&
		    !test_bit(TNL_RELAY_FAILED, &r->bits) &&
		    !test_bit(TNL_RELAY_DOWN_DONE, &r->bits) &&
		    (tnl_local_gone(&r->local) || test_bit(TNL_RELAY_DEAF, &r->bits)))
			local_error(r);
	}

	if (test_bit(TNL_RELAY_FAILED, &r->bits)) {
		tnl_session_reset(r->session, r->reason);
		abort_local(r);
	} else if (test_bit(TNL_RELAY_UP_DONE, &r->bits) &&
		   test_bit(TNL_RELAY_DOWN_DONE, &r->bits)) {
		begin_closing(r);
		tnl_watch_queue(&r->watch, &r->up_work);
	}
}

static void free_relay(struct tnl_relay *r)
{
	struct tnl_net *tn = r->tn;

	cancel_delayed_work_sync(&r->deadline);
	tnl_watch_stop(&r->watch);
	tnl_watch_release(&r->watch);
	tnl_chunkq_purge(&r->out);
	tnl_chunkq_purge(&r->ahead);
	if (r->file)
		fput(r->file);
	else if (r->local.sock)
		sock_release(r->local.sock);
	if (r->cred)
		put_cred(r->cred);
	if (r->answer)
		sockfd_put(r->answer);
	kfree(r->refusal);
	if (test_bit(TNL_RELAY_REFUSED, &r->bits))
		atomic_dec(&tn->refused);
	leave_tunnel(r);
	kfree(r);

	spin_lock(&tn->reap_lock);
	tn->n_relays--;
	spin_unlock(&tn->reap_lock);
	wake_up_all(&tn->idle);
}

static void reap(struct work_struct *work)
{
	struct tnl_net *tn = container_of(work, struct tnl_net, reap);
	struct tnl_relay *r;

	for (;;) {
		spin_lock(&tn->reap_lock);
		r = list_first_entry_or_null(&tn->dead, struct tnl_relay, node);
		if (r)
			list_del_init(&r->node);
		spin_unlock(&tn->reap_lock);
		if (!r)
			return;
		free_relay(r);
		cond_resched();
	}
}

/* tnl_relay_alloc - a new one, NEW. Return: NULL for want of memory. */
struct tnl_relay *tnl_relay_alloc(struct tnl_tunnel *t)
{
	struct tnl_relay *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->tn = t->tn;
	r->tunnel = t;
	INIT_WORK(&r->up_work, up_work);
	INIT_WORK(&r->down_work, down_work);
	INIT_DELAYED_WORK(&r->deadline, deadline);
	tnl_watch_init(&r->watch, tnl_local_wq, &r->up_work, &r->down_work);
	tnl_chunkq_init(&r->out);
	tnl_chunkq_init(&r->ahead);
	tnl_tunnel_hold(t);
	atomic_inc(&t->relays);
	spin_lock(&r->tn->reap_lock);
	list_add_tail(&r->node, &r->tn->relays);
	r->tn->n_relays++;
	spin_unlock(&r->tn->reap_lock);
	return r;
}

/* tnl_relay_drop_adopted - end what user space has handed over; tn->lock held */
void tnl_relay_drop_adopted(struct tnl_net *tn, u8 reason)
{
	struct tnl_relay *r;

	spin_lock(&tn->reap_lock);
	list_for_each_entry(r, &tn->relays, node) {
		if (!READ_ONCE(r->file))
			continue;
		tnl_relay_fail(r, reason);
		tnl_watch_queue(&r->watch, &r->up_work);
	}
	spin_unlock(&tn->reap_lock);
}

void tnl_relay_net_init(struct tnl_net *tn)
{
	spin_lock_init(&tn->reap_lock);
	INIT_LIST_HEAD(&tn->relays);
	INIT_LIST_HEAD(&tn->dead);
	INIT_LIST_HEAD(&tn->draining);
	INIT_WORK(&tn->reap, reap);
}

/* tnl_relay_net_exit - abort what is left: connections that are closing */
void tnl_relay_net_exit(struct tnl_net *tn)
{
	struct tnl_relay *r;

	spin_lock(&tn->reap_lock);
	list_for_each_entry(r, &tn->relays, node) {
		tnl_relay_fail(r, TUNNEL_REASON_ADMIN);
		tnl_watch_queue(&r->watch, &r->up_work);
	}
	spin_unlock(&tn->reap_lock);
	wait_event(tn->idle, !READ_ONCE(tn->n_relays));
	flush_work(&tn->reap);
}
