// SPDX-License-Identifier: GPL-2.0
/*
 * The deframer: whatever the portions of a stream, and however little of a
 * payload is taken at a time, the same frames come out, and they are those that
 * a reader of the whole stream finds.
 *
 * Input: role and portions (8 bytes), ids of our own sessions (1), the stream.
 */
/* options: -max_len=2048 */
/* links: kmod/deframe.c kmod/frame.c */
#include "fuzz.h"
#include "deframe.h"

/* What came out, as one number and where it ended. */
struct result {
	u64 hash;
	size_t frames, wholes, at;
	int err;
};

static void mix(struct result *r, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		r->hash = (r->hash ^ *p++) * 0x100000001b3ULL;
}

static void mix_frame(struct result *r, const struct tnl_frame *f)
{
	u8 hdr[TNL_HDR_LEN];

	tnl_frame_encode(hdr, f);
	mix(r, hdr, sizeof(hdr));
	r->frames++;
}

struct setting {
	bool listener;
	u64 our_last;
	u64 portions; /* lengths, a byte each, in turn; 0: all */
};

/* The stream by the rules, with no state but its offset. */
static struct result whole(const struct setting *set, const u8 *data, size_t size)
{
	struct result r = { 0 };
	u64 peer_last = 0;

	while (size - r.at >= TNL_HDR_LEN) {
		const u8 *payload = data + r.at + TNL_HDR_LEN;
		size_t have = size - r.at - TNL_HDR_LEN;
		struct tnl_frame f;
		u64 count;
		bool ours;

		r.err = -EPROTO;
		if (tnl_frame_decode(data + r.at, &f))
			return r;
		count = f.id & ~TNL_ID_LISTENER;
		ours = set->listener == !!(f.id & TNL_ID_LISTENER);
		if (f.type == TNL_OPEN) {
			if (ours || count <= peer_last || count >= TNL_OFFSET_MAX)
				return r;
			peer_last = count;
		} else if (f.type < TNL_TYPES && f.id) {
			if (count > (ours ? set->our_last : peer_last))
				return r;
		}
		r.err = 0;
		mix_frame(&r, &f);
		if (f.type == TNL_DATA || have >= f.length)
			mix(&r, payload, f.type < TNL_TYPES ? min_t(size_t, have, f.length) : 0);
		if (have < f.length)
			break;
		r.wholes++;
		r.at += TNL_HDR_LEN + f.length;
	}
	return r;
}

static struct result in_portions(const struct setting *set, const u8 *data, size_t size)
{
	struct tnl_deframe *d = calloc(1, sizeof(*d));
	struct result r = { 0 };
	unsigned int turn = 0;

	must(d);
	while (r.at < size && !r.err) {
		u32 len = (set->portions >> 8 * (turn++ % 8)) & 0xff;
		u8 *piece;
		u32 n;

		if (!len || len > size - r.at)
			len = (u32)(size - r.at);
		piece = exact(data + r.at, len);
		if (!d->in_frame) {
			int ret = tnl_deframe_header(d, piece, len, &n);

			must(ret <= 1 && n >= 1 && n <= TNL_HDR_LEN);
			if (ret > 0)
				ret = tnl_deframe_check_id(d,
							   set->listener == !!(d->frame.id &
									       TNL_ID_LISTENER),
							   set->our_last);
			if (ret < 0)
				r.err = ret;
			else if (d->in_frame)
				mix_frame(&r, &d->frame);
		} else {
			must(d->left);
			n = tnl_deframe_payload(d, piece, len);
			must(n >= 1 && n <= len && n <= d->left && d->left <= d->frame.length);
			if (d->frame.type == TNL_DATA) {
				n -= turn % n; /* a reader that takes less */
				mix(&r, piece, n);
			}
			tnl_deframe_taken(d, n);
		}
		free(piece);
		r.at += n;
		if (!r.err && d->in_frame && !d->left) {
			if (d->frame.type != TNL_DATA && d->frame.type < TNL_TYPES)
				mix(&r, d->control, d->frame.length);
			r.wholes++;
			tnl_deframe_end(d);
		}
	}
	must(r.err || d->have < TNL_HDR_LEN);
	free(d);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct setting set;
	struct result want, got;

	set.portions = take(&in, 8);
	set.our_last = take(&in, 1);
	set.listener = set.our_last & 1;
	want = whole(&set, in.p, in.left);
	got = in_portions(&set, in.p, in.left);
	must(got.err == want.err && got.frames == want.frames && got.wholes == want.wholes);
	must(got.hash == want.hash);
	set.portions = 0x0101010101010101;
	got = in_portions(&set, in.p, in.left);
	must(got.err == want.err && got.frames == want.frames && got.hash == want.hash);
	set.portions = 0;
	got = in_portions(&set, in.p, in.left);
	must(got.err == want.err && got.frames == want.frames && got.hash == want.hash);
	return 0;
}
