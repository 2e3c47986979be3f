// SPDX-License-Identifier: GPL-2.0
#include <linux/ktime.h>
#include <linux/slab.h>

#include "limit.h"
#include "session.h"
#include "tunnel.h"
#include "watch.h"

/* Of a second's bytes so many may come at once after a pause; a wake-up is late by some ms. */
#define BURST_PART 8
#define BURST_LEAST (32u << 10)
/* Who waits is woken when this part of the burst is there again: not for each frame. */
#define WAKE_PART 2
/* What is reckoned for each of those that go on. */
#define TURN (16u << 10)
/* A debt may be long; then again. */
#define WAIT_MOST_US 1000000

static u64 now_us(void)
{
	return ktime_to_us(ktime_get());
}

/* l->lock is held, or nobody else has it yet. */
static void set_locked(struct tnl_limiter *l, const struct tnl_limits *max)
{
	u64 burst = max_t(u64, max->bandwidth / BURST_PART, BURST_LEAST);
	u64 now = now_us();
	int dir;

	l->max = *max;
	tnl_bucket_set(&l->opens, max->rate, max->rate, now);
	for (dir = 0; dir < TNL_LIMIT_DIRS; dir++)
		tnl_bucket_set(&l->dir[dir].bytes, max->bandwidth, burst, now);
}

/* With what wakes somebody up, 0 of an overdrawn bucket is the least. */
static s64 wake_level(const struct tnl_bucket *b)
{
	return b->burst / WAKE_PART;
}

/*
 * See to it that who waits is woken when it is time, also if that is sooner than it was. Who
 * waits keeps the limiter; the work does from here on. l->lock is held.
 */
static void arm(struct tnl_limiter *l)
{
	u64 wait = WAIT_MOST_US, now = now_us();
	bool any = false;
	int dir;

	for (dir = 0; dir < TNL_LIMIT_DIRS; dir++) {
		struct tnl_bucket *b = &l->dir[dir].bytes;

		if (list_empty(&l->dir[dir].waiting))
			continue;
		any = true;
		if (tnl_bucket_has(b, wake_level(b), now))
			wait = 0;
		else
			wait = min_t(u64, wait, tnl_bucket_wait_us(b, wake_level(b)));
	}
	/* It takes the lock before it lets go of what is taken here. */
	if (any && !mod_delayed_work(tnl_wq, &l->work, usecs_to_jiffies(wait)))
		tnl_limiter_hold(l);
}

/* How many may go on now, each with a frame or a window. */
static unsigned int turns(struct tnl_limiter *l, enum tnl_limit_dir dir)
{
	struct tnl_bucket *b = &l->dir[dir].bytes;
	unsigned int n = 0;

	spin_lock(&l->lock);
	if (!b->rate)
		n = UINT_MAX;
	else if (tnl_bucket_has(b, wake_level(b), now_us()))
		n = b->level / TURN + 1;
	spin_unlock(&l->lock);
	return n;
}

/* The first of those that wait, with the reference that it had; or NULL. It is its turn. */
static struct tnl_session *pop(struct tnl_limiter *l, enum tnl_limit_dir dir)
{
	struct tnl_session *s = NULL;
	struct tnl_limit_use *u;

	spin_lock(&l->lock);
	u = list_first_entry_or_null(&l->dir[dir].waiting, struct tnl_limit_use,
				     waiting[dir]);
	if (u) {
		list_del_init(&u->waiting[dir]);
		u->go[dir] = true;
		s = u->s;
	}
	spin_unlock(&l->lock);
	return s;
}

static void work(struct work_struct *w)
{
	struct tnl_limiter *l = container_of(to_delayed_work(w), struct tnl_limiter, work);
	struct tnl_session *s;
	unsigned int n;

	n = turns(l, TNL_LIMIT_TX);
	while (n-- && (s = pop(l, TNL_LIMIT_TX))) {
		tnl_session_make_ready(s);
		tnl_session_put(s);
	}
	n = turns(l, TNL_LIMIT_RX);
	while (n-- && (s = pop(l, TNL_LIMIT_RX))) {
		tnl_session_regrant(s);
		tnl_session_put(s);
	}
	spin_lock(&l->lock);
	arm(l);
	spin_unlock(&l->lock);
	tnl_limiter_put(l);
}

/* tnl_limiter_new - Return: one reference, or NULL for want of memory. */
struct tnl_limiter *tnl_limiter_new(const struct tnl_limits *max)
{
	struct tnl_limiter *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	int dir;

