/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Duty: of a direct tunnel (direct.h), which program reads from the carrier. One that
 * sleeps until something comes for it is woken for whatever comes, in place of the
 * work, and receives it for all. If it does not come in time, the work does it.
 *
 * All of it is under the lock of the watch.
 */
#ifndef _TUNNEL_DUTY_H
#define _TUNNEL_DUTY_H

#include <linux/hrtimer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct tnl_watch;

/* struct tnl_reader - a program that sleeps, on its stack */
struct tnl_reader {
	wait_queue_entry_t *wait;	/* by DEFINE_WAIT_FUNC(, woken_wake_function) */
	bool called;			/* there is something it has not looked at */
};

struct tnl_duty {
	struct tnl_watch *watch;
	struct tnl_reader *reader;	/* or NULL */
	struct delayed_work late;	/* it was called, and has not come */
	bool soon;			/* one has just sent: it will wait for the answer */
	bool kept;			/* there is something, which is kept for that one, */
	struct hrtimer grace;		/* for so long */
};

void tnl_duty_init(struct tnl_duty *d, struct tnl_watch *w);
void tnl_duty_stop(struct tnl_duty *d);
bool tnl_duty_call(struct tnl_duty *d, unsigned int mode, int sync);
void tnl_duty_soon(struct tnl_duty *d);
bool tnl_duty_enter(struct tnl_duty *d, struct tnl_reader *reader);
bool tnl_duty_heard(struct tnl_duty *d, struct tnl_reader *reader);
void tnl_duty_leave(struct tnl_duty *d, struct tnl_reader *reader);

#endif /* _TUNNEL_DUTY_H */
