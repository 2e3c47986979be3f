// SPDX-License-Identifier: GPL-2.0
#include "pins.h"

/**
 * tnl_pins_read - pins as a request has them
 * @p: result
 * @data: one behind the other
 * @len: bytes
 * Return: 0; -EINVAL: none, part of one, or more than TNL_PINS_MAX; -EEXIST: one is there
 * twice. @p is empty then.
 */
int tnl_pins_read(struct tnl_pins *p, const void *data, size_t len)
{
	const u8 *pin = data;

	p->n = 0;
	if (!len || len % TNL_PIN_LEN || len > sizeof(p->pin))
		return -EINVAL;
	for (; len; len -= TNL_PIN_LEN, pin += TNL_PIN_LEN) {
		if (tnl_pins_have(p, pin)) {
			p->n = 0;
			return -EEXIST;
		}
		memcpy(p->pin[p->n++], pin, TNL_PIN_LEN);
	}
	return 0;
}

/* tnl_pins_have - is it one of them? A pin is no secret: how long this takes may tell. */
bool tnl_pins_have(const struct tnl_pins *p, const u8 *pin)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (!memcmp(p->pin[i], pin, TNL_PIN_LEN))
			return true;
	return false;
}

/* tnl_pins_meet - is there one that both have? */
bool tnl_pins_meet(const struct tnl_pins *a, const struct tnl_pins *b)
{
	unsigned int i;

	for (i = 0; i < a->n; i++)
		if (tnl_pins_have(b, a->pin[i]))
			return true;
	return false;
}
