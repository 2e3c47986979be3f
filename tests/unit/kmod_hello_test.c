// SPDX-License-Identifier: GPL-2.0
/* Payloads of HELLO, OPEN and ACCEPT: layout, every rule, and hostile bytes. */
/* links: kmod/hello.c */
#include "pure_test.h"
#include "hello.h"

/* The numbers of docs/protocol.md. */
enum { NAME = 1, EPOCH, PEER_EPOCH, LANE, ATTACH, RX_OFFSET, WINDOW, MAX_SESSIONS, FEATURES };
enum { SERVICE = 1, SOURCE, DESTINATION, UUID, OPEN_WINDOW, PRIORITY, HOPS, LOCAL };
#define CRITICAL 0x8000

/* struct msg - a payload being built */
struct msg {
	u8 b[2048];
	size_t len;
};

static void bytes(struct msg *m, const void *p, size_t len)
{
	assert_true(m->len + len <= sizeof(m->b));
	memcpy(m->b + m->len, p, len);
	m->len += len;
}

static void tlv(struct msg *m, u16 type, const void *value, u16 len)
{
	u8 hdr[4];

	tnl_put16(hdr, type);
	tnl_put16(hdr + 2, len);
	bytes(m, hdr, 4);
	bytes(m, value, len);
}

static void tlv_filled(struct msg *m, u16 type, u8 byte, u16 len)
{
	u8 value[1100];

	assert_true(len <= sizeof(value));
	memset(value, byte, len);
	tlv(m, type, value, len);
}

/*
 * Give a decoder a piece of memory that ends where the payload ends, so that
 * the sanitizer sees the first byte read behind it.
 */
static u8 *fence(const void *p, size_t len)
{
	u8 *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return copy;
}

static int try_hello(const void *p, size_t len, struct tnl_hello *h)
{
	u8 *copy = fence(p, len);
	int r = tnl_hello_decode(copy, len, h);

	free(copy);
	return r;
}

static int hello_msg(const struct msg *m)
{
	struct tnl_hello h;

	return try_hello(m->b, m->len, &h);
}

static int try_open(const void *p, size_t len, struct tnl_open *o)
{
	u8 *copy = fence(p, len);
	int r = tnl_open_decode(copy, len, o);

	free(copy);
	return r;
}

static int open_msg(const struct msg *m)
{
	struct tnl_open o;

	return try_open(m->b, m->len, &o);
}

static int try_accept(const struct msg *m, u64 *window)
{
	u8 *copy = fence(m->b, m->len);
	int r = tnl_accept_decode(copy, m->len, window);

	free(copy);
	return r;
}

/* --- HELLO ----------------------------------------------------------------- */

static const struct {
	u16 type, len;
	bool required;
} hello_tlvs[] = {
	{ NAME, 3, false },
	{ EPOCH, 8, true },
	{ PEER_EPOCH, 8, true },
	{ LANE, 2, true },
	{ ATTACH, 8, true },
	{ RX_OFFSET, 8, true },
	{ WINDOW, 4, false },
	{ MAX_SESSIONS, 4, false },
	{ FEATURES, 8, false },
};

#define N_TLVS ARRAY_SIZE(hello_tlvs)

static void fixed(struct msg *m, u8 min, u8 max, u8 role, u8 zero)
{
	const u8 b[8] = { 'T', 'N', 'L', '1', min, max, role, zero };

	m->len = 0;
	bytes(m, b, 8);
}

/* The TLV number @i of the table; one byte longer or shorter by @extra. */
static void add(struct msg *m, unsigned int i, int extra)
{
	/* 0x61 is 'a': a value that is good for names, too. */
	tlv_filled(m, hello_tlvs[i].type | CRITICAL, 0x61, hello_tlvs[i].len + extra);
}

/* All TLVs but @without (-1: none). */
static void hello_but(struct msg *m, int without)
{
	unsigned int i;

	fixed(m, 1, 1, 0, 0);
	for (i = 0; i < N_TLVS; i++)
		if ((int)i != without)
			add(m, i, 0);
}

