/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Direct: a program with an AF_TUNNEL socket sends and receives on the carrier itself,
 * in place of the carrier's works, where tnl_tunnel_direct() says so. It spares each
 * request and each answer two switches of the processor. What it does then is nobody's
 * in particular: it is not done with the program's rights, nor charged to its cgroup.
 *
 * The price is why not every program does: one that its cgroup's CPU limit stops in
 * the middle of it holds up the tunnel until it may go on.
 */
#ifndef _TUNNEL_DIRECT_H
#define _TUNNEL_DIRECT_H

#include <linux/cred.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

struct tnl_direct {
	const struct cred *cred;
	struct mem_cgroup *memcg;
	unsigned int over_high;
};

int tnl_direct_init(void);
void tnl_direct_exit(void);
void tnl_direct_begin(struct tnl_direct *d);
void tnl_direct_end(struct tnl_direct *d);

#endif /* _TUNNEL_DIRECT_H */
