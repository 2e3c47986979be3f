/* SPDX-License-Identifier: GPL-2.0 */
/* The keys that a peer may have, each by its pin; pure. */
#ifndef _TUNNEL_PINS_H
#define _TUNNEL_PINS_H

#include "pure.h"

#define TNL_PIN_LEN	32
#define TNL_PINS_MAX	8

/* struct tnl_pins - each once */
struct tnl_pins {
	unsigned int n;
	u8 pin[TNL_PINS_MAX][TNL_PIN_LEN];
};

int tnl_pins_read(struct tnl_pins *p, const void *data, size_t len);
bool tnl_pins_have(const struct tnl_pins *p, const u8 *pin);
bool tnl_pins_meet(const struct tnl_pins *a, const struct tnl_pins *b);

#endif /* _TUNNEL_PINS_H */
