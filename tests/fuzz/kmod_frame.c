// SPDX-License-Identifier: GPL-2.0
/* The frame header: what decode takes is within its bounds, and encode writes it again. */
/* options: -max_len=16 */
/* links: kmod/frame.c */
#include "fuzz.h"
#include "frame.h"

/* docs/protocol.md, "Frame header", as one condition. */
static bool documented(const struct tnl_frame *f)
{
	u64 counter = f->id & ~TNL_ID_LISTENER;
	bool plain = !f->flags && !f->reason;

	switch (f->type) {
	case TNL_DATA:
		return counter && !f->reason && (f->flags & ~0x10) == 0 && f->length <= 65536 &&
		       (f->length || f->flags);
	case TNL_OPEN:
		return counter && !f->reason && f->flags <= 15 && f->length <= 1040;
	case TNL_ACCEPT:
		return counter && plain && f->length <= 64;
	case TNL_RESET:
		return counter && !f->flags && !f->length;
	case TNL_WINDOW:
		return counter && plain && f->length == 8;
	case TNL_HELLO:
		return !f->id && plain && f->length >= 8 && f->length <= 512;
	case TNL_PING:
	case TNL_PONG:
	case TNL_ACK:
		return !f->id && plain && f->length == 8;
	case TNL_GOAWAY:
		return !f->id && !f->flags && f->length >= 8 && f->length <= 136;
	default:
		return f->type >= 64 && f->type <= 127 && f->length <= 65536;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tnl_frame f, again;
	u8 out[TNL_HDR_LEN];
	u8 *hdr;
	int err;

	if (size < TNL_HDR_LEN)
		return 0;
	hdr = exact(data, TNL_HDR_LEN);
	err = tnl_frame_decode(hdr, &f);
	must(err == 0 || err == -EPROTO);
	/* read in any case: the log names what was refused */
	must(f.type == data[0] && f.flags == data[1]);
	must(!err == documented(&f));
	tnl_frame_encode(out, &f);
	must(!memcmp(out, hdr, sizeof(out)));
	must(tnl_frame_decode(out, &again) == err);
	must(f.length == again.length && f.id == again.id && f.reason == again.reason);
	must(tnl_id_from_uuid(hdr) != 0 && tnl_id_from_uuid(hdr) == tnl_id_from_uuid(data));
	free(hdr);
	return 0;
}
