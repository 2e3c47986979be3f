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
	TNL_IDENTITY_PSK,	/* or of a key that both have: @pins is its fingerprint */
	TNL_IDENTITY_PSK_NAME,
	TNL_IDENTITY_CA,	/* path of who signs for the peer, */
	TNL_IDENTITY_NAME,	/* and for which name */
	TNL_IDENTITY_CERT,	/* path of a certificate for our key */
	TNL_IDENTITY_TEXTS,
};

/* How a peer shows that it is the one. */
enum tnl_identity_way {
	TNL_IDENTITY_BY_PIN,
	TNL_IDENTITY_BY_PSK,
	TNL_IDENTITY_BY_CA,
};

extern const u16 tnl_identity_attr[TNL_IDENTITY_TEXTS];

/* struct tnl_shown - who the peer of a carrier is, as the daemon has judged */
struct tnl_shown {
	u8 pin[TNL_PIN_LEN];	/* of its key */
	u32 revision;		/* of the identity that it was judged by, if that has no pins */
};

struct tnl_identity {
	struct tnl_pins pins;
	u32 revision;		/* another one if the daemon judges by something else */
	char *text[TNL_IDENTITY_TEXTS];		/* NULL: none */
};

struct tnl_identity *tnl_identity_dup(const struct tnl_identity *of);
int tnl_identity_set_text(struct tnl_identity *id, int which, const char *text);
void tnl_identity_free(struct tnl_identity *id);
enum tnl_identity_way tnl_identity_way(const struct tnl_identity *id);
bool tnl_identity_accepts(const struct tnl_identity *id, const struct tnl_shown *s);
bool tnl_identity_judges_alike(const struct tnl_identity *a, const struct tnl_identity *b);
bool tnl_identity_meets(const struct tnl_identity *a, const struct tnl_identity *b);

#endif /* _TUNNEL_IDENTITY_H */
