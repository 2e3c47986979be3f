/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What files of libtunnel and the preload library share, and no program sees.
 */
#ifndef TUNNEL_INTERNAL_H
#define TUNNEL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/tunnel.h>

/** tunnel_name_ok - are these @len bytes the name of a tunnel or service? */
static inline bool tunnel_name_ok(const char *name, size_t len)
{
	size_t i;

	if (len == 0 || len > TUNNEL_ADDR_NAME)
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}

/** tunnel_family_forget - the number is no longer right: ask again */
void tunnel_family_forget(void);

/** tunnel_socket - socket() of the family, by its present number. Return: as socket(2). */
int tunnel_socket(int type);

#endif
