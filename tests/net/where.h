/* SPDX-License-Identifier: GPL-2.0 */
/* Where a test program connects to or listens: by TCP, or in the tunnel itself. */
#ifndef _TESTS_WHERE_H
#define _TESTS_WHERE_H

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/tunnel.h>

/*
 * An address and a port; or "tunnel:NAME" and a service, NAME empty to listen. What it
 * returns stays. NULL: it has been said why.
 */
static struct addrinfo *where(const char *host, const char *port)
{
	static const char prefix[] = "tunnel:";
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *ai;
	const char *family = getenv("TUNNEL_FAMILY");
	struct sockaddr_tunnel *st;
	int r;

	if (strncmp(host, prefix, strlen(prefix))) {
		r = getaddrinfo(host, port, &hints, &ai);
		if (!r)
			return ai;
		fprintf(stderr, "%s port %s: %s\n", host, port, gai_strerror(r));
		return NULL;
	}
	host += strlen(prefix);
	ai = calloc(1, sizeof(*ai));
	st = calloc(1, sizeof(*st));
	if (!ai || !st)
		abort();
	st->st_family = (sa_family_t)(family ? atoi(family) : 25);
	memcpy(st->st_tunnel, host, strnlen(host, TUNNEL_ADDR_NAME));
	memcpy(st->st_service, port, strnlen(port, TUNNEL_ADDR_NAME));
	ai->ai_family = st->st_family;
	ai->ai_addr = (struct sockaddr *)st;
	ai->ai_addrlen = sizeof(*st);
	return ai;
}

#endif /* _TESTS_WHERE_H */
