// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>

#include "af_tunnel.h"
#include "service.h"

/*
 * The endpoint of a session that waits for accept(): it counts as reached, and
 * takes what the peer may send at first. Socket, memory cgroup and all come from
 * whoever accepts it.
 */
static void on_event(void *ep)
{
}

static void on_reset(void *ep, u8 reason)
{
}

static const struct tnl_endpoint_ops waiting_ops = {
	.kind = TUNNEL_ENDPOINT_WAITING,
	.leaves = true,
	.readable = on_event,
	.writable = on_event,
	.reset = on_reset,
};

/**
 * tnl_sock_incoming - the peer opens a session to a bound socket
 * @sk: the socket, maybe on its way out
 * @s: the session
 * Context: reader of a carrier; no socket lock.
 * Return: 0, or the reason to reset it.
 */
u8 tnl_sock_incoming(struct sock *sk, struct tnl_session *s)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	bool messages = s->protocol == TNL_PROTOCOL_MESSAGES, room;

	if (tnl_sock_messages(sk) != messages)
		return TUNNEL_REASON_TYPE;
	/* With the reference of an endpoint, which is the list's. */
	tnl_session_attach(s, &waiting_ops, NULL);
	spin_lock(&tsk->accept_lock);
	room = tsk->listening && !sk_acceptq_is_full(sk);
	if (room)
		sk_acceptq_added(sk);
	spin_unlock(&tsk->accept_lock);
	if (room) {
		/* Before a program has it: nothing it sends may go first. */
		tnl_session_accept(s);
		spin_lock(&tsk->accept_lock);
		room = tsk->listening;
		if (room)
			list_add_tail(&s->waiting, &tsk->waiting);
		else
			sk_acceptq_removed(sk);
		spin_unlock(&tsk->accept_lock);
	}
	if (!room) {
		tnl_session_detach(s);	/* the caller resets it */
		tnl_session_put(s);
		return TUNNEL_REASON_REFUSED;
	}
	sk->sk_data_ready(sk);
	return 0;
}

static struct tnl_session *dequeue(struct tnl_sock *tsk)
{
	struct tnl_session *s;

	spin_lock(&tsk->accept_lock);
	s = list_first_entry_or_null(&tsk->waiting, struct tnl_session, waiting);
	if (s) {
		list_del_init(&s->waiting);
		sk_acceptq_removed(&tsk->sk);
	}
	spin_unlock(&tsk->accept_lock);
	return s;
}

/**
 * tnl_sock_service_gone - the service was removed
 * @sk: bound to it. Sessions that wait may still be accepted.
 * Context: tnl_net.lock held, so no socket lock.
 */
void tnl_sock_service_gone(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);

	spin_lock(&tsk->accept_lock);
	tsk->listening = false;
	WRITE_ONCE(tsk->gone, true);
	spin_unlock(&tsk->accept_lock);
	WRITE_ONCE(sk->sk_err, ECONNABORTED);
	sk_error_report(sk);
	sk->sk_state_change(sk);
}

/* tnl_sock_stop_listening - no longer bound; what waits ends. Socket lock held. */
void tnl_sock_stop_listening(struct sock *sk)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s;

	if (!tsk->bound.st_family)
		return;
	/* 1. Nobody finds it; 2. who has found it adds nothing; 3. the rest goes. */
	tnl_service_unbind(tnl_net(sock_net(sk)), sk);
	spin_lock(&tsk->accept_lock);
	tsk->listening = false;
	WRITE_ONCE(tsk->gone, false);	/* nobody can set it any more */
	spin_unlock(&tsk->accept_lock);
	while ((s = dequeue(tsk))) {
		tnl_session_reset(s, TUNNEL_REASON_REFUSED);
		tnl_session_put(s);
	}
	tsk->bound.st_family = 0;
	sk->sk_state = TCP_CLOSE;
}

int tnl_sock_bind(struct socket *sock, struct tnl_sockaddr_arg *addr, int len)
{
	char tunnel[TNL_NAME_MAX + 1], service[TNL_NAME_MAX + 1];
	struct sock *sk = sock->sk;
	struct tnl_sock *tsk = tnl_sk(sk);
	int err;

	err = tnl_sock_address((struct sockaddr_tunnel *)addr, len, tunnel, service);
	if (err)
		return err;
	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sk->sk_state != TCP_CLOSE ||
	    tsk->bound.st_family || tnl_sock_session(tsk))
		err = -EINVAL;
	else
		err = tnl_service_bind(tnl_net(sock_net(sk)), service, tunnel, sk);
	if (!err) {
		memset(&tsk->bound, 0, sizeof(tsk->bound));
		memcpy(&tsk->bound, addr, len);
	}
	release_sock(sk);
	return err;
}

