/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A local connection, whatever it is made of: TCP, whose pages go on by reference, or a
 * unix stream socket, which has none that could be kept, so its bytes are copied.
 */
#ifndef _TUNNEL_LOCAL_H
#define _TUNNEL_LOCAL_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <net/sock.h>

struct tnl_net;
struct tnl_take;

static inline bool tnl_local_is_unix(const struct socket *sock)
{
	return sock->sk->sk_family == AF_UNIX;
}

void tnl_local_adopt(struct socket *sock);
int tnl_local_take(struct socket *sock, struct tnl_take *t);
ssize_t tnl_local_give(struct tnl_net *tn, struct socket *sock, struct bio_vec *bv,
		       unsigned int n, size_t len, bool more);
bool tnl_local_short(struct socket *sock);
bool tnl_local_fin(struct socket *sock);
void tnl_local_half_closed(struct socket *sock);
bool tnl_local_broken(struct socket *sock);
bool tnl_local_gone(struct socket *sock);
bool tnl_local_over(struct socket *sock);

#endif /* _TUNNEL_LOCAL_H */
