/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Egress rules: which destinations a peer may have us connect to. A line is a rule, the
 * first that fits decides; what none fits is refused:
 *
 *	deny network 10.0.0.0/8,2001:db8::/32
 *	allow name *.example.org port 80,8000-8999
 *	allow network 127.0.0.1 port 5432
 *
 * A name is what the peer asked for, an address what it leads to: whoever runs the name's
 * DNS says which. So this host itself, its links (a cloud's 169.254.169.254), and what
 * hides their IPv4 in IPv6 are allowed only by a network that has nothing else in it.
 *
 * Pure.
 */
#ifndef POLICY_EGRESS_H
#define POLICY_EGRESS_H

#include "route.h"

/** EGRESS_RULES_MAX - most rules of a peer */
#define EGRESS_RULES_MAX 256
/** EGRESS_LINE_MAX - longest line, bytes, as it is given and as egress_format() writes it */
#define EGRESS_LINE_MAX 1024
/** EGRESS_LIST_MAX - most networks of a rule, most port ranges of a rule */
#define EGRESS_LIST_MAX 16

/** struct ports - from one to another, both are in it */
struct ports {
	uint16_t first, last;
};

/** struct egress_rule - what must be so (NULL, 0: whatever), and what holds then */
struct egress_rule {
	bool allow;
	const char *name; /* a host name, "*.name" for what is below it, in lower case */
	unsigned int n_networks, n_ports;
	struct network network[EGRESS_LIST_MAX];
	struct ports port[EGRESS_LIST_MAX];
};

/** struct egress - rules, and the text they point into; zeroed: nothing is allowed */
struct egress {
	struct egress_rule *rule;
	size_t n;
	char *text;
};

/**
 * egress_parse - @text, lines that end with '\n', the last one need not; empty ones and
 * what is behind '#' count for nothing
 * @line: gets the number of the last line that was read, after -EINVAL the wrong one; or NULL
 * @err: gets a sentence; @errlen > 0
 * Return: 0, -EINVAL, -ENOMEM. Only after 0 is there something for egress_free().
 */
int egress_parse(struct egress *e, const char *text, size_t *line, char *err, size_t errlen);
void egress_free(struct egress *e);

/** EGRESS_FORMAT_MAX - room for any line of egress_format() */
#define EGRESS_FORMAT_MAX (2 * EGRESS_LINE_MAX)

/** egress_format - a rule as text: one way to write each word, lists in their order
 * Return: @line.
 */
char *egress_format(const struct egress_rule *r, char line[EGRESS_FORMAT_MAX]);

/** egress_may - is there an address for which egress_allows() could be true?
 *
 * Asked before a name is looked up. It may be true too often, never false too often.
 * @host: as struct destination has it; NULL, "": the peer gave an address
 */
bool egress_may(const struct egress *e, const char *host, uint16_t port);

/** egress_allows - may a connection be made to @a, to which @host led?
 * @host: see egress_may()
 * @a: AF_INET or AF_INET6, with the port; all others are refused
 */
bool egress_allows(const struct egress *e, const char *host, const struct sockaddr_storage *a);

#endif /* POLICY_EGRESS_H */