static const struct tnl_hello sample = {
	.min_version = 1, .max_version = 1, .role = 1, .name = "gw",
	.epoch = 0x0102030405060708ULL, .peer_epoch = 0x1112131415161718ULL,
	.attach = 3, .rx_offset = 0x2122232425262728ULL,
	.features = 0x3132333435363738ULL, .window = 32768, .max_sessions = 16384,
	.lane = 0x4142,
};

static void test_hello_layout(void **state)
{
	static const u8 want[] = {
		'T', 'N', 'L', '1', 1, 1, 1, 0,
		0x00, 1, 0, 2, 'g', 'w',
		0x80, 2, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,
		0x80, 3, 0, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		0x80, 4, 0, 2, 0x41, 0x42,
		0x80, 5, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3,
		0x80, 6, 0, 8, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
		0x00, 7, 0, 4, 0, 0, 0x80, 0,
		0x00, 8, 0, 4, 0, 0, 0x40, 0,
		0x00, 9, 0, 8, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,
	};
	u8 buf[TNL_HELLO_MAX];

	(void)state;
	assert_int_equal(tnl_hello_encode(buf, &sample), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void test_hello_roundtrip(void **state)
{
	u8 *buf = malloc(TNL_HELLO_MAX);
	struct tnl_hello h, g;
	size_t len;

	(void)state;
	assert_non_null(buf);
	len = tnl_hello_encode(buf, &sample);
	assert_int_equal(try_hello(buf, len, &g), 0);
	assert_memory_equal(&g, &sample, sizeof(g));

	/* the largest of everything */
	memset(&h, 0, sizeof(h));
	memset(h.name, 'z', TNL_NAME_MAX);
	h.min_version = 0;
	h.max_version = 255;
	h.role = 1;
	h.epoch = h.peer_epoch = h.attach = h.rx_offset = h.features = ~0ULL;
	h.window = h.max_sessions = UINT32_MAX;
	h.lane = UINT16_MAX;
	len = tnl_hello_encode(buf, &h);
	assert_in_range(len, 8, TNL_HELLO_MAX);
	assert_int_equal(try_hello(buf, len, &g), 0);
	assert_memory_equal(&g, &h, sizeof(g));

	/* the smallest */
	memset(&h, 0, sizeof(h));
	h.name[0] = '0';
	h.min_version = h.max_version = 1;
	h.epoch = 1;
	len = tnl_hello_encode(buf, &h);
	assert_int_equal(try_hello(buf, len, &g), 0);
	assert_memory_equal(&g, &h, sizeof(g));
	free(buf);
}

/* Cut anywhere: right only between elements, when no needed one is missing. */
static void test_hello_truncated(void **state)
{
	size_t ends[N_TLVS + 1], len, at = 8, last_needed = 0;
	u8 buf[TNL_HELLO_MAX];
	unsigned int n = 0, i;
	struct tnl_hello h;

	(void)state;
	len = tnl_hello_encode(buf, &sample);
	while (at < len) {
		u16 type = tnl_get16(buf + at) & ~CRITICAL;

		at += 4 + tnl_get16(buf + at + 2);
		if (type == RX_OFFSET)
			last_needed = at;
		ends[n++] = at;
	}
	assert_int_equal(at, len);
	assert_int_equal(n, N_TLVS);
	for (at = 0; at < len; at++) {
		bool right = false;

		for (i = 0; i < n; i++)
			right |= at == ends[i] && at >= last_needed;
		assert_int_equal(try_hello(buf, at, &h), right ? 0 : -EPROTO);
	}
	/* and bytes behind it that are no element */
	for (i = 1; i < 4; i++) {
		memset(buf + len, 0, i);
		assert_int_equal(try_hello(buf, len + i, &h), -EPROTO);
	}
}

static void test_hello_size(void **state)
{
	struct msg m;

	(void)state;
	hello_but(&m, -1);
	tlv_filled(&m, 20, 0, TNL_HELLO_MAX - 4 - m.len);
	assert_int_equal(m.len, TNL_HELLO_MAX);
	assert_int_equal(hello_msg(&m), 0);

	hello_but(&m, -1);
	tlv_filled(&m, 20, 0, TNL_HELLO_MAX + 1 - 4 - m.len);
	assert_int_equal(m.len, TNL_HELLO_MAX + 1);
	assert_int_equal(hello_msg(&m), -EPROTO);
}

static void test_hello_fixed(void **state)
{
	struct msg m;
	unsigned int i;

	(void)state;
	for (i = 0; i < 32; i++) {
		hello_but(&m, -1);
		m.b[i / 8] ^= 1 << i % 8;
		assert_int_equal(hello_msg(&m), -EPROTO);
	}
	for (i = 0; i < 256; i++) {
		hello_but(&m, -1);
		m.b[6] = i;
		assert_int_equal(hello_msg(&m), i <= 1 ? 0 : -EPROTO);
		hello_but(&m, -1);
		m.b[7] = i;
		assert_int_equal(hello_msg(&m), i ? -EPROTO : 0);
	}
}

static void test_hello_versions(void **state)
{
	unsigned int min, max;
	struct msg m;

	(void)state;
	for (min = 0; min < 256; min++) {
		for (max = 0; max < 256; max++) {
			hello_but(&m, -1);
			m.b[4] = min;
			m.b[5] = max;
			assert_int_equal(hello_msg(&m), min <= 1 && max >= 1 ?
					 0 : -EPROTONOSUPPORT);
		}
	}
	/* What follows may be anything then: that version's rules are not ours. */
	fixed(&m, 2, 3, 7, 9);
	bytes(&m, "\xff\xff\xff", 3);
	assert_int_equal(hello_msg(&m), -EPROTONOSUPPORT);
	/* But a wrong magic is no version of ours. */
	m.b[0] = 'X';
	assert_int_equal(hello_msg(&m), -EPROTO);
}

static void test_hello_missing(void **state)
{
	struct tnl_hello h;
	unsigned int i;
	struct msg m;

	(void)state;
	for (i = 0; i < N_TLVS; i++) {
		hello_but(&m, i);
		assert_int_equal(hello_msg(&m), hello_tlvs[i].required ? -EPROTO : 0);
	}
	/* with the required ones only: the others are empty or 0 */
	fixed(&m, 1, 1, 0, 0);
	for (i = 0; i < N_TLVS; i++)
		if (hello_tlvs[i].required)
			add(&m, i, 0);
	assert_int_equal(try_hello(m.b, m.len, &h), 0);
	assert_string_equal(h.name, "");
	assert_int_equal(h.window, 0);
	assert_int_equal(h.max_sessions, 0);
	assert_true(h.features == 0);
	fixed(&m, 1, 1, 0, 0);
	assert_int_equal(hello_msg(&m), -EPROTO);
}

static void test_hello_sizes(void **state)
{
	unsigned int i, j;
	struct msg m;
	int extra;

	(void)state;
	for (i = 0; i < N_TLVS; i++) {
		for (extra = -(int)hello_tlvs[i].len; extra <= 8; extra++) {
			bool right = !extra;

			if (hello_tlvs[i].type == NAME)
				right = extra > -3;
			fixed(&m, 1, 1, 0, 0);
			for (j = 0; j < N_TLVS; j++)
				add(&m, j, i == j ? extra : 0);
			assert_int_equal(hello_msg(&m), right ? 0 : -EPROTO);
		}
	}
}

static void test_hello_duplicates(void **state)
{
	unsigned int i, critical;
	struct msg m;

	(void)state;
	for (i = 0; i < N_TLVS; i++) {
		for (critical = 0; critical < 2; critical++) {
			hello_but(&m, -1);
			tlv_filled(&m, hello_tlvs[i].type | (critical ? CRITICAL : 0),
				   0x61, hello_tlvs[i].len);
			assert_int_equal(hello_msg(&m), -EPROTO);
		}
	}
	/* of an unknown one, too */
	for (i = 10; i < 64; i++) {
		hello_but(&m, -1);
		tlv_filled(&m, i, 0, 1);
		assert_int_equal(hello_msg(&m), 0);
		tlv_filled(&m, i, 0, 1);
		assert_int_equal(hello_msg(&m), -EPROTO);
	}
}

static const u16 unknown[] = { 0, 10, 11, 62, 63, 64, 65, 127, 128, 255, 256, 0x3fff, 0x7fff };

static void test_hello_unknown(void **state)
{
	const u16 lengths[] = { 0, 1, 8, 200 };
	unsigned int i, j;
	struct msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			hello_but(&m, -1);
			tlv_filled(&m, unknown[i], 0xff, lengths[j]);
			assert_int_equal(hello_msg(&m), 0);
			hello_but(&m, -1);
			tlv_filled(&m, unknown[i] | CRITICAL, 0xff, lengths[j]);
			assert_int_equal(hello_msg(&m), -EPROTO);
		}
	}
	/* the known ones need no critical bit, and no order */
	fixed(&m, 1, 1, 0, 0);
	for (i = N_TLVS; i--;)
		tlv_filled(&m, hello_tlvs[i].type, 0x61, hello_tlvs[i].len);
	assert_int_equal(hello_msg(&m), 0);
}

