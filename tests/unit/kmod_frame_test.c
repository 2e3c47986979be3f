// SPDX-License-Identifier: GPL-2.0
/* The frame header: layout, the rules of every type, and hostile bytes. */
/* links: kmod/frame.c */
#include "pure_test.h"
#include "frame.h"

#define ID_MAX (~0ULL)

/* What docs/protocol.md says, written down a second time. */
static const struct rule {
	u32 min, max;
	u8 flags;
	bool session, reason;
} rules[] = {
	[TNL_DATA]   = { 0, 65536, 0x10, true, false },
	[TNL_OPEN]   = { 0, 1040, 0x0f, true, false },
	[TNL_ACCEPT] = { 0, 64, 0, true, false },
	[TNL_RESET]  = { 0, 0, 0, true, true },
	[TNL_WINDOW] = { 8, 8, 0, true, false },
	[TNL_HELLO]  = { 8, 512, 0, false, false },
	[TNL_PING]   = { 8, 8, 0, false, false },
	[TNL_PONG]   = { 8, 8, 0, false, false },
	[TNL_ACK]    = { 8, 8, 0, false, false },
	[TNL_GOAWAY] = { 8, 136, 0, false, true },
};

static bool legal(const struct tnl_frame *f)
{
	const struct rule *r;
	u64 count = f->id & 0x7fffffffffffffffULL;

	if (f->type >= 64 && f->type <= 127)
		return f->length <= 65536;
	if (f->type > 9)
		return false;
	r = &rules[f->type];
	if (f->length < r->min || f->length > r->max)
		return false;
	if ((f->flags | r->flags) != r->flags)
		return false;
	if (f->reason && !r->reason)
		return false;
	if (r->session ? !count : f->id)
		return false;
	return f->type != TNL_DATA || f->length || f->flags == 0x10;
}

/* A header that is right for its type. */
static struct tnl_frame good(u8 type)
{
	struct tnl_frame f = { .type = type };

	if (type < TNL_TYPES) {
		f.length = rules[type].max;
		f.id = rules[type].session ? 1 : 0;
	}
	return f;
}

/* Encode, decode, and see that the answer is the one of the rules above. */
static int check(const struct tnl_frame *f)
{
	u8 hdr[TNL_HDR_LEN];
	struct tnl_frame g;
	int r;

	tnl_frame_encode(hdr, f);
	r = tnl_frame_decode(hdr, &g);
	if (r != (legal(f) ? 0 : -EPROTO))
		fail_msg("type %u flags %#x reason %u length %u id %#llx: %d", f->type,
			 f->flags, f->reason, f->length, (unsigned long long)f->id, r);
	if (!r) {
		assert_int_equal(g.type, f->type);
		assert_int_equal(g.flags, f->flags);
		assert_int_equal(g.reason, f->reason);
		assert_int_equal(g.length, f->length);
		assert_true(g.id == f->id);
	}
	return r;
}

static void test_layout(void **state)
{
	const struct tnl_frame f = {
		.type = 0xa1, .flags = 0xb2, .reason = 0xc3d4,
		.length = 0x01020304, .id = 0x1122334455667788ULL,
	};
	const u8 want[] = {
		0xa1, 0xb2, 0xc3, 0xd4, 0x01, 0x02, 0x03, 0x04,
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	};
	u8 hdr[TNL_HDR_LEN + 1] = { [TNL_HDR_LEN] = 0x5a };

	(void)state;
	assert_int_equal(TNL_HDR_LEN, 16);
	tnl_frame_encode(hdr, &f);
	assert_memory_equal(hdr, want, sizeof(want));
	assert_int_equal(hdr[TNL_HDR_LEN], 0x5a);
}

/* With its header a full payload is four full TLS records. */
static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(TNL_PAYLOAD_FULL + TNL_HDR_LEN, 4 * 16384);
	assert_int_equal(TNL_PAYLOAD_MAX, 65536);
	assert_int_equal(TNL_TYPES, 10);
}

/* The case of the design this protocol grew from. */
static void test_big_id_with_end(void **state)
{
	struct tnl_frame f = {
		.type = TNL_DATA, .flags = TNL_FLAG_END, .length = 5,
		.id = 12345678901234567890ULL,
	}, g;
	u8 hdr[TNL_HDR_LEN];

	(void)state;
	tnl_frame_encode(hdr, &f);
	assert_int_equal(tnl_frame_decode(hdr, &g), 0);
	assert_true(g.id == 12345678901234567890ULL);
	assert_int_equal(g.type, TNL_DATA);
	assert_true(g.flags & TNL_FLAG_END);
	assert_int_equal(g.length, 5);
	assert_int_equal(g.reason, 0);
}

