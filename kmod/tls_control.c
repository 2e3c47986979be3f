// SPDX-License-Identifier: GPL-2.0
/* Pure: no kernel calls, no allocation, hostile input expected. */
#include "tls_control.h"

#define WARNING 1

/* Handshake messages (RFC 8446, B.3; RFC 5246, A.4). */
#define HELLO_REQUEST 0
#define NEW_SESSION_TICKET 4
#define KEY_UPDATE 24

static int count(struct tnl_tls_control *c)
{
	return c->taken++ < TNL_TLS_CONTROL_MESSAGES ? 0 : -EPROTO;
}

/* An alert is whole. */
static int take_alert(struct tnl_tls_control *c, u16 version)
{
	c->n_alert = 0;
	if (c->alert[1] == TNL_TLS_CLOSE_NOTIFY)
		return 1;
	/* Before 1.3 the sender says which are no end; in 1.3 that one only. */
	if (c->alert[1] == TNL_TLS_USER_CANCELED ||
	    (version < TNL_TLS13 && c->alert[0] == WARNING))
		return count(c);
	return -ECONNRESET;
}

/* The head of a message is whole: does it change nothing? */
static int take_head(struct tnl_tls_control *c, u16 version)
{
	u8 type = c->head[0];

	c->left = tnl_get32(c->head) & 0xffffff;
	if (c->left > TNL_TLS_CONTROL_LEN)
		return -EPROTO;
	if (version >= TNL_TLS13) {
		/* The kernel has one key for each direction, to the end. */
		if (type == KEY_UPDATE)
			return -EOPNOTSUPP;
		return type == NEW_SESSION_TICKET ? count(c) : -EPROTO;
	}
	/* A new handshake on the same connection: asked for, we may keep silent. */
	return type == HELLO_REQUEST && !c->left ? count(c) : -EPROTO;
}

/**
 * tnl_tls_control - look at a record, or part of one, as it was received
 * @c: where the direction stands
 * @type: its content type; also TNL_TLS_DATA, which may not come inside a message
 * @data: its bytes, decrypted
 * @len: how many, cut anywhere
 * @version: of the connection, TNL_TLS13 or less
 *
 * Return: 0: go on; 1: the direction has ended (close_notify); -ECONNRESET: the peer
 * has given up; -EOPNOTSUPP: it changes its key; -EPROTO: that may not come.
 */
int tnl_tls_control(struct tnl_tls_control *c, u8 type, const u8 *data, u32 len, u16 version)
{
	int ret;
	u32 n;

	/* Messages and alerts are not interleaved with others (RFC 8446, 5.1). */
	if ((type != TNL_TLS_HANDSHAKE && (c->n_head || c->left)) ||
	    (type != TNL_TLS_ALERT && c->n_alert))
		return -EPROTO;
	if (type == TNL_TLS_DATA)
		return 0;
	if (type != TNL_TLS_ALERT && type != TNL_TLS_HANDSHAKE)
		return -EPROTO;
	while (len) {
		ret = 0;
		if (type == TNL_TLS_ALERT) {
			c->alert[c->n_alert++] = *data++;
			len--;
			if (c->n_alert == sizeof(c->alert))
				ret = take_alert(c, version);
		} else if (c->left) {
			n = min_t(u32, len, c->left);
			data += n;
			len -= n;
			c->left -= n;
		} else {
			c->head[c->n_head++] = *data++;
			len--;
			if (c->n_head == sizeof(c->head)) {
				c->n_head = 0;
				ret = take_head(c, version);
			}
		}
		if (ret)
			return ret;
	}
	return 0;
}
