// SPDX-License-Identifier: GPL-2.0
#include <linux/poll.h>
#include <linux/sockios.h>
#include <linux/splice.h>
#include <asm/ioctls.h>

#include "af_tunnel.h"

#define SLICES 16

/* Is there nothing more to come? */
static bool ended(struct sock *sk, u32 flags)
{
	return flags & (TNL_S_RX_END | TNL_S_RESET) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/* Bytes that wait, in the session and here; and whether the peer may send more. */
static u64 available(struct tnl_session *s, bool *full)
{
	u64 n;

	spin_lock(&s->lock);
	n = s->rx.received - s->rx.consumed;
	if (s->flags & TNL_S_RESET)
		n = 0;
	*full = s->rx.received == s->rx.max;
	spin_unlock(&s->lock);
	return n;
}

/*
 * Below the low-water mark a socket is readable all the same if the peer has no
 * credit to reach it.
 */
static bool readable(struct sock *sk, struct tnl_session *s, u32 lowat)
{
	bool full;
	u64 n;

	if (tnl_sock_messages(sk))
		return atomic_read(&tnl_sk(sk)->messages) > 0;
	n = available(s, &full);
	return n && (n >= lowat || full);
}

static bool can_recv(struct sock *sk, struct tnl_session *s, u32 have)
{
	bool full;

	if (READ_ONCE(sk->sk_err) || ended(sk, READ_ONCE(s->flags)))
		return true;
	if (tnl_sock_messages(sk))
		return readable(sk, s, 1);
	/* More than a look (MSG_PEEK) has gone over already. */
	return available(s, &full) > have || (have && full);
}

/* The program has @len bytes from the head of the queue. */
static void taken(struct sock *sk, struct tnl_session *s, u32 len)
{
	tnl_chunkq_trim(&tnl_sk(sk)->in, len);
	tnl_sock_uncharge(sk, SK_MEM_RECV, len);
	tnl_session_consumed(s, len);
}

/*
 * The one copy of what is received: from where the record was decrypted to the
 * program. Not by copy_page_to_iter(): with the pipes of splice() up to 6.4 it
 * hands over the page, as if it were one of the page cache.
 *
 * Return: bytes, short at a page fault.
 */
static u32 copy_out(const struct tnl_chunkq *q, u32 skip, u32 len,
		    struct iov_iter *to)
{
	struct tnl_chunk_pos pos = {};
	u32 done = 0;

	tnl_chunk_advance(q, &pos, skip);
	while (done < len) {
		struct bio_vec bv[SLICES];
		unsigned int i, n;
		u32 part;

		n = tnl_chunk_peek(q, &pos, bv, SLICES, len - done, &part);
		if (!n)
			break;
		for (i = 0; i < n; i++) {
			const u8 *data = page_address(bv[i].bv_page);
			u32 copied = copy_to_iter(data + bv[i].bv_offset,
						  bv[i].bv_len, to);

			done += copied;
			if (copied < bv[i].bv_len)
				return done;
		}
		tnl_chunk_advance(q, &pos, part);
	}
	return done;
}

/*
 * What a call returns when nothing is there: 0 (end), an error, or 1: wait.
 * @end is from the look that found nothing: bytes may have come since, and END.
 */
static int nothing(struct sock *sk, struct tnl_session *s, bool end)
{
	u32 reset = READ_ONCE(s->flags) & TNL_S_RESET;
	int err;

	/* A reset that is seen must not pass for the end: its error comes with it. */
	if (reset)
		tnl_session_told(s);
	err = sock_error(sk);
	if (err)
		return err;
	return !end && !ended(sk, reset);
}

static int recv_stream(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	u32 peeked = 0;
	size_t done = 0;
	int err = 0;

	while (done < len) {
		bool end = false, full;
		u32 n;

		if (tsk->in.len <= peeked)
			tnl_session_recv(s, &tsk->in, &end);
		if (tsk->in.len > peeked) {
			u32 want = min_t(u64, tsk->in.len - peeked, len - done);

			n = flags & MSG_TRUNC ? want :
				copy_out(&tsk->in, peeked, want, &msg->msg_iter);
			if (flags & MSG_PEEK)
				peeked += n;
			else if (n)
				taken(sk, s, n);
			done += n;
			if (n < want) {
				err = -EFAULT;
				break;
			}
			continue;
		}
		if (done >= target)
			break;
		/* What ended it is for the next call, which has no bytes to tell of. */
		if (done && (end || !timeo || READ_ONCE(sk->sk_err) ||
			     ended(sk, READ_ONCE(s->flags) & TNL_S_RESET)))
			break;
		/* Only looked at: the peer has no credit for more. */
		if (peeked && (available(s, &full), full))
			break;
		err = done ? 1 : nothing(sk, s, end);
		if (err <= 0)
			break;
		err = tnl_sock_wait(sk, &timeo, can_recv, peeked);
		if (err)
			break;
		tnl_sock_update(sk);
		/* Another thread has read what this one has seen. */
		if (tsk->in.len < peeked)
			break;
	}
	return done ? done : err;
}

static u32 message_length(const struct tnl_chunkq *q)
{
	struct bio_vec bv[TNL_MESSAGE_HDR];
	struct tnl_chunk_pos pos = {};
	u8 header[TNL_MESSAGE_HDR] = {};
	unsigned int i, n;
	u32 len, at = 0;

	n = tnl_chunk_peek(q, &pos, bv, TNL_MESSAGE_HDR, TNL_MESSAGE_HDR, &len);
	for (i = 0; i < n; i++) {
		memcpy(header + at, page_address(bv[i].bv_page) + bv[i].bv_offset,
		       bv[i].bv_len);
		at += bv[i].bv_len;
	}
	return at < TNL_MESSAGE_HDR ? 0 : tnl_get32(header);
}

/* Return: 1 with a whole message at the head of the queue; 0 at the end; -errno. */
static int wait_message(struct sock *sk, struct tnl_session *s, long timeo)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	bool whole, end;
	int err;

	for (;;) {
		/* In this order: what was counted is in the session's queue. */
		whole = atomic_read(&tsk->messages);
		tnl_session_recv(s, &tsk->in, &end);
		/* A reset drops what was counted. */
		if (READ_ONCE(s->flags) & TNL_S_RESET) {
			tnl_sock_update(sk);
		} else if (whole) {
			return 1;
		} else if (atomic_read(&tsk->messages)) {
			continue;
		} else if (end && tsk->in.len) {
			/* END within a message. */
			tnl_session_reset(s, TUNNEL_REASON_FLOW_CONTROL);
			tnl_sock_update(sk);
		}
		err = nothing(sk, s, end);
		if (err <= 0)
			return err;
		err = tnl_sock_wait(sk, &timeo, can_recv, 0);
		if (err)
			return err;
		tnl_sock_update(sk);
	}
}

