// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "pins.h"

struct pins {
	unsigned int refs;
	struct shop_object object;
	size_t n;
	uint8_t pin[][TUNNEL_PIN_LEN];
};

struct pins *pins_new(const uint8_t (*pin)[TUNNEL_PIN_LEN], size_t n)
{
	struct pins *p = calloc(1, sizeof(*p) + n * sizeof(p->pin[0]));

	if (!p)
		return NULL;
	p->refs = 1;
	p->n = n;
	if (n)
		memcpy(p->pin, pin, n * sizeof(p->pin[0]));
	return p;
}

struct pins *pins_ref(struct pins *p)
{
	p->refs++;
	return p;
}

void pins_put(struct pins *p)
{
	if (!p || --p->refs)
		return;
	object_gone(&p->object);
	free(p);
}

bool pins_have(const struct pins *p, const uint8_t pin[TUNNEL_PIN_LEN])
{
	bool found = false;
	size_t i;

	for (i = 0; i < p->n; i++)
		found |= crypto_equal(p->pin[i], pin, TUNNEL_PIN_LEN);
	return found;
}

bool pins_same(const struct pins *p, const uint8_t (*pin)[TUNNEL_PIN_LEN], size_t n)
{
	return p->n == n && (!n || !memcmp(p->pin, pin, n * sizeof(p->pin[0])));
}

struct shop_object *pins_object(struct pins *p)
{
	return &p->object;
}

int pins_pack(const struct pins *p, struct parcel *parcel)
{
	parcel_put(parcel, p->pin, p->n * sizeof(p->pin[0]));
	return 0;
}

struct pins *pins_unpack(const struct parcel *parcel)
{
	struct parcel_reader r = { parcel->bytes, parcel->len };
	const uint8_t *bytes;
	size_t len;

	if (!parcel_take(&r, &bytes, &len) || r.left || len % TUNNEL_PIN_LEN)
		return NULL;
	return pins_new((const uint8_t(*)[TUNNEL_PIN_LEN])bytes, len / TUNNEL_PIN_LEN);
}
