// SPDX-License-Identifier: GPL-2.0
/*
 * A PROXY header in two portions and what follows it. It is taken to its last byte and no
 * further, says the same in one portion, and what it said can be written and read again.
 */
#include "fuzz.h"
#include "proxy.h"

/* links: userspace/policy/proxy.c */

static bool same(const struct proxy_ends *a, const struct proxy_ends *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void write_again(const struct proxy_ends *ends)
{
	uint8_t out[PROXY_WRITE_MAX];
	struct proxy_ends again;
	const char *why;
	int version;
	size_t n;

	for (version = 1; version <= 2; version++) {
		n = proxy_write(out, version, ends);
		must(n && n <= sizeof(out));
		must(proxy_take(out, 0, n) == n);
		must(proxy_parse(&again, out, n, &why) == PROXY_DONE);
		must(!again.source.ss_family == !ends->source.ss_family);
	}
	/* the families are the same: so is what they say */
	if (ends->source.ss_family == AF_INET)
		must(same(&again, ends));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_ends ends, whole;
	const char *why = NULL;
	enum proxy_verdict v = PROXY_MORE;
	size_t len = 0, first, n, took;

	if (!size)
		return 0;
	first = *data++;
	size--;
	while (v == PROXY_MORE && len < size) {
		n = len < first && first < size ? first - len : size - len;
		took = proxy_take(data, len, n);
		must(took && took <= n);
		len += took;
		v = proxy_parse(&ends, data, len, &why);
		must(len <= PROXY_BYTES_MAX || v != PROXY_MORE);
	}
	if (v == PROXY_BAD)
		must(why && *why);
	if (v != PROXY_DONE)
		return 0;
	must(len <= PROXY_BYTES_MAX);
	must(!proxy_take(data, len, size - len));
	must(proxy_parse(&whole, data, len, &why) == PROXY_DONE && same(&ends, &whole));
	write_again(&ends);
	return 0;
}
