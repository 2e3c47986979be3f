// SPDX-License-Identifier: GPL-2.0
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "compat/compat.h"
#include "ktls.h"
#include "session.h"
#include "take.h"
#include "tls_control.h"
#include "tunnel.h"

static int take_slice(struct tnl_take *t, struct page *page, unsigned int offset,
		      unsigned int len)
{
	if (tnl_chunkq_reserve(&t->q, 1, GFP_KERNEL))
		return -ENOMEM;
	tnl_chunkq_append(&t->q, page, offset, len);
	return 0;
}

/**
 * tnl_take_copy - a copy of some bytes, in a page of ours
 * @t: gets the slice
 * @data: the bytes
 * @len: how many, not 0
 * Context: process.
 * Return: bytes copied, at most @len, or -ENOMEM.
 */
int tnl_take_copy(struct tnl_take *t, const void *data, unsigned int len)
{
	struct page_frag *pf = &current->task_frag;
	struct page *old = pf->page;
	int err;

	if (!skb_page_frag_refill(min_t(unsigned int, len, TNL_COPYBREAK), pf,
				  GFP_KERNEL))
		return -ENOMEM;
	if (pf->page != old)
		TNL_INC(t->tn, page_allocs);
	len = min_t(unsigned int, len, pf->size - pf->offset);
	memcpy(page_address(pf->page) + pf->offset, data, len);
	err = take_slice(t, pf->page, pf->offset, len);
	if (err)
		return err;
	pf->offset += len;
	if (len < TNL_COPYBREAK)
		TNL_ADD(t->tn, copybreak_bytes_copied, len);
	else
		TNL_ADD(t->tn, payload_bytes_copied, len);
	return len;
}

/*
 * A place of our own to receive into, for @want bytes if it can be, but not more than
 * there is room. First all that may fail: what was received cannot be put back.
 */
static int make_place(struct tnl_take *t, unsigned int want, struct bio_vec *bv)
{
	struct page_frag *pf = &current->task_frag;
	struct page *old = pf->page;

	if (tnl_chunkq_reserve(&t->q, 1, GFP_KERNEL) ||
	    !skb_page_frag_refill(min_t(unsigned int, t->room, want), pf, GFP_KERNEL))
		return -ENOMEM;
	if (pf->page != old)
		TNL_INC(t->tn, page_allocs);
	bvec_set_page(bv, pf->page, min_t(unsigned int, t->room, pf->size - pf->offset),
		      pf->offset);
	return 0;
}

/* So much has been received into that place. */
static void fill_place(struct tnl_take *t, unsigned int n)
{
	struct page_frag *pf = &current->task_frag;

	tnl_chunkq_append(&t->q, pf->page, pf->offset, n);
	pf->offset += n;
	t->room -= n;
}

/**
 * tnl_take_recv - receive some bytes into a page of ours
 * @t: gets the slice
 * @sock: any stream socket; the caller is its only reader
 * Context: process, no lock held; does not wait.
 * Return: bytes, at most @t->room, 0 at the end, -EAGAIN, -ENOMEM, or the socket's error.
 */
int tnl_take_recv(struct tnl_take *t, struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct bio_vec bv;
	int n = make_place(t, PAGE_SIZE, &bv);

	if (n)
		return n;
	iov_iter_bvec(&msg.msg_iter, ITER_DEST, &bv, 1, bv.bv_len);
	n = sock_recvmsg(sock, &msg, MSG_DONTWAIT);
	if (n <= 0)
		return n;
	fill_place(t, n);
	if (n < TNL_COPYBREAK)
		TNL_ADD(t->tn, copybreak_bytes_copied, n);
	else
		TNL_ADD(t->tn, payload_bytes_copied, n);
	return n;
}

/**
 * tnl_take_record - receive a TLS record, or part of it, into a page of ours
 * @t: gets the slice, of data only
 * @sock: kTLS; the caller is its only reader
 * @type: result: its content type
 * @data: result: its bytes, valid until the next call
 *
 * A record for which there is room is decrypted right into the page.
 *
 * Context: process, no lock held; does not wait.
 * Return: bytes, at most @t->room, 0 at the end, -EAGAIN, -ENOMEM, or the socket's error.
 */
