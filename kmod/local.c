// SPDX-License-Identifier: GPL-2.0
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "ktls.h"
#include "local.h"
#include "take.h"
#include "tunnel.h"
#include "watch.h"
#include "xmit.h"

/* Silence of a half-closed connection before it is probed, seconds. */
#define IDLE_HALF_CLOSED 60
/* TLS records with nothing in them, at once. */
#define EMPTY_MAX 16

/**
 * tnl_local_check - can it be the local connection of a session?
 * @sock: TCP or unix, connected
 * @kind: result: what it is, whatever its owner does to it from here on
 * @extack: gets the sentence of a refusal
 *
 * With a protocol on top of TCP there would be two readers of one queue, unless it is
 * kTLS in both directions, which is read from above. One that gets kTLS later stays
 * TNL_LOCAL_TCP, and take_tcp() refuses it.
 *
 * Context: process, socket lock not held.
 * Return: 0, -EOPNOTSUPP or -EPROTO.
 */
int tnl_local_check(struct socket *sock, enum tnl_local_kind *kind,
		    struct netlink_ext_ack *extack)
{
	const struct tcp_ulp_ops *ulp;
	struct tnl_ktls info;

	*kind = TNL_LOCAL_UNIX;
	if (tnl_sock_is_unix(sock))
		return 0;
	lock_sock(sock->sk);
	ulp = inet_csk(sock->sk)->icsk_ulp_ops;
	release_sock(sock->sk);
	*kind = ulp ? TNL_LOCAL_TLS : TNL_LOCAL_TCP;
	if (!ulp)
		return 0;
	if (strcmp(ulp->name, "tls")) {
		NL_SET_ERR_MSG(extack, "the socket has a protocol of its own on top of TCP: only plain ones, and those with kTLS, become sessions");
		return -EOPNOTSUPP;
	}
	return tnl_ktls_check(sock, TNL_KTLS_ANY, &info, extack);
}

/**
 * tnl_local_adopt - put a connection into the state that the works rely on
 * @l: gets it
 * @sock: connected or about to be
 * @kind: as tnl_local_check() found it
 * Context: process, socket lock not held.
 */
void tnl_local_adopt(struct tnl_local *l, struct socket *sock, enum tnl_local_kind kind)
{
	struct sock *sk = sock->sk;

	l->sock = sock;
	l->kind = kind;
	if (kind != TNL_LOCAL_UNIX) {
		tnl_sock_adopt(sock, false);
		return;
	}
	lock_sock(sk);
	WRITE_ONCE(sk->sk_rcvlowat, 1);
	sk->sk_rcvtimeo = MAX_SCHEDULE_TIMEOUT;
	sk->sk_sndtimeo = MAX_SCHEDULE_TIMEOUT;
	sock_set_flag(sk, SOCK_URGINLINE);
	release_sock(sk);
}

/* tnl_local_eof - has its end come? What came before is there by then. */
bool tnl_local_eof(const struct tnl_local *l)
{
	struct sock *sk = l->sock->sk;

	if (l->kind == TNL_LOCAL_TLS)
		return l->ended;
	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sock_flag(sk, SOCK_DONE);
}

/* tnl_local_empty - is there nothing to take, and no error to hear of by trying? */
bool tnl_local_empty(const struct tnl_local *l)
{
	if (l->kind == TNL_LOCAL_TLS)
		return l->ended || tnl_ktls_idle(l->sock->sk);
	return skb_queue_empty_lockless(&l->sock->sk->sk_receive_queue);
}

/* tcp_read_sock() stops before an urgent byte; recvmsg() does not. */
static int take_urgent(struct socket *sock, struct tnl_take *t)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec v;
	u8 byte;
	int n;

	v.iov_base = &byte;
	v.iov_len = 1;
	if (kernel_recvmsg(sock, &msg, &v, 1, 1, MSG_DONTWAIT) != 1)
		return 0;
	n = tnl_take_copy(t, &byte, 1);
	if (n == 1)
		TNL_INC(t->tn, urgent_bytes);
	/* It has been read, and there is no way to read it again. */
	return n == 1 ? 1 : -ENOBUFS;
}

