// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>

#include "af_tunnel.h"

static const int errnos[] = {
	[TUNNEL_REASON_NONE] = ECONNRESET,
	[TUNNEL_REASON_RESET] = ECONNRESET,
	[TUNNEL_REASON_NO_SERVICE] = ECONNREFUSED,
	[TUNNEL_REASON_REFUSED] = ECONNREFUSED,
	[TUNNEL_REASON_UNREACHABLE] = EHOSTUNREACH,
	[TUNNEL_REASON_TIMED_OUT] = ETIMEDOUT,
	[TUNNEL_REASON_LIMIT] = ENOBUFS,
	[TUNNEL_REASON_FLOW_CONTROL] = EPROTO,
	[TUNNEL_REASON_PROTOCOL] = EPROTO,
	[TUNNEL_REASON_VERSION] = EPROTONOSUPPORT,
	[TUNNEL_REASON_PEER_RESTARTED] = ECONNRESET,
	[TUNNEL_REASON_ADMIN] = ECONNABORTED,
	[TUNNEL_REASON_LOOP] = ELOOP,
	[TUNNEL_REASON_FLOOD] = ECONNRESET,
	[TUNNEL_REASON_NO_DAEMON] = EHOSTUNREACH,
	[TUNNEL_REASON_NO_MEMORY] = ENOMEM,
	[TUNNEL_REASON_TYPE] = EPROTOTYPE,
};

/* tnl_reason_errno - what a program hears of enum tunnel_reason. Return: -errno. */
int tnl_reason_errno(u8 reason)
{
	if (reason < ARRAY_SIZE(errnos) && errnos[reason])
		return -errnos[reason];
	return -ECONNRESET;
}

/* --- what the session tells us; under its lock ---------------------------- */

static void wake(struct sock *sk, __poll_t events, int band)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, events);
	rcu_read_unlock();
	sk_wake_async(sk, band == POLL_IN ? SOCK_WAKE_WAITD : SOCK_WAKE_IO, band);
}

static void on_readable(void *ep)
{
	wake(ep, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLRDHUP, POLL_IN);
}

static void on_writable(void *ep)
{
	wake(ep, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, POLL_OUT);
}

static void on_changed(void *ep)
{
	struct sock *sk = ep;

	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

static void on_reset(void *ep, u8 reason)
{
	struct sock *sk = ep;

	WRITE_ONCE(sk->sk_err, -tnl_reason_errno(reason));
	sk_error_report(sk);
	sk->sk_state_change(sk);
}

static u8 charge_stream(void *ep, struct page *page, unsigned int offset,
			unsigned int len)
{
	return tnl_sock_charge(ep, SK_MEM_RECV, len) ? 0 : TUNNEL_REASON_LIMIT;
}

static u8 charge_messages(void *ep, struct page *page, unsigned int offset,
			  unsigned int len)
{
	struct tnl_sock *tsk = tnl_sk(ep);
	int whole;

	if (!tnl_sock_charge(ep, SK_MEM_RECV, len))
		return TUNNEL_REASON_LIMIT;
	whole = tnl_message_scan(&tsk->scan, page_address(page) + offset, len);
	if (whole < 0) {
		tnl_sock_uncharge(ep, SK_MEM_RECV, len);
		return TUNNEL_REASON_FLOW_CONTROL;
	}
	atomic_add(whole, &tsk->messages);
	return 0;
}

static void uncharge(void *ep, u64 tx, u64 rx)
{
	if (tx)
		tnl_sock_uncharge(ep, SK_MEM_SEND, tx);
	if (rx)
		tnl_sock_uncharge(ep, SK_MEM_RECV, rx);
}

const struct tnl_endpoint_ops tnl_sock_stream_ops = {
	.kind = TUNNEL_ENDPOINT_STREAM,
	.leaves = true,
	.readable = on_readable,
	.writable = on_writable,
	.reset = on_reset,
	.changed = on_changed,
	.charge = charge_stream,
	.uncharge = uncharge,
};

const struct tnl_endpoint_ops tnl_sock_message_ops = {
	.kind = TUNNEL_ENDPOINT_SEQPACKET,
	.leaves = true,
	.readable = on_readable,
	.writable = on_writable,
	.reset = on_reset,
	.changed = on_changed,
	.charge = charge_messages,
	.uncharge = uncharge,
};

/* --- connect ---------------------------------------------------------------- */

/**
 * tnl_sock_update - let sk_state follow the session
 * @sk: socket lock held
 */
void tnl_sock_update(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	u32 flags = s ? READ_ONCE(s->flags) : 0;
	u64 dropped;

	if (!s || sk->sk_state == TCP_CLOSE)
		return;
	if (flags & TNL_S_RESET) {
		/* sk_err is there, and nothing more of this session will come. */
		tnl_session_told(s);
		/* One that failed may be connected again, one that ended may not. */
		if (sk->sk_state == TCP_SYN_SENT)
			sk->sk_socket->state = SS_UNCONNECTED;
		sk->sk_state = TCP_CLOSE;
		dropped = tsk->in.len;
		tnl_chunkq_purge(&tsk->in);
		tnl_sock_uncharge(sk, SK_MEM_RECV, dropped);
		atomic_set(&tsk->messages, 0);
	} else if (sk->sk_state == TCP_SYN_SENT && flags & TNL_S_ACCEPTED) {
		sk->sk_state = TCP_ESTABLISHED;
		sk->sk_socket->state = SS_CONNECTED;
	}
}

static void forget_session(struct tnl_sock *tsk)
{
	struct tnl_session *s = tnl_sock_session(tsk);

	if (!s)
		return;
	/* It was reset, and let go of us then. */
	RCU_INIT_POINTER(tsk->session, NULL);
	tnl_session_put(s);
	memset(&tsk->scan, 0, sizeof(tsk->scan));
	atomic_set(&tsk->messages, 0);
}

static int begin(struct sock *sk, const char *tunnel, struct tnl_open *o)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_tunnel *t;
	struct tnl_session *s;

	t = tnl_tunnel_get(tnl_net(sock_net(sk)), tunnel);
	if (!t)
		return -ENOENT;
	if (!tnl_tunnel_allows(t)) {
		tnl_tunnel_put(t);
		return -EACCES;
	}
	forget_session(tsk);
	o->priority = tsk->priority;
	o->has_uuid = tsk->has_uuid;
	memcpy(o->uuid, tsk->uuid, sizeof(o->uuid));
	WRITE_ONCE(sk->sk_err, 0);
	WRITE_ONCE(sk->sk_shutdown, 0);
	s = tnl_session_open(t, tsk->protocol, o,
			     tnl_sock_messages(sk) ? &tnl_sock_message_ops :
						     &tnl_sock_stream_ops, sk);
	tnl_tunnel_put(t);
	if (IS_ERR(s)) {
		switch (PTR_ERR(s)) {
		case -EMFILE:
			return -ENOBUFS;
		case -ESHUTDOWN:
			return -ENOENT;
		}
		return PTR_ERR(s);
	}
	spin_lock(&s->lock);
	s->uid = current_euid();
	spin_unlock(&s->lock);
	tsk->direct = tnl_tunnel_direct(s->tunnel);
	rcu_assign_pointer(tsk->session, s);
	tnl_sock_limits(sk);
	sk->sk_state = TCP_SYN_SENT;
	sk->sk_socket->state = SS_CONNECTING;
	return 0;
}