static void test_hello_tlv_overrun(void **state)
{
	const u16 lengths[] = { 9, 10, 255, 256, 0x7fff, 0x8000, 0xfffb, 0xffff };
	unsigned int i;
	struct msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		hello_but(&m, -1);
		/* the length of the last one, which has 8 bytes */
		tnl_put16(m.b + m.len - 10, lengths[i]);
		assert_int_equal(hello_msg(&m), -EPROTO);
	}
}

static void test_hello_epochs(void **state)
{
	struct tnl_hello h = sample, g;
	u8 buf[TNL_HELLO_MAX];

	(void)state;
	h.epoch = 0;
	assert_int_equal(try_hello(buf, tnl_hello_encode(buf, &h), &g), -EPROTO);
	h.epoch = 1ULL << 63;
	h.peer_epoch = 0;
	assert_int_equal(try_hello(buf, tnl_hello_encode(buf, &h), &g), 0);
	assert_true(g.epoch == 1ULL << 63 && g.peer_epoch == 0);
}

/* --- names ----------------------------------------------------------------- */

static void test_names(void **state)
{
	char name[TNL_NAME_MAX + 2];
	unsigned int c, len;

	(void)state;
	memset(name, 'a', sizeof(name));
	for (len = 0; len <= sizeof(name); len++)
		assert_int_equal(tnl_name_ok(name, len), len >= 1 && len <= 63);
	for (c = 0; c < 256; c++) {
		bool right = c == '.' || c == '_' || c == '-' ||
			     (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');

		name[0] = c;
		assert_int_equal(tnl_name_ok(name, 1), right);
		name[0] = 'a';
		name[TNL_NAME_MAX - 1] = c;
		assert_int_equal(tnl_name_ok(name, TNL_NAME_MAX), right);
		name[TNL_NAME_MAX - 1] = 'a';
	}
	/* never looks behind the length */
	name[1] = '/';
	assert_true(tnl_name_ok(name, 1));
	assert_false(tnl_name_ok("", 0));
}

static void test_names_in_messages(void **state)
{
	static const struct {
		const char *name;
		u16 len;
		bool right;
	} texts[] = {
		{ "web", 3, true }, { "a", 1, true }, { "-._0", 4, true },
		{ "", 0, false }, { "Web", 3, false }, { "a b", 3, false },
		{ "a\0b", 3, false }, { "web\0", 4, false }, { "a/b", 3, false },
		{ "\xc3\xa4", 2, false }, { "a\n", 2, false }, { "%s", 2, false },
	};
	struct tnl_hello h;
	struct tnl_open o;
	unsigned int i;
	struct msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		hello_but(&m, 0);
		tlv(&m, NAME, texts[i].name, texts[i].len);
		assert_int_equal(try_hello(m.b, m.len, &h), texts[i].right ? 0 : -EPROTO);
		if (texts[i].right)
			assert_string_equal(h.name, texts[i].name);
		m.len = 0;
		tlv(&m, SERVICE, texts[i].name, texts[i].len);
		assert_int_equal(try_open(m.b, m.len, &o), texts[i].right ? 0 : -EPROTO);
		if (texts[i].right)
			assert_string_equal(o.service, texts[i].name);
	}
	for (i = 62; i <= 65; i++) {
		m.len = 0;
		tlv_filled(&m, SERVICE, 'x', i);
		assert_int_equal(try_open(m.b, m.len, &o), i <= 63 ? 0 : -EPROTO);
		if (i <= 63)
			assert_int_equal(strlen(o.service), i);
	}
}

