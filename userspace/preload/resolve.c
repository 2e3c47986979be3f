// SPDX-License-Identifier: GPL-2.0
/*
 * Names: the C library is asked for the numeric address that was made up instead. So
 * its answers have the form and the memory that they always have.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "preload.h"

EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **res)
{
	int number = node && !(hints && hints->ai_flags & AI_NUMERICHOST) ? route_name(node) : 0;
	int family = hints && hints->ai_family == AF_INET6 ? AF_INET6 : AF_INET;
	char text[MAP_TEXT_MAX], *name;
	int ret;

	if (number < 0)
		return EAI_NONAME;
	if (!number)
		return real(getaddrinfo)(node, service, hints, res);
	ret = real(getaddrinfo)(map_number_text(number, family, text), service, hints, res);
	if (ret || !(*res)->ai_canonname)
		return ret;
	name = strdup(node);
	if (!name) {
		freeaddrinfo(*res);
		return EAI_MEMORY;
	}
	free((*res)->ai_canonname);
	(*res)->ai_canonname = name;
	return 0;
}

/* Return: what to ask for, or NULL if there is no such name. */
static const char *ask_for(const char *name, int family, char text[MAP_TEXT_MAX])
{
	int number = name ? route_name(name) : 0;

	if (number < 0)
		return NULL;
	return number ? map_number_text(number, family, text) : name;
}

static struct hostent *no_host(void)
{
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

EXPORT struct hostent *gethostbyname(const char *name)
{
	char text[MAP_TEXT_MAX];

	name = ask_for(name, AF_INET, text);
	return name ? real(gethostbyname)(name) : no_host();
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
	char text[MAP_TEXT_MAX];

	name = ask_for(name, family, text);
	return name ? real(gethostbyname2)(name, family) : no_host();
}

static int no_host_r(struct hostent **result, int *h_err)
{
	*result = NULL;
	*h_err = HOST_NOT_FOUND;
	return ENOENT;
}

EXPORT int gethostbyname_r(const char *name, struct hostent *ret, char *buf, size_t buflen,
			   struct hostent **result, int *h_err)
{
	char text[MAP_TEXT_MAX];

	name = ask_for(name, AF_INET, text);
	return name ? real(gethostbyname_r)(name, ret, buf, buflen, result, h_err) :
		      no_host_r(result, h_err);
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buf,
			    size_t buflen, struct hostent **result, int *h_err)
{
	char text[MAP_TEXT_MAX];

	name = ask_for(name, family, text);
	return name ? real(gethostbyname2_r)(name, family, ret, buf, buflen, result, h_err) :
		      no_host_r(result, h_err);
}
