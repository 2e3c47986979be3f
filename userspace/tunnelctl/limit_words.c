// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include "limit_words.h"

#define NONE "none"

static const int attrs[LIMIT_WORDS_TUNNEL] = {
	[LIMIT_SESSIONS] = TUNNEL_A_LIMIT_SESSIONS,
	[LIMIT_RATE] = TUNNEL_A_LIMIT_RATE,
	[LIMIT_BANDWIDTH] = TUNNEL_A_LIMIT_BANDWIDTH,
};

const char *limit_word(enum limit_word word)
{
	static const char *const words[LIMIT_WORDS] = { "sessions", "rate", "bandwidth", "allow",
							"deny" };

	return words[word];
}

void limits_keywords(struct keyword *kw, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		kw[i] = (struct keyword){ .name = limit_word(i) };
}

/* --- words ----------------------------------------------------------------- */

/* As tc(8) has them, in bytes a second times eight. */
static const struct {
	const char *name;
	uint64_t bits;
} units[] = {
	{ "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", 1000000000 },
	{ "bps", 8 }, { "kbps", 8000 }, { "mbps", 8000000 }, { "gbps", 8000000000 },
};

static int parse_bandwidth(struct ctx *ctx, const char *word, uint64_t *bytes)
{
	size_t digits = strspn(word, "0123456789"), i;
	unsigned long long n;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i].name, word + digits))
			break;
	if (!digits || digits > 13 || i == ARRAY_SIZE(units))
		return usage_error(ctx,
				   "'%s' is no bandwidth: a number with bit, kbit, mbit or gbit behind it, or bps, kbps, mbps, gbps for bytes",
				   word);
	n = strtoull(word, NULL, 10);
	if (n > UINT64_MAX / units[i].bits || n * units[i].bits / 8 < TUNNEL_BANDWIDTH_MIN ||
	    n * units[i].bits / 8 > 1ULL << 40)
		return usage_error(ctx, "'%s': a bandwidth is 8192bit to 8796gbit", word);
	*bytes = n * units[i].bits / 8;
	return EXIT_OK;
}

int parse_networks(struct ctx *ctx, const char *word, enum gate_kind kind, struct gate *g)
{
	char one[NETWORK_TEXT_MAX];
	const char *at = word, *why;

	for (;;) {
		size_t len = strcspn(at, ",");

		snprintf(one, sizeof(one), "%.*s", (int)len, at);
		why = len < sizeof(one) ? gate_add(g, kind, one) : "is no address";
		if (!why && g->n[GATE_ALLOW] + g->n[GATE_DENY] > TUNNEL_ACCESS_MAX)
			why = "is one network more than 64";
		if (why)
			return usage_error(ctx, "'%s' %s", one, why);
		if (!at[len])
			return EXIT_OK;
		at += len + 1;
	}
}

int limits_parse(struct ctx *ctx, const struct keyword *kw, size_t n, struct limit_words *l)
{
	uint32_t *numbers[] = { &l->sessions, &l->rate };
	int ret = EXIT_OK;
	size_t i;

	memset(l, 0, sizeof(*l));
	for (i = 0; !ret && i < n; i++) {
		const char *value = kw[i].value;

		l->named[i] = value;
		if (!value || !strcmp(value, NONE))
			continue;
		if (i == LIMIT_BANDWIDTH) {
			ret = parse_bandwidth(ctx, value, &l->bandwidth);
		} else if (i < LIMIT_BANDWIDTH) {
			ret = parse_u32(ctx, kw[i].name, value, numbers[i]);
			if (!ret && !*numbers[i])
				ret = usage_error(ctx,
						  "'%s 0': there would be none; " NONE
						  " takes a limit back",
						  kw[i].name);
		} else {
			ret = parse_networks(ctx, value, i == LIMIT_ALLOW ? GATE_ALLOW : GATE_DENY,
					     &l->gate);
		}
	}
	return ret;
}

/* --- attributes ------------------------------------------------------------ */

/* IPv4 as IPv6 that has it in it */
static void to_kernel(struct tunnel_network *to, const struct network *from, bool deny)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool four = from->family == AF_INET;

	memset(to, 0, sizeof(*to));
	to->deny = deny;
	to->bits = from->bits + (four ? 96 : 0);
	if (four)
		memcpy(to->address, mapped, sizeof(mapped));
	memcpy(to->address + (four ? 12 : 0), from->address, four ? 4 : 16);
}

