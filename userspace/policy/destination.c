// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "destination.h"
#include "request.h"
#include "tnl.h"

/* RFC 1035, 2.3.4 */
#define LABEL_MAX 63

/* inet_aton(), which resolvers ask first, takes octal, hexadecimal and fewer than four. */
static bool is_number(const char *label, size_t len)
{
	if (!strncmp(label, "0x", 2))
		return strspn(label + 2, "0123456789abcdef") == len - 2;
	return strspn(label, "0123456789") == len;
}

const char *destination_name(char host[DESTINATION_HOST_MAX + 1], const char *text, size_t len)
{
	char name[REQUEST_HOST_MAX + 1];
	const char *label = name;
	size_t n;

	if (!len || !request_host(name, (struct text){ text, len }, false))
		return "is no host name";
	n = strlen(name);
	if (n > DESTINATION_HOST_MAX)
		return "is longer than a host name can be";
	memcpy(host, name, n + 1);
	for (;;) {
		n = strcspn(label, ".");
		if (n > LABEL_MAX)
			return "has a label of more than 63 bytes";
		if (!label[n])
			break;
		label += n + 1;
	}
	return is_number(label, n) ? "ends in a number, as no host name does" : NULL;
}

bool destination_port(uint16_t *port, const char *text, size_t len)
{
	unsigned int value = 0;
	size_t i;

	if (!len || len > 5 || text[0] == '0')
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*port = value;
	return value <= UINT16_MAX;
}

/* inet_pton() stops at a NUL, and is not told where the text ends. */
static bool is_address(int family, void *address, const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy) || memchr(text, 0, len))
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	return inet_pton(family, copy, address) == 1;
}

static void set_inet(struct destination *d, const void *address)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&d->addr;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(d->port);
	memcpy(&sin->sin_addr, address, sizeof(sin->sin_addr));
}

static const char *read_inet6(struct destination *d, const char *text, size_t len)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&d->addr;
	struct in6_addr a;

	if (!is_address(AF_INET6, &a, text, len))
		return "has in its brackets what is no IPv6 address";
	if (IN6_IS_ADDR_V4MAPPED(&a)) {
		set_inet(d, a.s6_addr + 12);
		return NULL;
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(d->port);
	sin6->sin6_addr = a;
	return NULL;
}

static const char *read_host(struct destination *d, const char *text, size_t len)
{
	struct in_addr a;

	if (len && text[0] == '[') {
		if (text[len - 1] != ']')
			return "has no ']' before its port";
		return read_inet6(d, text + 1, len - 2);
	}
	if (len && memchr(text, ':', len))
		return "is an IPv6 address without brackets, or none: [ADDRESS]:PORT";
	if (is_address(AF_INET, &a, text, len)) {
		set_inet(d, &a);
		return NULL;
	}
	return destination_name(d->host, text, len);
}

static const char *parse(struct destination *d, const char *text, size_t len)
{
	const char *colon;
	size_t host;

	if (!len)
		return "is empty: HOST:PORT";
	if (len > DESTINATION_MAX)
		return "is longer than 261 bytes";
	colon = memrchr(text, ':', len);
	if (!colon || text[len - 1] == ']')
		return "has no port: HOST:PORT";
	host = colon - text;
	if (!destination_port(&d->port, colon + 1, len - host - 1))
		return "has a port that is no number from 1 to 65535";
	return read_host(d, text, host);
}

const char *destination_parse(struct destination *d, const char *text, size_t len)
{
	const char *why;

	memset(d, 0, sizeof(*d));
	why = parse(d, text, len);
	if (why)
		memset(d, 0, sizeof(*d));
	return why;
}

char *destination_format(const struct destination *d, char text[DESTINATION_MAX + 1])
{
	char address[TNL_ADDRSTRLEN];

	if (d->addr.ss_family)
		snprintf(text, DESTINATION_MAX + 1, "%s",
			 tnl_format_addr(&d->addr, sizeof(d->addr), address));
	else
		snprintf(text, DESTINATION_MAX + 1, "%s:%u", d->host, d->port);
	return text;
}
