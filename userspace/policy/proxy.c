// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proxy.h"

#define V1	"PROXY "
#define V1_MAX	107 /* with its end (2.1) */
#define V2_HEAD 16

static const uint8_t v2_signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 'Q', 'U', 'I', 'T', 0x0a,
};

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };
enum { V2_TCP4_LEN = 12, V2_TCP6_LEN = 36 };

static bool begins(const uint8_t *bytes, size_t len, const void *with, size_t n)
{
	return !memcmp(bytes, with, len < n ? len : n);
}

static bool is_v2(const uint8_t *bytes, size_t len)
{
	return begins(bytes, len, v2_signature, sizeof(v2_signature));
}

static bool is_v1(const uint8_t *bytes, size_t len)
{
	return begins(bytes, len, V1, strlen(V1));
}

/* Of a header that may have begun: where it ends; or more than @len: that is behind it. */
static size_t end_of(const uint8_t *bytes, size_t len)
{
	const uint8_t *newline;

	if (is_v2(bytes, len))
		return len < V2_HEAD ? V2_HEAD : V2_HEAD + (size_t)(bytes[14] << 8 | bytes[15]);
	/* What is none is looked at as it came. */
	newline = is_v1(bytes, len) ? memchr(bytes, '\n', len) : NULL;
	return newline ? (size_t)(newline - bytes) + 1 : len + 1;
}

size_t proxy_take(const uint8_t *bytes, size_t len, size_t n)
{
	size_t end = end_of(bytes, len + n);

	if (end >= len + n)
		return n;
	return end > len ? end - len : 0;
}

/* --- version 1 ------------------------------------------------------------- */

static void set_inet(struct sockaddr_storage *a, const void *address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)a;

	in->sin_family = AF_INET;
	memcpy(&in->sin_addr, address, 4);
	in->sin_port = htons(port);
}

static void set_inet6(struct sockaddr_storage *a, const void *address, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)a;

	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, address, 16);
	in6->sin6_port = htons(port);
}

static bool read_end(struct sockaddr_storage *a, int family, const char *address, const char *port)
{
	uint8_t bytes[16];
	unsigned long n;

	if (!address || !port || inet_pton(family, address, bytes) != 1)
		return false;
	/* decimal, without zeros before it (2.1) */
	if (!*port || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) ||
	    (*port == '0' && port[1]))
		return false;
	n = strtoul(port, NULL, 10);
	if (n > 65535)
		return false;
	if (family == AF_INET)
		set_inet(a, bytes, n);
	else
		set_inet6(a, bytes, n);
	return true;
}

static enum proxy_verdict parse_v1(struct proxy_ends *ends, const uint8_t *bytes, size_t len,
				   const char **why)
{
	char line[V1_MAX + 1], *at = line + strlen(V1), *word[5];
	unsigned int n;
	int family;

	if (len > V1_MAX || (len == V1_MAX && bytes[len - 1] != '\n')) {
		*why = "is longer than a header of version 1 may be";
		return PROXY_BAD;
	}
	if (bytes[len - 1] != '\n')
		return PROXY_MORE;
	*why = "is no header of version 1: PROXY { TCP4 | TCP6 } SOURCE DESTINATION PORT PORT";
	if (len < 2 || bytes[len - 2] != '\r' || memchr(bytes, 0, len) || len < strlen(V1) + 2)
		return PROXY_BAD;
	memcpy(line, bytes, len - 2);
	line[len - 2] = 0;
	/* what is behind that word does not matter (2.1) */
	if (!strncmp(at, "UNKNOWN", 7) && (!at[7] || at[7] == ' '))
		return PROXY_DONE;
	/* one blank between, so not strtok_r() */
	for (n = 0; n < 5; n++)
		word[n] = strsep(&at, " ");
	if (at || !word[4])
		return PROXY_BAD;
	family = !strcmp(word[0], "TCP4") ? AF_INET : !strcmp(word[0], "TCP6") ? AF_INET6 : 0;
	if (!family || !read_end(&ends->source, family, word[1], word[3]) ||
	    !read_end(&ends->local, family, word[2], word[4]))
		return PROXY_BAD;
	return PROXY_DONE;
}

