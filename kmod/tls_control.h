/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLS records that are not data, behind the handshake of a local connection: alerts,
 * and messages of the handshake protocol that may still come (RFC 8446, 4.6 and 6; RFC
 * 5246, 7.2 and 7.4.1.1). Pure.
 */
#ifndef _TUNNEL_TLS_CONTROL_H
#define _TUNNEL_TLS_CONTROL_H

#include "pure.h"

/* Content types (RFC 8446, B.1). */
#define TNL_TLS_ALERT 21
#define TNL_TLS_HANDSHAKE 22
#define TNL_TLS_DATA 23

/* Descriptions of alerts (RFC 8446, 6). */
#define TNL_TLS_CLOSE_NOTIFY 0
#define TNL_TLS_USER_CANCELED 90

#define TNL_TLS13 0x0304

/* So many messages and alerts that change nothing, and so long a message, are taken. */
#define TNL_TLS_CONTROL_MESSAGES 64
#define TNL_TLS_CONTROL_LEN 131072

/* struct tnl_tls_control - one direction of one connection; all zero at its begin */
struct tnl_tls_control {
	u8 head[4];		/* of a handshake message: type, length */
	u8 alert[2];		/* level, description */
	u8 n_head, n_alert;	/* bytes of them that are there */
	u8 taken;		/* messages and alerts so far */
	u32 left;		/* of the message's body */
};

int tnl_tls_control(struct tnl_tls_control *c, u8 type, const u8 *data, u32 len, u16 version);

#endif /* _TUNNEL_TLS_CONTROL_H */
