/* SPDX-License-Identifier: GPL-2.0 */
/* Payloads of HELLO, OPEN and ACCEPT: fixed part, then TLVs (docs/protocol.md). */
#ifndef _TUNNEL_HELLO_H
#define _TUNNEL_HELLO_H

#include "pure.h"

#define TNL_MAGIC		0x544e4c31	/* "TNL1" */
#define TNL_VERSION		1
#define TNL_HELLO_MAX		512
#define TNL_NAME_MAX		63
#define TNL_DESTINATION_MAX	261
#define TNL_OPEN_MAX		512	/* no OPEN of ours is longer */
#define TNL_TLV_CRITICAL	0x8000

/* struct tnl_hello - first frame of a carrier, each way */
struct tnl_hello {
	u8 min_version, max_version;
	u8 role;			/* enum tunnel_role of the sender */
	char name[TNL_NAME_MAX + 1];	/* what the sender calls the tunnel */
	u64 epoch;			/* the sender's lane since it began at offset 0 */
	u64 peer_epoch;			/* what it knows of the receiver's, 0: nothing */
	u64 attach;			/* dialler: its carriers so far; listener: echo */
	u64 rx_offset;			/* lane bytes the sender has received */
	u64 features;
	u32 window;			/* credit of a new session, bytes */
	u32 max_sessions;		/* that the receiver may have open */
	u16 lane;
};

/* struct tnl_open - what OPEN says about a session */
struct tnl_open {
	char service[TNL_NAME_MAX + 1];
	u8 source[18];			/* address as 16 bytes (v4-mapped), port */
	bool has_source;
	u8 local[18];			/* likewise: where @source came in */
	bool has_local;
	u8 uuid[16];
	bool has_uuid;
	u8 priority;
	u8 hops;
	u64 window;			/* 0: as in HELLO */
	char destination[TNL_DESTINATION_MAX + 1];	/* empty: none */
};

size_t tnl_hello_encode(u8 *buf, const struct tnl_hello *h);
int tnl_hello_decode(const u8 *buf, size_t len, struct tnl_hello *h);

size_t tnl_open_encode(u8 *buf, const struct tnl_open *o);
int tnl_open_decode(const u8 *buf, size_t len, struct tnl_open *o);

size_t tnl_accept_encode(u8 *buf, u64 window);
int tnl_accept_decode(const u8 *buf, size_t len, u64 *window);

bool tnl_name_ok(const char *name, size_t len);

#endif /* _TUNNEL_HELLO_H */
