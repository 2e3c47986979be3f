// SPDX-License-Identifier: GPL-2.0
/*
 * Messages in a stream: however it is cut, the scanner finds as many as a reader of
 * the whole stream does, or the same mistake.
 *
 * Input: portions (8 bytes), the stream.
 */
/* options: -max_len=512 */
/* links: kmod/message.c */
#include "fuzz.h"
#include "message.h"

/* Return: messages that are whole, -1 for one that is too long; @rest: bytes behind. */
static long whole(const uint8_t *p, size_t size, size_t *rest)
{
	long n = 0;

	while (size >= TNL_MESSAGE_HDR) {
		u32 len = tnl_get32(p);

		if (len > TNL_MESSAGE_MAX)
			return -1;
		if (len > size - TNL_MESSAGE_HDR)
			break;
		p += TNL_MESSAGE_HDR + len;
		size -= TNL_MESSAGE_HDR + len;
		n++;
	}
	*rest = size;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tnl_message_scan m = { 0 };
	struct input in = { data, size };
	u64 portions = take(&in, 8);
	size_t rest = 0;
	long want = whole(in.p, in.left, &rest), got = 0;
	unsigned int turn = 0;

	while (in.left && got >= 0) {
		struct input part = take_part(&in, portions >> turn++ % 8 * 8 & 0xff);
		uint8_t *piece = exact(part.p, part.left);
		int n = tnl_message_scan(&m, piece, (u32)part.left);

		free(piece);
		if (!portions)
			portions = 1;
		must(n >= 0 || n == -EPROTO);
		got = n < 0 ? -1 : got + n;
	}
	must(got == want);
	if (want >= 0)
		must(tnl_message_whole(&m) == !rest);
	return 0;
}