/* --- OPEN ------------------------------------------------------------------ */

static const struct tnl_open sample_open = {
	.service = "web",
	.source = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 0x1f, 0x90 },
	.has_source = true,
	.local = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x01, 0xbb },
	.has_local = true,
	.destination = "a.b:1",
	.uuid = { 0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4,
		  0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0x00, 0x01 },
	.has_uuid = true,
	.priority = 7,
	.hops = 2,
	.window = 0x0102030405060708ULL,
};

static void test_open_layout(void **state)
{
	static const u8 want[] = {
		0x80, 1, 0, 3, 'w', 'e', 'b',
		0x00, 2, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1,
		0x1f, 0x90,
		0x00, 8, 0, 18, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0x01, 0xbb,
		0x00, 3, 0, 5, 'a', '.', 'b', ':', '1',
		0x00, 4, 0, 16, 0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4,
		0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0x00, 0x01,
		0x00, 5, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,
		0x00, 6, 0, 1, 7,
		0x00, 7, 0, 1, 2,
	};
	struct tnl_open o = { .service = "a" };
	u8 buf[TNL_OPEN_MAX];

	(void)state;
	assert_int_equal(tnl_open_encode(buf, &sample_open), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	/* What is not set is not said. */
	assert_int_equal(tnl_open_encode(buf, &o), 5);
}

static void test_open_roundtrip(void **state)
{
	struct tnl_open o, p;
	u8 *buf = malloc(TNL_OPEN_MAX);	/* all that the encoder may ask for */
	size_t len;

	(void)state;
	assert_non_null(buf);
	assert_int_equal(try_open(buf, tnl_open_encode(buf, &sample_open), &p), 0);
	assert_memory_equal(&p, &sample_open, sizeof(p));

	memset(&o, 0, sizeof(o));
	memset(o.service, '-', TNL_NAME_MAX);
	memset(o.source, 0xff, sizeof(o.source));
	memset(o.local, 0xff, sizeof(o.local));
	memset(o.uuid, 0xff, sizeof(o.uuid));
	o.has_source = o.has_local = o.has_uuid = true;
	o.priority = o.hops = 255;
	o.window = ~0ULL;
	memset(o.destination, '~', TNL_DESTINATION_MAX);
	len = tnl_open_encode(buf, &o);
	assert_in_range(len, 1, TNL_OPEN_MAX);
	assert_int_equal(try_open(buf, len, &p), 0);
	assert_memory_equal(&p, &o, sizeof(p));

	memset(&o, 0, sizeof(o));
	o.service[0] = '_';
	assert_int_equal(try_open(buf, tnl_open_encode(buf, &o), &p), 0);
	assert_memory_equal(&p, &o, sizeof(p));
	free(buf);
}

static void test_open_truncated(void **state)
{
	size_t len, at, end = 0;
	struct tnl_open o;
	u8 buf[TNL_OPEN_MAX];

	(void)state;
	len = tnl_open_encode(buf, &sample_open);
	for (at = 0; at < len; at++) {
		bool right = at && at == end;	/* the service comes first */

		if (at == end)
			end += 4 + tnl_get16(buf + end + 2);
		assert_int_equal(try_open(buf, at, &o), right ? 0 : -EPROTO);
	}
	assert_int_equal(end, len);
	for (at = 1; at < 4; at++) {
		memset(buf + len, 0, at);
		assert_int_equal(try_open(buf, len + at, &o), -EPROTO);
	}
}

static const struct {
	u16 type, len;
} open_tlvs[] = {
	{ SOURCE, 18 }, { UUID, 16 }, { OPEN_WINDOW, 8 }, { PRIORITY, 1 }, { HOPS, 1 },
	{ LOCAL, 18 },
};

static void test_open_rules(void **state)
{
	unsigned int i, len, critical;
	struct msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(open_tlvs); i++) {
		/* a service must be named */
		m.len = 0;
		tlv_filled(&m, open_tlvs[i].type, 1, open_tlvs[i].len);
		assert_int_equal(open_msg(&m), -EPROTO);
		/* sizes; order and critical bit do not matter */
		for (len = 0; len <= 32; len++) {
			for (critical = 0; critical < 2; critical++) {
				m.len = 0;
				tlv_filled(&m, open_tlvs[i].type | (critical ? CRITICAL : 0),
					   1, len);
				tlv(&m, SERVICE, "web", 3);
				assert_int_equal(open_msg(&m), len == open_tlvs[i].len ?
						 0 : -EPROTO);
			}
		}
		/* duplicates */
		m.len = 0;
		tlv(&m, SERVICE, "web", 3);
		tlv_filled(&m, open_tlvs[i].type, 1, open_tlvs[i].len);
		assert_int_equal(open_msg(&m), 0);
		tlv_filled(&m, open_tlvs[i].type | CRITICAL, 1, open_tlvs[i].len);
		assert_int_equal(open_msg(&m), -EPROTO);
	}
	m.len = 0;
	tlv(&m, SERVICE | CRITICAL, "web", 3);
	assert_int_equal(open_msg(&m), 0);
	tlv(&m, SERVICE | CRITICAL, "web", 3);
	assert_int_equal(open_msg(&m), -EPROTO);
	/* nothing at all */
	m.len = 0;
	assert_int_equal(open_msg(&m), -EPROTO);
	/* a destination is printable, without blanks */
	for (len = 0; len <= 300; len++) {
		m.len = 0;
		tlv(&m, SERVICE, "web", 3);
		tlv_filled(&m, DESTINATION | CRITICAL, 'x', len);
		assert_int_equal(open_msg(&m), len && len <= TNL_DESTINATION_MAX ? 0 : -EPROTO);
	}
	for (i = 0; i < 256; i++) {
		u8 text[3] = { 'a', (u8)i, 'b' };

		m.len = 0;
		tlv(&m, SERVICE, "web", 3);
		tlv(&m, DESTINATION, text, sizeof(text));
		assert_int_equal(open_msg(&m), i > ' ' && i <= '~' ? 0 : -EPROTO);
	}
	m.len = 0;
	tlv(&m, SERVICE, "web", 3);
	tlv(&m, DESTINATION, "a:1", 3);
	tlv(&m, DESTINATION, "a:1", 3);
	assert_int_equal(open_msg(&m), -EPROTO);
}

