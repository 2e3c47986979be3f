/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who the peer of a tunnel may be, and who we are to it. Never changed, but replaced as a
 * whole, under tnl_net.lock and the lane's attach_lock: either of them is enough to read it.
 */
#ifndef _TUNNEL_IDENTITY_H
#define _TUNNEL_IDENTITY_H

#include <linux/types.h>

#include "pins.h"

/* Texts that only the daemon understands; each is an attribute of a tunnel. */
enum tnl_identity_text {
	TNL_IDENTITY_KEY,	/* path of our private key */
	TNL_IDENTITY_TEXTS,
};

extern const u16 tnl_identity_attr[TNL_IDENTITY_TEXTS];

struct tnl_identity {
	struct tnl_pins pins;
	char *text[TNL_IDENTITY_TEXTS];		/* NULL: none */
};

struct tnl_identity *tnl_identity_dup(const struct tnl_identity *of);
int tnl_identity_set_text(struct tnl_identity *id, int which, const char *text);
void tnl_identity_free(struct tnl_identity *id);
bool tnl_identity_accepts(const struct tnl_identity *id, const u8 *pin);

#endif /* _TUNNEL_IDENTITY_H */
