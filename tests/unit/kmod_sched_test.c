// SPDX-License-Identifier: GPL-2.0
/* Deficit round robin: who sends next, how much, and that it is fair. */
/* links: kmod/sched.c */
#include "pure_test.h"
#include "frame.h"
#include "sched.h"

#define FULL TNL_PAYLOAD_FULL
#define Q TNL_QUANTUM
#define MANY 300

/* struct sess - what a session is to the scheduler */
struct sess {
	struct tnl_sched_ent ent;
	u64 backlog, sent;
	unsigned int turns;	/* frames */
};

static struct tnl_sched sched;
static struct sess sess[MANY];

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	tnl_sched_init(&sched);
	memset(sess, 0, sizeof(sess));
	for (i = 0; i < MANY; i++)
		tnl_sched_ent_init(&sess[i].ent);
	return 0;
}

static void add(unsigned int i, u64 bytes)
{
	sess[i].backlog += bytes;
	tnl_sched_add(&sched, &sess[i].ent);
}

static struct sess *next(u32 full, u32 *quota)
{
	struct tnl_sched_ent *e = tnl_sched_next(&sched, full, quota);

	if (!e)
		return NULL;
	assert_in_range(*quota, 1, full);
	return container_of(e, struct sess, ent);
}

static void sent(struct sess *s, u32 len)
{
	assert_true(len <= s->backlog);
	s->backlog -= len;
	s->sent += len;
	s->turns++;
	tnl_sched_sent(&sched, &s->ent, len, s->backlog);
}

/* One frame, as full as allowed. Return: who sent it, NULL when nobody has data. */
static struct sess *frame(u32 full)
{
	u32 quota;
	struct sess *s = next(full, &quota);

	if (s)
		sent(s, min_t(u64, quota, s->backlog));
	return s;
}

static u64 seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same numbers on every run. */
static u64 rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static void test_empty(void **state)
{
	u32 quota = 7;

	(void)state;
	assert_null(tnl_sched_next(&sched, FULL, &quota));
	assert_int_equal(quota, 7);
	tnl_sched_del(&sess[0].ent);
	assert_null(tnl_sched_next(&sched, FULL, &quota));
}

/* Four turns with their headers are four full TLS records. */
static void test_quantum(void **state)
{
	(void)state;
	assert_int_equal(4 * (Q + TNL_HDR_LEN), FULL + TNL_HDR_LEN);
}

static void test_alone(void **state)
{
	u32 quota;

	(void)state;
	add(0, 3 * FULL + 5);
	/* nobody to share with: the frame is filled, or the room there is */
	assert_ptr_equal(frame(FULL), &sess[0]);
	assert_true(sess[0].sent == FULL);
	assert_ptr_equal(next(100, &quota), &sess[0]);
	assert_int_equal(quota, 100);
	assert_ptr_equal(next(1, &quota), &sess[0]);
	assert_int_equal(quota, 1);
	sent(&sess[0], 1);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, FULL);
	frame(FULL);
	frame(FULL);
	assert_true(sess[0].backlog == 4);
	assert_ptr_equal(frame(FULL), &sess[0]);
	assert_null(frame(FULL));
	assert_int_equal(sess[0].turns, 5);
}

static void test_add_twice(void **state)
{
	u32 quota;

	(void)state;
	assert_true(tnl_sched_add(&sched, &sess[0].ent));
	assert_false(tnl_sched_add(&sched, &sess[0].ent));
	assert_true(tnl_sched_add(&sched, &sess[1].ent));
	assert_false(tnl_sched_add(&sched, &sess[1].ent));
	/* a second add neither moves it nor gives it a bigger turn */
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, Q);
	tnl_sched_sent(&sched, &sess[0].ent, Q - 1, true);
	assert_false(tnl_sched_add(&sched, &sess[0].ent));
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, 1);
}

/* Looking is free: only what was sent counts. */
static void test_next_is_stable(void **state)
{
	u32 quota, i;

	(void)state;
	add(0, 10 * Q);
	add(1, 10 * Q);
	for (i = 0; i < 10; i++) {
		assert_ptr_equal(next(FULL, &quota), &sess[0]);
		assert_int_equal(quota, Q);
	}
}

static void test_turns(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		add(i, 2 * Q);
	for (i = 0; i < 6; i++)
		assert_ptr_equal(frame(FULL), &sess[i % 3]);
	assert_null(frame(FULL));
	for (i = 0; i < 3; i++)
		assert_int_equal(sess[i].turns, 2);
}

