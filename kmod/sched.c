// SPDX-License-Identifier: GPL-2.0
/* Pure: the caller serialises all calls for one scheduler. */
#include "sched.h"

void tnl_sched_init(struct tnl_sched *s)
{
	INIT_LIST_HEAD(&s->ready);
}

void tnl_sched_ent_init(struct tnl_sched_ent *e)
{
	INIT_LIST_HEAD(&e->node);
	e->deficit = 0;
}

/**
 * tnl_sched_add - a session has data
 * @s: the scheduler
 * @e: the session
 * Return: true if it was not waiting already.
 */
bool tnl_sched_add(struct tnl_sched *s, struct tnl_sched_ent *e)
{
	if (!list_empty(&e->node))
		return false;
	e->deficit = TNL_QUANTUM;
	list_add_tail(&e->node, &s->ready);
	return true;
}

/* tnl_sched_any - does any session wait? */
bool tnl_sched_any(const struct tnl_sched *s)
{
	return !list_empty(&s->ready);
}

/* tnl_sched_del - forget a session; harmless if it is not waiting */
void tnl_sched_del(struct tnl_sched_ent *e)
{
	list_del_init(&e->node);
	e->deficit = 0;
}

/**
 * tnl_sched_next - whose turn is it?
 * @s: the scheduler
 * @full: most bytes one frame may carry
 * @quota: result: bytes this session may send now, 1..@full
 *
 * A session that is alone need not share and may fill its frame. The session
 * stays at the head until tnl_sched_sent() says what it did.
 *
 * Return: the session, or NULL.
 */
struct tnl_sched_ent *tnl_sched_next(struct tnl_sched *s, u32 full, u32 *quota)
{
	struct tnl_sched_ent *e;

	if (list_empty(&s->ready))
		return NULL;
	e = list_first_entry(&s->ready, struct tnl_sched_ent, node);
	*quota = list_is_singular(&s->ready) ? full :
					       min_t(u32, e->deficit, full);
	return e;
}

/**
 * tnl_sched_sent - the session used its turn, or part of it
 * @s: the scheduler
 * @e: the session that tnl_sched_next() gave
 * @len: bytes it sent
 * @more: it has more to send
 */
void tnl_sched_sent(struct tnl_sched *s, struct tnl_sched_ent *e, u32 len,
		    bool more)
{
	if (list_empty(&e->node))
		return;		/* deleted meanwhile */
	if (more && len && len < e->deficit) {
		e->deficit -= len;
		return;
	}
	list_del_init(&e->node);
	e->deficit = 0;
	if (more) {
		e->deficit = TNL_QUANTUM;
		list_add_tail(&e->node, &s->ready);
	}
}
