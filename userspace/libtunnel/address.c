// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of services.
 */
#include <errno.h>
#include <string.h>
#include "internal.h"
#include "tunnel.h"

static int fill(struct sockaddr_tunnel *sa, const char *tunnel, size_t tunnel_len,
		const char *service, size_t service_len)
{
	int family;

	if ((tunnel_len && !tunnel_name_ok(tunnel, tunnel_len)) ||
	    !tunnel_name_ok(service, service_len)) {
		errno = EINVAL;
		return -1;
	}
	family = tunnel_family();
	if (family < 0)
		return -1;
	memset(sa, 0, sizeof(*sa));
	sa->st_family = family;
	if (tunnel_len)
		memcpy(sa->st_tunnel, tunnel, tunnel_len);
	memcpy(sa->st_service, service, service_len);
	return 0;
}

/* One byte more than a name may have is enough to know that it is too long. */
static size_t length(const char *name)
{
	return name ? strnlen(name, TUNNEL_ADDR_NAME + 1) : 0;
}

int tunnel_address(struct sockaddr_tunnel *sa, const char *tunnel, const char *service)
{
	return fill(sa, tunnel, length(tunnel), service, length(service));
}

int tunnel_parse(const char *text, struct sockaddr_tunnel *sa)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return fill(sa, NULL, 0, text, length(text));
	if (slash == text) {
		errno = EINVAL;
		return -1;
	}
	return fill(sa, text, slash - text, slash + 1, length(slash + 1));
}