static void test_lengths(void **state)
{
	const u32 far[] = { 65535, 65536, 65537, 0x10000000, 0x80000000, UINT32_MAX };
	struct tnl_frame f;
	unsigned int t, i;

	(void)state;
	for (t = 0; t < TNL_TYPES; t++) {
		const struct rule *r = &rules[t];

		f = good(t);
		f.flags = t == TNL_DATA ? TNL_FLAG_END : 0;
		f.length = r->min;
		assert_int_equal(check(&f), 0);
		f.length = r->max;
		assert_int_equal(check(&f), 0);
		f.length = r->max + 1;
		assert_int_equal(check(&f), -EPROTO);
		if (r->min) {
			f.length = r->min - 1;
			assert_int_equal(check(&f), -EPROTO);
			f.length = 0;
			assert_int_equal(check(&f), -EPROTO);
		}
		for (i = 0; i < ARRAY_SIZE(far); i++) {
			f.length = far[i];
			check(&f);
		}
	}
}

static void test_empty_data(void **state)
{
	struct tnl_frame f = good(TNL_DATA);

	(void)state;
	f.length = 0;
	assert_int_equal(check(&f), -EPROTO);
	f.flags = TNL_FLAG_END;
	assert_int_equal(check(&f), 0);
	f.flags = 0;
	f.length = 1;
	assert_int_equal(check(&f), 0);
}

static void test_flags(void **state)
{
	struct tnl_frame f;
	unsigned int t, flags;

	(void)state;
	for (t = 0; t < TNL_TYPES; t++) {
		for (flags = 0; flags < 256; flags++) {
			f = good(t);
			f.flags = flags;
			check(&f);
		}
	}
	f = good(TNL_OPEN);
	f.flags = 0x0f;
	assert_int_equal(check(&f), 0);
	f.flags = TNL_FLAG_END;
	assert_int_equal(check(&f), -EPROTO);
	f = good(TNL_DATA);
	f.flags = 0x01;
	assert_int_equal(check(&f), -EPROTO);
	f.flags = 0x20;
	assert_int_equal(check(&f), -EPROTO);
}

static void test_reasons(void **state)
{
	const u16 reasons[] = { 1, 19, 20, 255, 256, 0x8000, 0xffff };
	struct tnl_frame f;
	unsigned int t, i;

	(void)state;
	for (t = 0; t < TNL_TYPES; t++) {
		for (i = 0; i < ARRAY_SIZE(reasons); i++) {
			f = good(t);
			f.reason = reasons[i];
			assert_int_equal(check(&f), t == TNL_RESET || t == TNL_GOAWAY ?
					 0 : -EPROTO);
		}
	}
}

static void test_ids(void **state)
{
	const u64 ids[] = {
		0, 1, 0xffffffffULL, 0x100000000ULL, TNL_OFFSET_MAX,
		TNL_ID_LISTENER - 1, TNL_ID_LISTENER, TNL_ID_LISTENER | 1, ID_MAX,
	};
	struct tnl_frame f;
	unsigned int t, i;

	(void)state;
	for (t = 0; t < TNL_TYPES; t++) {
		for (i = 0; i < ARRAY_SIZE(ids); i++) {
			f = good(t);
			f.id = ids[i];
			check(&f);
		}
		/* The role bit alone is nobody's id, in either kind of frame. */
		f = good(t);
		f.id = TNL_ID_LISTENER;
		assert_int_equal(check(&f), -EPROTO);
	}
}

static void test_unknown_types(void **state)
{
	const u32 lengths[] = { 0, 1, 8, 65535, 65536, 65537, UINT32_MAX };
	const u64 ids[] = { 0, 1, TNL_ID_LISTENER, ID_MAX };
	unsigned int t, l, i, x;

	(void)state;
	for (t = TNL_TYPES; t < 256; t++) {
		for (l = 0; l < ARRAY_SIZE(lengths); l++) {
			for (i = 0; i < ARRAY_SIZE(ids); i++) {
				for (x = 0; x < 4; x++) {
					struct tnl_frame f = {
						.type = t, .length = lengths[l], .id = ids[i],
						.flags = x & 1 ? 0xff : 0,
						.reason = x & 2 ? 0xffff : 0,
					};
					bool skippable = t >= 64 && t < 128 &&
							 lengths[l] <= 65536;

					assert_int_equal(check(&f), skippable ? 0 : -EPROTO);
				}
			}
		}
	}
}