int tnl_sock_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct tnl_sock *tsk = tnl_sk(sk);
	int err = 0;

	lock_sock(sk);
	if (!tsk->bound.st_family) {
		err = -EINVAL;
	} else {
		WRITE_ONCE(sk->sk_max_ack_backlog, max(backlog, 0));
		WRITE_ONCE(sk->sk_state, TCP_LISTEN);
		spin_lock(&tsk->accept_lock);
		tsk->listening = !tsk->gone;
		spin_unlock(&tsk->accept_lock);
	}
	release_sock(sk);
	return err;
}

static bool acceptable(struct sock *sk, struct tnl_session *s, u32 arg)
{
	return !list_empty_careful(&tnl_sk(sk)->waiting) ||
	       READ_ONCE(tnl_sk(sk)->gone) || READ_ONCE(sk->sk_state) != TCP_LISTEN;
}

/* Return: the next session with its reference, or ERR_PTR. */
static struct tnl_session *next(struct sock *sk, int flags)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	long timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct tnl_session *s;
	int err;

	for (;;) {
		if (sk->sk_state != TCP_LISTEN)
			return ERR_PTR(-EINVAL);
		s = dequeue(tsk);
		if (s)
			return s;
		/* There will be none any more. */
		if (READ_ONCE(tsk->gone))
			return ERR_PTR(sock_error(sk) ?: -EINVAL);
		err = tnl_sock_wait(sk, &timeo, acceptable, 0);
		if (err)
			return ERR_PTR(err);
	}
}

TNL_ACCEPT(tnl_sock_accept)
{
	bool messages = tnl_sock_messages(sock->sk);
	struct sock *sk = sock->sk, *newsk;
	struct tnl_session *s;
	u8 reason;

	lock_sock(sk);
	s = next(sk, TNL_ACCEPT_FLAGS);
	release_sock(sk);
	if (IS_ERR(s))
		return PTR_ERR(s);

	newsk = tnl_sock_alloc(sock_net(sk), sk->sk_type);
	if (!newsk) {
		tnl_session_reset(s, TUNNEL_REASON_NO_MEMORY);
		tnl_session_put(s);
		return -ENOMEM;
	}
	newsk->sk_state = TCP_ESTABLISHED;
	tnl_sk(newsk)->protocol = s->protocol;
	tnl_sk(newsk)->priority = s->priority;
	tnl_sk(newsk)->has_uuid = s->has_uuid;
	memcpy(tnl_sk(newsk)->uuid, s->uuid, sizeof(s->uuid));
	/* Buffer sizes and time-outs are those of the listening socket, as in TCP. */
	newsk->sk_userlocks = sk->sk_userlocks;
	newsk->sk_sndbuf = READ_ONCE(sk->sk_sndbuf);
	newsk->sk_rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	newsk->sk_rcvlowat = READ_ONCE(sk->sk_rcvlowat);
	newsk->sk_sndtimeo = READ_ONCE(sk->sk_sndtimeo);
	newsk->sk_rcvtimeo = READ_ONCE(sk->sk_rcvtimeo);
	if (sock_flag(sk, SOCK_LINGER)) {
		sock_set_flag(newsk, SOCK_LINGER);
		newsk->sk_lingertime = READ_ONCE(sk->sk_lingertime);
	}
	newsock->state = SS_CONNECTED;
	sock_graft(newsk, newsock);

	spin_lock(&s->lock);
	s->uid = current_euid();
	spin_unlock(&s->lock);
	lock_sock_nested(newsk, SINGLE_DEPTH_NESTING);
	tnl_sk(newsk)->direct = tnl_tunnel_direct(s->tunnel);
	rcu_assign_pointer(tnl_sk(newsk)->session, s);
	tnl_sock_limits(newsk);
	reason = tnl_session_adopt(s, messages ? &tnl_sock_message_ops :
						 &tnl_sock_stream_ops, newsk);
	if (reason) {
		tnl_session_reset(s, reason);
		WRITE_ONCE(newsk->sk_err, -tnl_reason_errno(reason));
	}
	release_sock(newsk);
	return 0;
}
