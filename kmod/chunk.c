// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/slab.h>

#include "chunk.h"

static struct kmem_cache *node_cache;

int tnl_chunk_cache_create(void)
{
	BUILD_BUG_ON(sizeof(struct tnl_chunk_node) > 256);
	node_cache = KMEM_CACHE(tnl_chunk_node, SLAB_ACCOUNT);
	return node_cache ? 0 : -ENOMEM;
}

void tnl_chunk_cache_destroy(void)
{
	kmem_cache_destroy(node_cache);
}

struct tnl_chunk_node *tnl_chunk_node_alloc(gfp_t gfp)
{
	struct tnl_chunk_node *node;

	node = kmem_cache_alloc(node_cache, gfp | __GFP_NOWARN);
	if (node) {
		INIT_LIST_HEAD(&node->list);
		node->first = 0;
		node->last = 0;
		node->len = 0;
	}
	return node;
}

/* tnl_chunk_node_free - drop the slices that are left, then the node */
void tnl_chunk_node_free(struct tnl_chunk_node *node)
{
	while (node->first < node->last)
		put_page(node->bv[node->first++].bv_page);
	kmem_cache_free(node_cache, node);
}

static struct tnl_chunk_node *tail(const struct tnl_chunkq *q)
{
	return list_empty(&q->nodes) ? NULL :
		list_last_entry(&q->nodes, struct tnl_chunk_node, list);
}

static struct tnl_chunk_node *head(const struct tnl_chunkq *q)
{
	return list_empty(&q->nodes) ? NULL :
		list_first_entry(&q->nodes, struct tnl_chunk_node, list);
}

/**
 * tnl_chunkq_needs_node - is there no room for @slices more?
 * @q: the queue
 * @slices: how many will be appended, 1..TNL_NODE_SLICES
 */
bool tnl_chunkq_needs_node(const struct tnl_chunkq *q, unsigned int slices)
{
	struct tnl_chunk_node *t = tail(q);

	return !t || TNL_NODE_SLICES - t->last < slices;
}

/* tnl_chunkq_add_node - give the queue an empty node for its next slices */
void tnl_chunkq_add_node(struct tnl_chunkq *q, struct tnl_chunk_node *node)
{
	list_add_tail(&node->list, &q->nodes);
}

/**
 * tnl_chunkq_reserve - make the next @slices appends unable to fail
 * @q: the queue
 * @slices: 1..TNL_NODE_SLICES
 * @gfp: how to allocate
 * Return: 0 or -ENOMEM.
 */
int tnl_chunkq_reserve(struct tnl_chunkq *q, unsigned int slices, gfp_t gfp)
{
	struct tnl_chunk_node *node;

	if (!tnl_chunkq_needs_node(q, slices))
		return 0;
	node = tnl_chunk_node_alloc(gfp);
	if (!node)
		return -ENOMEM;
	tnl_chunkq_add_node(q, node);
	return 0;
}

/**
 * tnl_chunkq_append - add a slice at the tail, taking a reference on its page
 * @q: the queue
 * @page: head or only page; @offset and @len may cross into the pages of its
 *	compound
 * @offset: first byte
 * @len: bytes, not 0
 *
 * A slice that continues the last one extends it and needs no room.
 *
 * Return: false if the queue has no room and the slice was not taken.
 */
bool tnl_chunkq_append(struct tnl_chunkq *q, struct page *page,
		       unsigned int offset, unsigned int len)
{
	struct tnl_chunk_node *t = tail(q);

	if (t && t->last > t->first) {
		struct bio_vec *b = &t->bv[t->last - 1];

		if (b->bv_page == page && b->bv_offset + b->bv_len == offset) {
			b->bv_len += len;
			goto counted;
		}
	}
	if (!t || t->last == TNL_NODE_SLICES)
		return false;
	get_page(page);
	bvec_set_page(&t->bv[t->last++], page, len, offset);
counted:
	t->len += len;
	q->len += len;
	return true;
}

/* tnl_chunkq_splice - move all of @from behind @to */
void tnl_chunkq_splice(struct tnl_chunkq *to, struct tnl_chunkq *from)
{
	if (!to->len)
		to->hole = from->hole;
	list_splice_tail_init(&from->nodes, &to->nodes);
	to->len += from->len;
	from->len = 0;
	from->hole = 0;
}

/**
 * tnl_chunkq_take_hole - move the bytes in front of a queue to the tail of another
 * @to: gets them; one slice must be reserved
 * @from: not changed but for its hole, so that tnl_chunkq_move() extends the slice
 * @len: bytes, not 0
 * Return: where to write them, or NULL if @from has no such hole.
 */
u8 *tnl_chunkq_take_hole(struct tnl_chunkq *to, struct tnl_chunkq *from, u32 len)
{
	const struct tnl_chunk_node *n = head(from);
	const struct bio_vec *b;
	unsigned int at;

	if (!from->len || from->hole < len)
		return NULL;
	from->hole = 0;
	b = &n->bv[n->first];
	at = b->bv_offset - len;
	tnl_chunkq_append(to, b->bv_page, at, len);
	return page_address(b->bv_page) + at;
}

/**
 * tnl_chunkq_move - move bytes from the head of one queue to the tail of another
 * @to: gets the slices with their references
 * @from: loses them
 * @len: most bytes to move
 *
 * Whole nodes change lists; only the last, partial one is split, into room that
 * @to has or gets without sleeping. With one slice reserved in @to at least one
 * byte moves.
 *
 * Context: any.
 * Return: bytes moved; less than min(@len, from->len) when memory ran out.
 */
