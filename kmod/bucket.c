// SPDX-License-Identifier: GPL-2.0
/* Pure: arithmetic only. */
#include "bucket.h"

#define US 1000000ULL

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
	b->at_us = now_us;
}

/* What has come in since. A part of a token that is not there yet is kept as time. */
static void fill(struct tnl_bucket *b, u64 now_us)
{
	u64 passed = now_us > b->at_us ? now_us - b->at_us : 0, lack, n;

	lack = (s64)b->burst - b->level;
	/* lack is below 2^42: the product fits. And so does the one below, as it is smaller. */
	if (passed >= lack * US / b->rate + 1) {
		b->level = b->burst;
		b->at_us = now_us;
		return;
	}
	n = passed * b->rate / US;
	b->level += n;
	b->at_us += n * US / b->rate;
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
 * @n: at most 2^32. A debt grows to 2^40 tokens
 */
void tnl_bucket_take(struct tnl_bucket *b, u64 n)
{
	if (b->rate)
		b->level = max_t(s64, b->level - (s64)n, -(1LL << 40));
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
