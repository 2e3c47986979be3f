// SPDX-License-Identifier: GPL-2.0
/*
 * Where a peer wants to go, and rules about it: what is read is within its bounds, is
 * written so that it is read as the same, and is no address for inet_aton() when it is a
 * name; decisions are those of another, slower reading of the rules; what egress_may()
 * refuses has no address that is allowed.
 *
 * Input: a destination up to the first '\n', the rules.
 */
/* options: -max_len=2000 */
/* links: userspace/policy/destination.c userspace/policy/egress.c userspace/policy/http.c userspace/policy/route.c userspace/policy/rules.c userspace/lib/text.c userspace/policy/edge.c userspace/policy/gate.c */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include "fuzz.h"
#include "../../userspace/policy/destination.h"
#include "../../userspace/policy/egress.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static bool plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* --- the slow reading ------------------------------------------------------- */

/* struct bits - an address of 32 or 128 bits, the first one on the left */
struct bits {
	unsigned int n;
	uint8_t byte[16];
};

static struct bits bits_of(const struct sockaddr_storage *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct bits b = { .n = 32 };

	if (a->ss_family == AF_INET) {
		memcpy(b.byte, &((const struct sockaddr_in *)a)->sin_addr, 4);
		return b;
	}
	memcpy(b.byte, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
	if (!memcmp(b.byte, mapped, 12))
		memmove(b.byte, b.byte + 12, 4);
	else
		b.n = 128;
	return b;
}

enum kind { PLAIN, NEVER, LOOPBACK, LINK };

static enum kind kind4(const uint8_t *a)
{
	if (a[0] == 0 || a[0] >= 224)
		return NEVER;
	if (a[0] == 127)
		return LOOPBACK;
	return a[0] == 169 && a[1] == 254 ? LINK : PLAIN;
}

static enum kind kind(const struct bits *b)
{
	static const uint8_t zero[15], nat64[12] = { 0, 0x64, 0xff, 0x9b };
	const uint8_t *a = b->byte;

	if (b->n == 32)
		return kind4(a);
	if (!memcmp(a, zero, 15) && a[15] == 1)
		return LOOPBACK;
	if (!memcmp(a, zero, 12) || !memcmp(a, nat64, 12))
		return kind4(a + 12);
	if (a[0] == 0x20 && a[1] == 0x02)
		return kind4(a + 2);
	if (a[0] == 0xfe && a[1] >= 0x80 && a[1] <= 0xbf)
		return LINK;
	return a[0] == 0xff ? NEVER : PLAIN;
}

static bool has(const struct network *n, const struct bits *b)
{
	unsigned int i;

	if (b->n != (n->family == AF_INET ? 32 : 128))
		return false;
	for (i = 0; i < n->bits; i++)
		if ((n->address[i / 8] ^ b->byte[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/*
 * Is a network that has the special @b in the same range? Its first and its last address
 * are of one kind then, and no network has two ranges of one kind and nothing else: only
 * ::1 and 127.0.0.0/8 in ::/96 may look so, and are never one network's both ends.
 */
static bool is_inside(const struct network *n, const struct bits *b)
{
	struct bits first = { .n = b->n }, last;
	unsigned int i;

	memcpy(first.byte, n->address, sizeof(first.byte));
	last = first;
	for (i = n->bits; i < b->n; i++)
		last.byte[i / 8] |= 0x80 >> i % 8;
	return kind(&first) == kind(b) && kind(&last) == kind(b);
}

static bool name_is(const char *name, const char *host)
{
	size_t n = host ? strlen(host) : 0, i;

	if (!name || !host)
		return !name;
	if (name[0] != '*')
		return !strcasecmp(name, host);
	for (i = 1; i < n; i++)
		if (!strcasecmp(host + i, name + 1))
			return true;
	return false;
}

static bool expect(const struct egress *e, const char *host, const struct bits *b, uint16_t port)
{
	enum kind special = kind(b);
	unsigned int k;
	size_t i;

	for (i = 0; i < e->n && special != NEVER; i++) {
		const struct egress_rule *r = &e->rule[i];
		bool in = !r->n_ports;

		for (k = 0; k < r->n_ports; k++)
			in |= port >= r->port[k].first && port <= r->port[k].last;
		if (!in || !name_is(r->name, host))
			continue;
		in = !r->n_networks && (!r->allow || !special);
		for (k = 0; k < r->n_networks; k++)
			in |= has(&r->network[k], b) &&
			      (!r->allow || !special || is_inside(&r->network[k], b));
		if (in)
			return r->allow;
	}
	return false;
}

/* --- what holds for each input ---------------------------------------------- */

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)a)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
}

static void ask(const struct egress *e, const char *host, struct sockaddr_storage a, uint16_t port)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct bits b = bits_of(&a);
	bool allowed;

	set_port(&a, port);
	allowed = egress_allows(e, host, &a);
	must(allowed == expect(e, host, &b, port));
	must(!allowed || egress_may(e, host, port));
	if (a.ss_family == AF_INET) {
		mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
		memcpy(mapped.sin6_addr.s6_addr + 12, b.byte, 4);
		memset(&a, 0, sizeof(a));
		memcpy(&a, &mapped, sizeof(mapped));
		must(egress_allows(e, host, &a) == allowed);
	}
}

/* All that is asked about: an address of each kind, of the rules, and where the peer goes. */
static void ask_all(const struct egress *e, const char *host, const struct destination *to,
		    uint16_t port)
{
	static const char *const addresses[] = {
		"192.0.2.1:1",	       "127.0.0.1:1",	  "169.254.169.254:1",	  "0.0.0.0:1",
		"255.255.255.255:1",   "[::1]:1",	  "[fe80::1]:1",	  "[::]:1",
		"[64:ff9b::7f00:1]:1", "[2001:db8::1]:1", "[2002:a9fe:a9fe::]:1", "[ff02::1]:1",
	};
	struct destination d;
	size_t i, k;

	if (to->addr.ss_family)
		ask(e, host, to->addr, port);
	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		must(!destination_parse(&d, addresses[i], strlen(addresses[i])));
		ask(e, host, d.addr, port);
	}
	for (i = 0; i < e->n && i < 4; i++) {
		for (k = 0; k < e->rule[i].n_networks && k < 4; k++) {
			const struct network *n = &e->rule[i].network[k];
			struct sockaddr_storage a = { .ss_family = n->family };

			if (n->family == AF_INET)
				memcpy(&((struct sockaddr_in *)&a)->sin_addr, n->address, 4);
			else
				memcpy(&((struct sockaddr_in6 *)&a)->sin6_addr, n->address, 16);
			ask(e, host, a, port);
		}
	}
}