static int recv_message(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	u32 all, n;
	int ret;

	ret = wait_message(sk, s, sock_rcvtimeo(sk, flags & MSG_DONTWAIT));
	if (ret <= 0)
		return ret;
	all = message_length(&tsk->in);
	n = min_t(size_t, all, len);
	/* It stays if the program's memory is not there. */
	if (copy_out(&tsk->in, TNL_MESSAGE_HDR, n, &msg->msg_iter) < n)
		return -EFAULT;
	if (!(flags & MSG_PEEK)) {
		atomic_dec(&tsk->messages);
		taken(sk, s, TNL_MESSAGE_HDR + all);
	}
	msg->msg_flags |= MSG_EOR;
	if (n < all)
		msg->msg_flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? all : n;
}

/* Can anything be read, now or later? Socket lock held. */
static int check_recv(struct socket *sock, long timeo)
{
	struct sock *sk = sock->sk;
	int err;

	tnl_sock_update(sk);
	if (sk->sk_state == TCP_SYN_SENT) {
		err = tnl_sock_wait_connect(sk, &timeo);
		if (err)
			return err;
	}
	if (sock->state != SS_CONNECTED)
		return sock_error(sk) ?: -ENOTCONN;
	return 0;
}

int tnl_sock_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	int ret;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return -EOPNOTSUPP;
	lock_sock(sk);
	WRITE_ONCE(tnl_sk(sk)->waits, !(flags & MSG_DONTWAIT));
	ret = check_recv(sock, sock_rcvtimeo(sk, flags & MSG_DONTWAIT));
	if (!ret) {
		tnl_sock_limits(sk);
		ret = tnl_sock_messages(sk) ? recv_message(sk, msg, len, flags) :
					      recv_stream(sk, msg, len, flags);
	}
	release_sock(sk);
	return ret;
}

