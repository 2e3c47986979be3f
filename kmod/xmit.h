/* SPDX-License-Identifier: GPL-2.0 */
/* Sending slices through a TCP or kTLS socket without copying them. */
#ifndef _TUNNEL_XMIT_H
#define _TUNNEL_XMIT_H

#include <linux/bvec.h>
#include <linux/net.h>

void tnl_xmit_push(struct sock *sk);
ssize_t tnl_xmit(struct socket *sock, struct bio_vec *bv, unsigned int n,
		 size_t len, bool more);

#endif /* _TUNNEL_XMIT_H */
