// SPDX-License-Identifier: GPL-2.0
/*
 * Flow control: two ends and the WINDOW frames between them, which a peer may
 * also invent. An honest sender never exceeds its credit, memory granted is
 * bounded, a reader that reads is granted more.
 *
 * Input: operations, each a byte and its numbers.
 */
/* options: -max_len=512 */
/* links: kmod/credit.c */
#include "fuzz.h"
#include "credit.h"
#include "frame.h"

/* The sum that credit.c keeps, kept again. */
struct model {
	u64 limit; /* the sender knows */
	u64 queued, received, consumed;
	u64 told; /* highest limit the receiver has told */
	u32 window;
};

static void check(const struct model *m, const struct tnl_credit_tx *tx,
		  const struct tnl_credit_rx *rx)
{
	must(tx->queued == m->queued && tx->max == m->limit);
	must(tnl_credit_avail(tx) == (m->limit > m->queued ? m->limit - m->queued : 0));
	must(rx->received == m->received && rx->consumed == m->consumed);
	must(rx->consumed <= rx->received && rx->received <= rx->max);
	must(rx->max == m->told);
	/* never more granted than the largest window beyond what was read */
	must(rx->max - rx->consumed <= TNL_WINDOW_MAX);
	must(rx->window >= TNL_WINDOW_INITIAL && rx->window <= TNL_WINDOW_MAX);
	/* doubled, never halved */
	must(rx->window == m->window || rx->window == 2 * m->window);
	must(rx->max < TNL_OFFSET_MAX && tx->max < TNL_OFFSET_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m = { .told = TNL_WINDOW_INITIAL, .window = TNL_WINDOW_INITIAL };
	struct input in = { data, size };
	struct tnl_credit_tx tx;
	struct tnl_credit_rx rx;
	bool honest = true;
	u64 now = 1;

	tnl_credit_init(&tx, &rx);
	while (in.left) {
		u8 op = take(&in, 1);
		u64 n;
		int r;

		switch (op & 7) {
		case 0: /* the sender queues, the receiver gets it */
			n = take(&in, 3);
			n = min_t(u64, n, tnl_credit_avail(&tx));
			r = tnl_credit_receive(&rx, (u32)n);
			must(r == (n > m.told - m.received ? -EPROTO : 0));
			must(!r || !honest);
			tx.queued += n;
			m.queued += n;
			if (!r)
				m.received += n;
			break;
		case 1: /* bytes nobody granted */
			n = take(&in, 4);
			r = tnl_credit_receive(&rx, (u32)n);
			must(r == (n > m.told - m.received ? -EPROTO : 0));
			if (!r)
				m.received += n;
			honest = false;
			break;
		case 2: /* the reader reads */
		case 3: {
			bool grow = op & 0x10, tell;
			u32 srtt = (u32)take(&in, 3);

			n = take(&in, 3);
			n = min_t(u64, n, m.received - m.consumed);
			now += take(&in, 3);
			m.window = rx.window;
			tell = tnl_credit_consume(&rx, (u32)n, now, srtt, grow);
			m.consumed += n;
			must(grow || rx.window == m.window);
			/* all read: either the sender has half a window, or is to be told */
			must(tell || rx.max - rx.consumed > rx.window / 2);
			if (!tell)
				break;
			n = tnl_credit_advertise(&rx);
			must(n >= m.told && n >= m.consumed + rx.window);
			m.told = n;
			if (op & 0x20) /* the frame is under way for long */
				break;
			r = tnl_credit_raise(&tx, n);
			must(!honest || r == (n > m.limit));
			if (r > 0)
				m.limit = n;
			break;
		}
		case 4: /* an old WINDOW comes */
			n = m.told >> (op >> 4);
			r = tnl_credit_raise(&tx, n);
			must(!honest || r >= 0);
			must(r != 1 || n > m.limit);
			if (r > 0)
				m.limit = n;
			break;
		default: /* a peer invents one */
			n = take(&in, 8);
			r = tnl_credit_raise(&tx, n);
			if (n >= TNL_OFFSET_MAX || n > m.queued + TNL_WINDOW_SANE)
				must(r == -EPROTO);
			else
				must(r == (n > m.limit));
			if (r > 0)
				m.limit = n;
			if (m.limit > m.told)
				honest = false;
			break;
		}
		check(&m, &tx, &rx);
		m.window = rx.window;
	}
	return 0;
}
