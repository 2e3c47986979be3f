// SPDX-License-Identifier: GPL-2.0
/* Pure: arithmetic only. */
#include "bucket.h"

#define US 1000000ULL
/* So long who comes later pays at most for what was too much, and one large piece. */
#define FLOOR_SECONDS 2
#define FLOOR_LEAST (512 << 10)

/**
 * tnl_bucket_set - another rate
 * @b: the bucket; all zero at first
 * @rate: tokens a second, at most 2^40, 0: no limit
 * @burst: tokens that are there after a pause, at most 2^40
 * @now_us: a monotonic clock, microseconds
 *
 * One that had no limit is full; a debt stays.
 */
void tnl_bucket_set(struct tnl_bucket *b, u64 rate, u64 burst, u64 now_us)
{
	if (!b->rate || b->level > (s64)burst)
		b->level = burst;
	b->rate = rate;
	b->burst = burst;
	b->floor = -(s64)(FLOOR_SECONDS * rate + FLOOR_LEAST);
	b->level = max_t(s64, b->level, b->floor);
	b->at_us = now_us;
	b->rest = 0;
}

/* What has come in since, to the last part of a token, however often one looks. */
static void fill(struct tnl_bucket *b, u64 now_us)
{
	u64 passed = now_us > b->at_us ? now_us - b->at_us : 0, lack, n;

	lack = (s64)b->burst - b->level;
	b->at_us = max_t(u64, now_us, b->at_us);
	/* lack is below 2^43: the product fits. And so does the one below, as it is smaller. */
	if (passed >= lack * US / b->rate + 1) {
		b->level = b->burst;
		b->rest = 0;
		return;
	}
	n = passed * b->rate + b->rest;
	b->level = min_t(s64, b->level + (s64)(n / US), b->burst);
	b->rest = n % US;
}

/**
 * tnl_bucket_has - are there so many tokens?
 * @b: the bucket
 * @least: how many; 0: it is not overdrawn
 * @now_us: as above
 */
bool tnl_bucket_has(struct tnl_bucket *b, s64 least, u64 now_us)
{
	if (!b->rate)
		return true;
	fill(b, now_us);
	return b->level >= least;
}

/**
 * tnl_bucket_take - so many are used up; without a limit nothing happens
 * @b: the bucket
 * @n: at most 2^32. A debt is never larger than what comes in within two seconds and 512 Ki
 */
void tnl_bucket_take(struct tnl_bucket *b, u64 n)
{
	if (b->rate)
		b->level = max_t(s64, b->level - (s64)n, b->floor);
}

/* tnl_bucket_give - so many were not used after all */
void tnl_bucket_give(struct tnl_bucket *b, u64 n)
{
	if (b->rate)
		b->level = min_t(s64, b->level + (s64)n, b->burst);
}

/**
 * tnl_bucket_wait_us - how long until there are so many
 * @b: the bucket, which tnl_bucket_has() has just looked at
 * @least: at most the burst
 * Return: microseconds.
 */
u64 tnl_bucket_wait_us(const struct tnl_bucket *b, s64 least)
{
	if (!b->rate || b->level >= least)
		return 0;
	return (u64)(least - b->level) * US / b->rate + 1;
}
