// SPDX-License-Identifier: GPL-2.0
/* The deframer: a stream in portions of every size, and which ids may come. */
/* links: kmod/deframe.c kmod/frame.c */
#include "pure_test.h"
#include "deframe.h"

#define LISTENER TNL_ID_LISTENER

/* A stream and what came out of it; too big for the kernel's stack. */
static struct {
	struct tnl_deframe d;
	u8 stream[4096], data[4096];
	u32 len, data_len, skipped;
	struct tnl_frame frames[16];
	u8 control[16][64];
	u32 begun, ended;
} w;

static u32 put(u8 type, u8 flags, u16 reason, u64 id, const char *payload, u32 len)
{
	struct tnl_frame f = { .type = type, .flags = flags, .reason = reason, .id = id,
			       .length = len };

	tnl_frame_encode(w.stream + w.len, &f);
	w.len += TNL_HDR_LEN;
	memcpy(w.stream + w.len, payload, len);
	w.len += len;
	return w.len;
}

static void restart(void)
{
	memset(&w.d, 0, sizeof(w.d));
	w.data_len = 0;
	w.skipped = 0;
	w.begun = 0;
	w.ended = 0;
}

/*
 * Take the portion from @at to @end as the listener that opened ids up to 5. Of
 * DATA at most @most bytes at a time.
 */
static int feed(u32 at, u32 end, u32 most)
{
	struct tnl_deframe *d = &w.d;

	while (at < end) {
		u32 n;
		int r;

		if (!d->in_frame) {
			r = tnl_deframe_header(d, w.stream + at, end - at, &n);
			if (r > 0)
				r = tnl_deframe_check_id(d, d->frame.id & LISTENER, 5);
			if (r < 0)
				return r;
			if (d->in_frame)
				w.frames[w.begun++] = d->frame;
		} else {
			n = tnl_deframe_payload(d, w.stream + at, end - at);
			if (d->frame.type == TNL_DATA) {
				n = min_t(u32, n, most);
				memcpy(w.data + w.data_len, w.stream + at, n);
				w.data_len += n;
			} else if (d->frame.type >= TNL_TYPES) {
				w.skipped += n;
			}
			tnl_deframe_taken(d, n);
		}
		at += n;
		if (d->in_frame && !d->left) {
			tnl_deframe_end(d);
			memcpy(w.control[w.ended++], d->control, sizeof(w.control[0]));
		}
	}
	return 0;
}

static int feed_one(u8 type, u8 flags, u64 id, u32 len)
{
	w.len = 0;
	put(type, flags, 0, id, "\x80\x01\x00\x04name", len);
	return feed(0, w.len, 4096);
}

/* Every size of portion, and every amount of DATA that is taken at a time. */
static void portions(void **state)
{
	u32 step, most, at;

	(void)state;
	w.len = 0;
	put(TNL_OPEN, 3, 0, 1, "\x80\x01\x00\x03web", 7);
	put(TNL_DATA, 0, 0, 1, "the quick ", 10);
	put(100, 0xff, 0xffff, ~0ULL, "from a later version", 20);
	put(64, 0, 0, 0, "", 0);
	put(TNL_PING, 0, 0, 0, "pingpong", 8);
	put(TNL_DATA, TNL_FLAG_END, 0, 1, "brown fox", 9);
	put(TNL_DATA, TNL_FLAG_END, 0, LISTENER | 5, "", 0);
	put(TNL_RESET, 0, 7, LISTENER | 4, "", 0);

	for (step = 1; step <= w.len; step++) {
		for (most = 1; most <= 11; most += 5) {
			restart();
			for (at = 0; at < w.len; at += step)
				assert_int_equal(feed(at, min_t(u32, at + step, w.len), most), 0);
			assert_int_equal(w.begun, 8);
			assert_int_equal(w.ended, 8);
			assert_int_equal(w.d.have, 0);
			assert_false(w.d.in_frame);
			assert_int_equal(w.skipped, 20);
			assert_int_equal(w.data_len, 19);
			assert_memory_equal(w.data, "the quick brown fox", 19);
			assert_memory_equal(w.control[0], "\x80\x01\x00\x03web", 7);
			assert_memory_equal(w.control[4], "pingpong", 8);
			assert_int_equal(w.frames[7].reason, 7);
			assert_int_equal(w.frames[7].id, LISTENER | 4);
		}
	}
}

