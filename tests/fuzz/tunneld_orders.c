// SPDX-License-Identifier: GPL-2.0
/*
 * What a handshake worker says that somebody has taken over, and what it is told: whatever
 * is taken for a message is one of those that are written, byte for byte, with texts fit
 * for a log. What it is given to keep is taken apart within its bounds.
 *
 * Input: what (1 byte): 0 a report, 1 an order, 2 pieces, 3 to 6 an object of kind 1 to 4;
 * then the message.
 */
/* options: -max_len=1100 */
/* links: userspace/tunneld/orders.c userspace/tunneld/parcel.c userspace/tunneld/crypto.c userspace/tunneld/pins.c */
/* links: userspace/tunneld/identity.c userspace/tunneld/certs.c userspace/tunneld/trust.c userspace/tunneld/pem.c */
/* links: userspace/policy/edge.c */
#include "fuzz.h"
#include "certs.h"
#include "identity.h"
#include "orders.h"
#include "parcel.h"
#include "pins.h"
#include "trust.h"

static void text_is_fit(const char *text, size_t room)
{
	must(strnlen(text, room) < room);
	for (; *text; text++)
		must(*text >= 0x20 && *text <= 0x7e);
}

static void report(const uint8_t *bytes, size_t len)
{
	uint8_t again[ORDERS_MAX];
	struct report r;

	if (!report_read(&r, bytes, len))
		return;
	text_is_fit(r.name, sizeof(r.name));
	text_is_fit(r.alpn, sizeof(r.alpn));
	text_is_fit(r.why, sizeof(r.why));
	must(report_write(again, &r) == len && !memcmp(again, bytes, len));
}

static void order(const uint8_t *bytes, size_t len)
{
	uint8_t again[ORDERS_MAX];
	struct order o;

	if (!order_read(&o, bytes, len))
		return;
	text_is_fit(o.name, sizeof(o.name));
	text_is_fit(o.alpn, sizeof(o.alpn));
	must(order_write(again, &o) == len && !memcmp(again, bytes, len));
}

static void pieces(const uint8_t *bytes, size_t len)
{
	struct parcel_reader r = { bytes, len };
	struct parcel p = { 0 };
	const uint8_t *piece;
	size_t n;

	while (parcel_take(&r, &piece, &n)) {
		must(piece >= bytes && n <= len && piece + n <= bytes + len);
		parcel_put(&p, piece, n);
	}
	must(!p.bad && p.len == len - r.left && (!p.len || !memcmp(p.bytes, bytes, p.len)));
	parcel_free(&p);
}

static void object(unsigned int kind, uint8_t *bytes, size_t len)
{
	struct parcel p = { .bytes = bytes, .len = len };
	struct parcel again = { 0 };
	struct pins *pins;

	switch (kind) {
	case OBJECT_IDENTITY:
		identity_put(identity_unpack(&p));
		break;
	case OBJECT_CERTS:
		certs_put(certs_unpack(&p));
		break;
	case OBJECT_TRUST:
		trust_put(trust_unpack(&p));
		break;
	case OBJECT_PINS:
		pins = pins_unpack(&p);
		if (pins) {
			must(!pins_pack(pins, &again) && again.len == len &&
			     !memcmp(again.bytes, bytes, len));
			parcel_free(&again);
		}
		pins_put(pins);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int what = (unsigned int)take(&in, 1) % 7;
	uint8_t *bytes = exact(in.p, in.left);

	if (what == 0)
		report(bytes, in.left);
	else if (what == 1)
		order(bytes, in.left);
	else if (what == 2)
		pieces(bytes, in.left);
	else
		object(what - 2, bytes, in.left);
	free(bytes);
	return 0;
}
