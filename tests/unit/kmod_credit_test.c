// SPDX-License-Identifier: GPL-2.0
/* Flow control: limits at their edges, growth of the window, no dead end. */
/* links: kmod/credit.c */
#include "pure_test.h"
#include "credit.h"
#include "frame.h"

#define MS 1000u
#define RTT (100 * MS)

static struct tnl_credit_tx tx;
static struct tnl_credit_rx rx;

static int setup(void **state)
{
	(void)state;
	memset(&tx, 0xff, sizeof(tx));
	memset(&rx, 0xff, sizeof(rx));
	tnl_credit_init(&tx, &rx);
	return 0;
}

static void test_init(void **state)
{
	(void)state;
	assert_true(tx.queued == 0 && tx.max == 0);
	assert_true(tnl_credit_avail(&tx) == 0);
	assert_true(rx.received == 0 && rx.consumed == 0);
	assert_true(rx.max == TNL_WINDOW_INITIAL && rx.window == TNL_WINDOW_INITIAL);
	/* What the peer was told in HELLO it may send; not one byte more. */
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	assert_int_equal(tnl_credit_receive(&rx, 1), -EPROTO);
}

/* --- the limit a peer sets us ---------------------------------------------- */

static void test_raise(void **state)
{
	(void)state;
	assert_int_equal(tnl_credit_raise(&tx, 0), 0);
	assert_int_equal(tnl_credit_raise(&tx, 1), 1);
	assert_int_equal(tnl_credit_raise(&tx, 1), 0);
	assert_int_equal(tnl_credit_raise(&tx, 1000), 1);
	/* never falls */
	assert_int_equal(tnl_credit_raise(&tx, 999), 0);
	assert_int_equal(tnl_credit_raise(&tx, 0), 0);
	assert_true(tx.max == 1000 && tnl_credit_avail(&tx) == 1000);
	tx.queued = 999;
	assert_true(tnl_credit_avail(&tx) == 1);
	tx.queued = 1000;
	assert_true(tnl_credit_avail(&tx) == 0);
	/* not even with a caller that queued too much */
	tx.queued = 1001;
	assert_true(tnl_credit_avail(&tx) == 0);
}

static void test_raise_far(void **state)
{
	const u64 sane = 1ULL << 31;

	(void)state;
	assert_int_equal(tnl_credit_raise(&tx, sane + 1), -EPROTO);
	assert_true(tx.max == 0);
	assert_int_equal(tnl_credit_raise(&tx, sane), 1);
	assert_true(tnl_credit_avail(&tx) == sane);
	assert_int_equal(tnl_credit_raise(&tx, sane + 1), -EPROTO);
	tx.queued = 1;
	assert_int_equal(tnl_credit_raise(&tx, sane + 1), 1);
	assert_int_equal(tnl_credit_raise(&tx, sane + 2), -EPROTO);
	assert_true(tx.max == sane + 1);
}

static void test_raise_hostile(void **state)
{
	const u64 hostile[] = {
		1ULL << 32, 1ULL << 61, (1ULL << 62) - 1, 1ULL << 62,
		(1ULL << 62) + 1, 1ULL << 63, (1ULL << 63) - 1, ~0ULL - 1, ~0ULL,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		assert_int_equal(tnl_credit_raise(&tx, hostile[i]), -EPROTO);
		assert_true(tx.max == 0 && tx.queued == 0);
	}
}

static void test_raise_at_the_end(void **state)
{
	const u64 end = 1ULL << 62;

	(void)state;
	assert_true(end == TNL_OFFSET_MAX);
	/* all but the last 2^31 bytes that a session may ever carry are sent */
	tx.queued = tx.max = end - 1 - (1ULL << 31);
	assert_int_equal(tnl_credit_raise(&tx, end - 1), 1);
	assert_true(tnl_credit_avail(&tx) == 1ULL << 31);
	assert_int_equal(tnl_credit_raise(&tx, end), -EPROTO);
	assert_int_equal(tnl_credit_raise(&tx, ~0ULL), -EPROTO);
	tx.queued = end - 1;
	assert_true(tnl_credit_avail(&tx) == 0);
	assert_int_equal(tnl_credit_raise(&tx, end - 1), 0);
	assert_int_equal(tnl_credit_raise(&tx, end), -EPROTO);
	/* the sum that is compared does not wrap, whatever the limit */
	assert_int_equal(tnl_credit_raise(&tx, 0), 0);
	assert_true(tx.max == end - 1);
}

/* --- what a peer sends us -------------------------------------------------- */

