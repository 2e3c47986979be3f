// SPDX-License-Identifier: GPL-2.0
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "local.h"
#include "take.h"
#include "tunnel.h"
#include "watch.h"
#include "xmit.h"

/* Silence of a half-closed connection before it is probed, seconds. */
#define IDLE_HALF_CLOSED 60

/**
 * tnl_local_adopt - put a connection into the state that the works rely on
 * @sock: connected or about to be
 * Context: process, socket lock not held.
 */
void tnl_local_adopt(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!tnl_local_is_unix(sock)) {
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

/**
 * tnl_local_take - take what has come, up to @t->room
 * @sock: the connection; the caller is its only reader
 * @t: gets the slices; .err is -ENOMEM when memory was short
 *
 * Context: process, no lock held; does not wait.
 * Return: bytes taken, 0 when there are none now, or -errno: it is broken.
 */
int tnl_local_take(struct socket *sock, struct tnl_take *t)
{
	return tnl_local_is_unix(sock) ? take_unix(sock, t) : take_tcp(sock, t);
}

/**
 * tnl_local_give - give slices to the program
 * @tn: for the counters
 * @sock: the connection; the caller is its only writer
 * @bv: slices in pages that sendpage_ok() approves
 * @n: how many
 * @len: their bytes
 * @more: others follow at once
 *
 * Context: process, no lock held; does not wait.
 * Return: bytes taken (1..@len), -EAGAIN, or the socket's error.
 */
ssize_t tnl_local_give(struct tnl_net *tn, struct socket *sock, struct bio_vec *bv,
		       unsigned int n, size_t len, bool more)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	int sent;

	if (!tnl_local_is_unix(sock))
		return tnl_xmit(sock, bv, n, len, more);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	sent = sock_sendmsg(sock, &msg);
	if (sent > 0)
		TNL_ADD(tn, payload_bytes_copied, sent);
	return sent == -ENOBUFS || sent == -ENOMEM ? -EAGAIN : sent;
}

/* tnl_local_short - was it memory, not space, that a send lacked? Nobody will wake us. */
bool tnl_local_short(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (tnl_local_is_unix(sock))
		return refcount_read(&sk->sk_wmem_alloc) < READ_ONCE(sk->sk_sndbuf);
	return sk_stream_memory_free(sk);
}

/**
 * tnl_local_fin - the program gets the end of its stream
 * @sock: the connection; the caller is its only writer
 *
 * TCP forgets the FIN when it has no memory for it, and says nothing: the
 * program would wait for the end for ever. The FIN takes a sequence number, so
 * the loss shows.
 *
 * Return: false for want of memory.
 */
bool tnl_local_fin(struct socket *sock)
{
	struct sock *sk = sock->sk;
	int state = READ_ONCE(sk->sk_state);
	u32 seq;

	if (tnl_local_is_unix(sock)) {
		kernel_sock_shutdown(sock, SHUT_WR);
		return true;
	}
	seq = READ_ONCE(tcp_sk(sk)->write_seq);
	kernel_sock_shutdown(sock, SHUT_WR);
	return READ_ONCE(tcp_sk(sk)->write_seq) != seq ||
	       READ_ONCE(sk->sk_state) == state ||
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/* tnl_local_half_closed - has the program only finished, or is it gone? Ask now and then. */
void tnl_local_half_closed(struct socket *sock)
{
	if (tnl_local_is_unix(sock))
		return;
	sock_set_keepalive(sock->sk);
	tcp_sock_set_keepidle(sock->sk, IDLE_HALF_CLOSED);
}

/*
 * tnl_local_broken - has it ended at once, with nothing more to read?
 *
 * TCP drops what was received when a reset comes. A unix socket whose program closes without
 * having read all has an error, too, but what the program said last is there to be read.
 */
bool tnl_local_broken(struct socket *sock)
{
	return READ_ONCE(sock->sk->sk_err) && !tnl_local_is_unix(sock);
}

/* tnl_local_gone - behind the end of what it said: does the program not read any more? */
bool tnl_local_gone(struct socket *sock)
{
	struct sock *sk = sock->sk;

	return READ_ONCE(sk->sk_err) ||
	       (tnl_local_is_unix(sock) && READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN);
}

/* tnl_local_over - both ends are through: has the program's host got all of it? */
bool tnl_local_over(struct socket *sock)
{
	/* Pairs with the release in inet_sk_state_store(). */
	return tnl_local_is_unix(sock) || smp_load_acquire(&sock->sk->sk_state) == TCP_CLOSE;
}