	if (!l)
		return NULL;
	refcount_set(&l->ref, 1);
	spin_lock_init(&l->lock);
	INIT_DELAYED_WORK(&l->work, work);
	for (dir = 0; dir < TNL_LIMIT_DIRS; dir++)
		INIT_LIST_HEAD(&l->dir[dir].waiting);
	set_locked(l, max);
	return l;
}

/* tnl_limiter_set - other limits, from now on; sessions that are above them stay */
void tnl_limiter_set(struct tnl_limiter *l, const struct tnl_limits *max)
{
	spin_lock(&l->lock);
	set_locked(l, max);
	/* What was waited for may be there at once. */
	if (cancel_delayed_work(&l->work))
		refcount_dec(&l->ref);	/* the caller has one, too */
	arm(l);
	spin_unlock(&l->lock);
}

void tnl_limiter_hold(struct tnl_limiter *l)
{
	refcount_inc(&l->ref);
}

/* tnl_limiter_put - NULL is fine */
void tnl_limiter_put(struct tnl_limiter *l)
{
	if (l && refcount_dec_and_test(&l->ref))
		kfree_rcu(l, rcu);
}

/* One more of its sessions. Return: 0, or -EDQUOT. */
static int enter(struct tnl_limiter *l)
{
	u64 now = now_us();
	int err = 0;

	if (!l)
		return 0;
	spin_lock(&l->lock);
	if ((l->max.sessions && l->sessions >= l->max.sessions) ||
	    !tnl_bucket_has(&l->opens, 1, now) ||
	    /* What it may send unasked the others would have to pay. */
	    !tnl_bucket_has(&l->dir[TNL_LIMIT_RX].bytes, -(s64)l->max.bandwidth, now)) {
		err = -EDQUOT;
	} else {
		tnl_bucket_take(&l->opens, 1);
		l->sessions++;
	}
	spin_unlock(&l->lock);
	return err;
}

/* It did not come in after all, for another limit. */
static void turn_back(struct tnl_limiter *l)
{
	if (!l)
		return;
	spin_lock(&l->lock);
	l->sessions--;
	tnl_bucket_give(&l->opens, 1);
	spin_unlock(&l->lock);
}

static void use(struct tnl_limited *limited, int i, struct tnl_limiter *l, bool counted)
{
	struct tnl_limit_use *u = &limited->by[i];
	int dir;

	for (dir = 0; dir < TNL_LIMIT_DIRS; dir++)
		INIT_LIST_HEAD(&u->waiting[dir]);
	if (!l)
		return;
	tnl_limiter_hold(l);
	u->limiter = l;
	u->counted = counted;
}

/**
 * tnl_limits_enter - the peer opens a session
 * @service: limiter of the service, or NULL
 * @tunnel: limiter of the tunnel, or NULL
 * @limited: result: for the session, or NULL if there are no limits; ends with
 *	tnl_limits_leave() and tnl_limits_free()
 * Context: process.
 * Return: 0, -EDQUOT, -ENOMEM.
 */
int tnl_limits_enter(struct tnl_limiter *service, struct tnl_limiter *tunnel,
		     struct tnl_limited **limited)
{
	int err;

	*limited = NULL;
	if (!service && !tunnel)
		return 0;
	*limited = kzalloc(sizeof(**limited), GFP_KERNEL_ACCOUNT);
	if (!*limited)
		return -ENOMEM;
	err = enter(tunnel);
	if (!err) {
		err = enter(service);
		if (err)
			turn_back(tunnel);
	}
	if (err) {
		kfree(*limited);
		*limited = NULL;
		return err;
	}
	use(*limited, 0, service, true);
	use(*limited, 1, tunnel, true);
	return 0;
}

/* tnl_limits_join - a session of ours, of which only the bytes count. NULL: no memory. */
struct tnl_limited *tnl_limits_join(struct tnl_limiter *tunnel)
{
	struct tnl_limited *limited = kzalloc(sizeof(*limited), GFP_KERNEL_ACCOUNT);

	if (limited) {
		use(limited, 0, NULL, false);
		use(limited, 1, tunnel, false);
	}
	return limited;
}

