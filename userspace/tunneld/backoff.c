// SPDX-License-Identifier: GPL-2.0
#include "backoff.h"

#define FIRST_MS      200
#define LAST_MS	      30000
#define GOOD_LIFE_MS  10000
#define PROMPT_GAP_MS 1000

uint64_t backoff_failed(struct backoff *b, uint32_t random)
{
	uint64_t ms = LAST_MS;

	/* 200 << 8 is the first above LAST_MS */
	if (b->failures < 8)
		ms = (uint64_t)FIRST_MS << b->failures;
	if (ms > LAST_MS)
		ms = LAST_MS;
	b->failures++;
	/* 75 % .. 125 % */
	return ms * 3 / 4 + (ms / 2) * (random & 0xffff) / 0xffff;
}

uint64_t backoff_lost(struct backoff *b, uint64_t lived_ms, bool resumable, uint64_t now_ms,
		      uint32_t random)
{
	if (lived_ms >= GOOD_LIFE_MS)
		b->failures = 0;
	if (resumable && lived_ms && (!b->prompt_ms || now_ms - b->prompt_ms >= PROMPT_GAP_MS)) {
		b->prompt_ms = now_ms;
		return 0;
	}
	return backoff_failed(b, random);
}