static void decide(const struct egress *e, const struct destination *to)
{
	uint16_t port = to->port ? to->port : 80;
	char below[DESTINATION_HOST_MAX + 4];
	size_t i;

	ask_all(e, NULL, to, port);
	ask_all(e, to->host, to, port);
	for (i = 0; i < e->n && i < 4; i++) {
		const struct egress_rule *r = &e->rule[i];

		if (r->n_ports)
			port = i % 2 ? r->port[0].first : r->port[r->n_ports - 1].last;
		if (r->name) {
			snprintf(below, sizeof(below), "%s%s", i % 2 ? "A" : "x.",
				 r->name + (r->name[0] == '*'));
			ask_all(e, below, to, port);
			ask_all(e, r->name + 2 * (r->name[0] == '*'), to, port);
		}
		ask_all(e, NULL, to, port);
	}
}

static void same(const struct egress_rule *a, const struct egress_rule *b)
{
	must(a->allow == b->allow && !a->name == !b->name);
	must(!a->name || !strcmp(a->name, b->name));
	must(a->n_networks == b->n_networks && a->n_ports == b->n_ports);
	must(!memcmp(a->network, b->network, sizeof(a->network)));
	must(!memcmp(a->port, b->port, sizeof(a->port)));
}

static void check(const struct egress *e, size_t len)
{
	char text[EGRESS_FORMAT_MAX], again[EGRESS_FORMAT_MAX], err[256];
	struct egress one;
	unsigned int k;
	size_t i;

	must(e->n <= EGRESS_RULES_MAX);
	for (i = 0; i < e->n; i++) {
		const struct egress_rule *r = &e->rule[i];

		must(r->n_networks <= EGRESS_LIST_MAX && r->n_ports <= EGRESS_LIST_MAX);
		must(!r->name ||
		     (r->name >= e->text && r->name + strlen(r->name) <= e->text + len));
		for (k = 0; k < r->n_networks; k++)
			must(r->network[k].bits <= (r->network[k].family == AF_INET ? 32 : 128));
		for (k = 0; k < r->n_ports; k++)
			must(r->port[k].first && r->port[k].first <= r->port[k].last);
		must(strlen(egress_format(r, text)) <= EGRESS_LINE_MAX && plain(text));
		must(!egress_parse(&one, text, NULL, err, sizeof(err)) && one.n == 1);
		same(r, one.rule);
		must(!strcmp(egress_format(one.rule, again), text));
		egress_free(&one);
	}
}

/* Zeroed when it is refused. */
static void destination(struct destination *d, const uint8_t *data, size_t len)
{
	static const struct destination zero;
	uint8_t *bytes = exact(data, len);
	const char *why = destination_parse(d, (const char *)bytes, len);
	char text[DESTINATION_MAX + 1], *c;
	struct destination again;
	struct in_addr a;

	free(bytes);
	if (why) {
		must(*why && plain(why) && !memcmp(d, &zero, sizeof(zero)));
		return;
	}
	must(len <= DESTINATION_MAX && d->port);
	must(!*d->host == !!d->addr.ss_family);
	must(strlen(d->host) <= DESTINATION_HOST_MAX && !inet_aton(d->host, &a));
	for (c = d->host; *c; c++)
		must((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr("-_.", *c));
	if (d->addr.ss_family == AF_INET6)
		must(!IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&d->addr)->sin6_addr));
	must(destination_format(d, text) == text && plain(text));
	must(!destination_parse(&again, text, strlen(text)));
	must(!memcmp(d, &again, sizeof(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct input in = { data, size };
	char *text, err[256] = "";
	struct destination to;
	struct egress e;
	size_t line;

	destination(&to, data, end ? (size_t)(end - data) : size);
	take_part(&in, end ? (size_t)(end - data) + 1 : size);
	text = text_of(in);
	if (egress_parse(&e, text, &line, err, sizeof(err))) {
		must(*err && plain(err) && !e.rule && !e.text && line);
	} else {
		check(&e, strlen(text));
		decide(&e, &to);
		egress_free(&e);
	}
	free(text);
	return 0;
}
