/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From bytes in any portions to frames: where headers and payloads begin and
 * end, and which ids may come. Holds no payload of DATA, which its caller hands
 * on as it arrives.
 *
 *	while bytes are there
 *		if !in_frame: tnl_deframe_header(), and for a frame that begins
 *			tnl_deframe_check_id()
 *		else: tnl_deframe_payload(), tnl_deframe_taken()
 *		if in_frame and nothing is left: tnl_deframe_end(), the frame is whole
 */
#ifndef _TUNNEL_DEFRAME_H
#define _TUNNEL_DEFRAME_H

#include "frame.h"

/* struct tnl_deframe - one direction of one lane; all zero at its offset 0 */
struct tnl_deframe {
	u8 hdr[TNL_HDR_LEN];
	u32 have;			/* bytes of hdr */
	struct tnl_frame frame;		/* being received, or the last one */
	u32 left;			/* payload bytes to come */
	bool in_frame;
	u64 peer_last_id;		/* of sessions the peer opened, without role bit */
	u8 control[TNL_CONTROL_MAX];	/* payload of any known frame but DATA */
};

int tnl_deframe_header(struct tnl_deframe *d, const u8 *data, u32 len, u32 *taken);
int tnl_deframe_check_id(struct tnl_deframe *d, bool ours, u64 our_last_id);
u32 tnl_deframe_payload(struct tnl_deframe *d, const u8 *data, u32 len);
void tnl_deframe_taken(struct tnl_deframe *d, u32 len);
void tnl_deframe_end(struct tnl_deframe *d);

#endif /* _TUNNEL_DEFRAME_H */
