/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits of a service, and of what the peer of a tunnel may do: sessions at once, new ones
 * in a second, bytes in a second.
 *
 * A limiter belongs to a service or a tunnel; each session that it counts has a reference,
 * so a service that is removed and made anew begins with another one. Sessions without
 * limits have nothing of all this.
 */
#ifndef _TUNNEL_LIMIT_H
#define _TUNNEL_LIMIT_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "bucket.h"

struct tnl_session;

/* struct tnl_limits - what they are; 0: no limit */
struct tnl_limits {
	u32 sessions;
	u32 rate;		/* new sessions a second */
	u64 bandwidth;		/* bytes a second in each direction */
};

enum tnl_limit_dir { TNL_LIMIT_TX, TNL_LIMIT_RX, TNL_LIMIT_DIRS };

struct tnl_limiter {
	refcount_t ref;
	struct rcu_head rcu;
	spinlock_t lock;	/* innermost; all below */
	struct tnl_limits max;
	u32 sessions;
	struct tnl_bucket opens;
	struct {
		struct tnl_bucket bytes;
		struct list_head waiting;	/* tnl_limit_use.waiting */
	} dir[TNL_LIMIT_DIRS];
	struct delayed_work work;	/* has a reference while it is queued */
};

/* struct tnl_limit_use - of one limiter by one session */
struct tnl_limit_use {
	struct tnl_limiter *limiter;	/* NULL: none */
	struct tnl_session *s;		/* referenced while it waits */
	bool counted;			/* in limiter.sessions */
	bool left;			/* limiter.lock: over, it waits no more */
	bool go[TNL_LIMIT_DIRS];	/* limiter.lock: it has waited, it is its turn */
	struct list_head waiting[TNL_LIMIT_DIRS];	/* limiter.lock */
};

/* struct tnl_limited - the limits of one session */
struct tnl_limited {
	struct rcu_head rcu;
	struct tnl_limit_use by[2];	/* its service's, its tunnel's */
};

/* Is anything limited? */
static inline bool tnl_limits_any(const struct tnl_limits *max)
{
	return max->sessions || max->rate || max->bandwidth;
}

struct tnl_limiter *tnl_limiter_new(const struct tnl_limits *max);
void tnl_limiter_set(struct tnl_limiter *l, const struct tnl_limits *max);
void tnl_limiter_hold(struct tnl_limiter *l);
void tnl_limiter_put(struct tnl_limiter *l);

int tnl_limits_enter(struct tnl_limiter *service, struct tnl_limiter *tunnel,
		     struct tnl_limited **limited);
struct tnl_limited *tnl_limits_join(struct tnl_limiter *tunnel);
void tnl_limits_leave(struct tnl_limited *limited);
void tnl_limits_free(struct tnl_limited *limited);

bool tnl_limits_wait(struct tnl_limited *limited, struct tnl_session *s,
		     enum tnl_limit_dir dir);
bool tnl_limits_debt(struct tnl_limited *limited, enum tnl_limit_dir dir);
void tnl_limits_spend(struct tnl_limited *limited, enum tnl_limit_dir dir, u32 len);
bool tnl_limits_waits(const struct tnl_limited *limited);

#endif /* _TUNNEL_LIMIT_H */
