// SPDX-License-Identifier: GPL-2.0
#include <linux/init_task.h>
#include <linux/workqueue.h>

#include "direct.h"
#include "watch.h"

static const struct cred *cred;
static struct mem_cgroup *root;

/* A kernel thread belongs to the root cgroup, which has no exported name on 6.12. */
static void find_root(struct work_struct *work)
{
	root = get_mem_cgroup_from_mm(NULL);
}

/* tnl_direct_init - behind the work queue. Return: 0 or -ENOMEM. */
int tnl_direct_init(void)
{
	struct work_struct work;

	cred = prepare_kernel_cred(&init_task);
	if (!cred)
		return -ENOMEM;
	INIT_WORK_ONSTACK(&work, find_root);
	queue_work(tnl_wq, &work);
	flush_work(&work);
	destroy_work_on_stack(&work);
	return 0;
}

void tnl_direct_exit(void)
{
	mem_cgroup_put(root);
	put_cred(cred);
}

/* tnl_direct_begin - from here on we are what a kernel thread is. Context: process. */
void tnl_direct_begin(struct tnl_direct *d)
{
	d->cred = override_creds(cred);
	d->memcg = set_active_memcg(root);
#ifdef CONFIG_MEMCG
	/* What it owes for being above memory.high it pays later, with no lock held. */
	d->over_high = current->memcg_nr_pages_over_high;
	current->memcg_nr_pages_over_high = 0;
#endif
}

/* tnl_direct_end - the program again */
void tnl_direct_end(struct tnl_direct *d)
{
#ifdef CONFIG_MEMCG
	current->memcg_nr_pages_over_high += d->over_high;
#endif
	set_active_memcg(d->memcg);
	revert_creds(d->cred);
}
