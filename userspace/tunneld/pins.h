/* SPDX-License-Identifier: GPL-2.0 */
/* Keys of which one is to be the peer's: what a handshake may let in. */
#ifndef TUNNELD_PINS_H
#define TUNNELD_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/tunnel_netlink.h>
#include "object.h"
#include "parcel.h"

struct pins;

/**
 * pins_new - @n of them
 * Return: with one reference, or NULL without memory.
 */
struct pins *pins_new(const uint8_t (*pin)[TUNNEL_PIN_LEN], size_t n);

/** pins_ref - one more reference. Return: @p. */
struct pins *pins_ref(struct pins *p);

/** pins_put - give a reference back. NULL is fine. */
void pins_put(struct pins *p);

/** pins_have - looks at all of them, so that the time does not tell which one it was */
bool pins_have(const struct pins *p, const uint8_t pin[TUNNEL_PIN_LEN]);

/** pins_same - are these @p, in this order? */
bool pins_same(const struct pins *p, const uint8_t (*pin)[TUNNEL_PIN_LEN], size_t n);

struct shop_object *pins_object(struct pins *p);
/** pins_pack - for pins_unpack() in the handshake worker. Return: 0. */
int pins_pack(const struct pins *p, struct parcel *parcel);
/** pins_unpack - Return: with one reference, or NULL. */
struct pins *pins_unpack(const struct parcel *parcel);

#endif /* TUNNELD_PINS_H */
