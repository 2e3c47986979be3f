// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/tunnel_netlink.h>

#include "identity.h"

const u16 tnl_identity_attr[TNL_IDENTITY_TEXTS] = {
	[TNL_IDENTITY_KEY] = TUNNEL_A_KEY,
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

/* tnl_identity_accepts - may the peer be the one with this key? */
bool tnl_identity_accepts(const struct tnl_identity *id, const u8 *pin)
{
	return tnl_pins_have(&id->pins, pin);
}
