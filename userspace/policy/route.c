// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/tunnel.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "route.h"

const char *network_parse(struct network *n, const char *text)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int most, i;
	char *end;
	long bits;

	if (len >= sizeof(address))
		return "is no address";
	memcpy(address, text, len);
	address[len] = 0;
	memset(n, 0, sizeof(*n));
	if (inet_pton(AF_INET, address, n->address) == 1)
		n->family = AF_INET;
	else if (inet_pton(AF_INET6, address, n->address) == 1)
		n->family = AF_INET6;
	else
		return "is no address";
	if (n->family == AF_INET6 && !memcmp(n->address, mapped, sizeof(mapped)))
		return "is IPv4 in IPv6: write it as IPv4";
	most = n->family == AF_INET ? 32 : 128;
	n->bits = most;
	if (!slash)
		return NULL;
	bits = strtol(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > (long)most)
		return "has a prefix length that its family has not";
	n->bits = bits;
	for (i = n->bits; i < most; i++)
		if (n->address[i / 8] & 0x80 >> i % 8)
			return "has bits behind its prefix";
	return NULL;
}

char *network_format(const struct network *n, char text[NETWORK_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN] = "";
	bool one = n->bits == (n->family == AF_INET ? 32 : 128);

	inet_ntop(n->family, n->address, address, sizeof(address));
	if (one)
		snprintf(text, NETWORK_TEXT_MAX, "%s", address);
	else
		snprintf(text, NETWORK_TEXT_MAX, "%s/%u", address, n->bits);
	return text;
}

bool network_has(const struct network *n, const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *a6 = (const void *)a;
	const uint8_t *address;
	sa_family_t family = a->ss_family;
	unsigned int whole = n->bits / 8, rest = n->bits % 8;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr)) {
		family = AF_INET;
		address = a6->sin6_addr.s6_addr + 12;
	} else if (family == AF_INET6) {
		address = a6->sin6_addr.s6_addr;
	} else {
		address = (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
	}
	if (family != n->family || memcmp(address, n->address, whole))
		return false;
	return !rest || !((address[whole] ^ n->address[whole]) >> (8 - rest));
}

/* "*.example.org": what has something before ".example.org" */
static bool name_fits(const char *pattern, const char *name)
{
	size_t n = strlen(name), suffix;

	if (pattern[0] != '*')
		return !strcmp(pattern, name);
	suffix = strlen(pattern + 1);
	return n > suffix && !strcmp(name + n - suffix, pattern + 1);
}

static bool alpn_fits(const char *want, const struct request *r)
{
	unsigned int i;

	for (i = 0; i < r->n_alpn; i++)
		if (r->alpn[i].len == strlen(want) && !memcmp(r->alpn[i].p, want, r->alpn[i].len))
			return true;
	return false;
}

/* "/api": "/api", "/api/x", not "/apix"; "/api/": what is below it */
static bool path_fits(const char *prefix, struct text path)
{
	size_t n = strlen(prefix);

	if (!path.p || path.len < n || memcmp(path.p, prefix, n))
		return false;
	return path.len == n || (n && prefix[n - 1] == '/') || path.p[n] == '/';
}

static bool header_fits(const struct route *route, const struct request *r)
{
	unsigned int i;

	for (i = 0; i < r->n_headers; i++) {
		const struct header *h = &r->headers[i];

		if (text_is(h->name, route->header) &&
		    (!route->value || (h->value.len == strlen(route->value) &&
				       !memcmp(h->value.p, route->value, h->value.len))))
			return true;
	}
	return false;
}

static bool fits(const struct route *t, const struct request *r,
		 const struct sockaddr_storage *source)
{
	return (!t->sni || name_fits(t->sni, r->sni)) &&
	       (!t->host || name_fits(t->host, r->host)) && (!t->alpn || alpn_fits(t->alpn, r)) &&
	       (!t->path || path_fits(t->path, r->path)) && (!t->header || header_fits(t, r)) &&
	       (t->protocol == ROUTE_ANY || t->protocol == r->protocol) &&
	       (!t->source.family || network_has(&t->source, source));
}

int route_find(const struct route *routes, size_t n, const struct request *r,
	       const struct sockaddr_storage *source)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fits(&routes[i], r, source))
			return i;
	return -1;
}

int route_waiting(const struct route *routes, size_t n, const struct request *r,
		  const struct sockaddr_storage *source)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct route *t = &routes[i];

		if ((t->sni && !name_fits(t->sni, r->sni)) || (t->alpn && !alpn_fits(t->alpn, r)) ||
		    (t->source.family && !network_has(&t->source, source)) ||
		    (t->protocol != ROUTE_ANY && t->protocol != TUNNEL_PROTOCOL_HTTP2 &&
		     t->protocol != TUNNEL_PROTOCOL_GRPC))
			continue;
		/* HTTP/2 may be gRPC yet. */
		if (t->host || t->path || t->header || t->protocol != ROUTE_ANY)
			return -1;
		return i;
	}
	return -1;
}

bool route_reads(const struct route *routes, size_t n, bool edge)
{
	bool same = true, asks = false;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct route *t = &routes[i];

		same = same && !strcmp(t->target, routes[0].target);
		if (t->host || t->path || t->header || t->protocol != ROUTE_ANY ||
		    (!edge && (t->sni || t->alpn)))
			asks = true;
		else if (!t->source.family && !t->sni && !t->alpn)
			/* It takes all that is left. */
			return asks && !same;
	}
	return asks;
}
