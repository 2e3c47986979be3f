// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/tunnel_netlink.h>

#include "identity.h"

const u16 tnl_identity_attr[TNL_IDENTITY_TEXTS] = {
	[TNL_IDENTITY_KEY] = TUNNEL_A_KEY,
	[TNL_IDENTITY_PSK] = TUNNEL_A_PSK,
	[TNL_IDENTITY_PSK_NAME] = TUNNEL_A_PSK_IDENTITY,
	[TNL_IDENTITY_CA] = TUNNEL_A_PEER_CA,
	[TNL_IDENTITY_NAME] = TUNNEL_A_PEER_AUTH_NAME,
	[TNL_IDENTITY_CERT] = TUNNEL_A_CERT,
};

/**
 * tnl_identity_dup - one to be changed and put in the place of another
 * @of: that other, or NULL: nobody
 * Return: it, for tnl_identity_free(); NULL without memory.
 */
struct tnl_identity *tnl_identity_dup(const struct tnl_identity *of)
{
	struct tnl_identity *id = kzalloc(sizeof(*id), GFP_KERNEL_ACCOUNT);
	int i;

	BUILD_BUG_ON(TNL_PIN_LEN != TUNNEL_PIN_LEN);
	BUILD_BUG_ON(TNL_PINS_MAX != TUNNEL_PINS_MAX);
	if (!id || !of)
		return id;
	id->pins = of->pins;
	for (i = 0; i < TNL_IDENTITY_TEXTS; i++) {
		if (tnl_identity_set_text(id, i, of->text[i])) {
			tnl_identity_free(id);
			return NULL;
		}
	}
	return id;
}

/**
 * tnl_identity_set_text - another text
 * @id: nobody else's yet
 * @which: enum tnl_identity_text
 * @text: is copied; NULL: none
 * Return: 0 or -ENOMEM.
 */
int tnl_identity_set_text(struct tnl_identity *id, int which, const char *text)
{
	kfree(id->text[which]);
	id->text[which] = text ? kstrdup(text, GFP_KERNEL_ACCOUNT) : NULL;
	return text && !id->text[which] ? -ENOMEM : 0;
}

/* tnl_identity_free - NULL is fine */
void tnl_identity_free(struct tnl_identity *id)
{
	int i;

	if (!id)
		return;
	for (i = 0; i < TNL_IDENTITY_TEXTS; i++)
		kfree(id->text[i]);
	kfree(id);
}

/* tnl_identity_way - of what kind it is */
enum tnl_identity_way tnl_identity_way(const struct tnl_identity *id)
{
	return id->text[TNL_IDENTITY_PSK] ? TNL_IDENTITY_BY_PSK :
	       id->text[TNL_IDENTITY_CA] ? TNL_IDENTITY_BY_CA : TNL_IDENTITY_BY_PIN;
}

/*
 * tnl_identity_accepts - may the peer be this one?
 *
 * What certificates say only the daemon can judge: it must have done so by this very
 * identity, or one that judges alike.
 */
bool tnl_identity_accepts(const struct tnl_identity *id, const struct tnl_shown *s)
{
	if (tnl_identity_way(id) == TNL_IDENTITY_BY_CA)
		return s->revision == id->revision;
	return tnl_pins_have(&id->pins, s->pin);
}

static bool same_text(const struct tnl_identity *a, const struct tnl_identity *b, int which)
{
	return a->text[which] && b->text[which] && !strcmp(a->text[which], b->text[which]);
}

/* tnl_identity_meets - could one peer be meant by both? */
bool tnl_identity_meets(const struct tnl_identity *a, const struct tnl_identity *b)
{
	return tnl_pins_meet(&a->pins, &b->pins) || same_text(a, b, TNL_IDENTITY_PSK_NAME) ||
	       same_text(a, b, TNL_IDENTITY_NAME);
}

/* tnl_identity_judges_alike - does a certificate mean the same to both? */
bool tnl_identity_judges_alike(const struct tnl_identity *a, const struct tnl_identity *b)
{
	return same_text(a, b, TNL_IDENTITY_CA) && same_text(a, b, TNL_IDENTITY_NAME);
}
