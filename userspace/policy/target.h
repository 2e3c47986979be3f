/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a service leads that the daemon connects, as text that the kernel keeps:
 *
 *	unix:/run/app.sock		a unix stream socket
 *	db.example.org:5432		a name, resolved for each connection
 *	https://api.example.org		the same, with TLS of ours to it; also grpcs:, wss:, tls:
 *		name=NAME ca=FILE alpn=NAME,... verify=no	and how, if not as usual
 *	db.example.org:5432 proxy=v2	of these, with who is calling said before all else
 *	egress				what the peer asks for, if the lines behind it allow it
 *	allow name *.example.org port 443
 *
 * Pure.
 */
#ifndef POLICY_TARGET_H
#define POLICY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>
#include "destination.h"
#include "edge.h"

enum target_kind {
	TARGET_UNIX,
	TARGET_HOST,
	TARGET_TLS,
	TARGET_EGRESS,
};

/** struct upstream - what a TARGET_TLS is to show */
struct upstream {
	char scheme[8];			     /* "https", "grpcs", "wss", "tls" */
	char name[DESTINATION_HOST_MAX + 1]; /* in its certificate, and in SNI */
	char ca[EDGE_PATH_MAX + 1];	     /* file of who may have signed it; "": the system's */
	char alpn[EDGE_ALPN_LIST_MAX + 1];   /* what we offer; "": nothing */
	bool verify;
};

struct target {
	enum target_kind kind;
	struct sockaddr_un un; /* TARGET_UNIX */
	const char *rules;     /* TARGET_EGRESS: into the text, for egress_parse() */

	int proxy; /* version of the PROXY header that goes first; 0: none */

	char to[DESTINATION_MAX + 1]; /* TARGET_HOST, TARGET_TLS: HOST:PORT, in one way */
	struct upstream tls;	      /* TARGET_TLS */
};

/** TARGET_FORMAT_MAX - room for target_format() */
#define TARGET_FORMAT_MAX 1024

/** TARGET_EGRESS_WORD - the first line of one with rules */
#define TARGET_EGRESS_WORD "egress"

/**
 * target_parse - look at a target
 * @err: gets a sentence; @errlen > 0
 * Return: 0 or -EINVAL.
 */
int target_parse(struct target *t, const char *text, char *err, size_t errlen);

/** target_format - a target that is not TARGET_EGRESS as text, in the one way that all of
 * its meaning have
 * Return: @text.
 */
char *target_format(const struct target *t, char text[TARGET_FORMAT_MAX]);

/** target_rules - the rules of a target with egress, or NULL for other targets */
const char *target_rules(const char *text);

/**
 * target_where - what a connection is to lead to, for a log; printable
 * @text: a target
 * @asked: what the peer asks for, or NULL
 * @out: of @len bytes
 */
void target_where(const char *text, const char *asked, char *out, size_t len);

#endif /* POLICY_TARGET_H */
