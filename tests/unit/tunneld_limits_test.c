// SPDX-License-Identifier: GPL-2.0
/* Limits on strangers' handshakes, and the pace of our own attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "backoff.h"
#include "conn_limits.h"
#include "log.h"
#include "tnl.h"

static struct limits limits;

static struct sockaddr *addr(const char *text)
{
	static struct sockaddr_storage ss;
	char err[128];

	memset(&ss, 0, sizeof(ss));
	assert_true(tnl_parse_addr(text, &ss, err, sizeof(err)) > 0);
	return (struct sockaddr *)&ss;
}

static void setup(unsigned int max, unsigned int max_address, unsigned int rate, unsigned int burst)
{
	struct limits_config c = {
		.max = max, .max_address = max_address, .rate = rate, .burst = burst
	};

	limits_init(&limits, &c, 12345);
}

static void test_bucket(void **state)
{
	struct bucket b;
	uint64_t now = 1000;
	int i;

	(void)state;
	bucket_fill(&b, 40, now);
	for (i = 0; i < 40; i++)
		assert_true(bucket_take(&b, 20, 40, now));
	assert_false(bucket_take(&b, 20, 40, now));
	assert_false(bucket_take(&b, 20, 40, now + 49));
	assert_true(bucket_take(&b, 20, 40, now + 50));
	assert_false(bucket_take(&b, 20, 40, now + 50));
	/* asking again and again does not lose the fractions */
	for (i = 51; i < 100; i++)
		assert_false(bucket_take(&b, 20, 40, now + i));
	assert_true(bucket_take(&b, 20, 40, now + 100));
	/* never above burst, however long the pause; time going back is no time */
	for (i = 0; i < 40; i++)
		assert_true(bucket_take(&b, 20, 40, UINT64_MAX / 2));
	assert_false(bucket_take(&b, 20, 40, UINT64_MAX / 2));
	assert_false(bucket_take(&b, 20, 40, 5));
	/* rate 0 never refills */
	bucket_fill(&b, 1, 0);
	assert_true(bucket_take(&b, 0, 1, 0));
	assert_false(bucket_take(&b, 0, 1, 1000000));
}

static void test_counts(void **state)
{
	(void)state;
	setup(3, 2, 1000, 1000);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:2"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:3"), 0), LIMITS_ADDRESS);
	assert_int_equal(limits_count(&limits, addr("10.0.0.1:9")), 2);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.2:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.3:1"), 0), LIMITS_TOTAL);
	assert_int_equal(limits.total, 3);
	limits_leave(&limits, addr("10.0.0.1:1"));
	assert_int_equal(limits_enter(&limits, addr("10.0.0.3:1"), 0), LIMITS_OK);
	/* leaving without having entered changes nothing */
	limits_leave(&limits, addr("10.9.9.9:1"));
	assert_int_equal(limits.total, 3);
}

