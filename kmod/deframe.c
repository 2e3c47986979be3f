// SPDX-License-Identifier: GPL-2.0
/* Pure: no kernel calls, no allocation, hostile input expected. */
#include "deframe.h"

/**
 * tnl_deframe_header - take bytes of a header
 * @d: not in a frame
 * @data: the next bytes of the stream
 * @len: how many, at least 1
 * @taken: result: how many belong to the header; on success only
 * Return: 1 when a frame begins, 0 when its header is not complete, -EPROTO when
 * no correct peer sends it (@d->frame says what it was).
 */
int tnl_deframe_header(struct tnl_deframe *d, const u8 *data, u32 len, u32 *taken)
{
	u32 n = min_t(u32, len, TNL_HDR_LEN - d->have);
	int err;

	memcpy(d->hdr + d->have, data, n);
	d->have += n;
	*taken = n;
	if (d->have < TNL_HDR_LEN)
		return 0;
	d->have = 0;
	err = tnl_frame_decode(d->hdr, &d->frame);
	if (err)
		return err;
	d->left = d->frame.length;
	d->in_frame = true;
	return 1;
}

/**
 * tnl_deframe_check_id - may a frame with this id come now?
 * @d: a frame has begun
 * @ours: its id has the role bit of the receiver
 * @our_last_id: of the sessions the receiver opened, without role bit; read
 *	only with @ours
 *
 * The ids of the peer's OPENs rise; nothing else may name an id that has not
 * been opened yet. Frames of no session, and skippable ones, name none.
 *
 * Return: 0 or -EPROTO.
 */
int tnl_deframe_check_id(struct tnl_deframe *d, bool ours, u64 our_last_id)
{
	u64 count = d->frame.id & ~TNL_ID_LISTENER;

	if (!d->frame.id || d->frame.type >= TNL_TYPES)
		return 0;
	if (d->frame.type == TNL_OPEN) {
		if (ours || count <= d->peer_last_id || count >= TNL_OFFSET_MAX)
			return -EPROTO;
		d->peer_last_id = count;
		return 0;
	}
	return count <= (ours ? our_last_id : d->peer_last_id) ? 0 : -EPROTO;
}

/**
 * tnl_deframe_payload - look at bytes of a payload
 * @d: in a frame
 * @data: the next bytes of the stream
 * @len: how many
 *
 * Those of control frames are kept in @d->control, those of unknown frames
 * are to be skipped, those of DATA are the caller's. In each case
 * tnl_deframe_taken() makes the step; for DATA it may be a shorter one.
 *
 * Return: how many belong to the frame.
 */
u32 tnl_deframe_payload(struct tnl_deframe *d, const u8 *data, u32 len)
{
	u32 n = min_t(u32, len, d->left);

	if (d->frame.type != TNL_DATA && d->frame.type < TNL_TYPES)
		memcpy(d->control + d->frame.length - d->left, data, n);
	return n;
}

/* tnl_deframe_taken - @len bytes that tnl_deframe_payload() found are dealt with */
void tnl_deframe_taken(struct tnl_deframe *d, u32 len)
{
	d->left -= len;
}

/* tnl_deframe_end - the frame is whole: the next byte is one of a header */
void tnl_deframe_end(struct tnl_deframe *d)
{
	d->in_frame = false;
}
