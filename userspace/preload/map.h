/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which TCP destinations lead to which services, as text and as addresses. Pure:
 * tunnelctl checks with it what the preload library will read.
 */
#ifndef TUNNEL_MAP_H
#define TUNNEL_MAP_H

#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/tunnel.h>

/* The variable: entries HOST:PORT=TUNNEL/SERVICE with commas between them. */
#define MAP_VARIABLE "TUNNEL_MAP"
#define MAP_MAX	     256
#define MAP_HOST_MAX 253 /* RFC 1035, 2.3.4, as text */

/* SERVICE.TUNNEL.tunnel.internal; .internal is for private use (ICANN, 2024). */
#define MAP_DOMAIN ".tunnel.internal"

/**
 * struct map_target - a service
 * @tunnel, @service: names, with a final zero
 */
struct map_target {
	char tunnel[TUNNEL_ADDR_NAME + 1];
	char service[TUNNEL_ADDR_NAME + 1];
};

/**
 * struct map_entry - one HOST:PORT=TUNNEL/SERVICE
 * @host: name in lower case without a final dot; "" when it is an address
 * @addr: that address; IPv4 as ::ffff:a.b.c.d
 * @port: 1..65535, host order
 */
struct map_entry {
	char host[MAP_HOST_MAX + 1];
	struct in6_addr addr;
	uint16_t port;
	struct map_target to;
};

/**
 * map_parse - read the @len bytes of one entry
 * Return: NULL, or what is wrong with it: a part of a sentence.
 */
const char *map_parse(const char *text, size_t len, struct map_entry *entry);

/**
 * map_host - a name as it is compared: lower case, no final dot
 * Return: 0, or -1 when it cannot be the name of a host.
 */
int map_host(const char *name, size_t len, char host[MAP_HOST_MAX + 1]);

/**
 * map_domain - is @host (of map_host()) below MAP_DOMAIN, and which service is it?
 *
 * The tunnel is the label before the domain, the service all before that.
 * Return: 0, it is not; 1, @to is filled in; -1, it is, but has no such names.
 */
int map_domain(const char *host, struct map_target *to);

/*
 * Names get addresses out of these blocks by number, 1..MAP_NUMBER_MAX. No host has
 * such an address: 240.0.0.0/4 is reserved (RFC 1112), 100::/64 is to be discarded
 * (RFC 6666). So a connection that escapes us leads nowhere, which an address of
 * 127.0.0.0/8 would not promise: services listen on all of those.
 */
#define MAP_NUMBER_MAX 0xffff
#define MAP_TEXT_MAX   INET6_ADDRSTRLEN

/** map_number_text - address with this number, AF_INET or AF_INET6. Return: @text. */
const char *map_number_text(unsigned int number, int family, char text[MAP_TEXT_MAX]);

/** map_address - address and port of @sa. Return: 0, or -1 if it is not of the Internet. */
int map_address(const struct sockaddr *sa, socklen_t len, struct in6_addr *addr, uint16_t *port);

/** map_number - number of an address out of the blocks. Return: it, or -1 for others. */
int map_number(const struct in6_addr *addr);

#endif
