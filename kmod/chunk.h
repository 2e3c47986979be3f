/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chunks: bytes that sit in pages we hold a reference on. Everything that moves
 * payload moves chunks; slicing takes a reference, nothing here copies.
 *
 * A queue has no lock of its own: its owner's rules apply.
 */
#ifndef _TUNNEL_CHUNK_H
#define _TUNNEL_CHUNK_H

#include <linux/bvec.h>
#include <linux/list.h>
#include <linux/types.h>

/* 14 slices make a node of 256 bytes. */
#define TNL_NODE_SLICES 14

/* struct tnl_chunk_node - some slices; used ones are bv[first..last-1] */
struct tnl_chunk_node {
	struct list_head list;
	u16 first, last;
	u32 len;		/* bytes in this node */
	struct bio_vec bv[TNL_NODE_SLICES];
};

/* struct tnl_chunkq - a queue of slices, empty nodes never last in it */
struct tnl_chunkq {
	struct list_head nodes;
	u64 len;		/* bytes */
	u32 hole;		/* bytes before the first slice, in its page, that are ours */
};

/* struct tnl_chunk_pos - a place in a queue that only grows at its tail */
struct tnl_chunk_pos {
	struct tnl_chunk_node *node;	/* NULL: before the first node */
	u16 index;
	u32 offset;			/* into bv[index] */
};

int tnl_chunk_cache_create(void);
void tnl_chunk_cache_destroy(void);

struct tnl_chunk_node *tnl_chunk_node_alloc(gfp_t gfp);
void tnl_chunk_node_free(struct tnl_chunk_node *node);

static inline void tnl_chunkq_init(struct tnl_chunkq *q)
{
	INIT_LIST_HEAD(&q->nodes);
	q->len = 0;
	q->hole = 0;
}

static inline bool tnl_chunkq_empty(const struct tnl_chunkq *q)
{
	return !q->len;
}

bool tnl_chunkq_needs_node(const struct tnl_chunkq *q, unsigned int slices);
void tnl_chunkq_add_node(struct tnl_chunkq *q, struct tnl_chunk_node *node);
int tnl_chunkq_reserve(struct tnl_chunkq *q, unsigned int slices, gfp_t gfp);
bool tnl_chunkq_append(struct tnl_chunkq *q, struct page *page,
		       unsigned int offset, unsigned int len);
void tnl_chunkq_splice(struct tnl_chunkq *to, struct tnl_chunkq *from);
u8 *tnl_chunkq_take_hole(struct tnl_chunkq *to, struct tnl_chunkq *from, u32 len);
u32 tnl_chunkq_move(struct tnl_chunkq *to, struct tnl_chunkq *from, u32 len);
void tnl_chunkq_trim(struct tnl_chunkq *q, u64 len);
u64 tnl_chunkq_release(struct tnl_chunkq *q, struct tnl_chunk_pos *pos, u64 len);
void tnl_chunkq_purge(struct tnl_chunkq *q);

unsigned int tnl_chunk_peek(const struct tnl_chunkq *q,
			    const struct tnl_chunk_pos *pos,
			    struct bio_vec *bv, unsigned int max,
			    u32 limit, u32 *len);
void tnl_chunk_advance(const struct tnl_chunkq *q, struct tnl_chunk_pos *pos,
		       u64 len);

#endif /* _TUNNEL_CHUNK_H */
