// SPDX-License-Identifier: GPL-2.0
#include "compat/compat.h"
#include "duty.h"
#include "watch.h"

/* How long a reader that was called may take before the work is, jiffies. */
#define LATE 1
/* How long one that has just sent may take to come and wait for the answer. */
#define GRACE (20 * NSEC_PER_USEC)

/* It has not come. Interrupts are off. */
static enum hrtimer_restart grace(struct hrtimer *timer)
{
	struct tnl_duty *d = container_of(timer, struct tnl_duty, grace);
	struct tnl_watch *w = d->watch;
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	if (!w->stopped && d->kept)
		queue_work(tnl_wq, w->rx);
	d->kept = false;
	spin_unlock_irqrestore(&w->lock, flags);
	return HRTIMER_NORESTART;
}

/* The reader waits for a processor, or is stopped: others need not. Its duty ends. */
static void late(struct work_struct *work)
{
	struct tnl_duty *d = container_of(to_delayed_work(work), struct tnl_duty, late);
	struct tnl_watch *w = d->watch;

	spin_lock_irq(&w->lock);
	if (!w->stopped && d->reader && d->reader->called) {
		d->reader->called = false;
		d->reader = NULL;
		queue_work(tnl_wq, w->rx);
	}
	spin_unlock_irq(&w->lock);
}

/* It has been called: it comes, or the work does. The lock is held. */
static void expect(struct tnl_duty *d)
{
	if (!delayed_work_pending(&d->late))
		queue_delayed_work(tnl_wq, &d->late, LATE);
}

/* tnl_duty_init - @w: initialised; it is the reader's too from here on */
void tnl_duty_init(struct tnl_duty *d, struct tnl_watch *w)
{
	d->watch = w;
	INIT_DELAYED_WORK(&d->late, late);
	tnl_hrtimer_setup(&d->grace, grace, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	w->duty = d;
}

/* tnl_duty_stop - the watch is stopped: nothing of ours runs after this. Context: process. */
void tnl_duty_stop(struct tnl_duty *d)
{
	cancel_delayed_work_sync(&d->late);
	hrtimer_cancel(&d->grace);
}

/**
 * tnl_duty_call - there is something to read
 * @d: the duty; its watch is locked and not stopped
 * @mode: what a wake-up function gets
 * @sync: likewise: whether who wakes is about to sleep
 * Context: any.
 * Return: false if it is for the work.
 */
bool tnl_duty_call(struct tnl_duty *d, unsigned int mode, int sync)
{
	struct tnl_reader *reader = d->reader;

	lockdep_assert_held(&d->watch->lock);
	if (!reader && !d->soon)
		return false;
	if (!reader) {
		d->soon = false;
		d->kept = true;
		hrtimer_start(&d->grace, GRACE, HRTIMER_MODE_REL_PINNED);
	} else if (!reader->called) {
		reader->called = true;
		reader->wait->func(reader->wait, mode, sync, NULL);
		expect(d);
	}
	return true;
}

/* tnl_duty_soon - a program sends something, and will wait for the answer. Context: process. */
void tnl_duty_soon(struct tnl_duty *d)
{
	spin_lock_irq(&d->watch->lock);
	d->soon = !d->reader;
	spin_unlock_irq(&d->watch->lock);
}

/**
 * tnl_duty_enter - be woken for what can be read
 * @d: the duty
 * @reader: its wait entry is set; it ends with tnl_duty_leave(). If it is called
 *	already, it must not sleep.
 * Context: process.
 * Return: false if there is another reader, or none can be any more.
 */
bool tnl_duty_enter(struct tnl_duty *d, struct tnl_reader *reader)
{
	bool ok;

	spin_lock_irq(&d->watch->lock);
	ok = !d->watch->stopped && !d->reader;
	reader->called = ok && d->kept;
	if (ok) {
		d->reader = reader;
		d->soon = false;
		d->kept = false;
		/* If it runs already, it finds that nothing is kept. */
		if (reader->called) {
			hrtimer_try_to_cancel(&d->grace);
			expect(d);
		}
	}
	spin_unlock_irq(&d->watch->lock);
	return ok;
}

/* tnl_duty_heard - has the reader been called? Then it must look. Context: process. */
bool tnl_duty_heard(struct tnl_duty *d, struct tnl_reader *reader)
{
	bool called;

	spin_lock_irq(&d->watch->lock);
	called = reader->called;
	reader->called = false;
	spin_unlock_irq(&d->watch->lock);
	return called;
}

/* tnl_duty_leave - it reads no more; what it was called for meanwhile, the work does */
void tnl_duty_leave(struct tnl_duty *d, struct tnl_reader *reader)
{
	spin_lock_irq(&d->watch->lock);
	/* Else it was late: another may be on duty. */
	if (d->reader == reader)
		d->reader = NULL;
	if (reader->called && !d->watch->stopped)
		queue_work(tnl_wq, d->watch->rx);
	spin_unlock_irq(&d->watch->lock);
}
