/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A relay: the endpoint of a session that is a local connection, TCP as a rule. FIN is
 * END, RST is RESET, a closed window is missing credit, both ways.
 *
 * Life: NEW -> (ASKING | TO_CONNECT -> CONNECTING ->) OPEN -> CLOSING -> DEAD. Only up_work
 * changes the state; only the reaper frees.
 */
#ifndef _TUNNEL_RELAY_H
#define _TUNNEL_RELAY_H

#include <linux/cred.h>
#include <linux/socket.h>

#include "chunk.h"
#include "local.h"
#include "watch.h"

struct netlink_ext_ack;
struct tnl_endpoint_ops;
struct tnl_net;
struct tnl_open;
struct tnl_session;
struct tnl_tunnel;

/* struct tnl_adoption - a connection that comes from user space */
struct tnl_adoption {
	int fd;				/* of the calling process */
	u8 protocol;			/* TUNNEL_PROTOCOL_* */
	const void *prefix;		/* what has been read from it */
	u32 prefix_len;
	const void *refusal;		/* what it gets if the peer does not accept it */
	u32 refusal_len;
};

enum tnl_relay_state {
	TNL_RELAY_NEW,		/* not set up yet: works do nothing */
	TNL_RELAY_ASKING,	/* the daemon is to say where it leads */
	TNL_RELAY_TO_CONNECT,
	TNL_RELAY_CONNECTING,
	TNL_RELAY_OPEN,
	TNL_RELAY_CLOSING,	/* both ends through; TCP gets the last bytes over */
	TNL_RELAY_DEAD,
};

enum tnl_relay_bit {
	TNL_RELAY_RESET,	/* the session ended */
	TNL_RELAY_FAILED,	/* the local connection ended; see @reason */
	TNL_RELAY_UP_DONE,	/* local FIN is in the session */
	TNL_RELAY_DOWN_DONE,	/* peer's END is in the local connection */
	TNL_RELAY_ENDING,	/* peer's END is to go into it */
	TNL_RELAY_DEAF,		/* local end was reset behind its FIN: discard */
	TNL_RELAY_ANSWERED,	/* the daemon has said it */
	TNL_RELAY_REFUSED,	/* it closes with a last word: tnl_net.refused counts it */
};

struct tnl_relay {
	struct list_head node;		/* tnl_net.relays or .dead; reap_lock */
	struct tnl_net *tn;
	struct tnl_tunnel *tunnel;	/* referenced */
	struct tnl_session *session;	/* referenced */
	u64 ask_id;			/* with ASKING */
	struct socket *answer;		/* session lock: from the daemon, not taken yet */
	enum tnl_local_kind answer_kind;
	struct tnl_local local;		/* of @file; or ours, with no hold on the namespace */
	struct file *file;		/* user space has handed it over, or NULL; referenced */
	struct tnl_watch watch;
	struct work_struct up_work;	/* local -> session; and the state */
	struct work_struct down_work;	/* session -> local */
	struct delayed_work deadline;	/* of ASKING and CLOSING */
	u32 acked;			/* snd_una when it was set */
	enum tnl_relay_state state;	/* up_work writes */
	unsigned long bits;		/* enum tnl_relay_bit */
	u8 reason;			/* with FAILED */

	struct tnl_chunkq out;		/* down_work: taken from the session */
	void *refusal;			/* up_work: said before an end that nobody accepted */
	u32 refusal_len;
	struct tnl_chunkq ahead;	/* up_work: read by others, goes before what is in @local */

	struct sockaddr_storage target;
	const struct cred *cred;	/* with TO_CONNECT */
};

/* relay.c, for relay_begin.c */
extern const struct tnl_endpoint_ops tnl_relay_ops;
struct tnl_relay *tnl_relay_alloc(struct tnl_tunnel *t);
void tnl_relay_fail(struct tnl_relay *r, u8 reason);
void tnl_relay_die(struct tnl_relay *r);

static inline void tnl_relay_set_state(struct tnl_relay *r, enum tnl_relay_state state)
{
	/* Pairs with the acquires at the start of the works. */
	smp_store_release(&r->state, state);
}

u8 tnl_relay_connect(struct tnl_session *s);
int tnl_relay_answer(struct tnl_session *s, u64 ask_id, int fd, u8 reason,
		     struct netlink_ext_ack *extack);
void tnl_relay_accepted(struct tnl_tunnel *t, const char *service,
			const char *destination, struct socket *sock);
int tnl_relay_adopt(struct tnl_tunnel *t, struct tnl_open *o,
		    const struct tnl_adoption *a, u64 *id,
		    struct netlink_ext_ack *extack);
bool tnl_relay_address(u8 to[18], const void *sa);
void tnl_relay_drop_adopted(struct tnl_net *tn, u8 reason);
void tnl_relay_net_init(struct tnl_net *tn);
void tnl_relay_net_exit(struct tnl_net *tn);

#endif /* _TUNNEL_RELAY_H */
