// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "mib.h"
#include "pool.h"
#include "tunnel.h"

/* Pages looked at for reuse before a new one is allocated. */
#define LOOK 4u

static int ring_init(struct tnl_pool_ring *ring, unsigned int size)
{
	ring->size = size;
	ring->pages = kvcalloc(size, sizeof(*ring->pages), GFP_KERNEL_ACCOUNT);
	return ring->pages ? 0 : -ENOMEM;
}

static struct page *pop(struct tnl_pool_ring *ring)
{
	struct page *page = ring->pages[ring->head];

	ring->head = (ring->head + 1) % ring->size;
	ring->count--;
	return page;
}

static void push(struct tnl_pool_ring *ring, struct page *page)
{
	ring->pages[(ring->head + ring->count++) % ring->size] = page;
}

static bool ring_full(const struct tnl_pool_ring *ring)
{
	return ring->count == ring->size;
}

static void ring_destroy(struct tnl_pool_ring *ring)
{
	while (ring->count)
		put_page(pop(ring));
	kvfree(ring->pages);
}

int tnl_pool_init(struct tnl_pool *pool, struct tnl_net *tn)
{
	memset(pool, 0, sizeof(*pool));
	pool->tn = tn;
	if (!ring_init(&pool->ring, TNL_POOL_PAGES) &&
	    !ring_init(&pool->copies, TNL_POOL_COPIES))
		return 0;
	tnl_pool_destroy(pool);
	return -ENOMEM;
}

/* tnl_pool_destroy - give the pages back; readers may still hold theirs */
void tnl_pool_destroy(struct tnl_pool *pool)
{
	ring_destroy(&pool->ring);
	ring_destroy(&pool->copies);
	if (pool->bounce)
		put_page(pool->bounce);
	memset(pool, 0, sizeof(*pool));
}

/* A page that only the ring holds, or NULL: a few are looked at, if it is full all. */
static struct page *reuse(struct tnl_pool *pool, struct tnl_pool_ring *ring)
{
	unsigned int n = ring_full(ring) ? ring->count : min(ring->count, LOOK);

	while (n--) {
		struct page *page = pop(ring);

		push(ring, page);
		if (page != pool->cur && page_ref_count(page) == 1) {
			TNL_INC(pool->tn, page_reuses);
			return page;
		}
	}
	return NULL;
}

/**
 * tnl_pool_get - room to receive into
 * @pool: the pool
 * @len: bytes, at most TNL_POOL_SIZE
 * @offset: result: where the room begins
 *
 * The page is borrowed until the next call; who keeps a slice takes a reference.
 * While pool->bounce is set all pages are out: then nobody may keep a slice, and
 * what was received is copied into pages of its size.
 *
 * Context: process, may sleep.
 * Return: the page, or NULL when there is no memory.
 */
struct page *tnl_pool_get(struct tnl_pool *pool, unsigned int len,
			  unsigned int *offset)
{
	struct page *page;

	/* At the limit: look for free pages now and then, not every time. */
	if (pool->bounce) {
		*offset = 0;
		if (++pool->bounced % TNL_POOL_PAGES)
			return pool->bounce;
		put_page(pool->bounce);
		pool->bounce = NULL;
	}

	if (pool->cur && page_ref_count(pool->cur) == 1)
		pool->offset = 0;
	if (pool->cur && TNL_POOL_SIZE - pool->offset >= len) {
		*offset = pool->offset;
		return pool->cur;
	}

	page = reuse(pool, &pool->ring);
	if (!page) {
		page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_COMP |
				   __GFP_NOWARN | __GFP_NORETRY, TNL_POOL_ORDER);
		if (!page)
			return NULL;
		TNL_INC(pool->tn, page_allocs);
		if (ring_full(&pool->ring)) {
			pool->bounce = page;
			*offset = 0;
			return page;
		}
		push(&pool->ring, page);
	}
	pool->cur = page;
	pool->offset = 0;
	*offset = 0;
	return page;
}

/* tnl_pool_used - @len bytes of what tnl_pool_get() gave hold data now */
void tnl_pool_used(struct tnl_pool *pool, unsigned int len)
{
	if (!pool->bounce)
		pool->offset = min_t(unsigned int, TNL_POOL_SIZE,
				     pool->offset + ALIGN(len, 64));
}

static void trim(struct tnl_pool *pool, struct tnl_pool_ring *ring)
{
	unsigned int n = ring->count;

	while (n--) {
		struct page *page = pop(ring);

		if (page_ref_count(page) != 1) {
			push(ring, page);
			continue;
		}
		if (page == pool->cur)
			pool->cur = NULL;
		if (page == pool->copy)
			pool->copy = NULL;
		put_page(page);
	}
}

/* tnl_pool_trim - give back what has been idle. Context: the pool's owner. */
void tnl_pool_trim(struct tnl_pool *pool)
{
	trim(pool, &pool->ring);
	trim(pool, &pool->copies);
}

/* A page for small pieces, used again or new; ERR_PTR: see tnl_pool_copy(). */
static struct page *small_page(struct tnl_pool *pool)
{
	struct page *page = reuse(pool, &pool->copies);

	if (page)
		return page;
	if (ring_full(&pool->copies))
		return ERR_PTR(-ENOBUFS);
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!page)
		return ERR_PTR(-ENOMEM);
	TNL_INC(pool->tn, page_allocs);
	push(&pool->copies, page);
	return page;
}

/**
 * tnl_pool_copy - copy a piece into a page of small pieces
 * @pool: the pool
 * @data: the piece
 * @len: its bytes, at most PAGE_SIZE
 * @offset: result
 * Context: process, may sleep.
 * Return: the page, borrowed until the next call; ERR_PTR: -ENOMEM, -ENOBUFS when
 * programs hold all that there may be.
 */
struct page *tnl_pool_copy(struct tnl_pool *pool, const void *data,
			   unsigned int len, unsigned int *offset)
{
	if (pool->copy && page_ref_count(pool->copy) == 1)
		pool->copy_offset = 0;
	if (!pool->copy || PAGE_SIZE - pool->copy_offset < len) {
		struct page *page = small_page(pool);

		if (IS_ERR(page))
			return page;
		pool->copy = page;
		pool->copy_offset = 0;
	}
	*offset = pool->copy_offset;
	memcpy(page_address(pool->copy) + *offset, data, len);
	pool->copy_offset += len;
	return pool->copy;
}