static void test_receive(void **state)
{
	(void)state;
	assert_int_equal(tnl_credit_receive(&rx, 0), 0);
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL + 1), -EPROTO);
	assert_int_equal(tnl_credit_receive(&rx, UINT32_MAX), -EPROTO);
	assert_true(rx.received == 0);
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL - 1), 0);
	assert_int_equal(tnl_credit_receive(&rx, 2), -EPROTO);
	assert_int_equal(tnl_credit_receive(&rx, 1), 0);
	assert_int_equal(tnl_credit_receive(&rx, 0), 0);
	assert_true(rx.received == TNL_WINDOW_INITIAL);
	/* Reading alone gives nothing: the peer must have been told. */
	tnl_credit_consume(&rx, TNL_WINDOW_INITIAL, 1, RTT, true);
	assert_int_equal(tnl_credit_receive(&rx, 1), -EPROTO);
	tnl_credit_advertise(&rx);
	assert_int_equal(tnl_credit_receive(&rx, 1), 0);
}

static void test_receive_large_offsets(void **state)
{
	(void)state;
	rx.received = (1ULL << 62) - 10;
	rx.max = (1ULL << 62) - 1;
	assert_int_equal(tnl_credit_receive(&rx, 10), -EPROTO);
	assert_int_equal(tnl_credit_receive(&rx, 9), 0);
	assert_int_equal(tnl_credit_receive(&rx, 1), -EPROTO);
	assert_true(rx.received == (1ULL << 62) - 1);
}

/* --- when the peer is told ------------------------------------------------- */

static void test_tell_at_half(void **state)
{
	u32 half = TNL_WINDOW_INITIAL / 2;
	u64 max = rx.max;

	(void)state;
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	assert_false(tnl_credit_consume(&rx, half - 1, 1, RTT, false));
	assert_true(rx.max == max);
	assert_true(tnl_credit_consume(&rx, 1, 2, RTT, false));
	/* and again until it has been told */
	assert_true(tnl_credit_consume(&rx, 1, 3, RTT, false));
	assert_true(tnl_credit_advertise(&rx) == half + 1 + TNL_WINDOW_INITIAL);
	assert_false(tnl_credit_consume(&rx, 1, 4, RTT, false));
	/* Saying it twice says the same. */
	max = tnl_credit_advertise(&rx);
	assert_true(tnl_credit_advertise(&rx) == max);
	/* A smaller window would not take back what was granted. */
	rx.window /= 2;
	assert_true(tnl_credit_advertise(&rx) == max);
}

/* --- growth ---------------------------------------------------------------- */

/* The peer fills the window; the reader empties it, taking @us for that. */
static void round_of(u64 *now, u64 us, u32 srtt, bool may_grow)
{
	u32 len = rx.max - rx.received;

	tnl_credit_receive(&rx, len);
	*now += us;
	tnl_credit_consume(&rx, len, *now, srtt, may_grow);
	tnl_credit_advertise(&rx);
}

/*
 * A round begins where the last one ended. The very first has no such end, and
 * begins with the first byte.
 */
static u64 first_round(void)
{
	u64 now = 1000000;

	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	tnl_credit_consume(&rx, 1, now, RTT, false);
	tnl_credit_consume(&rx, TNL_WINDOW_INITIAL - 1, now, RTT, false);
	tnl_credit_advertise(&rx);
	assert_int_equal(rx.window, TNL_WINDOW_INITIAL);
	return now;
}

static void test_growth(void **state)
{
	u64 now = first_round();
	u32 w = TNL_WINDOW_INITIAL;

	(void)state;
	/* a reader that takes four round trips or more is not held back */
	round_of(&now, 4 * RTT, RTT, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 1ULL << 40, RTT, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 4 * RTT - 1, RTT, true);
	assert_int_equal(rx.window, w *= 2);
	/* a fast one, without memory */
	round_of(&now, 1, RTT, false);
	assert_int_equal(rx.window, w);
	/* never beyond the limit, and never smaller again */
	while (w < TNL_WINDOW_MAX) {
		round_of(&now, RTT, RTT, true);
		assert_int_equal(rx.window, w *= 2);
	}
	assert_int_equal(w, TNL_WINDOW_MAX);
	round_of(&now, 1, RTT, true);
	assert_int_equal(rx.window, TNL_WINDOW_MAX);
	round_of(&now, 1ULL << 40, RTT, false);
	assert_int_equal(rx.window, TNL_WINDOW_MAX);
}

static void test_growth_needs_a_window(void **state)
{
	u64 now = first_round();

	(void)state;
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	tnl_credit_consume(&rx, TNL_WINDOW_INITIAL - 1, now + 1, RTT, true);
	assert_int_equal(rx.window, TNL_WINDOW_INITIAL);
	tnl_credit_consume(&rx, 1, now + 1, RTT, true);
	assert_int_equal(rx.window, 2 * TNL_WINDOW_INITIAL);
}

