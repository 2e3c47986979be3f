/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a service leads that the daemon connects, as text that the kernel keeps:
 *
 *	unix:/run/app.sock		a unix stream socket
 *	db.example.org:5432		a name, resolved for each connection
 *	egress				what the peer asks for, if the lines behind it allow it
 *	allow name *.example.org port 443
 *
 * Pure.
 */
#ifndef POLICY_TARGET_H
#define POLICY_TARGET_H

#include <stddef.h>
#include <sys/un.h>

enum target_kind {
	TARGET_UNIX,
	TARGET_HOST,
	TARGET_EGRESS,
};

struct target {
	enum target_kind kind;
	struct sockaddr_un un; /* TARGET_UNIX */
	const char *rules;     /* TARGET_EGRESS: into the text, for egress_parse() */
};

/** TARGET_EGRESS_WORD - the first line of one with rules */
#define TARGET_EGRESS_WORD "egress"

/**
 * target_parse - look at a target
 * @err: gets a sentence; @errlen > 0
 * Return: 0 or -EINVAL.
 */
int target_parse(struct target *t, const char *text, char *err, size_t errlen);

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
