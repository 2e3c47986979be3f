/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bucket of tokens that may be overdrawn: who finds it in credit goes, and what that has
 * cost is taken afterwards. So a piece is never cut for it, and on average the rate is kept
 * however large the pieces are. Pure; the caller brings the lock and the clock.
 */
#ifndef _TUNNEL_BUCKET_H
#define _TUNNEL_BUCKET_H

#include "pure.h"

struct tnl_bucket {
	u64 rate;		/* tokens a second, 0: no limit */
	u64 burst;		/* most that is kept */
	s64 level;
	u64 at_us;		/* when @level was right */
	u64 rest;		/* of a token, in millionths */
	s64 floor;		/* a debt grows to this */
};

void tnl_bucket_set(struct tnl_bucket *b, u64 rate, u64 burst, u64 now_us);
bool tnl_bucket_has(struct tnl_bucket *b, s64 least, u64 now_us);
void tnl_bucket_take(struct tnl_bucket *b, u64 n);
void tnl_bucket_give(struct tnl_bucket *b, u64 n);
u64 tnl_bucket_wait_us(const struct tnl_bucket *b, s64 least);

#endif /* _TUNNEL_BUCKET_H */