/* A turn cut short by the room of a batch goes on in the next one. */
static void test_turn_in_parts(void **state)
{
	u32 quota;

	(void)state;
	add(0, 10 * Q);
	add(1, 10 * Q);
	assert_ptr_equal(frame(1000), &sess[0]);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, Q - 1000);
	assert_ptr_equal(frame(FULL), &sess[0]);
	assert_ptr_equal(next(FULL, &quota), &sess[1]);
	assert_int_equal(quota, Q);
	assert_true(sess[0].sent == Q);
}

/* What it did not use it does not keep for later. */
static void test_no_saving(void **state)
{
	u32 quota;

	(void)state;
	add(0, 10);
	add(1, 10 * Q);
	assert_ptr_equal(frame(FULL), &sess[0]);
	add(0, 10 * Q);
	assert_ptr_equal(frame(FULL), &sess[1]);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, Q);
}

/* A session that is said to have more, but sends nothing, stops nobody. */
static void test_nothing_sent(void **state)
{
	u32 quota;

	(void)state;
	add(0, 1);
	add(1, 1);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	tnl_sched_sent(&sched, &sess[0].ent, 0, true);
	assert_ptr_equal(next(FULL, &quota), &sess[1]);
	tnl_sched_sent(&sched, &sess[1].ent, 0, true);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	/* END without a byte */
	tnl_sched_sent(&sched, &sess[0].ent, 0, false);
	assert_ptr_equal(next(FULL, &quota), &sess[1]);
	assert_int_equal(quota, FULL);
}

static u64 spread(unsigned int from, unsigned int to)
{
	u64 least = ~0ULL, most = 0;
	unsigned int i;

	for (i = from; i < to; i++) {
		least = min_t(u64, least, sess[i].sent);
		most = max_t(u64, most, sess[i].sent);
	}
	return most - least;
}

/*
 * While all have data, none is more than a quantum ahead of another, whatever
 * room the frames have.
 */
static void fair(bool random_room)
{
	u64 total = 0;

	add(0, 100 * Q);
	add(1, 300 * Q + 1);
	add(2, 3000 * Q + 77);
	while (sess[0].backlog) {
		assert_non_null(frame(random_room ? 1 + rnd() % FULL : FULL));
		if (sess[0].backlog)
			assert_in_range(spread(0, 3), 0, Q);
	}
	/* the two that are left share what there is */
	sess[1].sent = sess[2].sent = 0;
	while (sess[1].backlog) {
		assert_non_null(frame(random_room ? 1 + rnd() % FULL : FULL));
		if (sess[1].backlog)
			assert_in_range(spread(1, 3), 0, 2 * Q);
	}
	while (frame(FULL))
		total++;
	/* and the last one alone fills its frames */
	assert_in_range(total, 1, (3000 * Q) / FULL);
	assert_true(!sess[0].backlog && !sess[1].backlog && !sess[2].backlog);
}

static void test_fair(void **state)
{
	(void)state;
	fair(false);
}

static void test_fair_any_room(void **state)
{
	(void)state;
	fair(true);
}

/* Small pieces cost bytes, not turns. */
static void test_fair_small_frames(void **state)
{
	u32 quota, i;

	(void)state;
	for (i = 0; i < 3; i++)
		add(i, 1000 * Q);
	for (i = 0; i < 50000; i++) {
		struct sess *s = next(FULL, &quota);
		u32 most = s == &sess[0] ? 100 : s == &sess[1] ? 1460 : FULL;

		sent(s, min_t(u32, quota, most));
		assert_in_range(spread(0, 3), 0, Q);
	}
	assert_true(sess[0].turns > 10 * sess[1].turns);
	assert_true(sess[1].turns > 10 * sess[2].turns);
}

/* Each of many gets its turn before any gets a second one. */
static void test_many(void **state)
{
	unsigned int i, round;

	(void)state;
	for (i = 0; i < MANY; i++)
		add(i, 5 * Q);
	for (round = 1; round <= 5; round++) {
		for (i = 0; i < MANY; i++)
			assert_ptr_equal(frame(FULL), &sess[i]);
		for (i = 0; i < MANY; i++)
			assert_int_equal(sess[i].turns, round);
	}
	assert_null(frame(FULL));
}

/* A late comer waits for a turn of each that was there, and no more. */
static void test_late_comer(void **state)
{
	u64 waited = 0;
	struct sess *s;

	(void)state;
	add(0, 1000 * FULL);
	frame(FULL);
	frame(FULL);
	add(1, 100);
	while ((s = frame(FULL)) == &sess[0])
		waited += FULL;
	assert_ptr_equal(s, &sess[1]);
	assert_in_range(waited, 0, FULL);
	assert_true(sess[0].sent <= 2 * FULL + Q);
}