/* Return: how many references of the session it had for waiting. */
static unsigned int leave_use(struct tnl_limit_use *u)
{
	struct tnl_limiter *l = u->limiter;
	unsigned int n = 0;
	bool unused = false;
	int dir;

	spin_lock(&l->lock);
	u->left = true;
	if (u->counted)
		l->sessions--;
	u->counted = false;
	for (dir = 0; dir < TNL_LIMIT_DIRS; dir++) {
		if (list_empty(&u->waiting[dir]))
			continue;
		list_del_init(&u->waiting[dir]);
		n++;
	}
	/* Nobody is to be woken: the work must not outlive the module for that. */
	if (list_empty(&l->dir[TNL_LIMIT_TX].waiting) &&
	    list_empty(&l->dir[TNL_LIMIT_RX].waiting))
		unused = cancel_delayed_work(&l->work);
	spin_unlock(&l->lock);
	if (unused)
		tnl_limiter_put(l);
	return n;
}

/**
 * tnl_limits_leave - the session is over: it counts no more, and waits for nothing
 * @limited: of it, or NULL; stays until tnl_limits_free()
 * Context: the caller has a reference on the session.
 */
void tnl_limits_leave(struct tnl_limited *limited)
{
	unsigned int n;
	int i;

	for (i = 0; limited && i < 2; i++) {
		if (!limited->by[i].limiter)
			continue;
		n = leave_use(&limited->by[i]);
		while (n--)
			tnl_session_put(limited->by[i].s);
	}
}

/* tnl_limits_free - behind tnl_limits_leave(); NULL is fine */
void tnl_limits_free(struct tnl_limited *limited)
{
	if (!limited)
		return;
	tnl_limiter_put(limited->by[0].limiter);
	tnl_limiter_put(limited->by[1].limiter);
	kfree_rcu(limited, rcu);
}

/*
 * Must it wait? Who comes later does so behind those who do already, until it has its turn.
 * The limiter's lock is held.
 */
static bool must_wait(struct tnl_limit_use *u, enum tnl_limit_dir dir)
{
	struct tnl_limiter *l = u->limiter;

	if (u->left || u->go[dir])
		return false;
	return !list_empty(&l->dir[dir].waiting) ||
	       !tnl_bucket_has(&l->dir[dir].bytes, 0, now_us());
}

static bool wait_for(struct tnl_limit_use *u, struct tnl_session *s, enum tnl_limit_dir dir)
{
	struct tnl_limiter *l = u->limiter;
	bool waits;

	spin_lock(&l->lock);
	waits = must_wait(u, dir);
	if (waits && list_empty(&u->waiting[dir])) {
		tnl_session_hold(s);
		u->s = s;
		list_add_tail(&u->waiting[dir], &l->dir[dir].waiting);
		arm(l);
	}
	spin_unlock(&l->lock);
	return waits;
}

/**
 * tnl_limits_wait - must the session wait before more of its bytes move?
 * @limited: of it
 * @s: the session
 * @dir: in this direction
 * Context: tnl_session.lock may be held.
 * Return: true: tnl_session_make_ready() or tnl_session_regrant() comes when it may.
 */
bool tnl_limits_wait(struct tnl_limited *limited, struct tnl_session *s,
		     enum tnl_limit_dir dir)
{
	int i;

	for (i = 0; i < 2; i++)
		if (limited->by[i].limiter && wait_for(&limited->by[i], s, dir))
			return true;
	return false;
}

/* tnl_limits_debt - would it have to wait? */
bool tnl_limits_debt(struct tnl_limited *limited, enum tnl_limit_dir dir)
{
	bool debt = false;
	int i;

	for (i = 0; i < 2 && !debt; i++) {
		struct tnl_limiter *l = limited->by[i].limiter;

		if (!l)
			continue;
		spin_lock(&l->lock);
		debt = must_wait(&limited->by[i], dir);
		spin_unlock(&l->lock);
	}
	return debt;
}

/* tnl_limits_spend - so many bytes of it have moved */
void tnl_limits_spend(struct tnl_limited *limited, enum tnl_limit_dir dir, u32 len)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct tnl_limiter *l = limited->by[i].limiter;

		if (!l)
			continue;
		spin_lock(&l->lock);
		tnl_bucket_take(&l->dir[dir].bytes, len);
		limited->by[i].go[dir] = false;
		spin_unlock(&l->lock);
	}
}

/* tnl_limits_waits - does it wait just now? A look, without the lock. */
bool tnl_limits_waits(const struct tnl_limited *limited)
{
	int i, dir;

	for (i = 0; i < 2; i++)
		for (dir = 0; dir < TNL_LIMIT_DIRS; dir++)
			if (!list_empty_careful(&limited->by[i].waiting[dir]))
				return true;
	return false;
}