static void test_uuid(void **state)
{
	const u8 uuid[16] = {
		0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4,
		0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0x00, 0x00,
	};
	/* FNV-1a of these bytes is 0, which is no id. */
	const u8 zero_hash[16] = { 0xd5, 0x6b, 0xb9, 0x53, 0x42, 0x87, 0x08, 0x36 };
	const u8 nil[16] = {};
	u8 copy[16];
	int i;

	(void)state;
	memcpy(copy, uuid, 16);
	assert_true(tnl_id_from_uuid(uuid) == tnl_id_from_uuid(copy));
	assert_true(tnl_id_from_uuid(uuid) == 0x07ae121fff2ab1b2ULL);
	assert_true(tnl_id_from_uuid(nil) == 0x88201fb960ff6465ULL);
	assert_true(tnl_id_from_uuid(zero_hash) == 1);
	/* Every bit of it counts. */
	for (i = 0; i < 128; i++) {
		memcpy(copy, uuid, 16);
		copy[i / 8] ^= 1 << i % 8;
		assert_true(tnl_id_from_uuid(uuid) != tnl_id_from_uuid(copy));
	}
}

static u64 seed = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same numbers on every run. */
static u64 rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

/* Random headers, most of them near to right: decoder and rules agree. */
static void test_fuzz(void **state)
{
	/* From the heap: one byte read too far is found. */
	u8 *hdr = malloc(TNL_HDR_LEN), again[TNL_HDR_LEN];
	unsigned int i, j, passed = 0;
	struct tnl_frame f, want;
	u64 r;

	(void)state;
	assert_non_null(hdr);
	for (i = 0; i < PURE_ROUNDS(200000); i++) {
		for (j = 0; j < TNL_HDR_LEN; j++)
			hdr[j] = rnd();
		r = rnd();
		if (r & 1)
			hdr[0] = (r >> 8) % 11;
		if (r & 2)
			hdr[1] &= 0x1f;
		if (r & 4)
			hdr[2] = hdr[3] = 0;
		if (r & 8)
			hdr[4] = hdr[5] = hdr[6] = 0;
		if (r & 16)
			hdr[7] = 8;
		if (r & 32)
			memset(hdr + 8, 0, 8);
		want = (struct tnl_frame){
			.type = hdr[0], .flags = hdr[1], .reason = tnl_get16(hdr + 2),
			.length = tnl_get32(hdr + 4), .id = tnl_get64(hdr + 8),
		};
		if (!tnl_frame_decode(hdr, &f)) {
			assert_true(legal(&want));
			tnl_frame_encode(again, &f);
			assert_memory_equal(again, hdr, TNL_HDR_LEN);
			passed++;
		} else {
			assert_false(legal(&want));
		}
	}
	/* Else it has tried one side only. */
	assert_in_range(passed, PURE_ROUNDS(200000) / 400, 199000);
	free(hdr);
}

static void test_integers(void **state)
{
	u8 b[9] = {};

	(void)state;
	/* at an odd address */
	tnl_put64(b + 1, 0xfedcba9876543210ULL);
	assert_true(tnl_get64(b + 1) == 0xfedcba9876543210ULL);
	assert_int_equal(b[1], 0xfe);
	assert_true(tnl_get32(b + 1) == 0xfedcba98U);
	assert_int_equal(tnl_get16(b + 7), 0x3210);
	tnl_put64(b + 1, ID_MAX);
	assert_true(tnl_get64(b + 1) == ID_MAX);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_layout),
	cmocka_unit_test(test_sizes),
	cmocka_unit_test(test_big_id_with_end),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_empty_data),
	cmocka_unit_test(test_flags),
	cmocka_unit_test(test_reasons),
	cmocka_unit_test(test_ids),
	cmocka_unit_test(test_unknown_types),
	cmocka_unit_test(test_uuid),
	cmocka_unit_test(test_integers),
	cmocka_unit_test(test_fuzz),
};

PURE_SUITE(frame, tests);
