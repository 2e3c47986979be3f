/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Receive pages of a lane. A page stays on the ring from its allocation until
 * nobody but the ring holds a reference; then it is used again. So what a peer
 * can pin is counted where it comes from, in pages, whatever became of them.
 */
#ifndef _TUNNEL_POOL_H
#define _TUNNEL_POOL_H

#include <linux/mm_types.h>
#include <linux/types.h>

/* Two full TLS records: one byte pins at most this much. */
#define TNL_POOL_ORDER 3
#define TNL_POOL_SIZE (PAGE_SIZE << TNL_POOL_ORDER)
/* Pages a lane may have out, 32 MiB; beyond, payload is copied out of them. */
#define TNL_POOL_PAGES 1024

/* Pages of small pieces it may have out besides, 32 MiB. */
#define TNL_POOL_COPIES 8192

struct tnl_net;

/* struct tnl_pool_ring - pages that are out, or free to be used again */
struct tnl_pool_ring {
	struct page **pages;	/* oldest first from @head */
	unsigned int size, head, count;
};

/* struct tnl_pool - owned by the reader of the lane's carrier */
struct tnl_pool {
	struct tnl_net *tn;
	struct tnl_pool_ring ring;
	struct page *cur;	/* being filled; also on the ring */
	unsigned int offset;	/* first free byte of @cur */
	struct page *bounce;	/* set while all pages are out; never sliced */
	unsigned int bounced;

	struct tnl_pool_ring copies;	/* order 0: small pieces, one behind the other */
	struct page *copy;	/* being filled; also on the ring */
	unsigned int copy_offset;
};

int tnl_pool_init(struct tnl_pool *pool, struct tnl_net *tn);
void tnl_pool_destroy(struct tnl_pool *pool);
struct page *tnl_pool_get(struct tnl_pool *pool, unsigned int len,
			  unsigned int *offset);
void tnl_pool_used(struct tnl_pool *pool, unsigned int len);
void tnl_pool_trim(struct tnl_pool *pool);
struct page *tnl_pool_copy(struct tnl_pool *pool, const void *data,
			   unsigned int len, unsigned int *offset);

#endif /* _TUNNEL_POOL_H */
