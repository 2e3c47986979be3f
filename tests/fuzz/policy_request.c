// SPDX-License-Identifier: GPL-2.0
/*
 * The first bytes of a connection: never read behind their end, the same verdict
 * however much follows a decision, never "more" again once decided, and nothing found
 * that is not in them.
 *
 * Input: the bytes.
 */
/* options: -max_len=2048 */
/* links: userspace/policy/ userspace/lib/text.c */
#include "fuzz.h"
#include "../../userspace/policy/http.h"
#include "../../userspace/policy/request.h"
#include "../../userspace/policy/route.h"

static struct request whole, part;

static bool within(struct text t, const uint8_t *bytes, size_t len, const struct request *r)
{
	const char *from = (const char *)bytes;

	if (!t.len)
		return true;
	return (t.p >= from && t.p + t.len <= from + len) ||
	       (t.p >= r->store && t.p + t.len <= r->store + r->stored) || !memcmp(t.p, "/", t.len);
}

static void look(const struct request *r, const uint8_t *bytes, size_t len)
{
	static const struct route routes[] = {
		{ .sni = "*.example.org", .protocol = ROUTE_ANY, .target = "a/b" },
		{ .host = "*.example.org", .protocol = ROUTE_ANY, .target = "a/c" },
		{ .alpn = "h2", .protocol = ROUTE_ANY, .target = "a/d" },
		{ .path = "/api", .protocol = ROUTE_ANY, .target = "a/e" },
		{ .header = "x-a", .value = "1", .protocol = ROUTE_ANY, .target = "a/f" },
	};
	struct sockaddr_storage source = { .ss_family = AF_INET };
	unsigned int i;

	must(strlen(r->host) <= REQUEST_HOST_MAX && strlen(r->sni) <= REQUEST_HOST_MAX);
	must(r->stored <= sizeof(r->store));
	must(within(r->method, bytes, len, r) && within(r->path, bytes, len, r));
	must(!memchr(r->path.p ? r->path.p : "", '?', r->path.len));
	for (i = 0; i < r->n_headers; i++)
		must(within(r->headers[i].name, bytes, len, r) &&
		     within(r->headers[i].value, bytes, len, r));
	for (i = 0; i < r->n_alpn; i++)
		must(r->alpn[i].len && within(r->alpn[i], bytes, len, r));
	for (i = 0; r->host[i]; i++)
		must(r->host[i] == ':' ||
		     (http_is_token(r->host[i]) && !(r->host[i] >= 'A' && r->host[i] <= 'Z')));
	must(route_find(routes, 5, r, &source) < 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = exact(data, size);
	enum verdict v = request_parse(&whole, copy, size), before = VERDICT_MORE;
	size_t n, step = size / 64 + 1;

	must(v <= VERDICT_BAD && v != VERDICT_OTHER);
	must((v == VERDICT_BAD) == (whole.why != NULL));
	look(&whole, copy, size);
	n = http2_ack(copy, size);
	must(!n || (n >= 24 && n + HTTP2_SETTINGS_LEN <= size && copy[n + 4] & 1));
	/* Byte by byte, or nearly: what was decided stays. */
	for (n = 0; n < size; n += step) {
		uint8_t *less = exact(data, n);
		enum verdict now = request_parse(&part, less, n);

		must(before == VERDICT_MORE || now == before);
		must(now == VERDICT_MORE || now == v);
		if (now == VERDICT_DONE) {
			must(part.protocol == whole.protocol && part.tls == whole.tls);
			must(!strcmp(part.host, whole.host) && !strcmp(part.sni, whole.sni));
			must(part.n_headers == whole.n_headers && part.n_alpn == whole.n_alpn);
		}
		before = now;
		free(less);
	}
	free(copy);
	return 0;
}