/* --- splice ----------------------------------------------------------------- */

static void release_page(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/*
 * A page for a pipe: the one that is there, or, of what pins much more than it is and
 * when the lane's pages run short, a copy that is charged to whoever reads.
 */
static struct page *page_for_pipe(const struct tnl_lane *lane, struct page *page,
				  unsigned int *at, unsigned int len)
{
	struct page *copy;

	if (len >= TNL_COPYBREAK &&
	    READ_ONCE(lane->pool.ring.count) < TNL_POOL_PAGES / 2 &&
	    READ_ONCE(lane->pool.copies.count) < TNL_POOL_COPIES / 2) {
		get_page(page);
		return page;
	}
	copy = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	memcpy(page_address(copy), page_address(page) + *at, len);
	*at = 0;
	return copy;
}

/* Pages go into the pipe, not their bytes. Return: bytes or -errno. */
static ssize_t splice_out(struct tnl_sock *tsk, struct tnl_session *s,
			  struct pipe_inode_info *pipe, size_t len)
{
	struct page *pages[SLICES];
	struct partial_page partial[SLICES];
	struct splice_pipe_desc spd = {
		.pages = pages,
		.partial = partial,
		.nr_pages_max = SLICES,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = release_page,
	};
	struct tnl_chunk_pos pos = {};
	struct bio_vec bv[SLICES];
	unsigned int i, n;
	u32 all;

	n = tnl_chunk_peek(&tsk->in, &pos, bv, SLICES, min_t(size_t, len, U32_MAX),
			   &all);
	for (i = 0; i < n && spd.nr_pages < SLICES; i++) {
		unsigned int at = bv[i].bv_offset, end = at + bv[i].bv_len;

		/* Readers of pipes expect slices of single pages. */
		while (at < end && spd.nr_pages < SLICES) {
			struct page *page = bv[i].bv_page + at / PAGE_SIZE;
			unsigned int from = offset_in_page(at);
			unsigned int part = min_t(unsigned int, end - at,
						  PAGE_SIZE - from);

			page = page_for_pipe(s->lane, page, &from, part);
			if (!page)
				goto out;
			pages[spd.nr_pages] = page;
			partial[spd.nr_pages].offset = from;
			partial[spd.nr_pages].len = part;
			spd.nr_pages++;
			at += part;
		}
	}
out:
	return spd.nr_pages ? splice_to_pipe(pipe, &spd) : -ENOMEM;
}

static ssize_t splice_locked(struct sock *sk, struct pipe_inode_info *pipe,
			     size_t len, long timeo)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	struct tnl_session *s = tnl_sock_session(tsk);
	ssize_t n;
	bool end;

	for (;;) {
		if (!tsk->in.len)
			tnl_session_recv(s, &tsk->in, &end);
		if (tsk->in.len)
			break;
		n = nothing(sk, s, end);
		if (n <= 0)
			return n;
		n = tnl_sock_wait(sk, &timeo, can_recv, 0);
		if (n)
			return n;
		tnl_sock_update(sk);
	}
	n = splice_out(tsk, s, pipe, len);
	if (n > 0)
		taken(sk, s, n);
	return n;
}

