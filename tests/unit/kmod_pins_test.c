// SPDX-License-Identifier: GPL-2.0
/* Which keys a peer may have: read as a request has them, found again, in common. */
/* links: kmod/pins.c */
#include "pure_test.h"
#include "pins.h"

/* Pin @n; they differ in their last byte only. */
static const u8 *pin(u8 n)
{
	static u8 all[256][TNL_PIN_LEN];

	all[n][TNL_PIN_LEN - 1] = n;
	return all[n];
}

/* Pins @first and those behind it, @n of them. */
static const u8 *some(u8 first, unsigned int n)
{
	static u8 out[2 * TNL_PINS_MAX * TNL_PIN_LEN];
	unsigned int i;

	for (i = 0; i < n; i++)
		memcpy(out + i * TNL_PIN_LEN, pin(first + i), TNL_PIN_LEN);
	return out;
}

static void test_read(void **state)
{
	struct tnl_pins p;
	unsigned int n, i;

	(void)state;
	for (n = 1; n <= TNL_PINS_MAX; n++) {
		assert_int_equal(tnl_pins_read(&p, some(7, n), n * TNL_PIN_LEN), 0);
		assert_int_equal(p.n, n);
		for (i = 0; i < n; i++)
			assert_memory_equal(p.pin[i], pin(7 + i), TNL_PIN_LEN);
	}
}

/* What is not as it must be leaves none that somebody could have. */
static void test_bad(void **state)
{
	static const size_t lengths[] = { 0, 1, TNL_PIN_LEN - 1, TNL_PIN_LEN + 1,
					  8 * TNL_PIN_LEN - 1, 8 * TNL_PIN_LEN + 1,
					  9 * TNL_PIN_LEN };
	u8 twice[3 * TNL_PIN_LEN];
	struct tnl_pins p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		p.n = 3;
		assert_int_equal(tnl_pins_read(&p, some(1, 9), lengths[i]), -EINVAL);
		assert_int_equal(p.n, 0);
	}
	memcpy(twice, some(1, 3), sizeof(twice));
	memcpy(twice + 2 * TNL_PIN_LEN, twice, TNL_PIN_LEN);
	assert_int_equal(tnl_pins_read(&p, twice, sizeof(twice)), -EEXIST);
	assert_int_equal(p.n, 0);
	assert_false(tnl_pins_have(&p, twice));
}

static void test_have(void **state)
{
	struct tnl_pins p;

	(void)state;
	assert_int_equal(tnl_pins_read(&p, some(1, 3), 3 * TNL_PIN_LEN), 0);
	assert_true(tnl_pins_have(&p, pin(1)));
	assert_true(tnl_pins_have(&p, pin(3)));
	assert_false(tnl_pins_have(&p, pin(0)));
	assert_false(tnl_pins_have(&p, pin(4)));
}

static void test_meet(void **state)
{
	struct tnl_pins a, b, none = { 0 };

	(void)state;
	assert_int_equal(tnl_pins_read(&a, some(1, 8), 8 * TNL_PIN_LEN), 0);
	assert_int_equal(tnl_pins_read(&b, some(8, 8), 8 * TNL_PIN_LEN), 0);
	assert_true(tnl_pins_meet(&a, &b));
	assert_true(tnl_pins_meet(&b, &a));
	assert_int_equal(tnl_pins_read(&b, some(9, 1), TNL_PIN_LEN), 0);
	assert_false(tnl_pins_meet(&a, &b));
	assert_false(tnl_pins_meet(&a, &none));
	assert_false(tnl_pins_meet(&none, &none));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_read),
	cmocka_unit_test(test_bad),
	cmocka_unit_test(test_have),
	cmocka_unit_test(test_meet),
};

PURE_SUITE(pins, tests);