u32 tnl_chunkq_move(struct tnl_chunkq *to, struct tnl_chunkq *from, u32 len)
{
	struct tnl_chunk_node *n;
	u32 moved = 0;

	if (!to->len)
		to->hole = from->hole;
	from->hole = 0;
	while (moved < len && (n = head(from))) {
		struct bio_vec *b;
		u32 part;

		if (n->first == n->last) {
			list_del(&n->list);
			tnl_chunk_node_free(n);
			continue;
		}
		/* A single slice rather uses room that is there. */
		if (n->len <= len - moved &&
		    (n->last - n->first > 1 || tnl_chunkq_needs_node(to, 1))) {
			list_move_tail(&n->list, &to->nodes);
			from->len -= n->len;
			to->len += n->len;
			moved += n->len;
			continue;
		}
		b = &n->bv[n->first];
		part = min_t(u32, b->bv_len, len - moved);
		if (tnl_chunkq_reserve(to, 1, GFP_ATOMIC))
			break;
		tnl_chunkq_append(to, b->bv_page, b->bv_offset, part);
		tnl_chunkq_trim(from, part);
		moved += part;
	}
	return moved;
}

/**
 * tnl_chunkq_trim - drop bytes at the head
 * @q: the queue
 * @len: at most q->len
 */
void tnl_chunkq_trim(struct tnl_chunkq *q, u64 len)
{
	struct tnl_chunk_node *n;

	q->len -= len;
	q->hole = 0;
	while ((n = head(q))) {
		while (n->first < n->last && len) {
			struct bio_vec *b = &n->bv[n->first];
			u32 part = min_t(u64, b->bv_len, len);

			b->bv_offset += part;
			b->bv_len -= part;
			n->len -= part;
			len -= part;
			if (!b->bv_len) {
				put_page(b->bv_page);
				n->first++;
			}
		}
		if (n->first < n->last)
			return;
		list_del(&n->list);
		tnl_chunk_node_free(n);
	}
}

/**
 * tnl_chunkq_release - drop whole nodes at the head that are no longer needed
 * @q: the queue
 * @pos: reading position; nothing behind it is dropped, and it stays valid
 * @len: bytes at the head that may go
 * Return: bytes dropped.
 */
u64 tnl_chunkq_release(struct tnl_chunkq *q, struct tnl_chunk_pos *pos, u64 len)
{
	struct tnl_chunk_node *n;
	u64 dropped = 0;

	while ((n = head(q)) && dropped + n->len <= len) {
		/* Room for what comes next stays. */
		if (!n->len && n == tail(q))
			break;
		dropped += n->len;
		if (pos->node == n)
			*pos = (struct tnl_chunk_pos){};
		list_del(&n->list);
		tnl_chunk_node_free(n);
	}
	q->len -= dropped;
	return dropped;
}

/* tnl_chunkq_purge - drop everything, room included */
void tnl_chunkq_purge(struct tnl_chunkq *q)
{
	struct tnl_chunk_node *n, *tmp;

	list_for_each_entry_safe(n, tmp, &q->nodes, list)
		tnl_chunk_node_free(n);
	tnl_chunkq_init(q);
}

/* The slice at or behind a position that has bytes left, or NULL. */
static struct bio_vec *settle(const struct tnl_chunkq *q,
			      struct tnl_chunk_pos *pos)
{
	if (!pos->node) {
		pos->node = head(q);
		if (!pos->node)
			return NULL;
		pos->index = pos->node->first;
		pos->offset = 0;
	}
	for (;;) {
		struct tnl_chunk_node *n = pos->node;

		while (pos->index < n->last) {
			if (pos->offset < n->bv[pos->index].bv_len)
				return &n->bv[pos->index];
			/*
			 * The last slice of all may still grow: stay on it, or
			 * what it grows by would be missed.
			 */
			if (pos->index + 1 == n->last)
				break;
			pos->index++;
			pos->offset = 0;
		}
		if (list_is_last(&n->list, &q->nodes))
			return NULL;
		pos->node = list_next_entry(n, list);
		pos->index = pos->node->first;
		pos->offset = 0;
	}
}

/**
 * tnl_chunk_peek - look at the bytes behind a position
 * @q: the queue
 * @pos: the position
 * @bv: filled with borrowed slices
 * @max: room in @bv
 * @limit: most bytes
 * @len: result: bytes in @bv
 * Return: slices in @bv.
 */
unsigned int tnl_chunk_peek(const struct tnl_chunkq *q,
			    const struct tnl_chunk_pos *pos,
			    struct bio_vec *bv, unsigned int max,
			    u32 limit, u32 *len)
{
	struct tnl_chunk_pos p = *pos;
	unsigned int n = 0;
	struct bio_vec *b;

	*len = 0;
	while (n < max && *len < limit && (b = settle(q, &p))) {
		u32 part = min_t(u32, b->bv_len - p.offset, limit - *len);

		bvec_set_page(&bv[n++], b->bv_page, part, b->bv_offset + p.offset);
		p.offset += part;
		*len += part;
	}
	return n;
}

/**
 * tnl_chunk_advance - move a position
 * @q: the queue
 * @pos: the position
 * @len: bytes, at most what is behind it
 */
void tnl_chunk_advance(const struct tnl_chunkq *q, struct tnl_chunk_pos *pos,
		       u64 len)
{
	struct bio_vec *b;

	while (len && (b = settle(q, pos))) {
		u32 part = min_t(u64, b->bv_len - pos->offset, len);

		pos->offset += part;
		len -= part;
	}
}
