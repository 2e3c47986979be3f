// SPDX-License-Identifier: GPL-2.0
/* Slices of pages: who holds a reference when, and that no byte is copied. */
#include <kunit/test.h>
#include <linux/mm.h>

#include "chunk.h"
#include "frame.h"

#define ORDER 3
#define SIZE (PAGE_SIZE << ORDER)
#define MIB (1024u * 1024)
#define PAGES (MIB / SIZE)

static struct page *page_of(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, ORDER);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

static void append(struct kunit *test, struct tnl_chunkq *q, struct page *page,
		   unsigned int offset, unsigned int len)
{
	KUNIT_ASSERT_EQ(test, tnl_chunkq_reserve(q, 1, GFP_KERNEL), 0);
	KUNIT_ASSERT_TRUE(test, tnl_chunkq_append(q, page, offset, len));
}

/*
 * 1 MiB in frames of 65536: exactly 16, the last with END, each made of the
 * pages that came in.
 */
static void sixteen_frames(struct kunit *test)
{
	struct page *pages[PAGES];
	struct tnl_chunkq q, out;
	unsigned int i, n, frames = 0;
	u64 offset = 0;

	tnl_chunkq_init(&q);
	for (i = 0; i < PAGES; i++) {
		pages[i] = page_of(test);
		append(test, &q, pages[i], 0, SIZE);
		KUNIT_EXPECT_EQ(test, page_ref_count(pages[i]), 2);
	}
	KUNIT_ASSERT_EQ(test, q.len, (u64)MIB);
	while (q.len) {
		struct tnl_frame f = { .type = TNL_DATA, .id = 12345678901234567890ULL }, back;
		struct tnl_chunk_pos pos = {};
		struct bio_vec bv[8];
		u8 hdr[TNL_HDR_LEN];
		u32 len, seen = 0;

		tnl_chunkq_init(&out);
		KUNIT_ASSERT_EQ(test, tnl_chunkq_move(&out, &q, TNL_PAYLOAD_MAX), TNL_PAYLOAD_MAX);
		f.length = out.len;
		f.flags = q.len ? 0 : TNL_FLAG_END;
		tnl_frame_encode(hdr, &f);
		KUNIT_ASSERT_EQ(test, tnl_frame_decode(hdr, &back), 0);
		KUNIT_EXPECT_EQ(test, back.length, 65536u);
		KUNIT_EXPECT_EQ(test, back.id, 12345678901234567890ULL);
		KUNIT_EXPECT_EQ(test, !!(back.flags & TNL_FLAG_END), frames == 15);

		n = tnl_chunk_peek(&out, &pos, bv, ARRAY_SIZE(bv), U32_MAX, &len);
		KUNIT_EXPECT_EQ(test, len, 65536u);
		for (i = 0; i < n; i++) {
			unsigned int at = (offset + seen) / SIZE;

			KUNIT_EXPECT_PTR_EQ(test, bv[i].bv_page, pages[at]);
			KUNIT_EXPECT_EQ(test, (u64)bv[i].bv_offset, (offset + seen) % SIZE);
			seen += bv[i].bv_len;
		}
		offset += len;
		frames++;
		tnl_chunkq_purge(&out);
	}
	KUNIT_EXPECT_EQ(test, frames, 16u);
	tnl_chunkq_purge(&q);
	for (i = 0; i < PAGES; i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(pages[i]), 1);
		put_page(pages[i]);
	}
}

