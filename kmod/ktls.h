/* SPDX-License-Identifier: GPL-2.0 */
/* What we need to know of a kTLS socket. */
#ifndef _TUNNEL_KTLS_H
#define _TUNNEL_KTLS_H

#include <linux/net.h>
#include <linux/netlink.h>

/* A full TLS record (RFC 5246, 6.2.1; RFC 8446, 5.1). */
#define TNL_RECORD_MAX 16384

/* struct tnl_ktls - what a carrier's socket is keyed with */
struct tnl_ktls {
	u16 version, cipher;
	bool tx, rx;
};

/* Whatever the cipher. */
#define TNL_KTLS_ANY U32_MAX

int tnl_ktls_check(struct socket *sock, u32 ciphers, struct tnl_ktls *info,
		   struct netlink_ext_ack *extack);
u16 tnl_ktls_version(struct sock *sk);
unsigned int tnl_ktls_record_len(struct sock *sk);
bool tnl_ktls_idle(struct sock *sk);
bool tnl_ktls_record_open(struct sock *sk);
bool tnl_ktls_flushed(struct sock *sk);
bool tnl_ktls_push(struct sock *sk);
int tnl_ktls_close_notify(struct socket *sock);
int tnl_ktls_recv(struct socket *sock, struct page *page, unsigned int offset,
		  unsigned int len, u8 *type);

#endif /* _TUNNEL_KTLS_H */
