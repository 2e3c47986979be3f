/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tunnel

#if !defined(_TUNNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TUNNEL_TRACE_H

#include <linux/tracepoint.h>

#include "frame.h"

DECLARE_EVENT_CLASS(tunnel_frame,
	TP_PROTO(u32 tunnel, const struct tnl_frame *f),
	TP_ARGS(tunnel, f),
	TP_STRUCT__entry(
		__field(u32, tunnel)
		__field(u32, length)
		__field(u64, session)
		__field(u16, reason)
		__field(u8, type)
		__field(u8, flags)
	),
	TP_fast_assign(
		__entry->tunnel = tunnel;
		__entry->length = f->length;
		__entry->session = f->id;
		__entry->reason = f->reason;
		__entry->type = f->type;
		__entry->flags = f->flags;
	),
	TP_printk("tunnel=%u type=%s session=%llx length=%u flags=%#x reason=%u",
		  __entry->tunnel,
		  __print_symbolic(__entry->type,
				   { TNL_DATA, "DATA" }, { TNL_OPEN, "OPEN" },
				   { TNL_ACCEPT, "ACCEPT" }, { TNL_RESET, "RESET" },
				   { TNL_WINDOW, "WINDOW" }, { TNL_HELLO, "HELLO" },
				   { TNL_PING, "PING" }, { TNL_PONG, "PONG" },
				   { TNL_ACK, "ACK" }, { TNL_GOAWAY, "GOAWAY" }),
		  __entry->session, __entry->length, __entry->flags,
		  __entry->reason)
);

DEFINE_EVENT(tunnel_frame, tunnel_frame_tx,
	TP_PROTO(u32 tunnel, const struct tnl_frame *f),
	TP_ARGS(tunnel, f)
);

DEFINE_EVENT(tunnel_frame, tunnel_frame_rx,
	TP_PROTO(u32 tunnel, const struct tnl_frame *f),
	TP_ARGS(tunnel, f)
);

TRACE_EVENT(tunnel_session,
	TP_PROTO(u32 tunnel, u64 session, u8 state, u8 reason),
	TP_ARGS(tunnel, session, state, reason),
	TP_STRUCT__entry(
		__field(u32, tunnel)
		__field(u64, session)
		__field(u8, state)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->tunnel = tunnel;
		__entry->session = session;
		__entry->state = state;
		__entry->reason = reason;
	),
	TP_printk("tunnel=%u session=%llx state=%u reason=%u", __entry->tunnel,
		  __entry->session, __entry->state, __entry->reason)
);

TRACE_EVENT(tunnel_carrier,
	TP_PROTO(u32 tunnel, u32 carrier, bool up, u8 reason),
	TP_ARGS(tunnel, carrier, up, reason),
	TP_STRUCT__entry(
		__field(u32, tunnel)
		__field(u32, carrier)
		__field(bool, up)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->tunnel = tunnel;
		__entry->carrier = carrier;
		__entry->up = up;
		__entry->reason = reason;
	),
	TP_printk("tunnel=%u carrier=%u %s reason=%u", __entry->tunnel,
		  __entry->carrier, __entry->up ? "up" : "down", __entry->reason)
);

#endif /* _TUNNEL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
