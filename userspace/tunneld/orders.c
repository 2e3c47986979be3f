// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "orders.h"

/* --- pieces --------------------------------------------------------------- */

struct out {
	uint8_t *p;
	size_t len;
};

static void put(struct out *o, uint64_t v, unsigned int bytes)
{
	while (bytes--)
		o->p[o->len++] = (uint8_t)(v >> (8 * bytes));
}

static void put_text(struct out *o, const char *text)
{
	size_t len = strlen(text);

	put(o, len, 2);
	for (; *text; text++)
		o->p[o->len++] = *text >= 0x20 && *text <= 0x7e ? (uint8_t)*text : '?';
}

struct in {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static uint64_t take(struct in *in, unsigned int bytes)
{
	uint64_t v = 0;

	if (in->left < bytes) {
		in->bad = true;
		return 0;
	}
	in->left -= bytes;
	while (bytes--)
		v = v << 8 | *in->p++;
	return v;
}

static bool take_bool(struct in *in)
{
	uint64_t v = take(in, 1);

	in->bad |= v > 1;
	return v == 1;
}

/* Into an array of @size bytes; ends with a zero. */
static void take_text(struct in *in, char *text, size_t size)
{
	size_t len = (size_t)take(in, 2), i;

	if (in->bad || len >= size || len > in->left) {
		in->bad = true;
		return;
	}
	for (i = 0; i < len; i++) {
		in->bad |= in->p[i] < 0x20 || in->p[i] > 0x7e;
		text[i] = (char)in->p[i];
	}
	text[len] = 0;
	in->p += len;
	in->left -= len;
}

/* --- orders --------------------------------------------------------------- */

/* Whatever is in it, it fits: heads, five ids, flags, and a length for each text. */
_Static_assert(1 + 6 * 8 + 16 + 2 * 2 + DESTINATION_HOST_MAX + EDGE_ALPN_LIST_MAX <= ORDERS_MAX,
	       "orders");

size_t order_write(uint8_t out[ORDERS_MAX], const struct order *o)
{
	struct out to = { .p = out };

	put(&to, o->what, 1);
	put(&to, o->id, 8);
	if (o->what == ORDER_OBJECT) {
		put(&to, o->kind, 1);
		put(&to, o->len, 4);
	} else if (o->what == ORDER_SHAKE) {
		put(&to, o->server, 1);
		put(&to, o->ciphers, 4);
		put(&to, o->timeout_ms, 4);
		put(&to, o->identity, 8);
		put(&to, o->pins, 8);
		put(&to, o->certs, 8);
		put(&to, o->trust, 8);
		put(&to, o->upstream, 1);
		put(&to, o->verify, 1);
		put_text(&to, o->name);
		put_text(&to, o->alpn);
	}
	return to.len;
}

bool order_read(struct order *o, const void *bytes, size_t len)
{
	struct in in = { .p = bytes, .left = len };

	memset(o, 0, sizeof(*o));
	o->what = (uint8_t)take(&in, 1);
	o->id = take(&in, 8);
	if (o->what == ORDER_OBJECT) {
		o->kind = (uint8_t)take(&in, 1);
		o->len = (uint32_t)take(&in, 4);
	} else if (o->what == ORDER_SHAKE) {
		o->server = take_bool(&in);
		o->ciphers = (uint32_t)take(&in, 4);
		o->timeout_ms = (uint32_t)take(&in, 4);
		o->identity = take(&in, 8);
		o->pins = take(&in, 8);
		o->certs = take(&in, 8);
		o->trust = take(&in, 8);
		o->upstream = take_bool(&in);
		o->verify = take_bool(&in);
		take_text(&in, o->name, sizeof(o->name));
		take_text(&in, o->alpn, sizeof(o->alpn));
	}
	return !in.bad && !in.left && o->what && o->what <= ORDER_LAST && o->id;
}

/* --- reports --------------------------------------------------------------- */

_Static_assert(1 + 8 + 1 + TUNNEL_PIN_LEN + 3 * 2 + REQUEST_HOST_MAX + EDGE_ALPN_LIST_MAX +
			       REPORT_WHY_MAX <=
		       ORDERS_MAX,
	       "reports");

size_t report_write(uint8_t out[ORDERS_MAX], const struct report *r)
{
	struct out to = { .p = out };

	put(&to, r->what, 1);
	put(&to, r->id, 8);
	put(&to, r->has_pin, 1);
	if (r->has_pin) {
		memcpy(to.p + to.len, r->pin, sizeof(r->pin));
		to.len += sizeof(r->pin);
	}
	put_text(&to, r->name);
	put_text(&to, r->alpn);
	put_text(&to, r->why);
	return to.len;
}

bool report_read(struct report *r, const void *bytes, size_t len)
{
	struct in in = { .p = bytes, .left = len };
	bool of_handshake, failed;

	memset(r, 0, sizeof(*r));
	r->what = (uint8_t)take(&in, 1);
	r->id = take(&in, 8);
	r->has_pin = take_bool(&in);
	if (r->has_pin && in.left >= sizeof(r->pin)) {
		memcpy(r->pin, in.p, sizeof(r->pin));
		in.p += sizeof(r->pin);
		in.left -= sizeof(r->pin);
	} else if (r->has_pin) {
		in.bad = true;
	}
	take_text(&in, r->name, sizeof(r->name));
	take_text(&in, r->alpn, sizeof(r->alpn));
	take_text(&in, r->why, sizeof(r->why));
	if (in.bad || in.left || !r->what || r->what > REPORT_LAST)
		return false;
	of_handshake = r->what == REPORT_DONE || r->what == REPORT_FAILED;
	failed = r->what == REPORT_UNABLE || r->what == REPORT_FAILED;
	return of_handshake == (r->id != 0) && failed == (*r->why != 0);
}
