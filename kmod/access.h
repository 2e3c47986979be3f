/* SPDX-License-Identifier: GPL-2.0 */
/* Access lists: which networks may use a service. Pure. */
#ifndef _TUNNEL_ACCESS_H
#define _TUNNEL_ACCESS_H

#include "pure.h"
#include <linux/tunnel_netlink.h>

bool tnl_access_ok(const void *list, size_t len);
bool tnl_access_allows(const struct tunnel_network *net, size_t n, const u8 *source);

#endif /* _TUNNEL_ACCESS_H */
