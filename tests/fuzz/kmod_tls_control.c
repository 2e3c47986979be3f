// SPDX-License-Identifier: GPL-2.0
/*
 * Records that are not data: however they are cut, the same comes of them.
 *
 * Input: version (1 byte), portions (8 bytes), records: type (1), length (1), bytes.
 */
/* options: -max_len=2048 */
/* links: kmod/tls_control.c */
#include "fuzz.h"
#include "tls_control.h"

/* All records, each in pieces of @portions in turn (0: whole). */
static int run(struct input in, u16 version, u64 portions)
{
	struct tnl_tls_control c = { .left = 0 };
	unsigned int turn = 0;
	int ret = 0;

	while (!ret && in.left > 2) {
		u8 type = (u8)take(&in, 1);
		size_t len = (size_t)take(&in, 1);
		struct input record = take_part(&in, len ? len : 1);

		while (!ret && record.left) {
			size_t n = portions ? portions >> turn++ % 8 * 8 & 0xff : record.left;
			struct input part = take_part(&record, n ? n : 1);
			uint8_t *piece = exact(part.p, part.left);

			ret = tnl_tls_control(&c, type, piece, (u32)part.left, version);
			free(piece);
			must(ret == 0 || ret == 1 || ret == -EPROTO || ret == -ECONNRESET ||
			     ret == -EOPNOTSUPP);
			must(ret || c.left <= TNL_TLS_CONTROL_LEN);
			must(c.taken <= TNL_TLS_CONTROL_MESSAGES + 1);
		}
	}
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	u16 version = take(&in, 1) & 1 ? TNL_TLS13 : 0x0303;
	u64 portions = take(&in, 8);

	must(run(in, version, 0) == run(in, version, portions | 1));
	return 0;
}