/* Bytes that follow each other in a page are one slice, with one reference. */
static void neighbours_merge(struct kunit *test)
{
	struct page *page = page_of(test);
	struct tnl_chunk_pos pos = {};
	struct tnl_chunkq q;
	struct bio_vec bv[4];
	u32 len;

	tnl_chunkq_init(&q);
	append(test, &q, page, 100, 50);
	append(test, &q, page, 150, 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	append(test, &q, page, 152, 8);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 3);
	KUNIT_EXPECT_EQ(test, tnl_chunk_peek(&q, &pos, bv, 4, U32_MAX, &len), 2u);
	KUNIT_EXPECT_EQ(test, len, 59u);
	KUNIT_EXPECT_EQ(test, bv[0].bv_len, 51u);
	tnl_chunkq_purge(&q);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

/* Trim and move by every length: bytes stay in order, references balance. */
static void every_cut(struct kunit *test)
{
	enum { SLICES = 40, LEN = 7, TOTAL = SLICES * LEN };
	struct page *page = page_of(test);
	unsigned int cut, i;

	for (cut = 0; cut <= TOTAL; cut++) {
		struct tnl_chunk_pos pos = {};
		struct tnl_chunkq q, out;
		struct bio_vec bv;
		u32 len, at = 0;

		tnl_chunkq_init(&q);
		tnl_chunkq_init(&out);
		for (i = 0; i < SLICES; i++)	/* not neighbours */
			append(test, &q, page, i * 2 * LEN, LEN);
		KUNIT_ASSERT_EQ(test, tnl_chunkq_move(&out, &q, cut), cut);
		KUNIT_ASSERT_EQ(test, out.len, (u64)cut);
		KUNIT_ASSERT_EQ(test, q.len, (u64)(TOTAL - cut));
		/* back behind the rest, and half of that thrown away */
		tnl_chunkq_splice(&out, &q);
		tnl_chunkq_trim(&out, cut / 2);
		at = cut / 2;
		while (tnl_chunk_peek(&out, &pos, &bv, 1, U32_MAX, &len)) {
			KUNIT_ASSERT_EQ(test, bv.bv_offset, at / LEN * 2 * LEN + at % LEN);
			at += len;
			tnl_chunk_advance(&out, &pos, len);
		}
		KUNIT_ASSERT_EQ(test, at, (u32)TOTAL);
		tnl_chunkq_purge(&out);
		tnl_chunkq_purge(&q);
		KUNIT_ASSERT_EQ(test, page_ref_count(page), 1);
	}
	put_page(page);
}

/* A reading position survives growth of the slice it ends on, and releases. */
static void position_stays(struct kunit *test)
{
	struct page *page = page_of(test);
	struct tnl_chunk_pos pos = {};
	struct tnl_chunkq q;
	struct bio_vec bv;
	unsigned int i;
	u64 released = 0;
	u32 len;

	tnl_chunkq_init(&q);
	for (i = 0; i < 2000; i++) {
		append(test, &q, page, i, 1);
		KUNIT_ASSERT_EQ(test, tnl_chunk_peek(&q, &pos, &bv, 1, U32_MAX, &len), 1u);
		KUNIT_ASSERT_EQ(test, len, 1u);
		KUNIT_ASSERT_EQ(test, bv.bv_offset, i);
		tnl_chunk_advance(&q, &pos, 1);
		KUNIT_ASSERT_EQ(test, tnl_chunk_peek(&q, &pos, &bv, 1, U32_MAX, &len), 0u);
	}
	for (i = 0; i < 2000; i++) {
		append(test, &q, page, (i * 2) % SIZE, 1);
		released += tnl_chunkq_release(&q, &pos, q.len - 1);
		KUNIT_ASSERT_EQ(test, tnl_chunk_peek(&q, &pos, &bv, 1, U32_MAX, &len), 1u);
		KUNIT_ASSERT_EQ(test, bv.bv_offset, (unsigned int)((i * 2) % SIZE));
		tnl_chunk_advance(&q, &pos, 1);
	}
	KUNIT_EXPECT_EQ(test, released + q.len, 4000ULL);
	tnl_chunkq_purge(&q);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

/* What is written into the hole and the bytes behind it leave as one slice. */
static void hole_in_front(struct kunit *test)
{
	struct page *page = page_of(test);
	struct tnl_chunkq q, waits, out;
	struct tnl_chunk_pos pos = {};
	struct bio_vec bv[4];
	u32 len;

	tnl_chunkq_init(&q);
	tnl_chunkq_init(&waits);
	tnl_chunkq_init(&out);
	KUNIT_ASSERT_EQ(test, tnl_chunkq_reserve(&out, 3, GFP_KERNEL), 0);
	KUNIT_EXPECT_NULL(test, tnl_chunkq_take_hole(&out, &q, 16));
	append(test, &q, page, 4000, 200);
	KUNIT_EXPECT_NULL(test, tnl_chunkq_take_hole(&out, &q, 16));
	q.hole = 16;
	/* It goes with the first byte, into a queue that has none before it, */
	KUNIT_ASSERT_EQ(test, tnl_chunkq_move(&waits, &q, q.len), 200u);
	KUNIT_EXPECT_EQ(test, q.hole, 0u);
	KUNIT_EXPECT_NULL(test, tnl_chunkq_take_hole(&out, &waits, 17));
	KUNIT_EXPECT_PTR_EQ(test, tnl_chunkq_take_hole(&out, &waits, 16),
			    (u8 *)page_address(page) + 4000 - 16);
	/* and only once. */
	KUNIT_EXPECT_NULL(test, tnl_chunkq_take_hole(&out, &waits, 16));
	KUNIT_ASSERT_EQ(test, tnl_chunkq_move(&out, &waits, 150), 150u);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 3);
	KUNIT_EXPECT_EQ(test, tnl_chunk_peek(&out, &pos, bv, 4, U32_MAX, &len), 1u);
	KUNIT_EXPECT_EQ(test, bv[0].bv_offset, 4000u - 16);
	KUNIT_EXPECT_EQ(test, len, 166u);

	/* Behind other bytes, or without the first of its own, there is none. */
	append(test, &q, page, 6000, 10);
	q.hole = 16;
	tnl_chunkq_move(&waits, &q, q.len);
	KUNIT_EXPECT_EQ(test, waits.hole, 0u);
	append(test, &q, page, 7000, 10);
	q.hole = 16;
	tnl_chunkq_trim(&q, 1);
	KUNIT_EXPECT_EQ(test, q.hole, 0u);
	q.hole = 16;
	tnl_chunkq_purge(&q);
	KUNIT_EXPECT_EQ(test, q.hole, 0u);
	tnl_chunkq_purge(&waits);
	tnl_chunkq_purge(&out);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

static void no_room(struct kunit *test)
{
	struct page *page = page_of(test);
	struct tnl_chunkq q;
	unsigned int i;

	tnl_chunkq_init(&q);
	KUNIT_EXPECT_FALSE(test, tnl_chunkq_append(&q, page, 0, 1));
	KUNIT_ASSERT_EQ(test, tnl_chunkq_reserve(&q, TNL_NODE_SLICES, GFP_KERNEL), 0);
	for (i = 0; i < TNL_NODE_SLICES; i++)
		KUNIT_ASSERT_TRUE(test, tnl_chunkq_append(&q, page, 2 * i, 1));
	KUNIT_EXPECT_FALSE(test, tnl_chunkq_append(&q, page, 500, 1));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1 + TNL_NODE_SLICES);
	KUNIT_EXPECT_EQ(test, q.len, (u64)TNL_NODE_SLICES);
	tnl_chunkq_purge(&q);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sixteen_frames),
	KUNIT_CASE(neighbours_merge),
	KUNIT_CASE(every_cut),
	KUNIT_CASE(position_stays),
	KUNIT_CASE(hole_in_front),
	KUNIT_CASE(no_room),
	{}
};

struct kunit_suite tnl_kunit_chunk = {
	.name = "tunnel_chunk",
	.test_cases = cases,
};
