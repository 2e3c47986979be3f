// SPDX-License-Identifier: GPL-2.0
/*
 * Routes as text: what is read is within its bounds and is what route_find() can take;
 * what is refused has a sentence; and a line that was taken is taken alone, too.
 *
 * Input: the text.
 */
/* options: -max_len=1500 */
/* links: userspace/policy/rules.c userspace/policy/route.c userspace/policy/http.c userspace/lib/text.c userspace/policy/edge.c userspace/policy/gate.c */
#include <linux/tunnel_netlink.h>
#include "fuzz.h"
#include "../../userspace/policy/rules.h"

static bool inside(const struct rules *r, const char *word, size_t len)
{
	return !word || (word >= r->text && word + strlen(word) <= r->text + len);
}

static void check(const struct rules *r, size_t len)
{
	static struct request nothing;
	struct sockaddr_storage source = { .ss_family = AF_INET6 };
	char tunnel[TUNNEL_NAME_MAX + 1], service[TUNNEL_NAME_MAX + 1];
	size_t i;

	must(r->n <= RULES_MAX);
	if (r->edge) {
		must(r->edge->n && r->edge->n <= EDGE_CERTS_MAX && inside(r, r->edge->alpn, len));
		for (i = 0; i < r->edge->n; i++)
			must(inside(r, r->edge->cert[i].certificate, len) &&
			     inside(r, r->edge->cert[i].key, len));
	}
	for (i = 0; i < r->n; i++) {
		const struct route *t = &r->route[i];

		must(t->target && inside(r, t->target, len));
		must(inside(r, t->sni, len) && inside(r, t->host, len) && inside(r, t->alpn, len));
		must(inside(r, t->path, len) && inside(r, t->header, len));
		must(inside(r, t->value, len));
		must(t->protocol == ROUTE_ANY || rules_protocol_name(t->protocol));
		must(t->source.bits <= (t->source.family == AF_INET ? 32 : 128));
		rules_target(t, tunnel, service);
		must(*tunnel && *service &&
		     strlen(tunnel) + strlen(service) + 1 == strlen(t->target));
	}
	must(route_find(r->route, r->n, &nothing, &source) < (int)r->n);
	must(r->reads == (!r->n || route_reads(r->route, r->n, r->edge)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line, *save, err[256];
	struct rules r;
	size_t n;

	must(text);
	memcpy(text, data, size);
	text[size] = 0;
	memset(err, 0, sizeof(err));
	if (rules_parse(&r, text, &n, err, sizeof(err))) {
		must(*err && !r.route && !r.text);
	} else {
		n = 0;
		check(&r, strlen(text));
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			struct rules one;

			/* a list of protocols alone has no certificate */
			if (rules_is_head(line))
				continue;
			must(!rules_parse(&one, line, NULL, err, sizeof(err)) && one.n <= 1);
			n += one.n;
			rules_free(&one);
		}
		must(n == r.n);
		rules_free(&r);
	}
	free(text);
	return 0;
}
