// SPDX-License-Identifier: GPL-2.0
/* Messages in a stream: their ends are found wherever the bytes are cut. */
/* links: kmod/message.c */
#include "pure_test.h"
#include "message.h"

static struct tnl_message_scan scan;
static u8 row[TNL_MESSAGE_MAX + 64];

static int setup(void **state)
{
	(void)state;
	memset(&scan, 0, sizeof(scan));
	memset(row, 0xff, sizeof(row));
	return 0;
}

/* A header at @at; the bytes behind it look like a length that is too long. */
static u32 put(u32 at, u32 len)
{
	tnl_put32(row + at, len);
	return at + TNL_MESSAGE_HDR + len;
}

static void test_empty(void **state)
{
	u32 end = put(put(put(0, 0), 0), 0);

	(void)state;
	assert_int_equal(tnl_message_scan(&scan, row, 0), 0);
	assert_true(tnl_message_whole(&scan));
	assert_int_equal(tnl_message_scan(&scan, row, end), 3);
	assert_true(tnl_message_whole(&scan));
}

static void test_every_cut(void **state)
{
	u32 end = put(put(put(put(0, 5), 0), 1), 7), a, b;

	(void)state;
	for (a = 0; a <= end; a++) {
		for (b = a; b <= end; b++) {
			int n;

			memset(&scan, 0, sizeof(scan));
			n = tnl_message_scan(&scan, row, a);
			n += tnl_message_scan(&scan, row + a, b - a);
			assert_int_equal(tnl_message_whole(&scan),
					 b == 0 || b == 9 || b == 13 || b == 18 || b == end);
			n += tnl_message_scan(&scan, row + b, end - b);
			assert_int_equal(n, 4);
			assert_true(tnl_message_whole(&scan));
		}
	}
}

static void test_byte_by_byte(void **state)
{
	u32 end = put(put(0, 300), 2), i;
	int n = 0;

	(void)state;
	for (i = 0; i < end; i++) {
		n += tnl_message_scan(&scan, row + i, 1);
		assert_int_equal(n, i + 1 == end ? 2 : i + 1 >= 304);
	}
}

static void test_longest(void **state)
{
	u32 end = put(0, TNL_MESSAGE_MAX);

	(void)state;
	assert_int_equal(tnl_message_scan(&scan, row, end - 1), 0);
	assert_false(tnl_message_whole(&scan));
	assert_int_equal(tnl_message_scan(&scan, row + end - 1, 1), 1);
}

static void test_too_long(void **state)
{
	static const u32 lengths[] = { TNL_MESSAGE_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(&scan, 0, sizeof(scan));
		tnl_put32(row, lengths[i]);
		assert_int_equal(tnl_message_scan(&scan, row, 3), 0);
		assert_true(tnl_message_scan(&scan, row + 3, 1) == -EPROTO);
	}
	/* also behind one that is right */
	memset(&scan, 0, sizeof(scan));
	assert_true(tnl_message_scan(&scan, row, put(0, 3) + 4) == -EPROTO);
}

/* A reader that has taken all leaves room for one more, whatever it was told. */
static void test_window(void **state)
{
	(void)state;
	assert_true(TNL_MESSAGE_WINDOW / 2 >= TNL_MESSAGE_MAX + TNL_MESSAGE_HDR);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_empty, setup),
	cmocka_unit_test_setup(test_every_cut, setup),
	cmocka_unit_test_setup(test_byte_by_byte, setup),
	cmocka_unit_test_setup(test_longest, setup),
	cmocka_unit_test_setup(test_too_long, setup),
	cmocka_unit_test_setup(test_window, setup),
};

PURE_SUITE(message, tests);