static void test_sources(void **state)
{
	(void)state;
	setup(100, 1, 1000, 1000);
	/* one IPv6 /64 is one source; a mapped IPv4 address is that IPv4 address */
	assert_int_equal(limits_enter(&limits, addr("[2001:db8::1]:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("[2001:db8::ffff:2]:1"), 0), LIMITS_ADDRESS);
	assert_int_equal(limits_enter(&limits, addr("[2001:db8:0:1::1]:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("[::ffff:10.0.0.1]:1"), 0), LIMITS_ADDRESS);
}

static void test_rate(void **state)
{
	int i;

	(void)state;
	setup(100, 100, 20, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(limits_enter(&limits, addr("10.0.0.1:1"), 0), LIMITS_OK);
		limits_leave(&limits, addr("10.0.0.1:1"));
	}
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:1"), 0), LIMITS_RATE);
	assert_int_equal(limits.total, 0);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.2:1"), 0), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("10.0.0.1:1"), 50), LIMITS_OK);
}

/* What strangers do together does not keep out who has been a peer before. */
static void test_all(void **state)
{
	char text[32];
	unsigned int i, in = 0;

	(void)state;
	setup(10000, 8, 1000, 1000);
	limits.config.all_rate = 10;
	limits.config.all_burst = 20;
	assert_int_equal(limits_enter(&limits, addr("192.0.2.1:1"), 0), LIMITS_OK);
	limits_good(&limits, addr("192.0.2.1:1"));
	limits_leave(&limits, addr("192.0.2.1:1"));
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u:1", i >> 8, i & 255);
		if (limits_enter(&limits, addr(text), 1) != LIMITS_OK)
			continue;
		limits_leave(&limits, addr(text));
		in++;
	}
	assert_int_equal(in, 19);
	assert_int_equal(limits_enter(&limits, addr("192.0.2.2:1"), 1), LIMITS_ALL_RATE);
	assert_int_equal(limits_enter(&limits, addr("192.0.2.1:1"), 1), LIMITS_OK);
	assert_int_equal(limits_enter(&limits, addr("192.0.2.2:1"), 101), LIMITS_OK);
	/* a stranger cannot be made good, and leaves its own row only */
	limits_good(&limits, addr("10.99.99.99:1"));
	assert_int_equal(limits.total, 2);
}

/* More sources than rows: memory does not grow, and no count is ever lost. */
static void test_many_sources(void **state)
{
	char text[32];
	unsigned int i, in = 0;

	(void)state;
	setup(100000, 8, 20, 40);
	assert_int_equal(limits_enter(&limits, addr("192.0.2.1:1"), 0), LIMITS_OK);
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u:1", i >> 16, i >> 8 & 255, i & 255);
		if (limits_enter(&limits, addr(text), i) == LIMITS_OK)
			limits_leave(&limits, addr(text));
	}
	assert_int_equal(limits_count(&limits, addr("192.0.2.1:1")), 1);
	assert_int_equal(limits.total, 1);
	/* all stay: the table fills, then strangers are refused */
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "11.%u.%u.%u:1", i >> 16, i >> 8 & 255, i & 255);
		in += limits_enter(&limits, addr(text), 30000 + i) == LIMITS_OK;
	}
	assert_in_range(in, LIMITS_SOURCES / 2, LIMITS_SOURCES - 1);
	assert_int_equal(limits.total, in + 1);
	for (i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "11.%u.%u.%u:1", i >> 16, i >> 8 & 255, i & 255);
		limits_leave(&limits, addr(text));
	}
	limits_leave(&limits, addr("192.0.2.1:1"));
	assert_int_equal(limits.total, 0);
}

static void test_log_limit(void **state)
{
	struct log_limit l = { 0 };
	unsigned int n = 99;

	(void)state;
	assert_true(log_limit_pass(&l, 1, &n));
	assert_int_equal(n, 0);
	assert_false(log_limit_pass(&l, 2, &n));
	assert_false(log_limit_pass(&l, 5000, &n));
	assert_true(log_limit_pass(&l, 5001, &n));
	assert_int_equal(n, 2);
}

static void test_backoff(void **state)
{
	static const uint64_t want[] = {
		200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000
	};
	struct backoff low = { 0 }, high = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(backoff_failed(&low, 0), want[i] * 3 / 4);
		assert_int_equal(backoff_failed(&high, 0xffffffff), want[i] * 5 / 4);
	}
	for (i = 0; i < 1000; i++)
		assert_in_range(backoff_failed(&low, (uint32_t)i * 2654435761u), 22500, 37500);
}

static void test_backoff_lost(void **state)
{
	struct backoff b = { .failures = 7 };

	(void)state;
	/* a long life clears the past, and a resumable loss is answered at once */
	assert_int_equal(backoff_lost(&b, 10000, true, 50000, 0), 0);
	assert_int_equal(b.failures, 0);
	/* but once a second only */
	assert_int_equal(backoff_lost(&b, 500, true, 50500, 0), 150);
	assert_int_equal(backoff_lost(&b, 300, true, 50999, 0), 300);
	assert_int_equal(backoff_lost(&b, 300, true, 51000, 0), 0);
	/* a protocol error is not, nor a carrier that never came up */
	assert_int_equal(backoff_lost(&b, 20000, false, 90000, 0), 150);
	assert_int_equal(backoff_lost(&b, 0, true, 99000, 0), 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),	     cmocka_unit_test(test_counts),
		cmocka_unit_test(test_sources),	     cmocka_unit_test(test_rate),
		cmocka_unit_test(test_many_sources), cmocka_unit_test(test_all),
		cmocka_unit_test(test_log_limit),    cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_backoff_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