static void from_kernel(struct network *to, const struct tunnel_network *from)
{
	bool four = from->bits >= 96 &&
		    IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)from->address);

	memset(to, 0, sizeof(*to));
	to->family = four ? AF_INET : AF_INET6;
	to->bits = from->bits - (four ? 96 : 0);
	memcpy(to->address, from->address + (four ? 12 : 0), four ? 4 : 16);
}

static void put_access(struct req *req, const struct gate *g)
{
	struct tunnel_network list[TUNNEL_ACCESS_MAX];
	size_t n = 0, i;

	for (i = 0; i < g->n[GATE_ALLOW] && n < ARRAY_SIZE(list); i++)
		to_kernel(&list[n++], &g->network[GATE_ALLOW][i], false);
	for (i = 0; i < g->n[GATE_DENY] && n < ARRAY_SIZE(list); i++)
		to_kernel(&list[n++], &g->network[GATE_DENY][i], true);
	req_data(req, TUNNEL_A_ACCESS, list, (int)(n * sizeof(list[0])));
}

void limits_put(struct req *req, const struct limit_words *l)
{
	if (l->named[LIMIT_SESSIONS])
		req_u32(req, TUNNEL_A_LIMIT_SESSIONS, l->sessions);
	if (l->named[LIMIT_RATE])
		req_u32(req, TUNNEL_A_LIMIT_RATE, l->rate);
	if (l->named[LIMIT_BANDWIDTH])
		req_u64(req, TUNNEL_A_LIMIT_BANDWIDTH, l->bandwidth);
	if (l->named[LIMIT_ALLOW] || l->named[LIMIT_DENY])
		put_access(req, &l->gate);
}

/* What the kernel or a file has, sorted. */
static void get_access(const struct obj *o, struct gate *g)
{
	const struct nlattr *attr = o->attr[TUNNEL_A_ACCESS];
	size_t n = attr ? nla_len(attr) / sizeof(struct tunnel_network) : 0, i, k;
	struct tunnel_network one;

	memset(g, 0, sizeof(*g));
	for (i = 0; i < n && i < TUNNEL_ACCESS_MAX; i++) {
		enum gate_kind kind;

		/* aligned to 4 bytes only */
		memcpy(&one, (const char *)nla_data(attr) + i * sizeof(one), sizeof(one));
		kind = one.deny ? GATE_DENY : GATE_ALLOW;
		if (one.bits > 128)
			continue;
		from_kernel(&g->network[kind][g->n[kind]], &one);
		/* what is there twice means the same as once */
		for (k = 0; k < g->n[kind]; k++)
			if (!memcmp(&g->network[kind][k], &g->network[kind][g->n[kind]],
				    sizeof(g->network[kind][k])))
				break;
		g->n[kind] += k == g->n[kind];
	}
	gate_sort(g);
}

void limits_put_all(struct req *req, const struct obj *o, bool service)
{
	struct gate g;

	req_u32(req, TUNNEL_A_LIMIT_SESSIONS, obj_num(o, TUNNEL_A_LIMIT_SESSIONS));
	req_u32(req, TUNNEL_A_LIMIT_RATE, obj_num(o, TUNNEL_A_LIMIT_RATE));
	req_u64(req, TUNNEL_A_LIMIT_BANDWIDTH, obj_num(o, TUNNEL_A_LIMIT_BANDWIDTH));
	if (!service)
		return;
	get_access(o, &g);
	put_access(req, &g);
}

/* --- lines ----------------------------------------------------------------- */

static char *format_bandwidth(uint64_t bytes, char text[32])
{
	size_t i = 3;

	while (i && bytes * 8 % units[i].bits)
		i--;
	snprintf(text, 32, "%" PRIu64 "%s", bytes * 8 / units[i].bits, units[i].name);
	return text;
}

void limits_lines(const struct obj *o, void (*say)(void *arg, const char *word, const char *value),
		  void *arg)
{
	char text[NETWORK_TEXT_MAX];
	enum limit_word word;
	struct gate g;
	size_t i;

	for (word = 0; word < LIMIT_WORDS_TUNNEL; word++) {
		uint64_t value = obj_num(o, attrs[word]);

		if (!value)
			continue;
		if (word == LIMIT_BANDWIDTH)
			format_bandwidth(value, text);
		else
			snprintf(text, sizeof(text), "%" PRIu64, value);
		say(arg, limit_word(word), text);
	}
	get_access(o, &g);
	for (i = 0; i < g.n[GATE_ALLOW]; i++)
		say(arg, limit_word(LIMIT_ALLOW), network_format(&g.network[GATE_ALLOW][i], text));
	for (i = 0; i < g.n[GATE_DENY]; i++)
		say(arg, limit_word(LIMIT_DENY), network_format(&g.network[GATE_DENY][i], text));
}
