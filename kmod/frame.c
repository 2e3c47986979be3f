// SPDX-License-Identifier: GPL-2.0
/* Pure: no kernel calls, no allocation, hostile input expected. */
#include "frame.h"

/* What each type may look like; one row per type, checked in one place. */
static const struct {
	u32 min, max;
	u8 flags;		/* bits that may be set */
	bool session;		/* belongs to a session: id not 0 */
	bool reason;		/* the reason field has a meaning */
} rules[TNL_TYPES] = {
	[TNL_DATA]	= { 0, TNL_PAYLOAD_MAX, TNL_FLAG_END, true, false },
	[TNL_OPEN]	= { 0, TNL_CONTROL_MAX, TNL_FLAG_PROTOCOL, true, false },
	[TNL_ACCEPT]	= { 0, 64, 0, true, false },
	[TNL_RESET]	= { 0, 0, 0, true, true },
	[TNL_WINDOW]	= { 8, 8, 0, true, false },
	[TNL_HELLO]	= { 8, 512, 0, false, false },
	[TNL_PING]	= { 8, 8, 0, false, false },
	[TNL_PONG]	= { 8, 8, 0, false, false },
	[TNL_ACK]	= { 8, 8, 0, false, false },
	[TNL_GOAWAY]	= { 8, 136, 0, false, true },
};

/**
 * tnl_frame_encode - write a header
 * @hdr: 16 bytes
 * @f: what to write; the caller keeps to the rules that tnl_frame_decode() checks
 */
void tnl_frame_encode(u8 hdr[TNL_HDR_LEN], const struct tnl_frame *f)
{
	hdr[0] = f->type;
	hdr[1] = f->flags;
	tnl_put16(hdr + 2, f->reason);
	tnl_put32(hdr + 4, f->length);
	tnl_put64(hdr + 8, f->id);
}

/**
 * tnl_frame_decode - read and check a header
 * @hdr: 16 bytes from the peer
 * @f: result, valid only on success
 *
 * Types 64..127 that we do not know pass if their length is in range: the
 * receiver skips their payload.
 *
 * Return: 0, or -EPROTO when no correct peer sends this.
 */
int tnl_frame_decode(const u8 hdr[TNL_HDR_LEN], struct tnl_frame *f)
{
	f->type = hdr[0];
	f->flags = hdr[1];
	f->reason = tnl_get16(hdr + 2);
	f->length = tnl_get32(hdr + 4);
	f->id = tnl_get64(hdr + 8);

	if (f->type >= TNL_SKIPPABLE && f->type < TNL_TYPE_END)
		return f->length <= TNL_PAYLOAD_MAX ? 0 : -EPROTO;
	if (f->type >= TNL_TYPES)
		return -EPROTO;

	if (f->length < rules[f->type].min || f->length > rules[f->type].max)
		return -EPROTO;
	if (f->flags & ~rules[f->type].flags)
		return -EPROTO;
	if (f->reason && !rules[f->type].reason)
		return -EPROTO;
	if (rules[f->type].session != !!(f->id & ~TNL_ID_LISTENER))
		return -EPROTO;
	if (!rules[f->type].session && f->id)
		return -EPROTO;
	/* An empty DATA that ends nothing costs work and no credit. */
	if (f->type == TNL_DATA && !f->length && !(f->flags & TNL_FLAG_END))
		return -EPROTO;
	return 0;
}

/**
 * tnl_id_from_uuid - 64-bit correlation id of a request UUID
 * @uuid: the 16 bytes of RFC 9562
 *
 * FNV-1a. For matching one request in the logs of both hosts; session ids on
 * the wire are counters and never come from here.
 *
 * Return: the same id for the same UUID, never 0.
 */
u64 tnl_id_from_uuid(const u8 uuid[16])
{
	u64 h = 0xcbf29ce484222325ULL;
	int i;

	for (i = 0; i < 16; i++)
		h = (h ^ uuid[i]) * 0x100000001b3ULL;
	return h ? h : 1;
}
