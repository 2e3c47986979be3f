// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "mib.h"
#include "pool.h"
#include "tunnel.h"

/* Pages looked at for reuse before a new one is allocated. */
#define LOOK 4

int tnl_pool_init(struct tnl_pool *pool, struct tnl_net *tn)
{
	memset(pool, 0, sizeof(*pool));
	pool->tn = tn;
	pool->ring = kvcalloc(TNL_POOL_PAGES, sizeof(*pool->ring),
			      GFP_KERNEL_ACCOUNT);
	return pool->ring ? 0 : -ENOMEM;
}

/* tnl_pool_destroy - give the pages back; readers may still hold theirs */
void tnl_pool_destroy(struct tnl_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->count; i++)
		put_page(pool->ring[(pool->head + i) % TNL_POOL_PAGES]);
	if (pool->copy)
		put_page(pool->copy);
	if (pool->bounce)
		put_page(pool->bounce);
	kvfree(pool->ring);
	memset(pool, 0, sizeof(*pool));
}

static struct page *pop(struct tnl_pool *pool)
{
	struct page *page = pool->ring[pool->head];

	pool->head = (pool->head + 1) % TNL_POOL_PAGES;
	pool->count--;
	return page;
}

static void push(struct tnl_pool *pool, struct page *page)
{
	pool->ring[(pool->head + pool->count++) % TNL_POOL_PAGES] = page;
}

/* A page that only the ring holds, or NULL after looking at @n of them. */
static struct page *reuse(struct tnl_pool *pool, unsigned int n)
{
	n = min(n, pool->count);
	while (n--) {
		struct page *page = pop(pool);

		push(pool, page);
		if (page != pool->cur && page_ref_count(page) == 1)
			return page;
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

	page = reuse(pool, pool->count == TNL_POOL_PAGES ? pool->count : LOOK);
	if (page) {
		TNL_INC(pool->tn, page_reuses);
	} else {
		page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_COMP |
				   __GFP_NOWARN | __GFP_NORETRY, TNL_POOL_ORDER);
		if (!page)
			return NULL;
		TNL_INC(pool->tn, page_allocs);
		if (pool->count == TNL_POOL_PAGES) {
			pool->bounce = page;
			*offset = 0;
			return page;
		}
		push(pool, page);
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

/* tnl_pool_trim - give back what has been idle. Context: the pool's owner. */
void tnl_pool_trim(struct tnl_pool *pool)
{
	unsigned int n = pool->count;

	while (n--) {
		struct page *page = pop(pool);

		if (page_ref_count(page) == 1) {
			if (page == pool->cur)
				pool->cur = NULL;
			put_page(page);
		} else {
			push(pool, page);
		}
	}
}

/**
 * tnl_pool_copy - copy a piece into a page of small pieces
 * @pool: the pool
 * @data: the piece
 * @len: its bytes, at most PAGE_SIZE
 * @owner: pieces of different owners share no page: one that is read must not
 *	free memory only when another is
 * @offset: result
 * @pinned: result: bytes of memory this piece holds besides its own
 * Context: process, may sleep.
 * Return: the page, borrowed until the next call, or NULL.
 */
struct page *tnl_pool_copy(struct tnl_pool *pool, const void *data,
			   unsigned int len, const void *owner,
			   unsigned int *offset, unsigned int *pinned)
{
	*pinned = 0;
	if (pool->copy && page_ref_count(pool->copy) == 1) {
		pool->copy_offset = 0;
		pool->copy_owner = NULL;
	}
	if (!pool->copy || PAGE_SIZE - pool->copy_offset < len ||
	    (pool->copy_offset && pool->copy_owner != owner)) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

		if (!page)
			return NULL;
		TNL_INC(pool->tn, page_allocs);
		if (pool->copy)
			put_page(pool->copy);
		pool->copy = page;
		pool->copy_offset = 0;
	}
	if (!pool->copy_offset)
		*pinned = PAGE_SIZE - len;
	pool->copy_owner = owner;
	*offset = pool->copy_offset;
	memcpy(page_address(pool->copy) + *offset, data, len);
	pool->copy_offset += len;
	return pool->copy;
}
