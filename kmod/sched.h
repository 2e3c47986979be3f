/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which session sends next: deficit round robin over the sessions that have
 * data (M. Shreedhar, G. Varghese, 1995). Knows nothing of sessions or locks;
 * the lane that owns it brings both.
 */
#ifndef _TUNNEL_SCHED_H
#define _TUNNEL_SCHED_H

#include "pure.h"

/* What a session may send in its turn while others wait, bytes. */
#define TNL_QUANTUM 16368

struct tnl_sched {
	struct list_head ready;
};

struct tnl_sched_ent {
	struct list_head node;
	u32 deficit;		/* bytes left of the present turn */
};

void tnl_sched_init(struct tnl_sched *s);
void tnl_sched_ent_init(struct tnl_sched_ent *e);
bool tnl_sched_add(struct tnl_sched *s, struct tnl_sched_ent *e);
bool tnl_sched_any(const struct tnl_sched *s);
void tnl_sched_del(struct tnl_sched_ent *e);
struct tnl_sched_ent *tnl_sched_next(struct tnl_sched *s, u32 full, u32 *quota);
void tnl_sched_sent(struct tnl_sched *s, struct tnl_sched_ent *e, u32 len,
		    bool more);

#endif /* _TUNNEL_SCHED_H */
