/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flow control of one session, both directions: absolute offsets, granted on
 * consumption (docs/protocol.md, "Session"; the scheme of RFC 9000, section 4).
 */
#ifndef _TUNNEL_CREDIT_H
#define _TUNNEL_CREDIT_H

#include "pure.h"

#define TNL_WINDOW_INITIAL	32768u		/* bytes, told in HELLO */
#define TNL_WINDOW_MAX		(4u << 20)	/* a window grows to this */
/* No honest peer is granted more than this beyond what it has received. */
#define TNL_WINDOW_SANE		BIT_ULL(31)

/* struct tnl_credit_tx - what we may send; protected by the session's lock */
struct tnl_credit_tx {
	u64 queued;		/* offset behind the last byte given to the session */
	u64 max;		/* peer's limit */
};

/* struct tnl_credit_rx - what the peer may send; protected by the session's lock */
struct tnl_credit_rx {
	u64 received;
	u64 consumed;
	u64 max;		/* limit the peer knows or will know */
	u64 round_start;	/* consumed when the present round began */
	u64 round_us;		/* time when it began */
	u32 window;
};

void tnl_credit_init(struct tnl_credit_tx *tx, struct tnl_credit_rx *rx);
int tnl_credit_raise(struct tnl_credit_tx *tx, u64 max);
u64 tnl_credit_avail(const struct tnl_credit_tx *tx);
int tnl_credit_receive(struct tnl_credit_rx *rx, u32 len);
bool tnl_credit_consume(struct tnl_credit_rx *rx, u32 len, u64 now_us,
			u32 srtt_us, bool may_grow);
bool tnl_credit_due(const struct tnl_credit_rx *rx);
u64 tnl_credit_advertise(struct tnl_credit_rx *rx);

#endif /* _TUNNEL_CREDIT_H */