static int take_tcp(struct socket *sock, struct tnl_take *t)
{
	read_descriptor_t desc = { .arg.data = t, .count = 1 };
	struct sock *sk = sock->sk;
	bool urgent;
	int n;

	lock_sock(sk);
	/* Its owner has made it something else meanwhile: two readers of one queue. */
	if (inet_csk(sk)->icsk_ulp_ops)
		n = -EOPNOTSUPP;
	else
		n = tcp_read_sock(sk, &desc, tnl_take_actor);
	urgent = n == 0 && tcp_sk(sk)->urg_data &&
		 tcp_sk(sk)->urg_seq == tcp_sk(sk)->copied_seq;
	release_sock(sk);
	return urgent && !t->err ? take_urgent(sock, t) : n;
}

static int take_unix(struct socket *sock, struct tnl_take *t)
{
	int done = 0, n;

	while (t->room) {
		n = tnl_take_recv(t, sock);
		if (n == -ENOMEM)
			t->err = n;
		if (n < 0 && n != -EAGAIN && n != -ENOMEM && !done)
			return n;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/*
 * Records that are not data are looked at. A FIN without close_notify is no end: somebody
 * may have cut the stream (RFC 8446, 6.1).
 */
static int take_tls(struct tnl_local *l, struct tnl_take *t)
{
	u16 version = tnl_ktls_version(l->sock->sk);
	int done = 0, empty = 0, n, ret;
	const u8 *data;
	u8 type;

	while (t->room && !l->ended) {
		n = tnl_take_record(t, l->sock, &type, &data);
		if (n == -ENOMEM)
			t->err = n;
		if (n == -EAGAIN || n == -ENOMEM)
			break;
		/* The end; or a record with nothing in it, and behind it one of another type. */
		if (!n && empty++ < EMPTY_MAX)
			continue;
		if (n <= 0)
			return n ? n : -ECONNRESET;
		ret = tnl_tls_control(&l->control, type, data, n, version);
		if (ret < 0)
			return ret;
		/* What comes behind it is not looked at. */
		l->ended = ret;
		done += n;
	}
	return done;
}

/**
 * tnl_local_take - take what has come, up to @t->room
 * @l: the connection; the caller is its only reader
 * @t: gets the slices, also with an error; .err is -ENOMEM when memory was short
 *
 * Context: process, no lock held; does not wait.
 * Return: bytes taken, 0 when there are none now, or -errno: it is broken.
 */
int tnl_local_take(struct tnl_local *l, struct tnl_take *t)
{
	switch (l->kind) {
	case TNL_LOCAL_UNIX:
		return take_unix(l->sock, t);
	case TNL_LOCAL_TLS:
		return take_tls(l, t);
	default:
		return take_tcp(l->sock, t);
	}
}

/**
 * tnl_local_give - give slices to the program
 * @tn: for the counters
 * @l: the connection; the caller is its only writer
 * @bv: slices in pages that sendpage_ok() approves
 * @n: how many
 * @len: their bytes
 * @more: others follow at once
 *
 * Context: process, no lock held; does not wait.
 * Return: bytes taken (1..@len), -EAGAIN, or the socket's error.
 */
ssize_t tnl_local_give(struct tnl_net *tn, struct tnl_local *l, struct bio_vec *bv,
		       unsigned int n, size_t len, bool more)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	int sent;

	/* What follows may not come for want of space: no record waits for it. */
	if (l->kind != TNL_LOCAL_UNIX)
		return tnl_xmit(l->sock, bv, n, len, more && l->kind == TNL_LOCAL_TCP);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	sent = sock_sendmsg(l->sock, &msg);
	if (sent > 0)
		TNL_ADD(tn, payload_bytes_copied, sent);
	return sent == -ENOBUFS || sent == -ENOMEM ? -EAGAIN : sent;
}

/* tnl_local_short - was it memory, not space, that a send lacked? Nobody will wake us. */
bool tnl_local_short(const struct tnl_local *l)
{
	struct sock *sk = l->sock->sk;

	if (l->kind == TNL_LOCAL_UNIX)
		return refcount_read(&sk->sk_wmem_alloc) < READ_ONCE(sk->sk_sndbuf);
	return sk_stream_memory_free(sk) ||
	       (l->kind == TNL_LOCAL_TLS && tnl_ktls_record_open(sk));
}

/*
 * TCP forgets the FIN when it has no memory for it, and says nothing: the program would
 * wait for the end for ever, and in LAST_ACK the next segment of the peer, or our reset,
 * would end the connection without a word. The FIN takes a sequence number, so the loss
 * shows; before anything comes in, the state is what it was, and it can be tried again.
 */
static int fin_tcp(struct socket *sock)
{
	struct sock *sk = sock->sk;
	int err = 0, state;
	u32 seq;

	lock_sock(sk);
	state = sk->sk_state;
	seq = tcp_sk(sk)->write_seq;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	sk->sk_prot->shutdown(sk, SEND_SHUTDOWN);
	if (tcp_sk(sk)->write_seq == seq && sk->sk_state != state &&
	    sk->sk_state != TCP_CLOSE) {
		inet_sk_set_state(sk, state);
		/* as it was counted; kernels that count CLOSE_WAIT, too, are one short */
		if (state == TCP_ESTABLISHED)
			TCP_INC_STATS(sock_net(sk), TCP_MIB_CURRESTAB);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown & ~SEND_SHUTDOWN);
		err = -ENOMEM;
	}
	release_sock(sk);
	return err;
}

