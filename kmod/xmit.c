// SPDX-License-Identifier: GPL-2.0
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "xmit.h"

/**
 * tnl_xmit_push - a send found no space: see that there will be some
 * @sk: TCP, with or without kTLS
 *
 * What fills a small buffer may be less than a segment, held back for what cannot
 * follow: no ACK would make room. This pushes it.
 *
 * Context: process, socket lock not held.
 */
void tnl_xmit_push(struct sock *sk)
{
	if (!sk_stream_memory_free(sk) && !READ_ONCE(tcp_sk(sk)->packets_out))
		tcp_sock_set_nodelay(sk);
}

#ifdef HAVE_SENDPAGE
static ssize_t give(struct socket *sock, struct bio_vec *bv, unsigned int n,
		    size_t len, bool more)
{
	ssize_t sent = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
		int r;

		/* kTLS looks at NOTLAST, TCP at MORE. */
		if (more || i + 1 < n)
			flags |= MSG_MORE | MSG_SENDPAGE_NOTLAST;
		r = kernel_sendpage(sock, bv[i].bv_page, bv[i].bv_offset,
				    bv[i].bv_len, flags);
		if (r < 0)
			return sent ? sent : r;
		sent += r;
		if (r < bv[i].bv_len)
			break;
	}
	return sent;
}
#else
static ssize_t give(struct socket *sock, struct bio_vec *bv, unsigned int n,
		    size_t len, bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_SPLICE_PAGES | MSG_DONTWAIT | MSG_NOSIGNAL,
	};

	if (more)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	return sock_sendmsg(sock, &msg);
}
#endif

/**
 * tnl_xmit - give slices to a socket, which takes its own references
 * @sock: TCP, with or without kTLS
 * @bv: slices in pages that sendpage_ok() approves
 * @n: how many
 * @len: their bytes
 * @more: the bytes that follow are committed already and come at once: the TLS
 *	record may stay open. A record left open without that never leaves.
 *
 * Only the unlocked senders may be used here: the locked ones go past kTLS and
 * put plaintext on the wire.
 *
 * Context: process, no lock held; does not wait for space.
 * Return: bytes taken (1..@len), -EAGAIN, or the socket's error.
 */
ssize_t tnl_xmit(struct socket *sock, struct bio_vec *bv, unsigned int n,
		 size_t len, bool more)
{
	ssize_t sent = give(sock, bv, n, len, more);

	if (sent == -EAGAIN)
		tnl_xmit_push(sock->sk);
	return sent;
}
