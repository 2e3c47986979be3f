/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages in the stream of a session: a length of four bytes before each
 * (docs/protocol.md, "Messages").
 */
#ifndef _TUNNEL_MESSAGE_H
#define _TUNNEL_MESSAGE_H

#include "pure.h"

#define TNL_PROTOCOL_MESSAGES	6
#define TNL_MESSAGE_HDR		4
#define TNL_MESSAGE_MAX		65536u
/*
 * Granted at the begin: the half of it that may not have been granted again
 * leaves more than a whole message.
 */
#define TNL_MESSAGE_WINDOW	(256u << 10)

/* struct tnl_message_scan - where a row of messages stands; zero at its begin */
struct tnl_message_scan {
	u32 left;		/* bytes of the present message to come */
	u8 header[TNL_MESSAGE_HDR];
	u8 got;			/* bytes of @header */
};

int tnl_message_scan(struct tnl_message_scan *m, const u8 *data, u32 len);

/* tnl_message_whole - does the row end between two messages? */
static inline bool tnl_message_whole(const struct tnl_message_scan *m)
{
	return !m->got;
}

#endif /* _TUNNEL_MESSAGE_H */
