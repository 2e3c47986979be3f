/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes as text: what tunnelctl is told, the kernel keeps and tunneld reads. A line is a
 * route, the first that fits is taken:
 *
 *	host *.example.org path /api from 10.0.0.0/8 to gw/api
 *	to gw/web
 *
 * Before them may stand how TLS is ended there (edge.h) and who may come in (gate.h):
 * its head. Pure.
 */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "edge.h"
#include "gate.h"
#include "route.h"

/** RULES_MAX - most routes of a listener */
#define RULES_MAX 1000
/** RULES_LINE_MAX - longest line, bytes */
#define RULES_LINE_MAX 1024

/** struct rules - routes, and the text they point into */
struct rules {
	struct route *route;
	size_t n;
	struct edge *edge; /* NULL: no TLS of ours */
	struct gate *gate; /* NULL: whoever may come in */
	char *text;
	bool reads; /* is what a connection says looked at? See route_reads() */
};

/**
 * rules_parse - @text, lines that end with '\n', the last one need not; empty ones and
 * what is behind '#' count for nothing
 * @line: gets the number of the last line that was read, after -EINVAL the wrong one; or NULL
 * @err: gets a sentence; @errlen > 0
 * Return: 0, -EINVAL, -ENOMEM. Only after 0 is there something for rules_free().
 */
int rules_parse(struct rules *r, const char *text, size_t *line, char *err, size_t errlen);
/** rules_comment - where the comment of a line begins, or NULL */
char *rules_comment(char *line);
void rules_free(struct rules *r);

/** RULES_FORMAT_MAX - longest line of rules_format(), with its end */
#define RULES_FORMAT_MAX (2 * RULES_LINE_MAX)

/** rules_format - a route as text, in the one way that all of its meaning have
 * Return: @line.
 */
char *rules_format(const struct route *t, char line[RULES_FORMAT_MAX]);

/** rules_format_edge - the TLS of a listener as lines, in the one way; with "\n" behind each
 * Return: from malloc(), "" without TLS, NULL without memory.
 */
char *rules_format_edge(const struct edge *e);

/** rules_format_head - likewise: all that is before the routes */
char *rules_format_head(struct rules *r);

/** rules_is_head - is a line about TLS or about who may come in, and so no route? */
bool rules_is_head(const char *line);

/** rules_protocol_name - enum tunnel_protocol as a word of a route, NULL past the last */
const char *rules_protocol_name(unsigned int protocol);

/** rules_target - a route's "tunnel/service" in two
 * @tunnel, @service: TUNNEL_NAME_MAX + 1 bytes each
 */
void rules_target(const struct route *t, char *tunnel, char *service);

#endif /* POLICY_RULES_H */
