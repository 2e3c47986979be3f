/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of the pure files run twice: in user space under ASan and UBSan with
 * cmocka, and in the kernel under KASAN with KUnit. This header is the difference:
 * in the kernel it gives cmocka's words the meaning of KUnit's.
 *
 *	static const struct CMUnitTest tests[] = { cmocka_unit_test(...), ... };
 *	PURE_SUITE(frame, tests);
 */
#ifndef _TUNNEL_PURE_TEST_H
#define _TUNNEL_PURE_TEST_H

#ifndef __KERNEL__

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Rounds of random trials; an emulated debug kernel is a hundred times slower. */
#define PURE_ROUNDS(n) (n)

#define PURE_SUITE(name, tests)						\
int main(void)								\
{									\
	return cmocka_run_group_tests(tests, NULL, NULL);		\
}									\
struct pure_suite_##name

#else /* kernel */

#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PURE_ROUNDS(n) ((n) / 20)
#define malloc(size) kmalloc(size, GFP_KERNEL)
#define free(p) kfree(p)
#define UINT64_MAX U64_MAX
#define UINT32_MAX U32_MAX
#define UINT16_MAX U16_MAX

/* KUnit runs one case at a time. */
static struct kunit *pure_now;

#define assert_true(c)		KUNIT_ASSERT_TRUE(pure_now, c)
#define assert_false(c)		KUNIT_ASSERT_FALSE(pure_now, c)
#define assert_null(p)		KUNIT_ASSERT_PTR_EQ(pure_now, (const void *)(p), NULL)
#define assert_non_null(p)	KUNIT_ASSERT_PTR_NE(pure_now, (const void *)(p), NULL)
#define assert_int_equal(a, b)	KUNIT_ASSERT_EQ(pure_now, (u64)(a), (u64)(b))
#define assert_ptr_equal(a, b)	KUNIT_ASSERT_PTR_EQ(pure_now, (const void *)(a), (const void *)(b))
#define assert_string_equal(a, b) KUNIT_ASSERT_STREQ(pure_now, a, b)
#define assert_memory_equal(a, b, n) KUNIT_ASSERT_EQ(pure_now, memcmp(a, b, n), 0)
#define fail_msg(...) do {						\
	KUNIT_FAIL(pure_now, __VA_ARGS__);				\
	KUNIT_ASSERT_TRUE(pure_now, false);				\
} while (0)
#define assert_in_range(v, low, high) do {				\
	u64 pure_v = (v);						\
	KUNIT_ASSERT_GE(pure_now, pure_v, (u64)(low));			\
	KUNIT_ASSERT_LE(pure_now, pure_v, (u64)(high));			\
} while (0)

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*setup)(void **state);
};

#define cmocka_unit_test(f) { .name = #f, .run = f }
#define cmocka_unit_test_setup(f, s) { .name = #f, .run = f, .setup = s }

#define PURE_SUITE(suite, tests)					\
static const void *pure_next(const void *prev, char *desc)		\
{									\
	const struct CMUnitTest *t = prev ? (const struct CMUnitTest *)prev + 1 : tests; \
									\
	if (t == (tests) + ARRAY_SIZE(tests))				\
		return NULL;						\
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);			\
	return t;							\
}									\
									\
static void pure_run(struct kunit *test)				\
{									\
	const struct CMUnitTest *t = test->param_value;			\
									\
	pure_now = test;						\
	if (t->setup)							\
		t->setup(NULL);						\
	t->run(NULL);							\
}									\
									\
static struct kunit_case pure_cases[] = {				\
	KUNIT_CASE_PARAM(pure_run, pure_next),				\
	{}								\
};									\
									\
struct kunit_suite tnl_kunit_##suite = {				\
	.name = "tunnel_" #suite,					\
	.test_cases = pure_cases,					\
}

#endif

#endif /* _TUNNEL_PURE_TEST_H */
