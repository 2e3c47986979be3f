// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "destination.h"
#include "egress.h"
#include "rules.h"

#define BLANK	  " \t\r"
#define PRINTF(n) __attribute__((format(printf, n, n + 1)))

/* --- what a rule fits ----------------------------------------------------- */

/* struct special - addresses that only a network inside of their range allows, or none */
struct special {
	struct network range;
	bool never;
};

#define RANGE(never, family, bits, ...)                                                            \
	{                                                                                          \
		{ family, { __VA_ARGS__ }, bits }, never                                           \
	}
/*
 * IPv4 addresses, and the IPv6 ones that lead to them somewhere: IPv4-compatible (RFC 4291,
 * 2.5.5.1), NAT64 (RFC 6052, 2.1), 6to4 (RFC 3056, 2). IPv4-mapped ones are IPv4 for
 * network_has().
 */
#define IPV4(never, bits, ...)                                                                     \
	RANGE(never, AF_INET, bits, __VA_ARGS__),                                                  \
		RANGE(never, AF_INET6, 96 + (bits), [12] = __VA_ARGS__),                           \
		RANGE(never, AF_INET6, 96 + (bits), 0, 0x64, 0xff, 0x9b, [12] = __VA_ARGS__),      \
		RANGE(never, AF_INET6, 16 + (bits), 0x20, 0x02, __VA_ARGS__)

/* The first that has an address counts: ::1 is not ::0.0.0.1, but :: is ::0.0.0.0. */
static const struct special specials[] = {
	RANGE(false, AF_INET6, 128, [15] = 1),	/* loopback */
	RANGE(false, AF_INET6, 10, 0xfe, 0x80), /* link-local */
	RANGE(true, AF_INET6, 8, 0xff),		/* multicast */
	IPV4(false, 8, 127),			/* loopback */
	IPV4(false, 16, 169, 254),		/* link-local */
	IPV4(true, 8, 0),			/* unspecified, "this network" */
	IPV4(true, 3, 224),			/* multicast, reserved, broadcast */
};

