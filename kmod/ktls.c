// SPDX-License-Identifier: GPL-2.0
#include <linux/bvec.h>
#include <linux/tunnel_netlink.h>
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/tls.h>

#include "compat/compat.h"
#include "ktls.h"
#include "tls_control.h"
#include "xmit.h"

static u32 cipher_bit(u16 cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return TUNNEL_CIPHER_AES_128_GCM;
	case TLS_CIPHER_AES_GCM_256:
		return TUNNEL_CIPHER_AES_256_GCM;
	case TLS_CIPHER_CHACHA20_POLY1305:
		return TUNNEL_CIPHER_CHACHA20_POLY1305;
	}
	return 0;
}

/**
 * tnl_ktls_check - is everything that leaves this socket encrypted, and
 * everything that enters authenticated, by kernel software?
 * @sock: connected TCP
 * @ciphers: TUNNEL_CIPHER_* that are allowed, or TNL_KTLS_ANY
 * @info: result
 * @extack: gets the reason of a refusal
 *
 * Hardware offload is refused too: it sends by other code, which nobody here
 * has tested.
 *
 * Context: process, socket lock not held.
 * Return: 0 or -EPROTO.
 */
int tnl_ktls_check(struct socket *sock, u32 ciphers, struct tnl_ktls *info,
		   struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->sk;
	struct tls_context *ctx;
	int err = -EPROTO;

	lock_sock(sk);
	if (!inet_csk_has_ulp(sk) ||
	    strcmp(inet_csk(sk)->icsk_ulp_ops->name, "tls")) {
		NL_SET_ERR_MSG(extack,
			       "the socket has no kernel TLS: set TCP_ULP \"tls\" and install keys for both directions (TLS_TX and TLS_RX) before attaching it");
		goto out;
	}
	ctx = tls_get_ctx(sk);
	if (ctx->tx_conf != TLS_SW || ctx->rx_conf != TLS_SW) {
		if (ctx->tx_conf == TLS_BASE)
			NL_SET_ERR_MSG(extack,
				       "kernel TLS does not encrypt what this socket sends: install TLS_TX keys before attaching it");
		else if (ctx->rx_conf == TLS_BASE)
			NL_SET_ERR_MSG(extack,
				       "kernel TLS does not decrypt what this socket receives: install TLS_RX keys before attaching it");
		else
			NL_SET_ERR_MSG(extack,
				       "TLS of this socket is offloaded to hardware: switch it off with 'ethtool -K DEVICE tls-hw-tx-offload off tls-hw-rx-offload off'");
		goto out;
	}
	info->version = ctx->prot_info.version;
	info->cipher = ctx->prot_info.cipher_type;
	if (info->version != TLS_1_2_VERSION && info->version != TLS_1_3_VERSION) {
		NL_SET_ERR_MSG(extack, "the TLS version of the socket is neither 1.2 nor 1.3");
		goto out;
	}
	if (ciphers != TNL_KTLS_ANY && !(cipher_bit(info->cipher) & ciphers)) {
		NL_SET_ERR_MSG(extack,
			       "the tunnel does not allow this cipher: see 'cipher' of 'tunnelctl tunnel add'");
		goto out;
	}
	info->tx = true;
	info->rx = true;
	err = 0;
out:
	release_sock(sk);
	return err;
}

/* tnl_ktls_version - 0x0303 or 0x0304 of a socket that tnl_ktls_check() approved of */
u16 tnl_ktls_version(struct sock *sk)
{
	return tls_get_ctx(sk)->prot_info.version;
}

/**
 * tnl_ktls_record_len - payload of the record that waits at the head
 * @sk: kTLS; the caller is its only reader
 *
 * Asking recvmsg() for exactly one record lets kTLS decrypt it into the
 * caller's pages; one byte that does not fit costs a copy of the record.
 *
 * Return: bytes, 0 when no whole record is known to be there.
 */
unsigned int tnl_ktls_record_len(struct sock *sk)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	struct tls_sw_context_rx *rx = tls_sw_ctx_rx(ctx);
	unsigned int len;

	/* kTLS sets the length before the flag: read it after the flag. */
	if (!smp_load_acquire(&rx->strp.msg_ready))
		return 0;
	len = rx->strp.stm.full_len;
	if (len <= ctx->prot_info.overhead_size)
		return 1;
	return min_t(unsigned int, len - ctx->prot_info.overhead_size,
		     TNL_RECORD_MAX);
}

/**
 * tnl_ktls_idle - is there nothing to receive, and no end to hear of?
 * @sk: kTLS; the caller is its only reader
 *
 * Spares the call that would return -EAGAIN. What comes later wakes the reader.
 */
