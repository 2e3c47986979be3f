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
	pool->copies = kvcalloc(TNL_POOL_COPIES, sizeof(*pool->copies),
				GFP_KERNEL_ACCOUNT);
	if (pool->ring && pool->copies)
		return 0;
	kvfree(pool->ring);
	kvfree(pool->copies);
	return -ENOMEM;
}

/* tnl_pool_destroy - give the pages back; readers may still hold theirs */
void tnl_pool_destroy(struct tnl_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->count; i++)
		put_page(pool->ring[(pool->head + i) % TNL_POOL_PAGES]);
	for (i = 0; i < pool->copies_count; i++)
		put_page(pool->copies[(pool->copies_head + i) % TNL_POOL_COPIES]);
	if (pool->bounce)
		put_page(pool->bounce);
	kvfree(pool->ring);
	kvfree(pool->copies);
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

static struct page *pop_copy(struct tnl_pool *pool)
{
	struct page *page = pool->copies[pool->copies_head];

	pool->copies_head = (pool->copies_head + 1) % TNL_POOL_COPIES;
	pool->copies_count--;
	return page;
}

static void push_copy(struct tnl_pool *pool, struct page *page)
{
	pool->copies[(pool->copies_head + pool->copies_count++) % TNL_POOL_COPIES] = page;
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
	for (n = pool->copies_count; n; n--) {
		struct page *page = pop_copy(pool);

		if (page_ref_count(page) == 1) {
			if (page == pool->copy)
				pool->copy = NULL;
			put_page(page);
		} else {
			push_copy(pool, page);
		}
	}
}

/* A page for small pieces, used again or new; NULL, or ERR_PTR when all are out. */
static struct page *small_page(struct tnl_pool *pool)
{
	unsigned int n = min_t(unsigned int, pool->copies_count,
			       pool->copies_count == TNL_POOL_COPIES ?
			       TNL_POOL_COPIES : LOOK);
	struct page *page;

	while (n--) {
		page = pop_copy(pool);
		push_copy(pool, page);
		if (page_ref_count(page) == 1) {
			TNL_INC(pool->tn, page_reuses);
			return page;
		}
	}
	if (pool->copies_count == TNL_POOL_COPIES)
		return ERR_PTR(-ENOBUFS);
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!page)
		return ERR_PTR(-ENOMEM);
	TNL_INC(pool->tn, page_allocs);
	push_copy(pool, page);
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