/* Half a header or payload says nothing yet. */
static void halves(void **state)
{
	u32 at;

	(void)state;
	w.len = 0;
	put(TNL_PING, 0, 0, 0, "12345678", 8);
	restart();
	for (at = 0; at < w.len; at++) {
		assert_int_equal(feed(at, at + 1, 1), 0);
		assert_int_equal(w.begun, at >= TNL_HDR_LEN - 1);
		assert_int_equal(w.ended, at == w.len - 1);
	}
}

static void longest_control(void **state)
{
	(void)state;
	restart();
	w.len = 0;
	memset(w.stream, 'x', sizeof(w.stream));
	put(TNL_OPEN, 0, 0, 1, "", 0);
	w.stream[6] = TNL_CONTROL_MAX >> 8;
	w.stream[7] = TNL_CONTROL_MAX & 0xff;
	w.len += TNL_CONTROL_MAX;
	assert_int_equal(feed(0, w.len, 1), 0);
	assert_int_equal(w.ended, 1);
	assert_memory_equal(w.d.control, w.stream + TNL_HDR_LEN, TNL_CONTROL_MAX);
	/* one more is none any more */
	restart();
	w.stream[7]++;
	assert_int_equal(feed(0, w.len, 1), -EPROTO);
	assert_int_equal(w.begun, 0);
}

/* Each after OPENs of the peer up to 3; the listener opened up to 5. */
static void ids(void **state)
{
	static const struct {
		u8 type, flags;
		u64 id;
		u32 len;
		int err;
	} rows[] = {
		{ TNL_OPEN, 0, 4, 8, 0 },
		{ TNL_OPEN, 0, 400, 8, 0 },
		{ TNL_OPEN, 0, TNL_OFFSET_MAX - 1, 8, 0 },
		{ TNL_OPEN, 0, TNL_OFFSET_MAX, 8, -EPROTO },
		{ TNL_OPEN, 0, 3, 8, -EPROTO },
		{ TNL_OPEN, 0, 2, 8, -EPROTO },
		{ TNL_OPEN, 0, LISTENER | 4, 8, -EPROTO },
		{ TNL_OPEN, 0, LISTENER | 6, 8, -EPROTO },
		{ TNL_DATA, 0, 3, 1, 0 },
		{ TNL_DATA, 0, 1, 1, 0 },
		{ TNL_DATA, 0, 4, 1, -EPROTO },
		{ TNL_DATA, 0, LISTENER | 5, 1, 0 },
		{ TNL_DATA, 0, LISTENER | 6, 1, -EPROTO },
		{ TNL_RESET, 0, 4, 0, -EPROTO },
		{ TNL_WINDOW, 0, ~0ULL, 8, -EPROTO },
		{ TNL_ACCEPT, 0, LISTENER | 1, 0, 0 },
		{ TNL_PING, 0, 0, 8, 0 },
		{ 64, 0, 4, 8, 0 },
		{ 127, 0xff, ~0ULL, 0, 0 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		restart();
		assert_int_equal(feed_one(TNL_OPEN, 0, 1, 8), 0);
		assert_int_equal(feed_one(TNL_OPEN, 0, 3, 8), 0);
		if (feed_one(rows[i].type, rows[i].flags, rows[i].id, rows[i].len) != rows[i].err)
			fail_msg("row %u", i);
	}
	/* a fresh stream knows no ids */
	restart();
	assert_int_equal(feed_one(TNL_DATA, 0, 1, 1), -EPROTO);
	restart();
	assert_int_equal(feed_one(TNL_OPEN, 0, 1, 8), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(portions),
	cmocka_unit_test(halves),
	cmocka_unit_test(longest_control),
	cmocka_unit_test(ids),
};

PURE_SUITE(deframe, tests);
