/* SPDX-License-Identifier: GPL-2.0 */
/* Where a connection goes: the first route that fits. Pure. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <sys/socket.h>

#include "request.h"

/** struct network - an address and how many of its bits count */
struct network {
	sa_family_t family; /* AF_INET, AF_INET6, or 0: any */
	uint8_t address[16];
	unsigned int bits;
};

/** struct route - what must be so (NULL, 0: whatever), and where it leads then */
struct route {
	const char *sni, *host; /* a name, "*.name" for what is below it, in lower case */
	const char *alpn;	/* one of the protocols that the client offers */
	/*
	 * A prefix that ends where a segment does. Compared as it was sent, so it says where
	 * a request goes, not who may send it: "/%61" is "/a" for most programs.
	 */
	const char *path;
	const char *header; /* a field of this name, in lower case, */
	const char *value;  /* and this value */
	int protocol;	    /* TUNNEL_PROTOCOL_*, or ROUTE_ANY */
	struct network source;
	const char *target; /* "tunnel/service" */
};

/** ROUTE_ANY - .protocol: whatever it is */
#define ROUTE_ANY (-1)

/** network_parse - "10.0.0.0/8", "2001:db8::/32", an address for just that one
 * Return: NULL, or what is wrong with it: a sentence without its subject.
 */
const char *network_parse(struct network *n, const char *text);

/** NETWORK_TEXT_MAX - room for network_format() */
#define NETWORK_TEXT_MAX 64

/** network_format - as network_parse() takes it; without "/BITS" for one address
 * Return: @text.
 */
char *network_format(const struct network *n, char text[NETWORK_TEXT_MAX]);

/** network_has - is an address in a network? IPv4 in IPv6 (::ffff:0:0/96) is IPv4. */
bool network_has(const struct network *n, const struct sockaddr_storage *a);

/** route_find - the first of @n routes that fits
 * @r: what is known; what is not known fits no route that asks for it
 * Return: its index, or -1.
 */
int route_find(const struct route *routes, size_t n, const struct request *r,
	       const struct sockaddr_storage *source);

/** route_waiting - of an HTTP/2 connection of which nothing but the preface is known
 *
 * Its client may wait for the other side before it asks for anything.
 * @r: what the handshake of TLS that ends with us has told, else nothing
 * Return: the index of the route that it takes whatever it asks for, or -1.
 */
int route_waiting(const struct route *routes, size_t n, const struct request *r,
		  const struct sockaddr_storage *source);

/** route_reads - must the bytes of a connection be looked at to choose?
 * @edge: its TLS ends with us, whose handshake tells name and protocol
 *
 * Not if what decides is known before, or all lead to the same place whatever comes.
 */
bool route_reads(const struct route *routes, size_t n, bool edge);

#endif /* POLICY_ROUTE_H */
