/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of a network namespace; the names are what `tunnelctl stats` shows. */
#ifndef _TUNNEL_MIB_H
#define _TUNNEL_MIB_H

#include <linux/percpu.h>
#include <linux/types.h>

#define TNL_MIB_LIST(X)							\
	X(payload_bytes_tx)		/* framed */			\
	X(payload_bytes_rx)		/* deframed */			\
	X(payload_bytes_copied)		/* had to be copied */		\
	X(copybreak_bytes_copied)	/* pieces below 256 bytes */	\
	X(page_allocs)			/* from the page allocator */	\
	X(page_reuses)			/* taken from our rings */	\
	X(frames_tx)							\
	X(frames_rx)							\
	X(frames_skipped)		/* unknown types 64..127 */	\
	X(frames_stale)			/* for sessions that ended */	\
	X(records_rx)							\
	X(records_control_rx)		/* TLS alerts and the like */	\
	X(sends)			/* calls into TLS */		\
	X(sends_blocked)						\
	X(retries_armed)		/* waits for memory, not space */ \
	X(acks_tx)							\
	X(acks_rx)							\
	X(windows_tx)							\
	X(windows_rx)							\
	X(pings_tx)							\
	X(sessions_opened)		/* by us */			\
	X(sessions_accepted)		/* by the peer */		\
	X(sessions_refused)		/* opened by the peer, refused */ \
	X(sessions_denied)		/* of these by an access list */ \
	X(sessions_limited)		/* of these by a limit */	\
	X(bandwidth_waits)		/* times that one waited for a limit */ \
	X(sessions_asked)		/* of the daemon, where to */	\
	X(sessions_no_tunnel)		/* local connection, no tunnel */ \
	X(resets_tx)							\
	X(resets_rx)							\
	X(carriers_attached)						\
	X(carriers_refused)						\
	X(carriers_lost)						\
	X(carriers_replaced)						\
	X(carriers_revoked)		/* key accepted no more */	\
	X(lane_resumes)							\
	X(lane_restarts)						\
	X(lane_replayed_bytes)						\
	X(lane_retention_full)		/* waited for the peer's ACK */	\
	X(errors_protocol)						\
	X(errors_flow_control)						\
	X(local_accepts)						\
	X(local_connects)						\
	X(local_connects_failed)					\
	X(local_aborts)			/* closed by RST */		\
	X(urgent_bytes)

enum tnl_mib_item {
#define X(name) TNL_MIB_##name,
	TNL_MIB_LIST(X)
#undef X
	TNL_MIB_ITEMS
};

struct tnl_mib {
	u64 item[TNL_MIB_ITEMS];
};

/* @tn: struct tnl_net of the counting namespace. Context: any. */
#define TNL_INC(tn, name) this_cpu_inc((tn)->mib->item[TNL_MIB_##name])
#define TNL_ADD(tn, name, n) this_cpu_add((tn)->mib->item[TNL_MIB_##name], n)

extern const char *const tnl_mib_names[TNL_MIB_ITEMS];
u64 tnl_mib_sum(const struct tnl_mib __percpu *mib, enum tnl_mib_item item);

#endif /* _TUNNEL_MIB_H */
