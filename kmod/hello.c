// SPDX-License-Identifier: GPL-2.0
/* Pure: no kernel calls, no allocation, hostile input expected. */
#include "hello.h"

enum {
	HELLO_NAME = 1,
	HELLO_EPOCH,
	HELLO_PEER_EPOCH,
	HELLO_LANE,
	HELLO_ATTACH,
	HELLO_RX_OFFSET,
	HELLO_WINDOW,
	HELLO_MAX_SESSIONS,
	HELLO_FEATURES,
};

enum {
	OPEN_SERVICE = 1,
	OPEN_SOURCE,
	OPEN_DESTINATION,
	OPEN_UUID,
	OPEN_WINDOW,
	OPEN_PRIORITY,
	OPEN_HOPS,
	OPEN_LOCAL,
};

enum {
	ACCEPT_WINDOW = 1,
};

#define HELLO_FIXED 8
#define TLV_HDR 4

/**
 * tnl_name_ok - is this a name of a tunnel or service?
 * @name: bytes, not terminated
 * @len: how many
 *
 * Return: true for 1..63 characters of [a-z0-9._-].
 */
bool tnl_name_ok(const char *name, size_t len)
{
	size_t i;

	if (!len || len > TNL_NAME_MAX)
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static u8 *tlv_put(u8 *p, u16 type, const void *value, u16 len)
{
	tnl_put16(p, type);
	tnl_put16(p + 2, len);
	memcpy(p + TLV_HDR, value, len);
	return p + TLV_HDR + len;
}

static u8 *tlv_put64(u8 *p, u16 type, u64 value)
{
	u8 b[8];

	tnl_put64(b, value);
	return tlv_put(p, type, b, sizeof(b));
}

static u8 *tlv_put32(u8 *p, u16 type, u32 value)
{
	u8 b[4];

	tnl_put32(b, value);
	return tlv_put(p, type, b, sizeof(b));
}

/* struct tlv - one element, and where the walk stands */
struct tlv {
	const u8 *pos, *end;
	u64 seen;		/* types below 64 that came by */
	bool critical;
	u16 type, len;
	const u8 *value;
};

/*
 * Return: 1 with the next element in @t, 0 at the end, -EPROTO for an element
 * that does not fit or whose type came before.
 */
static int tlv_next(struct tlv *t)
{
	u16 type;

	if (t->pos == t->end)
		return 0;
	if (t->end - t->pos < TLV_HDR)
		return -EPROTO;
	type = tnl_get16(t->pos);
	t->len = tnl_get16(t->pos + 2);
	t->value = t->pos + TLV_HDR;
	if (t->end - t->value < t->len)
		return -EPROTO;
	t->pos = t->value + t->len;
	t->critical = type & TNL_TLV_CRITICAL;
	t->type = type & ~TNL_TLV_CRITICAL;
	if (t->type < 64) {
		if (t->seen & BIT_ULL(t->type))
			return -EPROTO;
		t->seen |= BIT_ULL(t->type);
	}
	return 1;
}

static int tlv_get64(const struct tlv *t, u64 *v)
{
	if (t->len != 8)
		return -EPROTO;
	*v = tnl_get64(t->value);
	return 0;
}

static int tlv_get32(const struct tlv *t, u32 *v)
{
	if (t->len != 4)
		return -EPROTO;
	*v = tnl_get32(t->value);
	return 0;
}

static int tlv_get8(const struct tlv *t, u8 *v)
{
	if (t->len != 1)
		return -EPROTO;
	*v = t->value[0];
	return 0;
}

static int tlv_get_bytes(const struct tlv *t, u8 *v, u16 len)
{
	if (t->len != len)
		return -EPROTO;
	memcpy(v, t->value, len);
	return 0;
}

static int tlv_get_name(const struct tlv *t, char *name)
{
	if (!tnl_name_ok((const char *)t->value, t->len))
		return -EPROTO;
	memcpy(name, t->value, t->len);
	name[t->len] = 0;
	return 0;
}

/* Printable as it is: it goes to logs. @text has room for @max bytes and a 0. */
static int tlv_get_text(const struct tlv *t, char *text, u16 max)
{
	u16 i;

	if (!t->len || t->len > max)
		return -EPROTO;
	for (i = 0; i < t->len; i++)
		if (t->value[i] <= ' ' || t->value[i] > '~')
			return -EPROTO;
	memcpy(text, t->value, t->len);
	text[t->len] = 0;
	return 0;
}

/**
 * tnl_hello_encode - write the payload of a HELLO
 * @buf: TNL_HELLO_MAX bytes
 * @h: what to say
 * Return: bytes written.
 */
size_t tnl_hello_encode(u8 *buf, const struct tnl_hello *h)
{
	u8 *p = buf, lane[2];

	tnl_put32(p, TNL_MAGIC);
	p[4] = h->min_version;
	p[5] = h->max_version;
	p[6] = h->role;
	p[7] = 0;
	p += HELLO_FIXED;
	tnl_put16(lane, h->lane);
	p = tlv_put(p, HELLO_NAME, h->name, (u16)strlen(h->name));
	p = tlv_put64(p, HELLO_EPOCH | TNL_TLV_CRITICAL, h->epoch);
	p = tlv_put64(p, HELLO_PEER_EPOCH | TNL_TLV_CRITICAL, h->peer_epoch);
	p = tlv_put(p, HELLO_LANE | TNL_TLV_CRITICAL, lane, sizeof(lane));
	p = tlv_put64(p, HELLO_ATTACH | TNL_TLV_CRITICAL, h->attach);
	p = tlv_put64(p, HELLO_RX_OFFSET | TNL_TLV_CRITICAL, h->rx_offset);
	p = tlv_put32(p, HELLO_WINDOW, h->window);
	p = tlv_put32(p, HELLO_MAX_SESSIONS, h->max_sessions);
	p = tlv_put64(p, HELLO_FEATURES, h->features);
	return p - buf;
}

/**
 * tnl_hello_decode - read and check the payload of a HELLO
 * @buf: payload
 * @len: its length
 * @h: result, valid only on success
 *
 * Return: 0; -EPROTO for what no tunnel peer sends; -EPROTONOSUPPORT when
 * magic and length are right and no version is common.
 */
int tnl_hello_decode(const u8 *buf, size_t len, struct tnl_hello *h)
{
	const u64 need = BIT_ULL(HELLO_EPOCH) | BIT_ULL(HELLO_PEER_EPOCH) |
			 BIT_ULL(HELLO_LANE) | BIT_ULL(HELLO_ATTACH) |
			 BIT_ULL(HELLO_RX_OFFSET);
	struct tlv t = {};
	int r;

	memset(h, 0, sizeof(*h));
	if (len < HELLO_FIXED || len > TNL_HELLO_MAX ||
	    tnl_get32(buf) != TNL_MAGIC)
		return -EPROTO;
	h->min_version = buf[4];
	h->max_version = buf[5];
	h->role = buf[6];
	if (h->min_version > TNL_VERSION || h->max_version < TNL_VERSION)
		return -EPROTONOSUPPORT;
	if (h->role > 1 || buf[7])
		return -EPROTO;

	t.pos = buf + HELLO_FIXED;
	t.end = buf + len;
	while ((r = tlv_next(&t)) > 0) {
		switch (t.type) {
		case HELLO_NAME:
			r = tlv_get_name(&t, h->name);
			break;
		case HELLO_EPOCH:
			r = tlv_get64(&t, &h->epoch);
			break;
		case HELLO_PEER_EPOCH:
			r = tlv_get64(&t, &h->peer_epoch);
			break;
		case HELLO_LANE:
			r = t.len == 2 ? 0 : -EPROTO;
			if (!r)
				h->lane = tnl_get16(t.value);
			break;
		case HELLO_ATTACH:
			r = tlv_get64(&t, &h->attach);
			break;
		case HELLO_RX_OFFSET:
			r = tlv_get64(&t, &h->rx_offset);
			break;
		case HELLO_WINDOW:
			r = tlv_get32(&t, &h->window);
			break;
		case HELLO_MAX_SESSIONS:
			r = tlv_get32(&t, &h->max_sessions);
			break;
		case HELLO_FEATURES:
			r = tlv_get64(&t, &h->features);
			break;
		default:
			r = t.critical ? -EPROTO : 0;
			break;
		}
		if (r)
			return r;
	}
	if (r)
		return r;
	if ((t.seen & need) != need || !h->epoch)
		return -EPROTO;
	return 0;
}

/**
 * tnl_open_encode - write the payload of an OPEN
 * @buf: at least TNL_OPEN_MAX bytes
 * @o: what to say; fields that are not set are left out
 * Return: bytes written.
 */
size_t tnl_open_encode(u8 *buf, const struct tnl_open *o)
{
	u8 *p = buf;

	p = tlv_put(p, OPEN_SERVICE | TNL_TLV_CRITICAL, o->service,
		    (u16)strlen(o->service));
	if (o->has_source)
		p = tlv_put(p, OPEN_SOURCE, o->source, sizeof(o->source));
	if (o->has_local)
		p = tlv_put(p, OPEN_LOCAL, o->local, sizeof(o->local));
	if (o->destination[0])
		p = tlv_put(p, OPEN_DESTINATION, o->destination,
			    (u16)strlen(o->destination));
	if (o->has_uuid)
		p = tlv_put(p, OPEN_UUID, o->uuid, sizeof(o->uuid));
	if (o->window)
		p = tlv_put64(p, OPEN_WINDOW, o->window);
	if (o->priority)
		p = tlv_put(p, OPEN_PRIORITY, &o->priority, 1);
	if (o->hops)
		p = tlv_put(p, OPEN_HOPS, &o->hops, 1);
	return p - buf;
}

/**
 * tnl_open_decode - read and check the payload of an OPEN
 * @buf: payload
 * @len: its length
 * @o: result, valid only on success; all of it is the peer's claim
 * Return: 0 or -EPROTO.
 */
int tnl_open_decode(const u8 *buf, size_t len, struct tnl_open *o)
{
	struct tlv t = { .pos = buf, .end = buf + len };
	int r;

	memset(o, 0, sizeof(*o));
	while ((r = tlv_next(&t)) > 0) {
		switch (t.type) {
		case OPEN_SERVICE:
			r = tlv_get_name(&t, o->service);
			break;
		case OPEN_SOURCE:
			r = tlv_get_bytes(&t, o->source, sizeof(o->source));
			o->has_source = true;
			break;
		case OPEN_LOCAL:
			r = tlv_get_bytes(&t, o->local, sizeof(o->local));
			o->has_local = true;
			break;
		case OPEN_DESTINATION:
			r = tlv_get_text(&t, o->destination, TNL_DESTINATION_MAX);
			break;
		case OPEN_UUID:
			r = tlv_get_bytes(&t, o->uuid, sizeof(o->uuid));
			o->has_uuid = true;
			break;
		case OPEN_WINDOW:
			r = tlv_get64(&t, &o->window);
			break;
		case OPEN_PRIORITY:
			r = tlv_get8(&t, &o->priority);
			break;
		case OPEN_HOPS:
			r = tlv_get8(&t, &o->hops);
			break;
		default:
			r = t.critical ? -EPROTO : 0;
			break;
		}
		if (r)
			return r;
	}
	if (r)
		return r;
	return o->service[0] ? 0 : -EPROTO;
}

/**
 * tnl_accept_encode - write the payload of an ACCEPT
 * @buf: at least 64 bytes
 * @window: credit to grant
 * Return: bytes written.
 */
size_t tnl_accept_encode(u8 *buf, u64 window)
{
	return tlv_put64(buf, ACCEPT_WINDOW, window) - buf;
}

/**
 * tnl_accept_decode - read and check the payload of an ACCEPT
 * @buf: payload
 * @len: its length
 * @window: credit the peer grants, 0: as in HELLO
 * Return: 0 or -EPROTO.
 */
int tnl_accept_decode(const u8 *buf, size_t len, u64 *window)
{
	struct tlv t = { .pos = buf, .end = buf + len };
	int r;

	*window = 0;
	while ((r = tlv_next(&t)) > 0) {
		if (t.type == ACCEPT_WINDOW)
			r = tlv_get64(&t, window);
		else
			r = t.critical ? -EPROTO : 0;
		if (r)
			return r;
	}
	return r;
}
