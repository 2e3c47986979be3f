// SPDX-License-Identifier: GPL-2.0
#include <linux/tunnel.h>
#include <string.h>

#include "request.h"

enum verdict request_parse(struct request *r, const uint8_t *bytes, size_t len)
{
	static enum verdict (*const parsers[])(struct request *, const uint8_t *, size_t) = {
		clienthello_parse,
		http2_parse,
		http1_parse,
	};
	size_t i;

	memset(r, 0, sizeof(*r));
	r->protocol = TUNNEL_PROTOCOL_OPAQUE;
	if (!len)
		return VERDICT_MORE;
	if (len > REQUEST_BYTES_MAX)
		len = REQUEST_BYTES_MAX;
	for (i = 0; i < sizeof(parsers) / sizeof(*parsers); i++) {
		enum verdict v = parsers[i](r, bytes, len);

		if (v != VERDICT_OTHER)
			return v;
	}
	return VERDICT_DONE;
}
