/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A carrier: one TCP connection with kTLS in both directions, made by the
 * daemon and handed over as a file descriptor.
 *
 * Life: pending (listener, peer's HELLO awaited) -> attached to the lane ->
 * stopped (its works run no more) -> closed, perhaps after a good-bye. The
 * struct file is kept: the daemon's close() must not tear TLS down.
 */
#ifndef _TUNNEL_CARRIER_H
#define _TUNNEL_CARRIER_H

#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/refcount.h>

#include "chunk.h"
#include "duty.h"
#include "frame.h"
#include "hello.h"
#include "identity.h"
#include "ktls.h"
#include "watch.h"

/* Carriers of one lane whose peer has not said HELLO, and how long they may. */
#define TNL_PENDING_MAX 4
#define TNL_HELLO_TIMEOUT (10 * HZ)
/* AES-GCM protects 2^24.5 records with one key (RFC 8446, 5.5). */
#define TNL_RECORDS_MAX 23726566ULL

enum tnl_carrier_bit {
	TNL_CARRIER_LOST,	/* its end is under way */
	TNL_CARRIER_READY,	/* HELLOs exchanged: lane bytes may be sent */
	TNL_CARRIER_REWIND,	/* before that, start at rewind_to */
	TNL_CARRIER_TRIM,	/* give back idle memory */
	TNL_CARRIER_PAUSED,	/* listener: the HELLO is being looked at */
};

struct tnl_carrier {
	u32 id;
	refcount_t ref;
	struct tnl_lane *lane;
	struct tnl_tunnel *tunnel;	/* referenced */
	struct tnl_net *tn;
	struct file *file;
	struct socket *sock;		/* of @file */
	struct tnl_ktls ktls;
	struct list_head node;		/* lane.pending or tnl_net.draining */
	unsigned long bits;		/* enum tnl_carrier_bit */
	struct tnl_shown peer_is;
	u8 reason;			/* why it ended; set once, with LOST */
	u8 goaway;			/* reason to tell the peer at the end, 0: none */
	bool restart;			/* its end ends the lane's sessions too */
	bool taken;			/* lane.attach_lock: somebody ends it */
	bool was_up;
	bool refused;			/* the peer said GOAWAY in place of HELLO */

	struct tnl_watch watch;
	struct tnl_duty duty;
	struct work_struct rx_work, tx_work, hello_work, end_work;
	struct delayed_work hello_timeout, drain;
	unsigned long drain_until;	/* jiffies */
	bool said_all;			/* the good-bye is out, and FIN behind it */

	/* Who sends, who receives: the works, or a program. Inside of attach_lock. */
	struct mutex tx_lock, rx_lock;
	bool stopped;			/* both locks to set it: nobody does any more */

	/* tx side */
	struct page *own;		/* room for HELLO and GOAWAY */
	unsigned int own_len;
	struct tnl_chunkq out;		/* those: sent before the lane's bytes */
	struct tnl_chunk_pos out_pos;
	u64 rewind_to;			/* set before READY */
	u64 tx_records, tx_bytes;

	/* rx side */
	u8 hello[TNL_HDR_LEN + TNL_HELLO_MAX];
	unsigned int hello_have;
	struct tnl_hello peer;		/* listener: for hello_work */
	bool hello_done;
	struct page *rx_page;		/* received, not yet taken by the lane */
	unsigned int rx_offset, rx_left;
	u64 rx_records, rx_bytes;
	unsigned long last_rx;		/* jiffies */
	unsigned long heard;		/* tick: jiffies; when TCP had received something */
	u32 rcv_nxt;			/* tick: what it had received then */
	unsigned long attached_at;	/* jiffies */
	unsigned long trimmed_at;	/* jiffies */
};

/* carrier.c */
int tnl_carrier_attach(struct tnl_tunnel *t, int fd, const struct tnl_shown *peer, u32 *id,
		       struct netlink_ext_ack *extack);

void tnl_carrier_send_now(struct tnl_carrier *c);
void tnl_carrier_receive_now(struct tnl_carrier *c);

/* carrier_end.c */
void tnl_carrier_lost(struct tnl_carrier *c, u8 reason);
void tnl_carrier_close_all(struct tnl_lane *lane, u8 reason);
struct tnl_carrier *tnl_carrier_revoke(struct tnl_lane *lane);
void tnl_carrier_finish_draining(struct tnl_net *tn);
void tnl_carrier_drop_all(struct tnl_net *tn, u8 reason);

/* between the two */
void tnl_carrier_put(struct tnl_carrier *c);
void tnl_carrier_queue_own(struct tnl_carrier *c, u8 type, u16 reason,
			   const void *payload, u32 len);
ssize_t tnl_carrier_send_own(struct tnl_carrier *c);
void tnl_carrier_stop(struct tnl_carrier *c);
void tnl_carrier_no_goaway_in_mid_frame(struct tnl_carrier *c);
void tnl_carrier_finish(struct tnl_carrier *c);
void tnl_carrier_end_work(struct work_struct *work);
void tnl_carrier_drain_work(struct work_struct *work);

#endif /* _TUNNEL_CARRIER_H */
