/* SPDX-License-Identifier: GPL-2.0 */
/* The text of a listener with routes, changed as a whole: route.c, for those who change it. */
#ifndef TUNNELCTL_ROUTE_H
#define TUNNELCTL_ROUTE_H

#include "rules.h"
#include "tunnelctl.h"

/** struct where - a listener */
struct where {
	const char *word;
	struct sockaddr_storage ss;
	int len;
};

/** route_where - "ADDR:PORT" as the first word. Return: EXIT_*, said why. */
int route_where(struct ctx *ctx, int argc, char **argv, struct where *w);

/** LINES_HEAD_MAX - most lines about TLS and about who may come in, as rules_parse() takes them */
#define LINES_HEAD_MAX (EDGE_CERTS_MAX + 1 + (size_t)GATE_KINDS * GATE_MAX)

/** struct lines - a listener's text in lines, without comments */
struct lines {
	char *head[LINES_HEAD_MAX + 2]; /* they come first, and have no number */
	size_t n_head;
	char *line[RULES_MAX + 1]; /* routes */
	size_t n;
	char *text, *kept; /* what they point into */
};

/** lines_remove_head - without line @i of the head */
void lines_remove_head(struct lines *l, size_t i);

/**
 * route_change - new text of the old one; again when somebody else was faster
 * @edit: makes the new lines of the old ones, says why not
 * Return: EXIT_*, said why. Without any line the listener goes.
 */
int route_change(struct ctx *ctx, const struct where *w, int (*edit)(struct lines *l, void *arg),
		 void *arg);

#endif /* TUNNELCTL_ROUTE_H */
