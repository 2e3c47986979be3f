/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking bytes from a local connection: references on the pages they sit in, and
 * copies of what is too small for that, or sits in pages that cannot be sent.
 */
#ifndef _TUNNEL_TAKE_H
#define _TUNNEL_TAKE_H

#include <net/tcp.h>

#include "chunk.h"

struct tnl_net;

/* struct tnl_take - one pass over a receive queue */
struct tnl_take {
	struct tnl_net *tn;
	struct tnl_chunkq q;
	unsigned int room;
	int err;
};

int tnl_take_copy(struct tnl_take *t, const void *data, unsigned int len);
int tnl_take_recv(struct tnl_take *t, struct socket *sock);
int tnl_take_record(struct tnl_take *t, struct socket *sock, u8 *type, const u8 **data);
int tnl_take_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
		   size_t len);
int tnl_take_bytes(struct tnl_net *tn, const void *data, u32 len, struct tnl_chunkq *q);

#endif /* _TUNNEL_TAKE_H */
