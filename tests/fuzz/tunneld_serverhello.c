// SPDX-License-Identifier: GPL-2.0
/*
 * The first bytes of a server: fed in any portions, they say the same, and an
 * extended master secret is found only where one is.
 *
 * Input: portion (1 byte, 0: all), the bytes. And every description of an alert
 * has a name.
 */
/* options: -max_len=600 */
/* links: userspace/tunneld/serverhello.c userspace/tunneld/alert.c */
#include "fuzz.h"
#include "alert.h"
#include "serverhello.h"

/* RFC 5246, 7.4.1.3, with offsets instead of a cursor; @len bytes are there. */
static bool has_ems(const uint8_t *p, size_t len)
{
	size_t end, at;

	if (len < 5 || p[0] != 22)
		return false;
	end = 5 + ((size_t)p[3] << 8 | p[4]);
	end = end < len ? end : len;
	if (end < 9 || p[5] != 2)
		return false;
	at = 9 + ((size_t)p[6] << 16 | (size_t)p[7] << 8 | p[8]);
	if (at > end)
		return false;
	end = at;
	at = 9 + 2 + 32;
	if (at + 1 > end)
		return false;
	at += 1 + (size_t)p[at] + 2 + 1;
	if (at + 2 > end || at + 2 + ((size_t)p[at] << 8 | p[at + 1]) > end)
		return false;
	end = at + 2 + ((size_t)p[at] << 8 | p[at + 1]);
	at += 2;
	while (at + 4 <= end) {
		size_t n = (size_t)p[at + 2] << 8 | p[at + 3];

		if (at + 4 + n > end)
			return false;
		if (p[at] == 0 && p[at + 1] == 23)
			return true;
		at += 4 + n;
	}
	return false;
}

static bool feed(const uint8_t *data, size_t size, size_t step)
{
	struct serverhello *sh = calloc(1, sizeof(*sh));
	size_t at, n;
	bool found;

	must(sh);
	for (at = 0; at < size; at += n) {
		uint8_t *piece;

		n = size - at < step ? size - at : step;
		piece = exact(data + at, n);
		serverhello_feed(sh, piece, n);
		free(piece);
	}
	must(sh->len == (size < SERVERHELLO_MAX ? size : SERVERHELLO_MAX));
	found = serverhello_has_ems(sh);
	free(sh);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t step = take(&in, 1);
	bool want = has_ems(in.p, in.left < SERVERHELLO_MAX ? in.left : SERVERHELLO_MAX);

	must(feed(in.p, in.left, step ? step : in.left + 1) == want);
	must(feed(in.p, in.left, 1) == want);
	if (in.left)
		must(alert_name(in.p[0])[0]);
	return 0;
}