/* In pieces it counts from the end of the last round to its own end. */
static void test_growth_in_pieces(void **state)
{
	u64 now = first_round();
	u32 i;

	(void)state;
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	for (i = 0; i < 32; i++)
		tnl_credit_consume(&rx, 1024, now += RTT / 8, RTT, true);
	assert_int_equal(rx.window, TNL_WINDOW_INITIAL);
	tnl_credit_advertise(&rx);
	assert_int_equal(tnl_credit_receive(&rx, TNL_WINDOW_INITIAL), 0);
	for (i = 0; i < 32; i++)
		tnl_credit_consume(&rx, 1024, now += RTT / 9, RTT, true);
	assert_int_equal(rx.window, 2 * TNL_WINDOW_INITIAL);
}

static void test_growth_rtt(void **state)
{
	u64 now = first_round();
	u32 w = TNL_WINDOW_INITIAL;

	(void)state;
	/* below 5 ms a round trip counts as 5 ms, unknown (0) as well */
	round_of(&now, 20 * MS, 0, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 20 * MS, 5 * MS - 1, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 20 * MS, 5 * MS, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 20 * MS - 1, 0, true);
	assert_int_equal(rx.window, w *= 2);
	round_of(&now, 20 * MS, 5 * MS + 1, true);
	assert_int_equal(rx.window, w *= 2);
	/* four times the largest there is does not wrap */
	round_of(&now, 4ULL * UINT32_MAX, UINT32_MAX, true);
	assert_int_equal(rx.window, w);
	round_of(&now, 4ULL * UINT32_MAX - 1, UINT32_MAX, true);
	assert_int_equal(rx.window, w *= 2);
	/* a clock that goes back proves nothing */
	now -= 100 * MS;
	round_of(&now, 1, RTT, true);
	assert_int_equal(rx.window, w);
}

/* --- both halves against each other ---------------------------------------- */

static u64 seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same numbers on every run. */
static u64 rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/*
 * Any order of sending, reading and telling: no byte beyond the credit, limits
 * only rise, and a sender that is stopped with all read hears of more.
 */
static void test_random(void **state)
{
	u64 now = 1, last_max, last_window, on_wire = 0, told = 0;
	bool owed = false;
	unsigned int i;

	(void)state;
	assert_int_equal(tnl_credit_raise(&tx, TNL_WINDOW_INITIAL), 1);
	for (i = 0; i < PURE_ROUNDS(400000); i++) {
		u64 r = rnd(), n;

		now += (r >> 8) % (20 * MS);
		last_max = rx.max;
		last_window = rx.window;
		switch (r % 4) {
		case 0:		/* send */
			n = (r >> 32) % (tnl_credit_avail(&tx) + 1);
			if (r & 0x10)
				n = tnl_credit_avail(&tx);
			tx.queued += n;
			on_wire += n;
			break;
		case 1:		/* arrive */
			n = (r >> 32) % (on_wire + 1);
			assert_int_equal(tnl_credit_receive(&rx, n), 0);
			on_wire -= n;
			break;
		case 2:		/* read */
			n = rx.received - rx.consumed;
			n = r & 0x10 ? n : (r >> 32) % (n + 1);
			if (tnl_credit_consume(&rx, n, now, r & 0x20 ? RTT : 0, r & 0x40))
				owed = true;
			break;
		case 3:		/* WINDOW leaves and arrives, perhaps an old one again */
			if (owed) {
				told = tnl_credit_advertise(&rx);
				owed = false;
			}
			if (told)
				assert_true(tnl_credit_raise(&tx, told) >= 0);
			break;
		}
		assert_true(rx.max >= last_max && rx.window >= last_window);
		assert_true(rx.window <= TNL_WINDOW_MAX);
		assert_true(rx.consumed <= rx.received && rx.received <= rx.max);
		assert_true(rx.max <= rx.consumed + rx.window);
		assert_true(tx.max <= rx.max && tx.queued <= tx.max);
		assert_true(tx.queued == rx.received + on_wire);
		if (rx.consumed == tx.max)
			assert_true(owed || told > tx.max);
	}
	assert_int_equal(rx.window, TNL_WINDOW_MAX);
	assert_true(rx.consumed > 100ULL * TNL_WINDOW_MAX);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_init, setup),
	cmocka_unit_test_setup(test_raise, setup),
	cmocka_unit_test_setup(test_raise_far, setup),
	cmocka_unit_test_setup(test_raise_hostile, setup),
	cmocka_unit_test_setup(test_raise_at_the_end, setup),
	cmocka_unit_test_setup(test_receive, setup),
	cmocka_unit_test_setup(test_receive_large_offsets, setup),
	cmocka_unit_test_setup(test_tell_at_half, setup),
	cmocka_unit_test_setup(test_growth, setup),
	cmocka_unit_test_setup(test_growth_needs_a_window, setup),
	cmocka_unit_test_setup(test_growth_in_pieces, setup),
	cmocka_unit_test_setup(test_growth_rtt, setup),
	cmocka_unit_test_setup(test_random, setup),
};

PURE_SUITE(credit, tests);