/* --- version 2 ------------------------------------------------------------- */

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static enum proxy_verdict parse_v2(struct proxy_ends *ends, const uint8_t *bytes, size_t len,
				   const char **why)
{
	const uint8_t *a = bytes + V2_HEAD;
	size_t n;

	if (len < V2_HEAD)
		return PROXY_MORE;
	n = get16(bytes + 14);
	if (V2_HEAD + n > PROXY_BYTES_MAX) {
		*why = "is a header of version 2 that is longer than 2048 bytes";
		return PROXY_BAD;
	}
	if (bytes[12] != V2_LOCAL && bytes[12] != V2_PROXY) {
		*why = "is a header of version 2 with an unknown command";
		return PROXY_BAD;
	}
	if (len < V2_HEAD + n)
		return PROXY_MORE;
	/* its own connection, a health check (2.2); or what has no address that we know */
	if (bytes[12] == V2_LOCAL)
		return PROXY_DONE;
	switch (bytes[13]) {
	case V2_TCP4:
		if (n < V2_TCP4_LEN)
			break;
		set_inet(&ends->source, a, get16(a + 8));
		set_inet(&ends->local, a + 4, get16(a + 10));
		return PROXY_DONE;
	case V2_TCP6:
		if (n < V2_TCP6_LEN)
			break;
		set_inet6(&ends->source, a, get16(a + 32));
		set_inet6(&ends->local, a + 16, get16(a + 34));
		return PROXY_DONE;
	default:
		/* families and transports there are: the receiver may use its own (2.2) */
		if (bytes[13] >> 4 <= 3 && (bytes[13] & 0xf) <= 2)
			return PROXY_DONE;
		*why = "is a header of version 2 with an unknown family";
		return PROXY_BAD;
	}
	*why = "is a header of version 2 without room for its addresses";
	return PROXY_BAD;
}

enum proxy_verdict proxy_parse(struct proxy_ends *ends, const uint8_t *bytes, size_t len,
			       const char **why)
{
	memset(ends, 0, sizeof(*ends));
	if (!len)
		return PROXY_MORE;
	if (is_v2(bytes, len))
		return parse_v2(ends, bytes, len, why);
	if (is_v1(bytes, len))
		return parse_v1(ends, bytes, len, why);
	*why = "does not begin with a PROXY header";
	return PROXY_BAD;
}

/* --- writing --------------------------------------------------------------- */

/* As IPv6, IPv4 in it; what is not known has no bits set. */
static uint16_t as_inet6(const struct sockaddr_storage *a, bool other_is_4, uint8_t out[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *in = (const struct sockaddr_in *)a;

	memset(out, 0, 16);
	if (a->ss_family == AF_INET6) {
		memcpy(out, &in6->sin6_addr, 16);
		return ntohs(in6->sin6_port);
	}
	if (a->ss_family == AF_INET || other_is_4)
		memcpy(out, mapped, sizeof(mapped));
	if (a->ss_family != AF_INET)
		return 0;
	memcpy(out + 12, &in->sin_addr, 4);
	return ntohs(in->sin_port);
}

static bool is_mapped(const uint8_t address[16])
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address);
}

static size_t write_v1(uint8_t *out, bool four, const uint8_t *source, const uint8_t *local,
		       uint16_t source_port, uint16_t local_port)
{
	char from[INET6_ADDRSTRLEN] = "", to[INET6_ADDRSTRLEN] = "";
	int family = four ? AF_INET : AF_INET6, skip = four ? 12 : 0;

	inet_ntop(family, source + skip, from, sizeof(from));
	inet_ntop(family, local + skip, to, sizeof(to));
	return snprintf((char *)out, PROXY_WRITE_MAX, V1 "TCP%c %s %s %u %u\r\n", four ? '4' : '6',
			from, to, source_port, local_port);
}

static size_t write_v2(uint8_t *out, bool four, const uint8_t *source, const uint8_t *local,
		       uint16_t source_port, uint16_t local_port)
{
	size_t skip = four ? 12 : 0, n = 16 - skip;
	uint8_t *p = out + V2_HEAD;

	memcpy(out, v2_signature, sizeof(v2_signature));
	out[12] = V2_PROXY;
	out[13] = four ? V2_TCP4 : V2_TCP6;
	out[14] = 0;
	out[15] = four ? V2_TCP4_LEN : V2_TCP6_LEN;
	memcpy(p, source + skip, n);
	memcpy(p + n, local + skip, n);
	p += 2 * n;
	p[0] = source_port >> 8;
	p[1] = source_port;
	p[2] = local_port >> 8;
	p[3] = local_port;
	return V2_HEAD + out[15];
}

size_t proxy_write(uint8_t out[PROXY_WRITE_MAX], int version, const struct proxy_ends *ends)
{
	uint8_t source[16], local[16];
	uint16_t source_port, local_port;
	bool four;

	if (!ends->source.ss_family && version == 1)
		return snprintf((char *)out, PROXY_WRITE_MAX, V1 "UNKNOWN\r\n");
	if (!ends->source.ss_family) {
		memcpy(out, v2_signature, sizeof(v2_signature));
		memcpy(out + 12, (const uint8_t[]){ V2_PROXY, V2_UNSPEC, 0, 0 }, 4);
		return V2_HEAD;
	}
	source_port = as_inet6(&ends->source, false, source);
	local_port = as_inet6(&ends->local, is_mapped(source), local);
	four = is_mapped(source) && is_mapped(local);
	return (version == 1 ? write_v1 : write_v2)(out, four, source, local, source_port,
						    local_port);
}
