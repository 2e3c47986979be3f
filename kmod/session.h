/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A session: one bidirectional, flow-controlled byte stream on a lane. On one
 * side of it the lane, on the other its endpoint (a relay, or an AF_TUNNEL
 * socket), which hears of events through the callbacks it gave.
 *
 * Life: the lane's table holds a reference until the session has ended on the
 * wire and the endpoint has detached; the endpoint holds one of its own.
 */
#ifndef _TUNNEL_SESSION_H
#define _TUNNEL_SESSION_H

#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "chunk.h"
#include "credit.h"
#include "lane.h"
#include "limit.h"
#include "sched.h"

/* Below this a piece is copied rather than pin a page of its own. */
#define TNL_COPYBREAK 256
/* What an endpoint may have queued here; the rest waits in its own socket. */
#define TNL_TXQ_MAX (256u << 10)

struct tnl_session;

/**
 * struct tnl_endpoint_ops - what a session tells its endpoint
 * Called under the session's lock: only queue work, or wake. The last three may
 * be left out.
 */
struct tnl_endpoint_ops {
	u8 kind;			/* enum tunnel_endpoint */
	bool leaves;			/* nothing is told behind reset(): as if detached */
	void (*readable)(void *ep);	/* data, END, or an end of the session */
	void (*writable)(void *ep);	/* room or credit after there was none */
	void (*reset)(void *ep, u8 reason);	/* session ended */
	void (*changed)(void *ep);	/* peer accepted it, or reads no more */
	/*
	 * Bytes are about to be queued here for the endpoint. Return: 0, or the
	 * reason (enum tunnel_reason) to reset the session instead.
	 */
	u8 (*charge)(void *ep, struct page *page, unsigned int offset,
		     unsigned int len);
	/* Bytes left the queues but by tnl_session_recv(): framed, or dropped. */
	void (*uncharge)(void *ep, u64 tx, u64 rx);
};

/* Control frames that a session owes the peer: latest wins, rendered when sent. */
enum tnl_session_dirty {
	TNL_DIRTY_OPEN = 1 << 0,
	TNL_DIRTY_ACCEPT = 1 << 1,
	TNL_DIRTY_WINDOW = 1 << 2,
	TNL_DIRTY_RESET = 1 << 3,
};

enum tnl_session_flag {
	TNL_S_BY_PEER = 1 << 0,		/* the peer opened it */
	TNL_S_KNOWN = 1 << 1,		/* OPEN was framed or received */
	TNL_S_ACCEPTED = 1 << 2,	/* target reached */
	TNL_S_TX_END = 1 << 3,		/* endpoint will send no more */
	TNL_S_TX_END_SENT = 1 << 4,	/* END was framed */
	TNL_S_RX_END = 1 << 5,		/* END was received */
	TNL_S_RESET = 1 << 6,		/* ended at once; nothing moves any more */
	TNL_S_RESET_DONE = 1 << 7,	/* peer knows, or need not */
	TNL_S_TX_WAITS = 1 << 8,	/* endpoint wants writable() */
	TNL_S_UNLINKED = 1 << 9,	/* no longer in the lane's table */
	TNL_S_CLOSED = 1 << 10,		/* endpoint is gone: RESET goes behind END */
	TNL_S_RX_RESET = 1 << 11,	/* RESET came behind END: no more frames count */
};

struct tnl_session {
	u64 id;
	struct tnl_lane *lane;
	struct tnl_tunnel *tunnel;	/* referenced */
	refcount_t ref;
	struct rcu_head rcu;

	struct list_head control_node;	/* lane.lock */
	struct list_head waiting;	/* for accept(): tnl_sock.accept_lock */
	struct tnl_sched_ent sched;	/* lane.lock */

