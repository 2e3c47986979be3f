// SPDX-License-Identifier: GPL-2.0
/*
 * Text of the map; numbers of addresses.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "../libtunnel/internal.h"
#include "map.h"

#define V4_BLOCK 0xf0540000U /* 240.84.0.0/16 */
#define V6_TAG	 0xf054	     /* 100::f054:NUMBER */

int map_host(const char *name, size_t len, char host[MAP_HOST_MAX + 1])
{
	size_t i;

	if (len && name[len - 1] == '.')
		len--;
	if (len == 0 || len > MAP_HOST_MAX)
		return -1;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return -1;
		host[i] = c;
	}
	host[len] = '\0';
	return 0;
}

static int target(const char *tunnel, size_t tunnel_len, const char *service, size_t service_len,
		  struct map_target *to)
{
	if (!tunnel_name_ok(tunnel, tunnel_len) || !tunnel_name_ok(service, service_len))
		return -1;
	memset(to, 0, sizeof(*to));
	memcpy(to->tunnel, tunnel, tunnel_len);
	memcpy(to->service, service, service_len);
	return 0;
}

int map_domain(const char *host, struct map_target *to)
{
	size_t len = strlen(host), suffix = strlen(MAP_DOMAIN), dot;

	/* The domain itself is nobody's, and not for a name server to know either. */
	if (!strcmp(host, &MAP_DOMAIN[1]))
		return -1;
	if (len <= suffix || strcmp(host + len - suffix, MAP_DOMAIN))
		return 0;
	len -= suffix;
	for (dot = len; dot > 0 && host[dot - 1] != '.'; dot--)
		;
	if (dot < 2)
		return -1;
	return target(host + dot, len - dot, host, dot - 1, to) ? -1 : 1;
}

/* Digits only, up to @end. Return: the port, or 0. */
static unsigned int port_of(const char *text, const char *end)
{
	unsigned int port = 0;

	if (text == end || end - text > 5)
		return 0;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		port = port * 10 + (*text - '0');
	}
	return port > 65535 ? 0 : port;
}

static void v4_as_v6(const struct in_addr *v4, struct in6_addr *v6)
{
	memset(v6, 0, sizeof(*v6));
	memset(v6->s6_addr + 10, 0xff, 2);
	memcpy(v6->s6_addr + 12, v4, sizeof(*v4));
}

/* HOST: a name, an IPv4 address, or an IPv6 address in brackets */
static const char *host_of(const char *text, size_t len, struct map_entry *entry)
{
	char copy[MAP_HOST_MAX + 1];
	struct in_addr v4;

	if (len && text[0] == '[') {
		if (len < 3 || text[len - 1] != ']' || len - 2 >= INET6_ADDRSTRLEN)
			return "what is in brackets is no IPv6 address";
		memcpy(copy, text + 1, len - 2);
		copy[len - 2] = '\0';
		if (inet_pton(AF_INET6, copy, &entry->addr) != 1)
			return "what is in brackets is no IPv6 address";
		return NULL;
	}
	if (map_host(text, len, entry->host))
		return "HOST is no name (an IPv6 address goes in brackets)";
	if (inet_pton(AF_INET, entry->host, &v4) == 1) {
		entry->host[0] = '\0';
		v4_as_v6(&v4, &entry->addr);
		return NULL;
	}
	/* "1", "127.1": addresses for some functions, names for others */
	if (strspn(entry->host, "0123456789.") == strlen(entry->host))
		return "HOST is no name, and no address of four numbers";
	return NULL;
}

const char *map_parse(const char *text, size_t len, struct map_entry *entry)
{
	const char *end = text + len, *equals = memchr(text, '=', len), *colon, *slash, *why;

	memset(entry, 0, sizeof(*entry));
	if (!equals)
		return "no '=' in it";
	for (colon = equals; colon > text && colon[-1] != ':'; colon--)
		;
	if (colon == text)
		return "no ':' before the port";
	entry->port = port_of(colon, equals);
	if (!entry->port)
		return "PORT is no number from 1 to 65535";
	why = host_of(text, colon - 1 - text, entry);
	if (why)
		return why;
	slash = memchr(equals + 1, '/', end - equals - 1);
	if (!slash)
		return "no '/' between tunnel and service";
	if (target(equals + 1, slash - equals - 1, slash + 1, end - slash - 1, &entry->to))
		return "names of tunnel and service have 1 to 63 of a-z, 0-9, '.', '_', '-'";
	return NULL;
}

const char *map_number_text(unsigned int number, int family, char text[MAP_TEXT_MAX])
{
	if (family == AF_INET6)
		snprintf(text, MAP_TEXT_MAX, "100::%x:%x", V6_TAG, number & 0xffff);
	else
		snprintf(text, MAP_TEXT_MAX, "%u.%u.%u.%u", V4_BLOCK >> 24, V4_BLOCK >> 16 & 0xff,
			 number >> 8 & 0xff, number & 0xff);
	return text;
}

int map_address(const struct sockaddr *sa, socklen_t len, struct in6_addr *addr, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (!sa || len < sizeof(sa->sa_family))
		return -1;
	if (sa->sa_family == AF_INET && len >= sizeof(in)) {
		memcpy(&in, sa, sizeof(in));
		v4_as_v6(&in.sin_addr, addr);
		*port = ntohs(in.sin_port);
		return 0;
	}
	/* RFC 2133 had an address without scope: the kernel takes it */
	if (sa->sa_family == AF_INET6 && len >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
		memcpy(&in6, sa, offsetof(struct sockaddr_in6, sin6_scope_id));
		*addr = in6.sin6_addr;
		*port = ntohs(in6.sin6_port);
		return 0;
	}
	return -1;
}

int map_number(const struct in6_addr *addr)
{
	static const uint8_t v4[] = { [10] = 0xff, 0xff, V4_BLOCK >> 24, V4_BLOCK >> 16 & 0xff };
	static const uint8_t v6[] = { 1, [12] = V6_TAG >> 8, V6_TAG & 0xff };

	_Static_assert(sizeof(v4) == 14 && sizeof(v6) == 14, "the number is the last two bytes");
	if (memcmp(addr, v4, sizeof(v4)) && memcmp(addr, v6, sizeof(v6)))
		return -1;
	return addr->s6_addr[14] << 8 | addr->s6_addr[15];
}
