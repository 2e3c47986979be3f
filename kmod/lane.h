/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A lane: one exactly-once stream of frames between two kernels. It outlives
 * the carriers it is attached to: what it sent it keeps until the peer has it,
 * and on the next carrier it goes on where the peer stopped receiving. Nothing
 * above it knows that carriers come and go.
 *
 * Who owns what:
 *   tx side	who holds tx_lock of the attached carrier: its work, or a program that
 *		sends; with no carrier, who holds attach_lock
 *   rx side	its rx_lock, and a program that waits; likewise
 *   the rest	lane.lock
 * so that reading never waits for writing, and neither for a session.
 */
#ifndef _TUNNEL_LANE_H
#define _TUNNEL_LANE_H

#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "chunk.h"
#include "deframe.h"
#include "hello.h"
#include "identity.h"
#include "pool.h"
#include "sched.h"

/* Bytes sent and not acknowledged at which no more data is framed. */
#define TNL_RETAIN_MAX (16ULL << 20)
/* No honest exchange keeps more control frames than this beyond it. */
#define TNL_RETAIN_HARD (TNL_RETAIN_MAX + (4ULL << 20))
/* An ACK leaves after so many bytes, */
#define TNL_ACK_BYTES (256u << 10)
/* or after so long, milliseconds. */
#define TNL_ACK_DELAY 25
/* An ACK of so many bytes rides along with DATA. */
#define TNL_ACK_RIDES (16u << 10)
#define TNL_MAX_SESSIONS 16384
/*
 * What the peer sent and local programs have not taken, bytes: credit is a
 * permission, memory is policy. Above the first no window grows and no session
 * is accepted, above the second who receives is reset.
 */
#define TNL_RX_SOFT (32 << 20)
#define TNL_RX_HARD (256 << 20)
/* Answers to refused OPENs that wait to be sent: as many as a peer may have open. */
#define TNL_REFUSED_MAX TNL_MAX_SESSIONS

struct tnl_carrier;
struct tnl_session;
struct tnl_tunnel;

enum tnl_lane_dirty {
	TNL_LANE_ACK = 1 << 0,
	TNL_LANE_PING = 1 << 1,
	TNL_LANE_PONG = 1 << 2,
};

/* struct tnl_refusal - the RESET of a session that never was */
struct tnl_refusal {
	struct list_head node;
	u64 id;
	u8 reason;
};

struct tnl_lane {
	struct tnl_tunnel *tunnel;
	u16 index;

	struct mutex attach_lock;	/* who is attached; taken before @lock */
	struct list_head pending;	/* attach_lock: carriers before their HELLO */
	unsigned int n_pending;		/* attach_lock */
	bool closed;			/* attach_lock: takes no carrier any more */
	u64 attach;			/* attach_lock: the dialler's counter */
	u64 epoch, peer_epoch;		/* attach_lock, or rx side */
	u32 epoch_carrier;		/* attach_lock: id of the carrier that brought it */
	char peer_name[TNL_NAME_MAX + 1];	/* lock */
	/*
	 * attach_lock and lock: the carrier the lane is attached to. The works of
	 * that carrier may read it without.
	 */
	struct tnl_carrier *carrier;
	unsigned long lost_at;		/* attach_lock: jiffies, when there is none */

	spinlock_t lock;		/* sessions and what to send for them */
	bool up;			/* lock: both HELLOs are through */
	u32 dirty;			/* lock: enum tnl_lane_dirty */
	u8 ping[8], pong[8];		/* lock: payloads */
	struct list_head control;	/* lock: sessions with control frames */
	struct tnl_sched sched;		/* lock: sessions with data */
	u64 next_id;			/* lock: of the next session we open */
	u32 n_opened, n_accepted;	/* lock: live sessions by opener */
	u32 peer_window;		/* lock: credit of a new session, 0: unknown */
	u32 peer_max_sessions;		/* lock */
	/* lock: the peer on the last carrier that came up, since the lane began */
	bool has_peer;
	struct tnl_shown peer_is;
	struct list_head refused;	/* lock: struct tnl_refusal */
	unsigned int n_refused;		/* lock */
	atomic64_t rx_charged;		/* sum of the sessions' charges */
	struct xarray sessions;		/* by id; its own lock, readers: RCU */

	/* tx side */
	struct tnl_chunkq fifo;		/* framed and not acknowledged */
	u64 fifo_start;			/* lane offset of its first byte */
	struct tnl_chunk_pos pos;	/* next byte to send */
	u64 sent;			/* lane offset of that byte */
	u64 sent_max;			/* highest offset any carrier was given; rx reads */
	u64 replayed;
	u64 ack_sent;			/* offset in our last ACK; rx reads */
	struct page_frag headers;
	bool retention_full;		/* rx reads: an ACK lets us go on */

	/* rx side */
	u64 rx_offset;			/* bytes received; tx reads */
	u64 rx_ackable;			/* rx_offset behind the last frame that wants an ACK */
	u64 peer_acked;			/* tx reads */
	struct tnl_deframe rx;
	struct tnl_session *rx_session;	/* of a DATA frame, referenced; NULL: drop */
	struct tnl_chunk_node *spare;	/* so that appending cannot fail */
	struct tnl_pool pool;

	struct delayed_work ack_work;
	struct delayed_work tick;	/* once a second: liveness, grace, trimming */
};

/* lane.c */
int tnl_lane_init(struct tnl_lane *lane, struct tnl_tunnel *t);
void tnl_lane_close(struct tnl_lane *lane, u8 reason);
void tnl_lane_free(struct tnl_lane *lane);
void tnl_lane_kick(struct tnl_lane *lane);
struct tnl_carrier *tnl_lane_carrier(struct tnl_lane *lane);
void tnl_lane_dirty(struct tnl_lane *lane, u32 bits);
void tnl_lane_restart(struct tnl_lane *lane, u8 reason);
void tnl_lane_hello(struct tnl_lane *lane, struct tnl_hello *h);
int tnl_lane_resume(struct tnl_lane *lane, struct tnl_hello *peer);
bool tnl_lane_set_up(struct tnl_lane *lane, struct tnl_carrier *c,
		     const struct tnl_hello *peer);
void tnl_lane_take_down(struct tnl_lane *lane);
u32 tnl_lane_srtt_us(struct tnl_lane *lane);
int tnl_lane_add_session(struct tnl_lane *lane, struct tnl_session *s);
void tnl_lane_del_session(struct tnl_lane *lane, struct tnl_session *s);
void tnl_lane_each(struct tnl_lane *lane,
		   void (*fn)(struct tnl_session *s, void *arg), void *arg);

/* lane_tx.c */
int tnl_lane_gather(struct tnl_lane *lane);
unsigned int tnl_lane_peek(struct tnl_lane *lane, struct bio_vec *bv,
			   unsigned int max, u32 *len, bool *more);
void tnl_lane_sent(struct tnl_lane *lane, u32 len);
void tnl_lane_release(struct tnl_lane *lane);
void tnl_lane_rewind(struct tnl_lane *lane, u64 offset);
int tnl_lane_give_rest(struct tnl_lane *lane, struct tnl_chunkq *q, u32 max);
bool tnl_lane_all_sent(struct tnl_lane *lane);

/* lane_rx.c */
int tnl_lane_rx(struct tnl_lane *lane, struct page *page, unsigned int offset,
		unsigned int len);
void tnl_lane_rx_end(struct tnl_lane *lane);
void tnl_lane_rx_reset(struct tnl_lane *lane);

#endif /* _TUNNEL_LANE_H */
