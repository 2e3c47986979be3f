/* SPDX-License-Identifier: GPL-2.0 */
/* The 16-byte frame header and its rules (docs/protocol.md, "Frame header"). */
#ifndef _TUNNEL_FRAME_H
#define _TUNNEL_FRAME_H

#include "pure.h"

#define TNL_HDR_LEN		16
/* Longest payload that a receiver takes. */
#define TNL_PAYLOAD_MAX		65536
/* What a sender fills: with the header exactly four 16 KiB TLS records. */
#define TNL_PAYLOAD_FULL	65520
/* Longest payload of any frame but DATA; such frames are gathered in a buffer. */
#define TNL_CONTROL_MAX		1040
/* Offsets of lanes and sessions stay below this, so that sums never wrap. */
#define TNL_OFFSET_MAX		BIT_ULL(62)

#define TNL_ID_LISTENER		BIT_ULL(63)	/* set in ids the listening side opened */

enum tnl_frame_type {
	TNL_DATA,
	TNL_OPEN,
	TNL_ACCEPT,
	TNL_RESET,
	TNL_WINDOW,
	TNL_HELLO,
	TNL_PING,
	TNL_PONG,
	TNL_ACK,
	TNL_GOAWAY,
	TNL_TYPES,
	TNL_SKIPPABLE = 64,		/* 64..127: unknown ones are skipped */
	TNL_TYPE_END = 128,
};

#define TNL_FLAG_PROTOCOL	0x0f	/* in OPEN: protocol type of the session */
#define TNL_FLAG_END		0x10	/* in DATA: last of this direction */

/* struct tnl_frame - a header, decoded */
struct tnl_frame {
	u8 type;
	u8 flags;
	u16 reason;
	u32 length;
	u64 id;
};

void tnl_frame_encode(u8 hdr[TNL_HDR_LEN], const struct tnl_frame *f);
int tnl_frame_decode(const u8 hdr[TNL_HDR_LEN], struct tnl_frame *f);

u64 tnl_id_from_uuid(const u8 uuid[16]);

#endif /* _TUNNEL_FRAME_H */