int tnl_take_record(struct tnl_take *t, struct socket *sock, u8 *type, const u8 **data)
{
	unsigned int want = tnl_ktls_record_len(sock->sk);
	struct bio_vec bv;
	int n = make_place(t, want ? want : PAGE_SIZE, &bv);

	if (n)
		return n;
	n = tnl_ktls_recv(sock, bv.bv_page, bv.bv_offset, bv.bv_len, type);
	*data = page_address(bv.bv_page) + bv.bv_offset;
	if (n > 0 && *type == TNL_TLS_DATA)
		fill_place(t, n);
	return n;
}

/* Take part of an skb. Return: bytes, short only with t->err set. */
static unsigned int take_skb(struct tnl_take *t, struct sk_buff *skb,
			     unsigned int offset, unsigned int len)
{
	/* A small segment by itself is not worth the page it sits in. */
	bool small = skb->len < TNL_COPYBREAK;
	unsigned int done = 0, pos = skb_headlen(skb), n;
	struct sk_buff *frag;
	int i, r;

	while (offset < pos && done < len) {
		void *data = skb->data + offset;
		struct page *page = virt_to_page(data);

		n = min(pos - offset, len - done);
		if (small || is_vmalloc_addr(data) || !sendpage_ok(page)) {
			r = tnl_take_copy(t, data, n);
		} else {
			n = min_t(unsigned int, n, PAGE_SIZE - offset_in_page(data));
			r = take_slice(t, page, offset_in_page(data), n);
			r = r ? r : n;
		}
		if (r < 0)
			goto fail;
		done += r;
		offset += r;
	}

	for (i = 0; i < skb_shinfo(skb)->nr_frags && done < len; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];
		unsigned int size = skb_frag_size(f);

		while (offset < pos + size && done < len) {
			unsigned int at = skb_frag_off(f) + offset - pos;

			n = min(pos + size - offset, len - done);
			if (small) {
				r = tnl_take_copy(t, page_address(skb_frag_page(f)) + at, n);
			} else {
				r = take_slice(t, skb_frag_page(f), at, n);
				r = r ? r : n;
			}
			if (r < 0)
				goto fail;
			done += r;
			offset += r;
		}
		pos += size;
	}

	skb_walk_frags(skb, frag) {
		if (done == len)
			break;
		if (offset < pos + frag->len) {
			n = min(pos + frag->len - offset, len - done);
			r = take_skb(t, frag, offset - pos, n);
			done += r;
			offset += r;
			if (r < n)
				break;
		}
		pos += frag->len;
	}
	return done;
fail:
	t->err = r;
	return done;
}

/**
 * tnl_take_actor - what tcp_read_sock() calls for each skb
 * @desc: .arg.data is the struct tnl_take
 * @skb: of the receive queue
 * @offset: first byte
 * @len: bytes from there
 *
 * Context: socket lock held.
 * Return: bytes taken.
 */
int tnl_take_actor(read_descriptor_t *desc, struct sk_buff *skb,
		   unsigned int offset, size_t len)
{
	struct tnl_take *t = desc->arg.data;
	unsigned int n = min_t(size_t, len, t->room);

	if (!skb_frags_readable(skb)) {
		t->err = -EFAULT;
		desc->count = 0;
		return 0;
	}
	n = take_skb(t, skb, offset, n);
	t->room -= n;
	if (t->err || !t->room)
		desc->count = 0;
	return n;
}

/**
 * tnl_take_bytes - what somebody has read from a connection, as if it were read now
 * @tn: for the counters
 * @data: the bytes
 * @len: how many
 * @q: result
 * Context: process.
 * Return: 0, or -ENOMEM with nothing in @q.
 */
int tnl_take_bytes(struct tnl_net *tn, const void *data, u32 len, struct tnl_chunkq *q)
{
	struct tnl_take t = { .tn = tn };
	const u8 *p = data;
	int n;

	tnl_chunkq_init(&t.q);
	tnl_chunkq_init(q);
	while (len) {
		n = tnl_take_copy(&t, p, len);
		if (n < 0) {
			tnl_chunkq_purge(&t.q);
			return n;
		}
		p += n;
		len -= n;
	}
	tnl_chunkq_splice(q, &t.q);
	return 0;
}
