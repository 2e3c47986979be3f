// SPDX-License-Identifier: GPL-2.0
/*
 * The scheduler against a list in an array: the same session comes next, none
 * waits for more than a turn of each other one, no deficit is above a quantum.
 *
 * Input: operations, each a byte and its numbers.
 */
/* options: -max_len=256 */
/* links: kmod/sched.c */
#include "fuzz.h"
#include "sched.h"

#define N 8

static struct {
	struct tnl_sched s;
	struct tnl_sched_ent ent[N];
	unsigned int order[N], waiting; /* the model: who waits, in turn */
	u32 deficit[N];
	u64 others[N]; /* bytes others sent since it began to wait */
} w;

static int place(unsigned int i)
{
	unsigned int k;

	for (k = 0; k < w.waiting; k++)
		if (w.order[k] == i)
			return (int)k;
	return -1;
}

static void append(unsigned int i)
{
	w.order[w.waiting++] = i;
	w.deficit[i] = TNL_QUANTUM;
	w.others[i] = 0;
}

static void drop(unsigned int i)
{
	int k = place(i);

	if (k < 0)
		return;
	w.waiting--;
	memmove(w.order + k, w.order + k + 1, (w.waiting - (unsigned int)k) * sizeof(w.order[0]));
}

/* One turn: @use of 255 parts of what is allowed are sent. */
static void turn(u32 full, unsigned int use, bool more, unsigned int gone)
{
	bool alone = w.waiting == 1;
	struct tnl_sched_ent *e;
	unsigned int i, k;
	u32 quota = 0, len;

	e = tnl_sched_next(&w.s, full, &quota);
	must(!e == !w.waiting);
	if (!e)
		return;
	i = (unsigned int)(e - w.ent);
	must(i == w.order[0]);
	must(quota >= 1 && quota <= full);
	must(quota == (alone ? full : min_t(u32, w.deficit[i], full)));
	len = (u32)((u64)quota * use / 255);
	if (gone < N) { /* the lock is dropped meanwhile */
		tnl_sched_del(&w.ent[gone]);
		drop(gone);
	}
	tnl_sched_sent(&w.s, e, len, more);
	for (k = 0; k < w.waiting; k++)
		if (w.order[k] != i)
			w.others[w.order[k]] += len;
	if (place(i) < 0)
		return;
	if (more && len && len < w.deficit[i]) {
		w.deficit[i] -= len;
		return;
	}
	drop(i);
	if (more)
		append(i);
}

static void check(void)
{
	struct list_head *l = w.s.ready.next;
	unsigned int k, i;

	for (k = 0; k < w.waiting; k++, l = l->next) {
		must(l == &w.ent[w.order[k]].node && l->next->prev == l);
		/* a turn of each */
		must(w.others[w.order[k]] <= (N - 1) * (u64)TNL_QUANTUM);
	}
	must(l == &w.s.ready);
	for (i = 0; i < N; i++) {
		must(w.ent[i].deficit <= TNL_QUANTUM);
		must(place(i) < 0 ? !w.ent[i].deficit && list_empty(&w.ent[i].node) :
				    w.ent[i].deficit == w.deficit[i] && w.deficit[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int i;

	memset(&w, 0, sizeof(w));
	tnl_sched_init(&w.s);
	for (i = 0; i < N; i++)
		tnl_sched_ent_init(&w.ent[i]);
	while (in.left) {
		u8 op = take(&in, 1);

		i = op >> 2 & 7;
		switch (op & 3) {
		case 0:
			must(tnl_sched_add(&w.s, &w.ent[i]) == (place(i) < 0));
			if (place(i) < 0)
				append(i);
			break;
		case 1:
			tnl_sched_del(&w.ent[i]);
			drop(i);
			break;
		default: {
			u32 full = 1 + (u32)take(&in, 2);
			unsigned int use = (unsigned int)take(&in, 1);

			turn(full, use, op & 0x40, op & 0x80 ? i : N);
		}
		}
		check();
	}
	return 0;
}