static void test_open_unknown(void **state)
{
	unsigned int i;
	struct msg m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		m.len = 0;
		tlv_filled(&m, unknown[i], 0xff, i);
		tlv(&m, SERVICE, "web", 3);
		assert_int_equal(open_msg(&m), 0);
		m.len = 0;
		tlv_filled(&m, unknown[i] | CRITICAL, 0xff, i);
		tlv(&m, SERVICE, "web", 3);
		assert_int_equal(open_msg(&m), -EPROTO);
	}
	for (i = 8; i < 64; i++) {
		m.len = 0;
		tlv(&m, SERVICE, "web", 3);
		tlv_filled(&m, i, 0, 0);
		tlv_filled(&m, i, 0, 0);
		assert_int_equal(open_msg(&m), -EPROTO);
	}
	/* a length that ends behind the message */
	for (i = 4; i < 0x10000; i += 251) {
		m.len = 0;
		tlv(&m, SERVICE, "web", 3);
		tnl_put16(m.b + 2, i);
		assert_int_equal(open_msg(&m), -EPROTO);
	}
}

/* --- ACCEPT ---------------------------------------------------------------- */

static void test_accept(void **state)
{
	const u8 value[8] = { 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	unsigned int i, len;
	struct msg m = {};
	u64 window = 5;

	(void)state;
	assert_int_equal(try_accept(&m, &window), 0);
	assert_true(window == 0);

	tlv(&m, 1, value, 8);
	assert_int_equal(try_accept(&m, &window), 0);
	assert_true(window == 0x3fffffffffffffffULL);
	for (m.len = 1; m.len < 12; m.len++)
		assert_int_equal(try_accept(&m, &window), -EPROTO);
	tlv(&m, 1 | CRITICAL, value, 8);
	assert_int_equal(try_accept(&m, &window), -EPROTO);

	for (len = 0; len < 20; len++) {
		m.len = 0;
		tlv_filled(&m, 1, 0, len);
		assert_int_equal(try_accept(&m, &window), len == 8 ? 0 : -EPROTO);
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		m.len = 0;
		tlv_filled(&m, unknown[i], 0xff, 3);
		tlv(&m, 1, value, 8);
		assert_int_equal(try_accept(&m, &window), 0);
		assert_true(window == 0x3fffffffffffffffULL);
		tlv_filled(&m, unknown[i] | CRITICAL, 0xff, 3);
		assert_int_equal(try_accept(&m, &window), -EPROTO);
	}
}

/* --- random bytes ---------------------------------------------------------- */

#define ROUNDS PURE_ROUNDS(200000)
#define ROOM 1040

static u64 seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same numbers on every run. */
static u64 rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/*
 * A hostile payload at the end of @room: noise, elements with random types and
 * lengths, or a right one with some bytes changed, removed or appended.
 */
static size_t hostile(u8 *room, const u8 *right, size_t right_len, size_t skip,
		      const u8 **start)
{
	u8 b[ROOM];
	size_t len, i;
	u64 r = rnd();

	switch (r % 4) {
	case 0:
		len = (r >> 8) % (r & 0x80 ? 40 : ROOM + 1);
		for (i = 0; i < len; i++)
			b[i] = rnd();
		break;
	case 1:
		memcpy(b, right, skip);
		len = skip;
		for (i = (r >> 8) % 14; i--;) {
			u64 v = rnd();
			size_t n = v & 7 ? 1U << (v >> 3) % 5 : (v >> 8) % 70;

			if (len + 4 + n > ROOM)
				break;
			tnl_put16(b + len, (v >> 16) % 11 | (v & 0x100 ? CRITICAL : 0));
			tnl_put16(b + len + 2, (v & 0xf000) ? n : v >> 32);
			memset(b + len + 4, v & 0x200 ? 'a' : (int)(v >> 40), n);
			len += 4 + n;
		}
		break;
	default:
		memcpy(b, right, right_len);
		len = right_len;
		for (i = (r >> 8) % 4; i--;)
			b[rnd() % len] = rnd();
		if (!(r & 0xf000))
			len = rnd() % (len + 1);
		else if (!(r & 0xf0000))
			b[len++] = rnd();
		break;
	}
	*start = room + ROOM - len;
	memcpy(room + ROOM - len, b, len);
	return len;
}

static void test_fuzz_hello(void **state)
{
	u8 right[TNL_HELLO_MAX], again[TNL_HELLO_MAX], *room = malloc(ROOM);
	size_t right_len = tnl_hello_encode(right, &sample), len;
	unsigned int i, passed = 0, other = 0;
	struct tnl_hello h, g;
	const u8 *p;

	(void)state;
	assert_non_null(room);
	for (i = 0; i < ROUNDS; i++) {
		int r;

		len = hostile(room, right, right_len, 8, &p);
		r = tnl_hello_decode(p, len, &h);
		if (r == -EPROTONOSUPPORT)
			other++;
		if (r) {
			assert_true(r == -EPROTO || r == -EPROTONOSUPPORT);
			continue;
		}
		passed++;
		assert_true(h.epoch && h.role <= 1 && len <= TNL_HELLO_MAX);
		assert_true(!h.name[0] || tnl_name_ok(h.name, strlen(h.name)));
		/* What was understood can be said again. */
		if (h.name[0]) {
			len = tnl_hello_encode(again, &h);
			assert_int_equal(tnl_hello_decode(again, len, &g), 0);
			assert_memory_equal(&g, &h, sizeof(g));
		}
	}
	assert_in_range(passed, ROUNDS / 100, ROUNDS * 9 / 10);
	assert_true(other);
	free(room);
}

static void test_fuzz_open(void **state)
{
	u8 right[256], again[256], *room = malloc(ROOM);
	size_t right_len = tnl_open_encode(right, &sample_open), len;
	unsigned int i, passed = 0;
	struct tnl_open o, q;
	const u8 *p;

	(void)state;
	assert_non_null(room);
	for (i = 0; i < ROUNDS; i++) {
		int r;

		len = hostile(room, right, right_len, 0, &p);
		r = tnl_open_decode(p, len, &o);
		if (r) {
			assert_int_equal(r, -EPROTO);
			continue;
		}
		passed++;
		assert_true(tnl_name_ok(o.service, strlen(o.service)));
		len = tnl_open_encode(again, &o);
		assert_int_equal(tnl_open_decode(again, len, &q), 0);
		assert_memory_equal(&q, &o, sizeof(q));
	}
	assert_in_range(passed, ROUNDS / 100, ROUNDS * 9 / 10);
	free(room);
}

static void test_fuzz_accept(void **state)
{
	const u8 right[] = { 0, 1, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0 };
	unsigned int i, passed = 0;
	u8 *room = malloc(ROOM);
	const u8 *p;
	u64 window;

	(void)state;
	assert_non_null(room);
	for (i = 0; i < ROUNDS; i++) {
		size_t len = hostile(room, right, sizeof(right), 0, &p);
		int r = tnl_accept_decode(p, len, &window);

		assert_true(!r || r == -EPROTO);
		passed += !r;
	}
	assert_in_range(passed, ROUNDS / 100, ROUNDS * 9 / 10);
	free(room);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_hello_layout),
	cmocka_unit_test(test_hello_roundtrip),
	cmocka_unit_test(test_hello_truncated),
	cmocka_unit_test(test_hello_size),
	cmocka_unit_test(test_hello_fixed),
	cmocka_unit_test(test_hello_versions),
	cmocka_unit_test(test_hello_missing),
	cmocka_unit_test(test_hello_sizes),
	cmocka_unit_test(test_hello_duplicates),
	cmocka_unit_test(test_hello_unknown),
	cmocka_unit_test(test_hello_tlv_overrun),
	cmocka_unit_test(test_hello_epochs),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_names_in_messages),
	cmocka_unit_test(test_open_layout),
	cmocka_unit_test(test_open_roundtrip),
	cmocka_unit_test(test_open_truncated),
	cmocka_unit_test(test_open_rules),
	cmocka_unit_test(test_open_unknown),
	cmocka_unit_test(test_accept),
	cmocka_unit_test(test_fuzz_hello),
	cmocka_unit_test(test_fuzz_open),
	cmocka_unit_test(test_fuzz_accept),
};

PURE_SUITE(hello, tests);
