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

/** struct lines - a listener's text in lines, without comments */
struct lines {
	char *edge[EDGE_CERTS_MAX + 2]; /* about TLS: they come first, and have no number */
	size_t n_edge;
	char *line[RULES_MAX + 1]; /* routes */
	size_t n;
	char *text, *kept; /* what they point into */
};

/**
 * route_change - new text of the old one; again when somebody else was faster
 * @edit: makes the new lines of the old ones, says why not
 * Return: EXIT_*, said why. Without any line the listener goes.
 */
int route_change(struct ctx *ctx, const struct where *w, int (*edit)(struct lines *l, void *arg),
		 void *arg);

#endif /* TUNNELCTL_ROUTE_H */