static bool settled(struct sock *sk, struct tnl_session *s, u32 arg)
{
	return READ_ONCE(s->flags) & (TNL_S_ACCEPTED | TNL_S_RESET);
}

/**
 * tnl_sock_wait_connect - wait until connecting is over
 * @sk: socket lock held
 * @timeo: jiffies that are left
 * Return: 0, -EAGAIN when time is up, or the errno of a signal.
 */
int tnl_sock_wait_connect(struct sock *sk, long *timeo)
{
	int err = 0;

	tnl_sock_update(sk);
	while (!err && sk->sk_state == TCP_SYN_SENT) {
		err = tnl_sock_wait(sk, timeo, settled, 0);
		tnl_sock_update(sk);
	}
	return err;
}

/* The states and their errors are those of TCP. */
static int connect_locked(struct socket *sock, const char *tunnel,
			  struct tnl_open *o, int flags)
{
	struct sock *sk = sock->sk;
	long timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	bool connecting = sock->state == SS_CONNECTING;
	int pending = -EALREADY, err;

	tnl_sock_update(sk);
	if (sk->sk_state == TCP_LISTEN || tnl_sk(sk)->bound.st_family)
		return -EINVAL;
	switch (sock->state) {
	case SS_CONNECTED:
		/* Once it is said that it worked; a signal may have come between. */
		return connecting ? 0 : -EISCONN;
	case SS_CONNECTING:
		break;
	default:
		/* How the last try ended is told before the next one begins. */
		err = sock_error(sk) ?: begin(sk, tunnel, o);
		if (err)
			return err;
		pending = -EINPROGRESS;
	}
	err = tnl_sock_wait_connect(sk, &timeo);
	if (sk->sk_state == TCP_SYN_SENT)
		return err == -EAGAIN ? pending : err;
	if (sk->sk_state == TCP_CLOSE)
		return sock_error(sk) ?: -ECONNABORTED;
	return 0;
}

int tnl_sock_connect(struct socket *sock, struct tnl_sockaddr_arg *addr, int len,
		     int flags)
{
	char tunnel[TNL_NAME_MAX + 1];
	struct tnl_open o = {};
	int err;

	err = tnl_sock_address((struct sockaddr_tunnel *)addr, len, tunnel, o.service);
	if (err)
		return err;
	if (!*tunnel)
		return -EINVAL;
	lock_sock(sock->sk);
	err = connect_locked(sock, tunnel, &o, flags);
	release_sock(sock->sk);
	return err;
}