ssize_t tnl_sock_splice_read(struct socket *sock, loff_t *pos,
			     struct pipe_inode_info *pipe, size_t len,
			     unsigned int flags)
{
	struct sock *sk = sock->sk;
	bool nonblock = sock->file->f_flags & O_NONBLOCK || flags & SPLICE_F_NONBLOCK;
	long timeo = sock_rcvtimeo(sk, nonblock);
	ssize_t ret;

	if (!len)
		return 0;
	lock_sock(sk);
	ret = check_recv(sock, timeo);
	if (!ret)
		ret = splice_locked(sk, pipe, len, timeo);
	release_sock(sk);
	return ret;
}

/* --- poll and ioctl --------------------------------------------------------- */

static __poll_t poll_listening(struct sock *sk)
{
	__poll_t mask = 0;

	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (READ_ONCE(tnl_sk(sk)->gone))
		mask |= EPOLLHUP;
	if (mask || !list_empty_careful(&tnl_sk(sk)->waiting))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* Never the socket lock: a program may hold it for as long as it likes. */
static __poll_t poll_session(struct sock *sk, struct tnl_session *s)
{
	u8 shutdown = READ_ONCE(sk->sk_shutdown);
	u32 flags = READ_ONCE(s->flags), want = tnl_sock_tx_want(sk, s);
	__poll_t mask = 0;

	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (!(flags & (TNL_S_BY_PEER | TNL_S_ACCEPTED | TNL_S_RESET)))
		return mask;	/* connecting */
	if (flags & (TNL_S_RX_END | TNL_S_RESET))
		shutdown |= RCV_SHUTDOWN;
	if (flags & (TNL_S_TX_END | TNL_S_RESET))
		shutdown |= SEND_SHUTDOWN;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	else if (readable(sk, s, sock_rcvlowat(sk, 0, INT_MAX)))
		mask |= EPOLLIN | EPOLLRDNORM;
	/* Finding no room arms the wake-up, in the same look. */
	if (shutdown & SEND_SHUTDOWN || tnl_session_room(s, want) >= want)
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

__poll_t tnl_sock_poll(struct file *file, struct socket *sock,
		       struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct tnl_session *s;
	__poll_t mask;

	/* Behind the barrier what is looked at is newer than the wait entry. */
	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return poll_listening(sk);
	WRITE_ONCE(tnl_sk(sk)->waits, false);
	rcu_read_lock();
	s = rcu_dereference(tnl_sk(sk)->session);
	if (s)
		mask = poll_session(sk, s);
	else
		mask = EPOLLOUT | EPOLLWRNORM | EPOLLHUP |
		       (READ_ONCE(sk->sk_err) ? EPOLLERR : 0);
	rcu_read_unlock();
	return mask;
}

/* Bytes to read; of messages those of the next one. Socket lock held. */
static int in_queue(struct sock *sk, struct tnl_session *s)
{
	struct tnl_sock *tsk = tnl_sk(sk);
	bool end, full;

	if (!tnl_sock_messages(sk))
		return min_t(u64, available(s, &full), INT_MAX);
	if (!atomic_read(&tsk->messages))
		return 0;
	tnl_session_recv(s, &tsk->in, &end);
	return message_length(&tsk->in);
}

int tnl_sock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct tnl_session *s;
	int n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	lock_sock(sk);
	tnl_sock_update(sk);
	s = tnl_sock_session(tnl_sk(sk));
	if (sk->sk_state == TCP_LISTEN)
		n = -EINVAL;
	else if (s && cmd == SIOCINQ)
		n = in_queue(sk, s);
	else if (s)
		n = READ_ONCE(s->txq.len);
	release_sock(sk);
	return n < 0 ? n : put_user(n, (int __user *)arg);
}
