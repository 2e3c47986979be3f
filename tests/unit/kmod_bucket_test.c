// SPDX-License-Identifier: GPL-2.0
/* Buckets of tokens: the rate is kept over time, whatever is taken at once. */
/* links: kmod/bucket.c */
#include "pure_test.h"
#include "bucket.h"

#define SECOND 1000000ULL

static struct tnl_bucket b;

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	return 0;
}

static void test_no_limit(void **state)
{
	(void)state;
	tnl_bucket_take(&b, 1u << 31);
	assert_true(tnl_bucket_has(&b, 1, 0));
	assert_true(tnl_bucket_wait_us(&b, 1) == 0);
	tnl_bucket_set(&b, 10, 10, 5);
	assert_true(tnl_bucket_has(&b, 10, 5));
	assert_false(tnl_bucket_has(&b, 11, 5));
	/* ... and again none */
	tnl_bucket_take(&b, 1000);
	tnl_bucket_set(&b, 0, 10, 6);
	assert_true(tnl_bucket_has(&b, 0, 6));
}

static void test_debt(void **state)
{
	(void)state;
	tnl_bucket_set(&b, 1000, 100, 0);
	tnl_bucket_take(&b, 100);
	assert_true(tnl_bucket_has(&b, 0, 0));
	assert_false(tnl_bucket_has(&b, 1, 0));
	/* the last piece may be larger than what is there */
	tnl_bucket_take(&b, 500);
	assert_false(tnl_bucket_has(&b, 0, 0));
	assert_true(tnl_bucket_wait_us(&b, 0) == SECOND / 2 + 1);
	assert_false(tnl_bucket_has(&b, 0, SECOND / 2 - 1));
	assert_true(tnl_bucket_has(&b, 0, SECOND / 2));
	assert_false(tnl_bucket_has(&b, 1, SECOND / 2));
	/* never more than the burst */
	assert_true(tnl_bucket_has(&b, 100, 100 * SECOND));
	assert_false(tnl_bucket_has(&b, 101, 200 * SECOND));
}

/* A slow rate is looked at often: nothing of the time in between is lost. */
static void test_often(void **state)
{
	u64 now;

	(void)state;
	tnl_bucket_set(&b, 3, 100, 0);
	tnl_bucket_take(&b, 100);
	for (now = 0; now < 10 * SECOND; now += 97)
		tnl_bucket_has(&b, 0, now);
	assert_true(tnl_bucket_has(&b, 29, now));
	assert_false(tnl_bucket_has(&b, 31, now));
}

static void test_average(void **state)
{
	u64 now = 0, taken = 0;

	(void)state;
	tnl_bucket_set(&b, 125000, 32768, 0);
	/* pieces of 64 KiB whenever there is no debt, woken somewhat late */
	while (now < 100 * SECOND) {
		if (tnl_bucket_has(&b, 0, now)) {
			tnl_bucket_take(&b, 65536);
			taken += 65536;
		} else {
			u64 wait = tnl_bucket_wait_us(&b, 0);

			assert_true(wait > 0 && wait < SECOND);
			now += wait + 700;
			continue;
		}
		now += 10;
	}
	assert_true(taken >= 125000 * 98);
	assert_true(taken <= 125000 * 100 + 32768 + 65536);
}

static void test_edges(void **state)
{
	u64 i;

	(void)state;
	tnl_bucket_set(&b, 1ULL << 40, 1ULL << 40, 0);
	for (i = 0; i < 4096; i++)
		tnl_bucket_take(&b, 1ULL << 32);
	/* two seconds, and half a million */
	assert_true(b.level == -(1LL << 41) - (512 << 10));
	assert_true(tnl_bucket_wait_us(&b, 0) == 2 * SECOND + 1);
	assert_false(tnl_bucket_has(&b, 0, 2 * SECOND));
	assert_true(tnl_bucket_has(&b, 0, 2 * SECOND + 1));
	/* a clock that stands far away, or goes back */
	assert_true(tnl_bucket_has(&b, 1, ~0ULL));
	assert_true(tnl_bucket_has(&b, 1, 0));
	/* the least rate, the largest debt: it is paid off, and not before */
	tnl_bucket_set(&b, 1, 1, 0);
	tnl_bucket_take(&b, 1ULL << 32);
	assert_false(tnl_bucket_has(&b, 0, (512 << 10) * SECOND));
	assert_true(tnl_bucket_has(&b, 0, ((512 << 10) + 2) * SECOND));
}

/* Rates that are no whole number of tokens in a microsecond, looked at in each of them. */
static void test_odd_rates(void **state)
{
	static const u64 rates[] = { 1999999, 124999999, 1 << 30, 1000001, 999999 };
	u64 now, taken;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		memset(&b, 0, sizeof(b));
		tnl_bucket_set(&b, rates[i], rates[i] / 8, 0);
		for (now = taken = 0; now < SECOND; now++) {
			while (tnl_bucket_has(&b, 0, now)) {
				tnl_bucket_take(&b, 1000);
				taken += 1000;
			}
		}
		assert_true(taken <= rates[i] + rates[i] / 8 + 1000);
		assert_true(taken + 2000 >= rates[i] + rates[i] / 8);
	}
}

static void test_give(void **state)
{
	(void)state;
	tnl_bucket_set(&b, 10, 10, 0);
	tnl_bucket_take(&b, 3);
	tnl_bucket_give(&b, 2);
	assert_true(tnl_bucket_has(&b, 9, 0) && !tnl_bucket_has(&b, 10, 0));
	tnl_bucket_give(&b, 100);
	assert_true(tnl_bucket_has(&b, 10, 0) && !tnl_bucket_has(&b, 11, 0));
}

static void test_change(void **state)
{
	(void)state;
	tnl_bucket_set(&b, 1000, 1000, 0);
	tnl_bucket_take(&b, 3000);
	/* who pays off goes on to do so, at the new rate */
	tnl_bucket_set(&b, 100, 100, 0);
	assert_false(tnl_bucket_has(&b, 0, 19 * SECOND));
	assert_true(tnl_bucket_has(&b, 0, 20 * SECOND));
	/* a smaller burst holds at once */
	tnl_bucket_set(&b, 100, 10, 30 * SECOND);
	assert_false(tnl_bucket_has(&b, 11, 30 * SECOND));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_no_limit, setup),
	cmocka_unit_test_setup(test_debt, setup),
	cmocka_unit_test_setup(test_often, setup),
	cmocka_unit_test_setup(test_average, setup),
	cmocka_unit_test_setup(test_edges, setup),
	cmocka_unit_test_setup(test_change, setup),
	cmocka_unit_test_setup(test_odd_rates, setup),
	cmocka_unit_test_setup(test_give, setup),
};

PURE_SUITE(bucket, tests);
