/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A local connection, whatever it is made of: TCP, whose pages go on by reference; TCP
 * with kernel TLS, whose records are decrypted into pages of ours; or a unix stream
 * socket, which has none that could be kept, so its bytes are copied.
 */
#ifndef _TUNNEL_LOCAL_H
#define _TUNNEL_LOCAL_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <net/sock.h>

#include "tls_control.h"

struct netlink_ext_ack;
struct tnl_net;
struct tnl_take;

enum tnl_local_kind {
	TNL_LOCAL_TCP,
	TNL_LOCAL_TLS,
	TNL_LOCAL_UNIX,
};

struct tnl_local {
	struct socket *sock;		/* NULL: none yet */
	enum tnl_local_kind kind;
	struct tnl_tls_control control;	/* TLS, its reader's */
	bool ended;			/* TLS, its reader's: close_notify has come */
	bool said_end;			/* TLS, its writer's: ours is on its way */
};

static inline bool tnl_sock_is_unix(const struct socket *sock)
{
	return sock->sk->sk_family == AF_UNIX;
}

int tnl_local_check(struct socket *sock, enum tnl_local_kind *kind,
		    struct netlink_ext_ack *extack);
void tnl_local_adopt(struct tnl_local *l, struct socket *sock, enum tnl_local_kind kind);
bool tnl_local_eof(const struct tnl_local *l);
bool tnl_local_empty(const struct tnl_local *l);
int tnl_local_take(struct tnl_local *l, struct tnl_take *t);
ssize_t tnl_local_give(struct tnl_net *tn, struct tnl_local *l, struct bio_vec *bv,
		       unsigned int n, size_t len, bool more);
bool tnl_local_short(const struct tnl_local *l);
int tnl_local_fin(struct tnl_local *l);
void tnl_local_half_closed(const struct tnl_local *l);
bool tnl_local_broken(const struct tnl_local *l);
bool tnl_local_gone(const struct tnl_local *l);
bool tnl_local_over(const struct tnl_local *l);

#endif /* _TUNNEL_LOCAL_H */