bool tnl_ktls_idle(struct sock *sk)
{
	struct tls_sw_context_rx *rx = tls_sw_ctx_rx(tls_get_ctx(sk));

	return !READ_ONCE(rx->strp.msg_ready) && skb_queue_empty(&rx->rx_list) &&
	       skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	       READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && !READ_ONCE(sk->sk_err) &&
	       !READ_ONCE(sk->sk_shutdown);
}

/**
 * tnl_ktls_record_open - does a record wait for another send to push it?
 * @sk: kTLS; the caller is its only writer
 *
 * When memory ran out inside the last send, bytes it took may sit in a record
 * that no write-space event will push.
 */
bool tnl_ktls_record_open(struct sock *sk)
{
	struct tls_context *ctx = tls_get_ctx(sk);

	return READ_ONCE(ctx->pending_open_record_frags) ||
	       (READ_ONCE(ctx->partially_sent_record) && sk_stream_memory_free(sk));
}

/* tnl_ktls_flushed - has TCP got all that was sent? Context: process, socket lock not held. */
bool tnl_ktls_flushed(struct sock *sk)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	bool flushed;

	lock_sock(sk);
	flushed = list_empty(&tls_sw_ctx_tx(ctx)->tx_list) &&
		  !ctx->partially_sent_record && !ctx->pending_open_record_frags;
	if (!flushed && sk->sk_socket)
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	release_sock(sk);
	return flushed;
}

/**
 * tnl_ktls_push - have kTLS try again to pass on what it could not for want of memory
 * @sk: kTLS; the caller is its only writer
 * Context: process, socket lock not held.
 * Return: false: there is nothing of that kind.
 */
bool tnl_ktls_push(struct sock *sk)
{
	if (!tnl_ktls_record_open(sk))
		return false;
	lock_sock(sk);
	/* what TCP would say of space: it queues kTLS' own work */
	sk->sk_write_space(sk);
	release_sock(sk);
	return true;
}

/**
 * tnl_ktls_close_notify - say that nothing more follows (RFC 8446, 6.1)
 * @sock: kTLS; the caller is its only writer
 * Context: process, socket lock not held; does not wait.
 * Return: 0, -EAGAIN without space, or the socket's error.
 */
int tnl_ktls_close_notify(struct socket *sock)
{
	u8 alert[2] = { 1, TNL_TLS_CLOSE_NOTIFY };
	union {
		struct cmsghdr hdr;
		u8 buf[CMSG_SPACE(sizeof(u8))];
	} control = {
		.hdr.cmsg_len = CMSG_LEN(sizeof(u8)),
		.hdr.cmsg_level = SOL_TLS,
		.hdr.cmsg_type = TLS_SET_RECORD_TYPE,
	};
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	struct kvec v = { .iov_base = alert, .iov_len = sizeof(alert) };
	int n;

	*(u8 *)CMSG_DATA(&control.hdr) = TNL_TLS_ALERT;
	n = kernel_sendmsg(sock, &msg, &v, 1, sizeof(alert));
	if (n == -EAGAIN)
		tnl_xmit_push(sock->sk);
	return n == sizeof(alert) ? 0 : n < 0 ? n : -EAGAIN;
}

/**
 * tnl_ktls_recv - receive one record
 * @sock: kTLS
 * @page: room to decrypt into
 * @offset: where it begins
 * @len: bytes of room
 * @type: result: TLS content type (RFC 8446, 5.1), when bytes came
 * Context: process.
 * Return: bytes, 0 at the end of the stream, -EAGAIN, or the socket's error.
 */
int tnl_ktls_recv(struct socket *sock, struct page *page, unsigned int offset,
		  unsigned int len, u8 *type)
{
	union {
		struct cmsghdr hdr;
		u8 buf[CMSG_SPACE(sizeof(u8))];
	} control;
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
		.msg_flags = MSG_DONTWAIT,
	};
	struct bio_vec bv;
	int r;

	bvec_set_page(&bv, page, len, offset);
	iov_iter_bvec(&msg.msg_iter, ITER_DEST, &bv, 1, len);
	r = sock_recvmsg(sock, &msg, MSG_DONTWAIT);
	*type = TLS_RECORD_TYPE_DATA;
	if (r > 0 && msg.msg_controllen < sizeof(control) &&
	    control.hdr.cmsg_level == SOL_TLS &&
	    control.hdr.cmsg_type == TLS_GET_RECORD_TYPE)
		*type = *(u8 *)CMSG_DATA(&control.hdr);
	return r;
}