static void test_delete(void **state)
{
	u32 quota;

	(void)state;
	add(0, Q);
	add(1, Q);
	add(2, Q);
	tnl_sched_del(&sess[1].ent);	/* in the middle */
	tnl_sched_del(&sess[1].ent);	/* twice */
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, Q);
	tnl_sched_del(&sess[0].ent);	/* at the head */
	/* the one that is left is alone now */
	assert_ptr_equal(next(FULL, &quota), &sess[2]);
	assert_int_equal(quota, FULL);
	tnl_sched_del(&sess[2].ent);
	assert_null(tnl_sched_next(&sched, FULL, &quota));
	/* and may come back */
	add(1, 5);
	assert_ptr_equal(frame(FULL), &sess[1]);
}

/* The lock is not held between the two halves of a turn. */
static void test_delete_during_turn(void **state)
{
	u32 quota;

	(void)state;
	add(0, 10 * Q);
	add(1, 10 * Q);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	tnl_sched_del(&sess[0].ent);
	tnl_sched_sent(&sched, &sess[0].ent, quota, true);
	assert_true(list_empty(&sess[0].ent.node));
	assert_ptr_equal(next(FULL, &quota), &sess[1]);
	assert_int_equal(quota, FULL);
	/* the last one, too */
	tnl_sched_del(&sess[1].ent);
	tnl_sched_sent(&sched, &sess[1].ent, 1, true);
	assert_null(tnl_sched_next(&sched, FULL, &quota));
}

static void test_others_deleted_during_turn(void **state)
{
	u32 quota;

	(void)state;
	add(0, 10 * Q);
	add(1, 10 * Q);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	tnl_sched_del(&sess[1].ent);
	sent(&sess[0], quota);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, FULL);
}

static void test_comer_during_turn(void **state)
{
	u32 quota;

	(void)state;
	add(0, 10 * FULL);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, FULL);
	add(1, 10 * Q);
	sent(&sess[0], quota);		/* more than a quantum, as it was told */
	assert_ptr_equal(next(FULL, &quota), &sess[1]);
	assert_int_equal(quota, Q);
	sent(&sess[1], quota);
	assert_ptr_equal(next(FULL, &quota), &sess[0]);
	assert_int_equal(quota, Q);
}

/* Anything in any order: the list stays whole, and all of it gets sent. */
static void test_random(void **state)
{
	unsigned int i, n;
	u64 added = 0, dropped = 0, total = 0;

	(void)state;
	for (i = 0; i < PURE_ROUNDS(200000); i++) {
		u64 r = rnd();
		struct sess *s = &sess[(r >> 8) % 20], *t;
		u32 quota;

		switch (r % 8) {
		case 0:
		case 1:
			add((r >> 8) % 20, 1 + (r >> 32) % (2 * Q));
			added += 1 + (r >> 32) % (2 * Q);
			break;
		case 2:
			if (r & 0xf000000)
				break;
			tnl_sched_del(&s->ent);
			dropped += s->backlog;
			s->backlog = 0;
			break;
		default:
			t = next(1 + (r >> 32) % FULL, &quota);
			if (!t)
				break;
			if (t == s) {
				tnl_sched_del(&t->ent);
				dropped += t->backlog;
				t->backlog = 0;
				tnl_sched_sent(&sched, &t->ent, quota, true);
			} else {
				sent(t, min_t(u64, quota, t->backlog));
			}
			break;
		}
	}
	for (n = 0; frame(FULL); n++)
		assert_true(n < 1000000);
	for (i = 0; i < 20; i++) {
		assert_true(!sess[i].backlog && list_empty(&sess[i].ent.node));
		total += sess[i].sent;
	}
	assert_true(total && total + dropped == added);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_empty, setup),
	cmocka_unit_test_setup(test_quantum, setup),
	cmocka_unit_test_setup(test_alone, setup),
	cmocka_unit_test_setup(test_add_twice, setup),
	cmocka_unit_test_setup(test_next_is_stable, setup),
	cmocka_unit_test_setup(test_turns, setup),
	cmocka_unit_test_setup(test_turn_in_parts, setup),
	cmocka_unit_test_setup(test_no_saving, setup),
	cmocka_unit_test_setup(test_nothing_sent, setup),
	cmocka_unit_test_setup(test_fair, setup),
	cmocka_unit_test_setup(test_fair_any_room, setup),
	cmocka_unit_test_setup(test_fair_small_frames, setup),
	cmocka_unit_test_setup(test_many, setup),
	cmocka_unit_test_setup(test_late_comer, setup),
	cmocka_unit_test_setup(test_delete, setup),
	cmocka_unit_test_setup(test_delete_during_turn, setup),
	cmocka_unit_test_setup(test_others_deleted_during_turn, setup),
	cmocka_unit_test_setup(test_comer_during_turn, setup),
	cmocka_unit_test_setup(test_random, setup),
};

PURE_SUITE(sched, tests);