static const struct special *special(const struct sockaddr_storage *a)
{
	size_t i;

	for (i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (network_has(&specials[i].range, a))
			return &specials[i];
	return NULL;
}

/* The first address of a network. */
static void first_of(const struct network *n, struct sockaddr_storage *a)
{
	memset(a, 0, sizeof(*a));
	a->ss_family = n->family;
	if (n->family == AF_INET)
		memcpy(&((struct sockaddr_in *)a)->sin_addr, n->address, 4);
	else
		memcpy(&((struct sockaddr_in6 *)a)->sin6_addr, n->address, 16);
}

static bool is_within(const struct network *n, const struct special *s)
{
	struct sockaddr_storage a;

	first_of(n, &a);
	return n->bits >= s->range.bits && network_has(&s->range, &a);
}

static bool name_fits(const struct egress_rule *r, const char *host)
{
	size_t n, below;

	if (!r->name)
		return true;
	if (!host)
		return false;
	if (r->name[0] != '*')
		return !strcasecmp(host, r->name);
	n = strlen(host);
	below = strlen(r->name + 1);
	return n > below && !strcasecmp(host + n - below, r->name + 1);
}

static bool port_fits(const struct egress_rule *r, uint16_t port)
{
	unsigned int i;

	for (i = 0; i < r->n_ports; i++)
		if (port >= r->port[i].first && port <= r->port[i].last)
			return true;
	return !r->n_ports;
}

static bool address_fits(const struct egress_rule *r, const struct sockaddr_storage *a,
			 const struct special *s)
{
	unsigned int i;

	if (!r->allow)
		s = NULL;
	for (i = 0; i < r->n_networks; i++)
		if (network_has(&r->network[i], a) && (!s || is_within(&r->network[i], s)))
			return true;
	return !r->n_networks && !s;
}

/* Is a network of nothing but addresses that are never allowed? */
static bool is_void(const struct network *n)
{
	struct sockaddr_storage a;
	const struct special *s;

	first_of(n, &a);
	s = special(&a);
	return s && s->never && is_within(n, s);
}

bool egress_may(const struct egress *e, const char *host, uint16_t port)
{
	size_t i;
	unsigned int k;

	for (i = 0; i < e->n; i++) {
		const struct egress_rule *r = &e->rule[i];

		if (!name_fits(r, host) || !port_fits(r, port))
			continue;
		if (!r->n_networks)
			return r->allow;
		for (k = 0; r->allow && k < r->n_networks; k++)
			if (!is_void(&r->network[k]))
				return true;
	}
	return false;
}

bool egress_allows(const struct egress *e, const char *host, const struct sockaddr_storage *a)
{
	const struct special *s;
	uint16_t port;
	size_t i;

	if (a->ss_family == AF_INET)
		port = ntohs(((const struct sockaddr_in *)a)->sin_port);
	else if (a->ss_family == AF_INET6)
		port = ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	else
		return false;
	s = special(a);
	if (s && s->never)
		return false;
	for (i = 0; i < e->n; i++) {
		const struct egress_rule *r = &e->rule[i];

		if (name_fits(r, host) && port_fits(r, port) && address_fits(r, a, s))
			return r->allow;
	}
	return false;
}

/* --- rules as text -------------------------------------------------------- */

/* Where sentences go. Words of a line may be shown: check_line() has looked at them. */
struct place {
	char *err;
	size_t errlen;
};

static PRINTF(2) int bad(const struct place *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, p->errlen, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int read_name(const struct place *p, char *word, struct egress_rule *r)
{
	char *bare = strncmp(word, "*.", 2) ? word : word + 2;
	char host[DESTINATION_HOST_MAX + 1];
	const char *why = destination_name(host, bare, strlen(bare));

	if (why)
		return bad(p,
			   "name \"%.64s\" %s: write a name, \"*.\" and one for what is below it, or an address behind \"network\"",
			   word, why);
	memcpy(bare, host, strlen(host) + 1);
	r->name = word;
	return 0;
}

static int read_network(const struct place *p, const char *word, struct egress_rule *r)
{
	const char *why;

	if (r->n_networks == EGRESS_LIST_MAX)
		return bad(p, "network \"%.64s\" is one more than %d: make two rules of it", word,
			   EGRESS_LIST_MAX);
	why = network_parse(&r->network[r->n_networks++], word);
	if (!why)
		return 0;
	return bad(p, "network \"%.64s\" %s: write 10.0.0.0/8, 2001:db8::/32 or an address", word,
		   why);
}

static int read_port(const struct place *p, const char *word, struct egress_rule *r)
{
	const char *dash = strchr(word, '-'), *last = dash ? dash + 1 : word;
	struct ports *ports = &r->port[r->n_ports];

	if (r->n_ports == EGRESS_LIST_MAX)
		return bad(p, "port \"%.64s\" is one more than %d: make two rules of it", word,
			   EGRESS_LIST_MAX);
	if (!destination_port(&ports->first, word, dash ? (size_t)(dash - word) : strlen(word)) ||
	    !destination_port(&ports->last, last, strlen(last)))
		return bad(p, "port \"%.64s\" is not of 1 to 65535: write 443 or 8000-8999", word);
	if (ports->first > ports->last)
		return bad(p, "port \"%.64s\" ends before it begins: write %u-%u", word,
			   ports->last, ports->first);
	r->n_ports++;
	return 0;
}

typedef int read_item(const struct place *p, const char *word, struct egress_rule *r);

static int read_list(const struct place *p, char *list, struct egress_rule *r, read_item *item)
{
	char *word, *comma;
	int ret = 0;

	for (word = list; word && !ret; word = comma) {
		comma = strchr(word, ',');
		if (comma)
			*comma++ = 0;
		if (!*word)
			return bad(p,
				   "an empty place in a list: write its parts with one ',' between two of them and no blank");
		ret = item(p, word, r);
	}
	return ret;
}

static int read_pair(const struct place *p, const char *key, char *value, struct egress_rule *r)
{
	bool name = !strcmp(key, "name"), network = !strcmp(key, "network");

	if (!name && !network && strcmp(key, "port"))
		return bad(p, "\"%.64s\" is none of name, network and port; a list has no blanks",
			   key);
	if (!value)
		return bad(p,
			   "\"%s\" has nothing behind it: write what it must be, or leave it out",
			   key);
	if (name ? !!r->name : network ? r->n_networks : r->n_ports)
		return bad(p, "\"%s\" is there twice: make two rules of it", key);
	if (name)
		return read_name(p, value, r);
	return read_list(p, value, r, network ? read_network : read_port);
}

static int read_line(const struct place *p, char *line, struct egress_rule *r)
{
	char *save, *key, *value, *verb = strtok_r(line, BLANK, &save);
	char canonical[EGRESS_FORMAT_MAX];
	int ret;

	r->allow = !strcmp(verb, "allow");
	if (!r->allow && strcmp(verb, "deny"))
		return bad(p, "\"%.64s\" is not how a rule begins: write \"allow\" or \"deny\"",
			   verb);
	while ((key = strtok_r(NULL, BLANK, &save))) {
		value = strtok_r(NULL, BLANK, &save);
		ret = read_pair(p, key, value, r);
		if (ret)
			return ret;
	}
	/* Some addresses are longer there: "::ffff:1" is "::255.255.0.1". */
	if (strlen(egress_format(r, canonical)) > EGRESS_LINE_MAX)
		return bad(p,
			   "longer than %d bytes when it is written in full: make two rules of it",
			   EGRESS_LINE_MAX);
	return 0;
}

/* Only bytes that can be shown; what is behind '#' goes. */
static int check_line(const struct place *p, char *line)
{
	char *c, *comment = rules_comment(line);

	for (c = line; *c; c++)
		if (((uint8_t)*c < ' ' && !strchr(BLANK, *c)) || (uint8_t)*c >= 0x7f)
			return bad(p,
				   "a character in it that is not ASCII, or none to print: write it without");
	if (c - line > EGRESS_LINE_MAX)
		return bad(p, "longer than %d bytes: make two rules of it", EGRESS_LINE_MAX);
	if (comment)
		*comment = 0;
	return 0;
}

static int add(struct egress *e, const struct place *p, char *line)
{
	struct egress_rule *more;
	int ret = check_line(p, line);

	if (ret || !line[strspn(line, BLANK)])
		return ret;
	if (e->n == EGRESS_RULES_MAX)
		return bad(p,
			   "there are more than %d rules: put networks and ports that share one in lists",
			   EGRESS_RULES_MAX);
	more = realloc(e->rule, (e->n + 1) * sizeof(*more));
	if (!more) {
		bad(p, "out of memory");
		return -ENOMEM;
	}
	e->rule = more;
	memset(&more[e->n], 0, sizeof(*more));
	ret = read_line(p, line, &more[e->n]);
	if (!ret)
		e->n++;
	return ret;
}

int egress_parse(struct egress *e, const char *text, size_t *line_no, char *err, size_t errlen)
{
	struct place p = { .err = err, .errlen = errlen };
	char *line, *end;
	size_t n = 0;
	int ret = 0;

	memset(e, 0, sizeof(*e));
	e->text = strdup(text);
	if (!e->text) {
		bad(&p, "out of memory");
		return -ENOMEM;
	}
	for (line = e->text; line && !ret; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		n++;
		ret = add(e, &p, line);
	}
	if (line_no)
		*line_no = n;
	if (ret)
		egress_free(e);
	return ret;
}

void egress_free(struct egress *e)
{
	free(e->rule);
	free(e->text);
	memset(e, 0, sizeof(*e));
}

static PRINTF(3) void say(char *line, size_t *len, const char *fmt, ...)
{
	size_t room = EGRESS_FORMAT_MAX - *len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + *len, room, fmt, ap);
	va_end(ap);
	if ((size_t)n < room)
		*len += n;
}

char *egress_format(const struct egress_rule *r, char line[EGRESS_FORMAT_MAX])
{
	char network[NETWORK_TEXT_MAX];
	size_t len = 0;
	unsigned int i;

	say(line, &len, r->allow ? "allow" : "deny");
	if (r->name)
		say(line, &len, " name %s", r->name);
	for (i = 0; i < r->n_networks; i++)
		say(line, &len, "%s%s", i ? "," : " network ",
		    network_format(&r->network[i], network));
	for (i = 0; i < r->n_ports; i++) {
		say(line, &len, "%s%u", i ? "," : " port ", r->port[i].first);
		if (r->port[i].last != r->port[i].first)
			say(line, &len, "-%u", r->port[i].last);
	}
	return line;
}
