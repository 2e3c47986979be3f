// SPDX-License-Identifier: GPL-2.0
/* Pure: arithmetic only. */
#include "credit.h"
#include "frame.h"

/* A round trip below this says more about scheduling than about the path. */
#define SRTT_FLOOR_US 5000u

/**
 * tnl_credit_init - start a session
 * @tx: may send nothing until the peer's window is known
 * @rx: the peer may send the initial window
 */
void tnl_credit_init(struct tnl_credit_tx *tx, struct tnl_credit_rx *rx)
{
	memset(tx, 0, sizeof(*tx));
	memset(rx, 0, sizeof(*rx));
	rx->window = TNL_WINDOW_INITIAL;
	rx->max = TNL_WINDOW_INITIAL;
}

/**
 * tnl_credit_raise - the peer grants credit
 * @tx: our sending half
 * @max: absolute offset it allows
 *
 * A limit below the known one is old news, not an error: it never falls.
 *
 * Return: 1 raised, 0 as before, -EPROTO for a limit no correct peer sends.
 */
int tnl_credit_raise(struct tnl_credit_tx *tx, u64 max)
{
	if (max >= TNL_OFFSET_MAX || max > tx->queued + TNL_WINDOW_SANE)
		return -EPROTO;
	if (max <= tx->max)
		return 0;
	tx->max = max;
	return 1;
}

/**
 * tnl_credit_avail - bytes that may be queued now
 * @tx: our sending half
 */
u64 tnl_credit_avail(const struct tnl_credit_tx *tx)
{
	return tx->max > tx->queued ? tx->max - tx->queued : 0;
}

/**
 * tnl_credit_receive - count bytes the peer sent
 * @rx: our receiving half
 * @len: bytes
 * Return: 0, or -EPROTO when it had no credit for them.
 */
int tnl_credit_receive(struct tnl_credit_rx *rx, u32 len)
{
	if (len > rx->max - rx->received)
		return -EPROTO;
	rx->received += len;
	return 0;
}

/**
 * tnl_credit_consume - the local reader took bytes
 * @rx: our receiving half
 * @len: bytes
 * @now_us: a monotonic clock, microseconds
 * @srtt_us: round-trip time of the carrier as TCP measured it, never as the
 *	peer said it
 * @may_grow: memory allows a bigger window
 *
 * The window doubles when a reader empties it within a few round trips: then
 * it, and not the path, is what holds the sender back.
 *
 * Return: true when the peer should be told the new limit now.
 */
bool tnl_credit_consume(struct tnl_credit_rx *rx, u32 len, u64 now_us,
			u32 srtt_us, bool may_grow)
{
	rx->consumed += len;
	if (!rx->round_us)
		rx->round_us = now_us;
	if (rx->consumed - rx->round_start >= rx->window) {
		u64 limit = 4ULL * max_t(u32, srtt_us, SRTT_FLOOR_US);

		if (may_grow && now_us - rx->round_us < limit)
			rx->window = min_t(u32, rx->window * 2, TNL_WINDOW_MAX);
		rx->round_start = rx->consumed;
		rx->round_us = now_us;
	}
	return tnl_credit_due(rx);
}

/* tnl_credit_due - is it worth a frame to tell the peer the new limit? */
bool tnl_credit_due(const struct tnl_credit_rx *rx)
{
	return rx->consumed + rx->window - rx->max >= rx->window / 2;
}

/**
 * tnl_credit_advertise - the limit for the next WINDOW frame
 * @rx: our receiving half; remembers what it told
 * Return: absolute offset.
 */
u64 tnl_credit_advertise(struct tnl_credit_rx *rx)
{
	if (rx->consumed + rx->window > rx->max)
		rx->max = rx->consumed + rx->window;
	return rx->max;
}