/* close_notify, and when kTLS has given TCP all of it, FIN: that would cut off the rest. */
static int fin_tls(struct tnl_local *l)
{
	int err;

	if (!l->said_end) {
		err = tnl_ktls_close_notify(l->sock);
		if (err)
			return err;
		l->said_end = true;
	}
	return tnl_ktls_flushed(l->sock->sk) ? fin_tcp(l->sock) : -EAGAIN;
}

/**
 * tnl_local_fin - the program gets the end of its stream
 * @l: the connection; the caller is its only writer
 * Context: process, no lock held; does not wait.
 * Return: 0; -EAGAIN: again when there is space, or soon if it is tnl_local_short();
 * -ENOMEM: again soon; or the socket's error.
 */
int tnl_local_fin(struct tnl_local *l)
{
	switch (l->kind) {
	case TNL_LOCAL_UNIX:
		kernel_sock_shutdown(l->sock, SHUT_WR);
		return 0;
	case TNL_LOCAL_TLS:
		return fin_tls(l);
	default:
		return fin_tcp(l->sock);
	}
}

/* tnl_local_half_closed - has the program only finished, or is it gone? Ask now and then. */
void tnl_local_half_closed(const struct tnl_local *l)
{
	if (l->kind == TNL_LOCAL_UNIX)
		return;
	sock_set_keepalive(l->sock->sk);
	tcp_sock_set_keepidle(l->sock->sk, IDLE_HALF_CLOSED);
}

/*
 * tnl_local_broken - has it ended at once, with nothing more to read?
 *
 * TCP drops what was received when a reset comes. A unix socket whose program closes without
 * having read all has an error, too, but what the program said last is there to be read.
 */
bool tnl_local_broken(const struct tnl_local *l)
{
	return READ_ONCE(l->sock->sk->sk_err) && l->kind != TNL_LOCAL_UNIX;
}

/* tnl_local_gone - behind the end of what it said: does the program not read any more? */
bool tnl_local_gone(const struct tnl_local *l)
{
	struct sock *sk = l->sock->sk;

	return READ_ONCE(sk->sk_err) ||
	       (l->kind == TNL_LOCAL_UNIX && READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN);
}

/* tnl_local_over - both ends are through: has the program's host got all of it? */
bool tnl_local_over(const struct tnl_local *l)
{
	if (l->kind == TNL_LOCAL_UNIX)
		return true;
	/* Pairs with the release in inet_sk_state_store(). */
	return smp_load_acquire(&l->sock->sk->sk_state) == TCP_CLOSE;
}