	spinlock_t lock;		/* everything below */
	u32 flags;
	u32 dirty;
	u8 reason;			/* enum tunnel_reason, when reset */
	u8 protocol;			/* never changes, as the two below */
	u8 hops;
	u8 priority;
	bool has_uuid;
	u8 uuid[16];
	u8 endpoint;			/* enum tunnel_endpoint */
	kuid_t uid;			/* whose socket it is; invalid: nobody's */
	u32 tx_max;			/* most bytes in @txq */
	u32 window_max;			/* the receive window grows to this */
	bool local_blocked;		/* endpoint waits for its local program */
	struct tnl_credit_tx tx;
	struct tnl_credit_rx rx;
	struct tnl_chunkq txq;		/* not framed */
	struct tnl_chunkq rxq;		/* not taken by the endpoint */
	u64 framed;			/* bytes */
	u64 charged;			/* for what was received and not taken */
	struct tnl_limited *limited;	/* never changes; NULL: no limits */
	const struct tnl_endpoint_ops *ops;	/* NULL: detached */
	void *ep;

	unsigned long opened_at;	/* jiffies */
	struct sockaddr_in6 source;	/* who opened it; v4-mapped, family 0: unknown */
	struct sockaddr_in6 local;	/* likewise: where that one came in */
	char service[TNL_NAME_MAX + 1];
	char destination[];		/* what it asks the service for, or empty */
};

struct tnl_session *tnl_session_open(struct tnl_tunnel *t, u8 protocol,
				     const struct tnl_open *o,
				     const struct tnl_endpoint_ops *ops, void *ep);
struct tnl_session *tnl_session_incoming(struct tnl_lane *lane, u64 id,
					 u8 protocol, const struct tnl_open *o,
					 struct tnl_limited *limited);
void tnl_session_attach(struct tnl_session *s,
			const struct tnl_endpoint_ops *ops, void *ep);
void tnl_session_told(struct tnl_session *s);
u8 tnl_session_adopt(struct tnl_session *s, const struct tnl_endpoint_ops *ops,
		     void *ep);
void tnl_session_limits(struct tnl_session *s, u32 tx_max, u32 window_max);
void tnl_session_hold(struct tnl_session *s);
void tnl_session_put(struct tnl_session *s);
struct tnl_session *tnl_session_find(struct tnl_lane *lane, u64 id);

/* for endpoints */
u64 tnl_session_room(struct tnl_session *s, u32 want);
int tnl_session_queue(struct tnl_session *s, struct tnl_chunkq *q, bool end);
int tnl_session_send(struct tnl_session *s, struct tnl_chunkq *q, bool end);
bool tnl_session_end_framed(struct tnl_session *s);
bool tnl_session_tx_closed(struct tnl_session *s);
bool tnl_session_recv(struct tnl_session *s, struct tnl_chunkq *q, bool *end);
void tnl_session_consumed(struct tnl_session *s, u32 len);
void tnl_session_accept(struct tnl_session *s);

/* for its limits */
void tnl_session_make_ready(struct tnl_session *s);
void tnl_session_regrant(struct tnl_session *s);

void tnl_session_reset(struct tnl_session *s, u8 reason);
void tnl_session_detach(struct tnl_session *s);
void tnl_session_close(struct tnl_session *s);

u8 tnl_session_state(const struct tnl_session *s);
u8 tnl_session_blocked(const struct tnl_session *s, bool lane_up);

/* for the lane */
int tnl_session_rx_data(struct tnl_session *s, struct page *page,
			unsigned int offset, unsigned int len,
			struct tnl_chunk_node **spare);
void tnl_session_rx_end(struct tnl_session *s);
void tnl_session_rx_reset(struct tnl_session *s, u8 reason);
int tnl_session_rx_window(struct tnl_session *s, u64 max);
int tnl_session_rx_accept(struct tnl_session *s, u64 window);
void tnl_session_owe_locked(struct tnl_session *s);
bool tnl_session_close_behind_end(struct tnl_session *s);
void tnl_session_lane_up(struct tnl_session *s, u32 window);
void tnl_session_abandon(struct tnl_session *s, u8 reason);
void tnl_session_maybe_unlink(struct tnl_session *s);

#endif /* _TUNNEL_SESSION_H */
